//! The server's side of one talk: bytes go in, events and replies come out (RFC 5321, 2920, 3030, 3207, 4954).
//!
//! The caller pushes what it reads, polls until nothing more happens, answers each event that wants an answer, and sends
//! what [`Session::take_output`] gives. Commands that a client sent ahead (PIPELINING) wait in the session meanwhile.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kluis_crypto::SecretText;
use kluis_model::PiiText;

use super::command::{self, Command, Mechanism};
use super::data::{DataLimits, DataProblem, DataReader, Progress};
use super::input::{Input, Line};
use super::offer::{Event, LoginRule, Protection, Recipient, Sender, SessionOptions, SignIn};
use super::reply::Reply;

/// How a client begins that speaks TLS from the first byte.
const TLS_HANDSHAKE: u8 = 0x16;
/// Commands in a row that bring no message further.
const IDLE_COMMANDS_MAX: u32 = 100;
/// Sign-ins of one connection that may fail.
const SIGN_INS_MAX: u32 = 3;
/// Bytes of a chunk that is thrown away before the talk is ended.
const DISCARDED_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The server's side of a talk.
#[derive(Debug)]
pub struct Session {
    options: SessionOptions,
    input: Input,
    output: Vec<u8>,
    state: State,
    has_greeted: bool,
    is_signed_in: bool,
    envelope: Option<Envelope>,
    errors: u32,
    idle_commands: u32,
    failed_sign_ins: u32,
    discarded: u64,
}

/// A message on its way.
#[derive(Debug)]
struct Envelope {
    sender: Sender,
    recipients: Vec<Recipient>,
    /// The message, when it comes in chunks.
    chunks: Option<DataReader>,
    /// A chunk was refused: the rest is too, until RSET (RFC 3030 §4.2).
    is_spoilt: bool,
}

#[derive(Debug)]
enum State {
    /// A command is expected.
    Command,
    /// The answer to a prompt of AUTH is expected.
    Prompted(Prompt),
    /// The caller's answer is expected.
    Asked(Question),
    /// A message is expected.
    Data(DataReader),
    /// So many bytes of a chunk are expected.
    Chunk { left: u64, octets: u64, is_last: bool },
    /// A chunk that is thrown away, and its reply.
    Discard { left: u64, reply: Reply },
    /// The talk is over.
    Closed,
}

enum Prompt {
    Plain,
    LoginUser,
    LoginSecret(PiiText),
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prompt")
    }
}

#[derive(Debug)]
enum Question {
    StartTls,
    SignIn,
    Sender(Sender),
    Recipient(Recipient),
    Data,
    FirstChunk { octets: u64, is_last: bool },
    Message,
}

impl Session {
    /// Begins a talk; the greeting waits in the output.
    #[must_use]
    pub fn new(options: SessionOptions) -> Self {
        let mut session = Self {
            input: Input::default(),
            output: Vec::new(),
            state: State::Command,
            has_greeted: false,
            is_signed_in: false,
            envelope: None,
            errors: 0,
            idle_commands: 0,
            failed_sign_ins: 0,
            discarded: 0,
            options,
        };
        session.say(&Reply::plain(220, format!("{} ESMTP Klantkluis", session.options.hostname)));
        session
    }

