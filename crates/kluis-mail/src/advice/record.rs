//! The steps of a DMARC policy, and the record that publishes one.

use kluis_model::Lang;
use serde::{Deserialize, Serialize};

use crate::dmarc::{Alignment, Policy, Psd, Record};

/// A step on the way from `p=none` to `p=reject`; a rehearsal (`t=y`, RFC 9989 §4.7) comes before each stricter policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyStep {
    /// `p=none`.
    None,
    /// `p=quarantine; t=y`.
    TestQuarantine,
    /// `p=quarantine`.
    Quarantine,
    /// `p=reject; t=y`.
    TestReject,
    /// `p=reject`.
    Reject,
}

impl PolicyStep {
    /// Every step, mildest first.
    pub const ALL: [Self; 5] =
        [Self::None, Self::TestQuarantine, Self::Quarantine, Self::TestReject, Self::Reject];

    /// The step of a policy.
    #[must_use]
    pub fn of(policy: Policy, is_test: bool) -> Self {
        match (policy, is_test) {
            (Policy::None, _) => Self::None,
            (Policy::Quarantine, true) => Self::TestQuarantine,
            (Policy::Quarantine, false) => Self::Quarantine,
            (Policy::Reject, true) => Self::TestReject,
            (Policy::Reject, false) => Self::Reject,
        }
    }

    /// The policy in the record.
    #[must_use]
    pub fn policy(self) -> Policy {
        match self {
            Self::None => Policy::None,
            Self::TestQuarantine | Self::Quarantine => Policy::Quarantine,
            Self::TestReject | Self::Reject => Policy::Reject,
        }
    }

    /// Whether it is a rehearsal.
    #[must_use]
    pub fn is_test(self) -> bool {
        matches!(self, Self::TestQuarantine | Self::TestReject)
    }

    /// The next stricter step.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        match self {
            Self::None => Some(Self::TestQuarantine),
            Self::TestQuarantine => Some(Self::Quarantine),
            Self::Quarantine => Some(Self::TestReject),
            Self::TestReject => Some(Self::Reject),
            Self::Reject => None,
        }
    }

    /// The step to go back to when mail of the shop fails: the policy before, without a rehearsal.
    #[must_use]
    pub fn back(self) -> Option<Self> {
        match self {
            Self::None => None,
            Self::TestQuarantine | Self::Quarantine => Some(Self::None),
            Self::TestReject | Self::Reject => Some(Self::Quarantine),
        }
    }

    /// How it is called in a sentence.
    #[must_use]
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::None => "p=none",
            Self::TestQuarantine => {
                lang.pick("p=quarantine als oefening (t=y)", "p=quarantine as a rehearsal (t=y)")
            }
            Self::Quarantine => "p=quarantine",
            Self::TestReject => lang.pick("p=reject als oefening (t=y)", "p=reject as a rehearsal (t=y)"),
            Self::Reject => "p=reject",
        }
    }

    /// How it stands in the record.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "p=none",
            Self::TestQuarantine => "p=quarantine; t=y",
            Self::Quarantine => "p=quarantine",
            Self::TestReject => "p=reject; t=y",
            Self::Reject => "p=reject",
        }
    }
}

/// The record for a step. Of the record before, what receivers of RFC 9989 understand is kept: `sp`, `np`, `adkim`,
/// `aspf`, `psd` and `rua`; left out are `pct`, `rf`, `ri` and size limits, which it removed, and `ruf` with `fo`, since
/// failure reports hold personal data. An address that is not in `rua` yet is added.
#[must_use]
pub fn record_text(before: Option<&Record>, step: PolicyStep, report_address: Option<&str>) -> String {
    let mut text = format!("v=DMARC1; {}", step.words());
    let mut tag = |name: &str, value: &str| {
        text.push_str("; ");
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    };
    let mut addresses: Vec<String> = Vec::new();
    if let Some(record) = before {
        for (name, policy) in [("sp", record.subdomains), ("np", record.nonexistent)] {
            if let Some(policy) = policy {
                tag(name, policy.word());
            }
        }
        for (name, mode) in [("adkim", record.dkim), ("aspf", record.spf)] {
            if mode == Alignment::Strict {
                tag(name, "s");
            }
        }
        match record.psd {
            Psd::Yes => tag("psd", "y"),
            Psd::No => tag("psd", "n"),
            Psd::Unknown => {}
        }
        addresses.extend(record.aggregate.iter().map(|address| address.uri.clone()));
    }
    if let Some(address) = report_address {
        let uri = format!("mailto:{address}");
        if !addresses.iter().any(|known| known.eq_ignore_ascii_case(&uri)) {
            addresses.push(uri);
        }
    }
    if !addresses.is_empty() {
        tag("rua", &addresses.join(","));
    }
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::dmarc;

    #[test]
    fn a_record_keeps_what_counts_and_loses_what_is_gone() {
        let before = b"v=DMARC1; p=none; pct=50; sp=quarantine; np=reject; adkim=s; ri=3600; fo=1; ruf=mailto:f@winkel.example; rua=mailto:d@winkel.example!10m";
        let record = dmarc::read(before).unwrap();
        let text =
            record_text(Some(&record), PolicyStep::TestQuarantine, Some("dmarc@rapport.winkel.example"));
        assert_eq!(
            text,
            "v=DMARC1; p=quarantine; t=y; sp=quarantine; np=reject; adkim=s; \
             rua=mailto:d@winkel.example,mailto:dmarc@rapport.winkel.example"
        );
        assert_eq!(record_text(None, PolicyStep::None, None), "v=DMARC1; p=none");
        let again = record_text(Some(&record), PolicyStep::None, Some("D@winkel.example"));
        assert!(again.ends_with("rua=mailto:d@winkel.example"), "{again}");
    }

    #[test]
    fn every_step_reads_back_as_itself() {
        for step in PolicyStep::ALL {
            let record = dmarc::read(record_text(None, step, Some("d@winkel.example")).as_bytes()).unwrap();
            assert_eq!(PolicyStep::of(record.own(), record.is_test), step);
            assert!(record.remarks.is_empty(), "{step:?}");
        }
    }

    #[test]
    fn steps_go_one_by_one_and_back_to_the_policy_before() {
        let mut step = PolicyStep::None;
        for next in &PolicyStep::ALL[1..] {
            assert_eq!(step.next(), Some(*next));
            step = *next;
        }
        for step in PolicyStep::ALL {
            if let Some(back) = step.back() {
                assert!(back < step && !back.is_test(), "{step:?}");
            }
        }
    }
}
