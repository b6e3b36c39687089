//! Servers that say no, each at its step and in its own words.

use domain::delivery::{Advice, FactName, Step, StepEnd};
use domain::settings::Security;

use super::Attempt;
use crate::support::smtp_server::{Script, SmtpServer};

/// A refusal: what a server that is otherwise fine answers, and where and how that is understood.
async fn refused(script: Script, expected: (Step, Advice), words: &str) {
    let server = script.play();
    let attempt = Attempt::at(&server, Security::StartTls).signed_in("ppm", "secret");
    let outcome = attempt.run().await;
    assert_eq!(outcome.failure(), expected, "{words}");
    assert_eq!(outcome.words(), words);
}

#[tokio::test]
async fn each_refusal_names_its_step_its_meaning_and_the_servers_words() {
    let fine = Script::by_starttls;
    for (script, step, advice, words) in [
        (
            Script { greeting: "554 5.3.2 Not for you", ..fine() },
            Step::Greeting,
            Advice::Unwelcome,
            "554 5.3.2 Not for you",
        ),
        (
            Script { greeting: "421 4.3.2 Too busy", ..fine() },
            Step::Greeting,
            Advice::TryLater,
            "421 4.3.2 Too busy",
        ),
        (
            Script { ehlo_in_clear: "550 5.7.1 Who are you", ..fine() },
            Step::Capabilities,
            Advice::Unwelcome,
            "550 5.7.1 Who are you",
        ),
        (
            Script { starttls: "454 4.7.0 No certificate", ..fine() },
            Step::Tls,
            Advice::StartTlsRefused,
            "454 4.7.0 No certificate",
        ),
        (
            Script { auth: "535 5.7.8 Wrong password", ..fine() },
            Step::SignIn,
            Advice::CredentialsRefused,
            "535 5.7.8 Wrong password",
        ),
        (
            Script { auth: "454 4.7.0 No directory", ..fine() },
            Step::SignIn,
            Advice::TryLater,
            "454 4.7.0 No directory",
        ),
        (
            Script { mail: "553 5.7.1 Not your address", ..fine() },
            Step::Sender,
            Advice::SenderRefused,
            "553 5.7.1 Not your address",
        ),
        (
            Script { mail: "451 4.3.0 Later", ..fine() },
            Step::Sender,
            Advice::TryLater,
            "451 4.3.0 Later",
        ),
        (
            Script { mail: "530 5.7.0 Sign in first", ..fine() },
            Step::Sender,
            Advice::SignInRequired,
            "530 5.7.0 Sign in first",
        ),
        (
            Script { mail: "421 4.3.2 Going down", ..fine() },
            Step::Sender,
            Advice::TryLater,
            "421 4.3.2 Going down",
        ),
        (
            Script { rcpt: "550 5.1.1 Nobody here", ..fine() },
            Step::Recipient,
            Advice::RecipientRefused,
            "550 5.1.1 Nobody here",
        ),
        (
            Script { rcpt: "450 4.2.0 Greylisted", ..fine() },
            Step::Recipient,
            Advice::TryLater,
            "450 4.2.0 Greylisted",
        ),
        (
            Script { data: "554 5.5.1 No recipients", ..fine() },
            Step::Content,
            Advice::ContentRefused,
            "554 5.5.1 No recipients",
        ),
        (
            Script { content: "554 5.7.1 Looks like spam", ..fine() },
            Step::Content,
            Advice::ContentRefused,
            "554 5.7.1 Looks like spam",
        ),
        (
            Script { content: "452 4.3.1 Disk full", ..fine() },
            Step::Content,
            Advice::TryLater,
            "452 4.3.1 Disk full",
        ),
    ] {
        refused(script, (step, advice), words).await;
    }
}

#[tokio::test]
async fn a_refusal_of_several_lines_is_told_as_one() {
    let rcpt = "550-5.7.25 This address\n550-5.7.25 has no name\n550 5.7.25 of its own.";
    let expected = (Step::Recipient, Advice::ReverseNameMissing);
    let words = "550 5.7.25 This address has no name of its own.";
    refused(Script { rcpt, ..Script::by_starttls() }, expected, words).await;
}

