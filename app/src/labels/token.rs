//! What goes wrong on the way to a token, in words for an administrator who does not know OAuth:
//! one sentence for the cause, then the steps in the order to try them.

use domain::OauthFlow;
use domain::token::{Fault, Leg, Renewal, TokenStatus};

use super::Words;
use crate::tab::WhyNot;

/// The group box of the token.
pub const TOKEN_MANAGEMENT: &str = "OAuth Token Management";
/// The button that begins an attempt.
pub const GET_AUTH_TOKEN: &str = "Get Auth Token";
/// The button that asks what the token says.
pub const XRAY: &str = "What does the token say?";
/// The button that asks whether a browser comes back.
pub const CHECK_ADDRESS: &str = "Check this address";
/// The control for the provider that is to describe itself.
pub const ISSUER: &str = "Issuer or tenant address";
/// What to put there.
pub const ISSUER_HELP: &str = "Fills in both endpoints: the issuer's address, or for Microsoft 365 the tenant, such as contoso.onmicrosoft.com. It is not saved.";
/// The button that asks it.
pub const DISCOVER: &str = "Fill from discovery";
/// What to know of a Client Secret that has the form of an id.
pub const SECRET_ID: &str = "This looks like the secret's id, not its value. Microsoft Entra shows the value once, in the column Value, when the secret is made: make a new one if it is gone.";
/// The mark of the group without an OAuth flow.
pub const NOT_USED: &str = "not used with this flow";
/// What precedes a granted scope that is not the one that was asked for.
pub const GRANTED: &str = "The provider granted another scope than was asked for:";
/// What precedes the instant of the next try to renew.
pub const NEXT_TRY: &str = "PPM tries again at";
/// What a good end says.
pub const OBTAINED: &str = "The token was obtained. Send a test message to see that it works.";
/// What to do while the provider's page is open.
pub const WAITING: &str =
    "Waiting for the provider. Sign in on its page: the result appears here by itself.";
/// The same with Client Credentials, where no page opens.
pub const ASKING: &str = "Asking the Token Endpoint. The result appears here automatically.";
/// What precedes the instant until which a person has to sign in again, however often the token is
/// renewed.
pub const SIGN_IN_BY: &str = "sign in again before";
/// The same, where the result cannot come by itself.
pub const WAITING_TO_PASTE: &str =
    "Waiting for you. Sign in on the provider's page, then paste its final address here.";
/// What stands in place of an expiry without a token.
pub const NO_TOKEN: &str = "No token yet";
/// The control for the address that the browser ended at.
pub const FINAL_ADDRESS: &str = "Final address";
/// What to put there.
pub const FINAL_ADDRESS_HELP: &str = "Redirect URI does not lead back here. When you have signed in, copy the whole address from that window's address bar, even if the page there shows an error, and paste it here.";
/// Where a Redirect URI leads that is this server's.
pub const COMES_BACK: &str = "The provider's page comes back to this server by itself.";
/// Where any other leads.
pub const GOES_ELSEWHERE: &str = "This address does not lead back to this server: after signing in you will be asked to paste the final address.";

/// Why no token can be asked for at the moment, in words.
#[must_use]
pub const fn reason_to_wait_for_token(why_not: Option<WhyNot>) -> &'static str {
    match why_not {
        None => "",
        Some(WhyNot::ReadOnly) => super::READ_ONLY,
        Some(WhyNot::Editing) => super::SAVE_FIRST,
        Some(WhyNot::NoFlow) => "Choose an OAuth flow and save it first.",
        Some(WhyNot::Incomplete) => super::FILL_IN_FIRST,
    }
}

/// What happens before a token expires, in short.
#[must_use]
pub const fn renewal(renewal: &Renewal) -> &'static str {
    match renewal {
        Renewal::ByItself => "renews by itself",
        Renewal::BySigningIn => "sign in again before then",
        Renewal::Failing { .. } => "renewal is failing",
        Renewal::Gone(_) => "",
    }
}

/// How much time is left, in the two largest units.
#[must_use]
pub fn time_left(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("in {}", count(seconds.max(0), "second")),
        (0, 0, minutes) => format!("in {}", count(minutes, "minute")),
        (0, hours, minutes) => format!("in {} {}", count(hours, "hour"), count(minutes, "minute")),
        (days, hours, _) => format!("in {} {}", count(days, "day"), count(hours, "hour")),
    }
}

