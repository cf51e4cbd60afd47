//! A trial of enforcement on this kernel, for `tracego doctor`.

use tracego_common::{KernelSettings, settings::event};
use tracego_model::enforcement::Mode;
use zerocopy::FromZeros as _;

use super::{Enforcer, Options, maps::RuleTables, settings::Enforce};
use crate::load::{self, LoadOptions};

/// Loads the programs with no rule but that of the enforcement check, and runs the check. Returns the mode
/// that works.
///
/// # Errors
/// Returns the reason if nothing can be stopped here.
pub fn trial() -> Result<Mode, String> {
    let settings = KernelSettings {
        events: event::EXEC | event::EXIT | event::FORK,
        agent_tgid: std::process::id(),
        ..KernelSettings::new_zeroed()
    };
    let loaded = load::load(&LoadOptions::trial(settings), Mode::Deny);
    let mut loaded = loaded.map_err(|error| error.reason())?;
    let (tables, _remembered) = RuleTables::take(&mut loaded).map_err(|error| error.reason())?;
    let enforce = Enforce { rules: Some(Vec::new()), findings: Some(Vec::new()), ..Enforce::default() };
    let options = Options { mode: Mode::Deny, enforce, ..Options::default() };
    let enforcer = Enforcer::start(options, tables, 0, None).map_err(|error| format!("{error:#}"))?;
    let shown = enforcer.check.run().mode_in_force(Mode::Deny);
    drop(enforcer);
    loaded.detach().map_err(|error| error.reason())?;
    shown
}
