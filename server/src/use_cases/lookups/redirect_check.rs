//! Checks a Redirect URI: compares the typed URL with this server's callback, and the page's origin with
//! those that may show the tab.

use contract::{LookupFact, LookupResult, RequestOrigin};
use domain::syntax::text::shown;
use explain::redirect_check::{self as words, RedirectFact, RedirectProblem};

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
    facts.extend(page_fact);
    let headers = reached.forwarded.iter();
    facts.extend(
        headers.map(|(name, value)| LookupFact::words(name, words::forwarded(&shown(value)))),
    );
    let mut problems: Vec<_> = page_symptom.into_iter().collect();
    if typed.is_empty() {
        problems.push(RedirectProblem::Empty);
    } else if typed != own {
        problems.push(RedirectProblem::Differs(words::differences(typed, own)));
    }
    let verdict = problems.is_empty().then(|| explain::verdict(words::SAME));
    let explanations =
        problems.into_iter().map(|problem| words::redirect_problem(problem, own)).collect();
    LookupResult { verdict, facts, explanations, fills: Vec::new() }
}

/// Checks the origin of the page that contains the tab.
fn page_of(
    lookups: &Lookups,
    page: &str,
    reached: &RequestOrigin,
) -> (Option<LookupFact>, Option<RedirectProblem>) {
    let fact = words::fact(RedirectFact::Page);
    // Browsers send nothing else as an origin.
    let Some(page) = words::url_origin(page) else { return (None, None) };
    let own = words::url_origin(&reached.callback).unwrap_or_default();
    if page == own {
        return (Some(LookupFact::value(fact, page)), None);
    }
    let hosts = &lookups.embedding;
    if hosts.embedding.iter().chain(&hosts.framing).any(|host| host.as_str() == page) {
        return (Some(LookupFact::words(fact, words::embedding_page(&page))), None);
    }
    let problem = match &reached.public_origin {
        Some(own) => RedirectProblem::OtherPage { page: page.clone(), own: own.clone() },
        None => RedirectProblem::BehindProxy { origin: page.clone() },
    };
    (Some(LookupFact::value(fact, page)), Some(problem))
}
