//! Syslog, RFC 5424: to the daemon of this machine, by UDP (RFC 5426), by TCP (RFC 6587 section 3.4.1) and
//! by TLS (RFC 5425).
//!
//! Syslog has no acknowledgement. What can be known without one decides what is settled:
//!
//! | | settled is what |
//! |---|---|
//! | `unix:` | the process that receives has read |
//! | `tcp:`, `tls:` | the kernel of the receiver has acknowledged, on a connection that stands |
//! | `udp:` | this kernel has sent, while nobody said that the port is closed |
//!
//! All else comes again, so a message may arrive twice, with the same `log.record.uid`. What remains: a
//! receiver by TCP or TLS that dies loses what its kernel holds and it has not read (at most its receive
//! buffer), every receiver what it has read and not stored, and UDP whatever the network drops. Where that
//! matters, OTLP and webhooks are answered by the receiver itself.
//!
//! `/dev/log` itself is not for these messages: what listens there (journald, and rsyslog unless
//! `SysSock.UseSpecialParser="off"`) expects the header of syslog(3), and takes this one for text. Give rsyslog an
//! input of its own: `input(type="imuxsock" Socket="/run/siem.sock" UseSpecialParser="off" ParseHostname="on"
//! IgnoreTimestamp="off" UseSysTimeStamp="off")`.
//!
//! Messages over a socket of this machine are datagrams, as glibc sends them, or end with a line feed where the
//! socket is a stream; by TCP and TLS their length stands in front.
//!
//! A message that is longer than `max-bytes` is refused, never cut. Receivers do cut, and say nothing: whoever
//! raises `max-bytes` raises their bound first. That is of rsyslog `global(maxMessageSize="1m")`, and by TCP and TLS
//! `module(load="imtcp" maxFrameSize="1048576")`, without which a frame of more than 200000 bytes spoils the rest of
//! the connection; of syslog-ng `log-msg-size()`.

mod address;
mod counted;
mod datagram;
mod facility;
mod message;
mod settings;
mod stream;
#[cfg(test)]
mod tests;

use std::{io, os::fd::BorrowedFd, sync::Arc, time::Duration};

use tokio::time::timeout;
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

pub use self::{
    address::{Address, Peer},
    facility::Facility,
    message::SyslogEncoder,
    settings::Settings,
};
use self::{
    datagram::{Local, Udp},
    stream::Stream,
};
use super::deliver::{Delivered, Refused, Trouble};

/// The transport. It connects when there is something to deliver.
pub struct Syslog {
    address: Address,
    /// Longest message.
    max: u64,
    timeout: Duration,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    link: Option<Link>,
}

/// What leads to the receiver.
enum Link {
    Local(Local),
    Udp(Udp),
    Stream(Box<Stream>),
}

/// Why a batch was not settled whole.
struct Broken {
    /// So many from the front were.
    settled: usize,
    why: String,
}

impl Broken {
    fn new(why: impl ToString) -> Self {
        Self { settled: 0, why: why.to_string() }
    }
}

