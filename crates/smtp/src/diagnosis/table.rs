//! The rows of the dictionary. A sign is normalised text: in lower case, without punctuation. `|`
//! stands between the signs of a row, `…` matches any text between the parts of a sign, and a blank
//! at the end of a part matches the end of a word.

use domain::delivery::{Diagnosis, Step};

/// A pattern of a reply, and its meaning.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ReplyRule {
    /// The texts or enhanced codes, one of which the reply contains; empty for a row by code alone.
    signs: &'static str,
    /// The prefix of the code: `5`, `535`, or empty for any.
    pub(super) code: &'static str,
    pub(super) steps: &'static [Step],
    pub(super) when: When,
    pub(super) diagnosis: Diagnosis,
}

/// The condition of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Always,
    /// PPM does not sign in, although the server offers AUTH.
    AuthIsLeftOut,
    SignedIn,
    WithToken,
    /// The text names the sender's address, and no recipient's.
    SenderIsNamed,
    /// The text names a recipient's address, and not the sender's.
    RecipientIsNamed,
}

impl ReplyRule {
    const fn new(signs: &'static str, steps: &'static [Step], diagnosis: Diagnosis) -> Self {
        Self { signs, code: "", steps, when: When::Always, diagnosis }
    }

    /// Returns the signs; for a row by code alone the empty one, which every reply contains.
    pub(super) fn signs(&self) -> impl Iterator<Item = &'static str> {
        self.signs.split('|')
    }

    /// Whether it is a row by enhanced code: no text has a dot.
    pub(super) fn is_by_enhanced_code(&self) -> bool {
        self.signs.contains('.')
    }

    const fn code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    const fn at(self, steps: &'static [Step]) -> Self {
        Self { steps, ..self }
    }

    const fn when(self, when: When) -> Self {
        Self { when, ..self }
    }
}

/// A row by text that has the same meaning at every step.
const fn says(signs: &'static str, diagnosis: Diagnosis) -> ReplyRule {
    ReplyRule::new(signs, CONVERSATION, diagnosis)
}

/// A row by enhanced code; `x.` stands for any class.
const fn enhanced(signs: &'static str, diagnosis: Diagnosis) -> ReplyRule {
    ReplyRule::new(signs, FROM_SIGN_IN, diagnosis)
}

const fn code(code: &'static str, steps: &'static [Step], diagnosis: Diagnosis) -> ReplyRule {
    ReplyRule::new("", steps, diagnosis).code(code)
}

const CONVERSATION: &[Step] = &[
    Step::Greeting,
    Step::Tls,
    Step::Capabilities,
    Step::SignIn,
    Step::Sender,
    Step::Recipient,
    Step::Content,
];
const FROM_SIGN_IN: &[Step] = &[Step::SignIn, Step::Sender, Step::Recipient, Step::Content];
/// All but RCPT, at which the account may be the recipient's.
const OF_ACCOUNT: &[Step] = &[Step::SignIn, Step::Sender, Step::Content];
const BEFORE_CONTENT: &[Step] = &[Step::SignIn, Step::Sender, Step::Recipient];
const SUBMISSION: &[Step] = &[Step::Sender, Step::Recipient, Step::Content];
const FROM_RECIPIENT: &[Step] = &[Step::Recipient, Step::Content];
const GREETING: &[Step] = &[Step::Greeting, Step::Capabilities];
const TLS: &[Step] = &[Step::Tls];
const SIGN_IN: &[Step] = &[Step::SignIn];
const SENDER: &[Step] = &[Step::Sender];
const RECIPIENT: &[Step] = &[Step::Recipient];
const CONTENT: &[Step] = &[Step::Content];

