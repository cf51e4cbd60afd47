//! The checks of packages by the tools of their distributions.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::shell;

/// A tool that checks a kind of packages.
struct Checker {
    /// End of the names of the packages.
    end: &'static str,
    command: &'static str,
    /// Options that make warnings fail the check.
    options: &'static [&'static str],
}

const CHECKERS: [Checker; 3] = [
    Checker { end: "deb", command: "lintian", options: &["--allow-root", "--fail-on", "error,warning"] },
    Checker { end: "rpm", command: "rpm", options: &["--checksig", "--nosignature"] },
    Checker { end: "rpm", command: "rpmlint", options: &["--strict", "--config", "deploy/rpm/rpmlint.toml"] },
];

/// Checks a package. A tool that is not installed checks nothing, and a message says so.
pub(super) fn check(package: &Path) -> Result<()> {
    for checker in CHECKERS.iter().filter(|checker| package.extension().is_some_and(|end| end == checker.end))
    {
        if shell::succeeds(Command::new(checker.command).arg("--version")) {
            let mut command = Command::new(checker.command);
            shell::run(command.current_dir(shell::root()?).args(checker.options).arg(package))?;
        } else {
            eprintln!(
                "skipped: {} for {}, because it is not installed: apt-get install {0}",
                checker.command,
                package.display()
            );
        }
    }
    Ok(())
}
