//! The views of the first chunk, which the server renders and the browser hydrates. They reach the
//! deferred chunk through its door.

mod deferred_part;
mod field;
mod form;
mod lookup;
mod notice;
mod paced;
pub mod page;
mod preset;
#[cfg(feature = "ssr")]
mod rendered;
