//! Validates the host's token: a JWT (RFC 7519) that identifies the user of the surrounding
//! product. Only configured algorithms with a public key are accepted, regardless of the token's
//! header (RFC 8725 3.1), and its times are compared with this server's clock.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use contract::ApiCode;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};
use oauth::Documents;
use serde_json::Value;
use vault::clock::Clock;

use super::{Principal, claims::HostClaims, keys::Keys};
use crate::config::{HostTokens, RoleNames};
use crate::signatures;

/// The allowed clock skew between the host and this server, in seconds.
const SKEW: f64 = 60.0;
/// The longest token that is parsed, in octets.
const LONGEST: usize = 16 * 1024;
/// The accepted values of `typ`: any JWT, and an access token (RFC 9068 2.1). Tokens for other
/// purposes (a logout token, a proof of possession, an event) have other types (RFC 8725 3.11).
const TYPES: [&str; 2] = ["JWT", "at+jwt"];
const PREFIX: &str = "application/";

/// Validates the tokens of one host.
#[derive(Clone)]
pub struct TokenCheck {
    configured: HostTokens,
    roles: RoleNames,
    keys: Keys,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for TokenCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCheck").field("configured", &self.configured).finish_non_exhaustive()
    }
}

impl TokenCheck {
    /// Creates the validator; it fetches keys through `documents`.
    pub fn new(
        configured: HostTokens,
        roles: RoleNames,
        documents: Documents,
        clock: Arc<dyn Clock>,
    ) -> Self {
        signatures::install();
        let keys = Keys::new(configured.keys.clone(), documents, Arc::clone(&clock));
        Self { configured, roles, keys, clock }
    }

    /// Validates a token and returns its user.
    ///
    /// # Errors
    /// The reason for which the token is rejected.
    pub async fn principal(&self, token: &str) -> Result<Principal, ApiCode> {
        if token.len() > LONGEST {
            return Err(ApiCode::HostTokenMalformed);
        }
        let header = self.header(token)?;
        let key = self.keys.find(header.kid.as_deref(), header.alg).await?;
        let decoded = decode::<HostClaims>(token, &key, &self.validation(header.alg));
        let claims = decoded.map_err(|error| refused(&error))?.claims;
        // The crate also accepts an array; RFC 7519 4.1.1 allows a string only.
        if !claims.get("iss").is_some_and(Value::is_string) {
            return Err(ApiCode::HostTokenIssuer);
        }
        self.is_in_time(&claims)?;
        let HostTokens { issuer, claims: names, trusts_email, .. } = &self.configured;
        names.principal(&claims, issuer, &self.roles, *trusts_email)
    }

    /// Returns the header, if the algorithm and the type are accepted and it requires no extension
    /// (RFC 7515 4.1.11).
    fn header(&self, token: &str) -> Result<Header, ApiCode> {
        let header = decode_header(token).map_err(|_| {
            if names_unknown_algorithm(token) {
                ApiCode::HostTokenAlgorithm
            } else {
                ApiCode::HostTokenMalformed
            }
        })?;
        match &header {
            Header { alg, .. } if !self.configured.algorithms.contains(alg) => {
                Err(ApiCode::HostTokenAlgorithm)
            }
            Header { crit: Some(_), .. } | Header { zip: Some(_), .. } => {
                Err(ApiCode::HostTokenMalformed)
            }
            Header { typ: Some(name), .. } if !is_accepted_type(name) => {
                Err(ApiCode::HostTokenType)
            }
            _ => Ok(header),
        }
    }

    /// Has the crate check signature, issuer and audience. The times are checked in this module,
    /// because the crate reads the ambient clock.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.configured.issuer]);
        validation.set_audience(&[&self.configured.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        validation.validate_exp = false;
        validation
    }

    fn is_in_time(&self, claims: &HostClaims) -> Result<(), ApiCode> {
        let seconds =
            |name: &str| claims.get(name).map(|at| at.as_f64().ok_or(ApiCode::HostTokenMalformed));
        let mut ends = seconds("exp").ok_or(ApiCode::HostTokenExpiryMissing)??;
        let mut begins = seconds("nbf").transpose()?;
        if let Some(max_age) = self.configured.max_age {
            let issued = seconds("iat").ok_or(ApiCode::HostTokenIssuedAtMissing)??;
            ends = ends.min(issued + max_age.as_secs_f64());
            begins = Some(begins.map_or(issued, |begins| begins.max(issued)));
        }
        #[expect(clippy::cast_precision_loss, reason = "exact until the year 285428751")]
        let now = self.clock.now().timestamp_millis() as f64 / 1000.0;
        if now >= ends + SKEW {
            return Err(ApiCode::HostTokenExpired);
        }
        if begins.is_some_and(|begins| now < begins - SKEW) {
            return Err(ApiCode::HostTokenNotYetValid);
        }
        Ok(())
    }
}

/// Whether this `typ` is accepted. Its prefix may be left out (RFC 7515 4.1.9).
fn is_accepted_type(name: &str) -> bool {
    let name = name.split_at_checked(PREFIX.len()).map_or(name, |(prefix, rest)| {
        if prefix.eq_ignore_ascii_case(PREFIX) { rest } else { name }
    });
    TYPES.iter().any(|accepted| name.eq_ignore_ascii_case(accepted))
}

/// Whether a token that cannot be decoded names an algorithm that the crate does not know.
fn names_unknown_algorithm(token: &str) -> bool {
    let header = token.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).ok();
    let header: Option<Value> = header.and_then(|header| serde_json::from_slice(&header).ok());
    let named = header.as_ref().and_then(|header| header.get("alg")?.as_str());
    named.is_some_and(|name| name.parse::<Algorithm>().is_err())
}

fn refused(error: &Error) -> ApiCode {
    match error.kind() {
        ErrorKind::InvalidSignature => ApiCode::HostTokenSignature,
        ErrorKind::InvalidAlgorithm => ApiCode::HostTokenAlgorithm,
        ErrorKind::InvalidIssuer => ApiCode::HostTokenIssuer,
        ErrorKind::InvalidAudience => ApiCode::HostTokenAudience,
        ErrorKind::MissingRequiredClaim(name) => match name.as_str() {
            "iss" => ApiCode::HostTokenIssuer,
            "aud" => ApiCode::HostTokenAudienceMissing,
            "exp" => ApiCode::HostTokenExpiryMissing,
            _ => ApiCode::HostTokenMalformed,
        },
        _ => ApiCode::HostTokenMalformed,
    }
}
