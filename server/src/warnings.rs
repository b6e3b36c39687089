//! What an operator is told at the start, once each: nothing of it keeps the server from working.

use rustix::process::geteuid;

use crate::config::{Config, PublicUrl};
use crate::key;

/// What is to be said of a configuration, wherever the router runs.
#[must_use]
pub fn of_config(config: &Config) -> Vec<String> {
    let root = geteuid().is_root().then(|| {
        "this process runs as root, which it does not need: run it as an unprivileged user"
            .to_owned()
    });
    key::place_warning(&config.database, &config.key_file).into_iter().chain(root).collect()
}

/// The same for a server that listens by itself.
#[must_use]
pub fn of_serving(config: &Config) -> Vec<String> {
    let public_url = config.public_url.as_ref();
    let clear = public_url.filter(|url| url.is_in_clear()).map(|url| {
        format!(
            "--public-url {} is not encrypted: passwords, sessions and secrets can be read on the way; put a proxy with TLS in front of this server",
            url.origin()
        )
    });
    let has_proxy = public_url.is_some_and(PublicUrl::is_https);
    let unnamed = (has_proxy && config.trusted_proxies.is_empty()).then(|| {
        "--public-url is https, so there is a proxy in front of this server, but --trusted-proxy is not set: all callers count as one, and one of them can lock the others out"
            .to_owned()
    });
    of_config(config).into_iter().chain(clear).chain(unnamed).collect()
}
