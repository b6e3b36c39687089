//! What went wrong on the way to a token, explained: from the fault, the leg, the flow and the provider's
//! words, with the administrator's own values in the steps. Made on the server only.

use domain::check::endpoint_problem;
use domain::draft::Form;
use domain::token::{Fault, Leg, Setback};
use domain::{Field, OauthFlow, microsoft};

use super::microsoft as numbers;
use super::token::{SECRET_ID, fault, leg};
use super::{egress, problem};
use crate::explanation::{Explanation, Fill, NextStep};

/// What is known where a setback is explained.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The settings that a token was asked for with.
    pub form: Form<()>,
    /// Whether the stored Client Secret has the form of an id.
    pub secret_is_an_id: bool,
    /// Whether the provider's description of itself names PKCE.
    pub knows_pkce: bool,
}

/// What a setback means and what to do, with the leg at which it happened.
#[must_use]
pub fn setback(setback: &Setback, known: &Known) -> Explanation {
    let Explanation { cause, steps, see_also } = explained(setback, known);
    // An administrator's consent is no failure, though it brings no token.
    let cause = match setback.fault {
        Fault::AdminConsented => cause,
        _ => format!("{} failed: {cause}", leg(setback.leg)),
    };
    Explanation { cause, steps, see_also }
}

/// What a setback means and what to do: by what the settings and the provider's words show together, then
/// by the provider's number, then by the fault.
pub(super) fn explained(setback: &Setback, known: &Known) -> Explanation {
    let said = setback.said.as_deref().unwrap_or_default();
    let number = numbers::number(said);
    let by_settings = || {
        let shown = [wanted_pkce, comma_in_scope, blank_in_client_id, old_version];
        let mut found = shown.iter().find_map(|shown| shown(setback, known))?;
        found.steps.extend(number.map(|number| numbers::page(number, "")));
        Some(found)
    };
    by_settings()
        .or_else(|| numbers::explained(number?, said, &known.form))
        .or_else(|| redirected(setback, known))
        .unwrap_or_else(|| by_fault(setback, known, number))
}

fn by_fault(setback: &Setback, known: &Known, number: Option<u32>) -> Explanation {
    let words = fault(setback.leg, setback.fault, known.form.flow);
    let is_an_id = setback.fault == Fault::InvalidClient
        && setback.leg != Leg::Consent
        && known.secret_is_an_id;
    let first = is_an_id.then_some(SECRET_ID);
    let steps = first.iter().chain(words.steps).map(|&step| NextStep::words(step));
    let egress = egress::step(setback.fault, setback.said.as_deref());
    let page = number.map(|number| numbers::page(number, ""));
    Explanation::new(words.cause, steps.chain(egress).chain(page).collect())
}

const THEN: &str = "Then save, and press Get Auth Token again.";

/// PKCE, in the words of one provider or another.
const PKCE: [&str; 6] =
    ["pkce", "proof key", "code_challenge", "code challenge", "code_verifier", "code verifier"];

/// The provider takes no request without PKCE: it says so, or it finds no word for what is wrong with a
/// request, and knows PKCE.
fn wanted_pkce(setback: &Setback, known: &Known) -> Option<Explanation> {
    let said = setback.said.as_deref().unwrap_or_default().to_ascii_lowercase();
    let is_told = PKCE.iter().any(|word| said.contains(word));
    let is_bare = setback.fault == Fault::InvalidRequest && said.trim() == "invalid_request";
    let is_wanted = known.form.flow == OauthFlow::AuthorizationCode
        && matches!(setback.leg, Leg::Consent | Leg::TokenRequest)
        && (is_told || is_bare && known.knows_pkce);
    is_wanted.then(|| Explanation {
        cause: "The provider requires PKCE, which the chosen flow does not use.".to_owned(),
        steps: vec![
            fill(
                "Choose Authorization Code with PKCE as OAuth Flow:",
                Field::Flow,
                OauthFlow::AuthorizationCodePkce.wire_name(),
                "Choose Authorization Code with PKCE",
            ),
            NextStep::words(THEN),
        ],
        see_also: None,
    })
}

