//! Texts of the Redirect URI check, which compares the typed URL with this server's callback.

use contract::{Explanation, NextStep};
use domain::{Field, syntax::text::shown};

use crate::steps::{with_copy, with_fill};

/// A fact of the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectFact {
    /// The Redirect URI as typed.
    Typed,
    /// This server's callback address.
    Own,
    /// The source of the callback address.
    KnownBy,
    /// The origin of the page with the tab.
    Page,
}

/// The name of a fact.
pub const fn fact(fact: RedirectFact) -> &'static str {
    match fact {
        RedirectFact::Typed => "Redirect URI",
        RedirectFact::Own => "This server's address",
        RedirectFact::KnownBy => "Taken from",
        RedirectFact::Page => "This page",
    }
}

/// The source is the configured public URL.
pub const BY_PUBLIC_URL: &str = "--public-url";
/// The source is the request's Host header.
pub const BY_HOST: &str = "the Host header of your request";
/// The verdict for equal addresses.
pub const SAME: &str = "Exactly this server's address. Register it at the provider as it is.";

/// Formats a forwarding header, which PPM does not use.
pub fn forwarded(value: &str) -> String {
    format!("{value} (PPM does not use this header)")
}

/// Formats the origin of another site's page that may embed the tab.
pub fn embedding_page(page: &str) -> String {
    format!("{page}, which is allowed to show this tab; browsers still come back to this server")
}

/// A part of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UriPart {
    /// A space or another invisible character.
    Whitespace,
    /// The text after `#`.
    Fragment,
    /// The text before `://`.
    Scheme,
    /// The host's name.
    Host,
    /// The port.
    Port,
    /// The path.
    Path,
    /// A trailing slash of the path.
    SlashAtEnd,
    /// Upper and lower case.
    Capitals,
    /// The text after `?`.
    Query,
}

/// A difference in one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The part.
    pub part: UriPart,
    /// The part as typed; empty if missing.
    pub typed: String,
    /// The part in this server's address.
    pub own: String,
}

fn difference(Difference { part, typed, own }: &Difference) -> String {
    let name = match part {
        UriPart::Whitespace => {
            return "it contains a space or another invisible character".to_owned();
        }
        UriPart::Fragment => return "it contains a #, which OAuth does not allow".to_owned(),
        UriPart::SlashAtEnd if own.ends_with('/') => {
            return "the slash at the end is missing".to_owned();
        }
        UriPart::SlashAtEnd => return "there is an extra slash at the end".to_owned(),
        UriPart::Capitals => "upper and lower case differ",
        UriPart::Scheme => "the scheme differs",
        UriPart::Host => "the host differs",
        UriPart::Port => "the port differs",
        UriPart::Path => "the path differs",
        UriPart::Query => "the query (after the ?) differs",
    };
    let or_none = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
    format!("{name} ({} instead of {})", or_none(typed), or_none(own))
}

/// A problem with a Redirect URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedirectProblem {
    /// The Redirect URI is empty.
    Empty,
    /// The Redirect URI differs from this server's callback address.
    Differs(Vec<Difference>),
    /// The page's origin is neither this server's nor an allowed embedding origin.
    OtherPage {
        /// The page's origin.
        page: String,
        /// This server's origin.
        own: String,
    },
    /// A reverse proxy uses another scheme or host than this server is configured for.
    BehindProxy {
        /// The origin that the browser sees.
        origin: String,
    },
}

/// Explains a problem; `own` is this server's callback address.
pub fn redirect_problem(problem: RedirectProblem, own: &str) -> Explanation {
    match problem {
        RedirectProblem::Empty => {
            Explanation::new("Redirect URI is empty.", [use_own_address(own)])
        }
        RedirectProblem::Differs(differences) => {
            let differences: Vec<_> = differences.iter().map(difference).collect();
            Explanation::new(
                format!("Redirect URI is not this server's address: {}.", differences.join("; ")),
                [
                    use_own_address(own),
                    NextStep::words(
                        "Or leave it: after signing in, you will have to paste the final address here.",
                    ),
                ],
            )
        }
        RedirectProblem::OtherPage { page, own } => Explanation::new(
            format!(
                "You are at {page}, but browsers are sent back to {own}, where you are not signed in."
            ),
            [
                format!("Open PPM at {own}, sign in, and press Get Auth Token there.").into(),
                with_copy(
                    "Or, if browsers are to reach PPM at this page's address, start PPM with it:",
                    format!("--public-url {page}"),
                ),
            ],
        ),
        RedirectProblem::BehindProxy { origin } => Explanation::new(
            format!("Your browser uses {origin}, but PPM thinks its address is plain http."),
            [with_copy(
                "Start PPM with the address that browsers use:",
                format!("--public-url {origin}"),
            )],
        ),
    }
}

