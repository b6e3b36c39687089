//! The list of messages, and what an administrator does with those that have ended.

use chrono::TimeDelta;
use domain::outbox::{ATTEMPTED_FOR, MessageState};
use store::audit::{Action, Entry};
use store::message_list::{MessageFilter, MessageRow, page};
use store::outbox as rows;
use testkit::smtp_server::SmtpScript;
use vault::clock::Clock;

use crate::outbox::{Fixture, message_to};
use crate::support::harness::operator;

async fn listed(fixture: &Fixture, filter: &MessageFilter, count: i64) -> Vec<MessageRow> {
    page(&fixture.harness.server.store, filter, count).await.expect("a list")
}

fn recipients(messages: &[MessageRow]) -> Vec<&str> {
    messages.iter().map(|message| message.recipients[0].address.as_str()).collect()
}

#[tokio::test]
async fn the_list_is_newest_first_and_goes_on_behind_the_last_message() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    for number in 0..5 {
        fixture.accepted(&message_to(&[&format!("to-{number}@example.org")])).await;
        // Two at the same time keep their order, too.
        fixture.harness.clock.advance(TimeDelta::seconds(number % 2));
    }
    let first = listed(&fixture, &MessageFilter::default(), 3).await;
    assert_eq!(recipients(&first), ["to-4@example.org", "to-3@example.org", "to-2@example.org"]);
    let behind = Some(first[2].place);
    let rest = listed(&fixture, &MessageFilter { behind, ..MessageFilter::default() }, 3).await;
    assert_eq!(recipients(&rest), ["to-1@example.org", "to-0@example.org"]);
}

#[tokio::test]
async fn messages_are_found_by_state_application_recipient_and_time() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let began = fixture.harness.clock.now();
    for recipient in ["bo@example.org", "nobody@example.org", "later@example.org"] {
        fixture.accepted(&message_to(&[recipient])).await;
        fixture.harness.clock.advance(TimeDelta::hours(1));
    }
    fixture.work().await;
    let found = async |filter: MessageFilter| {
        let messages = listed(&fixture, &filter, 10).await;
        let found: Vec<_> = messages.iter().filter(|message| !message.is_notice).collect();
        found.iter().map(|message| message.recipients[0].address.clone()).collect::<Vec<_>>()
    };
    let all = MessageFilter::default;
    let failed = Some(MessageState::Failed);
    assert_eq!(found(MessageFilter { state: failed, ..all() }).await, ["nobody@example.org"]);
    let recipient = Some("BO@example.org".to_owned());
    assert_eq!(found(MessageFilter { recipient, ..all() }).await, ["bo@example.org"]);
    let (from, until) = (Some(began + TimeDelta::hours(1)), Some(began + TimeDelta::hours(2)));
    assert_eq!(found(MessageFilter { from, until, ..all() }).await, ["nobody@example.org"]);
    let applications = fixture.harness.server.applications().list().await.expect("a list");
    let application = Some(applications[0].id.clone());
    assert_eq!(found(MessageFilter { application, ..all() }).await.len(), 3);
    let application = Some("another".to_owned());
    assert_eq!(found(MessageFilter { application, ..all() }).await.len(), 0);
}

#[tokio::test]
async fn a_failed_message_is_sent_again_by_hand_until_it_is_discarded() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let id = fixture.accepted(&message_to(&["bo@example.org", "nobody@example.org"])).await;
    assert_eq!(fixture.work().await, 2, "the message and its notice");
    let (store, now) = (&fixture.harness.server.store, fixture.harness.clock.now());
    let entry = |action| Entry::new(now, operator(), action);
    let retry = async || {
        let entry = entry(Action::MessageRetried);
        rows::retry(store, &id, now + ATTEMPTED_FOR, &entry).await.expect("an answer")
    };
    assert!(retry().await);
    assert_eq!(fixture.work().await, 2, "it is tried for the recipient that has not got it");
    let row = &listed(&fixture, &MessageFilter::default(), 10).await;
    let row = row.iter().find(|row| row.id == id).expect("it is listed");
    assert!(row.has_body && row.attempts == 2, "{row:?}");
    let discard = async || {
        let entry = entry(Action::MessageDiscarded);
        rows::discard(store, &id, &entry).await.expect("an answer")
    };
    assert!(discard().await);
    assert!(!discard().await);
    assert!(!retry().await);
    let received = server.received().await;
    let lines = received.lines();
    let to = |start| lines.iter().filter(|line| line.starts_with(start)).count();
    assert_eq!((to("RCPT TO:<bo@"), to("RCPT TO:<nobody@")), (1, 2));
}
