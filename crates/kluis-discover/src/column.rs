//! Decides what a column holds by all of its cells: pass rate against chance, and what its name says; never by one hit.

use std::collections::BTreeMap;

use kluis_model::{Lang, Pii};
use serde::{Deserialize, Serialize};

use crate::detect::cell::{self, FORMS, Form};
use crate::detect::{Certainty, Scanner};
use crate::sketch::{self, Sketch};
use crate::{Header, Kind, header, mask};

/// Cells of which an example is kept, in memory only and masked before it leaves.
const SAMPLES_MAX: usize = 3;
/// Bytes of a cell that are searched for values inside.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Evidence, in natural logarithms of odds, from which a kind is believed: one in ten thousand by chance.
const ENOUGH: f64 = 9.2;
/// What a name that says nothing else adds.
const SURE_NAME: f64 = 8.0;
/// What a name that may say something else adds.
const WEAK_NAME: f64 = 4.0;
/// What a name of another kind takes away.
const OTHER_NAME: f64 = -6.0;
/// What the name of a counter or an amount takes away.
const COUNTER_NAME: f64 = -9.0;
/// What the name of a thing takes away.
const THING_NAME: f64 = -9.0;
/// Most evidence that cells give, so that very long columns stay comparable.
const EVIDENCE_MAX: f64 = 1e6;
/// Share from which a value of another kind in a column is told.
const MIXED_SHARE: f64 = 0.02;

/// How a kind shows in cells.
struct Sign {
    kind: Kind,
    /// The form that passes.
    pass: Form,
    /// The form among which passing counts; `None`: every filled cell.
    among: Option<Form>,
    /// How many cells of this kind pass.
    hit: f64,
    /// How many other cells of that form pass by chance.
    chance: f64,
    /// Whether it takes a name of this kind to believe it.
    needs_name: bool,
}

const fn sign(kind: Kind, pass: Form, among: Option<Form>, hit: f64, chance: f64, needs_name: bool) -> Sign {
    Sign { kind, pass, among, hit, chance, needs_name }
}

/// Check digits first: one in eleven numbers passes the eleven test, one in ten Luhn, one in 97 that of an IBAN; then forms
/// that little else has; then lists of names, of which about half of the people are in.
const SIGNS: [Sign; 24] = [
    sign(Kind::Bsn, Form::Bsn, Some(Form::BsnShape), 0.98, 1.0 / 11.0, false),
    sign(Kind::Card, Form::Card, Some(Form::CardShape), 0.98, 0.05, false),
    sign(Kind::Iban, Form::Iban, None, 0.97, 0.0005, false),
    sign(Kind::Vat, Form::Vat, None, 0.9, 0.001, false),
    sign(Kind::Imei, Form::Imei, None, 0.98, 0.1, true),
    sign(Kind::Email, Form::Email, None, 0.97, 0.001, false),
    sign(Kind::Phone, Form::Phone, None, 0.9, 0.02, false),
    sign(Kind::Postcode, Form::Postcode, None, 0.9, 0.005, false),
    sign(Kind::Ip, Form::Ip, None, 0.97, 0.002, false),
    sign(Kind::Mac, Form::Mac, None, 0.97, 0.0005, false),
    sign(Kind::Plate, Form::Plate, None, 0.95, 0.002, false),
    sign(Kind::Plate, Form::PlateBare, None, 0.95, 0.05, true),
    sign(Kind::IdDocument, Form::Document, None, 0.9, 0.01, true),
    sign(Kind::Kvk, Form::Kvk, None, 0.9, 0.1, true),
    sign(Kind::DrivingLicence, Form::TenDigits, None, 0.9, 0.1, true),
    sign(Kind::PasswordHash, Form::PasswordHash, None, 0.97, 0.0001, false),
    sign(Kind::PasswordPlain, Form::WeakHash, None, 0.97, 0.05, true),
    sign(Kind::ApiKey, Form::ApiKey, None, 0.97, 0.0001, false),
    sign(Kind::Street, Form::Street, None, 0.6, 0.02, false),
    sign(Kind::FullName, Form::FullName, None, 0.5, 0.01, false),
    sign(Kind::GivenName, Form::Given, None, 0.5, 0.03, false),
    sign(Kind::Surname, Form::Surname, None, 0.45, 0.03, false),
    sign(Kind::City, Form::City, None, 0.6, 0.02, false),
    sign(Kind::Company, Form::Company, None, 0.4, 0.01, false),
];

