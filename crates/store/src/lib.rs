//! Persistence: one module per table or two, each of small functions over [`Store`]. The SQL text
//! is the same for `SQLite` and `PostgreSQL`, so columns hold only 64-bit integers, texts and
//! blobs, and times are epoch milliseconds. Nothing here interprets a form.
//!
//! # Errors
//! Every function that returns [`StoreError`] fails if the database does not answer. `# Errors` of a
//! function names only what is different.

#![expect(clippy::missing_errors_doc, reason = "the documentation of the crate names the error")]

mod columns;
mod dialect;
mod error;
mod migrations;
mod pool;
mod statements;

pub mod alerts;
pub mod applications;
pub mod audit;
pub mod capabilities;
pub mod database;
pub mod files;
pub mod hash;
pub mod health;
pub mod key_check;
pub mod key_id;
pub mod login_attempts;
pub mod message_list;
pub mod oauth_attempts;
pub mod oidc_logins;
pub mod outbox;
pub mod people;
pub mod proved;
pub mod provider_metadata;
pub mod queue_lock;
pub mod retention;
pub mod runs;
pub mod sealed;
pub mod sessions;
pub mod set_up;
pub mod settings;
pub mod slots;
pub mod tab;
pub mod time_preferences;
pub mod tokens;

pub use error::{StoreError, WriteFault};
pub use pool::{OpenStoreError, Store, WRITTEN_WITHIN};
