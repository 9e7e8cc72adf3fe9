//! Who acts and what they may: actors, grants, roles, masks and budgets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use crate::audit::ActorKind;
use crate::audit::Operation;
use crate::fields::FieldName;
use crate::ids::{CredentialId, RequestId, ShopId, SubjectId};
use crate::purposes::PurposeId;
use crate::wire::{UnknownWord, parse_from, words};

/// Whoever asks something of the vault, for the length of one request.
#[derive(Clone, Debug)]
pub struct Actor {
    /// What kind of actor.
    pub kind: ActorKind,
    /// The id under which the audit log knows the actor.
    pub id: String,
    /// What people call the actor.
    pub name: String,
    /// In which shop.
    pub shop: ShopId,
    /// In which request.
    pub request: RequestId,
    /// What the actor may.
    pub grant: Arc<Grant>,
    /// By which credential, when there is one.
    pub credential: Option<CredentialId>,
}

impl Actor {
    /// Returns whoever runs the command line beside the keyring; allowed everything (docs/decisions).
    #[must_use]
    pub fn local(name: &str, shop: ShopId, request: RequestId) -> Self {
        Self::named(ActorKind::Local, name, shop, request, Grant::all())
    }

    /// Returns one of the vault's own jobs; allowed everything.
    #[must_use]
    pub fn job(name: &str, shop: ShopId, request: RequestId) -> Self {
        Self::named(ActorKind::Job, name, shop, request, Grant::all())
    }

    /// Returns a person who acts on their own record; the use case keeps them to it.
    #[must_use]
    pub fn subject(id: SubjectId, shop: ShopId, request: RequestId) -> Self {
        let operations = [
            Operation::Read,
            Operation::Erase,
            Operation::Access,
            Operation::Consent,
            Operation::SignIn,
            Operation::SignOut,
        ];
        let grant = Grant { operations: operations.into_iter().collect(), ..Grant::all() };
        Self::named(ActorKind::Subject, &id.to_string(), shop, request, grant)
    }

    fn named(kind: ActorKind, name: &str, shop: ShopId, request: RequestId, grant: Grant) -> Self {
        let (id, name) = (name.to_owned(), name.to_owned());
        Self { kind, id, name, shop, request, grant: Arc::new(grant), credential: None }
    }
}

/// What an actor may: operations, purposes and fields, with masks and a budget. Stored as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The role it was made from, for staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The operations.
    pub operations: OperationSet,
    /// The purposes.
    pub purposes: PurposeGrant,
    /// The fields; absent means every field of the purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<BTreeSet<FieldName>>,
    /// The fields that are shown in part.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub masks: BTreeMap<FieldName, Mask>,
    /// How much may be read.
    #[serde(default, skip_serializing_if = "Budget::is_unlimited")]
    pub budget: Budget,
    /// Client certificates of which one must be shown beside the secret; empty asks for none (as in RFC 8705 §3).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub certificates: BTreeSet<Thumbprint>,
}

impl Grant {
    /// Returns the grant of a role.
    #[must_use]
    pub fn of_role(role: Role) -> Self {
        let (purposes, fields) = match role {
            Role::Owner | Role::Support => (PurposeGrant::All, None),
            // An auditor sees what was done, never a customer's value.
            Role::Auditor => (PurposeGrant::Only(BTreeSet::new()), Some(BTreeSet::new())),
        };
        Self { role: Some(role), operations: role.operations(), purposes, fields, ..Self::all() }
    }

    /// Returns the grant of everything.
    #[must_use]
    pub fn all() -> Self {
        Self {
            role: None,
            operations: OperationSet::ALL,
            purposes: PurposeGrant::All,
            fields: None,
            masks: BTreeMap::new(),
            budget: Budget::default(),
            certificates: BTreeSet::new(),
        }
    }

    /// Tells whether the certificate that was shown, if any, is one the grant is bound to.
    #[must_use]
    pub fn accepts_certificate(&self, shown: Option<&Thumbprint>) -> bool {
        self.certificates.is_empty() || shown.is_some_and(|shown| self.certificates.contains(shown))
    }

