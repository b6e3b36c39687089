//! Texts of the notes on typed text, and of their buttons.

use domain::announcement::{Announcement, AnnouncementCode};
use domain::{Field, field::Kind, note::Found, preset::Provider, syntax::text::shown};

/// The message if whitespace was trimmed.
pub const BLANKS_REMOVED: &str = "Spaces at the beginning or end were removed.";

/// The button that fills in the OAuth settings from Basic SMTP Settings.
pub const MOVE_TO_OAUTH: &str = "Move to OAuth";

/// The help text of that button.
pub const MOVE_TO_OAUTH_HELP: &str = "Move to OAuth chooses Authorization Code with PKCE, copies server, port and sender to OAuth SMTP Settings, and fills in the endpoints of your tenant. You then enter Client ID and Client Secret of an application that you register at Microsoft.";

/// The text of a finding, with an instruction if it has no button.
pub fn note(at: Field, found: &Found) -> String {
    if at.kind() == Kind::Secret {
        return secret_text(found).to_owned();
    }
    match found {
        Found::Invisible { character, place, more } => invisible(*character, *place, *more),
        Found::Placeholder(text) => {
            format!("{} is a placeholder. Enter your own value.", shown(text))
        }
        Found::OwnParameters(names) => {
            format!("PPM adds these parameters itself: {}.", shown(&names.join(", ")))
        }
        Found::OtherProvider(here, there) => format!(
            "This endpoint is {}, Authorization Endpoint is {}. Both must come from one provider.",
            possessive(*here),
            possessive(*there)
        ),
        Found::OtherMailServer(endpoints, server) => {
            format!(
                "The endpoints are {}, but SMTP Server is {}. Both must belong to one provider.",
                possessive(Some(*endpoints)),
                possessive(Some(*server))
            )
        }
        Found::OtherTenant(here, there) => format!(
            "The endpoints name different tenants: {} here, {} in the other one. Use the same in both.",
            shown(here),
            shown(there)
        ),
        other => fixed_text(other).to_owned(),
    }
}

const fn fixed_text(found: &Found) -> &'static str {
    match found {
        Found::BlankAtEnd => "It starts or ends with a space, which PPM would send.",
        Found::BlankInside => "It contains spaces.",
        Found::Quoted => "There are quotation marks or brackets around it.",
        Found::Example => "This is an example from documentation. Enter your own value.",
        Found::ScopeSeparators => "Separate scopes with single spaces.",
        Found::NotAnAddressAlone => "Only an email address belongs here.",
        Found::OnMicrosoft => {
            "Microsoft limits how much mail can be sent from an onmicrosoft.com address to recipients outside your organisation. Use an address in a domain of your own."
        }
        Found::AddressAsServer => {
            "This is an email address. Enter the name of the SMTP server, which your mail provider's documentation names under SMTP or outgoing mail."
        }
        Found::UrlAsServer => "Only the server's name belongs here. The port has its own field.",
        Found::IncomingServer => {
            "By its name, this server is for incoming mail. Enter the server for outgoing mail."
        }
        Found::NotPublic => {
            "A name with an underscore is not a name of the public DNS. It works only inside a network that knows it, such as Docker Compose or Windows."
        }
        Found::NotAPortAlone => "Only the number belongs here.",
        Found::NoHttps => "An endpoint begins with https://.",
        Found::Metadata => {
            "This is the address of the provider's metadata. Enter it in Issuer or tenant address, and select Fill from discovery."
        }
        Found::Interchanged => "Authorization Endpoint and Token Endpoint are swapped.",
        Found::AuthorizationEndpoint => {
            "This is an Authorization Endpoint. Enter the provider's Token Endpoint."
        }
        Found::TokenEndpoint => {
            "This is a Token Endpoint. Enter the provider's Authorization Endpoint."
        }
        Found::OtherVersion => {
            "This is an endpoint of Microsoft's version 1.0, and the other one is of version 2.0. Use version 2.0 in both."
        }
        Found::Invisible { .. }
        | Found::Placeholder(_)
        | Found::OwnParameters(_)
        | Found::OtherProvider(..)
        | Found::OtherMailServer(..)
        | Found::OtherTenant(..) => "",
    }
}

/// The text of a finding in a secret. It must not reveal the position.
const fn secret_text(found: &Found) -> &'static str {
    match found {
        Found::BlankAtEnd => "What you typed starts or ends with a space.",
        Found::Quoted => "What you typed has quotation marks or brackets around it.",
        _ => "What you typed has an invisible character in it.",
    }
}

fn invisible(character: char, place: usize, more: usize) -> String {
    let name = match character {
        '\t' => "a tab",
        '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => "a line break",
        '\u{A0}' | '\u{202F}' => "a no-break space",
        '\u{AD}' => "a soft hyphen",
        '\u{200B}' => "a zero width space",
        '\u{200C}' | '\u{200D}' => "a zero width joiner",
        '\u{FEFF}' => "a byte order mark",
        '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
            "a mark of reading direction"
        }
        _ => "a character that cannot be seen",
    };
    let more = match more {
        0 => String::new(),
        1 => " There is one more.".to_owned(),
        more => format!(" There are {more} more."),
    };
    let code = u32::from(character);
    format!("Invisible character at position {place}: {name} (U+{code:04X}).{more}")
}

fn possessive(provider: Option<Provider>) -> String {
    provider.map_or_else(|| "another provider's".to_owned(), |known| format!("{}'s", known.name()))
}

/// The label of the button that applies the corrections.
pub fn correction(found: &Found, corrections: &[(Field, String)]) -> String {
    match (found, corrections) {
        (Found::Invisible { more: 0, .. } | Found::BlankAtEnd, _) => "Remove it".to_owned(),
        (Found::Invisible { .. } | Found::BlankInside | Found::Quoted, _) => {
            "Remove them".to_owned()
        }
        (Found::OwnParameters(names), _) if names.len() == 1 => "Remove it".to_owned(),
        (Found::OwnParameters(_), _) => "Remove them".to_owned(),
        (Found::Interchanged, _) => "Exchange them".to_owned(),
        (Found::OtherTenant(_, there), _) => format!("Use tenant {}", shown(there)),
        (_, corrections) => {
            let values: Vec<_> = corrections.iter().map(|(_, value)| shown(value)).collect();
            format!("Use {}", values.join(", "))
        }
    }
}

/// The text of a provider's notice, and its source.
pub fn notice(Announcement { code, source, read, .. }: Announcement) -> (&'static str, String) {
    let says = match code {
        AnnouncementCode::PasswordsEnd => {
            "At the end of December 2026, Microsoft turns sign-in with a password off by default for SMTP. An administrator can turn it on again. OAuth stays."
        }
        AnnouncementCode::PasswordsAreOff => {
            "Since the end of December 2026, sign-in with a password for SMTP is off by default at Microsoft. An administrator of your organisation can turn it on again. OAuth stays."
        }
        AnnouncementCode::PasswordsEndForGood => {
            "Sign-in with a password for SMTP is off by default at Microsoft and ends for good: Microsoft wanted to announce the date in the second half of 2027. OAuth stays."
        }
    };
    (says, format!("Source: {source}, read on {read}."))
}
