//! The command line of `mail dmarc`: what a domain asks, what to do next, what a stricter policy would do.

use clap::{Args, Subcommand, ValueEnum};

use crate::args_mail_tools::DnsArg;

#[derive(Debug, Subcommand)]
pub(crate) enum DmarcCommand {
    /// Show the DMARC record of a domain word for word, by the new standard and by the old one
    Show(DmarcShowArgs),
    /// Say for each of the shop's domains which policy is safe now, and what is missing for the next
    Advise,
    /// Replay the stored reports under a record that is not published yet: what would be lost
    Simulate(DmarcSimulateArgs),
    /// Look at the DNS of the shop's domains now, as the daily job does, and say what must be done
    Watch,
    /// Say that a sender is not yours, so that it keeps no policy from getting stricter
    NotOurs(DmarcNotOursArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DmarcShowArgs {
    /// The domain
    pub domain: String,
    #[command(flatten)]
    pub dns: DnsArg,
}

#[derive(Debug, Args)]
pub(crate) struct DmarcSimulateArgs {
    /// The policy to try
    #[arg(long, value_enum, default_value_t = PolicyArg::Reject)]
    pub policy: PolicyArg,
    /// A whole DMARC record to try instead of a policy
    #[arg(long, value_name = "TEXT", conflicts_with = "policy")]
    pub record: Option<String>,
    /// An SPF record to try too
    #[arg(long, value_name = "TEXT")]
    pub spf: Option<String>,
    /// The domain of the records; else all mail of the shop is tried
    #[arg(long, value_name = "DOMAIN")]
    pub domain: Option<String>,
    /// Days of reports, 1 to 400
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=400))]
    pub days: u32,
}

#[derive(Debug, Args)]
pub(crate) struct DmarcNotOursArgs {
    /// The sender by its name in `mail dmarc simulate --json` or on the page, such as mailchimp
    pub source: String,
    /// Take that back
    #[arg(long)]
    pub undo: bool,
}

/// A policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyArg {
    /// Only report
    None,
    /// To the junk folder
    Quarantine,
    /// Refuse
    Reject,
}
