//! Tables as Dutch shops have them, each column with the kind that it truly holds.

use super::people::{self, Dice, Person};
use super::texts::hash_text;
use crate::Kind;

/// How a cell is made.
#[derive(Debug, Clone, Copy)]
pub(super) enum Make {
    Email,
    Login,
    Given,
    Family,
    Surname,
    Infix,
    Name,
    Nick,
    Phone,
    PhoneQuoted,
    Line,
    Line2,
    Lines,
    Street,
    Number,
    Suffix,
    Postcode,
    PostcodeQuoted,
    City,
    Company,
    Born,
    BornDutch,
    BornTime,
    GenderNumber,
    Title,
    Ip,
    Agent,
    PassWp,
    PassSlow,
    PassMd5,
    PassPlain,
    Note,
    Review,
    Vat,
    OldVat,
    Kvk,
    Iban,
    Card,
    Bsn,
    Plate,
    Allergy,
    /// Nothing of anybody from here on.
    Seq(u64),
    Order,
    OrderOfDay,
    Ean,
    Sku,
    Track,
    LongNumber,
    Amount,
    Count,
    Flag,
    Created,
    Day,
    Status,
    Product,
    ProductText,
    Person,
    Town,
    Colour,
    Size,
    Version,
    Uuid,
    Slug,
    Key,
    Serial,
    Word(&'static [&'static str]),
    Nothing,
}

