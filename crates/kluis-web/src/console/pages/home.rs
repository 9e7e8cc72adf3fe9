//! The overview and a page per tip: what the vault holds, how it is kept, and what needs attention.

use std::collections::BTreeMap;

use kluis_app::{AppError, AuditEntry, AuditQuery};
use kluis_model::{FieldName, LegalBasis, Operation, Outcome};

use crate::console::answer::Answer;
use crate::console::check_view::tone_of;
use crate::console::view::{
    Attention, HttpsView, LastCheck, LogLine, NecessaryView, OverviewView, StoreView, TogetherView, UsageRow,
};
use crate::console::visit::Signed;
use crate::console::words::{Words, attention, certificate, counts, number};

/// Log lines on the overview.
const EVENTS_MAX: usize = 8;
/// Log lines looked at to find those: that somebody looked at the log is no news.
const EVENTS_READ: u32 = 60;
/// Days over which the use of fields is counted.
const USAGE_DAYS: u32 = 180;

/// `GET /console`
pub(crate) async fn overview(signed: Signed) -> Answer {
    let console = &signed.visit.console;
    let app = &console.state.app;
    let register = app.register();
    let words = Words { register: &register, texts: signed.visit.texts() };
    let status = app.status(&signed.actor).await.map_err(|error| signed.fail_at(&error, "/"))?;
    let events = events(&signed, &words).await.map_err(|error| signed.fail_at(&error, "/"))?;
    let mut notes = attention(&status.attention, signed.visit.lang);
    let certificate = console.state.certificate_report().attention(app.now());
    notes.extend(attention(certificate.as_slice(), signed.visit.lang));
    if !status.search_ready {
        notes.push(Attention { tone: "warn", text: words.texts.get("attention-search"), href: None });
    }
    notes.extend(exports_note(&signed).await);
    let refused = events.iter().filter(|line| line.outcome != Outcome::Ok.id()).count() as u64;
    if refused > 0 {
        let text = words.texts.with("attention-denied", "n", number(refused));
        notes.push(Attention { tone: "warn", text, href: Some("/console/audit?outcome=denied".into()) });
    }
    let view = OverviewView {
        counts: counts(&status),
        attention: notes,
        events,
        checkpoint_at: status.checkpoint_at.map(|at| at.0),
    };
    Ok(signed.page(&signed.frame("overview"), &view))
}

async fn events(signed: &Signed, words: &Words<'_>) -> Result<Vec<LogLine>, AppError> {
    if !signed.actor.grant.allows_operation(Operation::AuditRead) {
        return Ok(Vec::new());
    }
    let query = AuditQuery { limit: EVENTS_READ, ..AuditQuery::default() };
    let entries = signed.visit.console.state.app.audit_list(&signed.actor, query).await?;
    let news = entries.iter().filter(|entry| is_news(entry)).take(EVENTS_MAX);
    Ok(news.map(|entry| words.line(entry)).collect())
}

/// Whether an entry says more than that somebody looked at a list.
pub(crate) fn is_news(entry: &AuditEntry) -> bool {
    let looked = [Operation::AuditRead, Operation::CredentialRead].contains(&entry.operation);
    entry.outcome != Outcome::Ok || !(looked || entry.reason.as_deref() == Some("listed"))
}

/// Says so when an export waits for this person.
async fn exports_note(signed: &Signed) -> Option<Attention> {
    if !signed.actor.grant.allows_operation(Operation::ExportApprove) {
        return None;
    }
    let exports = signed.visit.console.state.app.exports(&signed.actor).await.ok()?;
    let waiting =
        exports.iter().filter(|one| one.state == "requested" && one.asked_by != signed.actor.id).count();
    let text = || signed.visit.texts().with("attention-exports", "n", number(waiting as u64));
    (waiting > 0).then(|| Attention { tone: "warn", text: text(), href: Some("/console/exports".into()) })
}

/// `GET /console/https`
pub(crate) async fn https(signed: Signed) -> Answer {
    let console = &signed.visit.console;
    let mut shown = certificate(&console.state.certificate.read(), console.state.app.now());
    if let Some(shown) = &mut shown {
        let renewal = console.state.renewal.read();
        shown.renewal = renewal.next.map(|at| at.0);
        shown.problem = renewal.failed.as_ref().map(|(text, _)| text.clone());
    }
    let last = if signed.actor.grant.allows_operation(Operation::Check) {
        console.state.app.last_check(&signed.actor).await.map_err(|error| signed.fail(&error))?
    } else {
        None
    };
    let check = last.map(|check| LastCheck {
        id: check.id.to_string(),
        domain: check.domain,
        tone: tone_of(&check.grade),
        grade: check.grade,
        at: check.at.0,
    });
    Ok(signed.page(&signed.frame("https"), &HttpsView { certificate: shown, check }))
}

/// `GET /console/store`
pub(crate) async fn store(signed: Signed) -> Answer {
    let status = signed.visit.console.state.app.status(&signed.actor).await;
    let status = status.map_err(|error| signed.fail(&error))?;
    let view = StoreView {
        counts: counts(&status),
        engine: status.engine.to_string(),
        suite: status.suite.to_string(),
        epoch: i64::from(status.epoch),
        epoch_at: status.epoch_created.map(|at| at.0),
        checkpoint_at: status.checkpoint_at.map(|at| at.0),
    };
    Ok(signed.page(&signed.frame("store"), &view))
}

/// `GET /console/necessary`
pub(crate) async fn necessary(signed: Signed) -> Answer {
    let app = &signed.visit.console.state.app;
    let register = app.register();
    let words = Words { register: &register, texts: signed.visit.texts() };
    let mut view = NecessaryView { days: i64::from(USAGE_DAYS), ..NecessaryView::default() };
    if signed.actor.grant.allows_operation(Operation::PurposeRead) {
        view.purposes = words.purpose_rows();
    }
    if signed.actor.grant.allows_operation(Operation::Status) {
        let lines = app.usage(&signed.actor, USAGE_DAYS).await.map_err(|error| signed.fail(&error))?;
        let mut reads: BTreeMap<&FieldName, u64> = BTreeMap::new();
        for line in &lines {
            *reads.entry(&line.field).or_default() += line.count;
        }
        let row = |def: &kluis_model::FieldDef| UsageRow {
            label: words.field(&def.name),
            purposes: number(register.purposes_of(&def.name).count() as u64),
            reads: number(reads.get(&def.name).copied().unwrap_or(0)),
        };
        view.usage = register.fields().map(row).filter(|row| row.purposes > 0).collect();
        view.usage.sort_by_key(|row| std::cmp::Reverse(row.reads));
        view.unread = number(view.usage.iter().filter(|row| row.reads == 0).count() as u64);
    }
    Ok(signed.page(&signed.frame("necessary"), &view))
}

/// `GET /console/together`
pub(crate) async fn together(signed: Signed) -> Answer {
    let app = &signed.visit.console.state.app;
    let status = app.status(&signed.actor).await.map_err(|error| signed.fail(&error))?;
    let register = app.register();
    let words = Words { register: &register, texts: signed.visit.texts() };
    let asks = register.purposes().filter(|purpose| purpose.basis == LegalBasis::Consent);
    let consents = asks.map(|purpose| words.purpose_choice(&purpose.id, false)).collect();
    Ok(signed.page(&signed.frame("together"), &TogetherView { counts: counts(&status), consents }))
}
