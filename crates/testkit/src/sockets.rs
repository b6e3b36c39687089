//! Raw TCP connections, on which a test sends octets, and the streams of the scripted servers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
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

/// Returns an address of this machine at which nothing listens.
pub fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

/// A port with a full backlog, which on Linux does not answer a connection attempt.
pub struct FullBacklog {
    pub address: SocketAddr,
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl FullBacklog {
    pub async fn start() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let listener = socket.listen(1).expect("a backlog of one");
        let address = listener.local_addr().expect("an address");
        let mut waiting = Vec::new();
        let patience = Duration::from_secs(1);
        while let Ok(stream) = timeout(patience, TcpStream::connect(address)).await {
            waiting.push(stream.expect("a place in the backlog"));
        }
        Self { address, _listener: listener, _waiting: waiting }
    }
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
