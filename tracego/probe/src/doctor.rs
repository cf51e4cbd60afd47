//! Tries out what this kernel and this user allow: the checks of `tracego doctor`.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use aya::{
    Ebpf,
    maps::{Array, MapType},
    programs::ProgramError,
    sys::is_map_supported,
};
use rustix::thread::CapabilitySet;
use serde::Serialize;
use tracego_common::{
    KernelSettings, Offsets,
    limits::ARGV_LIMIT,
    settings::{event, filter},
};
use tracego_confine::capability::{self, ATTACHING, CapabilityUse};
use tracego_model::enforcement::Mode;
use zerocopy::FromZeros as _;

use crate::{
    btf::{BTF_PATH, Btf, BtfFile},
    enforce::trial::trial,
    error::LoadError,
    helpers::Helper,
    host_root::HostRoot,
    load::{self, LoadOptions, object::BpfObject},
    programs::{
        diagnostics,
        hooks::{self, AttachPoint, Hook},
        maps,
    },
    requirements,
};

/// The outcome of a check.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    /// Available.
    Ok,
    /// Unavailable, and needed only by an option that nobody has to use.
    Optional,
    /// Unavailable, and part of what tracego does without further options.
    Degraded,
    /// Unavailable, and required by tracego.
    Missing,
}

/// One check and its outcome.
#[derive(Clone, Debug, Serialize)]
pub struct DoctorCheck {
    /// Name of the check.
    pub name: String,
    /// Outcome of the check.
    pub state: CheckState,
    /// Details of the finding.
    pub detail: String,
    /// Remediation; empty when none is needed.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub remedy: String,
}

/// A program that the verifier accepted.
#[derive(Clone, Debug, Serialize)]
pub struct AcceptedProgram {
    /// Name of the program.
    pub name: &'static str,
    /// Number of instructions that the verifier processed (`verified_insns` of bpf_prog_info).
    pub verified_insns: u32,
    /// Size of the program in bytes after the verifier's rewriting (`xlated_prog_len`).
    pub xlated_bytes: u32,
}

/// The result of all checks.
#[derive(Clone, Debug, Serialize)]
pub struct DoctorReport {
    /// Kernel release, as `uname -r` prints it.
    pub kernel: String,
    /// Whether tracego works here: no check is [`CheckState::Missing`].
    pub works: bool,
    /// Checks, in the order of startup.
    pub checks: Vec<DoctorCheck>,
    /// Accepted programs, in the order of the hooks.
    pub programs: Vec<AcceptedProgram>,
}

/// Runs all checks. Programs are attached for a moment, with settings that make them write nothing.
#[must_use]
pub fn examine() -> DoctorReport {
    let release = requirements::release();
    let mut checks = vec![
        check("kernel", CheckState::Ok, &*release, ""),
        needed("capabilities", requirements::capabilities(), "those to load and attach"),
        needed("lockdown", requirements::lockdown(), "kernel memory may be read"),
        btf(),
        ring_buffer(),
    ];
    checks.extend(capabilities());
    let missing = helpers(&mut checks);
    let programs = programs(&mut checks, &missing);
    checks.push(enforcement());
    let tracefs = requirements::tracefs();
    checks.push(DoctorCheck { state: degraded(&tracefs), ..needed("tracefs", tracefs, "mounted") });
    checks.extend([jit(), cgroup(), pid_namespace(), host_files()]);
    let works = checks.iter().all(|check| check.state != CheckState::Missing);
    DoctorReport { kernel: release, works, checks, programs }
}

fn check(name: &str, state: CheckState, detail: impl Into<String>, remedy: &str) -> DoctorCheck {
    DoctorCheck { name: name.to_owned(), state, detail: detail.into(), remedy: remedy.to_owned() }
}

/// Converts a [`LoadError`], which names the problem and the remediation, to a check.
fn needed(name: &str, found: Result<(), LoadError>, detail: &str) -> DoctorCheck {
    match found {
        Ok(()) => check(name, CheckState::Ok, detail, ""),
        Err(error) => check(name, CheckState::Missing, chain(&error), ""),
    }
}

