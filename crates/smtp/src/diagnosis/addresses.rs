//! Finds the addresses of an envelope in a reply. A server repeats them, and they are not its own
//! words: the recipient `spamhaus@example.org` is no blocklist.
//!
//! Texts are searched [`folded`], which keeps the place of each character.

use std::ops::Range;

use net::egress;

/// What stands in place of a recipient's address.
const RECIPIENT_MARK: &str = "<recipient>";

/// An address of the envelope, folded, with its domain in each form in which a server may repeat it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::diagnosis) struct EnvelopeAddress {
    local_part: String,
    /// The domain as typed, in A-labels and in U-labels.
    domains: Vec<String>,
}

impl EnvelopeAddress {
    pub(in crate::diagnosis) fn of(mailbox: &str) -> Self {
        let mailbox = folded(mailbox);
        let (local_part, domain) = mailbox.rsplit_once('@').unwrap_or((&mailbox, ""));
        let mut domains = vec![domain.to_owned(), egress::u_labels(domain)];
        domains.extend(egress::a_labels(domain));
        domains.retain(|domain| is_name(domain));
        domains.sort_unstable();
        domains.dedup();
        Self { local_part: local_part.to_owned(), domains }
    }

    /// Whether a folded text has the address.
    pub(in crate::diagnosis) fn is_in(&self, text: &str) -> bool {
        self.forms().any(|form| find_name(text, &form, 0).is_some())
    }

    /// The address in each form, also as a part of a URL.
    fn forms(&self) -> impl Iterator<Item = String> {
        let of_domain = |domain| ["@", "%40"].map(|at| format!("{}{at}{domain}", self.local_part));
        self.domains.iter().flat_map(of_domain)
    }
}

/// Returns a text in lower case. Each character keeps its length in UTF-8.
pub(in crate::diagnosis) fn folded(text: &str) -> String {
    let fold = |c: char| {
        let mut lower = c.to_lowercase();
        match (lower.next(), lower.next()) {
            (Some(lower), None) if lower.len_utf8() == c.len_utf8() => lower,
            _ => c,
        }
    };
    text.chars().map(fold).collect()
}

/// Returns a folded text without any address, without the domains of the envelope and the hosts in
/// them, and without the local parts of its recipients. An administrator has chosen the sender's
/// local part, which may be a word of a server: `mail`.
pub(in crate::diagnosis) fn without_addresses(
    mut text: String,
    sender: Option<&EnvelopeAddress>,
    recipients: &[EnvelopeAddress],
) -> String {
    let all = || sender.into_iter().chain(recipients);
    for form in all().flat_map(EnvelopeAddress::forms) {
        text = replaced(&text, &text, " ", |from| find_name(&text, &form, from));
    }
    text = replaced(&text, &text, " ", |from| find_mailbox(&text, from));
    for domain in all().flat_map(|address| &address.domains) {
        text = replaced(&text, &text, " ", |from| find_host(&text, domain, from));
    }
    for recipient in recipients {
        let name = recipient.local_part.trim_matches('"');
        if is_name(name) {
            text = replaced(&text, &text, " ", |from| find_name(&text, name, from));
        }
    }
    text
}

/// Returns a text with a mark in place of each recipient's address, and of each other address in a
/// recipient's domain but the sender's: servers rewrite addresses.
pub(in crate::diagnosis) fn without_recipients(
    text: &str,
    sender: Option<&EnvelopeAddress>,
    recipients: &[EnvelopeAddress],
) -> String {
    let mut text = text.to_owned();
    for form in recipients.iter().flat_map(EnvelopeAddress::forms) {
        let lower = folded(&text);
        text = replaced(&text, &lower, RECIPIENT_MARK, |from| {
            Some(with_brackets(&lower, find_name(&lower, &form, from)?, from))
        });
    }
    let lower = folded(&text);
    let names_recipient = |range: &Range<usize>| {
        let mailbox = &lower[range.clone()];
        let domain = mailbox.rsplit_once('@').map_or("", |(_, domain)| domain);
        recipients.iter().any(|recipient| recipient.domains.iter().any(|it| it == domain))
            && !sender.is_some_and(|sender| sender.is_in(mailbox))
    };
    replaced(&text, &lower, RECIPIENT_MARK, |mut from| {
        let begin = from;
        loop {
            let range = find_mailbox(&lower, from)?;
            if names_recipient(&range) {
                return Some(with_brackets(&lower, range, begin));
            }
            from = range.end;
        }
    })
}

/// Replaces each range of a text that `find` returns from an index on. `folded` is the text, folded.
fn replaced(
    text: &str,
    folded: &str,
    mark: &str,
    find: impl Fn(usize) -> Option<Range<usize>>,
) -> String {
    debug_assert_eq!(text.len(), folded.len(), "folding keeps each place");
    let (mut replaced, mut at) = (String::with_capacity(text.len()), 0);
    while let Some(range) = find(at) {
        replaced.push_str(&text[at..range.start]);
        replaced.push_str(mark);
        at = range.end;
    }
    replaced.push_str(&text[at..]);
    replaced
}

/// Whether a text can be found: it has more than punctuation.
fn is_name(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
}

