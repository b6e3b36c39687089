//! A message as JSON: the body of `POST /v1/messages`.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};
use utoipa::ToSchema;

use crate::message::RECIPIENT_LIMIT;

/// The maximum attachments of a request.
pub(super) const ATTACHMENT_LIMIT: usize = 100;

/// The maximum header fields that a request may add.
pub(super) const HEADER_LIMIT: usize = 100;

/// A message to send. It has no `Debug`: the content of messages belongs in no log.
#[derive(Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MessageRequest {
    /// The author, as `Ada Lovelace <ada@example.com>` or `ada@example.com`: one of the senders
    /// that the application may use.
    pub from: String,
    /// The recipients in the header To. `to`, `cc` and `bcc` have 1 to 100 recipients together.
    #[serde(default, deserialize_with = "beginning::<RECIPIENT_LIMIT, _, _>")]
    #[schema(max_items = 100)]
    pub to: Vec<String>,
    /// The recipients in the header Cc.
    #[serde(default, deserialize_with = "beginning::<RECIPIENT_LIMIT, _, _>")]
    #[schema(max_items = 100)]
    pub cc: Vec<String>,
    /// The recipients that no header names.
    #[serde(default, deserialize_with = "beginning::<RECIPIENT_LIMIT, _, _>")]
    #[schema(max_items = 100)]
    pub bcc: Vec<String>,
    /// The mailbox that replies go to.
    pub reply_to: Option<String>,
    /// The subject.
    pub subject: Option<String>,
    /// The body as plain text. A message has `text`, `html` or both.
    pub text: Option<String>,
    /// The body as HTML.
    pub html: Option<String>,
    /// At most 100 attachments.
    #[serde(default, deserialize_with = "beginning::<ATTACHMENT_LIMIT, _, _>")]
    #[schema(max_items = 100)]
    pub attachments: Vec<Attachment>,
    /// At most 100 more header fields, each with its value. Those that PPM writes itself are
    /// refused: From, Sender, To, Cc, Bcc, Reply-To, Subject, Date, Message-ID, MIME-Version,
    /// Content-*, Received, Return-Path, Resent-* and DKIM-*.
    #[serde(default, deserialize_with = "first_fields")]
    pub headers: BTreeMap<String, String>,
    /// The time after which the message is not sent any more.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A file in a message.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attachment {
    /// The name of the file, without a path.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    /// The media type, such as `application/pdf`; neither `multipart` nor `message`.
    pub content_type: String,
    /// The octets in base64 (RFC 4648 4).
    #[schema(content_encoding = "base64")]
    pub content: String,
    /// The name by which `html` shows the file: `logo` for `<img src="cid:logo">`.
    pub content_id: Option<String>,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct InvalidRequest {
    /// The JSON pointer (RFC 6901) of the refused member; if it is missing, of the object.
    pub pointer: String,
    /// The rule that the member breaks.
    pub problem: Problem,
}

/// The rule that a member of a request breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The body is not JSON.
    #[error("the body is not JSON")]
    NotJson,
    /// A member is unknown, missing or of another type.
    #[error("a member is unknown, missing or of another type")]
    Schema,
    /// The text is not a mailbox (RFC 5322 3.4).
    #[error("not a mailbox such as `Ada <ada@example.com>`")]
    Mailbox,
    /// The display name of the sender looks like an address.
    #[error("a name with @, < or > beside the address")]
    SenderName,
    /// The message has no recipient.
    #[error("the message has no recipient")]
    NoRecipient,
    /// The message has more than 100 recipients.
    #[error("the message has more than 100 recipients")]
    TooManyRecipients,
    /// The message has neither `text` nor `html`.
    #[error("the message has neither `text` nor `html`")]
    NoBody,
    /// The value has a control character.
    #[error("the value has a control character")]
    ControlCharacter,
    /// The value has more than 8 KiB.
    #[error("the value has more than 8 KiB")]
    ValueTooLong,
    /// A word of the value is too long to be folded.
    #[error("the value has a word of more than 900 characters")]
    WordTooLong,
    /// The name is not a field name of at most 76 characters (`ftext`, RFC 5322 3.6.8).
    #[error("not the name of a header field")]
    HeaderName,
    /// PPM writes this header field itself.
    #[error("PPM writes this header field itself")]
    ReservedHeader,
    /// The same header field is there with other upper and lower case.
    #[error("the header field is there twice")]
    RepeatedHeader,
    /// The request has more than 100 header fields.
    #[error("the request has more than 100 header fields")]
    TooManyHeaders,
    /// The message has more than 100 attachments.
    #[error("the message has more than 100 attachments")]
    TooManyAttachments,
    /// The name is empty, too long or a path, or has a control character.
    #[error("not the name of a file of at most 255 octets, without a path")]
    AttachmentName,
    /// The media type is malformed, or it is composite (RFC 2046 5).
    #[error("not a media type, or one of `multipart` or `message`")]
    ContentType,
    /// The content is not base64.
    #[error("not base64")]
    Base64,
    /// The Content-ID has other characters than letters, digits, and `.`, `_`, `-`, `+` and `@`.
    #[error("not a Content-ID")]
    ContentId,
    /// The attachment has a Content-ID, but the message has no `html`.
    #[error("an attachment with a Content-ID needs `html`")]
    ContentIdWithoutHtml,
}

