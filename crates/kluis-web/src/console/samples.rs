//! Every page of the console with invented content, for tests: texts, form of the HTML, and previews to look at.

use kluis_model::Lang;

use super::check_view::{Chart, CheckPage, CheckRow, ChecksView, Publish, tone_of};
use super::mail_samples::mail_pages;
use super::render::Renderer;
use super::view::*;

/// A moment on 24 November 2026.
pub(crate) const NOW: i64 = 1_795_487_820_000;
pub(crate) const DAY: i64 = 86_400_000;
pub(crate) const ID: &str = "019abf10-7b1c-7d3a-9c41-2f0c3a9b1e55";

/// Renders every page in one language, each with a name.
pub(crate) fn every_page(renderer: &Renderer, lang: Lang) -> Vec<(&'static str, String)> {
    let mut out = public_pages(renderer, lang);
    out.extend(find_pages(renderer, lang));
    out.extend(customer_pages(renderer, lang));
    out.extend(access_pages(renderer, lang));
    out.extend(job_pages(renderer, lang));
    out.extend(tip_pages(renderer, lang));
    out.extend(check_pages(renderer, lang));
    out.extend(mail_pages(renderer, lang));
    out
}

/// Renders a page, naming it when that fails.
pub(crate) fn shown<V: View>(
    renderer: &Renderer,
    lang: Lang,
    name: &'static str,
    frame: Frame,
    view: &V,
) -> (&'static str, String) {
    match renderer.page(lang, &frame, view) {
        Ok(html) => (name, html),
        Err(error) => panic!("{name}: {error:?}"),
    }
}

fn public() -> Frame {
    Frame { path: "/".into(), csrf: "t".into(), ..Frame::default() }
}

pub(crate) fn inside(place: &'static str) -> Frame {
    Frame {
        path: "/console/customers?purpose=order".into(),
        place,
        staff: Some(Staff { name: "Sanne, klantenservice".into() }),
        csrf: "t0k3n".into(),
        ..Frame::default()
    }
}

fn with_notice(place: &'static str, tone: &'static str) -> Frame {
    let notice = Notice { tone, text: "De toestemming is vastgelegd.".into() };
    Frame { notice: Some(notice), ..inside(place) }
}

fn counts() -> Counts {
    Counts { customers: 12_345, erased: 17, purposes: 8, fields: 22, log_lines: 1_234_567, credentials: 4 }
}

pub(crate) fn choice(id: &str, label: &str, chosen: bool) -> Choice {
    Choice { id: id.into(), label: label.into(), chosen }
}

fn purposes() -> Vec<Choice> {
    vec![
        choice("order", "Bestelling afhandelen", true),
        choice("customer_service", "Vragen van klanten beantwoorden", false),
        choice("invoice", "Facturen bewaren", false),
        choice("newsletter", "Nieuwsbrief", false),
    ]
}

pub(crate) fn problem(field: &str, message: &str) -> FieldError {
    FieldError { field: field.into(), message: message.into() }
}

fn certificate(days_left: i64, is_local: bool) -> Certificate {
    Certificate {
        names: vec!["localhost".into(), "kluis.voorbeeld.example".into()],
        issuer: "Klantkluis lokale uitgever".into(),
        from: NOW - 30 * DAY,
        until: NOW + days_left * DAY,
        days_left,
        is_local,
        renewal: (!is_local).then_some(NOW + 20 * DAY),
        problem: (days_left < 0).then(|| "the order was refused: kluis.voorbeeld.example: no route".into()),
    }
}

fn line(number: i64, operation: &str, outcome: &str) -> LogLine {
    LogLine {
        number,
        at: NOW - number * 60_000,
        actor_kind: if number % 2 == 0 { "staff" } else { "connector" }.into(),
        actor: if number % 2 == 0 { "Sanne, klantenservice" } else { "Webwinkel" }.into(),
        operation: operation.into(),
        purpose: (operation != "audit_read").then(|| "Bestelling afhandelen".into()),
        fields: if outcome == "ok" {
            vec!["E-mailadres".into(); usize::try_from(number).unwrap_or(1) * 3]
        } else {
            vec![]
        },
        count: number,
        counts_customers: operation == "read",
        outcome: outcome.into(),
        reason: (outcome != "ok").then(|| "purpose_not_granted".into()),
        subject: (operation == "read").then(|| ID.into()),
    }
}

fn lines() -> Vec<LogLine> {
    vec![
        line(1, "read", "ok"),
        line(2, "audit_read", "ok"),
        line(3, "read", "denied"),
        line(4, "erase", "failed"),
    ]
}

