//! The programs that `cargo xtask bench` measures with: baselines (an empty server, a bare page), a mail server
//! that accepts everything, and load generators. Each prints one number, per second as a rule, or
//! the address it listens on.

mod counter;
mod empty;
mod fill;
mod flood;
mod load;
mod send;
mod sink;

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Load generators, a mail sink and a baseline for `cargo xtask bench`.
#[derive(Parser)]
struct BenchCli {
    #[command(subcommand)]
    program: Program,
}

#[derive(Subcommand)]
enum Program {
    /// Serves an empty answer: what HTTP itself costs.
    Empty,
    /// Serves a bare Leptos page: the baseline of hydration.
    Counter {
        /// The folder with its bundle.
        bundle: PathBuf,
    },
    /// Accepts every message as fast as it comes. After each `every`-th one it prints how many a second
    /// have come since the first of them.
    Sink {
        /// After how many messages.
        #[arg(long, default_value_t = 0)]
        every: u32,
    },
    /// Fills the outbox with messages that wait, and prints their number.
    Fill {
        /// The database, which has its tables.
        database_url: String,
        /// How many messages.
        #[arg(long)]
        messages: u32,
    },
    /// Hands messages of an application over, and prints how many a second were accepted.
    HandOver {
        /// The address of the server.
        server: SocketAddr,
        /// The application's key.
        #[arg(long)]
        key: String,
        /// How many messages in total.
        #[arg(long)]
        messages: u32,
        /// How many concurrent connections.
        #[arg(long)]
        connections: u32,
    },
    /// Saves settings with which messages are held: an OAuth flow without a token.
    Hold {
        /// The address of the server.
        server: SocketAddr,
        /// The user who signs in first: address and password, with a colon between.
        #[arg(long = "as")]
        account: String,
    },
    /// Requests a page over several connections, and prints the requests per second.
    Get {
        /// The address of the server.
        server: SocketAddr,
        /// The page.
        path: String,
        /// How many requests in total.
        #[arg(long)]
        requests: u32,
        /// How many concurrent connections.
        #[arg(long)]
        connections: u32,
        /// The user who signs in first: address and password, with a colon between.
        #[arg(long = "as")]
        account: Option<String>,
    },
    /// Loads the form repeatedly, and prints the 99th percentile of the time it takes, in
    /// milliseconds.
    Call {
        /// The address of the server.
        server: SocketAddr,
        /// How many loads.
        #[arg(long)]
        calls: u32,
        /// The user who signs in first: address and password, with a colon between.
        #[arg(long = "as")]
        account: String,
    },
    /// Tries to sign in from one address over many connections, until it is killed; prints a line
    /// once it is refused.
    Flood {
        /// The address of the server, which must trust this machine as a proxy.
        server: SocketAddr,
        /// How many connections.
        #[arg(long)]
        connections: u32,
        /// How many sign-ins per second over each.
        #[arg(long)]
        per_second: u32,
    },
    /// Saves the form repeatedly, and prints the saves per second.
    Save {
        /// The address of the server.
        server: SocketAddr,
        /// How many saves.
        #[arg(long)]
        saves: u32,
        /// The port of a mail server on this machine, for which the settings are then.
        #[arg(long)]
        port: Option<u16>,
        /// The user who signs in first: address and password, with a colon between.
        #[arg(long = "as")]
        account: String,
    },
    /// Opens event streams, sends a test message, reads each stream to the message's end, closes
    /// them, and prints how many there were.
    Watch {
        /// The address of the server.
        server: SocketAddr,
        /// The port of a mail server on this machine.
        port: u16,
        /// How many streams.
        #[arg(long)]
        pages: u32,
        /// The user who signs in first: address and password, with a colon between.
        #[arg(long = "as")]
        account: String,
    },
    /// Sends test messages, each over a separate connection, and prints the messages per second.
    Send {
        /// The sink's port on this machine.
        port: u16,
        /// How many messages.
        #[arg(long)]
        messages: u32,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    let number = match BenchCli::parse().program {
        Program::Empty => return empty::serve().await,
        Program::Counter { bundle } => return counter::serve(&bundle).await,
        Program::Sink { every } => return sink::serve(every).await,
        Program::Fill { database_url, messages } => fill::fill(&database_url, messages).await?,
        Program::HandOver { server, key, messages, connections } => {
            load::hand_over(server, &key, messages, connections).await?
        }
        Program::Hold { server, account } => load::hold(server, &account).await?,
        Program::Get { server, path, requests, connections, account } => {
            load::get(server, &path, requests, connections, account.as_deref()).await?
        }
        Program::Call { server, calls, account } => load::call(server, calls, &account).await?,
        Program::Flood { server, connections, per_second } => {
            return flood::flood(server, connections, per_second).await;
        }
        Program::Save { server, saves, port, account } => {
            load::save(server, saves, port, &account).await?
        }
        Program::Watch { server, port, pages, account } => {
            load::watch(server, port, pages, &account).await?
        }
        Program::Send { port, messages } => send::send(port, messages).await?,
    };
    println!("{number:.1}");
    Ok(())
}
