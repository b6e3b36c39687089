//! Tests of refusals at each step, and of how they are shown.

use domain::delivery::{Diagnosis, FactName, Step, StepStatus};
use domain::settings::Security;
use testkit::smtp_server::{SmtpScript, SmtpServer};

use super::DeliveryAttempt;

/// Checks the failure and the shown text of a session with a server that sends one refusal.
async fn refused(script: SmtpScript, expected: (Step, Diagnosis), words: &str) {
    let server = script.play();
    let attempt = DeliveryAttempt::at(&server, Security::StartTls).signed_in("ppm", "secret");
    let outcome = attempt.run().await;
    assert_eq!(outcome.failure(), expected, "{words}");
    assert_eq!(outcome.words(), words);
}

#[tokio::test]
async fn each_refusal_reports_its_step_its_cause_and_the_servers_text() {
    let fine = SmtpScript::by_starttls;
    for (script, step, diagnosis, words) in [
        (
            SmtpScript { greeting: "554 5.3.2 Not for you", ..fine() },
            Step::Greeting,
            Diagnosis::Unwelcome,
            "554 5.3.2 Not for you",
        ),
        (
            SmtpScript { greeting: "421 4.3.2 Too busy", ..fine() },
            Step::Greeting,
            Diagnosis::TryLater,
            "421 4.3.2 Too busy",
        ),
        (
            SmtpScript { ehlo_in_clear: "550 5.7.1 Who are you", ..fine() },
            Step::Capabilities,
            Diagnosis::Unwelcome,
            "550 5.7.1 Who are you",
        ),
        (
            SmtpScript { starttls: "454 4.7.0 No certificate", ..fine() },
            Step::Tls,
            Diagnosis::StartTlsRefused,
            "454 4.7.0 No certificate",
        ),
        (
            SmtpScript { auth: "535 5.7.8 Wrong password", ..fine() },
            Step::SignIn,
            Diagnosis::CredentialsRefused,
            "535 5.7.8 Wrong password",
        ),
        (
            SmtpScript { auth: "454 4.7.0 No directory", ..fine() },
            Step::SignIn,
            Diagnosis::TryLater,
            "454 4.7.0 No directory",
        ),
        (
            SmtpScript { mail: "553 5.7.1 Not your address", ..fine() },
            Step::Sender,
            Diagnosis::SenderRefused,
            "553 5.7.1 Not your address",
        ),
        (
            SmtpScript { mail: "451 4.3.0 Later", ..fine() },
            Step::Sender,
            Diagnosis::TryLater,
            "451 4.3.0 Later",
        ),
        (
            SmtpScript { mail: "530 5.7.0 Sign in first", ..fine() },
            Step::Sender,
            Diagnosis::SignInRequired,
            "530 5.7.0 Sign in first",
        ),
        (
            SmtpScript { mail: "421 4.3.2 Going down", ..fine() },
            Step::Sender,
            Diagnosis::TryLater,
            "421 4.3.2 Going down",
        ),
        (
            SmtpScript { rcpt: "550 5.1.1 Nobody here", ..fine() },
            Step::Recipient,
            Diagnosis::RecipientRefused,
            "550 5.1.1 Nobody here",
        ),
        (
            SmtpScript { rcpt: "450 4.2.0 Greylisted", ..fine() },
            Step::Recipient,
            Diagnosis::TryLater,
            "450 4.2.0 Greylisted",
        ),
        (
            SmtpScript { data: "554 5.5.1 No recipients", ..fine() },
            Step::Content,
            Diagnosis::ContentRefused,
            "554 5.5.1 No recipients",
        ),
        (
            SmtpScript { content: "554 5.7.1 Looks like spam", ..fine() },
            Step::Content,
            Diagnosis::ContentRefused,
            "554 5.7.1 Looks like spam",
        ),
        (
            SmtpScript { content: "452 4.3.1 Disk full", ..fine() },
            Step::Content,
            Diagnosis::TryLater,
            "452 4.3.1 Disk full",
        ),
    ] {
        refused(script, (step, diagnosis), words).await;
    }
}

