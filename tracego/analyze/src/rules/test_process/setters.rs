//! Changes that tests make to a process before rules see it.

use std::sync::Arc;

use tracego_common::event::Rlimit;
use tracego_golang::{Build, Elf, Image, Inconsistency};
use tracego_model::{
    input::facts::{CgroupLimits, Surroundings},
    record::{
        Container, Executable, LinuxCgroup, Own, Process, Record,
        lineage::{Line, Lineage},
        linux::{Capabilities, RLIMITS, Rlimits},
    },
};

use super::{COMMIT, CONTAINER, TestProcess};
use crate::{enrich::pods::tests::example_pod, rules::runtime::sandbox};

impl TestProcess {
    pub(in crate::rules) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(in crate::rules) fn record(self, change: impl FnOnce(&mut Record)) -> Self {
        self.with(|scene| change(&mut scene.record))
    }

    pub(in crate::rules) fn process(self, change: impl FnOnce(&mut Process)) -> Self {
        self.record(|record| change(record.process.as_mut().unwrap()))
    }

    pub(in crate::rules) fn own(self, change: impl FnOnce(&mut Own)) -> Self {
        self.record(|record| change(&mut record.tracego))
    }

    pub(in crate::rules) fn build(self, change: impl FnOnce(&mut Build)) -> Self {
        self.with(|scene| change(scene.image.as_mut().unwrap().go.as_mut().unwrap()))
    }

    pub(in crate::rules) fn with_inconsistency(self, part: Inconsistency) -> Self {
        self.with(|scene| scene.image.as_mut().unwrap().inconsistent.push(part))
    }

    pub(in crate::rules) fn elf(self, change: impl FnOnce(&mut Elf)) -> Self {
        self.with(|scene| change(scene.image.as_mut().unwrap().elf.as_mut().unwrap()))
    }

    pub(in crate::rules) fn setting(self, key: &str, value: &str) -> Self {
        self.build(|build| {
            build.settings.retain(|(known, _)| known != key);
            if !value.is_empty() {
                build.settings.push((key.to_owned(), value.to_owned()));
            }
        })
    }

    pub(in crate::rules) fn around(self, change: impl FnOnce(&mut Surroundings)) -> Self {
        self.with(|scene| change(scene.surroundings.get_or_insert_default()))
    }

    pub(in crate::rules) fn limits(self, cpu_millis: Option<u64>, memory_bytes: Option<u64>) -> Self {
        let limits = CgroupLimits { version: 2, cpu_millis, memory_bytes, cpus: 8 };
        self.around(|around| around.limits = Some(limits))
    }

    pub(in crate::rules) fn with_nothing_around(self) -> Self {
        self.with(|scene| scene.surroundings = None)
    }

    pub(in crate::rules) fn with_image(self, image: Image) -> Self {
        self.with(|scene| scene.image = Some(image))
    }

    pub(in crate::rules) fn with_go(self, build: Option<Build>) -> Self {
        self.with(|scene| scene.image.as_mut().unwrap().go = build)
    }

    pub(in crate::rules) fn args(self, args: &str) -> Self {
        let args = args.split_whitespace().map(str::to_owned).collect();
        self.process(|process| process.command_args = Some(args))
    }

    pub(in crate::rules) fn path(self, path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap().to_owned();
        self.process(|process| {
            process.executable =
                Some(Executable { path: path.to_owned(), name, build_id: None, elsewhere: false })
        })
    }

    /// Sets a variable. An empty text sets an empty variable.
    pub(in crate::rules) fn env(self, name: &str, value: &str) -> Self {
        self.with(|scene| drop(scene.env.insert(name.into(), value.to_owned())))
    }

    pub(in crate::rules) fn without(self, name: &str) -> Self {
        self.with(|scene| drop(scene.env.remove(name)))
    }

