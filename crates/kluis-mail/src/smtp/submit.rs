//! A message that a program of the shop hands in (RFC 6409): whether it is the shop's, and what is added before it is
//! signed.

use kluis_model::TimeMs;

use crate::bounce::date;
use crate::message::{Field, Mailbox, Message, mailboxes};
use crate::streams::{MailSetup, MailStream};

/// `Received` fields after which a message goes round in circles.
const HOPS_MAX: usize = 50;

/// What the server says about itself in the message. The address of the client is left out: it may be a person's.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// The name of this server.
    pub hostname: &'a str,
    /// `ESMTP`, with `S` for TLS and `A` for a sign-in (RFC 3848).
    pub protocol: &'a str,
    /// A text that no other message has.
    pub id: &'a str,
    /// When it came.
    pub now: TimeMs,
}

/// A message that may be signed.
#[derive(Debug, PartialEq, Eq)]
pub struct Submission {
    /// The stream it belongs to.
    pub stream: String,
    /// The message with what was missing.
    pub message: Vec<u8>,
}

/// Why a message is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitProblem {
    /// The header cannot be read, or From or Sender holds no address, or there are several of them.
    #[error("the header of the message cannot be read, or it has no single From")]
    Header,
    /// A sender in a domain that no stream has.
    #[error("{domain} belongs to no declared mail stream")]
    NotDeclared {
        /// The domain, shown when it is one.
        domain: String,
    },
    /// A sender in a stream that others send.
    #[error("the mail stream {stream} is not sent by the relay")]
    NotRelayed {
        /// The stream.
        stream: String,
    },
    /// It came by too often.
    #[error("the message goes round in circles")]
    Loop,
}

/// Checks who a message is from, and adds Received, and Date and Message-ID where they are missing; Bcc, Resent-Bcc and
/// Return-Path are left out.
///
/// # Errors
/// Why the message is not the shop's.
pub fn submission(message: &[u8], setup: &MailSetup, stamp: &Stamp<'_>) -> Result<Submission, SubmitProblem> {
    let read = Message::read(message).map_err(|_| SubmitProblem::Header)?;
    if read.named("Received").count() > HOPS_MAX {
        return Err(SubmitProblem::Loop);
    }
    let from = senders(&read, "From")?;
    let first = from.first().ok_or(SubmitProblem::Header)?;
    for mailbox in from.iter().chain(&senders(&read, "Sender")?) {
        relayed_stream(setup, &mailbox.domain)?;
    }
    let stream = relayed_stream(setup, &first.domain)?.id.clone();
    let mut out = Vec::with_capacity(message.len() + 512);
    let Stamp { hostname, protocol, id, now } = stamp;
    let now = date(*now);
    out.extend_from_slice(
        format!("Received: by {hostname} with {protocol} id {id};\r\n\t{now}\r\n").as_bytes(),
    );
    if read.named("Date").next().is_none() {
        out.extend_from_slice(format!("Date: {now}\r\n").as_bytes());
    }
    if read.named("Message-ID").next().is_none() {
        let domain = first.domain.to_ascii_lowercase();
        out.extend_from_slice(format!("Message-ID: <{id}@{domain}>\r\n").as_bytes());
    }
    let is_kept =
        |field: &&Field<'_>| !["Bcc", "Resent-Bcc", "Return-Path"].iter().any(|name| field.is(name));
    for field in read.fields().iter().filter(is_kept) {
        out.extend_from_slice(field.raw());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(read.body());
    Ok(Submission { stream, message: out })
}

/// Whether bounces may go to a domain: that of a relayed stream, or the return path of one.
///
/// # Errors
/// As for the sender in the header.
pub fn check_envelope_domain(setup: &MailSetup, domain: &str) -> Result<(), SubmitProblem> {
    let is_return_path = |stream: &MailStream| {
        stream.is_relayed
            && stream.return_path.as_deref().is_some_and(|path| path.eq_ignore_ascii_case(domain))
    };
    if setup.streams.iter().any(is_return_path) {
        return Ok(());
    }
    relayed_stream(setup, domain).map(|_| ())
}

/// The mailboxes of the only field with this name; none when there is no such field.
fn senders(message: &Message<'_>, name: &str) -> Result<Vec<Mailbox>, SubmitProblem> {
    let mut fields = message.named(name);
    let Some(field) = fields.next() else { return Ok(Vec::new()) };
    if fields.next().is_some() {
        return Err(SubmitProblem::Header);
    }
    match mailboxes(field.value()) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(SubmitProblem::Header),
    }
}

