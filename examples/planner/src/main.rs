//! PPM Planner, an example of a PPM product in Rust that embeds the email settings in one of its pages
//! and sends mail through them. Start with `main`; `sign_in` is the product's own sign-in, and `pages`
//! has its pages.

mod pages;
mod sign_in;

use std::sync::{Arc, Mutex, PoisonError};
use std::{error::Error, net::SocketAddr, path::PathBuf};

use axum::extract::{FromRef, State};
use axum::{Router, http::HeaderMap, response::Redirect, routing::post};
use clap::Parser;
use leptos::{config::LeptosOptions, context::provide_context};
use leptos_axum::{LeptosRoutes, generate_route_list_with_exclusions};
use lettre::Message;
use server::config::{Config, Database, EgressPolicy, certificates};
use server::embed::{EmailSettings, Mailer, MessageRequest};
use tokio::net::TcpListener;

use crate::pages::{App, document};
use crate::sign_in::PlannerIdentity;

/// PPM Planner: an example that embeds the email settings of PPM.
#[derive(Parser)]
struct Args {
    /// The address to listen on; port 0 chooses any free port.
    #[arg(long, default_value = "127.0.0.1:3100")]
    listen: SocketAddr,
    /// The database URL of the email settings.
    #[arg(long, default_value = "sqlite://planner.db")]
    database: String,
    /// PEM file of certificates to trust in addition to the platform's.
    #[arg(long)]
    extra_ca: Option<PathBuf>,
    /// Address on this machine or in a private network to which connections for mail and tokens are
    /// allowed, such as 127.0.0.1:2526; may be repeated.
    #[arg(long)]
    egress_allow: Vec<String>,
    /// The folder whose subfolder `pkg` has the tab's bundle.
    #[arg(long, default_value = "target/site")]
    site_root: PathBuf,
}

/// The router's state.
#[derive(Clone)]
struct Planner {
    sign_in: PlannerIdentity,
    mailer: Mailer,
    /// The result of the last report.
    report: SendReport,
    options: LeptosOptions,
}

impl FromRef<Planner> for LeptosOptions {
    fn from_ref(planner: &Planner) -> Self {
        planner.options.clone()
    }
}

/// The result of a report or of reminders as a sentence.
#[derive(Clone, Default)]
struct SendReport(Arc<Mutex<Option<String>>>);

impl SendReport {
    fn set(&self, sentence: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sentence);
    }
}

/// The application whose senders and rate count for the reminders.
const APPLICATION: &str = "PPM Planner";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let args = Args::parse();

    // The email settings, behind the product's own sign-in.
    let sign_in = PlannerIdentity::default();
    let config = Config {
        extra_ca: args.extra_ca.as_deref().map(certificates).transpose()?.unwrap_or_default(),
        egress: EgressPolicy::parse(&args.egress_allow, &[])?,
        site_root: args.site_root,
        tab_path: pages::MAIL.to_owned(),
        ..Config::new(Database::parse(&args.database)?)
    };
    let email = EmailSettings::open(config, sign_in.clone()).await?;
    // They send the reminders.
    email.start_workers();

    // The product's pages, one of which contains the tab.
    let planner = Planner {
        sign_in: sign_in.clone(),
        mailer: email.mailer(),
        report: SendReport::default(),
        options: email.leptos_options(),
    };
    let context = {
        let (tab, sign_in, report) = (email.context(), sign_in, planner.report.clone());
        move || {
            tab();
            provide_context(sign_in.clone());
            provide_context(report.clone());
        }
    };
    let listed = generate_route_list_with_exclusions(App, Some(EmailSettings::calls()));
    let options = planner.options.clone();
    let pages = Router::new()
        .route(pages::SIGN_IN, post(sign_in::sign_in))
        .route(pages::SIGN_OUT, post(sign_in::sign_out))
        .route(pages::REPORT, post(send_report))
        .route(pages::REMIND, post(send_reminders))
        .leptos_routes_with_context(&planner, listed, context, move || document(options.clone()));
    let router = email.recognise(pages).merge(email.router()).with_state(planner);

    let listener = TcpListener::bind(args.listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let stop = {
        let email = email.clone();
        async move {
            let _ = tokio::signal::ctrl_c().await;
            email.close_streams();
        }
    };
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop).await?;
    email.shutdown().await;
    Ok(())
}

/// `POST /report`: emails the week's report to the signed-in user.
async fn send_report(
    State(Planner { sign_in, mailer, report, .. }): State<Planner>,
    headers: HeaderMap,
) -> Redirect {
    if let Some(person) = sign_in.person(&headers) {
        let sentence = match send(&mailer, person.email).await {
            Ok(()) => format!("The report is on its way to {}.", person.email),
            Err(error) => format!("The report was not sent: {error}"),
        };
        report.set(sentence);
    }
    Redirect::to(pages::HOME)
}

/// `POST /remind`: reminds every user. The request does not wait for the mail server: the outbox has the
/// messages, and its workers send them.
async fn send_reminders(
    State(Planner { sign_in, mailer, report, .. }): State<Planner>,
    headers: HeaderMap,
) -> Redirect {
    if sign_in.person(&headers).is_some() {
        let mut sentence = format!("{} reminders are in the outbox.", sign_in::PEOPLE.len());
        for person in sign_in::PEOPLE {
            if let Err(error) = remind(&mailer, person.email).await {
                sentence = format!("{} was not reminded: {error}", person.name);
                break;
            }
        }
        report.set(sentence);
    }
    Redirect::to(pages::HOME)
}

/// Hands a message over to the outbox. A real product has an idempotency key for each reminder, so
/// that a repeated one is sent once.
async fn remind(mailer: &Mailer, to: &str) -> Result<(), Box<dyn Error>> {
    let message = MessageRequest {
        from: mailer.sender().await?.to_string(),
        to: vec![to.to_owned()],
        subject: Some("The plan for next week".to_owned()),
        text: Some("Please look at your plan.".to_owned()),
        ..MessageRequest::default()
    };
    mailer.enqueue(APPLICATION, &message, None).await?;
    Ok(())
}

/// Sends a message. The sender and the mail server come from the saved settings.
async fn send(mailer: &Mailer, to: &str) -> Result<(), Box<dyn Error>> {
    let message = Message::builder().from(mailer.sender().await?).to(to.parse()?);
    let message = message.subject("The week's report").body("Nothing is late.".to_owned())?;
    mailer.send(&message).await?;
    Ok(())
}
