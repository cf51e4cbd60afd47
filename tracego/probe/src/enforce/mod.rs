//! Starts that are stopped: rules for the kernel side, the proof that they are in force, and what is ended
//! from here because the kernel side cannot know it.
//!
//! [`settings`] → [`mod@compile`] (→ [`lockout`]) → [`maps`] → the programs (`tracego-ebpf/src/verdict/`) → records.
//! [`canary`] shows that it works; [`shared`] is what the parts that tell of it know; [`after`] ends a process
//! whose start was judged here, and has the next such start decided in the kernel.

pub mod after;
pub mod canary;
pub mod compile;
pub mod decide;
pub mod lockout;
pub mod machine;
pub mod maps;
pub mod marker;
pub mod settings;
pub mod shared;
#[cfg(test)]
mod tests;
pub mod trial;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use canary::Canary;
use compile::{Compiled, compile};
use machine::Machine;
use maps::Tables;
use marker::Marker;
use settings::Enforce;
use shared::RulesInForce;
use tracego_common::flags;
use tracego_model::enforcement::Mode;

use tracego_model::linux::users::Users;

/// How often the canary flies.
const PROOF: Duration = Duration::from_secs(30);

/// What is to be enforced.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--enforce`.
    pub mode: Mode,
    /// `[enforce]`.
    pub enforce: Enforce,
    /// One command is watched.
    pub tree: bool,
    /// Policies decide, too.
    pub policies: bool,
    /// Names of users.
    pub users: Users,
    /// Who else knows.
    pub shared: Arc<RulesInForce>,
}

/// Keeps rules in force.
pub struct Enforcer {
    options: Options,
    tables: Tables,
    /// Number of the load that has these tables; see [`tracego_common::flags::generation`].
    generation: u32,
    canary: Canary,
    exempt: Vec<PathBuf>,
    /// What the rules in force are compiled from.
    machine: Machine,
    proven: Option<Instant>,
    /// Why execve cannot be made to fail here.
    why_no_deny: Option<String>,
    /// For the next tracego, in case that this one is killed.
    marker: Option<Marker>,
}

/// Other rules that were tried.
pub struct Prepared {
    options: Options,
    exempt: Vec<PathBuf>,
    machine: Machine,
    compiled: Compiled,
}

impl Options {
    fn ask(&self, exempt: &[PathBuf]) -> Machine {
        Machine::now(&self.enforce, exempt, &self.users)
    }

    /// The rules for the kernel side.
    ///
    /// # Errors
    /// When they are too many or name what is not there, or would lock people out.
    fn compile(
        &self,
        canary: Option<&Canary>,
        exempt: &[PathBuf],
        machine: &Machine,
    ) -> anyhow::Result<Compiled> {
        let rule = canary.map(Canary::rule);
        let compiled = compile(&self.enforce, self.mode, self.tree, rule, exempt, machine);
        let mut compiled = compiled.map_err(|error| anyhow::anyhow!(error))?;
        compiled.rules.remembered |= u64::from(self.policies && self.mode >= Mode::Kill);
        if let Some((start, rule)) = lockout::stopped(&compiled, machine).filter(|_| !self.enforce.force) {
            bail!(
                "enforce: the rule {rule:?} would stop {start}, which a machine needs; change the rule, or say \
                 force = true in [enforce]"
            );
        }
        Ok(compiled)
    }

    /// Whether the configuration can be put in force.
    ///
    /// # Errors
    /// As [`Enforcer::start`].
    pub fn check(&self) -> anyhow::Result<()> {
        let exempt = lockout::exempt(&self.enforce.break_glass);
        self.compile(None, &exempt, &self.ask(&exempt)).map(drop)
    }
}

