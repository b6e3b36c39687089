//! Tests of real-world failures that administrators of other products reported, as an administrator
//! of PPM reads them: the cause, what to do, and the server's text.

use contract::{Explanation, NextStep};
use domain::delivery::{self, Diagnosis, FactName, Run, Step, Tested};
use domain::settings::Security;
use domain::syntax::host::Host;
use domain::{Field, Form, OauthFlow};
use smtp::{ClientName, Credentials};
use testkit::smtp_server::{SmtpScript, SmtpServer};
use testkit::sockets::free_address;

use super::{DeliveryAttempt, DeliveryResult, in_clear, with_password};

impl DeliveryResult {
    /// Returns the explanation that an administrator reads.
    pub(super) fn explained(&self, attempt: &DeliveryAttempt) -> Explanation {
        let failure = self.result.as_ref().expect_err("a failure");
        let run = Run {
            id: "1".to_owned(),
            recipient: "ada@example.org".to_owned(),
            tested: Tested::Saved,
            started_at: chrono::DateTime::UNIX_EPOCH,
            steps: self.steps.clone(),
            outcome: Some(delivery::Outcome::Failed {
                step: failure.step,
                peer_text: failure.peer_text.clone(),
                found: failure.found.clone(),
                diagnosis: failure.diagnosis,
            }),
        };
        explain::explained(&run, &form(attempt)).expect("an explanation")
    }
}

/// Returns the form that corresponds to a delivery.
fn form(attempt: &DeliveryAttempt) -> Form<()> {
    let mut form: Form<()> = Form::default();
    form.basic.server = attempt.route.server.host.to_string();
    match &attempt.route.credentials {
        Credentials::None => {}
        Credentials::Password(account) => form.sign_in.username.clone_from(&account.username),
        Credentials::Token(_) => {
            form.flow = OauthFlow::AuthorizationCodePkce;
            form.oauth = form.basic.clone();
        }
    }
    form
}

fn texts(explanation: &Explanation) -> String {
    let steps = explanation.steps.iter().map(|step| step.text.as_str());
    std::iter::once(explanation.cause.as_str()).chain(steps).collect::<Vec<_>>().join("\n")
}

/// Runs a delivery, and checks its failure and the text of its explanation.
async fn read(
    attempt: DeliveryAttempt,
    expected: (Step, Diagnosis),
    words: &[&str],
) -> Explanation {
    let outcome = attempt.clone().run().await;
    assert_eq!(outcome.failure(), expected, "{}", outcome.words());
    let explanation = outcome.explained(&attempt);
    let all = texts(&explanation);
    for expected in words {
        assert!(all.contains(expected), "{expected}: {all}");
    }
    explanation
}

/// Does the same with a password, at a server of which this reply differs.
async fn read_reply(
    to: &str,
    reply: &'static str,
    expected: (Step, Diagnosis),
    words: &[&str],
) -> Explanation {
    let server = SmtpScript::by_starttls().replying(to, reply).play();
    read(with_password(&server), expected, words).await
}

fn anonymous(server: &SmtpServer) -> DeliveryAttempt {
    DeliveryAttempt::at(server, Security::StartTls).with_sender("noreply@example.com")
}

#[tokio::test]
async fn a_refused_ehlo_name_is_shown_with_the_options_that_set_it() {
    let rcpt = "504 5.5.2 <[127.0.0.1]>: Helo command rejected: need fully-qualified hostname";
    let content = "550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)";
    for (to, reply, step) in [
        ("EHLO", "501 EHLO requires valid address", Step::Capabilities),
        ("EHLO under TLS", "501 EHLO requires valid address", Step::Capabilities),
        ("MAIL", "550 5.7.1 HELO [127.0.0.1] does not resolve", Step::Sender),
        ("RCPT", rcpt, Step::Recipient),
        ("content", content, Step::Content),
    ] {
        let words = ["introduced itself as [127.0.0.1]", "--smtp-client-name", "--public-url"];
        read_reply(to, reply, (step, Diagnosis::ClientNameRefused), &words).await;
    }
}

