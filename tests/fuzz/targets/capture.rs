//! Capture files: reading any bytes ends with an error or at the end of the file, and the inputs that were
//! read can be written and read again.
#![no_main]
#![expect(clippy::expect_used, reason = "a failure here is what is looked for")]

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use libfuzzer_sys::fuzz_target;
use tracego::pipeline::{Consumer, Pipeline};
use tracego_analyze::{rules::settings::RuleSettings, rules_stage::RulesStage};
use tracego_deliver::sink::direct::{DirectFormat, DirectOutput, text::Style};
use tracego_model::{
    capture::{CaptureError, CaptureReader, CaptureWriter},
    input::Input,
    meta::Meta,
};

fuzz_target!(|input: &[u8]| {
    replay(input);
    // A changed payload hardly ever passes its checksum.
    let mut repaired = input.to_vec();
    repair(&mut repaired);
    if repaired != input {
        replay(&repaired);
    }
});

/// Corrects the checksum of each complete frame.
fn repair(bytes: &mut [u8]) {
    let mut frames = bytes.get_mut(12..).unwrap_or_default();
    while let Some((head, rest)) = frames.split_at_mut_checked(12) {
        let len = head[4..8].try_into().map_or(0, u32::from_le_bytes);
        let Some((payload, tail)) = rest.split_at_mut_checked(len as usize) else { return };
        let (covered, sum) = head.split_at_mut(8);
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(covered);
        hasher.update(payload);
        sum.copy_from_slice(&hasher.finalize().to_le_bytes());
        frames = tail;
    }
}

/// Replays all readable inputs through both sinks, and once more through a file.
fn replay(bytes: &[u8]) {
    let Ok(reader) = CaptureReader::new(bytes) else { return };
    let meta = reader.meta();
    let (inputs, end) = read(reader);
    assert!(!matches!(end, Err(CaptureError::Io(_))), "memory cannot fail");
    let text = DirectFormat::Text(Style { colour: true, tree: true });
    for format in [DirectFormat::JSON, text] {
        pipeline(bytes, &meta, format);
    }
    let again =
        CaptureReader::new(io::Cursor::new(write(&meta, bytes))).expect("what was written is a capture");
    assert_eq!(description(&again.meta()), description(&meta));
    let (inputs_again, end) = read(again);
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(inputs_again, inputs);
}

/// Returns each input as text, and how reading ended. Text, because `Input` cannot be compared.
fn read<R: io::Read>(mut reader: CaptureReader<R>) -> (Vec<String>, Result<(), CaptureError>) {
    let mut inputs = Vec::new();
    loop {
        match reader.next_input() {
            Ok(Some(input)) => inputs.push(format!("{input:?}")),
            Ok(None) => return (inputs, Ok(())),
            Err(error) => return (inputs, Err(error)),
        }
    }
}

fn each(bytes: &[u8], mut take: impl FnMut(Input)) {
    let mut reader = CaptureReader::new(bytes).expect("it could be read before");
    while let Ok(Some(input)) = reader.next_input() {
        take(input);
    }
}

fn pipeline(bytes: &[u8], meta: &Meta, format: DirectFormat) {
    let judge = RulesStage::new(RuleSettings::default());
    let mut pipeline =
        Pipeline::new(meta.clone(), u32::MAX, Some(judge), DirectOutput::new(Box::new(io::sink()), format));
    each(bytes, |input| pipeline.take(input).expect("nothing refuses it"));
    pipeline.end().expect("nothing refuses it");
    let ledger = pipeline.ledger();
    assert_eq!(ledger.processed, ledger.written + ledger.unrequested, "{ledger}");
    assert!(!ledger.to_string().is_empty());
}

fn write(meta: &Meta, bytes: &[u8]) -> Vec<u8> {
    let file = Memory::default();
    let mut writer = CaptureWriter::new(Box::new(file.clone()), meta).expect("memory takes it");
    each(bytes, |input| writer.take(input).expect("memory takes it"));
    writer.end().expect("memory takes it");
    let written = file.0.lock().unwrap_or_else(PoisonError::into_inner);
    written.clone()
}

/// Formats the description of a run that a capture stores.
fn description(meta: &Meta) -> String {
    let mut users: Vec<_> = meta.users.iter().collect();
    users.sort_unstable();
    let Meta { origin, boot_id, injected, tick_hz, page_size, instance, .. } = meta;
    format!("{origin:?} {boot_id} {injected:?} {users:?} {tick_hz} {page_size} {instance}")
}

/// A file in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
