//! Test messages. Asking for one answers at once; the message goes its way in a task of its own,
//! and every step is written down as it ends. Whoever wants to know reads it there.

use app::api::{ApiError, RunNow, TestAnswer};
use app::labels;
use app::service::Principal;
use chrono::TimeDelta;
use domain::delivery::{self, Advice, Outcome, Run, Step, StepReport, Tested};
use domain::draft::Smtp;
use domain::secret::Destination;
use domain::settings::{Security, Settings};
use domain::{Draft, Form, OauthFlow, check};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc;

use super::sending::{self, Outgoing, TokenSource, stopped};
use super::settings;
use super::{Broken, redact, told};
use crate::Server;
use crate::clock::random_id;
use crate::log::one_line;
use crate::smtp::message::{ComposeError, TestMessage, compose};
use crate::smtp::{Accepted, Failure};
use crate::store::runs::Kept;
use crate::store::{runs, tokens};
use crate::vault::columns;

/// Longer than everything that a run may take by this much, and the process that had it must be gone.
const GRACE: TimeDelta = TimeDelta::seconds(15);

/// What a message goes through.
struct Tried {
    tested: Tested,
    form: Form<()>,
    /// The wire names of the controls in which the form differs from what is saved.
    changed: Vec<&'static str>,
    settings: Result<Settings, Failure>,
    source: TokenSource,
}

/// Starts a message to whoever asks, through what is saved.
pub async fn start(server: &Server, who: &Principal) -> Result<RunNow, ApiError> {
    let recipient = who.recipient().ok_or(ApiError::NoAddress)?;
    let current = settings::current(server).await.map_err(told)?;
    if !current.saved.is_complete() {
        return Err(ApiError::Incomplete);
    }
    if current.saved.form.flow != OauthFlow::None && !has_token(server).await? {
        return Err(ApiError::TokenNeeded);
    }
    let tried = Tried {
        tested: Tested::Saved,
        form: current.saved.form.map_secrets(|_, _| ()),
        changed: Vec::new(),
        settings: sending::opened(server, &current),
        source: TokenSource::Stored(Box::new(current)),
    };
    begin(server, who, recipient, tried).await
}

/// Starts a message to the administrator who asks, through a form that is not saved; the audit trail
/// names the controls in which it differs from what is saved. What is stored goes only where it was
/// entered or obtained for: another destination of a secret is a problem of the form, and one of the
/// token is refused. With Client Credentials, the token is new and used for this message alone.
pub async fn start_typed(
    server: &Server,
    who: &Principal,
    draft: &Draft,
) -> Result<TestAnswer, ApiError> {
    let recipient = who.recipient().ok_or(ApiError::NoAddress)?;
    let current = settings::current(server).await.map_err(told)?;
    let draft = &draft.clone().without_private_keys().trimmed();
    let problems = settings::problems(server, draft, &current.saved.form);
    if !problems.is_empty() {
        return Ok(TestAnswer::Problems(problems));
    }
    let changed = settings::changed(draft, &current.saved);
    let settings = current.typed(server, draft).map_err(|error| told(error.into()))?;
    let source = match draft.flow {
        OauthFlow::None => TokenSource::Stored(Box::new(current)),
        OauthFlow::ClientCredentials => TokenSource::New,
        OauthFlow::AuthorizationCode | OauthFlow::AuthorizationCodePkce => {
            if !has_token(server).await? {
                return Err(ApiError::TokenNeeded);
            }
            if draft.token_destination() != current.saved.form.token_destination() {
                return Err(ApiError::TokenElsewhere);
            }
            TokenSource::Stored(Box::new(current))
        }
    };
    let form = draft.map_secrets(|_, _| ());
    let tried = Tried { tested: Tested::Typed, form, changed, settings: Ok(settings), source };
    begin(server, who, recipient, tried).await.map(|now| TestAnswer::Begun(Box::new(now)))
}

async fn has_token(server: &Server) -> Result<bool, ApiError> {
    let token = tokens::load(&server.store).await.map_err(|error| told(error.into()))?;
    Ok(token.is_some())
}

async fn begin(
    server: &Server,
    who: &Principal,
    recipient: &str,
    tried: Tried,
) -> Result<RunNow, ApiError> {
    interrupt_stale(server).await.map_err(told)?;
    let run = Run {
        id: random_id(server.randomness.as_ref()),
        recipient: recipient.to_owned(),
        tested: tried.tested,
        started_at: server.clock.now(),
        steps: Vec::new(),
        outcome: None,
    };
    let gone_after = run.started_at + longest(server, tried.form.flow);
    let form = sealed(server, &tried.form).map_err(told)?;
    let begun = runs::begin(&server.store, who, &run, &form, &tried.changed, gone_after).await;
    if !begun.map_err(|error| told(error.into()))? {
        return Err(ApiError::Busy);
    }
    server.news.tell(&who.id);
    let order = order(&tried.form);
    server.under_way.spawn(carry_out(server.clone(), who.clone(), tried, run.clone()));
    Ok(RunNow { run, order, explanation: None, transcript: None })
}

/// The run with this id.
pub async fn get(server: &Server, who: &Principal, id: &str) -> Result<Option<RunNow>, Broken> {
    let kept = runs::get(&server.store, id).await?;
    kept.map(|kept| shown(server, who, kept)).transpose()
}

/// The last run that this person asked for.
pub async fn latest_of(server: &Server, who: &Principal) -> Result<Option<RunNow>, Broken> {
    let kept = runs::latest(&server.store, Some(&who.id)).await?;
    kept.map(|kept| shown(server, who, kept)).transpose()
}

