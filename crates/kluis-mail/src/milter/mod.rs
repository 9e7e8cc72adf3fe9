//! The filter's side of the milter protocol (version 6) without I/O: what Postfix says goes in, what to answer comes out.
//!
//! A filter that signs: mail of authenticated users and of the shop's own networks is collected and handed out to be
//! signed; of all other mail only the header is looked at, for `Authentication-Results` that claim to be ours (RFC 8601
//! §5), and its body is not taken. Postfix sends header fields with LF inside and bodies with CRLF.

mod frame;
#[cfg(test)]
mod tests;

use std::mem;

use memchr::memmem;

use self::frame::{Command, Peer};
use crate::message::{FIELDS_MAX, HEADER_BYTES_MAX, Message};
use crate::report::Network;

pub use self::frame::FRAME_BYTES_MAX;

/// The version of the protocol that is spoken at most.
const VERSION: u32 = 6;
/// The oldest version that is understood.
const VERSION_MIN: u32 = 2;
/// `SMFIF_ADDHDRS` and `SMFIF_CHGHDRS`: fields are added and taken away.
const ACTIONS: u32 = 0x01 | 0x10;
/// `SMFIP_NOHELO`, `NOUNKNOWN`, `NODATA`: these are not sent.
const LEFT_OUT: u32 = 0x02 | 0x100 | 0x200;
/// `SMFIP_NR_HDR`, `NR_CONN`, `NR_MAIL`, `NR_RCPT`: these are not answered.
const NO_ANSWER: [(u8, u32); 4] = [(b'L', 0x80), (b'C', 0x1000), (b'M', 0x4000), (b'R', 0x8000)];
/// `SMFIP_SKIP`: the rest of a body need not be sent.
const SKIP: u32 = 0x400;
/// `SMFIP_HDR_LEADSPC`: the blank after the colon is part of the value.
const LEADING_BLANK: u32 = 0x10_0000;
/// `SMFIP_NORCPT`.
const NO_RECIPIENTS: u32 = 0x08;
/// What `{daemon_name}` is set to for mail that begins here, by custom (`milter_macro_daemon_name` of Postfix).
const ORIGINATING: &[u8] = b"ORIGINATING";
/// `Authentication-Results` of one message that are taken away.
const FORGED_MAX: usize = 100;
/// Characters of the name of a server that is believed.
const NAME_BYTES_MAX: usize = 255;
/// Receivers of one message that are remembered, and bytes of one of them.
const RECIPIENTS_MAX: usize = 1_000;
const RECIPIENT_BYTES_MAX: usize = 1_024;

/// What a session takes for the shop's own.
#[derive(Debug, Clone)]
pub struct MilterRules {
    /// Networks whose mail is the shop's own; empty: only this machine.
    pub internal: Vec<Network>,
    /// The name in `Authentication-Results` that is ours, besides the name of the mail server itself.
    pub own_name: String,
    /// Bytes of a message that is signed.
    pub message_bytes_max: usize,
}

/// What a session wants.
#[derive(Debug, PartialEq, Eq)]
pub enum MilterEvent {
    /// Send these bytes.
    Send(Vec<u8>),
    /// A message of the shop is complete: sign [`MilterSession::message`] and call [`MilterSession::answer`].
    Sign,
    /// The server is done.
    Close,
}

/// What came of signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MilterAnswer<'a> {
    /// Fields to put before the message, with CRLF.
    Signed(&'a [u8]),
    /// It is passed on as it is: there is no key for its sender.
    Unsigned,
    /// It must come again later: there are no keys at the moment.
    Later,
}

/// Why a session ends; the mail server then does what its `milter_default_action` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MilterError {
    /// A frame of no bytes or more than [`FRAME_BYTES_MAX`].
    #[error("a frame of a length that cannot be")]
    Length,
    /// A frame that does not hold what it must.
    #[error("a damaged frame {}", char::from(*letter).escape_default())]
    Frame {
        /// Its letter.
        letter: u8,
    },
    /// A letter that the protocol does not have.
    #[error("an unknown frame {}", char::from(*letter).escape_default())]
    Unknown {
        /// The letter.
        letter: u8,
    },
    /// A frame that cannot come now.
    #[error("a frame out of order")]
    Order,
    /// The server is too old or cannot add and take away header fields.
    #[error("the mail server cannot add header fields for a milter")]
    Unable,
}

/// One connection of a mail server. Holds at most one message, within the bounds of the rules.
pub struct MilterSession {
    rules: MilterRules,
    input: Vec<u8>,
    /// Bytes of the input that were used.
    used: usize,
    /// The steps that were agreed; `None` before that.
    steps: Option<u32>,
    /// The name of the mail server (macro `j`), in lower case.
    server: Vec<u8>,
    is_internal: bool,
    is_originating: bool,
    is_authenticated: bool,
    mail: Option<Mail>,
    is_signing: bool,
}

