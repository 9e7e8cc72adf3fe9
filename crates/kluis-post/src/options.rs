//! What the mail listeners of this node are started with.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kluis_crypto::SecretText;
use kluis_mail::report::Network;
use rustls::pki_types::CertificateDer;
use rustls::server::ResolvesServerCert;

/// Everything that has to do with mail on this node; what is `None` is off.
#[derive(Debug, Clone)]
pub struct PostOptions {
    /// The name by which this server introduces itself, a host name.
    pub hostname: String,
    /// The certificate for STARTTLS, the one in force; `None`: TLS is not offered, and only loopback may send.
    pub tls: Option<Arc<dyn ResolvesServerCert>>,
    /// Programs of the shop hand in mail here.
    pub relay: Option<RelayOptions>,
    /// A Postfix asks here for signatures.
    pub milter: Option<MilterOptions>,
    /// Where reports of receivers come in.
    pub reports: ReportSources,
    /// Where the relay's queue goes.
    pub deliver: Option<DeliverOptions>,
}

/// The submission listener (RFC 6409).
#[derive(Debug, Clone)]
pub struct RelayOptions {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Bytes of one message.
    pub message_bytes_max: usize,
    /// Open connections.
    pub connections_max: usize,
}

/// The milter (protocol version 6).
#[derive(Debug, Clone)]
pub struct MilterOptions {
    /// Where it listens.
    pub listen: MilterListen,
    /// Besides authenticated users, mail from these networks is the shop's own; empty: only loopback.
    pub internal: Vec<Network>,
    /// Bytes of one message.
    pub message_bytes_max: usize,
    /// Open connections.
    pub connections_max: usize,
}

/// Where a milter listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MilterListen {
    /// A TCP address, on this machine or a private network: the protocol has no protection of its own.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// Where reports come from.
#[derive(Debug, Clone, Default)]
pub struct ReportSources {
    /// By SMTP.
    pub smtp: Option<ReportListener>,
    /// From files in a folder.
    pub folder: Option<PathBuf>,
    /// From a mailbox elsewhere.
    pub imap: Option<ImapOptions>,
}

/// The SMTP listener for reports.
#[derive(Debug, Clone)]
pub struct ReportListener {
    /// Where it listens; the internet sends to port 25.
    pub listen: SocketAddr,
    /// The addresses that mail is taken for, and no others.
    pub addresses: Vec<String>,
    /// Bytes of one message.
    pub message_bytes_max: usize,
    /// Open connections.
    pub connections_max: usize,
    /// Open connections of one address (of one /64 for IPv6).
    pub connections_per_address_max: usize,
}

/// A mailbox that reports are fetched from, over TLS only.
#[derive(Debug, Clone)]
pub struct ImapOptions {
    /// Its server.
    pub server: ServerAddress,
    /// Who signs in.
    pub user: String,
    /// With what.
    pub password: SecretText,
    /// Which folder of the mailbox.
    pub folder: String,
    /// Certificate authorities that are trusted besides the public ones.
    pub roots: Vec<CertificateDer<'static>>,
    /// How often it is looked at.
    pub every: Duration,
}

/// Where the queue is delivered.
#[derive(Debug, Clone)]
pub struct DeliverOptions {
    /// The smarthost.
    pub smarthost: ServerAddress,
    /// How it is spoken to.
    pub tls: SmarthostTls,
    /// How we sign in there.
    pub login: Option<Login>,
    /// Certificate authorities that are trusted besides the public ones.
    pub roots: Vec<CertificateDer<'static>>,
    /// Days after which a message that cannot be delivered is given up.
    pub queue_days: u32,
    /// Connections to it at once.
    pub connections_max: usize,
}

/// A server elsewhere: a host name or an address, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// Host name, or an IP address without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// How a smarthost is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmarthostTls {
    /// STARTTLS, and nothing is sent without it; the certificate is verified.
    StartTls,
    /// TLS from the first byte (RFC 8314 §3.3); the certificate is verified.
    Tls,
    /// In the clear; only to this machine itself.
    None,
}

/// A name and a password for another server.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: SecretText,
}

impl ServerAddress {
    /// Reads `smtp.provider.example:587` or `[2001:db8::1]:587`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port != 0)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').filter(|inner| inner.parse::<IpAddr>().is_ok())?,
            None => host,
        };
        let is_name = host.len() <= 253
            && host.split('.').all(|label| (1..=63).contains(&label.len()))
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        (is_name || host.parse::<std::net::Ipv6Addr>().is_ok() && text.starts_with('['))
            .then(|| Self { host: host.to_owned(), port })
    }

    /// Whether it is this machine by its address or as `localhost`, without asking the DNS.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
    }
}

impl MilterListen {
    /// Reads `127.0.0.1:8891` or `unix:/run/klantkluis/milter.sock`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("unix:") {
            Some(path) => Some(PathBuf::from(path)).filter(|path| path.is_absolute()).map(Self::Unix),
            None => text.parse().ok().map(Self::Tcp),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_strictly() {
        let read = |text: &str| ServerAddress::parse(text).map(|server| (server.host, server.port));
        assert_eq!(read("smtp.aanbieder.example:587"), Some(("smtp.aanbieder.example".into(), 587)));
        assert_eq!(read("127.0.0.1:25"), Some(("127.0.0.1".into(), 25)));
        assert_eq!(read("[2001:db8::1]:465"), Some(("2001:db8::1".into(), 465)));
        for wrong in [
            "",
            "smtp.example",
            ":25",
            "smtp.example:",
            "smtp.example:0",
            "smtp.example:70000",
            "a..b:25",
            "a b:25",
            "2001:db8::1:25",
            "[smtp.example]:25",
            "[2001:db8::1:25",
            "smtp.example:25\r\n",
            "http://smtp.example:25",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        for (text, is) in
            [("localhost:25", true), ("127.9.9.9:25", true), ("[::1]:25", true), ("10.0.0.1:25", false)]
        {
            assert_eq!(ServerAddress::parse(text).unwrap().is_loopback(), is, "{text}");
        }
    }

    #[test]
    fn a_milter_listens_on_an_address_or_a_file() {
        assert_eq!(
            MilterListen::parse("127.0.0.1:8891"),
            Some(MilterListen::Tcp(SocketAddr::from(([127, 0, 0, 1], 8891))))
        );
        assert_eq!(MilterListen::parse("unix:/run/m.sock"), Some(MilterListen::Unix("/run/m.sock".into())));
        for wrong in ["", "unix:", "unix:m.sock", "localhost:8891", "inet:8891@127.0.0.1"] {
            assert_eq!(MilterListen::parse(wrong), None, "{wrong}");
        }
    }
}
