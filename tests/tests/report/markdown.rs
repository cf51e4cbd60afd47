//! The summary in Markdown, as GitHub's own parser and Mermaid read it.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::LazyLock,
};

use serde_json::{Value, json};
use tracego_model::text::printable;
use tracego_tests::python::{npm_package, script};

use crate::{CAPTURES, PYTHON, Test, command, hostile, replay, report, run, succeeded};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("markdown::a_summary_is_never_too_large", a_summary_is_never_too_large),
    ("markdown::the_summary_of_a_step_is_added_to", the_summary_of_a_step_is_added_to),
];

pub(crate) const READ: &[(&str, Test)] = &[
    ("markdown::no_text_of_a_process_is_markup", no_text_of_a_process_is_markup),
    ("markdown::every_command_is_readable", every_command_is_readable),
];

pub(crate) const CHARTED: &[(&str, Test)] = &[("markdown::every_bar_is_one", every_bar_is_one)];

/// The folder of Mermaid, or why it is unavailable.
pub(crate) static MERMAID: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let sha512 = "4113TdXeLAsMruJ79OpFL5O8+LTFXhQqZ260rF3tgUmiNAtRm4Uume04I+65PRN6yZ69J4f8rVYWW8zRk65UYw==";
    npm_package("mermaid", "12.3.0", sha512)
});

/// Elements that a summary may have. None has an attribute but the alignment of a column, and the language of a block.
const ELEMENTS: [&str; 17] = [
    "h2", "h3", "table", "thead", "tbody", "tr", "th", "td", "code", "p", "strong", "ul", "li", "pre",
    "details", "summary", "br",
];

fn page(text: &str) -> Value {
    let printed = script(PYTHON.as_ref().unwrap(), "report.py", &["markdown"], text.as_bytes());
    serde_json::from_slice(&printed).unwrap()
}

fn no_text_of_a_process_is_markup() {
    let mut summaries: Vec<String> =
        CAPTURES.iter().map(|name| report(&replay(name, &["--output", "json"]), &[])).collect();
    summaries.push(report(&hostile::records(), &[]));
    for text in summaries {
        let page = page(&text);
        for tag in page["tags"].as_array().unwrap() {
            let (name, attributes) = (tag[0].as_str().unwrap(), tag[1].as_array().unwrap());
            assert!(ELEMENTS.contains(&name), "{tag}");
            let known = |attribute: &Value| {
                attribute == "align" || (attribute == "lang" && name == "pre") || attribute == "class"
            };
            assert!(attributes.iter().all(known), "{tag}");
        }
        let prose = page["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap());
        let prose: String = prose.collect();
        // GitHub makes links of these, after the Markdown is read.
        assert!(!prose.contains("@octocat") && !prose.contains("#1"), "{prose}");
    }
}

fn every_command_is_readable() {
    let text = report(&hostile::records(), &[]);
    let page = page(&text);
    let codes: Vec<&str> =
        page["codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
    for hostile in hostile::TEXTS {
        let line = printable(&format!("tool {hostile}"));
        assert!(codes.contains(&line.as_str()), "{line:?} in {codes:#?}");
    }
    let slowest: Vec<&Value> =
        page["rows"].as_array().unwrap().iter().filter(|row| row[0] == "20 min 0 s").collect();
    assert_eq!(slowest.len(), hostile::TEXTS.len() + 1);
    assert!(slowest.iter().all(|row| row.as_array().unwrap().len() == 4), "{slowest:#?}");
}

fn every_bar_is_one() {
    let module = MERMAID.as_ref().unwrap().join("dist/mermaid.esm.min.mjs");
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("python/gantt.mjs");
    for records in [replay("go", &["--output", "json"]), hostile::records()] {
        let text = report(&records, &[]);
        let chart = text.split("```mermaid\n").nth(1).unwrap().split("```\n").next().unwrap();
        let bars = chart.lines().filter(|line| line.contains(" :")).count();
        assert!((5..=30).contains(&bars), "{chart}");
        let output =
            run(Command::new("node").arg(&script).arg(&module).stderr(Stdio::piped()), chart.as_bytes());
        assert!(output.status.success(), "{}: {chart}", String::from_utf8_lossy(&output.stderr));
        let read: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&read["type"], &read["links"]), (&json!("gantt"), &json!(0)));
        let tasks = read["tasks"].as_array().unwrap();
        assert_eq!(tasks.len(), bars, "{read:#}");
        for (task, line) in tasks.iter().zip(chart.lines().filter(|line| line.contains(" :"))) {
            assert!(line.trim_start().starts_with(task[0].as_str().unwrap().trim()), "{task} {line}");
            assert!(task[2].as_u64() > task[1].as_u64(), "{task}");
        }
    }
}

