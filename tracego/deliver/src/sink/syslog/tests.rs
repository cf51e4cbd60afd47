//! Tests against receivers in the same process; `tests/tests/sinks_network` has real ones.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::unix::net::{UnixDatagram, UnixListener},
    path::Path,
    thread,
    time::Duration,
};

use super::*;

/// Returns a sink with a short timeout, for receivers that stop or die.
fn syslog(address: &str, more: &str) -> SyslogTransport {
    with_timeout("300ms", address, more)
}

/// Returns a sink with a long timeout, for receivers that take everything on a machine that may be busy.
fn patient(address: &str, more: &str) -> SyslogTransport {
    with_timeout("20s", address, more)
}

fn with_timeout(timeout: &str, address: &str, more: &str) -> SyslogTransport {
    let text = format!("address = '{address}'\ntimeout = '{timeout}'\n{more}");
    SyslogTransport::new(&toml::from_str(&text).unwrap()).unwrap()
}

fn unix(path: &Path) -> String {
    format!("unix:{}", path.display())
}

async fn deliver(syslog: &mut SyslogTransport, batch: &[Vec<u8>]) -> DeliveryResult {
    let batch: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
    syslog.deliver(&batch).await
}

/// Returns messages with numbers, so that their order shows.
fn messages(count: usize, len: usize) -> Vec<Vec<u8>> {
    let message = |n| format!("<110>1 - - - - - - {n:06} {}", "x".repeat(len)).into_bytes();
    (0..count).map(message).collect()
}

fn all(delivered: &DeliveryResult, count: usize) {
    assert!(delivered.trouble.is_none() && delivered.refused.is_empty(), "{delivered:?}");
    assert_eq!(delivered.done, count);
}

fn trouble(delivered: &DeliveryResult, said: &str) {
    let why = &delivered.trouble.as_ref().unwrap().why;
    assert!(why.contains(said), "{why}");
}

/// Reads octet-counted messages until the end of the connection.
fn counted(mut stream: TcpStream) -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let (mut rest, mut found) = (bytes.as_slice(), Vec::new());
    while let Some(blank) = rest.iter().position(|byte| *byte == b' ') {
        let len: usize = std::str::from_utf8(&rest[..blank]).unwrap().parse().unwrap();
        let Some(message) = rest.get(blank + 1..blank + 1 + len) else { break };
        found.push(message.to_vec());
        rest = &rest[blank + 1 + len..];
    }
    found
}

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    (listener, address)
}

#[tokio::test]
async fn a_stream_holds_all_in_order_and_ends_with_the_sink() {
    let (listener, address) = listener();
    let receiver = thread::spawn(move || counted(listener.accept().unwrap().0));
    let mut syslog = patient(&address, "");
    let sent = messages(500, 1000);
    for batch in sent.chunks(128) {
        all(&deliver(&mut syslog, batch).await, batch.len());
    }
    syslog.close().await;
    assert!(receiver.join().unwrap() == sent);
}

#[tokio::test]
async fn nobody_there_is_trouble_and_names_the_address() {
    let (listener, address) = listener();
    drop(listener);
    let mut syslog = syslog(&address, "");
    let delivered = deliver(&mut syslog, &messages(3, 10)).await;
    assert_eq!(delivered.done, 0);
    trouble(&delivered, &format!("{address}: Connection refused"));
    let dir = tempfile::tempdir().unwrap();
    let mut none = super::tests::syslog(&unix(&dir.path().join("none")), "");
    trouble(&deliver(&mut none, &messages(1, 10)).await, "none: No such file");
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_made_again_at_once() {
    let (listener, address) = listener();
    let mut syslog = syslog(&address, "");
    all(&deliver(&mut syslog, &messages(2, 10)).await, 2);
    let (mut first, _) = listener.accept().unwrap();
    let mut bytes = [0; 1000];
    let read = first.read(&mut bytes).unwrap();
    assert!(read > 60, "{read}");
    drop(first);
    all(&deliver(&mut syslog, &messages(3, 10)).await, 3);
    syslog.close().await;
    assert_eq!(counted(listener.accept().unwrap().0).len(), 3);
}

#[tokio::test]
async fn what_a_dying_receiver_did_not_read_comes_again() {
    let (listener, address) = listener();
    let mut syslog = syslog(&address, "");
    let sent = messages(20_000, 1000);
    // 20 MB are more than the kernels hold, so the receiver dies in the middle.
    let dying = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 100_000]).unwrap();
        drop(stream);
        listener
    });
    let delivered = deliver(&mut syslog, &sent).await;
    assert_eq!(delivered.done, 0, "{delivered:?}");
    assert!(delivered.trouble.is_some());
    let listener = dying.join().unwrap();
    let receiver = thread::spawn(move || counted(listener.accept().unwrap().0));
    all(&deliver(&mut syslog, &sent).await, sent.len());
    syslog.close().await;
    assert!(receiver.join().unwrap() == sent);
}

