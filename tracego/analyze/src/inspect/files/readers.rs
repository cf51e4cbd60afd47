//! The workers, with deadlines.

use std::{
    collections::HashMap,
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    time::{Duration, Instant},
};

use procfs::{FromRead as _, process::Stat};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use tracego_model::input::note::OpenFailure;

use super::{
    nursery::{HASHER, WorkerNursery},
    question::{Answer, HEAD, Question, encode, head},
    worker,
};
use crate::inspect::{image::executable::Opener, proc::procfs::Procfs};

/// Maximum wait for an answer.
const DEADLINE: Duration = Duration::from_millis(100);
/// Maximum wait for a worker that only lacks a processor.
const BUSY_DEADLINE: Duration = Duration::from_secs(1);
/// Maximum number of hanging workers; from then on, only files of the machine's own disks are read.
const HANGING_MAX: usize = 8;
/// Maximum number of places that are given up.
const PLACES_MAX: usize = 1024;

/// A place whose files hang together.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Place {
    /// A file system, by its device in the kernel's encoding.
    Device(u32),
    /// A folder, by its mount namespace and its path.
    Folder(u32, Vec<u8>),
    /// The passwd file of a mount namespace.
    Passwd(u32),
}

/// Figures about the workers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ReaderCounters {
    /// Number of workers that hang now.
    pub hanging: usize,
    /// Maximum number of workers that may hang.
    pub hanging_max: usize,
    /// Number of files whose reading took too long.
    pub late: u64,
    /// Number of files that were not read because their place hangs, or because too many workers hang.
    pub given_up: u64,
    /// Number of answers that came after their deadline.
    pub answered_late: u64,
    /// Number of workers that died.
    pub died: u64,
}

/// The workers. `T` is what the asker needs when an answer comes late.
#[derive(Debug)]
pub struct FileReaders<T> {
    /// `None` where files are read in this thread.
    nursery: Option<WorkerNursery>,
    workers: Vec<FileWorker<T>>,
    /// Places that hang.
    places: HashMap<Place, usize>,
    number: u64,
    counts: ReaderCounters,
    opener: Opener,
    /// The answers of the hasher, until it is started.
    answers: Option<OwnedFd>,
}

#[derive(Debug)]
struct FileWorker<T> {
    socket: UnixStream,
    state: WorkerState<T>,
    /// Process id.
    pid: Option<u32>,
    /// Bytes of an answer that is not complete.
    bytes: Vec<u8>,
}

#[derive(Debug)]
enum WorkerState<T> {
    /// No process.
    Absent,
    /// A process that waits for questions.
    Idle,
    /// A process that has not answered in time.
    Hanging { number: u64, place: Place, asker: T },
}

/// A late answer.
#[derive(Debug)]
pub struct LateAnswer<T> {
    /// The place that answers again.
    pub place: Place,
    /// Data of the asker.
    pub asker: T,
    /// The answer; `None` if the worker died.
    pub answer: Option<Answer>,
}

/// Why there is no answer yet.
enum NoAnswer {
    Late,
    Died,
}

impl<T> FileReaders<T> {
    /// Creates readers that work in the caller's thread, without a deadline.
    #[must_use]
    pub fn inline() -> Self {
        Self {
            nursery: None,
            workers: Vec::new(),
            places: HashMap::new(),
            number: 0,
            counts: ReaderCounters { hanging_max: HANGING_MAX, ..ReaderCounters::default() },
            opener: Opener::default(),
            answers: None,
        }
    }

    /// Starts readers in processes of their own. Call this before programs are attached, or they are recorded.
    ///
    /// # Errors
    /// Fails if there are no processes or descriptors left.
    pub fn start() -> io::Result<Self> {
        let (nursery, sockets, answers) = WorkerNursery::start()?;
        let worker = |socket| FileWorker { socket, state: WorkerState::Absent, pid: None, bytes: Vec::new() };
        let workers = sockets.into_iter().map(worker).collect();
        let answers = Some(answers);
        let mut readers = Self { nursery: Some(nursery), workers, answers, ..Self::inline() };
        // One to work, and one for when that hangs.
        readers.raise(0)?;
        readers.raise(1)?;
        Ok(readers)
    }

    /// Starts the hasher. Returns the socket with its answers; `None` where files are read in this thread, or if the
    /// hasher does not start.
    pub fn start_hasher(&mut self) -> Option<OwnedFd> {
        let answers = self.answers.take()?;
        self.raise_hasher().then_some(answers)
    }

    /// Starts the hasher anew. Returns whether that was possible.
    pub fn raise_hasher(&mut self) -> bool {
        self.nursery.as_mut().is_some_and(|nursery| nursery.raise(HASHER).is_ok())
    }

