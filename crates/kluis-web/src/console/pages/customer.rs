//! One customer: fields by purpose, consents, who did what, access report and erasure.

use axum::extract::{Path, Query};
use axum::response::Response;
use kluis_app::{AppError, ConsentInput, ConsentView, Denial, KeptByLaw};
use kluis_model::register::Register;
use kluis_model::{FieldName, LegalBasis, Operation, PiiText, PurposeId, SubjectId};
use serde::Deserialize;

use super::find::name_of;
use super::home::is_news;
use crate::console::answer::{Answer, Refusal, download, redirect};
use crate::console::view::{
    Consent, CustomerView, EraseView, ErasedView, FieldError, Kept, LogLine, Withheld,
};
use crate::console::visit::{Posted, Signed};
use crate::console::words::Words;

/// Log lines on a customer's page.
const READS_MAX: usize = 20;
/// Log lines looked at to find those: that somebody looked at the log or a list is left to the log itself.
const READS_READ: u32 = 100;
/// Where staff may have heard a customer's consent.
const SOURCES: [&str; 3] = ["phone", "email", "paper"];
/// The text version of a consent that a member of staff writes down.
const STAFF_TEXT: &str = "console-1";

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct CustomerQuery {
    purpose: Option<String>,
}

/// `GET /console/customers/{id}`
pub(crate) async fn page(
    signed: Signed,
    Path(id): Path<String>,
    Query(query): Query<CustomerQuery>,
) -> Answer {
    let id = parse_id(&signed, &id)?;
    let app = &signed.visit.console.state.app;
    let register = app.register();
    let words = Words { register: &register, texts: signed.visit.texts() };
    let asked = query.purpose.as_deref().and_then(|id| PurposeId::parse(id).ok());
    let purpose = asked.filter(|id| register.purpose(id).is_some());
    let grant = &signed.actor.grant;
    let mut view = CustomerView {
        id: id.to_string(),
        purposes: words.purposes_of(&signed.actor, purpose.as_ref()),
        may_erase: grant.allows_operation(Operation::Erase),
        may_consent: grant.allows_operation(Operation::Consent),
        may_access: grant.allows_operation(Operation::Access),
        ..CustomerView::default()
    };
    if let Some(purpose) = &purpose {
        show_purpose(&signed, &words, id, purpose, &mut view).await?;
    }
    view.consents = consents(&signed, &words, id).await?;
    view.reads = reads(&signed, &words, id).await?;
    Ok(signed.page(&signed.frame("customers"), &view))
}

/// Reads the customer for a purpose, on the record, and says what is not shown and why.
async fn show_purpose(
    signed: &Signed,
    words: &Words<'_>,
    id: SubjectId,
    purpose: &PurposeId,
    view: &mut CustomerView,
) -> Result<(), Refusal> {
    let lang = signed.visit.lang;
    view.purpose = Some(words.purpose_choice(purpose, true));
    if let Some(found) = words.register.purpose(purpose) {
        view.basis = Some(found.basis.id().to_owned());
        view.law = Some(found.law.clone()).filter(|law| !law.is_empty());
    }
    let withhold = |name: &FieldName, reason: Denial| Withheld {
        label: words.field(name),
        reason: reason.text(lang).to_owned(),
    };
    match signed.visit.console.state.app.read(&signed.actor, id, purpose, None).await {
        Ok(shown) => {
            view.title = name_of(&shown);
            view.fields = words.shown(&shown.fields);
            view.withheld = shown.withheld.iter().map(|(name, reason)| withhold(name, *reason)).collect();
            let others = other_fields(words.register, purpose);
            view.withheld.extend(others.iter().map(|name| withhold(name, Denial::FieldNotInPurpose)));
            Ok(())
        }
        // The purpose does not hold for this customer or this person: everything of it stays sealed.
        Err(AppError::Denied { reason }) if reason != Denial::OperationNotGranted => {
            let names = words.register.purpose(purpose).into_iter().flat_map(|found| &found.fields);
            view.withheld = names.map(|used| withhold(&used.field, reason)).collect();
            Ok(())
        }
        Err(error) => Err(signed.fail_at(&error, "/console/customers")),
    }
}

