//! Parses the addresses of header fields and of requests (RFC 5322 3.4).
//!
//! It is strict, because From and Sender decide who may send: text that programs read as different
//! addresses is refused, in these fields also what some programs misread ([`is_unambiguous`]). Of the obsolete syntax (RFC 5322 4.4), a list may have empty elements. The
//! addresses themselves follow the rules of the form.

use std::mem;
use std::str::Chars;

use lettre::message::Mailbox;
use smtp::wire_form;

use super::display_name;
use Token::{Atom, Literal, Quoted, Special};

/// A lexical token (RFC 5322 3.2), without the comments and white space around it.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// An atom or a dot-atom.
    Atom(String),
    /// The inside of a quoted string, as written.
    Quoted(String),
    /// The inside of a domain literal, as written.
    Literal(String),
    /// One of the specials `<>:;@,`.
    Special(char),
}

/// Parses an address list: mailboxes and groups, as in To. `None` if it is malformed.
pub(super) fn address_list(text: &str) -> Option<Vec<Mailbox>> {
    let (tokens, _) = tokens(text)?;
    let (mut mailboxes, mut is_in_group) = (Vec::new(), false);
    for mut element in tokens.split(|token| *token == Special(',')) {
        if let Some(colon) = element.iter().position(|token| *token == Special(':')) {
            let is_nested = mem::replace(&mut is_in_group, true);
            if is_nested || colon == 0 || display_name(&element[..colon]).is_none() {
                return None;
            }
            element = &element[colon + 1..];
        }
        if let [members @ .., Special(';')] = element {
            if !mem::replace(&mut is_in_group, false) {
                return None;
            }
            element = members;
        }
        if !element.is_empty() {
            mailboxes.push(of_tokens(element)?);
        }
    }
    (!is_in_group).then_some(mailboxes)
}

/// Parses one mailbox: `Ada <ada@example.com>` or `ada@example.com`. `None` if it is malformed.
pub(super) fn mailbox(text: &str) -> Option<Mailbox> {
    of_tokens(&tokens(text)?.0)
}

/// Whether programs find no other addresses in a list than [`address_list`] does: it has no comment,
/// no group, and no display name that looks like an address.
pub(super) fn is_unambiguous(text: &str) -> bool {
    let (Some((tokens, has_comment)), Some(mailboxes)) = (tokens(text), address_list(text)) else {
        return false;
    };
    let has_group = tokens.contains(&Special(':'));
    let mut names = mailboxes.iter().filter_map(|mailbox| mailbox.name.as_deref());
    !has_comment && !has_group && names.all(display_name::is_plain)
}

fn of_tokens(tokens: &[Token]) -> Option<Mailbox> {
    let (name, local_part, domain) = match tokens {
        [local_part, Special('@'), domain] => (None, local_part, domain),
        [phrase @ .., Special('<'), local_part, Special('@'), domain, Special('>')] => {
            let name = display_name(phrase)?;
            ((!phrase.is_empty()).then_some(name), local_part, domain)
        }
        _ => return None,
    };
    let address = wire_form(&format!("{}@{}", as_written(local_part), as_written(domain)))?;
    Some(Mailbox::new(name, address))
}

fn as_written(token: &Token) -> String {
    match token {
        Atom(text) => text.clone(),
        Quoted(text) => format!("\"{text}\""),
        Literal(text) => format!("[{text}]"),
        Special(special) => special.to_string(),
    }
}

/// Returns the text of a phrase (RFC 5322 3.2.5), with one space between its words. `None` if a
/// token is not a word.
fn display_name(phrase: &[Token]) -> Option<String> {
    let word = |token: &Token| match token {
        Atom(text) => Some(text.clone()),
        Quoted(text) => Some(unescaped(text)),
        Literal(_) | Special(_) => None,
    };
    let words: Vec<_> = phrase.iter().map(word).collect::<Option<_>>()?;
    Some(words.join(" "))
}

/// Returns a quoted string's text: each backslash stands for the character after it.
fn unescaped(quoted: &str) -> String {
    let mut chars = quoted.chars();
    let mut text = String::new();
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    text
}

/// Splits a text into tokens, and returns whether there are comments. `None` for a control character, a special that belongs nowhere, or a
/// comment, quoted string or literal without its end.
fn tokens(text: &str) -> Option<(Vec<Token>, bool)> {
    let text = text.replace("\r\n", ""); // unfolding (RFC 5322 2.2.3)
    if text.chars().any(|c| c.is_control() && c != '\t') {
        return None;
    }
    let (mut tokens, mut has_comment) = (Vec::new(), false);
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' => {}
            '(' => {
                skip_comment(&mut rest)?;
                has_comment = true;
            }
            '"' => tokens.push(Quoted(until(&mut rest, '"')?)),
            '[' => tokens.push(Literal(until(&mut rest, ']')?)),
            '<' | '>' | ':' | ';' | '@' | ',' => tokens.push(Special(c)),
            ')' | ']' | '\\' => return None,
            _ => {
                let after = rest.as_str().trim_start_matches(is_in_atom);
                let more = rest.as_str().strip_suffix(after)?;
                tokens.push(Atom(format!("{c}{more}")));
                rest = after.chars();
            }
        }
    }
    Some((tokens, has_comment))
}

fn is_in_atom(c: char) -> bool {
    !" \t()<>[]:;@\\,\"".contains(c)
}

