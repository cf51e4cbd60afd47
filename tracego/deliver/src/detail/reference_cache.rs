//! The references of records, found again by the parts that records share.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::BuildHasher as _,
    num::NonZeroUsize,
    sync::Arc,
};

use lru::{DefaultHasher, LruCache};
use tracego_model::record::{
    Container, K8s, Own, Record, Variables, event_name,
    frozen::Frozen,
    go::Go,
    image::{BuildId, GoBuild, Language, Linked},
    job::{Context, Job, attribute},
    kubernetes::{ContainerImage, Pod},
    linux::{Capabilities, Rlimits},
    reference::{ImageFacts, References},
    tree::Tree,
};

use super::reference::{Reference, SharedMembers};

/// Number of jobs, of executables and of confinements that are remembered.
const KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

/// Variables of a record; `None` for none.
type SomeVariables = Option<Arc<Variables>>;

/// Members of the pod that a lean record shows; `None` where it shows all.
type BriefPod = Option<Arc<Frozen<K8s>>>;

/// The references of one record.
#[derive(Clone, Debug, Default)]
pub(super) struct RecordReferences {
    pub(super) stream: Option<Arc<Reference>>,
    pub(super) job: Option<Arc<Reference>>,
    pub(super) image: Option<Arc<Reference>>,
    pub(super) confinement: Option<Arc<Reference>>,
    /// The ids of all.
    pub(super) ids: Option<Arc<Frozen<References>>>,
    /// Members of commit and job that the record shows itself; `None` for those that it has.
    pub(super) brief: Option<Arc<Context>>,
    /// Variables that the record shows itself.
    pub(super) variables: SomeVariables,
    /// Members of the pod that the record shows itself; `None` for those that it has.
    pub(super) pod: BriefPod,
}

impl RecordReferences {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Reference>> {
        [&self.stream, &self.job, &self.image, &self.confinement].into_iter().flatten()
    }

    fn made_ids(&self) -> References {
        let id = |of: &Option<Arc<Reference>>| of.as_ref().map(|of| Arc::clone(&of.id));
        References {
            stream: id(&self.stream),
            job: id(&self.job),
            image: id(&self.image),
            confinement: id(&self.confinement),
        }
    }

    /// Returns the keys of the contents; 0 for none.
    fn keys(&self) -> [u64; 4] {
        [&self.stream, &self.job, &self.image, &self.confinement].map(|of| of.as_ref().map_or(0, |of| of.key))
    }
}

/// The shared parts of a job, by which it is found again. The parts are kept, so that their addresses stay theirs.
type JobParts = (Option<Arc<Context>>, Option<Arc<Frozen<Job>>>, SomeVariables);

/// The forms of a job in lean records.
#[derive(Clone, Default)]
struct JobForms {
    reference: Option<Arc<Reference>>,
    /// Members of commit and job that lean records show.
    brief: Option<Arc<Context>>,
    /// Variables that lean records show.
    variables: SomeVariables,
}

/// The shared parts of an executable.
type ImageParts = (
    Option<Arc<Frozen<BuildId>>>,
    Option<Arc<Frozen<Language>>>,
    Option<Arc<Frozen<Linked>>>,
    Option<Arc<Frozen<GoBuild>>>,
);

/// The shared parts of a confinement.
#[derive(Clone, Default)]
struct ConfinementParts {
    capability: Option<Arc<Frozen<Capabilities>>>,
    rlimit: Option<Arc<Frozen<Rlimits>>>,
    /// The pod; only if more than its uid is known.
    pod: Option<Arc<Frozen<K8s>>>,
    image: Option<Arc<Frozen<ContainerImage>>>,
}

impl ConfinementParts {
    fn of(record: &Record) -> Self {
        let image = record.container.as_ref().and_then(|container| container.image.as_ref());
        Self {
            capability: record.tracego.capability.clone(),
            rlimit: record.tracego.rlimit.clone(),
            pod: record.k8s.as_ref().filter(|k8s| !k8s.is_uid_alone()).cloned(),
            image: image.cloned(),
        }
    }

    fn addresses(&self) -> [usize; 4] {
        let Self { capability, rlimit, pod, image } = self;
        [
            address(capability.as_ref()),
            address(rlimit.as_ref()),
            address(pod.as_ref()),
            address(image.as_ref()),
        ]
    }
}

/// A confinement that was met, with the record that holds it.
struct KnownConfinement {
    /// The parts are kept, so that their addresses stay theirs.
    _parts: ConfinementParts,
    reference: Arc<Reference>,
    pod: BriefPod,
}

fn address<T: ?Sized>(part: Option<&Arc<T>>) -> usize {
    part.map_or(0, |part| Arc::as_ptr(part).cast::<()>() as usize)
}

