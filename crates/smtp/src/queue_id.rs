//! Extracts the queue id from the reply to the final dot. No RFC defines its format, so each server
//! has a different one. An ambiguous reply gives no id.

use super::protocol::Reply;

/// The length limits of an id, in octets, which exclude words of a sentence.
const SHORTEST: usize = 4;
const LONGEST: usize = 200;

/// The text before an id and after it, in lower case; with nothing after it, the id ends at a
/// blank. The first match decides.
const PATTERNS: &[(&str, &str)] = &[
    // Exchange and Exchange Online: [InternalId=4711, Hostname=…]; without one, <…> is the id.
    ("[internalid=", ","),
    ("ok <", "> [hostname="),
    // Postfix, SendGrid, iCloud and many others.
    ("queued as ", ""),
    // Stalwart.
    ("queued with id ", ""),
    // Haraka.
    ("message queued (", ")"),
    // Exim; IONOS and GMX.
    ("ok id=", ""),
    ("completed: id=", ""),
    // IceWarp.
    ("message id ", " accepted for delivery"),
    // qmail, after a time.
    (" qp ", ""),
];

/// Returns the id in the reply that accepts a message.
pub(super) fn queue_id(reply: &Reply) -> Option<String> {
    let words = reply.lines.join(" ");
    let words = reply.enhanced().and_then(|code| words.strip_prefix(code)).unwrap_or(&words).trim();
    let small = words.to_ascii_lowercase();
    let by_pattern = PATTERNS.iter().find_map(|(before, after)| {
        let start = small.find(before)? + before.len();
        let end = match *after {
            "" => small[start..].find(char::is_whitespace).unwrap_or(small.len() - start),
            after => small[start..].find(after)?,
        };
        Some(&words[start..start + end])
    });
    let id = by_pattern.or_else(|| by_position(words))?.trim_end_matches(['.', ',', ';', ')', ']']);
    is_id(id).then(|| id.to_owned())
}

/// Returns an id that is recognised by its position alone.
fn by_position(words: &str) -> Option<&str> {
    let small = words.to_ascii_lowercase();
    let all: Vec<&str> = words.split_whitespace().collect();
    match all.as_slice() {
        // Gmail: OK 1699999999 a1b2c3-20020a05….5 - gsmtp
        [ok, _time, id, "-", "gsmtp"] if ok.eq_ignore_ascii_case("ok") => Some(id),
        // sendmail and OpenSMTPD.
        [id, ..] if small.ends_with(" message accepted for delivery") && all.len() == 5 => Some(id),
        // Amazon SES; Courier writes a dot after "Ok".
        [ok, id] if matches!(*ok, "Ok" | "Ok.") && is_long_number(id) => Some(id),
        _ => None,
    }
}

/// Whether a text is too long to be a word, and has a digit.
fn is_long_number(id: &str) -> bool {
    id.len() >= 16 && id.bytes().any(|octet| octet.is_ascii_digit())
}

fn is_id(id: &str) -> bool {
    (SHORTEST..=LONGEST).contains(&id.len())
        && id.bytes().all(|octet| octet.is_ascii_graphic())
        && id.bytes().any(|octet| octet.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(lines: &[&str]) -> Option<String> {
        queue_id(&Reply { code: 250, lines: lines.iter().map(ToString::to_string).collect() })
    }

    #[test]
    fn the_id_is_found_in_the_format_of_each_server() {
        let exchange = "DM6PR01MB4567890ABCDEF@DM6PR01MB4567.prod.exchangelabs.com";
        let exchange_online = "2.6.0 <a.b@example.com> [InternalId={id}, \
                               Hostname=mail.contoso.com] Queued mail for delivery";
        let outlook = "2.0.0 OK <{id}> [Hostname=DM6PR01MB4567.namprd01.prod.outlook.com]";
        let icewarp =
            "2.6.0 1234 bytes received in 00:00:01; Message id {id} accepted for delivery";
        for (reply, expected) in [
            ("2.0.0 Ok: queued as {id}", "4bQxZ13Jq9z3yT"),
            ("2.0.0 Queued as {id}", "4711"),
            ("Ok: queued as {id}", "Yk3mG1oNQx2"),
            ("2.0.0 Ok: queued as {id}.", "8AF2B40"),
            ("OK id={id}", "1tAbCd-000000004Xy-2nQf"),
            (exchange_online, "21474836497"),
            (outlook, exchange),
            ("2.0.0 OK  1699999999 {id} - gsmtp", "a640c23a62f3a-9e0e8b1c2d3sm4f5g6h.5"),
            ("2.0.0 {id} Message accepted for delivery", "4AB5CDEF012345"),
            ("2.0.0 {id} Message accepted for delivery", "1f2e3d4c"),
            ("Ok {id}", "010201935b7c0d1e-2f3a4b5c-6d7e-8f90-a1b2-c3d4e5f60718-000000"),
            ("Ok. {id}", "00000000000A1B2C.0000000065"),
            ("ok 1699999999 qp {id}", "12345"),
            ("Requested mail action okay, completed: id={id}", "1N5mGh-1sYt4Z0abc-00xyz"),
            ("Message Queued ({id})", "6F9619FF-8B86-D011-B42D-00CF4FC964FF.1"),
            ("2.0.0 Message queued with id {id}.", "1a2b3c4d5e"),
            (icewarp, "QWER0001"),
        ] {
            let reply = reply.replace("{id}", expected);
            assert_eq!(id(&[&reply]).as_deref(), Some(expected), "{reply}");
        }
    }

    #[test]
    fn an_ambiguous_reply_gives_no_id() {
        for reply in [
            "",
            "2.0.0",
            "OK",
            "2.0.0 Ok: queued",
            "2.0.0 Ok: queued as ",
            "Ok completed",
            "Ok unbelievably-thankful",
            "2.6.0 message received",
            "Queued (0.123 seconds)",
            "OK: message queued",
            "taken",
            "Great success",
            "2.0.0 Message accepted for delivery",
            "2.0.0 We are happy that your Message accepted for delivery",
            "2.0.0 Ok: queued as ...",
            "2.0.0 Ok: queued as caf\u{e9}",
        ] {
            assert_eq!(id(&[reply]), None, "{reply}");
        }
    }

    #[test]
    fn an_id_is_found_on_any_line() {
        assert_eq!(id(&["2.0.0 Thanks", "Ok: queued as 4bQ9z3yT"]).as_deref(), Some("4bQ9z3yT"));
    }

    #[test]
    fn an_id_that_is_too_long_is_ignored() {
        assert_eq!(id(&[&format!("Ok: queued as {}", "x".repeat(201))]), None);
    }
}