/// A comma, or a semicolon, between scopes that a provider refuses.
fn comma_in_scope(setback: &Setback, known: &Known) -> Option<Explanation> {
    let scope = &known.form.authentication.scope;
    let said = setback.said.as_deref().unwrap_or_default().to_ascii_lowercase();
    let is_about_scope = setback.fault == Fault::InvalidScope || said.contains("scope");
    let separated = scope.replace([',', ';'], " ");
    if !is_about_scope || separated == *scope {
        return None;
    }
    let separated = separated.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(Explanation {
        cause: "Scope contains a comma or a semicolon. Separate scopes with spaces instead."
            .to_owned(),
        steps: vec![
            fill(&format!("Scope must be {separated}"), Field::Scope, &separated, "Use spaces"),
            NextStep::words(THEN),
        ],
        see_also: None,
    })
}

/// A blank around Client ID, where the provider does not know the client.
fn blank_in_client_id(setback: &Setback, known: &Known) -> Option<Explanation> {
    let is_about_client = matches!(
        setback.fault,
        Fault::InvalidClient
            | Fault::UnauthorizedClient
            | Fault::InvalidRequest
            | Fault::UnknownError
    );
    let client_id = known.form.authentication.client_id.as_str();
    let bare = client_id.trim_matches(is_blank);
    let place = match (client_id.starts_with(is_blank), client_id.ends_with(is_blank)) {
        (false, false) => return None,
        (true, true) => "at both ends",
        (true, false) => "at the beginning",
        (false, true) => "at the end",
    };
    (is_about_client && !bare.is_empty()).then(|| Explanation {
        cause: format!("Client ID has a space {place}, so the provider does not recognise it."),
        steps: vec![
            fill("Remove the space from Client ID:", Field::ClientId, bare, "Remove the space"),
            NextStep::words(THEN),
        ],
        see_also: None,
    })
}

/// Whether a character is a blank, seen or not.
fn is_blank(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}')
}

/// An endpoint of Microsoft's first version, which does not know the parameters of the second.
fn old_version(setback: &Setback, known: &Known) -> Option<Explanation> {
    let is_about_request =
        matches!(setback.fault, Fault::InvalidRequest | Fault::InvalidScope | Fault::UnknownError);
    let endpoint = &known.form.authentication.token_endpoint;
    let is_old = microsoft::is_endpoint(endpoint) && microsoft::second_version(endpoint).is_some();
    (is_about_request && is_old).then(|| old_endpoint(&known.form))
}

/// What it means that the endpoints are of Microsoft's first version.
pub(super) fn old_endpoint(form: &Form<()>) -> Explanation {
    let authentication = &form.authentication;
    let flows_endpoints = match form.flow {
        OauthFlow::ClientCredentials => &[Field::TokenEndpoint][..],
        _ => &[Field::AuthorizationEndpoint, Field::TokenEndpoint],
    };
    let second = |&field: &Field| {
        let endpoint = match field {
            Field::AuthorizationEndpoint => &authentication.authorization_endpoint,
            _ => &authentication.token_endpoint,
        };
        let second = microsoft::second_version(endpoint)?;
        let name = super::field(field);
        Some(fill(
            &format!("{name} has to be {second}"),
            field,
            &second,
            &format!("Correct {name}"),
        ))
    };
    let fills: Vec<_> = flows_endpoints.iter().filter_map(second).collect();
    let by_hand = fills.is_empty().then(|| {
        NextStep::words("Put /oauth2/v2.0/ in place of /oauth2/ into Authorization Endpoint and Token Endpoint.")
    });
    Explanation {
        cause: "The endpoint is Microsoft's version 1, without /v2.0, which does not accept a scope. Use /oauth2/v2.0/ instead.".to_owned(),
        steps: fills.into_iter().chain(by_hand).chain([NextStep::words(THEN)]).collect(),
        see_also: None,
    }
}

