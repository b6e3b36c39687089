//! The two endpoints: what was pasted with them, and whether they belong together.

use super::placeholder::is_one;
use super::{Found, Note};
use crate::check::url::{endpoint_url, host_and_path};
use crate::draft::Draft;
use crate::field::Field;
use crate::microsoft::{Endpoint, second_version};
use crate::preset::Provider;
use crate::rules::{Presence, presence};

/// The parameters that PPM adds to a request itself (RFC 6749 4.1.1, 4.1.3; RFC 7636 4.3, 4.5).
const OWN_PARAMETERS: [&str; 12] = [
    "client_id",
    "client_secret",
    "response_type",
    "redirect_uri",
    "scope",
    "state",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "grant_type",
    "refresh_token",
];

/// How the address of a page to sign in ends, at providers that were looked at.
const AUTHORIZATION: [&str; 5] =
    ["authorize", "auth", "authorization", "request_auth", "authenticate"];

/// How the address for tokens ends.
const TOKEN: [&str; 4] = ["token", "get_token", "access_token", "tokens"];

/// What is to be known of an endpoint.
pub fn notes(field: Field, draft: &Draft) -> Vec<Note> {
    let text = draft.text(field).trim();
    let is_asked = presence(Field::AuthorizationEndpoint, draft) != Presence::Disabled;
    let authorization = if is_asked { draft.text(Field::AuthorizationEndpoint).trim() } else { "" };
    let token = draft.text(Field::TokenEndpoint).trim();
    let mut notes = Vec::new();
    notes.extend(with_https(field, text));
    notes.extend(own_parameters(field, text));
    if text.contains("/.well-known/") {
        notes.push(Note::only(Found::Metadata));
        return notes;
    }
    let together = match field {
        Field::TokenEndpoint => at_token_endpoint(authorization, token),
        _ => at_authorization_endpoint(authorization, token),
    };
    if together.is_some() {
        notes.extend(together);
    } else if field == Field::TokenEndpoint {
        notes.extend(other_mail_server(token, &draft.oauth.server));
    }
    notes
}

/// The same address with `https://`, where that is all that is missing.
fn with_https(field: Field, text: &str) -> Option<Note> {
    if endpoint_url(text).is_ok() {
        return None;
    }
    let rest = text.strip_prefix("http://").unwrap_or(text);
    let has_host = rest.split(['/', '?']).next()?.contains('.') && !rest.contains("://");
    let right = format!("https://{rest}");
    (has_host && endpoint_url(&right).is_ok()).then(|| Note::put(Found::NoHttps, field, right))
}

/// The same address without the parameters that PPM adds itself.
fn own_parameters(field: Field, text: &str) -> Option<Note> {
    let (address, query) = text.split_once('?')?;
    let name = |pair: &&str| pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
    let is_own = |pair: &&str| OWN_PARAMETERS.contains(&name(pair).as_str());
    let (own, others): (Vec<_>, Vec<_>) = query.split('&').partition(is_own);
    if own.is_empty() {
        return None;
    }
    let right = match &others[..] {
        [] | [""] => address.to_owned(),
        others => format!("{address}?{}", others.join("&")),
    };
    Some(Note::put(Found::OwnParameters(own.iter().map(name).collect()), field, right))
}

/// What is wrong with a Token Endpoint beside this Authorization Endpoint.
fn at_token_endpoint(authorization: &str, token: &str) -> Option<Note> {
    use Field::{AuthorizationEndpoint, TokenEndpoint};
    if ends_in(&AUTHORIZATION, token) {
        if ends_in(&TOKEN, authorization) {
            let mut note = Note::put(Found::Interchanged, AuthorizationEndpoint, token);
            note.corrections.push((TokenEndpoint, authorization.to_owned()));
            return Some(note);
        }
        return Some(derived(Found::AuthorizationEndpoint, TokenEndpoint, token_beside(token)));
    }
    if authorization.is_empty() || ends_in(&TOKEN, authorization) {
        return None;
    }
    let providers = (provider_of(token), provider_of(authorization));
    if providers.0 != providers.1 {
        let found = Found::OtherProvider(providers.0, providers.1);
        return Some(derived(found, TokenEndpoint, token_beside(authorization)));
    }
    at_microsoft(TokenEndpoint, token, authorization)
}

/// What is wrong with an Authorization Endpoint beside this Token Endpoint. Of two that are
/// interchanged or of different providers, the Token Endpoint's note speaks.
fn at_authorization_endpoint(authorization: &str, token: &str) -> Option<Note> {
    use Field::{AuthorizationEndpoint, TokenEndpoint};
    if ends_in(&TOKEN, authorization) {
        if ends_in(&AUTHORIZATION, token) {
            return None;
        }
        let right = authorization_beside(authorization);
        let mut note = derived(Found::TokenEndpoint, AuthorizationEndpoint, right);
        if token.is_empty() && !note.corrections.is_empty() {
            note.corrections.push((TokenEndpoint, authorization.to_owned()));
        }
        return Some(note);
    }
    at_microsoft(AuthorizationEndpoint, authorization, token)
}

