//! TODO

pub mod cgroup;
pub mod errno;
pub mod users;