#[tokio::test]
async fn a_receiver_that_stops_reading_gets_no_batch_twice_for_ever() {
    let (listener, address) = listener();
    let mut syslog = syslog(&address, "");
    let sent = messages(20_000, 1000);
    let first = deliver(&mut syslog, &sent).await;
    trouble(&first, "took nothing for 300 ms");
    assert!(first.done > 0 && first.done < sent.len(), "{}", first.done);
    // Messages that count as delivered are in the receiver's kernel, and the next delivery continues after
    // them.
    let (stuck, _) = listener.accept().unwrap();
    let there = rustix::io::ioctl_fionread(&stuck).unwrap();
    let settled: usize = sent[..first.done].iter().map(|message| message.len() + 5).sum();
    assert!(settled as u64 <= there, "{settled} of {there}");
    let receiver = thread::spawn(move || {
        let early = counted(stuck);
        (early, counted(listener.accept().unwrap().0))
    });
    all(&deliver(&mut syslog, &sent[first.done..]).await, sent.len() - first.done);
    syslog.close().await;
    let (early, late) = receiver.join().unwrap();
    assert!(early.len() >= first.done, "{} of {}", early.len(), first.done);
    assert!(early == sent[..early.len()]);
    assert!(late == sent[first.done..]);
}

#[tokio::test]
async fn who_gives_up_in_the_middle_leaves_no_half_message() {
    let (listener, address) = listener();
    let mut syslog = syslog(&address, "");
    let sent = messages(20_000, 1000);
    let early = tokio::time::timeout(Duration::from_millis(50), deliver(&mut syslog, &sent)).await;
    assert!(early.is_err());
    let receiver = thread::spawn(move || {
        drop(listener.accept().unwrap());
        counted(listener.accept().unwrap().0)
    });
    all(&deliver(&mut syslog, &sent).await, sent.len());
    syslog.close().await;
    assert!(receiver.join().unwrap() == sent);
}

#[tokio::test]
async fn a_stream_refuses_no_message_for_its_length() {
    let (listener, address) = listener();
    let receiver = thread::spawn(move || counted(listener.accept().unwrap().0));
    let mut syslog = patient(&address, "max-bytes = 500");
    let mut sent = messages(3, 100);
    sent[1].resize(501, b'x');
    let delivered = deliver(&mut syslog, &sent).await;
    all(&delivered, 3);
    syslog.close().await;
    assert!(receiver.join().unwrap() == sent);
}

#[tokio::test]
async fn a_unix_stream_has_lines_and_is_settled_when_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let listener = UnixListener::bind(&path).unwrap();
    let mut syslog = syslog(&unix(&path), "");
    let sent = messages(50, 100);
    let unread = deliver(&mut syslog, &sent).await;
    assert_eq!(unread.done, 0, "{unread:?}");
    trouble(&unread, "took nothing");
    drop(listener.accept().unwrap());
    let receiver = thread::spawn(move || {
        let mut text = String::new();
        listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
        text.lines().map(|line| line.as_bytes().to_vec()).collect::<Vec<_>>()
    });
    all(&deliver(&mut syslog, &sent).await, sent.len());
    syslog.close().await;
    assert!(receiver.join().unwrap() == sent);
}

#[tokio::test]
async fn what_is_left_unread_in_a_unix_stream_is_not_settled() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let listener = UnixListener::bind(&path).unwrap();
    let dying = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        thread::sleep(Duration::from_millis(100));
        drop(stream);
    });
    let delivered = deliver(&mut syslog(&unix(&path), ""), &messages(3, 100)).await;
    assert_eq!(delivered.done, 0, "{delivered:?}");
    trouble(&delivered, "reset");
    dying.join().unwrap();
}

/// Reads `count` datagrams.
fn datagrams(socket: &UnixDatagram, count: usize) -> Vec<Vec<u8>> {
    let mut bytes = [0; 65_536];
    let mut next = || {
        let len = socket.recv(&mut bytes).unwrap();
        bytes[..len].to_vec()
    };
    (0..count).map(|_| next()).collect()
}

