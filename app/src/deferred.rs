//! The views and the code of the deferred Wasm chunk, which the browser loads after hydration. In the
//! tab they are reached only through [`door`]. The server renders some of them: the banner about an
//! incident, the status strip and the groups of the token and the test in the tab, others in the pages of
//! the shell.

mod conflict;
mod copying;
pub mod delivery;
pub mod door;
mod effects;
mod explanation;
mod findings;
pub mod incident;
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