#[tokio::test]
async fn a_servers_words_are_shown_without_what_could_deceive() {
    let mail = "550 5.7.1 \u{1B}[31mno \u{202E}evil";
    let expected = (Step::Sender, Advice::SenderRefused);
    refused(Script { mail, ..Script::by_starttls() }, expected, "550 5.7.1 [31mno evil").await;
}

#[tokio::test]
async fn a_wrong_password_ends_the_conversation_with_a_goodbye_and_nothing_sent() {
    let auth = "535 5.7.8 Wrong password";
    let server = Script { auth, ..Script::by_starttls() }.play();
    let outcome = Attempt::at(&server, Security::StartTls).signed_in("ppm", "wrong").run().await;

    assert_eq!(outcome.failure(), (Step::SignIn, Advice::CredentialsRefused));
    assert_eq!(
        outcome.steps(),
        [
            (Step::NameLookup, StepEnd::Done),
            (Step::Connection, StepEnd::Done),
            (Step::Greeting, StepEnd::Done),
            (Step::Tls, StepEnd::Done),
            (Step::Capabilities, StepEnd::Done),
            (Step::SignIn, StepEnd::Failed),
        ]
    );
    let heard = server.heard().await;
    assert_eq!(heard.line("MAIL"), "");
    assert_eq!(heard.under_tls.last().map(String::as_str), Some("QUIT"));
}

#[tokio::test]
async fn a_server_that_echoes_the_sign_in_does_not_make_it_shown() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.say("220 hello").await?;
        peer.hear().await?;
        peer.say("250-hello\r\n250 AUTH PLAIN").await?;
        let line = peer.hear().await?;
        peer.say(&format!("500 5.5.1 Unknown: {line}")).await
    });
    let outcome = Attempt::at(&server, Security::Clear).signed_in("ppm", "secret").run().await;

    assert_eq!(outcome.words(), "500 5.5.1 Unknown: AUTH PLAIN [password]");
}

#[tokio::test]
async fn a_server_that_tells_the_password_does_not_make_it_shown() {
    for auth in ["535 5.7.8 canary is wrong", "334 Y2FuYXJ5IGlzIHdyb25n"] {
        let server = Script { auth, ..Script::by_starttls() }.play();
        let attempt = Attempt::at(&server, Security::StartTls).signed_in("ppm", "canary");
        let outcome = attempt.run().await;

        assert!(outcome.words().ends_with("[password] is wrong"), "{}", outcome.words());
    }
}

#[tokio::test]
async fn an_account_is_of_no_use_where_no_sign_in_is_offered() {
    let ehlo_under_tls = "250-mail.example.com\n250 8BITMIME";
    let expected = (Step::SignIn, Advice::SignInNotOfferedUnderTls);
    refused(Script { ehlo_under_tls, ..Script::by_starttls() }, expected, "").await;
}

#[tokio::test]
async fn sign_in_by_unknown_mechanisms_only_is_told_with_their_names() {
    let ehlo_under_tls = "250-mail.example.com\n250 AUTH GSSAPI NTLM";
    let server = Script { ehlo_under_tls, ..Script::by_starttls() }.play();
    let outcome = Attempt::at(&server, Security::StartTls).signed_in("ppm", "secret").run().await;

    assert_eq!(outcome.failure(), (Step::SignIn, Advice::NoCommonMechanism));
    assert_eq!(outcome.fact(Step::Capabilities, FactName::Mechanisms), "GSSAPI NTLM");
}

#[tokio::test]
async fn a_challenge_that_no_mechanism_has_is_unexpected_and_read_for_the_administrator() {
    let auth = "334 aGVsbG8=";
    let expected = (Step::SignIn, Advice::UnexpectedReply);
    refused(Script { auth, ..Script::by_starttls() }, expected, "334 hello").await;
}

