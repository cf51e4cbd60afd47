//! A store: `local.py serve` in a folder of its own, spoken to as tracego and `local.py ask` do.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Mutex,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{PYTHON, deployed};

/// Servers of this test, to be ended with it.
static RUNNING: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// A running store.
pub(crate) struct Store {
    /// Host and port.
    pub(crate) address: String,
    folder: TempDir,
}

/// The query of a sink of the type `clickhouse`, without the token of the batch.
const INSERT: &str = "?query=INSERT%20INTO%20tracego.ingest%20FORMAT%20JSONEachRow&input_format_skip_unknown_fields=1\
    &date_time_input_format=best_effort&input_format_json_read_objects_as_strings=1\
    &deduplicate_blocks_in_dependent_materialized_views=1&insert_deduplication_token=";

impl Store {
    /// Starts an empty store.
    pub(crate) fn start() -> Self {
        Self::configured(|_| None)
    }

    /// Starts an empty store. `configuration` gives the settings of the server, for a folder that they may name.
    pub(crate) fn configured(configuration: impl FnOnce(&Path) -> Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut store = folder.path().join("store").display().to_string();
        if let Some(text) = configuration(folder.path()) {
            let file = folder.path().join("config.xml");
            fs::write(&file, text).unwrap();
            store = format!("{store}?config-file={}", file.display());
        }
        let mut command = Command::new(PYTHON.as_ref().unwrap());
        command.arg(deployed("clickhouse/local.py")).args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--store",
            &store,
        ]);
        let mut child = command.current_dir(folder.path()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        RUNNING.lock().unwrap().push(child);
        let address =
            line.trim().rsplit_once("http://").unwrap_or_else(|| panic!("the store printed {line:?}")).1;
        Self { address: address.to_owned(), folder }
    }

    /// Sends a request. Returns status and body of the answer.
    fn post(&self, query: &str, body: &[u8]) -> (u16, String) {
        self.post_with(query, body, "Host: localhost\r\n")
    }

    /// Makes a request with these headers. Returns status and answer.
    fn post_with(&self, query: &str, body: &[u8], headers: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        write!(
            stream,
            "POST /{query} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n"
        )
        .unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Runs a statement. Returns status and answer.
    pub(crate) fn statement(&self, sql: &str) -> (u16, String) {
        self.post("", sql.as_bytes())
    }

    /// Runs a query that has to succeed. Returns the rows as lines of tab-separated values.
    pub(crate) fn query(&self, sql: &str) -> Vec<String> {
        let (status, answer) = self.statement(sql);
        assert_eq!(status, 200, "{sql}: {answer}");
        answer.lines().map(str::to_owned).collect()
    }

    /// Returns the number that a query answers with.
    pub(crate) fn number(&self, sql: &str) -> u64 {
        self.query(sql)[0].parse().unwrap()
    }

    /// Inserts records as a sink of the type `clickhouse` does, with the key of a batch.
    pub(crate) fn insert(&self, records: &[Value], batch: &str) {
        let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
        let (status, answer) = self.post(&format!("{INSERT}{batch}"), lines.as_bytes());
        assert_eq!(status, 200, "{answer}");
    }

    /// Asks a question of `deploy/clickhouse/questions`. Returns the rows.
    pub(crate) fn ask(&self, question: &str, arguments: &[&str]) -> Vec<Value> {
        let server = format!("http://{}", self.address);
        ask(question, &[&["--server", &server], arguments].concat())
    }

    /// Writes the sink's settings with the address of this store. Returns the file.
    pub(crate) fn sink(&self) -> std::path::PathBuf {
        let file = self.folder.path().join("sink.toml");
        let text = fs::read_to_string(deployed("clickhouse/sink.toml")).unwrap();
        assert!(text.contains("127.0.0.1:8123"), "the sink has another address");
        fs::write(&file, text.replace("127.0.0.1:8123", &self.address)).unwrap();
        file
    }
}

/// Asks a question with `local.py ask`. Returns the rows.
pub(crate) fn ask(question: &str, arguments: &[&str]) -> Vec<Value> {
    let mut command = Command::new(PYTHON.as_ref().unwrap());
    command
        .arg(deployed("clickhouse/local.py"))
        .args(["ask", question])
        .args(arguments)
        .args(["--format", "JSONEachRow"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{question}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Ends all servers that were started.
pub(crate) fn stop_all() {
    for mut child in RUNNING.lock().unwrap().drain(..) {
        drop(child.kill());
        drop(child.wait());
    }
}

pub(crate) const TESTS: &[(&str, crate::Test)] =
    &[("requests of web pages and long ones are refused", refused)];

fn refused() {
    let store = Store::start();
    let drop_table = b"DROP TABLE tracego.starts";
    for headers in [
        "Host: rebound.example\r\n",
        "Host: localhost\r\nOrigin: https://page.example\r\n",
        "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n",
    ] {
        assert_eq!(store.post_with("", drop_table, headers), (403, "refused".to_owned()), "{headers}");
    }
    for headers in
        ["Transfer-Encoding: chunked\r\n", "Content-Length: 999999999999\r\n", "Content-Length: x\r\n"]
    {
        let status = store.post_with("", b"no size\r\n", &format!("Host: localhost\r\n{headers}")).0;
        assert_eq!(status, 413, "{headers}");
    }
    assert_eq!(
        store.number("SELECT count() FROM system.tables WHERE database = 'tracego' AND name = 'starts'"),
        1
    );
}
