//! Running services: TG006, TG017 and TG018.

use tracego_model::{
    finding::Severity::{self, High, Low, Medium},
    input::facts::{Listening, OtherInstance, Pidfile, PidfileState, Probe, ServiceState},
};

use super::Example;
use crate::rules::test_process::{TestProcess, app, go};

pub(super) fn examples() -> Vec<Example> {
    [pidfiles(), instances(), health()].into_iter().flatten().collect()
}

fn service(rule: &'static str, what: &'static str, state: ServiceState) -> Example {
    Example::new(rule, what, move |rules| {
        let state = ServiceState { pid: 9, age_ms: 60_000, ..state.clone() };
        app(9).unit("api.service").service(rules, &state)
    })
}

/// Creates an example of a process without a pidfile that is no service.
fn bare(what: &'static str, scene: TestProcess) -> Example {
    Example::new("TG006", what, move |rules| {
        scene.service(rules, &ServiceState { pid: 9, age_ms: 60_000, ..ServiceState::default() })
    })
}

fn found(variant: &'static str, severity: Severity, example: Example) -> Example {
    Example { wanted: Some((variant, severity)), ..example }
}

fn pidfiles() -> Vec<Example> {
    use PidfileState::{Duplicate, Foreign, Missing, Stale, Unlocked, Valid};
    let of = |what, states: &[PidfileState]| {
        let file = |(n, state): (usize, &PidfileState)| Pidfile {
            path: format!("/run/api-{n}.pid"),
            state: *state,
            pid: Some(9),
            ..Pidfile::default()
        };
        let pidfiles = states.iter().enumerate().map(file).collect();
        service("TG006", what, ServiceState { pidfiles, ..ServiceState::default() })
    };
    let unread = ServiceState {
        unavailable: [("/run/api.pid".to_owned(), "EACCES".to_owned())].into(),
        ..ServiceState::default()
    };
    let other = ServiceState {
        unavailable: [("listening".to_owned(), "EACCES".to_owned())].into(),
        ..ServiceState::default()
    };
    let missing = || of("not there", &[Missing]);
    vec![
        found("missing", Medium, of("none at all", &[])),
        found("missing", Medium, missing()),
        found("missing", Medium, service("TG006", "something else could not be read", other)),
        found("stale", Medium, of("older", &[Missing, Stale])),
        found("foreign", High, of("another process", &[Stale, Foreign])),
        found("duplicate", Low, of("two", &[Valid, Duplicate])),
        found("unlocked", Low, of("not locked", &[Foreign, Unlocked])),
        of("as it should be", &[Valid]),
        of("an old one beside it", &[Valid, Stale, Missing]),
        service("TG006", "could not be read", unread),
        bare("a shell's program", app(9)),
        bare(
            "a tool at a desktop",
            app(9).unit("gopls.service").process(|process| {
                process.linux.as_mut().unwrap().cgroup = "/user.slice/user-1000.slice/gopls.service".into();
            }),
        ),
        bare("a program of the system", app(9).path("/usr/bin/dockerd").unit("dockerd.service")),
        bare("what a container engine runs for itself", app(9).unit("docker.service")),
        bare("a linter that runs for long in a job", app(9).container().part_of_job("1")),
        bare(
            "a test",
            app(9).container().path("/tmp/app.test").args("x -test.v=true").build(|build| {
                build.path = "example.com/app.test".into();
            }),
        ),
        bare("the go command", go(9, "go build .").container()),
        found("missing", Low, bare("one that the configuration names", app(9)))
            .configured("[rules.TG006]\nservices = [{ path = \"/home/me/**\" }]"),
        missing().configured("[rules.TG006]\nexcept = [{ unit = \"api.*\" }]"),
    ]
}

fn instances() -> Vec<Example> {
    let of = |what, shared: &[&str]| {
        let shared = shared.iter().map(|what| (*what).to_owned()).collect();
        let others = vec![OtherInstance { pid: 10, start_boottime: 1, shared }];
        service("TG017", what, ServiceState { others, ..ServiceState::default() })
    };
    vec![
        found("shared", High, of("a pidfile", &["executable", "pidfile"])),
        found("shared", High, of("a port and a folder", &["executable", "folder", "port"])),
        of("the executable alone", &["executable"]),
        of("a folder of two programs", &["folder"]),
        service("TG017", "alone", ServiceState::default()),
    ]
}

fn health() -> Vec<Example> {
    let of = |what, answers: &[Option<u16>]| {
        let probe = |(n, status): (usize, &Option<u16>)| Probe {
            port: 8080,
            path: ["/healthz", "/metrics"][n % 2].into(),
            status: *status,
        };
        let listening = vec![Listening { transport: "tcp".into(), address: "::".into(), port: 8080 }];
        let probes = answers.iter().enumerate().map(probe).collect();
        service("TG018", what, ServiceState { listening, probes, ..ServiceState::default() })
    };
    vec![
        found("silent", Low, of("neither is there", &[Some(404), Some(404)])),
        found("silent", Low, of("no HTTP", &[None, None])),
        of("healthy", &[Some(200), Some(404)]),
        of("metrics", &[Some(404), Some(200)]),
        of("not ready", &[Some(503), Some(404)]),
        of("behind a login", &[Some(401), Some(404)]),
        of("not asked", &[]),
    ]
}
