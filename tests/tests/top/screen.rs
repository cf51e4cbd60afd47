//! The screen in a terminal.

use std::{fs, process::Stdio};

use tracego_tests::{is_root, screen::TestScreen, tracego};

use crate::{RecordFile, Test, command, records, start};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("keys lead through the tables, and q restores the terminal", keys),
    ("another size is used", resized),
    ("a signal restores the terminal", signals),
    ("a suspended screen gives the terminal back, and comes again", suspended),
    ("what is recorded now appears, across a rotation", live),
    ("a paused screen stands still", paused),
    ("keys come from the terminal while records come from a pipe", piped),
    ("without colours there are none", no_colour),
    ("no text of a process moves the cursor", hostile),
    ("a tracego that cannot record says why", not_started),
];

const SIZE: (u16, u16) = (110, 30);

fn screen(file: &RecordFile) -> TestScreen {
    let mut command = command();
    command.args(["top", "--interval", "100ms"]).arg(&file.path);
    TestScreen::start(command, false, SIZE)
}

fn keys() {
    let file = RecordFile::new(&records());
    let mut screen = screen(&file);
    screen.wait_for("Starts 17");
    screen.wait_for("── Jobs 1/1 ─");
    screen.wait_for("The last record is of 2026-11-25 02:11:46");
    assert!(!screen.is_restored());
    screen.press("\r");
    screen.wait_for("Job 42/1/build");
    screen.wait_for("fix: Build once with go build");
    screen.press("\u{1b}");
    screen.wait_for("── Programs 1/9 ─");
    // Tab, arrows, and the order.
    screen.press("\t");
    screen.press("\u{1b}[B");
    screen.press("j");
    screen.wait_for("── Programs 3/9 ─");
    screen.press("s");
    screen.wait_for("ALIVE▾");
    screen.press("/vet");
    screen.wait_for("Filter: vet▏");
    screen.press("\r");
    screen.wait_for("── Programs 1/1 ─");
    screen.press("?");
    screen.wait_for("ten rows");
    screen.press("x");
    screen.press("q");
    assert_eq!(screen.end().code(), Some(0));
    assert!(!screen.text().contains("Programs"), "{}", screen.text());
}

fn resized() {
    let file = RecordFile::new(&records());
    let mut screen = screen(&file);
    screen.wait_for("MAX RSS");
    screen.resize((60, 16));
    // The emulator cuts what does not fit; the line of keys at the end comes from the program.
    screen.wait_until("columns without room are left out", |text| {
        let last = text.lines().last().unwrap_or_default();
        !text.contains("MAX RSS") && text.contains("STARTS") && last.starts_with("q quit")
    });
    screen.resize((1, 1));
    screen.resize(SIZE);
    screen.wait_for("MAX RSS");
    screen.press("\u{3}");
    assert_eq!(screen.end().code(), Some(0));
}

fn signals() {
    let file = RecordFile::new(&records());
    for number in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT] {
        let mut screen = screen(&file);
        screen.wait_for("Starts 17");
        screen.signal(number);
        assert_eq!(screen.end().code(), Some(0), "{number}");
    }
}

fn suspended() {
    let file = RecordFile::new(&records());
    let mut screen = screen(&file);
    for by_key in [true, false] {
        screen.wait_for("Starts 17");
        if by_key {
            screen.press("\u{1a}")
        } else {
            screen.signal(libc::SIGTSTP)
        }
        let stat = format!("/proc/{}/stat", screen.child.id());
        screen.wait_until("the process is stopped", |_| fs::read_to_string(&stat).unwrap().contains(") T "));
        screen.wait_until("the terminal is given back", |_| screen.is_restored());
        screen.signal(libc::SIGCONT);
        screen.wait_until("the terminal is taken again", |_| !screen.is_restored());
    }
    screen.wait_for("Starts 17");
    screen.press("q");
    assert_eq!(screen.end().code(), Some(0));
}

fn live() {
    let file = RecordFile::new(b"");
    let mut screen = screen(&file);
    screen.wait_for("Waiting for the first record");
    file.append(start(10, "job-1", "make").as_bytes());
    screen.wait_for("job-1");
    screen.wait_for("runner-7");
    file.rotate();
    fs::write(&file.path, start(11, "job-2", "make")).unwrap();
    screen.wait_for("job-2");
    screen.wait_for("Starts 2");
    screen.press("q");
    assert_eq!(screen.end().code(), Some(0));
}

