//! Texts of the console in Dutch and English (Fluent), with numbers and dates as a Dutch reader writes them.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::types::FluentNumber;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use kluis_model::Lang;

/// Dutch texts as shipped.
pub(crate) const NL: &str = include_str!("../../i18n/nl.ftl");
/// English texts as shipped.
pub(crate) const EN: &str = include_str!("../../i18n/en.ftl");

/// Dutch time as a POSIX rule, so that no time zone files are needed (EU directive 2000/84/EC).
const DUTCH_TIME: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

/// The texts of one language.
pub(crate) struct Texts {
    lang: Lang,
    bundle: FluentBundle<FluentResource>,
    zone: TimeZone,
}

impl Texts {
    /// Returns the texts of a language; a line Fluent cannot read is left out (a test proves there is none).
    pub(crate) fn new(lang: Lang) -> Texts {
        let (source, group): (_, fn(&FluentValue, &_) -> Option<String>) = match lang {
            Lang::Nl => (NL, |value, _| number_text(value, '.')),
            Lang::En => (EN, |value, _| number_text(value, ',')),
        };
        let locale = lang_code(lang).parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![locale]);
        bundle.set_use_isolating(false);
        bundle.set_formatter(Some(group));
        let resource = match FluentResource::try_new(source.to_owned()) {
            Ok(resource) => resource,
            Err((resource, _)) => resource,
        };
        bundle.add_resource_overriding(resource);
        let zone = TimeZone::posix(DUTCH_TIME).unwrap_or(TimeZone::UTC);
        Texts { lang, bundle, zone }
    }

    /// Returns the language of these texts.
    pub(crate) fn lang(&self) -> Lang {
        self.lang
    }

    /// Returns a text with its arguments filled in, or None for an unknown key.
    pub(crate) fn find(&self, key: &str, args: Option<&FluentArgs>) -> Option<String> {
        let pattern = self.bundle.get_message(key)?.value()?;
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, args, &mut errors);
        errors.is_empty().then(|| text.into_owned())
    }

    /// Returns a text without arguments; an unknown key is shown as itself.
    pub(crate) fn get(&self, key: &str) -> String {
        self.find(key, None).unwrap_or_else(|| key.to_owned())
    }

    /// Returns a text with one argument filled in; an unknown key is shown as itself.
    pub(crate) fn with<'a>(&self, key: &str, name: &'a str, value: impl Into<FluentValue<'a>>) -> String {
        let mut args = FluentArgs::new();
        args.set(name, value);
        self.find(key, Some(&args)).unwrap_or_else(|| key.to_owned())
    }

    /// Returns a whole number with thousands separated: `12.345` in Dutch, `12,345` in English.
    pub(crate) fn number(&self, number: i64) -> String {
        group_digits(number, if self.lang == Lang::Nl { '.' } else { ',' })
    }

    /// Returns a Unix time in ms as a day in Dutch time: `24 november 2026`.
    pub(crate) fn date(&self, time_ms: i64) -> String {
        let Ok(time) = Timestamp::from_millisecond(time_ms) else {
            return String::new();
        };
        let day = time.to_zoned_datetime(self.zone.clone()).date();
        let month = usize::try_from(day.month()).ok().and_then(|month| self.lang.month(month)).unwrap_or("");
        format!("{} {month} {}", day.day(), day.year())
    }

    /// Returns a Unix time in ms as a day and a minute in Dutch time: `24 november 2026, 03:37`.
    pub(crate) fn date_time(&self, time_ms: i64) -> String {
        let Ok(time) = Timestamp::from_millisecond(time_ms) else {
            return String::new();
        };
        let clock = time.to_zoned_datetime(self.zone.clone()).time();
        format!("{}, {:02}:{:02}", self.date(time_ms), clock.hour(), clock.minute())
    }
}

/// Returns the code of a language for `lang` attributes and cookies (BCP 47).
pub(crate) fn lang_code(lang: Lang) -> &'static str {
    match lang {
        Lang::Nl => "nl",
        Lang::En => "en",
    }
}

/// Returns a Unix time in ms as RFC 3339 text in UTC, for `datetime` attributes.
pub(crate) fn machine_time(time_ms: i64) -> String {
    Timestamp::from_millisecond(time_ms).map(|time| time.to_string()).unwrap_or_default()
}

/// Returns the text of a Fluent number, or None for anything else.
fn number_text(value: &FluentValue, separator: char) -> Option<String> {
    match value {
        FluentValue::Number(FluentNumber { value, .. }) if value.fract() == 0.0 && value.abs() < 9e15 => {
            // Lossless: the guard keeps the value within the whole numbers an f64 holds exactly.
            #[expect(clippy::cast_possible_truncation, reason = "guarded above")]
            Some(group_digits(*value as i64, separator))
        }
        _ => None,
    }
}

/// Writes a whole number in groups of three digits.
fn group_digits(number: i64, separator: char) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3 + 1);
    if number < 0 {
        out.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_as_the_reader_writes_them() {
        let cases = [(0, "0"), (999, "999"), (1000, "1.000"), (-12_345, "-12.345"), (1_234_567, "1.234.567")];
        for (number, text) in cases {
            assert_eq!(Texts::new(Lang::Nl).number(number), text);
            assert_eq!(Texts::new(Lang::En).number(number), text.replace('.', ","));
        }
    }

    #[test]
    fn times_are_dutch_time_in_winter_and_summer() {
        // 2026-11-24T02:37:00Z, one hour later in the Netherlands; 2026-07-01T22:30:00Z is already 2 July there.
        let cases =
            [(1_795_487_820_000, "24 november 2026, 03:37"), (1_782_945_000_000, "2 juli 2026, 00:30")];
        for (time, text) in cases {
            assert_eq!(Texts::new(Lang::Nl).date_time(time), text);
        }
        assert_eq!(Texts::new(Lang::En).date(i64::MAX), "", "outside the calendar");
    }

    #[test]
    fn unknown_keys_are_none_and_shown_as_themselves() {
        let texts = Texts::new(Lang::Nl);
        assert_eq!(texts.find("no-such-key", None), None);
        assert_eq!(texts.get("no-such-key"), "no-such-key");
    }
}
