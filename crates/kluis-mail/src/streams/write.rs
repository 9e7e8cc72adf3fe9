//! Writes `mail.toml`, with a remark at what a person will want to change.

use super::{GivenKind, MailSetup, MailStream, StreamKind};
use crate::mta_sts::Mode;
use crate::report::Network;

/// Writes a setup.
pub(super) fn write(setup: &MailSetup) -> String {
    let mut lines = vec![
        "# Wie mailt er namens de winkel? / Who sends mail for the shop?".to_owned(),
        "# Bekijk de DNS-records die hierbij horen / see the DNS records for this: klantkluis mail plan"
            .to_owned(),
        "version = 1".to_owned(),
        format!("domain = {}", quoted(&setup.domain)),
    ];
    let options = [
        ("report_address", &setup.report_address),
        ("tls_report_address", &setup.tls_report_address),
        ("server", &setup.server),
    ];
    for (key, value) in options {
        lines.extend(value.as_ref().map(|value| format!("{key} = {}", quoted(value))));
    }
    if !setup.silent.is_empty() {
        lines.push(format!("silent = {}", list(&setup.silent)));
    }
    if let Some(sts) = &setup.mta_sts {
        let mode = if sts.mode == Mode::None { "off" } else { sts.mode.word() };
        lines.push(String::new());
        lines.push("[mta_sts]".to_owned());
        lines.push(format!("mode = {}   # off, testing, enforce", quoted(mode)));
        lines.push(format!("mx = {}", list(&sts.mx)));
    }
    for stream in &setup.streams {
        write_stream(stream, &mut lines);
    }
    lines.push(String::new());
    lines.join("\n")
}

fn write_stream(stream: &MailStream, lines: &mut Vec<String>) {
    lines.push(String::new());
    lines.push("[[stream]]".to_owned());
    lines.push(format!("id = {}", quoted(&stream.id)));
    lines.push(format!("kind = {}   # shop, newsletter, office", quoted(stream.kind.word())));
    lines.push(format!("from = {}", quoted(&stream.from)));
    if !stream.services.is_empty() {
        lines.push(format!("services = {}", list(&stream.services)));
    }
    if stream.is_relayed {
        lines.push("relay = true   # klantkluis verstuurt / klantkluis sends".to_owned());
    }
    if !stream.networks.is_empty() {
        let networks: Vec<String> = stream.networks.iter().map(network).collect();
        lines.push(format!("servers = {}", list(&networks)));
    }
    if !stream.keys.is_empty() {
        let keys = stream.keys.iter().map(|key| {
            format!("    {{ domain = {}, selector = {} }},", quoted(&key.domain), quoted(&key.selector))
        });
        lines.push("keys = [".to_owned());
        lines.extend(keys);
        lines.push("]".to_owned());
    }
    lines.extend(stream.return_path.as_ref().map(|domain| format!("return_path = {}", quoted(domain))));
    if !stream.records.is_empty() {
        let records = stream.records.iter().map(|record| {
            let (name, value) = (quoted(&record.name), quoted(&record.value));
            format!("    {{ name = {name}, {} = {value} }},", record.kind.word())
        });
        lines.push("records = [".to_owned());
        lines.extend(records);
        lines.push("]".to_owned());
    }
}

impl StreamKind {
    /// The word in data.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Shop => "shop",
            Self::Newsletter => "newsletter",
            Self::Office => "office",
        }
    }
}

impl GivenKind {
    /// The word in `mail.toml`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Cname => "cname",
            Self::Mx => "mx",
            Self::Txt => "txt",
        }
    }
}

/// A network; a whole address without its prefix length.
fn network(network: &Network) -> String {
    let text = network.to_string();
    let whole = if text.contains(':') { "/128" } else { "/32" };
    text.strip_suffix(whole).unwrap_or(&text).to_owned()
}

fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    format!("[{}]", items.join(", "))
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
