//! Ports for receivers that start late, die and restart.

use std::{
    fs, io,
    os::{linux::net::SocketAddrExt as _, unix::net},
    sync::Mutex,
    thread::sleep,
    time::{Duration, Instant},
};

/// Range below the kernel's own for sockets without a requested port (`net.ipv4.ip_local_port_range`, 32768
/// and up). While its receiver is down, a port from the kernel's range could become the other end of any
/// connection, even of a connection attempt to that receiver.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// Sockets whose abstract names reserve the ports of this process for its lifetime.
static TAKEN: Mutex<Vec<net::UnixListener>> = Mutex::new(Vec::new());

/// Returns a port that is unused by TCP and UDP, and that no other test gets while this program runs.
///
/// # Panics
/// Panics if all ports are taken.
#[must_use]
pub fn free_port() -> u16 {
    let mut taken = TAKEN.lock().unwrap();
    for port in RANGE {
        let name = net::SocketAddr::from_abstract_name(format!("tracego-test-port-{port}")).unwrap();
        let Ok(mark) = net::UnixListener::bind_addr(&name) else { continue };
        taken.push(mark);
        if !used(port) {
            return port;
        }
    }
    panic!("no port of {RANGE:?} is free");
}

/// Returns whether a socket uses the port. Binding a socket to find out would leave copies (see
/// [`bind_again`]).
fn used(port: u16) -> bool {
    // The second column is address and port (Documentation/networking/proc_net_tcp.rst).
    let local = format!(":{port:04X}");
    ["tcp", "tcp6", "udp", "udp6"].iter().any(|table| {
        let sockets = fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        sockets.lines().any(|line| line.split_whitespace().nth(1).is_some_and(|name| name.ends_with(&local)))
    })
}

/// Binds an address whose socket was just closed. A child that was forked in the meantime holds a copy of the
/// old socket until its exec closes it.
///
/// # Panics
/// Panics if the address is not free within ten seconds.
#[must_use]
pub fn bind_again<T>(bind: impl Fn() -> io::Result<T>) -> T {
    let start = Instant::now();
    loop {
        match bind() {
            Ok(socket) => return socket,
            Err(error) if start.elapsed() > Duration::from_secs(10) => panic!("{error}"),
            Err(_) => sleep(Duration::from_millis(5)),
        }
    }
}
