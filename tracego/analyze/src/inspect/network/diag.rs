//! Listening sockets from sock_diag(7): the kernel walks through listening sockets only. For /proc/net/tcp it
//! walks through all connections, which took 15 ms when measured.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

use super::sockets::ListeningSocket;
use crate::inspect::proc::read_error::ReadError;

/// Maximum number of sockets of a namespace.
const SOCKETS_MAX: usize = 16 << 10;

/// Constants of linux/sock_diag.h, linux/netlink.h and net/tcp_states.h.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST_DUMP: u16 = 0x301;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const TCP_LISTEN: u32 = 10;
const IPPROTO_TCP: u8 = 6;

/// Sizes in bytes of `struct nlmsghdr` and `struct inet_diag_msg`.
const HEADER: usize = 16;
const MESSAGE: usize = 72;

/// Returns the listening sockets in the network namespace of the calling thread.
///
/// # Errors
/// Fails if the kernel does not offer sock_diag or denies the request.
pub(super) fn listening() -> Result<Vec<ListeningSocket>, ReadError> {
    let socket =
        socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(netlink::SOCK_DIAG))?;
    let mut found = Vec::new();
    let mut buffer = vec![0; 32 << 10];
    for family in [AddressFamily::INET, AddressFamily::INET6] {
        send(&socket, &request(u8::try_from(family.as_raw()).unwrap_or_default()), SendFlags::empty())?;
        loop {
            // The kernel writes the answer while it handles the request, so there is nothing to wait for.
            let (_, read) = recv(&socket, &mut buffer[..], RecvFlags::DONTWAIT)?;
            if parse(buffer.get(..read).ok_or(ReadError::TooLarge)?, &mut found)? {
                break;
            }
            if found.len() > SOCKETS_MAX {
                return Err(ReadError::TooMany);
            }
        }
    }
    Ok(found)
}

/// Encodes `struct nlmsghdr` and `struct inet_diag_req_v2` (linux/inet_diag.h), in the machine's byte order.
fn request(family: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(72);
    bytes.extend_from_slice(&72_u32.to_ne_bytes());
    bytes.extend_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend_from_slice(&NLM_F_REQUEST_DUMP.to_ne_bytes());
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend_from_slice(&[family, IPPROTO_TCP, 0, 0]);
    bytes.extend_from_slice(&(1_u32 << TCP_LISTEN).to_ne_bytes());
    bytes.resize(72, 0);
    bytes
}

/// Parses the messages of one answer. Returns whether the last message was among them.
///
/// # Errors
/// Fails if the kernel reports an error, or a message is shorter than its length field says.
pub fn parse(mut bytes: &[u8], found: &mut Vec<ListeningSocket>) -> Result<bool, ReadError> {
    while let Some((header, _)) = bytes.split_at_checked(HEADER) {
        let length = usize::try_from(word(header, 0).ok_or(ReadError::Malformed)?).unwrap_or(usize::MAX);
        let message = bytes.get(HEADER..length).ok_or(ReadError::Malformed)?;
        match half(header, 4) {
            Some(NLMSG_DONE) => return Ok(true),
            Some(NLMSG_ERROR) => {
                let errno = word(message, 0).ok_or(ReadError::Malformed)?.cast_signed().checked_neg();
                // The library accepts error numbers of the kernel only: 1 to 4095 (MAX_ERRNO).
                let errno = errno.filter(|errno| (1..4096).contains(errno)).ok_or(ReadError::Malformed)?;
                return Err(rustix::io::Errno::from_raw_os_error(errno).into());
            }
            Some(SOCK_DIAG_BY_FAMILY) => found.extend(socket(message)),
            _ => {}
        }
        // Messages are aligned to four bytes.
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

/// Parses a `struct inet_diag_msg`.
fn socket(message: &[u8]) -> Option<ListeningSocket> {
    let message = message.get(..MESSAGE)?;
    let port = u16::from_be_bytes(message.get(4..6)?.try_into().ok()?);
    let address: [u8; 16] = message.get(8..24)?.try_into().ok()?;
    let (transport, address) = match i32::from(message[0]) {
        libc::AF_INET => ("tcp", IpAddr::V4(Ipv4Addr::new(address[0], address[1], address[2], address[3]))),
        libc::AF_INET6 => ("tcp6", IpAddr::V6(Ipv6Addr::from(address))),
        _ => return None,
    };
    let listens = u32::from(message[1]) == TCP_LISTEN;
    listens.then_some(ListeningSocket { transport, address, port, inode: word(message, 68)?.into() })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_proc_says() {
        let kept = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = kept.local_addr().unwrap().port();
        let own = |socket: &ListeningSocket| socket.port == port && socket.address == Ipv4Addr::LOCALHOST;
        let found: Vec<_> = listening().unwrap().into_iter().filter(own).collect();
        let text = std::fs::read_to_string("/proc/thread-self/net/tcp").unwrap();
        let lines =
            text.lines().filter_map(|line| crate::inspect::network::sockets::parse(line.as_bytes(), "tcp"));
        let wanted: Vec<_> = lines.flatten().filter(own).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_message_that_is_cut_is_refused() {
        let mut answer = request(0);
        assert_eq!(parse(&answer, &mut Vec::new()), Ok(false));
        answer.truncate(71);
        assert_eq!(parse(&answer, &mut Vec::new()), Err(ReadError::Malformed));
        assert_eq!(
            parse(&[0; 16], &mut Vec::new()),
            Err(ReadError::Malformed),
            "a length of nothing has no end"
        );
    }

    #[test]
    fn a_refusal_of_the_kernel_is_told() {
        let refused = |errno: i32| {
            let words = [20_u32.to_ne_bytes(), [0; 4], [0; 4], [0; 4], (-errno).to_ne_bytes()];
            let mut answer = words.concat();
            answer[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
            parse(&answer, &mut Vec::new())
        };
        assert_eq!(refused(libc::EPERM), Err(ReadError::Denied));
        assert_eq!(refused(libc::ENOENT), Err(ReadError::NotFound));
        for errno in [0, -1, 4096, i32::MAX] {
            assert_eq!(refused(errno), Err(ReadError::Malformed));
        }
    }
}
