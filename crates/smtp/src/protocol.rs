//! The framing of commands, replies and content (RFC 5321 4.2, 4.5.2). Must not interpret them.

use std::collections::VecDeque;
use std::fmt::Display;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::time::Instant;

use super::stream::{Guarded, StreamError};

/// The maximum length of a group of commands that is sent without reading replies, in octets: it
/// fits the buffers of a peer that writes replies before it reads on (RFC 2920 3.1).
const LONGEST_GROUP: usize = 4_096;

/// The final dot (RFC 5321 4.1.1.4); the content before it ends with CRLF.
pub(super) const FINAL_DOT: &[u8] = b".\r\n";

/// A reply from the server: a code and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// Three digits, the first of them 2 to 5 (RFC 5321 4.2.1).
    pub(super) code: u16,
    /// The text of each line, at least one.
    pub(super) lines: Vec<String>,
}

/// Why no reply was read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoReply {
    /// The connection ended or passed a limit.
    #[error(transparent)]
    Broken(#[from] StreamError),
    /// A line that is not an SMTP reply.
    #[error("not a reply: {0}")]
    Unreadable(String),
    /// A reply to a command that was not sent yet.
    #[error("an unsolicited reply: {0}")]
    OutOfTurn(String),
}

impl Reply {
    /// Whether the command succeeded (2yz).
    pub(super) fn is_done(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Returns the enhanced status code (RFC 2034 4), `5.7.8`, if the text begins with one.
    pub(super) fn enhanced(&self) -> Option<&str> {
        let word = self.lines.first()?.split_whitespace().next()?;
        let mut parts = word.split('.');
        let class = parts.next()?;
        let is_number = |part: &str| {
            (1..=3).contains(&part.len()) && part.bytes().all(|octet| octet.is_ascii_digit())
        };
        let agrees = class.len() == 1 && self.code.to_string().starts_with(class);
        let is_whole = parts.clone().count() == 2 && parts.all(is_number);
        (agrees && is_whole).then_some(word)
    }

    /// Decodes the Base64 of a challenge (RFC 4954 4) if it is text: a 334 gives the reason why a
    /// server refuses a token.
    pub(super) fn decoded(self) -> Self {
        if self.code != 334 {
            return self;
        }
        let decoded = |line: &String| String::from_utf8(BASE64.decode(line.trim()).ok()?).ok();
        let lines = self.lines.iter().map(|line| decoded(line).unwrap_or_else(|| line.clone()));
        Self { code: self.code, lines: lines.collect() }
    }

    /// Returns the code and the text as one line, an enhanced status code only once.
    pub(super) fn words(&self) -> String {
        let repeated = self.enhanced();
        let mut words = self.code.to_string();
        for (index, line) in self.lines.iter().enumerate() {
            let rest = match repeated {
                Some(enhanced) if index > 0 => line.strip_prefix(enhanced).unwrap_or(line),
                _ => line,
            };
            if !rest.trim().is_empty() {
                words.push(' ');
                words.push_str(rest.trim());
            }
        }
        words
    }
}

/// Parses one line of a reply: its code, whether more lines follow, its text.
fn reply_line(line: &str) -> Option<(u16, bool, &str)> {
    let (code, rest) = line.split_at_checked(3)?;
    let is_code = code.bytes().all(|octet| octet.is_ascii_digit())
        && matches!(code.as_bytes().first(), Some(b'2'..=b'5'));
    let code = code.parse().ok().filter(|_| is_code)?;
    match rest.as_bytes().first() {
        None => Some((code, false, "")),
        Some(b' ') => Some((code, false, &rest[1..])),
        Some(b'-') => Some((code, true, &rest[1..])),
        Some(_) => None,
    }
}

/// An SMTP connection: sends commands and reads replies.
#[derive(Debug)]
pub(super) struct Connection {
    /// The transport, with its limits.
    pub(super) stream: Guarded,
    /// Commands that are not sent yet, each with its line end.
    queue: VecDeque<String>,
    /// The number of commands sent from the queue whose replies are not read yet.
    due: usize,
}

impl Connection {
    /// Creates a connection over a guarded stream.
    pub(super) fn new(stream: Guarded) -> Self {
        Self { stream, queue: VecDeque::new(), due: 0 }
    }

    /// Reads a whole reply within the reply deadline. The code is that of its last line.
    pub(super) async fn reply(&mut self) -> Result<Reply, NoReply> {
        self.reply_before(self.stream.reply_deadline()).await
    }

    /// Reads the reply to the final dot, which the server can only send after the transfer.
    pub(super) async fn final_reply(&mut self, transfer: Duration) -> Result<Reply, NoReply> {
        self.reply_before(self.stream.final_reply_deadline(transfer)).await
    }