fn shown_fields() -> Vec<ShownField> {
    [
        ("email", "E-mailadres", "noor.van.der.meer@voorbeeld.example"),
        ("phone", "Telefoonnummer", "+31612345678"),
        ("given_name", "Voornaam", "Noor <b>"),
        ("surname", "Achternaam", "Meer"),
        ("postcode", "Postcode", "1234AB"),
        ("city", "Woonplaats", "Wijkdorp"),
    ]
    .map(|(name, label, value)| ShownField { name: name.into(), label: label.into(), value: value.into() })
    .to_vec()
}

fn public_pages(r: &Renderer, lang: Lang) -> Vec<(&'static str, String)> {
    let open = StatusView {
        sealed: false,
        counts: Some(counts()),
        certificate: Some(certificate(60, true)),
        checkpoint_at: Some(NOW),
        check: Some(last_check()),
        watches_mail: true,
    };
    let empty =
        StatusView { counts: Some(Counts::default()), checkpoint_at: None, check: None, ..open.clone() };
    let sealed = StatusView {
        sealed: true,
        counts: None,
        certificate: None,
        checkpoint_at: None,
        check: None,
        watches_mail: false,
    };
    let sign_in = SignInView { idle_minutes: 15, absolute_hours: 12, ..SignInView::default() };
    let wrong = SignInView {
        errors: vec![problem("credential", &r.texts(lang).get("sign-in-error"))],
        ended: Some("idle"),
        wait_minutes: Some(2),
        ..sign_in.clone()
    };
    let long = SignInView { ended: Some("absolute"), ..sign_in.clone() };
    let mut out = vec![
        shown(r, lang, "status", public(), &open),
        shown(r, lang, "status-empty", public(), &empty),
        shown(r, lang, "status-sealed", public(), &sealed),
        shown(r, lang, "sign-in", public(), &sign_in),
        shown(r, lang, "sign-in-wrong", public(), &wrong),
        shown(r, lang, "sign-in-absolute", public(), &long),
    ];
    for kind in ERROR_KINDS {
        let view = ErrorView {
            status: 404,
            kind,
            text: Some("Deze toegang geldt niet voor dit doel.".into()),
            incident: Some("00c0ffee".into()),
            back: "/console".into(),
        };
        out.push(shown(r, lang, kind, inside(""), &view));
    }
    out
}

/// Every kind of error page.
const ERROR_KINDS: [&str; 10] = [
    "not-found",
    "denied",
    "too-many",
    "form",
    "invalid",
    "conflict",
    "sealed",
    "unavailable",
    "integrity",
    "broken",
];

fn find_pages(r: &Renderer, lang: Lang) -> Vec<(&'static str, String)> {
    let blank = FindView {
        purposes: purposes(),
        by: vec![
            choice("name", "Naam", true),
            choice("email", "E-mailadres", false),
            choice("phone", "Telefoonnummer", false),
            choice("customer_number", "Klantnummer", false),
            choice("postcode", "Postcode", false),
        ],
        ..FindView::default()
    };
    let wrong = FindView {
        errors: vec![problem("purpose", "Kies een doel."), problem("text", "Typ wat u zoekt.")],
        ..blank.clone()
    };
    let hit = |n: u32| Hit { id: ID.into(), title: format!("Noor van der Meer {n}"), fields: shown_fields() };
    let bare = Hit { id: ID.into(), title: "Klant 9b1e55".into(), fields: vec![] };
    let found = FindView {
        text: "meer".into(),
        purpose: Some(choice("order", "Bestelling afhandelen", true)),
        hits: Some(vec![hit(1), hit(2), bare]),
        more: true,
        ..blank.clone()
    };
    let none = FindView { hits: Some(vec![]), more: false, ..found.clone() };
    vec![
        shown(r, lang, "customers", inside("customers"), &blank),
        shown(r, lang, "customers-wrong", inside("customers"), &wrong),
        shown(r, lang, "customers-found", inside("customers"), &found),
        shown(r, lang, "customers-none", inside("customers"), &none),
    ]
}

