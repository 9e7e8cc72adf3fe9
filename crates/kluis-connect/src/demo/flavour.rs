//! Invented customers as the exports of ten systems write them: headings and values of each in one table.

use std::fmt::Write as _;
use std::io::{self, Write};

use kluis_model::TimeMs;

use super::{Demo, Person, write_date, write_number};

/// Every field of an invented customer.
pub(super) const FIELDS: [&str; 18] = [
    "email",
    "phone",
    "given_name",
    "infix",
    "surname",
    "company",
    "street",
    "house_number",
    "house_number_suffix",
    "postcode",
    "city",
    "region",
    "country",
    "customer_number",
    "vat_number",
    "company_number",
    "birth_date",
    "gender",
];

/// A system whose export is imitated. Which headings are checked and which from memory stands with the presets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// WooCommerce, customers with usermeta.
    WooCommerce,
    /// Shopify, customers.
    Shopify,
    /// Magento 2, the columns of its sample file.
    Magento2,
    /// PrestaShop, customer and address tables.
    PrestaShop,
    /// Lightspeed eCom, customers.
    Lightspeed,
    /// OpenCart, customer and address tables.
    OpenCart,
    /// Mailchimp, audience.
    Mailchimp,
    /// Brevo, contacts.
    Brevo,
    /// HubSpot, contacts.
    HubSpot,
    /// Salesforce, Contact.
    Salesforce,
}

