//! The kernel side's decision, reimplemented in user space: for the lockout check and for tests. About a real
//! start only the kernel side's own decision counts, which is in the event.

use tracego_common::verdict::{Action, CGROUP, UID};
use tracego_model::enforcement::EnforcedRule;

use super::compiler::{CompiledRules, path_key};

/// A program start as the kernel side sees it.
#[derive(Clone, Debug, Default)]
pub struct Start<'a> {
    /// Path of the executable.
    pub path: &'a str,
    /// Device and inode of the executable.
    pub inode: (u32, u64),
    /// Arguments.
    pub argv: &'a [&'a str],
    /// Whether the process is in a job.
    pub in_job: bool,
    /// Whether another process opened that job.
    pub inherited_job: bool,
    /// Real user id.
    pub uid: u32,
    /// Id of the cgroup.
    pub cgroup: u64,
}

/// Returns the action for a start and the rule that decided, or `None` if no rule matches.
#[must_use]
pub fn decide<'a>(with: &'a CompiledRules, start: &Start<'_>) -> Option<(Action, &'a EnforcedRule)> {
    let rules = &with.rules;
    let name = start.path.rsplit('/').next().unwrap_or_default();
    let named = |key: &[u8]| key.iter().take_while(|&&byte| byte != 0).eq(name.as_bytes());
    let names = any(with.names.iter().filter(|(key, _)| named(&key.name)).map(|(_, mask)| mask));
    let exes = with.exes.iter().filter(|(key, _)| (key.dev, key.inode) == start.inode);
    let whole = path_key(start.path);
    let paths = any(with.paths.iter().filter(|(key, _)| whole.as_ref() == Some(key)).map(|(_, mask)| mask));
    let mut matched = rules.active & (rules.any_exe | names | paths | any(exes.map(|(_, mask)| mask)));
    if !start.in_job {
        matched &= !rules.in_job;
    }
    if !start.inherited_job {
        matched &= !rules.inherited_job;
    }
    let number = |what: u32, number: u64| {
        any(with.numbers.iter().filter(|(key, _)| (key.what, key.number) == (what, number)).map(|(_, m)| m))
    };
    matched &= rules.any_uid | number(UID, u64::from(start.uid));
    matched &= rules.any_cgroup | number(CGROUP, start.cgroup);
    for (place, all) in rules.any_arg.iter().enumerate().skip(1) {
        let fits = start.argv.get(place).map_or(0, |arg| argument(with, place, arg));
        matched &= all | fits;
    }
    let at = matched.trailing_zeros() as usize;
    let bit = matched & matched.wrapping_neg();
    let action = if bit & rules.allow != 0 {
        Action::Allow
    } else if bit & rules.deny != 0 {
        Action::Deny
    } else if bit & rules.kill != 0 {
        Action::Kill
    } else {
        Action::Audit
    };
    Some((action, with.known.get(at)?))
}

/// Returns the rules of the longest matching prefix, like the kernel's trie.
fn argument(with: &CompiledRules, place: usize, arg: &str) -> u64 {
    let text = [arg.as_bytes(), &[0]].concat();
    let of = with.args.iter().filter(|((key, bits), _)| {
        let len = (*bits as usize / 8).saturating_sub(4);
        usize::from(key.place) == place && text.get(..len).is_some_and(|start| start == &key.bytes[..len])
    });
    of.max_by_key(|((_, bits), _)| *bits).map_or(0, |(_, mask)| *mask)
}

fn any<'a>(masks: impl Iterator<Item = &'a u64>) -> u64 {
    masks.fold(0, |all, mask| all | mask)
}
