//! The keys by which a host signs its tokens: one from a file, or those at an address (JWKS, RFC
//! 7517), which are kept and fetched again when a token names one that is not among them. Whoever
//! shows a made-up key id may not make this server call out more often than once in a while.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::refused::Refused;
use crate::clock::Clock;
use crate::log::one_line;
use crate::oauth::{DocumentError, Documents};

/// Two fetches are at least this far apart.
const FETCH_EVERY: TimeDelta = TimeDelta::seconds(30);
/// Keys that are older are fetched again beside whatever is asked: one may have been withdrawn.
const STALE_AFTER: TimeDelta = TimeDelta::hours(1);

/// Keys that nobody has confirmed for so long are believed no longer. `OpenID` Connect Core 1.0, 10.1.1
/// lets issuers change them at any time; neither it nor RFC 7517 says how long to do without an answer.
pub(super) const BELIEVED_FOR: TimeDelta = TimeDelta::hours(24);

/// A key that was published or configured.
#[derive(Debug, Clone)]
pub struct PublicKey {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    key: DecodingKey,
}

/// Why a file holds no key.
#[derive(Debug, thiserror::Error)]
#[error("no public key in PEM")]
pub struct NoKey;

impl PublicKey {
    /// Reads a public key in PEM (RFC 7468 13), or one of RSA alone (PKCS #1).
    ///
    /// # Errors
    /// It is none: a private key and a certificate are not, either.
    pub fn from_pem(pem: &str) -> Result<Self, NoKey> {
        let is_public = pem.contains("-----BEGIN PUBLIC KEY-----")
            || pem.contains("-----BEGIN RSA PUBLIC KEY-----");
        let pem = pem.as_bytes();
        let key = DecodingKey::from_rsa_pem(pem)
            .or_else(|_| DecodingKey::from_ec_pem(pem))
            .or_else(|_| DecodingKey::from_ed_pem(pem));
        match key {
            Ok(key) if is_public => Ok(Self { id: None, algorithm: None, key }),
            _ => Err(NoKey),
        }
    }

    /// A published key, if signatures can be looked at by it.
    fn published(jwk: &Jwk) -> Option<Self> {
        let is_for_signatures =
            matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
        let algorithm = match jwk.common.key_algorithm {
            Some(named) => Some(Algorithm::try_from(named).ok()?),
            None => None,
        };
        let key = DecodingKey::from_jwk(jwk).ok()?;
        let is_public = key.family() != AlgorithmFamily::Hmac;
        let id = jwk.common.key_id.clone();
        (is_for_signatures && is_public).then_some(Self { id, algorithm, key })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|named| named == algorithm)
            && self.key.family() == algorithm.family()
    }
}

/// Where keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// A file that was read at the start.
    File(PublicKey),
    /// An address where they are published.
    Address(String),
}

/// The keys of one issuer.
#[derive(Debug, Clone)]
pub struct Keys {
    configured: Option<PublicKey>,
    published: Option<Arc<Published>>,
}

#[derive(Debug)]
struct Published {
    address: String,
    documents: Documents,
    clock: Arc<dyn Clock>,
    known: RwLock<Fetched>,
    /// When a fetch last began; held while one is under way.
    turn: tokio::sync::Mutex<Option<DateTime<Utc>>>,
}

/// What was fetched last, and when.
#[derive(Debug, Default)]
struct Fetched {
    keys: Vec<PublicKey>,
    at: Option<DateTime<Utc>>,
}

impl Keys {
    /// The keys from this source; none is fetched yet.
    #[must_use]
    pub fn new(source: KeySource, documents: Documents, clock: Arc<dyn Clock>) -> Self {
        match source {
            KeySource::File(key) => Self { configured: Some(key), published: None },
            KeySource::Address(address) => {
                let published = Published {
                    address,
                    documents,
                    clock,
                    known: RwLock::default(),
                    turn: tokio::sync::Mutex::default(),
                };
                Self { configured: None, published: Some(Arc::new(published)) }
            }
        }
    }

