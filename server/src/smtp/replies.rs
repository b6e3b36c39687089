//! What a refusal usually means: the dictionary from a reply to advice. Words say more than an
//! enhanced code, and that says more than a code, so each has a table of its own and they are asked
//! in that order; within a table the first row that fits decides.

use domain::delivery::{Advice, Step};

use super::wire::Reply;

/// A kind of reply.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    /// What it is known by: what its words contain in small letters, its enhanced code, or nothing
    /// more than its code.
    sign: &'static str,
    /// How its code begins: `5`, `535`, or nothing for any.
    code: &'static str,
    /// The steps at which it comes.
    steps: &'static [Step],
    /// What it means.
    advice: Advice,
}

const fn says(
    sign: &'static str,
    code: &'static str,
    steps: &'static [Step],
    advice: Advice,
) -> Row {
    Row { sign, code, steps, advice }
}

const fn enhanced(sign: &'static str, steps: &'static [Step], advice: Advice) -> Row {
    Row { sign, code: "", steps, advice }
}

const fn code(code: &'static str, steps: &'static [Step], advice: Advice) -> Row {
    Row { sign: "", code, steps, advice }
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
const ENVELOPE: &[Step] = &[Step::Sender, Step::Recipient];
const GREETING: &[Step] = &[Step::Greeting, Step::Capabilities];
const TLS: &[Step] = &[Step::Tls];
const SIGN_IN: &[Step] = &[Step::SignIn];
const SENDER: &[Step] = &[Step::Sender];
const RECIPIENT: &[Step] = &[Step::Recipient];
const CONTENT: &[Step] = &[Step::Content];

/// Known by their words.
static BY_WORDS: &[Row] = &[
    // Exchange Online's 535 5.7.139 and what it goes on to say (Microsoft Learn, "Fix issues with
    // printers, scanners, and LOB applications that send email", and aka.ms/smtp_auth_disabled).
    says("smtpclientauthentication is disabled", "", SIGN_IN, Advice::SmtpAuthDisabled),
    says("basic authentication is disabled", "", SIGN_IN, Advice::BasicAuthDisabled),
    says("did not meet the criteria", "", SIGN_IN, Advice::ConditionalAccess),
    says("security defaults", "", SIGN_IN, Advice::ConditionalAccess),
    // 550 5.7.30 (Microsoft, "Exchange Online to retire Basic auth for Client Submission").
    says("basic authentication is not supported", "", FROM_SIGN_IN, Advice::BasicAuthDisabled),
    // 430 4.2.0 STOREDRV; mailbox logon failure (Exchange Online).
    says("mailbox logon", "", FROM_SIGN_IN, Advice::MailboxPermissionMissing),
    // 554 5.2.0 and 5.2.252, and 550 5.7.1 of older Exchange (Microsoft Learn, the same pages).
    says("sendasdenied", "", SUBMISSION, Advice::SendAsDenied),
    says("permissions to send as", "", SUBMISSION, Advice::SendAsDenied),
    // What a 334 says, decoded, to a token that is no good: RFC 7628 3.2.2 for OAUTHBEARER; for
    // XOAUTH2 Google Developers, "OAuth 2.0 Mechanism": {"status":"401","schemes":"bearer", …}.
    says("\"status\"", "334", SIGN_IN, Advice::TokenRefused),
    // Gmail's 534 5.7.9, 535 5.7.8 and 534 5.7.14 (Google Workspace Admin Help, "Gmail SMTP errors
    // and codes"), whose links name the case; iCloud words the first in its own way.
    says("application-specific password", "", SIGN_IN, Advice::AppPasswordNeeded),
    says("app-specific password", "", SIGN_IN, Advice::AppPasswordNeeded),
    says("app password", "", SIGN_IN, Advice::AppPasswordNeeded),
    says("badcredentials", "", SIGN_IN, Advice::GoogleSignInRefused),
    says("webloginrequired", "", SIGN_IN, Advice::GoogleSignInRefused),
    // 530 5.7.0 Must issue a STARTTLS command first (RFC 3207 4); Exchange says it with 451 5.7.3.
    says("starttls", "", BEFORE_CONTENT, Advice::EncryptionRequired),
    // sendmail, which goes on: Proper authentication required.
    says("relaying denied", "5", SUBMISSION, Advice::RelayDenied),
    // Postfix, Exim, Gmail and others, with 530, 550 and 554.
    says("authentication required", "5", SUBMISSION, Advice::SignInRequired),
    // Postfix, Exim, Exchange, Google Workspace and qmail, in this order, with 550, 553
    // or 554; many say it only at RCPT, some as late as DATA.
    // Postfix defers by default: 454 (smtpd_relay_restrictions).
    says("relay access denied", "", SUBMISSION, Advice::RelayDenied),
    says("relay not permitted", "5", SUBMISSION, Advice::RelayDenied),
    says("unable to relay", "5", SUBMISSION, Advice::RelayDenied),
    says("credentials for relay", "5", SUBMISSION, Advice::RelayDenied),
    says("rcpthosts", "5", SUBMISSION, Advice::RelayDenied),
    // Postfix, which says at RCPT what it had against earlier steps (smtpd_delay_reject).
    says("sender address rejected", "5", RECIPIENT, Advice::SenderRefused),
    says("client host rejected", "5", ENVELOPE, Advice::Unwelcome),
    // Amazon SES, SendGrid and Zoho, which say only after the message what they have against its sender.
    says("email address is not verified", "554", SUBMISSION, Advice::SenderRefused),
    says("verified sender identity", "550", SUBMISSION, Advice::SenderRefused),
    says("relaying disallowed as", "553", SUBMISSION, Advice::SenderRefused),
    // 552 (RFC 1870 6.1, 6.2), in its own words.
    says("message size exceeds", "552", SUBMISSION, Advice::MessageTooLarge),
];

/// Known by their enhanced code (RFC 3463, and the registry that RFC 5248 opened).
static BY_ENHANCED_CODE: &[Row] = &[
    // Exchange and Exchange Online, in other words than above (Microsoft Learn).
    enhanced("5.7.3", SIGN_IN, Advice::ExchangeSignInRefused),
    enhanced("5.7.139", SIGN_IN, Advice::ExchangeSignInRefused),
    enhanced("5.7.30", FROM_SIGN_IN, Advice::BasicAuthDisabled),
    enhanced("5.7.54", SUBMISSION, Advice::RelayDenied),
    enhanced("5.7.57", SUBMISSION, Advice::SignInRequired),
    enhanced("5.7.60", SUBMISSION, Advice::SendAsDenied),
    enhanced("5.2.252", SUBMISSION, Advice::SendAsDenied),
    // Gmail (Google Workspace Admin Help, "Gmail SMTP errors and codes").
    enhanced("5.7.9", SIGN_IN, Advice::AppPasswordNeeded),
    enhanced("5.7.14", SIGN_IN, Advice::GoogleSignInRefused),
    // Encryption needed (RFC 5248), and for this mechanism (RFC 4954 6).
    enhanced("5.7.10", FROM_SIGN_IN, Advice::EncryptionRequired),
    enhanced("5.7.11", SIGN_IN, Advice::EncryptionRequired),
    // Message too big for the system (RFC 3463 3.4).
    enhanced("5.3.4", SUBMISSION, Advice::MessageTooLarge),
];

/// Known by their code alone.
static BY_CODE: &[Row] = &[
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

/// What a reply that is no success usually means at a step.
///
/// A 334 is looked up by its decoded words: see [`Reply::decoded`].
pub(super) fn advice(step: Step, reply: &Reply) -> Advice {
    row(step, reply).map_or(Advice::UnexpectedReply, |row| row.advice)
}

/// What the refusal of a token usually means: a challenge, if that came first, is the reason, unless
/// the last reply knows a better one than that the token is no good.
pub(super) fn advice_on_token(first: &Reply, last: Option<&Reply>) -> Advice {
    match last.map(of_token) {
        None
        | Some(
            Advice::TokenRefused
            | Advice::TokenSignInNotOffered
            | Advice::SignInNotOffered
            | Advice::GoogleSignInRefused
            | Advice::UnexpectedReply,
        ) => of_token(first),
        Some(better) => better,
    }
}

/// The same advice as to a password, where that makes sense to whom has none.
fn of_token(reply: &Reply) -> Advice {
    match advice(Step::SignIn, reply) {
        Advice::CredentialsRefused | Advice::AppPasswordNeeded => Advice::TokenRefused,
        Advice::NoCommonMechanism => Advice::TokenSignInNotOffered,
        Advice::BasicAuthDisabled => Advice::ExchangeSignInRefused,
        // A challenge to a token is its refusal, whatever it says (RFC 7628 3.2.2).
        Advice::UnexpectedReply if reply.code == 334 => Advice::TokenRefused,
        other => other,
    }
}

fn row(step: Step, reply: &Reply) -> Option<&'static Row> {
    let code = reply.code.to_string();
    let enhanced = reply.enhanced().unwrap_or_default();
    let words = reply.words().to_lowercase();
    let first = |rows: &'static [Row], is_shown: &dyn Fn(&str) -> bool| {
        rows.iter().find(|row| {
            row.steps.contains(&step) && code.starts_with(row.code) && is_shown(row.sign)
        })
    };
    first(BY_WORDS, &|sign| words.contains(sign))
        .or_else(|| first(BY_ENHANCED_CODE, &|sign| sign == enhanced))
        .or_else(|| first(BY_CODE, &|_| true))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reply that shows a row's sign and nothing else. Codes of which a row says only the
    /// beginning end in nines, which no row asks for.
    fn reply_of(row: &Row) -> Reply {
        let class = row.sign.split_once('.').map_or("5", |(class, _)| class);
        let start = if row.code.is_empty() { class } else { row.code };
        let code = format!("{start:9<3}").parse().expect("a code");
        Reply { code, lines: vec![row.sign.to_owned()] }
    }

    #[test]
    fn no_row_is_hidden_by_an_earlier_one() {
        for expected in [BY_WORDS, BY_ENHANCED_CODE, BY_CODE].into_iter().flatten() {
            for &step in expected.steps {
                let found = row(step, &reply_of(expected)).expect("a row");
                assert!(std::ptr::eq(found, expected), "{step:?} {expected:?} hidden by {found:?}");
            }
        }
    }

    #[test]
    fn words_are_written_in_small_letters_as_they_are_compared() {
        for row in BY_WORDS {
            assert_eq!(row.sign, row.sign.to_lowercase());
        }
    }

    #[test]
    fn words_decide_over_enhanced_codes_and_those_over_codes() {
        for words in BY_WORDS.iter().filter(|row| row.code != "334") {
            for enhanced in BY_ENHANCED_CODE {
                for &step in words.steps.iter().filter(|step| enhanced.steps.contains(step)) {
                    let code = if words.code.len() == 3 { words.code } else { "550" };
                    let code = code.parse().expect("a code");
                    let both = format!("{} {}", enhanced.sign, words.sign);
                    let both = Reply { code, lines: vec![both] };
                    let found = row(step, &both).expect("a row");
                    assert!(std::ptr::eq(found, words), "{both:?} found {found:?}");

                    let code = Reply { code, lines: vec![enhanced.sign.to_owned()] };
                    let found = row(step, &code).expect("a row");
                    assert!(std::ptr::eq(found, enhanced), "{code:?} found {found:?}");
                }
            }
        }
    }

    /// As Exchange and Exchange Online write them.
    const OF_MICROSOFT: &[(Step, u16, &str, Advice)] = &[
        (
            Step::SignIn,
            535,
            "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled",
            Advice::SmtpAuthDisabled,
        ),
        (
            Step::SignIn,
            535,
            "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.",
            Advice::SmtpAuthDisabled,
        ),
        (
            Step::SignIn,
            535,
            "5.7.139 Authentication unsuccessful, basic authentication is disabled.",
            Advice::BasicAuthDisabled,
        ),
        (
            Step::SignIn,
            535,
            "5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully.",
            Advice::ConditionalAccess,
        ),
        (
            Step::SignIn,
            535,
            "5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy.",
            Advice::ConditionalAccess,
        ),
        (
            Step::SignIn,
            535,
            "5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
            Advice::ExchangeSignInRefused,
        ),
        (Step::SignIn, 535, "5.7.3 Authentication unsuccessful", Advice::ExchangeSignInRefused),
        (
            Step::SignIn,
            430,
            "4.2.0 STOREDRV; mailbox logon failure",
            Advice::MailboxPermissionMissing,
        ),
        (
            Step::Content,
            430,
            "4.2.0 STOREDRV; mailbox logon failure",
            Advice::MailboxPermissionMissing,
        ),
        (
            Step::Content,
            432,
            "4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
            Advice::TryLater,
        ),
        (
            Step::Sender,
            550,
            "5.7.30 Basic authentication is not supported for Client Submission.",
            Advice::BasicAuthDisabled,
        ),
        (Step::Content, 550, "5.7.30 Retired", Advice::BasicAuthDisabled),
        (
            Step::Content,
            554,
            "5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied",
            Advice::SendAsDenied,
        ),
        (
            Step::Content,
            554,
            "5.2.252 SendAsDenied; a@example.com not allowed to send as b@example.com",
            Advice::SendAsDenied,
        ),
        (
            Step::Sender,
            550,
            "5.7.60 SMTP; Client does not have permissions to send as this sender",
            Advice::SendAsDenied,
        ),
        (
            Step::Recipient,
            550,
            "5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
            Advice::RelayDenied,
        ),
        (
            Step::Sender,
            530,
            "5.7.57 Client was not authenticated to send anonymous mail during MAIL FROM",
            Advice::SignInRequired,
        ),
        (Step::Sender, 451, "5.7.3 STARTTLS is required to send mail", Advice::EncryptionRequired),
        (Step::SignIn, 504, "5.7.4 Unrecognized authentication type", Advice::NoCommonMechanism),
    ];

    /// As Gmail and Google Workspace write them.
    const OF_GOOGLE: &[(Step, u16, &str, Advice)] = &[
        (
            Step::SignIn,
            334,
            r#"{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}"#,
            Advice::TokenRefused,
        ),
        (
            Step::SignIn,
            334,
            r#"{"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"}"#,
            Advice::TokenRefused,
        ),
        (Step::SignIn, 334, r#"{"status":"invalid_token","scope":"smtp"}"#, Advice::TokenRefused),
        (
            Step::SignIn,
            535,
            "5.7.8 Username and Password not accepted. 5.7.8 https://support.google.com/mail/?p=BadCredentials x - gsmtp",
            Advice::GoogleSignInRefused,
        ),
        (
            Step::SignIn,
            534,
            "5.7.9 Application-specific password required.",
            Advice::AppPasswordNeeded,
        ),
        (
            Step::SignIn,
            534,
            "5.7.14 Please log in via your web browser and then try again.",
            Advice::GoogleSignInRefused,
        ),
        (
            Step::SignIn,
            454,
            "4.7.0 Too many login attempts, please try again later.",
            Advice::TryLater,
        ),
        (Step::Sender, 530, "5.7.0 Authentication Required.", Advice::SignInRequired),
        (
            Step::Sender,
            530,
            "5.7.0 Must issue a STARTTLS command first.",
            Advice::EncryptionRequired,
        ),
        (
            Step::Recipient,
            550,
            "5.7.1 Invalid credentials for relay [192.0.2.1].",
            Advice::RelayDenied,
        ),
    ];

    /// As Postfix, Exim, sendmail, qmail and the RFCs' examples write them.
    const OF_OTHERS: &[(Step, u16, &str, Advice)] = &[
        (Step::Greeting, 421, "4.3.2 Closing", Advice::TryLater),
        (Step::Greeting, 450, "Later", Advice::TryLater),
        (Step::Greeting, 554, "No SMTP service here", Advice::Unwelcome),
        (Step::Greeting, 500, "EHLO not understood", Advice::NotSmtp),
        (Step::Greeting, 354, "What?", Advice::UnexpectedReply),
        (Step::Tls, 454, "4.7.0 TLS not available", Advice::StartTlsRefused),
        (Step::Tls, 502, "5.5.1 STARTTLS is unknown", Advice::StartTlsRefused),
        (Step::Tls, 421, "4.3.2 Closing", Advice::TryLater),
        (Step::SignIn, 535, "5.7.8 Bad credentials", Advice::CredentialsRefused),
        (Step::SignIn, 535, "5.7.0 Authentication failed", Advice::CredentialsRefused),
        (Step::SignIn, 534, "5.7.9 Of another kind", Advice::AppPasswordNeeded),
        (Step::SignIn, 534, "Mechanism too weak", Advice::NoCommonMechanism),
        (Step::SignIn, 454, "4.7.0 Temporary failure", Advice::TryLater),
        (Step::SignIn, 504, "5.5.4 Unknown mechanism", Advice::NoCommonMechanism),
        (Step::SignIn, 503, "5.5.1 Not enabled", Advice::SignInNotOffered),
        (Step::SignIn, 530, "5.7.0 STARTTLS first", Advice::EncryptionRequired),
        (Step::SignIn, 530, "Not like this", Advice::EncryptionRequired),
        (Step::SignIn, 538, "5.7.11 Encryption required", Advice::EncryptionRequired),
        (Step::SignIn, 421, "4.7.0 Too many errors", Advice::TryLater),
        (Step::SignIn, 334, "", Advice::UnexpectedReply),
        (Step::Sender, 530, "5.7.0 Not yet", Advice::SignInRequired),
        (Step::Sender, 550, "5.7.1 Authentication Required", Advice::SignInRequired),
        (Step::Sender, 553, "5.7.1 Not owned by you", Advice::SenderRefused),
        (Step::Sender, 451, "4.3.0 Later", Advice::TryLater),
        (Step::Recipient, 550, "5.1.1 No such user", Advice::RecipientRefused),
        (Step::Recipient, 550, "5.1.1 No such user at relay.example.com", Advice::RecipientRefused),
        (Step::Recipient, 554, "5.7.1 <ada@example.org>: Relay access denied", Advice::RelayDenied),
        (Step::Recipient, 550, "relay not permitted", Advice::RelayDenied),
        (Step::Recipient, 550, "5.7.1 <ada@example.org>... Relaying denied", Advice::RelayDenied),
        (
            Step::Recipient,
            553,
            "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
            Advice::RelayDenied,
        ),
        (Step::Recipient, 551, "User not local; please try <ada@example.net>", Advice::RelayDenied),
        (Step::Recipient, 553, "5.1.3 Bad mailbox name", Advice::RecipientRefused),
        (Step::Recipient, 553, "5.7.1 Sender address rejected", Advice::SenderRefused),
        (Step::Recipient, 554, "5.7.1 Client host rejected", Advice::Unwelcome),
        (Step::Recipient, 450, "4.2.1 Greylisted", Advice::TryLater),
        (Step::Recipient, 552, "5.2.2 Mailbox full", Advice::RecipientRefused),
        (Step::Content, 552, "5.3.4 Too big", Advice::MessageTooLarge),
        (
            Step::Content,
            552,
            "Message size exceeds fixed maximum message size",
            Advice::MessageTooLarge,
        ),
        (Step::Content, 554, "5.7.1 Looks like spam", Advice::ContentRefused),
        (Step::Content, 452, "4.3.1 Disk full", Advice::TryLater),
        (Step::Content, 250, "Instead of 354", Advice::UnexpectedReply),
    ];

    /// Of one kind: the step and the reply in the exact words, and what it means, with the words that
    /// an administrator reads.
    struct Known {
        advice: Advice,
        cause: &'static str,
        /// What one of the steps says.
        next: &'static str,
        replies: &'static [(Step, u16, &'static str)],
    }

    /// Every kind of reply that is known from real servers, as they write it. Microsoft: Learn, "Fix
    /// issues with printers, scanners, and LOB applications", "Email non-delivery reports in Exchange
    /// Online" and Exchange 2019's own texts. Google: Workspace Admin Help, "Gmail SMTP errors and
    /// codes", and Google Developers, "OAuth 2.0 Mechanism". Postfix 3, Exim 4, sendmail 8, qmail and
    /// Dovecot 2: their sources. Amazon SES, `SendGrid`, Zoho and Yahoo: their documentation.
    const IN_THE_FACTS: &[Known] = &[
        Known {
            advice: Advice::SmtpAuthDisabled,
            cause: "Exchange Online has SMTP sign-in turned off for this mailbox or for the whole organisation.",
            next: "OAuth needs it too",
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
        Known {
            advice: Advice::BasicAuthDisabled,
            cause: "Microsoft does not allow passwords for sending mail here.",
            next: "passwords are not accepted",
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
        Known {
            advice: Advice::ConditionalAccess,
            cause: "The organisation's security rules block this sign-in: security defaults or conditional access.",
            next: "Client Credentials",
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
        Known {
            advice: Advice::ExchangeSignInRefused,
            cause: "Exchange does not accept this sign-in, and does not say why.",
            next: "object ID of the Enterprise application",
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
        Known {
            advice: Advice::MailboxPermissionMissing,
            cause: "Sign-in succeeded, but it has no permission for this mailbox.",
            next: "15 to 30 minutes",
            replies: &[
                (Step::Content, 430, "4.2.0 STOREDRV; mailbox logon failure"),
                (
                    Step::Content,
                    430,
                    "4.2.0 STOREDRV; mailbox logon failure; StoreDriverSubmit:OpenMailbox failure [Hostname=FR4P281MB0042.DEUP281.PROD.OUTLOOK.COM]",
                ),
            ],
        },
        Known {
            advice: Advice::SendAsDenied,
            cause: "The account that signed in is not allowed to send as this sender.",
            next: "Send As",
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
                (
                    Step::Content,
                    550,
                    "5.7.1 Client does not have permissions to send as this sender",
                ),
            ],
        },
        Known {
            advice: Advice::TokenRefused,
            cause: "The server does not accept the token.",
            next: "unable to check tokens",
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
                (
                    Step::SignIn,
                    334,
                    r#"{"status":"invalid_token","schemes":"bearer","scope":"mail"}"#,
                ),
            ],
        },
        Known {
            advice: Advice::GoogleSignInRefused,
            cause: "Google does not accept this sign-in.",
            next: "app password created for PPM",
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
        Known {
            advice: Advice::AppPasswordNeeded,
            cause: "The account has two-step sign-in, so the server requires an app password instead of the account password.",
            next: "create an app password",
            replies: &[(
                Step::SignIn,
                534,
                "5.7.9 Application-specific password required. For more information, go to\n5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor 5b1f17b1804b1-42b3f9sm4815162wms.42 - gsmtp",
            )],
        },
        Known {
            advice: Advice::CredentialsRefused,
            cause: "The server does not accept this user name with this password.",
            next: "often the whole email address",
            replies: &[
                (Step::SignIn, 535, "5.7.8 Error: authentication failed: UGFzc3dvcmQ6"),
                (Step::SignIn, 535, "5.7.8 Error: authentication failed: (reason unavailable)"),
                (Step::SignIn, 535, "Incorrect authentication data"),
                (Step::SignIn, 535, "Authentication Credentials Invalid"),
                (Step::SignIn, 535, "5.7.0 (#AUTH005) Too many bad auth attempts."),
                (Step::SignIn, 535, "5.7.0 authentication failed"),
            ],
        },
        Known {
            advice: Advice::NoCommonMechanism,
            cause: "The server offers no password sign-in that PPM can use.",
            next: "choose an OAuth flow",
            replies: &[
                (Step::SignIn, 504, "5.7.4 Unrecognized authentication type"),
                (Step::SignIn, 504, "5.5.4 Unrecognized authentication type"),
            ],
        },
        Known {
            advice: Advice::SignInNotOffered,
            cause: "The server offers no sign-in on this connection.",
            next: "turn Use TLS on",
            replies: &[
                (Step::SignIn, 503, "5.5.1 Error: authentication not enabled"),
                (Step::SignIn, 503, "AUTH command used when not advertised"),
            ],
        },
        Known {
            advice: Advice::EncryptionRequired,
            cause: "The server requires encryption first.",
            next: "turn Use TLS on",
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
        Known {
            advice: Advice::SignInRequired,
            cause: "The server requires a sign-in first.",
            next: "Enter Username and Password",
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
        Known {
            advice: Advice::RelayDenied,
            cause: "The server does not relay mail to other domains, such as the recipient's.",
            next: "Sign in",
            replies: &[
                (Step::Recipient, 554, "5.7.1 <ada@example.org>: Relay access denied"),
                (Step::Recipient, 454, "4.7.1 <ada@example.org>: Relay access denied"),
                (Step::Recipient, 550, "relay not permitted"),
                (
                    Step::Recipient,
                    550,
                    "5.7.1 <ada@example.org>... Relaying denied. Proper authentication required.",
                ),
                (
                    Step::Recipient,
                    550,
                    "5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
                ),
                (Step::Recipient, 550, "5.7.1 Unable to relay"),
                (Step::Recipient, 550, "5.7.64 TenantAttribution; Relay Access Denied SMTP"),
                (
                    Step::Recipient,
                    550,
                    "5.7.1 Invalid credentials for relay [192.0.2.1]. The IP address you've\n5.7.1 registered in your G Suite SMTP Relay service doesn't match domain of\n5.7.1 the account this email is being sent from.",
                ),
                (
                    Step::Recipient,
                    553,
                    "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
                ),
                (Step::Recipient, 551, "User not local; please try <ada@example.net>"),
            ],
        },
        Known {
            advice: Advice::SenderRefused,
            cause: "The server does not accept mail from this sender.",
            next: "only from its own address",
            replies: &[
                (
                    Step::Recipient,
                    553,
                    "5.7.1 <noreply@example.com>: Sender address rejected: not owned by user ppm",
                ),
                (
                    Step::Sender,
                    553,
                    "5.1.8 <noreply@example.com>... Domain of sender address noreply@example.com does not exist",
                ),
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
                (Step::Content, 553, "Relaying disallowed as noreply@example.com"),
            ],
        },
        Known {
            advice: Advice::RecipientRefused,
            cause: "The server does not accept mail for this recipient.",
            next: "goes to your own",
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
        Known {
            advice: Advice::TryLater,
            cause: "The server is temporarily unable to accept the message.",
            next: "in a few minutes",
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
                (
                    Step::Content,
                    432,
                    "4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [Hostname=FR4P281MB0042.DEUP281.PROD.OUTLOOK.COM]",
                ),
            ],
        },
        Known {
            advice: Advice::StartTlsRefused,
            cause: "The server offered encryption, but then refused to start it.",
            next: "often its certificate",
            replies: &[(Step::Tls, 454, "4.7.0 TLS not available due to local problem")],
        },
        Known {
            advice: Advice::Unwelcome,
            cause: "The server does not accept mail from this machine.",
            next: "allow this machine's address",
            replies: &[
                (
                    Step::Greeting,
                    554,
                    "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
                ),
                (
                    Step::Recipient,
                    554,
                    "5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied",
                ),
                (Step::Capabilities, 550, "5.7.1 Access denied"),
            ],
        },
        Known {
            advice: Advice::MessageTooLarge,
            cause: "The message is larger than the server accepts.",
            next: "raise the limit",
            replies: &[
                (Step::Sender, 552, "5.3.4 Message size exceeds fixed limit"),
                (Step::Content, 552, "5.3.4 Error: message file too big"),
                (Step::Sender, 552, "Message size exceeds maximum permitted"),
            ],
        },
    ];

    #[test]
    fn every_reply_in_the_facts_is_known_and_answered_in_words() {
        for Known { advice: expected, cause, next, replies } in IN_THE_FACTS {
            let words = app::labels::advice(*expected);
            assert_eq!(words.cause, *cause, "{expected:?}");
            let is_next = |step: &&str| step.to_lowercase().contains(&next.to_lowercase());
            assert!(words.steps.iter().any(is_next), "{expected:?}: {next}");
            for &(step, code, words) in *replies {
                let reply = Reply { code, lines: words.lines().map(str::to_owned).collect() };
                assert_eq!(advice(step, &reply), *expected, "{step:?} {code} {words}");
            }
        }
    }

    fn are_explained(replies: &[(Step, u16, &str, Advice)]) {
        for &(step, code, words, expected) in replies {
            let reply = Reply { code, lines: vec![words.to_owned()] };
            assert_eq!(advice(step, &reply), expected, "{step:?} {code} {words}");
        }
    }

    #[test]
    fn what_microsoft_says_is_in_the_dictionary() {
        are_explained(OF_MICROSOFT);
    }

    #[test]
    fn what_google_says_is_in_the_dictionary() {
        are_explained(OF_GOOGLE);
    }

    #[test]
    fn what_any_server_may_say_is_in_the_dictionary() {
        are_explained(OF_OTHERS);
    }

    const GOOGLES_CHALLENGE: &str = r#"{"status":"400","schemes":"Bearer"}"#;

    #[test]
    fn what_refuses_a_token_is_not_explained_as_if_it_were_a_password() {
        for (code, words, expected) in [
            (535, "5.7.8 Error: authentication failed", Advice::TokenRefused),
            (535, "", Advice::TokenRefused),
            (501, "5.5.2 Invalid base64 data in initial response", Advice::TokenRefused),
            (534, "5.7.9 Application-specific password required.", Advice::TokenRefused),
            (504, "5.5.4 Unknown mechanism", Advice::TokenSignInNotOffered),
            (503, "5.5.1 Not enabled", Advice::SignInNotOffered),
            (535, "5.7.3 Authentication unsuccessful", Advice::ExchangeSignInRefused),
            (535, "5.7.139 basic authentication is disabled", Advice::ExchangeSignInRefused),
            (
                535,
                "5.7.139 SmtpClientAuthentication is disabled for the Tenant.",
                Advice::SmtpAuthDisabled,
            ),
            (535, "5.7.8 https://example.com/?p=BadCredentials", Advice::GoogleSignInRefused),
            (454, "4.7.0 Temporary authentication failure", Advice::TryLater),
            (421, "4.7.0 Too many errors", Advice::TryLater),
            (538, "5.7.11 Encryption required", Advice::EncryptionRequired),
            (334, GOOGLES_CHALLENGE, Advice::TokenRefused),
            (334, "Why not?", Advice::TokenRefused),
            (354, "Go on", Advice::UnexpectedReply),
        ] {
            let reply = Reply { code, lines: vec![words.to_owned()] };
            assert_eq!(advice_on_token(&reply, None), expected, "{code} {words}");
        }
    }

    #[test]
    fn a_challenge_is_the_reason_unless_the_reply_after_it_knows_a_better_one() {
        let challenge = Reply { code: 334, lines: vec![GOOGLES_CHALLENGE.to_owned()] };
        for (code, words, expected) in [
            (535, "5.7.8 Error: authentication failed", Advice::TokenRefused),
            (535, "5.7.8 https://example.com/?p=BadCredentials", Advice::TokenRefused),
            (334, "", Advice::TokenRefused),
            (235, "2.7.0 Accepted after all", Advice::TokenRefused),
            (503, "5.5.1 Out of order", Advice::TokenRefused),
            (504, "5.5.4 Unknown mechanism", Advice::TokenRefused),
            (535, "5.7.3 Authentication unsuccessful", Advice::ExchangeSignInRefused),
            (
                535,
                "5.7.139 SmtpClientAuthentication is disabled for the Mailbox.",
                Advice::SmtpAuthDisabled,
            ),
            (430, "4.2.0 STOREDRV; mailbox logon failure", Advice::MailboxPermissionMissing),
            (454, "4.7.0 Temporary authentication failure", Advice::TryLater),
            (421, "4.7.0 Too many errors", Advice::TryLater),
        ] {
            let last = Reply { code, lines: vec![words.to_owned()] };
            assert_eq!(advice_on_token(&challenge, Some(&last)), expected, "{code} {words}");
        }
    }
}
