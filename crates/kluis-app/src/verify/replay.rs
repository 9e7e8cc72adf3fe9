//! What the leaves say about now: the newest row of every customer, credential and register; about 60 bytes a customer.

use std::collections::HashMap;

use kluis_model::audit::Leaf;
use kluis_model::{Operation, Outcome, SubjectId};

/// The newest state of one customer according to the logs.
#[derive(Clone, Copy)]
pub(crate) struct Newest {
    /// The row's version, its low 32 bits; the digest binds the whole number.
    version: u32,
    /// Half of the row's digest: 128 bits leave nothing to find a second row for.
    digest: [u8; 16],
    gone: bool,
    seen: bool,
}

/// The newest state of a credential according to the logs.
#[derive(Clone, Copy)]
pub(crate) struct CredentialState {
    /// The digest of its row.
    pub(crate) digest: [u8; 32],
    /// Whether it was revoked.
    pub(crate) revoked: bool,
    /// Whether its row was found.
    pub(crate) seen: bool,
}

/// How a row compares with the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Agrees,
    Unknown,
    Older,
    Newer,
    Other,
    Erased,
}

/// The replayed logs.
#[derive(Default)]
pub(crate) struct Replay {
    customers: HashMap<SubjectId, Newest>,
    /// By the hash of the credential's id.
    pub(crate) credentials: HashMap<[u8; 32], CredentialState>,
    /// Version and digest of the register.
    pub(crate) register: Option<(u64, [u8; 32])>,
    /// The first pass over the rows has begun: what comes now is no row that was missed.
    pub(crate) late: bool,
}

impl Replay {
    /// Takes a leaf into account.
    pub(crate) fn apply(&mut self, leaf: &Leaf) {
        if leaf.outcome != Outcome::Ok {
            return;
        }
        match (leaf.operation, leaf.subject) {
            (Operation::PurposeChange, _) => {
                if let (Some(version), Some(digest)) = (leaf.row_version, leaf.row_digest)
                    && self.register.is_none_or(|(known, _)| version >= known)
                {
                    self.register = Some((version, digest));
                }
            }
            (Operation::CredentialCreate | Operation::CredentialRevoke, _) => self.apply_credential(leaf),
            (Operation::Erase, Some(subject)) if leaf.row_digest.is_none() => {
                let newest = Newest { version: u32::MAX, digest: [0; 16], gone: true, seen: false };
                self.customers.insert(subject, newest);
            }
            (_, Some(subject)) => self.apply_row(subject, leaf),
            (_, None) => {}
        }
    }

    fn apply_row(&mut self, subject: SubjectId, leaf: &Leaf) {
        let (Some(version), Some(digest)) = (leaf.row_version, leaf.row_digest) else { return };
        let new = Newest { version: low(version), digest: half(&digest), gone: false, seen: self.late };
        self.customers
            .entry(subject)
            .and_modify(|known| {
                // Several nodes write several logs: the larger version is the newer row.
                if !known.gone && new.version >= known.version {
                    *known = Newest { seen: known.seen, ..new };
                }
            })
            .or_insert(new);
    }

    fn apply_credential(&mut self, leaf: &Leaf) {
        let (Some(id), Some(digest)) = (leaf.detail_hash, leaf.row_digest) else { return };
        let revoked = leaf.operation == Operation::CredentialRevoke;
        let state = CredentialState { digest, revoked, seen: false };
        self.credentials
            .entry(id)
            .and_modify(|known| {
                if revoked || !known.revoked {
                    *known = state;
                }
            })
            .or_insert(state);
    }

    /// Compares a row and remembers that it was found.
    pub(crate) fn compare(&mut self, subject: SubjectId, version: u64, digest: &[u8; 32]) -> Verdict {
        let Some(known) = self.customers.get_mut(&subject) else { return Verdict::Unknown };
        if known.gone {
            return Verdict::Erased;
        }
        known.seen = true;
        match low(version).cmp(&known.version) {
            std::cmp::Ordering::Less => Verdict::Older,
            std::cmp::Ordering::Greater => Verdict::Newer,
            std::cmp::Ordering::Equal if half(digest) == known.digest => Verdict::Agrees,
            std::cmp::Ordering::Equal => Verdict::Other,
        }
    }

    /// Whether the logs say that there is such a customer.
    pub(crate) fn expects(&self, subject: SubjectId) -> bool {
        self.customers.get(&subject).is_some_and(|known| !known.gone)
    }

    /// All customers that there are according to the logs.
    pub(crate) fn expected(&self) -> impl Iterator<Item = SubjectId> + '_ {
        self.customers.iter().filter(|(_, known)| !known.gone).map(|(id, _)| *id)
    }

    /// Customers that the logs know and no row was found of.
    pub(crate) fn unseen(&self) -> Vec<SubjectId> {
        self.customers.iter().filter(|(_, known)| !known.gone && !known.seen).map(|(id, _)| *id).collect()
    }

    /// Remembers that the erasure of a customer was found.
    pub(crate) fn saw_erasure(&mut self, subject: SubjectId) {
        if let Some(known) = self.customers.get_mut(&subject) {
            known.seen = true;
        }
    }

    /// Customers that were erased and whose erasure was not found.
    pub(crate) fn erasures_unseen(&self) -> Vec<SubjectId> {
        self.customers.iter().filter(|(_, known)| known.gone && !known.seen).map(|(id, _)| *id).collect()
    }
}

fn low(version: u64) -> u32 {
    // Invariant: masked to 32 bits.
    u32::try_from(version & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

fn half(digest: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_costs_little_memory() {
        let entry = size_of::<(SubjectId, Newest)>() + 1;
        // A hash table is between 7/16 and 7/8 full, on average two thirds.
        assert!(entry * 3 / 2 <= 80, "{entry} bytes an entry");
    }
}
