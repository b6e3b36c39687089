//! What a failed delivery usually means and what to do about it, in words for an administrator who
//! does not know SMTP: one sentence for the cause, then the steps in the order to try them. Which
//! reply leads to which advice is decided on the server.

use domain::OauthFlow;
use domain::delivery::Advice;
use domain::token::Leg;

/// What to say of a failure, without anybody's own values.
pub struct Words {
    /// What it usually means, as a headline.
    pub cause: &'static str,
    /// What to do, in the order to try it.
    pub steps: &'static [&'static str],
}

/// What a message that was not followed to its end may have come to.
pub const INTERRUPTED: Words = Words {
    cause: "PPM stopped before the message was through. It may have been delivered.",
    steps: &["Look into your inbox before you try again."],
};

/// What a failure usually means, and what to do.
#[must_use]
pub const fn advice(advice: Advice) -> Words {
    match advice {
        Advice::NameNotFound => Words {
            cause: "There is no server of this name.",
            steps: &[
                "Look for a typing mistake in SMTP Server.",
                "If the name is right, ask whoever runs your network whether this machine can look it up.",
            ],
        },
        Advice::NameServiceFailed => Words {
            cause: "The name could not be looked up at all.",
            steps: &[
                "Try again in a minute.",
                "If it stays so, this machine's name service (DNS) needs attention.",
            ],
        },
        Advice::AddressForbidden => Words {
            cause: "The name leads to an address that PPM never calls.",
            steps: &[
                "Link-local and cloud metadata addresses are refused for safety: use the mail server's own name or address.",
            ],
        },
        Advice::EgressNotAllowed => Words {
            cause: "The operator of this server has not allowed PPM to call this address and port.",
            steps: &[
                "Use the mail server's usual port: on this machine and in private networks, 25, 465, 587, 1025, 2465, 2525 and 2587 are allowed.",
            ],
        },
        Advice::EgressDenied => Words {
            cause: "The operator of this server has denied PPM this address.",
            steps: &["Use another mail server, or ask the operator about --egress-deny."],
        },
        Advice::PortZero => Words {
            cause: "No server can be reached on port 0.",
            steps: &["Enter the port that your mail provider names, usually 587."],
        },
        Advice::NothingListens => Words {
            cause: "The machine answers, but no mail server listens on this port.",
            steps: &[
                "Check Port: 587 with STARTTLS, 465 with implicit TLS, 25 without encryption.",
                "Check that SMTP Server is the server for outgoing mail.",
            ],
        },
        Advice::Unreachable => Words {
            cause: "Nothing answers at this address and port.",
            steps: &[
                "Check SMTP Server and Port.",
                "A firewall may be in the way: many networks block port 25. Ask whether this machine may connect to this port.",
            ],
        },
        Advice::PlainPort => Words {
            cause: "This port begins unencrypted, but implicit TLS was tried.",
            steps: &[
                "Set TLS mode to Automatic or STARTTLS.",
                "Or use the port for implicit TLS, usually 465.",
            ],
        },
        Advice::TlsPort => Words {
            cause: "This port seems to wait for implicit TLS.",
            steps: &[
                "Turn Use TLS on and set TLS mode to Implicit TLS.",
                "Or use the port for STARTTLS, usually 587.",
            ],
        },
        Advice::StartTlsNotOffered => Words {
            cause: "The server offers no encryption on this port, so nothing was sent.",
            steps: &[
                "Use the server's port for encrypted mail, usually 587 or 465.",
                "Only for a server in your own network that cannot encrypt: turn Use TLS off.",
            ],
        },
        Advice::StartTlsRefused => Words {
            cause: "The server offered encryption, and then refused to begin it.",
            steps: &[
                "Try again later.",
                "If it stays so, the server's own TLS set-up needs attention, often its certificate.",
            ],
        },
        Advice::StartTlsInjected => Words {
            cause: "Something put bytes of its own into the connection before it was encrypted.",
            steps: &[
                "Nothing was sent. Do not turn Use TLS off: somebody between this machine and the server may be tampering.",
                "Tell whoever runs your network, or use implicit TLS.",
            ],
        },
        Advice::CertificateUnknownIssuer => Words {
            cause: "The server's certificate is signed by an authority that this machine does not know.",
            steps: &[
                "If your organisation has a certificate authority of its own, paste its certificate into Trusted CA certificate.",
                "Or start the product with that certificate (--extra-ca), which then counts for every server.",
                "Otherwise the server's certificate chain is incomplete: tell whoever runs it.",
            ],
        },
        Advice::CertificateSelfSigned => Words {
            cause: "The server's certificate is signed by itself, not by an authority.",
            steps: &[
                "Better: get a certificate from an authority for the server. Your organisation's own will do, if its certificate is in Trusted CA certificate.",
                "Or start the product with that authority's certificate (--extra-ca), which then counts for every server.",
            ],
        },
        Advice::CertificateExpired => Words {
            cause: "The server's certificate has expired.",
            steps: &[
                "Whoever runs the mail server has to renew it.",
                "If it was renewed lately, check this machine's clock.",
            ],
        },
        Advice::CertificateNotYetValid => Words {
            cause: "The server's certificate is not valid yet.",
            steps: &[
                "Check this machine's clock.",
                "If it is right, whoever runs the mail server has to replace the certificate.",
            ],
        },
        Advice::CertificateWrongName => Words {
            cause: "The server's certificate is for another name.",
            steps: &[
                "Enter in SMTP Server the name that the certificate is for, as your provider writes it.",
                "An IP address rarely stands in a certificate: use the name.",
            ],
        },
        Advice::TlsFailed => Words {
            cause: "Encryption between PPM and the server failed.",
            steps: &[
                "The server may speak only outdated versions of TLS: it has to offer TLS 1.2 or 1.3.",
                "It may ask for a client certificate, which PPM does not have.",
                "Check Port and TLS mode.",
            ],
        },
        Advice::NotSmtp => Words {
            cause: "What answers on this port is no mail server.",
            steps: &["Check SMTP Server and Port."],
        },
        Advice::Unwelcome => Words {
            cause: "The server does not accept mail from this machine.",
            steps: &[
                "Use your provider's server for submission by users, usually on port 587.",
                "Ask whoever runs it to admit this machine's address.",
            ],
        },
        Advice::SignInNotOffered => Words {
            cause: "The server offers no sign-in on this connection.",
            steps: &[
                "Many servers offer it only when encrypted: turn Use TLS on.",
                "If the server asks for no sign-in, empty Username; with an OAuth flow, check SMTP Server and Port.",
            ],
        },
        Advice::NoCommonMechanism => Words {
            cause: "The server offers no way of signing in with a password that PPM can use.",
            steps: &[
                "It may want OAuth: choose an OAuth flow.",
                "Or ask whoever runs it to offer PLAIN or LOGIN over TLS.",
            ],
        },
        Advice::CredentialsRefused => Words {
            cause: "The server does not accept this user name with this password.",
            steps: &[
                "Type the Password again; check Username, often the whole e-mail address.",
                "With two-step sign-in, the provider wants an app password made for PPM.",
                "Many providers no longer take passwords from programs: choose an OAuth flow.",
            ],
        },
        Advice::SmtpAuthDisabled => Words {
            cause: "Exchange Online has sign-in by SMTP turned off for this mailbox, or for the whole organisation.",
            steps: &[
                "In the Microsoft 365 admin center, open the mailbox's user, then Mail, then Manage email apps, and turn Authenticated SMTP on.",
                "OAuth needs it too: another flow does not help.",
                "A change takes some minutes to spread: try again then.",
            ],
        },
        Advice::BasicAuthDisabled => Words {
            cause: "Microsoft does not take passwords for sending mail here.",
            steps: &["Choose an OAuth flow; no password will do."],
        },
        Advice::ConditionalAccess => Words {
            cause: "The organisation's security rules stop this sign-in: security defaults or conditional access.",
            steps: &[
                "Choose the flow Client Credentials, to which these rules do not apply.",
                "Or let the administrator of Microsoft Entra exclude this account from the rule; the sign-in log there names it.",
            ],
        },
        Advice::ExchangeSignInRefused => Words {
            cause: "Exchange does not accept this sign-in, and does not say why.",
            steps: &[
                "With a password: type it again; Username is the mailbox's whole address.",
                "With a token: Default Sender Email has to be the mailbox that signed in.",
                "With a token: Scope has to name https://outlook.office365.com/, not Microsoft Graph. Correct it, then get a new token.",
                "With Client Credentials: the application has to be a service principal in Exchange, registered by the object ID of the Enterprise application, not of the App registration, and to have a permission on the mailbox.",
                "A new permission takes 15 to 30 minutes to spread: try again then.",
            ],
        },
        Advice::MailboxPermissionMissing => Words {
            cause: "The sign-in is good, but gives no right on this mailbox.",
            steps: &[
                "In Exchange, give the application's service principal, or the account, Full Access to the mailbox in Default Sender Email.",
                "Check that this mailbox exists, has a licence and is not locked.",
                "A new permission takes 15 to 30 minutes to spread: try again then.",
            ],
        },
        Advice::GoogleSignInRefused => Words {
            cause: "Google does not accept this sign-in.",
            steps: &[
                "With a password: Google wants an app password made for PPM, not the account's own.",
                "With a token: it has expired or was revoked: get a new one, as the account in Default Sender Email.",
                "Sign in to the account in a web browser: Google may be waiting for a confirmation there.",
            ],
        },
        Advice::AppPasswordNeeded => Words {
            cause: "The account has two-step sign-in, so the server wants an app password instead of its own.",
            steps: &[
                "In the account's security settings, make an app password for PPM and enter it in Password.",
                "Or choose an OAuth flow.",
            ],
        },
        Advice::TokenRefused => Words {
            cause: "The server does not accept the token.",
            steps: &[
                "Check Scope: Gmail needs https://mail.google.com/ in it.",
                "Default Sender Email has to be the account that signed in for the token.",
                "Get a new token: this one may have expired or been revoked.",
                "If a new token is refused too, try again later: the server may be unable to check tokens.",
            ],
        },
        Advice::TokenSignInNotOffered => Words {
            cause: "The server offers no sign-in by token, neither XOAUTH2 nor OAUTHBEARER.",
            steps: &[
                "Check SMTP Server and Port: the provider's documentation for OAuth names them.",
                "Or set OAuth Flow to None and use a password.",
            ],
        },
        Advice::TokenAbsent => {
            Words { cause: "There is no token any more.", steps: &["Press Get Auth Token."] }
        }
        Advice::TokenExpired => Words {
            cause: "The token has expired, and cannot be renewed without somebody signing in.",
            steps: &[
                "Press Get Auth Token.",
                "To have it renewed by itself, ask for a refresh token: offline_access in Scope at Microsoft, access_type=offline and prompt=consent in Authorization Endpoint at Google.",
            ],
        },
        Advice::TokenNotRenewed(fault) => {
            super::fault(Leg::Renewal, fault, OauthFlow::AuthorizationCode)
        }
        Advice::TokenNotObtained(fault) => {
            super::fault(Leg::TokenRequest, fault, OauthFlow::ClientCredentials)
        }
        Advice::SignInRequired => Words {
            cause: "The server wants a sign-in first.",
            steps: &[
                "Enter Username and Password.",
                "If they are there, turn Use TLS on: some servers mean encryption.",
            ],
        },
        Advice::EncryptionRequired => Words {
            cause: "The server wants encryption first.",
            steps: &["Turn Use TLS on, and leave TLS mode at Automatic."],
        },
        Advice::SenderRefused => Words {
            cause: "The server does not accept mail from this sender.",
            steps: &[
                "Many servers let an account send only from its own address: enter it in Default Sender Email.",
                "Or let the provider grant the account the right to send as this address.",
            ],
        },
        Advice::SendAsDenied => Words {
            cause: "The account that signed in may not send as this sender.",
            steps: &[
                "Enter that account's own address in Default Sender Email.",
                "Or, in Exchange, give the account Send As on the sender's mailbox, and try again when that has spread.",
            ],
        },
        Advice::RecipientRefused => Words {
            cause: "The server does not accept mail for this recipient.",
            steps: &[
                "Check the address. A test message goes to your own, shown beside the button.",
                "If it belongs to another organisation, the server may want a sign-in before it passes mail on.",
            ],
        },
        Advice::RelayDenied => Words {
            cause: "The server does not pass mail on to addresses elsewhere, such as the recipient's.",
            steps: &[
                "Sign in: enter Username and Password, and turn Use TLS on.",
                "Use your provider's server for submission by users, usually on port 587.",
                "Ask whoever runs it to let this machine's address send to others.",
            ],
        },
        Advice::SmtpUtf8NotOffered => Words {
            cause: "The server takes no address with letters beyond ASCII before the @, such as ü.",
            steps: &["Use an address without such letters: check Default Sender Email first."],
        },
        Advice::ContentRefused => Words {
            cause: "The server took sender and recipient, and then refused the message.",
            steps: &[
                "Its own words usually say which filter refused it.",
                "Ask whoever runs it to accept mail from PPM.",
            ],
        },
        Advice::EightBitNotOffered => Words {
            cause: "The server takes messages in ASCII only, and this one is not.",
            steps: &[
                "Let the program that wrote the message encode it, as quoted-printable or Base64.",
            ],
        },
        Advice::MessageTooLarge => Words {
            cause: "The message is larger than the server takes.",
            steps: &[
                "Ask whoever runs it to raise the limit: a test message is as small as they come.",
            ],
        },
        Advice::TryLater => Words {
            cause: "The server cannot do it at the moment.",
            steps: &[
                "Try again in a few minutes: the refusal is a temporary one.",
                "If it stays so, its own words say what it waits for.",
            ],
        },
        Advice::ConnectionLost => Words {
            cause: "The server ended the connection in the middle.",
            steps: &[
                "Try again.",
                "If it stays so, check Port and TLS mode, and ask whoever runs the server what its log says.",
            ],
        },
        Advice::Silent => Words {
            cause: "The server took the connection and then said nothing.",
            steps: &[
                "Check Port and TLS mode: a port that waits for TLS is silent otherwise.",
                "A firewall that inspects mail can also be the reason.",
            ],
        },
        Advice::TooSlow => Words {
            cause: "The server was too slow, so PPM gave up.",
            steps: &[
                "Try again in a few minutes.",
                "If it stays so, ask whoever runs the server, or choose another one.",
            ],
        },
        Advice::ReplyTooLong => Words {
            cause: "The server's answer was longer than a mail server's can be.",
            steps: &["Check SMTP Server and Port: this is hardly a mail server."],
        },
        Advice::UnexpectedReply => Words {
            cause: "The server answered something that does not belong here.",
            steps: &["Its own words may say why.", "Check SMTP Server and Port."],
        },
        Advice::MaybeDelivered => Words {
            cause: "The connection ended before the server confirmed: the message may have been delivered.",
            steps: &["Look into your inbox before you try again."],
        },
        Advice::SecretUnreadable => Words {
            cause: "The stored password cannot be opened for these settings.",
            steps: &["Type the Password again and save."],
        },
    }
}
