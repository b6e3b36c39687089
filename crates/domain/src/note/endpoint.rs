//! Notes on the two OAuth endpoints: pasted extras, and whether both belong together.

use super::{Found, Note, placeholder::is_one};
use crate::microsoft::{Endpoint, v2_endpoint};
use crate::syntax::url::{endpoint_url, host_and_path};
use crate::{Draft, Field, Presence, presence, preset::Provider};

/// Request parameters that PPM adds itself (RFC 6749 4.1.1, 4.1.3; RFC 7636 4.3, 4.5).
const OWN_PARAMETERS: &str = "client_id client_secret response_type redirect_uri scope state code \
    code_challenge code_challenge_method code_verifier grant_type refresh_token";

/// Last path segments of known Authorization Endpoints.
const AUTHORIZATION_SEGMENTS: [&str; 5] =
    ["authorize", "auth", "authorization", "request_auth", "authenticate"];

/// Last path segments of known Token Endpoints.
const TOKEN_SEGMENTS: [&str; 4] = ["token", "get_token", "access_token", "tokens"];

/// Returns the notes on an endpoint.
pub fn notes(field: Field, draft: &Draft) -> Vec<Note> {
    let text = draft.text(field).trim();
    let has_consent = presence(Field::AuthorizationEndpoint, draft) != Presence::Disabled;
    let authorization =
        if has_consent { draft.text(Field::AuthorizationEndpoint).trim() } else { "" };
    let token = draft.text(Field::TokenEndpoint).trim();
    let mut notes = Vec::new();
    notes.extend(with_https(field, text));
    notes.extend(own_parameters(field, text));
    if text.contains("/.well-known/") {
        notes.push(Note::without_correction(Found::Metadata));
        return notes;
    }
    let together = match field {
        Field::TokenEndpoint => compare_token_endpoint(authorization, token),
        _ => compare_authorization_endpoint(authorization, token),
    };
    if together.is_some() {
        notes.extend(together);
    } else if field == Field::TokenEndpoint {
        notes.extend(compare_mail_server(token, &draft.oauth.server));
    }
    notes
}

/// Adds `https://` if that makes the endpoint valid.
fn with_https(field: Field, text: &str) -> Option<Note> {
    if endpoint_url(text).is_ok() {
        return None;
    }
    let rest = text.strip_prefix("http://").unwrap_or(text);
    let has_host = rest.split(['/', '?']).next()?.contains('.') && !rest.contains("://");
    let right = format!("https://{rest}");
    (has_host && endpoint_url(&right).is_ok())
        .then(|| Note::with_correction(Found::NoHttps, field, right))
}

/// Removes the query parameters that PPM adds itself.
fn own_parameters(field: Field, text: &str) -> Option<Note> {
    let (address, query) = text.split_once('?')?;
    let name = |pair: &&str| pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
    let is_own = |pair: &&str| OWN_PARAMETERS.split(' ').any(|own| own == name(pair));
    let (own, others): (Vec<_>, Vec<_>) = query.split('&').partition(is_own);
    if own.is_empty() {
        return None;
    }
    let right = match &others[..] {
        [] | [""] => address.to_owned(),
        others => format!("{address}?{}", others.join("&")),
    };
    Some(Note::with_correction(Found::OwnParameters(own.iter().map(name).collect()), field, right))
}

/// Compares the Token Endpoint with the Authorization Endpoint.
fn compare_token_endpoint(authorization: &str, token: &str) -> Option<Note> {
    use Field::{AuthorizationEndpoint, TokenEndpoint};
    if ends_in_segment(&AUTHORIZATION_SEGMENTS, token) {
        if ends_in_segment(&TOKEN_SEGMENTS, authorization) {
            let mut note = Note::with_correction(Found::Interchanged, AuthorizationEndpoint, token);
            note.corrections.push((TokenEndpoint, authorization.to_owned()));
            return Some(note);
        }
        return Some(with_correction(
            Found::AuthorizationEndpoint,
            TokenEndpoint,
            matching_token_endpoint(token),
        ));
    }
    if authorization.is_empty() || ends_in_segment(&TOKEN_SEGMENTS, authorization) {
        return None;
    }
    let providers = (provider_of(token), provider_of(authorization));
    if providers.0 != providers.1 {
        let found = Found::OtherProvider(providers.0, providers.1);
        return Some(with_correction(found, TokenEndpoint, matching_token_endpoint(authorization)));
    }
    compare_microsoft_endpoints(TokenEndpoint, token, authorization)
}