fn derived(found: Found, field: Field, right: Option<String>) -> Note {
    match right {
        Some(right) => Note::put(found, field, right),
        None => Note::only(found),
    }
}

/// What two endpoints of Microsoft's differ in, seen from one of them.
fn at_microsoft(field: Field, here: &str, there: &str) -> Option<Note> {
    let text = here;
    let (here, there) = Endpoint::of(here).zip(Endpoint::of(there))?;
    let tenants = [here.tenant, there.tenant];
    if tenants.iter().any(|tenant| is_one(field, tenant)) {
        return None;
    }
    if !here.tenant.eq_ignore_ascii_case(there.tenant) {
        let found = Found::OtherTenant(here.tenant.to_owned(), there.tenant.to_owned());
        return Some(Note::put(found, field, here.of_tenant(there.tenant)));
    }
    let right = there.is_version_2().then(|| second_version(text))??;
    Some(Note::put(Found::OtherVersion, field, right))
}

fn other_mail_server(token: &str, server: &str) -> Option<Note> {
    let (endpoint, server) = (provider_of(token)?, Provider::of_server(server.trim())?);
    let is_other = endpoint != server.signs_in_at();
    is_other.then(|| Note::only(Found::OtherMailServer(endpoint, server)))
}

/// Whether the path of an address ends in one of these words.
fn ends_in(words: &[&str], text: &str) -> bool {
    let path = host_and_path(text).map_or("", |(_, path)| path);
    let path = path.split('?').next().unwrap_or(path).trim_end_matches('/');
    path.rsplit('/')
        .next()
        .is_some_and(|last| words.iter().any(|word| word.eq_ignore_ascii_case(last)))
}

fn provider_of(text: &str) -> Option<Provider> {
    Provider::of_endpoint(host_and_path(text)?.0)
}

/// The Token Endpoint that belongs to an Authorization Endpoint of a known provider.
fn token_beside(authorization: &str) -> Option<String> {
    match provider_of(authorization)? {
        Provider::Microsoft365 => microsofts(authorization, "authorize", "token"),
        provider => Some(provider.preset().oauth?.token_endpoint.to_owned()),
    }
}

/// The Authorization Endpoint that belongs to a Token Endpoint of a known provider.
fn authorization_beside(token: &str) -> Option<String> {
    match provider_of(token)? {
        Provider::Microsoft365 => microsofts(token, "token", "authorize"),
        provider => Some(provider.preset().oauth?.authorization_endpoint.to_owned()),
    }
}

