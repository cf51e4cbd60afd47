//! Decides the state of one pidfile, without any I/O: the caller provides all facts about processes.

use tracego_model::input::facts::PidfileState;

/// Tolerance when comparing times of files: file systems round, and start times are in ticks.
const ROOM_NS: i64 = 2_000_000_000;

/// A pidfile that was read.
#[derive(Clone, Copy, Debug)]
pub struct PidfileContent<'a> {
    /// Content of the file.
    pub bytes: &'a [u8],
    /// User id of the owner.
    pub user: u32,
    /// Last modification, ns since 1970.
    pub modified_ns: i64,
    /// Whether the file is in memory, so that it cannot be older than the machine's start.
    pub in_memory: bool,
    /// Whether the service has the file open for writing or locked. Such a file is its own, whatever its
    /// time.
    pub held: bool,
    /// Whether any process holds a lock on the file; `None` when unknown.
    pub locked: Option<bool>,
}

/// The service that the pidfile should name.
#[derive(Clone, Debug)]
pub struct PidfileOwner {
    /// Process ids of the service that are meaningful where the file is.
    pub numbers: Vec<u32>,
    /// User ids that may own the file.
    pub users: Vec<u32>,
    /// Start of the service, ns since 1970.
    pub started_ns: i64,
    /// Start of the machine, ns since 1970.
    pub booted_ns: i64,
}

/// The process that a number other than the service's own names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NamedProcess {
    /// No running process.
    Gone,
    /// Another process of the same service: its master or one of its workers.
    Family,
    /// An unrelated process, with its start in ns since 1970.
    Other(i64),
    /// The process that the file is meant for: the file says nothing about the service.
    Else,
}

/// Decides the state of a pidfile. `find` looks up a number that is not the service's own. Returns the state,
/// `None` when the file does not concern the service, and the number in the file.
pub fn judge(
    file: &PidfileContent<'_>,
    whose: &PidfileOwner,
    find: impl FnOnce(u32) -> NamedProcess,
) -> (Option<PidfileState>, Option<u32>) {
    let Some(number) = number(file.bytes) else { return (Some(PidfileState::Foreign), None) };
    let named = if whose.numbers.contains(&number) { None } else { Some(find(number)) };
    let state = match named {
        Some(NamedProcess::Else) => return (None, Some(number)),
        // The process that the file names started after the file was written.
        Some(NamedProcess::Other(started_ns)) if started_ns > file.modified_ns.saturating_add(ROOM_NS) => {
            PidfileState::Stale
        }
        Some(NamedProcess::Gone) => PidfileState::Stale,
        Some(NamedProcess::Other(_)) => PidfileState::Foreign,
        None | Some(NamedProcess::Family) if !whose.users.contains(&file.user) => PidfileState::Foreign,
        None if older(file, whose) => PidfileState::Stale,
        None | Some(NamedProcess::Family) if file.locked == Some(false) => PidfileState::Unlocked,
        None | Some(NamedProcess::Family) => PidfileState::Valid,
    };
    (Some(state), Some(number))
}

/// Returns whether the file was written before the service started. Such a file holds the number of an
/// earlier process by chance. A file in memory that seems older than the machine's start was written before
/// the clock was set, and does not count as older.
fn older(file: &PidfileContent<'_>, whose: &PidfileOwner) -> bool {
    let clock_was_set = file.in_memory && file.modified_ns < whose.booted_ns;
    !file.held && !clock_was_set && file.modified_ns.saturating_add(ROOM_NS) < whose.started_ns
}

/// Parses the number of a pidfile: it stands alone on the first line. More lines may follow (postmaster.pid).
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

    fn whose() -> PidfileOwner {
        PidfileOwner {
            numbers: vec![4242, 7],
            users: vec![1000, 0],
            started_ns: 1000 * SECOND,
            booted_ns: 100 * SECOND,
        }
    }

    fn file(bytes: &[u8]) -> PidfileContent<'_> {
        let modified_ns = 1001 * SECOND;
        PidfileContent { bytes, user: 1000, modified_ns, in_memory: false, held: false, locked: Some(true) }
    }

    fn of(file: &PidfileContent<'_>, named: NamedProcess) -> Option<PidfileState> {
        judge(file, &whose(), |_| named).0
    }

    #[test]
    fn it_names_the_service_by_any_of_its_numbers() {
        for text in ["4242\n", "4242", " 7 \r\n", "4242\n/var/lib/data\n"] {
            assert_eq!(of(&file(text.as_bytes()), NamedProcess::Gone), Some(Valid), "{text:?}");
        }
        assert_eq!(
            of(&PidfileContent { locked: Some(false), ..file(b"7") }, NamedProcess::Gone),
            Some(Unlocked)
        );
        assert_eq!(of(&PidfileContent { locked: None, ..file(b"7") }, NamedProcess::Gone), Some(Valid));
    }

    #[test]
    fn it_is_stale_when_it_is_older_or_its_process_is_gone() {
        let old = PidfileContent { modified_ns: 900 * SECOND, ..file(b"7") };
        assert_eq!(of(&old, NamedProcess::Gone), Some(Stale));
        assert_eq!(of(&PidfileContent { held: true, ..old }, NamedProcess::Gone), Some(Valid));
        assert_eq!(of(&file(b"99"), NamedProcess::Gone), Some(Stale));
        assert_eq!(
            of(&file(b"99"), NamedProcess::Other(1010 * SECOND)),
            Some(Stale),
            "the number was used again"
        );
        let unset = PidfileContent { modified_ns: 5 * SECOND, in_memory: true, ..file(b"7") };
        assert_eq!(of(&unset, NamedProcess::Gone), Some(Valid), "written before the clock was set");
        assert_eq!(
            of(&PidfileContent { in_memory: false, ..unset }, NamedProcess::Gone),
            Some(Stale),
            "kept over a restart"
        );
    }

    #[test]
    fn it_is_foreign_when_it_names_another_or_nobody_or_is_anothers() {
        assert_eq!(of(&file(b"99"), NamedProcess::Other(50 * SECOND)), Some(Foreign));
        for text in ["", "\n", "x", "-1", "0", "4242 x", "99999999999"] {
            assert_eq!(of(&file(text.as_bytes()), NamedProcess::Gone), Some(Foreign), "{text:?}");
        }
        assert_eq!(of(&PidfileContent { user: 65534, ..file(b"7") }, NamedProcess::Gone), Some(Foreign));
        assert_eq!(of(&PidfileContent { user: 0, ..file(b"7") }, NamedProcess::Gone), Some(Valid));
    }

    #[test]
    fn a_worker_is_named_through_its_master() {
        let old = PidfileContent { modified_ns: 900 * SECOND, ..file(b"99") };
        assert_eq!(of(&old, NamedProcess::Family), Some(Valid));
        assert_eq!(of(&PidfileContent { locked: Some(false), ..old }, NamedProcess::Family), Some(Unlocked));
        assert_eq!(of(&old, NamedProcess::Else), None);
    }
}