#[tokio::test]
async fn a_421_of_googles_relay_after_ehlo_refuses_the_name() {
    let ehlo = "421 4.7.0 Try again later, closing connection. (EHLO) x - gsmtp";
    let expected = (Step::Capabilities, Diagnosis::ClientNameRefused);
    read_reply("EHLO", ehlo, expected, &["introduced itself as [127.0.0.1]"]).await;
}

#[tokio::test]
async fn a_configured_name_is_sent_and_shown() {
    let server = SmtpScript::by_starttls().play();
    let mut attempt = with_password(&server);
    attempt.route.client_name = ClientName::parse("mail.example.com");
    let outcome = attempt.run().await;

    outcome.reply();
    assert_eq!(outcome.fact(Step::Capabilities, FactName::ClientName), "mail.example.com");
    let received = server.received().await;
    assert_eq!(received.in_clear[0], "EHLO mail.example.com");
    assert_eq!(received.under_tls[0], "EHLO mail.example.com");
}

/// Starts a server that answers the sign-ins with these replies in turn; an empty one resets the
/// connection.
fn signing_in(answers: &'static [&'static str]) -> SmtpServer {
    SmtpServer::play(move |mut peer| async move {
        peer.say("220 mail").await?;
        peer.answer_each(&["250-mail\r\n250 AUTH PLAIN LOGIN"]).await?;
        for answer in answers {
            if peer.read_line().await? == "AUTH LOGIN" {
                for challenge in ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"] {
                    peer.say(challenge).await?;
                    peer.read_line().await?;
                }
            }
            if answer.is_empty() {
                return peer.reset();
            }
            peer.say(answer).await?;
        }
        for answer in ["250 ok", "250 ok", "354 go"] {
            if peer.read_line().await? == "QUIT" {
                return Ok(());
            }
            peer.say(answer).await?;
        }
        peer.read_content().await?;
        peer.say("250 2.0.0 Queued as 4711").await?;
        peer.is_left().await
    })
}

#[tokio::test]
async fn after_a_refused_plain_login_is_tried_on_the_same_connection() {
    for refusal in [
        "504 5.7.4 Unrecognized authentication type",
        "535 5.7.8 Not by this mechanism",
        "500 5.5.1 What?",
    ] {
        let answers: &[&str] = Box::leak(Box::new([refusal, "235 2.7.0 Welcome"]));
        let server = signing_in(answers);
        let outcome = in_clear(&server).signed_in("ppm", "secret").run().await;

        assert_eq!(outcome.reply(), "250 2.0.0 Queued as 4711");
        assert_eq!(outcome.fact(Step::SignIn, FactName::Mechanism), "PLAIN, LOGIN");
        assert_eq!(outcome.peer_text(Step::SignIn), format!("{refusal}\n235 2.7.0 Welcome"));
        assert_eq!(server.received().await.connections, 1);
    }
}

#[tokio::test]
async fn a_failed_sign_in_shows_the_replies_to_the_mechanisms_that_were_tried() {
    let cases: [(&[&str], _, _, _); 3] = [
        (
            &["504 5.7.4 Unrecognized", "535 5.7.8 Wrong password"],
            Diagnosis::CredentialsRefused,
            "504 5.7.4 Unrecognized\n535 5.7.8 Wrong password",
            "PLAIN, LOGIN",
        ),
        // The connection ends at LOGIN.
        (
            &["535 5.7.8 Wrong password", ""],
            Diagnosis::CredentialsRefused,
            "535 5.7.8 Wrong password",
            "PLAIN, LOGIN",
        ),
        // A temporary refusal is not followed by a second mechanism.
        (&["454 4.7.0 Later"], Diagnosis::TryLater, "454 4.7.0 Later", "PLAIN"),
    ];
    for (answers, diagnosis, words, mechanisms) in cases {
        let server = signing_in(answers);
        let outcome = in_clear(&server).signed_in("ppm", "secret").run().await;

        assert_eq!(outcome.failure(), (Step::SignIn, diagnosis), "{answers:?}");
        assert_eq!(outcome.words(), words);
        assert_eq!(outcome.fact(Step::SignIn, FactName::Mechanism), mechanisms, "{answers:?}");
    }
}

