//! A mail server that accepts everything at once, every password too, and stores nothing.

use std::io;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::Result;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Counts messages, and prints how many a second came, after each `every`-th.
struct Counter {
    every: u32,
    /// The number since the last line, and when the first of them came.
    since: Mutex<(u32, Instant)>,
}

impl Counter {
    fn count(&self) {
        let mut since = self.since.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if since.0 == 0 {
            since.1 = Instant::now();
        }
        since.0 += 1;
        if since.0 == self.every {
            println!("{:.1}", f64::from(self.every - 1) / since.1.elapsed().as_secs_f64());
            since.0 = 0;
        }
    }
}

/// Serves until it is killed. Prints no rates if `every` is 0.
pub async fn serve(every: u32) -> Result<()> {
    let counter: &Counter =
        Box::leak(Box::new(Counter { every, since: Mutex::new((0, Instant::now())) }));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on smtp://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A client that disconnects in mid-session is no error.
        tokio::spawn(async move { take(stream, counter).await.unwrap_or_default() });
    }
}

async fn take(stream: TcpStream, counter: &Counter) -> io::Result<()> {
    let (from, mut to) = stream.into_split();
    let mut from = BufReader::new(from);
    to.write_all(b"220 sink\r\n").await?;
    let (mut line, mut is_content) = (Vec::new(), false);
    loop {
        line.clear();
        if from.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let reply: &[u8] = match (&line[..], is_content) {
            (b".\r\n", true) => {
                is_content = false;
                counter.count();
                b"250 taken\r\n"
            }
            (_, true) => continue,
            (b"DATA\r\n", false) => {
                is_content = true;
                b"354 go on\r\n"
            }
            (b"QUIT\r\n", false) => b"221 bye\r\n",
            (line, false) if line.starts_with(b"EHLO") => b"250-sink\r\n250 AUTH PLAIN\r\n",
            (line, false) if line.starts_with(b"AUTH") => b"235 welcome\r\n",
            (_, false) => b"250 sink\r\n",
        };
        to.write_all(reply).await?;
    }
}
