//! Domain rules of the email settings: fields, presence, validation, merging, and the codes of test
//! messages and OAuth failures. Browser and server run the same code. No Leptos, no tokio, no
//! clock, no I/O.

pub mod announcement;
pub mod application;
pub mod audit;
#[cfg(test)]
mod cases;
pub mod delivery;
pub mod draft;
pub mod error;
pub mod field;
pub mod flow;
pub mod health;
pub mod issuer;
pub mod merge;
pub mod microsoft;
mod named;
pub mod note;
pub mod outbox;
pub mod presence;
pub mod preset;
pub mod principal;
pub mod saved;
pub mod secret;
pub mod secret_state;
pub mod settings;
pub mod syntax;
pub mod time_format;
pub mod token;
pub mod validate;

pub use draft::{Draft, Form};
pub use field::{Field, Section};
pub use flow::OauthFlow;
pub use presence::{Presence, presence};
pub use principal::{Email, Principal, RequestClient, Role};
pub use saved::Saved;
pub use settings::Settings;
pub use validate::{Problem, Problems};
