//! Tests with made-up streams of records.

mod property;
mod stream;

use std::collections::BTreeMap;

use opentelemetry::trace::{SpanKind, Status};
use stream::*;
use tracego_model::record::{Trace, go::Go};

use super::*;

/// Returns all spans of a stream, with those that end with the stream.
fn spans(builder: &mut SpanBuilder, records: &[Record]) -> Vec<SpanData> {
    let mut out = Vec::new();
    for record in records {
        builder.take(record, &mut out);
    }
    builder.finish(at(1_000_000), &mut out);
    assert_eq!((builder.open(), builder.jobs(), builder.bytes()), (0, 0, 0));
    assert_eq!(builder.counts().spans, out.len() as u64);
    out
}

fn named<'a>(all: &'a [SpanData], name: &str) -> &'a SpanData {
    let found: Vec<_> = all.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in {:?}", all.iter().map(|span| &span.name).collect::<Vec<_>>());
    found[0]
}

fn value(span: &SpanData, name: &str) -> Option<String> {
    span.attributes.iter().find(|pair| pair.key.as_str() == name).map(|pair| pair.value.to_string())
}

fn seconds(span: &SpanData) -> u64 {
    span.end_time.duration_since(span.start_time).unwrap().as_secs()
}

#[test]
fn a_job_is_one_trace_and_each_process_a_span_below_its_nearest_ancestor() {
    let mut stream = Stream::of(Some((10, "7")));
    let records = [
        stream.start(10, 5, "sh"),
        stream.start(11, 10, "make"),
        // 12 only forks.
        {
            stream.parents.insert(12, 11);
            stream.start(13, 12, "cc")
        },
        stream.exit(13, 0),
        stream.exit(11, 0),
        // The parent is make, which has ended.
        stream.start(14, 11, "late"),
        stream.exit(14, 139),
        stream.exit(10, 0),
    ];
    let all = spans(&mut SpanBuilder::default(), &records);
    assert_eq!(all.len(), 5);
    let (job, sh) = (named(&all, "build"), named(&all, "sh"));
    let trace = job.span_context.trace_id();
    assert!(
        all.iter().all(|span| span.span_context.trace_id() == trace && span.span_kind == SpanKind::Internal)
    );
    assert!(records.iter().all(|record| id::trace_id_of(record) == Some(trace)));
    assert_eq!(job.parent_span_id, SpanId::INVALID);
    for (name, parent) in [("sh", job), ("make", sh), ("cc", named(&all, "make")), ("late", sh)] {
        assert_eq!(named(&all, name).parent_span_id, parent.span_context.span_id(), "{name}");
    }
    assert_eq!((seconds(sh), seconds(named(&all, "make")), seconds(job)), (7, 3, 7));
    let late = named(&all, "late");
    assert_eq!(late.status, Status::error("ended by signal 11"));
    assert_eq!(value(late, "process.exit.code").as_deref(), Some("139"));
    assert_eq!(value(late, "tracego.exit.signal").as_deref(), Some("11"));
    assert_eq!(value(late, "cicd.pipeline.task.run.id").as_deref(), Some("7"));
    assert_eq!(value(late, "vcs.ref.head.revision").as_deref(), Some("abc"));
    assert_eq!((&sh.status, value(sh, "error.type")), (&Status::Unset, None));
    assert_eq!(value(sh, "process.command_args").as_deref(), Some("[\"sh\",\"-v\"]"));
    // A process below the top of the job failed, but not the top itself.
    assert_eq!(value(job, "cicd.pipeline.task.run.result").as_deref(), Some("success"));
    assert_eq!(value(job, "tracego.job.spans").as_deref(), Some("4"));
}

#[test]
fn ids_follow_from_the_job_and_are_never_zero() {
    let record = Stream::of(Some((10, "7"))).start(10, 5, "sh");
    // printf 'tracego.trace/1\0b0071d00-1111-4222-8333-444455556666\0job\0\0\0\0\0007\0' | sha256sum
    assert_eq!(id::trace_id_of(&record).unwrap().to_string(), "67c27d6d9873cce0a4892fd3e3bf1683");
    let other = Stream::of(Some((10, "8"))).start(10, 5, "sh");
    assert_ne!(id::trace_id_of(&record), id::trace_id_of(&other));
    assert_eq!(id::trace_id_of(&Stream::of(None).start(10, 5, "sh")), None);
    // printf 'tracego.trace/1\000067c27d6d9873cce0a4892fd3e3bf1683\0b0071d00-…-444455556666-2710-a\0' | sha256sum
    let all = spans(&mut SpanBuilder::default(), &[record]);
    assert_eq!(named(&all, "sh").span_context.span_id().to_string(), "b7cb4c46d0addf35");
}

