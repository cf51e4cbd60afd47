//! Reads files in processes of their own, with a deadline.
//!
//! A file system may never answer: FUSE of any user, a network file system. A thread that waits for one cannot be
//! ended, and holds up the end of its process. So files of other processes are read by workers, which are child
//! processes; the inspector asks a worker and waits for a short time. A worker that does not answer is left alone
//! with its file, and files of the same place are given up until it answers.
//!
//! ```text
//! question  questions to workers and their answers, as bytes
//! worker    the work of a worker
//! nursery   the process that forks workers
//! readers   the workers, with deadlines
//! ```

mod nursery;
pub mod question;
pub mod readers;
mod worker;