impl MessageRequest {
    /// Parses the body of a request.
    ///
    /// # Errors
    /// [`Problem::NotJson`], or [`Problem::Schema`] with the first such member.
    pub fn from_json(body: &[u8]) -> Result<Self, InvalidRequest> {
        let mut json = serde_json::Deserializer::from_slice(body);
        let request = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let pointer = pointer(error.path());
            match error.inner().classify() {
                Category::Data => InvalidRequest { pointer, problem: Problem::Schema },
                _ => InvalidRequest { pointer: String::new(), problem: Problem::NotJson },
            }
        })?;
        let not_json = |_| InvalidRequest { pointer: String::new(), problem: Problem::NotJson };
        json.end().map_err(not_json)?;
        Ok(request)
    }
}

/// Deserializes an array up to the first element beyond the limit, which the caller refuses. The
/// others are skipped: as values, small elements need many times the memory of their JSON.
fn beginning<'de, const LIMIT: usize, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct Beginning<const LIMIT: usize, T>(PhantomData<T>);

    impl<'de, const LIMIT: usize, T: Deserialize<'de>> Visitor<'de> for Beginning<LIMIT, T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Vec<T>, A::Error> {
            let mut elements = Vec::new();
            while elements.len() <= LIMIT
                && let Some(element) = array.next_element()?
            {
                elements.push(element);
            }
            while array.next_element::<IgnoredAny>()?.is_some() {}
            Ok(elements)
        }
    }
    deserializer.deserialize_seq(Beginning::<LIMIT, T>(PhantomData))
}

/// The same for the header fields.
fn first_fields<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    struct FirstFields;

    impl<'de> Visitor<'de> for FirstFields {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
            let mut fields = BTreeMap::new();
            while fields.len() <= HEADER_LIMIT
                && let Some((name, value)) = object.next_entry()?
            {
                fields.insert(name, value);
            }
            while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(fields)
        }
    }
    deserializer.deserialize_map(FirstFields)
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => _ = write!(pointer, "/{index}"),
            Segment::Map { key } => pointer.extend(["/", &escaped(key)]),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// Escapes a member's name for a JSON pointer (RFC 6901 3).
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> (String, Problem) {
        let refused = MessageRequest::from_json(json.as_bytes()).err().expect("a refusal");
        (refused.pointer, refused.problem)
    }

    #[test]
    fn the_members_are_in_camel_case() {
        let json = r#"{"from": "a@b", "replyTo": "c@d", "expiresAt": "2026-12-01T12:00:00+01:00",
            "attachments": [{"name": "a", "contentType": "a/b", "content": "", "contentId": "c"}]}"#;
        let request = MessageRequest::from_json(json.as_bytes()).expect("a request");
        assert_eq!(request.reply_to.as_deref(), Some("c@d"));
        assert_eq!(request.attachments[0].content_id.as_deref(), Some("c"));
        assert_eq!(
            request.expires_at.map(|at| at.to_rfc3339()).as_deref(),
            Some("2026-12-01T11:00:00+00:00")
        );
    }

    #[test]
    fn a_member_that_does_not_fit_is_named_by_its_pointer() {
        for (json, expected) in [
            (r#"{"from": "a@b", "body": ""}"#, "/body"),
            (r#"{"from": "a@b", "to": "c@d"}"#, "/to"),
            (r#"{"from": "a@b", "to": ["c@d", 1]}"#, "/to/1"),
            (r#"{"from": "a@b", "headers": {"X~/Y": 1}}"#, "/headers/X~0~1Y"),
            (
                r#"{"from": "a@b", "attachments": [{"name": "", "contentType": "", "content": "", "path": ""}]}"#,
                "/attachments/0/path",
            ),
            (
                r#"{"from": "a@b", "attachments": [{"name": "", "contentType": ""}]}"#,
                "/attachments/0",
            ),
            (r#"{"from": "a@b", "expiresAt": "tomorrow"}"#, "/expiresAt"),
            (r#"{"to": []}"#, ""),
        ] {
            assert_eq!(refused(json), (expected.to_owned(), Problem::Schema), "{json}");
        }
    }

    #[test]
    fn of_a_million_small_elements_only_as_many_are_kept_as_show_that_there_are_too_many() {
        let array = |element: &str| vec![element; 1_000_000].join(",");
        let of = |members: &str| {
            let json = format!(r#"{{"from": "a@b", {members}}}"#);
            MessageRequest::from_json(json.as_bytes()).expect("a request")
        };
        for member in ["to", "cc", "bcc"] {
            let request = of(&format!(r#""{member}": [{}]"#, array(r#""""#)));
            assert_eq!(request.to.len() + request.cc.len() + request.bcc.len(), 101, "{member}");
        }
        let attachment = r#"{"name": "", "contentType": "", "content": ""}"#;
        let request = of(&format!(r#""attachments": [{}]"#, array(attachment)));
        assert_eq!(request.attachments.len(), 101);
        let fields: Vec<_> = (0..200_000).map(|at| format!(r#""X-{at}": """#)).collect();
        let request = of(&format!(r#""headers": {{{}}}"#, fields.join(",")));
        assert_eq!(request.headers.len(), 101);
    }

    #[test]
    fn text_that_is_not_json_is_refused() {
        for json in ["", "{", r#"{"from": "a@b"} x"#, r#"{"from": "a@b""#] {
            assert_eq!(refused(json), (String::new(), Problem::NotJson), "{json}");
        }
    }

    #[test]
    fn a_refusal_has_no_content_of_the_message() {
        let json = r#"{"from": "a@b", "to": "secret"}"#;
        let refused = MessageRequest::from_json(json.as_bytes()).err().expect("a refusal");
        assert!(!format!("{refused} {refused:?}").contains("secret"), "{refused:?}");
    }
}
