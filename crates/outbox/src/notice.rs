//! Composes the delivery status notification (RFC 3464) about recipients that failed. It goes to
//! Default Sender Email with the null envelope sender, so that nothing answers it.
//!
//! Text from outside, which is a server's reply or the header of the message, forges no field:
//! lettre folds and encodes each value, and no one can guess the boundary.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use domain::settings::Sender;
use domain::syntax::text::shown;
use lettre::message::header::{
    ContentTransferEncoding, Date, From, HeaderName, HeaderValue, Headers, MIME_VERSION_1_0,
    MessageId, Subject, To,
};
use lettre::message::{Body, Mailboxes, MultiPart, SinglePart};
use smtp::message::{ComposeError, Composed, mailbox};

use crate::media_type::MediaType;
use crate::message::Message;

/// The maximum displayed characters of a reply, so that a line of it needs no folding.
const REPLY_LIMIT: usize = 500;

/// What a notification says.
#[derive(Clone, Copy)]
pub struct Notice<'a> {
    /// Default Sender Email and Display Name: the author and the recipient.
    pub sender: &'a Sender,
    /// The name of this host, in ASCII.
    pub reporting_mta: &'a str,
    /// A unique name of ASCII letters, digits and hyphens that no one can guess.
    pub unique: &'a str,
    /// The time of the notification.
    pub at: DateTime<Utc>,
    /// The message that was not delivered.
    pub message: &'a Message<'a>,
    /// When PPM accepted the message.
    pub accepted_at: DateTime<Utc>,
    /// The recipients that failed, at least one.
    pub failed: &'a [FailedRecipient<'a>],
}

/// A recipient that did not get the message.
#[derive(Debug, Clone, Copy)]
pub struct FailedRecipient<'a> {
    /// The address.
    pub address: &'a str,
    /// The mail server's last reply with its code: `550 5.1.1 No such user`. `None` if there was no
    /// reply until the message expired.
    pub reply: Option<&'a str>,
    /// The time of the last attempt.
    pub last_attempt_at: DateTime<Utc>,
}

/// Composes a notification.
///
/// # Errors
/// The sender's address has no SMTP wire form.
pub fn notice(notice: &Notice<'_>) -> Result<Composed, ComposeError> {
    let sender = mailbox(notice.sender).ok_or(ComposeError::Sender)?;
    let message_id = format!("<{}@{}>", notice.unique, sender.email.domain());
    let mut headers = Headers::new();
    headers.set(From::from(Mailboxes::from(sender.clone())));
    headers.set(To::from(Mailboxes::from(sender)));
    headers.set(Subject::from("PPM could not deliver a message".to_owned()));
    headers.set(Date::new(notice.at.into()));
    headers.set(MessageId::from(message_id.clone()));
    if let Some(original) = notice.message.message_id() {
        headers.insert_raw(field("In-Reply-To", original.to_owned()));
        headers.insert_raw(field("References", original.to_owned()));
    }
    headers.insert_raw(field("Auto-Submitted", "auto-replied".to_owned())); // RFC 3834 5
    headers.set(MIME_VERSION_1_0);
    let mut octets = headers.to_string().into_bytes();
    octets.extend(report(notice).formatted());
    Ok(Composed { message_id, octets })
}

