//! One line of a client as a command (RFC 5321 §4.1.1, RFC 1870, 3030, 3207, 4954, 6152), or the reply that refuses it.

use super::address::{Address, AddressProblem, is_domain, is_literal};
use super::offer::{Recipient, Sender};
use super::reply::Reply;

/// Characters of `ENVID` (RFC 3461 §4.4) and of `ORCPT` (§4.2).
const ENVELOPE_ID_MAX: usize = 100;
const ORIGINAL_MAX: usize = 500;

/// What a client asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    Ehlo,
    Helo,
    Mail(Sender),
    Rcpt(Recipient),
    Data,
    Bdat {
        octets: u64,
        is_last: bool,
    },
    Rset,
    Noop,
    Quit,
    Vrfy,
    Help,
    StartTls,
    Auth {
        mechanism: Mechanism,
        initial: Option<&'a [u8]>,
    },
    /// A browser is on the line, perhaps because a hostile page sent it.
    NotMail,
}

/// How a client signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanism {
    Plain,
    Login,
}

/// Words that begin a request of HTTP.
const HTTP_WORDS: [&[u8]; 9] =
    [b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE", b"PATCH", b"CONNECT", b"TRACE"];

/// Reads a line without its line end.
pub(super) fn read(line: &[u8]) -> Result<Command<'_>, Reply> {
    if line.iter().any(|byte| matches!(byte, 0 | b'\r')) {
        return Err(syntax("A command holds no such control character."));
    }
    let line = line.trim_ascii_end();
    let length = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let (word, rest) = (line[..length].to_ascii_uppercase(), line[length..].trim_ascii_start());
    let bare =
        |command| if rest.is_empty() { Ok(command) } else { Err(syntax("This command takes nothing.")) };
    match word.as_slice() {
        b"EHLO" => hello(rest).map(|()| Command::Ehlo),
        b"HELO" => hello(rest).map(|()| Command::Helo),
        b"MAIL" => mail(rest).map(Command::Mail),
        b"RCPT" => rcpt(rest).map(Command::Rcpt),
        b"DATA" => bare(Command::Data),
        b"BDAT" => bdat(rest),
        b"RSET" => bare(Command::Rset),
        b"NOOP" => Ok(Command::Noop),
        b"QUIT" => bare(Command::Quit),
        b"VRFY" => Ok(Command::Vrfy),
        b"HELP" => Ok(Command::Help),
        b"STARTTLS" => bare(Command::StartTls),
        b"AUTH" => auth(rest),
        b"EXPN" | b"TURN" | b"ETRN" | b"SEND" | b"SOML" | b"SAML" | b"ATRN" => {
            Err(Reply::new(502, (5, 5, 1), "This command is not offered."))
        }
        word if HTTP_WORDS.contains(&word) => Ok(Command::NotMail),
        _ => Err(Reply::new(500, (5, 5, 2), "This command is not known.")),
    }
}

fn syntax(text: &'static str) -> Reply {
    Reply::new(501, (5, 5, 4), text)
}

/// The name that a client gives itself; it is checked and forgotten.
fn hello(name: &[u8]) -> Result<(), Reply> {
    let name = std::str::from_utf8(name).unwrap_or_default();
    if is_domain(name) || is_literal(name) {
        return Ok(());
    }
    Err(syntax("Give a host name or an address literal such as [192.0.2.1]."))
}

fn mail(rest: &[u8]) -> Result<Sender, Reply> {
    let (path, parameters) = path(rest, b"FROM:")?;
    let address = if path.is_empty() { None } else { Some(address(path, 7)?) };
    let mut sender = Sender { address, ..Sender::default() };
    for (key, value) in parameters_of(parameters) {
        match (key.as_slice(), value) {
            (b"SIZE", Some(octets)) => sender.octets = Some(number(octets)?),
            (b"BODY", Some(value)) if value.eq_ignore_ascii_case(b"7BIT") => sender.is_8bit = false,
            (b"BODY", Some(value)) if value.eq_ignore_ascii_case(b"8BITMIME") => sender.is_8bit = true,
            (b"BODY", _) => return Err(syntax("BODY takes 7BIT or 8BITMIME.")),
            (b"RET", Some(value)) if value.eq_ignore_ascii_case(b"HDRS") => sender.is_header_only = true,
            (b"RET", Some(value)) if value.eq_ignore_ascii_case(b"FULL") => sender.is_header_only = false,
            (b"RET", _) => return Err(syntax("RET takes FULL or HDRS.")),
            (b"ENVID", Some(id)) => sender.envelope_id = Some(xtext(id, ENVELOPE_ID_MAX)?.to_owned().into()),
            // Whose mail it is, says the client; it is not believed (RFC 4954 §5).
            (b"AUTH", Some(_)) => {}
            (b"SMTPUTF8", None) => return Err(beyond_ascii(7)),
            _ => return Err(Reply::new(555, (5, 5, 4), "This parameter of MAIL is not offered.")),
        }
    }
    Ok(sender)
}

