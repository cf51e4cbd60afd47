//! The golden records of a real session as a timeline.

use std::collections::HashMap;

use serde_json::Value;
use tracego_report::html::{Exit, FindingEntry, ProcessEntry, TimelineBuilder, TimelineData};

const RECORDS: &str = include_str!("../../golden/go.json");

/// Returns the job of `golden/go.capture`.
pub(crate) fn golden_job() -> TimelineData {
    let records = tracego_tests::records(RECORDS);
    let starts: Vec<_> =
        records.iter().filter(|record| record["event_name"] == "tracego.process.start").collect();
    let first = nanoseconds(&starts[0]["timestamp"]);
    let mut builder = TimelineBuilder::new();
    let mut latest: HashMap<u64, u32> = HashMap::new();
    for record in &records {
        let process = &record["process"];
        let at = nanoseconds(&record["timestamp"]) - first;
        let pid = process["pid"].as_u64().unwrap();
        match record["event_name"].as_str().unwrap() {
            "tracego.process.start" => {
                let ancestors = record["tracego"]["ancestors"].as_array().into_iter().flatten();
                let parent = ancestors
                    .filter_map(|ancestor| ancestor["pid"].as_u64())
                    .find_map(|pid| latest.get(&pid));
                let arguments: Vec<&str> = tracego_tests::args(record);
                let index = builder.process(&ProcessEntry {
                    parent: parent.copied(),
                    start: at,
                    command: &arguments.join(" "),
                    executable: text(&process["executable"]["path"]),
                    directory: text(&process["working_directory"]),
                    user: text(&process["user"]["name"]),
                    pid: u32::try_from(pid).unwrap(),
                    role: text(&record["tracego"]["go"]["role"]),
                    ..ProcessEntry::default()
                });
                latest.insert(pid, index);
                add_findings(&mut builder, index, record);
            }
            "tracego.process.exit" => {
                let code = process["exit"]["code"].as_u64().and_then(|code| u8::try_from(code).ok());
                if let Some(&index) = latest.get(&pid) {
                    builder.end(index, Some(at), code.map_or(Exit::Unknown, Exit::Code));
                }
            }
            _ => {}
        }
    }
    let mut data = builder.finish();
    let (job, vcs) = (&starts[0]["cicd"]["pipeline"], &starts[0]["vcs"]);
    text(&job["task"]["name"]).clone_into(&mut data.job.name);
    text(&job["task"]["run"]["id"]).clone_into(&mut data.job.id);
    text(&job["run"]["url"]["full"]).clone_into(&mut data.job.url);
    text(&vcs["ref"]["head"]["revision"]).clone_into(&mut data.job.commit);
    text(&vcs["ref"]["head"]["name"]).clone_into(&mut data.job.branch);
    text(&vcs["repository"]["url"]["full"]).clone_into(&mut data.job.repository);
    text(&starts[0]["timestamp"]).clone_into(&mut data.start);
    data
}

fn add_findings(builder: &mut TimelineBuilder, process: u32, record: &Value) {
    for finding in record["tracego"]["findings"].as_array().into_iter().flatten() {
        let evidence = finding["evidence"].as_object().into_iter().flatten();
        let evidence: Vec<_> = evidence.map(|(name, value)| (name.as_str(), text(value))).collect();
        builder.finding(&FindingEntry {
            process: Some(process),
            id: text(&finding["id"]),
            name: text(&finding["name"]),
            severity: text(&finding["severity"]).parse().unwrap(),
            message: text(&finding["message"]),
            remedy: text(&finding["remedy"]),
            evidence: &evidence,
            place: None,
        });
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Returns the nanoseconds of the day; the session does not reach into the next one.
fn nanoseconds(time: &Value) -> i64 {
    let (_, clock) = text(time).trim_end_matches('Z').split_once('T').unwrap();
    let (seconds, fraction) = clock.split_once('.').unwrap();
    let number = |text: &str| text.parse::<i64>().unwrap();
    let seconds = seconds.split(':').fold(0, |sum, part| sum * 60 + number(part));
    seconds * 1_000_000_000 + number(&format!("{fraction:0<9}"))
}
