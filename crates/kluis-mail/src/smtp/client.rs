//! The sending side of SMTP (RFC 5321) without I/O: bytes of the server go in, commands and events come out.
//!
//! With PIPELINING (RFC 2920) a message takes two round trips, whatever the number of its recipients. Every recipient
//! gets a reply of its own. Nothing is sent before STARTTLS where TLS is wanted, and what arrives in the clear together
//! with the answer to STARTTLS ends the connection: somebody put it there.

use std::collections::VecDeque;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use kluis_crypto::{PiiBytes, SecretText};
use kluis_model::Pii;

use super::reply::{Reply, ReplyError};

/// Recipients of one transaction (RFC 5321 §4.5.3.1.8: a server takes at least 100).
pub const RECIPIENTS_MAX: usize = 100;

/// How a server is spoken to.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// How we introduce ourselves: a host name or an address literal.
    pub hello: String,
    /// Whether the talk is protected.
    pub tls: TlsWish,
    /// How we sign in.
    pub login: Option<ClientLogin>,
}

/// A name and a password.
#[derive(Debug, Clone)]
pub struct ClientLogin {
    /// The name.
    pub user: String,
    /// The password.
    pub password: SecretText,
}

/// Whether the talk is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsWish {
    /// By STARTTLS, or not at all.
    Required,
    /// The connection is TLS already.
    Already,
    /// In the clear, which is for this machine itself.
    Never,
}

/// One message to be sent. Addresses have no angle brackets and were checked before: no blank, no control character.
#[derive(Debug, Clone, Copy)]
pub struct Transaction<'a> {
    /// The envelope sender; empty for the null sender.
    pub from: &'a str,
    /// The recipients, 1 to [`RECIPIENTS_MAX`].
    pub recipients: &'a [ClientRecipient<'a>],
    /// Bytes of the message.
    pub size: usize,
    /// Whether the message has bytes above 127 (RFC 6152).
    pub is_8bit: bool,
    /// `RET=HDRS` (RFC 3461).
    pub is_header_only: bool,
    /// `ENVID=` (RFC 3461), in xtext.
    pub envelope_id: Option<&'a str>,
}

/// One recipient.
#[derive(Debug, Clone, Copy)]
pub struct ClientRecipient<'a> {
    /// The address.
    pub address: &'a str,
    /// `NOTIFY=` (RFC 3461).
    pub notify: Option<&'a str>,
    /// `ORCPT=` (RFC 3461), in xtext.
    pub original: Option<&'a str>,
}

/// What the one who does the I/O has to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Do the TLS handshake, then call [`Client::tls_started`].
    StartTls,
    /// A transaction can begin.
    Ready,
    /// Send the message in the form of [`dotted`], then call [`Client::data_sent`].
    Data,
    /// The transaction is over: a reply for each recipient, in order; those below 300 have the message.
    Done(Vec<Reply>),
    /// The server ends the talk; nothing more can be sent.
    Closed,
}

/// What is waited for, for the limit on the time (RFC 5321 §4.5.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Greeting, or the answer to a command.
    Command,
    /// The answer to the end of the message: giving up early means that it may arrive twice.
    End,
    /// Nothing.
    Nothing,
}

/// Where the server refused to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Its greeting.
    Greeting,
    /// EHLO.
    Hello,
    /// STARTTLS.
    StartTls,
    /// AUTH.
    Login,
}

/// Why the talk cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// What the server sends is no reply.
    #[error(transparent)]
    Reply(#[from] ReplyError),
    /// It does not want to.
    #[error("the mail server answers {} at {stage:?}", reply.code)]
    Refused {
        /// Where.
        stage: Stage,
        /// What it says.
        reply: Reply,
    },
    /// TLS is wanted and not offered.
    #[error("the mail server does not offer STARTTLS")]
    NoTls,
    /// It offers neither PLAIN nor LOGIN.
    #[error("the mail server offers no way to sign in that we know")]
    NoLogin,
    /// A reply that nobody waits for, or bytes after the answer to STARTTLS.
    #[error("the mail server says more than it was asked")]
    OutOfStep,
    /// A call that does not fit here.
    #[error("not now")]
    NotNow,
}

/// What the server can do, as EHLO says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offers {
    /// RFC 2920.
    pub pipelining: bool,
    /// RFC 3207.
    pub starttls: bool,
    /// RFC 6152.
    pub eightbit: bool,
    /// RFC 3461.
    pub dsn: bool,
    /// AUTH PLAIN (RFC 4616).
    pub plain: bool,
    /// AUTH LOGIN.
    pub login: bool,
    /// RFC 1870; whether it is offered.
    pub size: bool,
    /// RFC 1870; the largest message, when it is said.
    pub size_max: Option<u64>,
}

