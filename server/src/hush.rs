//! What a peer says, without the secrets: some repeat what they refuse, as they got it or encoded,
//! and what is repeated is kept and shown to every administrator.

use std::fmt::Write;
use std::iter;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::check::text::{SHOWN_LIMIT, printable, shown};
use oauth2::url::form_urlencoded::byte_serialize;
use secrecy::{ExposeSecret, SecretString};

/// A secret shorter than this stands in ordinary words by chance, and hiding it would tell it.
const TELLING: usize = 4;

/// So many characters in a row of a secret, or of an encoding of it, stand nowhere else by chance.
const PIECE: usize = 16;

/// So many characters of a text are searched for secrets; it is shown with half as many at most.
const LOOKED_AT: usize = 2 * SHOWN_LIMIT;

/// Takes secrets out of texts. Without any it leaves a text as it is.
#[derive(Default)]
pub struct Hush {
    hidden: Vec<Hidden>,
}

/// One secret, and what stands in its place.
struct Hidden {
    mark: &'static str,
    /// In clear; nothing for one that is too short to be told from words.
    secret: Option<SecretString>,
    /// As it goes over the wire, which is hidden however short it is.
    sent: Vec<SecretString>,
    /// Of its base64, what is the same whatever stands before and after it there.
    cores: Vec<SecretString>,
}

impl Hush {
    /// Hides a secret too, in clear, in base64 and percent-encoded; `mark` stands in its place.
    #[must_use]
    pub fn hide(mut self, mark: &'static str, secret: &SecretString) -> Self {
        let exposed = secret.expose_secret();
        let base64 = SecretString::from(STANDARD.encode(exposed));
        if exposed.len() < TELLING {
            return self.hide_sent(mark, base64);
        }
        self.hidden.push(Hidden {
            mark,
            secret: Some(secret.clone()),
            sent: iter::once(base64).chain(percent_encoded(exposed)).collect(),
            cores: (0..3).map(|before| core(exposed, before)).collect(),
        });
        self
    }

    /// Hides an encoding of a secret as it goes over the wire too, however short it is.
    #[must_use]
    pub fn hide_sent(mut self, mark: &'static str, sent: impl Into<SecretString>) -> Self {
        self.hidden.push(Hidden { mark, secret: None, sent: vec![sent.into()], cores: Vec::new() });
        self
    }

    /// The text with a mark wherever a secret was: whole, in long pieces, or cut off with the end of
    /// the text.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        self.hidden.iter().fold(text.to_owned(), |text, hidden| hidden.taken_out_of(text))
    }

    /// The text without the secrets, fit to be shown. Secrets are hidden before it is cut to the
    /// length that is shown: a peer that pads its text to let the cut fall into a secret shows no
    /// part of it.
    #[must_use]
    pub fn shown(&self, text: &str) -> String {
        let mut rest = printable(text);
        let mut looked_at: String = rest.by_ref().take(LOOKED_AT).collect();
        if rest.next().is_none() {
            return shown(&self.text(&looked_at));
        }
        looked_at.push('…');
        let mut hidden = self.text(&looked_at);
        // The start of a secret may be left at the end, too short to be recognised.
        let end = hidden.char_indices().rev().nth(PIECE).map_or(0, |(at, _)| at);
        hidden.truncate(end);
        hidden.push('…');
        shown(&hidden)
    }
}

impl Hidden {
    fn taken_out_of(&self, mut text: String) -> String {
        for sent in self.sent.iter().chain(&self.secret) {
            if !sent.expose_secret().is_empty() {
                text = text.replace(sent.expose_secret(), self.mark);
            }
        }
        for core in self.cores.iter().map(ExposeSecret::expose_secret) {
            text = self.marked(&text, |rest| {
                let at = rest.find(core)?;
                Some(word_around(at..at + core.len(), rest))
            });
        }
        for encoding in self.sent.iter().chain(&self.cores) {
            text = self.marked(&text, |rest| {
                Some(word_around(piece_of(encoding.expose_secret(), rest)?, rest))
            });
        }
        if let Some(secret) = &self.secret {
            text = self.marked(&text, |rest| piece_of(secret.expose_secret(), rest));
        }
        let secret = self.secret.as_ref().map(ExposeSecret::expose_secret);
        match secret.and_then(|secret| cut_off(&text, secret)) {
            Some(begun) => format!("{}{}…", &text[..begun], self.mark),
            None => text,
        }
    }

