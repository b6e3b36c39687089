//! PPM Planner: what a PPM product in Rust does to have the e-mail settings on a page of its own and
//! to send mail through them. Read `main` from top to bottom; `sign_in` is the product's own, and
//! `pages` are its pages.

mod pages;
mod sign_in;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::HeaderMap;
use axum::response::Redirect;
use axum::routing::post;
use clap::Parser;
use leptos::config::LeptosOptions;
use leptos::context::provide_context;
use leptos_axum::{LeptosRoutes, generate_route_list_with_exclusions};
use lettre::Message;
use server::config::{Config, Database, certificates};
use server::egress::EgressPolicy;
use server::embed::{EmailSettings, Mailer};
use tokio::net::TcpListener;

use crate::pages::{App, document};
use crate::sign_in::SignIn;

/// What is said to whoever starts it.
#[derive(Parser)]
struct Args {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, default_value = "127.0.0.1:3100")]
    listen: SocketAddr,
    /// Where the settings are kept.
    #[arg(long, default_value = "sqlite://planner.db")]
    database: String,
    /// Certificates to trust beside the machine's own, as PEM.
    #[arg(long)]
    extra_ca: Option<PathBuf>,
    /// An address that mail and requests for tokens may go to although it is on this machine or in a
    /// private network, such as 127.0.0.1:2526; may be repeated.
    #[arg(long)]
    egress_allow: Vec<String>,
    /// The folder with the tab's bundle, in `pkg`.
    #[arg(long, default_value = "target/site")]
    site_root: PathBuf,
}

/// What every request may use.
#[derive(Clone)]
struct Planner {
    sign_in: SignIn,
    mailer: Mailer,
    /// What became of the last report.
    report: Report,
    options: LeptosOptions,
}

impl FromRef<Planner> for LeptosOptions {
    fn from_ref(planner: &Planner) -> Self {
        planner.options.clone()
    }
}

/// What became of a report, as a sentence.
#[derive(Clone, Default)]
struct Report(Arc<Mutex<Option<String>>>);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let args = Args::parse();

    // The e-mail settings, behind this product's own sign-in.
    let sign_in = SignIn::default();
    let config = Config {
        extra_ca: args.extra_ca.as_deref().map(certificates).transpose()?.unwrap_or_default(),
        egress: EgressPolicy::parse(&args.egress_allow, &[])?,
        site_root: args.site_root,
        tab_path: pages::MAIL.to_owned(),
        ..Config::new(Database::parse(&args.database)?)
    };
    let email = EmailSettings::open(config, sign_in.clone()).await?;

    // This product's pages; the tab is on one of them.
    let planner = Planner {
        sign_in: sign_in.clone(),
        mailer: email.mailer(),
        report: Report::default(),
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
        .leptos_routes_with_context(&planner, listed, context, move || document(options.clone()));
    let router = email.recognise(pages).merge(email.router()).with_state(planner);

    let listener = TcpListener::bind(args.listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let stop = {
        let email = email.clone();
        async move {
            let _ = tokio::signal::ctrl_c().await;
            email.stop_streams();
        }
    };
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop).await?;
    email.drain().await;
    Ok(())
}

/// `POST /report`: the week's report, by mail to whoever asks.
async fn send_report(
    State(Planner { sign_in, mailer, report, .. }): State<Planner>,
    headers: HeaderMap,
) -> Redirect {
    if let Some(person) = sign_in.person(&headers) {
        let sentence = match send(&mailer, person.email).await {
            Ok(()) => format!("The report is on its way to {}.", person.email),
            Err(error) => format!("The report was not sent: {error}"),
        };
        *report.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sentence);
    }
    Redirect::to(pages::HOME)
}

/// Three lines: whom it is from is saved in the tab, and so is the way that it takes.
async fn send(mailer: &Mailer, to: &str) -> Result<(), Box<dyn Error>> {
    let message = Message::builder().from(mailer.sender().await?).to(to.parse()?);
    let message = message.subject("The week's report").body("Nothing is late.".to_owned())?;
    mailer.send(&message).await?;
    Ok(())
}
