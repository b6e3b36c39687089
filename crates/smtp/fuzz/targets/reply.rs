//! Reads any text from a mail server, in pieces of any size: every reply is read or refused, what
//! is shown of it is safe to display, and the password is redacted.

#![no_main]

use std::time::Duration;

use domain::syntax::text::is_unsafe_in_one_line;
use domain::settings::Account;
use libfuzzer_sys::fuzz_target;
use smtp::fuzz::read;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

const PASSWORD: &str = "nachtigall";

fuzz_target!(|input: &[u8]| {
    let Some((&piece, peer_text)) = input.split_first() else { return };
    let runtime = runtime();
    let whole = runtime.block_on(read_all(peer_text, peer_text.len().max(1)));
    let in_pieces = runtime.block_on(read_all(peer_text, usize::from(piece).max(1)));
    assert_eq!(whole, in_pieces, "a reply depends on how it is cut into packets");
    for words in whole {
        assert!(words.chars().count() <= 2_010, "too long to be shown");
        assert!(!words.contains(PASSWORD), "the password is shown");
        let is_unsafe = |c: char| c != '\n' && is_unsafe_in_one_line(c);
        assert!(!words.contains(is_unsafe), "a control character is shown: {words:?}");
    }
});

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Returns what is read from a server that sends this in pieces, and disconnects.
async fn read_all(peer_text: &[u8], piece: usize) -> Vec<String> {
    let account = Account { username: "ada".to_owned(), password: PASSWORD.into() };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let saying = async {
        let (mut server, _) = listener.accept().await.expect("a connection");
        server.set_nodelay(true).expect("no delay");
        for piece in peer_text.chunks(piece) {
            // The client disconnects once it has read enough.
            if server.write_all(piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        server.shutdown().await.unwrap_or_default();
        // Closing with unread octets in flight would reset the connection.
        tokio::time::timeout(Duration::from_millis(1), server.readable()).await.ok();
    };
    let reading = async {
        let stream = TcpStream::connect(address).await.expect("a connection");
        read(stream, &account).await
    };
    tokio::join!(saying, reading).1
}
