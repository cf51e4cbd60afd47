//! Limits, CPUs and memory of Go programs: TG007 and TG008.

use tracego_golang::Module;
use tracego_model::finding::Severity::{High, Low, Medium};

use super::{Example, clean, finds};
use crate::rules::{
    place::Profile,
    test_process::{TestProcess, app, go, process},
};

pub(super) fn examples() -> Vec<Example> {
    [limits(), cpus(), memory()].into_iter().flatten().collect()
}

fn limits() -> Vec<Example> {
    let service = || app(9).unit("api.service");
    vec![
        finds("TG007", "open-files", Medium, "hard and soft", [service().nofile(1024, 4096)]),
        finds(
            "TG007",
            "open-files",
            Medium,
            "Go 1.18 does not raise it",
            [service().nofile(1024, 1 << 20).build(|build| build.version = "go1.18.10".into())],
        ),
        finds("TG007", "open-files", Medium, "below the configuration", [service().nofile(65_536, 65_536)])
            .configured("[rules.TG007]\nnofile = 100000"),
        finds(
            "TG007",
            "open-files",
            Low,
            "at a terminal in a container",
            [app(9).container().terminal().nofile(9, 9)],
        ),
        finds("TG007", "open-files", Medium, "by profile", [app(9).nofile(1024, 1024)])
            .under(Profile::Production),
        finds("TG007", "open-files-soft", Low, "systemd's default", [service().nofile(1024, 524_288)]),
        finds("TG007", "other-limit", Medium, "nproc", [service().rlimit("nproc", 100, 100)])
            .configured("[rules.TG007]\nlimits = { nproc = 4096 }"),
        clean("TG007", "enough", [service().nofile(65_536, 65_536)]),
        clean("TG007", "unlimited", [service().nofile(u64::MAX, u64::MAX)]),
        clean("TG007", "no production", [app(9).nofile(1024, 1024)]),
        clean("TG007", "a job", [app(9).nofile(1024, 1024).container().part_of_job("1")]),
        finds(
            "TG007",
            "open-files",
            Medium,
            "a program that claims a job by itself",
            [app(9).nofile(1024, 1024).container().env("CI", "1")],
        ),
        clean("TG007", "by profile", [app(9).nofile(1024, 1024).container()]).under(Profile::Developer),
        clean("TG007", "not Go", [process(9, "/opt/db", "db").unit("db.service").nofile(1024, 1024)]),
        clean("TG007", "a program of the system", [service().nofile(1024, 4096).path("/usr/bin/containerd")]),
        clean(
            "TG007",
            "a probe in a container",
            [app(9).container().process(|process| process.vpid = Some(31)).parent("runc").nofile(1024, 1024)],
        ),
        clean(
            "TG007",
            "a test",
            [app(9).unit("api.service").nofile(9, 9).path("/x/app.test").args("x -test.v=true").build(
                |build| {
                    build.path = "example.com/app.test".into();
                },
            )],
        ),
        clean("TG007", "a limit that is not named", [service().rlimit("nproc", 100, 100)]),
    ]
}

