//! The rows of the dictionary. A sign is normalised text: in lower case, without punctuation. `…`
//! matches any text between its parts, and a blank at the end of a part matches the end of a word.

use domain::delivery::{Diagnosis, Step};

/// A pattern of a reply, and its meaning.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ReplyRule {
    /// The text or the enhanced code that the reply contains; empty for a row by code alone.
    pub(super) sign: &'static str,
    /// The prefix of the code: `5`, `535`, or empty for any.
    pub(super) code: &'static str,
    /// The steps at which the row applies.
    pub(super) steps: &'static [Step],
    /// A further condition.
    pub(super) when: When,
    /// The meaning.
    pub(super) diagnosis: Diagnosis,
}

/// The condition of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// None.
    Always,
    /// PPM does not sign in, although the server offers AUTH.
    AuthIsLeftOut,
    /// PPM has signed in.
    SignedIn,
    /// PPM signs in with a token.
    WithToken,
    /// The text names the sender's address, and no recipient's.
    SenderIsNamed,
    /// The text names a recipient's address, and not the sender's.
    RecipientIsNamed,
}

impl ReplyRule {
    const fn new(sign: &'static str, steps: &'static [Step], diagnosis: Diagnosis) -> Self {
        Self { sign, code: "", steps, when: When::Always, diagnosis }
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
const fn says(sign: &'static str, diagnosis: Diagnosis) -> ReplyRule {
    ReplyRule::new(sign, CONVERSATION, diagnosis)
}

/// A row by enhanced code; `x.` stands for any class.
const fn enhanced(sign: &'static str, diagnosis: Diagnosis) -> ReplyRule {
    ReplyRule::new(sign, FROM_SIGN_IN, diagnosis)
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
    says("did not meet the criteria", Diagnosis::ConditionalAccess),
    says("security defaults", Diagnosis::ConditionalAccess),
    says("conditional access", Diagnosis::ConditionalAccess),
    // 550 5.7.30 (Microsoft, "Exchange Online to retire Basic auth for Client Submission").
    says("basic authentication is not supported", Diagnosis::BasicAuthDisabled),
    // 430 4.2.0 STOREDRV; mailbox logon failure (Exchange Online).
    says("mailbox logon", Diagnosis::MailboxPermissionMissing),
    // 554 5.2.0 and 5.2.252, and 550 5.7.1 of older Exchange (Microsoft Learn, the same pages).
    says("sendasdenied", Diagnosis::SendAsDenied),
    says("permissions to send as", Diagnosis::SendAsDenied),
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
    says("too large", Diagnosis::TokenTooLong).code("5").at(SIGN_IN).when(When::WithToken),
    says("too long", Diagnosis::TokenTooLong).code("5").at(SIGN_IN).when(When::WithToken),
    says("line length", Diagnosis::TokenTooLong).code("5").at(SIGN_IN).when(When::WithToken),
    // An app password is required: Google (534 5.7.9 and the link p=InvalidSecondFactor), Yahoo,
    // iCloud, Zoho, Fastmail; mail.ru in Russian and transliterated; Yandex; QQ and 163 (an
    // authorization code); and translations.
    says("invalidsecondfactor", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("application specific", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("app specific", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("app password", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("apps password", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("apppassword", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("application password", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("device password", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("external application", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("authorization code", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("authorisation code", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("client authorization password", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("auth code", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("授权码", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("授權碼", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("专用密码", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("アプリ パスワード", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("アプリパスワード", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("앱 비밀번호", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("parol prilozheniya", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("parol prilozhenija", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("парол…приложени", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("mot de passe …application", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("app passwort", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("anwendungsspezifisch", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("anwendungspasswort", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("contraseña de …aplicaci", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("senha de ap", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("password per …app", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("hasło …aplikac", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("app wachtwoord", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    says("uygulama şifresi", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    // Gmail's 535 5.7.8 and 534 5.7.14 (Google Workspace Admin Help, "Gmail SMTP errors and
    // codes"), with links that name the case.
    says("badcredentials", Diagnosis::GoogleSignInRefused).at(SIGN_IN),
    says("web login required", Diagnosis::GoogleSignInRefused).at(SIGN_IN),
    says("webloginrequired", Diagnosis::GoogleSignInRefused).at(SIGN_IN),
    // The EHLO name is refused without naming the command.
    says("fully qualified hostname", Diagnosis::ClientNameRefused),
    says("fully qualified host name", Diagnosis::ClientNameRefused),
    says("invalid greeting", Diagnosis::ClientNameRefused),
    // The client's address is not on the account's allow list: Brevo (525 5.7.1 Unauthorized IP
    // address), Google's relay (550 5.7.1 Invalid credentials for relay), Exchange Online's
    // connectors (550 5.7.64 TenantAttribution), and others.
    says("unauthorized ip ", Diagnosis::AddressNotAdmitted),
    says("unauthorised ip ", Diagnosis::AddressNotAdmitted),
    says("authorised ips", Diagnosis::AddressNotAdmitted),
    says("authorized ips", Diagnosis::AddressNotAdmitted),
    says("unrecognized ip ", Diagnosis::AddressNotAdmitted),
    says("unrecognised ip ", Diagnosis::AddressNotAdmitted),
    says("unknown ip ", Diagnosis::AddressNotAdmitted),
    says("ip …not authorized", Diagnosis::AddressNotAdmitted),
    says("ip …not authorised", Diagnosis::AddressNotAdmitted),
    says("ip …not allowed", Diagnosis::AddressNotAdmitted),
    says("ip …not permitted", Diagnosis::AddressNotAdmitted),
    says("ip …not in …list", Diagnosis::AddressNotAdmitted),
    says("not allowed …from this ip ", Diagnosis::AddressNotAdmitted),
    says("not permitted …from this ip ", Diagnosis::AddressNotAdmitted),
    says("ip restriction", Diagnosis::AddressNotAdmitted),
    says("not whitelisted", Diagnosis::AddressNotAdmitted),
    says("not in …whitelist", Diagnosis::AddressNotAdmitted),
    says("not on …whitelist", Diagnosis::AddressNotAdmitted),
    says("not in …allowlist", Diagnosis::AddressNotAdmitted),
    says("not on …allowlist", Diagnosis::AddressNotAdmitted),
    says("not in …allow list", Diagnosis::AddressNotAdmitted),
    says("not on …allow list", Diagnosis::AddressNotAdmitted),
    says("credentials for relay", Diagnosis::AddressNotAdmitted),
    says("tenantattribution", Diagnosis::AddressNotAdmitted),
    // Google's temporary greeting to an address that has sent too much unsolicited mail.
    says("unusual rate of unsolicited mail", Diagnosis::TryLater).code("4"),
    // Blocklists: Postfix ("blocked using zen.spamhaus.org"), Exim ("is listed at"), Exchange
    // Online (5.7.606 "banned sending IP"), and the lists' own names.
    says("blocked using", Diagnosis::AddressBlocked),
    says("spamhaus", Diagnosis::AddressBlocked),
    says("spamcop", Diagnosis::AddressBlocked),
    says("sorbs", Diagnosis::AddressBlocked),
    says("barracudacentral", Diagnosis::AddressBlocked),
    says("barracuda reputation", Diagnosis::AddressBlocked),
    says("uceprotect", Diagnosis::AddressBlocked),
    says("abuseat", Diagnosis::AddressBlocked),
    says("dnsbl", Diagnosis::AddressBlocked),
    says("dnsrbl", Diagnosis::AddressBlocked),
    says("rbl ", Diagnosis::AddressBlocked),
    says("blacklist", Diagnosis::AddressBlocked),
    says("black list", Diagnosis::AddressBlocked),
    says("blocklist", Diagnosis::AddressBlocked),
    says("block list", Diagnosis::AddressBlocked),
    says("blocked list", Diagnosis::AddressBlocked),
    says("banned sending ip ", Diagnosis::AddressBlocked),
    says("is listed", Diagnosis::AddressBlocked),
    says("currently listed", Diagnosis::AddressBlocked),
    says("banned sender", Diagnosis::AddressBlocked),
    says("traffic not accepted from this ip ", Diagnosis::AddressBlocked),
    says("poor reputation", Diagnosis::AddressBlocked),
    says("bad reputation", Diagnosis::AddressBlocked),
    says("low reputation", Diagnosis::AddressBlocked),
    says("ip reputation", Diagnosis::AddressBlocked),
    // The client's address has no reverse DNS, or a wrong one: Postfix
    // (reject_unknown_client_hostname and reject_unknown_reverse_client_hostname), Exim, Gmail (550
    // 5.7.25), GMX, Comcast.
    says("cannot find your", Diagnosis::ReverseNameMissing),
    says("ptr record", Diagnosis::ReverseNameMissing),
    says("no ptr", Diagnosis::ReverseNameMissing),
    says("reverse dns", Diagnosis::ReverseNameMissing),
    says("reverse lookup", Diagnosis::ReverseNameMissing),
    says("reverse hostname", Diagnosis::ReverseNameMissing),
    says("rdns", Diagnosis::ReverseNameMissing),
    // A sending quota is not a mailbox quota.
    says("sending limit", Diagnosis::SendingLimit),
    says("send limit", Diagnosis::SendingLimit),
    says("sending quota", Diagnosis::SendingLimit),
    says("send quota", Diagnosis::SendingLimit),
    // The recipient's mailbox is full: Dovecot, Gmail (4.2.2 "out of storage space"), Exchange,
    // Postfix.
    says("mailbox …full", Diagnosis::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("mailbox …quota", Diagnosis::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("mailbox limit", Diagnosis::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("mailbox size", Diagnosis::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("over quota", Diagnosis::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("overquota", Diagnosis::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("over its quota", Diagnosis::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("inbox …full", Diagnosis::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("storage space", Diagnosis::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("storage allocation", Diagnosis::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("disk quota", Diagnosis::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("user …is full", Diagnosis::RecipientMailboxFull).at(FROM_RECIPIENT),
    // Gmail, about the recipient's account (550 5.2.1, 450 4.2.1); others name the account.
    says("you tried to reach", Diagnosis::RecipientRefused).code("5").at(FROM_RECIPIENT),
    says("trying to contact", Diagnosis::TryLater).code("4").at(FROM_RECIPIENT),
    says("account", Diagnosis::RecipientRefused)
        .code("5")
        .at(RECIPIENT)
        .when(When::RecipientIsNamed),
    // The account is inactive: Brevo (502 5.7.0 "Your SMTP account is not yet activated"), SendGrid
    // and Mailgun (credits), Amazon SES ("Sending paused for this account"), Exchange Online (5.1.8
    // "bad outbound sender"), Zoho (5.4.6 "Unusual sending activity detected"), Postmark ("pending
    // approval").
    says("credits exceeded", Diagnosis::OutOfCredit),
    says("not enough credit", Diagnosis::OutOfCredit),
    says("insufficient credit", Diagnosis::OutOfCredit),
    says("out of credit", Diagnosis::OutOfCredit),
    says("no credits", Diagnosis::OutOfCredit),
    says("no more credit", Diagnosis::OutOfCredit),
    says("insufficient balance", Diagnosis::OutOfCredit),
    says("insufficient funds", Diagnosis::OutOfCredit),
    says("payment required", Diagnosis::OutOfCredit),
    says("unpaid", Diagnosis::OutOfCredit),
    says("not yet activated", Diagnosis::AccountInactive),
    says("not activated", Diagnosis::AccountInactive),
    says("not been activated", Diagnosis::AccountInactive),
    says("not active", Diagnosis::AccountInactive),
    says("account …inactive", Diagnosis::AccountInactive),
    says("account …suspended", Diagnosis::AccountInactive),
    says("account …disabled", Diagnosis::AccountInactive),
    says("account …deactivated", Diagnosis::AccountInactive),
    says("account …locked", Diagnosis::AccountInactive),
    says("account …blocked", Diagnosis::AccountInactive),
    says("account …under review", Diagnosis::AccountInactive),
    says("account …pending", Diagnosis::AccountInactive),
    says("pending approval", Diagnosis::AccountInactive),
    says("mailbox …blocked", Diagnosis::AccountInactive).at(SUBMISSION).when(When::SignedIn),
    says("user suspended", Diagnosis::AccountInactive),
    says("user …is disabled", Diagnosis::AccountInactive),
    says("user …is locked", Diagnosis::AccountInactive),
    says("user …is blocked", Diagnosis::AccountInactive),
    says("sending paused", Diagnosis::AccountInactive),
    says("bad outbound sender", Diagnosis::AccountInactive),
    says("account …banned", Diagnosis::AccountInactive),
    says("unusual sending activity", Diagnosis::AccountInactive),
    // SMTP is turned off for the account, and its user can turn it on: 163 ("User has no
    // permission"), Yandex, GMX and Zoho.
    says("user has no permission", Diagnosis::SmtpAccessOff),
    says("does not have access rights", Diagnosis::SmtpAccessOff),
    says("smtp …not enabled", Diagnosis::SmtpAccessOff).at(SIGN_IN),
    says("smtp …disabled", Diagnosis::SmtpAccessOff).at(SIGN_IN),
    says("smtp …turned off", Diagnosis::SmtpAccessOff).at(SIGN_IN),
    // A sandbox: Amazon SES, Mailgun ("Sandbox subdomains are for test purposes only", "Free
    // accounts are for test purposes only"), Mailtrap ("Demo domains can only be used …"), Resend
    // ("You can only send testing emails to your own email address"), Postmark.
    says("sandbox", Diagnosis::Sandbox),
    says("test purposes only", Diagnosis::Sandbox),
    says("demo domain", Diagnosis::Sandbox),
    says("testing emails", Diagnosis::Sandbox),
    says("test mode", Diagnosis::Sandbox),
    says("authorized recipients", Diagnosis::Sandbox),
    says("recipient addresses must share the same domain", Diagnosis::Sandbox),
    says("address is not verified", Diagnosis::Sandbox).when(When::RecipientIsNamed),
    // Missing permission in Amazon IAM (Amazon SES, "Troubleshooting SMTP errors").
    says("is not authorized to perform", Diagnosis::IdentityNotAllowed),
    // The sender is not verified with the provider: Amazon SES, SendGrid, Mailgun, Postmark,
    // Mailjet, Zoho, SparkPost.
    says("email address is not verified", Diagnosis::SenderNotVerified),
    says("verified sender identity", Diagnosis::SenderNotVerified),
    says("not a sender signature", Diagnosis::SenderNotVerified),
    says("sender signature", Diagnosis::SenderNotVerified),
    says("sender …not verified", Diagnosis::SenderNotVerified),
    says("sender …not validated", Diagnosis::SenderNotVerified),
    says("sender …not been validated", Diagnosis::SenderNotVerified),
    says("domain is unverified", Diagnosis::SenderNotVerified),
    says("unverified domain", Diagnosis::SenderNotVerified),
    says("unverified sender", Diagnosis::SenderNotVerified),
    says("unregistered domain", Diagnosis::SenderNotVerified),
    says("unconfigured sending domain", Diagnosis::SenderNotVerified),
    says("domain …not verified", Diagnosis::SenderNotVerified),
    // The sender does not exist at its own domain: Exim ("Sender verify failed"), Postfix
    // (reject_unverified_sender, reject_unknown_sender_domain), sendmail (5.1.8).
    says("sender verify failed", Diagnosis::SenderUnknown),
    says("sender verification", Diagnosis::SenderUnknown),
    says("sender verify callout", Diagnosis::SenderUnknown),
    says("verification failed for", Diagnosis::SenderUnknown).when(When::SenderIsNamed),
    says("sender address rejected …undeliverable", Diagnosis::SenderUnknown),
    says("sender address rejected …unverified", Diagnosis::SenderUnknown),
    says("sender address rejected …not found", Diagnosis::SenderUnknown),
    says("sender address rejected …unknown", Diagnosis::SenderUnknown),
    says("domain of sender address", Diagnosis::SenderUnknown),
    says("sender domain …not exist", Diagnosis::SenderUnknown),
    says("sender domain …not found", Diagnosis::SenderUnknown),
    says("sender …does not have", Diagnosis::SenderUnknown),
    says("sender …no mx", Diagnosis::SenderUnknown),
    says("sender domain must exist", Diagnosis::SenderUnknown),
    says("sender …does not exist", Diagnosis::SenderUnknown),
    says("sender …doesn t exist", Diagnosis::SenderUnknown),
    says("sender address …null mx", Diagnosis::SenderUnknown),
    says("unrouteable sender", Diagnosis::SenderUnknown),
    says("user unknown", Diagnosis::SenderUnknown).at(SENDER),
    says("unknown user", Diagnosis::SenderUnknown).at(SENDER),
    says("no such user", Diagnosis::SenderUnknown).at(SENDER),
    says("does not exist", Diagnosis::SenderUnknown).at(SENDER),
    // Not authenticated by SPF, DKIM and DMARC: Gmail (5.7.26), Outlook.com (5.7.515), Yahoo and
    // others.
    says("unauthenticated email", Diagnosis::MailUnauthenticated),
    says("unauthenticated mail", Diagnosis::MailUnauthenticated),
    says("sender is unauthenticated", Diagnosis::MailUnauthenticated),
    says("authentication level", Diagnosis::MailUnauthenticated),
    says("dmarc", Diagnosis::MailUnauthenticated),
    says("dkim", Diagnosis::MailUnauthenticated),
    says("spf ", Diagnosis::MailUnauthenticated),
    // A malformed From header: Gmail (5.7.1), Amazon SES ("Missing final '@domain'", "Local address
    // contains control or whitespace"), Exim ("syntax error in 'From' header"), Zoho.
    says("missing final domain", Diagnosis::FromHeaderRefused),
    says("local address contains", Diagnosis::FromHeaderRefused),
    says("domain contains dot", Diagnosis::FromHeaderRefused),
    says("domain contains control", Diagnosis::FromHeaderRefused),
    says("domain starts with", Diagnosis::FromHeaderRefused),
    says("illegal address", Diagnosis::FromHeaderRefused).at(CONTENT),
    says("in from header", Diagnosis::FromHeaderRefused),
    says("valid address in from", Diagnosis::FromHeaderRefused),
    says("from header", Diagnosis::FromHeaderRefused),
    says("from field", Diagnosis::FromHeaderRefused),
    says("header from", Diagnosis::FromHeaderRefused),
    says("missing from", Diagnosis::FromHeaderRefused).at(CONTENT),
    says("invalid from", Diagnosis::FromHeaderRefused).at(CONTENT),
    says("header syntax", Diagnosis::FromHeaderRefused),
    says("headers syntax", Diagnosis::FromHeaderRefused),
    says("5322 compliant", Diagnosis::FromHeaderRefused),
    says("rfc 5322", Diagnosis::FromHeaderRefused).at(CONTENT),
    says("rfc5322", Diagnosis::FromHeaderRefused).at(CONTENT),
    // The message exceeds the size limit: RFC 1870 6.1, Postfix, Exim, Gmail (5.3.4), Exchange
    // (5.2.270 after conversion).
    says("after conversion", Diagnosis::MessageTooLargeConverted),
    says("size exceeds", Diagnosis::MessageTooLarge),
    says("size limit", Diagnosis::MessageTooLarge),
    says("exceeded …size", Diagnosis::MessageTooLarge),
    says("too large", Diagnosis::MessageTooLarge),
    says("too big", Diagnosis::MessageTooLarge),
    // Exchange Online (Microsoft Learn, "Exchange Online limits"): 3 concurrent connections per
    // mailbox.
    says("concurrent connections", Diagnosis::TooManyConnections),
    says("thread limit exceeded", Diagnosis::TooManyConnections),
    says("too many concurrent", Diagnosis::TooManyConnections),
    says("too many simultaneous", Diagnosis::TooManyConnections),
    says("too many connections", Diagnosis::TooManyConnections).at(FROM_SIGN_IN),
    says("recipient rate limit", Diagnosis::SendingLimit),
    // Rate limits: Amazon SES ("Maximum sending rate exceeded"), Mailtrap, Exchange Online,
    // Postfix's anvil.
    says("send rate", Diagnosis::SendingRate),
    says("sending rate", Diagnosis::SendingRate),
    says("per second", Diagnosis::SendingRate),
    says("per minute", Diagnosis::SendingRate),
    says("rate limit", Diagnosis::SendingRate).at(FROM_SIGN_IN),
    says("ratelimit", Diagnosis::SendingRate).at(FROM_SIGN_IN),
    says("submission rate", Diagnosis::SendingRate),
    says("message rate", Diagnosis::SendingRate),
    says("too fast", Diagnosis::SendingRate).at(FROM_SIGN_IN),
    // Sending limits: Gmail (550 5.4.5), Exchange Online (554 5.2.0 SubmissionQuotaExceeded,
    // 5.1.90, 5.7.233), Amazon SES ("Daily message quota exceeded"), Zoho, Yahoo, OVH, IONOS, GMX,
    // cPanel ("has exceeded the max emails per hour"), Mailgun, Mailtrap.
    says("messaging limit", Diagnosis::SendingLimit),
    says("submissionquotaexceeded", Diagnosis::SendingLimit),
    says("message quota", Diagnosis::SendingLimit),
    says("relay quota", Diagnosis::SendingLimit),
    says("mail quota", Diagnosis::SendingLimit).at(FROM_SIGN_IN),
    says("recipient limit", Diagnosis::SendingLimit),
    says("daily …limit", Diagnosis::SendingLimit),
    says("daily …quota", Diagnosis::SendingLimit),
    says("hourly …limit", Diagnosis::SendingLimit),
    says("hourly …quota", Diagnosis::SendingLimit),
    says("monthly …limit", Diagnosis::SendingLimit),
    says("monthly …quota", Diagnosis::SendingLimit),
    says("limit …per hour", Diagnosis::SendingLimit),
    says("limit …per day", Diagnosis::SendingLimit),
    says("emails per hour", Diagnosis::SendingLimit),
    says("emails per day", Diagnosis::SendingLimit),
    says("messages per hour", Diagnosis::SendingLimit),
    says("messages per day", Diagnosis::SendingLimit),
    says("email limit", Diagnosis::SendingLimit),
    says("outgoing …quota", Diagnosis::SendingLimit),
    says("outgoing …limit", Diagnosis::SendingLimit),
    says("exceeded …limit", Diagnosis::SendingLimit).at(SUBMISSION),
    says("limit …exceeded", Diagnosis::SendingLimit).at(SUBMISSION),
    says("limit …reached", Diagnosis::SendingLimit).at(SUBMISSION),
    says("quota …exceeded", Diagnosis::SendingLimit).at(SUBMISSION),
    says("exceeded …quota", Diagnosis::SendingLimit).at(SUBMISSION),
    says("exceeded threshold", Diagnosis::SendingLimit),
    says("too many messages", Diagnosis::SendingLimit),
    says("too many emails", Diagnosis::SendingLimit),
    says("too many mails", Diagnosis::SendingLimit),
    says("too much mail", Diagnosis::SendingLimit),
    // 454 Throttling failure (Amazon SES), without details.
    says("throttl", Diagnosis::SendingRate),
    // 530 5.7.0 Must issue a STARTTLS command first (RFC 3207 4); Exchange sends it with 451 5.7.3.
    says("starttls", Diagnosis::EncryptionRequired).at(BEFORE_CONTENT),
    // A firewall has masked STARTTLS on its way to the server.
    says("xxxx", Diagnosis::StartTlsMasked).at(TLS),
    // A sign-in is required: Postfix (530, 550 and 553 "Sender address rejected: not logged in"),
    // Exim, Gmail, Exchange (530 5.7.57), Courier, Brevo, hMailServer ("SMTP authentication is
    // required"), and servers with POP before SMTP.
    says("not logged in", Diagnosis::SignInRequired).at(SUBMISSION),
    says("authentication …required", Diagnosis::SignInRequired).at(SUBMISSION),
    says("authentication needed", Diagnosis::SignInRequired).at(SUBMISSION),
    says("auth required", Diagnosis::SignInRequired).at(SUBMISSION),
    says("auth first", Diagnosis::SignInRequired).at(SUBMISSION),
    says("auth command", Diagnosis::SignInRequired).at(SUBMISSION),
    says("sign on first", Diagnosis::SignInRequired).at(SUBMISSION),
    says("be logged in", Diagnosis::SignInRequired).at(SUBMISSION),
    says("auth is required", Diagnosis::SignInRequired).at(SUBMISSION),
    says("requires authentication", Diagnosis::SignInRequired).at(SUBMISSION),
    says("require authentication", Diagnosis::SignInRequired).at(SUBMISSION),
    says("requires smtp auth", Diagnosis::SignInRequired).at(SUBMISSION),
    says("must …authenticate", Diagnosis::SignInRequired).at(SUBMISSION),
    says("please authenticate", Diagnosis::SignInRequired).at(SUBMISSION),
    says("need to authenticate", Diagnosis::SignInRequired).at(SUBMISSION),
    says("not authenticated", Diagnosis::SignInRequired).at(SUBMISSION),
    says("not been authenticated", Diagnosis::SignInRequired).at(SUBMISSION),
    says("unauthenticated", Diagnosis::SignInRequired).at(SUBMISSION),
    says("without authentication", Diagnosis::SignInRequired).at(SUBMISSION),
    says("authenticate first", Diagnosis::SignInRequired).at(SUBMISSION),
    says("use smtp auth", Diagnosis::SignInRequired).at(SUBMISSION),
    says("turn on smtp auth", Diagnosis::SignInRequired).at(SUBMISSION),
    says("login required", Diagnosis::SignInRequired).at(SUBMISSION),
    says("must log in", Diagnosis::SignInRequired).at(SUBMISSION),
    says("must login", Diagnosis::SignInRequired).at(SUBMISSION),
    says("log in first", Diagnosis::SignInRequired).at(SUBMISSION),
    says("login first", Diagnosis::SignInRequired).at(SUBMISSION),
    says("check your mail first", Diagnosis::SignInRequired).at(SUBMISSION),
    says("anonymous", Diagnosis::SignInRequired).at(SUBMISSION),
    // Postfix on the submission port (permit_sasl_authenticated, reject), which says nothing else.
    says("access denied", Diagnosis::SignInRequired)
        .code("5")
        .at(SUBMISSION)
        .when(When::AuthIsLeftOut),
    // Relaying is denied: Postfix, Exim, sendmail, Exchange and qmail, with 550, 553 or 554; many
    // only at RCPT, some at DATA. Postfix defers by default: 454 (smtpd_relay_restrictions).
    says("relay access denied", Diagnosis::RelayDenied).at(SUBMISSION),
    says("relaying denied", Diagnosis::RelayDenied).at(SUBMISSION),
    says("relay denied", Diagnosis::RelayDenied).at(SUBMISSION),
    says("relay not permitted", Diagnosis::RelayDenied).at(SUBMISSION),
    says("relaying not permitted", Diagnosis::RelayDenied).at(SUBMISSION),
    says("relay not allowed", Diagnosis::RelayDenied).at(SUBMISSION),
    says("relaying not allowed", Diagnosis::RelayDenied).at(SUBMISSION),
    says("not permitted to relay", Diagnosis::RelayDenied).at(SUBMISSION),
    says("not allowed to relay", Diagnosis::RelayDenied).at(SUBMISSION),
    says("unable to relay", Diagnosis::RelayDenied).at(SUBMISSION),
    says("do not relay", Diagnosis::RelayDenied).at(SUBMISSION),
    says("does not relay", Diagnosis::RelayDenied).at(SUBMISSION),
    says("relay prohibited", Diagnosis::RelayDenied).at(SUBMISSION),
    says("not a gateway", Diagnosis::RelayDenied).at(SUBMISSION),
    says("rcpthosts", Diagnosis::RelayDenied).at(SUBMISSION),
    // Zoho: the account may not send as this sender.
    says("relaying disallowed as", Diagnosis::SenderRefused),
    // The text names the client, the sender or the recipient. Postfix reports at RCPT what earlier
    // steps did wrong (smtpd_delay_reject).
    says("client host rejected", Diagnosis::Unwelcome).at(SUBMISSION),
    says("your ip ", Diagnosis::Unwelcome).at(SUBMISSION),
    says("sender address rejected", Diagnosis::SenderRefused).at(SUBMISSION),
    says("sender …reject", Diagnosis::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …denied", Diagnosis::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …refused", Diagnosis::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …not allowed", Diagnosis::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …not permitted", Diagnosis::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …not authorized", Diagnosis::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …not authorised", Diagnosis::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …not accepted", Diagnosis::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …blocked", Diagnosis::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …invalid", Diagnosis::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …mismatch", Diagnosis::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("invalid sender", Diagnosis::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("bad sender", Diagnosis::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("unknown sender", Diagnosis::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("from address", Diagnosis::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("mail from must", Diagnosis::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("from must", Diagnosis::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("to send as", Diagnosis::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("user unknown", Diagnosis::RecipientRefused).code("5").at(CONTENT),
    says("unknown user", Diagnosis::RecipientRefused).code("5").at(CONTENT),
    says("no such user", Diagnosis::RecipientRefused).code("5").at(CONTENT),
    says("recipient …reject", Diagnosis::RecipientRefused).code("5").at(CONTENT),
    says("recipient …not found", Diagnosis::RecipientRefused).code("5").at(CONTENT),
    says("invalid recipient", Diagnosis::RecipientRefused).code("5").at(CONTENT),
    // Other policies: Yahoo (554 5.7.9 "for policy reasons"), Postfix and filters.
    says("recipient address rejected", Diagnosis::RecipientRefused).code("5").at(RECIPIENT),
    says("message content …rejected", Diagnosis::ContentRefused).code("5").at(CONTENT),
    says("policy", Diagnosis::PolicyRefused).code("5").at(SUBMISSION),
    says("policies", Diagnosis::PolicyRefused).code("5").at(SUBMISSION),
    says("access denied", Diagnosis::PolicyRefused).code("5").at(SUBMISSION).when(When::SignedIn),
    says("access denied", Diagnosis::Unwelcome).code("5").at(SUBMISSION),
    // An address in the text shows that it is about the sender.
    says("", Diagnosis::SenderRefused).code("5").at(RECIPIENT).when(When::SenderIsNamed),
];

/// The rows by enhanced code (RFC 3463, and the registry of RFC 5248).
pub(super) static BY_ENHANCED_CODE: &[ReplyRule] = &[
    // Exchange and Exchange Online, with other text than above (Microsoft Learn, "Email
    // non-delivery reports in Exchange Online").
    enhanced("5.7.3", Diagnosis::ExchangeSignInRefused).at(SIGN_IN),
    enhanced("5.7.139", Diagnosis::ExchangeSignInRefused).at(SIGN_IN),
    enhanced("5.7.30", Diagnosis::BasicAuthDisabled),
    enhanced("5.7.54", Diagnosis::RelayDenied).at(SUBMISSION),
    enhanced("5.7.57", Diagnosis::SignInRequired).at(SUBMISSION),
    enhanced("5.7.60", Diagnosis::SendAsDenied).at(SUBMISSION),
    enhanced("5.2.252", Diagnosis::SendAsDenied).at(SUBMISSION),
    enhanced("5.7.64", Diagnosis::AddressNotAdmitted).at(SUBMISSION),
    enhanced("4.3.2", Diagnosis::TooManyConnections).code("432"),
    enhanced("5.1.90", Diagnosis::SendingLimit).at(SUBMISSION),
    enhanced("5.7.232", Diagnosis::SendingLimit).at(SUBMISSION),
    enhanced("5.7.233", Diagnosis::SendingLimit).at(SUBMISSION),
    enhanced("5.7.705", Diagnosis::SendingLimit).at(SUBMISSION),
    enhanced("5.7.501", Diagnosis::AccountInactive).at(SUBMISSION),
    enhanced("5.7.502", Diagnosis::AccountInactive).at(SUBMISSION),
    enhanced("5.7.503", Diagnosis::AccountInactive).at(SUBMISSION),
    enhanced("5.7.509", Diagnosis::MailUnauthenticated).at(SUBMISSION),
    enhanced("5.7.511", Diagnosis::AddressBlocked).at(SUBMISSION),
    enhanced("5.7.606", Diagnosis::AddressBlocked).at(SUBMISSION),
    enhanced("5.7.708", Diagnosis::AddressBlocked).at(SUBMISSION),
    // Gmail (Google Workspace Admin Help, "Gmail SMTP errors and codes").
    enhanced("5.7.9", Diagnosis::AppPasswordNeeded).at(SIGN_IN),
    enhanced("5.7.14", Diagnosis::GoogleSignInRefused).at(SIGN_IN),
    enhanced("5.4.5", Diagnosis::SendingLimit).at(SUBMISSION),
    // An AUTH line is too long (RFC 4954 6).
    enhanced("5.5.6", Diagnosis::TokenTooLong).at(SIGN_IN).when(When::WithToken),
    // The account is disabled (RFC 5248).
    enhanced("5.7.13", Diagnosis::AccountInactive),
    // Encryption is required (RFC 5248), and for this mechanism (RFC 4954 6).
    enhanced("5.7.10", Diagnosis::EncryptionRequired),
    enhanced("5.7.11", Diagnosis::EncryptionRequired).at(SIGN_IN),
    // DKIM, SPF, reverse DNS and all of them together (RFC 7372 3).
    enhanced("x.7.20", Diagnosis::MailUnauthenticated).at(SUBMISSION),
    enhanced("x.7.21", Diagnosis::MailUnauthenticated).at(SUBMISSION),
    enhanced("x.7.22", Diagnosis::MailUnauthenticated).at(SUBMISSION),
    enhanced("x.7.23", Diagnosis::MailUnauthenticated).at(SUBMISSION),
    enhanced("x.7.24", Diagnosis::MailUnauthenticated).at(SUBMISSION),
    enhanced("x.7.25", Diagnosis::ReverseNameMissing).at(SUBMISSION),
    enhanced("x.7.26", Diagnosis::MailUnauthenticated).at(SUBMISSION),
    // The sender's domain accepts no mail (RFC 7505 4.2).
    enhanced("5.7.27", Diagnosis::SenderUnknown).at(SUBMISSION),
    // Addresses (RFC 3463 3.2): the recipient's, and the sender's.
    enhanced("5.1.1", Diagnosis::SenderUnknown).at(SENDER),
    enhanced("5.1.1", Diagnosis::RecipientRefused).at(FROM_RECIPIENT),
    enhanced("5.1.2", Diagnosis::RecipientRefused).at(FROM_RECIPIENT),
    enhanced("5.1.3", Diagnosis::RecipientRefused).at(FROM_RECIPIENT),
    enhanced("5.1.6", Diagnosis::RecipientRefused).at(FROM_RECIPIENT),
    enhanced("5.1.10", Diagnosis::RecipientRefused).at(FROM_RECIPIENT),
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
