//! Tests of recognising open files.
use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(path: &str, first: &[u8], wanted: Option<(ExposedKind, &str)>) {
    assert_eq!(recognise(path, first), wanted, "{path} {}", String::from_utf8_lossy(first));
}

#[test]
fn open_files_are_recognised() {
    use ExposedKind::{Backup, Dump, Env, Git, Info, Listing, Other};
    check("/.git/HEAD", b"ref: refs/heads/main\n", Some((Git, "ref: refs/")));
    check("/.git/HEAD", b"9fceb02d0ae598e95dc970b74767f19372d61af8\n", Some((Git, "commit id")));
    check("/.git/config", b"[core]\n\tbare = false\n", Some((Git, "[core]")));
    check("/.git/index", b"DIRC\0\0\0\x02", Some((Git, "DIRC")));
    check("/.svn/wc.db", b"SQLite format 3\0...", Some((Git, "SQLite format 3")));
    check("/.svn/entries", b"12\n", Some((Git, "svn entries")));
    check("/.env", b"# app\nAPP_ENV=prod\nDB_PASSWORD=x\nTRUNC", Some((Env, "KEY=")));
    check("/.env", b"SECRET_KEY=x", Some((Env, "KEY=")));
    check("/wp-config.php.bak", b"<?php\ndefine('DB_NAME', 'x');", Some((Env, "<?php")));
    check("/app/etc/env.php", b"<?php\nreturn [\n 'backend' =>", Some((Env, "<?php")));
    check("/app/config/parameters.yml", b"parameters:\n  database_host: x", Some((Env, "parameters:")));
    check("/.htpasswd", b"admin:$apr1$x$y\n", Some((Env, "user:hash")));
    check(
        "/.ssh/id_rsa",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\n",
        Some((Env, "-----BEGIN PRIVATE KEY-----")),
    );
    check("/dump.sql", b"-- MySQL dump 10.13  Distrib 8.0", Some((Dump, "-- MySQL dump")));
    check("/dump.sql", b"PGDMP\x01\x0e", Some((Dump, "PGDMP")));
    check("/backup.sql.gz", b"\x1f\x8b\x08\0", Some((Dump, "gzip")));
    check("/shop_example.sql", b"\xef\xbb\xbf-- phpMyAdmin SQL Dump", Some((Dump, "-- phpMyAdmin SQL Dump")));
    check("/klanten.csv", b"id;naam;e-mail;postcode\n1;x", Some((Dump, "columns with personal data")));
    check("/shop.example.zip", b"PK\x03\x04..", Some((Backup, "zip")));
    check("/backup.tar.gz", b"\x1f\x8b\x08\0", Some((Backup, "gzip")));
    let mut tar = vec![b'a'; 300];
    tar[257..262].copy_from_slice(b"ustar");
    check("/shop.bak", &tar, Some((Backup, "tar")));
    check("/.DS_Store", b"\0\0\0\x01Bud1\0", Some((Other, "Bud1")));
    check("/wp-content/debug.log", b"[24-Nov-2026 10:00:00 UTC] PHP Warning:  x", Some((Other, "log lines")));
    check("/phpinfo.php", b"<!DOCTYPE html><html><head><title>phpinfo()</title>", Some((Info, "phpinfo()")));
    check(
        "/server-status",
        b"<!DOCTYPE HTML><html><head>\n<title>Apache Status</title>",
        Some((Info, "Apache Status")),
    );
    check("/backup/", b"<html><head><title>Index of /backup/</title></head>", Some((Listing, "Index of")));
}

#[test]
fn pages_and_other_files_are_not() {
    let page = b"<!DOCTYPE html><html><head><title>Niet gevonden</title></head><body>ref: refs/ [core] DB_PASSWORD=1";
    for probe in PATHS {
        check(probe.path, page, None);
        check(probe.path, b"", None);
        check(probe.path, b"Not found", None);
        check(probe.path, b"OK", None);
        check(probe.path, b"{\"error\":\"not found\"}", None);
        check(probe.path, b"\x89PNG\r\n\x1a\n\0\0", None);
    }
    for (path, first) in [
        ("/.env", &b"key=value"[..]),
        ("/.env", b"Welcome\nAPP=1\nX=2\n"),
        ("/.env", b"A=1"),
        ("/.git/HEAD", b"refs are nice"),
        ("/.git/config", b"core"),
        ("/dump.sql", b"please drop the table"),
        ("/backup.zip", b"PK"),
        ("/klanten.csv", b"id;sku;price"),
        ("/klanten.csv", b"email"),
        ("/wp-config.php.bak", b"<?php echo 1;"),
        ("/.htpasswd", b"hello: world"),
        ("/phpinfo.php", b"<?php phpinfo();"),
        ("/info.php", b"<html>PHP is great</html>"),
        ("/backup/", b"<html><title>Index</title>"),
        ("/error_log", b"[info] all is well"),
        ("/style.css", b"\x1f\x8b\x08\0"),
    ] {
        check(path, first, None);
    }
}

#[test]
fn sites_that_answer_anything_are_noticed() {
    let page = Sample {
        status: 200,
        content_type: "text/html",
        location: None,
        first: b"<html>not here: /abcdefgh</html>",
    };
    let other = Sample { first: b"<html>not here: /.git/HEAD</html>", ..page };
    let file = Sample { first: b"ref: refs/heads/main", content_type: "", ..page };
    assert!(looks_like_soft_404(&[page], &page));
    assert!(looks_like_soft_404(&[page], &Sample { first: b"<html>not here: /zzzzzzzz</html>", ..page }));
    assert!(!looks_like_soft_404(&[page, other], &file));
    assert!(!looks_like_soft_404(&[Sample { status: 404, ..file }], &file));
    for status in [301, 403, 404, 500] {
        assert!(looks_like_soft_404(&[], &Sample { status, ..file }));
    }
    assert!(looks_like_soft_404(&[], &Sample { first: b"", ..file }));
    assert!(looks_like_soft_404(&[], &Sample { location: Some("/"), ..file }));
    assert!(can_look(&[page]) && can_look(&[]));
    assert!(!can_look(&[file]));
    assert!(!can_look(&[Sample { first: b"PK\x03\x04", ..page }]));
    assert!(can_look(&[Sample { status: 404, ..file }]));
}

#[test]
fn names_are_made_from_the_host() {
    let names = names_for("www.shop.example");
    for name in ["/shop.example.zip", "/shop_example.sql.gz", "/shop.tar.gz", "/www.shop.example.zip"] {
        assert!(names.iter().any(|n| n == name), "{name} in {names:?}");
    }
    assert!(names.len() <= 40);
    for host in ["", "127.0.0.1", "a/b", "../x", "[::1]"] {
        assert_eq!(names_for(host), [""; 0], "{host}");
    }
}

#[test]
fn paths_are_unique() {
    let mut paths: Vec<&str> = PATHS.iter().map(|p| p.path).collect();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), PATHS.len());
    assert!(PATHS.len() >= 60 && PATHS.iter().all(|p| p.path.starts_with('/')));
}

proptest! {
    #[test]
    fn any_bytes_are_read(which in 0..PATHS.len(), first in proptest::collection::vec(any::<u8>(), 0..700)) {
        let _ = recognise(PATHS[which].path, &first);
        let sample = Sample { status: 200, content_type: "", location: None, first: &first };
        prop_assert!(first.is_empty() || looks_like_soft_404(&[sample], &sample));
    }
}
