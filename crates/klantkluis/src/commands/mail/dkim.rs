//! `mail dkim`: keys in the vault that sign the shop's mail: made, changed in safe steps, used, exported.

use std::path::Path;

use anyhow::{Context as _, Result};
use kluis_app::{
    App, AppError, MailKeyAlgorithm, MailKeyInput, MailKeyState, MailKeyTodo, MailKeyView, SigningProblem,
};
use kluis_mail::dns::is_within;
use kluis_mail::message::with_crlf;
use kluis_model::Lang;
use serde_json::json;

use super::super::{Context, Outcome, Session};
use super::verify::read_message;
use crate::args_mail::{DkimCommand, DkimKeygenArgs, DkimRotateArgs};
use crate::talk;
use crate::wire::Hinted;

pub(crate) async fn run(context: &Context, session: &Session, command: DkimCommand) -> Result<Outcome> {
    let (app, actor) = (&session.vault.app, &session.actor);
    match command {
        DkimCommand::Keygen(args) => {
            let DkimKeygenArgs { domain, selector, ed25519 } = args;
            let input = MailKeyInput { domain, selector, algorithm: algorithm(ed25519) };
            let made = app.mail_key_create(actor, input).await.map_err(|error| explained(context, error))?;
            if context.json {
                talk::print_json(&made)?;
            } else {
                show(context, &made)?;
                if ed25519 && !has_rsa(&app.mail_keys(actor).await?, &made.domain) {
                    talk::hint(context.text(
                        "veel ontvangers kennen Ed25519 nog niet: maak ook een RSA-sleutel, met keygen zonder --ed25519",
                        "many receivers do not know Ed25519 yet: make an RSA key too, by keygen without --ed25519",
                    ));
                }
                if !is_in_plan(app, &made.domain) {
                    talk::hint(match context.lang {
                        Lang::Nl => format!(
                            "geen stroom in mail.toml verstuurt vanaf {}; klopt de naam? Zo ja, zet hem erbij, anders neemt de relay er niets voor aan",
                            made.domain
                        ),
                        Lang::En => format!(
                            "no stream in mail.toml sends from {}; is the name right? If so, add it there, or the relay takes nothing for it",
                            made.domain
                        ),
                    });
                }
                let rotate = format!("klantkluis mail dkim rotate {}", made.domain);
                talk::hint(match context.lang {
                    Lang::Nl => {
                        format!("staat het record in de DNS? {rotate} kijkt meteen; de server kijkt elk uur")
                    }
                    Lang::En => format!(
                        "is the record in the DNS? {rotate} looks at once; the server looks every hour"
                    ),
                });
            }
        }
        // It needs no vault and ran before.
        DkimCommand::Selectors(_) => {}
        DkimCommand::List => show_all(context, &app.mail_keys(actor).await?)?,
        DkimCommand::Rotate(args) => rotate(context, session, args).await?,
        DkimCommand::Sign { file } => sign(context, session, &file).await?,
        DkimCommand::Export { domain, selector } => {
            let pem = app.mail_key_export(actor, &domain, &selector).await;
            let pem = pem.map_err(|error| explained(context, error))?;
            if context.json {
                talk::print_json(&json!({ "domain": domain, "selector": selector, "pem": pem.expose() }))?;
            } else {
                talk::print_bytes(pem.expose().as_bytes())?;
                talk::hint(context.text(
                    "wie deze sleutel heeft, kan uw mail ondertekenen: bewaar hem alleen waar dat moet",
                    "whoever has this key can sign your mail: keep it only where it must be",
                ));
            }
        }
    }
    Ok(Outcome::Good)
}

/// Whether a stream sends from the domain or a name below it; also when there is no plan yet.
fn is_in_plan(app: &App, domain: &str) -> bool {
    let settings = app.mail_settings();
    let Some(setup) = &settings.setup else { return true };
    setup.streams.iter().any(|stream| is_within(&stream.from, domain))
}

/// Signs a message with the keys in use.
async fn sign(context: &Context, session: &Session, file: &Path) -> Result<()> {
    let app = &session.vault.app;
    let bytes = read_message(file, context.lang)?;
    let message = with_crlf(&bytes);
    let signed = app.mail_signer().await?.sign(&message, app.now()).map_err(|problem| {
        Hinted::error(
            problem_text(&problem, context.lang),
            context.text(
                "kijk welke sleutels ondertekenen met: klantkluis mail dkim list",
                "look which keys sign with: klantkluis mail dkim list",
            ),
        )
    })?;
    if !context.json {
        return talk::print_bytes(&[&signed.fields[..], &message].concat());
    }
    let fields = String::from_utf8(signed.fields).context("a signature is text")?;
    talk::print_json(&json!({
        "domain": signed.from_domain, "stream": signed.stream, "selectors": signed.selectors, "fields": fields,
    }))
}

fn problem_text(problem: &SigningProblem, lang: Lang) -> String {
    match (problem, lang) {
        (SigningProblem::NoKey { domain }, Lang::Nl) => {
            format!("er is geen sleutel die ondertekent voor {}", super::clean(domain))
        }
        (SigningProblem::NotOneFrom, Lang::Nl) => {
            "het bericht moet precies één afzender (From) hebben, in één domein".to_owned()
        }
        (SigningProblem::Header, Lang::Nl) => "de kopregels van het bericht zijn niet te lezen".to_owned(),
        (problem, _) => problem.to_string(),
    }
}

