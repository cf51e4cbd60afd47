//! The programs, each loaded and attached for a moment.

use std::{
    fs,
    process::{Command, Stdio},
};

use aya::{Ebpf, maps::Array};
use rustix::thread::CapabilitySet;
use tracego_common::{
    KernelSettings,
    limits::ARGV_LIMIT,
    settings::{event, filter},
};
use tracego_confine::capability;
use tracego_model::enforcement::Mode;
use zerocopy::FromZeros as _;

use super::{AcceptedProgram, CheckState, DoctorCheck, chain, check, needed};
use crate::{
    btf::{Btf, BtfFile},
    enforce::trial::trial,
    error::LoadError,
    helpers::Helper,
    load::{self, LoadOptions},
    programs::{
        diagnostics,
        hooks::{self, AttachPoint, Hook},
        maps,
    },
};

/// Creates the maps. Returns the types that programs are attached to, and whether the kernel has 32-bit callers.
fn opened(options: &LoadOptions) -> Result<(load::Loaded, aya::Btf, bool), LoadError> {
    let types = BtfFile::open().map_err(LoadError::NoBtf)?;
    let btf = Btf::parse(&types)?;
    let loaded = load::open(options, diagnostics::level(), load::identity::agent(&btf)?, &btf)?;
    let points = load::attach_types(&btf, &hooks::all().collect::<Vec<_>>())?;
    Ok((loaded, points, btf.has_function(hooks::CALLS_32)))
}

/// Loads and attaches the programs one by one, but for those whose helpers are missing.
pub(super) fn programs(checks: &mut Vec<DoctorCheck>, missing: &[Helper]) -> Vec<AcceptedProgram> {
    // Every event is enabled, so that the verifier walks through all code; every filter is on and the tree is
    // empty, so that no event is written.
    let by_cgroup = if missing.contains(&Helper::CurrentAncestorCgroupId) { 0 } else { filter::CGROUP };
    let settings = KernelSettings {
        events: event::EXEC | event::EXIT | event::FORK | event::EXEC_FAILED | event::VERDICT,
        filters: filter::TREE | filter::UID | by_cgroup | filter::COMM,
        env_names: 1,
        argv_max: ARGV_LIMIT,
        ..KernelSettings::new_zeroed()
    };
    let options = LoadOptions::trial(settings);
    let (mut loaded, points, calls_32) = match opened(&options) {
        Ok(opened) => opened,
        Err(error) => {
            checks.push(needed("maps", Err(error), ""));
            return Vec::new();
        }
    };
    checks.push(check("maps", CheckState::Ok, "created", ""));
    let mut accepted = Vec::new();
    for hook in hooks::all() {
        if hook.program == hooks::FAILED_32.program && !calls_32 {
            let name = check_name(hook).0;
            checks.push(check(&name, CheckState::Ok, "not in this kernel, which has no 32-bit callers", ""));
            continue;
        }
        let lacks: Vec<Helper> =
            hook.helpers().iter().copied().filter(|helper| missing.contains(helper)).collect();
        if !lacks.is_empty() {
            let (name, part, _) = check_name(hook);
            let error = LoadError::NoHelper { option: part.unwrap_or("tracego"), helpers: lacks };
            checks.push(check(&name, CheckState::Optional, error.to_string(), ""));
            continue;
        }
        let attached = hook.load(&mut loaded.ebpf, &points).and_then(|()| {
            match hook.program == hooks::VERDICT.program {
                true => hook.call(&mut loaded.ebpf),
                false => hook.attach(&mut loaded.ebpf),
            }
        });
        let attached = attached.and_then(|()| called(hook, &loaded.ebpf));
        let info = hook.info(&loaded.ebpf);
        accepted.extend(info.and_then(|info| {
            Some(AcceptedProgram {
                name: hook.program,
                verified_insns: info.verified_instruction_count()?,
                xlated_bytes: info.size_translated()?,
            })
        }));
        checks.push(hook_check(hook, attached));
    }
    if let Err(error) = loaded.detach() {
        checks.push(needed("detach", Err(error), ""));
    }
    accepted
}

/// Path of the list of active security modules.
const MODULES: &str = "/sys/kernel/security/lsm";

