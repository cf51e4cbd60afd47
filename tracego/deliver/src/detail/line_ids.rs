//! The ids in a line of JSON: those that its record refers to, and those that it stands for. A line is untrusted.

use memchr::memmem;
use serde::Deserialize;
use tracego_model::record::{SCHEMA, event_name};

/// The kind of an id that records refer to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum IdKind {
    Stream,
    Job,
    Image,
    Confinement,
    Process,
}

impl IdKind {
    /// Returns the kinds of record that have the rest of a record with such an id.
    pub(crate) fn record(self) -> &'static str {
        match self {
            Self::Stream => event_name::STREAM,
            Self::Job => event_name::JOB,
            Self::Image => event_name::IMAGE,
            Self::Confinement => event_name::CONFINEMENT,
            Self::Process => event_name::PROCESS,
        }
    }
}

/// An id, and the member of the record that holds it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct LineId<'a> {
    pub(crate) kind: IdKind,
    pub(crate) member: &'static str,
    pub(crate) id: &'a str,
}

/// The members of a line that hold ids.
#[derive(Debug, Deserialize)]
pub(crate) struct LineIds<'a> {
    event_name: &'a str,
    #[serde(borrow)]
    tracego: Own<'a>,
}

#[derive(Debug, Deserialize)]
struct Own<'a> {
    #[serde(borrow, rename = "ref")]
    references: Option<References<'a>>,
    exec_id: Option<&'a str>,
    parent_exec_id: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
struct References<'a> {
    stream: Option<&'a str>,
    job: Option<&'a str>,
    image: Option<&'a str>,
    confinement: Option<&'a str>,
}

impl<'a> References<'a> {
    fn ids(&self) -> impl Iterator<Item = LineId<'a>> + use<'a> {
        [
            (IdKind::Stream, "tracego.ref.stream", self.stream),
            (IdKind::Job, "tracego.ref.job", self.job),
            (IdKind::Image, "tracego.ref.image", self.image),
            (IdKind::Confinement, "tracego.ref.confinement", self.confinement),
        ]
        .into_iter()
        .filter_map(|(kind, member, id)| Some(LineId { kind, member, id: id? }))
    }
}

