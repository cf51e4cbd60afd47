//! Made-up processes for the tests of rules: a record as the enrichment makes it, and what goes with it.

use std::{collections::BTreeMap, sync::Arc};

use tracego_common::{TaskId, record::Rlimit};

use super::{
    Rules,
    finding::Finding,
    settings::Settings,
    subject::{Known, Subject},
};
use crate::{
    enrich::{
        Record,
        ci::Identity,
        context::{self, OpenJob},
        linux::{Capabilities, Namespaces, RLIMITS, Rlimits},
        record::{self, Container, Executable, LinuxCgroup, Log, Origin, Own, Process},
        table::{Line, Lineage},
        users::User,
    },
    golang::{
        Build, Elf, Image, Linkage, Module,
        evidence::{self, Start},
        task::Task,
    },
    inspect::facts::{CgroupLimits, GoMod, ServiceState, Surroundings},
};

/// A container id.
pub(super) const CONTAINER: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// The commit of the jobs here.
pub(super) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A process that starts a program.
#[derive(Clone)]
pub(super) struct Scene {
    pub id: TaskId,
    record: Record,
    env: BTreeMap<Arc<str>, String>,
    job: Option<(TaskId, BTreeMap<Arc<str>, String>)>,
    injected: Vec<(String, String)>,
    image: Option<Image>,
    above: Task,
    surroundings: Option<Surroundings>,
}

/// A start, number `pid`, of an executable that says nothing.
pub(super) fn process(pid: u32, path: &str, args: &str) -> Scene {
    let id = TaskId { tgid: pid, pad: 0, start_boottime: u64::from(pid) * 1000 };
    let process = Process {
        pid,
        command_args: Some(args.split_whitespace().map(str::to_owned).collect()),
        executable: Some(Executable {
            path: path.to_owned(),
            name: path.rsplit('/').next().unwrap().to_owned(),
            build_id: None,
        }),
        working_directory: Some("/home/me/app".into()),
        user: Some(User { id: 1000, name: Some("me".into()) }),
        interactive: Some(false),
        linux: Some(LinuxCgroup { cgroup: "/user.slice/session-1.scope".into() }),
        ..Process::default()
    };
    let limit = Rlimit { soft: 1 << 20, hard: 1 << 20 };
    let own = Own {
        exec_id: Some(exec_id(id)),
        seccomp: Some("filter"),
        no_new_privs: Some(true),
        rlimit: Some(Arc::new(Rlimits([limit; 16]).into())),
        capability: Some(Arc::new(
            Capabilities { effective: "0".repeat(16), ..Capabilities::default() }.into(),
        )),
        namespace: Some(Namespaces { pid: 1, mnt: 7, user: 0xEFFF_FFFD }),
        ..Own::default()
    };
    let record = Record {
        schema: record::SCHEMA,
        schema_url: record::SCHEMA_URL,
        event_name: record::event_name::START,
        timestamp: crate::clock::Time(0),
        observed_timestamp: crate::clock::Time(0),
        severity_number: 9,
        severity_text: "INFO",
        trace: None,
        body: args.to_owned(),
        log: Log::default(),
        seq: 1,
        origin: Arc::new(Origin::default()),
        process: Some(Box::new(process)),
        context: None,
        container: None,
        k8s: None,
        tracego: Box::new(own),
    };
    let (above, env) = (Task::default(), BTreeMap::new());
    let scene =
        Scene { id, record, env, job: None, injected: Vec::new(), image: None, above, surroundings: None };
    scene.env("HOME", "/home/me")
}

/// The go command, called like this, with a go.mod in force.
pub(super) fn go(pid: u32, args: &str) -> Scene {
    let build = Build { version: "go1.27.3".into(), path: "cmd/go".into(), ..Build::default() };
    let image = Image { go: Some(build), elf: Some(Elf::default()), ..Image::default() };
    let go_mod =
        GoMod { path: "/home/me/app/go.mod".into(), module: "example.com/app".into(), ..GoMod::default() };
    process(pid, "/usr/local/go/bin/go", args)
        .with(|scene| scene.image = Some(image))
        .around(|around| around.go_mod = Some(go_mod))
}

/// A program that Go 1.27 built from `example.com/app` at [`COMMIT`]: static and stripped.
pub(super) fn app(pid: u32) -> Scene {
    let setting = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let build = Build {
        version: "go1.27.3".into(),
        path: "example.com/app/cmd/server".into(),
        main: Some(Module { path: "example.com/app".into(), version: "(devel)".into(), ..Module::default() }),
        settings: vec![
            setting("CGO_ENABLED", "0"),
            setting("vcs", "git"),
            setting("vcs.revision", COMMIT),
            setting("vcs.modified", "false"),
        ],
        ..Build::default()
    };
    let elf = Elf { stripped: true, linkage: Linkage::Static, ..Elf::default() };
    let image = Image { go: Some(build), elf: Some(elf), ..Image::default() };
    process(pid, "/home/me/app/server", "./server").with(|scene| scene.image = Some(image))
}

