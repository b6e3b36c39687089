//! Checks a Redirect URI: compares the typed URL with this server's callback, and sends a request
//! from this machine to itself. The callback answers such a probe only if it was sealed with the
//! vault's key, so that other callers learn nothing. No attempt is touched.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use contract::RequestOrigin;
use contract::{LookupFact, LookupResult};
use domain::secret::Destination;
use domain::syntax::text::shown;
use domain::syntax::url;
use explain::redirect_check::{self as words, Difference, RedirectFact, RedirectProblem, UriPart};
use oauth2::url::form_urlencoded;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::{Duration, timeout};

use super::Lookups;
use crate::clock::random_token;
use crate::vault::columns::CALLBACK_PROBE;
use domain::token::OauthDiagnosis;
use net::egress::EgressPolicy;
use oauth::DocumentError;
use store::hash::hashed;

/// The query parameter that carries a probe.
const PARAMETER: &str = "ppm-probe";
/// How long a probe is valid, by the clocks of the server that sends it and the one that answers.
const VALID_FOR: TimeDelta = TimeDelta::minutes(2);
/// The deadline of a probe.
const PROBE_DEADLINE: Duration = Duration::from_secs(10);
/// The maximum length of a probe.
const LONGEST: usize = 512;
/// The maximum number of characters of a typed URL that are checked.
const MOST: usize = 2_000;

/// One probe at a time.
static PROBING: Mutex<()> = Mutex::const_new(());

/// Checks a typed Redirect URI, for a page of this origin.
pub async fn findings(
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
        match send_probe(lookups, own).await {
            Ok(verdict) => {
                facts.push(LookupFact::words(words::fact(RedirectFact::Reachable), verdict))
            }
            Err(problem) => problems.push(problem),
        }
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

/// Sends a probe to the URL of this server's own callback.
async fn send_probe(lookups: &Lookups, own: &str) -> Result<&'static str, RedirectProblem> {
    if url::endpoint_url(own).is_err() {
        return Ok(words::NOT_TRIED);
    }
    let Ok(_turn) = PROBING.try_lock() else { return Ok(words::BUSY) };
    let nonce = random_token(lookups.randomness.as_ref());
    let question = format!("{}.{nonce}", lookups.clock.now().timestamp_millis());
    let sealed =
        lookups.vault.seal(CALLBACK_PROBE, &Destination::Unbound, &SecretString::from(question));
    let address = format!("{own}?{PARAMETER}={}", URL_SAFE_NO_PAD.encode(sealed));
    let documents = lookups.documents.by(egress(lookups));
    match timeout(PROBE_DEADLINE, documents.get(&address)).await {
        Ok(Ok(answer)) if answer.octets == proof(&nonce).as_bytes() => Ok(words::REACHABLE),
        Ok(Ok(_)) => Err(RedirectProblem::SomebodyElse),
        Ok(Err(DocumentError { diagnosis, refused, .. })) => {
            Err(RedirectProblem::Unreached { diagnosis, refused })
        }
        Err(_) => {
            Err(RedirectProblem::Unreached { diagnosis: OauthDiagnosis::TooSlow, refused: None })
        }
    }
}

/// The egress policy of the probe: it allows the configured URL and listening address. Without a
/// public URL, the URL comes from the `Host` of a browser, which may be any.
fn egress(lookups: &Lookups) -> EgressPolicy {
    let policy = lookups.egress.for_own(lookups.listen);
    match &lookups.public_url {
        Some(public_url) => policy.for_configured(public_url.origin()),
        None => policy,
    }
}

/// The callback's answer to a probe that this key sealed recently; `None` for any other.
#[must_use]
pub fn answer(lookups: &Lookups, query: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let (_, sealed) = pairs.find(|(name, _)| name == PARAMETER)?;
    let sealed = URL_SAFE_NO_PAD.decode(sealed.get(..sealed.len().min(LONGEST))?).ok()?;
    let question =
        lookups.vault.open_from_request(CALLBACK_PROBE, &Destination::Unbound, &sealed).ok()?;
    let (asked_at, nonce) = question.expose_secret().split_once('.')?;
    let asked_at = DateTime::<Utc>::from_timestamp_millis(asked_at.parse().ok()?)?;
    let age = lookups.clock.now() - asked_at;
    (age.abs() <= VALID_FOR).then(|| proof(nonce))
}

/// Proves that the probe was opened: only then is its nonce known.
fn proof(nonce: &str) -> String {
    format!("ppm-email callback {}", hashed(&format!("callback {nonce}")))
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
