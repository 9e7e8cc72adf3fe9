//! Fetches unread messages from a mailbox elsewhere, over TLS only; a message is marked read only when the caller says so.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kluis_crypto::SecretText;
use kluis_mail::imap::{ImapEvent, ImapFetch, ImapProblem, ImapReader, ImapStatus, quoted};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use zeroize::Zeroizing;

use crate::verified;

/// How long connecting, a handshake, or one answer may take.
const STEP: Duration = Duration::from_secs(30);
/// Answers to one command.
const ANSWERS_MAX: usize = 20_000;
/// Messages of one visit, the newest; the rest comes at the next, and what cannot be taken in now holds up nothing new.
const MESSAGES_MAX: usize = 500;
/// Bytes that are read in one go.
const READ_BYTES: usize = 16 * 1024;

/// A mailbox and who may read it.
#[derive(Debug, Clone)]
pub struct ImapAccount {
    /// Host name or address of its server.
    pub host: String,
    /// Its port for TLS, usually 993.
    pub port: u16,
    /// Who signs in.
    pub user: String,
    /// With what.
    pub password: SecretText,
    /// Which folder.
    pub folder: String,
    /// Certificate authorities that are trusted besides the public ones.
    pub roots: Vec<CertificateDer<'static>>,
    /// Bytes of one message; larger ones are left alone.
    pub message_bytes_max: usize,
}

