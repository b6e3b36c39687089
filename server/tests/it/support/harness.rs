//! The real server in this process: a separate database and folder, a fixed clock, seeded
//! randomness, and the real router, driven by `oneshot`.

use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::request::Builder;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::Response;
use axum::routing::get as route;
use axum::{Extension, Router};
use chrono::{DateTime, Utc};
use contract::{ConsentBinding, EmailService, Save, SaveAnswer};
use domain::delivery::{Run, Step, StepReport, StepStatus, Tested};
use domain::secret::Destination;
use domain::{Draft, Field, Form, Saved};
use net::origin::PublicUrl;
use server::Server;
use server::config::{Config, Rates, rate};
use server::identity::{Accounts, Caller, Principal, Role, SignInError, SignedIn};
use server::serve::{Limits, connections};
use server::web::pages::pages;
use store::Store;
use store::audit::{self, Actor, AuditFilter, Entry};
use store::runs;
use tempfile::TempDir;
pub use testkit::{THIS_MACHINE, this_machine};
use tokio::net::TcpListener;
use tower::ServiceExt;
use vault::clock::Clock;

use super::accounts;
use super::databases::{connection, database};
use super::drafts::draft_of;
use super::test_doubles::{FixedClock, SeededRandomness};

pub const EMAIL: &str = "ada@example.com";
pub const NAME: &str = "Ada Lovelace";
pub const PASSWORD: &str = "correct horse battery";
pub const ADDRESS: &str = "192.0.2.1";
/// The content type of a form.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// A server and its folder.
pub struct Harness {
    pub server: Server,
    pub clock: Arc<FixedClock>,
    pub folder: TempDir,
}

/// A complete response.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// Returns the error code.
    pub fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).expect("a refusal is JSON");
        body["code"].as_str().expect("a refusal has a code").to_owned()
    }

    /// Returns a header's text; empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are text here"))
    }

    /// Returns the status and where a redirect leads.
    pub fn redirect(&self) -> (StatusCode, &str) {
        (self.status, self.header("location"))
    }

    /// Returns the status and the body.
    pub fn content(&self) -> (StatusCode, &str) {
        (self.status, &self.body)
    }

    /// Returns the cookie that a browser sends back.
    pub fn cookie(&self) -> String {
        cookie_of(self.header("set-cookie"))
    }
}

impl Harness {
    /// Returns the latest rows of the audit trail, newest first, after writing what is counted in
    /// memory.
    pub async fn trail(&self, count: i64) -> Vec<Entry> {
        self.accounts().aggregates().flush().await;
        trail(&self.server.store, count).await
    }

    /// Returns the local accounts.
    pub fn accounts(&self) -> &Accounts {
        &self.server.people.accounts
    }

    /// Starts a user's test message that expires at an instant, and returns whether it was started.
    pub async fn begin_run(&self, id: &str, who: &Principal, gone_after: DateTime<Utc>) -> bool {
        let run = Run {
            id: id.to_owned(),
            recipient: who.address().to_owned(),
            tested: Tested::Saved,
            started_at: self.clock.now(),
            steps: Vec::new(),
            outcome: None,
        };
        let form = serde_json::to_string(&Form::<()>::default()).expect("JSON").into();
        let form = self.server.vault.seal("run", &Destination::Unbound, &form);
        runs::begin(&self.server.store, who, &run, &form, &[], gone_after).await.expect("it begins")
    }

    /// Saves, as the first revision, this mail server without TLS.
    pub async fn sends_through(&self, who: &Principal, mail_server: SocketAddr) {
        let port = mail_server.port().to_string();
        let draft = draft_of(&[
            (Field::BasicSender, "noreply@example.com"),
            (Field::BasicDisplayName, "PPM Planner"),
            (Field::BasicServer, "127.0.0.1"),
            (Field::BasicPort, port.as_str()),
            (Field::BasicUseTls, "false"),
        ]);
        let save = Save { draft, revision: 0, deletes_grant: None };
        let answer = self.server.service().save(who, save).await.expect("an answer");
        assert!(matches!(answer, SaveAnswer::Saved(_)), "{answer:?}");
    }

