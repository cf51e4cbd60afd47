//! Lines of files, of standard input or of another process, read by a thread.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::sync::mpsc::{self, Receiver, Sender};
use tracego_deliver::seal::verify::Lines;

use crate::cmd::{followed_file::FollowedFile, line_buffer::LineBuffer};

/// Time between two looks at a file that is followed.
const LOOK: Duration = Duration::from_millis(100);
/// Size from which on lines are handed over, in bytes.
const GATHER: usize = 256 << 10;
/// Maximum number of messages that wait: a reader that is ahead waits, too.
const WAITING: usize = 4;

/// A line and its position.
pub(super) struct SourceLine {
    pub(super) bytes: Vec<u8>,
    pub(super) number: u64,
}

/// A message of the thread that reads.
pub(super) enum SourceMessage {
    /// Lines of a file.
    Lines(Arc<str>, Vec<SourceLine>),
    /// Everything that was there is read; more may come.
    CaughtUp,
    /// The source failed; nothing more comes of it.
    Failed(String),
}

/// Lines, read by a thread. The channel ends with the source.
pub(super) struct RecordSource {
    pub(super) messages: Receiver<SourceMessage>,
}

/// Lines that are gathered for one message.
struct Gathered<'a> {
    to: &'a Sender<SourceMessage>,
    file: Arc<str>,
    lines: Vec<SourceLine>,
    size: usize,
}

/// The receiver is gone: nothing more is wanted.
struct Unwanted;

impl RecordSource {
    /// Reads files, and follows the last one unless it is compressed.
    pub(super) fn files(files: Vec<PathBuf>) -> Self {
        Self::spawn(move |to| {
            let Some((last, before)) = files.split_last() else { return Ok(()) };
            before.iter().try_for_each(|file| read_whole(file, to))?;
            if is_compressed(last) { read_whole(last, to) } else { follow(last, to) }
        })
    }

    /// Reads what comes out of a pipe.
    pub(super) fn pipe(mut from: impl Read + Send + 'static, name: &'static str) -> Self {
        Self::spawn(move |to| {
            let mut lines = LineBuffer::default();
            loop {
                let read = lines.read_from(&mut from);
                let mut gathered = Gathered::new(name, to);
                while let Some((bytes, number)) = lines.next_line() {
                    gathered.add(bytes, number)?;
                }
                match read {
                    Ok(0) => {
                        if let Some((bytes, number)) = lines.last_line() {
                            gathered.add(bytes, number)?;
                        }
                        return gathered.send();
                    }
                    Ok(_) => gathered.send()?,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return failed(name, &error, to),
                }
            }
        })
    }

    fn spawn(read: impl FnOnce(&Sender<SourceMessage>) -> Result<(), Unwanted> + Send + 'static) -> Self {
        let (to, messages) = mpsc::channel(WAITING);
        // The end of the thread closes the channel; that nobody wants more is no error.
        let _detached = thread::spawn(move || read(&to).is_ok());
        Self { messages }
    }
}

impl<'a> Gathered<'a> {
    fn new(file: impl Into<Arc<str>>, to: &'a Sender<SourceMessage>) -> Self {
        Self { to, file: file.into(), lines: Vec::new(), size: 0 }
    }

    fn add(&mut self, bytes: Vec<u8>, number: u64) -> Result<(), Unwanted> {
        self.size += bytes.len();
        self.lines.push(SourceLine { bytes, number });
        if self.size >= GATHER { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), Unwanted> {
        self.size = 0;
        let lines = std::mem::take(&mut self.lines);
        if lines.is_empty() {
            Ok(())
        } else {
            send(SourceMessage::Lines(Arc::clone(&self.file), lines), self.to)
        }
    }
}

fn send(message: SourceMessage, to: &Sender<SourceMessage>) -> Result<(), Unwanted> {
    to.blocking_send(message).map_err(|_| Unwanted)
}

fn failed(name: &str, error: &io::Error, to: &Sender<SourceMessage>) -> Result<(), Unwanted> {
    let text = error.to_string();
    let text = if text.starts_with(name) { text } else { format!("{name}: {text}") };
    send(SourceMessage::Failed(text), to)
}

fn read_whole(path: &Path, to: &Sender<SourceMessage>) -> Result<(), Unwanted> {
    let name = path.display().to_string();
    let mut lines = Lines::of(vec![path.to_owned()]);
    let mut gathered = Gathered::new(&*name, to);
    loop {
        match lines.next_line() {
            Ok(Some(line)) => gathered.add(line.bytes, line.number)?,
            Ok(None) => return gathered.send(),
            Err(error) => {
                gathered.send()?;
                return failed(&name, &error, to);
            }
        }
    }
}

fn follow(path: &Path, to: &Sender<SourceMessage>) -> Result<(), Unwanted> {
    let name = path.display().to_string();
    let mut file = FollowedFile::new(path);
    let mut gathered = Gathered::new(&*name, to);
    loop {
        match file.next_line() {
            Ok(Some((bytes, number))) => gathered.add(bytes, number)?,
            Ok(None) => {
                gathered.send()?;
                send(SourceMessage::CaughtUp, to)?;
                thread::sleep(LOOK);
            }
            Err(error) => {
                gathered.send()?;
                return failed(&name, &error, to);
            }
        }
    }
}

/// Whether a file is compressed: the first bytes decide, not its name. One that cannot be read is followed, which names
/// the error.
fn is_compressed(path: &Path) -> bool {
    let mut head = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read(&mut head));
    read.is_ok() && (head.starts_with(&[0x1f, 0x8b]) || head == [0x28, 0xb5, 0x2f, 0xfd])
}
