//! The command line's values, understood once. A wrong one stops the start with one line that
//! names the flag and what would be right, and never repeats a value that may hold a password.

mod elsewhere;
mod host;
mod retention;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use app::shell::paths;
use axum::http::Uri;
use domain::check::host::{Host, mail_host};
use domain::check::port::port;
use domain::check::url::endpoint_url;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::cli::{OidcArgs, ServeArgs};
use crate::egress::{EgressPolicy, EgressRuleError};
use crate::files::{NotPrivate, PrivateTextError, private_text};
use crate::identity::claims::RoleNames;
use crate::identity::proxy_headers::ProxyHeaders;
use crate::identity::throttle::Rates;
use crate::oauth::TokenDeadlines;
use crate::serve::Room;
use crate::service::Pace;
use crate::smtp::{ClientName, Deadlines};

pub use elsewhere::{Elsewhere, ElsewhereError, HostOrigin};
pub use host::{HostConfigError, HostTokens};
pub use retention::Retention;

/// Everything that was configured, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where everything is kept.
    pub database: Database,
    /// Where the sealing key is kept.
    pub key_file: PathBuf,
    /// How browsers reach this server, where that was said.
    pub public_url: Option<PublicUrl>,
    /// Certificates to trust beside the machine's own.
    pub extra_ca: Vec<CertificateDer<'static>>,
    /// Who signs in with an organisation's account, where anybody does.
    pub oidc: Option<OidcConfig>,
    /// Whether people may have accounts of this product.
    pub has_local_accounts: bool,
    /// Whether a start prints a link for the first administrator while there is none.
    pub offers_set_up: bool,
    /// How often callers may come who are not known.
    pub rates: Rates,
    /// The folder whose `pkg` holds the browser's bundle.
    pub site_root: PathBuf,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// The most connections at a time; means nothing to a host, which listens by itself.
    pub max_connections: usize,
    /// The most connections of one address at a time.
    pub max_connections_per_address: usize,
    /// How long a request may take until its answer begins.
    pub answer_within: Duration,
    /// The host's tokens, where they are taken.
    pub host_tokens: Option<HostTokens>,
    /// The sites on whose pages the tab may be.
    pub elsewhere: Elsewhere,
    /// The headers of those proxies that say who is asking, where they are read.
    pub proxy_headers: Option<ProxyHeaders>,
    /// What the roles are called by host, proxy and `OpenID` provider.
    pub roles: RoleNames,
    /// Which addresses are called on an administrator's word.
    pub egress: EgressPolicy,
    /// The proxy by which Token Endpoints are called, where there is one.
    pub oauth_proxy: Option<ProxyUrl>,
    /// How long a Token Endpoint may take.
    pub token_deadlines: TokenDeadlines,
    /// The name by which mail servers are greeted, where one is configured.
    pub smtp_client_name: Option<ClientName>,
    /// How long a mail server may take.
    pub smtp_deadlines: Deadlines,
    /// How test messages are watched.
    pub news: Pace,
    /// For how long the audit trail and test messages are kept.
    pub retention: Retention,
    /// The path of the page with the tab on it; a host written in Rust has one of its own.
    pub tab_path: String,
}

