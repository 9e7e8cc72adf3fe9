//! A connection to PostgreSQL: TLS, prepared statements, pipelining, and what its errors mean.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::future::Future;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use kluis_crypto::SecretText;
use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, Row, RowStream, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::flight::{Parameters, Send};
use crate::migrate::{MIGRATIONS, NEWEST};
use crate::store::{Query, Values};
use crate::value::Value;
use crate::{PostgresTls, StoreError};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest wait for the answer to one flight of statements.
const ANSWER: Duration = Duration::from_secs(40);
/// The key of the lock under which nodes migrate one after another; `kluis` in ASCII.
const MIGRATION_LOCK: i64 = 0x6b_6c75_6973;

/// What went wrong.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The connection is gone or the server cannot take work now.
    Lost(String),
    /// The server chose this transaction to yield to another: it may be tried again.
    Yielded,
    /// An error that trying again does not mend.
    Store(StoreError),
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Lost(what) => Self::Unavailable { what },
            Trouble::Yielded => Self::unavailable("the transaction had to yield too often"),
            Trouble::Store(error) => error,
        }
    }
}

impl From<tokio_postgres::Error> for Trouble {
    /// Keeps the code only: the text and detail of a PostgreSQL error can quote values.
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(code) = error.code() else {
            return if error.is_closed() || error.source().is_some_and(|cause| cause.is::<std::io::Error>()) {
                Self::Lost("the connection to PostgreSQL is lost".into())
            } else {
                Self::Lost(format!("PostgreSQL: {}", without_values(&error)))
            };
        };
        let text = code.code();
        match *code {
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Self::Yielded,
            SqlState::DISK_FULL => Self::Store(StoreError::Full),
            SqlState::READ_ONLY_SQL_TRANSACTION => Self::Store(StoreError::ReadOnly),
            SqlState::LOCK_NOT_AVAILABLE => Self::Lost("another transaction holds the row".into()),
            _ if text.starts_with("08") || text.starts_with("53") || text.starts_with("57") => {
                Self::Lost(format!("PostgreSQL code {text}"))
            }
            _ if text.starts_with("28") || text == "3D000" => {
                Self::Store(StoreError::unavailable(format!("PostgreSQL refuses the login (code {text})")))
            }
            _ => Self::Store(StoreError::Internal(format!("PostgreSQL code {text}"))),
        }
    }
}

/// The kind of an error that did not come from the server; its own words hold no values.
fn without_values(error: &tokio_postgres::Error) -> String {
    let cause = error.source().map_or(String::new(), |cause| format!(": {cause}"));
    format!("{error}{cause}").chars().take(160).collect()
}

/// Makes connections.
pub(crate) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
}

impl Connector {
    pub(crate) fn new(url: &SecretText, tls: &PostgresTls) -> Result<Self, StoreError> {
        let wrong = |_| StoreError::unavailable("the PostgreSQL URL cannot be read");
        let mut config: Config = url.expose().parse().map_err(wrong)?;
        let is_local = !config.get_hosts().is_empty() && config.get_hosts().iter().all(is_local);
        match (is_local, config.get_ssl_mode()) {
            (true, SslMode::Require) => {}
            (true, _) => drop(config.ssl_mode(SslMode::Disable)),
            // Over a network nothing else is spoken.
            (false, _) => drop(config.ssl_mode(SslMode::Require)),
        }
        config
            .connect_timeout(CONNECT)
            .tcp_user_timeout(Duration::from_secs(20))
            .keepalives_idle(Duration::from_secs(30))
            .application_name("klantkluis");
        Ok(Self { config, tls: MakeRustlsConnect::new(client_config(tls)?) })
    }