fn count(number: i64, unit: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

/// The status of a token.
#[must_use]
pub const fn token_status(status: TokenStatus) -> &'static str {
    match status {
        TokenStatus::Absent => "Not obtained",
        TokenStatus::Valid => "Valid",
        TokenStatus::Expired => "Expired",
    }
}

/// A leg of the way to a token.
#[must_use]
pub const fn leg(leg: Leg) -> &'static str {
    match leg {
        Leg::Consent => "Consent at the provider",
        Leg::Return => "Way back from the provider",
        Leg::TokenRequest => "Token request",
        Leg::Renewal => "Renewal of the token",
    }
}

const AGAIN: &str = "Press Get Auth Token again.";
const ENDPOINT: &str = "Check Token Endpoint against the provider's documentation.";
const LATER: &str = "Try again in a few minutes.";
const RETRIED: &str = "PPM tries again automatically.";
const OWN_WORDS: &str = "The provider's own words say what is wrong.";
const REGISTERED: &str =
    "Check that Redirect URI is registered at the provider, letter for letter.";
const SWAPPED: &str = "Authorization Endpoint and Token Endpoint may be interchanged.";

/// What a setback usually means, and what to do, with the flow that was asked for.
#[must_use]
pub const fn fault(leg: Leg, fault: Fault, flow: OauthFlow) -> Words {
    let is_application = matches!(flow, OauthFlow::ClientCredentials);
    match leg {
        Leg::Renewal if is_application => application_renewal_fault(fault),
        Leg::Renewal => renewal_fault(fault),
        Leg::TokenRequest if is_application => application_fault(fault),
        Leg::Consent => consent_fault(fault),
        Leg::TokenRequest => exchange_fault(fault),
        Leg::Return => first_fault(fault),
    }
}

/// What keeps a code from being exchanged: the person has consented by then.
const fn exchange_fault(fault: Fault) -> Words {
    match fault {
        Fault::AccessDenied => Words {
            cause: "The provider denies PPM access.",
            steps: &[
                "An administrator at the provider has to allow this application or this account.",
                AGAIN,
            ],
        },
        other => first_fault(other),
    }
}

/// What keeps a token from being renewed by a refresh token.
const fn renewal_fault(fault: Fault) -> Words {
    match fault {
        Fault::InvalidGrant => Words {
            cause: "The provider says that the consent has ended: it was withdrawn, has expired, or was used elsewhere.",
            steps: &[
                AGAIN,
                "If this comes back every few days: at Google, publish the application; in “Testing” a consent ends after seven days.",
            ],
        },
        Fault::InvalidRequest => Words {
            cause: "The provider finds the request malformed.",
            steps: &[OWN_WORDS, AGAIN, ENDPOINT],
        },
        Fault::RefusedSilently => Words {
            cause: "The provider refused to renew the token, and did not say why.",
            steps: &[
                "Press Get Auth Token again: a refresh token that was used or withdrawn may be refused without a word.",
                "If that is refused too, enter Client Secret again, and check Client ID.",
                ENDPOINT,
            ],
        },
        other => match passing_fault(other) {
            Some(words) => words,
            None => exchange_fault(other),
        },
    }
}

/// What keeps an application from getting its next token.
const fn application_renewal_fault(fault: Fault) -> Words {
    match passing_fault(fault) {
        Some(words) => words,
        None => application_fault(fault),
    }
}

/// What passes: it worked before, with the same settings.
const fn passing_fault(fault: Fault) -> Option<Words> {
    match fault {
        Fault::ProviderFailed => Some(Words {
            cause: "The provider has a problem of its own.",
            steps: &[RETRIED, "Look at the provider's status page."],
        }),
        Fault::ProviderBusy => {
            Some(Words { cause: "The provider is busy at the moment.", steps: &[RETRIED] })
        }
        Fault::NameNotFound
        | Fault::NameServiceFailed
        | Fault::NothingListens
        | Fault::Unreachable
        | Fault::ConnectionLost
        | Fault::TooSlow => Some(Words {
            cause: "The provider cannot be reached at the moment.",
            steps: &[
                RETRIED,
                "If it stays so, ask whether the provider has a problem, or a firewall is in the way.",
            ],
        }),
        _ => None,
    }
}