/// Counts the cells of one column; memory does not grow with their number.
#[derive(Debug)]
pub struct Column {
    header: Header,
    year: u32,
    filled: u32,
    empty: u32,
    counts: [u32; FORMS],
    /// Dates by decade from 1900.
    decades: [u32; 20],
    /// Cells that hold a value inside a text.
    inside: BTreeMap<Kind, u32>,
    sketch: Sketch,
    /// The newest whole number, and whether each was larger than the one before.
    rising: Option<(u64, bool)>,
    samples: Vec<Pii<Vec<u8>>>,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The kind; `None` when it is nobody's data.
    pub kind: Option<Kind>,
    /// Which part of the filled cells is of that kind, 0 to 1.
    pub share: f64,
    /// How certain.
    pub certainty: Certainty,
    /// Other kinds that stand in some cells, with their share, largest first.
    pub also: Vec<(Kind, f64)>,
    /// Cells with a value.
    pub filled: u32,
    /// Cells without.
    pub empty: u32,
    /// About how many different values, off by some per cent.
    pub distinct: u32,
    /// What decided, for people.
    pub why: Vec<Reason>,
    /// Examples, masked; at most three.
    pub samples: Vec<String>,
}

/// Why a column is believed to hold something, or not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Reason {
    /// So many per cent of the cells pass, where chance would let so many.
    Passes {
        /// Per cent that pass.
        percent: f64,
        /// Per cent that would pass by chance.
        chance: f64,
    },
    /// The column is called so.
    Named,
    /// The column is called so, but its values are something else.
    NamedOnly,
    /// Dates over many years, none of them recent.
    BirthYears,
    /// The values stand inside of texts.
    InText,
}

impl Reason {
    /// The reason for a shop owner.
    #[must_use]
    pub fn text(self, lang: Lang) -> String {
        match self {
            Self::Passes { percent, chance } => match lang {
                Lang::Nl => {
                    format!("{percent:.0} % van de waarden doorstaat de controle; bij toeval {chance:.1} %")
                }
                Lang::En => format!("{percent:.0} % of the values pass the check; by chance {chance:.1} %"),
            },
            Self::Named => lang.pick("de kolom heet zo", "the column is called so").to_owned(),
            Self::NamedOnly => lang
                .pick(
                    "de kolom heet zo, maar er staat iets anders in",
                    "the column is called so, but holds something else",
                )
                .to_owned(),
            Self::BirthYears => lang
                .pick("datums uit vele jaren, geen recente", "dates from many years, no recent ones")
                .to_owned(),
            Self::InText => lang.pick("het staat in lopende tekst", "it stands in running text").to_owned(),
        }
    }
}

/// A kind that may be it, with its evidence.
struct Candidate {
    kind: Kind,
    evidence: f64,
    share: f64,
    reason: Reason,
}

impl Column {
    /// Begins a column; `year` is the present one, for dates of birth.
    #[must_use]
    pub fn new(name: &str, year: u32) -> Self {
        Self {
            header: Header::read(name),
            year,
            filled: 0,
            empty: 0,
            counts: [0; FORMS],
            decades: [0; 20],
            inside: BTreeMap::new(),
            sketch: Sketch::new(),
            rising: None,
            samples: Vec::new(),
        }
    }

    /// The same in a table about things: names of people and towns do not count in it.
    pub(crate) fn of_thing(mut self) -> Self {
        self.header = self.header.of_thing();
        self
    }

    /// Counts a cell.
    pub fn add(&mut self, scanner: &Scanner, raw: &[u8]) {
        let Some(value) = cell::trim(raw) else {
            self.empty = self.empty.saturating_add(1);
            return;
        };
        self.filled = self.filled.saturating_add(1);
        let forms = cell::forms(scanner.words(), value, self.year);
        forms.count(&mut self.counts);
        self.sketch.add(sketch::hash(value));
        if forms.has(Form::Integer) {
            self.watch_rise(value);
        }
        if forms.has(Form::Date)
            && let Some(year) = cell::year(value)
        {
            let decade = (year.saturating_sub(1900) / 10) as usize;
            self.decades[decade.min(19)] += 1;
        }
        if forms.has(Form::Text) {
            self.look_inside(scanner, value);
        }
        if self.samples.len() < SAMPLES_MAX {
            self.samples.push(Pii::new(value[..value.len().min(200)].to_vec()));
        }
    }

