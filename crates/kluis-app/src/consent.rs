//! Consent of a customer: the newest event wins, absent means no, and what it makes live or dead follows at once.

use kluis_crypto::{CellPlace, ShopKeys};
use kluis_model::audit::Operation;
use kluis_model::register::Register;
use kluis_model::{
    Actor, ConsentEvent, FieldName, PiiText, PurposeId, RetentionClass, StartEvent, SubjectFacts, SubjectId,
    TimeMs,
};
use kluis_store::{ConsentRow, StoreError, Unit};
use serde::Serialize;

use crate::guard::{Ask, Done};
use crate::record::prepare::Sealer;
use crate::record::stored::{RECORD_CONSENT, broken};
use crate::record::{Edit, Stored, Tools, prepare_change};
use crate::subject::{CHANGE_TRIES, Loaded};
use crate::{App, AppError, FieldProblem};

/// How far ahead of our clock an event may lie, in milliseconds.
const CLOCK_SKEW_MS: i64 = 5 * 60_000;
/// The text version of a withdrawal that names none: nobody is shown a text for it.
const NO_TEXT: &str = "-";
/// The name under which rows of consents are MACed.
const TABLE: &str = "consents";

/// One consent given or withdrawn, as a front end passes it in.
#[derive(Debug, Clone)]
pub struct ConsentInput {
    /// For which purpose.
    pub purpose: String,
    /// Given, or withdrawn.
    pub given: bool,
    /// When; absent means now.
    pub at: Option<TimeMs>,
    /// Through which channel, 1 to 64 characters.
    pub source: String,
    /// Which text was shown, 1 to 64 characters; may be empty for a withdrawal.
    pub text_version: String,
    /// JSON with the evidence, or nothing.
    pub proof: PiiText,
}

/// Where consent stands after an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsentAnswer {
    /// The purpose.
    pub purpose: PurposeId,
    /// Whether consent is given now; an older event than the newest changes nothing.
    pub given: bool,
    /// The number of this event among those of the purpose, from 1.
    pub number: u32,
}

/// One consent event of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsentView {
    /// The purpose.
    pub purpose: PurposeId,
    /// The number of the event among those of the purpose, from 1.
    pub number: u32,
    /// Given, or withdrawn.
    pub given: bool,
    /// When.
    pub at: TimeMs,
    /// Through which channel.
    pub source: String,
    /// Which text was shown.
    pub text_version: String,
    /// Whether this event decides: none of the purpose is newer.
    pub decides: bool,
}

/// A checked consent event with its number.
pub(crate) struct NumberedConsent {
    pub(crate) event: ConsentEvent,
    pub(crate) number: u32,
}

impl ConsentInput {
    /// The checked event, or what is wrong with it.
    pub(crate) fn check(self, register: &Register, now: TimeMs) -> Result<ConsentEvent, FieldProblem> {
        let field = format!("consents.{}", self.purpose);
        let wrong = |problem: kluis_model::ConsentProblem| {
            FieldProblem::new(
                if FieldName::parse(&field).is_ok() { field.as_str() } else { "consents" },
                problem.text(kluis_model::Lang::Nl),
                problem.text(kluis_model::Lang::En),
            )
        };
        let purpose = PurposeId::parse(&self.purpose)
            .map_err(|_| wrong(kluis_model::ConsentProblem::UnknownPurpose))?;
        let no_text = !self.given && self.text_version.trim().is_empty();
        let event = ConsentEvent {
            purpose,
            given: self.given,
            at: self.at.unwrap_or(now),
            source: self.source,
            text_version: if no_text { NO_TEXT.to_owned() } else { self.text_version },
            proof: self.proof,
        };
        event.check(register, now).map_err(wrong)?;
        Ok(event)
    }
}

