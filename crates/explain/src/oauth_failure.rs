//! Explains an OAuth failure from its diagnosis, stage, flow and the provider's error, with values of
//! the settings in the steps. Server only.

use contract::{Explanation, NextStep};
use domain::token::{OauthDiagnosis, OauthFailure, OauthStage};
use domain::validate::endpoint_problem;
use domain::{Field, Form, OauthFlow, microsoft};
use labels::{SECRET_ID, oauth_diagnosis_words, problem, stage};

use crate::{egress, microsoft as numbers, steps::with_fill};

/// The context of an OAuth failure.
#[derive(Debug, Clone, Default)]
pub struct FailureContext {
    /// The settings with which the token was requested.
    pub form: Form<()>,
    /// Whether the stored Client Secret is a GUID and thus a secret's ID.
    pub secret_is_an_id: bool,
    /// Whether the provider's metadata lists PKCE.
    pub knows_pkce: bool,
}

/// Explains a failure, with its stage in the cause.
pub fn failure(failure: &OauthFailure, known: &FailureContext) -> Explanation {
    let mut explanation = explained(failure, known);
    // Admin consent is not a failure, although it yields no token.
    if failure.diagnosis != OauthDiagnosis::AdminConsented {
        explanation.cause = format!("{} failed: {}", stage(failure.stage), explanation.cause);
    }
    explanation
}

/// Explains a failure by the settings together with the provider's error, then by Microsoft's error
/// number, then by the diagnosis.
pub(super) fn explained(failure: &OauthFailure, known: &FailureContext) -> Explanation {
    let peer_text = failure.peer_text.as_deref().unwrap_or_default();
    let number = numbers::number(peer_text);
    let by_settings = || {
        let shown = [missing_pkce, comma_in_scope, blank_in_client_id, version_1_endpoint];
        let mut found = shown.iter().find_map(|shown| shown(failure, known))?;
        found.steps.extend(number.map(|number| numbers::page(number, "")));
        Some(found)
    };
    by_settings()
        .or_else(|| numbers::explained(number?, peer_text, &known.form))
        .or_else(|| redirected(failure, known))
        .unwrap_or_else(|| by_diagnosis(failure, known, number))
}

fn by_diagnosis(
    failure: &OauthFailure,
    known: &FailureContext,
    number: Option<u32>,
) -> Explanation {
    let words = oauth_diagnosis_words(failure.stage, failure.diagnosis, known.form.flow);
    let is_an_id = failure.diagnosis == OauthDiagnosis::InvalidClient
        && failure.stage != OauthStage::Consent
        && known.secret_is_an_id;
    let first = is_an_id.then_some(SECRET_ID);
    let steps = first.iter().chain(words.steps).map(|&step| NextStep::words(step));
    let egress = egress::step(failure.diagnosis, failure.peer_text.as_deref());
    let page = number.map(|number| numbers::page(number, ""));
    Explanation::new(words.cause, steps.chain(egress).chain(page))
}

const THEN: &str = "Then save, and press Get Auth Token again.";

/// Phrases for PKCE in providers' error descriptions.
const PKCE: [&str; 6] =
    ["pkce", "proof key", "code_challenge", "code challenge", "code_verifier", "code verifier"];

/// The provider requires PKCE: its error says so, or it is a bare `invalid_request` and the metadata
/// lists PKCE.
fn missing_pkce(failure: &OauthFailure, known: &FailureContext) -> Option<Explanation> {
    let peer_text = failure.peer_text.as_deref().unwrap_or_default().to_ascii_lowercase();
    let names_pkce = PKCE.iter().any(|word| peer_text.contains(word));
    let is_bare = failure.diagnosis == OauthDiagnosis::InvalidRequest
        && peer_text.trim() == "invalid_request";
    let requires_pkce = known.form.flow == OauthFlow::AuthorizationCode
        && matches!(failure.stage, OauthStage::Consent | OauthStage::TokenRequest)
        && (names_pkce || is_bare && known.knows_pkce);
    requires_pkce.then(|| {
        let choose = with_fill(
            "Choose Authorization Code with PKCE as OAuth Flow:",
            Field::Flow,
            OauthFlow::AuthorizationCodePkce.wire_name(),
            "Choose Authorization Code with PKCE",
        );
        let cause = "The provider requires PKCE, which the chosen flow does not use.";
        Explanation::new(cause, [choose, THEN.into()])
    })
}

