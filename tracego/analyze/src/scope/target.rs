//! The attributes of a process that matchers compare with.

use tracego_model::{linux::users::User, record::Record};

/// The attributes of a process that scopes match.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScopeTarget<'a> {
    /// Path of the executable.
    pub path: Option<&'a str>,
    /// Effective user.
    pub user: Option<&'a User>,
    /// systemd unit.
    pub unit: Option<&'a str>,
    /// Container id.
    pub container: Option<&'a str>,
    /// Names and ids of pipeline and job.
    pub jobs: [Option<&'a str>; 4],
}

impl<'a> ScopeTarget<'a> {
    /// Reads the attributes of a record.
    #[must_use]
    pub fn of(record: &'a Record) -> Self {
        let process = record.process.as_ref();
        let job = |name| record.context.as_ref().and_then(|context| context.cicd.get(name));
        Self {
            path: process.and_then(|process| Some(process.executable.as_ref()?.path.as_str())),
            user: process.and_then(|process| process.user.as_ref()),
            unit: record.tracego.unit.as_deref(),
            container: record.container.as_ref().map(|container| container.id.as_str()),
            jobs: [
                job("pipeline.name"),
                job("pipeline.run.id"),
                job("pipeline.task.name"),
                job("pipeline.task.run.id"),
            ],
        }
    }
}
