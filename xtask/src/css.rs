//! Bundles the style sheets into one, without validation: browsers skip what they do not know.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result, bail};

/// Reads a style sheet in `folder`, inlines its imports, and removes comments and needless spaces.
pub fn bundle(folder: &Path, main: &str) -> Result<String> {
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
    };
    Ok(minify(&join(&read(main)?, read)?))
}

/// Makes the style sheet for pages that are as wide as the window, which need no outermost container.
pub fn for_window(css: &str) -> String {
    css.replace("@container outer", "@media")
}

/// Replaces each line `@import "x.css";`, with or without `layer(name)`, by what `read` returns.
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

/// Removes comments and insignificant spaces. Strings stay unchanged.
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

/// The length of the string that `css` starts with, including both quotes.
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
    fn imports_are_inlined_in_order() {
        let main =
            "@layer tokens, controls;\n@import \"b.css\" layer(tokens);\n@import \"a.css\";\n";
        let joined = join(main, |name| Ok(format!("/* {name} */"))).unwrap();
        assert_eq!(
            joined,
            "@layer tokens, controls;\n@layer tokens {\n/* b.css */\n}\n/* a.css */\n"
        );
    }

    #[test]
    fn an_import_that_cannot_be_inlined_is_refused_with_its_line() {
        for line in ["@import url(a.css);", "@import \"a.css\" screen;", "@import \"a.css\""] {
            let error = join(line, |_| Ok(String::new())).unwrap_err();
            assert!(error.to_string().contains(line), "{error}");
        }
    }

    #[test]
    fn comments_and_needless_spaces_are_removed() {
        let css = "a ,\n b > c {\n  color : red;\n  /* why */\n  margin: 0 1px ;\n}\n\n@media (width < 1px) {\n}\n";
        assert_eq!(minify(css), "a,b > c{color : red;margin: 0 1px}@media (width < 1px){}");
    }

    #[test]
    fn significant_spaces_stay() {
        let css = "a :is(b) { width: calc(1px + 2px); --x: a  b }";
        assert_eq!(minify(css), "a :is(b){width: calc(1px + 2px);--x: a b}");
    }

    #[test]
    fn the_outermost_container_of_our_pages_is_the_window() {
        let css = "@container outer (max-width: 48em){a{}}@container (max-width: 9em){b{}}";
        let expected = "@media (max-width: 48em){a{}}@container (max-width: 9em){b{}}";
        assert_eq!(for_window(css), expected);
    }

    #[test]
    fn strings_stay_unchanged() {
        let css = r#"a::before { content: "/* ;  \" } é"; } b { content: '  "  ' }"#;
        assert_eq!(minify(css), r#"a::before{content: "/* ;  \" } é"}b{content: '  "  '}"#);
    }

    #[test]
    fn an_unterminated_comment_or_string_does_not_panic() {
        assert_eq!(minify("a{}/* é"), "a{}");
        assert_eq!(minify("a{content:\"é"), "a{content:\"é");
    }
}
