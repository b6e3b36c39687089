//! The HTTP layer: routes, middleware and responses.

pub mod api;
pub mod api_error;
pub mod body;
pub mod client;
pub mod cors;
pub mod csrf;
pub mod deadline;
pub mod events;
pub mod forms;
pub mod headers;
pub mod health;
pub mod host;
pub mod iframe;
pub mod media;
mod oauth;
mod oidc;
pub mod pages;
mod sign_in;
pub mod site;
pub mod throttle;
