//! The versions of the schema, one folder of migrations for each database with equal numbers.

/// A step of the schema.
pub(crate) struct Migration {
    /// Its number, from 1 without a gap.
    pub(crate) number: i64,
    /// For SQLite: data.db, then keys.db after [`KEYS_LINE`].
    pub(crate) sqlite: &'static str,
    /// For PostgreSQL.
    pub(crate) postgres: &'static str,
}

/// Separates what is in data.db from what is in keys.db.
const KEYS_LINE: &str = "\n-- keys.db\n";

/// Every migration, oldest first.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        sqlite: include_str!("../migrations/sqlite/001_vault.sql"),
        postgres: include_str!("../migrations/postgres/001_vault.sql"),
    },
    Migration {
        number: 2,
        sqlite: include_str!("../migrations/sqlite/002_checks.sql"),
        postgres: include_str!("../migrations/postgres/002_checks.sql"),
    },
    Migration {
        number: 3,
        sqlite: include_str!("../migrations/sqlite/003_mail.sql"),
        postgres: include_str!("../migrations/postgres/003_mail.sql"),
    },
];

/// The newest schema this program knows.
pub(crate) const NEWEST: i64 = MIGRATIONS.len() as i64;

impl Migration {
    /// Returns the parts for data.db and keys.db.
    pub(crate) fn sqlite_parts(&self) -> (&'static str, &'static str) {
        self.sqlite.split_once(KEYS_LINE).unwrap_or((self.sqlite, ""))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_and_every_file_is_listed() {
        for (n, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.number, n as i64 + 1);
            assert!(!migration.sqlite_parts().0.is_empty());
        }
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let names = |engine: &str| {
            let files = std::fs::read_dir(folder.join(engine)).unwrap();
            let mut names: Vec<_> =
                files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(names("sqlite"), names("postgres"));
        assert_eq!(names("sqlite").len(), MIGRATIONS.len());
        for (n, name) in names("sqlite").iter().enumerate() {
            assert!(name.starts_with(&format!("{:03}_", n + 1)), "{name}");
        }
    }
}
