//! Parses and validates the flags, once. An invalid value stops the start with one line that names
//! the flag and the accepted form. No message repeats a value that may contain a password.

mod alerts;
mod embedding;
mod host;
mod identity;
mod limits;
mod retention;
mod sending;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::{io, ops::RangeInclusive, time::Duration};

use contract::paths;
use domain::outbox::Pace;
use domain::syntax::url::endpoint_url;
use net::{egress::EgressRuleError, http::HttpDeadlines};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use secrecy::SecretString;
use smtp::{ClientName, Deadlines};
use store::database::DatabaseUrlError;
use store::files::{NotPrivate, PrivateTextError, private_text};

use crate::cli::{OidcArgs, ServeArgs};

pub use identity::{
    ClaimNames, KeySource, NoKey, PROXY_ISSUER, ProxyHeaders, PublicKey, RoleNames,
};
pub use limits::{Rates, Room, StreamTiming, rate};
pub use net::egress::EgressPolicy;
pub use net::origin::{ProxyUrl, PublicUrl};
pub use store::database::Database;

pub use alerts::{AlertConfig, AlertConfigError, MetricsConfig, Webhook};
pub use embedding::{EmbeddingError, EmbeddingOrigins, HostOrigin};
pub use host::{HostConfigError, HostTokens};
pub use retention::Retention;
pub use sending::{SendingConfigError, Staging};

/// The validated configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address and port to listen on.
    pub listen: SocketAddr,
    /// The database.
    pub database: Database,
    /// The file with the sealing keys.
    pub key_file: PathBuf,
    /// The URL that browsers use, if configured.
    pub public_url: Option<PublicUrl>,
    /// CA certificates to trust in addition to the machine's own.
    pub extra_ca: Vec<CertificateDer<'static>>,
    /// The `OpenID` provider for sign-in, if configured.
    pub oidc: Option<OidcConfig>,
    /// Whether users may have local accounts.
    pub has_local_accounts: bool,
    /// Whether the start prints a set-up link while there is no administrator.
    pub offers_set_up: bool,
    /// The rate limits for unauthenticated callers.
    pub rates: Rates,
    /// The folder whose `pkg` contains the browser bundle.
    pub site_root: PathBuf,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpAddr>,
    /// The maximum number of concurrent connections; a host ignores it, because it listens itself.
    pub max_connections: usize,
    /// The maximum number of concurrent connections per address.
    pub max_connections_per_address: usize,
    /// How long a request may take until its response begins.
    pub answer_within: Duration,
    /// How host tokens are verified, if they are accepted.
    pub host_tokens: Option<HostTokens>,
    /// The sites that may embed the tab.
    pub embedding_origins: EmbeddingOrigins,
    /// The trusted proxies' headers that identify the user, if configured.
    pub proxy_headers: Option<ProxyHeaders>,
    /// The role names that host, proxy and `OpenID` provider use.
    pub roles: RoleNames,
    /// The egress policy for connections at an administrator's request.
    pub egress: EgressPolicy,
    /// The HTTP proxy for requests to Token Endpoints, if configured.
    pub oauth_proxy: Option<ProxyUrl>,
    /// The deadlines of requests to Token Endpoints.
    pub token_deadlines: HttpDeadlines,
    /// The client name in EHLO, if configured.
    pub smtp_client_name: Option<ClientName>,
    /// The deadlines of SMTP sessions.
    pub smtp_deadlines: Deadlines,
    /// The timing and limits of the streams of test-run progress.
    pub stream_timing: StreamTiming,
    /// How long audit rows and test messages are kept.
    pub retention: Retention,
    /// How much may be sent; `None` for what the provider accepts.
    pub pace: Option<Pace>,
    /// How messages of applications are held or redirected.
    pub staging: Staging,
    /// Where alerts about the health of mail go.
    pub alerts: AlertConfig,
    /// The path of the page with the tab; a Rust host sets the path of its own page.
    pub tab_path: String,
}

