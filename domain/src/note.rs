//! What looks wrong with what is typed: a character that cannot be seen, a placeholder, an address in
//! the wrong control. Found while the form is typed, before anything is sent; in codes, with what a
//! press of a button would put right. Notes keep nothing from being saved: that is for
//! [`crate::check`].

mod endpoint;
mod placeholder;
mod scope;
mod sender;
mod server;

use std::fmt;

use crate::check::port::port;
use crate::check::text::{is_invisible, is_unsafe_in_one_line};
use crate::draft::Draft;
use crate::field::{Field, Kind};
use crate::preset::Provider;
use crate::rules::{Presence, presence};

/// Something to know of a control's text.
#[derive(Clone, PartialEq, Eq)]
pub struct Note {
    /// What was found.
    pub found: Found,
    /// What a button puts into controls; nothing where only the administrator knows better.
    pub corrections: Vec<(Field, String)>,
}

/// Without the corrections, which may hold a secret.
impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.found.fmt(f)
    }
}

impl Note {
    /// A note that no button puts right.
    fn only(found: Found) -> Self {
        Self { found, corrections: Vec::new() }
    }

    /// A note with the text that is right.
    fn put(found: Found, field: Field, text: impl Into<String>) -> Self {
        Self { found, corrections: vec![(field, text.into())] }
    }
}

/// What was found. Text in it is a piece of what is typed, never of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A blank at an end of a text that is sent as it is typed.
    BlankAtEnd,
    /// Blanks within a text that has a use for none.
    BlankInside,
    /// A character that cannot be seen.
    Invisible {
        /// The first of them.
        character: char,
        /// Its place, counted from 1.
        place: usize,
        /// How many more there are.
        more: usize,
    },
    /// Quotation marks or angle brackets around the value.
    Quoted,
    /// A placeholder of some documentation.
    Placeholder(String),
    /// A name that documentation uses for examples (RFC 2606 3).
    Example,
    /// Scopes that are not separated by single blanks.
    ScopeSeparators,
    /// A name and an address, or a link to one, where an address alone belongs.
    NotAnAddressAlone,
    /// An address under a tenant's first domain.
    OnMicrosoft,
    /// An email address where a server belongs.
    AddressAsServer,
    /// A URL, or a server with its port, where a server's name belongs.
    UrlAsServer,
    /// A server that mail is read from.
    IncomingServer,
    /// A name with an underscore, which the public DNS has for no host.
    NotPublic,
    /// A number with something around it where a port belongs.
    NotAPortAlone,
    /// No `https://` before an endpoint, or `http://`.
    NoHttps,
    /// The address of metadata where an endpoint belongs.
    Metadata,
    /// Parameters that PPM adds itself.
    OwnParameters(Vec<String>),
    /// The two endpoints are interchanged.
    Interchanged,
    /// An Authorization Endpoint where a Token Endpoint belongs.
    AuthorizationEndpoint,
    /// A Token Endpoint where an Authorization Endpoint belongs.
    TokenEndpoint,
    /// The two endpoints are of different providers, or of a known one and another.
    OtherProvider(Option<Provider>, Option<Provider>),
    /// The endpoints are of one provider and the mail server is of another.
    OtherMailServer(Provider, Provider),
    /// The two endpoints name different tenants: the one here, and the one there.
    OtherTenant(String, String),
    /// Of Microsoft's two endpoints, this one is of version 1.
    OtherVersion,
}

/// The controls whose text the notes of another control depend on.
pub const FOLLOWS: [Field; 8] = [
    Field::Flow,
    Field::BasicDisplayName,
    Field::OauthSender,
    Field::OauthDisplayName,
    Field::OauthServer,
    Field::AuthorizationEndpoint,
    Field::TokenEndpoint,
    Field::ClientAuthentication,
];

