//! Invented people and their numbers, each with correct check digits, and numbers that only look like them.

use kluis_model::checksum::{is_iban, luhn, passes_eleven};

/// Random numbers that are the same on every run (SplitMix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Begins a row of numbers.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which must not be zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }

    /// True in so many per cent.
    pub fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    /// One of a list.
    pub fn pick(&mut self, list: &[&'static str]) -> &'static str {
        list[self.below(list.len() as u64) as usize]
    }

    /// So many digits, as values; the first is not zero.
    fn digits(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|n| if n == 0 { 1 + self.below(9) } else { self.below(10) } as u8).collect()
    }
}

/// Given names: frequent ones and rare ones, ours and from elsewhere; not all of them are in the scanner's list.
pub(super) const GIVEN: &[&str] = &[
    "Jan",
    "Piet",
    "Marieke",
    "Fatima",
    "Zoë",
    "Willem",
    "Sanne",
    "Daan",
    "Emma",
    "Lotte",
    "Sem",
    "Noah",
    "Julia",
    "Anouk",
    "Thijs",
    "Bram",
    "Mohammed",
    "Youssef",
    "Aïcha",
    "Naima",
    "Kees",
    "Henk",
    "Truus",
    "Wilhelmina",
    "Gerrit",
    "Johanna",
    "Maria",
    "Cornelis",
    "Hendrika",
    "Sjoerd",
    "Femke",
    "Nynke",
    "Jelle",
    "Wytske",
    "Ruben",
    "Eva",
    "Tess",
    "Fleur",
    "Lars",
    "Sven",
    "Milan",
    "Luuk",
    "Evi",
    "Saar",
    "Yara",
    "Noor",
    "Mila",
    "Levi",
    "Mees",
    "Finn",
    "Oluwaseun",
    "Ngozi",
    "Priya",
    "Rajesh",
    "Xiaoling",
    "Agnieszka",
    "Krzysztof",
    "Svetlana",
    "Chantal",
    "Kevin",
    "Kimberley",
    "Dirk-Jan",
    "Anne-Fleur",
    "Loïs",
    "Joost",
    "Roos",
    "Iris",
    "Pim",
    "Guusje",
    "Hidde",
];
/// Tussenvoegsels; most people have none.
pub(super) const INFIX: &[&str] = &[
    "", "", "", "", "", "", "", "", "van", "de", "van de", "van der", "van den", "ter", "ten", "van 't",
    "den", "el",
];
/// Family names: frequent ones and rare ones.
pub(super) const SURNAME: &[&str] = &[
    "Jong",
    "Jansen",
    "Vries",
    "Berg",
    "Bakker",
    "Visser",
    "Smit",
    "Meijer",
    "Boer",
    "Mulder",
    "Groot",
    "Bos",
    "Vos",
    "Peters",
    "Hendriks",
    "Dekker",
    "Brouwer",
    "Dijkstra",
    "Koning",
    "Postma",
    "Kuipers",
    "Veenstra",
    "Kramer",
    "Linden",
    "Wal",
    "Meer",
    "Broek",
    "Hoekstra",
    "Yilmaz",
    "Özdemir",
    "Bouali",
    "Idrissi",
    "Nguyen",
    "Singh",
    "Kowalski",
    "Nowak",
    "Ivanova",
    "Schmidt",
    "Müller",
    "Dubois",
    "Haak",
    "Kooistra",
    "Terpstra",
    "Wiersma",
    "Sikkema",
    "Zwiers",
    "Pronk",
    "Ouwehand",
    "Spaargaren",
    "Goudappel",
    "Rijnbeek",
    "Tuinman",
    "Kortekaas",
    "Poldervaart",
    "Okonkwo",
];
/// Towns; some have two words, some are villages.
pub(super) const CITY: &[&str] = &[
    "Amsterdam",
    "Rotterdam",
    "Utrecht",
    "Eindhoven",
    "Groningen",
    "Tilburg",
    "Almere",
    "Breda",
    "Nijmegen",
    "Apeldoorn",
    "Haarlem",
    "Arnhem",
    "Den Haag",
    "'s-Hertogenbosch",
    "Zwolle",
    "Leiden",
    "Alphen aan den Rijn",
    "Nes",
    "Wijhe",
    "Bergen op Zoom",
    "Capelle aan den IJssel",
    "Sint Nicolaasga",
    "Heerenveen",
    "Gouda",
    "Hoorn",
    "Weesp",
];
const STREET: &[&str] = &[
    "Dorpsstraat",
    "Kerkstraat",
    "Molenweg",
    "Julianalaan",
    "Prinsengracht",
    "Stationsplein",
    "Oude Delft",
    "Nieuwe Rijn",
    "Beatrixlaan",
    "Schoolstraat",
    "Wilhelminakade",
    "Burgemeester de Vlugtlaan",
    "Laan van Meerdervoort",
    "Brink",
    "Zuidersingel",
    "Achterdijk",
    "Boulevard",
    "De Hoef",
    "Vondelpark",
    "Haagweg",
    "Lange Voorhout",
    "Parallelweg",
];
const HOSTS: &[&str] =
    &["voorbeeld.example", "mail.example", "post.test", "klant.thuis.example", "zoë-design.example"];
