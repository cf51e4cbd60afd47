//! Listening addresses.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use rustix::net::SocketAddrUnix;

/// An address to listen on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ListenAddress {
    /// TCP address and port.
    Tcp(SocketAddr),
    /// Path of a Unix socket.
    Unix(PathBuf),
}

impl ListenAddress {
    /// Whether other machines may reach the address.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        match self {
            Self::Tcp(address) => !address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => false,
        }
    }
}

impl FromStr for ListenAddress {
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

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_for_this_machine() {
        let of = |text: &str| text.parse::<ListenAddress>().unwrap();
        assert_eq!(of("9470"), of("127.0.0.1:9470"));
        for near in ["9470", "127.1.2.3:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "unix:/run/x"] {
            assert!(!of(near).is_remote(), "{near}");
        }
        for far in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1"] {
            assert!(of(far).is_remote(), "{far}");
        }
        let long = format!("unix:/{}", "x".repeat(200));
        for wrong in ["", "localhost", ":9470", "unix:", "unix:run/x", "1.2.3.4", "70000", &long] {
            assert!(wrong.parse::<ListenAddress>().is_err(), "{wrong}");
        }
    }
}
