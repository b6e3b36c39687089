//! The form and its editable draft: text as typed, valid or not, and secrets as edits. A draft is
//! compared, validated and saved as a whole. Nothing in it is corrected, except that some controls
//! are trimmed ([`Field::is_trimmed`]).

use std::borrow::Cow;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use validator::{Validate, ValidateRange};

use crate::field::Field;
use crate::flow::OauthFlow;
use crate::named::json_enum;
use crate::presence::{Presence, presence};
use crate::secret::{Destination, EXPIRIES, SecretEdit, StoredSecret};
use crate::syntax;
use crate::validate::{MAX_TEXT, rule};

/// The form while an administrator edits it.
pub type Draft = Form<SecretEdit>;

/// The whole form. `S` represents a secret: an edit in a [`Draft`], its storage state in
/// [`crate::Saved`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Form<S> {
    /// OAuth Flow.
    pub flow: OauthFlow,
    /// Basic SMTP Settings, without Username and Password.
    pub basic: Smtp,
    /// Username and Password of Basic SMTP Settings.
    pub sign_in: SignIn<S>,
    /// OAuth SMTP Settings.
    pub oauth: Smtp,
    /// Authentication Settings.
    pub authentication: Authentication<S>,
}

/// The controls that both SMTP groups share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate)]
pub struct Smtp {
    /// Default Sender Email.
    #[validate(length(max = Field::BasicSender.limit()), custom(function = rule::address))]
    pub sender: String,
    /// Display Name.
    #[validate(length(max = Field::BasicDisplayName.limit()), custom(function = rule::one_line))]
    pub display_name: String,
    /// SMTP Server.
    #[validate(length(max = Field::BasicServer.limit()), custom(function = rule::host))]
    pub server: String,
    /// Port.
    #[validate(custom(function = rule::digits), range(max = 65_535))]
    pub port: PortText,
    /// Use TLS.
    pub use_tls: bool,
    /// TLS mode.
    pub tls_mode: TlsMode,
    /// Trusted CA certificate in PEM, not a secret. Forms saved before it existed have none.
    #[serde(default)]
    #[validate(length(max = Field::BasicTrustedCa.limit()), custom(function = rule::certificates))]
    pub trusted_ca: String,
}

impl Default for Smtp {
    /// A new form: all fields empty, Use TLS on, TLS mode Automatic.
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
    /// The server as part of a destination, with ASCII letters in lower case. Other letters are
    /// compared exactly, because DNS may not treat their cases as equal.
    fn server_key(&self) -> String {
        self.server.to_ascii_lowercase()
    }

    /// The connection security as part of a destination. It includes the trusted certificates,
    /// because with another trusted CA another server could impersonate this one.
    fn security_key(&self) -> String {
        match (self.use_tls, self.trusted_ca.trim()) {
            (false, _) => "clear".to_owned(),
            (true, "") => self.tls_mode.wire_name().to_owned(),
            (true, trusted) => format!("{} {trusted}", self.tls_mode.wire_name()),
        }
    }
}

/// The SMTP AUTH credentials of Basic SMTP Settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Validate)]
pub struct SignIn<S> {
    /// Username.
    #[validate(length(max = Field::Username.limit()), custom(function = rule::one_line))]
    pub username: String,
    /// Password. Not validated by `validator`, whose errors copy the value.
    pub password: S,
    /// Secret expires on. Forms saved before it existed have none.
    #[serde(default)]
    #[validate(custom(function = rule::date))]
    pub password_expires_on: String,
}

/// The OAuth client and its provider's endpoints (RFC 6749).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Validate)]
pub struct Authentication<S> {
    /// Client ID. Not a secret (RFC 6749 2.2), but sealed at rest.
    #[validate(length(max = Field::ClientId.limit()), custom(function = rule::one_line))]
    pub client_id: String,
    /// Client Secret. Not validated by `validator`, whose errors copy the value.
    pub client_secret: S,
    /// Secret expires on. Forms saved before it existed have none.
    #[serde(default)]
    #[validate(custom(function = rule::date))]
    pub client_secret_expires_on: String,
    /// Authorization Endpoint.
    #[validate(length(max = Field::AuthorizationEndpoint.limit()), custom(function = rule::endpoint))]
    pub authorization_endpoint: String,
    /// Token Endpoint.
    #[validate(length(max = Field::TokenEndpoint.limit()), custom(function = rule::endpoint))]
    pub token_endpoint: String,
    /// Redirect URI.
    #[validate(length(max = Field::RedirectUri.limit()), custom(function = rule::redirect_uri))]
    pub redirect_uri: String,
    /// Scope.
    #[validate(length(max = Field::Scope.limit()), custom(function = rule::scope))]
    pub scope: String,
    /// Client authentication. Forms saved before it existed have Automatic.
    #[serde(default)]
    pub client_authentication: ClientAuthentication,
}

