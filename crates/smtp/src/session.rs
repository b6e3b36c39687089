//! Runs an SMTP session, one step after another: it opens once, and then sends each message in a
//! mail transaction. Each step passes its result to the next one, or fails with the server's text
//! and its meaning. Each step is reported once.

use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::delivery::{Diagnosis, Fact, FactName, Step, StepReport};
use domain::settings::{Account, MailServer, Security};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Quit, Rcpt, Rset, Starttls};
use lettre::transport::smtp::extension::{MailBodyParameter, MailParameter};
use net::egress::{self, ConnectAttempt, EgressPolicy, LookUpError, Protocol, Vetted};
use net::redact::Redactor;
use net::tls::{self, TlsTrust};
use secrecy::ExposeSecret;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::address::{needs_utf8, wire_form};
use super::capabilities::Capabilities;
use super::client_name::ClientName;
use super::diagnosis::Context;
use super::protocol::{Connection, FINAL_DOT, NoReply, Reply, content};
use super::queue_id::queue_id;
use super::report::{Done, StepResult, Steps, Stop};
use super::sasl::{self, Bearer, Credentials, Exchange, Mechanism, TokenMechanism};
use super::stream::{Guarded, StreamError, TlsError};
use super::{Deadlines, transfer_time};

/// The limit of QUIT, which runs in the background.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The mail server that messages are sent through, and how this client signs in to it.
#[derive(Debug, Clone)]
pub struct Route {
    /// The mail server.
    pub server: MailServer,
    /// The argument of EHLO; an address literal of the connection if it is `None`.
    pub client_name: Option<ClientName>,
    /// The credentials, if any.
    pub credentials: Credentials,
}

impl Route {
    /// Whether the settings need nothing that only EHLO offers.
    fn can_use_helo(&self) -> bool {
        let is_anonymous = matches!(self.credentials, Credentials::None);
        self.server.security == Security::Clear && is_anonymous
    }
}

/// The envelope of a message (RFC 5321 2.3.1).
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The envelope sender (MAIL FROM), which receives the bounces; `None` for the null
    /// reverse-path (RFC 5321 4.5.5).
    pub sender: Option<String>,
    /// The recipients (RCPT TO), at least one.
    pub recipients: Vec<String>,
}

/// The server accepted responsibility for the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The reply to the final dot, redacted and safe to display.
    pub reply: String,
}

/// The message was not accepted, or the outcome is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("delivery ended at {step:?}: {diagnosis:?}")]
pub struct Failure {
    /// The step that failed.
    pub step: Step,
    /// The server's text, redacted and safe to display.
    pub peer_text: Option<String>,
    /// The same without the recipients' addresses, for those who may not see them.
    pub peer_text_without_recipients: Option<String>,
    /// The error text of PPM's TLS, DNS or sockets, redacted and safe to display.
    pub found: Option<String>,
    /// The usual cause.
    pub diagnosis: Diagnosis,
    /// The code of the server's last reply (RFC 5321 4.2), if a reply ended the session.
    pub code: Option<u16>,
    /// Whether the reply refuses this message or its recipients, and says nothing of the connection.
    pub concerns_message: bool,
}

/// Why a recipient of a message was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The usual cause.
    pub diagnosis: Diagnosis,
    /// The code of the reply to RCPT; `None` if the address cannot be sent to this server.
    pub code: Option<u16>,
    /// The reply with its enhanced status code (RFC 3463), redacted and safe to display.
    pub peer_text: Option<String>,
}

impl Refusal {
    /// Whether the same command may succeed later (4yz, RFC 5321 4.2.1).
    pub fn is_temporary(&self) -> bool {
        matches!(self.code, Some(400..500))
    }
}

/// What is sent if a server refuses some of the recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRefusal {
    /// The message is sent to none.
    SendToNone,
    /// The message is sent to the others, if there are any.
    SendToOthers,
}

/// The end of a mail transaction (RFC 5321 3.3).
#[derive(Debug, PartialEq, Eq)]
pub struct Transaction<E> {
    /// Whether each recipient was accepted, in the envelope's order; empty if the transaction ended
    /// before.
    pub recipients: Vec<Result<(), Refusal>>,
    /// Whether the accepted recipients get the message.
    pub outcome: Result<Accepted, NotAccepted<E>>,
}

