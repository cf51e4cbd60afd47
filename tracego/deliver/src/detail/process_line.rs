//! A process that a line of JSON began, and the record of it for another file.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracego_model::{
    record::{OtelSeverity, SCHEMA, SCHEMA_URL, event_name},
    text,
};

use super::reference::hash_of;

/// The parts of a line that began a process, of which its record is made.
#[derive(Debug, Deserialize)]
pub(super) struct BegunProcess {
    /// Kind of the line; empty once the facts are those of the process.
    event_name: Box<str>,
    timestamp: Box<str>,
    log: Log,
    seq: u64,
    process: Process,
    tracego: Own,
}

#[derive(Debug, Deserialize, Serialize)]
struct Log {
    record: LogRecord,
}

#[derive(Debug, Deserialize, Serialize)]
struct LogRecord {
    uid: Box<str>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Process {
    pid: u32,
    parent_pid: u32,
    creation: Creation,
    command: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    executable: Option<Executable>,
    #[serde(skip_serializing)]
    user: Option<User>,
    #[serde(skip_serializing_if = "Option::is_none")]
    real_user: Option<User>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Creation {
    time: Box<str>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Executable {
    path: Box<str>,
    name: Option<Box<str>>,
}

#[derive(Debug, Deserialize, Serialize)]
struct User {
    id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Box<str>>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Own {
    exec_id: Box<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_exec_id: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    in_tree: bool,
    /// Whether the line lacks members that were not chosen. The record that is made of it has all that it can have.
    #[serde(default, skip_serializing)]
    selected: bool,
}

/// The record of a process, in the order of its members.
#[derive(Serialize)]
struct ProcessLine<'a> {
    schema: &'static str,
    schema_url: &'static str,
    event_name: &'static str,
    timestamp: &'a str,
    observed_timestamp: &'a str,
    severity_number: u8,
    severity_text: &'static str,
    body: String,
    log: &'a Log,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a Value>,
    process: &'a Process,
    tracego: OwnLine<'a>,
}

#[derive(Serialize)]
struct OwnLine<'a> {
    boot_id: &'a str,
    #[serde(flatten)]
    own: &'a Own,
}

impl BegunProcess {
    /// Reads the facts from a line that began a process.
    pub(super) fn of(line: &[u8]) -> Option<Self> {
        let mut facts: Self = serde_json::from_slice(line).ok()?;
        let process = &mut facts.process;
        if let Some(file) = &mut process.executable {
            let name = file.path.rsplit('/').next().unwrap_or_default();
            file.name.get_or_insert_with(|| name.into());
        }
        let name = process.executable.as_ref().and_then(|file| file.name.as_deref());
        let is_selected = facts.tracego.selected;
        // A lean record leaves out what follows from other members. What an output was told to leave out follows from
        // nothing: without a name, the process is unknown, and a user who differs could have been left out.
        if is_selected && process.command.is_none() && name.is_none() {
            return None;
        }
        process.command.get_or_insert_with(|| text::task_name(name.unwrap_or_default()).into());
        process.real_user = process.real_user.take().or(process.user.take().filter(|_| !is_selected));
        if &*facts.event_name != event_name::PROCESS {
            facts.log.record.uid = of_process(&facts.log.record.uid)?;
        }
        facts.event_name = Box::default();
        Some(facts)
    }

    /// Returns the id of the process that forked it.
    pub(super) fn parent(&self) -> Option<&str> {
        self.tracego.parent_exec_id.as_deref()
    }

    /// Returns the line of the process; `origin`: a record of the same run, with its host and service.
    pub(super) fn line(&self, origin: Option<&Value>) -> Vec<u8> {
        let (severity_number, severity_text) = OtelSeverity::Info.parts();
        let boot_id = self.tracego.exec_id.rsplitn(3, '-').nth(2).unwrap_or_default();
        let line = ProcessLine {
            schema: SCHEMA,
            schema_url: SCHEMA_URL,
            event_name: event_name::PROCESS,
            timestamp: &self.timestamp,
            observed_timestamp: &self.timestamp,
            severity_number,
            severity_text,
            body: format!("{} runs", self.process.command.as_deref().unwrap_or_default()),
            log: &self.log,
            seq: self.seq,
            host: origin.and_then(|origin| origin.get("host")),
            service: origin.and_then(|origin| origin.get("service")),
            process: &self.process,
            tracego: OwnLine { boot_id, own: &self.tracego },
        };
        let mut bytes = serde_json::to_vec(&line).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

/// Returns the id of the record of a process, made from that of the record that began it: of the same millisecond, and
/// the same again for the same record.
fn of_process(uid: &str) -> Option<Box<str>> {
    /// Digits of Crockford's base 32, as in a ULID.
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let time = uid.get(..10)?;
    let hash = hash_of(&(event_name::PROCESS, uid));
    let digit = |n: u32| hash.checked_shr(5 * n).unwrap_or(0) as usize & 31;
    let rest = (0..16).map(|n| char::from(DIGITS[digit(n)]));
    Some(time.chars().chain(rest).collect::<String>().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_becomes_the_record_of_its_process() {
        let start = r#"{"schema":"tracego/2","event_name":"tracego.process.start","timestamp":"t",
            "log":{"record":{"uid":"01M8MR4GWND43T2V626FAHSHVX"}},"seq":12,
            "process":{"pid":2,"parent_pid":1,"creation":{"time":"c"},"command_args":["x"],
            "executable":{"path":"/usr/bin/x86_64-linux-gnu-gcc-12"},"user":{"id":0,"name":"root"}},
            "tracego":{"exec_id":"a-b-c-4-2","parent_exec_id":"a-b-c-3-1"}}"#;
        let facts = BegunProcess::of(start.as_bytes()).unwrap();
        let line = facts.line(Some(&serde_json::json!({"host": {"id": "h"}, "service": {"name": "s"}})));
        let record: Value = serde_json::from_slice(&line).unwrap();
        assert!(line.starts_with(b"{\"schema\":\"tracego/2\",\"schema_url\":\"") && line.ends_with(b"}}\n"));
        assert_eq!(record["event_name"], "tracego.process");
        assert_eq!(record["process"]["command"], "x86_64-linux-gn");
        assert_eq!(record["process"]["executable"]["name"], "x86_64-linux-gnu-gcc-12");
        assert_eq!(record["process"]["real_user"]["name"], "root");
        assert_eq!((&record["tracego"]["boot_id"], &record["host"]["id"]), (&"a-b-c".into(), &"h".into()));
        assert_eq!(record["tracego"]["parent_exec_id"], "a-b-c-3-1");
        let uid = record["log"]["record"]["uid"].as_str().unwrap();
        assert!(uid.len() == 26 && uid.starts_with("01M8MR4GWN") && uid != "01M8MR4GWND43T2V626FAHSHVX");
        // The record of a process stays as it is.
        let again = BegunProcess::of(&line).unwrap();
        assert_eq!(again.line(Some(&record)), line);
    }

    #[test]
    fn what_an_output_left_out_is_unknown_and_not_inferred() {
        let of = |process: &str, selected: &str| {
            let line = format!(
                r#"{{"schema":"tracego/2","event_name":"tracego.process.start","timestamp":"t",
                "log":{{"record":{{"uid":"01M8MR4GWND43T2V626FAHSHVX"}}}},"seq":12,
                "process":{{"pid":2,"parent_pid":1,"creation":{{"time":"c"}}{process}}},
                "tracego":{{"exec_id":"a-b-c-4-2"{selected}}}}}"#
            );
            let line = BegunProcess::of(line.as_bytes())?.line(None);
            Some(serde_json::from_slice::<Value>(&line).unwrap())
        };
        let selected = r#","selected":true"#;
        let path = r#","executable":{"path":"/bin/tool"}"#;
        let user = r#","user":{"id":0}"#;
        // Without a choice, the name follows from the executable, and the real user from the user.
        let whole = of(&format!("{path}{user}"), "").unwrap();
        assert_eq!(
            (&whole["process"]["command"], &whole["process"]["real_user"]["id"]),
            (&"tool".into(), &0.into())
        );
        let chosen = of(&format!("{path}{user}"), selected).unwrap();
        assert_eq!(chosen["process"]["command"], "tool");
        assert!(chosen["process"].get("real_user").is_none() && chosen["tracego"].get("selected").is_none());
        let chosen = of(&format!(r#"{user},"real_user":{{"id":7}},"command":"x""#), selected).unwrap();
        assert_eq!(
            (&chosen["process"]["command"], &chosen["process"]["real_user"]["id"]),
            (&"x".into(), &7.into())
        );
        assert!(chosen["process"].get("executable").is_none());
        assert!(of(user, selected).is_none());
    }
}
