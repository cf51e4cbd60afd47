//! Go programs: TG009 to TG013 and TG015.

use tracego_golang::{Image, Linkage, Module, Packer};
use tracego_model::finding::Severity::{High, Low, Medium};

use super::{Example, clean, finds};
use crate::rules::{
    place::Profile,
    test_process::{TestProcess, app, process},
};

pub(super) fn examples() -> Vec<Example> {
    [environment(), linking(), sandbox()].into_iter().flatten().collect()
}

fn environment() -> Vec<Example> {
    let service = || app(9).container();
    let traced = |scene: TestProcess, module: &str| {
        let module = Module { path: module.to_owned(), version: "v1.40.0".into(), ..Module::default() };
        scene.build(|build| build.dependencies.push(module))
    };
    let sdk = || traced(service(), "go.opentelemetry.io/otel/sdk");
    vec![
        finds("TG009", "missing", Medium, "in production", [app(9)]).under(Profile::Production),
        finds("TG009", "missing", Low, "APP_ENV", [service()]),
        finds("TG009", "empty", Low, "APP_ENV is empty", [service().env("APP_ENV", "")]),
        finds("TG009", "missing", Low, "the configured list", [service().env("A", "1")])
            .configured("[rules.TG009]\nrequired = [\"A\", \"B\"]"),
        clean("TG009", "set", [service().env("APP_ENV", "production")]),
        clean("TG009", "a job", [service().part_of_job("1")]),
        clean("TG009", "a terminal", [app(9).terminal()]),
        clean(
            "TG009",
            "the environment was cut",
            [service().own(|own| own.completeness.truncated.push("process.environment_variable"))],
        ),
        clean("TG009", "nothing is required", [service()]).configured("[rules.TG009]\nrequired = []"),
        clean("TG009", "a shell of the container", [process(9, "/bin/sh", "sh").container()]),
        finds(
            "TG010",
            "no-service-name",
            Low,
            "no name",
            [traced(service(), "go.opentelemetry.io/otel/sdk")],
        ),
        finds(
            "TG010",
            "no-service-name",
            Low,
            "metrics alone",
            [traced(service(), "go.opentelemetry.io/otel/sdk/metric")],
        ),
        clean("TG010", "a program without OpenTelemetry", [service()]),
        clean("TG010", "the API alone", [traced(service(), "go.opentelemetry.io/otel/trace")]),
        clean("TG010", "a module with a longer name", [traced(service(), "go.opentelemetry.io/otel/sdkx")]),
        finds(
            "TG010",
            "no-service-name",
            Low,
            "other attributes",
            [sdk().env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=x,service.name=")],
        ),
        finds("TG010", "no-trace-context", Low, "a job that has to", [app(9).job("1")])
            .configured("[rules.TG010]\ntrace-context = true"),
        clean("TG010", "a name", [sdk().env("OTEL_SERVICE_NAME", "api")]),
        clean(
            "TG010",
            "a name among attributes",
            [sdk().env("OTEL_RESOURCE_ATTRIBUTES", "a=b, service.name=api")],
        ),
        clean("TG010", "a job that need not", [app(9).job("1")]),
        clean("TG010", "a job with a trace", [app(9).job("1").env("TRACEPARENT", "00-1-1-00")])
            .configured("[rules.TG010]\ntrace-context = true"),
        clean("TG010", "a terminal", [app(9).terminal()]),
    ]
}

fn linking() -> Vec<Example> {
    let service = || app(9).container();
    let dynamic = |scene: TestProcess| {
        scene.elf(|elf| {
            elf.linkage = Linkage::Dynamic;
            elf.needed = vec!["libc.so.6".into()];
        })
    };
    let packed = |scene: TestProcess| scene.elf(|elf| elf.packer = Some(Packer::Upx)).with_go(None);
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
        clean("TG012", "a job", [service().setting("-race", "true").part_of_job("1")]),
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