/// The message that comes in.
#[derive(Default)]
struct Mail {
    is_ours: bool,
    /// Header and, when it is ours, body.
    bytes: Vec<u8>,
    fields: usize,
    is_header_over: bool,
    /// Why nothing of it is kept.
    dropped: Option<Dropped>,
    /// `Authentication-Results` so far, and which of them claim to be ours, from 1.
    results: u32,
    forged: Vec<u32>,
    recipients: Vec<Vec<u8>>,
}

/// Why a message is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dropped {
    /// It has more than is taken.
    TooLarge,
    /// There is no room for it at the moment.
    NoRoom,
}

impl MilterSession {
    /// Begins with a fresh connection.
    #[must_use]
    pub fn new(rules: MilterRules) -> Self {
        Self {
            rules,
            input: Vec::new(),
            used: 0,
            steps: None,
            server: Vec::new(),
            is_internal: false,
            is_originating: false,
            is_authenticated: false,
            mail: None,
            is_signing: false,
        }
    }

    /// Takes bytes that arrived. Between two calls poll until nothing more is wanted; then at most one unfinished frame
    /// is kept.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.input.drain(..mem::take(&mut self.used));
        self.input.extend_from_slice(bytes);
    }

    /// What is wanted next; `None` when more bytes are needed, or an answer about a message.
    ///
    /// # Errors
    /// When what arrived is not this protocol; the connection is of no use any more.
    pub fn poll(&mut self) -> Result<Option<MilterEvent>, MilterError> {
        while !self.is_signing {
            let input = mem::take(&mut self.input);
            let found = frame::first(&input[self.used..]).and_then(|found| match found {
                None => Ok(None),
                Some((length, command)) => self.take(command).map(|event| Some((length, event))),
            });
            self.input = input;
            match found? {
                None => return Ok(None),
                Some((length, event)) => {
                    self.used += length;
                    if event.is_some() {
                        return Ok(event);
                    }
                }
            }
        }
        Ok(None)
    }

    /// The message to be signed, with CRLF line ends.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        self.mail.as_ref().map(|mail| mail.bytes.as_slice()).unwrap_or_default()
    }

    /// Bytes of the message that are held.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.mail.as_ref().map_or(0, |mail| mail.bytes.capacity())
    }

    /// Keeps no more of the message that comes in, because there is no room for it: it must come again later.
    pub fn give_up(&mut self) {
        if let Some(mail) = self.mail.as_mut().filter(|mail| mail.is_ours && mail.dropped.is_none()) {
            mail.drop_bytes(Dropped::NoRoom);
        }
    }

    /// Whether no message has begun: nothing is lost when the connection ends here.
    #[must_use]
    pub fn is_between_messages(&self) -> bool {
        self.mail.is_none()
    }

    /// The receivers of the message, as the server names them.
    pub fn recipients(&self) -> impl Iterator<Item = &[u8]> {
        self.mail.iter().flat_map(|mail| mail.recipients.iter().map(Vec::as_slice))
    }

    /// Ends the message that was to be signed; the bytes to send.
    pub fn answer(&mut self, answer: MilterAnswer<'_>) -> Vec<u8> {
        self.is_signing = false;
        let mail = self.mail.take().unwrap_or_default();
        let mut out = Vec::new();
        match answer {
            MilterAnswer::Later => frame::put(&mut out, b't', &[]),
            MilterAnswer::Unsigned => self.end(&mail, &[], &mut out),
            MilterAnswer::Signed(fields) => self.end(&mail, fields, &mut out),
        }
        out
    }

    fn take(&mut self, command: Command<'_>) -> Result<Option<MilterEvent>, MilterError> {
        if let Command::Negotiate { version, actions, steps } = command {
            return self.negotiate(version, actions, steps).map(Some);
        }
        let steps = self.steps.ok_or(MilterError::Order)?;
        let go_on = |letter: u8| {
            let is_silent = NO_ANSWER.iter().any(|(known, flag)| *known == letter && steps & flag != 0);
            (!is_silent).then(|| send(b'c'))
        };
        match command {
            Command::Negotiate { .. } => Err(MilterError::Order),
            Command::Macros { of, list } => {
                self.macros(of, list);
                Ok(None)
            }
            Command::Connect(peer) => {
                self.is_internal = self.is_internal(peer);
                Ok(go_on(b'C'))
            }
            Command::Other(letter) => Ok(go_on(letter)),
            Command::Mail => {
                // Who signed in is said before each message.
                let is_authenticated = mem::take(&mut self.is_authenticated);
                let is_ours = self.is_internal || self.is_originating || is_authenticated;
                self.mail = Some(Mail { is_ours, ..Mail::default() });
                Ok(go_on(b'M'))
            }
            Command::Recipient(address) => {
                let mail = self.mail.as_mut().ok_or(MilterError::Order)?;
                let is_room = mail.recipients.len() < RECIPIENTS_MAX && address.len() <= RECIPIENT_BYTES_MAX;
                if mail.is_ours && is_room {
                    mail.recipients.push(address.to_vec());
                }
                Ok(go_on(b'R'))
            }
            Command::Header(name, value) => {
                self.header(name, value, steps & LEADING_BLANK != 0)?;
                Ok(go_on(b'L'))
            }
            Command::HeaderEnd => self.header_end().map(Some),
            Command::Body(bytes) => self.body(bytes, steps).map(Some),
            Command::BodyEnd(bytes) => self.body_end(bytes).map(Some),
            Command::Abort => {
                self.mail = None;
                self.is_authenticated = false;
                Ok(None)
            }
            Command::Quit { is_reused } => {
                self.mail = None;
                (self.is_internal, self.is_originating, self.is_authenticated) = (false, false, false);
                Ok((!is_reused).then_some(MilterEvent::Close))
            }
        }
    }

    fn negotiate(&mut self, version: u32, actions: u32, steps: u32) -> Result<MilterEvent, MilterError> {
        if self.steps.is_some() {
            return Err(MilterError::Order);
        }
        if version < VERSION_MIN || actions & ACTIONS != ACTIONS {
            return Err(MilterError::Unable);
        }
        let silent = NO_ANSWER.iter().map(|(_, flag)| flag).sum::<u32>();
        // What the server does not offer may not be asked for.
        let agreed = steps & (LEFT_OUT | silent | SKIP | LEADING_BLANK) & !NO_RECIPIENTS;
        self.steps = Some(agreed);
        let mut out = Vec::new();
        let version = version.min(VERSION);
        let parts = [version.to_be_bytes(), ACTIONS.to_be_bytes(), agreed.to_be_bytes()];
        frame::put(&mut out, b'O', &[parts.as_flattened()]);
        Ok(MilterEvent::Send(out))
    }

    fn macros(&mut self, of: u8, list: &[u8]) {
        if of == b'M' {
            self.is_authenticated = false;
        }
        for (name, value) in frame::macros(list) {
            match (of, name) {
                (b'C', b"j") if value.len() <= NAME_BYTES_MAX => self.server = value.to_ascii_lowercase(),
                (b'C', b"daemon_name") => self.is_originating = value == ORIGINATING,
                (b'M', b"auth_authen") => self.is_authenticated = !value.is_empty(),
                _ => {}
            }
        }
    }

    fn is_internal(&self, peer: Peer) -> bool {
        match peer {
            Peer::Local => true,
            Peer::Unknown => false,
            Peer::Address(address) if self.rules.internal.is_empty() => address.is_loopback(),
            Peer::Address(address) => self.rules.internal.iter().any(|network| network.contains(address)),
        }
    }

    fn header(&mut self, name: &[u8], value: &[u8], has_blank: bool) -> Result<(), MilterError> {
        let mail = self.mail.as_mut().filter(|mail| !mail.is_header_over).ok_or(MilterError::Order)?;
        if name.eq_ignore_ascii_case(b"Authentication-Results") {
            mail.results = mail.results.saturating_add(1);
            let claimed = claimed_name(value).to_ascii_lowercase();
            let own = self.rules.own_name.to_ascii_lowercase();
            let is_ours = !claimed.is_empty() && (claimed == own.as_bytes() || claimed == self.server);
            if is_ours && mail.forged.len() < FORGED_MAX {
                mail.forged.push(mail.results);
            }
        }
        if !mail.is_ours || mail.dropped.is_some() {
            return Ok(());
        }
        mail.fields += 1;
        let bytes = mail.bytes.len() + name.len() + value.len();
        if mail.fields > FIELDS_MAX || bytes > HEADER_BYTES_MAX.min(self.rules.message_bytes_max) {
            mail.drop_bytes(Dropped::TooLarge);
            return Ok(());
        }
        mail.bytes.extend_from_slice(name);
        mail.bytes.extend_from_slice(if has_blank { b":" } else { b": " });
        put_lines(&mut mail.bytes, value);
        mail.bytes.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn header_end(&mut self) -> Result<MilterEvent, MilterError> {
        let mail = self.mail.as_mut().filter(|mail| !mail.is_header_over).ok_or(MilterError::Order)?;
        mail.is_header_over = true;
        if !mail.is_ours && mail.forged.is_empty() {
            self.mail = None;
            return Ok(send(b'a'));
        }
        if mail.is_ours && mail.dropped.is_none() {
            mail.bytes.extend_from_slice(b"\r\n");
        }
        Ok(send(b'c'))
    }

    fn body(&mut self, bytes: &[u8], steps: u32) -> Result<MilterEvent, MilterError> {
        let most = self.rules.message_bytes_max;
        let mail = self.mail.as_mut().filter(|mail| mail.is_header_over).ok_or(MilterError::Order)?;
        mail.add_body(bytes, most);
        let wants_no_more = !mail.is_ours || mail.dropped.is_some();
        Ok(send(if wants_no_more && steps & SKIP != 0 { b's' } else { b'c' }))
    }

    fn body_end(&mut self, bytes: &[u8]) -> Result<MilterEvent, MilterError> {
        let most = self.rules.message_bytes_max;
        let mail = self.mail.as_mut().filter(|mail| mail.is_header_over).ok_or(MilterError::Order)?;
        mail.add_body(bytes, most);
        if mail.is_ours && mail.dropped.is_none() {
            self.is_signing = true;
            return Ok(MilterEvent::Sign);
        }
        let mail = self.mail.take().unwrap_or_default();
        let mut out = Vec::new();
        match mail.dropped {
            Some(Dropped::TooLarge) => {
                frame::put(&mut out, b'y', &[b"552 5.3.4 Message too large to be signed\0"]);
            }
            Some(Dropped::NoRoom) => frame::put(&mut out, b't', &[]),
            None => self.end(&mail, &[], &mut out),
        }
        Ok(MilterEvent::Send(out))
    }

    /// Takes forged fields away, adds the signatures on top, and lets the message pass.
    fn end(&self, mail: &Mail, fields: &[u8], out: &mut Vec<u8>) {
        // From the last one on, so that the numbers of those before it stay right.
        for number in mail.forged.iter().rev() {
            frame::put(out, b'm', &[&number.to_be_bytes(), b"Authentication-Results\0\0"]);
        }
        let has_blank = self.steps.is_some_and(|steps| steps & LEADING_BLANK != 0);
        let read = Message::read(fields);
        let fields = read.as_ref().map(Message::fields).unwrap_or_default();
        for field in fields.iter().rev() {
            let mut value: Vec<u8> = field.value().iter().copied().filter(|byte| *byte != b'\r').collect();
            if !has_blank && value.first() == Some(&b' ') {
                value.remove(0);
            }
            frame::put(out, b'i', &[&0_u32.to_be_bytes(), field.name().as_bytes(), b"\0", &value, b"\0"]);
        }
        frame::put(out, b'c', &[]);
    }
}