/// Commas or semicolons between scopes that a provider rejects.
fn comma_in_scope(failure: &OauthFailure, known: &FailureContext) -> Option<Explanation> {
    let scope = &known.form.authentication.scope;
    let peer_text = failure.peer_text.as_deref().unwrap_or_default().to_ascii_lowercase();
    let is_about_scope =
        failure.diagnosis == OauthDiagnosis::InvalidScope || peer_text.contains("scope");
    let separated = scope.replace([',', ';'], " ");
    if !is_about_scope || separated == *scope {
        return None;
    }
    let separated = separated.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = format!("Scope must be {separated}");
    Some(Explanation::new(
        "Scope contains a comma or a semicolon. Separate scopes with spaces instead.",
        [with_fill(text, Field::Scope, &separated, "Use spaces"), THEN.into()],
    ))
}

/// Whitespace around Client ID if the provider does not recognise the client.
fn blank_in_client_id(failure: &OauthFailure, known: &FailureContext) -> Option<Explanation> {
    let is_about_client = matches!(
        failure.diagnosis,
        OauthDiagnosis::InvalidClient
            | OauthDiagnosis::UnauthorizedClient
            | OauthDiagnosis::InvalidRequest
            | OauthDiagnosis::UnknownError
    );
    let client_id = known.form.authentication.client_id.as_str();
    let bare = client_id.trim_matches(is_blank);
    let place = match (client_id.starts_with(is_blank), client_id.ends_with(is_blank)) {
        (false, false) => return None,
        (true, true) => "at both ends",
        (true, false) => "at the beginning",
        (false, true) => "at the end",
    };
    (is_about_client && !bare.is_empty()).then(|| {
        let text = "Remove the space from Client ID:";
        Explanation::new(
            format!("Client ID has a space {place}, so the provider does not recognise it."),
            [with_fill(text, Field::ClientId, bare, "Remove the space"), THEN.into()],
        )
    })
}

/// Whether a character is whitespace or has zero width.
fn is_blank(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}')
}

/// A Microsoft v1 endpoint, which does not support the parameters of v2.0.
fn version_1_endpoint(failure: &OauthFailure, known: &FailureContext) -> Option<Explanation> {
    let is_about_request = matches!(
        failure.diagnosis,
        OauthDiagnosis::InvalidRequest
            | OauthDiagnosis::InvalidScope
            | OauthDiagnosis::UnknownError
    );
    let endpoint = &known.form.authentication.token_endpoint;
    let is_old = microsoft::is_endpoint(endpoint) && microsoft::v2_endpoint(endpoint).is_some();
    (is_about_request && is_old).then(|| old_endpoint(&known.form))
}

/// Explains that the endpoints are Microsoft's v1.
pub(super) fn old_endpoint(form: &Form<()>) -> Explanation {
    let authentication = &form.authentication;
    let flows_endpoints = match form.flow {
        OauthFlow::ClientCredentials => &[Field::TokenEndpoint][..],
        _ => &[Field::AuthorizationEndpoint, Field::TokenEndpoint],
    };
    let correction = |&field: &Field| {
        let endpoint = match field {
            Field::AuthorizationEndpoint => &authentication.authorization_endpoint,
            _ => &authentication.token_endpoint,
        };
        let v2 = microsoft::v2_endpoint(endpoint)?;
        let name = labels::field(field);
        Some(with_fill(format!("{name} has to be {v2}"), field, &v2, &format!("Correct {name}")))
    };
    let mut steps: Vec<_> = flows_endpoints.iter().filter_map(correction).collect();
    if steps.is_empty() {
        steps.push(NextStep::words("Put /oauth2/v2.0/ in place of /oauth2/ into Authorization Endpoint and Token Endpoint."));
    }
    steps.push(THEN.into());
    Explanation::new(
        "The endpoint is Microsoft's version 1, without /v2.0, which does not accept a scope. Use /oauth2/v2.0/ instead.",
        steps,
    )
}

