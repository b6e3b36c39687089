//! A message as octets (RFC 5322): who sends it, who receives it, and the edit of its header.
//!
//! Only the header section is parsed, and the edit removes and adds whole header fields: every
//! other octet stays as it is. What servers could split or read in different ways is refused.

use std::ops::Range;

use chrono::{DateTime, Utc};
use domain::syntax::address::is_same_address;
use lettre::Address;

use crate::address_list::{address_list, is_unambiguous};

/// The maximum recipients of a message.
pub const RECIPIENT_LIMIT: usize = 100;

/// The maximum octets of a line without its CRLF (RFC 5322 2.1.1).
const LINE_LIMIT: usize = 998;

/// The maximum octets of the header section, so that parsing it costs little.
const HEADER_LIMIT: usize = 256 * 1024;

/// The header fields that no recipient may see.
const REMOVED: [&str; 3] = ["Bcc", "Resent-Bcc", "Return-Path"];

/// The header fields that say who has sent a message again (RFC 5322 3.6.6).
const RESENT: [&str; 2] = ["Resent-From", "Resent-Sender"];

/// Why a message is refused: with 422 by HTTP, with 550 5.6.0 by SMTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// A CR or an LF is alone, which can hide a second message (SMTP smuggling).
    #[error("a line ends in CR or LF alone instead of CRLF")]
    BareLineBreak,
    /// The message has a NUL (RFC 5322 2.2, RFC 5321 2.4).
    #[error("the message has a NUL")]
    Nul,
    /// A line has more than 998 octets (RFC 5322 2.1.1).
    #[error("a line has more than 998 octets")]
    LineTooLong,
    /// A line of the header section is no header field and no continuation of one.
    #[error("a line of the header section is not a header field")]
    MalformedHeader,
    /// No empty line ends the header section.
    #[error("no empty line ends the header section")]
    NoEmptyLine,
    /// The header section has more than 256 KiB.
    #[error("the header section has more than 256 KiB")]
    HeaderTooLong,
    /// The message has not exactly one From.
    #[error("the message has not exactly one From")]
    NotOneFrom,
    /// The message has more than one Sender.
    #[error("the message has more than one Sender")]
    SeveralSenders,
    /// A header field has no addresses, or its addresses are malformed.
    #[error("the addresses in {0} are missing or malformed")]
    Addresses(&'static str),
    /// Some programs would read other addresses in a header field that names senders.
    #[error(
        "{0} has a comment, a group, or a name with @, < or >, which programs read differently"
    )]
    Ambiguous(&'static str),
    /// The message has no recipient.
    #[error("the message has no recipient")]
    NoRecipient,
    /// The message has more than 100 recipients.
    #[error("the message has more than 100 recipients")]
    TooManyRecipients,
}

/// A message that can be sent.
pub struct Message<'a> {
    octets: &'a [u8],
    fields: Vec<Field<'a>>,
    /// Where the empty line before the body begins.
    header_end: usize,
    from: Vec<Address>,
    sender: Option<Address>,
    resent: Vec<Address>,
}

/// A header field.
struct Field<'a> {
    name: &'a str,
    /// The name, the value and the last CRLF.
    range: Range<usize>,
}

/// How a message came in (RFC 5321 4.4, RFC 3848).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// From a program on this host, without a protocol.
    Local,
    /// By HTTP.
    Http,
    /// By SMTP in clear, without AUTH.
    Esmtp,
    /// By SMTP with TLS, without AUTH.
    Esmtps,
    /// By SMTP with TLS and AUTH.
    Esmtpsa,
}

impl Protocol {
    fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Http => "HTTP",
            Self::Esmtp => "ESMTP",
            Self::Esmtps => "ESMTPS",
            Self::Esmtpsa => "ESMTPSA",
        }
    }
}

/// What the header field Received says (RFC 5321 4.4): nothing about the client.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The name of this host, in ASCII.
    pub by: &'a str,
    /// How the message came in.
    pub with: Protocol,
    /// The id of the message: ASCII letters, digits and hyphens.
    pub id: &'a str,
    /// When it came in.
    pub at: DateTime<Utc>,
}