#[tokio::test]
async fn a_multi_line_refusal_is_shown_as_one_line() {
    let rcpt = "550-5.7.25 This address\n550-5.7.25 has no name\n550 5.7.25 of its own.";
    let expected = (Step::Recipient, Diagnosis::ReverseNameMissing);
    let words = "550 5.7.25 This address has no name of its own.";
    refused(SmtpScript { rcpt, ..SmtpScript::by_starttls() }, expected, words).await;
}

#[tokio::test]
async fn control_characters_are_removed_from_the_servers_text() {
    let mail = "550 5.7.1 \u{1B}[31mno \u{202E}evil";
    let expected = (Step::Sender, Diagnosis::SenderRefused);
    refused(SmtpScript { mail, ..SmtpScript::by_starttls() }, expected, "550 5.7.1 [31mno evil")
        .await;
}

#[tokio::test]
async fn a_wrong_password_ends_the_session_with_quit_and_sends_nothing() {
    let auth = "535 5.7.8 Wrong password";
    let server = SmtpScript { auth, ..SmtpScript::by_starttls() }.play();
    let outcome =
        DeliveryAttempt::at(&server, Security::StartTls).signed_in("ppm", "wrong").run().await;

    assert_eq!(outcome.failure(), (Step::SignIn, Diagnosis::CredentialsRefused));
    assert_eq!(
        outcome.steps(),
        [
            (Step::NameLookup, StepStatus::Done),
            (Step::Connection, StepStatus::Done),
            (Step::Greeting, StepStatus::Done),
            (Step::Tls, StepStatus::Done),
            (Step::Capabilities, StepStatus::Done),
            (Step::SignIn, StepStatus::Failed),
        ]
    );
    let heard = server.heard().await;
    assert_eq!(heard.line("MAIL"), "");
    assert_eq!(heard.under_tls.last().map(String::as_str), Some("QUIT"));
}

#[tokio::test]
async fn an_echoed_auth_line_is_redacted() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.say("220 hello").await?;
        peer.hear().await?;
        peer.say("250-hello\r\n250 AUTH PLAIN").await?;
        let line = peer.hear().await?;
        peer.say(&format!("500 5.5.1 Unknown: {line}")).await
    });
    let outcome =
        DeliveryAttempt::at(&server, Security::Clear).signed_in("ppm", "secret").run().await;

    assert_eq!(outcome.words(), "500 5.5.1 Unknown: AUTH PLAIN [password]");
}

#[tokio::test]
async fn a_password_in_the_servers_text_is_redacted() {
    for auth in ["535 5.7.8 canary is wrong", "334 Y2FuYXJ5IGlzIHdyb25n"] {
        let server = SmtpScript { auth, ..SmtpScript::by_starttls() }.play();
        let attempt = DeliveryAttempt::at(&server, Security::StartTls).signed_in("ppm", "canary");
        let outcome = attempt.run().await;

        assert!(outcome.words().ends_with("[password] is wrong"), "{}", outcome.words());
    }
}

#[tokio::test]
async fn an_account_cannot_sign_in_if_auth_is_not_offered() {
    let ehlo_under_tls = "250-mail.example.com\n250 8BITMIME";
    let expected = (Step::SignIn, Diagnosis::SignInNotOfferedUnderTls);
    refused(SmtpScript { ehlo_under_tls, ..SmtpScript::by_starttls() }, expected, "").await;
}

#[tokio::test]
async fn unsupported_mechanisms_are_named() {
    let ehlo_under_tls = "250-mail.example.com\n250 AUTH GSSAPI NTLM";
    let server = SmtpScript { ehlo_under_tls, ..SmtpScript::by_starttls() }.play();
    let outcome =
        DeliveryAttempt::at(&server, Security::StartTls).signed_in("ppm", "secret").run().await;

    assert_eq!(outcome.failure(), (Step::SignIn, Diagnosis::NoCommonMechanism));
    assert_eq!(outcome.fact(Step::Capabilities, FactName::Mechanisms), "GSSAPI NTLM");
}

