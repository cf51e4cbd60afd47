//! The commits of Go programs: TG003.

use tracego_golang::{Image, Inconsistency, Module};
use tracego_model::{
    finding::Severity::{High, Low, Medium},
    input::facts::Checkout,
};

use super::{Example, clean, finds};
use crate::rules::{
    place::Profile,
    test_process::{COMMIT, TestProcess, app, go, process},
};

const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba98";

pub(super) fn examples() -> Vec<Example> {
    let other = || app(9).setting("vcs.revision", OTHER).job("1");
    let module = |path: &'static str| {
        move |scene: TestProcess| scene.build(|build| build.main.as_mut().unwrap().path = path.into())
    };
    let third = |path: &str| module("github.com/docker/cli")(other().path(path));
    let found =
        |scene: TestProcess| scene.around(|around| around.module_file = Some("/home/me/app/go.mod".into()));
    let checkout = |folder: &str, is_nested, moved_s| {
        Some(Checkout { folder: folder.into(), is_named: false, head: OTHER.into(), moved_s, is_nested })
    };
    let built_in = |checkout: &Option<Checkout>| {
        let checkout = checkout.clone();
        go(8, "go build .").job("1").around(|around| around.checkout = checkout)
    };
    let opener = || process(1, "/bin/sh", "sh -e").with_image(Image::default()).job("1");
    let unstamped = || found(app(9)).setting("vcs.revision", "").setting("vcs.modified", "").job("1");
    let always = "[rules.TG003]\nstamp = \"always\"";
    let patched = |scene: TestProcess| scene.with_inconsistency(Inconsistency::Modules);
    vec![
        finds(
            "TG003",
            "inconsistent",
            Medium,
            "that was patched to fit, in a job",
            [patched(app(9)).job("1")],
        ),
        finds("TG003", "inconsistent", Medium, "that was patched, of nobody's", [patched(other())]),
        finds(
            "TG003",
            "inconsistent",
            High,
            "that was patched, in production",
            [patched(app(9)).container()],
        )
        .under(Profile::Production),
        clean("TG003", "that was patched, at a terminal", [patched(app(9)).terminal()]),
        finds("TG003", "mismatch", High, "of the module in its folder", [found(other())]),
        clean("TG003", "somebody's program below the working directory", [other()]),
        clean(
            "TG003",
            "somebody's tool with a path of its own",
            [module("lantern.dev/lantern")(other())
                .env("GITHUB_ACTIONS", "true")
                .env("GITHUB_SERVER_URL", "https://github.com")
                .env("GITHUB_REPOSITORY", "umbra/kiosk")],
        ),
        clean(
            "TG003",
            "somebody's repository, cloned and built in the job",
            [
                go(8, "go build .").job("1").around(|around| {
                    around.go_mod.as_mut().unwrap().module = "github.com/docker/cli".into();
                }),
                third("/home/me/app/cli")
                    .env("GITLAB_CI", "true")
                    .env("CI_PROJECT_URL", "https://gitlab.com/a/b"),
            ],
        ),
        finds(
            "TG003",
            "mismatch",
            High,
            "built in the job",
            [go(8, "go build .").job("1"), other().path("/x/server")],
        ),
        clean(
            "TG003",
            "built in the job in a repository inside of another one",
            [built_in(&checkout("/home/me/app/third", true, 0)), other().path("/x/server")],
        ),
        clean(
            "TG003",
            "built in the job in another repository than the one that it began in",
            [opener(), built_in(&checkout("/home/me/tool", false, 0)), other().path("/x/server")],
        ),
        clean(
            "TG003",
            "of the module in a folder of a submodule",
            [found(other()).around(|around| around.checkout = checkout("/home/me/app/third", true, 0))],
        ),
        finds(
            "TG003",
            "mismatch",
            High,
            "built in the job in the repository that it began in",
            [opener(), built_in(&checkout("/home/me", false, -1)), other().path("/x/server")],
        ),
        finds(
            "TG003",
            "checked-out",
            Low,
            "of a commit that the job made or checked out",
            [opener(), built_in(&checkout("/home/me", false, i64::MAX)), other().path("/x/server")],
        ),
        finds(
            "TG003",
            "mismatch",
            High,
            "of the module in the checkout",
            [found(other().path("/tmp/server"))],
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
            [found(app(9).setting("vcs.revision", OTHER)).injected("GIT_COMMIT", &COMMIT[..7])],
        ),
        finds(
            "TG003",
            "modified",
            Medium,
            "changed files in a job",
            [found(app(9)).setting("vcs.modified", "true").job("1")],
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
        clean("TG003", "the commit", [found(app(9)).job("1")]),
        clean("TG003", "abbreviated", [found(app(9)).job("1").env("GIT_COMMIT", &COMMIT[..9])]),
        clean("TG003", "in capitals", [found(app(9)).job("1").env("GIT_COMMIT", &COMMIT.to_uppercase())]),
        clean("TG003", "a branch instead of a commit", [found(other()).env("GIT_COMMIT", "main")]),
        clean("TG003", "too short to be one", [found(other()).env("GIT_COMMIT", "abc12")]),
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
            [found(other()).path("/tmp/go-build1/b001/exe/server").below(&go(8, "go run .").job("1"))],
        ),
        clean("TG003", "the go command", [go(9, "go build .").job("1")]),
        clean("TG003", "no commit is claimed", [found(app(9)).setting("vcs.revision", OTHER)]),
        clean(
            "TG003",
            "changed files at a terminal",
            [found(app(9)).setting("vcs.modified", "true").terminal()],
        ),
        clean("TG003", "unstamped, as images are", [unstamped()]),
        clean("TG003", "no module", [unstamped().build(|build| build.main = None)]).configured(always),
        clean("TG003", "Go 1.17", [unstamped().build(|build| build.version = "go1.17".into())])
            .configured(always),
    ]
    .into_iter()
    .chain(pull_requests())
    .collect()
}