/// Where a Token Endpoint redirects to, what is different there, and a button that takes it over.
fn redirected(setback: &Setback, known: &Known) -> Option<Explanation> {
    let target = setback.said.as_deref().filter(|_| setback.fault == Fault::Redirected)?;
    let typed = &known.form.authentication.token_endpoint;
    let (bare, query) = typed.find('?').map_or((typed.as_str(), ""), |at| typed.split_at(at));
    let (was, is) = (Parts::of(bare)?, Parts::of(target)?);
    let target = format!("{target}{query}");
    let step = match endpoint_problem(Field::TokenEndpoint, &target) {
        None => {
            let words =
                format!("If that is the provider's address, enter it in Token Endpoint: {target}");
            fill(&words, Field::TokenEndpoint, &target, "Use this address")
        }
        Some(what) => NextStep::words(format!(
            "That address cannot be Token Endpoint. {}",
            problem(Field::TokenEndpoint, what)
        )),
    };
    let is_elsewhere = was.host != is.host;
    let caution = is_elsewhere.then(|| {
        NextStep::words("First check that the provider's documentation names that host: a proxy or a network's sign-in page can redirect too.")
    });
    Some(Explanation {
        cause: format!(
            "Token Endpoint redirects to another address: {}. PPM does not follow it, because it sends a secret only to the address that the secret was entered for.",
            was.differs(&is)
        ),
        steps: caution.into_iter().chain([step]).collect(),
        see_also: None,
    })
}

/// An address in parts.
#[derive(Clone, Copy)]
struct Parts<'a> {
    scheme: &'a str,
    host: &'a str,
    path: &'a str,
}

impl<'a> Parts<'a> {
    fn of(address: &'a str) -> Option<Self> {
        let (scheme, rest) = address.split_once("://")?;
        let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        Some(Self { scheme, host, path })
    }

    /// What is different in another address, in words.
    fn differs(&self, other: &Self) -> String {
        let Self { scheme, host, path } = *self;
        let bare = |path: &str| path.trim_end_matches('/').to_owned();
        let path = match () {
            () if path == other.path => None,
            () if bare(path) == bare(other.path) && other.path.ends_with('/') => {
                Some("it ends with a slash".to_owned())
            }
            () if bare(path) == bare(other.path) => Some("it ends without a slash".to_owned()),
            () => Some(format!("its path is {} in place of {path}", other.path)),
        };
        let scheme = (scheme != other.scheme)
            .then(|| format!("it begins with {}:// in place of {scheme}://", other.scheme));
        let host = (!host.eq_ignore_ascii_case(other.host))
            .then(|| format!("its host is {} in place of {host}", other.host));
        let all: Vec<_> = [scheme, host, path].into_iter().flatten().collect();
        if all.is_empty() { "it differs in its query".to_owned() } else { all.join(", ") }
    }
}

