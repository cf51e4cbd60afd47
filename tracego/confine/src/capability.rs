//! Capabilities, by what tracego does with them (capabilities(7)).

use rustix::{
    io,
    thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities},
};

/// A capability that tracego has a use for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CapabilityUse {
    /// The capability.
    pub capability: CapabilitySet,
    /// Name, as capabilities(7) writes it.
    pub name: &'static str,
    /// The purpose that tracego has for it.
    pub purpose: &'static str,
    /// The loss without it.
    pub without: &'static str,
    /// The part of tracego that alone needs it; empty if tracego needs it by default.
    pub only_for: &'static str,
}

/// All capabilities that tracego has a use for. It never needs another one.
pub const USES: [CapabilityUse; 11] = [
    CapabilityUse {
        capability: CapabilitySet::BPF,
        name: "CAP_BPF",
        purpose: "loads the BPF programs and their maps",
        without: "tracego does not start",
        only_for: "",
    },
    CapabilityUse {
        capability: CapabilitySet::PERFMON,
        name: "CAP_PERFMON",
        purpose: "attaches the BPF programs, which read kernel memory",
        without: "tracego does not start",
        only_for: "",
    },
    CapabilityUse {
        capability: CapabilitySet::SYS_PTRACE,
        name: "CAP_SYS_PTRACE",
        purpose: "looks up processes of other users in /proc: executables, root folders, environments",
        without: "executables of other users are not read (tracego.inspection.unread), nor is what ran before",
        only_for: "",
    },
    CapabilityUse {
        capability: CapabilitySet::DAC_READ_SEARCH,
        name: "CAP_DAC_READ_SEARCH",
        purpose: "reads executables and go.mod files whose modes allow it to their owner alone",
        without: "those files are not read (tracego.inspection.unread: denied)",
        only_for: "",
    },
    CapabilityUse {
        capability: CapabilitySet::KILL,
        name: "CAP_KILL",
        purpose: "kills processes that findings or policies stop after their start",
        without: "they go on, which their records tell; what the kernel side decides is stopped all the same",
        only_for: "--enforce kill",
    },
    CapabilityUse {
        capability: CapabilitySet::SYS_ADMIN,
        name: "CAP_SYS_ADMIN",
        purpose: "opens tracepoints of system calls where kernel.perf_event_paranoid is 3 or more, and enters \
                  network namespaces of services",
        without: "no failed execs there, and services in containers are judged by /proc alone",
        only_for: "-e execve-failed, TG018 in containers",
    },
    CapabilityUse {
        capability: CapabilitySet::SYS_RESOURCE,
        name: "CAP_SYS_RESOURCE",
        purpose: "locks memory for maps beyond RLIMIT_MEMLOCK, on kernels before 5.11",
        without: "the limit has to be raised there (LimitMEMLOCK=infinity)",
        only_for: "kernels before 5.11",
    },
    CapabilityUse {
        capability: CapabilitySet::SYS_NICE,
        name: "CAP_SYS_NICE",
        purpose: "gives the thread that kills precedence",
        without: "on a busy machine, a kill after the start comes later",
        only_for: "--enforce kill",
    },
    CapabilityUse {
        capability: CapabilitySet::DAC_OVERRIDE,
        name: "CAP_DAC_OVERRIDE",
        purpose: "writes outputs into folders of other users",
        without: "outputs have to be in folders of tracego's user",
        only_for: "outputs, as root",
    },
    CapabilityUse {
        capability: CapabilitySet::CHOWN,
        name: "CAP_CHOWN",
        purpose: "gives output files to the group of the configuration, and keeps the owner of compressed ones",
        without: "the group has to be one of tracego's user",
        only_for: "outputs, as root",
    },
    CapabilityUse {
        capability: CapabilitySet::FOWNER,
        name: "CAP_FOWNER",
        purpose: "sets the mode of output files of other users",
        without: "outputs have to belong to tracego's user",
        only_for: "outputs, as root",
    },
];

/// Capabilities that read: all that a process which looks at other programs needs.
pub const READING: CapabilitySet = CapabilitySet::SYS_PTRACE.union(CapabilitySet::DAC_READ_SEARCH);
/// Capabilities that write outputs where other users own them.
pub const WRITING: CapabilitySet =
    CapabilitySet::DAC_OVERRIDE.union(CapabilitySet::CHOWN).union(CapabilitySet::FOWNER);
/// Capabilities that load and attach.
pub const ATTACHING: CapabilitySet = CapabilitySet::BPF.union(CapabilitySet::PERFMON);

/// Returns the capabilities that the calling thread can use now.
///
/// # Errors
/// Fails where capget(2) does.
pub fn effective() -> io::Result<CapabilitySet> {
    capabilities(None).map(|sets| sets.effective)
}

