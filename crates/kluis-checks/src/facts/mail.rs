//! What the DNS and the mail servers say about mail that carries a domain's name.
//!
//! Texts of records are kept as published, so that a person can compare; what must be worked out from several records
//! (the include tree of SPF, the walk of DMARC) was worked out when the evidence was collected.

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::cert::ChainFacts;
use super::dns::{DnssecState, TlsaRecord};

/// Everything about mail of one domain.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailFacts {
    /// The domain after the `@`, in lower case as an A-label.
    pub domain: String,
    /// Questions that were asked.
    pub questions: u32,
    /// Mail exchangers by preference, at most 20; `None` when it could not be asked.
    pub mx: Option<Vec<MxFacts>>,
    /// Whether a null MX stands there: the domain takes no mail (RFC 7505).
    pub has_null_mx: bool,
    /// Signatures over the MX records.
    pub mx_dnssec: DnssecState,
    /// Who may send by address.
    pub spf: SpfFacts,
    /// What receivers should do with mail that fails.
    pub dmarc: DmarcFacts,
    /// Keys for signatures.
    pub dkim: DkimFacts,
    /// Whether senders must use TLS.
    pub mta_sts: MtaStsFacts,
    /// Texts at `_smtp._tls` that begin with `v=TLSRPT`; `None` when it could not be asked.
    pub tls_rpt: Option<Vec<String>>,
    /// Texts at `default._bimi` that begin with `v=BIMI1`; `None` when it could not be asked.
    pub bimi: Option<Vec<String>>,
}

impl MailFacts {
    /// Whether the domain says that it takes no mail, or has neither an exchanger nor anybody who may send.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        let has_no_mx = self.mx.as_ref().is_some_and(Vec::is_empty);
        let may_nobody_send = self.spf.records().is_some_and(|records| records.is_empty())
            || (self.spf.all == Some(SpfAll::Fail) && self.spf.is_nobody());
        self.has_null_mx || (has_no_mx && may_nobody_send)
    }
}

/// A mail exchanger.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MxFacts {
    /// Lower goes first.
    pub preference: u16,
    /// Its name.
    pub host: String,
    /// Its addresses; `None` when they could not be asked.
    pub addresses: Option<Vec<IpAddr>>,
    /// The name it is an alias of, which it may not be (RFC 2181 §10.3).
    pub alias: Option<String>,
    /// TLSA records for `_25._tcp`; `None` when they were not asked.
    pub tlsa: Option<Vec<TlsaRecord>>,
    /// Whether those are signed.
    pub tlsa_dnssec: DnssecState,
    /// What the server said.
    pub smtp: SmtpFacts,
}

/// What a mail server said in a short talk: greeting, EHLO, STARTTLS, handshake, and then good-bye.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmtpFacts {
    /// The address that was asked; `None` when none was.
    pub address: Option<IpAddr>,
    /// Whether it offers STARTTLS; `None` when it could not be asked.
    pub starttls: Option<bool>,
    /// The version that was agreed on: `TLSv1.3`.
    pub tls: Option<String>,
    /// Why the handshake failed, when STARTTLS is offered and it did.
    pub tls_problem: Option<String>,
    /// Whether the certificate is trusted and for the exchanger's name.
    pub is_certificate_good: Option<bool>,
    /// The certificates that were sent.
    pub chain: ChainFacts,
}

/// What a sender that nothing matches gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpfAll {
    /// `+all`: everybody may send.
    Pass,
    /// `?all`: says nothing.
    Neutral,
    /// `~all`: probably forged.
    SoftFail,
    /// `-all`: forged.
    Fail,
}

