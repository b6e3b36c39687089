//! The form as it stands: text as typed, valid or not, secrets as edits. A draft is compared,
//! checked and saved as a whole; nothing in it is corrected, and only blanks at the ends of a few
//! controls are removed ([`Field::is_trimmed`]).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use validator::{Validate, ValidateRange};

use crate::check::{self, MAX_TEXT};
use crate::field::Field;
use crate::flow::OauthFlow;
use crate::rules::{Presence, presence};
use crate::secret::{Destination, SecretEdit, StoredSecret};

/// What an administrator has in front of them.
pub type Draft = Form<SecretEdit>;

/// The whole form. `S` is what is known of a secret: an edit in a [`Draft`], a fact of storage in
/// [`crate::Saved`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Form<S> {
    /// OAuth Flow.
    pub flow: OauthFlow,
    /// Basic SMTP Settings, without their sign-in.
    pub basic: Smtp,
    /// Username and Password of Basic SMTP Settings.
    pub sign_in: SignIn<S>,
    /// OAuth SMTP Settings.
    pub oauth: Smtp,
    /// Authentication Settings.
    pub authentication: Authentication<S>,
}

/// The controls that both SMTP groups have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate)]
pub struct Smtp {
    /// Default Sender Email.
    #[validate(length(max = 254), custom(function = check::rule::address))]
    pub sender: String,
    /// Display Name.
    #[validate(length(max = 254), custom(function = check::rule::one_line))]
    pub display_name: String,
    /// SMTP Server.
    #[validate(length(max = 253), custom(function = check::rule::host))]
    pub server: String,
    /// Port.
    #[validate(custom(function = check::rule::digits), range(max = 65_535))]
    pub port: PortText,
    /// Use TLS.
    pub use_tls: bool,
    /// TLS mode.
    pub tls_mode: TlsMode,
    /// Trusted CA certificate: PEM, no secret. A form that was saved without it has none.
    #[serde(default)]
    #[validate(length(max = 16_384), custom(function = check::rule::certificates))]
    pub trusted_ca: String,
}

impl Default for Smtp {
    /// A fresh form: everything empty, Use TLS on, the mode chosen by the port.
    fn default() -> Self {
        Self {
            sender: String::new(),
            display_name: String::new(),
            server: String::new(),
            port: PortText::default(),
            use_tls: true,
            tls_mode: TlsMode::Automatic,
            trusted_ca: String::new(),
        }
    }
}

impl Smtp {
    /// The server as a part of a destination, without regard to the case of ASCII letters: what
    /// other alphabets call the same, name lookup may not.
    fn server_key(&self) -> String {
        self.server.to_ascii_lowercase()
    }

    /// The kind of connection as a part of a destination, with the certificates that are trusted for
    /// the server: another one there would let another server pass for it.
    fn security_key(&self) -> String {
        match (self.use_tls, self.trusted_ca.trim()) {
            (false, _) => "clear".to_owned(),
            (true, "") => self.tls_mode.wire_name().to_owned(),
            (true, trusted) => format!("{} {trusted}", self.tls_mode.wire_name()),
        }
    }
}

/// Who signs in at the mail server with a password.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Validate)]
pub struct SignIn<S> {
    /// Username.
    #[validate(length(max = 254), custom(function = check::rule::one_line))]
    pub username: String,
    /// Password. No rule of `validator`'s: its errors copy the value.
    pub password: S,
}

/// How a token is asked for (RFC 6749).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Validate)]
pub struct Authentication<S> {
    /// Client ID: no secret (RFC 6749 2.2), and sealed at rest all the same.
    #[validate(length(max = 4096), custom(function = check::rule::one_line))]
    pub client_id: String,
    /// Client Secret. No rule of `validator`'s: its errors copy the value.
    pub client_secret: S,
    /// Authorization Endpoint.
    #[validate(length(max = 500), custom(function = check::rule::endpoint))]
    pub authorization_endpoint: String,
    /// Token Endpoint.
    #[validate(length(max = 500), custom(function = check::rule::endpoint))]
    pub token_endpoint: String,
    /// Redirect URI.
    #[validate(length(max = 500), custom(function = check::rule::redirect_uri))]
    pub redirect_uri: String,
    /// Scope.
    #[validate(length(max = 500), custom(function = check::rule::scope))]
    pub scope: String,
    /// Client authentication. A form that was saved without it has Automatic.
    #[serde(default)]
    pub client_authentication: ClientAuthentication,
}

