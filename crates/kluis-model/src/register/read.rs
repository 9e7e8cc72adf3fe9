//! Reads the text of a purpose register and says, with line and place, everything that is wrong with it.

use std::collections::HashSet;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{FIELDS_MAX, PROBLEMS_MAX, PURPOSES_MAX, REGISTER_BYTES_MAX, RegisterProblem};
use crate::fields::{Country2, FieldDef, FieldKind, FieldName, Text};
use crate::purposes::{
    FieldUse, LegalBasis, Need, Purpose, PurposeId, Retention, RetentionAction, RetentionClass, StartEvent,
};
use crate::time::Period;

/// The longest name, law, recipient or label, in bytes.
const LINE_BYTES_MAX: usize = 300;
/// The longest balancing text, in bytes.
const BALANCING_BYTES_MAX: usize = 4_000;
/// Most recipients of a purpose.
const RECIPIENTS_MAX: usize = 50;

type Parts = (Country2, Vec<FieldDef>, Vec<Purpose>);

/// Reads a register.
pub(super) fn read(source: &str) -> Result<Parts, Vec<RegisterProblem>> {
    let mut reader = Reader { source, problems: Vec::new() };
    if source.len() > REGISTER_BYTES_MAX {
        reader.report(
            None,
            "",
            "het register is langer dan 64 KiB; kort het in",
            "the register is longer than 64 KiB; shorten it",
        );
        return Err(reader.problems);
    }
    let (document, errors) = DeTable::parse_recoverable(source);
    for error in errors {
        let at = error.span().map(|span| span.start);
        let message = error.message().to_owned();
        reader.report(
            at,
            "",
            &format!("geen geldige TOML: {message}"),
            &format!("not valid TOML: {message}"),
        );
    }
    if !reader.problems.is_empty() {
        return Err(reader.problems);
    }
    let root = Table { path: String::new(), at: 0, entries: document.get_ref() };
    reader.keys(&root, &["version", "default_country", "fields", "purposes"]);
    reader.version(&root);
    let country = reader.default_country(&root);
    let fields = reader.fields(&root);
    let purposes = reader.purposes(&root, &fields);
    if reader.problems.is_empty() { Ok((country, fields, purposes)) } else { Err(reader.problems) }
}

/// A table with the place it stands at.
struct Table<'a, 's> {
    path: String,
    at: usize,
    entries: &'a DeTable<'s>,
}

impl<'a, 's> Table<'a, 's> {
    fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'s>>> {
        self.entries.iter().find(|(known, _)| known.get_ref() == key).map(|(_, value)| value)
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The entries in the order of the text.
    fn ordered(&self) -> Vec<(&'a Spanned<std::borrow::Cow<'s, str>>, &'a Spanned<DeValue<'s>>)> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries
    }
}

struct Reader<'s> {
    source: &'s str,
    problems: Vec<RegisterProblem>,
}

