//! Datagrams with one message each: to the syslog daemon of this machine, and over UDP.

use std::{
    fs, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::{
        fd::AsFd as _,
        unix::{fs::MetadataExt as _, net},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    net::{UdpSocket, UnixDatagram, lookup_host},
    time::{Instant, error::Elapsed, sleep, timeout},
};

use super::{
    IncompleteDelivery, PollBackoff, RefusedRecords, address::Peer, no_progress, oversize, refused as refuse,
    unread_bytes, with_timeout,
};

/// Connection to the daemon of this machine.
pub(super) struct UnixDatagramConnection {
    socket: UnixDatagram,
    path: PathBuf,
    file: SocketFileId,
}

/// Device, inode and time of a socket file. Distinguishes a socket from one that another process made at the
/// same path.
type SocketFileId = (u64, u64, i64, i64);

fn file(path: &Path) -> io::Result<SocketFileId> {
    let found = fs::metadata(path)?;
    Ok((found.dev(), found.ino(), found.ctime(), found.ctime_nsec()))
}

impl UnixDatagramConnection {
    /// Connects to a socket; never blocks.
    pub(super) fn connect(path: &Path) -> io::Result<Self> {
        // The file is read first: a socket that is replaced in between then shows as another.
        let file = file(path)?;
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        Ok(Self { socket, path: path.to_owned(), file })
    }

    /// Checks that the process at the other end still has its socket. There is no other evidence: messages
    /// that a receiver leaves unread when it ends look like messages that it read.
    pub(super) fn check(&self) -> Result<(), String> {
        let same = file(&self.path).and_then(|file| {
            net::UnixDatagram::unbound()?.connect(&self.path)?;
            Ok(file == self.file)
        });
        match same {
            Ok(true) => Ok(()),
            Ok(false) => Err("the receiver was restarted".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Sends a batch and waits until the receiver has read it. `limit`: the maximum time without progress.
    pub(super) async fn send(
        &mut self,
        batch: &[&[u8]],
        max: u64,
        limit: Duration,
        refused: &mut Vec<RefusedRecords>,
    ) -> Result<(), IncompleteDelivery> {
        let (socket, mut settled) = (&self.socket, 0);
        let note_settled = async |n, _: &[u8]| {
            if unread_bytes(socket.as_fd())? == 0 {
                settled = n;
            }
            Ok(())
        };
        let send = async |message: &[u8]| socket.send(message).await;
        match send_each(batch, max, limit, refused, note_settled, send).await {
            Ok(sent) => sent.map_err(IncompleteDelivery::new)?,
            Err(_) => return Err(self.timed_out(settled, limit)),
        }
        let (mut pauses, mut deadline, mut left) = (PollBackoff::new(), Instant::now() + limit, u64::MAX);
        loop {
            let now = unread_bytes(self.socket.as_fd()).map_err(IncompleteDelivery::new)?;
            // The order matters: messages that a receiver left unread when it ended are no longer held.
            self.check().map_err(IncompleteDelivery::new)?;
            if now == 0 {
                return Ok(());
            }
            if now < left {
                (left, deadline) = (now, Instant::now() + limit);
            }
            if Instant::now() >= deadline {
                return Err(self.timed_out(settled, limit));
            }
            pauses.next().await;
        }
    }

    fn timed_out(&self, settled: usize, limit: Duration) -> IncompleteDelivery {
        match self.check() {
            Ok(()) => IncompleteDelivery { delivered: settled, why: no_progress(limit) },
            Err(why) => IncompleteDelivery::new(why),
        }
    }
}

/// Number of bytes sent over UDP at a time, and the pause behind them. A receiver's buffer holds 208 KiB by
/// default, and messages that do not fit are lost silently.
const BURST: usize = 48 * 1024;
const PAUSE: Duration = Duration::from_millis(1);
/// Time for the network to report that nobody listens.
const ECHO: Duration = Duration::from_millis(10);

/// UDP socket to a receiver that may or may not listen.
pub(super) struct UdpConnection {
    socket: UdpSocket,
}

impl UdpConnection {
    /// Resolves the name and prepares the socket; sends nothing.
    pub(super) async fn connect(peer: &Peer, limit: Duration) -> io::Result<Self> {
        let found = lookup_host((peer.host.as_str(), peer.port));
        let mut found = with_timeout(limit, "looking up the name", found).await?;
        let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let address = found.next().ok_or_else(none)?;
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).await?;
        // A connected socket gets the network's errors about earlier datagrams.
        socket.connect(address).await?;
        Ok(Self { socket })
    }

    /// Checks whether the network has reported an error.
    pub(super) fn check(&self) -> Result<(), String> {
        match self.socket.take_error() {
            Ok(None) => Ok(()),
            Ok(Some(error)) | Err(error) => Err(error.to_string()),
        }
    }

    /// Sends a batch. Arrival is unknown, but the machine of a receiver that is down usually reports it.
    pub(super) async fn send(
        &mut self,
        batch: &[&[u8]],
        max: u64,
        limit: Duration,
        refused: &mut Vec<RefusedRecords>,
    ) -> Result<(), IncompleteDelivery> {
        let mut burst = 0;
        let pause = async |_, message: &[u8]| {
            burst += message.len();
            if burst > BURST {
                burst = message.len();
                sleep(PAUSE).await;
            }
            Ok(())
        };
        let send = async |message: &[u8]| self.socket.send(message).await;
        match send_each(batch, max, limit, refused, pause, send).await {
            Ok(sent) => sent.map_err(IncompleteDelivery::new)?,
            Err(_) => return Err(IncompleteDelivery::new(no_progress(limit))),
        }
        sleep(ECHO).await;
        self.check().map_err(IncompleteDelivery::new)
    }
}

/// Sends the messages of a batch, each as one datagram, and refuses those that are too long. `before` is
/// called before each message that is sent. Returns the first error of either.
///
/// # Errors
/// Fails if a message is not sent within `limit`.
async fn send_each(
    batch: &[&[u8]],
    max: u64,
    limit: Duration,
    refused: &mut Vec<RefusedRecords>,
    mut before: impl AsyncFnMut(usize, &[u8]) -> io::Result<()>,
    send: impl AsyncFn(&[u8]) -> io::Result<usize>,
) -> Result<io::Result<()>, Elapsed> {
    for (n, message) in batch.iter().enumerate() {
        if let Some(one) = oversize(n, message, max) {
            refused.push(one);
            continue;
        }
        if let Err(error) = before(n, message).await {
            return Ok(Err(error));
        }
        match timeout(limit, send(message)).await? {
            Ok(_) => {}
            Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => refused.push(too_long(n, message)),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(()))
}

fn too_long(place: usize, message: &[u8]) -> RefusedRecords {
    refuse(place, format!("{} bytes; the system sends no datagram of this length", message.len()))
}
