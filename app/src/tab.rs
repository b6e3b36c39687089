//! The Email tab itself. It knows neither routes nor the frame around it, so that any page can
//! hold it.

mod copying;
mod dispute;
pub(crate) mod explanation;
mod field;
mod form;
mod inquiry;
mod later;
pub(crate) mod live;
pub(crate) mod news;
mod note;
mod notice;
pub mod page;
mod preset;
pub(crate) mod run;
mod save_bar;
mod state;
mod test_email;
pub(crate) mod token_end;
mod token_panel;
mod token_state;

pub use state::{Other, SecretState};
pub use token_panel::WhyNot;

/// The channel by which the windows of one browser tell each other of a token.
pub const NEWS: &str = "ppm-email-token";
