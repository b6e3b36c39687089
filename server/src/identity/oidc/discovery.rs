//! What an `OpenID` provider says about itself, and its keys (`OpenID` Connect Discovery 1.0): asked
//! when somebody signs in, kept for an hour, and never asked more often than is decent.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
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
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::identity::keys::BELIEVED_FOR;
use crate::oauth::{Refusal, Wire};

/// What a provider says about itself, with what RFC 9207 and RP-Initiated Logout add.
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

/// What the crate does not read by itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Promises {
    /// Anything but `true` promises nothing, and makes the rest no less readable.
    #[serde(default)]
    authorization_response_iss_parameter_supported: Value,
}

impl AdditionalProviderMetadata for Promises {}

/// Whether each answer of the provider names it (RFC 9207 3).
pub(super) fn names_itself(metadata: &Metadata) -> bool {
    metadata
        .additional_metadata()
        .additional_metadata
        .authorization_response_iss_parameter_supported
        == true
}

/// How long an answer is good.
const KEPT: TimeDelta = TimeDelta::hours(1);

/// The shortest time from an answer to the next question, whoever asks with what key.
const RENEWED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// How long nobody asks again who got no answer.
const PAUSE: TimeDelta = TimeDelta::seconds(5);

/// The provider does not answer as it should; the log says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provider does not answer")]
pub(super) struct Unavailable;

/// What a provider says about itself. Cheap to clone; clones share what they know.
#[derive(Debug, Clone)]
pub(super) struct Discovery {
    issuer: String,
    wire: Wire,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    found: Option<(Arc<Metadata>, DateTime<Utc>)>,
    failed_at: Option<DateTime<Utc>>,
}

impl Discovery {
    pub(super) fn new(issuer: String, wire: Wire) -> Self {
        Self { issuer, wire, known: Arc::default() }
    }

    /// What is known, or else asked for now.
    pub(super) async fn current(&self, now: DateTime<Utc>) -> Result<Arc<Metadata>, Unavailable> {
        self.not_older_than(KEPT, now).await
    }

    /// The same, asked for anew where that was not done just now: a key has turned up that nobody
    /// knows.
    pub(super) async fn renewed(&self, now: DateTime<Utc>) -> Result<Arc<Metadata>, Unavailable> {
        self.not_older_than(RENEWED_EVERY, now).await
    }

    /// Whoever comes while somebody asks waits for the same answer.
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
        let is_pausing = known.failed_at.is_some_and(|at| now < at + PAUSE);
        match &known.found {
            Some((metadata, at)) if now < *at + age || is_pausing && now < *at + BELIEVED_FOR => {
                return Ok(metadata.clone());
            }
            _ if is_pausing => return Err(Unavailable),
            _ => {}
        }
        // Until it has answered: whoever asks may hang up.
        known.failed_at = Some(now);
        match self.ask().await {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                *known = Known { found: Some((metadata.clone(), now)), failed_at: None };
                Ok(metadata)
            }
            Err(unavailable) => {
                known.failed_at = Some(at_present());
                // What was true an hour ago is better than nothing.
                let found = known.found.as_ref().filter(|(_, at)| now < *at + BELIEVED_FOR);
                found.map(|(metadata, _)| metadata.clone()).ok_or(unavailable)
            }
        }
    }

    async fn ask(&self) -> Result<Metadata, Unavailable> {
        let issuer = IssuerUrl::new(self.issuer.clone()).map_err(|_| Unavailable)?;
        let call = self.wire.until(self.wire.end());
        let asked = Metadata::discover_async(issuer, &call).await;
        asked.map_err(|error| {
            tracing::warn!(why = why(&error), "the OpenID provider could not be asked");
            Unavailable
        })
    }
}

/// What went wrong, without a word of the provider's.
fn why(error: &DiscoveryError<Refusal>) -> String {
    match error {
        DiscoveryError::Request(refusal) => format!("{:?}", refusal.fault()),
        DiscoveryError::Validation(_) => "it calls itself another issuer".to_owned(),
        _ => "it answers something else".to_owned(),
    }
}
