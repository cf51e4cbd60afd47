//! The interpreter's work, step by step, on a separate thread. A step that hangs is abandoned with its
//! thread, as in [`judge`](super::judge).

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use super::{
    abandoned,
    patience::{Late, Patience},
    stack,
};

/// A channel through which the work reports its progress.
pub(super) struct Steps<T>(mpsc::Sender<Step<T>>);

enum Step<T> {
    /// The thread runs and has this id.
    Runs(i32),
    /// A step begins. The value is the result if the step hangs.
    Begins(T),
    /// The current step has ended with this result.
    Done(T),
}

impl<T> Steps<T> {
    /// Reports that a step begins.
    pub(super) fn begin(&self, step: T) {
        self.send(Step::Begins(step));
    }

    /// Reports that the current step has ended.
    pub(super) fn done(&self, step: T) {
        self.send(Step::Done(step));
    }

    fn send(&self, step: Step<T>) {
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
pub(super) fn watched<T: Send + 'static, R: Send + 'static>(
    time: Duration,
    late: impl FnOnce(&mut T, String),
    work: impl FnOnce(&Steps<T>) -> R + Send + 'static,
) -> Result<(Vec<T>, Option<R>), String> {
    let (sender, receiver) = mpsc::channel();
    let body = move || {
        let steps = Steps(sender);
        steps.send(Step::Runs(rustix::thread::gettid().as_raw_pid()));
        work(&steps)
    };
    let thread = thread::Builder::new().name("policy".to_owned()).stack_size(stack::STACK).spawn(body);
    let thread = thread.map_err(|error| format!("no thread: {error}"))?;
    let deadline = time.saturating_mul(2);
    let patience = Patience { deadline, work: deadline / 16 };
    let (mut done, mut begun, mut number) = (Vec::new(), None, 0);
    loop {
        let step = match begun {
            // Work between the steps cannot hang.
            None => receiver.recv().map_err(|_| Late::Gone),
            Some(_) => patience.wait(number, |time| match receiver.recv_timeout(time) {
                Ok(step) => Ok(Some(step)),
                Err(RecvTimeoutError::Timeout) => Ok(None),
                Err(RecvTimeoutError::Disconnected) => Err(Late::Gone),
            }),
        };
        let why = match step {
            Ok(Step::Runs(thread)) => {
                number = thread;
                continue;
            }
            Ok(Step::Begins(step)) => {
                begun = Some(step);
                continue;
            }
            Ok(Step::Done(step)) => {
                begun = None;
                done.push(step);
                continue;
            }
            Err(Late::Gone) => break,
            Err(Late::Hung) => format!(
                "did not come back within {deadline:?}, and what is behind it is left out; look for comparisons of \
                 values that hold each other many times"
            ),
            Err(Late::Starved) => {
                "the machine gave it no processor, and what is behind it is left out".to_owned()
            }
        };
        abandoned::rest(number);
        if let Some(mut step) = begun {
            late(&mut step, why);
            done.push(step);
        }
        return Ok((done, None));
    }
    thread.join().map(|given| (done, Some(given))).map_err(|panic| stack::text(&*panic))
}
