//! The headings of the exports of ten systems: by which they are recognised and what each column becomes.
//!
//! Where a list was checked against a system's source or against real files, it says "checked"; where it is from
//! memory, it says so. A column that a list does not name is read by [`crate::header`].

use std::borrow::Cow;

use kluis_model::StartEvent;

use crate::header::key;
use crate::mapping::Target;

/// How a file was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Stable word, such as `woocommerce`.
    pub id: String,
    /// What people call it, such as WooCommerce.
    pub name: String,
    /// Where the knowledge comes from.
    pub origin: ShapeOrigin,
}

/// Where the knowledge of a shape comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShapeOrigin {
    /// One of the systems known by heart.
    Preset,
    /// A mapping file.
    Mapping,
    /// Guessed from headings one by one.
    Guessed,
}

impl ShapeOrigin {
    /// Returns the stable word.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Preset => "preset",
            Self::Mapping => "mapping",
            Self::Guessed => "guessed",
        }
    }
}

/// One known export. `columns` are heading, target and rank of the name or address it belongs to.
pub(crate) struct Preset {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// The file is this export when all headings of one of these sets are there.
    signatures: &'static [&'static [&'static str]],
    pub(crate) columns: &'static [(&'static str, Target, u8)],
    /// Whether ids, telephone numbers and postcodes come with an apostrophe in front.
    pub(crate) strip_apostrophe: bool,
    /// In an order export, the column that is the same on all lines of one order.
    pub(crate) order_key: Option<&'static str>,
}

/// Returns the known export that fits the headings best.
pub(crate) fn recognise(headers: &[String]) -> Option<&'static Preset> {
    let keys: Vec<String> = headers.iter().map(|header| key(header)).collect();
    let has = |wanted: &str| keys.contains(&key(wanted));
    let fits = |preset: &&Preset| preset.signatures.iter().any(|set| set.iter().all(|wanted| has(wanted)));
    let known = |preset: &&Preset| preset.columns.iter().filter(|column| has(column.0)).count();
    PRESETS.iter().filter(fits).max_by_key(known)
}

const fn f(header: &'static str, name: &'static str, rank: u8) -> (&'static str, Target, u8) {
    (header, Target::field(name), rank)
}

const fn t(header: &'static str, target: Target, rank: u8) -> (&'static str, Target, u8) {
    (header, target, rank)
}

const fn yes(header: &'static str) -> (&'static str, Target, u8) {
    (header, Target::newsletter_flag(), 0)
}

const fn opt_out(header: &'static str) -> (&'static str, Target, u8) {
    (header, Target::ConsentFlag { purpose: Cow::Borrowed("newsletter"), opt_in: false }, 0)
}

const fn given_at(header: &'static str) -> (&'static str, Target, u8) {
    (header, Target::ConsentTime { purpose: Cow::Borrowed("newsletter"), given: true }, 0)
}

const fn withdrawn_at(header: &'static str) -> (&'static str, Target, u8) {
    (header, Target::ConsentTime { purpose: Cow::Borrowed("newsletter"), given: false }, 0)
}

const fn moment(header: &'static str) -> (&'static str, Target, u8) {
    (header, Target::ConsentMoment { purpose: Cow::Borrowed("newsletter") }, 0)
}

const fn event(header: &'static str, event: StartEvent) -> (&'static str, Target, u8) {
    (header, Target::Event(event), 0)
}

const fn no(header: &'static str) -> (&'static str, Target, u8) {
    (header, Target::Ignore, 0)
}

const CREATED: StartEvent = StartEvent::Created;
const ACTIVE: StartEvent = StartEvent::LastActivity;
const ORDERED: StartEvent = StartEvent::OrderCompleted;
use Target::{AddressBlock, Country, Gender, MiddleName, SecondLine, StreetLine, Surname, WholeName};

static PRESETS: [Preset; 12] = [
    WOOCOMMERCE,
    WOOCOMMERCE_REPORT,
    SHOPIFY,
    SHOPIFY_ORDERS,
    MAGENTO,
    PRESTASHOP,
    OPENCART,
    LIGHTSPEED,
    MAILCHIMP,
    BREVO,
    HUBSPOT,
    SALESFORCE,
];

