//! `mail`: who mails in the shop's name, what it publishes, signs and sends, and what receivers report.

mod ask;
mod bulk;
mod diff;
mod dkim;
mod dmarc;
mod lookalike;
mod plan;
mod queue;
mod report;
mod reports;
mod selectors;
mod sender_id;
mod spf;
mod verify;

use std::path::Path;

use super::{Context, Outcome, Session};
use crate::args_mail::{DkimCommand, MailCommand};
use crate::args_mail_dmarc::DmarcCommand;
use crate::args_mail_tools::{SenderIdCommand, SpfCommand};
use crate::config::Config;
use crate::config_check::name_server;
use anyhow::{Context as _, Result};
use kluis_checks::report::is_hostile;
use kluis_mail::report::Counts;
use kluis_model::Lang;

/// Lets a command that looks at the DNS ask the name server of the settings, unless the person named one. A settings file
/// that nobody named and that cannot be read does not keep tools without a vault from working.
pub(crate) fn name_server_of_settings(command: &mut MailCommand, file: Option<&Path>) -> Result<()> {
    let dns = match command {
        MailCommand::Verify(args) => &mut args.dns.dns,
        MailCommand::Diff(args) => &mut args.dns.dns,
        MailCommand::Lookalike(args) => &mut args.dns.dns,
        MailCommand::Check(args) => &mut args.dns,
        MailCommand::BulkCheck(args) => &mut args.dns.dns,
        MailCommand::SenderId(SenderIdCommand::Check(args)) => &mut args.dns.dns,
        MailCommand::Dkim(DkimCommand::Selectors(args)) => &mut args.dns.dns,
        MailCommand::Dmarc(DmarcCommand::Show(args)) => &mut args.dns.dns,
        MailCommand::Spf(SpfCommand::Eval(args)) => &mut args.dns.dns,
        MailCommand::Spf(SpfCommand::Who(args)) => &mut args.dns.dns,
        MailCommand::Spf(SpfCommand::Explain(args) | SpfCommand::Budget(args)) => &mut args.dns.dns,
        MailCommand::Spf(SpfCommand::Flatten(args)) => &mut args.dns.dns,
        _ => return Ok(()),
    };
    if dns.is_some() {
        return Ok(());
    }
    match Config::load(file) {
        Ok((config, _)) => *dns = config.mail.dns.or(config.check.dns),
        Err(error) if file.is_some() => return Err(error),
        Err(_) => {}
    }
    Ok(())
}

/// Runs a command that needs neither settings nor a vault, or gives it back.
pub(crate) async fn without_vault(
    is_json: bool,
    lang: Lang,
    command: MailCommand,
) -> Result<Result<Outcome, MailCommand>> {
    Ok(Ok(match command {
        MailCommand::Verify(args) => verify::run(is_json, lang, args).await?,
        MailCommand::Reports(args) => reports::run(is_json, lang, &args)?,
        MailCommand::Spf(command) => spf::run(is_json, lang, command).await?,
        MailCommand::SenderId(SenderIdCommand::Check(args)) => sender_id::run(is_json, lang, &args).await?,
        MailCommand::BulkCheck(args) => bulk::run(is_json, lang, &args).await?,
        MailCommand::Dkim(DkimCommand::Selectors(args)) => selectors::run(is_json, lang, &args).await?,
        MailCommand::Dmarc(DmarcCommand::Show(args)) => dmarc::show(is_json, lang, &args).await?,
        MailCommand::Lookalike(args) if !args.keep => lookalike::run(is_json, lang, &args).await?,
        command => return Ok(Err(command)),
    }))
}

/// Runs a command that needs settings but no vault, or gives it back.
pub(crate) async fn with_settings(
    context: &Context,
    command: MailCommand,
) -> Result<Result<Outcome, MailCommand>> {
    Ok(Ok(match command {
        MailCommand::Plan(args) if !args.keys => plan::run(context, &args)?,
        MailCommand::Diff(args) if !args.keys => diff::run(context, &args).await?,
        command => return Ok(Err(command)),
    }))
}

/// Runs a command that needs the opened vault.
pub(crate) async fn with_vault(
    context: &Context,
    session: &Session,
    command: MailCommand,
) -> Result<Outcome> {
    set_mail_settings(context, session, None)?;
    match command {
        MailCommand::Plan(args) => plan::run_with_keys(context, session, &args).await,
        MailCommand::Diff(args) => diff::run_with_keys(context, session, &args).await,
        MailCommand::Lookalike(args) => lookalike::run_and_keep(context, session, &args).await,
        MailCommand::Report(command) => report::run(context, session, command).await,
        MailCommand::Dkim(command) => dkim::run(context, session, command).await,
        MailCommand::Dmarc(command) => dmarc::run(context, session, command).await,
        MailCommand::Queue(command) => queue::run(context, session, command).await,
        // These ran in `without_vault`.
        MailCommand::Verify(_)
        | MailCommand::Reports(_)
        | MailCommand::Check(_)
        | MailCommand::Spf(_)
        | MailCommand::SenderId(_)
        | MailCommand::BulkCheck(_) => Ok(Outcome::Good),
    }
}

/// Puts the settings of mail in force; `dns` is a name server to ask instead of the one they name.
///
/// # Errors
/// When the file with streams cannot be read, or `dns` is no name server.
pub(crate) fn set_mail_settings(context: &Context, session: &Session, dns: Option<&str>) -> Result<()> {
    let mut settings = context.config.mail_settings()?;
    if let Some(text) = dns {
        settings.dns.dns = Some(name_server(text).context("--dns")?);
    }
    session.vault.app.set_mail_settings(settings);
    Ok(())
}

/// Text of a stranger for the terminal: without what could steer it, at most 255 characters.
pub(crate) fn clean(text: &str) -> String {
    text.chars().take(255).filter(|c| !is_hostile(*c)).collect()
}

/// The headings over [`count_cells`].
fn count_heads(lang: Lang) -> [&'static str; 6] {
    [
        lang.pick("berichten", "messages"),
        lang.pick("in orde", "passed"),
        "DKIM",
        "SPF",
        lang.pick("ongewenst", "junk"),
        lang.pick("geweigerd", "refused"),
    ]
}

/// Messages of one source as cells of a table.
fn count_cells(counts: &Counts) -> [String; 6] {
    let Counts { messages, passed, dkim, spf, quarantined, rejected, .. } = *counts;
    [messages, passed, dkim, spf, quarantined, rejected].map(|count| count.to_string())
}
