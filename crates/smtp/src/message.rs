//! Composes the test message: text, HTML, and headers that stop automatic replies. The clock and
//! the unique name are parameters, so that equal calls give equal messages.

use chrono::{DateTime, Utc};
use domain::settings::{MailServer, Security, Sender};
use domain::syntax::text::shown;
use html_escape::encode_safe;
use lettre::Address;
use lettre::message::header::{
    Date, From, HeaderName, HeaderValue, Headers, MIME_VERSION_1_0, MessageId, Subject, To,
};
use lettre::message::{Mailbox, Mailboxes, MultiPart, SinglePart};

use super::address::wire_form;

const SUBJECT: &str = "Test message from PPM Administrator";

/// The facts that a test message states.
#[derive(Debug, Clone, Copy)]
pub struct TestMessage<'a> {
    /// The sender.
    pub sender: &'a Sender,
    /// The recipient's address.
    pub recipient: &'a str,
    /// The administrator who requested it: a name, an address, or both.
    pub asked_by: &'a str,
    /// The mail server that it is sent through.
    pub server: &'a MailServer,
    /// The time of the request.
    pub at: DateTime<Utc>,
    /// A unique name of ASCII letters, digits and hyphens: the run's id.
    pub unique: &'a str,
}

/// A composed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The Message-ID (RFC 5322 3.6.4), with its angle brackets.
    pub message_id: String,
    /// The headers and the body.
    pub octets: Vec<u8>,
}

/// Why a message cannot be composed.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The sender's address has no SMTP wire form.
    #[error("the sender's address cannot be written")]
    Sender,
    /// The recipient's address has no SMTP wire form.
    #[error("the recipient's address cannot be written")]
    Recipient,
}

/// Composes a test message.
///
/// # Errors
/// An address has no SMTP wire form.
pub fn compose(test: &TestMessage<'_>) -> Result<Composed, ComposeError> {
    let sender = wire_form(&test.sender.address).ok_or(ComposeError::Sender)?;
    let recipient = wire_form(test.recipient).ok_or(ComposeError::Recipient)?;
    let message_id = format!("<{}@{}>", test.unique, sender.domain());
    let mut octets = headers(test, sender, recipient, &message_id).to_string().into_bytes();
    octets.extend(bodies(test).formatted());
    Ok(Composed { message_id, octets })
}

/// Returns a sender as a header value; `None` for an address without an SMTP wire form.
pub fn mailbox(sender: &Sender) -> Option<Mailbox> {
    Some(Mailbox::new(one_line(&sender.display_name), wire_form(&sender.address)?))
}

/// Builds the headers one by one: lettre's builder parses its own From again, and refuses addresses
/// that RFC 5321 allows, such as one at `[IPv6:::1]`.
fn headers(
    test: &TestMessage<'_>,
    sender: Address,
    recipient: Address,
    message_id: &str,
) -> Headers {
    let sender = Mailbox::new(one_line(&test.sender.display_name), sender);
    let mut headers = Headers::new();
    headers.set(From::from(Mailboxes::from(sender)));
    headers.set(To::from(Mailboxes::from(Mailbox::new(None, recipient))));
    headers.set(Subject::from(SUBJECT.to_owned()));
    headers.set(Date::new(test.at.into()));
    headers.set(MessageId::from(message_id.to_owned()));
    headers.insert_raw(auto_submitted());
    headers.set(MIME_VERSION_1_0);
    headers
}

/// Builds the body: the text, with the same in HTML as an alternative.
fn bodies(test: &TestMessage<'_>) -> MultiPart {
    MultiPart::alternative()
        .boundary(format!("ppm-{}", test.unique))
        .singlepart(SinglePart::plain(text(test)))
        .singlepart(SinglePart::html(html(test)))
}

/// Marks the message as automatic, so that no program replies to it (RFC 3834 5).
fn auto_submitted() -> HeaderValue {
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    HeaderValue::new(name, "auto-generated".to_owned())
}

/// Removes line breaks and controls, which would forge headers; `None` if nothing remains.
fn one_line(text: &str) -> Option<String> {
    let line = shown(text).replace('\n', " ").trim().to_owned();
    (!line.is_empty()).then_some(line)
}

/// Returns the facts in the body, each with its label.
fn facts(test: &TestMessage<'_>) -> [(&'static str, String); 5] {
    let protection = match test.server.security {
        Security::Clear => "None: the connection was not encrypted",
        Security::StartTls => "Encrypted (STARTTLS)",
        Security::ImplicitTls => "Encrypted (implicit TLS)",
    };
    [
        ("Requested by", one_line(test.asked_by).unwrap_or_default()),
        ("Requested at", test.at.format("%Y-%m-%d %H:%M:%S UTC").to_string()),
        ("Sent as", test.sender.address.clone()),
        ("Mail server", format!("{}, port {}", test.server.host, test.server.port)),
        ("Protection", protection.to_owned()),
    ]
}

/// Each line is within the limit of RFC 5322 2.1.1.
const OPENING: &str = "This is a test message from PPM Administrator.\n\
                       It shows that the email settings it was sent with work.";
const CLOSING: &str = "It was sent once, to the administrator who requested it.\n\
                       You do not have to do anything, or to reply.";

fn text(test: &TestMessage<'_>) -> String {
    let facts: String = facts(test).map(|(label, fact)| format!("{label}: {fact}\n")).concat();
    format!("{OPENING}\n\n{facts}\n{CLOSING}\n")
}