/// The references made so far.
pub(super) struct ReferenceCache {
    /// Variables that the operator asked for, which records show themselves.
    pub(super) asked: Arc<BTreeSet<String>>,
    stream: Option<Arc<Reference>>,
    jobs: LruCache<[usize; 3], (JobParts, JobForms)>,
    images: LruCache<([usize; 4], u64), (ImageParts, Arc<Reference>)>,
    confinements: LruCache<([usize; 4], u64), KnownConfinement>,
    /// The ids of records that refer to the same, by the keys of the contents.
    ids: LruCache<[u64; 4], Arc<Frozen<References>>>,
    /// Empty commit and job, which exits show: the start has theirs.
    nothing: Arc<Context>,
    hasher: DefaultHasher,
}

impl Default for ReferenceCache {
    fn default() -> Self {
        Self {
            asked: Arc::default(),
            stream: None,
            jobs: LruCache::new(KEPT),
            images: LruCache::new(KEPT),
            confinements: LruCache::new(KEPT),
            ids: LruCache::new(KEPT),
            nothing: Arc::default(),
            hasher: DefaultHasher::default(),
        }
    }
}

impl ReferenceCache {
    /// Returns the references of a full record.
    pub(super) fn of(&mut self, record: &Record) -> RecordReferences {
        let JobForms { reference: job, brief, variables } = self.job(record);
        let is_exit = record.event_name == event_name::EXIT;
        let brief = if is_exit { job.as_ref().map(|_| Arc::clone(&self.nothing)) } else { brief };
        let (confinement, pod) = self.confinement(record).unzip();
        let mut all = RecordReferences {
            stream: Some(self.stream(record)),
            job,
            image: self.image(record),
            confinement,
            ids: None,
            brief,
            variables,
            pod: pod.flatten(),
        };
        let make = || Arc::new(all.made_ids().into());
        all.ids = Some(Arc::clone(self.ids.get_or_insert(all.keys(), make)));
        all
    }

    fn stream(&mut self, record: &Record) -> Arc<Reference> {
        let known = self.stream.as_ref().filter(|known| Arc::ptr_eq(&known.record.origin, &record.origin));
        if let Some(known) = known {
            return Arc::clone(known);
        }
        let body = "host and run that records refer to".to_owned();
        let stream = |id| References { stream: Some(id), ..References::default() };
        let made = Arc::new(Reference::new(
            record,
            event_name::STREAM,
            body,
            Own::default(),
            SharedMembers::default(),
            stream,
        ));
        self.stream = Some(Arc::clone(&made));
        made
    }

    fn job(&mut self, record: &Record) -> JobForms {
        let (context, job) = (record.context.as_ref(), record.tracego.job.as_ref());
        let variables = record.process.as_ref().and_then(|process| process.environment_variable.as_ref());
        let key = [address(context), address(job), address(variables)];
        if key == [0; 3] {
            return JobForms::default();
        }
        let asked = &self.asked;
        let make = || {
            let parts = (context.cloned(), job.cloned(), variables.cloned());
            let (shown, told) = variables.map(|all| split(all, job, asked)).unwrap_or_default();
            let has_reference = context.is_some() || job.is_some() || told.is_some();
            let reference = has_reference.then(|| {
                let own = Own { job: job.cloned(), environment_variable: told, ..Own::default() };
                let id = |id| References { job: Some(id), ..References::default() };
                let body = "job that records refer to".to_owned();
                let shared = SharedMembers { context: context.cloned(), ..SharedMembers::default() };
                Arc::new(Reference::new(record, event_name::JOB, body, own, shared, id))
            });
            let brief = context.map(|context| Arc::new(brief(context)));
            (parts, JobForms { reference, brief, variables: shown })
        };
        self.jobs.get_or_insert(key, make).1.clone()
    }

    /// Returns the reference to the executable of a full record.
    pub(super) fn image(&mut self, record: &Record) -> Option<Arc<Reference>> {
        let process = record.process.as_deref()?;
        let own = &record.tracego;
        let file = own.executable.as_ref()?;
        let build_id = process.executable.as_ref().and_then(|executable| executable.build_id.as_ref());
        let (runtime, elf) = (process.runtime.as_ref(), own.elf.as_ref());
        let build = own.go.as_ref().and_then(|go| go.build.as_ref());
        let address = [address(build_id), address(runtime), address(elf), address(build)];
        let rest = self.hasher.hash_one((
            (file.inode.0, &file.device, file.ctime.map(|time| time.0), &file.mode, file.owner_id),
            (
                file.deleted,
                file.memfd,
                file.pathless.map(|why| why as u8),
                file.unread,
                file.digest,
                &file.claims,
            ),
        ));
        let key = (address, rest);
        let make = || {
            let parts = (build_id.cloned(), runtime.cloned(), elf.cloned(), build.cloned());
            let image = ImageFacts { build_id: build_id.cloned(), runtime: runtime.cloned(), contents: None };
            let image = Some(image).filter(|image| image.build_id.is_some() || image.runtime.is_some());
            let go = build.map(|build| Box::new(Go { build: Some(Arc::clone(build)), ..Go::default() }));
            let executable = Some(file.clone());
            let own = Own { executable, image, elf: elf.cloned(), go, ..Own::default() };
            let id = |id| References { image: Some(id), ..References::default() };
            let body = "executable that records refer to".to_owned();
            let reference =
                Reference::new(record, event_name::IMAGE, body, own, SharedMembers::default(), id);
            let image = elf.and_then(|elf| elf.image.clone());
            (parts, Arc::new(Reference { image, ..reference }))
        };
        Some(Arc::clone(&self.images.get_or_insert(key, make).1))
    }

