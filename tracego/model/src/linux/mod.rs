//! Texts and numbers of Linux: cgroup paths, error numbers, passwd(5).

pub mod cgroup;
pub mod errno;
pub mod users;
