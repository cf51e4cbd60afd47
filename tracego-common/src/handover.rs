//! What programs of several loads agree on while one takes over from another.

/// Grows with every change of a record, of [`TaskCtx`](crate::TaskCtx) or of how turns are taken: what one
/// tracego left attached is continued by another one with the same number alone.
pub const FORMAT: u32 = 2;

/// What happens in the kernel that a program is attached to: each has a claim of its own.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum Hook {
    /// A program start.
    Exec = 0,
    /// The end of a process.
    Exit = 1,
    /// A new process.
    Fork = 2,
    /// The end of execve.
    Execve = 3,
    /// The end of execveat.
    Execveat = 4,
}

/// Number of hooks.
pub const HOOKS: u32 = 5;
