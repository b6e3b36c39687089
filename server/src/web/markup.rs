//! For the few pages that are written by hand, with nothing in them but what they say.

/// A text as it stands between an attribute's quotation marks.
pub fn attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}