impl Enforcer {
    /// Puts the rules in force. The canary has not flown yet.
    ///
    /// # Errors
    /// When a rule cannot be, or would lock people out.
    pub fn start(
        options: Options,
        tables: Tables,
        generation: u32,
        why_no_deny: Option<String>,
    ) -> anyhow::Result<Self> {
        let canary = Canary::new().context("enforce: the start that shows that stops are in force")?;
        options.shared.expect(&canary);
        let exempt = lockout::exempt(&options.enforce.break_glass);
        let machine = options.ask(&exempt);
        let compiled = options.compile(Some(&canary), &exempt, &machine)?;
        let mut enforcer = Self {
            options,
            tables,
            generation,
            canary,
            exempt,
            machine,
            proven: None,
            why_no_deny,
            marker: None,
        };
        for path in &compiled.absent {
            tracing::warn!(path, "a rule of [enforce] names an executable that is not there");
        }
        enforcer.put(compiled)?;
        Ok(enforcer)
    }

    fn put(&mut self, compiled: Compiled) -> anyhow::Result<()> {
        let compiled = Arc::new(compiled);
        // First: the next event may be about them.
        let flags = flags::of_rules(self.generation, self.tables.next());
        self.options.shared.put(flags, Arc::clone(&compiled));
        Ok(self.tables.put(compiled)?)
    }

    /// Tries other rules; nothing changes yet.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn prepare(&self, enforce: Enforce) -> anyhow::Result<Prepared> {
        let exempt = lockout::exempt(&enforce.break_glass);
        let options = Options { enforce, ..self.options.clone() };
        let machine = options.ask(&exempt);
        let compiled = options.compile(Some(&self.canary), &exempt, &machine)?;
        Ok(Prepared { options, exempt, machine, compiled })
    }

    /// Goes over to other rules.
    ///
    /// # Errors
    /// When the kernel refuses them; the ones before stay.
    pub fn change(&mut self, prepared: Prepared) -> anyhow::Result<()> {
        let Prepared { options, exempt, machine, compiled } = prepared;
        self.put(compiled)?;
        (self.options, self.exempt, self.machine) = (options, exempt, machine);
        Ok(())
    }

    /// Once a second: files that were replaced, exceptions that ended, and the proof when it is time.
    pub fn tick(&mut self) {
        let machine = self.options.ask(&self.exempt);
        if machine != self.machine {
            self.renew(machine);
        }
        if self.proven.is_none_or(|last| last.elapsed() >= PROOF) {
            self.prove();
        }
    }

    /// Compiles the rules again for a machine that has changed.
    fn renew(&mut self, machine: Machine) {
        match self.options.compile(Some(&self.canary), &self.exempt, &machine) {
            Ok(compiled) if compiled != *self.tables.in_force() => {
                if let Err(error) = self.put(compiled) {
                    // Tried again with the next tick.
                    tracing::error!("the rules of [enforce] could not be brought up to date: {error:#}");
                    return;
                }
            }
            Ok(_) => {}
            Err(error) => tracing::error!("the rules of [enforce] stay as they were: {error:#}"),
        }
        self.machine = machine;
    }

    /// Lets the canary fly.
    pub fn prove(&mut self) {
        let asked = self.options.mode;
        let shown = self.canary.fly().shows(asked);
        self.proven = Some(Instant::now());
        if !self.options.shared.status().show(asked, shown.clone()) {
            return;
        }
        if shown.as_ref().is_ok_and(|mode| *mode >= Mode::Kill) && self.marker.is_none() && !self.options.tree
        {
            marker::tell();
            self.marker = Marker::set(asked);
        }
        match shown {
            Err(why) => tracing::error!("--enforce {}: not in force: {why}", asked.name()),
            Ok(Mode::Kill) if asked == Mode::Deny => {
                let why = self.why_no_deny.as_deref().unwrap_or("the start that shows it was killed");
                tracing::warn!(
                    "--enforce deny: execve cannot be made to fail here, programs are killed: {why}"
                );
            }
            Ok(mode) => tracing::info!(mode = mode.name(), "enforcement is in force"),
        }
    }
}
