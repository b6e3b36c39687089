//! Tests of the rules across modules, and what they share.

mod client_authentication;
mod expiry;
mod flow_table;
mod invariants;
mod merge;
mod notes;
mod presets;
mod secrets;

use domain::{Draft, Field, OauthFlow, Saved};

/// Every flow that has a Client Secret.
const OAUTH_FLOWS: [OauthFlow; 3] =
    [OauthFlow::AuthorizationCode, OauthFlow::AuthorizationCodePkce, OauthFlow::ClientCredentials];

/// A valid text for each control that an OAuth flow requires, except the Client Secret.
const OAUTH_TEXTS: [(Field, &str); 9] = [
    (Field::OauthSender, "noreply@example.com"),
    (Field::OauthDisplayName, "Example PPM"),
    (Field::OauthServer, "smtp.example.com"),
    (Field::OauthPort, "587"),
    (Field::ClientId, "client"),
    (Field::AuthorizationEndpoint, "https://login.example.com/authorize"),
    (Field::TokenEndpoint, "https://login.example.com/token"),
    (Field::RedirectUri, "https://ppm.example.com/oauth/callback"),
    (Field::Scope, "smtp"),
];

/// A new form with this flow.
fn with_flow(flow: OauthFlow) -> Draft {
    Draft { flow, ..Draft::default() }
}

/// A saved form with these edits.
fn edited(saved: &Saved, edits: &[(Field, &str)]) -> Draft {
    saved.draft().with_texts(edits.iter().copied())
}
