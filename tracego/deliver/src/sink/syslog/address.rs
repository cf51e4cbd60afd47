//! Address of a syslog receiver: `unix:/dev/log`, `udp://host:514`, `tcp://host:601`, `tls://host:6514`.

use std::{fmt, path::PathBuf, str::FromStr};

use hyper::Uri;
use serde::{Deserialize, Deserializer, de};

/// Address of a receiver.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Address {
    /// Unix socket of this machine, for datagrams or a stream, whichever it accepts.
    Unix(PathBuf),
    /// UDP (RFC 5426).
    Udp(Peer),
    /// TCP (RFC 6587).
    Tcp(Peer),
    /// TLS (RFC 5425).
    Tls(Peer),
}

/// Host and port of a receiver.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Peer {
    /// Host name or IP address, without brackets.
    pub host: String,
    /// Port number.
    pub port: u16,
}

/// Default ports, as RFC 5426, IANA ("syslog-conn") and RFC 5425 assign them.
const PORTS: [(&str, u16); 3] = [("udp", 514), ("tcp", 601), ("tls", 6514)];

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "'{text}' is no address; write unix:/dev/log, udp://host:514, tcp://host:601 or tls://host:6514"
            )
        };
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.starts_with('/') { Ok(Self::Unix(path.into())) } else { Err(wrong()) };
        }
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong());
        };
        let &(scheme, port) = PORTS.iter().find(|(name, _)| *name == scheme).ok_or_else(wrong)?;
        let host = authority.host().trim_matches(['[', ']']);
        let bare = uri.path_and_query().is_none_or(|path| matches!(path.as_str(), "" | "/"));
        if host.is_empty() || !bare || authority.as_str().contains('@') {
            return Err(wrong());
        }
        // Any text behind the host must be a port.
        let port = if authority.as_str() == authority.host() { Some(port) } else { authority.port_u16() };
        let peer = Peer { host: host.to_owned(), port: port.filter(|port| *port > 0).ok_or_else(wrong)? };
        Ok(match scheme {
            "udp" => Self::Udp(peer),
            "tcp" => Self::Tcp(peer),
            _ => Self::Tls(peer),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Udp(peer) => write!(f, "udp://{peer}"),
            Self::Tcp(peer) => write!(f, "tcp://{peer}"),
            Self::Tls(peer) => write!(f, "tls://{peer}"),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        for text in
            ["unix:/dev/log", "udp://10.0.0.5:514", "tcp://siem.example:601", "tls://[2001:db8::1]:6514"]
        {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for (text, whole) in [
            ("unix:///run/log", "unix:/run/log"),
            ("udp://h", "udp://h:514"),
            ("tcp://h", "tcp://h:601"),
            ("tls://[::1]", "tls://[::1]:6514"),
            ("tls://h/", "tls://h:6514"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), whole);
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_to_write() {
        for text in [
            "",
            "/dev/log",
            "unix:",
            "unix:log",
            "host:514",
            "http://host:514",
            "tcp://",
            "tcp://:601",
            "tcp://host:",
            "tcp://host:70000",
            "tcp://user@host:601",
            "tcp://host:601/path",
            "tcp://a b:1",
        ] {
            assert!(text.parse::<Address>().is_err_and(|why| why.contains("write unix:/dev/log")), "{text}");
        }
    }
}
