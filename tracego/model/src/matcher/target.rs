//! The attributes of a process that matchers compare with.

use crate::{
    linux::users::User,
    record::{
        Record,
        job::{JOB_NAMES, Job, OpenedBy},
    },
};

/// The attributes of a process that matchers compare with. A missing attribute matches no pattern.
#[derive(Clone, Copy, Debug, Default)]
pub struct MatchTarget<'a> {
    /// Path of the executable.
    pub path: Option<&'a str>,
    /// Whether `path` is no path of the host: the file has no name, or its mount is in another mount
    /// namespace. Unknown counts as a path of the host.
    pub path_elsewhere: bool,
    /// Arguments, `argv[0]` included.
    pub args: MatchArgs<'a>,
    /// Effective user.
    pub user: Option<&'a User>,
    /// Real user.
    pub real_user: Option<&'a User>,
    /// systemd unit.
    pub unit: Option<&'a str>,
    /// Container id.
    pub container: Option<&'a str>,
    /// Path of the cgroup.
    pub cgroup: Option<&'a str>,
    /// Names and ids of pipeline and job, as the process claims them.
    pub claimed_jobs: [Option<&'a str>; 4],
    /// Names and ids of pipeline and job, as somebody else than the process states them.
    pub vouched_jobs: [Option<&'a str>; 4],
    /// The reason why the process counts as part of a CI job; `None` outside of jobs.
    pub opened_by: Option<OpenedBy>,
}

/// Number of arguments behind `argv[0]` that matchers can name.
pub(super) const ARGS_MAX: usize = 16;

/// The arguments of a process.
#[derive(Clone, Copy, Debug)]
pub enum MatchArgs<'a> {
    /// One text for each.
    List(&'a [String]),
    /// The first arguments, each ended by a NUL, which none contains.
    Joined(&'a str),
}

impl Default for MatchArgs<'_> {
    fn default() -> Self {
        Self::List(&[])
    }
}

impl<'a> MatchArgs<'a> {
    /// Returns the argument at a position.
    #[must_use]
    pub fn get(self, at: usize) -> Option<&'a str> {
        match self {
            Self::List(all) => all.get(at).map(String::as_str),
            Self::Joined(all) => all.split_terminator('\0').nth(at),
        }
    }

    /// Returns the arguments that matchers can name, each ended by a NUL.
    fn joined(self) -> Box<str> {
        match self {
            Self::List(all) => {
                let shown = all.get(..=ARGS_MAX).unwrap_or(all);
                let mut joined = String::with_capacity(shown.iter().map(|arg| arg.len() + 1).sum());
                for arg in shown {
                    joined.push_str(arg);
                    joined.push('\0');
                }
                joined.into_boxed_str()
            }
            Self::Joined(all) => all.into(),
        }
    }
}

/// The attributes of a process, kept after its start.
#[derive(Clone, Debug, Default)]
pub struct KeptTarget {
    path: Option<String>,
    path_elsewhere: bool,
    args: Box<str>,
    user: Option<User>,
    real_user: Option<User>,
    unit: Option<String>,
    container: Option<String>,
    cgroup: Option<String>,
    claimed_jobs: [Option<String>; 4],
    vouched_jobs: [Option<String>; 4],
    opened_by: Option<OpenedBy>,
}

impl KeptTarget {
    /// Copies the attributes.
    #[must_use]
    pub fn of(target: &MatchTarget<'_>) -> Self {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Self {
            path: text(target.path),
            path_elsewhere: target.path_elsewhere,
            args: target.args.joined(),
            user: target.user.cloned(),
            real_user: target.real_user.cloned(),
            unit: text(target.unit),
            container: text(target.container),
            cgroup: text(target.cgroup),
            claimed_jobs: target.claimed_jobs.map(text),
            vouched_jobs: target.vouched_jobs.map(text),
            opened_by: target.opened_by,
        }
    }

    /// Returns the attributes for matchers.
    #[must_use]
    pub fn target(&self) -> MatchTarget<'_> {
        MatchTarget {
            path: self.path.as_deref(),
            path_elsewhere: self.path_elsewhere,
            args: MatchArgs::Joined(&self.args),
            user: self.user.as_ref(),
            real_user: self.real_user.as_ref(),
            unit: self.unit.as_deref(),
            container: self.container.as_deref(),
            cgroup: self.cgroup.as_deref(),
            claimed_jobs: self.claimed_jobs.each_ref().map(Option::as_deref),
            vouched_jobs: self.vouched_jobs.each_ref().map(Option::as_deref),
            opened_by: self.opened_by,
        }
    }
}

impl<'a> MatchTarget<'a> {
    /// Reads the attributes of a record.
    #[must_use]
    pub fn of(record: &'a Record) -> Self {
        let process = record.process.as_deref();
        let executable = process.and_then(|process| process.executable.as_ref());
        let job: Option<&Job> = record.tracego.job.as_deref().map(|job| &**job);
        let claimed = |name: &str| {
            let context = record.context.as_ref()?;
            context.cicd.get(name.strip_prefix("cicd.")?)
        };
        Self {
            path: executable.map(|file| file.path.as_str()),
            path_elsewhere: executable.is_some_and(|file| file.elsewhere),
            args: MatchArgs::List(
                process.and_then(|process| process.command_args.as_deref()).unwrap_or_default(),
            ),
            user: process.and_then(|process| process.user.as_ref()),
            real_user: process.and_then(|process| process.real_user.as_ref()),
            unit: record.tracego.unit.as_deref(),
            container: record.container.as_ref().map(|container| container.id.as_str()),
            cgroup: process.and_then(|process| Some(process.linux.as_ref()?.cgroup.as_str())),
            claimed_jobs: JOB_NAMES.map(claimed),
            vouched_jobs: JOB_NAMES.map(|name| job?.vouched(name)),
            opened_by: job.and_then(|job| job.opened_by),
        }
    }
}
