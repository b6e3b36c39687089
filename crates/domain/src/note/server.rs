//! Notes on SMTP Server: email addresses, URLs, ports, incoming mail servers and non-public names.

use super::{Found, Note};
use crate::syntax::host::{Host, mail_host};
use crate::{Draft, Field};
use crate::{
    preset::server_of_domain, syntax::address::email_address, syntax::port::port,
    syntax::url::split_port,
};

/// Returns the notes on a mail server.
pub fn notes(field: Field, draft: &Draft) -> Vec<Note> {
    let text = draft.text(field).trim();
    match mail_host(text) {
        Ok(Host::Name(name)) if name.contains('_') => {
            vec![Note::without_correction(Found::NotPublic)]
        }
        Ok(Host::Name(name)) if is_incoming(&name) => vec![incoming_server_note(field, &name)],
        Ok(_) => Vec::new(),
        Err(_) if email_address(text).is_ok() => vec![address_note(field, text)],
        Err(_) => url_note(field, text).into_iter().collect(),
    }
}

/// Whether the first label of a name is that of an incoming mail server.
fn is_incoming(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or(name);
    ["imap", "imap4", "pop", "pop3"].iter().any(|known| known.eq_ignore_ascii_case(first))
}

/// An incoming mail server; the correction is its provider's outgoing server, if known.
fn incoming_server_note(field: Field, name: &str) -> Note {
    match name.split_once('.').and_then(|(_, domain)| server_of_domain(domain)) {
        Some(server) => Note::with_correction(Found::IncomingServer, field, server),
        None => Note::without_correction(Found::IncomingServer),
    }
}

/// An email address; the correction is its provider's server, if known.
fn address_note(field: Field, text: &str) -> Note {
    let domain = text.rsplit('@').next().unwrap_or_default();
    match server_of_domain(domain) {
        Some(server) => Note::with_correction(Found::AddressAsServer, field, server),
        None => Note::without_correction(Found::AddressAsServer),
    }
}

/// A URL, or a server with a port; the correction splits server and port.
fn url_note(field: Field, text: &str) -> Option<Note> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next()?;
    let (server, number) = split_port(authority);
    let (server, number) = match (number, authority.split_once([',', ' ', ';'])) {
        (None, Some((server, number))) => (server, Some(number.trim())),
        _ => (server, number),
    };
    let number = number.filter(|number| !number.is_empty());
    let is_right = mail_host(server).is_ok() && number.is_none_or(|number| port(number).is_ok());
    (is_right && server != text).then_some(())?;
    let mut note = Note::with_correction(Found::UrlAsServer, field, server);
    let ports = if field == Field::BasicServer { Field::BasicPort } else { Field::OauthPort };
    note.corrections.extend(number.map(|number| (ports, number.to_owned())));
    Some(note)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes_on(text: &str) -> Vec<Note> {
        notes(Field::BasicServer, &Draft::default().with_texts([(Field::BasicServer, text)]))
    }

    #[test]
    fn the_server_of_a_known_address_domain_is_suggested() {
        for (text, expected) in [
            ("ada@gmail.com", "smtp.gmail.com"),
            ("ada@Hotmail.com", "smtp-mail.outlook.com"),
            ("ada@contoso.onmicrosoft.com", "smtp.office365.com"),
            ("ada@yahoo.co.uk", "smtp.mail.yahoo.com"),
            ("ada@fastmail.com", "smtp.fastmail.com"),
            ("ada@yandex.ru", "smtp.yandex.com"),
            ("ada@zoho.eu", "smtp.zoho.eu"),
            ("ada@icloud.com", "smtp.mail.me.com"),
        ] {
            let [note] = &notes_on(text)[..] else { panic!("{text}") };
            assert_eq!(note.found, Found::AddressAsServer);
            assert_eq!(note.corrections, [(Field::BasicServer, expected.to_owned())], "{text}");
        }
        assert_eq!(
            notes_on("noreply@example.com"),
            [Note::without_correction(Found::AddressAsServer)]
        );
    }

    #[test]
    fn urls_and_ports_are_split() {
        for (text, server, port) in [
            ("smtp://smtp.example.com:587", "smtp.example.com", Some("587")),
            ("https://smtp.example.com/mail?x#y", "smtp.example.com", None),
            ("smtps://ada@smtp.example.com", "smtp.example.com", None),
            ("smtp.example.com:587", "smtp.example.com", Some("587")),
            ("smtp.example.com, 587", "smtp.example.com", Some("587")),
            ("smtp.example.com 587", "smtp.example.com", Some("587")),
            ("[2001:db8::1]:25", "[2001:db8::1]", Some("25")),
            ("smtp.example.com/", "smtp.example.com", None),
        ] {
            let [note] = &notes_on(text)[..] else { panic!("{text}") };
            let mut expected = vec![(Field::BasicServer, server.to_owned())];
            expected.extend(port.map(|port| (Field::BasicPort, port.to_owned())));
            assert_eq!(
                (&note.found, &note.corrections),
                (&Found::UrlAsServer, &expected),
                "{text}"
            );
        }
        for text in ["smtp.example.com", "2001:db8::1", "192.0.2.1", "smtp.example.com:x", "a b"] {
            assert_eq!(notes_on(text), [], "{text}");
        }
    }

    #[test]
    fn an_incoming_mail_server_is_noted() {
        let expected =
            [Note::with_correction(Found::IncomingServer, Field::BasicServer, "smtp.gmail.com")];
        assert_eq!(notes_on("imap.gmail.com"), expected);
        assert_eq!(notes_on("POP3.host.test"), [Note::without_correction(Found::IncomingServer)]);
        assert_eq!(notes_on("popular.host.test"), []);
    }

    #[test]
    fn a_name_with_an_underscore_is_noted() {
        assert_eq!(notes_on("mail_server"), [Note::without_correction(Found::NotPublic)]);
    }
}
