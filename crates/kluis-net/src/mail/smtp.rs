//! A short talk with a mail server: greeting, EHLO, STARTTLS, handshake, good-bye (RFC 5321, RFC 3207).
//!
//! No mail is sent and no address is named. Every line and every wait is bounded.

use std::net::SocketAddr;

use kluis_checks::cert;
use kluis_checks::facts::{ChainFacts, SmtpFacts};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use crate::connect::{Gate, Stream};
use crate::trust::CERTIFICATES_MAX;

/// Bytes of a line at most (RFC 5321 §4.5.3.1.5 has 512; some servers are chatty).
const LINE_BYTES_MAX: usize = 2048;
/// Lines of a reply at most.
const LINES_MAX: usize = 64;

/// Why there was no talk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SmtpProblem {
    /// Nothing came in time.
    #[error("the mail server was silent")]
    Silent,
    /// The connection ended.
    #[error("the mail server closed the connection")]
    Closed,
    /// It is no mail server.
    #[error("the answer is not SMTP")]
    NotSmtp,
    /// It does not want to talk.
    #[error("the mail server answers {0}")]
    Unwilling(u16),
}

/// Talks, and fills in what is known; a problem means that what is missing is not known.
pub(super) async fn talk(
    gate: &Gate,
    host: &str,
    mut stream: Stream,
    said: &mut SmtpFacts,
) -> Result<(), SmtpProblem> {
    let end = Instant::now() + gate.step();
    expect(reply(&mut stream, end).await?, 220)?;
    let me = stream.local_addr().map(address_literal).unwrap_or_else(|_| "[127.0.0.1]".to_owned());
    let end = Instant::now() + gate.step();
    send(&mut stream, &format!("EHLO {me}\r\n")).await?;
    let (code, lines) = reply(&mut stream, end).await?;
    // A server that does not know EHLO knows no STARTTLS (RFC 5321 §3.2).
    if !matches!(code, 250 | 500..=502 | 504) {
        return Err(SmtpProblem::Unwilling(code));
    }
    let offers = lines.iter().any(|line| line.trim().eq_ignore_ascii_case("STARTTLS"));
    said.starttls = Some(offers);
    if !offers {
        // Polite, and nobody waits for the answer.
        let _ = send(&mut stream, "QUIT\r\n").await;
        return Ok(());
    }
    let end = Instant::now() + gate.step();
    send(&mut stream, "STARTTLS\r\n").await?;
    expect(reply(&mut stream, end).await?, 220)?;
    let Ok(name) = ServerName::try_from(host.to_owned()) else { return Ok(()) };
    let end = Instant::now() + gate.step();
    match timeout_at(end, gate.trusted().connect_for(name, stream, Vec::new())).await {
        Err(_) => return Err(SmtpProblem::Silent),
        Ok(Err(why)) => said.tls_problem = Some(why),
        Ok(Ok((mut stream, is_good))) => {
            let (_, session) = stream.get_ref();
            said.tls = session
                .protocol_version()
                .and_then(|version| version.as_str())
                .map(|text| text.replace("TLSv1_", "TLSv1."));
            said.is_certificate_good = Some(is_good);
            let sent = session.peer_certificates().unwrap_or_default();
            said.chain = ChainFacts {
                sent: sent.iter().take(CERTIFICATES_MAX).map(|der| cert::read(der)).collect(),
                ..ChainFacts::default()
            };
            let _ = timeout_at(end, stream.write_all(b"QUIT\r\n")).await;
        }
    }
    Ok(())
}

fn expect((code, _): (u16, Vec<String>), wanted: u16) -> Result<(), SmtpProblem> {
    if code == wanted { Ok(()) } else { Err(SmtpProblem::Unwilling(code)) }
}

/// Our address as SMTP writes it (RFC 5321 §4.1.3), so that no name needs to be made up.
fn address_literal(address: SocketAddr) -> String {
    match address.ip().to_canonical() {
        std::net::IpAddr::V4(v4) => format!("[{v4}]"),
        std::net::IpAddr::V6(v6) => format!("[IPv6:{v6}]"),
    }
}

async fn send(stream: &mut Stream, text: &str) -> Result<(), SmtpProblem> {
    stream.write_all(text.as_bytes()).await.map_err(|_| SmtpProblem::Closed)
}

/// A reply: its code, and the text of each line.
async fn reply(stream: &mut Stream, end: Instant) -> Result<(u16, Vec<String>), SmtpProblem> {
    let mut lines = Vec::new();
    while lines.len() < LINES_MAX {
        let line = timeout_at(end, line(stream)).await.map_err(|_| SmtpProblem::Silent)??;
        let text = line.get(4..).unwrap_or_default().to_owned();
        let code = line.get(..3).and_then(|digits| digits.parse::<u16>().ok());
        let code = code.filter(|code| (200..600).contains(code)).ok_or(SmtpProblem::NotSmtp)?;
        lines.push(text);
        match line.as_bytes().get(3) {
            Some(b'-') => {}
            Some(b' ') | None => return Ok((code, lines)),
            Some(_) => return Err(SmtpProblem::NotSmtp),
        }
    }
    Err(SmtpProblem::NotSmtp)
}

/// Reads to the end of a line, byte by byte, so that nothing of what follows is swallowed before TLS begins.
async fn line(stream: &mut Stream) -> Result<String, SmtpProblem> {
    let mut bytes = Vec::new();
    loop {
        match stream.read_u8().await.map_err(|_| SmtpProblem::Closed)? {
            b'\n' => break,
            byte if bytes.len() < LINE_BYTES_MAX => bytes.push(byte),
            _ => return Err(SmtpProblem::NotSmtp),
        }
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(super::shown(&bytes))
}
