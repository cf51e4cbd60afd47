//! Messages on standard error, which may be closed, full or without a reader: no message is worth the exit status.

use std::{fmt, io::Write as _};

use tracego_model::text::printable_lines;

/// Prints a line on standard error. What cannot be written is left out.
macro_rules! message {
    ($($part:tt)*) => { $crate::cmd::messages::print(format_args!($($part)*)) };
}

/// Prints a line on standard error in one piece, with the characters escaped that a terminal obeys. What cannot be
/// written is left out.
pub(super) fn print(line: fmt::Arguments<'_>) {
    let plain = printable_lines(&format!("{line}\n"));
    let _unwritten = std::io::stderr().write_all(plain.as_bytes());
}
