//! Pages that answer instead of a Token Endpoint: their first words, and by marks that they are known
//! for, who wrote them. Reads markup for its text alone, and never shows what may hold a token.

use domain::token::Fault;
use oauth2::http::{HeaderMap, StatusCode};

/// The most characters of a page that are shown, the mark of a cut included.
const LIMIT: usize = 200;

/// The title of a page, or else the first words of its text; of plain text the first words.
///
/// Nothing where the octets hold no words, and nothing of what is or was to be a token answer in
/// whatever form: its values are secrets.
pub(super) fn first_words(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    if may_hold_a_token(&text) {
        return None;
    }
    let title = between(&text, "<title", "</title").and_then(|title| title.split_once('>'));
    let words = match title.map(|(_, title)| words(title)).filter(|title| !title.is_empty()) {
        Some(title) => title,
        None => words(&text),
    };
    (!words.is_empty()).then(|| cut(&words))
}

/// Who answers in the provider's place, as a fault; nothing where that is not known. Decided by a status
/// that proxies alone have, then by a header, then by what stands in a page.
pub(super) fn stranger(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<Fault> {
    if matches!(
        status,
        StatusCode::NETWORK_AUTHENTICATION_REQUIRED | StatusCode::PROXY_AUTHENTICATION_REQUIRED
    ) {
        return Some(Fault::NetworkPage);
    }
    let has = |(name, part, ..): &&(&str, &str, Fault)| {
        let mut values = headers.get_all(*name).iter();
        values.any(|value| {
            value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains(part))
        })
    };
    let fault_of = |known: &[(&str, &str, Fault)]| known.iter().find(has).map(|(.., fault)| *fault);
    let by_own_header = fault_of(&OWN_HEADERS).filter(|_| is_markup(body) || body.is_empty());
    if by_own_header.is_some() {
        return by_own_header;
    }
    if !is_markup(body) {
        return None;
    }
    if let Some(fault) = fault_of(&HEADERS).filter(|_| !status.is_success()) {
        return Some(fault);
    }
    let page = String::from_utf8_lossy(body).to_ascii_lowercase();
    MARKS.iter().find(|(mark, _)| page.contains(mark)).map(|(_, fault)| *fault)
}

/// Headers that guards and proxies send with answers of their own alone, and what stands in them.
const OWN_HEADERS: [(&str, &str, Fault); 4] = [
    // developers.cloudflare.com, "Detect a Challenge Page response".
    ("cf-mitigated", "", Fault::BotGuard),
    // docs.aws.amazon.com, "How the AWS WAF CAPTCHA and Challenge actions work".
    ("x-amzn-waf-action", "", Fault::BotGuard),
    ("x-squid-error", "", Fault::NetworkPage),
    ("proxy-authenticate", "", Fault::NetworkPage),
];

/// Headers that they send with every answer: with a refusal that is a page, it is most often theirs.
const HEADERS: [(&str, &str, Fault); 4] = [
    ("server", "akamaighost", Fault::BotGuard),
    // Imperva (Incapsula).
    ("x-iinfo", "", Fault::BotGuard),
    ("x-datadome", "", Fault::BotGuard),
    ("x-sucuri-id", "", Fault::BotGuard),
];

