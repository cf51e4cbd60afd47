//! Tests with any order of records.

use opentelemetry::trace::SpanId;
use proptest::prelude::*;

use super::*;

/// Step of a stream.
#[derive(Clone, Copy, Debug)]
enum Step {
    Start { pid: u32, up: u32, job: u8, helper_of: Option<u32>, trace: bool },
    Exit { pid: u32, code: u32 },
    Found(u32),
    Failed(u32),
    Lost,
    Pause(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let pid = || 1_u32..24;
    prop_oneof![
        8 => (pid(), 0_u32..24, 0_u8..6, proptest::option::of(pid()), any::<bool>())
            .prop_map(|(pid, up, job, helper_of, trace)| Step::Start { pid, up, job, helper_of, trace }),
        6 => (pid(), prop_oneof![Just(0), Just(1), Just(137)]).prop_map(|(pid, code)| Step::Exit { pid, code }),
        1 => pid().prop_map(Step::Found),
        1 => pid().prop_map(Step::Failed),
        1 => Just(Step::Lost),
        1 => (-100_i64..1000).prop_map(Step::Pause),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_records_stays_within_bounds_and_no_span_is_an_orphan(
        steps in proptest::collection::vec(step(), 0..200),
    ) {
        let limits = BuilderLimits { spans: 8, bytes: 16_384, jobs: 3, grace: Duration::from_secs(5) };
        let mut builder = SpanBuilder::new(limits);
        let (mut stream, mut out) = (Stream::default(), Vec::new());
        for step in steps {
            let record = match step {
                Step::Start { pid, up, job, helper_of, trace } => {
                    let root = [0, 1, 2, 3, 0, 0][usize::from(job)];
                    stream.job = (job < 5).then_some((root, ["", "a", "b", "c", "d", ""][usize::from(job)]));
                    stream.in_tree = job == 5;
                    // Random parents may form a circle.
                    stream.parents.retain(|_, of| *of != pid && up != pid);
                    let up = if up == pid || stream.parents.contains_key(&up) { 0 } else { up };
                    let mut record = stream.start(pid, up, "program");
                    record.trace = if trace { traceparent("01") } else { None };
                    record.tracego.go = helper_of.and_then(|of| go(Role::CompilerHelper, of, "build"));
                    record
                }
                Step::Exit { pid, code } => stream.exit(pid, code),
                Step::Found(pid) => stream.found(pid),
                Step::Failed(pid) => stream.record(event_name::EXEC_FAILED, pid),
                Step::Lost => stream.record(event_name::LOST, 1),
                Step::Pause(seconds) => {
                    stream.now += seconds;
                    stream.record(event_name::HEARTBEAT, 1)
                }
            };
            builder.take(&record, &mut out);
            prop_assert!(builder.open() <= limits.spans && builder.jobs() <= limits.jobs);
            prop_assert!(builder.bytes() <= limits.bytes + 8192, "{}", builder.bytes());
        }
        builder.finish(at(stream.now), &mut out);
        prop_assert_eq!((builder.open(), builder.jobs(), builder.bytes()), (0, 0, 0));
        prop_assert_eq!(builder.counts().spans, out.len() as u64);
        for span in &out {
            prop_assert!(span.start_time <= span.end_time);
            prop_assert!(span.span_context.is_valid());
            prop_assert!(span.events.len() <= 32);
        }
        // Every parent is a span of the same trace, or comes from TRACEPARENT.
        for span in out.iter().filter(|span| span.parent_span_id != SpanId::INVALID && !span.parent_span_is_remote) {
            let above = |other: &SpanData| {
                other.span_context.span_id() == span.parent_span_id
                    && other.span_context.trace_id() == span.span_context.trace_id()
            };
            prop_assert!(out.iter().any(above), "{}", span.name);
        }
    }
}
