//! Escapes text for HTML. `view!` escapes text itself, except in raw text elements: tachys renders the
//! children of `textarea`, `script`, `style` and `noscript` unescaped on the server. Text may be put
//! into a `textarea` only by [`in_textarea`], and into the others never; `cargo xtask test` checks it.

/// Escapes text for element content, quoted attribute values, `textarea` and `title`.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Prepares text as the child of a `textarea`. On the server it is escaped and gets a leading line
/// feed, because HTML parsers drop the first one (HTML 13.2.6.4.7). In the browser it becomes a text
/// node and stays unchanged.
pub fn in_textarea(text: String) -> String {
    if cfg!(feature = "ssr") { format!("\n{}", escaped(&text)) } else { text }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use leptos::prelude::*;

    use super::*;

    #[test]
    fn escaped_text_contains_no_markup() {
        assert_eq!(
            escaped("a & <b c='d' e=\"f\">"),
            "a &amp; &lt;b c=&#39;d&#39; e=&quot;f&quot;&gt;"
        );
    }

    #[test]
    fn text_cannot_close_a_server_rendered_textarea() {
        let text = "\n</textarea><b id=canary>&lt;\r\n".to_owned();
        let html = view! { <textarea>{in_textarea(text)}</textarea> }.to_html();
        let expected = "<textarea>\n\n&lt;/textarea&gt;&lt;b id=canary&gt;&amp;lt;\r\n</textarea>";
        assert_eq!(html, expected);
    }
}
