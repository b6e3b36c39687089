//! Texts of the OAuth token panel and of each OAuth diagnosis, for administrators who do not know
//! OAuth: one sentence for the cause, then the steps in the order to try them.

use domain::OauthFlow;
use domain::token::{OauthDiagnosis, OauthStage, Renewal, TokenStatus};

use super::{Words, words};

/// The name of the token's group box.
pub const TOKEN_MANAGEMENT: &str = "OAuth Token Management";
/// The button that starts an attempt.
pub const GET_AUTH_TOKEN: &str = "Get Auth Token";
/// The button that inspects the token.
pub const INSPECT_TOKEN: &str = "Show token details";
/// The button that checks the Redirect URI.
pub const CHECK_ADDRESS: &str = "Check this address";
/// The label of the control for discovery.
pub const ISSUER: &str = "Issuer or tenant address";
/// The help text of the control for discovery.
pub const ISSUER_HELP: &str = "Enter the issuer's address, or your Microsoft 365 tenant (contoso.onmicrosoft.com), to fill in both endpoints. It is not saved.";
/// The button that starts discovery.
pub const DISCOVER: &str = "Fill from discovery";
/// The warning for a Client Secret that looks like a secret's ID.
pub const SECRET_ID: &str = "This looks like the secret's ID, not its value. Microsoft Entra shows the value once, in the Value column, when the secret is created. If you no longer have it, create a new secret.";
/// The mark of the group if no OAuth flow is chosen.
pub const NOT_USED: &str = "not used with this flow";
/// The label of a granted scope that differs from the requested one.
pub const GRANTED: &str = "The provider granted a different scope than requested:";
/// The label of the time of the next refresh.
pub const NEXT_TRY: &str = "PPM tries again at";
/// The message of a successful attempt.
pub const OBTAINED: &str = "Token obtained. Send a test email to check that it works.";
/// The instruction while the provider's page is open.
pub const WAITING: &str =
    "Waiting for you to sign in at the provider. The result appears here automatically.";
/// The message of a running Client Credentials request.
pub const ASKING: &str = "Asking the Token Endpoint. The result appears here automatically.";
/// The button that starts the sign-in again, in a new pop-up.
pub const OPEN_PAGE_AGAIN: &str = "Open the page again";
/// The button that stops the attempt.
pub const STOP_WAITING: &str = "Stop waiting";
/// The label of the time by which a user must consent again, regardless of refreshes.
pub const SIGN_IN_BY: &str = "sign in again before";
/// The instruction while the provider's page is open and the final address must be pasted.
pub const WAITING_TO_PASTE: &str =
    "Sign in on the provider's page, then paste its final address here.";
/// The text in place of an expiry if there is no token.
pub const NO_TOKEN: &str = "No token yet";
/// The label of the control for the pasted callback address.
pub const FINAL_ADDRESS: &str = "Final address";
/// The help text of the control for the pasted callback address.
pub const FINAL_ADDRESS_HELP: &str = "Redirect URI is not this server's address. After signing in, copy the whole address from that window's address bar, even if the page there shows an error, and paste it here.";
/// The hint for a Redirect URI that is this server's callback.
pub const COMES_BACK: &str =
    "This is this server's own address: the sign-in returns here automatically.";
/// The hint for any other Redirect URI.
pub const NOT_OWN_ADDRESS: &str = "This is not this server's address: after signing in you will have to paste the final address here.";

/// Why Get Auth Token is disabled: no OAuth flow is saved.
pub const CHOOSE_FLOW_FIRST: &str = "Choose an OAuth flow and save it first.";

/// How a token is renewed, in short.
pub const fn renewal(renewal: &Renewal) -> &'static str {
    match renewal {
        Renewal::ByItself => "renews automatically",
        Renewal::BySigningIn => "sign in again before then",
        Renewal::Failing { .. } => "renewal is failing",
        Renewal::Gone(_) => "",
    }
}

/// Formats the remaining time.
pub fn time_left(seconds: i64) -> String {
    format!("in {}", span(seconds))
}

/// Formats the time since an instant.
pub fn time_since(seconds: i64) -> String {
    format!("{} ago", span(seconds))
}

