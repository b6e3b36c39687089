//! The program `ppm-email`: parses the command line and runs one command.

use std::io::{self, Write};
use std::{error::Error, process::ExitCode, sync::Arc};

use server::cli::{Cli, Command, ServeArgs};
use server::clock::{SystemClock, SystemRandomness};
use server::web::metrics::metrics_router;
use server::{
    Server, admin, application, audit, config::Config, health, key, log, outbox, router, serve,
    warnings,
};
use store::StoreError;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit status of a failure: 2, which shells use for usage errors.
const EXIT_FAILED: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let command = match Cli::read() {
        Ok(cli) => cli.command,
        Err(error) => return explain(&error),
    };
    log::start();
    let done = match command {
        Command::Health(args) => return exit_code(health::run(*args).await.map_err(Into::into)),
        Command::Serve(args) => run(*args).await,
        Command::Admin(command) => admin::run(command).await.map_err(Into::into),
        Command::Key(command) => key::run(command).await.map_err(Into::into),
        Command::Application(command) => application::run(command).await.map_err(Into::into),
        Command::Outbox(command) => outbox::run(command).await.map_err(Into::into),
        Command::Send(command) => outbox::send(*command).await.map_err(Into::into),
        Command::Audit(command) => audit::run(command).await.map_err(Into::into),
    };
    exit_code(done.map(|()| ExitCode::SUCCESS))
}

/// The exit code of a command, whose error is printed.
fn exit_code(done: Result<ExitCode, Box<dyn Error>>) -> ExitCode {
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ppm-email: {}", domain::error::one_line(error.as_ref()));
            ExitCode::from(EXIT_FAILED)
        }
    }
}

async fn run(args: ServeArgs) -> Result<(), Box<dyn Error>> {
    let descriptors = serve::raise_descriptors();
    let config = Config::read(args)?;
    let listen = config.listen;
    let limits = serve::Limits::new(&config, descriptors);
    let server = Server::start(config, Arc::new(SystemClock), Arc::new(SystemRandomness)).await?;
    let invitation = invitation(&server).await?;
    if let Some(metrics) = &server.config.alerts.metrics {
        let router = metrics_router(server.clone(), metrics);
        serve::serve_metrics(router, metrics.listen, &server.stopping).await?;
    }
    let background = server.start_background();
    server.start_workers();
    let warnings = warnings::of_serving(&server.config);
    let listening = || warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let (routes, stopping) = (router(server.clone()), &server.stopping);
    serve::serve(routes, listen, limits, invitation.as_ref(), listening, stopping).await?;
    drop(background);
    server.drain().await;
    Ok(())
}

/// The set-up link for the first administrator, if it is offered and there is no administrator yet.
async fn invitation(server: &Server) -> Result<Option<serve::Invitation>, StoreError> {
    if !server.config.offers_set_up {
        return Ok(None);
    }
    let origin = server.config.public_url.as_ref().map(|url| url.origin().to_owned());
    let ticket = server.people.accounts.open_set_up().await?;
    Ok(ticket.map(|ticket| serve::Invitation { origin, ticket }))
}

/// Prints help and version unchanged, and a usage error in one line.
fn explain(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Fails if the reader has closed the pipe, such as `head`.
        let _ = write!(io::stdout(), "{error}");
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let first =
        text.trim_start_matches("error: ").lines().take_while(|line| !line.trim().is_empty());
    let line = first.map(str::trim).collect::<Vec<_>>().join(" ");
    eprintln!("ppm-email: {line} (see ppm-email --help)");
    ExitCode::from(EXIT_FAILED)
}
