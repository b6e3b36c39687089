//! Notes on pasted text, and trimming.

use domain::note::{Found, Note, notes};
use domain::{Draft, Field, OauthFlow, Saved};

use crate::with_flow;

/// A draft with these texts and an OAuth flow, with which every control is enabled.
fn draft(texts: &[(Field, &str)]) -> Draft {
    with_flow(OauthFlow::AuthorizationCodePkce).with_texts(texts.iter().copied())
}

/// The notes on a text in an otherwise empty form.
fn notes_on(field: Field, text: &str) -> Vec<Note> {
    notes(field, &draft(&[(field, text)]))
}

/// The corrected text of the first note with this finding.
fn corrected(field: Field, text: &str, found: &Found) -> String {
    let notes = notes_on(field, text);
    let note = notes.iter().find(|note| note.found == *found);
    let note = note.unwrap_or_else(|| panic!("{field:?} {text:?}: {notes:?}"));
    let correction = note.corrections.iter().find(|(to, _)| *to == field);
    correction.map_or_else(String::new, |(_, text)| text.clone())
}

const TRIMMED: [Field; 8] = [
    Field::BasicSender,
    Field::BasicServer,
    Field::BasicPort,
    Field::OauthSender,
    Field::OauthServer,
    Field::OauthPort,
    Field::AuthorizationEndpoint,
    Field::TokenEndpoint,
];

#[test]
fn trimmed_controls_lose_whitespace_of_any_kind() {
    for field in TRIMMED {
        for (before, after) in [("", " "), ("\t", ""), ("\u{A0}", "\u{2003}"), ("\r\n", "\u{3000}")]
        {
            let mut draft = draft(&[(field, &format!("{before}587{after}"))]);
            assert!(draft.trim(field), "{field:?}");
            assert_eq!(draft.text(field), "587");
            assert!(!draft.trim(field), "{field:?}");
        }
    }
}

#[test]
fn verbatim_controls_keep_spaces_and_note_them() {
    for field in
        [Field::RedirectUri, Field::ClientId, Field::Username, Field::Password, Field::ClientSecret]
    {
        let typed = draft(&[(Field::Username, "ada"), (field, "value ")]);
        assert_eq!(typed.clone().trimmed().text(field), "value ");
        let notes = notes(field, &typed);
        assert_eq!(notes[0].found, Found::BlankAtEnd, "{field:?}");
        assert_eq!(notes[0].corrections, [(field, "value".to_owned())]);
    }
    let scope = draft(&[(Field::Scope, " a ")]);
    assert_eq!(scope.trimmed().text(Field::Scope), " a ");
}

#[test]
fn a_disabled_control_is_neither_trimmed_nor_noted() {
    let mut draft = draft(&[(Field::TokenEndpoint, " https://{tenant}.test/token ")]);
    draft.flow = OauthFlow::None;
    assert_eq!(notes(Field::TokenEndpoint, &draft), []);
    assert!(!draft.trim(Field::TokenEndpoint));
    assert_eq!(draft.clone().trimmed(), draft);
}

#[test]
fn trimming_restores_an_unedited_form() {
    let saved = Saved::default();
    let mut typed = saved.draft();
    typed.edit(Field::BasicServer, " ");
    assert_ne!(typed, saved.draft());
    assert_eq!(typed.trimmed(), saved.draft());
}

#[test]
fn trimmed_spaces_cause_no_problem() {
    let typed =
        draft(&[(Field::BasicSender, "noreply@example.com "), (Field::BasicPort, "587\u{A0}")]);
    let problems = typed.trimmed().problems(&Saved::default().form);
    assert_eq!(problems.of(Field::BasicSender), None);
    assert_eq!(problems.of(Field::BasicPort), None);
}

#[test]
fn an_invisible_character_is_noted_with_its_position_and_removed() {
    let every = "\u{200B}\u{200C}\u{200D}\u{FEFF}\u{AD}\u{2060}\u{202A}\u{202E}\u{200E}\u{2066}\
                 \u{61C}\u{A0}\u{202F}\u{3000}\t\n\0\u{3164}\u{FE0F}\u{E0041}";
    for character in every.chars() {
        for field in [
            Field::BasicServer,
            Field::BasicSender,
            Field::BasicPort,
            Field::ClientId,
            Field::TokenEndpoint,
            Field::RedirectUri,
            Field::Username,
        ] {
            let text = format!("ab{character}c");
            let found = Found::Invisible { character, place: 3, more: 0 };
            assert_eq!(corrected(field, &text, &found), "abc", "{field:?} {text:?}");
        }
    }
}

