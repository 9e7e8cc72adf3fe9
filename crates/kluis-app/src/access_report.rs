//! Everything the vault holds about one person, for that person (GDPR art. 15), also in a form for programs (art. 20).

use std::fmt::Write as _;

use kluis_crypto::ShopKeys;
use kluis_model::audit::{Leaf, Operation};
use kluis_model::register::Register;
use kluis_model::{
    Actor, ActorKind, FieldName, Grant, Lang, LegalBasis, Liveness, Outcome, PiiText, PurposeGrant,
    PurposeId, StartEvent, SubjectId, Text, TimeMs,
};
use kluis_store::{LeafQuery, Unit};
use serde_json::{Value, json};

use crate::consent::{ConsentView, consent_row_matches, open_proof};
use crate::guard::{Ask, Done};
use crate::record::Stored;
use crate::subject::Loaded;
use crate::{App, AppError};

/// Entries of the audit log in one report at most.
const ENTRIES_MAX: u32 = 1_000;

/// Everything about one person. Its values leave the vault only through [`AccessReport::to_json`]
/// and [`AccessReport::to_html`].
#[derive(Debug, Clone)]
pub struct AccessReport {
    /// The person, by the random id.
    pub subject: SubjectId,
    /// When the report was made.
    pub made_at: TimeMs,
    /// When the person was put in.
    pub created: TimeMs,
    /// When the data last changed.
    pub updated: TimeMs,
    /// Where the data came from: how it was put in, by what kind of actor.
    pub source: Option<AccessEntry>,
    /// Every value.
    pub fields: Vec<AccessField>,
    /// Every purpose that is live for the person.
    pub purposes: Vec<AccessPurpose>,
    /// Every consent event with its proof.
    pub consents: Vec<(ConsentView, Option<PiiText>)>,
    /// What happened and when, as far as retention periods count from it.
    pub events: Vec<(StartEvent, TimeMs)>,
    /// Who did what with the data, newest first.
    pub entries: Vec<AccessEntry>,
    /// Tokens that stand for a value: field, destination, when.
    pub tokens: Vec<(FieldName, Option<String>, TimeMs)>,
}

/// One value.
#[derive(Debug, Clone)]
pub struct AccessField {
    /// The field.
    pub field: FieldName,
    /// What people call it.
    pub label: Text,
    /// The value.
    pub value: PiiText,
}

/// One purpose that is live for the person.
#[derive(Debug, Clone)]
pub struct AccessPurpose {
    /// The purpose.
    pub id: PurposeId,
    /// What people call it.
    pub name: Text,
    /// The legal basis.
    pub basis: LegalBasis,
    /// The law as the register cites it.
    pub law: String,
    /// Who receives the data.
    pub recipients: Vec<String>,
    /// Until when it is kept, as far as known now.
    pub until: Option<TimeMs>,
    /// The fields that there are for it.
    pub fields: Vec<FieldName>,
}

/// One entry of the audit log about the person.
#[derive(Debug, Clone)]
pub struct AccessEntry {
    /// When.
    pub time: TimeMs,
    /// What kind of actor.
    pub actor_kind: ActorKind,
    /// Who, by id.
    pub actor: String,
    /// What.
    pub operation: Operation,
    /// What for.
    pub purpose: Option<PurposeId>,
    /// Which fields.
    pub fields: Vec<FieldName>,
    /// How it went.
    pub outcome: Outcome,
}

