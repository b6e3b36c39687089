//! Notes on Default Sender Email: text around the address, and onmicrosoft.com domains.

use super::{Found, Note};
use crate::{Draft, Field, syntax::address::email_address};

/// The initial domain of every Microsoft tenant. Mail from it has a sending limit.
const ONMICROSOFT_SUFFIX: &str = ".onmicrosoft.com";

/// Returns the notes on a sender address.
pub fn notes(field: Field, draft: &Draft) -> Vec<Note> {
    let text = draft.text(field).trim();
    let mut notes = Vec::new();
    if email_address(text).is_err()
        && let Some((name, address)) = name_and_address(text)
    {
        let mut note = Note::with_correction(Found::NotAnAddressAlone, field, address);
        let display_name = match field {
            Field::BasicSender => Field::BasicDisplayName,
            _ => Field::OauthDisplayName,
        };
        if !name.is_empty() && draft.text(display_name).is_empty() {
            note.corrections.push((display_name, name.to_owned()));
        }
        notes.push(note);
    }
    if text.to_ascii_lowercase().ends_with(ONMICROSOFT_SUFFIX) {
        notes.push(Note::without_correction(Found::OnMicrosoft));
    }
    notes
}

/// Parses the display name and the address of `Ada <ada@example.com>` or `mailto:ada@example.com`.
fn name_and_address(text: &str) -> Option<(&str, &str)> {
    let (name, address) = match text.split_once('<') {
        Some((name, rest)) => (name.trim().trim_matches('"'), rest.split('>').next()?),
        None => ("", text),
    };
    let scheme = address.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
    let address = scheme.map_or(address, |scheme| &address[scheme.len()..]);
    let address = address.split('?').next()?.trim_end_matches([',', ';', '.', ' ']).trim();
    (address != text && email_address(address).is_ok()).then_some((name, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes_on(text: &str) -> Vec<Note> {
        notes(Field::BasicSender, &Draft::default().with_texts([(Field::BasicSender, text)]))
    }

    #[test]
    fn an_address_is_extracted_from_pasted_text() {
        for (text, expected) in [
            ("mailto:ada@example.com", "ada@example.com"),
            ("MAILTO:ada@example.com?subject=x", "ada@example.com"),
            ("ada@example.com;", "ada@example.com"),
            ("<mailto:ada@example.com>", "ada@example.com"),
        ] {
            let [note] = &notes_on(text)[..] else { panic!("{text}") };
            assert_eq!(note.found, Found::NotAnAddressAlone);
            assert_eq!(note.corrections, [(Field::BasicSender, expected.to_owned())]);
        }
    }

    #[test]
    fn a_name_before_an_address_fills_an_empty_display_name() {
        let [note] = &notes_on("\"Ada Okafor\" <ada@example.com>")[..] else { panic!("a note") };
        let expected = [
            (Field::BasicSender, "ada@example.com".to_owned()),
            (Field::BasicDisplayName, "Ada Okafor".to_owned()),
        ];
        assert_eq!(note.corrections, expected);
    }

    #[test]
    fn an_onmicrosoft_address_is_noted() {
        assert_eq!(notes_on("ppm@Contoso.OnMicrosoft.com")[0].found, Found::OnMicrosoft);
        for text in ["ada@example.com", "ada", "Ada <ada>", "ada@onmicrosoft.com.example"] {
            assert_eq!(notes_on(text), [], "{text}");
        }
    }
}
