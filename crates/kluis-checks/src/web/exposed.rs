//! Files that should not be open, and how to recognise them by their first bytes; a status code alone proves nothing.

use crate::facts::ExposedKind;

/// Bytes to ask for of each file; more is never looked at.
pub const FIRST_BYTES: usize = 512;

/// A path to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// The path, beginning with `/`.
    pub path: &'static str,
    /// What it would be.
    pub kind: ExposedKind,
}

const fn probe(path: &'static str, kind: ExposedKind) -> Probe {
    Probe { path, kind }
}

/// Paths to try on every shop; [`names_for`] adds those made from the host name.
pub static PATHS: &[Probe] = &[
    probe("/.git/HEAD", ExposedKind::Git),
    probe("/.git/config", ExposedKind::Git),
    probe("/.git/index", ExposedKind::Git),
    probe("/.svn/wc.db", ExposedKind::Git),
    probe("/.svn/entries", ExposedKind::Git),
    probe("/.hg/requires", ExposedKind::Git),
    probe("/.env", ExposedKind::Env),
    probe("/.env.local", ExposedKind::Env),
    probe("/.env.production", ExposedKind::Env),
    probe("/.env.bak", ExposedKind::Env),
    probe("/.env.example.local", ExposedKind::Env),
    probe("/api/.env", ExposedKind::Env),
    probe("/.aws/credentials", ExposedKind::Env),
    probe("/.ssh/id_rsa", ExposedKind::Env),
    probe("/.htpasswd", ExposedKind::Env),
    probe("/.npmrc", ExposedKind::Env),
    probe("/auth.json", ExposedKind::Env),
    probe("/wp-config.php.bak", ExposedKind::Env),
    probe("/wp-config.php~", ExposedKind::Env),
    probe("/wp-config.php.old", ExposedKind::Env),
    probe("/wp-config.php.save", ExposedKind::Env),
    probe("/wp-config.txt", ExposedKind::Env),
    probe("/.wp-config.php.swp", ExposedKind::Env),
    probe("/app/etc/env.php", ExposedKind::Env),
    probe("/app/etc/env.php.bak", ExposedKind::Env),
    probe("/app/etc/local.xml", ExposedKind::Env),
    probe("/app/config/parameters.php", ExposedKind::Env),
    probe("/app/config/parameters.php.bak", ExposedKind::Env),
    probe("/app/config/parameters.yml", ExposedKind::Env),
    probe("/config/settings.inc.php.bak", ExposedKind::Env),
    probe("/config.php.bak", ExposedKind::Env),
    probe("/configuration.php.bak", ExposedKind::Env),
    probe("/dump.sql", ExposedKind::Dump),
    probe("/dump.sql.gz", ExposedKind::Dump),
    probe("/backup.sql", ExposedKind::Dump),
    probe("/backup.sql.gz", ExposedKind::Dump),
    probe("/database.sql", ExposedKind::Dump),
    probe("/database.sql.gz", ExposedKind::Dump),
    probe("/db.sql", ExposedKind::Dump),
    probe("/mysql.sql", ExposedKind::Dump),
    probe("/data.sql", ExposedKind::Dump),
    probe("/shop.sql", ExposedKind::Dump),
    probe("/magento.sql", ExposedKind::Dump),
    probe("/prestashop.sql", ExposedKind::Dump),
    probe("/wordpress.sql", ExposedKind::Dump),
    probe("/wp-content/uploads/dump.sql", ExposedKind::Dump),
    probe("/database.sqlite", ExposedKind::Dump),
    probe("/var/export/customer.csv", ExposedKind::Dump),
    probe("/customers.csv", ExposedKind::Dump),
    probe("/klanten.csv", ExposedKind::Dump),
    probe("/orders.csv", ExposedKind::Dump),
    probe("/backup.zip", ExposedKind::Backup),
    probe("/backup.tar.gz", ExposedKind::Backup),
    probe("/site.zip", ExposedKind::Backup),
    probe("/www.zip", ExposedKind::Backup),
    probe("/public_html.zip", ExposedKind::Backup),
    probe("/public_html.tar.gz", ExposedKind::Backup),
    probe("/httpdocs.zip", ExposedKind::Backup),
    probe("/wp-content/debug.log", ExposedKind::Other),
    probe("/var/log/exception.log", ExposedKind::Other),
    probe("/var/log/system.log", ExposedKind::Other),
    probe("/error_log", ExposedKind::Other),
    probe("/.DS_Store", ExposedKind::Other),
    probe("/phpinfo.php", ExposedKind::Info),
    probe("/info.php", ExposedKind::Info),
    probe("/test.php", ExposedKind::Info),
    probe("/server-status", ExposedKind::Info),
    probe("/server-info", ExposedKind::Info),
    probe("/adminer.php", ExposedKind::Info),
    probe("/_profiler/phpinfo", ExposedKind::Info),
    probe("/var/export/", ExposedKind::Listing),
    probe("/var/log/", ExposedKind::Listing),
    probe("/var/backups/", ExposedKind::Listing),
    probe("/media/customer/", ExposedKind::Listing),
    probe("/media/downloadable/", ExposedKind::Listing),
    probe("/wp-content/uploads/", ExposedKind::Listing),
    probe("/wp-content/uploads/woocommerce_uploads/", ExposedKind::Listing),
    probe("/wp-content/backups/", ExposedKind::Listing),
    probe("/backup/", ExposedKind::Listing),
    probe("/backups/", ExposedKind::Listing),
    probe("/upload/", ExposedKind::Listing),
    probe("/download/", ExposedKind::Listing),
];

