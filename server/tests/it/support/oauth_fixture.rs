//! A server with a saved OAuth flow, its provider and its mail server, and the steps of a browser
//! from Get Auth Token to the result page.

use std::sync::Arc;

use axum::http::StatusCode;
use contract::{ApiCode, ConsentBinding, EmailService, Save, SaveAnswer, ShellService, TokenView};
use domain::delivery::{Outcome, Run};
use domain::token::{Attempt, AttemptOutcome, Token};
use domain::{Draft, Field, OauthFlow, Principal};
use server::{config::Config, use_cases::Service};
use store::people;
use store::provider_metadata::{self, StoredProvider};

use super::drafts::draft_of;
use super::harness::{Answer, EMAIL, Harness, NAME, principal};
use super::pages::page;
use super::steps::metadata_of;
use super::waiting::{ended, until_some};
use testkit::mailbox::Mailbox;
use testkit::provider::{CLIENT_ID, CLIENT_SECRET, Rules, SCOPE, TestProvider};
use testkit::smtp_server::AUTHORITY;

/// All flows with a token.
pub const FLOWS: [OauthFlow; 3] =
    [OauthFlow::AuthorizationCode, OauthFlow::AuthorizationCodePkce, OauthFlow::ClientCredentials];

/// The redirect URI of these tests.
pub const CALLBACK: &str = "http://ppm.example/oauth/callback";

/// The server, the provider, the mail server and an administrator.
pub struct OauthFixture {
    pub harness: Harness,
    pub provider: Arc<TestProvider>,
    pub mailbox: Mailbox,
    pub ada: Principal,
}

/// A browser that returns from the provider.
pub struct Returning {
    pub attempt: Attempt,
    /// The callback URL.
    pub address: String,
    /// The cookie that binds the consent to the browser.
    pub cookie: String,
}

/// Returns a complete form for this flow, with this provider and mail server.
pub fn draft(flow: OauthFlow, provider: &TestProvider, mailbox: &Mailbox) -> Draft {
    let (authorization, token) = (provider.authorization_endpoint(), provider.token_endpoint());
    draft_with(flow, &authorization, &token, mailbox.address.port())
}

/// Returns a complete form for this flow, with these endpoints and this port of the mail server.
pub fn draft_with(flow: OauthFlow, authorization: &str, token: &str, port: u16) -> Draft {
    let port = port.to_string();
    draft_of(&[
        (Field::Flow, flow.wire_name()),
        (Field::OauthSender, "noreply@example.com"),
        (Field::OauthDisplayName, "Example PPM"),
        (Field::OauthServer, "localhost"),
        (Field::OauthPort, port.as_str()),
        (Field::OauthTlsMode, "implicit"),
        (Field::ClientId, CLIENT_ID),
        (Field::ClientSecret, CLIENT_SECRET),
        (Field::AuthorizationEndpoint, authorization),
        (Field::TokenEndpoint, token),
        (Field::RedirectUri, CALLBACK),
        (Field::Scope, SCOPE),
    ])
}

impl OauthFixture {
    /// Starts with this flow saved, and without a token.
    pub async fn with(flow: OauthFlow) -> Self {
        Self::configured(flow, |_| {}).await
    }

    /// Starts with this flow saved and a changed configuration.
    pub async fn configured(flow: OauthFlow, configure: impl FnOnce(&mut Config)) -> Self {
        let harness = Harness::with(|config| {
            config.extra_ca = vec![AUTHORITY.certificate()];
            configure(config);
        })
        .await
        .with_ada()
        .await;
        let provider = Arc::new(TestProvider::start());
        let mailbox = Mailbox::start(&provider).await;
        let ada = stored_ada(&harness).await;
        let fixture = Self { harness, provider, mailbox, ada };
        fixture.saved(&fixture.draft(flow), 0, None).await;
        fixture
    }

    /// Starts with this flow saved and a token.
    pub async fn with_token(flow: OauthFlow) -> Self {
        Self::with_token_by(flow, |_| {}).await
    }

    /// Starts with this flow saved and a token of a provider that follows changed rules.
    pub async fn with_token_by(flow: OauthFlow, change: impl FnOnce(&mut Rules)) -> Self {
        let fixture = Self::with(flow).await;
        fixture.provider.rule(change);
        fixture.obtain().await;
        fixture
    }

    /// Returns another administrator.
    pub fn grace(&self) -> Principal {
        Principal { id: "grace".to_owned(), ..self.ada.clone() }
    }

    pub fn service(&self) -> Service {
        self.harness.server.service()
    }

    /// Returns a complete form for this flow.
    pub fn draft(&self, flow: OauthFlow) -> Draft {
        draft(flow, &self.provider, &self.mailbox)
    }

    pub async fn save(&self, draft: &Draft, revision: i64) -> SaveAnswer {
        self.save_deleting(draft, revision, None).await
    }

    pub async fn save_deleting(
        &self,
        draft: &Draft,
        revision: i64,
        deletes_grant: Option<String>,
    ) -> SaveAnswer {
        let save = Save { draft: draft.clone(), revision, deletes_grant };
        self.service().save(&self.ada, save).await.expect("an answer")
    }

    /// Saves this form, and agrees to the deletion of this token.
    pub async fn saved(&self, draft: &Draft, revision: i64, deletes_grant: Option<String>) {
        let answer = self.save_deleting(draft, revision, deletes_grant).await;
        assert!(matches!(answer, SaveAnswer::Saved(_)), "{answer:?}");
    }

