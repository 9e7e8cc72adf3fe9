//! From what the vault says to what a page shows: names of purposes and fields, periods, log lines, certificates.

use kluis_app::{AuditEntry, CredentialView, PublicCounts, Status, Tone};
use kluis_model::register::Register;
use kluis_model::{Actor, FieldName, Lang, Operation, PiiText, PurposeId, StartEvent, TimeMs};

use super::texts::Texts;
use super::view::{Attention, Certificate, Choice, Counts, Credential, LogLine, PurposeRow, ShownField};
use crate::state::CertificateState;

const DAY_MS: i64 = 86_400_000;
/// Operations whose log lines count customers.
const COUNTS_CUSTOMERS: [Operation; 8] = [
    Operation::Create,
    Operation::Read,
    Operation::Lookup,
    Operation::Search,
    Operation::Import,
    Operation::Bulk,
    Operation::ExportRead,
    Operation::Erase,
];

/// Names things in one language with the register in force.
#[derive(Clone, Copy)]
pub(crate) struct Words<'a> {
    /// The register in force.
    pub(crate) register: &'a Register,
    /// The texts of the language.
    pub(crate) texts: &'a Texts,
}

impl Words<'_> {
    fn lang(&self) -> Lang {
        self.texts.lang()
    }

    /// A field as people call it.
    pub(crate) fn field(&self, name: &FieldName) -> String {
        self.register
            .field(name.as_str())
            .map_or_else(|| name.to_string(), |def| def.label.get(self.lang()).to_owned())
    }

    /// Fields as people call them.
    pub(crate) fn fields<'f>(&self, names: impl IntoIterator<Item = &'f FieldName>) -> Vec<String> {
        names.into_iter().map(|name| self.field(name)).collect()
    }

    /// A purpose as people call it.
    pub(crate) fn purpose(&self, id: &PurposeId) -> String {
        self.register
            .purpose(id)
            .map_or_else(|| id.to_string(), |purpose| purpose.name.get(self.lang()).to_owned())
    }

    /// A purpose as a choice.
    pub(crate) fn purpose_choice(&self, id: &PurposeId, chosen: bool) -> Choice {
        Choice { id: id.to_string(), label: self.purpose(id), chosen }
    }

    /// The purposes an actor may read for, as choices.
    pub(crate) fn purposes_of(&self, actor: &Actor, chosen: Option<&PurposeId>) -> Vec<Choice> {
        let allowed = self.register.purposes().filter(|purpose| actor.grant.allows_purpose(&purpose.id));
        allowed.map(|purpose| self.purpose_choice(&purpose.id, chosen == Some(&purpose.id))).collect()
    }

    /// A word of a closed set; an id without a text is shown as it is.
    pub(crate) fn word(&self, group: &str, id: &str) -> String {
        self.texts.find(&format!("{group}-{}", id.replace('_', "-")), None).unwrap_or_else(|| id.to_owned())
    }

    /// Revealed fields in the order of the register.
    pub(crate) fn shown(&self, fields: &[(FieldName, PiiText)]) -> Vec<ShownField> {
        let place = |name: &FieldName| self.register.fields().position(|def| def.name == *name);
        let mut sorted: Vec<&(FieldName, PiiText)> = fields.iter().collect();
        sorted.sort_by_key(|(name, _)| place(name).unwrap_or(usize::MAX));
        let shown = |(name, value): &(FieldName, PiiText)| ShownField {
            name: name.to_string(),
            label: self.field(name),
            value: value.expose().clone(),
        };
        sorted.into_iter().map(shown).collect()
    }

    /// A line of the audit log.
    pub(crate) fn line(&self, entry: &AuditEntry) -> LogLine {
        let actor = entry.actor_name.clone().unwrap_or_else(|| match entry.actor_kind {
            kluis_model::ActorKind::Subject => String::new(),
            _ => entry.actor.clone(),
        });
        LogLine {
            number: number(entry.seq),
            at: entry.time.0,
            actor_kind: entry.actor_kind.id().to_owned(),
            actor,
            operation: entry.operation.id().to_owned(),
            purpose: entry.purpose.as_ref().map(|purpose| self.purpose(purpose)),
            fields: self.fields(&entry.fields),
            count: number(entry.count),
            counts_customers: COUNTS_CUSTOMERS.contains(&entry.operation),
            outcome: entry.outcome.id().to_owned(),
            reason: entry.reason.clone(),
            subject: entry.subject.map(|subject| subject.to_string()),
        }
    }

    /// A credential in a list.
    pub(crate) fn credential(&self, view: &CredentialView, actor: &Actor, now: TimeMs) -> Credential {
        let purposes = match &view.grant.purposes {
            kluis_model::PurposeGrant::All => Vec::new(),
            kluis_model::PurposeGrant::Only(ids) => ids.iter().map(|id| self.purpose(id)).collect(),
        };
        Credential {
            id: view.id.to_string(),
            name: view.name.clone(),
            kind: view.kind.clone(),
            purposes,
            fields: self.fields(view.grant.fields.iter().flatten()),
            rows_per_hour: view.grant.budget.rows_per_hour.map(i64::from),
            subjects_per_day: view.grant.budget.subjects_per_day.map(i64::from),
            created: view.created.0,
            used: view.last_used.map(|at| at.0),
            revoked: view.revoked.map(|at| at.0),
            expired: view.revoked.is_none() && !view.works(now),
            is_own: actor.credential == Some(view.id),
        }
    }

    /// The purposes of the register as rows.
    pub(crate) fn purpose_rows(&self) -> Vec<PurposeRow> {
        let row = |purpose: &kluis_model::Purpose| PurposeRow {
            id: purpose.id.to_string(),
            label: purpose.name.get(self.lang()).to_owned(),
            basis: purpose.basis.id().to_owned(),
            law: purpose.law.clone(),
            keep: match purpose.retention.start {
                // While consent is given there is no end; the start event says so in words.
                StartEvent::ConsentWithdrawn => String::new(),
                _ => self.period(&purpose.retention.keep.to_string()),
            },
            start: purpose.retention.start.id().to_owned(),
            fields: self.fields(purpose.fields.iter().map(|used| &used.field)),
        };
        self.register.purposes().map(row).collect()
    }

    /// An ISO 8601 period in words: `P1Y6M` is "1 jaar, 6 maanden".
    fn period(&self, iso: &str) -> String {
        let mut words = Vec::new();
        let mut digits = String::new();
        for letter in iso.chars().skip_while(|letter| *letter == 'P') {
            if letter.is_ascii_digit() {
                digits.push(letter);
                continue;
            }
            let key = match letter {
                'Y' => "period-years",
                'M' => "period-months",
                'W' => "period-weeks",
                _ => "period-days",
            };
            let count: i64 = digits.parse().unwrap_or_default();
            words.push(self.texts.with(key, "n", count));
            digits.clear();
        }
        words.join(", ")
    }
}

