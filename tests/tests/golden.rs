//! Captures of real sessions and the records that they give, byte for byte except for the version.
//!
//! `TRACEGO_BLESS=1 cargo xtask test` writes new ones; inspect the difference first.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{fs, path::Path};

use proptest::{prelude::*, sample::Index, test_runner::Config};
use tracego::pipeline::{Consumer as _, Pipeline};
use tracego_analyze::{rules::settings::RuleSettings, rules_stage::RulesStage};
use tracego_deliver::sink::direct::{DirectFormat, DirectOutput, text::Style};
use tracego_model::capture::{CaptureError, CaptureReader};
use tracego_tests::Memory;

/// Replays a capture up to its damage. Returns the records, and the error if there is one.
fn replay(bytes: &[u8], format: DirectFormat) -> (String, Option<CaptureError>) {
    let mut reader = match CaptureReader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return (String::new(), Some(error)),
    };
    let memory = Memory::default();
    let judge = RulesStage::new(RuleSettings::default());
    let sink = DirectOutput::new(Box::new(memory.clone()), format);
    let mut pipeline = Pipeline::new(reader.meta(), u32::MAX, Some(judge), sink);
    let end = loop {
        match reader.next_input() {
            Ok(Some(input)) => pipeline.take(input).unwrap(),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let version = format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION"));
    let text = memory.text();
    (text.replace(&version, "\"version\":\"0\""), end)
}

fn captures() -> Vec<std::path::PathBuf> {
    let all = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")).unwrap();
    let mut paths: Vec<_> = all.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "capture"));
    paths.sort();
    assert!(paths.len() >= 3, "{paths:?}");
    paths
}

#[test]
fn captures_give_their_records() {
    let json = (DirectFormat::JSON, "json");
    let text = (DirectFormat::Text(Style { colour: false, tree: true }), "txt");
    for path in captures() {
        for (format, extension) in [json, text] {
            let (records, end) = replay(&fs::read(&path).unwrap(), format);
            assert!(end.is_none(), "{end:?}");
            if extension == "json" {
                assert!(!tracego_tests::records(&records).is_empty());
            }
            let golden = path.with_extension(extension);
            if std::env::var_os("TRACEGO_BLESS").is_some() {
                fs::write(&golden, &records).unwrap();
            }
            assert!(fs::read_to_string(&golden).unwrap() == records, "{} differs", golden.display());
        }
    }
}

proptest! {
    // As many cases as take a second or two; `cargo xtask fuzz capture` tests more.
    #![proptest_config(Config { cases: 256, failure_persistence: None, ..Config::default() })]

    /// Damage gives the records before it and an error, never a panic.
    #[test]
    fn no_damage_makes_it_panic(which in any::<Index>(), at in any::<Index>(), change in 1_u8..) {
        let whole = fs::read(which.get(&captures())).unwrap();
        let at = at.index(whole.len());
        let mut bytes = whole.clone();
        bytes[at] ^= change;
        prop_assert!(replay(&bytes, DirectFormat::JSON).1.is_some());
        let (_, end) = replay(&whole[..at], DirectFormat::JSON);
        prop_assert!(matches!(end, Some(CaptureError::Cut(_) | CaptureError::Foreign)), "{end:?}");
    }
}

#[test]
fn every_format_is_offered_on_the_command_line() {
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/go.capture");
    for format in tracego_deliver::format::Format::ALL {
        let mut replay = std::process::Command::new(tracego_tests::tracego());
        let output = replay.args(["replay", "--format", format.name()]).arg(&capture).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines: Vec<&str> = std::str::from_utf8(&output.stdout).unwrap().lines().collect();
        // Lean formats have records that others refer to.
        let count = if format.can_be_lean() { 31 } else { 17 };
        assert_eq!(lines.len(), count, "{}", format.name());
        let json = |line: &&str| serde_json::from_str::<serde_json::Value>(line).is_ok();
        assert_eq!(lines.iter().all(json), format.name() != "cef", "{}", format.name());
    }
}