/// Why a message was not accepted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAccepted<E> {
    /// A step failed. The message was not sent, unless the diagnosis is
    /// [`Diagnosis::MaybeDelivered`].
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The caller's mark failed, so that the message was not sent.
    #[error("the mark before the final dot failed")]
    NotMarked(E),
}

/// An attempt to open a session, and what it was opened for.
#[derive(Debug)]
pub struct Attempt<T> {
    /// Its result.
    pub outcome: Result<T, Failure>,
    /// When the certificate expires that the server has presented, if it has.
    pub certificate_expires_at: Option<DateTime<Utc>>,
}

/// Sends a message, and reports each step to `on_step` as it ends: done, skipped or failed. If the
/// server refuses one recipient, the message is sent to none.
///
/// With TLS required, nothing of the message or the credentials is sent unencrypted. With TLS off,
/// STARTTLS is not used even if it is offered, and a token is not sent. Nothing is retried. All
/// steps together have [`Deadlines::total`] and the [`transfer_time`] of the message. Dropping the future closes the connection.
pub async fn deliver(
    route: &Route,
    envelope: &Envelope,
    message: &[u8],
    trust: &TlsTrust,
    egress: &EgressPolicy,
    deadlines: Deadlines,
    on_step: &mut (dyn FnMut(StepReport) + Send),
) -> Attempt<Accepted> {
    let Attempt { outcome, certificate_expires_at } =
        Session::open(route, trust, egress, deadlines, on_step).await;
    let outcome = match outcome {
        Ok(mut session) => {
            let mark = |_| ready(Ok::<_, Infallible>(()));
            let all_or_none = OnRefusal::SendToNone;
            let sent = session.transact(envelope, message, all_or_none, mark, on_step).await;
            session.close();
            sent.outcome.map_err(|NotAccepted::Failed(failure)| failure)
        }
        Err(failure) => Err(failure),
    };
    Attempt { outcome, certificate_expires_at }
}

/// Signs in and sends nothing: the last step is [`Step::SignIn`]. Otherwise like [`deliver`].
pub async fn check(
    route: &Route,
    trust: &TlsTrust,
    egress: &EgressPolicy,
    deadlines: Deadlines,
    on_step: &mut (dyn FnMut(StepReport) + Send),
) -> Attempt<()> {
    let Attempt { outcome, certificate_expires_at } =
        Session::open(route, trust, egress, deadlines, on_step).await;
    Attempt { outcome: outcome.map(Session::close), certificate_expires_at }
}

/// A session after the sign-in, which sends one message after another. Dropping it closes the
/// connection without QUIT.
pub struct Session {
    connection: Connection,
    capabilities: Capabilities,
    redactor: Redactor,
    context: Context,
    /// The limit of each message.
    total: Duration,
    next: Next,
}

/// What a session may send next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Mail,
    /// RSET, because a transaction has failed.
    Reset,
    /// Nothing: the connection has ended, or the two sides disagree about whose turn it is.
    Nothing,
}

impl Session {
    /// Opens a connection and signs in, and reports each step to `on_step`. What [`deliver`] says of
    /// TLS holds here too.
    pub async fn open(
        route: &Route,
        trust: &TlsTrust,
        egress: &EgressPolicy,
        deadlines: Deadlines,
        on_step: &mut (dyn FnMut(StepReport) + Send),
    ) -> Attempt<Self> {
        let redactor = sasl::redactor(&route.credentials, &route.server);
        let mut context = Context::of(route);
        let mut steps = Steps { on_step, redactor: &redactor, context: &mut context };
        let mut connection = match reach(route, egress, deadlines, &mut steps).await {
            Ok(connection) => connection,
            Err(failure) => return Attempt { outcome: Err(failure), certificate_expires_at: None },
        };
        let trust = trust.and(&route.server.trusted_ca);
        let introduced = introduce(&mut connection, route, &trust, &mut steps).await;
        let certificate_expires_at = connection.stream.certificate_expires_at();
        let (total, next) = (deadlines.total, Next::Mail);
        let outcome = match introduced {
            Ok(capabilities) => {
                Ok(Self { connection, capabilities, redactor, context, total, next })
            }
            Err(failure) => {
                quit(connection);
                Err(failure)
            }
        };
        Attempt { outcome, certificate_expires_at }
    }

