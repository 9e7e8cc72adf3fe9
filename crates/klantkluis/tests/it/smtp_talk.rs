//! A small blocking SMTP client for tests: says lines, hears replies, does STARTTLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Longest wait for a reply.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// One connection.
pub(crate) struct Talk {
    stream: Box<dyn Both>,
    tcp: TcpStream,
}

trait Both: Read + Write {}

impl<T: Read + Write> Both for T {}

impl Talk {
    /// Connects, and hears the greeting.
    #[track_caller]
    pub(crate) fn begin(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).unwrap();
        tcp.set_read_timeout(Some(WAIT_MAX)).unwrap();
        let mut talk = Self { stream: Box::new(tcp.try_clone().unwrap()), tcp };
        let greeting = talk.hear();
        assert!(greeting.starts_with("220 "), "{greeting}");
        talk
    }

    /// The same on this machine.
    #[track_caller]
    pub(crate) fn local(port: u16) -> Self {
        Self::begin(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// Says a line and hears the whole reply.
    pub(crate) fn say(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes());
        self.hear()
    }

    /// Says lines and gives the code of each reply.
    pub(crate) fn codes(&mut self, lines: &[&str]) -> Vec<u16> {
        lines.iter().map(|line| code(&self.say(line))).collect()
    }

    /// Sends bytes and hears nothing.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
        self.stream.flush().unwrap();
    }

    /// A reply with all its lines; empty when the connection has ended.
    pub(crate) fn hear(&mut self) -> String {
        let mut text = String::new();
        loop {
            let mut line = Vec::new();
            while line.last() != Some(&b'\n') {
                let mut byte = [0];
                match self.stream.read(&mut byte) {
                    Ok(1) => line.push(byte[0]),
                    _ => return text,
                }
            }
            let is_last = line.get(3) != Some(&b'-');
            text.push_str(&String::from_utf8(line).unwrap());
            if is_last {
                return text;
            }
        }
    }

    /// Says STARTTLS and does the handshake; the certificate must be of this authority, for `localhost`.
    #[track_caller]
    pub(crate) fn start_tls(mut self, authority: &Path) -> Self {
        let said = self.say("STARTTLS");
        assert_eq!(code(&said), 220, "{said}");
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        self.stream = Box::new(StreamOwned::new(connection, self.tcp.try_clone().unwrap()));
        self
    }

    /// Signs in with PLAIN and hears the reply.
    pub(crate) fn sign_in(&mut self, user: &str, secret: &str) -> String {
        self.say(&format!("AUTH PLAIN {}", STANDARD.encode(format!("\0{user}\0{secret}"))))
    }

    /// Hands in a message whose lines end with LF here, up to the reply to its end.
    pub(crate) fn message(&mut self, from: &str, to: &[&str], text: &str) -> String {
        let mut said = self.say(&format!("MAIL FROM:<{from}>"));
        for to in to {
            if code(&said) == 250 {
                said = self.say(&format!("RCPT TO:<{to}>"));
            }
        }
        if code(&said) == 250 {
            said = self.say("DATA");
        }
        if code(&said) != 354 {
            return said;
        }
        self.send(&dotted(text));
        self.hear()
    }
}

/// A message as it goes after DATA.
pub(crate) fn dotted(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in text.lines() {
        if line.starts_with('.') {
            bytes.push(b'.');
        }
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b".\r\n");
    bytes
}

/// The code of a reply; 0 when there is none.
pub(crate) fn code(reply: &str) -> u16 {
    reply.get(..3).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// An address of this machine that is not loopback.
pub(crate) fn outer_address() -> std::net::IpAddr {
    // Nothing is sent: the system only says from which address it would be.
    let socket = std::net::UdpSocket::bind(("0.0.0.0", 0)).unwrap();
    let connected = socket.connect(("192.0.2.1", 9));
    assert!(connected.is_ok(), "the tests need a network interface besides loopback");
    let address = socket.local_addr().unwrap().ip();
    assert!(!address.is_loopback(), "the tests need a network interface besides loopback");
    address
}