fn fill(text: &str, field: Field, value: &str, label: &str) -> NextStep {
    let fill = Fill { field, value: value.to_owned(), label: label.to_owned() };
    NextStep { fill: Some(fill), ..NextStep::words(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: OauthFlow = OauthFlow::AuthorizationCode;

    fn known(flow: OauthFlow, change: impl FnOnce(&mut Form<()>)) -> Known {
        let mut form = Form { flow, ..Form::default() };
        form.authentication.token_endpoint = "https://login.example.com/o/token".to_owned();
        change(&mut form);
        Known { form, ..Known::default() }
    }

    fn at(leg: Leg, fault: Fault, said: &str) -> Setback {
        Setback { leg, fault, said: Some(said.to_owned()) }
    }

    fn fills(explanation: &Explanation) -> Vec<(Field, &str)> {
        let fills = explanation.steps.iter().filter_map(|step| step.fill.as_ref());
        fills.map(|fill| (fill.field, fill.value.as_str())).collect()
    }

    #[test]
    fn a_redirect_is_told_with_what_differs_and_offered() {
        for (target, difference) in [
            ("https://login.example.com/o/token/", "it ends with a slash"),
            ("https://login.example.com/o2/token", "its path is /o2/token in place of /o/token"),
            (
                "https://www.example.com/o/token",
                "its host is www.example.com in place of login.example.com",
            ),
        ] {
            let setback = at(Leg::TokenRequest, Fault::Redirected, target);
            let told = explained(&setback, &known(CODE, |_| {}));
            assert!(told.cause.contains(difference), "{told:?}");
            assert_eq!(fills(&told), [(Field::TokenEndpoint, target)]);
        }
    }

    #[test]
    fn a_redirect_to_where_no_secret_may_go_is_not_offered() {
        let setback = at(Leg::TokenRequest, Fault::Redirected, "http://portal.example/login");
        let told = explained(&setback, &known(CODE, |_| {}));
        assert!(told.cause.contains("http:// in place of https://"), "{told:?}");
        assert_eq!(fills(&told), []);
    }

    #[test]
    fn a_provider_that_wants_pkce_in_whatever_words_leads_to_that_flow() {
        for said in [
            "invalid_request: Code challenge required",
            "invalid_grant: code_verifier is missing",
            "unauthorized_client: PKCE is mandatory for this client.",
            "invalid_request: Proof Key for Code Exchange is required",
        ] {
            for leg in [Leg::Consent, Leg::TokenRequest] {
                let setback = at(leg, Fault::InvalidRequest, said);
                let told = explained(&setback, &known(CODE, |_| {}));
                assert_eq!(fills(&told), [(Field::Flow, "authorization-code-pkce")], "{said}");
                let with_pkce = known(OauthFlow::AuthorizationCodePkce, |_| {});
                assert_eq!(fills(&explained(&setback, &with_pkce)), [], "{said}");
            }
        }
    }

    #[test]
    fn a_request_that_is_malformed_for_no_reason_is_about_pkce_where_the_provider_knows_it() {
        let setback = at(Leg::Consent, Fault::InvalidRequest, "invalid_request");
        for (knows_pkce, expected) in [(true, 1), (false, 0)] {
            let known = Known { knows_pkce, ..known(CODE, |_| {}) };
            assert_eq!(fills(&explained(&setback, &known)).len(), expected, "{knows_pkce}");
        }
    }

    #[test]
    fn a_comma_in_scope_is_told_where_the_provider_refuses_scope() {
        let scope = |form: &mut Form<()>| "a,b;c  d".clone_into(&mut form.authentication.scope);
        let setback = at(Leg::Consent, Fault::InvalidClient, "AADSTS650053: asked for scope 'a,b'");
        let told = explained(&setback, &known(CODE, scope));
        assert!(told.cause.contains("Separate scopes with spaces"), "{told:?}");
        assert_eq!(fills(&told), [(Field::Scope, "a b c d")]);
        let setback = at(Leg::TokenRequest, Fault::InvalidClient, "invalid_client");
        assert_eq!(fills(&explained(&setback, &known(CODE, scope))), []);
    }

    #[test]
    fn a_blank_around_client_id_is_told_where_the_provider_does_not_know_the_client() {
        for (client_id, place) in [
            ("ppm ", "at the end"),
            ("\u{FEFF}ppm", "at the beginning"),
            (" ppm\t", "at both ends"),
        ] {
            let known =
                known(CODE, |form| client_id.clone_into(&mut form.authentication.client_id));
            let setback = at(Leg::TokenRequest, Fault::UnauthorizedClient, "AADSTS700016: no");
            let told = explained(&setback, &known);
            assert!(told.cause.contains(place), "{told:?}");
            assert_eq!(fills(&told), [(Field::ClientId, "ppm")]);
        }
    }

    #[test]
    fn an_endpoint_of_microsofts_first_version_is_told_with_both_corrections() {
        let known = known(CODE, |form| {
            let old = |end| format!("https://login.microsoftonline.com/contoso.com/oauth2/{end}");
            form.authentication.token_endpoint = old("token");
            form.authentication.authorization_endpoint = old("authorize");
        });
        let setback = at(Leg::TokenRequest, Fault::InvalidRequest, "AADSTS900144: resource");
        let told = explained(&setback, &known);
        let new = |end| format!("https://login.microsoftonline.com/contoso.com/oauth2/v2.0/{end}");
        let (authorize, token) = (new("authorize"), new("token"));
        let expected = [
            (Field::AuthorizationEndpoint, authorize.as_str()),
            (Field::TokenEndpoint, token.as_str()),
        ];
        assert_eq!(fills(&told), expected);
    }

    #[test]
    fn a_number_that_is_not_known_leaves_the_words_as_they_are_and_links_to_microsofts_page() {
        let setback = at(Leg::TokenRequest, Fault::InvalidClient, "invalid_client: AADSTS1: no");
        let told = explained(&setback, &known(CODE, |_| {}));
        assert_eq!(told.cause, fault(Leg::TokenRequest, Fault::InvalidClient, CODE).cause);
        let link = told.steps.last().and_then(|step| step.link.clone()).expect("a link");
        assert_eq!(link.href, "https://login.microsoftonline.com/error?code=1");
    }
}
