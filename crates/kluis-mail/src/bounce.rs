//! The message that says what became of a message (RFC 3464, RFC 6522): it failed, or went on to a server that tells nothing.

use kluis_model::TimeMs;

/// Bytes of the returned message; of a longer one only the header is returned.
const RETURNED_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a returned header.
const HEADER_BYTES_MAX: usize = 16 * 1024;
/// Characters of one answer that are shown.
const ANSWER_CHARS_MAX: usize = 500;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BounceKind {
    /// It was given up.
    Failed,
    /// It went on to a server that sends no reports, and its sender had asked for one (RFC 3461 §5.2.2).
    Relayed,
}

/// What a bounce says.
#[derive(Debug, Clone, Copy)]
pub struct Bounce<'a> {
    /// What became of the message.
    pub kind: BounceKind,
    /// Our host name.
    pub hostname: &'a str,
    /// The domain it is from; that of the envelope sender, so that it can be signed.
    pub from_domain: &'a str,
    /// The envelope sender, who gets it.
    pub to: &'a str,
    /// A word of letters and digits that no other message has, for boundary and Message-ID.
    pub id: &'a str,
    /// When the message was accepted.
    pub arrived: TimeMs,
    /// The present moment.
    pub now: TimeMs,
    /// `ENVID=`, in xtext.
    pub envelope_id: Option<&'a str>,
    /// Whom it is about, at least one.
    pub recipients: &'a [BouncedRecipient<'a>],
    /// The message.
    pub original: &'a [u8],
    /// Whether only its header is wanted back.
    pub is_header_only: bool,
}

/// A recipient of the message.
#[derive(Debug, Clone, Copy)]
pub struct BouncedRecipient<'a> {
    /// The address.
    pub address: &'a str,
    /// `ORCPT=`, in xtext with its type.
    pub original: Option<&'a str>,
    /// Class, subject, detail (RFC 3463).
    pub status: (u16, u16, u16),
    /// The server that answered.
    pub server: &'a str,
    /// What it answered: code and text.
    pub answer: &'a str,
}

impl Bounce<'_> {
    /// The message, lines ending in CRLF. It has a `From` of its own, no answer is expected (RFC 3834).
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let (returned, returned_type) = self.returned();
        let is_8bit = !returned.is_ascii();
        let encoding = if is_8bit { "8bit" } else { "7bit" };
        let boundary = format!("=_{}", self.id);
        let mut out = format!(
            "From: Mail Delivery System <MAILER-DAEMON@{from}>\r\nTo: <{to}>\r\n\
             Subject: {subject}\r\nDate: {date}\r\n\
             Message-ID: <{id}@{from}>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=\"{boundary}\"\r\n\
             Content-Transfer-Encoding: {encoding}\r\n\r\n\
             --{boundary}\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n",
            from = self.from_domain,
            to = shown(self.to),
            subject = match self.kind {
                BounceKind::Failed => "Niet bezorgd: uw bericht (undelivered mail)",
                BounceKind::Relayed => "Doorgegeven: uw bericht (mail was passed on)",
            },
            date = date(self.now),
            id = self.id,
        );
        self.words(&mut out);
        out.push_str(&format!("\r\n--{boundary}\r\nContent-Type: message/delivery-status\r\n\r\n"));
        self.fields(&mut out);
        out.push_str(&format!(
            "\r\n--{boundary}\r\nContent-Type: {returned_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        ));
        let mut out = out.into_bytes();
        out.extend_from_slice(returned);
        out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        out
    }

    /// What a person reads.
    fn words(&self, out: &mut String) {
        out.push_str(match self.kind {
            BounceKind::Failed => {
                "Uw bericht kon niet worden bezorgd bij de adressen hieronder. Het is\r\n\
                 opgegeven en wordt niet opnieuw geprobeerd.\r\n\r\n\
                 Your message could not be delivered to the addresses below. It was\r\n\
                 given up and is not tried again.\r\n"
            }
            BounceKind::Relayed => {
                "Uw bericht aan de adressen hieronder is doorgegeven aan de volgende\r\n\
                 mailserver. Die meldt niet of het is aangekomen.\r\n\r\n\
                 Your message to the addresses below was passed on to the next mail\r\n\
                 server, which does not tell whether it arrived.\r\n"
            }
        });
        for to in self.recipients {
            out.push_str(&format!("\r\n<{}>\r\n", shown(to.address)));
            for line in folded(to.answer) {
                out.push_str(&format!("    {line}\r\n"));
            }
        }
    }

    /// What programs read (RFC 3464 §2).
    fn fields(&self, out: &mut String) {
        out.push_str(&format!("Reporting-MTA: dns; {}\r\n", self.hostname));
        if let Some(id) = self.envelope_id {
            out.push_str(&format!("Original-Envelope-Id: {}\r\n", shown(id)));
        }
        out.push_str(&format!("Arrival-Date: {}\r\n", date(self.arrived)));
        for to in self.recipients {
            out.push_str("\r\n");
            if let Some(original) = to.original {
                out.push_str(&format!("Original-Recipient: {}\r\n", shown(original)));
            }
            let (class, subject, detail) = to.status;
            out.push_str(&format!(
                "Final-Recipient: rfc822; {}\r\nAction: {}\r\nStatus: {class}.{subject}.{detail}\r\n",
                shown(to.address),
                match self.kind {
                    BounceKind::Failed => "failed",
                    BounceKind::Relayed => "relayed",
                }
            ));
            if !to.server.is_empty() {
                out.push_str(&format!("Remote-MTA: dns; {}\r\n", shown(to.server)));
            }
            let answer: Vec<String> = folded(to.answer).collect();
            out.push_str(&format!("Diagnostic-Code: smtp; {}\r\n", answer.join("\r\n ")));
        }
    }

    /// What goes back of the message, and how it is called.
    fn returned(&self) -> (&[u8], &'static str) {
        if !self.is_header_only && self.original.len() <= RETURNED_BYTES_MAX {
            return (self.original, "message/rfc822");
        }
        let end = memchr::memmem::find(self.original, b"\r\n\r\n").map_or(self.original.len(), |at| at + 2);
        let header = &self.original[..end.min(HEADER_BYTES_MAX)];
        // Cut at the end of a line.
        let end = header.windows(2).rposition(|pair| pair == b"\r\n").map_or(0, |at| at + 2);
        (&header[..end], "text/rfc822-headers")
    }
}

