//! Sockets on which a process listens, from sock_diag, or from /proc/PID/net/tcp and tcp6 (proc_pid_net(5))
//! where sock_diag is unavailable.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::{diag, namespace};
use crate::inspect::proc::{procfs::Process, read_error::ReadError};

/// Maximum number of bytes of one table.
const TABLE_MAX: u64 = 1 << 20;

/// The state TCP_LISTEN (include/net/tcp_states.h).
const LISTEN: &str = "0A";

/// A listening socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListeningSocket {
    /// `tcp` or `tcp6`.
    pub transport: &'static str,
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// Inode number.
    pub inode: u64,
}

/// Listening sockets by network namespace, read once per round.
pub type Tables = HashMap<u64, Result<Vec<ListeningSocket>, ReadError>>;

/// Returns the listening sockets in the network namespace of a process.
///
/// # Errors
/// Fails if a table cannot be read.
pub fn listening(process: &Process) -> Result<Vec<ListeningSocket>, ReadError> {
    namespace::inside(process, diag::listening).or_else(|_| tables(process))
}

/// Returns the listening sockets according to /proc, which needs neither netlink nor the right to enter the
/// namespace.
///
/// # Errors
/// Fails if a table cannot be read.
pub fn tables(process: &Process) -> Result<Vec<ListeningSocket>, ReadError> {
    let mut found = Vec::new();
    for transport in ["tcp", "tcp6"] {
        match process.open(&format!("net/{transport}")) {
            Ok(file) => table(file, transport, &mut found)?,
            // The kernel has no IPv6.
            Err(_) if transport == "tcp6" => {}
            Err(why) => return Err(why),
        }
    }
    Ok(found)
}

/// Reads the listening sockets of one table. The kernel lists them before all others (`tcp_seek_last_pos` in
/// net/ipv4/tcp_ipv4.c), so reading stops at the first other socket.
fn table(
    file: std::fs::File,
    transport: &'static str,
    found: &mut Vec<ListeningSocket>,
) -> Result<(), ReadError> {
    let mut reader = BufReader::new(file.take(TABLE_MAX));
    let mut line = Vec::with_capacity(256);
    let mut first = true;
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            let whole = reader.into_inner().limit() > 0;
            return if whole { Ok(()) } else { Err(ReadError::TooLarge) };
        }
        if std::mem::take(&mut first) {
            continue;
        }
        match parse(&line, transport) {
            Some(Some(socket)) => found.push(socket),
            Some(None) => return Ok(()),
            None => {}
        }
    }
}

/// Parses a line of a table. Returns the listening socket, `Some(None)` for a socket in another state, and
/// `None` for anything else.
#[must_use]
pub fn parse(line: &[u8], transport: &'static str) -> Option<Option<ListeningSocket>> {
    let line = std::str::from_utf8(line).ok()?;
    let mut fields = line.split_ascii_whitespace();
    let (local, state) = (fields.nth(1)?, fields.nth(1)?);
    let (address, port) = local.split_once(':')?;
    let address = address_of(address)?;
    let port = u16::from_str_radix(port, 16).ok()?;
    if state != LISTEN {
        return Some(None);
    }
    let inode = fields.nth(5)?.parse().ok()?;
    Some(Some(ListeningSocket { transport, address, port, inode }))
}

/// Parses an address: 32-bit words, each in the byte order of the machine.
fn address_of(text: &str) -> Option<IpAddr> {
    let word = |n: usize| u32::from_str_radix(text.get(n * 8..n * 8 + 8)?, 16).ok().map(u32::to_ne_bytes);
    match text.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for (n, to) in bytes.chunks_exact_mut(4).enumerate() {
                to.copy_from_slice(&word(n)?);
            }
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn lines_of_the_kernel() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 20583 1 00 100 0 0 10 0\n";
        let socket = ListeningSocket {
            transport: "tcp",
            address: Ipv4Addr::LOCALHOST.into(),
            port: 8080,
            inode: 20583,
        };
        assert_eq!(parse(line.as_bytes(), "tcp"), Some(Some(socket)));
        assert_eq!(parse(line.replace(" 0A ", " 01 ").as_bytes(), "tcp"), Some(None));
        let line = line.replace("0100007F", "00000000000000000000000001000000");
        let socket = ListeningSocket {
            transport: "tcp6",
            address: Ipv6Addr::LOCALHOST.into(),
            port: 8080,
            inode: 20583,
        };
        assert_eq!(parse(line.as_bytes(), "tcp6"), Some(Some(socket)));
        assert_eq!(parse(b"  sl  local_address rem_address   st", "tcp"), None);
    }
}