/// Returns where a name stands alone, not as a part of a longer one.
fn find_name(text: &str, name: &str, from: usize) -> Option<Range<usize>> {
    occurrences(text, name, from).find(|range| {
        let before = text[..range.start].chars().next_back();
        !before.is_some_and(|c| is_of_host(c) || c == '+') && ends_name(&text[range.end..])
    })
}

/// Returns where a domain stands alone, or a host in it.
fn find_host(text: &str, domain: &str, from: usize) -> Option<Range<usize>> {
    let alone = occurrences(text, domain, from).find(|range| {
        let before = text[from..range.start].chars().next_back();
        before.is_none_or(|c| c == '.' || !is_of_host(c)) && ends_name(&text[range.end..])
    })?;
    let host = text[from..alone.start].trim_end_matches(is_of_host);
    Some(from + host.len()..alone.end)
}

fn occurrences<'a>(
    text: &'a str,
    sought: &'a str,
    from: usize,
) -> impl Iterator<Item = Range<usize>> + 'a {
    text[from..].match_indices(sought).map(move |(at, _)| from + at..from + at + sought.len())
}

/// Returns where a mailbox stands: a dot-string or a quoted string, `@`, and a host name.
fn find_mailbox(text: &str, from: usize) -> Option<Range<usize>> {
    text[from..].match_indices('@').map(|(at, _)| from + at).find_map(|at| {
        let before = &text[from..at];
        let start = match before.strip_suffix('"') {
            Some(inside) => inside
                .rmatch_indices('"')
                .map(|(quote, _)| quote)
                .find(|quote| !inside[..*quote].ends_with('\\'))?,
            None => before.trim_end_matches(is_of_local_part).len(),
        };
        let after = &text[at + 1..];
        let rest = after.trim_start_matches(is_of_host);
        let host = after[..after.len() - rest.len()].trim_end_matches(['.', '-']);
        (is_name(&before[start..]) && is_name(host)).then(|| from + start..at + 1 + host.len())
    })
}

fn is_of_host(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Whether a character may be in a dot-string (RFC 5321 4.1.2).
fn is_of_local_part(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
}

/// Whether a name ends before this text: a dot may end a sentence.
fn ends_name(after: &str) -> bool {
    let mut after = after.chars();
    match after.next() {
        Some('.') => !after.next().is_some_and(char::is_alphanumeric),
        next => !next.is_some_and(is_of_host),
    }
}

/// Extends a range by the angle brackets around it.
fn with_brackets(text: &str, range: Range<usize>, from: usize) -> Range<usize> {
    if text[from..range.start].ends_with('<') && text[range.end..].starts_with('>') {
        return range.start - 1..range.end + 1;
    }
    range
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mailboxes: &[&str]) -> Vec<EnvelopeAddress> {
        mailboxes.iter().map(|mailbox| EnvelopeAddress::of(mailbox)).collect()
    }

    fn words(text: &str) -> String {
        let sender = EnvelopeAddress::of("mail@example.com");
        let recipients = all(&["Spamhaus@bücher.example", "\"no credits\"@[192.0.2.9]"]);
        let text = without_addresses(folded(text), Some(&sender), &recipients);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_words_of_a_reply_have_no_address_and_no_name_of_the_envelope() {
        for (text, expected) in [
            ("<SPAMHAUS@xn--bcher-kva.example>: Unknown", "< >: unknown"),
            ("spamhaus@bücher.example... Unknown", "... unknown"),
            ("User spamhaus... Unknown", "user ... unknown"),
            ("spamhaus+x@other.example, unpaid@other.example.", ", ."),
            ("why?id=spamhaus%40bücher.example", "why?id="),
            ("mx1.bücher.example said", "said"),
            ("<\"no credits\"@[192.0.2.9]> unknown", "< > unknown"),
            ("<\"a \\\" helo\"@other.example> unknown", "< > unknown"),
            ("no credits here", "here"),
            ("blocked using zen.spamhaus.org", "blocked using zen.spamhaus.org"),
            ("mail of mail@example.com", "mail of"),
            ("missing final '@domain'", "missing final '@domain'"),
            ("notexample.com", "notexample.com"),
            ("@ @@ \"@x.example a@", "@ @@ \"@x.example a@"),
        ] {
            assert_eq!(words(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_text_for_all_names_no_recipient() {
        let sender = EnvelopeAddress::of("ppm@example.org");
        let recipients = all(&["Bo@example.org", "di@bücher.example"]);
        for (text, expected) in [
            ("550 <BO@Example.org>: Unknown", "550 <recipient>: Unknown"),
            ("bo@example.org: 550 No", "<recipient>: 550 No"),
            ("<bo+x@example.org> for <ppm@example.org>", "<recipient> for <ppm@example.org>"),
            ("DI@BÜCHER.example, di@xn--bcher-kva.example", "<recipient>, <recipient>"),
            ("https://x.example/?id=bo%40example.org", "https://x.example/?id=<recipient>"),
            ("İ bo@example.org help@provider.example", "İ <recipient> help@provider.example"),
        ] {
            let found = without_recipients(text, Some(&sender), &recipients);
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
