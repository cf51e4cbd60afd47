//! Records that were written before: one record, or the program starts of a log. Lean ones are made full.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use anyhow::{Context as _, bail};
use serde::Serialize;
use serde_json::{Deserializer, Value};
use tracego_deliver::detail::expansion::{Expander, MissingReferences};
use tracego_model::record::event_name;

/// Maximum size of a record in bytes; tracego's own are far smaller.
const MAX_RECORD: u64 = 4 << 20;
/// Maximum number of missing references that are named.
const NAMED_MAX: usize = 10;

/// Reads one record. Records that it refers to may stand before it.
pub(super) fn record(path: &Path) -> anyhow::Result<Value> {
    let mut text = String::new();
    let name = path.display();
    open(path)?.take(MAX_RECORD).read_to_string(&mut text).with_context(|| format!("cannot read {name}"))?;
    let mut expander = Expander::default();
    let mut last = None;
    for value in Deserializer::from_str(&text).into_iter() {
        let mut value: Value = value.with_context(|| format!("{name} is no JSON"))?;
        let done = expander.expand(&mut value);
        last = Some((value, done));
    }
    let Some((record, done)) = last else { bail!("{name} is no JSON: it is empty") };
    if record.pointer("/tracego/selected").is_some() {
        bail!("{name} lacks members that fields or drop left out; policies need whole records");
    }
    done.with_context(|| {
        format!("{name} is a lean record; put the records that it refers to before it, or use --detail full")
    })?;
    let is_start = record.get("event_name").is_some_and(|name| name == event_name::START);
    Ok(if is_start { without_exit(record) } else { record })
}

/// Returns a start without the exit that `--aggregate exits` told with it: no decision about a start can know that.
fn without_exit(mut start: Value) -> Value {
    for member in ["process", "tracego"] {
        if let Some(Value::Object(members)) = start.get_mut(member) {
            members.remove("exit");
        }
    }
    start
}

fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok(Box::new(BufReader::new(file)))
}

/// The counts of skipped lines of a log.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct SkippedLines {
    /// Number of records of other kinds, without those that lean records refer to.
    pub(super) others: u64,
    /// Number of lines that are not JSON objects, or too long.
    pub(super) unreadable: u64,
    /// Number of lean program starts that refer to records which the log does not have before them.
    #[serde(skip_serializing_if = "tracego_model::record::is_zero")]
    pub(super) incomplete: u64,
    /// First such records, by kind and id.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) missing: BTreeSet<String>,
}

impl SkippedLines {
    fn add_incomplete(&mut self, missing: MissingReferences) {
        self.incomplete += 1;
        let room = NAMED_MAX.saturating_sub(self.missing.len());
        self.missing.extend(missing.0.into_iter().take(room));
    }

    /// Returns the sentence about the lean starts that could not be made full, if there are any.
    pub(super) fn incomplete(&self) -> Option<String> {
        let names = self.missing.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        (self.incomplete > 0).then(|| {
            let count = self.incomplete;
            format!("not decided: {count} lean starts, because no earlier record gives what they refer to: {names}")
        })
    }
}

