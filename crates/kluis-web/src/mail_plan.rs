//! The DNS records that belong to the shop's mail, for the API and the console: the plan of the declared streams.

use kluis_app::{App, AppError, MailKeyState, MailKeyView};
use kluis_mail::dns::is_within;
use kluis_mail::plan::{self, Inputs, Plan, Stage};
use kluis_mail::streams::{KeyUse, MailSetup};
use kluis_model::Actor;

/// The days over which the overview is asked for how far each policy is; advice looks further back by itself.
const DAYS: u32 = 1;

/// The plan, with the keys of the vault and the policies as far as they are; `None` while no streams are declared.
///
/// # Errors
/// Denied for whoever may not read mail.
pub(crate) async fn make(app: &App, actor: &Actor) -> Result<Option<Plan>, AppError> {
    // Asked first: whoever may not read mail does not learn here whether there is a setup.
    let keys = app.mail_keys(actor).await?;
    let Some(setup) = app.mail_settings().setup.clone() else { return Ok(None) };
    let overview = app.mail_overview(actor, DAYS).await?;
    // A domain that is further than the first step is never told to go back.
    let stages: Vec<(String, Stage)> = overview
        .advices
        .iter()
        .filter_map(|advice| Some((advice, advice.stage?)))
        .map(|(advice, step)| {
            (advice.domain.clone(), Stage { policy: step.policy(), is_test: step.is_test() })
        })
        .collect();
    let keys: Vec<(KeyUse, String)> = keys.into_iter().filter(is_published).map(key_record).collect();
    let setup = with_keys(&setup, &keys);
    Ok(Some(plan::make(&setup, &Inputs { keys: &keys, stages: &stages, ..Inputs::default() })))
}

/// Whether the record of a key belongs in the DNS.
fn is_published(key: &MailKeyView) -> bool {
    !matches!(key.state, MailKeyState::Revoked | MailKeyState::ToRevoke)
}

fn key_record(key: MailKeyView) -> (KeyUse, String) {
    (KeyUse { domain: key.domain, selector: key.selector }, key.record)
}

/// The setup in which the streams that our relay sends also name the keys that the vault made for them, so that nobody
/// has to copy selectors into a file after each change of keys.
fn with_keys(setup: &MailSetup, keys: &[(KeyUse, String)]) -> MailSetup {
    let mut setup = setup.clone();
    for (key, _) in keys {
        let signs = |stream: &&mut kluis_mail::streams::MailStream| {
            stream.is_relayed && is_within(&stream.from, &key.domain)
        };
        // One stream is enough: the record is the same for all.
        if let Some(stream) = setup.streams.iter_mut().find(signs)
            && !stream.keys.contains(key)
        {
            stream.keys.push(key.clone());
        }
    }
    setup
}
