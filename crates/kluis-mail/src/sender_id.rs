//! Sender ID (RFC 4406, 4407): historic. Nobody known still checks it; it is here to explain old records and remove them.

use core::net::IpAddr;

use crate::dns::{Answer, Answers, Question, RecordKind};
use crate::message::{Field, Mailbox, Message, mailboxes};
use crate::spf::{self, Identity, Query, Verdict, Version};

/// Records of one domain that are looked at.
const RECORDS_MAX: usize = 20;

/// The purported responsible address and the field it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pra {
    /// The address.
    pub mailbox: Mailbox,
    /// `Resent-Sender`, `Resent-From`, `Sender` or `From`.
    pub field: &'static str,
}

/// Why a message has no purported responsible address (RFC 4407 §2, step 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PraProblem {
    /// No From that is not empty.
    #[error("no From")]
    NoFrom,
    /// More than one field where one may be.
    #[error("more than one {0}")]
    Several(&'static str),
    /// The chosen field does not hold exactly one address with a domain.
    #[error("not one address in {0}")]
    NotOne(&'static str),
}

/// Finds the purported responsible address (RFC 4407 §2).
///
/// # Errors
/// Why there is none.
pub fn pra(message: &Message<'_>) -> Result<Pra, PraProblem> {
    let fields = message.fields();
    let is_filled = |field: &Field<'_>, name: &str| field.is(name) && !field.text().is_empty();
    let first = |name: &str| fields.iter().position(|field| is_filled(field, name));
    // Step 1, with its exception: a newer block of resent fields ended before this Resent-Sender.
    let sender = first("Resent-Sender").filter(|sender| {
        !first("Resent-From").filter(|from| from < sender).is_some_and(|from| {
            fields[from..*sender].iter().any(|field| field.is("Received") || field.is("Return-Path"))
        })
    });
    if let Some(at) = sender {
        return only(&fields[at], "Resent-Sender");
    }
    if let Some(at) = first("Resent-From") {
        return only(&fields[at], "Resent-From");
    }
    for name in ["Sender", "From"] {
        let mut all = fields.iter().filter(|field| is_filled(field, name));
        match (all.next(), all.next()) {
            (Some(field), None) => return only(field, name),
            (Some(_), Some(_)) => return Err(PraProblem::Several(name)),
            (None, _) => {}
        }
    }
    Err(PraProblem::NoFrom)
}

/// Step 5: exactly one mailbox with a domain.
fn only(field: &Field<'_>, name: &'static str) -> Result<Pra, PraProblem> {
    match mailboxes(field.value()).as_deref() {
        Ok([mailbox]) => Ok(Pra { mailbox: mailbox.clone(), field: name }),
        _ => Err(PraProblem::NotOne(name)),
    }
}

/// Who brought the message.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    /// Its address.
    pub address: IpAddr,
    /// Its HELO.
    pub helo: &'a str,
    /// Our own name.
    pub receiver: &'a str,
    /// Now, in seconds since 1970.
    pub now_s: i64,
}

/// Judges an address as an old Sender ID receiver would: `spf2.0/pra`, else `v=spf1` (RFC 4406 §4.4).
///
/// # Errors
/// The question whose answer is needed.
pub fn evaluate(pra: &Pra, client: &Client<'_>, answers: &impl Answers) -> Result<Verdict, Question> {
    let sender = format!("{}@{}", pra.mailbox.local, pra.mailbox.domain);
    let Client { address, helo, receiver, now_s } = *client;
    spf::evaluate(
        &Query { address, sender: &sender, helo, identity: Identity::SenderIdPra, receiver, now_s },
        answers,
    )
}