impl Offers {
    fn read(reply: &Reply) -> Self {
        let mut offers = Self::default();
        for line in reply.text.split('\n').skip(1) {
            // Old servers write `AUTH=PLAIN LOGIN`.
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            match words.next().unwrap_or_default().to_ascii_uppercase().as_str() {
                "PIPELINING" => offers.pipelining = true,
                "STARTTLS" => offers.starttls = true,
                "8BITMIME" => offers.eightbit = true,
                "DSN" => offers.dsn = true,
                "SIZE" => {
                    offers.size = true;
                    offers.size_max =
                        words.next().and_then(|number| number.parse().ok()).filter(|max| *max > 0);
                }
                "AUTH" => words.for_each(|word| {
                    offers.plain |= word.eq_ignore_ascii_case("PLAIN");
                    offers.login |= word.eq_ignore_ascii_case("LOGIN");
                }),
                _ => {}
            }
        }
        offers
    }
}

/// A command whose answer is waited for, or that waits to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Greeting,
    Hello,
    StartTls,
    LoginPlain,
    LoginName,
    LoginUser,
    LoginPassword,
    Mail,
    Recipient(usize),
    Data,
    End,
    Reset,
    Quit,
}

/// What is known of a transaction.
#[derive(Default)]
struct Going {
    /// The answer to MAIL when it was a refusal.
    refused: Option<Reply>,
    /// Refusals, by recipient.
    replies: Vec<Option<Reply>>,
    /// Recipients that were taken.
    taken: usize,
    /// Whether MAIL was taken and the server was told no end yet.
    is_open: bool,
}

/// One connection to a server.
pub struct Client {
    options: ClientOptions,
    offers: Offers,
    is_tls: bool,
    input: Vec<u8>,
    output: Vec<u8>,
    events: VecDeque<Event>,
    /// Sent, not answered.
    asked: VecDeque<Asked>,
    /// Not sent yet.
    script: VecDeque<(Asked, Vec<u8>)>,
    going: Option<Going>,
    is_closed: bool,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({:?})", self.asked)
    }
}

impl Client {
    /// Begins with the greeting of the server.
    #[must_use]
    pub fn new(options: ClientOptions) -> Self {
        let is_tls = options.tls == TlsWish::Already;
        Self {
            options,
            offers: Offers::default(),
            is_tls,
            input: Vec::new(),
            output: Vec::new(),
            events: VecDeque::new(),
            asked: VecDeque::from([Asked::Greeting]),
            script: VecDeque::new(),
            going: None,
            is_closed: false,
        }
    }

    /// What the server can do.
    #[must_use]
    pub fn offers(&self) -> Offers {
        self.offers
    }

    /// Takes what is to be sent.
    #[must_use]
    pub fn take_output(&mut self) -> PiiBytes {
        Pii::new(std::mem::take(&mut self.output))
    }

    /// The next event.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What is waited for.
    #[must_use]
    pub fn waits_for(&self) -> Wait {
        match self.asked.front() {
            None => Wait::Nothing,
            Some(Asked::End) => Wait::End,
            Some(_) => Wait::Command,
        }
    }

