//! The reasons for which a credential is rejected, each with a code for the audit trail. They
//! contain no part of the credential: neither token nor header.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Why a credential is rejected, or an authenticated user has no access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum CredentialRejection {
    #[error("what was shown is no token that this server reads")]
    Malformed,
    #[error("the token is signed by an algorithm that was not configured")]
    Algorithm,
    #[error("no key of the issuer has the token's key id")]
    KeyUnknown,
    #[error("no key of the issuer is known, and none can be fetched")]
    KeysUnavailable,
    #[error("the token's type is not one that says who is signed in")]
    Type,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token is by another issuer")]
    Issuer,
    #[error("the token does not say whom it is for")]
    AudienceMissing,
    #[error("the token is for somebody else")]
    Audience,
    #[error("the token never ends")]
    ExpiryMissing,
    #[error("the token does not say when it was issued, and its age is limited")]
    IssuedAtMissing,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("a proxy's header came from somebody who is not that proxy")]
    HeaderSpoofed,
    #[error("a proxy's header says nothing that can be read")]
    HeaderMalformed,
    #[error("none of the roles may be here")]
    RoleMissing,
    #[error("the session was ended")]
    SessionEnded,
    #[error("the session is of an account that was removed")]
    AccountRemoved,
}

impl CredentialRejection {
    /// Every reason.
    pub const ALL: [Self; 18] = [
        Self::Malformed,
        Self::Algorithm,
        Self::KeyUnknown,
        Self::KeysUnavailable,
        Self::Type,
        Self::Signature,
        Self::Issuer,
        Self::AudienceMissing,
        Self::Audience,
        Self::ExpiryMissing,
        Self::IssuedAtMissing,
        Self::Expired,
        Self::NotYetValid,
        Self::HeaderSpoofed,
        Self::HeaderMalformed,
        Self::RoleMissing,
        Self::SessionEnded,
        Self::AccountRemoved,
    ];

    /// Returns the code, for responses and the audit trail.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "host-token-malformed",
            Self::Algorithm => "host-token-algorithm",
            Self::KeyUnknown => "host-token-key-unknown",
            Self::KeysUnavailable => "host-keys-unavailable",
            Self::Type => "host-token-type",
            Self::Signature => "host-token-signature",
            Self::Issuer => "host-token-issuer",
            Self::AudienceMissing => "host-token-audience-missing",
            Self::Audience => "host-token-audience",
            Self::ExpiryMissing => "host-token-expiry-missing",
            Self::IssuedAtMissing => "host-token-issued-at-missing",
            Self::Expired => "host-token-expired",
            Self::NotYetValid => "host-token-not-yet-valid",
            Self::HeaderSpoofed => "proxy-header-spoofed",
            Self::HeaderMalformed => "proxy-header-malformed",
            Self::RoleMissing => "role-missing",
            Self::SessionEnded => "session-ended",
            Self::AccountRemoved => "account-removed",
        }
    }

    /// Returns the HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::RoleMissing => StatusCode::FORBIDDEN,
            Self::KeysUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }
}

impl CredentialRejection {
    /// Whether it is about a token, which any client can fabricate at will.
    #[must_use]
    pub const fn is_about_a_token(self) -> bool {
        match self {
            Self::Malformed
            | Self::Algorithm
            | Self::KeyUnknown
            | Self::Type
            | Self::Signature
            | Self::Issuer
            | Self::AudienceMissing
            | Self::Audience
            | Self::ExpiryMissing
            | Self::IssuedAtMissing
            | Self::Expired
            | Self::NotYetValid => true,
            Self::KeysUnavailable
            | Self::HeaderSpoofed
            | Self::HeaderMalformed
            | Self::RoleMissing
            | Self::SessionEnded
            | Self::AccountRemoved => false,
        }
    }
}

#[derive(Serialize)]
struct RejectionBody {
    code: &'static str,
}

impl IntoResponse for CredentialRejection {
    fn into_response(self) -> Response {
        let answer = (self.status(), Json(RejectionBody { code: self.code() }));
        match self.status() {
            // No `WWW-Authenticate`: a bearer token does not replace an ended session.
            _ if matches!(self, Self::SessionEnded | Self::AccountRemoved) => {
                answer.into_response()
            }
            // RFC 6750 3.1
            StatusCode::UNAUTHORIZED => {
                ([(WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#)], answer).into_response()
            }
            _ => answer.into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use app::api::ApiError;
    use leptos::server_fn::error::FromServerFnError;

    use super::*;

    #[test]
    fn the_page_has_a_message_for_every_reason() {
        for refused in CredentialRejection::ALL {
            let body = format!(r#"{{"code":"{}"}}"#, refused.code());
            let read = ApiError::de(body.into());
            assert_ne!(read, ApiError::Unreachable, "{}", refused.code());
        }
    }
}
