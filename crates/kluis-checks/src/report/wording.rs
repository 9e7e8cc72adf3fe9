//! The words around a report in both languages, and the cleaning of every text that comes from a site.

use kluis_model::{Lang, TimeMs};
use serde::Serialize;

use crate::finding::{Colour, Part, Protection, Severity, Words};

/// Characters that stand for what was taken out of a hostile text.
const REPLACEMENT: char = '\u{fffd}';

/// A text from outside made harmless and short: at most `chars_max` characters, then `…`; line breaks and tabs become
/// blanks; control characters (C0, C1), direction marks and overrides, invisible characters and private use become `�`.
pub(super) fn clean(text: &str, chars_max: usize) -> String {
    let mut out = String::new();
    for (count, char) in text.chars().enumerate() {
        if count == chars_max {
            out.push('…');
            break;
        }
        out.push(match char {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
            char if is_hostile(char) => REPLACEMENT,
            char => char,
        });
    }
    out
}

/// Whether a character can change how text around it is shown, or cannot be seen: control characters (C0, C1), direction
/// marks, invisible characters, private use.
#[must_use]
pub fn is_hostile(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{10ffff}')
}

/// The word for a severity.
pub(super) const fn severity(severity: Severity) -> Words {
    match severity {
        Severity::Info => Words::new("ter info", "info"),
        Severity::Low => Words::new("laag", "low"),
        Severity::Medium => Words::new("middel", "medium"),
        Severity::High => Words::new("hoog", "high"),
        Severity::Critical => Words::new("kritiek", "critical"),
    }
}

/// The severity as a class of the style sheet and an id for programs.
pub(super) const fn severity_id(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

/// The name of a protection.
pub(super) const fn protection(protection: Protection) -> Words {
    match protection {
        Protection::Encryption => Words::new("Versleuteling", "Encryption"),
        Protection::Integrity => Words::new("Gegevensintegriteit", "Data integrity"),
        Protection::Authentication => Words::new("Authenticatie", "Authentication"),
    }
}

/// What a protection promises a customer.
pub(super) const fn promise(protection: Protection) -> Words {
    match protection {
        Protection::Encryption => {
            Words::new("Niemand onderweg kan meelezen.", "Nobody on the way can read along.")
        }
        Protection::Integrity => {
            Words::new("Niemand onderweg kan iets veranderen.", "Nobody on the way can change anything.")
        }
        Protection::Authentication => {
            Words::new("Uw klant praat echt met uw winkel.", "Your customer really talks to your shop.")
        }
    }
}

/// A protection as a class and an id.
pub(super) const fn protection_id(protection: Protection) -> &'static str {
    match protection {
        Protection::Encryption => "encryption",
        Protection::Integrity => "integrity",
        Protection::Authentication => "authentication",
    }
}

/// The word for a shield's colour, so that it is never told by colour alone.
pub(super) const fn colour(colour: Option<Colour>) -> Words {
    match colour {
        Some(Colour::Green) => Words::new("groen", "green"),
        Some(Colour::Orange) => Words::new("oranje", "orange"),
        Some(Colour::Red) => Words::new("rood", "red"),
        None => Words::new("niet bekeken", "not looked at"),
    }
}

/// A shield's colour as a class and an id.
pub(super) const fn colour_id(colour: Option<Colour>) -> &'static str {
    match colour {
        Some(Colour::Green) => "green",
        Some(Colour::Orange) => "orange",
        Some(Colour::Red) => "red",
        None => "unknown",
    }
}

/// The name of a part of the audit.
pub(super) const fn part(part: Part) -> Words {
    match part {
        Part::Tls => Words::new("verbinding", "connection"),
        Part::Certificate => Words::new("certificaat", "certificate"),
        Part::Dns => Words::new("DNS", "DNS"),
        Part::Web => Words::new("website", "website"),
        Part::Exposed => Words::new("open bestanden", "open files"),
        Part::Mail => Words::new("e-mail", "e-mail"),
    }
}

