//! Sample records to convert: from captured sessions, and synthetic ones in which every attribute has a value
//! of its own.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

use tracego_analyze::enrich::Enricher;
use tracego_common::{TaskId, event::Rlimit, verdict::Action};
use tracego_golang::{Inconsistency, Linkage, Module, role};
use tracego_model::{
    capture::CaptureReader,
    clock::Time,
    counters::Counters,
    event::pieces::Assembler,
    finding::{Confidence, Finding, Severity, Unenforced},
    host::{HostFacts, HostIdSource},
    input::{
        Input,
        digest::Sha256Digest,
        fsverity::{FsverityAlgorithm, FsverityDigest},
    },
    ledger::Ledger,
    linux::users::User,
    provenance::{Provenance, ProvenanceSource, ProvenanceVerdict},
    record::{
        At, Completeness, Container, ExecError, Executable, Exit, ExitFacts, Host, Instance, K8s, Leader,
        LinuxCgroup, Log, LogRecord, Origin, Own, Process, Record, SCHEMA, SCHEMA_URL, Service, SinkCounts,
        Trace,
        configuration::{ConfigurationFile, ConfigurationReport, PolicySource},
        enforcement::{AFTER_START, BEFORE_START, Enforcement, EnforcementDecision},
        event_name,
        exact_number::ExactNumber,
        frozen::Frozen,
        go::{Go, GoCommand, GoLinker, LinkOrigin},
        image::{BuildId, GoBuild, GoModule, GoVcs, Language, Linked},
        inventory::{InventoryReport, SkippedProcesses, UnreadProcesses},
        job::{Changed, CommitClaim, Context, Contradiction, Job, OpenedBy, Root, Source, Sourced, Trust},
        kubernetes::{self, ContainerImage, Named, Pod, PodReport, Runtime},
        lineage::{Line, Lineage},
        linux::{
            Audit, Capabilities, CgroupNode, ExecCall, ExecutableDigest, ExecutableFile, Namespaces,
            Pathless, Rlimits,
        },
        parent::ParentProcess,
        policy::{self, Identity, Violation},
        reference::{ImageContents, ImageFacts, References},
        tree::Tree,
    },
};

/// Returns the records of a capture file.
///
/// # Panics
/// Panics if it is damaged.
#[must_use]
pub fn replayed(path: &Path) -> Vec<Record> {
    let bytes = fs::read(path).unwrap();
    let mut reader = CaptureReader::new(&bytes[..]).unwrap();
    let mut enricher = Enricher::new(reader.meta());
    let mut assembler = Assembler::default();
    let mut records = Vec::new();
    while let Some(input) = reader.next_input().unwrap() {
        match input {
            Input::Seed(seeds, reading) => {
                enricher.set_clock(reading);
                enricher.seed(&seeds);
            }
            Input::Batch(batch) => {
                enricher.set_clock(batch.clock);
                for decoded in batch.decode() {
                    let event = assembler.take(decoded.event.unwrap());
                    let enriched = event.and_then(|event| enricher.record(&event, decoded.note.as_ref()));
                    records.extend(enriched.map(|enriched| enriched.record));
                }
            }
            _ => {}
        }
    }
    records
}

/// Returns the records of all capture files in `tests/golden`.
///
/// # Panics
/// Panics if a file is damaged.
#[must_use]
pub fn captured() -> Vec<Record> {
    let all = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")).unwrap();
    let mut paths: Vec<_> = all.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "capture"));
    paths.sort();
    let records: Vec<_> = paths.iter().flat_map(|path| replayed(path)).collect();
    assert!(records.len() > 40, "{} records", records.len());
    records
}

/// Returns a time that is far from every other one.
fn time(n: i64) -> Time {
    Time(1_800_000_000_123_456_789 + n * 3_600_111_222_333)
}

fn line(n: u32, up: Option<Arc<Line>>) -> Arc<Line> {
    let line = Line {
        id: TaskId { tgid: 71_000 + n, start_boottime: 5_000_111 + u64::from(n), ..TaskId::default() },
        created: time(10 + i64::from(n)),
        command: format!("ancestor-{n}"),
        executable: format!("/usr/bin/ancestor-path-{n}").into(),
        ..Line::default()
    };
    Line::below(up, line)
}

