//! The work of a worker: questions come through a socket, and each gets an answer.

use std::{
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use tracego_common::TaskId;
use tracego_model::{
    input::{digest::DigestGap, note::OpenFailure},
    linux::proc_pids::ProcPids,
};

use super::question::{Answer, HEAD, ImageAnswer, ImageQuestion, Question, encode, head};
use crate::inspect::{
    digest::{
        channel,
        job::{Handing, HashJob},
    },
    image::executable::{OpenedFile, Opener, ReadImage},
    proc::procfs::Procfs,
    surroundings::SurroundingsReader,
};

/// Answers questions until the socket is closed. `files`: the socket to which files for the hasher go.
pub(super) fn serve(mut socket: UnixStream, files: &OwnedFd) -> io::Result<()> {
    let files = Some(files.as_fd());
    let opener = Opener::default();
    let hello = encode(0, &Answer::Hello(std::process::id()));
    socket.write_all(&hello.unwrap_or_default())?;
    loop {
        let mut frame = [0; HEAD];
        socket.read_exact(&mut frame)?;
        let Some((length, number)) = head(&frame) else { return Err(io::ErrorKind::InvalidData.into()) };
        let mut bytes = vec![0; length];
        socket.read_exact(&mut bytes)?;
        let question: Question = serde_json::from_slice(&bytes)?;
        // A file that the parser cannot bear costs its answer, not the worker.
        let answered = std::panic::catch_unwind(|| answer(&opener, files, &question));
        let answer = encode(number, &answered.unwrap_or(Answer::Image(Err(OpenFailure::Io(libc::EIO)))));
        let too_long = || encode(number, &Answer::Image(Err(OpenFailure::Io(libc::EMSGSIZE))));
        socket.write_all(&answer.or_else(too_long).unwrap_or_default())?;
    }
}

/// Answers a question in this thread, however long that takes. `files`: the socket to which files for the hasher go.
pub(super) fn answer(opener: &Opener, files: Option<BorrowedFd<'_>>, question: &Question) -> Answer {
    match question {
        Question::Image(wanted) => Answer::Image(read(opener, files, wanted)),
        Question::Digest(wanted) => Answer::Digest(digest(opener, files, wanted)),
        Question::Interpreted(wanted) => {
            let read = opener.read_interpreted(&wanted.process());
            Answer::Image(read.map(|ReadImage { image, is_lasting }| ImageAnswer {
                image,
                is_lasting,
                digest: None,
            }))
        }
        Question::Command(process) => Answer::Surroundings(process.read_command(&surroundings())),
        Question::Origin(process) => Answer::Surroundings(process.read_origin(&surroundings())),
        Question::Passwd(process) => Answer::Passwd(process.read_passwd(&surroundings().procfs)),
    }
}

/// Reads an image, and hands its file to the hasher.
fn read(
    opener: &Opener,
    files: Option<BorrowedFd<'_>>,
    wanted: &ImageQuestion,
) -> Result<ImageAnswer, OpenFailure> {
    let (ReadImage { image, is_lasting }, file) = opener.read_open(&wanted.process())?;
    let digest = wanted.digest().map(|_| hand(opener, files, wanted, &file));
    Ok(ImageAnswer { image, is_lasting, digest })
}

/// Opens a file whose image is known, and hands it to the hasher.
fn digest(opener: &Opener, files: Option<BorrowedFd<'_>>, wanted: &ImageQuestion) -> Handing {
    match opener.open(&wanted.process()) {
        Ok(file) => hand(opener, files, wanted, &file),
        Err(OpenFailure::Unstable) => Handing::Refused(DigestGap::Unstable),
        Err(_) => Handing::Refused(DigestGap::Failed),
    }
}

fn hand(
    opener: &Opener,
    files: Option<BorrowedFd<'_>>,
    wanted: &ImageQuestion,
    file: &OpenedFile,
) -> Handing {
    let (Some(files), Some(order)) = (files, wanted.digest()) else {
        return Handing::Refused(DigestGap::Failed);
    };
    if !file.has_own_times() {
        return Handing::Refused(DigestGap::Remote);
    }
    if file.state().size() > order.limits.file_bytes {
        return Handing::Refused(DigestGap::TooLarge);
    }
    let process = wanted.process();
    let fsverity = opener.fixed_content(&process, file);
    match channel::hand(files, &HashJob::of(order, file.state(), fsverity), file.file()) {
        Ok(()) => Handing::Handed {
            until_ns: if fsverity.is_some() { 0 } else { file.unproven_until_ns(&process) },
            fsverity,
            is_lasting: file.state().ctime_ns() == process.ctime_ns && !file.is_in_image(),
        },
        Err(_) => Handing::Refused(DigestGap::Busy),
    }
}

/// Creates a reader for questions, whose process ids are those of /proc already.
fn surroundings() -> SurroundingsReader {
    let pids = ProcPids::new(|id: TaskId| (id.tgid != 0).then_some(id.tgid));
    SurroundingsReader { procfs: Procfs::default().with_pids(pids), ..Default::default() }
}