#[test]
fn the_traceparent_of_who_opened_the_job_is_above_it_and_others_are_linked() {
    let mut stream = Stream::of(Some((10, "7")));
    let mut first = stream.start(10, 5, "sh");
    first.trace = traceparent("01");
    let mut same = stream.start(11, 10, "same");
    same.trace = traceparent("01");
    let mut other = stream.start(12, 10, "other");
    other.trace = traceparent("00").map(|trace| Trace { span_id: "00f067aa0ba902b8".into(), ..trace });
    let records = [first, same, other, stream.exit(11, 0), stream.exit(12, 0), stream.exit(10, 0)];
    let all = spans(&mut SpanBuilder::default(), &records);
    let job = named(&all, "build");
    assert_eq!(job.span_context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(
        (job.parent_span_id.to_string().as_str(), job.parent_span_is_remote),
        ("00f067aa0ba902b7", true)
    );
    assert!(all.iter().all(|span| span.span_context.trace_id() == job.span_context.trace_id()));
    assert!(named(&all, "same").links.is_empty());
    let links = &named(&all, "other").links;
    assert_eq!(
        (links.len(), links[0].span_context.span_id().to_string()),
        (1, "00f067aa0ba902b8".to_owned())
    );
    // Every record of the job finds the trace, also those without an environment.
    let mut traces = JobTraces::default();
    assert!(
        records.iter().all(|record| traces.trace_of(record).unwrap().trace == job.span_context.trace_id())
    );
}

#[test]
fn a_trace_that_nobody_samples_has_no_spans() {
    let mut stream = Stream::of(Some((10, "7")));
    let mut first = stream.start(10, 5, "sh");
    first.trace = traceparent("00");
    let mut builder = SpanBuilder::default();
    assert!(spans(&mut builder, &[first, stream.start(11, 10, "x"), stream.exit(11, 0)]).is_empty());
    assert_eq!(builder.counts().unsampled, 2);
}

#[test]
fn processes_of_no_job_have_no_spans_and_the_command_of_a_run_is_a_job() {
    let mut stream = Stream::of(None);
    assert!(spans(&mut SpanBuilder::default(), &[stream.start(10, 5, "sh"), stream.exit(10, 0)]).is_empty());
    let mut stream = Stream { in_tree: true, ..Stream::default() };
    let all = spans(&mut SpanBuilder::default(), &[stream.start(10, 5, "make"), stream.exit(10, 2)]);
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|span| span.name == "make"));
    let (process, job) = (&all[0], &all[1]);
    assert_eq!(process.parent_span_id, job.span_context.span_id());
    assert_eq!(process.status, Status::error("ended with 2"));
    assert_eq!(job.status, Status::error("a process of the job ended with 2"));
    assert_eq!(value(job, "cicd.pipeline.task.run.result"), None);
}

#[test]
fn a_process_that_starts_another_program_is_one_span_with_the_last_name() {
    let mut stream = Stream::of(Some((10, "7")));
    let records = [
        stream.start(10, 5, "sh"),
        stream.start(10, 5, "env"),
        stream.start(10, 5, "server"),
        stream.exit(10, 0),
    ];
    let all = spans(&mut SpanBuilder::default(), &records);
    assert_eq!(all.len(), 2);
    let server = named(&all, "server");
    let events: Vec<_> = server.events.iter().map(|event| event.name.as_ref()).collect();
    assert_eq!(events, ["tracego.exec", "tracego.exec"]);
    let before = |n: usize| server.events[n].attributes[0].value.to_string();
    assert_eq!((before(0).as_str(), before(1).as_str()), ("sh", "env"));
    assert_eq!(value(server, "process.executable.path").as_deref(), Some("/usr/bin/server"));
    assert_eq!(seconds(server), 3);
}

#[test]
fn findings_and_failed_starts_are_events() {
    let mut stream = Stream::of(Some((10, "7")));
    let mut first = stream.start(10, 5, "go");
    first.tracego.findings = vec![a_finding()];
    // A child that only forked has no span: its failures are on its parent's.
    stream.parents.insert(11, 10);
    let failed = stream.record(event_name::EXEC_FAILED, 11);
    let records = [first, failed, stream.found(10), stream.exit(10, 0), stream.found(10)];
    let all = spans(&mut SpanBuilder::default(), &records);
    let events: Vec<_> = named(&all, "go").events.iter().map(|event| event.name.as_ref()).collect();
    assert_eq!(events, ["tracego.finding", "tracego.process.exec_failed", "tracego.finding"]);
    let finding = &named(&all, "go").events[0];
    let text: Vec<_> = finding.attributes.iter().map(|pair| pair.value.to_string()).collect();
    assert_eq!(text, ["TG001", "go-run", "high", "go run builds", "Build once."]);
}