/// A text of a stranger within a header: printable ASCII, bounded.
fn shown(text: &str) -> String {
    text.chars().take(ANSWER_CHARS_MAX).map(|c| if (' '..='~').contains(&c) { c } else { '?' }).collect()
}

/// A text in lines of at most 72 characters where it has blanks.
fn folded(text: &str) -> impl Iterator<Item = String> {
    let mut lines = vec![String::new()];
    for word in shown(&text.replace(['\r', '\n'], " ")).split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + word.len() < 72 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.into_iter()
}

/// A moment as RFC 5322 §3.3 writes it, in UTC.
#[must_use]
pub fn date(at: TimeMs) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = at.to_string();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let month = part(5, 7).parse::<usize>().unwrap_or(1).clamp(1, 12);
    let day = usize::try_from(at.day().rem_euclid(7)).unwrap_or(0);
    format!("{}, {} {} {} {} +0000", DAYS[day], part(8, 10), MONTHS[month - 1], part(0, 4), part(11, 19))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const ORIGINAL: &[u8] =
        b"From: Winkel <bestelling@winkel.example>\r\nSubject: Uw bestelling\r\n\r\nDank u wel.\r\n";

    fn failed<'a>(address: &'a str, answer: &'a str) -> BouncedRecipient<'a> {
        BouncedRecipient {
            address,
            original: Some("rfc822;noor@klant.example"),
            status: (5, 1, 1),
            server: "post.aanbieder.example",
            answer,
        }
    }

    fn bounce<'a>(recipients: &'a [BouncedRecipient<'a>], original: &'a [u8]) -> Bounce<'a> {
        Bounce {
            kind: BounceKind::Failed,
            hostname: "relay.winkel.example",
            from_domain: "winkel.example",
            to: "bounce@winkel.example",
            id: "0193abcd",
            arrived: TimeMs(1_795_000_000_000),
            now: TimeMs(1_795_000_060_000),
            envelope_id: Some("QQ314159"),
            recipients,
            original,
            is_header_only: false,
        }
    }

    fn text(bounce: &Bounce<'_>) -> String {
        String::from_utf8(bounce.write()).unwrap()
    }

    #[test]
    fn it_says_for_people_and_for_programs_what_happened() {
        let failed =
            [failed("noor@klant.example", "550 5.1.1 no such user"), failed("b@c.example", "552 full")];
        let said = text(&bounce(&failed, ORIGINAL));
        for line in [
            "From: Mail Delivery System <MAILER-DAEMON@winkel.example>",
            "To: <bounce@winkel.example>",
            "Auto-Submitted: auto-replied",
            "Content-Type: multipart/report; report-type=delivery-status; boundary=\"=_0193abcd\"",
            "Reporting-MTA: dns; relay.winkel.example",
            "Original-Envelope-Id: QQ314159",
            "Original-Recipient: rfc822;noor@klant.example",
            "Final-Recipient: rfc822; noor@klant.example",
            "Final-Recipient: rfc822; b@c.example",
            "Action: failed",
            "Status: 5.1.1",
            "Diagnostic-Code: smtp; 550 5.1.1 no such user",
            "Content-Type: message/rfc822",
            "Dank u wel.",
            "--=_0193abcd--",
        ] {
            assert!(said.split("\r\n").any(|found| found == line), "{line}:\n{said}");
        }
        assert!(said.contains("Arrival-Date: Wed, 18 Nov 2026 11:06:40 +0000\r\n"), "{said}");
        assert!(
            !said.replace("\r\n", "").contains(['\r', '\n']) && said.lines().all(|line| line.len() < 100)
        );
        assert_eq!(said.matches("\r\n--=_0193abcd\r\n").count(), 3);
    }

    #[test]
    fn a_message_that_went_on_is_told_apart_from_a_failure() {
        let to = [BouncedRecipient { status: (2, 0, 0), ..failed("noor@klant.example", "250 queued") }];
        let relayed = Bounce { kind: BounceKind::Relayed, is_header_only: true, ..bounce(&to, ORIGINAL) };
        let said = text(&relayed);
        assert!(said.contains("Action: relayed\r\nStatus: 2.0.0\r\n"), "{said}");
        assert!(said.contains("Doorgegeven") && !said.contains("opgegeven") && !said.contains("Dank u wel"));
    }

    #[test]
    fn an_answer_of_a_stranger_adds_no_field_and_no_part() {
        let evil = format!("550 x\r\nBcc: a@b.example\r\n\r\n--=_0193abcd--\r\n{}\u{e9}", "y ".repeat(9_000));
        let failed = [failed("noor@klant.example", &evil)];
        let said = text(&bounce(&failed, ORIGINAL));
        assert!(!said.contains("\r\nBcc:") && said.matches("\r\n--=_0193abcd").count() == 4, "{said}");
        assert!(said.len() < 8_000, "{}", said.len());
    }

    #[test]
    fn a_long_or_unwanted_text_is_not_returned() {
        let failed = [failed("noor@klant.example", "550 no")];
        let mut long = ORIGINAL.to_vec();
        long.extend(vec![b'x'; RETURNED_BYTES_MAX]);
        for bounce in [bounce(&failed, &long), Bounce { is_header_only: true, ..bounce(&failed, ORIGINAL) }] {
            let said = text(&bounce);
            assert!(said.contains("text/rfc822-headers\r\n") && !said.contains("Dank u wel"), "{said}");
            assert!(said.contains("Subject: Uw bestelling\r\n"));
        }
        let header = [b"X: ".as_slice(), &vec![b'h'; 40_000]].concat();
        assert!(bounce(&failed, &header).write().len() < 70_000);
        let binary = b"Subject: \xe9\r\n\r\n\xff\r\n";
        let said = bounce(&failed, binary).write();
        assert!(said.windows(binary.len()).any(|part| part == binary));
        assert!(String::from_utf8_lossy(&said).contains("Content-Transfer-Encoding: 8bit\r\n"));
    }

    #[test]
    fn moments_are_written_as_mail_does() {
        for (ms, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (951_782_399_999, "Mon, 28 Feb 2000 23:59:59 +0000"),
            (951_782_400_000, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (1_795_478_400_000, "Tue, 24 Nov 2026 00:00:00 +0000"),
        ] {
            assert_eq!(date(TimeMs(ms)), text);
        }
    }
}