/// What a provider's page refuses with. No secret was sent there.
const fn consent_fault(fault: Fault) -> Words {
    match fault {
        Fault::InvalidRequest => Words {
            cause: "The provider finds the request malformed.",
            steps: &[
                OWN_WORDS,
                REGISTERED,
                "Check Scope: blanks separate scopes.",
                "Check that the provider supports the chosen OAuth Flow.",
            ],
        },
        Fault::InvalidClient => Words {
            cause: "The provider does not accept Client ID.",
            steps: &[
                "Check Client ID.",
                "Check that Authorization Endpoint belongs to the same organisation.",
            ],
        },
        Fault::RefusedSilently | Fault::UnknownError => Words {
            cause: "The provider refused, for a reason of its own.",
            steps: &["Its own words say why.", "Its documentation may explain the code."],
        },
        other => first_fault(other),
    }
}

/// What keeps an application from getting a token in its own name: no person signs in, nothing is
/// consented to at a page, and nothing comes back to a Redirect URI.
const fn application_fault(fault: Fault) -> Words {
    match fault {
        Fault::AccessDenied => Words {
            cause: "The provider denies this application access.",
            steps: &["An administrator at the provider has to allow this application."],
        },
        Fault::InteractionRequired => Words {
            cause: "The provider wants an administrator there to approve this application first.",
            steps: &[
                "Let an administrator at the provider grant the application its permissions.",
                AGAIN,
            ],
        },
        Fault::InvalidRequest => Words {
            cause: "The provider finds the request malformed.",
            steps: &[
                OWN_WORDS,
                "Check Scope and Token Endpoint against the provider's documentation.",
                "Check that the provider supports Client Credentials.",
            ],
        },
        Fault::InvalidGrant => Words {
            cause: "The provider gives this application no token.",
            steps: &[
                OWN_WORDS,
                "Check Client ID, Client Secret and Scope.",
                "Check that the application's registration at the provider allows Client Credentials.",
            ],
        },
        Fault::SettingsChanged => Words {
            cause: "The settings were saved in the meantime, so this token no longer fits them.",
            steps: &[AGAIN],
        },
        Fault::NotOauth => Words {
            cause: "What answers at Token Endpoint is no token endpoint.",
            steps: &[
                ENDPOINT,
                "Token Endpoint may hold the address of the provider's page for people.",
            ],
        },
        other => first_fault(other),
    }
}

