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
pub const XRAY: &str = "Show token details";
/// The button that asks whether a browser comes back.
pub const CHECK_ADDRESS: &str = "Check this address";
/// The control for the provider that is to describe itself.
pub const ISSUER: &str = "Issuer or tenant address";
/// What to put there.
pub const ISSUER_HELP: &str = "Enter the issuer's address, or your Microsoft 365 tenant (contoso.onmicrosoft.com), to fill in both endpoints. It is not saved.";
/// The button that asks it.
pub const DISCOVER: &str = "Fill from discovery";
/// What to know of a Client Secret that has the form of an ID.
pub const SECRET_ID: &str = "This looks like the secret's ID, not its value. Microsoft Entra shows the value once, in the Value column, when the secret is created. If you no longer have it, create a new secret.";
/// The mark of the group without an OAuth flow.
pub const NOT_USED: &str = "not used with this flow";
/// What precedes a granted scope that is not the one that was asked for.
pub const GRANTED: &str = "The provider granted a different scope than requested:";
/// What precedes the instant of the next try to renew.
pub const NEXT_TRY: &str = "PPM tries again at";
/// What a good end says.
pub const OBTAINED: &str = "Token obtained. Send a test email to check that it works.";
/// What to do while the provider's page is open.
pub const WAITING: &str =
    "Waiting for you to sign in at the provider. The result appears here automatically.";
/// The same with Client Credentials, where no page opens.
pub const ASKING: &str = "Asking the Token Endpoint. The result appears here automatically.";
/// What precedes the instant until which a person has to sign in again, however often the token is
/// renewed.
pub const SIGN_IN_BY: &str = "sign in again before";
/// The same as waiting, where the result does not come automatically.
pub const WAITING_TO_PASTE: &str =
    "Sign in on the provider's page, then paste its final address here.";
/// What stands in place of an expiry without a token.
pub const NO_TOKEN: &str = "No token yet";
/// The control for the address that the browser ended at.
pub const FINAL_ADDRESS: &str = "Final address";
/// What to put there.
pub const FINAL_ADDRESS_HELP: &str = "Redirect URI is not this server's address. After signing in, copy the whole address from that window's address bar, even if the page there shows an error, and paste it here.";
/// Where a Redirect URI leads that is this server's.
pub const COMES_BACK: &str =
    "This is this server's own address: the sign-in returns here automatically.";
/// Where any other leads.
pub const GOES_ELSEWHERE: &str = "This is not this server's address: after signing in you will have to paste the final address here.";

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
        Renewal::ByItself => "renews automatically",
        Renewal::BySigningIn => "sign in again before then",
        Renewal::Failing { .. } => "renewal is failing",
        Renewal::Gone(_) => "",
    }
}

/// How much time is left.
#[must_use]
pub fn time_left(seconds: i64) -> String {
    format!("in {}", span(seconds))
}

/// A length of time, in the two largest units.
pub(super) fn span(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => count(seconds.max(0), "second"),
        (0, 0, minutes) => count(minutes, "minute"),
        (0, hours, minutes) => format!("{} {}", count(hours, "hour"), count(minutes, "minute")),
        (days, hours, _) => format!("{} {}", count(days, "day"), count(hours, "hour")),
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
        Leg::Return => "Return from the provider",
        Leg::TokenRequest => "Token request",
        Leg::Renewal => "Token renewal",
    }
}

const AGAIN: &str = "Press Get Auth Token again.";
const ENDPOINT: &str = "Check Token Endpoint against the provider's documentation.";
const LATER: &str = "Try again in a few minutes.";
const RETRIED: &str = "PPM tries again automatically.";
const OWN_WORDS: &str = "Its reply says what is wrong.";
const REGISTERED: &str =
    "Check that Redirect URI is registered at the provider exactly as it is in PPM.";
const SWAPPED: &str = "Authorization Endpoint and Token Endpoint may be swapped.";

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
            cause: "The provider says that the consent has ended: it was withdrawn, has expired or was used elsewhere.",
            steps: &[
                AGAIN,
                "If this happens every few days with Google, publish the application: in “Testing”, consent ends after seven days.",
            ],
        },
        Fault::InvalidRequest => Words {
            cause: "The provider finds the request malformed.",
            steps: &[OWN_WORDS, AGAIN, ENDPOINT],
        },
        Fault::RefusedSilently => Words {
            cause: "The provider refused to renew the token and did not say why.",
            steps: &[
                "Press Get Auth Token again: a refresh token that was used or withdrawn may be refused without an explanation.",
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
            cause: "The provider is having problems.",
            steps: &[RETRIED, "Check the provider's status page."],
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
                "If the problem continues, check whether the provider has an outage or a firewall is in the way.",
            ],
        }),
        _ => None,
    }
}