    /// Takes bytes of the server.
    ///
    /// # Errors
    /// When the talk cannot go on. A transaction that goes on then has an unknown end.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.input.extend_from_slice(bytes);
        let mut used = 0;
        while let Some((reply, length)) = Reply::read(&self.input[used..])? {
            used += length;
            let is_more = used < self.input.len();
            self.take(reply, is_more)?;
        }
        self.input.drain(..used);
        Ok(())
    }

    /// Goes on after the handshake.
    pub fn tls_started(&mut self) {
        self.is_tls = true;
        self.input.clear();
        self.offers = Offers::default();
        self.hello();
    }

    /// Begins a transaction; allowed after [`Event::Ready`] or [`Event::Done`].
    ///
    /// # Errors
    /// `NotNow` while another one goes on, or without recipients.
    pub fn begin(&mut self, mail: &Transaction<'_>) -> Result<(), ClientError> {
        let many = mail.recipients.len();
        if self.going.is_some() || !self.asked.is_empty() || self.is_closed {
            return Err(ClientError::NotNow);
        }
        if many == 0 || many > RECIPIENTS_MAX {
            return Err(ClientError::NotNow);
        }
        if let Some(reply) = self.impossible(mail) {
            self.events.push_back(Event::Done(vec![reply; many]));
            return Ok(());
        }
        self.going = Some(Going { replies: vec![None; many], ..Going::default() });
        self.script.push_back((Asked::Mail, self.mail_command(mail).into_bytes()));
        for (n, recipient) in mail.recipients.iter().enumerate() {
            let mut line = format!("RCPT TO:<{}>", recipient.address);
            if self.offers.dsn {
                for (word, value) in [(" NOTIFY=", recipient.notify), (" ORCPT=", recipient.original)] {
                    line.extend(value.into_iter().flat_map(|value| [word, value]));
                }
            }
            self.script.push_back((Asked::Recipient(n), line.into_bytes()));
        }
        self.script.push_back((Asked::Data, b"DATA".to_vec()));
        self.pump();
        Ok(())
    }

    /// Goes on after the message was sent.
    pub fn data_sent(&mut self) {
        self.asked.push_back(Asked::End);
    }

    /// Says good-bye; nobody needs to wait for the answer.
    pub fn quit(&mut self) {
        if !self.is_closed && self.going.is_none() {
            self.send(Asked::Quit, b"QUIT");
        }
    }

    /// Why a message cannot go to this server at all.
    fn impossible(&self, mail: &Transaction<'_>) -> Option<Reply> {
        if mail.is_8bit && !self.offers.eightbit {
            return Some(Reply::new(554, (5, 6, 3), "the smarthost takes no 8-bit text (no 8BITMIME)"));
        }
        let is_too_large = self.offers.size_max.is_some_and(|max| mail.size as u64 > max);
        is_too_large.then(|| Reply::new(552, (5, 3, 4), "the message is larger than the smarthost takes"))
    }

    fn mail_command(&self, mail: &Transaction<'_>) -> String {
        let mut line = format!("MAIL FROM:<{}>", mail.from);
        if self.offers.size {
            line.push_str(&format!(" SIZE={}", mail.size));
        }
        if mail.is_8bit {
            line.push_str(" BODY=8BITMIME");
        }
        if self.offers.dsn {
            if mail.is_header_only {
                line.push_str(" RET=HDRS");
            }
            line.extend(mail.envelope_id.into_iter().flat_map(|id| [" ENVID=", id]));
        }
        line
    }

    fn send(&mut self, asked: Asked, line: &[u8]) {
        self.output.extend_from_slice(line);
        self.output.extend_from_slice(b"\r\n");
        self.asked.push_back(asked);
    }

    /// Sends what may be sent now: everything up to DATA, or one command at a time.
    fn pump(&mut self) {
        while (self.offers.pipelining || self.asked.is_empty())
            && let Some((asked, line)) = self.script.pop_front()
        {
            self.send(asked, &line);
        }
    }

    fn hello(&mut self) {
        let line = format!("EHLO {}", self.options.hello);
        self.send(Asked::Hello, line.as_bytes());
    }

    /// Takes one reply.
    fn take(&mut self, reply: Reply, is_more: bool) -> Result<(), ClientError> {
        let Some(asked) = self.asked.pop_front() else {
            // A server that is about to end the talk says so unasked (RFC 5321 §3.8).
            return if reply.code == 421 { self.closed(&reply) } else { Err(ClientError::OutOfStep) };
        };
        match asked {
            Asked::Greeting => {
                expect(Stage::Greeting, reply, 220)?;
                self.hello();
            }
            Asked::Hello => {
                self.offers = Offers::read(&expect(Stage::Hello, reply, 250)?);
                self.after_hello()?;
            }
            Asked::StartTls => {
                expect(Stage::StartTls, reply, 220)?;
                if is_more {
                    return Err(ClientError::OutOfStep);
                }
                self.events.push_back(Event::StartTls);
            }
            Asked::LoginPlain | Asked::LoginPassword => {
                expect(Stage::Login, reply, 235)?;
                self.events.push_back(Event::Ready);
            }
            Asked::LoginName => {
                expect(Stage::Login, reply, 334)?;
                let user = BASE64.encode(self.login()?.user.as_bytes());
                self.send(Asked::LoginUser, user.as_bytes());
            }
            Asked::LoginUser => {
                expect(Stage::Login, reply, 334)?;
                let password = SecretText::new(BASE64.encode(self.login()?.password.expose()));
                self.send(Asked::LoginPassword, password.expose().as_bytes());
            }
            Asked::Quit => self.is_closed = true,
            _ if reply.code == 421 => return self.closed(&reply),
            Asked::Reset => self.finish(),
            Asked::Mail | Asked::Recipient(_) | Asked::Data | Asked::End => self.going_on(asked, reply),
        }
        Ok(())
    }

    fn login(&self) -> Result<&ClientLogin, ClientError> {
        self.options.login.as_ref().ok_or(ClientError::OutOfStep)
    }

    fn after_hello(&mut self) -> Result<(), ClientError> {
        if self.options.tls == TlsWish::Required && !self.is_tls {
            if !self.offers.starttls {
                return Err(ClientError::NoTls);
            }
            self.send(Asked::StartTls, b"STARTTLS");
            return Ok(());
        }
        let Some(login) = &self.options.login else {
            self.events.push_back(Event::Ready);
            return Ok(());
        };
        if self.offers.plain {
            let secret = SecretText::new(format!("\0{}\0{}", login.user, login.password.expose()));
            let line = SecretText::new(format!("AUTH PLAIN {}", BASE64.encode(secret.expose())));
            self.send(Asked::LoginPlain, line.expose().as_bytes());
        } else if self.offers.login {
            self.send(Asked::LoginName, b"AUTH LOGIN");
        } else {
            return Err(ClientError::NoLogin);
        }
        Ok(())
    }

    /// Takes the answer to a command of the transaction.
    fn going_on(&mut self, asked: Asked, reply: Reply) {
        let Some(going) = &mut self.going else { return };
        match asked {
            Asked::Mail if reply.is_done() => going.is_open = true,
            Asked::Mail => going.refused = Some(reply),
            Asked::Recipient(_) if reply.is_done() => going.taken += 1,
            Asked::Recipient(n) => going.replies[n] = Some(reply),
            Asked::Data if reply.is_intermediate() => {
                if going.taken > 0 && going.refused.is_none() {
                    self.events.push_back(Event::Data);
                } else {
                    // RFC 2920 §3.1: nobody is to get it, and DATA was on its way already.
                    self.output.extend_from_slice(b".\r\n");
                    self.asked.push_back(Asked::End);
                }
                return;
            }
            Asked::Data => fill(going, &reply),
            _ => {
                going.is_open = false;
                fill(going, &reply);
                self.finish();
                return;
            }
        }
        // Without pipelining it is known before DATA that nobody is to get it.
        let is_futile = going.refused.is_some()
            || going.taken == 0 && self.script.len() == 1 && matches!(asked, Asked::Recipient(_));
        if is_futile {
            self.script.clear();
        }
        self.pump();
        if self.asked.is_empty() && self.events.back() != Some(&Event::Data) {
            self.end_of_transaction();
        }
    }

    /// Everything is answered: a transaction that is still open there is ended.
    fn end_of_transaction(&mut self) {
        match &mut self.going {
            Some(going) if going.is_open => {
                going.is_open = false;
                self.send(Asked::Reset, b"RSET");
            }
            _ => self.finish(),
        }
    }

    fn finish(&mut self) {
        let Some(going) = self.going.take() else { return };
        let replies = going.replies.into_iter().map(|reply| {
            let reply = going.refused.clone().or(reply);
            reply.unwrap_or_else(|| Reply::new(451, (4, 3, 0), "the smarthost said nothing about it"))
        });
        self.events.push_back(Event::Done(replies.collect()));
    }

    /// The server ends the talk: whoever has no answer yet has this one.
    fn closed(&mut self, reply: &Reply) -> Result<(), ClientError> {
        self.is_closed = true;
        self.asked.clear();
        self.script.clear();
        if let Some(going) = &mut self.going {
            fill(going, reply);
            self.events.retain(|event| *event != Event::Data);
            self.finish();
        }
        self.events.push_back(Event::Closed);
        Ok(())
    }
}