    /// Tells whether an operation is granted.
    #[must_use]
    pub const fn allows_operation(&self, operation: Operation) -> bool {
        self.operations.contains(operation)
    }

    /// Tells whether a purpose is granted.
    #[must_use]
    pub fn allows_purpose(&self, purpose: &PurposeId) -> bool {
        match &self.purposes {
            PurposeGrant::All => true,
            PurposeGrant::Only(purposes) => purposes.contains(purpose),
        }
    }

    /// Tells whether a field is granted, within what the purpose includes.
    #[must_use]
    pub fn allows_field(&self, field: &FieldName) -> bool {
        self.fields.as_ref().is_none_or(|fields| fields.contains(field))
    }

    /// Returns the mask over a field, if there is one.
    #[must_use]
    pub fn mask(&self, field: &FieldName) -> Option<Mask> {
        self.masks.get(field).copied()
    }
}

/// The SHA-256 of a certificate's DER bytes; written as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint(pub [u8; 32]);

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Thumbprint {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = UnknownWord { expected: "thumbprint (64 lower-case hexadecimal digits)" };
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 64 || !text.bytes().all(is_hex) {
            return Err(wrong);
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Thumbprint {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Thumbprint {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        parse_from(from)
    }
}

/// Which purposes a grant reaches; in JSON `"all"` or `{"only":["order"]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PurposeGrant {
    /// Every purpose of the register.
    All,
    /// These.
    Only(BTreeSet<PurposeId>),
}

/// What a member of staff is to the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Everything.
    Owner,
    /// Works with customers.
    Support,
    /// Looks over the shoulder, sees no customer.
    Auditor,
}
words!(
    Role,
    "role (owner, support, auditor)",
    3,
    [(Role::Owner, "owner"), (Role::Support, "support"), (Role::Auditor, "auditor"),]
);

impl Role {
    /// Returns the operations of the role.
    #[must_use]
    pub fn operations(self) -> OperationSet {
        use Operation as O;
        match self {
            Self::Owner => OperationSet::ALL,
            Self::Support => OperationSet::from_iter([
                O::Create,
                O::Read,
                O::Lookup,
                O::Search,
                O::Update,
                O::Consent,
                O::Event,
                O::Erase,
                O::Access,
                O::TokenCreate,
                O::TokenResolve,
                O::TokenRevoke,
                O::PurposeRead,
                O::AuditRead,
                O::Status,
                O::Check,
                O::MailRead,
                O::SignIn,
                O::SignOut,
            ]),
            Self::Auditor => OperationSet::from_iter([
                O::PurposeRead,
                O::AuditRead,
                O::AuditVerify,
                O::Checkpoint,
                O::CredentialRead,
                O::KeyRead,
                O::Status,
                O::Check,
                O::MailRead,
                O::SignIn,
                O::SignOut,
            ]),
        }
    }
}

/// A set of operations, one bit each; in JSON a list of words in the order of [`Operation::ALL`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct OperationSet(u64);

impl OperationSet {
    /// No operation.
    pub const EMPTY: Self = Self(0);
    /// Every operation.
    pub const ALL: Self = Self((1 << Operation::ALL.len()) - 1);

    /// Returns the set with an operation added.
    #[must_use]
    pub const fn with(self, operation: Operation) -> Self {
        Self(self.0 | 1 << operation.as_u8())
    }

    /// Tells whether the operation is in the set.
    #[must_use]
    pub const fn contains(self, operation: Operation) -> bool {
        self.0 & 1 << operation.as_u8() != 0
    }

    /// Tells whether no operation is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the operations in the set.
    pub fn iter(self) -> impl Iterator<Item = Operation> {
        Operation::ALL.into_iter().filter(move |operation| self.contains(*operation))
    }
}

