//! Constants that the programs of two loads share while one load takes over from the other.

/// Version of the events, of [`TaskContext`](crate::TaskContext) and of the way turns are taken; every change
/// increments it. A tracego process continues only programs of its own version that another one left
/// attached.
pub const FORMAT: u32 = 3;

/// A kernel hook that a program is attached to. Each hook has its own claim.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum HookId {
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
    /// The end of execve of a 32-bit caller.
    Execve32 = 5,
    /// The end of execveat of a 32-bit caller.
    Execveat32 = 6,
}

/// Number of hooks.
pub const HOOKS: u32 = 7;