    /// Takes bytes of the client. Push no more before [`Session::poll`] has given `None`, or they pile up.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.is_closed() {
            self.input.push(bytes);
        }
    }

    /// Goes on with what was pushed until something happens or more bytes, or an answer, are wanted.
    pub fn poll(&mut self) -> Option<Event> {
        loop {
            let event = match self.state {
                State::Asked(_) | State::Closed => return None,
                State::Data(_) => self.read_data()?,
                State::Chunk { .. } => self.read_chunk()?,
                State::Discard { .. } => self.discard()?,
                State::Command | State::Prompted(_) => self.read_line()?,
            };
            if event.is_some() {
                return event;
            }
        }
    }

    /// Answers the event that was given last.
    pub fn answer(&mut self, reply: Reply) {
        let State::Asked(question) = std::mem::replace(&mut self.state, State::Command) else {
            return;
        };
        let is_accepted = reply.is_done();
        match question {
            // It is answered by `tls_began`.
            Question::StartTls => self.state = State::Asked(Question::StartTls),
            Question::SignIn => self.signed_in(&reply),
            Question::Sender(sender) => {
                if is_accepted {
                    self.envelope = Some(Envelope::new(sender));
                }
                self.conclude(&reply);
            }
            Question::Recipient(recipient) => {
                if let Some(envelope) = self.envelope.as_mut().filter(|_| is_accepted) {
                    envelope.recipients.push(recipient);
                }
                self.conclude(&reply);
            }
            Question::Data if reply.is_intermediate() => {
                self.say(&reply);
                self.state = State::Data(DataReader::new(self.limits()));
            }
            Question::Data => self.conclude(&reply),
            Question::FirstChunk { octets, is_last } if reply.is_intermediate() => {
                let reader = DataReader::new(self.limits());
                if let Some(envelope) = &mut self.envelope {
                    envelope.chunks = Some(reader);
                }
                self.state = State::Chunk { left: octets, octets, is_last };
            }
            Question::FirstChunk { octets, .. } => self.refuse_chunk(octets, reply),
            Question::Message => {
                self.envelope = None;
                if is_accepted {
                    self.idle_commands = 0;
                }
                self.conclude(&reply);
            }
        }
    }

    /// Forgets everything of before: TLS protects the connection from here on (RFC 3207 §4.2).
    pub fn tls_began(&mut self) {
        if let State::Asked(Question::StartTls) = self.state {
            self.state = State::Command;
            self.options.protection = Protection::Tls;
            self.has_greeted = false;
            self.is_signed_in = false;
            self.envelope = None;
            self.input.clear();
            self.output.clear();
        }
    }

    /// Ends the talk at once with a reply, whatever is going on.
    pub fn close(&mut self, reply: &Reply) {
        if !self.is_closed() {
            self.say(reply);
            self.state = State::Closed;
            self.envelope = None;
            self.input.clear();
        }
    }

    /// Lets go of a message that is being read, because too many others are; the client hears 452 at its end.
    pub fn drop_message(&mut self) {
        let reader = match &mut self.state {
            State::Data(reader) => Some(reader),
            _ => self.envelope.as_mut().and_then(|envelope| envelope.chunks.as_mut()),
        };
        if let Some(reader) = reader {
            reader.fail(DataProblem::NoRoom);
        }
    }

    /// What is to be sent now.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Whether the talk is over once the output is sent.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether nothing is under way: between two messages.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Command | State::Prompted(_)) && self.envelope.is_none()
    }

    /// Whether a message is being read.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        matches!(self.state, State::Data(_) | State::Chunk { .. } | State::Discard { .. })
    }

    /// Whether TLS protects the connection.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.options.protection == Protection::Tls
    }

    /// Whether somebody signed in.
    #[must_use]
    pub fn is_signed_in(&self) -> bool {
        self.is_signed_in
    }

    /// Whether nothing is taken before somebody signs in.
    #[must_use]
    pub fn wants_sign_in(&self) -> bool {
        self.options.login == LoginRule::Must && !self.is_signed_in
    }

    /// The sender of the message under way.
    #[must_use]
    pub fn sender(&self) -> Option<&Sender> {
        self.envelope.as_ref().map(|envelope| &envelope.sender)
    }

    /// The recipients of the message under way that were accepted.
    #[must_use]
    pub fn recipients(&self) -> &[Recipient] {
        self.envelope.as_ref().map_or(&[], |envelope| &envelope.recipients)
    }

    /// Bytes that the session holds of a message.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let of_state = match &self.state {
            State::Data(reader) => reader.kept_bytes(),
            _ => 0,
        };
        let chunks = self.envelope.as_ref().and_then(|envelope| envelope.chunks.as_ref());
        of_state + chunks.map_or(0, DataReader::kept_bytes)
    }

    fn limits(&self) -> DataLimits {
        DataLimits {
            message_bytes_max: self.options.message_bytes_max,
            line_bytes_max: self.options.line_bytes_max,
        }
    }

    fn say(&mut self, reply: &Reply) {
        reply.write(&mut self.output);
    }

    /// Says a reply and counts a refusal; too many end the talk.
    fn conclude(&mut self, reply: &Reply) {
        self.say(reply);
        if reply.is_permanent() {
            self.errors += 1;
            if self.errors > self.options.errors_max {
                self.close(&Reply::new(421, (4, 7, 0), "Too many errors."));
            }
        }
    }

    fn ask(&mut self, question: Question, event: Event) -> Option<Event> {
        self.state = State::Asked(question);
        Some(event)
    }

    /// Reads one line: `None` while it is not whole, else what happened.
    fn read_line(&mut self) -> Option<Option<Event>> {
        if self.input.rest().first() == Some(&TLS_HANDSHAKE) {
            self.close(&Reply::new(554, (5, 5, 1), "TLS begins after STARTTLS here."));
            return Some(None);
        }
        let line = match self.input.take_line() {
            Line::Part => return None,
            Line::TooLong => {
                self.conclude(&Reply::new(500, (5, 5, 2), "This line is too long."));
                return Some(None);
            }
            Line::Lone => {
                self.conclude(&Reply::new(500, (5, 5, 2), "A line ends with CR LF."));
                return Some(None);
            }
            Line::Whole(line) => line,
        };
        match std::mem::replace(&mut self.state, State::Command) {
            State::Prompted(prompt) => Some(self.prompted(prompt, &line)),
            state => {
                self.state = state;
                Some(self.command(&line))
            }
        }
    }

    fn command(&mut self, line: &[u8]) -> Option<Event> {
        self.idle_commands += 1;
        if self.idle_commands > IDLE_COMMANDS_MAX {
            self.close(&Reply::new(421, (4, 7, 0), "Too many commands without a message."));
            return None;
        }
        let command = match command::read(line) {
            Ok(command) => command,
            Err(reply) => {
                self.conclude(&reply);
                return None;
            }
        };
        match command {
            Command::Ehlo => self.hello(),
            Command::Helo => {
                self.has_greeted = true;
                self.envelope = None;
                self.say(&Reply::plain(250, self.options.hostname.clone()));
            }
            Command::Mail(sender) => return self.mail(sender),
            Command::Rcpt(recipient) => return self.rcpt(recipient),
            Command::Data => return self.data(),
            Command::Bdat { octets, is_last } => return self.bdat(octets, is_last),
            Command::Rset => {
                self.envelope = None;
                self.say(&Reply::new(250, (2, 0, 0), "Ok."));
            }
            Command::Noop => self.say(&Reply::new(250, (2, 0, 0), "Ok.")),
            Command::Quit => self.close(&Reply::new(221, (2, 0, 0), "Tot ziens.")),
            Command::Vrfy => self.say(&Reply::new(252, (2, 5, 2), "Send a message to find out.")),
            Command::Help => self.say(&Reply::new(214, (2, 0, 0), "See RFC 5321.")),
            Command::StartTls => return self.start_tls(),
            Command::Auth { mechanism, initial } => {
                let initial = initial.map(<[u8]>::to_vec);
                return self.auth(mechanism, initial.as_deref());
            }
            Command::NotMail => self.close(&Reply::new(554, (5, 5, 1), "This is a mail server.")),
        }
        None
    }

    fn hello(&mut self) {
        self.has_greeted = true;
        self.envelope = None;
        let mut lines = format!(
            "{}\nPIPELINING\nSIZE {}\n8BITMIME\nENHANCEDSTATUSCODES\nCHUNKING",
            self.options.hostname, self.options.message_bytes_max
        );
        if self.options.offers_dsn {
            lines.push_str("\nDSN");
        }
        if self.offers_tls() {
            lines.push_str("\nSTARTTLS");
        }
        if self.offers_login() {
            lines.push_str("\nAUTH PLAIN LOGIN");
        }
        self.say(&Reply::plain(250, lines));
    }

    fn offers_tls(&self) -> bool {
        matches!(self.options.protection, Protection::StartTls | Protection::Loopback { offers_tls: true })
    }

    /// A secret is never asked for where others can read along.
    fn offers_login(&self) -> bool {
        let is_safe = matches!(self.options.protection, Protection::Tls | Protection::Loopback { .. });
        self.options.login != LoginRule::Never && is_safe
    }

    fn mail(&mut self, sender: Sender) -> Option<Event> {
        let refusal = if !self.has_greeted {
            Some(Reply::new(503, (5, 5, 1), "Say EHLO first."))
        } else if self.envelope.is_some() {
            Some(Reply::new(503, (5, 5, 1), "One sender is enough."))
        } else if self.options.login == LoginRule::Must && !self.is_signed_in {
            let text =
                if self.offers_login() { "Sign in first." } else { "Say STARTTLS first, then sign in." };
            Some(Reply::new(530, (5, 7, 0), text))
        } else if (sender.is_header_only || sender.envelope_id.is_some()) && !self.options.offers_dsn {
            Some(not_offered())
        } else if sender.octets.is_some_and(|octets| octets > self.options.message_bytes_max as u64) {
            Some(too_large())
        } else {
            None
        };
        if let Some(reply) = refusal {
            self.conclude(&reply);
            return None;
        }
        self.ask(Question::Sender(sender.clone()), Event::Sender(sender))
    }

    fn rcpt(&mut self, recipient: Recipient) -> Option<Event> {
        let Some(envelope) = &self.envelope else {
            self.conclude(&Reply::new(503, (5, 5, 1), "Say MAIL first."));
            return None;
        };
        if envelope.chunks.is_some() {
            self.conclude(&Reply::new(503, (5, 5, 1), "The message is under way."));
            return None;
        }
        if (recipient.notify.is_some() || recipient.original.is_some()) && !self.options.offers_dsn {
            self.conclude(&not_offered());
            return None;
        }
        if envelope.recipients.len() >= self.options.recipients_max {
            // Not a mistake: the client sends the rest in another message (RFC 5321 §4.5.3.1.10).
            self.say(&Reply::new(452, (4, 5, 3), "Too many recipients; send the rest again."));
            return None;
        }
        self.idle_commands = self.idle_commands.saturating_sub(1);
        self.ask(Question::Recipient(recipient.clone()), Event::Recipient(recipient))
    }

    fn data(&mut self) -> Option<Event> {
        if let Some(reply) = self.not_ready().or_else(|| self.in_chunks()) {
            self.conclude(&reply);
            return None;
        }
        self.ask(Question::Data, Event::Data)
    }

    fn in_chunks(&self) -> Option<Reply> {
        let is =
            self.envelope.as_ref().is_some_and(|envelope| envelope.chunks.is_some() || envelope.is_spoilt);
        is.then(|| Reply::new(503, (5, 5, 1), "The message comes in chunks."))
    }

    /// Why no message can begin now.
    fn not_ready(&self) -> Option<Reply> {
        let Some(envelope) = &self.envelope else {
            return Some(Reply::new(503, (5, 5, 1), "Say MAIL first."));
        };
        envelope.recipients.is_empty().then(|| Reply::new(554, (5, 5, 1), "No recipient was accepted."))
    }

    fn bdat(&mut self, octets: u64, is_last: bool) -> Option<Event> {
        self.idle_commands = self.idle_commands.saturating_sub(1);
        if let Some(reply) = self.not_ready() {
            self.refuse_chunk(octets, reply);
            return None;
        }
        if octets > self.options.message_bytes_max as u64 {
            self.refuse_chunk(octets, too_large());
            return None;
        }
        match &self.envelope {
            Some(envelope) if envelope.is_spoilt => {
                self.refuse_chunk(octets, Reply::new(503, (5, 5, 1), "A chunk was refused; say RSET."));
                None
            }
            Some(envelope) if envelope.chunks.is_some() => {
                self.state = State::Chunk { left: octets, octets, is_last };
                None
            }
            _ => self.ask(Question::FirstChunk { octets, is_last }, Event::Data),
        }
    }

    /// Throws a chunk away, since it follows whatever is said, and says the reply behind it.
    fn refuse_chunk(&mut self, octets: u64, reply: Reply) {
        if let Some(envelope) = &mut self.envelope {
            envelope.is_spoilt = true;
            envelope.chunks = None;
        }
        self.discarded = self.discarded.saturating_add(octets);
        if self.discarded > DISCARDED_BYTES_MAX {
            self.close(&reply);
            return;
        }
        self.state = State::Discard { left: octets, reply };
    }

    fn discard(&mut self) -> Option<Option<Event>> {
        let State::Discard { left, .. } = &mut self.state else { return Some(None) };
        *left -= self.input.skip(*left);
        if *left > 0 {
            return None;
        }
        if let State::Discard { reply, .. } = std::mem::replace(&mut self.state, State::Command) {
            self.conclude(&reply);
        }
        Some(None)
    }

    fn read_data(&mut self) -> Option<Option<Event>> {
        let State::Data(reader) = &mut self.state else { return Some(None) };
        let progress = reader.read_dotted(self.input.rest());
        match progress {
            Progress::More => {
                self.input.clear();
                None
            }
            Progress::Disputed => {
                self.close(&refusal(DataProblem::LoneLineEnd));
                Some(None)
            }
            Progress::End(used) => {
                self.input.skip(used as u64);
                let State::Data(reader) = std::mem::replace(&mut self.state, State::Command) else {
                    return Some(None);
                };
                Some(self.whole(reader))
            }
        }
    }

    fn read_chunk(&mut self) -> Option<Option<Event>> {
        let State::Chunk { left, octets, is_last } = &mut self.state else { return Some(None) };
        let chunks = self.envelope.as_mut().and_then(|envelope| envelope.chunks.as_mut());
        let here = self.input.rest();
        let used = usize::try_from(*left).unwrap_or(usize::MAX).min(here.len());
        if let Some(reader) = chunks {
            reader.read_chunk(&here[..used]);
        }
        self.input.skip(used as u64);
        *left -= used as u64;
        if *left > 0 {
            return None;
        }
        let (octets, is_last) = (*octets, *is_last);
        self.state = State::Command;
        if !is_last {
            self.chunk_taken(octets);
            return Some(None);
        }
        let reader = self.envelope.as_mut().and_then(|envelope| envelope.chunks.take());
        Some(reader.and_then(|reader| self.whole(reader)))
    }

    /// Answers a chunk that is not the last.
    fn chunk_taken(&mut self, octets: u64) {
        let envelope = self.envelope.as_mut();
        let problem = envelope.and_then(|envelope| {
            let problem = envelope.chunks.as_ref()?.problem()?;
            envelope.is_spoilt = true;
            envelope.chunks = None;
            Some(problem)
        });
        match problem {
            Some(problem) => self.conclude(&refusal(problem)),
            None => self.say(&Reply::new(250, (2, 0, 0), format!("{octets} octets taken."))),
        }
    }

    /// The message is there, or is refused as it is.
    fn whole(&mut self, reader: DataReader) -> Option<Event> {
        match reader.finish() {
            Ok(message) => self.ask(Question::Message, Event::Message(message)),
            Err(problem) => {
                self.envelope = None;
                self.conclude(&refusal(problem));
                None
            }
        }
    }

    fn start_tls(&mut self) -> Option<Event> {
        if !self.offers_tls() {
            let reply = match self.options.protection {
                Protection::Tls => Reply::new(503, (5, 5, 1), "TLS is on."),
                _ => Reply::new(502, (5, 5, 1), "TLS is not offered."),
            };
            self.conclude(&reply);
            return None;
        }
        // Whatever came along in the clear is not part of what TLS will protect.
        self.input.clear();
        self.say(&Reply::new(220, (2, 0, 0), "Begin TLS."));
        self.ask(Question::StartTls, Event::StartTls)
    }

    fn auth(&mut self, mechanism: Mechanism, initial: Option<&[u8]>) -> Option<Event> {
        let refusal = if self.options.login == LoginRule::Never {
            Some(Reply::new(502, (5, 5, 1), "Signing in is not offered."))
        } else if !self.has_greeted {
            Some(Reply::new(503, (5, 5, 1), "Say EHLO first."))
        } else if !self.offers_login() {
            Some(Reply::new(538, (5, 7, 11), "Say STARTTLS first; a secret is not sent in the clear."))
        } else if self.is_signed_in || self.envelope.is_some() {
            Some(Reply::new(503, (5, 5, 1), "Not now."))
        } else {
            None
        };
        if let Some(reply) = refusal {
            self.conclude(&reply);
            return None;
        }
        match (mechanism, initial) {
            (Mechanism::Plain, Some(initial)) => self.prompted(Prompt::Plain, initial),
            (Mechanism::Plain, None) => self.prompt(Prompt::Plain, ""),
            (Mechanism::Login, Some(initial)) => self.prompted(Prompt::LoginUser, initial),
            // `Username:`
            (Mechanism::Login, None) => self.prompt(Prompt::LoginUser, "VXNlcm5hbWU6"),
        }
    }

    fn prompt(&mut self, prompt: Prompt, text: &'static str) -> Option<Event> {
        self.say(&Reply::plain(334, text));
        self.state = State::Prompted(prompt);
        None
    }

    /// The answer to a prompt.
    fn prompted(&mut self, prompt: Prompt, line: &[u8]) -> Option<Event> {
        if line == b"*" {
            self.conclude(&Reply::new(501, (5, 7, 0), "Signing in was broken off."));
            return None;
        }
        // An empty first answer is written as `=` (RFC 4954 §4).
        let encoded = if line == b"=" { b"" } else { line };
        let decoded = STANDARD.decode(encoded).ok().map(zeroize::Zeroizing::new);
        let text = decoded.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
        let Some(text) = text else {
            self.conclude(&Reply::new(501, (5, 5, 2), "This is not base64 of a text."));
            return None;
        };
        let sign_in = match prompt {
            Prompt::LoginUser => {
                let user = PiiText::new(text.to_owned());
                // `Password:`
                return self.prompt(Prompt::LoginSecret(user), "UGFzc3dvcmQ6");
            }
            Prompt::LoginSecret(user) => Some(SignIn { user, secret: SecretText::new(text.to_owned()) }),
            Prompt::Plain => plain(text),
        };
        match sign_in {
            Some(sign_in) => self.ask(Question::SignIn, Event::SignIn(sign_in)),
            None => {
                self.conclude(&Reply::new(501, (5, 5, 2), "This is not what PLAIN sends (RFC 4616)."));
                None
            }
        }
    }

    fn signed_in(&mut self, reply: &Reply) {
        self.conclude(reply);
        if reply.is_done() {
            self.is_signed_in = true;
            return;
        }
        self.failed_sign_ins += 1;
        if self.failed_sign_ins >= SIGN_INS_MAX {
            self.close(&Reply::new(421, (4, 7, 0), "Too many sign-ins failed."));
        }
    }
}

