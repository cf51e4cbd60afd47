//! The text of /proc/PID/status.

/// The fields of `status` that are used.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Status {
    /// Process id of the task; for a thread that is no leader, the id of its process.
    pub tgid: u32,
    /// Process ids, from the pid namespace of /proc down to the process's own.
    pub numbers: Vec<u32>,
    /// Real, effective, saved and file system user id.
    pub users: [u32; 4],
    /// Real, effective, saved and file system group id.
    pub groups: [u32; 4],
    /// CPUs that the process may run on.
    pub cpus: Vec<usize>,
    /// Whether `no_new_privs` is set; `None` where the kernel does not say.
    pub no_new_privs: Option<bool>,
    /// Seccomp mode: 0 off, 1 strict, 2 filter; `None` where the kernel does not say.
    pub seccomp: Option<u32>,
    /// Capability sets.
    pub capabilities: CapabilitySets,
}

/// The capability sets of a process, one bit of each capability.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CapabilitySets {
    /// Inheritable capabilities.
    pub inheritable: u64,
    /// Permitted capabilities.
    pub permitted: u64,
    /// Effective capabilities.
    pub effective: u64,
    /// Bounding capabilities.
    pub bounding: u64,
    /// Ambient capabilities.
    pub ambient: u64,
}

/// Parses the text of /proc/PID/status (proc_pid_status(5)). Returns `None` if the process id or the users
/// are missing; other missing fields stay empty.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Status> {
    let text = String::from_utf8_lossy(text);
    let mut status = Status::default();
    let (mut tgid, mut users) = (None, None);
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        let set = || u64::from_str_radix(value, 16).unwrap_or_default();
        let mut fields = value.split_ascii_whitespace().map_while(|number| number.parse::<u32>().ok());
        match name {
            "Tgid" => tgid = fields.next(),
            // A pid namespace has at most 32 others above it (MAX_PID_NS_LEVEL).
            "NSpid" | "NStgid" if status.numbers.is_empty() => status.numbers = fields.take(33).collect(),
            "Uid" => users = four(&mut fields),
            "Gid" => status.groups = four(&mut fields).unwrap_or_default(),
            "NoNewPrivs" => status.no_new_privs = fields.next().map(|set| set != 0),
            "Seccomp" => status.seccomp = fields.next(),
            "CapInh" => status.capabilities.inheritable = set(),
            "CapPrm" => status.capabilities.permitted = set(),
            "CapEff" => status.capabilities.effective = set(),
            "CapBnd" => status.capabilities.bounding = set(),
            "CapAmb" => status.capabilities.ambient = set(),
            "Cpus_allowed" => status.cpus = mask(value),
            _ => {}
        }
    }
    status.tgid = tgid?;
    status.users = users?;
    Some(status)
}

fn four(numbers: &mut impl Iterator<Item = u32>) -> Option<[u32; 4]> {
    Some([numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()?])
}

/// Parses a CPU mask: 32-bit words in hexadecimal, the highest first, separated by commas.
fn mask(text: &str) -> Vec<usize> {
    let mut cpus = Vec::new();
    // Linux supports at most 8192 CPUs on x86.
    for (word, digits) in text.rsplit(',').take(256).enumerate() {
        let bits = u32::from_str_radix(digits, 16).unwrap_or_default();
        cpus.extend((0..32).filter(|bit| bits & (1 << bit) != 0).map(|bit| word * 32 + bit));
    }
    cpus
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_writes() {
        let text = b"Name:\ta\\nTgid: 5\nTgid:\t4242\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nNStgid:\t4242\t7\n\
                     NSpid:\t4242\t7\nCapInh:\t0000000000000001\nCapPrm:\t000001ffffffffff\nCapEff:\t0000000000000002\n\
                     CapBnd:\t0000000000000003\nCapAmb:\t0000000000000004\nNoNewPrivs:\t1\nSeccomp:\t2\n\
                     Seccomp_filters:\t1\nCpus_allowed:\t1,80000001\n";
        let wanted = Status {
            tgid: 4242,
            numbers: vec![4242, 7],
            users: [1, 2, 3, 4],
            groups: [5, 6, 7, 8],
            cpus: vec![0, 31, 32],
            no_new_privs: Some(true),
            seccomp: Some(2),
            capabilities: CapabilitySets {
                inheritable: 1,
                permitted: 0x1ff_ffff_ffff,
                effective: 2,
                bounding: 3,
                ambient: 4,
            },
        };
        assert_eq!(parse(text), Some(wanted));
        assert_eq!(parse(b"Tgid:\t1\nUid:\t1\t2\t3\n"), None);
    }
}
