//! Debian's rsyslog, which writes each message to a file as it understood it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use serde_json::Value;
use tempfile::TempDir;
use tracego_tests::{ChildGuard, debian, wait_until};

use super::certificates::Certificates;

static FOLDER: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let libraries = ["libestr0", "libfastjson4", "liblognorm5"];
    let folder =
        debian::packages(&[&["rsyslog", "rsyslog-gnutls", "rsyslog-openssl"][..], &libraries].concat())?;
    let version = program(&folder).arg("-v").output().map_err(|error| format!("rsyslogd: {error}"))?;
    if version.status.success() { Ok(folder) } else { Err("rsyslogd does not start here".to_owned()) }
});

/// Returns why rsyslog cannot run here.
pub(super) fn missing() -> Option<String> {
    FOLDER.clone().err()
}

fn libraries(folder: &Path) -> PathBuf {
    folder.join("usr/lib/x86_64-linux-gnu")
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(folder.join("usr/sbin/rsyslogd"));
    command.env("LD_LIBRARY_PATH", libraries(folder));
    command
}

/// Template with all fields of RFC 5424, as rsyslog parsed them.
const TEMPLATE: &str = r#"
template(name="parsed" type="list" option.jsonf="on") {
    property(outname="pri" name="pri" format="jsonf")
    property(outname="version" name="protocol-version" format="jsonf")
    property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
    property(outname="hostname" name="hostname" format="jsonf")
    property(outname="app" name="app-name" format="jsonf")
    property(outname="procid" name="procid" format="jsonf")
    property(outname="msgid" name="msgid" format="jsonf")
    property(outname="data" name="structured-data" format="jsonf")
    property(outname="msg" name="msg" format="jsonf")
}
"#;

/// A daemon that can be killed and restarted.
pub(super) struct Rsyslog {
    pub(super) dir: TempDir,
    running: Option<ChildGuard>,
}

impl Rsyslog {
    /// Starts rsyslog. `inputs` defines its listeners, `queue` the queue between input and file.
    pub(super) fn start(dir: TempDir, inputs: &str, queue: &str) -> Self {
        let config = format!(
            "global(workDirectory=\"{0}\" maxMessageSize=\"1m\")\nmain_queue({queue})\n{TEMPLATE}{inputs}\n\
             action(type=\"omfile\" file=\"{0}/parsed\" template=\"parsed\")\n",
            dir.path().display()
        );
        fs::write(dir.path().join("conf"), config).unwrap();
        let mut rsyslog = Self { dir, running: None };
        rsyslog.again();
        rsyslog
    }

    /// Starts the daemon, also after a kill.
    pub(super) fn again(&mut self) {
        let folder = FOLDER.clone().unwrap();
        let path = |name: &str| self.dir.path().join(name);
        // A killed daemon leaves its pidfile, and by now the pid may be that of another process.
        let _gone = fs::remove_file(path("pid"));
        let errors = fs::OpenOptions::new().append(true).create(true).open(path("errors")).unwrap();
        let mut command = program(&folder);
        command.args(["-n", "-f"]).arg(path("conf")).arg("-i").arg(path("pid"));
        command.arg("-M").arg(libraries(&folder).join("rsyslog"));
        self.running = Some(ChildGuard(command.stdin(Stdio::null()).stderr(errors).spawn().unwrap()));
    }

    /// Sends SIGKILL.
    pub(super) fn kill(&mut self) {
        drop(self.running.take());
    }

    /// Waits for `count` messages and returns them.
    pub(super) fn parsed(&self, count: usize) -> Vec<Value> {
        let mut lines = Vec::new();
        wait_until("rsyslog has written all", || {
            lines = self.so_far();
            lines.len() >= count
        });
        assert_eq!(lines.len(), count, "{}", fs::read_to_string(self.dir.path().join("errors")).unwrap());
        lines
    }

    /// Returns the number of bytes written so far.
    pub(super) fn written(&self) -> u64 {
        fs::metadata(self.dir.path().join("parsed")).map_or(0, |found| found.len())
    }

    /// Returns the messages written so far, without a line that a kill has cut.
    pub(super) fn so_far(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.dir.path().join("parsed")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

/// Returns the configuration of a Unix socket.
pub(super) fn unix(dir: &Path) -> String {
    format!(
        "module(load=\"imuxsock\" SysSock.Use=\"off\")\n\
         input(type=\"imuxsock\" Socket=\"{}/log\" UseSpecialParser=\"off\" ParseHostname=\"on\" \
         IgnoreTimestamp=\"off\" UseSysTimeStamp=\"off\")",
        dir.display()
    )
}

/// Returns the configuration of a TCP listener without TLS.
pub(super) fn tcp(port: u16) -> String {
    format!(
        "module(load=\"imtcp\" maxFrameSize=\"1048576\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")"
    )
}

/// Returns the configuration of a TLS listener; `mode` chooses the accepted clients.
pub(super) fn tls(port: u16, driver: &str, mode: &str, files: &Certificates) -> String {
    format!(
        "global(defaultNetstreamDriver=\"{driver}\" defaultNetstreamDriverCAFile=\"{}\" \
         defaultNetstreamDriverCertFile=\"{}\" defaultNetstreamDriverKeyFile=\"{}\")\n\
         module(load=\"imtcp\" maxFrameSize=\"1048576\" StreamDriver.Name=\"{driver}\" StreamDriver.Mode=\"1\" \
         StreamDriver.AuthMode=\"{mode}\")\n\
         input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")",
        files.path("ca.pem"),
        files.path("localhost.pem"),
        files.path("localhost.key"),
    )
}
