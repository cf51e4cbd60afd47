//! Made-up processes for the tests of rules: a record as the enrichment makes it, and the further input of
//! rules.

mod evaluation;
mod setters;

use std::{collections::BTreeMap, sync::Arc};

use tracego_common::{TaskId, event::Rlimit};
use tracego_golang::{Build, Elf, Image, Linkage, Module, task::GoTask};
use tracego_model::{
    input::facts::{GoMod, Surroundings},
    linux::users::User,
    record::{
        self, Executable, LinuxCgroup, Log, Origin, Own, Process, Record,
        linux::{Capabilities, Namespaces, Rlimits},
    },
};

use super::{Rules, settings::RuleSettings};
use crate::enrich::pods::KnownPod;

/// A container id.
pub(super) const CONTAINER: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// The commit of the jobs in these tests.
pub(super) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A process that starts a program.
#[derive(Clone)]
pub(super) struct TestProcess {
    pub id: TaskId,
    record: Record,
    env: BTreeMap<Arc<str>, String>,
    job: Option<(TaskId, BTreeMap<Arc<str>, String>)>,
    injected: Vec<(String, String)>,
    pod: Option<Arc<KnownPod>>,
    image: Option<Image>,
    above: GoTask,
    surroundings: Option<Surroundings>,
}

/// Creates a program start with the process id `pid`, of an executable without an image.
pub(super) fn process(pid: u32, path: &str, args: &str) -> TestProcess {
    let id = TaskId { tgid: pid, pad: 0, start_boottime: u64::from(pid) * 1000 };
    let process = Process {
        pid,
        command_args: Some(args.split_whitespace().map(str::to_owned).collect()),
        executable: Some(Executable {
            path: path.to_owned(),
            name: path.rsplit('/').next().unwrap().to_owned(),
            build_id: None,
            elsewhere: false,
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
        brief: None,
        brief_pod: None,
        is_lean: false,
        schema: record::SCHEMA,
        schema_url: record::SCHEMA_URL,
        event_name: record::event_name::START,
        timestamp: tracego_model::clock::Time(0),
        observed_timestamp: tracego_model::clock::Time(0),
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
    let (above, env) = (GoTask::default(), BTreeMap::new());
    let scene = TestProcess {
        id,
        record,
        env,
        job: None,
        injected: Vec::new(),
        pod: None,
        image: None,
        above,
        surroundings: None,
    };
    scene.env("HOME", "/home/me")
}

/// Creates an execution of the go command with this command line, with a go.mod in force.
pub(super) fn go(pid: u32, args: &str) -> TestProcess {
    let build = Build { version: "go1.27.3".into(), path: "cmd/go".into(), ..Build::default() };
    let image = Image { go: Some(build), elf: Some(Elf::default()), ..Image::default() };
    let go_mod =
        GoMod { path: "/home/me/app/go.mod".into(), module: "example.com/app".into(), ..GoMod::default() };
    process(pid, "/usr/local/go/bin/go", args)
        .with(|scene| scene.image = Some(image))
        .around(|around| around.go_mod = Some(go_mod))
}

/// Creates a program that Go 1.27 built from `example.com/app` at [`COMMIT`]: static and stripped.
pub(super) fn app(pid: u32) -> TestProcess {
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
    tracego_model::record::exec_id("boot", id)
}

/// Creates rules with a configuration and a profile.
pub(super) fn rules(configuration: &str, profile: super::place::Profile) -> Rules {
    let mut settings = RuleSettings::default();
    settings.read(&configuration.parse().unwrap()).unwrap();
    settings.profile = profile;
    Rules::new(settings)
}