/// Why the command line cannot be obeyed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum ConfigError {
    #[error("--listen must be an IP address and a port, such as 127.0.0.1:3000")]
    Listen,
    #[error(
        "--public-url is required when --listen is not loopback, such as https://mail-settings.example.com"
    )]
    ListenWithoutPublicUrl,
    #[error("--database-url must be sqlite://FILE or postgres://…")]
    Database,
    #[error("--database-url: a database in memory would lose everything; name a file")]
    DatabaseInMemory,
    #[error("--database-url: sqlite://FILE takes no parameters")]
    DatabaseParameters,
    #[error("--database-url: postgres://… accepts only the parameters {}", POSTGRES_PARAMETERS.join(", "))]
    PostgresParameters,
    #[error(
        "--public-url must be http:// or https://, a host and optionally a port, with nothing after it"
    )]
    PublicUrl,
    #[error("--extra-ca: {} cannot be read as PEM certificates", .0.display())]
    ExtraCa(PathBuf, #[source] rustls::pki_types::pem::Error),
    #[error("--extra-ca: {} contains no certificate", .0.display())]
    ExtraCaEmpty(PathBuf),
    #[error(
        "--oidc-issuer must be https://, or http:// on this machine, with no user name, query or fragment"
    )]
    OidcIssuer,
    #[error("--oidc-issuer needs --oidc-client-id")]
    OidcClientId,
    #[error("--oidc-client-secret-file: {} cannot be read", .0.display())]
    OidcSecret(PathBuf, #[source] io::Error),
    #[error("--oidc-client-secret-file: {} is not safe", .0.display())]
    OidcSecretNotPrivate(PathBuf, #[source] NotPrivate),
    #[error("--oidc-client-secret-file: {} is empty", .0.display())]
    OidcSecretEmpty(PathBuf),
    #[error("--set-up-link and --no-local-accounts cannot be used together")]
    SetUpWithoutAccounts,
    #[error(
        "--no-local-accounts needs another way to sign in: --oidc-issuer, --host-token-jwks-url, --host-token-key-file or --proxy-user-header"
    )]
    NoWayIn,
    #[error("--site-root: {} is not a folder", .0.display())]
    SiteRoot(PathBuf),
    #[error("--trusted-proxy must be an IP address, such as 10.0.0.1")]
    TrustedProxy,
    #[error(
        "--oauth-proxy must be http:// or https://, a host and optionally a port, with nothing after it"
    )]
    OauthProxy,
    #[error(
        "--smtp-client-name must be a host name, such as mail.example.com, or an address in brackets, such as [192.0.2.1] or [IPv6:2001:db8::1]"
    )]
    SmtpClientName,
    #[error(transparent)]
    Egress(#[from] EgressRuleError),
    #[error(transparent)]
    Host(#[from] HostConfigError),
    #[error(transparent)]
    Elsewhere(#[from] ElsewhereError),
    #[error("{0} must be a whole number of seconds from 1 to 3600")]
    Seconds(&'static str),
    #[error("{0} must be a whole number from 1 to 1000000")]
    Count(&'static str),
    #[error("{0} must be a whole number of days from 1 to 36500, or 0 to keep them forever")]
    Days(&'static str),
    #[error("{0} must not be less than {1}")]
    TotalTooShort(&'static str, &'static str),
}

/// What a request takes beside what it asks other machines: half a minute for its body, and as much
/// for the database.
const OWN_WORK: Duration = Duration::from_mins(1);
/// The most requests to other machines, one after the other, that an answer waits for: a sign-in
/// asks an `OpenID` provider for its description, a token and its keys.
const REQUESTS_TO_OTHERS: u32 = 3;

impl Config {
    /// Everything as without flags, over this database. A host listens by itself, so that `listen`
    /// means nothing to it.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            key_file: key_file_beside(&database),
            database,
            public_url: None,
            extra_ca: Vec::new(),
            oidc: None,
            has_local_accounts: true,
            offers_set_up: true,
            rates: Rates::default(),
            site_root: usual_site_root(),
            trusted_proxies: Vec::new(),
            max_connections: Room::default().connections,
            max_connections_per_address: Room::default().per_address,
            answer_within: answer_within(TokenDeadlines::default()),
            host_tokens: None,
            elsewhere: Elsewhere::default(),
            proxy_headers: None,
            roles: RoleNames::default(),
            egress: EgressPolicy::default(),
            oauth_proxy: None,
            token_deadlines: TokenDeadlines::default(),
            smtp_client_name: None,
            smtp_deadlines: Deadlines::default(),
            news: Pace::default(),
            retention: Retention::default(),
            tab_path: paths::EMAIL.to_owned(),
        }
    }

    /// Reads the flags.
    ///
    /// # Errors
    /// The first value that is wrong.
    pub fn read(args: ServeArgs) -> Result<Self, ConfigError> {
        let database = Database::parse(&args.database.database_url)?;
        let oidc = OidcConfig::read(args.oidc)?;
        let host_tokens = host::tokens(&args.host)?;
        let token_deadlines =
            token_deadlines(&args.oauth_connect_seconds, &args.oauth_total_seconds)?;
        let proxy_headers = host::proxy_headers(&args.host, !args.trusted_proxy.is_empty())?;
        let has_others = oidc.is_some() || host_tokens.is_some() || proxy_headers.is_some();
        match (args.no_local_accounts, args.set_up_link) {
            (true, true) => return Err(ConfigError::SetUpWithoutAccounts),
            (true, false) if !has_others => return Err(ConfigError::NoWayIn),
            _ => {}
        }
        let listen: SocketAddr = args.listen.parse().map_err(|_| ConfigError::Listen)?;
        let public_url = args.public_url.as_deref().map(PublicUrl::parse).transpose()?;
        if public_url.is_none() && !listen.ip().to_canonical().is_loopback() {
            return Err(ConfigError::ListenWithoutPublicUrl);
        }
        Ok(Self {
            listen,
            key_file: args.key_file.unwrap_or_else(|| key_file_beside(&database)),
            database,
            public_url,
            extra_ca: args.extra_ca.as_deref().map(certificates).transpose()?.unwrap_or_default(),
            oidc,
            has_local_accounts: !args.no_local_accounts,
            offers_set_up: args.set_up_link || !has_others,
            rates: Rates::default(),
            site_root: site_root(args.site_root)?,
            trusted_proxies: args
                .trusted_proxy
                .iter()
                .map(|text| trusted_proxy(text).ok_or(ConfigError::TrustedProxy))
                .collect::<Result<_, _>>()?,
            max_connections: count("--max-connections", &args.max_connections)?,
            max_connections_per_address: count(
                "--max-connections-per-address",
                &args.max_connections_per_address,
            )?,
            answer_within: answer_within(token_deadlines),
            elsewhere: Elsewhere::read(&args.elsewhere, host_tokens.is_some())?,
            host_tokens,
            proxy_headers,
            roles: host::roles(&args.administrator_role, &args.reader_role)?,
            egress: EgressPolicy::parse(&args.egress.egress_allow, &args.egress.egress_deny)?,
            oauth_proxy: args.oauth_proxy.as_deref().map(ProxyUrl::parse).transpose()?,
            token_deadlines,
            smtp_client_name: args.smtp_client_name.as_deref().map(client_name).transpose()?,
            smtp_deadlines: deadlines(
                &args.smtp_connect_seconds,
                &args.smtp_reply_seconds,
                &args.smtp_total_seconds,
            )?,
            news: Pace::default(),
            retention: Retention::read(&args.audit_days, &args.message_days)?,
            tab_path: paths::EMAIL.to_owned(),
        })
    }

    /// The name by which mail servers are greeted: the configured one, else the host by which browsers
    /// reach this server where that is a public name. Without one it is the address on the connection.
    #[must_use]
    pub fn client_name(&self) -> Option<ClientName> {
        let public = || ClientName::of_public_host(self.public_url.as_ref()?.host());
        self.smtp_client_name.clone().or_else(public)
    }

    /// Whether browsers come by https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(PublicUrl::is_https)
    }
}

/// Where the sealing key is kept unless that is said.
pub(crate) fn key_file_beside(database: &Database) -> PathBuf {
    database.folder().join("ppm-email.key")
}

/// What a `PostgreSQL` URL may say after its question mark. Anything else would be ignored and
/// written to the log, value included, and the value of a misspelt name may be a password.
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

/// Where everything is kept.
#[derive(Clone)]
pub enum Database {
    /// In a file of this machine.
    Sqlite(PathBuf),
    /// In a `PostgreSQL` server; the URL may hold its password.
    Postgres(SecretString),
}

impl Database {
    /// Reads a database URL. The file's name is taken as it stands, with no percent-encoding.
    ///
    /// # Errors
    /// Neither kind, a `SQLite` one without a file, or parameters that would be ignored.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Self::parse_postgres(text);
        }
        let file = text.strip_prefix("sqlite:").ok_or(ConfigError::Database)?;
        let file = file.strip_prefix("//").unwrap_or(file);
        match file {
            "" => Err(ConfigError::Database),
            ":memory:" => Err(ConfigError::DatabaseInMemory),
            _ if file.contains('?') => Err(ConfigError::DatabaseParameters),
            _ => Ok(Self::Sqlite(PathBuf::from(file))),
        }
    }

    fn parse_postgres(text: &str) -> Result<Self, ConfigError> {
        let (_, parameters) = text.split_once('?').unwrap_or((text, ""));
        let mut names = parameters.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, _) = pair.split_once('=').unwrap_or((pair, ""));
            name
        });
        if !names.all(|name| POSTGRES_PARAMETERS.contains(&name)) {
            return Err(ConfigError::PostgresParameters);
        }
        let mode = std::env::var("PGSSLMODE").ok();
        Ok(Self::Postgres(with_default_sslmode(text, mode.as_deref()).into()))
    }

    /// The folder beside which other files are kept by default.
    #[must_use]
    pub fn folder(&self) -> &Path {
        match self {
            Self::Sqlite(file) => file.parent().unwrap_or(Path::new("")),
            Self::Postgres(_) => Path::new(""),
        }
    }
}

