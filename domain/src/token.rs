//! The OAuth token as far as a browser may know it, the attempts to obtain one, and in codes what
//! can go wrong on the way. Never a token, a code or a secret; words live with the page.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The token that mail is sent with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Names what was consented to; a renewal does not change it. A save that would delete the
    /// token has to name it.
    pub grant: String,
    /// When the present access token was obtained; on the wire in epoch milliseconds.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub obtained_at: DateTime<Utc>,
    /// From when on the access token is no longer good; on the wire in epoch milliseconds.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub expires_at: DateTime<Utc>,
    /// What was granted (RFC 6749 3.3, 5.1), where that is not what was asked for.
    pub scope: Option<String>,
    /// When renewal ends by the provider's word, however often the token is renewed until then; on the
    /// wire in epoch milliseconds.
    #[serde(default, with = "chrono::serde::ts_milliseconds_option")]
    pub sign_in_by: Option<DateTime<Utc>>,
    /// What happens before it expires.
    pub renewal: Renewal,
}

/// What happens before a token expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Renewal {
    /// PPM renews it, with a refresh token (RFC 6749 6) or by asking again as itself (4.4).
    ByItself,
    /// There is no refresh token: somebody has to sign in again.
    BySigningIn,
    /// PPM tried to renew it, in vain, and tries again.
    Failing {
        /// Why the last try failed.
        setback: Setback,
        /// When it tries again; on the wire in epoch milliseconds.
        #[serde(with = "chrono::serde::ts_milliseconds")]
        next_at: DateTime<Utc>,
    },
    /// The provider says that the grant is gone (`invalid_grant`, RFC 6749 5.2).
    Gone(Setback),
}

/// Whether there is a token to send with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenStatus {
    /// None was obtained, or it was deleted.
    Absent,
    /// It is good.
    Valid,
    /// Its time is over, or the provider has taken it back.
    Expired,
}

impl TokenStatus {
    /// The status of a token at an instant.
    #[must_use]
    pub fn of(token: Option<&Token>, at: DateTime<Utc>) -> Self {
        match token {
            None => Self::Absent,
            Some(Token { renewal: Renewal::Gone(_), .. }) => Self::Expired,
            Some(token) if at >= token.expires_at => Self::Expired,
            Some(_) => Self::Valid,
        }
    }
}

/// One press of Get Auth Token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its random id.
    pub id: String,
    /// Until when it can be finished; on the wire in epoch milliseconds.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub expires_at: DateTime<Utc>,
    /// Whether somebody has to paste the final address, because the Redirect URI is not this
    /// server's.
    pub needs_pasting: bool,
    /// How it ended, once it has.
    pub end: Option<AttemptEnd>,
}

/// How an attempt to obtain a token ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptEnd {
    /// There is a new token.
    Obtained,
    /// There is none, and the one before is untouched.
    Failed(Setback),
}

/// What went wrong on the way to a token: at which leg, in whose words, and what it means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setback {
    /// Where.
    pub leg: Leg,
    /// What it usually means.
    pub fault: Fault,
    /// The provider's own error and description, or the fact found; fit to be shown as text.
    pub said: Option<String>,
}

impl Setback {
    /// A token that is of no use, because it has expired when it arrives.
    #[must_use]
    pub const fn expired_on_arrival(leg: Leg) -> Self {
        Self { leg, fault: Fault::ExpiredOnArrival, said: None }
    }
}

/// A leg of the way to a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leg {
    /// Somebody signs in at the provider and consents (RFC 6749 4.1.1).
    Consent,
    /// The browser comes back with a code (RFC 6749 4.1.2).
    Return,
    /// PPM asks the Token Endpoint for a first token (RFC 6749 4.1.3, 4.4.2).
    TokenRequest,
    /// PPM asks the Token Endpoint for the next one (RFC 6749 6, or 4.4.2 again).
    Renewal,
}

