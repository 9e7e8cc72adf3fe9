//! The command line of the mail tools that need no vault: `mail spf`, `mail senderid`, `mail bulk-check`, selectors.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Which name server is asked.
#[derive(Debug, Args)]
pub(crate) struct DnsArg {
    /// Ask this name server instead of that of the settings, or the system's
    #[arg(long, value_name = "ADDRESS")]
    pub dns: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SpfCommand {
    /// Judge one address as a receiver would, and show every step
    Eval(SpfEvalArgs),
    /// Say word for word what a domain's SPF record means and what each word costs
    Explain(SpfDomainArgs),
    /// Say which part of a domain's record lets an address in
    Who(SpfWhoArgs),
    /// Show who uses up the ten look-ups of a record, and what to do about it
    Budget(SpfDomainArgs),
    /// Write a record without most of its look-ups; it goes stale, so it must be checked again
    Flatten(SpfFlattenArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SpfEvalArgs {
    /// The domain of the envelope sender
    pub domain: String,
    /// The address of the server that sends
    #[arg(long, value_name = "IP")]
    pub ip: IpAddr,
    /// The envelope sender, when the record looks at it (macros)
    #[arg(long, value_name = "ADDRESS", conflicts_with = "helo")]
    pub sender: Option<String>,
    /// The domain is the name that the server gives itself (HELO), as for a bounce
    #[arg(long)]
    pub helo: bool,
    #[command(flatten)]
    pub dns: DnsArg,
}

#[derive(Debug, Args)]
pub(crate) struct SpfDomainArgs {
    /// The domain
    pub domain: String,
    #[command(flatten)]
    pub dns: DnsArg,
}

#[derive(Debug, Args)]
pub(crate) struct SpfWhoArgs {
    /// The address of the server
    pub ip: IpAddr,
    /// The domain
    pub domain: String,
    #[command(flatten)]
    pub dns: DnsArg,
}

#[derive(Debug, Args)]
pub(crate) struct SpfFlattenArgs {
    /// The domain
    pub domain: String,
    /// Leave this include as it is; may be repeated
    #[arg(long, value_name = "DOMAIN", conflicts_with = "check")]
    pub keep: Vec<String>,
    /// Days that the result may be trusted
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=90))]
    pub days: u32,
    /// Save what it was made from, for --check later
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    pub save: Option<PathBuf>,
    /// Say what changed since this file was saved
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
    /// Write it again as this file was made, with the addresses of now, and save it there
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check", "keep", "save"])]
    pub renew: Option<PathBuf>,
    #[command(flatten)]
    pub dns: DnsArg,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SenderIdCommand {
    /// Find old Sender ID records, or the address that Sender ID would judge in a message
    Check(SenderIdArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SenderIdArgs {
    /// The domain
    #[arg(required_unless_present = "message", conflicts_with = "message")]
    pub domain: Option<String>,
    /// A message with all its headers (.eml); - for standard input
    #[arg(long, value_name = "FILE")]
    pub message: Option<PathBuf>,
    /// The address of the server that delivered the message: judge it as an old receiver would
    #[arg(long, value_name = "IP", requires = "message")]
    pub client: Option<IpAddr>,
    #[command(flatten)]
    pub dns: DnsArg,
}

#[derive(Debug, Args)]
pub(crate) struct BulkCheckArgs {
    /// A newsletter as it arrived, with all its headers (.eml); - for standard input
    pub file: PathBuf,
    /// It is about an order or an account: nobody unsubscribes from it
    #[arg(long)]
    pub order_mail: bool,
    /// The address of the server that delivered it, instead of the one in the message
    #[arg(long, value_name = "IP")]
    pub client: Option<IpAddr>,
    /// The envelope sender, instead of the Return-Path in the message
    #[arg(long, value_name = "ADDRESS")]
    pub sender: Option<String>,
    /// Do not ask the DNS; what it knows stays unknown
    #[arg(long, conflicts_with = "dns")]
    pub offline: bool,
    #[command(flatten)]
    pub dns: DnsArg,
}

#[derive(Debug, Args)]
pub(crate) struct SelectorsArgs {
    /// The domain
    pub domain: String,
    /// Look for the key with this selector too; may be repeated
    #[arg(long, value_name = "NAME")]
    pub selector: Vec<String>,
    #[command(flatten)]
    pub dns: DnsArg,
}