/// Field names (users, usermeta, orders): checked. Which of them an export plugin writes differs; the set that common
/// customer export plugins write, and their order, is from memory.
const WOOCOMMERCE: Preset = Preset {
    id: "woocommerce",
    name: "WooCommerce",
    signatures: &[
        &["billing_first_name", "billing_last_name", "billing_postcode"],
        &["billing_email", "billing_address_1"],
        &["user_login", "user_email", "user_registered"],
    ],
    columns: &[
        f("customer_id", "customer_number", 0),
        f("customer_user", "customer_number", 1),
        f("user_email", "email", 0),
        f("billing_email", "email", 1),
        f("first_name", "given_name", 1),
        t("last_name", Surname, 1),
        f("billing_first_name", "given_name", 0),
        t("billing_last_name", Surname, 0),
        f("billing_company", "company", 0),
        t("billing_address_1", StreetLine, 0),
        t("billing_address_2", SecondLine, 0),
        f("billing_postcode", "postcode", 0),
        f("billing_city", "city", 0),
        f("billing_state", "region", 0),
        t("billing_country", Country, 0),
        f("billing_phone", "phone", 0),
        f("shipping_first_name", "given_name", 2),
        t("shipping_last_name", Surname, 2),
        f("shipping_company", "company", 2),
        t("shipping_address_1", StreetLine, 2),
        t("shipping_address_2", SecondLine, 2),
        f("shipping_postcode", "postcode", 2),
        f("shipping_city", "city", 2),
        f("shipping_state", "region", 2),
        t("shipping_country", Country, 2),
        f("shipping_phone", "phone", 2),
        event("user_registered", CREATED),
        event("wc_last_active", ACTIVE),
        no("id"),
        no("nickname"),
        no("display_name"),
        no("description"),
    ],
    strip_apostrophe: false,
    order_key: None,
};

/// Analytics → Customers → Download: headings from memory; `wc_customer_lookup` names: checked.
const WOOCOMMERCE_REPORT: Preset = Preset {
    id: "woocommerce_report",
    name: "WooCommerce (customer report)",
    signatures: &[
        &["Name", "Username", "Last active", "Total spend"],
        &["user_id", "username", "date_last_active", "postcode"],
    ],
    columns: &[
        t("Name", WholeName, 1),
        f("first_name", "given_name", 0),
        t("last_name", Surname, 0),
        no("Username"),
        event("Last active", ACTIVE),
        event("date_last_active", ACTIVE),
        event("Sign up", CREATED),
        f("Email", "email", 0),
        t("Country / Region", Country, 0),
        f("City", "city", 0),
        f("Region", "region", 0),
        f("Postal code", "postcode", 0),
    ],
    strip_apostrophe: false,
    order_key: None,
};

/// Customers export, new and old headings: checked against real files.
const SHOPIFY: Preset = Preset {
    id: "shopify",
    name: "Shopify",
    signatures: &[
        &["First Name", "Last Name", "Accepts Email Marketing"],
        &["First Name", "Last Name", "Accepts Marketing", "Total Spent"],
    ],
    columns: &[
        f("Customer ID", "customer_number", 0),
        f("First Name", "given_name", 0),
        t("Last Name", Surname, 0),
        f("Email", "email", 0),
        yes("Accepts Email Marketing"),
        yes("Accepts Marketing"),
        f("Default Address Company", "company", 0),
        t("Default Address Address1", StreetLine, 0),
        t("Default Address Address2", SecondLine, 0),
        f("Default Address City", "city", 0),
        f("Default Address Province Code", "region", 0),
        t("Default Address Country Code", Country, 0),
        f("Default Address Zip", "postcode", 0),
        f("Default Address Phone", "phone", 1),
        f("Company", "company", 0),
        t("Address1", StreetLine, 0),
        t("Address2", SecondLine, 0),
        f("City", "city", 0),
        f("Province", "region", 0),
        no("Province Code"),
        t("Country Code", Country, 0),
        t("Country", Country, 0),
        f("Zip", "postcode", 0),
        f("Phone", "phone", 0),
        f("Note", "note", 0),
        no("Accepts SMS Marketing"),
        no("Accepts WhatsApp Marketing"),
    ],
    strip_apostrophe: true,
    order_key: None,
};

