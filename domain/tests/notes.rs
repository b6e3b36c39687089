//! What administrators pasted into the form, and what is said of it at the control before anything is
//! sent.

use domain::note::{Found, Note, notes};
use domain::{Draft, Field, OauthFlow, Saved};

/// A form with these texts, with an OAuth flow so that every control takes input.
fn draft(texts: &[(Field, &str)]) -> Draft {
    let mut draft = Draft { flow: OauthFlow::AuthorizationCodePkce, ..Draft::default() };
    for &(field, text) in texts {
        draft.edit(field, text);
    }
    draft
}

/// What is said of a text alone in a control.
fn of(field: Field, text: &str) -> Vec<Note> {
    notes(field, &draft(&[(field, text)]))
}

/// What the first note that says this puts into its control.
fn put_right(field: Field, text: &str, is_it: impl Fn(&Found) -> bool) -> String {
    let notes = of(field, text);
    let note = notes.iter().find(|note| is_it(&note.found));
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
fn blanks_of_any_kind_are_removed_from_the_ends_of_what_is_trimmed() {
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
fn what_goes_out_letter_for_letter_keeps_its_blanks_and_says_so() {
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
fn a_control_that_takes_no_input_is_neither_trimmed_nor_noted() {
    let mut draft = draft(&[(Field::TokenEndpoint, " https://{tenant}.test/token ")]);
    draft.flow = OauthFlow::None;
    assert_eq!(notes(Field::TokenEndpoint, &draft), []);
    assert!(!draft.trim(Field::TokenEndpoint));
    assert_eq!(draft.clone().trimmed(), draft);
}

#[test]
fn a_form_whose_blanks_are_removed_is_as_it_was_before_them() {
    let saved = Saved::default();
    let mut typed = saved.draft();
    typed.edit(Field::BasicServer, " ");
    assert_ne!(typed, saved.draft());
    assert_eq!(typed.trimmed(), saved.draft());
}

#[test]
fn a_blank_at_an_end_is_no_fault_once_it_is_removed() {
    let typed =
        draft(&[(Field::BasicSender, "noreply@example.com "), (Field::BasicPort, "587\u{A0}")]);
    let problems = typed.trimmed().problems(&Saved::default().form);
    assert_eq!(problems.of(Field::BasicSender), None);
    assert_eq!(problems.of(Field::BasicPort), None);
}

#[test]
fn an_invisible_character_is_named_with_its_place_and_removed() {
    let every = [
        '\u{200B}',
        '\u{200C}',
        '\u{200D}',
        '\u{FEFF}',
        '\u{AD}',
        '\u{2060}',
        '\u{202A}',
        '\u{202E}',
        '\u{200E}',
        '\u{2066}',
        '\u{61C}',
        '\u{A0}',
        '\u{202F}',
        '\u{3000}',
        '\t',
        '\n',
        '\0',
        '\u{3164}',
        '\u{FE0F}',
        '\u{E0041}',
    ];
    for character in every {
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
            assert_eq!(put_right(field, &text, |note| *note == found), "abc", "{field:?} {text:?}");
        }
    }
}

#[test]
fn an_invisible_character_at_the_end_is_no_blank_to_be_trimmed() {
    let mut draft = draft(&[(Field::BasicServer, "smtp.example.com\u{200B}")]);
    assert!(!draft.trim(Field::BasicServer));
    let found = Found::Invisible { character: '\u{200B}', place: 17, more: 0 };
    assert_eq!(notes(Field::BasicServer, &draft)[0].found, found);
}

#[test]
fn several_invisible_characters_are_counted_and_removed_together() {
    let found = Found::Invisible { character: '\u{200B}', place: 2, more: 2 };
    let text = "a\u{200B}b\u{FEFF}c\u{AD}";
    assert_eq!(put_right(Field::ClientId, text, |note| *note == found), "abc");
}

#[test]
fn a_secret_is_corrected_when_asked_and_is_in_no_note() {
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
        assert_eq!(of(Field::ClientSecret, text), [], "{text}");
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
        assert_eq!(
            put_right(field, text, |note| *note == Found::Quoted),
            "smtp.host.test",
            "{text}"
        );
    }
    let address = "<https://login.host.test/token>";
    let right = put_right(Field::TokenEndpoint, address, |note| *note == Found::Quoted);
    assert_eq!(right, "https://login.host.test/token");
    let sender = put_right(Field::BasicSender, "\"ada@host.test\"", |note| *note == Found::Quoted);
    assert_eq!(sender, "ada@host.test");
    assert_eq!(of(Field::BasicSender, "\"ada okafor\"@host.test"), []);
}

#[test]
fn a_port_is_taken_out_of_what_stands_around_it() {
    for text in ["Port 587", "587/tcp", ":587", "587 (STARTTLS)", "+587"] {
        let right = put_right(Field::BasicPort, text, |note| *note == Found::NotAPortAlone);
        assert_eq!(right, "587", "{text}");
    }
    for text in ["587", " 587 ", "587 or 465", "x", "99999"] {
        assert_eq!(of(Field::BasicPort, text), [], "{text}");
    }
}

#[test]
fn blanks_within_an_address_are_removed() {
    let text = "https://login.host.test/ token";
    let right = put_right(Field::TokenEndpoint, text, |note| *note == Found::BlankInside);
    assert_eq!(right, "https://login.host.test/token");
}

#[test]
fn names_to_be_read_may_hold_what_their_spelling_needs() {
    for text in ["PPM 👩\u{200D}💻", "نامه\u{200C}ها", "PPM\u{A0}Büro", "O’Neill"] {
        assert_eq!(of(Field::BasicDisplayName, text), [], "{text:?}");
    }
    let found = Found::Invisible { character: '\u{202E}', place: 4, more: 0 };
    assert_eq!(of(Field::BasicDisplayName, "PPM\u{202E}")[0].found, found);
}

#[test]
fn a_good_form_has_no_notes() {
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
