//! Datagrams to the socket of journald. An entry that is too large for one is sent as a sealed file in
//! memory.

use std::{
    fs::File,
    io::{self, IoSlice, Write as _},
    mem::MaybeUninit,
    os::fd::{AsFd as _, BorrowedFd},
    path::PathBuf,
    time::Duration,
};

use rustix::{
    fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create},
    io::Errno,
    net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, send, sendmsg},
};
use tokio::{io::Interest, net::UnixDatagram, time::timeout};

use super::JournaldSettings;
use crate::sink::delivery::{DeliveryError, DeliveryResult};

/// Journald transport.
#[derive(Debug)]
pub struct JournaldTransport {
    path: PathBuf,
    timeout: Duration,
    socket: Option<UnixDatagram>,
}

impl JournaldTransport {
    /// Creates a transport. Connects with the first delivery.
    ///
    /// # Errors
    /// Fails if a value is invalid. The error names the key.
    pub fn new(settings: &JournaldSettings) -> Result<Self, String> {
        settings.check()?;
        Ok(Self { path: settings.socket.clone(), timeout: settings.timeout.0, socket: None })
    }

    /// Sends entries, as [`super::JournaldEncoder`] wrote them. An entry is delivered when the socket took
    /// it.
    pub async fn deliver(&mut self, batch: &[&[u8]]) -> DeliveryResult {
        let mut connected = false;
        for (done, entry) in batch.iter().enumerate() {
            let mut sent = self.send(entry).await;
            // A journald that was restarted has another socket behind the same path.
            if sent.as_ref().is_err_and(is_stale_socket) && !connected {
                (connected, self.socket) = (true, None);
                sent = self.send(entry).await;
            }
            if let Err(error) = sent {
                self.socket = self.socket.take().filter(|_| !is_stale_socket(&error));
                let why = format!("socket: {}: {error}", self.path.display());
                return DeliveryResult::partial(done, DeliveryError::new(why));
            }
        }
        DeliveryResult::all(batch.len())
    }

    /// Closes the socket. No entry is pending.
    #[expect(clippy::unused_async, reason = "as every transport has it")]
    pub async fn close(&mut self) {
        self.socket = None;
    }

    async fn send(&mut self, entry: &[u8]) -> io::Result<()> {
        let socket = match &self.socket {
            Some(socket) => socket,
            None => self.socket.insert(connect(&self.path)?),
        };
        match write(socket, self.timeout, |fd| Ok(send(fd, entry, SendFlags::NOSIGNAL)?)).await {
            // The entry exceeds the socket's buffer (unix(7)), or what the kernel has in one piece.
            Err(error) if is(&error, &[Errno::MSGSIZE, Errno::NOBUFS]) => {
                let file = sealed(entry)?;
                write(socket, self.timeout, |fd| send_file(fd, file.as_fd())).await
            }
            other => other,
        }
    }
}

fn connect(path: &std::path::Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    Ok(socket)
}

/// Runs `call` until it does not block; waits at most `limit` for a busy journald.
async fn write(
    socket: &UnixDatagram,
    limit: Duration,
    mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
) -> io::Result<()> {
    let sent = socket.async_io(Interest::WRITABLE, || call(socket.as_fd()));
    match timeout(limit, sent).await {
        Ok(sent) => sent.map(|_| ()),
        Err(_) => {
            Err(io::Error::new(io::ErrorKind::TimedOut, "journald accepted nothing within the timeout"))
        }
    }
}

/// Writes an entry to a file in memory that nobody can change any more: journald takes no other.
fn sealed(entry: &[u8]) -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(memfd_create("tracego-entry", flags)?);
    file.write_all(entry)?;
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)?;
    Ok(file)
}

/// Sends an empty datagram with the file attached.
fn send_file(socket: BorrowedFd<'_>, file: BorrowedFd<'_>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let files = [file];
    if !beside.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(Errno::NOBUFS.into());
    }
    Ok(sendmsg(socket, &[IoSlice::new(&[])], &mut beside, SendFlags::NOSIGNAL)?)
}

fn is(error: &io::Error, among: &[Errno]) -> bool {
    error.raw_os_error().is_some_and(|number| among.iter().any(|errno| errno.raw_os_error() == number))
}

/// Whether the error means that the socket leads nowhere any more.
fn is_stale_socket(error: &io::Error) -> bool {
    is(error, &[Errno::CONNREFUSED, Errno::CONNRESET, Errno::NOTCONN, Errno::PIPE, Errno::NOENT])
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};

    use rustix::fs::fcntl_get_seals;

    use super::*;

    #[test]
    fn a_file_that_is_handed_over_can_no_longer_be_changed() {
        let mut file = sealed(b"MESSAGE=x\n").unwrap();
        let all = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
        assert_eq!(fcntl_get_seals(&file).unwrap(), all);
        assert!(file.write_all(b"y").is_err() && file.set_len(0).is_err());
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "MESSAGE=x\n");
    }
}
