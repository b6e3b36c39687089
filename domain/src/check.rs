//! What is wrong with a draft, as (field, problem) pairs: codes and no words, never a value.
//! Length, range and form are `validator`'s rules on the group structs; what depends on the flow
//! or on what is stored is decided here.

pub mod address;
pub mod certificate;
pub mod host;
pub mod port;
pub mod text;
pub mod url;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

use crate::draft::{Draft, Form};
use crate::field::{Field, Kind};
use crate::flow::OauthFlow;
use crate::microsoft;
use crate::rules::{Presence, presence};
use crate::saved::keeps_secret;
use crate::secret::{SecretEdit, StoredSecret};

/// The most characters that a control may hold, even one that is not checked, unless its own limit is
/// higher.
pub const MAX_TEXT: usize = 4096;

/// What is wrong with one control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// It is required and empty.
    Missing,
    /// It holds more characters than this.
    TooLong(u64),
    /// It holds a character that no single line has a use for.
    ControlCharacter,
    /// It is no e-mail address.
    Address(address::AddressProblem),
    /// It is no host name and no IP address.
    Host(host::HostProblem),
    /// It is no port.
    Port(port::PortProblem),
    /// It is no address of an endpoint.
    Url(url::UrlProblem),
    /// It is no list of scopes.
    Scope(url::ScopeProblem),
    /// It is no certificate to trust.
    Certificate(certificate::CertificateProblem),
    /// It is http to this machine, which the operator does not allow (`--egress-allow`).
    EgressNotAllowed(SocketAddr),
    /// It leads to an address that the operator denies (`--egress-deny`).
    EgressDenied(SocketAddr),
    /// The stored secret was entered for another destination.
    EnterAgain,
    /// A Password is typed, and no Username.
    UsernameMissing,
    /// OAuth is never sent unencrypted.
    TlsNeeded,
    /// Client Credentials needs a tenant of its own at Microsoft, not one for all accounts.
    TenantNeeded,
}

/// Everything that is wrong with a draft: at most one problem a control, in the order of the screen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Problems(Vec<(Field, Problem)>);

impl Problems {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many controls need attention.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The same, and this.
    #[must_use]
    pub fn and(mut self, field: Field, problem: Problem) -> Self {
        if self.of(field).is_none() {
            self.0.push((field, problem));
            self.0.sort_by_key(|(field, _)| *field);
        }
        self
    }

    /// What is wrong with a control.
    #[must_use]
    pub fn of(&self, field: Field) -> Option<Problem> {
        self.iter().find_map(|(at, problem)| (at == field).then_some(problem))
    }

    /// All of it, in the order of the screen.
    pub fn iter(&self) -> impl Iterator<Item = (Field, Problem)> + '_ {
        self.0.iter().copied()
    }
}

impl Draft {
    /// Everything that keeps this draft from being saved over what is `stored`.
    #[must_use]
    pub fn problems(&self, stored: &Form<StoredSecret>) -> Problems {
        let malformed = self.malformed();
        let problem = |&field: &Field| {
            let found = match presence(field, self) {
                Presence::Disabled => None,
                _ if field.kind() == Kind::Secret => self.secret_problem(field, stored),
                Presence::Required if self.text(field).trim().is_empty() => Some(Problem::Missing),
                Presence::Required | Presence::Optional => malformed
                    .iter()
                    .find_map(|&(at, problem)| (at == field).then_some(problem))
                    .or_else(|| self.conflict(field)),
            };
            found.map(|problem| (field, problem))
        };
        Problems(Field::ALL.iter().filter_map(problem).collect())
    }

    /// What is wrong with a secret: its value if one was typed, its absence if one is needed.
    fn secret_problem(&self, field: Field, stored: &Form<StoredSecret>) -> Option<Problem> {
        let is_required = presence(field, self) == Presence::Required;
        let is_stored = matches!(stored.secret(field), Some(StoredSecret::For(_)));
        match self.secret_on_save(field).as_ref() {
            SecretEdit::Replace(typed) => form_of(field, typed.expose()).err(),
            SecretEdit::Untouched if !is_required || keeps_secret(stored, field, self) => None,
            SecretEdit::Untouched if is_stored => Some(Problem::EnterAgain),
            SecretEdit::Untouched | SecretEdit::Clear => is_required.then_some(Problem::Missing),
        }
    }

    /// What is wrong with a control only because of what stands in another.
    fn conflict(&self, field: Field) -> Option<Problem> {
        match field {
            Field::Username
                if self.sign_in.username.is_empty()
                    && matches!(self.sign_in.password, SecretEdit::Replace(_)) =>
            {
                Some(Problem::UsernameMissing)
            }
            Field::OauthUseTls if self.flow != OauthFlow::None && !self.oauth.use_tls => {
                Some(Problem::TlsNeeded)
            }
            Field::TokenEndpoint if self.flow == OauthFlow::ClientCredentials => {
                let tenant = microsoft::tenant(&self.authentication.token_endpoint)?;
                microsoft::is_shared(tenant).then_some(Problem::TenantNeeded)
            }
            _ => None,
        }
    }