/// The neighbour of an endpoint of Microsoft's, which has the same tenant and version.
fn microsofts(text: &str, name: &str, other: &str) -> Option<String> {
    let address = text.split('?').next()?;
    Some(format!("{}{other}", address.strip_suffix(name)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::OauthFlow;

    const GOOGLE: &str = "https://accounts.google.com/o/oauth2/v2/auth";
    const GOOGLES_TOKEN: &str = "https://oauth2.googleapis.com/token";

    fn microsoft(tenant: &str, name: &str) -> String {
        format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/{name}")
    }

    fn draft(authorization: &str, token: &str) -> Draft {
        let mut draft = Draft { flow: OauthFlow::AuthorizationCodePkce, ..Draft::default() };
        draft.edit(Field::AuthorizationEndpoint, authorization);
        draft.edit(Field::TokenEndpoint, token);
        draft
    }

    /// The one note at the Token Endpoint, with what its button does.
    fn at_token(authorization: &str, token: &str) -> (Found, Vec<(Field, String)>) {
        let mut notes = notes(Field::TokenEndpoint, &draft(authorization, token));
        let Note { found, corrections } = notes.pop().expect("a note");
        assert_eq!(notes, []);
        (found, corrections)
    }

    fn put(field: Field, text: &str) -> (Field, String) {
        (field, text.to_owned())
    }

    #[test]
    fn endpoints_that_belong_together_have_no_note() {
        for (authorization, token) in [
            (microsoft("contoso.com", "authorize"), microsoft("contoso.com", "token")),
            (GOOGLE.to_owned(), GOOGLES_TOKEN.to_owned()),
            (format!("{GOOGLE}?access_type=offline&prompt=consent"), GOOGLES_TOKEN.to_owned()),
            ("https://a.test/authorize".to_owned(), "https://b.test/token".to_owned()),
            (
                "https://api.fastmail.com/oauth/authorize".to_owned(),
                "https://api.fastmail.com/oauth/refresh".to_owned(),
            ),
            (
                "http://localhost:4000/authorize".to_owned(),
                "http://localhost:4000/token".to_owned(),
            ),
            (String::new(), GOOGLES_TOKEN.to_owned()),
        ] {
            let draft = draft(&authorization, &token);
            for field in [Field::AuthorizationEndpoint, Field::TokenEndpoint] {
                assert_eq!(notes(field, &draft), [], "{authorization} {token}");
            }
        }
    }

    #[test]
    fn interchanged_endpoints_are_put_in_their_places() {
        let (authorization, token) =
            (microsoft("a.test", "authorize"), microsoft("a.test", "token"));
        let corrections = vec![
            put(Field::AuthorizationEndpoint, &authorization),
            put(Field::TokenEndpoint, &token),
        ];
        assert_eq!(at_token(&token, &authorization), (Found::Interchanged, corrections));
    }

    #[test]
    fn the_token_address_is_derived_where_the_provider_is_known() {
        for (typed, right) in [
            (microsoft("a.test", "authorize"), Some(microsoft("a.test", "token"))),
            (GOOGLE.to_owned(), Some(GOOGLES_TOKEN.to_owned())),
            ("https://login.a.test/authorize".to_owned(), None),
        ] {
            let right = right.map(|right| (Field::TokenEndpoint, right));
            let expected = (Found::AuthorizationEndpoint, right.into_iter().collect());
            assert_eq!(at_token(&typed, &typed), expected, "{typed}");
        }
    }

    #[test]
    fn a_token_address_in_the_authorization_endpoint_moves_where_it_belongs() {
        let notes = notes(Field::AuthorizationEndpoint, &draft(GOOGLES_TOKEN, ""));
        assert_eq!(notes[0].found, Found::TokenEndpoint);
        assert_eq!(notes[0].corrections[1], put(Field::TokenEndpoint, GOOGLES_TOKEN));
    }

    #[test]
    fn one_providers_endpoint_beside_anothers_is_noted() {
        use Provider::{Google, Microsoft365};
        let found = |authorization: &str, token: &str| at_token(authorization, token).0;
        let token = microsoft("a.test", "token");
        let both = Found::OtherProvider(Some(Microsoft365), Some(Google));
        assert_eq!(
            at_token(GOOGLE, &token),
            (both, vec![put(Field::TokenEndpoint, GOOGLES_TOKEN)])
        );
        let one = Found::OtherProvider(Some(Google), None);
        assert_eq!(found("https://login.a.test/authorize", GOOGLES_TOKEN), one);
    }

    #[test]
    fn tenants_and_versions_that_differ_are_noted() {
        let found = at_token(&microsoft("a.test", "authorize"), &microsoft("b.test", "token"));
        let tenants = Found::OtherTenant("b.test".to_owned(), "a.test".to_owned());
        assert_eq!(
            found,
            (tenants, vec![put(Field::TokenEndpoint, &microsoft("a.test", "token"))])
        );

        let version_1 = "https://login.microsoftonline.com/a.test/oauth2/token";
        let found = at_token(&microsoft("a.test", "authorize"), version_1);
        let right = vec![put(Field::TokenEndpoint, &microsoft("a.test", "token"))];
        assert_eq!(found, (Found::OtherVersion, right));
    }

    #[test]
    fn endpoints_of_another_provider_than_the_mail_server_are_noted() {
        let mut draft = draft(GOOGLE, GOOGLES_TOKEN);
        draft.edit(Field::OauthServer, "smtp.office365.com");
        let found = Found::OtherMailServer(Provider::Google, Provider::Microsoft365);
        assert_eq!(notes(Field::TokenEndpoint, &draft), [Note::only(found)]);
        draft.edit(Field::OauthServer, "smtp.gmail.com");
        assert_eq!(notes(Field::TokenEndpoint, &draft), []);
    }

    #[test]
    fn parameters_that_ppm_adds_itself_are_taken_out_and_no_others() {
        let pasted =
            format!("{GOOGLE}?client_id=a&access_type=offline&scope=b&prompt=consent&State=c");
        let notes = notes(Field::AuthorizationEndpoint, &draft(&pasted, GOOGLES_TOKEN));
        let names = ["client_id", "scope", "state"].map(str::to_owned);
        assert_eq!(notes[0].found, Found::OwnParameters(names.to_vec()));
        let right = format!("{GOOGLE}?access_type=offline&prompt=consent");
        assert_eq!(notes[0].corrections, [put(Field::AuthorizationEndpoint, &right)]);
    }

    #[test]
    fn an_address_without_https_gets_it() {
        for typed in ["oauth2.googleapis.com/token", "http://oauth2.googleapis.com/token"] {
            let expected = vec![put(Field::TokenEndpoint, GOOGLES_TOKEN)];
            assert_eq!(at_token("", typed), (Found::NoHttps, expected), "{typed}");
        }
    }

    #[test]
    fn the_address_of_metadata_is_no_endpoint() {
        let typed = "https://accounts.google.com/.well-known/openid-configuration";
        assert_eq!(at_token("", typed), (Found::Metadata, Vec::new()));
    }
}
