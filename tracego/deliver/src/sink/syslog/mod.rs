//! Syslog sink (RFC 5424): sends records to the daemon of this machine, over UDP (RFC 5426), TCP (RFC 6587
//! section 3.4.1) or TLS (RFC 5425).
//!
//! Syslog has no acknowledgement. A message counts as delivered by the best evidence that the transport
//! offers:
//!
//! | transport | delivered when |
//! |---|---|
//! | `unix:` | the receiving process has read the message |
//! | `tcp:`, `tls:` | the receiver's kernel has acknowledged the message, and the connection still stands |
//! | `udp:` | this kernel has sent the message, and no error reported that the port is closed |
//!
//! All other messages are sent again, so a message may arrive twice, with the same `log.record.uid`. Some
//! losses remain: a receiver over TCP or TLS that dies loses what its kernel holds unread (at most its
//! receive buffer), every receiver loses what it has read and not stored, and UDP loses what the network
//! drops. Where that matters, use OTLP or webhooks: there the receiver itself acknowledges.
//!
//! Do not send these messages to `/dev/log` itself: its reader (journald, and rsyslog unless
//! `SysSock.UseSpecialParser="off"`) expects the header of syslog(3), and takes this one for text. Give
//! rsyslog an input of its own: `input(type="imuxsock" Socket="/run/siem.sock" UseSpecialParser="off"
//! ParseHostname="on" IgnoreTimestamp="off" UseSysTimeStamp="off")`.
//!
//! Messages over a Unix socket are datagrams, as glibc sends them; on a stream socket, each ends with a line
//! feed. Over TCP and TLS, the length stands in front of each message.
//!
//! A record whose message is longer than `max-bytes` is shortened: the least important parts are left out,
//! and the record says which. Receivers cut silently, in the middle of a record: raise the receiver's limit
//! before
//! `max-bytes`. For rsyslog, the limit is `global(maxMessageSize="1m")`, and over TCP
//! and TLS also `module(load="imtcp" maxFrameSize="1048576")`, without which a frame of more than 200000
//! bytes spoils the rest of the connection. For syslog-ng, the limit is `log-msg-size()`.

mod address;
mod counting_stream;
mod datagram;
mod facility;
mod message;
mod settings;
mod shorten;
mod stream;
#[cfg(test)]
mod tests;

use std::{io, os::fd::BorrowedFd, sync::Arc, time::Duration};

pub use self::{
    address::{Address, Peer},
    facility::Facility,
    message::SyslogEncoder,
    settings::SyslogSettings,
};
use self::{
    datagram::{UdpConnection, UnixDatagramConnection},
    stream::StreamConnection,
};
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use super::delivery::{DeliveryError, DeliveryResult, RefusedRecords};

/// Syslog transport. Connects when there is something to deliver.
pub struct SyslogTransport {
    address: Address,
    /// Maximum length of a message, in bytes.
    max: u64,
    timeout: Duration,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    link: Option<SyslogConnection>,
}

/// Connection to the receiver.
enum SyslogConnection {
    Local(UnixDatagramConnection),
    Udp(UdpConnection),
    Stream(Box<StreamConnection>),
}

/// Reason why a batch was not delivered whole.
struct IncompleteDelivery {
    /// Number of messages from the front that were delivered or refused.
    delivered: usize,
    why: String,
}

impl IncompleteDelivery {
    fn new(why: impl ToString) -> Self {
        Self { delivered: 0, why: why.to_string() }
    }
}

impl SyslogTransport {
    /// Creates a transport. Does not connect yet.
    ///
    /// # Errors
    /// Fails if the settings are invalid. The error names the key.
    pub fn new(settings: &SyslogSettings) -> Result<Self, String> {
        settings.check()?;
        let tls = match &settings.address {
            Address::Tls(peer) => {
                let keys = settings.tls.clone().unwrap_or_default();
                let config = keys.client(&[]).map_err(|error| error.to_string())?;
                let name = keys.server_name.unwrap_or_else(|| peer.host.clone());
                let name = ServerName::try_from(name)
                    .map_err(|error| format!("tls server-name, or host of the address: {error}"))?;
                Some((TlsConnector::from(Arc::new(config)), name))
            }
            _ => None,
        };
        Ok(Self {
            address: settings.address.clone(),
            max: settings.max_bytes.0,
            timeout: settings.timeout.0,
            tls,
            link: None,
        })
    }

    /// Sends encoded messages and waits until they are delivered, in the sense of the [module](self). Returns
    /// how many were, and the reason if not all.
    pub async fn deliver(&mut self, batch: &[&[u8]]) -> DeliveryResult {
        let sent = self.send(batch).await;
        let (delivered, why, mut refused) = match sent {
            Ok(refused) => return DeliveryResult { done: batch.len(), refused, trouble: None },
            Err((IncompleteDelivery { delivered, why }, refused)) => (delivered, why, refused),
        };
        refused.retain(|one| one.first < delivered);
        let trouble = Some(DeliveryError::new(format!("{}: {why}", self.address)));
        DeliveryResult { done: delivered, refused, trouble }
    }