/// Fixed texts of a report, each in the chosen language; templates use them as `labels.x`.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(missing_docs, reason = "each is the text its name says")]
pub struct Labels {
    pub title: &'static str,
    pub grade: &'static str,
    pub of_100: &'static str,
    pub shields: &'static str,
    pub judges: &'static str,
    pub judges_note: &'static str,
    pub judge_unknown: &'static str,
    pub reasons: &'static str,
    pub findings: &'static str,
    pub findings_order: &'static str,
    pub none: &'static str,
    pub why: &'static str,
    pub seen: &'static str,
    pub fix: &'static str,
    pub how: &'static str,
    pub snippets: &'static str,
    pub source: &'static str,
    pub notes: &'static str,
    pub notes_note: &'static str,
    pub gaps: &'static str,
    pub gaps_note: &'static str,
    pub passed: &'static str,
    pub passed_note: &'static str,
    pub passed_all: &'static str,
    pub worst: &'static str,
    pub made_by: &'static str,
}

/// The fixed texts in one language.
#[must_use]
pub(super) fn labels(lang: Lang) -> Labels {
    let say = |nl: &'static str, en: &'static str| Words::new(nl, en).get(lang);
    Labels {
        title: say("HTTPS-controle", "HTTPS check"),
        grade: say("Cijfer", "Grade"),
        of_100: say("van 100 punten", "of 100 points"),
        shields: say("De drie beschermingen", "The three protections"),
        judges: say("Wat andere tests waarschijnlijk zeggen", "What other tests will probably say"),
        judges_note: say(
            "Voorspeld uit dezelfde metingen; de echte test kan iets afwijken.",
            "Predicted from the same measurements; the real test may differ a little.",
        ),
        judge_unknown: say("te weinig gemeten", "too little measured"),
        reasons: say("Wat daar punten kost", "What costs points there"),
        findings: say("Wat u kunt verbeteren", "What you can improve"),
        findings_order: say("Bovenaan staat wat het meest oplevert.", "What gains most comes first."),
        none: say("Niets gevonden dat beter moet.", "Nothing was found that needs mending."),
        why: say("Waarom", "Why"),
        seen: say("Gezien", "Seen"),
        fix: say("Doen", "Do"),
        how: say("Hoe", "How"),
        snippets: say("Voor andere software", "For other software"),
        source: say("Bron", "Source"),
        notes: say("Ter informatie", "Good to know"),
        notes_note: say("Dit telt niet mee voor het cijfer.", "This does not count for the grade."),
        gaps: say("Wat niet te meten was", "What could not be measured"),
        gaps_note: say(
            "Hierover zegt dit rapport niets, goed noch slecht.",
            "This report says nothing about these, good or bad.",
        ),
        passed: say("Gecontroleerd en in orde", "Checked and in order"),
        passed_note: say(
            "Deze problemen zijn gezocht en niet gevonden:",
            "These problems were looked for and not found:",
        ),
        passed_all: say("Met --all ziet u welke dat zijn.", "See which with --all."),
        worst: say("Ergste", "Worst"),
        made_by: say("Gemaakt met Klantkluis", "Made with Klantkluis"),
    }
}

/// `1 finding`, `3 findings`, `no findings`.
pub(super) fn findings_text(count: u32, lang: Lang) -> String {
    match count {
        0 => lang.pick("geen bevindingen", "no findings").to_owned(),
        1 => lang.pick("1 bevinding", "1 finding").to_owned(),
        more => format!("{more} {}", lang.pick("bevindingen", "findings")),
    }
}

/// `+1 point`, `+8 points`; empty for nothing.
pub(super) fn gain_text(gain: u32, lang: Lang) -> String {
    match gain {
        0 => String::new(),
        1 => lang.pick("+1 punt", "+1 point").to_owned(),
        more => format!("+{more} {}", lang.pick("punten", "points")),
    }
}

/// `and 3 more`; empty for nothing.
pub(super) fn more_text(count: u64, lang: Lang) -> String {
    if count == 0 {
        String::new()
    } else {
        format!("{} {count}{}", lang.pick("en nog", "and"), lang.pick("", " more"))
    }
}

