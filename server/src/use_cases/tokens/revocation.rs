//! Revokes tokens at the provider (RFC 7009) if its Revocation Endpoint is known: best effort, in
//! the background. Requests go only to the origin of the Token Endpoint.

use std::time::Duration;

use domain::{OauthFlow, error::one_line, syntax::url::origin};
use oauth::ClientAuth;
use store::{provider_metadata, tokens::StoredToken};
use tokio::time::timeout;

use super::super::settings::Current;
use super::{Tokens, renewal};

/// The deadline of the whole revocation.
const WITHIN: Duration = Duration::from_secs(20);

/// Revokes a deleted token that was obtained for these settings.
pub fn deleted(tokens: &Tokens, current: &Current, token: StoredToken) {
    let (tokens, current) = (tokens.clone(), current.clone());
    let tracker = tokens.tasks.clone();
    tracker.spawn(async move {
        if timeout(WITHIN, revoke(&tokens, &current, &token)).await.is_err() {
            tracing::warn!("a deleted token was not revoked in time");
        }
    });
}

/// Revokes a replaced token if that does no harm: for a refresh token many providers end the whole
/// consent of an account (RFC 7009 2.1 allows it), and so the new token too.
pub fn replaced(tokens: &Tokens, current: &Current, token: StoredToken) {
    if current.saved.form.flow == OauthFlow::ClientCredentials {
        deleted(tokens, current, token);
    }
}

async fn revoke(tokens: &Tokens, current: &Current, token: &StoredToken) {
    let Ok(grant) = renewal::grant(tokens, current) else { return };
    let endpoint = match provider_metadata::of(&tokens.store, &grant.token_endpoint).await {
        Ok(known) => known.and_then(|known| known.revocation_endpoint),
        Err(error) => {
            tracing::error!(error = one_line(&error), "where to revoke a token could not be read");
            return;
        }
    };
    let is_same_origin = |endpoint: &String| origin(endpoint) == origin(&grant.token_endpoint);
    let Some(endpoint) = endpoint.filter(is_same_origin) else { return };
    let (access, refresh) = match renewal::unsealed(tokens, current, &token.sealed) {
        Ok(opened) => opened,
        Err(error) => {
            tracing::error!(error = one_line(&error), "a deleted token cannot be opened");
            return;
        }
    };
    let auth = ClientAuth::from_wire_name(&token.sealed.client_auth).unwrap_or_default();
    let refresh = refresh.iter().map(|token| ("refresh_token", token));
    for (kind, token) in refresh.chain([("access_token", &access)]) {
        match tokens.client.revoke(&grant, auth, &endpoint, kind, token).await {
            Ok(()) => tracing::info!(kind, "a deleted token was revoked"),
            Err(diagnosis) => {
                tracing::warn!(kind, fault = ?diagnosis, "a deleted token was not revoked");
            }
        }
    }
}
