//! Known vulnerabilities of modules, from advisories in the format of OSV (ossf.github.io/osv-schema).
//!
//! ```text
//! advisory  the members of an advisory that are read; untrusted
//! version   versions of modules and their order
//! database  advisories by module
//! finding   the modules of a bill that advisories name
//! ```

mod advisory;
mod database;
mod finding;
mod version;

pub use advisory::{ADVISORY_MAX, AdvisoryError};
pub use database::{AdvisoryUse, OsvDatabase};
pub use version::ModuleVersion;
