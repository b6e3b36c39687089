//! One conversation, one step after another. Each step either gives the next one what it needs or
//! ends the conversation with what the server said and what that means; each is reported once.

use std::net::SocketAddr;
use std::time::Duration;

use domain::delivery::{Advice, Fact, FactName, Step, StepReport};
use domain::settings::{Account, MailServer, Security};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Quit, Rcpt, Starttls};
use lettre::transport::smtp::extension::{MailBodyParameter, MailParameter};
use secrecy::ExposeSecret;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::Deadlines;
use super::address::{needs_utf8, wire_form};
use super::client_name::ClientName;
use super::offers::Offers;
use super::queue_id::queue_id;
use super::replies::Context;
use super::report::{Done, StepResult, Steps, Stop, fact};
use super::sasl::{self, Bearer, Credentials, Exchange, Mechanism, TokenMechanism};
use super::stream::{Broken, Guarded, TlsError};
use super::tls::{self, TlsTrust};
use super::wire::{NoReply, Reply, Wire, content};
use crate::egress::{self, Attempt, EgressPolicy, LookUpError, Protocol, Vetted};

/// How long a server may take to say goodbye; nobody waits for it.
const FAREWELL: Duration = Duration::from_secs(5);

/// From whom, to whom, and by which way.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The server that takes the message.
    pub server: MailServer,
    /// By which name PPM introduces itself there; by its address on the connection if there is none.
    pub client_name: Option<ClientName>,
    /// Who signs in there with what, if anybody does.
    pub credentials: Credentials,
    /// The envelope sender (MAIL FROM), which gets the bounces; nobody for a message that must cause
    /// none (RFC 5321 4.5.5).
    pub sender: Option<String>,
    /// The recipients (RCPT TO), one at least.
    pub recipients: Vec<String>,
}

impl Envelope {
    /// Whether nothing is wanted that only EHLO can offer.
    fn is_content_with_helo(&self) -> bool {
        let is_anonymous = matches!(self.credentials, Credentials::None);
        self.server.security == Security::Clear && is_anonymous
    }
}

/// The server took responsibility for the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its reply after the final dot, fit to be shown as text.
    pub reply: String,
}

/// The message was not accepted, or nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("delivery ended at {step:?}: {advice:?}")]
pub struct Failure {
    /// Where it ended.
    pub step: Step,
    /// The server's own words, fit to be shown as text.
    pub said: Option<String>,
    /// What PPM's own TLS, DNS or sockets reported, fit to be shown as text.
    pub found: Option<String>,
    /// What it usually means.
    pub advice: Advice,
    /// The code of the server's last reply (RFC 5321 4.2), where that is what ended it.
    pub code: Option<u16>,
}

/// Sends a message, and reports each step to `on_step` as it ends: those that went well, those
/// that the settings do not ask for, and the one that failed. It goes to all of its recipients or, if
/// the server refuses one, to none.
///
/// With TLS asked for, nothing of the message or the credentials leaves this machine unencrypted;
/// with TLS off, STARTTLS is not used even where it is offered, and a token is not sent. Nothing is
/// ever sent twice. Dropping the future closes the connection.
///
/// # Errors
/// The step at which it ended, and why.
pub async fn deliver(
    envelope: &Envelope,
    message: &[u8],
    trust: &TlsTrust,
    egress: &EgressPolicy,
    deadlines: Deadlines,
    on_step: &mut (dyn FnMut(StepReport) + Send),
) -> Result<Accepted, Failure> {
    let hush = sasl::hush(&envelope.credentials, &envelope.server);
    let mut steps = Steps { on_step, hush, context: Context::of(envelope) };
    let ends = Instant::now() + deadlines.total;
    let within = |deadline: Duration| deadline.min(ends.saturating_duration_since(Instant::now()));

    let lookup = look_up(&envelope.server, egress, within(deadlines.connect));
    let addresses = steps.take(Step::NameLookup, lookup).await?;
    let connection = connect(&addresses, within(deadlines.connect));
    let stream = steps.take(Step::Connection, connection).await?;
    let mut wire = Wire::new(Guarded::new(stream, deadlines, ends));
    let trust = trust.and(&envelope.server.trusted_ca);
    let outcome = converse(&mut wire, envelope, message, &trust, &mut steps).await;
    leave(wire);
    outcome
}

