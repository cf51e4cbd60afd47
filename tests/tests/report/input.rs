//! Files of records: full, lean, rotated, compressed, sealed, damaged, and of other formats.

use std::{fs, io::Write as _};

use flate2::{Compression, write::GzEncoder};

use crate::{CAPTURES, Test, capture, command, errors, replay, report, run, succeeded};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("input::lean_and_full_records_give_one_report", lean_and_full_records_give_one_report),
    ("input::starts_with_their_exits_give_the_same_report", starts_with_their_exits_give_the_same_report),
    ("input::the_order_and_the_compression_of_files_do_not_matter", order_and_compression_do_not_matter),
    ("input::a_line_that_is_no_record_is_named", a_line_that_is_no_record_is_named),
    ("input::a_file_that_ends_in_the_middle_is_named", a_file_that_ends_in_the_middle_is_named),
    ("input::another_format_names_the_way_out", another_format_names_the_way_out),
    ("input::seals_are_checked", seals_are_checked),
    ("input::the_exit_code_is_that_of_findings", the_exit_code_is_that_of_findings),
    ("input::one_job_is_reported_alone", one_job_is_reported_alone),
];

/// Returns a report without the numbers of records, which lean records have more of.
fn without_numbers(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with("| Complete |")).collect::<Vec<_>>().join("\n")
}

fn lean_and_full_records_give_one_report() {
    for name in CAPTURES {
        for format in ["markdown", "junit", "sarif", "chrome-trace"] {
            let [lean, full] = ["lean", "full"].map(|detail| {
                let records = replay(name, &["--output", "json", "--detail", detail]);
                report(&records, &["--format", format])
            });
            assert_eq!(without_numbers(&lean), without_numbers(&full), "{name} {format}");
            assert!(lean.len() > 100);
        }
    }
}

fn starts_with_their_exits_give_the_same_report() {
    for detail in ["lean", "full"] {
        let records = |more: &[&str]| {
            let mut command = command();
            command.arg("replay").arg(capture("go")).args([
                "-e",
                "execve,exit",
                "--output",
                "json",
                "--detail",
                detail,
            ]);
            succeeded(command.args(more))
        };
        let (apart, together) = (records(&[]), records(&["--aggregate", "exits"]));
        assert!(together.len() < apart.len());
        assert_eq!(
            without_numbers(&report(&together, &[])),
            without_numbers(&report(&apart, &[])),
            "{detail}"
        );
    }
}

fn order_and_compression_do_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    for detail in ["lean", "full"] {
        let records = replay("go", &["--output", "json", "--detail", detail]);
        let whole = report(&records, &[]);
        assert!(whole.contains("without a gap") && whole.contains("findings: 2 high"), "{whole}");
        let lines: Vec<&[u8]> = records.split_inclusive(|&byte| byte == b'\n').collect();
        let mut files = Vec::new();
        for (n, part) in lines.chunks(lines.len().div_ceil(3)).enumerate() {
            let path = folder.path().join(format!("{detail}.{n}"));
            if n == 1 {
                let mut gzip = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast());
                gzip.write_all(&part.concat()).unwrap();
                gzip.finish().unwrap();
            } else {
                fs::write(&path, part.concat()).unwrap();
            }
            files.push(path);
        }
        for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]] {
            let output = run(command().arg("report").args(order.map(|at| &files[at])), b"");
            assert!(output.status.success(), "{}", errors(&output));
            let text = String::from_utf8(output.stdout).unwrap();
            assert_eq!(without_numbers(&text), without_numbers(&whole), "{detail} {order:?}");
        }
    }
}

fn a_line_that_is_no_record_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.json");
    let mut records = replay("go", &["--output", "json"]);
    records.extend_from_slice(
        b"{\"schema\":\"tracego/2\",\"event_name\":\"tracego.process.start\",\"seq\":\"x\"}\n\n{}\n",
    );
    fs::write(&path, &records).unwrap();
    let output = run(command().arg("report").arg(&path), b"");
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    let lines = records.iter().filter(|&&byte| byte == b'\n').count();
    let named = format!("{}:{}: no record: ", path.display(), lines - 2);
    assert!(errors(&output).contains(&named), "{}", errors(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("**2 lines could not be read**") && text.contains("findings: 2 high"), "{text}");
    // Text of the line itself is in no message.
    let escape = [b"\x1b[31m{".repeat(9), b"\n".to_vec()].concat();
    let output = run(command().args(["report", "-"]), &escape);
    assert!(!errors(&output).contains('\u{1b}'), "{}", errors(&output));
}

