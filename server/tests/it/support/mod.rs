//! Helpers of the integration tests.

pub mod accounts;
pub mod databases;
pub mod drafts;
pub mod harness;
pub mod host;
pub mod oauth_fixture;
pub mod oauth_programs;
pub mod openapi;
pub mod openid_provider;
pub mod outbox;
pub mod pages;
pub mod program;
pub mod soak;
pub mod steps;
pub mod test_doubles;
pub mod waiting;
