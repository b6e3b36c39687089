//! The views and the code of the deferred Wasm chunk, which the browser loads after hydration. In the
//! tab they are reached only through [`door`]; the shell renders some of them on the server.

mod conflict;
mod copying;
pub mod delivery;
pub mod door;
mod effects;
mod explanation;
mod findings;
mod note;
mod notice;
mod paste;
mod pending_attempt;
mod save_bar;
mod status;
mod test_email;
pub mod token_outcome;
mod token_panel;
mod token_question;
mod updates;