    fn watch_rise(&mut self, digits: &[u8]) {
        let of_digit = |sum: u64, digit: &u8| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        let number = digits.iter().fold(0, of_digit);
        let is_rising = self.rising.is_none_or(|(last, is_rising)| is_rising && last < number);
        self.rising = Some((number, is_rising));
    }

    fn look_inside(&mut self, scanner: &Scanner, text: &[u8]) {
        let text = &text[..text.len().min(TEXT_BYTES_MAX)];
        let mut found: u64 = 0;
        let inside = &mut self.inside;
        scanner.scan_all(text, |hit| {
            let bit = 1 << (hit.kind.number() % 64);
            if hit.certainty >= Certainty::Likely && found & bit == 0 {
                found |= bit;
                *inside.entry(hit.kind).or_default() += 1;
            }
        });
    }

    fn of(&self, form: Form) -> f64 {
        f64::from(self.counts[form as usize])
    }

    /// What the name adds to the evidence of a kind.
    fn prior(&self, kind: Kind) -> f64 {
        let of_name = match self.header.names {
            Some((named, 2..)) if is_akin(named, kind) => SURE_NAME,
            Some((named, _)) if is_akin(named, kind) => WEAK_NAME,
            Some(_) => OTHER_NAME,
            None => 0.0,
        };
        // Numbers that only rise are handed out one after another; a check digit may pass in a row of them.
        let is_rising = self.filled >= 3 && self.rising.is_some_and(|(_, is_rising)| is_rising);
        let is_counted = is_rising && matches!(kind, Kind::Bsn | Kind::Card | Kind::Imei);
        let of_counter = if self.header.is_counter || is_counted { COUNTER_NAME } else { 0.0 };
        let of_thing = if self.header.is_thing { THING_NAME } else { 0.0 };
        of_name + of_counter + of_thing
    }

    /// Says what the column holds.
    #[must_use]
    pub fn decide(&self) -> Verdict {
        let filled = f64::from(self.filled);
        let best = self.candidates().into_iter().max_by(|a, b| a.evidence.total_cmp(&b.evidence));
        let decided = best.filter(|best| best.evidence >= ENOUGH).or_else(|| self.by_name());
        let mut also = self.others(decided.as_ref().map(|best| best.kind));
        also.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut why = Vec::new();
        if let Some(best) = &decided {
            why.push(best.reason);
            if self.header.names.is_some_and(|(named, _)| is_akin(named, best.kind))
                && best.reason != Reason::Named
            {
                why.push(Reason::Named);
            }
        } else if self.header.names.is_some() && filled > 0.0 {
            why.push(Reason::NamedOnly);
        }
        if also.iter().any(|(kind, _)| self.inside.contains_key(kind)) {
            why.push(Reason::InText);
        }
        let kind = decided.as_ref().map(|best| best.kind);
        let certainty = match &decided {
            Some(best) if best.evidence >= 2.0 * ENOUGH => Certainty::Certain,
            Some(_) => Certainty::Likely,
            None => Certainty::Possible,
        };
        let mask_as = kind.or(also.first().map(|(kind, _)| *kind)).unwrap_or(Kind::FreeText);
        let is_told = kind.is_some() || !also.is_empty();
        let samples = self.samples.iter().filter(|_| is_told);
        Verdict {
            kind,
            share: decided.map_or(0.0, |best| best.share),
            certainty,
            also,
            filled: self.filled,
            empty: self.empty,
            distinct: self.distinct(),
            why,
            samples: samples.map(|sample| mask(mask_as, sample.expose())).collect(),
        }
    }