/// Checks that the kernel calls the program of an LSM hook. The kernel always attaches the program, but calls
/// it only if `bpf` is among the active security modules.
fn called(hook: Hook, ebpf: &Ebpf) -> Result<(), LoadError> {
    if !matches!(hook.place, AttachPoint::Lsm(_)) {
        return Ok(());
    }
    let calls: Array<_, u64> = maps::read(ebpf, "PROBED")?;
    let calls = || calls.get(&0, 0).map_err(|e| LoadError::Map("PROBED", e));
    let before = calls()?;
    // Any exec will do, and this program certainly exists; its result does not matter.
    let _ended = Command::new("/proc/self/exe").arg("--version").stdout(Stdio::null()).status();
    if calls()? != before {
        return Ok(());
    }
    let modules = fs::read_to_string(MODULES).unwrap_or_else(|error| format!("unknown ({MODULES}: {error})"));
    Err(LoadError::NotCalled(modules.trim().to_owned()))
}

/// Returns the name of a hook's check, the part of tracego that alone needs the hook, and the remediation.
fn check_name(hook: Hook) -> (String, Option<&'static str>, &'static str) {
    match hook.place {
        AttachPoint::Tracepoint(name) if hook.program == hooks::VERDICT.program => {
            (format!("tp_btf/{name}, to kill"), Some("--enforce"), "")
        }
        AttachPoint::Tracepoint(name) if hook.program == hooks::FAILED_32.program => {
            let remedy = "failed attempts of 32-bit callers are not seen";
            (format!("tp_btf/{name}"), Some("-e execve-failed"), remedy)
        }
        AttachPoint::Tracepoint(name) => (format!("tp_btf/{name}"), None, ""),
        AttachPoint::Syscall(name) => {
            let remedy = if paranoid() >= PARANOID && !is_admin() {
                "sysctl kernel.perf_event_paranoid=2, or run with CAP_SYS_ADMIN"
            } else {
                "mount -t tracefs tracefs /sys/kernel/tracing; needs CONFIG_FTRACE_SYSCALLS=y"
            };
            (format!("tracepoint/syscalls/{name}"), Some("-e execve-failed"), remedy)
        }
        AttachPoint::Lsm(name) => {
            let remedy =
                "boot with bpf in lsm=…; needs CONFIG_BPF_LSM=y, and a kernel that allows LSM programs";
            let what = if hook.program == hooks::DENIED.program { ", to deny" } else { "" };
            (format!("lsm/{name}{what}"), Some("--enforce deny"), remedy)
        }
    }
}

/// Value of `kernel.perf_event_paranoid` from which distributions ask for CAP_SYS_ADMIN where CAP_PERFMON suffices
/// in Linux itself (Debian and Ubuntu patch perf_event_open(2)).
const PARANOID: i32 = 3;

fn paranoid() -> i32 {
    let text = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").unwrap_or_default();
    text.trim().parse().unwrap_or_default()
}

fn is_admin() -> bool {
    capability::effective().is_ok_and(|has| has.contains(CapabilitySet::SYS_ADMIN))
}

fn hook_check(hook: Hook, attached: Result<(), LoadError>) -> DoctorCheck {
    let (name, part, remedy) = check_name(hook);
    match (attached, part) {
        (Ok(()), _) => check(&name, CheckState::Ok, "attached", ""),
        (Err(error), None) => check(&name, CheckState::Missing, chain(&error), remedy),
        (Err(error), Some(part)) => {
            let detail = format!("{}; only {part} needs it", chain(&error));
            check(&name, CheckState::Optional, detail, remedy)
        }
    }
}

/// Runs a program that enforcement must stop.
pub(super) fn enforcement() -> DoctorCheck {
    match trial() {
        Ok(Mode::Deny) => {
            check("enforcement", CheckState::Ok, "kill and deny: execve was refused with EPERM", "")
        }
        Ok(mode) => {
            let detail = format!("{}: the program was killed, but execve was not refused", mode.name());
            check(
                "enforcement",
                CheckState::Optional,
                detail,
                "for --enforce deny: see lsm/bprm_check_security",
            )
        }
        Err(why) => check("enforcement", CheckState::Degraded, format!("unavailable: {why}"), "see above"),
    }
}
