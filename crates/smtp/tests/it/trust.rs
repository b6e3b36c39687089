//! Tests of certificates of unknown issuers: what is shown of them, and which authority can be
//! trusted for one mail server.

use std::sync::Arc;

use domain::delivery::{Diagnosis, FactName, Step};
use domain::settings::Security;
use domain::syntax::host::Host;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, date_time_ymd};
use rustls::ServerConfig;
use testkit::smtp_server::{
    AUTHORITY, Protection, SmtpScript, TestCa, self_signed, self_signed_authority,
};

use super::{DeliveryAttempt, DeliveryResult};

const CERTIFICATE_FACTS: [FactName; 5] = [
    FactName::Subject,
    FactName::Names,
    FactName::Issuer,
    FactName::Fingerprint,
    FactName::DaysLeft,
];

/// Delivers to a server with this certificate, with these authorities trusted in addition.
async fn deliver_with(certificate: &Arc<ServerConfig>, trusted_ca: &str) -> DeliveryResult {
    let protection = Protection::FromTheFirstByte(certificate.clone());
    let server = SmtpScript { protection, ..SmtpScript::from_the_first_byte() }.play();
    let host = Host::Name("localhost".to_owned());
    let mut attempt = DeliveryAttempt::to(host, server.address.port(), Security::ImplicitTls);
    attempt.route.server.trusted_ca = trusted_ca.to_owned();
    attempt.run().await
}

fn names(outcome: &DeliveryResult) -> Vec<FactName> {
    outcome.facts(Step::Tls).iter().map(|(name, _)| *name).collect()
}

fn pem(outcome: &DeliveryResult) -> &str {
    outcome.fact(Step::Tls, FactName::IssuerPem)
}

#[tokio::test]
async fn a_refused_certificate_is_shown_with_the_authority_to_trust() {
    let authority = TestCa::named("Private CA");
    let outcome = deliver_with(&authority.good_with_its_own(), "").await;

    assert_eq!(outcome.failure(), (Step::Tls, Diagnosis::CertificateUnknownIssuer));
    let whom = [FactName::IssuerFingerprint, FactName::IssuerPem];
    assert_eq!(names(&outcome), [&CERTIFICATE_FACTS[..], &whom].concat());
    let fact = |name| outcome.fact(Step::Tls, name);
    assert_eq!(fact(FactName::Subject), "CN=Test server");
    assert_eq!(fact(FactName::Names), "localhost, 127.0.0.1");
    assert_eq!(fact(FactName::Issuer), "CN=Private CA");
    for name in [FactName::Fingerprint, FactName::IssuerFingerprint] {
        let pairs: Vec<_> = fact(name).split(':').collect();
        assert!(pairs.len() == 32 && pairs.iter().all(|pair| pair.len() == 2), "{pairs:?}");
    }
    assert_ne!(fact(FactName::Fingerprint), fact(FactName::IssuerFingerprint));
    let shown: String = pem(&outcome).split_whitespace().collect();
    assert_eq!(shown, authority.pem().split_whitespace().collect::<String>());
}

#[tokio::test]
async fn trusting_the_offered_authority_is_sufficient() {
    let authority = TestCa::named("Private CA");
    for certificate in [authority.good_with_its_own(), self_signed(false), self_signed(true)] {
        let refused = deliver_with(&certificate, "").await;
        assert_eq!(refused.failure().0, Step::Tls);
        deliver_with(&certificate, pem(&refused)).await.reply();
    }
}

#[tokio::test]
async fn an_insufficient_authority_is_not_offered() {
    let authority = TestCa::named("Private CA");
    for certificate in [
        // The chain has only the end-entity certificate, which cannot issue others.
        authority.good(),
        // The chain has another certificate that is unrelated.
        authority.good_with(&TestCa::named("Another authority")),
    ] {
        let outcome = deliver_with(&certificate, "").await;
        assert_eq!(names(&outcome), CERTIFICATE_FACTS);
    }
}

#[tokio::test]
async fn a_certificate_with_another_problem_is_shown_and_no_authority_is_offered() {
    for (certificate, diagnosis, shown) in [
        (AUTHORITY.expired(), Diagnosis::CertificateExpired, "localhost, 127.0.0.1"),
        (AUTHORITY.not_yet_valid(), Diagnosis::CertificateNotYetValid, "localhost, 127.0.0.1"),
        (AUTHORITY.of_another_name(), Diagnosis::CertificateWrongName, "mail.example.org"),
    ] {
        let outcome = deliver_with(&certificate, "").await;
        assert_eq!(outcome.failure(), (Step::Tls, diagnosis));
        assert_eq!(names(&outcome), CERTIFICATE_FACTS);
        assert_eq!(outcome.fact(Step::Tls, FactName::Names), shown);
        let left = outcome.fact(Step::Tls, FactName::DaysLeft);
        assert_eq!(left.starts_with('-'), diagnosis == Diagnosis::CertificateExpired, "{left}");
    }
}

