//! The rights that a process keeps once it has what it needs: capabilities of all threads, system calls, and
//! files that may be written.
//!
//! Each part takes rights away and never gives any. Where a kernel lacks a part, the result says so, and the
//! process goes on with the rest.
//!
//! ```text
//! capability  capabilities with their purpose, and the sets of a process
//! threads     capabilities of all threads of a process
//! filter      filters of system calls: of the agent, of readers of files, of evaluators
//! writing     files that a thread may write
//! mounts      mounts that nobody can write to
//! worker      the identity of a process that reads files of others
//! ```

pub mod capability;
pub mod filter;
pub mod mounts;
pub mod threads;
pub mod worker;
pub mod writing;
