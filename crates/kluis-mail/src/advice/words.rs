//! Numbers and lists as people write them, in Dutch and English.

use kluis_model::{Lang, Text, TimeMs};

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// A text of the same words in both languages, apart from what `say` picks.
pub(super) fn both(say: impl Fn(Lang) -> String) -> Text {
    Text::new(say(Lang::Nl), say(Lang::En))
}

/// One, or the number and many: `1 bericht`, `2 berichten`.
pub(super) fn counted(value: u64, (one, many): (&str, &str), lang: Lang) -> String {
    if value == 1 { one.to_owned() } else { format!("{} {many}", lang.number(value)) }
}

/// A share with one decimal, rounded down so that less than everything never reads as 100 %: `99,4 %`, `99.4%`.
pub(super) fn percent(part: u64, of: u64, lang: Lang) -> String {
    let tenths = if of == 0 { 0 } else { u128::from(part.min(of)) * 1_000 / u128::from(of) };
    let (whole, tenth) = (tenths / 10, tenths % 10);
    let decimals = if tenth == 0 { String::new() } else { format!("{}{tenth}", lang.pick(",", ".")) };
    format!("{whole}{decimals}{}", lang.pick(" %", "%"))
}

/// A day as `YYYY-MM-DD`.
pub(super) fn date(day: i32) -> String {
    TimeMs(i64::from(day).saturating_mul(DAY_MS)).date()
}

/// `a, b en c`; at most `most` names, then how many more.
pub(super) fn list(names: &[String], most: usize, lang: Lang) -> String {
    let shown = &names[..names.len().min(most)];
    if shown.len() < names.len() {
        let more = names.len() - shown.len();
        return format!(
            "{} {} {more} {}",
            shown.join(", "),
            lang.pick("en", "and"),
            lang.pick("andere", "more")
        );
    }
    match shown {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} {} {last}", before.join(", "), lang.pick("en", "and")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_shares_and_lists() {
        assert_eq!((Lang::Nl.number(0), Lang::En.number(999)), ("0".into(), "999".into()));
        assert_eq!(
            (Lang::Nl.number(1_204), Lang::En.number(1_234_567)),
            ("1.204".into(), "1,234,567".into())
        );
        assert_eq!(
            (percent(995, 1_000, Lang::Nl), percent(1, 1, Lang::En)),
            ("99,5 %".into(), "100%".into())
        );
        assert_eq!(
            (percent(999_999, 1_000_000, Lang::En), percent(0, 0, Lang::Nl)),
            ("99.9%".into(), "0 %".into())
        );
        assert_eq!(date(20_782), "2026-11-25");
        let names: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        assert_eq!(
            (list(&names, 3, Lang::Nl), list(&names, 1, Lang::En)),
            ("a, b en c".into(), "a and 2 more".into())
        );
        assert_eq!((list(&names[..1], 3, Lang::Nl), list(&[], 3, Lang::Nl)), ("a".into(), String::new()));
    }
}
