//! The physical limit of this machine in the same run: raw durable commits of the bare databases.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio_postgres::NoTls;

use crate::Row;

/// How long each baseline runs.
const RUN: Duration = Duration::from_secs(3);

/// Durable SQLite commits of one row, and of 64 rows together, with one writer.
pub(crate) fn sqlite() -> Result<Vec<Row>> {
    let folder = tempfile::tempdir_in(".")?;
    let mut rows = Vec::new();
    for together in [1_u64, 64] {
        let mut database = rusqlite::Connection::open(folder.path().join(format!("{together}.db")))?;
        database.pragma_update(None, "journal_mode", "WAL")?;
        database.pragma_update(None, "synchronous", "FULL")?;
        database.execute("create table t(id integer primary key, v blob not null)", [])?;
        let value = vec![7_u8; 700];
        let begun = Instant::now();
        let mut count = 0_u64;
        while begun.elapsed() < RUN {
            let transaction = database.transaction()?;
            let mut insert = transaction.prepare("insert into t(v) values (?1)")?;
            for _ in 0..together {
                insert.execute([&value])?;
            }
            drop(insert);
            transaction.commit()?;
            count += together;
        }
        rows.push(Row {
            what: format!("baseline: bare SQLite, {together} row(s) a durable commit"),
            per_second: count as f64 / begun.elapsed().as_secs_f64(),
            p50_ms: 0.0,
            p99_ms: 0.0,
            note: "rows/s, 700 bytes, one writer, no network".into(),
        });
    }
    Ok(rows)
}

/// Durable PostgreSQL commits of one row with as many connections as there are clients.
pub(crate) async fn postgres(url: &str, clients: usize) -> Result<Row> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    client.execute("create table t(id bigserial primary key, v bytea not null)", &[]).await?;
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let url = url.to_owned();
        tasks.push(tokio::spawn(async move {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
            tokio::spawn(connection);
            let insert = client.prepare("insert into t(v) values ($1)").await?;
            let value = vec![7_u8; 700];
            let mut count = 0_u64;
            while begun.elapsed() < RUN {
                client.execute(&insert, &[&value]).await?;
                count += 1;
            }
            Ok::<_, tokio_postgres::Error>(count)
        }));
    }
    let mut count = 0;
    for task in tasks {
        count += task.await??;
    }
    Ok(Row {
        what: format!("baseline: bare PostgreSQL, 1 row a durable commit, {clients} connections"),
        per_second: count as f64 / begun.elapsed().as_secs_f64(),
        p50_ms: 0.0,
        p99_ms: 0.0,
        note: "rows/s, 700 bytes, no TLS".into(),
    })
}
