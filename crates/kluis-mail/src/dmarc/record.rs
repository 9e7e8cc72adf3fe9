//! Reads a DMARC record (RFC 9989 §4.7; RFC 7489 §6.3) with everything a shop owner should hear about it.

use std::ops::Range;

/// Bytes of a record that are read.
const RECORD_BYTES_MAX: usize = 4096;
/// Report addresses that are kept.
const ADDRESSES_MAX: usize = 20;

/// What a receiver is asked to do with mail that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Nothing.
    None,
    /// Treat it with suspicion.
    Quarantine,
    /// Refuse it.
    Reject,
}

impl Policy {
    /// The word in the record.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }

    /// One step milder, as the tag `t=y` asks (RFC 9989 §4.7).
    #[must_use]
    pub fn in_test(self) -> Self {
        match self {
            Self::Reject => Self::Quarantine,
            Self::Quarantine | Self::None => Self::None,
        }
    }

    fn read(word: &str) -> Option<Self> {
        [Self::None, Self::Quarantine, Self::Reject]
            .into_iter()
            .find(|policy| word.eq_ignore_ascii_case(policy.word()))
    }
}

/// How the domains must agree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alignment {
    /// The organizational domain must be the same.
    #[default]
    Relaxed,
    /// The domain must be the same.
    Strict,
}

/// What a public suffix operator says about itself (RFC 9989, tag `psd`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Psd {
    /// `y`: below this name others register.
    Yes,
    /// `n`: this is an organizational domain.
    No,
    /// `u`, or absent.
    #[default]
    Unknown,
}

/// Where reports go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportAddress {
    /// The URI without the size limit of RFC 7489.
    pub uri: String,
    /// Bytes at most (`!10m`), which RFC 9989 no longer knows.
    pub bytes_max: Option<u64>,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// `p`; `None` when it is absent and a report address makes the record count as `none` (RFC 9989 §4.7).
    pub policy: Option<Policy>,
    /// `sp`, for existing names below.
    pub subdomains: Option<Policy>,
    /// `np`, for names that do not exist (RFC 9989).
    pub nonexistent: Option<Policy>,
    /// `adkim`.
    pub dkim: Alignment,
    /// `aspf`.
    pub spf: Alignment,
    /// `t=y` (RFC 9989).
    pub is_test: bool,
    /// `psd` (RFC 9989).
    pub psd: Psd,
    /// `pct` (RFC 7489), 0 to 100.
    pub percent: Option<u8>,
    /// `rua`.
    pub aggregate: Vec<ReportAddress>,
    /// `ruf`.
    pub failure: Vec<ReportAddress>,
    /// `fo`, as written.
    pub failure_options: Option<String>,
    /// What is odd about it.
    pub remarks: Vec<Remark>,
}

impl Record {
    /// The policy for the domain itself.
    #[must_use]
    pub fn own(&self) -> Policy {
        self.policy.unwrap_or(Policy::None)
    }

    /// The policy for an existing name below it.
    #[must_use]
    pub fn below(&self) -> Policy {
        self.subdomains.unwrap_or(self.own())
    }

    /// The policy for a name below it that does not exist (RFC 9989 §4.7: `np`, else `sp`, else `p`).
    #[must_use]
    pub fn absent(&self) -> Policy {
        self.nonexistent.unwrap_or(self.below())
    }
}

/// Something odd, with its place in the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// What.
    pub kind: RemarkKind,
    /// Bytes of the record.
    pub span: Range<usize>,
}

/// Kinds of odd things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemarkKind {
    /// A tag that is not known; ignored.
    UnknownTag,
    /// A tag of RFC 7489 that RFC 9989 removed: `pct`, `rf`, `ri`.
    RemovedTag,
    /// A size limit in an address, which RFC 9989 removed.
    RemovedSize,
    /// A value that is none of the allowed ones; the default holds.
    BadValue,
    /// A tag that stands twice; the first holds.
    Twice,
    /// A report address that is no `mailto:` URI.
    BadAddress,
    /// `p` does not stand right after the version (RFC 7489 wants it there).
    PolicyNotSecond,
    /// More text than tags: an empty tag in the middle, or no `=`.
    Syntax,
}

