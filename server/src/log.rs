//! The log: to standard error, filtered by `RUST_LOG`. Nothing may be logged that came in a
//! request's body or query, and no secret ever.

use std::error::Error;
use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Warnings of the libraries and the server's own news. Who vouches for a mail server may be known to
/// its form alone, which the machine's verifier cannot know and calls an error.
const USUAL: &str = "warn,server=info,rustls_platform_verifier=off";

/// Whether a person reads the log at a terminal, and has not asked for no colours (no-color.org).
fn has_colours() -> bool {
    std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|asked| asked.is_empty())
}

/// Starts the log, filtered as usual unless `RUST_LOG` says otherwise.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(USUAL));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(has_colours())
        .init();
}

/// An error and what caused it, in one line fit for a terminal.
#[must_use]
pub fn one_line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !line.contains(&said) {
            line = format!("{line}: {said}");
        }
        cause = error.source();
    }
    line.split(char::is_control)
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
