//! Files that only look as if they ran something.

use super::{GO_MOD, finds, report};

#[test]
fn files_of_developers_and_documents() {
    for (path, text) in [
        (".air.toml", "cmd = \"go run .\"\n"),
        ("nodemon.json", "{\"exec\": \"go run main.go\"}\n"),
        (".vscode/tasks.json", "{\"command\": \"go run .\"}\n"),
        ("mise.toml", "[hooks]\nenter = \"go run .\"\n"),
        ("Procfile.dev", "web: go run .\n"),
        ("x.fish", "go run .\n"),
        ("README.md", "```sh\ngo run ./cmd/x\n```\n"),
        ("vendor/x/Makefile", "x:\n\tgo run .\n"),
        ("node_modules/x/x.sh", "go run .\n"),
        ("ignored/x.sh", "go run .\n"),
    ] {
        finds(&[GO_MOD, (".gitignore", "ignored/\n"), (path, text)], &[]);
    }
}

#[test]
fn documents_are_read_when_asked() {
    // Lines that only a strict scan reports are none of a document.
    let generate = "package x\n\n//go:generate go run ./gen\n";
    let readme = "# go run\n\n```console\n$ go run ./cmd/x\n```\n\ngo run it\n";
    let files = [GO_MOD, ("README.md", readme), ("x.go", generate), ("Procfile.dev", "web: go run ./x\n")];
    let report = report(&files, |options| options.reads_documents = true);
    let output = "```console\nhigh TG001 go-run: go run ./x was executed\nx go run ./x\n```\n";
    assert!(
        super::report(&[GO_MOD, ("a.md", output)], |options| options.reads_documents = true)
            .findings
            .is_empty()
    );
    let found: Vec<_> = report.findings.iter().map(|f| (f.start.line, f.case.severity.name())).collect();
    assert_eq!(found, [(4, "low")]);
}