fn cpus() -> Vec<Example> {
    let old = || app(9).unit("api.service").build(|build| build.version = "go1.24.11".into());
    let new = || app(9).unit("api.service");
    let uncounted = |scene: TestProcess| {
        scene.limits(Some(2000), None).around(|around| around.limits.as_mut().unwrap().cpus = 0)
    };
    let library = Module { path: "go.uber.org/automaxprocs".into(), ..Module::default() };
    vec![
        finds("TG008", "quota-ignored", Medium, "Go 1.24", [old().limits(Some(2500), None)]),
        finds(
            "TG008",
            "quota-ignored",
            Low,
            "no production",
            [app(9).build(|build| build.version = "go1.21.13".into()).limits(Some(1000), None)],
        ),
        finds(
            "TG008",
            "quota-ignored",
            Medium,
            "an old go line",
            [new()
                .setting("DefaultGODEBUG", "containermaxprocs=0,updatemaxprocs=0")
                .limits(Some(2000), None)],
        ),
        finds(
            "TG008",
            "quota-ignored",
            Medium,
            "turned off",
            [new().env("GODEBUG", "containermaxprocs=0").limits(Some(2000), None)],
        ),
        finds(
            "TG008",
            "quota-ignored",
            Medium,
            "GOMAXPROCS that Go ignores",
            [old().env("GOMAXPROCS", "x").limits(Some(2000), None)],
        ),
        finds(
            "TG008",
            "above-quota",
            Medium,
            "more than the quota",
            [new().env("GOMAXPROCS", "8").limits(Some(2000), None)],
        ),
        finds(
            "TG008",
            "below-quota",
            Low,
            "less than half",
            [new().env("GOMAXPROCS", "1").limits(Some(4000), None)],
        ),
        clean(
            "TG008",
            "Go 1.25",
            [new().build(|build| build.version = "go1.25.0".into()).limits(Some(2000), None)],
        ),
        clean("TG008", "no quota", [old().limits(None, None)]),
        clean("TG008", "a quota of all CPUs", [old().limits(Some(8000), None)]),
        clean(
            "TG008",
            "a library follows it",
            [old().build(|build| build.dependencies.push(library)).limits(Some(2000), None)],
        ),
        clean("TG008", "set to it", [old().env("GOMAXPROCS", "3").limits(Some(2500), None)]),
        clean(
            "TG008",
            "two under a quota of half a CPU, as Go has it",
            [old().env("GOMAXPROCS", "2").limits(Some(500), None)],
        ),
        clean(
            "TG008",
            "turned on again",
            [new()
                .setting("DefaultGODEBUG", "containermaxprocs=0")
                .env("GODEBUG", "containermaxprocs=1")
                .limits(Some(2000), None)],
        ),
        clean(
            "TG008",
            "a version that is no release",
            [new().build(|build| build.version = "devel go1.28-abc".into()).limits(Some(2000), None)],
        ),
        clean(
            "TG008",
            "the go command",
            [go(9, "go build .").build(|build| build.version = "go1.21.0".into()).limits(Some(2000), None)],
        ),
        finds(
            "TG008",
            "above-quota",
            Medium,
            "CPUs that could not be counted",
            [uncounted(new().env("GOMAXPROCS", "8"))],
        ),
        clean("TG008", "CPUs that could not be counted", [uncounted(old())]),
        clean("TG008", "no more than the quota, CPUs not counted", [uncounted(new().env("GOMAXPROCS", "2"))]),
        clean(
            "TG008",
            "the environment was not read",
            [old()
                .own(|own| own.completeness.unavailable.push("process.environment_variable"))
                .limits(Some(2000), None)],
        ),
    ]
}

fn memory() -> Vec<Example> {
    let limited = |value: &str| app(9).unit("a.service").env("GOMEMLIMIT", value).limits(None, Some(1 << 30));
    let required = "[rules.TG008]\nrequire-gomemlimit = true";
    vec![
        finds("TG008", "memory-above-limit", High, "2 GiB of 1", [limited("2GiB")]),
        finds("TG008", "memory-headroom", Low, "all of it", [limited("1024MiB")]),
        finds("TG008", "memory-headroom", Low, "nearly all of it", [limited("980MiB")]),
        finds("TG008", "memory-unset", Low, "not set", [limited("")]).configured(required),
        finds("TG008", "memory-malformed", Medium, "no number", [limited("1GB")]),
        clean("TG008", "nine tenths", [limited("920MiB")]),
        clean("TG008", "off", [limited("off")]),
        clean("TG008", "not set and not asked for", [limited("")]),
        clean("TG008", "no limit", [app(9).env("GOMEMLIMIT", "2GiB").limits(None, None)]),
        clean(
            "TG008",
            "a library sets it",
            [limited("").build(|build| {
                let path = "github.com/KimMachineGun/automemlimit".into();
                build.dependencies.push(Module { path, ..Module::default() });
            })],
        )
        .configured(required),
        clean(
            "TG008",
            "Go 1.18 does not know it",
            [limited("1GB").build(|build| build.version = "go1.18".into())],
        ),
    ]
}