/// A run as this person may see it, its end explained. It is read without a write, so that it can be
/// read while the database takes none.
pub fn shown(server: &Server, who: &Principal, kept: Kept) -> Result<RunNow, Broken> {
    let Kept { mut run, form, .. } = kept.at(server.clock.now());
    if form.is_none() && !who.may_edit() {
        // A release before this one kept no form, and so no Client ID to redact.
        without_words(&mut run);
    }
    let mut tested = form.map_or_else(|| Ok(Form::default()), |form| opened(server, &form))?;
    let client_id = tested.authentication.client_id.clone();
    if !who.may_edit() {
        tested.authentication.client_id.clear();
    }
    // First, because the words may be cut in the middle of it, and the transcript has them too.
    let run = redact::for_person(run, Some(who), &client_id)?;
    let explanation = labels::explained(&run, &tested);
    let order = order(&tested);
    let transcript = labels::transcript(&run, explanation.as_ref());
    let now = RunNow { run, order, explanation, transcript };
    Ok(redact::for_person(now, Some(who), &client_id)?)
}

/// Takes a server's or a provider's words out of a run.
fn without_words(run: &mut Run) {
    for step in &mut run.steps {
        step.said = None;
    }
    if let Some(Outcome::Failed { said, .. }) = &mut run.outcome {
        *said = None;
    }
}

/// The form that a run goes through, kept for the words about it: without its secrets, and sealed,
/// for the Client ID's sake.
fn sealed(server: &Server, form: &Form<()>) -> Result<Vec<u8>, Broken> {
    let json = serde_json::to_string(form)?;
    Ok(server.vault.seal(columns::RUN, &Destination::Nowhere, &SecretString::from(json)))
}

/// The steps that a message through this form is to take.
fn order(form: &Form<()>) -> Vec<Step> {
    let Smtp { use_tls, tls_mode, port, .. } = form.sending();
    let port = check::port::port(&port.0).unwrap_or_default();
    delivery::order(Security::of(*use_tls, *tls_mode, port), form.flow != OauthFlow::None)
}

fn opened(server: &Server, sealed: &[u8]) -> Result<Form<()>, Broken> {
    let json = server.vault.open(columns::RUN, &Destination::Nowhere, sealed)?;
    Ok(serde_json::from_str(json.expose_secret())?)
}

/// Ends, as interrupted, the runs whose process must be gone, so that their people can begin others.
async fn interrupt_stale(server: &Server) -> Result<(), Broken> {
    Ok(runs::interrupt(&server.store, server.clock.now()).await?)
}

/// The most that a message may take: with an OAuth flow two requests for a token, each after another
/// process's, and two conversations.
fn longest(server: &Server, flow: OauthFlow) -> TimeDelta {
    let (smtp, token) = (server.config.smtp_deadlines.total, server.config.token_deadlines.total);
    let longest = match flow {
        OauthFlow::None => smtp,
        OauthFlow::AuthorizationCode
        | OauthFlow::AuthorizationCodePkce
        | OauthFlow::ClientCredentials => 2 * (smtp + 2 * token),
    };
    TimeDelta::from_std(longest).unwrap_or(TimeDelta::days(1)) + GRACE
}

/// Sends the message, and writes down how it fared whatever happens to it.
async fn carry_out(server: Server, who: Principal, tried: Tried, run: Run) {
    let outcome = send(&server, &who, tried, &run).await.unwrap_or_else(|failure| {
        let Failure { step, said, found, advice, .. } = failure;
        Outcome::Failed { step, said, found, advice }
    });
    if let Err(error) = runs::finish(&server.store, &run.id, &outcome).await {
        tracing::error!(error = one_line(&error), "the end of a test message could not be stored");
    }
    server.news.tell(&who.id);
}

/// Composes and delivers.
async fn send(
    server: &Server,
    who: &Principal,
    Tried { settings, source, .. }: Tried,
    run: &Run,
) -> Result<Outcome, Failure> {
    let settings = settings?;
    let (mail_server, sender) = sending::way(&settings);
    let message = compose(&TestMessage {
        sender,
        recipient: &run.recipient,
        asked_by: &format!("{} ({})", who.name, run.recipient),
        server: mail_server,
        at: run.started_at,
        unique: &run.id,
    })
    .map_err(|error| match error {
        ComposeError::Recipient => stopped(Step::Recipient, Advice::RecipientRefused),
        ComposeError::Sender => stopped(Step::Sender, Advice::SenderRefused),
    })?;
    let through = format!("{}:{}", mail_server.host, mail_server.port);
    let outgoing = Outgoing {
        sender: Some(sender.address.clone()),
        recipients: vec![run.recipient.clone()],
        octets: message.octets,
    };
    let Accepted { reply } = send_noting(server, who, &source, settings, &outgoing, run).await?;
    Ok(Outcome::Accepted { server: through, reply, message_id: message.message_id })
}

/// Sends, and writes each step down as it ends.
async fn send_noting(
    server: &Server,
    who: &Principal,
    source: &TokenSource,
    settings: Settings,
    outgoing: &Outgoing,
    run: &Run,
) -> Result<Accepted, Failure> {
    let (tell, mut told) = mpsc::unbounded_channel();
    let sending = async move {
        let mut on_step = |report| tell.send(report).unwrap_or_default();
        sending::send(server, source, settings, outgoing, &mut on_step).await
    };
    let noting = async {
        let mut ordinal = 0;
        while let Some(report) = told.recv().await {
            note(server, run, ordinal, &report).await;
            server.news.tell(&who.id);
            ordinal += 1;
        }
    };
    tokio::join!(sending, noting).0
}

/// A step that cannot be written down is missing in the report; the message goes on all the same.
async fn note(server: &Server, run: &Run, ordinal: u32, report: &StepReport) {
    if let Err(error) = runs::record(&server.store, &run.id, ordinal, report).await {
        tracing::error!(error = one_line(&error), "a step of a test message could not be stored");
    }
}