    fn candidates(&self) -> Vec<Candidate> {
        let filled = f64::from(self.filled);
        // A value that stands there a thousand times says no more than one that stands there once.
        let weight = f64::from(self.distinct()) / filled.max(1.0);
        let mut candidates = Vec::new();
        for sign in &SIGNS {
            let passed = self.of(sign.pass);
            let among = sign.among.map_or(filled, |form| self.of(form));
            let is_named = self.header.names.is_some_and(|(named, _)| is_akin(named, sign.kind));
            if passed == 0.0 || (sign.needs_name && !is_named) || self.speaks_against_words(sign.kind) {
                continue;
            }
            // Cells of another form count against it, mildly: a column may be mixed.
            let strange = (filled - among).max(0.0);
            let evidence = passed * (sign.hit / sign.chance).ln()
                + (among - passed) * ((1.0 - sign.hit) / (1.0 - sign.chance)).ln()
                - strange * 3.0;
            let reason =
                Reason::Passes { percent: 100.0 * passed / among.max(1.0), chance: 100.0 * sign.chance };
            candidates.push(Candidate {
                kind: self.narrowed(sign.kind),
                evidence: (evidence * weight).min(EVIDENCE_MAX) + self.prior(sign.kind),
                share: passed / filled,
                reason,
            });
        }
        candidates.extend(self.birth_dates());
        candidates.extend(self.genders());
        candidates
    }

    /// Whether the name leaves no room for names, streets and towns: `product`, `opmerking`.
    fn speaks_against_words(&self, kind: Kind) -> bool {
        let is_other = |(named, sure): (Kind, u8)| sure >= 2 && !header::is_of_words(named);
        header::is_of_words(kind) && (self.header.is_thing || self.header.names.is_some_and(is_other))
    }

    /// A kind that another form of its cells makes a more serious one.
    fn narrowed(&self, kind: Kind) -> Kind {
        // A third of them with a BSN's eleven test: too many for companies' numbers is not to be said, so it is told.
        let is_old = kind == Kind::Vat && self.of(Form::VatOld) > 0.5 * self.of(Form::Vat);
        if is_old && !self.header.is_counter { Kind::VatWithBsn } else { kind }
    }

    fn birth_dates(&self) -> Option<Candidate> {
        let (filled, dates, born) = (f64::from(self.filled), self.of(Form::Date), self.of(Form::BirthDate));
        let is_named = self.header.names.is_some_and(|(named, _)| named == Kind::BirthDate);
        let spread = self.decades.iter().filter(|count| f64::from(**count) > 0.02 * dates).count();
        let is_shaped = dates >= 0.8 * filled && dates > 0.0;
        let evidence = match (is_named, is_shaped) {
            (true, true) => SURE_NAME + 3.0 * born.min(10.0),
            (false, true)
                if born >= 0.95 * dates && spread >= 4 && dates >= 20.0 && self.header.names.is_none() =>
            {
                ENOUGH + 1.0
            }
            _ => return None,
        };
        let reason = if is_named { Reason::Named } else { Reason::BirthYears };
        Some(Candidate { kind: Kind::BirthDate, evidence, share: dates / filled, reason })
    }

    /// Few different words that tell a gender; `m` and `x` alone could be sizes.
    fn genders(&self) -> Option<Candidate> {
        let (filled, told) = (f64::from(self.filled), self.of(Form::Gender));
        let is_named = self.header.names.is_some_and(|(named, _)| named == Kind::Gender);
        let fits = told >= 0.8 * filled && told > 0.0 && self.distinct() <= 8;
        // Magento and PrestaShop keep 1, 2 and 3.
        if is_named && self.of(Form::Integer) >= 0.8 * filled && self.distinct() <= 4 {
            return Some(Candidate {
                kind: Kind::Gender,
                evidence: SURE_NAME + 2.0,
                share: self.of(Form::Integer) / filled,
                reason: Reason::Named,
            });
        }
        (is_named && fits).then_some(Candidate {
            kind: Kind::Gender,
            evidence: SURE_NAME + 2.0 * told.min(20.0),
            share: told / filled,
            reason: Reason::Named,
        })
    }

