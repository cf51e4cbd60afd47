//! The stack of threads that evaluate, and panics on it.

use std::{any::Any, panic};

/// Size of a stack in bytes. A module has at most [`crate::compiler::parser::MAX_MODULE`] bytes; if all of it
/// is one chain of operators, the engine's recursion takes this much. Only the part that is used takes memory.
pub(crate) const STACK: usize = 256 << 20;

/// Runs `work`. Returns the message as an error if it panics.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(panic::AssertUnwindSafe(work)).map_err(|panic| text(&*panic))
}

/// Returns the message of a panic.
pub(crate) fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason").to_owned()
}