/// SPF (RFC 7208) and what is left of Sender ID (RFC 4406).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpfFacts {
    /// Texts that begin with `v=spf1` or `spf2.0`, at most 20; `None` when they could not be asked.
    pub texts: Option<Vec<String>>,
    /// The first mistake in the domain's own record.
    pub problem: Option<SpfProblem>,
    /// What is wrong in records that it leads to.
    pub problems_below: Vec<SpfProblem>,
    /// The `all` at the end, also when a `redirect` leads to it; `None` when there is none.
    pub all: Option<SpfAll>,
    /// Where `ptr` is used.
    pub ptr_at: Vec<String>,
    /// Terms that cost a look-up when nothing matches, over the whole tree.
    pub lookups: u32,
    /// Look-ups of the tree that find nothing.
    pub voids: u32,
    /// Domains that are included or redirected to, in order, at most 60.
    pub includes: Vec<SpfInclude>,
    /// Networks that may send, at most 400.
    pub networks: Vec<SpfNetwork>,
    /// IPv4 addresses that may send, over all networks.
    pub v4_addresses: u64,
    /// Whether all of the tree was seen: no answer was missing and nothing was cut.
    pub is_whole: bool,
    /// Whether macros or `exists` decide too, so that the networks are not all there is.
    pub has_macros: bool,
}

impl SpfFacts {
    /// The records of RFC 7208; `None` when they could not be asked.
    #[must_use]
    pub fn records(&self) -> Option<Vec<&str>> {
        self.texts.as_ref()?;
        Some(self.of(|text| !is_sender_id(text)))
    }

    /// The records of Sender ID.
    #[must_use]
    pub fn sender_id(&self) -> Vec<&str> {
        self.of(is_sender_id)
    }

    /// The one record that counts.
    #[must_use]
    pub fn record(&self) -> Option<&str> {
        match self.records()?.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Whether the record lets nobody send.
    #[must_use]
    pub fn is_nobody(&self) -> bool {
        self.networks.is_empty() && self.includes.is_empty() && !self.has_macros && self.ptr_at.is_empty()
    }

    fn of(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<&str> {
        self.texts.iter().flatten().map(String::as_str).filter(|text| is_wanted(text)).collect()
    }
}

fn is_sender_id(text: &str) -> bool {
    text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("spf2."))
}

/// Something wrong with an SPF record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpfProblem {
    /// Whose record.
    pub domain: String,
    /// What, in English: `an unknown mechanism`, `no record`, `several records`, `leads back to itself`.
    pub what: String,
    /// The text it is about, as written.
    pub text: String,
    /// First byte of it in the record.
    pub at: u32,
}

/// A record that another leads to, and what it costs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpfInclude {
    /// The domain.
    pub domain: String,
    /// The domain that includes it.
    pub via: String,
    /// Look-ups of it and everything below, with the one for itself.
    pub lookups: u32,
    /// IPv4 addresses that it lets send, with everything below.
    pub v4_addresses: u64,
    /// Whether it has a record.
    pub has_record: bool,
}

/// A network that may send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpfNetwork {
    /// Its address.
    pub address: IpAddr,
    /// Its prefix length.
    pub bits: u8,
    /// The domain whose record lets it.
    pub domain: String,
}

/// What receivers are asked to do, from mild to strict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailPolicy {
    /// Nothing.
    #[default]
    None,
    /// Treat it with suspicion.
    Quarantine,
    /// Refuse it.
    Reject,
}

impl MailPolicy {
    /// The word in the record.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }
}

/// DMARC (RFC 9989, RFC 7489).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DmarcFacts {
    /// What stands at each name of the walk, the domain's own first.
    pub walk: Vec<DmarcAt>,
    /// The record that holds by RFC 9989; `None` when there is none or it could not be told.
    pub now: Option<DmarcFound>,
    /// The record that holds by RFC 7489, which many receivers still follow.
    pub before: Option<DmarcFound>,
    /// Whether both could be told.
    pub is_known: bool,
    /// Where reports go, at most 20.
    pub reports: Vec<DmarcReports>,
    /// What is odd about the record.
    pub remarks: Vec<DmarcRemark>,
}

