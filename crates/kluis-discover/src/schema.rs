//! Tables of shop software: which software it is, why a column is there, and what a shop may usually drop.
//!
//! Taken from the software's own schema files (WooCommerce OrdersTableDataStore, Magento 2 db_schema.xml, PrestaShop
//! db_structure.sql, OpenCart db_schema.php) and from export files of services.

use kluis_model::{Lang, Text};

/// What is known about a column.
#[derive(Debug, Clone)]
pub struct Known {
    /// The software or service.
    pub platform: &'static str,
    /// Why the software keeps it.
    pub why: Text,
    /// What a shop can usually do.
    pub advice: Text,
}

/// One line of knowledge: the table's name without its prefix, its columns, and what is known about them.
struct Line {
    table: &'static str,
    columns: &'static str,
    why: (&'static str, &'static str),
    advice: (&'static str, &'static str),
}

const fn line(
    table: &'static str,
    columns: &'static str,
    why: (&'static str, &'static str),
    advice: (&'static str, &'static str),
) -> Line {
    Line { table, columns, why, advice }
}

/// A software: how its tables are recognised, and what is in them.
struct Platform {
    name: &'static str,
    /// Tables of which two must be there, without prefix.
    tables: &'static [&'static str],
    lines: &'static [Line],
}

const ORDER: (&str, &str) = (
    "nodig om de bestelling te leveren en voor de administratie",
    "needed to deliver the order and for the books",
);
const KEEP_7: (&str, &str) = (
    "bewaar het zeven jaar bij de factuur (AWR art. 52), daarna weg",
    "keep it seven years with the invoice (AWR art. 52), then remove it",
);
const IP_WHY: (&str, &str) =
    ("vastgelegd tegen fraude, door bijna niemand gelezen", "recorded against fraud, read by hardly anybody");
const IP_DROP: (&str, &str) = (
    "maak het na een maand leeg, of zet het vastleggen uit",
    "empty it after a month, or turn the recording off",
);
const GUEST: (&str, &str) = ("gegevens van wie niets kocht", "data of people who bought nothing");
const GUEST_DROP: (&str, &str) = ("verwijder het na enkele weken", "remove it after some weeks");
const PASSWORD: (&str, &str) = ("om in te loggen", "to sign in");
const PASSWORD_KEEP: (&str, &str) = (
    "laat de winkelsoftware het opnieuw hashen als het geen trage hash is; verwijder slapende accounts",
    "let the shop software hash it anew if it is no slow hash; remove dormant accounts",
);
const BIRTH: (&str, &str) =
    ("alleen nodig bij een leeftijdsgrens", "needed only where there is an age limit");
const BIRTH_DROP: (&str, &str) =
    ("maak het veld leeg en haal het uit het formulier", "empty the field and take it out of the form");
const NOTE: (&str, &str) = (
    "wat de klant of een medewerker schreef; er kan van alles in staan",
    "what customer or staff wrote; anything may be in it",
);
const NOTE_DROP: (&str, &str) =
    ("maak het leeg zodra de bestelling is afgerond", "empty it once the order is completed");
const REVIEW: (&str, &str) =
    ("beoordelingen en reacties met naam of adres", "reviews and comments with name or address");
const REVIEW_DROP: (&str, &str) =
    ("wis e-mailadres en IP-adres, laat de tekst staan", "remove e-mail and IP address, leave the text");
const CONSENT: (&str, &str) = ("bewijs dat iemand zich aanmeldde", "proof that somebody subscribed");
const CONSENT_KEEP: (&str, &str) =
    ("bewaar het zolang de aanmelding loopt", "keep it as long as the subscription runs");
const PLACE: (&str, &str) = (
    "geschat uit het IP-adres, niemand heeft erom gevraagd",
    "guessed from the IP address, nobody asked for it",
);
const DROP: (&str, &str) = ("verwijder het", "remove it");