/// An answer, as far as it is compared with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample<'a> {
    /// Status code.
    pub status: u16,
    /// `Content-Type`, empty when absent.
    pub content_type: &'a str,
    /// `Location`, when it redirects.
    pub location: Option<&'a str>,
    /// At most [`FIRST_BYTES`] of the body.
    pub first: &'a [u8],
}

/// What the first bytes of the answer to `path` show: the kind and the signature that gave it away, which never is
/// content. The caller has seen a status of 200 or 206 and compared with [`looks_like_soft_404`].
#[must_use]
pub fn recognise(path: &str, first: &[u8]) -> Option<(ExposedKind, &'static str)> {
    let first = &first[..first.len().min(FIRST_BYTES)];
    let file = path.split('?').next().unwrap_or_default();
    let text = Text::new(first);
    if is_listing(&text) {
        return Some((ExposedKind::Listing, "Index of"));
    }
    if let Some(found) = recognise_info(&text) {
        return Some((ExposedKind::Info, found));
    }
    if text.is_html() {
        return None;
    }
    let kind =
        PATHS.iter().find(|probe| probe.path == file).map_or_else(|| kind_by_name(file), |probe| probe.kind);
    let signature = match kind {
        ExposedKind::Git => recognise_repository(file, first, &text),
        ExposedKind::Env => recognise_settings(file, &text),
        ExposedKind::Dump if file.ends_with(".csv") => recognise_table(&text),
        ExposedKind::Dump => recognise_dump(first, &text).or_else(|| recognise_archive(first)),
        ExposedKind::Backup => recognise_archive(first).or_else(|| recognise_dump(first, &text)),
        ExposedKind::Other => recognise_log(file, first, &text),
        ExposedKind::Info | ExposedKind::Listing => None,
    }?;
    Some((kind, signature))
}

/// Paths made from the host name, at most 40: `/shop.example.zip`, `/shop_example.sql.gz` and the like.
#[must_use]
pub fn names_for(host: &str) -> Vec<String> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let is_name =
        host.len() <= 253 && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    let bare = host.strip_prefix("www.").unwrap_or(&host);
    if !is_name || bare.is_empty() || bare.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Vec::new();
    }
    let label = psl::domain_str(bare).unwrap_or(bare).split('.').next().unwrap_or(bare);
    let mut stems = vec![bare.to_owned(), bare.replace('.', "_"), label.to_owned()];
    if host != bare {
        stems.push(host.clone());
    }
    stems.dedup();
    let endings = [".zip", ".tar.gz", ".tgz", ".sql", ".sql.gz", ".sql.zip", ".bak"];
    stems
        .iter()
        .flat_map(|stem| endings.iter().map(move |ending| format!("/{stem}{ending}")))
        .take(40)
        .collect()
}

