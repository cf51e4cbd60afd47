//! Go toolchains.

use std::path::PathBuf;

use tracego_tests::go;

/// A Go toolchain.
#[derive(Clone)]
pub(crate) struct Toolchain {
    pub(crate) version: &'static str,
    pub(crate) root: PathBuf,
}

/// Returns a Go toolchain, or why it is unavailable.
pub(crate) fn toolchain(version: &'static str) -> Result<Toolchain, String> {
    Ok(Toolchain { version, root: go::toolchain(version)? })
}