    /// The text with a mark in place of each range that `find` finds. What is marked is not looked
    /// at again, for a mark may look like a piece of a secret.
    fn marked(&self, text: &str, find: impl Fn(&str) -> Option<Range<usize>>) -> String {
        let (mut marked, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(Range { start, end }) = find(rest) {
            marked.push_str(&rest[..start]);
            marked.push_str(self.mark);
            rest = &rest[end..];
        }
        marked.push_str(rest);
        marked
    }
}

/// A secret as a form sends it, and as an address is written (which differ in a space and in two
/// marks), where that is not the secret itself.
fn percent_encoded(secret: &str) -> Vec<SecretString> {
    let as_address = |space: &str| {
        let mut encoded = String::with_capacity(secret.len() * 3);
        for octet in secret.bytes() {
            match octet {
                b' ' => encoded.push_str(space),
                b'-' | b'.' | b'_' | b'~' => encoded.push(octet.into()),
                _ if octet.is_ascii_alphanumeric() => encoded.push(octet.into()),
                _ => write!(encoded, "%{octet:02X}")
                    .expect("a String takes whatever is written to it"),
            }
        }
        encoded
    };
    let as_form = byte_serialize(secret.as_bytes()).collect::<String>();
    // As HTTP Basic carries it (`oauth/client.rs`).
    let as_basic = as_form.replace('+', "%20");
    let all = [as_form, as_basic, as_address("+"), as_address("%20")];
    all.into_iter().filter(|encoded| encoded != secret).map(SecretString::from).collect()
}

/// What is left of a secret's base64 when `before` octets precede it and any follow: the digits
/// that no other octet has a part in.
fn core(secret: &str, before: usize) -> SecretString {
    let encoded = STANDARD.encode([&[0; 2][..before], secret.as_bytes()].concat());
    let digits = (before * 8).div_ceil(6)..(before + secret.len()) * 8 / 6;
    encoded[digits].into()
}

/// Where the base64 stands that has a piece in it.
fn word_around(piece: Range<usize>, text: &str) -> Range<usize> {
    let is_of_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let start = text[..piece.start].trim_end_matches(is_of_base64).len();
    let end = text.len() - text[piece.end..].trim_start_matches(is_of_base64).len();
    start..end
}

/// Where the first long piece of a secret stands, as far as it goes. White space is in none, so
/// that ordinary words are passed over quickly.
fn piece_of(secret: &str, text: &str) -> Option<Range<usize>> {
    let starts = text.char_indices().map(|(at, _)| at);
    let ends = starts.clone().chain([text.len()]).skip(PIECE);
    let is_one_word = |piece: &&str| !piece.contains(char::is_whitespace);
    let (at, from) = starts.zip(ends).find_map(|(start, end)| {
        let piece = Some(&text[start..end]).filter(is_one_word)?;
        Some((start, secret.find(piece)?))
    })?;
    let pairs = text[at..].chars().zip(secret[from..].chars());
    let common = pairs.take_while(|(one, other)| one == other);
    Some(at..at + common.map(|(c, _)| c.len_utf8()).sum::<usize>())
}

/// Where, in a text whose end was cut off, a secret begins that the cut leaves only a part of.
fn cut_off(text: &str, secret: &str) -> Option<usize> {
    let text = text.strip_suffix('…')?;
    let begins = |end: &usize| *end >= TELLING && text.ends_with(&secret[..*end]);
    let ends = secret.char_indices().map(|(at, _)| at).rev();
    ends.into_iter().find(begins).map(|end| text.len() - end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hidden(password: &str, text: &str) -> String {
        let plain = STANDARD.encode(format!("\0ada\0{password}"));
        Hush::default()
            .hide("[password]", &password.into())
            .hide_sent("[password]", plain)
            .text(text)
    }

    #[test]
    fn a_cut_shows_no_part_of_a_secret_wherever_it_falls() {
        let hush = Hush::default().hide("[password]", &"sesame-7".into());
        for end in [SHOWN_LIMIT, LOOKED_AT] {
            for padding in end - 12..end + 4 {
                let text = format!("{}sesame-7 and more{}", "x".repeat(padding), "y".repeat(9));
                let shown = hush.shown(&text);
                let after = shown.trim_start_matches('x');
                assert!(after.starts_with(['[', '…']), "{padding}: {after}");
            }
            // Marks are longer than what they hide, or shorter.
            let short = Hush::default().hide("[p]", &"sesame-7".into());
            for padding in 0..8 {
                let text = format!("{}{}", "x".repeat(padding), "sesame-7".repeat(end / 8 + 2));
                let shown = short.shown(&text).replace("[p]", "");
                assert!(!shown.contains('s'), "{padding}: {shown}");
            }
        }
    }

    #[test]
    fn a_secret_with_an_invisible_character_in_it_is_hidden() {
        let hush = Hush::default().hide("[password]", &"sesame-7".into());
        assert_eq!(hush.shown("no ses\u{200E}ame-7"), "no [password]");
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
    fn a_secret_is_hidden_as_a_form_sends_it() {
        for text in ["no a%2Fb+c%26d", "no a%2Fb%20c%26d", "no a/b c&d"] {
            assert_eq!(hidden("a/b c&d", text), "no [password]");
        }
        for text in ["no ~a*", "no %7Ea*", "no ~a%2A"] {
            assert_eq!(hidden("~abc*", &text.replace('a', "abc")), "no [password]");
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

    #[test]
    fn long_pieces_of_a_token_are_hidden_in_clear_and_in_base64_and_short_ones_are_not() {
        let token = "eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";
        let hush = Hush::default().hide("[token]", &token.into());
        let base64 = STANDARD.encode(format!("user=ada\x01auth=Bearer {token}\x01\x01"));
        for (text, expected) in [
            (format!("Unknown: {}", &token[..20]), "Unknown: [token]"),
            (format!("{} and {}", &token[..16], &token[20..40]), "[token] and [token]"),
            (format!("Unknown: {}", &base64[..70]), "Unknown: [token]"),
            (format!("Unknown: {}", &base64[40..70]), "Unknown: [token]"),
            (format!("Unknown: {}", &token[..15]), "Unknown: eyJ0eXAiOiJKV1Q"),
        ] {
            assert_eq!(hush.text(&text), expected);
        }
    }

    #[test]
    fn a_secret_that_looks_like_its_own_mark_is_hidden_once() {
        for (mark, secret) in [("[client secret]", "ibzp"), ("[token]", "j$zp")] {
            let hush = Hush::default().hide(mark, &secret.into());
            let said = format!("{secret} is an invalid client token");
            assert!(hush.text(&said).len() < 200, "{secret}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_short_secret_is_a_text_is_finished(
            secret in "[!-~]{1,6}",
            text in "(client|secret|token|password|[!-~]{1,5}| ){0,30}",
        ) {
            for mark in ["[client secret]", "[token]", "[password]", "[refresh token]", "[code]"] {
                let hush = Hush::default().hide(mark, &secret.as_str().into());
                prop_assert!(hush.text(&text).len() <= (text.len() + 1) * (mark.len() + 1));
            }
        }

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
