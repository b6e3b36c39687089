//! What a mail server says, without the password: some repeat what they refuse, as they got it or
//! decoded, and what is repeated is kept and shown to every administrator.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::settings::Account;
use secrecy::{ExposeSecret, SecretString};

/// A password shorter than this stands in ordinary words by chance, and hiding it would tell it.
const TELLING: usize = 4;

/// Takes one account's password out of texts.
#[derive(Default)]
pub(super) struct Hush {
    password: Option<SecretString>,
    /// What hides it however short it is: base64 as it goes over the wire.
    sent: Vec<SecretString>,
    /// Of its base64, what is the same whatever stands before and after it there.
    cores: Vec<SecretString>,
}

impl Hush {
    /// Hides the password of this account, if there is one.
    pub(super) fn of(account: Option<&Account>) -> Self {
        let Some(Account { username, password }) = account else { return Self::default() };
        let exposed = password.expose_secret();
        let plain = format!("\0{username}\0{exposed}");
        let sent = [plain.as_str(), exposed].map(|text| STANDARD.encode(text).into()).into();
        if exposed.len() < TELLING {
            return Self { sent, ..Self::default() };
        }
        let cores = (0..3).map(|before| core(exposed, before)).collect();
        Self { password: Some(password.clone()), sent, cores }
    }

    /// The text with `[password]` wherever the password was, in clear or in base64, whole or cut off
    /// with the end of the text.
    pub(super) fn text(&self, text: &str) -> String {
        let mut hidden = text.to_owned();
        for sent in self.sent.iter().chain(&self.password) {
            hidden = hidden.replace(sent.expose_secret(), "[password]");
        }
        for core in &self.cores {
            while let Some(word) = word_around(&hidden, core.expose_secret()) {
                hidden.replace_range(word, "[password]");
            }
        }
        let password = self.password.as_ref().map(ExposeSecret::expose_secret);
        match password.and_then(|password| cut_off(&hidden, password)) {
            Some(begun) => format!("{}[password]…", &hidden[..begun]),
            None => hidden,
        }
    }
}

/// What is left of a password's base64 when `before` octets precede it and any follow: the digits
/// that no other octet has a part in.
fn core(password: &str, before: usize) -> SecretString {
    let encoded = STANDARD.encode([&[0; 2][..before], password.as_bytes()].concat());
    let digits = (before * 8).div_ceil(6)..(before + password.len()) * 8 / 6;
    encoded[digits].into()
}

/// Where the base64 around the first `core` stands.
fn word_around(text: &str, core: &str) -> Option<Range<usize>> {
    let at = text.find(core)?;
    let is_of_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let start = text[..at].trim_end_matches(is_of_base64).len();
    let end = text.len() - text[at..].trim_start_matches(is_of_base64).len();
    Some(start..end)
}

/// Where, in a text whose end was cut off, a password begins that the cut leaves only a part of.
fn cut_off(text: &str, password: &str) -> Option<usize> {
    let text = text.strip_suffix('…')?;
    let begins = |end: &usize| *end >= TELLING && text.ends_with(&password[..*end]);
    let ends = password.char_indices().map(|(at, _)| at).rev();
    ends.into_iter().find(begins).map(|end| text.len() - end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hidden(password: &str, text: &str) -> String {
        let account = Account { username: "ada".to_owned(), password: password.into() };
        Hush::of(Some(&account)).text(text)
    }

    #[test]
    fn a_password_is_hidden_in_clear_and_in_base64() {
        for (text, expected) in [
            ("no sesame-7 here, sesame-7", "no [password] here, [password]"),
            ("no AGFkYQBzZXNhbWUtNw== here", "no [password] here"),
            ("no c2VzYW1lLTc= c2VzYW1lLTc", "no [password] [password]"),
            ("no sesame-8", "no sesame-8"),
        ] {
            assert_eq!(hidden("sesame-7", text), expected);
        }
    }

    #[test]
    fn the_beginning_of_a_password_before_a_cut_is_hidden() {
        assert_eq!(hidden("sesame-7", "no sesam…"), "no [password]…");
        assert_eq!(hidden("sesame-7", "no sesam"), "no sesam");
        assert_eq!(hidden("sesame-7", "no ses…"), "no ses…");
    }

    #[test]
    fn a_password_of_three_letters_is_left_where_it_may_be_a_word_and_hidden_as_it_was_sent() {
        assert_eq!(hidden("bad", "a bad password"), "a bad password");
        assert_eq!(hidden("bad", "not AGFkYQBiYWQ="), "not [password]");
    }

    proptest! {
        #[test]
        fn wherever_a_password_stands_it_is_hidden(
            password in "[a-zA-Z0-9]{9,30}",
            before in "[ -~]{0,20}",
            after in ".{0,20}",
        ) {
            let base64 = STANDARD.encode(format!("{before}{password}{after}"));
            for text in [format!("{before}{password}{after}"), format!("{before} {base64} {after}")] {
                let hidden = hidden(&password, &text);
                prop_assert!(!hidden.contains(&password), "{}", hidden);
                prop_assert!(!hidden.contains(&base64), "{}", hidden);
            }
        }
    }
}
