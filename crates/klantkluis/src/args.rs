//! The command line: every command, its options and their help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::args_mail::MailCommand;
use crate::args_scan::ScanArgs;

/// Customer data handled safely: an HTTPS vault from which only what a purpose allows comes out.
#[derive(Debug, Parser)]
#[command(name = "klantkluis", version, propagate_version = true, disable_help_subcommand = true)]
#[command(
    after_help = "Results go to stdout, everything else to stderr. Exit codes: 0 good, 1 findings, 2 error."
)]
pub(crate) struct Cli {
    /// Settings file; default ./klantkluis.toml, then /etc/klantkluis/klantkluis.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data folder, instead of the one in the settings
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Print results as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Language of messages; default from LANG
    #[arg(long, global = true, value_enum)]
    pub lang: Option<Language>,
    #[command(subcommand)]
    pub command: Command,
}

/// The languages of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    Nl,
    En,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the data folder, the sealed keyring and the first credential
    Init(InitArgs),
    /// Serve the console and the API over HTTPS; makes everything on the first start
    Serve(ServeArgs),
    /// Read a customer export into the vault
    Import(ImportArgs),
    /// Bulk export within a purpose: request, approve, write
    #[command(subcommand)]
    Export(ExportCommand),
    /// One customer: show, find, erase, access report
    #[command(subcommand)]
    Subject(SubjectCommand),
    /// Give, withdraw or list a customer's consents
    #[command(subcommand)]
    Consent(ConsentCommand),
    /// The purpose register
    #[command(subcommand)]
    Purpose(PurposeCommand),
    /// Keys: rotate, new epoch, shares, passphrase, backup
    #[command(subcommand)]
    Key(KeyCommand),
    /// Stand-ins for a field's value, for partners
    #[command(subcommand)]
    Token(TokenCommand),
    /// Credentials of staff and connectors
    #[command(subcommand)]
    Credential(CredentialCommand),
    /// Client certificates of connected systems: add, list, renew, revoke
    #[command(subcommand)]
    Partner(PartnerCommand),
    /// The certificate of this server: show, renew now
    #[command(subcommand)]
    Certificate(CertificateCommand),
    /// The audit log: list, verify, checkpoint
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Check the whole vault and its log without trusting the database
    Verify,
    /// Write an encrypted backup while serving goes on
    Backup(BackupArgs),
    /// Read a backup into an empty store; erased people stay erased
    Restore(RestoreArgs),
    /// The database: migrate, copy between engines
    #[command(subcommand)]
    Store(StoreCommand),
    /// The settings: check, show all with their defaults
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check a web shop's HTTPS and say what to mend; needs no vault
    Check(Box<CheckArgs>),
    /// Find personal data in files and folders; needs no vault
    Scan(ScanArgs),
    /// Mail in the shop's name: plan, check, sign, send, read reports
    #[command(subcommand)]
    Mail(MailCommand),
    /// Look whether this machine and this vault are in order
    Doctor,
    /// What the vault holds and what needs attention
    Status,
    /// Print shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Seal the keyring with a passphrase that is asked for (default when run by a person)
    #[arg(long, conflicts_with = "key_file")]
    pub passphrase: bool,
    /// Seal the keyring with a key file, mode 0400 (default when not run by a person)
    #[arg(long)]
    pub key_file: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Load 1,000 generated Dutch customers into an empty vault
    #[arg(long)]
    pub demo: bool,
    /// HTTPS address, instead of the one in the settings
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: Option<std::net::SocketAddr>,
    /// Plain HTTP address that redirects, instead of the one in the settings
    #[arg(long, value_name = "HOST:PORT")]
    pub redirect_listen: Option<std::net::SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The export: CSV, NDJSON, JSON or XLSX
    pub file: PathBuf,
    /// Mapping file, instead of recognising the export by its header
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// Only tell what would happen
    #[arg(long)]
    pub dry_run: bool,
    /// Print the mapping that would be used, to edit and give back with --mapping
    #[arg(long)]
    pub print_mapping: bool,
    /// Where rejected lines go; default FILE.rejects.csv
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Do not ask before writing
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ExportCommand {
    /// Ask for an export of some fields for a purpose
    Request {
        /// The purpose
        #[arg(long)]
        purpose: String,
        /// Fields, separated by commas
        #[arg(long, value_delimiter = ',')]
        fields: Vec<String>,
    },
    /// Approve a requested export; another person than who asked
    Approve {
        job: String,
        /// There is nobody else to approve; this is recorded in the audit log
        #[arg(long)]
        i_am_alone: bool,
    },
    /// Write an approved export as NDJSON to stdout
    Run { job: String },
    /// Show an export's state
    Show { job: String },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SubjectCommand {
    /// Show a customer's fields for a purpose
    Show {
        id: String,
        #[arg(long)]
        purpose: String,
        /// Fields, separated by commas; default all of the purpose
        #[arg(long, value_delimiter = ',')]
        fields: Vec<String>,
    },
    /// Find customers; the text is asked for, never given on the command line
    Find {
        #[arg(long)]
        purpose: String,
        /// Which unique or exact field to look in; default: by name
        #[arg(long, value_name = "FIELD")]
        by: Option<String>,
        /// Hits at most
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Erase a customer and print the signed receipt
    Erase {
        id: String,
        /// Do not ask first
        #[arg(long, short)]
        yes: bool,
    },
    /// Everything that is kept about a customer (GDPR article 15)
    Access {
        id: String,
        /// Write readable HTML instead of text
        #[arg(long)]
        html: bool,
    },
    /// Record an event that starts a retention period
    Event {
        id: String,
        /// order_completed, invoice_year_end, last_activity, complaint_closed …
        event: String,
        /// When, RFC 3339; default now
        #[arg(long)]
        at: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConsentCommand {
    /// Record that a customer gave consent
    Give(ConsentArgs),
    /// Record that a customer withdrew consent
    Withdraw(ConsentArgs),
    /// List a customer's consents
    List { id: String },
}

#[derive(Debug, Args)]
pub(crate) struct ConsentArgs {
    pub id: String,
    #[arg(long)]
    pub purpose: String,
    /// Where it was given: form, telephone, shop …
    #[arg(long)]
    pub source: String,
    /// Version of the text that the customer saw
    #[arg(long, default_value = "")]
    pub text_version: String,
    /// When, RFC 3339; default now
    #[arg(long)]
    pub at: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PurposeCommand {
    /// List purposes, their fields and retention
    List,
    /// Print the register as TOML
    Show,
    /// Check a register file without using it
    Check { file: PathBuf },
    /// Use a register file from now on
    Set { file: PathBuf },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Replace the root key (default), the index keys or the log's signing key
    Rotate {
        #[arg(value_enum, default_value_t = KeyKind::Root)]
        which: KeyKind,
    },
    /// New key epoch: wrap all live keys anew and destroy the old epoch, so that old backups of erased people are unreadable
    Epoch,
    /// Issue shares, of which some must come together to open the vault; earlier shares stop working
    Shares {
        /// How many are needed
        #[arg(long, short)]
        k: u8,
        /// How many are made
        #[arg(long, short)]
        n: u8,
        /// Folder for one file per share, mode 0400; default: print them
        #[arg(long)]
        folder: Option<PathBuf>,
    },
    /// Set a new passphrase
    Passphrase,
    /// Copy the sealed keyring, to keep apart from the database's backups
    Backup { file: PathBuf },
    /// List how the keyring can be opened, its epochs and index versions
    List,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyKind {
    Root,
    Index,
    Signing,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token for one field of a customer
    Create {
        id: String,
        #[arg(long)]
        field: String,
        /// The partner it is for; tokens of two partners cannot be joined
        #[arg(long)]
        destination: Option<String>,
    },
    /// The value behind a token, for a purpose; the token is asked for
    Resolve {
        #[arg(long)]
        purpose: String,
    },
    /// Make a token worthless; the token is asked for
    Revoke,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialCommand {
    /// Make a credential; its secret is shown once
    Create {
        name: String,
        /// A staff role
        #[arg(long, value_enum, conflicts_with_all = ["purposes", "operations"])]
        role: Option<RoleName>,
        /// A connector's operations, separated by commas, such as create,read,lookup
        #[arg(long, value_delimiter = ',')]
        operations: Vec<String>,
        /// A connector's purposes, separated by commas
        #[arg(long, value_delimiter = ',')]
        purposes: Vec<String>,
        /// A connector's fields, separated by commas; default all of its purposes
        #[arg(long, value_delimiter = ',')]
        fields: Vec<String>,
        /// Masks such as phone=last_four, separated by commas
        #[arg(long, value_delimiter = ',')]
        masks: Vec<String>,
        /// Rows it may read in an hour
        #[arg(long)]
        rows_per_hour: Option<u32>,
        /// Different people it may read in a day
        #[arg(long)]
        subjects_per_day: Option<u32>,
        /// Days until it ends
        #[arg(long)]
        days: Option<u32>,
    },
    /// List credentials
    List,
    /// Revoke a credential
    Revoke { id: String },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PartnerCommand {
    /// Give a connected system a certificate, without which its credential no longer works
    Add {
        /// A name for people and files: letters, digits, hyphens
        name: String,
        /// The connector's credential
        #[arg(long, value_name = "ID")]
        credential: String,
        /// Folder for the key (mode 0600) and the certificate
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
        /// Days that the certificate is valid
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=1000))]
        days: u32,
    },
    /// List the certificates that were given out
    List,
    /// Give a new certificate; the old one works until it ends
    Renew {
        name: String,
        /// Folder for the new key (mode 0600) and certificate
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
        /// Days that the certificate is valid
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=1000))]
        days: u32,
    },
    /// Revoke all certificates of a name and the credential they belong to
    Revoke { name: String },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CertificateCommand {
    /// Show the certificate of this server and how its renewal stands
    Show,
    /// Order a new one now; for when its key may be known to others
    Renew,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleName {
    Owner,
    Support,
    Auditor,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List entries, newest last
    List {
        /// Only of this customer
        #[arg(long)]
        subject: Option<String>,
        /// Only of this actor
        #[arg(long)]
        actor: Option<String>,
        /// Only this operation
        #[arg(long)]
        operation: Option<String>,
        /// Entries at most
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Check the logs: trees, signatures and that nothing was cut off
    Verify,
    /// Sign and print the log's checkpoint
    Checkpoint,
    /// Proof that an entry is in the log, with what a stranger needs to check it
    Proof { seq: u64 },
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The file to write; `-` for stdout
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup to read
    pub file: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 nothing to mend, 1 findings, 2 error.")]
pub(crate) struct CheckArgs {
    /// The shop's domain; up to 100 for a table with a line each
    #[arg(required_unless_present = "evidence", value_name = "DOMAIN")]
    pub domains: Vec<String>,
    /// Only these parts, separated by commas; https is all of them but mail
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART")]
    pub only: Vec<CheckPart>,
    /// Print the report as one self-contained HTML file
    #[arg(long, conflicts_with_all = ["md", "sarif"])]
    pub html: bool,
    /// Print the report as Markdown
    #[arg(long, conflicts_with = "sarif")]
    pub md: bool,
    /// Print the report as SARIF 2.1.0
    #[arg(long)]
    pub sarif: bool,
    /// Show every fix, note and passed check in the terminal
    #[arg(long)]
    pub all: bool,
    /// Use this address for a name instead of asking the DNS
    #[arg(long, value_name = "HOST:IP")]
    pub resolve: Vec<String>,
    /// Port of HTTPS; default 443
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Port of plain HTTP; default 80
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub http_port: Option<u16>,
    /// Read this page; kinds: home, product, login, checkout, contact, other
    #[arg(long, value_name = "KIND=PATH")]
    pub pages: Vec<String>,
    /// Trust the certificate authorities in this PEM file too
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Ask this name server instead of the system's
    #[arg(long, value_name = "ADDRESS")]
    pub dns: Option<String>,
    /// Look for the DKIM key with this selector too
    #[arg(long, value_name = "NAME")]
    pub selector: Vec<String>,
    /// The domain is yours: prove it and look for open files too; prints what to publish
    #[arg(long)]
    pub owner_verified: bool,
    /// Judge saved evidence again, without a network
    #[arg(long, value_name = "FILE", conflicts_with_all = ["domains", "save_evidence", "owner_verified"])]
    pub evidence: Option<PathBuf>,
    /// Save what was seen, to judge it again later
    #[arg(long, value_name = "FILE")]
    pub save_evidence: Option<PathBuf>,
    /// Say what changed since an older report in JSON
    #[arg(long, value_name = "REPORT")]
    pub since: Option<PathBuf>,
    /// Domains checked at once
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub parallel: u32,
}

/// Parts of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckPart {
    Https,
    Tls,
    Certificate,
    Dns,
    Web,
    Exposed,
    Mail,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Bring the database's schema up to this version
    Migrate,
    /// Copy the whole vault into another, empty database
    Copy {
        /// `sqlite:FOLDER` or `postgres://user@host/database`
        #[arg(long)]
        to: String,
        /// File with the PostgreSQL password
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check the settings file
    Check,
    /// Print all settings with their defaults and what they mean
    Show,
}
