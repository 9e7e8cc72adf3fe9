//! A whole server over a fresh vault for tests, and a client that trusts its authority only.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use kluis_app::{App, AppOptions, CredentialInput, CredentialKindInput, SealWith, StoreConfig};
use kluis_crypto::SystemRandom;
use kluis_model::{Actor, Budget, Clock, Operation, OperationSet, Random, RequestId, Role, TimeMs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::options::{CertificateSource, HstsOptions, Limits, WebOptions};
use crate::server::Timing;
use crate::state::WebState;

/// The machine's clock.
struct MachineClock;

impl Clock for MachineClock {
    fn now(&self) -> TimeMs {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        TimeMs(i64::try_from(since.as_millis()).unwrap())
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) app: App,
    pub(crate) address: SocketAddr,
    pub(crate) owner: String,
    pub(crate) folder: tempfile::TempDir,
    _stop: oneshot::Sender<()>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.split_once(':').filter(|(n, _)| *n == name).map(|(_, v)| v.trim()))
    }

    /// This answer, when it has the status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.text());
        self
    }
}

impl Server {
    /// A server with the usual limits.
    pub(crate) async fn start() -> Self {
        Self::start_with(Limits::default()).await
    }

    /// A server with other limits.
    pub(crate) async fn start_with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let app = App::open(AppOptions {
            store: StoreConfig::Sqlite { data: path.join("data.db"), keys: path.join("keys.db"), readers: 2 },
            keyring: path.join("keyring"),
            data_dir: path.to_path_buf(),
            node: "node1".into(),
            clock: Arc::new(MachineClock),
            random: Arc::new(SystemRandom),
        })
        .await
        .unwrap();
        let first = app.initialise(SealWith::KeyFile([7; 32]), "Winkel").await.unwrap();
        let https = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = https.local_addr().unwrap();
        let options = WebOptions {
            https: address,
            http: None,
            names: vec!["localhost".into()],
            certificate: CertificateSource::Own,
            tls_folder: path.join("tls"),
            hsts: HstsOptions {
                max_age_s: 31_536_000,
                is_ramped: true,
                includes_subdomains: false,
                is_for_preload: false,
            },
            security_contact: Some("mailto:veilig@winkel.example".into()),
            limits,
            shop_name: "Winkel".into(),
            shared_certificate: None,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let state = WebState::new(app.clone(), Arc::new(options));
        tokio::spawn(async move {
            let stop = async {
                let _ = stopped.await;
            };
            crate::server::run(state, https, None, Timing::default(), stop).await.unwrap();
        });
        while !path.join("tls/server.pem").exists() {
            tokio::task::yield_now().await;
        }
        Self { app, address, owner: first.secret.expose().clone(), folder, _stop: stop }
    }

    /// A connector's credential for these operations, for purpose `order`.
    pub(crate) async fn connector(&self, operations: &[Operation]) -> String {
        let mut bytes = [0; 10];
        SystemRandom.fill(&mut bytes);
        let actor = Actor::local("test", kluis_app::SHOP, RequestId::from_parts(TimeMs(0), bytes));
        let kind = CredentialKindInput::Connector {
            operations: operations.iter().copied().collect::<OperationSet>(),
            purposes: ["order".parse().unwrap()].into(),
            fields: None,
            masks: [].into(),
            budget: Budget::default(),
        };
        let input = CredentialInput { name: "smal".into(), kind, expires: None };
        self.app.credential_create(&actor, input).await.unwrap().secret.expose().clone()
    }

    /// A person's credential.
    pub(crate) async fn staff(&self, role: Role) -> String {
        let input = json!({"name": "iemand", "kind": "staff", "role": role});
        self.post("/v1/credentials", &input).await.expect(201).json()["secret"].as_str().unwrap().to_owned()
    }

