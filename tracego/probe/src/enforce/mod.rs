//! Enforcement: rules for the kernel side, the check that they are in force, and killing from user space what
//! the kernel side cannot judge.
//!
//! [`settings`] → [`compiler`] (→ [`lockout`]) → [`maps`] → the programs (`tracego-ebpf/src/verdict/`) →
//! records. [`check`] is the enforcement check: a program start that must be refused. [`rules_in_force`]
//! keeps the rules that records refer to. `marks` keeps the starts that are to be killed, `families` the processes that
//! run the image of each. [`killer`] kills a
//! process that was judged in user space, and has the kernel decide about the next such start; [`decision`]
//! evaluates the rules here as the kernel does, to try them.

pub mod check;
pub mod compiler;
pub mod decision;
mod families;
pub mod killer;
pub mod lockout;
pub mod machine;
pub mod maps;
pub mod marker;
mod marks;
pub mod rules_in_force;
pub mod settings;
#[cfg(test)]
mod tests;
pub mod trial;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use check::EnforcementCheck;
use compiler::{CompiledRules, JobExtent, compile};
use machine::MachineState;
use maps::RuleTables;
use marker::Marker;
use rules_in_force::RulesInForce;
use settings::Enforce;
use tracego_common::flags;
use tracego_model::{enforcement::Mode, linux::users::Users};

/// Time between two enforcement checks.
const PROOF: Duration = Duration::from_secs(30);

/// The configuration of enforcement.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Mode, `--enforce`.
    pub mode: Mode,
    /// Rules and exceptions, `[enforce]`.
    pub enforce: Enforce,
    /// Whether one command is watched.
    pub tree: bool,
    /// Whether `--env` names a CI job, for all processes.
    pub explicit_job: bool,
    /// Whether the profile takes every process for part of a CI job.
    pub ci_profile: bool,
    /// Whether policies decide, too.
    pub policies: bool,
    /// Names of users.
    pub users: Users,
    /// State that other stages read.
    pub shared: Arc<RulesInForce>,
}

/// The owner of the rules in force: applies them, updates them and checks that they work.
pub struct Enforcer {
    options: Options,
    tables: RuleTables,
    /// Number of the load that owns these tables; see [`tracego_common::flags::generation`].
    generation: u32,
    check: EnforcementCheck,
    exempt: Vec<PathBuf>,
    /// State of the machine that the rules in force were compiled for.
    machine: MachineState,
    proven: Option<Instant>,
    /// Result of the first enforcement check that showed that programs are not stopped.
    failure: Option<String>,
    /// Reason why execve cannot be made to fail here.
    why_no_deny: Option<String>,
    /// Marker for the next tracego, in case this one is killed.
    marker: Option<Marker>,
}

/// New rules that compile but are not in force yet.
pub struct PreparedRules {
    options: Options,
    exempt: Vec<PathBuf>,
    machine: MachineState,
    compiled: CompiledRules,
}

impl Options {
    fn ask(&self, exempt: &[PathBuf]) -> MachineState {
        MachineState::now(&self.enforce, exempt, &self.users)
    }

    fn extent(&self) -> JobExtent {
        match () {
            () if self.explicit_job || self.ci_profile => JobExtent::Everything,
            () if self.tree => JobExtent::Tree,
            () => JobExtent::Variables,
        }
    }

    /// Compiles the rules for the kernel side.
    ///
    /// # Errors
    /// Fails if there are too many rules, if a rule names something that is missing, or if the rules would
    /// lock people out.
    fn compile(
        &self,
        check: Option<&EnforcementCheck>,
        exempt: &[PathBuf],
        machine: &MachineState,
    ) -> anyhow::Result<CompiledRules> {
        let rule = check.map(EnforcementCheck::rule);
        let compiled = compile(&self.enforce, self.mode, self.extent(), rule, exempt, machine);
        let mut compiled = compiled.map_err(|error| anyhow::anyhow!(error))?;
        compiled.rules.remembered |= u64::from(self.policies && self.mode >= Mode::Kill);
        if let Some((start, rule)) = lockout::stopped(&compiled, machine).filter(|_| !self.enforce.force) {
            bail!(
                "enforce: the rule {rule:?} would stop {start}, which a machine needs; change the rule, or set \
                 force = true in [enforce]"
            );
        }
        Ok(compiled)
    }

    /// Checks whether the configuration can be put in force.
    ///
    /// # Errors
    /// Fails like [`Enforcer::start`].
    pub fn check(&self) -> anyhow::Result<()> {
        let exempt = lockout::exempt(&self.enforce.break_glass);
        self.compile(None, &exempt, &self.ask(&exempt)).map(drop)
    }
}

