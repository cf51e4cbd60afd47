//! The sockets between workers, the hasher and the agent.

use std::{
    fs::File,
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, AsRawFd as _, OwnedFd, RawFd},
};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
        SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recv, recvmsg, send,
        sendmsg, socketpair,
    },
};

use super::job::{ANSWER_BYTES, HashAnswer, HashJob, JOB_BYTES};

/// The sockets of a hasher before processes share them.
#[derive(Debug)]
pub struct HashSockets {
    /// The end to which workers hand files.
    pub files: OwnedFd,
    /// The end from which the hasher takes them.
    pub work: OwnedFd,
    /// The end to which the hasher writes answers.
    pub results: OwnedFd,
    /// The end from which the agent reads them.
    pub answers: OwnedFd,
}

impl HashSockets {
    /// Creates the sockets. Each keeps messages whole.
    ///
    /// # Errors
    /// Fails if there are no descriptors left.
    pub fn new() -> io::Result<Self> {
        let pair = || socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
        let ((files, work), (results, answers)) = (pair()?, pair()?);
        Ok(Self { files, work, results, answers })
    }

    /// Returns the numbers of the ends that workers and the hasher use: files, work, results.
    #[must_use]
    pub fn numbers(&self) -> [RawFd; 3] {
        [&self.files, &self.work, &self.results].map(|end| end.as_raw_fd())
    }
}

/// Hands a file to the hasher, without waiting for room.
///
/// # Errors
/// Fails with [`Errno::AGAIN`] if too many files wait.
pub fn hand(files: impl AsFd, job: &HashJob, file: &File) -> Result<(), Errno> {
    let bytes = job.encode();
    let descriptors = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    sendmsg(files, &[IoSlice::new(&bytes)], &mut ancillary, flags).map(|_| ())
}

/// Takes the next file from workers. Returns `None` if none has come and `waits` is not set, and `Some(None)` for a
/// message that is no job.
///
/// # Errors
/// Fails if no worker can come any more.
pub fn take(work: impl AsFd, waits: bool) -> io::Result<Option<Option<(HashJob, File)>>> {
    let flags = if waits { RecvFlags::empty() } else { RecvFlags::DONTWAIT };
    let mut bytes = [0; JOB_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        let parts = &mut [IoSliceMut::new(&mut bytes)];
        match recvmsg(&work, parts, &mut ancillary, flags | RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(None),
            received => break received?,
        }
    };
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut files = ancillary.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect(),
        _ => Vec::new(),
    });
    let whole = received.bytes == JOB_BYTES && !received.flags.contains(ReturnFlags::CTRUNC);
    let (job, file) = (HashJob::decode(&bytes), files.next());
    Ok(Some(job.zip(file).filter(|_| whole).map(|(job, file)| (job, File::from(file)))))
}

/// Writes an answer. Waits for room.
///
/// # Errors
/// Fails if the agent has gone.
pub fn answer(results: impl AsFd, answer: &HashAnswer) -> io::Result<()> {
    loop {
        match send(&results, &answer.encode(), SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            sent => return Ok(sent.map(|_| ())?),
        }
    }
}

/// Returns the next answer; `None` for a message that is none. Waits for it.
///
/// # Errors
/// Fails if no hasher can come any more.
pub fn next(answers: impl AsFd) -> io::Result<Option<HashAnswer>> {
    let mut bytes = [0_u8; ANSWER_BYTES];
    loop {
        match recv(&answers, &mut bytes, RecvFlags::empty()) {
            Err(Errno::INTR) => {}
            Ok((0, _)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            received => return Ok(bytes.get(..received?.0).and_then(HashAnswer::decode)),
        }
    }
}
