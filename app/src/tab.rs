//! The Email tab itself. It knows neither routes nor the frame around it, so that any page can
//! hold it.

mod dispute;
mod field;
mod form;
mod live;
mod notice;
pub mod page;
pub(crate) mod run;
mod save_bar;
mod state;
mod test_email;

pub use state::SecretState;
