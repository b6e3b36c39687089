//! Test runs as they are stored while they are running.

use chrono::TimeDelta;
use contract::EmailService;
use domain::delivery::{Outcome, Run, Step, Tested};
use server::identity::Principal;
use store::{audit::Action, runs};
use vault::clock::Clock;

use crate::support::harness::{EMAIL, Harness, NAME, ada, completed};

fn accepted() -> Outcome {
    Outcome::Accepted {
        server: "mail.example:25".to_owned(),
        reply: "250 ok".to_owned(),
        message_id: "<1@ppm>".to_owned(),
    }
}

async fn get(harness: &Harness, id: &str) -> Option<Run> {
    let kept = runs::get(&harness.server.store, id).await.expect("runs are readable");
    kept.map(|kept| kept.run)
}

/// A server with a run of Ada.
async fn begun(id: &str) -> Harness {
    let harness = Harness::start().await;
    assert!(begin_as(&harness, id, &ada()).await);
    harness
}

async fn outcome(harness: &Harness, id: &str) -> Option<Outcome> {
    get(harness, id).await.expect("it is there").outcome
}

/// Begins a run with a deadline of 75 seconds; returns whether it has begun.
async fn begin_as(harness: &Harness, id: &str, who: &Principal) -> bool {
    harness.begin_run(id, who, harness.clock.now() + TimeDelta::seconds(75)).await
}

async fn finish(harness: &Harness, id: &str, outcome: &Outcome) {
    runs::finish(&harness.server.store, id, outcome).await.expect("the database answers");
}

#[tokio::test]
async fn a_run_is_stored_step_by_step_until_its_outcome() {
    let harness = begun("run").await;
    let mut expected = Run {
        tested: Tested::Saved,
        id: "run".to_owned(),
        recipient: EMAIL.to_owned(),
        started_at: harness.clock.now(),
        steps: Vec::new(),
        outcome: None,
    };
    assert_eq!(get(&harness, "run").await, Some(expected.clone()));
    for (ordinal, step) in (0..).zip([Step::NameLookup, Step::Connection]) {
        let recorded = runs::record(&harness.server.store, "run", ordinal, &completed(step)).await;
        recorded.expect("it is recorded");
        expected.steps.push(completed(step));
        assert_eq!(get(&harness, "run").await, Some(expected.clone()));
    }
    finish(&harness, "run", &accepted()).await;
    assert_eq!(get(&harness, "run").await, Some(Run { outcome: Some(accepted()), ..expected }));
}

#[tokio::test]
async fn an_unknown_run_is_not_found() {
    let harness = Harness::start().await;
    assert_eq!(get(&harness, "run").await, None);
}

#[tokio::test]
async fn an_outcome_is_final() {
    let harness = begun("run").await;
    finish(&harness, "run", &accepted()).await;
    finish(&harness, "run", &Outcome::Interrupted).await;
    assert_eq!(outcome(&harness, "run").await, Some(accepted()));
}

#[tokio::test]
async fn a_run_of_a_stopped_process_is_marked_interrupted() {
    let harness = begun("old").await;
    harness.clock.advance(TimeDelta::minutes(5));
    let bob = Principal { id: "2".to_owned(), ..ada() };
    assert!(begin_as(&harness, "new", &bob).await);
    let now = harness.clock.now();
    runs::interrupt(&harness.server.store, now).await.expect("the database answers");
    assert_eq!(outcome(&harness, "old").await, Some(Outcome::Interrupted));
    assert_eq!(outcome(&harness, "new").await, None);
}

#[tokio::test]
async fn the_latest_run_of_a_user_is_not_that_of_another() {
    let harness = begun("adas").await;
    harness.clock.advance(TimeDelta::seconds(1));
    let bob = Principal { id: "2".to_owned(), ..ada() };
    begin_as(&harness, "bobs", &bob).await;
    let latest = async |person| {
        let latest = runs::latest(&harness.server.store, person).await;
        latest.expect("runs are readable").map(|kept| kept.run.id)
    };
    assert_eq!(latest("ada").await.as_deref(), Some("adas"));
    assert_eq!(latest("2").await.as_deref(), Some("bobs"));
    assert_eq!(latest("3").await, None);
}

#[tokio::test]
async fn a_test_is_audited_when_it_is_requested() {
    let harness = begun("run").await;
    let rows = harness.trail(9).await;
    let [row] = rows.as_slice() else { panic!("one row") };
    assert_eq!((row.action, row.actor.name.as_str()), (Action::TestSent, NAME));
}

#[tokio::test]
async fn a_run_past_its_deadline_is_shown_as_interrupted() {
    let harness = begun("run").await;
    let service = harness.server.service();
    assert_eq!(service.run(&ada(), "run").await.expect("the run").run.outcome, None);
    harness.clock.advance(TimeDelta::seconds(76));
    let outcome = service.run(&ada(), "run").await.expect("the run").run.outcome;
    assert_eq!(outcome, Some(Outcome::Interrupted));
}