    async fn send(
        &mut self,
        batch: &[&[u8]],
    ) -> Result<Vec<RefusedRecords>, (IncompleteDelivery, Vec<RefusedRecords>)> {
        // The connection is kept only after a success, so that neither an error nor a caller that gives up
        // leaves half a message in it.
        let kept = match self.link.take() {
            Some(mut link) => match (link.check().await, &link) {
                (Ok(()), _) => Some(link),
                // A new socket would send to the same closed port, and not know the error.
                (Err(why), SyslogConnection::Udp(_)) => {
                    return Err((IncompleteDelivery::new(why), Vec::new()));
                }
                (Err(_), _) => None,
            },
            None => None,
        };
        let mut link = match kept {
            Some(link) => link,
            None => self.connect().await.map_err(|why| (IncompleteDelivery::new(why), Vec::new()))?,
        };
        let mut refused = Vec::new();
        let sent = match &mut link {
            SyslogConnection::Local(local) => local.send(batch, self.max, self.timeout, &mut refused).await,
            SyslogConnection::Udp(udp) => udp.send(batch, self.max, self.timeout, &mut refused).await,
            SyslogConnection::Stream(stream) => stream.send(batch, self.timeout).await,
        };
        match sent {
            Ok(()) => {
                self.link = Some(link);
                Ok(refused)
            }
            Err(broken) => Err((broken, refused)),
        }
    }

    async fn connect(&self) -> io::Result<SyslogConnection> {
        let limit = self.timeout;
        let stream = match &self.address {
            Address::Unix(path) => match UnixDatagramConnection::connect(path) {
                // The socket is a stream; glibc's syslog(3) tries that next, too.
                Err(error) if error.raw_os_error() == Some(libc::EPROTOTYPE) => {
                    StreamConnection::unix(path, limit).await?
                }
                local => return local.map(SyslogConnection::Local),
            },
            Address::Udp(peer) => {
                return UdpConnection::connect(peer, limit).await.map(SyslogConnection::Udp);
            }
            Address::Tcp(peer) | Address::Tls(peer) => {
                StreamConnection::tcp(peer, self.tls.as_ref(), limit).await?
            }
        };
        Ok(SyslogConnection::Stream(Box::new(stream)))
    }

    /// Closes a TCP, TLS or Unix stream in order. No message is pending.
    pub async fn close(&mut self) {
        if let Some(SyslogConnection::Stream(stream)) = self.link.take() {
            stream.close().await;
        }
    }
}

impl SyslogConnection {
    /// Checks that the receiver is still there, as far as this machine knows.
    async fn check(&mut self) -> Result<(), String> {
        match self {
            Self::Local(local) => local.check(),
            Self::Udp(udp) => udp.check(),
            Self::Stream(stream) => stream.check().await,
        }
    }
}

/// Returns the refusal of a message that is longer than `max` bytes, otherwise `None`.
fn oversize(place: usize, message: &[u8], max: u64) -> Option<RefusedRecords> {
    let long = message.len() as u64 > max;
    long.then(|| {
        refused(place, format!("{} bytes; max-bytes is {max}, and has to fit the receiver", message.len()))
    })
}

fn refused(place: usize, why: String) -> RefusedRecords {
    RefusedRecords { first: place, among: 1, count: 1, why, poison: false }
}

fn no_progress(limit: Duration) -> String {
    format!("the receiver took nothing for {} ms", limit.as_millis())
}

/// Runs `work` with a time limit. Exceeding the limit is an error that names `what`.
async fn with_timeout<T>(
    limit: Duration,
    what: &str,
    work: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let late =
        || io::Error::new(io::ErrorKind::TimedOut, format!("{what} took more than {} ms", limit.as_millis()));
    timeout(limit, work).await.unwrap_or_else(|_| Err(late()))
}

/// Returns the number of bytes that the kernel holds for the receiver. TCP: bytes that were not acknowledged.
/// Unix socket: unread data, in bytes of kernel memory (tcp(7), unix(7)).
fn unread_bytes(socket: BorrowedFd<'_>) -> io::Result<u64> {
    use std::os::fd::AsRawFd as _;
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open, and SIOCOUTQ (the same number as TIOCOUTQ) writes one int.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// Pauses between two queries of what the kernel holds, for which there is no notification. The first is as
/// short as the runtime's timer allows.
struct PollBackoff(Duration);

impl PollBackoff {
    const MOST: Duration = Duration::from_millis(16);

    fn new() -> Self {
        Self(Duration::from_millis(1))
    }

    async fn next(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(Self::MOST);
    }
}
