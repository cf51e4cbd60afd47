//! A job as the rules follow it: its openers, and the checkouts that it builds in.

use std::path::Path;

use tracego_model::{clock::Time, input::facts::Checkout};

/// A known CI job.
#[derive(Debug, Default)]
pub struct TrackedJob {
    /// Number of running processes that opened the job. Some systems open it anew for each step.
    pub(in crate::rules) openers: u32,
    /// Time when the last opener ended, in nanoseconds since boot.
    pub(in crate::rules) ended: Option<u64>,
    /// The checkouts of the job.
    pub(in crate::rules) checkouts: JobCheckouts,
}

/// The checkouts of a job, or of processes without one.
#[derive(Debug, Default)]
pub struct JobCheckouts {
    /// Working folder of the first opener that was seen.
    folder: Option<String>,
    /// Time of the first start, nanoseconds since 1970.
    began: Option<i64>,
    /// Modules that the go commands of the job build.
    modules: Vec<BuiltModule>,
}

/// A module that go commands of a job build.
#[derive(Debug)]
pub(in crate::rules) struct BuiltModule {
    path: String,
    /// The checkout that it was built in last.
    pub(in crate::rules) checkout: Option<Checkout>,
}

/// Maximum number of modules that are kept for a job.
const MODULES: usize = 32;

impl JobCheckouts {
    /// Notes a program start. `folder`: the working folder, if the process opened the job.
    pub(in crate::rules) fn begin(&mut self, folder: Option<&String>, at: Time) {
        self.began.get_or_insert(at.0);
        if self.folder.is_none() {
            self.folder = folder.cloned();
        }
    }

    /// Adds a module that a go command of the job builds.
    pub(in crate::rules) fn builds(&mut self, module: &str, checkout: Option<&Checkout>) {
        if let Some(known) = self.modules.iter_mut().find(|known| known.path == module) {
            known.checkout = checkout.cloned();
        } else if !module.is_empty() {
            if self.modules.len() >= MODULES {
                self.modules.remove(0);
            }
            self.modules.push(BuiltModule { path: module.to_owned(), checkout: checkout.cloned() });
        }
    }

    /// Returns the build of a module in the job.
    pub(in crate::rules) fn build_of(&self, module: &str) -> Option<&BuiltModule> {
        self.modules.iter().find(|known| known.path == module)
    }

    /// Whether a checkout is the job's own: the one that a variable of the CI system names, or else the one that the
    /// job was opened in, or else any that is in no other checkout. A job can clone others, and submodules are checkouts of
    /// their own.
    pub(in crate::rules) fn owns(&self, checkout: &Checkout) -> bool {
        // A variable is a process's own claim: it can only make a checkout the job's.
        checkout.is_named
            || match &self.folder {
                Some(folder) => Path::new(folder).starts_with(&checkout.folder),
                None => !checkout.is_nested,
            }
    }

    /// Whether HEAD of a checkout was moved since the job began.
    pub(in crate::rules) fn moved(&self, checkout: &Checkout) -> bool {
        // A reflog has whole seconds.
        self.began.is_some_and(|at| checkout.moved_s >= at.div_euclid(1_000_000_000))
    }
}
