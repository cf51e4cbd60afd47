//! Receivers, one for each type of sink. They can be stopped and restarted, and keep the identifiers of the
//! records that they get.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tracego_tests::{
    ChildGuard,
    kafka::Broker,
    ports::{bind_again, free_port},
    python, wait_until,
};

pub(crate) static PYTHON: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| python::environment("otlp"));

/// The address of a receiver, and the identifiers that it got so far.
pub(crate) struct Receiver {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    got: Arc<Mutex<Vec<String>>>,
    running: Option<Box<dyn FnOnce()>>,
}

impl Receiver {
    /// Creates a receiver that is not running yet.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), port: free_port(), got: Arc::default(), running: None }
    }

    pub(crate) fn stop(&mut self) {
        if let Some(stop) = self.running.take() {
            stop();
        }
    }

    /// Returns the identifiers in the order of arrival.
    pub(crate) fn got(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }

    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Runs `work` in a thread until [`Self::stop`].
    fn runs(&mut self, work: impl FnOnce(Arc<AtomicBool>, Arc<Mutex<Vec<String>>>) -> JoinHandle<()>) {
        let stopped = Arc::new(AtomicBool::new(false));
        let thread = work(Arc::clone(&stopped), Arc::clone(&self.got));
        self.running = Some(Box::new(move || {
            stopped.store(true, Ordering::Relaxed);
            thread.join().unwrap();
        }));
    }
}

/// Returns the identifier of a record in JSON: its own, prefixed by the round, because each replay gives the
/// same records.
pub(crate) fn uid(text: &str) -> Option<String> {
    let value = |key: &str| Some(text.split_once(key)?.1.split('"').next()?.to_owned());
    Some(format!("{} {}", value("\"ROUND\":\"")?, value("\"uid\":\"")?))
}

/// Prepares for the lines of a file.
pub(crate) fn file(receiver: &mut Receiver) {
    *receiver.got.lock().unwrap() = Vec::new();
}

pub(crate) fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(uid).collect()
}

const TICK: Duration = Duration::from_millis(20);

pub(crate) fn udp(receiver: &mut Receiver) {
    let socket = bind_again(|| UdpSocket::bind(receiver.address()));
    socket.set_read_timeout(Some(TICK)).unwrap();
    receiver.runs(|stopped, got| {
        thread::spawn(move || {
            let mut datagram = vec![0; 1 << 16];
            loop {
                match socket.recv(&mut datagram) {
                    Ok(len) => got.lock().unwrap().extend(uid(&String::from_utf8_lossy(&datagram[..len]))),
                    Err(_) if stopped.load(Ordering::Relaxed) => return,
                    Err(_) => {}
                }
            }
        })
    });
}

pub(crate) fn journal(receiver: &mut Receiver) {
    let path = receiver.folder.join("journal");
    drop(fs::remove_file(&path));
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(TICK)).unwrap();
    receiver.runs(|stopped, got| {
        thread::spawn(move || {
            let mut datagram = vec![0; 1 << 20];
            loop {
                match socket.recv(&mut datagram) {
                    Ok(len) => {
                        let text = String::from_utf8_lossy(&datagram[..len]).into_owned();
                        let record = text.lines().find_map(|line| line.strip_prefix("TRACEGO_RECORD="));
                        got.lock().unwrap().push(uid(record.unwrap()).unwrap());
                    }
                    Err(_) if stopped.load(Ordering::Relaxed) => {
                        drop(fs::remove_file(&path));
                        return;
                    }
                    Err(_) => {}
                }
            }
        })
    });
}

/// Accepts connections until the receiver is stopped, and then closes all.
fn tcp(
    receiver: &mut Receiver,
    serve: impl Fn(TcpStream, &Mutex<Vec<String>>) -> std::io::Result<()> + Copy + Send + 'static,
) {
    let listener = bind_again(|| TcpListener::bind(receiver.address()));
    listener.set_nonblocking(true).unwrap();
    receiver.runs(move |stopped, got| {
        thread::spawn(move || {
            let mut open = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let Ok((stream, _)) = listener.accept() else {
                    thread::sleep(Duration::from_millis(2));
                    continue;
                };
                stream.set_nonblocking(false).unwrap();
                open.push(stream.try_clone().unwrap());
                let got = Arc::clone(&got);
                thread::spawn(move || drop(serve(stream, &got)));
            }
            for stream in open {
                drop(stream.shutdown(std::net::Shutdown::Both));
            }
        })
    });
}