fn customer_pages(r: &Renderer, lang: Lang) -> Vec<(&'static str, String)> {
    let consent = |given: bool, at: Option<i64>| Consent {
        purpose: "newsletter".into(),
        label: "Nieuwsbrief".into(),
        given,
        at,
    };
    let whole = CustomerView {
        id: ID.into(),
        title: Some("Noor van der Meer".into()),
        purposes: purposes(),
        purpose: Some(choice("order", "Bestelling afhandelen", true)),
        basis: Some("contract".into()),
        law: Some("AVG art. 6(1)(b)".into()),
        fields: shown_fields(),
        withheld: ["Geboortedatum", "IBAN", "Notitie"]
            .map(|label| Withheld { label: label.into(), reason: "Dit veld hoort niet bij dit doel.".into() })
            .to_vec(),
        consents: vec![consent(true, Some(NOW)), consent(false, Some(NOW)), consent(false, None)],
        reads: lines(),
        may_erase: true,
        may_consent: true,
        may_access: true,
    };
    let unchosen = CustomerView {
        purpose: None,
        title: None,
        fields: vec![],
        withheld: vec![],
        consents: vec![],
        reads: vec![],
        ..whole.clone()
    };
    let kept = vec![Kept {
        purpose: "Facturen bewaren".into(),
        law: "AWR art. 52(4)".into(),
        until: Some(NOW + 2000 * DAY),
        fields: vec!["Achternaam".into(), "Straat".into()],
    }];
    let erase =
        EraseView { id: ID.into(), kept: kept.clone(), backups_until: Some(NOW + 30 * DAY), errors: vec![] };
    let erase_wrong = EraseView {
        kept: vec![],
        backups_until: None,
        errors: vec![problem("sure", "Zet een vinkje.")],
        ..erase.clone()
    };
    let erased = ErasedView {
        id: ID.into(),
        at: NOW,
        kept,
        backups_until: Some(NOW + 30 * DAY),
        receipt: format!(
            "klantkluis/wisbewijs v1\n{ID}\n2026-11-24T02:37:00.000Z\n\n— node1 kX1p9c0m2yq0qf3zTz8=\n"
        ),
    };
    vec![
        shown(r, lang, "customer", with_notice("customers", "ok"), &whole),
        shown(r, lang, "customer-unchosen", with_notice("customers", "warn"), &unchosen),
        shown(r, lang, "erase", inside("customers"), &erase),
        shown(r, lang, "erase-wrong", inside("customers"), &erase_wrong),
        shown(r, lang, "erased", inside("customers"), &erased),
    ]
}

pub(crate) fn credential(name: &str, kind: &str) -> Credential {
    Credential {
        id: ID.into(),
        name: name.into(),
        kind: kind.into(),
        purposes: vec!["Bestelling afhandelen".into()],
        fields: vec!["E-mailadres".into()],
        rows_per_hour: Some(1_000),
        subjects_per_day: Some(1),
        created: NOW - 90 * DAY,
        used: Some(NOW),
        revoked: None,
        expired: false,
        is_own: kind == "staff",
    }
}

fn access_pages(r: &Renderer, lang: Lang) -> Vec<(&'static str, String)> {
    let unlimited = Credential {
        purposes: vec![],
        fields: vec![],
        rows_per_hour: None,
        subjects_per_day: None,
        used: None,
        revoked: Some(NOW),
        ..credential("Oud verzendprogramma", "connector")
    };
    let expired = Credential { expired: true, ..credential("Proef", "connector") };
    let list = ConnectorsView {
        credentials: vec![
            credential("Sanne", "staff"),
            credential("Webwinkel", "connector"),
            expired,
            unlimited,
        ],
        may_change: true,
    };
    let masks = vec![
        choice("", "Helemaal te lezen", true),
        choice("last_four", "Alleen de laatste vier tekens", false),
    ];
    let field = |name: &str, label: &str| FieldChoice {
        name: name.into(),
        label: label.into(),
        chosen: name == "email",
        masks: masks.clone(),
    };
    let connector = ConnectorNewView {
        kind: "connector".into(),
        name: "Webwinkel".into(),
        purposes: purposes(),
        operations: vec![choice("read", "Gelezen", true), choice("create", "Klant toegevoegd", false)],
        fields: vec![field("email", "E-mailadres"), field("iban", "IBAN")],
        rows_per_hour: "x".into(),
        errors: vec![
            problem("name", "Vul een naam in."),
            problem("purposes", "Kies ten minste één doel."),
            problem("operations", "Kies ten minste één handeling."),
            problem("rows_per_hour", "Vul een heel getal in."),
            problem("subjects_per_day", "Vul een heel getal in."),
        ],
        ..ConnectorNewView::default()
    };
    let staff = ConnectorNewView {
        kind: "staff".into(),
        roles: ["owner", "support", "auditor"]
            .map(|id| choice(id, &r.texts(lang).get(&format!("role-{id}")), id == "support"))
            .to_vec(),
        ..ConnectorNewView::default()
    };
    let secret = SecretView {
        name: "Webwinkel".into(),
        kind: "connector".into(),
        secret: "kkc_8N3QWZ0V5T7M2K9C4B6D1F8H3J5G7P9R2S4X6Y0A".into(),
    };
    let revoke = RevokeView { id: ID.into(), name: "Webwinkel".into(), kind: "connector".into() };
    vec![
        shown(r, lang, "connectors", inside("connectors"), &list),
        shown(r, lang, "connectors-none", inside("connectors"), &ConnectorsView::default()),
        shown(r, lang, "connector-new", inside("connectors"), &connector),
        shown(r, lang, "staff-new", inside("connectors"), &staff),
        shown(r, lang, "secret", inside("connectors"), &secret),
        shown(
            r,
            lang,
            "secret-staff",
            inside("connectors"),
            &SecretView { kind: "staff".into(), ..secret.clone() },
        ),
        shown(r, lang, "revoke", inside("connectors"), &revoke),
        shown(
            r,
            lang,
            "revoke-staff",
            inside("connectors"),
            &RevokeView { kind: "staff".into(), ..revoke.clone() },
        ),
    ]
}