/// Adds `sslmode=verify-full` to a `PostgreSQL` URL if the server is on another machine and neither the
/// URL nor this value of `PGSSLMODE` sets a mode. Which server it is, sqlx says, which also reads
/// `PGHOST` and `PGHOSTADDR`.
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

/// Whether a host name or an address in text, IPv6 also in brackets, is one of loopback.
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

/// The address by which browsers reach this server: an origin (RFC 6454), nothing after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    https: bool,
    origin: String,
}

impl PublicUrl {
    /// Reads an origin, with or without a slash at its end.
    ///
    /// # Errors
    /// Another scheme, no host, user info, or a path.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let uri: Uri = text.parse().map_err(|_| ConfigError::PublicUrl)?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(ConfigError::PublicUrl),
        };
        let authority = uri.authority().ok_or(ConfigError::PublicUrl)?;
        let is_origin = uri.path() == "/" && uri.query().is_none() && !text.contains('#');
        if !is_origin || authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(ConfigError::PublicUrl);
        }
        let (scheme, default_port) = if https { ("https", 443) } else { ("http", 80) };
        let host = authority.host().to_ascii_lowercase();
        let after_host = &authority.as_str()[host.len()..];
        let port = match after_host.strip_prefix(':').map(port) {
            None => default_port,
            Some(Ok(port)) => port,
            Some(Err(_)) => return Err(ConfigError::PublicUrl),
        };
        let origin = if port == default_port {
            format!("{scheme}://{host}")
        } else {
            format!("{scheme}://{host}:{port}")
        };
        Ok(Self { https, origin })
    }

    /// The origin as a browser writes it: lower case, no default port, no slash at the end.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The host, an IPv6 address in its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        let (_, authority) = self.origin.split_once("://").unwrap_or_default();
        let end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
        let port = authority[end..].find(':').map_or(authority.len(), |colon| end + colon);
        &authority[..port]
    }

    /// Whether it is https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Whether a request's `Host` names this address: upper and lower case are the same, and the
    /// scheme's own port may be left out (RFC 9110 4.2.3).
    #[must_use]
    pub fn has_host(&self, host: &str) -> bool {
        let scheme = if self.https { "https" } else { "http" };
        Self::parse(&format!("{scheme}://{host}")).is_ok_and(|asked| asked.origin == self.origin)
    }

    /// Whether it is http and leads to another machine than the browser's own.
    #[must_use]
    pub fn is_in_clear(&self) -> bool {
        !self.https && endpoint_url(&self.origin).is_err()
    }
}

