//! The interpreter's work, step by step, on a separate thread. A step that hangs is abandoned with its
//! thread, as in [`evaluation`](crate::evaluation).

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use crate::evaluation::{
    hang_deadline::{HangDeadline, WaitFailure},
    stack, thread_usage,
};

/// A channel through which the work reports its progress.
pub(super) struct StepSender<T>(mpsc::Sender<StepMessage<T>>);

enum StepMessage<T> {
    /// The thread runs and has this id.
    Runs(i32),
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
    let body = move || {
        let steps = StepSender(sender);
        steps.send(StepMessage::Runs(rustix::thread::gettid().as_raw_pid()));
        work(&steps)
    };
    let thread = thread::Builder::new().name("policy".to_owned()).stack_size(stack::STACK).spawn(body);
    let thread = thread.map_err(|error| format!("no thread: {error}"))?;
    let deadline = time.saturating_mul(2);
    let hang_deadline = HangDeadline { deadline, work: deadline / 16 };
    let (mut done, mut begun, mut number) = (Vec::new(), None, 0);
    loop {
        let step = match begun {
            // Work between the steps cannot hang.
            None => receiver.recv().map_err(|_| WaitFailure::Gone),
            Some(_) => hang_deadline.wait(number, |time| match receiver.recv_timeout(time) {
                Ok(step) => Ok(Some(step)),
                Err(RecvTimeoutError::Timeout) => Ok(None),
                Err(RecvTimeoutError::Disconnected) => Err(WaitFailure::Gone),
            }),
        };
        let why = match step {
            Ok(StepMessage::Runs(thread)) => {
                number = thread;
                continue;
            }
            Ok(StepMessage::Begins(step)) => {
                begun = Some(step);
                continue;
            }
            Ok(StepMessage::Done(step)) => {
                begun = None;
                done.push(step);
                continue;
            }
            Err(WaitFailure::Gone) => break,
            Err(WaitFailure::Hung) => format!(
                "no result within {deadline:?}, and everything after it is skipped; look for comparisons of \
                 values that share their parts many times"
            ),
            Err(WaitFailure::Starved) => {
                "got no processor time, and everything after it is skipped".to_owned()
            }
        };
        thread_usage::lower_priority(number);
        if let Some(mut step) = begun {
            late(&mut step, why);
            done.push(step);
        }
        return Ok((done, None));
    }
    thread.join().map(|given| (done, Some(given))).map_err(|panic| stack::text(&*panic))
}