impl Mail {
    fn add_body(&mut self, bytes: &[u8], most: usize) {
        if !self.is_ours || self.dropped.is_some() {
            return;
        }
        if self.bytes.len() + bytes.len() > most {
            self.drop_bytes(Dropped::TooLarge);
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn drop_bytes(&mut self, why: Dropped) {
        self.dropped = Some(why);
        self.bytes = Vec::new();
    }
}

fn send(letter: u8) -> MilterEvent {
    let mut out = Vec::new();
    frame::put(&mut out, letter, &[]);
    MilterEvent::Send(out)
}

/// Adds a value whose lines end with LF, with CRLF.
fn put_lines(out: &mut Vec<u8>, value: &[u8]) {
    let mut from = 0;
    for at in memmem::find_iter(value, b"\n") {
        let end = if at > from && value[at - 1] == b'\r' { at - 1 } else { at };
        out.extend_from_slice(&value[from..end]);
        out.extend_from_slice(b"\r\n");
        from = at + 1;
    }
    out.extend_from_slice(&value[from..]);
}

/// The name of the server that an `Authentication-Results` field claims to be of (RFC 8601 §2.2: `authserv-id`).
fn claimed_name(value: &[u8]) -> Vec<u8> {
    let (mut at, mut depth) = (0, 0_u32);
    while let Some(byte) = value.get(at) {
        match byte {
            b'(' => depth = depth.saturating_add(1),
            b')' if depth > 0 => depth -= 1,
            b'\\' if depth > 0 => at += 1,
            _ if depth > 0 || byte.is_ascii_whitespace() => {}
            _ => break,
        }
        at += 1;
    }
    let rest = value.get(at..).unwrap_or_default();
    if let Some(quoted) = rest.strip_prefix(b"\"") {
        let mut name = Vec::new();
        let mut bytes = quoted.iter();
        while let Some(byte) = bytes.next().filter(|byte| **byte != b'"') {
            name.extend(if *byte == b'\\' { bytes.next() } else { Some(byte) });
        }
        return name;
    }
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b";(/".contains(byte);
    let end = rest.iter().position(ends).unwrap_or(rest.len());
    rest[..end].strip_suffix(b".").unwrap_or(&rest[..end]).to_vec()
}