fn job_pages(r: &Renderer, lang: Lang) -> Vec<(&'static str, String)> {
    let overview = OverviewView {
        counts: counts(),
        attention: vec![
            Attention {
                tone: "warn",
                text: "1 export wacht op goedkeuring.".into(),
                href: Some("/console/exports".into()),
            },
            Attention { tone: "bad", text: "Het certificaat is verlopen.".into(), href: None },
        ],
        events: lines(),
        checkpoint_at: Some(NOW),
    };
    let audit = AuditView {
        lines: lines(),
        operations: vec![choice("read", "Gelezen", false), choice("erase", "Gewist", true)],
        outcomes: vec![choice("ok", "gelukt", false), choice("denied", "geweigerd", false)],
        subject: "geen id".into(),
        errors: vec![problem("subject", "Dit is geen klantnummer van de kluis.")],
        older: Some("/console/audit?before=1".into()),
        checkpoint: Some("klantkluis/node1\n1234567\nq0TsHp1y1N3kOnDTCTKvHhXoWvjvHkQ0n1Jj2rX0hY4=\n\n— klantkluis/node1 kX1p9c0m\n".into()),
        checkpoint_size: 1_234_567,
        may_verify: true,
    };
    let verified = VerifyView { at: NOW, log_lines: 1_234_567, rows: 12_345, ..VerifyView::default() };
    let tampered = VerifyView {
        problems: vec![VerifyProblem { text: "Klantrij 019abf10-… past niet bij logregel 12.".into() }],
        ..verified.clone()
    };
    let run = |state: &str| ImportRow {
        id: ID.into(),
        shape: "WooCommerce".into(),
        state: state.into(),
        at: NOW,
        lines: 5_000,
        created: 4_900,
    };
    let import = ImportView {
        imports: IMPORT_STATES.map(run).to_vec(),
        file_mib_max: 1024,
        errors: vec![problem("file", "Kies een bestand.")],
    };
    let mut out = vec![
        shown(r, lang, "overview", inside("overview"), &overview),
        shown(r, lang, "overview-empty", inside("overview"), &OverviewView::default()),
        shown(r, lang, "audit", inside("audit"), &audit),
        shown(r, lang, "audit-none", inside("audit"), &AuditView::default()),
        shown(r, lang, "verify", inside("audit"), &verified),
        shown(r, lang, "verify-bad", inside("audit"), &tampered),
        shown(r, lang, "verify-running", inside("audit"), &VerifyView { running: true, ..verified.clone() }),
        shown(r, lang, "import", inside("import"), &import),
        shown(r, lang, "import-none", inside("import"), &ImportView::default()),
    ];
    for state in IMPORT_STATES {
        out.push(shown(r, lang, import_name(state), inside("import"), &import_job(state)));
    }
    out.push(shown(r, lang, "exports", inside("exports"), &exports()));
    out.push(shown(r, lang, "exports-none", inside("exports"), &ExportsView::default()));
    out
}

/// Every state of an import.
const IMPORT_STATES: [&str; 7] =
    ["uploading", "checking", "checked", "running", "done", "failed", "cancelled"];

