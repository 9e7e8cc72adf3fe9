//! Where the data stands.

use std::path::PathBuf;

use kluis_crypto::SecretText;

/// Where the data stands and how it is reached.
#[derive(Debug, Clone)]
pub enum StoreConfig {
    /// Two SQLite files on this machine.
    Sqlite {
        /// The data, `data.db`.
        data: PathBuf,
        /// The wrapped customer keys, `keys.db`.
        keys: PathBuf,
        /// Number of reading threads, 1 to 64.
        readers: usize,
    },
    /// A database that speaks the PostgreSQL protocol.
    Postgres {
        /// `postgres://user:password@host/database`.
        url: SecretText,
        /// Number of reading connections, 1 to 64.
        pool: usize,
        /// How the server proves who it is.
        tls: PostgresTls,
    },
}

/// What a PostgreSQL server's certificate is checked against; only loopback and Unix sockets may do without TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostgresTls {
    /// The certificate authorities that browsers trust.
    WebRoots,
    /// The authorities in a PEM file.
    CaFile(PathBuf),
}

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, embedded.
    Sqlite,
    /// PostgreSQL or one that speaks its protocol.
    Postgres,
}

impl Engine {
    /// Returns the name as people know it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}
