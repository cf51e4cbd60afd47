//! What has to be looked up outside of the kernel's records: the only part behind the reader that does
//! input of its own. It may wait for a disk, so it runs off the way of the data.
//!
//! ```text
//! open    the file that a process executed, or why it cannot be had
//! images  what such files say about themselves, remembered
//! facts   what is around a process
//! note    what this stage adds to a program start
//! ```

pub mod facts;
pub mod images;
pub mod note;
pub mod open;

use tracego_common::{ExecFixed, Header, RecordKind};
use zerocopy::FromBytes as _;

use crate::{
    decode::decode,
    event::{Event, Exec},
    input::Batch,
};
use images::Images;
use note::Note;
use open::{Opener, Process};

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