/// How client ID and secret go to the Token Endpoint (RFC 6749 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientAuthentication {
    /// As the provider's metadata says, else in the body, else by HTTP Basic.
    #[default]
    Automatic,
    /// Among the parameters (`client_secret_post`).
    Body,
    /// By HTTP Basic (`client_secret_basic`).
    Basic,
    /// No secret at all: a public client (RFC 6749 2.1), for Authorization Code with PKCE only.
    None,
}

impl ClientAuthentication {
    /// Every method, in the order of the screen.
    pub const ALL: [Self; 4] = [Self::Automatic, Self::Body, Self::Basic, Self::None];

    /// The method's name on the wire and in an `<option value>`.
    #[must_use]
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Body => "body",
            Self::Basic => "basic",
            Self::None => "none",
        }
    }

    /// The method with this wire name.
    #[must_use]
    pub fn from_wire_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.wire_name() == name)
    }
}

/// A port as typed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PortText(pub String);

impl ValidateRange<u64> for PortText {
    fn greater_than(&self, max: u64) -> Option<bool> {
        self.digits().map(|number| number > max)
    }

    fn less_than(&self, min: u64) -> Option<bool> {
        self.digits().map(|number| number < min)
    }
}

impl PortText {
    /// The number, where there are only digits; one too long to count is the largest.
    fn digits(&self) -> Option<u64> {
        let only_digits = !self.0.is_empty() && self.0.bytes().all(|byte| byte.is_ascii_digit());
        only_digits.then(|| self.0.parse().unwrap_or(u64::MAX))
    }
}

/// When a protected connection turns to TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// Implicit TLS on ports 465 and 2465, STARTTLS on any other.
    #[default]
    Automatic,
    /// In clear until STARTTLS, which is demanded (RFC 3207).
    StartTls,
    /// Implicit TLS (RFC 8314 3.3).
    Implicit,
}

impl TlsMode {
    /// Every mode, in the order of the screen.
    pub const ALL: [Self; 3] = [Self::Automatic, Self::StartTls, Self::Implicit];

    /// The mode's name on the wire and in an `<option value>`.
    #[must_use]
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::StartTls => "start-tls",
            Self::Implicit => "implicit",
        }
    }

    /// The mode with this wire name.
    #[must_use]
    pub fn from_wire_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.wire_name() == name)
    }
}

