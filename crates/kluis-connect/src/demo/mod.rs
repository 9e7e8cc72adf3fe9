//! Invented Dutch customers: the same for the same seed and number, for demonstrations, tests and benchmarks.
//!
//! Names, streets and places are common ones put together by chance; e-mail addresses end in `.example`, a domain that
//! nobody can have (RFC 2606). There is no range of Dutch telephone numbers that is reserved for fiction, so a number
//! may exist by chance: nobody is called from here.

mod flavour;
mod words;

use kluis_model::{PiiText, StartEvent, TimeMs};

use crate::reader::RawConsent;
use words::{CITIES, DOMAINS, FEMALE_NAMES, INFIXES, MALE_NAMES, STREETS, SUFFIXES, SURNAMES, TRADES};

pub use flavour::Flavour;

/// A source of invented customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demo {
    seed: u64,
    now: TimeMs,
}

/// One invented customer.
#[derive(Debug, Clone)]
pub struct DemoCustomer {
    /// The e-mail address; no other customer of the same seed has it.
    pub email: PiiText,
    /// Values by field name, the e-mail address too, none empty.
    pub fields: Vec<(String, PiiText)>,
    /// Consent for the newsletter, from about half of them.
    pub consents: Vec<RawConsent>,
    /// When they became a customer, and for most the last completed order.
    pub events: Vec<(StartEvent, TimeMs)>,
}

/// The choices that make a customer; everything else follows from them.
struct Person {
    number: u64,
    given: &'static str,
    is_female: bool,
    infix: &'static str,
    surname: &'static str,
    domain: &'static str,
    city: &'static words::City,
    street: &'static str,
    house_number: u16,
    suffix: &'static str,
    postcode: [u8; 6],
    phone: [u8; 12],
    birth_date: [u8; 10],
    /// Trade and company number, when they buy for a company.
    company: Option<(&'static str, u32)>,
    has_consent: bool,
    created: TimeMs,
    ordered: Option<TimeMs>,
}

/// A small generator of our own (SplitMix64, Steele et al. 2014): good enough for choices, not for secrets.
struct Choices(u64);

impl Choices {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns a number below `limit`, as good as evenly spread.
    fn below(&mut self, limit: u64) -> u64 {
        u64::try_from((u128::from(self.next()) * u128::from(limit)) >> 64).unwrap_or(0)
    }

    /// Returns a number below `limit`, small ones far more often: as with real surnames and cities.
    fn skewed(&mut self, limit: usize) -> usize {
        let limit = limit as u64;
        let (a, b) = (self.below(limit), self.below(limit));
        usize::try_from(a.min(b)).unwrap_or(0)
    }

    fn word(&mut self, list: &[&'static str]) -> &'static str {
        list[self.skewed(list.len())]
    }

    fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }
}

const DAY_MS: i64 = 86_400_000;

impl Demo {
    /// Makes a source; `now` is the moment before which everything happened.
    #[must_use]
    pub const fn new(seed: u64, now: TimeMs) -> Self {
        Self { seed, now }
    }

    /// Returns customer number `n`; the same one whenever it is asked.
    #[must_use]
    pub fn customer(&self, n: u64) -> DemoCustomer {
        let person = self.person(n);
        let mut fields = Vec::with_capacity(20);
        for name in flavour::FIELDS {
            let mut value = String::new();
            person.push_field(name, &mut value);
            if !value.is_empty() {
                fields.push((name.to_owned(), PiiText::from(value)));
            }
        }
        let mut email = String::new();
        person.push_field("email", &mut email);
        let consents = if person.has_consent {
            let (purpose, source) = ("newsletter".to_owned(), "demo".to_owned());
            vec![RawConsent { purpose, given: true, at: Some(person.created), source }]
        } else {
            Vec::new()
        };
        let mut events = vec![(StartEvent::Created, person.created)];
        events.extend(person.ordered.map(|at| (StartEvent::OrderCompleted, at)));
        DemoCustomer { email: PiiText::from(email), fields, consents, events }
    }