/// The rows by text.
pub(super) static BY_WORDS: &[ReplyRule] = &[
    // Exchange Online's 535 5.7.139 and its reasons (Microsoft Learn, "Fix issues with printers,
    // scanners, and LOB applications that send email", and aka.ms/smtp_auth_disabled).
    says("smtpclientauthentication is disabled", Diagnosis::SmtpAuthDisabled),
    says("basic authentication is disabled", Diagnosis::BasicAuthDisabled),
    says(
        "did not meet the criteria|security defaults|conditional access",
        Diagnosis::ConditionalAccess,
    ),
    // 550 5.7.30 (Microsoft, "Exchange Online to retire Basic auth for Client Submission").
    says("basic authentication is not supported", Diagnosis::BasicAuthDisabled),
    // 430 4.2.0 STOREDRV; mailbox logon failure (Exchange Online).
    says("mailbox logon", Diagnosis::MailboxPermissionMissing),
    // 554 5.2.0 and 5.2.252, and 550 5.7.1 of older Exchange (Microsoft Learn, the same pages).
    says("sendasdenied|permissions to send as", Diagnosis::SendAsDenied),
    // Codes with one meaning each at Exchange Online and Outlook.com, with any text (Microsoft
    // Learn, "Email non-delivery reports in Exchange Online"; 5.7.236 is from a secondary source).
    says("5 2 270 ", Diagnosis::MessageTooLargeConverted),
    says("5 7 236 ", Diagnosis::OnMicrosoftLimit),
    says("5 7 515 ", Diagnosis::MailUnauthenticated),
    // The decoded challenge to an invalid token: RFC 7628 3.2.2 for OAUTHBEARER; for XOAUTH2 Google
    // Developers, "OAuth 2.0 Mechanism": {"status":"401","schemes":"bearer", …}.
    says("status ", Diagnosis::TokenRefused).code("334").at(SIGN_IN),
    // A token that exceeds the server's buffer: "response limit exceeded" (aiosmtpd and servers
    // based on it), "Line too long" (Postfix, Exim), 500 5.5.6 (RFC 4954 4).
    says("limit exceeded", Diagnosis::TokenTooLong).code("50").at(SIGN_IN).when(When::WithToken),
    says(
        "too large|too long|line length",
        Diagnosis::TokenTooLong,
    )
    .code("5")
    .at(SIGN_IN)
    .when(When::WithToken),
    // An app password is required: Google (534 5.7.9 and the link p=InvalidSecondFactor), Yahoo,
    // iCloud, Zoho, Fastmail; mail.ru in Russian and transliterated; Yandex; QQ and 163 (an
    // authorization code); and translations.
    says(
        "invalidsecondfactor|application specific|app specific|app password|apps password|\
         apppassword|application password|device password|external application|authorization code|\
         authorisation code|client authorization password|auth code|授权码|授權碼|专用密码|アプリ パスワード|\
         アプリパスワード|앱 비밀번호|parol prilozheniya|parol prilozhenija|парол…приложени|\
         mot de passe …application|app passwort|anwendungsspezifisch|anwendungspasswort|\
         contraseña de …aplicaci|senha de ap|password per …app|hasło …aplikac|app wachtwoord|\
         uygulama şifresi",
        Diagnosis::AppPasswordNeeded,
    )
    .at(SIGN_IN),
    // Gmail's 535 5.7.8 and 534 5.7.14 (Google Workspace Admin Help, "Gmail SMTP errors and
    // codes"), with links that name the case.
    says(
        "badcredentials|web login required|webloginrequired",
        Diagnosis::GoogleSignInRefused,
    )
    .at(SIGN_IN),
    // The EHLO name is refused without naming the command.
    says(
        "fully qualified hostname|fully qualified host name|invalid greeting",
        Diagnosis::ClientNameRefused,
    ),
    // The client's address is not on the account's allow list: Brevo (525 5.7.1 Unauthorized IP
    // address), Google's relay (550 5.7.1 Invalid credentials for relay), Exchange Online's
    // connectors (550 5.7.64 TenantAttribution), and others.
    says(
        "unauthorized ip |unauthorised ip |authorised ips|authorized ips|unrecognized ip |\
         unrecognised ip |unknown ip |ip …not authorized|ip …not authorised|ip …not allowed|\
         ip …not permitted|ip …not in …list|not allowed …from this ip |\
         not permitted …from this ip |ip restriction|not whitelisted|not in …whitelist|\
         not on …whitelist|not in …allowlist|not on …allowlist|not in …allow list|\
         not on …allow list|credentials for relay|tenantattribution",
        Diagnosis::AddressNotAdmitted,
    ),
    // Google's temporary greeting to an address that has sent too much unsolicited mail.
    says("unusual rate of unsolicited mail", Diagnosis::TryLater).code("4"),
    // Blocklists: Postfix ("blocked using zen.spamhaus.org"), Exim ("is listed at"), Exchange
    // Online (5.7.606 "banned sending IP"), and the lists' own names.
    says(
        "blocked using|spamhaus|spamcop|sorbs|barracudacentral|barracuda reputation|uceprotect|\
         abuseat|dnsbl|dnsrbl|rbl |blacklist|black list|blocklist|block list|blocked list|\
         banned sending ip |is listed|currently listed|banned sender|\
         traffic not accepted from this ip |poor reputation|bad reputation|low reputation|\
         ip reputation",
        Diagnosis::AddressBlocked,
    ),
    // The client's address has no reverse DNS, or a wrong one: Postfix
    // (reject_unknown_client_hostname and reject_unknown_reverse_client_hostname), Exim, Gmail (550
    // 5.7.25), GMX, Comcast.
    says(
        "cannot find your|ptr record|no ptr|reverse dns|reverse lookup|reverse hostname|rdns",
        Diagnosis::ReverseNameMissing,
    ),
    // A sending quota is not a mailbox quota.
    says("sending limit|send limit|sending quota|send quota", Diagnosis::SendingLimit),
    // The recipient's mailbox is full: Dovecot, Gmail (4.2.2 "out of storage space"), Exchange,
    // Postfix.
    says(
        "mailbox …full|mailbox …quota|mailbox limit|mailbox size|over quota|overquota|\
         over its quota|inbox …full|storage space|storage allocation|disk quota|user …is full",
        Diagnosis::RecipientMailboxFull,
    )
    .at(FROM_RECIPIENT),
    // Gmail, about the recipient's account (550 5.2.1, 450 4.2.1); others name the account.
    says("you tried to reach", Diagnosis::RecipientRefused).code("5").at(FROM_RECIPIENT),
    says("trying to contact", Diagnosis::TryLater).code("4").at(FROM_RECIPIENT),
    says("account", Diagnosis::RecipientRefused).code("5").at(RECIPIENT).when(When::RecipientIsNamed),
    // The account is inactive: Brevo (502 5.7.0 "Your SMTP account is not yet activated"), SendGrid
    // and Mailgun (credits), Amazon SES ("Sending paused for this account"), Exchange Online (5.1.8
    // "bad outbound sender"), Zoho (5.4.6 "Unusual sending activity detected"), Postmark ("pending
    // approval").
    says(
        "credits exceeded|not enough credit|insufficient credit|out of credit|no credits|\
         no more credit|insufficient balance|insufficient funds|payment required|unpaid",
        Diagnosis::OutOfCredit,
    ),
    says(
        "not yet activated|not activated|not been activated|not active|account …inactive|\
         account …suspended|account …disabled|account …deactivated|account …locked|\
         account …blocked|account …under review|account …pending|pending approval|user suspended|\
         user …is disabled|user …is locked|user …is blocked|sending paused|bad outbound sender|\
         account …banned|unusual sending activity",
        Diagnosis::AccountInactive,
    ),
    says("mailbox …blocked", Diagnosis::AccountInactive).at(SUBMISSION).when(When::SignedIn),
    // SMTP is turned off for the account, and its user can turn it on: 163 ("User has no
    // permission"), Yandex, GMX and Zoho.
    says("user has no permission|does not have access rights", Diagnosis::SmtpAccessOff),
    says("smtp …not enabled|smtp …disabled|smtp …turned off", Diagnosis::SmtpAccessOff).at(SIGN_IN),
    // A sandbox: Amazon SES, Mailgun ("Sandbox subdomains are for test purposes only", "Free
    // accounts are for test purposes only"), Mailtrap ("Demo domains can only be used …"), Resend
    // ("You can only send testing emails to your own email address"), Postmark.
    says(
        "sandbox|test purposes only|demo domain|testing emails|test mode|authorized recipients|\
         recipient addresses must share the same domain",
        Diagnosis::Sandbox,
    ),
    says("address is not verified", Diagnosis::Sandbox).when(When::RecipientIsNamed),
    // Missing permission in Amazon IAM (Amazon SES, "Troubleshooting SMTP errors").
    says("is not authorized to perform", Diagnosis::IdentityNotAllowed),
    // The sender is not verified with the provider: Amazon SES, SendGrid, Mailgun, Postmark,
    // Mailjet, Zoho, SparkPost.
    says(
        "email address is not verified|verified sender identity|not a sender signature|\
         sender signature|sender …not verified|sender …not validated|sender …not been validated|\
         domain is unverified|unverified domain|unverified sender|unregistered domain|\
         unconfigured sending domain|domain …not verified",
        Diagnosis::SenderNotVerified,
    ),
    // The sender does not exist at its own domain: Exim ("Sender verify failed"), Postfix
    // (reject_unverified_sender, reject_unknown_sender_domain), sendmail (5.1.8).
    says(
        "sender verify failed|sender verification|sender verify callout|\
         sender address rejected …undeliverable|sender address rejected …unverified|\
         sender address rejected …not found|sender address rejected …unknown|\
         domain of sender address|sender domain …not exist|sender domain …not found|\
         sender …does not have|sender …no mx|sender domain must exist|sender …does not exist|\
         sender …doesn t exist|sender address …null mx|unrouteable sender",
        Diagnosis::SenderUnknown,
    ),
    says("verification failed for", Diagnosis::SenderUnknown).when(When::SenderIsNamed),
    says(
        "user unknown|unknown user|no such user|does not exist",
        Diagnosis::SenderUnknown,
    )
    .at(SENDER),
    // Not authenticated by SPF, DKIM and DMARC: Gmail (5.7.26), Outlook.com (5.7.515), Yahoo and
    // others.
    says(
        "unauthenticated email|unauthenticated mail|sender is unauthenticated|\
         authentication level|dmarc|dkim|spf ",
        Diagnosis::MailUnauthenticated,
    ),
    // A malformed From header: Gmail (5.7.1), Amazon SES ("Missing final '@domain'", "Local address
    // contains control or whitespace"), Exim ("syntax error in 'From' header"), Zoho.
    says(
        "missing final domain|local address contains|domain contains dot|domain contains control|\
         domain starts with|in from header|valid address in from|from header|from field|\
         header from|header syntax|headers syntax|5322 compliant",
        Diagnosis::FromHeaderRefused,
    ),
    says(
        "illegal address|missing from|invalid from|rfc 5322|rfc5322",
        Diagnosis::FromHeaderRefused,
    )
    .at(CONTENT),
    // The message exceeds the size limit: RFC 1870 6.1, Postfix, Exim, Gmail (5.3.4), Exchange
    // (5.2.270 after conversion).
    says("after conversion", Diagnosis::MessageTooLargeConverted),
    says("size exceeds|size limit|exceeded …size|too large|too big", Diagnosis::MessageTooLarge),
    // Exchange Online (Microsoft Learn, "Exchange Online limits"): 3 concurrent connections per
    // mailbox.
    says(
        "concurrent connections|thread limit exceeded|too many concurrent|too many simultaneous",
        Diagnosis::TooManyConnections,
    ),
    says("too many connections", Diagnosis::TooManyConnections).at(FROM_SIGN_IN),
    says("recipient rate limit", Diagnosis::SendingLimit),
    // Rate limits: Amazon SES ("Maximum sending rate exceeded"), Mailtrap, Exchange Online,
    // Postfix's anvil.
    says(
        "send rate|sending rate|per second|per minute|submission rate|message rate",
        Diagnosis::SendingRate,
    ),
    says("rate limit|ratelimit|too fast", Diagnosis::SendingRate).at(FROM_SIGN_IN),
    // Sending limits: Gmail (550 5.4.5), Exchange Online (554 5.2.0 SubmissionQuotaExceeded,
    // 5.1.90, 5.7.233), Amazon SES ("Daily message quota exceeded"), Zoho, Yahoo, OVH, IONOS, GMX,
    // cPanel ("has exceeded the max emails per hour"), Mailgun, Mailtrap.
    says(
        "messaging limit|submissionquotaexceeded|message quota|relay quota|recipient limit|\
         daily …limit|daily …quota|hourly …limit|hourly …quota|monthly …limit|monthly …quota|\
         limit …per hour|limit …per day|emails per hour|emails per day|messages per hour|\
         messages per day|email limit|outgoing …quota|outgoing …limit|exceeded threshold|\
         too many messages|too many emails|too many mails|too much mail",
        Diagnosis::SendingLimit,
    ),
    says("mail quota", Diagnosis::SendingLimit).at(FROM_SIGN_IN),
    says(
        "exceeded …limit|limit …exceeded|limit …reached|quota …exceeded|exceeded …quota",
        Diagnosis::SendingLimit,
    )
    .at(SUBMISSION),
    // 454 Throttling failure (Amazon SES), without details.
    says("throttl", Diagnosis::SendingRate),
    // 530 5.7.0 Must issue a STARTTLS command first (RFC 3207 4); Exchange sends it with 451 5.7.3.
    says("starttls", Diagnosis::EncryptionRequired).at(BEFORE_CONTENT),
    // A firewall has masked STARTTLS on its way to the server.
    says("xxxx", Diagnosis::StartTlsMasked).at(TLS),
    // A sign-in is required: Postfix (530, 550 and 553 "Sender address rejected: not logged in"),
    // Exim, Gmail, Exchange (530 5.7.57), Courier, Brevo, hMailServer ("SMTP authentication is
    // required"), and servers with POP before SMTP.
    says(
        "not logged in|authentication …required|authentication needed|auth required|auth first|\
         auth command|sign on first|be logged in|auth is required|requires authentication|\
         require authentication|requires smtp auth|must …authenticate|please authenticate|\
         need to authenticate|not authenticated|not been authenticated|unauthenticated|\
         without authentication|authenticate first|use smtp auth|turn on smtp auth|login required|\
         must log in|must login|log in first|login first|check your mail first|anonymous",
        Diagnosis::SignInRequired,
    )
    .at(SUBMISSION),
    // Postfix on the submission port (permit_sasl_authenticated, reject), which says nothing else.
    says("access denied", Diagnosis::SignInRequired).code("5").at(SUBMISSION).when(When::AuthIsLeftOut),
    // Relaying is denied: Postfix, Exim, sendmail, Exchange and qmail, with 550, 553 or 554; many
    // only at RCPT, some at DATA. Postfix defers by default: 454 (smtpd_relay_restrictions).
    says(
        "relay access denied|relaying denied|relay denied|relay not permitted|\
         relaying not permitted|relay not allowed|relaying not allowed|not permitted to relay|\
         not allowed to relay|unable to relay|do not relay|does not relay|relay prohibited|\
         not a gateway|rcpthosts",
        Diagnosis::RelayDenied,
    )
    .at(SUBMISSION),
    // Zoho: the account may not send as this sender.
    says("relaying disallowed as", Diagnosis::SenderRefused),
    // The text names the client, the sender or the recipient. Postfix reports at RCPT what earlier
    // steps did wrong (smtpd_delay_reject).
    says("client host rejected|your ip ", Diagnosis::Unwelcome).at(SUBMISSION),
    says("sender address rejected", Diagnosis::SenderRefused).at(SUBMISSION),
    says(
        "sender …reject|sender …denied|sender …refused|sender …not allowed|sender …not permitted|\
         sender …not authorized|sender …not authorised|sender …not accepted|sender …blocked|\
         sender …invalid|sender …mismatch|invalid sender|bad sender|unknown sender|from address|\
         mail from must|from must|to send as",
        Diagnosis::SenderRefused,
    )
    .code("5")
    .at(FROM_RECIPIENT),
    says(
        "user unknown|unknown user|no such user|recipient …reject|recipient …not found|\
         invalid recipient",
        Diagnosis::RecipientRefused,
    )
    .code("5")
    .at(CONTENT),
    // Other policies: Yahoo (554 5.7.9 "for policy reasons"), Postfix and filters.
    says("recipient address rejected", Diagnosis::RecipientRefused).code("5").at(RECIPIENT),
    says("message content …rejected", Diagnosis::ContentRefused).code("5").at(CONTENT),
    says("policy|policies", Diagnosis::PolicyRefused).code("5").at(SUBMISSION),
    says("access denied", Diagnosis::PolicyRefused).code("5").at(SUBMISSION).when(When::SignedIn),
    says("access denied", Diagnosis::Unwelcome).code("5").at(SUBMISSION),
    // An address in the text shows that it is about the sender.
    says("", Diagnosis::SenderRefused).code("5").at(RECIPIENT).when(When::SenderIsNamed),
];

