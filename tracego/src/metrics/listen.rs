//! Listening addresses from the command line, and their sockets.

use std::{
    fmt, fs,
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::{
        fs::{FileTypeExt as _, PermissionsExt as _},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    str::FromStr,
};

use rustix::{
    fs::{Mode, fchmod},
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with},
};

/// Mode of a Unix socket: owner and group may connect.
const MODE: u32 = 0o660;
/// Maximum number of connections waiting to be accepted.
const BACKLOG: i32 = 64;

/// An address to listen on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Listen {
    /// TCP address and port.
    Tcp(SocketAddr),
    /// Path of a Unix socket.
    Unix(PathBuf),
}

impl Listen {
    /// Whether other machines may reach the address.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        match self {
            Self::Tcp(address) => !address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => false,
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            if !path.is_absolute() {
                return Err("a path must be absolute: unix:/run/tracego/metrics.sock".to_owned());
            }
            return SocketAddrUnix::new(&path).map_err(|error| error.to_string()).map(|_| Self::Unix(path));
        }
        // A port alone is never open to other machines.
        if let Ok(port) = text.parse() {
            return Ok(Self::Tcp((Ipv4Addr::LOCALHOST, port).into()));
        }
        let wanted = "write a port (9470), IP:PORT (127.0.0.1:9470, [::1]:9470) or unix:/PATH";
        text.parse().map(Self::Tcp).map_err(|_| wanted.to_owned())
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

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
    pub(super) fn open(listen: &Listen) -> io::Result<(Self, Listen)> {
        match listen {
            Listen::Tcp(address) => {
                let socket = TcpListener::bind(address)?;
                socket.set_nonblocking(true)?;
                let address = Listen::Tcp(socket.local_addr()?);
                Ok((Self::Tcp(socket), address))
            }
            Listen::Unix(path) => {
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
    fn a_port_alone_is_for_this_machine() {
        let of = |text: &str| text.parse::<Listen>().unwrap();
        assert_eq!(of("9470"), of("127.0.0.1:9470"));
        for near in ["9470", "127.1.2.3:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "unix:/run/x"] {
            assert!(!of(near).is_remote(), "{near}");
        }
        for far in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1"] {
            assert!(of(far).is_remote(), "{far}");
        }
        let long = format!("unix:/{}", "x".repeat(200));
        for wrong in ["", "localhost", ":9470", "unix:", "unix:run/x", "1.2.3.4", "70000", &long] {
            assert!(wrong.parse::<Listen>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_socket_that_was_left_over_is_replaced_and_one_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listen = Listen::Unix(path.clone());
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
