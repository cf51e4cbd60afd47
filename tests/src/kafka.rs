//! A broker that speaks Kafka's protocol, and is not ours. It keeps messages in memory: a kill loses them.

use std::{
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use serde_json::Value;

use crate::{ChildGuard, python, wait_until};

static PYTHON: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| python::environment("kafka"));

/// Returns what is missing on this machine for a broker, in few words.
#[must_use]
pub fn missing() -> Option<String> {
    PYTHON.as_ref().err().cloned()
}

/// Returns a command of `tests/python/kafka.py`.
///
/// # Panics
/// Panics if Python is [`missing`].
#[must_use]
pub fn script(arguments: &[&str]) -> Command {
    let mut command = Command::new(PYTHON.as_ref().unwrap());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python/kafka.py")).args(arguments);
    command
}

fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A running broker; it is killed when it is dropped.
pub struct Broker {
    /// Port of the broker.
    pub port: u16,
    _process: ChildGuard,
}

impl Broker {
    /// Starts an empty broker at a port. Clients are sent on to the port `known_at`.
    ///
    /// # Panics
    /// Panics if it does not start.
    #[must_use]
    pub fn start(port: u16, known_at: u16) -> Self {
        let mut command = Command::new(binary());
        command.args(["broker", "--storage-engine", "memory://tansu/", "--listener-url"]);
        command.arg(format!("tcp://127.0.0.1:{port}"));
        command.args(["--advertised-listener-url", &format!("tcp://localhost:{known_at}")]);
        let process = ChildGuard(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        wait_until("the broker", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { port, _process: process }
    }

    /// Creates a topic.
    ///
    /// # Panics
    /// Panics if the broker does not.
    pub fn create(&self, topic: &str, partitions: u32) {
        let mut command = Command::new(binary());
        command.args(["topic", "create", "--broker", &format!("tcp://127.0.0.1:{}", self.port)]);
        printed(command.args(["--partitions", &partitions.to_string(), topic]));
    }
}

fn binary() -> String {
    static BINARY: LazyLock<String> = LazyLock::new(|| printed(&mut script(&["broker"])).trim().to_owned());
    BINARY.clone()
}

/// Returns the messages of a topic, read at this port.
///
/// # Panics
/// Panics if they cannot be read.
#[must_use]
pub fn messages(port: u16, topic: &str) -> Vec<Value> {
    let text = printed(&mut script(&["read", &port.to_string(), topic]));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns the partition that librdkafka chooses for a key as Kafka's own client does.
///
/// # Panics
/// Panics if librdkafka cannot be asked.
#[must_use]
pub fn partition(key: &str, count: u32) -> u32 {
    printed(&mut script(&["partition", key, &count.to_string()])).trim().parse().unwrap()
}