/// What a column holds.
#[derive(Clone, Copy)]
enum Cell {
    /// A field as it is.
    Is(&'static str),
    /// A field with an apostrophe in front, as Shopify protects it from Excel.
    Quoted(&'static str),
    /// Tussenvoegsel and surname.
    Surname,
    /// Given name, tussenvoegsel and surname.
    Name,
    /// Street, number and suffix on one line.
    StreetLine,
    /// Street, number and suffix on a line each.
    StreetLines,
    /// The whole address in one cell, two spaces between its parts.
    Address,
    /// `Netherlands`.
    CountryName,
    /// 1 male, 2 female.
    GenderNumber,
    /// Consent for the newsletter in the two words given.
    Consent(&'static str, &'static str),
    /// When consent was given, else empty.
    ConsentAt,
    /// When they became a customer.
    Created,
    /// The same text for everybody: what an import must leave alone, or nothing.
    Text(&'static str),
}

use Cell::{
    Address, Consent, ConsentAt, CountryName, Created, GenderNumber, Is, Name, Quoted, StreetLine,
    StreetLines,
};
use Cell::{Surname, Text};

type Columns = &'static [(&'static str, Cell)];

const WOOCOMMERCE: Columns = &[
    ("customer_id", Is("customer_number")),
    ("user_login", Is("email")),
    ("user_pass", Text("$P$Bnot.a.real.hash.but.looks.like.one")),
    ("user_email", Is("email")),
    ("user_registered", Created),
    ("display_name", Name),
    ("first_name", Is("given_name")),
    ("last_name", Surname),
    ("billing_first_name", Is("given_name")),
    ("billing_last_name", Surname),
    ("billing_company", Is("company")),
    ("billing_address_1", StreetLine),
    ("billing_address_2", Text("")),
    ("billing_city", Is("city")),
    ("billing_postcode", Is("postcode")),
    ("billing_state", Text("")),
    ("billing_country", Is("country")),
    ("billing_email", Is("email")),
    ("billing_phone", Is("phone")),
    ("shipping_first_name", Is("given_name")),
    ("shipping_last_name", Surname),
    ("shipping_company", Text("")),
    ("shipping_address_1", StreetLine),
    ("shipping_address_2", Text("")),
    ("shipping_city", Is("city")),
    ("shipping_postcode", Is("postcode")),
    ("shipping_state", Text("")),
    ("shipping_country", Is("country")),
    ("session_tokens", Text("a:1:{s:64:\"not a real token\";}")),
    ("last_ip", Text("192.0.2.7")),
];

const SHOPIFY: Columns = &[
    ("Customer ID", Quoted("customer_number")),
    ("First Name", Is("given_name")),
    ("Last Name", Surname),
    ("Email", Is("email")),
    ("Accepts Email Marketing", Consent("yes", "no")),
    ("Default Address Company", Is("company")),
    ("Default Address Address1", StreetLine),
    ("Default Address Address2", Text("")),
    ("Default Address City", Is("city")),
    ("Default Address Province Code", Text("")),
    ("Default Address Country Code", Is("country")),
    ("Default Address Zip", Quoted("postcode")),
    ("Default Address Phone", Quoted("phone")),
    ("Phone", Quoted("phone")),
    ("Accepts SMS Marketing", Text("no")),
    ("Total Spent", Text("0.00")),
    ("Total Orders", Text("0")),
    ("Note", Text("")),
    ("Tax Exempt", Text("no")),
    ("Tags", Text("")),
];

const MAGENTO: Columns = &[
    ("firstname", Is("given_name")),
    ("lastname", Surname),
    ("email", Is("email")),
    ("password", Text("not a real password")),
    ("dob", Is("birth_date")),
    ("gender", GenderNumber),
    ("street", StreetLines),
    ("city", Is("city")),
    ("region", Is("region")),
    ("country_id", Is("country")),
    ("postcode", Is("postcode")),
    ("telephone", Is("phone")),
];

const PRESTASHOP: Columns = &[
    ("id_customer", Is("customer_number")),
    ("id_gender", GenderNumber),
    ("company", Is("company")),
    ("siret", Is("company_number")),
    ("ape", Text("")),
    ("firstname", Is("given_name")),
    ("lastname", Surname),
    ("email", Is("email")),
    ("passwd", Text("$2y$10$not.a.real.hash")),
    ("birthday", Is("birth_date")),
    ("newsletter", Consent("1", "0")),
    ("ip_registration_newsletter", Text("192.0.2.7")),
    ("newsletter_date_add", Created),
    ("optin", Text("0")),
    ("website", Text("")),
    ("secure_key", Text("00000000000000000000000000000000")),
    ("note", Text("")),
    ("address1", StreetLine),
    ("address2", Text("")),
    ("postcode", Is("postcode")),
    ("city", Is("city")),
    ("phone", Text("")),
    ("phone_mobile", Is("phone")),
    ("vat_number", Is("vat_number")),
    ("date_add", Created),
];

const LIGHTSPEED: Columns = &[
    ("id", Is("customer_number")),
    ("gender", Is("gender")),
    ("birth_date", Is("birth_date")),
    ("national_id", Text("000000000")),
    ("email", Is("email")),
    ("firstname", Is("given_name")),
    ("middlename", Is("infix")),
    ("lastname", Is("surname")),
    ("phone", Is("phone")),
    ("mobile", Text("")),
    ("remote_ip", Text("192.0.2.7")),
    ("is_company", Text("0")),
    ("company_name", Is("company")),
    ("company_coc_number", Is("company_number")),
    ("company_vat_number", Is("vat_number")),
    ("address_billing_name", Name),
    ("address_billing_street", Is("street")),
    ("address_billing_street2", Text("")),
    ("address_billing_number", Is("house_number")),
    ("address_billing_extension", Is("house_number_suffix")),
    ("address_billing_zipcode", Is("postcode")),
    ("address_billing_city", Is("city")),
    ("address_billing_region", Is("region")),
    ("address_billing_country", Is("country")),
    ("address_shipping_company", Text("")),
    ("address_shipping_name", Name),
    ("address_shipping_street", Is("street")),
    ("address_shipping_number", Is("house_number")),
    ("address_shipping_extension", Is("house_number_suffix")),
    ("address_shipping_zipcode", Is("postcode")),
    ("address_shipping_city", Is("city")),
    ("address_shipping_country", Is("country")),
];

const OPENCART: Columns = &[
    ("customer_id", Is("customer_number")),
    ("customer_group_id", Text("1")),
    ("store_id", Text("0")),
    ("firstname", Is("given_name")),
    ("lastname", Surname),
    ("email", Is("email")),
    ("telephone", Is("phone")),
    ("password", Text("$2y$10$not.a.real.hash")),
    ("custom_field", Text("[]")),
    ("newsletter", Consent("1", "0")),
    ("ip", Text("192.0.2.7")),
    ("token", Text("")),
    ("code", Text("")),
    ("date_added", Created),
    ("company", Is("company")),
    ("address_1", StreetLine),
    ("address_2", Text("")),
    ("city", Is("city")),
    ("postcode", Is("postcode")),
    ("country", CountryName),
    ("zone", Is("region")),
];

const MAILCHIMP: Columns = &[
    ("Email Address", Is("email")),
    ("First Name", Is("given_name")),
    ("Last Name", Surname),
    ("Address", Address),
    ("Phone Number", Is("phone")),
    ("MEMBER_RATING", Text("2")),
    ("OPTIN_TIME", ConsentAt),
    ("OPTIN_IP", Text("192.0.2.7")),
    ("CONFIRM_TIME", ConsentAt),
    ("CONFIRM_IP", Text("192.0.2.7")),
    ("LATITUDE", Text("52.1")),
    ("LONGITUDE", Text("5.2")),
    ("GMTOFF", Text("1")),
    ("DSTOFF", Text("2")),
    ("TIMEZONE", Text("Europe/Amsterdam")),
    ("CC", Text("NL")),
    ("REGION", Text("ZH")),
    ("LAST_CHANGED", Created),
    ("LEID", Text("1")),
    ("EUID", Text("0")),
    ("NOTES", Text("")),
    ("TAGS", Text("")),
];

const BREVO: Columns = &[
    ("CONTACT ID", Is("customer_number")),
    ("EMAIL", Is("email")),
    ("FIRSTNAME", Is("given_name")),
    ("LASTNAME", Surname),
    ("SMS", Is("phone")),
    ("LANDLINE_NUMBER", Text("")),
    ("WHATSAPP", Text("")),
    ("INTERESTS", Text("")),
    ("OPT_IN", Consent("true", "false")),
    ("DOUBLE_OPT-IN", Consent("Yes", "No")),
];

const HUBSPOT: Columns = &[
    ("Record ID", Is("customer_number")),
    ("First Name", Is("given_name")),
    ("Last Name", Surname),
    ("Email", Is("email")),
    ("Phone Number", Is("phone")),
    ("Contact owner", Text("")),
    ("Lead Status", Text("")),
    ("Create Date", Created),
    ("Last Modified Date", Created),
    ("Lifecycle Stage", Text("Customer")),
    ("Associated Company", Is("company")),
    ("Job Title", Text("")),
    ("Street Address", StreetLine),
    ("City", Is("city")),
    ("State/Region", Is("region")),
    ("Postal Code", Is("postcode")),
    ("Country/Region", CountryName),
    ("Original Source", Text("Offline Sources")),
];

const SALESFORCE: Columns = &[
    ("Id", Is("customer_number")),
    ("AccountId", Text("")),
    ("LastName", Surname),
    ("FirstName", Is("given_name")),
    ("Salutation", Text("")),
    ("Name", Name),
    ("MailingStreet", StreetLine),
    ("MailingCity", Is("city")),
    ("MailingState", Is("region")),
    ("MailingPostalCode", Is("postcode")),
    ("MailingCountry", CountryName),
    ("Phone", Is("phone")),
    ("Fax", Text("")),
    ("MobilePhone", Text("")),
    ("Email", Is("email")),
    ("Title", Text("")),
    ("Birthdate", Is("birth_date")),
    ("Description", Text("")),
    ("HasOptedOutOfEmail", Text("0")),
    ("DoNotCall", Text("0")),
    ("CreatedDate", Created),
];

impl Flavour {
    /// Every flavour.
    pub const ALL: [Self; 10] = [
        Self::WooCommerce,
        Self::Shopify,
        Self::Magento2,
        Self::PrestaShop,
        Self::Lightspeed,
        Self::OpenCart,
        Self::Mailchimp,
        Self::Brevo,
        Self::HubSpot,
        Self::Salesforce,
    ];