fn use_own_address(own: &str) -> NextStep {
    let text = format!("Use {own}, and register exactly that at the provider.");
    with_fill(text, Field::RedirectUri, own, "Use this server's address")
}

/// The scheme, host and port that a text begins with, not normalised.
pub fn url_origin(text: &str) -> Option<String> {
    let text = Some(text).filter(|text| !text.contains(char::is_whitespace))?;
    let Pieces { scheme, host, port, .. } = Pieces::of(text);
    let is_web = matches!(scheme, "http" | "https") && !host.is_empty();
    let port = if port.is_empty() { String::new() } else { format!(":{port}") };
    is_web.then(|| shown(&format!("{scheme}://{host}{port}")))
}

/// The parts of an untrusted URL; a missing one is empty.
struct Pieces<'a> {
    scheme: &'a str,
    host: &'a str,
    port: &'a str,
    path: &'a str,
    query: &'a str,
}

impl<'a> Pieces<'a> {
    fn of(text: &'a str) -> Self {
        let text = text.split('#').next().unwrap_or_default();
        let (rest, query) = text.split_once('?').unwrap_or((text, ""));
        let (scheme, rest) = rest.split_once("://").unwrap_or(("", rest));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (authority, ""),
        };
        Self { scheme, host, port, path, query }
    }
}

/// How a typed URL differs from this server's, part by part.
pub fn differences(typed: &str, own: &str) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut differs = |part: UriPart, typed: &str, own: &str| {
        found.push(Difference { part, typed: shown(typed), own: shown(own) });
    };
    if typed.contains(|c: char| c.is_whitespace() || c.is_control()) {
        differs(UriPart::Whitespace, "", "");
    }
    if typed.contains('#') {
        differs(UriPart::Fragment, "", "");
    }
    let (typed, own) = (Pieces::of(typed.trim()), Pieces::of(own));
    for (part, typed, own) in [
        (UriPart::Scheme, typed.scheme, own.scheme),
        (UriPart::Host, typed.host, own.host),
        (UriPart::Port, typed.port, own.port),
        (UriPart::Path, typed.path, own.path),
        (UriPart::Query, typed.query, own.query),
    ] {
        match part {
            _ if typed == own => {}
            UriPart::Path if typed.trim_end_matches('/') == own.trim_end_matches('/') => {
                differs(UriPart::SlashAtEnd, typed, own);
            }
            _ if typed.eq_ignore_ascii_case(own) => differs(UriPart::Capitals, typed, own),
            _ => differs(part, typed, own),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://ppm.example/oauth/callback";

    #[test]
    fn each_part_that_differs_is_named() {
        for (typed, expected) in [
            ("http://ppm.example/oauth/callback", vec![UriPart::Scheme]),
            ("https://ppm.example.com/oauth/callback", vec![UriPart::Host]),
            ("https://ppm.example:443/oauth/callback", vec![UriPart::Port]),
            ("https://ppm.example/oauth/Callback", vec![UriPart::Capitals]),
            ("https://PPM.example/oauth/callback", vec![UriPart::Capitals]),
            ("https://ppm.example/oauth/callback/", vec![UriPart::SlashAtEnd]),
            ("https://ppm.example/callback", vec![UriPart::Path]),
            ("https://ppm.example/oauth/callback?x=1", vec![UriPart::Query]),
            ("https://ppm.example/oauth/callback#x", vec![UriPart::Fragment]),
            (" https://ppm.example/oauth/callback", vec![UriPart::Whitespace]),
            ("http://ppm.example:3000/", vec![UriPart::Scheme, UriPart::Port, UriPart::Path]),
            (
                "urn:ietf:wg:oauth:2.0:oob",
                vec![UriPart::Scheme, UriPart::Host, UriPart::Port, UriPart::Path],
            ),
        ] {
            let found: Vec<_> = differences(typed, OWN).iter().map(|found| found.part).collect();
            assert_eq!(found, expected, "{typed}");
        }
    }
}