/// Fields that some other purpose keeps and this one does not show.
fn other_fields(register: &Register, purpose: &PurposeId) -> Vec<FieldName> {
    let Some(shown) = register.purpose(purpose) else { return Vec::new() };
    let others = register.fields().filter(|def| !shown.includes(&def.name));
    others
        .filter(|def| register.purposes_of(&def.name).next().is_some())
        .map(|def| def.name.clone())
        .collect()
}

/// Every purpose that rests on consent, with where it stands; nothing for who may not see consents.
async fn consents(signed: &Signed, words: &Words<'_>, id: SubjectId) -> Result<Vec<Consent>, Refusal> {
    if !signed.actor.grant.allows_operation(Operation::Consent) {
        return Ok(Vec::new());
    }
    let known = signed.visit.console.state.app.consents(&signed.actor, id).await;
    let known = known.map_err(|error| signed.fail_at(&error, "/console/customers"))?;
    let asks = words
        .register
        .purposes()
        .filter(|purpose| matches!(purpose.basis, LegalBasis::Consent | LegalBasis::SoftOptIn));
    let newest = |purpose: &PurposeId| {
        known.iter().find(|event: &&ConsentView| event.decides && event.purpose == *purpose)
    };
    let one = |purpose: &kluis_model::Purpose| {
        let newest = newest(&purpose.id);
        Consent {
            purpose: purpose.id.to_string(),
            label: words.purpose(&purpose.id),
            given: newest.is_some_and(|event| event.given),
            at: newest.map(|event| event.at.0),
        }
    };
    Ok(asks.map(one).collect())
}

/// Who did what with this customer; nothing for who may not read the log.
async fn reads(signed: &Signed, words: &Words<'_>, id: SubjectId) -> Result<Vec<LogLine>, Refusal> {
    if !signed.actor.grant.allows_operation(Operation::AuditRead) {
        return Ok(Vec::new());
    }
    let entries = signed.visit.console.state.app.audit_of(&signed.actor, id, READS_READ).await;
    let entries = entries.map_err(|error| signed.fail_at(&error, "/console/customers"))?;
    let news = entries.iter().filter(|entry| is_news(entry)).take(READS_MAX);
    Ok(news.map(|entry| words.line(entry)).collect())
}

/// `POST /console/customers/{id}/consents`
pub(crate) async fn consent(Path(id): Path<String>, Posted { signed, form }: Posted) -> Answer {
    let id = parse_id(&signed, &id)?;
    let given = match form.get("given") {
        "yes" => true,
        "no" => false,
        _ => return Err(signed.visit.wrong_form()),
    };
    let source = SOURCES.into_iter().find(|known| *known == form.get("source")).unwrap_or("console");
    let input = ConsentInput {
        purpose: form.get("consent").to_owned(),
        given,
        at: None,
        source: source.to_owned(),
        text_version: if given { STAFF_TEXT.to_owned() } else { String::new() },
        proof: PiiText::from(""),
    };
    let back = back_to(id, form.get("purpose"));
    let done = signed.visit.console.state.app.consent(&signed.actor, id, input).await;
    done.map_err(|error| signed.fail_at(&error, &back))?;
    signed.session.notice(if given { "notice-consent-given" } else { "notice-consent-withdrawn" });
    Ok(redirect(&back))
}

/// `POST /console/customers/{id}/access`
pub(crate) async fn access(Path(id): Path<String>, Posted { signed, form }: Posted) -> Answer {
    let id = parse_id(&signed, &id)?;
    let console = &signed.visit.console;
    let report = console.state.app.access_report(&signed.actor, id).await;
    let report = report.map_err(|error| signed.fail_at(&error, &back_to(id, "")))?;
    let name = format!("inzage-{}", &id.to_string()[24..]);
    let lang = signed.visit.lang;
    Ok(match form.get("format") {
        "json" => download(&format!("{name}.json"), "application/json", report.to_json().to_string()),
        _ => {
            let html = report.to_html(lang, &console.state.options.shop_name);
            download(&format!("{name}.html"), "text/html; charset=utf-8", html)
        }
    })
}

