//! Words that tell what stands near them: names, towns, titles, context of numbers, and the special categories.

mod names;

use crate::Special;

/// What a word near a number says that the number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    Bsn,
    Card,
    Imei,
    Kvk,
    Vat,
    Plate,
    DrivingLicence,
    IdDocument,
    Birth,
    Phone,
    Address,
    Ip,
    Password,
    /// The number that follows counts orders, articles or parcels.
    Counter,
    /// Somebody is spoken of: a customer, a patient, she.
    Person,
}

/// How many topics there are.
pub(crate) const TOPICS: usize = Topic::Person as usize + 1;

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// It tells what is near.
    About(Topic),
    /// It is of a special category.
    Special(Special),
    /// It begins a phrase of a special category with the word after it.
    Phrase,
    /// A form of address: `mevrouw`, `dhr`.
    Title,
    /// A part of a family name: `van`, `de`.
    Infix,
    Given,
    Surname,
    /// Both a given and a family name.
    Name,
    City,
}

const ABOUT: [(Topic, &str); TOPICS] = [
    (Topic::Bsn, "bsn burgerservicenummer sofinummer sofi sofinr persoonsnummer burgerservicenr"),
    (
        Topic::Card,
        "creditcard creditcardnummer kaartnummer cardnumber pan visa mastercard maestro amex cvv cvc pasnummer",
    ),
    (Topic::Imei, "imei toestelnummer"),
    (Topic::Kvk, "kvk handelsregister kvknummer kvknr coc"),
    (Topic::Vat, "btw btwnummer vat tva ust mwst omzetbelasting"),
    (Topic::Plate, "kenteken kentekenplaat nummerplaat kentekennummer"),
    (Topic::DrivingLicence, "rijbewijs rijbewijsnummer rijbewijsnr"),
    (
        Topic::IdDocument,
        "paspoort paspoortnummer paspoortnr identiteitskaart idkaart documentnummer passport legitimatie identiteitsbewijs",
    ),
    (Topic::Birth, "geboortedatum geboren geb birthday birthdate birth dob verjaardag jarig geboortedag"),
    (
        Topic::Phone,
        "tel telefoon telefoonnummer mobiel mobile phone gsm bel bellen belt bereikbaar whatsapp fax tel06",
    ),
    (
        Topic::Address,
        "postcode adres straat wonende woont huisnummer woonplaats address zip bezorgadres factuuradres",
    ),
    (Topic::Ip, "ip ipadres ipaddress remote client host addr"),
    (Topic::Password, "wachtwoord password passwd pwd ww pass wachtwoorden"),
    (
        Topic::Counter,
        "order ordernummer ordernr orders bestelling bestelnummer bestelnr factuur factuurnummer factuurnr invoice artikel \
         artikelnummer artikelnr ean gtin sku barcode tracking trackingnummer track trace zending zendingnummer shipment \
         parcel pakket pakketnummer colli klantnummer debiteurnummer relatienummer referentie kenmerk betalingskenmerk \
         serienummer transactie transaction transactienummer batch lot ticket ticketnummer zaaknummer retournummer",
    ),
    (
        Topic::Person,
        "klant klante mevrouw meneer mevr mw dhr zij haar hij hem zijn patiënt cliënt moeder vader dochter zoon vrouw man \
         echtgenoot partner kind customer she he her his mrs mr ik mijn heeft is",
    ),
];