/// Whether an answer is like the answers to paths that surely do not exist (`baseline`, at least two random ones): an
/// error, a redirect, the same kind of page, or an empty body.
#[must_use]
pub fn looks_like_soft_404(baseline: &[Sample<'_>], seen: &Sample<'_>) -> bool {
    if !matches!(seen.status, 200 | 206) || seen.location.is_some() || seen.first.is_empty() {
        return true;
    }
    baseline.iter().any(|known| {
        let is_answered = matches!(known.status, 200 | 206);
        is_answered && (known.first == seen.first || likeness(known.first, seen.first) >= 60)
    })
}

/// Whether looking makes sense: false when the site answers paths that do not exist with something that looks like an
/// open file.
#[must_use]
pub fn can_look(baseline: &[Sample<'_>]) -> bool {
    let lies = |sample: &Sample<'_>| {
        matches!(sample.status, 200 | 206)
            && [
                "/.git/HEAD",
                "/.env",
                "/backup.sql",
                "/backup.zip",
                "/phpinfo.php",
                "/.DS_Store",
                "/klanten.csv",
            ]
            .iter()
            .any(|path| recognise(path, sample.first).is_some())
    };
    !baseline.iter().any(lies)
}

/// How much two beginnings are alike, in percent: equal bytes at the start and at the end.
fn likeness(one: &[u8], other: &[u8]) -> usize {
    let longest = one.len().max(other.len());
    let shortest = one.len().min(other.len());
    let start = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let end =
        one.iter().rev().zip(other.iter().rev()).take(shortest - start).take_while(|(a, b)| a == b).count();
    (start + end) * 100 / longest.max(1)
}

/// First bytes as text.
struct Text {
    plain: String,
    lower: String,
    is_text: bool,
}

impl Text {
    fn new(first: &[u8]) -> Self {
        let plain = String::from_utf8_lossy(first).trim_start_matches('\u{feff}').to_owned();
        let controls = first.iter().filter(|b| **b < 9 || **b == 0x7f || (14..32).contains(*b)).count();
        Self { lower: plain.to_ascii_lowercase(), plain, is_text: controls == 0 }
    }

    fn is_html(&self) -> bool {
        let start = self.lower.trim_start();
        ["<!doctype", "<html", "<head", "<body", "<!--", "<script", "<div"]
            .iter()
            .any(|tag| start.starts_with(tag))
            || self.lower.contains("<html")
            || self.lower.contains("<head>")
    }
}

fn is_listing(text: &Text) -> bool {
    let is_titled = [
        "<title>index of /",
        "<h1>index of /",
        "<title>directory listing for",
        "directory listing for /</title>",
    ]
    .iter()
    .any(|mark| text.lower.contains(mark));
    is_titled && text.lower.contains('<')
}

fn recognise_info(text: &Text) -> Option<&'static str> {
    let marks = [
        ("<title>phpinfo()", "phpinfo()"),
        ("php version ", "phpinfo()"),
        ("<title>apache status</title>", "Apache Status"),
        ("apache server status for", "Apache Status"),
        ("<title>server information</title>", "Apache Server Information"),
        ("adminer</title>", "Adminer"),
        ("<title>login - adminer", "Adminer"),
    ];
    let found = marks.iter().find(|(mark, _)| text.lower.contains(mark)).map(|(_, name)| *name)?;
    (text.lower.contains('<') && text.is_html()).then_some(found)
}

