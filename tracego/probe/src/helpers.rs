//! BPF helpers that not every kernel has. Each is probed: distributions backport them, so that the version of a
//! kernel says little.

use aya::{
    programs::ProgramType,
    sys::{BpfHelper, is_helper_supported},
};

/// A function of the kernel that programs call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Helper {
    /// `bpf_loop`.
    Loop,
    /// `bpf_for_each_map_elem`.
    ForEachMapElem,
    /// `bpf_get_current_ancestor_cgroup_id`, for programs at tracepoints.
    CurrentAncestorCgroupId,
    /// `bpf_get_current_task_btf`.
    CurrentTaskBtf,
    /// `bpf_task_pt_regs`.
    TaskPtRegs,
}

impl Helper {
    /// All helpers that are probed.
    pub const ALL: [Self; 5] = [
        Self::Loop,
        Self::ForEachMapElem,
        Self::CurrentAncestorCgroupId,
        Self::CurrentTaskBtf,
        Self::TaskPtRegs,
    ];

    /// Returns the name of the function.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loop => "bpf_loop",
            Self::ForEachMapElem => "bpf_for_each_map_elem",
            Self::CurrentAncestorCgroupId => "bpf_get_current_ancestor_cgroup_id",
            Self::CurrentTaskBtf => "bpf_get_current_task_btf",
            Self::TaskPtRegs => "bpf_task_pt_regs",
        }
    }

    /// Returns the version since which mainline has it.
    #[must_use]
    pub const fn since(self) -> &'static str {
        match self {
            Self::Loop => "5.17",
            Self::ForEachMapElem => "5.13",
            Self::CurrentAncestorCgroupId => "5.12",
            Self::CurrentTaskBtf => "5.11",
            Self::TaskPtRegs => "5.15",
        }
    }

    /// Returns what needs the helper. Loops have two ways, of which a kernel needs one.
    #[must_use]
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Loop | Self::ForEachMapElem => {
                "loops without narrow bounds, for which one of two helpers suffices"
            }
            Self::CurrentAncestorCgroupId => "--cgroup",
            Self::CurrentTaskBtf | Self::TaskPtRegs => "-e execve-failed and --enforce deny",
        }
    }

    /// Asks the kernel for the helper.
    ///
    /// # Errors
    /// Fails if the kernel does not let this process ask.
    pub(crate) fn probe(self) -> Result<bool, String> {
        let id = match self {
            Self::Loop => BpfHelper::BPF_FUNC_loop,
            Self::ForEachMapElem => BpfHelper::BPF_FUNC_for_each_map_elem,
            Self::CurrentAncestorCgroupId => BpfHelper::BPF_FUNC_get_current_ancestor_cgroup_id,
            Self::CurrentTaskBtf => BpfHelper::BPF_FUNC_get_current_task_btf,
            Self::TaskPtRegs => BpfHelper::BPF_FUNC_task_pt_regs,
        };
        // BTF tracepoints and LSM hooks cannot be probed without a place to attach to. They have every helper that
        // tracepoints have (bpf_tracing_func_proto, kernel/trace/bpf_trace.c).
        is_helper_supported(ProgramType::TracePoint, id).map_err(|error| error.to_string())
    }

    /// Returns whether the kernel has the helper. A kernel that does not answer counts as one that has it: the load of a
    /// program then fails with the reason. Helpers whose names are in `without` count as missing.
    pub(crate) fn is_available(self, without: &[String]) -> bool {
        !without.iter().any(|name| name == self.name()) && self.probe().unwrap_or(true)
    }
}

/// Returns the helpers that the kernel lacks, see [`Helper::is_available`].
pub(crate) fn missing(helpers: &[Helper], without: &[String]) -> Vec<Helper> {
    helpers.iter().copied().filter(|helper| !helper.is_available(without)).collect()
}

/// Returns the names of helpers, each with the version since which mainline has it.
pub(crate) fn listed(helpers: &[Helper]) -> String {
    let one = |helper: &Helper| format!("{} (Linux {})", helper.name(), helper.since());
    helpers.iter().map(one).collect::<Vec<_>>().join(" and ")
}