json_enum! {
    /// How the client authenticates at the Token Endpoint (RFC 6749 2.3.1).
    #[derive(Default, Hash)]
    pub enum ClientAuthentication {
        /// As the provider's metadata says; otherwise in the body, then by HTTP Basic.
        #[default]
        Automatic = "automatic",
        /// In the request body (`client_secret_post`).
        Body = "body",
        /// By HTTP Basic (`client_secret_basic`).
        Basic = "basic",
        /// No secret: a public client (RFC 6749 2.1), for Authorization Code with PKCE only.
        None = "none",
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
    /// Parses text that has only digits; a number too large for `u64` becomes `u64::MAX`.
    fn digits(&self) -> Option<u64> {
        let only_digits = !self.0.is_empty() && self.0.bytes().all(|byte| byte.is_ascii_digit());
        only_digits.then(|| self.0.parse().unwrap_or(u64::MAX))
    }
}

json_enum! {
    /// When a connection switches to TLS.
    #[derive(Default, Hash)]
    pub enum TlsMode {
        /// Implicit TLS on ports 465 and 2465, STARTTLS on any other.
        #[default]
        Automatic = "automatic",
        /// Plain text until STARTTLS, which is required (RFC 3207).
        StartTls = "start-tls",
        /// Implicit TLS (RFC 8314 3.3).
        Implicit = "implicit",
    }
}

/// Converts a check box's state to text.
pub const fn bool_text(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

impl<S> Form<S> {
    /// Returns the form with each secret mapped by `map`.
    pub fn map_secrets<T>(&self, mut map: impl FnMut(Field, &S) -> T) -> Form<T> {
        Form {
            flow: self.flow,
            basic: self.basic.clone(),
            sign_in: SignIn {
                username: self.sign_in.username.clone(),
                password: map(Field::Password, &self.sign_in.password),
                password_expires_on: self.sign_in.password_expires_on.clone(),
            },
            oauth: self.oauth.clone(),
            authentication: Authentication {
                client_id: self.authentication.client_id.clone(),
                client_secret: map(Field::ClientSecret, &self.authentication.client_secret),
                client_secret_expires_on: self.authentication.client_secret_expires_on.clone(),
                authorization_endpoint: self.authentication.authorization_endpoint.clone(),
                token_endpoint: self.authentication.token_endpoint.clone(),
                redirect_uri: self.authentication.redirect_uri.clone(),
                scope: self.authentication.scope.clone(),
                client_authentication: self.authentication.client_authentication,
            },
        }
    }

    /// Returns a control's secret; `None` for a control that is not a secret.
    pub fn secret(&self, field: Field) -> Option<&S> {
        match field {
            Field::Password => Some(&self.sign_in.password),
            Field::ClientSecret => Some(&self.authentication.client_secret),
            _ => None,
        }
    }

    /// Returns a control's secret mutably; `None` for a control that is not a secret.
    pub fn secret_mut(&mut self, field: Field) -> Option<&mut S> {
        match field {
            Field::Password => Some(&mut self.sign_in.password),
            Field::ClientSecret => Some(&mut self.authentication.client_secret),
            _ => None,
        }
    }

    /// Returns a control's value as text: a check box as `on` or `off`, a choice by its wire name, a
    /// secret as the empty string.
    pub fn plain_text(&self, field: Field) -> &str {
        match field {
            Field::Flow => self.flow.wire_name(),
            Field::BasicSender => &self.basic.sender,
            Field::BasicDisplayName => &self.basic.display_name,
            Field::BasicServer => &self.basic.server,
            Field::BasicPort => &self.basic.port.0,
            Field::BasicUseTls => bool_text(self.basic.use_tls),
            Field::BasicTlsMode => self.basic.tls_mode.wire_name(),
            Field::BasicTrustedCa => &self.basic.trusted_ca,
            Field::Username => &self.sign_in.username,
            Field::PasswordExpiresOn => &self.sign_in.password_expires_on,
            Field::OauthSender => &self.oauth.sender,
            Field::OauthDisplayName => &self.oauth.display_name,
            Field::OauthServer => &self.oauth.server,
            Field::OauthPort => &self.oauth.port.0,
            Field::OauthUseTls => bool_text(self.oauth.use_tls),
            Field::OauthTlsMode => self.oauth.tls_mode.wire_name(),
            Field::OauthTrustedCa => &self.oauth.trusted_ca,
            Field::ClientId => &self.authentication.client_id,
            Field::ClientSecretExpiresOn => &self.authentication.client_secret_expires_on,
            Field::AuthorizationEndpoint => &self.authentication.authorization_endpoint,
            Field::TokenEndpoint => &self.authentication.token_endpoint,
            Field::RedirectUri => &self.authentication.redirect_uri,
            Field::Scope => &self.authentication.scope,
            Field::ClientAuthentication => self.authentication.client_authentication.wire_name(),
            Field::Password | Field::ClientSecret => "",
        }
    }

    /// Returns the date on which a secret expires, whether or not the flow uses the secret; `None`
    /// if there is none, or for a control that is not a secret.
    pub fn secret_expiry(&self, field: Field) -> Option<NaiveDate> {
        let (_, expiry) = EXPIRIES.into_iter().find(|&(secret, _)| secret == field)?;
        syntax::date::date(self.plain_text(expiry)).ok()
    }

    /// The SMTP group that sends mail with the chosen flow.
    pub fn active_smtp(&self) -> &Smtp {
        if self.flow == OauthFlow::None { &self.basic } else { &self.oauth }
    }

    /// Returns the destination that a secret typed now is bound to. With the flow None, a Client
    /// Secret is bound to the Authorization Code flows, in which it yields no token on its own.
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

    /// The destination of a Client Secret with the Client Credentials flow.
    fn client_credentials(&self) -> Destination {
        Destination::ClientCredentials {
            token_endpoint: self.authentication.token_endpoint.clone(),
            scope: self.authentication.scope.clone(),
            server: self.oauth.server_key(),
            port: self.oauth.port.0.clone(),
            security: self.oauth.security_key(),
        }
    }

    /// Returns the controls whose values differ from the destination that a stored secret is bound
    /// to, in display order. The flow None is not one of them: the secret stays stored for the kind
    /// of flow that it was entered for.
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

    /// Returns the destination that an access token obtained now is bound to.
    pub fn token_destination(&self) -> Destination {
        Destination::MailServer {
            server: self.oauth.server_key(),
            port: self.oauth.port.0.clone(),
            security: self.oauth.security_key(),
        }
    }

    /// Returns the destination of authorization codes and refresh tokens. Text that is not a valid
    /// endpoint is used verbatim, so that values sealed for it match no other destination.
    pub fn token_endpoint_origin(&self) -> Destination {
        let endpoint = &self.authentication.token_endpoint;
        let origin = syntax::url::origin(endpoint);
        Destination::Origin(origin.unwrap_or_else(|| endpoint.clone()))
    }
}

impl Draft {
    /// Returns the text in a control: [`Form::plain_text`], or the secret just typed.
    pub fn text(&self, field: Field) -> &str {
        self.secret(field).map_or_else(|| self.plain_text(field), SecretEdit::text)
    }

    /// Sets a control's text. An unknown choice changes nothing, an empty secret counts as untouched,
    /// and a private key in a certificate control is removed.
    pub fn edit(&mut self, field: Field, text: impl Into<String>) {
        let text = text.into();
        match field {
            Field::Flow => self.flow = OauthFlow::from_wire_name(&text).unwrap_or(self.flow),
            Field::BasicSender => self.basic.sender = text,
            Field::BasicDisplayName => self.basic.display_name = text,
            Field::BasicServer => self.basic.server = text,
            Field::BasicPort => self.basic.port = PortText(text),
            Field::BasicUseTls => self.basic.use_tls = text == bool_text(true),
            Field::BasicTlsMode => set_mode(&mut self.basic.tls_mode, &text),
            Field::BasicTrustedCa => self.basic.trusted_ca = strip_private_key(&text),
            Field::Username => self.sign_in.username = text,
            Field::Password => self.sign_in.password = SecretEdit::from_text(text),
            Field::PasswordExpiresOn => self.sign_in.password_expires_on = text,
            Field::OauthSender => self.oauth.sender = text,
            Field::OauthDisplayName => self.oauth.display_name = text,
            Field::OauthServer => self.oauth.server = text,
            Field::OauthPort => self.oauth.port = PortText(text),
            Field::OauthUseTls => self.oauth.use_tls = text == bool_text(true),
            Field::OauthTlsMode => set_mode(&mut self.oauth.tls_mode, &text),
            Field::OauthTrustedCa => self.oauth.trusted_ca = strip_private_key(&text),
            Field::ClientId => self.authentication.client_id = text,
            Field::ClientSecret => self.authentication.client_secret = SecretEdit::from_text(text),
            Field::ClientSecretExpiresOn => self.authentication.client_secret_expires_on = text,
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

    /// Returns the draft with these texts in their controls.
    pub fn with_texts<T: Into<String>>(
        mut self,
        texts: impl IntoIterator<Item = (Field, T)>,
    ) -> Self {
        for (field, text) in texts {
            self.edit(field, text);
        }
        self
    }

    /// Returns the edit that a save applies to a secret. A stored Password without a Username is
    /// cleared, and an empty replacement counts as untouched.
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

    /// Whether a save replaces or removes the stored value of a secret.
    fn discards_secret(&self, field: Field, stored: &Form<StoredSecret>) -> bool {
        matches!(stored.secret(field), Some(StoredSecret::For(_)))
            && *self.secret_on_save(field) != SecretEdit::Untouched
    }

    /// Clears the expiry date of each secret that a save replaces or removes. A date that differs from
    /// the stored one was entered for the new secret, and stays.
    pub fn clear_old_expiry(&mut self, stored: &Form<StoredSecret>) {
        for (secret, expiry) in EXPIRIES {
            if self.discards_secret(secret, stored)
                && self.plain_text(expiry) == stored.plain_text(expiry)
            {
                self.edit(expiry, "");
            }
        }
    }

    /// Changes the draft. The expiry date of a secret is cleared with the first change of the secret, and
    /// is back when the secret is kept after all.
    pub fn change(&mut self, stored: &Form<StoredSecret>, change: impl FnOnce(&mut Self)) {
        let were_discarded = EXPIRIES.map(|(secret, _)| self.discards_secret(secret, stored));
        change(self);
        self.restore_expiry(stored, were_discarded);
        self.clear_old_expiry(stored);
    }

    /// Puts back the cleared expiry dates of secrets that were changed and are kept after all.
    fn restore_expiry(&mut self, stored: &Form<StoredSecret>, were_discarded: [bool; 2]) {
        for ((secret, expiry), was_discarded) in EXPIRIES.into_iter().zip(were_discarded) {
            let is_kept_again = was_discarded && !self.discards_secret(secret, stored);
            if is_kept_again && self.plain_text(expiry).is_empty() {
                self.edit(expiry, stored.plain_text(expiry));
            }
        }
    }

    /// Returns the controls in which two drafts differ, in display order.
    pub fn differences<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Field> + 'a {
        Field::ALL.iter().copied().filter(move |&field| {
            self.plain_text(field) != other.plain_text(field)
                || self.secret(field) != other.secret(field)
        })
    }

    /// Removes private keys from the certificate controls. A save must not store one, not even in a
    /// disabled control, which is not validated.
    pub fn strip_private_keys(mut self) -> Self {
        for smtp in [&mut self.basic, &mut self.oauth] {
            smtp.trusted_ca = strip_private_key(&smtp.trusted_ca);
        }
        self
    }

    /// Trims whitespace of any kind from a control's text and returns whether there was any. A
    /// disabled control is not changed.
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

    /// Returns the draft with all trimmed controls trimmed, as a save stores it.
    pub fn trimmed(mut self) -> Self {
        for &field in Field::ALL {
            self.trim(field);
        }
        self
    }

    /// Returns the first control, disabled or not, that exceeds 4,096 characters, or its own limit
    /// where that is higher.
    pub fn oversized(&self) -> Option<Field> {
        let limit_of = |field: Field| field.limit().max(MAX_TEXT as u64);
        let exceeds_limit =
            |field: Field| self.text(field).chars().count() as u64 > limit_of(field);
        Field::ALL.iter().copied().find(|&field| exceeds_limit(field))
    }

    /// Copies Basic SMTP Settings to OAuth SMTP Settings.
    pub fn copy_basic_to_oauth(&mut self) {
        self.oauth = self.basic.clone();
    }
}

/// Cuts pasted certificates at the first private key and normalizes line ends to LF.
fn strip_private_key(text: &str) -> String {
    syntax::certificate::without_private_key(text).replace("\r\n", "\n").replace('\r', "\n")
}

fn set_mode(mode: &mut TlsMode, text: &str) {
    *mode = TlsMode::from_wire_name(text).unwrap_or(*mode);
}
