//! Alerts about the health of mail: the webhook's body, its signature by Standard Webhooks, and the
//! email. They are written in PPM's own words: no text of a mail server or a provider, no address
//! and no secret is in them.

mod body;
mod webhook;

pub use body::{body, code, mail_text};
pub use webhook::{SecretError, WebhookSecret, request};
