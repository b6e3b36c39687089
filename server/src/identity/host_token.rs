//! The host's token: a JWT (RFC 7519) by which the product around this tab says who is signed in.
//! Only configured algorithms with a public key are taken, whatever the token says of itself (RFC
//! 8725 3.1), and its times are compared with this server's clock.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};
use serde_json::Value;

use super::Principal;
use super::claims::{Claims, RoleNames};
use super::keys::Keys;
use super::refused::Refused;
use super::signatures;
use crate::clock::Clock;
use crate::config::HostTokens;
use crate::oauth::Documents;

/// How far the host's clock and this server's may be apart, in seconds.
const SKEW: f64 = 60.0;
/// The longest token that is looked at, in octets.
const LONGEST: usize = 16 * 1024;
/// The values of `typ` that are taken: any JWT, and an access token (RFC 9068 2.1). Tokens for another
/// purpose (a logout token, a proof of possession, an event) have a type of their own (RFC 8725 3.11).
const TYPES: [&str; 2] = ["JWT", "at+jwt"];
const PREFIX: &str = "application/";

/// Looks at tokens of one host.
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
    /// Looks at tokens as configured, with keys fetched through `documents`.
    #[must_use]
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

    /// Whoever the token says is asking.
    ///
    /// # Errors
    /// Why it is not believed.
    pub async fn principal(&self, token: &str) -> Result<Principal, Refused> {
        if token.len() > LONGEST {
            return Err(Refused::Malformed);
        }
        let header = self.header(token)?;
        let key = self.keys.find(header.kid.as_deref(), header.alg).await?;
        let decoded = decode::<Claims>(token, &key, &self.validation(header.alg));
        let claims = decoded.map_err(|error| refused(&error))?.claims;
        // The crate takes a list with the right issuer in it, too; RFC 7519 4.1.1 knows no list.
        if !claims.get("iss").is_some_and(Value::is_string) {
            return Err(Refused::Issuer);
        }
        self.is_in_time(&claims)?;
        let HostTokens { issuer, claims: names, trusts_email, .. } = &self.configured;
        names.principal(&claims, issuer, &self.roles, *trusts_email)
    }

    /// The header of a token that is signed as configured and asks for nothing that is not known
    /// here (RFC 7515 4.1.11).
    fn header(&self, token: &str) -> Result<Header, Refused> {
        let header = decode_header(token).map_err(|_| {
            if names_an_algorithm(token) { Refused::Algorithm } else { Refused::Malformed }
        })?;
        match &header {
            Header { alg, .. } if !self.configured.algorithms.contains(alg) => {
                Err(Refused::Algorithm)
            }
            Header { crit: Some(_), .. } | Header { zip: Some(_), .. } => Err(Refused::Malformed),
            Header { typ: Some(name), .. } if !is_taken(name) => Err(Refused::Type),
            _ => Ok(header),
        }
    }

    /// What the crate looks at: the signature, the issuer and the audience. The times are compared
    /// here, because it reads the machine's clock.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.configured.issuer]);
        validation.set_audience(&[&self.configured.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        validation.validate_exp = false;
        validation
    }

    fn is_in_time(&self, claims: &Claims) -> Result<(), Refused> {
        let seconds = |name: &str| claims.get(name).map(|at| at.as_f64().ok_or(Refused::Malformed));
        let mut ends = seconds("exp").ok_or(Refused::ExpiryMissing)??;
        let mut begins = seconds("nbf").transpose()?;
        if let Some(max_age) = self.configured.max_age {
            let issued = seconds("iat").ok_or(Refused::IssuedAtMissing)??;
            ends = ends.min(issued + max_age.as_secs_f64());
            begins = Some(begins.map_or(issued, |begins| begins.max(issued)));
        }
        #[expect(clippy::cast_precision_loss, reason = "exact until the year 285428751")]
        let now = self.clock.now().timestamp_millis() as f64 / 1000.0;
        if now >= ends + SKEW {
            return Err(Refused::Expired);
        }
        if begins.is_some_and(|begins| now < begins - SKEW) {
            return Err(Refused::NotYetValid);
        }
        Ok(())
    }
}

/// Whether a token of this type says who is signed in. A prefix may be left out (RFC 7515 4.1.9).
fn is_taken(name: &str) -> bool {
    let name = name.split_at_checked(PREFIX.len()).map_or(name, |(prefix, rest)| {
        if prefix.eq_ignore_ascii_case(PREFIX) { rest } else { name }
    });
    TYPES.iter().any(|taken| name.eq_ignore_ascii_case(taken))
}

/// Whether a token that cannot be read names an algorithm, which is then none that is known.
fn names_an_algorithm(token: &str) -> bool {
    let header = token.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).ok();
    let header: Option<Value> = header.and_then(|header| serde_json::from_slice(&header).ok());
    let named = header.as_ref().and_then(|header| header.get("alg")?.as_str());
    named.is_some_and(|name| name.parse::<Algorithm>().is_err())
}

fn refused(error: &Error) -> Refused {
    match error.kind() {
        ErrorKind::InvalidSignature => Refused::Signature,
        ErrorKind::InvalidAlgorithm => Refused::Algorithm,
        ErrorKind::InvalidIssuer => Refused::Issuer,
        ErrorKind::InvalidAudience => Refused::Audience,
        ErrorKind::MissingRequiredClaim(name) => match name.as_str() {
            "iss" => Refused::Issuer,
            "aud" => Refused::AudienceMissing,
            "exp" => Refused::ExpiryMissing,
            _ => Refused::Malformed,
        },
        _ => Refused::Malformed,
    }
}