impl<'a> LineIds<'a> {
    /// Parses a line. Returns `None` if it is no record.
    pub(crate) fn of(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// Reads the ids of a line that tracego itself has written, of which a lean one is not parsed in whole: its last
    /// member is found by its name, which no string can contain with its quotes.
    pub(crate) fn of_written(line: &'a [u8]) -> Option<Self> {
        Self::of_lean(line).or_else(|| Self::of(line))
    }

    fn of_lean(line: &'a [u8]) -> Option<Self> {
        const OWN: &[u8] = b",\"tracego\":";
        let rest = line.strip_prefix(b"{\"schema\":\"")?.strip_prefix(SCHEMA.as_bytes())?;
        let rest = rest.strip_prefix(b"\",\"event_name\":\"")?;
        let name = rest.get(..memchr::memchr(b'"', rest)?)?;
        let event_name = event_name::ALL.into_iter().find(|known| known.as_bytes() == name)?;
        let own = rest.get(memmem::find(rest, OWN)? + OWN.len()..)?;
        let own = own.strip_suffix(b"\n").unwrap_or(own).strip_suffix(b"}")?;
        Some(Self { event_name, tracego: serde_json::from_slice(own).ok()? })
    }

    fn is_reference(&self) -> bool {
        event_name::REFERENCES.contains(&self.event_name)
    }

    /// Whether the record begins the stream of a process in the output.
    fn is_begin(&self) -> bool {
        [event_name::START, event_name::FORK, event_name::PROCESS].contains(&self.event_name)
    }

    /// Returns the ids that the record stands for: records behind it may refer to it by them.
    pub(crate) fn given(&self) -> impl Iterator<Item = LineId<'a>> + use<'a> {
        let shared = self.tracego.references.as_ref().filter(|_| self.is_reference());
        let process = self.tracego.exec_id.filter(|_| self.is_begin());
        let process = process.map(|id| LineId { kind: IdKind::Process, member: "tracego.exec_id", id });
        shared.map(References::ids).into_iter().flatten().chain(process)
    }

    /// Returns the ids whose records must be ahead of this one. Only lean records have some.
    pub(crate) fn needed(&self) -> impl Iterator<Item = LineId<'a>> + use<'a> {
        let shared = self.tracego.references.as_ref().filter(|_| !self.is_reference());
        let itself = self.tracego.exec_id.filter(|_| shared.is_some() && !self.is_begin());
        let parent = self.tracego.parent_exec_id.filter(|_| shared.is_some());
        let process = [("tracego.exec_id", itself), ("tracego.parent_exec_id", parent)];
        let process = process
            .into_iter()
            .filter_map(|(member, id)| Some(LineId { kind: IdKind::Process, member, id: id? }));
        shared.map(References::ids).into_iter().flatten().chain(process)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids<'a>(ids: impl Iterator<Item = LineId<'a>>) -> Vec<(&'static str, &'a str)> {
        ids.map(|id| (id.member, id.id)).collect()
    }

    #[test]
    fn a_lean_line_has_the_ids_that_a_parser_of_all_of_it_finds() {
        let own = r#"{"exec_id":"e","ref":{"job":"j"},"parent_exec_id":"p","exec":{"filename":"\",\"tracego\":{"}}"#;
        let hostile = [
            r#"["a"]"#,
            r#"["\",\"tracego\":{\"exec_id\":\"x\"}"]"#,
            r#"[",","tracego",":{\"exec_id\":\"x\"}"]"#,
            r#"["x,\\","\"tracego\":"]"#,
        ];
        for args in hostile {
            let head = format!(r#"{{"schema":"{SCHEMA}","event_name":"{}","#, event_name::START);
            let line = format!(r#"{head}"process":{{"command_args":{args}}},"tracego":{own}}}"#);
            for line in [line.clone(), format!("{line}\n")] {
                let (quick, whole) =
                    (LineIds::of_lean(line.as_bytes()).unwrap(), LineIds::of(line.as_bytes()).unwrap());
                assert_eq!(ids(quick.given()), ids(whole.given()), "{line}");
                assert_eq!(ids(quick.needed()), ids(whole.needed()), "{line}");
                assert_eq!(ids(quick.needed()), [("tracego.ref.job", "j"), ("tracego.parent_exec_id", "p")]);
            }
            for line in [&line[..line.len() - 1], &format!("{line}}}"), &line.replace("start", "begin")] {
                assert!(LineIds::of_lean(line.as_bytes()).is_none(), "{line}");
            }
        }
    }

    #[test]
    fn only_lean_records_need_others_and_only_references_and_starts_are_needed() {
        let of = |name: &str, own: &str| format!(r#"{{"event_name":"{name}","tracego":{{{own}}}}}"#);
        let shared = r#""ref":{"stream":"s","job":"j"}"#;
        let process = r#""exec_id":"e","parent_exec_id":"p""#;
        for (name, own, given, needed) in [
            (event_name::JOB, r#""ref":{"job":"j"}"#.to_owned(), vec![("tracego.ref.job", "j")], vec![]),
            (event_name::PROCESS, process.to_owned(), vec![("tracego.exec_id", "e")], vec![]),
            (
                event_name::START,
                format!("{process},{shared}"),
                vec![("tracego.exec_id", "e")],
                vec![("tracego.ref.stream", "s"), ("tracego.ref.job", "j"), ("tracego.parent_exec_id", "p")],
            ),
            (
                event_name::EXIT,
                format!(r#""exec_id":"e",{shared}"#),
                vec![],
                vec![("tracego.ref.stream", "s"), ("tracego.ref.job", "j"), ("tracego.exec_id", "e")],
            ),
            // Full records.
            (event_name::START, r#""exec_id":"e""#.to_owned(), vec![("tracego.exec_id", "e")], vec![]),
            (event_name::EXIT, r#""exec_id":"e""#.to_owned(), vec![], vec![]),
        ] {
            let line = of(name, &own);
            let line = LineIds::of(line.as_bytes()).unwrap();
            assert_eq!((ids(line.given()), ids(line.needed())), (given, needed), "{name} {own}");
        }
        for line in ["", "{}", "[]", "{\"event_name\":1,\"tracego\":{}}", "nonsense"] {
            assert!(LineIds::of(line.as_bytes()).is_none(), "{line}");
        }
    }
}
