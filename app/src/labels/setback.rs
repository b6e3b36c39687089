//! What went wrong on the way to a token, explained. Made on the server only.

use domain::token::{Fault, Setback};

use super::egress;
use super::token::{SECRET_ID, fault, leg};
use crate::explanation::{Explanation, NextStep};

/// What a setback means and what to do; `is_an_id` says that the stored Client Secret has the form of
/// an ID.
#[must_use]
pub fn setback(setback: &Setback, is_an_id: bool) -> Explanation {
    let words = fault(setback.leg, setback.fault);
    let first = (setback.fault == Fault::InvalidClient && is_an_id).then_some(SECRET_ID);
    Explanation::new(
        format!("{} failed: {}", leg(setback.leg), words.cause),
        first
            .iter()
            .chain(words.steps)
            .map(|&step| NextStep::words(step))
            .chain(egress::step(setback.fault, setback.said.as_deref()))
            .collect(),
    )
}
