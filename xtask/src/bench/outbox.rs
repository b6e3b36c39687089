//! Measures the outbox: how many messages a second become durable, beside Postfix; from the products
//! to a mail server, beside Postfix and nodemailer; and with many messages that wait, beside none.

use std::path::Path;

use anyhow::Result;

use super::browser;
use super::postfix::{self, Delivery, Postfix};
use super::programs::{Programs, RunningProgram};
use super::report::{BenchReport, Limit, Unit};
use crate::{postgres::Postgres, workspace::Workspace};

/// How often each pair is measured, in turn.
const ROUNDS: usize = 5;
/// The messages of a round, and the connections over which they are handed over.
const MESSAGES: u32 = 1_600;
const CONNECTIONS: u32 = 16;

const ACCEPTED: &str = "accepted by HTTP, SQLite, 16 connections";
const ACCEPTED_ON_POSTGRES: &str = "accepted by HTTP, PostgreSQL, 16 connections";
const SENT: &str = "from the products to the mail server, SQLite";
const SENT_ON_POSTGRES: &str = "from the products to the mail server, PostgreSQL";

/// The rows of a full outbox: the number of messages that wait, and the names of the figures on
/// `SQLite` and on `PostgreSQL`.
struct Level {
    waiting: u32,
    accepted: [&'static str; 2],
    dispatched: [&'static str; 2],
    memory: &'static str,
}

const LEVELS: [Level; 2] = [
    Level {
        waiting: 10_000,
        accepted: ["accepted while 10,000 wait, SQLite", "accepted while 10,000 wait, PostgreSQL"],
        dispatched: ["sent while 10,000 wait, SQLite", "sent while 10,000 wait, PostgreSQL"],
        memory: "memory while 10,000 wait, SQLite",
    },
    Level {
        waiting: 1_000_000,
        accepted: [
            "accepted while 1,000,000 wait, SQLite",
            "accepted while 1,000,000 wait, PostgreSQL",
        ],
        dispatched: ["sent while 1,000,000 wait, SQLite", "sent while 1,000,000 wait, PostgreSQL"],
        memory: "memory while 1,000,000 wait, SQLite",
    },
];

/// Messages that wait cost less than a fifth.
pub const LIMITS: [(&str, Limit); 8] = [
    (LEVELS[0].accepted[0], Limit::RatioAtLeast(0.8)),
    (LEVELS[0].accepted[1], Limit::RatioAtLeast(0.8)),
    (LEVELS[0].dispatched[0], Limit::RatioAtLeast(0.8)),
    (LEVELS[0].dispatched[1], Limit::RatioAtLeast(0.8)),
    (LEVELS[1].accepted[0], Limit::RatioAtLeast(0.8)),
    (LEVELS[1].accepted[1], Limit::RatioAtLeast(0.8)),
    (LEVELS[1].dispatched[0], Limit::RatioAtLeast(0.8)),
    (LEVELS[1].dispatched[1], Limit::RatioAtLeast(0.8)),
];

/// A product with an application and a separate mail server.
struct Outbox {
    programs: Programs,
    product: RunningProgram,
    sink: RunningProgram,
    key: String,
}

impl Outbox {
    /// Starts a product on an empty database, while so many messages wait.
    fn start(
        workspace: &Workspace,
        folder: &Path,
        database: Option<&Postgres>,
        waiting: u32,
    ) -> Result<Self> {
        let kind = if database.is_some() { "postgres" } else { "sqlite" };
        let folder = folder.join(format!("data-outbox-{kind}-{waiting}"));
        let _ = std::fs::remove_dir_all(&folder);
        let url = database.map(|server| server.database(&format!("waiting_{waiting}")));
        let programs = Programs::on(workspace, folder, url.transpose()?)?;
        let key = programs.application()?;
        if waiting > 0 {
            programs.fill(waiting)?;
        }
        let product = programs.serve_without_checks()?;
        let sink = programs.counting_sink(MESSAGES)?;
        Ok(Self { programs, product, sink, key })
    }

    /// Accepts messages while none is sent, and returns how many a second.
    fn accept(&self) -> Result<f64> {
        self.programs.hold(&self.product)?;
        self.hand_over()
    }

    fn hand_over(&self) -> Result<f64> {
        self.programs.hand_over(&self.product, &self.key, MESSAGES, CONNECTIONS)
    }

    /// Lets messages be sent.
    fn release(&self) -> Result<()> {
        self.programs.save(&self.product, Some(&self.sink), 1).map(drop)
    }

    /// Sends the messages that were accepted, and returns how many a second.
    fn dispatch(&mut self) -> Result<f64> {
        self.release()?;
        self.sink.next_number()
    }

    /// Accepts and sends messages at once, and returns how many a second came through.
    fn send(&mut self) -> Result<f64> {
        self.release()?;
        self.hand_over()?;
        self.sink.next_number()
    }
}

/// Measures all of it.
pub fn measure(workspace: &Workspace, report: &mut BenchReport) -> Result<()> {
    let folder = workspace.bench_folder();
    let server = Postgres::start_durable()?;
    for (at, database) in [None, Some(&server)].into_iter().enumerate() {
        let mut empty = Outbox::start(workspace, &folder, database, 0)?;
        beside_others(workspace, &folder, at, &mut empty, report)?;
        for level in LEVELS {
            beside_none(workspace, &folder, (at, database), &level, &mut empty, report)?;
        }
    }
    Ok(())
}

/// Measures an empty outbox, in turn with Postfix and nodemailer.
fn beside_others(
    workspace: &Workspace,
    folder: &Path,
    at: usize,
    outbox: &mut Outbox,
    report: &mut BenchReport,
) -> Result<()> {
    let has_postfix = postfix::is_there();
    if !has_postfix {
        println!("There is no smtp-source, or Postfix cannot be started: it is left out.");
    }
    let (mut accepted, mut by_postfix) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        accepted.push(outbox.accept()?);
        outbox.dispatch()?;
        if has_postfix {
            let postfix = Postfix::start(&folder.join("postfix"), Delivery::Held)?;
            by_postfix.push(postfix.accept(MESSAGES, CONNECTIONS)?);
        }
    }
    let (mut sent, mut relayed, mut pooled) = (vec![], vec![], vec![]);
    let mut sink = outbox.programs.counting_sink(MESSAGES)?;
    for _ in 0..ROUNDS {
        sent.push(outbox.send()?);
        if has_postfix {
            let delivery = Delivery::RelayedTo(sink.port());
            let postfix = Postfix::start(&folder.join("postfix"), delivery)?;
            postfix.accept(MESSAGES, CONNECTIONS)?;
            relayed.push(sink.next_number()?);
        }
        browser::nodemailer(workspace, &sink, MESSAGES, "concurrent")?;
        pooled.push(sink.next_number()?);
    }
    let accepted_name = [ACCEPTED, ACCEPTED_ON_POSTGRES][at];
    let sent_name = [SENT, SENT_ON_POSTGRES][at];
    if has_postfix {
        let baseline = ("Postfix into its queue", &by_postfix[..]);
        report.pair(accepted_name, Unit::PerSecond, &accepted, baseline);
        let baseline = ("Postfix relaying", &relayed[..]);
        report.pair(sent_name, Unit::PerSecond, &sent, baseline);
    } else {
        report.single(accepted_name, Unit::PerSecond, &accepted);
    }
    let baseline = ("nodemailer's pool, 2 connections", &pooled[..]);
    report.pair(sent_name, Unit::PerSecond, &sent, baseline);
    Ok(())
}

/// Measures an outbox in which messages wait, in turn with an empty one.
fn beside_none(
    workspace: &Workspace,
    folder: &Path,
    (at, database): (usize, Option<&Postgres>),
    level: &Level,
    empty: &mut Outbox,
    report: &mut BenchReport,
) -> Result<()> {
    let mut full = Outbox::start(workspace, folder, database, level.waiting)?;
    let (mut accepted, mut accepted_empty) = (vec![], vec![]);
    let (mut sent, mut sent_empty) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        accepted.push(full.accept()?);
        accepted_empty.push(empty.accept()?);
        sent.push(full.dispatch()?);
        sent_empty.push(empty.dispatch()?);
    }
    let none = "while none waits";
    report.pair(level.accepted[at], Unit::PerSecond, &accepted, (none, &accepted_empty));
    report.pair(level.dispatched[at], Unit::PerSecond, &sent, (none, &sent_empty));
    if database.is_none() {
        let base = [empty.product.memory()?];
        report.pair(level.memory, Unit::Mebibytes, &[full.product.memory()?], (none, &base));
    }
    Ok(())
}