impl FromIterator<Operation> for OperationSet {
    fn from_iter<I: IntoIterator<Item = Operation>>(operations: I) -> Self {
        operations.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Debug for OperationSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for OperationSet {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for OperationSet {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Vec::<Operation>::deserialize(from).map(|operations| operations.into_iter().collect())
    }
}

/// How a value is shown in part. What is hidden leaves no trace, not even its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mask {
    /// Nothing.
    Hidden,
    /// The first letter: `N***`.
    FirstLetter,
    /// The last four characters, of a value of at least eight: `***4567`.
    LastFour,
    /// The domain of an e-mail address: `***@example.nl`.
    DomainOnly,
    /// The year of a date: `1984`.
    YearOnly,
    /// At most the first four digits of a postcode: `1234`.
    PostcodeDigits,
}
words!(
    Mask,
    "mask (hidden, first_letter, last_four, domain_only, year_only, postcode_digits)",
    6,
    [
        (Mask::Hidden, "hidden"),
        (Mask::FirstLetter, "first_letter"),
        (Mask::LastFour, "last_four"),
        (Mask::DomainOnly, "domain_only"),
        (Mask::YearOnly, "year_only"),
        (Mask::PostcodeDigits, "postcode_digits"),
    ]
);

/// What stands in for what is hidden.
const STARS: &str = "***";

impl Mask {
    /// Returns the part of a value that may be seen; a value of another form than the mask expects is hidden whole.
    #[must_use]
    pub fn apply(self, value: &str) -> String {
        let shown = match self {
            Self::Hidden => None,
            Self::FirstLetter => value.chars().next().map(|first| format!("{first}{STARS}")),
            Self::LastFour => last_four(value).map(|last| format!("{STARS}{last}")),
            Self::DomainOnly => value
                .rsplit_once('@')
                .filter(|(local, domain)| !local.is_empty() && !domain.is_empty())
                .map(|(_, domain)| format!("{STARS}@{domain}")),
            Self::YearOnly => year(value).map(str::to_owned),
            Self::PostcodeDigits => {
                let digits = value.bytes().take(4).take_while(u8::is_ascii_digit).count();
                (digits > 0).then(|| value[..digits].to_owned())
            }
        };
        shown.unwrap_or_else(|| STARS.to_owned())
    }
}

fn last_four(value: &str) -> Option<&str> {
    value.char_indices().rev().nth(7)?;
    let (at, _) = value.char_indices().rev().nth(3)?;
    Some(&value[at..])
}

fn year(value: &str) -> Option<&str> {
    let is_date = value.len() == 10
        && value
            .bytes()
            .enumerate()
            .all(|(n, b)| if n == 4 || n == 7 { b == b'-' } else { b.is_ascii_digit() });
    is_date.then(|| &value[..4])
}

/// How much a credential may read before it has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Rows in an hour; absent means no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_per_hour: Option<u32>,
    /// Different subjects in a day; absent means no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subjects_per_day: Option<u32>,
}