    pub(crate) async fn connect(&self) -> Result<Connection, Trouble> {
        let connecting = tokio::time::timeout(CONNECT * 2, self.config.connect(self.tls.clone()));
        let (client, driver) =
            connecting.await.map_err(|_| Trouble::Lost("PostgreSQL does not answer".into()))??;
        // The driver ends with the connection; whoever uses it notices.
        tokio::spawn(async move { drop(driver.await) });
        let connection = Connection { client, statements: Mutex::new(HashMap::new()) };
        connection.batch("set lock_timeout = '20s'; set statement_timeout = '30s'").await?;
        Ok(connection)
    }
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1" | "[::1]"),
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn client_config(tls: &PostgresTls) -> Result<ClientConfig, StoreError> {
    let mut roots = RootCertStore::empty();
    match tls {
        PostgresTls::WebRoots => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        PostgresTls::CaFile(path) => add_roots(&mut roots, path)?,
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|_| StoreError::Internal("no TLS protocol".into()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn add_roots(roots: &mut RootCertStore, path: &Path) -> Result<(), StoreError> {
    let wrong =
        || StoreError::unavailable("the file of certificate authorities for PostgreSQL cannot be read");
    for certificate in CertificateDer::pem_file_iter(path).map_err(|_| wrong())? {
        roots.add(certificate.map_err(|_| wrong())?).map_err(|_| wrong())?;
    }
    if roots.is_empty() { Err(wrong()) } else { Ok(()) }
}

/// A connection and the statements prepared on it.
pub(crate) struct Connection {
    client: Client,
    statements: Mutex<HashMap<String, Statement>>,
}

impl Connection {
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs statements without values.
    pub(crate) async fn batch(&self, text: &str) -> Result<(), Trouble> {
        in_time(self.client.batch_execute(text)).await
    }

    /// Prepares a statement, once.
    pub(crate) async fn prepare(&self, text: &str) -> Result<Statement, Trouble> {
        if let Some(statement) = self.statements.lock().get(text) {
            return Ok(statement.clone());
        }
        let statement = in_time(self.client.prepare(text)).await?;
        self.statements.lock().insert(text.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Runs queries in one trip.
    pub(crate) async fn query_all(&self, queries: &[Query]) -> Result<Vec<Vec<Values>>, Trouble> {
        let mut prepared = Vec::with_capacity(queries.len());
        for (sql, _) in queries {
            prepared.push(self.prepare(sql.text).await?);
        }
        let queries = queries.iter().zip(&prepared).map(|((_, values), statement)| {
            let parameters: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
            async move { self.client.query(statement, &parameters).await }
        });
        let answers = in_time(together(queries)).await?;
        Ok(answers.into_iter().map(|rows| rows.iter().map(values_of).collect()).collect())
    }

    /// Sends statements in one trip; returns how many rows each changed.
    pub(crate) async fn send_all(&self, sends: &[Send<'_>]) -> Result<Vec<u64>, Trouble> {
        let mut prepared = Vec::with_capacity(sends.len());
        for send in sends {
            prepared.push(self.prepare(send.text).await?);
        }
        let executions = sends.iter().zip(&prepared).map(|(send, statement)| {
            let parameters: Vec<&(dyn ToSql + Sync)> = match &send.parameters {
                Parameters::One(values) => values.iter().map(|value| value as _).collect(),
                Parameters::Many(columns) => columns.iter().map(|column| column as _).collect(),
            };
            async move { self.client.execute(statement, &parameters).await }
        });
        in_time(together(executions)).await
    }

    /// Runs a query whose rows come one by one.
    pub(crate) async fn stream(&self, text: &str) -> Result<Stream, Trouble> {
        let statement = self.prepare(text).await?;
        let none: [&(dyn ToSql + Sync); 0] = [];
        Ok(Stream(Box::pin(self.client.query_raw(&statement, none).await?)))
    }
}

/// Rows that come one by one.
pub(crate) struct Stream(Pin<Box<RowStream>>);

impl Stream {
    pub(crate) async fn next(&mut self) -> Result<Option<Values>, Trouble> {
        let row = self.0.next().await.transpose()?;
        Ok(row.as_ref().map(values_of))
    }
}

/// Starts every future in order before it waits for the first: what a future sends at its first poll goes in one trip.
async fn together<T, E>(
    futures: impl Iterator<Item = impl Future<Output = Result<T, E>>>,
) -> Result<Vec<T>, E> {
    let mut started: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, answer) in &mut started {
            if let Poll::Ready(ready) = future.as_mut().poll(context) {
                *answer = Some(ready);
            }
        }
        Poll::Ready(())
    })
    .await;
    let mut answers = Vec::with_capacity(started.len());
    for (future, answer) in started {
        answers.push(match answer {
            Some(answer) => answer?,
            None => future.await?,
        });
    }
    Ok(answers)
}

async fn in_time<T>(work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Trouble> {
    match tokio::time::timeout(ANSWER, pin!(work)).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Trouble::Lost("PostgreSQL does not answer in time".into())),
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + std::marker::Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) if *kind == Type::INT8 => number.to_sql(kind, out),
            Self::Text(text) if *kind == Type::TEXT => text.to_sql(kind, out),
            Self::Bytes(bytes) if *kind == Type::BYTEA => bytes.to_sql(kind, out),
            _ => Err("a value does not fit its column".into()),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}

fn values_of(row: &Row) -> Values {
    let value = |(n, column): (usize, &tokio_postgres::Column)| match *column.type_() {
        Type::INT8 => row.try_get::<_, Option<i64>>(n).ok().flatten().map_or(Value::Null, Value::Int),
        Type::TEXT => row.try_get::<_, Option<String>>(n).ok().flatten().map_or(Value::Null, Value::Text),
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(n).ok().flatten().map_or(Value::Null, Value::Bytes),
        _ => Value::Null,
    };
    row.columns().iter().enumerate().map(value).collect()
}

/// Brings the schema up to this version; nodes that start together do it one after another.
pub(crate) async fn migrate(connector: &Connector) -> Result<(), StoreError> {
    let connection = connector.connect().await?;
    connection.batch(&format!("begin; select pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
    connection
        .batch("create table if not exists schema_version (version bigint not null primary key)")
        .await?;
    let statement = connection.prepare("select coalesce(max(version), 0) from schema_version").await?;
    let row = in_time(connection.client.query_one(&statement, &[])).await?;
    let found: i64 = row.try_get(0).map_err(Trouble::from)?;
    if found > NEWEST {
        return Err(StoreError::SchemaTooNew { found, known: NEWEST });
    }
    for migration in MIGRATIONS.iter().filter(|migration| migration.number > found) {
        connection.batch(migration.postgres).await?;
        connection
            .batch(&format!("insert into schema_version (version) values ({})", migration.number))
            .await?;
    }
    connection.batch("commit").await?;
    Ok(())
}
