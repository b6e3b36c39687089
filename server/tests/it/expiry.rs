//! The dates on which secrets expire: a save that changes nothing else keeps the token, and a secret
//! that is replaced loses its date.

use chrono::TimeDelta;
use contract::SaveAnswer;
use domain::delivery::Outcome;
use domain::token::{AttemptOutcome, Renewal};
use domain::{Draft, Field, OauthFlow};
use store::audit::Action;
use testkit::provider::Held;

use crate::support::drafts::edited;
use crate::support::harness::{Harness, trail};
use crate::support::oauth_fixture::{OauthFixture, Returning};
use crate::support::waiting::ended;

const CODE: OauthFlow = OauthFlow::AuthorizationCode;
const DATES: [(Field, &str); 2] =
    [(Field::PasswordExpiresOn, "2027-06-30"), (Field::ClientSecretExpiresOn, "2029-01-31")];

fn is_accepted(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Accepted { .. })
}

/// The saved form with no secret typed, and other dates.
fn redated(fixture: &OauthFixture) -> Draft {
    let untouched = [(Field::ClientSecret, "")];
    edited(&edited(&fixture.draft(CODE), &untouched), &DATES)
}

/// Saves other dates on this revision, and nothing else.
async fn save_dates(fixture: &OauthFixture, revision: i64) {
    fixture.saved(&redated(fixture), revision, None).await;
}

#[tokio::test]
async fn a_save_of_the_dates_alone_keeps_the_token_and_names_them_in_the_audit_trail() {
    let fixture = OauthFixture::with_token(CODE).await;
    let before = fixture.token().await.expect("a token");
    let answer = fixture.save(&redated(&fixture), 1).await;
    let SaveAnswer::Saved(saved) = answer else { panic!("{answer:?}") };
    assert_eq!(saved.revision, 2);
    assert_eq!(fixture.token().await, Some(before));
    assert!(is_accepted(&fixture.send().await));
    let rows = trail(&fixture.harness.server.store, 9).await;
    let row = rows.iter().find(|row| row.action == Action::SettingsSaved).expect("a row");
    assert_eq!(row.fields, DATES.map(|(field, _)| field.wire_name()));
    assert!(rows.iter().all(|row| row.action != Action::TokenDeleted));
}

#[tokio::test]
async fn a_save_of_a_date_and_something_else_asks_about_the_token() {
    let fixture = OauthFixture::with_token(CODE).await;
    let grant = fixture.token().await.expect("a token").grant;
    let draft = edited(&redated(&fixture), &[(Field::OauthDisplayName, "Another name")]);
    let answer = fixture.save(&draft, 1).await;
    assert_eq!(answer, SaveAnswer::TokenWouldBeDeleted(grant.clone()));
    fixture.saved(&draft, 1, Some(grant)).await;
    assert_eq!(fixture.token().await, None);
}

#[tokio::test]
async fn after_a_save_of_the_dates_alone_the_token_is_renewed() {
    let fixture = OauthFixture::with_token(CODE).await;
    save_dates(&fixture, 1).await;
    fixture.harness.clock.advance(TimeDelta::hours(2));
    assert!(is_accepted(&fixture.send().await));
    assert_eq!(fixture.token().await.expect("a token").renewal, Renewal::ByItself);
}

#[tokio::test]
async fn a_consent_and_a_renewal_go_on_through_a_save_of_the_dates_alone() {
    let fixture = OauthFixture::with(CODE).await;
    // The save comes before the callback.
    let Returning { address, cookie, attempt } = fixture.consent().await;
    save_dates(&fixture, 1).await;
    assert_eq!(fixture.view().await.attempt.expect("it is shown").id, attempt.id);
    fixture.land(&address, &cookie).await;
    assert_eq!(fixture.end_of(&attempt.id).await, AttemptOutcome::Obtained);

    // The save comes during the exchange.
    let Returning { address, cookie, attempt } = fixture.consent().await;
    fixture.provider.hold(Held::BeforeAnswering);
    let saving = async {
        fixture.provider.wait_for(2).await;
        fixture.saved(&edited(&redated(&fixture), &[(DATES[0].0, "")]), 2, None).await;
        fixture.provider.release();
    };
    tokio::join!(fixture.land(&address, &cookie), saving);
    assert_eq!(fixture.end_of(&attempt.id).await, AttemptOutcome::Obtained);

    // The save comes during the renewal.
    fixture.harness.clock.advance(TimeDelta::hours(2));
    fixture.provider.hold(Held::BeforeAnswering);
    let service = fixture.service();
    let (who, run) = fixture.begin_as("ada").await;
    fixture.provider.wait_for(3).await;
    save_dates(&fixture, 3).await;
    fixture.provider.release();
    let outcome = ended(&service, &who, &run.id).await.run.outcome.expect("an end");
    assert!(is_accepted(&outcome), "{outcome:?}");
    assert_eq!(fixture.token().await.expect("a token").renewal, Renewal::ByItself);
}

#[tokio::test]
async fn a_replaced_secret_loses_its_date_unless_another_is_entered_with_it() {
    let harness = Harness::start().await;
    let (date, other) = ("2027-06-30", "2028-06-30");
    let first = [
        (Field::BasicSender, "noreply@example.com"),
        (Field::BasicDisplayName, "Example PPM"),
        (Field::BasicServer, "smtp.example.com"),
        (Field::BasicPort, "587"),
        (Field::Username, "noreply"),
        (Field::Password, "first"),
        (Field::PasswordExpiresOn, date),
    ];
    let mut saved = harness.saved(&edited(&Draft::default(), &first), 0).await;
    for (edits, expected) in [
        (&[(Field::BasicDisplayName, "Another")][..], date),
        (&[(Field::Password, "second"), (Field::PasswordExpiresOn, other)], other),
        (&[(Field::Password, "third")], ""),
        (&[(Field::PasswordExpiresOn, date)], date),
        (&[(Field::Username, "")], ""),
    ] {
        saved = harness.saved(&edited(&saved.draft(), edits), saved.revision).await;
        assert_eq!(saved.form.plain_text(Field::PasswordExpiresOn), expected, "{edits:?}");
    }
    let rows = trail(&harness.server.store, 1).await;
    assert_eq!(rows[0].fields, ["username", "password", "password-expires-on"]);
}
