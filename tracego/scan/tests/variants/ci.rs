//! Files of CI systems.

use super::{GO_MOD, finds};

#[track_caller]
fn workflow(step: &str, wanted: &[&str]) {
    let text = format!("on: push\njobs:\n  build:\n    runs-on: x\n    steps:\n{step}\n");
    let wanted: Vec<String> =
        wanted.iter().map(|found| format!(".github/workflows/ci.yml:{found}")).collect();
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    finds(&[GO_MOD, (".github/workflows/ci.yml", &text)], &wanted);
}

#[test]
fn workflows_of_github() {
    workflow("    - run: go run ./cmd/deploy --env production", &["6 TG001 local high"]);
    workflow("    - run: go run -mod=vendor ./internal/qualitygate", &["6 TG001 local high"]);
    workflow(
        "    - run: go run github.com/x/y@latest check",
        &["6 TG001 unpinned high", "6 TG004 unpinned medium"],
    );
    workflow("    - run: go run honnef.co/go/tools/cmd/staticcheck@v0.6.1 ./...", &["6 TG001 pinned medium"]);
    workflow(
        "    - run: go run honnef.co/go/tools/cmd/staticcheck@${{ env.V }} ./...",
        &["6 TG001 pinned medium"],
    );
    workflow(
        "    - run: |\n        set -e\n        CGO_ENABLED=0 \\\n          go run .",
        &["9 TG001 local high"],
    );
    workflow("    - run: >-\n        go\n        run .", &["7 TG001 local high"]);
    workflow("    - {run: \"go run .\"}", &["6 TG001 local high"]);
    workflow("    - env: {C: go run ./y}\n      run: $C", &["7 TG001 local high"]);
    workflow("    - uses: x/retry@v1\n      with: {command: go run ./e2e}", &["7 TG001 local high"]);
    workflow("    - run: go run \"$MAIN\"", &["6 TG001 local high"]);
    workflow("    - env: {GOFLAGS: -mod=mod}\n      run: go test ./...", &["6 TG004 mod-mod medium"]);
    workflow("    - env: {GOCACHE: /tmp/go-cache}\n      run: go test ./...", &["6 TG005 cache medium"]);
    workflow("    - run: GOINSECURE=* go get x.org/y@v1.0.0", &["6 TG004 insecure high"]);
    workflow("    - run: docker run --rm -v $PWD:/x golang:1.27 go run ./x", &["6 TG001 local high"]);
    workflow(
        "    - run: |\n        for i in 1 2; do\n          if ! go run ./x; then exit 1; fi\n        done",
        &["8 TG001 local high"],
    );
    workflow(
        "    - name: go run ./x\n      if: contains(x, 'go run')\n      run: go build ./... # go run ./y",
        &[],
    );
    workflow("    - run: go version && hugo run && go test ./... -run 'go run'", &[]);
}

#[test]
fn values_of_a_matrix_are_put_in() {
    let text = "jobs:\n  a:\n    strategy:\n      matrix:\n        cmd: [go run ./a, go build ./b]\n        include:\n        - cmd: go run ./c\n    steps:\n    - run: ${{ matrix.cmd }}\n";
    let path = ".github/workflows/m.yaml";
    finds(&[GO_MOD, (path, text)], &[".github/workflows/m.yaml:9 TG001 local high"]);
}

#[test]
fn composite_actions() {
    let text = "runs:\n  using: composite\n  steps:\n  - shell: bash\n    run: go run \"$GITHUB_ACTION_PATH/main.go\"\n";
    finds(&[("x/action.yml", text)], &["x/action.yml:5 TG001 file high"]);
}

#[test]
fn gitlab() {
    let text = "\
.base: &base
  - go run ./a
default:
  before_script: [go run ./b]
build:
  extends: .x
  script:
    - *base
    - [go version, [go run ./c]]
    - !reference [.x, script]
.x:
  script: |
    go run ./d
  variables: {GOSUMDB: off}
test:
  script: *base
";
    finds(
        &[GO_MOD, (".gitlab-ci.yml", text)],
        &[
            ".gitlab-ci.yml:2 TG001 local high",
            ".gitlab-ci.yml:4 TG001 local high",
            ".gitlab-ci.yml:9 TG001 local high",
            ".gitlab-ci.yml:13 TG001 local high",
            ".gitlab-ci.yml:14 TG004 sumdb-off medium",
        ],
    );
}

#[test]
fn other_systems() {
    for (path, text, line) in [
        (".circleci/config.yml", "jobs:\n  b:\n    steps:\n    - run: go run .\n", 4),
        (
            ".circleci/config.yml",
            "jobs:\n  b:\n    steps:\n    - run:\n        name: x\n        command: |\n          go run .\n",
            7,
        ),
        ("azure-pipelines.yml", "steps:\n- script: go run .\n", 2),
        ("azure-pipelines.yml", "steps:\n- bash: |\n    go run .\n", 3),
        (
            "azure-pipelines.yml",
            "steps:\n- task: Go@0\n  inputs:\n    command: custom\n    customCommand: run\n    arguments: main.go\n",
            5,
        ),
        (".drone.yml", "steps:\n- name: b\n  commands:\n  - go run .\n", 4),
        (".woodpecker/b.yml", "steps:\n  b:\n    commands:\n      - go run .\n", 4),
        (".buildkite/pipeline.yml", "steps:\n- command: go run .\n", 2),
        (".buildkite/pipeline.yml", "steps:\n- commands:\n  - go version\n  - go run .\n", 4),
        (
            "bitbucket-pipelines.yml",
            "pipelines:\n  default:\n  - step:\n      script:\n      - go run .\n",
            5,
        ),
        (".travis.yml", "script:\n- go run .\n", 2),
        ("cloudbuild.yaml", "steps:\n- name: golang\n  entrypoint: go\n  args: [run, .]\n", 3),
        ("cloudbuild.yaml", "steps:\n- name: golang\n  args: [go, run, .]\n", 3),
        ("buildspec.yml", "phases:\n  build:\n    commands:\n    - go run .\n", 4),
        ("Jenkinsfile", "pipeline {\n  steps {\n    // sh 'go run x'\n    sh 'go run .'\n  }\n}\n", 4),
        ("Jenkinsfile", "node {\n  sh \"\"\"\n    go vet\n    go run .\n  \"\"\"\n}\n", 4),
        ("Jenkinsfile", "node { sh(label: 'go run y', script: 'go run .', returnStdout: true) }\n", 1),
    ] {
        let variant = if text.contains("main.go") { "file" } else { "local" };
        finds(&[GO_MOD, (path, text)], &[&format!("{path}:{line} TG001 {variant} high")]);
    }
}