impl App {
    /// Everything about one person, which is one read of all of it on the record.
    ///
    /// # Errors
    /// Denied, `NotFound`, `Exhausted`, `Integrity`.
    pub async fn access_report(&self, actor: &Actor, id: SubjectId) -> Result<AccessReport, AppError> {
        let ask = Ask::new(Operation::Access).about(id);
        self.allow(actor, &ask).await?;
        let Loaded { keys, stored } = self.load(actor, &ask, id).await?;
        let register = self.register();
        let (consents, tokens) =
            (self.store().consents(actor.shop, id).await?, self.store().tokens_of(actor.shop, id).await?);
        let mut report = match self.report_of(actor, &keys, &stored) {
            Ok(report) => report,
            Err(error) => return Err(self.audited(actor, &ask, error).await),
        };
        for row in consents.iter().filter(|row| actor.grant.allows_purpose(&row.purpose)) {
            if !consent_row_matches(&keys, row) {
                let error = AppError::integrity(format!("consents {id}"));
                return Err(self.audited(actor, &ask, error).await);
            }
            let mut views = crate::consent::views_of(&keys, &stored, std::slice::from_ref(row))?;
            // A proof is no field that a grant could name: who sees a part only does not see proofs.
            let proof = if sees_all(&actor.grant) { open_proof(&keys, &stored, row) } else { None };
            report.consents.extend(views.pop().map(|view| (view, proof)));
        }
        report.tokens =
            tokens.into_iter().map(|token| (token.field, token.destination, token.created)).collect();
        report.purposes = purposes_of(&register, &stored, &report.fields, report.made_at);
        report.purposes.retain(|purpose| actor.grant.allows_purpose(&purpose.id));
        self.add_entries(actor, &mut report).await?;
        let names: Vec<FieldName> = report.fields.iter().map(|field| field.field.clone()).collect();
        let mut unit = Unit::new();
        self.add_ok(&mut unit, actor, &ask.clone().fields(&names), &Done::one());
        self.add_charge(&mut unit, actor, vec![id]);
        self.commit_charged(actor, &ask, unit).await?;
        Ok(report)
    }

    /// The values of the person, as far as the grant reaches, masks applied.
    fn report_of(&self, actor: &Actor, keys: &ShopKeys, stored: &Stored) -> Result<AccessReport, AppError> {
        let register = self.register();
        let mut fields: Vec<AccessField> = Vec::new();
        for cell in stored.cells()? {
            if fields.iter().any(|known| known.field.as_str() == cell.field) {
                continue;
            }
            let def = register.field(cell.field);
            let name = match def {
                Some(def) => def.name.clone(),
                None => FieldName::parse(cell.field).map_err(AppError::internal)?,
            };
            if !is_granted(&actor.grant, &register, &name) {
                continue;
            }
            let value = stored.open(keys, &cell, &name)?;
            let value = match actor.grant.mask(&name) {
                Some(mask) => PiiText::new(mask.apply(value.expose())),
                None => value,
            };
            let label = def.map_or_else(|| Text::new(cell.field, cell.field), |def| def.label.clone());
            fields.push(AccessField { field: name, label, value });
        }
        Ok(AccessReport {
            subject: stored.id(),
            made_at: self.now(),
            created: stored.row.created,
            updated: stored.row.updated,
            source: None,
            fields,
            purposes: Vec::new(),
            consents: Vec::new(),
            events: stored.facts.events.iter().map(|(event, at)| (*event, *at)).collect(),
            entries: Vec::new(),
            tokens: Vec::new(),
        })
    }

    async fn add_entries(&self, actor: &Actor, report: &mut AccessReport) -> Result<(), AppError> {
        let query = LeafQuery {
            shop: actor.shop,
            subject: Some(report.subject),
            actor: None,
            operation: None,
            outcome: None,
            before: None,
            limit: ENTRIES_MAX,
        };
        for row in self.store().find_leaves(query).await? {
            let Ok(leaf) = Leaf::decode(&row.bytes) else { continue };
            report.entries.push(AccessEntry {
                time: leaf.time,
                actor_kind: leaf.actor_kind,
                actor: leaf.actor,
                operation: leaf.operation,
                purpose: leaf.purpose,
                fields: leaf.fields,
                outcome: leaf.outcome,
            });
        }
        let put_in = [Operation::Create, Operation::Import, Operation::Bulk];
        report.source = report.entries.iter().rev().find(|entry| put_in.contains(&entry.operation)).cloned();
        Ok(())
    }
}

