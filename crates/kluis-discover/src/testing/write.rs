//! The invented shop as files: a CSV export, a dump of mysqldump, and a file of notes.

use super::people::Dice;
use super::tables::TableSpec;
use super::texts;

/// One table with a header, cells in quotes where they need it.
#[must_use]
pub fn csv(spec: &TableSpec, seed: u64, customers: u64) -> String {
    let mut dice = Dice::new(seed);
    let mut out = String::new();
    let mut line = |cells: &[String]| {
        for (n, cell) in cells.iter().enumerate() {
            if n > 0 {
                out.push(',');
            }
            if cell.contains(['"', ',', '\n']) {
                out.push('"');
                out.push_str(&cell.replace('"', "\"\""));
                out.push('"');
            } else {
                out.push_str(cell);
            }
        }
        out.push('\n');
    };
    line(&spec.names());
    for n in 0..customers {
        spec.rows(&mut dice, n).iter().for_each(|row| line(row));
    }
    out
}

/// Tables as mysqldump writes them.
#[must_use]
pub fn mysqldump(specs: &[TableSpec], seed: u64, customers: u64) -> String {
    let mut dice = Dice::new(seed);
    let mut out = String::from("-- MySQL dump 10.13  Distrib 8.0.39\n/*!40101 SET NAMES utf8mb4 */;\n");
    for spec in specs {
        let columns: Vec<String> = spec.names().iter().map(|name| format!("  `{name}` text")).collect();
        out.push_str(&format!("CREATE TABLE `{}` (\n{}\n) ENGINE=InnoDB;\n", spec.name, columns.join(",\n")));
        out.push_str(&format!("INSERT INTO `{}` VALUES ", spec.name));
        let mut mark = "";
        for n in 0..customers {
            for row in spec.rows(&mut dice, n) {
                let cells: Vec<String> = row.iter().map(|cell| quoted(cell)).collect();
                out.push_str(&format!("{mark}({})", cells.join(",")));
                mark = ",";
            }
        }
        out.push_str(";\n");
    }
    out
}

fn quoted(cell: &str) -> String {
    format!("'{}'", cell.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"))
}

/// Notes, mails and log lines.
#[must_use]
pub fn notes(seed: u64, lines: usize) -> String {
    texts::text(&mut Dice::new(seed), lines).text
}
