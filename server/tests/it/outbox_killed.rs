//! Kills the program with -9 while products hand messages over and a mail server cuts connections:
//! no acknowledged message is lost, and none is sent twice.

use rand::{SeedableRng, rngs::StdRng};
use tokio::task::JoinSet;

use crate::support::databases::database_url;
use crate::support::harness::Harness;
use crate::support::outbox::{Cuts, Node, Product, Sink, serving};
use crate::support::program::HttpBrowser;
use crate::support::soak::times;

/// The default seed of the random moments; `PPM_EMAIL_SEED` overrides it.
const SEED: u64 = 20_261_201;
/// The longest that a program lives after its start, or after a message, in milliseconds.
const LONGEST: u64 = 150;

/// Kills each of these nodes so often, all at once, and asserts what becomes of the messages.
async fn nodes_killed(names: &[&'static str], kills: usize) {
    let seed = std::env::var("PPM_EMAIL_SEED").map_or(SEED, |seed| seed.parse().expect("a number"));
    println!("PPM_EMAIL_SEED={seed}");
    let sink = Sink::start(Cuts::AroundFinalDot, seed).await;
    let harness = Harness::start().await.with_ada().await;
    let product = Product::added_to(&harness, &sink).await;
    let folder = harness.folder.path();
    let database_url = database_url(folder).await;
    let mut nodes = JoinSet::new();
    for (name, seed) in names.iter().zip(seed..) {
        let (folder, product) = (folder.to_owned(), product.clone());
        let (database_url, moments) = (database_url.clone(), StdRng::seed_from_u64(seed));
        let node = Node { name, product, database_url, moments, longest: LONGEST, starting: None };
        nodes.spawn(async move { node.killed(&folder, kills).await });
    }
    let accepted = nodes.join_all().await.concat();
    println!("{} accepted", accepted.len());
    assert!(accepted.len() > kills / 4, "{}", accepted.len());
    let program = serving(folder, &database_url);
    let mut browser = HttpBrowser::at(&program.address).await.expect("it listens");
    product.expect_all_sent(&mut browser, &accepted).await;
    assert_eq!(sink.duplicates(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_again_and_again_the_outbox_loses_no_accepted_message_and_sends_none_twice() {
    nodes_killed(&["node"], times(30, 1_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn two_nodes_killed_again_and_again_lose_no_accepted_message_and_send_none_twice() {
    nodes_killed(&["one", "other"], times(15, 500)).await;
}
