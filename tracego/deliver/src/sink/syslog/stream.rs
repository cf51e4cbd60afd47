//! Messages over a stream: TCP, TLS and Unix sockets.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, Write as _},
    os::fd::{AsFd, OwnedFd},
    path::Path,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use rustix::net::{RecvFlags, recv, sockopt};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::{TcpStream, UnixStream, lookup_host},
    task::yield_now,
    time::{Instant, timeout},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ProtocolVersion, pki_types::ServerName},
};

use super::{
    IncompleteDelivery, PollBackoff, address::Peer, counting_stream::CountingStream, no_progress,
    unread_bytes, with_timeout,
};

/// Number of bytes that are gathered before a write: a TLS record (RFC 8446 section 5.1).
const PIECE: usize = 16 * 1024;
/// Maximum number of reads per check. Data from the receiver has no meaning.
const READS: usize = 16;
/// Time limit for the verdict of a TLS 1.3 server on our certificate.
const VERDICT: Duration = Duration::from_millis(500);
/// Time limit for closing a connection in order.
const FAREWELL: Duration = Duration::from_secs(1);
/// Keepalive of an idle connection: the time to the first probe, the interval of those that follow, and their
/// number.
const IDLE: Duration = Duration::from_secs(30);
const PROBE: Duration = Duration::from_secs(10);
const PROBES: u32 = 3;

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Framing {
    /// Length in front (RFC 6587 section 3.4.1).
    Counting,
    /// Line feed behind (section 3.4.2). On Unix sockets, rsyslog and syslog-ng both take it.
    Line,
}

/// Connection to a receiver over a stream.
pub(super) struct StreamConnection {
    io: Box<dyn Io>,
    /// Duplicate of the socket, for queries to the kernel.
    socket: OwnedFd,
    framing: Framing,
    /// Number of bytes that the kernel took since the connection was made.
    written: Arc<AtomicU64>,
    /// Number of these bytes that were known to be delivered at the last query.
    delivered: u64,
}

impl StreamConnection {
    /// Connects to a socket of this machine.
    pub(super) async fn unix(path: &Path, limit: Duration) -> io::Result<Self> {
        let stream = with_timeout(limit, "connecting", UnixStream::connect(path)).await?;
        let socket = stream.as_fd().try_clone_to_owned()?;
        let (io, written) = CountingStream::new(stream);
        Ok(Self { io: Box::new(io), socket, framing: Framing::Line, written, delivered: 0 })
    }

    /// Connects to a machine; with `tls`, also does the TLS handshake.
    pub(super) async fn tcp(
        peer: &Peer,
        tls: Option<&(TlsConnector, ServerName<'static>)>,
        limit: Duration,
    ) -> io::Result<Self> {
        let stream = dial(peer, limit).await?;
        stream.set_nodelay(true)?;
        sockopt::set_socket_keepalive(&stream, true)?;
        sockopt::set_tcp_keepidle(&stream, IDLE)?;
        sockopt::set_tcp_keepintvl(&stream, PROBE)?;
        sockopt::set_tcp_keepcnt(&stream, PROBES)?;
        let socket = stream.as_fd().try_clone_to_owned()?;
        let (io, written) = CountingStream::new(stream);
        let io: Box<dyn Io> = match tls {
            None => Box::new(io),
            Some((connector, name)) => {
                let mut io =
                    with_timeout(limit, "the TLS handshake", connector.connect(name.clone(), io)).await?;
                verdict(&mut io).await?;
                Box::new(io)
            }
        };
        Ok(Self { io, socket, framing: Framing::Counting, written, delivered: 0 })
    }

    /// Checks that the receiver has neither closed nor reset the connection. Data from the receiver is read
    /// and discarded.
    pub(super) async fn check(&mut self) -> Result<(), String> {
        for _ in 0..READS {
            // The kernel is asked directly: the runtime may not have been notified yet.
            let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
            match recv(&self.socket, &mut [0; 1], flags) {
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(io::Error::from(error).to_string()),
                Ok((_, 0)) => return Err("the receiver closed the connection".to_owned()),
                Ok(_) => {
                    yield_now().await;
                    let read = poll_fn(|cx| Poll::Ready(read(&mut self.io, cx))).await;
                    if let Poll::Ready(Err(error)) = read {
                        return Err(error.to_string());
                    }
                }
            }
        }
        Ok(())
    }

    /// Sends a batch and waits until it is delivered. A message that could not be shortened enough is sent
    /// all the same: a stream has no bound. `limit` is the maximum time without progress: a slow receiver may
    /// take longer.
    pub(super) async fn send(&mut self, batch: &[&[u8]], limit: Duration) -> Result<(), IncompleteDelivery> {
        // Number of messages that the kernel took whole, and the number of bytes written by then.
        let mut marks = VecDeque::new();
        let mut piece = Vec::with_capacity(PIECE);
        for (n, message) in batch.iter().enumerate() {
            self.frame(message, &mut piece);
            if piece.len() < PIECE && n + 1 < batch.len() {
                continue;
            }
            let written = timeout(limit, async {
                self.io.write_all(&piece).await?;
                self.io.flush().await
            });
            match written.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(IncompleteDelivery::new(error)),
                Err(_) => return Err(self.timed_out(&marks, limit).await),
            }
            marks.push_back((n + 1, self.written.load(Ordering::Relaxed)));
            piece.clear();
        }
        let (mut pauses, mut deadline) = (PollBackoff::new(), Instant::now() + limit);
        loop {
            let before = self.delivered;
            let settled = self.delivered().map_err(IncompleteDelivery::new)?;
            // The order matters: bytes that the kernel discarded because the receiver died are not delivered.
            self.check().await.map_err(IncompleteDelivery::new)?;
            if settled == self.written.load(Ordering::Relaxed) {
                return Ok(());
            }
            if settled > before {
                deadline = Instant::now() + limit;
            }
            if Instant::now() >= deadline {
                return Err(self.timed_out(&marks, limit).await);
            }
            pauses.next().await;
        }
    }

