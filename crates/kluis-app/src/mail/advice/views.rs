//! What the page, the API and the command line show about mail in the shop's name, as data.

use kluis_mail::advice::{
    Advice, DigestItem, DnsChange, ImpactLine, Light, NextRecord, PolicyStep, SpfBudget,
};
use kluis_mail::report::{Category, Counts};
use kluis_mail::streams::StreamKind;
use kluis_model::{Text, TimeMs};
use serde::{Deserialize, Serialize};

/// Everything the page *Wie mailt er in uw naam?* shows; see [`crate::App::mail_overview`].
#[derive(Debug, Clone, Serialize)]
pub struct MailOverview {
    /// When it was made.
    pub at: TimeMs,
    /// The domain of the shop; `None` while no streams are declared (then only what to do is told).
    pub domain: Option<String>,
    /// The days of all series (`per_day`), as `YYYY-MM-DD` in UTC, oldest first.
    pub days: Vec<String>,
    /// The streams, in the order of the setup.
    pub streams: Vec<MailStreamView>,
    /// Who mails in the shop's name, most messages first; without misuse.
    pub senders: Vec<MailSenderView>,
    /// What proves nothing and still carries the shop's name.
    pub misuse: MailMisuseView,
    /// Who reported in these days.
    pub reporters: Vec<String>,
    /// Advice for each domain with a policy of its own.
    pub advices: Vec<Advice>,
    /// The one thing to do next; `None` when there is nothing to do.
    pub next: Option<MailNextAction>,
    /// What would happen if every domain asked receivers to refuse.
    pub if_reject: MailIfReject,
    /// Cost of SPF for each domain, as of the last look at the DNS.
    pub budgets: Vec<SpfBudget>,
    /// Signing keys of this vault, with their age.
    pub keys: Vec<MailKeyAge>,
    /// Names that look like the shop's and exist, as of the last scan, highest score first.
    pub lookalikes: Vec<MailLookalikeView>,
    /// What changed in the DNS at the last looks of the last 30 days, newest first.
    pub changes: Vec<SeenChange>,
    /// When the DNS was looked at last.
    pub dns_at: Option<TimeMs>,
    /// The last digest.
    pub digest: Option<MailDigestView>,
}

/// A stream with its light.
#[derive(Debug, Clone, Serialize)]
pub struct MailStreamView {
    /// Its short name.
    pub id: String,
    /// What it is for.
    pub kind: StreamKind,
    /// The domain of its From addresses.
    pub from: String,
    /// Its light.
    pub light: Light,
    /// Why, most important first.
    pub reasons: Vec<Text>,
    /// Its own mail, as receivers saw it in these days.
    pub counts: Counts,
    /// Of 1,000 messages, how many carried an aligned signature; `None` without messages.
    pub dkim_per_mille: Option<u32>,
    /// Its own mail for each day of [`MailOverview::days`].
    pub per_day: Vec<u64>,
    /// Messages that the relay signed in these days; `None` when the relay does not send it.
    pub signed: Option<u64>,
}

/// Somebody who mails in the shop's name.
#[derive(Debug, Clone, Serialize)]
pub struct MailSenderView {
    /// A name for links: the id in the catalogue, else category and network, such as `unknown-192.0.2.0/24`.
    pub id: String,
    /// The name for people.
    pub name: Text,
    /// What it is to the shop.
    pub category: Category,
    /// What the service does, when the catalogue knows it.
    pub does: Option<Text>,
    /// Whether the shop named this service itself.
    pub is_declared: bool,
    /// The streams whose name it uses; empty for a From domain of no stream.
    pub streams: Vec<String>,
    /// Messages in these days.
    pub counts: Counts,
    /// Messages for each day of [`MailOverview::days`].
    pub per_day: Vec<u64>,
}

/// Misuse of the shop's name.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MailMisuseView {
    /// Messages in these days.
    pub counts: Counts,
    /// Messages for each day of [`MailOverview::days`].
    pub per_day: Vec<u64>,
}

/// The one thing to do next.
#[derive(Debug, Clone, Serialize)]
pub struct MailNextAction {
    /// How pressing.
    pub light: Light,
    /// What to do, one sentence.
    pub text: Text,
    /// Why.
    pub why: Vec<Text>,
    /// The record to publish, when that is what to do.
    pub record: Option<NextRecord>,
}

/// What would happen under `p=reject`.
#[derive(Debug, Clone, Serialize)]
pub struct MailIfReject {
    /// In one sentence: `0 bestellingen, 12 nieuwsbrieven (Spotler, DKIM ontbreekt)`.
    pub text: Text,
    /// By stream and sender.
    pub lines: Vec<ImpactLine>,
}

/// A signing key's age.
#[derive(Debug, Clone, Serialize)]
pub struct MailKeyAge {
    /// `d=`.
    pub domain: String,
    /// `s=`.
    pub selector: String,
    /// `rsa2048` or `ed25519`.
    pub kind: String,
    /// Days since it was made.
    pub age_days: u32,
    /// Grey: not in use; amber: time to replace it.
    pub light: Light,
    /// What to do, or that nothing needs to be done.
    pub advice: Text,
}

/// A name that looks like the shop's and exists.
#[derive(Debug, Clone, Serialize)]
pub struct MailLookalikeView {
    /// The name, as an A-label.
    pub domain: String,
    /// As people read it.
    pub unicode: String,
    /// 0 (harmless) to 100.
    pub points: u8,
    /// Why.
    pub reasons: Vec<Text>,
    /// Whether it was not there at the scan before.
    pub is_new: bool,
}

/// A change in the DNS and when it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenChange {
    /// When.
    pub at: TimeMs,
    /// What.
    #[serde(flatten)]
    pub change: DnsChange,
}

/// A digest: what had to be done on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailDigestView {
    /// When it was made.
    pub at: TimeMs,
    /// When it was handed to the relay; `None`: only the console showed it.
    pub mailed: Option<TimeMs>,
    /// What to do, most pressing first.
    pub items: Vec<DigestItem>,
}

/// What [`crate::App::mail_advise`] answers.
#[derive(Debug, Clone, Serialize)]
pub struct MailAdviceView {
    /// When it was made.
    pub at: TimeMs,
    /// Whether the DNS was asked just now; else the last look of the daily job counts.
    pub is_fresh: bool,
    /// Advice for each domain.
    pub advices: Vec<Advice>,
    /// Lights of the streams.
    pub streams: Vec<MailStreamView>,
}

/// What to replay; see [`crate::App::mail_simulate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulateInput {
    /// The domain of the record; `None`: the shop's.
    pub domain: Option<String>,
    /// The policy, when no whole record is given.
    pub policy: PolicyStep,
    /// A whole DMARC record; it wins over `policy`.
    pub record: Option<String>,
    /// An SPF record for the domain, evaluated for each source.
    pub spf: Option<String>,
    /// Days of reports, 1 to 400.
    pub days: u32,
}

/// The outcome of a replay.
#[derive(Debug, Clone, Serialize)]
pub struct SimulateView {
    /// The domain.
    pub domain: String,
    /// The record that was tried.
    pub record: String,
    /// Days of reports.
    pub days: u32,
    /// Rows that were replayed.
    pub rows: u64,
    /// Messages that were replayed.
    pub messages: u64,
    /// In one sentence.
    pub text: Text,
    /// By stream and sender, what would be lost first.
    pub lines: Vec<ImpactLine>,
    /// Lines whose outcome differs when alignment is by the public suffix list (RFC 7489) instead of the tree walk.
    pub by_suffix_list: Vec<ImpactLine>,
    /// What to keep in mind.
    pub remarks: Vec<Text>,
}
