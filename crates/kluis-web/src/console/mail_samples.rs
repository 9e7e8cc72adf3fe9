//! Every page about mail in the shop's name with invented content, for tests and to look at.

use kluis_model::Lang;

use super::mail_chart::{Bars, spark};
use super::mail_view::*;
use super::render::Renderer;
use super::samples::{DAY, ID, NOW, choice, credential, inside, problem, shown};

/// What tries to break out of a page.
const HOSTILE: &str = "<b>\"'</p><script>alert(1)</script> http://winkel.example/?a=*";
const KEY: &str = "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAuzYrM0nU1h8d0l4h0mCkq6wS0b7Z8m0y1QK8w7p4L2n9v5t3e6r1x0z9c8b7n6m5k4j3h2g1f0d9s8a7q6w5e4r3t2y1u0i9o8p7a6s5d4f3g2h1j0k9l8z7x6c5v4b3n2m1QwErTyUiOpAsDfGhJkLzXcVbNm0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ab==";

/// The pages.
pub(crate) fn mail_pages(r: &Renderer, lang: Lang) -> Vec<(&'static str, String)> {
    let mut pages = main_pages(r, lang);
    pages.extend(report_pages(r, lang));
    pages.extend(tool_pages(r, lang));
    pages
}

fn main_pages(r: &Renderer, lang: Lang) -> Vec<(&'static str, String)> {
    let place = || inside("phishing");
    let full = overview(lang);
    let calm = MailView {
        light: light("ok", "Uw mail is goed herkenbaar en nepmail wordt geweigerd."),
        next: None,
        misuse: Misuse::default(),
        lookalikes: Vec::new(),
        lookalikes_total: 0,
        changes: Vec::new(),
        quarantine: 0,
        ..overview(lang)
    };
    let fresh = MailView {
        domain: Some("winkel.example".into()),
        light: light("plain", "We weten nog niet genoeg om te oordelen."),
        streams: vec![stream("shop", "plain", 0)],
        periods: periods(),
        days: 30,
        next: Some(NextAction { record: None, ..next() }),
        ..MailView::default()
    };
    let undeclared = MailView { domain: None, light: Light::default(), next: None, ..overview(lang) };
    let sender = |category: &'static str| SenderView {
        sender: row(1, category, HOSTILE, 1_204),
        periods: periods(),
        days: 30,
        chart: bars("sender", &["passed", "failed"], 30, 40),
        streams: vec![
            SenderStream { stream: "nieuws".into(), ..numbers() },
            SenderStream { stream: String::new(), ..numbers() },
        ],
        advice: vec!["Zet bij de dienst DKIM aan.".into()],
        may_disown: category == "service",
    };
    let nobody = SenderView { chart: None, streams: Vec::new(), ..sender("own") };
    vec![
        shown(r, lang, "mail", place(), &full),
        shown(r, lang, "mail-calm", place(), &calm),
        shown(r, lang, "mail-fresh", place(), &fresh),
        shown(r, lang, "mail-undeclared", place(), &MailView::default()),
        shown(r, lang, "mail-undeclared-seen", place(), &undeclared),
        shown(r, lang, "mail-sender", place(), &sender("service")),
        shown(r, lang, "mail-sender-none", place(), &nobody),
    ]
}

fn light(tone: &'static str, text: &str) -> Light {
    Light { tone, text: text.into() }
}

fn periods() -> Vec<crate::console::view::Choice> {
    vec![choice("7", "7 dagen", false), choice("30", "30 dagen", true), choice("90", "90 dagen", false)]
}

