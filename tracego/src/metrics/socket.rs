//! Sockets of the listening address.

use std::{
    fs,
    io::{self, ErrorKind},
    net::TcpListener,
    os::unix::{
        fs::{FileTypeExt as _, PermissionsExt as _},
        net::{UnixListener, UnixStream},
    },
    path::Path,
};

use rustix::{
    fs::{Mode, fchmod},
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with},
};

use crate::cli::ListenAddress;

/// Mode of a Unix socket: owner and group may connect.
const MODE: u32 = 0o660;
/// Maximum number of connections waiting to be accepted.
const BACKLOG: i32 = 64;

/// A non-blocking listening socket.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Socket {
    /// Opens a socket. Returns it with its actual address, because port 0 means any free port.
    ///
    /// # Errors
    /// Fails if the address is in use or not allowed.
    pub(super) fn open(listen: &ListenAddress) -> io::Result<(Self, ListenAddress)> {
        match listen {
            ListenAddress::Tcp(address) => {
                let socket = TcpListener::bind(address)?;
                socket.set_nonblocking(true)?;
                let address = ListenAddress::Tcp(socket.local_addr()?);
                Ok((Self::Tcp(socket), address))
            }
            ListenAddress::Unix(path) => {
                let socket = match unix(path) {
                    Err(error) if error.kind() == ErrorKind::AddrInUse && is_left_over(path) => {
                        fs::remove_file(path)?;
                        unix(path)?
                    }
                    other => other?,
                };
                socket.set_nonblocking(true)?;
                Ok((Self::Unix(socket), listen.clone()))
            }
        }
    }
}

fn unix(path: &Path) -> io::Result<UnixListener> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // The file gets the socket's mode without the bits of the umask (net/unix/af_unix.c, unix_bind_bsd), so
    // nobody else can connect at any time.
    fchmod(&socket, Mode::from_raw_mode(MODE))?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
    listen(&socket, BACKLOG)?;
    Ok(UnixListener::from(socket))
}

/// Whether the path is a socket without a listener, left by a tracego that was killed. A connection to a file
/// that is no socket is refused as well.
fn is_left_over(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    is_socket && UnixStream::connect(path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_was_left_over_is_replaced_and_one_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listen = ListenAddress::Unix(path.clone());
        let (socket, _) = Socket::open(&listen).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(Socket::open(&listen).unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(socket);
        Socket::open(&listen).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "a file").unwrap();
        assert_eq!(Socket::open(&listen).unwrap_err().kind(), ErrorKind::AddrInUse);
        assert_eq!(fs::read(&path).unwrap(), b"a file");
    }
}
