//! Examines HTML pages that arrive instead of a token response: their first words, and the proxy,
//! bot guard or sign-in page that sent them. Never shows text that may hold a token.

use domain::token::OauthDiagnosis;
use oauth2::http::{HeaderMap, StatusCode};

/// The maximum length of the shown text, in characters, with the ellipsis.
const LIMIT: usize = 200;

/// Returns the title of a page, or else the first words of its text.
///
/// Returns `None` if there are no words, or if the body may be a token response in any form,
/// because its values are secrets.
pub(super) fn first_words(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    if may_contain_token(&text) {
        return None;
    }
    let title = between(&text, "<title", "</title").and_then(|title| title.split_once('>'));
    let words = match title.map(|(_, title)| words(title)).filter(|title| !title.is_empty()) {
        Some(title) => title,
        None => words(&text),
    };
    (!words.is_empty()).then(|| cut(&words))
}

/// Recognises a response that is not the provider's, by a status that only proxies use, then by a
/// header, then by text in the page. Returns `None` for an unknown sender.
pub(super) fn intermediary_diagnosis(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Option<OauthDiagnosis> {
    if matches!(
        status,
        StatusCode::NETWORK_AUTHENTICATION_REQUIRED | StatusCode::PROXY_AUTHENTICATION_REQUIRED
    ) {
        return Some(OauthDiagnosis::NetworkPage);
    }
    let has = |(name, part, ..): &&(&str, &str, OauthDiagnosis)| {
        let mut values = headers.get_all(*name).iter();
        values.any(|value| {
            value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains(part))
        })
    };
    let fault_of = |known: &[(&str, &str, OauthDiagnosis)]| {
        known.iter().find(has).map(|(.., diagnosis)| *diagnosis)
    };
    let by_own_header = fault_of(&OWN_HEADERS).filter(|_| is_markup(body) || body.is_empty());
    if by_own_header.is_some() {
        return by_own_header;
    }
    if !is_markup(body) {
        return None;
    }
    if let Some(diagnosis) = fault_of(&HEADERS).filter(|_| !status.is_success()) {
        return Some(diagnosis);
    }
    let page = String::from_utf8_lossy(body).to_ascii_lowercase();
    MARKS.iter().find(|(mark, _)| page.contains(mark)).map(|(_, diagnosis)| *diagnosis)
}

/// Headers of responses that a bot guard or a proxy generated itself, and a part of their values.
const OWN_HEADERS: [(&str, &str, OauthDiagnosis); 4] = [
    // developers.cloudflare.com, "Detect a Challenge Page response".
    ("cf-mitigated", "", OauthDiagnosis::BotGuard),
    // docs.aws.amazon.com, "How the AWS WAF CAPTCHA and Challenge actions work".
    ("x-amzn-waf-action", "", OauthDiagnosis::BotGuard),
    ("x-squid-error", "", OauthDiagnosis::NetworkPage),
    ("proxy-authenticate", "", OauthDiagnosis::NetworkPage),
];

/// Headers that bot guards add to every response: an error page with them is most likely theirs.
const HEADERS: [(&str, &str, OauthDiagnosis); 4] = [
    ("server", "akamaighost", OauthDiagnosis::BotGuard),
    // Imperva (Incapsula).
    ("x-iinfo", "", OauthDiagnosis::BotGuard),
    ("x-datadome", "", OauthDiagnosis::BotGuard),
    ("x-sucuri-id", "", OauthDiagnosis::BotGuard),
];

