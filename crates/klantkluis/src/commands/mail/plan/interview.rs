//! Asks a shop owner who mails for the shop, in plain questions with an answer ready, and makes the streams of it.

use std::io::{BufRead, Read};

use anyhow::{Context as _, Result};
use kluis_mail::catalogue::{self, Sender};
use kluis_mail::mta_sts::{self, Mode};
use kluis_mail::report::Network;
use kluis_mail::streams::{MailSetup, MailStream, MtaSts, StreamKind, read_address, read_domain};
use kluis_model::Lang;

use crate::wire::Hinted;

/// The longest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 2048;
/// Wrong answers to one question before the interview ends.
const TRIES_MAX: u32 = 5;
/// Services to choose from when a name is not clear.
const CHOICES_MAX: usize = 5;

/// A talk with a person: lines in, questions out.
pub(super) struct Interview<'a> {
    answers: &'a mut dyn BufRead,
    say: &'a mut dyn FnMut(&str),
    lang: Lang,
}

/// Who sends a stream.
#[derive(Debug, Default, PartialEq, Eq)]
struct Senders {
    services: Vec<String>,
    is_relayed: bool,
    networks: Vec<Network>,
}

/// A stream to ask about.
struct Ask {
    id: &'static str,
    kind: StreamKind,
    question: &'static str,
    /// A name below the domain that is advised.
    below: &'static str,
}

impl<'a> Interview<'a> {
    pub(super) fn new(answers: &'a mut dyn BufRead, say: &'a mut dyn FnMut(&str), lang: Lang) -> Self {
        Self { answers, say, lang }
    }

    /// Asks everything.
    ///
    /// # Errors
    /// When the answers end too early, or one question is answered wrongly five times.
    pub(super) fn run(mut self) -> Result<MailSetup> {
        self.tell(
            "Een paar vragen over de mail van uw winkel. Enter neemt het antwoord tussen [ ]; later kunt u alles in mail.toml veranderen.",
            "A few questions about your shop's mail. Enter takes the answer between [ ]; you can change everything in mail.toml later.",
        );
        let question = self.lang.pick(
            "Wat is het domein van uw winkel, zoals winkel.nl?",
            "What is your shop's domain, such as shop.nl?",
        );
        let domain = self.until(question, None, |text, lang| {
            let text = text.rsplit_once("://").map_or(text, |(_, rest)| rest).trim_end_matches('/');
            let text = text.strip_prefix("www.").unwrap_or(text);
            let text = text.rsplit_once('@').map_or(text, |(_, domain)| domain);
            read_domain(text).ok_or(lang.pick(
                "Dat is geen domein. Schrijf het zonder https:// en zonder pad, zoals winkel.nl.",
                "That is no domain. Write it without https:// and without a path, such as shop.nl.",
            ))
        })?;
        let mut setup = MailSetup::new(&domain);
        for ask in streams(self.lang) {
            if let Some(stream) = self.stream(&ask, &domain)? {
                setup.streams.push(stream);
            }
        }
        if setup.streams.is_empty() {
            return Err(Hinted::error(
                self.lang.pick("er is geen enkele soort mail", "there is no kind of mail"),
                self.lang.pick(
                    "een domein dat nooit mailt, zet u onder silent in het mail.toml van een domein dat wel mailt",
                    "put a domain that never mails under silent in the mail.toml of a domain that does",
                ),
            ));
        }
        self.reports(&mut setup)?;
        self.silent(&mut setup)?;
        self.exchangers(&mut setup)?;
        Ok(setup)
    }

    fn stream(&mut self, ask: &Ask, domain: &str) -> Result<Option<MailStream>> {
        if !self.yes(ask.question)? {
            return Ok(None);
        }
        let advised = format!("{}.{domain}", ask.below);
        if ask.kind != StreamKind::Office {
            let lang = self.lang;
            (self.say)(&format!(
                "  {} {advised}",
                lang.pick(
                    "Tip: een eigen naam houdt deze mail apart, zoals",
                    "Tip: a name of its own keeps this mail apart, such as"
                )
            ));
        }
        let question = self
            .lang
            .pick("Wat staat er in de afzender achter de @?", "What stands behind the @ in the sender?");
        let from = self.until(question, Some(domain), |text, lang| {
            read_domain(text.trim_start_matches('@'))
                .ok_or(lang.pick("Dat is geen domein zoals winkel.nl.", "That is no domain such as shop.nl."))
        })?;
        let senders = self.senders()?;
        let mut stream = MailStream::new(ask.id, ask.kind, &from);
        stream.services = senders.services;
        stream.is_relayed = senders.is_relayed;
        stream.networks = senders.networks;
        Ok(Some(stream))
    }

