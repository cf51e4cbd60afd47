//! A loader of aya's, made without the types of the kernel.
//!
//! `EbpfLoader::new` reads and parses all of them, more than a hundred thousand, and has no variant that does not. They
//! are for relocations, of which the object has none. So the loader is made by a thread that does not find the file:
//! its root is an empty folder. Where that is not possible, the types are parsed.

use std::{
    io,
    thread::{self, JoinHandle},
};

use aya::EbpfLoader;
use rustix::{
    process::chroot,
    thread::{UnshareFlags, unshare_unsafe},
};

use crate::{error::LoadError, requirements};

/// A folder of /proc without a folder `sys`.
const ELSEWHERE: &str = "/proc/self/fdinfo";

/// Starts the thread, which returns the loader.
///
/// # Errors
/// Fails if the thread cannot be started.
pub(super) fn start() -> Result<JoinHandle<EbpfLoader<'static>>, LoadError> {
    // A filter may end the process for a system call that it does not know.
    let hides = !requirements::is_filtered();
    let make = move || {
        if let Err(error) = if hides { leave() } else { Ok(()) } {
            tracing::debug!(error = error.to_string(), "the kernel's types are parsed for the loader");
        }
        let mut loader = EbpfLoader::new();
        loader.btf(None);
        loader
    };
    thread::Builder::new().name("tracego-load".to_owned()).spawn(make).map_err(LoadError::Thread)
}

/// Changes the root of this thread alone.
fn leave() -> io::Result<()> {
    // SAFETY: no thread relies on sharing its root and working directory with this one, and no descriptor is touched.
    unsafe { unshare_unsafe(UnshareFlags::FS)? };
    Ok(chroot(ELSEWHERE)?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_root_of_other_threads_stays() {
        let before = fs::read_link("/proc/self/root").unwrap();
        let left = thread::spawn(|| leave().map(|()| fs::exists("/sys").unwrap())).join().unwrap();
        if let Ok(sees) = left {
            assert!(!sees);
        }
        assert_eq!(fs::read_link("/proc/self/root").unwrap(), before);
        assert!(start().unwrap().join().is_ok());
    }
}
