//! Processes in /proc, and files as a process sees them.
//!
//! ```text
//! namespaces   mount namespaces that are held for a moment
//! procfs       processes, by their identity; files of a process
//! status       the status file
//! descriptors  open files, and why they are open
//! locks        locks on files
//! passwd       the passwd file below a root folder
//! root         paths below the root folder of a process
//! read_error   why a read failed
//! ```

pub mod descriptors;
pub mod locks;
pub mod namespaces;
pub mod passwd;
pub mod procfs;
pub mod read_error;
pub mod root;
pub mod status;
