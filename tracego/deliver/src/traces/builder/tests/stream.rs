//! Records of made-up processes.

use std::{collections::BTreeMap, sync::Arc};
use tracego_golang::role::RoleConfidence;

use tracego_common::TaskId;
use tracego_model::{
    finding::{self, Finding, Severity},
    record::{
        At, Executable, Exit, ExitFacts, Instance, Log, Origin, OtelSeverity as RecordSeverity, Own, Process,
        SCHEMA, Service, Trace,
        go::{Go, GoCommand},
        job::{Context, Job as JobFacts, Root},
        lineage::{Line, Lineage},
        tree::Tree,
    },
};

use super::super::*;

pub(super) const SECOND: i64 = 1_000_000_000;
pub(super) const BOOT: &str = "b0071d00-1111-4222-8333-444455556666";

pub(super) fn exec_id(pid: u32) -> String {
    format!("{BOOT}-{:x}-{pid:x}", start_ns(pid))
}

pub(super) fn start_ns(pid: u32) -> u64 {
    u64::from(pid) * 1000
}

pub(super) fn at(seconds: i64) -> Time {
    Time(1_800_000_000 * SECOND + seconds * SECOND)
}

/// Stream of records: each is a second after the previous one.
#[derive(Default)]
pub(super) struct Stream {
    pub(super) now: i64,
    /// Parent of each process.
    pub(super) parents: BTreeMap<u32, u32>,
    pub(super) job: Option<(u32, &'static str)>,
    pub(super) in_tree: bool,
}

impl Stream {
    pub(super) fn of(job: Option<(u32, &'static str)>) -> Self {
        Self { job, ..Self::default() }
    }

    pub(super) fn line(&self, pid: u32) -> Arc<Line> {
        let up = self.parents.get(&pid).map(|&up| self.line(up));
        let id = TaskId { tgid: pid, pad: 0, start_boottime: start_ns(pid) };
        Line::below(up, Line { id, ..Line::default() })
    }

    pub(super) fn record(&mut self, event_name: &'static str, pid: u32) -> Record {
        self.now += 1;
        let (severity_number, severity_text) = RecordSeverity::Info.parts();
        let context = self.job.map(|(_, id)| {
            let cicd =
                vec![("pipeline.task.name", "build".to_owned()), ("pipeline.task.run.id", id.to_owned())];
            let vcs = Tree::new(vec![("ref.head.revision", "abc".to_owned())]);
            Arc::new(Context { cicd: Tree::new(cicd), vcs })
        });
        let facts = self.job.map(|(root, _)| {
            let root = (root != 0).then(|| Root { pid: root, exec_id: exec_id(root) });
            Arc::new(JobFacts { root, ..JobFacts::default() }.into())
        });
        let service = Service { name: "tracego", version: "0", instance: Instance { id: "run-1".into() } };
        Record {
            brief: None,
            brief_pod: None,
            is_lean: false,
            schema: SCHEMA,
            schema_url: SCHEMA_URL,
            event_name,
            timestamp: at(self.now),
            observed_timestamp: at(self.now),
            severity_number,
            severity_text,
            trace: None,
            body: String::new(),
            log: Log::default(),
            seq: 0,
            origin: Arc::new(Origin { service, ..Origin::default() }),
            process: Some(Box::new(Process {
                pid,
                parent_pid: self.parents.get(&pid).copied().unwrap_or(1),
                creation: At { time: at(self.now) },
                ..Process::default()
            })),
            context,
            container: None,
            k8s: None,
            tracego: Box::new(Own {
                boot_id: BOOT.into(),
                exec_id: Some(exec_id(pid)),
                ancestors: self.parents.get(&pid).map(|&up| Lineage(Some(self.line(up)))),
                job: facts,
                in_tree: self.in_tree,
                ..Own::default()
            }),
        }
    }

    pub(super) fn start(&mut self, pid: u32, up: u32, name: &str) -> Record {
        if up != 0 {
            self.parents.insert(pid, up);
        }
        let mut record = self.record(event_name::START, pid);
        if let Some(process) = &mut record.process {
            process.executable = Some(Executable {
                path: format!("/usr/bin/{name}"),
                name: name.to_owned(),
                build_id: None,
                elsewhere: false,
            });
            process.command_args = Some(vec![name.to_owned(), "-v".to_owned()]);
            process.args_count = Some(2);
        }
        record
    }

    pub(super) fn exit(&mut self, pid: u32, code: u32) -> Record {
        let mut record = self.record(event_name::EXIT, pid);
        let signal = (code > 128).then(|| code - 128);
        record.tracego.exit =
            Some(ExitFacts { signal, core_dumped: false, run_time_ns: 1, max_rss_bytes: 4096 });
        if let Some(process) = &mut record.process {
            process.exit = Some(Exit { code, time: record.timestamp });
        }
        record
    }

    pub(super) fn found(&mut self, pid: u32) -> Record {
        let mut record = self.record(event_name::FINDING, pid);
        record.tracego.findings = vec![a_finding()];
        record
    }
}

pub(super) fn a_finding() -> Finding {
    Finding {
        id: "TG001",
        name: "go-run",
        variant: None,
        severity: Severity::High,
        confidence: finding::Confidence::High,
        message: "go run builds".to_owned(),
        remedy: "Build once.",
        evidence: BTreeMap::new(),
        claimed: false,
        unenforced: None,
        by_arguments: false,
    }
}

pub(super) fn go(role: Role, command: u32, subcommand: &str) -> Option<Box<Go>> {
    Some(Box::new(Go {
        role: Some(role),
        confidence: Some(RoleConfidence::High),
        repeated: false,
        command: Some(GoCommand {
            exec_id: exec_id(command),
            pid: command,
            subcommand: subcommand.to_owned(),
            package: None,
            target: None,
            version: None,
        }),
        linker: None,
        build: None,
    }))
}

pub(super) fn traceparent(flags: &str) -> Option<Trace> {
    Some(Trace {
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
        span_id: "00f067aa0ba902b7".into(),
        trace_flags: flags.into(),
    })
}