/// Builds of pull requests, where several commits are right.
fn pull_requests() -> Vec<Example> {
    const MERGE: &str = "2222222222222222222222222222222222222222";
    const HEAD: &str = "1111111111111111111111111111111111111111";
    let of = |commit: &str| {
        app(9)
            .setting("vcs.revision", commit)
            .around(|around| around.module_file = Some("/home/me/app/go.mod".into()))
    };
    let azure = |commit: &str| {
        of(commit)
            .env("TF_BUILD", "True")
            .env("BUILD_SOURCEVERSION", MERGE)
            .env("SYSTEM_PULLREQUEST_SOURCECOMMITID", HEAD)
    };
    let github = |event: &'static str, commit: &str| {
        of(commit).env("GITHUB_ACTIONS", "true").env("GITHUB_SHA", MERGE).env("GITHUB_EVENT_NAME", event)
    };
    let with_event =
        |scene: TestProcess| scene.around(|around| around.event_commits = vec![HEAD.into(), MERGE.into()]);
    let gitlab = |commit: &str| {
        of(commit)
            .env("GITLAB_CI", "true")
            .env("CI_COMMIT_SHA", MERGE)
            .env("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", HEAD)
            .env("CI_MERGE_REQUEST_IID", "7")
    };
    let prow = of(OTHER).env("PROW_JOB_ID", "u").env("PULL_PULL_SHA", HEAD).env("PULL_NUMBER", "7");
    vec![
        clean("TG003", "the merge commit of Azure", [azure(MERGE)]),
        clean("TG003", "the head of Azure", [azure(HEAD)]),
        finds("TG003", "change", Low, "another commit of Azure", [azure(OTHER)]),
        clean("TG003", "the merge commit of GitLab", [gitlab(MERGE)]),
        clean("TG003", "the head of GitLab", [gitlab(HEAD)]),
        finds("TG003", "change", Low, "another commit of GitLab", [gitlab(OTHER)]),
        clean("TG003", "the merge commit of GitHub", [with_event(github("pull_request", MERGE))]),
        clean("TG003", "the head of GitHub", [with_event(github("pull_request", HEAD))]),
        clean("TG003", "the head of GitHub, with an unreadable event", [github("pull_request", HEAD)]),
        finds("TG003", "change", Low, "another of GitHub", [with_event(github("pull_request", OTHER))]),
        clean("TG003", "what a comment asked for", [github("issue_comment", HEAD)]),
        clean("TG003", "what a dispatch asked for", [with_event(github("workflow_dispatch", HEAD))]),
        finds("TG003", "mismatch", High, "another than was pushed", [github("push", OTHER)]),
        clean("TG003", "a merge on the spot", [prow]),
        finds(
            "TG003",
            "mismatch",
            High,
            "another than --env says",
            [with_event(azure(HEAD)).injected("GIT_COMMIT", MERGE)],
        ),
    ]
}
