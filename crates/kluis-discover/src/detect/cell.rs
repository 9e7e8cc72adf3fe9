//! What a whole cell of a table could be: every form it has and every check it passes, in one set of bits.

use super::class::{DIGIT, HIGH, LOWER, UPPER, class};
use super::number::{self, Digits, Line};
use super::token::{self, VatOwner};
use super::{Word, Words, read_token};
use crate::words::Topic;

/// The longest cell that is looked at as a value; a longer one is text.
const VALUE_BYTES_MAX: usize = 320;

/// Something a cell can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Form {
    Email,
    Phone,
    CompanyPhone,
    /// Written as a BSN is.
    BsnShape,
    /// And passes the eleven test.
    Bsn,
    CardShape,
    Card,
    IbanShape,
    Iban,
    Vat,
    /// A VAT number that a BSN may be in.
    VatOld,
    Postcode,
    Date,
    /// A date on which somebody may be born who buys today: 1900 to ten years ago.
    BirthDate,
    Ip,
    Mac,
    Plate,
    /// A licence plate without dashes.
    PlateBare,
    Document,
    /// Eight digits.
    Kvk,
    TenDigits,
    Imei,
    Ean,
    HouseNumber,
    Given,
    Surname,
    City,
    FullName,
    /// Two or three words with capitals and nothing else.
    NameShape,
    Street,
    Gender,
    PasswordHash,
    /// 32 or 40 hexadecimal digits: MD5 or SHA-1.
    WeakHash,
    ApiKey,
    /// A UUID or an id of Google Analytics.
    CookieId,
    Company,
    /// Four words or more.
    Text,
    /// Letters only, at most five words.
    Plain,
    /// Digits only.
    Integer,
}

/// How many forms there are.
pub(crate) const FORMS: usize = Form::Integer as usize + 1;

/// The forms of one cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Forms(u64);

impl Forms {
    fn add(&mut self, form: Form) {
        self.0 |= 1 << form as u32;
    }

    fn add_if(&mut self, form: Form, is_so: bool) {
        self.0 |= u64::from(is_so) << form as u32;
    }

    /// Whether the cell has a form.
    pub(crate) fn has(self, form: Form) -> bool {
        self.0 & (1 << form as u32) != 0
    }

    /// Adds one to the count of each form.
    pub(crate) fn count(self, counts: &mut [u32; FORMS]) {
        let mut left = self.0;
        while left != 0 {
            let form = left.trailing_zeros() as usize;
            counts[form] = counts[form].saturating_add(1);
            left &= left - 1;
        }
    }
}

/// Takes away what tables put around a value: blanks, quotes, and the apostrophe that Shopify puts before numbers.
/// `None` for what stands for nothing.
pub(crate) fn trim(cell: &[u8]) -> Option<&[u8]> {
    let mut cell = cell.trim_ascii();
    for quote in [b'"', b'\''] {
        if let [first, inner @ .., last] = cell
            && *first == quote
            && *last == quote
        {
            cell = inner.trim_ascii();
        }
    }
    if let [b'\'', rest @ ..] = cell
        && rest.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'+')
    {
        cell = rest;
    }
    let is_nothing = cell.is_empty()
        || matches!(cell, b"\\N" | b"-" | b"0000-00-00" | b"0000-00-00 00:00:00" | b"n/a" | b"N/A")
        || cell.eq_ignore_ascii_case(b"null")
        || cell.eq_ignore_ascii_case(b"none");
    (!is_nothing).then_some(cell)
}

/// Looks at a trimmed cell; `year` is the present one.
pub(crate) fn forms(words: &Words, cell: &[u8], year: u32) -> Forms {
    let mut forms = Forms::default();
    if cell.len() > VALUE_BYTES_MAX {
        forms.add(Form::Text);
        return forms;
    }
    let classes = cell.iter().fold(0, |classes, byte| classes | class(*byte));
    if classes & DIGIT != 0 {
        with_digits(&mut forms, cell, classes, year);
    }
    if classes & (UPPER | LOWER | HIGH) != 0 {
        with_letters(&mut forms, words, cell, classes);
    }
    forms
}

