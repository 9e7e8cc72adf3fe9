//! The program `klantkluis`: reads the command line and the settings, and calls the use cases.
#![forbid(unsafe_code)]

mod args;
mod args_mail;
mod args_mail_dmarc;
mod args_mail_tools;
mod args_scan;
mod commands;
mod config;
mod config_acme;
mod config_check;
mod config_mail;
mod talk;
mod wire;

use std::io;
use std::panic::{self, PanicHookInfo};
use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Language};
use commands::Outcome;
use kluis_model::Lang;

fn main() -> ExitCode {
    panic::set_hook(Box::new(say_where));
    let cli = Cli::parse();
    let lang = language(cli.lang);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(cli, lang)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(Outcome::Good) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        // Whoever reads stdout has seen enough, as in `klantkluis audit list | head`.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            talk::say(format!("error: {}", wire::error_text(&error, lang)));
            talk::hint(wire::hint_for(&error, lang));
            ExitCode::from(2)
        }
    }
}

/// Says where the program broke, but not with which words: they may hold a value.
fn say_where(fault: &PanicHookInfo<'_>) {
    let place = fault.location().map(ToString::to_string).unwrap_or_default();
    talk::say(format!("error: a fault of the program at {place}; please report it"));
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// The language asked for, else that of the environment, else Dutch.
fn language(asked: Option<Language>) -> Lang {
    match asked {
        Some(Language::Nl) => Lang::Nl,
        Some(Language::En) => Lang::En,
        None => {
            let named = ["LC_ALL", "LC_MESSAGES", "LANG"]
                .iter()
                .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
            let is_other =
                named.is_some_and(|value| !value.starts_with("nl") && value != "C" && value != "POSIX");
            if is_other { Lang::En } else { Lang::Nl }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
