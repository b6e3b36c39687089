//! Crashes `PostgreSQL` while two nodes, which are killed too, accept and send messages. Only
//! `cargo xtask soak` runs this: every other test on that server would fail.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::sync::RwLock;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::databases::database_url;
use crate::support::harness::Harness;
use crate::support::outbox::{Cuts, Node, Product, Sink, serving};
use crate::support::program::HttpBrowser;

const SEED: u64 = 20_261_202;
/// How often each node is killed.
const KILLS: usize = 20;
/// The longest that a node lives after its start, or after a message, in milliseconds: it meets a
/// restart or two.
const LONGEST: u64 = 6_000;
/// The longest pause between two restarts, in milliseconds.
const PAUSE: u64 = 4_000;
/// The variable with a program that crashes the server and starts it again.
const RESTART: &str = "PPM_EMAIL_TEST_POSTGRES_RESTART";

fn restart() {
    let program = std::env::var(RESTART).expect("`cargo xtask soak` says how");
    let restarted = Command::new(program).stdin(Stdio::null()).stdout(Stdio::null()).status();
    assert!(restarted.expect("the program runs").success(), "PostgreSQL starts again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
#[ignore = "needs the server that `cargo xtask soak` starts"]
async fn while_postgresql_crashes_two_nodes_lose_no_accepted_message_and_send_none_twice() {
    let sink = Sink::start(Cuts::AroundFinalDot, SEED).await;
    let harness = Harness::start().await.with_ada().await;
    let product = Product::added_to(&harness, &sink).await;
    let folder = harness.folder.path();
    let database_url = database_url(folder).await;
    let starting = Arc::new(RwLock::new(()));
    let mut nodes = JoinSet::new();
    for (name, seed) in ["one", "other"].into_iter().zip(SEED..) {
        let (folder, product) = (folder.to_owned(), product.clone());
        let (database_url, moments) = (database_url.clone(), StdRng::seed_from_u64(seed));
        let starting = Some(starting.clone());
        let node = Node { name, product, database_url, moments, longest: LONGEST, starting };
        nodes.spawn(async move { node.killed(&folder, KILLS).await });
    }
    let (mut accepted, mut restarts) = (Vec::new(), 0);
    let mut moments = StdRng::seed_from_u64(SEED);
    while !nodes.is_empty() {
        tokio::select! {
            Some(ended) = nodes.join_next() => accepted.extend(ended.expect("a node without a panic")),
            // No condition to wait for: the crash is to hit an arbitrary instant.
            () = sleep(Duration::from_millis(moments.random_range(0..PAUSE))) => {
                let _no_node_starts = starting.write().await;
                tokio::task::block_in_place(restart);
                restarts += 1;
            }
        }
    }
    println!("{restarts} restarts, {} accepted", accepted.len());
    assert!(restarts > KILLS / 4 && accepted.len() > KILLS / 2, "{restarts} {}", accepted.len());
    let program = serving(folder, &database_url);
    let mut browser = HttpBrowser::at(&program.address).await.expect("it listens");
    product.expect_all_sent(&mut browser, &accepted).await;
    assert_eq!(sink.duplicates(), []);
}