/// Compares the Authorization Endpoint with the Token Endpoint. Swapped endpoints and endpoints of
/// different providers are reported at the Token Endpoint.
fn compare_authorization_endpoint(authorization: &str, token: &str) -> Option<Note> {
    use Field::{AuthorizationEndpoint, TokenEndpoint};
    if ends_in_segment(&TOKEN_SEGMENTS, authorization) {
        if ends_in_segment(&AUTHORIZATION_SEGMENTS, token) {
            return None;
        }
        let right = matching_authorization_endpoint(authorization);
        let mut note = with_correction(Found::TokenEndpoint, AuthorizationEndpoint, right);
        if token.is_empty() && !note.corrections.is_empty() {
            note.corrections.push((TokenEndpoint, authorization.to_owned()));
        }
        return Some(note);
    }
    compare_microsoft_endpoints(AuthorizationEndpoint, authorization, token)
}

fn with_correction(found: Found, field: Field, right: Option<String>) -> Note {
    match right {
        Some(right) => Note::with_correction(found, field, right),
        None => Note::without_correction(found),
    }
}

/// Compares the tenants and versions of two Microsoft endpoints.
fn compare_microsoft_endpoints(field: Field, here: &str, there: &str) -> Option<Note> {
    let text = here;
    let (here, there) = Endpoint::of(here).zip(Endpoint::of(there))?;
    let tenants = [here.tenant, there.tenant];
    if tenants.iter().any(|tenant| is_one(field, tenant)) {
        return None;
    }
    if !here.tenant.eq_ignore_ascii_case(there.tenant) {
        let found = Found::OtherTenant(here.tenant.to_owned(), there.tenant.to_owned());
        return Some(Note::with_correction(found, field, here.of_tenant(there.tenant)));
    }
    let right = there.is_version_2().then(|| v2_endpoint(text))??;
    Some(Note::with_correction(Found::OtherVersion, field, right))
}

fn compare_mail_server(token: &str, server: &str) -> Option<Note> {
    let (endpoint, server) = (provider_of(token)?, Provider::of_server(server.trim())?);
    let is_other = endpoint != server.signs_in_at();
    is_other.then(|| Note::without_correction(Found::OtherMailServer(endpoint, server)))
}

/// Whether the last path segment of a URL is one of these words.
fn ends_in_segment(words: &[&str], text: &str) -> bool {
    let path = host_and_path(text).map_or("", |(_, path)| path);
    let path = path.split('?').next().unwrap_or(path).trim_end_matches('/');
    path.rsplit('/')
        .next()
        .is_some_and(|last| words.iter().any(|word| word.eq_ignore_ascii_case(last)))
}

fn provider_of(text: &str) -> Option<Provider> {
    Provider::of_endpoint(host_and_path(text)?.0)
}

/// Returns the Token Endpoint for an Authorization Endpoint of a known provider.
fn matching_token_endpoint(authorization: &str) -> Option<String> {
    match provider_of(authorization)? {
        Provider::Microsoft365 => microsoft_counterpart(authorization, "authorize", "token"),
        provider => Some(provider.preset().oauth?.token_endpoint.to_owned()),
    }
}

/// Returns the Authorization Endpoint for a Token Endpoint of a known provider.
fn matching_authorization_endpoint(token: &str) -> Option<String> {
    match provider_of(token)? {
        Provider::Microsoft365 => microsoft_counterpart(token, "token", "authorize"),
        provider => Some(provider.preset().oauth?.authorization_endpoint.to_owned()),
    }
}

