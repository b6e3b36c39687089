//! Test messages. A request starts one and returns at once; a separate task sends it, and stores
//! each step as it ends. Readers take the progress from the database.

use std::sync::Arc;

use chrono::TimeDelta;
use contract::{ApiCode, RunView, TestAnswer, pages::History};
use domain::delivery::{self, Diagnosis, Outcome, Run, Step, Tested};
use domain::settings::{Security, Settings};
use domain::{Draft, Field, Form, OauthFlow, Principal};
use domain::{draft::Smtp, error::one_line, secret::Destination, syntax::port};
use secrecy::{ExposeSecret, SecretString};
use smtp::message::{ComposeError, TestMessage, compose};
use smtp::{Accepted, Envelope, Failure};
use store::{Store, runs as rows, runs::StoredRun, tokens};
use tokio::sync::mpsc;

use super::delivery::{
    self as sending, Delivery, Outgoing, TokenSource, failure_before_connection,
};
use super::{
    UseCaseError, internal_error, people::display, reader_view, settings, updates::Updates,
};
use crate::identity::People;
use vault::clock::{Clock, Randomness, random_id};
use vault::{Vault, columns};

/// The number of test messages in the history.
const HISTORY: i64 = 10;
/// Grace period after a run's deadline before it is marked interrupted.
const GRACE: TimeDelta = TimeDelta::seconds(15);

/// What test messages use. Clones share everything.
#[derive(Debug, Clone)]
pub struct TestRuns {
    /// Sends the messages.
    pub delivery: Arc<Delivery>,
    /// The rows of the runs.
    pub store: Store,
    /// Seals the form of a run.
    pub vault: Vault,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of the runs' IDs.
    pub randomness: Arc<dyn Randomness>,
    /// The subscriptions to saves and to the progress of runs.
    pub updates: Arc<Updates>,
    /// How long a run is kept, in days; 0 for ever.
    pub kept_days: u32,
}

/// The settings that a test message uses.
struct TestedForm {
    tested: Tested,
    form: Form<()>,
    /// The wire names of the controls in which the form differs from what is saved.
    changed: Vec<&'static str>,
    settings: Result<Settings, Failure>,
    source: TokenSource,
}

/// Starts a message to the user, with the saved settings.
pub async fn start(runs: &TestRuns, who: &Principal) -> Result<RunView, ApiCode> {
    let recipient = who.recipient().ok_or(ApiCode::NoAddress)?;
    let current = settings::current(&runs.delivery.settings).await.map_err(internal_error)?;
    if !current.saved.is_complete() {
        return Err(ApiCode::Incomplete);
    }
    if current.saved.form.flow != OauthFlow::None && !has_token(runs).await? {
        return Err(ApiCode::TokenNeeded);
    }
    let tried = TestedForm {
        tested: Tested::Saved,
        form: current.saved.form.map_secrets(|_, _| ()),
        changed: Vec::new(),
        settings: sending::open_settings(&runs.delivery, &current),
        source: TokenSource::Stored(Box::new(current)),
    };
    begin(runs, who, recipient, tried).await
}

/// Starts a message to the administrator, with a form that is not saved; the audit trail names the
/// controls in which it differs from the saved one. Stored values are sent only to the destination
/// that they were entered or obtained for: another destination of a secret is a problem of the
/// form, and one of the token is refused. With Client Credentials, the token is new and used for
/// this message only.
pub async fn start_typed(
    runs: &TestRuns,
    who: &Principal,
    draft: &Draft,
) -> Result<TestAnswer, ApiCode> {
    let recipient = who.recipient().ok_or(ApiCode::NoAddress)?;
    let current = settings::current(&runs.delivery.settings).await.map_err(internal_error)?;
    let draft = &draft.clone().strip_private_keys().trimmed();
    let problems = settings::problems(&runs.delivery.settings, draft, &current.saved.form);
    if !problems.is_empty() {
        return Ok(TestAnswer::Problems(problems));
    }
    let changed = settings::changed(draft, &current.saved);
    let changed = changed.into_iter().map(Field::wire_name).collect();
    let settings = current.typed(&runs.delivery.settings, draft).map_err(internal_error)?;
    let source = match draft.flow {
        OauthFlow::None => TokenSource::Stored(Box::new(current)),
        OauthFlow::ClientCredentials => TokenSource::New,
        OauthFlow::AuthorizationCode | OauthFlow::AuthorizationCodePkce => {
            if !has_token(runs).await? {
                return Err(ApiCode::TokenNeeded);
            }
            if draft.token_destination() != current.saved.form.token_destination() {
                return Err(ApiCode::TokenForOtherServer);
            }
            TokenSource::Stored(Box::new(current))
        }
    };
    let form = draft.map_secrets(|_, _| ());
    let tried = TestedForm { tested: Tested::Typed, form, changed, settings: Ok(settings), source };
    begin(runs, who, recipient, tried).await.map(|now| TestAnswer::Begun(Box::new(now)))
}