/// Whether a TXT record is a DMARC record at all: it begins with `v=DMARC1`, in this case (RFC 9989 §4.7).
#[must_use]
pub fn is_record(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"v").unwrap_or_default();
    let text = text.trim_ascii_start().strip_prefix(b"=").unwrap_or_default();
    let Some(rest) = text.trim_ascii_start().strip_prefix(b"DMARC1") else { return false };
    matches!(rest.trim_ascii_start().first(), None | Some(b';'))
}

/// Reads a record; `None` when it must be ignored: no version, or neither a policy nor a report address.
#[must_use]
pub fn read(text: &[u8]) -> Option<Record> {
    if !is_record(text) || text.len() > RECORD_BYTES_MAX {
        return None;
    }
    let text = String::from_utf8_lossy(text);
    let mut reader = Reader { record: EMPTY, seen: Vec::new(), bad_policy: false };
    let mut at = 0;
    for (number, part) in text.split(';').enumerate() {
        let span = at..at + part.len();
        at = span.end + 1;
        if number > 0 {
            reader.tag(part, span, number);
        }
    }
    let Reader { mut record, bad_policy, .. } = reader;
    let has_address =
        record.aggregate.iter().any(|address| address.uri.to_ascii_lowercase().starts_with("mailto:"));
    if record.policy.is_none() && !has_address {
        return None;
    }
    if bad_policy {
        record.policy = None;
    }
    Some(record)
}

const EMPTY: Record = Record {
    policy: None,
    subdomains: None,
    nonexistent: None,
    dkim: Alignment::Relaxed,
    spf: Alignment::Relaxed,
    is_test: false,
    psd: Psd::Unknown,
    percent: None,
    aggregate: Vec::new(),
    failure: Vec::new(),
    failure_options: None,
    remarks: Vec::new(),
};

struct Reader {
    record: Record,
    seen: Vec<String>,
    bad_policy: bool,
}

impl Reader {
    fn tag(&mut self, part: &str, span: Range<usize>, number: usize) {
        if part.trim().is_empty() {
            return;
        }
        let Some((name, value)) = part.split_once('=') else { return self.remark(RemarkKind::Syntax, span) };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if self.seen.contains(&name) {
            return self.remark(RemarkKind::Twice, span);
        }
        self.seen.push(name.clone());
        let is_good = match name.as_str() {
            "p" => {
                self.record.policy = Policy::read(value);
                self.bad_policy = self.record.policy.is_none();
                if number != 1 {
                    self.remark(RemarkKind::PolicyNotSecond, span.clone());
                }
                !self.bad_policy
            }
            "sp" => set(&mut self.record.subdomains, Policy::read(value)),
            "np" => set(&mut self.record.nonexistent, Policy::read(value)),
            "adkim" => alignment(&mut self.record.dkim, value),
            "aspf" => alignment(&mut self.record.spf, value),
            "t" => {
                self.record.is_test = value.eq_ignore_ascii_case("y");
                self.record.is_test || value.eq_ignore_ascii_case("n")
            }
            "psd" => match value.to_ascii_lowercase().as_str() {
                "y" => set_to(&mut self.record.psd, Psd::Yes),
                "n" => set_to(&mut self.record.psd, Psd::No),
                word => word == "u",
            },
            "rua" => return self.addresses(value, span, true),
            "ruf" => return self.addresses(value, span, false),
            "fo" => {
                self.record.failure_options = Some(value.to_owned());
                value
                    .split(':')
                    .all(|option| ["0", "1", "d", "s"].contains(&option.trim().to_ascii_lowercase().as_str()))
            }
            "pct" => {
                self.remark(RemarkKind::RemovedTag, span.clone());
                set(&mut self.record.percent, value.parse().ok().filter(|percent| *percent <= 100))
            }
            "rf" | "ri" => return self.remark(RemarkKind::RemovedTag, span),
            _ => return self.remark(RemarkKind::UnknownTag, span),
        };
        if !is_good {
            self.remark(RemarkKind::BadValue, span);
        }
    }