/// Returns Microsoft's other endpoint with the same tenant and version.
fn microsoft_counterpart(text: &str, name: &str, other: &str) -> Option<String> {
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
        Draft { flow: OauthFlow::AuthorizationCodePkce, ..Draft::default() }.with_texts([
            (Field::AuthorizationEndpoint, authorization),
            (Field::TokenEndpoint, token),
        ])
    }

    /// The only note at the Token Endpoint, with its corrections.
    fn token_endpoint_note(authorization: &str, token: &str) -> (Found, Vec<(Field, String)>) {
        let mut notes = notes(Field::TokenEndpoint, &draft(authorization, token));
        let Note { found, corrections } = notes.pop().expect("a note");
        assert_eq!(notes, []);
        (found, corrections)
    }

    fn correction(field: Field, text: &str) -> (Field, String) {
        (field, text.to_owned())
    }

    #[test]
    fn matching_endpoints_have_no_note() {
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
    fn swapped_endpoints_are_corrected() {
        let (authorization, token) =
            (microsoft("a.test", "authorize"), microsoft("a.test", "token"));
        let corrections = vec![
            correction(Field::AuthorizationEndpoint, &authorization),
            correction(Field::TokenEndpoint, &token),
        ];
        assert_eq!(token_endpoint_note(&token, &authorization), (Found::Interchanged, corrections));
    }

    #[test]
    fn the_token_endpoint_is_derived_for_known_providers() {
        for (typed, right) in [
            (microsoft("a.test", "authorize"), Some(microsoft("a.test", "token"))),
            (GOOGLE.to_owned(), Some(GOOGLES_TOKEN.to_owned())),
            ("https://login.a.test/authorize".to_owned(), None),
        ] {
            let right = right.map(|right| (Field::TokenEndpoint, right));
            let expected = (Found::AuthorizationEndpoint, right.into_iter().collect());
            assert_eq!(token_endpoint_note(&typed, &typed), expected, "{typed}");
        }
    }

    #[test]
    fn a_token_endpoint_in_the_authorization_endpoint_control_is_moved() {
        let notes = notes(Field::AuthorizationEndpoint, &draft(GOOGLES_TOKEN, ""));
        assert_eq!(notes[0].found, Found::TokenEndpoint);
        assert_eq!(notes[0].corrections[1], correction(Field::TokenEndpoint, GOOGLES_TOKEN));
    }

    #[test]
    fn endpoints_of_different_providers_are_noted() {
        use Provider::{Google, Microsoft365};
        let found = |authorization: &str, token: &str| token_endpoint_note(authorization, token).0;
        let token = microsoft("a.test", "token");
        let both = Found::OtherProvider(Some(Microsoft365), Some(Google));
        assert_eq!(
            token_endpoint_note(GOOGLE, &token),
            (both, vec![correction(Field::TokenEndpoint, GOOGLES_TOKEN)])
        );
        let one = Found::OtherProvider(Some(Google), None);
        assert_eq!(found("https://login.a.test/authorize", GOOGLES_TOKEN), one);
    }

    #[test]
    fn different_tenants_and_versions_are_noted() {
        let found =
            token_endpoint_note(&microsoft("a.test", "authorize"), &microsoft("b.test", "token"));
        let tenants = Found::OtherTenant("b.test".to_owned(), "a.test".to_owned());
        assert_eq!(
            found,
            (tenants, vec![correction(Field::TokenEndpoint, &microsoft("a.test", "token"))])
        );

        let version_1 = "https://login.microsoftonline.com/a.test/oauth2/token";
        let found = token_endpoint_note(&microsoft("a.test", "authorize"), version_1);
        let right = vec![correction(Field::TokenEndpoint, &microsoft("a.test", "token"))];
        assert_eq!(found, (Found::OtherVersion, right));
    }

    #[test]
    fn a_mail_server_of_another_provider_is_noted() {
        let mut draft = draft(GOOGLE, GOOGLES_TOKEN);
        draft.edit(Field::OauthServer, "smtp.office365.com");
        let found = Found::OtherMailServer(Provider::Google, Provider::Microsoft365);
        assert_eq!(notes(Field::TokenEndpoint, &draft), [Note::without_correction(found)]);
        draft.edit(Field::OauthServer, "smtp.gmail.com");
        assert_eq!(notes(Field::TokenEndpoint, &draft), []);
    }

    #[test]
    fn only_the_parameters_that_ppm_adds_are_removed() {
        let pasted =
            format!("{GOOGLE}?client_id=a&access_type=offline&scope=b&prompt=consent&State=c");
        let notes = notes(Field::AuthorizationEndpoint, &draft(&pasted, GOOGLES_TOKEN));
        let names = ["client_id", "scope", "state"].map(str::to_owned);
        assert_eq!(notes[0].found, Found::OwnParameters(names.to_vec()));
        let right = format!("{GOOGLE}?access_type=offline&prompt=consent");
        assert_eq!(notes[0].corrections, [correction(Field::AuthorizationEndpoint, &right)]);
    }

    #[test]
    fn missing_https_is_added() {
        for typed in ["oauth2.googleapis.com/token", "http://oauth2.googleapis.com/token"] {
            let expected = vec![correction(Field::TokenEndpoint, GOOGLES_TOKEN)];
            assert_eq!(token_endpoint_note("", typed), (Found::NoHttps, expected), "{typed}");
        }
    }

    #[test]
    fn a_metadata_url_is_noted() {
        let typed = "https://accounts.google.com/.well-known/openid-configuration";
        assert_eq!(token_endpoint_note("", typed), (Found::Metadata, Vec::new()));
    }
}