    /// Saves this form as Ada, and returns the answer.
    pub async fn save(&self, draft: &Draft, revision: i64) -> SaveAnswer {
        let save = Save { draft: draft.clone(), revision, deletes_grant: None };
        self.server.service().save(&ada(), save).await.expect("an answer")
    }

    /// Saves this form as Ada, and returns what is saved.
    pub async fn saved(&self, draft: &Draft, revision: i64) -> Saved {
        match self.save(draft, revision).await {
            SaveAnswer::Saved(saved) => saved,
            other => panic!("not saved: {other:?}"),
        }
    }

    /// Starts a server without accounts, reached by http.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts a server with a changed configuration.
    pub async fn with(configure: impl FnOnce(&mut Config)) -> Self {
        Self::in_folder(tempfile::tempdir().expect("a folder for the test"), configure).await
    }

    /// Starts a server with the existing database and key of this folder.
    pub async fn in_folder(folder: TempDir, configure: impl FnOnce(&mut Config)) -> Self {
        let clock = Arc::new(FixedClock::new());
        let mut config = config(&folder).await;
        configure(&mut config);
        let server = Server::start(config, clock.clone(), Arc::new(SeededRandomness::new(1)))
            .await
            .expect("a folder is all that a server needs");
        Self { server, clock, folder }
    }

    /// Starts another process on the same database.
    pub async fn another_node(&self) -> Server {
        let config = Config::clone(&self.server.config);
        let randomness = Arc::new(SeededRandomness::new(2));
        let node = Server::start(config, self.clock.clone(), randomness).await;
        node.expect("the database is there")
    }

    /// Starts a server that browsers reach by https.
    pub async fn https() -> Self {
        Self::with(|config| {
            config.public_url = Some(PublicUrl::parse("https://ppm.example").expect("a URL"));
        })
        .await
    }

    /// Adds the default administrator.
    pub async fn with_ada(self) -> Self {
        self.add(EMAIL, NAME).await;
        self
    }

    /// Adds an administrator with the password of most tests.
    pub async fn add(&self, email: &str, name: &str) {
        self.add_as(Role::Administrator, email, name).await;
    }

    /// Adds a user with this role.
    pub async fn add_as(&self, role: Role, email: &str, name: &str) {
        let added = self.accounts().add(email, name, role, PASSWORD.into(), operator()).await;
        added.expect("the account is acceptable");
    }

    /// Attempts to sign in from the default address.
    pub async fn try_sign_in(&self, email: &str, password: &str) -> Result<SignedIn, SignInError> {
        self.accounts().sign_in(email, password.into(), &anonymous_caller(ADDRESS)).await
    }

    /// Changes a user's role directly in the database, as an operator can.
    pub async fn set_role(&self, id: &str, role: Role) {
        sqlx::query("UPDATE person SET role = $2 WHERE id = $1")
            .bind(id)
            .bind(role.wire_name())
            .execute(&mut connection(self.folder.path()).await)
            .await
            .expect("the table is there");
    }

    /// Signs Ada in, and returns the `Cookie` header of her browser.
    pub async fn sign_in(&self) -> String {
        accounts::sign_in(self.accounts(), EMAIL).await
    }

    /// Serves the real pages on a free port for the duration of the test, and returns address and
    /// port.
    pub async fn listen(&self) -> String {
        let service = Arc::new(self.server.service());
        let router = server::guarded(self.server.clone(), pages(&self.server, &service));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        tokio::spawn(connections(listener, router, Limits::default(), pending()));
        address
    }

    /// Sends a request to these pages through the whole middleware stack.
    pub async fn ask(&self, pages: Router<Server>, request: Builder) -> Answer {
        self.ask_with(pages, request, Body::empty()).await
    }

    /// Sends a request with a body to these pages through the whole middleware stack.
    pub async fn ask_with(&self, pages: Router<Server>, request: Builder, body: Body) -> Answer {
        answer_of(server::guarded(self.server.clone(), pages), ADDRESS, request, body).await
    }
}

