//! What to do next about mail in the shop's name: lights, the next DMARC policy, changes in the DNS, one digest.
//!
//! Everything here decides from data: counts of reports, records that were read, the day of today. Nothing asks a clock
//! or the DNS. A *day* is the number of days since 1970-01-01 in UTC, as in [`crate::report::FoldKey`].

mod digest;
mod gather;
mod impact;
mod light;
mod policy;
mod policy_text;
mod record;
mod snapshot;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_dns;
mod words;

pub use digest::{Digest, DigestItem, Due, digest};
pub use gather::{Governed, SourceSeries, SpfBudget, SpfInclude, gather, spf_budget, streams_seen};
pub use impact::{Impact, ImpactLine, Why, impact, sentence};
pub use light::{StreamLight, stream_light};
pub use policy::{
    ALIGNED_PER_MILLE_MIN, Advice, Blocker, Criterion, DAYS_AT_POLICY_MIN, DAYS_AT_REHEARSAL_MIN, DomainSeen,
    NextKind, NextRecord, Published, REPORTERS_MIN, SenderSeen, Series, StreamSeen, Unresolved, advise,
    step_of,
};
pub use record::{PolicyStep, record_text};
pub use snapshot::{ChangeKind, DnsChange, DomainDns, KeyState, changes, snapshot};

use serde::{Deserialize, Serialize};

/// A traffic light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    /// Nothing is known yet.
    Grey,
    /// All is well.
    Green,
    /// Something should be done soon.
    Amber,
    /// Something must be done now.
    Red,
}
