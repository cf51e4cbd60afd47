//! Writes numbers to a file that is rotated all the time, until it is killed.
//!
//! Usage: `filer PATH FIRST COMPRESS [sealed [BATCHES]]`. With `sealed`, it writes records to a sealed file;
//! with BATCHES, it ends after that number of batches.
//!
//! Prints `n m`: everything up to n is done, and m files were compressed.
#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test that reads its output")]

use std::{env, io::Write as _, time::Duration};

use tracego_deliver::{
    format::Format,
    sink::file::{Compress, FileSettings, FileTransport, SyncMode},
};
use tracego_model::{
    meta::Meta,
    record::event_name,
    units::{Bytes, Span},
};
use tracego_tests::samples;

fn main() {
    let args: Vec<String> = env::args().collect();
    let first: u64 = args[2].parse().unwrap();
    let compress = match args[3].as_str() {
        "gzip" => Compress::Gzip,
        "zstd" => Compress::Zstd,
        _ => Compress::None,
    };
    let seal = args.get(4).is_some_and(|word| word == "sealed");
    let settings = FileSettings {
        rotate_bytes: Some(Bytes(30_000)),
        compress,
        sync: SyncMode::Never,
        seal,
        seal_interval: seal.then_some(Span(Duration::from_millis(10))),
        ..FileSettings::new(&args[1])
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut file = match settings.seal {
        true => FileTransport::sealed(&settings, "filer", &Meta::default()).unwrap(),
        false => FileTransport::open(&settings).unwrap(),
    };
    let batches = args.get(5).map_or(u64::MAX, |batches| batches.parse().unwrap());
    let mut next = first;
    for _ in 0..batches {
        let end = next + 1 + next % 29;
        let lines: Vec<String> = (next..end).map(if settings.seal { record } else { line }).collect();
        let batch: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        let delivered = runtime.block_on(file.deliver(&batch));
        assert!(delivered.trouble.is_none() && delivered.refused.is_empty(), "{delivered:?}");
        let counts = file.counts();
        assert_eq!(counts.cleanup_failures, 0);
        next = end;
        // One write, which a pipe accepts as a whole.
        std::io::stdout()
            .lock()
            .write_all(format!("{} {}\n", next - 1, counts.compressed).as_bytes())
            .unwrap();
        std::io::stdout().lock().flush().unwrap();
    }
    runtime.block_on(file.close());
}

fn record(number: u64) -> String {
    let mut record = samples::minimal(event_name::START, u32::try_from(number).unwrap());
    record.body = line(number);
    let mut out = Vec::new();
    Format::Json.write(&record, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn line(number: u64) -> String {
    format!("{number:0>width$}\n", width = 12 + (number * 7919 % 900) as usize)
}
