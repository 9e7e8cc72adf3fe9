//! SQLite databases: opened read-only and without a lock, every table read to its end.

use kluis_discover::{COLUMNS_MAX, Source, Table};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use crate::Scan;
use crate::walk::FileToRead;

/// Tables of a database at most.
const TABLES_MAX: usize = 5_000;
/// How often the progress is told, in rows.
const TELL_EVERY: u64 = 20_000;

/// Reads a database.
pub(crate) fn file(scan: &mut Scan<'_>, path: &str, file: &FileToRead) {
    let mut source = Source {
        path: path.to_owned(),
        form: "sqlite".to_owned(),
        bytes: file.bytes,
        is_whole: true,
        tables: Vec::new(),
        texts: Vec::new(),
    };
    if let Err(error) = tables(scan, file, &mut source) {
        source.is_whole = false;
        scan.unread(path, format!("the database cannot be read further: {error}"));
    }
    scan.source(source);
}

fn tables(scan: &mut Scan<'_>, file: &FileToRead, source: &mut Source) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&file.path, flags)?;
    let mut list = connection.prepare(
        "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%' order by name",
    )?;
    let names = list.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    if names.len() > TABLES_MAX {
        scan.unread(
            &source.path,
            format!("{} tables beyond the first {TABLES_MAX} were not read", names.len() - TABLES_MAX),
        );
    }
    for name in names.iter().take(TABLES_MAX) {
        match table(scan, &connection, name) {
            Ok((table, is_whole)) => {
                source.is_whole &= is_whole;
                source.tables.push(table.finish());
            }
            // A table of an extension that is not there, or a damaged one.
            Err(error) => scan.unread(&source.path, format!("table {name}: {error}")),
        }
    }
    Ok(())
}

fn table(scan: &mut Scan<'_>, connection: &Connection, name: &str) -> rusqlite::Result<(Table, bool)> {
    let quoted = name.replace('"', "\"\"");
    let mut query = connection.prepare(&format!("select * from \"{quoted}\""))?;
    let columns: Vec<String> = query.column_names().take(COLUMNS_MAX).map(str::to_owned).collect();
    let mut table = Table::new(name, &columns, scan.options.year);
    let mut rows = query.query([])?;
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        if scan.options.rows_max.is_some_and(|most| table.rows() >= most) {
            return Ok((table, false));
        }
        bytes.clear();
        ends.clear();
        for at in 0..columns.len() {
            match row.get_ref(at)? {
                ValueRef::Null => {}
                ValueRef::Integer(number) => bytes.extend_from_slice(number.to_string().as_bytes()),
                ValueRef::Real(number) => bytes.extend_from_slice(number.to_string().as_bytes()),
                ValueRef::Text(text) | ValueRef::Blob(text) => bytes.extend_from_slice(text),
            }
            ends.push(bytes.len());
        }
        let mut start = 0;
        let cells = ends.iter().map(|end| {
            let cell = &bytes[start..*end];
            start = *end;
            cell
        });
        table.add(&scan.scanner, cells);
        if table.rows().is_multiple_of(TELL_EVERY) {
            scan.step(0);
        }
    }
    Ok((table, true))
}