/// Everything that is said over the connection.
async fn converse(
    wire: &mut Wire,
    envelope: &Envelope,
    message: &[u8],
    trust: &TlsTrust,
    steps: &mut Steps<'_>,
) -> Result<Accepted, Failure> {
    let server = &envelope.server;
    let local = wire.stream.local_address();
    let name = &envelope.client_name.clone().unwrap_or_else(|| ClientName::of_connection(local));
    steps.context.client_name = name.to_string();
    match server.security {
        Security::Clear => {
            steps.skip(Step::Tls);
            let greeting = steps.take(Step::Greeting, greet_in_clear(wire, server, trust)).await?;
            steps.context.hear_greeting(&greeting);
        }
        Security::StartTls => {
            let greeting = steps.take(Step::Greeting, greet_in_clear(wire, server, trust)).await?;
            let is_masked = steps.context.hear_greeting(&greeting);
            let start_tls = start_tls(wire, server, trust, name, is_masked);
            steps.take(Step::Tls, start_tls).await?;
        }
        Security::ImplicitTls => {
            steps.take(Step::Tls, encrypt(wire, server, trust)).await?;
            let greeting = steps.take(Step::Greeting, greet(wire)).await?;
            steps.context.hear_greeting(&greeting);
        }
    }
    let introduction = introduce(wire, name, envelope.is_content_with_helo());
    let offers = steps.take(Step::Capabilities, introduction).await?;
    steps.context.hear_offers(&offers);
    match &envelope.credentials {
        Credentials::None => steps.skip(Step::SignIn),
        Credentials::Password(account) => {
            steps.take(Step::SignIn, sign_in(wire, &offers, account)).await?;
        }
        Credentials::Token(bearer) => {
            steps.take(Step::SignIn, sign_in_by_token(wire, &offers, bearer, server)).await?;
        }
    }
    steps.take(Step::Sender, name_sender(wire, &offers, envelope, message)).await?;
    steps.take(Step::Recipient, name_recipients(wire, &offers, envelope)).await?;
    let Sent { at, reply } = steps.take(Step::Content, send_content(wire, message)).await?;
    let accepted =
        async { reply.as_ref().map(taken).ok_or_else(|| Stop::known(Advice::MaybeDelivered)) };
    let reply = steps.take_since(at, Step::Accepted, accepted).await?;
    Ok(Accepted { reply: steps.fit(&reply) })
}

async fn look_up(
    server: &MailServer,
    egress: &EgressPolicy,
    within: Duration,
) -> StepResult<Vetted> {
    let (host, port) = (&server.host, server.port);
    let found = egress::look_up(egress, host, port, Protocol::Smtp, within).await;
    let refused =
        |advice, which| Stop::known(advice).having(vec![fact(FactName::Addresses, which)]);
    let vetted = found.map_err(|error| match error {
        LookUpError::NotFound => Stop::known(Advice::NameNotFound),
        LookUpError::ServiceFailed(reason) => {
            Stop::Known(Advice::NameServiceFailed, reason.map(|reason| reason.to_string()))
        }
        LookUpError::Forbidden(which) => refused(Advice::AddressForbidden, listed(which.iter())),
        LookUpError::NotAllowed(which) => refused(Advice::EgressNotAllowed, listed(which.iter())),
        LookUpError::Denied(which) => refused(Advice::EgressDenied, which),
    })?;
    let addresses = listed(vetted.addresses().iter().map(SocketAddr::ip));
    Ok(Done::new(vetted).with([fact(FactName::Addresses, addresses)]))
}

async fn connect(addresses: &Vetted, within: Duration) -> StepResult<TcpStream> {
    if addresses.addresses().iter().all(|address| address.port() == 0) {
        return Err(Stop::known(Advice::PortZero));
    }
    let connected = egress::connect(addresses, within).await.map_err(|failed| {
        let (advice, found) = if failed.is_refused() {
            (Advice::NothingListens, None)
        } else {
            (Advice::Unreachable, Some(failed.error.to_string()))
        };
        Stop::Known(advice, found).having(vec![each(&failed.attempts)])
    })?;
    let peer = connected.stream.peer_addr().ok();
    let peer = peer.map(|peer| fact(FactName::Peer, peer.to_string()));
    // Of a single address, who took the connection says it all.
    let attempts = (connected.attempts.len() > 1).then(|| each(&connected.attempts));
    Ok(Done::new(connected.stream).with(peer).with(attempts))
}

fn each(attempts: &[Attempt]) -> Fact {
    let one = |Attempt { address, end }: &Attempt| format!("{} {end}", address.ip());
    fact(FactName::Attempts, listed(attempts.iter().map(one)))
}

