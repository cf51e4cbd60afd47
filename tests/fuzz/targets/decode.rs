//! Events of the ring: decode → assemble → enrich → JSON.
//!
//! The input is one event or several in sequence, each as long as its header says, because the chunks of a
//! long argv are events of their own.
#![no_main]
#![expect(clippy::expect_used, reason = "a failure here is what is looked for")]

use libfuzzer_sys::fuzz_target;
use tracego_analyze::enrich::Enricher;
use tracego_deliver::format::json;
use tracego_model::{
    event::{
        Event, Exec,
        decode::{decode, is_piece},
        pieces::Assembler,
    },
    meta::Meta,
};

fuzz_target!(|input: &[u8]| {
    let mut assembler = Assembler::default();
    let mut enricher = Enricher::new(Meta::default());
    let mut rest = input;
    while !rest.is_empty() {
        let size = rest.get(4..8).and_then(|size| size.try_into().ok()).map_or(0, u32::from_le_bytes);
        // At least one byte, so that the loop ends.
        let (record, tail) = rest.split_at((size as usize).clamp(1, rest.len()));
        rest = tail;
        let Ok(event) = decode(record) else { continue };
        assert_eq!(size as usize, record.len());
        assert_eq!(matches!(event, Event::Chunk(_)), is_piece(record));
        let id = event.id();
        let Some(event) = assembler.take(event) else { continue };
        assert_eq!(event.id(), id);
        if let Event::Exec(exec) = &event {
            check(exec);
        }
        let made = enricher.record(&event, None).expect("only a piece of argv gives no record");
        let mut line = Vec::new();
        json::write(&made.record, &mut line).expect("every record can be written");
        assert_eq!(line.iter().position(|&b| b == b'\n'), Some(line.len() - 1), "one line");
        serde_json::from_slice::<serde::de::IgnoredAny>(&line).expect("JSON that others can read");
    }
});

/// Checks that paths are not empty, and that arguments and variables hold exactly the bytes.
fn check(exec: &Exec<'_>) {
    assert!(!exec.exe.is_empty() && !exec.cwd.is_empty() && !exec.cgroup.is_empty());
    let joined = exec.args().collect::<Vec<_>>().join(&0);
    assert_eq!(joined, exec.argv.strip_suffix(&[0]).unwrap_or(&exec.argv));
    assert!(exec.args().all(|arg| !arg.contains(&0)));
    for (name, value) in exec.variables() {
        assert!(!name.contains(&b'=') && !name.contains(&0) && !value.contains(&0));
        assert!(name.len() + value.len() < exec.env.len());
    }
}
