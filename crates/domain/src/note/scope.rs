//! The note on Scope: normalizes pasted scopes to tokens separated by single spaces (RFC 6749 3.3).

use super::{Found, Note};
use crate::field::Field;

/// Scopes of `OpenID` Connect Core 5.4 and 11, which are plain words and not URLs.
const PLAIN_SCOPES: [&str; 6] =
    ["offline_access", "openid", "profile", "email", "address", "phone"];

/// Returns a note with the normalized scopes if they are separated by something else.
pub fn note(text: &str) -> Option<Note> {
    let right = normalized(text);
    let is_wrong = right != text && !right.is_empty();
    is_wrong.then(|| Note::with_correction(Found::ScopeSeparators, Field::Scope, right))
}

fn normalized(text: &str) -> String {
    let text = decoded(strip_name(text.trim()));
    let text = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(&text);
    let is_separator = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|' | '"');
    let pieces = text.split(is_separator).flat_map(split_encoded);
    pieces.filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Strips the parameter's name: `scope=a`, `&scope=a`, `Scope: a`.
fn strip_name(text: &str) -> &str {
    const NAME: &str = "scope";
    let rest = text.trim_start_matches(['?', '&', '"']);
    let Some((name, rest)) = rest.split_at_checked(NAME.len()) else { return text };
    if !name.eq_ignore_ascii_case(NAME) {
        return text;
    }
    let rest = rest.trim_start_matches(['s', '"']).trim_start();
    rest.strip_prefix(['=', ':']).map_or(text, str::trim_start)
}

/// Percent-decodes a scope that was copied from a query, recognised by its encoded slashes.
fn decoded(text: &str) -> String {
    const SLASHES: &str = "%3a%2f%2f";
    if !text.to_ascii_lowercase().contains(SLASHES) {
        return text.to_owned();
    }
    let (mut decoded, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let octet = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        rest = if let Some(octet) = octet.filter(u8::is_ascii) {
            decoded.push(char::from(octet));
            &after[2..]
        } else {
            decoded.push('%');
            after
        };
    }
    decoded + rest
}

/// Splits at `+` and `%20`. Inside a URL they separate only if another scope follows them.
fn split_encoded(piece: &str) -> Vec<&str> {
    let (mut pieces, mut begin, mut from) = (Vec::new(), 0, 0);
    while let Some((at, length)) = next_separator(piece, from) {
        let (before, after) = (&piece[begin..at], &piece[at + length..]);
        if !before.contains("://") || starts_with_scope(after) {
            pieces.push(before);
            begin = at + length;
        }
        from = at + length;
    }
    pieces.push(&piece[begin..]);
    pieces
}

/// Returns the position and length of the next `+` or `%20`.
fn next_separator(piece: &str, from: usize) -> Option<(usize, usize)> {
    let rest = &piece[from..];
    let marks = ["+", "%20"].map(|mark| rest.find(mark).map(|at| (from + at, mark.len())));
    marks.into_iter().flatten().min()
}

fn starts_with_scope(text: &str) -> bool {
    let word = text.split(['+', '%']).next().unwrap_or(text);
    word.contains("://") || PLAIN_SCOPES.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::assert_cases;

    #[test]
    fn pasted_scopes_are_separated_by_single_spaces_and_correct_ones_have_no_note() {
        assert_cases(include_str!("../../tests/cases/pasted-scopes.json"), |text| {
            let [(field, right)] = note(text)?.corrections.try_into().expect("one correction");
            assert_eq!(field, Field::Scope);
            Some(right)
        });
    }
}