const PLATFORMS: &[Platform] = &[
    Platform {
        name: "WooCommerce",
        tables: &[
            "wc_orders",
            "wc_order_addresses",
            "wc_customer_lookup",
            "woocommerce_sessions",
            "usermeta",
            "postmeta",
            "wc_orders_meta",
        ],
        lines: &[
            line(
                "wc_order_addresses",
                "first_name last_name company address_1 address_2 city state postcode country email phone",
                ORDER,
                KEEP_7,
            ),
            line("wc_orders", "billing_email", ORDER, KEEP_7),
            line("wc_orders", "ip_address user_agent", IP_WHY, IP_DROP),
            line("wc_orders", "customer_note", NOTE, NOTE_DROP),
            line("postmeta", "_customer_ip_address _customer_user_agent", IP_WHY, IP_DROP),
            line(
                "postmeta",
                "_billing_first_name _billing_last_name _billing_address_1 _billing_city _billing_postcode _billing_phone _billing_email",
                ORDER,
                KEEP_7,
            ),
            line("usermeta", "session_tokens last_ip wc_last_active", IP_WHY, IP_DROP),
            line("usermeta", "_woocommerce_persistent_cart_1", GUEST, GUEST_DROP),
            line("users", "user_pass", PASSWORD, PASSWORD_KEEP),
            line("woocommerce_sessions", "session_value", GUEST, GUEST_DROP),
            line(
                "comments",
                "comment_author comment_author_email comment_author_ip comment_agent",
                REVIEW,
                REVIEW_DROP,
            ),
            line("wc_download_log", "user_ip_address", IP_WHY, IP_DROP),
        ],
    },
    Platform {
        name: "Magento 2",
        tables: &[
            "customer_entity",
            "sales_order",
            "sales_order_address",
            "quote",
            "customer_grid_flat",
            "newsletter_subscriber",
        ],
        lines: &[
            line("customer_entity", "dob gender", BIRTH, BIRTH_DROP),
            line("customer_entity", "password_hash", PASSWORD, PASSWORD_KEEP),
            line("customer_grid_flat", "dob gender", BIRTH, BIRTH_DROP),
            line("sales_order", "customer_dob customer_gender", BIRTH, BIRTH_DROP),
            line("sales_order", "remote_ip x_forwarded_for", IP_WHY, IP_DROP),
            line("sales_order", "customer_note", NOTE, NOTE_DROP),
            line(
                "sales_order",
                "customer_email customer_firstname customer_lastname customer_middlename",
                ORDER,
                KEEP_7,
            ),
            line(
                "sales_order_address",
                "email telephone street firstname lastname postcode city company",
                ORDER,
                KEEP_7,
            ),
            line("quote", "customer_email customer_firstname customer_lastname remote_ip", GUEST, GUEST_DROP),
            line(
                "quote_address",
                "email telephone street firstname lastname postcode city",
                GUEST,
                GUEST_DROP,
            ),
            line("newsletter_subscriber", "subscriber_email", CONSENT, CONSENT_KEEP),
            line("review_detail", "nickname detail", REVIEW, REVIEW_DROP),
            line("sendfriend_log", "ip", IP_WHY, IP_DROP),
        ],
    },
    Platform {
        name: "PrestaShop",
        tables: &[
            "customer",
            "address",
            "customer_message",
            "customer_thread",
            "connections",
            "guest",
            "psgdpr_log",
        ],
        lines: &[
            line("customer", "birthday id_gender", BIRTH, BIRTH_DROP),
            line("customer", "passwd", PASSWORD, PASSWORD_KEEP),
            line("customer", "ip_registration_newsletter newsletter_date_add", CONSENT, CONSENT_KEEP),
            line("customer", "note", NOTE, NOTE_DROP),
            line(
                "address",
                "firstname lastname address1 address2 postcode city phone phone_mobile company",
                ORDER,
                KEEP_7,
            ),
            line("customer_message", "message ip_address user_agent", NOTE, NOTE_DROP),
            line("connections", "ip_address", IP_WHY, IP_DROP),
            line("connections_source", "http_referer request_uri keywords", IP_WHY, IP_DROP),
            line("mail", "recipient", IP_WHY, IP_DROP),
            line("cart", "gift_message checkout_session_data", GUEST, GUEST_DROP),
        ],
    },
    Platform {
        name: "OpenCart",
        tables: &[
            "customer_activity",
            "customer_login",
            "customer_online",
            "customer_search",
            "order",
            "order_history",
            "customer_ip",
        ],
        lines: &[
            line(
                "order",
                "firstname lastname email telephone payment_firstname payment_lastname payment_address_1 payment_city payment_postcode shipping_firstname shipping_lastname shipping_address_1",
                ORDER,
                KEEP_7,
            ),
            line("order", "ip forwarded_ip user_agent accept_language", IP_WHY, IP_DROP),
            line("order", "comment", NOTE, NOTE_DROP),
            line("customer", "password", PASSWORD, PASSWORD_KEEP),
            line("customer", "ip", IP_WHY, IP_DROP),
            line("customer_login", "email ip", IP_WHY, IP_DROP),
            line("customer_online", "ip url referer", IP_WHY, IP_DROP),
            line("customer_search", "keyword ip", IP_WHY, IP_DROP),
            line("customer_activity", "data ip", IP_WHY, IP_DROP),
        ],
    },
];

/// Columns that export files of services have together.
const EXPORTS: &[(&str, &[&str], &[Line])] = &[
    (
        "Mailchimp",
        &["member_rating", "optin_time", "leid", "euid"],
        &[
            line("", "latitude longitude gmtoff dstoff timezone cc region", PLACE, DROP),
            line("", "optin_ip optin_time confirm_ip confirm_time", CONSENT, CONSENT_KEEP),
            line("", "notes", NOTE, NOTE_DROP),
        ],
    ),
    (
        "Shopify",
        &["accepts email marketing", "total spent", "tax exempt"],
        &[
            line("", "note", NOTE, NOTE_DROP),
            line("", "default address address1 default address zip default address phone", ORDER, KEEP_7),
        ],
    ),
    (
        "Lightspeed",
        &["birthdate", "nationalid", "remoteip"],
        &[
            line("", "birthdate gender", BIRTH, BIRTH_DROP),
            line(
                "",
                "nationalid",
                ("een veld dat om een BSN vraagt", "a field that asks for a citizen service number"),
                DROP,
            ),
            line("", "remoteip", IP_WHY, IP_DROP),
        ],
    ),
    ("HubSpot", &["record id", "lifecycle stage"], &[]),
    ("Brevo", &["contact id", "double_opt-in"], &[]),
];