/// Greets in clear, where silence may have a reason of its own.
async fn greet_in_clear(
    wire: &mut Wire,
    server: &MailServer,
    trust: &TlsTrust,
) -> StepResult<Reply> {
    match wire.reply().await {
        Ok(greeting) => welcome(greeting),
        Err(no_reply) if waits_for_tls(wire, server, trust, &no_reply).await => {
            Err(Stop::known(Advice::TlsPort))
        }
        Err(no_reply) => Err(no_reply.into()),
    }
}

async fn greet(wire: &mut Wire) -> StepResult<Reply> {
    welcome(wire.reply().await?)
}

fn welcome(greeting: Reply) -> StepResult<Reply> {
    if greeting.code != 220 {
        return Err(Stop::Refused(greeting));
    }
    Ok(Done::new(greeting.clone()).saying(&greeting))
}

/// Whether a port that gave no greeting in clear waits for implicit TLS: it is known by
/// its number, or it was silent and now answers when spoken to in TLS.
async fn waits_for_tls(
    wire: &mut Wire,
    server: &MailServer,
    trust: &TlsTrust,
    no_reply: &NoReply,
) -> bool {
    let NoReply::Broken(broken) = no_reply else {
        return false;
    };
    if matches!(server.port, 465 | 2465) {
        return *broken != Broken::TooLong;
    }
    match tls::expected_name(&server.host) {
        Some(name) if *broken == Broken::Silent => wire.stream.answers_to_tls(trust, name).await,
        _ => false,
    }
}

/// Says who is calling, and hears what the server offers (RFC 5321 3.2). Where `helo_will_do`, a server
/// that may be too old for EHLO is spoken to by HELO, which offers nothing (RFC 5321 3.2, 4.1.4).
async fn introduce(wire: &mut Wire, name: &ClientName, helo_will_do: bool) -> StepResult<Offers> {
    let sent = || fact(FactName::ClientName, name.to_string());
    let answered = match ehlo(wire, name).await {
        Err(Stop::Refused(refusal)) if helo_will_do && matches!(refusal.code, 500 | 502) => {
            helo(wire, name, refusal).await
        }
        other => other,
    };
    let reply = answered.map_err(|stop| stop.having(vec![sent()]))?;
    let offers = Offers::of(&reply);
    let facts = offers.facts();
    Ok(Done::new(offers).with([sent()]).with(facts).saying(&reply))
}

async fn ehlo(wire: &mut Wire, name: &ClientName) -> Result<Reply, Stop> {
    let reply = wire.command(Ehlo::new(name.id())).await?;
    // Not just any 2yz: a second 220 would put each reply after it beside the wrong command.
    if reply.code == 250 { Ok(reply) } else { Err(Stop::Refused(reply)) }
}

async fn helo(wire: &mut Wire, name: &ClientName, refusal: Reply) -> Result<Reply, Stop> {
    match wire.command(format!("HELO {name}\r\n")).await {
        Ok(reply) if reply.is_done() => Ok(reply),
        Ok(reply) => Err(Stop::Refused(reply)),
        // What was said to EHLO tells more than silence.
        Err(_) => Err(Stop::Refused(refusal)),
    }
}

/// A first introduction, STARTTLS and the handshake. Of what is offered in clear, nothing else counts
/// (RFC 3207 4.2).
async fn start_tls(
    wire: &mut Wire,
    server: &MailServer,
    trust: &TlsTrust,
    name: &ClientName,
    is_greeting_masked: bool,
) -> StepResult<()> {
    let introduction = introduce(wire, name, false).await;
    let in_clear = introduction.map_err(|stop| stop.belongs_to(Step::Capabilities))?.value;
    let is_masked = is_greeting_masked || in_clear.is_masked;
    if !in_clear.starttls {
        let advice = if is_masked { Advice::StartTlsMasked } else { Advice::StartTlsNotOffered };
        return Err(Stop::known(advice));
    }
    let go_ahead = wire.command(Starttls).await?;
    if is_masked && matches!(go_ahead.code, 500 | 502) {
        return Err(Stop::RefusedFor(Advice::StartTlsMasked, go_ahead));
    }
    if go_ahead.code != 220 {
        return Err(Stop::Refused(go_ahead));
    }
    let encrypted = encrypt(wire, server, trust).await.map_err(|stop| match stop {
        // What is in clear now was sent after the go-ahead.
        Stop::Known(Advice::PlainPort, _) => Stop::known(Advice::StartTlsInjected),
        other => other,
    })?;
    Ok(encrypted.saying(&go_ahead))
}

