//! One talk with the smarthost: the state machine of kluis-mail over a TCP or TLS stream, each wait with its limit.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use kluis_mail::smtp::Reply;
use kluis_mail::smtp::client::{
    Client, ClientError, ClientOptions, Event, RECIPIENTS_MAX, TlsWish, Transaction, Wait, dotted,
};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::SmarthostError;

/// For greeting and answers (RFC 5321 §4.5.3.2 has five minutes; a smarthost that takes one is in trouble).
const COMMAND: Duration = Duration::from_secs(60);
/// For the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// For a block of a message to be taken.
const BLOCK: Duration = Duration::from_secs(60);
/// For the answer after the last block (RFC 5321 §4.5.3.2.6 has ten minutes): who gives up early sends twice.
const END: Duration = Duration::from_secs(5 * 60);
/// For a whole message; shorter than what must be left of its lease.
const TOTAL: Duration = Duration::from_secs(7 * 60);
/// Bytes of a block.
const BLOCK_BYTES: usize = 64 * 1024;
/// Bytes read at once.
const READ_BYTES: usize = 4 * 1024;

/// Why a message has no answer.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct SendError {
    /// What happened.
    pub error: SmarthostError,
    /// Whether the message was on its way: then the server may have it. Else the connection was perhaps merely old.
    pub was_begun: bool,
}

/// A talk with the smarthost that is ready for a message.
pub struct SmarthostConnection {
    stream: Stream,
    client: Client,
    is_closed: bool,
}

impl std::fmt::Debug for SmarthostConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SmarthostConnection")
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Between the two.
    Gone,
}

impl SmarthostConnection {
    /// Goes from the greeting to where a message can be sent.
    pub(super) async fn begin(
        stream: TcpStream,
        options: ClientOptions,
        name: ServerName<'static>,
        tls: Arc<ClientConfig>,
    ) -> Result<Self, SmarthostError> {
        let is_tls = options.tls == TlsWish::Already;
        let client = Client::new(options);
        let mut own = Self { stream: Stream::Plain(stream), client, is_closed: false };
        if is_tls {
            own.shake_hands(name.clone(), Arc::clone(&tls)).await?;
        }
        loop {
            match own.next().await? {
                Event::Ready => return Ok(own),
                Event::StartTls => {
                    own.shake_hands(name.clone(), Arc::clone(&tls)).await?;
                    own.client.tls_started();
                }
                Event::Closed => return Err(SmarthostError::Closed),
                Event::Data | Event::Done(_) => return Err(ClientError::OutOfStep.into()),
            }
        }
    }

    async fn shake_hands(
        &mut self,
        name: ServerName<'static>,
        tls: Arc<ClientConfig>,
    ) -> Result<(), SmarthostError> {
        let Stream::Plain(stream) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(ClientError::OutOfStep.into());
        };
        let shaken = timeout(HANDSHAKE, TlsConnector::from(tls).connect(name, stream)).await;
        let stream = shaken.map_err(|_| SmarthostError::Silent)?.map_err(SmarthostError::Tls)?;
        self.stream = Stream::Tls(Box::new(stream));
        Ok(())
    }

    /// Sends a message; gives a reply for each recipient, in order. More recipients than fit into one transaction are
    /// sent in several.
    ///
    /// # Errors
    /// When the connection broke before any transaction was over: use another one. When it broke later, those who have no
    /// answer yet get 451.
    pub async fn send(&mut self, mail: &Transaction<'_>, message: &[u8]) -> Result<Vec<Reply>, SendError> {
        let mut was_begun = false;
        let sent = timeout(TOTAL, self.send_all(mail, message, &mut was_begun)).await;
        let sent = sent.unwrap_or(Err(SmarthostError::Silent));
        if sent.is_err() {
            self.is_closed = true;
        }
        sent.map_err(|error| SendError { error, was_begun })
    }

    async fn send_all(
        &mut self,
        mail: &Transaction<'_>,
        message: &[u8],
        was_begun: &mut bool,
    ) -> Result<Vec<Reply>, SmarthostError> {
        let mut replies = Vec::with_capacity(mail.recipients.len());
        for some in mail.recipients.chunks(RECIPIENTS_MAX) {
            match self.send_some(&Transaction { recipients: some, ..*mail }, message, was_begun).await {
                Ok(done) => replies.extend(done),
                Err(error) if replies.is_empty() => return Err(error),
                Err(_) => {
                    self.is_closed = true;
                    let lost = Reply::new(451, (4, 4, 2), "the connection with the smarthost was lost");
                    replies.resize(mail.recipients.len(), lost);
                    break;
                }
            }
        }
        Ok(replies)
    }

    /// One transaction.
    async fn send_some(
        &mut self,
        mail: &Transaction<'_>,
        message: &[u8],
        was_begun: &mut bool,
    ) -> Result<Vec<Reply>, SmarthostError> {
        self.client.begin(mail)?;
        loop {
            match self.next().await? {
                Event::Data => {
                    *was_begun = true;
                    self.write_message(message).await?;
                    self.client.data_sent();
                }
                Event::Done(done) => return Ok(done),
                Event::Closed => return Err(SmarthostError::Closed),
                Event::Ready | Event::StartTls => return Err(ClientError::OutOfStep.into()),
            }
        }
    }

    /// Whether another message can be sent.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.is_closed
    }

    /// Whether the server reports on delivery itself (RFC 3461).
    #[must_use]
    pub fn reports(&self) -> bool {
        self.client.offers().dsn
    }

    /// Says good-bye without waiting for an answer.
    pub async fn quit(mut self) {
        self.client.quit();
        // Polite; the server does not need it.
        let _ = timeout(Duration::from_secs(2), self.flush()).await;
        let _ = timeout(Duration::from_secs(2), self.stream.shutdown()).await;
    }

    /// Sends what the client wants sent and reads until it has an event.
    async fn next(&mut self) -> Result<Event, SmarthostError> {
        loop {
            if let Some(event) = self.client.event() {
                return Ok(event);
            }
            self.flush().await?;
            let limit = match self.client.waits_for() {
                Wait::End => END,
                Wait::Command | Wait::Nothing => COMMAND,
            };
            let mut buffer = [0; READ_BYTES];
            let read = timeout_at(Instant::now() + limit, self.stream.read(&mut buffer)).await;
            match read.map_err(|_| SmarthostError::Silent)? {
                Ok(0) | Err(_) => return Err(SmarthostError::Closed),
                Ok(many) => self.client.feed(&buffer[..many])?,
            }
        }
    }

    async fn flush(&mut self) -> Result<(), SmarthostError> {
        let output = self.client.take_output();
        if output.expose().is_empty() {
            return Ok(());
        }
        self.write(output.expose()).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), SmarthostError> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        timeout(BLOCK, written).await.map_err(|_| SmarthostError::Silent)?.map_err(|_| SmarthostError::Closed)
    }

    async fn write_message(&mut self, message: &[u8]) -> Result<(), SmarthostError> {
        let mut block = kluis_model::Pii::new(Vec::with_capacity(BLOCK_BYTES.min(message.len() + 1_024)));
        for piece in dotted(message) {
            for part in piece.chunks(BLOCK_BYTES) {
                let mut bytes = block.into_exposed();
                if bytes.len() + part.len() > BLOCK_BYTES {
                    self.write(&bytes).await?;
                    bytes.clear();
                }
                bytes.extend_from_slice(part);
                block = kluis_model::Pii::new(bytes);
            }
        }
        self.write(block.expose()).await
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }
}