/// The year of a cell that is a date.
pub(crate) fn year(cell: &[u8]) -> Option<u32> {
    let digits = Digits::read(cell, 0);
    if digits.groups() == 1 && digits.length(0) == 8 {
        return Some(digits.of(1)[..4].iter().fold(0u32, |sum, digit| sum * 10 + u32::from(*digit)));
    }
    number::date(&digits).map(|(year, ..)| year)
}

fn with_digits(forms: &mut Forms, cell: &[u8], classes: u8, year: u32) {
    let plus = usize::from(cell[0] == b'+');
    let bracket = usize::from(plus < cell.len() && cell[plus] == b'(');
    let start = plus + bracket;
    if start < cell.len() && cell[start].is_ascii_digit() {
        let digits = Digits::read(cell, start);
        let is_whole = |groups: usize| groups > 0 && digits.end(groups) == cell.len();
        if let Some((groups, line)) =
            number::phone_groups(&digits, plus == 1).filter(|(groups, _)| is_whole(*groups))
        {
            let _ = groups;
            forms.add(if line == Line::Person { Form::Phone } else { Form::CompanyPhone });
        }
        if plus == 0 {
            digits_only(forms, cell, &digits, year);
        }
        // A date with a time behind it.
        if let Some((born, ..)) = number::date(&digits)
            && (is_whole(3)
                || matches!(cell.get(digits.end(3)), Some(b' ' | b'T'))
                || digits.groups() > 3 && digits.mark(3) == b' ')
        {
            forms.add(Form::Date);
            // Nobody writes down at what minute a customer was born.
            let rest = &cell[digits.end(3)..];
            let is_day = rest.is_empty() || rest.get(1..).is_some_and(|time| time.starts_with(b"00:00"));
            forms.add_if(Form::BirthDate, is_day && born + 10 <= year);
        }
    }
    if classes & (UPPER | LOWER) != 0 {
        digits_and_letters(forms, cell);
    }
}

/// Looks at a cell of digits and marks between them.
fn digits_only(forms: &mut Forms, cell: &[u8], digits: &Digits, year: u32) {
    let groups = digits.groups();
    if groups == 0 || digits.end(groups) != cell.len() {
        return;
    }
    let all = digits.of(groups);
    if groups == 1 {
        forms.add(Form::Integer);
        forms.add_if(Form::Kvk, all.len() == 8);
        forms.add_if(Form::TenDigits, all.len() == 10);
        forms.add_if(Form::Imei, number::is_imei(all));
        forms.add_if(Form::Ean, number::is_ean13(all));
        forms.add_if(Form::HouseNumber, all.len() <= 4 && all[0] != 0);
        if all.len() == 8 {
            // `19801231`, as some systems export it.
            let number = all.iter().fold(0u32, |sum, digit| sum * 10 + u32::from(*digit));
            let is_date = number::is_day(number / 10_000, number / 100 % 100, number % 100);
            forms.add_if(Form::Date, is_date);
            forms.add_if(Form::BirthDate, is_date && number / 10_000 + 10 <= year);
        }
    }
    let is_bsn_shape = number::bsn_groups(digits) == Some(groups) || (groups == 1 && all.len() == 8);
    forms.add_if(Form::BsnShape, is_bsn_shape);
    forms.add_if(Form::Bsn, is_bsn_shape && number::is_bsn(all));
    forms.add_if(Form::CardShape, (13..=19).contains(&all.len()));
    forms.add_if(Form::Card, number::card_groups(digits) == Some(groups));
    // Versions have small numbers only; of addresses one in ten thousand has.
    forms.add_if(Form::Ip, number::ipv4(digits, cell, false) == Some(cell.len()));
}