    /// Puts the process into a pod with these labels and annotations.
    pub(in crate::rules) fn pod(self, labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> Self {
        self.with(|scene| scene.pod = Some(example_pod(labels, annotations)))
    }

    /// Sets a variable as `--env NAME=value` does.
    pub(in crate::rules) fn injected(self, name: &str, value: &str) -> Self {
        self.with(|scene| scene.injected.push((name.to_owned(), value.to_owned())))
    }

    /// Makes the process the opener of a job, by its own environment.
    pub(in crate::rules) fn job(self, id: &str) -> Self {
        let own = self.id;
        let scene = self.env("CI_JOB_ID", id).env("GIT_COMMIT", COMMIT);
        let env = scene.env.clone();
        scene.with(|scene| scene.job = Some((own, env)))
    }

    /// Makes the process a part of a job that another process opened.
    pub(in crate::rules) fn part_of_job(self, id: &str) -> Self {
        self.in_job_of(&super::process(1, "/bin/sh", "sh -e").job(id))
    }

    /// Makes the process a part of a job that another process opened with one variable.
    pub(in crate::rules) fn part_of_job_by(self, name: &str, value: &str) -> Self {
        let opener = super::process(1, "/bin/sh", "sh -e").env(name, value);
        self.in_job_of(&opener.clone().with(|scene| scene.job = Some((opener.id, opener.env.clone()))))
    }

    /// Makes the process a descendant of the opener of a job, with the job's variables.
    pub(in crate::rules) fn in_job_of(self, opener: &Self) -> Self {
        let mut scene = self.with(|scene| scene.job.clone_from(&opener.job));
        for name in ["CI_JOB_ID", "GIT_COMMIT"] {
            if let Some(value) = opener.env.get(name) {
                scene.env.insert(name.into(), value.clone());
            }
        }
        scene
    }

    pub(in crate::rules) fn container(self) -> Self {
        let cgroup = format!("/system.slice/docker-{CONTAINER}.scope");
        self.record(|record| {
            record.container = Some(Container { id: CONTAINER.into(), runtime: None, image: None })
        })
        .process(|process| process.vpid = Some(1))
        .process(|process| process.linux = Some(LinuxCgroup { cgroup }))
        .own(|own| own.unit = Some(format!("docker-{CONTAINER}.scope")))
    }

    pub(in crate::rules) fn unit(self, unit: &str) -> Self {
        let cgroup = format!("/system.slice/{unit}");
        self.process(|process| process.linux = Some(LinuxCgroup { cgroup }))
            .own(|own| own.unit = Some(unit.into()))
    }

    pub(in crate::rules) fn terminal(self) -> Self {
        self.process(|process| process.interactive = Some(true))
    }

    /// Sets the task name of the parent.
    pub(in crate::rules) fn parent(self, command: &str) -> Self {
        let mut line = Line::default();
        command.clone_into(&mut line.command);
        self.own(|own| own.ancestors = Some(Lineage(Some(Arc::new(line)))))
    }

    /// Makes the process a child of `parent`.
    pub(in crate::rules) fn below(self, parent: &Self) -> Self {
        let above = parent.task().forked();
        self.with(|scene| scene.above = above)
    }

    /// Makes this the same process as `before`, with another program.
    pub(in crate::rules) fn again(self, before: &Self) -> Self {
        let (above, id, exec_id) = (before.task(), before.id, before.record.tracego.exec_id.clone());
        self.own(|own| own.exec_id = exec_id).process(|process| process.pid = id.tgid).with(|scene| {
            scene.above = above;
            scene.id = id;
        })
    }

    pub(in crate::rules) fn nofile(self, soft: u64, hard: u64) -> Self {
        self.rlimit("nofile", soft, hard)
    }

    pub(in crate::rules) fn rlimit(self, name: &str, soft: u64, hard: u64) -> Self {
        let at = RLIMITS.iter().position(|known| *known == name).unwrap();
        self.own(|own| {
            let mut limits = own.rlimit.as_ref().unwrap().0;
            limits[at] = Rlimit { soft, hard };
            own.rlimit = Some(Arc::new(Rlimits(limits).into()));
        })
    }

    pub(in crate::rules) fn capabilities(self, names: &[&str]) -> Self {
        let bits = names.iter().map(|name| 1u64 << sandbox::bit(name).unwrap()).sum::<u64>();
        let sets = Capabilities { effective: format!("{bits:016x}"), ..Capabilities::default() };
        self.own(|own| own.capability = Some(Arc::new(sets.into())))
    }
}