#[test]
fn an_invisible_character_at_the_end_is_noted_and_not_trimmed() {
    let mut draft = draft(&[(Field::BasicServer, "smtp.example.com\u{200B}")]);
    assert!(!draft.trim(Field::BasicServer));
    let found = Found::Invisible { character: '\u{200B}', place: 17, more: 0 };
    assert_eq!(notes(Field::BasicServer, &draft)[0].found, found);
}

#[test]
fn several_invisible_characters_are_counted_and_removed_together() {
    let found = Found::Invisible { character: '\u{200B}', place: 2, more: 2 };
    let text = "a\u{200B}b\u{FEFF}c\u{AD}";
    assert_eq!(corrected(Field::ClientId, text, &found), "abc");
}

#[test]
fn notes_correct_a_secret_without_printing_it() {
    for (text, right) in
        [(" canary", "canary"), ("can\u{200B}ary", "canary"), ("“canary”", "canary")]
    {
        let typed = draft(&[(Field::ClientSecret, text)]);
        let [note] = &notes(Field::ClientSecret, &typed)[..] else { panic!("{text:?}") };
        assert_eq!(note.corrections, [(Field::ClientSecret, right.to_owned())]);
        assert!(!format!("{note:?}").contains("canary"));
        assert_eq!(typed.clone().trimmed(), typed);
    }
    for text in ["abcd efgh ijkl mnop", "it's", "\"a", "your-secret", "{secret}"] {
        assert_eq!(notes_on(Field::ClientSecret, text), [], "{text}");
    }
}

#[test]
fn quotation_marks_around_a_value_are_removed() {
    for (field, text) in [
        (Field::BasicServer, "\"smtp.host.test\""),
        (Field::BasicServer, "“smtp.host.test”"),
        (Field::BasicServer, "„smtp.host.test“"),
        (Field::BasicServer, "'smtp.host.test'"),
        (Field::BasicServer, "‘smtp.host.test’"),
        (Field::ClientId, "«smtp.host.test»"),
        (Field::ClientId, "`smtp.host.test`"),
        (Field::ClientId, "smtp.host.test”"),
        (Field::BasicDisplayName, "“smtp.host.test”"),
    ] {
        assert_eq!(corrected(field, text, &Found::Quoted), "smtp.host.test", "{text}");
    }
    let address = "<https://login.host.test/token>";
    let right = corrected(Field::TokenEndpoint, address, &Found::Quoted);
    assert_eq!(right, "https://login.host.test/token");
    let sender = corrected(Field::BasicSender, "\"ada@host.test\"", &Found::Quoted);
    assert_eq!(sender, "ada@host.test");
    assert_eq!(notes_on(Field::BasicSender, "\"ada okafor\"@host.test"), []);
}

#[test]
fn a_port_is_extracted_from_surrounding_text() {
    for text in ["Port 587", "587/tcp", ":587", "587 (STARTTLS)", "+587"] {
        let right = corrected(Field::BasicPort, text, &Found::NotAPortAlone);
        assert_eq!(right, "587", "{text}");
    }
    for text in ["587", " 587 ", "587 or 465", "x", "99999"] {
        assert_eq!(notes_on(Field::BasicPort, text), [], "{text}");
    }
}

#[test]
fn spaces_inside_an_endpoint_are_removed() {
    let text = "https://login.host.test/ token";
    let right = corrected(Field::TokenEndpoint, text, &Found::BlankInside);
    assert_eq!(right, "https://login.host.test/token");
}

#[test]
fn display_names_may_contain_joiners_and_no_break_spaces() {
    for text in ["PPM 👩\u{200D}💻", "نامه\u{200C}ها", "PPM\u{A0}Büro", "O’Neill"] {
        assert_eq!(notes_on(Field::BasicDisplayName, text), [], "{text:?}");
    }
    let found = Found::Invisible { character: '\u{202E}', place: 4, more: 0 };
    assert_eq!(notes_on(Field::BasicDisplayName, "PPM\u{202E}")[0].found, found);
}

#[test]
fn a_valid_form_has_no_notes() {
    let draft = draft(&[
        (Field::BasicSender, "noreply@contoso.com"),
        (Field::BasicServer, "smtp.office365.com"),
        (Field::OauthServer, "smtp.office365.com"),
        (Field::OauthPort, "587"),
        (Field::ClientId, "11111111-2222-3333-4444-555555555555"),
        (Field::ClientSecret, "Xy8Q~abc"),
        (
            Field::AuthorizationEndpoint,
            "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/authorize",
        ),
        (Field::TokenEndpoint, "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token"),
        (Field::RedirectUri, "https://ppm.contoso.com/oauth/callback"),
        (Field::Scope, "https://outlook.office.com/SMTP.Send offline_access"),
    ]);
    for &field in Field::ALL {
        assert_eq!(notes(field, &draft), [], "{field:?}");
    }
}
