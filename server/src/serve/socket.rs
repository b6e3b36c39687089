//! The socket under hyper: records progress, times out on a client that does not read its response,
//! and closes in stages, so that a response sent before the end of a request is not lost (RFC 9112
//! 9.6).

use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::slots::ConnectionSlot;

/// How long a client may continue to send a request that was already answered.
const LINGER: Duration = Duration::from_secs(5);

/// A socket and the slot of its connection.
pub(super) struct Socket {
    stream: TcpStream,
    slot: Arc<ConnectionSlot>,
    taken_within: Duration,
    /// The deadline for the client to read some of the pending response.
    stalled: Option<Pin<Box<Sleep>>>,
    /// The deadline for discarding input, once the write side is shut down.
    closing: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    /// Creates a socket whose client must read some of its response `taken_within`.
    pub(super) fn new(
        stream: TcpStream,
        slot: Arc<ConnectionSlot>,
        taken_within: Duration,
    ) -> Self {
        Self { stream, slot, taken_within, stalled: None, closing: None }
    }

    /// Checks the outcome of a write: an error once nothing could be written for too long.
    fn watch(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            self.slot.record_progress();
            return written;
        }
        let limit = self.taken_within;
        ready!(self.stalled.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.slot.record_input();
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, buffer);
        self.watch(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.watch(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.closing.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        }
        if !this.slot.is_request_incomplete() {
            return Poll::Ready(Ok(()));
        }
        let deadline = this.closing.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut octets = [0; 8 * 1024];
        while deadline.as_mut().poll(context).is_pending() {
            let mut discarded = ReadBuf::new(&mut octets);
            match ready!(Pin::new(&mut this.stream).poll_read(context, &mut discarded)) {
                Ok(()) if !discarded.filled().is_empty() => {}
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