/// Whether a field is within the grant: named in it, and of one of its purposes.
fn is_granted(grant: &Grant, register: &Register, field: &FieldName) -> bool {
    let is_of_purpose = match &grant.purposes {
        PurposeGrant::All => true,
        PurposeGrant::Only(_) => register.purposes_of(field).any(|purpose| grant.allows_purpose(&purpose.id)),
    };
    is_of_purpose && grant.allows_field(field)
}

/// Whether a grant has no bounds on what it shows.
fn sees_all(grant: &Grant) -> bool {
    grant.purposes == PurposeGrant::All && grant.fields.is_none() && grant.masks.is_empty()
}

fn purposes_of(
    register: &Register,
    stored: &Stored,
    fields: &[AccessField],
    now: TimeMs,
) -> Vec<AccessPurpose> {
    let mut purposes = Vec::new();
    for purpose in register.purposes() {
        let Liveness::Live { until } = purpose.live(&stored.facts, now) else { continue };
        if stored.is_erased() && purpose.basis != LegalBasis::LegalObligation {
            continue;
        }
        let there = fields.iter().filter(|field| purpose.includes(&field.field));
        purposes.push(AccessPurpose {
            id: purpose.id.clone(),
            name: purpose.name.clone(),
            basis: purpose.basis,
            law: purpose.law.clone(),
            recipients: purpose.recipients.clone(),
            until,
            fields: there.map(|field| field.field.clone()).collect(),
        });
    }
    purposes.retain(|purpose| !purpose.fields.is_empty());
    purposes
}

