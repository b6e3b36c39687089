//! The rows of the dictionary. A sign is written as words are compared: in small letters, without
//! punctuation; `…` stands for any words between its parts, and a blank at the end of a part for the
//! end of a word.

use domain::delivery::{Advice, Step};

/// A kind of reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// What it is known by: what its words contain, its enhanced code, or nothing more than its code.
    pub(super) sign: &'static str,
    /// How its code begins: `5`, `535`, or nothing for any.
    pub(super) code: &'static str,
    /// The steps at which it means that.
    pub(super) steps: &'static [Step],
    /// What else has to be so.
    pub(super) when: When,
    /// What it means.
    pub(super) advice: Advice,
}

/// What has to be so for a row to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Nothing.
    Always,
    /// PPM does not sign in, though the server offers AUTH.
    AuthIsLeftOut,
    /// PPM has signed in.
    SignedIn,
    /// PPM signs in with a token.
    WithToken,
    /// The words name the sender's address, and no recipient's.
    SenderIsNamed,
    /// The words name a recipient's address, and not the sender's.
    RecipientIsNamed,
}

impl Row {
    const fn new(sign: &'static str, steps: &'static [Step], advice: Advice) -> Self {
        Self { sign, code: "", steps, when: When::Always, advice }
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

/// Words that mean the same at every step of a conversation.
const fn says(sign: &'static str, advice: Advice) -> Row {
    Row::new(sign, CONVERSATION, advice)
}

/// An enhanced code; `x.` stands for any class.
const fn enhanced(sign: &'static str, advice: Advice) -> Row {
    Row::new(sign, FROM_SIGN_IN, advice)
}

const fn code(code: &'static str, steps: &'static [Step], advice: Advice) -> Row {
    Row::new("", steps, advice).code(code)
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

/// Known by their words: whom they speak of.
pub(super) static BY_WORDS: &[Row] = &[
    // Exchange Online's 535 5.7.139 and what it goes on to say (Microsoft Learn, "Fix issues with
    // printers, scanners, and LOB applications that send email", and aka.ms/smtp_auth_disabled).
    says("smtpclientauthentication is disabled", Advice::SmtpAuthDisabled),
    says("basic authentication is disabled", Advice::BasicAuthDisabled),
    says("did not meet the criteria", Advice::ConditionalAccess),
    says("security defaults", Advice::ConditionalAccess),
    says("conditional access", Advice::ConditionalAccess),
    // 550 5.7.30 (Microsoft, "Exchange Online to retire Basic auth for Client Submission").
    says("basic authentication is not supported", Advice::BasicAuthDisabled),
    // 430 4.2.0 STOREDRV; mailbox logon failure (Exchange Online).
    says("mailbox logon", Advice::MailboxPermissionMissing),
    // 554 5.2.0 and 5.2.252, and 550 5.7.1 of older Exchange (Microsoft Learn, the same pages).
    says("sendasdenied", Advice::SendAsDenied),
    says("permissions to send as", Advice::SendAsDenied),
    // Codes that Exchange Online and Outlook.com give to one thing each, with any words beside them
    // (Microsoft Learn, "Email non-delivery reports in Exchange Online"; 5.7.236 is from second hand).
    says("5 2 270 ", Advice::MessageTooLargeConverted),
    says("5 7 236 ", Advice::OnMicrosoftLimit),
    says("5 7 515 ", Advice::MailUnauthenticated),
    // What a 334 says, decoded, to a token that is no good: RFC 7628 3.2.2 for OAUTHBEARER; for
    // XOAUTH2 Google Developers, "OAuth 2.0 Mechanism": {"status":"401","schemes":"bearer", …}.
    says("status ", Advice::TokenRefused).code("334").at(SIGN_IN),
    // A token that is longer than the server's buffer: "response limit exceeded" (aiosmtpd and what is
    // made with it), "Line too long" (Postfix, Exim), 500 5.5.6 (RFC 4954 4).
    says("limit exceeded", Advice::TokenTooLong).code("50").at(SIGN_IN).when(When::WithToken),
    says("too large", Advice::TokenTooLong).code("5").at(SIGN_IN).when(When::WithToken),
    says("too long", Advice::TokenTooLong).code("5").at(SIGN_IN).when(When::WithToken),
    says("line length", Advice::TokenTooLong).code("5").at(SIGN_IN).when(When::WithToken),
    // An app password, however it is worded: Google (534 5.7.9 and the link p=InvalidSecondFactor), Yahoo,
    // iCloud, Zoho, Fastmail; mail.ru in Russian and transliterated; Yandex; QQ and 163 (an
    // authorization code); and as providers write it in other languages.
    says("invalidsecondfactor", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("application specific", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("app specific", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("app password", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("apps password", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("apppassword", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("application password", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("device password", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("external application", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("authorization code", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("authorisation code", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("client authorization password", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("auth code", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("授权码", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("授權碼", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("专用密码", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("アプリ パスワード", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("アプリパスワード", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("앱 비밀번호", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("parol prilozheniya", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("parol prilozhenija", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("парол…приложени", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("mot de passe …application", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("app passwort", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("anwendungsspezifisch", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("anwendungspasswort", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("contraseña de …aplicaci", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("senha de ap", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("password per …app", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("hasło …aplikac", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("app wachtwoord", Advice::AppPasswordNeeded).at(SIGN_IN),
    says("uygulama şifresi", Advice::AppPasswordNeeded).at(SIGN_IN),
    // Gmail's 535 5.7.8 and 534 5.7.14 (Google Workspace Admin Help, "Gmail SMTP errors and codes"),
    // whose links name the case.
    says("badcredentials", Advice::GoogleSignInRefused).at(SIGN_IN),
    says("web login required", Advice::GoogleSignInRefused).at(SIGN_IN),
    says("webloginrequired", Advice::GoogleSignInRefused).at(SIGN_IN),
    // The name in EHLO, where the command is not named beside it.
    says("fully qualified hostname", Advice::ClientNameRefused),
    says("fully qualified host name", Advice::ClientNameRefused),
    says("invalid greeting", Advice::ClientNameRefused),
    // The address of this machine is not on the account's allow list: Brevo (525 5.7.1 Unauthorized IP address),
    // Google's relay (550 5.7.1 Invalid credentials for relay), Exchange Online's connectors (550
    // 5.7.64 TenantAttribution), and others with lists of their own.
    says("unauthorized ip ", Advice::AddressNotAdmitted),
    says("unauthorised ip ", Advice::AddressNotAdmitted),
    says("authorised ips", Advice::AddressNotAdmitted),
    says("authorized ips", Advice::AddressNotAdmitted),
    says("unrecognized ip ", Advice::AddressNotAdmitted),
    says("unrecognised ip ", Advice::AddressNotAdmitted),
    says("unknown ip ", Advice::AddressNotAdmitted),
    says("ip …not authorized", Advice::AddressNotAdmitted),
    says("ip …not authorised", Advice::AddressNotAdmitted),
    says("ip …not allowed", Advice::AddressNotAdmitted),
    says("ip …not permitted", Advice::AddressNotAdmitted),
    says("ip …not in …list", Advice::AddressNotAdmitted),
    says("not allowed …from this ip ", Advice::AddressNotAdmitted),
    says("not permitted …from this ip ", Advice::AddressNotAdmitted),
    says("ip restriction", Advice::AddressNotAdmitted),
    says("not whitelisted", Advice::AddressNotAdmitted),
    says("not in …whitelist", Advice::AddressNotAdmitted),
    says("not on …whitelist", Advice::AddressNotAdmitted),
    says("not in …allowlist", Advice::AddressNotAdmitted),
    says("not on …allowlist", Advice::AddressNotAdmitted),
    says("not in …allow list", Advice::AddressNotAdmitted),
    says("not on …allow list", Advice::AddressNotAdmitted),
    says("credentials for relay", Advice::AddressNotAdmitted),
    says("tenantattribution", Advice::AddressNotAdmitted),
    // Google's greeting to an address from which too much unsolicited mail came: for a while only.
    says("unusual rate of unsolicited mail", Advice::TryLater).code("4"),
    // Blocklists: Postfix ("blocked using zen.spamhaus.org"), Exim ("is listed at"), Exchange Online
    // (5.7.606 "banned sending IP"), and the lists' own names.
    says("blocked using", Advice::AddressBlocked),
    says("spamhaus", Advice::AddressBlocked),
    says("spamcop", Advice::AddressBlocked),
    says("sorbs", Advice::AddressBlocked),
    says("barracudacentral", Advice::AddressBlocked),
    says("barracuda reputation", Advice::AddressBlocked),
    says("uceprotect", Advice::AddressBlocked),
    says("abuseat", Advice::AddressBlocked),
    says("dnsbl", Advice::AddressBlocked),
    says("dnsrbl", Advice::AddressBlocked),
    says("rbl ", Advice::AddressBlocked),
    says("blacklist", Advice::AddressBlocked),
    says("black list", Advice::AddressBlocked),
    says("blocklist", Advice::AddressBlocked),
    says("block list", Advice::AddressBlocked),
    says("blocked list", Advice::AddressBlocked),
    says("banned sending ip ", Advice::AddressBlocked),
    says("is listed", Advice::AddressBlocked),
    says("currently listed", Advice::AddressBlocked),
    says("banned sender", Advice::AddressBlocked),
    says("traffic not accepted from this ip ", Advice::AddressBlocked),
    says("poor reputation", Advice::AddressBlocked),
    says("bad reputation", Advice::AddressBlocked),
    says("low reputation", Advice::AddressBlocked),
    says("ip reputation", Advice::AddressBlocked),
    // The address has no name, or not the right one: Postfix (reject_unknown_client_hostname and
    // reject_unknown_reverse_client_hostname), Exim, Gmail (550 5.7.25), GMX, Comcast.
    says("cannot find your", Advice::ReverseNameMissing),
    says("ptr record", Advice::ReverseNameMissing),
    says("no ptr", Advice::ReverseNameMissing),
    says("reverse dns", Advice::ReverseNameMissing),
    says("reverse lookup", Advice::ReverseNameMissing),
    says("reverse hostname", Advice::ReverseNameMissing),
    says("rdns", Advice::ReverseNameMissing),
    // A quota for sending is not one of the mailbox.
    says("sending limit", Advice::SendingLimit),
    says("send limit", Advice::SendingLimit),
    says("sending quota", Advice::SendingLimit),
    says("send quota", Advice::SendingLimit),
    // The recipient's mailbox: Dovecot, Gmail (4.2.2 "out of storage space"), Exchange, Postfix.
    says("mailbox …full", Advice::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("mailbox …quota", Advice::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("mailbox limit", Advice::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("mailbox size", Advice::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("over quota", Advice::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("overquota", Advice::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("over its quota", Advice::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("inbox …full", Advice::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("storage space", Advice::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("storage allocation", Advice::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("disk quota", Advice::RecipientMailboxFull).at(FROM_RECIPIENT),
    says("user …is full", Advice::RecipientMailboxFull).at(FROM_RECIPIENT),
    // Gmail, of the recipient's account (550 5.2.1, 450 4.2.1); others name whose account they mean.
    says("you tried to reach", Advice::RecipientRefused).code("5").at(FROM_RECIPIENT),
    says("trying to contact", Advice::TryLater).code("4").at(FROM_RECIPIENT),
    says("account", Advice::RecipientRefused).code("5").at(RECIPIENT).when(When::RecipientIsNamed),
    // The account: Brevo (502 5.7.0 "Your SMTP account is not yet activated"), SendGrid and Mailgun
    // (credits), Amazon SES ("Sending paused for this account"), Exchange Online (5.1.8 "bad outbound
    // sender"), Zoho (5.4.6 "Unusual sending activity detected"), Postmark ("pending approval").
    says("credits exceeded", Advice::OutOfCredit),
    says("not enough credit", Advice::OutOfCredit),
    says("insufficient credit", Advice::OutOfCredit),
    says("out of credit", Advice::OutOfCredit),
    says("no credits", Advice::OutOfCredit),
    says("no more credit", Advice::OutOfCredit),
    says("insufficient balance", Advice::OutOfCredit),
    says("insufficient funds", Advice::OutOfCredit),
    says("payment required", Advice::OutOfCredit),
    says("unpaid", Advice::OutOfCredit),
    says("not yet activated", Advice::AccountInactive),
    says("not activated", Advice::AccountInactive),
    says("not been activated", Advice::AccountInactive),
    says("not active", Advice::AccountInactive),
    says("account …inactive", Advice::AccountInactive),
    says("account …suspended", Advice::AccountInactive),
    says("account …disabled", Advice::AccountInactive),
    says("account …deactivated", Advice::AccountInactive),
    says("account …locked", Advice::AccountInactive),
    says("account …blocked", Advice::AccountInactive),
    says("account …under review", Advice::AccountInactive),
    says("account …pending", Advice::AccountInactive),
    says("pending approval", Advice::AccountInactive),
    says("mailbox …blocked", Advice::AccountInactive).at(SUBMISSION).when(When::SignedIn),
    says("user suspended", Advice::AccountInactive),
    says("user …is disabled", Advice::AccountInactive),
    says("user …is locked", Advice::AccountInactive),
    says("user …is blocked", Advice::AccountInactive),
    says("sending paused", Advice::AccountInactive),
    says("bad outbound sender", Advice::AccountInactive),
    says("account …banned", Advice::AccountInactive),
    says("unusual sending activity", Advice::AccountInactive),
    // The account is a good one, and SMTP is turned off for it: 163 ("User has no permission"), Yandex,
    // GMX and Zoho, whose users turn it on.
    says("user has no permission", Advice::SmtpAccessOff),
    says("does not have access rights", Advice::SmtpAccessOff),
    says("smtp …not enabled", Advice::SmtpAccessOff).at(SIGN_IN),
    says("smtp …disabled", Advice::SmtpAccessOff).at(SIGN_IN),
    says("smtp …turned off", Advice::SmtpAccessOff).at(SIGN_IN),
    // A sandbox: Amazon SES, Mailgun ("Sandbox subdomains are for test purposes only", "Free accounts
    // are for test purposes only"), Mailtrap ("Demo domains can only be used …"), Resend ("You can only
    // send testing emails to your own email address"), Postmark.
    says("sandbox", Advice::Sandbox),
    says("test purposes only", Advice::Sandbox),
    says("demo domain", Advice::Sandbox),
    says("testing emails", Advice::Sandbox),
    says("test mode", Advice::Sandbox),
    says("authorized recipients", Advice::Sandbox),
    says("recipient addresses must share the same domain", Advice::Sandbox),
    says("address is not verified", Advice::Sandbox).when(When::RecipientIsNamed),
    // Amazon IAM (Amazon SES, "Troubleshooting SMTP errors").
    says("is not authorized to perform", Advice::IdentityNotAllowed),
    // The sender is not known to the provider: Amazon SES, SendGrid, Mailgun, Postmark, Mailjet, Zoho,
    // SparkPost.
    says("email address is not verified", Advice::SenderNotVerified),
    says("verified sender identity", Advice::SenderNotVerified),
    says("not a sender signature", Advice::SenderNotVerified),
    says("sender signature", Advice::SenderNotVerified),
    says("sender …not verified", Advice::SenderNotVerified),
    says("sender …not validated", Advice::SenderNotVerified),
    says("sender …not been validated", Advice::SenderNotVerified),
    says("domain is unverified", Advice::SenderNotVerified),
    says("unverified domain", Advice::SenderNotVerified),
    says("unverified sender", Advice::SenderNotVerified),
    says("unregistered domain", Advice::SenderNotVerified),
    says("unconfigured sending domain", Advice::SenderNotVerified),
    says("domain …not verified", Advice::SenderNotVerified),
    // The sender does not exist at its own domain: Exim ("Sender verify failed"), Postfix
    // (reject_unverified_sender, reject_unknown_sender_domain), sendmail (5.1.8).
    says("sender verify failed", Advice::SenderUnknown),
    says("sender verification", Advice::SenderUnknown),
    says("sender verify callout", Advice::SenderUnknown),
    says("verification failed for", Advice::SenderUnknown).when(When::SenderIsNamed),
    says("sender address rejected …undeliverable", Advice::SenderUnknown),
    says("sender address rejected …unverified", Advice::SenderUnknown),
    says("sender address rejected …not found", Advice::SenderUnknown),
    says("sender address rejected …unknown", Advice::SenderUnknown),
    says("domain of sender address", Advice::SenderUnknown),
    says("sender domain …not exist", Advice::SenderUnknown),
    says("sender domain …not found", Advice::SenderUnknown),
    says("sender …does not have", Advice::SenderUnknown),
    says("sender …no mx", Advice::SenderUnknown),
    says("sender domain must exist", Advice::SenderUnknown),
    says("sender …does not exist", Advice::SenderUnknown),
    says("sender …doesn t exist", Advice::SenderUnknown),
    says("sender address …null mx", Advice::SenderUnknown),
    says("unrouteable sender", Advice::SenderUnknown),
    says("user unknown", Advice::SenderUnknown).at(SENDER),
    says("unknown user", Advice::SenderUnknown).at(SENDER),
    says("no such user", Advice::SenderUnknown).at(SENDER),
    says("does not exist", Advice::SenderUnknown).at(SENDER),
    // Not authenticated by SPF, DKIM and DMARC: Gmail (5.7.26), Outlook.com (5.7.515), Yahoo and others.
    says("unauthenticated email", Advice::MailUnauthenticated),
    says("unauthenticated mail", Advice::MailUnauthenticated),
    says("sender is unauthenticated", Advice::MailUnauthenticated),
    says("authentication level", Advice::MailUnauthenticated),
    says("dmarc", Advice::MailUnauthenticated),
    says("dkim", Advice::MailUnauthenticated),
    says("spf ", Advice::MailUnauthenticated),
    // A From header that cannot be read: Gmail (5.7.1), Amazon SES ("Missing final '@domain'", "Local
    // address contains control or whitespace"), Exim ("syntax error in 'From' header"), Zoho.
    says("missing final domain", Advice::FromHeaderRefused),
    says("local address contains", Advice::FromHeaderRefused),
    says("domain contains dot", Advice::FromHeaderRefused),
    says("domain contains control", Advice::FromHeaderRefused),
    says("domain starts with", Advice::FromHeaderRefused),
    says("illegal address", Advice::FromHeaderRefused).at(CONTENT),
    says("in from header", Advice::FromHeaderRefused),
    says("valid address in from", Advice::FromHeaderRefused),
    says("from header", Advice::FromHeaderRefused),
    says("from field", Advice::FromHeaderRefused),
    says("header from", Advice::FromHeaderRefused),
    says("missing from", Advice::FromHeaderRefused).at(CONTENT),
    says("invalid from", Advice::FromHeaderRefused).at(CONTENT),
    says("header syntax", Advice::FromHeaderRefused),
    says("headers syntax", Advice::FromHeaderRefused),
    says("5322 compliant", Advice::FromHeaderRefused),
    says("rfc 5322", Advice::FromHeaderRefused).at(CONTENT),
    says("rfc5322", Advice::FromHeaderRefused).at(CONTENT),
    // Larger than the server takes: RFC 1870 6.1, Postfix, Exim, Gmail (5.3.4), Exchange (5.2.270 once
    // it has converted the message).
    says("after conversion", Advice::MessageTooLargeConverted),
    says("size exceeds", Advice::MessageTooLarge),
    says("size limit", Advice::MessageTooLarge),
    says("exceeded …size", Advice::MessageTooLarge),
    says("too large", Advice::MessageTooLarge),
    says("too big", Advice::MessageTooLarge),
    // Exchange Online (Microsoft Learn, "Exchange Online limits"): 3 connections of a mailbox at a time.
    says("concurrent connections", Advice::TooManyConnections),
    says("thread limit exceeded", Advice::TooManyConnections),
    says("too many concurrent", Advice::TooManyConnections),
    says("too many simultaneous", Advice::TooManyConnections),
    says("too many connections", Advice::TooManyConnections).at(FROM_SIGN_IN),
    says("recipient rate limit", Advice::SendingLimit),
    // Too fast: Amazon SES ("Maximum sending rate exceeded"), Mailtrap, Exchange Online, Postfix's anvil.
    says("send rate", Advice::SendingRate),
    says("sending rate", Advice::SendingRate),
    says("per second", Advice::SendingRate),
    says("per minute", Advice::SendingRate),
    says("rate limit", Advice::SendingRate).at(FROM_SIGN_IN),
    says("ratelimit", Advice::SendingRate).at(FROM_SIGN_IN),
    says("submission rate", Advice::SendingRate),
    says("message rate", Advice::SendingRate),
    says("too fast", Advice::SendingRate).at(FROM_SIGN_IN),
    // Too much: Gmail (550 5.4.5), Exchange Online (554 5.2.0 SubmissionQuotaExceeded, 5.1.90, 5.7.233),
    // Amazon SES ("Daily message quota exceeded"), Zoho, Yahoo, OVH, IONOS, GMX, cPanel ("has exceeded
    // the max emails per hour"), Mailgun, Mailtrap.
    says("messaging limit", Advice::SendingLimit),
    says("submissionquotaexceeded", Advice::SendingLimit),
    says("message quota", Advice::SendingLimit),
    says("relay quota", Advice::SendingLimit),
    says("mail quota", Advice::SendingLimit).at(FROM_SIGN_IN),
    says("recipient limit", Advice::SendingLimit),
    says("daily …limit", Advice::SendingLimit),
    says("daily …quota", Advice::SendingLimit),
    says("hourly …limit", Advice::SendingLimit),
    says("hourly …quota", Advice::SendingLimit),
    says("monthly …limit", Advice::SendingLimit),
    says("monthly …quota", Advice::SendingLimit),
    says("limit …per hour", Advice::SendingLimit),
    says("limit …per day", Advice::SendingLimit),
    says("emails per hour", Advice::SendingLimit),
    says("emails per day", Advice::SendingLimit),
    says("messages per hour", Advice::SendingLimit),
    says("messages per day", Advice::SendingLimit),
    says("email limit", Advice::SendingLimit),
    says("outgoing …quota", Advice::SendingLimit),
    says("outgoing …limit", Advice::SendingLimit),
    says("exceeded …limit", Advice::SendingLimit).at(SUBMISSION),
    says("limit …exceeded", Advice::SendingLimit).at(SUBMISSION),
    says("limit …reached", Advice::SendingLimit).at(SUBMISSION),
    says("quota …exceeded", Advice::SendingLimit).at(SUBMISSION),
    says("exceeded …quota", Advice::SendingLimit).at(SUBMISSION),
    says("exceeded threshold", Advice::SendingLimit),
    says("too many messages", Advice::SendingLimit),
    says("too many emails", Advice::SendingLimit),
    says("too many mails", Advice::SendingLimit),
    says("too much mail", Advice::SendingLimit),
    // 454 Throttling failure (Amazon SES), where it does not say more.
    says("throttl", Advice::SendingRate),
    // 530 5.7.0 Must issue a STARTTLS command first (RFC 3207 4); Exchange says it with 451 5.7.3.
    says("starttls", Advice::EncryptionRequired).at(BEFORE_CONTENT),
    // What a firewall makes of STARTTLS on its way to the server.
    says("xxxx", Advice::StartTlsMasked).at(TLS),
    // A sign-in is wanted: Postfix (530, 550 and 553 "Sender address rejected: not logged in"), Exim,
    // Gmail, Exchange (530 5.7.57), Courier, Brevo, hMailServer ("SMTP authentication is required"),
    // and the words of POP before SMTP.
    says("not logged in", Advice::SignInRequired).at(SUBMISSION),
    says("authentication …required", Advice::SignInRequired).at(SUBMISSION),
    says("authentication needed", Advice::SignInRequired).at(SUBMISSION),
    says("auth required", Advice::SignInRequired).at(SUBMISSION),
    says("auth first", Advice::SignInRequired).at(SUBMISSION),
    says("auth command", Advice::SignInRequired).at(SUBMISSION),
    says("sign on first", Advice::SignInRequired).at(SUBMISSION),
    says("be logged in", Advice::SignInRequired).at(SUBMISSION),
    says("auth is required", Advice::SignInRequired).at(SUBMISSION),
    says("requires authentication", Advice::SignInRequired).at(SUBMISSION),
    says("require authentication", Advice::SignInRequired).at(SUBMISSION),
    says("requires smtp auth", Advice::SignInRequired).at(SUBMISSION),
    says("must …authenticate", Advice::SignInRequired).at(SUBMISSION),
    says("please authenticate", Advice::SignInRequired).at(SUBMISSION),
    says("need to authenticate", Advice::SignInRequired).at(SUBMISSION),
    says("not authenticated", Advice::SignInRequired).at(SUBMISSION),
    says("not been authenticated", Advice::SignInRequired).at(SUBMISSION),
    says("unauthenticated", Advice::SignInRequired).at(SUBMISSION),
    says("without authentication", Advice::SignInRequired).at(SUBMISSION),
    says("authenticate first", Advice::SignInRequired).at(SUBMISSION),
    says("use smtp auth", Advice::SignInRequired).at(SUBMISSION),
    says("turn on smtp auth", Advice::SignInRequired).at(SUBMISSION),
    says("login required", Advice::SignInRequired).at(SUBMISSION),
    says("must log in", Advice::SignInRequired).at(SUBMISSION),
    says("must login", Advice::SignInRequired).at(SUBMISSION),
    says("log in first", Advice::SignInRequired).at(SUBMISSION),
    says("login first", Advice::SignInRequired).at(SUBMISSION),
    says("check your mail first", Advice::SignInRequired).at(SUBMISSION),
    says("anonymous", Advice::SignInRequired).at(SUBMISSION),
    // Postfix on the port for submission (permit_sasl_authenticated, reject), which has only that to say.
    says("access denied", Advice::SignInRequired)
        .code("5")
        .at(SUBMISSION)
        .when(When::AuthIsLeftOut),
    // Postfix, Exim, sendmail, Exchange and qmail, with 550, 553 or 554; many say it only at RCPT, some
    // as late as DATA. Postfix defers by default: 454 (smtpd_relay_restrictions).
    says("relay access denied", Advice::RelayDenied).at(SUBMISSION),
    says("relaying denied", Advice::RelayDenied).at(SUBMISSION),
    says("relay denied", Advice::RelayDenied).at(SUBMISSION),
    says("relay not permitted", Advice::RelayDenied).at(SUBMISSION),
    says("relaying not permitted", Advice::RelayDenied).at(SUBMISSION),
    says("relay not allowed", Advice::RelayDenied).at(SUBMISSION),
    says("relaying not allowed", Advice::RelayDenied).at(SUBMISSION),
    says("not permitted to relay", Advice::RelayDenied).at(SUBMISSION),
    says("not allowed to relay", Advice::RelayDenied).at(SUBMISSION),
    says("unable to relay", Advice::RelayDenied).at(SUBMISSION),
    says("do not relay", Advice::RelayDenied).at(SUBMISSION),
    says("does not relay", Advice::RelayDenied).at(SUBMISSION),
    says("relay prohibited", Advice::RelayDenied).at(SUBMISSION),
    says("not a gateway", Advice::RelayDenied).at(SUBMISSION),
    says("rcpthosts", Advice::RelayDenied).at(SUBMISSION),
    // Zoho: the account may not send as this sender.
    says("relaying disallowed as", Advice::SenderRefused),
    // Whom else the words name: this machine, the sender, the recipient. Postfix says at RCPT what it had
    // against earlier steps (smtpd_delay_reject).
    says("client host rejected", Advice::Unwelcome).at(SUBMISSION),
    says("your ip ", Advice::Unwelcome).at(SUBMISSION),
    says("sender address rejected", Advice::SenderRefused).at(SUBMISSION),
    says("sender …reject", Advice::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …denied", Advice::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …refused", Advice::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …not allowed", Advice::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …not permitted", Advice::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …not authorized", Advice::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …not authorised", Advice::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …not accepted", Advice::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …blocked", Advice::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …invalid", Advice::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("sender …mismatch", Advice::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("invalid sender", Advice::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("bad sender", Advice::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("unknown sender", Advice::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("from address", Advice::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("mail from must", Advice::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("from must", Advice::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("to send as", Advice::SenderRefused).code("5").at(FROM_RECIPIENT),
    says("user unknown", Advice::RecipientRefused).code("5").at(CONTENT),
    says("unknown user", Advice::RecipientRefused).code("5").at(CONTENT),
    says("no such user", Advice::RecipientRefused).code("5").at(CONTENT),
    says("recipient …reject", Advice::RecipientRefused).code("5").at(CONTENT),
    says("recipient …not found", Advice::RecipientRefused).code("5").at(CONTENT),
    says("invalid recipient", Advice::RecipientRefused).code("5").at(CONTENT),
    // A policy that no row above has: Yahoo (554 5.7.9 "for policy reasons"), Postfix and filters.
    says("recipient address rejected", Advice::RecipientRefused).code("5").at(RECIPIENT),
    says("message content …rejected", Advice::ContentRefused).code("5").at(CONTENT),
    says("policy", Advice::PolicyRefused).code("5").at(SUBMISSION),
    says("policies", Advice::PolicyRefused).code("5").at(SUBMISSION),
    says("access denied", Advice::PolicyRefused).code("5").at(SUBMISSION).when(When::SignedIn),
    says("access denied", Advice::Unwelcome).code("5").at(SUBMISSION),
    // An address in the words says whom they speak of.
    says("", Advice::SenderRefused).code("5").at(RECIPIENT).when(When::SenderIsNamed),
];

/// Known by their enhanced code (RFC 3463, and the registry that RFC 5248 opened).
pub(super) static BY_ENHANCED_CODE: &[Row] = &[
    // Exchange and Exchange Online, in other words than above (Microsoft Learn, "Email non-delivery
    // reports in Exchange Online").
    enhanced("5.7.3", Advice::ExchangeSignInRefused).at(SIGN_IN),
    enhanced("5.7.139", Advice::ExchangeSignInRefused).at(SIGN_IN),
    enhanced("5.7.30", Advice::BasicAuthDisabled),
    enhanced("5.7.54", Advice::RelayDenied).at(SUBMISSION),
    enhanced("5.7.57", Advice::SignInRequired).at(SUBMISSION),
    enhanced("5.7.60", Advice::SendAsDenied).at(SUBMISSION),
    enhanced("5.2.252", Advice::SendAsDenied).at(SUBMISSION),
    enhanced("5.7.64", Advice::AddressNotAdmitted).at(SUBMISSION),
    enhanced("4.3.2", Advice::TooManyConnections).code("432"),
    enhanced("5.1.90", Advice::SendingLimit).at(SUBMISSION),
    enhanced("5.7.232", Advice::SendingLimit).at(SUBMISSION),
    enhanced("5.7.233", Advice::SendingLimit).at(SUBMISSION),
    enhanced("5.7.705", Advice::SendingLimit).at(SUBMISSION),
    enhanced("5.7.501", Advice::AccountInactive).at(SUBMISSION),
    enhanced("5.7.502", Advice::AccountInactive).at(SUBMISSION),
    enhanced("5.7.503", Advice::AccountInactive).at(SUBMISSION),
    enhanced("5.7.509", Advice::MailUnauthenticated).at(SUBMISSION),
    enhanced("5.7.511", Advice::AddressBlocked).at(SUBMISSION),
    enhanced("5.7.606", Advice::AddressBlocked).at(SUBMISSION),
    enhanced("5.7.708", Advice::AddressBlocked).at(SUBMISSION),
    // Gmail (Google Workspace Admin Help, "Gmail SMTP errors and codes").
    enhanced("5.7.9", Advice::AppPasswordNeeded).at(SIGN_IN),
    enhanced("5.7.14", Advice::GoogleSignInRefused).at(SIGN_IN),
    enhanced("5.4.5", Advice::SendingLimit).at(SUBMISSION),
    // A line of AUTH that is too long (RFC 4954 6).
    enhanced("5.5.6", Advice::TokenTooLong).at(SIGN_IN).when(When::WithToken),
    // The account is disabled (RFC 5248).
    enhanced("5.7.13", Advice::AccountInactive),
    // Encryption needed (RFC 5248), and for this mechanism (RFC 4954 6).
    enhanced("5.7.10", Advice::EncryptionRequired),
    enhanced("5.7.11", Advice::EncryptionRequired).at(SIGN_IN),
    // DKIM, SPF, reverse DNS and all of them together (RFC 7372 3).
    enhanced("x.7.20", Advice::MailUnauthenticated).at(SUBMISSION),
    enhanced("x.7.21", Advice::MailUnauthenticated).at(SUBMISSION),
    enhanced("x.7.22", Advice::MailUnauthenticated).at(SUBMISSION),
    enhanced("x.7.23", Advice::MailUnauthenticated).at(SUBMISSION),
    enhanced("x.7.24", Advice::MailUnauthenticated).at(SUBMISSION),
    enhanced("x.7.25", Advice::ReverseNameMissing).at(SUBMISSION),
    enhanced("x.7.26", Advice::MailUnauthenticated).at(SUBMISSION),
    // The sender's domain takes no mail (RFC 7505 4.2).
    enhanced("5.7.27", Advice::SenderUnknown).at(SUBMISSION),
    // Addresses (RFC 3463 3.2): the recipient's, and the sender's.
    enhanced("5.1.1", Advice::SenderUnknown).at(SENDER),
    enhanced("5.1.1", Advice::RecipientRefused).at(FROM_RECIPIENT),
    enhanced("5.1.2", Advice::RecipientRefused).at(FROM_RECIPIENT),
    enhanced("5.1.3", Advice::RecipientRefused).at(FROM_RECIPIENT),
    enhanced("5.1.6", Advice::RecipientRefused).at(FROM_RECIPIENT),
    enhanced("5.1.10", Advice::RecipientRefused).at(FROM_RECIPIENT),
    enhanced("5.1.7", Advice::SenderRefused).at(SUBMISSION),
    enhanced("x.1.8", Advice::SenderUnknown).at(SUBMISSION),
    // The recipient's mailbox (RFC 3463 3.3).
    enhanced("5.2.1", Advice::RecipientRefused).at(FROM_RECIPIENT),
    enhanced("x.2.2", Advice::RecipientMailboxFull).at(FROM_RECIPIENT),
    enhanced("5.2.3", Advice::MessageTooLarge).at(SUBMISSION),
    // Message too big for the system (RFC 3463 3.4).
    enhanced("5.3.4", Advice::MessageTooLarge).at(SUBMISSION),
    // An address needs SMTPUTF8 (RFC 6531 3.5).
    enhanced("5.6.7", Advice::SmtpUtf8NotOffered).at(SUBMISSION),
];

/// Known by their code alone.
pub(super) static BY_CODE: &[Row] = &[
    // Closing (RFC 5321 3.8), at any step.
    code("421", CONVERSATION, Advice::TryLater),
    // The greeting and EHLO (RFC 5321 3.1, 3.2). What knows no EHLO is not SMTP.
    code("500", GREETING, Advice::NotSmtp),
    code("502", GREETING, Advice::NotSmtp),
    code("4", GREETING, Advice::TryLater),
    code("5", GREETING, Advice::Unwelcome),
    // STARTTLS (RFC 3207 4).
    code("4", TLS, Advice::StartTlsRefused),
    code("5", TLS, Advice::StartTlsRefused),
    // AUTH (RFC 4954 4, 6). To ask for a sign-in first makes no sense of an attempt to sign in.
    code("432", SIGN_IN, Advice::CredentialsRefused),
    code("4", SIGN_IN, Advice::TryLater),
    code("502", SIGN_IN, Advice::SignInNotOffered),
    code("503", SIGN_IN, Advice::SignInNotOffered),
    code("504", SIGN_IN, Advice::NoCommonMechanism),
    code("523", SIGN_IN, Advice::EncryptionRequired),
    code("530", SIGN_IN, Advice::EncryptionRequired),
    code("534", SIGN_IN, Advice::NoCommonMechanism),
    code("538", SIGN_IN, Advice::EncryptionRequired),
    code("5", SIGN_IN, Advice::CredentialsRefused),
    // MAIL, RCPT, DATA and the content (RFC 5321 4.1.1.2 to 4.1.1.4); 530 is RFC 4954's.
    code("530", SUBMISSION, Advice::SignInRequired),
    code("4", SUBMISSION, Advice::TryLater),
    code("5", SENDER, Advice::SenderRefused),
    code("551", RECIPIENT, Advice::RelayDenied),
    code("5", RECIPIENT, Advice::RecipientRefused),
    code("5", CONTENT, Advice::ContentRefused),
];