/// Receives syslog with octet counting (RFC 6587 section 3.4.1).
pub(crate) fn syslog(receiver: &mut Receiver) {
    tcp(receiver, |stream, got| {
        let mut reader = BufReader::new(stream);
        loop {
            let mut length = Vec::new();
            reader.read_until(b' ', &mut length)?;
            let length = String::from_utf8_lossy(&length).trim().parse().map_err(std::io::Error::other)?;
            let mut message = vec![0; length];
            reader.read_exact(&mut message)?;
            got.lock().unwrap().extend(uid(&String::from_utf8_lossy(&message)));
        }
    });
}

/// Receives requests with a record on each line.
pub(crate) fn http(receiver: &mut Receiver) {
    requests(receiver, |_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned());
}

/// Receives bulk requests of Elasticsearch, and answers for each record.
pub(crate) fn bulk(receiver: &mut Receiver) {
    requests(receiver, |body| {
        let items = vec!["{\"create\":{\"status\":201}}"; body.lines().count() / 2].join(",");
        let text = format!("{{\"errors\":false,\"items\":[{items}]}}");
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len())
    });
}

fn requests(receiver: &mut Receiver, answer: fn(&str) -> String) {
    tcp(receiver, move |stream, got| {
        let mut reader = BufReader::new(stream);
        loop {
            let (mut length, mut line) = (None, String::new());
            while reader.read_line(&mut line)? > 2 {
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().ok();
                }
                line.clear();
            }
            let Some(length) = length else { return Ok(()) };
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            let body = String::from_utf8_lossy(&body);
            got.lock().unwrap().extend(body.lines().filter_map(uid));
            reader.get_mut().write_all(answer(&body).as_bytes())?;
        }
    });
}

/// Runs the receiver in Python, which is killed.
pub(crate) fn otlp(receiver: &mut Receiver) {
    let kept = receiver.folder.join("kept");
    let mut command = Command::new(PYTHON.as_ref().unwrap());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python/keeper.py"));
    let mut process = ChildGuard(command.arg(receiver.port.to_string()).arg(&kept).spawn().unwrap());
    let address = receiver.address();
    wait_until("the collector", || TcpStream::connect(address).is_ok());
    let got = Arc::clone(&receiver.got);
    receiver.runs(|stopped, _| {
        thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let text = fs::read_to_string(&kept).unwrap_or_default();
                let uids = text.lines().filter_map(|line| {
                    let record: serde_json::Value = serde_json::from_str(line).ok()?;
                    let value = |key: &str| record[key].as_str();
                    let round = value("process.environment_variable.ROUND")?;
                    Some(format!("{round} {}", value("log.record.uid")?))
                });
                *got.lock().unwrap() = uids.collect();
                thread::sleep(TICK);
            }
            process.0.kill().unwrap();
            process.0.wait().unwrap();
        })
    });
}

/// Runs a broker of Kafka, which is killed once all of its messages are read: it keeps them in memory.
pub(crate) fn kafka(receiver: &mut Receiver) {
    let broker = Broker::start(receiver.port, receiver.port);
    broker.create("tracego", 3);
    let kept = receiver.folder.join("kept");
    let arguments = ["keep", &receiver.port.to_string(), "tracego", kept.to_str().unwrap()];
    let mut reader = ChildGuard(tracego_tests::kafka::script(&arguments).spawn().unwrap());
    let got = Arc::clone(&receiver.got);
    receiver.runs(|stopped, _| {
        thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                *got.lock().unwrap() = lines(&kept);
                thread::sleep(TICK);
            }
            let id = reader.0.id().to_string();
            assert!(Command::new("kill").arg(id).status().unwrap().success());
            reader.0.wait().unwrap();
            *got.lock().unwrap() = lines(&kept);
            drop(broker);
        })
    });
}
