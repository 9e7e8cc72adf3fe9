//! Files of every form, whole and broken, and what a scan says about them.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use kluis_discover::Kind;
use kluis_discover::detect::Certainty;

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        std::fs::write(self.0.path().join(name), bytes).unwrap();
        self
    }

    fn scan(&self) -> ScanReport {
        scan(&[self.0.path().to_owned()], &ScanOptions::new(2026), &mut |_| {})
    }
}

/// Columns with their kinds, of every table of a report.
fn columns(report: &ScanReport) -> Vec<(String, String, Option<Kind>)> {
    let tables = report.sources.iter().flat_map(|source| &source.tables);
    tables
        .flat_map(|table| {
            table.columns.iter().map(|column| (table.name.clone(), column.name.clone(), column.verdict.kind))
        })
        .collect()
}

fn people(rows: usize) -> String {
    let mut text = String::from("id;voornaam;email;geboortedatum;opmerking\n");
    let names = ["Jan", "Fatima", "Willem", "Zoë"];
    for n in 0..rows {
        let name = names[n % 4];
        text.push_str(&format!(
            "{n};{name};klant{n}@winkel.example;{}-03-{:02};\n",
            1940 + n % 60,
            n % 28 + 1
        ));
    }
    text
}

const FOUND: [(&str, Kind); 3] =
    [("voornaam", Kind::GivenName), ("email", Kind::Email), ("geboortedatum", Kind::BirthDate)];

fn expected(table: &str) -> Vec<(String, String, Option<Kind>)> {
    FOUND.iter().map(|(name, kind)| (table.to_owned(), (*name).to_owned(), Some(*kind))).collect()
}

#[test]
fn a_table_is_read_in_every_encoding_and_packing() {
    let text = people(200);
    let utf_16: Vec<u8> =
        [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let marked = format!("\u{feff}{text}");
    for (name, bytes) in [
        ("a.csv", text.as_bytes()),
        ("b.csv", &utf_16),
        ("c.csv", &latin),
        ("d.csv.gz", &packed),
        ("e", marked.as_bytes()),
    ] {
        let report = Folder::new().put(name, bytes).scan();
        assert_eq!(columns(&report), expected(""), "{name}");
        assert_eq!((report.unread.len(), report.sources[0].is_whole), (0, true), "{name}");
        assert!(report.has_findings(Certainty::Certain) && report.damage().points > 0);
    }
}

#[test]
fn dumps_of_both_kinds_are_read() {
    let mut mysql = String::from(
        "-- MySQL dump 10.13\n/*!40101 SET NAMES utf8 */;\nCREATE TABLE `klant` (\n  `id` int(11) NOT NULL,\n  `voornaam` varchar(40) DEFAULT 'x, y)',\n  `email` varchar(99),\n  `geboortedatum` date,\n  PRIMARY KEY (`id`),\n  KEY `k` (`email`,`id`)\n) ENGINE=InnoDB;\nINSERT INTO `klant` VALUES ",
    );
    let mut copy = String::from(
        "--\n-- PostgreSQL database dump\n--\nCOPY public.klant (id, voornaam, email, geboortedatum) FROM stdin;\n",
    );
    for n in 0..100 {
        let name = ["Jan", "Fatima", "d\\'Arc", "Zo\u{eb}"][n % 4];
        let comma = if n == 0 { "" } else { "," };
        mysql.push_str(&format!("{comma}({n},'{name}','klant{n}@winkel.example','{}-03-12')", 1940 + n % 60));
        copy.push_str(&format!("{n}\tJan\tklant{n}@winkel.example\t{}-03-12\n", 1940 + n % 60));
    }
    mysql.push_str(";\nUNLOCK TABLES;\n");
    copy.push_str("\\.\n\nSELECT 1;\n");
    let report = Folder::new().put("dump.sql", &mysql).scan();
    assert_eq!(columns(&report), expected("klant"));
    assert_eq!(report.sources[0].tables[0].rows, 100);
    let report = Folder::new().put("dump.sql", &copy).scan();
    let found = columns(&report);
    assert_eq!(
        found.iter().map(|column| column.1.as_str()).collect::<Vec<_>>(),
        ["voornaam", "email", "geboortedatum"]
    );
    let cut = Folder::new().put("dump.sql", &mysql[..mysql.len() / 2]).scan();
    assert!(cut.sources[0].tables[0].rows > 10, "a dump that breaks off is read as far as it goes");
}

#[test]
fn objects_are_read_from_lines_and_from_lists() {
    let line = |n: usize| {
        format!(
            r#"{{"id":{n},"klant":{{"email":"k{n}@winkel.example","tel":["06{:08}"]}},"kleur":"rood"}}"#,
            12_345_678 + n
        )
    };
    let lines = (0..50).map(line).collect::<Vec<_>>().join("\n");
    let list = format!("[{}]", (0..50).map(line).collect::<Vec<_>>().join(", "));
    for text in [lines, list] {
        let report = Folder::new().put("x.json", &text).scan();
        let found: Vec<_> = columns(&report).into_iter().map(|column| (column.1, column.2)).collect();
        assert_eq!(
            found,
            [("klant.email".to_owned(), Some(Kind::Email)), ("klant.tel".to_owned(), Some(Kind::Phone))]
        );
    }
    let broken = Folder::new().put("x.json", "{\"a\": 1}\n{\"a\": }\n{\"b\": {\"c\"").scan();
    assert_eq!(broken.unread.len(), 2);
}

#[test]
fn a_database_of_sqlite_is_read_without_being_touched() {
    let folder = Folder::new();
    let path = folder.0.path().join("winkel.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("create table klant (id integer, email text, foto blob); create table \"vreemde \"\" naam\" (x text);").unwrap();
    for n in 0..50 {
        connection
            .execute("insert into klant values (?1, ?2, x'00ff')", (n, format!("k{n}@winkel.example")))
            .unwrap();
    }
    drop(connection);
    let before = std::fs::read(&path).unwrap();
    let report = folder.scan();
    assert_eq!(columns(&report), [("klant".to_owned(), "email".to_owned(), Some(Kind::Email))]);
    assert_eq!(report.sources[0].tables.len(), 2);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.0.path()).unwrap().count(), 1, "no journal is left");
}

