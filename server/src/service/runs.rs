//! Test messages. Asking for one answers at once; the message goes its way in a task of its own,
//! and every step is written down as it ends. Whoever wants to know reads it there.

use app::api::ApiError;
use app::service::Principal;
use chrono::TimeDelta;
use domain::OauthFlow;
use domain::delivery::{Advice, Outcome, Run, Step, StepEnd, StepReport};
use domain::settings::Settings;
use domain::token::Setback;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::renewal::{self, Access, NoAccess};
use super::settings::{self, Current};
use super::{Broken, told};
use crate::Server;
use crate::clock::random_id;
use crate::log::one_line;
use crate::smtp::message::{ComposeError, TestMessage, compose};
use crate::smtp::{Accepted, Bearer, Credentials, Envelope, Failure, deliver};
use crate::store::{runs, tokens};

/// Longer than everything that a run may take by this much, and the process that had it must be gone.
const GRACE: TimeDelta = TimeDelta::seconds(15);

/// Starts a message to whoever asks, through what is saved.
pub async fn start(server: &Server, who: &Principal) -> Result<Run, ApiError> {
    let recipient = who.recipient().ok_or(ApiError::NoAddress)?;
    let current = settings::current(server).await.map_err(told)?;
    if !current.saved.is_complete() {
        return Err(ApiError::Incomplete);
    }
    if current.saved.form.flow != OauthFlow::None
        && tokens::load(&server.store).await.map_err(|error| told(error.into()))?.is_none()
    {
        return Err(ApiError::TokenNeeded);
    }
    bury(server).await.map_err(told)?;
    let (id, at) = (random_id(server.randomness.as_ref()), server.clock.now());
    let gone_after = at + longest(server, current.saved.form.flow);
    let begun = runs::begin(&server.store, &id, who, recipient, at, gone_after).await;
    if !begun.map_err(|error| told(error.into()))? {
        return Err(ApiError::Busy);
    }
    let run = Run {
        id,
        recipient: recipient.to_owned(),
        started_at: at,
        steps: Vec::new(),
        outcome: None,
    };
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

/// Ends, as interrupted, the runs whose process must be gone.
pub async fn bury(server: &Server) -> Result<(), Broken> {
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
async fn carry_out(server: Server, who: Principal, current: Current, run: Run) {
    let mut notes = Notes { server: &server, run: &run, ordinal: 0 };
    let outcome = send(&mut notes, &who, &current).await.unwrap_or_else(|failure| {
        Outcome::Failed { step: failure.step, said: failure.said, advice: failure.advice }
    });
    if let Err(error) = runs::finish(&server.store, &run.id, &outcome).await {
        tracing::error!(error = one_line(&error), "the end of a test message could not be stored");
    }
}

/// Opens, composes, delivers.
async fn send(
    notes: &mut Notes<'_>,
    who: &Principal,
    current: &Current,
) -> Result<Outcome, Failure> {
    let (server, run) = (notes.server, notes.run);
    let settings =
        current.settings(server).ok_or_else(|| stopped(Step::SignIn, Advice::SecretUnreadable))?;
    let (mail_server, sender) = match &settings {
        Settings::Basic { server, sender, .. } | Settings::Oauth { server, sender, .. } => {
            (server, sender)
        }
    };
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
    let mut envelope = Envelope {
        server: mail_server.clone(),
        credentials: Credentials::None,
        sender: sender.address.clone(),
        recipient: run.recipient.clone(),
    };
    let Accepted { reply } = match settings {
        Settings::Basic { account, .. } => {
            envelope.credentials = account.map_or(Credentials::None, Credentials::Password);
            deliver_noting(notes, &envelope, &message.octets).await?
        }
        Settings::Oauth { .. } => {
            deliver_with_token(notes, current, envelope, &message.octets).await?
        }
    };
    Ok(Outcome::Accepted { server: through, reply, message_id: message.message_id })
}

/// Delivers with a token. One that the server refuses is renewed, and the message tried once more;
/// what the second try comes to is the end.
async fn deliver_with_token(
    notes: &mut Notes<'_>,
    current: &Current,
    mut envelope: Envelope,
    message: &[u8],
) -> Result<Accepted, Failure> {
    let server = notes.server;
    let user = envelope.sender.clone();
    let bearer = |token| Credentials::Token(Bearer { user: user.clone(), token });

    let first = notes.take_token(renewal::access(server, current)).await?;
    envelope.credentials = bearer(first.token);
    let refusal = match deliver_noting(notes, &envelope, message).await {
        Err(failure) if is_refusal_of_token(&failure) => failure,
        other => return other,
    };
    let second = notes.take_token(renewal::another(server, current, first.which)).await;
    // Where there is no other token, the mail server's words tell more.
    let Ok(second) = second else { return Err(refusal) };
    envelope.credentials = bearer(second.token);
    deliver_noting(notes, &envelope, message).await
}

/// Whether a mail server did not take the token (RFC 4954 6). It may also have failed to check it.
fn is_refusal_of_token(failure: &Failure) -> bool {
    failure.step == Step::SignIn && failure.code == Some(535)
}

/// Writes down the steps of one run, as they end.
struct Notes<'a> {
    server: &'a Server,
    run: &'a Run,
    ordinal: u32,
}

impl Notes<'_> {
    /// A step that cannot be written down is missing in the report; the message goes on all the
    /// same.
    async fn write(&mut self, report: &StepReport) {
        let written = runs::record(&self.server.store, &self.run.id, self.ordinal, report).await;
        if let Err(error) = written {
            let error = one_line(&error);
            tracing::error!(error, "a step of a test message could not be stored");
        }
        self.ordinal += 1;
    }

    /// The first step with an OAuth flow.
    async fn take_token(
        &mut self,
        wanted: impl Future<Output = Result<Access, NoAccess>>,
    ) -> Result<Access, Failure> {
        let begun = Instant::now();
        let outcome = wanted.await;
        let millis = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
        let report = |ended, said| StepReport { step: Step::Token, ended, millis, said };
        match outcome {
            Ok(access) => {
                let fact = age(self.server, &access);
                self.write(&report(StepEnd::Done, Some(fact))).await;
                Ok(access)
            }
            Err(no_access) => {
                let (advice, said) = explained(no_access);
                self.write(&report(StepEnd::Failed, said.clone())).await;
                Err(Failure { said, ..stopped(Step::Token, advice) })
            }
        }
    }
}