fn field(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

/// Builds the body (RFC 6522): text for people, fields for programs, the header of the message.
fn report(notice: &Notice<'_>) -> MultiPart {
    let kind = format!(
        "multipart/report; report-type=delivery-status; boundary=\"ppm-{}\"",
        notice.unique
    );
    // Only 7bit is allowed for this media type (RFC 2046 5.2), and lettre has encoded each field.
    let status = delivery_status(notice).into_bytes();
    let status = Body::dangerous_pre_encoded(status, ContentTransferEncoding::SevenBit);
    let status_type = MediaType("message/delivery-status".to_owned());
    let header = String::from_utf8_lossy(notice.message.header()).into_owned();
    let header_type = MediaType("text/rfc822-headers; charset=utf-8".to_owned());
    MultiPart::builder()
        .header(MediaType(kind))
        .singlepart(SinglePart::plain(text(notice)))
        .singlepart(SinglePart::builder().header(status_type).body(status))
        .singlepart(SinglePart::builder().header(header_type).body(header))
}

fn text(notice: &Notice<'_>) -> String {
    let accepted_at = notice.accepted_at.format("%Y-%m-%d %H:%M:%S UTC");
    let mut text = format!(
        "PPM could not deliver a message that it accepted at {accepted_at}.\n\
         PPM does not try again.\n\nThese recipients did not get the message:\n\n"
    );
    for recipient in notice.failed {
        let reason = if status(recipient.reply).starts_with('5') {
            "The mail server refused it."
        } else {
            "The mail server did not accept it in time."
        };
        text.extend(["- ", &shown(recipient.address), "\n  ", reason, "\n"]);
    }
    text + "\nThe next parts have the mail server's replies and the message's header.\n"
}

/// Returns the fields about the message and about each recipient (RFC 3464 2.1).
fn delivery_status(notice: &Notice<'_>) -> String {
    let mut fields = Headers::new();
    fields.insert_raw(field("Reporting-MTA", format!("dns; {}", notice.reporting_mta)));
    fields.insert_raw(field("Arrival-Date", notice.accepted_at.to_rfc2822()));
    let mut groups = fields.to_string();
    for recipient in notice.failed {
        let mut fields = Headers::new();
        fields.insert_raw(field("Final-Recipient", typed_address(recipient.address)));
        fields.insert_raw(field("Action", "failed".to_owned()));
        fields.insert_raw(field("Status", status(recipient.reply)));
        if let Some(reply) = recipient.reply {
            fields.insert_raw(field("Diagnostic-Code", format!("smtp; {}", one_line(reply))));
        }
        fields.insert_raw(field("Last-Attempt-Date", recipient.last_attempt_at.to_rfc2822()));
        groups.extend(["\r\n", &fields.to_string()]);
    }
    groups
}

/// Returns an address with its type (RFC 3464 2.3.2), in ASCII (`utf-8-addr-xtext`, RFC 6533 3).
fn typed_address(address: &str) -> String {
    if address.is_ascii() {
        return format!("rfc822; {address}");
    }
    let mut typed = "utf-8; ".to_owned();
    for c in address.chars() {
        if c.is_ascii_graphic() && !matches!(c, '+' | '=' | '\\') {
            typed.push(c);
        } else {
            _ = write!(typed, "\\x{{{:X}}}", u32::from(c));
        }
    }
    typed
}

/// Returns the enhanced status code (RFC 3463) of a reply: its own, or that of its class.
fn status(reply: Option<&str>) -> String {
    let Some(reply) = reply else {
        return "4.4.7".to_owned(); // delivery time expired (RFC 3463 3.5)
    };
    let class = if reply.starts_with('4') { "4" } else { "5" };
    let is_number = |part: &str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|octet| octet.is_ascii_digit())
    };
    let is_status = |word: &&str| {
        let parts: Vec<_> = word.split('.').collect();
        matches!(parts[..], [first, subject, detail]
            if first == class && is_number(subject) && is_number(detail))
    };
    let enhanced = reply.split_ascii_whitespace().nth(1).filter(is_status);
    enhanced.map_or_else(|| format!("{class}.0.0"), str::to_owned)
}

