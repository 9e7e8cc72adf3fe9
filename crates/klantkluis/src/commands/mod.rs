//! Runs one command of the command line: opens the vault as needed, calls one use case, shows the result.

mod audit;
mod backup;
mod certificate;
mod check;
mod credential;
mod doctor;
mod export;
mod import;
mod init;
mod key;
mod mail;
mod partner;
mod purpose;
mod scan;
mod serve;
mod settings;
mod status;
mod store;
mod subject;
mod token;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::CommandFactory;
use kluis_model::{Actor, Lang};

use crate::args::{Cli, Command};
use crate::args_mail::MailCommand;
use crate::config::Config;
use crate::wire::{self, Vault};

/// How a command ended, apart from errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well: exit code 0.
    Good,
    /// Something was found that a person should look at: exit code 1.
    Findings,
}

impl Outcome {
    /// Findings when there are any.
    fn of_findings(count: usize) -> Self {
        if count == 0 { Self::Good } else { Self::Findings }
    }
}

/// What every command works with.
pub(crate) struct Context {
    pub config: Config,
    pub config_file: Option<PathBuf>,
    pub json: bool,
    pub lang: Lang,
}

/// An open vault and who acts on it.
pub(crate) struct Session {
    pub vault: Vault,
    pub actor: Actor,
}

impl Context {
    /// The text in the language of this run.
    pub(crate) fn text<'a>(&self, nl: &'a str, en: &'a str) -> &'a str {
        self.lang.pick(nl, en)
    }

    /// Says that something was done: with `--json` as a document on stdout, else in words.
    fn done(&self, result: &serde_json::Value, nl: &str, en: &str) -> Result<()> {
        if self.json {
            return crate::talk::print_json(result);
        }
        crate::talk::say(self.text(nl, en));
        Ok(())
    }

    /// Opens and unseals the vault of the settings.
    async fn session(&self) -> Result<Session> {
        let vault = wire::open_unsealed(&self.config).await?;
        Ok(Session { vault, actor: wire::local_actor() })
    }
}

impl Session {
    /// Closes the database behind the command; what was answered is durable already.
    async fn close(self) {
        self.vault.app.close().await;
    }
}

/// Runs the command.
///
/// # Errors
/// Whatever kept the command from doing what was asked.
pub(crate) async fn run(mut cli: Cli, lang: Lang) -> Result<Outcome> {
    if let Some(outcome) = without_settings(&cli.command)? {
        return Ok(outcome);
    }
    if let Command::Mail(command) = &mut cli.command {
        mail::name_server_of_settings(command, cli.config.as_deref())?;
    }
    match cli.command {
        Command::Check(args) => {
            return check::run(&check::Place { json: cli.json, lang, data: cli.data }, *args).await;
        }
        Command::Scan(args) => return scan::run(cli.json, lang, args).await,
        Command::Mail(MailCommand::Check(args)) => {
            let place = check::Place { json: cli.json, lang, data: cli.data };
            return check::run(&place, check::only_mail(*args)).await;
        }
        _ => {}
    }
    let command = match cli.command {
        Command::Mail(command) => match mail::without_vault(cli.json, lang, command).await? {
            Ok(outcome) => return Ok(outcome),
            Err(command) => Command::Mail(command),
        },
        command => command,
    };
    let (mut config, config_file) = Config::load(cli.config.as_deref())?;
    if let Some(folder) = cli.data {
        config.data.folder = folder;
    }
    let context = Context { config, config_file, json: cli.json, lang };
    match command {
        Command::Init(args) => init::run(&context, &args).await,
        Command::Serve(args) => serve::run(context, args).await,
        Command::Doctor => doctor::run(&context).await,
        Command::Config(command) => settings::run(&context, &command),
        Command::Certificate(command) => certificate::run(&context, &command),
        Command::Restore(args) => backup::restore(&context, &args).await,
        Command::Store(command) => store::run(&context, command).await,
        Command::Mail(command) => match mail::with_settings(&context, command).await? {
            Ok(outcome) => Ok(outcome),
            Err(command) => with_session(&context, Command::Mail(command)).await,
        },
        command => with_session(&context, command).await,
    }
}

/// Runs a command that needs the opened vault, and closes it behind the command whatever happened.
async fn with_session(context: &Context, command: Command) -> Result<Outcome> {
    let session = context.session().await?;
    let outcome = match command {
        Command::Import(args) => import::run(context, &session, &args).await,
        Command::Export(command) => export::run(context, &session, command).await,
        Command::Subject(command) => subject::run(context, &session, command).await,
        Command::Consent(command) => subject::consent(context, &session, command).await,
        Command::Purpose(command) => purpose::run(context, &session, &command).await,
        Command::Key(command) => key::run(context, &session, &command).await,
        Command::Token(command) => token::run(context, &session, command).await,
        Command::Credential(command) => credential::run(context, &session, command).await,
        Command::Partner(command) => partner::run(context, &session, command).await,
        Command::Audit(command) => audit::run(context, &session, command).await,
        Command::Verify => audit::verify(context, &session).await,
        Command::Backup(args) => backup::backup(context, &session, &args).await,
        Command::Mail(command) => mail::with_vault(context, &session, command).await,
        Command::Status => status::run(context, &session).await,
        // The commands without a session ran in `run` and `without_settings`.
        _ => Ok(Outcome::Good),
    };
    session.close().await;
    outcome
}

/// Runs the commands that only describe the program.
fn without_settings(command: &Command) -> Result<Option<Outcome>> {
    let mut bytes = Vec::new();
    match command {
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Cli::command(), "klantkluis", &mut bytes);
        }
        Command::Man => man(&mut bytes)?,
        _ => return Ok(None),
    }
    crate::talk::print_bytes(&bytes)?;
    Ok(Some(Outcome::Good))
}

/// Writes the manual page: the program, then each command in full.
fn man(out: &mut Vec<u8>) -> Result<()> {
    let mut command = Cli::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(out).context("cannot write the manual page")?;
    for sub in command.get_subcommands() {
        let page = clap_mangen::Man::new(sub.clone());
        page.render_name_section(out)
            .and_then(|()| page.render_synopsis_section(out))
            .and_then(|()| page.render_options_section(out))
            .context("cannot write the manual page")?;
    }
    Ok(())
}