fn recognise_repository(path: &str, first: &[u8], text: &Text) -> Option<&'static str> {
    let head = text.plain.trim();
    if path.ends_with("/HEAD") {
        let is_commit = matches!(head.len(), 40 | 64) && head.bytes().all(|b| b.is_ascii_hexdigit());
        return head.starts_with("ref: refs/").then_some("ref: refs/").or(is_commit.then_some("commit id"));
    }
    if path.ends_with("/index") {
        return first.starts_with(b"DIRC").then_some("DIRC");
    }
    if path.ends_with("/config") {
        return (text.is_text && text.lower.contains("[core]")).then_some("[core]");
    }
    if path.ends_with("wc.db") {
        return first.starts_with(b"SQLite format 3\0").then_some("SQLite format 3");
    }
    if path.ends_with("/entries") {
        let mut lines = head.lines();
        let is_number =
            lines.next().is_some_and(|line| line.len() <= 3 && line.bytes().all(|b| b.is_ascii_digit()));
        return (is_number && lines.next().is_none_or(|line| line.is_empty())).then_some("svn entries");
    }
    (text.is_text && head.lines().any(|line| matches!(line, "revlogv1" | "dotencode" | "fncache")))
        .then_some("revlogv1")
}

fn recognise_settings(path: &str, text: &Text) -> Option<&'static str> {
    if path.ends_with(".swp") {
        return text.plain.starts_with("b0VIM").then_some("b0VIM");
    }
    if !text.is_text {
        return None;
    }
    let lower = text.lower.trim_start();
    let marks: &[(&str, &str)] = &[
        ("-----begin rsa private key-----", "-----BEGIN PRIVATE KEY-----"),
        ("-----begin openssh private key-----", "-----BEGIN PRIVATE KEY-----"),
        ("-----begin private key-----", "-----BEGIN PRIVATE KEY-----"),
        ("[default]\naws_", "aws_access_key_id"),
        ("aws_access_key_id", "aws_access_key_id"),
    ];
    if let Some((_, name)) = marks.iter().find(|(mark, _)| lower.starts_with(mark)) {
        return Some(name);
    }
    if path.contains(".php") || path.ends_with(".txt") {
        let words = [
            "db_password",
            "db_name",
            "_db_passwd_",
            "database_password",
            "'crypt'",
            "'backend'",
            "$password",
            "mage_",
        ];
        let is_code = lower.starts_with("<?php") || lower.starts_with("<?");
        return (is_code && (words.iter().any(|word| lower.contains(word)) || lower.contains("return ")))
            .then_some("<?php");
    }
    if path.ends_with("local.xml") {
        return (lower.starts_with("<?xml") && lower.contains("<config>")).then_some("<config>");
    }
    if path.ends_with(".yml") {
        return lower.contains("parameters:").then_some("parameters:");
    }
    if path.ends_with(".htpasswd") {
        let is_entry = |line: &str| {
            line.split_once(':').is_some_and(|(user, hash)| {
                !user.is_empty()
                    && !user.contains([' ', '<', '{'])
                    && (["$apr1$", "$2y$", "$2a$", "$2b$", "{SHA}", "$5$", "$6$"]
                        .iter()
                        .any(|mark| hash.starts_with(mark))
                        || hash.trim_end().len() == 13
                            && hash
                                .trim_end()
                                .bytes()
                                .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'/'))
            })
        };
        return text.plain.lines().next().is_some_and(is_entry).then_some("user:hash");
    }
    if path.ends_with(".npmrc") {
        return lower.contains("_authtoken=").then_some("_authToken=");
    }
    if path.ends_with("auth.json") {
        return (lower.starts_with('{') && lower.contains("http-basic") && lower.contains("password"))
            .then_some("http-basic");
    }
    is_key_values(&text.plain).then_some("KEY=")
}

/// Lines of an `.env`: at least two settings in capitals, or one with a telling name, and nothing else.
fn is_key_values(text: &str) -> bool {
    // The last line may be cut off.
    let lines: Vec<&str> =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let name_of = |line: &str| {
        let name = line.strip_prefix("export ").unwrap_or(line).split_once('=')?.0.trim().to_owned();
        let is_name = !name.is_empty()
            && name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
            && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        is_name.then_some(name)
    };
    let whole = if lines.len() > 1 { &lines[..lines.len() - 1] } else { &lines[..] };
    let names: Vec<String> = lines.iter().filter_map(|line| name_of(line)).collect();
    let telling = ["PASSWORD", "SECRET", "KEY", "TOKEN", "DB_", "DATABASE", "APP_ENV", "MAIL_"];
    whole.iter().all(|line| name_of(line).is_some())
        && (names.len() >= 2 || names.iter().any(|name| telling.iter().any(|word| name.contains(word))))
}

