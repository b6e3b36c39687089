//! What is said of a stored secret, and the button that clears or keeps it.

use domain::syntax::{date::date, text::is_guid};
use domain::{Draft, Field, secret::SecretEdit, secret_state::SecretState};
use leptos::prelude::*;

use super::Control;
use crate::model::{form::FormState, token::browser_now};
use crate::view::reactive::live_text;

/// What the button beside a control does.
pub enum SecretAction {
    Reveal(bool),
    Edit(SecretEdit),
    Put(String),
}

/// The label and action of the button beside a secret.
pub fn secret_action(secret: &SecretState) -> Option<(&'static str, SecretAction)> {
    match secret {
        SecretState::Stored | SecretState::StoredForAnother(_) => {
            Some((labels::tab::CLEAR, SecretAction::Edit(SecretEdit::Clear)))
        }
        SecretState::Cleared | SecretState::Replaced => {
            Some((labels::tab::KEEP_STORED, SecretAction::Edit(SecretEdit::Untouched)))
        }
        SecretState::Unset | SecretState::New | SecretState::ClearedWithUsername => None,
    }
}

/// The note below a secret: what is stored and what a save will do with it.
pub fn secret_note(state: FormState, field: Field) -> Signal<String> {
    let secret = state.secret(field);
    live_text(move || {
        let follows = [Field::Flow, Field::ClientAuthentication];
        if field == Field::ClientSecret && state.with_draft(&follows, Draft::is_public_client) {
            return labels::NO_SECRET_SENT.to_owned();
        }
        secret.with(|secret| labels::secret(field, secret, &destination(state, field)))
    })
}

/// The warning below Client Secret: what was typed looks like the secret's ID.
pub fn secret_warning(state: FormState) -> Signal<String> {
    let text = state.text(Field::ClientSecret);
    live_text(move || if text.with(|text| is_guid(text)) { labels::SECRET_ID } else { "" })
}

/// The date on which a secret expires.
#[component]
pub fn SecretExpiry(state: FormState, secret: Field, expiry: Field) -> impl IntoView {
    let text = state.text(expiry);
    let note = live_text(move || {
        if state.is_expiry_cleared(secret, expiry) { labels::tab::EXPIRY_CLEARED } else { "" }
    });
    // Not rendered on the server, which keeps rendered views for longer than a day.
    let warning = live_text(move || {
        let has_passed = |date| date < browser_now().date_naive();
        let is_passed = state.is_hydrated() && text.with(|text| date(text)).is_ok_and(has_passed);
        if is_passed { labels::tab::EXPIRY_PASSED } else { "" }
    });
    view! { <Control state field=expiry width="slim" note warning/> }
}

/// A description of the destination to which the stored secret is bound.
fn destination(state: FormState, field: Field) -> String {
    use domain::secret::{Destination, StoredSecret};
    state.with_saved(|saved| match saved.form.secret(field) {
        Some(StoredSecret::For(entered_for)) => match entered_for {
            Destination::Account { server, .. } => server.clone(),
            Destination::Origin(endpoint)
            | Destination::CodeExchange { token_endpoint: endpoint } => endpoint.clone(),
            Destination::ClientCredentials { token_endpoint, scope, server, port, .. } => {
                let mail_server = format!("{server}:{port}");
                labels::tab::client_credentials_destination(token_endpoint, scope, &mail_server)
            }
            Destination::MailServer { .. } | Destination::Message(_) | Destination::Unbound => {
                String::new()
            }
        },
        Some(StoredSecret::Unset) | None => String::new(),
    })
}
