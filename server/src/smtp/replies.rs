//! What a refusal usually means: the dictionary from step, code, enhanced code and words to
//! advice. A server that says more gets a row of its own, above the rows that know less.

use domain::delivery::{Advice, Step};

use super::wire::Reply;

/// A kind of reply. Every condition that is not empty has to hold.
struct Row {
    /// The step at which it comes; anywhere, if none.
    step: Option<Step>,
    /// How its code begins: `5`, `535`.
    code: &'static str,
    /// How its enhanced code begins: `5.7.`, `5.7.8`.
    enhanced: &'static str,
    /// What its words contain, in small letters.
    words: &'static str,
    /// What it means.
    advice: Advice,
}

const fn at(
    step: Step,
    code: &'static str,
    enhanced: &'static str,
    words: &'static str,
    advice: Advice,
) -> Row {
    Row { step: Some(step), code, enhanced, words, advice }
}

const fn anywhere(
    code: &'static str,
    enhanced: &'static str,
    words: &'static str,
    advice: Advice,
) -> Row {
    Row { step: None, code, enhanced, words, advice }
}

/// The first row that fits decides: words before enhanced codes, enhanced codes before codes.
const DICTIONARY: &[Row] = &[
    // What holds at every step.
    anywhere("421", "", "", Advice::TryLater),
    anywhere("530", "", "", Advice::SignInRequired),
    // The greeting and EHLO (RFC 5321 3.1, 3.2). What knows no EHLO is not SMTP.
    at(Step::Greeting, "500", "", "", Advice::NotSmtp),
    at(Step::Greeting, "502", "", "", Advice::NotSmtp),
    at(Step::Greeting, "4", "", "", Advice::TryLater),
    at(Step::Greeting, "5", "", "", Advice::Unwelcome),
    // STARTTLS (RFC 3207 4).
    at(Step::Tls, "4", "", "", Advice::StartTlsRefused),
    at(Step::Tls, "5", "", "", Advice::StartTlsRefused),
    // AUTH (RFC 4954 4, 6).
    at(Step::SignIn, "432", "", "", Advice::CredentialsRefused),
    at(Step::SignIn, "4", "", "", Advice::TryLater),
    at(Step::SignIn, "502", "", "", Advice::SignInNotOffered),
    at(Step::SignIn, "503", "", "", Advice::SignInNotOffered),
    at(Step::SignIn, "504", "", "", Advice::NoCommonMechanism),
    at(Step::SignIn, "538", "", "", Advice::SignInRequired),
    at(Step::SignIn, "5", "", "", Advice::CredentialsRefused),
    // MAIL (RFC 5321 4.1.1.2).
    at(Step::Sender, "5", "", "authentication required", Advice::SignInRequired),
    at(Step::Sender, "4", "", "", Advice::TryLater),
    at(Step::Sender, "5", "", "", Advice::SenderRefused),
    // RCPT (RFC 5321 4.1.1.3), at which many servers say what they had against earlier steps.
    at(Step::Recipient, "5", "", "authentication required", Advice::SignInRequired),
    at(Step::Recipient, "5", "", "sender address rejected", Advice::SenderRefused),
    at(Step::Recipient, "5", "", "client host rejected", Advice::Unwelcome),
    at(Step::Recipient, "4", "", "", Advice::TryLater),
    at(Step::Recipient, "5", "", "", Advice::RecipientRefused),
    // DATA and the content (RFC 5321 4.1.1.4).
    at(Step::Content, "5", "", "sendasdenied", Advice::SenderRefused),
    at(Step::Content, "5", "5.7.60", "", Advice::SenderRefused),
    at(Step::Content, "4", "", "", Advice::TryLater),
    at(Step::Content, "5", "", "", Advice::ContentRefused),
];

/// What a reply that is no success usually means at a step.
pub(super) fn advice(step: Step, reply: &Reply) -> Advice {
    let code = reply.code.to_string();
    let enhanced = reply.enhanced().unwrap_or_default();
    let words = reply.words().to_lowercase();
    DICTIONARY
        .iter()
        .find(|row| {
            row.step.is_none_or(|of_row| of_row == step)
                && code.starts_with(row.code)
                && enhanced.starts_with(row.enhanced)
                && words.contains(row.words)
        })
        .map_or(Advice::UnexpectedReply, |row| row.advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_administrator_meets_first_is_in_the_dictionary() {
        for (step, code, words, expected) in [
            (Step::Greeting, 421, "4.3.2 Closing", Advice::TryLater),
            (Step::Greeting, 450, "Later", Advice::TryLater),
            (Step::Greeting, 554, "No SMTP service here", Advice::Unwelcome),
            (Step::Greeting, 500, "EHLO not understood", Advice::NotSmtp),
            (Step::Greeting, 354, "What?", Advice::UnexpectedReply),
            (Step::Tls, 454, "4.7.0 TLS not available", Advice::StartTlsRefused),
            (Step::Tls, 502, "5.5.1 Unknown command", Advice::StartTlsRefused),
            (Step::Tls, 421, "4.3.2 Closing", Advice::TryLater),
            (Step::SignIn, 535, "5.7.8 Bad credentials", Advice::CredentialsRefused),
            (Step::SignIn, 534, "5.7.9 App password required", Advice::CredentialsRefused),
            (Step::SignIn, 454, "4.7.0 Temporary failure", Advice::TryLater),
            (Step::SignIn, 504, "5.5.4 Unknown mechanism", Advice::NoCommonMechanism),
            (Step::SignIn, 503, "5.5.1 Not enabled", Advice::SignInNotOffered),
            (Step::SignIn, 530, "5.7.0 STARTTLS first", Advice::SignInRequired),
            (Step::SignIn, 334, "", Advice::UnexpectedReply),
            (Step::Sender, 530, "5.7.0 Authentication required", Advice::SignInRequired),
            (Step::Sender, 550, "5.7.1 Authentication Required", Advice::SignInRequired),
            (Step::Sender, 553, "5.7.1 Not owned by you", Advice::SenderRefused),
            (Step::Sender, 451, "4.3.0 Later", Advice::TryLater),
            (Step::Recipient, 550, "5.1.1 No such user", Advice::RecipientRefused),
            (Step::Recipient, 554, "5.7.1 Relay access denied", Advice::RecipientRefused),
            (Step::Recipient, 553, "5.7.1 Sender address rejected", Advice::SenderRefused),
            (Step::Recipient, 554, "5.7.1 Client host rejected", Advice::Unwelcome),
            (Step::Recipient, 450, "4.2.1 Greylisted", Advice::TryLater),
            (Step::Content, 552, "5.3.4 Too big", Advice::ContentRefused),
            (Step::Content, 554, "5.2.252 SendAsDenied", Advice::SenderRefused),
            (Step::Content, 550, "5.7.60 Not as this sender", Advice::SenderRefused),
            (Step::Content, 452, "4.3.1 Disk full", Advice::TryLater),
            (Step::Content, 250, "Instead of 354", Advice::UnexpectedReply),
        ] {
            let reply = Reply { code, lines: vec![words.to_owned()] };
            assert_eq!(advice(step, &reply), expected, "{step:?} {code} {words}");
        }
    }
}