#[test]
fn events_beyond_the_bound_are_counted_on_the_span() {
    let mut stream = Stream::of(Some((10, "7")));
    let mut records = vec![stream.start(10, 5, "go")];
    records.extend((0..100).map(|_| stream.found(10)));
    records.push(stream.exit(10, 0));
    let all = spans(&mut SpanBuilder::default(), &records);
    let events = &named(&all, "go").events;
    assert_eq!((events.len(), events.dropped_count), (32, 68));
}

#[test]
fn compilers_are_counted_on_their_go_command_and_what_they_start_is_below_it() {
    let mut stream = Stream::of(Some((10, "7")));
    let with = |mut record: Record, go: Option<Box<Go>>| {
        record.tracego.go = go;
        record
    };
    let records = [
        with(stream.start(10, 5, "go"), go(Role::GoBuild, 10, "build")),
        with(stream.start(11, 10, "compile"), go(Role::CompilerHelper, 10, "build")),
        with(stream.start(12, 10, "cgo"), go(Role::CompilerHelper, 10, "build")),
        stream.start(13, 12, "gcc"),
        stream.exit(13, 0),
        stream.exit(11, 0),
        stream.exit(12, 2),
        with(stream.start(14, 10, "compile"), go(Role::CompilerHelper, 10, "build")),
        stream.exit(14, 0),
        stream.exit(10, 1),
        // The go command is gone, so the linker has its own span.
        with(stream.start(15, 10, "link"), go(Role::CompilerHelper, 10, "build")),
        stream.exit(15, 0),
    ];
    let mut builder = SpanBuilder::default();
    let all = spans(&mut builder, &records);
    assert_eq!((all.len(), builder.counts().folded), (4, 3));
    let build = named(&all, "go build");
    assert_eq!(named(&all, "gcc").parent_span_id, build.span_context.span_id());
    assert_eq!(named(&all, "link").parent_span_id, named(&all, "build").span_context.span_id());
    for (name, wanted) in [
        ("count", "3"),
        ("failed", "1"),
        ("compile.count", "2"),
        ("compile.run_time_ns", "5000000000"),
        ("cgo.count", "1"),
        ("cgo.failed", "1"),
    ] {
        assert_eq!(value(build, &format!("tracego.go.helpers.{name}")).as_deref(), Some(wanted), "{name}");
    }
    assert_eq!(value(named(&all, "gcc"), "tracego.go.helpers.count"), None);
}

#[test]
fn a_toolchain_that_another_hands_over_to_is_the_same_command_and_what_it_runs_is_not() {
    let mut stream = Stream::of(Some((10, "7")));
    let repeated = |mut record: Record, role| {
        record.tracego.go = go(role, 10, "run").map(|go| Box::new(Go { repeated: true, ..*go }));
        record
    };
    let mut first = stream.start(10, 5, "go1.26");
    first.tracego.go = go(Role::GoRun, 10, "run");
    let mut odd = stream.start(13, 10, "go");
    odd.tracego.go = go(Role::GoCommand, 13, "rm -rf $(x)");
    let records = [
        first,
        repeated(stream.start(11, 10, "go"), Role::GoRun),
        repeated(stream.start(12, 11, "server"), Role::GoRunChild),
        odd,
    ];
    let mut names: Vec<_> =
        spans(&mut SpanBuilder::default(), &records).into_iter().map(|span| span.name).collect();
    names.sort();
    assert_eq!(names, ["build", "go", "go run", "go1.26 run", "server"]);
}

#[test]
fn steps_one_after_the_other_are_one_job_and_one_span_of_it() {
    // Two processes that each open a job of the same name, as the steps of a workflow do.
    let mut stream = Stream::of(Some((10, "7")));
    let mut records = vec![stream.start(10, 5, "first"), stream.exit(10, 0)];
    stream.job = Some((20, "7"));
    stream.now += 20;
    records.extend([stream.start(20, 5, "second"), stream.exit(20, 3)]);
    let all = spans(&mut SpanBuilder::default(), &records);
    assert_eq!(all.len(), 3);
    let job = named(&all, "build");
    assert_eq!((seconds(job), value(job, "cicd.pipeline.task.run.result").as_deref()), (23, Some("failure")));
    assert_eq!(named(&all, "second").parent_span_id, job.span_context.span_id());
}

