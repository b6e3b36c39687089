//! Redacts secrets from a peer's text. Some peers repeat what they refuse, verbatim or encoded, and
//! their text is stored and shown to every administrator.

use std::{fmt::Write, iter, ops::Range};

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::syntax::text::{SHOWN_LIMIT, printable, shown};
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded::byte_serialize;

/// The minimum length of a secret to redact in clear, in octets. A shorter one occurs in words by
/// chance, and its redaction would reveal it.
const MIN_LENGTH: usize = 4;

/// The length, in characters, of a piece of a secret that cannot occur in other text by chance.
const PIECE: usize = 16;

/// The number of characters that are searched for secrets; at most half as many are shown.
const SEARCHED_LIMIT: usize = 2 * SHOWN_LIMIT;

/// Redacts secrets. Without any it leaves a text unchanged.
#[derive(Default)]
pub struct Redactor {
    hidden: Vec<Secret>,
}

/// A secret and its replacement.
struct Secret {
    mark: &'static str,
    /// The secret in clear; `None` if it is too short to be distinguished from words.
    clear: Option<SecretString>,
    /// Its encodings on the wire, which are redacted at any length.
    sent: Vec<SecretString>,
    /// The digits of its base64 that do not depend on the text around it.
    cores: Vec<SecretString>,
}

impl Redactor {
    /// Adds a secret, to be replaced by `mark` in clear, in base64 and percent-encoded.
    pub fn secret(mut self, mark: &'static str, secret: &SecretString) -> Self {
        let exposed = secret.expose_secret();
        let base64 = SecretString::from(STANDARD.encode(exposed));
        if exposed.len() < MIN_LENGTH {
            return self.encoded(mark, base64);
        }
        self.hidden.push(Secret {
            mark,
            clear: Some(secret.clone()),
            sent: iter::once(base64).chain(percent_encoded(exposed)).collect(),
            cores: (0..3).map(|before| core(exposed, before)).collect(),
        });
        self
    }

    /// Adds an encoding of a secret as sent on the wire, of any length.
    pub fn encoded(mut self, mark: &'static str, sent: impl Into<SecretString>) -> Self {
        self.hidden.push(Secret { mark, clear: None, sent: vec![sent.into()], cores: Vec::new() });
        self
    }

    /// Redacts the secrets in a text: whole, in long pieces, or truncated at the end of the text.
    pub fn redact(&self, text: &str) -> String {
        self.hidden.iter().fold(text.to_owned(), |text, hidden| hidden.redact_from(text))
    }

    /// Redacts a text, and makes it safe to display. Redaction precedes truncation, so that a peer
    /// cannot pad its text to let the cut reveal a part of a secret.
    pub fn redact_to_show(&self, text: &str) -> String {
        let mut rest = printable(text);
        let mut searched: String = rest.by_ref().take(SEARCHED_LIMIT).collect();
        if rest.next().is_none() {
            return shown(&self.redact(&searched));
        }
        searched.push('…');
        let mut hidden = self.redact(&searched);
        // The end may hold the start of a secret that is too short to be recognised.
        let end = hidden.char_indices().rev().nth(PIECE).map_or(0, |(at, _)| at);
        hidden.truncate(end);
        hidden.push('…');
        shown(&hidden)
    }
}