/// Checks each capability that tracego has a use for.
fn capabilities() -> Vec<DoctorCheck> {
    let has = capability::effective().unwrap_or(CapabilitySet::empty());
    let replaced = has.contains(CapabilitySet::SYS_ADMIN);
    let one = |about: &CapabilityUse| {
        let CapabilityUse { capability, name, purpose, without, only_for } = *about;
        let state = match (ATTACHING.contains(capability), only_for) {
            _ if has.contains(capability) => CheckState::Ok,
            (true, _) if replaced => CheckState::Ok,
            (true, _) => CheckState::Missing,
            (false, "") => CheckState::Degraded,
            (false, _) => CheckState::Optional,
        };
        let detail = match (state, only_for) {
            (CheckState::Ok, _) => purpose.to_owned(),
            (_, "") => format!("{purpose}; without it, {without}"),
            (_, only_for) => format!("{purpose}; without it, {without}; only for {only_for}"),
        };
        let remedy = if state == CheckState::Ok { "" } else { "docs/privileges.md" };
        check(name, state, detail, remedy)
    };
    capability::USES.iter().map(one).collect()
}

fn degraded<T, E>(found: &Result<T, E>) -> CheckState {
    if found.is_ok() { CheckState::Ok } else { CheckState::Degraded }
}

/// Returns the error and its cause. The verifier's log appears only with `TRACEGO_LOG=debug`.
fn chain(error: &LoadError) -> String {
    if let LoadError::Program { program, source } = error
        && let ProgramError::LoadError { verifier_log, .. } = &**source
    {
        tracing::debug!(program, %verifier_log, "the verifier refused a program");
    }
    error.reason()
}

fn btf() -> DoctorCheck {
    let blob = match BtfFile::open() {
        Ok(blob) => blob,
        Err(error) => return needed("BTF", Err(LoadError::NoBtf(error)), ""),
    };
    match Btf::parse(&blob) {
        Err(error) => needed("BTF", Err(error.into()), ""),
        Ok(btf) => {
            let (_, missing) = btf.offsets(&[]);
            let total = Offsets::FIELDS.len();
            let mut detail = format!("{BTF_PATH}, {} of {total} fields", total - missing.len());
            if !missing.is_empty() {
                detail =
                    format!("{detail}; missing in this version or configuration: {}", missing.join(", "));
            }
            check("BTF", CheckState::Ok, detail, "")
        }
    }
}

fn ring_buffer() -> DoctorCheck {
    supported("ring buffer", is_map_supported(MapType::RingBuf).map_err(|e| e.to_string()))
}

fn supported(name: &str, found: Result<bool, String>) -> DoctorCheck {
    match found {
        Ok(true) => check(name, CheckState::Ok, "available", ""),
        Ok(false) => {
            check(name, CheckState::Missing, "not in this kernel", "mainline has it since Linux 5.8")
        }
        Err(error) => check(name, CheckState::Missing, format!("check failed: {error}"), "run as root"),
    }
}

/// Asks for each helper, and checks which object they allow. Returns the helpers that the kernel lacks.
fn helpers(checks: &mut Vec<DoctorCheck>) -> Vec<Helper> {
    let mut missing = Vec::new();
    for helper in Helper::ALL {
        let name = helper.name();
        match helper.probe() {
            Ok(true) => checks.push(check(name, CheckState::Ok, "available", "")),
            Ok(false) => {
                let detail = format!("not in this kernel; for {}", helper.purpose());
                let remedy = format!("mainline has it since Linux {}", helper.since());
                checks.push(check(name, CheckState::Optional, detail, &remedy));
                missing.push(helper);
            }
            Err(error) => {
                let detail = format!("check failed: {error}");
                checks.push(check("helpers", CheckState::Missing, detail, "run as root"));
                return Vec::new();
            }
        }
    }
    checks.push(match BpfObject::here(&[]) {
        Ok(object) => {
            let bounds = object.bounds();
            match object.helper() {
                Some(helper) => {
                    let detail = format!("{}: {}", object.name(), helper.name());
                    check("BPF object", CheckState::Ok, detail, "")
                }
                None => {
                    let (detail, remedy) = (
                        format!("{}: {bounds}", object.name()),
                        "more is marked as truncated; a kernel with bpf_for_each_map_elem or bpf_loop has no such bounds",
                    );
                    check("BPF object", CheckState::Degraded, detail, remedy)
                }
            }
        }
        Err(error) => needed("BPF object", Err(error), ""),
    });
    missing
}

