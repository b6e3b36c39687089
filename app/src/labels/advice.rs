//! What a failed delivery usually means and what to do about it, in words for an administrator who
//! does not know SMTP: one sentence for the cause, then the steps in the order to try them. Which
//! reply leads to which advice is decided on the server.

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
        Advice::StartTlsMasked => Words {
            cause: "Something between PPM and the server masks the server's offer of encryption, so nothing was sent.",
            steps: &[
                "A firewall that inspects mail does this: on Cisco's it is called ESMTP inspection, or fixup protocol smtp. Ask your network's administrator to turn it off for this server, or to let STARTTLS pass.",
                "Or use implicit TLS, usually on port 465, which such a firewall cannot read.",
                "Do not turn Use TLS off: the user name and the password would be readable on the way.",
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
        Advice::CertificateVersion1 => Words {
            cause: "The server's certificate is of X.509 version 1, which PPM does not accept.",
            steps: &[
                "Only a certificate of version 3 can say for which names it is.",
                "Trusting this certificate does not help. The operator of the mail server has to replace it; the line below makes a good one.",
            ],
        },
        Advice::CertificateKeyTooShort => Words {
            cause: "The RSA key in the server's certificate has fewer than 2,048 bits, so PPM does not accept it.",
            steps: &[
                "Trusting this certificate does not help. The operator of the mail server has to replace it; the line below makes a good one.",
            ],
        },
        Advice::CertificateWithoutNames => Words {
            cause: "The server's certificate has no subjectAltName, so PPM cannot tell for which name it is.",
            steps: &[
                "The common name (CN) does not count, even where it is the server's name (RFC 9525).",
                "Trusting this certificate does not help. The operator of the mail server has to replace it; the line below makes a good one.",
            ],
        },
        Advice::CertificateOldSignature => Words {
            cause: "The server's certificate is signed with SHA-1 or MD5, which PPM does not accept.",
            steps: &[
                "Trusting this certificate's issuer does not help. The operator of the mail server has to get a certificate that is signed with SHA-256; the line below makes one that is signed by itself.",
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
        Advice::ClientNameRefused => Words {
            cause: "The server does not accept the name by which PPM introduces itself (EHLO).",
            steps: &[
                "Start PPM with --smtp-client-name, or set PPM_EMAIL_SMTP_CLIENT_NAME: to a host name that leads to this machine's public address in DNS, such as mail.example.com.",
                "Without it, PPM sends the host of --public-url where that is a public name, and its own address in brackets otherwise.",
            ],
        },
        Advice::AddressNotAdmitted => Words {
            cause: "The provider does not admit this machine's address.",
            steps: &[
                "Sign in to the provider's administration page and add this machine's public address to the addresses that may send: look for allowed or authorized IP addresses, or, at Microsoft, for a connector.",
                "The Password is not what is wrong.",
                "If this machine's public address changes, ask for a fixed one, or use a server that admits by sign-in alone.",
            ],
        },
        Advice::AddressBlocked => Words {
            cause: "This machine's address is on a blocklist.",
            steps: &[
                "The server's own words name the list, and often the address: look the address up there, remove the cause, then ask the list to remove it.",
                "Use your provider's server for submission by users, usually on port 587, and sign in there: blocklists do not apply to those who sign in.",
                "An address of a home or mobile network is listed for good: mail has to go through a provider.",
            ],
        },
        Advice::ReverseNameMissing => Words {
            cause: "This machine's address has no name of its own in DNS that the server accepts.",
            steps: &[
                "Ask the owner of the address, usually the hosting or internet provider, for a PTR record (reverse DNS) with a name that leads back to the same address.",
                "Or use your provider's server for submission by users, usually on port 587, and sign in there.",
            ],
        },
        Advice::SignInNotOffered => Words {
            cause: "The server offers no sign-in on this connection.",
            steps: &[
                "Many servers offer it only when encrypted: turn Use TLS on.",
                "If the server asks for no sign-in, empty Username; with an OAuth flow, check SMTP Server and Port.",
            ],
        },
        Advice::SignInNotOfferedUnderTls => Words {
            cause: "The server offers no sign-in, although the connection is encrypted.",
            steps: &[
                "Check SMTP Server and Port: the server for sending is often another one than the one that receives, on port 587 or 465.",
                "If the server asks for no sign-in, empty Username; with an OAuth flow, ask its operator to offer XOAUTH2 or OAUTHBEARER.",
            ],
        },
        Advice::ReceivingServer => Words {
            cause: "This server receives mail for a domain. It is not a server for sending, and offers no sign-in.",
            steps: &[
                "Enter in SMTP Server the server for sending that your provider's documentation names (submission, outgoing mail), with Port 587 or 465.",
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
                "With a token: Scope has to be the one for SMTP, not one of Microsoft Graph. Correct it, then get a new token.",
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
            cause: "The server wants an app password instead of the account's own password.",
            steps: &[
                "In the account's security settings, make an app password for PPM and enter it in Password. Some providers call it an authorization code, or a password for external applications.",
                "Many providers offer that only once two-step sign-in is on.",
                "Or choose an OAuth flow.",
            ],
        },
        Advice::SmtpAccessOff => Words {
            cause: "SMTP is turned off for this account.",
            steps: &[
                "Sign in to the account in a web browser and turn SMTP on in its settings; many providers list it beside POP and IMAP.",
                "In an organisation, the administrator of the mail service may have to allow it first.",
            ],
        },
        Advice::AccountInactive => Words {
            cause: "The account at the provider is not active: it is not activated yet, under review, locked or suspended.",
            steps: &[
                "Sign in to the provider's administration page: it says what is missing, such as a confirmation, a document or a changed password.",
                "Ask the provider's support to activate or unlock the account.",
            ],
        },
        Advice::OutOfCredit => Words {
            cause: "The account has no credits left at its provider.",
            steps: &[
                "Credits of a plan come back with its next period: the next day or month.",
                "To send before that, buy credits or a larger plan at the provider.",
            ],
        },
        Advice::Sandbox => Words {
            cause: "The account is still a sandbox at its provider, which sends to few recipients only.",
            steps: &[
                "To test: verify your own address, shown beside the button, as a recipient at the provider.",
                "To send to everybody: ask the provider for production access, or verify a domain of your own and send from it.",
            ],
        },
        Advice::SendingLimit => Words {
            cause: "The account has reached a sending limit of its provider.",
            steps: &[
                "Wait until it ends: a limit for an hour ends within that hour, one for a day within 24 hours after the messages that used it up.",
                "To raise it, change to a larger plan or ask the provider; for a lot of mail, use a service for bulk mail.",
                "If PPM has sent little, check what else sends with this account.",
            ],
        },
        Advice::OnMicrosoftLimit => Words {
            cause: "The organisation has reached Microsoft's limit for senders in onmicrosoft.com.",
            steps: &[
                "Enter in Default Sender Email an address in a domain of your own that is verified in Microsoft 365: the limit counts for onmicrosoft.com only.",
                "Otherwise wait: the limit is one for a day, and ends within 24 hours.",
            ],
        },
        Advice::SendingRate => Words {
            cause: "Messages come faster than the provider allows for this account.",
            steps: &[
                "Try again in a minute: a rate limit ends by itself.",
                "If it stays so, spread the messages, or ask the provider to raise the rate.",
            ],
        },
        Advice::TooManyConnections => Words {
            cause: "The account has too many connections to the server at the same time.",
            steps: &[
                "Try again in a minute, when the others have ended.",
                "If it stays so, check what else sends with this account: Exchange Online allows three connections at a time for a mailbox.",
            ],
        },
        Advice::IdentityNotAllowed => Words {
            cause: "The account behind the user name may not send from this identity.",
            steps: &[
                "The server's own words name the account, the action and the identity. In the account's policy (at Amazon: IAM), allow that action, such as ses:SendRawEmail, for that identity.",
                "Or enter in Default Sender Email an address of an identity for which the account may send.",
            ],
        },
        Advice::TokenRefused => Words {
            cause: "The server does not accept the token.",
            steps: &[
                "Check Scope: it has to be the one for SMTP that the provider's documentation names.",
                "Default Sender Email has to be the account that signed in for the token.",
                "Get a new token: this one may have expired or been revoked.",
                "If a new token is refused too, try again later: the server may be unable to check tokens.",
            ],
        },
        Advice::TokenTooLong => Words {
            cause: "The token is longer than this server reads.",
            steps: &[
                "Ask the server's operator to raise the limit for a line of the sign-in (RFC 4954 wants 12,288 bytes).",
                "Or let the provider issue a shorter token: fewer scopes, roles or groups in it.",
                "Another token of the same kind does not help.",
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
        Advice::TokenNotRenewed(fault) => super::fault(Leg::Renewal, fault),
        Advice::TokenNotObtained(fault) => super::fault(Leg::TokenRequest, fault),
        Advice::SignInRequired => Words {
            cause: "The server wants a sign-in first.",
            steps: &[
                "Enter Username and Password.",
                "If they are there, turn Use TLS on: some servers mean encryption.",
            ],
        },
        Advice::SignInMissing => Words {
            cause: "Username is empty, and the server wants a sign-in.",
            steps: &[
                "Enter Username and Password; where Use TLS is off, turn it on first.",
                "If the provider takes no passwords, choose an OAuth flow.",
                "If this machine is to send without a sign-in, ask the server's operator to admit its address.",
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
        Advice::SenderUnknown => Words {
            cause: "The sender's address does not exist at its own domain, or the server could not find it there.",
            steps: &[
                "Check Default Sender Email for a typing mistake.",
                "Create this mailbox, or an alias of this name, where the sender's domain receives its mail: the server asks there whether bounces would be taken.",
                "The domain needs an MX or address record in DNS.",
            ],
        },
        Advice::SenderNotVerified => Words {
            cause: "The provider has not verified this sender.",
            steps: &[
                "Verify the address in Default Sender Email, or its whole domain, on the provider's administration page.",
                "Or enter in Default Sender Email an address that is verified there.",
                "A new account may be a sandbox, in which the recipient has to be verified too.",
            ],
        },
        Advice::FromHeaderRefused => Words {
            cause: "The server cannot read the sender in the message (its From header).",
            steps: &[
                "Check Default Sender Email for a typing mistake.",
                "Check Display Name: leave out quotation marks, brackets, commas, @ and other signs, then test again.",
            ],
        },
        Advice::MailUnauthenticated => Words {
            cause: "The receiving side wants mail of this sender to be authenticated by SPF, DKIM and DMARC.",
            steps: &[
                "In the DNS of the sender's domain, name the server that sends in the SPF record, and publish the provider's DKIM key and a DMARC record.",
                "Or send through the provider that the domain's records name already.",
                "A change in DNS takes some hours to spread: test again then.",
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
                "If it belongs to another organisation, ask the server's operator whether the server passes mail on to it.",
            ],
        },
        Advice::RecipientMailboxFull => Words {
            cause: "The recipient's mailbox is full.",
            steps: &[
                "Make room in the mailbox that the test message goes to, shown beside the button.",
                "The settings are good so far: the server has taken everything before the recipient.",
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
        Advice::RelayDeniedToAccount => Words {
            cause: "The server does not pass mail of this account on to the recipient's domain.",
            steps: &[
                "Ask the server's operator to let this account send to other domains.",
                "Use your provider's server for submission by users, usually on port 587.",
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
        Advice::PolicyRefused => Words {
            cause: "A policy of the mail server refuses the message.",
            steps: &[
                "The server's own words say which policy, or where it is described.",
                "Ask the server's operator, or the administrator of your organisation's mail, for an exception for PPM and its sender.",
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
        Advice::MessageTooLargeConverted => Words {
            cause: "The message is larger than the server takes once it has converted it.",
            steps: &[
                "Send less at a time: attachments grow by a third on their way, and converting adds to that.",
                "The server refuses this message for good: trying again does not help.",
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
        Advice::StoppedAnswering => Words {
            cause: "The server stopped answering in the middle of the conversation.",
            steps: &[
                "Try again in a few minutes: the server may be busy.",
                "If it always stops at this step, ask the server's operator what its log says; a firewall or virus scanner that inspects mail can also hold the answer back.",
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