impl<'a> Message<'a> {
    /// Parses the header section.
    ///
    /// # Errors
    /// The first rule that the message breaks.
    pub fn parse(octets: &'a [u8]) -> Result<Self, MessageError> {
        check_lines(octets)?;
        let message = Self::read(octets)?;
        for name in ["From", "Sender"].into_iter().chain(RESENT) {
            let is_clear = |value| str::from_utf8(value).is_ok_and(is_unambiguous);
            if !message.named(name).all(is_clear) {
                return Err(MessageError::Ambiguous(name));
            }
        }
        Ok(message)
    }

    /// Parses the header section of a message that PPM or its host has composed.
    fn read(octets: &'a [u8]) -> Result<Self, MessageError> {
        let (fields, header_end) = header_section(octets)?;
        let (from, sender, resent) = (Vec::new(), None, Vec::new());
        let mut message = Self { octets, fields, header_end, from, sender, resent };
        if message.named("From").count() != 1 {
            return Err(MessageError::NotOneFrom);
        }
        message.from = message.addresses("From")?;
        if message.from.is_empty() {
            return Err(MessageError::Addresses("From"));
        }
        match message.named("Sender").count() {
            0 => {}
            1 => match message.addresses("Sender")?.as_slice() {
                [sender] => message.sender = Some(sender.clone()),
                _ => return Err(MessageError::Addresses("Sender")),
            },
            _ => return Err(MessageError::SeveralSenders),
        }
        for name in RESENT {
            message.resent.extend(message.addresses(name)?);
        }
        Ok(message)
    }

    /// The addresses that the message is sent as: in From, Sender, Resent-From and Resent-Sender.
    pub fn senders(&self) -> impl Iterator<Item = &Address> {
        self.from.iter().chain(&self.sender).chain(&self.resent)
    }

    /// The addresses in From, at least one.
    pub fn from(&self) -> &[Address] {
        &self.from
    }

    /// The address in Sender.
    pub fn sender(&self) -> Option<&Address> {
        self.sender.as_ref()
    }

    /// Returns the addresses in To, Cc and Bcc, each once, for a message without an envelope.
    ///
    /// # Errors
    /// There is none, there are too many, or a field is malformed.
    pub fn recipients(&self) -> Result<Vec<Address>, MessageError> {
        let mut recipients: Vec<Address> = Vec::new();
        for name in ["To", "Cc", "Bcc"] {
            for address in self.addresses(name)? {
                if !recipients.contains(&address) {
                    recipients.push(address);
                }
                if recipients.len() > RECIPIENT_LIMIT {
                    return Err(MessageError::TooManyRecipients);
                }
            }
        }
        if recipients.is_empty() {
            return Err(MessageError::NoRecipient);
        }
        Ok(recipients)
    }

    /// The header section, without the empty line after it.
    pub fn header(&self) -> &'a [u8] {
        &self.octets[..self.header_end]
    }

    /// The Message-ID (RFC 5322 3.6.4) with its angle brackets, if there is one in that form.
    pub fn message_id(&self) -> Option<&'a str> {
        let id = str::from_utf8(self.named("Message-ID").next()?).ok()?.trim_ascii();
        let inside = id.strip_prefix('<')?.strip_suffix('>')?;
        let is_allowed = |octet: u8| octet.is_ascii_graphic() && !b"<>".contains(&octet);
        inside.bytes().all(is_allowed).then_some(id)
    }

    /// The octets of Subject, unfolded; `None` if there is none.
    pub fn subject(&self) -> Option<Vec<u8>> {
        let subject = self.named("Subject").next()?.trim_ascii();
        Some(subject.iter().copied().filter(|octet| !b"\r\n".contains(octet)).collect())
    }

    /// Returns the message as it is delivered: without Bcc, Resent-Bcc and Return-Path, with
    /// Received above the header, and with Date and Message-ID below it if they are missing.
    pub fn prepared(&self, received: &Received<'_>) -> Vec<u8> {
        let Received { by, with, id, at } = *received;
        let (with, date) = (with.as_str(), at.to_rfc2822());
        let mut octets =
            format!("Received: by {by} with {with} id {id};\r\n\t{date}\r\n").into_bytes();
        octets.reserve(self.octets.len() + 256);
        let is_removed =
            |field: &&Field<'_>| REMOVED.iter().any(|name| field.name.eq_ignore_ascii_case(name));
        for field in self.fields.iter().filter(|field| !is_removed(field)) {
            octets.extend_from_slice(&self.octets[field.range.clone()]);
        }
        if self.named("Date").next().is_none() {
            octets.extend(format!("Date: {date}\r\n").bytes());
        }
        if self.named("Message-ID").next().is_none() {
            octets.extend(format!("Message-ID: <{id}@{}>\r\n", self.from[0].domain()).bytes());
        }
        octets.extend_from_slice(&self.octets[self.header_end..]);
        octets
    }

    /// The values of the fields with a name.
    fn named(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let fields = self.fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
        fields.map(|field| &self.octets[field.range.clone()][field.name.len() + 1..])
    }

    fn addresses(&self, name: &'static str) -> Result<Vec<Address>, MessageError> {
        let mut addresses = Vec::new();
        for value in self.named(name) {
            let list = str::from_utf8(value).ok().and_then(address_list);
            let list = list.ok_or(MessageError::Addresses(name))?;
            addresses.extend(list.into_iter().map(|mailbox| mailbox.email));
        }
        Ok(addresses)
    }
}

