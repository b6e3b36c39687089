//! Where alerts go, and whether the sign-in is checked.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use alerts::WebhookSecret;
use domain::syntax::url::{endpoint_url, origin};
use store::files::{PrivateTextError, private_text};
use store::hash::hashed;

use crate::cli::HealthArgs;

/// The minimum length of a token, in octets.
const SHORTEST_TOKEN: usize = 16;

/// The webhook.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its URL.
    pub url: String,
    /// What signs its requests.
    pub secret: Option<WebhookSecret>,
}

impl Webhook {
    /// Whether its requests are encrypted; otherwise it is on this machine.
    pub fn is_https(&self) -> bool {
        origin(&self.url).is_some_and(|origin| origin.starts_with("https:"))
    }
}

/// Where alerts go.
#[derive(Debug, Clone, Default)]
pub struct AlertConfig {
    /// The webhook, if there is one.
    pub webhook: Option<Webhook>,
    /// The email address, if there is one.
    pub email: Option<String>,
    /// Whether the sign-in is not checked by itself.
    pub checks_are_off: bool,
    /// Where Prometheus reads the metrics, if anywhere.
    pub metrics: Option<MetricsConfig>,
}

/// Where Prometheus reads the metrics.
#[derive(Debug, Clone)]
pub struct MetricsConfig {
    /// The address and port to listen on.
    pub listen: SocketAddr,
    /// The hash of the bearer token (RFC 6750 2.1) that a request needs.
    pub token_hash: Option<String>,
}

/// An invalid flag about alerts.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum AlertConfigError {
    #[error(
        "--alert-webhook must be https://, or http:// on this machine, with no user name or fragment"
    )]
    Webhook,
    #[error("--alert-webhook-secret-file needs --alert-webhook")]
    SecretWithoutWebhook,
    #[error("--alert-webhook-secret-file: {} cannot be read", .0.display())]
    SecretFile(PathBuf, #[source] PrivateTextError),
    #[error("--alert-webhook-secret-file: {} is no webhook secret", .0.display())]
    Secret(PathBuf, #[source] alerts::SecretError),
    #[error("--alert-email must be an email address")]
    Email,
    #[error("--health-check must be on or off")]
    HealthCheck,
    #[error("--metrics-listen must be an IP address and a port, such as 127.0.0.1:9464")]
    MetricsListen,
    #[error("--metrics-listen needs --metrics-token-file unless it is loopback")]
    MetricsWithoutToken,
    #[error("--metrics-token-file needs --metrics-listen")]
    TokenWithoutMetrics,
    #[error("--metrics-token-file: {} cannot be read", .0.display())]
    TokenFile(PathBuf, #[source] PrivateTextError),
    #[error("--metrics-token-file: {} has fewer than 16 characters", .0.display())]
    TokenTooShort(PathBuf),
}

impl AlertConfig {
    /// Parses the flags.
    ///
    /// # Errors
    /// One of them is invalid.
    pub fn read(args: &HealthArgs) -> Result<Self, AlertConfigError> {
        let HealthArgs {
            alert_webhook, alert_webhook_secret_file, alert_email, health_check, ..
        } = &args;
        let metrics = metrics(args)?;
        let secret = alert_webhook_secret_file.as_deref().map(secret).transpose()?;
        let webhook = match alert_webhook {
            Some(url) if endpoint_url(url).is_ok() => Some(Webhook { url: url.clone(), secret }),
            Some(_) => return Err(AlertConfigError::Webhook),
            None if secret.is_some() => return Err(AlertConfigError::SecretWithoutWebhook),
            None => None,
        };
        let is_address = |address: &String| address.parse::<lettre::Address>().is_ok();
        if !alert_email.iter().all(is_address) {
            return Err(AlertConfigError::Email);
        }
        let checks_are_off = match health_check.as_str() {
            "on" => false,
            "off" => true,
            _ => return Err(AlertConfigError::HealthCheck),
        };
        Ok(Self { webhook, email: alert_email.clone(), checks_are_off, metrics })
    }
}

fn metrics(args: &HealthArgs) -> Result<Option<MetricsConfig>, AlertConfigError> {
    let Some(listen) = &args.metrics_listen else {
        let has_token = args.metrics_token_file.is_some();
        return if has_token { Err(AlertConfigError::TokenWithoutMetrics) } else { Ok(None) };
    };
    let listen: SocketAddr = listen.parse().map_err(|_| AlertConfigError::MetricsListen)?;
    let token_hash = args.metrics_token_file.as_deref().map(token_hash).transpose()?;
    if token_hash.is_none() && !listen.ip().to_canonical().is_loopback() {
        return Err(AlertConfigError::MetricsWithoutToken);
    }
    Ok(Some(MetricsConfig { listen, token_hash }))
}

fn token_hash(file: &Path) -> Result<String, AlertConfigError> {
    let text = private_text(file);
    let text = text.map_err(|error| AlertConfigError::TokenFile(file.to_owned(), error))?;
    let token = text.trim();
    let is_long_enough = token.len() >= SHORTEST_TOKEN;
    is_long_enough
        .then(|| hashed(token))
        .ok_or_else(|| AlertConfigError::TokenTooShort(file.to_owned()))
}

fn secret(file: &Path) -> Result<WebhookSecret, AlertConfigError> {
    let text = private_text(file);
    let text = text.map_err(|error| AlertConfigError::SecretFile(file.to_owned(), error))?;
    WebhookSecret::parse(&text).map_err(|error| AlertConfigError::Secret(file.to_owned(), error))
}
