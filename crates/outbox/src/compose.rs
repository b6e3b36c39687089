//! Composes the octets of a message (RFC 5322, MIME) from a request as JSON. [`Message`] then gives
//! them what every message gets: Received, Date and Message-ID.
//!
//! [`Message`]: crate::Message

use std::fmt::Display;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::syntax::text::one_line;
use lettre::Address;
use lettre::message::header::{
    Cc, ContentTransferEncoding, ContentType, From, HeaderName, HeaderValue, Headers,
    MIME_VERSION_1_0, ReplyTo, Subject, To,
};
use lettre::message::{
    Attachment as AttachedPart, Body, Mailbox, Mailboxes, MultiPart, MultiPartBuilder, SinglePart,
};

use crate::address_list;
use crate::display_name;
use crate::media_type::MediaType;
use crate::message::RECIPIENT_LIMIT;
use crate::request::{
    ATTACHMENT_LIMIT, Attachment, HEADER_LIMIT, InvalidRequest, MessageRequest, Problem, escaped,
};

/// The maximum octets of an attachment's name: that of most file systems.
const NAME_LIMIT: usize = 255;

/// The maximum octets of a mailbox, of the subject or of another value in the header: enough for a
/// References with a hundred Message-IDs.
const VALUE_LIMIT: usize = 8 * 1024;

/// The maximum characters of a word, which folding does not split: it shares the 998 octets of a
/// line (RFC 5322 2.1.1) with the field name.
const WORD_LIMIT: usize = 900;

/// The header fields that a request may not set.
const RESERVED: [&str; 12] = [
    "From",
    "Sender",
    "To",
    "Cc",
    "Bcc",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Received",
    "Return-Path",
];

/// The beginnings of the names of more such fields.
const RESERVED_PREFIXES: [&str; 3] = ["Content-", "Resent-", "DKIM-"];

/// A composed message.
#[derive(Clone, PartialEq, Eq)]
pub struct Composed {
    /// The recipients of the envelope, each once.
    pub recipients: Vec<Address>,
    /// The header and the body.
    pub octets: Vec<u8>,
}

/// Composes the message of a request. `unique` names it: ASCII letters, digits and hyphens that no
/// one can guess, so that no text contains a boundary (RFC 2046 5.1.1).
///
/// # Errors
/// The first member that breaks a rule.
pub fn compose(request: &MessageRequest, unique: &str) -> Result<Composed, InvalidRequest> {
    let (mut headers, recipients) = addresses(request)?;
    if let Some(subject) = &request.subject {
        headers.set(Subject::from(unstructured(subject, || "/subject".to_owned())?));
    }
    add_custom(request, &mut headers)?;
    headers.set(MIME_VERSION_1_0);
    let mut octets = headers.to_string().into_bytes();
    octets.extend(body(request, unique)?.formatted());
    Ok(Composed { recipients, octets })
}

fn refused(pointer: impl Display, problem: Problem) -> InvalidRequest {
    InvalidRequest { pointer: pointer.to_string(), problem }
}

/// Returns the header fields with addresses, and the recipients of the envelope.
fn addresses(request: &MessageRequest) -> Result<(Headers, Vec<Address>), InvalidRequest> {
    let mut headers = Headers::new();
    let from = mailbox(&request.from, "/from")?;
    if !from.name.as_deref().is_none_or(display_name::is_plain) {
        return Err(refused("/from", Problem::SenderName));
    }
    headers.set(From::from(Mailboxes::from(from)));
    let mut recipients = Vec::new();
    let to = mailboxes(&request.to, "/to", &mut recipients)?;
    let cc = mailboxes(&request.cc, "/cc", &mut recipients)?;
    mailboxes(&request.bcc, "/bcc", &mut recipients)?;
    if recipients.is_empty() {
        return Err(refused("/to", Problem::NoRecipient));
    }
    if !request.to.is_empty() {
        headers.set(To::from(to));
    }
    if !request.cc.is_empty() {
        headers.set(Cc::from(cc));
    }
    if let Some(reply_to) = &request.reply_to {
        headers.set(ReplyTo::from(Mailboxes::from(mailbox(reply_to, "/replyTo")?)));
    }
    let mut unique = Vec::new();
    for recipient in recipients {
        if !unique.contains(&recipient) {
            unique.push(recipient);
        }
    }
    Ok((headers, unique))
}

