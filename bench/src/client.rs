//! A lean keep-alive HTTPS client, so that the load generator takes little of the two shared cores.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Most bytes of one answer.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// What is trusted and how connections are made.
#[derive(Clone)]
pub(crate) struct Target {
    pub port: u16,
    pub bearer: String,
    tls: Arc<ClientConfig>,
}

impl Target {
    /// Trusts the server's own authority.
    pub(crate) fn new(port: u16, authority: &Path, bearer: String) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority)?)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { port, bearer, tls: Arc::new(tls) })
    }

    /// Does the handshake over a stream.
    pub(crate) async fn wrap<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Result<TlsStream<S>> {
        let name = ServerName::try_from("localhost")?;
        Ok(TlsConnector::from(self.tls.clone()).connect(name, stream).await?)
    }

    /// Opens a connection and keeps it.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        let tcp = TcpStream::connect(("127.0.0.1", self.port)).await?;
        tcp.set_nodelay(true)?;
        let stream = self.wrap(tcp).await?;
        Ok(Connection { stream, buffer: Vec::with_capacity(8192), bearer: self.bearer.clone() })
    }
}

/// One keep-alive connection.
pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
    bearer: String,
}

/// An answer: its status and body.
pub(crate) struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

impl Connection {
    /// Sends a request and reads the whole answer.
    pub(crate) async fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Answer<'_>> {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n",
            self.bearer
        );
        if !body.is_empty() {
            request
                .push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        let mut request = request.into_bytes();
        request.extend_from_slice(body);
        self.stream.write_all(&request).await?;
        self.read_answer().await
    }

    async fn read_answer(&mut self) -> Result<Answer<'_>> {
        self.buffer.clear();
        let head_end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            self.fill().await?;
        };
        let head = std::str::from_utf8(&self.buffer[..head_end]).context("answer head")?.to_ascii_lowercase();
        let status = head.get(9..12).and_then(|s| s.parse().ok()).context("status line")?;
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .context("no content-length")?
            .trim()
            .parse()?;
        while self.buffer.len() < head_end + length {
            self.fill().await?;
        }
        Ok(Answer { status, body: &self.buffer[head_end..head_end + length] })
    }

    async fn fill(&mut self) -> Result<()> {
        if self.buffer.len() > ANSWER_BYTES_MAX {
            bail!("the answer is too large");
        }
        let n = self.stream.read_buf(&mut self.buffer).await?;
        if n == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
