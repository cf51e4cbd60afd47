//! The work of a worker: questions come through a socket, and each gets an answer.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
};

use tracego_common::TaskId;
use tracego_model::{input::note::OpenFailure, linux::proc_pids::ProcPids};

use super::question::{Answer, HEAD, Question, encode, head};
use crate::inspect::{
    image::executable::{Opener, ReadImage},
    proc::procfs::Procfs,
    surroundings::SurroundingsReader,
};

/// Answers questions until the socket is closed.
pub(super) fn serve(mut socket: UnixStream) -> io::Result<()> {
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
        let answered = std::panic::catch_unwind(|| answer(&opener, &question));
        let answer = encode(number, &answered.unwrap_or(Answer::Image(Err(OpenFailure::Io(libc::EIO)))));
        let too_long = || encode(number, &Answer::Image(Err(OpenFailure::Io(libc::EMSGSIZE))));
        socket.write_all(&answer.or_else(too_long).unwrap_or_default())?;
    }
}

/// Answers a question in this thread, however long that takes.
pub(super) fn answer(opener: &Opener, question: &Question) -> Answer {
    let image =
        |found: Result<ReadImage, _>| Answer::Image(found.map(|found| (found.image, found.is_lasting)));
    match question {
        Question::Image(image_of) => image(opener.read(&image_of.process())),
        Question::Interpreted(image_of) => image(opener.read_interpreted(&image_of.process())),
        Question::Command(process) => Answer::Surroundings(process.read_command(&surroundings())),
        Question::Origin(process) => Answer::Surroundings(process.read_origin(&surroundings())),
        Question::Passwd(process) => Answer::Passwd(process.read_passwd(&surroundings().procfs)),
    }
}

/// Creates a reader for questions, whose process ids are those of /proc already.
fn surroundings() -> SurroundingsReader {
    let pids = ProcPids::new(|id: TaskId| (id.tgid != 0).then_some(id.tgid));
    SurroundingsReader { procfs: Procfs::default().with_pids(pids), ..Default::default() }
}
