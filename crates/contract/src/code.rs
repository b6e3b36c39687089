//! The error codes of the HTTP API: every reason for which a request is refused, with its status.

use std::fmt;

use domain::Field;
use serde::{Deserialize, Serialize};

macro_rules! api_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $status:literal, $general:ident;)+) => {
        /// Why a request was refused. It holds no value, no peer's text and no secret.
        ///
        /// In JSON it is its code as a string; [`Oversized`](Self::Oversized) is an object with its
        /// code and the control's name. Middleware wraps it as `{"code": …}`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum ApiCode {
            /// A control's value exceeds the maximum length.
            #[serde(rename = "oversized")]
            Oversized(Field),
            $($(#[doc = $doc])+ #[serde(rename = $code)] $name,)+
        }

        impl ApiCode {
            /// Every code but [`Oversized`](Self::Oversized).
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the code, as on the wire and in the audit trail.
            pub const fn code(self) -> &'static str {
                match self {
                    Self::Oversized(_) => "oversized",
                    $(Self::$name => $code,)+
                }
            }

            /// Returns the HTTP status (RFC 9110 15).
            pub const fn status(self) -> u16 {
                match self {
                    Self::Oversized(_) => 413,
                    $(Self::$name => $status,)+
                }
            }

            /// Returns the code that stands for this one on a page: an administrator does the same
            /// about every rejected credential, for example.
            pub const fn general(self) -> Self {
                match self {
                    Self::Oversized(field) => Self::Oversized(field),
                    $(Self::$name => Self::$general,)+
                }
            }
        }
    };
}

