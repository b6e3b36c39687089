//! Certificates that nobody whom the machine trusts vouches for: what is shown of them, and whom one
//! may trust for the sake of one mail server.

use std::sync::Arc;

use domain::check::host::Host;
use domain::delivery::{Advice, FactName, Step};
use domain::settings::Security;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, date_time_ymd};
use rustls::ServerConfig;

use super::{Attempt, Outcome};
use crate::support::smtp_server::{
    AUTHORITY, Authority, Protection, Script, self_signed, self_signed_authority,
};

const ALL_OF_IT: [FactName; 5] = [
    FactName::Subject,
    FactName::Names,
    FactName::Issuer,
    FactName::Fingerprint,
    FactName::DaysLeft,
];

/// What comes of a server with this certificate, where these are trusted too.
async fn met(certificate: &Arc<ServerConfig>, trusted_ca: &str) -> Outcome {
    let protection = Protection::FromTheFirstByte(certificate.clone());
    let server = Script { protection, ..Script::from_the_first_byte() }.play();
    let host = Host::Name("localhost".to_owned());
    let mut attempt = Attempt::to(host, server.address.port(), Security::ImplicitTls);
    attempt.envelope.server.trusted_ca = trusted_ca.to_owned();
    attempt.run().await
}

fn names(outcome: &Outcome) -> Vec<FactName> {
    outcome.facts(Step::Tls).iter().map(|(name, _)| *name).collect()
}

fn pem(outcome: &Outcome) -> &str {
    outcome.fact(Step::Tls, FactName::IssuerPem)
}

