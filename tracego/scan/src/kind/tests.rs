//! Kinds of files by their paths and first lines.

use super::*;

#[test]
fn all_kinds_are_read_by_the_fuzz_target() {
    // A variant that is missing here does not compile; one that is missing in ALL is found below.
    let number = |kind| match kind {
        DocumentKind::Dockerfile => 0,
        DocumentKind::Ci(CiFile::Github) => 1,
        DocumentKind::Ci(CiFile::Gitlab) => 2,
        DocumentKind::Ci(CiFile::Circle) => 3,
        DocumentKind::Ci(CiFile::Azure) => 4,
        DocumentKind::Ci(CiFile::Drone) => 5,
        DocumentKind::Ci(CiFile::Buildkite) => 6,
        DocumentKind::Ci(CiFile::Other) => 7,
        DocumentKind::Compose => 8,
        DocumentKind::Makefile => 9,
        DocumentKind::Justfile => 10,
        DocumentKind::Taskfile => 11,
        DocumentKind::Package => 12,
        DocumentKind::Hooks => 13,
        DocumentKind::Processes => 14,
        DocumentKind::App => 15,
        DocumentKind::Kustomization => 16,
        DocumentKind::HelmValues => 17,
        DocumentKind::Yaml => 18,
        DocumentKind::Editor => 19,
        DocumentKind::Toml => 20,
        DocumentKind::Shell => 21,
        DocumentKind::Unit => 22,
        DocumentKind::Procfile => 23,
        DocumentKind::Crontab => 24,
        DocumentKind::Jenkinsfile => 25,
        DocumentKind::GoSource => 26,
        DocumentKind::Python => 27,
        DocumentKind::JavaScript => 28,
        DocumentKind::Ruby => 29,
        DocumentKind::Bazel => 30,
        DocumentKind::Markdown => 31,
    };
    let numbers: Vec<usize> = DocumentKind::ALL.into_iter().map(number).collect();
    assert_eq!(numbers, (0..32).collect::<Vec<_>>());
}

#[test]
fn kinds_by_path() {
    for (path, kind) in [
        ("Dockerfile", DocumentKind::Dockerfile),
        ("a/api.Dockerfile", DocumentKind::Dockerfile),
        ("Dockerfile.prod", DocumentKind::Dockerfile),
        (".github/workflows/ci.yml", DocumentKind::Ci(CiFile::Github)),
        ("x/action.yaml", DocumentKind::Ci(CiFile::Github)),
        (".gitlab-ci.yml", DocumentKind::Ci(CiFile::Gitlab)),
        (".circleci/config.yml", DocumentKind::Ci(CiFile::Circle)),
        ("docker-compose.prod.yml", DocumentKind::Compose),
        ("deploy/pod.yaml", DocumentKind::Yaml),
        ("charts/x/templates/pod.yaml", DocumentKind::Yaml),
        ("Makefile", DocumentKind::Makefile),
        ("build/rules.mk", DocumentKind::Makefile),
        ("app.service", DocumentKind::Unit),
        ("app.service.j2", DocumentKind::Unit),
        ("Procfile", DocumentKind::Procfile),
        ("Taskfile.yml", DocumentKind::Taskfile),
        ("scripts/ci.sh", DocumentKind::Shell),
        ("main.go", DocumentKind::GoSource),
    ] {
        assert_eq!(DocumentKind::of(path), Some(kind), "{path}");
    }
    for path in ["a.c", "LICENSE", "x.json", "dockerfile.go.txt", "a.ini"] {
        assert_eq!(DocumentKind::of(path), None, "{path}");
    }
    assert_eq!(DocumentKind::of_first_line(b"#!/usr/bin/env bash\n"), Some(DocumentKind::Shell));
    assert_eq!(DocumentKind::of_first_line(b"#!/usr/bin/python3\n"), Some(DocumentKind::Python));
    assert_eq!(DocumentKind::of_first_line(b"go run"), None);
}