#[test]
fn hits_in_text_are_named_by_line() {
    let text = format!("{}klant met bsn 111222333\nmail jan@winkel.example\n", "regel\n".repeat(1_000));
    let report = Folder::new().put("winkel.log", text).scan();
    let texts = &report.sources[0].texts;
    let found: Vec<_> =
        texts.iter().map(|t| (t.kind, t.count, t.places[0].line, t.places[0].sample.as_str())).collect();
    assert_eq!(found, [(Kind::Bsn, 1, 1_001, "999999999"), (Kind::Email, 1, 1_002, "xxx@xxxxxx.xxxxxxx")]);
}

#[test]
fn what_cannot_be_read_is_listed() {
    let folder = Folder::new();
    folder
        .put("beeld.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
        .put("leeg.csv", "")
        .put("half.zip", b"PK\x03\x04rest");
    std::os::unix::fs::symlink("/", folder.0.path().join("verwijzing")).unwrap();
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(people(500).as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    folder.put("af.csv.gz", &packed[..packed.len() - 200]);
    let report = folder.scan();
    let names: Vec<_> = report.unread.iter().map(|unread| unread.path.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["verwijzing", "af.csv.gz", "beeld.png", "half.zip"]);
    assert!(!report.sources[0].is_whole && report.sources[0].tables[0].rows > 100);
    let gone = scan(&[PathBuf::from("/bestaat/niet")], &ScanOptions::new(2026), &mut |_| {});
    assert_eq!((gone.sources.len(), gone.unread.len()), (0, 1));
}

#[test]
fn bombs_stop_at_the_bound() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&vec![b'a'; 40 << 20]).unwrap();
    let folder = Folder::new();
    folder.put("bom.gz", packed.finish().unwrap());
    let options = ScanOptions { unpacked_bytes_max: 1 << 20, ..ScanOptions::new(2026) };
    let report = scan(&[folder.0.path().to_owned()], &options, &mut |_| {});
    assert_eq!((report.unread.len(), report.sources[0].is_whole), (1, false));
}

#[test]
fn a_report_holds_no_value() {
    let text = people(50);
    let folder = Folder::new();
    folder
        .put("a.csv", &text)
        .put("b.log", "geheim: jan.geheim@winkel.example bsn 111222333 NL91ABNA0417164300\n");
    let json = serde_json::to_string(&folder.scan()).unwrap();
    for value in ["klant1@", "jan.geheim", "111222333", "NL91ABNA", "Fatima", "1941-03"] {
        assert!(!json.contains(value), "{value} in {json}");
    }
}
