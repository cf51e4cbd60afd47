//! The executables of processes: how they are opened, and a cache of what they hold.

pub mod cache;
pub mod executable;
pub mod fsverity;
mod handles;
mod mounts;
mod user;

#[cfg(test)]
mod tests;
