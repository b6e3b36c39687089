//! Joins the style sheets into one. No validation: browsers skip what they do not know.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result, bail};

/// Reads a style sheet in `folder`, puts each file it imports in its place, and leaves out comments
/// and needless spaces.
pub fn bundle(folder: &Path, main: &str) -> Result<String> {
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
    };
    Ok(minify(&join(&read(main)?, read)?))
}

/// The same for a box on a page of somebody else's: its sizes go by a length of its own instead of the
/// page's root, and what it looks like on narrow screens by its own width instead of the window's.
pub fn in_a_box(css: &str) -> String {
    let css = css.replace("@media (max-width", "@container element (max-width");
    let mut boxed = String::with_capacity(css.len());
    for part in css.split_inclusive(['{', '}', ';']) {
        let is_condition = part.starts_with("@container");
        let mut pieces = part.split("rem");
        let mut before = pieces.next().unwrap_or_default();
        for after in pieces {
            let (text, number) = before.split_at(before.len() - number_length(before));
            boxed.push_str(text);
            let _ = match (number, is_condition) {
                ("", _) => write!(boxed, "rem"),
                (_, true) => write!(boxed, "{number}em"),
                (_, false) => write!(boxed, "calc({number}*var(--ppm-rem))"),
            };
            before = after;
        }
        boxed.push_str(before);
    }
    boxed
}

/// The length of the number that `css` ends with.
fn number_length(css: &str) -> usize {
    let digits = |next: &char| next.is_ascii_digit() || *next == '.';
    let length = css.chars().rev().take_while(digits).count();
    let is_negative = length > 0 && css[..css.len() - length].ends_with('-');
    length + usize::from(is_negative)
}

/// Replaces each line `@import "x.css";`, with or without `layer(name)`, by what `read` finds.
fn join(main: &str, read: impl Fn(&str) -> Result<String>) -> Result<String> {
    let mut joined = String::new();
    for line in main.lines() {
        match import(line)? {
            Some(Import { file, layer: None }) => joined.push_str(&read(file)?),
            Some(Import { file, layer: Some(layer) }) => {
                let _ = write!(joined, "@layer {layer} {{\n{}\n}}", read(file)?);
            }
            None => joined.push_str(line),
        }
        joined.push('\n');
    }
    Ok(joined)
}

#[derive(PartialEq, Eq, Debug)]
struct Import<'a> {
    file: &'a str,
    layer: Option<&'a str>,
}

fn import(line: &str) -> Result<Option<Import<'_>>> {
    let Some(rest) = line.trim().strip_prefix("@import") else {
        return Ok(None);
    };
    let parsed = (|| {
        let (file, rest) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
        let condition = rest.trim().strip_suffix(';')?.trim();
        let layer = match condition {
            "" => None,
            _ => Some(condition.strip_prefix("layer(")?.strip_suffix(')')?.trim()),
        };
        Some(Import { file, layer })
    })();
    match parsed {
        Some(import) => Ok(Some(import)),
        None => bail!(
            "only `@import \"x.css\";` and `@import \"x.css\" layer(name);` are joined, not `{line}`"
        ),
    }
}

/// Leaves out comments, and spaces where they mean nothing. Strings stay as they are.
fn minify(css: &str) -> String {
    let mut small = String::with_capacity(css.len());
    let mut rest = css;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '/' if rest.starts_with("/*") => rest[2..].find("*/").map_or(rest.len(), |end| end + 4),
            '"' | '\'' => {
                let length = string_length(rest, next);
                small.push_str(&rest[..length]);
                length
            }
            _ if next.is_ascii_whitespace() => {
                if !small.ends_with([' ', '{', '}', ';', ',']) {
                    small.push(' ');
                }
                rest.len() - rest.trim_ascii_start().len()
            }
            '{' | '}' | ';' | ',' => {
                if small.ends_with(' ') {
                    small.pop();
                }
                if next == '}' && small.ends_with(';') {
                    small.pop();
                }
                small.push(next);
                1
            }
            _ => {
                small.push(next);
                next.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    small.trim().to_owned()
}

/// The length of the string that `css` starts with, both quotes included.
fn string_length(css: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, next) in css.char_indices().skip(1) {
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if next == quote => return at + next.len_utf8(),
            _ => {}
        }
    }
    css.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_joined_in_their_order() {
        let main =
            "@layer tokens, controls;\n@import \"b.css\" layer(tokens);\n@import \"a.css\";\n";
        let joined = join(main, |name| Ok(format!("/* {name} */"))).unwrap();
        assert_eq!(
            joined,
            "@layer tokens, controls;\n@layer tokens {\n/* b.css */\n}\n/* a.css */\n"
        );
    }

    #[test]
    fn an_import_that_cannot_be_joined_is_refused_with_its_line() {
        for line in ["@import url(a.css);", "@import \"a.css\" screen;", "@import \"a.css\""] {
            let error = join(line, |_| Ok(String::new())).unwrap_err();
            assert!(error.to_string().contains(line), "{error}");
        }
    }

    #[test]
    fn comments_and_needless_spaces_go() {
        let css = "a ,\n b > c {\n  color : red;\n  /* why */\n  margin: 0 1px ;\n}\n\n@media (width < 1px) {\n}\n";
        assert_eq!(minify(css), "a,b > c{color : red;margin: 0 1px}@media (width < 1px){}");
    }

    #[test]
    fn spaces_that_mean_something_stay() {
        let css = "a :is(b) { width: calc(1px + 2px); --x: a  b }";
        assert_eq!(minify(css), "a :is(b){width: calc(1px + 2px);--x: a b}");
    }

    #[test]
    fn in_a_box_sizes_go_by_its_own_length_and_its_own_width() {
        let css = "a{margin: -.5rem 1px;--rem: premium}@media (max-width: 48rem){b{top: 1rem}}";
        assert_eq!(
            in_a_box(css),
            "a{margin: calc(-.5*var(--ppm-rem)) 1px;--rem: premium}\
             @container element (max-width: 48em){b{top: calc(1*var(--ppm-rem))}}"
        );
    }

    #[test]
    fn strings_stay_as_they_are() {
        let css = r#"a::before { content: "/* ;  \" } é"; } b { content: '  "  ' }"#;
        assert_eq!(minify(css), r#"a::before{content: "/* ;  \" } é"}b{content: '  "  '}"#);
    }

    #[test]
    fn a_comment_or_string_without_an_end_is_no_panic() {
        assert_eq!(minify("a{}/* é"), "a{}");
        assert_eq!(minify("a{content:\"é"), "a{content:\"é");
    }
}