fn import_name(state: &str) -> &'static str {
    match state {
        "checked" => "import-checked",
        "running" => "import-running",
        "done" => "import-done",
        "failed" => "import-failed",
        "cancelled" => "import-cancelled",
        "uploading" => "import-uploading",
        _ => "import-checking",
    }
}

fn import_job(state: &str) -> ImportJobView {
    let column = |header: &str, field: Option<&str>, reason: Option<&str>| Column {
        header: header.into(),
        field: field.map(str::to_owned),
        reason: reason.map(str::to_owned),
    };
    ImportJobView {
        id: ID.into(),
        state: state.into(),
        shape: "WooCommerce".into(),
        lines: 5_000,
        percent: Some(42),
        created: 4_900,
        existing: 90,
        rejected: 10,
        columns: vec![
            column("billing_email", Some("E-mailadres"), None),
            column("billing_postcode", Some("Postcode"), None),
            column("date_of_birth", None, Some("onbekende kolom")),
            column("user_pass", None, None),
        ],
        dropped: vec![Tally { label: "Geboortedatum (geen doel)".into(), count: 4_900 }],
        problem: (state == "failed").then(|| "De opslag is nu niet bereikbaar.".into()),
    }
}

fn exports() -> ExportsView {
    let job = |state: &str, is_own: bool| ExportRow {
        id: ID.into(),
        purpose: "Nieuwsbrief".into(),
        fields: vec!["E-mailadres".into()],
        state: state.into(),
        asked_by: "Sanne".into(),
        asked_at: NOW,
        approved_by: (state == "approved").then(|| "Ravi".into()),
        may_approve: state == "requested" && !is_own,
        may_fetch: state == "approved",
        is_own,
    };
    ExportsView {
        exports: vec![
            job("requested", false),
            job("requested", true),
            job("approved", true),
            job("done", true),
            job("refused", true),
            job("expired", true),
        ],
        purposes: purposes(),
        errors: vec![problem("purpose", "Kies een doel.")],
        may_request: true,
    }
}

fn tip_pages(r: &Renderer, lang: Lang) -> Vec<(&'static str, String)> {
    let store = StoreView {
        counts: counts(),
        engine: "SQLite".into(),
        suite: "AES-256-GCM-SIV".into(),
        epoch: 3,
        epoch_at: Some(NOW - 12 * DAY),
        checkpoint_at: Some(NOW),
    };
    let bases = ["contract", "legal_obligation", "consent", "legitimate_interest", "soft_opt_in"];
    let starts = [
        "created",
        "last_activity",
        "order_completed",
        "invoice_year_end",
        "consent_withdrawn",
        "complaint_closed",
    ];
    let purpose = |n: usize| PurposeRow {
        id: "order".into(),
        label: "Bestelling afhandelen".into(),
        basis: bases[n % bases.len()].into(),
        law: "AVG art. 6(1)(b)".into(),
        keep: "7 jaar".into(),
        start: starts[n % starts.len()].into(),
        fields: vec!["E-mailadres".into(), "Achternaam".into(), "Postcode".into()],
    };
    let usage = |label: &str, reads: i64| UsageRow { label: label.into(), purposes: 2, reads };
    let necessary = NecessaryView {
        purposes: (0..6).map(purpose).collect(),
        usage: vec![usage("E-mailadres", 1_204), usage("Geboortedatum", 0)],
        days: 180,
        unread: 1,
    };
    let together = TogetherView { counts: counts(), consents: purposes() };
    vec![
        shown(
            r,
            lang,
            "tip-https",
            inside("https"),
            &HttpsView { certificate: Some(certificate(12, true)), check: Some(last_check()) },
        ),
        shown(
            r,
            lang,
            "tip-https-ended",
            inside("https"),
            &HttpsView { certificate: Some(certificate(-3, false)), check: None },
        ),
        shown(r, lang, "tip-https-unknown", inside("https"), &HttpsView::default()),
        shown(r, lang, "tip-store", inside("store"), &store),
        shown(r, lang, "tip-necessary", inside("necessary"), &necessary),
        shown(r, lang, "tip-necessary-none", inside("necessary"), &NecessaryView::default()),
        shown(r, lang, "tip-together", inside("together"), &together),
        shown(r, lang, "tip-together-none", inside("together"), &TogetherView::default()),
    ]
}

fn last_check() -> LastCheck {
    LastCheck { id: ID.into(), domain: "winkel.example".into(), grade: "B".into(), tone: "orange", at: NOW }
}

