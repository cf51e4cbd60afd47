//! Threads with a stack that is deep enough for syntax trees.

use std::{any::Any, panic, thread};

/// Size of a stack in bytes. A module has at most [`crate::compiler::parser::MAX_MODULE`] bytes; if all of it
/// is one chain of operators, the engine's recursion takes this much. Only the part that is used takes memory.
/// Evaluations have the same size: enough for all their instructions if each were a recursive rule, and for
/// values nested as deep as a policy is long.
pub(crate) const STACK: usize = 512 << 20;

/// Runs `work` on a new thread with a deep stack. Returns the message as an error if it panics.
pub(crate) fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("policy".to_owned()).stack_size(STACK);
        let thread = thread.spawn_scoped(scope, work).map_err(|error| format!("no thread: {error}"))?;
        thread.join().map_err(|panic| text(&*panic))
    })
}

/// Runs `work`. Returns the message as an error if it panics.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(panic::AssertUnwindSafe(work)).map_err(|panic| text(&*panic))
}

/// Returns the message of a panic.
pub(crate) fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason").to_owned()
}