    /// Sends a message, with [`Deadlines::total`] and the [`transfer_time`] of its content for its
    /// steps from [`Step::Sender`] to [`Step::Accepted`], and reports each to `on_step`.
    ///
    /// `mark` gets the recipients' results and is awaited when the whole content is sent, and before
    /// the final dot: until then the server cannot accept the message (RFC 5321 4.1.1.4). If it fails, the connection is closed
    /// without the dot, and [`Step::Content`] is not reported. Its time does not count.
    ///
    /// Dropping the future makes the session unusable.
    pub async fn send<E, F: Future<Output = Result<(), E>>>(
        &mut self,
        envelope: &Envelope,
        message: &[u8],
        on_refusal: OnRefusal,
        mark: impl FnOnce(Vec<Result<(), Refusal>>) -> F,
        on_step: &mut (dyn FnMut(StepReport) + Send),
    ) -> Transaction<E> {
        self.connection.stream.renew_limits(Instant::now() + self.total);
        self.transact(envelope, message, on_refusal, mark, on_step).await
    }

    /// Whether another message can be sent: not after a 421, a timeout, or an invalid reply, or if
    /// the connection has ended. An unusable session sends nothing more.
    pub fn is_usable(&self) -> bool {
        self.next != Next::Nothing
    }

    /// Returns the client name that was sent in EHLO.
    pub fn client_name(&self) -> &str {
        &self.context.client_name
    }

    /// Returns what the server offers.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Ends the session with QUIT, in the background.
    pub fn close(self) {
        if self.is_usable() {
            quit(self.connection);
        }
    }

    /// Runs the steps from the sender to the acceptance.
    async fn transact<E, F: Future<Output = Result<(), E>>>(
        &mut self,
        envelope: &Envelope,
        message: &[u8],
        on_refusal: OnRefusal,
        mark: impl FnOnce(Vec<Result<(), Refusal>>) -> F,
        on_step: &mut (dyn FnMut(StepReport) + Send),
    ) -> Transaction<E> {
        let next = std::mem::replace(&mut self.next, Next::Nothing);
        let Self { connection, capabilities, redactor, context, .. } = self;
        context.record_envelope(envelope);
        let mut steps = Steps { on_step, redactor, context };
        let mut recipients = Vec::new();
        let outcome = async {
            let rcpts = rcpt_commands(envelope, capabilities);
            let begun = Instant::now();
            let mail = mail_command(envelope, message, capabilities);
            let mail_from = mail_from(connection, capabilities, next, mail, &rcpts);
            steps.take_since(begun, Step::Sender, mail_from).await?;

            let begun = Instant::now();
            let answers = rcpt_all(connection, capabilities, rcpts).await;
            let answers = answers.map_err(|stop| steps.failed(begun, Step::Recipient, stop))?;
            recipients = steps.recipients(&answers);
            let accepted = ready(accepted_recipients(envelope, answers, on_refusal));
            steps.take_since(begun, Step::Recipient, accepted).await?;

            let begun = Instant::now();
            let transfer = transfer_time(message.len());
            connection.stream.extend_limit(transfer);
            let go_ahead = send_content(connection, message).await;
            let go_ahead = go_ahead.map_err(|stop| steps.failed(begun, Step::Content, stop))?;
            let marked = connection.stream.suspended_for(mark(recipients.clone()));
            if let Err(error) = marked.await {
                connection.stream.give_up();
                return Err(NotAccepted::NotMarked(error));
            }
            let final_dot = send_final_dot(connection, &go_ahead, transfer);
            let SentContent { at, reply } =
                steps.take_since(begun, Step::Content, final_dot).await?;

            let accepted = ready(accepted_reply(reply));
            let reply = steps.take_since(at, Step::Accepted, accepted).await?;
            Ok(Accepted { reply: steps.fit(&reply) })
        }
        .await;
        self.next = self.settle(&outcome).await;
        Transaction { recipients, outcome }
    }

    /// Reads the replies that are still due after a failure, and returns what may be sent then.
    async fn settle<T, E>(&mut self, outcome: &Result<T, NotAccepted<E>>) -> Next {
        if let Err(NotAccepted::Failed(Failure { code: Some(421 | ..400), .. })) = outcome {
            // The server closes the connection (RFC 5321 3.8), or has replied to another command.
            self.connection.stream.give_up();
        }
        if !self.connection.stream.is_broken() {
            let _ = self.connection.abandon_queue().await;
        }
        match outcome {
            _ if self.connection.stream.is_broken() => {
                self.connection.stream.close();
                Next::Nothing
            }
            Ok(_) => Next::Mail,
            Err(_) => Next::Reset,
        }
    }
}