#[tokio::test]
async fn a_datagram_is_settled_when_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut syslog = syslog(&unix(&path), "");
    let sent = messages(200, 1000);
    let unread = deliver(&mut syslog, &sent[..2]).await;
    assert_eq!(unread.done, 0, "{unread:?}");
    trouble(&unread, "took nothing");
    datagrams(&socket, 2);
    let reader = thread::spawn(move || (datagrams(&socket, 200), socket));
    all(&deliver(&mut syslog, &sent).await, sent.len());
    let (read, socket) = reader.join().unwrap();
    assert!(read == sent);
    // Another process takes over: messages that the old one left unread are not delivered, later ones are.
    let dying = thread::spawn({
        let path = path.clone();
        move || {
            thread::sleep(Duration::from_millis(100));
            drop(socket);
            std::fs::remove_file(&path).unwrap();
            UnixDatagram::bind(&path).unwrap()
        }
    });
    let died = deliver(&mut syslog, &sent[..3]).await;
    assert_eq!(died.done, 0, "{died:?}");
    trouble(&died, "");
    let socket = dying.join().unwrap();
    let reader = thread::spawn(move || (datagrams(&socket, 3), socket));
    all(&deliver(&mut syslog, &sent[..3]).await, 3);
    assert!(reader.join().unwrap().0 == sent[..3]);
}

#[tokio::test]
async fn a_long_datagram_is_refused_and_the_others_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut sent = messages(3, 100);
    sent[1].resize(1 << 20, b'x');
    let reader = thread::spawn(move || (datagrams(&socket, 4), socket));
    for (bound, said) in [("8K", "1048576 bytes; max-bytes is 8192"), ("4M", "the system sends no datagram")]
    {
        let mut syslog = patient(&unix(&path), &format!("max-bytes = '{bound}'"));
        let delivered = deliver(&mut syslog, &sent).await;
        assert_eq!((delivered.done, delivered.refused.len()), (3, 1), "{delivered:?}");
        assert!(delivered.refused[0].first == 1 && delivered.refused[0].why.contains(said), "{delivered:?}");
    }
    assert_eq!(reader.join().unwrap().0.len(), 4);
}

#[tokio::test]
async fn udp_sends_and_believes_who_says_that_nobody_listens() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = socket.local_addr().unwrap();
    let mut syslog = syslog(&format!("udp://{address}"), "");
    let mut sent = messages(100, 500);
    sent[50].resize(9000, b'x');
    let reader = thread::spawn(move || {
        let mut bytes = [0; 65_536];
        let mut next = || {
            let len = socket.recv(&mut bytes).unwrap();
            bytes[..len].to_vec()
        };
        (0..99).map(|_| next()).collect::<Vec<_>>()
    });
    let delivered = deliver(&mut syslog, &sent).await;
    assert_eq!((delivered.done, delivered.refused.len()), (100, 1), "{delivered:?}");
    assert_eq!(delivered.refused[0].first, 50);
    sent.remove(50);
    assert!(reader.join().unwrap() == sent);
    // The socket is closed now. One message is enough to learn that.
    for batch in [&sent[..1], &sent[..5]] {
        let delivered = deliver(&mut syslog, batch).await;
        assert_eq!(delivered.done, 0, "{delivered:?}");
        trouble(&delivered, "Connection refused");
    }
}

#[tokio::test]
async fn what_a_receiver_says_is_not_its_end() {
    let (listener, address) = listener();
    let mut syslog = syslog(&address, "");
    all(&deliver(&mut syslog, &messages(1, 10)).await, 1);
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(b"welcome\n").unwrap();
    all(&deliver(&mut syslog, &messages(1, 10)).await, 1);
    syslog.close().await;
    assert_eq!(counted(stream).len(), 2);
}

#[test]
fn mistakes_are_found_before_anything_is_sent() {
    let wrong = |text: &str| SyslogTransport::new(&toml::from_str(text).unwrap()).err().unwrap();
    assert!(wrong("address = 'tcp://h'\napp-name = ''").contains("app-name"));
    assert!(wrong("address = 'tls://h'\ntls = { ca = '/no/such' }").contains("tls ca: /no/such"));
    let named = wrong("address = 'tls://h'\ntls = { server-name = 'a b' }");
    assert!(named.contains("server-name"), "{named}");
}
