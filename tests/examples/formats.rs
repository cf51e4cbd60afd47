//! Time and size of a record in each format, and time of filters: `cargo run --release -p tracego-tests
//! --example formats`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints and stops at errors")]

use std::{hint::black_box, time::Instant};

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message as _;
use tracego_deliver::{
    format::{
        Format,
        otlp::{EncodedRecord, Encoding, LogEncoder, LogsRequest},
    },
    sink::settings::filter::{Filter, FilterSettings},
};
use tracego_model::record::{Record, event_name};
use tracego_tests::samples;

/// Returns the best time of several runs; other work on the machine can only add time.
fn best(records: &[Record], mut each: impl FnMut(&Record)) -> f64 {
    let once = |each: &mut dyn FnMut(&Record)| {
        let start = Instant::now();
        for _ in 0..20 {
            records.iter().for_each(&mut *each);
        }
        start.elapsed().as_secs_f64() * 1e6 / (20 * records.len()) as f64
    };
    (0..20).map(|_| once(&mut each)).fold(f64::MAX, f64::min)
}

fn main() {
    // Program starts of a session, the largest and most frequent kind. Long argv are a separate case.
    let mut records = samples::captured();
    records.retain(|record| {
        let args = record.process.as_ref().and_then(|process| process.command_args.as_ref());
        record.event_name == event_name::START
            && args.is_some_and(|args| args.iter().map(String::len).sum::<usize>() < 1000)
    });
    println!("{} starts of captured sessions", records.len());
    let mut out = Vec::with_capacity(1 << 20);
    for format in Format::ALL {
        let mut size = 0;
        let time = best(&records, |record| {
            out.clear();
            format.write(record, &mut out).unwrap();
            size += black_box(&out).len();
        });
        println!("{:<12} {time:6.2} µs {:6} bytes", format.name(), size / (400 * records.len()));
    }
    for expression in
        ["event_name == 'tracego.process.start'", "process.real_user.id == 0", "has(tracego.findings)"]
    {
        let settings = FilterSettings { r#where: Some(expression.to_owned()), ..FilterSettings::default() };
        let filter = Filter::new(&settings).unwrap();
        let time = best(&records, |record| {
            black_box(filter.takes(record).unwrap());
        });
        println!("where {expression}: {time:.2} µs a record");
    }
    for encoding in [Encoding::Protobuf, Encoding::Json] {
        let (encoder, mut piece) = (LogEncoder::new(encoding, Vec::new()), EncodedRecord::default());
        let time = best(&records, |record| {
            encoder.encode(record, &mut piece).unwrap();
            black_box(&piece);
        });
        let pieces: Vec<EncodedRecord> = records
            .iter()
            .map(|record| {
                encoder.encode(record, &mut piece).unwrap();
                piece.clone()
            })
            .collect();
        let (mut request, mut n) = (LogsRequest::new(encoding), 0);
        let put = best(&records, |_| {
            let piece = &pieces[n % pieces.len()];
            n += 1;
            request.push(&piece.resource, &piece.record);
            if request.len() == 512 {
                out.clear();
                request.finish(&mut out);
                black_box(&out);
            }
        });
        let size = pieces.iter().map(|piece| piece.record.len()).sum::<usize>() / pieces.len();
        println!("OTLP {encoding:?}: {time:.2} µs a record, {put:.2} µs into a request of 512, {size} bytes");
        if encoding == Encoding::Protobuf {
            // Lower bound for generated messages: cloning their strings, then writing the bytes.
            let messages: Vec<LogRecord> =
                pieces.iter().map(|piece| LogRecord::decode(&piece.record[..]).unwrap()).collect();
            let mut n = 0;
            let time = best(&records, |_| {
                let message = black_box(&messages[n % messages.len()]).clone();
                n += 1;
                out.clear();
                message.encode(&mut out).unwrap();
                black_box(&out);
            });
            println!("OTLP through generated messages: {time:.2} µs a record");
        }
    }
}
