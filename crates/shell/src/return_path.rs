//! The path to return to after sign-in. It is an untrusted query parameter, so only local paths are
//! accepted (open redirect, CWE-601).

use std::fmt::Write;

use contract::paths;

/// The maximum length of a return path in octets.
const MAX_LENGTH: usize = 1024;

/// Returns the text if it is a path of this server that no browser resolves to another origin.
pub fn local_path(text: &str) -> Option<&str> {
    let is_plain = text.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'\\');
    let is_local = text.starts_with('/') && !text.starts_with("//");
    (is_plain && is_local && text.len() <= MAX_LENGTH).then_some(text)
}

/// Adds a return path to the address of a page, unless it is the tab, which is the default.
pub fn with_destination(address: &str, path: Option<&str>) -> String {
    match path.and_then(local_path) {
        None | Some(paths::EMAIL) => address.to_owned(),
        Some(path) => {
            let separator = if address.contains('?') { '&' } else { '?' };
            format!("{address}{separator}to={}", encoded(path))
        }
    }
}

/// Percent-encodes all octets except unreserved characters (RFC 3986 2.3) and the slash.
fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for octet in path.bytes() {
        match octet {
            b'/' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(octet)),
            _ if octet.is_ascii_alphanumeric() => encoded.push(char::from(octet)),
            _ => write!(encoded, "%{octet:02X}").expect("a write to a String cannot fail"),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_paths_are_accepted() {
        for path in ["/", "/audit", "/settings/email/history?x=1&y=%2F"] {
            assert_eq!(local_path(path), Some(path));
        }
        for other in [
            "",
            "audit",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/a\nb",
            " /audit",
            "/ä",
        ] {
            assert_eq!(local_path(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_return_path_is_encoded_as_one_parameter() {
        assert_eq!(
            with_destination("/sign-in?refused=over", Some("/audit?person=a&day=1")),
            "/sign-in?refused=over&to=/audit%3Fperson%3Da%26day%3D1"
        );
    }

    #[test]
    fn the_default_path_is_omitted() {
        for path in [None, Some("/settings/email"), Some("//evil.example")] {
            assert_eq!(with_destination("/sign-in", path), "/sign-in");
        }
    }
}
