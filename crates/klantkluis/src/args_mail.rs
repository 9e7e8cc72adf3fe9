//! The command line of `mail`: its commands, their options and their help.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::args::CheckArgs;
use crate::args_mail_dmarc::DmarcCommand;
use crate::args_mail_tools::{BulkCheckArgs, DnsArg, SelectorsArgs, SenderIdCommand, SpfCommand};

#[derive(Debug, Subcommand)]
pub(crate) enum MailCommand {
    /// Say whether a saved message really comes from the domain it names
    Verify(MailVerifyArgs),
    /// Read DMARC reports of receivers and say who mails in the domain's name
    Reports(MailReportsArgs),
    /// Ask who mails for the shop, and show the DNS records for it in the order to publish them
    Plan(MailPlanArgs),
    /// Compare the plan with what the DNS says
    Diff(MailDiffArgs),
    /// Names that look like the shop's; with --resolve which of them exist and how worrying they are
    Lookalike(MailLookalikeArgs),
    /// Check what a domain publishes for its mail and say what to mend; the same as check --only mail
    Check(Box<CheckArgs>),
    /// SPF: judge an address, explain a record, find a server, count look-ups
    #[command(subcommand)]
    Spf(SpfCommand),
    /// Sender ID, historic: old records, and the address it would judge
    #[command(subcommand, name = "senderid")]
    SenderId(SenderIdCommand),
    /// Hold the rules of Gmail, Yahoo and Outlook against a newsletter as it arrived
    BulkCheck(BulkCheckArgs),
    /// Reports of receivers in the vault: take in, list, count by sender
    #[command(subcommand)]
    Report(MailReportCommand),
    /// DMARC: what a domain asks, what to do next, what a stricter policy would do
    #[command(subcommand)]
    Dmarc(DmarcCommand),
    /// Keys that sign mail (DKIM): make, list, change safely, sign, export
    #[command(subcommand)]
    Dkim(DkimCommand),
    /// Mail that waits for the smarthost: how much, what, try again, throw away
    #[command(subcommand)]
    Queue(MailQueueCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum MailQueueCommand {
    /// Say how much waits and since when
    Status,
    /// List what waits, oldest first; no address is shown
    List {
        /// How many at most
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Try now; without ids: everything that waits for a later moment
    Retry {
        /// Ids
        ids: Vec<String>,
    },
    /// Throw away: nobody gets it and its sender is not told
    Drop {
        /// Ids
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct MailVerifyArgs {
    /// The message with all its headers (.eml); - for standard input
    pub file: PathBuf,
    /// The address of the server that delivered it; with --sender, SPF is checked too
    #[arg(long, value_name = "IP", requires = "sender")]
    pub client: Option<std::net::IpAddr>,
    /// The envelope sender (Return-Path)
    #[arg(long, value_name = "ADDRESS", requires = "client")]
    pub sender: Option<String>,
    #[command(flatten)]
    pub dns: DnsArg,
}

#[derive(Debug, Args)]
pub(crate) struct MailReportsArgs {
    /// Reports as they come: mail, mailbox, zip, gzip, XML, JSON
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// A service that mails for the shop, by its name in the catalogue; may be repeated
    #[arg(long, value_name = "NAME")]
    pub service: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DkimCommand {
    /// Look which keys a domain publishes, as far as their names can be known
    Selectors(SelectorsArgs),
    /// Make a key in the vault and show the record to publish
    Keygen(DkimKeygenArgs),
    /// Show the keys, where each is in its life, and what to do
    List,
    /// Begin a change of keys, or take it a step further: looks at the DNS and says what to do next
    Rotate(DkimRotateArgs),
    /// Sign a message with the keys in use; the signed message goes to standard output
    Sign {
        /// The message (.eml); - for standard input
        file: PathBuf,
    },
    /// Show a private key as PEM, for a program that signs outside the vault; put on the record
    Export {
        /// The domain that signs
        domain: String,
        /// The selector of the key
        selector: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DkimKeygenArgs {
    /// The domain that you mail from
    pub domain: String,
    /// The selector; without it one of the date
    #[arg(long, value_name = "NAME")]
    pub selector: Option<String>,
    /// An Ed25519 key to sign beside RSA, instead of an RSA key
    #[arg(long)]
    pub ed25519: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DkimRotateArgs {
    /// The domain that signs
    pub domain: String,
    /// Selector of the new key, when a change begins; without it one of the date
    #[arg(long, value_name = "NAME")]
    pub selector: Option<String>,
    /// The Ed25519 key instead of the RSA key
    #[arg(long)]
    pub ed25519: bool,
    /// Skip the waiting of this step, because the key leaked; the DNS is looked at all the same
    #[arg(long)]
    pub now: bool,
    /// Ask this name server instead of that of the settings, or the system's
    #[arg(long, value_name = "ADDRESS")]
    pub dns: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MailReportCommand {
    /// Take reports in: files or folders with mail, mailbox, zip, gzip, XML, JSON; - for standard input
    Ingest {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// List reports, the last received first
    List {
        /// How many at most
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Show a report with its rows
    Show {
        /// The report's id
        id: String,
    },
    /// Say who mailed in the shop's name, by stream
    Sources {
        /// Over how many days
        #[arg(long, default_value_t = 30)]
        days: u32,
    },
    /// Write the rows of reports as NDJSON
    Export {
        /// Over how many days
        #[arg(long, default_value_t = 30)]
        days: u32,
    },
    /// What could not be read: list, show, try again, throw away
    #[command(subcommand)]
    Quarantine(MailQuarantineCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum MailQuarantineCommand {
    /// List what could not be read
    List,
    /// Show something that could not be read; it may be a mail of a person, so this is put on record
    Show {
        /// Its id
        id: String,
        /// Write it to a new file too
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
    },
    /// Try to read again; without ids: everything
    Retry {
        /// Ids
        ids: Vec<String>,
    },
    /// Throw away
    Delete {
        /// Ids
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

/// The file with the streams.
#[derive(Debug, Args)]
pub(crate) struct StreamsArg {
    /// The file that says who mails for the shop; without it mail.toml of the data folder, or the one here
    #[arg(long, value_name = "FILE")]
    pub streams: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct MailPlanArgs {
    #[command(flatten)]
    pub streams: StreamsArg,
    /// Lines for a name server such as BIND instead of words
    #[arg(long)]
    pub bind: bool,
    /// Ask the questions and write the answers to this new file
    #[arg(long, value_name = "FILE", conflicts_with = "streams")]
    pub write: Option<PathBuf>,
    /// Replace the file when it is there already
    #[arg(long, requires = "write")]
    pub force: bool,
    /// Open the vault and show the records of its keys too
    #[arg(long)]
    pub keys: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MailDiffArgs {
    #[command(flatten)]
    pub streams: StreamsArg,
    #[command(flatten)]
    pub dns: DnsArg,
    /// Open the vault and compare the records of its keys too
    #[arg(long)]
    pub keys: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MailLookalikeArgs {
    /// The shop's domain
    pub domain: String,
    /// Ask the DNS which names exist
    #[arg(long)]
    pub resolve: bool,
    /// Ask the DNS and keep what exists in the vault; says what is new since the last time
    #[arg(long)]
    pub keep: bool,
    /// Questions a second at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = rate)]
    pub rate: u32,
    /// Names at most
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub max: usize,
    /// Begin at this name, where an earlier run stopped
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub from: usize,
    /// Also names that no registry would take
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub dns: DnsArg,
}

/// Reads the number of questions a second.
fn rate(text: &str) -> Result<u32, String> {
    let wrong = || format!("1 to {}", kluis_net::PER_SECOND_MAX);
    text.parse().ok().filter(|rate| (1..=kluis_net::PER_SECOND_MAX).contains(rate)).ok_or_else(wrong)
}