async fn has_token(runs: &TestRuns) -> Result<bool, ApiCode> {
    Ok(tokens::load(&runs.store).await.map_err(internal_error)?.is_some())
}

async fn begin(
    runs: &TestRuns,
    who: &Principal,
    recipient: &str,
    tried: TestedForm,
) -> Result<RunView, ApiCode> {
    // A run whose process must be gone must not keep its user from starting another.
    rows::interrupt(&runs.store, runs.clock.now()).await.map_err(internal_error)?;
    let run = Run {
        id: random_id(runs.randomness.as_ref()),
        recipient: recipient.to_owned(),
        tested: tried.tested,
        started_at: runs.clock.now(),
        steps: Vec::new(),
        outcome: None,
    };
    let gone_after = run.started_at + longest(runs, tried.form.flow);
    let form = sealed(runs, &tried.form).map_err(internal_error)?;
    let begun = rows::begin(&runs.store, who, &run, &form, &tried.changed, gone_after).await;
    if !begun.map_err(internal_error)? {
        return Err(ApiCode::Busy);
    }
    runs.updates.notify(&who.id);
    let order = order(&tried.form);
    runs.delivery.tasks.spawn(run_to_completion(runs.clone(), who.clone(), tried, run.clone()));
    Ok(RunView { run, order, explanation: None, transcript: None })
}

/// The run with this id.
pub async fn get(
    runs: &TestRuns,
    who: &Principal,
    id: &str,
) -> Result<Option<RunView>, UseCaseError> {
    let kept = rows::get(&runs.store, id).await?;
    kept.map(|kept| shown(runs, who, kept)).transpose()
}

/// A run as this user may see it, its outcome explained. Reading it needs no write, so it works
/// while the database is read-only.
pub fn shown(runs: &TestRuns, who: &Principal, kept: StoredRun) -> Result<RunView, UseCaseError> {
    let StoredRun { mut run, form, .. } = kept.at(runs.clock.now());
    if form.is_none() && !who.may_edit() {
        // An earlier release stored no form, and so no Client ID to redact.
        without_words(&mut run);
    }
    let mut tested = form.map_or_else(|| Ok(Form::default()), |form| opened(runs, &form))?;
    let client_id = tested.authentication.client_id.clone();
    if !who.may_edit() {
        tested.authentication.client_id.clear();
    }
    // Redacted first: a text may be truncated within the id, and the transcript repeats the text.
    let run = reader_view::for_person(run, Some(who), &client_id)?;
    let explanation = explain::explained(&run, &tested);
    let order = order(&tested);
    let transcript = explain::transcript(&run, explanation.as_ref());
    let now = RunView { run, order, explanation, transcript };
    Ok(reader_view::for_person(now, Some(who), &client_id)?)
}

/// Removes a server's or a provider's texts from a run.
fn without_words(run: &mut Run) {
    for step in &mut run.steps {
        step.peer_text = None;
    }
    if let Some(Outcome::Failed { peer_text, .. }) = &mut run.outcome {
        *peer_text = None;
    }
}

/// Seals the form of a run for later explanations: without its secrets, and sealed because of the
/// Client ID.
fn sealed(runs: &TestRuns, form: &Form<()>) -> Result<Vec<u8>, UseCaseError> {
    let json = serde_json::to_string(form)?;
    Ok(runs.vault.seal(columns::RUN, &Destination::Unbound, &SecretString::from(json)))
}

/// The steps that a message with this form takes.
fn order(form: &Form<()>) -> Vec<Step> {
    let Smtp { use_tls, tls_mode, port, .. } = form.active_smtp();
    let port = port::port(&port.0).unwrap_or_default();
    delivery::order(Security::of(*use_tls, *tls_mode, port), form.flow != OauthFlow::None)
}

