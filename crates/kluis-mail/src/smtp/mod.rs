//! SMTP without I/O: the server's side of a talk as a state machine, its messages, replies and addresses.

mod address;
pub mod client;
mod command;
mod data;
mod input;
mod offer;
mod reply;
mod session;
mod submit;
#[cfg(test)]
mod tests;

pub use address::{Address, AddressProblem};
pub use data::{DataLimits, DataProblem, DataReader, Progress};
pub use offer::{Event, LoginRule, Protection, Recipient, Sender, SessionOptions, SignIn};
pub use reply::{REPLY_LINE_BYTES_MAX, REPLY_LINES_MAX, Reply, ReplyError};
pub use session::Session;
pub use submit::{Stamp, Submission, SubmitProblem, check_envelope_domain, submission};
