//! Arguments: redacting twice is redacting once, every change is reported, and a secret that is put among the
//! arguments goes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracego_analyze::redact::{MARK, Redaction, Redactor};

const SECRET: &str = "hunter2Tr0ub4dor";

fuzz_target!(|bytes: &[u8]| {
    let redactor = Redactor::standard();
    let text = String::from_utf8_lossy(bytes);
    let args: Vec<String> = text.split('\0').take(64).map(str::to_owned).collect();
    let mut once = args.clone();
    let done = redactor.args(&mut once);
    let changed = (0..).zip(args.iter().zip(&once)).filter(|(_, (before, after))| before != after);
    assert_eq!(done.changed, changed.map(|(n, _)| n).collect::<Vec<u32>>());
    let mut twice = once.clone();
    assert_eq!(redactor.args(&mut twice), Redaction::default());
    // Behind `--`, no argument before can say that this one is something else.
    let mut planted = args;
    planted.extend(["--".to_owned(), format!("--db-password={SECRET}")]);
    redactor.args(&mut planted);
    assert!(planted.last().is_some_and(|last| last.ends_with(MARK)), "{planted:?}");
    for mut text in [text.into_owned(), format!("DB_PASSWORD={SECRET}")] {
        redactor.text(&mut text);
        redactor.path(&mut text);
        let whole = text.clone();
        redactor.variable("DB_PASSWORD", &mut text);
        assert!(text == MARK || !text.contains(SECRET), "{whole}");
    }
});