/// The redirect target of a Token Endpoint, how it differs, and a button that uses it.
fn redirected(failure: &OauthFailure, known: &FailureContext) -> Option<Explanation> {
    let target =
        failure.peer_text.as_deref().filter(|_| failure.diagnosis == OauthDiagnosis::Redirected)?;
    let typed = &known.form.authentication.token_endpoint;
    let (bare, query) = typed.find('?').map_or((typed.as_str(), ""), |at| typed.split_at(at));
    let (was, is) = (UrlParts::of(bare)?, UrlParts::of(target)?);
    let target = format!("{target}{query}");
    let step = match endpoint_problem(Field::TokenEndpoint, &target) {
        None => with_fill(
            format!("If that is the provider's address, enter it in Token Endpoint: {target}"),
            Field::TokenEndpoint,
            &target,
            "Use this address",
        ),
        Some(what) => NextStep::words(format!(
            "That address cannot be Token Endpoint. {}",
            problem(Field::TokenEndpoint, what)
        )),
    };
    let caution = (was.host != is.host).then(|| {
        NextStep::words("First check that the provider's documentation names that host: a proxy or a network's sign-in page can redirect too.")
    });
    Some(Explanation::new(
        format!(
            "Token Endpoint redirects to another address: {}. PPM does not follow it, because it sends a secret only to the address that the secret was entered for.",
            was.differs(&is)
        ),
        caution.into_iter().chain([step]),
    ))
}

/// The parts of a URL.
#[derive(Clone, Copy)]
struct UrlParts<'a> {
    scheme: &'a str,
    host: &'a str,
    path: &'a str,
}

impl<'a> UrlParts<'a> {
    fn of(address: &'a str) -> Option<Self> {
        let (scheme, rest) = address.split_once("://")?;
        let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        Some(Self { scheme, host, path })
    }

    /// Describes the differences to another URL.
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

#[cfg(test)]
mod tests {
    use domain::token::OauthDiagnosis::{
        InvalidClient, InvalidRequest, Redirected, UnauthorizedClient,
    };

    use super::*;

    const CODE: OauthFlow = OauthFlow::AuthorizationCode;

    fn known(flow: OauthFlow, change: impl FnOnce(&mut Form<()>)) -> FailureContext {
        let mut form = Form { flow, ..Form::default() };
        form.authentication.token_endpoint = "https://login.example.com/o/token".to_owned();
        change(&mut form);
        FailureContext { form, ..FailureContext::default() }
    }

    fn at(stage: OauthStage, diagnosis: OauthDiagnosis, peer_text: &str) -> OauthFailure {
        OauthFailure { stage, diagnosis, peer_text: Some(peer_text.to_owned()) }
    }

    /// A failure of the token request.
    fn requested(diagnosis: OauthDiagnosis, peer_text: &str) -> OauthFailure {
        at(OauthStage::TokenRequest, diagnosis, peer_text)
    }

    fn fills(explanation: &Explanation) -> Vec<(Field, &str)> {
        let fills = explanation.steps.iter().filter_map(|step| step.fill.as_ref());
        fills.map(|fill| (fill.field, fill.value.as_str())).collect()
    }

    #[test]
    fn a_redirect_is_explained_with_its_differences_and_suggested() {
        for (target, difference) in [
            ("https://login.example.com/o/token/", "it ends with a slash"),
            ("https://login.example.com/o2/token", "its path is /o2/token in place of /o/token"),
            (
                "https://www.example.com/o/token",
                "its host is www.example.com in place of login.example.com",
            ),
        ] {
            let told = explained(&requested(Redirected, target), &known(CODE, |_| {}));
            assert!(told.cause.contains(difference), "{told:?}");
            assert_eq!(fills(&told), [(Field::TokenEndpoint, target)]);
        }
    }

    #[test]
    fn a_redirect_to_an_insecure_endpoint_is_not_suggested() {
        let failure = requested(Redirected, "http://portal.example/login");
        let told = explained(&failure, &known(CODE, |_| {}));
        assert!(told.cause.contains("http:// in place of https://"), "{told:?}");
        assert_eq!(fills(&told), []);
    }