/// Numbers that go up and down in a week, and a wave of misuse.
fn bars(id: &'static str, series: &[&'static str], days: i32, scale: u64) -> Option<Bars> {
    let count = |day: i32, n: usize| {
        let week = [9, 10, 8, 11, 12, 4, 3][usize::try_from(day).unwrap_or(0) % 7];
        match n {
            0 => week * scale,
            1 => {
                if day % 7 == 2 {
                    scale * 40
                } else {
                    scale / 3
                }
            }
            2 => week * scale / 9,
            3 => u64::from(day % 11 == 3) * 37,
            _ => u64::from((14..19).contains(&day)) * 6 * scale * u64::try_from(day - 12).unwrap_or(1),
        }
    };
    let rows: Vec<(i32, Vec<u64>)> = (0..days)
        .map(|day| (20_781 - days + day, (0..series.len()).map(|n| count(day, n)).collect()))
        .collect();
    Bars::draw(id, series, &rows)
}

fn row(n: usize, category: &'static str, name: &str, messages: i64) -> SenderRow {
    SenderRow {
        key: format!("spotler-{n}"),
        name: name.into(),
        kind: (category == "service").then(|| "Software voor nieuwsbrieven".into()),
        category,
        is_declared: n.is_multiple_of(2),
        messages,
        passed_share: ["99,9 %", "97,1 %", "0 %"][n % 3].into(),
        tone: ["ok", "warn", "bad"][n % 3],
        streams: if n.is_multiple_of(4) { vec![] } else { vec!["winkel".into(), "nieuws".into()] },
        spark: spark(&(0..30).map(|day| (day * 7 + n as u64 * 3) % 11).collect::<Vec<u64>>()),
    }
}

fn numbers() -> SenderStream {
    SenderStream {
        stream: String::new(),
        messages: 12_041,
        passed: 12_000,
        dkim: 11_990,
        spf: 9_000,
        quarantined: 30,
        rejected: 11,
    }
}

fn stream(kind: &'static str, tone: &'static str, messages: i64) -> StreamCard {
    StreamCard {
        id: "winkel".into(),
        kind,
        domain: "bestelling.winkel.example".into(),
        light: light(tone, "99,8 % van deze mail is goed ondertekend; nepmail wordt geweigerd."),
        messages,
        signed_share: (messages > 0).then(|| "99,8 %".into()),
        reconciled: (messages > 0)
            .then(|| "Wij ondertekenden 1.204 mails, ontvangers meldden er 1.198.".into()),
        facts: vec!["Drie ontvangers sturen rapporten.".into(), HOSTILE.into()],
    }
}

fn next() -> NextAction {
    NextAction {
        title: "Zet het beleid van winkel.example op ‘weigeren, op proef’.".into(),
        why: vec![
            "Al 34 dagen is 99,9 % van uw eigen mail goed ondertekend.".into(),
            "Vijf ontvangers sturen rapporten.".into(),
        ],
        record: Some(RecordView::new(
            "next".into(),
            "winkel.example",
            "TXT",
            "_dmarc.winkel.example",
            "v=DMARC1; p=reject; t=y; sp=reject; np=reject; rua=mailto:dmarc@rapport.winkel.example",
        )),
    }
}

fn keys() -> Vec<KeyRow> {
    let record = |id: &str| {
        let mut record =
            RecordView::new(id.into(), "winkel.example", "TXT", "kk202611._domainkey.winkel.example", KEY);
        record.ttl = Some(3_600);
        record
    };
    let key = |n: i64, tone: &'static str, kind: &str| KeyRow {
        domain: "winkel.example".into(),
        selector: format!("kk20261{n}"),
        kind: kind.into(),
        created: NOW - n * 190 * DAY,
        age_days: n * 190,
        state: "ondertekent".into(),
        tone,
        advice: "Niets te doen: mail wordt hiermee ondertekend.".into(),
        record: (tone != "plain").then(|| record(&format!("key-{n}"))),
    };
    vec![
        key(0, "warn", "rsa2048"),
        key(1, "ok", "ed25519"),
        key(2, "bad", "rsa2048"),
        key(3, "plain", "rsa2048"),
    ]
}

