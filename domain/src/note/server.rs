//! SMTP Server: an email address, a URL or a port in it, and names that are no public ones.

use super::{Found, Note};
use crate::check::address::email_address;
use crate::check::host::{Host, mail_host};
use crate::check::port::port;
use crate::check::url::split_port;
use crate::draft::Draft;
use crate::field::Field;
use crate::preset::server_of_domain;

/// What is to be known of a mail server.
pub fn notes(field: Field, draft: &Draft) -> Vec<Note> {
    let text = draft.text(field).trim();
    match mail_host(text) {
        Ok(Host::Name(name)) if name.contains('_') => vec![Note::only(Found::NotPublic)],
        Ok(Host::Name(name)) if is_incoming(&name) => vec![incoming(field, &name)],
        Ok(_) => Vec::new(),
        Err(_) if email_address(text).is_ok() => vec![address(field, text)],
        Err(_) => url(field, text).into_iter().collect(),
    }
}

/// Whether a name is by its first label a server that mail is read from.
fn is_incoming(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or(name);
    ["imap", "imap4", "pop", "pop3"].iter().any(|known| known.eq_ignore_ascii_case(first))
}

/// A server that mail is read from, with its provider's for sending where that is known.
fn incoming(field: Field, name: &str) -> Note {
    match name.split_once('.').and_then(|(_, domain)| server_of_domain(domain)) {
        Some(server) => Note::put(Found::IncomingServer, field, server),
        None => Note::only(Found::IncomingServer),
    }
}

/// An email address, with its provider's server where that is known.
fn address(field: Field, text: &str) -> Note {
    let domain = text.rsplit('@').next().unwrap_or_default();
    match server_of_domain(domain) {
        Some(server) => Note::put(Found::AddressAsServer, field, server),
        None => Note::only(Found::AddressAsServer),
    }
}

/// A URL, or a server with its port: the server, and the port in its own control.
fn url(field: Field, text: &str) -> Option<Note> {
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
    let mut note = Note::put(Found::UrlAsServer, field, server);
    let ports = if field == Field::BasicServer { Field::BasicPort } else { Field::OauthPort };
    note.corrections.extend(number.map(|number| (ports, number.to_owned())));
    Some(note)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<Note> {
        let mut draft = Draft::default();
        draft.edit(Field::BasicServer, text);
        notes(Field::BasicServer, &draft)
    }

    #[test]
    fn the_server_of_a_known_address_is_offered() {
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
            let [note] = &of(text)[..] else { panic!("{text}") };
            assert_eq!(note.found, Found::AddressAsServer);
            assert_eq!(note.corrections, [(Field::BasicServer, expected.to_owned())], "{text}");
        }
        assert_eq!(of("noreply@example.com"), [Note::only(Found::AddressAsServer)]);
    }

    #[test]
    fn a_url_and_a_port_are_taken_apart() {
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
            let [note] = &of(text)[..] else { panic!("{text}") };
            let mut expected = vec![(Field::BasicServer, server.to_owned())];
            expected.extend(port.map(|port| (Field::BasicPort, port.to_owned())));
            assert_eq!(
                (&note.found, &note.corrections),
                (&Found::UrlAsServer, &expected),
                "{text}"
            );
        }
        for text in ["smtp.example.com", "2001:db8::1", "192.0.2.1", "smtp.example.com:x", "a b"] {
            assert_eq!(of(text), [], "{text}");
        }
    }

    #[test]
    fn a_server_that_mail_is_read_from_is_noted() {
        let expected = [Note::put(Found::IncomingServer, Field::BasicServer, "smtp.gmail.com")];
        assert_eq!(of("imap.gmail.com"), expected);
        assert_eq!(of("POP3.host.test"), [Note::only(Found::IncomingServer)]);
        assert_eq!(of("popular.host.test"), []);
    }

    #[test]
    fn a_name_with_an_underscore_is_no_public_one() {
        assert_eq!(of("mail_server"), [Note::only(Found::NotPublic)]);
    }
}