/// A value of a check box as text.
#[must_use]
pub const fn check_text(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

impl<S> Form<S> {
    /// The same form, knowing something else of its secrets.
    pub fn map_secrets<T>(&self, mut map: impl FnMut(Field, &S) -> T) -> Form<T> {
        Form {
            flow: self.flow,
            basic: self.basic.clone(),
            sign_in: SignIn {
                username: self.sign_in.username.clone(),
                password: map(Field::Password, &self.sign_in.password),
            },
            oauth: self.oauth.clone(),
            authentication: Authentication {
                client_id: self.authentication.client_id.clone(),
                client_secret: map(Field::ClientSecret, &self.authentication.client_secret),
                authorization_endpoint: self.authentication.authorization_endpoint.clone(),
                token_endpoint: self.authentication.token_endpoint.clone(),
                redirect_uri: self.authentication.redirect_uri.clone(),
                scope: self.authentication.scope.clone(),
                client_authentication: self.authentication.client_authentication,
            },
        }
    }

    /// What is known of a secret; nothing for a control that holds none.
    pub fn secret(&self, field: Field) -> Option<&S> {
        match field {
            Field::Password => Some(&self.sign_in.password),
            Field::ClientSecret => Some(&self.authentication.client_secret),
            _ => None,
        }
    }

    /// The place to change what is known of a secret.
    pub fn secret_mut(&mut self, field: Field) -> Option<&mut S> {
        match field {
            Field::Password => Some(&mut self.sign_in.password),
            Field::ClientSecret => Some(&mut self.authentication.client_secret),
            _ => None,
        }
    }

    /// What a control holds, as text: a check box as `on` or `off`, a choice by its wire name, a
    /// secret as nothing.
    pub fn plain_text(&self, field: Field) -> &str {
        match field {
            Field::Flow => self.flow.wire_name(),
            Field::BasicSender => &self.basic.sender,
            Field::BasicDisplayName => &self.basic.display_name,
            Field::BasicServer => &self.basic.server,
            Field::BasicPort => &self.basic.port.0,
            Field::BasicUseTls => check_text(self.basic.use_tls),
            Field::BasicTlsMode => self.basic.tls_mode.wire_name(),
            Field::BasicTrustedCa => &self.basic.trusted_ca,
            Field::Username => &self.sign_in.username,
            Field::OauthSender => &self.oauth.sender,
            Field::OauthDisplayName => &self.oauth.display_name,
            Field::OauthServer => &self.oauth.server,
            Field::OauthPort => &self.oauth.port.0,
            Field::OauthUseTls => check_text(self.oauth.use_tls),
            Field::OauthTlsMode => self.oauth.tls_mode.wire_name(),
            Field::OauthTrustedCa => &self.oauth.trusted_ca,
            Field::ClientId => &self.authentication.client_id,
            Field::AuthorizationEndpoint => &self.authentication.authorization_endpoint,
            Field::TokenEndpoint => &self.authentication.token_endpoint,
            Field::RedirectUri => &self.authentication.redirect_uri,
            Field::Scope => &self.authentication.scope,
            Field::ClientAuthentication => self.authentication.client_authentication.wire_name(),
            Field::Password | Field::ClientSecret => "",
        }
    }

    /// The group that sends.
    #[must_use]
    pub fn sending(&self) -> &Smtp {
        if self.flow == OauthFlow::None { &self.basic } else { &self.oauth }
    }

    /// Where a secret typed now would be for. With the flow None, a Client Secret is for the
    /// Authorization Code flows: the narrower use, because alone it yields no token there.
    pub fn destination(&self, field: Field) -> Option<Destination> {
        match field {
            Field::Password => Some(Destination::Account {
                server: self.basic.server_key(),
                port: self.basic.port.0.clone(),
                username: self.sign_in.username.clone(),
                security: self.basic.security_key(),
            }),
            Field::ClientSecret => Some(match self.flow {
                OauthFlow::ClientCredentials => self.client_credentials(),
                OauthFlow::None
                | OauthFlow::AuthorizationCode
                | OauthFlow::AuthorizationCodePkce => Destination::CodeExchange {
                    token_endpoint: self.authentication.token_endpoint.clone(),
                },
            }),
            _ => None,
        }
    }

    /// Where a Client Secret typed now would be for with Client Credentials.
    fn client_credentials(&self) -> Destination {
        Destination::ClientCredentials {
            token_endpoint: self.authentication.token_endpoint.clone(),
            scope: self.authentication.scope.clone(),
            server: self.oauth.server_key(),
            port: self.oauth.port.0.clone(),
            security: self.oauth.security_key(),
        }
    }

    /// The controls that keep a stored secret from being used with this form, in the order of the
    /// screen: they hold something else than it was entered for. The flow None is none of them: the
    /// secret waits for the kind of flow that it was entered for.
    pub fn moved(&self, field: Field, stored: &StoredSecret) -> Vec<Field> {
        let StoredSecret::For(entered_for) = stored else { return Vec::new() };
        let now = match (self.flow, entered_for) {
            (OauthFlow::None, Destination::ClientCredentials { .. }) => {
                Some(self.client_credentials())
            }
            _ => self.destination(field),
        };
        now.map_or_else(Vec::new, |now| entered_for.differences(&now))
    }

    /// Where a token obtained now would be for.
    pub fn token_destination(&self) -> Destination {
        Destination::MailServer {
            server: self.oauth.server_key(),
            port: self.oauth.port.0.clone(),
            security: self.oauth.security_key(),
        }
    }

    /// Where a code and a refresh token go. Text that is no valid endpoint stands for itself, so that
    /// what is sealed for it goes nowhere else.
    pub fn token_endpoint_origin(&self) -> Destination {
        let endpoint = &self.authentication.token_endpoint;
        let origin = check::url::origin(endpoint);
        Destination::Origin(origin.unwrap_or_else(|| endpoint.clone()))
    }
}

impl Draft {
    /// What a control shows: as [`Form::plain_text`], and a secret as it was typed just now.
    #[must_use]
    pub fn text(&self, field: Field) -> &str {
        self.secret(field).map_or_else(|| self.plain_text(field), SecretEdit::text)
    }

    /// Puts text into a control. A choice that does not exist leaves it as it was; an emptied
    /// secret is an untouched one; a private key where a certificate is wanted is not kept.
    pub fn edit(&mut self, field: Field, text: impl Into<String>) {
        let text = text.into();
        match field {
            Field::Flow => self.flow = OauthFlow::from_wire_name(&text).unwrap_or(self.flow),
            Field::BasicSender => self.basic.sender = text,
            Field::BasicDisplayName => self.basic.display_name = text,
            Field::BasicServer => self.basic.server = text,
            Field::BasicPort => self.basic.port = PortText(text),
            Field::BasicUseTls => self.basic.use_tls = text == check_text(true),
            Field::BasicTlsMode => set_mode(&mut self.basic.tls_mode, &text),
            Field::BasicTrustedCa => self.basic.trusted_ca = kept(&text),
            Field::Username => self.sign_in.username = text,
            Field::Password => self.sign_in.password = SecretEdit::from_text(text),
            Field::OauthSender => self.oauth.sender = text,
            Field::OauthDisplayName => self.oauth.display_name = text,
            Field::OauthServer => self.oauth.server = text,
            Field::OauthPort => self.oauth.port = PortText(text),
            Field::OauthUseTls => self.oauth.use_tls = text == check_text(true),
            Field::OauthTlsMode => set_mode(&mut self.oauth.tls_mode, &text),
            Field::OauthTrustedCa => self.oauth.trusted_ca = kept(&text),
            Field::ClientId => self.authentication.client_id = text,
            Field::ClientSecret => self.authentication.client_secret = SecretEdit::from_text(text),
            Field::AuthorizationEndpoint => self.authentication.authorization_endpoint = text,
            Field::TokenEndpoint => self.authentication.token_endpoint = text,
            Field::RedirectUri => self.authentication.redirect_uri = text,
            Field::Scope => self.authentication.scope = text,
            Field::ClientAuthentication => {
                let method = &mut self.authentication.client_authentication;
                *method = ClientAuthentication::from_wire_name(&text).unwrap_or(*method);
            }
        }
    }

    /// What a save does to a secret: the edit as made, but a Password without a Username goes, and
    /// nothing typed is nothing changed.
    #[must_use]
    pub fn secret_on_save(&self, field: Field) -> Cow<'_, SecretEdit> {
        match self.secret(field) {
            Some(SecretEdit::Untouched)
                if field == Field::Password && self.sign_in.username.is_empty() =>
            {
                Cow::Owned(SecretEdit::Clear)
            }
            Some(SecretEdit::Replace(typed)) if typed.expose().is_empty() => {
                Cow::Owned(SecretEdit::Untouched)
            }
            Some(edit) => Cow::Borrowed(edit),
            None => Cow::Owned(SecretEdit::Untouched),
        }
    }

    /// The controls in which two drafts differ, in the order of the screen.
    pub fn differences<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Field> + 'a {
        Field::ALL.iter().copied().filter(move |&field| {
            self.plain_text(field) != other.plain_text(field)
                || self.secret(field) != other.secret(field)
        })
    }

    /// The same without a private key where a certificate is wanted, which no save may keep even in
    /// a control that is not checked.
    #[must_use]
    pub fn without_private_keys(mut self) -> Self {
        for smtp in [&mut self.basic, &mut self.oauth] {
            smtp.trusted_ca = kept(&smtp.trusted_ca);
        }
        self
    }

    /// Removes blanks of any kind from the ends of a control's text, and says whether there were some.
    /// A control that takes no input is left as it was typed.
    pub fn trim(&mut self, field: Field) -> bool {
        let text = self.plain_text(field);
        let trimmed = text.trim();
        let has_blanks = field.is_trimmed() && trimmed.len() < text.len();
        if !has_blanks || presence(field, self) == Presence::Disabled {
            return false;
        }
        let trimmed = trimmed.to_owned();
        self.edit(field, trimmed);
        true
    }

    /// The same as a save takes it: without blanks at the ends of the controls that are trimmed.
    #[must_use]
    pub fn trimmed(mut self) -> Self {
        for &field in Field::ALL {
            self.trim(field);
        }
        self
    }

    /// The first control that holds more than it ever may, disabled or not: 4,096 characters, or its
    /// own limit where that is higher.
    #[must_use]
    pub fn oversized(&self) -> Option<Field> {
        let most = |field: Field| field.limit().max(MAX_TEXT as u64);
        let is_over = |field: Field| self.text(field).chars().count() as u64 > most(field);
        Field::ALL.iter().copied().find(|&field| is_over(field))
    }

    /// Puts what Basic SMTP Settings has into OAuth SMTP Settings.
    pub fn copy_basic_to_oauth(&mut self) {
        self.oauth = self.basic.clone();
    }
}

/// Certificates as they were pasted, up to where a private key begins, with the line ends that a page
/// gives them.
fn kept(text: &str) -> String {
    check::certificate::without_private_key(text).replace("\r\n", "\n").replace('\r', "\n")
}

fn set_mode(mode: &mut TlsMode, text: &str) {
    *mode = TlsMode::from_wire_name(text).unwrap_or(*mode);
}
