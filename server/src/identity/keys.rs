//! The keys that verify a host's tokens: one from a file, or a JWKS (RFC 7517) from a URL. The JWKS
//! is cached and fetched again when a token names an unknown key. A fabricated key id cannot cause
//! more than one fetch in 30 seconds.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use contract::ApiCode;
use domain::error::one_line;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use oauth::{DocumentError, Documents};
use serde::Deserialize;
use serde_json::Value;
use vault::clock::Clock;

use crate::config::{KeySource, PublicKey};

/// The shortest interval between two fetches.
const FETCH_EVERY: TimeDelta = TimeDelta::seconds(30);
/// Older keys are refreshed in the background: one may have been withdrawn.
const STALE_AFTER: TimeDelta = TimeDelta::hours(1);

/// Keys that could not be refreshed for this long are not trusted any more. `OpenID` Connect Core
/// 1.0, 10.1.1 lets issuers rotate keys at any time; neither it nor RFC 7517 sets a limit.
pub(super) const BELIEVED_FOR: TimeDelta = TimeDelta::hours(24);

impl PublicKey {
    /// Returns a published key, if it can verify signatures.
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

/// The keys of one issuer.
#[derive(Debug, Clone)]
pub struct Keys {
    configured: Option<PublicKey>,
    published: Option<Arc<PublishedKeys>>,
}

#[derive(Debug)]
struct PublishedKeys {
    address: String,
    documents: Documents,
    clock: Arc<dyn Clock>,
    known: RwLock<Fetched>,
    /// When the last fetch ended, or began if it is not over; locked during a fetch.
    last_fetch: tokio::sync::Mutex<Option<DateTime<Utc>>>,
}

/// The keys of the last successful fetch, and its time.
#[derive(Debug, Default)]
struct Fetched {
    keys: Vec<PublicKey>,
    at: Option<DateTime<Utc>>,
}

impl Keys {
    /// Creates the keys of this source; nothing is fetched yet.
    pub fn new(source: KeySource, documents: Documents, clock: Arc<dyn Clock>) -> Self {
        match source {
            KeySource::File(key) => Self { configured: Some(key), published: None },
            KeySource::Address(address) => {
                let published = PublishedKeys {
                    address,
                    documents,
                    clock,
                    known: RwLock::default(),
                    last_fetch: tokio::sync::Mutex::default(),
                };
                Self { configured: None, published: Some(Arc::new(published)) }
            }
        }
    }

    /// Returns the key for a signature. A key from a file matches every key id.
    ///
    /// # Errors
    /// No key matches, even after a fetch where the interval allows one.
    pub async fn find(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<DecodingKey, ApiCode> {
        if let Some(key) = &self.configured {
            return if key.fits(algorithm) {
                Ok(key.key.clone())
            } else {
                Err(ApiCode::HostTokenAlgorithm)
            };
        }
        let Some(published) = &self.published else { return Err(ApiCode::HostKeysUnavailable) };
        if let Some(key) = published.find(id, algorithm) {
            if published.is_stale() {
                tokio::spawn(Arc::clone(published).refresh_in_background());
            }
            return Ok(key);
        }
        // Spawned, so that a client that disconnects does not cancel the fetch for the others.
        let fetching = tokio::spawn(Arc::clone(published).refresh());
        if fetching.await.is_err() {
            tracing::error!("the task that fetches the host's keys failed");
        }
        published.find(id, algorithm).ok_or(if published.has_any() {
            ApiCode::HostTokenKeyUnknown
        } else {
            ApiCode::HostKeysUnavailable
        })
    }
}

impl PublishedKeys {
    /// Returns the key with this id; without an id, the only key that fits.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut fitting = self
            .trusted(&known)
            .iter()
            .filter(|key| key.fits(algorithm) && (id.is_none() || key.id.as_deref() == id));
        let first = fitting.next()?;
        (id.is_some() || fitting.next().is_none()).then(|| first.key.clone())
    }

    fn has_any(&self) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        !self.trusted(&known).is_empty()
    }

    fn is_stale(&self) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.at.is_none_or(|at| self.clock.now() >= at + STALE_AFTER)
    }

    fn trusted<'k>(&self, known: &'k Fetched) -> &'k [PublicKey] {
        let is_fresh = known.at.is_some_and(|at| self.clock.now() < at + BELIEVED_FOR);
        if is_fresh { &known.keys } else { &[] }
    }

    /// Fetches the keys, or waits for the fetch in progress.
    async fn refresh(self: Arc<Self>) {
        let mut last = self.last_fetch.lock().await;
        self.fetch_after(&mut last).await;
    }

    /// Fetches the keys, unless a fetch is in progress.
    async fn refresh_in_background(self: Arc<Self>) {
        if let Ok(mut last) = self.last_fetch.try_lock() {
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
        // Counted from the end, so that the callers that waited do not fetch again.
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

/// A JWK Set; a key of an unknown kind is ignored (RFC 7517 5).
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

/// Why the keys could not be fetched.
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
    fn a_private_key_or_a_certificate_is_not_accepted_as_a_public_key() {
        for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "CERTIFICATE"] {
            let pem = format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n");
            assert!(PublicKey::from_pem(&pem).is_err(), "{label}");
        }
    }

    #[test]
    fn a_published_symmetric_key_is_ignored() {
        let jwk = serde_json::from_str(r#"{"kty":"oct","k":"c2VjcmV0","kid":"a"}"#);
        assert!(PublicKey::published(&jwk.expect("a key")).is_none());
    }
}
