//! Go source, and source in other languages.

use super::{GO_MOD, finds};

#[track_caller]
fn program(body: &str, wanted: &[&str]) {
    let text = format!("package main\n\nfunc main() {{\n{body}\n}}\n");
    let wanted: Vec<String> = wanted.iter().map(|found| format!("main.go:{found}")).collect();
    finds(&[GO_MOD, ("main.go", &text)], &wanted.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn calls_of_go_programs() {
    program("\texec.Command(\"go\", \"run\", target)", &["4 TG001 local high"]);
    program("\texec.CommandContext(ctx, \"go\", \"run\", \"main.go\").Run()", &["4 TG001 file high"]);
    program(
        "\texec.Command(\n\t\t\"go\",\n\t\t\"run\", // why\n\t\t\"main.go\",\n\t)",
        &["5 TG001 file high"],
    );
    program("\texec.Command(\"bash\", \"-c\", \"go run ./x | sort\")", &["4 TG001 local high"]);
    program(
        "\targs := append([]string{\"run\"}, pkgs...)\n\texec.Command(\"go\", args...)",
        &["5 TG001 local high"],
    );
    program(
        "\targs := []string{\"run\", \"-v\", \".\"}\n\texec.Command(\"go\", args...)",
        &["5 TG001 local high"],
    );
    program("\tname := \"go\"\n\texec.Command(name, \"run\", \".\")", &["5 TG001 local high"]);
    program("\tctr.WithExec([]string{\"go\", \"run\", \"main.go\"})", &["4 TG001 file high"]);
    program("\tg, err := exec.LookPath(\"go\")\n\texec.Command(g, \"run\", \".\")", &["5 TG001 local high"]);
    program(
        "\tc := &exec.Cmd{Path: \"/usr/bin/go\", Args: []string{\"go\", \"run\", \".\"}}",
        &["4 TG001 local high"],
    );
    program(
        "\ta := []string{\"go\", \"run\", \".\"}\n\texec.Command(a[0], a[1:]...)",
        &["5 TG001 local high"],
    );
    program("\texec.Command(\"sh\", \"-c\", \"cd x && \"+\"go run ./y\")", &["4 TG001 local high"]);
    program("\texec.Command(\"sh\", \"-c\", fmt.Sprintf(\"go run ./%s\", p))", &["4 TG001 local high"]);
    program("\texec.Command(`go`, `run`, `.`)", &["4 TG001 local high"]);
    program("\tsyscall.Exec(path, env, x)\n\tos.StartProcess(\"/usr/bin/go\", argv, nil)", &[]);
}

#[test]
fn what_go_source_only_mentions() {
    for body in [
        "\t// exec.Command(\"go\", \"run\", \".\")",
        "\tfmt.Printf(\"%s is stale; run go run ./tools/skillgen\", name)",
        "\tworkflow := `steps:\n- run: go run .\n`",
        "\texec.Command(\"go\", \"build\", \".\")",
        "\tcases := []string{\"go\", \"run\"}",
        "\tlog.Print(\"go\", \"run\")",
        "\texec.Command(name, args...)",
        "\tbus.Command(\"go\", \"run\", \"x\")",
    ] {
        program(body, &[]);
    }
}

#[test]
fn tests_and_helpers_are_less() {
    let text = "package x\n\nfunc TestX(t *testing.T) {\n\texec.Command(\"go\", \"run\", \"x.go\")\n}\n";
    finds(&[GO_MOD, ("x_test.go", text)], &["x_test.go:4 TG001 file low"]);
    let text =
        "//go:build ignore\n\npackage main\n\nfunc main() {\n\texec.Command(\"go\", \"run\", \"x.go\")\n}\n";
    finds(&[GO_MOD, ("gen.go", text)], &["gen.go:6 TG001 file low"]);
}

#[test]
fn directives() {
    let generate = |line: &str| format!("package x\n\n//go:generate {line}\n");
    finds(&[GO_MOD, ("x.go", &generate("go run golang.org/x/tools/cmd/stringer -type=X"))], &[]);
    finds(&[GO_MOD, ("x.go", &generate("go run github.com/x/y@latest"))], &["x.go:3 TG001 unpinned medium"]);
    let strict =
        super::report(&[GO_MOD, ("x.go", &generate("go run ./gen"))], |options| options.is_strict = true);
    assert_eq!(strict.findings.len(), 1);
    assert_eq!(
        (strict.findings[0].case.variant, strict.findings[0].case.severity.name()),
        ("generate", "low")
    );
    finds(&[("x.go", "package x\n\nvar s = `\n\t//go:generate go run github.com/x/y@latest\n`\n")], &[]);
    finds(
        &[("x.go", "//usr/bin/env go run \"$0\" \"$@\"; exit\npackage main\n")],
        &["x.go:1 TG001 local medium"],
    );
}

#[test]
fn other_languages() {
    for (path, text) in [
        ("x.py", "import subprocess\nsubprocess.run([\"go\", \"run\", \"build/ci.go\"])\n"),
        ("x.py", "import os\nos.system(\"go run build/ci.go\")\n"),
        ("x.js", "const {spawn} = require('child_process')\nspawn(\"go\", [\"run\", \"build/ci.go\"])\n"),
        ("x.ts", "import {execSync} from 'x'\nexecSync(`go run build/ci.go ${x}`)\n"),
        ("x.rb", "require 'x'\nsystem('go', 'run', 'build/ci.go')\n"),
    ] {
        finds(&[GO_MOD, (path, text)], &[&format!("{path}:2 TG001 file low")]);
    }
    let several = "import subprocess\nsubprocess.run([\n  \"go\",\n  \"run\",\n  \"build/ci.go\",\n])\n";
    finds(&[GO_MOD, ("x.py", several)], &["x.py:3 TG001 file low"]);
    for (path, text) in [
        ("x.py", "# subprocess.run([\"go\", \"run\"])\nprint(\"go run x.go\")\n"),
        ("y.js", "/x/.exec('go run x.go')\n"),
        ("x.js", "// spawn('go', ['run'])\nconsole.log('go run x.go')\n"),
    ] {
        finds(&[GO_MOD, (path, text)], &[]);
    }
}