/// Finds which software tables are of, by their names with any prefix.
#[must_use]
pub fn platform_of(tables: &[&str]) -> Option<&'static str> {
    let fits = |platform: &&Platform| {
        let found = platform.tables.iter().filter(|known| tables.iter().any(|table| is_table(table, known)));
        found.count() >= 2
    };
    let score = |platform: &&Platform| {
        platform.tables.iter().filter(|known| tables.iter().any(|table| is_table(table, known))).count()
    };
    PLATFORMS.iter().filter(fits).max_by_key(score).map(|platform| platform.name)
}

/// Finds which service made an export, by its columns.
#[must_use]
pub fn export_of(columns: &[String]) -> Option<&'static str> {
    let has = |name: &&&str| {
        columns.iter().any(|column| column.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name))
    };
    EXPORTS.iter().find(|(_, names, _)| names.iter().filter(has).count() >= 2).map(|(name, ..)| *name)
}

/// Finds what is known about a column of a software's table; of `meta_value[key]` the key counts.
#[must_use]
pub fn about(platform: &str, table: &str, column: &str) -> Option<Known> {
    let column =
        column.split_once('[').map_or(column, |(_, key)| key.trim_end_matches(']')).to_ascii_lowercase();
    let of_tables = PLATFORMS
        .iter()
        .filter(|known| known.name == platform)
        .flat_map(|known| known.lines.iter().filter(|line| is_table(table, line.table)));
    let of_exports =
        EXPORTS.iter().filter(|(name, ..)| *name == platform).flat_map(|(_, _, lines)| lines.iter());
    let name = PLATFORMS
        .iter()
        .map(|known| known.name)
        .chain(EXPORTS.iter().map(|export| export.0))
        .find(|name| *name == platform)?;
    let line =
        of_tables.chain(of_exports).find(|line| line.columns.split(' ').any(|known| known == column))?;
    let text = |(nl, en): (&str, &str)| Text { nl: nl.to_owned(), en: en.to_owned() };
    Some(Known { platform: name, why: text(line.why), advice: text(line.advice) })
}

/// Whether a table is the known one, with a prefix such as `wp_` or `ps_` before it.
fn is_table(table: &str, known: &str) -> bool {
    let table = table.rsplit('.').next().unwrap_or(table).trim_matches(|c| c == '`' || c == '"');
    let Some(at) = table.len().checked_sub(known.len()) else { return false };
    table.is_char_boundary(at)
        && table[at..].eq_ignore_ascii_case(known)
        && (at == 0 || table[..at].ends_with('_') && table[..at].matches('_').count() <= 2 && at <= 12)
}

/// Its texts.
impl Known {
    /// Why the software keeps it, in a language.
    #[must_use]
    pub fn why(&self, lang: Lang) -> &str {
        lang.pick(&self.why.nl, &self.why.en)
    }

    /// What a shop can usually do, in a language.
    #[must_use]
    pub fn advice(&self, lang: Lang) -> &str {
        lang.pick(&self.advice.nl, &self.advice.en)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn software_is_known_by_its_tables_with_any_prefix() {
        assert_eq!(platform_of(&["wp_wc_orders", "wp_wc_order_addresses", "wp_users"]), Some("WooCommerce"));
        assert_eq!(platform_of(&["winkel_wc_orders", "winkel_usermeta"]), Some("WooCommerce"));
        assert_eq!(platform_of(&["public.customer_entity", "sales_order"]), Some("Magento 2"));
        assert_eq!(platform_of(&["ps_customer", "ps_address", "ps_connections"]), Some("PrestaShop"));
        assert_eq!(platform_of(&["oc_order", "oc_customer_online", "oc_customer_ip"]), Some("OpenCart"));
        for tables in [&["users", "orders"][..], &["wc_orders"], &[]] {
            assert_eq!(platform_of(tables), None, "{tables:?}");
        }
        let columns = ["Email Address", "MEMBER_RATING", "LEID"].map(str::to_owned);
        assert_eq!(export_of(&columns), Some("Mailchimp"));
        assert_eq!(export_of(&columns[..1]), None);
    }

    #[test]
    fn columns_have_their_reason_and_advice() {
        let known = about("WooCommerce", "wp_wc_orders", "ip_address").unwrap();
        assert!(known.why(Lang::Nl).contains("fraude") && known.advice(Lang::En).contains("month"));
        assert!(about("WooCommerce", "wp_postmeta", "meta_value[_customer_ip_address]").is_some());
        assert!(about("Mailchimp", "", "LATITUDE").is_some());
        assert!(about("WooCommerce", "wp_wc_orders", "status").is_none());
        assert!(about("Onbekend", "wp_wc_orders", "ip_address").is_none());
    }
}
