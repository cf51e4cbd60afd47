//! Fixed work whose instructions `cargo xtask instructions` counts under callgrind. Prints a line for each work: its
//! units and its name. [`mark`] is called before and after each work.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints and stops at errors")]

use std::{
    fs::{self, File},
    hint::black_box,
    path::Path,
};

use tracego::pipeline::{Consumer as _, Pipeline};
use tracego_analyze::{redact::Redactor, rules::settings::RuleSettings, rules_stage::RulesStage};
use tracego_deliver::{
    detail::Detail,
    format::otlp::{EncodedRecord, Encoding, LogEncoder},
    sink::direct::{DirectFormat, DirectOutput},
};
use tracego_model::capture::CaptureReader;
use tracego_tests::samples;

/// Callgrind writes what it has counted when this is called, and counts from zero.
#[inline(never)]
fn mark() {
    black_box(());
}

/// Does a work once without counting, so that what happens only once is over, and then once more. `work` returns the
/// number of its units.
fn measure(name: &str, mut work: impl FnMut() -> usize) {
    work();
    mark();
    let units = work();
    mark();
    println!("{units} {name}");
}

/// Number of times that a pipeline is given a capture: the work that is done once for a pipeline is then a small part.
const ROUNDS: usize = 20;

/// Replays captures to JSON in a file. Returns the number of records.
fn replay(captures: &[Vec<u8>], rules: bool) -> usize {
    let out = tempfile::NamedTempFile::new().unwrap();
    for capture in captures {
        let reader = || CaptureReader::new(&capture[..]).unwrap();
        let judge = rules.then(|| RulesStage::new(RuleSettings::default()));
        let sink = DirectOutput::new(
            Box::new(File::options().append(true).open(out.path()).unwrap()),
            DirectFormat::JSON,
        );
        let mut pipeline =
            Pipeline::new(reader().meta(), u32::MAX, judge, sink.detailed(Detail::Lean, false));
        for _ in 0..ROUNDS {
            let mut reader = reader();
            while let Some(input) = reader.next_input().unwrap() {
                pipeline.take(input).unwrap();
            }
        }
        pipeline.end().unwrap();
    }
    fs::read(out.path()).unwrap().iter().filter(|byte| **byte == b'\n').count()
}

/// Returns a command line of 4 KiB with a few secrets among common words.
fn command_line() -> Vec<String> {
    let mut args = vec!["curl".to_owned()];
    let mut size = 0;
    for n in 0.. {
        let arg = match n % 8 {
            0 => format!("--header=Authorization: Bearer abcdefghij{n:06}"),
            1 => format!("https://user:secret{n}@host{n}.example/path?token=t{n:08}"),
            2 => format!("--output=/var/tmp/file-{n}.json"),
            3 => format!("NAME_{n}=value of common length {n}"),
            4 => format!("--password=hunter{n}"),
            _ => format!("/usr/include/common/word-{n}.h"),
        };
        size += arg.len();
        if size > 4096 {
            break;
        }
        args.push(arg);
    }
    args
}

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    // Those with common arguments: in the others, redaction of huge ones takes nearly all.
    let captures = ["job", "go"].map(|name| fs::read(folder.join(name).with_extension("capture")).unwrap());
    measure("replay to JSON in a file, a record", || replay(&captures, false));
    measure("replay with all rules, a record", || replay(&captures, true));
    let (redactor, args) = (Redactor::standard(), command_line());
    measure("redaction of a command line of 4 KiB", || {
        black_box(redactor.args(&mut black_box(args.clone())));
        1
    });
    let records = samples::captured();
    let (encoder, mut piece) = (LogEncoder::new(Encoding::Protobuf, Vec::new()), EncodedRecord::default());
    measure("OTLP protobuf, a record", || {
        for record in &records {
            encoder.encode(record, &mut piece).unwrap();
            black_box(&piece);
        }
        records.len()
    });
}