fn user(n: u32, name: &str) -> User {
    User { id: 81_000 + n, name: Some(name.into()) }
}

fn origin() -> Arc<Origin> {
    Arc::new(Origin {
        host: Host { id: "0123456789abcdef0123456789abcdef".into(), name: "machine-7.example".into() },
        service: Service {
            name: "tracego",
            version: env!("CARGO_PKG_VERSION"),
            instance: Instance { id: "1c2d3e4f-0000-4000-8000-00000000cafe".into() },
        },
    })
}

/// Returns a record identifier that no captured record has.
fn uid(n: u32) -> String {
    format!("01M86DXY4FZZZZZZZZ{n:08}")
}

/// Returns a minimal record of any kind; the number determines id, position and time.
#[must_use]
pub fn minimal(event_name: &'static str, n: u32) -> Record {
    Record {
        schema: SCHEMA,
        schema_url: SCHEMA_URL,
        event_name,
        timestamp: time(i64::from(n)),
        observed_timestamp: Time(time(i64::from(n)).0 + 9_876_543),
        severity_number: 9,
        severity_text: "INFO",
        trace: None,
        body: format!("body of record {n}"),
        log: Log { record: LogRecord { uid: uid(n) } },
        seq: 900_000 + u64::from(n),
        origin: origin(),
        process: None,
        context: None,
        container: None,
        k8s: None,
        tracego: Box::new(Own { boot_id: "b0071d00-1111-4222-8333-444455556666".into(), ..Own::default() }),
        brief: None,
        brief_pod: None,
        is_lean: false,
    }
}

fn process() -> Process {
    Process {
        pid: 61_001,
        parent_pid: 71_001,
        creation: At { time: time(5) },
        command: "task-name".into(),
        real_user: Some(user(2, "real-user")),
        executable: Some(Executable {
            path: "/opt/shop/bin/server-binary".into(),
            name: "server-binary".into(),
            build_id: None,
            elsewhere: false,
        }),
        ..Process::default()
    }
}

