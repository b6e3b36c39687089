//! Any text as an endpoint: what is accepted is what a browser takes for the same place, without
//! user info and fragment, and never http but on this very machine.

#![no_main]

use domain::check::url::{endpoint_url, origin, redirect_uri, scope};
use libfuzzer_sys::fuzz_target;
use url::{ParseError, Url};

fuzz_target!(|text: &str| {
    let _ = (redirect_uri(text), scope(text));
    if endpoint_url(text).is_err() {
        return;
    }
    let url = match Url::parse(text) {
        Ok(url) => url,
        // Only the conversion to A-labels knows every rule for letters; such a name is never found.
        Err(ParseError::IdnaError) => return,
        Err(error) => panic!("{text:?} is none for browsers: {error}"),
    };
    assert!(matches!(url.scheme(), "https" | "http"), "{text:?}");
    assert!(url.username().is_empty() && url.password().is_none(), "{text:?}");
    assert!(url.fragment().is_none(), "{text:?}");
    if url.scheme() == "http" {
        let host = url.host_str().expect("a host");
        let is_loopback = host == "localhost" || host.starts_with("127.") || host == "[::1]";
        assert!(is_loopback, "{text:?} is called in clear at {host}");
    }
    assert!(origin(text).is_some(), "{text:?} has no origin");
});
