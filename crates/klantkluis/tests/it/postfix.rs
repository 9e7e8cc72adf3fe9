//! A Postfix of its own in a temporary folder, as receiver, smarthost or sender; with milters and policy services when wanted.
//!
//! Runs as root, as Postfix must; every process of it belongs to one process group, which ends with the value.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::free_port;

/// Longest wait for a start, an end, or a message.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// The user that owns what was delivered.
const NOBODY: u32 = 65_534;

/// What a Postfix is to be.
#[derive(Default)]
pub(crate) struct PostfixOptions {
    /// Its name; empty for `post.test`.
    pub hostname: String,
    /// Domains it takes mail for; everything goes to one maildir.
    pub domains: Vec<String>,
    /// Milters that it asks about mail by SMTP, such as `inet:127.0.0.1:8891` or `unix:/path`.
    pub milters: Vec<String>,
    /// A policy service, such as `inet:127.0.0.1:10031`, asked at RCPT.
    pub policy: Option<String>,
    /// Folder with `cert.pem` and `key.pem` for STARTTLS; without it there is none.
    pub tls: Option<PathBuf>,
    /// More lines of main.cf; they win over those above.
    pub main: String,
    /// More lines of master.cf.
    pub master: String,
    /// A resolv.conf for it and for what it starts (in a mount namespace of its own); without it that of the machine.
    pub resolv_conf: Option<PathBuf>,
    /// The port; without it a free one.
    pub port: Option<u16>,
}

/// A running Postfix.
pub(crate) struct Postfix {
    pub folder: TempDir,
    /// Where it takes mail, on 127.0.0.1.
    pub port: u16,
    child: Child,
}

