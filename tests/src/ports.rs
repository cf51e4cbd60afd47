//! Ports for receivers that start late, die and come back.

use std::{
    fs, io,
    os::{linux::net::SocketAddrExt as _, unix::net},
    sync::Mutex,
    thread::sleep,
    time::{Duration, Instant},
};

/// Below what the kernel gives to sockets that ask for none (`net.ipv4.ip_local_port_range`, 32768 and up): a
/// port from there can become the other end of any connection while its receiver is down, even of the one that
/// looks for the receiver.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// The names by which the ports of this process are taken, as long as it lives.
static TAKEN: Mutex<Vec<net::UnixListener>> = Mutex::new(Vec::new());

/// A port of this machine that nobody uses by TCP or UDP, and that no other test gets while this program runs.
///
/// # Panics
/// When all are taken.
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

/// Whether a socket has the port. To bind one of our own would tell too, and leave copies (see [`bind_again`]).
fn used(port: u16) -> bool {
    // The second column is address and port (Documentation/networking/proc_net_tcp.rst).
    let local = format!(":{port:04X}");
    ["tcp", "tcp6", "udp", "udp6"].iter().any(|table| {
        let sockets = fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        sockets.lines().any(|line| line.split_whitespace().nth(1).is_some_and(|name| name.ends_with(&local)))
    })
}

/// Binds where a socket has just been closed: a program that was started in the meantime has a copy of that one
/// until its exec, which closes it.
///
/// # Panics
/// When the address is not free within ten seconds.
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