fn lookalikes() -> Vec<LookalikeRow> {
    let row = |domain: &str, shown: Option<&str>, points: i64, tone: &'static str| LookalikeRow {
        domain: domain.into(),
        shown: shown.map(str::to_owned),
        points,
        tone,
        reasons: vec!["Kan mail ontvangen.".into(), "Heeft een website.".into()],
        is_new: points > 80,
    };
    vec![
        row("xn--wnkel-0ra.example", Some("wínkel.example"), 92, "bad"),
        row("winkel-betaling.example", None, 64, "warn"),
        row("wlnkel.example", None, 12, "ok"),
    ]
}

fn overview(lang: Lang) -> MailView {
    let series = ["own", "service", "forwarder", "unknown", "misuse"];
    let parts = vec![("Spotler".into(), 3), ("Microsoft 365".into(), 2), (HOSTILE.into(), 2)];
    let stage = |stage: &'static str, done: i64, tone: &'static str| PolicyCard {
        domain: "winkel.example".into(),
        tone,
        stage: Some(stage),
        done,
        summary: "Spammap sinds 34 dagen.".into(),
        evidence: vec!["34 dagen op deze stap.".into()],
        blockers: if done < 3 { vec!["Spotler ondertekent niet met uw domein.".into()] } else { vec![] },
    };
    MailView {
        domain: Some("winkel.example".into()),
        light: light("warn", "Uw nieuwsbrief is niet altijd herkenbaar als van u."),
        periods: periods(),
        days: 30,
        next: Some(next()),
        if_reject: Some(
            "0 bestelmails en 12 nieuwsbrieven (Spotler, DKIM ontbreekt) zouden zijn geweigerd.".into(),
        ),
        streams: vec![
            stream("shop", "ok", 1_204),
            stream("newsletter", "warn", 40_210),
            stream("office", "bad", 817),
        ],
        chart: bars("mails", &series, if lang == Lang::Nl { 30 } else { 90 }, 40),
        senders: vec![
            row(0, "service", "Spotler", 40_210),
            row(1, "service", "Mailchimp", 311),
            row(3, "own", "Uw eigen server in 192.0.2.0/24", 1_204),
            row(4, "forwarder", "Doorstuurders", 88),
            row(5, "unknown", HOSTILE, 12),
        ],
        senders_more: 3,
        misuse: Misuse {
            messages: 3_940,
            rejected: 3_100,
            quarantined: 620,
            delivered: 220,
            chart: bars("fake", &["own"], 30, 7).map(|mut bars| {
                bars.series[0].id = "misuse";
                bars.bars.iter_mut().flat_map(|bar| &mut bar.parts).for_each(|part| part.series = "misuse");
                bars
            }),
        },
        budgets: vec![
            Budget::new("winkel.example".into(), 7, 10, parts),
            Budget::new("nieuws.winkel.example".into(), 12, 10, Vec::new()),
            Budget { is_absent: true, ..Budget::new("oud.winkel.example".into(), 0, 10, Vec::new()) },
        ],
        keys: keys(),
        lookalikes: lookalikes(),
        lookalikes_total: 9,
        lookalikes_at: Some(NOW - DAY),
        policies: vec![stage("quarantine", 2, "warn"), stage("reject", 3, "ok")],
        changes: vec![ChangeRow {
            at: NOW - DAY,
            tone: "warn",
            text: "Het SPF-record kreeg er een include bij.".into(),
        }],
        dns_at: Some(NOW),
        quarantine: 2,
        reporters: ["google.com", "Outlook.com", "Yahoo", "Ziggo", "KPN", "XS4ALL", HOSTILE]
            .map(str::to_owned)
            .to_vec(),
        vault: VaultPart {
            readers: vec![credential("Sanne", "staff"), credential("Webwinkel", "connector")],
            reads: 1_204,
            days: 30,
        },
    }
}

