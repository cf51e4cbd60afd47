//! The cost of traces and metrics: `cargo run --release -p tracego-tests --example signals`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints and stops at errors")]

use std::{path::Path, sync::Arc, time::Instant};

use tracego::metrics::{Board, StageNumbers, otlp, tally::PipelineTally};
use tracego_deliver::{
    collector::{CollectorCompression, CollectorProtocol, CollectorTarget},
    traces::{
        TracePipeline, attribute,
        builder::{BuilderLimits, SpanBuilder},
        export::TraceExportSettings,
    },
};
use tracego_model::record::{Record, event_name};
use tracego_tests::samples;

/// Number of replayed sessions.
const ROUNDS: usize = 5000;

fn main() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/go.capture");
    let records = samples::replayed(&path);
    let count = records.len() * ROUNDS;
    let starts = records.iter().filter(|record| record.event_name == event_name::START).count() * ROUNDS;
    // Each round is another job, as on a machine that builds all day.
    let mut rounds: Vec<Vec<Record>> = Vec::new();
    for n in 0..8 {
        let mut round = records.clone();
        round.iter_mut().for_each(|record| record.timestamp.0 += n);
        rounds.push(round);
    }
    let mut builder = SpanBuilder::new(BuilderLimits::default());
    let mut out = Vec::new();
    let begun = Instant::now();
    let mut made = 0;
    for n in 0..ROUNDS {
        for record in &rounds[n % rounds.len()] {
            builder.take(record, &mut out);
            made += out.len();
            out.clear();
        }
    }
    let took = begun.elapsed();
    println!(
        "builder: {:.2} µs a record, {:.2} µs a start, {made} spans of {count} records",
        took.as_secs_f64() * 1e6 / count as f64,
        took.as_secs_f64() * 1e6 / starts as f64,
    );
    let target = CollectorTarget {
        // No receiver listens, so only the pipeline's side is measured.
        endpoint: "http://127.0.0.1:9/v1/traces".into(),
        protocol: CollectorProtocol::HttpProtobuf,
        compression: CollectorCompression::Gzip,
        ..CollectorTarget::default()
    };
    let resource = attribute::resource(&records[0].origin);
    let mut traces = TracePipeline::start(
        BuilderLimits::default(),
        TraceExportSettings::new(target.clone(), resource.clone()),
    )
    .unwrap();
    let begun = Instant::now();
    for n in 0..ROUNDS {
        rounds[n % rounds.len()].iter().for_each(|record| traces.take(record));
    }
    let took = begun.elapsed();
    println!("builder and queue: {:.2} µs a record", took.as_secs_f64() * 1e6 / count as f64);
    println!("{:?}", traces.close(std::time::Duration::ZERO));
    let board = Arc::new(Board::new(8 << 20, None));
    let mut tally = PipelineTally::default();
    for n in 0..6_000_000_u64 {
        tally.latency.add(n * 1000 % 100_000_000);
    }
    board.set_stages(StageNumbers { tally: Some(tally), ..StageNumbers::default() });
    let interval = std::time::Duration::from_secs(3600);
    let target = CollectorTarget {
        endpoint: "http://127.0.0.1:9/v1/metrics".into(),
        timeout: std::time::Duration::from_millis(1),
        ..target
    };
    let pusher = otlp::Pusher::start(otlp::PushSettings { target, resource, interval }, board).unwrap();
    let begun = Instant::now();
    let counts = pusher.close(std::time::Duration::from_secs(60));
    println!("a push with six million more latencies: {:?} {counts:?}", begun.elapsed());
}