/// Sends a request of this peer to a router.
pub async fn answer_of(router: Router, peer: &str, request: Builder, body: Body) -> Answer {
    let peer = SocketAddr::new(peer.parse().expect("an address"), 1);
    let mut request = request.body(body).expect("the request is well-formed");
    request.extensions_mut().insert(ConnectInfo(peer));
    read(router.oneshot(request).await.expect("a router always answers")).await
}

/// Returns the `Caller` that a handler receives for this cookie.
pub async fn caller_of(harness: &Harness, cookie: &str) -> Caller {
    let seen = Arc::new(Mutex::new(None));
    let page = {
        let seen = seen.clone();
        route(async move |Extension(caller): Extension<Caller>| {
            *seen.lock().expect("one request at a time") = Some(caller);
        })
    };
    let request = get("/who").header(header::COOKIE, cookie);
    harness.ask(Router::new().route("/who", page), request).await;
    seen.lock().expect("one request at a time").take().expect("every request has a caller")
}

/// Returns the name of the user whom this cookie authenticates; empty without one.
pub async fn seen_as(harness: &Harness, cookie: &str) -> String {
    let principal = caller_of(harness, cookie).await.principal;
    principal.map_or_else(String::new, |principal| principal.name)
}

/// Reads a response to its end.
pub async fn read(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.expect("the body comes whole");
    // Answers are text here, unless they are compressed.
    let body = String::from_utf8_lossy(&bytes).into_owned();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// Returns the configuration of a server in this folder, which may connect to every address of this
/// machine.
pub async fn config(folder: &TempDir) -> Config {
    Config {
        egress: this_machine(),
        key_file: folder.path().join("ppm-email.key"),
        site_root: PathBuf::from(folder.path()),
        ..Config::new(database(folder).await)
    }
}

/// Returns rates that no test reaches, for tests of another limit.
pub fn unlimited() -> Rates {
    let all = rate(1_000_000, Duration::from_nanos(1));
    Rates { address: all, site: all, organisation: all, all, device: all }
}

/// Returns the latest rows of the audit trail, newest first.
pub async fn trail(store: &Store, count: i64) -> Vec<Entry> {
    let found = audit::entries(store, &AuditFilter::default(), count).await;
    let rows = found.expect("the audit is readable");
    rows.into_iter().map(|(_, entry)| entry).collect()
}

/// Returns a caller who has not signed in.
pub fn anonymous_caller(address: &str) -> Caller {
    let address: IpAddr = address.parse().expect("an address");
    let browser = ConsentBinding::default();
    Caller { principal: None, session: None, address, browser, device: None }
}

/// Returns an administrator, who need not be in the database.
pub fn principal(id: &str, email: &str, name: &str) -> Principal {
    Principal::local(id.to_owned(), email.to_owned(), name.to_owned(), Role::Administrator)
}

/// Returns Ada as an administrator, who need not be in the database.
pub fn ada() -> Principal {
    principal("ada", EMAIL, NAME)
}

/// Returns the report of a completed step.
pub fn completed(step: Step) -> StepReport {
    StepReport {
        step,
        ended: StepStatus::Done,
        millis: 3,
        facts: Vec::new(),
        peer_text: Some("220 ready".to_owned()),
        found: None,
    }
}

/// Returns the operator at the command line.
pub fn operator() -> Actor {
    Actor::named("", "command line")
}

/// Returns the `Cookie` header of a browser that has signed in.
pub fn session_cookie(signed_in: &SignedIn) -> String {
    cookie_of(signed_in.cookie.to_str().expect("a cookie is text"))
}

/// Returns the part of a `Set-Cookie` header that a browser sends back.
pub fn cookie_of(set_cookie: &str) -> String {
    set_cookie.split(';').next().expect("a cookie has a name and a value").to_owned()
}

/// Returns a request for a page.
pub fn get(path: &str) -> Builder {
    Request::get(path).header(header::HOST, "ppm.example")
}

/// Returns a form request, as a page of this server sends it.
pub fn post_form(path: &str) -> Builder {
    post(path).header(header::CONTENT_TYPE, FORM)
}

/// Returns a request that may change something, as a page of this server sends it.
pub fn post(path: &str) -> Builder {
    Request::post(path).header(header::HOST, "ppm.example").header("sec-fetch-site", "same-origin")
}
