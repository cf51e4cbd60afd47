//! The rate at which log records reach an OTLP receiver over HTTP with gzip, through a sink and through the
//! batch processor of OpenTelemetry's SDK. Run by `cargo xtask bench otlp`.
//!
//! `otlp_rate ours|sdk SECONDS` prints: records given, records that arrived, seconds until the last of them,
//! CPU seconds. `otlp_rate down RECORDS FOLDER` has no receiver, and measures memory. The receiver is a
//! separate process (`otlp_rate receiver`), which counts the records that it decodes.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints and stops at errors")]

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry_otlp::{Compression, LogExporter, Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceRequest, common::v1::any_value::Value,
};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use prost::Message as _;
use tracego_deliver::{
    format::otlp::{EncodedRecord, Encoding, LogEncoder},
    sink::{
        lifecycle::Sinks,
        outputs::Outputs,
        settings::{CommonSettings, SinkSettings},
    },
};
use tracego_model::{meta::Meta, record::Record, units::Bytes};
use tracego_spool::OnFull;
use tracego_tests::samples;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    match arguments[1].as_str() {
        "receiver" => return receiver(),
        "down" => return down(Path::new(&arguments[3]), arguments[2].parse().unwrap()),
        _ => {}
    }
    let mut receiver = Command::new(env::current_exe().unwrap());
    // The receiver runs on the other core.
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(receiver.get_program()).arg("receiver").stdout(Stdio::piped());
    receiver = command;
    let mut receiver = receiver.spawn().unwrap();
    let mut address = String::new();
    BufReader::new(receiver.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let address = address.trim();
    let span = Duration::from_secs(arguments[2].parse().unwrap());
    let records = samples::replayed(&Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/go.capture"));
    let begun = Instant::now();
    let given = match arguments[1].as_str() {
        "ours" => ours(address, &records, span),
        "sdk" => sdk(address, &records, span),
        other => panic!("{other}?"),
    };
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), cpu());
    let arrived = count(address);
    receiver.kill().unwrap();
    receiver.wait().unwrap();
    println!("{given} {arrived} {seconds} {cpu}");
}

/// Returns the user and system time of this process in seconds.
fn cpu() -> f64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is writable, and all zeros is a value of it.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// Sends through a sink as the configuration defines it, with a queue in memory that makes the pipeline wait.
fn ours(address: &str, records: &[Record], span: Duration) -> u64 {
    let own =
        format!("endpoint = \"http://{address}\"\ncompression = \"gzip\"\nprotocol = \"http/protobuf\"");
    let mut settings = SinkSettings::of("otlp", own.parse().unwrap()).unwrap();
    settings.common = CommonSettings {
        on_full: Some(OnFull::Block),
        queue_bytes: Some(Bytes(64 << 20)),
        drain: Some("60s".parse().unwrap()),
        ..CommonSettings::default()
    };
    let (sinks, feeds) = Sinks::start(&[settings], None, &Meta::default()).unwrap();
    let mut outputs = Outputs::new(None, feeds);
    let (begun, mut given) = (Instant::now(), 0);
    while begun.elapsed() < span {
        for record in records {
            outputs.push(&mut record.clone(), true).unwrap();
            given += 1;
        }
        outputs.flush();
    }
    drop(outputs);
    let status = sinks.join().unwrap();
    assert!(status[0].numbers().losses().is_empty(), "{}", status[0]);
    given
}