fn relayed_stream<'a>(setup: &'a MailSetup, domain: &str) -> Result<&'a MailStream, SubmitProblem> {
    let is_name =
        !domain.is_empty() && domain.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    let shown = || if is_name { domain.to_ascii_lowercase() } else { "?".to_owned() };
    let found = setup.stream_of(domain).filter(|_| is_name);
    let stream = found.ok_or_else(|| SubmitProblem::NotDeclared { domain: shown() })?;
    match stream.is_relayed {
        true => Ok(stream),
        false => Err(SubmitProblem::NotRelayed { stream: stream.id.clone() }),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::streams::StreamKind;

    const STAMP: Stamp<'static> = Stamp {
        hostname: "kluis.winkel.example",
        protocol: "ESMTPSA",
        id: "0a1b",
        now: TimeMs(1_795_000_000_000),
    };

    fn setup() -> MailSetup {
        let mut setup = MailSetup::new("winkel.example");
        let mut shop = MailStream::new("winkel", StreamKind::Shop, "bestelling.winkel.example");
        shop.is_relayed = true;
        shop.return_path = Some("bounce.winkel.example".into());
        let news = MailStream::new("nieuws", StreamKind::Newsletter, "nieuws.winkel.example");
        setup.streams = vec![shop, news];
        setup
    }

    fn submit(message: &str) -> Result<String, SubmitProblem> {
        let made = submission(message.replace('\n', "\r\n").as_bytes(), &setup(), &STAMP)?;
        assert_eq!(made.stream, "winkel");
        Ok(String::from_utf8(made.message).unwrap().replace("\r\n", "\n"))
    }

    #[test]
    fn what_is_missing_is_added_and_what_is_private_left_out() {
        let made = submit(
            "From: Winkel <hallo@Bestelling.winkel.example>\nBcc: geheim@klant.example\nresent-bcc : stil@klant.example\nSubject: Hoi\nReturn-Path: <x@y.example>\n\nTekst\n",
        );
        assert_eq!(
            made.unwrap(),
            "Received: by kluis.winkel.example with ESMTPSA id 0a1b;\n\tWed, 18 Nov 2026 11:06:40 +0000\n\
             Date: Wed, 18 Nov 2026 11:06:40 +0000\nMessage-ID: <0a1b@bestelling.winkel.example>\n\
             From: Winkel <hallo@Bestelling.winkel.example>\nSubject: Hoi\n\nTekst\n"
        );
        let whole =
            "Date: Mon, 1 Jan 2024 00:00:00 +0000\nMessage-ID: <1@a>\nFrom: a@bestelling.winkel.example\n\nx";
        let made = submit(whole).unwrap();
        assert_eq!(made.split_once('\n').unwrap().1.split_once('\n').unwrap().1, whole);
        // Without a body.
        assert!(submit("From: a@bestelling.winkel.example\n").unwrap().ends_with("winkel.example\n\n"));
    }

    #[test]
    fn only_mail_of_relayed_streams_is_taken() {
        let other = |domain: &str| SubmitProblem::NotDeclared { domain: domain.into() };
        let news = SubmitProblem::NotRelayed { stream: "nieuws".into() };
        for (header, problem) in [
            ("From: a@bank.example", other("bank.example")),
            ("From: a@winkel.example", other("winkel.example")),
            ("From: a@xbestelling.winkel.example", other("xbestelling.winkel.example")),
            ("From: a@nieuws.winkel.example", news.clone()),
            ("From: a@bestelling.winkel.example, b@bank.example", other("bank.example")),
            ("From: a@bestelling.winkel.example\nSender: b@bank.example", other("bank.example")),
            ("From: a@bestelling.winkel.example\nFrom: b@bank.example", SubmitProblem::Header),
            ("From: a@bestelling.winkel.example\nFrom: a@bestelling.winkel.example", SubmitProblem::Header),
            ("From: \"a@bestelling.winkel.example\" <b@bank.example>", other("bank.example")),
            ("From: a@bestelling.winkel.example <b@bank.example>", other("bank.example")),
            ("From:", SubmitProblem::Header),
            ("Subject: x", SubmitProblem::Header),
            ("Sender: a@bestelling.winkel.example", SubmitProblem::Header),
            ("no header at all", SubmitProblem::Header),
        ] {
            assert_eq!(submit(&format!("{header}\n\nx\n")), Err(problem), "{header}");
        }
        let hops = "Received: x\n".repeat(HOPS_MAX + 1);
        assert_eq!(submit(&format!("{hops}From: a@bestelling.winkel.example\n\n")), Err(SubmitProblem::Loop));
    }

    #[test]
    fn bounces_go_to_the_shop_only() {
        let setup = setup();
        for fine in ["bestelling.winkel.example", "Bounce.winkel.example", "x.bestelling.winkel.example"] {
            assert_eq!(check_envelope_domain(&setup, fine), Ok(()), "{fine}");
        }
        for wrong in [
            "winkel.example",
            "bank.example",
            "[192.0.2.1]",
            "x.bounce.winkel.example",
            "nieuws.winkel.example",
        ] {
            assert!(check_envelope_domain(&setup, wrong).is_err(), "{wrong}");
        }
    }
}
