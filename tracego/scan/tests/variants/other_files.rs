//! Taskfiles, hooks, package.json, editors, TOML, and files that are not UTF-8.

use super::{GO_MOD, each, finds, found, report};

#[test]
fn taskfiles() {
    let texts = [
        "version: '3'\nvars:\n  V:\n    sh: go run ./version\ntasks: {}\n",
        "version: '3'\ntasks:\n  a:\n    vars: {V: {sh: go run ./version}}\n",
        "version: '3'\ntasks:\n  a:\n    vars: {CMD: go run ./x}\n    cmds: ['{{.CMD}}']\n",
        "version: '3'\ntasks:\n  a:\n    status: [go run ./check]\n",
        "version: '3'\ntasks:\n  a:\n    preconditions:\n    - sh: go run ./check\n      msg: go run it\n",
        "version: '3'\ntasks:\n  a:\n    cmds:\n    - defer: go run ./clean\n",
        "version: '3'\ntasks:\n  a:\n    cmds:\n    - for: [x, y]\n      cmd: go run ./{{.ITEM}}\n",
    ];
    for text in texts {
        let found = found(&[GO_MOD, ("Taskfile.yml", text)]);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].ends_with("TG001 local medium"), "{text}: {found:?}");
    }
    each(
        "Taskfile.yml",
        &[
            "version: '3'\ntasks:\n  a:\n    desc: go run ./x\n    vars: {CMD: go run ./x}\n    cmds: [go vet]\n",
        ],
        &[],
    );
    for includes in [
        "{docs: ./docs}",
        "{docs: {taskfile: docs/Taskfile.yml}}",
        "{docs: {taskfile: ./docs/tasks.yml, dir: docs}}",
    ] {
        let name = if includes.contains("tasks.yml") { "docs/tasks.yml" } else { "docs/Taskfile.yml" };
        finds(
            &[
                GO_MOD,
                (
                    "Taskfile.yml",
                    &format!("version: '3'\nincludes: {includes}\ntasks:\n  ci:\n    deps: ['docs:build']\n"),
                ),
                (name, "version: '3'\ntasks:\n  build: go run ./docs\n  other: go run ./other\n"),
                (".gitlab-ci.yml", "x:\n  script: task ci\n"),
            ],
            &[&format!("{name}:3 TG001 local high"), &format!("{name}:4 TG001 local medium")],
        );
    }
}

#[test]
fn hooks() {
    for (path, text) in [
        (".husky/pre-commit", "go run ./lint\n"),
        (".githooks/pre-push", "go run ./lint\n"),
        (".githooks/pre-push.sh", "go run ./lint\n"),
        ("lefthook.yml", "pre-commit: {commands: {lint: {run: go run ./lint}}}\n"),
        ("lefthook.json", "{\"pre-commit\": {\"commands\": {\"lint\": {\"run\": \"go run ./lint\"}}}}\n"),
        (".pre-commit-config.yaml", "repos: [{hooks: [{id: x, entry: go, args: [run, ./lint]}]}]\n"),
        ("package.json", "{\"husky\": {\"hooks\": {\"pre-commit\": \"go run ./lint\"}}}\n"),
        ("package.json", "{\"lint-staged\": {\"*.go\": [\"go run ./lint\"]}}\n"),
    ] {
        finds(&[GO_MOD, (path, text)], &[&format!("{path}:1 TG001 local low")]);
    }
    finds(&[GO_MOD, ("hooks/data", "go run ./lint\n"), (".husky/_/x.md", "go run ./lint\n")], &[]);
}