/// Runs the steps from the name lookup to the connection.
async fn reach(
    route: &Route,
    egress: &EgressPolicy,
    deadlines: Deadlines,
    steps: &mut Steps<'_>,
) -> Result<Connection, Failure> {
    let ends = Instant::now() + deadlines.total;
    let within = |deadline: Duration| deadline.min(ends.saturating_duration_since(Instant::now()));

    let lookup = look_up(&route.server, egress, within(deadlines.connect));
    let addresses = steps.take(Step::NameLookup, lookup).await?;
    let connection = connect(&addresses, within(deadlines.connect));
    let stream = steps.take(Step::Connection, connection).await?;
    Ok(Connection::new(Guarded::new(stream, deadlines, ends)))
}

/// Runs the steps from the greeting to the sign-in.
async fn introduce(
    connection: &mut Connection,
    route: &Route,
    trust: &TlsTrust,
    steps: &mut Steps<'_>,
) -> Result<Capabilities, Failure> {
    let server = &route.server;
    let local = connection.stream.local_address();
    let name = &route.client_name.clone().unwrap_or_else(|| ClientName::of_connection(local));
    steps.context.client_name = name.to_string();
    match server.security {
        Security::Clear => steps.skip(Step::Tls),
        Security::StartTls => {}
        Security::ImplicitTls => {
            steps.take(Step::Tls, encrypt(connection, server, trust)).await?;
        }
    }
    let greeting = steps.take(Step::Greeting, greet(connection, server, trust)).await?;
    let is_masked = steps.context.record_greeting(&greeting);
    if server.security == Security::StartTls {
        let start_tls = start_tls(connection, server, trust, name, is_masked);
        steps.take(Step::Tls, start_tls).await?;
    }
    let introduction = ehlo_or_helo(connection, name, route.can_use_helo());
    let capabilities = steps.take(Step::Capabilities, introduction).await?;
    steps.context.record_capabilities(&capabilities);
    match &route.credentials {
        Credentials::None => steps.skip(Step::SignIn),
        Credentials::Password(account) => {
            steps.take(Step::SignIn, sign_in(connection, &capabilities, account)).await?;
        }
        Credentials::Token(bearer) => {
            let sign_in = sign_in_by_token(connection, &capabilities, bearer, server);
            steps.take(Step::SignIn, sign_in).await?;
        }
    }
    Ok(capabilities)
}

async fn look_up(
    server: &MailServer,
    egress: &EgressPolicy,
    within: Duration,
) -> StepResult<Vetted> {
    let (host, port) = (&server.host, server.port);
    let found = egress::look_up(egress, host, port, Protocol::Smtp, within).await;
    let refused = |diagnosis, which| {
        Stop::known(diagnosis).having(vec![Fact::new(FactName::Addresses, which)])
    };
    let vetted = found.map_err(|error| match error {
        LookUpError::NotFound => Stop::known(Diagnosis::NameNotFound),
        LookUpError::ServiceFailed(reason) => {
            Stop::Known(Diagnosis::NameServiceFailed, reason.map(|reason| reason.to_string()))
        }
        LookUpError::Forbidden(which) => refused(Diagnosis::AddressForbidden, listed(which.iter())),
        LookUpError::NotAllowed(which) => {
            refused(Diagnosis::EgressNotAllowed, listed(which.iter()))
        }
        LookUpError::Denied(which) => refused(Diagnosis::EgressDenied, which),
    })?;
    let addresses = listed(vetted.addresses().iter().map(SocketAddr::ip));
    Ok(Done::new(vetted).with([Fact::new(FactName::Addresses, addresses)]))
}

async fn connect(addresses: &Vetted, within: Duration) -> StepResult<TcpStream> {
    if addresses.addresses().iter().all(|address| address.port() == 0) {
        return Err(Stop::known(Diagnosis::PortZero));
    }
    let connected = egress::connect(addresses, within).await.map_err(|failed| {
        let (diagnosis, found) = if failed.is_refused() {
            (Diagnosis::NothingListens, None)
        } else {
            (Diagnosis::Unreachable, Some(failed.error.to_string()))
        };
        Stop::Known(diagnosis, found).having(vec![attempts_fact(&failed.attempts)])
    })?;
    let peer = connected.stream.peer_addr().ok();
    let peer = peer.map(|peer| Fact::new(FactName::Peer, peer.to_string()));
    // With a single address, the peer's address says it all.
    let attempts = (connected.attempts.len() > 1).then(|| attempts_fact(&connected.attempts));
    Ok(Done::new(connected.stream).with(peer).with(attempts))
}

