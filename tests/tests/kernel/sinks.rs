//! Several sinks at once, and the configuration read again while records flow.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, UdpSocket},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, sleep},
    time::Duration,
};

use serde_json::Value;
use tracego_tests::{
    Running,
    ports::{bind_again, free_port},
    records, tracego, wait_until,
};

use crate::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("several sinks get what their filters let through, and a dead one loses nothing", several),
    ("settings change under load and nothing is lost or there twice", reload),
    ("a configuration that cannot be is refused whole", refused),
    ("where each option comes from is shown", shown),
    ("a sealed log is whole across rotations by others", sealed),
];

/// Records of the processes that [`mark`] starts for one test; others run at the same time.
fn marked(test: &str) -> String {
    format!("where = \"process.command_args.size() == 2 && process.command_args[1].startsWith('{test}-')\"")
}

fn mark(test: &str, n: usize) {
    assert!(Command::new("/bin/true").arg(format!("{test}-{n}")).status().unwrap().success());
}

/// tracego with this configuration, its programs attached.
fn start(folder: &Path, config: &str) -> Running {
    let file = folder.join("tracego.toml");
    fs::write(&file, config).unwrap();
    let mut command = Command::new(tracego());
    command.arg("--config").arg(&file).arg("--spool-dir").arg(folder.join("spool"));
    command.args(["--heartbeat", "0", "--listen"]).arg(format!("unix:{}", folder.join("metrics").display()));
    let running = Running(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    wait_until("the programs are attached", || {
        metrics(folder, "/readyz").contains("\"programs\",\"ok\":true")
    });
    running
}

fn metrics(folder: &Path, path: &str) -> String {
    let answer = crate::metrics::on_unix(&folder.join("metrics"), path);
    answer.map(|answer| answer.body).unwrap_or_default()
}

/// Marks in a file of records, in their order.
fn marks(path: &Path) -> Vec<usize> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let all = records(&text);
    let starts = all.iter().filter(|record| record["event_name"] == "tracego.process.start");
    starts.map(|record| number(&record["process"]["command_args"][1])).collect()
}

fn number(argument: &Value) -> usize {
    argument.as_str().unwrap().rsplit('-').next().unwrap().parse().unwrap()
}

/// An HTTP server that takes all bodies.
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
    syslog.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let free = format!("127.0.0.1:{}", free_port());
    let config = format!(
        "event = [\"execve\", \"exit\"]\n\
         [[sinks]]\nname = \"all\"\ntype = \"file\"\npath = \"{}\"\nevents = [\"*.exit\"]\nformat = \"ecs\"\n\
         [[sinks]]\nname = \"marks\"\ntype = \"file\"\npath = \"{}\"\n{marked}\n\
         [[sinks]]\ntype = \"syslog\"\naddress = \"udp://{}\"\nmax-bytes = \"60000\"\n{marked}\n\
         [[sinks]]\nname = \"hook\"\ntype = \"webhook\"\nurl = \"http://{free}/\"\n{marked}\n",
        path("all").display(),
        path("marks").display(),
        syslog.local_addr().unwrap(),
    );
    let running = start(folder.path(), &config);
    (0..MARKS).for_each(|n| mark("several", n));
    wait_until("the file has all", || marks(&path("marks")).len() == MARKS);
    let text = metrics(folder.path(), "/metrics");
    assert!(
        text.contains("tracego_sink_up{sink=\"hook\"} 0")
            && text.contains("tracego_sink_up{sink=\"marks\"} 1"),
        "{text}"
    );
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
    let mut datagram = vec![0; 65_536];
    for n in 0..MARKS {
        let len = syslog.recv(&mut datagram).unwrap();
        let text = std::str::from_utf8(&datagram[..len]).unwrap();
        assert!(text.starts_with('<') && text.contains(&format!("\"several-{n}\"")), "{text}");
    }
    // What the dead one did not get is there at the next start.
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

fn hang_up(running: &Running) {
    let pid = i32::try_from(running.0.id()).unwrap();
    // SAFETY: the child is not reaped yet.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGHUP) }, 0);
}

/// Puts another configuration in place, whole at any moment, and waits until it is taken or refused.
fn change(running: &Running, folder: &Path, config: &str, result: &str) {
    let name = format!("tracego_config_reloads_total{{result=\"{result}\"}}");
    let count = || crate::metrics::of(&metrics(folder, "/metrics"), &name);
    let before = count();
    fs::write(folder.join("new.toml"), config).unwrap();
    fs::rename(folder.join("new.toml"), folder.join("tracego.toml")).unwrap();
    hang_up(running);
    wait_until(result, || count() > before);
}