/// Puts records into a spool whose receiver is down. Prints what became of them, and the peak resident memory
/// in MiB.
fn down(folder: &Path, wanted: u64) {
    let records = samples::replayed(&Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/go.capture"));
    let own = "endpoint = \"http://127.0.0.1:9\"\ncompression = \"gzip\"";
    let settings = SinkSettings::of("otlp", own.parse().unwrap()).unwrap();
    let (sinks, feeds) = Sinks::start(&[settings], Some(folder), &Meta::default()).unwrap();
    let mut outputs = Outputs::new(None, feeds);
    let mut given = 0;
    while given < wanted {
        for record in &records {
            outputs.push(&mut record.clone(), true).unwrap();
            given += 1;
        }
        outputs.flush();
        // An hour of 500 records per second, compressed in time: the queue of the sink's thread must not
        // distort the result.
        while !outputs.is_persisted() {
            thread::sleep(Duration::from_micros(50));
        }
    }
    drop(outputs);
    let numbers = sinks.join().unwrap()[0].numbers();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    let (waiting, lost) = (numbers.queue.depth.records, numbers.losses().values().sum::<u64>());
    println!("{given} {waiting} {lost} {}", peak / 1024.0);
}

/// Sends the same attributes through the SDK, whose processor never waits.
fn sdk(address: &str, records: &[Record], span: Duration) -> u64 {
    let exporter = LogExporter::builder()
        .with_http()
        .with_endpoint(format!("http://{address}/v1/logs"))
        .with_protocol(Protocol::HttpBinary)
        .with_compression(Compression::Gzip)
        .build()
        .unwrap();
    let provider = SdkLoggerProvider::builder().with_batch_exporter(exporter).build();
    let logger = provider.logger("tracego");
    let encoder = LogEncoder::new(Encoding::Protobuf, Vec::new());
    let mut piece = EncodedRecord::default();
    let decoded: Vec<_> = records
        .iter()
        .map(|record| {
            encoder.encode(record, &mut piece).unwrap();
            opentelemetry_proto::tonic::logs::v1::LogRecord::decode(&*piece.record).unwrap()
        })
        .collect();
    let (begun, mut given) = (Instant::now(), 0);
    while begun.elapsed() < span {
        for record in &decoded {
            let mut log = logger.create_log_record();
            log.set_severity_number(Severity::Info);
            log.set_body(AnyValue::String("body".into()));
            for attribute in &record.attributes {
                log.add_attribute(
                    attribute.key.clone(),
                    value(attribute.value.as_ref().and_then(|v| v.value.as_ref())),
                );
            }
            logger.emit(log);
            given += 1;
        }
    }
    provider.shutdown_with_timeout(Duration::from_secs(60)).unwrap();
    given
}

fn value(of: Option<&Value>) -> AnyValue {
    match of {
        Some(Value::StringValue(text)) => AnyValue::String(text.clone().into()),
        Some(Value::IntValue(number)) => AnyValue::Int(*number),
        Some(Value::DoubleValue(number)) => AnyValue::Double(*number),
        Some(Value::BoolValue(truth)) => AnyValue::Boolean(*truth),
        Some(Value::ArrayValue(list)) => {
            AnyValue::ListAny(Box::new(list.values.iter().map(|one| value(one.value.as_ref())).collect()))
        }
        _ => AnyValue::String("".into()),
    }
}

/// Answers every request, and counts its records.
fn receiver() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap());
    let records = Arc::new(AtomicU64::new(0));
    for stream in listener.incoming() {
        let records = Arc::clone(&records);
        let stream = stream.unwrap();
        thread::spawn(move || serve(stream, &records));
    }
}

fn serve(stream: TcpStream, records: &AtomicU64) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut line, mut first) = (0, String::new(), String::new());
        while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if first.is_empty() {
                first.clone_from(&line);
            }
            line.clear();
        }
        if first.is_empty() {
            return;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let answer = if first.starts_with("GET") {
            records.load(Ordering::Relaxed).to_string()
        } else {
            let mut message = Vec::new();
            flate2::read::GzDecoder::new(&*body).read_to_end(&mut message).unwrap();
            let request = ExportLogsServiceRequest::decode(&*message).unwrap();
            let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
            let more: usize = scopes.map(|scope| scope.log_records.len()).sum();
            records.fetch_add(more as u64, Ordering::Relaxed);
            String::new()
        };
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: ";
        // In one write, or Nagle's algorithm waits for the acknowledgement of the first part.
        let answer = format!("{head}{}\r\n\r\n{answer}", answer.len());
        reader.get_mut().write_all(answer.as_bytes()).unwrap();
    }
}

fn count(address: &str) -> u64 {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap() > 2 {
        line.clear();
    }
    let mut digits = [0; 20];
    let read = reader.read(&mut digits).unwrap();
    std::str::from_utf8(&digits[..read]).unwrap().parse().unwrap()
}
