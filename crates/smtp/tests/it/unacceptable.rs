//! Tests of certificates that PPM never accepts: the property is named, no button offers to trust
//! them, and the server's operator gets a command that creates a valid one.

use domain::delivery::{Diagnosis, FactName, Step};
use domain::settings::Security;
use domain::syntax::host::Host;
use testkit::smtp_server::{Protection, SmtpScript, made_by_openssl, showing};

use super::DeliveryAttempt;

const KEY: &str = "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout k -out r";
const VERSION_1: [&str; 2] = [KEY, "x509 -req -days 3650 -in r -signkey k -out c"];
const NO_NAMES: [&str; 1] =
    ["req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=localhost -keyout k -out c"];
const SHORT_KEY: [&str; 1] = [
    "req -x509 -newkey rsa:1024 -nodes -days 3650 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout k -out c",
];
const CA: &str =
    "req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=Old -keyout ca.key -out ca";
const SHA_1: [&str; 3] = [
    CA,
    KEY,
    "x509 -req -sha1 -days 3650 -in r -CA ca -CAkey ca.key -CAcreateserial -extfile san -out c",
];

/// Checks the explanation for the certificate in `c`, both with no authority trusted and with the
/// one in `trusted`.
async fn is_named(lines: &[&str], trusted: &str, diagnosis: Diagnosis, property: &str) {
    let [pem, trusted] = made_by_openssl(lines, ["c", trusted]);
    let certificate = showing(&pem);
    for trusted_ca in [String::new(), trusted] {
        for (protection, security) in [
            (Protection::FromTheFirstByte(certificate.clone()), Security::ImplicitTls),
            (Protection::StartTls(certificate.clone()), Security::StartTls),
        ] {
            let server = SmtpScript { protection, ..SmtpScript::by_starttls() }.play();
            let host = Host::Name("localhost".to_owned());
            let mut attempt = DeliveryAttempt::to(host, server.address.port(), security);
            attempt.route.server.trusted_ca.clone_from(&trusted_ca);
            let outcome = attempt.clone().run().await;

            assert_eq!(outcome.failure(), (Step::Tls, diagnosis), "{}", outcome.found());
            assert_eq!(outcome.words(), "", "the server has said nothing");
            assert_ne!(outcome.found(), "");
            assert_eq!(outcome.fact(Step::Tls, FactName::IssuerPem), "");
            let explanation = outcome.explained(&attempt);
            assert!(explanation.cause.contains(property), "{}", explanation.cause);
            assert!(explanation.steps.iter().all(|step| step.fill.is_none()), "{explanation:?}");
            let line = explanation.steps.iter().find_map(|step| step.copy.as_deref());
            let line = line.expect("a line to copy");
            assert!(line.starts_with("openssl req -x509 "), "{line}");
            assert!(line.contains("-addext \"subjectAltName=DNS:localhost\""), "{line}");
        }
    }
}

#[tokio::test]
async fn version_1_is_named() {
    is_named(&VERSION_1, "c", Diagnosis::CertificateVersion1, "version 1").await;
}

#[tokio::test]
async fn a_missing_subject_alt_name_is_named_even_if_the_common_name_matches() {
    is_named(&NO_NAMES, "c", Diagnosis::CertificateWithoutNames, "no subjectAltName").await;
}

#[tokio::test]
async fn a_key_that_is_too_short_is_named() {
    is_named(&SHORT_KEY, "c", Diagnosis::CertificateKeyTooShort, "fewer than 2,048 bits").await;
}

#[tokio::test]
async fn a_signature_with_sha_1_is_named() {
    is_named(&SHA_1, "ca", Diagnosis::CertificateOldSignature, "SHA-1").await;
}