/// Returns the capabilities that root has to keep to look at its other processes: without CAP_SYS_PTRACE, a process
/// looks at those alone whose capabilities it has (`__ptrace_may_access` and `cap_ptrace_access_check`), and in a
/// container they have all that it was given. `kept`: those that it needs anyway.
#[must_use]
pub fn enough_to_look(kept: CapabilitySet) -> CapabilitySet {
    let is_root = rustix::process::geteuid().is_root();
    match capabilities(None) {
        Ok(sets) if is_root && !sets.permitted.contains(CapabilitySet::SYS_PTRACE) => sets.permitted,
        _ => kept,
    }
}

/// Returns the names of the capabilities in a set that tracego has a use for, in the order of [`USES`].
#[must_use]
pub fn names(set: CapabilitySet) -> Vec<&'static str> {
    let uses = USES.iter().filter(|one| set.contains(one.capability));
    uses.map(|one| one.name).collect()
}

/// Puts all permitted capabilities of the calling thread that tracego has a use for into effect. The file of a program
/// may permit them alone, as that of an image does: the kernel starts no program whose file demands capabilities to
/// be in effect that a container lacks (`bprm_caps_from_vfs_caps`), and then nobody says which one it is.
///
/// # Errors
/// Fails where capset(2) does.
pub fn raise_permitted() -> io::Result<()> {
    let sets = capabilities(None)?;
    let uses = USES.iter().fold(CapabilitySet::empty(), |all, one| all | one.capability);
    let effective = sets.effective.union(sets.permitted.intersection(uses));
    if effective == sets.effective {
        return Ok(());
    }
    set_capabilities(None, CapabilitySets { effective, ..sets })
}

/// Makes programs that the calling thread starts inherit no capability from it: empties the inheritable set,
/// and with it the ambient one. Threads that it makes later do the same. What a program has by its file or as
/// root is not changed.
///
/// # Errors
/// Fails where capset(2) does.
pub fn keep_from_programs() -> io::Result<()> {
    let sets = capabilities(None)?;
    set_capabilities(None, CapabilitySets { inheritable: CapabilitySet::empty(), ..sets })
}

/// Suspends capabilities of the calling thread while `act` runs: they are permitted, but not in effect.
///
/// # Errors
/// Fails where capset(2) does; `act` may have run.
pub fn without<T>(suspended: CapabilitySet, act: impl FnOnce() -> T) -> io::Result<T> {
    let sets = capabilities(None)?;
    set_capabilities(None, CapabilitySets { effective: sets.effective.difference(suspended), ..sets })?;
    let done = act();
    set_capabilities(None, sets)?;
    Ok(done)
}

/// Takes all capabilities but `kept` from the calling thread, for good.
///
/// # Errors
/// Fails where capset(2) does.
pub fn keep(kept: CapabilitySet) -> io::Result<()> {
    let sets = capabilities(None)?;
    set_capabilities(
        None,
        CapabilitySets {
            effective: sets.effective.intersection(kept),
            permitted: sets.permitted.intersection(kept),
            inheritable: CapabilitySet::empty(),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_taken_and_do_not_come_back() {
        let before = effective().unwrap();
        let taken = CapabilitySet::NET_RAW;
        if !before.contains(taken) {
            eprintln!("skipped: no CAP_NET_RAW to take away");
            return;
        }
        // On a thread of its own: the others keep it.
        std::thread::spawn(move || {
            assert!(!without(taken, || effective().unwrap()).unwrap().contains(taken));
            assert_eq!(effective().unwrap(), before, "suspended for a while");
            keep(before.difference(taken)).unwrap();
            assert_eq!(effective().unwrap(), before.difference(taken));
            let sets = capabilities(None).unwrap();
            assert!(set_capabilities(None, CapabilitySets { effective: before, ..sets }).is_err());
        })
        .join()
        .unwrap();
        assert_eq!(effective().unwrap(), before);
    }

    #[test]
    fn what_is_permitted_and_of_use_is_put_into_effect() {
        let before = capabilities(None).unwrap();
        let useful = CapabilitySet::SYS_PTRACE;
        let useless = CapabilitySet::NET_RAW;
        if !before.permitted.contains(useful | useless) {
            eprintln!("skipped: neither CAP_SYS_PTRACE nor CAP_NET_RAW to put into effect");
            return;
        }
        std::thread::spawn(move || {
            let effective = before.effective.difference(useful | useless);
            set_capabilities(None, CapabilitySets { effective, ..before }).unwrap();
            raise_permitted().unwrap();
            assert_eq!(super::effective().unwrap(), effective | useful);
            let permitted = before.permitted.difference(useful);
            set_capabilities(None, CapabilitySets { effective, permitted, ..before }).unwrap();
            raise_permitted().unwrap();
            assert_eq!(super::effective().unwrap(), effective, "not permitted");
        })
        .join()
        .unwrap();
    }

    #[test]
    fn each_capability_has_one_use_and_all_groups_are_used() {
        let all = USES.iter().fold(CapabilitySet::empty(), |all, one| {
            assert!(!all.contains(one.capability), "{} twice", one.name);
            all | one.capability
        });
        assert!(all.contains(READING | WRITING | ATTACHING));
        assert_eq!(names(ATTACHING), ["CAP_BPF", "CAP_PERFMON"]);
    }
}