impl AccessReport {
    /// The report for programs (GDPR art. 20): plain values in JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let entry = |entry: &AccessEntry| {
            json!({
                "time": entry.time, "actor_kind": entry.actor_kind, "actor": entry.actor,
                "operation": entry.operation, "purpose": entry.purpose, "fields": entry.fields,
                "outcome": entry.outcome,
            })
        };
        let fields: serde_json::Map<String, Value> = self
            .fields
            .iter()
            .map(|field| (field.field.to_string(), Value::from(field.value.expose().as_str())))
            .collect();
        let purposes = self.purposes.iter().map(|purpose| {
            json!({
                "id": purpose.id, "name": purpose.name, "basis": purpose.basis, "law": purpose.law,
                "recipients": purpose.recipients, "until": purpose.until, "fields": purpose.fields,
            })
        });
        let consents = self.consents.iter().map(|(view, proof)| {
            let proof = proof.as_ref().map(|proof| {
                serde_json::from_str(proof.expose()).unwrap_or_else(|_| Value::from(proof.expose().as_str()))
            });
            json!({
                "purpose": view.purpose, "number": view.number, "given": view.given, "at": view.at,
                "source": view.source, "text_version": view.text_version, "decides": view.decides,
                "proof": proof,
            })
        });
        json!({
            "id": self.subject, "made_at": self.made_at, "created": self.created, "updated": self.updated,
            "source": self.source.as_ref().map(entry),
            "fields": fields,
            "purposes": purposes.collect::<Vec<_>>(),
            "consents": consents.collect::<Vec<_>>(),
            "events": self.events.iter().map(|(event, at)| json!({"event": event, "at": at})).collect::<Vec<_>>(),
            "tokens": self.tokens.iter().map(|(field, destination, created)| {
                json!({"field": field, "destination": destination, "created": created})
            }).collect::<Vec<_>>(),
            "entries": self.entries.iter().map(entry).collect::<Vec<_>>(),
        })
    }

    /// The report for people: one page of HTML that needs nothing else.
    #[must_use]
    pub fn to_html(&self, lang: Lang, shop_name: &str) -> String {
        let mut page = Html { out: String::with_capacity(16_384), lang };
        page.head(shop_name);
        self.write_facts(&mut page);
        self.write_fields(&mut page);
        self.write_purposes(&mut page);
        self.write_consents(&mut page);
        self.write_entries(&mut page);
        self.write_rights(&mut page);
        page.out.push_str("</main></body></html>\n");
        page.out
    }

    fn write_facts(&self, page: &mut Html) {
        let source = self.source.as_ref().map(|entry| operation_words(entry.operation, page.lang).to_owned());
        let rows = [
            (page.pick("Uw nummer bij ons", "Your number with us"), self.subject.to_string()),
            (page.pick("Overzicht gemaakt op", "Report made on"), shown_time(self.made_at)),
            (page.pick("Bekend sinds", "Known since"), shown_time(self.created)),
            (page.pick("Laatst gewijzigd", "Last changed"), shown_time(self.updated)),
            (page.pick("Hoe wij eraan komen", "How we got it"), source.unwrap_or_else(|| "–".to_owned())),
        ];
        page.out.push_str("<dl>");
        for (name, value) in rows {
            let _ = write!(page.out, "<dt>{}</dt><dd>{}</dd>", escape(name), escape(&value));
        }
        page.out.push_str("</dl>");
    }

    fn write_fields(&self, page: &mut Html) {
        page.heading("Wat wij van u bewaren", "What we keep about you");
        let lang = page.lang;
        let rows = self
            .fields
            .iter()
            .map(|field| vec![field.label.get(lang).to_owned(), field.value.expose().clone()]);
        page.table(&[page.pick("Gegeven", "Item"), page.pick("Waarde", "Value")], rows.collect());
    }

    fn write_purposes(&self, page: &mut Html) {
        page.heading("Waarvoor, op welke grond en hoe lang", "What for, on what basis and for how long");
        let lang = page.lang;
        let rows = self.purposes.iter().map(|purpose| {
            let labels = self.labels(&purpose.fields, lang);
            let recipients = if purpose.recipients.is_empty() {
                lang.pick("niemand", "nobody").to_owned()
            } else {
                purpose.recipients.join(", ")
            };
            let until = purpose.until.map_or_else(
                || lang.pick("zolang dit geldt", "as long as this applies").to_owned(),
                TimeMs::date,
            );
            let basis = format!("{} ({})", basis_words(purpose.basis, lang), purpose.law);
            vec![purpose.name.get(lang).to_owned(), basis, labels, recipients, until]
        });
        let heads = [
            page.pick("Doel", "Purpose"),
            page.pick("Grondslag", "Legal basis"),
            page.pick("Gegevens", "Items"),
            page.pick("Ontvangers", "Recipients"),
            page.pick("Tot", "Until"),
        ];
        page.table(&heads, rows.collect());
    }

    fn write_consents(&self, page: &mut Html) {
        page.heading("Uw toestemmingen", "Your consents");
        let lang = page.lang;
        let rows = self.consents.iter().map(|(view, proof)| {
            let what = if view.given {
                lang.pick("gegeven", "given")
            } else {
                lang.pick("ingetrokken", "withdrawn")
            };
            let proof = proof.as_ref().map(|proof| proof.expose().clone()).unwrap_or_default();
            let purpose = self.purpose_name(&view.purpose, lang);
            vec![
                purpose,
                what.to_owned(),
                shown_time(view.at),
                view.source.clone(),
                view.text_version.clone(),
                proof,
            ]
        });
        let heads = [
            page.pick("Doel", "Purpose"),
            page.pick("Wat", "What"),
            page.pick("Wanneer", "When"),
            page.pick("Via", "Through"),
            page.pick("Tekst", "Text"),
            page.pick("Bewijs", "Proof"),
        ];
        page.table(&heads, rows.collect());
    }

    fn write_entries(&self, page: &mut Html) {
        page.heading("Wie uw gegevens gebruikte", "Who used your data");
        let lang = page.lang;
        let rows = self.entries.iter().map(|entry| {
            let who = format!("{} {}", kind_words(entry.actor_kind, lang), entry.actor);
            let purpose =
                entry.purpose.as_ref().map(|purpose| self.purpose_name(purpose, lang)).unwrap_or_default();
            let what = operation_words(entry.operation, lang);
            let what = match entry.outcome {
                Outcome::Ok => what.to_owned(),
                Outcome::Denied => format!("{what} ({})", lang.pick("geweigerd", "refused")),
                Outcome::Failed => format!("{what} ({})", lang.pick("mislukt", "failed")),
            };
            vec![shown_time(entry.time), who, what, purpose, self.labels(&entry.fields, lang)]
        });
        let heads = [
            page.pick("Wanneer", "When"),
            page.pick("Wie", "Who"),
            page.pick("Wat", "What"),
            page.pick("Doel", "Purpose"),
            page.pick("Gegevens", "Items"),
        ];
        page.table(&heads, rows.collect());
    }

    fn write_rights(&self, page: &mut Html) {
        page.heading("Uw rechten", "Your rights");
        let text = page.pick(
            "U mag uw gegevens laten verbeteren, wissen of overdragen, bezwaar maken en gegeven toestemming \
             intrekken. Vindt u dat wij de regels niet volgen, dan kunt u een klacht indienen bij de Autoriteit \
             Persoonsgegevens.",
            "You may have your data corrected, erased or transferred, object, and withdraw consent. If you think \
             that we do not follow the rules, you can lodge a complaint with the Dutch Data Protection Authority.",
        );
        let _ = write!(page.out, "<p>{}</p>", escape(text));
    }

    fn labels(&self, fields: &[FieldName], lang: Lang) -> String {
        let label = |name: &FieldName| {
            let known = self.fields.iter().find(|field| field.field == *name);
            known.map_or_else(|| name.to_string(), |field| field.label.get(lang).to_owned())
        };
        fields.iter().map(label).collect::<Vec<_>>().join(", ")
    }

    fn purpose_name(&self, id: &PurposeId, lang: Lang) -> String {
        let known = self.purposes.iter().find(|purpose| purpose.id == *id);
        known.map_or_else(|| id.to_string(), |purpose| purpose.name.get(lang).to_owned())
    }
}