/// Calls a function for each program start of a log, until it returns false. Lean starts are made full; those that
/// cannot be are counted, and not passed on.
pub(super) fn starts(path: &Path, mut each: impl FnMut(Value) -> bool) -> anyhow::Result<SkippedLines> {
    let mut from = open(path)?;
    let mut passed = SkippedLines::default();
    let mut expander = Expander::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut from).take(MAX_RECORD).read_until(b'\n', &mut line);
        if read.with_context(|| format!("cannot read {}", path.display()))? == 0 {
            return Ok(passed);
        }
        if line.last() != Some(&b'\n') && line.len() as u64 == MAX_RECORD {
            from.skip_until(b'\n').with_context(|| format!("cannot read {}", path.display()))?;
            passed.unreadable += 1;
            continue;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let Some(mut record) = serde_json::from_slice::<Value>(&line).ok().filter(Value::is_object) else {
            passed.unreadable += 1;
            continue;
        };
        let expanded = expander.expand(&mut record);
        let name = record.get("event_name").and_then(Value::as_str).unwrap_or_default();
        if name != event_name::START {
            passed.others += u64::from(!event_name::REFERENCES.contains(&name));
            continue;
        }
        match expanded {
            Ok(()) if each(without_exit(record)) => {}
            Ok(()) => return Ok(passed),
            Err(missing) => passed.add_incomplete(missing),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const STREAM: &str = r#"{"event_name":"tracego.stream","host":{"id":"7","name":"h"},"service":{"name":"tracego"},
        "tracego":{"boot_id":"b","ref":{"stream":"aa"}}}"#;
    const START: &str = r#"{"event_name":"tracego.process.start","severity_number":9,"host":{"name":"h"},
        "process":{"pid":7,"parent_pid":1,"command_args":["ls","-l"],"executable":{"path":"/bin/ls"}},
        "tracego":{"exec_id":"b-1-7","ref":{"stream":"aa"},"exec":{}}}"#;

    fn file(records: &[&str]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lines: Vec<String> = records.iter().map(|record| record.replace('\n', "") + "\n").collect();
        fs::write(file.path(), lines.concat()).unwrap();
        file
    }

    #[test]
    fn a_policy_sees_the_full_record_of_a_lean_one() {
        let mut seen = Vec::new();
        let passed = starts(file(&[STREAM, START]).path(), |record| {
            seen.push(record);
            true
        });
        let passed = passed.unwrap();
        assert_eq!((passed.others, passed.incomplete, seen.len()), (0, 0, 1));
        assert_eq!(seen[0]["body"], "ls -l");
        assert_eq!(seen[0]["tracego"]["boot_id"], "b");
        assert_eq!(seen[0]["process"]["args_count"], 2);
        assert_eq!(record(file(&[STREAM, START]).path()).unwrap(), seen[0]);
    }

    #[test]
    fn a_start_that_has_its_exit_is_decided_about_without_it() {
        let exit = "\"exit\":{\"code\":6,\"time\":\"t\"},";
        let ended = START.replace("\"exec\":{}", "\"exec\":{},\"exit\":{\"signal\":6}");
        let ended = ended.replace("\"process\":{", &format!("\"process\":{{{exit}"));
        assert!(ended.contains("\"code\":6") && ended.contains("\"signal\":6"), "{ended}");
        let plain = record(file(&[STREAM, START]).path()).unwrap();
        assert_eq!(record(file(&[STREAM, &ended]).path()).unwrap(), plain);
        let passed = starts(file(&[STREAM, &ended]).path(), |record| {
            assert_eq!(record, plain);
            true
        });
        assert_eq!(passed.unwrap().others, 0);
    }

    #[test]
    fn a_lean_record_without_its_references_is_not_decided_about() {
        let passed = starts(file(&[START, STREAM, START]).path(), |_| false).unwrap();
        assert_eq!(passed.incomplete, 1);
        let said = passed.incomplete().unwrap();
        assert!(said.ends_with("refer to: tracego.stream aa"), "{said}");
        let error = format!("{:#}", record(file(&[START]).path()).unwrap_err());
        assert!(error.contains("--detail full: no earlier record gives tracego.stream aa"), "{error}");
    }

    #[test]
    fn a_record_that_lacks_members_is_not_decided_about() {
        let chosen = START.replace("\"exec\":{}", "\"selected\":true");
        let passed = starts(file(&[STREAM, &chosen, START]).path(), |_| true).unwrap();
        let said = passed.incomplete().unwrap();
        assert!(
            passed.incomplete == 1 && said.ends_with("the members that fields or drop left out"),
            "{said}"
        );
        let error = format!("{:#}", record(file(&[STREAM, &chosen]).path()).unwrap_err());
        assert!(
            error.ends_with("lacks members that fields or drop left out; policies need whole records"),
            "{error}"
        );
    }
}