    fn addresses(&mut self, value: &str, span: Range<usize>, is_aggregate: bool) {
        for text in value.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let (uri, size) = match text.rsplit_once('!') {
                Some((uri, size)) => (uri, Some(size)),
                None => (text, None),
            };
            if size.is_some() {
                self.remark(RemarkKind::RemovedSize, span.clone());
            }
            let is_mail = uri.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:"))
                && uri[7..]
                    .split_once('@')
                    .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'));
            if !is_mail {
                self.remark(RemarkKind::BadAddress, span.clone());
            }
            let list = if is_aggregate { &mut self.record.aggregate } else { &mut self.record.failure };
            if list.len() < ADDRESSES_MAX {
                list.push(ReportAddress { uri: uri.to_owned(), bytes_max: size.and_then(bytes) });
            }
        }
    }

    fn remark(&mut self, kind: RemarkKind, span: Range<usize>) {
        self.record.remarks.push(Remark { kind, span });
    }
}

fn set<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    *place = value;
    place.is_some()
}

fn set_to<T>(place: &mut T, value: T) -> bool {
    *place = value;
    true
}

fn alignment(place: &mut Alignment, value: &str) -> bool {
    match value.to_ascii_lowercase().as_str() {
        "s" => set_to(place, Alignment::Strict),
        word => word == "r",
    }
}

/// `10m` in bytes.
fn bytes(size: &str) -> Option<u64> {
    let digits = size.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = size[..digits].parse().ok()?;
    let shift = match size[digits..].to_ascii_lowercase().as_str() {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn kinds(text: &str) -> Vec<RemarkKind> {
        read(text.as_bytes()).unwrap().remarks.iter().map(|remark| remark.kind).collect()
    }

    #[test]
    fn a_record_is_read_whole() {
        let record = read(b"v=DMARC1; p=reject; sp=quarantine; np=reject; adkim=s; aspf=r; t=y; psd=n; rua=mailto:d@winkel.example,mailto:e@ander.example; fo=1:d").unwrap();
        assert_eq!(
            (record.own(), record.below(), record.absent()),
            (Policy::Reject, Policy::Quarantine, Policy::Reject)
        );
        assert_eq!((record.dkim, record.spf, record.psd), (Alignment::Strict, Alignment::Relaxed, Psd::No));
        assert!(record.is_test && record.remarks.is_empty());
        assert_eq!(record.aggregate.len(), 2);
    }

    #[test]
    fn what_is_no_record_is_ignored() {
        for text in [
            "",
            "v=DMARC1",
            "v=dmarc1; p=none",
            "v=DMARC2; p=none",
            "v=DMARC10; p=none",
            "p=none; v=DMARC1",
            "v=DMARC1; p=nothing",
            "v=DMARC1; ruf=mailto:a@b.example",
            "v=DMARC1 p=none",
            " v=DMARC1; p=none",
            "v=DMARC1; rua=https://a.example",
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_record_without_a_usable_policy_but_with_an_address_counts_as_none() {
        for text in ["v=DMARC1; rua=mailto:a@b.example", "v=DMARC1;p=x;rua=mailto:a@b.example"] {
            assert_eq!(read(text.as_bytes()).unwrap().own(), Policy::None, "{text}");
        }
    }

    #[test]
    fn odd_things_are_remarked_and_the_rest_holds() {
        assert_eq!(kinds("v=DMARC1; p=none; pct=50"), [RemarkKind::RemovedTag]);
        assert_eq!(kinds("v=DMARC1; p=none; x=1"), [RemarkKind::UnknownTag]);
        assert_eq!(kinds("v=DMARC1; p=none; p=reject"), [RemarkKind::Twice]);
        assert_eq!(kinds("v=DMARC1; sp=none; p=reject"), [RemarkKind::PolicyNotSecond]);
        assert_eq!(kinds("v=DMARC1; p=none; rua=mailto:a@b.example!10m"), [RemarkKind::RemovedSize]);
        assert_eq!(kinds("v=DMARC1; p=none; rua=a@b.example"), [RemarkKind::BadAddress]);
        assert_eq!(
            kinds("v=DMARC1; p=none; adkim=x; pct=101"),
            [RemarkKind::BadValue, RemarkKind::RemovedTag, RemarkKind::BadValue]
        );
        assert_eq!(kinds("v=DMARC1; p=none;; flauw"), [RemarkKind::Syntax]);
        assert_eq!(
            read(b"v=DMARC1;p=none;rua=mailto:a@b.example!10m").unwrap().aggregate[0].bytes_max,
            Some(10 << 20)
        );
    }
}