impl Enforcer {
    /// Puts the rules in force. The enforcement check has not run yet.
    ///
    /// # Errors
    /// Fails if a rule cannot be applied or would lock people out.
    pub fn start(
        options: Options,
        tables: RuleTables,
        generation: u32,
        why_no_deny: Option<String>,
    ) -> anyhow::Result<Self> {
        let check = EnforcementCheck::new().context("enforce: cannot prepare the enforcement check")?;
        options.shared.set_check(&check);
        let exempt = lockout::exempt(&options.enforce.break_glass);
        let machine = options.ask(&exempt);
        let compiled = options.compile(Some(&check), &exempt, &machine)?;
        let mut enforcer = Self {
            options,
            tables,
            generation,
            check,
            exempt,
            machine,
            proven: None,
            failure: None,
            why_no_deny,
            marker: None,
        };
        for path in &compiled.absent {
            tracing::warn!(path, "a rule of [enforce] names an executable that does not exist");
        }
        enforcer.put(compiled)?;
        Ok(enforcer)
    }

    fn put(&mut self, compiled: CompiledRules) -> anyhow::Result<()> {
        let compiled = Arc::new(compiled);
        // Shared state first: the next event may already be about the new rules.
        let flags = flags::of_rules(self.generation, self.tables.next());
        self.options.shared.add_rules(flags, Arc::clone(&compiled));
        Ok(self.tables.put(compiled)?)
    }

    /// Compiles and checks new rules; nothing changes yet. `ci_profile`: as in [`Options`].
    ///
    /// # Errors
    /// Fails like [`Self::start`].
    pub fn prepare(&self, enforce: Enforce, ci_profile: bool) -> anyhow::Result<PreparedRules> {
        let exempt = lockout::exempt(&enforce.break_glass);
        let options = Options { enforce, ci_profile, ..self.options.clone() };
        let machine = options.ask(&exempt);
        let compiled = options.compile(Some(&self.check), &exempt, &machine)?;
        Ok(PreparedRules { options, exempt, machine, compiled })
    }

    /// Puts prepared rules in force.
    ///
    /// # Errors
    /// Fails if the kernel refuses them; the previous rules stay in force.
    pub fn change(&mut self, prepared: PreparedRules) -> anyhow::Result<()> {
        let PreparedRules { options, exempt, machine, compiled } = prepared;
        self.put(compiled)?;
        (self.options, self.exempt, self.machine) = (options, exempt, machine);
        Ok(())
    }

    /// Makes the kernel side forget what it remembers of decisions about starts: they belong to a set of rules, and the same
    /// rules become a new set.
    ///
    /// # Errors
    /// Fails if the kernel refuses the rules; the previous ones stay in force.
    pub fn forget_verdicts(&mut self) -> anyhow::Result<()> {
        let compiled = self.tables.in_force().clone();
        self.put(compiled)
    }

    /// Handles replaced files and expired exceptions, and runs the enforcement check when it is due. Called
    /// once a second.
    pub fn tick(&mut self) {
        let machine = self.options.ask(&self.exempt);
        if machine != self.machine {
            self.renew(machine);
        }
        if self.proven.is_none_or(|last| last.elapsed() >= PROOF) {
            self.prove();
        }
    }

    /// Recompiles the rules after the machine has changed.
    fn renew(&mut self, machine: MachineState) {
        match self.options.compile(Some(&self.check), &self.exempt, &machine) {
            Ok(compiled) if compiled != *self.tables.in_force() => {
                if let Err(error) = self.put(compiled) {
                    // Retried at the next tick.
                    tracing::error!("the rules of [enforce] could not be updated: {error:#}");
                    return;
                }
            }
            Ok(_) => {}
            Err(error) => tracing::error!(
                "the rules of [enforce] could not be compiled, the previous ones stay in force: {error:#}"
            ),
        }
        self.machine = machine;
    }

    /// Returns why programs were not stopped at one time since the start; `None` if every enforcement check passed.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Runs the enforcement check and publishes its result.
    pub fn prove(&mut self) {
        let asked = self.options.mode;
        let shown = self.check.run().mode_in_force(asked);
        self.proven = Some(Instant::now());
        if let Err(why) = &shown {
            self.failure.get_or_insert_with(|| why.clone());
        }
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
                let why = self.why_no_deny.as_deref().unwrap_or("the enforcement check was killed");
                tracing::warn!(
                    "--enforce deny: execve cannot be made to fail here, programs are killed: {why}"
                );
            }
            Ok(mode) => tracing::info!(mode = mode.name(), "enforcement is in force"),
        }
    }
}