/// The address of a proxy, which may hold a user name and a password for it.
#[derive(Clone)]
pub struct ProxyUrl {
    url: SecretString,
    origin: String,
}

impl ProxyUrl {
    /// Reads an origin, with or without a slash at its end, and with or without user info.
    ///
    /// # Errors
    /// Another scheme, no host, or a path.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let uri: Uri = text.parse().map_err(|_| ConfigError::OauthProxy)?;
        let authority = uri.authority().ok_or(ConfigError::OauthProxy)?.as_str();
        let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
        let is_origin = uri.path() == "/" && uri.query().is_none() && !text.contains('#');
        let origin = PublicUrl::parse(&format!("{}://{place}", uri.scheme_str().unwrap_or("")));
        match origin {
            Ok(origin) if is_origin => {
                Ok(Self { url: SecretString::from(text), origin: origin.origin })
            }
            _ => Err(ConfigError::OauthProxy),
        }
    }

    /// The whole address, for whatever connects to the proxy.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.url.expose_secret()
    }

    /// The address without user name and password.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProxyUrl").field(&self.origin).finish()
    }
}

/// An `OpenID` provider whose accounts may sign in.
#[derive(Debug, Clone)]
pub struct OidcConfig {
    /// What it is called in its ID tokens, letter for letter.
    pub issuer: String,
    /// What it knows this server by.
    pub client_id: String,
    /// What this server proves that with; nothing for a public client (RFC 6749 2.1).
    pub client_secret: Option<SecretString>,
    /// What it is asked to tell, space-separated.
    pub scope: String,
    /// The claim with somebody's roles; a dot leads into an object.
    pub roles_claim: String,
    /// How the sign-in page calls whoever has the accounts.
    pub name: String,
}

