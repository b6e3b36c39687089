//! Checks a Redirect URI: compares the typed URL with this server's callback, and the page's origin with
//! those that may show the tab.

use contract::RequestOrigin;
use contract::{LookupFact, LookupResult};
use domain::syntax::text::shown;
use explain::redirect_check::{self as words, Difference, RedirectFact, RedirectProblem, UriPart};

use super::Lookups;

/// The maximum number of characters of a typed URL that are checked.
const MOST: usize = 2_000;

/// Checks a typed Redirect URI, for a page of this origin.
pub fn findings(
    lookups: &Lookups,
    typed: &str,
    page: &str,
    reached: &RequestOrigin,
) -> LookupResult {
    let own = reached.callback.as_str();
    let typed: String = typed.chars().take(MOST).collect();
    let typed = typed.as_str();
    let known_by = words::fact(RedirectFact::KnownBy);
    let mut facts = vec![
        LookupFact::value(words::fact(RedirectFact::Typed), shown(typed)),
        LookupFact::value(words::fact(RedirectFact::Own), shown(own)),
        match reached.public_origin {
            Some(_) => LookupFact::value(known_by, words::BY_PUBLIC_URL),
            None => LookupFact::words(known_by, words::BY_HOST),
        },
    ];
    let (page_fact, page_symptom) = page_of(lookups, page, reached);
    facts.extend(page_fact.map(|value| LookupFact::value(words::fact(RedirectFact::Page), value)));
    let headers = reached.forwarded.iter();
    facts.extend(
        headers.map(|(name, value)| LookupFact::value(name, words::forwarded(&shown(value)))),
    );
    let mut problems: Vec<_> = page_symptom.into_iter().collect();
    if typed.is_empty() {
        problems.push(RedirectProblem::Empty);
    } else if typed == own {
        facts.push(LookupFact::words(words::fact(RedirectFact::Verdict), words::SAME));
    } else {
        problems.push(RedirectProblem::Differs(differences(typed, own)));
    }
    let explanations =
        problems.into_iter().map(|problem| words::redirect_problem(problem, own)).collect();
    LookupResult { facts, explanations, fills: Vec::new() }
}

/// Checks the origin of the page that contains the tab.
fn page_of(
    lookups: &Lookups,
    page: &str,
    reached: &RequestOrigin,
) -> (Option<String>, Option<RedirectProblem>) {
    // Browsers send nothing else as an origin.
    let Some(page) = url_origin(page) else { return (None, None) };
    let own = url_origin(&reached.callback).unwrap_or_default();
    if page == own {
        return (Some(page), None);
    }
    let hosts = &lookups.embedding;
    if hosts.embedding.iter().chain(&hosts.framing).any(|host| host.as_str() == page) {
        return (Some(words::elsewhere(&page)), None);
    }
    let problem = match &reached.public_origin {
        Some(own) => RedirectProblem::OtherPage { page: page.clone(), own: own.clone() },
        None => RedirectProblem::BehindProxy { origin: page.clone() },
    };
    (Some(page), Some(problem))
}

/// The scheme, host and port that a text begins with, not normalised.
fn url_origin(text: &str) -> Option<String> {
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
fn differences(typed: &str, own: &str) -> Vec<Difference> {
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