    /// Asks who sends, by names of services, addresses of servers, or `klantkluis`.
    fn senders(&mut self) -> Result<Senders> {
        let question = self.lang.pick(
            "Wie verstuurt deze mail? Namen van diensten (Mailchimp, Microsoft 365…), IP-adressen van uw eigen server, of klantkluis; komma's ertussen, leeg als u het niet weet",
            "Who sends this mail? Names of services (Mailchimp, Microsoft 365…), IP addresses of your own server, or klantkluis; commas between, empty if you do not know",
        );
        let text = self.line(question, Some(""))?;
        let mut senders = Senders::default();
        for word in text.split([',', ';']).map(str::trim).filter(|word| !word.is_empty()) {
            if ["klantkluis", "kluis", "relay"].contains(&word.to_lowercase().as_str()) {
                senders.is_relayed = true;
            } else if let Ok(network) = word.parse() {
                senders.networks.push(network);
            } else if let Some(sender) = self.service(word)?
                && !senders.services.iter().any(|id| id == sender.id)
            {
                senders.services.push(sender.id.to_owned());
            }
        }
        Ok(senders)
    }

    /// The service that a person means; several that it may be are put before them.
    fn service(&mut self, word: &str) -> Result<Option<&'static Sender>> {
        let found = catalogue::search(word, CHOICES_MAX);
        let lang = self.lang;
        let is_clear = |sender: &&Sender| {
            sender.id == word.to_lowercase() || sender.name.to_lowercase() == word.to_lowercase()
        };
        match found.as_slice() {
            [] => {
                (self.say)(&format!(
                    "  \"{}\" {}",
                    super::super::clean(word),
                    lang.pick(
                        "ken ik niet; geef straks in mail.toml de servers op die deze dienst gebruikt.",
                        "is not known; name the servers of this service in mail.toml later."
                    )
                ));
                return Ok(None);
            }
            [first, rest @ ..] if rest.is_empty() || is_clear(first) => {
                (self.say)(&format!("  → {} ({})", first.name, first.kind.name(lang)));
                return Ok(Some(*first));
            }
            _ => {}
        }
        (self.say)(&format!(
            "  {} \"{}\"?",
            lang.pick("Welke bedoelt u met", "Which one do you mean by"),
            super::super::clean(word)
        ));
        for (number, sender) in found.iter().enumerate() {
            (self.say)(&format!("    {} {} ({})", number + 1, sender.name, sender.kind.name(lang)));
        }
        (self.say)(&format!("    0 {}", lang.pick("geen van deze", "none of these")));
        let question = lang.pick("Nummer", "Number");
        self.until(question, Some("1"), |text, lang| match text.parse::<usize>() {
            Ok(0) => Ok(None),
            Ok(number) if number <= found.len() => Ok(found.get(number - 1).copied()),
            _ => Err(lang.pick("Geef een nummer van de lijst.", "Give a number of the list.")),
        })
    }

    fn reports(&mut self, setup: &mut MailSetup) -> Result<()> {
        self.tell(
            "Ontvangers (Gmail, Outlook, Ziggo…) sturen dagelijks een overzicht van wie er in uw naam mailt.",
            "Receivers (Gmail, Outlook, Ziggo…) send an overview of who mails in your name every day.",
        );
        let question = self.lang.pick(
            "Kan klantkluis ze zelf ontvangen (poort 25 open)? Geef dan de naam van die machine, zoals kluis.winkel.nl; leeg: nee, ik gebruik een postvak",
            "Can klantkluis receive them itself (port 25 open)? Then give the name of that machine, such as vault.shop.nl; empty: no, I use a mailbox",
        );
        setup.server =
            self.until(question, Some(""), |text, lang| {
                if text.is_empty() {
                    return Ok(None);
                }
                read_domain(text).map(Some).ok_or(lang.pick(
                    "Dat is geen naam zoals kluis.winkel.nl.",
                    "That is no name such as vault.shop.nl.",
                ))
            })?;
        // Mail for a name of its own can go to klantkluis; a mailbox is where the shop gets its mail.
        let usual = match &setup.server {
            Some(_) => format!("dmarc@{}.{}", self.lang.pick("rapport", "report"), setup.domain),
            None => format!("dmarc@{}", setup.domain),
        };
        let question = self.lang.pick("Naar welk adres? (- voor geen)", "To which address? (- for none)");
        setup.report_address = self.until(question, Some(&usual), |text, lang| {
            if text == "-" {
                return Ok(None);
            }
            read_address(text).map(Some).ok_or(lang.pick(
                "Dat is geen mailadres zoals dmarc@rapport.winkel.nl.",
                "That is no mail address such as dmarc@rapport.shop.nl.",
            ))
        })?;
        Ok(())
    }

    fn silent(&mut self, setup: &mut MailSetup) -> Result<()> {
        let question = self.lang.pick(
            "Heeft u domeinen die nooit mailen (oude namen, .com ernaast)? Komma's ertussen, leeg voor geen",
            "Do you have domains that never mail (old names, a .com beside it)? Commas between, empty for none",
        );
        let taken: Vec<String> = setup.streams.iter().map(|stream| stream.from.clone()).collect();
        setup.silent = self.until(question, Some(""), |text, lang| {
            let mut found: Vec<String> = Vec::new();
            for word in text.split([',', ';', ' ']).filter(|word| !word.is_empty()) {
                let domain = read_domain(word).ok_or(lang.pick(
                    "Er staat iets bij dat geen domein is.",
                    "There is something among them that is no domain.",
                ))?;
                if taken.contains(&domain) {
                    return Err(lang.pick(
                        "Een van deze domeinen verstuurt wel; dat zei u hierboven.",
                        "One of these domains does send; you said so above.",
                    ));
                }
                if !found.contains(&domain) {
                    found.push(domain);
                }
            }
            Ok(found)
        })?;
        Ok(())
    }

    fn exchangers(&mut self, setup: &mut MailSetup) -> Result<()> {
        let question = self.lang.pick(
            "Wilt u dat mail AAN u alleen versleuteld aankomt (MTA-STS)? Noem dan uw mailservers (MX), komma's ertussen; leeg: nu niet",
            "Do you want mail TO you to arrive encrypted only (MTA-STS)? Then name your mail servers (MX), commas between; empty: not now",
        );
        let mx = self.until(question, Some(""), |text, lang| {
            let words = text.split([',', ';', ' ']).filter(|word| !word.is_empty());
            let names = words.map(|word| word.trim_end_matches('.').to_ascii_lowercase());
            let names: Vec<String> = names.collect();
            names.iter().all(|name| mta_sts::is_name(name)).then_some(names).ok_or(lang.pick(
                "Er staat iets bij dat geen servernaam is, zoals mx.winkel.nl.",
                "There is something among them that is no name of a server, such as mx.shop.nl.",
            ))
        })?;
        setup.mta_sts = (!mx.is_empty()).then_some(MtaSts { mode: Mode::Testing, mx });
        Ok(())
    }

    fn tell(&mut self, nl: &str, en: &str) {
        (self.say)(self.lang.pick(nl, en));
    }

    fn yes(&mut self, question: &str) -> Result<bool> {
        let ready = self.lang.pick("ja", "yes");
        self.until(question, Some(ready), |text, lang| match text.to_lowercase().as_str() {
            "j" | "ja" | "y" | "yes" => Ok(true),
            "n" | "nee" | "no" => Ok(false),
            _ => Err(lang.pick("Antwoord met ja of nee.", "Answer yes or no.")),
        })
    }

    /// Asks until the answer makes sense.
    fn until<T>(
        &mut self,
        question: &str,
        ready: Option<&str>,
        read: impl Fn(&str, Lang) -> Result<T, &'static str>,
    ) -> Result<T> {
        for _ in 0..TRIES_MAX {
            let text = self.line(question, ready)?;
            match read(&text, self.lang) {
                Ok(found) => return Ok(found),
                Err(why) => (self.say)(&format!("  {why}")),
            }
        }
        Err(self.ended(self.lang.pick("te veel antwoorden die niet kloppen", "too many wrong answers")))
    }

    /// Asks once; an empty answer is the one that is ready.
    fn line(&mut self, question: &str, ready: Option<&str>) -> Result<String> {
        let shown = match ready.filter(|ready| !ready.is_empty()) {
            Some(ready) => format!("\n{question} [{ready}]"),
            None => format!("\n{question}"),
        };
        (self.say)(&shown);
        let mut bytes = Vec::new();
        let read = (&mut *self.answers).take(ANSWER_BYTES_MAX).read_until(b'\n', &mut bytes);
        if read.context("cannot read the answer")? == 0 {
            return Err(self.ended(self.lang.pick("er kwam geen antwoord meer", "no answer came any more")));
        }
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        Ok(if text.is_empty() { ready.unwrap_or_default().to_owned() } else { text })
    }

    fn ended(&self, why: &str) -> anyhow::Error {
        Hinted::error(
            why,
            self.lang.pick(
                "begin opnieuw met: klantkluis mail plan; of schrijf mail.toml zelf en geef het met --streams",
                "begin again with: klantkluis mail plan; or write mail.toml yourself and give it with --streams",
            ),
        )
    }
}

