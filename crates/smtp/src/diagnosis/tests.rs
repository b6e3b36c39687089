//! Tests the dictionary with verbatim replies of real servers.

use super::*;

/// The usual context: under TLS, with a user name and a password.
fn by_password() -> Context {
    Context {
        server: "smtp.example.com".to_owned(),
        own_name: "smtp.example.com".to_owned(),
        client_name: "[192.0.2.7]".to_owned(),
        signs_in_with: SignsInWith::Password,
        is_encrypted: true,
        has_greeted: true,
        offers_auth: true,
        sender: Some("noreply@example.com".to_owned()),
        recipients: vec!["ada@example.org".to_owned()],
    }
}

fn in_clear() -> Context {
    Context { is_encrypted: false, ..by_password() }
}

/// The context without a user name, at a server that offers AUTH.
fn without_account() -> Context {
    Context { signs_in_with: SignsInWith::Nothing, ..by_password() }
}

/// The context without a user name, at a server without AUTH.
fn anonymous() -> Context {
    Context { offers_auth: false, ..without_account() }
}

fn by_token() -> Context {
    Context { signs_in_with: SignsInWith::Token, ..by_password() }
}

fn at_receiving_server() -> Context {
    Context { own_name: "x.mail.protection.outlook.com".to_owned(), ..anonymous() }
}

fn reply(code: u16, words: &str) -> Reply {
    Reply { code, lines: words.lines().map(str::to_owned).collect() }
}

/// Returns a reply that matches a row alone. A code that a row gives only in part is filled up with
/// nines, which match no other row.
fn reply_of(row: &ReplyRule) -> Reply {
    let is_enhanced = row.sign.starts_with("x.") || row.sign.contains('.');
    let class = row.sign.split_once('.').map_or("5", |(class, _)| class).replace('x', "5");
    let start = if row.code.is_empty() { class.as_str() } else { row.code };
    let code = format!("{start:9<3}").parse().expect("a code");
    let named = match row.when {
        When::SenderIsNamed => " <noreply@example.com>",
        When::RecipientIsNamed => " <ada@example.org>",
        _ => "",
    };
    let sign =
        if is_enhanced { row.sign.replace("x.", "5.") } else { row.sign.replace('…', " ") };
    Reply { code, lines: vec![format!("{sign}{named}")] }
}

fn context_of(row: &ReplyRule) -> Context {
    match row.when {
        When::Always => anonymous(),
        When::AuthIsLeftOut => without_account(),
        When::WithToken => by_token(),
        When::SignedIn | When::SenderIsNamed | When::RecipientIsNamed => by_password(),
    }
}

#[test]
fn no_row_is_hidden_by_an_earlier_one() {
    for expected in [BY_WORDS, BY_ENHANCED_CODE, BY_CODE].into_iter().flatten() {
        for &step in expected.steps {
            let found = row(step, &reply_of(expected), &context_of(expected)).expect("a row");
            assert!(std::ptr::eq(found, expected), "{step:?} {expected:?} hidden by {found:?}");
        }
    }
}

#[test]
fn signs_are_normalised() {
    for row in BY_WORDS {
        for part in row.sign.split('…') {
            let plain = normalised(part);
            assert!([plain.trim(), plain.trim_start()].contains(&part), "{:?}", row.sign);
        }
    }
}

#[test]
fn text_decides_before_enhanced_codes_and_these_before_codes() {
    for words in BY_WORDS.iter().filter(|row| row.code != "334") {
        for enhanced in BY_ENHANCED_CODE {
            for &step in words.steps.iter().filter(|step| enhanced.steps.contains(step)) {
                let Reply { code, lines } = reply_of(words);
                let class = code / 100;
                let sign = enhanced.sign.replacen(|_| true, &class.to_string(), 1);
                let both = Reply { code, lines: vec![format!("{sign} {}", lines.concat())] };
                let found = row(step, &both, &context_of(words)).expect("a row");
                assert!(std::ptr::eq(found, words), "{step:?} {both:?} found {found:?}");
            }
        }
    }
    for enhanced in BY_ENHANCED_CODE {
        for &step in enhanced.steps {
            let found = row(step, &reply_of(enhanced), &context_of(enhanced)).expect("a row");
            assert!(std::ptr::eq(found, enhanced), "{enhanced:?} found {found:?}");
        }
    }
}

#[test]
fn the_parts_of_a_sign_match_in_order_from_the_start_of_a_word() {
    for (sign, words, expected) in [
        ("ip …not allowed", "550 This IP is not allowed", true),
        ("ip …not allowed", "550 The recipient is not allowed", false),
        ("ip …not allowed", "550 IPs are not allowed", false),
        ("sender …reject", "550 Sender address rejected", true),
        ("sender …reject", "550 Rejected: the sender", false),
        ("rbl ", "554 See RBL.", true),
        ("rbl ", "554 marble", false),
        ("授权码", "535 Login Fail. 请使用授权码登录", true),
        ("парол…приложени", "535 НЕОБХОДИМ пароль приложения", true),
    ] {
        assert_eq!(is_said(sign, &normalised(words)), expected, "{sign:?} {words:?}");
    }
}

/// Replies of Exchange and Exchange Online.
const MICROSOFT_REPLIES: &[(Step, u16, &str, Diagnosis)] = &[
    (
        Step::SignIn,
        535,
        "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled",
        Diagnosis::SmtpAuthDisabled,
    ),
    (
        Step::SignIn,
        535,
        "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.",
        Diagnosis::SmtpAuthDisabled,
    ),
    (
        Step::SignIn,
        535,
        "5.7.139 Authentication unsuccessful, basic authentication is disabled.",
        Diagnosis::BasicAuthDisabled,
    ),
    (
        Step::SignIn,
        535,
        "5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully.",
        Diagnosis::ConditionalAccess,
    ),
    (
        Step::SignIn,
        535,
        "5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy.",
        Diagnosis::ConditionalAccess,
    ),
    (
        Step::SignIn,
        535,
        "5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
        Diagnosis::ExchangeSignInRefused,
    ),
    (Step::SignIn, 535, "5.7.3 Authentication unsuccessful", Diagnosis::ExchangeSignInRefused),
    (
        Step::SignIn,
        430,
        "4.2.0 STOREDRV; mailbox logon failure",
        Diagnosis::MailboxPermissionMissing,
    ),
    (
        Step::Content,
        430,
        "4.2.0 STOREDRV; mailbox logon failure",
        Diagnosis::MailboxPermissionMissing,
    ),
    (
        Step::Content,
        432,
        "4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
        Diagnosis::TooManyConnections,
    ),
    (
        Step::Sender,
        550,
        "5.7.30 Basic authentication is not supported for Client Submission.",
        Diagnosis::BasicAuthDisabled,
    ),
    (Step::Content, 550, "5.7.30 Retired", Diagnosis::BasicAuthDisabled),
    (
        Step::Content,
        554,
        "5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied",
        Diagnosis::SendAsDenied,
    ),
    (
        Step::Content,
        554,
        "5.2.252 SendAsDenied; a@example.com not allowed to send as b@example.com",
        Diagnosis::SendAsDenied,
    ),
    (
        Step::Sender,
        550,
        "5.7.60 SMTP; Client does not have permissions to send as this sender",
        Diagnosis::SendAsDenied,
    ),
    (
        Step::Recipient,
        550,
        "5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
        Diagnosis::RelayDenied,
    ),
    (
        Step::Sender,
        530,
        "5.7.57 Client was not authenticated to send anonymous mail during MAIL FROM",
        Diagnosis::SignInRequired,
    ),
    (Step::Sender, 451, "5.7.3 STARTTLS is required to send mail", Diagnosis::EncryptionRequired),
    (Step::SignIn, 504, "5.7.4 Unrecognized authentication type", Diagnosis::NoCommonMechanism),
];