fn opened(runs: &TestRuns, sealed: &[u8]) -> Result<Form<()>, UseCaseError> {
    let json = runs.vault.open(columns::RUN, &Destination::Unbound, sealed)?;
    Ok(serde_json::from_str(json.expose_secret())?)
}

/// The maximum duration of a message: with an OAuth flow two token requests, each after another
/// process's, and two SMTP sessions.
fn longest(runs: &TestRuns, flow: OauthFlow) -> TimeDelta {
    let (smtp, token) = (runs.delivery.deadlines.total, runs.delivery.tokens.longest_request);
    let longest = match flow {
        OauthFlow::None => smtp,
        OauthFlow::AuthorizationCode
        | OauthFlow::AuthorizationCodePkce
        | OauthFlow::ClientCredentials => 2 * (smtp + 2 * token),
    };
    TimeDelta::from_std(longest).unwrap_or(TimeDelta::days(1)) + GRACE
}

/// Sends the message, and stores the outcome in any case.
async fn run_to_completion(runs: TestRuns, who: Principal, tried: TestedForm, run: Run) {
    let outcome = send(&runs, &who, tried, &run).await.unwrap_or_else(|failure| {
        let Failure { step, peer_text, found, diagnosis, .. } = failure;
        Outcome::Failed { step, peer_text, found, diagnosis }
    });
    if let Err(error) = rows::finish(&runs.store, &run.id, &outcome).await {
        tracing::error!(error = one_line(&error), "the end of a test message could not be stored");
    }
    runs.updates.notify(&who.id);
}

/// Composes and delivers.
async fn send(
    runs: &TestRuns,
    who: &Principal,
    TestedForm { settings, source, .. }: TestedForm,
    run: &Run,
) -> Result<Outcome, Failure> {
    let settings = settings?;
    let (mail_server, sender) = sending::route(&settings);
    let message = compose(&TestMessage {
        sender,
        recipient: &run.recipient,
        asked_by: &format!("{} ({})", who.name, run.recipient),
        server: mail_server,
        at: run.started_at,
        unique: &run.id,
    })
    .map_err(|error| match error {
        ComposeError::Recipient => {
            failure_before_connection(Step::Recipient, Diagnosis::RecipientRefused)
        }
        ComposeError::Sender => failure_before_connection(Step::Sender, Diagnosis::SenderRefused),
    })?;
    let through = format!("{}:{}", mail_server.host, mail_server.port);
    let envelope =
        Envelope { sender: Some(sender.address.clone()), recipients: vec![run.recipient.clone()] };
    let outgoing = Outgoing { envelope, octets: message.octets };
    let Accepted { reply } =
        send_recording_steps(runs, who, &source, settings, &outgoing, run).await?;
    Ok(Outcome::Accepted { server: through, reply, message_id: message.message_id })
}

/// Sends, and stores each step as it ends.
async fn send_recording_steps(
    runs: &TestRuns,
    who: &Principal,
    source: &TokenSource,
    settings: Settings,
    outgoing: &Outgoing,
    run: &Run,
) -> Result<Accepted, Failure> {
    let (tell, mut told) = mpsc::unbounded_channel();
    let sending = async move {
        let mut on_step = |report| tell.send(report).unwrap_or_default();
        sending::send(&runs.delivery, run.tested, source, settings, outgoing, &mut on_step).await
    };
    let noting = async {
        let mut ordinal = 0;
        while let Some(report) = told.recv().await {
            // A step that cannot be stored is missing in the report, and the message goes on.
            if let Err(error) = rows::record(&runs.store, &run.id, ordinal, &report).await {
                let error = one_line(&error);
                tracing::error!(error, "a step of a test message could not be stored");
            }
            runs.updates.notify(&who.id);
            ordinal += 1;
        }
    };
    tokio::join!(sending, noting).0
}

/// The latest test messages of all users.
pub async fn history(
    runs: &TestRuns,
    people: &People,
    who: &Principal,
) -> Result<History, UseCaseError> {
    let found = rows::history(&runs.store, HISTORY).await?;
    let display = display(people, who, found.iter().map(|(_, kept)| kept.run.started_at)).await?;
    let shown = |(by, kept)| Ok((by, shown(runs, who, kept)?));
    let found = found.into_iter().map(shown).collect::<Result<_, UseCaseError>>()?;
    Ok(History { runs: found, display, kept_days: runs.kept_days })
}