api_codes! {
    /// The caller is not signed in.
    SignedOut = "signed-out", 401, SignedOut;
    /// The caller's role does not allow this.
    Forbidden = "forbidden", 403, Forbidden;
    /// The saved settings are incomplete.
    Incomplete = "incomplete", 409, Incomplete;
    /// The caller has no verified email address.
    NoAddress = "no-address", 409, NoAddress;
    /// An OAuth flow is saved, but there is no token.
    TokenNeeded = "token-needed", 409, TokenNeeded;
    // "token-elsewhere" is a historical name.
    /// The token is bound to another mail server.
    TokenForOtherServer = "token-elsewhere", 409, TokenForOtherServer;
    /// The pasted text is not a callback address with an authorization response.
    NoAnswerInAddress = "no-answer-in-address", 400, NoAnswerInAddress;
    /// Another test message is already running.
    Busy = "busy", 409, Busy;
    /// The requested item does not exist, or no route matches the path.
    NotFound = "not-found", 404, NotFound;
    /// The request is malformed.
    Malformed = "malformed", 400, Malformed;
    /// The request body is too large.
    TooLarge = "too-large", 413, TooLarge;
    /// The request was cross-site.
    CrossSite = "cross-site", 403, CrossSite;
    /// The server failed; details are in its log.
    ServerFailed = "server-failed", 500, ServerFailed;
    /// The server did not answer within the timeout. Only the browser uses it.
    Unreachable = "unreachable", 502, Unreachable;

    /// The request is for another host than that of the public URL.
    AnotherHost = "another-host", 421, Unreachable;
    /// A call's `Content-Type` is not JSON.
    NotJson = "not-json", 415, Malformed;
    /// A form's `Content-Type` is not URL-encoded.
    NotAForm = "not-a-form", 415, Unreachable;
    /// The body did not arrive in time.
    BodyTooSlow = "body-too-slow", 408, Unreachable;
    /// The body is larger than this caller may send.
    BodyTooLarge = "body-too-large", 413, TooLarge;
    /// The body was cut off.
    BodyBroken = "body-broken", 400, Malformed;
    /// The response was not ready in time.
    AnswerTooSlow = "answer-too-slow", 503, Unreachable;
    /// An internal error.
    Internal = "internal", 500, ServerFailed;
    /// The maximum number of streams is open.
    TooManyStreams = "too-many-streams", 503, Unreachable;
    /// Too many attempts from this client.
    TooManyAttempts = "too-many-attempts", 429, Unreachable;
    /// The database does not respond.
    Unavailable = "unavailable", 503, ServerFailed;

    /// The host's token cannot be parsed.
    HostTokenMalformed = "host-token-malformed", 401, SignedOut;
    /// The host's token is signed by an algorithm that is not configured.
    HostTokenAlgorithm = "host-token-algorithm", 401, SignedOut;
    /// No key of the issuer has the token's key ID.
    HostTokenKeyUnknown = "host-token-key-unknown", 401, SignedOut;
    /// The issuer's keys are unknown and cannot be fetched.
    HostKeysUnavailable = "host-keys-unavailable", 503, ServerFailed;
    /// The host's token has another type (RFC 7519 5.1).
    HostTokenType = "host-token-type", 401, SignedOut;
    /// The signature of the host's token is wrong.
    HostTokenSignature = "host-token-signature", 401, SignedOut;
    /// The host's token has another issuer.
    HostTokenIssuer = "host-token-issuer", 401, SignedOut;
    /// The host's token has no audience.
    HostTokenAudienceMissing = "host-token-audience-missing", 401, SignedOut;
    /// The host's token has another audience.
    HostTokenAudience = "host-token-audience", 401, SignedOut;
    /// The host's token has no expiry.
    HostTokenExpiryMissing = "host-token-expiry-missing", 401, SignedOut;
    /// The host's token has no issue time, and its age is limited.
    HostTokenIssuedAtMissing = "host-token-issued-at-missing", 401, SignedOut;
    /// The host's token has expired; a retry with a new token may succeed.
    HostTokenExpired = "host-token-expired", 401, HostTokenExpired;
    /// The host's token is not valid yet.
    HostTokenNotYetValid = "host-token-not-yet-valid", 401, SignedOut;
    /// An identity header came from a peer that is not the trusted proxy.
    ProxyHeaderSpoofed = "proxy-header-spoofed", 401, SignedOut;
    /// An identity header of the trusted proxy cannot be parsed.
    ProxyHeaderMalformed = "proxy-header-malformed", 401, SignedOut;
    /// None of the caller's roles grants access.
    RoleMissing = "role-missing", 403, Forbidden;
    /// The session has ended.
    SessionEnded = "session-ended", 401, SignedOut;
    /// The account of the session was removed.
    AccountRemoved = "account-removed", 401, SignedOut;
}

impl ApiCode {
    /// Whether a host's token was rejected, which any client can fabricate at will.
    pub fn is_host_token(self) -> bool {
        self.code().starts_with("host-token-")
    }
}

impl fmt::Display for ApiCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl std::error::Error for ApiCode {}

/// The body of an error response of middleware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The code.
    pub code: ApiCode,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes and statuses of release 0.1, which hosts and scripts rely on.
    const RELEASE_0_1: &str = include_str!("../tests/codes-0.1.txt");

    #[test]
    fn the_codes_of_release_0_1_keep_their_statuses() {
        let codes = ApiCode::ALL.iter().chain(&[ApiCode::Oversized(Field::Scope)]);
        let lines: Vec<_> = codes.map(|code| format!("{} {code}", code.status())).collect();
        for line in RELEASE_0_1.lines() {
            assert!(lines.iter().any(|now| now == line), "{line}");
        }
    }

    #[test]
    fn a_code_is_a_string_in_json_and_reads_back() {
        for &code in ApiCode::ALL {
            let json = serde_json::to_string(&code).expect("JSON");
            assert_eq!(json, format!("{:?}", code.code()));
            assert_eq!(serde_json::from_str::<ApiCode>(&json).ok(), Some(code));
        }
    }

    #[test]
    fn an_oversized_control_is_named() {
        let json = serde_json::to_string(&ApiCode::Oversized(Field::Scope)).expect("JSON");
        assert_eq!(json, r#"{"oversized":"scope"}"#);
    }
}