/// Orders export: checked against real files.
const SHOPIFY_ORDERS: Preset = Preset {
    id: "shopify_orders",
    name: "Shopify (orders)",
    signatures: &[&["Name", "Email", "Financial Status", "Lineitem quantity"]],
    columns: &[
        no("Name"),
        f("Email", "email", 0),
        yes("Accepts Marketing"),
        event("Paid at", ORDERED),
        t("Billing Name", WholeName, 0),
        t("Billing Address1", StreetLine, 0),
        t("Billing Street", StreetLine, 0),
        t("Billing Address2", SecondLine, 0),
        f("Billing Company", "company", 0),
        f("Billing City", "city", 0),
        f("Billing Zip", "postcode", 0),
        f("Billing Province", "region", 0),
        t("Billing Country", Country, 0),
        f("Billing Phone", "phone", 0),
        t("Shipping Name", WholeName, 1),
        t("Shipping Address1", StreetLine, 1),
        t("Shipping Street", StreetLine, 1),
        t("Shipping Address2", SecondLine, 1),
        f("Shipping Company", "company", 1),
        f("Shipping City", "city", 1),
        f("Shipping Zip", "postcode", 1),
        f("Shipping Province", "region", 1),
        t("Shipping Country", Country, 1),
        f("Shipping Phone", "phone", 1),
        f("Phone", "phone", 2),
        no("Notes"),
        no("Created at"),
        no("Id"),
        no("Billing Province Name"),
        no("Shipping Province Name"),
    ],
    strip_apostrophe: true,
    order_key: Some("Name"),
};

/// Column names of tables and the sample CSV: checked. `_website`, `_store` of the customer export: from memory.
const MAGENTO: Preset = Preset {
    id: "magento2",
    name: "Magento 2",
    signatures: &[
        &["firstname", "lastname", "country_id"],
        &["firstname", "lastname", "taxvat"],
        &["firstname", "lastname", "_website"],
        &["customer_email", "customer_firstname", "customer_lastname"],
    ],
    columns: &[
        f("entity_id", "customer_number", 0),
        f("email", "email", 0),
        f("_email", "email", 1),
        f("customer_email", "email", 0),
        f("firstname", "given_name", 0),
        t("middlename", MiddleName, 0),
        t("lastname", Surname, 0),
        f("customer_firstname", "given_name", 0),
        t("customer_middlename", MiddleName, 0),
        t("customer_lastname", Surname, 0),
        no("prefix"),
        no("suffix"),
        f("dob", "birth_date", 0),
        f("customer_dob", "birth_date", 0),
        t("gender", Gender, 0),
        t("customer_gender", Gender, 0),
        f("company", "company", 0),
        t("street", StreetLine, 0),
        f("city", "city", 0),
        f("region", "region", 0),
        no("region_id"),
        t("country_id", Country, 0),
        f("postcode", "postcode", 0),
        f("telephone", "phone", 0),
        f("taxvat", "vat_number", 0),
        f("customer_taxvat", "vat_number", 0),
        f("vat_id", "vat_number", 1),
        f("customer_note", "note", 0),
        event("created_at", CREATED),
        no("fax"),
    ],
    strip_apostrophe: false,
    order_key: None,
};

/// Column names of tables: checked. Headings of the back office's own list export: from memory.
const PRESTASHOP: Preset = Preset {
    id: "prestashop",
    name: "PrestaShop",
    signatures: &[
        &["id_customer", "firstname", "lastname", "email"],
        &["id_gender", "firstname", "lastname"],
        &["firstname", "lastname", "newsletter", "optin"],
        &["Social title", "First name", "Last name", "Email address"],
    ],
    columns: &[
        f("id_customer", "customer_number", 0),
        t("id_gender", Gender, 0),
        t("Social title", Gender, 0),
        f("First name", "given_name", 0),
        t("Last name", Surname, 0),
        f("email", "email", 0),
        f("Email address", "email", 0),
        f("company", "company", 0),
        f("siret", "company_number", 0),
        no("ape"),
        f("birthday", "birth_date", 0),
        yes("newsletter"),
        moment("newsletter_date_add"),
        no("optin"),
        no("Partner offers"),
        t("address1", StreetLine, 0),
        t("address2", SecondLine, 0),
        f("postcode", "postcode", 0),
        f("city", "city", 0),
        f("phone_mobile", "phone", 0),
        f("phone", "phone", 1),
        f("vat_number", "vat_number", 0),
        f("note", "note", 0),
        no("other"),
        no("dni"),
        no("website"),
        event("date_add", CREATED),
        event("Registration", CREATED),
        event("Last visit", ACTIVE),
    ],
    strip_apostrophe: false,
    order_key: None,
};

