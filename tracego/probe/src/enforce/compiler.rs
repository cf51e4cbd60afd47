//! The compiler from configured rules to the keys that the kernel side looks up. Pure: the state of the
//! machine comes in [`MachineState`].

use std::path::{Path, PathBuf};

use tracego_common::verdict::{
    ARG_LEN, ARGS, ArgKey, CGROUP, ExeKey, NAME_LEN, NameKey, NumberKey, PATH_LEN, PathKey, RULES_MAX,
    RuleMasks, UID,
};
use tracego_model::{
    enforcement::{EnforcedRule, Mode},
    matcher::Purpose,
};

use super::{
    machine::MachineState,
    settings::{ArgPattern, Enforce, Exception, KernelMatcher, Rule, RuleAction, Unreadable, User},
};

/// The keys that the kernel side looks up for one set of rules. They have no set number yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CompiledRules {
    /// Properties of the rules that do not depend on keys.
    pub rules: RuleMasks,
    /// Descriptions of the rules, by bit.
    pub known: Vec<EnforcedRule>,
    /// Rules by file name.
    pub names: Vec<(NameKey, u64)>,
    /// Rules by inode.
    pub exes: Vec<(ExeKey, u64)>,
    /// Rules by path, with the number of compared bits.
    pub paths: Vec<((PathKey, u32), u64)>,
    /// Rules by argument, with the number of compared bits.
    pub args: Vec<((ArgKey, u32), u64)>,
    /// Rules by user and cgroup.
    pub numbers: Vec<(NumberKey, u64)>,
    /// Whether findings kill only processes in jobs, as the built-in rule does.
    pub findings_in_job: bool,
    /// Configured paths that do not exist now.
    pub absent: Vec<String>,
}

/// The processes that count as part of a CI job.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JobExtent {
    /// Processes with the variables of a job, and their descendants.
    Variables,
    /// The same for rules of the configuration; for the built-in rule and for findings, every process.
    Tree,
    /// Every process: by `--profile ci`, or because `--env` names a job.
    Everything,
}

/// The match of the enforcement check's own rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CheckMatch {
    /// File name of the executable.
    pub executable: String,
    /// Arguments from `argv[1]` on.
    pub args: Vec<String>,
}

struct Builder<'a> {
    machine: &'a MachineState,
    /// Whether every process counts as part of a job.
    all_in_job: bool,
    out: CompiledRules,
}

/// Compiles the configuration.
///
/// # Errors
/// Fails if there are too many rules, or if a user or a cgroup is unknown.
pub fn compile(
    enforce: &Enforce,
    mode: Mode,
    extent: JobExtent,
    check: Option<&CheckMatch>,
    exempt: &[PathBuf],
    machine: &MachineState,
) -> Result<CompiledRules, String> {
    let all_in_job = extent == JobExtent::Everything;
    let mut builder = Builder { machine, all_in_job, out: CompiledRules::default() };
    if mode == Mode::Off {
        return Ok(builder.out);
    }
    if let Some(check) = check {
        let matches = KernelMatcher {
            executables: vec![check.executable.clone()],
            args: check.args.iter().cloned().map(ArgPattern::Text).collect(),
            ..KernelMatcher::default()
        };
        let known = EnforcedRule { name: "canary".to_owned(), own: true, ..EnforcedRule::default() };
        builder.rule(
            &matches,
            known,
            |rules, bit| stop(rules, mode, RuleAction::Stop, bit),
            Unreadable::Allow,
            Purpose::Select,
        )?;
    }
    let known = EnforcedRule { name: "exempt".to_owned(), own: true, ..EnforcedRule::default() };
    builder.exempt(exempt, known)?;
    for one in &enforce.exceptions {
        if one.holds(machine.today)? {
            builder.exception(one)?;
        }
    }
    let tree = extent != JobExtent::Variables;
    for rule in enforce.rules(tree) {
        let Rule { name, action, matches, message, remediation } = rule;
        let job = action == RuleAction::KillJob;
        let known = EnforcedRule { name, message, remediation, job, ..EnforcedRule::default() };
        // A rule that only reports keeps the rules behind it from stopping the start.
        let purpose =
            if action == RuleAction::Audit && mode > Mode::Audit { Purpose::Exempt } else { Purpose::Select };
        let act = |rules: &mut RuleMasks, bit| stop(rules, mode, action, bit);
        builder.rule(&matches, known, act, enforce.unreadable, purpose)?;
    }
    let mut out = builder.out;
    out.merge();
    out.findings_in_job = !tree && enforce.findings.is_none();
    out.rules.remembered = u64::from(mode >= Mode::Kill && !enforce.findings().is_empty());
    Ok(out)
}

