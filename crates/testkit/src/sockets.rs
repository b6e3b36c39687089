//! Raw TCP connections, on which a test sends octets.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// A timeout that no test reaches.
pub const NEVER: Duration = Duration::from_mins(1);

/// Connects from another address of this machine.
pub async fn connect_from(address: &str, server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    let own = SocketAddr::new(address.parse().expect("an address"), 0);
    socket.bind(own).expect("an address of this machine");
    socket.connect(server).await.expect("a connection")
}

/// Reads the next octets; empty if the peer closes.
pub async fn beginning(stream: &mut TcpStream) -> String {
    let mut octets = [0; 4_096];
    let read = timeout(NEVER, stream.read(&mut octets));
    let count = read.await.expect("the server says something or closes").unwrap_or_default();
    String::from_utf8_lossy(&octets[..count]).into_owned()
}
