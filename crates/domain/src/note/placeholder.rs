//! Notes on placeholders copied from documentation, and on example domains.

use super::{Found, Note};
use crate::microsoft::{Endpoint, tenant_of};
use crate::{Draft, Field, preset::is_under, syntax::url::host_and_path};

/// Nouns that follow "your" in a placeholder.
const YOUR_NOUNS: &str = "tenant client app directory domain company org server host provider \
    mail smtp email user name scope id site";

/// Placeholder words, without `-` and `_`.
const WORDS: &str = "tenantid tenantname clientid appid applicationid directoryid clientsecret \
    smtphost smtpserver placeholder changeme todo tbd myclientid";

/// The brackets around a placeholder.
const BRACKETS: [(char, char); 3] = [('{', '}'), ('<', '>'), ('[', ']')];

/// Returns the note on a placeholder or an example domain. A placeholder for a Microsoft tenant is
/// corrected with the tenant of the other endpoint, or of the sender.
pub fn note(field: Field, draft: &Draft) -> Option<Note> {
    let text = draft.text(field);
    let Some(found) = find_placeholder(field, text) else {
        return is_example_domain(field, text).then(|| Note::without_correction(Found::Example));
    };
    let mut note = Note::without_correction(Found::Placeholder(found.to_owned()));
    let other = match field {
        Field::TokenEndpoint => draft.text(Field::AuthorizationEndpoint),
        Field::AuthorizationEndpoint => draft.text(Field::TokenEndpoint),
        _ => return Some(note),
    };
    let there = Endpoint::of(other).map(|there| there.tenant);
    let tenant = there.filter(|tenant| !is_one(field, tenant));
    let tenant = tenant.or_else(|| tenant_of(&draft.oauth.sender));
    if let Some((here, tenant)) = Endpoint::of(text).zip(tenant)
        && is_one(field, here.tenant)
    {
        note.corrections.push((field, here.of_tenant(tenant)));
    }
    Some(note)
}

/// Whether a text contains a placeholder.
pub fn is_one(field: Field, text: &str) -> bool {
    find_placeholder(field, text).is_some()
}

/// Finds the placeholder in a text. Display names are exempt.
fn find_placeholder(field: Field, text: &str) -> Option<&str> {
    let is_name = matches!(field, Field::BasicDisplayName | Field::OauthDisplayName);
    let found = || bracketed(text).or_else(|| word(text));
    if is_name { None } else { found() }
}

/// Whether a server or endpoint is in a domain reserved for examples (RFC 2606 3).
fn is_example_domain(field: Field, text: &str) -> bool {
    let host = match field {
        Field::BasicServer | Field::OauthServer => text.trim(),
        Field::AuthorizationEndpoint | Field::TokenEndpoint => {
            host_and_path(text).map_or("", |(host, _)| host)
        }
        _ => return false,
    };
    ["example.com", "example.net", "example.org"].iter().any(|domain| is_under(host, domain))
}

/// Finds bracketed text that begins with a letter: `{tenant}`, `<your tenant>`, `${TENANT}`.
fn bracketed(text: &str) -> Option<&str> {
    BRACKETS.iter().find_map(|&(open, close)| {
        let begin = text.find(open)?;
        let end = begin + text[begin..].find(close)? + close.len_utf8();
        let inner = text[begin..end].trim_matches(|c| "{}<>[]$ ".contains(c));
        let is_word = inner.starts_with(|c: char| c.is_alphabetic()) && !inner.contains([':', '@']);
        is_word.then(|| &text[begin..end])
    })
}

/// Finds a placeholder word. Names of query parameters do not count.
fn word(text: &str) -> Option<&str> {
    if let Some(dots) = ["…", "/.../"].into_iter().find(|dots| text.contains(dots)) {
        return Some(dots.trim_matches('/'));
    }
    let is_word_character = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=');
    text.split(|c| !is_word_character(c))
        .filter_map(|piece| piece.rsplit('=').next())
        .find(|word| is_placeholder_word(word))
}