/// Whether an address is the only sender of a message: of its header, and of its envelope if that has
/// one.
pub fn is_only_sender(address: &str, envelope_sender: Option<&str>, octets: &[u8]) -> bool {
    let Ok(message) = Message::read(octets) else { return false };
    let mut senders = envelope_sender.into_iter().chain(message.senders().map(AsRef::as_ref));
    senders.all(|sender| is_same_address(sender, address))
}

/// Returns the lines, each with the LF that ends it.
fn lines(octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    octets.split_inclusive(|octet| *octet == b'\n')
}

/// Checks the lines of the whole message. The last one may lack its CRLF.
fn check_lines(octets: &[u8]) -> Result<(), MessageError> {
    for line in lines(octets) {
        let text = line.strip_suffix(b"\r\n").unwrap_or(line);
        if text.contains(&b'\r') || text.contains(&b'\n') {
            return Err(MessageError::BareLineBreak);
        }
        if text.contains(&0) {
            return Err(MessageError::Nul);
        }
        if text.len() > LINE_LIMIT {
            return Err(MessageError::LineTooLong);
        }
    }
    Ok(())
}

/// Returns the header fields (RFC 5322 2.2), and where the empty line after them begins.
fn header_section(octets: &[u8]) -> Result<(Vec<Field<'_>>, usize), MessageError> {
    let mut fields: Vec<Field<'_>> = Vec::new();
    let mut at = 0;
    for line in lines(octets) {
        let range = at..at + line.len();
        at = range.end;
        if line == b"\r\n" {
            return Ok((fields, range.start));
        }
        if at > HEADER_LIMIT {
            return Err(MessageError::HeaderTooLong);
        }
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            // To some programs, a line of white space is the end of the header section.
            let is_blank = line.trim_ascii().is_empty();
            let folded = fields.last_mut().filter(|_| !is_blank);
            folded.ok_or(MessageError::MalformedHeader)?.range.end = range.end;
        } else {
            let name = field_name(line).ok_or(MessageError::MalformedHeader)?;
            fields.push(Field { name, range });
        }
    }
    Err(MessageError::NoEmptyLine)
}