fn mailboxes(
    texts: &[String],
    pointer: &str,
    recipients: &mut Vec<Address>,
) -> Result<Mailboxes, InvalidRequest> {
    let mut mailboxes = Mailboxes::new();
    for (index, text) in texts.iter().enumerate() {
        let mailbox = mailbox(text, format_args!("{pointer}/{index}"))?;
        recipients.push(mailbox.email.clone());
        if recipients.len() > RECIPIENT_LIMIT {
            return Err(refused(pointer, Problem::TooManyRecipients));
        }
        mailboxes.push(mailbox);
    }
    Ok(mailboxes)
}

fn mailbox(text: &str, pointer: impl Display) -> Result<Mailbox, InvalidRequest> {
    let text = unstructured(text, || pointer.to_string())?;
    address_list::mailbox(&text).ok_or_else(|| refused(pointer, Problem::Mailbox))
}

/// Checks a value that is folded and encoded (RFC 2047) as it is written. Several spaces become
/// one, because a folded line may not consist of them (RFC 5322 3.2.2).
fn unstructured(value: &str, pointer: impl FnOnce() -> String) -> Result<String, InvalidRequest> {
    if value.len() > VALUE_LIMIT {
        return Err(refused(pointer(), Problem::ValueTooLong));
    }
    if value.chars().any(char::is_control) {
        return Err(refused(pointer(), Problem::ControlCharacter));
    }
    let words: Vec<_> = value.split(' ').filter(|word| !word.is_empty()).collect();
    if words.iter().any(|word| word.is_ascii() && word.len() > WORD_LIMIT) {
        return Err(refused(pointer(), Problem::WordTooLong));
    }
    Ok(words.join(" "))
}

/// Adds the header fields that the request names.
fn add_custom(request: &MessageRequest, headers: &mut Headers) -> Result<(), InvalidRequest> {
    if request.headers.len() > HEADER_LIMIT {
        return Err(refused("/headers", Problem::TooManyHeaders));
    }
    for (name, value) in &request.headers {
        let pointer = || format!("/headers/{}", escaped(name));
        let is_ftext = name.bytes().all(|octet| octet.is_ascii_graphic() && octet != b':');
        let field = HeaderName::new_from_ascii(name.clone()).ok().filter(|_| is_ftext);
        let field = field.ok_or_else(|| refused(pointer(), Problem::HeaderName))?;
        if is_reserved(name) {
            return Err(refused(pointer(), Problem::ReservedHeader));
        }
        if headers.get_raw(name).is_some() {
            return Err(refused(pointer(), Problem::RepeatedHeader));
        }
        headers.insert_raw(HeaderValue::new(field, unstructured(value, pointer)?));
    }
    Ok(())
}

fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved))
        || RESERVED_PREFIXES.iter().any(|prefix| begins_with(name, prefix))
}

/// Whether a text begins with another, in upper or lower case.
fn begins_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// A part of a MIME body: a leaf or a multipart.
enum Part {
    Single(SinglePart),
    Multi(MultiPart),
}

impl Part {
    fn formatted(&self) -> Vec<u8> {
        match self {
            Self::Single(part) => part.formatted(),
            Self::Multi(part) => part.formatted(),
        }
    }

    /// Adds this part to a multipart.
    fn within(self, parent: MultiPart) -> MultiPart {
        match self {
            Self::Single(part) => parent.singlepart(part),
            Self::Multi(part) => parent.multipart(part),
        }
    }
}

