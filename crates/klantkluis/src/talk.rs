//! Talking to the person at the terminal: stderr messages with hints, prompts, progress bars, results on stdout.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use kluis_checks::report::is_hostile;
use kluis_model::PiiText;
use serde::Serialize;

/// Longest line that is read as an answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 4096;

/// Whether a person sits at both ends: can be asked, and reads the answer.
pub(crate) fn interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Prints a line for the person on stderr.
pub(crate) fn say(text: impl AsRef<str>) {
    let mut stderr = anstream::stderr().lock();
    let text: String =
        text.as_ref().chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }).collect();
    // Nobody to talk to is no reason to stop the work.
    let _ = writeln!(stderr, "{text}");
}

/// Whether a character could steer a terminal or change how the text around it is read; our colours are no message.
fn steers(char: char) -> bool {
    char != '\n' && is_hostile(char)
}

/// Prints what to do next.
pub(crate) fn hint(text: impl AsRef<str>) {
    say(format!("hint: {}", text.as_ref()));
}

/// Prints a result on stdout.
///
/// # Errors
/// When stdout is closed.
pub(crate) fn print(text: impl AsRef<str>) -> Result<()> {
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{}", text.as_ref()).context("cannot write to stdout")
}

/// Prints bytes such as a shell completion on stdout as they are.
///
/// # Errors
/// When stdout is closed.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<()> {
    io::stdout().lock().write_all(bytes).context("cannot write to stdout")
}

/// Prints a result as JSON on stdout; what could steer a terminal is escaped, which means the same in JSON.
///
/// # Errors
/// When stdout is closed.
pub(crate) fn print_json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).context("cannot write the result as JSON")?;
    print(harmless_json(&text))
}

/// A table without lines around its cells, with these headings.
pub(crate) fn table<T: Into<comfy_table::Cell>>(heads: impl IntoIterator<Item = T>) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(heads.into_iter().map(Into::into).collect::<Vec<comfy_table::Cell>>());
    table
}

/// The same JSON with every character that could steer a terminal as `\\u…`; such a character stands in strings only.
fn harmless_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if steers(char) {
            let mut units = [0; 2];
            for unit in char.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(char);
        }
    }
    out
}

/// Asks for a text that is not echoed; without a terminal, reads one line from stdin.
///
/// # Errors
/// When nothing is given.
pub(crate) fn ask_secret(question: &str) -> Result<PiiText> {
    let text = if interactive() {
        rpassword::prompt_password(format!("{question}: ")).context("cannot read from the terminal")?
    } else {
        read_line()?
    };
    let text = PiiText::new(text);
    if text.expose().is_empty() {
        bail!("nothing was given for: {question}");
    }
    Ok(text)
}

/// Asks for personal data such as an e-mail address to look for; echoed, or one line from stdin.
///
/// # Errors
/// When nothing is given.
pub(crate) fn ask(question: &str) -> Result<PiiText> {
    if interactive() {
        let mut stderr = io::stderr().lock();
        write!(stderr, "{question}: ").and_then(|()| stderr.flush()).context("cannot ask")?;
    }
    let text = PiiText::new(read_line()?);
    if text.expose().is_empty() {
        bail!("nothing was given for: {question}");
    }
    Ok(text)
}

/// Asks a yes-or-no question; no without a terminal.
///
/// # Errors
/// When the terminal cannot be read.
pub(crate) fn confirm(question: &str) -> Result<Confirmed> {
    if !interactive() {
        return Ok(Confirmed::No);
    }
    let answer = ask(&format!("{question} [j/y/N]"));
    let yes = answer.is_ok_and(|a| matches!(a.expose().trim(), "j" | "ja" | "y" | "yes"));
    Ok(if yes { Confirmed::Yes } else { Confirmed::No })
}

/// The answer to a yes-or-no question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confirmed {
    Yes,
    No,
}

fn read_line() -> Result<String> {
    let mut line = String::new();
    let mut limited = io::Read::take(io::stdin().lock(), ANSWER_BYTES_MAX);
    limited.read_line(&mut line).context("cannot read the answer")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// What a long operation calls to move the bar.
pub(crate) fn follow(bar: &ProgressBar) -> impl Fn(kluis_app::Step) + Send + Sync + use<> {
    let bar = bar.clone();
    move |step| {
        if let Some(total) = step.total {
            bar.set_length(total);
        }
        bar.set_position(step.done);
    }
}

/// A progress bar over the bytes of a file, hidden when nobody looks.
pub(crate) fn progress_bytes(total: Option<u64>, what: &str) -> ProgressBar {
    let bar = progress(total, what);
    if let Ok(style) =
        ProgressStyle::with_template("{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}")
    {
        bar.set_style(style);
    }
    bar
}

/// A progress bar over the parts of one task, which take too differently long for a rate or an end; hidden when nobody looks.
pub(crate) fn progress_parts(what: &str) -> ProgressBar {
    let bar = progress(Some(1), what);
    if let Ok(style) = ProgressStyle::with_template("[{bar:30}] {msg}") {
        bar.set_style(style);
    }
    bar
}

/// A progress bar on stderr, hidden when nobody looks.
pub(crate) fn progress(total: Option<u64>, what: &str) -> ProgressBar {
    let bar = match total {
        Some(total) => ProgressBar::new(total),
        None => ProgressBar::new_spinner(),
    };
    let template = match total {
        Some(_) => "{msg} [{bar:30}] {human_pos}/{human_len} {per_sec} {eta}",
        None => "{msg} {spinner} {human_pos} {per_sec}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar
}
