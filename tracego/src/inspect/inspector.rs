//! Program starts of a batch → notes to them.

use tracego_common::{ExecFixed, Header, RecordKind};
use zerocopy::FromBytes as _;

use super::{
    images::{self, Images},
    note::Note,
    open::{Opener, Process},
};
use crate::{
    decode::decode,
    event::{Event, Exec},
    input::Batch,
};

/// Looks at what program starts leave behind.
pub struct Inspector {
    images: Images,
}

impl Default for Inspector {
    fn default() -> Self {
        Self { images: Images::new(Opener::default(), images::BYTES) }
    }
}

impl Inspector {
    /// Adds what can be found out about each program start of a batch.
    pub fn look(&mut self, batch: &mut Batch) {
        let notes = batch.iter().enumerate().filter_map(|(at, record)| self.note(at, record)).collect();
        batch.set_notes(notes);
    }

    fn note(&mut self, at: usize, record: &[u8]) -> Option<Note> {
        let (header, _) = Header::read_from_prefix(record).ok()?;
        if RecordKind::from_raw(header.kind) != Some(RecordKind::Exec) {
            return None;
        }
        // A copy, because records lie in a batch without alignment.
        let (fixed, _) = ExecFixed::read_from_prefix(record).ok()?;
        let known = self.images.known((fixed.exe_dev, fixed.exe_inode, fixed.exe_ctime_ns));
        let image = match known {
            Some(image) => Ok(image),
            // Only here: most starts are of a file that is known, and need no decoding yet.
            None => self.images.get(&process(&*exec(record)?)),
        };
        Some(Note { record: u32::try_from(at).ok()?, image, surroundings: None })
    }
}

fn exec(record: &[u8]) -> Option<Box<Exec<'_>>> {
    match decode(record) {
        Ok(Event::Exec(exec)) => Some(exec),
        // The pipeline counts what cannot be decoded.
        _ => None,
    }
}

fn process<'a>(exec: &'a Exec<'_>) -> Process<'a> {
    let fixed = &exec.fixed;
    Process {
        pid: fixed.header.id.tgid,
        start_ns: fixed.header.id.start_boottime,
        parent: fixed.header.parent.tgid,
        path: &exec.exe,
        device: fixed.exe_dev,
        inode: fixed.exe_inode,
        ctime_ns: fixed.exe_ctime_ns,
    }
}