/// What keeps a first token from being obtained.
const fn first_fault(fault: Fault) -> Words {
    match fault {
        Fault::AccessDenied => Words {
            cause: "The consent was declined.",
            steps: &[
                "Press Get Auth Token again and accept what the provider asks.",
                "If nobody declined, an administrator at the provider has to allow this application.",
            ],
        },
        Fault::InteractionRequired => Words {
            cause: "The provider wants somebody to sign in or consent there first.",
            steps: &["Press Get Auth Token, and sign in at the provider."],
        },
        Fault::InvalidRequest => Words {
            cause: "The provider finds the request malformed.",
            steps: &[
                OWN_WORDS,
                REGISTERED,
                "Check that the provider supports the chosen OAuth Flow.",
            ],
        },
        Fault::InvalidClient => Words {
            cause: "The provider does not accept Client ID and Client Secret.",
            steps: &[
                "Enter Client Secret again: its value, not its id.",
                "Check whether the secret has expired at the provider, and make a new one there.",
                "Check Client ID, and that Token Endpoint belongs to the same organisation.",
            ],
        },
        Fault::InvalidGrant => Words {
            cause: "The provider no longer accepts the code that it gave, or not from here.",
            steps: &[AGAIN, REGISTERED],
        },
        Fault::UnauthorizedClient => Words {
            cause: "The provider does not allow this application the chosen flow.",
            steps: &[
                "Allow the flow in the application's registration at the provider.",
                "Or choose another OAuth Flow.",
            ],
        },
        Fault::UnsupportedGrantType | Fault::UnsupportedResponseType => Words {
            cause: "The provider does not support the chosen flow.",
            steps: &["Choose another OAuth Flow."],
        },
        Fault::InvalidScope => Words {
            cause: "The provider does not accept Scope.",
            steps: &[
                "Check Scope against the provider's documentation for SMTP.",
                "Check that the application's registration includes this permission.",
            ],
        },
        Fault::UnknownError => Words {
            cause: "The provider refused, for a reason of its own.",
            steps: &["Its own words say why.", "Its documentation may explain the code."],
        },
        Fault::ProviderFailed => Words {
            cause: "The provider has a problem of its own.",
            steps: &[LATER, "Look at the provider's status page."],
        },
        Fault::ProviderBusy => {
            Words { cause: "The provider is busy at the moment.", steps: &[LATER] }
        }
        Fault::AttemptUnknown => Words {
            cause: "This address belongs to no sign-in that PPM has begun.",
            steps: &["Begin at the Email settings: press Get Auth Token there."],
        },
        Fault::AttemptExpired => Words {
            cause: "The sign-in took longer than ten minutes, so it no longer counts.",
            steps: &[AGAIN],
        },
        Fault::AttemptUsed => Words {
            cause: "This address was used before: it works once.",
            steps: &["Look at Token Status; if there is no token, press Get Auth Token again."],
        },
        Fault::OtherBrowser => Words {
            cause: "The sign-in was begun in another browser.",
            steps: &["Press Get Auth Token and sign in, all in one browser."],
        },
        Fault::OtherPerson => Words {
            cause: "The sign-in was begun by somebody else.",
            steps: &["Sign in to PPM as an administrator, then press Get Auth Token."],
        },
        Fault::OtherSession => Words {
            cause: "The sign-in was begun in another session, or in one that has ended.",
            steps: &["Press Get Auth Token in the window in which you are signed in."],
        },
        Fault::SettingsChanged => Words {
            cause: "The settings were saved in the meantime, so this sign-in no longer fits them.",
            steps: &[AGAIN],
        },
        Fault::OtherIssuer => Words {
            cause: "The answer names another provider than the one that was asked.",
            steps: &[
                "Check that Authorization Endpoint and Token Endpoint are of the same provider.",
                "Then press Get Auth Token again.",
            ],
        },
        Fault::IssuerMissing => Words {
            cause: "The answer does not say which provider it is from, although the provider says that its answers do.",
            steps: &[
                "Press Get Auth Token again.",
                "If it stays so, the answer may come from elsewhere: tell the provider's administrator.",
            ],
        },
        Fault::AdminConsented => Words {
            cause: "The provider says that an administrator has granted consent. That answer brings no token.",
            steps: &["Press Get Auth Token at the Email settings."],
        },
        Fault::NoCode => Words {
            cause: "The browser came back without an answer of the provider.",
            steps: &["Check Authorization Endpoint.", AGAIN],
        },
        Fault::NameNotFound => Words {
            cause: "There is no server of the name in Token Endpoint.",
            steps: &["Look for a typing mistake in Token Endpoint."],
        },
        Fault::NameServiceFailed => Words {
            cause: "The name in Token Endpoint could not be looked up at all.",
            steps: &[
                "Try again in a minute.",
                "If it stays so, this machine's name service (DNS) needs attention.",
            ],
        },
        Fault::AddressForbidden => Words {
            cause: "Token Endpoint leads to an address that PPM never calls.",
            steps: &[
                "Link-local and cloud metadata addresses are refused for safety: use the provider's own name.",
            ],
        },
        Fault::EgressNotAllowed => Words {
            cause: "The operator of this server has not allowed PPM to call the address in Token Endpoint.",
            steps: &[
                "On this machine, https:// is allowed on ports 443 and 8443, and http:// not at all.",
            ],
        },
        Fault::EgressDenied => Words {
            cause: "The operator of this server has denied PPM the address in Token Endpoint.",
            steps: &["Use another provider, or ask the operator about --egress-deny."],
        },
        Fault::NothingListens => Words {
            cause: "The machine in Token Endpoint answers, but nothing listens on that port.",
            steps: &[ENDPOINT],
        },
        Fault::Unreachable => Words {
            cause: "Nothing answers at Token Endpoint.",
            steps: &[
                ENDPOINT,
                "A firewall may be in the way: ask whether this machine may connect there, or needs a proxy.",
            ],
        },
        Fault::CertificateUntrusted => Words {
            cause: "Token Endpoint shows a certificate that this machine does not trust.",
            steps: &[
                ENDPOINT,
                "If the provider is your own, start PPM with its authority's certificate (--extra-ca).",
            ],
        },
        Fault::CertificateOutOfDate => Words {
            cause: "The certificate of Token Endpoint is out of date.",
            steps: &[
                "Check this machine's clock.",
                "Whoever runs the provider has to renew the certificate.",
            ],
        },
        Fault::CertificateWrongName => Words {
            cause: "The certificate of Token Endpoint is for another name.",
            steps: &[ENDPOINT],
        },
        Fault::TlsFailed => Words {
            cause: "No encrypted connection to Token Endpoint came about.",
            steps: &[ENDPOINT, "A proxy or firewall that inspects connections can be the reason."],
        },
        Fault::ConnectionLost => {
            Words { cause: "Token Endpoint ended the connection in the middle.", steps: &[LATER] }
        }
        Fault::TooSlow => {
            Words { cause: "Token Endpoint was too slow, so PPM gave up.", steps: &[LATER] }
        }
        Fault::TooLong => {
            Words { cause: "Token Endpoint answered far more than a token.", steps: &[ENDPOINT] }
        }
        Fault::Redirected => Words {
            cause: "Token Endpoint points to another address, which PPM does not follow: secrets go only where they were entered for.",
            steps: &["Enter the final address in Token Endpoint."],
        },
        Fault::NotOauth => Words {
            cause: "What answers at Token Endpoint is no token endpoint.",
            steps: &[ENDPOINT, SWAPPED],
        },
        Fault::BotGuard => Words {
            cause: "A guard against robots stands in front of the provider and turned PPM away.",
            steps: &[
                "Ask the people who run the provider to let requests from this server to Token Endpoint pass the guard (a bot or firewall rule); tell them the public address of this server.",
                "If Token Endpoint is not the address in the provider's documentation, correct it: the documented one is usually not guarded.",
            ],
        },
        Fault::SignInPage => Words {
            cause: "A page where people sign in answers at Token Endpoint, not a token endpoint.",
            steps: &[
                "Enter the provider's token endpoint in Token Endpoint: its documentation names it.",
                "If the address is right, a sign-in stands in front of the provider: the people who run it have to let requests to the token endpoint pass.",
            ],
        },
        Fault::NetworkPage => Words {
            cause: "A device of your network answered in place of the provider: a proxy, a filter, or a sign-in to the network.",
            steps: &[
                "Ask the people who run your network to let this server reach Token Endpoint.",
                "If requests have to go through a proxy, start PPM with --oauth-proxy.",
            ],
        },
        Fault::NoToken => Words {
            cause: "The provider answered without a token.",
            steps: &["Its own words may say why.", ENDPOINT],
        },
        Fault::ExpiredOnArrival => Words {
            cause: "The provider gives tokens that have expired when they arrive.",
            steps: &[
                "Correct the lifetime of access tokens at the provider, where the application is registered: an hour is usual.",
                AGAIN,
            ],
        },
        Fault::OtherTokenType => Words {
            cause: "The provider gave a kind of token that mail servers do not take.",
            steps: &["Ask the provider for Bearer tokens for SMTP."],
        },
        Fault::RefusedSilently => Words {
            cause: "The provider refused, and did not say why.",
            steps: &["Enter Client Secret again, and check Client ID.", ENDPOINT],
        },
        Fault::SecretUnreadable => Words {
            cause: "What is stored cannot be opened for these settings.",
            steps: &["Enter Client Secret again and save."],
        },
        Fault::ServerFailed => {
            Words { cause: "PPM could not finish it; its log says why.", steps: &[AGAIN] }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::OauthFlow;
    use domain::token::{Fault, Leg};

    use super::{fault, time_left};

    /// Every fault that a Token Endpoint, or the way to it, can come to.
    const AT_TOKEN_ENDPOINT: [Fault; 38] = [
        Fault::AccessDenied,
        Fault::InteractionRequired,
        Fault::InvalidRequest,
        Fault::InvalidClient,
        Fault::InvalidGrant,
        Fault::UnauthorizedClient,
        Fault::UnsupportedGrantType,
        Fault::UnsupportedResponseType,
        Fault::InvalidScope,
        Fault::UnknownError,
        Fault::ProviderFailed,
        Fault::ProviderBusy,
        Fault::SettingsChanged,
        Fault::NameNotFound,
        Fault::NameServiceFailed,
        Fault::AddressForbidden,
        Fault::EgressNotAllowed,
        Fault::EgressDenied,
        Fault::NothingListens,
        Fault::Unreachable,
        Fault::CertificateUntrusted,
        Fault::CertificateOutOfDate,
        Fault::CertificateWrongName,
        Fault::TlsFailed,
        Fault::ConnectionLost,
        Fault::TooSlow,
        Fault::TooLong,
        Fault::Redirected,
        Fault::NotOauth,
        Fault::BotGuard,
        Fault::SignInPage,
        Fault::NetworkPage,
        Fault::NoToken,
        Fault::OtherTokenType,
        Fault::ExpiredOnArrival,
        Fault::RefusedSilently,
        Fault::SecretUnreadable,
        Fault::ServerFailed,
    ];

    #[test]
    fn an_application_is_told_nothing_of_what_its_flow_does_not_use() {
        for code in AT_TOKEN_ENDPOINT {
            for leg in [Leg::TokenRequest, Leg::Renewal] {
                let words = fault(leg, code, OauthFlow::ClientCredentials);
                let told = [&[words.cause], words.steps].concat().join(" ");
                for foreign in
                    ["Redirect URI", "consent", "ign in at", "Authorization Endpoint", "code that"]
                {
                    assert!(!told.contains(foreign), "{code:?}: {told}");
                }
            }
        }
    }

    #[test]
    fn a_consent_page_was_sent_no_secret() {
        for code in AT_TOKEN_ENDPOINT.into_iter().take(12) {
            let words = fault(Leg::Consent, code, OauthFlow::AuthorizationCode);
            let told = [&[words.cause], words.steps].concat().join(" ");
            assert!(!told.contains("Secret"), "{code:?}: {told}");
        }
    }

    #[test]
    fn what_providers_refuse_with_is_answered_by_what_it_means_on_that_leg() {
        for (leg, code, cause, next) in [
            (Leg::Consent, Fault::AccessDenied, "declined", "accept what the provider asks"),
            (Leg::Consent, Fault::InteractionRequired, "sign in or consent", "sign in at"),
            (Leg::TokenRequest, Fault::InvalidClient, "Client Secret", "its value, not its id"),
            (Leg::TokenRequest, Fault::InvalidGrant, "the code", "letter for letter"),
            (Leg::TokenRequest, Fault::RefusedSilently, "did not say why", "check Client ID"),
            (Leg::TokenRequest, Fault::UnknownError, "a reason of its own", "Its own words"),
            (Leg::Renewal, Fault::InvalidGrant, "consent has ended", "Press Get Auth Token again"),
            (Leg::Renewal, Fault::RefusedSilently, "to renew", "Press Get Auth Token again"),
            (Leg::Renewal, Fault::ProviderFailed, "problem of its own", "automatically"),
            (Leg::Renewal, Fault::Unreachable, "at the moment", "automatically"),
            (Leg::Consent, Fault::InvalidClient, "does not accept Client ID.", "Client ID"),
        ] {
            let words = fault(leg, code, OauthFlow::AuthorizationCode);
            assert!(words.cause.contains(cause), "{leg:?}, {code:?}: {}", words.cause);
            let is_told = words.steps.iter().any(|step| step.contains(next));
            assert!(is_told, "{leg:?}, {code:?}: {:?}", words.steps);
        }
    }

    #[test]
    fn the_time_that_is_left_is_told_in_the_two_largest_units() {
        for (seconds, expected) in [
            (-5, "in 0 seconds"),
            (1, "in 1 second"),
            (59, "in 59 seconds"),
            (60, "in 1 minute"),
            (3_599, "in 59 minutes"),
            (3_600, "in 1 hour 0 minutes"),
            (7_320, "in 2 hours 2 minutes"),
            (90_000, "in 1 day 1 hour"),
        ] {
            assert_eq!(time_left(seconds), expected);
        }
    }
}
