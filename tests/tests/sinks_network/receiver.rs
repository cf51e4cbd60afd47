//! A receiver of webhooks with scripted answers, byte by byte, to produce faults.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use flate2::read::GzDecoder;

/// A received request.
#[derive(Clone, Debug)]
pub(super) struct ReceivedRequest {
    /// Method, path and version.
    pub(super) line: String,
    /// Headers by lower-case name.
    pub(super) headers: BTreeMap<String, String>,
    /// Body as it was sent.
    pub(super) raw: Vec<u8>,
    /// Number of the connection.
    pub(super) connection: usize,
}

impl ReceivedRequest {
    /// Returns the body, decompressed.
    pub(super) fn body(&self) -> String {
        let coding = self.headers.get("content-encoding").map(String::as_str);
        let mut text = String::new();
        match coding {
            Some("gzip") => GzDecoder::new(&self.raw[..]).read_to_string(&mut text).unwrap(),
            Some("zstd") => zstd::Decoder::new(&self.raw[..]).unwrap().read_to_string(&mut text).unwrap(),
            _ => return String::from_utf8(self.raw.clone()).unwrap(),
        };
        text
    }
}

/// The way to answer a request.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// Sends this text and keeps the connection.
    Say(String),
    /// Sends this text and closes the connection.
    SayAndClose(String),
    /// Sends nothing for a while.
    Wait(Duration),
    /// Sends nothing and closes the connection.
    Close,
}

/// Returns an answer with a status line, headers and a body.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> Answer {
    Answer::Say(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
}

/// Function that chooses the answer to a request.
type AnswerFn = dyn Fn(&ReceivedRequest) -> Answer + Send + Sync;

/// The receiver. Its threads end with the test.
pub(super) struct Receiver {
    pub(super) port: u16,
    seen: Arc<Mutex<Vec<ReceivedRequest>>>,
}

impl Receiver {
    pub(super) fn new(decide: impl Fn(&ReceivedRequest) -> Answer + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), decide)
    }

    /// Creates a receiver with these first answers, and 204 afterwards.
    pub(super) fn answering(first: Vec<Answer>) -> Self {
        let first = Mutex::new(VecDeque::from(first));
        Self::new(move |_| {
            first.lock().unwrap().pop_front().unwrap_or_else(|| answer("204 No Content", "", ""))
        })
    }

    pub(super) fn on(
        listener: TcpListener,
        decide: impl Fn(&ReceivedRequest) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let port = listener.local_addr().unwrap().port();
        let (seen, decide): (_, Arc<AnswerFn>) = (Arc::new(Mutex::new(Vec::new())), Arc::new(decide));
        let (log, connections) = (Arc::clone(&seen), AtomicUsize::new(0));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, decide) = (Arc::clone(&log), Arc::clone(&decide));
                let connection = connections.fetch_add(1, Ordering::Relaxed);
                thread::spawn(move || serve(stream.unwrap(), connection, &log, &*decide));
            }
        });
        Self { port, seen }
    }

    /// Returns all requests so far.
    pub(super) fn seen(&self) -> Vec<ReceivedRequest> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, connection: usize, log: &Mutex<Vec<ReceivedRequest>>, decide: &AnswerFn) {
    let mut reader = BufReader::new(stream);
    while let Some(seen) = request(&mut reader, connection) {
        log.lock().unwrap().push(seen.clone());
        let stream = reader.get_mut();
        match decide(&seen) {
            Answer::Say(text) => stream.write_all(text.as_bytes()).unwrap(),
            Answer::SayAndClose(text) => return stream.write_all(text.as_bytes()).unwrap(),
            Answer::Wait(long) => thread::sleep(long),
            Answer::Close => return,
        }
    }
}

/// Returns the next request; `None` at the end of the connection.
fn request(reader: &mut BufReader<TcpStream>, connection: usize) -> Option<ReceivedRequest> {
    let mut line = || {
        let mut text = String::new();
        reader.read_line(&mut text).ok().filter(|read| *read > 0)?;
        Some(text.trim_end().to_owned())
    };
    let first = line()?;
    let mut headers = BTreeMap::new();
    loop {
        let text = line()?;
        let Some((name, value)) = text.split_once(": ") else { break };
        assert!(headers.insert(name.to_lowercase(), value.to_owned()).is_none(), "{name} twice");
    }
    let mut raw = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut raw).ok()?;
    Some(ReceivedRequest { line: first, headers, raw, connection })
}
