//! Names of people, streets and towns as they are written, initials, gender, and the folded tokens names are found by.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::{VALUE_BYTES_MAX, ValueProblem, line};

/// Most tokens of a name.
pub const NAME_TOKENS_MAX: usize = 16;
/// The longest token, in bytes.
const TOKEN_BYTES_MAX: usize = 64;

/// Words that stand in front of a Dutch or neighbouring family name and are often left out or put elsewhere.
const INFIXES: [&str; 37] = [
    "van", "de", "der", "den", "het", "t", "ten", "ter", "te", "tot", "toe", "op", "in", "aan", "bij",
    "onder", "over", "uit", "voor", "von", "vom", "zu", "zum", "zur", "d", "da", "dal", "del", "della", "di",
    "do", "dos", "du", "el", "al", "la", "le",
];

/// Returns a name as it is written; one without any letter or digit, such as `-`, is empty.
pub(super) fn normalise(raw: &str) -> Result<String, ValueProblem> {
    let line = line(raw, VALUE_BYTES_MAX)?;
    let has_sign = if line.is_ascii() {
        line.bytes().any(|byte| byte.is_ascii_alphanumeric())
    } else {
        line.contains(char::is_alphanumeric)
    };
    if has_sign { Ok(line.into_owned()) } else { Err(ValueProblem::Empty) }
}

/// Returns what a family name is compared by: its folded tokens without the infixes in front, so that `de Vries`,
/// `Vries` and `VRIÉS` meet.
pub(super) fn surname_key(value: &str) -> String {
    let tokens = name_tokens(value);
    let infixes = tokens.iter().take_while(|token| INFIXES.contains(&token.as_str())).count();
    let rest = if infixes < tokens.len() { &tokens[infixes..] } else { &tokens[..] };
    // A name in signs that fold to nothing is compared as it is written.
    if rest.is_empty() { value.to_owned() } else { rest.join(" ") }
}

/// Returns the tokens a name is found by: NFKD, marks taken off, lower case, ligatures such as ĳ and ß written out,
/// split at everything that is no letter or digit; infixes are tokens of their own. At most [`NAME_TOKENS_MAX`].
#[must_use]
pub fn name_tokens(text: &str) -> Vec<String> {
    let mut tokens = Tokens::default();
    if text.is_ascii() {
        for byte in text.bytes() {
            tokens.push(char::from(byte.to_ascii_lowercase()));
        }
    } else {
        for c in text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
            match written_out(c) {
                Some(letters) => letters.chars().for_each(|letter| tokens.push(letter)),
                // Lower-casing can bring a mark of its own, as with İ.
                None if is_combining_mark(c) => {}
                None => tokens.push(c),
            }
        }
    }
    tokens.finish()
}

/// Letters that NFKD leaves whole.
const fn written_out(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ł' => "l",
        'þ' => "th",
        'ı' => "i",
        _ => return None,
    })
}

#[derive(Default)]
struct Tokens {
    done: Vec<String>,
    open: String,
}

impl Tokens {
    fn push(&mut self, c: char) {
        if !c.is_alphanumeric() {
            self.close();
        } else if self.open.len() + c.len_utf8() <= TOKEN_BYTES_MAX {
            self.open.push(c);
        }
    }

    fn close(&mut self) {
        if !self.open.is_empty() && self.done.len() < NAME_TOKENS_MAX {
            self.done.push(std::mem::take(&mut self.open));
        }
        self.open.clear();
    }

    fn finish(mut self) -> Vec<String> {
        self.close();
        self.done
    }
}

/// Returns initials with a full stop after each: `jp`, `J P` and `J.P` are `J.P.`; `Th.` stays one.
pub(super) fn initials(raw: &str) -> Result<String, ValueProblem> {
    let line = line(raw, VALUE_BYTES_MAX)?;
    let is_separator = |c: char| matches!(c, '.' | ' ' | '-' | ',');
    if line.contains(|c: char| !is_separator(c) && !c.is_alphabetic() && !is_combining_mark(c)) {
        return Err(ValueProblem::Malformed);
    }
    let has_separator = line.contains(is_separator);
    let mut out = String::with_capacity(2 * line.len());
    for piece in line.split(is_separator).filter(|piece| !piece.is_empty()) {
        let has_small_rest = piece.chars().skip(1).any(char::is_lowercase);
        let is_all_small = !has_separator && !piece.contains(char::is_uppercase);
        let letters_apart = piece != "IJ" && (!has_small_rest || is_all_small);
        for (n, c) in piece.chars().enumerate() {
            let is_mark = is_combining_mark(c);
            if letters_apart && n > 0 && !is_mark {
                out.push('.');
            }
            if n == 0 || (letters_apart && !is_mark) { push_upper(&mut out, c) } else { out.push(c) }
        }
        out.push('.');
    }
    if out.is_empty() {
        return Err(ValueProblem::Empty);
    }
    let out: String = out.nfc().collect();
    if out.len() > VALUE_BYTES_MAX { Err(super::too_long(VALUE_BYTES_MAX)) } else { Ok(out) }
}

/// Adds the capital of a letter, where it is one letter too.
fn push_upper(out: &mut String, c: char) {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) => out.push(one),
        _ => out.push(c),
    }
}

/// Returns `female`, `male` or `other` for the words and numbers (ISO/IEC 5218) that shops use.
pub(super) fn gender(raw: &str) -> Result<String, ValueProblem> {
    let line = line(raw, VALUE_BYTES_MAX)?;
    let word = line.trim_end_matches('.').to_lowercase();
    let gender = match word.as_str() {
        "female" | "f" | "v" | "w" | "vrouw" | "vrouwelijk" | "woman" | "mevrouw" | "mevr" | "mw" | "mrs"
        | "ms" | "miss" | "madame" | "mme" | "frau" | "weiblich" | "2" => "female",
        "male" | "m" | "man" | "mannelijk" | "heer" | "de heer" | "dhr" | "mr" | "monsieur" | "herr"
        | "männlich" | "1" => "male",
        "other" | "o" | "x" | "anders" | "overig" | "non-binary" | "nonbinary" | "non-binair" | "divers"
        | "mx" => "other",
        "0" | "3" | "9" | "-" | "unknown" | "onbekend" | "not specified" | "niet opgegeven" => {
            return Err(ValueProblem::Empty);
        }
        _ => return Err(ValueProblem::Malformed),
    };
    Ok(gender.to_owned())
}
