//! Texts for Microsoft Entra error numbers (AADSTS…). Microsoft changes the numbers, so they select
//! texts only, are shown next to Microsoft's own error, and fall back to the generic text. Server only.

use contract::{Explanation, NextStep};
use domain::{Form, OauthFlow, microsoft};
use labels::{Words, words};

use crate::provider;
use crate::steps::{with_copy, with_link};

/// The date on which Microsoft's pages on the numbers were read.
const READ: &str = "28 November 2026";

const SIGN_IN_AGAIN: &str = "Press Get Auth Token, and sign in again.";
const ADMIN_CENTER: &str =
    "In the Microsoft Entra admin center, open the application under App registrations";

/// Returns the text of an error number, if it has one. Client Credentials have no user.
const fn words_of(number: u32, is_application: bool) -> Option<Words> {
    Some(match number {
        7_000_215 => words(&[
            "Client Secret is wrong.",
            "Enter the secret's value, not its ID: the admin center lists them next to each other.",
            "The value is shown only once, when the secret is created. If you no longer have it, create a new secret under Certificates & secrets.",
        ]),
        7_000_222 => words(&[
            "Client Secret has expired.",
            "In the Microsoft Entra admin center, open the application under App registrations, Certificates & secrets, make a new secret, and enter its value in Client Secret.",
            "If a policy forbids new secrets, ask the administrator of Microsoft Entra for an exception for this application.",
        ]),
        700_016 => words(&[
            "The tenant in the endpoints has no application with this Client ID.",
            "Compare Client ID with Application (client) ID on the application's page under App registrations.",
            "Check that the tenant in the endpoints is the one in which the application is registered.",
        ]),
        7_000_112 => words(&[
            "The application is disabled in Microsoft Entra.",
            "Open the application under Enterprise applications, Properties, and let users sign in there (Enabled for users to sign-in).",
        ]),
        90_002 | 900_023 => words(&[
            "Microsoft has no tenant with this name or ID: the tenant in the endpoints is wrong.",
            "Look for a typing mistake in the tenant, which follows the host name in the endpoints, such as contoso.onmicrosoft.com.",
            "The tenant's ID always works: it is on the Overview page of the Microsoft Entra admin center.",
        ]),
        50_059 | 50_194 if is_application => words(&[
            "Token Endpoint has to name your tenant.",
            "Put the tenant, such as contoso.onmicrosoft.com or its ID, into Token Endpoint in place of common.",
            "The ID is on the Overview page of the Microsoft Entra admin center.",
        ]),
        50_059 | 50_194 => words(&[
            "The endpoints have to name your tenant.",
            "Put the tenant, such as contoso.onmicrosoft.com or its ID, into Authorization Endpoint and Token Endpoint in place of common.",
            "The ID is on the Overview page of the Microsoft Entra admin center.",
        ]),
        50_011 | 500_113 | 900_971 => words(&[
            "Redirect URI is not registered for this application.",
            "In the Microsoft Entra admin center, open the application under App registrations, Authentication, and add Redirect URI for the platform Web, letter for letter.",
        ]),
        65_001 if is_application => words(&[
            "No administrator has approved this application in the tenant.",
            "Check that the tenant in Token Endpoint is the one in which the application is registered.",
            "Let an administrator of Microsoft Entra approve the application there.",
        ]),
        65_001 => words(&[
            "This application has no consent yet.",
            "Press Get Auth Token, and accept what the provider asks.",
            "If users may not consent, ask an administrator to press Grant admin consent on the application's page, under API permissions.",
        ]),
        500_011 => words(&[
            "The tenant does not know the service that Scope names.",
            "Check Scope for a typing mistake in the address before the last slash.",
            "Check the tenant in the endpoints: it has to have Exchange Online.",
        ]),
        70_011 | 28_002 | 28_003 => words(&[
            "Microsoft does not accept Scope.",
            "Check Scope: separate scopes with spaces, and use the scopes of one service only.",
        ]),
        650_053 => words(&[
            "Scope names a permission that does not exist.",
            "Check Scope for a typing mistake after the last slash, and separate scopes with spaces.",
        ]),
        900_144 => words(&[
            "The request lacks a parameter that this endpoint requires.",
            "Microsoft's own words name the parameter.",
            "Check the endpoints against Microsoft's documentation.",
        ]),
        9_000_411 if is_application => words(&[
            "The request has a parameter twice.",
            "Microsoft's own words name the parameter.",
            "Remove it from the query of Token Endpoint, behind the question mark.",
        ]),
        9_000_411 => words(&[
            "The request has a parameter twice.",
            "Microsoft's own words name the parameter.",
            "Remove it from the query of Authorization Endpoint, behind the question mark.",
        ]),
        50_173 => words(&[
            "The consent was withdrawn: the password was changed, or an administrator ended the account's sign-ins.",
            SIGN_IN_AGAIN,
        ]),
        700_082 => words(&[
            "The token was not used for too long, usually 90 days, so the consent has ended.",
            SIGN_IN_AGAIN,
        ]),
        70_043 => words(&[
            "A sign-in frequency in a Conditional Access policy has ended the consent.",
            SIGN_IN_AGAIN,
            "This comes back: renewing does not extend the time. Ask the administrator of Microsoft Entra to exclude this account from the policy, or choose the Client Credentials flow.",
        ]),
        53_003 if is_application => words(&[
            "A Conditional Access policy blocks this application.",
            "Ask the administrator of Microsoft Entra to find the policy in the log of service principal sign-ins, and to exclude this application from it.",
        ]),
        53_003 => words(&[
            "A Conditional Access policy blocks this sign-in.",
            "Ask the administrator of Microsoft Entra to find the policy in the sign-in log, and to exclude this account or application from it.",
            "Or choose the flow Client Credentials.",
        ]),
        50_105 if is_application => words(&[
            "This application accepts only assigned accounts.",
            "In the Microsoft Entra admin center, open the application under Enterprise applications, Properties, and turn Assignment required off.",
        ]),
        50_105 => words(&[
            "The account is not assigned to this application, which accepts only assigned accounts.",
            "In the Microsoft Entra admin center, open the application under Enterprise applications, Users and groups, and add the account.",
            "Or turn Assignment required off under Properties there.",
        ]),
        50_076 | 50_079 => words(&[
            "Microsoft requires a second factor.",
            "Press Get Auth Token, and sign in with the second factor.",
            "If the account has none yet, sign in to it in a web browser once, and set one up there.",
        ]),
        50_020 | 500_208 => words(&[
            "The account belongs to another tenant than the one in the endpoints.",
            "Press Get Auth Token, and sign in with an account of that tenant; the page may offer to use another account.",
            "Or put the account's own tenant into Authorization Endpoint and Token Endpoint.",
        ]),
        700_025 => words(&[
            "The application is a public client, and those must send no Client Secret.",
            "Register the application as a Web client: add Redirect URI for the platform Web under Authentication, and turn Allow public client flows off.",
            "Or set Client authentication to None (public client), with Authorization Code with PKCE.",
        ]),
        7_000_218 if is_application => words(&[
            "The application is a confidential client, which must send a Client Secret.",
            "Enter Client Secret, and leave Client authentication at Automatic.",
        ]),
        7_000_218 => words(&[
            "The application is a confidential client, which must send a Client Secret.",
            "Enter Client Secret, and leave Client authentication at Automatic.",
            "Check that Redirect URI is registered for the platform Web, not for mobile and desktop applications.",
        ]),
        9_002_326 => words(&[
            "Redirect URI is registered for a single-page application, whose tokens only a browser may fetch.",
            "Under Authentication, remove Redirect URI from Single-page application, and add it for the platform Web.",
        ]),
        9_002_327 => words(&[
            "Redirect URI is registered for a single-page application, whose codes only a browser may exchange.",
            "Under Authentication, remove Redirect URI from Single-page application, and add it for the platform Web.",
        ]),
        _ => return None,
    })
}

