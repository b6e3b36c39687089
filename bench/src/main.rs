//! The programs that `cargo xtask bench` measures with: what the product is compared with (an empty
//! server), what it talks to (a mail server that takes everything), and who makes it work.
//! Each prints one number, of things per second as a rule, or where it listens.

mod empty;
mod flood;
mod load;
mod send;
mod sink;

use std::net::SocketAddr;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Loads, sinks and baselines.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    program: Program,
}

#[derive(Subcommand)]
enum Program {
    /// Serves an empty answer: what HTTP itself costs.
    Empty,
    /// Takes every message as fast as it comes.
    Sink,
    /// Gets a page so many times over so many connections.
    Get {
        /// Where the server listens.
        server: SocketAddr,
        /// The page.
        path: String,
        /// How often.
        #[arg(long)]
        requests: u32,
        /// Over how many connections at once.
        #[arg(long)]
        connections: u32,
        /// Who signs in first: address and password, with a colon between.
        #[arg(long = "as")]
        who: Option<String>,
    },
    /// Loads the form so many times, one after another, and says how many milliseconds the slowest
    /// hundredth took at least.
    Call {
        /// Where the server listens.
        server: SocketAddr,
        /// How often.
        #[arg(long)]
        calls: u32,
        /// Who signs in first: address and password, with a colon between.
        #[arg(long = "as")]
        who: String,
    },
    /// Tries to sign in from one address over many connections, until it is killed; it says so once
    /// it is refused.
    Flood {
        /// Where the server listens, which takes this machine for a proxy.
        server: SocketAddr,
        /// Over how many connections.
        #[arg(long)]
        connections: u32,
        /// How often a second over each.
        #[arg(long)]
        per_second: u32,
    },
    /// Saves the form so many times, one after another.
    Save {
        /// Where the server listens.
        server: SocketAddr,
        /// How often.
        #[arg(long)]
        saves: u32,
        /// Who signs in first: address and password, with a colon between.
        #[arg(long = "as")]
        who: String,
    },
    /// Opens so many pages' streams, sends a test message that each of them hears the end of, closes
    /// them again, and says how many heard it.
    Watch {
        /// Where the server listens.
        server: SocketAddr,
        /// The port of a mail server on this machine.
        port: u16,
        /// How many.
        #[arg(long)]
        pages: u32,
        /// Who signs in first: address and password, with a colon between.
        #[arg(long = "as")]
        who: String,
    },
    /// Sends so many test messages, each over a connection of its own.
    Send {
        /// The sink's port on this machine.
        port: u16,
        /// How many.
        #[arg(long)]
        messages: u32,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    let number = match Cli::parse().program {
        Program::Empty => return empty::serve().await,
        Program::Sink => return sink::serve().await,
        Program::Get { server, path, requests, connections, who } => {
            load::get(server, &path, requests, connections, who.as_deref()).await?
        }
        Program::Call { server, calls, who } => load::call(server, calls, &who).await?,
        Program::Flood { server, connections, per_second } => {
            return flood::flood(server, connections, per_second).await;
        }
        Program::Save { server, saves, who } => load::save(server, saves, &who).await?,
        Program::Watch { server, port, pages, who } => {
            load::watch(server, port, pages, &who).await?
        }
        Program::Send { port, messages } => send::send(port, messages).await?,
    };
    println!("{number:.1}");
    Ok(())
}