    fn person(&self, number: u64) -> Person {
        let mut choices = Choices(self.seed ^ number.wrapping_mul(0xD605_BBB5_8C8A_BC63));
        let c = &mut choices;
        c.next();
        let is_female = c.percent(52);
        let given = c.word(if is_female { &FEMALE_NAMES } else { &MALE_NAMES });
        let infix = if c.percent(30) { c.word(&INFIXES) } else { "" };
        let city = &CITIES[c.skewed(CITIES.len())];
        let company = c.percent(8).then(|| (c.word(&TRADES), 10_000_000 + below_u32(c, 85_000_000)));
        let age_days = 18 * 366 + i64::try_from(c.below(62 * 365)).unwrap_or(0);
        let mut birth_date = [b'0'; 10];
        write_date(TimeMs(self.now.0 - age_days * DAY_MS), &mut birth_date);
        let since = i64::try_from(c.below(6 * 365 * 86_400)).unwrap_or(0);
        // Whole seconds: exports do not know milliseconds.
        let created = TimeMs((self.now.0 / 1_000 - since) * 1_000);
        let ordered = c.percent(80).then(|| TimeMs((self.now.0 / 1_000 - since * 2 / 3) * 1_000));
        Person {
            number,
            given,
            is_female,
            infix,
            surname: c.word(&SURNAMES),
            domain: c.word(&DOMAINS),
            city,
            street: c.word(&STREETS),
            house_number: 1 + u16::try_from(c.skewed(320)).unwrap_or(0),
            suffix: if c.percent(18) { c.word(&SUFFIXES) } else { "" },
            postcode: postcode(c, city),
            phone: phone(c, city),
            birth_date,
            company,
            has_consent: c.percent(45),
            created,
            ordered,
        }
    }
}

fn below_u32(choices: &mut Choices, limit: u32) -> u32 {
    u32::try_from(choices.below(u64::from(limit))).unwrap_or(0)
}

/// Makes a postcode of the city: the letters SA, SD and SS are not given out.
fn postcode(choices: &mut Choices, city: &words::City) -> [u8; 6] {
    const LETTERS: &[u8; 20] = b"ABCDEGHJKLMNPRSTVWXZ";
    let span = u64::from(city.last_postcode - city.first_postcode) + 1;
    let number = city.first_postcode + u16::try_from(choices.below(span)).unwrap_or(0);
    let mut code = [0; 6];
    write_number(u64::from(number), &mut code[..4]);
    let letter = |n: u64| LETTERS[usize::try_from(n).unwrap_or(0) % LETTERS.len()];
    code[4] = letter(choices.below(20));
    code[5] = letter(choices.below(20));
    if code[4] == b'S' && matches!(code[5], b'A' | b'D' | b'S') {
        code[5] = b'B';
    }
    code
}

/// Makes a telephone number in E.164: 85 in 100 mobile (`+316` and 1–5 or 8), the others in the city's area.
fn phone(choices: &mut Choices, city: &words::City) -> [u8; 12] {
    let mut number = *b"+31600000000";
    if choices.percent(85) {
        let first = b"123458"[usize::try_from(choices.below(6)).unwrap_or(0)];
        number[4] = first;
        write_number(choices.below(10_000_000), &mut number[5..]);
    } else {
        let area = city.area.as_bytes();
        number[3..3 + area.len()].copy_from_slice(area);
        // Subscriber numbers do not start with 0 or 1.
        number[3 + area.len()] = b'2' + u8::try_from(choices.below(7)).unwrap_or(0);
        let rest = &mut number[4 + area.len()..];
        let limit = 10_u64.pow(u32::try_from(rest.len()).unwrap_or(0));
        write_number(choices.below(limit), rest);
    }
    number
}

/// Writes a number with leading zeros.
fn write_number(mut number: u64, into: &mut [u8]) {
    for digit in into.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

/// Writes the date of a moment as `YYYY-MM-DD` (civil from days, Howard Hinnant); years 0 to 9999.
fn write_date(at: TimeMs, into: &mut [u8; 10]) {
    let days = at.day() + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let put = |number: i64, into: &mut [u8]| write_number(u64::try_from(number).unwrap_or(0), into);
    put(year, &mut into[..4]);
    into[4] = b'-';
    put(month, &mut into[5..7]);
    into[7] = b'-';
    put(day, &mut into[8..]);
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    const NOW: TimeMs = TimeMs(1_795_000_000_000);

    #[test]
    fn addresses_are_unique_and_belong_to_nobody() {
        let demo = Demo::new(7, NOW);
        let mut seen = HashSet::new();
        for n in 0..20_000 {
            let customer = demo.customer(n);
            let email = customer.email.expose();
            assert!(email.ends_with(".example") && email.is_ascii(), "customer {n}");
            assert!(seen.insert(email.clone()), "customer {n}");
        }
    }

    #[test]
    fn values_are_valid() {
        let demo = Demo::new(1, NOW);
        for n in 0..5_000 {
            let customer = demo.customer(n);
            let get = |name: &str| {
                customer.fields.iter().find(|(f, _)| f == name).map(|(_, v)| v.expose().as_str())
            };
            let phone = get("phone").unwrap();
            assert!(phone.len() == 12 && phone[1..].bytes().all(|b| b.is_ascii_digit()), "customer {n}");
            let code = get("postcode").unwrap();
            assert!(code.len() == 6 && !["SA", "SD", "SS"].contains(&&code[4..]) && !code.starts_with('0'));
            let birth = get("birth_date").unwrap();
            assert!(("1940".."2009").contains(&&birth[..4]), "customer {n}");
            if let Some(vat) = get("vat_number") {
                let digits: u128 = format!("2321{}11{}", &vat[2..11], &vat[12..]).parse().unwrap();
                assert_eq!(digits % 97, 1, "customer {n}");
            }
            assert_eq!(get("country"), Some("NL"));
        }
    }

    #[test]
    fn the_default_register_takes_every_value_as_it_is() {
        use kluis_model::{Country2, DEFAULT_REGISTER, Register, normalise};
        let register = Register::parse(DEFAULT_REGISTER).unwrap();
        let demo = Demo::new(2, NOW);
        for n in 0..3_000 {
            for (name, value) in demo.customer(n).fields {
                let kind = register.field(&name).unwrap_or_else(|| panic!("no field {name}")).kind;
                let normal = normalise(kind, value.expose(), Country2::NL);
                let normal = normal.unwrap_or_else(|problem| panic!("customer {n}, {name}: {problem}"));
                assert_eq!(normal.value.expose(), value.expose(), "customer {n}, {name}");
            }
        }
    }

    #[test]
    fn dates_are_those_of_the_clock() {
        for day in -30_000..40_000_i64 {
            let at = TimeMs(day * DAY_MS + 5);
            let mut written = [0; 10];
            write_date(at, &mut written);
            assert_eq!(std::str::from_utf8(&written).unwrap(), at.date());
        }
    }

    proptest! {
        #[test]
        fn any_customer_can_be_asked_for(seed: u64, n: u64) {
            let demo = Demo::new(seed, NOW);
            let (one, two) = (demo.customer(n), demo.customer(n));
            prop_assert!(one.fields == two.fields && one.consents == two.consents && one.events == two.events);
            prop_assert!(one.fields.iter().all(|(_, value)| !value.expose().is_empty()));
        }
    }
}