#[tokio::test]
async fn a_mechanism_that_is_offered_twice_is_listed_once() {
    let ehlo_under_tls = "250-mail\n250-AUTH PLAIN LOGIN\n250 AUTH=LOGIN";
    let server = SmtpScript { ehlo_under_tls, ..SmtpScript::by_starttls() }.play();
    let outcome = with_password(&server).run().await;
    assert_eq!(outcome.fact(Step::Capabilities, FactName::Mechanisms), "PLAIN LOGIN");
}

#[tokio::test]
async fn a_sign_in_refused_for_another_reason_does_not_blame_the_password() {
    for (auth, diagnosis, words) in [
        (
            "525 5.7.1 Unauthorized IP address. Visit https://app.provider.example/security/authorised_ips",
            Diagnosis::AddressNotAdmitted,
            ["does not accept connections from this machine's address", "addresses that may send"],
        ),
        (
            "535 5.7.0 NEOBHODIM parol prilozheniya https://help.provider.example/external / Application password is REQUIRED",
            Diagnosis::AppPasswordNeeded,
            ["requires an app password", "create an app password for PPM"],
        ),
        (
            "502 5.7.0 Your SMTP account is not yet activated",
            Diagnosis::AccountInactive,
            ["not activated yet", "administration page"],
        ),
    ] {
        let explanation = read_reply("AUTH", auth, (Step::SignIn, diagnosis), &words).await;
        assert!(!texts(&explanation).contains("Type the Password again"), "{explanation:?}");
    }
}

#[tokio::test]
async fn an_mx_host_is_recognised_and_the_submission_server_is_suggested() {
    let ehlo = "250-x.mail.protection.outlook.com Hello\n250 8BITMIME";
    let expected = (Step::SignIn, Diagnosis::ReceivingServer);
    let words = ["receives mail for a domain", "smtp.office365.com"];
    let explanation = read_reply("EHLO under TLS", ehlo, expected, &words).await;

    assert!(!texts(&explanation).contains("turn Use TLS on"), "{explanation:?}");
    let fill = explanation.steps.iter().find_map(|step| step.fill.clone()).expect("a button");
    assert_eq!((fill.field, fill.value.as_str()), (Field::BasicServer, "smtp.office365.com"));
}

#[tokio::test]
async fn a_missing_sign_in_under_tls_does_not_advise_turning_tls_on() {
    let ehlo = "250-mail.example.com\n250 8BITMIME";
    let expected = (Step::SignIn, Diagnosis::SignInNotOfferedUnderTls);
    let words = ["although the connection"];
    let explanation = read_reply("EHLO under TLS", ehlo, expected, &words).await;
    assert!(!texts(&explanation).contains("turn Use TLS on"), "{explanation:?}");
}

#[tokio::test]
async fn without_a_user_name_a_refusal_advises_to_sign_in() {
    for rcpt in [
        "553 5.7.1 <noreply@example.com>: Sender address rejected: not logged in",
        "554 5.7.1 <ada@example.org>: Relay access denied",
        "554 5.7.1 Access denied",
        "550 5.7.1 Access denied",
    ] {
        let server = SmtpScript { rcpt, ..SmtpScript::by_starttls() }.play();
        let words = ["Username is empty", "Enter Username and Password"];
        read(anonymous(&server), (Step::Recipient, Diagnosis::SignInMissing), &words).await;
    }
}