impl OidcConfig {
    /// Reads the flags; nothing where no issuer is named.
    fn read(args: OidcArgs) -> Result<Option<Self>, ConfigError> {
        let Some(issuer) = args.oidc_issuer else { return Ok(None) };
        let client_id = args.oidc_client_id.filter(|id| !id.is_empty());
        Ok(Some(Self {
            issuer: issuer_url(issuer)?,
            client_id: client_id.ok_or(ConfigError::OidcClientId)?,
            client_secret: args.oidc_client_secret_file.as_deref().map(secret_in).transpose()?,
            scope: args.oidc_scope,
            roles_claim: args.oidc_roles_claim,
            name: args.oidc_name,
        }))
    }
}

/// An issuer as it stands (`OpenID` Connect Discovery 1.0, 3): what is compared letter for letter is
/// not made tidy.
fn issuer_url(text: String) -> Result<String, ConfigError> {
    let is_usable = endpoint_url(&text).is_ok() && !text.contains('?');
    if is_usable { Ok(text) } else { Err(ConfigError::OidcIssuer) }
}

/// The secret in a file, without the line's end that an editor leaves.
fn secret_in(file: &Path) -> Result<SecretString, ConfigError> {
    let text = private_text(file).map_err(|error| match error {
        PrivateTextError::NotPrivate(why) => ConfigError::OidcSecretNotPrivate(file.into(), why),
        PrivateTextError::Read(error) => ConfigError::OidcSecret(file.into(), error),
    })?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(ConfigError::OidcSecretEmpty(file.to_owned())),
        secret => Ok(SecretString::from(secret)),
    }
}

/// Reads certificates to trust, as PEM.
///
/// # Errors
/// The file cannot be read, or holds none.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let unreadable = |error| ConfigError::ExtraCa(file.to_owned(), error);
    let found = CertificateDer::pem_file_iter(file)
        .map_err(unreadable)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    if found.is_empty() { Err(ConfigError::ExtraCaEmpty(file.to_owned())) } else { Ok(found) }
}

/// One machine's address, as its connections have it.
fn trusted_proxy(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    let address = address.to_canonical();
    (!address.is_unspecified()).then_some(address)
}

/// A folder that was named must be there. Without a name it is the one beside the program, where an
/// operator puts it, or the one that `cargo xtask build` makes.
fn site_root(named: Option<PathBuf>) -> Result<PathBuf, ConfigError> {
    match named {
        None => Ok(usual_site_root()),
        Some(folder) if folder.is_dir() => Ok(folder),
        Some(folder) => Err(ConfigError::SiteRoot(folder)),
    }
}

fn usual_site_root() -> PathBuf {
    let beside = std::env::current_exe().ok().map(|program| program.with_file_name("site"));
    beside.filter(|folder| folder.is_dir()).unwrap_or_else(|| "target/site".into())
}

