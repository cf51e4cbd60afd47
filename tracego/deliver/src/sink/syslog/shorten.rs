//! Shortening of records whose messages are longer than the receiver takes: the least important parts are
//! left out first, and `tracego.completeness.truncated` names each part.

use tracego_model::record::Record;

/// A part of a record that can be left out.
struct RecordPart {
    /// Name of the attribute.
    name: &'static str,
    /// Removes the part. Returns whether the record had it.
    remove: fn(&mut Record) -> bool,
}

/// The parts, in the order in which they are left out. The arguments come last, and are cut and not left out.
const PARTS: [RecordPart; 11] = [
    RecordPart { name: "tracego.rlimit", remove: |record| record.tracego.rlimit.take().is_some() },
    RecordPart { name: "tracego.capability", remove: |record| record.tracego.capability.take().is_some() },
    RecordPart { name: "tracego.namespace", remove: |record| record.tracego.namespace.take().is_some() },
    RecordPart { name: "tracego.elf", remove: |record| record.tracego.elf.take().is_some() },
    RecordPart {
        name: "tracego.sinks",
        remove: |record| !std::mem::take(&mut record.tracego.sinks).is_empty(),
    },
    RecordPart { name: "body", remove: |record| cut(&mut record.body, TEXT) },
    RecordPart { name: "process.environment_variable", remove: |record| environment(record) },
    RecordPart {
        name: "tracego.environment_variable",
        remove: |record| record.tracego.environment_variable.take().is_some(),
    },
    RecordPart { name: "tracego.image", remove: |record| record.tracego.image.take().is_some() },
    RecordPart { name: "tracego.ancestors", remove: |record| record.tracego.ancestors.take().is_some() },
    RecordPart { name: "tracego.go", remove: |record| record.tracego.go.take().is_some() },
];

/// Length of a text that is cut, in bytes.
const TEXT: usize = 256;
/// Name of the arguments.
const ARGUMENTS: &str = "process.command_args";

/// Returns a shorter copy of the record, whose message has at most `max` bytes where that is possible.
/// `length`: returns the length of the message of a record; `None` if it cannot be encoded.
pub(super) fn shortened(record: &Record, max: usize, length: impl Fn(&Record) -> Option<usize>) -> Record {
    let mut record = record.clone();
    for part in PARTS {
        if !(part.remove)(&mut record) {
            continue;
        }
        mark(&mut record, part.name);
        if length(&record).is_none_or(|length| length <= max) {
            return record;
        }
    }
    cut_arguments(&mut record, max, length);
    record
}

fn mark(record: &mut Record, name: &'static str) {
    let truncated = &mut record.tracego.completeness.truncated;
    if !truncated.contains(&name) {
        truncated.push(name);
    }
}

fn environment(record: &mut Record) -> bool {
    record.process.as_mut().is_some_and(|process| process.environment_variable.take().is_some())
}

/// Keeps the arguments from the first on, as many as fit. The last one may be cut.
fn cut_arguments(record: &mut Record, max: usize, length: impl Fn(&Record) -> Option<usize>) {
    let Some(all) = record.process.as_mut().and_then(|process| process.command_args.take()) else { return };
    count_arguments(record, &all);
    mark(record, ARGUMENTS);
    let mut room = all.iter().map(|argument| argument.len() + FRAME).sum::<usize>();
    loop {
        if let Some(process) = &mut record.process {
            process.command_args = Some(first_of(&all, room));
        }
        let over = length(record).unwrap_or(0).saturating_sub(max);
        if over == 0 || room == 0 {
            return;
        }
        // Escapes make a message longer than its text, so this may take several rounds.
        room = if room > max { max } else { room - over.min(room / 4).max(1) };
    }
}

/// Adds the number and the size of the arguments, which a lean record leaves out while it shows all of them.
fn count_arguments(record: &mut Record, all: &[String]) {
    if !record.is_lean {
        return;
    }
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let unavailable = &record.tracego.completeness.unavailable;
    if let Some(process) = record.process.as_mut().filter(|_| !unavailable.contains(&"process.args_count")) {
        process.args_count.get_or_insert(number(all.len()));
    }
    if let Some(exec) = &mut record.tracego.exec {
        exec.args_bytes.get_or_insert(number(all.iter().map(|argument| argument.len() + 1).sum()));
    }
}

/// Number of bytes around an argument: quotes and a comma.
const FRAME: usize = 3;

/// Returns the first arguments, in all at most `room` bytes with what stands around them.
fn first_of(all: &[String], room: usize) -> Vec<String> {
    let (mut kept, mut room) = (Vec::new(), room);
    for argument in all {
        room = room.saturating_sub(FRAME);
        let mut argument = argument.clone();
        let whole = !cut(&mut argument, room);
        room = room.saturating_sub(argument.len());
        kept.push(argument);
        if !whole || room == 0 {
            break;
        }
    }
    kept
}

/// Cuts a text at a character. Returns whether it was longer.
fn cut(text: &mut String, max: usize) -> bool {
    let longer = text.len() > max;
    if longer {
        text.truncate(text.floor_char_boundary(max));
        text.push('…');
    }
    longer
}
