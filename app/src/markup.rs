//! Text as a part of HTML. `view!` escapes text on its own, except in the elements whose content HTML
//! reads in another way: tachys writes the children of `textarea`, `script`, `style` and `noscript` to
//! a page of the server's as they are. Text gets into such an element through [`in_textarea`] only, and
//! into the others never; `cargo xtask test` refuses anything else.

/// Text in which HTML sees no markup: between two tags, in an attribute's quotation marks, and in
/// `textarea` and `title`, where an end tag is the only markup.
#[must_use]
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

/// Text as the child of a `textarea`. The server escapes it, and begins with the line feed that a
/// browser drops there (HTML 13.2.6.4.7), so that one at the beginning of the text stays. In a browser,
/// where a text node is made of it, it is the text.
#[must_use]
pub fn in_textarea(text: String) -> String {
    if cfg!(feature = "ssr") { format!("\n{}", escaped(&text)) } else { text }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use leptos::prelude::*;

    use super::*;

    #[test]
    fn nothing_in_an_escaped_text_is_markup() {
        assert_eq!(
            escaped("a & <b c='d' e=\"f\">"),
            "a &amp; &lt;b c=&#39;d&#39; e=&quot;f&quot;&gt;"
        );
    }

    #[test]
    fn the_server_ends_a_textarea_where_its_text_ends() {
        let text = "\n</textarea><b id=canary>&lt;\r\n".to_owned();
        let html = view! { <textarea>{in_textarea(text)}</textarea> }.to_html();
        let expected = "<textarea>\n\n&lt;/textarea&gt;&lt;b id=canary&gt;&amp;lt;\r\n</textarea>";
        assert_eq!(html, expected);
    }
}
