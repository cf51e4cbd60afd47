//! The options of policies in a build without the feature `policy`: each use is an error that says so.

use std::{convert::Infallible, ffi::OsString, path::{Path, PathBuf}};

use clap::Args;

/// The error of all uses of policies.
pub const NO_POLICIES: &str = "this tracego was built without policies (cargo feature `policy`)";

/// The help of `tracego policy`.
pub(super) const ABOUT: &str = "Not available: this tracego was built without policies";

/// The options of the policy stage.
#[derive(Args, Clone, Debug)]
pub struct PolicyOptions {
    /// Not available: this tracego was built without policies.
    #[arg(long, value_name = "BUNDLE", value_parser = refuse)]
    pub policy: Vec<Infallible>,
}

impl PolicyOptions {
    /// Returns nothing: there are no bundles.
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::empty()
    }

    /// Returns nothing: nothing is trusted.
    pub fn trusted_files(&self) -> impl Iterator<Item = (&'static str, &PathBuf)> {
        std::iter::empty()
    }

    /// Returns `None`: nothing is kept.
    #[must_use]
    pub fn cache(&self) -> Option<&Path> {
        None
    }

    /// Returns `None`: without policies nothing is decided.
    #[must_use]
    pub fn decision_log(&self) -> Option<&Path> {
        None
    }
}

/// The options of `tracego policy`.
#[derive(Args, Debug)]
pub struct Policy {
    /// Arguments, none of which is read.
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
}

fn refuse(_: &str) -> Result<Infallible, &'static str> {
    Err(NO_POLICIES)
}
