//! Logging to standard error, filtered by `RUST_LOG`. Contents of a request's body or query must
//! not be logged, and no secret ever.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// The default filter. The platform verifier is off: it logs an error for each certificate that
/// only the form's pinned CA verifies.
const DEFAULT_FILTER: &str = "warn,server=info,store=info,oauth=info,smtp=info,net=info,vault=info,rustls_platform_verifier=off";

/// Whether standard error is a terminal and `NO_COLOR` is not set (no-color.org).
fn has_colours() -> bool {
    std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|asked| asked.is_empty())
}

/// Starts logging, with the default filter unless `RUST_LOG` has one.
pub fn start() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(has_colours())
        .init();
}
