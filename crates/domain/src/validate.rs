//! Validates a draft and returns problems as codes, never with a value. `validator` checks length,
//! range and format on the group structs; rules that depend on the flow, on other fields or on the
//! stored secrets are here.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

use crate::secret::{SecretEdit, StoredSecret};
use crate::syntax::{address, certificate, date, host, port, text, url};
use crate::{Draft, Field, Form, OauthFlow, Presence, microsoft, presence};
use crate::{draft::ClientAuthentication, field::Kind, saved::keeps_secret};

/// The maximum characters in any control, even a disabled one, unless the control's own limit is
/// higher.
pub const MAX_TEXT: usize = 4096;

/// A problem with one control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// The value is required and empty.
    Missing,
    /// The value exceeds this number of characters.
    TooLong(u64),
    /// The value contains a control character, a line break or a bidirectional control.
    ControlCharacter,
    /// The value is not an email address.
    Address(address::AddressProblem),
    /// The value is neither a host name nor an IP address.
    Host(host::HostProblem),
    /// The value is not a port.
    Port(port::PortProblem),
    /// The value is not a valid endpoint or Redirect URI.
    Url(url::UrlProblem),
    /// The value is not a list of scopes.
    Scope(url::ScopeProblem),
    /// The value is not a certificate that can be trusted.
    Certificate(certificate::CertificateProblem),
    /// The value is not a date of the years 1970 to 9999.
    NotADate,
    /// The URL is http to this machine, which the operator has not allowed (`--egress-allow`).
    EgressNotAllowed(SocketAddr),
    /// The URL leads to an address that the operator has denied (`--egress-deny`).
    EgressDenied(SocketAddr),
    /// The stored secret is bound to another destination and must be entered again.
    EnterAgain,
    /// A Password is typed without a Username.
    UsernameMissing,
    /// Use TLS is off with an OAuth flow.
    TlsNeeded,
    /// A public client is only allowed with Authorization Code with PKCE.
    PkceNeeded,
    /// Client Credentials need the endpoint of one tenant, not of a multi-tenant alias.
    TenantNeeded,
}

/// All problems of a draft in display order, at most one per control.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Problems(Vec<(Field, Problem)>);

impl Problems {
    /// Whether there is no problem.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of controls with a problem.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds a problem to a control that has none yet.
    pub fn and(mut self, field: Field, problem: Problem) -> Self {
        if self.of(field).is_none() {
            self.0.push((field, problem));
            self.0.sort_by_key(|(field, _)| *field);
        }
        self
    }

    /// Returns the problem of a control.
    pub fn of(&self, field: Field) -> Option<Problem> {
        self.iter().find_map(|(at, problem)| (at == field).then_some(problem))
    }

    /// Iterates over all problems in display order.
    pub fn iter(&self) -> impl Iterator<Item = (Field, Problem)> + '_ {
        self.0.iter().copied()
    }
}

impl Draft {
    /// Returns the problems that prevent this draft from being saved over the `stored` form.
    pub fn problems(&self, stored: &Form<StoredSecret>) -> Problems {
        let malformed = self.format_problems();
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

    /// Returns the problem of a secret: a malformed typed value, or a missing required one.
    fn secret_problem(&self, field: Field, stored: &Form<StoredSecret>) -> Option<Problem> {
        let is_required = presence(field, self) == Presence::Required;
        let is_stored = matches!(stored.secret(field), Some(StoredSecret::For(_)));
        match self.secret_on_save(field).as_ref() {
            SecretEdit::Replace(typed) => field_problem(field, typed.expose()).err(),
            SecretEdit::Untouched if !is_required || keeps_secret(stored, field, self) => None,
            SecretEdit::Untouched if is_stored => Some(Problem::EnterAgain),
            SecretEdit::Untouched | SecretEdit::Clear => is_required.then_some(Problem::Missing),
        }
    }

    /// Returns the problem of a control that depends on the value of another control.
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
            Field::ClientAuthentication
                if self.authentication.client_authentication == ClientAuthentication::None
                    && !self.is_public_client() =>
            {
                Some(Problem::PkceNeeded)
            }
            Field::TokenEndpoint
                if self.flow == OauthFlow::ClientCredentials
                    && microsoft::is_for_all_tenants(&self.authentication.token_endpoint) =>
            {
                Some(Problem::TenantNeeded)
            }
            _ => None,
        }
    }

    /// Returns the controls whose values are malformed, regardless of the flow.
    fn format_problems(&self) -> Vec<(Field, Problem)> {
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
                        .then(|| field_problem(field, self.text(field)).err())
                        .flatten()
                        .map(|problem| (field, problem))
                })
            })
            .collect()
    }
}