/// Returns a reply on one line, with single spaces: a folded line may not consist of them.
fn one_line(reply: &str) -> String {
    let words: Vec<_> = shown(reply).split_whitespace().map(str::to_owned).collect();
    words.join(" ").chars().take(REPLY_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use mailparse::{MailHeaderMap, ParsedMail, parse_mail};
    use proptest::prelude::*;

    use super::*;

    const ORIGINAL: &str = "From: ppm@example.com\r\nTo: ada@example.org\r\n\
                            Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\
                            Message-ID: <1@example.com>\r\n\r\nthe body\r\n";

    fn at(hour: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 12, 1, hour, 0, 0).single().expect("an instant")
    }

    fn failed<'a>(address: &'a str, reply: Option<&'a str>) -> FailedRecipient<'a> {
        FailedRecipient { address, reply, last_attempt_at: at(7) }
    }

    fn composed(original: &str, failed: &[FailedRecipient<'_>]) -> Vec<u8> {
        let sender =
            Sender { address: "ppm@example.com".to_owned(), display_name: "PPM Mail".to_owned() };
        let message = Message::parse(original.as_bytes()).expect("a message");
        let (sender, message, reporting_mta) = (&sender, &message, "ppm.example.com");
        let (unique, at, accepted_at) = ("notice-1", at(8), at(6));
        let about = Notice { sender, reporting_mta, unique, at, message, accepted_at, failed };
        notice(&about).expect("a notification").octets
    }

    fn header(mail: &ParsedMail<'_>, name: &str) -> String {
        let values = mail.headers.get_all_values(name);
        assert!(values.len() <= 1, "{name}: {values:?}");
        values.into_iter().next().unwrap_or_default()
    }

    /// The groups of fields of the second part.
    fn status_groups(octets: &[u8]) -> Vec<Vec<(String, String)>> {
        let mail = parse_mail(octets).expect("a message");
        let part = mail.subparts[1].get_body_raw().expect("a body");
        let text = String::from_utf8(part).expect("text");
        let group = |group: &str| {
            let group = format!("{}\r\n\r\n", group.trim_end());
            let (fields, _) = mailparse::parse_headers(group.as_bytes()).expect("fields");
            fields.iter().map(|field| (field.get_key(), field.get_value())).collect()
        };
        text.split("\r\n\r\n").filter(|text| !text.trim().is_empty()).map(group).collect()
    }

    #[test]
    fn the_header_addresses_default_sender_email_and_names_the_message() {
        let octets = composed(ORIGINAL, &[failed("ada@example.org", None)]);
        let mail = parse_mail(&octets).expect("a message");
        for (name, expected) in [
            ("From", "\"PPM Mail\" <ppm@example.com>"),
            ("To", "\"PPM Mail\" <ppm@example.com>"),
            ("Subject", "PPM could not deliver a message"),
            ("Date", "Tue, 01 Dec 2026 08:00:00 +0000"),
            ("Message-ID", "<notice-1@example.com>"),
            ("In-Reply-To", "<1@example.com>"),
            ("References", "<1@example.com>"),
            ("Auto-Submitted", "auto-replied"),
        ] {
            assert_eq!(header(&mail, name), expected, "{name}");
        }
    }

    #[test]
    fn the_body_is_a_report_with_text_status_and_the_header_of_the_message() {
        let octets = composed(ORIGINAL, &[failed("ada@example.org", None)]);
        let mail = parse_mail(&octets).expect("a message");
        assert_eq!(mail.ctype.mimetype, "multipart/report");
        assert_eq!(mail.ctype.params["report-type"], "delivery-status");
        let types = mail.subparts.iter().map(|part| part.ctype.mimetype.as_str());
        assert!(types.eq(["text/plain", "message/delivery-status", "text/rfc822-headers"]));
    }

    #[test]
    fn the_message_is_quoted_without_its_body() {
        let octets = composed(ORIGINAL, &[failed("ada@example.org", None)]);
        let mail = parse_mail(&octets).expect("a message");
        let quoted = mail.subparts[2].get_body().expect("text");
        assert_eq!(quoted.trim_end(), ORIGINAL.split_once("\r\n\r\n").expect("a body").0);
    }

    #[test]
    fn the_status_has_the_fields_of_rfc_3464() {
        let recipients = [
            failed("ada@example.org", Some("550 5.1.1 No such user")),
            failed("bob@example.org", None),
        ];
        let date = |hour: u32| format!("Tue, 1 Dec 2026 0{hour}:00:00 +0000");
        let (accepted_at, tried_at) = (date(6), date(7));
        let expected: [&[(&str, &str)]; 3] = [
            &[("Reporting-MTA", "dns; ppm.example.com"), ("Arrival-Date", &accepted_at)],
            &[
                ("Final-Recipient", "rfc822; ada@example.org"),
                ("Action", "failed"),
                ("Status", "5.1.1"),
                ("Diagnostic-Code", "smtp; 550 5.1.1 No such user"),
                ("Last-Attempt-Date", &tried_at),
            ],
            &[
                ("Final-Recipient", "rfc822; bob@example.org"),
                ("Action", "failed"),
                ("Status", "4.4.7"),
                ("Last-Attempt-Date", &tried_at),
            ],
        ];
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let expected = expected.map(|group| group.iter().map(owned).collect::<Vec<_>>());
        assert_eq!(status_groups(&composed(ORIGINAL, &recipients)), expected);
    }

    #[test]
    fn the_text_names_each_recipient_with_a_reason_in_our_words() {
        let recipients = [
            failed("ada@example.org", Some("550 5.1.1 No such user")),
            failed("bob@example.org", Some("451 4.7.1 Later")),
            failed("carl@example.org", None),
        ];
        let octets = composed(ORIGINAL, &recipients);
        let mail = parse_mail(&octets).expect("a message");
        let text = mail.subparts[0].get_body().expect("text").replace("\r\n", "\n");
        assert!(
            text.contains(
                "- ada@example.org\n  The mail server refused it.\n\
             - bob@example.org\n  The mail server did not accept it in time.\n\
             - carl@example.org\n  The mail server did not accept it in time.\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_status_is_the_replys_own_or_that_of_its_class() {
        for (reply, expected) in [
            (Some("550 5.1.1 No such user"), "5.1.1"),
            (Some("451 4.7.651 Later"), "4.7.651"),
            (Some("550 No such user"), "5.0.0"),
            (Some("450 Later"), "4.0.0"),
            (Some("550 4.1.1 No such user"), "5.0.0"),
            (Some("550 5.1.1000 No such user"), "5.0.0"),
            (Some("550 5..1 No such user"), "5.0.0"),
            (Some("550"), "5.0.0"),
            (Some(""), "5.0.0"),
            (None, "4.4.7"),
        ] {
            assert_eq!(status(reply), expected, "{reply:?}");
        }
    }

    #[test]
    fn a_reply_is_one_line_of_at_most_500_characters_with_single_spaces() {
        for (reply, expected) in [
            ("550 5.1.1 No\tsuch \r\n   user\0", "550 5.1.1 No such user"),
            (&"x".repeat(501), &"x".repeat(500)),
        ] {
            assert_eq!(one_line(reply), expected, "{reply:?}");
        }
    }

    #[test]
    fn an_address_beyond_ascii_is_written_as_utf_8_addr_xtext() {
        assert_eq!(typed_address("jörg+x@example.com"), r"utf-8; j\x{F6}rg\x{2B}x@example.com");
    }

    #[test]
    fn a_message_without_a_message_id_is_not_named() {
        let octets = composed("From: a@b\r\n\r\n", &[failed("ada@example.org", None)]);
        let mail = parse_mail(&octets).expect("a message");
        assert_eq!(header(&mail, "In-Reply-To") + &header(&mail, "References"), "");
    }

    proptest! {
        #[test]
        fn no_text_from_outside_adds_a_header_a_part_or_a_field(
            reply in r"(?s)5[\r\n\t :;a=?ü\x{85}\x{2028}-]{0,80}|.{0,700}|[a-z\r\n ]{900}",
            value in r"[ a:;=?ü-]{0,80}",
            id in r"[<>@a \t]{0,12}",
        ) {
            let original = format!(
                "From: a@b\r\nX: {value}.\r\n--ppm-: x\r\nMessage-ID: {id}\r\n\r\n"
            );
            let octets = composed(&original, &[failed("ada@example.org", Some(&reply))]);
            let mail = parse_mail(&octets).expect("a message");
            prop_assert!(Message::parse(&octets).is_ok());
            prop_assert!(mail.headers.len() <= 10, "{}", String::from_utf8_lossy(&octets));
            prop_assert_eq!(mail.subparts.len(), 3);
            let groups = status_groups(&octets);
            let lengths: Vec<_> = groups.iter().map(Vec::len).collect();
            prop_assert_eq!(lengths, [2, 5]);
        }
    }
}
