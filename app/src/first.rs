//! The views of the first chunk, which the server renders and the browser hydrates. They reach the
//! deferred chunk through its door.

mod field;
mod form;
mod lookup;
mod notice;
mod paced;
pub mod page;
mod preset;
mod status;
mod test_email;
mod token_panel;