    /// Returns the id of the shape as which such a file is recognised.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::WooCommerce => "woocommerce",
            Self::Shopify => "shopify",
            Self::Magento2 => "magento2",
            Self::PrestaShop => "prestashop",
            Self::Lightspeed => "lightspeed",
            Self::OpenCart => "opencart",
            Self::Mailchimp => "mailchimp",
            Self::Brevo => "brevo",
            Self::HubSpot => "hubspot",
            Self::Salesforce => "salesforce",
        }
    }

    const fn columns(self) -> Columns {
        match self {
            Self::WooCommerce => WOOCOMMERCE,
            Self::Shopify => SHOPIFY,
            Self::Magento2 => MAGENTO,
            Self::PrestaShop => PRESTASHOP,
            Self::Lightspeed => LIGHTSPEED,
            Self::OpenCart => OPENCART,
            Self::Mailchimp => MAILCHIMP,
            Self::Brevo => BREVO,
            Self::HubSpot => HUBSPOT,
            Self::Salesforce => SALESFORCE,
        }
    }

    /// Returns the fields of a customer that this export carries.
    #[must_use]
    pub fn fields(self) -> Vec<&'static str> {
        let holds = |field: &str| {
            self.columns().iter().any(|(_, cell)| match cell {
                Is(name) | Quoted(name) => *name == field,
                Surname => ["infix", "surname"].contains(&field),
                StreetLine | StreetLines => {
                    ["street", "house_number", "house_number_suffix"].contains(&field)
                }
                Address => {
                    ["street", "house_number", "house_number_suffix", "postcode", "city", "region", "country"]
                        .contains(&field)
                }
                CountryName => field == "country",
                GenderNumber => field == "gender",
                Name | Consent(..) | ConsentAt | Created | Text(_) => false,
            })
        };
        FIELDS.into_iter().filter(|field| holds(field)).collect()
    }

    const fn delimiter(self) -> u8 {
        match self {
            Self::PrestaShop | Self::Brevo => b';',
            _ => b',',
        }
    }
}