    /// Returns the current figures.
    #[must_use]
    pub fn counts(&self) -> ReaderCounters {
        ReaderCounters { hanging: self.hanging(), ..self.counts }
    }

    fn hanging(&self) -> usize {
        self.workers.iter().filter(|worker| matches!(worker.state, WorkerState::Hanging { .. })).count()
    }

    /// Asks a worker and waits for its answer, for a short time. `asker` is kept for a late answer.
    ///
    /// # Errors
    /// Fails with [`OpenFailure::Timeout`] if the answer does not come in time, or is not expected to.
    pub fn ask(
        &mut self,
        place: Place,
        question: &Question,
        asker: impl FnOnce() -> T,
    ) -> Result<Answer, OpenFailure> {
        if self.nursery.is_none() {
            return Ok(worker::answer(&self.opener, None, question));
        }
        let is_full = self.places.len() >= PLACES_MAX || self.hanging() >= HANGING_MAX && !is_local(&place);
        let worker = if is_full || self.places.contains_key(&place) { None } else { self.idle() };
        let Some(at) = worker else {
            self.counts.given_up += 1;
            return Err(OpenFailure::Timeout);
        };
        self.number += 1;
        let number = self.number;
        let bytes = encode(number, question).ok_or(OpenFailure::Io(libc::EMSGSIZE))?;
        let Some(worker) = self.workers.get_mut(at) else { return Err(OpenFailure::Timeout) };
        let sent = worker.socket.write_all(&bytes).map_err(|_| NoAnswer::Died);
        match sent.and_then(|()| worker.wait(number)) {
            Ok(answer) => Ok(answer),
            Err(NoAnswer::Late) => {
                worker.state = WorkerState::Hanging { number, place: place.clone(), asker: asker() };
                self.places.insert(place, at);
                self.counts.late += 1;
                Err(OpenFailure::Timeout)
            }
            Err(NoAnswer::Died) => {
                worker.state = WorkerState::Absent;
                self.counts.died += 1;
                Err(OpenFailure::Io(libc::EPIPE))
            }
        }
    }

    /// Returns the late answers that have come.
    pub fn late(&mut self) -> Vec<LateAnswer<T>> {
        let mut all = Vec::new();
        if self.places.is_empty() {
            return all;
        }
        for worker in &mut self.workers {
            let WorkerState::Hanging { number, .. } = worker.state else { continue };
            let answer = match worker.receive(number) {
                Ok(answer) => Some(answer),
                Err(NoAnswer::Late) if worker.is_alive() => continue,
                Err(_) => None,
            };
            let after = if answer.is_some() { WorkerState::Idle } else { WorkerState::Absent };
            if let WorkerState::Hanging { place, asker, .. } = std::mem::replace(&mut worker.state, after) {
                self.places.remove(&place);
                self.counts.answered_late += u64::from(answer.is_some());
                self.counts.died += u64::from(answer.is_none());
                all.push(LateAnswer { place, asker, answer });
            }
        }
        all
    }

    /// Returns an idle worker; starts one if there is none.
    fn idle(&mut self) -> Option<usize> {
        let idle = self.workers.iter().position(|worker| matches!(worker.state, WorkerState::Idle));
        if idle.is_some() {
            return idle;
        }
        let absent = self.workers.iter().position(|worker| matches!(worker.state, WorkerState::Absent))?;
        self.raise(absent).ok().map(|()| absent)
    }

    fn raise(&mut self, at: usize) -> io::Result<()> {
        let (Some(nursery), Some(worker)) = (&mut self.nursery, self.workers.get_mut(at)) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        // Whatever an earlier process left behind.
        let mut rest = [0; 4096];
        while worker.socket.read(&mut rest).is_ok_and(|read| read > 0) {}
        worker.bytes.clear();
        nursery.raise(at)?;
        worker.pid = None;
        worker.state = WorkerState::Idle;
        Ok(())
    }
}

