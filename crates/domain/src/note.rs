//! Advisory notes on typed text: invisible characters, placeholders, an address in the wrong control.
//! They are codes with optional corrections, computed while the user types. Notes never prevent a
//! save; validation is in [`crate::validate`].

mod endpoint;
mod placeholder;
mod scope;
mod sender;
mod server;

use std::fmt;

use crate::syntax::text::{is_invisible, is_unsafe_in_one_line};
use crate::{Draft, Field, Presence, field::Kind, presence, preset::Provider, syntax::port::port};

/// An advisory note on a control's text.
#[derive(Clone, PartialEq, Eq)]
pub struct Note {
    /// The finding.
    pub found: Found,
    /// Values that a button puts into controls; empty if there is no automatic correction.
    pub corrections: Vec<(Field, String)>,
}

/// Omits the corrections, which may contain a secret.
impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.found.fmt(f)
    }
}

impl Note {
    /// A note without a correction.
    fn without_correction(found: Found) -> Self {
        Self { found, corrections: Vec::new() }
    }

    /// A note with the corrected text of one control.
    fn with_correction(found: Found, field: Field, text: impl Into<String>) -> Self {
        Self { found, corrections: vec![(field, text.into())] }
    }
}

/// A finding. Its text is a part of the typed text, never of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Leading or trailing spaces in a text that is sent verbatim.
    BlankAtEnd,
    /// Spaces inside a text that must not contain any.
    BlankInside,
    /// An invisible character.
    Invisible {
        /// The first invisible character.
        character: char,
        /// Its position in characters, starting at 1.
        place: usize,
        /// The number of further invisible characters.
        more: usize,
    },
    /// Quotation marks or angle brackets around the value.
    Quoted,
    /// A placeholder copied from documentation.
    Placeholder(String),
    /// A domain reserved for examples (RFC 2606 3).
    Example,
    /// Scopes that are not separated by single spaces (RFC 6749 3.3).
    ScopeSeparators,
    /// An address with a display name or as a `mailto:` link.
    NotAnAddressAlone,
    /// An address in a tenant's onmicrosoft.com domain.
    OnMicrosoft,
    /// An email address in a server control.
    AddressAsServer,
    /// A URL, or a server with a port, in a server control.
    UrlAsServer,
    /// A server for incoming mail (IMAP or POP).
    IncomingServer,
    /// A name with an underscore, which is not a host name in the public DNS.
    NotPublic,
    /// Other text around a port number.
    NotAPortAlone,
    /// An endpoint without `https://`, or with `http://`.
    NoHttps,
    /// A metadata URL (RFC 8414) in an endpoint control.
    Metadata,
    /// Query parameters that PPM adds itself.
    OwnParameters(Vec<String>),
    /// The two endpoints are swapped.
    Interchanged,
    /// An Authorization Endpoint in the Token Endpoint control.
    AuthorizationEndpoint,
    /// A Token Endpoint in the Authorization Endpoint control.
    TokenEndpoint,
    /// The two endpoints belong to different providers; `None` is an unknown provider.
    OtherProvider(Option<Provider>, Option<Provider>),
    /// The endpoints belong to one provider and the mail server to another.
    OtherMailServer(Provider, Provider),
    /// The two endpoints name different tenants: this endpoint's and the other's.
    OtherTenant(String, String),
    /// This Microsoft endpoint is v1 and the other one is v2.0.
    OtherVersion,
}

/// Returns the other controls that the notes on a control depend on.
pub const fn follows(field: Field) -> &'static [Field] {
    match field {
        Field::BasicSender => &[Field::Flow, Field::BasicDisplayName],
        Field::OauthSender => &[Field::Flow, Field::OauthDisplayName],
        Field::AuthorizationEndpoint | Field::TokenEndpoint => &[
            Field::Flow,
            Field::OauthSender,
            Field::OauthServer,
            Field::AuthorizationEndpoint,
            Field::TokenEndpoint,
        ],
        Field::ClientSecret => &[Field::Flow, Field::ClientAuthentication],
        _ => &[Field::Flow],
    }
}