/// Text in pages of network devices, bot guards and sign-in pages, in lower case; the first match
/// decides.
const MARKS: [(&str, OauthDiagnosis); 49] = [
    // Squid.
    ("cache administrator", OauthDiagnosis::NetworkPage),
    ("err_access_denied", OauthDiagnosis::NetworkPage),
    ("err_cannot_forward", OauthDiagnosis::NetworkPage),
    ("zscaler", OauthDiagnosis::NetworkPage),
    ("fortigate", OauthDiagnosis::NetworkPage),
    ("fortiguard", OauthDiagnosis::NetworkPage),
    ("fgtauth", OauthDiagnosis::NetworkPage),
    ("forcepoint", OauthDiagnosis::NetworkPage),
    ("websense", OauthDiagnosis::NetworkPage),
    ("blue coat", OauthDiagnosis::NetworkPage),
    ("bluecoat", OauthDiagnosis::NetworkPage),
    ("mcafee web gateway", OauthDiagnosis::NetworkPage),
    ("skyhigh", OauthDiagnosis::NetworkPage),
    ("block.opendns.com", OauthDiagnosis::NetworkPage),
    ("cisco umbrella", OauthDiagnosis::NetworkPage),
    ("sophos", OauthDiagnosis::NetworkPage),
    ("barracuda", OauthDiagnosis::NetworkPage),
    // Palo Alto Networks.
    ("web page blocked", OauthDiagnosis::NetworkPage),
    // WISPr, the captive portal protocol.
    ("wispaccessgatewayparam", OauthDiagnosis::NetworkPage),
    ("captive portal", OauthDiagnosis::NetworkPage),
    ("captiveportal", OauthDiagnosis::NetworkPage),
    ("network authentication required", OauthDiagnosis::NetworkPage),
    ("proxy authentication required", OauthDiagnosis::NetworkPage),
    ("guest network", OauthDiagnosis::NetworkPage),
    ("hotspot", OauthDiagnosis::NetworkPage),
    ("wi-fi", OauthDiagnosis::NetworkPage),
    // Cloudflare.
    ("just a moment...", OauthDiagnosis::BotGuard),
    ("_cf_chl_opt", OauthDiagnosis::BotGuard),
    ("attention required! | cloudflare", OauthDiagnosis::BotGuard),
    ("sorry, you have been blocked", OauthDiagnosis::BotGuard),
    // Akamai.
    ("errors.edgesuite.net", OauthDiagnosis::BotGuard),
    // Imperva (Incapsula).
    ("_incapsula_resource", OauthDiagnosis::BotGuard),
    ("incapsula incident", OauthDiagnosis::BotGuard),
    // AWS WAF and CloudFront.
    ("awswaf.com", OauthDiagnosis::BotGuard),
    ("awswafcookiedomainlist", OauthDiagnosis::BotGuard),
    ("request blocked", OauthDiagnosis::BotGuard),
    // F5 BIG-IP.
    ("the requested url was rejected", OauthDiagnosis::BotGuard),
    // DataDome, HUMAN (PerimeterX), Sucuri, Azure Front Door, ModSecurity.
    ("captcha-delivery.com", OauthDiagnosis::BotGuard),
    ("px-captcha", OauthDiagnosis::BotGuard),
    ("sucuri website firewall", OauthDiagnosis::BotGuard),
    ("the request is blocked", OauthDiagnosis::BotGuard),
    ("mod_security", OauthDiagnosis::BotGuard),
    // A password field.
    ("type=\"password\"", OauthDiagnosis::SignInPage),
    ("type='password'", OauthDiagnosis::SignInPage),
    ("type=password", OauthDiagnosis::SignInPage),
    // CAPTCHAs.
    ("verify you are human", OauthDiagnosis::BotGuard),
    ("hcaptcha.com", OauthDiagnosis::BotGuard),
    ("google.com/recaptcha", OauthDiagnosis::BotGuard),
    ("challenges.cloudflare.com", OauthDiagnosis::BotGuard),
];

/// Whether a body is markup: its first visible character is `<`.
pub(super) fn is_markup(body: &[u8]) -> bool {
    String::from_utf8_lossy(body)
        .trim_start_matches(['\u{FEFF}', ' ', '\t', '\r', '\n'])
        .starts_with('<')
}

fn may_contain_token(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[', '"']) || text.to_ascii_lowercase().contains("_token")
}

/// Returns the text between two marks. Case does not matter.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let lower = text.to_ascii_lowercase();
    let from = lower.find(start)? + start.len();
    let to = from + lower[from..].find(end)?;
    Some(&text[from..to])
}

/// Returns the text of markup, with white space collapsed.
fn words(markup: &str) -> String {
    let mut rest = without_hidden(markup);
    let mut text = String::with_capacity(rest.len());
    while let Some(start) = rest.find('<') {
        let end = rest[start..].find('>').map_or(rest.len(), |length| start + length + 1);
        text.push_str(&rest[..start]);
        text.push(' ');
        rest.drain(..end);
    }
    text.push_str(&rest);
    let text = ENTITIES.iter().fold(text, |text, (entity, meant)| text.replace(entity, meant));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The entities that occur in titles; `&amp;` comes last, so that it does not produce another one.
const ENTITIES: [(&str, &str); 6] = [
    ("&nbsp;", " "),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", "\""),
    ("&#39;", "'"),
    ("&amp;", "&"),
];

/// Removes comments, scripts and styles from markup.
fn without_hidden(markup: &str) -> String {
    let mut markup = markup.to_owned();
    for (start, end) in [("<!--", "-->"), ("<script", "</script>"), ("<style", "</style>")] {
        let mut shown = String::with_capacity(markup.len());
        let lower = markup.to_ascii_lowercase();
        let mut at = 0;
        while let Some(from) = lower[at..].find(start).map(|from| at + from) {
            shown.push_str(&markup[at..from]);
            at = lower[from..].find(end).map_or(markup.len(), |to| from + to + end.len());
        }
        shown.push_str(&markup[at..]);
        markup = shown;
    }
    markup
}