impl Demo {
    /// Writes customers 0 to `rows` as an export of the system: UTF-8, its own headings and delimiter.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write_csv(&self, flavour: Flavour, rows: u64, mut to: impl Write) -> io::Result<()> {
        let (columns, delimiter) = (flavour.columns(), char::from(flavour.delimiter()));
        let mut text = String::with_capacity(80 * 1024);
        let mut cell = String::new();
        for (n, (header, _)) in columns.iter().enumerate() {
            push_cell(&mut text, header, n, delimiter);
        }
        text.push('\n');
        for number in 0..rows {
            let person = self.person(number);
            for (n, (_, holds)) in columns.iter().enumerate() {
                cell.clear();
                person.push_cell(*holds, &mut cell);
                push_cell(&mut text, &cell, n, delimiter);
            }
            text.push('\n');
            if text.len() > 64 * 1024 {
                to.write_all(text.as_bytes())?;
                text.clear();
            }
        }
        to.write_all(text.as_bytes())?;
        to.flush()
    }
}

/// Adds a cell to a line, in quotes where it needs them (RFC 4180).
fn push_cell(line: &mut String, cell: &str, column: usize, delimiter: char) {
    if column > 0 {
        line.push(delimiter);
    }
    if cell.bytes().any(|b| matches!(b, b',' | b';' | b'"' | b'\n' | b'\r')) {
        line.push('"');
        for (n, part) in cell.split('"').enumerate() {
            line.push_str(if n > 0 { "\"\"" } else { "" });
            line.push_str(part);
        }
        line.push('"');
    } else {
        line.push_str(cell);
    }
}

impl Person {
    fn push_cell(&self, cell: Cell, to: &mut String) {
        match cell {
            Is(name) => self.push_field(name, to),
            Quoted(name) => {
                to.push('\'');
                self.push_field(name, to);
            }
            Surname => self.push_surname(to),
            Name => {
                to.push_str(self.given);
                to.push(' ');
                self.push_surname(to);
            }
            StreetLine => self.push_street(to, ' '),
            StreetLines => self.push_street(to, '\n'),
            Address => {
                self.push_street(to, ' ');
                to.push_str("    ");
                for name in ["city", "region", "postcode"] {
                    self.push_field(name, to);
                    to.push_str("  ");
                }
                to.push_str("NL");
            }
            CountryName => to.push_str("Netherlands"),
            GenderNumber => to.push(if self.is_female { '2' } else { '1' }),
            Consent(yes, no) => to.push_str(if self.has_consent { yes } else { no }),
            ConsentAt if self.has_consent => push_time(self.created, to),
            ConsentAt => {}
            Created => push_time(self.created, to),
            Text(text) => to.push_str(text),
        }
    }