impl Postfix {
    pub(crate) fn start(options: &PostfixOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        // Its processes run as other users and look into the folder.
        fs::set_permissions(at, fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["etc", "queue", "data", "mail"] {
            fs::create_dir(at.join(name)).unwrap();
        }
        own(&at.join("data"), "postfix");
        chown(at.join("mail"), Some(NOBODY), Some(NOBODY)).unwrap();
        let port = options.port.unwrap_or_else(free_port);
        fs::write(at.join("etc/main.cf"), main_cf(at, options)).unwrap();
        fs::write(at.join("etc/master.cf"), master_cf(port, options)).unwrap();
        let child = spawn(at, options.resolv_conf.as_deref());
        let mut postfix = Self { folder, port, child };
        postfix.wait_until_it_answers();
        postfix
    }

    fn wait_until_it_answers(&mut self) {
        let begun = Instant::now();
        while !greets(self.port) {
            let ended = self.child.try_wait().unwrap().is_some();
            assert!(!ended && begun.elapsed() < WAIT_MAX, "Postfix does not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        read("log") + &read("output")
    }

    /// The messages that arrived, in the order of their names.
    pub(crate) fn messages(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.folder.path().join("mail/in/new")) else { return Vec::new() };
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned()).collect()
    }

    /// How many messages arrived.
    pub(crate) fn count(&self) -> usize {
        fs::read_dir(self.folder.path().join("mail/in/new")).map_or(0, Iterator::count)
    }

    /// Waits until so many messages arrived, and gives them.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) -> Vec<String> {
        let begun = Instant::now();
        while self.count() < count {
            assert!(begun.elapsed() < WAIT_MAX, "{} of {count} arrived: {}", self.count(), self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        self.messages()
    }

    /// Ends it as an operator would, and waits; its folder stays.
    pub(crate) fn stop(&mut self) {
        end(&mut self.child);
    }

    /// Starts it again at the same port.
    pub(crate) fn start_again(&mut self, options: &PostfixOptions) {
        // What the last one left would look like a running one.
        let _ = fs::remove_file(self.folder.path().join("queue/pid/master.pid"));
        self.child = spawn(self.folder.path(), options.resolv_conf.as_deref());
        self.wait_until_it_answers();
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn main_cf(at: &Path, options: &PostfixOptions) -> String {
    let hostname = if options.hostname.is_empty() { "post.test" } else { &options.hostname };
    let tls = options.tls.as_ref().map_or_else(
        || "smtpd_tls_security_level = none\n".to_owned(),
        |folder| {
            format!(
                "smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {0}/cert.pem\nsmtpd_tls_key_file = {0}/key.pem\n",
                folder.display()
            )
        },
    );
    let policy = options.policy.as_ref().map_or_else(String::new, |policy| {
        format!("smtpd_recipient_restrictions = reject_unauth_destination, check_policy_service {policy}\n")
    });
    format!(
        "compatibility_level = 3.6\nqueue_directory = {at}/queue\ndata_directory = {at}/data\n\
         maillog_file = {at}/log\nmaillog_file_prefixes = {at}\nmyhostname = {hostname}\nmydestination =\n\
         inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 192.0.2.255/32\nsmtp_host_lookup = native\n\
         alias_maps =\nalias_database =\nlocal_recipient_maps =\nlocal_transport = error:no local mail\n\
         smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination\n\
         virtual_mailbox_domains = {domains}\nvirtual_mailbox_base = {at}/mail\nvirtual_mailbox_maps = static:in/\n\
         virtual_uid_maps = static:{NOBODY}\nvirtual_gid_maps = static:{NOBODY}\nvirtual_minimum_uid = 1\n\
         virtual_mailbox_limit = 0\nsmtpd_client_connection_rate_limit = 0\nsmtpd_client_connection_count_limit = 0\n\
         smtpd_milters = {milters}\nmilter_default_action = tempfail\nmilter_protocol = 6\n\
         smtpd_peername_lookup = no\nminimal_backoff_time = 2s\nqueue_run_delay = 2s\n{tls}{policy}{more}\n",
        at = at.display(),
        domains = options.domains.join(", "),
        milters = options.milters.join(", "),
        more = options.main,
    )
}

/// Without chroot: everything is in the folder.
fn master_cf(port: u16, options: &PostfixOptions) -> String {
    let mut text = format!("127.0.0.1:{port} inet n - n - - smtpd\n");
    for (name, kind, private, wakeup, most, command) in [
        ("pickup", "unix", "n", "60", "1", "pickup"),
        ("cleanup", "unix", "n", "-", "0", "cleanup"),
        ("qmgr", "unix", "n", "300", "1", "qmgr"),
        ("tlsmgr", "unix", "-", "1000?", "1", "tlsmgr"),
        ("rewrite", "unix", "-", "-", "-", "trivial-rewrite"),
        ("bounce", "unix", "-", "-", "0", "bounce"),
        ("defer", "unix", "-", "-", "0", "bounce"),
        ("trace", "unix", "-", "-", "0", "bounce"),
        ("verify", "unix", "-", "-", "1", "verify"),
        ("flush", "unix", "n", "1000?", "0", "flush"),
        ("proxymap", "unix", "-", "-", "-", "proxymap"),
        ("smtp", "unix", "-", "-", "-", "smtp"),
        ("relay", "unix", "-", "-", "-", "smtp"),
        ("showq", "unix", "n", "-", "-", "showq"),
        ("error", "unix", "-", "-", "-", "error"),
        ("retry", "unix", "-", "-", "-", "error"),
        ("discard", "unix", "-", "-", "-", "discard"),
        ("local", "unix", "-", "-", "-", "local"),
        ("virtual", "unix", "-", "-", "-", "virtual"),
        ("anvil", "unix", "-", "-", "1", "anvil"),
        ("scache", "unix", "-", "-", "1", "scache"),
        ("postlog", "unix-dgram", "n", "-", "1", "postlogd"),
    ] {
        // `virtual` and `local` deliver as other users.
        let unprivileged = if matches!(name, "virtual" | "local") { "n" } else { "-" };
        text.push_str(&format!("{name} {kind} {private} {unprivileged} n {wakeup} {most} {command}\n"));
    }
    text + &options.master
}

/// Lets Postfix make what it needs in its queue, then runs its master as a child of ours: `postfix start-fg` would put a
/// shell in between, and the master would outlive it.
fn spawn(at: &Path, resolv_conf: Option<&Path>) -> Child {
    let output = fs::OpenOptions::new().create(true).append(true).open(at.join("output")).unwrap();
    let settings = at.join("etc");
    let checked = Command::new("/usr/sbin/postfix")
        .arg("-c")
        .arg(&settings)
        .arg("check")
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output.try_clone().unwrap())
        .status()
        .unwrap_or_else(|error| panic!("postfix: {error}; ./test installs it"));
    assert!(checked.success(), "{}", fs::read_to_string(at.join("output")).unwrap());
    let folder = Command::new("/usr/sbin/postconf").args(["-h", "daemon_directory"]).output().unwrap();
    let master = format!("{}/master", String::from_utf8(folder.stdout).unwrap().trim());
    // `-s`: in the foreground, at the head of a session and process group of its own.
    in_namespace(&master, resolv_conf)
        .arg("-c")
        .arg(&settings)
        .arg("-s")
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .unwrap()
}

/// A command that sees another resolv.conf than the machine's, when one is given.
pub(crate) fn in_namespace(program: &str, resolv_conf: Option<&Path>) -> Command {
    let Some(resolv_conf) = resolv_conf else { return Command::new(program) };
    let mut command = Command::new("unshare");
    let script = "mount --bind \"$1\" /etc/resolv.conf && shift && exec \"$@\"";
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(resolv_conf).arg(program);
    command
}

/// Ends a process group by its leader's pid.
pub(crate) fn end(child: &mut Child) {
    if child.try_wait().unwrap().is_some() {
        return;
    }
    let signal = |name: &str, target: String| {
        // It may have ended meanwhile.
        let _ = Command::new("kill").args([name, "--", &target]).stderr(Stdio::null()).status();
    };
    signal("-TERM", child.id().to_string());
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(10) {
            signal("-KILL", format!("-{}", child.id()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    signal("-KILL", format!("-{}", child.id()));
}

/// Whether a mail server greets at this port.
pub(crate) fn greets(port: u16) -> bool {
    use std::io::Read;
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut byte = [0; 3];
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.read_exact(&mut byte).is_ok() && &byte == b"220"
}

/// Gives a folder to a user of the system.
pub(crate) fn own(path: &Path, user: &str) {
    let status = Command::new("chown").arg(user).arg(path).status().unwrap();
    assert!(status.success(), "no user {user}; ./test installs it");
}

#[test]
fn a_message_arrives_and_others_are_not_relayed() {
    let options = PostfixOptions { domains: vec!["klant.test".into()], ..PostfixOptions::default() };
    let mut postfix = Postfix::start(&options);
    let swaks = |to: &str| {
        let server = format!("127.0.0.1:{}", postfix.port);
        let words = ["--server", &server, "--from", "a@winkel.test", "--to", to, "--body", "Hallo"];
        Command::new("swaks").args(words).output().unwrap()
    };
    assert!(swaks("noor@klant.test").status.success(), "{}", postfix.log());
    let arrived = postfix.wait_for(1);
    assert!(arrived[0].contains("Delivered-To: noor@klant.test\n"), "{}", arrived[0]);
    assert!(!swaks("noor@elders.test").status.success());
    postfix.stop();
    assert!(!greets(postfix.port), "it has ended");
    postfix.start_again(&options);
    assert!(greets(postfix.port));
}