/// Truncates a text to the limit, with an ellipsis.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LIMIT) {
        None => text.to_owned(),
        Some(_) => text.chars().take(LIMIT - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_page_is_described_by_its_title_or_its_first_words() {
        for (page, expected) in [
            (
                "<html><TITLE lang=en>Sign in\n to&nbsp;Contoso</TITLE><p>Hello",
                Some("Sign in to Contoso"),
            ),
            ("<title></title><h1>Not&nbsp;<b>found</b></h1>", Some("Not found")),
            (
                "<!-- a --><script>var a = '<p>';</script><style>p{}</style><p>Hi &amp;lt;",
                Some("Hi &lt;"),
            ),
            ("Forbidden by policy", Some("Forbidden by policy")),
            ("<script>never ends", None),
            ("<p", None),
            ("  \n ", None),
            ("", None),
        ] {
            assert_eq!(first_words(page.as_bytes()).as_deref(), expected, "{page}");
        }
    }

    /// Returns the recognised sender of a response.
    fn answering(
        status: u16,
        header: (&'static str, &'static str),
        body: &str,
    ) -> Option<OauthDiagnosis> {
        let mut headers = HeaderMap::new();
        if !header.0.is_empty() {
            headers.insert(header.0, oauth2::http::HeaderValue::from_static(header.1));
        }
        intermediary_diagnosis(
            StatusCode::from_u16(status).expect("a status"),
            &headers,
            body.as_bytes(),
        )
    }

    #[test]
    fn a_proxy_or_bot_guard_is_recognised_by_its_marks() {
        const NONE: (&str, &str) = ("", "");
        let (guard, page) = (Some(OauthDiagnosis::BotGuard), Some(OauthDiagnosis::NetworkPage));
        for (status, header, body, expected) in [
            (403, ("cf-mitigated", "challenge"), "<title>Just a moment...</title>", guard),
            (403, NONE, "<!DOCTYPE html><title>Just a moment...</title>", guard),
            (503, NONE, "<title>Attention Required! | Cloudflare</title>", guard),
            (403, ("server", "AkamaiGHost"), "<HTML><H1>Access Denied</H1>", guard),
            (403, NONE, "<p>Reference #18.2 https://errors.edgesuite.net/18.2", guard),
            (200, NONE, "<iframe src=\"/_Incapsula_Resource?CWUDNSAI=9\">", guard),
            (202, ("x-amzn-waf-action", "challenge"), "", guard),
            (403, NONE, "<H1>403 ERROR</H1>Request blocked. (CloudFront)", guard),
            (511, NONE, "", page),
            (407, NONE, "no", page),
            (403, ("x-squid-error", "ERR_ACCESS_DENIED 0"), "<h1>ERROR</h1>", page),
            (200, NONE, "<html>Log in to the guest network<input type=password>", page),
            (
                200,
                NONE,
                "<form><input name=p type='password'></form>",
                Some(OauthDiagnosis::SignInPage),
            ),
            (403, NONE, "<h1>Forbidden</h1>", None),
            (401, ("x-iinfo", "1"), "", None),
            (200, ("server", "AkamaiGHost"), "<h1>Hello</h1>", None),
            (403, ("cf-mitigated", "challenge"), "{\"error\":\"invalid_client\"}", None),
            (400, NONE, "just a moment...", None),
        ] {
            assert_eq!(answering(status, header, body), expected, "{status} {header:?} {body}");
        }
    }

    #[test]
    fn text_that_may_hold_a_token_is_not_shown() {
        for page in [
            "access_token=canary&expires=5",
            "<xml><Access_Token>canary</Access_Token></xml>",
            "{\"access\":\"canary",
            " [\"canary\"",
            "\"canary\"",
        ] {
            assert_eq!(first_words(page.as_bytes()), None, "{page}");
        }
    }

    #[test]
    fn long_text_is_truncated_with_an_ellipsis() {
        assert_eq!(first_words("é".repeat(200).as_bytes()), Some("é".repeat(200)));
        assert_eq!(first_words("é".repeat(201).as_bytes()), Some("é".repeat(199) + "…"));
    }

    proptest! {
        #[test]
        fn any_octets_give_at_most_the_limit_of_text(
            page in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..200),
                "(<title>|</title>|<script|</script>|<!--|-->|[<>&;é a\u{130}]){0,40}".prop_map(String::into_bytes),
            ],
        ) {
            let words = first_words(&page);
            prop_assert!(words.is_none_or(|words| words.chars().count() <= LIMIT));
            let _ = is_markup(&page);
        }
    }
}
