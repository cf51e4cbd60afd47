//! A service under the control of a test: runs one command per line of standard input and answers each with a
//! line. Ends at the end of its input.
#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test that waits for the answer")]
#![expect(clippy::print_stdout, reason = "its output is what the test reads")]

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    os::fd::{AsRawFd as _, FromRawFd as _},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// Files, sockets and workers that stay open until the end.
#[derive(Default)]
struct OpenResources {
    files: Vec<File>,
    sockets: Vec<TcpListener>,
    workers: Vec<Child>,
}

fn main() {
    let mut open = OpenResources::default();
    println!("{}", std::process::id());
    // Unbuffered, so that after a fork the child continues at the parent's position.
    while let Some(line) = line() {
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (command, path, rest) = (word(), word(), word());
        let answer = run(&mut open, command, path, rest);
        println!("{answer}");
        io::stdout().flush().unwrap();
    }
    for worker in &mut open.workers {
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
}

fn line() -> Option<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    // SAFETY: the descriptor is open for the whole run and not closed by this value.
    let mut input = std::mem::ManuallyDrop::new(unsafe { File::from_raw_fd(0) });
    while input.read(&mut byte).unwrap() == 1 {
        if byte[0] == b'\n' {
            return Some(String::from_utf8(line).unwrap());
        }
        line.push(byte[0]);
    }
    None
}

fn run(open: &mut OpenResources, command: &str, path: &str, rest: &str) -> String {
    let own = std::process::id().to_string();
    let text = if rest.is_empty() { &own } else { rest };
    match command {
        // Writes a pidfile and closes it.
        "write" => fs::write(path, text).unwrap(),
        // Writes a pidfile and keeps it open.
        "hold" => {
            let mut file = writable(path);
            file.write_all(text.as_bytes()).unwrap();
            open.files.push(file);
        }
        "read" => open.files.push(File::open(path).unwrap()),
        "flock" => {
            let file = writable(path);
            file.lock().unwrap();
            open.files.push(file);
        }
        "fcntl" | "ofd" => {
            let file = writable(path);
            let whole =
                libc::flock { l_type: libc::F_WRLCK as i16, l_whence: 0, l_start: 0, l_len: 0, l_pid: 0 };
            let set = if command == "ofd" { libc::F_OFD_SETLK } else { libc::F_SETLK };
            // SAFETY: the file is open and `whole` readable.
            assert_eq!(unsafe { libc::fcntl(file.as_raw_fd(), set, &raw const whole) }, 0);
            open.files.push(file);
        }
        "chroot" => std::os::unix::fs::chroot(path).unwrap(),
        "close" => open.files.clear(),
        "listen" => open.sockets.push(bound(path)),
        "serve" => serve(bound(path), rest.to_owned()),
        // Starts a worker of the same program, or another program that only has the same parent.
        "worker" | "other" => {
            let mut worker = match command {
                "worker" => Command::new(std::env::current_exe().unwrap()),
                _ => Command::new("/bin/cat"),
            };
            // The worker ends with its input, and so with its parent.
            worker.stdin(Stdio::piped()).stdout(Stdio::null());
            open.workers.push(worker.spawn().unwrap());
            return open.workers.last().unwrap().id().to_string();
        }
        // The child continues.
        "fork" => {
            // SAFETY: there is only one thread yet.
            let child = unsafe { libc::fork() };
            if child != 0 {
                // SAFETY: exits without running anything that now belongs to the child.
                unsafe { libc::_exit(0) };
            }
            return std::process::id().to_string();
        }
        other => panic!("{other}"),
    }
    "ok".into()
}

fn writable(path: &str) -> File {
    OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path).unwrap()
}

/// Returns a listening socket with SO_REUSEPORT.
fn bound(address: &str) -> TcpListener {
    let address: SocketAddr = address.parse().unwrap();
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    // SAFETY: plain system calls on a new descriptor, with values of the given sizes.
    unsafe {
        let fd = libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        let on: libc::c_int = 1;
        let size = size_of::<libc::c_int>() as u32;
        let set = libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, (&raw const on).cast(), size);
        assert_eq!(set, 0);
        let result = match address {
            SocketAddr::V4(to) => {
                let name = libc::sockaddr_in {
                    sin_family: family as u16,
                    sin_port: to.port().to_be(),
                    sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(to.ip().octets()) },
                    sin_zero: [0; 8],
                };
                libc::bind(fd, (&raw const name).cast(), size_of_val(&name) as u32)
            }
            SocketAddr::V6(to) => {
                let name = libc::sockaddr_in6 {
                    sin6_family: family as u16,
                    sin6_port: to.port().to_be(),
                    sin6_flowinfo: 0,
                    sin6_addr: libc::in6_addr { s6_addr: to.ip().octets() },
                    sin6_scope_id: 0,
                };
                libc::bind(fd, (&raw const name).cast(), size_of_val(&name) as u32)
            }
        };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        assert_eq!(libc::listen(fd, 16), 0);
        TcpListener::from_raw_fd(fd)
    }
}

/// Answers HTTP requests by `PATH=STATUS,…`, others with 404. `drip` sends single bytes without end.
fn serve(socket: TcpListener, answers: String) {
    thread::spawn(move || {
        for stream in socket.incoming() {
            let mut stream = stream.unwrap();
            let mut request = String::new();
            let mut reader = io::BufReader::new(stream.try_clone().unwrap());
            reader.read_line(&mut request).unwrap();
            if answers == "drip" {
                // Until the client closes the connection.
                while stream.write_all(b"H").is_ok() {
                    thread::sleep(Duration::from_millis(50));
                }
                continue;
            }
            let path = request.split(' ').nth(1).unwrap_or_default();
            let known = answers.split(',').find_map(|answer| answer.strip_prefix(path)?.strip_prefix('='));
            let status = known.unwrap_or("404");
            // The client may already be gone.
            let _sent = write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
        }
    });
}
