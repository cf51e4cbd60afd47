//! Messages on standard error, which may be closed, full or without a reader: no message is worth the exit status.

use std::{fmt, io::Write as _};

/// Prints a line on standard error. What cannot be written is left out.
macro_rules! message {
    ($($part:tt)*) => { $crate::cmd::messages::print(format_args!($($part)*)) };
}

/// Prints a line on standard error in one piece. What cannot be written is left out.
pub(super) fn print(line: fmt::Arguments<'_>) {
    let _unwritten = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
