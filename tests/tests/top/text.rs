//! Text for scripts.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::Stdio,
};

use crate::{RecordFile, Test, command, records, run, start};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a file is printed once", once),
    ("standard input is printed at its end", piped),
    ("compressed and rotated files are read", compressed),
    ("a file that grows is printed as it is", iterations),
    ("lines that are no records are named", unread),
    ("without a terminal there is a way out", no_terminal),
    ("what cannot be read is an error", missing),
    ("no control character comes through", hostile),
];

fn text(output: &std::process::Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn errors(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Checks what the text says about the captured session.
fn check(shown: &str) {
    for line in [
        "tracego top  host  recorded since 2026-11-25 02:11:46 (0s)",
        "Starts 17  now 17.0/s  1 min 17.0/s  alive 0  jobs 1, 0 running",
        "Findings 2 high",
        "Lost nothing",
        "The last record is of 2026-11-25 02:11:46: shown as of then",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    let words = |begin: &str| -> Vec<String> {
        let line =
            shown.lines().find(|line| line.contains(begin)).unwrap_or_else(|| panic!("{begin}: {shown}"));
        line.split_whitespace().map(str::to_owned).collect()
    };
    let job = [
        "42/1/build",
        "github",
        "0123456789ab",
        "17",
        "17.0",
        "17.0",
        "0",
        "0",
        "40M",
        "0s",
        "2",
        "high",
        "0",
    ];
    assert_eq!(words("42/1/build"), job);
    assert_eq!(words("/opt/go/bin/go "), ["/opt/go/bin/go", "3", "3.0", "3.0", "0"]);
    let finding = ["02:11:46", "high", "TG001", "go-run", "42/1/build", "go", "run", "./cmd/server"];
    assert_eq!(words("TG001"), finding);
}

fn once() {
    let file = RecordFile::new(&records());
    // A line that is still being written is none yet.
    file.append(b"{\"schema\":\"trac");
    let output = run(&["--once"], &[&file.path], b"");
    assert_eq!((output.status.code(), &*errors(&output)), (Some(0), ""));
    check(&text(&output));
}

fn piped() {
    for options in [&["--once"][..], &["--iterations", "1", "--interval", "1h"]] {
        let output = run(options, &[Path::new("-")], &records());
        assert_eq!((output.status.code(), &*errors(&output)), (Some(0), ""));
        check(&text(&output));
    }
}

fn compressed() {
    let all = records();
    let lines: Vec<&[u8]> = all.split_inclusive(|&byte| byte == b'\n').collect();
    let (first, second) = lines.split_at(lines.len() / 2);
    let folder = tempfile::tempdir().unwrap();
    let (older, newer) = (folder.path().join("records.json.1.gz"), folder.path().join("records.json"));
    let mut gzip =
        flate2::write::GzEncoder::new(fs::File::create(&older).unwrap(), flate2::Compression::fast());
    gzip.write_all(&first.concat()).unwrap();
    gzip.finish().unwrap();
    fs::write(&newer, second.concat()).unwrap();
    check(&text(&run(&["--once"], &[&older, &newer], b"")));
    fs::remove_file(&newer).unwrap();
    let output = run(&["-n", "3"], &[&older], b"");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output).matches("tracego top  host").count(), 1, "a compressed file does not grow");
}

fn iterations() {
    let file = RecordFile::new(start(10, "job-1", "make").as_bytes());
    let mut child = command()
        .args(["top", "--iterations", "100000", "--interval", "100ms"])
        .arg(&file.path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("job-1 ")));
    file.rotate();
    fs::write(&file.path, start(11, "job-2", "make")).unwrap();
    assert!(lines.any(|line| line.starts_with("job-2 ")));
    // Nobody reads any more: it ends, and that is no error.
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

fn unread() {
    let bad: String = (0..7).map(|n| format!("line {n}\n")).collect();
    let output = run(&["--once"], &[Path::new("-")], &[bad.as_bytes(), &records()].concat());
    assert_eq!(output.status.code(), Some(1));
    let text = text(&output);
    assert!(text.contains("7 lines that could not be read (standard input:7: no record"), "{text}");
    let errors = errors(&output);
    assert!(
        errors.contains("standard input:1: no record") && errors.contains("and 2 more lines"),
        "{errors}"
    );
}

fn no_terminal() {
    let file = RecordFile::new(&records());
    let output = run(&[], &[&file.path], b"");
    assert_eq!(output.status.code(), Some(2));
    let errors = errors(&output);
    assert!(
        errors.contains("no terminal") && errors.contains("--once") && errors.contains("tracego show"),
        "{errors}"
    );
    let output = run(&["--once", "--", "--no-such-option"], &[], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        self::errors(&output).contains("behind --: unexpected argument '--no-such-option'"),
        "{output:?}"
    );
    let output = run(&["--once", "--", "doctor"], &[], b"");
    assert_eq!(output.status.code(), Some(2));
}

fn missing() {
    let output = run(&["--once"], &[Path::new("/no/such/records.json")], b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("/no/such/records.json: No such file"), "{output:?}");
    let output = run(&["--once"], &[Path::new("-"), Path::new("-")], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("can only be alone"), "{output:?}");
}

fn hostile() {
    let texts =
        ["\u{1b}[2J\u{1b}[H", "\u{202e}gnp.exe", "\u{5d0}\u{5d1}", "a\nb\rc", "\u{9b}31m", "e\u{301}\u{301}"];
    let lines: String = (10..).zip(texts).map(|(pid, text)| start(pid, text, text)).collect();
    let output = run(&["--once"], &[Path::new("-")], lines.as_bytes());
    let text = text(&output);
    assert!(
        !text.contains(|c: char| (c.is_control() && c != '\n') || "\u{202e}\u{5d0}\u{301}".contains(c)),
        "{text}"
    );
    assert!(text.contains("\\u{1b}[2J") && text.contains("\\u{202e}gnp.exe"), "{text}");
}