fn digits_and_letters(forms: &mut Forms, cell: &[u8]) {
    let is_whole = |end: Option<usize>| end == Some(cell.len());
    if let Some((end, agrees)) = token::iban(cell, 0).filter(|(end, _)| *end == cell.len()) {
        let _ = end;
        forms.add(Form::IbanShape);
        forms.add_if(Form::Iban, agrees);
    }
    if let Some((_, owner)) = token::dutch_vat(cell, 0).filter(|(end, _)| *end == cell.len()) {
        forms.add(Form::Vat);
        forms.add_if(Form::VatOld, owner == VatOwner::CompanyOrOldSoleTrader);
    }
    let mut upper = [0; 8];
    if cell.len() <= upper.len() {
        let upper = &mut upper[..cell.len()];
        upper.copy_from_slice(cell);
        upper.make_ascii_uppercase();
        forms.add_if(Form::Postcode, upper.len() >= 6 && is_whole(token::postcode(upper, 0)));
        forms.add_if(Form::Plate, is_whole(token::plate(upper, 0)));
        forms.add_if(Form::PlateBare, is_bare_plate(upper));
        let digits = upper.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let rest = &upper[digits..];
        let is_suffix =
            rest.len() <= 4 && rest.iter().all(|byte| byte.is_ascii_alphanumeric() || b" -".contains(byte));
        forms.add_if(Form::HouseNumber, (1..=4).contains(&digits) && is_suffix);
    }
    forms.add_if(Form::Mac, cell.len() == 17 && is_whole(token::mac(cell, 0)));
    forms.add_if(Form::Document, cell.len() == 9 && token::is_document(cell));
    if cell.contains(&b':') {
        forms.add_if(Form::Ip, is_whole(token::ipv6(cell, 0)));
    }
    forms.add_if(Form::ApiKey, cell.len() >= 20 && is_whole(token::api_key(cell, 0)));
    forms.add_if(Form::PasswordHash, cell[0] == b'$' && is_whole(token::password_hash(cell, 0)));
    if cell.len() >= 13 {
        let is_hex = matches!(cell.len(), 32 | 40) && cell.iter().all(u8::is_ascii_hexdigit);
        forms.add_if(Form::WeakHash, is_hex || cell.len() > 34 && is_salted_md5(cell));
        forms.add_if(Form::CookieId, is_cookie_id(cell));
    }
}

/// Six letters and digits in one of the series of licence plates.
fn is_bare_plate(cell: &[u8]) -> bool {
    if cell.len() != 6 || !cell.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let changes = cell.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
    let letters = cell.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    // Three groups: two changes, or one change and a pair that is parted; only the first is telling.
    (1..=2).contains(&changes) && (2..=4).contains(&letters)
}

/// Magento's `hash:salt` with MD5 or SHA-256 in one round.
fn is_salted_md5(cell: &[u8]) -> bool {
    let Some(colon) = cell.iter().position(|byte| *byte == b':') else { return false };
    matches!(colon, 32 | 64) && cell[..colon].iter().all(u8::is_ascii_hexdigit) && cell.len() > colon + 2
}

fn is_cookie_id(cell: &[u8]) -> bool {
    let is_uuid = cell.len() == 36
        && cell.iter().enumerate().all(|(n, byte)| {
            if matches!(n, 8 | 13 | 18 | 23) { *byte == b'-' } else { byte.is_ascii_hexdigit() }
        });
    let is_analytics = cell.starts_with(b"GA1.") && cell.len() > 12;
    is_uuid || is_analytics
}

/// Endings of Dutch streets.
const STREETS: [&[u8]; 22] = [
    b"straat",
    b"weg",
    b"laan",
    b"plein",
    b"gracht",
    b"kade",
    b"dijk",
    b"singel",
    b"pad",
    b"hof",
    b"park",
    b"steeg",
    b"dreef",
    b"plantsoen",
    b"ring",
    b"markt",
    b"wal",
    b"haven",
    b"akker",
    b"veld",
    b"street",
    b"road",
];
/// The last letters of those.
const STREET_ENDS: [bool; 256] = {
    let (mut ends, mut n) = ([false; 256], 0);
    while n < STREETS.len() {
        ends[STREETS[n][STREETS[n].len() - 1] as usize] = true;
        n += 1;
    }
    ends
};
/// Words that say what kind of company it is.
const COMPANIES: [&[u8]; 10] =
    [b"bv", b"nv", b"vof", b"b.v.", b"n.v.", b"v.o.f.", b"stichting", b"gmbh", b"ltd", b"holding"];
