//! The words of Klantkluis as types: ids, time, fields, purposes, what may stay, who may read. Pure: no I/O, no clock.
#![forbid(unsafe_code)]

pub mod access;
pub mod audit;
pub mod checksum;
pub mod facts;
pub mod fields;
pub mod ids;
pub mod minimise;
pub mod normalise;
pub mod pii;
pub mod purposes;
pub mod register;
pub mod time;
mod wire;

pub use access::{Actor, Budget, Grant, Mask, OperationSet, PurposeGrant, Role, Thumbprint};
pub use audit::{ActorKind, Leaf, LeafError, Operation, Outcome};
pub use facts::{ConsentEvent, ConsentProblem, ConsentState, FactsError, SubjectFacts};
pub use fields::{Country2, FieldDef, FieldKind, FieldName, IndexUse, Lang, Text};
pub use ids::{CredentialId, Id, JobId, Random, RequestId, ShopId, SubjectId};
pub use minimise::{
    DropReason, Dropped, KeptField, MinimiseReport, Minimised, ReadRefusal, ValueIssue, may_read, minimise,
};
pub use normalise::{NORMALISE_VERSION, Normalised, ValueProblem, match_key, name_tokens, normalise};
pub use pii::{Pii, PiiText};
pub use purposes::{
    ClassSet, FieldUse, LegalBasis, Liveness, Need, Purpose, PurposeId, Retention, RetentionAction,
    RetentionClass, StartEvent,
};
pub use register::{DEFAULT_REGISTER, Register, RegisterProblem};
pub use time::{Clock, FixedClock, Period, TimeMs};
pub use wire::UnknownWord;