fn exec_id(id: TaskId) -> String {
    format!("boot-{:x}-{:x}", id.start_boottime, id.tgid)
}

impl Scene {
    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(super) fn record(self, change: impl FnOnce(&mut Record)) -> Self {
        self.with(|scene| change(&mut scene.record))
    }

    pub(super) fn process(self, change: impl FnOnce(&mut Process)) -> Self {
        self.record(|record| change(record.process.as_mut().unwrap()))
    }

    pub(super) fn own(self, change: impl FnOnce(&mut Own)) -> Self {
        self.record(|record| change(&mut record.tracego))
    }

    pub(super) fn build(self, change: impl FnOnce(&mut Build)) -> Self {
        self.with(|scene| change(scene.image.as_mut().unwrap().go.as_mut().unwrap()))
    }

    pub(super) fn elf(self, change: impl FnOnce(&mut Elf)) -> Self {
        self.with(|scene| change(scene.image.as_mut().unwrap().elf.as_mut().unwrap()))
    }

    pub(super) fn setting(self, key: &str, value: &str) -> Self {
        self.build(|build| {
            build.settings.retain(|(known, _)| known != key);
            if !value.is_empty() {
                build.settings.push((key.to_owned(), value.to_owned()));
            }
        })
    }

    pub(super) fn around(self, change: impl FnOnce(&mut Surroundings)) -> Self {
        self.with(|scene| change(scene.surroundings.get_or_insert_default()))
    }

    pub(super) fn limits(self, cpu_millis: Option<u64>, memory_bytes: Option<u64>) -> Self {
        let limits = CgroupLimits { version: 2, cpu_millis, memory_bytes, cpus: 8 };
        self.around(|around| around.limits = Some(limits))
    }

    pub(super) fn with_nothing_around(self) -> Self {
        self.with(|scene| scene.surroundings = None)
    }

    pub(super) fn with_image(self, image: Image) -> Self {
        self.with(|scene| scene.image = Some(image))
    }

    pub(super) fn with_go(self, build: Option<Build>) -> Self {
        self.with(|scene| scene.image.as_mut().unwrap().go = build)
    }

    pub(super) fn args(self, args: &str) -> Self {
        let args = args.split_whitespace().map(str::to_owned).collect();
        self.process(|process| process.command_args = Some(args))
    }

    pub(super) fn path(self, path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap().to_owned();
        self.process(|process| {
            process.executable = Some(Executable { path: path.to_owned(), name, build_id: None })
        })
    }

    /// Sets a variable; an empty text is a variable that is set to nothing.
    pub(super) fn env(self, name: &str, value: &str) -> Self {
        self.with(|scene| drop(scene.env.insert(name.into(), value.to_owned())))
    }

    pub(super) fn without(self, name: &str) -> Self {
        self.with(|scene| drop(scene.env.remove(name)))
    }

    /// `--env NAME=value`.
    pub(super) fn injected(self, name: &str, value: &str) -> Self {
        self.with(|scene| scene.injected.push((name.to_owned(), value.to_owned())))
    }

    /// It opens this job, by its own environment.
    pub(super) fn job(self, id: &str) -> Self {
        let own = self.id;
        let scene = self.env("CI_JOB_ID", id).env("GIT_COMMIT", COMMIT);
        let env = scene.env.clone();
        scene.with(|scene| scene.job = Some((own, env)))
    }

    /// It descends from the opener of a job and has its environment.
    pub(super) fn in_job_of(self, opener: &Self) -> Self {
        let mut scene = self.with(|scene| scene.job.clone_from(&opener.job));
        for name in ["CI_JOB_ID", "GIT_COMMIT"] {
            if let Some(value) = opener.env.get(name) {
                scene.env.insert(name.into(), value.clone());
            }
        }
        scene
    }

    pub(super) fn container(self) -> Self {
        let cgroup = format!("/system.slice/docker-{CONTAINER}.scope");
        self.record(|record| record.container = Some(Container { id: CONTAINER.into(), runtime: None }))
            .process(|process| process.vpid = Some(1))
            .process(|process| process.linux = Some(LinuxCgroup { cgroup }))
            .own(|own| own.unit = Some(format!("docker-{CONTAINER}.scope")))
    }

    pub(super) fn unit(self, unit: &str) -> Self {
        let cgroup = format!("/system.slice/{unit}");
        self.process(|process| process.linux = Some(LinuxCgroup { cgroup }))
            .own(|own| own.unit = Some(unit.into()))
    }