    /// Writes the value of a field; nothing when the customer has none.
    pub(super) fn push_field(&self, name: &str, to: &mut String) {
        match name {
            "email" => self.push_email(to),
            "phone" => push_ascii(&self.phone, to),
            "given_name" => to.push_str(self.given),
            "infix" => to.push_str(self.infix),
            "surname" => to.push_str(self.surname),
            "street" => to.push_str(self.street),
            "house_number" => push_number(u64::from(self.house_number), to),
            "house_number_suffix" => to.push_str(self.suffix),
            "postcode" => push_ascii(&self.postcode, to),
            "city" => to.push_str(self.city.name),
            "region" => to.push_str(self.city.province),
            "country" => to.push_str("NL"),
            "customer_number" => push_number(self.number.saturating_add(10_001), to),
            "birth_date" => push_ascii(&self.birth_date, to),
            "gender" => to.push_str(if self.is_female { "female" } else { "male" }),
            _ => self.push_company_field(name, to),
        }
    }

    fn push_company_field(&self, name: &str, to: &mut String) {
        let Some((trade, number)) = self.company else {
            return;
        };
        match name {
            "company" => {
                to.push_str(trade);
                to.push(' ');
                to.push_str(self.surname);
            }
            "company_number" => push_number(u64::from(number), to),
            "vat_number" => {
                // The check of numbers since 2020: letters as numbers (N 23, L 21, B 11), the whole modulo 97 is 1.
                let nine = u64::from(number) * 10 + 7;
                let base = ((2_321_000_000_000 + nine) * 100 + 11) % 97;
                let check = (98 - base * 100 % 97) % 97;
                let check = if check < 2 { check + 97 } else { check };
                let _ = write!(to, "NL{nine:09}B{check:02}");
            }
            _ => {}
        }
    }

    /// Writes given name, surname and number: the number makes it unique, for names have no digits.
    fn push_email(&self, to: &mut String) {
        push_folded(self.given, to);
        to.push('.');
        push_folded(self.surname, to);
        push_number(self.number, to);
        to.push('@');
        to.push_str(self.domain);
        to.push_str(".example");
    }

    fn push_surname(&self, to: &mut String) {
        if !self.infix.is_empty() {
            to.push_str(self.infix);
            to.push(' ');
        }
        to.push_str(self.surname);
    }

    fn push_street(&self, to: &mut String, between: char) {
        to.push_str(self.street);
        to.push(between);
        push_number(u64::from(self.house_number), to);
        if !self.suffix.is_empty() {
            to.push(between);
            to.push_str(self.suffix);
        }
    }
}

fn push_ascii(bytes: &[u8], to: &mut String) {
    to.extend(bytes.iter().map(|byte| char::from(*byte)));
}

fn push_number(number: u64, to: &mut String) {
    let mut digits = [0; 20];
    write_number(number, &mut digits);
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count().min(19);
    push_ascii(&digits[zeros..], to);
}

/// Writes `YYYY-MM-DD HH:MM:SS` in UTC.
fn push_time(at: TimeMs, to: &mut String) {
    let mut text = *b"0000-00-00 00:00:00";
    let mut date = [0; 10];
    write_date(at, &mut date);
    text[..10].copy_from_slice(&date);
    let seconds = u64::try_from(at.0.rem_euclid(86_400_000) / 1_000).unwrap_or(0);
    write_number(seconds / 3_600, &mut text[11..13]);
    write_number(seconds / 60 % 60, &mut text[14..16]);
    write_number(seconds % 60, &mut text[17..]);
    push_ascii(&text, to);
}

/// Writes the letters of a name small and without accents.
fn push_folded(name: &str, to: &mut String) {
    to.extend(name.chars().filter_map(|c| match c {
        'A'..='Z' => Some(c.to_ascii_lowercase()),
        'a'..='z' => Some(c),
        'é' | 'ë' => Some('e'),
        'ı' => Some('i'),
        'Ç' => Some('c'),
        _ => None,
    }));
}
