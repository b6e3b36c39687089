//! Tests of servers that do not exist or must not be connected to.

use std::time::Duration;

use domain::delivery::{Diagnosis, FactName, Step, StepStatus};
use domain::settings::Security;
use domain::syntax::host::Host;
use testkit::sockets::{FullBacklog, free_address};

use super::DeliveryAttempt;

fn ip(address: &str) -> Host {
    Host::Ip(address.parse().expect("an address"))
}

#[tokio::test]
async fn a_name_that_does_not_exist_ends_at_the_name_lookup() {
    let host = Host::Name("mail.invalid".to_owned());
    let outcome = DeliveryAttempt::to(host, 25, Security::Clear).run().await;

    assert_eq!(outcome.failure(), (Step::NameLookup, Diagnosis::NameNotFound));
    assert_eq!(outcome.steps(), [(Step::NameLookup, StepStatus::Failed)]);
}

#[tokio::test]
async fn a_forbidden_address_is_not_connected_to() {
    for address in ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "0.0.0.0"] {
        let outcome = DeliveryAttempt::to(ip(address), 25, Security::Clear).run().await;

        assert_eq!(outcome.failure(), (Step::NameLookup, Diagnosis::AddressForbidden), "{address}");
        assert_eq!(outcome.facts(Step::NameLookup), [(FactName::Addresses, address)]);
    }
}

#[tokio::test]
async fn a_refused_connection_is_distinguished_from_an_unreachable_host() {
    let port = free_address().port();
    let outcome = DeliveryAttempt::to(ip("127.0.0.1"), port, Security::StartTls).run().await;

    assert_eq!(outcome.failure(), (Step::Connection, Diagnosis::NothingListens));
    assert_eq!(
        outcome.steps(),
        [(Step::NameLookup, StepStatus::Done), (Step::Connection, StepStatus::Failed)]
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_host_that_does_not_answer_is_unreachable() {
    let host = FullBacklog::start().await;
    let mut attempt = DeliveryAttempt::to(ip("127.0.0.1"), host.address.port(), Security::Clear);
    attempt.deadlines.connect = Duration::from_secs(1);
    let outcome = attempt.run().await;

    assert_eq!(outcome.failure(), (Step::Connection, Diagnosis::Unreachable));
}

#[tokio::test]
async fn port_0_is_not_connected_to() {
    let outcome = DeliveryAttempt::to(ip("127.0.0.1"), 0, Security::Clear).run().await;
    assert_eq!(outcome.failure(), (Step::Connection, Diagnosis::PortZero));
}