/// A group struct of the form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Basic,
    SignIn,
    Oauth,
    Authentication,
}

impl Group {
    /// Returns the control of a member that `validator` names in its errors.
    fn field(self, member: &str) -> Option<Field> {
        Field::ALL.iter().copied().find(|&field| member_of(field) == Some((self, member)))
    }
}

/// Returns the group struct and the member of a control whose format `validator` checks.
const fn member_of(field: Field) -> Option<(Group, &'static str)> {
    Some(match field {
        Field::BasicSender => (Group::Basic, "sender"),
        Field::BasicDisplayName => (Group::Basic, "display_name"),
        Field::BasicServer => (Group::Basic, "server"),
        Field::BasicPort => (Group::Basic, "port"),
        Field::BasicTrustedCa => (Group::Basic, "trusted_ca"),
        Field::Username => (Group::SignIn, "username"),
        Field::PasswordExpiresOn => (Group::SignIn, "password_expires_on"),
        Field::OauthSender => (Group::Oauth, "sender"),
        Field::OauthDisplayName => (Group::Oauth, "display_name"),
        Field::OauthServer => (Group::Oauth, "server"),
        Field::OauthPort => (Group::Oauth, "port"),
        Field::OauthTrustedCa => (Group::Oauth, "trusted_ca"),
        Field::ClientId => (Group::Authentication, "client_id"),
        Field::ClientSecretExpiresOn => (Group::Authentication, "client_secret_expires_on"),
        Field::AuthorizationEndpoint => (Group::Authentication, "authorization_endpoint"),
        Field::TokenEndpoint => (Group::Authentication, "token_endpoint"),
        Field::RedirectUri => (Group::Authentication, "redirect_uri"),
        Field::Scope => (Group::Authentication, "scope"),
        // They have no format, or are secrets, which `Draft::secret_problem` checks.
        Field::Flow
        | Field::BasicUseTls
        | Field::BasicTlsMode
        | Field::Password
        | Field::OauthUseTls
        | Field::OauthTlsMode
        | Field::ClientSecret
        | Field::ClientAuthentication => return None,
    })
}

/// Returns why a text is not a valid endpoint; empty text is missing.
pub fn endpoint_problem(field: Field, text: &str) -> Option<Problem> {
    if text.is_empty() { Some(Problem::Missing) } else { field_problem(field, text).err() }
}

/// Returns the rules that the URL of a control breaks: the first, and those that show once the part
/// that breaks it is left out.
pub fn url_problems(field: Field, text: &str) -> Vec<url::UrlProblem> {
    let (mut rest, mut found) = (Some(text.to_owned()), vec![]);
    while let Some(text) = rest
        && let Err(Problem::Url(problem)) = field_problem(field, &text)
    {
        found.push(problem);
        rest = url::without_part(problem, &text);
    }
    found
}

/// Validates the format of one control's text. Empty text is valid.
pub(crate) fn field_problem(field: Field, text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Ok(());
    }
    let limit = field.limit();
    let has_own_bound = matches!(field, Field::BasicPort | Field::OauthPort);
    if text.chars().count() as u64 > limit && !has_own_bound && field.kind() != Kind::Date {
        return Err(Problem::TooLong(limit));
    }
    if field.is_line() && text::one_line(text).is_err() {
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
        Field::PasswordExpiresOn | Field::ClientSecretExpiresOn => {
            date::date(text).map(drop).map_err(|_| Problem::NotADate)
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
        | Field::ClientSecret
        | Field::ClientAuthentication => Ok(()),
    }
}

/// Custom rules for `validator`. They report only that a rule is broken; the reason is computed
/// afterwards, because errors of `validator` contain the value.
pub(crate) mod rule {
    use validator::ValidationError;

    use super::{address, certificate, date, host, port, text, url};
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

    pub fn date(text: &str) -> Verdict {
        verdict(text, "date", date::date)
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

#[cfg(test)]
mod tests {
    use super::url::UrlProblem::{BadHost, Fragment, HttpNotLoopback, Scheme, Space, UserInfo};
    use super::*;

    #[test]
    fn each_rule_that_a_url_breaks_is_found() {
        for (field, text, expected) in [
            (Field::TokenEndpoint, "https://example.com/token", vec![]),
            (
                Field::TokenEndpoint,
                "http://user:pw@example.com/#x",
                vec![Fragment, UserInfo, HttpNotLoopback],
            ),
            (Field::TokenEndpoint, "https://a @b@-/ #", vec![Space, Fragment, UserInfo, BadHost]),
            (Field::RedirectUri, "javascript:a #", vec![Space, Fragment, Scheme]),
        ] {
            assert_eq!(url_problems(field, text), expected, "{text:?}");
        }
    }
}