/// A column, how its cells are made, and what it truly holds.
pub(super) type Spec = (&'static str, Make, Option<Kind>);

/// A table of a shop.
#[derive(Debug, Clone, Copy)]
pub struct TableSpec {
    /// The software or service.
    pub shop: &'static str,
    /// The name of the table; of an export, the file's.
    pub name: &'static str,
    columns: &'static [Spec],
    /// Names that stand in a column of their own, with the values beside them; these come after `columns`.
    keyed: Option<(&'static str, &'static str, &'static [Spec])>,
}

const N: Option<Kind> = None;
const EMAIL: Option<Kind> = Some(Kind::Email);
const GIVEN: Option<Kind> = Some(Kind::GivenName);
const SURNAME: Option<Kind> = Some(Kind::Surname);
const NAME: Option<Kind> = Some(Kind::FullName);
const PHONE: Option<Kind> = Some(Kind::Phone);
const STREET: Option<Kind> = Some(Kind::Street);
const NUMBER: Option<Kind> = Some(Kind::HouseNumber);
const ZIP: Option<Kind> = Some(Kind::Postcode);
const CITY: Option<Kind> = Some(Kind::City);
const COMPANY: Option<Kind> = Some(Kind::Company);
const BORN: Option<Kind> = Some(Kind::BirthDate);
const GENDER: Option<Kind> = Some(Kind::Gender);
const IP: Option<Kind> = Some(Kind::Ip);
const HASH: Option<Kind> = Some(Kind::PasswordHash);
const WEAK: Option<Kind> = Some(Kind::PasswordPlain);
const NOTE: Option<Kind> = Some(Kind::FreeText);

pub(super) const fn plain(shop: &'static str, name: &'static str, columns: &'static [Spec]) -> TableSpec {
    TableSpec { shop, name, columns, keyed: None }
}

const STATES: &[&str] = &["wc-completed", "wc-processing", "wc-cancelled"];
const PAID: &[&str] = &["iDEAL", "Bancontact", "Klarna", "PayPal"];
const LAND: &[&str] = &["NL", "NL", "NL", "BE", "DE"];

use Make::{
    Agent, Allergy, Amount, Born, BornDutch, BornTime, Bsn, Card, City, Colour, Company, Count, Created, Day,
    Ean, Email, Family, Flag, GenderNumber, Given, Iban, Infix, Ip, Key, Kvk, Line, Line2, Lines, Login,
    LongNumber, Name, Nick, Note, Nothing, Number, OldVat, Order, OrderOfDay, PassMd5, PassPlain, PassSlow,
    PassWp, Phone, PhoneQuoted, Plate, Postcode, PostcodeQuoted, Product, ProductText, Review, Seq, Serial,
    Size, Sku, Slug, Status, Street, Suffix, Surname, Title, Town, Track, Uuid, Vat, Version, Word,
};

/// Every table.
pub const TABLES: &[TableSpec] = &[
    plain(
        "WooCommerce HPOS",
        "wp_wc_orders",
        &[
            ("id", Seq(10_001), N),
            ("status", Status, N),
            ("currency", Word(&["EUR"]), N),
            ("type", Word(&["shop_order"]), N),
            ("tax_amount", Amount, N),
            ("total_amount", Amount, N),
            ("customer_id", Seq(1), N),
            ("billing_email", Email, EMAIL),
            ("date_created_gmt", Created, N),
            ("parent_order_id", Word(&["0"]), N),
            ("payment_method_title", Word(PAID), N),
            ("transaction_id", Key, N),
            ("ip_address", Ip, IP),
            ("user_agent", Agent, N),
            ("customer_note", Note, NOTE),
        ],
    ),
    plain(
        "WooCommerce HPOS",
        "wp_wc_order_addresses",
        &[
            ("id", Seq(1), N),
            ("order_id", Seq(10_001), N),
            ("address_type", Word(&["billing", "shipping"]), N),
            ("first_name", Given, GIVEN),
            ("last_name", Family, SURNAME),
            ("company", Company, COMPANY),
            ("address_1", Line, STREET),
            ("address_2", Line2, STREET),
            ("city", City, CITY),
            ("state", Nothing, N),
            ("postcode", Postcode, ZIP),
            ("country", Word(LAND), N),
            ("email", Email, EMAIL),
            ("phone", Phone, PHONE),
        ],
    ),
    plain(
        "WooCommerce HPOS",
        "wp_wc_order_operational_data",
        &[
            ("id", Seq(1), N),
            ("order_id", Seq(10_001), N),
            ("created_via", Word(&["checkout", "admin"]), N),
            ("woocommerce_version", Version, N),
            ("order_key", Key, N),
            ("cart_hash", Make::Uuid, N),
            ("shipping_total_amount", Amount, N),
        ],
    ),
    plain(
        "WooCommerce",
        "wp_users",
        &[
            ("ID", Seq(1), N),
            ("user_login", Login, EMAIL),
            ("user_pass", PassWp, HASH),
            ("user_nicename", Slug, N),
            ("user_email", Email, EMAIL),
            ("user_url", Nothing, N),
            ("user_registered", Created, N),
            ("display_name", Name, NAME),
        ],
    ),
    TableSpec {
        shop: "WooCommerce",
        name: "wp_usermeta",
        columns: &[("umeta_id", Seq(1), N), ("user_id", Seq(1), N)],
        keyed: Some((
            "meta_key",
            "meta_value",
            &[
                ("first_name", Given, GIVEN),
                ("last_name", Family, SURNAME),
                ("billing_email", Email, EMAIL),
                ("billing_phone", Phone, PHONE),
                ("billing_address_1", Line, STREET),
                ("billing_postcode", Postcode, ZIP),
                ("billing_city", City, CITY),
                ("billing_country", Word(LAND), N),
                ("wp_capabilities", Serial, N),
                ("last_ip", Ip, IP),
                ("wc_last_active", Make::LongNumber, N),
                ("geboortedatum", BornDutch, BORN),
            ],
        )),
    },
    TableSpec {
        shop: "WooCommerce",
        name: "wp_postmeta",
        columns: &[("meta_id", Seq(1), N), ("post_id", Seq(1), N)],
        keyed: Some((
            "meta_key",
            "meta_value",
            &[
                ("_billing_first_name", Given, GIVEN),
                ("_billing_last_name", Family, SURNAME),
                ("_billing_email", Email, EMAIL),
                ("_customer_ip_address", Ip, IP),
                ("_billing_phone", Phone, PHONE),
                ("_order_total", Amount, N),
                ("_sku", Sku, N),
                ("_global_unique_id", Ean, N),
                ("_order_key", Key, N),
                ("_stock", Count, N),
                ("_wp_attached_file", Slug, N),
            ],
        )),
    },
    plain(
        "WooCommerce",
        "wp_comments",
        &[
            ("comment_ID", Seq(1), N),
            ("comment_author", Name, NAME),
            ("comment_author_email", Email, EMAIL),
            ("comment_author_IP", Ip, IP),
            ("comment_date", Created, N),
            ("comment_content", Review, NOTE),
            ("comment_agent", Agent, N),
        ],
    ),
    plain(
        "WooCommerce",
        "wp_woocommerce_order_items",
        &[
            ("order_item_id", Seq(1), N),
            ("order_item_name", Product, N),
            ("order_item_type", Word(&["line_item", "shipping"]), N),
            ("order_id", Seq(10_001), N),
        ],
    ),
    plain("WooCommerce", "wp_terms", &[("term_id", Seq(1), N), ("name", Make::Person, N), ("slug", Slug, N)]),
    plain(
        "Magento 2",
        "customer_entity",
        &[
            ("entity_id", Seq(1), N),
            ("website_id", Word(&["1"]), N),
            ("email", Email, EMAIL),
            ("group_id", Word(&["1", "2"]), N),
            ("increment_id", Nothing, N),
            ("created_at", Created, N),
            ("created_in", Word(&["Standaard winkelweergave", "Utrecht"]), N),
            ("prefix", Title, GENDER),
            ("firstname", Given, GIVEN),
            ("middlename", Infix, SURNAME),
            ("lastname", Surname, SURNAME),
            ("dob", Born, BORN),
            ("password_hash", PassMd5, WEAK),
            ("taxvat", OldVat, Some(Kind::VatWithBsn)),
            ("gender", GenderNumber, GENDER),
        ],
    ),
    plain(
        "Magento 2",
        "customer_address_entity",
        &[
            ("entity_id", Seq(1), N),
            ("parent_id", Seq(1), N),
            ("city", City, CITY),
            ("company", Company, COMPANY),
            ("country_id", Word(LAND), N),
            ("fax", Nothing, N),
            ("firstname", Given, GIVEN),
            ("lastname", Family, SURNAME),
            ("postcode", Postcode, ZIP),
            ("region", Nothing, N),
            ("region_id", Word(&["0"]), N),
            ("street", Lines, STREET),
            ("telephone", Phone, PHONE),
            ("vat_id", Vat, Some(Kind::Vat)),
        ],
    ),
    plain(
        "Magento 2",
        "sales_order",
        &[
            ("entity_id", Seq(1), N),
            ("state", Word(&["complete", "new"]), N),
            ("increment_id", Order, N),
            ("protect_code", Key, N),
            ("customer_email", Email, EMAIL),
            ("customer_firstname", Given, GIVEN),
            ("customer_lastname", Family, SURNAME),
            ("customer_dob", BornTime, BORN),
            ("customer_note", Note, NOTE),
            ("remote_ip", Ip, IP),
            ("x_forwarded_for", Ip, IP),
            ("grand_total", Amount, N),
            ("store_name", Word(&["Hoofdwinkel", "Amsterdam"]), N),
            ("shipping_description", Word(&["PostNL pakket"]), N),
            ("coupon_code", Word(&["ZOMER26", "WELKOM10"]), N),
            ("total_item_count", Count, N),
            ("created_at", Created, N),
        ],
    ),
    plain(
        "Magento 2",
        "sales_order_payment",
        &[
            ("entity_id", Seq(1), N),
            ("method", Word(&["mollie_ideal"]), N),
            ("cc_owner", Name, NAME),
            ("cc_last_4", Make::Count, N),
            ("last_trans_id", Key, N),
            ("amount_ordered", Amount, N),
        ],
    ),
    plain(
        "Magento 2",
        "catalog_product_entity",
        &[
            ("entity_id", Seq(1), N),
            ("sku", Sku, N),
            ("ean", Ean, N),
            ("created_at", Created, N),
            ("name", Product, N),
            ("description", ProductText, N),
        ],
    ),
    plain(
        "PrestaShop",
        "ps_customer",
        &[
            ("id_customer", Seq(1), N),
            ("id_gender", GenderNumber, GENDER),
            ("company", Company, COMPANY),
            ("firstname", Given, GIVEN),
            ("lastname", Family, SURNAME),
            ("email", Email, EMAIL),
            ("passwd", PassSlow, HASH),
            ("birthday", Born, BORN),
            ("newsletter", Flag, N),
            ("ip_registration_newsletter", Ip, IP),
            ("optin", Flag, N),
            ("note", Note, NOTE),
            ("date_add", Created, N),
        ],
    ),
    plain(
        "PrestaShop",
        "ps_product_lang",
        &[
            ("id_product", Seq(1), N),
            ("description", ProductText, N),
            ("link_rewrite", Slug, N),
            ("name", Product, N),
        ],
    ),
    plain(
        "PrestaShop",
        "ps_carrier",
        &[
            ("id_carrier", Seq(1), N),
            ("name", Word(&["PostNL", "DHL", "Bakker Koeriers"]), N),
            ("url", Slug, N),
        ],
    ),
    plain(
        "OpenCart",
        "oc_order",
        &[
            ("order_id", Seq(1), N),
            ("invoice_prefix", Word(&["INV-2026-00"]), N),
            ("store_name", Word(&["Winkel"]), N),
            ("firstname", Given, GIVEN),
            ("lastname", Family, SURNAME),
            ("email", Email, EMAIL),
            ("telephone", Phone, PHONE),
            ("payment_firstname", Given, GIVEN),
            ("payment_lastname", Family, SURNAME),
            ("payment_address_1", Line, STREET),
            ("payment_city", City, CITY),
            ("payment_postcode", Postcode, ZIP),
            ("payment_country", Word(&["Nederland", "België"]), N),
            ("payment_method", Word(PAID), N),
            ("comment", Note, NOTE),
            ("total", Amount, N),
            ("tracking", Track, N),
            ("ip", Ip, IP),
            ("user_agent", Agent, N),
            ("accept_language", Word(&["nl-NL,nl;q=0.9"]), N),
            ("date_added", Created, N),
        ],
    ),
    plain(
        "OpenCart",
        "oc_product_description",
        &[
            ("product_id", Seq(1), N),
            ("name", Make::Person, N),
            ("description", ProductText, N),
            ("tag", Colour, N),
        ],
    ),
    plain(
        "Shopify",
        "customers_export",
        &[
            ("Customer ID", LongNumber, N),
            ("First Name", Given, GIVEN),
            ("Last Name", Family, SURNAME),
            ("Email", Email, EMAIL),
            ("Accepts Email Marketing", Word(&["yes", "no"]), N),
            ("Default Address Company", Company, COMPANY),
            ("Default Address Address1", Line, STREET),
            ("Default Address City", City, CITY),
            ("Default Address Province Code", Nothing, N),
            ("Default Address Country Code", Word(LAND), N),
            ("Default Address Zip", PostcodeQuoted, ZIP),
            ("Default Address Phone", PhoneQuoted, PHONE),
            ("Total Spent", Amount, N),
            ("Total Orders", Count, N),
            ("Note", Note, NOTE),
            ("Tax Exempt", Word(&["no"]), N),
            ("Tags", Word(&["vip", "zakelijk"]), N),
        ],
    ),
    plain(
        "Shopify",
        "orders_export",
        &[
            ("Name", OrderOfDay, N),
            ("Email", Email, EMAIL),
            ("Financial Status", Word(&["paid"]), N),
            ("Paid at", Created, N),
            ("Total", Amount, N),
            ("Lineitem quantity", Count, N),
            ("Lineitem name", Make::Person, N),
            ("Lineitem sku", Sku, N),
            ("Billing Name", Name, NAME),
            ("Billing Street", Line, STREET),
            ("Billing Zip", PostcodeQuoted, ZIP),
            ("Billing City", City, CITY),
            ("Billing Phone", PhoneQuoted, PHONE),
            ("Notes", Note, NOTE),
            ("Vendor", Make::Person, N),
            ("Id", LongNumber, N),
        ],
    ),
    plain(
        "Mailchimp",
        "audience_export",
        &[
            ("Email Address", Email, EMAIL),
            ("First Name", Given, GIVEN),
            ("Last Name", Family, SURNAME),
            ("Birthday", Born, BORN),
            ("MEMBER_RATING", Count, N),
            ("OPTIN_TIME", Created, N),
            ("OPTIN_IP", Ip, IP),
            ("CONFIRM_IP", Ip, IP),
            ("TIMEZONE", Word(&["Europe/Amsterdam"]), N),
            ("LEID", LongNumber, N),
            ("EUID", Key, N),
            ("TAGS", Word(&["klant", "lead"]), N),
        ],
    ),
    plain(
        "Lightspeed",
        "customers",
        &[
            ("id", Seq(1), N),
            ("gender", Word(&["male", "female"]), GENDER),
            ("birthDate", Born, BORN),
            ("nationalId", Bsn, Some(Kind::Bsn)),
            ("email", Email, EMAIL),
            ("firstname", Given, GIVEN),
            ("middlename", Infix, SURNAME),
            ("lastname", Surname, SURNAME),
            ("mobile", Phone, PHONE),
            ("companyName", Company, COMPANY),
            ("companyCoCNumber", Kvk, Some(Kind::Kvk)),
            ("addressBillingStreet", Street, STREET),
            ("addressBillingNumber", Number, NUMBER),
            ("addressBillingExtension", Suffix, NUMBER),
            ("addressBillingZipcode", Postcode, ZIP),
            ("addressBillingCity", City, CITY),
            ("addressBillingCountry", Word(LAND), N),
        ],
    ),
    plain(
        "eigen lijst",
        "klanten.csv",
        &[
            ("Klantnummer", Order, N),
            ("Aanhef", Title, GENDER),
            ("Voornaam", Given, GIVEN),
            ("Tussenvoegsel", Infix, SURNAME),
            ("Achternaam", Surname, SURNAME),
            ("Straat", Street, STREET),
            ("Huisnr", Number, NUMBER),
            ("Toevoeging", Suffix, NUMBER),
            ("Postcode", Postcode, ZIP),
            ("Woonplaats", City, CITY),
            ("E-mailadres", Email, EMAIL),
            ("Telefoonnummer", Phone, PHONE),
            ("Geboortedatum", BornDutch, BORN),
            ("Rekeningnummer", Iban, Some(Kind::Iban)),
            ("BSN", Bsn, Some(Kind::Bsn)),
            ("Kenteken", Plate, Some(Kind::Plate)),
            ("Wachtwoord", PassPlain, WEAK),
            ("Opmerkingen", Note, NOTE),
            ("Allergie", Allergy, Some(Kind::Special(crate::Special::Health))),
            ("KvK-nummer", Kvk, Some(Kind::Kvk)),
            ("Klant sinds", Day, N),
        ],
    ),
    // Nothing in the names of these columns helps.
    plain(
        "zonder namen",
        "export1.csv",
        &[
            ("kolom 1", Order, N),
            ("kolom 2", Bsn, Some(Kind::Bsn)),
            ("kolom 3", Iban, Some(Kind::Iban)),
            ("kolom 4", Card, Some(Kind::Card)),
            ("kolom 5", Email, EMAIL),
            ("kolom 6", Phone, PHONE),
            ("kolom 7", Postcode, ZIP),
            ("kolom 8", Born, BORN),
            ("kolom 9", Ean, N),
            ("kolom 10", Make::LongNumber, N),
            ("kolom 11", Amount, N),
            ("kolom 12", Day, N),
            ("kolom 13", Name, NAME),
            ("kolom 14", Sku, N),
            ("kolom 15", Vat, Some(Kind::Vat)),
            ("kolom 16", Ip, IP),
            ("kolom 17", Version, N),
            ("kolom 18", Uuid, N),
        ],
    ),
    plain(
        "boekhouding",
        "facturen.csv",
        &[
            ("Factuurnummer", Order, N),
            ("Factuurdatum", Day, N),
            ("Debiteurnr", Seq(20_000_000), N),
            ("Naam", Name, NAME),
            ("Bedrag", Amount, N),
            ("Betalingskenmerk", LongNumber, N),
            ("Tegenrekening", Iban, Some(Kind::Iban)),
            ("BTW-nummer", OldVat, Some(Kind::VatWithBsn)),
        ],
    ),
    plain(
        "voorraad",
        "artikelen.csv",
        &[
            ("Artikelnummer", Seq(10_000_000), N),
            ("EAN", Ean, N),
            ("Barcode", Ean, N),
            ("SKU", Sku, N),
            ("Omschrijving", Product, N),
            ("Naam artikel", Make::Person, N),
            ("Titel", Product, N),
            ("Merk", Make::Person, N),
            ("Kleur", Colour, N),
            ("Maat", Size, N),
            ("Magazijn", Town, N),
            ("Prijs", Amount, N),
            ("Serienummer", LongNumber, N),
            ("Leverancier", Word(&["Van Dijk BV", "Bakker & Zn"]), N),
            ("GTIN", Ean, N),
        ],
    ),
    plain(
        "verzending",
        "zendingen.csv",
        &[
            ("Zending", Track, N),
            ("Order", Order, N),
            ("Trackingnummer", LongNumber, N),
            ("Ontvanger", Name, NAME),
            ("Postcode", Postcode, ZIP),
            ("Gewicht", Amount, N),
            ("Vervoerder", Word(&["PostNL", "DHL"]), N),
            ("Depot", Town, N),
            ("Verzonden op", Created, N),
        ],
    ),
    plain(
        "beoordelingen",
        "reviews.csv",
        &[("nickname", Nick, GIVEN), ("rating", Count, N), ("detail", Review, NOTE), ("product", Product, N)],
    ),
];

impl TableSpec {
    /// The names of its columns.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let keyed = self.keyed.iter().flat_map(|(key, value, _)| [*key, *value]);
        self.columns.iter().map(|(name, ..)| *name).chain(keyed).map(str::to_owned).collect()
    }

    /// Every column with what it truly holds; `value[key]` where names stand in a column of their own.
    #[must_use]
    pub fn truth(&self) -> Vec<(String, Option<Kind>)> {
        let plain = self.columns.iter().map(|(name, _, kind)| ((*name).to_owned(), *kind));
        let keyed = self.keyed.iter().flat_map(|(_, value, specs)| {
            specs.iter().map(move |(key, _, kind)| (format!("{value}[{key}]"), *kind))
        });
        plain.chain(keyed).collect()
    }

    /// Makes the rows of customer `n`: one, or one for each name that stands in a column of its own.
    pub fn rows(&self, dice: &mut Dice, n: u64) -> Vec<Vec<String>> {
        let person = people::Person::invent(dice);
        let plain = |dice: &mut Dice| -> Vec<String> {
            self.columns.iter().map(|(_, make, _)| cell(dice, &person, *make, n)).collect()
        };
        match self.keyed {
            None => vec![plain(dice)],
            Some((_, _, specs)) => specs
                .iter()
                .map(|(key, make, _)| {
                    let mut row = plain(dice);
                    row.extend([(*key).to_owned(), cell(dice, &person, *make, n)]);
                    row
                })
                .collect(),
        }
    }
}

/// A cell of customer `n`.
fn cell(dice: &mut Dice, person: &Person, make: Make, n: u64) -> String {
    of_person(dice, person, make).unwrap_or_else(|| of_nobody(dice, make, n))
}

fn of_person(dice: &mut Dice, person: &Person, make: Make) -> Option<String> {
    let (year, month, day) = person.born;
    Some(match make {
        Email | Login => person.email.clone(),
        Given => person.given.clone(),
        Nick => person.given.clone(),
        Family => person.family(),
        Surname => person.surname.clone(),
        Infix => person.infix.clone(),
        Name => person.name(),
        Phone => person.phone.clone(),
        PhoneQuoted => format!("'{}", person.phone),
        Line => format!("{} {}", person.street, person.number),
        Line2 if dice.percent(90) => String::new(),
        Line2 => dice.pick(&["3 hoog", "Appartement 12", "t.a.v. receptie", "achterom"]).to_owned(),
        Lines => format!("{}\n{}", person.street, person.number),
        Street => person.street.clone(),
        Number => (1 + dice.below(300)).to_string(),
        Suffix => dice.pick(&["", "", "", "a", "bis", "2", "hs", "B"]).to_owned(),
        Postcode => person.postcode.clone(),
        PostcodeQuoted => format!("'{}", person.postcode),
        City => person.city.clone(),
        Company if dice.percent(75) => String::new(),
        Company => dice.pick(people::COMPANY).to_owned(),
        // Not everybody fills it in.
        Born if dice.percent(30) => String::new(),
        Born => format!("{year}-{month:02}-{day:02}"),
        BornDutch => format!("{day:02}-{month:02}-{year}"),
        BornTime => format!("{year}-{month:02}-{day:02} 00:00:00"),
        GenderNumber => (1 + dice.below(2)).to_string(),
        Title => dice.pick(&["dhr.", "mevr.", "Dhr.", "Mevr."]).to_owned(),
        Ip => person.ip.clone(),
        Agent => "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned(),
        PassWp => format!("$P$B{}", hash_text(dice, 30)),
        PassSlow => format!("$2y$10${}", hash_text(dice, 53)),
        PassMd5 => {
            format!("{:016x}{:016x}:{}:0", dice.roll(), dice.roll(), hash_text(dice, 16).replace('/', "a"))
        }
        PassPlain => dice.pick(&["welkom01", "zomer2026!", "geheim", "Qwerty123"]).to_owned(),
        Note => note(dice, person),
        Review => dice
            .pick(&[
                "Mooie kwaliteit en snel geleverd, aanrader",
                "Kleur viel tegen, wel netjes verpakt dit keer",
            ])
            .to_owned(),
        Vat if dice.percent(60) => String::new(),
        Vat => people::vat(dice),
        OldVat if dice.percent(60) => String::new(),
        OldVat => people::vat_with_bsn(dice),
        Kvk => (10_000_000 + dice.below(89_999_999)).to_string(),
        Iban => people::iban(dice),
        Card => people::card(dice),
        Bsn => people::bsn(dice),
        Plate => people::plate(dice),
        Allergy => dice.pick(&["", "", "noten", "gluten", "lactose", "pinda en noten"]).to_owned(),
        _ => return None,
    })
}

/// What people write with an order; most write nothing.
fn note(dice: &mut Dice, person: &Person) -> String {
    match dice.below(20) {
        0 => "graag bij de buren afgeven als wij er niet zijn".to_owned(),
        1 => format!("bel even vooraf op {} voor de levering", person.phone),
        2 => "mijn moeder heeft diabetes dus geen chocola meesturen".to_owned(),
        3 => "het is een cadeau, geen factuur in de doos doen".to_owned(),
        4 => format!("liever mailen naar {} dan bellen", person.email),
        _ => String::new(),
    }
}

fn of_nobody(dice: &mut Dice, make: Make, n: u64) -> String {
    match make {
        Seq(start) => (start + n).to_string(),
        // Nine digits: one in eleven passes the eleven test.
        Order => (200_015_000 + n * 3).to_string(),
        OrderOfDay => format!("#{}", 1_001 + n),
        Ean => people::ean(dice),
        Sku => format!("{}-{:06}", dice.pick(&["FTS", "XK", "AB12"]), dice.below(1_000_000)),
        Track => format!("3S{}{:09}", dice.pick(&["ABCD", "KLNT"]), dice.below(1_000_000_000)),
        LongNumber => (4_500_000_000_000_000 + dice.below(99_999_999_999_999)).to_string(),
        Amount => format!("{}.{:02}", dice.below(500), dice.below(100)),
        Count => dice.below(100).to_string(),
        Flag => dice.below(2).to_string(),
        Created => format!(
            "20{:02}-{:02}-{:02} {:02}:{:02}:{:02}",
            18 + dice.below(9),
            1 + dice.below(12),
            1 + dice.below(28),
            dice.below(24),
            dice.below(60),
            dice.below(60)
        ),
        Day => format!("{:02}-{:02}-20{:02}", 1 + dice.below(28), 1 + dice.below(12), 18 + dice.below(9)),
        Status => dice.pick(STATES).to_owned(),
        Product => people::product(dice),
        ProductText => format!("{}, van massief eiken, met de hand gemaakt in Gouda", people::product(dice)),
        Make::Person => dice
            .pick(&["Jan Steen", "Lotte", "Iris", "Willem de Zwijger", "Sven", "Roos Vonk", "Sanne"])
            .to_owned(),
        Town => dice.pick(&["Utrecht", "Tilburg", "Almere"]).to_owned(),
        Colour => dice.pick(&["Wit", "Zwart", "Groen", "Blauw", "Rood"]).to_owned(),
        Size => dice.pick(&["m", "x", "s", "l", "v"]).to_owned(),
        Version => format!("{}.{}.{}.0", 1 + dice.below(9), dice.below(10), dice.below(10)),
        Uuid => format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            dice.below(1 << 32),
            dice.below(1 << 16),
            dice.below(4_096),
            dice.below(4_096),
            dice.below(1 << 48)
        ),
        Slug => format!("product-{}-{}", dice.pick(&["jan", "vaas", "utrecht"]), n),
        Key => format!("wc_order_{}", hash_text(dice, 13).replace(['/', '.'], "x")),
        Serial => "a:1:{s:8:\"customer\";b:1;}".to_owned(),
        Word(list) => dice.pick(list).to_owned(),
        _ => String::new(),
    }
}
