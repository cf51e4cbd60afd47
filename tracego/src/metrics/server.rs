//! The HTTP server of `/metrics`, `/livez` and `/readyz`, on a thread of its own.
//!
//! The server shares only the board's locks with the data path, which are held for as long as a pointer is
//! copied. Each client gets little memory and little time. If there are too many, the oldest connection is
//! closed, so that clients that hold connections open cannot keep others out.

use std::{
    collections::VecDeque,
    convert::Infallible,
    fs, io,
    net::{Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::encoding::prometheus_text;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    runtime::Builder,
    sync::oneshot,
    task::AbortHandle,
    time::{sleep, timeout},
};
use tracego_confine::writing;

use super::{board::Board, health::Health, socket::Socket};
use crate::cli::ListenAddress;

/// Maximum number of connections at once.
const CONNECTIONS: usize = 32;
/// Maximum size in bytes of a request up to its body, which is not read. The library accepts no smaller
/// limit.
const REQUEST: usize = 8192;
/// Maximum number of header lines of a request.
const HEADERS: usize = 64;
/// Maximum time for a request to arrive.
const ARRIVAL: Duration = Duration::from_secs(5);
/// Maximum time for a whole connection, including the answer.
const CONNECTION: Duration = Duration::from_secs(10);
/// Pause when the system cannot accept another connection.
const PAUSE: Duration = Duration::from_millis(100);

/// The server; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Server {
    address: ListenAddress,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens and starts to answer.
    ///
    /// # Errors
    /// Fails if the address cannot be used or the thread cannot be started.
    pub(crate) fn start(listen: &ListenAddress, board: Arc<Board>) -> io::Result<Self> {
        let (socket, address) = Socket::open(listen)?;
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let (stop, stopped) = oneshot::channel();
        let acceptor = {
            let _inside = runtime.enter();
            Acceptor::new(socket)?
        };
        let thread = thread::Builder::new().name("tracego-http".to_owned()).spawn(move || {
            writing::forbid();
            runtime.block_on(async {
                tokio::select! {
                    () = accept(&acceptor, &board) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Returns the address that the server listens on.
    #[must_use]
    pub(crate) fn address(&self) -> &ListenAddress {
        &self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic of the thread has been printed already.
        let _ended = self.thread.take().map(JoinHandle::join);
        if let ListenAddress::Unix(path) = &self.address {
            remove(path);
        }
    }
}

fn remove(path: &PathBuf) {
    if let Err(error) = fs::remove_file(path) {
        tracing::debug!(%error, path = %path.display(), "the socket stays");
    }
}

enum Acceptor {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Acceptor {
    fn new(socket: Socket) -> io::Result<Self> {
        Ok(match socket {
            Socket::Tcp(socket) => Self::Tcp(TcpListener::from_std(socket)?),
            Socket::Unix(socket) => Self::Unix(UnixListener::from_std(socket)?),
        })
    }

    async fn next(&self, board: &Arc<Board>) -> io::Result<AbortHandle> {
        Ok(match self {
            Self::Tcp(socket) => serve(socket.accept().await?.0, Arc::clone(board), false),
            Self::Unix(socket) => serve(socket.accept().await?.0, Arc::clone(board), true),
        })
    }
}

async fn accept(acceptor: &Acceptor, board: &Arc<Board>) {
    let mut connections: VecDeque<AbortHandle> = VecDeque::with_capacity(CONNECTIONS);
    loop {
        match acceptor.next(board).await {
            Ok(connection) => {
                connections.retain(|connection| !connection.is_finished());
                if connections.len() >= CONNECTIONS
                    && let Some(oldest) = connections.pop_front()
                {
                    oldest.abort();
                }
                connections.push_back(connection);
            }
            Err(error) => {
                tracing::debug!(%error, "a connection could not be taken");
                sleep(PAUSE).await;
            }
        }
    }
}

fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    board: Arc<Board>,
    is_local: bool,
) -> AbortHandle {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = match foreign_host(&request, is_local) {
            Some(host) => respond(StatusCode::MISDIRECTED_REQUEST, "text/plain", host),
            None => answer(request.method(), request.uri().path(), &board),
        };
        async { Ok::<_, Infallible>(response) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(ARRIVAL).keep_alive(false);
    http.max_buf_size(REQUEST).max_headers(HEADERS);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    let task = tokio::spawn(async move {
        match timeout(CONNECTION, connection).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a client of the metrics"),
            Err(_) => tracing::debug!("a client of the metrics took too long"),
        }
    });
    task.abort_handle()
}

/// Returns the refusal of a request whose Host is another machine: a web page can make a browser on this machine
/// send such a request, by a name that resolves to this address (DNS rebinding). `is_local`: the request came
/// through a Unix socket, which no browser reaches.
fn foreign_host(request: &Request<Incoming>, is_local: bool) -> Option<String> {
    let host = request.headers().get(HOST).map(|host| host.to_str().unwrap_or_default());
    let host = host.or(request.uri().host())?;
    let own = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if is_local || is_own(host, &own) {
        return None;
    }
    Some(format!("this is {own}, and not the Host of the request; use an address, localhost or {own}\n"))
}

/// Returns whether a Host names this machine: an address, localhost, or the machine's name with any domain.
fn is_own(host: &str, own: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => return rest.split_once(']').is_some_and(|(ip, _)| ip.parse::<Ipv6Addr>().is_ok()),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name).trim_end_matches('.'),
    };
    let is_named = |own: &str| {
        let short = own.split('.').next().unwrap_or_default();
        !own.is_empty()
            && (name.eq_ignore_ascii_case(own)
                || name.split('.').next().is_some_and(|first| first.eq_ignore_ascii_case(short)))
    };
    name.parse::<Ipv4Addr>().is_ok() || name.eq_ignore_ascii_case("localhost") || is_named(own)
}

fn answer(method: &Method, path: &str, board: &Arc<Board>) -> Response<Full<Bytes>> {
    if method != Method::GET {
        let mut response =
            respond(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET is answered\n".to_owned());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return response;
    }
    match path {
        "/metrics" => respond(StatusCode::OK, prometheus_text::CONTENT_TYPE, board.text()),
        "/livez" => health(&board.liveness()),
        "/readyz" => health(&board.readiness()),
        _ => respond(
            StatusCode::NOT_FOUND,
            "text/plain",
            "there are /metrics, /livez and /readyz\n".to_owned(),
        ),
    }
}

fn health(health: &Health) -> Response<Full<Bytes>> {
    let status = if health.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::to_string(health).unwrap_or_default();
    respond(status, "application/json", body + "\n")
}

fn respond(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_an_address_or_a_name_of_this_machine() {
        for host in
            ["127.0.0.1:9470", "10.1.2.3", "[::1]:9470", "localhost:9470", "node1", "NODE1.example.com:80"]
        {
            assert!(is_own(host, "node1.local"), "{host}");
        }
        for host in ["evil.example", "node1evil:9470", "node2", "", "[evil]:1", "127.0.0.1.evil.example"] {
            assert!(!is_own(host, "node1"), "{host}");
        }
        assert!(!is_own("x", ""));
    }
}