fn reload() {
    let folder = tempfile::tempdir().unwrap();
    let marked = marked("reload");
    let path = |name: &str| folder.path().join(name);
    let file = |name: &str, more: &str| {
        format!(
            "[[sinks]]\nname = \"{name}\"\ntype = \"file\"\npath = \"{}\"\n{more}\n{marked}\n",
            path(name).display()
        )
    };
    // The filter alone, the thread behind the queue, another sink, an order: each in turn.
    let configs = [
        file("a", ""),
        file("a", "events = [\"tracego.process.*\"]"),
        file("a", "keep = 7\nrotate-bytes = \"1G\"") + &file("b", ""),
        file("b", "") + &file("a", "queue-bytes = \"64M\""),
        "[rules.TG007]\nenabled = false\n".to_owned() + &file("a", ""),
    ];
    let running = start(folder.path(), &configs[0]);
    let (done, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                mark("reload", count.fetch_add(1, Ordering::Relaxed));
            }
        });
        for n in 1..=15 {
            change(&running, folder.path(), &configs[n % configs.len()], "taken");
            sleep(Duration::from_millis(100));
        }
        // An external rotation: what was open goes on under another name until the signal.
        fs::rename(path("a"), path("a.1")).unwrap();
        change(&running, folder.path(), &configs[0], "taken");
        sleep(Duration::from_millis(300));
        done.store(true, Ordering::Relaxed);
    });
    let count = count.into_inner();
    let all = || [marks(&path("a.1")), marks(&path("a"))].concat();
    wait_until("all have arrived", || all().len() >= count);
    let text = metrics(folder.path(), "/metrics");
    assert!(text.contains("tracego_config_current 1"), "{text}");
    running.terminate();
    let output = running.output();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert_eq!(stderr.matches("the configuration was read again").count(), 16, "{stderr}");
    assert_eq!(all(), (0..count).collect::<Vec<_>>(), "{stderr}");
    // The second was there at times; what it has is in order and there once.
    let b = marks(&path("b"));
    assert!(!b.is_empty() && b.is_sorted_by(|one, next| one < next), "{b:?}");
}

fn refused() {
    let folder = tempfile::tempdir().unwrap();
    let marked = marked("refused");
    let path = |name: &str| folder.path().join(name);
    let good =
        format!("[[sinks]]\nname = \"a\"\ntype = \"file\"\npath = \"{}\"\n{marked}\n", path("a").display());
    let running = start(folder.path(), &good);
    mark("refused", 0);
    let bad = [
        good.replace("path =", "pth ="),
        good.replace("type = \"file\"", "type = \"fil\""),
        good.clone() + &good,
        good.clone() + "[[sinks]]\ntype = \"otlp\"\nendpoint = \"ftp://x\"\n",
        good.replace("where = \"", "where = \"("),
        good.clone() + "[rules.TG099]\n",
    ];
    for (n, bad) in bad.iter().enumerate() {
        change(&running, folder.path(), bad, "refused");
        let check =
            Command::new(tracego()).args(["config", "check"]).arg(path("tracego.toml")).output().unwrap();
        assert_eq!(check.status.code(), Some(2), "{bad}\n{check:?}");
        assert!(metrics(folder.path(), "/metrics").contains("tracego_config_current 0"));
        mark("refused", n + 1);
    }
    change(&running, folder.path(), &("ring-size = \"4M\"\n".to_owned() + &good), "taken");
    assert!(metrics(folder.path(), "/metrics").contains("tracego_config_current 1"));
    wait_until("all have arrived", || marks(&path("a")).len() == bad.len() + 1);
    running.terminate();
    let output = running.output();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    for words in ["pth", "'fil' is none", "is there twice", "endpoint", "where: ", "TG099", "ring-size"] {
        assert!(stderr.contains(words), "{words}: {stderr}");
    }
    assert_eq!(stderr.matches("the old one stays").count(), bad.len(), "{stderr}");
}

fn shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tracego.toml");
    fs::write(
        &file,
        "heartbeat = 5\n[[sinks]]\ntype = \"otlp\"\nheaders = { authorization = \"Bearer hush\" }\n",
    )
    .unwrap();
    let mut command = Command::new(tracego());
    command.args(["config", "show", "--json", "--", "--ring-size", "4M", "--config"]).arg(&file);
    let output = command.env("TRACEGO_UID", "7").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("hush"), "{text}");
    let shown: Value = serde_json::from_str(&text).unwrap();
    let options: BTreeMap<&str, (&str, &str)> = shown["options"]
        .as_array()
        .unwrap()
        .iter()
        .map(|option| {
            let text = |key: &str| option[key].as_str().unwrap_or_default();
            (text("name"), (option["values"][0].as_str().unwrap_or_default(), text("origin")))
        })
        .collect();
    assert_eq!(options["ring-size"], ("4M", "command line"));
    assert_eq!(options["uid"], ("7", "TRACEGO_UID"));
    assert_eq!(options["heartbeat"], ("5", "file"));
    assert_eq!(options["event"], ("execve", "default"));
    assert_eq!(shown["tables"]["sinks"][0]["type"], "otlp");
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
    // In any order: the chain says which comes first.
    let files = ["log", "log.1", "log.0", "log.2"].map(path);
    let verify = |files: &[std::path::PathBuf]| {
        let output = Command::new(tracego()).args(["verify-log", "--json"]).args(files).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, report) = verify(&files);
    assert_eq!(code, Some(0), "{report}");
    let (code, report) = verify(&files[..2]);
    assert_eq!(code, Some(1), "a file is missing: {report}");
    let all: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let found = |n: usize| all.iter().filter(|text| text.contains(&format!("\"sealed-{n}\""))).count();
    assert!((0..80).all(|n| found(n) == 1));
}