/// `GET /console/customers/{id}/erase`
pub(crate) async fn erase_page(signed: Signed, Path(id): Path<String>) -> Answer {
    let id = parse_id(&signed, &id)?;
    erase_form(&signed, id, Vec::new()).await
}

async fn erase_form(signed: &Signed, id: SubjectId, errors: Vec<FieldError>) -> Answer {
    let app = &signed.visit.console.state.app;
    let preview = app.erase_preview(&signed.actor, id).await;
    let preview = preview.map_err(|error| signed.fail_at(&error, &back_to(id, "")))?;
    let register = app.register();
    let words = Words { register: &register, texts: signed.visit.texts() };
    let again = !errors.is_empty();
    let view = EraseView {
        id: id.to_string(),
        kept: kept(&words, &preview.kept),
        backups_until: Some(preview.backups_until.0),
        errors,
    };
    let frame = signed.frame("customers");
    Ok(if again { signed.again(&frame, &view) } else { signed.page(&frame, &view) })
}

/// `POST /console/customers/{id}/erase`
pub(crate) async fn erase(Path(id): Path<String>, Posted { signed, form }: Posted) -> Answer {
    let id = parse_id(&signed, &id)?;
    if form.get("sure") != "yes" {
        let message = signed.visit.texts().get("erase-sure-error");
        return erase_form(&signed, id, vec![FieldError { field: "sure".into(), message }]).await;
    }
    let erased = signed.visit.console.state.app.erase(&signed.actor, id).await;
    let erased = erased.map_err(|error| signed.fail_at(&error, "/console/customers"))?;
    signed.session.desk.lock().keep_receipt(id, erased);
    Ok(redirect(&format!("/console/customers/{id}/erased")))
}

/// `GET /console/customers/{id}/erased`
pub(crate) async fn erased(signed: Signed, Path(id): Path<String>) -> Answer {
    let id = parse_id(&signed, &id)?;
    let receipt = signed.session.desk.lock().find_receipt(id);
    let receipt = receipt.ok_or_else(|| signed.fail_at(&AppError::NotFound, "/console/customers"))?;
    let register = signed.visit.console.state.app.register();
    let words = Words { register: &register, texts: signed.visit.texts() };
    let view = ErasedView {
        id: id.to_string(),
        at: receipt.at.0,
        kept: kept(&words, &receipt.kept),
        backups_until: Some(receipt.backups_until.0),
        receipt: receipt.receipt,
    };
    Ok(signed.page(&signed.frame("customers"), &view))
}

fn kept(words: &Words<'_>, kept: &[KeptByLaw]) -> Vec<Kept> {
    let one = |item: &KeptByLaw| Kept {
        purpose: words.purpose(&item.purpose),
        law: item.law.clone(),
        until: item.until.map(|at| at.0),
        fields: words.fields(&item.fields),
    };
    kept.iter().map(one).collect()
}

/// The id in the path; what is none names nobody.
fn parse_id(signed: &Signed, id: &str) -> Result<SubjectId, Refusal> {
    id.parse().map_err(|_| signed.fail_at(&AppError::NotFound, "/console/customers"))
}

/// The customer's page for the purpose it was open for.
fn back_to(id: SubjectId, purpose: &str) -> String {
    match PurposeId::parse(purpose) {
        Ok(purpose) => format!("/console/customers/{id}?purpose={purpose}"),
        Err(_) => format!("/console/customers/{id}"),
    }
}

/// `GET` on an address that only takes a form, such as after signing in again: the customer's page.
pub(crate) async fn page_of(_: Signed, Path(id): Path<String>) -> Response {
    match id.parse::<SubjectId>() {
        Ok(id) => redirect(&back_to(id, "")),
        Err(_) => redirect("/console/customers"),
    }
}