/// Returns the first known error number in a provider's error, or else the first one.
pub(super) fn number(peer_text: &str) -> Option<u32> {
    let numbers = peer_text.split("AADSTS").skip(1).filter_map(|rest| {
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    });
    let numbers: Vec<u32> = numbers.collect();
    numbers
        .iter()
        .copied()
        .find(|&number| words_of(number, false).is_some())
        .or(numbers.first().copied())
}

/// Explains a number with these settings; `None` if it is unknown.
pub(super) fn explained(number: u32, peer_text: &str, form: &Form<()>) -> Option<Explanation> {
    let Words { cause, steps } = words_of(number, form.flow == OauthFlow::ClientCredentials)?;
    let steps = step_with_own_values(number, form)
        .into_iter()
        .chain(steps.iter().copied().map(NextStep::words))
        .chain([page(number, READ)]);
    let cause = match policy_lifetime(peer_text).filter(|_| number == 70_043) {
        Some(seconds) => format!("{cause} It allows {}.", lifetime_text(seconds)),
        None => cause.to_owned(),
    };
    Some(Explanation::new(cause, steps))
}

/// Whether a number means that the tenant does not exist.
pub(super) fn is_unknown_tenant(number: u32) -> bool {
    matches!(number, 90_002 | 900_023)
}

/// A step with a link to Microsoft's page on a number.
pub(super) fn page(number: u32, read: &str) -> NextStep {
    let read = if read.is_empty() { String::new() } else { format!(" (read {read})") };
    with_link(
        format!("More is on Microsoft's page about this number{read}:"),
        &format!("AADSTS{number}"),
        &format!("https://login.microsoftonline.com/error?code={number}"),
    )
}