/// How old a token is and how long it is good for, as a fact beside the step.
fn age(server: &Server, access: &Access) -> String {
    let now = server.clock.now();
    let (age, left) = (now - access.obtained_at, access.expires_at - now);
    format!("{} s old, good for {} s", age.num_seconds().max(0), left.num_seconds().max(0))
}

fn explained(no_access: NoAccess) -> (Advice, Option<String>) {
    match no_access {
        NoAccess::Absent => (Advice::TokenAbsent, None),
        NoAccess::Expired => (Advice::TokenExpired, None),
        NoAccess::NotRenewed(Setback { fault, said, .. }) => (Advice::TokenNotRenewed(fault), said),
    }
}

/// Delivers, and writes each step down as it ends.
async fn deliver_noting(
    notes: &mut Notes<'_>,
    envelope: &Envelope,
    message: &[u8],
) -> Result<Accepted, Failure> {
    let server = notes.server;
    let (tell, mut told) = mpsc::unbounded_channel();
    let delivering = async move {
        let mut on_step = |report| tell.send(report).unwrap_or_default();
        deliver(envelope, message, &server.trust, server.config.smtp_deadlines, &mut on_step).await
    };
    let noting = async {
        while let Some(report) = told.recv().await {
            notes.write(&report).await;
        }
    };
    tokio::join!(delivering, noting).0
}

fn stopped(step: Step, advice: Advice) -> Failure {
    Failure { step, said: None, advice, code: None }
}
