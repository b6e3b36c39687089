//! Characters that no single line has a use for, and texts of strangers made fit to be shown:
//! whoever can place a line break or turn the reading direction can forge a header or a sentence.

use serde::{Deserialize, Serialize};

/// The most characters that are shown of a text from outside, the mark of a cut included.
pub const SHOWN_LIMIT: usize = 2_000;

/// What is wrong with a line of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextProblem {
    /// It holds a control character, a line break or a mark of reading direction.
    ControlCharacter,
}

/// Whether a character may end a line, act on a device or turn the reading direction.
///
/// These are the controls (C0, DEL, C1), the line and paragraph separators, and all twelve
/// characters with Unicode's property `Bidi_Control` (UAX 9): embeddings, overrides and isolates,
/// and the invisible marks LRM, RLM and ALM too.
#[must_use]
pub fn is_unsafe_in_one_line(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}')
        || matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}')
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Checks that a text is one line of plain characters.
///
/// # Errors
/// [`TextProblem::ControlCharacter`] where [`is_unsafe_in_one_line`] says so.
pub fn one_line(text: &str) -> Result<(), TextProblem> {
    if text.chars().any(is_unsafe_in_one_line) {
        return Err(TextProblem::ControlCharacter);
    }
    Ok(())
}

/// Whether a character cannot be seen, or looks like a blank and is another character: controls, marks
/// of direction, characters of no width, variation selectors, and every blank but the plain one.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    is_unsafe_in_one_line(c)
        || c != ' ' && c.is_whitespace()
        || matches!(c, '\u{AD}' | '\u{34F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}')
        || matches!(c, '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200D}' | '\u{2060}'..='\u{206F}')
        || matches!(c, '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}')
        || matches!(c, '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether a text has the form of a GUID (RFC 9562 4), which no Client Secret of Microsoft's has, but
/// each one's id.
#[must_use]
pub fn is_guid(text: &str) -> bool {
    let groups = text.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// Makes a text from a provider or a mail server fit to be shown as text.
///
/// [`printable`], and at most 2,000 characters (Unicode scalar values) of it; the last is `…` where
/// more would have followed.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut rest = printable(text);
    let mut shown: String = rest.by_ref().take(SHOWN_LIMIT).collect();
    if rest.next().is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// The characters of a text that may be shown: line feeds stay, a tab becomes a space, every other
/// unsafe character is removed.
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

    #[test]
    fn controls_separators_and_marks_of_direction_are_unsafe_in_one_line() {
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
    fn a_guid_is_told_from_a_secret() {
        for (text, expected) in [
            ("0f8fad5b-d9cb-469f-a165-70867728950e", true),
            ("0F8FAD5B-D9CB-469F-A165-70867728950E", true),
            ("0f8fad5b-d9cb-469f-a165-70867728950", false),
            ("0f8fad5bd9cb469fa16570867728950e", false),
            ("gf8fad5b-d9cb-469f-a165-70867728950e", false),
            ("{0f8fad5b-d9cb-469f-a165-70867728950e}", false),
            ("Xy8Q~abcdefghijklmnopqrstuvwxyz0123456789", false),
            ("", false),
        ] {
            assert_eq!(is_guid(text), expected, "{text}");
        }
    }

    #[test]
    fn a_line_of_any_script_is_one_line_until_a_control_character_enters() {
        let refused = Err(TextProblem::ControlCharacter);
        for (text, expected) in [
            ("", Ok(())),
            ("PPM Büro – משרד, مكتب, 事務所 🎉", Ok(())),
            ("no-break\u{A0}space", Ok(())),
            ("zero\u{200D}width\u{200C}joiners", Ok(())),
            ("PPM\r\nBcc: all@example.com", refused),
            ("PPM\tOffice", refused),
            ("PPM\0", refused),
            ("PPM\u{85}", refused),
            ("PPM\u{2028}Office", refused),
            ("PPM \u{202E}eciffO", refused),
            ("PPM \u{2067}Office", refused),
            ("PPM \u{200F}", refused),
        ] {
            assert_eq!(one_line(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_strangers_text_is_shown_without_what_could_deceive() {
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
    fn a_cut_is_marked_within_the_limit_of_characters() {
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
        fn what_is_shown_is_short_and_plain_and_stays_so(text in "(?s).{0,2500}") {
            let shown_once = shown(&text);
            prop_assert!(shown_once.chars().count() <= SHOWN_LIMIT);
            prop_assert!(shown_once.split('\n').all(|line| one_line(line).is_ok()));
            prop_assert_eq!(shown(&shown_once), shown_once);
        }
    }
}