/// Everything to know of what is typed in a control; nothing of one that takes no input.
#[must_use]
pub fn notes(field: Field, draft: &Draft) -> Vec<Note> {
    let text = draft.text(field);
    if text.is_empty() || !field.is_line() || presence(field, draft) == Presence::Disabled {
        return Vec::new();
    }
    let mut notes = of_characters(field, text);
    match field {
        Field::BasicSender | Field::OauthSender => notes.extend(sender::notes(field, draft)),
        Field::BasicServer | Field::OauthServer => notes.extend(server::notes(field, draft)),
        Field::BasicPort | Field::OauthPort => notes.extend(of_port(field, text)),
        Field::AuthorizationEndpoint | Field::TokenEndpoint => {
            notes.extend(endpoint::notes(field, draft));
        }
        Field::Scope => notes.extend(scope::note(text)),
        _ => {}
    }
    if field.kind() != Kind::Secret {
        notes.extend(placeholder::note(field, draft));
    }
    notes
}

/// What is said of single characters, in any kind of text.
fn of_characters(field: Field, text: &str) -> Vec<Note> {
    let body = text.trim();
    let mut notes = Vec::new();
    if body.len() < text.len() && is_kept_with_its_ends(field) {
        notes.push(Note::put(Found::BlankAtEnd, field, body));
    }
    notes.extend(invisible(field, text));
    if has_no_use_for_blanks(field) && body.contains(' ') {
        notes.push(Note::put(Found::BlankInside, field, body.replace(' ', "")));
    }
    if let Some(inner) = unquoted(field, body) {
        notes.push(Note::put(Found::Quoted, field, inner));
    }
    notes
}

/// Whether a text goes out letter for letter, blanks at its ends included. Of Scope more is said.
const fn is_kept_with_its_ends(field: Field) -> bool {
    matches!(
        field,
        Field::Username
            | Field::Password
            | Field::ClientId
            | Field::ClientSecret
            | Field::RedirectUri
    )
}

const fn has_no_use_for_blanks(field: Field) -> bool {
    matches!(
        field,
        Field::ClientId
            | Field::AuthorizationEndpoint
            | Field::TokenEndpoint
            | Field::RedirectUri
            | Field::BasicServer
            | Field::OauthServer
    )
}

/// The characters that cannot be seen, but for the blanks that are removed from the ends anyway.
fn invisible(field: Field, text: &str) -> Option<Note> {
    let is_found = |c: char| match field {
        // In a name, joiners and their like are spelling.
        Field::BasicDisplayName | Field::OauthDisplayName => {
            is_unsafe_in_one_line(c) || matches!(c, '\u{AD}' | '\u{200B}' | '\u{FEFF}')
        }
        // Blanks of other kinds separate scopes: see there.
        Field::Scope => is_invisible(c) && !c.is_whitespace(),
        _ => is_invisible(c),
    };
    let before = text.len() - text.trim_start().len();
    let body = text.trim();
    let at = body.find(is_found)?;
    let character = body[at..].chars().next()?;
    let place = text[..before + at].chars().count() + 1;
    let more = body.matches(is_found).count() - 1;
    let removed = text.replace(is_found, "");
    Some(Note::put(Found::Invisible { character, place, more }, field, removed))
}

/// A text without the quotation marks around it: a mark at one end is enough where no value has one.
fn unquoted(field: Field, text: &str) -> Option<&str> {
    const QUOTES: &str = "\"'`“”„‘’‚«»‹›＂";
    let is_quote = |c| QUOTES.contains(c);
    let may_have_one = matches!(field.kind(), Kind::Secret)
        || matches!(
            field,
            Field::BasicSender
                | Field::OauthSender
                | Field::BasicDisplayName
                | Field::OauthDisplayName
                | Field::Username
        );
    let is_around = text.len() > 1 && text.starts_with(is_quote) && text.ends_with(is_quote);
    let inner = match text.strip_prefix('<').and_then(|text| text.strip_suffix('>')) {
        Some(inner) if inner.contains("://") || inner.contains('@') => inner,
        _ if may_have_one && !is_around => text,
        _ => text.trim_matches(is_quote),
    };
    (inner.len() < text.len() && !inner.is_empty()).then_some(inner)
}

/// A port with something around it: the one number in it.
fn of_port(field: Field, text: &str) -> Option<Note> {
    if port(text.trim()).is_ok() {
        return None;
    }
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty());
    let (number, None) = (numbers.next()?, numbers.next()) else { return None };
    port(number).ok().map(|_| Note::put(Found::NotAPortAlone, field, number))
}