fn paused() {
    let file = RecordFile::new(start(10, "job-1", "make").as_bytes());
    let mut screen = screen(&file);
    screen.wait_for("job-1");
    screen.press(" ");
    screen.wait_for("PAUSED");
    file.append(start(11, "job-2", "make").as_bytes());
    // Keys work; the state is the one of before.
    screen.press("\t");
    screen.press("?");
    screen.wait_for("ten rows");
    screen.press("x");
    screen.wait_for("Starts 1 ");
    screen.press(" ");
    screen.wait_for("job-2");
    screen.press("q");
    assert_eq!(screen.end().code(), Some(0));
}

fn piped() {
    let file = RecordFile::new(&records());
    let mut command = command();
    command.args(["top", "-"]).stdin(Stdio::from(fs::File::open(&file.path).unwrap()));
    let mut screen = TestScreen::start(command, true, SIZE);
    screen.wait_for("The input has ended");
    screen.wait_for("Starts 17");
    screen.press("\r");
    screen.wait_for("Job 42/1/build");
    screen.press("q");
    assert_eq!(screen.end().code(), Some(0));
}

/// Whether the bytes for a terminal set a colour.
fn has_colour(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let codes = text.split("\u{1b}[").skip(1).filter_map(|part| part.split_once('m'));
    let numbers = codes.flat_map(|(codes, _)| codes.split(';')).filter_map(|code| code.parse::<u32>().ok());
    numbers.into_iter().any(|code| matches!(code, 30..=38 | 40..=48 | 90..=107))
}

fn no_colour() {
    let file = RecordFile::new(&records());
    for (variable, wanted) in [("TRACEGO_TEST_NOTHING", true), ("NO_COLOR", false)] {
        let mut command = command();
        command
            .args(["-c", "export \"$0\"=1; exec \"$@\"", variable])
            .arg(tracego())
            .arg("top")
            .arg(&file.path);
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(command.get_args()).env("TRACEGO_CONFIG", "none");
        let mut screen = TestScreen::start(shell, false, SIZE);
        screen.wait_for("TG001");
        screen.press("q");
        screen.end();
        assert_eq!(has_colour(&screen.bytes()), wanted, "{variable}");
    }
}

fn hostile() {
    let texts = [
        "\u{1b}[2J\u{1b}[1;1HEVIL",
        "\u{202e}gnp.exe",
        "\u{5d0}\u{5d1}",
        "漢字漢字",
        "\u{9b}2J",
        "e\u{301}\u{301}",
    ];
    let lines: String = (10..).zip(texts).map(|(pid, text)| start(pid, text, text)).collect();
    let file = RecordFile::new(lines.as_bytes());
    let mut screen = screen(&file);
    screen.wait_for("漢字漢字");
    screen.wait_for("\\u{1b}[2J");
    let text = screen.text();
    assert!(text.starts_with("tracego top  runner-7"), "{text}");
    // Numbers stand below the titles of their columns, whatever stands to the left.
    let column = text.lines().find(|line| line.starts_with("JOB ")).unwrap().find("STARTS").unwrap();
    let cells = |line: &str| line.chars().map(|c| if "漢字".contains(c) { 2 } else { 1 }).sum::<usize>();
    let rows: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("JOB ")).skip(1).take(6).collect();
    for row in rows {
        let number = row.char_indices().find(|(at, _)| cells(&row[..*at]) == column + 5).map(|(_, c)| c);
        assert_eq!(number, Some('1'), "{row}\n{text}");
    }
    screen.press("q");
    assert_eq!(screen.end().code(), Some(0));
}

fn not_started() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(if is_root() { "setpriv" } else { "/usr/bin/env" });
    let program = folder.path().join("tracego");
    if is_root() {
        // In a folder that every user can enter: the build folder may be closed to others.
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::copy(tracego(), &program).unwrap();
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]).arg(&program);
    } else {
        command.arg(tracego());
    }
    command.arg("top").env("TRACEGO_CONFIG", "none");
    let mut screen = TestScreen::start(command, false, SIZE);
    assert_eq!(screen.end().code(), Some(3), "{}", screen.text());
    screen.wait_for("CAP_BPF is missing: run tracego as root");
}