/// A moment in UTC: `30 september 2025, 12:00 UTC`.
pub(super) fn moment(at: TimeMs, lang: Lang) -> String {
    let date = at.date();
    let minutes = at.0.rem_euclid(86_400_000) / 60_000;
    let clock = format!("{:02}:{:02} UTC", minutes / 60, minutes % 60);
    let parts: Vec<&str> = date.split('-').collect();
    match parts.as_slice() {
        [year, month, day] => {
            let month = lang.month(month.parse().unwrap_or(0)).unwrap_or(month);
            format!("{} {month} {year}, {clock}", day.trim_start_matches('0'))
        }
        _ => format!("{date}, {clock}"),
    }
}

/// Milliseconds as seconds with one decimal: `3,2 s`, `3.2 s`.
pub(super) fn seconds(took_ms: u64, lang: Lang) -> String {
    let tenths = took_ms.saturating_add(50) / 100;
    format!("{}{}{} s", tenths / 10, lang.pick(",", "."), tenths % 10)
}

/// What a gap's id is about, for people.
const GAPS: &[(&str, Words)] = &[
    ("addresses", Words::new("adressen van de server", "addresses of the server")),
    ("bimi", Words::new("merkbeeld in e-mail (BIMI)", "brand image in e-mail (BIMI)")),
    ("caa", Words::new("CAA-records", "CAA records")),
    ("chain", Words::new("certificaatketen", "certificate chain")),
    ("cors", Words::new("toegang voor andere websites (CORS)", "access for other websites (CORS)")),
    ("dh", Words::new("Diffie-Hellman-groepen", "Diffie-Hellman groups")),
    ("dkim", Words::new("sleutels voor e-mail (DKIM)", "keys for e-mail (DKIM)")),
    ("dmarc", Words::new("beleid voor e-mail (DMARC)", "policy for e-mail (DMARC)")),
    ("dns", Words::new("DNS-gegevens", "DNS records")),
    ("dnssec", Words::new("DNSSEC-handtekeningen", "DNSSEC signatures")),
    ("exposed", Words::new("open bestanden", "open files")),
    ("fallback", Words::new("bescherming tegen terugval", "downgrade protection")),
    ("groups", Words::new("sleutelgroepen", "key exchange groups")),
    ("handshake", Words::new("gewone TLS-verbinding", "normal TLS connection")),
    ("kex_signature", Words::new("handtekening onder de sleutel", "signature under the key exchange")),
    ("mail", Words::new("e-mail", "e-mail")),
    ("mta-sts", Words::new("versleuteld bezorgen (MTA-STS)", "encrypted delivery (MTA-STS)")),
    ("mx", Words::new("mailservers (MX)", "mail servers (MX)")),
    ("order", Words::new("volgorde van versleutelmethoden", "order of cipher suites")),
    ("owner", Words::new("bewijs dat het domein van u is", "proof that the domain is yours")),
    ("page", Words::new("pagina", "page")),
    ("redirects", Words::new("doorverwijzingen", "redirects")),
    ("renegotiation", Words::new("heronderhandeling", "renegotiation")),
    ("resumption", Words::new("hervatten van sessies", "session resumption")),
    ("revocation", Words::new("intrekking van het certificaat", "revocation of the certificate")),
    ("security", Words::new("security.txt", "security.txt")),
    ("sni", Words::new("verbinding zonder naam", "connection without a name")),
    ("smtp", Words::new("gesprek met de mailserver", "talk with the mail server")),
    ("spf", Words::new("afzenders (SPF)", "senders (SPF)")),
    ("suites", Words::new("versleutelmethoden", "cipher suites")),
    ("tls", Words::new("TLS-verbinding", "TLS connection")),
    (
        "tls-rpt",
        Words::new(
            "rapporten over versleuteld bezorgen (TLS-RPT)",
            "reports about encrypted delivery (TLS-RPT)",
        ),
    ),
    ("tlsa", Words::new("TLSA-records (DANE)", "TLSA records (DANE)")),
];

