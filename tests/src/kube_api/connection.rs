//! One connection to the stand-in, with one request.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, BufReader},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    Fault, Shared, Stream,
    store::{Next, StoredEvent},
};

/// A request, as far as it matters.
struct Request {
    path: String,
    query: BTreeMap<String, String>,
    authorization: String,
    line: String,
}

/// Reads a request and answers it. Errors mean that the client is gone.
pub(super) fn serve(stream: &mut dyn Stream, shared: &Shared) {
    let _gone = answer(stream, shared);
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn request(stream: &mut dyn Stream) -> io::Result<Request> {
    let mut lines = BufReader::with_capacity(1, stream).lines();
    let mut next = || lines.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()));
    let first = next()?;
    let target = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut authorization = String::new();
    loop {
        let line = next()?;
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("authorization: ") {
            authorization = line[line.len() - value.len()..].to_owned();
        }
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let query = pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect();
    Ok(Request { path: path.to_owned(), query, authorization, line: target.clone() })
}

fn answer(stream: &mut dyn Stream, shared: &Shared) -> io::Result<()> {
    let request = request(stream)?;
    let is_pods = request.path == "/api/v1/pods" || request.path.ends_with("/pods");
    if !is_pods {
        return discovery(stream, &request.path);
    }
    shared.requests.lock().unwrap().push(request.line.clone());
    let wanted = shared.token.lock().unwrap().clone();
    if wanted.is_some_and(|token| request.authorization != format!("Bearer {token}")) {
        return status(stream, 401, "Unauthorized", None);
    }
    let mut faults = shared.faults.lock().unwrap();
    let fault = (!faults.is_empty()).then(|| faults.remove(0));
    drop(faults);
    match fault {
        Some(Fault::Status(code, after)) => return status(stream, code, "a fault of the test", after),
        Some(Fault::Closed) => return Ok(()),
        _ => {}
    }
    let node =
        request.query.get("fieldSelector").and_then(|selector| selector.strip_prefix("spec.nodeName="));
    let namespace =
        request.path.strip_prefix("/api/v1/namespaces/").and_then(|rest| rest.strip_suffix("/pods"));
    let is_asked = |pod: &Value| {
        node.is_none_or(|node| pod["spec"]["nodeName"] == node)
            && namespace.is_none_or(|namespace| pod["metadata"]["namespace"] == namespace)
    };
    let mut body = Body { stream, fault, written: 0 };
    if request.query.contains_key("watch") {
        watch(&mut body, shared, &request, &is_asked)
    } else {
        list(&mut body, shared, &request, &is_asked)
    }
}

/// The body of an answer, in chunks.
struct Body<'a> {
    stream: &'a mut dyn Stream,
    fault: Option<Fault>,
    written: usize,
}

impl Body<'_> {
    fn head(&mut self) -> io::Result<()> {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        self.stream.write_all(head.as_bytes())?;
        self.stream.flush()?;
        match self.fault.take() {
            Some(Fault::Silent(time)) => {
                sleep(time);
                Err(io::ErrorKind::TimedOut.into())
            }
            Some(Fault::Nonsense(line)) => self.write(&line),
            other => {
                self.fault = other;
                Ok(())
            }
        }
    }

    fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        write!(self.stream, "{:x}\r\n", bytes.len())?;
        self.stream.write_all(bytes)?;
        self.stream.write_all(b"\r\n")?;
        self.stream.flush()?;
        self.written += bytes.len();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.fault {
            Some(Fault::Cut(at)) if self.written + bytes.len() > at => {
                self.chunk(&bytes[..at.saturating_sub(self.written).max(1)])?;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Some(Fault::Slow(pause)) => bytes.iter().try_for_each(|byte| {
                sleep(pause);
                self.chunk(&[*byte])
            }),
            _ => self.chunk(bytes),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        self.stream.write_all(b"0\r\n\r\n")?;
        self.stream.flush()
    }
}

fn list(
    body: &mut Body<'_>,
    shared: &Shared,
    request: &Request,
    is_asked: &dyn Fn(&Value) -> bool,
) -> io::Result<()> {
    let (pods, version) = shared.store.list(is_asked);
    let number = |name: &str| request.query.get(name).and_then(|value| value.parse::<usize>().ok());
    let from = number("continue").unwrap_or(0).min(pods.len());
    // A server gives no part of a list from its memory.
    let most =
        number("limit").filter(|_| !request.query.contains_key("resourceVersion")).unwrap_or(usize::MAX);
    let to = from.saturating_add(most).min(pods.len());
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if to < pods.len() {
        metadata["continue"] = to.to_string().into();
    }
    let list = json!({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": pods[from..to]});
    body.head()?;
    for piece in serde_json::to_vec(&list)?.chunks(16 << 10) {
        body.write(piece)?;
    }
    body.end()
}

fn watch(
    body: &mut Body<'_>,
    shared: &Shared,
    request: &Request,
    is_asked: &dyn Fn(&Value) -> bool,
) -> io::Result<()> {
    let mut version = request.query.get("resourceVersion").and_then(|text| text.parse().ok()).unwrap_or(0);
    let seconds = request.query.get("timeoutSeconds").and_then(|text| text.parse().ok()).unwrap_or(600);
    let (began, ends) = (Instant::now(), shared.store.ends());
    body.head()?;
    while began.elapsed() < Duration::from_secs(seconds) {
        match shared.store.next(version, ends) {
            Next::End => break,
            Next::Forgotten => {
                let status = json!({"kind": "Status", "status": "Failure", "reason": "Expired", "code": 410,
                                    "message": "too old resource version"});
                line(body, "ERROR", &status)?;
                break;
            }
            Next::Nothing => {}
            Next::Events(events) => {
                for StoredEvent { version: now, kind, object } in events {
                    version = now;
                    if kind == "BOOKMARK" || is_asked(&object) {
                        line(body, kind, &object)?;
                    }
                }
            }
        }
    }
    body.end()
}

fn line(body: &mut Body<'_>, kind: &str, object: &Value) -> io::Result<()> {
    let mut text = serde_json::to_vec(&json!({"type": kind, "object": object}))?;
    text.push(b'\n');
    body.write(&text)
}

/// Answers what kubectl asks before it asks for pods.
fn discovery(stream: &mut dyn Stream, path: &str) -> io::Result<()> {
    let body = match path {
        "/api" => json!({"kind": "APIVersions", "versions": ["v1"]}),
        "/apis" => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": []}),
        "/api/v1" => json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": [{
            "name": "pods", "singularName": "pod", "namespaced": true, "kind": "Pod", "shortNames": ["po"],
            "verbs": ["get", "list", "watch"],
        }]}),
        "/version" => json!({"major": "1", "minor": "36", "gitVersion": "v1.36.0"}),
        _ => return status(stream, 404, "not found", None),
    };
    plain(stream, "200 OK", &body, None)
}

fn status(stream: &mut dyn Stream, code: u16, message: &str, after: Option<u64>) -> io::Result<()> {
    let body =
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message});
    plain(stream, &format!("{code} Status"), &body, after)
}

fn plain(stream: &mut dyn Stream, status: &str, body: &Value, after: Option<u64>) -> io::Result<()> {
    let body = body.to_string();
    let after = after.map_or(String::new(), |after| format!("Retry-After: {after}\r\n"));
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{after}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()
}
