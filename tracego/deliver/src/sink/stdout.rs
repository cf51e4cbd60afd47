//! The sink that writes records to standard output or standard error, as they are.

use std::{
    fs::File,
    io,
    os::fd::{AsFd as _, BorrowedFd},
    sync::{Arc, Mutex},
};

use rustix::event::{PollFd, PollFlags, poll};

use super::delivery::{
    DeliveryError, DeliveryResult,
    blocking::{self, Batch, write_all},
};

/// A standard stream for output.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StandardStream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

impl StandardStream {
    fn name(self) -> &'static str {
        match self {
            Self::Output => "standard output",
            Self::Error => "standard error",
        }
    }
}

/// The transport to a standard stream of tracego.
#[derive(Debug)]
pub struct StdoutTransport {
    out: Arc<Mutex<StreamWriter>>,
}

impl StdoutTransport {
    /// Opens a standard stream of this process.
    ///
    /// # Errors
    /// Fails if the stream is closed.
    pub fn new(stream: StandardStream) -> io::Result<Self> {
        let file = match stream {
            StandardStream::Output => io::stdout().as_fd().try_clone_to_owned()?,
            StandardStream::Error => io::stderr().as_fd().try_clone_to_owned()?,
        };
        Ok(Self::to(file.into(), stream.name()))
    }

    /// Creates a transport to any file; `name` is for people.
    fn to(file: File, name: &'static str) -> Self {
        Self { out: Arc::new(Mutex::new(StreamWriter { file, name, torn: None })) }
    }

    /// Writes finished lines. A record is done when the operating system took it: records still in a pipe are
    /// lost when its reader dies. While the reader does not read, this waits. The wait holds up no other
    /// sink, but dropping the runtime waits, too, unless `shutdown_background` is used.
    pub async fn deliver(&mut self, batch: &[&[u8]]) -> DeliveryResult {
        blocking::write(&self.out, batch, StreamWriter::deliver).await
    }

    /// Does nothing: done records are already written.
    #[expect(clippy::unused_async, reason = "as every transport has it")]
    pub async fn close(&mut self) {}
}

#[derive(Debug)]
struct StreamWriter {
    file: File,
    name: &'static str,
    /// A record that was written in part.
    torn: Option<PartialRecord>,
}

#[derive(Debug)]
struct PartialRecord {
    record: Vec<u8>,
    written: usize,
}

impl StreamWriter {
    fn deliver(&mut self, batch: &Batch) -> DeliveryResult {
        let mut done = 0;
        if let Some(mut torn) = self.torn.take() {
            let (more, error) = self.write(torn.record.get(torn.written..).unwrap_or_default());
            torn.written += more;
            if let Some(error) = error {
                self.torn = Some(torn);
                return DeliveryResult::partial(0, self.trouble(&error));
            }
            // The torn record is in front of the batch, since it was not done, unless the queue dropped it
            // meanwhile.
            done = usize::from(batch.len() > 0 && batch.bytes(0..1) == torn.record);
        }
        let (written, error) = self.write(batch.bytes(done..batch.len()));
        let Some(error) = error else { return DeliveryResult::all(batch.len()) };
        let first = done;
        done += batch.whole(first, written);
        let part = written - batch.bytes(first..done).len();
        if part > 0 {
            self.torn = Some(PartialRecord { record: batch.bytes(done..done + 1).to_vec(), written: part });
        }
        DeliveryResult::partial(done, self.trouble(&error))
    }

    /// Writes all bytes, and waits where another process made the pipe non-blocking, which is a property of
    /// the pipe's end and not of this process. Returns the number of bytes written, and the error.
    fn write(&self, bytes: &[u8]) -> (usize, Option<io::Error>) {
        let mut done = 0;
        loop {
            let (more, error) = write_all(&mut &self.file, bytes.get(done..).unwrap_or_default());
            done += more;
            match error {
                Some(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Err(error) = wait(self.file.as_fd()) {
                        return (done, Some(error));
                    }
                }
                other => return (done, other),
            }
        }
    }

    fn trouble(&self, error: &io::Error) -> DeliveryError {
        let ended = error.kind() == io::ErrorKind::BrokenPipe;
        DeliveryError { reader_gone: ended, ..DeliveryError::new(format!("{}: {error}", self.name)) }
    }
}

