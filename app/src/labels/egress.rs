//! The step that names an address which the operator's policy refused, and the flag about it. Made on
//! the server only.

use domain::token::Fault;

use crate::explanation::NextStep;

/// The step for addresses that were refused, such as `127.0.0.1:9090, [::1]:9090`; nothing for what
/// was refused for another reason.
pub(super) fn step(fault: Fault, addresses: Option<&str>) -> Option<NextStep> {
    match fault {
        Fault::EgressNotAllowed => addresses.map(allow),
        Fault::EgressDenied => addresses.map(denied),
        _ => None,
    }
}

/// The flags that allow these addresses, ready to be copied.
pub(super) fn allow(addresses: &str) -> NextStep {
    let flag = |address| format!("--egress-allow {address}");
    let flags: Vec<_> = addresses.split(", ").map(flag).collect();
    NextStep {
        copy: Some(flags.join(" ")),
        ..NextStep::words("Or ask the operator to start this server with:")
    }
}

/// The addresses that a rule denies.
pub(super) fn denied(addresses: &str) -> NextStep {
    NextStep::words(format!("Blocked by --egress-deny: {addresses}."))
}
