//! One inspection of a running service.

use tracego_model::{
    clock::Reading,
    input::facts::{Listening, Pidfile, PidfileSource, PidfileState, ServiceState},
};

use super::{
    family::ProcessFamily,
    pidfile::{
        candidates::{self, CANDIDATES_MAX, PidfileCandidate},
        pid_owner::{self, PidfileQuery},
        state::{self, NamedProcess, PidfileOwner},
        units,
    },
    watched::WatchedService,
};
use crate::inspect::{
    network::{
        health::{self, ProbeSettings},
        sockets::{self, Tables},
    },
    proc::{
        descriptors::{self, Descriptors},
        locks::Locks,
        procfs::{Process, Procfs},
        read_error::{ReadError, Unavailable, noted},
        root::{FileId, RootFolder},
        status::Status,
    },
};

/// Maximum number of bytes of a pidfile.
const PIDFILE_MAX: u64 = 4096;

/// Maximum number of listening sockets in a record.
const LISTENING_MAX: usize = 64;

/// Types of tmpfs and ramfs (linux/magic.h).
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];

/// State shared by all inspections of one round.
#[derive(Debug)]
pub(super) struct InspectionRound<'a> {
    pub(super) procfs: &'a Procfs,
    pub(super) now: Reading,
    pub(super) family: ProcessFamily<'a>,
    locks: Option<Result<Locks, ReadError>>,
    tables: Tables,
    host: Option<Result<RootFolder, ReadError>>,
}

/// Facts kept for comparing a service with other processes of the same executable.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct ServiceFingerprint {
    pub(super) mount_namespace: Option<u64>,
    pub(super) network_namespace: Option<u64>,
    pub(super) listening: Vec<Listening>,
    pub(super) data: Vec<FileId>,
    pub(super) pidfiles: Vec<FileId>,
}

impl<'a> InspectionRound<'a> {
    pub(super) fn new(procfs: &'a Procfs, now: Reading) -> Self {
        let family = ProcessFamily::new(procfs);
        Self { procfs, now, family, locks: None, tables: Tables::new(), host: None }
    }

    /// Inspects a service. Returns its state, and the facts for comparing it with others.
    ///
    /// # Errors
    /// Fails if the process is gone.
    pub(super) fn look(
        &mut self,
        service: &WatchedService,
        probe: Option<ProbeSettings>,
    ) -> Result<(ServiceState, ServiceFingerprint), ReadError> {
        let process = self.procfs.process(service.id)?;
        let boot_ns = u64::try_from(self.now.boot_ns).unwrap_or_default();
        let mut state = ServiceState {
            pid: service.id.tgid,
            start_boottime: service.id.start_boottime,
            age_ms: boot_ns.saturating_sub(service.id.start_boottime) / 1_000_000,
            ..ServiceState::default()
        };
        let mut seen = ServiceFingerprint {
            mount_namespace: process.namespace("mnt").ok(),
            network_namespace: process.namespace("net").ok(),
            ..ServiceFingerprint::default()
        };
        let missing = &mut state.unavailable;
        let root = noted("root", process.root(), missing);
        let open = root.as_ref().map(|root| descriptors::read(&process, root));
        let open = open.and_then(|open| noted("descriptors", open, missing)).unwrap_or_default();
        if !open.whole && !missing.contains_key("descriptors") && root.is_some() {
            missing.insert("descriptors".into(), ReadError::TooMany.to_string());
        }
        seen.data = open.files.iter().filter(|file| file.is_data()).map(|file| file.id).collect();
        if let Some(root) = &root {
            let named = self.pidfiles(service, &process, root, &open, missing);
            seen.pidfiles = named.iter().filter_map(|(_, id)| *id).collect();
            state.pidfiles = named.into_iter().map(|(pidfile, _)| pidfile).collect();
        }
        state.listening = self.listening(&process, &open, seen.network_namespace, missing);
        seen.listening.clone_from(&state.listening);
        if let Some(settings) = probe {
            let probes = health::probe(&process, &state.listening, settings);
            state.probes = noted("probes", probes, missing).unwrap_or_default();
        }
        // If the process ended meanwhile, what was read may be a mixture of two processes.
        self.procfs.process(service.id)?;
        Ok((state, seen))
    }

    fn listening(
        &mut self,
        process: &Process,
        open: &Descriptors,
        namespace: Option<u64>,
        missing: &mut Unavailable,
    ) -> Vec<Listening> {
        if open.sockets.is_empty() {
            return Vec::new();
        }
        let fresh;
        let table = match namespace {
            Some(namespace) => self.tables.entry(namespace).or_insert_with(|| sockets::listening(process)),
            None => {
                fresh = sockets::listening(process);
                &fresh
            }
        };
        let Some(table) = noted("listening", table.as_ref().map_err(|&why| why), missing) else {
            return Vec::new();
        };
        let own = table.iter().filter(|socket| open.sockets.contains(&socket.inode));
        let shown = own.map(|socket| Listening {
            transport: socket.transport.to_owned(),
            address: socket.address.to_string(),
            port: socket.port,
        });
        let mut shown: Vec<_> = shown.collect();
        shown.sort_by(|a, b| (a.port, &a.transport, &a.address).cmp(&(b.port, &b.transport, &b.address)));
        // Several sockets of one process on one address (SO_REUSEPORT) count as one.
        shown.dedup();
        if shown.len() > LISTENING_MAX {
            shown.truncate(LISTENING_MAX);
            missing.insert("listening".into(), ReadError::TooMany.to_string());
        }
        shown
    }

