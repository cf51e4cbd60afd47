//! A queue that is opened twice, and has to drop records: `cargo run -p tracego-spool --example queue FOLDER`.
//!
//! Appends more records than there is space for, delivers some of them, opens the folder again as after a
//! restart, and delivers the rest. The dropped records are reported as a gap in their place.

use std::{
    env,
    error::Error,
    io::{self, Write as _},
    path::Path,
};

use tracego_spool::{Item, Moment, OnFull, QueueLimits, Spool};

/// Space for about 100 of the records, in segments of 20.
const LIMITS: QueueLimits = QueueLimits {
    segment_bytes: 2_200,
    total_bytes: 20_000,
    max_age: None,
    on_full: OnFull::DropOldest,
    sync: tracego_spool::SyncPolicy { records: 10, millis: 100 },
    memory_bytes: 64 << 10,
    compress: false,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args().nth(1).ok_or("usage: queue FOLDER")?;
    let folder = Path::new(&folder);

    let mut spool = open(folder)?;
    for number in 1..=200 {
        spool.append(format!("{number:100}").as_bytes())?;
        if spool.due(Moment::now()) && !spool.sync() {
            return Err("the disk does not take the records".into());
        }
    }
    spool.sync();
    // One batch is delivered; a second one is read, but not acknowledged.
    deliver(&mut spool)?;
    let unacknowledged = spool.read(1000).len();
    writeln!(io::stdout(), "{unacknowledged} items are read and not acknowledged")?;
    if spool.close() > 0 {
        return Err("records are lost".into());
    }

    let mut spool = open(folder)?;
    while deliver(&mut spool)? {}
    let stats = spool.stats();
    writeln!(io::stdout(), "{} records delivered, {} wait", stats.acked.records, stats.depth.records)?;
    if spool.close() > 0 {
        return Err("records are lost".into());
    }
    Ok(())
}

fn open(folder: &Path) -> Result<Spool, Box<dyn Error>> {
    let (spool, recovery) = Spool::open(folder, LIMITS, Moment::now())?;
    writeln!(
        io::stdout(),
        "{} records wait, acknowledged up to {}",
        recovery.waiting.records,
        recovery.acked
    )?;
    Ok(spool)
}

/// Prints what is in one batch, and acknowledges it. Returns whether there was one.
fn deliver(spool: &mut Spool) -> Result<bool, Box<dyn Error>> {
    let batch = spool.read(1000);
    let Some(last) = batch.last_seq() else { return Ok(false) };
    let mut out = io::stdout().lock();
    for item in batch.iter() {
        if let Item::Gap(gap) = item {
            let reason = gap.reason.name();
            writeln!(out, "{} to {} are missing: {} records ({reason})", gap.first, gap.last, gap.count())?;
        }
    }
    writeln!(out, "{} items delivered, up to number {last}", batch.len())?;
    spool.ack(last);
    Ok(true)
}