/// Waits until the file can be written to. The next write reports any error of the file.
fn wait(fd: BorrowedFd<'_>) -> io::Result<()> {
    match poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::OUT)], None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Seek as _},
        os::unix::net::UnixStream,
        sync::atomic::{AtomicBool, Ordering},
        thread,
        time::Duration,
    };

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    fn lines(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|n| format!("{n:0>width$}\n", width = 1 + n % 7000).into_bytes()).collect()
    }

    #[test]
    fn a_slow_reader_gets_all_in_order_and_holds_up_nobody_else() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut out = StdoutTransport::to(File::from(std::os::fd::OwnedFd::from(writer)), "pipe");
        let lines = lines(500);
        let batch: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
        let ticked = AtomicBool::new(false);
        let text = thread::scope(|scope| {
            let reading = scope.spawn(|| {
                // The other task of the runtime gets its turn while the pipe is full.
                while !ticked.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(1));
                }
                let mut text = Vec::new();
                reader.read_to_end(&mut text).unwrap();
                text
            });
            let delivered = runtime().block_on(async {
                let tick = async {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    ticked.store(true, Ordering::Relaxed);
                };
                tokio::join!(out.deliver(&batch), tick).0
            });
            assert_eq!((delivered.done, delivered.trouble), (500, None));
            drop(out);
            reading.join().unwrap()
        });
        assert!(text == lines.concat());
    }

    #[test]
    fn a_reader_that_leaves_is_the_end() {
        let (reader, writer) = io::pipe().unwrap();
        let mut out = StdoutTransport::to(File::from(std::os::fd::OwnedFd::from(writer)), "standard output");
        drop(reader);
        let delivered = runtime().block_on(out.deliver(&[b"one\n"]));
        let trouble = delivered.trouble.unwrap();
        assert!(delivered.done == 0 && trouble.reader_gone, "{trouble:?}");
        assert!(trouble.why.starts_with("standard output: Broken pipe"), "{trouble:?}");
    }

    #[test]
    fn a_pipe_that_is_not_blocking_is_waited_for() {
        let (mine, mut theirs) = UnixStream::pair().unwrap();
        mine.set_nonblocking(true).unwrap();
        let mut out = StdoutTransport::to(File::from(std::os::fd::OwnedFd::from(mine)), "socket");
        let lines = lines(500);
        let batch: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
        let reading = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            let mut text = Vec::new();
            theirs.read_to_end(&mut text).unwrap();
            text
        });
        assert_eq!(runtime().block_on(out.deliver(&batch)).done, 500);
        drop(out);
        assert!(reading.join().unwrap() == lines.concat());
    }

    #[test]
    fn a_record_that_was_written_in_part_goes_on_where_it_stopped() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut out =
            StreamWriter { file: File::from(std::os::fd::OwnedFd::from(writer)), name: "pipe", torn: None };
        // More than a pipe holds; the reader leaves within the second record.
        let records = [vec![b'a'; 50_000], vec![b'b'; 500_000], b"c\n".to_vec()];
        let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        let reading = thread::spawn(move || reader.read_exact(&mut [0; 100_000]).unwrap());
        let delivered = out.deliver(&Batch::new(&records));
        reading.join().unwrap();
        assert!(delivered.done == 1 && delivered.trouble.unwrap().reader_gone);
        let torn = out.torn.as_ref().unwrap();
        assert!(torn.record == records[1] && torn.written > 0, "{}", torn.written);

        // The rest is written first, and its record is not written again.
        let rest = records[1][torn.written..].to_vec();
        let mut file = tempfile::tempfile().unwrap();
        out.file = file.try_clone().unwrap();
        let delivered = out.deliver(&Batch::new(&records[1..]));
        assert_eq!((delivered.done, delivered.trouble), (2, None));
        let mut text = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut text).unwrap();
        assert!(text == [&rest, records[2]].concat() && out.torn.is_none());

        // A queue that dropped the record meanwhile sends others: the partial record is completed all the
        // same.
        out.torn = Some(PartialRecord { record: records[0].to_vec(), written: 49_999 });
        assert_eq!(out.deliver(&Batch::new(&[b"d\n"])).done, 1);
        let before = text.len();
        text.clear();
        file.rewind().unwrap();
        file.read_to_end(&mut text).unwrap();
        assert_eq!(&text[before..], b"ad\n");
    }

    #[test]
    fn a_full_disk_is_no_end() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut out = StdoutTransport::to(full, "standard output");
        let trouble = runtime().block_on(out.deliver(&[b"one\n"])).trouble.unwrap();
        assert!(!trouble.reader_gone && trouble.why.contains("No space left"), "{trouble:?}");
    }
}
