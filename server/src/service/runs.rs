//! Test messages. Asking for one answers at once; the message goes its way in a task of its own,
//! and every step is written down as it ends. Whoever wants to know reads it there.

use app::api::ApiError;
use app::service::Principal;
use chrono::TimeDelta;
use domain::OauthFlow;
use domain::delivery::{Advice, Outcome, Run, Step};
use domain::settings::Settings;
use tokio::sync::mpsc;

use super::settings::{self, Current};
use super::{Broken, told};
use crate::Server;
use crate::clock::random_id;
use crate::log::one_line;
use crate::smtp::message::{ComposeError, TestMessage, compose};
use crate::smtp::{Accepted, Credentials, Envelope, Failure, deliver};
use crate::store::runs;

/// Longer than a whole conversation by this much, and the process that had it must be gone.
const GRACE: TimeDelta = TimeDelta::seconds(15);

/// Starts a message to whoever asks, through what is saved.
pub async fn start(server: &Server, who: &Principal) -> Result<Run, ApiError> {
    let current = settings::current(server).await.map_err(told)?;
    if !current.saved.is_complete() {
        return Err(ApiError::Incomplete);
    }
    if current.saved.form.flow != OauthFlow::None {
        return Err(ApiError::TokenNeeded);
    }
    bury(server).await.map_err(told)?;
    let (id, at) = (random_id(server.randomness.as_ref()), server.clock.now());
    if !runs::begin(&server.store, &id, who, at).await.map_err(|error| told(error.into()))? {
        return Err(ApiError::Busy);
    }
    let run =
        Run { id, recipient: who.email.clone(), started_at: at, steps: Vec::new(), outcome: None };
    server.under_way.spawn(carry_out(server.clone(), who.clone(), current, run.clone()));
    Ok(run)
}

/// The run with this id, ended as interrupted if whoever had it is gone.
pub async fn get(server: &Server, id: &str) -> Result<Option<Run>, Broken> {
    bury(server).await?;
    Ok(runs::get(&server.store, id).await?)
}

/// The last run that this person asked for.
pub async fn latest_of(server: &Server, who: &Principal) -> Result<Option<Run>, Broken> {
    bury(server).await?;
    Ok(runs::latest(&server.store, Some(&who.id)).await?)
}

pub async fn bury(server: &Server) -> Result<(), Broken> {
    let longest = TimeDelta::from_std(server.config.smtp_deadlines.total).unwrap_or(TimeDelta::MAX);
    let ago = longest.checked_add(&GRACE).unwrap_or(TimeDelta::MAX);
    if let Some(began_before) = server.clock.now().checked_sub_signed(ago) {
        runs::interrupt(&server.store, began_before).await?;
    }
    Ok(())
}

/// Sends the message, and writes down how it fared whatever happens to it.
async fn carry_out(server: Server, who: Principal, current: Current, run: Run) {
    let outcome = send(&server, &who, &current, &run).await.unwrap_or_else(|failure| {
        Outcome::Failed { step: failure.step, said: failure.said, advice: failure.advice }
    });
    if let Err(error) = runs::finish(&server.store, &run.id, &outcome).await {
        tracing::error!(error = one_line(&error), "the end of a test message could not be stored");
    }
}

/// Opens, composes, delivers.
async fn send(
    server: &Server,
    who: &Principal,
    current: &Current,
    run: &Run,
) -> Result<Outcome, Failure> {
    let unreadable = || stopped(Step::SignIn, Advice::SecretUnreadable);
    let secrets = current.open(server).map_err(|error| {
        tracing::error!(error = one_line(&error), "a stored secret cannot be opened");
        unreadable()
    })?;
    let Ok(Settings::Basic { server: mail_server, sender, account }) =
        Settings::parse(&current.saved.draft(), &secrets)
    else {
        return Err(unreadable());
    };
    let message = compose(&TestMessage {
        sender: &sender,
        recipient: &run.recipient,
        asked_by: &format!("{} ({})", who.name, who.email),
        server: &mail_server,
        at: run.started_at,
        unique: &run.id,
    })
    .map_err(|error| match error {
        ComposeError::Recipient => stopped(Step::Recipient, Advice::RecipientRefused),
        ComposeError::Sender => stopped(Step::Sender, Advice::SenderRefused),
    })?;
    let through = format!("{}:{}", mail_server.host, mail_server.port);
    let envelope = Envelope {
        server: mail_server,
        credentials: account.map_or(Credentials::None, Credentials::Password),
        sender: sender.address,
        recipient: run.recipient.clone(),
    };
    let Accepted { reply } = deliver_noting(server, run, &envelope, &message.octets).await?;
    Ok(Outcome::Accepted { server: through, reply, message_id: message.message_id })
}

/// Delivers, and writes each step down as it ends. A step that cannot be written down is missing in
/// the report; the message goes on all the same.
async fn deliver_noting(
    server: &Server,
    run: &Run,
    envelope: &Envelope,
    message: &[u8],
) -> Result<Accepted, Failure> {
    let (tell, mut told) = mpsc::unbounded_channel();
    let delivering = async move {
        let mut on_step = |report| tell.send(report).unwrap_or_default();
        deliver(envelope, message, &server.trust, server.config.smtp_deadlines, &mut on_step).await
    };
    let noting = async {
        let mut ordinal = 0;
        while let Some(report) = told.recv().await {
            if let Err(error) = runs::record(&server.store, &run.id, ordinal, &report).await {
                tracing::error!(
                    error = one_line(&error),
                    "a step of a test message could not be stored"
                );
            }
            ordinal += 1;
        }
    };
    tokio::join!(delivering, noting).0
}

fn stopped(step: Step, advice: Advice) -> Failure {
    Failure { step, said: None, advice, code: None }
}