#[tokio::test]
async fn a_certificate_that_is_refused_is_shown_with_whom_to_trust() {
    let authority = Authority::named("Private CA");
    let outcome = met(&authority.good_with_its_own(), "").await;

    assert_eq!(outcome.failure(), (Step::Tls, Advice::CertificateUnknownIssuer));
    let whom = [FactName::IssuerFingerprint, FactName::IssuerPem];
    assert_eq!(names(&outcome), [&ALL_OF_IT[..], &whom].concat());
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
async fn whoever_is_to_be_trusted_is_enough_once_trusted() {
    let authority = Authority::named("Private CA");
    for certificate in [authority.good_with_its_own(), self_signed(false), self_signed(true)] {
        let refused = met(&certificate, "").await;
        assert_eq!(refused.failure().0, Step::Tls);
        met(&certificate, pem(&refused)).await.reply();
    }
}

#[tokio::test]
async fn nobody_is_offered_whose_trust_would_not_be_enough() {
    let authority = Authority::named("Private CA");
    for certificate in [
        // Only its own certificate, which vouches for nobody.
        authority.good(),
        // Beside its own another one that has nothing to do with it.
        authority.good_with(&Authority::named("Somebody else")),
    ] {
        let outcome = met(&certificate, "").await;
        assert_eq!(names(&outcome), ALL_OF_IT);
    }
}

#[tokio::test]
async fn a_certificate_that_is_wrong_otherwise_is_shown_and_nobody_is_offered() {
    for (certificate, advice, shown) in [
        (AUTHORITY.expired(), Advice::CertificateExpired, "localhost, 127.0.0.1"),
        (AUTHORITY.not_yet_valid(), Advice::CertificateNotYetValid, "localhost, 127.0.0.1"),
        (AUTHORITY.of_another_name(), Advice::CertificateWrongName, "mail.example.org"),
    ] {
        let outcome = met(&certificate, "").await;
        assert_eq!(outcome.failure(), (Step::Tls, advice));
        assert_eq!(names(&outcome), ALL_OF_IT);
        assert_eq!(outcome.fact(Step::Tls, FactName::Names), shown);
        let left = outcome.fact(Step::Tls, FactName::DaysLeft);
        assert_eq!(left.starts_with('-'), advice == Advice::CertificateExpired, "{left}");
    }
}

#[tokio::test]
async fn a_trusted_authority_counts_though_the_server_does_not_show_it() {
    let authority = Authority::named("Private CA");
    met(&authority.good(), &authority.pem()).await.reply();
    let several = Authority::named("Another").pem() + &authority.pem();
    met(&authority.good(), &several).await.reply();
}

#[tokio::test]
async fn a_server_of_another_authority_is_refused_all_the_same() {
    let (trusted, other) = (Authority::named("Private CA"), Authority::named("Private CA"));
    let outcome = met(&other.good_with_its_own(), &trusted.pem()).await;
    assert_eq!(outcome.failure(), (Step::Tls, Advice::CertificateUnknownIssuer));
    let outcome = met(&self_signed(false), &trusted.pem()).await;
    assert_eq!(outcome.failure(), (Step::Tls, Advice::CertificateSelfSigned));
}

#[tokio::test]
async fn a_trusted_authority_does_not_excuse_what_else_is_wrong() {
    let authority = Authority::named("Private CA");
    for (certificate, advice) in [
        (authority.of_another_name(), Advice::CertificateWrongName),
        (authority.expired(), Advice::CertificateExpired),
        (authority.not_yet_valid(), Advice::CertificateNotYetValid),
    ] {
        let outcome = met(&certificate, &authority.pem()).await;
        assert_eq!(outcome.failure(), (Step::Tls, advice));
    }
}

#[tokio::test]
async fn trust_in_a_servers_own_certificate_does_not_excuse_what_else_is_wrong() {
    type Change = fn(&mut CertificateParams);
    let changes: [(Change, Advice); 4] = [
        (|made| made.not_after = date_time_ymd(2020, 1, 1), Advice::CertificateExpired),
        (|made| made.not_before = date_time_ymd(3000, 1, 1), Advice::CertificateNotYetValid),
        (|made| made.subject_alt_names.truncate(0), Advice::CertificateWithoutNames),
        (
            |made| made.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            Advice::TlsFailed,
        ),
    ];
    for (change, advice) in changes {
        let (certificate, pem) = self_signed_authority(change);
        let outcome = met(&certificate, &pem).await;
        assert_eq!(outcome.failure(), (Step::Tls, advice));
    }
}

#[tokio::test]
async fn trust_in_a_servers_own_certificate_is_not_in_another_of_its_name() {
    let ((_, pem), (other, _)) = (self_signed_authority(|_| {}), self_signed_authority(|_| {}));
    let outcome = met(&other, &pem).await;
    assert_eq!(outcome.failure(), (Step::Tls, Advice::CertificateSelfSigned));
}

#[tokio::test]
async fn trust_in_a_servers_own_certificate_is_not_in_what_its_key_has_signed() {
    let server = Authority::presumptuous();
    for certificate in [server.good(), server.good_with_its_own()] {
        let outcome = met(&certificate, &server.pem()).await;
        assert_eq!(outcome.failure().0, Step::Tls);
    }
}

#[tokio::test]
async fn trust_in_one_conversation_does_not_reach_the_next() {
    let authority = Authority::named("Private CA");
    met(&authority.good(), &authority.pem()).await.reply();
    let outcome = met(&authority.good(), "").await;
    assert_eq!(outcome.failure(), (Step::Tls, Advice::CertificateUnknownIssuer));
}

#[tokio::test]
async fn whoever_the_machine_trusts_is_trusted_beside_it() {
    met(&AUTHORITY.good(), &Authority::named("Private CA").pem()).await.reply();
    met(&AUTHORITY.good(), "no certificate at all").await.reply();
}

#[tokio::test]
async fn by_starttls_the_same_is_shown() {
    let authority = Authority::named("Private CA");
    let protection = Protection::StartTls(authority.good_with_its_own());
    let server = Script { protection, ..Script::by_starttls() }.play();
    let outcome = Attempt::at(&server, Security::StartTls).run().await;
    assert!(pem(&outcome).starts_with("-----BEGIN CERTIFICATE-----\n"), "{}", pem(&outcome));
}