/// Builds the body: `mixed(alternative(text, related(html, inline…)), attached…)`, each multipart
/// only if it has several parts (RFC 2046 5.1).
fn body(request: &MessageRequest, unique: &str) -> Result<Part, InvalidRequest> {
    let (inline, attached) = attached_parts(request)?;
    let text = request.text.as_deref().map(|text| text_body(text, "/text")).transpose()?;
    let html = request.html.as_deref().map(|html| text_body(html, "/html")).transpose()?;
    let readable = match (text, html) {
        (Some(text), Some(html)) => {
            let alternative =
                MultiPart::alternative().boundary(format!("ppm-{unique}-alternative"));
            let alternative = alternative.singlepart(SinglePart::plain(text));
            Part::Multi(related(html, inline, unique).within(alternative))
        }
        (Some(text), None) => Part::Single(SinglePart::plain(text)),
        (None, Some(html)) => related(html, inline, unique),
        (None, None) => return Err(refused("/text", Problem::NoBody)),
    };
    let mixed = MultiPart::mixed().boundary(format!("ppm-{unique}-mixed"));
    Ok(with_parts(readable, attached, mixed))
}

/// Builds the HTML with what it shows inline. The parameter `type` is required (RFC 2387 3.1).
fn related(html: String, inline: Vec<SinglePart>, unique: &str) -> Part {
    let boundary = format!("ppm-{unique}-related");
    let kind = format!("multipart/related; type=\"text/html\"; boundary=\"{boundary}\"");
    let multipart = MultiPart::builder().header(MediaType(kind));
    with_parts(Part::Single(SinglePart::html(html)), inline, multipart)
}

/// Puts a part and more of them into a multipart; the part alone stays as it is.
fn with_parts(first: Part, more: Vec<SinglePart>, multipart: MultiPartBuilder) -> Part {
    if more.is_empty() {
        return first;
    }
    let multipart = first.within(multipart.build());
    Part::Multi(more.into_iter().fold(multipart, MultiPart::singlepart))
}

/// Returns a text whose line breaks become CRLF when it is encoded.
fn text_body(text: &str, pointer: &str) -> Result<String, InvalidRequest> {
    if text.contains('\0') {
        return Err(refused(pointer, Problem::ControlCharacter));
    }
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Builds the parts that the HTML shows, and the other attachments.
fn attached_parts(
    request: &MessageRequest,
) -> Result<(Vec<SinglePart>, Vec<SinglePart>), InvalidRequest> {
    if request.attachments.len() > ATTACHMENT_LIMIT {
        return Err(refused("/attachments", Problem::TooManyAttachments));
    }
    let (mut inline, mut attached) = (Vec::new(), Vec::new());
    for (index, attachment) in request.attachments.iter().enumerate() {
        let pointer = format!("/attachments/{index}");
        let part = attached_part(attachment, &pointer)?;
        if attachment.content_id.is_none() {
            attached.push(part);
        } else if request.html.is_some() {
            inline.push(part);
        } else {
            let pointer = format!("{pointer}/contentId");
            return Err(refused(pointer, Problem::ContentIdWithoutHtml));
        }
    }
    Ok((inline, attached))
}

fn attached_part(attachment: &Attachment, pointer: &str) -> Result<SinglePart, InvalidRequest> {
    let Attachment { name, content_type, content, content_id } = attachment;
    let refused = |member, problem| refused(format_args!("{pointer}/{member}"), problem);
    if !is_file_name(name) {
        return Err(refused("name", Problem::AttachmentName));
    }
    let content_type =
        leaf_type(content_type).ok_or_else(|| refused("contentType", Problem::ContentType))?;
    let octets = STANDARD.decode(content).map_err(|_| refused("content", Problem::Base64))?;
    let body = Body::new_with_encoding(octets, ContentTransferEncoding::Base64)
        .map_err(|_| refused("content", Problem::Base64))?;
    let part = match content_id {
        None => AttachedPart::new(name.clone()),
        Some(id) if is_content_id(id) => {
            AttachedPart::new_inline_with_name(id.clone(), name.clone())
        }
        Some(_) => return Err(refused("contentId", Problem::ContentId)),
    };
    Ok(part.body(body, content_type))
}

fn is_file_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && name.len() <= NAME_LIMIT
        && !name.contains(['/', '\\'])
        && one_line(name).is_ok()
}

