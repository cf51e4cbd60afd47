//! Looks at running services: once after a grace period, and again when something changed or a while
//! has passed. A round takes a bounded number of looks, so that the machine does not notice.

use std::{collections::HashMap, time::Duration};

use tracego_common::TaskId;

use super::{
    health::ProbeSettings,
    look::{Round, Seen},
    proc::Procfs,
    unread::Unread,
};
use tracego_model::clock::Reading;
use tracego_model::input::facts::{OtherInstance, ServiceState};

/// A process that may be a service.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// The process.
    pub id: TaskId,
    /// Its executable, as the kernel side or /proc gives it.
    pub executable: String,
    /// Device and inode of the executable, both from the same source for all services.
    pub file: Option<(u32, u64)>,
    /// Its systemd unit.
    pub unit: Option<String>,
    /// Its container.
    pub container: Option<String>,
    /// Pidfiles that the configuration names for it: paths as the service sees them, with `{name}`,
    /// `{unit}`, and `*` and `?` in the last part.
    pub pidfiles: Vec<String>,
}

/// How often and how much is looked.
#[derive(Clone, Copy, Debug)]
pub struct WatchSettings {
    /// Age of a process at its first look.
    pub grace: Duration,
    /// Until the next look when nothing changed.
    pub again: Duration,
    /// Looks of one round at most.
    pub looks: usize,
    /// Services that are watched at most.
    pub services: usize,
    /// Ask `/healthz` and `/metrics`; `None` unless the configuration wants it.
    pub probe: Option<ProbeSettings>,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(30),
            again: Duration::from_secs(600),
            looks: 4,
            services: 1024,
            probe: None,
        }
    }
}

#[derive(Debug)]
struct Watched {
    service: Service,
    /// When to look next, ns since boot.
    next: u64,
    seen: Option<Seen>,
    last: Option<ServiceState>,
}

/// The services that are watched.
#[derive(Debug)]
pub struct ServiceWatch {
    procfs: Procfs,
    settings: WatchSettings,
    watched: HashMap<TaskId, Watched>,
    refused: u64,
}

impl ServiceWatch {
    /// Nothing is watched yet.
    #[must_use]
    pub fn new(procfs: Procfs, settings: WatchSettings) -> Self {
        Self { procfs, settings, watched: HashMap::new(), refused: 0 }
    }

    /// Watches a process; again after each exec. False when there are too many, which is counted.
    pub fn add(&mut self, service: Service) -> bool {
        let id = service.id;
        if !self.watched.contains_key(&id) && self.watched.len() >= self.settings.services {
            self.refused += 1;
            return false;
        }
        let first = id.start_boottime.saturating_add(nanoseconds(self.settings.grace));
        self.watched.insert(id, Watched { service, next: first, seen: None, last: None });
        true
    }

    /// Forgets a process that ended. Those that had something in common with it are looked at again.
    pub fn remove(&mut self, id: TaskId) {
        if let Some(last) = self.watched.remove(&id).and_then(|gone| gone.last) {
            self.hasten(&last.others, 0);
        }
    }

    fn hasten(&mut self, others: &[OtherInstance], when: u64) {
        for other in others {
            let id = TaskId { tgid: other.pid, start_boottime: other.start_boottime, ..TaskId::default() };
            if let Some(watched) = self.watched.get_mut(&id) {
                watched.next = watched.next.min(when);
            }
        }
    }

    /// Processes that were not watched because there were too many.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Processes that are watched.
    #[must_use]
    pub fn len(&self) -> usize {
        self.watched.len()
    }

