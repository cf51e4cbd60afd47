//! How a kernel is started, and what it lacks then.

/// A way to start a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Machine {
    /// With everything that tracego can use
    Plain,
    /// BPF is not among the active security modules
    WithoutLsm,
    /// cgroups of version 1 alone
    CgroupV1,
    /// Lockdown in integrity mode, as under secure boot
    Lockdown,
}

/// Security modules as Debian has them, as far as they do something here.
const MODULES: &str = "landlock,lockdown,yama,apparmor";

impl Machine {
    /// For the table and for names of files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::WithoutLsm => "without-lsm",
            Self::CgroupV1 => "cgroup-v1",
            Self::Lockdown => "lockdown",
        }
    }

    /// The kernel's parameters; those that it does not know become variables of the first process.
    pub(super) fn parameters(self) -> String {
        match self {
            Self::Plain => format!("lsm={MODULES},bpf"),
            Self::WithoutLsm => format!("lsm={MODULES}"),
            Self::CgroupV1 => format!("lsm={MODULES},bpf cgroup=v1"),
            Self::Lockdown => format!("lsm={MODULES},bpf lockdown=integrity"),
        }
    }
}
