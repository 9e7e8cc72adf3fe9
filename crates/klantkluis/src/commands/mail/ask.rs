//! What the mail tools share: the domain that was named, answers of the DNS for an engine, and numbers in words.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kluis_app::CheckDomain;
use kluis_mail::dns::{Answer, Question};
use kluis_mail::spf::tree::Network;
use kluis_model::Lang;
use kluis_net::AuditOptions;

use super::clean;
use crate::args_mail_tools::DnsArg;
use crate::config_check::name_server;
use crate::wire::Hinted;

/// Time for all questions to the DNS.
const DNS_TIME: Duration = Duration::from_secs(30);

/// Reads the name of a domain; a pasted address gives its host.
pub(super) fn domain(text: &str, lang: Lang) -> Result<String> {
    let hint = lang.pick("geef een domein, bijvoorbeeld winkel.nl", "give a domain, such as shop.nl");
    let domain = CheckDomain::parse(text)
        .map_err(|why| Hinted::error(format!("{}: {}", clean(text), why.get(lang)), hint))?;
    if domain.address().is_some() || !domain.as_str().contains('.') {
        let why = lang.pick("dit is geen domein", "this is no domain");
        return Err(Hinted::error(format!("{}: {why}", clean(text)), hint));
    }
    Ok(domain.as_str().to_owned())
}

/// The options of a run: which name server, how long.
pub(super) fn options(dns: &DnsArg) -> Result<AuditOptions> {
    let dns = dns.dns.as_deref().map(|text| name_server(text).context("--dns")).transpose()?;
    Ok(AuditOptions { total: DNS_TIME, dns, ..AuditOptions::default() })
}

/// Runs an engine with answers of the DNS.
pub(super) async fn ask<T>(
    domain: &str,
    dns: &DnsArg,
    lang: Lang,
    engine: impl Fn(&HashMap<Question, Answer>) -> Result<T, Vec<Question>>,
) -> Result<T> {
    let found = kluis_net::with_dns(domain, &options(dns)?, engine).await?;
    found.ok_or_else(|| no_answer(domain, lang))
}

/// The DNS did not say enough about a name.
pub(super) fn no_answer(name: &str, lang: Lang) -> anyhow::Error {
    let why = lang.pick("de DNS gaf geen antwoord over", "the DNS gave no answer about");
    Hinted::error(
        format!("{why} {}", clean(name)),
        lang.pick(
            "probeer het later opnieuw, of vraag een andere naamserver met --dns 9.9.9.9",
            "try again later, or ask another name server with --dns 9.9.9.9",
        ),
    )
}

/// `1 opzoeking`, `3 opzoekingen`.
pub(super) fn look_ups(count: u32, lang: Lang) -> String {
    let word =
        if count == 1 { lang.pick("opzoeking", "look-up") } else { lang.pick("opzoekingen", "look-ups") };
    format!("{count} {word}")
}

/// `1 adres`, `328.192 adressen`.
pub(super) fn addresses(count: u64, lang: Lang) -> String {
    let word = if count == 1 { lang.pick("adres", "address") } else { lang.pick("adressen", "addresses") };
    format!("{} {word}", lang.number(count))
}

/// `192.0.2.1`, `192.0.2.0/24`.
pub(super) fn network_text(network: &Network) -> String {
    let all = if network.address.is_ipv4() { 32 } else { 128 };
    if network.bits == all {
        return network.address.to_string();
    }
    kluis_mail::report::Network::new(network.address, network.bits).to_string()
}

/// `2026-12-24`, UTC.
pub(super) fn day(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| "?".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn domains_are_read_as_people_give_them() {
        for (text, wanted) in [
            ("Winkel.nl", "winkel.nl"),
            ("https://winkel.nl/kassa", "winkel.nl"),
            ("_spf.Winkel.nl.", "_spf.winkel.nl"),
            ("s1._domainkey.winkel.nl", "s1._domainkey.winkel.nl"),
        ] {
            assert_eq!(domain(text, Lang::Nl).unwrap(), wanted);
        }
        for wrong in ["", "winkel", "192.0.2.1", "::1", "a b.nl", "_..nl", "\u{1b}[31m_.nl"] {
            let error = domain(wrong, Lang::En).unwrap_err();
            assert!(!error.to_string().contains('\u{1b}'), "{wrong:?}");
        }
    }

    #[test]
    fn numbers_are_readable() {
        for (count, wanted) in [(0, "0"), (999, "999"), (1_000, "1.000"), (4_294_967_296, "4.294.967.296")] {
            assert_eq!(Lang::Nl.number(count), wanted);
        }
        assert_eq!(
            (Lang::En.number(1_000), look_ups(1, Lang::Nl)),
            ("1,000".to_owned(), "1 opzoeking".to_owned())
        );
        assert_eq!(day(1_795_000_000), "2026-11-18");
    }
}
