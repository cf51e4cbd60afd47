//! The text of /proc/PID/status.

/// What `status` says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Status {
    /// Number of the process that a task belongs to; another one for a thread that is no leader.
    pub tgid: u32,
    /// Its numbers, from the pid namespace of /proc to its own.
    pub numbers: Vec<u32>,
    /// Real, effective, saved and file system user.
    pub users: [u32; 4],
    /// CPUs that it may run on.
    pub cpus: Vec<usize>,
}

/// Reads the text of /proc/PID/status (proc_pid_status(5)). What is missing stays empty, but for the
/// process's number and its users.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Status> {
    let text = String::from_utf8_lossy(text);
    let mut status = Status::default();
    let (mut tgid, mut users) = (None, None);
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        let mut fields = value.split_ascii_whitespace().map_while(|number| number.parse::<u32>().ok());
        match name {
            "Tgid" => tgid = fields.next(),
            // A pid namespace has 32 others above it at most (MAX_PID_NS_LEVEL).
            "NSpid" | "NStgid" if status.numbers.is_empty() => status.numbers = fields.take(33).collect(),
            "Uid" => users = four(&mut fields),
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

/// CPUs of a mask: words of 32 bits in hexadecimal, the highest first, with commas between.
fn mask(text: &str) -> Vec<usize> {
    let mut cpus = Vec::new();
    // 8192 CPUs are the most that Linux can have on x86.
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
        let text = b"Name:\ta\\nTgid: 5\nTgid:\t4242\nUid:\t1\t2\t3\t4\nNStgid:\t4242\t7\nNSpid:\t4242\t7\nCpus_allowed:\t1,80000001\n";
        let wanted =
            Status { tgid: 4242, numbers: vec![4242, 7], users: [1, 2, 3, 4], cpus: vec![0, 31, 32] };
        assert_eq!(parse(text), Some(wanted));
        assert_eq!(parse(b"Tgid:\t1\nUid:\t1\t2\t3\n"), None);
    }
}