/// The certificate shown now; None before one is loaded.
pub(crate) fn certificate(state: &CertificateState, now: TimeMs) -> Option<Certificate> {
    (!state.names.is_empty()).then(|| Certificate {
        names: state.names.clone(),
        issuer: state.issuer.clone(),
        from: state.not_before.0,
        until: state.not_after.0,
        days_left: (state.not_after.0 - now.0).div_euclid(DAY_MS),
        is_local: state.is_local,
        renewal: None,
        problem: None,
    })
}

/// What anybody may know about the vault.
pub(crate) fn public_counts(counts: &PublicCounts) -> Counts {
    Counts {
        customers: number(counts.subjects),
        erased: number(counts.erased),
        purposes: number(counts.purposes),
        fields: number(counts.fields),
        log_lines: number(counts.leaves),
        credentials: number(counts.credentials),
    }
}

/// What staff may know about the vault.
pub(crate) fn counts(status: &Status) -> Counts {
    Counts {
        customers: number(status.subjects),
        erased: number(status.erased),
        purposes: number(status.purposes),
        fields: number(status.fields),
        log_lines: number(status.leaves),
        credentials: number(status.credentials),
    }
}

/// What the vault itself says needs attention.
pub(crate) fn attention(found: &[kluis_app::Attention], lang: Lang) -> Vec<Attention> {
    let one = |item: &kluis_app::Attention| Attention {
        tone: match item.tone {
            Tone::Warn => "warn",
            Tone::Bad => "bad",
        },
        text: item.text.get(lang).to_owned(),
        href: match item.id.split_once('_') {
            Some(("check", _)) => Some("/console/checks".to_owned()),
            Some(("certificate", _)) => Some("/console/https".to_owned()),
            Some(("mail", _)) => Some("/console/phishing".to_owned()),
            _ => None,
        },
    };
    found.iter().map(one).collect()
}