pub(super) const COMPANY: &[&str] = &[
    "Bakkerij Jansen BV",
    "Fietsen Noord V.O.F.",
    "Stichting Het Lindepark",
    "Kooistra Holding",
    "Studio Wit",
    "Tuincentrum De Hoef B.V.",
    "Rijnbeek Advies",
    "Garage Pronk",
    "Slagerij de Boer BV",
];

/// Somebody who does not exist.
#[derive(Debug, Clone)]
pub struct Person {
    /// Given name.
    pub given: String,
    /// Tussenvoegsels; empty for most.
    pub infix: String,
    /// Family name without tussenvoegsels.
    pub surname: String,
    /// E-mail address, below `.example` or `.test`.
    pub email: String,
    /// Telephone number in one of the usual ways of writing.
    pub phone: String,
    /// Street.
    pub street: String,
    /// House number with its suffix.
    pub number: String,
    /// Postcode.
    pub postcode: String,
    /// Town.
    pub city: String,
    /// Year, month and day of birth.
    pub born: (u64, u64, u64),
    /// Public IPv4 or IPv6 address.
    pub ip: String,
}

impl Person {
    /// Invents somebody.
    pub fn invent(dice: &mut Dice) -> Self {
        let (given, infix, surname) =
            (dice.pick(GIVEN).to_owned(), dice.pick(INFIX).to_owned(), dice.pick(SURNAME).to_owned());
        Self {
            email: email(dice, &given, &surname),
            phone: phone(dice),
            street: dice.pick(STREET).to_owned(),
            number: house_number(dice),
            postcode: postcode(dice),
            city: dice.pick(CITY).to_owned(),
            born: (1935 + dice.below(75), 1 + dice.below(12), 1 + dice.below(28)),
            ip: ip(dice),
            given,
            infix,
            surname,
        }
    }

    /// Tussenvoegsels and family name.
    #[must_use]
    pub fn family(&self) -> String {
        format!("{} {}", self.infix, self.surname).trim().to_owned()
    }

    /// The whole name.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.given, self.family())
    }
}

fn email(dice: &mut Dice, given: &str, surname: &str) -> String {
    let ascii = |text: &str| -> String { text.chars().filter(char::is_ascii_alphabetic).collect() };
    let (given, surname) = (ascii(given).to_lowercase(), ascii(surname).to_lowercase());
    let n = dice.below(1_000);
    let local = match dice.below(20) {
        0..=6 => format!("{given}.{surname}"),
        7..=10 => format!("{given}{n}"),
        11..=13 => format!("{}.{surname}{n}", &given[..1]),
        14 => format!("{given}+winkel@").trim_end_matches('@').to_owned(),
        15 => format!("{surname}_{n}"),
        16 => format!("o'{surname}"),
        17 => format!("{}{}", given.to_uppercase(), n),
        18 => format!("{n}{surname}"),
        _ => format!("{given}-{surname}"),
    };
    format!("{local}@{}", dice.pick(HOSTS))
}

