//! Bills of materials of the programs that ran, and of Go executables.
//!
//! ```text
//! record     lines of records → inventory
//! program    a program with its modules, and what is not known of it
//! inventory  all programs, and what is missing
//! purl       package URLs
//! bill       inventory → components with references, and what depends on what
//! serial     the identifier of a bill, made of its content
//! cyclonedx  CycloneDX 1.6 and 1.7
//! spdx2      SPDX 2.3
//! spdx3      SPDX 3.0.1
//! text       the list for people
//! osv        advisories, and the modules of a bill that they name
//! vulnerability  modules with known vulnerabilities
//! ```
//!
//! Nothing here does input or output. A bill says what it lacks: no list of modules is empty because nobody knew it.

pub mod bill;
pub mod cyclonedx;
pub mod inventory;
pub mod osv;
pub mod program;
pub mod purl;
pub mod record;
mod serial;
pub mod spdx2;
pub mod spdx3;
pub mod text;
pub mod vulnerability;