/// Checks and applies events to facts; an event in the future or of a kind that follows from
/// something else is refused.
pub(crate) fn apply_event(
    facts: &mut SubjectFacts,
    (event, at): (StartEvent, Option<TimeMs>),
    now: TimeMs,
) -> Result<(), FieldProblem> {
    let field = format!("events.{event}");
    if matches!(event, StartEvent::Created | StartEvent::ConsentWithdrawn) {
        return Err(FieldProblem::new(
            field,
            "Deze gebeurtenis legt de kluis zelf vast.",
            "The vault records this event itself.",
        ));
    }
    let at = at.unwrap_or(now);
    if at.0 > now.0.saturating_add(CLOCK_SKEW_MS) {
        return Err(FieldProblem::new(
            field,
            "Het tijdstip ligt in de toekomst.",
            "The time lies in the future.",
        ));
    }
    facts.apply_event(event, at);
    Ok(())
}

impl App {
    /// Records that a customer gave or withdrew consent. What became live is sealed under its own
    /// key at once; what has no live purpose any more loses its key and its cells.
    ///
    /// # Errors
    /// Denied, `NotFound`, or `Invalid` when purpose, time, source or text version are wrong.
    pub async fn consent(
        &self,
        actor: &Actor,
        id: SubjectId,
        input: ConsentInput,
    ) -> Result<ConsentAnswer, AppError> {
        let purpose = PurposeId::parse(&input.purpose).ok();
        let mut ask = Ask::new(Operation::Consent).about(id);
        ask.purpose = purpose.as_ref();
        self.allow(actor, &ask).await?;
        let register = self.register();
        let event = input.check(&register, self.now()).map_err(|problem| AppError::Invalid(vec![problem]))?;
        let reason = if event.given { "given" } else { "withdrawn" };
        let mut tries = 0;
        loop {
            let Loaded { keys, stored } = self.load(actor, &ask, id).await?;
            if stored.is_erased() {
                return Err(self.failed(actor, &ask, "erased", AppError::NotFound).await);
            }
            let tools = Tools { keys: &keys, register: &register, random: self.random(), now: self.now() };
            let mut facts = stored.facts.clone();
            let number = facts.apply_consent(&event);
            let consents = [NumberedConsent { event: event.clone(), number }];
            let edit = Edit { consents: &consents, ..Edit::default() };
            let change = match prepare_change(&tools, &stored, &facts, &edit) {
                Ok(change) => change,
                Err(error) => return Err(self.audited(actor, &ask, error).await),
            };
            let mut unit = Unit::new();
            change.add_to(&mut unit);
            self.enqueue_shred(&mut unit, &stored, change.destroyed);
            let done = Done { reason: Some(reason), ..Done::wrote(change.row.version, change.digest) };
            self.add_ok(&mut unit, actor, &ask, &done);
            match self.store().commit(unit).await {
                Ok(_) => {
                    if !change.destroyed.is_empty() {
                        self.index_changed(actor.shop, id).await;
                    }
                    let given = facts.consent_given(&event.purpose);
                    return Ok(ConsentAnswer { purpose: event.purpose, given, number });
                }
                Err(StoreError::Conflict { what }) if tries < CHANGE_TRIES => {
                    tries += 1;
                    self.clear_way(actor, id, &what).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The consent events of a customer, oldest first; proofs are shown by the access report only.
    ///
    /// # Errors
    /// Denied, or `NotFound`.
    pub async fn consents(&self, actor: &Actor, id: SubjectId) -> Result<Vec<ConsentView>, AppError> {
        let ask = Ask::new(Operation::Consent).about(id);
        self.allow(actor, &ask).await?;
        let Loaded { keys, stored } = self.load(actor, &ask, id).await?;
        let rows = self.store().consents(actor.shop, id).await?;
        let views = views_of(&keys, &stored, &rows);
        let views = match views {
            Ok(views) => views,
            Err(error) => return Err(self.audited(actor, &ask, error).await),
        };
        let views: Vec<_> =
            views.into_iter().filter(|view| actor.grant.allows_purpose(&view.purpose)).collect();
        let done = Done { count: views.len() as u64, reason: Some("listed"), ..Done::default() };
        let mut unit = Unit::new();
        self.add_ok(&mut unit, actor, &ask, &done);
        self.add_charge(&mut unit, actor, vec![id]);
        self.commit_charged(actor, &ask, unit).await?;
        Ok(views)
    }
}

/// The events as people see them, each checked against its MAC.
pub(crate) fn views_of(
    keys: &ShopKeys,
    stored: &Stored,
    rows: &[ConsentRow],
) -> Result<Vec<ConsentView>, AppError> {
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        if !consent_row_matches(keys, row) {
            return Err(broken(row.subject, "consents"));
        }
        let state = stored.facts.consents.get(&row.purpose);
        views.push(ConsentView {
            purpose: row.purpose.clone(),
            number: row.number,
            given: row.given,
            at: row.at,
            source: row.source.clone(),
            text_version: row.text_version.clone(),
            decides: state.is_some_and(|state| state.at == row.at && state.given == row.given),
        });
    }
    views.sort_by(|a, b| a.at.cmp(&b.at).then(a.purpose.cmp(&b.purpose)).then(a.number.cmp(&b.number)));
    Ok(views)
}

/// The row of a consent event; its proof is sealed under a key of the customer, so that erasing
/// the customer erases it.
pub(crate) fn consent_row(sealer: &Sealer<'_>, consent: &NumberedConsent) -> Result<ConsentRow, AppError> {
    let tools = sealer.tools();
    let (event, number) = (&consent.event, consent.number);
    let mut row = ConsentRow {
        shop: tools.keys.shop(),
        subject: sealer.subject(),
        number,
        purpose: event.purpose.clone(),
        given: event.given,
        at: event.at,
        source: event.source.clone(),
        text_version: event.text_version.clone(),
        proof: Vec::new(),
        row_mac: [0; 32],
    };
    let proof = event.proof.expose();
    if !proof.is_empty() {
        let name = FieldName::parse(event.purpose.as_str()).map_err(AppError::internal)?;
        let place = (RECORD_CONSENT, &name, u64::from(number));
        // Without a key of the customer there is no live purpose either: a proof that erasing could
        // not reach, in backups least of all, is not kept.
        if let Some((class, sealed)) = sealer.seal_apart(place, proof)? {
            row.proof = [&[class.as_u8()], sealed.as_slice()].concat();
        }
    }
    row.row_mac = with_parts(&row, |parts| tools.keys.row_mac(TABLE, parts));
    Ok(row)
}

/// Whether nobody changed the row outside this program.
pub(crate) fn consent_row_matches(keys: &ShopKeys, row: &ConsentRow) -> bool {
    with_parts(row, |parts| keys.row_mac_matches(TABLE, parts, &row.row_mac))
}

/// The proof of a consent event; `None` when there is none or its key is destroyed.
pub(crate) fn open_proof(keys: &ShopKeys, stored: &Stored, row: &ConsentRow) -> Option<PiiText> {
    let (first, sealed) = row.proof.split_first()?;
    let name = FieldName::parse(row.purpose.as_str()).ok()?;
    let place = CellPlace {
        shop: row.shop,
        record_type: RECORD_CONSENT,
        subject: row.subject,
        class: RetentionClass::from_u8(*first)?,
        field: &name,
        version: u64::from(row.number),
    };
    let has_key = stored.deks().any(|dek| dek.class == place.class);
    if has_key { stored.open_at(keys, &place, sealed).ok() } else { None }
}

fn with_parts<T>(row: &ConsentRow, take: impl FnOnce(&[&[u8]]) -> T) -> T {
    take(&[
        &row.shop.0.to_be_bytes(),
        row.subject.as_bytes(),
        &row.number.to_be_bytes(),
        row.purpose.as_str().as_bytes(),
        &[u8::from(row.given)],
        &row.at.0.to_be_bytes(),
        row.source.as_bytes(),
        row.text_version.as_bytes(),
        &row.proof,
    ])
}