fn is_placeholder_word(word: &str) -> bool {
    let bare: String =
        word.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
    let is_instruction = ["your", "insert", "replace", "enter"].iter().any(|verb| {
        let rest = bare.strip_prefix(verb).unwrap_or_default();
        let rest = rest.strip_prefix("your").unwrap_or(rest);
        YOUR_NOUNS.split(' ').any(|noun| rest.starts_with(noun))
    });
    let is_filler = |c| bare.len() >= 8 && bare.chars().all(|other| other == c);
    is_instruction
        || WORDS.split(' ').any(|word| word == bare)
        || bare.contains("xxxx")
        || bare == "xxx"
        || is_filler('0')
        || ["idhere", "goeshere"].iter().any(|end| bare.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_of_documentation_are_found() {
        let endpoint =
            |tenant| format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token");
        for tenant in [
            "YOUR_TENANT_ID",
            "your-tenant-id",
            "{tenant}",
            "{tenant-id}",
            "{{tenantId}}",
            "<tenant>",
            "<your tenant>",
            "[tenant]",
            "${TENANT_ID}",
            "TENANT_ID",
            "tenantid",
            "yourtenant.onmicrosoft.com",
            "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
            "00000000-0000-0000-0000-000000000000",
            "...",
        ] {
            assert!(is_one(Field::TokenEndpoint, &endpoint(tenant)), "{tenant}");
        }
        for (field, text) in [
            (Field::ClientId, "your-client-id"),
            (Field::ClientId, "CLIENT_ID"),
            (Field::ClientId, "<client-id>"),
            (Field::ClientId, "xxxx"),
            (Field::ClientId, "123-xxxx.apps.googleusercontent.com"),
            (Field::ClientId, "insert-client-id-here"),
            (Field::BasicServer, "smtp.yourdomain.com"),
            (Field::BasicServer, "smtp.your-domain.com"),
            (Field::BasicServer, "SMTP_HOST"),
            (Field::BasicSender, "noreply@yourcompany.com"),
            (Field::Scope, "{scope}"),
            (Field::Scope, "api://YOUR_APP_ID/.default"),
            (Field::RedirectUri, "https://your-server/oauth/callback"),
        ] {
            assert!(is_one(field, text), "{text}");
        }
    }

    #[test]
    fn real_values_are_not_placeholders() {
        for (field, text) in [
            (
                Field::TokenEndpoint,
                "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token",
            ),
            (Field::TokenEndpoint, "https://[2001:db8::1]/token"),
            (Field::AuthorizationEndpoint, "https://a.test/authorize?client_id=1&tenant_id=2"),
            (Field::AuthorizationEndpoint, "https://accounts.google.com/o/oauth2/v2/auth"),
            (Field::ClientId, "11111111-2222-3333-4444-555555555555"),
            (Field::ClientId, "ppm"),
            (Field::BasicServer, "mail_server"),
            (Field::BasicServer, "smtp.hereford.test"),
            (Field::BasicSender, "noreply@example.com"),
            (Field::BasicDisplayName, "<Your company>"),
            (Field::Scope, "https://outlook.office.com/SMTP.Send offline_access"),
            (Field::Username, "ada"),
        ] {
            assert_eq!(find_placeholder(field, text), None, "{text}");
        }
    }

    #[test]
    fn example_domains_are_noted() {
        for (field, text, expected) in [
            (Field::BasicServer, "smtp.example.com", true),
            (Field::BasicServer, "Mail.Example.ORG.", true),
            (Field::BasicServer, "mail.notexample.com", false),
            (Field::TokenEndpoint, "https://login.example.com:8443/token", true),
            (Field::TokenEndpoint, "https://login.test/?x=https://example.com/", false),
            (Field::BasicSender, "noreply@example.com", false),
        ] {
            assert_eq!(is_example_domain(field, text), expected, "{text}");
        }
    }

    #[test]
    fn the_tenant_of_the_other_endpoint_is_suggested() {
        let at =
            |tenant, name| format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/{name}");
        let draft = Draft::default().with_texts([
            (Field::AuthorizationEndpoint, at("contoso.com", "authorize")),
            (Field::TokenEndpoint, at("{tenant}", "token")),
        ]);
        let note = note(Field::TokenEndpoint, &draft).expect("a note");
        assert_eq!(note.found, Found::Placeholder("{tenant}".to_owned()));
        assert_eq!(note.corrections, [(Field::TokenEndpoint, at("contoso.com", "token"))]);
    }

    #[test]
    fn the_senders_tenant_is_suggested_if_the_other_endpoint_has_none() {
        let at = |tenant| format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token");
        let mut draft = Draft::default();
        draft.edit(Field::OauthSender, "noreply@contoso.com");
        draft.edit(Field::TokenEndpoint, at("YOUR_TENANT_ID"));
        let note = note(Field::TokenEndpoint, &draft).expect("a note");
        assert_eq!(note.corrections, [(Field::TokenEndpoint, at("contoso.com"))]);
    }
}