    fn pidfiles(
        &mut self,
        service: &WatchedService,
        process: &Process,
        root: &RootFolder,
        open: &Descriptors,
        missing: &mut Unavailable,
    ) -> Vec<(Pidfile, Option<FileId>)> {
        let Some(status) = noted("status", process.status(), missing) else { return Vec::new() };
        let mut all = Vec::new();
        for pattern in &service.pidfiles {
            let found = candidates::configured(root, service, pattern);
            all.extend(noted(pattern, found, missing).unwrap_or_default());
        }
        all.extend(self.of_unit(service, missing));
        all.extend(candidates::held(&open.files));
        if all.len() > CANDIDATES_MAX {
            all.truncate(CANDIDATES_MAX);
            missing.insert("pidfiles".into(), ReadError::TooMany.to_string());
        }
        let mut judged: Vec<(Pidfile, Option<FileId>)> = Vec::new();
        let mut matched = Vec::new();
        for candidate in all {
            let path = candidate.path.to_string_lossy().into_owned();
            if matched.contains(&path) || judged.iter().any(|(known, _)| known.path == path) {
                continue;
            }
            let result = self.judge(process, &status, root, open, &candidate);
            let Some(Some((pidfile, id))) = noted(&path, result, missing) else { continue };
            // /var/run is a link to /run: two paths of one file count as one pidfile.
            if id.is_some() && judged.iter().any(|&(_, known)| known == id) {
                continue;
            }
            matched.extend(candidate.pattern);
            judged.push((pidfile, id));
        }
        // Without the table of locks no file is called unlocked.
        if let Some(Err(why)) = &self.locks {
            missing.insert("locks".into(), why.to_string());
        }
        let mut first = true;
        for (pidfile, _) in &mut judged {
            if matches!(pidfile.state, PidfileState::Valid | PidfileState::Unlocked)
                && !std::mem::take(&mut first)
            {
                pidfile.state = PidfileState::Duplicate;
            }
        }
        judged
    }

    /// Finds the pidfile named by the unit of the host's systemd. Units inside a container are not looked up.
    fn of_unit(&mut self, service: &WatchedService, missing: &mut Unavailable) -> Option<PidfileCandidate> {
        let unit = service.unit.as_deref().filter(|_| service.container.is_none())?;
        let procfs = self.procfs;
        let host = self.host.get_or_insert_with(|| procfs.current(1)?.root());
        let path = host.as_ref().map_err(|&why| why).and_then(|host| units::pidfile(host, unit));
        noted("unit", path, missing).flatten().map(candidates::of_unit)
    }

    /// Returns the state of one pidfile and its identity; `None` when the file does not concern the service.
    fn judge(
        &mut self,
        process: &Process,
        status: &Status,
        root: &RootFolder,
        open: &Descriptors,
        candidate: &PidfileCandidate,
    ) -> Result<Option<(Pidfile, Option<FileId>)>, ReadError> {
        let by_host = candidate.source == PidfileSource::Unit;
        let root = match &self.host {
            Some(Ok(host)) if by_host => host,
            _ => root,
        };
        let told = |state, pid| Pidfile {
            path: candidate.path.to_string_lossy().into_owned(),
            source: candidate.source,
            state,
            pid,
        };
        let content = match root.read(&candidate.path, PIDFILE_MAX) {
            Ok(content) => content,
            Err(ReadError::NotFound) => {
                let missing = (told(PidfileState::Missing, None), None);
                return Ok((!candidate.only_if_named).then_some(missing));
            }
            Err(why) => return Err(why),
        };
        let ours: Vec<_> = open.files.iter().filter(|file| file.id == content.id).collect();
        let locked = ours.iter().any(|file| file.locked) || self.locked(content.id);
        let file = state::PidfileContent {
            bytes: &content.bytes,
            user: content.user,
            modified_ns: content.modified_ns,
            in_memory: IN_MEMORY.contains(&content.file_system),
            held: ours.iter().any(|file| file.locked || file.writable),
            locked: (locked || self.locks().is_ok()).then_some(locked),
        };
        let nested = !by_host && status.numbers.len() > 1;
        let whose = PidfileOwner {
            // In its own pid namespace the inner number counts too; tools of the host write the host's
            // number.
            numbers: if nested { status.numbers.clone() } else { vec![process.pid] },
            users: pid_owner::owners(process, status),
            started_ns: wall(self.now, self.procfs.nanoseconds(process.start_ticks)),
            booted_ns: wall(self.now, 0),
        };
        let mut unknown = None;
        let (state, pid) = state::judge(&file, &whose, |number| {
            let asked = PidfileQuery { process, number, nested, source: candidate.source };
            let named = pid_owner::named(self.procfs, &mut self.family, &asked, |ticks| {
                wall(self.now, self.procfs.nanoseconds(ticks))
            });
            named.unwrap_or_else(|why| {
                unknown = Some(why);
                NamedProcess::Else
            })
        });
        if let Some(why) = unknown {
            return Err(why);
        }
        let names = pid.is_some_and(|pid| whose.numbers.contains(&pid));
        let affair = state.filter(|_| names || !candidate.only_if_named);
        Ok(affair.map(|state| (told(state, pid), Some(content.id))))
    }

    fn locks(&mut self) -> &Result<Locks, ReadError> {
        let procfs = self.procfs;
        self.locks.get_or_insert_with(|| Locks::read(procfs))
    }

    fn locked(&mut self, file: FileId) -> bool {
        self.locks().as_ref().is_ok_and(|locks| locks.holds(file))
    }
}

/// Converts ns since boot to ns since 1970.
fn wall(now: Reading, boot_ns: u64) -> i64 {
    let boot_ns = i64::try_from(boot_ns).unwrap_or(i64::MAX);
    now.unix_ns.saturating_sub(now.boot_ns).saturating_add(boot_ns)
}