fn token_deadlines(connect: &str, total: &str) -> Result<TokenDeadlines, ConfigError> {
    let (connect_flag, total_flag) = ("--oauth-connect-seconds", "--oauth-total-seconds");
    let deadlines = TokenDeadlines {
        connect: seconds(connect_flag, connect)?,
        total: seconds(total_flag, total)?,
    };
    if deadlines.total < deadlines.connect {
        return Err(ConfigError::TotalTooShort(total_flag, connect_flag));
    }
    Ok(deadlines)
}

/// How long the slowest request that works takes.
fn answer_within(token_deadlines: TokenDeadlines) -> Duration {
    OWN_WORK + REQUESTS_TO_OTHERS * token_deadlines.total
}

fn deadlines(connect: &str, reply: &str, total: &str) -> Result<Deadlines, ConfigError> {
    let deadlines = Deadlines {
        connect: seconds("--smtp-connect-seconds", connect)?,
        reply: seconds("--smtp-reply-seconds", reply)?,
        total: seconds("--smtp-total-seconds", total)?,
    };
    match deadlines {
        Deadlines { connect, total, .. } if total < connect => {
            Err(ConfigError::TotalTooShort("--smtp-total-seconds", "--smtp-connect-seconds"))
        }
        Deadlines { reply, total, .. } if total < reply => {
            Err(ConfigError::TotalTooShort("--smtp-total-seconds", "--smtp-reply-seconds"))
        }
        fitting => Ok(fitting),
    }
}

fn seconds(flag: &'static str, text: &str) -> Result<Duration, ConfigError> {
    match text.parse::<u64>() {
        Ok(seconds @ 1..=3600) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(Duration::from_secs(seconds))
        }
        _ => Err(ConfigError::Seconds(flag)),
    }
}

fn client_name(text: &str) -> Result<ClientName, ConfigError> {
    ClientName::parse(text).ok_or(ConfigError::SmtpClientName)
}

fn count(flag: &'static str, text: &str) -> Result<usize, ConfigError> {
    match text.parse() {
        Ok(count @ 1..=1_000_000) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(count),
        _ => Err(ConfigError::Count(flag)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIED: &str = "sslmode=verify-full";

    #[test]
    fn a_database_on_another_machine_is_verified_unless_the_url_sets_a_mode() {
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
    fn the_environment_sets_a_mode_only_if_it_is_one() {
        let url = "postgres://ppm@db.example.com/ppm";
        assert_eq!(with_default_sslmode(url, Some("require")), url);
        assert_eq!(with_default_sslmode(url, Some("requires")), format!("{url}?{VERIFIED}"));
    }

    #[test]
    fn a_mail_server_is_greeted_by_the_configured_name_and_else_by_a_public_one() {
        for (configured, public_url, expected) in [
            (None, None, None),
            (None, Some("http://127.0.0.1:3000"), None),
            (None, Some("https://[2001:db8::1]:8443"), None),
            (None, Some("https://ppm.internal"), None),
            (None, Some("https://PPM.example.com:8443"), Some("ppm.example.com")),
            (Some("mail.example.com"), Some("https://ppm.example.com"), Some("mail.example.com")),
            (Some("[192.0.2.1]"), Some("https://ppm.example.com"), Some("[192.0.2.1]")),
        ] {
            let mut config = Config::new(Database::Sqlite("ppm-email.db".into()));
            config.smtp_client_name = configured.and_then(ClientName::parse);
            config.public_url = public_url.map(|url| PublicUrl::parse(url).expect("a URL"));
            let name = config.client_name().map(|name| name.to_string());
            assert_eq!(name.as_deref(), expected, "{configured:?} {public_url:?}");
        }
    }

    #[test]
    fn a_public_url_is_in_clear_that_is_http_on_another_machine() {
        let is_in_clear = |url| PublicUrl::parse(url).expect("a URL").is_in_clear();
        assert!(is_in_clear("http://ppm.example"));
        for url in ["https://ppm.example", "http://localhost:3000", "http://127.0.0.1:3000"] {
            assert!(!is_in_clear(url), "{url}");
        }
    }
}
