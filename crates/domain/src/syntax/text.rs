//! Rejects unsafe characters in single-line text, and sanitizes text of peers for display. A line
//! break can inject a header; a bidirectional control can disguise a text.

use serde::{Deserialize, Serialize};

/// The maximum displayed characters of a peer's text, including the ellipsis.
pub const SHOWN_LIMIT: usize = 2_000;

/// Why a line of text is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextProblem {
    /// The text contains a control character, a line break or a bidirectional control.
    ControlCharacter,
}

/// Whether a character is a control (C0, DEL, C1), a line or paragraph separator, or one of the twelve
/// `Bidi_Control` characters (UAX 9): embeddings, overrides, isolates, LRM, RLM and ALM.
pub fn is_unsafe_in_one_line(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}')
        || matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}')
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Checks that a text is one line without unsafe characters.
///
/// # Errors
/// [`TextProblem::ControlCharacter`] if [`is_unsafe_in_one_line`] holds for a character.
pub fn one_line(text: &str) -> Result<(), TextProblem> {
    if text.chars().any(is_unsafe_in_one_line) {
        return Err(TextProblem::ControlCharacter);
    }
    Ok(())
}

/// Whether a character is invisible or looks like a space: controls, bidirectional controls,
/// zero width characters, variation selectors, and all whitespace except U+0020.
pub fn is_invisible(c: char) -> bool {
    is_unsafe_in_one_line(c)
        || c != ' ' && c.is_whitespace()
        || matches!(c, '\u{AD}' | '\u{34F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}')
        || matches!(c, '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200D}' | '\u{2060}'..='\u{206F}')
        || matches!(c, '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}')
        || matches!(c, '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether a text is a GUID (RFC 9562 4): the format of the ID of a Microsoft Client Secret, not of
/// its value.
pub fn is_guid(text: &str) -> bool {
    let groups = text.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// Sanitizes text of a provider or mail server for display as text.
///
/// Applies [`printable`] and truncates to 2,000 characters (Unicode scalar values); the last is `…`
/// if text was cut.
pub fn shown(text: &str) -> String {
    let mut rest = printable(text);
    let mut shown: String = rest.by_ref().take(SHOWN_LIMIT).collect();
    if rest.next().is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// Returns the displayable characters: line feeds stay, a tab becomes a space, other unsafe
/// characters are removed.
pub fn printable(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter_map(|c| match c {
        '\n' => Some('\n'),
        '\t' => Some(' '),
        _ => (!is_unsafe_in_one_line(c)).then_some(c),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cases::assert_cases;

    #[test]
    fn controls_separators_and_bidi_controls_are_unsafe_in_one_line() {
        let unsafe_ranges = [
            '\0'..='\u{1F}',
            '\u{7F}'..='\u{9F}',
            '\u{61C}'..='\u{61C}',
            '\u{200E}'..='\u{200F}',
            '\u{2028}'..='\u{2029}',
            '\u{202A}'..='\u{202E}',
            '\u{2066}'..='\u{2069}',
        ];
        for c in '\0'..=char::MAX {
            let expected = unsafe_ranges.iter().any(|range| range.contains(&c));
            assert_eq!(is_unsafe_in_one_line(c), expected, "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn a_guid_is_distinguished_from_a_secret() {
        assert_cases(include_str!("../../tests/cases/guids.json"), is_guid);
    }

    #[test]
    fn one_line_accepts_any_script_without_control_characters() {
        assert_cases(include_str!("../../tests/cases/lines.json"), |text| one_line(text).err());
    }

    #[test]
    fn unsafe_characters_of_peer_text_are_removed() {
        for (text, expected) in [
            ("", ""),
            ("550-5.7.1 Denied\r\n550 Bye", "550-5.7.1 Denied\n550 Bye"),
            ("a\tb", "a b"),
            ("\u{1B}[31mred\u{7}", "[31mred"),
            ("user\u{202E}moc.elpmaxe", "usermoc.elpmaxe"),
            ("a\u{2028}b\u{85}c\u{61C}d", "abcd"),
            ("<script>alert(1)</script>", "<script>alert(1)</script>"),
            ("Zugriff verweigert – 拒否", "Zugriff verweigert – 拒否"),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn truncated_text_ends_with_an_ellipsis_within_the_limit() {
        for (text, expected) in [
            ("é".repeat(2_000), "é".repeat(2_000)),
            ("é".repeat(2_001), "é".repeat(1_999) + "…"),
            ("é".repeat(2_000) + "\0\r", "é".repeat(2_000)),
            ("\0".repeat(5_000) + "x", "x".to_owned()),
        ] {
            assert_eq!(shown(&text), expected);
        }
    }

    proptest! {
        #[test]
        fn shown_text_is_short_safe_and_idempotent(text in "(?s).{0,2500}") {
            let shown_once = shown(&text);
            prop_assert!(shown_once.chars().count() <= SHOWN_LIMIT);
            prop_assert!(shown_once.split('\n').all(|line| one_line(line).is_ok()));
            prop_assert_eq!(shown(&shown_once), shown_once);
        }
    }
}