    #[test]
    fn an_error_that_names_pkce_suggests_the_pkce_flow() {
        for peer_text in [
            "invalid_request: Code challenge required",
            "invalid_grant: code_verifier is missing",
            "unauthorized_client: PKCE is mandatory for this client.",
            "invalid_request: Proof Key for Code Exchange is required",
        ] {
            for stage in [OauthStage::Consent, OauthStage::TokenRequest] {
                let failure = at(stage, InvalidRequest, peer_text);
                let told = explained(&failure, &known(CODE, |_| {}));
                assert_eq!(fills(&told), [(Field::Flow, "authorization-code-pkce")], "{peer_text}");
                let with_pkce = known(OauthFlow::AuthorizationCodePkce, |_| {});
                assert_eq!(fills(&explained(&failure, &with_pkce)), [], "{peer_text}");
            }
        }
    }

    #[test]
    fn a_bare_invalid_request_suggests_pkce_if_the_provider_supports_it() {
        let failure = at(OauthStage::Consent, InvalidRequest, "invalid_request");
        for (knows_pkce, expected) in [(true, 1), (false, 0)] {
            let known = FailureContext { knows_pkce, ..known(CODE, |_| {}) };
            assert_eq!(fills(&explained(&failure, &known)).len(), expected, "{knows_pkce}");
        }
    }

    #[test]
    fn a_comma_in_scope_is_explained_if_the_provider_rejects_the_scope() {
        let scope = |form: &mut Form<()>| "a,b;c  d".clone_into(&mut form.authentication.scope);
        let error = "AADSTS650053: asked for scope 'a,b'";
        let failure = at(OauthStage::Consent, InvalidClient, error);
        let told = explained(&failure, &known(CODE, scope));
        assert!(told.cause.contains("Separate scopes with spaces"), "{told:?}");
        assert_eq!(fills(&told), [(Field::Scope, "a b c d")]);
        let failure = requested(InvalidClient, "invalid_client");
        assert_eq!(fills(&explained(&failure, &known(CODE, scope))), []);
    }

    #[test]
    fn whitespace_around_client_id_is_explained_if_the_client_is_unknown() {
        for (client_id, place) in [
            ("ppm ", "at the end"),
            ("\u{FEFF}ppm", "at the beginning"),
            (" ppm\t", "at both ends"),
        ] {
            let known =
                known(CODE, |form| client_id.clone_into(&mut form.authentication.client_id));
            let told = explained(&requested(UnauthorizedClient, "AADSTS700016: no"), &known);
            assert!(told.cause.contains(place), "{told:?}");
            assert_eq!(fills(&told), [(Field::ClientId, "ppm")]);
        }
    }

    #[test]
    fn microsoft_v1_endpoints_are_explained_with_both_corrections() {
        let known = known(CODE, |form| {
            let old = |end| format!("https://login.microsoftonline.com/contoso.com/oauth2/{end}");
            form.authentication.token_endpoint = old("token");
            form.authentication.authorization_endpoint = old("authorize");
        });
        let failure = requested(InvalidRequest, "AADSTS900144: resource");
        let told = explained(&failure, &known);
        let new = |end| format!("https://login.microsoftonline.com/contoso.com/oauth2/v2.0/{end}");
        let (authorize, token) = (new("authorize"), new("token"));
        let expected = [
            (Field::AuthorizationEndpoint, authorize.as_str()),
            (Field::TokenEndpoint, token.as_str()),
        ];
        assert_eq!(fills(&told), expected);
    }

    #[test]
    fn an_unknown_microsoft_error_number_keeps_the_text_and_adds_a_link() {
        let failure = requested(InvalidClient, "invalid_client: AADSTS1: no");
        let told = explained(&failure, &known(CODE, |_| {}));
        let words = oauth_diagnosis_words(OauthStage::TokenRequest, InvalidClient, CODE);
        assert_eq!(told.cause, words.cause);
        let link = told.steps.last().and_then(|step| step.link.clone()).expect("a link");
        assert_eq!(link.href, "https://login.microsoftonline.com/error?code=1");
    }
}
