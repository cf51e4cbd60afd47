//! Pidfiles: where they may be, and what is wrong with them.
//!
//! ```text
//! candidates  files that may be the pidfile of a service
//! units       pidfiles that systemd units name
//! pid_owner   the process that a number in a pidfile names
//! state       the state of one pidfile
//! ```

pub mod candidates;
pub(super) mod pid_owner;
pub mod state;
pub mod units;
