//! Every form of the report says the same and escapes what files may be called.

use super::*;
use crate::detect::Scanner;
use crate::{Place, Source, Table, TextFinding, Unread};

fn report() -> ScanReport {
    let scanner = Scanner::new();
    let names = ["id", "email", "ip_address"].map(str::to_owned);
    let mut table = Table::new("wp_wc_orders", &names, 2026);
    for n in 0..1_500u32 {
        let (id, email, ip) = (n.to_string(), format!("k{n}@winkel.example"), format!("192.0.2.{}", n % 200));
        table.add(&scanner, [id.as_bytes(), email.as_bytes(), ip.as_bytes()]);
    }
    let text = TextFinding {
        kind: Kind::Bsn,
        certainty: Certainty::Certain,
        count: 1,
        places: vec![Place { line: 7, byte: 99, sample: "999999999".to_owned() }],
    };
    let source = |path: &str, tables, texts| Source {
        path: path.to_owned(),
        form: "x".to_owned(),
        bytes: 1_234_567,
        is_whole: true,
        tables,
        texts,
    };
    ScanReport {
        sources: vec![
            source("a <b>|`x`.sql", vec![table.finish()], Vec::new()),
            source("=b.log", Vec::new(), vec![text]),
        ],
        unread: vec![Unread { path: "c\"&.png".to_owned(), why: "no text".to_owned() }],
        platforms: vec!["WooCommerce".to_owned()],
    }
}

#[test]
fn the_worst_comes_first_with_what_to_do() {
    let lines = lines(&report(), Certainty::Likely, Lang::Nl);
    let kinds: Vec<_> = lines.iter().map(|line| line.kind).collect();
    assert_eq!(kinds, [Kind::Bsn, Kind::Email, Kind::Ip]);
    assert!(lines[0].advice.contains("UAVG art. 46"));
    assert!(
        lines[2].why.starts_with("WooCommerce: vastgelegd tegen fraude") && lines[2].advice.contains("maand")
    );
}

#[test]
fn forms_say_the_same_in_both_languages() {
    let report = report();
    for lang in [Lang::Nl, Lang::En] {
        let (html, markdown) =
            (html(&report, Certainty::Likely, lang), markdown(&report, Certainty::Likely, lang));
        for text in [
            &html,
            &markdown,
            &terminal(&report, Certainty::Likely, lang),
            &csv(&report, Certainty::Likely, lang),
        ] {
            for word in ["999999999", "wp_wc_orders.email", "no text"] {
                assert!(text.contains(word), "{word} in {text}");
            }
            assert!(!text.contains("k1@winkel"), "{text}");
        }
        assert!(
            html.contains("a &lt;b&gt;|`x`.sql")
                && html.contains("c&quot;&amp;.png")
                && !html.contains("<b>")
        );
        assert!(markdown.contains("a &lt;b>\\|'x'.sql"));
    }
    assert!(
        terminal(&report, Certainty::Likely, Lang::Nl).contains("2 bestanden gelezen (3 MB, 1.500 rijen)")
    );
    assert!(csv(&report, Certainty::Likely, Lang::En).contains("\r\n'=b.log,"));
}

#[test]
fn sarif_names_rules_and_places() {
    let sarif = sarif(&report(), Certainty::Likely, Lang::En);
    let run = &sarif["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "bsn");
    assert_eq!(run["results"][0]["level"], "error");
    assert_eq!(run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"], 7);
    let uri = run["results"][1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str();
    assert_eq!(uri, Some("a%20%3Cb%3E%7C%60x%60.sql"));
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
}

#[test]
fn nothing_found_is_said() {
    let text = terminal(&ScanReport::default(), Certainty::Possible, Lang::Nl);
    assert!(text.contains("Geen persoonsgegevens gevonden."), "{text}");
    assert_eq!(number(1_234_567, Lang::En), "1,234,567");
}
