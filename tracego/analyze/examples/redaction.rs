//! Time of redacting command lines: ordinary ones, and ones made to be slow.
//!
//! `cargo run --release -p tracego-analyze --example redaction [NAME]`. With the name of a line, only that one is
//! redacted, once, so that `valgrind --tool=callgrind --toggle-collect='*Redactor*args*'` counts its instructions.
#![expect(clippy::print_stdout, reason = "the table is the result")]

use std::{env, hint::black_box, time::Instant};

use tracego_analyze::redact::{Redaction, Redactor};

#[path = "../tests/redaction/hostile.rs"]
mod hostile;

/// An ordinary command line of a build.
const COMPILE: &str = "/usr/lib/go/pkg/tool/linux_amd64/compile -o /tmp/go-build1/b001/_pkg_.a -trimpath \
    /tmp/go-build1/b001=> -p example.com/shop/internal/orders -lang=go1.24 -complete -buildid aBcD/aBcD -goversion \
    go1.27 -c=4 -shared -nolocalimports -importcfg /tmp/go-build1/b001/importcfg -pack -D /srv/shop";

fn main() {
    let redactor = Redactor::standard();
    let words = |length: usize| -> Vec<String> {
        let mut words: Vec<String> = COMPILE.split(' ').map(str::to_owned).collect();
        let mut n = 0;
        while words.iter().map(String::len).sum::<usize>() < length {
            words.push(format!("./internal/orders/handler_{n}_test.go"));
            n += 1;
        }
        words
    };
    let mut lines = vec![
        ("compile, 4 KiB".to_owned(), words(4 << 10)),
        ("compile, 256 KiB".to_owned(), words(255 << 10)),
        ("compile, 4 KiB (sh)".to_owned(), vec!["sh".into(), "-c".into(), words(4 << 10).join(" ")]),
        ("compile, 256 KiB (sh)".to_owned(), vec!["sh".into(), "-c".into(), words(240 << 10).join(" ")]),
    ];
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