/// `authorisation NUL user NUL secret` (RFC 4616); acting for somebody else is not offered.
fn plain(text: &str) -> Option<SignIn> {
    let mut parts = text.split('\0');
    let (authorisation, user, secret) = (parts.next()?, parts.next()?, parts.next()?);
    let is_own = authorisation.is_empty() || authorisation == user;
    let is_whole = parts.next().is_none() && !secret.is_empty();
    (is_own && is_whole)
        .then(|| SignIn { user: PiiText::new(user.to_owned()), secret: SecretText::new(secret.to_owned()) })
}

fn not_offered() -> Reply {
    Reply::new(555, (5, 5, 4), "Reports of delivery (DSN) are not offered.")
}

fn too_large() -> Reply {
    Reply::new(552, (5, 3, 4), "The message is too large.")
}

/// What the client hears about a message that is refused as it is.
fn refusal(problem: DataProblem) -> Reply {
    match problem {
        DataProblem::LoneLineEnd => Reply::new(
            550,
            (5, 6, 0),
            "Lines of a message end with CR LF; a lone CR or LF is refused (RFC 5321 2.3.8).",
        ),
        DataProblem::Nul => Reply::new(550, (5, 6, 0), "The message holds a NUL."),
        DataProblem::LineTooLong => {
            Reply::new(550, (5, 6, 0), "A line of the message is too long; encode it (RFC 5321 4.5.3.1.6).")
        }
        DataProblem::TooLarge => too_large(),
        DataProblem::NoRoom => {
            Reply::new(452, (4, 3, 1), "Too many messages at this moment; try again soon.")
        }
    }
}

impl Envelope {
    fn new(sender: Sender) -> Self {
        Self { sender, recipients: Vec::new(), chunks: None, is_spoilt: false }
    }
}