    /// Whether none is watched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// Looks at the services whose time has come, the longest overdue first, and returns those that
    /// look otherwise than before. A process that is gone is forgotten.
    ///
    /// A look took 0.15 to 0.35 ms of a CPU and 7 µs for each open descriptor, of which no more than 1,024
    /// are looked at; a round of four is some 35 ms at worst. A pidfile that names another process inside
    /// a pid namespace adds 30 µs for each process of the machine. With probing it also waits for answers:
    /// at most two timeouts for each port and path.
    #[must_use]
    pub fn due(&mut self, now: Reading) -> Vec<ServiceState> {
        let boot_ns = u64::try_from(now.boot_ns).unwrap_or_default();
        let mut due: Vec<_> = self
            .watched
            .values()
            .filter(|one| one.next <= boot_ns)
            .map(|one| (one.next, one.service.id))
            .collect();
        due.sort_unstable_by_key(|&(next, id)| (next, id.start_boottime, id.tgid));
        due.truncate(self.settings.looks);
        let procfs = self.procfs.clone();
        let mut round = Round::new(&procfs, now);
        due.into_iter().filter_map(|(_, id)| self.look(&mut round, id, boot_ns)).collect()
    }

    fn look(&mut self, round: &mut Round<'_>, id: TaskId, boot_ns: u64) -> Option<ServiceState> {
        let service = self.watched.get(&id)?.service.clone();
        let (mut state, seen) = match round.look(&service, self.settings.probe) {
            Ok(looked) => looked,
            Err(Unread::Gone) => {
                self.remove(id);
                return None;
            }
            Err(why) => {
                let unavailable = [("process".to_owned(), why.to_string())].into();
                (
                    ServiceState {
                        pid: id.tgid,
                        start_boottime: id.start_boottime,
                        unavailable,
                        ..ServiceState::default()
                    },
                    Seen::default(),
                )
            }
        };
        state.others = self.others(round, &service, &seen, boot_ns);
        let next = boot_ns.saturating_add(nanoseconds(self.settings.again));
        let watched = self.watched.get_mut(&id)?;
        let changed = watched.last.as_ref().is_none_or(|last| {
            ServiceState { age_ms: 0, ..last.clone() } != ServiceState { age_ms: 0, ..state.clone() }
        });
        watched.next = next;
        watched.seen = Some(seen);
        watched.last = Some(state.clone());
        if changed {
            // The others are to know of this one, too.
            self.hasten(&state.others, boot_ns);
        }
        changed.then_some(state)
    }

    /// Processes that run as the same service: the same executable, old enough, and something of their
    /// own in common. Those that belong together, as a master and its workers do, are one.
    fn others(
        &self,
        round: &mut Round<'_>,
        service: &Service,
        seen: &Seen,
        boot_ns: u64,
    ) -> Vec<OtherInstance> {
        let grace = nanoseconds(self.settings.grace);
        let mut found = Vec::new();
        for other in self.watched.values() {
            let id = other.service.id;
            let Some(theirs) = other.seen.as_ref().filter(|_| id != service.id) else { continue };
            if boot_ns.saturating_sub(id.start_boottime) < grace
                || !same(service, seen, &other.service, theirs)
            {
                continue;
            }
            let shared = shared(seen, theirs);
            if shared.len() > 1
                && round.procfs.process(id).is_ok()
                && !round.family.together(service.id.tgid, id.tgid)
            {
                found.push(OtherInstance { pid: id.tgid, start_boottime: id.start_boottime, shared });
            }
        }
        found.sort_by_key(|other| (other.start_boottime, other.pid));
        found
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Whether two run the same executable: the same file, or the same path in one mount namespace, where
/// the file was replaced between their starts.
fn same(one: &Service, one_seen: &Seen, other: &Service, other_seen: &Seen) -> bool {
    (one.file.is_some() && one.file == other.file)
        || (!one.executable.is_empty()
            && one.executable == other.executable
            && one_seen.mount_namespace.is_some()
            && one_seen.mount_namespace == other_seen.mount_namespace)
}

/// What two processes of one executable have in common: `executable` first.
fn shared(one: &Seen, other: &Seen) -> Vec<String> {
    let mut shared = vec!["executable".to_owned()];
    if one.pidfiles.iter().any(|file| other.pidfiles.contains(file)) {
        shared.push("pidfile".to_owned());
    }
    if one.data.iter().any(|file| other.data.contains(file)) {
        shared.push("folder".to_owned());
    }
    let one_network = one.network_namespace.is_some() && one.network_namespace == other.network_namespace;
    if one_network && one.listening.iter().any(|socket| other.listening.contains(socket)) {
        shared.push("port".to_owned());
    }
    shared
}
