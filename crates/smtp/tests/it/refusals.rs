//! Tests of refusals at each step, and of how they are shown.

use domain::delivery::{Diagnosis, FactName, Step, StepStatus};
use domain::settings::Security;
use testkit::smtp_server::{SmtpScript, SmtpServer};

use super::{DeliveryAttempt, done, in_clear, with_password};

/// Checks the failure and the shown text of a session in which this reply differs.
async fn refused(to: &str, reply: &'static str, expected: (Step, Diagnosis), words: &str) {
    let server = SmtpScript::by_starttls().replying(to, reply).play();
    let outcome = with_password(&server).run().await;
    assert_eq!(outcome.failure(), expected, "{to}: {reply}");
    assert_eq!(outcome.words(), words);
}

#[tokio::test]
async fn each_refusal_reports_its_step_its_cause_and_the_servers_text() {
    for (to, reply, step, diagnosis) in [
        ("greeting", "554 5.3.2 Not for you", Step::Greeting, Diagnosis::Unwelcome),
        ("greeting", "421 4.3.2 Too busy", Step::Greeting, Diagnosis::TryLater),
        ("EHLO", "550 5.7.1 Who are you", Step::Capabilities, Diagnosis::Unwelcome),
        ("STARTTLS", "454 4.7.0 No certificate", Step::Tls, Diagnosis::StartTlsRefused),
        ("AUTH", "535 5.7.8 Wrong password", Step::SignIn, Diagnosis::CredentialsRefused),
        ("AUTH", "454 4.7.0 No directory", Step::SignIn, Diagnosis::TryLater),
        ("MAIL", "553 5.7.1 Not your address", Step::Sender, Diagnosis::SenderRefused),
        ("MAIL", "451 4.3.0 Later", Step::Sender, Diagnosis::TryLater),
        ("MAIL", "530 5.7.0 Sign in first", Step::Sender, Diagnosis::SignInRequired),
        ("MAIL", "421 4.3.2 Going down", Step::Sender, Diagnosis::TryLater),
        ("RCPT", "550 5.1.1 Nobody here", Step::Recipient, Diagnosis::RecipientRefused),
        ("RCPT", "450 4.2.0 Greylisted", Step::Recipient, Diagnosis::TryLater),
        ("DATA", "554 5.5.1 No recipients", Step::Content, Diagnosis::ContentRefused),
        ("content", "554 5.7.1 Looks like spam", Step::Content, Diagnosis::ContentRefused),
        ("content", "452 4.3.1 Disk full", Step::Content, Diagnosis::TryLater),
    ] {
        refused(to, reply, (step, diagnosis), reply).await;
    }
}

#[tokio::test]
async fn a_refusal_is_shown_as_one_line_without_control_characters() {
    let rcpt = "550-5.7.25 This address\n550-5.7.25 has no name\n550 5.7.25 of its own.";
    let expected = (Step::Recipient, Diagnosis::ReverseNameMissing);
    refused("RCPT", rcpt, expected, "550 5.7.25 This address has no name of its own.").await;
    let mail = "550 5.7.1 \u{1B}[31mno \u{202E}evil";
    let expected = (Step::Sender, Diagnosis::SenderRefused);
    refused("MAIL", mail, expected, "550 5.7.1 [31mno evil").await;
}

#[tokio::test]
async fn a_wrong_password_ends_the_session_with_quit_and_sends_nothing() {
    let auth = "535 5.7.8 Wrong password";
    let server = SmtpScript { auth, ..SmtpScript::by_starttls() }.play();
    let outcome =
        DeliveryAttempt::at(&server, Security::StartTls).signed_in("ppm", "wrong").run().await;

    assert_eq!(outcome.failure(), (Step::SignIn, Diagnosis::CredentialsRefused));
    let mut expected =
        done([Step::NameLookup, Step::Connection, Step::Greeting, Step::Tls, Step::Capabilities]);
    expected.push((Step::SignIn, StepStatus::Failed));
    assert_eq!(outcome.steps(), expected);
    let received = server.received().await;
    assert_eq!(received.line("MAIL"), "");
    assert_eq!(received.under_tls.last().map(String::as_str), Some("QUIT"));
}

