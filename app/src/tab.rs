//! The Email tab. It depends on no route and on no page layout, so any page can embed it.

mod conflict;
mod copying;
mod deferred;
pub(crate) mod delivery;
pub(crate) mod explanation;
mod field;
mod form;
mod lookup;
mod note;
mod notice;
pub mod page;
mod preset;
pub(crate) mod reactive;
pub(crate) mod run_stream;
mod save_bar;
mod state;
mod test_email;
pub(crate) mod token_outcome;
mod token_panel;
mod token_state;

/// The `BroadcastChannel` on which windows of one browser announce a new token.
pub const TOKEN_CHANNEL: &str = "ppm-email-token";
