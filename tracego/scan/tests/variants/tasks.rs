//! Makefiles, Taskfiles, justfiles, package.json, and who calls them.

use super::{GO_MOD, finds, report};

#[test]
fn a_makefile_alone_says_nothing_about_the_place() {
    for text in [
        "run:\n\tgo run ./cmd/server\n",
        "GO ?= go\nrun:\n\t$(GO) run ./cmd/api serve\n",
        "RUN_COMMAND=go run ./main\nrun:\n\t${RUN_COMMAND}\n",
        "GO := go\nAPP ?= $(GO) run .\nrun:\n\t@$(APP) start\n",
        "run:\n\t-@cd x && \\\n\t  $(GO) run .\n",
        "run: ; go run .\n",
        "define R\ngo run .\nendef\nrun:\n\t$(R)\n",
        "export V := 1\nrun: export X = 2\nrun: a b ## help: go run\n\tgo run -ldflags \"-X main.v=$(V)\" .\n",
        "run:\n\t$(Q)go run ./x\n",
        "run:\n\t$(Q)docker run golang go run ./x\n",
        "run:\n\t$(SUDO) $(GO) run ./x\n",
        "TOOL := go run ./y\nx: ; @$(TOOL) x\n",
        "V := $(shell go run ./version)\n",
        "x:\n\t$(if $(A),go run ./y,true)\n",
        "SRC = a.go \\\n\tb.go \\\n\nrun:\n\tgo run .\n",
        "V := $(shell go run ./version)\nall:\n\techo $(V)\n",
    ] {
        let found = super::found(&[GO_MOD, ("Makefile", text)]);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].ends_with("TG001 local medium"), "{text}: {found:?}");
    }
    finds(
        &[
            GO_MOD,
            (
                "Makefile",
                "run:\n\t# go run .\n\techo go run $@ $< $$PWD\n\t$(ECHO) go run x\n\t$(Q)echo go run x\n",
            ),
        ],
        &[],
    );
}

#[test]
fn callers_decide() {
    let workflow = |run: &str| format!("jobs:\n  a:\n    steps:\n    - run: {run}\n");
    let makefile =
        "all: lint\nlint:\n\tgo run ./lint\nserve:\n\tgo run ./serve\ndeep: serve\nci:\n\t./scripts/ci.sh\n";
    let with = |run: &str, wanted: &[&str]| {
        finds(
            &[
                GO_MOD,
                (".github/workflows/ci.yml", &workflow(run)),
                ("Makefile", makefile),
                ("scripts/ci.sh", "#!/bin/sh\ngo run ./inner\n"),
            ],
            wanted,
        );
    };
    with(
        "make",
        &[
            "Makefile:3 TG001 local high",
            "Makefile:5 TG001 local medium",
            "scripts/ci.sh:2 TG001 local medium",
        ],
    );
    with(
        "make -j2 V=1 deep",
        &[
            "Makefile:3 TG001 local medium",
            "Makefile:5 TG001 local high",
            "scripts/ci.sh:2 TG001 local medium",
        ],
    );
    with(
        "make -C . ci",
        &[
            "Makefile:3 TG001 local medium",
            "Makefile:5 TG001 local medium",
            "scripts/ci.sh:2 TG001 local high",
        ],
    );
    with(
        "bash $CI_PROJECT_DIR/scripts/ci.sh",
        &[
            "Makefile:3 TG001 local medium",
            "Makefile:5 TG001 local medium",
            "scripts/ci.sh:2 TG001 local high",
        ],
    );
    with(
        "cd scripts && ./ci.sh",
        &[
            "Makefile:3 TG001 local medium",
            "Makefile:5 TG001 local medium",
            "scripts/ci.sh:2 TG001 local high",
        ],
    );
    with(
        "bash scripts/ci.sh",
        &[
            "Makefile:3 TG001 local medium",
            "Makefile:5 TG001 local medium",
            "scripts/ci.sh:2 TG001 local high",
        ],
    );
}

#[test]
fn the_way_to_a_command_is_shown() {
    let files = [
        GO_MOD,
        (".gitlab-ci.yml", "build:\n  script: [make ci]\n"),
        ("Makefile", "ci:\n\t./scripts/ci.sh\n"),
        ("scripts/ci.sh", "go run ./x\n"),
    ];
    let report = report(&files, |_| {});
    let finding = &report.findings[0];
    let steps: Vec<String> = finding
        .callers
        .iter()
        .map(|step| format!("{}:{} {}", step.path.rsplit('/').next().unwrap(), step.position.line, step.line))
        .collect();
    assert_eq!(steps, [".gitlab-ci.yml:2 script: [make ci]", "Makefile:2 ./scripts/ci.sh"]);
}

#[test]
fn other_runners_of_tasks() {
    let taskfile = "version: '3'\nvars: {GO: go}\ntasks:\n  a:\n    cmds:\n    - '{{.GO}} run ./x'\n    - task: b\n  b: go run ./y\n  c:\n    cmd: go run {{.PKG}}\n";
    finds(
        &[GO_MOD, ("Taskfile.yml", taskfile), (".gitlab-ci.yml", "x:\n  script: task a\n")],
        &[
            "Taskfile.yml:6 TG001 local high",
            "Taskfile.yml:8 TG001 local high",
            "Taskfile.yml:10 TG001 local medium",
        ],
    );
    let justfile = "go := 'go'\n\nrun port='1': build\n    @{{go}} run . {{port}}\n\nbuild:\n    go run ./gen\n    # go run x\n";
    finds(
        &[GO_MOD, ("justfile", justfile), (".drone.yml", "steps:\n- commands: [just run]\n")],
        &["justfile:4 TG001 local high", "justfile:7 TG001 local high"],
    );
    finds(
        &[GO_MOD, ("package.json", "{\"scripts\": {\n\"start\": \"go run .\",\n\"dev\": \"go run .\"}}\n")],
        &["package.json:2 TG001 local medium"],
    );
    let namespace =
        "//go:build mage\n\npackage main\n\nfunc (Build) All() {\n\tsh.RunV(\"go\", \"run\", \".\")\n}\n";
    finds(
        &[GO_MOD, ("magefile.go", namespace), (".gitlab-ci.yml", "x:\n  script: mage build:all\n")],
        &["magefile.go:6 TG001 local high"],
    );
    let magefile = "//go:build mage\n\npackage main\n\nfunc Run() error {\n\treturn sh.RunV(\"go\", \"run\", \"./cmd/main.go\")\n}\n";
    finds(&[GO_MOD, ("magefile.go", magefile)], &["magefile.go:6 TG001 file medium"]);
    finds(
        &[GO_MOD, ("magefile.go", magefile), (".gitlab-ci.yml", "x:\n  script: mage run\n")],
        &["magefile.go:6 TG001 file high"],
    );
    finds(
        &[
            GO_MOD,
            (
                ".pre-commit-config.yaml",
                "repos:\n- hooks:\n  - entry: go run ./cmd/x\n    language: system\n",
            ),
        ],
        &[".pre-commit-config.yaml:3 TG001 local low"],
    );
    finds(
        &[GO_MOD, ("BUILD.bazel", "genrule(\n  name = \"x\",\n  cmd = \"go run ./x > $@\",\n)\n")],
        &["BUILD.bazel:3 TG001 local low"],
    );
}
