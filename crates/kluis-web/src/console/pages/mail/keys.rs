//! Signing keys: what to publish, how far a change is, and a form for a new one.

use kluis_app::{AppError, MailKeyAlgorithm, MailKeyInput, MailKeyState, MailKeyTodo, MailKeyView};
use kluis_model::{Lang, Operation};

use super::BACK;
use crate::console::answer::{Answer, Refusal, redirect};
use crate::console::mail_view::{KeyRow, KeysView, RecordView};
use crate::console::view::{Choice, FieldError};
use crate::console::visit::{Posted, Signed};

/// This page.
const HERE: &str = "/console/phishing/keys";

/// `GET /console/phishing/keys`
pub(crate) async fn page(signed: Signed) -> Answer {
    let view = view(&signed, Vec::new()).await?;
    Ok(signed.page(&signed.frame("mail-keys"), &view))
}

/// `GET` of an address that takes a form.
pub(crate) async fn page_of() -> Answer {
    Ok(redirect(HERE))
}

/// `POST /console/phishing/keys`
pub(crate) async fn create(Posted { signed, form }: Posted) -> Answer {
    let domain = form.get("domain");
    let algorithm = MailKeyAlgorithm::ALL.into_iter().find(|kind| kind.word() == form.get("kind"));
    let texts = signed.visit.texts();
    let message = match algorithm {
        _ if domain.is_empty() => texts.get("mail-key-error-domain"),
        None => texts.get("mail-key-error-domain"),
        Some(algorithm) => {
            let input = MailKeyInput { domain: domain.to_owned(), selector: None, algorithm };
            match signed.visit.console.state.app.mail_key_create(&signed.actor, input).await {
                Ok(_) => {
                    signed.session.desk.lock().notice = Some("notice-mail-key");
                    return Ok(redirect(HERE));
                }
                Err(AppError::Conflict { .. }) => texts.get("mail-key-error-busy"),
                Err(AppError::Invalid(problems)) => problems
                    .first()
                    .map_or_else(String::new, |problem| problem.message.get(signed.visit.lang).to_owned()),
                Err(error) => return Err(signed.fail_at(&error, HERE)),
            }
        }
    };
    let view = view(&signed, vec![FieldError { field: "domain".into(), message }]).await?;
    Ok(signed.again(&signed.frame("mail-keys"), &view))
}

/// `POST /console/phishing/keys/step`
pub(crate) async fn step(Posted { signed, .. }: Posted) -> Answer {
    let stepped = signed.visit.console.state.app.mail_keys_step(&signed.actor).await;
    stepped.map_err(|error| signed.fail_at(&error, HERE))?;
    signed.session.desk.lock().notice = Some("notice-mail-step");
    Ok(redirect(HERE))
}

async fn view(signed: &Signed, errors: Vec<FieldError>) -> Result<KeysView, Refusal> {
    let app = &signed.visit.console.state.app;
    let found = app.mail_keys(&signed.actor).await.map_err(|error| signed.fail_at(&error, BACK))?;
    let texts = signed.visit.texts();
    let settings = app.mail_settings();
    let setup = settings.setup.as_deref();
    let zone = setup.map_or("", |setup| setup.domain.as_str());
    let mut domains: Vec<&str> = setup
        .map(|setup| setup.streams.iter().map(|stream| stream.from.as_str()).collect())
        .unwrap_or_default();
    domains.sort_unstable();
    domains.dedup();
    let kind = |kind: MailKeyAlgorithm| Choice {
        id: kind.word().to_owned(),
        label: texts.get(&format!("mail-key-kind-{}", kind.word())),
        chosen: kind == MailKeyAlgorithm::Rsa2048,
    };
    let domain = |domain: &str| Choice { id: domain.to_owned(), label: domain.to_owned(), chosen: false };
    Ok(KeysView {
        keys: found.iter().zip(0..).map(|(key, n)| row(key, n, zone, signed.visit.lang)).collect(),
        domains: domains.into_iter().map(domain).collect(),
        kinds: MailKeyAlgorithm::ALL.map(kind).to_vec(),
        errors,
        may_change: signed.actor.grant.allows_operation(Operation::MailChange),
    })
}

/// A key as a row; `n` tells its record from others on the page.
fn row(key: &MailKeyView, n: usize, zone: &str, lang: Lang) -> KeyRow {
    let value = match &key.todo {
        MailKeyTodo::Publish { record, .. } | MailKeyTodo::Restore { record, .. } => record,
        _ => &key.record,
    };
    // Whoever has no setup yet puts the record into the zone of the domain that signs.
    let zone = if kluis_mail::dns::is_within(&key.domain, zone) { zone } else { key.domain.as_str() };
    let record = RecordView::new(format!("key-{n}"), zone, "TXT", &key.name, value);
    KeyRow {
        domain: key.domain.clone(),
        selector: key.selector.clone(),
        kind: key.algorithm.word().to_owned(),
        created: key.created.0,
        age_days: i64::from(key.age_days),
        state: key.state_text.get(lang).to_owned(),
        tone: tone(key),
        advice: key.advice.get(lang).to_owned(),
        record: (key.state != MailKeyState::Revoked).then_some(record),
    }
}

fn tone(key: &MailKeyView) -> &'static str {
    match (&key.todo, key.state) {
        (MailKeyTodo::Restore { .. } | MailKeyTodo::Remove { .. }, _) => "bad",
        (MailKeyTodo::Publish { .. } | MailKeyTodo::Rotate, _) => "warn",
        (_, MailKeyState::Signing) => "ok",
        _ => "plain",
    }
}