/// Returns the name of a field: `ftext` before a colon (RFC 5322 3.6.8).
fn field_name(line: &[u8]) -> Option<&str> {
    let colon = line.iter().position(|octet| *octet == b':')?;
    let name = &line[..colon];
    let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    str::from_utf8(name).ok().filter(|_| is_name)
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::MessageError::{
        Addresses, Ambiguous, BareLineBreak, HeaderTooLong, LineTooLong, MalformedHeader,
        NoEmptyLine, NoRecipient, NotOneFrom, Nul, SeveralSenders, TooManyRecipients,
    };
    use super::*;

    const DATE: &str = "Tue, 1 Dec 2026 06:07:08 +0000";

    fn received() -> Received<'static> {
        let at = Utc.with_ymd_and_hms(2026, 12, 1, 6, 7, 8).single().expect("an instant");
        Received { by: "ppm.example.com", with: Protocol::Esmtpsa, id: "id-1", at }
    }

    fn error(octets: impl AsRef<[u8]>) -> Option<MessageError> {
        Message::parse(octets.as_ref()).err()
    }

    fn prepared(octets: &str) -> String {
        let message = Message::parse(octets.as_bytes()).expect("a message");
        String::from_utf8(message.prepared(&received())).expect("text")
    }

    fn joined(addresses: &[Address]) -> String {
        addresses.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(" ")
    }

    #[test]
    fn a_message_that_servers_could_split_is_refused() {
        for (octets, expected) in [
            ("From: a@b\r\n\r\nx\n.\r\n", BareLineBreak),
            ("From: a@b\r\n\r\nx\r.\r\n", BareLineBreak),
            ("From: a@b\r\n\r\nx\r\r\n", BareLineBreak),
            ("From: a@b\r\n\r\nx\r", BareLineBreak),
            ("From: a@b\n\n", BareLineBreak),
            ("From: a@b\r\n\r\n\n", BareLineBreak),
            ("From: a@b\r\n\r\n\0", Nul),
            ("From: a@b\r\nX: \0\r\n\r\n", Nul),
        ] {
            assert_eq!(error(octets), Some(expected), "{octets:?}");
        }
    }

    #[test]
    fn a_line_has_at_most_998_octets() {
        let line = "é".repeat(499);
        assert_eq!(error(format!("From: a@b\r\n\r\n{line}\r\n{line}")), None);
        for (before, after) in [("", "\r\nx"), ("x\r\n", "")] {
            let octets = format!("From: a@b\r\n\r\n{before}{line}x{after}");
            assert_eq!(error(octets), Some(LineTooLong), "{before:?} {after:?}");
        }
    }

    #[test]
    fn a_malformed_header_section_is_refused() {
        for (octets, expected) in [
            ("", NoEmptyLine),
            ("From: a@b\r\n", NoEmptyLine),
            ("From: a@b\r\nx: y", NoEmptyLine),
            ("\r\n", NotOneFrom),
            (" From: a@b\r\n\r\n", MalformedHeader),
            ("From: a@b\r\nx\r\n\r\n", MalformedHeader),
            ("From: a@b\r\n: x\r\n\r\n", MalformedHeader),
            ("From: a@b\r\nBcc : c@d\r\n\r\n", MalformedHeader),
            ("From a@b Tue Dec  1 06:07:08\r\nFrom: a@b\r\n\r\n", MalformedHeader),
            ("From: a@b\r\nBücc: c@d\r\n\r\n", MalformedHeader),
            ("From: a@b\r\nX: y\r\n \t\r\nSender: c@d\r\n\r\n", MalformedHeader),
        ] {
            assert_eq!(error(octets), Some(expected), "{octets:?}");
        }
    }

    #[test]
    fn a_header_section_has_at_most_256_kib() {
        let of_size = |size: usize| {
            let mut header = "From: a@b\r\n".to_owned() + &"X: 4567890\r\n".repeat(size / 12 - 1);
            let rest = size - header.len() - "X:\r\n".len();
            header.extend(["X:", &"y".repeat(rest), "\r\n"]);
            assert_eq!(header.len(), size);
            header + "\r\n"
        };
        assert_eq!(error(of_size(HEADER_LIMIT)), None);
        assert_eq!(error(of_size(HEADER_LIMIT + 1)), Some(HeaderTooLong));
    }

    #[test]
    fn a_message_has_one_from_and_at_most_one_sender() {
        for (header, expected) in [
            ("From: a@b", None),
            ("FROM:a@b\r\nSENDER:c@d", None),
            ("From: a@b, c@d\r\nSender: a@b", None),
            ("X: y", Some(NotOneFrom)),
            ("From: a@b\r\nfrom: a@b", Some(NotOneFrom)),
            ("From: a@b\r\nSender: a@b\r\nsender: a@b", Some(SeveralSenders)),
            ("From:", Some(Addresses("From"))),
            ("From: nobody:;", Some(Addresses("From"))),
            ("From: Ada", Some(Addresses("From"))),
            ("From: a@b\r\nSender:", Some(Addresses("Sender"))),
            ("From: a@b\r\nSender: a@b, c@d", Some(Addresses("Sender"))),
        ] {
            assert_eq!(error(format!("{header}\r\n\r\n")), expected, "{header:?}");
        }
    }

    #[test]
    fn fields_that_name_senders_are_unambiguous() {
        for (header, expected) in [
            ("From: \"B, A\" <a@b>\r\nResent-From: a@b\r\nResent-Sender: A <a@b>", None),
            ("From: a@b (c@d)", Some(Ambiguous("From"))),
            ("From: X: a@b;", Some(Ambiguous("From"))),
            ("From: \"c@d\" <a@b>", Some(Ambiguous("From"))),
            ("From: a@b\r\nSender: =?utf-8?q?c=40d?= <a@b>", Some(Ambiguous("Sender"))),
            ("From: a@b\r\nResent-From: a@b (x)", Some(Ambiguous("Resent-From"))),
            ("From: a@b\r\nResent-Sender: a", Some(Addresses("Resent-Sender"))),
        ] {
            assert_eq!(error(format!("{header}\r\n\r\n")), expected, "{header:?}");
        }
        let octets =
            b"From: a@b, c@d\r\nSender: e@f\r\nResent-From: g@h\r\nResent-From: i@j\r\n\r\n";
        let senders: Vec<_> =
            Message::parse(octets).expect("a message").senders().cloned().collect();
        assert_eq!(joined(&senders), "a@b c@d e@f g@h i@j");
    }

    #[test]
    fn an_address_is_the_only_sender_if_the_header_and_the_envelope_have_no_other() {
        const OWN: &str = "ppm@bücher.example";
        for (envelope, header, expected) in [
            (Some("PPM@xn--bcher-kva.example"), "From: \"@\" <ppm@bücher.example>", true),
            (None, "From: ppm@xn--bcher-kva.example\r\nSender: Ppm@BÜCHER.example", true),
            (Some("a@b"), "From: ppm@bücher.example", false),
            (Some(OWN), "From: a@b\r\nSender: ppm@bücher.example", false),
            (Some(OWN), "From: ppm@bücher.example, a@b", false),
            (Some(OWN), "From: ppm@bücher.example\r\nResent-From: a@b", false),
            (Some(OWN), "Subject: x", false),
        ] {
            let octets = format!("{header}\r\n\r\n");
            let found = is_only_sender(OWN, envelope, octets.as_bytes());
            assert_eq!(found, expected, "{envelope:?} {header:?}");
        }
    }

    #[test]
    fn an_address_that_is_not_utf_8_is_refused() {
        assert_eq!(error(b"From: \xFC@example.com\r\n\r\n"), Some(Addresses("From")));
    }

    #[test]
    fn from_and_sender_are_read_from_folded_fields() {
        let octets = b"From: =?utf-8?q?Ada?=\r\n <ada@example.com>,\r\n\tbob@example.com\r\n\
                       sender:\r\n \"Carl, C\" <carl@example.com>\r\n\r\n";
        let message = Message::parse(octets).expect("a message");
        assert_eq!(joined(message.from()), "ada@example.com bob@example.com");
        assert_eq!(message.sender().map(AsRef::as_ref), Some("carl@example.com"));
    }

    #[test]
    fn the_recipients_are_those_of_to_cc_and_bcc_each_once() {
        let octets = b"From: a@b\r\nTo: Team: ada@example.com, bob@EXAMPLE.com;\r\n\
                       to: carl@example.com\r\nCc: bob@example.com\r\nBcc:\r\n d@example.com\r\n\r\n";
        let message = Message::parse(octets).expect("a message");
        let recipients = message.recipients().expect("recipients");
        assert_eq!(
            joined(&recipients),
            "ada@example.com bob@example.com carl@example.com d@example.com"
        );
    }

    #[test]
    fn there_are_1_to_100_recipients() {
        let list = |count: usize| {
            (0..count).map(|at| format!("r{at}@example.com")).collect::<Vec<_>>().join(",\r\n ")
        };
        for (header, expected) in [
            (format!("To: {}\r\nBcc: r0@example.com", list(100)), Ok(100)),
            (format!("To: {}", list(101)), Err(TooManyRecipients)),
            (format!("To: {}\r\nBcc: b@example.com", list(100)), Err(TooManyRecipients)),
            ("To: undisclosed-recipients:;".to_owned(), Err(NoRecipient)),
            ("Subject: x".to_owned(), Err(NoRecipient)),
            ("To: x".to_owned(), Err(Addresses("To"))),
        ] {
            let octets = format!("From: a@b\r\n{header}\r\n\r\n");
            let message = Message::parse(octets.as_bytes()).expect("a message");
            assert_eq!(message.recipients().map(|all| all.len()), expected, "{header}");
        }
    }

    #[test]
    fn received_date_and_message_id_are_added() {
        let expected = format!(
            "Received: by ppm.example.com with ESMTPSA id id-1;\r\n\t{DATE}\r\n\
             From: a@Bücher.example\r\nDate: {DATE}\r\n\
             Message-ID: <id-1@xn--bcher-kva.example>\r\n\r\nx"
        );
        assert_eq!(prepared("From: a@Bücher.example\r\n\r\nx"), expected);
    }

    #[test]
    fn a_date_and_a_message_id_that_are_there_stay() {
        let octets = "DATE: today\r\nmessage-id: <1@b>\r\nFrom: a@b\r\n\r\n";
        assert!(prepared(octets).ends_with(&format!("06:07:08 +0000\r\n{octets}")));
    }

    #[test]
    fn a_message_id_is_returned_only_if_it_is_well_formed() {
        for (value, expected) in [
            (" <1@example.com> ", Some("<1@example.com>")),
            ("\r\n <1@example.com>", Some("<1@example.com>")),
            (" 1@example.com", None),
            (" <1@example.com> <2@example.com>", None),
            (" <1@\r\n example.com>", None),
            (" <ü@example.com>", None),
        ] {
            let octets = format!("From: a@b\r\nMessage-Id:{value}\r\n\r\n");
            let message = Message::parse(octets.as_bytes()).expect("a message");
            assert_eq!(message.message_id(), expected, "{value:?}");
        }
    }

    /// Header fields, each with its name and its octets.
    fn fields() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
        let kept = ["X-Bcc", "Bcc2", "Subject", "Date", "Message-ID", "Received"];
        let name = prop_oneof![select(kept.to_vec()), select(REMOVED_AS_WRITTEN.to_vec())];
        let line = vec(select(b" \ta:<@>\xFF".to_vec()), 0..6);
        let field = (name, vec(line, 1..4)).prop_map(|(name, lines)| {
            let value = lines.join(&b"\r\n x"[..]);
            (name, [name.as_bytes(), b":", &value, b"\r\n"].concat())
        });
        vec(field, 0..8)
    }

    const REMOVED_AS_WRITTEN: [&str; 5] = ["bcc", "Bcc", "BCC", "Resent-Bcc", "return-path"];

    proptest! {
        #[test]
        fn all_octets_but_those_of_the_named_fields_stay_in_their_order(
            fields in fields(),
            body in vec(vec(select(b" .a:\x01\xFF".to_vec()), 0..6), 0..6),
        ) {
            let from = ("From", b"From: a@b\r\n".to_vec());
            let fields: Vec<_> = fields.into_iter().chain([from]).collect();
            let body = [b"\r\n", body.join(&b"\r\n"[..]).as_slice()].concat();
            let with_body = |mut octets: Vec<u8>| {
                octets.extend(&body);
                octets
            };
            let first = "Received: by ppm.example.com with ESMTPSA id id-1;\r\n\t";
            let mut expected = format!("{first}{DATE}\r\n").into_bytes();
            for (name, field) in &fields {
                if !REMOVED_AS_WRITTEN.contains(name) {
                    expected.extend(field);
                }
            }
            let is_missing = |name| fields.iter().all(|(other, _)| *other != name);
            if is_missing("Date") {
                expected.extend(format!("Date: {DATE}\r\n").bytes());
            }
            if is_missing("Message-ID") {
                expected.extend(b"Message-ID: <id-1@b>\r\n");
            }
            let octets = with_body(fields.iter().flat_map(|(_, field)| field.clone()).collect());
            let message = Message::parse(&octets).expect("a message");
            prop_assert_eq!(message.prepared(&received()), with_body(expected));
        }

        #[test]
        fn any_octets_are_parsed_without_a_panic(
            octets in vec(select(&b"\r\n\0 \t:<>@,;()[]\\\"aF\xFF"[..]), 0..60),
        ) {
            let octets = [b"From: a@b\r\nTo:", octets.as_slice(), b"\r\n\r\n"].concat();
            if let Ok(message) = Message::parse(&octets) {
                let _ = message.recipients();
                prop_assert!(message.prepared(&received()).ends_with(b"\r\n\r\n"));
            }
        }
    }
}