/// An invalid flag, or an invalid combination of flags.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum ConfigError {
    #[error("--listen must be an IP address and a port, such as 127.0.0.1:3000")]
    Listen,
    #[error(
        "--public-url is required when --listen is not loopback, such as https://mail-settings.example.com"
    )]
    ListenWithoutPublicUrl,
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
    Database(#[from] DatabaseUrlError),
    #[error(transparent)]
    Egress(#[from] EgressRuleError),
    #[error(transparent)]
    Sending(#[from] SendingConfigError),
    #[error(transparent)]
    Alerts(#[from] AlertConfigError),
    #[error(transparent)]
    Host(#[from] HostConfigError),
    #[error(transparent)]
    Embedding(#[from] EmbeddingError),
    #[error("{0} must be a whole number of seconds from 1 to 3600")]
    Seconds(&'static str),
    #[error("{0} must be a whole number from 1 to 1000000")]
    Count(&'static str),
    #[error("{0} must be a whole number of days from 1 to 36500, or 0 to keep them forever")]
    Days(&'static str),
    #[error("{0} must not be less than {1}")]
    TotalTooShort(&'static str, &'static str),
}

/// The time for a request apart from its outgoing requests: half a minute for its body, and half a
/// minute for the database.
const OWN_WORK: Duration = Duration::from_mins(1);
/// The maximum number of sequential outgoing requests that a response waits for: a sign-in fetches
/// an `OpenID` provider's metadata, a token and its keys.
const REQUESTS_TO_OTHERS: u32 = 3;

impl Config {
    /// The defaults of all flags, for this database. `listen` is unused by a host, which listens
    /// itself.
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
            site_root: default_site_root(),
            trusted_proxies: Vec::new(),
            max_connections: Room::default().connections,
            max_connections_per_address: Room::default().per_address,
            answer_within: answer_within(HttpDeadlines::default()),
            host_tokens: None,
            embedding_origins: EmbeddingOrigins::default(),
            proxy_headers: None,
            roles: RoleNames::default(),
            egress: EgressPolicy::default(),
            oauth_proxy: None,
            token_deadlines: HttpDeadlines::default(),
            smtp_client_name: None,
            smtp_deadlines: Deadlines::default(),
            stream_timing: StreamTiming::default(),
            retention: Retention::default(),
            pace: None,
            staging: Staging::default(),
            alerts: AlertConfig::default(),
            tab_path: paths::EMAIL.to_owned(),
        }
    }

    /// Parses the flags.
    ///
    /// # Errors
    /// The first invalid value.
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
        let public_url = args.public_url.as_deref().map(PublicUrl::parse).transpose();
        let public_url = public_url.map_err(|_| ConfigError::PublicUrl)?;
        let oauth_proxy = args.oauth_proxy.as_deref().map(ProxyUrl::parse).transpose();
        let trusted_proxies: Option<_> =
            args.trusted_proxy.iter().map(|text| trusted_proxy(text)).collect();
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
            trusted_proxies: trusted_proxies.ok_or(ConfigError::TrustedProxy)?,
            max_connections: count("--max-connections", &args.max_connections)?,
            max_connections_per_address: count(
                "--max-connections-per-address",
                &args.max_connections_per_address,
            )?,
            answer_within: answer_within(token_deadlines),
            embedding_origins: EmbeddingOrigins::read(
                &args.embedding_origins,
                host_tokens.is_some(),
            )?,
            host_tokens,
            proxy_headers,
            roles: host::roles(&args.administrator_role, &args.reader_role)?,
            egress: EgressPolicy::parse(&args.egress.egress_allow, &args.egress.egress_deny)?,
            oauth_proxy: oauth_proxy.map_err(|_| ConfigError::OauthProxy)?,
            token_deadlines,
            smtp_client_name: args.smtp_client_name.as_deref().map(client_name).transpose()?,
            smtp_deadlines: deadlines(
                &args.smtp_connect_seconds,
                &args.smtp_reply_seconds,
                &args.smtp_total_seconds,
            )?,
            stream_timing: StreamTiming::default(),
            retention: Retention::read(&args.audit_days, &args.message_days)?,
            pace: sending::pace(&args.sending)?,
            staging: Staging::read(&args.sending)?,
            alerts: AlertConfig::read(&args.health)?,
            tab_path: paths::EMAIL.to_owned(),
        })
    }

    /// The client name in EHLO: the configured one, else the public URL's host if that is a public
    /// name. With `None`, the client uses the local address of the connection.
    pub fn client_name(&self) -> Option<ClientName> {
        let public = || ClientName::of_public_host(self.public_url.as_ref()?.host());
        self.smtp_client_name.clone().or_else(public)
    }

    /// Whether browsers use https.
    pub fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(PublicUrl::is_https)
    }
}

/// The default key file, next to the database.
pub(crate) fn key_file_beside(database: &Database) -> PathBuf {
    database.folder().join("ppm-email.key")
}

/// An `OpenID` provider whose accounts can sign in.
#[derive(Debug, Clone)]
pub struct OidcConfig {
    /// The issuer identifier, exactly as in its ID tokens.
    pub issuer: String,
    /// The client ID of this server at the provider.
    pub client_id: String,
    /// The client secret; `None` for a public client (RFC 6749 2.1).
    pub client_secret: Option<SecretString>,
    /// The scopes to request, separated by spaces.
    pub scope: String,
    /// The claim with a user's roles; a dot selects a member of an object.
    pub roles_claim: String,
    /// The name of the provider on the sign-in page.
    pub name: String,
}

impl OidcConfig {
    /// Parses the flags; `None` without an issuer.
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

/// Validates an issuer (`OpenID` Connect Discovery 1.0, 3). It is not normalised, because it is
/// compared byte for byte.
fn issuer_url(text: String) -> Result<String, ConfigError> {
    let is_usable = endpoint_url(&text).is_ok() && !text.contains('?');
    if is_usable { Ok(text) } else { Err(ConfigError::OidcIssuer) }
}

/// Reads the secret in a file, without a trailing line break.
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

/// Reads trusted certificates from a PEM file.
///
/// # Errors
/// The file cannot be read, or contains no certificate.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let unreadable = |error| ConfigError::ExtraCa(file.to_owned(), error);
    let found = CertificateDer::pem_file_iter(file)
        .map_err(unreadable)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    if found.is_empty() { Err(ConfigError::ExtraCaEmpty(file.to_owned())) } else { Ok(found) }
}

/// Parses one IP address, in the canonical form that connections have.
fn trusted_proxy(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    let address = address.to_canonical();
    (!address.is_unspecified()).then_some(address)
}

/// Returns the named folder, which must exist. Without a name it is `site` next to the program, or
/// else the folder that `cargo xtask build` makes.
fn site_root(named: Option<PathBuf>) -> Result<PathBuf, ConfigError> {
    match named {
        None => Ok(default_site_root()),
        Some(folder) if folder.is_dir() => Ok(folder),
        Some(folder) => Err(ConfigError::SiteRoot(folder)),
    }
}

fn default_site_root() -> PathBuf {
    let beside = std::env::current_exe().ok().map(|program| program.with_file_name("site"));
    beside.filter(|folder| folder.is_dir()).unwrap_or_else(|| "target/site".into())
}

fn token_deadlines(connect: &str, total: &str) -> Result<HttpDeadlines, ConfigError> {
    let (connect_flag, total_flag) = ("--oauth-connect-seconds", "--oauth-total-seconds");
    let deadlines = HttpDeadlines {
        connect: seconds(connect_flag, connect)?,
        total: seconds(total_flag, total)?,
    };
    if deadlines.total < deadlines.connect {
        return Err(ConfigError::TotalTooShort(total_flag, connect_flag));
    }
    Ok(deadlines)
}

/// The deadline of a request: as long as the slowest successful one may take.
fn answer_within(token_deadlines: HttpDeadlines) -> Duration {
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
    let seconds = number(text, 1..=3600).ok_or(ConfigError::Seconds(flag))?;
    Ok(Duration::from_secs(seconds.into()))
}

fn client_name(text: &str) -> Result<ClientName, ConfigError> {
    ClientName::parse(text).ok_or(ConfigError::SmtpClientName)
}

fn count(flag: &'static str, text: &str) -> Result<usize, ConfigError> {
    let count = number(text, 1..=1_000_000).and_then(|count| count.try_into().ok());
    count.ok_or(ConfigError::Count(flag))
}

/// Parses a number of digits alone, without the sign that `parse` accepts.
fn number(text: &str, range: RangeInclusive<u32>) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_number && range.contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ehlo_uses_the_configured_name_or_else_the_public_host() {
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
}