/// A telephone number of somebody, in one of the ways people write it.
pub fn phone(dice: &mut Dice) -> String {
    let mobile = format!("{}{:07}", [1, 2, 3, 4, 5, 8][dice.below(6) as usize], dice.below(10_000_000));
    let seven = format!("{}{:06}", 2 + dice.below(7), dice.below(1_000_000));
    match dice.below(16) {
        0..=4 => format!("06{mobile}"),
        5 | 6 => format!("06-{mobile}"),
        7 => {
            format!("06 {} {} {} {}", &mobile[..2], &mobile[2..4], &mobile[4..6], &mobile[6..])
        }
        8 | 9 => format!("+316{mobile}"),
        10 => format!("+31 6 {mobile}"),
        11 => format!("00316{mobile}"),
        12 => format!("020-{seven}"),
        13 => format!("030{seven}"),
        14 => format!("+32 470 {} {} {}", &mobile[..2], &mobile[2..4], &mobile[4..6]),
        _ => format!("0{} {}", [572, 251, 518][dice.below(3) as usize], &seven[..6]),
    }
}

fn house_number(dice: &mut Dice) -> String {
    let number = 1 + dice.below(300);
    match dice.below(10) {
        0 => format!("{number}a"),
        1 => format!("{number}-{}", 1 + dice.below(9)),
        2 => format!("{number} bis"),
        _ => number.to_string(),
    }
}

/// A postcode that may exist.
pub fn postcode(dice: &mut Dice) -> String {
    let letters = dice.pick(&["AB", "CD", "XK", "GH", "JL", "PW", "NS", "BT", "VE", "RZ"]);
    let space = if dice.percent(50) { " " } else { "" };
    format!("{}{space}{letters}", 1_000 + dice.below(9_000))
}

fn ip(dice: &mut Dice) -> String {
    match dice.below(10) {
        0 => format!(
            "2001:db8:{:x}::{:x}:{:x}",
            dice.below(65_536),
            dice.below(65_536),
            1 + dice.below(65_535)
        ),
        // The blocks for documentation (RFC 5737).
        _ => format!("{}.{}", dice.pick(&["192.0.2", "198.51.100", "203.0.113"]), dice.below(256)),
    }
}

fn text(digits: &[u8]) -> String {
    digits.iter().map(|digit| char::from(b'0' + digit)).collect()
}

/// A BSN: nine digits that pass the eleven test, at times with points.
pub fn bsn(dice: &mut Dice) -> String {
    loop {
        let digits = dice.digits(9);
        if passes_eleven(&digits) {
            let all = text(&digits);
            return match dice.below(8) {
                0 => format!("{}.{}.{}", &all[..4], &all[4..6], &all[6..]),
                _ => all,
            };
        }
    }
}

/// A number of a payment card, of one of the schemes, at times in groups.
pub fn card(dice: &mut Dice) -> String {
    loop {
        let (head, length) = match dice.below(6) {
            0 | 1 => ("4".to_owned(), 16),
            2 => (format!("5{}", 1 + dice.below(5)), 16),
            3 => ((2_221 + dice.below(500)).to_string(), 16),
            4 => ("37".to_owned(), 15),
            _ => ("6011".to_owned(), 16),
        };
        let mut digits: Vec<u8> = head.bytes().map(|byte| byte - b'0').collect();
        while digits.len() < length {
            digits.push(dice.below(10) as u8);
        }
        if luhn(&digits) {
            let all = text(&digits);
            return match (dice.percent(40), length) {
                (true, 16) => {
                    format!("{} {} {} {}", &all[..4], &all[4..8], &all[8..12], &all[12..])
                }
                (true, _) => format!("{} {} {}", &all[..4], &all[4..10], &all[10..]),
                _ => all,
            };
        }
    }
}

/// An IBAN of one of five countries, at times in groups of four.
pub fn iban(dice: &mut Dice) -> String {
    let account = |dice: &mut Dice, count: usize| text(&dice.digits(count));
    let (country, rest) = match dice.below(10) {
        0 => ("BE", account(dice, 12)),
        1 => ("DE", account(dice, 18)),
        2 => ("FR", account(dice, 23)),
        _ => {
            let bank = dice.pick(&["ABNA", "INGB", "RABO", "BUNQ", "TRIO", "KNAB", "ASNB"]);
            ("NL", format!("{bank}{}", account(dice, 10)))
        }
    };
    let whole = (2..=98).map(|check| format!("{country}{check:02}{rest}"));
    let found = whole.into_iter().find(|iban| is_iban(iban.as_bytes())).unwrap_or_default();
    if dice.percent(40) { grouped(&found) } else { found }
}