const SPECIAL: [(Special, &str); 8] = [
    (
        Special::Health,
        "allergie allergisch allergieën diabetes diabeet suikerziekte zwanger zwangerschap medicijn medicijnen medicatie \
         diagnose ziekte ziek ziekenhuis kanker chemo chemotherapie depressie depressief adhd hiv rolstoel gehandicapt \
         handicap coeliakie bloeddruk psoriasis epilepsie astma burnout dementie alzheimer reuma migraine insuline \
         psychiater psycholoog huisarts operatie incontinentie glutenintolerantie lactose-intolerant schizofrenie \
         autisme autistisch ziekteverzuim allergy allergic diabetic pregnant pregnancy cancer wheelchair disabled \
         medication prescription depression hospital",
    ),
    (
        Special::Religion,
        "moslim moslima islam islamitisch joods jood jodendom christelijk christen katholiek protestants gereformeerd \
         hindoe boeddhist jehova atheïst muslim jewish christian catholic hindu ramadan",
    ),
    (
        Special::Ethnicity,
        "etniciteit huidskleur afkomst ras nationaliteit marokkaans turks surinaams antilliaans roma sinti ethnicity",
    ),
    (Special::Politics, "partijlid partijlidmaatschap pvv vvd groenlinks pvda d66 cda sp fvd stemt politiek"),
    (Special::Union, "fnv cnv vakbond vakbondslid vakbondslidmaatschap"),
    (
        Special::Sexuality,
        "homo homoseksueel lesbisch lesbienne biseksueel transgender geaardheid nonbinair gay lesbian bisexual queer",
    ),
    (
        Special::Biometric,
        "vingerafdruk vingerafdrukken gezichtsscan irisscan gezichtsherkenning fingerprint biometrisch",
    ),
    (
        Special::Crime,
        "veroordeeld veroordeling strafblad aangifte oplichter fraudeur gevangenis detentie reclassering winkeldief \
         convicted fraudster",
    ),
];

/// Two words that are of a special category only together.
const PHRASES: [(Special, &str, &str); 10] = [
    (Special::Sexuality, "seksuele", "voorkeur"),
    (Special::Sexuality, "seksuele", "gerichtheid"),
    (Special::Sexuality, "sexual", "orientation"),
    (Special::Health, "hoge", "bloeddruk"),
    (Special::Health, "blind", "geboren"),
    (Special::Health, "lichamelijke", "beperking"),
    (Special::Health, "verstandelijke", "beperking"),
    (Special::Ethnicity, "etnische", "afkomst"),
    (Special::Religion, "leger", "des"),
    (Special::Crime, "criminal", "record"),
];

const TITLES: &str = "dhr mevr mw mevrouw meneer heer drs ing ir mr dr fam familie mrs ms miss sir t.a.v";
const INFIXES: &str = "van de der den te ten ter het in op von el al ben da di du la le vande vander 't 's";

/// Starting value of the hash.
pub(crate) const HASH_START: u64 = 0;
/// Spreads a hash over the places of a table.
const HASH_PRIME: u64 = 0x9E37_79B9_7F4A_7C15;

/// Adds a byte to the hash of a word; capitals of ASCII count as small letters.
///
/// Seven bits a byte: words of up to nine letters have a hash of their own, longer ones hardly ever share one.
#[inline]
pub(crate) fn hash_byte(hash: u64, byte: u8) -> u64 {
    // Setting the bit of small letters also moves some marks, which are no part of words, and leaves digits alone.
    hash.rotate_left(7) ^ u64::from(byte | 0x20)
}

/// The hash of a word.
pub(crate) fn hash(word: &[u8]) -> u64 {
    word.iter().fold(HASH_START, |hash, byte| hash_byte(hash, *byte))
}

/// Bits of the filter in front of the table.
const FILTER_BITS: usize = 1 << 16;

/// Slots of the table; a power of two, more than twice the words.
const SLOTS: usize = 1 << 13;

/// Every word, found by its hash.
pub(crate) struct Words {
    /// Slots; a word stands in the first free one from where its hash says.
    table: Box<[Option<(u64, Word)>]>,
    filter: Box<[u64; FILTER_BITS / 64]>,
}