    pub(super) fn terminal(self) -> Self {
        self.process(|process| process.interactive = Some(true))
    }

    /// The parent is a process with this task name.
    pub(super) fn parent(self, command: &str) -> Self {
        let mut line = Line::default();
        command.clone_into(&mut line.command);
        self.own(|own| own.ancestors = Some(Lineage(Some(Arc::new(line)))))
    }

    /// A child of that process.
    pub(super) fn below(self, parent: &Self) -> Self {
        let above = parent.task().forked();
        self.with(|scene| scene.above = above)
    }

    /// The same process with another program.
    pub(super) fn again(self, before: &Self) -> Self {
        let (above, id, exec_id) = (before.task(), before.id, before.record.tracego.exec_id.clone());
        self.own(|own| own.exec_id = exec_id).process(|process| process.pid = id.tgid).with(|scene| {
            scene.above = above;
            scene.id = id;
        })
    }

    pub(super) fn nofile(self, soft: u64, hard: u64) -> Self {
        self.rlimit("nofile", soft, hard)
    }

    pub(super) fn rlimit(self, name: &str, soft: u64, hard: u64) -> Self {
        let at = RLIMITS.iter().position(|known| *known == name).unwrap();
        self.own(|own| {
            let mut limits = own.rlimit.as_ref().unwrap().0;
            limits[at] = Rlimit { soft, hard };
            own.rlimit = Some(Arc::new(Rlimits(limits).into()));
        })
    }

    pub(super) fn capabilities(self, names: &[&str]) -> Self {
        let bits = names.iter().map(|name| 1u64 << super::sandbox::bit(name).unwrap()).sum::<u64>();
        let sets = Capabilities { effective: format!("{bits:016x}"), ..Capabilities::default() };
        self.own(|own| own.capability = Some(Arc::new(sets.into())))
    }

    /// What it is, as the pipeline finds out.
    pub(super) fn task(&self) -> Task {
        let process = self.record.process.as_ref().unwrap();
        let build = self.image.as_ref().map(|image| image.go.as_ref());
        let image = match build {
            None => evidence::ImageFacts::Unread,
            Some(None) => evidence::ImageFacts::Foreign,
            Some(Some(build)) => evidence::ImageFacts::Go {
                path: &build.path,
                module: build.main.as_ref().map_or("", |main| &main.path),
                version: &build.version,
            },
        };
        self.above.started(&Start {
            id: self.id,
            path: &process.executable.as_ref().unwrap().path,
            args: process.command_args.as_deref().unwrap(),
            goflags: self.env.get("GOFLAGS").map_or("", String::as_str),
            image,
        })
    }

    /// The record with commit and job, as the enrichment puts them together.
    fn whole(&self) -> Record {
        let identity = |env: &BTreeMap<Arc<str>, String>| -> Identity {
            context::explicit(&env.iter().map(|(k, v)| (k.to_string(), v.clone())).collect::<Vec<_>>())
        };
        let job =
            self.job.as_ref().map(|(root, env)| OpenJob { root: *root, identity: identity(env).into() });
        let is_root = job.as_ref().is_some_and(|job| job.root == self.id);
        let of_job = job.as_ref().map(|job| (job, exec_id(job.root)));
        let merged =
            context::merge(&context::explicit(&self.injected), &identity(&self.env), of_job, is_root);
        let mut record = self.record.clone();
        let (context, job) = merged.unzip();
        record.context = context;
        record.tracego.job = job;
        record
    }

    /// Lets the rules look at it.
    pub(super) fn start(&self, rules: &mut Rules) -> Vec<Finding> {
        self.look(|subject| rules.start(subject))
    }

    /// Lets somebody look at it.
    pub(super) fn look<T>(&self, look: impl FnOnce(&mut Subject<'_>) -> T) -> T {
        let (record, task) = (self.whole(), self.task());
        let mut subject = Subject::new(self.id, &record, &self.env);
        subject.task = Some(&task);
        subject.image = self.image.as_ref();
        subject.surroundings = self.surroundings.as_ref();
        look(&mut subject)
    }

    /// As a service, later.
    pub(super) fn service(&self, rules: &mut Rules, state: &ServiceState) -> Vec<Finding> {
        let known = self.look(|subject| Known::of(subject, rules.settings()));
        rules.service(state, &known)
    }
}

/// Rules with a configuration and a profile.
pub(super) fn rules(configuration: &str, profile: super::place::Profile) -> Rules {
    let mut settings = Settings::default();
    settings.read(&configuration.parse().unwrap()).unwrap();
    settings.profile = profile;
    Rules::new(settings)
}
