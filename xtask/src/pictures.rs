//! `cargo xtask pictures`: draws the pictures of the dashboards that `docs/fleet.md` shows.

use anyhow::Result;

use crate::{shell, test};

/// Test that draws the pictures, and keeps them when it is asked to.
const DRAWS: &str = "pictures are what the dashboards draw";

/// Draws them with the records of the captured CI job, in ClickHouse's engine.
pub(crate) fn run() -> Result<()> {
    test::build()?;
    let mut cargo = shell::cargo()?;
    cargo.args(["test", "--locked"]).args(test::PACKAGES).args(["--test", "fleet", "--", "--exact", DRAWS]);
    shell::run(cargo.env("TRACEGO_BLESS", "1"))
}