/// Replies of Gmail and Google Workspace.
const GOOGLE_REPLIES: &[(Step, u16, &str, Diagnosis)] = &[
    (
        Step::SignIn,
        334,
        r#"{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}"#,
        Diagnosis::TokenRefused,
    ),
    (
        Step::SignIn,
        334,
        r#"{"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"}"#,
        Diagnosis::TokenRefused,
    ),
    (Step::SignIn, 334, r#"{"status":"invalid_token","scope":"smtp"}"#, Diagnosis::TokenRefused),
    (
        Step::SignIn,
        535,
        "5.7.8 Username and Password not accepted. 5.7.8 https://support.google.com/mail/?p=BadCredentials x - gsmtp",
        Diagnosis::GoogleSignInRefused,
    ),
    (
        Step::SignIn,
        534,
        "5.7.9 Application-specific password required.",
        Diagnosis::AppPasswordNeeded,
    ),
    (
        Step::SignIn,
        534,
        "5.7.14 Please log in via your web browser and then try again.",
        Diagnosis::GoogleSignInRefused,
    ),
    (
        Step::SignIn,
        454,
        "4.7.0 Too many login attempts, please try again later.",
        Diagnosis::TryLater,
    ),
    (Step::Sender, 530, "5.7.0 Authentication Required.", Diagnosis::SignInRequired),
    (
        Step::Sender,
        530,
        "5.7.0 Must issue a STARTTLS command first.",
        Diagnosis::EncryptionRequired,
    ),
    (
        Step::Recipient,
        550,
        "5.7.1 Invalid credentials for relay [192.0.2.1].",
        Diagnosis::AddressNotAdmitted,
    ),
];

/// Replies of Postfix, Exim, sendmail and qmail, and the examples in RFCs.
const OTHER_REPLIES: &[(Step, u16, &str, Diagnosis)] = &[
    (Step::Greeting, 421, "4.3.2 Closing", Diagnosis::TryLater),
    (Step::Greeting, 450, "Later", Diagnosis::TryLater),
    (Step::Greeting, 554, "No SMTP service here", Diagnosis::Unwelcome),
    (Step::Greeting, 500, "EHLO not understood", Diagnosis::NotSmtp),
    (Step::Greeting, 354, "What?", Diagnosis::UnexpectedReply),
    (Step::Tls, 454, "4.7.0 TLS not available", Diagnosis::StartTlsRefused),
    (Step::Tls, 502, "5.5.1 STARTTLS is unknown", Diagnosis::StartTlsRefused),
    (Step::Tls, 421, "4.3.2 Closing", Diagnosis::TryLater),
    (Step::SignIn, 535, "5.7.8 Bad credentials", Diagnosis::CredentialsRefused),
    (Step::SignIn, 535, "5.7.0 Authentication failed", Diagnosis::CredentialsRefused),
    (Step::SignIn, 534, "5.7.9 Of another kind", Diagnosis::AppPasswordNeeded),
    (Step::SignIn, 534, "Mechanism too weak", Diagnosis::NoCommonMechanism),
    (Step::SignIn, 454, "4.7.0 Temporary failure", Diagnosis::TryLater),
    (Step::SignIn, 504, "5.5.4 Unknown mechanism", Diagnosis::NoCommonMechanism),
    (Step::SignIn, 503, "5.5.1 Not enabled", Diagnosis::SignInNotOffered),
    (Step::SignIn, 530, "5.7.0 STARTTLS first", Diagnosis::EncryptionRequired),
    (Step::SignIn, 530, "Not like this", Diagnosis::EncryptionRequired),
    (Step::SignIn, 538, "5.7.11 Encryption required", Diagnosis::EncryptionRequired),
    (Step::SignIn, 421, "4.7.0 Too many errors", Diagnosis::TryLater),
    (Step::SignIn, 334, "", Diagnosis::UnexpectedReply),
    (Step::Sender, 530, "5.7.0 Not yet", Diagnosis::SignInRequired),
    (Step::Sender, 550, "5.7.1 Authentication Required", Diagnosis::SignInRequired),
    (Step::Sender, 553, "5.7.1 Not owned by you", Diagnosis::SenderRefused),
    (Step::Sender, 451, "4.3.0 Later", Diagnosis::TryLater),
    (Step::Recipient, 550, "5.1.1 No such user", Diagnosis::RecipientRefused),
    (Step::Recipient, 550, "5.1.1 No such user at relay.example.com", Diagnosis::RecipientRefused),
    (Step::Recipient, 554, "5.7.1 <ada@example.org>: Relay access denied", Diagnosis::RelayDenied),
    (Step::Recipient, 550, "relay not permitted", Diagnosis::RelayDenied),
    (Step::Recipient, 550, "5.7.1 <ada@example.org>... Relaying denied", Diagnosis::RelayDenied),
    (
        Step::Recipient,
        553,
        "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
        Diagnosis::RelayDenied,
    ),
    (Step::Recipient, 551, "User not local; please try <ada@example.net>", Diagnosis::RelayDenied),
    (Step::Recipient, 553, "5.1.3 Bad mailbox name", Diagnosis::RecipientRefused),
    (Step::Recipient, 553, "5.7.1 Sender address rejected", Diagnosis::SenderRefused),
    (Step::Recipient, 554, "5.7.1 Client host rejected", Diagnosis::Unwelcome),
    (Step::Recipient, 450, "4.2.1 Greylisted", Diagnosis::TryLater),
    (Step::Recipient, 552, "5.2.2 Mailbox full", Diagnosis::RecipientMailboxFull),
    (Step::Content, 552, "5.3.4 Too big", Diagnosis::MessageTooLarge),
    (
        Step::Content,
        552,
        "Message size exceeds fixed maximum message size",
        Diagnosis::MessageTooLarge,
    ),
    (Step::Content, 554, "5.7.1 Looks like spam", Diagnosis::ContentRefused),
    (Step::Content, 554, "5.6.0 Message content rejected by policy", Diagnosis::ContentRefused),
    (Step::Content, 452, "4.3.1 Disk full", Diagnosis::TryLater),
    (Step::Content, 250, "Instead of 354", Diagnosis::UnexpectedReply),
];

/// Replies with the same meaning, and the text that an administrator reads.
struct ContextCase {
    context: fn() -> Context,
    diagnosis: Diagnosis,
    cause: &'static str,
    /// Phrases, each of which is in one of the steps.
    next: &'static [&'static str],
    replies: &'static [(Step, u16, &'static str)],
}

