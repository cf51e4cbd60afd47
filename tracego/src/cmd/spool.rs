//! The command `tracego spool`: shows queues on the disk, and drains one.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use tracego_deliver::sink::otlp::{OtlpPayload, readable};
use tracego_model::clock::Time;
use tracego_spool::{Gap, Item, Moment, QueueLimits, Spool, Survey, is_spool, survey};

use super::{code, plain_output::PlainOutput};
use crate::cli::{Spool as Options, SpoolCommand};

/// Number of bytes read, written and acknowledged at once.
const BATCH: usize = 1 << 20;

/// Runs the command.
///
/// # Errors
/// Fails if a folder cannot be read, if another process uses it, or if standard output cannot be written.
pub(super) fn spool(options: &Options) -> anyhow::Result<ExitCode> {
    match &options.command {
        SpoolCommand::Ls(look) => {
            print(&look.folder, look.report.is_json(), false)?;
            Ok(ExitCode::SUCCESS)
        }
        SpoolCommand::Verify(look) => {
            let whole = print(&look.folder, look.report.is_json(), true)?;
            Ok(if whole { ExitCode::SUCCESS } else { ExitCode::from(code::RUNNING) })
        }
        SpoolCommand::Drain(look) => drain(&look.folder, look.report.is_json()),
    }
}

/// Returns the folder itself if it is a spool, otherwise the spools in it.
fn spools(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if is_spool(folder) {
        return Ok(vec![folder.to_owned()]);
    }
    let entries = fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
    let mut found: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| is_spool(path)).collect();
    found.sort();
    anyhow::ensure!(!found.is_empty(), "{}: no spool, and none in it", folder.display());
    Ok(found)
}

/// Prints each spool. Returns whether all are whole.
fn print(folder: &Path, json: bool, verify: bool) -> anyhow::Result<bool> {
    let mut out = PlainOutput::stdout(json);
    let mut whole = true;
    for path in spools(folder)? {
        let survey = survey(&path).with_context(|| format!("{}", path.display()))?;
        whole &= survey.whole;
        if json {
            let mut line = json!({"folder": path.to_string_lossy(), "spool": survey});
            for (n, segment) in survey.segments.iter().enumerate() {
                line["spool"]["segments"][n]["made"] = json!(segment.made.map(Time));
            }
            serde_json::to_writer(&mut out, &line)?;
            writeln!(out)?;
        } else {
            text(&mut out, &path, &survey, verify)?;
        }
    }
    Ok(whole)
}

fn text(out: &mut impl io::Write, path: &Path, survey: &Survey, verify: bool) -> io::Result<()> {
    let Survey { waiting, acked, next, .. } = survey;
    writeln!(out, "{}", path.display())?;
    writeln!(
        out,
        "  {} records wait, {} bytes; acknowledged to {acked}, next is {next}",
        waiting.records, waiting.bytes
    )?;
    if !verify {
        for segment in &survey.segments {
            let since = segment.made.map(|made| format!("  {}", Time(made).text())).unwrap_or_default();
            let damaged = if segment.damaged { "  damaged" } else { "" };
            writeln!(
                out,
                "  {}  {} records, {} bytes{since}{damaged}",
                segment.name, segment.records, segment.bytes
            )?;
        }
    }
    for gap in &survey.gaps {
        writeln!(out, "  {}", missing(gap))?;
    }
    if survey.unfinished > 0 {
        writeln!(out, "  {} bytes at the end are not a whole record", survey.unfinished)?;
    }
    for name in &survey.misplaced {
        writeln!(out, "  {name}  has the name of another segment, or is a copy, or is of another spool")?;
    }
    for name in &survey.bad {
        writeln!(out, "  {name}  was set aside as damaged")?;
    }
    if verify {
        let damaged = survey.segments.iter().filter(|segment| segment.damaged).count();
        match survey.whole {
            true => writeln!(out, "  whole"),
            false if damaged > 0 => {
                writeln!(out, "  damaged: {damaged} of {} segments", survey.segments.len())
            }
            false if !survey.misplaced.is_empty() => writeln!(out, "  not whole: files are misplaced"),
            false => writeln!(out, "  not whole: the cursor, or records, are missing"),
        }?;
    }
    Ok(())
}

fn missing(gap: &Gap) -> String {
    format!("missing: {} to {}, {} records ({})", gap.first, gap.last, gap.count(), gap.reason.name())
}

/// Writes all waiting records to standard output, and acknowledges what was written.
fn drain(folder: &Path, json: bool) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(is_spool(folder), "{}: not a spool; name the folder of one sink", folder.display());
    // The limit is never reached, since nothing is appended.
    let limits = QueueLimits { total_bytes: u64::MAX, ..QueueLimits::default() };
    let (mut spool, recovery) = Spool::open(folder, limits, Moment::now())?;
    if !recovery.is_whole() {
        message!("tracego: {}: {}", folder.display(), serde_json::to_string(&recovery)?);
    }
    let mut out = io::stdout().lock();
    let mut bytes = Vec::new();
    let mut incomplete = false;
    loop {
        spool.due(Moment::now());
        let batch = spool.read(BATCH);
        let Some(last) = batch.last_seq() else {
            // Syncing writes the frame of a gap that is still open.
            spool.sync();
            if spool.read(1).is_empty() {
                break;
            }
            spool.rewind();
            continue;
        };
        bytes.clear();
        for item in batch.iter() {
            incomplete |= matches!(item, Item::Gap(_));
            put(&mut bytes, item, json)?;
        }
        match out.write_all(&bytes).and_then(|()| out.flush()) {
            Ok(()) => spool.ack(last),
            // The reader closed its end; unread records keep waiting.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            Err(error) => return Err(error).context("standard output"),
        }
        spool.sync();
    }
    spool.sync();
    while let Some(notice) = spool.notice() {
        message!("tracego: {notice}");
    }
    Ok(if incomplete { ExitCode::from(code::INCOMPLETE) } else { ExitCode::SUCCESS })
}

/// Formats an item. Without `json`: the record as it is, with a line end. With `json`: one object per item,
/// with the record as text if it is valid UTF-8. OTLP records become OTLP's JSON, because their bytes are not
/// readable.
fn put(to: &mut Vec<u8>, item: Item<'_>, json: bool) -> io::Result<()> {
    let otlp = match item {
        Item::Record(_, bytes) => OtlpPayload::parse(bytes).is_ok().then(|| readable(bytes)),
        Item::Gap(_) => None,
    };
    match (item, json) {
        (Item::Record(seq, _), true) if otlp.is_some() => {
            serde_json::to_writer(&mut *to, &json!({"seq": seq, "record": otlp}))?;
        }
        (Item::Record(_, bytes), false) => {
            match &otlp {
                Some(value) => serde_json::to_writer(&mut *to, value)?,
                None => to.extend_from_slice(bytes),
            }
            if !to.ends_with(b"\n") {
                to.push(b'\n');
            }
            return Ok(());
        }
        (Item::Gap(gap), false) => {
            message!("tracego: {}", missing(&gap));
            return Ok(());
        }
        (Item::Record(seq, bytes), true) => {
            let line = match std::str::from_utf8(bytes) {
                Ok(text) => json!({"seq": seq, "record": text}),
                Err(_) => json!({"seq": seq, "base64": STANDARD.encode(bytes)}),
            };
            serde_json::to_writer(&mut *to, &line)?;
        }
        (Item::Gap(gap), true) => serde_json::to_writer(&mut *to, &json!({"gap": gap}))?,
    }
    to.push(b'\n');
    Ok(())
}
