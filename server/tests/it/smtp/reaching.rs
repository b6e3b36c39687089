//! Servers that are not there, or must not be called.

use std::time::Duration;

use domain::check::host::Host;
use domain::delivery::{Advice, FactName, Step, StepEnd};
use domain::settings::Security;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use super::Attempt;

/// How long a connection is tried that nobody takes.
const IN_VAIN: Duration = Duration::from_secs(1);

fn ip(address: &str) -> Host {
    Host::Ip(address.parse().expect("an address"))
}

#[tokio::test]
async fn a_name_that_does_not_exist_ends_at_the_name_lookup() {
    let host = Host::Name("mail.invalid".to_owned());
    let outcome = Attempt::to(host, 25, Security::Clear).run().await;

    assert_eq!(outcome.failure(), (Step::NameLookup, Advice::NameNotFound));
    assert_eq!(outcome.steps(), [(Step::NameLookup, StepEnd::Failed)]);
}

#[tokio::test]
async fn an_address_that_must_not_be_called_is_not_called() {
    for address in ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "0.0.0.0"] {
        let outcome = Attempt::to(ip(address), 25, Security::Clear).run().await;

        assert_eq!(outcome.failure(), (Step::NameLookup, Advice::AddressForbidden), "{address}");
        assert_eq!(outcome.facts(Step::NameLookup), [(FactName::Addresses, address)]);
    }
}

#[tokio::test]
async fn a_port_on_which_nothing_listens_is_told_from_a_machine_that_is_not_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let outcome = Attempt::to(ip("127.0.0.1"), port, Security::StartTls).run().await;

    assert_eq!(outcome.failure(), (Step::Connection, Advice::NothingListens));
    assert_eq!(
        outcome.steps(),
        [(Step::NameLookup, StepEnd::Done), (Step::Connection, StepEnd::Failed)]
    );
}

/// A port whose queue is full, which Linux lets wait like a machine that is not there.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_machine_that_does_not_answer_is_unreachable() {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let listener = socket.listen(1).expect("a queue of one");
    let address = listener.local_addr().expect("an address");
    let mut queue = Vec::new();
    while let Ok(waiting) = timeout(IN_VAIN, TcpStream::connect(address)).await {
        queue.push(waiting);
    }
    let mut attempt = Attempt::to(ip("127.0.0.1"), address.port(), Security::Clear);
    attempt.deadlines.connect = IN_VAIN;
    let outcome = attempt.run().await;

    assert_eq!(outcome.failure(), (Step::Connection, Advice::Unreachable));
}

#[tokio::test]
async fn port_0_is_not_called() {
    let outcome = Attempt::to(ip("127.0.0.1"), 0, Security::Clear).run().await;
    assert_eq!(outcome.failure(), (Step::Connection, Advice::PortZero));
}