/// Sets the action of a rule, limited by the mode.
fn stop(rules: &mut RuleMasks, mode: Mode, act: RuleAction, bit: u64) {
    match (mode, act) {
        (Mode::Off | Mode::Audit, _) | (_, RuleAction::Audit) => {}
        (Mode::Deny, RuleAction::Stop) => rules.deny |= bit,
        (Mode::Kill, RuleAction::Stop) | (_, RuleAction::Kill | RuleAction::KillJob) => rules.kill |= bit,
    }
}

impl Builder<'_> {
    fn next(&mut self, known: EnforcedRule) -> Result<u64, String> {
        let at = u32::try_from(self.out.known.len()).unwrap_or(RULES_MAX);
        if at >= RULES_MAX {
            return Err(format!(
                "enforce: more than {RULES_MAX} rules and exceptions, tracego's own two among them; join some: a \
                 rule takes several executables, users and cgroups"
            ));
        }
        self.out.known.push(known);
        let bit = 1 << at;
        self.out.rules.active |= bit;
        Ok(bit)
    }

    fn exempt(&mut self, paths: &[PathBuf], known: EnforcedRule) -> Result<(), String> {
        let bit = self.next(known)?;
        let rules = &mut self.out.rules;
        rules.allow |= bit;
        rules.any_uid |= bit;
        rules.any_cgroup |= bit;
        rules.unreadable |= bit;
        for any in &mut rules.any_arg {
            *any |= bit;
        }
        for path in paths {
            if let Some(file) = self.machine.files.get(path) {
                self.out.exes.push((exe_key(file.inode), bit));
            }
        }
        Ok(())
    }

    fn exception(&mut self, one: &Exception) -> Result<(), String> {
        let known = EnforcedRule {
            name: one.name.clone(),
            exception: Some((one.owner.clone(), one.reason.clone())),
            ..EnforcedRule::default()
        };
        // An exception helps the user who asked for it, so an argument that cannot be read is taken as a
        // match.
        let allow = |rules: &mut RuleMasks, bit: u64| rules.allow |= bit;
        self.rule(&one.matches, known, allow, Unreadable::Stop, Purpose::Exempt)
    }

    fn rule(
        &mut self,
        matches: &KernelMatcher,
        known: EnforcedRule,
        act: impl Fn(&mut RuleMasks, u64),
        unreadable: Unreadable,
        purpose: Purpose,
    ) -> Result<(), String> {
        let name = known.name.clone();
        let bit = self.next(known)?;
        act(&mut self.out.rules, bit);
        if unreadable == Unreadable::Stop {
            self.out.rules.unreadable |= bit;
        }
        match purpose {
            _ if !matches.in_job || self.all_in_job => {}
            Purpose::Select => self.out.rules.in_job |= bit,
            Purpose::Exempt => self.out.rules.inherited_job |= bit,
        }
        self.executables(&matches.executables, bit, purpose);
        self.args(&matches.args, bit);
        self.users(&matches.users, bit).map_err(|error| format!("enforce {name:?}: {error}"))?;
        self.cgroups(&matches.cgroups, bit).map_err(|error| format!("enforce {name:?}: {error}"))
    }

    fn executables(&mut self, list: &[String], bit: u64, purpose: Purpose) {
        if list.is_empty() {
            self.out.rules.any_exe |= bit;
        }
        for name in list {
            if !name.contains('/') {
                let mut key = NameKey { set: 0, pad: 0, name: [0; NAME_LEN] };
                key.name[..name.len()].copy_from_slice(name.as_bytes());
                self.out.names.push((key, bit));
                continue;
            }
            let file = self.machine.files.get(Path::new(name));
            match file {
                Some(file) => self.out.exes.push((exe_key(file.inode), bit)),
                None => self.out.absent.push(name.clone()),
            }
            // A file placed there later is known by its path, checked behind the point of no return. A start is
            // let through by the inode alone: in another mount namespace, the same path is any file.
            if purpose == Purpose::Select
                && let Some((key, bits)) = path_key(file.map_or(name, |file| &file.real))
            {
                self.out.rules.by_path |= bit;
                self.out.paths.push(((key, bits), bit));
            }
        }
    }

    fn args(&mut self, list: &[ArgPattern], bit: u64) {
        self.out.rules.any_arg[0] |= bit;
        for place in 1..=ARGS {
            let (text, end) = match list.get(place - 1) {
                None | Some(ArgPattern::Any) => {
                    self.out.rules.any_arg[place] |= bit;
                    continue;
                }
                // A complete argument includes its NUL.
                Some(ArgPattern::Text(text)) => (text, 1),
                Some(ArgPattern::Prefix(text)) => (text, 0),
            };
            let mut key = ArgKey { set: 0, place: u16::try_from(place).unwrap_or(0), bytes: [0; ARG_LEN] };
            key.bytes[..text.len()].copy_from_slice(text.as_bytes());
            self.out.args.push(((key, bits(4 + text.len() + end)), bit));
        }
    }

    fn users(&mut self, list: &[User], bit: u64) -> Result<(), String> {
        if list.is_empty() {
            self.out.rules.any_uid |= bit;
        }
        for user in list {
            let uid = match user {
                User::Id(uid) => *uid,
                User::Name(name) => {
                    let uid = self.machine.users.get(name).copied();
                    uid.ok_or_else(|| format!("real-user: there is no user {name:?}"))?
                }
            };
            self.out.numbers.push((NumberKey { number: u64::from(uid), what: UID, set: 0 }, bit));
        }
        Ok(())
    }

    fn cgroups(&mut self, list: &[String], bit: u64) -> Result<(), String> {
        if list.is_empty() {
            self.out.rules.any_cgroup |= bit;
        }
        for path in list {
            let id = self.machine.cgroups.get(path).copied();
            let id = id.ok_or_else(|| format!("cgroup: {path}: not a folder of cgroups v2"))?;
            self.out.numbers.push((NumberKey { number: id, what: CGROUP, set: 0 }, bit));
        }
        Ok(())
    }
}