/// Returns a media type of one part: base64 is not allowed for the composite ones (RFC 2045 6.4).
fn leaf_type(text: &str) -> Option<ContentType> {
    let is_printable = text.bytes().all(|octet| matches!(octet, b' '..=b'~'));
    let is_composite = begins_with(text, "multipart/") || begins_with(text, "message/");
    let is_accepted = is_printable && !is_composite && text.len() <= NAME_LIMIT;
    if is_accepted { ContentType::parse(text).ok() } else { None }
}

fn is_content_id(id: &str) -> bool {
    let is_allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"._-+@".contains(&octet);
    (1..=NAME_LIMIT).contains(&id.len()) && id.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use mailparse::{DispositionType, MailHeaderMap, ParsedMail, parse_mail};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::Message;

    /// A request with these members.
    fn request(members: Value) -> MessageRequest {
        let mut all =
            json!({"from": "ada@example.com", "to": ["bob@example.org"], "text": "Hello"});
        let Value::Object(members) = members else { panic!("not an object: {members}") };
        all.as_object_mut().expect("an object").extend(members);
        MessageRequest::from_json(all.to_string().as_bytes()).expect("a request")
    }

    fn composed(members: Value) -> Composed {
        compose(&request(members), "id-1").expect("a message")
    }

    fn octets(members: Value) -> Vec<u8> {
        composed(members).octets
    }

    fn refused(members: Value) -> (String, Problem) {
        let refused = compose(&request(members), "id-1").err().expect("a refusal");
        (refused.pointer, refused.problem)
    }

    fn file(name: &str) -> Value {
        json!({"name": name, "contentType": "application/pdf", "content": "AP8="})
    }

    /// The media types of a message's parts.
    fn structure(mail: &ParsedMail<'_>) -> String {
        let parts: Vec<_> = mail.subparts.iter().map(structure).collect();
        match parts.as_slice() {
            [] => mail.ctype.mimetype.clone(),
            parts => format!("{}({})", mail.ctype.mimetype, parts.join(", ")),
        }
    }

    #[test]
    fn the_header_has_the_members_of_the_request() {
        let octets = octets(json!({
            "from": "Ada Lovelace <ada@example.com>",
            "to": ["Bob <bob@example.org>", "carl@bücher.example"],
            "cc": ["dora@example.org"],
            "replyTo": "\"Help, Desk\" <help@example.com>",
            "subject": "Grüße",
            "headers": {"X-Project": "42"},
        }));
        let mail = parse_mail(&octets).expect("a message");
        for (name, expected) in [
            ("From", "\"Ada Lovelace\" <ada@example.com>"),
            ("To", "Bob <bob@example.org>, carl@xn--bcher-kva.example"),
            ("Cc", "dora@example.org"),
            ("Reply-To", "Help, Desk <help@example.com>"),
            ("Subject", "Grüße"),
            ("X-Project", "42"),
            ("MIME-Version", "1.0"),
        ] {
            assert_eq!(mail.headers.get_first_value(name).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn the_recipients_are_those_of_to_cc_and_bcc_each_once() {
        let composed = composed(json!({
            "to": ["Bob <bob@Example.org>"],
            "cc": ["carl@example.org", "bob@example.org"],
            "bcc": ["dora@example.org"],
        }));
        let recipients: Vec<&str> = composed.recipients.iter().map(AsRef::as_ref).collect();
        assert_eq!(recipients, ["bob@example.org", "carl@example.org", "dora@example.org"]);
    }

    #[test]
    fn a_bcc_recipient_is_not_in_the_octets() {
        let octets = octets(json!({"to": [], "bcc": ["Secret <secret@example.org>"]}));
        let text = String::from_utf8(octets).expect("text").to_lowercase();
        assert!(!text.contains("secret") && !text.contains("bcc"), "{text}");
    }

    #[test]
    fn the_parts_are_nested_as_mime_has_them() {
        let inline =
            json!({"name": "l.png", "contentType": "image/png", "content": "", "contentId": "l"});
        for (members, expected) in [
            (json!({}), "text/plain"),
            (json!({"text": null, "html": "<p>"}), "text/html"),
            (json!({"html": "<p>"}), "multipart/alternative(text/plain, text/html)"),
            (json!({"attachments": [file("a")]}), "multipart/mixed(text/plain, application/pdf)"),
            (
                json!({"text": null, "html": "<p>", "attachments": [inline]}),
                "multipart/related(text/html, image/png)",
            ),
            (
                json!({"html": "<p>", "attachments": [file("a"), inline]}),
                "multipart/mixed(multipart/alternative(text/plain, \
                 multipart/related(text/html, image/png)), application/pdf)",
            ),
        ] {
            let octets = octets(members);
            assert_eq!(structure(&parse_mail(&octets).expect("a message")), expected);
        }
    }

    #[test]
    fn an_attachment_keeps_its_octets_and_its_name() {
        for name in ["a b.pdf", "Verträge \"x\".pdf", "%41;.pdf", &"ü".repeat(120)] {
            let octets = octets(json!({"attachments": [file(name)]}));
            let mail = parse_mail(&octets).expect("a message");
            let part = &mail.subparts[1];
            let disposition = part.get_content_disposition();
            assert_eq!(disposition.disposition, DispositionType::Attachment);
            assert_eq!(disposition.params.get("filename").map(String::as_str), Some(name));
            assert_eq!(part.get_body_raw().expect("octets"), [0, 0xFF]);
        }
    }

    #[test]
    fn text_keeps_its_lines_whatever_ends_them() {
        let octets = octets(json!({"text": "a\nb\r\nc\rd\n"}));
        let text = parse_mail(&octets).expect("a message").get_body().expect("text");
        assert_eq!(text.trim_end(), "a\r\nb\r\nc\r\nd");
    }

    #[test]
    fn a_member_that_breaks_a_rule_is_named_with_the_rule() {
        let long = "x".repeat(901);
        for (members, pointer, problem) in [
            (json!({"from": "Ada"}), "/from", Problem::Mailbox),
            (json!({"from": "a@b, c@d"}), "/from", Problem::Mailbox),
            (json!({"from": "a@exam_ple.com"}), "/from", Problem::Mailbox),
            (json!({"from": "A\r\n <a@b>"}), "/from", Problem::ControlCharacter),
            (json!({"from": format!("{long} <a@b>")}), "/from", Problem::WordTooLong),
            (json!({"to": ["a@b", "c@d>"]}), "/to/1", Problem::Mailbox),
            (json!({"cc": ["a"]}), "/cc/0", Problem::Mailbox),
            (json!({"bcc": ["A: a@b;"]}), "/bcc/0", Problem::Mailbox),
            (json!({"replyTo": ""}), "/replyTo", Problem::Mailbox),
            (json!({"to": []}), "/to", Problem::NoRecipient),
            (json!({"text": null}), "/text", Problem::NoBody),
            (json!({"text": "a\0"}), "/text", Problem::ControlCharacter),
            (json!({"html": "a\0"}), "/html", Problem::ControlCharacter),
            (json!({"subject": "a\nBcc: b@c"}), "/subject", Problem::ControlCharacter),
            (json!({"subject": long}), "/subject", Problem::WordTooLong),
            (
                json!({"from": format!("{}<b@c>", "a ".repeat(4096))}),
                "/from",
                Problem::ValueTooLong,
            ),
            (json!({"to": ["a ".repeat(4097)]}), "/to/0", Problem::ValueTooLong),
            (json!({"cc": ["a ".repeat(4097)]}), "/cc/0", Problem::ValueTooLong),
            (json!({"bcc": ["a ".repeat(4097)]}), "/bcc/0", Problem::ValueTooLong),
            (json!({"replyTo": "a ".repeat(4097)}), "/replyTo", Problem::ValueTooLong),
            (json!({"subject": "a ".repeat(4097)}), "/subject", Problem::ValueTooLong),
            (json!({"headers": {"X-A": "a ".repeat(4097)}}), "/headers/X-A", Problem::ValueTooLong),
            (
                json!({"headers": {"X-A": "b\r\nBcc: c@d"}}),
                "/headers/X-A",
                Problem::ControlCharacter,
            ),
            (json!({"headers": {"X-A": "b\u{85}"}}), "/headers/X-A", Problem::ControlCharacter),
            (json!({"headers": {"X-A": long}}), "/headers/X-A", Problem::WordTooLong),
            (json!({"headers": {"X/A~": "\0"}}), "/headers/X~1A~0", Problem::ControlCharacter),
            (json!({"headers": {"X-A": "b", "x-a": "c"}}), "/headers/x-a", Problem::RepeatedHeader),
        ] {
            let described: String = members.to_string().chars().take(80).collect();
            assert_eq!(refused(members), (pointer.to_owned(), problem), "{described}");
        }
    }

    #[test]
    fn only_ftext_is_the_name_of_a_header_field() {
        for name in ["", "X A", "X:A", "X\tA", "X\r\nBcc", "Büro", "X\0", &"x".repeat(77)] {
            assert_eq!(refused(json!({"headers": {name: "y"}})).1, Problem::HeaderName, "{name:?}");
        }
    }

    #[test]
    fn a_header_field_that_ppm_writes_is_refused_in_any_case() {
        for name in [
            "From",
            "Sender",
            "To",
            "Cc",
            "Bcc",
            "Reply-To",
            "Subject",
            "Date",
            "Message-ID",
            "MIME-Version",
            "Content-Type",
            "Content-X",
            "Received",
            "Return-Path",
            "Resent-To",
            "Resent-Bcc",
            "DKIM-Signature",
        ] {
            for name in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
                let expected = (format!("/headers/{name}"), Problem::ReservedHeader);
                assert_eq!(refused(json!({"headers": {name: "y"}})), expected);
            }
        }
    }

    #[test]
    fn an_attachment_that_breaks_a_rule_is_named_with_the_rule() {
        for (member, value, problem) in [
            ("name", "", Problem::AttachmentName),
            ("name", "..", Problem::AttachmentName),
            ("name", "a/b", Problem::AttachmentName),
            ("name", "a\\b", Problem::AttachmentName),
            ("name", "a\r\nb", Problem::AttachmentName),
            ("name", "a\u{202E}fdp.exe", Problem::AttachmentName),
            ("name", &"x".repeat(256), Problem::AttachmentName),
            ("contentType", "pdf", Problem::ContentType),
            ("contentType", "a/b\r\nX: y", Problem::ContentType),
            ("contentType", "a/b; c=\"\u{fc}\"", Problem::ContentType),
            ("contentType", "Message/rfc822", Problem::ContentType),
            ("contentType", "multipart/mixed; boundary=x", Problem::ContentType),
            ("content", "A", Problem::Base64),
            ("content", "AP8=\n", Problem::Base64),
            ("contentId", "", Problem::ContentId),
            ("contentId", "a>b", Problem::ContentId),
            ("contentId", "a\r\nb", Problem::ContentId),
        ] {
            let mut attachment = file("a.pdf");
            attachment[member] = json!(value);
            let members = json!({"html": "<p>", "attachments": [file("b.pdf"), attachment]});
            let expected = (format!("/attachments/1/{member}"), problem);
            assert_eq!(refused(members), expected, "{value:?}");
        }
    }

    #[test]
    fn an_inline_attachment_needs_html() {
        let mut attachment = file("a.png");
        attachment["contentId"] = json!("a");
        let expected = ("/attachments/0/contentId".to_owned(), Problem::ContentIdWithoutHtml);
        assert_eq!(refused(json!({"attachments": [attachment]})), expected);
    }

    #[test]
    fn there_are_at_most_100_attachments() {
        assert!(!octets(json!({"attachments": vec![file("a"); 100]})).is_empty());
        let expected = ("/attachments".to_owned(), Problem::TooManyAttachments);
        assert_eq!(refused(json!({"attachments": vec![file("a"); 101]})), expected);
    }

    #[test]
    fn the_name_of_the_sender_is_no_address() {
        for from in [r#""ceo@example.net" <ada@example.com>"#, "=?utf-8?q?=40?= <ada@example.com>"]
        {
            let expected = ("/from".to_owned(), Problem::SenderName);
            assert_eq!(refused(json!({"from": from})), expected, "{from}");
        }
    }

    #[test]
    fn there_are_at_most_100_added_header_fields() {
        let headers = |count: usize| -> Value {
            (0..count)
                .map(|at| (format!("X-{at}"), json!("y")))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        assert!(!octets(json!({"headers": headers(100)})).is_empty());
        let expected = ("/headers".to_owned(), Problem::TooManyHeaders);
        assert_eq!(refused(json!({"headers": headers(101)})), expected);
    }

    #[test]
    fn there_are_at_most_100_recipients() {
        let to: Vec<_> = (0..60).map(|at| format!("r{at}@example.com")).collect();
        let cc: Vec<_> = (60..100).map(|at| format!("r{at}@example.com")).collect();
        assert_eq!(composed(json!({"to": to, "cc": cc})).recipients.len(), 100);
        let expected = ("/bcc".to_owned(), Problem::TooManyRecipients);
        assert_eq!(refused(json!({"to": to, "cc": cc, "bcc": ["x@example.com"]})), expected);
    }

    proptest! {
        #[test]
        fn what_is_composed_is_a_message_with_the_same_values(
            name in r#"[ a-c"\\,(ü:;=_-]{0,60}|[a-c ]{0,400}|(事 ?){0,200}"#,
            value in r#"[ a-c"\\,@(<ü:;?=_-]{0,60}|[a-c ]{0,2000}|(事 ?){0,400}"#,
            text in r"(?s)[^\x00\u{FEFF}]{0,200}|[ -~\r\n.]{0,1500}",
        ) {
            let quoted = name.replace('\\', r"\\").replace('"', "\\\"");
            let octets = octets(json!({
                "from": format!("\"{quoted}\" <ada@example.com>"),
                "subject": value, "headers": {"X-A": value}, "text": text, "html": text,
                "attachments": [file("a.pdf")],
            }));
            let message = Message::parse(&octets);
            prop_assert!(message.is_ok(), "{:?}", message.err());
            prop_assert!(octets.is_ascii());
            let mail = parse_mail(&octets).expect("a message");
            let one_space = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            // A text that looks like an encoded word is decoded when it is read.
            if !value.contains("=?") {
                for field in ["Subject", "X-A"] {
                    let read = mail.headers.get_first_value(field).expect("a field");
                    prop_assert_eq!(one_space(&read), one_space(&value));
                }
            }
            let from = mail.headers.get_first_header("From").expect("a field");
            let from = mailparse::addrparse_header(from).expect("addresses");
            let from = from.extract_single_info().expect("one mailbox");
            prop_assert_eq!(from.addr, "ada@example.com");
            let read = from.display_name.unwrap_or_default();
            prop_assert_eq!(one_space(&read), one_space(&name));
            prop_assert_eq!(mail.headers.len(), 6);
            prop_assert_eq!(mail.subparts.len(), 2);
            let lines = |text: &str| {
                text.replace("\r\n", "\n").replace('\r', "\n").trim_end().to_owned()
            };
            for part in &mail.subparts[0].subparts {
                prop_assert_eq!(lines(&part.get_body().expect("text")), lines(&text));
            }
        }
    }
}
