//! Finding a customer: the purpose first, then how and what; what is typed never stands in an address.

use axum::extract::Query;
use axum::response::Response;
use kluis_app::{AppError, Revealed};
use kluis_model::{FieldDef, FieldName, IndexUse, PiiText, PurposeId};
use serde::Deserialize;

use crate::console::answer::{Answer, redirect};
use crate::console::session::Search;
use crate::console::view::{Choice, FieldError, FindView, Hit};
use crate::console::visit::{Posted, Signed};
use crate::console::words::Words;

/// Customers on a page of results.
const HITS_MAX: usize = 20;
/// Fields that staff search by besides the name, in this order.
const BY_FIELDS: [&str; 5] = ["email", "phone", "customer_number", "postcode", "birth_date"];
/// Longest text that is searched for.
const TEXT_BYTES_MAX: usize = 512;

/// What the address may say: the key of a search that the session remembers, or a purpose to begin with.
#[derive(Deserialize)]
pub(crate) struct FindQuery {
    search: Option<String>,
    purpose: Option<String>,
}

/// `GET /console/customers`
pub(crate) async fn page(signed: Signed, Query(query): Query<FindQuery>) -> Answer {
    let purpose = query.purpose.as_deref().and_then(|id| PurposeId::parse(id).ok());
    let Some(key) = query.search else {
        let view = blank(&signed, purpose.as_ref(), "name");
        return Ok(signed.page(&signed.frame("customers"), &view));
    };
    let found = signed.session.desk.lock().find_search(&key);
    let Some(search) = found else {
        let mut view = blank(&signed, purpose.as_ref(), "name");
        view.errors = vec![problem("text", signed.visit.texts().get("find-gone"))];
        return Ok(signed.page(&signed.frame("customers"), &view));
    };
    results(&signed, search).await
}

/// `POST /console/customers`
pub(crate) async fn search(Posted { signed, form }: Posted) -> Response {
    let texts = signed.visit.texts();
    let register = signed.visit.console.state.app.register();
    let may_name = |id: &PurposeId| register.purpose(id).is_some() && signed.actor.grant.allows_purpose(id);
    let purpose = PurposeId::parse(form.get("purpose")).ok().filter(may_name);
    let by = form.get("by");
    let text = form.get("text");
    let mut view = blank(&signed, purpose.as_ref(), by);
    if purpose.is_none() {
        view.errors.push(problem("purpose", texts.get("find-error-purpose")));
    }
    if !view.by.iter().any(|way| way.chosen) {
        view.errors.push(problem("by-name", texts.get("find-error-by")));
    }
    if text.is_empty() || text.len() > TEXT_BYTES_MAX {
        view.errors.push(problem("text", texts.get("find-error-text")));
    }
    let Some(purpose) = purpose.filter(|_| view.errors.is_empty()) else {
        view.text = text.to_owned();
        return signed.again(&signed.frame("customers"), &view);
    };
    let key = signed.visit.console.token();
    let search = Search { purpose, by: by.to_owned(), text: PiiText::from(text) };
    signed.session.desk.lock().remember_search(key.clone(), search);
    redirect(&format!("/console/customers?search={key}"))
}

/// The form before a search.
fn blank(signed: &Signed, purpose: Option<&PurposeId>, by: &str) -> FindView {
    let register = signed.visit.console.state.app.register();
    let words = Words { register: &register, texts: signed.visit.texts() };
    let mut ways =
        vec![Choice { id: "name".into(), label: words.texts.get("find-by-name"), chosen: by == "name" }];
    let fields = BY_FIELDS.iter().filter_map(|name| register.field(name));
    let can_be_found = |def: &&FieldDef| {
        def.kind.index_use() != IndexUse::None && register.purposes_of(&def.name).next().is_some()
    };
    ways.extend(fields.filter(can_be_found).map(|def| Choice {
        id: def.name.to_string(),
        label: words.field(&def.name),
        chosen: by == def.name.as_str(),
    }));
    FindView { purposes: words.purposes_of(&signed.actor, purpose), by: ways, ..FindView::default() }
}

/// Searches, on the record, and shows what was found.
async fn results(signed: &Signed, search: Search) -> Answer {
    let app = &signed.visit.console.state.app;
    let (actor, purpose) = (&signed.actor, &search.purpose);
    let found = if search.by == "name" {
        let found = app.search(actor, search.text.clone(), purpose, None, HITS_MAX).await;
        found.map(|found| (found.hits, found.more))
    } else {
        let found = app.lookup(actor, &search.by, search.text.clone(), purpose, None).await;
        found.map(|mut hits| {
            let more = hits.len() > HITS_MAX;
            hits.truncate(HITS_MAX);
            (hits, more)
        })
    };
    let mut view = blank(signed, Some(purpose), &search.by);
    view.text = search.text.expose().clone();
    let (hits, more) = match found {
        Ok(found) => found,
        Err(error) => {
            view.errors = problems(signed, error)?;
            return Ok(signed.again(&signed.frame("customers"), &view));
        }
    };
    let register = app.register();
    let words = Words { register: &register, texts: signed.visit.texts() };
    view.purpose = Some(words.purpose_choice(purpose, true));
    view.hits = Some(hits.iter().map(|hit| shown(&words, hit)).collect());
    view.more = more;
    Ok(signed.page(&signed.frame("customers"), &view))
}

/// What can be corrected in the form; anything else is an error page.
fn problems(signed: &Signed, error: AppError) -> Result<Vec<FieldError>, crate::console::answer::Refusal> {
    let lang = signed.visit.lang;
    match error {
        AppError::Invalid(found) => {
            Ok(found.iter().map(|one| problem("text", one.message.get(lang).to_owned())).collect())
        }
        AppError::Denied { reason } => Ok(vec![problem("purpose", reason.text(lang).to_owned())]),
        other => Err(signed.fail_at(&other, "/console/customers")),
    }
}

fn problem(field: &str, message: String) -> FieldError {
    FieldError { field: field.into(), message }
}

fn shown(words: &Words<'_>, hit: &Revealed) -> Hit {
    let id = hit.id.to_string();
    let title =
        name_of(hit).unwrap_or_else(|| format!("{} {}", words.texts.get("customer-title"), &id[28..]));
    Hit { id, title, fields: words.shown(&hit.fields) }
}

/// A customer's name as far as it is shown for this purpose.
pub(crate) fn name_of(shown: &Revealed) -> Option<String> {
    let value = |name: &str| {
        let wanted = |(field, _): &&(FieldName, PiiText)| field.as_str() == name;
        shown
            .fields
            .iter()
            .find(wanted)
            .map(|(_, value)| value.expose().as_str())
            .filter(|value| !value.is_empty())
    };
    let first = value("given_name").or_else(|| value("initials"));
    let parts: Vec<&str> = [first, value("infix"), value("surname")].into_iter().flatten().collect();
    if value("surname").is_none() && first.is_none() {
        return value("full_name").or_else(|| value("company")).map(str::to_owned);
    }
    Some(parts.join(" "))
}