/// A page that is being written.
struct Html {
    out: String,
    lang: Lang,
}

impl Html {
    fn pick(&self, nl: &'static str, en: &'static str) -> &'static str {
        self.lang.pick(nl, en)
    }

    fn head(&mut self, shop_name: &str) {
        let title = self.pick("Uw gegevens bij", "Your data at");
        let (lang, title, shop) = (self.lang, escape(title), escape(shop_name));
        let _ = write!(
            self.out,
            "<!doctype html>\n<html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
             <meta name=\"robots\" content=\"noindex\"><title>{title} {shop}</title><style>{STYLE}</style></head>\
             <body><main><h1>{title} {shop}</h1>"
        );
    }

    fn heading(&mut self, nl: &'static str, en: &'static str) {
        let text = escape(self.pick(nl, en));
        let _ = write!(self.out, "<h2>{text}</h2>");
    }

    fn table(&mut self, heads: &[&str], rows: Vec<Vec<String>>) {
        if rows.is_empty() {
            let none = self.pick("Niets.", "Nothing.");
            let _ = write!(self.out, "<p>{none}</p>");
            return;
        }
        self.out.push_str("<table><thead><tr>");
        for head in heads {
            let _ = write!(self.out, "<th scope=\"col\">{}</th>", escape(head));
        }
        self.out.push_str("</tr></thead><tbody>");
        for row in rows {
            self.out.push_str("<tr>");
            for cell in row {
                let _ = write!(self.out, "<td>{}</td>", escape(&cell));
            }
            self.out.push_str("</tr>");
        }
        self.out.push_str("</tbody></table>");
    }
}

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;margin:0;color:#1b1b1b;background:#fff}\
main{max-width:60rem;margin:0 auto;padding:1rem}h2{margin-top:2rem}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;\
border-bottom:1px solid #ccc;overflow-wrap:anywhere}dt{font-weight:600}dd{margin:0 0 .5rem}";