/// The streams that are asked about.
fn streams(lang: Lang) -> [Ask; 3] {
    [
        Ask {
            id: lang.pick("winkel", "shop"),
            kind: StreamKind::Shop,
            question: lang.pick(
                "Verstuurt uw winkel bestelmail (bevestiging, verzending, wachtwoord)?",
                "Does your shop send order mail (confirmation, shipping, password)?",
            ),
            below: lang.pick("bestelling", "order"),
        },
        Ask {
            id: lang.pick("nieuws", "news"),
            kind: StreamKind::Newsletter,
            question: lang.pick("Verstuurt u nieuwsbrieven?", "Do you send newsletters?"),
            below: lang.pick("nieuws", "news"),
        },
        Ask {
            id: lang.pick("kantoor", "office"),
            kind: StreamKind::Office,
            question: lang.pick(
                "Mailt u zelf vanaf uw domein (info@, klantenservice@)?",
                "Do you write mail from your domain yourself (info@, service@)?",
            ),
            below: "",
        },
    ]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn interview(answers: &str) -> (Result<MailSetup>, String) {
        let mut said = String::new();
        let mut say = |text: &str| said.push_str(&format!("{text}\n"));
        let mut answers = answers.as_bytes();
        let setup = Interview::new(&mut answers, &mut say, Lang::Nl).run();
        (setup, said)
    }

    #[test]
    fn a_shop_owner_who_knows_three_names_is_done_in_a_minute() {
        let answers = "https://www.Winkel.example/\nj\nbestelling.winkel.example\nklantkluis, 192.0.2.10\n\nnieuws.winkel.example\n\
                       mailchimb\n1\nja\n\noffice 365, zendesk\nkluis.winkel.example\n\noud.example winkel.test\nmx.winkel.example.\n";
        let (setup, said) = interview(answers);
        let setup = setup.unwrap();
        assert_eq!(setup.domain, "winkel.example");
        let [shop, news, office] = &setup.streams[..] else { panic!("{said}") };
        assert!(shop.is_relayed && shop.networks.len() == 1 && shop.from == "bestelling.winkel.example");
        assert_eq!(news.services, ["mailchimp"], "{said}");
        assert_eq!((office.services.len(), office.from.as_str()), (2, "winkel.example"));
        assert_eq!(setup.report_address.as_deref(), Some("dmarc@rapport.winkel.example"));
        assert_eq!((setup.silent.len(), setup.mta_sts.clone().unwrap().mode), (2, Mode::Testing));
        assert_eq!(MailSetup::read(&setup.to_toml()).unwrap(), setup);
    }

    #[test]
    fn mistakes_are_explained_and_asked_again() {
        let answers = "winkel\nwinkel.example\nmisschien\nnee\nnee\nja\n\nmail\n9\n0\n\ngeenadres\n-\nwinkel.example\n\nx..y\n\n";
        let (setup, said) = interview(answers);
        let setup = setup.unwrap();
        assert_eq!((setup.streams.len(), setup.report_address, setup.silent.len()), (1, None, 0));
        for wanted in [
            "geen domein",
            "ja of nee",
            "Welke bedoelt u met \"mail\"?",
            "nummer van de lijst",
            "geen mailadres",
            "verstuurt wel",
            "geen servernaam",
        ] {
            assert!(said.contains(wanted), "{wanted}\n{said}");
        }
    }

    #[test]
    fn answers_that_end_or_never_make_sense_end_the_interview() {
        for answers in [
            "",
            "winkel.example\n",
            "winkel.example\nja\n",
            "a\nb\nc\nd\ne\nf\n",
            "winkel.example\nnee\nnee\nnee\n",
        ] {
            let (setup, _) = interview(answers);
            assert!(crate::wire::hint_for(&setup.unwrap_err(), Lang::Nl).len() > 10, "{answers}");
        }
        let long = format!("{}\n", "x".repeat(100_000));
        assert!(interview(&long).0.is_err());
    }
}