/// Skips the rest of a comment with the comments in it.
fn skip_comment(rest: &mut Chars<'_>) -> Option<()> {
    let mut depth = 1;
    while depth > 0 {
        match rest.next()? {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\\' => _ = rest.next()?,
            _ => {}
        }
    }
    Some(())
}

/// Takes the text before a delimiter that no backslash escapes.
fn until(rest: &mut Chars<'_>, delimiter: char) -> Option<String> {
    let mut text = String::new();
    loop {
        match rest.next()? {
            c if c == delimiter => return Some(text),
            '\\' => text.extend(['\\', rest.next()?]),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(text: &str) -> Option<String> {
        let list = address_list(text)?;
        Some(list.iter().map(|mailbox| mailbox.email.as_ref()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn each_form_of_a_list_is_parsed_to_its_addresses() {
        for (text, expected) in [
            ("ada@example.com", "ada@example.com"),
            ("Ada <ada@example.com>", "ada@example.com"),
            ("<ada@example.com>", "ada@example.com"),
            (
                "Ada Q. Lovelace <ada@example.com>, bob@example.com",
                "ada@example.com bob@example.com",
            ),
            (
                "Ada\r\n <ada@example.com>,\r\n\tBob <bob@example.com>",
                "ada@example.com bob@example.com",
            ),
            (r#""Lovelace, Ada" <ada@example.com>"#, "ada@example.com"),
            (r#""<evil@example.net>, \"" <ada@example.com>"#, "ada@example.com"),
            ("=?utf-8?q?evil=40example=2Enet=2C?= <ada@example.com>", "ada@example.com"),
            ("(evil@example.net,) ada@example.com (x)", "ada@example.com"),
            (r"(a (\) evil@example.net,) <b@c>,) ada@example.com", "ada@example.com"),
            ("Ada (x) <(x)ada(x)@(x)example.com(x)>", "ada@example.com"),
            ("ada @ example.com", "ada@example.com"),
            (
                "Team: ada@example.com, B <bob@example.com>;, c@example.com",
                "ada@example.com bob@example.com c@example.com",
            ),
            ("undisclosed-recipients:;", ""),
            ("", ""),
            (", ada@example.com,, ", "ada@example.com"),
            (r#""ada lovelace"@example.com"#, r#""ada lovelace"@example.com"#),
            (r#""ada@home"@example.com"#, r#""ada@home"@example.com"#),
            ("ada@[IPv6:2001:db8::1]", "ada@[IPv6:2001:db8::1]"),
            ("Jörg <jörg@Bücher.example>", "jörg@xn--bcher-kva.example"),
        ] {
            assert_eq!(addresses(text).as_deref(), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn a_list_that_programs_read_differently_is_refused() {
        for text in [
            "Ada",
            "ada@b@example.com",
            "ada@example.com evil@example.net",
            "<ada@example.com> <evil@example.net>",
            "<ada@example.com>evil@example.net",
            "evil@example.net <ada@example.com>",
            "<@example.net:ada@example.com>",
            "ada b@example.com",
            "ada.(x)b@example.com",
            "<ada@example.com",
            "ada@example.com>",
            "\"Ada <ada@example.com>",
            "(Ada <ada@example.com>",
            "Ada) <ada@example.com>",
            "ada@example.com; evil@example.net",
            "Team: ada@example.com",
            "Team: ada@example.com;;",
            ": ada@example.com;",
            "A: ada@example.com, B: bob@example.com;;",
            "A: ada@example.com; B: bob@example.com;",
            "<>",
            "ada@exam_ple.com",
            "\"ada\\",
            "ada\0@example.com",
            "ada@example.com\nevil@example.net",
        ] {
            assert_eq!(addresses(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_comment_a_group_and_a_name_with_an_address_are_ambiguous() {
        for (text, expected) in [
            ("ada@example.com, Bob <bob@example.com>", true),
            (r#""Lovelace, Ada" <ada@example.com>"#, true),
            (r#""Ada (\"x\")" <ada@example.com>"#, true),
            ("=?utf-8?q?J=C3=B6rg?= <ada@example.com>", true),
            ("ada@example.com (ceo@example.net)", false),
            ("(x) ada@example.com", false),
            ("Team: ada@example.com;", false),
            (r#""ceo@example.net" <ada@example.com>"#, false),
            (r#""<ceo" <ada@example.com>"#, false),
            ("=?utf-8?q?ceo=40example=2Enet?= <ada@example.com>", false),
            ("Ada", false),
        ] {
            assert_eq!(is_unambiguous(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_mailbox_is_not_a_list() {
        for text in
            ["ada@example.com,", "ada@example.com, bob@example.com", "A: ada@example.com;", ""]
        {
            assert_eq!(mailbox(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_display_name_has_neither_quotes_nor_escapes() {
        for (text, expected) in [
            ("Ada  Lovelace <a@b>", Some("Ada Lovelace")),
            (r#""Lovelace, \"Ada\"" X <a@b>"#, Some(r#"Lovelace, "Ada" X"#)),
            ("Ada (not this) <a@b>", Some("Ada")),
            ("<a@b>", None),
        ] {
            let name = mailbox(text).expect("a mailbox").name;
            assert_eq!(name.as_deref(), expected, "{text:?}");
        }
    }
}