#[test]
fn scripts_of_package_json() {
    let package = "{\"scripts\": {\n\"ci\": \"npm run build && npm run build\",\n\"prebuild\": \"go run ./pre\",\n\"build\": \"go run ./build\",\n\"other\": \"go run ./other\"}}\n";
    for (path, line) in [
        ("package.json", "npm run ci"),
        ("package.json", "yarn ci"),
        ("web/package.json", "npm --prefix web run ci"),
        ("web/package.json", "cd web && pnpm ci"),
    ] {
        let pipeline = format!("x:\n  script: {line}\n");
        let high = ["high", "high", "medium"];
        let wanted: Vec<String> = [(3, high[0]), (4, high[1]), (5, high[2])]
            .map(|(line, severity)| format!("{path}:{line} TG001 local {severity}"))
            .to_vec();
        finds(
            &[GO_MOD, (path, package), (".gitlab-ci.yml", &pipeline)],
            &wanted.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    }
    let install = ("x.gitlab-ci.yml", "x:\n  script: npm ci\n");
    assert!(
        found(&[GO_MOD, ("package.json", package), install]).iter().all(|found| found.ends_with("medium"))
    );
    // Each script calls the next one twice.
    let mut chain = String::from("{\"scripts\": {");
    for number in 0..2000 {
        chain.push_str(&format!("\"s{number}\": \"npm run s{0} && npm run s{0} -- x\",\n", number + 1));
    }
    chain.push_str("\"s2000\": \"go run .\"}}");
    let found = found(&[GO_MOD, ("package.json", &chain), (".gitlab-ci.yml", "x:\n  script: npm run s0\n")]);
    assert_eq!(found, ["package.json:2001 TG001 local high"]);
}

#[test]
fn developers_machines_and_their_containers() {
    for (path, text) in [
        (".devcontainer/devcontainer.json", "{// comment\n\"postCreateCommand\": \"go run ./x\",\n}\n"),
        (".devcontainer/api/devcontainer.json", "{\n\"onCreateCommand\": [\"go\", \"run\", \"./x\"]}\n"),
        (".devcontainer.json", "{\n\"postStartCommand\": {\"a\": \"go run ./x\"}}\n"),
    ] {
        finds(&[GO_MOD, (path, text)], &[&format!("{path}:2 TG001 local low")]);
    }
    for (path, text) in [
        (".vscode/tasks.json", "{\"tasks\": [{ // x\n\"command\": \"go\", \"args\": [\"run\", \"./x\"]}]}\n"),
        (".vscode/launch.json", "{\"configurations\": [{\n\"command\": \"go run ./x\"}]}\n"),
        (".air.toml", "[build]\ncmd = \"go run ./x\"\n"),
        ("nodemon.json", "{\n\"exec\": \"go run ./x\"}\n"),
        ("Procfile.dev", "a: x\nweb: go run ./x\n"),
    ] {
        finds(&[GO_MOD, (path, text)], &[]);
        let strict = report(&[GO_MOD, (path, text)], |options| options.is_strict = true);
        let shown: Vec<_> =
            strict.findings.iter().map(|f| (f.path.as_str(), f.start.line, f.case.severity.name())).collect();
        assert_eq!(shown, [(path, 2, "low")]);
    }
}

#[test]
fn tasks_and_platforms_in_toml() {
    let mise = "[tools]\ngo = \"1.24\"\n[tasks.build]\ndescription = \"go run it\"\ndepends = ['gen']\nrun = [\"go vet\", \"go run ./build\"]\n[tasks]\ngen = \"go run ./gen\"\n[tasks.\"db:up\"]\nrun = \"\"\"\nset -e\ngo run ./db\n\"\"\"\n";
    for (path, line) in [("mise.toml", "mise run build"), (".mise.toml", "mise r build")] {
        finds(
            &[GO_MOD, (path, mise), (".gitlab-ci.yml", &format!("x:\n  script: {line}\n"))],
            &[
                &format!("{path}:6 TG001 local high"),
                &format!("{path}:8 TG001 local high"),
                &format!("{path}:12 TG001 local medium"),
            ],
        );
    }
    finds(
        &[
            GO_MOD,
            ("mise-tasks/build", "#!/bin/sh\ngo run ./x\n"),
            (".gitlab-ci.yml", "x:\n  script: mise run build\n"),
        ],
        &["mise-tasks/build:2 TG001 local high"],
    );
    each(
        "fly.toml",
        &[
            "app = \"x\"\n[processes]\nweb = \"go run ./x\"\n",
            "# x\n[deploy]\nrelease_command = 'go run ./x'\n",
        ],
        &["3 TG001 local high"],
    );
    each("netlify.toml", &["[build]\ncommand = \"go run ./x\"\n"], &["2 TG001 local high"]);
    each("Cargo.toml", &["[build]\ncommand = \"go run ./x\"\n"], &[]);
}

#[test]
fn files_in_other_encodings() {
    let text = "# x\ngo run ./x\n";
    let units: Vec<u16> = text.encode_utf16().collect();
    let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    for bytes in [
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        [b"\xff\xfe", little.as_slice()].concat(),
        [b"\xfe\xff", big.as_slice()].concat(),
        little,
        big,
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.ps1"), &bytes).unwrap();
        let options =
            tracego_scan::tree::ScanOptions { paths: vec![folder.path().to_owned()], ..Default::default() };
        let report = tracego_scan::tree::scan(&options).unwrap();
        let shown: Vec<_> =
            report.findings.iter().map(|f| (f.start.line, f.start.column, f.line.as_str())).collect();
        assert_eq!(shown, [(2, 1, "go run ./x")], "{bytes:?}");
    }
}