/// What has the form of an IBAN and is none: two digits swapped in its check digits.
pub fn false_iban(dice: &mut Dice) -> String {
    loop {
        let rest = text(&dice.digits(10));
        let number = format!("NL{:02}RABO{rest}", 2 + dice.below(97));
        if !is_iban(number.as_bytes()) {
            return number;
        }
    }
}

fn grouped(text: &str) -> String {
    let groups: Vec<&str> =
        text.as_bytes().chunks(4).filter_map(|chunk| core::str::from_utf8(chunk).ok()).collect();
    groups.join(" ")
}

/// The VAT number of a sole trader, as given out since 2020.
pub fn vat(dice: &mut Dice) -> String {
    loop {
        let digits = dice.digits(9);
        let whole = (2..=98).map(|check| format!("NL{}B{check:02}", text(&digits)));
        let found = whole.into_iter().find(|vat| kluis_model::checksum::mod_97(vat.bytes()) == 1);
        if let Some(found) = found {
            return found;
        }
    }
}

/// The VAT number of a sole trader from before 2020: the BSN with `B01` behind it.
pub fn vat_with_bsn(dice: &mut Dice) -> String {
    let digits: String = bsn(dice).chars().filter(char::is_ascii_digit).collect();
    format!("NL{digits}B01")
}

/// Fifteen digits that pass Luhn: an IMEI beside the word, nothing without it.
pub fn imei(dice: &mut Dice) -> String {
    loop {
        let mut digits = dice.digits(15);
        digits[..2].copy_from_slice(&[8, 6]);
        if luhn(&digits) {
            return text(&digits);
        }
    }
}

/// A licence plate in one of three series.
pub fn plate(dice: &mut Dice) -> String {
    let letters = dice.pick(&["KBR", "GHT", "LNZ", "TXP", "ZVD"]);
    let n = dice.below(100);
    match dice.below(3) {
        0 => format!("{n:02}-{letters}-{}", 1 + dice.below(9)),
        1 => format!("{}-{:03}-{}", &letters[..2], dice.below(1_000), &letters[2..]),
        _ => format!("{}-{letters}-{n:02}", 1 + dice.below(9)),
    }
}

/// Number of a passport or identity card.
pub fn document(dice: &mut Dice) -> String {
    format!(
        "{}{}{:06}",
        dice.pick(&["NW", "SP", "BX", "IK"]),
        dice.pick(&["R", "P", "7", "4"]),
        dice.below(1_000_000)
    )
}

/// The number of an article: thirteen digits with the check digit of GS1. One in ten passes Luhn too.
pub fn ean(dice: &mut Dice) -> String {
    let mut digits = dice.digits(12);
    digits[..2].copy_from_slice(&[8, 7]);
    let sum: u32 =
        digits.iter().enumerate().map(|(n, d)| u32::from(*d) * if n % 2 == 0 { 1 } else { 3 }).sum();
    digits.push(((10 - sum % 10) % 10) as u8);
    text(&digits)
}

/// The number of an order that happens to pass the eleven test.
pub fn order_like_bsn(dice: &mut Dice) -> String {
    bsn(dice).chars().filter(char::is_ascii_digit).collect()
}

/// A number of sixteen digits that happens to pass Luhn and begin as a card does.
pub(super) fn track_like_card(dice: &mut Dice) -> String {
    card(dice).chars().filter(char::is_ascii_digit).collect()
}

/// The name of a product; many are called as people or towns are.
pub fn product(dice: &mut Dice) -> String {
    let noun =
        dice.pick(&["vaas", "jurk", "stoel", "fiets", "tas", "lamp", "tafel", "hoes", "bank", "kussen"]);
    let name = dice.pick(&[
        "Lotte",
        "Iris",
        "Amsterdam",
        "Sven",
        "Model 4000 XL",
        "Willem",
        "Oslo",
        "Pro 2.4.1.0",
        "Utrecht",
    ]);
    let colour = dice.pick(&["blauw", "groen", "zwart", "naturel", "wit"]);
    format!("{} {name} {colour}", capital(noun))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