#[tokio::test]
async fn an_echoed_auth_line_is_redacted() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.say("220 hello").await?;
        peer.answer_each(&["250-hello\r\n250 AUTH PLAIN"]).await?;
        let line = peer.read_line().await?;
        peer.say(&format!("500 5.5.1 Unknown: {line}")).await
    });
    let outcome = in_clear(&server).signed_in("ppm", "secret").run().await;

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
    let ehlo = "250-mail.example.com\n250 8BITMIME";
    refused("EHLO under TLS", ehlo, (Step::SignIn, Diagnosis::SignInNotOfferedUnderTls), "").await;
}

#[tokio::test]
async fn unsupported_mechanisms_are_named() {
    let ehlo_under_tls = "250-mail.example.com\n250 AUTH GSSAPI NTLM";
    let server = SmtpScript { ehlo_under_tls, ..SmtpScript::by_starttls() }.play();
    let outcome = with_password(&server).run().await;

    assert_eq!(outcome.failure(), (Step::SignIn, Diagnosis::NoCommonMechanism));
    assert_eq!(outcome.fact(Step::Capabilities, FactName::Mechanisms), "GSSAPI NTLM");
}

#[tokio::test]
async fn a_challenge_is_shown_decoded_and_explained_if_it_is_an_error() {
    let refused = async |auth, diagnosis, words| {
        refused("AUTH", auth, (Step::SignIn, diagnosis), words).await;
    };
    refused("334 aGVsbG8=", Diagnosis::UnexpectedReply, "334 hello").await;
    let auth = "334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiQmVhcmVyIn0=";
    refused(auth, Diagnosis::TokenRefused, r#"334 {"status":"401","schemes":"Bearer"}"#).await;
}

#[tokio::test]
async fn a_known_providers_refusal_is_explained_beyond_its_code() {
    let disabled = "535 5.7.139 Authentication unsuccessful, \
                    SmtpClientAuthentication is disabled for the Mailbox.";
    for (to, reply, step, diagnosis) in [
        ("AUTH", disabled, Step::SignIn, Diagnosis::SmtpAuthDisabled),
        (
            "MAIL",
            "451 5.7.3 STARTTLS is required to send mail",
            Step::Sender,
            // The connection is already encrypted.
            Diagnosis::UnexpectedReply,
        ),
        (
            "RCPT",
            "554 5.7.1 <ada@example.org>: Relay access denied",
            Step::Recipient,
            Diagnosis::RelayDeniedToAccount,
        ),
        (
            "content",
            "554 5.2.252 SendAsDenied; ppm not allowed",
            Step::Content,
            Diagnosis::SendAsDenied,
        ),
    ] {
        refused(to, reply, (step, diagnosis), reply).await;
    }
    let auth = "535-5.7.8 Username and Password not accepted. For more information, go to\n\
                535 5.7.8  https://support.google.com/mail/?p=BadCredentials x - gsmtp";
    let words = "535 5.7.8 Username and Password not accepted. For more information, go to \
                 https://support.google.com/mail/?p=BadCredentials x - gsmtp";
    refused("AUTH", auth, (Step::SignIn, Diagnosis::GoogleSignInRefused), words).await;
}

#[tokio::test]
async fn a_lost_connection_is_reported_at_its_step_and_after_the_final_dot_as_unknown() {
    for (to, step, diagnosis) in [
        ("greeting", Step::Greeting, Diagnosis::ConnectionLost),
        ("STARTTLS", Step::Tls, Diagnosis::ConnectionLost),
        ("AUTH", Step::SignIn, Diagnosis::ConnectionLost),
        ("MAIL", Step::Sender, Diagnosis::ConnectionLost),
        ("RCPT", Step::Recipient, Diagnosis::ConnectionLost),
        ("DATA", Step::Content, Diagnosis::ConnectionLost),
        ("content", Step::Accepted, Diagnosis::MaybeDelivered),
    ] {
        refused(to, "", (step, diagnosis), "").await;
    }
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
            peer.read_line().await?;
            peer.say(ehlo).await
        });
        let outcome = in_clear(&server).run().await;

        assert_eq!(outcome.failure(), (step, Diagnosis::NotSmtp), "{first_line}");
        assert_eq!(outcome.words(), words);
    }
}
