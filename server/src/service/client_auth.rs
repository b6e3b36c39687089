//! Which way client ID and secret go to a Token Endpoint at first: as the settings say, or as the
//! provider's metadata does.

use domain::draft::ClientAuthentication;
use domain::settings::Grant;

use crate::Server;
use crate::log::one_line;
use crate::oauth::ClientAuth;
use crate::store::providers;

/// The way for the first request of a grant; the token keeps the one that worked.
pub async fn first(server: &Server, grant: &Grant) -> ClientAuth {
    match grant.client_authentication {
        ClientAuthentication::Automatic => named(server, &grant.token_endpoint).await,
        ClientAuthentication::Body => ClientAuth::Body,
        ClientAuthentication::Basic => ClientAuth::Basic,
        ClientAuthentication::None => ClientAuth::None,
    }
}

/// What the Token Endpoint's own issuer names, the body before HTTP Basic where it names both.
async fn named(server: &Server, token_endpoint: &str) -> ClientAuth {
    match providers::of(&server.store, token_endpoint).await {
        Ok(known) => known.and_then(|known| of_metadata(&known.auth_methods)).unwrap_or_default(),
        Err(error) => {
            tracing::error!(error = one_line(&error), "a provider's metadata could not be read");
            ClientAuth::default()
        }
    }
}

/// The way by the names of `token_endpoint_auth_methods_supported` (RFC 8414 2), of which PPM knows
/// two.
fn of_metadata(methods: &[String]) -> Option<ClientAuth> {
    let is_named = |name: &str| methods.iter().any(|method| method == name);
    match (is_named("client_secret_post"), is_named("client_secret_basic")) {
        (true, _) => Some(ClientAuth::Body),
        (false, true) => Some(ClientAuth::Basic),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_preferred_among_what_metadata_names() {
        for (methods, expected) in [
            (&["client_secret_basic", "client_secret_post"][..], Some(ClientAuth::Body)),
            (&["client_secret_basic"], Some(ClientAuth::Basic)),
            (&["private_key_jwt", "none"], None),
            (&[], None),
        ] {
            let methods: Vec<_> = methods.iter().map(|&method| method.to_owned()).collect();
            assert_eq!(of_metadata(&methods), expected, "{methods:?}");
        }
    }
}