/// Something to say about the Sender ID records of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// There is a Sender ID record: it can be removed, nobody reads it.
    Historic {
        /// The record.
        record: String,
    },
    /// It says about a scope what `v=spf1` says anyway.
    SameAsSpf {
        /// The record.
        record: String,
    },
    /// Two records for one scope: an error for whoever still reads them (RFC 4406 §4.4).
    TwiceInScope {
        /// `mfrom` or `pra`.
        scope: &'static str,
    },
    /// A record with no scope that is known.
    NoScope {
        /// The record.
        record: String,
    },
    /// A record that cannot be read.
    Broken {
        /// The record.
        record: String,
        /// Where and why.
        error: spf::RecordError,
    },
}

/// Looks at the Sender ID records of a domain; empty when it has none, as it should.
///
/// # Errors
/// The question whose answer is needed.
pub fn lint(domain: &str, answers: &impl Answers) -> Result<Vec<Fact>, Question> {
    let Answer::Txt(texts) = answers.ask(domain, RecordKind::Txt)? else { return Ok(Vec::new()) };
    let records: Vec<(&[u8], Version, usize)> = texts
        .iter()
        .filter_map(|text| spf::version(text).map(|(version, end)| (text.as_slice(), version, end)))
        .take(RECORDS_MAX)
        .collect();
    let plain = records.iter().find(|(_, version, _)| *version == Version::Spf1);
    let mut facts = Vec::new();
    let mut counts = [("mfrom", 0), ("pra", 0)];
    for (text, version, end) in &records {
        let Version::SenderId { mfrom, pra } = version else { continue };
        let record = String::from_utf8_lossy(text).into_owned();
        counts[0].1 += u32::from(*mfrom);
        counts[1].1 += u32::from(*pra);
        facts.push(Fact::Historic { record: record.clone() });
        if let Err(error) = spf::read(text) {
            facts.push(Fact::Broken { record, error });
        } else if !mfrom && !pra {
            facts.push(Fact::NoScope { record });
        } else if plain.is_some_and(|(plain, _, from)| same_terms(&plain[*from..], &text[*end..])) {
            facts.push(Fact::SameAsSpf { record });
        }
    }
    let twice = counts.into_iter().filter(|(_, count)| *count > 1);
    facts.extend(twice.map(|(scope, _)| Fact::TwiceInScope { scope }));
    Ok(facts)
}