/// A step with values of the settings, if the number has one.
fn step_with_own_values(number: u32, form: &Form<()>) -> Option<NextStep> {
    let authentication = &form.authentication;
    match number {
        50_011 | 500_113 | 900_971 | 9_002_326 | 9_002_327
            if !authentication.redirect_uri.is_empty() =>
        {
            let text = format!("{ADMIN_CENTER}, Authentication. Redirect URI here is:");
            Some(with_copy(text, authentication.redirect_uri.clone()))
        }
        70_011 | 650_053 | 28_002 | 28_003 | 500_011 => Some(provider::scope_at_microsoft(form)),
        50_059 | 50_194 | 90_002 | 900_023 => {
            let tenant = microsoft::tenant(&authentication.token_endpoint)?;
            Some(NextStep::words(format!("Token Endpoint has {tenant} as the tenant.")))
        }
        _ => None,
    }
}

/// Parses the lifetime that a policy allows from Microsoft's error, in seconds.
fn policy_lifetime(peer_text: &str) -> Option<u64> {
    let (_, rest) = peer_text.split_once("maximum allowed lifetime for this request is ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Formats a lifetime in the largest unit that it fills.
fn lifetime_text(seconds: u64) -> String {
    let (number, unit) = match seconds {
        86_400.. => (seconds / 86_400, "day"),
        3_600.. => (seconds / 3_600, "hour"),
        60.. => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural} ({seconds} seconds) from the first sign-in on")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every number that has its own text.
    const NUMBERS: [u32; 34] = [
        7_000_215, 7_000_222, 700_016, 7_000_112, 90_002, 900_023, 50_059, 50_194, 50_011, 500_113,
        900_971, 65_001, 500_011, 70_011, 650_053, 28_002, 28_003, 900_144, 9_000_411, 50_173,
        700_082, 70_043, 53_003, 50_105, 50_076, 50_079, 50_020, 500_208, 700_025, 7_000_218,
        9_002_326, 9_002_327, 70_043, 50_194,
    ];

    fn form(flow: OauthFlow) -> Form<()> {
        let mut form = Form { flow, ..Form::default() };
        let authentication = &mut form.authentication;
        authentication.redirect_uri = "https://ppm.example/oauth/callback".to_owned();
        authentication.token_endpoint =
            "https://login.microsoftonline.com/common/oauth2/v2.0/token".to_owned();
        form
    }

    fn full_text(explanation: &Explanation) -> String {
        let steps = explanation.steps.iter().map(|step| step.text.as_str());
        [explanation.cause.as_str()].into_iter().chain(steps).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_number_has_its_own_cause_and_steps() {
        for number in NUMBERS {
            for flow in [OauthFlow::AuthorizationCode, OauthFlow::ClientCredentials] {
                let explained = explained(number, "", &form(flow)).expect("words");
                assert!(explained.steps.len() >= 2, "{number}: {explained:?}");
                let link = explained.steps.last().and_then(|step| step.link.clone());
                let expected = format!("https://login.microsoftonline.com/error?code={number}");
                assert_eq!(link.map(|link| link.href), Some(expected));
            }
        }
        assert_eq!(explained(1, "", &form(OauthFlow::AuthorizationCode)), None);
    }

    #[test]
    fn a_number_is_found_in_a_providers_error() {
        for (peer_text, expected) in [
            ("invalid_request: AADSTS90002: Tenant 'x' not found.", Some(90_002)),
            ("AADSTS1: no. AADSTS50194: no.", Some(50_194)),
            ("AADSTS123456", Some(123_456)),
            ("AADSTS", None),
            ("AADSTS99999999999999999999", None),
            ("No.", None),
        ] {
            assert_eq!(number(peer_text), expected, "{peer_text}");
        }
    }

    #[test]
    fn client_credentials_texts_mention_no_user() {
        for number in [90_002, 50_194, 65_001, 500_011, 53_003, 50_105, 7_000_215, 700_016] {
            let explained = explained(number, "", &form(OauthFlow::ClientCredentials));
            let told = full_text(&explained.expect("words"));
            for foreign in ["Redirect URI", "consent", "Get Auth Token", "Authorization Endpoint"] {
                assert!(!told.contains(foreign), "{number}: {told}");
            }
        }
    }

    #[test]
    fn a_sign_in_frequency_is_explained_with_its_seconds() {
        let peer_text = "AADSTS70043: … The token was issued on …, and the maximum allowed lifetime for this request is 86400.";
        let explained = explained(70_043, peer_text, &form(OauthFlow::AuthorizationCode));
        let cause = explained.expect("words").cause;
        assert!(cause.contains("1 day (86400 seconds)"), "{cause}");
    }
}