/// Returns all notes on a control's text; none for a disabled control.
pub fn notes(field: Field, draft: &Draft) -> Vec<Note> {
    let text = draft.text(field);
    if text.is_empty() || !field.is_line() || presence(field, draft) == Presence::Disabled {
        return Vec::new();
    }
    let mut notes = character_notes(field, text);
    match field {
        Field::BasicSender | Field::OauthSender => notes.extend(sender::notes(field, draft)),
        Field::BasicServer | Field::OauthServer => notes.extend(server::notes(field, draft)),
        Field::BasicPort | Field::OauthPort => notes.extend(port_note(field, text)),
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

/// Notes on single characters.
fn character_notes(field: Field, text: &str) -> Vec<Note> {
    let body = text.trim();
    let mut notes = Vec::new();
    if body.len() < text.len() && is_sent_verbatim(field) {
        notes.push(Note::with_correction(Found::BlankAtEnd, field, body));
    }
    notes.extend(invisible(field, text));
    if forbids_spaces(field) && body.contains(' ') {
        notes.push(Note::with_correction(Found::BlankInside, field, body.replace(' ', "")));
    }
    if let Some(inner) = unquoted(field, body) {
        notes.push(Note::with_correction(Found::Quoted, field, inner));
    }
    notes
}

/// Whether a text is sent verbatim, including spaces at its ends. Scope has its own note.
const fn is_sent_verbatim(field: Field) -> bool {
    matches!(
        field,
        Field::Username
            | Field::Password
            | Field::ClientId
            | Field::ClientSecret
            | Field::RedirectUri
    )
}

const fn forbids_spaces(field: Field) -> bool {
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

/// The note on invisible characters, except whitespace at the ends, which is trimmed.
fn invisible(field: Field, text: &str) -> Option<Note> {
    let is_invisible_here = |c: char| match field {
        // In display names, zero width joiners are part of the spelling.
        Field::BasicDisplayName | Field::OauthDisplayName => {
            is_unsafe_in_one_line(c) || matches!(c, '\u{AD}' | '\u{200B}' | '\u{FEFF}')
        }
        // Other whitespace separates scopes; see `scope`.
        Field::Scope => is_invisible(c) && !c.is_whitespace(),
        _ => is_invisible(c),
    };
    let before = text.len() - text.trim_start().len();
    let body = text.trim();
    let at = body.find(is_invisible_here)?;
    let character = body[at..].chars().next()?;
    let place = text[..before + at].chars().count() + 1;
    let more = body.matches(is_invisible_here).count() - 1;
    let removed = text.replace(is_invisible_here, "");
    Some(Note::with_correction(Found::Invisible { character, place, more }, field, removed))
}

/// Removes surrounding quotation marks. One mark at one end is enough in controls whose values never
/// contain one.
fn unquoted(field: Field, text: &str) -> Option<&str> {
    const QUOTES: &str = "\"'`“”„‘’‚«»‹›＂";
    let is_quote = |c| QUOTES.contains(c);
    let may_contain_quotes = matches!(field.kind(), Kind::Secret)
        || matches!(
            field,
            Field::BasicSender
                | Field::OauthSender
                | Field::BasicDisplayName
                | Field::OauthDisplayName
                | Field::Username
        );
    let is_surrounded = text.len() > 1 && text.starts_with(is_quote) && text.ends_with(is_quote);
    let inner = match text.strip_prefix('<').and_then(|text| text.strip_suffix('>')) {
        Some(inner) if inner.contains("://") || inner.contains('@') => inner,
        _ if may_contain_quotes && !is_surrounded => text,
        _ => text.trim_matches(is_quote),
    };
    (inner.len() < text.len() && !inner.is_empty()).then_some(inner)
}

/// The note on a port with other text around it; the correction is the only number in the text.
fn port_note(field: Field, text: &str) -> Option<Note> {
    if port(text.trim()).is_ok() {
        return None;
    }
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty());
    let (number, None) = (numbers.next()?, numbers.next()) else { return None };
    port(number).ok().map(|_| Note::with_correction(Found::NotAPortAlone, field, number))
}