/// Ways to tell a gender.
const GENDERS: [&[u8]; 22] = [
    b"m", b"v", b"f", b"man", b"vrouw", b"male", b"female", b"dhr", b"dhr.", b"mevr", b"mevr.", b"mw",
    b"mw.", b"mr", b"mr.", b"mrs", b"mrs.", b"ms", b"mevrouw", b"meneer", b"de heer", b"x",
];

fn with_letters(forms: &mut Forms, words: &Words, cell: &[u8], classes: u8) {
    if let Some(at) = cell.iter().position(|byte| *byte == b'@')
        && token::email(cell, at) == Some((0, cell.len()))
    {
        forms.add(Form::Email);
        return;
    }
    let is = |list: &[&[u8]]| list.iter().any(|word| word.eq_ignore_ascii_case(cell));
    let may_tell = cell.len() <= 8 && b"mvfdx".contains(&(cell[0] | 0x20));
    forms.add_if(Form::Gender, may_tell && is(&GENDERS));
    let (mut count, mut known, mut infixes, mut capitals, mut first, mut last) =
        (0u32, 0u32, 0u32, 0u32, None, None);
    let mut at = 0;
    while at < cell.len() {
        if class(cell[at]) & (DIGIT | UPPER | LOWER | HIGH) == 0 {
            at += 1;
            continue;
        }
        let token = read_token(cell, at);
        let word = words.find(token.hash);
        count += 1;
        known += u32::from(matches!(word, Some(Word::Given | Word::Surname | Word::Name)));
        infixes += u32::from(word == Some(Word::Infix));
        capitals += u32::from(class(cell[at]) & (UPPER | HIGH) != 0);
        if first.is_none() {
            first = word;
        }
        last = word;
        at = token.end;
    }
    forms.add_if(Form::Text, count >= 4 && cell.len() >= 20);
    let is_plain = classes & DIGIT == 0;
    if is_plain && count > 0 {
        let is_one = count == 1;
        forms.add_if(Form::Plain, count <= 5 && cell.len() <= 60);
        forms.add_if(Form::Given, matches!(first, Some(Word::Given | Word::Name)) && count <= 2);
        forms.add_if(
            Form::Surname,
            matches!(last, Some(Word::Surname | Word::Name)) && (is_one || count == infixes + 1),
        );
        forms.add_if(Form::City, last == Some(Word::City) && count <= 3);
        let is_titled = matches!(first, Some(Word::Title | Word::About(Topic::Person)));
        forms.add_if(
            Form::FullName,
            (2..=6).contains(&count)
                && (known >= 2
                    || (known >= 1 && infixes >= 1 && first != Some(Word::Infix))
                    || is_titled && known >= 1),
        );
        forms.add_if(Form::NameShape, (2..=5).contains(&count) && capitals + infixes == count);
    }
    // `voor de levering` ends like a street too.
    if count <= 6 {
        streets(forms, cell, classes);
    }
    let ends = |word: &[u8]| {
        cell.len() > word.len() + 1
            && cell[cell.len() - word.len()..].eq_ignore_ascii_case(word)
            && cell[cell.len() - word.len() - 1] == b' '
    };
    let begins = |word: &[u8]| {
        cell.len() > word.len() + 1
            && cell[..word.len()].eq_ignore_ascii_case(word)
            && cell[word.len()] == b' '
    };
    forms.add_if(Form::Company, count >= 2 && COMPANIES.iter().any(|word| ends(word) || begins(word)));
}