    /// The controls that break a rule of form, whatever the flow.
    fn malformed(&self) -> Vec<(Field, Problem)> {
        let groups: [(Group, Result<(), ValidationErrors>); 4] = [
            (Group::Basic, self.basic.validate()),
            (Group::SignIn, self.sign_in.validate()),
            (Group::Oauth, self.oauth.validate()),
            (Group::Authentication, self.authentication.validate()),
        ];
        groups
            .iter()
            .filter_map(|(group, outcome)| outcome.as_ref().err().map(|errors| (group, errors)))
            .flat_map(|(group, errors)| {
                errors.errors().iter().filter_map(|(name, kind)| {
                    let field = group.field(name)?;
                    matches!(kind, ValidationErrorsKind::Field(_))
                        .then(|| form_of(field, self.text(field)).err())
                        .flatten()
                        .map(|problem| (field, problem))
                })
            })
            .collect()
    }
}

/// A group struct of the form, which knows its members by their Rust names.
#[derive(Clone, Copy)]
enum Group {
    Basic,
    SignIn,
    Oauth,
    Authentication,
}

impl Group {
    fn field(self, member: &str) -> Option<Field> {
        Some(match (self, member) {
            (Self::Basic, "sender") => Field::BasicSender,
            (Self::Basic, "display_name") => Field::BasicDisplayName,
            (Self::Basic, "server") => Field::BasicServer,
            (Self::Basic, "port") => Field::BasicPort,
            (Self::Basic, "trusted_ca") => Field::BasicTrustedCa,
            (Self::SignIn, "username") => Field::Username,
            (Self::Oauth, "sender") => Field::OauthSender,
            (Self::Oauth, "display_name") => Field::OauthDisplayName,
            (Self::Oauth, "server") => Field::OauthServer,
            (Self::Oauth, "port") => Field::OauthPort,
            (Self::Oauth, "trusted_ca") => Field::OauthTrustedCa,
            (Self::Authentication, "client_id") => Field::ClientId,
            (Self::Authentication, "authorization_endpoint") => Field::AuthorizationEndpoint,
            (Self::Authentication, "token_endpoint") => Field::TokenEndpoint,
            (Self::Authentication, "redirect_uri") => Field::RedirectUri,
            (Self::Authentication, "scope") => Field::Scope,
            _ => return None,
        })
    }
}

/// What keeps a text from being the endpoint of a control; nothing that is empty is one.
#[must_use]
pub fn endpoint_problem(field: Field, text: &str) -> Option<Problem> {
    if text.is_empty() { Some(Problem::Missing) } else { form_of(field, text).err() }
}

/// The rule of form for one control, with the reason in our own terms. Empty text breaks none.
pub(crate) fn form_of(field: Field, text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Ok(());
    }
    let limit = field.limit();
    if text.chars().count() as u64 > limit && !matches!(field, Field::BasicPort | Field::OauthPort)
    {
        return Err(Problem::TooLong(limit));
    }
    let is_line = Draft::is_typed(field) && field.kind() != Kind::Lines;
    if is_line && text::one_line(text).is_err() {
        return Err(Problem::ControlCharacter);
    }
    match field {
        Field::BasicSender | Field::OauthSender => {
            address::email_address(text).map_err(Problem::Address)
        }
        Field::BasicServer | Field::OauthServer => {
            host::mail_host(text).map(drop).map_err(Problem::Host)
        }
        Field::BasicPort | Field::OauthPort => port::port(text).map(drop).map_err(Problem::Port),
        Field::AuthorizationEndpoint | Field::TokenEndpoint => {
            url::endpoint_url(text).map_err(Problem::Url)
        }
        Field::RedirectUri => url::redirect_uri(text).map_err(Problem::Url),
        Field::Scope => url::scope(text).map_err(Problem::Scope),
        Field::BasicTrustedCa | Field::OauthTrustedCa => {
            certificate::certificates(text).map_err(Problem::Certificate)
        }
        Field::Flow
        | Field::BasicDisplayName
        | Field::BasicUseTls
        | Field::BasicTlsMode
        | Field::Username
        | Field::Password
        | Field::OauthDisplayName
        | Field::OauthUseTls
        | Field::OauthTlsMode
        | Field::ClientId
        | Field::ClientSecret => Ok(()),
    }
}

/// The custom rules that `validator` calls. They only say that a rule is broken: the reason is
/// asked for afterwards, in our own types, so that no error of `validator`'s travels with a value.
pub(crate) mod rule {
    use validator::ValidationError;

    use super::{address, certificate, host, port, text, url};
    use crate::draft::PortText;

    type Verdict = Result<(), ValidationError>;

    fn verdict<T, E>(
        text: &str,
        code: &'static str,
        check: impl Fn(&str) -> Result<T, E>,
    ) -> Verdict {
        if text.is_empty() || check(text).is_ok() {
            Ok(())
        } else {
            Err(ValidationError::new(code))
        }
    }

    pub fn one_line(text: &str) -> Verdict {
        verdict(text, "one-line", text::one_line)
    }

    pub fn address(text: &str) -> Verdict {
        verdict(text, "address", address::email_address)
    }

    pub fn host(text: &str) -> Verdict {
        verdict(text, "host", host::mail_host)
    }

    pub fn certificates(text: &str) -> Verdict {
        verdict(text, "certificates", certificate::certificates)
    }

    pub fn digits(port: &PortText) -> Verdict {
        verdict(&port.0, "digits", port::port)
    }

    pub fn endpoint(text: &str) -> Verdict {
        verdict(text, "endpoint", url::endpoint_url)
    }

    pub fn redirect_uri(text: &str) -> Verdict {
        verdict(text, "redirect-uri", url::redirect_uri)
    }

    pub fn scope(text: &str) -> Verdict {
        verdict(text, "scope", url::scope)
    }
}