/// What a provider's page refuses with. No secret was sent there.
const fn consent_fault(fault: Fault) -> Words {
    match fault {
        Fault::InvalidRequest => Words {
            cause: "The provider rejected the request as malformed.",
            steps: &[
                OWN_WORDS,
                REGISTERED,
                "Check Scope: separate scopes with spaces.",
                "Check that the provider supports the chosen OAuth Flow.",
            ],
        },
        Fault::InvalidClient => Words {
            cause: "The provider does not accept the Client ID.",
            steps: &[
                "Check Client ID.",
                "Check that Authorization Endpoint belongs to the same organisation.",
            ],
        },
        Fault::RefusedSilently | Fault::UnknownError => Words {
            cause: "The provider refused, and gives its own reason.",
            steps: &["Its reply says why.", "Its documentation may explain the code."],
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
            steps: &["Ask an administrator at the provider to allow this application."],
        },
        Fault::InteractionRequired => Words {
            cause: "An administrator at the provider must approve this application first.",
            steps: &[
                "Ask an administrator at the provider to grant the application its permissions.",
                AGAIN,
            ],
        },
        Fault::InvalidRequest => Words {
            cause: "The provider rejected the request as malformed.",
            steps: &[
                OWN_WORDS,
                "Check Scope and Token Endpoint against the provider's documentation.",
                "Check that the provider supports Client Credentials.",
            ],
        },
        Fault::InvalidGrant => Words {
            cause: "The provider does not give this application a token.",
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
            cause: "What answers at Token Endpoint is not a token endpoint.",
            steps: &[
                ENDPOINT,
                "Token Endpoint may contain the address of the provider's sign-in page.",
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
                "Press Get Auth Token again, and accept what the provider asks.",
                "If you did not decline, ask an administrator at the provider to allow this application.",
            ],
        },
        Fault::InteractionRequired => Words {
            cause: "The provider requires you to sign in or consent there first.",
            steps: &["Press Get Auth Token, and sign in at the provider."],
        },
        Fault::InvalidRequest => Words {
            cause: "The provider rejected the request as malformed.",
            steps: &[
                OWN_WORDS,
                REGISTERED,
                "Check that the provider supports the chosen OAuth Flow.",
            ],
        },
        Fault::InvalidClient => Words {
            cause: "The provider does not accept Client ID and Client Secret.",
            steps: &[
                "Enter Client Secret again: its value, not its ID.",
                "Check whether the secret has expired at the provider. If it has, create a new one there.",
                "Check Client ID, and that Token Endpoint belongs to the same organisation.",
            ],
        },
        Fault::InvalidGrant => Words {
            cause: "The provider rejected the authorization code.",
            steps: &[AGAIN, REGISTERED],
        },
        Fault::UnauthorizedClient => Words {
            cause: "The provider does not allow this application to use the chosen flow.",
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
            cause: "The provider refused for a reason of its own.",
            steps: &["Its reply may say why.", "Its documentation may explain the code."],
        },
        Fault::ProviderFailed => Words {
            cause: "The provider is having problems.",
            steps: &[LATER, "Check the provider's status page."],
        },
        Fault::ProviderBusy => Words { cause: "The provider is busy.", steps: &[LATER] },
        Fault::AttemptUnknown => Words {
            cause: "PPM did not start a sign-in with this address.",
            steps: &["Start in the Email settings: press Get Auth Token there."],
        },
        Fault::AttemptExpired => Words {
            cause: "The sign-in has expired: it took longer than ten minutes.",
            steps: &[AGAIN],
        },
        Fault::AttemptUsed => Words {
            cause: "This address was used before, and works only once.",
            steps: &["Check Token Status. If there is no token, press Get Auth Token again."],
        },
        Fault::OtherBrowser => Words {
            cause: "The sign-in was started in another browser.",
            steps: &["Press Get Auth Token and sign in, both in the same browser."],
        },
        Fault::OtherPerson => Words {
            cause: "The sign-in was started by someone else.",
            steps: &["Sign in to PPM as an administrator, then press Get Auth Token."],
        },
        Fault::OtherSession => Words {
            cause: "This sign-in was started in another session, or that session has ended.",
            steps: &["Sign in to PPM, then press Get Auth Token again."],
        },
        Fault::SettingsChanged => Words {
            cause: "The settings were saved in the meantime, so this sign-in no longer matches them.",
            steps: &[AGAIN],
        },
        Fault::OtherIssuer => Words {
            cause: "The answer came from a different provider than the one that was asked.",
            steps: &[
                "Check that Authorization Endpoint and Token Endpoint belong to the same provider.",
                "Then press Get Auth Token again.",
            ],
        },
        Fault::IssuerMissing => Words {
            cause: "The provider's answer does not name its issuer, although its metadata says it always does (RFC 9207).",
            steps: &[
                "Press Get Auth Token again.",
                "If the problem continues, tell the provider's administrator: the answer may be forged.",
            ],
        },
        Fault::AdminConsented => Words {
            cause: "The provider says that an administrator has granted consent. That answer brings no token.",
            steps: &["Press Get Auth Token in the Email settings."],
        },
        Fault::NoCode => Words {
            cause: "The browser came back without an answer from the provider.",
            steps: &["Check Authorization Endpoint.", AGAIN],
        },
        Fault::NameNotFound => Words {
            cause: "There is no server with the name in Token Endpoint.",
            steps: &["Check Token Endpoint for typing mistakes."],
        },
        Fault::NameServiceFailed => Words {
            cause: "The name in Token Endpoint could not be looked up.",
            steps: &[
                "Try again in a minute.",
                "If the problem continues, check this machine's DNS.",
            ],
        },
        Fault::AddressForbidden => Words {
            cause: "Token Endpoint resolves to an address that PPM never connects to.",
            steps: &[
                "For security, PPM does not connect to link-local and cloud metadata addresses. Use the provider's own name.",
            ],
        },
        Fault::EgressNotAllowed => Words {
            cause: "The operator of this server has not allowed PPM to connect to the address in Token Endpoint.",
            steps: &[
                "On this machine, https:// is allowed on ports 443 and 8443; http:// is not allowed.",
            ],
        },
        Fault::EgressDenied => Words {
            cause: "The operator of this server has blocked the address in Token Endpoint.",
            steps: &["Use another provider, or ask the operator about --egress-deny."],
        },
        Fault::NothingListens => Words {
            cause: "The machine in Token Endpoint answers, but nothing is listening on that port.",
            steps: &[ENDPOINT],
        },
        Fault::Unreachable => Words {
            cause: "Nothing answers at Token Endpoint.",
            steps: &[
                ENDPOINT,
                "A firewall may be blocking the connection: ask your network's administrator whether this machine may connect there, or needs a proxy.",
            ],
        },
        Fault::CertificateUntrusted => Words {
            cause: "This machine does not trust the certificate of Token Endpoint.",
            steps: &[
                ENDPOINT,
                "If it is your own provider, start PPM with its CA's certificate (--extra-ca).",
            ],
        },
        Fault::CertificateOutOfDate => Words {
            cause: "The certificate of Token Endpoint is out of date.",
            steps: &[
                "Check this machine's clock.",
                "Ask the provider's administrator to renew the certificate.",
            ],
        },
        Fault::CertificateWrongName => Words {
            cause: "The certificate of Token Endpoint is for another name.",
            steps: &[ENDPOINT],
        },
        Fault::TlsFailed => Words {
            cause: "No encrypted connection to Token Endpoint could be made.",
            steps: &[ENDPOINT, "A proxy or firewall that inspects connections can be the cause."],
        },
        Fault::ConnectionLost => {
            Words { cause: "Token Endpoint closed the connection unexpectedly.", steps: &[LATER] }
        }
        Fault::TooSlow => {
            Words { cause: "Token Endpoint was too slow, so PPM gave up.", steps: &[LATER] }
        }
        Fault::TooLong => Words {
            cause: "The answer of Token Endpoint is too large to be a token.",
            steps: &[ENDPOINT],
        },
        Fault::Redirected => Words {
            cause: "Token Endpoint redirects to another address, which PPM does not follow: secrets are only sent to the address they were entered for.",
            steps: &["Enter the final address in Token Endpoint."],
        },
        Fault::NotOauth => Words {
            cause: "What answers at Token Endpoint is not a token endpoint.",
            steps: &[ENDPOINT, SWAPPED],
        },
        Fault::BotGuard => Words {
            cause: "A bot guard in front of the provider turned PPM away.",
            steps: &[
                "Ask the provider's administrator to let requests from this server to Token Endpoint pass (a bot or firewall rule), and name this server's public address.",
                "If Token Endpoint is not the address in the provider's documentation, correct it: the documented one is usually not guarded.",
            ],
        },
        Fault::SignInPage => Words {
            cause: "A sign-in page answers at Token Endpoint, not a token endpoint.",
            steps: &[
                "Enter the provider's token endpoint, as its documentation lists it.",
                "If the address is right, the provider's administrator must let requests to it pass without that sign-in.",
            ],
        },
        Fault::NetworkPage => Words {
            cause: "A device in your network answered instead of the provider: a proxy, a filter, or a network sign-in page (captive portal).",
            steps: &[
                "Ask your network's administrator to let this server reach Token Endpoint.",
                "If requests have to go through a proxy, start PPM with --oauth-proxy.",
            ],
        },
        Fault::NoToken => Words {
            cause: "The provider answered without a token.",
            steps: &["Its reply may say why.", ENDPOINT],
        },
        Fault::ExpiredOnArrival => Words {
            cause: "The provider gives tokens that have expired when they arrive.",
            steps: &[
                "Correct the lifetime of access tokens at the provider, where the application is registered: an hour is usual.",
                AGAIN,
            ],
        },
        Fault::OtherTokenType => Words {
            cause: "The provider gave a type of token that mail servers do not accept.",
            steps: &["Ask the provider for Bearer tokens for SMTP."],
        },
        Fault::RefusedSilently => Words {
            cause: "The provider refused and did not say why.",
            steps: &["Enter Client Secret again, and check Client ID.", ENDPOINT],
        },
        Fault::SecretUnreadable => Words {
            cause: "The stored secret cannot be used with these settings.",
            steps: &["Enter Client Secret again and save."],
        },
        Fault::ServerFailed => Words {
            cause: "PPM could not complete the request; its log has the details.",
            steps: &[AGAIN],
        },
    }
}

