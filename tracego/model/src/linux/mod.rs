//! Texts and numbers of Linux: cgroup paths, error numbers, passwd(5), process ids.

pub mod cgroup;
pub mod errno;
pub mod proc_pids;
pub mod users;