fn report_pages(r: &Renderer, lang: Lang) -> Vec<(&'static str, String)> {
    let report = |kind: &str, org: &str| ReportRow {
        id: ID.into(),
        kind: kind.into(),
        org: org.into(),
        domain: "winkel.example".into(),
        begin: NOW - 2 * DAY,
        end: NOW - DAY,
        messages: 1_204,
    };
    let list = ReportsView {
        reports: vec![report("dmarc", "google.com"), report("tls", HOSTILE), report("failure", "Yahoo")],
        file_mib_max: 25,
        errors: vec![problem("file", "Kies een bestand dat niet leeg is.")],
        taken: Some(Taken {
            new: 3,
            known: 1,
            tls: 1,
            quarantined: vec!["Het archief is beschadigd.".into()],
            refused: 2,
        }),
        may_change: true,
        quarantine: 1,
    };
    let line = |n: usize| ReportLine {
        source: "2001:db8:1234:5678:9abc:def0:1234:5678".into(),
        name: if n == 0 { String::new() } else { HOSTILE.into() },
        category: ["own", "service", "forwarder", "unknown", "misuse"][n],
        messages: 204,
        from: "nieuws.winkel.example".into(),
        dkim: n.is_multiple_of(2),
        spf: n < 2,
        disposition: ["none", "quarantine", "reject", "pass", "unknown"][n],
    };
    let one = ReportView {
        report: report("dmarc", HOSTILE),
        rows: (0..5).map(line).collect(),
        more: 17,
        problems: vec!["Het rapport brak af.".into()],
        tls: None,
    };
    let tls = ReportView {
        rows: Vec::new(),
        more: 0,
        problems: Vec::new(),
        tls: Some((1_200, 4)),
        report: report("tls", "Google"),
    };
    let quarantine = QuarantineView {
        items: vec![QuarantineRow {
            id: ID.into(),
            at: NOW,
            source: "smtp".into(),
            reason: HOSTILE.into(),
            size: 20_481,
        }],
        may_change: true,
    };
    let place = || inside("mail-reports");
    vec![
        shown(r, lang, "mail-reports", place(), &list),
        shown(r, lang, "mail-reports-none", place(), &ReportsView::default()),
        shown(r, lang, "mail-report", place(), &one),
        shown(r, lang, "mail-report-tls", place(), &tls),
        shown(r, lang, "mail-quarantine", place(), &quarantine),
        shown(r, lang, "mail-quarantine-none", place(), &QuarantineView::default()),
    ]
}

