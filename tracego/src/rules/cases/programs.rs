//! Go programs: TG003, TG007 to TG013 and TG015.

use super::{Example, clean, finds};
use crate::{
    golang::{Image, Linkage, Module, Packer},
    rules::{
        finding::Severity::{High, Low, Medium},
        place::Profile,
        scene::{COMMIT, Scene, app, go, process},
    },
};

const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba98";

pub(super) fn examples() -> Vec<Example> {
    [commits(), limits(), cpus(), memory(), environment(), linking(), sandbox()]
        .into_iter()
        .flatten()
        .collect()
}

fn commits() -> Vec<Example> {
    let other = || app(9).setting("vcs.revision", OTHER).job("1");
    let module = |path: &'static str| {
        move |scene: Scene| scene.build(|build| build.main.as_mut().unwrap().path = path.into())
    };
    let third = |path: &str| module("github.com/docker/cli")(other().path(path));
    let unstamped = || app(9).setting("vcs.revision", "").setting("vcs.modified", "").job("1");
    let always = "[rules.TG003]\nstamp = \"always\"";
    vec![
        finds("TG003", "mismatch", High, "below the working directory", [other()]),
        finds(
            "TG003",
            "mismatch",
            High,
            "built in the job",
            [go(8, "go build .").job("1"), other().path("/x/server")],
        ),
        finds(
            "TG003",
            "mismatch",
            High,
            "in the checkout of the system",
            [other().path("/builds/a/b/server").env("CI_PROJECT_DIR", "/builds/a/b")],
        ),
        finds(
            "TG003",
            "mismatch",
            High,
            "of the repository",
            [module("github.com/acme/app/v2")(other())
                .path("/opt/server")
                .env("GITLAB_CI", "true")
                .env("CI_PROJECT_URL", "https://github.com/acme/app")],
        ),
        finds("TG003", "mismatch", High, "of a listed module", [third("/usr/local/bin/docker")])
            .configured("[rules.TG003]\nmodules = [\"github.com/docker/*\"]"),
        finds(
            "TG003",
            "mismatch",
            High,
            "a service that is told its commit",
            [app(9)
                .setting("vcs.revision", OTHER)
                .env("GIT_COMMIT", COMMIT)
                .path("/usr/local/bin/server")
                .container()],
        ),
        finds(
            "TG003",
            "mismatch",
            High,
            "--env says the commit",
            [app(9).setting("vcs.revision", OTHER).injected("GIT_COMMIT", &COMMIT[..7])],
        ),
        finds(
            "TG003",
            "modified",
            Medium,
            "changed files in a job",
            [app(9).setting("vcs.modified", "true").job("1")],
        ),
        finds(
            "TG003",
            "modified",
            High,
            "changed files in production",
            [app(9).setting("vcs.modified", "true").container()],
        ),
        finds("TG003", "unstamped", Medium, "where the configuration wants it", [unstamped()])
            .configured(always),
        finds("TG003", "unstamped", Medium, "in production", [unstamped().without("CI_JOB_ID").container()])
            .configured("[rules.TG003]\nstamp = \"production\""),
        finds(
            "TG003",
            "mismatch",
            High,
            "a service of a forge's module",
            [module("github.com/acme/app")(app(9).setting("vcs.revision", OTHER).env("GIT_COMMIT", COMMIT))
                .path("/usr/bin/app")
                .container()],
        ),
        clean(
            "TG003",
            "a helper of a service that is told its commit",
            [module("github.com/acme/tool")(app(9).setting("vcs.revision", OTHER).env("GIT_COMMIT", COMMIT))
                .path("/usr/bin/tool")
                .container()
                .process(|process| process.vpid = Some(12))],
        ),
        clean("TG003", "the commit", [app(9).job("1")]),
        clean("TG003", "abbreviated", [app(9).job("1").env("GIT_COMMIT", &COMMIT[..9])]),
        clean("TG003", "in capitals", [app(9).job("1").env("GIT_COMMIT", &COMMIT.to_uppercase())]),
        clean("TG003", "a branch instead of a commit", [other().env("GIT_COMMIT", "main")]),
        clean("TG003", "too short to be one", [other().env("GIT_COMMIT", "abc12")]),
        clean("TG003", "docker in a job", [third("/usr/bin/docker")]),
        clean("TG003", "docker installed by hand", [third("/usr/local/bin/docker")]),
        clean(
            "TG003",
            "a tool beside the module",
            [
                go(8, "go build .").job("1"),
                module("sigs.k8s.io/kustomize/v5")(other().path("/home/me/app/bin/kustomize")),
            ],
        ),
        clean(
            "TG003",
            "a tool of another repository in the checkout",
            [third("/home/me/app/bin/docker")
                .env("GITLAB_CI", "true")
                .env("CI_PROJECT_URL", "https://gitlab.com/acme/app")],
        ),
        clean(
            "TG003",
            "a tool in GOPATH",
            [module("honnef.co/go/tools")(other()).path("/root/go/bin/staticcheck")],
        ),
        clean(
            "TG003",
            "an installed version of a module",
            [other().build(|build| {
                build.main =
                    Some(Module { path: "example.com/app".into(), sum: "h1:x".into(), ..Module::default() });
            })],
        ),
        clean(
            "TG003",
            "what go run made",
            [other().path("/tmp/go-build1/b001/exe/server").below(&go(8, "go run .").job("1"))],
        ),
        clean("TG003", "the go command", [go(9, "go build .").job("1")]),
        clean("TG003", "no commit is claimed", [app(9).setting("vcs.revision", OTHER)]),
        clean("TG003", "changed files at a terminal", [app(9).setting("vcs.modified", "true").terminal()]),
        clean("TG003", "unstamped, as images are", [unstamped()]),
        clean("TG003", "no module", [unstamped().build(|build| build.main = None)]).configured(always),
        clean("TG003", "Go 1.17", [unstamped().build(|build| build.version = "go1.17".into())])
            .configured(always),
    ]
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
        clean("TG007", "a job", [app(9).nofile(1024, 1024).container().job("1")]),
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
    let uncounted = |scene: Scene| {
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

fn environment() -> Vec<Example> {
    let service = || app(9).container();
    vec![
        finds("TG009", "missing", Medium, "in production", [app(9)]).under(Profile::Production),
        finds("TG009", "missing", Low, "APP_ENV", [service()]),
        finds("TG009", "empty", Low, "APP_ENV is empty", [service().env("APP_ENV", "")]),
        finds("TG009", "missing", Low, "the configured list", [service().env("A", "1")])
            .configured("[rules.TG009]\nrequired = [\"A\", \"B\"]"),
        clean("TG009", "set", [service().env("APP_ENV", "production")]),
        clean("TG009", "a job", [service().job("1")]),
        clean("TG009", "a terminal", [app(9).terminal()]),
        clean(
            "TG009",
            "the environment was cut",
            [service().own(|own| own.completeness.truncated.push("process.environment_variable"))],
        ),
        clean("TG009", "nothing is required", [service()]).configured("[rules.TG009]\nrequired = []"),
        clean("TG009", "a shell of the container", [process(9, "/bin/sh", "sh").container()]),
        finds("TG010", "no-service-name", Low, "no name", [service()]),
        finds(
            "TG010",
            "no-service-name",
            Low,
            "other attributes",
            [service().env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=x,service.name=")],
        ),
        finds("TG010", "no-trace-context", Low, "a job that has to", [app(9).job("1")])
            .configured("[rules.TG010]\ntrace-context = true"),
        clean("TG010", "a name", [service().env("OTEL_SERVICE_NAME", "api")]),
        clean(
            "TG010",
            "a name among attributes",
            [service().env("OTEL_RESOURCE_ATTRIBUTES", "a=b, service.name=api")],
        ),
        clean("TG010", "a job that need not", [app(9).job("1")]),
        clean("TG010", "a job with a trace", [app(9).job("1").env("TRACEPARENT", "00-1-1-00")])
            .configured("[rules.TG010]\ntrace-context = true"),
        clean("TG010", "a terminal", [app(9).terminal()]),
    ]
}

fn linking() -> Vec<Example> {
    let service = || app(9).container();
    let dynamic = |scene: Scene| {
        scene.elf(|elf| {
            elf.linkage = Linkage::Dynamic;
            elf.needed = vec!["libc.so.6".into()];
        })
    };
    let packed = |scene: Scene| scene.elf(|elf| elf.packer = Some(Packer::Upx)).with_go(None);
    vec![
        finds("TG011", "libraries", Low, "libc", [dynamic(service())]),
        finds("TG011", "loader", Low, "PIE", [service().elf(|elf| elf.linkage = Linkage::Dynamic)]),
        clean("TG011", "static", [service()]),
        clean("TG011", "no production", [dynamic(app(9))]),
        clean("TG011", "not Go", [dynamic(service()).with_go(None)]),
        clean(
            "TG011",
            "a program of the system",
            [dynamic(app(9)).path("/usr/bin/dockerd").unit("d.service")],
        ),
        finds("TG012", "race", High, "in production", [service().setting("-race", "true")])
            .under(Profile::Production),
        finds("TG012", "race", Medium, "-race", [service().setting("-race", "true")]),
        finds("TG012", "sanitizer", Medium, "-asan", [service().setting("-asan", "true")]),
        finds("TG012", "coverage", Medium, "-cover", [service().setting("-cover", "true")]),
        finds("TG012", "unoptimised", Medium, "-N -l", [service().setting("-gcflags", "all=-N -l")]),
        finds("TG012", "symbols", Low, "a symbol table", [service().elf(|elf| elf.stripped = false)]),
        clean("TG012", "stripped", [service()]),
        clean("TG012", "-race is off", [service().setting("-race", "false")]),
        clean("TG012", "other -gcflags", [service().setting("-gcflags", "-m -live")]),
        clean("TG012", "a job", [service().setting("-race", "true").job("1")]),
        finds("TG013", "upx", Medium, "in a container", [packed(service())]),
        finds("TG013", "upx", Medium, "in a service", [packed(app(9)).unit("api.service")]),
        clean("TG013", "as the linker made it", [service()]),
        clean("TG013", "no production", [packed(app(9))]),
        clean("TG013", "what could not be read", [process(9, "/app", "app").container()]),
    ]
}

fn sandbox() -> Vec<Example> {
    let service = || app(9).container();
    vec![
        finds("TG015", "capabilities", High, "sys_admin", [service().capabilities(&["chown", "sys_admin"])]),
        finds("TG015", "capabilities", High, "of the configuration", [service().capabilities(&["net_raw"])])
            .configured("[rules.TG015]\ncapabilities = [\"net_raw\"]"),
        finds("TG015", "seccomp", Medium, "no filter", [service().own(|own| own.seccomp = Some("off"))]),
        finds(
            "TG015",
            "new-privileges",
            Low,
            "no_new_privs",
            [service().own(|own| own.no_new_privs = Some(false))],
        ),
        clean("TG015", "all is well", [service()]),
        clean(
            "TG015",
            "what runtimes give",
            [service().capabilities(&["chown", "kill", "net_bind_service"])],
        ),
        clean(
            "TG015",
            "a user namespace of its own",
            [service()
                .capabilities(&["sys_admin"])
                .own(|own| own.namespace.as_mut().unwrap().user = 4_026_532_000)],
        ),
        clean(
            "TG015",
            "no container",
            [app(9).capabilities(&["sys_admin"]).own(|own| own.seccomp = Some("off"))],
        ),
        clean(
            "TG015",
            "not known",
            [service().own(|own| {
                own.seccomp = None;
                own.no_new_privs = None;
                own.capability = None;
            })],
        ),
        clean(
            "TG015",
            "not Go",
            [process(9, "/bin/sh", "sh")
                .container()
                .with_image(Image::default())
                .capabilities(&["sys_admin"])],
        ),
    ]
}