    async fn reply_before(&mut self, deadline: Instant) -> Result<Reply, NoReply> {
        let mut lines = Vec::new();
        loop {
            let line = self.read_line(deadline, lines.is_empty()).await?;
            let Some((code, more, words)) = reply_line(&line) else {
                self.stream.give_up();
                return Err(NoReply::Unreadable(line));
            };
            lines.push(words.to_owned());
            if !more {
                return Ok(Reply { code, lines });
            }
        }
    }

    /// Reads one line of a reply. A timeout after the first line is reported as slowness.
    async fn read_line(
        &mut self,
        deadline: Instant,
        is_first: bool,
    ) -> Result<String, StreamError> {
        self.stream.line(deadline).await.map_err(|broken| match broken {
            StreamError::Silent if !is_first => StreamError::TooSlow,
            other => other,
        })
    }

    /// Returns an unsolicited reply, if one was read: a 421. Any other ends the session.
    pub(super) async fn unasked(&mut self) -> Result<Option<Reply>, NoReply> {
        if !self.stream.has_more() {
            return Ok(None);
        }
        let reply = self.reply().await?;
        if reply.code == 421 {
            return Ok(Some(reply));
        }
        self.stream.give_up();
        Err(NoReply::OutOfTurn(reply.words()))
    }

    /// Sends a command, which includes its line end, and reads the reply.
    pub(super) async fn command(&mut self, command: impl Display) -> Result<Reply, NoReply> {
        self.ask(command.to_string().as_bytes()).await
    }

    /// Sends octets and reads the reply, also a reply that was sent before the write failed.
    ///
    /// Nothing is sent after an unsolicited reply, or each reply would be taken for that to the
    /// next command. Only a 421 may come unsolicited (RFC 5321 3.8).
    pub(super) async fn ask(&mut self, octets: &[u8]) -> Result<Reply, NoReply> {
        match self.send(octets).await? {
            Some(refusal) => Ok(refusal),
            None => self.reply().await,
        }
    }

    /// Sends octets, or returns the reply that is the reason why they could not be sent.
    pub(super) async fn send(&mut self, octets: &[u8]) -> Result<Option<Reply>, NoReply> {
        if let Some(unasked) = self.unasked().await? {
            return Ok(Some(unasked));
        }
        let written = self.stream.write(octets).await;
        self.reason_of(written).await
    }

    /// Sends the content of a message, or returns the reply that is the reason why it could not be
    /// sent.
    pub(super) async fn send_content(&mut self, content: &[u8]) -> Result<Option<Reply>, NoReply> {
        if let Some(unasked) = self.unasked().await? {
            return Ok(Some(unasked));
        }
        let written = self.stream.write_content(content).await;
        self.reason_of(written).await
    }

    /// Returns the reply that is the reason why a write failed, if it did.
    async fn reason_of(
        &mut self,
        written: Result<(), StreamError>,
    ) -> Result<Option<Reply>, NoReply> {
        match written {
            Ok(()) => Ok(None),
            Err(broken) => self.reply().await.map(Some).map_err(|_| broken.into()),
        }
    }

    /// Adds a command, which includes its line end, to the queue.
    pub(super) fn queue(&mut self, command: impl Display) {
        self.queue.push_back(command.to_string());
    }

    /// Reads the reply to the next command of the queue. If none is due, sends that command before,
    /// with PIPELINING (RFC 2920) in a group with those after it.
    pub(super) async fn next_reply(&mut self, pipelining: bool) -> Result<Reply, NoReply> {
        if self.due == 0 {
            let (group, commands) = next_group(&mut self.queue, pipelining);
            if let Some(refusal) = self.send(group.as_bytes()).await? {
                return Ok(refusal);
            }
            self.due = commands;
        }
        self.due -= 1;
        self.reply().await
    }

    /// Empties the queue, and reads the replies to the commands that were sent from it.
    pub(super) async fn abandon_queue(&mut self) -> Result<(), NoReply> {
        self.queue.clear();
        while self.due > 0 {
            self.due -= 1;
            self.reply().await?;
        }
        Ok(())
    }