/// The text with everything that HTML would take for markup written as references.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// `2026-11-24 02:37 UTC`.
fn shown_time(time: TimeMs) -> String {
    let text = time.to_string();
    match text.split_once('T') {
        Some((date, clock)) => format!("{date} {} UTC", clock.get(..5).unwrap_or(clock)),
        None => text,
    }
}

const fn basis_words(basis: LegalBasis, lang: Lang) -> &'static str {
    match basis {
        LegalBasis::Contract => lang.pick("overeenkomst met u", "contract with you"),
        LegalBasis::LegalObligation => lang.pick("wettelijke plicht", "legal obligation"),
        LegalBasis::Consent => lang.pick("uw toestemming", "your consent"),
        LegalBasis::LegitimateInterest => lang.pick("gerechtvaardigd belang", "legitimate interest"),
        LegalBasis::SoftOptIn => {
            lang.pick("u bent klant en maakte geen bezwaar", "you are a customer and did not object")
        }
    }
}

const fn kind_words(kind: ActorKind, lang: Lang) -> &'static str {
    match kind {
        ActorKind::Staff => lang.pick("medewerker", "staff"),
        ActorKind::Connector => lang.pick("systeem", "system"),
        ActorKind::Subject => lang.pick("uzelf", "yourself"),
        ActorKind::Job => lang.pick("de kluis zelf", "the vault itself"),
        ActorKind::Local => lang.pick("beheerder", "operator"),
    }
}

const fn operation_words(operation: Operation, lang: Lang) -> &'static str {
    match operation {
        Operation::Create => lang.pick("ingevoerd", "put in"),
        Operation::Import => lang.pick("ingevoerd uit een bestand", "put in from a file"),
        Operation::Bulk => lang.pick("ingevoerd door een ander systeem", "put in by another system"),
        Operation::Read => lang.pick("gelezen", "read"),
        Operation::Lookup => lang.pick("opgezocht", "looked up"),
        Operation::Search => lang.pick("gevonden op naam", "found by name"),
        Operation::Update => lang.pick("gewijzigd", "changed"),
        Operation::Erase => lang.pick("gewist", "erased"),
        Operation::Access => lang.pick("overzicht gemaakt", "report made"),
        Operation::Consent => lang.pick("toestemming vastgelegd of bekeken", "consent recorded or viewed"),
        Operation::Event => lang.pick("gebeurtenis vastgelegd", "event recorded"),
        Operation::ExportRead => lang.pick("geëxporteerd", "exported"),
        Operation::TokenCreate => lang.pick("vervangcode gemaakt", "token made"),
        Operation::TokenResolve => lang.pick("vervangcode gelezen", "token read"),
        Operation::TokenRevoke => lang.pick("vervangcode ingetrokken", "token revoked"),
        Operation::KeyChange => lang.pick("sleutels vernieuwd", "keys renewed"),
        other => other.id(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn html_holds_no_markup_from_values() {
        let field = AccessField {
            field: FieldName::parse("note").unwrap(),
            label: Text::new("Notitie", "Note"),
            value: PiiText::from("<script>alert('x')</script> & \"y\""),
        };
        let report = AccessReport {
            subject: SubjectId::from_bytes([1; 16]),
            made_at: TimeMs(0),
            created: TimeMs(0),
            updated: TimeMs(0),
            source: None,
            fields: vec![field],
            purposes: Vec::new(),
            consents: Vec::new(),
            events: Vec::new(),
            entries: Vec::new(),
            tokens: Vec::new(),
        };
        let html = report.to_html(Lang::Nl, "<b>Winkel</b>");
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
        assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;"));
        assert!(html.contains("1970-01-01 00:00 UTC") && html.contains("lang=\"nl\""));
        assert!(report.to_html(Lang::En, "Shop").contains("Your data at Shop"));
        assert_eq!(report.to_json()["fields"]["note"], "<script>alert('x')</script> & \"y\"");
    }
}