#[test]
fn a_job_ends_when_it_has_waited_and_goes_on_as_another_span_of_its_trace() {
    let mut stream = Stream::of(Some((10, "7")));
    let mut builder = SpanBuilder::default();
    let mut out = Vec::new();
    for record in [stream.start(10, 5, "first"), stream.exit(10, 0)] {
        builder.take(&record, &mut out);
    }
    builder.tick(at(31), &mut out);
    assert_eq!((out.len(), builder.jobs()), (1, 1));
    builder.tick(at(33), &mut out);
    assert_eq!((out.len(), builder.jobs()), (2, 0));
    assert_eq!(seconds(&out[1]), 1);
    stream.now = 100;
    stream.job = Some((20, "7"));
    for record in [stream.start(20, 5, "second"), stream.exit(20, 0)] {
        builder.take(&record, &mut out);
    }
    builder.finish(at(200), &mut out);
    assert_eq!(out.len(), 4);
    let (first, second) = (&out[1].span_context, &out[3].span_context);
    assert_eq!(first.trace_id(), second.trace_id());
    assert_ne!(first.span_id(), second.span_id());
}

#[test]
fn an_end_that_nobody_saw_is_said() {
    let mut stream = Stream::of(Some((10, "7")));
    let mut records = vec![stream.start(10, 5, "sh"), stream.start(11, 10, "lost")];
    // The PID belongs to another process now.
    let mut reused = stream.start(11, 10, "next");
    reused.tracego.exec_id = Some(format!("{BOOT}-ffffff-b"));
    records.push(reused);
    let mut builder = SpanBuilder::default();
    let all = spans(&mut builder, &records);
    assert_eq!(builder.counts().not_seen, 3);
    for (name, took) in [("lost", 1), ("sh", 999_999), ("next", 999_997)] {
        let span = named(&all, name);
        assert_eq!(value(span, "tracego.span.end").as_deref(), Some("not seen"), "{name}");
        assert_eq!((seconds(span), &span.status), (took, &Status::Unset), "{name}");
    }
    assert_eq!(value(named(&all, "build"), "cicd.pipeline.task.run.result"), None);
}

#[test]
fn too_many_processes_or_jobs_are_counted_and_the_job_says_so() {
    let limits = BuilderLimits { spans: 3, jobs: 2, ..BuilderLimits::default() };
    let mut builder = SpanBuilder::new(limits);
    let mut stream = Stream::of(Some((10, "7")));
    let records: Vec<_> = (10..20).map(|pid| stream.start(pid, 5, "sh")).collect();
    let mut out = Vec::new();
    records.iter().for_each(|record| builder.take(record, &mut out));
    assert_eq!((builder.open(), builder.counts().span_limit), (3, 7));
    for (root, id) in [(30, "8"), (40, "9")] {
        stream.job = Some((root, id));
        builder.take(&stream.start(root, 5, "sh"), &mut out);
    }
    // The second job waits, because no process of it has a span, and ends early for the third.
    assert_eq!((builder.jobs(), builder.counts().job_limit), (2, 0));
    builder.finish(at(50), &mut out);
    let skipped: Vec<_> = out.iter().filter_map(|span| value(span, "tracego.job.spans_skipped")).collect();
    assert_eq!(skipped.len(), 3, "{skipped:?}");
    assert!(skipped.contains(&"7".to_owned()));
    let full = &mut SpanBuilder::new(BuilderLimits { jobs: 1, ..BuilderLimits::default() });
    stream.job = Some((10, "7"));
    let first = stream.start(10, 5, "sh");
    stream.job = Some((30, "8"));
    let all = spans(full, &[first, stream.start(30, 5, "sh")]);
    assert_eq!((all.len(), full.counts().job_limit), (2, 1));
}

#[test]
fn a_loss_shows_on_the_job() {
    let mut stream = Stream::of(Some((10, "7")));
    let first = stream.start(10, 5, "sh");
    let mut lost = stream.record(event_name::LOST, 10);
    (lost.process, lost.tracego.exec_id) = (None, None);
    lost.tracego.lost = Some(BTreeMap::from([("ring_full", 9)]));
    let all = spans(&mut SpanBuilder::default(), &[first, lost, stream.exit(10, 0)]);
    let job = named(&all, "build");
    assert_eq!((job.events.len(), job.events[0].name.as_ref()), (1, "tracego.lost"));
}

#[test]
fn long_arguments_are_cut_and_the_count_says_so() {
    let mut stream = Stream::of(Some((10, "7")));
    let mut first = stream.start(10, 5, "sh");
    if let Some(process) = &mut first.process {
        process.command_args = Some(vec!["ü".repeat(10_000); 100]);
        process.args_count = Some(100);
        process.working_directory = Some("x".repeat(100_000));
    }
    let mut builder = SpanBuilder::default();
    let mut out = Vec::new();
    builder.take(&first, &mut out);
    assert!(builder.bytes() < 8192, "{}", builder.bytes());
    builder.finish(at(9), &mut out);
    assert_eq!(value(named(&out, "sh"), "process.args_count").as_deref(), Some("100"));
}
