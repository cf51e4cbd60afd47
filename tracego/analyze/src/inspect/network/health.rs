//! Asks a service whether it answers `/healthz` and `/metrics`, from inside its network namespace. Off unless
//! configured: it is the only part of this stage that a service can notice.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use tracego_model::input::facts::{Listening, Probe};

use super::namespace;
use crate::inspect::proc::{procfs::Process, read_error::ReadError};

/// The paths that are requested.
const PATHS: [&str; 2] = ["/healthz", "/metrics"];

/// Limits of probing.
#[derive(Clone, Copy, Debug)]
pub struct ProbeSettings {
    /// Timeout of the connection, and again of the answer.
    pub timeout: Duration,
    /// Maximum number of bytes read of an answer.
    pub bytes: usize,
    /// Maximum number of ports probed per service.
    pub ports: usize,
}

impl Default for ProbeSettings {
    fn default() -> Self {
        Self { timeout: Duration::from_millis(500), bytes: 4096, ports: 4 }
    }
}

/// Probes each port on the address that it is bound to, or on loopback when it is bound to all addresses.
/// Takes at most two timeouts per port and path. Only the HTTP status of the answer is kept; redirects are
/// not followed.
///
/// # Errors
/// Fails if the namespace cannot be entered: another one requires CAP_SYS_ADMIN (setns(2)).
pub fn probe(
    process: &Process,
    listening: &[Listening],
    settings: ProbeSettings,
) -> Result<Vec<Probe>, ReadError> {
    let targets = targets(listening, settings.ports);
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    namespace::inside(process, move || {
        let all = targets.iter().flat_map(|&target| PATHS.map(|path| (target, path)));
        let asked = all.map(|(target, path)| Probe {
            port: target.port(),
            path: path.to_owned(),
            status: ask(target, path, settings).ok().flatten(),
        });
        Ok(asked.collect())
    })
}

/// Returns one address per port, for at most `ports` ports.
fn targets(listening: &[Listening], ports: usize) -> Vec<SocketAddr> {
    let mut found: Vec<SocketAddr> = Vec::new();
    for socket in listening {
        let Ok(address) = socket.address.parse::<IpAddr>() else { continue };
        let address = match address {
            all if all.is_unspecified() && all.is_ipv4() => Ipv4Addr::LOCALHOST.into(),
            all if all.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            bound => bound,
        };
        if found.len() < ports && found.iter().all(|target| target.port() != socket.port) {
            found.push(SocketAddr::new(address, socket.port));
        }
    }
    found
}

/// Sends one request. Returns the HTTP status of the answer.
fn ask(target: SocketAddr, path: &str, settings: ProbeSettings) -> std::io::Result<Option<u16>> {
    // The standard library refuses a timeout of zero.
    let wait = settings.timeout.max(Duration::from_millis(1));
    let mut stream = TcpStream::connect_timeout(&target, wait)?;
    let end = Instant::now() + wait;
    stream.set_write_timeout(Some(wait))?;
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: tracego\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut buffer = [0; 512];
    while answer.len() < settings.bytes && !answer.contains(&b'\n') {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        stream.set_read_timeout(Some(left))?;
        let room = buffer.len().min(settings.bytes - answer.len());
        match stream.read(&mut buffer[..room])? {
            0 => break,
            read => answer.extend_from_slice(&buffer[..read]),
        }
    }
    Ok(status(&answer))
}

/// Parses the status line of an HTTP/1 answer (RFC 9112, section 4).
#[must_use]
pub fn status(answer: &[u8]) -> Option<u16> {
    let rest = answer.strip_prefix(b"HTTP/1.")?;
    let digits = rest.strip_prefix(b"0 ").or_else(|| rest.strip_prefix(b"1 "))?.get(..3)?;
    let code: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (100..600).contains(&code).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_has_a_status() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 404 Not Found\r\n"), Some(404));
        for other in ["", "HTTP/1.1 2", "HTTP/2 200", "HTTP/1.1 +20", "HTTP/1.1 999", "-ERR unknown\r\n"] {
            assert_eq!(status(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn each_port_is_asked_once_where_it_is_bound() {
        let at = |address: &str, port| Listening { address: address.into(), port, ..Listening::default() };
        let all =
            [at("0.0.0.0", 80), at("::", 80), at("10.0.0.7", 81), at("::", 82), at("x", 83), at("::1", 84)];
        let wanted = ["127.0.0.1:80", "10.0.0.7:81", "[::1]:82"];
        assert_eq!(targets(&all, 3), wanted.map(|target| target.parse().unwrap()));
    }
}