/// The rows by enhanced code (RFC 3463, and the registry of RFC 5248).
pub(super) static BY_ENHANCED_CODE: &[ReplyRule] = &[
    // Exchange and Exchange Online, with other text than above (Microsoft Learn, "Email
    // non-delivery reports in Exchange Online").
    enhanced("5.7.3|5.7.139", Diagnosis::ExchangeSignInRefused).at(SIGN_IN),
    enhanced("5.7.30", Diagnosis::BasicAuthDisabled),
    enhanced("5.7.54", Diagnosis::RelayDenied).at(SUBMISSION),
    enhanced("5.7.57", Diagnosis::SignInRequired).at(SUBMISSION),
    enhanced("5.7.60|5.2.252", Diagnosis::SendAsDenied).at(SUBMISSION),
    enhanced("5.7.64", Diagnosis::AddressNotAdmitted).at(SUBMISSION),
    enhanced("4.3.2", Diagnosis::TooManyConnections).code("432"),
    enhanced("5.1.90|5.7.232|5.7.233|5.7.705", Diagnosis::SendingLimit).at(SUBMISSION),
    enhanced("5.7.501|5.7.502|5.7.503", Diagnosis::AccountInactive).at(SUBMISSION),
    enhanced("5.7.509", Diagnosis::MailUnauthenticated).at(SUBMISSION),
    enhanced("5.7.511|5.7.606|5.7.708", Diagnosis::AddressBlocked).at(SUBMISSION),
    // Gmail (Google Workspace Admin Help, "Gmail SMTP errors and codes").
    enhanced("5.7.9", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    enhanced("5.7.14", Diagnosis::GoogleSignInRefused).at(SIGN_IN),
    enhanced("5.4.5", Diagnosis::SendingLimit).at(SUBMISSION),
    // An AUTH line is too long (RFC 4954 6).
    enhanced("5.5.6", Diagnosis::TokenTooLong).at(SIGN_IN).when(When::WithToken),
    // The account is disabled (RFC 5248).
    enhanced("5.7.13", Diagnosis::AccountInactive).at(OF_ACCOUNT),
    // Encryption is required (RFC 5248), and for this mechanism (RFC 4954 6).
    enhanced("5.7.10", Diagnosis::EncryptionRequired),
    enhanced("5.7.11", Diagnosis::EncryptionRequired).at(SIGN_IN),
    // DKIM, SPF, reverse DNS and all of them together (RFC 7372 3).
    enhanced("x.7.20|x.7.21|x.7.22|x.7.23|x.7.24|x.7.26", Diagnosis::MailUnauthenticated)
        .at(SUBMISSION),
    enhanced("x.7.25", Diagnosis::ReverseNameMissing).at(SUBMISSION),
    // The sender's domain accepts no mail (RFC 7505 4.2).
    enhanced("5.7.27", Diagnosis::SenderUnknown).at(SUBMISSION),
    // Addresses (RFC 3463 3.2): the recipient's, and the sender's.
    enhanced("5.1.1", Diagnosis::SenderUnknown).at(SENDER),
    enhanced("5.1.1|5.1.2|5.1.3|5.1.6|5.1.10", Diagnosis::RecipientRefused).at(FROM_RECIPIENT),
    enhanced("5.1.7", Diagnosis::SenderRefused).at(SUBMISSION),
    enhanced("x.1.8", Diagnosis::SenderUnknown).at(SUBMISSION),
    // The recipient's mailbox (RFC 3463 3.3).
    enhanced("5.2.1", Diagnosis::RecipientRefused).at(FROM_RECIPIENT),
    enhanced("x.2.2", Diagnosis::RecipientMailboxFull).at(FROM_RECIPIENT),
    enhanced("5.2.3", Diagnosis::MessageTooLarge).at(SUBMISSION),
    // Message too big for the system (RFC 3463 3.4).
    enhanced("5.3.4", Diagnosis::MessageTooLarge).at(SUBMISSION),
    // An address needs SMTPUTF8 (RFC 6531 3.5).
    enhanced("5.6.7", Diagnosis::SmtpUtf8NotOffered).at(SUBMISSION),
];

/// The rows by code alone.
pub(super) static BY_CODE: &[ReplyRule] = &[
    // Closing (RFC 5321 3.8), at any step.
    code("421", CONVERSATION, Diagnosis::TryLater),
    // The greeting and EHLO (RFC 5321 3.1, 3.2). A server without EHLO does not speak SMTP.
    code("500", GREETING, Diagnosis::NotSmtp),
    code("502", GREETING, Diagnosis::NotSmtp),
    code("4", GREETING, Diagnosis::TryLater),
    code("5", GREETING, Diagnosis::Unwelcome),
    // STARTTLS (RFC 3207 4).
    code("4", TLS, Diagnosis::StartTlsRefused),
    code("5", TLS, Diagnosis::StartTlsRefused),
    // AUTH (RFC 4954 4, 6). A demand to sign in first makes no sense in reply to AUTH.
    code("432", SIGN_IN, Diagnosis::CredentialsRefused),
    code("4", SIGN_IN, Diagnosis::TryLater),
    code("502", SIGN_IN, Diagnosis::SignInNotOffered),
    code("503", SIGN_IN, Diagnosis::SignInNotOffered),
    code("504", SIGN_IN, Diagnosis::NoCommonMechanism),
    code("523", SIGN_IN, Diagnosis::EncryptionRequired),
    code("530", SIGN_IN, Diagnosis::EncryptionRequired),
    code("534", SIGN_IN, Diagnosis::NoCommonMechanism),
    code("538", SIGN_IN, Diagnosis::EncryptionRequired),
    code("5", SIGN_IN, Diagnosis::CredentialsRefused),
    // MAIL, RCPT, DATA and the content (RFC 5321 4.1.1.2 to 4.1.1.4); 530 is RFC 4954's.
    code("530", SUBMISSION, Diagnosis::SignInRequired),
    code("4", SUBMISSION, Diagnosis::TryLater),
    code("5", SENDER, Diagnosis::SenderRefused),
    code("551", RECIPIENT, Diagnosis::RelayDenied),
    code("5", RECIPIENT, Diagnosis::RecipientRefused),
    code("5", CONTENT, Diagnosis::ContentRefused),
];
