//! The path that somebody was going to before they had to sign in. It travels in addresses that
//! anybody can write, so only a path of this server's own counts.

use std::fmt::Write;

use super::paths;

/// The longest path that is remembered, in octets.
const LONGEST: usize = 1024;

/// A path of this server's own, as it stands; nothing for what a browser would take for another place
/// (CWE-601).
#[must_use]
pub fn local_path(text: &str) -> Option<&str> {
    let is_plain = text.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'\\');
    let is_local = text.starts_with('/') && !text.starts_with("//");
    (is_plain && is_local && text.len() <= LONGEST).then_some(text)
}

/// The address of a page with a path to go on to; without one where that is the tab, to which
/// everybody goes.
#[must_use]
pub fn with_destination(address: &str, path: Option<&str>) -> String {
    match path.and_then(local_path) {
        None | Some(paths::EMAIL) => address.to_owned(),
        Some(path) => {
            let joint = if address.contains('?') { '&' } else { '?' };
            format!("{address}{joint}to={}", encoded(path))
        }
    }
}

/// Percent-encoded, but for what stands for itself anywhere (RFC 3986 2.3) and the slash.
fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for octet in path.bytes() {
        match octet {
            b'/' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(octet)),
            _ if octet.is_ascii_alphanumeric() => encoded.push(char::from(octet)),
            _ => write!(encoded, "%{octet:02X}").expect("a String takes whatever is written to it"),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_this_server_counts() {
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
    fn a_destination_is_one_parameter() {
        assert_eq!(
            with_destination("/sign-in?refused=over", Some("/audit?person=a&day=1")),
            "/sign-in?refused=over&to=/audit%3Fperson%3Da%26day%3D1"
        );
    }

    #[test]
    fn the_tab_needs_no_mention() {
        for path in [None, Some("/settings/email"), Some("//evil.example")] {
            assert_eq!(with_destination("/sign-in", path), "/sign-in");
        }
    }
}
