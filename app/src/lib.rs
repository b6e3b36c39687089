//! The Email tab of PPM Administrator. It compiles for the server, which renders it, and for the
//! browser, which hydrates it or mounts it in a custom element.
//!
//! `model` is the state, without any view. `first` has the views of the first Wasm chunk, which the
//! server renders too, and `deferred` those of the chunk that the browser loads after hydration; `first`
//! reaches `deferred` through one door. `view` has what the views of both use, `host` the differences
//! between the pages that show the tab, `api` the server functions. The tab depends on no route and on
//! no page layout, so any page can embed it.

// The types of a `view!` nest as deep as its elements.
#![recursion_limit = "256"]

mod api;
mod deadline;
mod deferred;
mod error;
mod first;
mod host;
mod json;
pub mod markup;
mod model;
mod mount;
mod view;

pub use deferred::delivery::{DeliveryOutcome, DeliverySteps};
pub use deferred::incident::IncidentDetails;
pub use deferred::token_outcome::TokenOutcome;
pub use error::ApiError;
pub use first::page::EmailSettingsPage;
pub use host::TOKEN_CHANNEL;
#[cfg(feature = "bundle")]
pub use mount::hydrate;
pub use mount::{Mounted, mount};

/// The ID of the element that contains the tab in a server-rendered page.
pub const TAB: &str = "email-tab";

/// The attribute of that element with the path of the sign-in page, which the tab links to once the
/// session has ended.
pub const SIGN_IN: &str = "data-sign-in";

/// The attribute of that element with the path of the page Health, which the banner about an incident
/// links to.
pub const HEALTH: &str = "data-health";
