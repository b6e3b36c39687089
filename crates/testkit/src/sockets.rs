//! Raw TCP connections, on which a test sends octets, and the streams of the scripted servers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

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

/// A connection of a scripted server, in clear or under TLS.
pub(crate) trait TestStream: AsyncRead + AsyncWrite + Send + Unpin {
    fn tcp(&self) -> &TcpStream;
    fn is_encrypted(&self) -> bool;
}

impl TestStream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }

    fn is_encrypted(&self) -> bool {
        false
    }
}

impl TestStream for TlsStream<Box<dyn TestStream>> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0.tcp()
    }

    fn is_encrypted(&self) -> bool {
        true
    }
}

/// Reads at least one octet.
pub(crate) async fn read_more(stream: &mut dyn TestStream, octets: &mut Vec<u8>) -> io::Result<()> {
    octets.reserve(16_384);
    match stream.read_buf(octets).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
