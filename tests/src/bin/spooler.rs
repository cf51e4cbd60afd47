//! Appends numbers to a spool and delivers them from it until it is killed: `spooler DIR FIRST`.
//!
//! Prints `D n`: everything up to n is durable. `R n`: n was delivered, and is acknowledged after this line.
//! `G n`: n records are missing.
#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test that reads its output")]

use std::{env, fmt::Write as _, io::Write as _, path::Path, sync::Mutex, thread, time::Duration};

use tracego_spool::{Appended, Item, Moment, QueueLimits, Spool, SyncPolicy};

fn main() {
    let args: Vec<String> = env::args().collect();
    let first: u64 = args[2].parse().unwrap();
    let limits = QueueLimits {
        segment_bytes: 100_000,
        sync: SyncPolicy { records: 64, millis: 3 },
        ..QueueLimits::default()
    };
    let (spool, recovery) = Spool::open(Path::new(&args[1]), limits, Moment::now()).unwrap();
    assert!(recovery.damaged.is_empty() && recovery.gaps.is_empty(), "{recovery:?}");
    let spool = Mutex::new(spool);
    thread::scope(|scope| {
        scope.spawn(|| append(&spool, first));
        scope.spawn(|| deliver(&spool));
    });
}

fn append(spool: &Mutex<Spool>, first: u64) {
    let mut durable = Vec::new();
    for number in first.. {
        let mut record = number.to_string().into_bytes();
        record.resize(record.len() + (number * 7919 % 900) as usize, b' ');
        let mut spool = spool.lock().unwrap();
        assert!(matches!(spool.append(&record), Ok(Appended::Stored(_))));
        if number % 16 == 0 {
            spool.flush();
        }
        if spool.due(Moment::now()) && spool.sync() {
            durable.push(number);
        }
        drop(spool);
        for number in durable.drain(..) {
            say(&format!("D {number}\n"));
        }
        if number % 16 == 0 {
            thread::sleep(Duration::from_micros(200));
        }
    }
}

fn deliver(spool: &Mutex<Spool>) {
    loop {
        let batch = spool.lock().unwrap().read(3000);
        let Some(last) = batch.last_seq() else {
            thread::sleep(Duration::from_micros(300));
            continue;
        };
        let mut text = String::new();
        for item in batch.iter() {
            match item {
                Item::Record(_, bytes) => {
                    writeln!(text, "R {}", std::str::from_utf8(bytes).unwrap().trim_end()).unwrap();
                }
                Item::Gap(gap) => writeln!(text, "G {}", gap.count()).unwrap(),
            }
        }
        say(&text);
        spool.lock().unwrap().ack(last);
    }
}

/// Prints with one write, which a pipe accepts as a whole.
fn say(text: &str) {
    assert!(text.len() <= libc::PIPE_BUF);
    std::io::stdout().lock().write_all(text.as_bytes()).unwrap();
    std::io::stdout().lock().flush().unwrap();
}