    /// What only the name tells, when the values do not speak against it.
    fn by_name(&self) -> Option<Candidate> {
        let (kind, sure) = self.header.names.filter(|_| self.filled > 0)?;
        let filled = f64::from(self.filled);
        let (plain, whole, text) = (self.of(Form::Plain), self.of(Form::Integer), self.of(Form::Text));
        let fits = match kind {
            Kind::GivenName | Kind::Surname | Kind::City | Kind::FullName | Kind::Gender => {
                plain >= 0.8 * filled
            }
            Kind::Company | Kind::Street | Kind::Special(_) => whole < 0.5 * filled,
            // An addition of its own is `a`, `bis` or `2`.
            Kind::HouseNumber => self.of(Form::HouseNumber) + plain >= 0.5 * filled,
            Kind::Postcode => text < 0.2 * filled,
            Kind::Phone => self.of(Form::Phone) + self.of(Form::CompanyPhone) + whole >= 0.5 * filled,
            Kind::FreeText | Kind::CookieId => true,
            // A password that is no hash can be read.
            Kind::PasswordHash => return self.password(),
            _ => false,
        };
        (fits && (sure >= 2 || kind == Kind::FullName || kind == Kind::Surname)).then_some(Candidate {
            kind,
            evidence: SURE_NAME,
            share: 1.0,
            reason: Reason::Named,
        })
    }

    fn password(&self) -> Option<Candidate> {
        let hashed = self.of(Form::PasswordHash);
        let is_readable = hashed < 0.5 * f64::from(self.filled);
        is_readable.then_some(Candidate {
            kind: Kind::PasswordPlain,
            evidence: SURE_NAME,
            share: 1.0 - hashed / f64::from(self.filled),
            reason: Reason::Named,
        })
    }

    /// Kinds that stand in a part of the cells: whole, or inside of a text.
    fn others(&self, decided: Option<Kind>) -> Vec<(Kind, f64)> {
        let filled = f64::from(self.filled).max(1.0);
        let mut others: BTreeMap<Kind, f64> = BTreeMap::new();
        for (kind, form) in [
            (Kind::Email, Form::Email),
            (Kind::Iban, Form::Iban),
            (Kind::Card, Form::Card),
            (Kind::Phone, Form::Phone),
            (Kind::Ip, Form::Ip),
            (Kind::PasswordHash, Form::PasswordHash),
            (Kind::ApiKey, Form::ApiKey),
        ] {
            let share = self.of(form) / filled;
            let is_chance =
                matches!(kind, Kind::Card | Kind::Phone) && (self.header.is_counter || self.of(form) < 5.0);
            if share >= MIXED_SHARE && !is_chance {
                others.insert(kind, share);
            }
        }
        // One in eleven passes anyhow: only what is beyond that, and by far, is told.
        let shaped = self.of(Form::BsnShape);
        if shaped >= 50.0 && !self.header.is_counter {
            let (p, chance) = (self.of(Form::Bsn) / shaped, 1.0 / 11.0);
            let far = (p - chance) / (chance * (1.0 - chance) / shaped).sqrt();
            let share = (p - chance) / (1.0 - chance) * shaped / filled;
            if far > 6.0 && share >= MIXED_SHARE {
                others.insert(Kind::Bsn, share);
            }
        }
        for (kind, cells) in &self.inside {
            let share = f64::from(*cells) / filled;
            let known = others.entry(*kind).or_default();
            *known = known.max(share);
        }
        others
            .into_iter()
            .filter(|(kind, _)| decided.is_none_or(|decided| !is_akin(decided, *kind)))
            .collect()
    }

    /// About how many different values there are.
    fn distinct(&self) -> u32 {
        u32::try_from(self.sketch.estimate())
            .unwrap_or(u32::MAX)
            .clamp(u32::from(self.filled > 0), self.filled)
    }
}

/// Whether a name of one kind speaks for another one too.
fn is_akin(named: Kind, kind: Kind) -> bool {
    named == kind
        || matches!(
            (named, kind),
            (Kind::Vat, Kind::VatWithBsn)
                | (Kind::PasswordHash, Kind::PasswordPlain)
                | (Kind::Postcode, Kind::Address)
                | (Kind::FullName, Kind::GivenName | Kind::Surname)
                | (Kind::Street, Kind::Address)
        )
}

#[cfg(test)]
#[path = "column_tests.rs"]
mod tests;
