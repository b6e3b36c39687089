//! Texts for each delivery diagnosis, for administrators who do not know SMTP: one sentence for the
//! cause, then the steps in the order to try them. The crate `smtp` maps replies to diagnoses.

use domain::{OauthFlow, delivery::Diagnosis, token::OauthStage};

use super::oauth_diagnosis_words;

/// The generic text of a failure, without values of the settings.
pub struct Words {
    /// The likely cause, as a headline.
    pub cause: &'static str,
    /// The steps to fix it, in the order to try them.
    pub steps: &'static [&'static str],
}

/// Makes a text of its sentences: the cause, then the steps.
pub const fn words(sentences: &'static [&'static str]) -> Words {
    match sentences {
        [cause, steps @ ..] => Words { cause, steps },
        [] => Words { cause: "", steps: &[] },
    }
}

/// The text for an interrupted test message.
pub const INTERRUPTED: Words = words(&[
    "PPM stopped before the message was finished. It may have been delivered.",
    CHECK_INBOX,
]);

const CHECK_INBOX: &str = "Check your inbox before you try again.";
const SUBMISSION: &str = "Use your provider's submission server, usually on port 587.";
const SPREADS: &str =
    "A new permission needs 15 to 30 minutes to take effect: try again after that.";

/// Returns the text of a diagnosis.
pub const fn diagnosis_words(diagnosis: Diagnosis) -> Words {
    match diagnosis {
        Diagnosis::NameNotFound => words(&[
            "There is no server with this name.",
            "Check SMTP Server for typing mistakes.",
            "If the name is right, ask your network's administrator whether this machine can look it up.",
        ]),
        Diagnosis::NameServiceFailed => words(&[
            "The name could not be looked up.",
            "Try again in a minute.",
            "If the problem continues, check this machine's DNS.",
        ]),
        Diagnosis::AddressForbidden => words(&[
            "The name resolves to an address that PPM never connects to.",
            "For security, PPM does not connect to link-local and cloud metadata addresses. Use the mail server's own name or address.",
        ]),
        Diagnosis::EgressNotAllowed => words(&[
            "The operator of this server has not allowed PPM to connect to this address and port.",
            "Use the mail server's usual port. On this machine and in private networks, PPM may connect to ports 25, 465, 587, 1025, 2465, 2525 and 2587.",
        ]),
        Diagnosis::EgressDenied => words(&[
            "The operator of this server has blocked this address.",
            "Use another mail server, or ask the operator about --egress-deny.",
        ]),
        Diagnosis::PortZero => words(&[
            "No server can be reached on port 0.",
            "Enter the port that your mail provider lists, usually 587.",
        ]),
        Diagnosis::NothingListens => words(&[
            "The machine answers, but no mail server is listening on this port.",
            "Check Port: 587 (STARTTLS), 465 (implicit TLS) or 25 (no encryption).",
            "Check that SMTP Server is the server for outgoing mail.",
        ]),
        Diagnosis::Unreachable => words(&[
            "Nothing answers at this address and port.",
            "Check SMTP Server and Port.",
            "A firewall may be blocking the connection: many networks block port 25. Ask your network's administrator whether this machine may connect to this port.",
        ]),
        Diagnosis::PlainPort => words(&[
            "This port starts unencrypted, but PPM tried implicit TLS.",
            "Set TLS mode to Automatic or STARTTLS.",
            "Or use the port for implicit TLS, usually 465.",
        ]),
        Diagnosis::TlsPort => words(&[
            "This port seems to expect implicit TLS.",
            "Turn Use TLS on and set TLS mode to Implicit TLS.",
            "Or use the port for STARTTLS, usually 587.",
        ]),
        Diagnosis::StartTlsNotOffered => words(&[
            "The server offers no encryption on this port, so nothing was sent.",
            "Use the server's port for encrypted mail, usually 587 or 465.",
            "Turn Use TLS off only if the server is in your own network and cannot encrypt.",
        ]),
        Diagnosis::StartTlsRefused => words(&[
            "The server offered encryption, but then refused to start it.",
            "Try again later.",
            "If the problem continues, ask the server's administrator to check its TLS settings, often its certificate.",
        ]),
        Diagnosis::StartTlsMasked => words(&[
            "Something between PPM and the server masks the server's offer of encryption, so nothing was sent.",
            "A firewall that inspects mail does this: on Cisco's it is called ESMTP inspection, or fixup protocol smtp. Ask your network's administrator to turn it off for this server, or to let STARTTLS pass.",
            "Or use implicit TLS, usually on port 465, which such a firewall cannot read.",
            "Do not turn Use TLS off: the user name and the password would be readable on the way.",
        ]),
        Diagnosis::StartTlsInjected => words(&[
            "Something inserted data into the connection before it was encrypted.",
            "Nothing was sent. Do not turn Use TLS off: a device between this machine and the server may be changing the connection.",
            "Tell your network's administrator, or use implicit TLS.",
        ]),
        Diagnosis::CertificateUnknownIssuer => words(&[
            "The server's certificate was issued by a CA that this machine does not trust.",
            "If your organisation has its own CA, paste the CA's certificate into Trusted CA certificate.",
            "Or start PPM with that certificate (--extra-ca), which then applies to every server.",
            "Otherwise the server's certificate chain is incomplete: tell the server's administrator.",
        ]),
        Diagnosis::CertificateSelfSigned => words(&[
            "The server's certificate is self-signed.",
            "Better: install a certificate from a CA on the server. Your organisation's own CA is enough if its certificate is in Trusted CA certificate.",
            "Or start PPM with that CA's certificate (--extra-ca), which then applies to every server.",
        ]),
        Diagnosis::CertificateExpired => words(&[
            "The server's certificate has expired.",
            "Ask the mail server's administrator to renew it.",
            "If it was renewed recently, check this machine's clock.",
        ]),
        Diagnosis::CertificateNotYetValid => words(&[
            "The server's certificate is not valid yet.",
            "Check this machine's clock.",
            "If the clock is right, ask the mail server's administrator to replace the certificate.",
        ]),
        Diagnosis::CertificateWrongName => words(&[
            "The server's certificate is for another name.",
            "In SMTP Server, enter the name that the certificate is for, as your provider lists it.",
            "Certificates rarely contain IP addresses: use the server's name.",
        ]),
        Diagnosis::TlsFailed => words(&[
            "Encryption between PPM and the server failed.",
            "The server may support only outdated versions of TLS: it must offer TLS 1.2 or 1.3.",
            "The server may require a client certificate, which PPM does not have.",
            "Check Port and TLS mode.",
        ]),
        Diagnosis::CertificateVersion1 => words(&[
            "The server's certificate is of X.509 version 1, which PPM does not accept.",
            "Only a certificate of version 3 can say for which names it is.",
            "Trusting this certificate does not help. Ask the operator of the mail server to replace it; the command below creates a suitable one.",
        ]),
        Diagnosis::CertificateKeyTooShort => words(&[
            "The RSA key in the server's certificate has fewer than 2,048 bits, so PPM does not accept it.",
            "Trusting this certificate does not help. Ask the operator of the mail server to replace it; the command below creates a suitable one.",
        ]),
        Diagnosis::CertificateWithoutNames => words(&[
            "The server's certificate has no subjectAltName, so PPM cannot tell for which name it is.",
            "The common name (CN) does not count, even where it is the server's name (RFC 9525).",
            "Trusting this certificate does not help. Ask the operator of the mail server to replace it; the command below creates a suitable one.",
        ]),
        Diagnosis::CertificateOldSignature => words(&[
            "The server's certificate is signed with SHA-1 or MD5, which PPM does not accept.",
            "Trusting this certificate's issuer does not help. The operator of the mail server has to get a certificate that is signed with SHA-256; the line below makes one that is signed by itself.",
        ]),
        Diagnosis::NotSmtp => words(&[
            "What answers on this port is not a mail server.",
            "Check SMTP Server and Port.",
        ]),
        Diagnosis::Unwelcome => words(&[
            "The server does not accept mail from this machine.",
            SUBMISSION,
            "Ask the server's administrator to allow this machine's address.",
        ]),
        Diagnosis::ClientNameRefused => words(&[
            "The server does not accept the name by which PPM introduces itself (EHLO).",
            "Start PPM with --smtp-client-name, or set PPM_EMAIL_SMTP_CLIENT_NAME, with a host name that leads to this machine's public address in DNS, such as mail.example.com.",
            "Without it, PPM sends the host of --public-url where that is a public name, and its own address in brackets otherwise.",
        ]),
        Diagnosis::AddressNotAdmitted => words(&[
            "The provider does not accept connections from this machine's address.",
            "Sign in to the provider's administration page and add this machine's public address to the addresses that may send: look for allowed or authorized IP addresses, or, at Microsoft, for a connector.",
            "The Password is not what is wrong.",
            "If this machine's public address changes, ask for a fixed one, or use a server that only asks for a sign-in.",
        ]),
        Diagnosis::AddressBlocked => words(&[
            "This machine's address is on a blocklist.",
            "The server's reply names the list, and often the address. Look the address up there, remove the cause, then ask the list to remove it.",
            "Use your provider's submission server, usually on port 587, and sign in there: most servers do not apply blocklists to users who sign in.",
            "An address of a home or mobile network is listed for good: mail has to go through a provider.",
        ]),
        Diagnosis::ReverseNameMissing => words(&[
            "This machine's address has no name in DNS that the server accepts.",
            "Ask the owner of the address, usually the hosting or internet provider, for a PTR record (reverse DNS) with a name that leads back to the same address.",
            "Or use your provider's submission server, usually on port 587, and sign in there.",
        ]),
        Diagnosis::SignInNotOffered => words(&[
            "The server offers no sign-in on this connection.",
            "Many servers offer sign-in only when encrypted: turn Use TLS on.",
            "If the server needs no sign-in, clear Username; with an OAuth flow, check SMTP Server and Port.",
        ]),
        Diagnosis::SignInNotOfferedUnderTls => words(&[
            "The server offers no sign-in, although the connection is encrypted.",
            "Check SMTP Server and Port: the server for sending is often another one than the one that receives, on port 587 or 465.",
            "If the server asks for no sign-in, empty Username; with an OAuth flow, ask its operator to offer XOAUTH2 or OAUTHBEARER.",
        ]),
        Diagnosis::ReceivingServer => words(&[
            "This server receives mail for a domain. It is not a server for sending, and offers no sign-in.",
            "Enter in SMTP Server the server for sending that your provider's documentation names (submission, outgoing mail), with Port 587 or 465.",
        ]),
        Diagnosis::NoCommonMechanism => words(&[
            "The server offers no password sign-in that PPM can use.",
            "The server may require OAuth: choose an OAuth flow.",
            "Or ask the server's administrator to offer PLAIN or LOGIN over TLS.",
        ]),
        Diagnosis::CredentialsRefused => words(&[
            "The server does not accept this user name with this password.",
            "Enter the Password again, and check Username, often the whole email address.",
            "With two-step sign-in, the provider requires an app password created for PPM.",
            "Many providers no longer accept passwords from programs: choose an OAuth flow.",
        ]),
        Diagnosis::SmtpAuthDisabled => words(&[
            "Exchange Online has SMTP sign-in turned off for this mailbox or for the whole organisation.",
            "In the Microsoft 365 admin center, open the mailbox's user, then Mail, then Manage email apps, and turn Authenticated SMTP on.",
            "OAuth needs it too: another flow does not help.",
            "A change needs a few minutes to take effect: try again after that.",
        ]),
        Diagnosis::BasicAuthDisabled => words(&[
            "Microsoft does not allow passwords for sending mail here.",
            "Choose an OAuth flow; passwords are not accepted.",
        ]),
        Diagnosis::ConditionalAccess => words(&[
            "The organisation's security rules block this sign-in: security defaults or conditional access.",
            "Choose the Client Credentials flow: these rules do not apply to it.",
            "Or ask the administrator of Microsoft Entra to exclude this account from the rule; the sign-in log there names the rule.",
        ]),
        Diagnosis::ExchangeSignInRefused => words(&[
            "Exchange does not accept this sign-in, and does not say why.",
            "With a password: enter it again. Username is the mailbox's whole address.",
            "With a token: Default Sender Email must be the mailbox that signed in.",
            "With a token: Scope must be the one for SMTP, not one of Microsoft Graph. Correct it, then get a new token.",
            "With Client Credentials: register the application as a service principal in Exchange, with the object ID of the Enterprise application, not of the App registration, and give it permission on the mailbox.",
            SPREADS,
        ]),
        Diagnosis::MailboxPermissionMissing => words(&[
            "Sign-in succeeded, but it has no permission for this mailbox.",
            "In Exchange, give the application's service principal, or the account, Full Access to the mailbox in Default Sender Email. Full Access also lets it read the mailbox.",
            "Check that this mailbox exists, has a licence and is not locked.",
            SPREADS,
        ]),
        Diagnosis::GoogleSignInRefused => words(&[
            "Google does not accept this sign-in.",
            "With a password: Google requires an app password created for PPM, not the account password.",
            "With a token: it has expired or was revoked. Get a new one, and sign in as the account in Default Sender Email.",
            "Sign in to the account in a web browser: Google may be waiting for confirmation there.",
        ]),
        Diagnosis::AppPasswordNeeded => words(&[
            "The server requires an app password instead of the account password.",
            "In the account's security settings, create an app password for PPM and enter it in Password. Some providers call it an authorization code, or a password for external applications.",
            "Many providers offer that only once two-step sign-in is on.",
            "Or choose an OAuth flow.",
        ]),
        Diagnosis::SmtpAccessOff => words(&[
            "SMTP is turned off for this account.",
            "Sign in to the account in a web browser and turn SMTP on in its settings; many providers list it next to POP and IMAP.",
            "In an organisation, the administrator of the mail service may have to allow it first.",
        ]),
        Diagnosis::AccountInactive => words(&[
            "The account at the provider is not active: it is not activated yet, under review, locked or suspended.",
            "Sign in to the provider's administration page: it says what is missing, such as a confirmation, a document or a changed password.",
            "Ask the provider's support to activate or unlock the account.",
        ]),
        Diagnosis::OutOfCredit => words(&[
            "The account has no credits left at its provider.",
            "Credits of a plan come back with its next period: the next day or month.",
            "To send before that, buy credits or a larger plan at the provider.",
        ]),
        Diagnosis::Sandbox => words(&[
            "The account is still in the provider's sandbox, from which it can send to only a few recipients.",
            "To test: verify your own address, shown next to the button, as a recipient at the provider.",
            "To send to any recipient: ask the provider for production access, or verify a domain of your own and send from it.",
        ]),
        Diagnosis::SendingLimit => words(&[
            "The account has reached a sending limit of its provider.",
            "Wait until it ends: a limit for an hour ends within that hour, one for a day within 24 hours after the messages that used it up.",
            "To raise it, change to a larger plan or ask the provider; for a lot of mail, use a service for bulk mail.",
            "If PPM has sent little, check what else sends with this account.",
        ]),
        Diagnosis::OnMicrosoftLimit => words(&[
            "The organisation has reached Microsoft's limit for senders in onmicrosoft.com.",
            "Enter in Default Sender Email an address in a domain of your own that is verified in Microsoft 365: the limit counts for onmicrosoft.com only.",
            "Otherwise wait: the limit is one for a day, and ends within 24 hours.",
        ]),
        Diagnosis::SendingRate => words(&[
            "Messages come faster than the provider allows for this account.",
            "Try again in a minute: a rate limit ends by itself.",
            "If the problem continues, spread the messages, or ask the provider to raise the rate.",
        ]),
        Diagnosis::TooManyConnections => words(&[
            "The account has too many connections to the server at the same time.",
            "Try again in a minute, when the others have ended.",
            "If the problem continues, check what else sends with this account: Exchange Online allows three connections at a time for a mailbox.",
        ]),
        Diagnosis::IdentityNotAllowed => words(&[
            "The account behind the user name may not send from this identity.",
            "The server's reply names the account, the action and the identity. In the account's policy (at Amazon: IAM), allow that action, such as ses:SendRawEmail, for that identity.",
            "Or enter in Default Sender Email an address of an identity for which the account may send.",
        ]),
        Diagnosis::TokenRefused => words(&[
            "The server does not accept the token.",
            "Check Scope: it must be the one for SMTP in the provider's documentation.",
            "Default Sender Email must be the account that signed in for the token.",
            "Get a new token: this one may have expired or been revoked.",
            "If a new token is refused too, try again later: the server may be unable to check tokens.",
        ]),
        Diagnosis::TokenTooLong => words(&[
            "The token is longer than this server reads.",
            "Ask the server's administrator to raise the limit for a line of the sign-in (RFC 4954 asks for 12,288 bytes).",
            "Or let the provider issue a shorter token: fewer scopes, roles or groups in it.",
            "Another token of the same kind does not help.",
        ]),
        Diagnosis::TokenSignInNotOffered => words(&[
            "The server offers no sign-in with a token (XOAUTH2 or OAUTHBEARER).",
            "Check SMTP Server and Port: the provider's documentation for OAuth lists them.",
            "Or set OAuth Flow to None and use a password.",
        ]),
        Diagnosis::TokenAbsent => words(&["The token no longer exists.", "Press Get Auth Token."]),
        Diagnosis::TokenExpired => words(&[
            "The token has expired, and cannot be renewed without signing in again.",
            "Press Get Auth Token.",
            "To renew it automatically, request a refresh token: for Microsoft, add offline_access to Scope; for Google, add access_type=offline and prompt=consent to Authorization Endpoint.",
        ]),
        Diagnosis::TokenNotRenewed(diagnosis) => {
            oauth_diagnosis_words(OauthStage::Renewal, diagnosis, OauthFlow::AuthorizationCode)
        }
        Diagnosis::TokenNotObtained(diagnosis) => {
            oauth_diagnosis_words(OauthStage::TokenRequest, diagnosis, OauthFlow::ClientCredentials)
        }
        Diagnosis::SignInRequired => words(&[
            "The server requires a sign-in first.",
            "Enter Username and Password.",
            "If they are already filled in, turn Use TLS on: some servers ask for encryption with this reply.",
        ]),
        Diagnosis::SignInMissing => words(&[
            "Username is empty, and the server requires a sign-in.",
            "Enter Username and Password; where Use TLS is off, turn it on first.",
            "If the provider accepts no passwords, choose an OAuth flow.",
            "If this machine is to send without a sign-in, ask the server's administrator to allow its address.",
        ]),
        Diagnosis::EncryptionRequired => words(&[
            "The server requires encryption first.",
            "Turn Use TLS on, and leave TLS mode at Automatic.",
        ]),
        Diagnosis::SenderRefused => words(&[
            "The server does not accept mail from this sender.",
            "Many servers let an account send only from its own address: enter that address in Default Sender Email.",
            "Or ask the provider to allow the account to send as this address.",
        ]),
        Diagnosis::SenderUnknown => words(&[
            "The sender's address does not exist at its own domain, or the server could not find it there.",
            "Check Default Sender Email for a typing mistake.",
            "Create this mailbox, or an alias of this name, where the sender's domain receives its mail: the server asks there whether bounces would be taken.",
            "The domain needs an MX or address record in DNS.",
        ]),
        Diagnosis::SenderNotVerified => words(&[
            "The provider has not verified this sender.",
            "Verify the address in Default Sender Email, or its whole domain, on the provider's administration page.",
            "Or enter in Default Sender Email an address that is verified there.",
            "A new account may be a sandbox, in which the recipient has to be verified too.",
        ]),
        Diagnosis::FromHeaderRefused => words(&[
            "The server cannot read the sender in the message (its From header).",
            "Check Default Sender Email for a typing mistake.",
            "Check Display Name: leave out quotation marks, brackets, commas, @ and other signs, then test again.",
        ]),
        Diagnosis::MailUnauthenticated => words(&[
            "The receiving side requires this sender's mail to be authenticated by SPF, DKIM and DMARC.",
            "In the DNS of the sender's domain, name the server that sends in the SPF record, and publish the provider's DKIM key and a DMARC record.",
            "Or send through the provider that the domain's records name already.",
            "A change in DNS needs some hours to take effect: test again after that.",
        ]),
        Diagnosis::SendAsDenied => words(&[
            "The account that signed in is not allowed to send as this sender.",
            "Enter that account's own address in Default Sender Email.",
            "Or, in Exchange, give the account Send As permission on the sender's mailbox, and try again when it has taken effect.",
        ]),
        Diagnosis::RecipientRefused => words(&[
            "The server does not accept mail for this recipient.",
            "Check the address. A test message goes to your own address, shown next to the button.",
            "If it belongs to another organisation, ask the server's administrator whether the server relays mail to it.",
        ]),
        Diagnosis::RecipientMailboxFull => words(&[
            "The recipient's mailbox is full.",
            "Make room in the mailbox that the test message goes to, shown next to the button.",
            "The settings work so far: the server accepted everything before the recipient.",
        ]),
        Diagnosis::RelayDenied => words(&[
            "The server does not relay mail to other domains, such as the recipient's.",
            "Sign in: enter Username and Password, and turn Use TLS on.",
            SUBMISSION,
            "Ask the server's administrator to let this machine's address relay mail.",
        ]),
        Diagnosis::RelayDeniedToAccount => words(&[
            "The server does not pass mail of this account on to the recipient's domain.",
            "Ask the server's administrator to let this account send to other domains.",
            "Use your provider's submission server, usually on port 587.",
        ]),
        Diagnosis::SmtpUtf8NotOffered => words(&[
            "The server does not accept non-ASCII letters, such as ü, before the @.",
            "Use an address without such letters: check Default Sender Email first.",
        ]),
        Diagnosis::ContentRefused => words(&[
            "The server accepted the sender and the recipient, but then refused the message.",
            "Its reply usually says which filter refused it.",
            "Ask the server's administrator to accept mail from PPM.",
        ]),
        Diagnosis::PolicyRefused => words(&[
            "A policy of the mail server refuses the message.",
            "The server's reply says which policy, or where it is described.",
            "Ask the server's administrator, or the administrator of your organisation's mail, for an exception for PPM and its sender.",
        ]),
        Diagnosis::EightBitNotOffered => words(&[
            "The server accepts only ASCII messages, and this one is not.",
            "Let the program that wrote the message encode it as quoted-printable or Base64.",
        ]),
        Diagnosis::MessageTooLarge => words(&[
            "The message is larger than the server accepts.",
            "Ask the server's administrator to raise the limit.",
        ]),
        Diagnosis::MessageTooLargeConverted => words(&[
            "The message is larger than the server accepts once it has been converted.",
            "Send less at a time: attachments grow by a third on their way, and converting adds to that.",
            "The server refuses this message for good: trying again does not help.",
        ]),
        Diagnosis::TryLater => words(&[
            "The server is temporarily unable to accept the message.",
            "Try again in a few minutes: the refusal is temporary.",
            "If the problem continues, its reply may say why.",
        ]),
        Diagnosis::ConnectionLost => words(&[
            "The server closed the connection unexpectedly.",
            "Try again.",
            "If the problem continues, check Port and TLS mode, and ask the server's administrator what its log says.",
        ]),
        Diagnosis::Silent => words(&[
            "The server accepted the connection, but then sent nothing.",
            "Check Port and TLS mode: a port that expects TLS sends nothing without it.",
            "A firewall that inspects mail can also be the cause.",
        ]),
        Diagnosis::StoppedAnswering => words(&[
            "The server stopped answering in the middle of the conversation.",
            "Try again in a few minutes: the server may be busy.",
            "If it always stops at this step, ask the server's administrator what its log says; a firewall or virus scanner that inspects mail can also hold the answer back.",
        ]),
        Diagnosis::TooSlow => words(&[
            "The server was too slow, so PPM gave up.",
            "Try again in a few minutes.",
            "If the problem continues, ask the server's administrator, or use another server.",
        ]),
        Diagnosis::ReplyTooLong => words(&[
            "The server's reply was longer than a mail server's can be.",
            "Check SMTP Server and Port: this is probably not a mail server.",
        ]),
        Diagnosis::UnexpectedReply => words(&[
            "The server gave an unexpected reply.",
            "Its reply may say why.",
            "Check SMTP Server and Port.",
        ]),
        Diagnosis::MaybeDelivered => words(&[
            "The connection ended before the server confirmed the message. It may have been delivered.",
            CHECK_INBOX,
        ]),
        Diagnosis::SecretUnreadable => words(&[
            "The stored password cannot be used with these settings.",
            "Enter the Password again and save.",
        ]),
    }
}