impl<T> FileWorker<T> {
    /// Waits for the answer to a question.
    fn wait(&mut self, number: u64) -> Result<Answer, NoAnswer> {
        let start = Instant::now();
        let mut deadline = DEADLINE;
        loop {
            match self.receive(number) {
                Err(NoAnswer::Late) => {}
                done => return done,
            }
            let left = deadline.saturating_sub(start.elapsed());
            if left.is_zero() {
                match self.state_of_process() {
                    // It has not been given a processor, or has not started.
                    Some('R') | None
                        if deadline < BUSY_DEADLINE && (self.pid.is_none() || self.is_alive()) =>
                    {
                        deadline += DEADLINE;
                        continue;
                    }
                    None | Some('Z' | 'X') if self.pid.is_some() => return Err(NoAnswer::Died),
                    _ => return Err(NoAnswer::Late),
                }
            }
            let timeout = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 0, tv_nsec: 1_000_000 });
            match poll(&mut [PollFd::new(&self.socket.as_fd(), PollFlags::IN)], Some(&timeout)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return Err(NoAnswer::Died),
            }
        }
    }

    /// Returns the answer to a question, if it has come.
    fn receive(&mut self, number: u64) -> Result<Answer, NoAnswer> {
        loop {
            if let Some(head_bytes) = self.bytes.first_chunk::<HEAD>() {
                let (length, of) = head(head_bytes).ok_or(NoAnswer::Died)?;
                if let Some(message) = self.bytes.get(HEAD..HEAD + length) {
                    let answer = serde_json::from_slice(message).map_err(|_| NoAnswer::Died);
                    self.bytes.drain(..HEAD + length);
                    match answer? {
                        Answer::Hello(pid) => self.pid = Some(pid),
                        answer if of == number => return Ok(answer),
                        // To a question that an earlier process was asked.
                        _ => {}
                    }
                    continue;
                }
            }
            let mut buffer = [0; 16 << 10];
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err(NoAnswer::Died),
                Ok(read) => self.bytes.extend_from_slice(buffer.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(NoAnswer::Late),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(NoAnswer::Died),
            }
        }
    }

    fn state_of_process(&self) -> Option<char> {
        Some(Stat::from_file(format!("/proc/{}/stat", self.pid?)).ok()?.state)
    }

    fn is_alive(&self) -> bool {
        !matches!(self.state_of_process(), None | Some('Z' | 'X'))
    }
}

/// Whether a place is on a disk of this machine or in its memory.
fn is_local(place: &Place) -> bool {
    let Place::Device(device) = place else { return false };
    const LOCAL: [&str; 9] = ["ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "f2fs", "squashfs", "erofs"];
    let wanted = format!("{}:{}", device >> 20, device & 0xf_ffff);
    // In a container, the file systems of the machine are in the list of the first process alone.
    let of_host = Procfs::default().host_root().map(|root| root.with_file_name("mountinfo"));
    let lists: Vec<_> = of_host.into_iter().chain(["/proc/self/mountinfo".into()]).collect();
    let is_there = |line: &str| {
        let kind = line.split_once(" - ").and_then(|(_, rest)| rest.split(' ').next());
        line.split(' ').nth(2) == Some(&wanted) && kind.is_some_and(|kind| LOCAL.contains(&kind))
    };
    lists.iter().flat_map(std::fs::read_to_string).any(|list| list.lines().any(is_there))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::files::question::ImageQuestion;

    #[test]
    fn a_worker_answers_and_one_that_died_is_replaced() {
        let mut readers = FileReaders::<()>::start().unwrap();
        let question = Question::Image(ImageQuestion::default());
        for _ in 0..3 {
            let answer = readers.ask(Place::Device(1), &question, || ()).unwrap();
            assert!(matches!(answer, Answer::Image(Err(_))), "{answer:?}");
        }
        let pid = readers.workers[0].pid.unwrap().cast_signed();
        // SAFETY: the worker is this test's own child's.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        std::thread::sleep(Duration::from_millis(50));
        assert!(readers.ask(Place::Device(1), &question, || ()).is_err());
        assert!(readers.ask(Place::Device(1), &question, || ()).is_ok());
        assert_eq!((readers.counts().died, readers.counts().hanging), (1, 0));
    }

    #[test]
    fn a_worker_that_hangs_is_left_alone_and_answers_late() {
        let mut readers = FileReaders::<u8>::start().unwrap();
        let question = Question::Image(ImageQuestion::default());
        assert!(readers.ask(Place::Device(1), &question, || 0).is_ok());
        let pid = readers.workers[0].pid.unwrap().cast_signed();
        // SAFETY: as above.
        unsafe { libc::kill(pid, libc::SIGSTOP) };
        let start = Instant::now();
        assert_eq!(readers.ask(Place::Device(7), &question, || 9).unwrap_err(), OpenFailure::Timeout);
        assert!(start.elapsed() < Duration::from_millis(500));
        // The place is given up, another is not.
        assert_eq!(readers.ask(Place::Device(7), &question, || 9).unwrap_err(), OpenFailure::Timeout);
        assert!(readers.ask(Place::Device(8), &question, || 9).is_ok());
        assert!(readers.late().is_empty());
        let counts = readers.counts();
        assert_eq!((counts.hanging, counts.late, counts.given_up), (1, 1, 1));
        // SAFETY: as above.
        unsafe { libc::kill(pid, libc::SIGCONT) };
        let late = loop {
            if let Some(late) = readers.late().pop() {
                break late;
            }
        };
        assert_eq!((late.place, late.asker), (Place::Device(7), 9));
        assert!(late.answer.is_some() && readers.counts().hanging == 0);
        assert!(readers.ask(Place::Device(7), &question, || 9).is_ok());
    }
}