fn attempts_fact(attempts: &[ConnectAttempt]) -> Fact {
    let one = |ConnectAttempt { address, end }: &ConnectAttempt| format!("{} {end}", address.ip());
    Fact::new(FactName::Attempts, listed(attempts.iter().map(one)))
}

/// Reads the greeting. Silence in cleartext may mean that the port expects implicit TLS.
async fn greet(
    connection: &mut Connection,
    server: &MailServer,
    trust: &TlsTrust,
) -> StepResult<Reply> {
    match connection.reply().await {
        Ok(greeting) if greeting.code == 220 => Ok(Done::new(greeting.clone()).saying(&greeting)),
        Ok(greeting) => Err(Stop::Refused(greeting)),
        Err(no_reply) if expects_tls(connection, server, trust, &no_reply).await => {
            Err(Stop::known(Diagnosis::TlsPort))
        }
        Err(no_reply) => Err(no_reply.into()),
    }
}

/// Whether a port that sent no cleartext greeting expects implicit TLS: by its number, or because
/// it was silent and answers a TLS handshake.
async fn expects_tls(
    connection: &mut Connection,
    server: &MailServer,
    trust: &TlsTrust,
    no_reply: &NoReply,
) -> bool {
    let NoReply::Broken(broken) = no_reply else { return false };
    if connection.stream.is_encrypted() {
        return false;
    }
    if matches!(server.port, 465 | 2465) {
        return *broken != StreamError::TooLong;
    }
    match tls::expected_name(&server.host) {
        Some(name) if *broken == StreamError::Silent => {
            connection.stream.answers_to_tls(trust, name).await
        }
        _ => false,
    }
}

/// Sends EHLO and parses the offered extensions (RFC 5321 3.2). With `helo_allowed`, falls back to
/// HELO, which offers none, for a server that does not know EHLO (RFC 5321 3.2, 4.1.4).
async fn ehlo_or_helo(
    connection: &mut Connection,
    name: &ClientName,
    helo_allowed: bool,
) -> StepResult<Capabilities> {
    let sent = || Fact::new(FactName::ClientName, name.to_string());
    let answered = match ehlo(connection, name).await {
        Err(Stop::Refused(refusal)) if helo_allowed && matches!(refusal.code, 500 | 502) => {
            helo(connection, name, refusal).await
        }
        other => other,
    };
    let reply = answered.map_err(|stop| stop.having(vec![sent()]))?;
    let capabilities = Capabilities::of(&reply);
    let facts = capabilities.facts();
    Ok(Done::new(capabilities).with([sent()]).with(facts).saying(&reply))
}

async fn ehlo(connection: &mut Connection, name: &ClientName) -> Result<Reply, Stop> {
    let reply = connection.command(Ehlo::new(name.id())).await?;
    // Any other 2yz is refused: after a second 220, each reply would be taken for another
    // command's.
    if reply.code == 250 { Ok(reply) } else { Err(Stop::Refused(reply)) }
}

async fn helo(
    connection: &mut Connection,
    name: &ClientName,
    refusal: Reply,
) -> Result<Reply, Stop> {
    match connection.command(format!("HELO {name}\r\n")).await {
        Ok(reply) if reply.is_done() => Ok(reply),
        Ok(reply) => Err(Stop::Refused(reply)),
        // The refusal of EHLO is more specific than a missing reply.
        Err(_) => Err(Stop::Refused(refusal)),
    }
}

