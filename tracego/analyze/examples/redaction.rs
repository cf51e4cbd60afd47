//! Time of redacting command lines: ordinary ones, and ones made to be slow.
//!
//! `cargo run --release -p tracego-analyze --example redaction [NAME]`. With the name of a line, only that one is
//! redacted, once, so that `valgrind --tool=callgrind --toggle-collect='*Redactor*args*'` counts its instructions.
#![expect(clippy::print_stdout, reason = "the table is the result")]

use std::{env, hint::black_box, time::Instant};

use tracego_analyze::redact::{Redaction, Redactor};

#[path = "../tests/redaction/hostile.rs"]
mod hostile;
#[path = "../tests/redaction/ordinary.rs"]
mod ordinary;

fn main() {
    let redactor = Redactor::standard();
    let mut lines = Vec::new();
    for length in [4, 256] {
        let ordinary = ordinary::ordinary(length << 10).into_iter();
        lines.extend(ordinary.map(|(kind, line)| (format!("{kind}, {length} KiB"), line)));
    }
    for pattern in hostile::HOSTILE {
        let text = pattern.repeat(120_000 / pattern.len());
        let name = |kind: &str| format!("{pattern} ({kind})");
        lines
            .push((name("arguments"), text.split_inclusive(pattern).take(7000).map(str::to_owned).collect()));
        lines.push((name("sh"), vec!["sh".to_owned(), "-c".to_owned(), text.clone()]));
        lines.push((name("text"), vec!["true".to_owned(), text.clone(), text]));
    }
    let wanted = env::args().nth(1);
    let runs = if wanted.is_some() { 1 } else { 7 };
    lines.retain(|(name, _)| wanted.as_ref().is_none_or(|wanted| wanted == name));
    println!("{:>10} {:>9} {:>8} {:>7}  line", "µs", "bytes", "changed", "unread");
    for (name, line) in lines {
        let bytes: usize = line.iter().map(String::len).sum();
        let mut best = f64::MAX;
        let mut done = Redaction::default();
        for _ in 0..runs {
            let mut args = line.clone();
            let start = Instant::now();
            done = redactor.args(black_box(&mut args));
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!("{:10.1} {bytes:9} {:8} {:7}  {name}", best * 1e6, done.changed.len(), done.unread);
    }
}