    /// The key for a signature. A key from a file is for every id.
    ///
    /// # Errors
    /// There is none, also after asking once more where that may be asked now.
    pub async fn find(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<DecodingKey, Refused> {
        if let Some(key) = &self.configured {
            return if key.fits(algorithm) { Ok(key.key.clone()) } else { Err(Refused::Algorithm) };
        }
        let Some(published) = &self.published else { return Err(Refused::KeysUnavailable) };
        if let Some(key) = published.find(id, algorithm) {
            if published.is_stale() {
                tokio::spawn(Arc::clone(published).refresh_beside());
            }
            return Ok(key);
        }
        // A task of its own: whoever asked may hang up, and the others still get their keys.
        let fetching = tokio::spawn(Arc::clone(published).refresh());
        if fetching.await.is_err() {
            tracing::error!("fetching the host's keys was broken off");
        }
        published.find(id, algorithm).ok_or(if published.has_any() {
            Refused::KeyUnknown
        } else {
            Refused::KeysUnavailable
        })
    }
}

impl Published {
    /// A key with this id; without an id the only one that fits.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut fitting = self
            .believed(&known)
            .iter()
            .filter(|key| key.fits(algorithm) && (id.is_none() || key.id.as_deref() == id));
        let first = fitting.next()?;
        (id.is_some() || fitting.next().is_none()).then(|| first.key.clone())
    }

    fn has_any(&self) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        !self.believed(&known).is_empty()
    }

    fn is_stale(&self) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.at.is_none_or(|at| self.clock.now() >= at + STALE_AFTER)
    }

    fn believed<'k>(&self, known: &'k Fetched) -> &'k [PublicKey] {
        let is_fresh = known.at.is_some_and(|at| self.clock.now() < at + BELIEVED_FOR);
        if is_fresh { &known.keys } else { &[] }
    }

    /// Fetches the keys, unless somebody else just did; then it has waited for them.
    async fn refresh(self: Arc<Self>) {
        let mut last = self.turn.lock().await;
        self.fetch_after(&mut last).await;
    }

    /// Fetches the keys, unless somebody else is about it.
    async fn refresh_beside(self: Arc<Self>) {
        if let Ok(mut last) = self.turn.try_lock() {
            self.fetch_after(&mut last).await;
        }
    }

    async fn fetch_after(&self, last: &mut Option<DateTime<Utc>>) {
        let now = self.clock.now();
        if last.is_some_and(|last| now >= last && now < last + FETCH_EVERY) {
            return;
        }
        *last = Some(now);
        match self.fetch().await {
            Ok(keys) => {
                let fetched = Fetched { keys, at: Some(now) };
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = fetched;
            }
            Err(error) => {
                tracing::warn!(error = one_line(&error), "the host's keys could not be fetched");
            }
        }
        // Counted from its end: whoever waited has waited for this one.
        *last = Some(self.clock.now());
    }

    async fn fetch(&self) -> Result<Vec<PublicKey>, FetchError> {
        let document = self.documents.get(&self.address).await?;
        let set: KeySet =
            serde_json::from_slice(&document.octets).map_err(|_| FetchError::NoKeySet)?;
        let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        Ok(keys.filter_map(|jwk| PublicKey::published(&jwk)).collect())
    }
}

/// Keys as they are published; one that is of no known kind is left out (RFC 7517 5).
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

/// Why no keys came.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error("the answer is no set of keys")]
    NoKeySet,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_and_a_certificate_are_no_public_key() {
        for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "CERTIFICATE"] {
            let pem = format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n");
            assert!(PublicKey::from_pem(&pem).is_err(), "{label}");
        }
    }

    #[test]
    fn a_published_secret_is_no_key_for_signatures() {
        let jwk = serde_json::from_str(r#"{"kty":"oct","k":"c2VjcmV0","kid":"a"}"#);
        assert!(PublicKey::published(&jwk.expect("a key")).is_none());
    }
}
