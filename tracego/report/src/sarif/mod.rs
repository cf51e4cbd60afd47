//! SARIF 2.1.0, as GitHub code scanning reads it. Findings of a run and findings in sources are written by it alike.
//!
//! ```text
//! level     levels and numbers of severities
//! log_file  the objects of a SARIF file
//! writer    rules and results, with GitHub's limits
//! ```

mod level;
mod log_file;
mod writer;

pub use level::{SarifLevel, security_severity};
pub use writer::{
    SarifLog, SarifPlace, SarifRegion, SarifResult, SarifRule, SarifTally, SuppressedBecause, write,
};