impl Syslog {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// When the settings cannot be worked with; it names the key.
    pub fn new(settings: &Settings) -> Result<Self, String> {
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

    /// Sends what an encoder made and waits until it is settled, in the sense above.
    pub async fn deliver(&mut self, batch: &[&[u8]]) -> Delivered {
        let sent = self.send(batch).await;
        let (settled, why, mut refused) = match sent {
            Ok(refused) => return Delivered { done: batch.len(), refused, trouble: None },
            Err((Broken { settled, why }, refused)) => (settled, why, refused),
        };
        refused.retain(|one| one.first < settled);
        let trouble = Some(Trouble::new(format!("{}: {why}", self.address)));
        Delivered { done: settled, refused, trouble }
    }

    async fn send(&mut self, batch: &[&[u8]]) -> Result<Vec<Refused>, (Broken, Vec<Refused>)> {
        // It is kept only where all went well, so that neither an error nor a caller who gives up leaves half
        // a message in it.
        let kept = match self.link.take() {
            Some(mut link) => match (link.check().await, &link) {
                (Ok(()), _) => Some(link),
                // A new socket would send to the same closed port, and know less.
                (Err(why), Link::Udp(_)) => return Err((Broken::new(why), Vec::new())),
                (Err(_), _) => None,
            },
            None => None,
        };
        let mut link = match kept {
            Some(link) => link,
            None => self.connect().await.map_err(|why| (Broken::new(why), Vec::new()))?,
        };
        let mut refused = Vec::new();
        let sent = match &mut link {
            Link::Local(local) => local.send(batch, self.max, self.timeout, &mut refused).await,
            Link::Udp(udp) => udp.send(batch, self.max, self.timeout, &mut refused).await,
            Link::Stream(stream) => stream.send(batch, self.max, self.timeout, &mut refused).await,
        };
        match sent {
            Ok(()) => {
                self.link = Some(link);
                Ok(refused)
            }
            Err(broken) => Err((broken, refused)),
        }
    }

    async fn connect(&self) -> io::Result<Link> {
        let limit = self.timeout;
        let stream = match &self.address {
            Address::Unix(path) => match Local::connect(path) {
                // As glibc's syslog(3) does.
                Err(error) if error.raw_os_error() == Some(libc::EPROTOTYPE) => {
                    Stream::unix(path, limit).await?
                }
                local => return local.map(Link::Local),
            },
            Address::Udp(peer) => return Udp::connect(peer, limit).await.map(Link::Udp),
            Address::Tcp(peer) | Address::Tls(peer) => Stream::tcp(peer, self.tls.as_ref(), limit).await?,
        };
        Ok(Link::Stream(Box::new(stream)))
    }

    /// All was settled already; says goodbye to a receiver by TLS or TCP.
    pub async fn close(&mut self) {
        if let Some(Link::Stream(stream)) = self.link.take() {
            stream.close().await;
        }
    }
}

impl Link {
    /// Whether the receiver is still there, as far as this machine knows.
    async fn check(&mut self) -> Result<(), String> {
        match self {
            Self::Local(local) => local.check(),
            Self::Udp(udp) => udp.check(),
            Self::Stream(stream) => stream.check().await,
        }
    }
}

/// A message that is too long; `None` where it is not.
fn oversize(place: usize, message: &[u8], max: u64) -> Option<Refused> {
    let long = message.len() as u64 > max;
    long.then(|| {
        refused(place, format!("{} bytes; max-bytes is {max}, and has to fit the receiver", message.len()))
    })
}

fn refused(place: usize, why: String) -> Refused {
    Refused { first: place, among: 1, count: 1, why, poison: false }
}

fn no_progress(limit: Duration) -> String {
    format!("the receiver took nothing for {} ms", limit.as_millis())
}

/// What takes longer is an error.
async fn within<T>(limit: Duration, what: &str, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late =
        || io::Error::new(io::ErrorKind::TimedOut, format!("{what} took more than {} ms", limit.as_millis()));
    timeout(limit, work).await.unwrap_or_else(|_| Err(late()))
}

/// Bytes that the kernel holds for the receiver: of a TCP connection those that were not acknowledged, of a unix
/// socket what the receiver has not read, in bytes of kernel memory (tcp(7), unix(7)).
fn held(socket: BorrowedFd<'_>) -> io::Result<u64> {
    use std::os::fd::AsRawFd as _;
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open, and SIOCOUTQ (the same number as TIOCOUTQ) writes one int.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// Pauses between two looks at what the kernel holds, for which there is no event. The first is as short as the
/// runtime's timer can have it.
struct Pauses(Duration);

impl Pauses {
    const MOST: Duration = Duration::from_millis(16);

    fn new() -> Self {
        Self(Duration::from_millis(1))
    }

    async fn next(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(Self::MOST);
    }
}