    /// A connection of one's own.
    pub(crate) async fn connect(&self) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.folder.path().join("tls/ca.pem")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tcp = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
    }

    /// Sends a request as this credential, on a connection of its own.
    pub(crate) async fn ask(
        &self,
        secret: Option<&str>,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut stream = self.connect().await;
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        if let Some(secret) = secret {
            head.push_str(&format!("authorization: Bearer {secret}\r\n"));
        }
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            head.push_str("content-type: application/json\r\n");
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes()).await.unwrap();
        // A refused body may be cut off by the server.
        let _ = stream.write_all(body).await;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        parse(&bytes)
    }

    /// Reads as the owner.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Some(&self.owner), "GET", path, &[], b"").await
    }

    /// Posts JSON as the owner.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Some(&self.owner), "POST", path, &[], body.to_string().as_bytes()).await
    }

    /// Puts in an invented customer and gives its id.
    pub(crate) async fn create(&self, number: u32) -> String {
        let answer = self.post("/v1/subjects", &customer(number)).await.expect(201);
        answer.json()["id"].as_str().unwrap().to_owned()
    }
}

/// An invented customer.
pub(crate) fn customer(number: u32) -> Value {
    json!({"fields": {
        "email": format!("klant{number}@voorbeeld.example"),
        "phone": format!("06{:08}", 10_000_000 + number),
        "given_name": "Sanne", "infix": "van der", "surname": format!("Kanariegeel{number}"),
        "street": "Zonnebloemlaan", "house_number": "12", "postcode": "1234 ab", "city": "Wijkdorp",
    }})
}

/// A DMARC report about yesterday: of each row the server, the messages, the From domain, the domain that signed and
/// that of the envelope; an empty one proves nothing.
pub(crate) fn dmarc_report(
    now: TimeMs,
    org: &str,
    id: &str,
    rows: &[(&str, u64, &str, &str, &str)],
) -> String {
    let end = now.0 / 1_000 - 3_600;
    let mut text = format!(
        "<?xml version=\"1.0\"?><feedback><report_metadata><org_name>{org}</org_name><email>dmarc@{org}</email>\
         <report_id>{id}</report_id><date_range><begin>{}</begin><end>{end}</end></date_range></report_metadata>\
         <policy_published><domain>winkel.example</domain><p>none</p></policy_published>",
        end - 86_399
    );
    for (source, count, from, signer, envelope) in rows {
        let word = |is_good: bool| if is_good { "pass" } else { "fail" };
        let signature = match signer.is_empty() {
            true => String::new(),
            false => {
                format!("<dkim><domain>{signer}</domain><selector>s1</selector><result>pass</result></dkim>")
            }
        };
        let spf = if envelope.is_empty() { "evil.example" } else { envelope };
        text.push_str(&format!(
            "<record><row><source_ip>{source}</source_ip><count>{count}</count><policy_evaluated>\
             <disposition>none</disposition><dkim>{}</dkim><spf>{}</spf></policy_evaluated></row>\
             <identifiers><header_from>{from}</header_from></identifiers><auth_results>{signature}<spf>\
             <domain>{spf}</domain><result>{}</result></spf></auth_results></record>",
            word(signer == from),
            word(envelope == from),
            word(!envelope.is_empty()),
        ));
    }
    text + "</feedback>"
}

/// Files of the public vectors about DMARC beside the project, or where `KLUIS_VECTORS` says.
pub(crate) fn vector_files(folder: &str) -> Vec<std::path::PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let vectors = std::env::var("KLUIS_VECTORS").unwrap_or_else(|_| "../shared/vectors".to_owned());
    let entries = std::fs::read_dir(root.join(vectors).join("dmarc").join(folder)).unwrap();
    let mut files: Vec<std::path::PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head[9..12].parse().unwrap();
    let rest = &bytes[end + 4..];
    let body = if head.contains("transfer-encoding: chunked") { join(rest) } else { rest.to_vec() };
    Answer { status, head, body }
}

fn join(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        rest = &rest[line + 2..];
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[..size]);
        rest = &rest[size + 2..];
    }
}
