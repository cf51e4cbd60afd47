//! The loader of aya, made while the rest of the start goes on.
//!
//! `EbpfLoader::new` reads and parses all types of the kernel, more than a hundred thousand, and has no variant that does
//! not. They are for relocations, of which the object has none; so they are dropped at once.

use std::thread::{self, JoinHandle};

use aya::EbpfLoader;

use crate::error::LoadError;

/// Starts the thread, which returns the loader.
///
/// # Errors
/// Fails if the thread cannot be started.
pub(super) fn start() -> Result<JoinHandle<EbpfLoader<'static>>, LoadError> {
    let make = || {
        let mut loader = EbpfLoader::new();
        loader.btf(None);
        loader
    };
    thread::Builder::new().name("tracego-load".to_owned()).spawn(make).map_err(LoadError::Thread)
}