fn a_file_that_ends_in_the_middle_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.json.gz");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&replay("go", &["--output", "json", "--detail", "full"])).unwrap();
    let bytes = gzip.finish().unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let missing = folder.path().join("missing.json");
    let output = run(command().arg("report").arg(&path).arg(&missing), b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains(&format!("{}:", path.display())), "{}", errors(&output));
    assert!(errors(&output).contains(&format!("{}: No such file", missing.display())), "{}", errors(&output));
    assert!(String::from_utf8(output.stdout).unwrap().contains("make ci"));
}

fn another_format_names_the_way_out() {
    for (format, name) in [
        ("ecs", "ECS"),
        ("ocsf", "OCSF"),
        ("cloudevents", "CloudEvents"),
        ("otlp-json", "OTLP"),
        ("cef", "CEF"),
    ] {
        let events = replay("go", &["--format", format, "--only-findings"]);
        for subcommand in ["report", "show"] {
            let output = run(command().args([subcommand, "-"]), &events);
            assert_eq!(output.status.code(), Some(1), "{format}");
            let errors = errors(&output);
            assert!(errors.contains("-:1: ") && errors.contains(name), "{format}: {errors}");
            assert!(errors.contains("--output json"), "{format}: {errors}");
        }
    }
}

fn seals_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.json");
    let sealed = replay("go", &["--output", "json", "--seal"]);
    let written = |records: &[u8]| {
        fs::write(&path, records).unwrap();
        let output = run(command().arg("report").arg(&path), b"");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().find(|line| line.starts_with("| Seal |")).unwrap().to_owned()
    };
    assert!(written(&sealed).contains("whole ("));
    let text = String::from_utf8(sealed.clone()).unwrap();
    let changed = text.replacen("\"./app\"", "\"./bpp\"", 1);
    assert_ne!(changed, text);
    assert!(written(changed.as_bytes()).contains("**damaged**"));
    assert!(written(&replay("go", &["--output", "json"])).contains("not sealed"));
    assert!(report(&sealed, &[]).contains("| Seal | not checked: standard input"));
}

fn the_exit_code_is_that_of_findings() {
    let records = replay("go", &["--output", "json"]);
    let code = |options: &[&str], records: &[u8]| {
        run(command().arg("report").args(options).arg("-"), records).status.code().unwrap()
    };
    assert_eq!(code(&[], &records), 0);
    assert_eq!(code(&["--fail-on", "high"], &records), 5);
    assert_eq!(code(&["--fail-on", "critical"], &records), 0);
    assert_eq!(code(&["--fail-on", "high"], &[&records[..], b"x\n"].concat()), 5);
    assert_eq!(code(&["--fail-on", "critical"], &[&records[..], b"x\n"].concat()), 1);
    assert_eq!(code(&["--update"], &records), 2);
    assert_eq!(code(&["--also", "markdown"], &records), 2);
    // Variables for records are none for reports.
    let mut command = command();
    command.env("TRACEGO_FORMAT", "ecs").env("TRACEGO_OUTPUT", "text").env("TRACEGO_MIN_SEVERITY", "high");
    assert_eq!(run(command.args(["report", "-"]), &records).status.code(), Some(0));
}

fn one_job_is_reported_alone() {
    let records = replay("job", &["--output", "json", "--detail", "full"]);
    let all = report(&records, &[]);
    let one = report(&records, &["--job", "1234/1/build"]);
    assert!(one.contains("`1234/1/build`") && one.len() < all.len(), "{one}");
    let output = run(command().args(["report", "--job", "x", "-"]), &records);
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("1234/1/build"), "{}", errors(&output));
}
