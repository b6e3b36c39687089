//! The server of the shell: it opens the email settings behind the shell's own sign-in, renders the
//! pages, and serves the shell's bundle.

mod sign_in;

use std::{error::Error, net::SocketAddr, path::PathBuf};

use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::{Router, extract::FromRef, middleware::from_fn_with_state, routing::post};
use clap::Parser;
use leptos::{hydration::HydrationScripts, nonce::use_nonce, prelude::*};
use leptos_axum::{LeptosRoutes, ResponseOptions, generate_route_list_with_exclusions};
use leptos_meta::{HashedStylesheet, MetaTags};
use leptos_shell::App;
use server::config::{Config, Database, EgressPolicy, certificates};
use server::embed::{EmailSettings, page_policy};
use tokio::net::TcpListener;

use crate::sign_in::Sessions;

/// PPM Administrator's shell: an example of a Leptos application with the email settings of PPM.
#[derive(Parser)]
struct Args {
    /// The address to listen on; port 0 chooses any free port.
    #[arg(long, default_value = "127.0.0.1:3300")]
    listen: SocketAddr,
    /// The database URL of the email settings.
    #[arg(long, default_value = "sqlite://shell.db")]
    database: String,
    /// PEM file of certificates to trust in addition to the platform's.
    #[arg(long)]
    extra_ca: Option<PathBuf>,
    /// Address on this machine or in a private network to which connections for mail and tokens are
    /// allowed, such as 127.0.0.1:2526; may be repeated.
    #[arg(long)]
    egress_allow: Vec<String>,
    /// The folder whose subfolders have the bundles: `pkg` that of the email settings, `shell-pkg` the
    /// shell's own.
    #[arg(long, default_value = "target/site")]
    site_root: PathBuf,
}

/// The router's state.
#[derive(Clone)]
struct Shell {
    sessions: Sessions,
    options: LeptosOptions,
}

impl FromRef<Shell> for LeptosOptions {
    fn from_ref(shell: &Shell) -> Self {
        shell.options.clone()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let args = Args::parse();

    // The shell's own bundle. `/pkg` is that of the email settings.
    let options = LeptosOptions::builder()
        .output_name("leptos-shell")
        .site_root(args.site_root.to_string_lossy())
        .site_pkg_dir("shell-pkg")
        .build();
    let sessions = Sessions::default();
    let config = Config {
        extra_ca: args.extra_ca.as_deref().map(certificates).transpose()?.unwrap_or_default(),
        egress: EgressPolicy::parse(&args.egress_allow, &[])?,
        site_root: args.site_root,
        tab_path: "/settings/email".to_owned(),
        ..Config::new(Database::parse(&args.database)?)
    };
    let email = EmailSettings::open(config, sessions.clone()).await?;

    let shell = Shell { sessions: sessions.clone(), options };
    let listed = generate_route_list_with_exclusions(App, Some(EmailSettings::calls()));
    let document = {
        let (options, tab) = (shell.options.clone(), email.leptos_options());
        move || document(options.clone(), tab.clone())
    };
    let pages = Router::new()
        .leptos_routes_with_context(&shell, listed, email.context(), document.clone())
        .route_layer(from_fn_with_state(sessions, sign_in::require))
        .route("/sign-in", post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .fallback(leptos_axum::file_and_error_handler::<Shell, _>(move |_| document()));
    let router = email.recognise(pages).merge(email.router()).with_state(shell);

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

/// The HTML document: the scripts of the shell's bundle, and the style sheet of the email settings.
fn document(options: LeptosOptions, tab: LeptosOptions) -> impl IntoView {
    if let Some((nonce, response)) = use_nonce().zip(use_context::<ResponseOptions>()) {
        response.insert_header(CONTENT_SECURITY_POLICY, page_policy(&nonce));
    }
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" href="data:,"/>
                <HashedStylesheet options=tab id="style"/>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body><App/></body>
        </html>
    }
}