fn rcpt(rest: &[u8]) -> Result<Recipient, Reply> {
    let (path, parameters) = path(rest, b"TO:")?;
    // RFC 5321 §4.1.1.3.
    let is_postmaster = path.eq_ignore_ascii_case(b"postmaster");
    let address = if is_postmaster { None } else { Some(address(path, 3)?) };
    let mut recipient = Recipient { address, notify: None, original: None };
    for (key, value) in parameters_of(parameters) {
        match (key.as_slice(), value) {
            (b"NOTIFY", Some(words)) => recipient.notify = Some(notify(words)?),
            (b"ORCPT", Some(text)) => {
                recipient.original = Some(xtext(text, ORIGINAL_MAX)?.to_owned().into());
            }
            _ => return Err(Reply::new(555, (5, 5, 4), "This parameter of RCPT is not offered.")),
        }
    }
    Ok(recipient)
}

/// `KEY=value KEY`, with the keys in upper case.
fn parameters_of(text: &[u8]) -> impl Iterator<Item = (Vec<u8>, Option<&[u8]>)> {
    let words = text.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    words.map(|word| match memchr::memchr(b'=', word) {
        Some(at) => (word[..at].to_ascii_uppercase(), Some(&word[at + 1..])),
        None => (word.to_ascii_uppercase(), None),
    })
}

/// NEVER alone, or some of SUCCESS, FAILURE and DELAY (RFC 3461 §4.1).
fn notify(words: &[u8]) -> Result<String, Reply> {
    let words = words.to_ascii_uppercase();
    let is_known = |word: &[u8]| matches!(word, b"SUCCESS" | b"FAILURE" | b"DELAY");
    let is_list = words.len() < 30 && words.split(|byte| *byte == b',').all(is_known);
    match String::from_utf8(words) {
        Ok(words) if is_list || words == "NEVER" => Ok(words),
        _ => Err(syntax("NOTIFY takes NEVER, or some of SUCCESS, FAILURE and DELAY.")),
    }
}

/// Printable ASCII; what would not be is written as `+XX` (RFC 3461 §4).
fn xtext(text: &[u8], length_max: usize) -> Result<&str, Reply> {
    let is_printable = (1..=length_max).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic);
    let text = std::str::from_utf8(text).ok().filter(|_| is_printable);
    text.ok_or_else(|| syntax("This parameter takes xtext (RFC 3461)."))
}

/// What is between the angle brackets after `FROM:` or `TO:`, and what follows.
fn path<'a>(rest: &'a [u8], word: &[u8]) -> Result<(&'a [u8], &'a [u8]), Reply> {
    let wrong = || syntax("Write MAIL FROM:<address> or RCPT TO:<address>.");
    let head = rest.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word));
    // Many programs put a blank after the colon.
    let rest = head.map(|_| rest[word.len()..].trim_ascii_start()).ok_or_else(wrong)?;
    let inner = rest.strip_prefix(b"<").ok_or_else(wrong)?;
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, byte) in inner.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'>' if !is_quoted => {
                let after = &inner[at + 1..];
                let is_end = after.is_empty() || after[0] == b' ';
                return if is_end { Ok((&inner[..at], after)) } else { Err(wrong()) };
            }
            _ => {}
        }
    }
    Err(wrong())
}

/// `of`: the last digit of the code for a wrong address (RFC 3463 §3.2): 3 of a recipient, 7 of a sender.
fn address(path: &[u8], of: u16) -> Result<Address, Reply> {
    Address::parse(path).map_err(|problem| match problem {
        AddressProblem::Syntax => Reply::new(501, (5, 1, of), "This is no e-mail address."),
        AddressProblem::TooLong => Reply::new(501, (5, 1, of), "This address is too long."),
        AddressProblem::Utf8 => beyond_ascii(of),
    })
}