fn exe_key((dev, inode): (u32, u64)) -> ExeKey {
    ExeKey { inode, dev, set: 0 }
}

/// Returns the number of compared bits of a key with this many bytes.
fn bits(bytes: usize) -> u32 {
    u32::try_from(bytes * 8).unwrap_or(u32::MAX)
}

/// Encodes a path as the kernel side has it: names from the file up to the root, and an empty name for the
/// root, so that no path matches that only ends alike. Returns `None` for a path that is too long.
pub(super) fn path_key(path: &str) -> Option<(PathKey, u32)> {
    let mut key = PathKey { set: 0, names: [0; PATH_LEN] };
    let mut at = 0;
    for name in path.split('/').rev().filter(|name| !name.is_empty()) {
        let end = at + name.len() + 1;
        key.names.get_mut(at..end - 1)?.copy_from_slice(name.as_bytes());
        at = end;
    }
    (at > 0 && at < PATH_LEN).then_some((key, bits(4 + at + 1)))
}

impl CompiledRules {
    /// Joins equal keys of several rules, and adds to a longer argument the rules of its shorter prefixes.
    fn merge(&mut self) {
        join(&mut self.names);
        join(&mut self.exes);
        join(&mut self.paths);
        join(&mut self.args);
        join(&mut self.numbers);
        let args = self.args.clone();
        for ((key, len), mask) in &mut self.args {
            for ((shorter, shorter_len), more) in &args {
                if shorter.place == key.place && shorter_len <= len && begins(key, shorter, *shorter_len) {
                    *mask |= more;
                }
            }
        }
    }
}

fn begins(key: &ArgKey, with: &ArgKey, bits: u32) -> bool {
    let len = (bits as usize / 8).saturating_sub(4).min(ARG_LEN);
    key.bytes[..len] == with.bytes[..len]
}

/// Joins equal keys, with the rules of all of them.
fn join<K: PartialEq>(list: &mut Vec<(K, u64)>) {
    let mut joined: Vec<(K, u64)> = Vec::with_capacity(list.len());
    for (key, mask) in list.drain(..) {
        match joined.iter_mut().find(|(known, _)| *known == key) {
            Some((_, all)) => *all |= mask,
            None => joined.push((key, mask)),
        }
    }
    *list = joined;
}
