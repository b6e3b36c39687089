//! The HTTP layer: routes, middleware and responses. It decides nothing about settings or tokens: it
//! calls the use cases and identity.

pub mod api;
pub mod api_error;
mod applications;
pub mod authenticate;
pub mod body;
pub mod client_ip;
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
mod messages;
pub mod metrics;
mod oauth;
mod oidc;
mod openapi;
pub mod pages;
mod problem_details;
pub mod router;
mod sign_in;
pub mod site;
pub mod throttle;
