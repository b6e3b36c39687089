//! Parses any text as an endpoint: browsers parse an accepted one as the same URL, it has no user
//! info and no fragment, and http is limited to this machine.

#![no_main]

use domain::syntax::url::{endpoint_url, origin, redirect_uri, scope};
use libfuzzer_sys::fuzz_target;
use url::{ParseError, Url};

fuzz_target!(|text: &str| {
    let _ = (redirect_uri(text), scope(text));
    if endpoint_url(text).is_err() {
        return;
    }
    let url = match Url::parse(text) {
        Ok(url) => url,
        // Only the conversion to A-labels checks all rules for letters; such a name does not
        // resolve.
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