#[tokio::test]
async fn a_trusted_authority_counts_even_if_the_server_does_not_send_it() {
    let authority = TestCa::named("Private CA");
    deliver_with(&authority.good(), &authority.pem()).await.reply();
    let several = TestCa::named("Another").pem() + &authority.pem();
    deliver_with(&authority.good(), &several).await.reply();
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_still_refused() {
    let (trusted, other) = (TestCa::named("Private CA"), TestCa::named("Private CA"));
    let outcome = deliver_with(&other.good_with_its_own(), &trusted.pem()).await;
    assert_eq!(outcome.failure(), (Step::Tls, Diagnosis::CertificateUnknownIssuer));
    let outcome = deliver_with(&self_signed(false), &trusted.pem()).await;
    assert_eq!(outcome.failure(), (Step::Tls, Diagnosis::CertificateSelfSigned));
}

#[tokio::test]
async fn a_trusted_authority_does_not_excuse_other_problems() {
    let authority = TestCa::named("Private CA");
    for (certificate, diagnosis) in [
        (authority.of_another_name(), Diagnosis::CertificateWrongName),
        (authority.expired(), Diagnosis::CertificateExpired),
        (authority.not_yet_valid(), Diagnosis::CertificateNotYetValid),
    ] {
        let outcome = deliver_with(&certificate, &authority.pem()).await;
        assert_eq!(outcome.failure(), (Step::Tls, diagnosis));
    }
}

#[tokio::test]
async fn a_trusted_self_signed_certificate_does_not_excuse_other_problems() {
    type Change = fn(&mut CertificateParams);
    let changes: [(Change, Diagnosis); 4] = [
        (|made| made.not_after = date_time_ymd(2020, 1, 1), Diagnosis::CertificateExpired),
        (|made| made.not_before = date_time_ymd(3000, 1, 1), Diagnosis::CertificateNotYetValid),
        (|made| made.subject_alt_names.truncate(0), Diagnosis::CertificateWithoutNames),
        (
            |made| made.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            Diagnosis::TlsFailed,
        ),
    ];
    for (change, diagnosis) in changes {
        let (certificate, pem) = self_signed_authority(change);
        let outcome = deliver_with(&certificate, &pem).await;
        assert_eq!(outcome.failure(), (Step::Tls, diagnosis));
    }
}

#[tokio::test]
async fn a_trusted_self_signed_certificate_does_not_cover_another_with_its_name() {
    let ((_, pem), (other, _)) = (self_signed_authority(|_| {}), self_signed_authority(|_| {}));
    let outcome = deliver_with(&other, &pem).await;
    assert_eq!(outcome.failure(), (Step::Tls, Diagnosis::CertificateSelfSigned));
}

#[tokio::test]
async fn a_trusted_server_certificate_does_not_cover_certificates_signed_by_its_key() {
    let server = TestCa::presumptuous();
    for certificate in [server.good(), server.good_with_its_own()] {
        let outcome = deliver_with(&certificate, &server.pem()).await;
        assert_eq!(outcome.failure().0, Step::Tls);
    }
}

#[tokio::test]
async fn trust_in_one_session_does_not_extend_to_the_next() {
    let authority = TestCa::named("Private CA");
    deliver_with(&authority.good(), &authority.pem()).await.reply();
    let outcome = deliver_with(&authority.good(), "").await;
    assert_eq!(outcome.failure(), (Step::Tls, Diagnosis::CertificateUnknownIssuer));
}

#[tokio::test]
async fn the_platforms_authorities_stay_trusted() {
    deliver_with(&AUTHORITY.good(), &TestCa::named("Private CA").pem()).await.reply();
    deliver_with(&AUTHORITY.good(), "no certificate at all").await.reply();
}

#[tokio::test]
async fn with_starttls_the_authority_is_offered_too() {
    let authority = TestCa::named("Private CA");
    let protection = Protection::StartTls(authority.good_with_its_own());
    let server = SmtpScript { protection, ..SmtpScript::by_starttls() }.play();
    let outcome = DeliveryAttempt::at(&server, Security::StartTls).run().await;
    assert!(pem(&outcome).starts_with("-----BEGIN CERTIFICATE-----\n"), "{}", pem(&outcome));
}
