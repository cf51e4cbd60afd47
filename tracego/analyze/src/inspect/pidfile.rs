//! What is wrong with one pidfile. Pure: what it needs to know about processes it is given.

use tracego_model::input::facts::PidfileState;

/// Times of files are compared with this much room: a file system rounds, and start times are ticks.
const ROOM_NS: i64 = 2_000_000_000;

/// A pidfile as it was read.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Its owner.
    pub user: u32,
    /// When it was written last, ns since 1970.
    pub modified_ns: i64,
    /// It is in memory, so that it cannot be older than the machine's start.
    pub in_memory: bool,
    /// The service has it open for writing or holds a lock on it: it is its own, whatever its time.
    pub held: bool,
    /// Somebody holds a lock on it; `None` when that is not known.
    pub locked: Option<bool>,
}

/// The service that it should name.
#[derive(Clone, Debug)]
pub struct Whose {
    /// Its numbers, as far as they mean something where the file is.
    pub numbers: Vec<u32>,
    /// Users that may own the file.
    pub users: Vec<u32>,
    /// Its start, ns since 1970.
    pub started_ns: i64,
    /// The machine's start, ns since 1970.
    pub booted_ns: i64,
}

/// Whom another number names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Named {
    /// Nobody that runs.
    Gone,
    /// The service through another of its processes: the one that it is a worker of, or its worker.
    Family,
    /// A process that has nothing to do with the service, which started then (ns since 1970).
    Other(i64),
    /// A process that the file is for: it says nothing about the service.
    Else,
}

/// The state of a pidfile and the number in it; no state when it is not the service's affair.
pub fn judge(
    file: &File<'_>,
    whose: &Whose,
    find: impl FnOnce(u32) -> Named,
) -> (Option<PidfileState>, Option<u32>) {
    let Some(number) = number(file.bytes) else { return (Some(PidfileState::Foreign), None) };
    let named = if whose.numbers.contains(&number) { None } else { Some(find(number)) };
    let state = match named {
        Some(Named::Else) => return (None, Some(number)),
        // It names a process of today, but was written before that process was there.
        Some(Named::Other(started_ns)) if started_ns > file.modified_ns.saturating_add(ROOM_NS) => {
            PidfileState::Stale
        }
        Some(Named::Gone) => PidfileState::Stale,
        Some(Named::Other(_)) => PidfileState::Foreign,
        None | Some(Named::Family) if !whose.users.contains(&file.user) => PidfileState::Foreign,
        None if older(file, whose) => PidfileState::Stale,
        None | Some(Named::Family) if file.locked == Some(false) => PidfileState::Unlocked,
        None | Some(Named::Family) => PidfileState::Valid,
    };
    (Some(state), Some(number))
}

/// Whether it was written before the service started: then its number is that of an earlier process
/// by chance. A file in memory that seems older than the machine's start was written before the clock
/// was set: of that nothing is said.
fn older(file: &File<'_>, whose: &Whose) -> bool {
    let clock_was_set = file.in_memory && file.modified_ns < whose.booted_ns;
    !file.held && !clock_was_set && file.modified_ns.saturating_add(ROOM_NS) < whose.started_ns
}

/// The number in a pidfile: alone on its first line. More lines may follow (postmaster.pid).
#[must_use]
pub fn number(bytes: &[u8]) -> Option<u32> {
    let line = bytes.split(|&b| b == b'\n').next()?;
    let digits = std::str::from_utf8(line).ok()?.trim();
    let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
    (number > 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use PidfileState::{Foreign, Stale, Unlocked, Valid};

    const SECOND: i64 = 1_000_000_000;

    fn whose() -> Whose {
        Whose {
            numbers: vec![4242, 7],
            users: vec![1000, 0],
            started_ns: 1000 * SECOND,
            booted_ns: 100 * SECOND,
        }
    }

    fn file(bytes: &[u8]) -> File<'_> {
        let modified_ns = 1001 * SECOND;
        File { bytes, user: 1000, modified_ns, in_memory: false, held: false, locked: Some(true) }
    }

    fn of(file: &File<'_>, named: Named) -> Option<PidfileState> {
        judge(file, &whose(), |_| named).0
    }

    #[test]
    fn it_names_the_service_by_any_of_its_numbers() {
        for text in ["4242\n", "4242", " 7 \r\n", "4242\n/var/lib/data\n"] {
            assert_eq!(of(&file(text.as_bytes()), Named::Gone), Some(Valid), "{text:?}");
        }
        assert_eq!(of(&File { locked: Some(false), ..file(b"7") }, Named::Gone), Some(Unlocked));
        assert_eq!(of(&File { locked: None, ..file(b"7") }, Named::Gone), Some(Valid));
    }

    #[test]
    fn it_is_stale_when_it_is_older_or_its_process_is_gone() {
        let old = File { modified_ns: 900 * SECOND, ..file(b"7") };
        assert_eq!(of(&old, Named::Gone), Some(Stale));
        assert_eq!(of(&File { held: true, ..old }, Named::Gone), Some(Valid));
        assert_eq!(of(&file(b"99"), Named::Gone), Some(Stale));
        assert_eq!(of(&file(b"99"), Named::Other(1010 * SECOND)), Some(Stale), "the number was used again");
        let unset = File { modified_ns: 5 * SECOND, in_memory: true, ..file(b"7") };
        assert_eq!(of(&unset, Named::Gone), Some(Valid), "written before the clock was set");
        assert_eq!(of(&File { in_memory: false, ..unset }, Named::Gone), Some(Stale), "kept over a restart");
    }

    #[test]
    fn it_is_foreign_when_it_names_another_or_nobody_or_is_anothers() {
        assert_eq!(of(&file(b"99"), Named::Other(50 * SECOND)), Some(Foreign));
        for text in ["", "\n", "x", "-1", "0", "4242 x", "99999999999"] {
            assert_eq!(of(&file(text.as_bytes()), Named::Gone), Some(Foreign), "{text:?}");
        }
        assert_eq!(of(&File { user: 65534, ..file(b"7") }, Named::Gone), Some(Foreign));
        assert_eq!(of(&File { user: 0, ..file(b"7") }, Named::Gone), Some(Valid));
    }

    #[test]
    fn a_worker_is_named_through_its_master() {
        let old = File { modified_ns: 900 * SECOND, ..file(b"99") };
        assert_eq!(of(&old, Named::Family), Some(Valid));
        assert_eq!(of(&File { locked: Some(false), ..old }, Named::Family), Some(Unlocked));
        assert_eq!(of(&old, Named::Else), None);
    }
}
