//! Settings that can be used as they are: parsed from a draft and its opened secrets, on the
//! server only. Whoever holds one need not check again.

use secrecy::SecretString;

use crate::check::host::{Host, mail_host};
use crate::check::{self, form_of};
use crate::draft::{ClientAuthentication, Draft, Smtp, TlsMode};
use crate::field::Field;
use crate::flow::OauthFlow;

/// How a connection is protected, decided once from port, check box and mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// Clear throughout, with no STARTTLS even where it is offered.
    Clear,
    /// STARTTLS or nothing (RFC 3207).
    StartTls,
    /// Implicit TLS (RFC 8314 3.3).
    ImplicitTls,
}

impl Security {
    /// What Use TLS and TLS mode come to on this port: Automatic means implicit TLS on
    /// 465 and 2465, STARTTLS on any other.
    #[must_use]
    pub fn of(use_tls: bool, mode: TlsMode, port: u16) -> Self {
        match (use_tls, mode) {
            (false, _) => Self::Clear,
            (true, TlsMode::Implicit) => Self::ImplicitTls,
            (true, TlsMode::Automatic) if matches!(port, 465 | 2465) => Self::ImplicitTls,
            (true, TlsMode::StartTls | TlsMode::Automatic) => Self::StartTls,
        }
    }
}

/// A mail server and how to talk to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its name as typed (perhaps with letters beyond ASCII), or its address.
    pub host: Host,
    /// Its port; 0 reaches nothing.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Who else may vouch for this server than whoever the machine trusts, in PEM; nobody if empty.
    pub trusted_ca: String,
}

/// Who a message is from, to the server (MAIL FROM) and to its reader (From).
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
    /// Opened for this one use.
    pub password: SecretString,
}

/// The secrets of a saved form, opened for one use.
#[derive(Debug, Clone, Default)]
pub struct OpenedSecrets {
    /// Password.
    pub password: Option<SecretString>,
    /// Client Secret.
    pub client_secret: Option<SecretString>,
}

/// Settings that mail can be sent with.
#[derive(Debug, Clone)]
pub enum Settings {
    /// With a user name and a password, or with no sign-in.
    Basic {
        /// Where mail goes out.
        server: MailServer,
        /// Who it is from.
        sender: Sender,
        /// Who signs in; nobody where Username is empty.
        account: Option<Account>,
    },
    /// With a token.
    Oauth {
        /// Where mail goes out; never in clear.
        server: MailServer,
        /// Who it is from, and who signs in.
        sender: Sender,
        /// How the token is asked for.
        grant: Grant,
    },
}

/// How a token is asked for.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Whether and how a person is asked.
    pub consent: Consent,
    /// Client ID.
    pub client_id: String,
    /// Client Secret; a public client has none.
    pub client_secret: Option<SecretString>,
    /// How both go to the Token Endpoint.
    pub client_authentication: ClientAuthentication,
    /// Token Endpoint.
    pub token_endpoint: String,
    /// Scope.
    pub scope: String,
}

/// Whether a person consents to a grant, and by way of which addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consent {
    /// Nobody is asked (RFC 6749 4.4).
    NotNeeded,
    /// A person signs in at the provider (RFC 6749 4.1).
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
    /// Makes settings of a draft and its opened secrets.
    ///
    /// A draft without problems always parses, given the secrets that it needs.
    ///
    /// # Errors
    /// The first control that keeps the draft from being used.
    pub fn parse(draft: &Draft, secrets: &OpenedSecrets) -> Result<Self, Field> {
        let consent = match draft.flow {
            OauthFlow::None => {
                return Ok(Self::Basic {
                    server: mail_server(&draft.basic, BASIC)?,
                    sender: sender(&draft.basic, Field::BasicSender, Field::BasicDisplayName)?,
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
        let server = mail_server(&draft.oauth, OAUTH)?;
        if server.security == Security::Clear {
            return Err(Field::OauthUseTls);
        }
        Ok(Self::Oauth {
            server,
            sender: sender(&draft.oauth, Field::OauthSender, Field::OauthDisplayName)?,
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

/// The controls that a [`MailServer`] is made of, group by group.
const BASIC: [Field; 3] = [Field::BasicServer, Field::BasicPort, Field::BasicTrustedCa];
const OAUTH: [Field; 3] = [Field::OauthServer, Field::OauthPort, Field::OauthTrustedCa];

/// A required text that keeps its rule of form.
fn text(draft: &Draft, field: Field) -> Result<String, Field> {
    let text = draft.plain_text(field);
    if text.is_empty() || form_of(field, text).is_err() {
        return Err(field);
    }
    Ok(text.to_owned())
}

/// The Client Secret, which a public client has no use for even where one is stored.
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
    let number = check::port::port(&smtp.port.0).map_err(|_| port)?;
    form_of(trusted_ca, &smtp.trusted_ca).map_err(|_| trusted_ca)?;
    Ok(MailServer {
        host,
        port: number,
        security: Security::of(smtp.use_tls, smtp.tls_mode, number),
        trusted_ca: smtp.trusted_ca.clone(),
    })
}

fn sender(smtp: &Smtp, address: Field, display_name: Field) -> Result<Sender, Field> {
    form_of(address, &smtp.sender).map_err(|_| address)?;
    form_of(display_name, &smtp.display_name).map_err(|_| display_name)?;
    match (smtp.sender.is_empty(), smtp.display_name.is_empty()) {
        (true, _) => Err(address),
        (_, true) => Err(display_name),
        (false, false) => {
            Ok(Sender { address: smtp.sender.clone(), display_name: smtp.display_name.clone() })
        }
    }
}

fn account(draft: &Draft, secrets: &OpenedSecrets) -> Result<Option<Account>, Field> {
    let username = &draft.sign_in.username;
    if username.is_empty() {
        return Ok(None);
    }
    form_of(Field::Username, username).map_err(|_| Field::Username)?;
    let password = secrets.password.clone().ok_or(Field::Password)?;
    Ok(Some(Account { username: username.clone(), password }))
}