    /// Returns a reply that arrived before the final dot. It refuses the message, and ends the
    /// session, because the content has no end.
    pub(super) async fn early_reply(&mut self) -> Result<Option<Reply>, NoReply> {
        self.stream.read_arrived().await?;
        if !self.stream.has_more() {
            return Ok(None);
        }
        self.stream.give_up();
        self.reply().await.map(Some)
    }
}

/// Takes the commands to send at once, and returns their number: a single one without PIPELINING.
fn next_group(queue: &mut VecDeque<String>, pipelining: bool) -> (String, usize) {
    let mut group = queue.pop_front().unwrap_or_default();
    let mut commands = 1;
    let limit = if pipelining { LONGEST_GROUP } else { 0 };
    while let Some(next) = queue.pop_front_if(|next| group.len() + next.len() <= limit) {
        group.push_str(&next);
        commands += 1;
    }
    (group, commands)
}

/// Encodes a message for DATA: CRLF line ends and dot-stuffing (RFC 5321 2.3.8, 4.5.2), without
/// the final dot.
pub(super) fn content(message: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(message.len() + message.len() / 32 + 8);
    let message = message.strip_suffix(b"\n").unwrap_or(message);
    let message = message.strip_suffix(b"\r").unwrap_or(message);
    for ended_by_lf in message.split(|&octet| octet == b'\n') {
        let line = ended_by_lf.strip_suffix(b"\r").unwrap_or(ended_by_lf);
        for line in line.split(|&octet| octet == b'\r') {
            if line.starts_with(b".") {
                content.push(b'.');
            }
            content.extend_from_slice(line);
            content.extend_from_slice(b"\r\n");
        }
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, lines: &[&str]) -> Reply {
        Reply { code, lines: lines.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn a_reply_line_has_a_code_an_optional_text_and_a_continuation_mark() {
        for (line, expected) in [
            ("250 ok", Some((250, false, "ok"))),
            ("250-SIZE 1000", Some((250, true, "SIZE 1000"))),
            ("250", Some((250, false, ""))),
            ("250 ", Some((250, false, ""))),
            ("354 go", Some((354, false, "go"))),
            ("", None),
            ("25", None),
            ("150 no", None),
            ("650 no", None),
            ("+50 no", None),
            ("250x", None),
            ("SSH-2.0-OpenSSH_9.2", None),
            ("* OK IMAP4rev1", None),
            ("é50 ok", None),
        ] {
            assert_eq!(reply_line(line), expected, "{line:?}");
        }
    }

    #[test]
    fn an_enhanced_code_must_agree_with_the_code() {
        for (code, line, expected) in [
            (535, "5.7.8 Bad", Some("5.7.8")),
            (454, "4.7.0 Later", Some("4.7.0")),
            (554, "5.2.252 SendAsDenied", Some("5.2.252")),
            (535, "4.7.8 Bad", None),
            (535, "5.7 Bad", None),
            (535, "5.7.8.1 Bad", None),
            (535, "5.7.1234 Bad", None),
            (535, "Bad 5.7.8", None),
            (535, "", None),
        ] {
            assert_eq!(reply(code, &[line]).enhanced(), expected, "{line:?}");
        }
    }

    #[test]
    fn a_reply_is_joined_into_one_line_with_one_enhanced_code() {
        for (lines, expected) in [
            (
                &["5.7.25 No PTR record", "5.7.25 for this address"][..],
                "550 5.7.25 No PTR record for this address",
            ),
            (&["No", "entry"][..], "550 No entry"),
            (&[""][..], "550"),
            (&["5.7.1 Denied", ""][..], "550 5.7.1 Denied"),
        ] {
            assert_eq!(reply(550, lines).words(), expected);
        }
    }

    #[test]
    fn a_challenge_is_decoded_if_it_is_text() {
        let json = r#"{"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"}"#;
        for (code, line, expected) in [
            (334, BASE64.encode(json).as_str(), json),
            (334, "VXNlcm5hbWU6", "Username:"),
            (334, "", ""),
            (334, "no Base64", "no Base64"),
            (334, "//79", "//79"),
            (535, "VXNlcm5hbWU6", "VXNlcm5hbWU6"),
        ] {
            assert_eq!(reply(code, &[line]).decoded(), reply(code, &[expected]), "{line:?}");
        }
    }

    #[test]
    fn a_group_has_all_commands_that_fit_or_one() {
        let command = |length: usize| "x".repeat(length);
        for (lengths, pipelining, expected) in [
            (&[4_000, 96, 1][..], true, &[2, 1][..]),
            (&[4_000, 97, 4_000], true, &[1, 1, 1]),
            (&[5_000, 1, 1], true, &[1, 2]),
            (&[1, 1, 1], false, &[1, 1, 1]),
        ] {
            let mut queue: VecDeque<_> = lengths.iter().copied().map(command).collect();
            let mut groups = Vec::new();
            while !queue.is_empty() {
                groups.push(next_group(&mut queue, pipelining).1);
            }
            assert_eq!(groups, expected, "{lengths:?}");
        }
    }

    #[test]
    fn content_has_crlf_line_ends_and_stuffed_dots() {
        for (message, expected) in [
            ("a\r\nb\r\n", "a\r\nb\r\n"),
            ("a", "a\r\n"),
            ("a\r\n\r\n", "a\r\n\r\n"),
            ("a\nb\n", "a\r\nb\r\n"),
            ("a\rb", "a\r\nb\r\n"),
            (".\r\n", "..\r\n"),
            ("a\r\n.b\r\n..c\r\nd.\r\n", "a\r\n..b\r\n...c\r\nd.\r\n"),
            ("a\n.\nMAIL FROM:<x>", "a\r\n..\r\nMAIL FROM:<x>\r\n"),
            ("a\r.\rb", "a\r\n..\r\nb\r\n"),
            ("", "\r\n"),
        ] {
            assert_eq!(content(message.as_bytes()), expected.as_bytes(), "{message:?}");
        }
    }
}
