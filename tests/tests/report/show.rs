//! Records as text, the way the live output writes them.

use std::{
    fs::{self, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    process::Stdio,
};

use crate::{CAPTURES, Test, command, errors, hostile, replay, run};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("show::the_text_is_that_of_the_live_output", the_text_is_that_of_the_live_output),
    ("show::filters_choose_records", filters_choose_records),
    ("show::a_reference_that_dangles_is_named", a_reference_that_dangles_is_named),
    ("show::records_are_followed_across_a_rotation", records_are_followed_across_a_rotation),
    ("show::nothing_reaches_the_terminal_as_a_control_character", no_control_character),
];

fn show(records: &[u8], options: &[&str]) -> String {
    let output = run(command().arg("show").args(options).arg("-"), records);
    assert!(output.status.success(), "{}", errors(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn the_text_is_that_of_the_live_output() {
    for name in CAPTURES {
        for tree in [&[][..], &["--tree"]] {
            let live = String::from_utf8(replay(name, &[&["--output", "text"], tree].concat())).unwrap();
            for detail in ["lean", "full"] {
                let records = replay(name, &["--output", "json", "--detail", detail]);
                assert_eq!(show(&records, tree), live, "{name} {detail}");
            }
        }
    }
}

fn filters_choose_records() {
    let records = replay("go", &["--output", "json"]);
    let lines =
        |options: &[&str]| show(&records, options).lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let all = lines(&[]).len();
    assert_eq!(lines(&["--job", "42/1/build"]).len(), all);
    assert!(lines(&["--job", "43/1/build"]).is_empty());
    let severe = lines(&["--min-severity", "high"]);
    assert!(severe.len() == 10 && severe[0].contains("go run ./cmd/server"), "{severe:#?}");
    assert_eq!(lines(&["--since", "2026-11-25"]).len(), all);
    assert!(lines(&["--until", "2026-11-25T02:11"]).is_empty());
    let (early, late) =
        (lines(&["--until", "2026-11-25T02:11:46.7"]), lines(&["--since", "2026-11-25T02:11:46.7"]));
    assert!(early.len() + late.len() == all && early.len() > 3 && late.len() > 3);
    let output = run(command().args(["show", "--since", "yesterday", "-"]), b"");
    assert_eq!(output.status.code(), Some(2));
    let vets = lines(&["--where", "event_name == 'tracego.process.start' && process.command == 'vet'"]);
    assert_eq!(vets.len(), 2, "{vets:#?}");
    let output = run(command().args(["show", "--where", "process.", "-"]), &records);
    assert!(output.status.code() == Some(2) && errors(&output).contains("--where: "), "{output:?}");
}

fn a_reference_that_dangles_is_named() {
    let records = replay("go", &["--output", "json"]);
    let cut: Vec<u8> = records.split_inclusive(|&byte| byte == b'\n').skip(4).flatten().copied().collect();
    let output = run(command().args(["show", "-"]), &cut);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("no earlier record gives tracego.stream"), "{}", errors(&output));
    assert!(String::from_utf8(output.stdout).unwrap().contains("go run ./cmd/server"));
}

fn records_are_followed_across_a_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.json");
    let records = replay("go", &["--output", "json", "--detail", "full"]);
    let lines: Vec<&[u8]> = records.split_inclusive(|&byte| byte == b'\n').collect();
    fs::write(&path, lines[0]).unwrap();
    let mut command = command();
    let mut child = command.args(["show", "--follow"]).arg(&path).stdout(Stdio::piped()).spawn().unwrap();
    let mut shown = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || shown.next().unwrap().unwrap();
    assert_eq!(next(), "TIME         PID COMMAND");
    assert!(next().contains("make ci"));
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(&lines[1][..20]).unwrap();
    file.write_all(&lines[1][20..]).unwrap();
    assert!(next().contains("fork 10498 by 10497"));
    fs::rename(&path, folder.path().join("records.json.1")).unwrap();
    file.write_all(lines[2]).unwrap();
    fs::write(&path, lines[3]).unwrap();
    assert!(next().contains("ci.sh"));
    assert!(next().contains("fork 10499 by 10498"));
    child.kill().unwrap();
    child.wait().unwrap();
}

fn no_control_character() {
    let output = run(command().args(["show", "-"]), &hostile::records());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().count() > hostile::TEXTS.len());
    assert!(!text.contains(|c: char| c.is_control() && c != '\n') && !text.contains('\u{202e}'), "{text}");
}
