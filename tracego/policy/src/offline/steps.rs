//! The interpreter's work, step by step, on a separate thread. A step that hangs is abandoned with its
//! thread, which ends with the command.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use crate::evaluation::stack;

/// A channel through which the work reports its progress.
pub(super) struct StepSender<T>(mpsc::Sender<StepMessage<T>>);

enum StepMessage<T> {
    /// A step begins. The value is the result if the step hangs.
    Begins(T),
    /// The current step has ended with this result.
    Done(T),
}

impl<T> StepSender<T> {
    /// Reports that a step begins.
    pub(super) fn begin(&self, step: T) {
        self.send(StepMessage::Begins(step));
    }

    /// Reports that the current step has ended.
    pub(super) fn done(&self, step: T) {
        self.send(StepMessage::Done(step));
    }

    fn send(&self, step: StepMessage<T>) {
        // The receiver no longer exists if this thread was abandoned.
        let _sent: Result<(), _> = self.0.send(step);
    }
}

/// Runs `work` on a new thread and collects its steps. `time` is what a step may take by its own clock. If a
/// step hangs, it is the last one, and `late` adds the reason to it.
///
/// Returns all steps, and the result of the work; `None` if a step hung.
///
/// # Errors
/// Fails if there is no thread, or the work panics.
pub(super) fn run_watched<T: Send + 'static, R: Send + 'static>(
    time: Duration,
    late: impl FnOnce(&mut T, String),
    work: impl FnOnce(&StepSender<T>) -> R + Send + 'static,
) -> Result<(Vec<T>, Option<R>), String> {
    let (sender, receiver) = mpsc::channel();
    let body = move || work(&StepSender(sender));
    let thread = thread::Builder::new().name("policy".to_owned()).stack_size(stack::STACK).spawn(body);
    let thread = thread.map_err(|error| format!("no thread: {error}"))?;
    let deadline = time.saturating_mul(2);
    let (mut done, mut begun) = (Vec::new(), None);
    loop {
        let step = match begun {
            // Work between the steps cannot hang.
            None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(_) => receiver.recv_timeout(deadline),
        };
        match step {
            Ok(StepMessage::Begins(step)) => begun = Some(step),
            Ok(StepMessage::Done(step)) => {
                begun = None;
                done.push(step);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                let why = format!(
                    "no result within {deadline:?}, and everything after it is skipped; look for comparisons of \
                     values that share their parts many times"
                );
                if let Some(mut step) = begun {
                    late(&mut step, why);
                    done.push(step);
                }
                return Ok((done, None));
            }
        }
    }
    thread.join().map(|given| (done, Some(given))).map_err(|panic| stack::text(&*panic))
}
