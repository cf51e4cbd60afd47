//! The ways to boot a kernel, and what the kernel lacks in each.

/// A way to boot a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum BootVariant {
    /// With everything that tracego can use
    Plain,
    /// BPF is not among the active security modules
    WithoutLsm,
    /// Only cgroups of version 1
    CgroupV1,
    /// Lockdown in integrity mode, as under secure boot
    Lockdown,
}

/// Debian's active security modules, as far as they matter here.
const MODULES: &str = "landlock,lockdown,yama,apparmor";

impl BootVariant {
    /// Returns the name for the table and for file names.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::WithoutLsm => "without-lsm",
            Self::CgroupV1 => "cgroup-v1",
            Self::Lockdown => "lockdown",
        }
    }

    /// Returns the kernel's parameters. Parameters that the kernel does not know become variables of the
    /// first process.
    pub(super) fn parameters(self) -> String {
        match self {
            Self::Plain => format!("lsm={MODULES},bpf"),
            Self::WithoutLsm => format!("lsm={MODULES}"),
            Self::CgroupV1 => format!("lsm={MODULES},bpf cgroup=v1"),
            Self::Lockdown => format!("lsm={MODULES},bpf lockdown=integrity"),
        }
    }
}