/// Sends EHLO and STARTTLS, and starts TLS. The other extensions offered in cleartext are ignored
/// (RFC 3207 4.2).
async fn start_tls(
    connection: &mut Connection,
    server: &MailServer,
    trust: &TlsTrust,
    name: &ClientName,
    is_greeting_masked: bool,
) -> StepResult<()> {
    let introduction = ehlo_or_helo(connection, name, false).await;
    let in_clear = introduction.map_err(|stop| stop.belongs_to(Step::Capabilities))?.value;
    let is_masked = is_greeting_masked || in_clear.is_masked;
    if !in_clear.starttls {
        let diagnosis =
            if is_masked { Diagnosis::StartTlsMasked } else { Diagnosis::StartTlsNotOffered };
        return Err(Stop::known(diagnosis));
    }
    let go_ahead = connection.command(Starttls).await?;
    if is_masked && matches!(go_ahead.code, 500 | 502) {
        return Err(Stop::RefusedFor(Diagnosis::StartTlsMasked, go_ahead));
    }
    if go_ahead.code != 220 {
        return Err(Stop::Refused(go_ahead));
    }
    let encrypted = encrypt(connection, server, trust).await.map_err(|stop| match stop {
        // Cleartext at this point was sent after the go-ahead.
        Stop::Known(Diagnosis::PlainPort, _) => Stop::known(Diagnosis::StartTlsInjected),
        other => other,
    })?;
    Ok(encrypted.saying(&go_ahead))
}

async fn encrypt(
    connection: &mut Connection,
    server: &MailServer,
    trust: &TlsTrust,
) -> StepResult<()> {
    let Some(name) = tls::expected_name(&server.host) else {
        return Err(Stop::known(Diagnosis::CertificateWrongName));
    };
    match connection.stream.encrypt(trust, name.clone()).await {
        Ok(facts) => Ok(Done::new(()).with(facts)),
        Err(TlsError::Injected) => Err(Stop::known(Diagnosis::StartTlsInjected)),
        Err(TlsError::Broken(broken)) => Err(Stop::NoReply(broken.into())),
        Err(TlsError::Handshake { error, shown }) => {
            let (diagnosis, found) = tls::diagnosis(&error);
            let refused = shown.filter(|_| diagnosis != Diagnosis::PlainPort);
            let diagnosis =
                refused.as_ref().and_then(|it| it.unacceptable(diagnosis)).unwrap_or(diagnosis);
            let facts = refused.map(|shown| shown.facts_of_refused(&name, diagnosis));
            Err(Stop::Known(diagnosis, found).having(facts.unwrap_or_default()))
        }
    }
}

/// Signs in, trying one mechanism after the other: some servers offer PLAIN and know only LOGIN,
/// and some use a different user directory for each.
async fn sign_in(
    connection: &mut Connection,
    capabilities: &Capabilities,
    account: &Account,
) -> StepResult<()> {
    let (mut tried, mut replies) = (Vec::new(), Vec::new());
    for mechanism in Mechanism::among(mechanisms(capabilities)?) {
        let exchange = mechanism.exchange(account);
        tried.push(exchange.mechanism);
        match run_exchange(connection, &exchange).await {
            Ok(reply) => replies.push(reply.decoded()),
            Err(no_reply) if replies.is_empty() => return Err(no_reply.into()),
            // The reply to the previous mechanism is more specific.
            Err(_) => break,
        }
        match replies.last().map(|reply| reply.code) {
            Some(200..300) => {
                return Ok(Done::new(()).with([mechanism_fact(&tried)]).saying_all(&replies));
            }
            // The reply asks for encryption or a sign-in by other means, not for another mechanism.
            Some(530 | 534 | 538) => break,
            Some(500..600) => {}
            _ => break,
        }
    }
    if tried.is_empty() {
        return Err(Stop::known(Diagnosis::NoCommonMechanism));
    }
    Err(Stop::SignInRefused(replies).having(vec![mechanism_fact(&tried)]))
}

/// Signs in with a token. A server may give the reason for a refusal in a challenge, and sends its
/// reply after the response to it (RFC 7628 3.2.3).
async fn sign_in_by_token(
    connection: &mut Connection,
    capabilities: &Capabilities,
    bearer: &Bearer,
    server: &MailServer,
) -> StepResult<()> {
    if !connection.stream.is_encrypted() {
        return Err(Stop::known(Diagnosis::EncryptionRequired));
    }
    let offered = mechanisms(capabilities)?;
    let Some(mechanism) = TokenMechanism::choose(offered) else {
        return Err(Stop::known(Diagnosis::TokenSignInNotOffered));
    };
    let exchange = mechanism.exchange(bearer, server);
    let reply = run_exchange(connection, &exchange).await?.decoded();
    let tried = mechanism_fact(&[exchange.mechanism]);
    if reply.is_done() {
        return Ok(Done::new(()).with([tried]).saying(&reply));
    }
    let last = match reply.code {
        334 => connection.command(mechanism.acknowledgement()).await.ok().map(Reply::decoded),
        _ => None,
    };
    let facts = std::iter::once(tried).chain(required_scope(&reply)).collect();
    Err(Stop::TokenRefused { first: reply, last }.having(facts))
}