#[tokio::test]
async fn an_unexpected_challenge_is_shown_decoded() {
    let auth = "334 aGVsbG8=";
    let expected = (Step::SignIn, Diagnosis::UnexpectedReply);
    refused(SmtpScript { auth, ..SmtpScript::by_starttls() }, expected, "334 hello").await;
}

#[tokio::test]
async fn an_error_challenge_is_explained() {
    let auth = "334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiQmVhcmVyIn0=";
    let expected = (Step::SignIn, Diagnosis::TokenRefused);
    let words = r#"334 {"status":"401","schemes":"Bearer"}"#;
    refused(SmtpScript { auth, ..SmtpScript::by_starttls() }, expected, words).await;
}

#[tokio::test]
async fn a_known_providers_refusal_is_explained_beyond_its_code() {
    let fine = SmtpScript::by_starttls;
    for (script, step, diagnosis, words) in [
        (
            SmtpScript {
                auth: "535 5.7.139 Authentication unsuccessful, \
                       SmtpClientAuthentication is disabled for the Mailbox.",
                ..fine()
            },
            Step::SignIn,
            Diagnosis::SmtpAuthDisabled,
            "535 5.7.139 Authentication unsuccessful, \
             SmtpClientAuthentication is disabled for the Mailbox.",
        ),
        (
            SmtpScript {
                auth: "535-5.7.8 Username and Password not accepted. For more information, go to\n\
                       535 5.7.8  https://support.google.com/mail/?p=BadCredentials x - gsmtp",
                ..fine()
            },
            Step::SignIn,
            Diagnosis::GoogleSignInRefused,
            "535 5.7.8 Username and Password not accepted. For more information, go to \
             https://support.google.com/mail/?p=BadCredentials x - gsmtp",
        ),
        (
            SmtpScript { mail: "451 5.7.3 STARTTLS is required to send mail", ..fine() },
            Step::Sender,
            // The connection is already encrypted.
            Diagnosis::UnexpectedReply,
            "451 5.7.3 STARTTLS is required to send mail",
        ),
        (
            SmtpScript { rcpt: "554 5.7.1 <ada@example.org>: Relay access denied", ..fine() },
            Step::Recipient,
            Diagnosis::RelayDeniedToAccount,
            "554 5.7.1 <ada@example.org>: Relay access denied",
        ),
        (
            SmtpScript { content: "554 5.2.252 SendAsDenied; ppm not allowed", ..fine() },
            Step::Content,
            Diagnosis::SendAsDenied,
            "554 5.2.252 SendAsDenied; ppm not allowed",
        ),
    ] {
        refused(script, (step, diagnosis), words).await;
    }
}

#[tokio::test]
async fn a_lost_connection_is_reported_at_its_step() {
    let fine = SmtpScript::by_starttls;
    for (script, step) in [
        (SmtpScript { greeting: "", ..fine() }, Step::Greeting),
        (SmtpScript { starttls: "", ..fine() }, Step::Tls),
        (SmtpScript { auth: "", ..fine() }, Step::SignIn),
        (SmtpScript { mail: "", ..fine() }, Step::Sender),
        (SmtpScript { rcpt: "", ..fine() }, Step::Recipient),
        (SmtpScript { data: "", ..fine() }, Step::Content),
    ] {
        refused(script, (step, Diagnosis::ConnectionLost), "").await;
    }
}

#[tokio::test]
async fn after_a_connection_lost_after_the_final_dot_delivery_is_unknown() {
    let expected = (Step::Accepted, Diagnosis::MaybeDelivered);
    refused(SmtpScript { content: "", ..SmtpScript::by_starttls() }, expected, "").await;
}

#[tokio::test]
async fn a_server_of_another_protocol_is_recognised_and_quoted() {
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
        let outcome = DeliveryAttempt::at(&server, Security::Clear).run().await;

        assert_eq!(outcome.failure(), (step, Diagnosis::NotSmtp), "{first_line}");
        assert_eq!(outcome.words(), words);
    }
}