#[tokio::test]
async fn a_challenge_that_says_why_a_token_is_refused_is_explained() {
    let auth = "334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiQmVhcmVyIn0=";
    let expected = (Step::SignIn, Advice::TokenRefused);
    let words = r#"334 {"status":"401","schemes":"Bearer"}"#;
    refused(Script { auth, ..Script::by_starttls() }, expected, words).await;
}

#[tokio::test]
async fn what_a_provider_says_is_explained_beyond_its_code() {
    let fine = Script::by_starttls;
    for (script, step, advice, words) in [
        (
            Script {
                auth: "535 5.7.139 Authentication unsuccessful, \
                       SmtpClientAuthentication is disabled for the Mailbox.",
                ..fine()
            },
            Step::SignIn,
            Advice::SmtpAuthDisabled,
            "535 5.7.139 Authentication unsuccessful, \
             SmtpClientAuthentication is disabled for the Mailbox.",
        ),
        (
            Script {
                auth: "535-5.7.8 Username and Password not accepted. For more information, go to\n\
                       535 5.7.8  https://support.google.com/mail/?p=BadCredentials x - gsmtp",
                ..fine()
            },
            Step::SignIn,
            Advice::GoogleSignInRefused,
            "535 5.7.8 Username and Password not accepted. For more information, go to \
             https://support.google.com/mail/?p=BadCredentials x - gsmtp",
        ),
        (
            Script { mail: "451 5.7.3 STARTTLS is required to send mail", ..fine() },
            Step::Sender,
            // It is on already.
            Advice::UnexpectedReply,
            "451 5.7.3 STARTTLS is required to send mail",
        ),
        (
            Script { rcpt: "554 5.7.1 <ada@example.org>: Relay access denied", ..fine() },
            Step::Recipient,
            Advice::RelayDeniedToAccount,
            "554 5.7.1 <ada@example.org>: Relay access denied",
        ),
        (
            Script { content: "554 5.2.252 SendAsDenied; ppm not allowed", ..fine() },
            Step::Content,
            Advice::SendAsDenied,
            "554 5.2.252 SendAsDenied; ppm not allowed",
        ),
    ] {
        refused(script, (step, advice), words).await;
    }
}

#[tokio::test]
async fn a_cut_in_the_middle_is_told_at_its_step() {
    let fine = Script::by_starttls;
    for (script, step) in [
        (Script { greeting: "", ..fine() }, Step::Greeting),
        (Script { starttls: "", ..fine() }, Step::Tls),
        (Script { auth: "", ..fine() }, Step::SignIn),
        (Script { mail: "", ..fine() }, Step::Sender),
        (Script { rcpt: "", ..fine() }, Step::Recipient),
        (Script { data: "", ..fine() }, Step::Content),
    ] {
        refused(script, (step, Advice::ConnectionLost), "").await;
    }
}

#[tokio::test]
async fn a_cut_after_the_final_dot_leaves_open_whether_the_message_arrived() {
    let expected = (Step::Accepted, Advice::MaybeDelivered);
    refused(Script { content: "", ..Script::by_starttls() }, expected, "").await;
}

#[tokio::test]
async fn something_else_than_a_mail_server_is_recognised_and_quoted() {
    for (first_line, ehlo, step, words) in [
        ("SSH-2.0-OpenSSH_9.2p1", "", Step::Greeting, "SSH-2.0-OpenSSH_9.2p1"),
        ("* OK IMAP4rev1 ready", "", Step::Greeting, "* OK IMAP4rev1 ready"),
        ("220 FTP ready", "500 EHLO not understood", Step::Capabilities, "500 EHLO not understood"),
    ] {
        let server = SmtpServer::play(move |mut peer| async move {
            peer.say(first_line).await?;
            peer.hear().await?;
            peer.say(ehlo).await
        });
        let outcome = Attempt::at(&server, Security::Clear).run().await;

        assert_eq!(outcome.failure(), (step, Advice::NotSmtp), "{first_line}");
        assert_eq!(outcome.words(), words);
    }
}