impl Words {
    /// Builds the table; some thousand words.
    pub(crate) fn new() -> Self {
        let mut words =
            Self { table: vec![None; SLOTS].into_boxed_slice(), filter: Box::new([0; FILTER_BITS / 64]) };
        for (list, word) in [(names::CITIES, Word::City), (names::SURNAMES, Word::Surname)] {
            list.split_ascii_whitespace().for_each(|text| words.add(text, word));
        }
        for text in names::GIVEN.split_ascii_whitespace() {
            let is_both = words.find(hash(text.as_bytes())) == Some(Word::Surname);
            words.add(text, if is_both { Word::Name } else { Word::Given });
        }
        for (topic, list) in ABOUT {
            list.split_ascii_whitespace().for_each(|text| words.add(text, Word::About(topic)));
        }
        for (special, list) in SPECIAL {
            list.split_ascii_whitespace().for_each(|text| words.add(text, Word::Special(special)));
        }
        PHRASES.iter().for_each(|(_, first, _)| words.add(first, Word::Phrase));
        INFIXES.split_ascii_whitespace().for_each(|text| words.add(text, Word::Infix));
        TITLES.split_ascii_whitespace().for_each(|text| words.add(text, Word::Title));
        words
    }

    fn add(&mut self, text: &str, word: Word) {
        let hash = hash(text.as_bytes());
        let slot = self.slot(hash);
        self.table[slot] = Some((hash, word));
        let (at, bit) = place(hash);
        self.filter[at] |= bit;
    }

    /// Finds what a word is, by its hash.
    #[inline]
    pub(crate) fn find(&self, hash: u64) -> Option<Word> {
        let (at, bit) = place(hash);
        if self.filter[at] & bit == 0 {
            return None;
        }
        self.table[self.slot(hash)].map(|(_, word)| word)
    }

    /// Where a hash stands, or the free place where it would.
    fn slot(&self, hash: u64) -> usize {
        let mut slot = (hash.wrapping_mul(HASH_PRIME) >> 24) as usize % SLOTS;
        // Less than half of the slots are taken; a test looks.
        while self.table[slot].is_some_and(|(other, _)| other != hash) {
            slot = (slot + 1) % SLOTS;
        }
        slot
    }
}

/// Where a hash stands in the filter.
#[inline]
fn place(hash: u64) -> (usize, u64) {
    let place = (hash.wrapping_mul(HASH_PRIME) >> 40) as usize % FILTER_BITS;
    (place / 64, 1 << (place % 64))
}

/// The special category that two words are together.
pub(crate) fn phrase(first: &[u8], second: &[u8]) -> Option<Special> {
    let is = |word: &str, text: &[u8]| word.as_bytes().eq_ignore_ascii_case(text);
    PHRASES.iter().find(|(_, one, two)| is(one, first) && is(two, second)).map(|(special, ..)| *special)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whatever_their_case() {
        let words = Words::new();
        let find = |text: &str| words.find(hash(text.as_bytes()));
        assert_eq!(find("BSN"), Some(Word::About(Topic::Bsn)));
        assert_eq!(find("Jansen"), Some(Word::Surname));
        assert_eq!(find("jan"), Some(Word::Given));
        assert_eq!(find("Roos"), Some(Word::Name));
        assert_eq!(find("van"), Some(Word::Infix));
        assert_eq!(find("Ordernummer"), Some(Word::About(Topic::Counter)));
        assert_eq!(find("Utrecht"), Some(Word::City));
        assert_eq!(find("Diabetes"), Some(Word::Special(Special::Health)));
        for text in ["fiets", "", "doos", "123", "bsnx"] {
            assert_eq!(find(text), None, "{text}");
        }
        assert!(words.table.iter().flatten().count() * 2 < SLOTS);
        assert_eq!(phrase(b"Seksuele", b"voorkeur"), Some(Special::Sexuality));
        assert_eq!(phrase(b"seksuele", b"fiets"), None);
    }

    #[test]
    fn topics_stand_in_order_and_words_are_small() {
        for (n, (topic, _)) in ABOUT.iter().enumerate() {
            assert_eq!(*topic as usize, n);
        }
        let lists = [names::GIVEN, names::SURNAMES, names::CITIES, TITLES, INFIXES];
        let all = lists.into_iter().chain(ABOUT.iter().map(|a| a.1)).chain(SPECIAL.iter().map(|s| s.1));
        for word in all.flat_map(str::split_ascii_whitespace) {
            assert!(word.chars().all(|c| !c.is_uppercase()), "{word}");
        }
    }
}