fn tool_pages(r: &Renderer, lang: Lang) -> Vec<(&'static str, String)> {
    let kinds = vec![choice("rsa2048", "RSA 2048", true), choice("ed25519", "Ed25519", false)];
    let keys = KeysView {
        keys: keys(),
        domains: vec![choice("winkel.example", "winkel.example", true)],
        kinds,
        errors: vec![problem("domain", "Kies een domein.")],
        may_change: true,
    };
    let no_keys = KeysView { may_change: true, ..KeysView::default() };
    let record = |id: &str, kind: &str, name: &str, value: &str| {
        RecordView::new(id.into(), "winkel.example", kind, name, value)
    };
    let step = |n: usize| PlanStep {
        title: "Zeg welke servers namens u mogen mailen (SPF)".into(),
        why: HOSTILE.into(),
        wait: (n == 1).then(|| "30 dagen".into()),
        stream: (n == 1).then(|| "winkel".into()),
        records: vec![
            record(
                &format!("{n}-0"),
                "TXT",
                "winkel.example",
                "v=spf1 include:_spf.dienst.example ip4:192.0.2.10 -all",
            ),
            record(&format!("{n}-1"), "CNAME", "mta-sts.winkel.example", "kluis.winkel.example"),
        ],
        files: vec![
            ("mta-sts.txt".into(), "version: STSv1\nmode: testing\nmx: mx.winkel.example\n".into());
            n / 2
        ],
        todo: vec!["Zoek bij Spotler op welk record u krijgt.".into(); n],
    };
    let difference = |tone: &'static str, n: usize| PlanDifference {
        tone,
        name: "_dmarc.winkel.example".into(),
        text: "Er is nog niets gepubliceerd.".into(),
        published: vec![HOSTILE.into(); n],
        record: (n < 2)
            .then(|| record(&format!("d-{n}"), "TXT", "_dmarc.winkel.example", "v=DMARC1; p=none")),
    };
    let plan = PlanView {
        domain: Some("winkel.example".into()),
        steps: (0..3).map(step).collect(),
        differences: Some(vec![difference("warn", 1), difference("bad", 0), difference("plain", 2)]),
        problem: None,
    };
    let same = PlanView { differences: Some(Vec::new()), ..plan.clone() };
    let silent =
        PlanView { differences: None, problem: Some("De DNS antwoordt niet.".into()), ..plan.clone() };
    let what_if = WhatIfView {
        policies: vec![choice("quarantine", "Spammap", false), choice("reject", "Weigeren", true)],
        periods: periods(),
        record: "v=DMARC1; p=nonsense".into(),
        spf: String::new(),
        errors: vec![problem("record", "Dit is geen DMARC-record.")],
        outcome: None,
    };
    let source = |category: &'static str, stream: &str| WhatIfRow {
        name: HOSTILE.into(),
        category,
        stream: stream.into(),
        messages: 1_204,
        passed: 1_192,
        quarantined: 0,
        rejected: 12,
        reason: (category == "service").then(|| "DKIM ontbreekt".into()),
    };
    let outcome = WhatIf {
        light: light("warn", "0 bestelmails en 12 nieuwsbrieven zouden zijn geweigerd."),
        record: "v=DMARC1; p=reject".into(),
        days: 30,
        messages: 42_231,
        remarks: vec!["Een schatting: rapporten noemen geen losse mails.".into()],
        sources: vec![source("service", "nieuws"), source("misuse", "")],
    };
    let replayed =
        WhatIfView { outcome: Some(outcome), errors: Vec::new(), record: String::new(), ..what_if.clone() };
    let names = LookalikesView {
        domain: Some("winkel.example".into()),
        rows: lookalikes(),
        at: Some(NOW),
        tried: 1_400,
        may_change: true,
        ..LookalikesView::default()
    };
    let running = LookalikesView { is_running: true, percent: Some(40), ..names.clone() };
    let failed =
        LookalikesView { rows: Vec::new(), problem: Some("De DNS antwoordt niet.".into()), ..names.clone() };
    let waiting = QueueRow {
        id: ID.into(),
        stream: "winkel".into(),
        receiver: "overig".into(),
        at: NOW - DAY,
        due: NOW,
        attempts: 7,
        last: Some("451 4.7.1".into()),
        state: "waiting",
    };
    let queue = QueueView {
        waiting: 1,
        held: 0,
        oldest: Some(NOW - DAY),
        bytes: 20_481,
        rows: vec![waiting],
        may_change: true,
    };
    vec![
        shown(r, lang, "mail-keys", inside("mail-keys"), &keys),
        shown(r, lang, "mail-keys-none", inside("mail-keys"), &no_keys),
        shown(r, lang, "mail-keys-read", inside("mail-keys"), &KeysView::default()),
        shown(r, lang, "mail-plan", inside("mail-plan"), &plan),
        shown(r, lang, "mail-plan-same", inside("mail-plan"), &same),
        shown(r, lang, "mail-plan-silent", inside("mail-plan"), &silent),
        shown(r, lang, "mail-plan-none", inside("mail-plan"), &PlanView::default()),
        shown(r, lang, "mail-what-if", inside("phishing"), &what_if),
        shown(r, lang, "mail-what-if-done", inside("phishing"), &replayed),
        shown(r, lang, "mail-lookalikes", inside("mail-lookalikes"), &names),
        shown(r, lang, "mail-lookalikes-running", inside("mail-lookalikes"), &running),
        shown(r, lang, "mail-lookalikes-failed", inside("mail-lookalikes"), &failed),
        shown(r, lang, "mail-lookalikes-none", inside("mail-lookalikes"), &LookalikesView::default()),
        shown(r, lang, "mail-queue", inside("phishing"), &queue),
        shown(r, lang, "mail-queue-none", inside("phishing"), &QueueView::default()),
    ]
}
