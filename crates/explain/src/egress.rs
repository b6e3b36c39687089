//! Steps for connections that the operator's egress policy denied, with the address and the flag to
//! change. Server only.

use contract::NextStep;
use domain::token::OauthDiagnosis;

use crate::steps::with_copy;

/// Returns the step for denied addresses, such as `127.0.0.1:9090, [::1]:9090`; `None` for other
/// diagnoses.
pub(super) fn step(diagnosis: OauthDiagnosis, addresses: Option<&str>) -> Option<NextStep> {
    match diagnosis {
        OauthDiagnosis::EgressNotAllowed => addresses.map(allow),
        OauthDiagnosis::EgressDenied => addresses.map(denied),
        _ => None,
    }
}

/// The flags that allow these addresses, to copy.
pub(super) fn allow(addresses: &str) -> NextStep {
    let flag = |address| format!("--egress-allow {address}");
    let flags: Vec<_> = addresses.split(", ").map(flag).collect();
    with_copy("Or ask the operator to start this server with:", flags.join(" "))
}

/// The addresses that `--egress-deny` denies.
pub(super) fn denied(addresses: &str) -> NextStep {
    NextStep::words(format!("Blocked by --egress-deny: {addresses}."))
}