#[tokio::test]
async fn after_a_sign_in_no_refusal_advises_to_sign_in() {
    for rcpt in [
        "554 5.7.1 Access denied",
        "554 5.7.1 <ada@example.org>: Relay access denied",
        "554 5.7.1 <ada@example.org>: Recipient address rejected: Access denied",
    ] {
        let server = SmtpScript { rcpt, ..SmtpScript::by_starttls() }.play();
        let attempt = with_password(&server);
        let outcome = attempt.clone().run().await;
        let all = texts(&outcome.explained(&attempt)).to_lowercase();
        assert!(!all.contains("sign-in") && !all.contains("sign in"), "{rcpt}: {all}");
    }
}

#[tokio::test]
async fn a_refused_recipient_with_an_unverified_sender_blames_the_sender() {
    let rcpt = "550-Verification failed for <noreply@example.com>\n550-No Such User Here\n550 Sender verify failed";
    let server = SmtpScript { rcpt, ..SmtpScript::by_starttls() }.play();
    let attempt = with_password(&server).with_sender("noreply@example.com");
    let words = ["sender's address does not exist", "Create this mailbox"];
    let explanation = read(attempt, (Step::Recipient, Diagnosis::SenderUnknown), &words).await;
    assert!(!explanation.cause.contains("recipient"), "{}", explanation.cause);
}

#[tokio::test]
async fn a_refusal_of_the_content_is_explained_by_its_text() {
    for (content, diagnosis, words) in [
        (
            "550-5.4.5 Daily user sending limit exceeded. For more information on sending limits go to\n550 5.4.5  https://support.provider.example/a/answer/166852 - gsmtp",
            Diagnosis::SendingLimit,
            ["within 24 hours", "To raise it"],
        ),
        (
            "554 Access denied: User `arn:aws:iam::123456789012:user/ppm' is not authorized to perform `ses:SendRawEmail' on resource `arn:aws:ses:eu-west-2:123456789012:identity/a@b.c'",
            Diagnosis::IdentityNotAllowed,
            ["may not send from this identity", "allow that action"],
        ),
        (
            "554 5.7.1 Message refused by policy",
            Diagnosis::PolicyRefused,
            ["A policy of the mail server", "exception for PPM"],
        ),
    ] {
        let explanation = read_reply("content", content, (Step::Content, diagnosis), &words).await;
        assert!(!texts(&explanation).contains("which filter"), "{explanation:?}");
    }
}

#[tokio::test]
async fn a_full_mailbox_is_the_recipients_problem() {
    let expected = (Step::Recipient, Diagnosis::RecipientMailboxFull);
    let words = ["mailbox is full", "Make room"];
    read_reply("RCPT", "452 4.2.2 Mailbox full", expected, &words).await;
}

#[tokio::test]
async fn a_blocklist_is_named_with_the_address_that_the_server_sees() {
    let rcpt =
        "554 5.7.1 Service unavailable; Client host [192.0.2.25] blocked using zen.spamhaus.org";
    let words = ["on a blocklist", "at the address 192.0.2.25"];
    let expected = (Step::Recipient, Diagnosis::AddressBlocked);
    let explanation = read_reply("RCPT", rcpt, expected, &words).await;
    let has_link = |step: &NextStep| step.link.is_some();
    assert!(explanation.steps.iter().any(has_link), "{explanation:?}");
}

#[tokio::test]
async fn a_firewall_that_masks_starttls_is_distinguished_from_a_server_without_it() {
    for (greeting, ehlo_in_clear, starttls) in [
        ("220 mail", "250-mail\n250-SIZE 1000\n250 XXXXXXXA", "220 go"),
        ("220 ****************0*********2****", "250-mail\n250 SIZE 1000", "220 go"),
        ("220 mail", "250-mail\n250-XXXXXXXB\n250 STARTTLS", "500 5.5.1 What?"),
        ("220 mail", "250-mail\n250 STARTTLS", "500 5.5.1 Command unrecognized: \"XXXXXXXX\""),
    ] {
        let script = SmtpScript { greeting, ehlo_in_clear, starttls, ..SmtpScript::by_starttls() };
        let server = script.play();
        let words = ["masks", "ESMTP inspection", "Do not turn Use TLS off"];
        read(with_password(&server), (Step::Tls, Diagnosis::StartTlsMasked), &words).await;
    }
}

