//! Chooses the client authentication method (RFC 6749 2.3) for the first request to a Token
//! Endpoint: by the settings, or by the provider's metadata.

use domain::{draft::ClientAuthentication, error::one_line, settings::Grant};
use oauth::ClientAuth;
use store::provider_metadata;

use super::Tokens;

/// The method for the first request of a grant; the stored token keeps the one that worked.
pub async fn first(tokens: &Tokens, grant: &Grant) -> ClientAuth {
    match grant.client_authentication {
        ClientAuthentication::Automatic => from_metadata(tokens, &grant.token_endpoint).await,
        ClientAuthentication::Body => ClientAuth::Body,
        ClientAuthentication::Basic => ClientAuth::Basic,
        ClientAuthentication::None => ClientAuth::None,
    }
}

/// The method from the metadata of the Token Endpoint's issuer; the default if it names none.
async fn from_metadata(tokens: &Tokens, token_endpoint: &str) -> ClientAuth {
    match provider_metadata::of(&tokens.store, token_endpoint).await {
        Ok(known) => {
            known.and_then(|known| preferred_method(&known.auth_methods)).unwrap_or_default()
        }
        Err(error) => {
            tracing::error!(error = one_line(&error), "a provider's metadata could not be read");
            ClientAuth::default()
        }
    }
}

/// Chooses from `token_endpoint_auth_methods_supported` (RFC 8414 2). PPM implements two of these
/// methods, and prefers the body to HTTP Basic.
fn preferred_method(methods: &[String]) -> Option<ClientAuth> {
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
    fn client_secret_post_is_preferred_to_basic() {
        for (methods, expected) in [
            (&["client_secret_basic", "client_secret_post"][..], Some(ClientAuth::Body)),
            (&["client_secret_basic"], Some(ClientAuth::Basic)),
            (&["private_key_jwt", "none"], None),
            (&[], None),
        ] {
            let methods: Vec<_> = methods.iter().map(|&method| method.to_owned()).collect();
            assert_eq!(preferred_method(&methods), expected, "{methods:?}");
        }
    }
}
