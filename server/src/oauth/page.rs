//! The first words of a page, for where a page is what answers instead of a Token Endpoint. Reads
//! markup for its text alone, and never shows what may hold a token.

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
