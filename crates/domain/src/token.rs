//! OAuth token status, attempts to obtain a token, and failure codes, as a browser may see them. No
//! type here contains a token, an authorization code or a secret. The texts are in the crate `labels`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The status of the access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The grant's ID, which a refresh does not change. A save that would delete the token must
    /// name it.
    pub grant: String,
    /// When the current access token was obtained; in JSON as epoch milliseconds.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub obtained_at: DateTime<Utc>,
    /// When the access token expires; in JSON as epoch milliseconds.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub expires_at: DateTime<Utc>,
    /// The granted scope, if it differs from the requested one (RFC 6749 3.3, 5.1).
    pub scope: Option<String>,
    /// When the refresh token expires according to the provider, no matter how often it is used; in
    /// JSON as epoch milliseconds.
    #[serde(default, with = "chrono::serde::ts_milliseconds_option")]
    pub sign_in_by: Option<DateTime<Utc>>,
    /// How the token is renewed before it expires.
    pub renewal: Renewal,
}

/// How a token is renewed before it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Renewal {
    /// Automatically, with a refresh token (RFC 6749 6) or by Client Credentials (RFC 6749 4.4).
    ByItself,
    /// There is no refresh token: a user must consent again.
    BySigningIn,
    /// The last refresh failed; PPM retries.
    Failing {
        /// Why the last try failed.
        #[serde(rename = "setback")]
        failure: OauthFailure,
        /// When the next try is due; in JSON as epoch milliseconds.
        #[serde(with = "chrono::serde::ts_milliseconds")]
        next_at: DateTime<Utc>,
    },
    /// The provider reports that the grant is no longer valid (`invalid_grant`, RFC 6749 5.2).
    Gone(OauthFailure),
}

/// Whether a usable token exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenStatus {
    /// No token was obtained, or it was deleted.
    Absent,
    /// The token is valid.
    Valid,
    /// The token has expired, or the provider has revoked the grant.
    Expired,
}

impl TokenStatus {
    /// Returns the status of a token at an instant.
    pub fn of(token: Option<&Token>, at: DateTime<Utc>) -> Self {
        match token {
            None => Self::Absent,
            Some(Token { renewal: Renewal::Gone(_), .. }) => Self::Expired,
            Some(token) if at >= token.expires_at => Self::Expired,
            Some(_) => Self::Valid,
        }
    }
}

/// An attempt to obtain a token, started by Get Auth Token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its random ID.
    pub id: String,
    /// The deadline for completing it; in JSON as epoch milliseconds.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub expires_at: DateTime<Utc>,
    /// Whether the user must paste the final address, because the Redirect URI is not this server's.
    pub needs_pasting: bool,
    /// Its outcome, once it has ended.
    pub end: Option<AttemptOutcome>,
}

/// The outcome of an attempt to obtain a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptOutcome {
    /// A new token was obtained.
    Obtained,
    /// No token was obtained; an existing token is unchanged.
    Failed(OauthFailure),
}

/// A failure to obtain or refresh a token: the stage, the likely cause and the provider's error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OauthFailure {
    /// The stage that failed.
    #[serde(rename = "leg")]
    pub stage: OauthStage,
    /// The likely cause.
    #[serde(rename = "fault")]
    pub diagnosis: OauthDiagnosis,
    /// The provider's error and description, or a fact that PPM found; safe to display as text.
    #[serde(rename = "said")]
    pub peer_text: Option<String>,
}

impl OauthFailure {
    /// The failure for a token that had already expired when it was received.
    pub const fn expired_on_arrival(stage: OauthStage) -> Self {
        Self { stage, diagnosis: OauthDiagnosis::ExpiredOnArrival, peer_text: None }
    }
}

/// A stage of obtaining a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OauthStage {
    /// A user consents at the provider (RFC 6749 4.1.1).
    Consent,
    /// The browser returns with an authorization code (RFC 6749 4.1.2).
    Return,
    /// PPM requests the first token from the Token Endpoint (RFC 6749 4.1.3, 4.4.2).
    TokenRequest,
    /// PPM requests the next token from the Token Endpoint (RFC 6749 6, or 4.4.2 again).
    Renewal,
}