#[cfg(test)]
mod tests {
    use domain::OauthFlow;
    use domain::delivery::{Fact, FactName};
    use domain::token::{Fault, Leg};

    use super::super::fact_value;
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
            (Leg::TokenRequest, Fault::InvalidClient, "Client Secret", "its value, not its ID"),
            (
                Leg::TokenRequest,
                Fault::InvalidGrant,
                "authorization code",
                "exactly as it is in PPM",
            ),
            (Leg::TokenRequest, Fault::RefusedSilently, "did not say why", "check Client ID"),
            (Leg::TokenRequest, Fault::UnknownError, "a reason of its own", "Its reply"),
            (Leg::Renewal, Fault::InvalidGrant, "consent has ended", "Press Get Auth Token again"),
            (Leg::Renewal, Fault::RefusedSilently, "to renew", "Press Get Auth Token again"),
            (Leg::Renewal, Fault::ProviderFailed, "having problems", "automatically"),
            (Leg::Renewal, Fault::Unreachable, "at the moment", "automatically"),
            (Leg::Consent, Fault::InvalidClient, "does not accept the Client ID.", "Client ID"),
        ] {
            let words = fault(leg, code, OauthFlow::AuthorizationCode);
            assert!(words.cause.contains(cause), "{leg:?}, {code:?}: {}", words.cause);
            let is_told = words.steps.iter().any(|step| step.contains(next));
            assert!(is_told, "{leg:?}, {code:?}: {:?}", words.steps);
        }
    }

    #[test]
    fn a_tokens_age_is_told_in_words_and_a_size_as_it_is() {
        for (name, expected) in [
            (FactName::Age, "8 minutes"),
            (FactName::ValidFor, "8 minutes"),
            (FactName::Size, "480"),
        ] {
            assert_eq!(fact_value(&Fact { name, value: "480".to_owned() }), expected);
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
