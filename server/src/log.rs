//! Logging to standard error, filtered by `RUST_LOG`. Contents of a request's body or query must
//! not be logged, and no secret ever.

use std::error::Error;
use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// The default filter. The platform verifier is off: it logs an error for each certificate that
/// only the form's pinned CA verifies.
const DEFAULT_FILTER: &str = "warn,server=info,rustls_platform_verifier=off";

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

/// Formats an error and its causes in one line, without control characters.
#[must_use]
pub fn one_line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line.split(char::is_control)
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
