//! What every request and every answer goes through, whatever it is about.

pub mod api;
pub mod body;
pub mod client;
pub mod cors;
pub mod csrf;
pub mod deadline;
mod door;
pub mod events;
pub mod forms;
pub mod frame;
pub mod headers;
pub mod health;
pub mod host;
pub mod media;
mod oauth;
mod oidc;
pub mod pages;
pub mod refusal;
pub mod site;
pub mod throttle;