fn check_row(n: i64, state: &'static str) -> CheckRow {
    let is_done = state == "done";
    let grades = ["A", "B", "D", "A+"];
    let grade = grades[usize::try_from(n).unwrap_or(0) % grades.len()];
    CheckRow {
        id: ID.into(),
        domain: if n % 2 == 0 { "winkel.example" } else { "www.een-hele-lange-naam-van-een-winkel.example" }
            .into(),
        at: NOW - n * DAY,
        state,
        grade: is_done.then(|| grade.to_owned()),
        tone: if is_done { tone_of(grade) } else { "unknown" },
        score: 95 - n * 11 % 60,
        findings: n,
        is_this: n == 0,
    }
}

fn check_page(state: &'static str) -> CheckPage {
    CheckPage {
        id: ID.into(),
        domain: "winkel.example".into(),
        at: NOW,
        state,
        part: (state == "running").then(|| "Verbinding".into()),
        percent: (state == "running").then_some(40),
        problem: (state == "failed").then(|| "De naam winkel.example bestaat niet in de DNS.".into()),
        hint: (state == "failed").then(|| "Controleer de spelling.".into()),
        owner: None,
        report: None,
        changes: Vec::new(),
        previous_at: None,
        previous: None,
        history: Vec::new(),
        chart: None,
    }
}

/// A report with a finding of every rule and texts that try to break out of the page.
fn check_report(lang: Lang) -> kluis_checks::report::View {
    use kluis_checks::{Finding, Proof, rules};
    let mut report = kluis_checks::judge(&kluis_checks::Evidence::default());
    report.target.host = "winkel.example".into();
    let hostile = "<b>\"'</p><script>alert(1)</script> http://winkel.example/?a=*";
    let finding = |rule: &kluis_checks::Rule| Finding {
        rule: rule.id.to_owned(),
        severity: rule.severity,
        protections: rule.protections.to_vec(),
        part: rule.part,
        proofs: (0..8).map(|n| Proof { place: format!("{n} {hostile}"), seen: hostile.into() }).collect(),
        proofs_more: 3,
        gain: 4,
    };
    report.findings = rules::all().map(finding).collect();
    report.passed = rules::all().map(|rule| rule.id.to_owned()).collect();
    report.gaps = vec![kluis_checks::facts::Gap { what: "dnssec".into(), why: hostile.into() }];
    kluis_checks::report::fragment_context(&report, lang)
}

fn check_pages(r: &Renderer, lang: Lang) -> Vec<(&'static str, String)> {
    let rows: Vec<CheckRow> = (0..9).map(|n| check_row(n, "done")).collect();
    let mixed = ["queued", "running", "done", "failed"];
    let list = ChecksView {
        checks: mixed.into_iter().zip(0..).map(|(state, n)| check_row(n, state)).collect(),
        ..ChecksView::default()
    };
    let wrong = ChecksView {
        domain: "<b>geen domein".into(),
        is_own: true,
        errors: vec![problem("domain", "Dit is geen domein.")],
        checks: Vec::new(),
    };
    let done = CheckPage {
        report: Some(check_report(lang)),
        owner: Some(Publish {
            text: "klantkluis-owner=0123".into(),
            record: "winkel.example".into(),
            file: "winkel.example/.well-known/klantkluis".into(),
        }),
        changes: vec!["Cijfer A → B (95 → 84)".into(), "Nieuw: iets".into()],
        previous_at: Some(NOW - DAY),
        previous: Some(ID.into()),
        chart: Chart::of(&rows),
        history: rows,
        ..check_page("done")
    };
    let plain = CheckPage { report: Some(good_report(lang)), ..check_page("done") };
    vec![
        shown(r, lang, "checks", inside("checks"), &list),
        shown(r, lang, "checks-none", inside("checks"), &ChecksView::default()),
        shown(r, lang, "checks-wrong", inside("checks"), &wrong),
        shown(r, lang, "check-queued", inside("checks"), &check_page("queued")),
        shown(r, lang, "check-running", inside("checks"), &check_page("running")),
        shown(r, lang, "check-failed", inside("checks"), &check_page("failed")),
        shown(r, lang, "check-done", inside("checks"), &done),
        shown(r, lang, "check-good", inside("checks"), &plain),
    ]
}

/// A report without a finding.
fn good_report(lang: Lang) -> kluis_checks::report::View {
    let mut report = kluis_checks::judge(&kluis_checks::Evidence::default());
    report.target.host = "winkel.example".into();
    report.findings.clear();
    report.gaps.clear();
    kluis_checks::report::fragment_context(&report, lang)
}
