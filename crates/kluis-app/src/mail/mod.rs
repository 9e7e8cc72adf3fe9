//! Mail in the shop's name as use cases: keys, the relay's queue, reports of receivers, advice, lookalikes.

mod advice;
mod facts;
mod keys;
mod lookalike;
mod queue;
mod reports;
#[cfg(test)]
mod testing;

pub use self::advice::{
    MailAdviceView, MailDigestView, MailIfReject, MailKeyAge, MailLookalikeView, MailMisuseView,
    MailNextAction, MailOverview, MailSenderView, MailStreamView, Says, SeenChange, SimulateInput,
    SimulateView,
};
pub(crate) use self::facts::mail_fact_agrees;
pub use self::lookalike::{LookalikeFound, LookalikeProgress, LookalikeView};
pub use self::queue::*;
pub use self::reports::*;

use std::sync::Arc;

use kluis_mail::streams::MailSetup;
use kluis_model::Period;
use kluis_net::AuditOptions;
use parking_lot::RwLock;

pub(crate) use self::keys::{KEYS_MAX, KeyChange, ROTATION, mail_key_agrees};
pub use self::keys::{
    MailKeyAlgorithm, MailKeyInput, MailKeyState, MailKeyTodo, MailKeyView, Signed, SigningKeys,
    SigningProblem,
};

use crate::App;

/// What this node knows about the shop's mail.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// The streams; `None` while nobody declared them.
    pub setup: Option<Arc<MailSetup>>,
    /// How long reports and counts are kept.
    pub reports_kept: Period,
    /// Whether failure reports, which hold personal data, are read (RFC 9991); else they are refused.
    pub failure_reports: bool,
    /// How the DNS is asked.
    pub dns: AuditOptions,
    /// Who gets the digest, by the relay; `None`: only the console shows it.
    pub digest_to: Option<String>,
    /// Messages that may wait in the relay's queue.
    pub queue_messages_max: u64,
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            setup: None,
            reports_kept: Period::days(400),
            failure_reports: false,
            dns: AuditOptions::default(),
            digest_to: None,
            queue_messages_max: 100_000,
        }
    }
}

/// The mail of this process.
#[derive(Default)]
pub(crate) struct MailDesk {
    settings: RwLock<Arc<MailSettings>>,
    /// The relay's queue in memory.
    pub(crate) queue: queue::QueueDesk,
    /// Reports of receivers.
    reports: reports::ReportsDesk,
    /// The keys that sign.
    pub(crate) signer: keys::SignerDesk,
    /// Looks at names that resemble the shop's.
    lookalikes: lookalike::LookalikeDesk,
}

impl App {
    /// Puts the settings of mail in force.
    pub fn set_mail_settings(&self, settings: MailSettings) {
        *self.inner.mail.settings.write() = Arc::new(settings);
    }

    /// The settings of mail in force.
    #[must_use]
    pub fn mail_settings(&self) -> Arc<MailSettings> {
        self.inner.mail.settings.read().clone()
    }
}