/// Column names of tables: checked. OpenCart has no customer export of its own; that extensions join customer and
/// address under these names is from memory.
const OPENCART: Preset = Preset {
    id: "opencart",
    name: "OpenCart",
    signatures: &[
        &["customer_group_id", "firstname", "lastname", "telephone"],
        &["firstname", "lastname", "telephone", "custom_field"],
        &["payment_firstname", "payment_lastname", "payment_address_1"],
    ],
    columns: &[
        f("customer_id", "customer_number", 0),
        f("firstname", "given_name", 0),
        t("lastname", Surname, 0),
        f("email", "email", 0),
        f("telephone", "phone", 0),
        yes("newsletter"),
        f("company", "company", 0),
        t("address_1", StreetLine, 0),
        t("address_2", SecondLine, 0),
        f("city", "city", 0),
        f("postcode", "postcode", 0),
        t("country", Country, 0),
        t("iso_code_2", Country, 0),
        f("zone", "region", 0),
        event("date_added", CREATED),
        no("custom_field"),
        no("fax"),
        no("code"),
        no("payment_method"),
        no("comment"),
    ],
    strip_apostrophe: false,
    order_key: None,
};

/// Field names: checked in several clients of the interface; the spelling with underscores in files is from memory.
const LIGHTSPEED: Preset = Preset {
    id: "lightspeed",
    name: "Lightspeed eCom",
    signatures: &[&["address_billing_zipcode"], &["address_billing_street", "address_billing_number"]],
    columns: &[
        f("id", "customer_number", 0),
        t("gender", Gender, 0),
        f("birth_date", "birth_date", 0),
        f("email", "email", 0),
        f("firstname", "given_name", 0),
        t("middlename", MiddleName, 0),
        t("lastname", Surname, 0),
        f("mobile", "phone", 1),
        f("phone", "phone", 0),
        no("is_company"),
        f("company_name", "company", 0),
        f("company_coc_number", "company_number", 0),
        f("company_vat_number", "vat_number", 0),
        t("address_billing_name", WholeName, 1),
        f("address_billing_street", "street", 0),
        t("address_billing_street2", SecondLine, 0),
        f("address_billing_number", "house_number", 0),
        f("address_billing_extension", "house_number_suffix", 0),
        f("address_billing_zipcode", "postcode", 0),
        f("address_billing_city", "city", 0),
        f("address_billing_region", "region", 0),
        t("address_billing_country", Country, 0),
        f("address_shipping_company", "company", 1),
        t("address_shipping_name", WholeName, 2),
        f("address_shipping_street", "street", 1),
        t("address_shipping_street2", SecondLine, 1),
        f("address_shipping_number", "house_number", 1),
        f("address_shipping_extension", "house_number_suffix", 1),
        f("address_shipping_zipcode", "postcode", 1),
        f("address_shipping_city", "city", 1),
        f("address_shipping_region", "region", 1),
        t("address_shipping_country", Country, 1),
        event("created_at", CREATED),
        f("memo", "note", 0),
    ],
    strip_apostrophe: false,
    order_key: None,
};

/// Audience export: checked. That an address stands in one cell with two spaces between its parts is from memory.
const MAILCHIMP: Preset = Preset {
    id: "mailchimp",
    name: "Mailchimp",
    signatures: &[&["Email Address", "MEMBER_RATING"], &["Email Address", "LEID", "EUID"]],
    columns: &[
        f("Email Address", "email", 0),
        f("First Name", "given_name", 0),
        t("Last Name", Surname, 0),
        t("Address", AddressBlock, 0),
        f("Phone Number", "phone", 0),
        given_at("OPTIN_TIME"),
        given_at("CONFIRM_TIME"),
        withdrawn_at("UNSUB_TIME"),
        f("NOTES", "note", 0),
        // Reckoned from the IP address by Mailchimp: nobody gave it.
        no("CC"),
        no("REGION"),
        no("Birthday"),
    ],
    strip_apostrophe: false,
    order_key: None,
};

/// Contact attributes: checked.
const BREVO: Preset = Preset {
    id: "brevo",
    name: "Brevo",
    signatures: &[
        &["CONTACT ID", "EMAIL"],
        &["EMAIL", "FIRSTNAME", "LASTNAME", "SMS"],
        &["EMAIL", "DOUBLE_OPT-IN"],
    ],
    columns: &[
        f("CONTACT ID", "customer_number", 0),
        f("EMAIL", "email", 0),
        f("FIRSTNAME", "given_name", 0),
        t("LASTNAME", Surname, 0),
        f("SMS", "phone", 0),
        f("WHATSAPP", "phone", 1),
        f("LANDLINE_NUMBER", "phone", 2),
        yes("DOUBLE_OPT-IN"),
        yes("OPT_IN"),
        no("INTERESTS"),
    ],
    strip_apostrophe: false,
    order_key: None,
};