    /// Saves a changed form as the second revision, which deletes the token.
    pub async fn delete_token(&self, flow: OauthFlow) {
        let mut draft = self.draft(flow);
        draft.edit(Field::OauthDisplayName, "Another name");
        self.saved(&draft, 1, self.token().await.map(|token| token.grant)).await;
    }

    /// Stores metadata of this provider, after changes.
    pub async fn store_metadata(&self, change: impl FnOnce(&mut StoredProvider)) {
        let endpoints = (self.provider.token_endpoint(), self.provider.authorization_endpoint());
        let mut metadata = metadata_of(&endpoints.0, &endpoints.1);
        change(&mut metadata);
        let server = &self.harness.server;
        let stored =
            provider_metadata::learn(&server.store, &metadata, true, server.clock.now()).await;
        stored.expect("it is stored");
    }

    /// Returns the token and the last attempt as a browser receives them.
    pub async fn view(&self) -> TokenView {
        self.service().token(&self.ada).await.expect("an answer")
    }

    /// Returns the token's state as a browser receives it.
    pub async fn token(&self) -> Option<Token> {
        self.view().await.token
    }

    /// Requests a token with Client Credentials, and returns the ID and the outcome of the attempt.
    pub async fn request_token(&self) -> (String, AttemptOutcome) {
        let begun = self.service().get_token(&self.ada, CALLBACK, true).await.expect("an attempt");
        let outcome = self.end_of(&begun.attempt.id).await;
        (begun.attempt.id, outcome)
    }

    /// Obtains a token by any flow.
    pub async fn obtain(&self) {
        let begun = self.service().get_token(&self.ada, CALLBACK, true).await.expect("an attempt");
        let end = match begun.start {
            None => self.end_of(&begun.attempt.id).await,
            Some(start) => {
                let returning = self.depart(begun.attempt, &start, "").await;
                let landed = self.land(&returning.address, &returning.cookie).await;
                assert_eq!(landed.status, StatusCode::SEE_OTHER, "{landed:?}");
                self.end_of(&returning.attempt.id).await
            }
        };
        assert_eq!(end, AttemptOutcome::Obtained);
    }

    /// Presses Get Auth Token, and returns the attempt and the path that redirects to the provider.
    pub async fn begin(&self) -> (Attempt, String) {
        let begun = self.service().get_token(&self.ada, CALLBACK, true).await.expect("an attempt");
        (begun.attempt, begun.start.expect("the flow needs a consent"))
    }

    /// Presses Get Auth Token, follows it to the provider and consents.
    pub async fn consent(&self) -> Returning {
        let (attempt, start) = self.begin().await;
        self.depart(attempt, &start, "").await
    }

    /// Follows a start path with this cookie, and consents.
    pub async fn depart(&self, attempt: Attempt, start: &str, cookie: &str) -> Returning {
        let departed = self.get(start, cookie).await;
        assert_eq!(departed.status, StatusCode::SEE_OTHER, "{departed:?}");
        Returning {
            attempt,
            address: self.provider.consent(departed.header("location")),
            cookie: departed.cookie(),
        }
    }

    /// Requests a callback URL with a cookie.
    pub async fn land(&self, address: &str, cookie: &str) -> Answer {
        let path = address.strip_prefix("http://ppm.example").expect("this server's address");
        self.get(path, cookie).await
    }

    pub async fn get(&self, path: &str, cookie: &str) -> Answer {
        page(&self.harness, path, cookie).await
    }

    /// Waits for the end of an attempt, and returns its outcome.
    pub async fn end_of(&self, id: &str) -> AttemptOutcome {
        until_some(async || {
            let found = ShellService::attempt(&self.service(), Some(&self.ada), id).await;
            found.expect("an answer").expect("the attempt is there").0.end
        })
        .await
    }

    /// Starts a test message as a user with this name.
    pub async fn begin_as(&self, name: &str) -> (Principal, Run) {
        let who = Principal { id: name.to_owned(), ..self.ada.clone() };
        let now = self.service().send_test(&who).await.expect("a run");
        (who, now.run)
    }

    /// Returns a user's test message.
    pub async fn run(&self, who: &Principal, id: &str) -> Run {
        self.service().run(who, id).await.expect("the run").run
    }

    /// Sends a test message as a user with this name, and waits for its end.
    pub async fn send_as(&self, name: &str) -> Run {
        let (who, run) = self.begin_as(name).await;
        ended(&self.service(), &who, &run.id).await.run
    }

    /// Sends a test message, and returns its outcome.
    pub async fn send(&self) -> Outcome {
        self.send_as("ada").await.outcome.expect("an end")
    }

    /// Completes an attempt with a pasted URL.
    pub async fn paste(&self, returning: &Returning, address: &str) -> Result<Attempt, ApiCode> {
        let (_, cookie) = returning.cookie.split_once('=').expect("a cookie has a name");
        let (browser, id) = (ConsentBinding::ByCookie(cookie.to_owned()), &returning.attempt.id);
        let finished = self.service().finish_attempt(&self.ada, &browser, id, address).await?;
        Ok(finished.attempt)
    }
}

/// Returns Ada as an administrator with the ID that she has in the database.
pub async fn stored_ada(harness: &Harness) -> Principal {
    let person = people::by_email(&harness.server.store, EMAIL).await.expect("an answer");
    principal(&person.expect("Ada's account").id, EMAIL, NAME)
}

/// Pauses between two checks of a condition, so that other tasks can run.
pub async fn a_moment() {
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
}
