//! What has to be looked up outside of the kernel's records: the only part behind the reader that does
//! input of its own. It may wait for a disk, so it runs off the way of the data.
//!
//! ```text
//! open    the file that a process executed, or why it cannot be had
//! images  what such files say about themselves, remembered
//! ```

pub mod images;
pub mod open;

#[cfg(test)]
mod tests;