    fn frame(&self, message: &[u8], piece: &mut Vec<u8>) {
        match self.framing {
            Framing::Counting => {
                // Writing to memory does not fail.
                let _written = write!(piece, "{} ", message.len());
                piece.extend_from_slice(message);
            }
            Framing::Line => {
                piece.extend_from_slice(message);
                piece.push(b'\n');
            }
        }
    }

    /// Returns the outcome of a batch when the receiver takes nothing more. Messages that its kernel
    /// acknowledged count as delivered.
    async fn timed_out(&mut self, marks: &VecDeque<(usize, u64)>, limit: Duration) -> IncompleteDelivery {
        let settled = self.delivered().unwrap_or(0);
        if let Err(why) = self.check().await {
            return IncompleteDelivery::new(why);
        }
        let whole = marks.iter().take_while(|(_, end)| *end <= settled).last();
        IncompleteDelivery { delivered: whole.map_or(0, |(messages, _)| *messages), why: no_progress(limit) }
    }

    /// Returns the number of written bytes that are delivered.
    fn delivered(&mut self) -> io::Result<u64> {
        let written = self.written.load(Ordering::Relaxed);
        match (unread_bytes(self.socket.as_fd())?, self.framing) {
            (0, _) => self.delivered = written,
            (bytes, Framing::Counting) => self.delivered = written.saturating_sub(bytes),
            // The number is kernel memory and not message bytes, so it is all or nothing.
            (_, Framing::Line) => {}
        }
        Ok(self.delivered)
    }

    /// Ends TLS (close_notify) and the connection.
    pub(super) async fn close(mut self) {
        match timeout(FAREWELL, self.io.shutdown()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a syslog connection could not be closed"),
            Err(_) => tracing::debug!("closing a syslog connection timed out"),
        }
    }
}

/// Reads and discards available data; the end of the stream is an error.
fn read(io: &mut (impl AsyncRead + Unpin + ?Sized), cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    let mut bytes = [0; 1024];
    let mut buf = ReadBuf::new(&mut bytes);
    Pin::new(io).poll_read(cx, &mut buf).map(|read| match read {
        Ok(()) if buf.filled().is_empty() => {
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the receiver closed the connection"))
        }
        read => read,
    })
}

/// Connects to the first address of a name that works; each address gets an equal share of the time.
async fn dial(peer: &Peer, limit: Duration) -> io::Result<TcpStream> {
    let found =
        with_timeout(limit, "looking up the name", lookup_host((peer.host.as_str(), peer.port))).await?;
    let found: Vec<_> = found.collect();
    let share = limit / u32::try_from(found.len()).unwrap_or(u32::MAX).max(1);
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in found {
        match with_timeout(share, "connecting", TcpStream::connect(address)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Waits for the verdict of a TLS 1.3 server on our certificate, which follows after the handshake is over
/// for us. The server's kernel acknowledges messages sent before a refusal, but nobody reads them. The
/// verdict is the first data from the server: tickets, which most servers send, or the refusal.
async fn verdict<S: AsyncRead + AsyncWrite + Unpin>(io: &mut TlsStream<S>) -> io::Result<()> {
    if io.get_ref().1.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return Ok(());
    }
    let said = poll_fn(|cx| match read(io, cx) {
        Poll::Pending if io.get_ref().1.tls13_tickets_received() > 0 => Poll::Ready(Ok(())),
        said => said,
    });
    // A silent server has no objection.
    timeout(VERDICT, said).await.unwrap_or(Ok(()))
}