/// Every documented kind of reply, verbatim. Microsoft: Learn, "Fix issues with printers, scanners,
/// and LOB applications", "Email non-delivery reports in Exchange Online" and Exchange 2019's
/// texts. Google: Workspace Admin Help, "Gmail SMTP errors and codes", and Google Developers,
/// "OAuth 2.0 Mechanism". Postfix 3, Exim 4, sendmail 8, qmail and Dovecot 2: their sources. Amazon
/// SES, `SendGrid`, Zoho and Yahoo: their documentation.
const DOCUMENTED: &[ContextCase] = &[
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::SmtpAuthDisabled,
        cause: "Exchange Online has SMTP sign-in turned off for this mailbox or for the whole organisation.",
        next: &["OAuth needs it too"],
        replies: &[
            (
                Step::SignIn,
                535,
                "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [FR4P281CA0042.DEUP281.PROD.OUTLOOK.COM 2024-05-28T09:15:31.224Z 08DC7E0F6C4E6C2A]",
            ),
            (
                Step::SignIn,
                535,
                "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information. [FR4P281CA0042.DEUP281.PROD.OUTLOOK.COM 2024-05-28T09:15:31.224Z 08DC7E0F6C4E6C2A]",
            ),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::BasicAuthDisabled,
        cause: "Microsoft does not allow passwords for sending mail here.",
        next: &["passwords are not accepted"],
        replies: &[
            (
                Step::SignIn,
                535,
                "5.7.139 Authentication unsuccessful, basic authentication is disabled. [AS4P190CA0027.EURP190.PROD.OUTLOOK.COM 2024-10-01T08:00:00.000Z 08DCE1F6A0B1C2D3]",
            ),
            (
                Step::Sender,
                550,
                "5.7.30 Basic authentication is not supported for Client Submission.",
            ),
            (
                Step::Content,
                550,
                "5.7.30 Basic authentication is not supported for Client Submission.",
            ),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::ConditionalAccess,
        cause: "The organisation's security rules block this sign-in: security defaults or conditional access.",
        next: &["Client Credentials"],
        replies: &[
            (
                Step::SignIn,
                535,
                "5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator. [AM0PR10CA0096.EURPRD10.PROD.OUTLOOK.COM 2024-05-28T09:15:31.224Z 08DC7E0F6C4E6C2A]",
            ),
            (
                Step::SignIn,
                535,
                "5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator. [AM0PR10CA0096.EURPRD10.PROD.OUTLOOK.COM 2024-05-28T09:15:31.224Z 08DC7E0F6C4E6C2A]",
            ),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::ExchangeSignInRefused,
        cause: "Exchange does not accept this sign-in, and does not say why.",
        next: &["object ID of the Enterprise application"],
        replies: &[
            (
                Step::SignIn,
                535,
                "5.7.3 Authentication unsuccessful [FR4P281CA0042.DEUP281.PROD.OUTLOOK.COM 2024-05-28T09:15:31.224Z 08DC7E0F6C4E6C2A]",
            ),
            (
                Step::SignIn,
                535,
                "5.7.139 Authentication unsuccessful, the user credentials were incorrect. [FR4P281CA0042.DEUP281.PROD.OUTLOOK.COM 2024-05-28T09:15:31.224Z 08DC7E0F6C4E6C2A]",
            ),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::MailboxPermissionMissing,
        cause: "Sign-in succeeded, but it has no permission for this mailbox.",
        next: &["15 to 30 minutes"],
        replies: &[
            (Step::Content, 430, "4.2.0 STOREDRV; mailbox logon failure"),
            (
                Step::Content,
                430,
                "4.2.0 STOREDRV; mailbox logon failure; StoreDriverSubmit:OpenMailbox failure [Hostname=FR4P281MB0042.DEUP281.PROD.OUTLOOK.COM]",
            ),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::SendAsDenied,
        cause: "The account that signed in is not allowed to send as this sender.",
        next: &["Send As"],
        replies: &[
            (
                Step::Content,
                554,
                "5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception with message Cannot submit message. 0.35250:0A006A00, 1.36674:0A000000",
            ),
            (
                Step::Content,
                554,
                "5.2.252 SendAsDenied; ppm@example.com not allowed to send as noreply@example.com; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception with message [BeginDiagnosticData]Cannot submit message.",
            ),
            (
                Step::Sender,
                550,
                "5.7.60 SMTP; Client does not have permissions to send as this sender",
            ),
            (Step::Content, 550, "5.7.1 Client does not have permissions to send as this sender"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::TokenRefused,
        cause: "The server does not accept the token.",
        next: &["unable to check tokens"],
        replies: &[
            (
                Step::SignIn,
                334,
                r#"{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}"#,
            ),
            (
                Step::SignIn,
                334,
                r#"{"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"}"#,
            ),
            (
                Step::SignIn,
                334,
                r#"{"status":"401","schemes":"Bearer","scope":"https://mail.google.com/"}"#,
            ),
            (Step::SignIn, 334, r#"{"status":"invalid_token","schemes":"bearer","scope":"mail"}"#),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::GoogleSignInRefused,
        cause: "Google does not accept this sign-in.",
        next: &["app password created for PPM"],
        replies: &[
            (
                Step::SignIn,
                535,
                "5.7.8 Username and Password not accepted. For more information, go to\n5.7.8  https://support.google.com/mail/?p=BadCredentials 5b1f17b1804b1-42b3f9sm4815162wms.42 - gsmtp",
            ),
            (
                Step::SignIn,
                534,
                "5.7.9 Please log in with your web browser and then try again. For more\n5.7.9 information, go to\n5.7.9  https://support.google.com/mail/?p=WebLoginRequired 5b1f17b1804b1-42b3f9sm4815162wms.42 - gsmtp",
            ),
            (
                Step::SignIn,
                534,
                "5.7.14 <https://accounts.google.com/signin/continue?sarp=1&scc=1&plt=AKgnsbv>\n5.7.14 Please log in via your web browser and then try again.\n5.7.14 Learn more at https://support.google.com/mail/answer/78754 5b1f17b1804b1-42b3f9sm4815162wms.42 - gsmtp",
            ),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::AppPasswordNeeded,
        cause: "The server requires an app password instead of the account password.",
        next: &["create an app password"],
        replies: &[(
            Step::SignIn,
            534,
            "5.7.9 Application-specific password required. For more information, go to\n5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor 5b1f17b1804b1-42b3f9sm4815162wms.42 - gsmtp",
        )],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::CredentialsRefused,
        cause: "The server does not accept this user name with this password.",
        next: &["often the whole email address"],
        replies: &[
            (Step::SignIn, 535, "5.7.8 Error: authentication failed: UGFzc3dvcmQ6"),
            (Step::SignIn, 535, "5.7.8 Error: authentication failed: (reason unavailable)"),
            (Step::SignIn, 535, "Incorrect authentication data"),
            (Step::SignIn, 535, "Authentication Credentials Invalid"),
            (Step::SignIn, 535, "5.7.0 (#AUTH005) Too many bad auth attempts."),
            (Step::SignIn, 535, "5.7.0 authentication failed"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::NoCommonMechanism,
        cause: "The server offers no password sign-in that PPM can use.",
        next: &["choose an OAuth flow"],
        replies: &[
            (Step::SignIn, 504, "5.7.4 Unrecognized authentication type"),
            (Step::SignIn, 504, "5.5.4 Unrecognized authentication type"),
        ],
    },
    ContextCase {
        context: in_clear,
        diagnosis: Diagnosis::SignInNotOffered,
        cause: "The server offers no sign-in on this connection.",
        next: &["turn Use TLS on"],
        replies: &[
            (Step::SignIn, 503, "5.5.1 Error: authentication not enabled"),
            (Step::SignIn, 503, "AUTH command used when not advertised"),
        ],
    },
    ContextCase {
        context: in_clear,
        diagnosis: Diagnosis::EncryptionRequired,
        cause: "The server requires encryption first.",
        next: &["turn Use TLS on"],
        replies: &[
            (Step::SignIn, 530, "5.7.0 Must issue a STARTTLS command first"),
            (
                Step::Sender,
                530,
                "5.7.0 Must issue a STARTTLS command first. 5b1f17b1804b1-42b3f9sm4815162wms.42 - gsmtp",
            ),
            (
                Step::Sender,
                451,
                "5.7.3 STARTTLS is required to send mail [FR4P281CA0042.DEUP281.PROD.OUTLOOK.COM]",
            ),
            (
                Step::SignIn,
                538,
                "5.7.11 Encryption required for requested authentication mechanism",
            ),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::SignInRequired,
        cause: "The server requires a sign-in first.",
        next: &["Enter Username and Password"],
        replies: &[
            (
                Step::Sender,
                530,
                "5.7.0 Authentication Required. For more information, go to\n5.7.0  https://support.google.com/accounts/troubleshooter/2402620. 5b1f17b1804b1-42b3f9sm4815162wms.42 - gsmtp",
            ),
            (
                Step::Sender,
                530,
                "5.7.57 Client not authenticated to send mail. [FR4P281CA0042.DEUP281.PROD.OUTLOOK.COM 2024-05-28T09:15:31.224Z 08DC7E0F6C4E6C2A]",
            ),
            (
                Step::Sender,
                530,
                "5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM",
            ),
            (Step::Sender, 530, "5.7.0 Authentication required"),
            (Step::Sender, 530, "Authentication required"),
        ],
    },
    ContextCase {
        context: anonymous,
        diagnosis: Diagnosis::RelayDenied,
        cause: "The server does not relay mail to other domains, such as the recipient's.",
        next: &["Sign in"],
        replies: &[
            (Step::Recipient, 554, "5.7.1 <ada@example.org>: Relay access denied"),
            (Step::Recipient, 454, "4.7.1 <ada@example.org>: Relay access denied"),
            (Step::Recipient, 550, "relay not permitted"),
            (Step::Recipient, 550, "5.7.54 SMTP; Unable to relay recipient in non-accepted domain"),
            (Step::Recipient, 550, "5.7.1 Unable to relay"),
            (
                Step::Recipient,
                553,
                "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
            ),
            (Step::Recipient, 551, "User not local; please try <ada@example.net>"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::SenderRefused,
        cause: "The server does not accept mail from this sender.",
        next: &["only from its own address"],
        replies: &[
            (
                Step::Recipient,
                553,
                "5.7.1 <noreply@example.com>: Sender address rejected: not owned by user ppm",
            ),
            (Step::Content, 553, "Relaying disallowed as noreply@example.com"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::RecipientRefused,
        cause: "The server does not accept mail for this recipient.",
        next: &["goes to your own"],
        replies: &[
            (
                Step::Recipient,
                550,
                "5.1.1 <ada@example.org>: Recipient address rejected: User unknown in local recipient table",
            ),
            (
                Step::Recipient,
                550,
                "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ada@example.org not found by SMTP address lookup",
            ),
            (
                Step::Recipient,
                553,
                "5.1.3 The recipient address <ada@example.org> is not a valid RFC 5321 address.",
            ),
            (Step::Recipient, 550, "Unrouteable address"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::TryLater,
        cause: "The server is temporarily unable to accept the message.",
        next: &["in a few minutes"],
        replies: &[
            (Step::Greeting, 421, "4.3.2 Service not available, closing transmission channel"),
            (
                Step::Greeting,
                421,
                "4.7.0 [192.0.2.1] Our system has detected an unusual rate of unsolicited mail originating from your IP address. To protect our users from spam, mail sent from your IP address has been temporarily rate limited.",
            ),
            (Step::Capabilities, 421, "4.4.2 mail.example.com Error: timeout exceeded"),
            (
                Step::SignIn,
                454,
                "4.7.0 Temporary authentication failure: Connection lost to authentication server",
            ),
            (
                Step::SignIn,
                454,
                "4.7.0 Too many login attempts, please try again later. 5b1f17b1804b1-42b3f9sm4815162wms.42 - gsmtp",
            ),
            (
                Step::Sender,
                451,
                "4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719)",
            ),
            (
                Step::Recipient,
                450,
                "4.2.0 <ada@example.org>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.org.html",
            ),
            (Step::Recipient, 451, "4.7.1 Greylisting in action, please come back later"),
            (Step::Content, 452, "4.3.1 Insufficient system storage"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::StartTlsRefused,
        cause: "The server offered encryption, but then refused to start it.",
        next: &["often its certificate"],
        replies: &[(Step::Tls, 454, "4.7.0 TLS not available due to local problem")],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::Unwelcome,
        cause: "The server does not accept mail from this machine.",
        next: &["allow this machine's address"],
        replies: &[
            (
                Step::Recipient,
                554,
                "5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied",
            ),
            (Step::Capabilities, 550, "5.7.1 Access denied"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::MessageTooLarge,
        cause: "The message is larger than the server accepts.",
        next: &["raise the limit"],
        replies: &[
            (Step::Sender, 552, "5.3.4 Message size exceeds fixed limit"),
            (Step::Content, 552, "5.3.4 Error: message file too big"),
            (Step::Sender, 552, "Message size exceeds maximum permitted"),
        ],
    },
];

/// Replies that administrators of other products reported in public or providers document, with
/// personal details replaced: the kinds that depend on the configuration.
const REPORTED: &[ContextCase] = &[
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::ClientNameRefused,
        cause: "The server does not accept the name by which PPM introduces itself (EHLO).",
        next: &["--smtp-client-name", "--public-url"],
        replies: &[
            (Step::Capabilities, 501, "EHLO requires valid address"),
            (Step::Capabilities, 550, "You must specify a valid domain name"),
            (Step::Capabilities, 421, "4.7.0 Connection closed. Invalid HELO"),
            (
                Step::Recipient,
                504,
                "5.5.2 <localhost>: Hostname rejected: need fully-qualified hostname",
            ),
            (Step::Capabilities, 501, "Syntactically invalid EHLO argument(s)"),
            (Step::Capabilities, 501, "syntactically invalid HELO argument(s)"),
            (Step::Capabilities, 501, "5.5.4 Invalid domain name"),
            (Step::Capabilities, 501, "5.0.0 EHLO requires domain address"),
            (Step::Capabilities, 501, "Syntax: EHLO hostname"),
            (Step::Capabilities, 501, "5.5.4 Invalid arguments"),
            (
                Step::Capabilities,
                504,
                "5.5.2 <ppm>: Helo command rejected: need fully-qualified hostname",
            ),
            (Step::Capabilities, 550, "5.7.1 <ppm>: Helo command rejected: Host not found"),
            (Step::Capabilities, 550, "Access denied - Invalid HELO name (See RFC2821 4.1.1.1)"),
            (Step::Capabilities, 550, "Invalid hostname"),
            (
                Step::Capabilities,
                421,
                "4.7.0 Try again later, closing connection. (EHLO) 5b1f17b1804b1-42b3f9sm4815162wms.42 - gsmtp",
            ),
            (Step::Sender, 550, "5.7.1 HELO name does not resolve"),
            (
                Step::Recipient,
                504,
                "5.5.2 <[127.0.0.1]>: Helo command rejected: need fully-qualified hostname",
            ),
            (
                Step::Recipient,
                450,
                "4.7.1 <ppm.example.com>: Helo command rejected: Host not found",
            ),
            (Step::Recipient, 501, "5.5.2 <ppm_1>: Helo command rejected: Invalid name"),
            (Step::Recipient, 550, "5.7.1 <ppm>: Helo command rejected: Access denied"),
            (Step::Recipient, 550, "Access denied - Invalid HELO name (See RFC2821 4.1.1.1)"),
            (Step::Recipient, 550, "HELO is IP only (See RFC2821 4.1.3)"),
            (Step::Recipient, 550, "Bad HELO - Host impersonating [192.0.2.7]"),
            (Step::Recipient, 517, "HELO ppm.example.com doesn't match 192.0.2.7"),
            (Step::Content, 554, "5.7.1 Forged HELO: you are not mail.example.com"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::AddressNotAdmitted,
        cause: "The provider does not accept connections from this machine's address.",
        next: &["addresses that may send", "not what is wrong"],
        replies: &[
            (
                Step::SignIn,
                525,
                "5.7.1 Unauthorized IP address. Visit https://app.provider.example/security/authorised_ips",
            ),
            (
                Step::SignIn,
                535,
                "5.7.1 Your IP address 192.0.2.7 is not allowed to use this account",
            ),
            (Step::SignIn, 535, "Authentication failed: this IP is not whitelisted"),
            (Step::Recipient, 550, "5.7.64 TenantAttribution; Relay Access Denied SMTP"),
            (
                Step::Recipient,
                550,
                "5.7.1 Invalid credentials for relay [192.0.2.1]. The IP address you've\n5.7.1 registered in your G Suite SMTP Relay service doesn't match domain of\n5.7.1 the account this email is being sent from.",
            ),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::AppPasswordNeeded,
        cause: "The server requires an app password instead of the account password.",
        next: &["create an app password", "authorization code"],
        replies: &[
            (
                Step::SignIn,
                535,
                "5.7.0 NEOBHODIM parol prilozheniya https://help.mail.ru/mail/security/protection/external / Application password is REQUIRED",
            ),
            (Step::SignIn, 535, "5.7.8 Ошибка: нужен пароль приложения"),
            (
                Step::SignIn,
                535,
                "Login Fail. Please enter your authorization code to login. More information in https://service.mail.qq.com/detail/0/53",
            ),
            (Step::SignIn, 535, "Error: authentication failed, 请使用授权码登录"),
            (Step::SignIn, 535, "5.7.0 An app-specific password is required"),
            (
                Step::SignIn,
                535,
                "5.7.8 Error: authentication failed: Application-specific password required",
            ),
            (Step::SignIn, 534, "5.7.9 Please use an App Password"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::SmtpAccessOff,
        cause: "SMTP is turned off for this account.",
        next: &["turn SMTP on"],
        replies: &[
            (Step::SignIn, 550, "User has no permission"),
            (
                Step::SignIn,
                535,
                "5.7.8 Error: authentication failed: This user does not have access rights to this service",
            ),
            (Step::SignIn, 535, "5.7.1 SMTP access is disabled for this account"),
        ],
    },
    ContextCase {
        context: without_account,
        diagnosis: Diagnosis::SignInMissing,
        cause: "Username is empty, and the server requires a sign-in.",
        next: &["Enter Username and Password", "OAuth flow"],
        replies: &[
            (Step::Sender, 530, "5.7.0 Authentication required"),
            (Step::Sender, 530, "5.7.1 Client was not authenticated"),
            (Step::Sender, 550, "SMTP AUTH is required."),
            (Step::Sender, 550, "5.7.1 Authentication credentials required"),
            (Step::Sender, 503, "5.5.1 Error: AUTH command required"),
            (Step::Recipient, 550, "You must be logged in to send mail"),
            (
                Step::Recipient,
                553,
                "sorry, relaying denied from your location [192.0.2.7] (#5.7.1)",
            ),
            (Step::Sender, 502, "5.7.0 Please authenticate first"),
            (Step::Sender, 553, "sorry, you must authenticate before sending"),
            (
                Step::Sender,
                530,
                "5.7.57 Client not authenticated to send mail. [FR4P281CA0042.DEUP281.PROD.OUTLOOK.COM]",
            ),
            (
                Step::Recipient,
                553,
                "5.7.1 <noreply@example.com>: Sender address rejected: not logged in",
            ),
            (Step::Recipient, 554, "5.7.1 <ada@example.org>: Relay access denied"),
            (Step::Recipient, 550, "relay not permitted"),
            (
                Step::Recipient,
                550,
                "5.7.1 <ada@example.org>... Relaying denied. Proper authentication required.",
            ),
            (
                Step::Recipient,
                554,
                "5.7.1 <ada@example.org>: Recipient address rejected: Access denied",
            ),
            (
                Step::Recipient,
                554,
                "5.7.1 <unknown[192.0.2.7]>: Client host rejected: Access denied",
            ),
            (Step::Recipient, 554, "5.7.1 Access denied"),
            (Step::Recipient, 550, "5.7.1 Access denied"),
        ],
    },
    ContextCase {
        context: anonymous,
        diagnosis: Diagnosis::SignInMissing,
        cause: "Username is empty, and the server requires a sign-in.",
        next: &["Enter Username and Password"],
        replies: &[
            (
                Step::Recipient,
                553,
                "5.7.1 <noreply@example.com>: Sender address rejected: not logged in",
            ),
            (
                Step::Recipient,
                550,
                "5.7.1 <ada@example.org>... Relaying denied. Proper authentication required.",
            ),
            (Step::Recipient, 530, "5.7.0 Must authenticate"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::RelayDeniedToAccount,
        cause: "The server does not pass mail of this account on to the recipient's domain.",
        next: &["let this account send"],
        replies: &[
            (Step::Recipient, 554, "5.7.1 <ada@example.org>: Relay access denied"),
            (Step::Recipient, 550, "5.7.1 Unable to relay"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::PolicyRefused,
        cause: "A policy of the mail server refuses the message.",
        next: &["which policy", "exception for PPM"],
        replies: &[
            (Step::Recipient, 554, "5.7.1 Access denied"),
            (Step::Recipient, 554, "5.7.1 Message refused by the security policy of example.org"),
            (Step::Content, 554, "5.7.1 Rejected due to policy restrictions"),
            (
                Step::Content,
                554,
                "5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes",
            ),
        ],
    },
    ContextCase {
        context: anonymous,
        diagnosis: Diagnosis::Unwelcome,
        cause: "The server does not accept mail from this machine.",
        next: &["submission server"],
        replies: &[(Step::Recipient, 554, "5.7.1 Access denied")],
    },
    ContextCase {
        context: at_receiving_server,
        diagnosis: Diagnosis::ReceivingServer,
        cause: "This server receives mail for a domain. It is not a server for sending, and offers no sign-in.",
        next: &["server for sending"],
        replies: &[(Step::Recipient, 550, "5.7.1 Unable to relay")],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::SenderUnknown,
        cause: "The sender's address does not exist at its own domain, or the server could not find it there.",
        next: &["typing mistake", "Create this mailbox"],
        replies: &[
            (
                Step::Recipient,
                550,
                "Verification failed for <noreply@example.com>\nNo Such User Here\nSender verify failed",
            ),
            (Step::Recipient, 550, "Verification failed for <noreply@example.com>"),
            (
                Step::Recipient,
                550,
                "5.4.4 The sender's domain example.com does not have an MX or A record",
            ),
            (
                Step::Recipient,
                550,
                "5.1.0 <noreply@example.com>: Sender address rejected: undeliverable address: unknown user",
            ),
            (
                Step::Recipient,
                450,
                "4.1.8 <noreply@example.com>: Sender address rejected: Domain not found",
            ),
            (
                Step::Sender,
                553,
                "5.1.8 <noreply@example.com>... Domain of sender address noreply@example.com does not exist",
            ),
            (Step::Sender, 550, "5.1.1 <noreply@example.com>: user unknown"),
            (Step::Sender, 451, "Could not complete sender verify callout"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::SenderNotVerified,
        cause: "The provider has not verified this sender.",
        next: &["Verify the address", "sandbox"],
        replies: &[
            (
                Step::Content,
                554,
                "Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: noreply@example.com",
            ),
            (
                Step::Content,
                550,
                "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved. Visit https://sendgrid.com/docs/for-developers/sending-email/sender-identity/ to see the Sender Identity requirements",
            ),
            (
                Step::Content,
                550,
                "5.7.1 The 'From' address you supplied (noreply@example.com) is not a Sender Signature on your account.",
            ),
            (Step::Content, 550, "5.7.1 Unconfigured Sending Domain <example.com>"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::Sandbox,
        cause: "The account is still in the provider's sandbox, from which it can send to only a few recipients.",
        next: &["verify your own address", "production access"],
        replies: &[
            (
                Step::Content,
                554,
                "Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: ada@example.org",
            ),
            (
                Step::Recipient,
                421,
                "Domain sandbox1234.mailgun.org is not allowed to send: Free accounts are for test purposes only. Please upgrade or add the address to authorized recipients in Account Settings.",
            ),
            (
                Step::Content,
                554,
                "5.7.1 Demo domains can only be used to send emails to account owners",
            ),
            (Step::Content, 550, "You can only send testing emails to your own email address"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::SendingLimit,
        cause: "The account has reached a sending limit of its provider.",
        next: &["within 24 hours", "larger plan"],
        replies: &[
            (
                Step::Content,
                550,
                "5.4.5 Daily user sending limit exceeded. For more information on sending limits go to\n5.4.5  https://support.google.com/a/answer/166852 5b1f17b1804b1-42b3f9sm4815162wms.42 - gsmtp",
            ),
            (Step::Recipient, 550, "5.4.5 Daily SMTP relay sending limit exceeded for this user."),
            (
                Step::Content,
                554,
                "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message due to a permanent exception",
            ),
            (
                Step::Content,
                550,
                "5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
            ),
            (Step::Content, 550, "5.7.233 Too many recipients for this tenant"),
            (Step::Content, 454, "Throttling failure: Daily message quota exceeded."),
            (Step::Content, 550, "5.4.6 You have reached your daily sending limit"),
            (
                Step::Content,
                550,
                "Domain example.com has exceeded the max emails per hour (25/25 (100%)) allowed. Message discarded.",
            ),
            (Step::Sender, 450, "Requested mail action not taken: mail send limit exceeded"),
            (Step::Sender, 451, "4.7.1 Quota exceeded: too many messages from this account"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::OnMicrosoftLimit,
        cause: "The organisation has reached Microsoft's limit for senders in onmicrosoft.com.",
        next: &["verified in Microsoft 365", "within 24 hours"],
        replies: &[(Step::Content, 550, "5.7.236 Daily external recipients of MOERA domains")],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::SendingRate,
        cause: "Messages come faster than the provider allows for this account.",
        next: &["in a minute", "raise the rate"],
        replies: &[
            (Step::Content, 454, "Throttling failure: Maximum sending rate exceeded."),
            (Step::Content, 550, "5.7.0 Requested action not taken: too many emails per second"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::TooManyConnections,
        cause: "The account has too many connections to the server at the same time.",
        next: &["Try again in a minute", "three connections"],
        replies: &[
            (
                Step::Content,
                432,
                "4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [Hostname=FR4P281MB0042.DEUP281.PROD.OUTLOOK.COM]",
            ),
            (Step::Content, 432, "4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::OutOfCredit,
        cause: "The account has no credits left at its provider.",
        next: &["next period", "larger plan"],
        replies: &[
            (Step::SignIn, 451, "Authentication failed: Maximum credits exceeded"),
            (Step::Content, 550, "Not enough credits to send this message"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::AccountInactive,
        cause: "The account at the provider is not active: it is not activated yet, under review, locked or suspended.",
        next: &["what is missing", "activate or unlock"],
        replies: &[
            (
                Step::SignIn,
                502,
                "5.7.0 Your SMTP account is not yet activated. Contact us at contact@provider.example to request activation",
            ),
            (Step::SignIn, 535, "5.7.8 Your account has been suspended"),
            (Step::SignIn, 525, "5.7.13 User account disabled"),
            (
                Step::Content,
                554,
                "Message rejected: Sending paused for this account. For more information, please check the inbox of the email address associated with your AWS account.",
            ),
            (Step::Content, 550, "5.1.8 Access denied, bad outbound sender"),
            (
                Step::Content,
                550,
                "5.4.6 Unusual sending activity detected. Please try after sometime",
            ),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::IdentityNotAllowed,
        cause: "The account behind the user name may not send from this identity.",
        next: &["ses:SendRawEmail"],
        replies: &[(
            Step::Content,
            554,
            "Access denied: User `arn:aws:iam::123456789012:user/ppm' is not authorized to perform `ses:SendRawEmail' on resource `arn:aws:ses:eu-west-2:123456789012:identity/a@b.c'",
        )],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::FromHeaderRefused,
        cause: "The server cannot read the sender in the message (its From header).",
        next: &["Display Name", "typing mistake"],
        replies: &[
            (Step::Content, 554, "Transaction failed: Missing final '@domain'"),
            (
                Step::Content,
                554,
                "Transaction failed: Local address contains control or whitespace",
            ),
            (
                Step::Content,
                550,
                "5.7.1 Messages missing a valid address in From: header, or having no From: header, are not accepted.",
            ),
            (Step::Content, 550, "syntax error in 'From' header when scanning for sender"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::MailUnauthenticated,
        cause: "The receiving side requires this sender's mail to be authenticated by SPF, DKIM and DMARC.",
        next: &["SPF record"],
        replies: &[
            (
                Step::Content,
                550,
                "5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM.",
            ),
            (
                Step::Content,
                550,
                "5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy.",
            ),
            (
                Step::Content,
                550,
                "5.7.515 Access denied, sending domain example.com doesn't meet the required authentication level.",
            ),
            (Step::Content, 550, "5.7.23 The message was rejected"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::AddressBlocked,
        cause: "This machine's address is on a blocklist.",
        next: &["remove the cause", "submission server"],
        replies: &[
            (
                Step::Greeting,
                554,
                "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
            ),
            (
                Step::Recipient,
                554,
                "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using bl.spamcop.net; Blocked - see https://www.spamcop.net/bl.shtml?192.0.2.1",
            ),
            (
                Step::Recipient,
                550,
                "JunkMail rejected - host.example.com [192.0.2.1] is in an RBL, see https://www.spamhaus.org/query/ip/192.0.2.1",
            ),
            (
                Step::Recipient,
                554,
                "5.7.1 Client host [192.0.2.1] blocked using b.barracudacentral.org",
            ),
            (Step::Recipient, 550, "5.7.606 Access denied, banned sending IP [192.0.2.1]"),
            (Step::Content, 550, "Your IP 192.0.2.1 is listed at dnsbl.sorbs.net"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::ReverseNameMissing,
        cause: "This machine's address has no name of its own in DNS that the server accepts.",
        next: &["PTR record"],
        replies: &[
            (
                Step::Recipient,
                450,
                "4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]",
            ),
            (
                Step::Recipient,
                550,
                "5.7.25 [192.0.2.1] The IP address sending this message does not have a PTR record setup",
            ),
            (
                Step::Capabilities,
                450,
                "4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]",
            ),
            (Step::Recipient, 550, "5.7.25 Not from there"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::RecipientMailboxFull,
        cause: "The recipient's mailbox is full.",
        next: &["Make room"],
        replies: &[
            (Step::Recipient, 452, "4.2.2 Mailbox full"),
            (
                Step::Recipient,
                552,
                "5.2.2 <ada@example.org>: Quota exceeded (mailbox for user is full)",
            ),
            (Step::Recipient, 452, "4.2.2 The recipient's inbox is out of storage space."),
            (Step::Content, 552, "5.2.2 Over quota"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::MessageTooLargeConverted,
        cause: "The message is larger than the server accepts once it has been converted.",
        next: &["for good"],
        replies: &[(Step::Content, 554, "5.2.270 Message too big in its other form")],
    },
    ContextCase {
        context: by_token,
        diagnosis: Diagnosis::TokenTooLong,
        cause: "The token is longer than this server reads.",
        next: &["shorter token"],
        replies: &[
            (Step::SignIn, 500, "Error: response limit exceeded"),
            (Step::SignIn, 500, "5.5.2 Line too long"),
            (Step::SignIn, 500, "5.5.6 Authentication exchange line is more than the server takes"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::StartTlsMasked,
        cause: "Something between PPM and the server masks the server's offer of encryption, so nothing was sent.",
        next: &["ESMTP inspection", "Do not turn Use TLS off"],
        replies: &[(Step::Tls, 500, "5.5.1 Command unrecognized: \"XXXXXXXX\"")],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::RecipientRefused,
        cause: "The server does not accept mail for this recipient.",
        next: &["goes to your own"],
        replies: &[
            (Step::Recipient, 550, "5.2.1 The email account that you tried to reach is inactive."),
            (Step::Recipient, 550, "5.1.1 <ada@example.org>: this account has been suspended"),
            (
                Step::Recipient,
                550,
                "5.4.1 Recipient address rejected: Access denied. [FR4P281CA0042.DEUP281.PROD.OUTLOOK.COM]",
            ),
            (Step::Content, 550, "5.1.1 User unknown"),
        ],
    },
    ContextCase {
        context: by_password,
        diagnosis: Diagnosis::SenderRefused,
        cause: "The server does not accept mail from this sender.",
        next: &["only from its own address"],
        replies: &[
            (Step::Recipient, 550, "5.7.1 <noreply@example.com>: not here"),
            (Step::Recipient, 553, "5.7.1 Sender not permitted for this account"),
            (Step::Content, 553, "5.7.1 Mail from must equal authorized user"),
        ],
    },
];

#[test]
fn every_documented_reply_gets_its_advice_and_its_text() {
    for ContextCase { context, diagnosis: expected, cause, next, replies } in
        DOCUMENTED.iter().chain(REPORTED)
    {
        let words = labels::diagnosis_words(*expected);
        assert_eq!(words.cause, *cause, "{expected:?}");
        for next in *next {
            let is_next = |step: &&str| step.to_lowercase().contains(&next.to_lowercase());
            assert!(words.steps.iter().any(is_next), "{expected:?}: {next}");
        }
        for &(step, code, words) in *replies {
            let found = diagnose(step, &reply(code, words), &context());
            assert_eq!(found, *expected, "{step:?} {code} {words}");
        }
    }
}

fn assert_advice(replies: &[(Step, u16, &str, Diagnosis)]) {
    for &(step, code, words, expected) in replies {
        let context = match expected {
            Diagnosis::RelayDenied => anonymous(),
            _ => in_clear(),
        };
        assert_eq!(
            diagnose(step, &reply(code, words), &context),
            expected,
            "{step:?} {code} {words}"
        );
    }
}

#[test]
fn replies_of_microsoft_are_recognised() {
    assert_advice(MICROSOFT_REPLIES);
}

#[test]
fn replies_of_google_are_recognised() {
    assert_advice(GOOGLE_REPLIES);
}

#[test]
fn replies_of_other_servers_are_recognised() {
    assert_advice(OTHER_REPLIES);
}

const GOOGLE_CHALLENGE: &str = r#"{"status":"400","schemes":"Bearer"}"#;

#[test]
fn a_refused_token_is_not_explained_as_a_refused_password() {
    for (code, words, expected) in [
        (535, "5.7.8 Error: authentication failed", Diagnosis::TokenRefused),
        (535, "", Diagnosis::TokenRefused),
        (501, "5.5.2 Invalid base64 data in initial response", Diagnosis::TokenRefused),
        (534, "5.7.9 Application-specific password required.", Diagnosis::TokenRefused),
        (504, "5.5.4 Unknown mechanism", Diagnosis::TokenSignInNotOffered),
        (503, "5.5.1 Not enabled", Diagnosis::SignInNotOffered),
        (535, "5.7.3 Authentication unsuccessful", Diagnosis::ExchangeSignInRefused),
        (535, "5.7.139 basic authentication is disabled", Diagnosis::ExchangeSignInRefused),
        (
            535,
            "5.7.139 SmtpClientAuthentication is disabled for the Tenant.",
            Diagnosis::SmtpAuthDisabled,
        ),
        (535, "5.7.8 https://example.com/?p=BadCredentials", Diagnosis::GoogleSignInRefused),
        (454, "4.7.0 Temporary authentication failure", Diagnosis::TryLater),
        (421, "4.7.0 Too many errors", Diagnosis::TryLater),
        (538, "5.7.11 Encryption required", Diagnosis::EncryptionRequired),
        (334, GOOGLE_CHALLENGE, Diagnosis::TokenRefused),
        (334, "Why not?", Diagnosis::TokenRefused),
        (354, "Go on", Diagnosis::UnexpectedReply),
    ] {
        let context = Context { is_encrypted: false, ..by_token() };
        let found = diagnose_token(&reply(code, words), None, &context);
        assert_eq!(found, expected, "{code} {words}");
    }
}

#[test]
fn a_challenge_decides_unless_the_last_reply_is_more_specific() {
    let challenge = Reply { code: 334, lines: vec![GOOGLE_CHALLENGE.to_owned()] };
    for (code, words, expected) in [
        (535, "5.7.8 Error: authentication failed", Diagnosis::TokenRefused),
        (535, "5.7.8 https://example.com/?p=BadCredentials", Diagnosis::TokenRefused),
        (334, "", Diagnosis::TokenRefused),
        (235, "2.7.0 Accepted after all", Diagnosis::TokenRefused),
        (503, "5.5.1 Out of order", Diagnosis::TokenRefused),
        (504, "5.5.4 Unknown mechanism", Diagnosis::TokenRefused),
        (535, "5.7.3 Authentication unsuccessful", Diagnosis::ExchangeSignInRefused),
        (
            535,
            "5.7.139 SmtpClientAuthentication is disabled for the Mailbox.",
            Diagnosis::SmtpAuthDisabled,
        ),
        (430, "4.2.0 STOREDRV; mailbox logon failure", Diagnosis::MailboxPermissionMissing),
        (454, "4.7.0 Temporary authentication failure", Diagnosis::TryLater),
        (421, "4.7.0 Too many errors", Diagnosis::TryLater),
    ] {
        let last = reply(code, words);
        let found = diagnose_token(&challenge, Some(&last), &by_token());
        assert_eq!(found, expected, "{code} {words}");
    }
}

#[test]
fn the_configuration_decides_the_meaning_of_a_missing_sign_in() {
    let not_offered =
        |context: Context| in_context(Diagnosis::SignInNotOffered, Step::SignIn, &context);
    assert_eq!(not_offered(in_clear()), Diagnosis::SignInNotOffered);
    assert_eq!(not_offered(by_password()), Diagnosis::SignInNotOfferedUnderTls);
    let receiving = Context { signs_in_with: SignsInWith::Password, ..at_receiving_server() };
    assert_eq!(not_offered(receiving), Diagnosis::ReceivingServer);
}

#[test]
fn an_unknown_or_misplaced_command_does_not_refuse_the_name() {
    for (step, code, words, expected) in [
        (Step::Capabilities, 500, "EHLO not understood", Diagnosis::NotSmtp),
        (Step::Capabilities, 502, "5.5.1 EHLO not implemented", Diagnosis::NotSmtp),
        (Step::Sender, 503, "5.5.1 Send HELO/EHLO first", Diagnosis::SenderRefused),
        (Step::Capabilities, 421, "4.4.2 Timeout after EHLO", Diagnosis::TryLater),
        (Step::Greeting, 554, "No HELO wanted from you", Diagnosis::Unwelcome),
        (Step::Sender, 550, "5.7.1 Hello to nobody", Diagnosis::SenderRefused),
    ] {
        let found = diagnose(step, &reply(code, words), &by_password());
        assert_eq!(found, expected, "{step:?} {code} {words}");
    }
}

#[test]
fn a_reply_to_ehlo_that_repeats_the_client_name_refuses_it() {
    let context = Context { client_name: "ppm.example.com".to_owned(), ..by_password() };
    let words = "5.7.1 ppm.example.com is not welcome";
    let at = |step| diagnose(step, &reply(550, words), &context);
    assert_eq!(at(Step::Capabilities), Diagnosis::ClientNameRefused);
    assert_eq!(at(Step::Sender), Diagnosis::SenderRefused);
}

#[test]
fn the_most_specific_reply_to_two_mechanisms_is_the_reason() {
    for (first, second, expected) in [
        ((504, "5.7.4 Unrecognized"), (535, "5.7.8 Wrong"), Diagnosis::CredentialsRefused),
        ((535, "5.7.8 Wrong"), (504, "5.5.4 Unrecognized"), Diagnosis::CredentialsRefused),
        ((535, "5.7.8 Wrong"), (454, "4.7.0 Later"), Diagnosis::CredentialsRefused),
        ((504, "5.7.4 Unrecognized"), (454, "4.7.0 Later"), Diagnosis::TryLater),
        ((504, "5.7.4 Unrecognized"), (504, "5.7.4 Unrecognized"), Diagnosis::NoCommonMechanism),
        (
            (535, "5.7.139 basic authentication is disabled"),
            (535, "5.7.8 Wrong"),
            Diagnosis::BasicAuthDisabled,
        ),
    ] {
        let refusals = [reply(first.0, first.1), reply(second.0, second.1)];
        assert_eq!(diagnose_password(&refusals, &by_password()), expected, "{refusals:?}");
    }
}
