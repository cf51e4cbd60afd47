//! Benchmark `throughput FOLDER BYTES SECONDS`: fills a spool for some seconds, opens it again and empties it.
//! `cargo xtask bench spool` runs this example.
//!
//! Prints records appended per second, the longest sync in ms, records read and acknowledged per second,
//! records checked per second while opening, and records per second that the disk itself takes in such
//! groups.

use std::{
    env,
    error::Error,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use tracego_spool::{Appended, Moment, QueueLimits, Spool};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().collect();
    let [_, folder, size, seconds] = &args[..] else {
        return Err("usage: throughput FOLDER BYTES SECONDS".into());
    };
    let (folder, size, seconds) = (Path::new(folder), size.parse()?, Duration::from_secs(seconds.parse()?));
    let limits = QueueLimits { total_bytes: 64 << 30, ..QueueLimits::default() };
    let record = text(size);
    let disk = disk(folder, &record, seconds / 4)?;

    let (mut spool, _) = Spool::open(folder, limits, Moment::now())?;
    let start = Instant::now();
    let mut count = 0_u64;
    while start.elapsed() < seconds {
        // The time is read for each record, as by an owner that gets them one by one.
        for _ in 0..16 {
            if !matches!(spool.append(&record)?, Appended::Stored(_)) {
                return Err("a record was not taken".into());
            }
            count += 1;
            if spool.due(Moment::now()) && !spool.sync() {
                return Err("a sync failed".into());
            }
        }
    }
    let sync_max = spool.stats().sync_max;
    if spool.close() > 0 {
        return Err("the last sync failed".into());
    }
    let append = start.elapsed();

    let start = Instant::now();
    let (mut spool, recovery) = Spool::open(folder, limits, Moment::now())?;
    let open = start.elapsed();
    if recovery.waiting.records != count || !recovery.is_whole() {
        return Err(format!("{count} records, {recovery:?}").into());
    }

    let start = Instant::now();
    let mut got = 0;
    while let batch = spool.read(512 * 1024)
        && let Some(last) = batch.last_seq()
    {
        got += batch.len() as u64;
        spool.ack(last);
        if spool.due(Moment::now()) {
            spool.sync();
        }
    }
    if spool.close() > 0 || got != count {
        return Err(format!("{got} of {count} records were read").into());
    }
    let drain = start.elapsed();
    let rate = |time: Duration| count as f64 / time.as_secs_f64();
    let sync_max = sync_max.as_secs_f64() * 1e3;
    writeln!(std::io::stdout(), "{} {sync_max} {} {} {disk}", rate(append), rate(drain), rate(open))?;
    Ok(())
}

/// Returns the records per second of plain writes, each of 256 records and with an fdatasync, to files of 8
/// MiB.
fn disk(folder: &Path, record: &[u8], time: Duration) -> Result<f64, Box<dyn Error>> {
    let (path, group) = (folder.join("plain.tmp"), record.repeat(256));
    let (start, mut count, mut room) = (Instant::now(), 0_u64, 0);
    let mut file = std::fs::File::create(&path)?;
    while start.elapsed() < time {
        if room < group.len() {
            std::fs::remove_file(&path)?;
            (file, room) = (std::fs::File::create(&path)?, 8 << 20);
        }
        file.write_all(&group)?;
        file.sync_data()?;
        (count, room) = (count + 256, room - group.len());
    }
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

/// Returns a text that resembles a JSON record.
fn text(size: usize) -> Vec<u8> {
    let mut text = br#"{"schema":"example/1","event_name":"example.process.start","body":""#.to_vec();
    text.extend((text.len()..size.saturating_sub(2)).map(|at| b' ' + (at * 31 % 90) as u8));
    text.extend_from_slice(b"\"}");
    text
}