/// Gives a reply to whoever has none.
fn fill(going: &mut Going, reply: &Reply) {
    for open in going.replies.iter_mut().filter(|open| open.is_none()) {
        *open = Some(reply.clone());
    }
}

fn expect(stage: Stage, reply: Reply, code: u16) -> Result<Reply, ClientError> {
    if reply.code == code { Ok(reply) } else { Err(ClientError::Refused { stage, reply }) }
}

/// A message as it goes after DATA: a dot more before each line that begins with one, and the end (RFC 5321 §4.5.2).
///
/// Lines end with CRLF; a lone CR or LF would be read differently by different servers, so the caller refuses it before.
pub fn dotted(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    let mut is_dot_due = message.first() == Some(&b'.');
    let mut end = Some(if message.ends_with(b"\r\n") { &b".\r\n"[..] } else { b"\r\n.\r\n" });
    std::iter::from_fn(move || {
        if std::mem::take(&mut is_dot_due) {
            return Some(&b"."[..]);
        }
        if at == message.len() {
            return end.take();
        }
        let from = at;
        match memchr::memmem::find(&message[from..], b"\r\n.") {
            Some(found) => {
                at = from + found + 2;
                is_dot_due = true;
            }
            None => at = message.len(),
        }
        Some(&message[from..at])
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
#[path = "client_tests.rs"]
mod tests;