fn a_summary_is_never_too_large() {
    let mut lines = String::new();
    for n in 0..12_000 {
        let argument = format!("{n} | `{}`", "|".repeat(150));
        let record = json!({
            "schema": "tracego/2", "event_name": "tracego.process.start", "seq": n + 1,
            "timestamp": format!("2026-11-25T02:{:02}:{:02}Z", n / 60 % 60, n % 60), "body": argument,
            "process": {
                "pid": 1000 + n, "creation": { "time": "2026-11-25T02:00:00Z" }, "command": "tool",
                "command_args": ["tool", argument], "executable": { "path": "/bin/tool" },
            },
            "tracego": {
                "exec_id": format!("b-1-{n}"),
                "findings": [{ "id": "TG001", "name": "go-run", "severity": "low", "message": argument }],
            },
        });
        lines.push_str(&format!("{record}\n"));
    }
    let text = report(lines.as_bytes(), &[]);
    assert!((500_000..=900 << 10).contains(&text.len()), "{}", text.len());
    assert!(text.contains("findings: 10000 low") && text.contains("more of low TG001 go-run"), "no count");
    assert!(text.contains("2000 findings are not in this report"), "no count of findings");
    let more = text.lines().rev().find(|line| line.contains("more lines")).unwrap();
    let missing: usize = more.trim_start_matches("… and ").split(' ').next().unwrap().parse().unwrap();
    let shown = text.split("````text\n").nth(1).unwrap().split("````").next().unwrap().lines().count();
    assert_eq!(shown + missing, 12_000);
    assert!(text.trim_end().ends_with("</details>"));
}

fn the_summary_of_a_step_is_added_to() {
    let folder = tempfile::tempdir().unwrap();
    let [records, summary, junit] =
        ["records.json", "summary", "junit.xml"].map(|name| folder.path().join(name));
    fs::write(&records, replay("go", &["--output", "json"])).unwrap();
    let report = |options: &[&str]| {
        let mut command = command();
        command.env("GITHUB_STEP_SUMMARY", &summary).arg("report").args(options).arg(&records);
        succeeded(&mut command)
    };
    let (path, also) = (summary.display().to_string(), format!("junit={}", junit.display()));
    fs::write(&summary, "before\n").unwrap();
    assert!(report(&["--output", &path, "--also", &also]).is_empty());
    let text = fs::read_to_string(&summary).unwrap();
    assert!(text.starts_with("before\n## "), "{text}");
    assert!(fs::read_to_string(&junit).unwrap().starts_with("<?xml"));
    // Any other file is written anew, unless --append is given.
    let other = folder.path().join("other").display().to_string();
    let once = text.len() - "before\n".len();
    for (options, times) in [(&[][..], 1), (&[], 1), (&["--append"], 2)] {
        report(&[options, &["--output", &other]].concat());
        assert_eq!(fs::read(&other).unwrap().len(), once * times, "{options:?}");
    }
    // GitHub refuses a summary of more than 1 MiB.
    fs::write(&summary, vec![b'x'; (1 << 20) - 1500]).unwrap();
    report(&["--output", &path]);
    assert!(fs::metadata(&summary).unwrap().len() <= 1 << 20);
}
