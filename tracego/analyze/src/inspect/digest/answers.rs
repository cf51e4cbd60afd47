//! The thread that takes the answers of the hasher, and calls the pipeline, which waits for input alone: a verdict may
//! have to end a process.

use std::{
    io,
    os::fd::OwnedFd,
    sync::mpsc::{Receiver, channel},
    thread,
};

use tokio::sync::mpsc::WeakSender;
use tracego_model::{clock::Reading, input::Input};

use super::{channel, job::HashAnswer};

/// Calls the pipeline to take what has come. At the end of a run nobody has to be called: the pipeline looks by itself.
pub fn call(queue: &WeakSender<Input>) {
    if let Some(queue) = queue.upgrade() {
        let _full_or_closed = queue.try_send(Input::Answered(Reading::now()));
    }
}

/// Starts the thread. `queue`: the pipeline's input, which is not kept open. The thread ends with the hasher's sockets, or
/// when nobody takes its answers.
///
/// # Errors
/// Fails if the thread cannot be started.
pub fn start(answers: OwnedFd, queue: Option<WeakSender<Input>>) -> io::Result<Receiver<HashAnswer>> {
    let (told, taken) = channel();
    thread::Builder::new().name("tracego-digests".to_owned()).spawn(move || {
        while let Ok(answer) = channel::next(&answers) {
            if answer.is_some_and(|answer| told.send(answer).is_err()) {
                return;
            }
            if let Some(queue) = &queue {
                call(queue);
            }
        }
    })?;
    Ok(taken)
}
