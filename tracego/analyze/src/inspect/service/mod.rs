//! Running services, inspected again and again.
//!
//! ```text
//! watcher     the thread that inspects services
//! watch_list  the services that are watched, and when each is due
//! watched     a process that is watched
//! inspection  one inspection of one service
//! pidfile     pidfiles: where they may be, and what is wrong with them
//! family      which processes belong to one service
//! ```

pub mod family;
mod inspection;
pub mod pidfile;
pub mod watch_list;
pub mod watched;
pub mod watcher;