/// A count for a page.
pub(crate) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use kluis_model::register::DEFAULT_REGISTER;

    fn check(lang: Lang, test: impl Fn(Words<'_>)) {
        let (register, texts) = (Register::parse(DEFAULT_REGISTER).unwrap(), Texts::new(lang));
        test(Words { register: &register, texts: &texts });
    }

    #[test]
    fn periods_are_said_in_words() {
        check(Lang::Nl, |words| {
            for (iso, said) in
                [("P7Y", "7 jaar"), ("P1M", "1 maand"), ("P1Y6M", "1 jaar, 6 maanden"), ("P14D", "14 dagen")]
            {
                assert_eq!(words.period(iso), said);
            }
        });
        check(Lang::En, |words| assert_eq!(words.period("P2W"), "2 weeks"));
    }

    #[test]
    fn every_purpose_of_the_default_register_has_its_words() {
        for lang in Lang::ALL {
            check(lang, |words| {
                let rows = words.purpose_rows();
                assert!(rows.len() >= 4);
                for row in rows {
                    for (group, id) in [("basis", &row.basis), ("start", &row.start)] {
                        let key = format!("{group}-{}", id.replace('_', "-"));
                        assert!(words.texts.find(&key, None).is_some(), "{key}");
                    }
                    assert!(!row.label.is_empty() && !row.fields.is_empty(), "{}", row.id);
                }
            });
        }
    }

    #[test]
    fn every_word_of_the_closed_sets_is_known_in_both_languages() {
        use kluis_model::{ActorKind, LegalBasis, Mask, Outcome, Role};
        for lang in Lang::ALL {
            check(lang, |words| {
                let ids =
                    |group: &'static str, ids: Vec<&'static str>| ids.into_iter().map(move |id| (group, id));
                let all = ids("op", Operation::ALL.map(Operation::id).to_vec())
                    .chain(ids("outcome", Outcome::ALL.map(Outcome::id).to_vec()))
                    .chain(ids("actor", ActorKind::ALL.map(ActorKind::id).to_vec()))
                    .chain(ids("basis", LegalBasis::ALL.map(LegalBasis::id).to_vec()))
                    .chain(ids("start", StartEvent::ALL.map(StartEvent::id).to_vec()))
                    .chain(ids("mask", Mask::ALL.map(Mask::id).to_vec()))
                    .chain(ids("role", Role::ALL.map(Role::id).to_vec()))
                    .chain(ids("role-text", Role::ALL.map(Role::id).to_vec()));
                for (group, id) in all {
                    let key = format!("{group}-{}", id.replace('_', "-"));
                    assert!(words.texts.find(&key, None).is_some(), "{key}");
                }
            });
        }
    }

    #[test]
    fn a_certificate_that_has_ended_has_no_days_left() {
        let state = CertificateState {
            names: vec!["localhost".into()],
            issuer: "CA".into(),
            not_before: TimeMs(0),
            not_after: TimeMs(10 * DAY_MS),
            is_local: true,
        };
        let days = |now: i64| certificate(&state, TimeMs(now)).unwrap().days_left;
        assert_eq!((days(9 * DAY_MS), days(10 * DAY_MS - 1), days(10 * DAY_MS + 1)), (1, 0, -1));
        assert!(days(11 * DAY_MS + 1) < 0);
        assert!(certificate(&CertificateState::default(), TimeMs(0)).is_none());
    }
}
