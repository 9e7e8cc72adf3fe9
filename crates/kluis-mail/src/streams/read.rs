//! Reads `mail.toml` and says, with the line, everything that is wrong with it.

use std::borrow::Cow;
use std::collections::HashSet;

use kluis_model::{Lang, Text};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{
    GivenKind, GivenRecord, KeyUse, LIST_MAX, MailSetup, MailStream, MtaSts, SETUP_BYTES_MAX, STREAMS_MAX,
    SetupProblem, StreamKind,
};
use crate::catalogue;
use crate::dns::is_within;
use crate::mta_sts::{self, Mode};
use crate::report::Network;

/// Problems that are kept.
const PROBLEMS_MAX: usize = 50;
/// The longest domain (RFC 1035 §2.3.4).
const DOMAIN_BYTES_MAX: usize = 253;
/// The longest address (RFC 5321 §4.5.3.1.3).
const ADDRESS_BYTES_MAX: usize = 254;
/// The longest value of a record that a service asks for, in bytes.
const RECORD_BYTES_MAX: usize = 4096;
/// The longest id of a stream.
const ID_BYTES_MAX: usize = 32;
/// The longest selector.
const SELECTOR_BYTES_MAX: usize = 120;

const DOMAIN_NL: &str = "geen domein zoals \"winkel.nl\"";
const DOMAIN_EN: &str = "not a domain such as \"shop.nl\"";

/// Reads a domain of at least two labels: lower case, an A-label, without a dot at its end.
#[must_use]
pub fn read_domain(text: &str) -> Option<String> {
    let text = text.trim();
    let name = idna::domain_to_ascii_strict(text.strip_suffix('.').unwrap_or(text)).ok()?;
    // A name that ends in a number would be read as an address.
    let ends_in_number = name.rsplit('.').next().is_some_and(|top| top.bytes().all(|b| b.is_ascii_digit()));
    (name.contains('.') && is_name(&name) && !name.contains('_') && !ends_in_number).then_some(name)
}

/// Reads a mail address that can stand in a record: letters, digits, `.`, `_`, `+` and `-` before the `@`.
#[must_use]
pub fn read_address(text: &str) -> Option<String> {
    let text = text.trim();
    let text =
        text.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:")).map_or(text, |_| &text[7..]);
    let (local, domain) = text.rsplit_once('@')?;
    let is_atom = |atom: &str| {
        !atom.is_empty() && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
    };
    let is_local = local.len() <= 64 && local.split('.').all(is_atom);
    let address = format!("{local}@{}", read_domain(domain)?);
    (is_local && address.len() <= ADDRESS_BYTES_MAX).then_some(address)
}

/// Reads a selector: labels of letters, digits, hyphens and underscores (RFC 6376 §3.1), in lower case.
#[must_use]
pub fn read_selector(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    (text.len() <= SELECTOR_BYTES_MAX && is_name(&text)).then_some(text)
}

/// Reads the id of a stream: lower-case letters, digits and hyphens, at most 32.
#[must_use]
pub fn read_stream_id(text: &str) -> Option<String> {
    let is_good = (1..=ID_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    is_good.then(|| text.to_owned())
}

/// Whether a lower-case text is a name; labels may have underscores.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= DOMAIN_BYTES_MAX && name.split('.').all(is_label)
}

/// Reads the name of a record, with underscores, of at least two labels.
fn read_name(text: &str) -> Option<String> {
    let text = text.trim();
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    (name.contains('.') && is_name(&name)).then_some(name)
}

/// Reads a setup.
pub(super) fn read(source: &str) -> Result<MailSetup, Vec<SetupProblem>> {
    let mut reader = Reader { source, problems: Vec::new() };
    if source.len() > SETUP_BYTES_MAX {
        reader.report(None, "", "het bestand is langer dan 64 KiB", "the file is longer than 64 KiB");
        return Err(reader.problems);
    }
    let (document, errors) = DeTable::parse_recoverable(source);
    for error in errors {
        let message = error.message().to_owned();
        let at = error.span().map(|span| span.start);
        reader.report(
            at,
            "",
            &format!("geen geldige TOML: {message}"),
            &format!("not valid TOML: {message}"),
        );
    }
    if !reader.problems.is_empty() {
        return Err(reader.problems);
    }
    let root = Table { path: String::new(), at: 0, entries: document.get_ref() };
    let setup = reader.setup(&root);
    match setup {
        Some(setup) if reader.problems.is_empty() => Ok(setup),
        _ => Err(reader.problems),
    }
}

