//! Mail: signing keys, the relay's queue, counts of what was sent, reports of receivers and what could not be read.

pub(crate) mod facts;
pub(crate) mod keys;
pub(crate) mod quarantine;
pub(crate) mod queue;
pub(crate) mod reports;

pub use facts::MailFactRow;
pub use keys::MailKeyRow;
pub use quarantine::MailQuarantineRow;
pub use queue::{MailDepth, MailHead, MailLease, MailQueueRow, MailSentRow};
pub use reports::{MailReportRow, MailReportedRow, MailReporterRow, MailSourceRow};
