//! The number of inserts that a node makes: a table has a part on the disk to merge for each.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use tracego_tests::{remove_job, tracego};

use crate::{Test, deployed};

pub(crate) const TESTS: &[(&str, Test)] = &[(
    "25 starts a second are at most one insert in five seconds",
    twenty_five_starts_a_second_are_few_inserts,
)];

/// Answers the requests of a connection. Counts those that insert, and their rows.
fn serve(stream: TcpStream, inserts: &AtomicUsize, rows: &AtomicUsize) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut line, mut length, mut is_insert) = (String::new(), 0, false);
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            is_insert |= line.starts_with("POST /?query=INSERT");
            let lower = line.to_ascii_lowercase();
            length =
                lower.strip_prefix("content-length:").map_or(length, |number| number.trim().parse().unwrap());
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        if is_insert {
            let mut text = Vec::new();
            zstd::Decoder::new(&body[..]).unwrap().read_to_end(&mut text).unwrap();
            inserts.fetch_add(1, Ordering::Relaxed);
            rows.fetch_add(text.iter().filter(|&&byte| byte == b'\n').count(), Ordering::Relaxed);
        }
        reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()?;
    }
}

fn twenty_five_starts_a_second_are_few_inserts() {
    let (inserts, rows) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (counted, lines) = (Arc::clone(&inserts), Arc::clone(&rows));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (counted, lines) = (Arc::clone(&counted), Arc::clone(&lines));
            thread::spawn(move || serve(stream.unwrap(), &counted, &lines));
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sink.toml");
    let text = fs::read_to_string(deployed("clickhouse/sink.toml")).unwrap();
    fs::write(&file, text.replace("127.0.0.1:8123", &address)).unwrap();
    let starts = 550;
    let begun = Instant::now();
    let mut command = Command::new(tracego());
    command.arg("run").arg("--config").arg(&file).args(["--", "sh", "-c"]);
    command.arg(format!("i=0; while [ $i -lt {starts} ]; do /bin/sleep 0.04; i=$((i + 1)); done"));
    remove_job(&mut command);
    let output = command.output().unwrap();
    let seconds = begun.elapsed().as_secs();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (inserts, rows) = (inserts.load(Ordering::Relaxed), rows.load(Ordering::Relaxed));
    assert!(rows >= 2 * starts, "{rows} rows of {starts} starts and their exits");
    // A slower machine takes longer for the same starts, and may make as many more inserts. The last one is of the end.
    let most = usize::try_from(seconds / 5).unwrap() + 1;
    assert!((1..=most).contains(&inserts), "{inserts} inserts in {seconds} s");
}