impl Budget {
    /// Tells whether there is no limit.
    #[must_use]
    pub const fn is_unlimited(&self) -> bool {
        self.rows_per_hour.is_none() && self.subjects_per_day.is_none()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn field(name: &str) -> FieldName {
        FieldName::parse(name).unwrap()
    }

    #[test]
    fn roles_reach_what_they_are_for() {
        let check = |role: Role, yes: &[Operation], no: &[Operation]| {
            let grant = Grant::of_role(role);
            assert_eq!(grant.role, Some(role));
            for operation in yes {
                assert!(grant.allows_operation(*operation), "{role} {operation}");
            }
            for operation in no {
                assert!(!grant.allows_operation(*operation), "{role} {operation}");
            }
        };
        use Operation as O;
        check(Role::Owner, &O::ALL, &[]);
        let support = [O::Create, O::Read, O::Erase, O::TokenResolve, O::AuditRead, O::SignIn];
        check(
            Role::Support,
            &support,
            &[
                O::Init,
                O::Import,
                O::Bulk,
                O::ExportRequest,
                O::ExportApprove,
                O::ExportRead,
                O::CredentialCreate,
                O::CredentialRead,
                O::PurposeChange,
                O::KeyRead,
                O::KeyChange,
                O::Backup,
                O::Restore,
                O::StoreCopy,
                O::Checkpoint,
            ],
        );
        check(
            Role::Auditor,
            &[O::AuditRead, O::AuditVerify, O::Checkpoint, O::KeyRead],
            &[
                O::Read,
                O::Lookup,
                O::Search,
                O::Access,
                O::Create,
                O::Erase,
                O::ExportRead,
                O::TokenResolve,
                O::KeyChange,
                O::CredentialCreate,
                O::Backup,
            ],
        );
        let auditor = Grant::of_role(Role::Auditor);
        assert!(!auditor.allows_purpose(&PurposeId::parse("order").unwrap()));
        assert!(!auditor.allows_field(&field("email")));
    }

    #[test]
    fn actors_know_themselves() {
        let request = RequestId::from_bytes([1; 16]);
        let subject = SubjectId::from_bytes([2; 16]);
        let local = Actor::local("root", ShopId(1), request);
        assert_eq!((local.kind, local.id.as_str(), local.credential), (ActorKind::Local, "root", None));
        assert!(local.grant.allows_operation(Operation::Restore));
        assert_eq!(Actor::job("outbox", ShopId(1), request).kind, ActorKind::Job);
        let person = Actor::subject(subject, ShopId(1), request);
        assert_eq!(person.id, subject.to_string());
        for operation in [
            Operation::Lookup,
            Operation::Search,
            Operation::AuditRead,
            Operation::Create,
            Operation::ExportRead,
        ] {
            assert!(!person.grant.allows_operation(operation), "{operation}");
        }
    }

    #[test]
    fn masks_show_no_more_than_they_say() {
        let check =
            |mask: Mask, value: &str, shown: &str| assert_eq!(mask.apply(value), shown, "{mask} {value}");
        check(Mask::Hidden, "Noor", "***");
        check(Mask::Hidden, "", "***");
        check(Mask::FirstLetter, "Noor", "N***");
        check(Mask::FirstLetter, "Élodie", "É***");
        check(Mask::FirstLetter, "", "***");
        check(Mask::LastFour, "+31612345678", "***5678");
        check(Mask::LastFour, "1234567", "***");
        check(Mask::LastFour, "éééééééé", "***éééé");
        check(Mask::LastFour, "", "***");
        check(Mask::DomainOnly, "noor@example.nl", "***@example.nl");
        check(Mask::DomainOnly, "noor", "***");
        check(Mask::DomainOnly, "@example.nl", "***");
        check(Mask::DomainOnly, "noor@", "***");
        check(Mask::DomainOnly, "a@b@c.nl", "***@c.nl");
        check(Mask::YearOnly, "1984-05-03", "1984");
        check(Mask::YearOnly, "03-05-1984", "***");
        check(Mask::YearOnly, "1984", "***");
        check(Mask::YearOnly, "1984-05-é", "***");
        check(Mask::PostcodeDigits, "1234AB", "1234");
        check(Mask::PostcodeDigits, "10115", "1011");
        check(Mask::PostcodeDigits, "SW1A 1AA", "***");
        check(Mask::PostcodeDigits, "", "***");
        assert!("none".parse::<Mask>().is_err());
    }

    #[test]
    fn grants_are_written_in_words() {
        let mut grant = Grant::all();
        grant.operations = OperationSet::from_iter([Operation::Read, Operation::Lookup]);
        grant.purposes = PurposeGrant::Only([PurposeId::parse("order").unwrap()].into());
        grant.fields = Some([field("email")].into());
        grant.masks.insert(field("email"), Mask::DomainOnly);
        grant.budget.rows_per_hour = Some(100);
        let json = serde_json::to_string(&grant).unwrap();
        assert_eq!(
            json,
            r#"{"operations":["read","lookup"],"purposes":{"only":["order"]},"fields":["email"],"masks":{"email":"domain_only"},"budget":{"rows_per_hour":100}}"#
        );
        assert_eq!(serde_json::from_str::<Grant>(&json).unwrap(), grant);
        let all = r#"{"operations":[],"purposes":"all"}"#;
        assert!(serde_json::from_str::<Grant>(all).unwrap().operations.is_empty());
    }

    #[test]
    fn other_grants_are_refused() {
        for json in [
            "",
            "{}",
            "null",
            r#"{"operations":[]}"#,
            r#"{"purposes":"all"}"#,
            r#"{"operations":["everything"],"purposes":"all"}"#,
            r#"{"operations":"read","purposes":"all"}"#,
            r#"{"operations":[1],"purposes":"all"}"#,
            r#"{"operations":[],"purposes":"some"}"#,
            r#"{"operations":[],"purposes":{"only":["Not A Purpose"]}}"#,
            r#"{"operations":[],"purposes":"all","root":true}"#,
            r#"{"operations":[],"purposes":"all","role":"god"}"#,
            r#"{"operations":[],"purposes":"all","masks":{"email":"most"}}"#,
            r#"{"operations":[],"purposes":"all","budget":{"rows_per_hour":-1}}"#,
            r#"{"operations":[],"purposes":"all","budget":{"rows_per_day":1}}"#,
            r#"{"operations":[],"purposes":"all","certificates":["ab"]}"#,
            r#"{"operations":[],"purposes":"all","certificates":[1]}"#,
        ] {
            assert!(serde_json::from_str::<Grant>(json).is_err(), "{json}");
        }
    }

    fn grants() -> impl Strategy<Value = Grant> {
        let name = "[a-z][a-z0-9_]{0,9}";
        let names = || proptest::option::of(proptest::collection::btree_set(name, 0..5));
        let masks = proptest::collection::btree_map(name, 0..6_usize, 0..4);
        let budget = (proptest::option::of(any::<u32>()), proptest::option::of(any::<u32>()));
        (proptest::option::of(0..3_usize), 0..=OperationSet::ALL.0, names(), names(), masks, budget).prop_map(
            |(role, bits, purposes, fields, masks, budget)| Grant {
                role: role.map(|n| Role::ALL[n]),
                operations: OperationSet(bits),
                purposes: purposes.map_or(PurposeGrant::All, |ids| {
                    PurposeGrant::Only(ids.iter().map(|id| PurposeId::parse(id).unwrap()).collect())
                }),
                fields: fields.map(|names| names.iter().map(|name| field(name)).collect()),
                masks: masks.iter().map(|(name, n)| (field(name), Mask::ALL[*n])).collect(),
                budget: Budget { rows_per_hour: budget.0, subjects_per_day: budget.1 },
                certificates: budget.0.iter().map(|n| Thumbprint([n.to_be_bytes()[3]; 32])).collect(),
            },
        )
    }

    #[test]
    fn a_bound_grant_wants_one_of_its_certificates() {
        let (own, other) = (Thumbprint([7; 32]), Thumbprint([8; 32]));
        let bound = Grant { certificates: BTreeSet::from([own]), ..Grant::all() };
        assert!(bound.accepts_certificate(Some(&own)));
        assert!(!bound.accepts_certificate(Some(&other)) && !bound.accepts_certificate(None));
        assert!(Grant::all().accepts_certificate(None) && Grant::all().accepts_certificate(Some(&own)));
        let text = own.to_string();
        assert_eq!((text.len(), text.parse::<Thumbprint>()), (64, Ok(own)));
        for wrong in
            ["", &text[1..], &text.replace('7', "G"), &format!("{text}0"), &"AB".repeat(32), &"é".repeat(32)]
        {
            assert!(wrong.parse::<Thumbprint>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn grants_round_trip(grant in grants()) {
            let json = serde_json::to_string(&grant).unwrap();
            prop_assert_eq!(serde_json::from_str::<Grant>(&json).unwrap(), grant);
        }

        #[test]
        fn no_mask_shows_a_whole_long_value(value in "[A-Za-zé]{9,20}") {
            for mask in Mask::ALL {
                prop_assert!(!mask.apply(&value).contains(&value));
            }
        }
    }
}