impl Secret {
    fn redact_from(&self, mut text: String) -> String {
        for sent in self.sent.iter().chain(&self.clear) {
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
        if let Some(secret) = &self.clear {
            text = self.marked(&text, |rest| piece_of(secret.expose_secret(), rest));
        }
        let secret = self.clear.as_ref().map(ExposeSecret::expose_secret);
        match secret.and_then(|secret| truncated_at(&text, secret)) {
            Some(begun) => format!("{}{}…", &text[..begun], self.mark),
            None => text,
        }
    }

    /// Replaces each range that `find` returns. Marks are not searched again, because a mark may
    /// look like a piece of a secret.
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

/// Returns a secret percent-encoded for a form and for a URL (which differ in a space and in two
/// marks), if that differs from the secret.
fn percent_encoded(secret: &str) -> Vec<SecretString> {
    let as_address = |space: &str| {
        let mut encoded = String::with_capacity(secret.len() * 3);
        for octet in secret.bytes() {
            match octet {
                b' ' => encoded.push_str(space),
                b'-' | b'.' | b'_' | b'~' => encoded.push(octet.into()),
                _ if octet.is_ascii_alphanumeric() => encoded.push(octet.into()),
                _ => write!(encoded, "%{octet:02X}").expect("writing to a String cannot fail"),
            }
        }
        encoded
    };
    let as_form = byte_serialize(secret.as_bytes()).collect::<String>();
    // As in HTTP Basic (`oauth/client.rs`).
    let as_basic = as_form.replace('+', "%20");
    let all = [as_form, as_basic, as_address("+"), as_address("%20")];
    all.into_iter().filter(|encoded| encoded != secret).map(SecretString::from).collect()
}

/// Returns the digits of a secret's base64 that encode it alone, when `before` octets precede it
/// and any number follow.
fn core(secret: &str, before: usize) -> SecretString {
    let encoded = STANDARD.encode([&[0; 2][..before], secret.as_bytes()].concat());
    let digits = (before * 8).div_ceil(6)..(before + secret.len()) * 8 / 6;
    encoded[digits].into()
}

/// Returns the range of the base64 word around a piece.
fn word_around(piece: Range<usize>, text: &str) -> Range<usize> {
    let is_of_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let start = text[..piece.start].trim_end_matches(is_of_base64).len();
    let end = text.len() - text[piece.end..].trim_start_matches(is_of_base64).len();
    start..end
}

/// Returns the range of the first long piece of a secret. A piece has no white space, so that words
/// are skipped quickly.
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

/// Returns the start of a secret that the truncation of a text has cut in two.
fn truncated_at(text: &str, secret: &str) -> Option<usize> {
    let text = text.strip_suffix('…')?;
    let begins = |end: &usize| *end >= MIN_LENGTH && text.ends_with(&secret[..*end]);
    let ends = secret.char_indices().map(|(at, _)| at).rev();
    ends.into_iter().find(begins).map(|end| text.len() - end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hidden(password: &str, text: &str) -> String {
        let plain = STANDARD.encode(format!("\0ada\0{password}"));
        Redactor::default()
            .secret("[password]", &password.into())
            .encoded("[password]", plain)
            .redact(text)
    }

    #[test]
    fn truncation_never_reveals_a_part_of_a_secret() {
        let redactor = Redactor::default().secret("[password]", &"sesame-7".into());
        for end in [SHOWN_LIMIT, SEARCHED_LIMIT] {
            for padding in end - 12..end + 4 {
                let text = format!("{}sesame-7 and more{}", "x".repeat(padding), "y".repeat(9));
                let shown = redactor.redact_to_show(&text);
                let after = shown.trim_start_matches('x');
                assert!(after.starts_with(['[', '…']), "{padding}: {after}");
            }
            // Marks may be longer or shorter than the secret.
            let short = Redactor::default().secret("[p]", &"sesame-7".into());
            for padding in 0..8 {
                let text = format!("{}{}", "x".repeat(padding), "sesame-7".repeat(end / 8 + 2));
                let shown = short.redact_to_show(&text).replace("[p]", "");
                assert!(!shown.contains('s'), "{padding}: {shown}");
            }
        }
    }

    #[test]
    fn a_secret_with_an_invisible_character_in_it_is_redacted() {
        let redactor = Redactor::default().secret("[password]", &"sesame-7".into());
        assert_eq!(redactor.redact_to_show("no ses\u{200E}ame-7"), "no [password]");
    }

    #[test]
    fn a_password_is_redacted_in_clear_and_in_base64() {
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
    fn a_form_encoded_secret_is_redacted() {
        for text in ["no a%2Fb+c%26d", "no a%2Fb%20c%26d", "no a/b c&d"] {
            assert_eq!(hidden("a/b c&d", text), "no [password]");
        }
        for text in ["no ~a*", "no %7Ea*", "no ~a%2A"] {
            assert_eq!(hidden("~abc*", &text.replace('a', "abc")), "no [password]");
        }
    }

    #[test]
    fn the_start_of_a_password_at_a_truncated_end_is_redacted() {
        assert_eq!(hidden("sesame-7", "no sesam…"), "no [password]…");
        assert_eq!(hidden("sesame-7", "no sesam"), "no sesam");
        assert_eq!(hidden("sesame-7", "no ses…"), "no ses…");
    }

    #[test]
    fn a_short_password_is_redacted_only_in_its_wire_encoding() {
        assert_eq!(hidden("bad", "a bad password"), "a bad password");
        assert_eq!(hidden("bad", "not AGFkYQBiYWQ="), "not [password]");
    }

    #[test]
    fn only_long_pieces_of_a_token_are_redacted_in_clear_and_in_base64() {
        let token = "eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";
        let redactor = Redactor::default().secret("[token]", &token.into());
        let base64 = STANDARD.encode(format!("user=ada\x01auth=Bearer {token}\x01\x01"));
        for (text, expected) in [
            (format!("Unknown: {}", &token[..20]), "Unknown: [token]"),
            (format!("{} and {}", &token[..16], &token[20..40]), "[token] and [token]"),
            (format!("Unknown: {}", &base64[..70]), "Unknown: [token]"),
            (format!("Unknown: {}", &base64[40..70]), "Unknown: [token]"),
            (format!("Unknown: {}", &token[..15]), "Unknown: eyJ0eXAiOiJKV1Q"),
        ] {
            assert_eq!(redactor.redact(&text), expected);
        }
    }

    #[test]
    fn a_secret_that_looks_like_its_mark_is_redacted_once() {
        for (mark, secret) in [("[client secret]", "ibzp"), ("[token]", "j$zp")] {
            let redactor = Redactor::default().secret(mark, &secret.into());
            let peer_text = format!("{secret} is an invalid client token");
            assert!(redactor.redact(&peer_text).len() < 200, "{secret}");
        }
    }

    proptest! {
        #[test]
        fn redaction_terminates_for_any_short_secret(
            secret in "[!-~]{1,6}",
            text in "(client|secret|token|password|[!-~]{1,5}| ){0,30}",
        ) {
            for mark in ["[client secret]", "[token]", "[password]", "[refresh token]", "[code]"] {
                let redactor = Redactor::default().secret(mark, &secret.as_str().into());
                prop_assert!(redactor.redact(&text).len() <= (text.len() + 1) * (mark.len() + 1));
            }
        }

        #[test]
        fn a_password_is_redacted_at_any_position(
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
