//! Runs rules on a made-up process, with the role, commit and job that the pipeline would give it.

use std::{collections::BTreeMap, sync::Arc};

use tracego_golang::{
    evidence::{self, ProcessStart},
    task::GoTask,
};
use tracego_model::{finding::Finding, input::facts::ServiceState, record::Record};

use super::{TestProcess, exec_id};
use crate::{
    enrich::{
        ci::CiIdentity,
        context::{self, OpenJob},
    },
    rules::{
        Rules,
        subject::{KeptProcess, Subject},
    },
};

impl TestProcess {
    /// Returns the role of the process, as the pipeline determines it.
    pub(in crate::rules) fn task(&self) -> GoTask {
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
        self.above.started(&ProcessStart {
            id: self.id,
            path: &process.executable.as_ref().unwrap().path,
            args: process.command_args.as_deref().unwrap(),
            goflags: self.env.get("GOFLAGS").map_or("", String::as_str),
            image,
            is_cut: self.record.tracego.completeness.truncated.contains(&"process.command_args"),
        })
    }

    /// Returns the record with commit and job, merged as the enrichment does it.
    fn whole(&self) -> Record {
        let identity = |env: &BTreeMap<Arc<str>, String>| -> CiIdentity {
            context::explicit(&env.iter().map(|(k, v)| (k.to_string(), v.clone())).collect::<Vec<_>>())
        };
        let job = self.job.as_ref().map(|(root, env)| OpenJob {
            root: *root,
            is_job: true,
            identity: identity(env).into(),
        });
        let is_root = job.as_ref().is_some_and(|job| job.root == self.id);
        let of_job = job.as_ref().map(|job| (job, exec_id(job.root)));
        let merged = context::merge(
            &context::explicit(&self.injected),
            &identity(&self.env),
            of_job,
            is_root,
            self.pod.as_deref(),
        );
        let mut record = self.record.clone();
        let (context, job) = merged.unzip();
        record.context = context;
        record.tracego.job = job;
        record
    }

    /// Runs the rules on the start of the process.
    pub(in crate::rules) fn start(&self, rules: &mut Rules) -> Vec<Finding> {
        self.look(|subject| rules.start(subject))
    }

    /// Calls a function with the subject of the process.
    pub(in crate::rules) fn look<T>(&self, look: impl FnOnce(&mut Subject<'_>) -> T) -> T {
        let (record, task) = (self.whole(), self.task());
        let mut subject = Subject::new(self.id, &record, &self.env);
        subject.task = Some(&task);
        subject.image = self.image.as_ref();
        subject.surroundings = self.surroundings.as_ref();
        look(&mut subject)
    }

    /// Runs the rules on the process as a running service.
    pub(in crate::rules) fn service(&self, rules: &mut Rules, state: &ServiceState) -> Vec<Finding> {
        let known = self.look(|subject| KeptProcess::of(subject, rules.settings()));
        rules.service(state, &known)
    }
}