fn html(test: &TestMessage<'_>) -> String {
    let rows: String = facts(test)
        .map(|(label, fact)| {
            format!(
                "<tr><th scope=\"row\" style=\"text-align:left;font-weight:normal;\
                 color:#5a6472;padding:4px 16px 4px 0;vertical-align:top\">{label}</th>\
                 <td style=\"padding:4px 0\">{}</td></tr>\n",
                encode_safe(&fact)
            )
        })
        .concat();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
         <title>{SUBJECT}</title></head>\n\
         <body style=\"margin:0;padding:24px;font:15px/1.5 sans-serif;color:#1c2430;\
         background:#ffffff\">\n\
         <div style=\"max-width:560px\">\n\
         <h1 style=\"font-size:18px;margin:0 0 12px\">{SUBJECT}</h1>\n\
         <p style=\"margin:0 0 16px\">{OPENING}</p>\n\
         <table style=\"border-collapse:collapse;margin:0 0 16px\">\n\
         {rows}</table>\n\
         <p style=\"margin:0;color:#5a6472\">{CLOSING}</p>\n\
         </div>\n</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use domain::syntax::host::Host;

    use super::*;

    fn sender(address: &str, display_name: &str) -> Sender {
        Sender { address: address.to_owned(), display_name: display_name.to_owned() }
    }

    fn composed(sender: &Sender, asked_by: &str, security: Security) -> String {
        let host = Host::Name("smtp.example.com".to_owned());
        let server = MailServer { host, port: 587, security, trusted_ca: String::new() };
        let test = TestMessage {
            sender,
            recipient: "ada@example.org",
            asked_by,
            server: &server,
            at: Utc.with_ymd_and_hms(2026, 11, 23, 18, 5, 9).single().expect("an instant"),
            unique: "run-1",
        };
        let composed = compose(&test).expect("a message");
        String::from_utf8(composed.octets).expect("a message of UTF-8")
    }

    fn header<'a>(message: &'a str, name: &str) -> &'a str {
        let start = format!("{name}: ");
        message.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_default()
    }

    #[test]
    fn the_headers_name_sender_recipient_and_time_and_mark_the_message_as_automatic() {
        let sender = sender("ppm@example.com", "PPM Mail");
        let message = composed(&sender, "Ada", Security::StartTls);
        for (name, expected) in [
            ("From", "\"PPM Mail\" <ppm@example.com>"),
            ("To", "ada@example.org"),
            ("Subject", "Test message from PPM Administrator"),
            ("Message-ID", "<run-1@example.com>"),
            ("Date", "Mon, 23 Nov 2026 18:05:09 +0000"),
            ("Auto-Submitted", "auto-generated"),
            ("MIME-Version", "1.0"),
        ] {
            assert_eq!(header(&message, name), expected, "{name}");
        }
        assert!(message.contains("multipart/alternative"), "{message}");
    }

    #[test]
    fn the_text_names_the_requester_the_time_the_server_and_the_protection() {
        let sender = sender("ppm@example.com", "PPM Mail");
        for (security, protection) in [
            (Security::Clear, "Protection: None: the connection was not encrypted"),
            (Security::StartTls, "Protection: Encrypted (STARTTLS)"),
            (Security::ImplicitTls, "Protection: Encrypted (implicit TLS)"),
        ] {
            let message = composed(&sender, "Ada Lovelace", security);
            for expected in [
                "This is a test message from PPM Administrator.",
                "Requested by: Ada Lovelace",
                "Requested at: 2026-11-23 18:05:09 UTC",
                "Mail server: smtp.example.com, port 587",
                protection,
            ] {
                assert!(message.contains(expected), "{expected}\n{message}");
            }
        }
    }

    #[test]
    fn user_input_is_escaped_in_the_html_part() {
        let sender = sender("ppm@example.com", "PPM");
        let message = composed(&sender, "<img src=x onerror='a(\"&\")'>", Security::Clear);
        let (text, html) = message.split_once("text/html").expect("an HTML part");
        assert!(text.contains("<img src="), "{text}");
        assert!(!html.contains("<img") && html.contains("&lt;img"), "{html}");
    }

    #[test]
    fn a_display_name_forges_no_header() {
        for name in ["PPM\r\nBcc: all@example.com", "PPM\nBcc: all@example.com", "\r\n\0\u{202E}"] {
            let message =
                composed(&sender("ppm@example.com", name), "Ada\r\nX: y", Security::Clear);
            assert_eq!(header(&message, "Bcc"), "", "{name:?}");
            assert!(header(&message, "From").contains("ppm@example.com"), "{message}");
        }
    }

    #[test]
    fn a_non_ascii_display_name_is_encoded_in_ascii_headers() {
        for name in ["Büro für Verträge", "事務所".repeat(80).as_str(), "\"PPM\" <x@y>, \\"] {
            let message = composed(&sender("ppm@example.com", name), "Ada", Security::Clear);
            assert!(message.is_ascii(), "{message}");
            assert!(message.lines().all(|line| line.len() <= 998), "{message}");
        }
    }

    #[test]
    fn a_non_ascii_domain_is_written_in_a_labels() {
        let message = composed(&sender("ppm@bücher.example", "PPM"), "Ada", Security::Clear);
        assert_eq!(header(&message, "Message-ID"), "<run-1@xn--bcher-kva.example>");
        assert_eq!(header(&message, "From"), "PPM <ppm@xn--bcher-kva.example>");
    }

    #[test]
    fn every_address_that_the_form_accepts_can_be_a_sender() {
        let table = include_str!("../../domain/tests/cases/addresses.json");
        let table: Vec<(Option<String>, Vec<String>)> = serde_json::from_str(table).expect("cases");
        let (problem, addresses) = &table[0];
        assert_eq!(*problem, None, "the first row has the accepted addresses");
        for address in addresses {
            for name in ["PPM", "", "Büro, \"PPM\""] {
                let message = composed(&sender(address, name), "Ada", Security::Clear);
                assert!(header(&message, "From").contains('@'), "{address}\n{message}");
            }
        }
    }
}