/// What a setback usually means: the code under which the page keeps its explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    // What a provider says, at its page or at its Token Endpoint (RFC 6749 4.1.2.1, 5.2).
    /// Somebody declined (`access_denied`).
    AccessDenied,
    /// The provider wanted to ask more than it could (`consent_required`, `login_required`,
    /// `interaction_required`, `account_selection_required`; `OpenID` Connect Core 3.1.2.6).
    InteractionRequired,
    /// `invalid_request`.
    InvalidRequest,
    /// `invalid_client`: id or secret is wrong, or goes another way.
    InvalidClient,
    /// `invalid_grant`: the code or the refresh token is no longer good.
    InvalidGrant,
    /// `unauthorized_client`: this application may not use this flow.
    UnauthorizedClient,
    /// `unsupported_grant_type`.
    UnsupportedGrantType,
    /// `unsupported_response_type`.
    UnsupportedResponseType,
    /// `invalid_scope`.
    InvalidScope,
    /// An error code that no RFC read here knows.
    UnknownError,
    /// The provider failed (`server_error`, or a status of 5xx).
    ProviderFailed,
    /// The provider is busy (`temporarily_unavailable`, `slow_down`, or a status of 429).
    ProviderBusy,

    // The way back to this server.
    /// There is no such attempt.
    AttemptUnknown,
    /// Its ten minutes are over.
    AttemptExpired,
    /// It was finished before: an address is good once.
    AttemptUsed,
    /// It was begun in another browser.
    OtherBrowser,
    /// It was begun by somebody else, or by somebody who is no administrator any more.
    OtherPerson,
    /// It was begun in another session.
    OtherSession,
    /// Settings were saved since.
    SettingsChanged,
    /// Another provider answers than before (`iss`, RFC 9207).
    OtherIssuer,
    /// The provider says that its answers name it (RFC 9207 3), and this one names none.
    IssuerMissing,
    /// The browser came back with neither a code nor an error.
    NoCode,
    /// The browser came back with an administrator's consent for the whole organisation
    /// (`admin_consent=True`), and so without a code.
    AdminConsented,

    // The Token Endpoint, below and beside what RFC 6749 says.
    /// No such name.
    NameNotFound,
    /// The name service did not answer.
    NameServiceFailed,
    /// Only addresses that this server may not call.
    AddressForbidden,
    /// The operator allows no call to this address and port (`--egress-allow`).
    EgressNotAllowed,
    /// The operator denies this host, address or port (`--egress-deny`).
    EgressDenied,
    /// Nothing listens there.
    NothingListens,
    /// No answer to the connection attempt, or none in time.
    Unreachable,
    /// The certificate is of an issuer that this machine does not trust.
    CertificateUntrusted,
    /// The certificate's time is over or has not begun.
    CertificateOutOfDate,
    /// The certificate is for another name.
    CertificateWrongName,
    /// Anything else that TLS did not like.
    TlsFailed,
    /// The connection ended in the middle.
    ConnectionLost,
    /// It connected, and then took more time than there is.
    TooSlow,
    /// The answer is longer than any token answer (64 KiB).
    TooLong,
    /// It answers with a redirect, which is not followed.
    Redirected,
    /// It answers something that is no token answer: a page, say.
    NotOauth,
    /// A guard against robots answers in front of the provider.
    BotGuard,
    /// A page answers where a person is to sign in.
    SignInPage,
    /// A device of the network answers in place of the provider: a proxy, a filter, a captive portal.
    NetworkPage,
    /// It answers without an access token.
    NoToken,
    /// It gives a token of another type than Bearer (RFC 6750).
    OtherTokenType,
    /// It gives a token that has expired when it arrives.
    ExpiredOnArrival,
    /// It refuses and does not say why: a status of 4xx and nothing more.
    RefusedSilently,

    /// What is stored cannot be opened with the key at hand.
    SecretUnreadable,
    /// This server failed; its log says why.
    ServerFailed,
}

impl Fault {
    /// Whether a provider has named it by an error code, so that the words beside it are its own.
    #[must_use]
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

    /// Whether the words beside it are of this machine (its egress policy, name service or TLS), and
    /// not of the provider.
    #[must_use]
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
    fn a_token_is_valid_until_the_instant_of_its_expiry() {
        let token = token(Renewal::ByItself);
        for (at, expected) in [
            ("2027-03-01T08:59:59.999Z", TokenStatus::Valid),
            ("2027-03-01T09:00:00Z", TokenStatus::Expired),
        ] {
            assert_eq!(TokenStatus::of(Some(&token), at.parse().unwrap()), expected, "{at}");
        }
    }

    #[test]
    fn a_token_whose_grant_is_gone_is_expired_before_its_time() {
        let setback = Setback { leg: Leg::Renewal, fault: Fault::InvalidGrant, said: None };
        let token = token(Renewal::Gone(setback));
        assert_eq!(TokenStatus::of(Some(&token), DateTime::UNIX_EPOCH), TokenStatus::Expired);
    }

    #[test]
    fn where_nothing_was_obtained_nothing_has_expired() {
        assert_eq!(TokenStatus::of(None, DateTime::UNIX_EPOCH), TokenStatus::Absent);
    }
}