/// Returns the scope in an error challenge, if it is JSON (RFC 7628 3.2.2).
fn required_scope(challenge: &Reply) -> Option<Fact> {
    let json: serde_json::Value = serde_json::from_str(&challenge.lines.concat()).ok()?;
    let scope = json.get("scope")?.as_str()?;
    (challenge.code == 334).then(|| Fact::new(FactName::WantedScope, scope))
}

fn mechanisms(capabilities: &Capabilities) -> Result<&[String], Stop> {
    capabilities.mechanisms.as_deref().ok_or_else(|| Stop::known(Diagnosis::SignInNotOffered))
}

fn mechanism_fact(tried: &[&str]) -> Fact {
    Fact::new(FactName::Mechanism, tried.join(", "))
}

/// Runs an AUTH exchange as far as the server asks for responses (RFC 4954 4).
async fn run_exchange(connection: &mut Connection, exchange: &Exchange) -> Result<Reply, NoReply> {
    let mut reply = connection.ask(exchange.opening.expose_secret().as_bytes()).await?;
    for response in &exchange.responses {
        if reply.code != 334 {
            break;
        }
        reply = connection.ask(response.expose_secret().as_bytes()).await?;
    }
    Ok(reply)
}

/// Returns the MAIL command, or why this server cannot take the message.
fn mail_command(
    envelope: &Envelope,
    message: &[u8],
    capabilities: &Capabilities,
) -> Result<Mail, Stop> {
    let sender = match envelope.sender.as_deref().map(wire_form) {
        Some(None) => return Err(Stop::known(Diagnosis::SenderRefused)),
        sender => sender.flatten(),
    };
    let sender_needs_utf8 = sender.as_ref().is_some_and(needs_utf8);
    if sender_needs_utf8 && !capabilities.smtputf8 {
        return Err(Stop::known(Diagnosis::SmtpUtf8NotOffered));
    }
    if !message.is_ascii() && !capabilities.eight_bit {
        return Err(Stop::known(Diagnosis::EightBitNotOffered));
    }
    if capabilities.size.is_some_and(|limit| message.len() > limit) {
        return Err(Stop::known(Diagnosis::MessageTooLarge));
    }
    let mut recipients = envelope.recipients.iter().filter_map(|recipient| wire_form(recipient));
    let mut parameters = Vec::new();
    if capabilities.smtputf8
        && (sender_needs_utf8 || recipients.any(|recipient| needs_utf8(&recipient)))
    {
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !message.is_ascii() {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    Ok(Mail::new(sender, parameters))
}

/// Returns the RCPT command for each recipient, or why this server cannot take the recipient.
fn rcpt_commands(envelope: &Envelope, capabilities: &Capabilities) -> Vec<Result<Rcpt, Stop>> {
    let command = |recipient: &String| {
        let recipient =
            wire_form(recipient).ok_or_else(|| Stop::known(Diagnosis::RecipientRefused))?;
        if needs_utf8(&recipient) && !capabilities.smtputf8 {
            return Err(Stop::known(Diagnosis::SmtpUtf8NotOffered));
        }
        Ok(Rcpt::new(recipient, Vec::new()))
    };
    envelope.recipients.iter().map(command).collect()
}

/// Sends MAIL, after RSET (RFC 5321 4.1.1.5) if it is needed. With PIPELINING, RCPT commands are
/// sent with it (RFC 2920 3.1); DATA waits for their replies.
async fn mail_from(
    connection: &mut Connection,
    capabilities: &Capabilities,
    next: Next,
    mail: Result<Mail, Stop>,
    rcpts: &[Result<Rcpt, Stop>],
) -> StepResult<()> {
    let mail = mail?;
    match next {
        Next::Mail => {}
        Next::Reset => connection.queue(Rset),
        Next::Nothing => return Err(NoReply::from(StreamError::Lost).into()),
    }
    connection.queue(mail);
    rcpts.iter().flatten().for_each(|rcpt| connection.queue(rcpt));
    if next == Next::Reset {
        done(connection.next_reply(capabilities.pipelining).await?)?;
    }
    done(connection.next_reply(capabilities.pipelining).await?)
}

/// Reads the reply to the RCPT of each recipient, so that all refusals are known at once.
async fn rcpt_all(
    connection: &mut Connection,
    capabilities: &Capabilities,
    rcpts: Vec<Result<Rcpt, Stop>>,
) -> Result<Vec<Result<Reply, Stop>>, Stop> {
    let mut answers = Vec::with_capacity(rcpts.len());
    for rcpt in rcpts {
        if let Err(stop) = rcpt {
            answers.push(Err(stop));
            continue;
        }
        let reply = connection.next_reply(capabilities.pipelining).await?;
        answers.push(match reply.code {
            200..300 => Ok(reply),
            // The server ends the session, or answers another command.
            421 | ..400 => return Err(Stop::Refused(reply)),
            _ => Err(Stop::Refused(reply)),
        });
    }
    Ok(answers)
}

/// Decides whether the message is sent to the accepted recipients.
fn accepted_recipients(
    envelope: &Envelope,
    answers: Vec<Result<Reply, Stop>>,
    on_refusal: OnRefusal,
) -> StepResult<()> {
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for (recipient, answer) in envelope.recipients.iter().zip(answers) {
        match answer {
            Ok(reply) => accepted.push(reply.words()),
            Err(stop) => refused.push((recipient.clone(), stop)),
        }
    }
    let is_sent = match on_refusal {
        OnRefusal::SendToNone => refused.is_empty(),
        OnRefusal::SendToOthers => !accepted.is_empty(),
    };
    if is_sent {
        let mut done = Done::new(());
        done.peer_text = Some(accepted.join("\n"));
        return Ok(done);
    }
    match (envelope.recipients.as_slice(), refused.pop()) {
        ([_], Some((_, stop))) => Err(stop),
        (_, last) => Err(Stop::Each(refused.into_iter().chain(last).collect())),
    }
}

/// Sends DATA and the message without the final dot, and returns the reply to DATA.
async fn send_content(connection: &mut Connection, message: &[u8]) -> Result<Reply, Stop> {
    let go_ahead = connection.command(Data).await?;
    if go_ahead.code != 354 {
        return Err(Stop::Refused(go_ahead));
    }
    match connection.send_content(&content(message)).await? {
        Some(refusal) => Err(Stop::Refused(refusal)),
        None => Ok(go_ahead),
    }
}

/// A message that was sent up to its final dot and not refused.
struct SentContent {
    /// The time when the dot was written.
    at: Instant,
    /// The reply to the dot, if there was one.
    reply: Option<Reply>,
}

/// Sends the final dot. Without a reply after that, it is unknown whether the message was accepted.
async fn send_final_dot(
    connection: &mut Connection,
    go_ahead: &Reply,
    transfer: Duration,
) -> StepResult<SentContent> {
    if let Some(early) = connection.early_reply().await? {
        return Err(Stop::Refused(early));
    }
    if let Some(refusal) = connection.send(FINAL_DOT).await? {
        return Err(Stop::Refused(refusal));
    }
    let at = Instant::now();
    match connection.final_reply(transfer).await {
        Ok(reply) if !reply.is_done() => Err(Stop::Refused(reply)),
        reply => Ok(Done::new(SentContent { at, reply: reply.ok() }).at(at).saying(go_ahead)),
    }
}

/// Reads the reply that accepts the message (RFC 5321 4.1.1.4).
fn accepted_reply(reply: Option<Reply>) -> StepResult<String> {
    let reply = reply.ok_or_else(|| Stop::known(Diagnosis::MaybeDelivered))?;
    let id = queue_id(&reply).map(|id| Fact::new(FactName::QueueId, id));
    Ok(Done::new(reply.words()).with(id).saying(&reply))
}

/// Sends QUIT (RFC 5321 4.1.1.10) in the background, if the connection is usable.
fn quit(mut connection: Connection) {
    if connection.stream.is_broken() {
        return;
    }
    tokio::spawn(async move {
        let _ = timeout(QUIT_TIMEOUT, connection.command(Quit)).await;
    });
}

/// Returns the result of a step that needs only a 2yz reply.
fn done(reply: Reply) -> StepResult<()> {
    if reply.is_done() { Ok(Done::new(()).saying(&reply)) } else { Err(Stop::Refused(reply)) }
}

fn listed<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
