//! The metadata and keys of an `OpenID` provider (`OpenID` Connect Discovery 1.0): fetched on
//! login, cached for an hour, with a limited rate of requests.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use net::http::GuardedHttp;
use oauth::{TimedHttp, TokenEndpointError};
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
    CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, DiscoveryError, IssuerUrl, LogoutProviderMetadata, ProviderMetadata,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};

use crate::identity::keys::BELIEVED_FOR;

/// Provider metadata with the members of RFC 9207 and RP-Initiated Logout.
pub(super) type Metadata = ProviderMetadata<
    LogoutProviderMetadata<Promises>,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// Metadata members that the crate does not parse.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Promises {
    /// Only `true` counts. A value of another type does not make the metadata invalid.
    #[serde(default)]
    authorization_response_iss_parameter_supported: Value,
}

impl AdditionalProviderMetadata for Promises {}

/// Whether each authorization response of the provider has an `iss` (RFC 9207 3).
pub(super) fn names_itself(metadata: &Metadata) -> bool {
    let LogoutProviderMetadata { additional_metadata, .. } = metadata.additional_metadata();
    additional_metadata.authorization_response_iss_parameter_supported == true
}

/// How long metadata is cached.
const CACHED_FOR: TimeDelta = TimeDelta::hours(1);

/// The shortest interval between two fetches that unknown keys cause.
const REFRESH_EVERY: TimeDelta = TimeDelta::minutes(1);

/// The back-off after a failed fetch.
const BACK_OFF: TimeDelta = TimeDelta::seconds(5);

/// The provider does not answer or its metadata is invalid; the log has the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provider does not answer")]
pub(super) struct Unavailable;

/// The metadata cache of a provider. Cheap to clone; clones share the cache.
#[derive(Debug, Clone)]
pub(super) struct Discovery {
    issuer: String,
    http: GuardedHttp,
    known: Arc<Mutex<CachedMetadata>>,
}

#[derive(Debug, Default)]
struct CachedMetadata {
    found: Option<(Arc<Metadata>, DateTime<Utc>)>,
    failed_at: Option<DateTime<Utc>>,
}

impl Discovery {
    pub(super) fn new(issuer: String, http: GuardedHttp) -> Self {
        Self { issuer, http, known: Arc::default() }
    }

    /// Returns the cached metadata, or fetches it.
    pub(super) async fn current(&self, now: DateTime<Utc>) -> Result<Arc<Metadata>, Unavailable> {
        self.not_older_than(CACHED_FOR, now).await
    }

    /// Returns metadata that is at most a minute old, for a token whose key is not in the cached
    /// set.
    pub(super) async fn renewed(&self, now: DateTime<Utc>) -> Result<Arc<Metadata>, Unavailable> {
        self.not_older_than(REFRESH_EVERY, now).await
    }

    /// Returns metadata younger than `age`. Concurrent callers wait for the same fetch.
    async fn not_older_than(
        &self,
        age: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<Arc<Metadata>, Unavailable> {
        let since = Instant::now();
        let waited = || Duration::from_secs(since.elapsed().as_secs());
        let at_present = || now + TimeDelta::from_std(waited()).unwrap_or_default();
        let mut known = self.known.lock().await;
        let now = at_present();
        let is_backing_off = known.failed_at.is_some_and(|at| now < at + BACK_OFF);
        match &known.found {
            Some((metadata, at))
                if now < *at + age || is_backing_off && now < *at + BELIEVED_FOR =>
            {
                return Ok(metadata.clone());
            }
            _ if is_backing_off => return Err(Unavailable),
            _ => {}
        }
        // Set before the fetch, which is cancelled if the client disconnects.
        known.failed_at = Some(now);
        match self.fetch().await {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                *known = CachedMetadata { found: Some((metadata.clone(), now)), failed_at: None };
                Ok(metadata)
            }
            Err(unavailable) => {
                known.failed_at = Some(at_present());
                // While the provider fails, stale metadata is used.
                let found = known.found.as_ref().filter(|(_, at)| now < *at + BELIEVED_FOR);
                found.map(|(metadata, _)| metadata.clone()).ok_or(unavailable)
            }
        }
    }

    async fn fetch(&self) -> Result<Metadata, Unavailable> {
        let issuer = IssuerUrl::new(self.issuer.clone()).map_err(|_| Unavailable)?;
        let call = TimedHttp::new(&self.http);
        let fetched = Metadata::discover_async(issuer, &call).await;
        fetched.map_err(|error| {
            tracing::warn!(
                why = why(&error),
                "the metadata of the OpenID provider could not be fetched"
            );
            Unavailable
        })
    }
}

/// Describes the error without text of the provider.
fn why(error: &DiscoveryError<TokenEndpointError>) -> String {
    match error {
        DiscoveryError::Request(refusal) => format!("{:?}", refusal.diagnosis()),
        DiscoveryError::Validation(_) => "it names another issuer".to_owned(),
        _ => "its response is no metadata".to_owned(),
    }
}
