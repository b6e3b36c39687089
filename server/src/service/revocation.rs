//! Tells a provider that a token is no longer wanted (RFC 7009), where it has said how: best effort,
//! in the background, and nobody waits for it. What is sent goes to the origin of the Token Endpoint
//! and nowhere else.

use std::time::Duration;

use domain::OauthFlow;
use domain::check::url::origin;
use tokio::time::timeout;

use super::renewal;
use super::settings::Current;
use crate::Server;
use crate::log::one_line;
use crate::oauth::ClientAuth;
use crate::store::providers;
use crate::store::tokens::StoredToken;

/// All of it takes no longer.
const WITHIN: Duration = Duration::from_secs(20);

/// Revokes a token that was deleted, which was obtained for these settings.
pub fn deleted(server: &Server, current: &Current, token: StoredToken) {
    let (server, current) = (server.clone(), current.clone());
    let tracker = server.asking.clone();
    tracker.spawn(async move {
        if timeout(WITHIN, revoke(&server, &current, &token)).await.is_err() {
            tracing::warn!("a deleted token was not revoked in time");
        }
    });
}

/// Revokes a token that another has replaced, where that does no harm: with a refresh token many
/// providers end all that an account has consented to (RFC 7009 2.1 lets them), and so the new token
/// too.
pub fn replaced(server: &Server, current: &Current, token: StoredToken) {
    if current.saved.form.flow == OauthFlow::ClientCredentials {
        deleted(server, current, token);
    }
}

async fn revoke(server: &Server, current: &Current, token: &StoredToken) {
    let Ok(grant) = renewal::grant(server, current) else { return };
    let endpoint = match providers::of(&server.store, &grant.token_endpoint).await {
        Ok(known) => known.and_then(|known| known.revocation_endpoint),
        Err(error) => {
            tracing::error!(error = one_line(&error), "where to revoke a token could not be read");
            return;
        }
    };
    let is_near = |endpoint: &String| origin(endpoint) == origin(&grant.token_endpoint);
    let Some(endpoint) = endpoint.filter(is_near) else { return };
    let (access, refresh) = match renewal::unsealed(server, current, &token.sealed) {
        Ok(opened) => opened,
        Err(error) => {
            tracing::error!(error = one_line(&error), "a deleted token cannot be opened");
            return;
        }
    };
    let auth = ClientAuth::from_wire_name(&token.sealed.client_auth).unwrap_or_default();
    let tokens = refresh.iter().map(|token| ("refresh_token", token));
    for (kind, token) in tokens.chain([("access_token", &access)]) {
        match server.tokens.revoke(&grant, auth, &endpoint, kind, token).await {
            Ok(()) => tracing::info!(kind, "a deleted token was revoked"),
            Err(fault) => tracing::warn!(kind, ?fault, "a deleted token was not revoked"),
        }
    }
}