/// Formats a duration in its two largest units.
pub(super) fn span(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => count(seconds.max(0), "second"),
        (0, 0, minutes) => count(minutes, "minute"),
        (0, hours, minutes) => format!("{} {}", count(hours, "hour"), count(minutes, "minute")),
        (days, hours, _) => format!("{} {}", count(days, "day"), count(hours, "hour")),
    }
}

pub(super) fn count(number: i64, unit: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

/// The status of a token.
pub const fn token_status(status: TokenStatus) -> &'static str {
    match status {
        TokenStatus::Absent => "Not obtained",
        TokenStatus::Valid => "Valid",
        TokenStatus::Expired => "Expired",
    }
}

/// The name of a stage.
pub const fn stage(stage: OauthStage) -> &'static str {
    match stage {
        OauthStage::Consent => "Consent at the provider",
        OauthStage::Return => "Return from the provider",
        OauthStage::TokenRequest => "Token request",
        OauthStage::Renewal => "Token renewal",
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

/// Returns the text of a diagnosis, by stage and flow.
pub const fn oauth_diagnosis_words(
    stage: OauthStage,
    diagnosis: OauthDiagnosis,
    flow: OauthFlow,
) -> Words {
    let is_application = matches!(flow, OauthFlow::ClientCredentials);
    match stage {
        OauthStage::Renewal if is_application => application_renewal_words(diagnosis),
        OauthStage::Renewal => renewal_words(diagnosis),
        OauthStage::TokenRequest if is_application => application_words(diagnosis),
        OauthStage::Consent => consent_words(diagnosis),
        OauthStage::TokenRequest => exchange_words(diagnosis),
        OauthStage::Return => first_token_words(diagnosis),
    }
}

/// Texts for the code exchange, after the user has consented.
const fn exchange_words(diagnosis: OauthDiagnosis) -> Words {
    match diagnosis {
        OauthDiagnosis::AccessDenied => words(&[
            "The provider denies PPM access.",
            "An administrator at the provider has to allow this application or this account.",
            AGAIN,
        ]),
        other => first_token_words(other),
    }
}

/// Texts for a refresh with a refresh token.
const fn renewal_words(diagnosis: OauthDiagnosis) -> Words {
    match diagnosis {
        OauthDiagnosis::InvalidGrant => words(&[
            "The provider says that the consent has ended: it was withdrawn, has expired or was used by another program.",
            AGAIN,
            "If this happens every few days with Google, publish the application: in “Testing”, consent ends after seven days.",
        ]),
        OauthDiagnosis::InvalidRequest => {
            words(&["The provider finds the request malformed.", OWN_WORDS, AGAIN, ENDPOINT])
        }
        OauthDiagnosis::RefusedSilently => words(&[
            "The provider refused to renew the token and did not say why.",
            "Press Get Auth Token again: a refresh token that was used or withdrawn may be refused without an explanation.",
            "If that is refused too, enter Client Secret again, and check Client ID.",
            ENDPOINT,
        ]),
        other => match transient_words(other) {
            Some(words) => words,
            None => exchange_words(other),
        },
    }
}

/// Texts for the next token of Client Credentials.
const fn application_renewal_words(diagnosis: OauthDiagnosis) -> Words {
    match transient_words(diagnosis) {
        Some(words) => words,
        None => application_words(diagnosis),
    }
}

/// Texts for transient failures of a renewal, which worked before with the same settings.
const fn transient_words(diagnosis: OauthDiagnosis) -> Option<Words> {
    match diagnosis {
        OauthDiagnosis::ProviderFailed => Some(words(&[
            "The provider is having problems.",
            RETRIED,
            "Check the provider's status page.",
        ])),
        OauthDiagnosis::ProviderBusy => {
            Some(words(&["The provider is busy at the moment.", RETRIED]))
        }
        OauthDiagnosis::NameNotFound
        | OauthDiagnosis::NameServiceFailed
        | OauthDiagnosis::NothingListens
        | OauthDiagnosis::Unreachable
        | OauthDiagnosis::ConnectionLost
        | OauthDiagnosis::TooSlow => Some(words(&[
            "The provider cannot be reached at the moment.",
            RETRIED,
            "If the problem continues, check whether the provider has an outage or a firewall is in the way.",
        ])),
        _ => None,
    }
}

/// Texts for errors of the Authorization Endpoint, to which no secret is sent.
const fn consent_words(diagnosis: OauthDiagnosis) -> Words {
    match diagnosis {
        OauthDiagnosis::InvalidRequest => words(&[
            "The provider rejected the request as malformed.",
            OWN_WORDS,
            REGISTERED,
            "Check Scope: separate scopes with spaces.",
            "Check that the provider supports the chosen OAuth Flow.",
        ]),
        OauthDiagnosis::InvalidClient => words(&[
            "The provider does not accept the Client ID.",
            "Check Client ID.",
            "Check that Authorization Endpoint belongs to the same organisation.",
        ]),
        OauthDiagnosis::RefusedSilently | OauthDiagnosis::UnknownError => words(&[
            "The provider refused, and gives its own reason.",
            "Its reply says why.",
            "Its documentation may explain the code.",
        ]),
        other => first_token_words(other),
    }
}

/// Texts for Client Credentials, which have no user, no consent page and no Redirect URI.
const fn application_words(diagnosis: OauthDiagnosis) -> Words {
    match diagnosis {
        OauthDiagnosis::AccessDenied => words(&[
            "The provider denies this application access.",
            "Ask an administrator at the provider to allow this application.",
        ]),
        OauthDiagnosis::InteractionRequired => words(&[
            "An administrator at the provider must approve this application first.",
            "Ask an administrator at the provider to grant the application its permissions.",
            AGAIN,
        ]),
        OauthDiagnosis::InvalidRequest => words(&[
            "The provider rejected the request as malformed.",
            OWN_WORDS,
            "Check Scope and Token Endpoint against the provider's documentation.",
            "Check that the provider supports Client Credentials.",
        ]),
        OauthDiagnosis::InvalidGrant => words(&[
            "The provider does not give this application a token.",
            OWN_WORDS,
            "Check Client ID, Client Secret and Scope.",
            "Check that the application's registration at the provider allows Client Credentials.",
        ]),
        OauthDiagnosis::SettingsChanged => words(&[
            "The settings were saved in the meantime, so this token no longer fits them.",
            AGAIN,
        ]),
        OauthDiagnosis::NotOauth => words(&[
            "What answers at Token Endpoint is not a token endpoint.",
            ENDPOINT,
            "Token Endpoint may contain the address of the provider's sign-in page.",
        ]),
        other => first_token_words(other),
    }
}

/// Texts for the first token.
const fn first_token_words(diagnosis: OauthDiagnosis) -> Words {
    match diagnosis {
        OauthDiagnosis::AccessDenied => words(&[
            "The consent was declined.",
            "Press Get Auth Token again, and accept what the provider asks.",
            "If you did not decline, ask an administrator at the provider to allow this application.",
        ]),
        OauthDiagnosis::InteractionRequired => words(&[
            "The provider requires you to sign in or consent there first.",
            "Press Get Auth Token, and sign in at the provider.",
        ]),
        OauthDiagnosis::InvalidRequest => words(&[
            "The provider rejected the request as malformed.",
            OWN_WORDS,
            REGISTERED,
            "Check that the provider supports the chosen OAuth Flow.",
        ]),
        OauthDiagnosis::InvalidClient => words(&[
            "The provider does not accept Client ID and Client Secret.",
            "Enter Client Secret again: its value, not its ID.",
            "Check whether the secret has expired at the provider. If it has, create a new one there.",
            "Check Client ID, and that Token Endpoint belongs to the same organisation.",
        ]),
        OauthDiagnosis::InvalidGrant => {
            words(&["The provider rejected the authorization code.", AGAIN, REGISTERED])
        }
        OauthDiagnosis::UnauthorizedClient => words(&[
            "The provider does not allow this application to use the chosen flow.",
            "Allow the flow in the application's registration at the provider.",
            "Or choose another OAuth Flow.",
        ]),
        OauthDiagnosis::UnsupportedGrantType | OauthDiagnosis::UnsupportedResponseType => {
            words(&["The provider does not support the chosen flow.", "Choose another OAuth Flow."])
        }
        OauthDiagnosis::InvalidScope => words(&[
            "The provider does not accept Scope.",
            "Check Scope against the provider's documentation for SMTP.",
            "Check that the application's registration includes this permission.",
        ]),
        OauthDiagnosis::UnknownError => words(&[
            "The provider refused for a reason that PPM does not know.",
            "Its reply may say why.",
            "Its documentation may explain the code.",
        ]),
        OauthDiagnosis::ProviderFailed => {
            words(&["The provider is having problems.", LATER, "Check the provider's status page."])
        }
        OauthDiagnosis::ProviderBusy => words(&["The provider is busy.", LATER]),
        OauthDiagnosis::AttemptUnknown => words(&[
            "PPM did not start a sign-in with this address.",
            "Start in the Email settings: press Get Auth Token there.",
        ]),
        OauthDiagnosis::AttemptExpired => {
            words(&["The sign-in has expired: it took longer than ten minutes.", AGAIN])
        }
        OauthDiagnosis::AttemptStopped => {
            words(&["This sign-in was stopped in the Email settings.", AGAIN])
        }
        OauthDiagnosis::AttemptUsed => words(&[
            "This address was used before, and works only once.",
            "Check Token Status. If there is no token, press Get Auth Token again.",
        ]),
        OauthDiagnosis::OtherBrowser => words(&[
            "The sign-in was started in another browser.",
            "Press Get Auth Token and sign in, both in the same browser.",
        ]),
        OauthDiagnosis::OtherPerson => words(&[
            "The sign-in was started by another user.",
            "Sign in to PPM as an administrator, then press Get Auth Token.",
        ]),
        OauthDiagnosis::OtherSession => words(&[
            "This sign-in was started in another session, or that session has ended.",
            "Sign in to PPM, then press Get Auth Token again.",
        ]),
        OauthDiagnosis::SettingsChanged => words(&[
            "The settings were saved in the meantime, so this sign-in no longer matches them.",
            AGAIN,
        ]),
        OauthDiagnosis::OtherIssuer => words(&[
            "The answer came from a different provider than the one that was asked.",
            "Check that Authorization Endpoint and Token Endpoint belong to the same provider.",
            "Then press Get Auth Token again.",
        ]),
        OauthDiagnosis::IssuerMissing => words(&[
            "The provider's answer does not name its issuer, although its metadata says it always does (RFC 9207).",
            "Press Get Auth Token again.",
            "If the problem continues, tell the provider's administrator: the answer may be forged.",
        ]),
        OauthDiagnosis::AdminConsented => words(&[
            "The provider says that an administrator has granted consent. That answer brings no token.",
            "Press Get Auth Token in the Email settings.",
        ]),
        OauthDiagnosis::NoCode => words(&[
            "The browser came back without an answer from the provider.",
            "Check Authorization Endpoint.",
            AGAIN,
        ]),
        OauthDiagnosis::NameNotFound => words(&[
            "There is no server with the name in Token Endpoint.",
            "Check Token Endpoint for typing mistakes.",
        ]),
        OauthDiagnosis::NameServiceFailed => words(&[
            "The name in Token Endpoint could not be looked up.",
            "Try again in a minute.",
            "If the problem continues, check this machine's DNS.",
        ]),
        OauthDiagnosis::AddressForbidden => words(&[
            "Token Endpoint resolves to an address that PPM never connects to.",
            "For security, PPM does not connect to link-local and cloud metadata addresses. Use the provider's own name.",
        ]),
        OauthDiagnosis::EgressNotAllowed => words(&[
            "The operator of this server has not allowed PPM to connect to the address in Token Endpoint.",
            "On this machine, https:// is allowed on ports 443 and 8443; http:// is not allowed.",
        ]),
        OauthDiagnosis::EgressDenied => words(&[
            "The operator of this server has blocked the address in Token Endpoint.",
            "Use another provider, or ask the operator about --egress-deny.",
        ]),
        OauthDiagnosis::NothingListens => words(&[
            "The machine in Token Endpoint answers, but nothing is listening on that port.",
            ENDPOINT,
        ]),
        OauthDiagnosis::Unreachable => words(&[
            "Nothing answers at Token Endpoint.",
            ENDPOINT,
            "A firewall may be blocking the connection: ask your network's administrator whether this machine may connect there, or needs a proxy.",
        ]),
        OauthDiagnosis::CertificateUntrusted => words(&[
            "This machine does not trust the certificate of Token Endpoint.",
            ENDPOINT,
            "If it is your own provider, start PPM with its CA's certificate (--extra-ca).",
        ]),
        OauthDiagnosis::CertificateOutOfDate => words(&[
            "The certificate of Token Endpoint is out of date.",
            "Check this machine's clock.",
            "Ask the provider's administrator to renew the certificate.",
        ]),
        OauthDiagnosis::CertificateWrongName => {
            words(&["The certificate of Token Endpoint is for another name.", ENDPOINT])
        }
        OauthDiagnosis::TlsFailed => words(&[
            "No encrypted connection to Token Endpoint could be made.",
            ENDPOINT,
            "A proxy or firewall that inspects connections can be the cause.",
        ]),
        OauthDiagnosis::ConnectionLost => {
            words(&["Token Endpoint closed the connection unexpectedly.", LATER])
        }
        OauthDiagnosis::TooSlow => words(&["Token Endpoint was too slow, so PPM gave up.", LATER]),
        OauthDiagnosis::TooLong => {
            words(&["The answer of Token Endpoint is too large to be a token.", ENDPOINT])
        }
        OauthDiagnosis::Redirected => words(&[
            "Token Endpoint redirects to another address, which PPM does not follow: secrets are only sent to the address they were entered for.",
            "Enter the final address in Token Endpoint.",
        ]),
        OauthDiagnosis::NotOauth => {
            words(&["What answers at Token Endpoint is not a token endpoint.", ENDPOINT, SWAPPED])
        }
        OauthDiagnosis::BotGuard => words(&[
            "A bot guard in front of the provider turned PPM away.",
            "Ask the provider's administrator to let requests from this server to Token Endpoint pass (a bot or firewall rule), and name this server's public address.",
            "If Token Endpoint is not the address in the provider's documentation, correct it: the documented one is usually not guarded.",
        ]),
        OauthDiagnosis::SignInPage => words(&[
            "A sign-in page answers at Token Endpoint, not a token endpoint.",
            "Enter the provider's token endpoint, as its documentation lists it.",
            "If the address is right, the provider's administrator must let requests to it pass without that sign-in.",
        ]),
        OauthDiagnosis::NetworkPage => words(&[
            "A device in your network answered instead of the provider: a proxy, a filter, or a network sign-in page (captive portal).",
            "Ask your network's administrator to let this server reach Token Endpoint.",
            "If requests have to go through a proxy, start PPM with --oauth-proxy.",
        ]),
        OauthDiagnosis::NoToken => {
            words(&["The provider answered without a token.", "Its reply may say why.", ENDPOINT])
        }
        OauthDiagnosis::ExpiredOnArrival => words(&[
            "The provider gives tokens that have expired when they arrive.",
            "Correct the lifetime of access tokens at the provider, where the application is registered: an hour is usual.",
            AGAIN,
        ]),
        OauthDiagnosis::OtherTokenType => words(&[
            "The provider gave a type of token that mail servers do not accept.",
            "Ask the provider for Bearer tokens for SMTP.",
        ]),
        OauthDiagnosis::RefusedSilently => words(&[
            "The provider refused and did not say why.",
            "Enter Client Secret again, and check Client ID.",
            ENDPOINT,
        ]),
        OauthDiagnosis::SecretUnreadable => words(&[
            "The stored secret cannot be used with these settings.",
            "Enter Client Secret again and save.",
        ]),
        OauthDiagnosis::ServerFailed => {
            words(&["PPM could not complete the request; its log has the details.", AGAIN])
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::OauthFlow;
    use domain::delivery::{Fact, FactName};
    use domain::token::{OauthDiagnosis, OauthStage};

    use super::{super::fact_value, oauth_diagnosis_words, time_left};

    macro_rules! diagnoses {
        ($($name:ident)+) => { [$(OauthDiagnosis::$name),+] };
    }

    /// Every diagnosis of the Token Endpoint or of the connection to it.
    const AT_TOKEN_ENDPOINT: [OauthDiagnosis; 38] = diagnoses!(
        AccessDenied InteractionRequired InvalidRequest InvalidClient InvalidGrant
        UnauthorizedClient UnsupportedGrantType UnsupportedResponseType InvalidScope UnknownError
        ProviderFailed ProviderBusy SettingsChanged NameNotFound NameServiceFailed AddressForbidden
        EgressNotAllowed EgressDenied NothingListens Unreachable CertificateUntrusted
        CertificateOutOfDate CertificateWrongName TlsFailed ConnectionLost TooSlow TooLong
        Redirected NotOauth BotGuard SignInPage NetworkPage NoToken OtherTokenType ExpiredOnArrival
        RefusedSilently SecretUnreadable ServerFailed
    );

    #[test]
    fn client_credentials_texts_mention_no_consent() {
        for code in AT_TOKEN_ENDPOINT {
            for stage in [OauthStage::TokenRequest, OauthStage::Renewal] {
                let words = oauth_diagnosis_words(stage, code, OauthFlow::ClientCredentials);
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
    fn consent_texts_do_not_mention_the_secret() {
        for code in AT_TOKEN_ENDPOINT.into_iter().take(12) {
            let words =
                oauth_diagnosis_words(OauthStage::Consent, code, OauthFlow::AuthorizationCode);
            let told = [&[words.cause], words.steps].concat().join(" ");
            assert!(!told.contains("Secret"), "{code:?}: {told}");
        }
    }

    #[test]
    fn the_text_of_a_diagnosis_depends_on_the_stage() {
        use OauthDiagnosis::{
            AccessDenied, InteractionRequired, InvalidClient, InvalidGrant, ProviderFailed,
            RefusedSilently, UnknownError, Unreachable,
        };
        use OauthStage::{Consent, Renewal, TokenRequest};

        for (stage, code, cause, next) in [
            (Consent, AccessDenied, "declined", "accept what the provider asks"),
            (Consent, InteractionRequired, "sign in or consent", "sign in at"),
            (Consent, InvalidClient, "does not accept the Client ID.", "Client ID"),
            (TokenRequest, InvalidClient, "Client Secret", "its value, not its ID"),
            (TokenRequest, InvalidGrant, "authorization code", "exactly as it is in PPM"),
            (TokenRequest, RefusedSilently, "did not say why", "check Client ID"),
            (TokenRequest, UnknownError, "a reason that PPM does not know", "Its reply"),
            (Renewal, InvalidGrant, "consent has ended", "Press Get Auth Token again"),
            (Renewal, RefusedSilently, "to renew", "Press Get Auth Token again"),
            (Renewal, ProviderFailed, "having problems", "automatically"),
            (Renewal, Unreachable, "at the moment", "automatically"),
        ] {
            let words = oauth_diagnosis_words(stage, code, OauthFlow::AuthorizationCode);
            assert!(words.cause.contains(cause), "{stage:?}, {code:?}: {}", words.cause);
            let has_step = words.steps.iter().any(|step| step.contains(next));
            assert!(has_step, "{stage:?}, {code:?}: {:?}", words.steps);
        }
    }

    #[test]
    fn facts_are_formatted_in_human_units() {
        for (name, value, expected) in [
            (FactName::Age, "480", "8 minutes"),
            (FactName::ValidFor, "480", "8 minutes"),
            (FactName::Size, "480", "480 bytes"),
            (FactName::Size, "0", "no fixed limit"),
            (FactName::Size, "10240", "10 KB (10,240 bytes)"),
            (FactName::Size, "5242880", "5 MB (5,242,880 bytes)"),
            (FactName::Size, "35882577", "34 MB (35,882,577 bytes)"),
            (FactName::Size, "99999999999999999999", "99999999999999999999"),
            (FactName::DaysLeft, "211", "valid for 211 more days"),
            (FactName::DaysLeft, "1", "valid for 1 more day"),
            (FactName::DaysLeft, "0", "valid for less than a day"),
            (FactName::DaysLeft, "-3", "expired 2 days ago"),
            (FactName::SmtpUtf8, "yes", "offered"),
            (FactName::SmtpUtf8, "no", "not offered"),
        ] {
            assert_eq!(fact_value(&Fact { name, value: value.to_owned() }), expected);
        }
    }

    #[test]
    fn remaining_time_is_formatted_in_its_two_largest_units() {
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