fn recognise_dump(first: &[u8], text: &Text) -> Option<&'static str> {
    if first.starts_with(b"PGDMP") {
        return Some("PGDMP");
    }
    if first.starts_with(b"SQLite format 3\0") {
        return Some("SQLite format 3");
    }
    if !text.is_text {
        return None;
    }
    let marks = [
        ("-- mysql dump", "-- MySQL dump"),
        ("-- mariadb dump", "-- MariaDB dump"),
        ("/*!999999\\- enable the sandbox", "-- MariaDB dump"),
        ("/*m!999999\\- enable the sandbox", "-- MariaDB dump"),
        ("-- postgresql database dump", "-- PostgreSQL database dump"),
        ("-- phpmyadmin sql dump", "-- phpMyAdmin SQL Dump"),
        ("-- adminer ", "-- Adminer dump"),
        ("-- host:", "-- MySQL dump"),
        ("drop table if exists", "DROP TABLE"),
        ("create table ", "CREATE TABLE"),
        ("insert into `", "INSERT INTO"),
        ("/*!40101 set ", "/*!40101 SET"),
    ];
    marks.iter().find(|(mark, _)| text.lower.contains(mark)).map(|(_, name)| *name)
}

fn recognise_archive(first: &[u8]) -> Option<&'static str> {
    let marks: [(&[u8], &str); 7] = [
        (b"PK\x03\x04", "zip"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ\0", "xz"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"Rar!\x1a\x07", "rar"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
    ];
    let by_start = marks.iter().find(|(mark, _)| first.starts_with(mark)).map(|(_, name)| *name);
    by_start.or_else(|| first.get(257..262).filter(|mark| *mark == b"ustar").map(|_| "tar"))
}

/// A table of people: a header line of at least three columns of which one is personal.
fn recognise_table(text: &Text) -> Option<&'static str> {
    let header = text.lower.lines().next().filter(|_| text.is_text)?;
    let separator = [';', ',', '\t'].into_iter().max_by_key(|c| header.matches(*c).count())?;
    let columns: Vec<&str> = header.split(separator).map(|c| c.trim().trim_matches('"')).collect();
    let is_personal = |column: &&str| {
        [
            "email",
            "e-mail",
            "telefoon",
            "phone",
            "naam",
            "lastname",
            "firstname",
            "last name",
            "adres",
            "address",
            "postcode",
        ]
        .iter()
        .any(|word| column.contains(word))
    };
    (columns.len() >= 3 && columns.iter().all(|c| c.len() <= 40) && columns.iter().any(is_personal))
        .then_some("columns with personal data")
}

fn recognise_log(path: &str, first: &[u8], text: &Text) -> Option<&'static str> {
    if path.ends_with(".DS_Store") {
        return first.starts_with(b"\0\0\0\x01Bud1").then_some("Bud1");
    }
    let start = text.plain.trim_start();
    let is_dated = start.starts_with('[')
        && start.as_bytes().get(1..5).is_some_and(|year| {
            year.iter().all(u8::is_ascii_digit) || year[..2].iter().all(u8::is_ascii_digit) && year[2] == b'-'
        });
    let words = [
        "php notice",
        "php warning",
        "php fatal",
        "php deprecated",
        "main.error",
        "main.critical",
        "report.critical",
        "stack trace",
        "main.info",
        "main.debug",
    ];
    (text.is_text && is_dated && words.iter().any(|word| text.lower.contains(word))).then_some("log lines")
}

fn kind_by_name(path: &str) -> ExposedKind {
    if path.contains(".sql") || path.ends_with(".sqlite") || path.ends_with(".db") || path.ends_with(".csv") {
        ExposedKind::Dump
    } else if [".zip", ".tar", ".gz", ".tgz", ".bak", ".7z", ".rar", ".xz", ".bz2"]
        .iter()
        .any(|end| path.ends_with(end))
    {
        ExposedKind::Backup
    } else if path.ends_with('/') {
        ExposedKind::Listing
    } else {
        ExposedKind::Other
    }
}

#[cfg(test)]
#[path = "exposed_tests.rs"]
mod tests;