/// Contacts export: checked; `Street Address`, `Company Name` and `Unsubscribed from all email` are properties that a
/// shop may have put in its view: from memory.
const HUBSPOT: Preset = Preset {
    id: "hubspot",
    name: "HubSpot",
    signatures: &[
        &["Record ID", "First Name", "Last Name", "Email"],
        &["Lifecycle Stage", "Email", "Last Name"],
    ],
    columns: &[
        f("Record ID", "customer_number", 0),
        f("First Name", "given_name", 0),
        t("Last Name", Surname, 0),
        f("Email", "email", 0),
        f("Phone Number", "phone", 0),
        f("Mobile Phone Number", "phone", 1),
        t("Street Address", StreetLine, 0),
        f("City", "city", 0),
        f("State/Region", "region", 0),
        f("Postal Code", "postcode", 0),
        t("Country/Region", Country, 0),
        f("Company Name", "company", 0),
        f("Associated Company", "company", 1),
        f("Date of birth", "birth_date", 0),
        opt_out("Unsubscribed from all email"),
        event("Create Date", CREATED),
        no("Contact owner"),
        no("Job Title"),
    ],
    strip_apostrophe: false,
    order_key: None,
};

/// Fields of the Contact object: checked.
const SALESFORCE: Preset = Preset {
    id: "salesforce",
    name: "Salesforce",
    signatures: &[
        &["LastName", "MailingStreet", "MailingPostalCode"],
        &["AccountId", "LastName", "Email"],
        &["LastName", "HasOptedOutOfEmail"],
    ],
    columns: &[
        f("Id", "customer_number", 0),
        f("FirstName", "given_name", 0),
        t("LastName", Surname, 0),
        t("Name", WholeName, 1),
        no("Salutation"),
        f("Email", "email", 0),
        f("MobilePhone", "phone", 0),
        f("Phone", "phone", 1),
        f("HomePhone", "phone", 2),
        f("OtherPhone", "phone", 3),
        no("AssistantPhone"),
        no("Fax"),
        t("MailingStreet", StreetLine, 0),
        f("MailingCity", "city", 0),
        f("MailingState", "region", 0),
        f("MailingPostalCode", "postcode", 0),
        t("MailingCountry", Country, 0),
        t("OtherStreet", StreetLine, 1),
        f("OtherCity", "city", 1),
        f("OtherState", "region", 1),
        f("OtherPostalCode", "postcode", 1),
        t("OtherCountry", Country, 1),
        f("Birthdate", "birth_date", 0),
        f("Description", "note", 0),
        opt_out("HasOptedOutOfEmail"),
        event("CreatedDate", CREATED),
        event("LastActivityDate", ACTIVE),
    ],
    strip_apostrophe: false,
    order_key: None,
};

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, id: Option<&str>) {
        let headers: Vec<String> = line.split(',').map(str::to_owned).collect();
        assert_eq!(recognise(&headers).map(|preset| preset.id), id, "{line}");
    }

    #[test]
    fn exports_are_recognised_by_their_headings() {
        check(
            "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company",
            Some("shopify"),
        );
        check("First Name,Last Name,Email,Accepts Marketing,Company,Address1,Total Spent", Some("shopify"));
        check("Name,Email,Financial Status,Paid at,Lineitem quantity,Billing Name", Some("shopify_orders"));
        check(
            "firstname,lastname,email,password,dob,gender,street,city,region,country_id,postcode,telephone",
            Some("magento2"),
        );
        check("billing_first_name,billing_last_name,billing_postcode", Some("woocommerce"));
        check("Name,Username,Last active,Sign up,Email,Orders,Total spend", Some("woocommerce_report"));
        check("Record ID,First Name,Last Name,Email,Phone Number,Lead Status", Some("hubspot"));
        check("addressBillingZipcode,email", Some("lightspeed"));
        check("CONTACT ID,EMAIL,FIRSTNAME,LASTNAME,SMS", Some("brevo"));
        check("email address,first name,last name,member_rating", Some("mailchimp"));
        check("Id,AccountId,LastName,FirstName,Email", Some("salesforce"));
    }

    #[test]
    fn other_files_are_not() {
        for line in [
            "email,naam,postcode",
            "",
            "First Name,Last Name,Email",
            "firstname,lastname,email,telephone",
            "Name,Email",
        ] {
            check(line, None);
        }
    }
}