/// Begins a change of keys, or takes the one that goes on a step further.
async fn rotate(context: &Context, session: &Session, args: DkimRotateArgs) -> Result<()> {
    let (app, actor) = (&session.vault.app, &session.actor);
    super::set_mail_settings(context, session, args.dns.as_deref())?;
    let wanted = algorithm(args.ed25519);
    let domain = args.domain.trim().trim_end_matches('.').to_ascii_lowercase();
    let is_of = |view: &MailKeyView| view.domain == domain && view.algorithm == wanted;
    let of_domain = |views: Vec<MailKeyView>| views.into_iter().filter(is_of).collect::<Vec<_>>();
    let before = of_domain(app.mail_keys(actor).await?);
    if before.is_empty() {
        return Err(Hinted::error(
            format!(
                "{domain}: {}",
                context.text("er is nog geen sleutel van deze soort", "there is no key of this kind yet")
            ),
            format!("klantkluis mail dkim keygen {domain}{}", if args.ed25519 { " --ed25519" } else { "" }),
        ));
    }
    let is_at_rest = |view: &MailKeyView| matches!(view.state, MailKeyState::Signing | MailKeyState::Revoked);
    let after = if before.iter().all(is_at_rest) {
        let input = MailKeyInput { domain: domain.clone(), selector: args.selector, algorithm: wanted };
        app.mail_key_create(actor, input).await.map_err(|error| explained(context, error))?;
        app.mail_keys(actor).await?
    } else if args.now {
        app.mail_key_hurry(actor, &domain, wanted).await?
    } else {
        app.mail_keys_step(actor).await?
    };
    show_all(context, &of_domain(after))
}

/// What the use cases refuse by a word, in words for this command.
fn explained(context: &Context, error: AppError) -> anyhow::Error {
    let (text, hint) = match &error {
        AppError::Conflict { what } if what == "mail_key_change" => (
            context
                .text("Een wissel van deze sleutel is nog bezig.", "A change of this key is still going on."),
            context.text(
                "ga daarmee verder: klantkluis mail dkim rotate DOMEIN",
                "take it further: klantkluis mail dkim rotate DOMAIN",
            ),
        ),
        AppError::Conflict { what } if what == "selector" => (
            context.text("Deze selector is al eens gebruikt.", "This selector was used before."),
            context.text(
                "geef een andere, of geen: dan wordt er een bedacht",
                "give another, or none: then one is made up",
            ),
        ),
        AppError::NotFound => (
            context.text(
                "Er is geen sleutel met deze selector, of hij is vernietigd.",
                "There is no key with this selector, or it was destroyed.",
            ),
            context.text(
                "kijk welke er zijn: klantkluis mail dkim list",
                "look which there are: klantkluis mail dkim list",
            ),
        ),
        _ => return error.into(),
    };
    Hinted::error(text, hint)
}

fn has_rsa(views: &[MailKeyView], domain: &str) -> bool {
    let is_rsa = |view: &MailKeyView| view.domain == domain && view.algorithm == MailKeyAlgorithm::Rsa2048;
    views.iter().any(|view| is_rsa(view) && view.state != MailKeyState::Revoked)
}

fn algorithm(is_ed25519: bool) -> MailKeyAlgorithm {
    if is_ed25519 { MailKeyAlgorithm::Ed25519 } else { MailKeyAlgorithm::Rsa2048 }
}

fn show_all(context: &Context, views: &[MailKeyView]) -> Result<()> {
    if context.json {
        return talk::print_json(&views);
    }
    if views.is_empty() {
        talk::say(context.text("Er zijn nog geen sleutels.", "There are no keys yet."));
        talk::hint("klantkluis mail dkim keygen winkel.nl");
    }
    views.iter().try_for_each(|view| show(context, view))
}

fn show(context: &Context, view: &MailKeyView) -> Result<()> {
    let age = format!("{} {}", view.age_days, context.text("dagen oud", "days old"));
    let state = view.state_text.get(context.lang);
    let kind = view.algorithm.word();
    talk::print(format!("{}  {}  {kind}  {state}, {age}", view.domain, view.selector))?;
    talk::print(format!("  {}", view.advice.get(context.lang)))?;
    let place = |name: &str, record: &str| {
        talk::print(format!("  {:<7} {name}", context.text("naam", "name")))?;
        talk::print(format!("  {:<7} TXT", context.text("soort", "type")))?;
        talk::print(format!("  {:<7} {record}", context.text("waarde", "value")))?;
        talk::print(format!("  {:<7} {}", "BIND", kluis_mail::dkim::key::zone_line(name, record)))
    };
    match &view.todo {
        MailKeyTodo::Publish { name, record } | MailKeyTodo::Restore { name, record } => place(name, record),
        MailKeyTodo::Remove { name } => {
            talk::print(format!("  {:<7} {name}", context.text("naam", "name")))?;
            talk::print(format!("  {:<7} {}", context.text("waarde", "value"), view.record))
        }
        // The DNS said nothing: perhaps it is there already.
        MailKeyTodo::AskLater if view.state == MailKeyState::Publish => place(&view.name, &view.record),
        MailKeyTodo::Nothing | MailKeyTodo::Wait { .. } | MailKeyTodo::AskLater | MailKeyTodo::Rotate => {
            Ok(())
        }
    }
}