#[tokio::test]
async fn a_server_that_stops_mid_session_is_not_reported_as_silent() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.say("220 hello").await?;
        peer.answer_each(&["250 hello"]).await?;
        peer.is_left().await
    });
    let attempt = in_clear(&server).in_a_hurry();
    let expected = (Step::Sender, Diagnosis::StoppedAnswering);
    read(attempt, expected, &["stopped answering in the middle"]).await;
}

/// Starts a server that refuses a token with these replies.
fn refusing_token(challenge: Option<&'static str>, auth: &'static str) -> SmtpServer {
    let ehlo_under_tls = "250-mail\n250 AUTH XOAUTH2";
    SmtpScript { ehlo_under_tls, challenge, auth, ..SmtpScript::by_starttls() }.play()
}

fn with_token(server: &SmtpServer) -> DeliveryAttempt {
    DeliveryAttempt::at(server, Security::StartTls)
        .signed_in_by("ppm@example.com", "ya29.vF9dft4qmT")
}

#[tokio::test]
async fn the_scope_in_the_challenge_is_advised() {
    // {"status":"401","schemes":"bearer","scope":"mail:smtp"}
    let challenge =
        "334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsOnNtdHAifQ==";
    let server = refusing_token(Some(challenge), "535 5.7.8 No");
    let attempt = with_token(&server);
    let outcome = attempt.clone().run().await;
    assert_eq!(outcome.fact(Step::SignIn, FactName::WantedScope), "mail:smtp");
    let all = texts(&outcome.explained(&attempt));
    assert!(all.contains("asks for the scope mail:smtp"), "{all}");
    assert!(!all.contains("google") && !all.contains("office"), "{all}");
}

#[tokio::test]
async fn for_an_unknown_provider_no_scope_is_advised() {
    for auth in ["535 5.7.8 No", "535 5.7.3 Authentication unsuccessful"] {
        let server = refusing_token(None, auth);
        let attempt = with_token(&server);
        let all = texts(&attempt.clone().run().await.explained(&attempt));
        assert!(!all.contains("mail.google.com") && !all.contains("outlook.office"), "{all}");
    }
}

#[tokio::test]
async fn a_token_that_is_too_long_for_the_server_is_recognised() {
    for auth in ["500 Error: response limit exceeded", "500 5.5.2 Line too long"] {
        let server = refusing_token(None, auth);
        let expected = (Step::SignIn, Diagnosis::TokenTooLong);
        let words = ["longer than this server reads", "shorter token"];
        let explanation = read(with_token(&server), expected, &words).await;
        assert!(!texts(&explanation).to_lowercase().contains("get a new token"));
    }
}

#[tokio::test]
async fn a_name_with_several_addresses_reports_each_attempt() {
    // Nothing listens at ::1, which the name also resolves to if the machine has IPv6.
    let server = SmtpScript::in_clear().play();
    let host = Host::Name("localhost".to_owned());
    let outcome = DeliveryAttempt::to(host, server.address.port(), Security::Clear).run().await;

    outcome.reply();
    let attempts = outcome.fact(Step::Connection, FactName::Attempts);
    let addresses = outcome.fact(Step::NameLookup, FactName::Addresses);
    if addresses.contains("::1") {
        assert!(attempts.contains("127.0.0.1 connected"), "{attempts}");
    } else {
        assert_eq!(attempts, "");
    }
}

#[tokio::test]
async fn a_failed_address_is_reported_with_its_reason() {
    let address = free_address();
    let host = Host::Ip(address.ip());
    let outcome = DeliveryAttempt::to(host, address.port(), Security::Clear).run().await;

    assert_eq!(outcome.failure(), (Step::Connection, Diagnosis::NothingListens));
    assert_eq!(outcome.fact(Step::Connection, FactName::Attempts), "127.0.0.1 refused");
    let fact = &outcome.steps.last().expect("a step").facts[0];
    assert_eq!(labels::fact_value(fact), "127.0.0.1: refused");
}
