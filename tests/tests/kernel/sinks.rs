//! Runs with several sinks at once.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, UdpSocket},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use serde_json::Value;
use tracego_tests::{
    ChildGuard,
    ports::{bind_again, free_port},
    records, wait_until, with_full_records,
};

use crate::{Test, reload::change};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("several sinks get what their filters let through, and a dead one loses nothing", several),
    ("a sealed log is whole across rotations by others", sealed),
];

/// Returns the argument of a process that a test starts; unique among concurrent runs of the tests.
fn name(test: &str, n: impl std::fmt::Display) -> String {
    format!("{test}-{}-{n}", std::process::id())
}

/// Returns a filter for the processes that [`mark`] starts for one test; others run at the same time.
pub(crate) fn marked(test: &str) -> String {
    let begin = name(test, "");
    format!("where = \"process.command_args.size() == 2 && process.command_args[1].startsWith('{begin}')\"")
}

pub(crate) fn mark(test: &str, n: usize) {
    assert!(Command::new("/bin/true").arg(name(test, n)).status().unwrap().success());
}

/// Starts tracego with this configuration, and waits until its programs are attached.
pub(crate) fn start(folder: &Path, config: &str) -> ChildGuard {
    let file = folder.join("tracego.toml");
    fs::write(&file, config).unwrap();
    let mut command = with_full_records();
    command.arg("--config").arg(&file).arg("--spool-dir").arg(folder.join("spool"));
    command.args(["--heartbeat", "0", "--listen"]).arg(format!("unix:{}", folder.join("metrics").display()));
    let running = ChildGuard(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    wait_until("the programs are attached", || {
        metrics(folder, "/readyz").contains("\"programs\",\"ok\":true")
    });
    running
}

pub(crate) fn metrics(folder: &Path, path: &str) -> String {
    let answer = crate::metrics::on_unix(&folder.join("metrics"), path);
    answer.map(|answer| answer.body).unwrap_or_default()
}

/// Returns the marks in a file of records, in order.
pub(crate) fn marks(path: &Path) -> Vec<usize> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let all = records(&text);
    let starts = all.iter().filter(|record| record["event_name"] == "tracego.process.start");
    starts.map(|record| number(&record["process"]["command_args"][1])).collect()
}

fn number(argument: &Value) -> usize {
    argument.as_str().unwrap().rsplit('-').next().unwrap().parse().unwrap()
}

/// Starts an HTTP server that accepts all bodies. Returns its address and the bodies.
fn server(address: &str) -> (String, Arc<Mutex<String>>) {
    let listener = bind_again(|| TcpListener::bind(address));
    let (address, bodies) = (listener.local_addr().unwrap().to_string(), Arc::<Mutex<String>>::default());
    let all = Arc::clone(&bodies);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            loop {
                let (mut length, mut line) = (0, String::new());
                while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
                    let lower = line.to_lowercase();
                    if let Some(value) = lower.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                if length == 0 || reader.read_exact(&mut body).is_err() {
                    break;
                }
                all.lock().unwrap().push_str(&String::from_utf8(body).unwrap());
                let _sent = reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        }
    });
    (address, bodies)
}

fn several() {
    const MARKS: usize = 40;
    let folder = tempfile::tempdir().unwrap();
    let marked = marked("several");
    let path = |name: &str| folder.path().join(name);
    let syslog = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = syslog.local_addr().unwrap();
    // At once: the kernel keeps only some of them.
    let (sender, datagrams) = mpsc::channel();
    thread::spawn(move || {
        let mut datagram = vec![0; 65_536];
        while let Ok(len) = syslog.recv(&mut datagram) {
            if sender.send(datagram[..len].to_vec()).is_err() {
                break;
            }
        }
    });
    let free = format!("127.0.0.1:{}", free_port());
    let config = format!(
        "event = [\"execve\", \"exit\"]\n\
         [[sinks]]\nname = \"all\"\ntype = \"file\"\npath = \"{}\"\nevents = [\"*.exit\"]\nformat = \"ecs\"\n\
         [[sinks]]\nname = \"marks\"\ntype = \"file\"\npath = \"{}\"\n{marked}\n\
         [[sinks]]\ntype = \"syslog\"\naddress = \"udp://{}\"\nmax-bytes = \"60000\"\n{marked}\n\
         [[sinks]]\nname = \"hook\"\ntype = \"webhook\"\nurl = \"http://{free}/\"\n{marked}\n",
        path("all").display(),
        path("marks").display(),
        address,
    );
    let running = start(folder.path(), &config);
    (0..MARKS).for_each(|n| mark("several", n));
    wait_until("the file has all", || marks(&path("marks")).len() == MARKS);
    // The first batch waits a moment for more.
    wait_until("the dead sink is known as such", || {
        let text = metrics(folder.path(), "/metrics");
        text.contains("tracego_sink_up{sink=\"hook\"} 0")
            && text.contains("tracego_sink_up{sink=\"marks\"} 1")
    });
    assert!(metrics(folder.path(), "/readyz").contains("hook: "), "{}", metrics(folder.path(), "/readyz"));
    running.terminate();
    let output = running.output();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(
        stderr.contains("sink hook: 40 given") && stderr.contains("0 delivered, 40 in the spool"),
        "{stderr}"
    );
    assert_eq!(marks(&path("marks")), (0..MARKS).collect::<Vec<_>>());
    let all = fs::read_to_string(path("all")).unwrap();
    assert!(all.lines().count() >= MARKS && all.lines().all(|line| line.contains("\"@timestamp\"")), "{all}");
    for n in 0..MARKS {
        let datagram = datagrams.recv_timeout(Duration::from_secs(5)).unwrap();
        let text = std::str::from_utf8(&datagram).unwrap();
        assert!(text.starts_with('<') && text.contains(&format!("\"{}\"", name("several", n))), "{text}");
    }
    // Records that the dead receiver missed are delivered after the next start.
    let (_, bodies) = server(&free);
    let mut running = start(folder.path(), &config);
    wait_until("the webhook has all", || bodies.lock().unwrap().lines().count() == MARKS);
    running.terminate();
    assert!(running.ended().success());
    let bodies = bodies.lock().unwrap();
    let got: Vec<usize> = bodies
        .lines()
        .map(|line| number(&serde_json::from_str::<Value>(line).unwrap()["process"]["command_args"][1]))
        .collect();
    assert_eq!(got, (0..MARKS).collect::<Vec<_>>());
}

fn sealed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let config = format!(
        "output = \"json\"\noutput-file = \"{}\"\nseal = true\nseal-interval = 1\ncomm = \"true\"\n",
        path("log").display()
    );
    let running = start(folder.path(), &config);
    for round in 0..4 {
        for n in 0..20 {
            mark("sealed", round * 20 + n);
        }
        if round < 3 {
            fs::rename(path("log"), path(&format!("log.{round}"))).unwrap();
            change(&running, folder.path(), &config, "taken");
        }
    }
    running.terminate();
    let output = running.output();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    // In any order: the chain tells which file comes first.
    let files = ["log", "log.1", "log.0", "log.2"].map(path);
    let verify = |files: &[std::path::PathBuf]| {
        let output = with_full_records().args(["verify-log", "--json"]).args(files).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, report) = verify(&files);
    assert_eq!(code, Some(0), "{report}");
    let (code, report) = verify(&files[..2]);
    assert_eq!(code, Some(1), "a file is missing: {report}");
    let all: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let found =
        |n: usize| all.iter().filter(|text| text.contains(&format!("\"{}\"", name("sealed", n)))).count();
    assert!((0..80).all(|n| found(n) == 1));
}
