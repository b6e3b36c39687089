//! Where the data is: a `SQLite` file, or a `PostgreSQL` server.

use std::path::{Path, PathBuf};
use std::{fmt, str::FromStr};

use domain::syntax::host::{Host, mail_host};
use secrecy::SecretString;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// Why a database URL is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum DatabaseUrlError {
    #[error("--database-url must be sqlite://FILE or postgres://…")]
    Scheme,
    #[error("--database-url: a database in memory would lose everything; name a file")]
    InMemory,
    #[error("--database-url: sqlite://FILE takes no parameters")]
    Parameters,
    #[error("--database-url: postgres://… accepts only the parameters {}", POSTGRES_PARAMETERS.join(", "))]
    PostgresParameters,
}

/// The query parameters that a `PostgreSQL` URL may have. sqlx would ignore any other and log it
/// with its value, and the value of a misspelt name may be a password.
const POSTGRES_PARAMETERS: [&str; 11] = [
    "application_name",
    "dbname",
    "host",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// The database.
#[derive(Clone)]
pub enum Database {
    /// A `SQLite` file on this machine.
    Sqlite(PathBuf),
    /// A `PostgreSQL` server; the URL may contain its password.
    Postgres(SecretString),
}

impl Database {
    /// Parses a database URL. The file name is taken literally, without percent-decoding.
    ///
    /// # Errors
    /// Neither scheme, a `SQLite` URL without a file, or parameters that would be ignored.
    pub fn parse(text: &str) -> Result<Self, DatabaseUrlError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Self::parse_postgres(text);
        }
        let file = text.strip_prefix("sqlite:").ok_or(DatabaseUrlError::Scheme)?;
        let file = file.strip_prefix("//").unwrap_or(file);
        match file {
            "" => Err(DatabaseUrlError::Scheme),
            ":memory:" => Err(DatabaseUrlError::InMemory),
            _ if file.contains('?') => Err(DatabaseUrlError::Parameters),
            _ => Ok(Self::Sqlite(PathBuf::from(file))),
        }
    }

    fn parse_postgres(text: &str) -> Result<Self, DatabaseUrlError> {
        let (_, parameters) = text.split_once('?').unwrap_or((text, ""));
        let mut names = parameters.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, _) = pair.split_once('=').unwrap_or((pair, ""));
            name
        });
        if !names.all(|name| POSTGRES_PARAMETERS.contains(&name)) {
            return Err(DatabaseUrlError::PostgresParameters);
        }
        let mode = std::env::var("PGSSLMODE").ok();
        Ok(Self::Postgres(with_default_sslmode(text, mode.as_deref()).into()))
    }

    /// The folder in which other files are by default.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Sqlite(file) => file.parent().unwrap_or(Path::new("")),
            Self::Postgres(_) => Path::new(""),
        }
    }
}

/// Adds `sslmode=verify-full` to a `PostgreSQL` URL if the server is on another machine and neither
/// the URL nor `environment` (`PGSSLMODE`) sets a mode. sqlx determines the server, because it also
/// reads `PGHOST` and `PGHOSTADDR`.
fn with_default_sslmode(url: &str, environment: Option<&str>) -> String {
    let Ok(options) = PgConnectOptions::from_str(url) else { return url.to_owned() };
    let (_, parameters) = url.split_once('?').unwrap_or_default();
    let is_set = parameters.split('&').any(|pair| pair.starts_with("sslmode="))
        || environment.is_some_and(|mode| PgSslMode::from_str(mode).is_ok());
    let host = options.get_host();
    let is_here = options.get_socket().is_some() || host.starts_with('/') || is_loopback(host);
    if is_set || is_here {
        return url.to_owned();
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}sslmode=verify-full")
}

/// Whether a host name or an address, IPv6 with or without brackets, is loopback.
fn is_loopback(host: &str) -> bool {
    match mail_host(host.trim_matches(['[', ']'])) {
        Ok(Host::Ip(address)) => address.to_canonical().is_loopback(),
        Ok(Host::Name(name)) => name == "localhost" || name.ends_with(".localhost"),
        Err(_) => false,
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => f.debug_tuple("Sqlite").field(file).finish(),
            Self::Postgres(_) => f.write_str("Postgres(..)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIED: &str = "sslmode=verify-full";

    #[test]
    fn a_remote_database_is_verified_unless_the_url_sets_sslmode() {
        for url in [
            "postgres://ppm:p%40ss@db.example.com/ppm",
            "postgresql://ppm@10.0.0.7:5433/ppm?application_name=ppm",
            "postgres://ppm@[2001:db8::7]/ppm",
            "postgres:///ppm?host=db.example.com",
            "postgres://ppm@localhost/ppm?host=localhost&host=db.example.com",
        ] {
            let expected = [url, VERIFIED].join(if url.contains('?') { "&" } else { "?" });
            assert_eq!(with_default_sslmode(url, None), expected);
        }
        for url in [
            "postgres://ppm@localhost/ppm",
            "postgres://ppm@127.0.0.1:5433/ppm",
            "postgres://ppm@[::1]/ppm",
            "postgres:///ppm?host=/var/run/postgresql",
            "postgres://%2Fvar%2Frun%2Fpostgresql/ppm",
            "postgres://ppm@db.example.com/ppm?sslmode=require",
        ] {
            assert_eq!(with_default_sslmode(url, None), url);
        }
    }

    #[test]
    fn pgsslmode_counts_only_if_it_is_a_valid_mode() {
        let url = "postgres://ppm@db.example.com/ppm";
        assert_eq!(with_default_sslmode(url, Some("require")), url);
        assert_eq!(with_default_sslmode(url, Some("requires")), format!("{url}?{VERIFIED}"));
    }
}