/// What stands at one name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DmarcAt {
    /// `_dmarc.` and a domain.
    pub name: String,
    /// Texts that begin like a DMARC record in any case, at most 10; `None` when they could not be asked.
    pub texts: Option<Vec<String>>,
    /// How many of them are DMARC records.
    pub records: u32,
    /// Whether the one record is of no use.
    pub is_ignored: bool,
}

/// A record that holds for the domain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DmarcFound {
    /// The domain it stands at.
    pub domain: String,
    /// The organizational domain.
    pub organization: String,
    /// The policy for mail of this domain, after `sp` and `t`.
    pub policy: MailPolicy,
    /// The policy as written for the domain it stands at.
    pub own: MailPolicy,
    /// The policy for names below.
    pub below: MailPolicy,
    /// The policy for names below that do not exist.
    pub absent: MailPolicy,
    /// `t=y`.
    pub is_test: bool,
    /// `pct`.
    pub percent: Option<u8>,
}

/// A place that reports are sent to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DmarcReports {
    /// The domain of the address; the address itself is nobody's business here.
    pub domain: String,
    /// `rua`, else `ruf`.
    pub is_aggregate: bool,
    /// Whether it is another organization's.
    pub is_external: bool,
    /// Whether that one says that it takes these reports; `None` when it could not be asked or need not be.
    pub is_authorised: Option<bool>,
}

/// Something odd in a DMARC record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DmarcRemark {
    /// What.
    pub kind: DmarcOddity,
    /// The text it is about, as written.
    pub text: String,
    /// First byte of it in the record.
    pub at: u32,
}

/// Kinds of odd things in a DMARC record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DmarcOddity {
    /// A tag that is not known.
    #[default]
    UnknownTag,
    /// A tag or size limit that RFC 9989 removed.
    Removed,
    /// A value that is none of the allowed ones.
    BadValue,
    /// A tag that stands twice.
    Twice,
    /// A report address that is no `mailto:` URI.
    BadAddress,
    /// `p` does not stand right after the version.
    PolicyNotSecond,
    /// No tag at all.
    Syntax,
}

/// DKIM keys (RFC 6376).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DkimFacts {
    /// Selectors that were looked for: those that are given, and common ones.
    pub looked_for: Vec<String>,
    /// How many of them were given.
    pub given: u32,
    /// Keys that were found.
    pub keys: Vec<DkimKey>,
    /// Whether every selector got an answer.
    pub is_whole: bool,
    /// Whether any name at all has a key, so that the ones found prove nothing.
    pub has_wildcard: bool,
}

/// A key in the DNS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DkimKey {
    /// Its selector.
    pub selector: String,
    /// The name that the record is an alias of: who keeps the key.
    pub alias: Option<String>,
    /// `rsa`, `ed25519`; empty when it cannot be read.
    pub kind: String,
    /// Bits of an RSA key.
    pub bits: u32,
    /// `t=y`: signatures count for nothing.
    pub is_test: bool,
    /// An empty `p=`: the key is withdrawn.
    pub is_revoked: bool,
    /// Whether only SHA-1 is allowed by `h=`.
    pub is_sha1_only: bool,
    /// Why it cannot be read.
    pub problem: Option<String>,
}

/// MTA-STS (RFC 8461).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MtaStsFacts {
    /// Texts at `_mta-sts` that begin with `v=STSv1`; `None` when they could not be asked.
    pub texts: Option<Vec<String>>,
    /// The policy as it came over HTTPS.
    pub policy: Option<MtaStsPolicy>,
    /// What is wrong, in English.
    pub problems: Vec<String>,
}

/// A policy of MTA-STS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MtaStsPolicy {
    /// `enforce`, `testing`, `none`.
    pub mode: String,
    /// Names of exchangers, at most 50.
    pub mx: Vec<String>,
    /// How long it holds, in seconds.
    pub max_age_s: u64,
}
