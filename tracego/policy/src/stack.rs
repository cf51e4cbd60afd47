//! Work on syntax trees, on a stack that is as deep as they are.

use std::{any::Any, panic, thread};

/// A module has at most [`super::compile::MAX_MODULE`] bytes. An expression that is a chain of operators all
/// through it takes this much for the engine's recursions; only what is used becomes memory. Evaluations have as
/// much: all their instructions, were each a rule that needs itself, and values nested as deep as a policy is long.
pub(super) const STACK: usize = 512 << 20;

/// Runs something on a thread of its own. A panic in it is its text.
pub(super) fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("policy".to_owned()).stack_size(STACK);
        let thread = thread.spawn_scoped(scope, work).map_err(|error| format!("no thread: {error}"))?;
        thread.join().map_err(|panic| text(&*panic))
    })
}

/// Runs something; a panic in it is its text.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(panic::AssertUnwindSafe(work)).map_err(|panic| text(&*panic))
}

/// What a panic said.
pub(super) fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason").to_owned()
}