    /// Returns the confinement of a record, and the members of its pod that the record shows.
    fn confinement(&mut self, record: &Record) -> Option<(Arc<Reference>, BriefPod)> {
        let own = &record.tracego;
        let parts = ConfinementParts::of(record);
        let cgroup_path =
            record.process.as_ref().and_then(|process| process.linux.as_ref()).map(|linux| &linux.cgroup);
        let addresses = parts.addresses();
        if addresses == [0; 4] && cgroup_path.is_none() {
            return None;
        }
        let container = record.container.as_ref().map(|container| &container.id);
        let rest = self.hasher.hash_one((
            own.namespace.map(|all| [all.pid, all.mnt, all.user]),
            own.cgroup.map(|node| (node.id.0, node.version)),
            cgroup_path,
            own.seccomp,
            own.no_new_privs,
            &own.unit,
            container.filter(|_| parts.image.is_some()),
        ));
        let make = || {
            let own = Own {
                capability: parts.capability.clone(),
                rlimit: parts.rlimit.clone(),
                namespace: own.namespace,
                cgroup: own.cgroup,
                cgroup_path: cgroup_path.cloned(),
                seccomp: own.seccomp,
                no_new_privs: own.no_new_privs,
                unit: own.unit.clone(),
                ..Own::default()
            };
            let image = parts.image.is_some();
            let container: Option<Container> = record.container.clone().filter(|_| image);
            let shared = SharedMembers { container, k8s: parts.pod.clone(), ..SharedMembers::default() };
            let id = |id| References { confinement: Some(id), ..References::default() };
            let body = "limits and namespaces that records refer to".to_owned();
            let reference = Reference::new(record, event_name::CONFINEMENT, body, own, shared, id);
            let pod = parts.pod.as_ref().map(|pod| Arc::new(brief_pod(pod).into()));
            KnownConfinement { _parts: parts.clone(), reference: Arc::new(reference), pod }
        };
        let known = self.confinements.get_or_insert((addresses, rest), make);
        Some((Arc::clone(&known.reference), known.pod.clone()))
    }
}

/// Returns the members of a pod that a lean record shows: its names.
fn brief_pod(pod: &K8s) -> K8s {
    let Pod { uid, name, .. } = &pod.pod;
    K8s {
        pod: Pod { uid: uid.clone(), name: name.clone(), ..Pod::default() },
        namespace: pod.namespace.clone(),
        container: pod.container.clone(),
        ..K8s::default()
    }
}

/// Splits the variables of a record: those that a lean record shows itself, because the operator asked for them and no
/// attribute of the job tells them, and those of the job.
fn split(
    all: &Variables,
    job: Option<&Arc<Frozen<Job>>>,
    asked: &BTreeSet<String>,
) -> (SomeVariables, SomeVariables) {
    let is_told = |name: &str| job.is_some_and(|job| job.sources.iter().any(|from| from.variable == name));
    let mut parts = (BTreeMap::new(), BTreeMap::new());
    for (name, value) in all.iter() {
        let is_shown = asked.contains(&**name) && !is_told(name);
        let part = if is_shown { &mut parts.0 } else { &mut parts.1 };
        part.insert(Arc::clone(name), value.clone());
    }
    let some = |part: BTreeMap<_, _>| (!part.is_empty()).then(|| Arc::new(Frozen::from(part)));
    (some(parts.0), some(parts.1))
}

/// Returns the members of commit and job that a lean record shows.
fn brief(context: &Context) -> Context {
    let cicd = [attribute::RUN, attribute::TASK_RUN];
    let vcs = [attribute::REVISION];
    let chosen = |tree: &Tree, first: &str, names: &[&'static str]| {
        let chosen = names.iter().filter_map(|name| {
            let name = name.strip_prefix(first)?;
            Some((name, tree.get(name)?.to_owned()))
        });
        Tree::new(chosen.collect())
    };
    Context { cicd: chosen(&context.cicd, "cicd.", &cicd), vcs: chosen(&context.vcs, "vcs.", &vcs) }
}