/// A table with the place it stands at.
struct Table<'a, 's> {
    path: String,
    at: usize,
    entries: &'a DeTable<'s>,
}

type Entry<'a, 's> = &'a Spanned<DeValue<'s>>;

impl<'a, 's> Table<'a, 's> {
    fn get(&self, key: &str) -> Option<Entry<'a, 's>> {
        self.entries.iter().find(|(known, _)| known.get_ref() == key).map(|(_, value)| value)
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The keys in the order of the text.
    fn keys(&self) -> Vec<&'a Spanned<Cow<'s, str>>> {
        let mut keys: Vec<_> = self.entries.iter().map(|(key, _)| key).collect();
        keys.sort_by_key(|key| key.span().start);
        keys
    }
}

struct Reader<'s> {
    source: &'s str,
    problems: Vec<SetupProblem>,
}

impl Reader<'_> {
    fn report(&mut self, at: Option<usize>, path: &str, nl: &str, en: &str) {
        if self.problems.len() >= PROBLEMS_MAX {
            return;
        }
        let line = at.map(|at| {
            let before = self.source.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
            u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
        });
        let path: String = path.chars().filter(|c| !c.is_control()).take(200).collect();
        let with_path =
            |text: &str| if path.is_empty() { text.to_owned() } else { format!("{path}: {text}") };
        self.problems.push(SetupProblem { line, text: Text::new(with_path(nl), with_path(en)) });
    }

    fn setup(&mut self, root: &Table<'_, '_>) -> Option<MailSetup> {
        const KEYS: &[&str] = &[
            "version",
            "domain",
            "report_address",
            "tls_report_address",
            "server",
            "silent",
            "mta_sts",
            "stream",
        ];
        self.keys(root, KEYS);
        if let Some(value) = root.get("version")
            && !matches!(value.get_ref(), DeValue::Integer(number) if number.as_str() == "1")
        {
            let (nl, en) = ("deze versie kent alleen version = 1", "only version = 1 is known here");
            self.report(Some(value.span().start), "version", nl, en);
        }
        let domain = self.must(root, "domain", (DOMAIN_NL, DOMAIN_EN), read_domain);
        let report_address = self.address(root, "report_address");
        let tls_report_address = self.address(root, "tls_report_address");
        let server = self.may(root, "server", (DOMAIN_NL, DOMAIN_EN), read_domain);
        let silent = self.list(root, "silent", (DOMAIN_NL, DOMAIN_EN), read_domain);
        let mta_sts = self.mta_sts(root);
        let streams = self.streams(root);
        for stream in &streams {
            if silent.contains(&stream.from) {
                let (nl, en) = (
                    format!("{} staat hier, maar stroom \"{}\" verstuurt ervandaan", stream.from, stream.id),
                    format!("{} stands here, but stream \"{}\" sends from it", stream.from, stream.id),
                );
                self.report(root.get("silent").map(|value| value.span().start), "silent", &nl, &en);
            }
        }
        Some(MailSetup {
            domain: domain?,
            report_address,
            tls_report_address,
            server,
            mta_sts,
            silent,
            streams,
        })
    }

    fn mta_sts(&mut self, root: &Table<'_, '_>) -> Option<MtaSts> {
        let table = self.as_table(root.get("mta_sts")?, "mta_sts".to_owned())?;
        self.keys(&table, &["mode", "mx"]);
        let known = ("kies uit: off, testing, enforce", "choose from: off, testing, enforce");
        let mode = self.must(&table, "mode", known, |word| match word {
            "off" => Some(Mode::None),
            "testing" => Some(Mode::Testing),
            "enforce" => Some(Mode::Enforce),
            _ => None,
        })?;
        let name = (
            "geen naam van een mailserver zoals \"mx.winkel.nl\" of \"*.mail.protection.outlook.com\"",
            "not the name of a mail server such as \"mx.shop.nl\" or \"*.mail.protection.outlook.com\"",
        );
        let mx = self.list(&table, "mx", name, |text| {
            let text = text.trim().trim_end_matches('.').to_ascii_lowercase();
            mta_sts::is_name(&text).then_some(text)
        });
        if mode == Mode::None {
            return None;
        }
        if mx.is_empty() {
            let (nl, en) =
                ("noem de mailservers (MX) van het domein", "name the mail servers (MX) of the domain");
            self.report(Some(table.at), "mta_sts.mx", nl, en);
            return None;
        }
        Some(MtaSts { mode, mx })
    }

    fn streams(&mut self, root: &Table<'_, '_>) -> Vec<MailStream> {
        let list = match root.get("stream").map(|value| (value.get_ref(), value.span().start)) {
            Some((DeValue::Array(list), _)) if !list.is_empty() => list,
            Some((DeValue::Array(_), _)) | None => {
                let (nl, en) = (
                    "er is geen enkele stroom; schrijf er ten minste één met [[stream]]",
                    "there is no stream; write at least one with [[stream]]",
                );
                self.report(None, "stream", nl, en);
                return Vec::new();
            }
            Some((_, at)) => {
                self.wrong_type(at, "stream", "[[stream]]", "[[stream]]");
                return Vec::new();
            }
        };
        if list.len() > STREAMS_MAX {
            let (nl, en) =
                (format!("meer dan {STREAMS_MAX} stromen"), format!("more than {STREAMS_MAX} streams"));
            self.report(list.get(STREAMS_MAX).map(|value| value.span().start), "stream", &nl, &en);
            return Vec::new();
        }
        let mut ids = HashSet::new();
        let mut streams = Vec::new();
        for (number, value) in list.iter().enumerate() {
            let Some(table) = self.as_table(value, format!("stream {}", number + 1)) else { continue };
            let Some(stream) = self.stream(&table) else { continue };
            if !ids.insert(stream.id.clone()) {
                let at = table.get("id").map(|value| value.span().start);
                let (nl, en) = ("deze id staat er al", "this id is there already");
                self.report(at, &table.path_of("id"), nl, en);
            }
            streams.push(stream);
        }
        streams
    }

    fn stream(&mut self, table: &Table<'_, '_>) -> Option<MailStream> {
        self.keys(
            table,
            &["id", "kind", "from", "services", "relay", "servers", "keys", "return_path", "records"],
        );
        let id = (
            "kleine letters, cijfers en streepjes, hoogstens 32, zoals \"winkel\"",
            "small letters, digits and hyphens, at most 32, such as \"shop\"",
        );
        let id = self.must(table, "id", id, read_stream_id);
        let known = ("kies uit: shop, newsletter, office", "choose from: shop, newsletter, office");
        let kind = self.must(table, "kind", known, StreamKind::read);
        let from = self.must(table, "from", (DOMAIN_NL, DOMAIN_EN), read_domain);
        let services = self.services(table);
        let is_relayed = self.flag(table, "relay");
        let network = (
            "geen adres of netwerk zoals \"192.0.2.10\" of \"192.0.2.0/24\"",
            "not an address or network such as \"192.0.2.10\" or \"192.0.2.0/24\"",
        );
        let networks = self.list(table, "servers", network, |text| text.trim().parse::<Network>().ok());
        let return_path = self.may(table, "return_path", (DOMAIN_NL, DOMAIN_EN), read_domain);
        let keys = self.tables(table, "keys", Self::key);
        let records = self.tables(table, "records", Self::record);
        if let (Some(from), Some(return_path)) = (&from, &return_path) {
            self.aligned(table, from, return_path);
        }
        Some(MailStream {
            id: id?,
            kind: kind?,
            from: from?,
            services,
            is_relayed,
            networks,
            keys,
            return_path,
            records,
        })
    }

    /// The envelope's domain must share the registered domain with the From address, else it proves nothing (RFC 9989
    /// §4.4).
    fn aligned(&mut self, table: &Table<'_, '_>, from: &str, return_path: &str) {
        let registered = psl::domain_str(from).unwrap_or(from);
        if is_within(return_path, registered) {
            return;
        }
        let at = table.get("return_path").map(|value| value.span().start);
        let (nl, en) = (
            format!(
                "moet {registered} zijn of eronder vallen; laat het weg als de dienst een eigen domein gebruikt"
            ),
            format!(
                "must be {registered} or below it; leave it out when the service uses a domain of its own"
            ),
        );
        self.report(at, &table.path_of("return_path"), &nl, &en);
    }

    fn services(&mut self, table: &Table<'_, '_>) -> Vec<String> {
        let Some(value) = table.get("services") else { return Vec::new() };
        let path = table.path_of("services");
        let mut found: Vec<String> = Vec::new();
        for (text, at) in self.lines(value, &path) {
            match catalogue::find(&text) {
                Some(sender) if !found.iter().any(|id| id == sender.id) => found.push(sender.id.to_owned()),
                Some(_) => {}
                None => {
                    let near: Vec<&str> =
                        catalogue::search(&text, 3).into_iter().map(|sender| sender.id).collect();
                    let hint = |lang: Lang| match near[..] {
                        [] => lang
                            .pick(
                                "; kies een id van de catalogus, of noem de servers met servers = […]",
                                "; choose an id of the catalogue, or name the servers with servers = […]",
                            )
                            .to_owned(),
                        _ => format!("; {}: {}", lang.pick("bedoelt u", "did you mean"), near.join(", ")),
                    };
                    let nl = format!("\"{text}\" staat niet in de catalogus{}", hint(Lang::Nl));
                    let en = format!("\"{text}\" is not in the catalogue{}", hint(Lang::En));
                    self.report(Some(at), &path, &nl, &en);
                }
            }
        }
        found
    }

    fn key(&mut self, table: &Table<'_, '_>) -> Option<KeyUse> {
        self.keys(table, &["domain", "selector"]);
        let domain = self.must(table, "domain", (DOMAIN_NL, DOMAIN_EN), read_domain);
        let selector = (
            "geen selector: letters, cijfers, streepjes en punten",
            "not a selector: letters, digits, hyphens and dots",
        );
        let selector = self.must(table, "selector", selector, read_selector);
        Some(KeyUse { domain: domain?, selector: selector? })
    }

    fn record(&mut self, table: &Table<'_, '_>) -> Option<GivenRecord> {
        self.keys(table, &["name", "cname", "mx", "txt"]);
        let name = (
            "geen hele naam zoals \"s1._domainkey.winkel.nl\"",
            "not a whole name such as \"s1._domainkey.shop.nl\"",
        );
        let name = self.must(table, "name", name, read_name);
        let kinds = [("cname", GivenKind::Cname), ("mx", GivenKind::Mx), ("txt", GivenKind::Txt)];
        let mut given = kinds.into_iter().filter(|(key, _)| table.get(key).is_some());
        let (Some((key, kind)), None) = (given.next(), given.next()) else {
            let (nl, en) = ("geef één van: cname, mx, txt", "give one of: cname, mx, txt");
            self.report(Some(table.at), &table.path, nl, en);
            return None;
        };
        let wanted = match kind {
            GivenKind::Cname => ("geen hele naam", "not a whole name"),
            GivenKind::Mx => ("geen \"10 mx.dienst.nl\"", "not \"10 mx.service.nl\""),
            GivenKind::Txt => ("geen tekst van gewone tekens", "not text of plain characters"),
        };
        let value = self.must(table, key, wanted, |text| given_value(kind, text))?;
        Some(GivenRecord { name: name?, kind, value })
    }

    /// Reports every key that is not one of the known ones.
    fn keys(&mut self, table: &Table<'_, '_>, known: &[&str]) {
        for key in table.keys() {
            if !known.contains(&key.get_ref().as_ref()) {
                let list = known.join(", ");
                let (nl, en) = (
                    format!("onbekende sleutel; bekend zijn: {list}"),
                    format!("unknown key; known are: {list}"),
                );
                self.report(Some(key.span().start), &table.path_of(key.get_ref()), &nl, &en);
            }
        }
    }

    fn wrong_type(&mut self, at: usize, path: &str, nl: &str, en: &str) {
        let (nl, en) =
            (format!("verkeerde soort waarde; verwacht {nl}"), format!("wrong type of value; expected {en}"));
        self.report(Some(at), path, &nl, &en);
    }

    fn as_table<'a, 's>(&mut self, value: Entry<'a, 's>, path: String) -> Option<Table<'a, 's>> {
        let at = value.span().start;
        if let DeValue::Table(entries) = value.get_ref() {
            return Some(Table { path, at, entries });
        }
        self.wrong_type(at, &path, "een tabel", "a table");
        None
    }

    /// A text that must be there and makes sense.
    fn must<T>(
        &mut self,
        table: &Table<'_, '_>,
        key: &str,
        wrong: (&str, &str),
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        if table.get(key).is_none() {
            self.report(
                Some(table.at),
                &table.path_of(key),
                "ontbreekt; vul het in",
                "is missing; fill it in",
            );
        }
        self.may(table, key, wrong, read)
    }

    /// A text that may be left out.
    fn may<T>(
        &mut self,
        table: &Table<'_, '_>,
        key: &str,
        wrong: (&str, &str),
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let value = table.get(key)?;
        let path = table.path_of(key);
        let text = self.line(value, &path)?;
        let found = read(&text);
        if found.is_none() {
            self.report(Some(value.span().start), &path, wrong.0, wrong.1);
        }
        found
    }

    fn address(&mut self, table: &Table<'_, '_>, key: &str) -> Option<String> {
        let wrong =
            ("geen mailadres zoals \"dmarc@winkel.nl\"", "not a mail address such as \"dmarc@shop.nl\"");
        self.may(table, key, wrong, read_address)
    }

    fn flag(&mut self, table: &Table<'_, '_>, key: &str) -> bool {
        let Some(value) = table.get(key) else { return false };
        if let DeValue::Boolean(flag) = value.get_ref() {
            return *flag;
        }
        self.wrong_type(value.span().start, &table.path_of(key), "true of false", "true or false");
        false
    }

    fn line(&mut self, value: Entry<'_, '_>, path: &str) -> Option<String> {
        let at = value.span().start;
        let DeValue::String(text) = value.get_ref() else {
            self.wrong_type(at, path, "een tekst tussen aanhalingstekens", "a text in quotes");
            return None;
        };
        if text.trim().is_empty() || text.len() > RECORD_BYTES_MAX || text.contains(char::is_control) {
            let (nl, en) = (
                format!("moet 1 tot {RECORD_BYTES_MAX} bytes tekst zijn, zonder stuurtekens"),
                format!("must be 1 to {RECORD_BYTES_MAX} bytes of text, without control characters"),
            );
            self.report(Some(at), path, &nl, &en);
            return None;
        }
        Some(text.to_string())
    }

    /// The items of a list, as far as it is one and not too long.
    fn items<'a, 's>(&mut self, value: Entry<'a, 's>, path: &str) -> &'a [Spanned<DeValue<'s>>] {
        let at = value.span().start;
        let DeValue::Array(list) = value.get_ref() else {
            self.wrong_type(at, path, "een lijst tussen [ en ]", "a list between [ and ]");
            return &[];
        };
        if list.len() > LIST_MAX {
            self.report(Some(at), path, &format!("meer dan {LIST_MAX}"), &format!("more than {LIST_MAX}"));
            return &[];
        }
        list
    }

    fn lines(&mut self, value: Entry<'_, '_>, path: &str) -> Vec<(String, usize)> {
        let items = self.items(value, path).iter();
        items.filter_map(|item| Some((self.line(item, path)?, item.span().start))).collect()
    }

    /// A list of texts that make sense, each once.
    fn list<T: PartialEq>(
        &mut self,
        table: &Table<'_, '_>,
        key: &str,
        wrong: (&str, &str),
        read: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let path = table.path_of(key);
        let mut found = Vec::new();
        for (text, at) in self.lines(value, &path) {
            match read(&text) {
                Some(item) if !found.contains(&item) => found.push(item),
                Some(_) => {}
                None => self.report(Some(at), &path, wrong.0, wrong.1),
            }
        }
        found
    }

    fn tables<T>(
        &mut self,
        table: &Table<'_, '_>,
        key: &str,
        read: impl Fn(&mut Self, &Table<'_, '_>) -> Option<T>,
    ) -> Vec<T> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let path = table.path_of(key);
        let mut found = Vec::new();
        for (number, item) in self.items(value, &path).iter().enumerate() {
            if let Some(item) = self.as_table(item, format!("{path} {}", number + 1)) {
                found.extend(read(self, &item));
            }
        }
        found
    }
}

impl StreamKind {
    fn read(word: &str) -> Option<Self> {
        [Self::Shop, Self::Newsletter, Self::Office].into_iter().find(|kind| kind.word() == word)
    }
}

/// Reads the value of a record, in the form in which it is compared.
fn given_value(kind: GivenKind, text: &str) -> Option<String> {
    match kind {
        GivenKind::Cname => read_name(text),
        GivenKind::Mx => {
            let (preference, name) = text.trim().split_once(' ')?;
            let is_number = preference.bytes().all(|byte| byte.is_ascii_digit());
            let preference: u16 = preference.parse().ok().filter(|_| is_number)?;
            Some(format!("{preference} {}", read_name(name)?))
        }
        GivenKind::Txt => {
            text.bytes().all(|byte| (0x20..0x7f).contains(&byte)).then(|| text.trim().to_owned())
        }
    }
}
