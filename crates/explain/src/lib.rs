//! Explanations of failures and findings: the likely cause and the steps to fix it, composed from
//! codes and the administrator's own values. Only code that runs on the server uses them, so that no
//! browser downloads them; see `docs/decisions/0010-explanations-come-from-the-server.md`.

#![expect(clippy::too_many_lines, reason = "tables: a row a case")]

mod certificate;
mod delivery;
pub mod discovery;
mod egress;
mod microsoft;
mod oauth_failure;
mod preset;
mod provider;
pub mod redirect_check;
mod restore;
mod steps;
pub mod token_inspection;
mod transcript;

pub use delivery::{explained, of_diagnosis};
pub use oauth_failure::{FailureContext, failure};
pub use preset::preset;
pub use restore::restored;
pub use steps::verdict;
pub use transcript::transcript;
