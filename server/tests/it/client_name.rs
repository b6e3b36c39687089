//! The client name that PPM sends in EHLO (RFC 5321 4.1.1.1).

use contract::EmailService;
use domain::Principal;
use net::origin::PublicUrl;
use smtp::ClientName;

use crate::support::harness::{Harness, principal};
use crate::support::oauth_fixture::a_moment;
use testkit::smtp_server::SmtpScript;

fn ada() -> Principal {
    principal("ada", "ada@example.com", "ada")
}

/// The EHLO line that a mail server receives.
async fn greeting(configured: Option<&str>, public_url: &str) -> String {
    let harness = Harness::with(|config| {
        config.smtp_client_name = configured.and_then(ClientName::parse);
        config.public_url = Some(PublicUrl::parse(public_url).expect("a URL"));
    })
    .await;
    let mail = SmtpScript::in_clear().play();
    harness.sends_through(&ada(), mail.address).await;
    let service = harness.server.service();
    let mut now = service.send_test(&ada()).await.expect("a run");
    while now.run.outcome.is_none() {
        a_moment().await;
        now = service.run(&ada(), &now.run.id).await.expect("the run");
    }
    mail.received().await.line("EHLO").to_owned()
}

#[tokio::test]
async fn ehlo_names_the_configured_name_else_a_public_host_else_the_address() {
    for (configured, public_url, expected) in [
        (Some("mail.example.com"), "https://ppm.example.com", "EHLO mail.example.com"),
        (None, "https://ppm.example.com", "EHLO ppm.example.com"),
        (None, "https://ppm.internal", "EHLO [127.0.0.1]"),
        (None, "http://127.0.0.1:3000", "EHLO [127.0.0.1]"),
    ] {
        assert_eq!(greeting(configured, public_url).await, expected, "{configured:?} {public_url}");
    }
}