/// What stands in the pages of devices of a network, of guards against robots, and of sign-ins, in small
/// letters; the first that is found counts.
const MARKS: [(&str, Fault); 49] = [
    // Squid.
    ("cache administrator", Fault::NetworkPage),
    ("err_access_denied", Fault::NetworkPage),
    ("err_cannot_forward", Fault::NetworkPage),
    ("zscaler", Fault::NetworkPage),
    ("fortigate", Fault::NetworkPage),
    ("fortiguard", Fault::NetworkPage),
    ("fgtauth", Fault::NetworkPage),
    ("forcepoint", Fault::NetworkPage),
    ("websense", Fault::NetworkPage),
    ("blue coat", Fault::NetworkPage),
    ("bluecoat", Fault::NetworkPage),
    ("mcafee web gateway", Fault::NetworkPage),
    ("skyhigh", Fault::NetworkPage),
    ("block.opendns.com", Fault::NetworkPage),
    ("cisco umbrella", Fault::NetworkPage),
    ("sophos", Fault::NetworkPage),
    ("barracuda", Fault::NetworkPage),
    // Palo Alto Networks.
    ("web page blocked", Fault::NetworkPage),
    // WISPr, by which devices find out that they are at a captive portal.
    ("wispaccessgatewayparam", Fault::NetworkPage),
    ("captive portal", Fault::NetworkPage),
    ("captiveportal", Fault::NetworkPage),
    ("network authentication required", Fault::NetworkPage),
    ("proxy authentication required", Fault::NetworkPage),
    ("guest network", Fault::NetworkPage),
    ("hotspot", Fault::NetworkPage),
    ("wi-fi", Fault::NetworkPage),
    // Cloudflare.
    ("just a moment...", Fault::BotGuard),
    ("_cf_chl_opt", Fault::BotGuard),
    ("attention required! | cloudflare", Fault::BotGuard),
    ("sorry, you have been blocked", Fault::BotGuard),
    // Akamai.
    ("errors.edgesuite.net", Fault::BotGuard),
    // Imperva (Incapsula).
    ("_incapsula_resource", Fault::BotGuard),
    ("incapsula incident", Fault::BotGuard),
    // AWS WAF and CloudFront.
    ("awswaf.com", Fault::BotGuard),
    ("awswafcookiedomainlist", Fault::BotGuard),
    ("request blocked", Fault::BotGuard),
    // F5 BIG-IP.
    ("the requested url was rejected", Fault::BotGuard),
    // DataDome, HUMAN (PerimeterX), Sucuri, Azure Front Door, ModSecurity.
    ("captcha-delivery.com", Fault::BotGuard),
    ("px-captcha", Fault::BotGuard),
    ("sucuri website firewall", Fault::BotGuard),
    ("the request is blocked", Fault::BotGuard),
    ("mod_security", Fault::BotGuard),
    // A field for a password.
    ("type=\"password\"", Fault::SignInPage),
    ("type='password'", Fault::SignInPage),
    ("type=password", Fault::SignInPage),
    // What asks whether a person is there.
    ("verify you are human", Fault::BotGuard),
    ("hcaptcha.com", Fault::BotGuard),
    ("google.com/recaptcha", Fault::BotGuard),
    ("challenges.cloudflare.com", Fault::BotGuard),
];

/// Whether octets are markup, by their first visible one.
pub(super) fn is_markup(body: &[u8]) -> bool {
    String::from_utf8_lossy(body)
        .trim_start_matches(['\u{FEFF}', ' ', '\t', '\r', '\n'])
        .starts_with('<')
}

fn may_hold_a_token(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[', '"']) || text.to_ascii_lowercase().contains("_token")
}

/// What stands between two marks, whatever the case of their letters.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let lower = text.to_ascii_lowercase();
    let from = lower.find(start)? + start.len();
    let to = from + lower[from..].find(end)?;
    Some(&text[from..to])
}

/// The text of markup, a space wherever there was more or less than one.
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

/// The entities that titles have a use for; `&amp;` comes last, so that it makes no other one.
const ENTITIES: [(&str, &str); 6] = [
    ("&nbsp;", " "),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", "\""),
    ("&#39;", "'"),
    ("&amp;", "&"),
];

/// Markup without comments, scripts and styles.
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

/// The text, or as much of it as is shown with a mark of the cut.
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
    fn a_page_is_told_by_its_title_or_its_first_words() {
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

    /// Who answers with this status, header and body.
    fn answering(status: u16, header: (&'static str, &'static str), body: &str) -> Option<Fault> {
        let mut headers = HeaderMap::new();
        if !header.0.is_empty() {
            headers.insert(header.0, oauth2::http::HeaderValue::from_static(header.1));
        }
        stranger(StatusCode::from_u16(status).expect("a status"), &headers, body.as_bytes())
    }

    #[test]
    fn who_answers_in_the_providers_place_is_known_by_its_marks() {
        const NONE: (&str, &str) = ("", "");
        let (guard, page) = (Some(Fault::BotGuard), Some(Fault::NetworkPage));
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
            (200, NONE, "<form><input name=p type='password'></form>", Some(Fault::SignInPage)),
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
    fn nothing_is_shown_of_what_may_hold_a_token() {
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
    fn long_words_are_cut_and_the_cut_is_marked() {
        assert_eq!(first_words("é".repeat(200).as_bytes()), Some("é".repeat(200)));
        assert_eq!(first_words("é".repeat(201).as_bytes()), Some("é".repeat(199) + "…"));
    }

    proptest! {
        #[test]
        fn any_octets_have_few_words_or_none(
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