/// What a gap's id says after its first part, where people have another word for it.
const GAP_TAILS: &[(&str, Words)] = &[
    ("home", Words::new("voorpagina", "front page")),
    ("product", Words::new("product", "product")),
    ("login", Words::new("inloggen", "sign in")),
    ("checkout", Words::new("afrekenen", "checkout")),
    ("contact", Words::new("contact", "contact")),
    ("txt", Words::new("", "")),
    ("ssl2", Words::new("SSL 2.0", "SSL 2.0")),
    ("ssl3", Words::new("SSL 3.0", "SSL 3.0")),
    ("tls10", Words::new("TLS 1.0", "TLS 1.0")),
    ("tls11", Words::new("TLS 1.1", "TLS 1.1")),
    ("tls12", Words::new("TLS 1.2", "TLS 1.2")),
    ("tls13", Words::new("TLS 1.3", "TLS 1.3")),
];

/// Reasons of gaps in Dutch; the evidence holds them in English.
const REASONS: &[(&str, &str)] = &[
    ("connection refused", "de verbinding werd geweigerd"),
    ("it redirects without end", "de pagina verwijst eindeloos door"),
    ("network unreachable", "er is vanaf hier geen weg naartoe"),
    ("no answer in time", "er kwam niet op tijd antwoord"),
    ("no name server is known", "er is geen naamserver bekend"),
    ("no name server was asked", "er is geen naamserver gevraagd"),
    ("no name server was asked about a domain", "er is geen naamserver naar het domein gevraagd"),
    ("no name server was asked about the domain", "er is geen naamserver naar het domein gevraagd"),
    ("no such name", "die naam bestaat niet"),
    ("not asked: earlier answers came too slowly", "niet gevraagd: eerdere antwoorden kwamen te langzaam"),
    ("the DNS did not answer", "de DNS gaf geen antwoord"),
    ("the answer is not HTTP", "het antwoord is geen HTTP"),
    ("the certificate cannot be read", "het certificaat is onleesbaar"),
    ("the connection was closed without an answer", "de verbinding werd zonder antwoord verbroken"),
    (
        "the connections that are left were kept for other questions",
        "de controle maakt weinig verbindingen, en die waren nodig voor belangrijker vragen",
    ),
    ("the name has no address", "de naam heeft geen adres"),
    ("the number of connections for one audit is used up", "het aantal verbindingen voor één controle is op"),
    (
        "the page was not read to its end: it came too slowly",
        "de pagina is niet helemaal gelezen: ze kwam te langzaam",
    ),
    ("the page was not read to its end: it is too long", "de pagina is niet helemaal gelezen: ze is te lang"),
    (
        "the page was not read to its end: the connection broke",
        "de pagina is niet helemaal gelezen: de verbinding viel weg",
    ),
    (
        "the proof that the domain is yours was not found",
        "het bewijs dat het domein van u is, is niet gevonden",
    ),
    (
        "the server drops connections, also those it accepted before",
        "de server verbreekt verbindingen, ook die hij eerder aannam",
    ),
    (
        "the server refuses to talk to clients that send this name",
        "de server weigert bezoekers die deze naam noemen",
    ),
    ("the time of the audit is over", "de tijd voor de controle was om"),
];

/// Why something could not be measured, cleaned; in the reader's language where it is a known reason.
pub(super) fn reason(why: &str, lang: Lang, chars_max: usize) -> (String, Lang) {
    let known = REASONS.iter().find(|(en, _)| *en == why).filter(|_| lang == Lang::Nl);
    known.map_or_else(|| (clean(why, chars_max), Lang::En), |(_, nl)| ((*nl).to_owned(), Lang::Nl))
}

/// What a gap is about, for people: the parts of its id that are known are spelled out.
pub(super) fn gap(what: &str, lang: Lang) -> String {
    let (head, tail) = what.split_once('.').unwrap_or((what, ""));
    let of = |table: &[(&str, Words)], id: &str| {
        table.iter().find(|(known, _)| *known == id).map(|(_, words)| words.get(lang).to_owned())
    };
    let tail = of(GAP_TAILS, tail).unwrap_or_else(|| clean(tail, 60));
    match of(GAPS, head) {
        Some(known) if tail.is_empty() => known,
        Some(known) => format!("{known} ({tail})"),
        None => clean(what, 80),
    }
}