/// Whether two records have the same terms after their version.
fn same_terms(a: &[u8], b: &[u8]) -> bool {
    let terms = |text: &[u8]| -> Vec<Vec<u8>> {
        text.split(|byte| *byte == b' ')
            .filter(|term| !term.is_empty())
            .map(<[u8]>::to_ascii_lowercase)
            .collect()
    };
    terms(a) == terms(b)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::collections::HashMap;

    use super::*;
    use crate::spf::SpfResult;

    fn check(header: &str, wanted: Result<(&str, &'static str), PraProblem>) {
        let text = header.replace('|', "\r\n");
        let message = Message::read(text.as_bytes()).unwrap();
        let found = pra(&message)
            .map(|found| (format!("{}@{}", found.mailbox.local, found.mailbox.domain), found.field));
        assert_eq!(found, wanted.map(|(address, field)| (address.to_owned(), field)), "{header}");
    }

    #[test]
    fn the_address_is_chosen_as_rfc_4407_says() {
        check("From: a@x.example", Ok(("a@x.example", "From")));
        check("Sender: s@x.example|From: a@x.example, b@x.example", Ok(("s@x.example", "Sender")));
        check("Sender:|From: a@x.example", Ok(("a@x.example", "From")));
        check("From:|From: a@x.example", Ok(("a@x.example", "From")));
        check("Resent-From: r@x.example|Sender: s@x.example", Ok(("r@x.example", "Resent-From")));
        check("Resent-From: r@x.example|Resent-Sender: q@x.example", Ok(("q@x.example", "Resent-Sender")));
        check(
            "Resent-Sender: q@x.example|Received: x|Resent-From: r@x.example",
            Ok(("q@x.example", "Resent-Sender")),
        );
        check(
            "Resent-From: r@x.example|Received: x|Resent-Sender: q@x.example",
            Ok(("r@x.example", "Resent-From")),
        );
        check(
            "Resent-From: r@x.example|Return-Path: x|Resent-Sender: q@x.example",
            Ok(("r@x.example", "Resent-From")),
        );
        check("Resent-From:|Received: x|Resent-Sender: q@x.example", Ok(("q@x.example", "Resent-Sender")));
        check("Resent-Sender: q@x.example|Resent-Sender: p@x.example", Ok(("q@x.example", "Resent-Sender")));
    }

    #[test]
    fn an_ill_formed_message_has_none() {
        check("To: a@x.example", Err(PraProblem::NoFrom));
        check("", Err(PraProblem::NoFrom));
        check("From: ", Err(PraProblem::NoFrom));
        check("From: a@x.example|From: b@x.example", Err(PraProblem::Several("From")));
        check(
            "Sender: a@x.example|Sender: b@x.example|From: c@x.example",
            Err(PraProblem::Several("Sender")),
        );
        check("From: a@x.example, b@x.example", Err(PraProblem::NotOne("From")));
        check("From: nobody", Err(PraProblem::NotOne("From")));
        check("From: group:;", Err(PraProblem::NotOne("From")));
        check("Resent-Sender: <|From: a@x.example", Err(PraProblem::NotOne("Resent-Sender")));
    }

    fn zone(texts: &[&str]) -> HashMap<Question, Answer> {
        let texts = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        HashMap::from([(Question::new("x.example", RecordKind::Txt), Answer::Txt(texts))])
    }

    #[test]
    fn old_receivers_prefer_the_record_of_the_scope() {
        let message = Message::read(b"From: a@x.example\r\n").unwrap();
        let pra = pra(&message).unwrap();
        let client = Client {
            address: "192.0.2.1".parse().unwrap(),
            helo: "h.example",
            receiver: "r.example",
            now_s: 0,
        };
        for (texts, wanted) in [
            (&["v=spf1 -all"][..], SpfResult::Fail),
            (&["v=spf1 -all", "spf2.0/pra ip4:192.0.2.1 -all"], SpfResult::Pass),
            (&["v=spf1 -all", "spf2.0/mfrom +all"], SpfResult::Fail),
            (&["spf2.0/pra ?all", "spf2.0/pra,mfrom ?all"], SpfResult::PermError),
            (&[], SpfResult::None),
        ] {
            assert_eq!(evaluate(&pra, &client, &zone(texts)).unwrap().result, wanted, "{texts:?}");
        }
        assert!(evaluate(&pra, &client, &HashMap::new()).is_err());
    }

    #[test]
    fn records_are_named_for_removal() {
        let historic = |record: &str| Fact::Historic { record: record.to_owned() };
        for (texts, wanted) in [
            (&["v=spf1 -all", "hello"][..], vec![]),
            (
                &["v=spf1 mx -all", "spf2.0/pra  MX -all"],
                vec![
                    historic("spf2.0/pra  MX -all"),
                    Fact::SameAsSpf { record: "spf2.0/pra  MX -all".to_owned() },
                ],
            ),
            (
                &["spf2.0/pra ?all", "spf2.0/mfrom,pra -all"],
                vec![
                    historic("spf2.0/pra ?all"),
                    historic("spf2.0/mfrom,pra -all"),
                    Fact::TwiceInScope { scope: "pra" },
                ],
            ),
            (
                &["spf2.0/other -all"],
                vec![historic("spf2.0/other -all"), Fact::NoScope { record: "spf2.0/other -all".to_owned() }],
            ),
        ] {
            assert_eq!(lint("X.example.", &zone(texts)), Ok(wanted));
        }
        assert!(matches!(lint("x.example", &zone(&["spf2.0/pra what"])).unwrap()[1], Fact::Broken { .. }));
        assert!(lint("x.example", &HashMap::<Question, Answer>::new()).is_err());
    }
}
