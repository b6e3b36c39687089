//! Validated settings, parsed from a draft and its opened secrets on the server. They need no further
//! validation.

use secrecy::SecretString;

use crate::draft::{ClientAuthentication, Smtp, TlsMode};
use crate::syntax::host::{Host, mail_host};
use crate::{Draft, Field, OauthFlow, syntax, validate::field_problem};

/// A connection's security, derived from port, Use TLS and TLS mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// Plain text throughout; STARTTLS is not used even if offered.
    Clear,
    /// STARTTLS is required (RFC 3207).
    StartTls,
    /// Implicit TLS (RFC 8314 3.3).
    ImplicitTls,
}

impl Security {
    /// Derives the security: Automatic means implicit TLS on ports 465 and 2465, and STARTTLS on any
    /// other.
    pub fn of(use_tls: bool, mode: TlsMode, port: u16) -> Self {
        match (use_tls, mode) {
            (false, _) => Self::Clear,
            (true, TlsMode::Implicit) => Self::ImplicitTls,
            (true, TlsMode::Automatic) if matches!(port, 465 | 2465) => Self::ImplicitTls,
            (true, TlsMode::StartTls | TlsMode::Automatic) => Self::StartTls,
        }
    }
}

/// A mail server and its connection settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its name as typed (possibly non-ASCII), or its IP address.
    pub host: Host,
    /// Its port; 0 is accepted but cannot be reached.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Certificates to trust for this server in addition to the platform's, in PEM; may be empty.
    pub trusted_ca: String,
}

/// The sender, for the envelope (MAIL FROM) and the From header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The Default Sender Email.
    pub address: String,
    /// The Display Name.
    pub display_name: String,
}

/// A user name and its password.
#[derive(Debug, Clone)]
pub struct Account {
    /// As typed.
    pub username: String,
    /// The opened password.
    pub password: SecretString,
}

/// The opened secrets of a saved form, for one use.
#[derive(Debug, Clone, Default)]
pub struct OpenedSecrets {
    /// Password.
    pub password: Option<SecretString>,
    /// Client Secret.
    pub client_secret: Option<SecretString>,
}

/// Settings for sending mail.
#[derive(Debug, Clone)]
pub enum Settings {
    /// With a password, or without authentication.
    Basic {
        /// The mail server.
        server: MailServer,
        /// The sender.
        sender: Sender,
        /// The credentials; `None` if Username is empty.
        account: Option<Account>,
    },
    /// With an OAuth token.
    Oauth {
        /// The mail server; its security is never [`Security::Clear`].
        server: MailServer,
        /// The sender, whose address is also the user name.
        sender: Sender,
        /// How the token is obtained.
        grant: Grant,
    },
}

/// How a token is obtained (RFC 6749).
#[derive(Debug, Clone)]
pub struct Grant {
    /// Whether and where a user consents.
    pub consent: Consent,
    /// Client ID.
    pub client_id: String,
    /// Client Secret; `None` for a public client.
    pub client_secret: Option<SecretString>,
    /// How the client authenticates at the Token Endpoint.
    pub client_authentication: ClientAuthentication,
    /// Token Endpoint.
    pub token_endpoint: String,
    /// Scope.
    pub scope: String,
}

/// Whether a user consents to the grant, and the endpoints used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consent {
    /// No user consents: Client Credentials (RFC 6749 4.4).
    NotNeeded,
    /// A user consents at the provider: Authorization Code (RFC 6749 4.1).
    AtProvider {
        /// Authorization Endpoint.
        authorization_endpoint: String,
        /// Redirect URI, byte for byte as typed.
        redirect_uri: String,
        /// Whether PKCE (RFC 7636) protects the code.
        pkce: bool,
    },
}

impl Settings {
    /// Parses settings from a draft and its opened secrets.
    ///
    /// A draft without problems always parses if the required secrets are given.
    ///
    /// # Errors
    /// Returns the first control that is invalid.
    pub fn parse(draft: &Draft, secrets: &OpenedSecrets) -> Result<Self, Field> {
        let consent = match draft.flow {
            OauthFlow::None => {
                return Ok(Self::Basic {
                    server: mail_server(&draft.basic, BASIC_FIELDS)?,
                    sender: sender(draft, Field::BasicSender, Field::BasicDisplayName)?,
                    account: account(draft, secrets)?,
                });
            }
            OauthFlow::ClientCredentials => Consent::NotNeeded,
            OauthFlow::AuthorizationCode | OauthFlow::AuthorizationCodePkce => {
                Consent::AtProvider {
                    authorization_endpoint: text(draft, Field::AuthorizationEndpoint)?,
                    redirect_uri: text(draft, Field::RedirectUri)?,
                    pkce: draft.flow == OauthFlow::AuthorizationCodePkce,
                }
            }
        };
        let server = mail_server(&draft.oauth, OAUTH_FIELDS)?;
        if server.security == Security::Clear {
            return Err(Field::OauthUseTls);
        }
        Ok(Self::Oauth {
            server,
            sender: sender(draft, Field::OauthSender, Field::OauthDisplayName)?,
            grant: Grant {
                consent,
                client_id: text(draft, Field::ClientId)?,
                client_secret: client_secret(draft, secrets)?,
                client_authentication: draft.authentication.client_authentication,
                token_endpoint: text(draft, Field::TokenEndpoint)?,
                scope: text(draft, Field::Scope)?,
            },
        })
    }
}

/// The controls of a [`MailServer`] in each group.
const BASIC_FIELDS: [Field; 3] = [Field::BasicServer, Field::BasicPort, Field::BasicTrustedCa];
const OAUTH_FIELDS: [Field; 3] = [Field::OauthServer, Field::OauthPort, Field::OauthTrustedCa];

/// Returns a required text if it is present and well-formed.
fn text(draft: &Draft, field: Field) -> Result<String, Field> {
    let text = draft.plain_text(field);
    if text.is_empty() || field_problem(field, text).is_err() {
        return Err(field);
    }
    Ok(text.to_owned())
}

/// Returns the Client Secret; a public client ignores a stored one.
fn client_secret(draft: &Draft, secrets: &OpenedSecrets) -> Result<Option<SecretString>, Field> {
    let is_none = draft.authentication.client_authentication == ClientAuthentication::None;
    match (is_none, draft.is_public_client()) {
        (true, false) => Err(Field::ClientAuthentication),
        (_, true) => Ok(None),
        _ => secrets.client_secret.clone().map(Some).ok_or(Field::ClientSecret),
    }
}

fn mail_server(smtp: &Smtp, [server, port, trusted_ca]: [Field; 3]) -> Result<MailServer, Field> {
    let host = mail_host(&smtp.server).map_err(|_| server)?;
    let number = syntax::port::port(&smtp.port.0).map_err(|_| port)?;
    field_problem(trusted_ca, &smtp.trusted_ca).map_err(|_| trusted_ca)?;
    Ok(MailServer {
        host,
        port: number,
        security: Security::of(smtp.use_tls, smtp.tls_mode, number),
        trusted_ca: smtp.trusted_ca.clone(),
    })
}

fn sender(draft: &Draft, address: Field, display_name: Field) -> Result<Sender, Field> {
    Ok(Sender { address: text(draft, address)?, display_name: text(draft, display_name)? })
}

fn account(draft: &Draft, secrets: &OpenedSecrets) -> Result<Option<Account>, Field> {
    if draft.sign_in.username.is_empty() {
        return Ok(None);
    }
    let username = text(draft, Field::Username)?;
    let password = secrets.password.clone().ok_or(Field::Password)?;
    Ok(Some(Account { username, password }))
}
