//! One message through what is saved: opens it, takes a token where the flow has one, and delivers.
//! Each step is told as it ends; whoever listens keeps it or does not.

use chrono::TimeDelta;
use domain::delivery::{Advice, Fact, FactName, Step, StepEnd, StepReport};
use domain::settings::{Grant, MailServer, Sender, Settings};
use domain::token::{Fault, Setback};
use tokio::time::Instant;

use super::renewal::{self, Access, NoAccess};
use super::settings::Current;
use crate::Server;
use crate::config::Config;
use crate::smtp::{Accepted, Bearer, Credentials, Envelope, Failure, deliver};

/// A message, and who it is from and to as the mail server learns it.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The envelope sender; nobody for a message that must cause no bounce.
    pub sender: Option<String>,
    /// The recipients, one at least.
    pub recipients: Vec<String>,
    /// Headers and body.
    pub octets: Vec<u8>,
}

/// Opens what is saved for one message.
pub fn opened(server: &Server, current: &Current) -> Result<Settings, Failure> {
    let unreadable = || stopped(Step::SignIn, Advice::SecretUnreadable);
    current.settings(server).ok_or_else(unreadable)
}

/// The mail server that settings lead to, and who messages are from.
pub const fn way(settings: &Settings) -> (&MailServer, &Sender) {
    match settings {
        Settings::Basic { server, sender, .. } | Settings::Oauth { server, sender, .. } => {
            (server, sender)
        }
    }
}

/// Where the token of a message comes from.
#[derive(Clone)]
pub enum TokenSource {
    /// What is stored for these settings, renewed where it has to be.
    Stored(Box<Current>),
    /// A new one for this message alone, where nobody has to be asked for it.
    New,
}

/// Delivers one message with settings that are open, and with a token from `source` where they have
/// an OAuth flow.
pub async fn send(
    server: &Server,
    source: &TokenSource,
    settings: Settings,
    outgoing: &Outgoing,
    on_step: &mut (dyn FnMut(StepReport) + Send),
) -> Result<Accepted, Failure> {
    let (mail_server, sender) = way(&settings);
    let user = sender.address.clone();
    let mut sending = Sending {
        server,
        envelope: Envelope {
            server: mail_server.clone(),
            client_name: server.config.client_name(),
            credentials: Credentials::None,
            sender: outgoing.sender.clone(),
            recipients: outgoing.recipients.clone(),
        },
        octets: &outgoing.octets,
        on_step,
    };
    match settings {
        Settings::Basic { account, .. } => {
            sending.with(account.map_or(Credentials::None, Credentials::Password)).await
        }
        Settings::Oauth { grant, .. } => match source {
            TokenSource::Stored(current) => sending.with_token(current, &user).await,
            TokenSource::New => sending.with_new_token(&grant, &user).await,
        },
    }
}

/// A failure before any conversation.
pub const fn stopped(step: Step, advice: Advice) -> Failure {
    Failure { step, said: None, found: None, advice, code: None }
}

/// A message on its way to a mail server.
struct Sending<'a> {
    server: &'a Server,
    envelope: Envelope,
    octets: &'a [u8],
    on_step: &'a mut (dyn FnMut(StepReport) + Send),
}

impl Sending<'_> {
    async fn with(&mut self, credentials: Credentials) -> Result<Accepted, Failure> {
        self.envelope.credentials = credentials;
        let Server { trust, config, .. } = self.server;
        let Config { egress, smtp_deadlines, .. } = &**config;
        deliver(&self.envelope, self.octets, trust, egress, *smtp_deadlines, self.on_step).await
    }

    /// Delivers with a token. One that the server refuses is renewed, and the message tried once
    /// more; what the second try comes to is the end.
    async fn with_token(&mut self, current: &Current, user: &str) -> Result<Accepted, Failure> {
        let server = self.server;
        let bearer = |token| Credentials::Token(Bearer { user: user.to_owned(), token });

        let first = self.take_token(renewal::access(server, current)).await?;
        let refusal = match self.with(bearer(first.token)).await {
            Err(failure) if is_refusal_of_token(&failure) => failure,
            other => return other,
        };
        let second = self.take_token(renewal::another(server, current, first.which)).await;
        match second {
            Ok(second) => self.with(bearer(second.token)).await,
            // The consent that has ended is why the mail server refuses what came of it.
            Err(gone) if gone.advice == Advice::TokenNotRenewed(Fault::InvalidGrant) => Err(gone),
            // Where there is no other token, the mail server's words tell more.
            Err(_) => Err(refusal),
        }
    }

    /// Delivers with a token that nobody else gets.
    async fn with_new_token(&mut self, grant: &Grant, user: &str) -> Result<Accepted, Failure> {
        let access = self.take_token(renewal::one_off(self.server, grant)).await?;
        self.with(Credentials::Token(Bearer { user: user.to_owned(), token: access.token })).await
    }

    /// The first step with an OAuth flow.
    async fn take_token(
        &mut self,
        wanted: impl Future<Output = Result<Access, NoAccess>>,
    ) -> Result<Access, Failure> {
        let begun = Instant::now();
        let outcome = wanted.await;
        let millis = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
        let report = |ended, facts, said| StepReport {
            step: Step::Token,
            ended,
            millis,
            facts,
            said,
            found: None,
        };
        match outcome {
            Ok(access) => {
                (self.on_step)(report(StepEnd::Done, facts(self.server, &access), None));
                Ok(access)
            }
            Err(no_access) => {
                let failure = explained(no_access);
                let Failure { said, found, .. } = failure.clone();
                (self.on_step)(StepReport { found, ..report(StepEnd::Failed, Vec::new(), said) });
                Err(failure)
            }
        }
    }
}

/// Whether a mail server did not take the token (RFC 4954 6). It may also have failed to check it.
fn is_refusal_of_token(failure: &Failure) -> bool {
    failure.step == Step::SignIn && failure.code == Some(535)
}

/// How old a token is, for how long it is good, and whether it had to be renewed.
fn facts(server: &Server, access: &Access) -> Vec<Fact> {
    let now = server.clock.now();
    let (age, left) = (now - access.obtained_at, access.expires_at - now);
    let seconds = |span: TimeDelta| span.num_seconds().max(0).to_string();
    let renewed = if access.is_renewed { "yes" } else { "no" };
    let found = [
        (FactName::Age, seconds(age)),
        (FactName::ValidFor, seconds(left)),
        (FactName::Renewed, renewed.to_owned()),
    ];
    found.map(|(name, value)| Fact { name, value }).to_vec()
}

fn explained(no_access: NoAccess) -> Failure {
    let (advice, Setback { fault, said, .. }) = match no_access {
        NoAccess::Absent => return stopped(Step::Token, Advice::TokenAbsent),
        NoAccess::Expired => return stopped(Step::Token, Advice::TokenExpired),
        NoAccess::NotRenewed(setback) => (Advice::TokenNotRenewed(setback.fault), setback),
        NoAccess::NotObtained(setback) => (Advice::TokenNotObtained(setback.fault), setback),
    };
    let (said, found) = if fault.is_in_own_words() { (None, said) } else { (said, None) };
    Failure { said, found, ..stopped(Step::Token, advice) }
}
