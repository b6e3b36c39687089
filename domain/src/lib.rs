//! What is true about e-mail settings: the fields, when each is needed, what may stand in it,
//! and the codes in which a test message reports. No Leptos, no tokio, no clock, no I/O: the
//! browser and the server run exactly this.

pub mod audit;
pub mod check;
pub mod delivery;
pub mod draft;
pub mod field;
pub mod flow;
pub mod merge;
pub mod microsoft;
pub mod preset;
pub mod rules;
pub mod saved;
pub mod secret;
pub mod settings;
pub mod time_format;
pub mod token;

pub use check::{Problem, Problems};
pub use draft::{Draft, Form};
pub use field::{Field, Section};
pub use flow::OauthFlow;
pub use rules::{Presence, presence};
pub use saved::Saved;
pub use settings::Settings;