impl Reader<'_> {
    fn report(&mut self, at: Option<usize>, path: &str, nl: &str, en: &str) {
        if self.problems.len() >= PROBLEMS_MAX {
            return;
        }
        let line = at.map(|at| {
            let before = self.source.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
            u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
        });
        let path: String = path.chars().filter(|c| !c.is_control()).take(200).collect();
        self.problems.push(RegisterProblem { line, path, text: Text::new(nl, en) });
    }

    /// Reports every key that is not one of the known ones.
    fn keys(&mut self, table: &Table<'_, '_>, known: &[&str]) {
        for (key, _) in table.ordered() {
            if !known.contains(&key.get_ref().as_ref()) {
                let list = known.join(", ");
                let (nl, en) = (
                    format!("onbekende sleutel; bekend zijn: {list}"),
                    format!("unknown key; known are: {list}"),
                );
                self.report(Some(key.span().start), &table.path_of(key.get_ref()), &nl, &en);
            }
        }
    }

    fn wrong_type(&mut self, at: usize, path: &str, nl: &str, en: &str) {
        self.report(
            Some(at),
            path,
            &format!("verkeerde soort waarde; verwacht {nl}"),
            &format!("wrong type of value; expected {en}"),
        );
    }

    fn missing(&mut self, table: &Table<'_, '_>, key: &str) {
        self.report(Some(table.at), &table.path_of(key), "ontbreekt; vul het in", "is missing; fill it in");
    }

    /// A table that must be there.
    fn table<'a, 's>(&mut self, parent: &Table<'a, 's>, key: &str) -> Option<Table<'a, 's>> {
        let Some(value) = parent.get(key) else {
            self.missing(parent, key);
            return None;
        };
        self.as_table(value, parent.path_of(key))
    }

    fn as_table<'a, 's>(&mut self, value: &'a Spanned<DeValue<'s>>, path: String) -> Option<Table<'a, 's>> {
        let at = value.span().start;
        if let DeValue::Table(entries) = value.get_ref() {
            return Some(Table { path, at, entries });
        }
        self.wrong_type(at, &path, "een tabel", "a table");
        None
    }

    /// A text of one line that must be there.
    fn line(&mut self, table: &Table<'_, '_>, key: &str, bytes_max: usize) -> Option<String> {
        let Some(value) = table.get(key) else {
            self.missing(table, key);
            return None;
        };
        self.as_line(value, &table.path_of(key), bytes_max)
    }

    fn as_line(&mut self, value: &Spanned<DeValue<'_>>, path: &str, bytes_max: usize) -> Option<String> {
        let at = value.span().start;
        let DeValue::String(text) = value.get_ref() else {
            self.wrong_type(at, path, "een tekst tussen aanhalingstekens", "a text in quotes");
            return None;
        };
        let text = text.trim();
        if text.is_empty() || text.len() > bytes_max || text.contains(|c: char| c.is_control() && c != '\n') {
            self.report(
                Some(at),
                path,
                &format!("moet 1 tot {bytes_max} bytes tekst zijn, zonder stuurtekens"),
                &format!("must be 1 to {bytes_max} bytes of text, without control characters"),
            );
            return None;
        }
        Some(text.to_owned())
    }

    /// A text in both languages that must be there.
    fn text(&mut self, table: &Table<'_, '_>, key: &str, bytes_max: usize) -> Option<Text> {
        let both = self.table(table, key)?;
        self.keys(&both, &["nl", "en"]);
        let (nl, en) = (self.line(&both, "nl", bytes_max), self.line(&both, "en", bytes_max));
        Some(Text::new(nl?, en?))
    }

    /// One of the known words, which must be there.
    fn word<T: FromStr>(&mut self, table: &Table<'_, '_>, key: &str, known: &str) -> Option<T> {
        let word = self.line(table, key, LINE_BYTES_MAX)?;
        let read = word.parse().ok();
        if read.is_none() {
            let at = table.get(key).map(|value| value.span().start);
            let (nl, en) = (
                format!("onbekende waarde; kies uit: {known}"),
                format!("unknown value; choose from: {known}"),
            );
            self.report(at, &table.path_of(key), &nl, &en);
        }
        read
    }

    fn version(&mut self, root: &Table<'_, '_>) {
        let Some(value) = root.get("version") else { return };
        let known = matches!(value.get_ref(), DeValue::Integer(number) if number.as_str() == "1");
        if !known {
            let at = value.span().start;
            self.report(
                Some(at),
                "version",
                "deze versie kent alleen version = 1",
                "only version = 1 is known here",
            );
        }
    }

    fn default_country(&mut self, root: &Table<'_, '_>) -> Country2 {
        let Some(value) = root.get("default_country") else { return Country2::NL };
        let at = value.span().start;
        let code = self.as_line(value, "default_country", 2).unwrap_or_default();
        let country = crate::normalise::country_of(&code).filter(|country| country.as_str() == code);
        if country.is_none() {
            self.report(
                Some(at),
                "default_country",
                "geen landcode van twee hoofdletters, zoals \"NL\" (ISO 3166-1)",
                "not a country code of two capitals, such as \"NL\" (ISO 3166-1)",
            );
        }
        country.unwrap_or_default()
    }

    fn too_many(&mut self, table: &Table<'_, '_>, max: usize) -> bool {
        let too_many = table.entries.len() > max;
        if too_many {
            self.report(Some(table.at), &table.path, &format!("meer dan {max}"), &format!("more than {max}"));
        }
        too_many
    }

    fn name<T: FromStr>(&mut self, key: &Spanned<std::borrow::Cow<'_, str>>, path: &str) -> Option<T> {
        let name = key.get_ref().parse().ok();
        if name.is_none() {
            self.report(
                Some(key.span().start),
                path,
                "een naam is een kleine letter en dan kleine letters, cijfers, _ of . (hoogstens 64); zet een naam met een punt tussen aanhalingstekens",
                "a name is a small letter and then small letters, digits, _ or . (at most 64); put a name with a dot in quotes",
            );
        }
        name
    }

    fn fields(&mut self, root: &Table<'_, '_>) -> Vec<FieldDef> {
        let Some(table) = self.table(root, "fields") else { return Vec::new() };
        if self.too_many(&table, FIELDS_MAX) {
            return Vec::new();
        }
        let kinds = FieldKind::ALL.map(FieldKind::id).join(", ");
        let mut fields = Vec::with_capacity(table.entries.len());
        for (key, value) in table.ordered() {
            let path = table.path_of(key.get_ref());
            let name: Option<FieldName> = self.name(key, &path);
            let Some(entry) = self.as_table(value, path) else { continue };
            self.keys(&entry, &["kind", "nl", "en"]);
            let kind = self.word(&entry, "kind", &kinds);
            let (nl, en) = (self.line(&entry, "nl", LINE_BYTES_MAX), self.line(&entry, "en", LINE_BYTES_MAX));
            if let (Some(name), Some(kind), Some(nl), Some(en)) = (name, kind, nl, en) {
                fields.push(FieldDef { name, kind, label: Text::new(nl, en) });
            }
        }
        fields
    }

    fn purposes(&mut self, root: &Table<'_, '_>, fields: &[FieldDef]) -> Vec<Purpose> {
        let Some(table) = self.table(root, "purposes") else { return Vec::new() };
        if self.too_many(&table, PURPOSES_MAX) {
            return Vec::new();
        }
        // A field with a problem of its own is declared all the same: one mistake, one report.
        let declared: HashSet<String> = match root.get("fields").map(Spanned::get_ref) {
            Some(DeValue::Table(entries)) => {
                entries.iter().map(|(key, _)| key.get_ref().to_string()).collect()
            }
            _ => fields.iter().map(|def| def.name.to_string()).collect(),
        };
        let mut purposes = Vec::with_capacity(table.entries.len());
        for (key, value) in table.ordered() {
            let path = table.path_of(key.get_ref());
            let id: Option<PurposeId> = self.name(key, &path);
            let Some(entry) = self.as_table(value, path) else { continue };
            purposes.extend(self.purpose(id, &entry, &declared));
        }
        purposes
    }

    fn purpose(
        &mut self,
        id: Option<PurposeId>,
        table: &Table<'_, '_>,
        declared: &HashSet<String>,
    ) -> Option<Purpose> {
        self.keys(
            table,
            &[
                "name",
                "basis",
                "law",
                "balancing",
                "class",
                "required",
                "optional",
                "recipients",
                "retention",
            ],
        );
        let name = self.text(table, "name", LINE_BYTES_MAX);
        let basis: Option<LegalBasis> =
            self.word(table, "basis", &LegalBasis::ALL.map(LegalBasis::id).join(", "));
        let law = self.line(table, "law", LINE_BYTES_MAX);
        let class: Option<RetentionClass> =
            self.word(table, "class", &RetentionClass::ALL.map(RetentionClass::id).join(", "));
        let balancing =
            table.get("balancing").and_then(|_| self.text(table, "balancing", BALANCING_BYTES_MAX));
        let mut fields = Vec::new();
        for (key, need) in [("required", Need::Required), ("optional", Need::Optional)] {
            self.uses(table, key, need, declared, &mut fields);
        }
        if fields.is_empty() {
            self.report(
                Some(table.at),
                &table.path,
                "dit doel gebruikt geen enkel gegeven; vul required of optional",
                "this purpose uses no field; fill required or optional",
            );
        }
        let recipients = self.recipients(table);
        let retention = self.retention(table);
        let (basis, class, retention) = (basis?, class?, retention?);
        self.agree(table, basis, class, retention);
        Some(Purpose {
            id: id?,
            name: name?,
            basis,
            law: law?,
            balancing,
            fields,
            recipients,
            class,
            retention,
        })
    }

    /// Adds the fields of one need.
    fn uses(
        &mut self,
        table: &Table<'_, '_>,
        key: &str,
        need: Need,
        declared: &HashSet<String>,
        fields: &mut Vec<FieldUse>,
    ) {
        let path = table.path_of(key);
        for value in self.list(table, key, FIELDS_MAX) {
            let at = Some(value.span().start);
            let Some(name) = self.as_line(value, &path, LINE_BYTES_MAX) else { continue };
            let Ok(field) = FieldName::parse(&name) else {
                self.report(at, &path, "geen naam van een gegeven", "not the name of a field");
                continue;
            };
            if !declared.contains(field.as_str()) {
                let (nl, en) = (
                    format!("het gegeven {field} staat niet onder [fields]; zet het daar"),
                    format!("the field {field} is not under [fields]; declare it there"),
                );
                self.report(at, &path, &nl, &en);
            } else if fields.iter().any(|used| used.field == field) {
                let (nl, en) = (
                    format!("het gegeven {field} staat er twee keer"),
                    format!("the field {field} is there twice"),
                );
                self.report(at, &path, &nl, &en);
            } else {
                fields.push(FieldUse { field, need });
            }
        }
    }

    /// A list that may be left out.
    fn list<'a, 's>(
        &mut self,
        table: &Table<'a, 's>,
        key: &str,
        max: usize,
    ) -> Vec<&'a Spanned<DeValue<'s>>> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let (at, path) = (value.span().start, table.path_of(key));
        let DeValue::Array(values) = value.get_ref() else {
            self.wrong_type(at, &path, "een lijst", "a list");
            return Vec::new();
        };
        if values.len() > max {
            self.report(Some(at), &path, &format!("meer dan {max}"), &format!("more than {max}"));
        }
        values.iter().take(max).collect()
    }

    fn recipients(&mut self, table: &Table<'_, '_>) -> Vec<String> {
        let path = table.path_of("recipients");
        let values = self.list(table, "recipients", RECIPIENTS_MAX);
        values.into_iter().filter_map(|value| self.as_line(value, &path, LINE_BYTES_MAX)).collect()
    }

    fn retention(&mut self, table: &Table<'_, '_>) -> Option<Retention> {
        let retention = self.table(table, "retention")?;
        self.keys(&retention, &["start", "keep", "action"]);
        let start: Option<StartEvent> =
            self.word(&retention, "start", &StartEvent::ALL.map(StartEvent::id).join(", "));
        let keep: Option<Period> = self.word(&retention, "keep", "ISO 8601: P7Y, P18M, P2W, P30D");
        let action: Option<RetentionAction> =
            self.word(&retention, "action", &RetentionAction::ALL.map(RetentionAction::id).join(", "));
        Some(Retention { start: start?, keep: keep?, action: action? })
    }

    /// Reports where basis, class, retention and balancing contradict each other.
    fn agree(
        &mut self,
        table: &Table<'_, '_>,
        basis: LegalBasis,
        class: RetentionClass,
        retention: Retention,
    ) {
        let right_class = match basis {
            LegalBasis::LegalObligation => RetentionClass::Tax,
            LegalBasis::Consent | LegalBasis::SoftOptIn => RetentionClass::Marketing,
            LegalBasis::Contract | LegalBasis::LegitimateInterest => RetentionClass::Profile,
        };
        if class != right_class {
            // A class is erased as a whole; mixing bases would keep with the invoice what only consent carries.
            let nl = format!(
                "bij de grondslag {basis} hoort class = \"{right_class}\", want een klasse wordt in haar geheel gewist"
            );
            let en = format!(
                "the basis {basis} goes with class = \"{right_class}\", because a class is erased as a whole"
            );
            self.report(Some(table.at), &table.path_of("class"), &nl, &en);
        }
        if basis == LegalBasis::LegitimateInterest && table.get("balancing").is_none() {
            self.report(
                Some(table.at),
                &table.path_of("balancing"),
                "een gerechtvaardigd belang vraagt een afweging (AVG art. 6 lid 1 onder f); schrijf waarom het belang van de winkel zwaarder weegt",
                "a legitimate interest needs balancing (GDPR art. 6(1)(f)); write why the shop's interest weighs more",
            );
        }
        let on_consent = class == RetentionClass::Marketing;
        if retention.start == StartEvent::ConsentWithdrawn && !on_consent {
            self.report(
                Some(table.at),
                &table.path_of("retention.start"),
                "consent_withdrawn past alleen bij de grondslag consent of soft_opt_in",
                "consent_withdrawn only goes with the basis consent or soft_opt_in",
            );
        } else if retention.keep.is_zero() && !on_consent {
            self.report(
                Some(table.at),
                &table.path_of("retention.keep"),
                "een bewaartermijn van nul bewaart niets; geef een termijn zoals P2Y",
                "a period of zero keeps nothing; give one such as P2Y",
            );
        }
    }
}