async fn encrypt(wire: &mut Wire, server: &MailServer, trust: &TlsTrust) -> StepResult<()> {
    let Some(name) = tls::expected_name(&server.host) else {
        return Err(Stop::known(Advice::CertificateWrongName));
    };
    match wire.stream.encrypt(trust, name.clone()).await {
        Ok(facts) => Ok(Done::new(()).with(facts)),
        Err(TlsError::Injected) => Err(Stop::known(Advice::StartTlsInjected)),
        Err(TlsError::Broken(broken)) => Err(Stop::NoReply(broken.into())),
        Err(TlsError::Handshake { error, shown }) => {
            let (advice, found) = tls::diagnosis(&error);
            let refused = shown.filter(|_| advice != Advice::PlainPort);
            let advice = refused.as_ref().and_then(|it| it.unacceptable(advice)).unwrap_or(advice);
            let facts = refused.map(|shown| shown.facts_of_refused(&name, advice));
            Err(Stop::Known(advice, found).having(facts.unwrap_or_default()))
        }
    }
}

/// Signs in by one mechanism after the other until one is accepted: some servers offer PLAIN and know
/// LOGIN only, and some look a user up in another directory for each.
async fn sign_in(wire: &mut Wire, offers: &Offers, account: &Account) -> StepResult<()> {
    let (mut tried, mut replies) = (Vec::new(), Vec::new());
    for mechanism in Mechanism::among(mechanisms(offers)?) {
        let exchange = mechanism.exchange(account);
        tried.push(exchange.mechanism);
        match answer(wire, &exchange).await {
            Ok(reply) => replies.push(reply.decoded()),
            Err(no_reply) if replies.is_empty() => return Err(no_reply.into()),
            // What was said to the mechanism before tells more.
            Err(_) => break,
        }
        match replies.last().map(|reply| reply.code) {
            Some(200..300) => return Ok(Done::new(()).with([by(&tried)]).saying_all(&replies)),
            // Encryption, or a sign-in elsewhere, is asked for: another mechanism is not.
            Some(530 | 534 | 538) => break,
            Some(500..600) => {}
            _ => break,
        }
    }
    if tried.is_empty() {
        return Err(Stop::known(Advice::NoCommonMechanism));
    }
    Err(Stop::SignInRefused(replies).having(vec![by(&tried)]))
}

/// The same with a token. A server that refuses it may say in a challenge why, and gives its reply
/// once that is answered (RFC 7628 3.2.3).
async fn sign_in_by_token(
    wire: &mut Wire,
    offers: &Offers,
    bearer: &Bearer,
    server: &MailServer,
) -> StepResult<()> {
    if !wire.stream.is_encrypted() {
        return Err(Stop::known(Advice::EncryptionRequired));
    }
    let offered = mechanisms(offers)?;
    let Some(mechanism) = TokenMechanism::choose(offered) else {
        return Err(Stop::known(Advice::TokenSignInNotOffered));
    };
    let exchange = mechanism.exchange(bearer, server);
    let reply = answer(wire, &exchange).await?.decoded();
    let by = by(&[exchange.mechanism]);
    if reply.is_done() {
        return Ok(Done::new(()).with([by]).saying(&reply));
    }
    let last = match reply.code {
        334 => wire.command(mechanism.acknowledgement()).await.ok().map(Reply::decoded),
        _ => None,
    };
    let facts = std::iter::once(by).chain(wanted_scope(&reply)).collect();
    Err(Stop::TokenRefused { first: reply, last }.having(facts))
}

/// The scope that a challenge names, where it is JSON (RFC 7628 3.2.2).
fn wanted_scope(challenge: &Reply) -> Option<Fact> {
    let json: serde_json::Value = serde_json::from_str(&challenge.lines.concat()).ok()?;
    let scope = json.get("scope")?.as_str()?;
    (challenge.code == 334).then(|| fact(FactName::WantedScope, scope))
}

fn mechanisms(offers: &Offers) -> Result<&[String], Stop> {
    offers.mechanisms.as_deref().ok_or_else(|| Stop::known(Advice::SignInNotOffered))
}

fn by(tried: &[&str]) -> Fact {
    fact(FactName::Mechanism, tried.join(", "))
}

/// Goes through a sign-in as far as the server asks for it (RFC 4954 4).
async fn answer(wire: &mut Wire, exchange: &Exchange) -> Result<Reply, NoReply> {
    let mut reply = wire.ask(exchange.opening.expose_secret().as_bytes()).await?;
    for response in &exchange.responses {
        if reply.code != 334 {
            break;
        }
        reply = wire.ask(response.expose_secret().as_bytes()).await?;
    }
    Ok(reply)
}

