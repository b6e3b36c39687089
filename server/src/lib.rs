//! The server of PPM Email Settings: I/O, secrets and the clock. `main.rs` and the tests call
//! [`Server::start`] and [`router`]; a host written in Rust uses [`embed`].

pub mod admin;
pub mod aggregates;
pub mod application;
pub mod audit;
pub mod cli;
pub mod config;
mod cookies;
pub mod embed;
pub mod health;
pub mod identity;
pub mod key;
pub mod log;
pub mod outbox;
pub mod readiness;
mod rebind;
pub mod serve;
pub mod signatures;
mod state;
pub mod subscriber;
pub mod time_zones;
pub mod use_cases;
pub mod warnings;
pub mod web;

pub use vault::clock;

pub use state::{Parts, Server, StartError};
pub use web::router::{guarded, router};
