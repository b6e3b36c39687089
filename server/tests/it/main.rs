//! The server from outside: one file per promise, over the harness in `support`.

mod canaries;
mod cli;
mod connections;
mod consents;
mod crashes;
mod crowds;
mod csrf;
mod frame;
mod headers;
mod limits;
mod oauth;
mod openid;
mod pages;
mod people;
mod postgres;
mod runs;
mod saving;
mod sessions;
mod set_up;
mod settings;
mod site;
mod smtp;
mod support;
mod tokens;
mod vault;