/// A word with the ending of a street, with or without a number behind it.
fn streets(forms: &mut Forms, cell: &[u8], classes: u8) {
    let name = match cell.iter().rposition(|byte| *byte == b' ') {
        Some(space) if classes & DIGIT != 0 => {
            let number = &cell[space + 1..];
            let cut = if number.first().is_some_and(u8::is_ascii_digit) { space } else { cell.len() };
            // `12 bis` and `12 a` have another word behind the number.
            match cell[..space].iter().rposition(|byte| *byte == b' ') {
                Some(before)
                    if cut == cell.len() && cell[before + 1..space].iter().all(u8::is_ascii_digit) =>
                {
                    &cell[..before]
                }
                _ => &cell[..cut],
            }
        }
        _ => cell,
    };
    let ends = |ending: &&[u8]| {
        name.len() > ending.len() + 1 && name[name.len() - ending.len()..].eq_ignore_ascii_case(ending)
    };
    // Most cells end in another letter than any street.
    let may_end = name.last().is_some_and(|byte| STREET_ENDS[usize::from(byte | 0x20)]);
    forms.add_if(Form::Street, may_end && STREETS.iter().any(ends));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cell: &str) -> Vec<Form> {
        const ALL: [Form; FORMS] = [
            Form::Email,
            Form::Phone,
            Form::CompanyPhone,
            Form::BsnShape,
            Form::Bsn,
            Form::CardShape,
            Form::Card,
            Form::IbanShape,
            Form::Iban,
            Form::Vat,
            Form::VatOld,
            Form::Postcode,
            Form::Date,
            Form::BirthDate,
            Form::Ip,
            Form::Mac,
            Form::Plate,
            Form::PlateBare,
            Form::Document,
            Form::Kvk,
            Form::TenDigits,
            Form::Imei,
            Form::Ean,
            Form::HouseNumber,
            Form::Given,
            Form::Surname,
            Form::City,
            Form::FullName,
            Form::NameShape,
            Form::Street,
            Form::Gender,
            Form::PasswordHash,
            Form::WeakHash,
            Form::ApiKey,
            Form::CookieId,
            Form::Company,
            Form::Text,
            Form::Plain,
            Form::Integer,
        ];
        let cell = trim(cell.as_bytes());
        let forms = cell.map(|cell| forms(&Words::new(), cell, 2026)).unwrap_or_default();
        ALL.into_iter().filter(|form| *form != Form::Plain && forms.has(*form)).collect()
    }

    #[test]
    fn cells_have_their_forms() {
        use Form as F;
        let check = |cell: &str, expected: &[Form]| assert_eq!(of(cell), expected, "{cell}");
        check("jan@winkel.example", &[F::Email]);
        check("'+31612345678", &[F::Phone]);
        check("0612345678", &[F::Phone, F::TenDigits, F::Integer]);
        check("111222333", &[F::BsnShape, F::Bsn, F::Integer]);
        check("111222334", &[F::BsnShape, F::Integer]);
        check("4111 1111 1111 1111", &[F::CardShape, F::Card]);
        check("8710400311140", &[F::CardShape, F::Ean, F::Integer]);
        check("NL91ABNA0417164300", &[F::IbanShape, F::Iban]);
        check("NL92ABNA0417164300", &[F::IbanShape]);
        check("NL111222333B01", &[F::Vat, F::VatOld]);
        check("'1234 AB", &[F::Postcode, F::HouseNumber]);
        check("1980-12-31", &[F::Date, F::BirthDate]);
        check("2026-11-25 12:00:00", &[F::Date]);
        check("1980-12-31 00:00:00", &[F::Date, F::BirthDate]);
        check("1980-12-31 12:01:00", &[F::Date]);
        check("192.0.2.1", &[F::Ip]);
        check("Jansen", &[F::Surname]);
        check("van der Berg", &[F::Surname, F::NameShape]);
        check("Jan de Vries", &[F::FullName, F::NameShape]);
        check("Utrecht", &[F::City]);
        check("Dorpsstraat 12", &[F::Street]);
        check("Dorpsstraat 12 bis", &[F::Street]);
        check("Fietsen BV", &[F::NameShape, F::Company]);
        check("mevr.", &[F::Gender]);
        check("5f4dcc3b5aa765d61d8327deb882cf99", &[F::WeakHash]);
        check("graag bij de buren afgeven", &[F::Text]);
        for cell in ["", " ", "NULL", "\\N", "\"\"", "0000-00-00", "fiets", "12,50"] {
            check(cell, &[]);
        }
    }
}