async fn name_sender(
    wire: &mut Wire,
    offers: &Offers,
    envelope: &Envelope,
    message: &[u8],
) -> StepResult<()> {
    let sender = match envelope.sender.as_deref().map(wire_form) {
        Some(None) => return Err(Stop::known(Advice::SenderRefused)),
        sender => sender.flatten(),
    };
    let sender_needs_utf8 = sender.as_ref().is_some_and(needs_utf8);
    if sender_needs_utf8 && !offers.smtputf8 {
        return Err(Stop::known(Advice::SmtpUtf8NotOffered));
    }
    if !message.is_ascii() && !offers.eight_bit {
        return Err(Stop::known(Advice::EightBitNotOffered));
    }
    if offers.size.is_some_and(|limit| message.len() > limit) {
        return Err(Stop::known(Advice::MessageTooLarge));
    }
    let mut recipients = envelope.recipients.iter().filter_map(|recipient| wire_form(recipient));
    let mut parameters = Vec::new();
    if offers.smtputf8 && (sender_needs_utf8 || recipients.any(|recipient| needs_utf8(&recipient)))
    {
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !message.is_ascii() {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    done(wire.command(Mail::new(sender, parameters)).await?)
}

/// Names every recipient, so that whoever is refused is known at once.
async fn name_recipients(wire: &mut Wire, offers: &Offers, envelope: &Envelope) -> StepResult<()> {
    if let [recipient] = envelope.recipients.as_slice() {
        return name_recipient(wire, offers, recipient).await;
    }
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for recipient in &envelope.recipients {
        match name_recipient(wire, offers, recipient).await {
            Ok(done) => accepted.extend(done.said),
            Err(reason @ (Stop::Refused(_) | Stop::Known(..))) => {
                refused.push((recipient.clone(), reason));
            }
            Err(reason) => return Err(reason),
        }
    }
    if !refused.is_empty() {
        return Err(Stop::Each(refused));
    }
    let mut done = Done::new(());
    done.said = Some(accepted.join("\n"));
    Ok(done)
}

async fn name_recipient(wire: &mut Wire, offers: &Offers, recipient: &str) -> StepResult<()> {
    let Some(recipient) = wire_form(recipient) else {
        return Err(Stop::known(Advice::RecipientRefused));
    };
    if needs_utf8(&recipient) && !offers.smtputf8 {
        return Err(Stop::known(Advice::SmtpUtf8NotOffered));
    }
    done(wire.command(Rcpt::new(recipient, Vec::new())).await?)
}

/// A message that came to its final dot and was not refused.
struct Sent {
    /// When the dot was written.
    at: Instant,
    /// What the server said to it, if anything.
    reply: Option<Reply>,
}

/// DATA, the message and the final dot. From there on, whatever is not a reply leaves open whether
/// the message was taken.
async fn send_content(wire: &mut Wire, message: &[u8]) -> StepResult<Sent> {
    let go_ahead = wire.command(Data).await?;
    if go_ahead.code != 354 {
        return Err(Stop::Refused(go_ahead));
    }
    if let Some(unasked) = wire.unasked().await? {
        return Err(Stop::Refused(unasked));
    }
    if let Err(broken) = wire.stream.write(&content(message)).await {
        let reason = wire.reply().await.map_err(|_| NoReply::from(broken))?;
        return Err(Stop::Refused(reason));
    }
    let at = Instant::now();
    match wire.reply().await {
        Ok(reply) if !reply.is_done() => Err(Stop::Refused(reply)),
        reply => Ok(Done::new(Sent { at, reply: reply.ok() }).at(at).saying(&go_ahead)),
    }
}

/// The server took responsibility for the message (RFC 5321 4.1.1.4).
fn taken(reply: &Reply) -> Done<String> {
    let id = queue_id(reply).map(|id| fact(FactName::QueueId, id));
    Done::new(reply.words()).with(id).saying(reply)
}

/// Says goodbye (RFC 5321 4.1.1.10) to a server that still listens, while the caller goes on with
/// the outcome.
fn leave(mut wire: Wire) {
    if wire.stream.is_broken() {
        return;
    }
    tokio::spawn(async move {
        let _ = timeout(FAREWELL, wire.command(Quit)).await;
    });
}

/// A step that needs no more than the server's consent.
fn done(reply: Reply) -> StepResult<()> {
    if reply.is_done() { Ok(Done::new(()).saying(&reply)) } else { Err(Stop::Refused(reply)) }
}

fn listed<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