/// Why a mailbox could not be read. No address or password is in it.
#[derive(Debug, thiserror::Error)]
pub enum ImapError {
    /// The server cannot be reached, or its certificate is not good.
    #[error("the mailbox cannot be reached: {0}")]
    Connection(#[from] io::Error),
    /// TLS cannot be set up.
    #[error("TLS for the mailbox: {0}")]
    Tls(#[from] rustls::Error),
    /// The server does not speak as it should.
    #[error("{0}")]
    Problem(#[from] ImapProblem),
    /// Nothing came in time.
    #[error("the mailbox is silent")]
    Silent,
    /// The name or the password is wrong.
    #[error("the mailbox does not let us in; look at imap_user and imap_password_file")]
    SignIn,
    /// There is no such folder.
    #[error("the mailbox has no such folder; look at imap_folder")]
    Folder,
    /// A command was refused.
    #[error("the mailbox refused {0}")]
    Refused(&'static str),
}

/// An open mailbox.
pub struct ImapMailbox {
    stream: TlsStream<TcpStream>,
    reader: ImapReader,
    unread: VecDeque<u32>,
    message_bytes_max: usize,
    commands: u32,
    /// Messages that were left because of their size.
    pub too_large: u32,
}

/// A message of the mailbox.
pub struct ImapMessage {
    /// For [`ImapMailbox::mark_read`].
    pub uid: u32,
    /// The message.
    pub bytes: Vec<u8>,
}

impl ImapMailbox {
    /// Connects, signs in, and looks which messages nobody read yet.
    ///
    /// # Errors
    /// Why that is not possible.
    pub async fn open(account: &ImapAccount) -> Result<Self, ImapError> {
        let config = verified::client_config(&account.roots)?;
        let tcp = verified::connect(&account.host, account.port, STEP).await?;
        let stream = verified::protect(config, &account.host, tcp, STEP).await?;
        // The brackets and names around a message are few bytes.
        let reader = ImapReader::new(account.message_bytes_max);
        let message_bytes_max = account.message_bytes_max;
        let unread = VecDeque::new();
        let mut mailbox = Self { stream, reader, unread, message_bytes_max, commands: 0, too_large: 0 };
        match mailbox.event().await? {
            ImapEvent::State(ImapStatus::Ok) => mailbox.sign_in(account).await?,
            ImapEvent::PreAuthenticated => {}
            _ => return Err(ImapProblem::NotImap.into()),
        }
        let folder = quoted(&account.folder).ok_or(ImapError::Folder)?;
        match mailbox.command(&format!("SELECT {folder}"), |_| {}).await? {
            ImapStatus::Ok => {}
            ImapStatus::No | ImapStatus::Bad => return Err(ImapError::Folder),
        }
        let mut found = Vec::new();
        let status = mailbox
            .command("UID SEARCH UNSEEN UNDELETED", |event| {
                if let ImapEvent::Search(uids) = event {
                    found.extend(uids);
                }
            })
            .await?;
        done(status, "SEARCH")?;
        found.sort_unstable_by_key(|uid| std::cmp::Reverse(*uid));
        found.dedup();
        found.truncate(MESSAGES_MAX);
        mailbox.unread = found.into();
        Ok(mailbox)
    }

    /// PLAIN where it is offered, which takes every password; else LOGIN.
    async fn sign_in(&mut self, account: &ImapAccount) -> Result<(), ImapError> {
        let mut can = Vec::new();
        let status = self
            .command("CAPABILITY", |event| {
                if let ImapEvent::Capability(words) = event {
                    can = words;
                }
            })
            .await?;
        done(status, "CAPABILITY")?;
        let offers = |word: &str| can.iter().any(|known| known == word);
        let (user, password) = (&account.user, account.password.expose());
        let status = if offers("AUTH=PLAIN") {
            let plain = Zeroizing::new(format!("\0{user}\0{password}"));
            let answer = Zeroizing::new(STANDARD.encode(plain.as_bytes()));
            self.prompted("AUTHENTICATE PLAIN", &answer).await?
        } else if offers("LOGINDISABLED") {
            return Err(ImapError::Refused("LOGIN"));
        } else {
            let (user, password) = quoted(user).zip(quoted(password)).ok_or(ImapError::SignIn)?;
            let command = Zeroizing::new(format!("LOGIN {user} {password}"));
            self.command(&command, |_| {}).await?
        };
        match status {
            ImapStatus::Ok => Ok(()),
            ImapStatus::No | ImapStatus::Bad => Err(ImapError::SignIn),
        }
    }

    /// The next message that nobody read yet. It stays unread until it is marked.
    ///
    /// # Errors
    /// When the talk breaks.
    pub async fn next(&mut self) -> Result<Option<ImapMessage>, ImapError> {
        while let Some(uid) = self.unread.pop_front() {
            let size = self.fetch(uid, "RFC822.SIZE").await?.and_then(|found| found.size);
            match size {
                // Somebody else deleted it meanwhile.
                None => continue,
                Some(size) if size > self.message_bytes_max as u64 => {
                    self.too_large += 1;
                    continue;
                }
                Some(_) => {}
            }
            if let Some(bytes) = self.fetch(uid, "BODY.PEEK[]").await?.and_then(|found| found.body) {
                return Ok(Some(ImapMessage { uid, bytes }));
            }
        }
        Ok(None)
    }

    /// Marks a message as read, so that it is not fetched again.
    ///
    /// # Errors
    /// When the server does not do it.
    pub async fn mark_read(&mut self, uid: u32) -> Result<(), ImapError> {
        let status = self.command(&format!("UID STORE {uid} +FLAGS.SILENT (\\Seen)"), |_| {}).await?;
        done(status, "STORE")
    }

    /// Says good-bye.
    pub async fn close(mut self) {
        // Whether it is heard does not matter.
        let _ = self.command("LOGOUT", |_| {}).await;
    }

    async fn fetch(&mut self, uid: u32, what: &str) -> Result<Option<ImapFetch>, ImapError> {
        let mut found = None;
        let status = self
            .command(&format!("UID FETCH {uid} (UID {what})"), |event| {
                // A server may tell news of other messages meanwhile.
                if let ImapEvent::Fetch(fetch) = event
                    && fetch.uid == Some(uid)
                {
                    found = Some(fetch);
                }
            })
            .await?;
        done(status, "FETCH")?;
        Ok(found)
    }

    /// Sends a command and hands out every answer until its end.
    async fn command(
        &mut self,
        command: &str,
        mut on_event: impl FnMut(ImapEvent),
    ) -> Result<ImapStatus, ImapError> {
        let tag = self.send(command).await?;
        for _ in 0..ANSWERS_MAX {
            match self.event().await? {
                ImapEvent::Done(done, status) if done == tag => return Ok(status),
                ImapEvent::Done(..) | ImapEvent::Continue => return Err(ImapProblem::NotImap.into()),
                event => on_event(event),
            }
        }
        Err(ImapProblem::TooLarge.into())
    }

    /// Sends a command that is followed by one line when the server asks for it.
    async fn prompted(&mut self, command: &str, answer: &str) -> Result<ImapStatus, ImapError> {
        let tag = self.send(command).await?;
        let mut is_asked = false;
        for _ in 0..ANSWERS_MAX {
            match self.event().await? {
                ImapEvent::Done(done, status) if done == tag => return Ok(status),
                ImapEvent::Continue if !is_asked => {
                    is_asked = true;
                    self.write(&Zeroizing::new(format!("{answer}\r\n"))).await?;
                }
                ImapEvent::Done(..) | ImapEvent::Continue => return Err(ImapProblem::NotImap.into()),
                _ => {}
            }
        }
        Err(ImapProblem::TooLarge.into())
    }

    async fn send(&mut self, command: &str) -> Result<String, ImapError> {
        self.commands += 1;
        let tag = format!("k{}", self.commands);
        self.write(&Zeroizing::new(format!("{tag} {command}\r\n"))).await?;
        Ok(tag)
    }

    async fn write(&mut self, text: &str) -> Result<(), ImapError> {
        let writing = async {
            self.stream.write_all(text.as_bytes()).await?;
            self.stream.flush().await
        };
        timeout(STEP, writing).await.map_err(|_| ImapError::Silent)??;
        Ok(())
    }

    async fn event(&mut self) -> Result<ImapEvent, ImapError> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            if let Some(answer) = self.reader.read()? {
                return Ok(answer.event()?);
            }
            let reading = self.stream.read(&mut buffer);
            match timeout(STEP, reading).await.map_err(|_| ImapError::Silent)?? {
                0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                octets => self.reader.push(&buffer[..octets]),
            }
        }
    }
}

fn done(status: ImapStatus, what: &'static str) -> Result<(), ImapError> {
    match status {
        ImapStatus::Ok => Ok(()),
        ImapStatus::No | ImapStatus::Bad => Err(ImapError::Refused(what)),
    }
}