fn beyond_ascii(of: u16) -> Reply {
    let detail = if of == 3 { 6 } else { 7 };
    Reply::new(
        553,
        (5, 6, detail),
        "Addresses beyond ASCII (SMTPUTF8) cannot be passed on from here; write the domain as xn--.",
    )
}

fn bdat(rest: &[u8]) -> Result<Command<'_>, Reply> {
    let mut words = rest.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let octets = number(words.next().unwrap_or_default())?;
    let is_last = match (words.next(), words.next()) {
        (None, _) => false,
        (Some(word), None) if word.eq_ignore_ascii_case(b"LAST") => true,
        _ => return Err(syntax("Write BDAT octets or BDAT octets LAST.")),
    };
    Ok(Command::Bdat { octets, is_last })
}

/// Digits, at most 18 of them.
fn number(digits: &[u8]) -> Result<u64, Reply> {
    let is_number = (1..=18).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| is_number);
    text.and_then(|text| text.parse().ok()).ok_or_else(|| syntax("A number of octets is wanted."))
}

fn auth(rest: &[u8]) -> Result<Command<'_>, Reply> {
    let mut words = rest.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let mechanism = match words.next().unwrap_or_default() {
        word if word.eq_ignore_ascii_case(b"PLAIN") => Mechanism::Plain,
        word if word.eq_ignore_ascii_case(b"LOGIN") => Mechanism::Login,
        _ => return Err(Reply::new(504, (5, 5, 4), "Sign in with PLAIN or LOGIN.")),
    };
    let initial = words.next();
    match words.next() {
        Some(_) => Err(syntax("AUTH takes a mechanism and at most one answer.")),
        None => Ok(Command::Auth { mechanism, initial }),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn commands_are_read_in_any_case() {
        let mail = |from: Option<&str>, octets, is_8bit| {
            let address = from.map(address);
            Command::Mail(Sender { address, octets, is_8bit, ..Sender::default() })
        };
        let to = |address| Command::Rcpt(Recipient { address, notify: None, original: None });
        for (line, command) in [
            ("EHLO winkel.example", Command::Ehlo),
            ("ehlo [192.0.2.1]", Command::Ehlo),
            ("EHLO [IPv6:::1]", Command::Ehlo),
            ("Helo localhost", Command::Helo),
            ("MAIL FROM:<a@b.example>", mail(Some("a@b.example"), None, false)),
            (
                "mail from: <a@b.example> size=9 body=8bitmime AUTH=<>",
                mail(Some("a@b.example"), Some(9), true),
            ),
            ("MAIL FROM:<>", mail(None, None, false)),
            (
                "MAIL FROM:<\"a> b\\\"\"@b.example> BODY=7BIT",
                mail(Some("\"a> b\\\"\"@b.example"), None, false),
            ),
            ("RCPT TO:<a@b.example>", to(Some(address("a@b.example")))),
            ("RCPT TO:<Postmaster>", to(None)),
            ("DATA ", Command::Data),
            ("BDAT 10", Command::Bdat { octets: 10, is_last: false }),
            ("bdat 0 last", Command::Bdat { octets: 0, is_last: true }),
            ("NOOP whatever", Command::Noop),
            ("QUIT", Command::Quit),
            ("VRFY a", Command::Vrfy),
            ("STARTTLS", Command::StartTls),
            ("AUTH LOGIN", Command::Auth { mechanism: Mechanism::Login, initial: None }),
            ("AUTH plain AGE=", Command::Auth { mechanism: Mechanism::Plain, initial: Some(b"AGE=") }),
            ("GET / HTTP/1.1", Command::NotMail),
            ("POST / HTTP/1.1", Command::NotMail),
        ] {
            assert_eq!(read(line.as_bytes()), Ok(command), "{line}");
        }
    }

    #[test]
    fn wishes_about_reports_of_delivery_are_read() {
        let line = b"MAIL FROM:<a@b.example> RET=HDRS ENVID=QQ+2B1";
        let Ok(Command::Mail(sender)) = read(line) else { panic!("MAIL") };
        assert!(sender.is_header_only);
        assert_eq!(sender.envelope_id.unwrap().expose(), "QQ+2B1");
        let line = b"RCPT TO:<a@b.example> notify=success,Failure ORCPT=rfc822;a@c.example";
        let Ok(Command::Rcpt(recipient)) = read(line) else { panic!("RCPT") };
        assert_eq!(recipient.notify.as_deref(), Some("SUCCESS,FAILURE"));
        assert_eq!(recipient.original.unwrap().expose(), "rfc822;a@c.example");
    }

    #[test]
    fn what_is_no_command_is_refused_with_the_fitting_code() {
        for (line, code, enhanced) in [
            ("", 500, (5, 5, 2)),
            ("HALLO", 500, (5, 5, 2)),
            ("EHLOwinkel.example", 500, (5, 5, 2)),
            ("EHLO", 501, (5, 5, 4)),
            ("EHLO a b", 501, (5, 5, 4)),
            ("EHLO winkel.example\r", 501, (5, 5, 4)),
            ("EHLO winkel\0", 501, (5, 5, 4)),
            ("MAIL", 501, (5, 5, 4)),
            ("MAIL TO:<a@b.example>", 501, (5, 5, 4)),
            ("MAIL FROM:a@b.example", 501, (5, 5, 4)),
            ("MAIL FROM:<a@b.example", 501, (5, 5, 4)),
            ("MAIL FROM:<a@b.example>SIZE=1", 501, (5, 5, 4)),
            ("MAIL FROM:<a@b.example> SIZE=", 501, (5, 5, 4)),
            ("MAIL FROM:<a@b.example> SIZE=1e3", 501, (5, 5, 4)),
            ("MAIL FROM:<a@b.example> SIZE=9999999999999999999", 501, (5, 5, 4)),
            ("MAIL FROM:<a@b.example> BODY=BINARYMIME", 501, (5, 5, 4)),
            ("MAIL FROM:<a@b.example> RET=SOME", 501, (5, 5, 4)),
            ("MAIL FROM:<a@b.example> ENVID=", 501, (5, 5, 4)),
            ("MAIL FROM:<a@b.example> MT-PRIORITY=9", 555, (5, 5, 4)),
            ("MAIL FROM:<a@b.example> SMTPUTF8", 553, (5, 6, 7)),
            ("MAIL FROM:<n\u{f8}rd@b.example>", 553, (5, 6, 7)),
            ("MAIL FROM:<a b@c.example>", 501, (5, 1, 7)),
            ("RCPT TO:<>", 501, (5, 1, 3)),
            ("RCPT TO:<a>", 501, (5, 1, 3)),
            ("RCPT TO:<@b.example:a@c.example>", 501, (5, 1, 3)),
            ("RCPT TO:<n\u{f8}rd@b.example>", 553, (5, 6, 6)),
            ("RCPT TO:<a@b.example> NOTIFY=ALWAYS", 501, (5, 5, 4)),
            ("RCPT TO:<a@b.example> NOTIFY=NEVER,DELAY", 501, (5, 5, 4)),
            ("RCPT TO:<a@b.example> NOTIFY=", 501, (5, 5, 4)),
            ("RCPT TO:<a@b.example> ORCPT=\x01", 501, (5, 5, 4)),
            ("RCPT TO:<a@b.example> RRVS=1", 555, (5, 5, 4)),
            ("DATA now", 501, (5, 5, 4)),
            ("BDAT", 501, (5, 5, 4)),
            ("BDAT -1", 501, (5, 5, 4)),
            ("BDAT 1 FIRST", 501, (5, 5, 4)),
            ("BDAT 1 LAST 2", 501, (5, 5, 4)),
            ("STARTTLS now", 501, (5, 5, 4)),
            ("AUTH", 504, (5, 5, 4)),
            ("AUTH CRAM-MD5", 504, (5, 5, 4)),
            ("AUTH PLAIN a b", 501, (5, 5, 4)),
            ("EXPN all", 502, (5, 5, 1)),
            ("ETRN all", 502, (5, 5, 1)),
        ] {
            let reply = read(line.as_bytes()).unwrap_err();
            assert_eq!((reply.code, reply.enhanced), (code, Some(enhanced)), "{line}");
        }
    }
}
