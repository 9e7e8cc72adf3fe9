//! The command line of `scan`: what is scanned and how the report is shown.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// Files and folders: CSV, JSON, dumps of databases, SQLite, logs, mail, gzip and ZIP
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// A self-contained page
    #[arg(long, group = "form")]
    pub html: bool,
    /// Markdown
    #[arg(long = "md", group = "form")]
    pub markdown: bool,
    /// Comma-separated values
    #[arg(long, group = "form")]
    pub csv: bool,
    /// SARIF 2.1.0, for build servers
    #[arg(long, group = "form")]
    pub sarif: bool,
    /// Show, and count as findings, what is at least so certain
    #[arg(long, value_enum, default_value_t = From::Likely)]
    pub from: From,
    /// Read at most so many rows of each table
    #[arg(long, value_name = "N")]
    pub rows: Option<u64>,
}

/// How certain something must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    Possible,
    Likely,
    Certain,
}
