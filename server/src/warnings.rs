//! Warnings that are logged once at the start. None of them keeps the server from working.

use net::origin::PublicUrl;
use rustix::process::geteuid;

use crate::config::Config;
use crate::key;

/// The warnings about a configuration, for the server and for a Rust host.
pub fn of_config(config: &Config) -> Vec<String> {
    let root = geteuid()
        .is_root()
        .then(|| "running as root is unnecessary: run as an unprivileged user".to_owned());
    key::place_warning(&config.database, &config.key_file).into_iter().chain(root).collect()
}

/// The same, and those for a server that listens itself.
pub fn of_serving(config: &Config) -> Vec<String> {
    let public_url = config.public_url.as_ref();
    let clear = public_url.filter(|url| url.is_in_clear()).map(|url| {
        format!(
            "--public-url {} uses http: passwords, sessions and secrets can be read in transit; put a TLS proxy in front of this server",
            url.origin()
        )
    });
    let has_proxy = public_url.is_some_and(PublicUrl::is_https);
    let unnamed = (has_proxy && config.trusted_proxies.is_empty()).then(|| {
        "--public-url is https but no --trusted-proxy is set: all clients share the proxy's address, so one can use up the sign-in limits of all clients"
            .to_owned()
    });
    let webhook = config.alerts.webhook.as_ref();
    let unsigned = webhook.is_some_and(|webhook| webhook.secret.is_none()).then(|| {
        "--alert-webhook has no --alert-webhook-secret-file: its receiver cannot tell PPM's requests from others"
            .to_owned()
    });
    of_config(config).into_iter().chain(clear).chain(unnamed).chain(unsigned).collect()
}