fn context() -> Arc<Context> {
    let tree = |pairs: &[(&'static str, &str)]| {
        Tree::new(pairs.iter().map(|&(name, value)| (name, value.to_owned())).collect())
    };
    Arc::new(Context {
        cicd: tree(&[
            ("pipeline.name", "deploy-pipeline"),
            ("pipeline.run.id", "run-4711"),
            ("pipeline.task.name", "build-task"),
            ("pipeline.task.run.id", "job-456789"),
            ("system.component", "gitlab-system"),
        ]),
        vcs: tree(&[
            ("ref.head.name", "branch-main"),
            ("ref.head.revision", "0123456789abcdef0123456789abcdef01234567"),
            ("repository.url.full", "https://git.example/o/repo"),
        ]),
    })
}

fn job() -> Arc<Frozen<Job>> {
    let job = Job {
        opened_by: Some(OpenedBy::Ancestor),
        vouched: Vec::new(),
        root: Some(Root { pid: 62_001, exec_id: "root-exec-id".into() }),
        sources: vec![Sourced {
            attribute: "cicd.pipeline.task.run.id",
            source: Source::Environment,
            variable: "CI_JOB_ID",
            trust: Some(Trust::Protected),
        }],
        pod: Some("9b2c8d3e-1111-4222-8333-777788889999".into()),
        contradictions: vec![Contradiction {
            attribute: "cicd.pipeline.run.id",
            environment: "run-of-the-environment".into(),
            pod: "run-of-the-pod".into(),
            source: Source::PodLabel,
            variable: "example.com/run",
            trust: Trust::Claimed,
        }],
        changed: vec![Changed {
            attribute: "vcs.ref.head.revision",
            claimed: "claimed-revision".into(),
            expected: "expected-revision".into(),
            source: Source::Inherited,
        }],
        dropped: vec!["cicd.worker.id"],
        commits: vec![CommitClaim {
            revision: "fedcba9876543210fedcba9876543210fedcba98".into(),
            variable: "SYSTEM_PULLREQUEST_SOURCECOMMITID",
        }],
        change: true,
    };
    Arc::new(job.into())
}

/// Returns a pod with every attribute that it can have.
fn pod() -> K8s {
    let named = |name: &str| Some(Named { name: name.into() });
    K8s {
        pod: Pod {
            uid: "8a1b7c2d-1111-4222-8333-777788889999".into(),
            name: Some("name-of-pod".into()),
            label: BTreeMap::from([("app.example/label-key".into(), "label-value".into())]),
            annotation: BTreeMap::from([("app.example/annotation-key".into(), "annotation-value".into())]),
        },
        namespace: named("name-of-namespace"),
        node: named("name-of-node"),
        container: named("name-of-container"),
        deployment: named("name-of-deployment"),
        replicaset: named("name-of-replicaset"),
        statefulset: named("name-of-statefulset"),
        daemonset: named("name-of-daemonset"),
        job: named("name-of-job"),
        cronjob: named("name-of-cronjob"),
    }
}

/// Returns a finding of a severity; the number determines the rest.
#[must_use]
pub fn finding(n: usize, severity: Severity) -> Finding {
    Finding {
        id: ["TG001", "TG002", "TG003"][n % 3],
        name: ["go-run", "no-pidfile", "low-nofile"][n % 3],
        variant: Some(["variant-one", "variant-two", "variant-three"][n % 3]),
        severity,
        confidence: if n.is_multiple_of(2) { Confidence::High } else { Confidence::Medium },
        message: format!("message of finding {n}"),
        remedy: "remedy of the finding",
        evidence: BTreeMap::from([("process.executable.path", format!("evidence {n}"))]),
        claimed: true,
        unenforced: Some(Unenforced::OutsideOfJobs),
        by_arguments: false,
    }
}

/// Returns a start record with every attribute that it can have.
///
/// # Panics
/// Never.
#[must_use]
pub fn start() -> Record {
    let mut record = minimal(event_name::START, 1);
    let variables = BTreeMap::from([
        (Arc::from("CI_JOB_ID"), "job-variable".to_owned()),
        (Arc::from("GIT_COMMIT"), "commit-variable".to_owned()),
    ]);
    record.trace = Some(Trace {
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
        span_id: "00f067aa0ba902b7".into(),
        trace_flags: "01".into(),
    });
    record.process = Some(Box::new(Process {
        vpid: Some(63_001),
        command_args: Some(vec![
            "./server".into(),
            "--name=it's \"quoted\" | a=b\\c".into(),
            "zwei\nZeilen\t\u{1b}[31m".into(),
            String::new(),
            "ünïcode \u{2028} \u{10ffff}".into(),
        ]),
        args_count: Some(64_001),
        working_directory: Some("/srv/working folder".into()),
        user: Some(user(1, "effective-user")),
        saved_user: Some(user(3, "saved-user")),
        group_leader: Some(Leader { pid: 65_001 }),
        session_leader: Some(Leader { pid: 66_001 }),
        interactive: Some(true),
        linux: Some(LinuxCgroup { cgroup: "/kubepods/pod-cgroup".into() }),
        environment_variable: Some(Arc::new(variables.into())),
        executable: Some(Executable {
            build_id: Some(Arc::new(Frozen::from(BuildId {
                htlhash: "a1b2c3d4e5f60718293a4b5c6d7e8f90".into(),
                gnu: Some("c0ffee00c0ffee00".into()),
                go: Some("go-build-id/xyz".into()),
            }))),
            ..process().executable.unwrap()
        }),
        runtime: Some(Arc::new(Frozen::from(Language { name: "go", version: "go1.27.3".into() }))),
        ..process()
    }));
    record.context = Some(context());
    record.container = Some(Container {
        id: "feedfacefeedfacefeedfacefeedfacefeedfacefeedfacefeedfacefeedface".into(),
        runtime: Some(Runtime { name: "containerd" }),
        image: Some(Arc::new(
            ContainerImage {
                name: "registry.example/builder".into(),
                tags: vec!["tag-of-image".into()],
                repo_digests: vec!["registry.example/builder@sha256:4242".into()],
                id: Some("sha256:id-of-image".into()),
            }
            .into(),
        )),
    });
    record.k8s = Some(Arc::new(pod().into()));
    let mut limits = [Rlimit::default(); 16];
    for (n, limit) in (1_u64..).zip(&mut limits) {
        *limit = Rlimit { soft: 1_000_000 + n, hard: 2_000_000 + n };
    }
    limits[0] = Rlimit { soft: u64::MAX, hard: u64::MAX };
    limits[1] = Rlimit { soft: u64::MAX - 1, hard: u64::MAX - 2 };
    record.tracego = Box::new(Own {
        exec_id: Some("b0071d00-1111-4222-8333-444455556666-1234-ee49".into()),
        ancestors: Some(Lineage(Some(line(1, Some(line(2, Some(line(3, None)))))))),
        parent: Some(ParentProcess {
            command_args: ["make-parent", "--of=4711", "cut…"].map(str::to_owned).into(),
        }),
        reparented: true,
        executable: Some(ExecutableFile {
            inode: ExactNumber(67_000_001),
            device: "253:4711".into(),
            ctime: Some(time(6)),
            mode: "100755".into(),
            owner_id: 68_001,
            deleted: true,
            memfd: true,
            pathless: Some(Pathless::Memfd),
            unread: Some("why-not-read"),
            digest: Some(ExecutableDigest {
                sha256: Some(Sha256Digest([0xd1; 32])),
                state: Some("state-of-digest"),
            }),
            fsverity: FsverityDigest::new(FsverityAlgorithm::Sha256, &[0xd4; 32]),
            claims: vec!["process.runtime", "tracego.go.build"],
        }),
        elf: Some(Arc::new(Frozen::from(Linked {
            linkage: Linkage::Dynamic,
            interpreter: Some("/lib64/ld-linux-x86-64.so.2".into()),
            pie: true,
            stripped: true,
            debug: true,
            packer: None,
            image: None,
            damage: Vec::new(),
        }))),
        go: Some(Box::new(Go {
            role: Some(role::Role::GoRunChild),
            confidence: Some(role::RoleConfidence::High),
            repeated: true,
            command: Some(GoCommand {
                exec_id: "go-command-exec-id".into(),
                pid: 69_001,
                subcommand: "run".into(),
                package: Some("example.com/package".into()),
                target: Some("pinned"),
                version: Some("v1.2.3".into()),
            }),
            linker: Some(GoLinker {
                exec_id: "exec-id-of-the-linker".into(),
                pid: 4_001,
                origin: LinkOrigin::BuildSystem,
                confidence: Confidence::Medium,
            }),
            build: Some(Arc::new(Frozen::from(GoBuild {
                path: "example.com/shop/cmd/server".into(),
                module: Some(GoModule {
                    path: "example.com/shop".into(),
                    version: "v9.8.7".into(),
                    sum: "h1:sum".into(),
                }),
                vcs: Some(GoVcs {
                    name: Some("git".into()),
                    revision: Some("fedcba9876543210fedcba9876543210fedcba98".into()),
                    time: Some("2026-11-24T09:24:28Z".into()),
                    modified: Some(true),
                }),
                dependencies: 12_345,
                replaced: 54_321,
                trimpath: true,
                cgo: Some(true),
                race: true,
                buildmode: Some("pie-buildmode".into()),
                ldflags: Some("-s -w -X main.version=1".into()),
                tags: vec!["netgo".into(), "osusergo".into()],
                inconsistent: vec![Inconsistency::Version, Inconsistency::Modules],
            }))),
        })),
        working_directory_deleted: true,
        exec: Some(ExecCall {
            filename: "./server-filename".into(),
            interpreter: Some("/bin/interpreter".into()),
            thread_id: Some(61_009),
            syscall: Some("execveat"),
            args_bytes: Some(70_001),
            env_count: Some(70_002),
            env_bytes: Some(70_003),
        }),
        audit: Some(Audit { login_user_id: Some(82_001), session_id: Some(82_002) }),
        tty: Some("136:4242".into()),
        seccomp: Some("filter"),
        no_new_privs: Some(true),
        capability: Some(Arc::new(Frozen::from(Capabilities {
            effective: "000001fffeffffff".into(),
            permitted: "000001fffeffff01".into(),
            inheritable: "000001fffeffff02".into(),
            bounding: "000001fffeffff03".into(),
            ambient: "000001fffeffff04".into(),
        }))),
        rlimit: Some(Arc::new(Frozen::from(Rlimits(limits)))),
        namespace: Some(Namespaces { pid: 4_026_530_001, mnt: 4_026_530_002, user: 4_026_530_003 }),
        cgroup: Some(CgroupNode { id: ExactNumber(77_000_001), version: 2 }),
        unit: Some("shop-unit.service".into()),
        job: Some(job()),
        in_tree: true,
        completeness: Completeness {
            truncated: vec!["process.command_args"],
            unavailable: vec!["process.user"],
            redacted: 83_001,
            redacted_attributes: vec!["process.working_directory".to_owned()],
            bytes: BTreeMap::from([("process.command_args[1]".to_owned(), "YmFzZTY0".to_owned())]),
        },
        ..*record.tracego
    });
    record
}

/// Returns a start record with these findings and the severity that follows from them.
#[must_use]
pub fn start_with_findings(findings: Vec<Finding>) -> Record {
    let worst = findings.iter().map(|finding| finding.severity).max();
    let (severity_number, severity_text) = match worst {
        None => (9, "INFO"),
        Some(Severity::Low | Severity::Medium) => (13, "WARN"),
        Some(Severity::High) => (17, "ERROR"),
        Some(Severity::Critical) => (21, "FATAL"),
    };
    let mut record = start();
    record.tracego.findings = findings;
    Record { severity_number, severity_text, ..record }
}

/// Returns the record of a process that was ended by a signal.
#[must_use]
pub fn exit() -> Record {
    let mut record = minimal(event_name::EXIT, 2);
    record.process = Some(Box::new(Process { exit: Some(Exit { code: 139, time: time(7) }), ..process() }));
    record.tracego.exec_id = Some("exit-exec-id".into());
    record.tracego.exit = Some(ExitFacts {
        signal: Some(11),
        core_dumped: true,
        run_time_ns: 123_456_789_012,
        max_rss_bytes: 987_654_321,
    });
    record
}

/// Returns the record of an enforcement decision with every attribute that it can have.
#[must_use]
pub fn enforcement_decision(action: Action) -> Record {
    let mut record = minimal(event_name::ENFORCEMENT, 8);
    (record.severity_number, record.severity_text) = match action {
        Action::Allow => (9, "INFO"),
        Action::Audit => (13, "WARN"),
        Action::Kill | Action::Deny => (17, "ERROR"),
    };
    let text = |text: &str| Some(text.to_owned());
    let excepted = action == Action::Allow;
    record.process = Some(Box::new(process()));
    record.context = Some(context());
    record.tracego.exec_id = Some("decided-exec-id".into());
    record.tracego.enforcement = Some(Box::new(Enforcement {
        state: "enforced".into(),
        mode: "deny",
        decision: Some(EnforcementDecision {
            action,
            when: BEFORE_START,
            rule: "rule-of-enforcement".into(),
            message: text("message of the rule"),
            remediation: text("remediation of the rule"),
            owner: text("owner-of-exception").filter(|_| excepted),
            reason: text("reason-of-exception").filter(|_| excepted),
            executable: "wanted-program".into(),
            args: vec!["wanted-program".into(), "first-argument".into()],
            delay: None,
            error: None,
        }),
    }));
    record
}

/// Returns the record of a program that should be killed after its start; `error` says why that failed.
///
/// # Panics
/// Never.
#[must_use]
pub fn late_kill(error: Option<&str>) -> Record {
    let mut record = enforcement_decision(Action::Kill);
    let decision = record.tracego.enforcement.as_mut().unwrap().decision.as_mut().unwrap();
    decision.when = AFTER_START;
    decision.executable = "server-binary".into();
    decision.args.clear();
    decision.delay = Some(7_654_321);
    decision.error = error.map(str::to_owned);
    record
}

/// Returns a start record with the decision of policies.
#[must_use]
pub fn start_with_policy_decision(allow: bool, error: Option<policy::ErrorKind>) -> Record {
    let mut record = start();
    let violation = |n: u32| Violation {
        bundle: "bundle-name".into(),
        id: format!("violation-{n}"),
        msg: format!("message of violation {n}"),
        severity: Some(Severity::High),
        remediation: Some(format!("remediation of violation {n}")),
        action: Some(policy::Action::KillJob),
    };
    if !allow {
        (record.severity_number, record.severity_text) = (17, "ERROR");
    }
    record.tracego.policy = Some(Box::new(policy::PolicyDecision {
        allow,
        severity: (!allow).then_some(Severity::High),
        action: if allow { policy::Action::None } else { policy::Action::KillJob },
        violations: Arc::new(if allow { Vec::new() } else { vec![violation(1), violation(2)] }),
        warnings: Arc::new(vec![violation(3)]),
        cut: 88_001,
        error: error.map(|kind| format!("bundle-name: {}", kind.name())),
        error_kind: error,
        unenforced: (!allow).then_some(Unenforced::LetThrough),
        bundles: Arc::new([Identity {
            name: "bundle-name".into(),
            digest: format!("sha256:{}", "0a".repeat(32)),
            revision: Some("revision-of-bundle".into()),
        }]),
        took: Duration::from_nanos(88_002),
        cached: true,
    }));
    record
}

/// Returns synthetic records of every kind, some with findings.
#[must_use]
pub fn synthetic() -> Vec<Record> {
    let mut fork = minimal(event_name::FORK, 3);
    fork.process = Some(Box::new(process()));
    fork.tracego.exec_id = Some("fork-exec-id".into());
    let mut failed = minimal(event_name::EXEC_FAILED, 4);
    failed.process =
        Some(Box::new(Process { command_args: Some(vec!["./gone".into(), "-x".into()]), ..process() }));
    failed.tracego.exec_id = Some("failed-exec-id".into());
    failed.tracego.error = Some(ExecError { errno: 84_001, name: "ENOENT" });
    failed.tracego.exec = Some(ExecCall {
        filename: "/opt/gone-program".into(),
        syscall: Some("execve"),
        ..ExecCall::default()
    });
    // The process that forked it is not the parent any more.
    failed.tracego.parent = Some(ParentProcess { command_args: ["once-a-parent".to_owned()].into() });
    let mut later = minimal(event_name::FINDING, 7);
    (later.severity_number, later.severity_text) = (17, "ERROR");
    later.process = Some(Box::new(process()));
    later.tracego.exec_id = Some("later-exec-id".into());
    later.tracego.inventory = true;
    later.tracego.findings = vec![finding(1, Severity::High)];
    let mut lost = minimal(event_name::LOST, 5);
    (lost.severity_number, lost.severity_text) = (13, "WARN");
    lost.context = Some(context());
    lost.tracego.lost = Some(BTreeMap::from([("ring_full", 85_001), ("no_scratch", 85_002)]));
    let mut heartbeat = minimal(event_name::HEARTBEAT, 6);
    let kernel = Counters { hooked: 86_001, sent: 86_002, ..Counters::default() };
    heartbeat.tracego.bpf_object = Some("loop");
    heartbeat.tracego.host = Some(Arc::new(HostFacts {
        id_source: Some(HostIdSource::MachineId),
        labels: BTreeMap::from([("role-of-host".into(), "label-of-host".into())]),
    }));
    heartbeat.tracego.sinks = BTreeMap::from([(
        "sink-of-heartbeat".into(),
        SinkCounts {
            given: 86_021,
            delivered: 86_022,
            lost: 86_023,
            waiting: 86_024,
            waiting_bytes: 86_025,
            oldest_age_ms: Some(86_026),
        },
    )]);
    heartbeat.tracego.configuration = Some(Arc::new(ConfigurationReport {
        sha256: Some("c1".repeat(32)),
        files: vec![ConfigurationFile { path: "/path/of-configuration".into(), sha256: "c2".repeat(32) }],
        needs_restart: vec!["option-of-configuration".into()],
        policies: vec![Identity {
            name: "policy-of-configuration".into(),
            digest: format!("sha256:{}", "c3".repeat(32)),
            revision: Some("revision-of-policy".into()),
        }],
        policy_sources: vec![PolicySource {
            url: "https://source-of-policy.example/ci.tar.gz".into(),
            digest: format!("sha256:{}", "c4".repeat(32)),
            serial: Some(86_020),
            etag: Some("etag-of-policy".into()),
            since: Time(86_021_000_000_000),
            unconfirmed: true,
            checked: Some(Time(86_022_000_000_000)),
            error: Some("error-of-the-server".into()),
        }],
    }));
    heartbeat.tracego.kubernetes = Some(Box::new(kubernetes::PodWatchReport {
        connected: true,
        pods: 86_005,
        left_out: 86_006,
        error: Some("error-of-the-api".into()),
    }));
    heartbeat.tracego.inventory_counts = Some(Box::new(InventoryReport {
        complete: true,
        judged: 86_007,
        unread: UnreadProcesses { denied: 86_008, failed: 86_009 },
        skipped: SkippedProcesses {
            kernel: 86_010,
            filtered: 86_011,
            own: 86_012,
            gone: 86_013,
            too_many: 86_014,
        },
        error: Some("error-of-the-inventory".into()),
    }));
    heartbeat.tracego.ledger =
        Some(Box::new(Ledger { kernel, processed: 86_003, written: 86_004, ..Ledger::default() }));
    let mut of_pod = minimal(event_name::POD, 7);
    of_pod.k8s = Some(Arc::new(K8s { container: None, ..pod() }.into()));
    let containers = vec![kubernetes::PodContainer {
        name: "container-of-pod".into(),
        id: Some("c0ffee".into()),
        image: Some(ContainerImage { name: "image-of-pod".into(), ..ContainerImage::default() }),
    }];
    of_pod.tracego.pod = Some(Box::new(PodReport { api_uid: Some("uid-in-the-api".into()), containers }));
    let mut hashed = minimal(event_name::EXECUTABLE, 8);
    let file = start().tracego.executable;
    hashed.process =
        Some(Box::new(Process { executable: start().process.and_then(|of| of.executable), ..process() }));
    hashed.tracego.executable = file.map(|file| ExecutableFile {
        digest: Some(ExecutableDigest { sha256: Some(Sha256Digest([0xd2; 32])), state: None }),
        ..file
    });
    hashed.tracego.provenance = Some(Arc::new(Provenance {
        verdict: ProvenanceVerdict::UntrustedSigner,
        required: true,
        signer: Some("signer-of-provenance".into()),
        issuer: Some("issuer-of-provenance".into()),
        key: Some("key-of-provenance".into()),
        source: Some(ProvenanceSource {
            repository: Some("repository-of-provenance".into()),
            reference: Some("ref-of-provenance".into()),
            revision: Some("revision-of-provenance".into()),
            statement_revision: Some("revision-of-statement".into()),
        }),
        builder: Some("builder-of-provenance".into()),
        run_url: Some("run-of-provenance".into()),
        runner_environment: Some("runner-of-provenance".into()),
        predicate_type: Some("predicate-of-provenance".into()),
        log: Some("rekor"),
        log_time: Some("time-of-provenance".into()),
        error: Some("error-of-provenance".into()),
        stale_root: Some("root-of-provenance".into()),
        bundle: Some("bundle-of-provenance".into()),
    }));
    let mut image = minimal(event_name::IMAGE, 9);
    let module = |name: &str| Module {
        path: format!("path-of-{name}"),
        version: format!("version-of-{name}"),
        sum: format!("sum-of-{name}"),
        replacement: None,
    };
    let modules = vec![Module { replacement: Some(Box::new(module("replacement"))), ..module("module") }];
    let contents = ImageContents { needed: vec!["library.so.6".into()], modules, omitted: 2 };
    image.tracego.executable =
        start().tracego.executable.map(|file| ExecutableFile { digest: None, fsverity: None, ..file });
    let references = References { image: Some("0123456789abcdef".into()), ..References::default() };
    image.tracego.references = Some(Arc::new(references.into()));
    image.tracego.image = Some(ImageFacts { contents: Some(contents), ..ImageFacts::default() });
    let mut records = vec![
        start(),
        start_with_findings(vec![finding(0, Severity::High)]),
        start_with_findings(vec![
            finding(1, Severity::Low),
            finding(2, Severity::Critical),
            finding(0, Severity::Medium),
        ]),
        exit(),
        fork,
        failed,
        later,
        lost,
        heartbeat,
        of_pod,
        hashed,
        image,
        enforcement_decision(Action::Allow),
        enforcement_decision(Action::Audit),
        enforcement_decision(Action::Deny),
        late_kill(None),
        late_kill(Some("it could not be ended")),
        start_with_policy_decision(false, None),
        start_with_policy_decision(true, None),
        start_with_policy_decision(true, Some(policy::ErrorKind::Time)),
    ];
    for (n, record) in (1_u32..).zip(&mut records) {
        record.log.record.uid = uid(n);
        record.seq = 900_000 + u64::from(n);
    }
    records
}