/// Creates the maps. Returns the types that programs are attached to, and whether the kernel has 32-bit callers.
fn opened(options: &LoadOptions) -> Result<(load::Loaded, aya::Btf, bool), LoadError> {
    let types = BtfFile::open().map_err(LoadError::NoBtf)?;
    let btf = Btf::parse(&types)?;
    let loaded = load::open(options, diagnostics::level(), load::identity::agent(&btf)?, &btf)?;
    let points = load::attach_types(&btf, &hooks::all().collect::<Vec<_>>())?;
    Ok((loaded, points, btf.has_function(hooks::CALLS_32)))
}

/// Loads and attaches the programs one by one, but for those whose helpers are missing.
fn programs(checks: &mut Vec<DoctorCheck>, missing: &[Helper]) -> Vec<AcceptedProgram> {
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
fn enforcement() -> DoctorCheck {
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

fn jit() -> DoctorCheck {
    match fs::read_to_string("/proc/sys/net/core/bpf_jit_enable").map(|text| text.trim().to_owned()) {
        Ok(off) if off == "0" => check(
            "JIT",
            CheckState::Degraded,
            "off: programs are interpreted",
            "sysctl net.core.bpf_jit_enable=1",
        ),
        Ok(on) => check("JIT", CheckState::Ok, format!("net.core.bpf_jit_enable={on}"), ""),
        // Absent inside another network namespace, and where the JIT is always on.
        Err(_) => check("JIT", CheckState::Ok, "not visible here", ""),
    }
}

fn cgroup() -> DoctorCheck {
    let v2 = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    let hybrid = Path::new("/sys/fs/cgroup/unified/cgroup.procs").exists();
    match (v2, hybrid) {
        (true, _) => check("cgroup", CheckState::Ok, "v2", ""),
        (false, true) => {
            check("cgroup", CheckState::Ok, "hybrid: paths from v1 where v2 holds only its root", "")
        }
        (false, false) => {
            let detail = "no v2 tree: --cgroup cannot be used; paths come from v1";
            check("cgroup", CheckState::Degraded, detail, "mount -t cgroup2 none /sys/fs/cgroup/unified")
        }
    }
}

fn host_files() -> DoctorCheck {
    let root = HostRoot::find();
    match &root {
        HostRoot::Own => check("host files", CheckState::Ok, "tracego sees the machine's files", ""),
        HostRoot::Init(_) => check("host files", CheckState::Ok, format!("by way of {root}"), ""),
        HostRoot::Hidden(why) => {
            let detail = format!(
                "the first process is hidden: {why}; if tracego is in a container, programs that end at once are not \
                 read, and users and host.id are those of the container"
            );
            let remedy = "grant CAP_SYS_PTRACE, in a container with hostPID: true and AppArmor unconfined";
            check("host files", CheckState::Degraded, detail, remedy)
        }
    }
}

fn pid_namespace() -> DoctorCheck {
    match fs::read_link("/proc/self/ns/pid") {
        Ok(link) if link == Path::new(load::identity::INITIAL_PID_NS) => {
            check("pid namespace", CheckState::Ok, "the machine's", "")
        }
        Ok(link) => {
            let detail = format!(
                "{}: other processes of the machine cannot be looked up; tracego run sees its own tree",
                link.display()
            );
            check(
                "pid namespace",
                CheckState::Degraded,
                detail,
                "run in the host's pid namespace (hostPID: true)",
            )
        }
        Err(error) => {
            check("pid namespace", CheckState::Degraded, format!("/proc/self/ns/pid: {error}"), "mount /proc")
        }
    }
}