/// The likely cause of an OAuth failure. The crate `labels` explains each code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OauthDiagnosis {
    // Errors of the provider's Authorization Endpoint or Token Endpoint (RFC 6749 4.1.2.1, 5.2).
    /// The user or the provider denied the request (`access_denied`).
    AccessDenied,
    /// The provider needs user interaction (`consent_required`, `login_required`,
    /// `interaction_required`, `account_selection_required`; `OpenID` Connect Core 3.1.2.6).
    InteractionRequired,
    /// `invalid_request`.
    InvalidRequest,
    /// `invalid_client`: wrong ID or secret, or wrong client authentication method.
    InvalidClient,
    /// `invalid_grant`: the code or the refresh token is no longer valid.
    InvalidGrant,
    /// `unauthorized_client`: the client may not use this flow.
    UnauthorizedClient,
    /// `unsupported_grant_type`.
    UnsupportedGrantType,
    /// `unsupported_response_type`.
    UnsupportedResponseType,
    /// `invalid_scope`.
    InvalidScope,
    /// Any other error code.
    UnknownError,
    /// The provider failed (`server_error`, or HTTP 5xx).
    ProviderFailed,
    /// The provider is busy (`temporarily_unavailable`, `slow_down`, or HTTP 429).
    ProviderBusy,

    // Errors of the callback to this server.
    /// The attempt does not exist.
    AttemptUnknown,
    /// The attempt's ten minutes are over.
    AttemptExpired,
    /// The user stopped the attempt.
    AttemptStopped,
    /// The attempt was already completed; a callback address works once.
    AttemptUsed,
    /// The attempt was started in another browser.
    OtherBrowser,
    /// The attempt was started by another user, or by a user who is no longer an administrator.
    OtherPerson,
    /// The attempt was started in another session.
    OtherSession,
    /// Settings were saved after the attempt was started.
    SettingsChanged,
    /// The response names another issuer (`iss`, RFC 9207).
    OtherIssuer,
    /// The response lacks `iss`, which the provider's metadata announces (RFC 9207 3).
    IssuerMissing,
    /// The response has neither a code nor an error.
    NoCode,
    /// The response reports an administrator's consent for the organisation
    /// (`admin_consent=True`), which has no code.
    AdminConsented,

    // Errors of the connection to the provider, or of its response.
    /// The name does not exist.
    NameNotFound,
    /// DNS did not answer.
    NameServiceFailed,
    /// The name resolves only to forbidden addresses.
    AddressForbidden,
    /// The operator has not allowed this address and port (`--egress-allow`).
    EgressNotAllowed,
    /// The operator has denied this host, address or port (`--egress-deny`).
    EgressDenied,
    /// The connection was refused: nothing listens there.
    NothingListens,
    /// No answer to the connection attempt within the timeout.
    Unreachable,
    /// This machine does not trust the certificate's issuer.
    CertificateUntrusted,
    /// The certificate has expired or is not valid yet.
    CertificateOutOfDate,
    /// The certificate is for another name.
    CertificateWrongName,
    /// Any other TLS error.
    TlsFailed,
    /// The connection was closed before the response was complete.
    ConnectionLost,
    /// The connection succeeded, but the response exceeded the timeout.
    TooSlow,
    /// The response exceeds 64 KiB.
    TooLong,
    /// The response is a redirect, which is not followed.
    Redirected,
    /// The response is not an OAuth response, for example an HTML page.
    NotOauth,
    /// The response comes from a bot protection in front of the provider.
    BotGuard,
    /// The response is a sign-in page.
    SignInPage,
    /// The response comes from a network device: a proxy, a filter or a captive portal.
    NetworkPage,
    /// The response has no access token.
    NoToken,
    /// The token's type is not Bearer (RFC 6750).
    OtherTokenType,
    /// The token had already expired when it was received.
    ExpiredOnArrival,
    /// The request was rejected with HTTP 4xx and no reason.
    RefusedSilently,

    /// A sealed value cannot be opened with the current key.
    SecretUnreadable,
    /// This server failed; details are in its log.
    ServerFailed,
}

impl OauthDiagnosis {
    /// Whether the provider reported this cause by an error code; the text is then the provider's.
    pub const fn is_of_provider(self) -> bool {
        matches!(
            self,
            Self::AccessDenied
                | Self::InteractionRequired
                | Self::InvalidRequest
                | Self::InvalidClient
                | Self::InvalidGrant
                | Self::UnauthorizedClient
                | Self::UnsupportedGrantType
                | Self::UnsupportedResponseType
                | Self::InvalidScope
                | Self::UnknownError
        )
    }

    /// Whether the text comes from this machine (egress policy, DNS or TLS) and not from the
    /// provider.
    pub const fn is_in_own_words(self) -> bool {
        matches!(
            self,
            Self::NameServiceFailed
                | Self::AddressForbidden
                | Self::EgressNotAllowed
                | Self::EgressDenied
                | Self::CertificateUntrusted
                | Self::CertificateOutOfDate
                | Self::CertificateWrongName
                | Self::TlsFailed
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(renewal: Renewal) -> Token {
        Token {
            grant: "grant".to_owned(),
            obtained_at: DateTime::UNIX_EPOCH,
            expires_at: "2027-03-01T09:00:00Z".parse().unwrap(),
            scope: None,
            sign_in_by: None,
            renewal,
        }
    }

    #[test]
    fn a_token_is_valid_until_it_expires_or_the_grant_becomes_invalid() {
        let failure = OauthFailure {
            stage: OauthStage::Renewal,
            diagnosis: OauthDiagnosis::InvalidGrant,
            peer_text: None,
        };
        let (valid, gone) = (token(Renewal::ByItself), token(Renewal::Gone(failure)));
        for (token, at, expected) in [
            (None, "1970-01-01T00:00:00Z", TokenStatus::Absent),
            (Some(&valid), "2027-03-01T08:59:59.999Z", TokenStatus::Valid),
            (Some(&valid), "2027-03-01T09:00:00Z", TokenStatus::Expired),
            (Some(&gone), "1970-01-01T00:00:00Z", TokenStatus::Expired),
        ] {
            assert_eq!(TokenStatus::of(token, at.parse().unwrap()), expected, "{at}");
        }
    }
}
