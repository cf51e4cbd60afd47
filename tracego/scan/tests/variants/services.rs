//! Units, manifests, compose files, Procfiles.

use super::{GO_MOD, finds};

#[track_caller]
fn file(path: &str, text: &str, wanted: &[&str]) {
    let wanted: Vec<String> = wanted.iter().map(|found| format!("{path}:{found}")).collect();
    finds(&[GO_MOD, (path, text)], &wanted.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn units() {
    file(
        "x.service",
        "[Service]\nExecStart=/usr/local/go/bin/go run server/main.go\n",
        &["2 TG001 file high"],
    );
    file("x.service", "[Service]\nExecStartPre=-/usr/bin/env go \\\n  run .\n", &["2 TG001 local high"]);
    file("x.service", "[Service]\nExecStart=/bin/sh -c 'cd /srv && go run .'\n", &["2 TG001 local high"]);
    file(
        "x.service.j2",
        "[Service]\nEnvironment=GOFLAGS=-mod=mod\nExecStart={{ go }} run\n",
        &["2 TG004 mod-mod medium"],
    );
    file(
        "x.service",
        "[Service]\nEnvironment=A=off GOSUMDB=off \"GOFLAGS=-v -mod=mod\"\n",
        &["2 TG004 sumdb-off high", "2 TG004 mod-mod medium"],
    );
    file("x.container", "[Container]\nExec=go run .\n", &["2 TG001 local high"]);
    file("x.container", "[Container]\nEntrypoint=go\nExec=run .\n", &["2 TG001 local high"]);
    file("x.container", "[Container]\nEntrypoint=[\"go\", \"run\"]\nExec=./x\n", &["2 TG001 local high"]);
    file("x.container", "[Container]\nHealthCmd=go run ./health\nLabel=go run .\n", &["2 TG001 local high"]);
    file(
        "etc/systemd/system/x.service.d/override.conf",
        "[Service]\nExecStart=\nExecStart=go run .\n",
        &["3 TG001 local high"],
    );
    file("x.container.d/10-exec.conf", "[Container]\nExec=go run .\n", &["2 TG001 local high"]);
    file("etc/x.conf", "[Service]\nExecStart=go run .\n", &[]);
    file("supervisord.conf", "[program:x]\ncommand=go run ./x\n", &["2 TG001 local high"]);
    file("Procfile", "web: go run main.go\nworker: bin/worker\n", &["1 TG001 file high"]);
    file("Procfile.dev", "web: go run main.go\n", &[]);
    file("etc/cron.d/x", "# m h\n*/5 * * * * root cd /srv && go run ./job\n", &["2 TG001 local high"]);
    file("crontab", "@daily go run ./job\n", &["1 TG001 local high"]);
}

#[test]
fn manifests() {
    let pod = |container: &str| {
        format!("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n{container}")
    };
    file("k8s/pod.yaml", &pod("    command: [\"go\",\"run\",\"cmd/x/main.go\"]\n"), &["6 TG001 file high"]);
    file(
        "k8s/pod.yaml",
        &pod("    command: [\"go\"]\n    args: [\"run\",\"main.go\"]\n"),
        &["6 TG001 file high"],
    );
    file(
        "k8s/pod.yaml",
        &pod("    command: [sh, -c]\n    args:\n    - |\n      cd /srv\n      go run .\n"),
        &["10 TG001 local high"],
    );
    file(
        "k8s/pod.yaml",
        &pod("    env:\n    - {name: GOFLAGS, value: -mod=mod}\n"),
        &["7 TG004 mod-mod medium"],
    );
    let template = "{{- if .Values.x }}\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  template:\n    spec:\n      containers:\n      - image: {{ .Values.image }}:{{ .Values.tag }}\n        command: [go, run, .]\n{{- end }}\n";
    file("charts/x/templates/d.yaml", template, &["11 TG001 local high"]);
    let task = "apiVersion: tekton.dev/v1\nkind: Task\nspec:\n  steps:\n  - name: a\n    script: |\n      #!/bin/sh\n      go run ./x\n";
    file("tekton/task.yaml", task, &["8 TG001 local high"]);
    let argo = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec:\n  templates:\n  - script:\n      command: [bash]\n      source: |\n        go run honnef.co/x@v1.2.3\n";
    file("argo.yaml", argo, &["8 TG001 pinned medium"]);
    file("values.yaml", "command: go run .\n", &[]);
    file("charts/x/values.yaml", "api:\n  command: [go]\n  args: [run, ./x]\n", &["2 TG001 local high"]);
    file("values-prod.yaml", "api:\n  command:\n  - sh\n  - -c\n  - go run ./x\n", &["5 TG001 local high"]);
    file("values.yaml", "note: [go, run, ./x]\n", &[]);
}

#[test]
fn files_and_patches_of_kubernetes() {
    let map = |data: &str| format!("apiVersion: v1\nkind: ConfigMap\ndata:\n{data}");
    file("k8s/c.yaml", &map("  run.sh: |\n    set -e\n    go run ./x\n"), &["6 TG001 local high"]);
    file("k8s/c.yaml", &map("  start: |\n    #!/bin/sh\n    go run ./x\n"), &["6 TG001 local high"]);
    file(
        "k8s/c.yaml",
        &map("  x.service: |\n    [Service]\n    ExecStart=go run ./x\n"),
        &["6 TG001 local high"],
    );
    file("k8s/c.yaml", &map("  notes.txt: |\n    go run ./x\n  hint: go run ./x\n"), &[]);
    let argo = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  source:\n    helm:\n      values: |\n        api:\n          command: [go, run, ./x]\n";
    file("app-of-apps.yaml", argo, &["8 TG001 local high"]);
    for patch in [
        "patches:\n- target: {kind: Deployment}\n  patch: |-\n    - op: replace\n      path: /spec/template/spec/containers/0/command\n      value: [go, run, ./x]\n",
        "patchesStrategicMerge:\n- |-\n  apiVersion: apps/v1\n  kind: Deployment\n  spec: {template: {spec: {containers: [{name: a,\n    command: [go, run, ./x]}]}}}\n",
        "patches:\n- patch: |\n    - op: add\n      path: /spec/containers/0/command\n\n      value: [sh, -c, go run ./x]\n",
    ] {
        file("overlay/kustomization.yaml", patch, &["6 TG001 local high"]);
    }
    let operations = "- op: replace\n  path: /spec/template/spec/containers/0/command\n  value: [go]\n- op: replace\n  path: /spec/template/spec/containers/0/args\n  value: [run, ./x]\n";
    finds(
        &[
            GO_MOD,
            ("overlay/kustomization.yaml", "patches:\n- path: p.yaml\n"),
            ("overlay/p.yaml", operations),
        ],
        &["overlay/p.yaml:3 TG001 local high"],
    );
    finds(&[GO_MOD, ("p.yaml", operations)], &[]);
    file(
        "kustomization.yaml",
        "commonAnnotations: {note: go run ./x}\npatches:\n- patch: |\n    - op: replace\n      path: /metadata/annotations/x\n      value: go run ./x\n",
        &[],
    );
}

#[test]
fn compose() {
    file(
        "docker-compose.yml",
        "services:\n  a:\n    command: go run ./cmd/server\n",
        &["3 TG001 local medium"],
    );
    file(
        "docker-compose.prod.yml",
        "services:\n  a:\n    command: go run ./cmd/server\n",
        &["3 TG001 local high"],
    );
    file(
        "compose.yaml",
        "services:\n  a:\n    restart: always\n    command: [go, run, .]\n",
        &["4 TG001 local high"],
    );
    file(
        "compose.yaml",
        "services:\n  a:\n    entrypoint: [go, run]\n    command: ./x\n",
        &["3 TG001 local medium"],
    );
    for test in ["[CMD-SHELL, go run ./h]", "[CMD, go, run, ./h]", "go run ./h"] {
        let text = format!("services:\n  a:\n    healthcheck:\n      test: {test}\n");
        file("compose.yaml", &text, &["4 TG001 local medium"]);
    }
    file("compose.yaml", "services:\n  a:\n    healthcheck: {test: [NONE]}\n    labels: [go run ./x]\n", &[]);
    file(
        "compose.yaml",
        "services:\n  a:\n    post_start: [{command: [go, run, ./x]}]\n",
        &["3 TG001 local medium"],
    );
    let services = ("compose.yaml", "services:\n  a:\n    command: go run ./x\n");
    for line in
        ["docker compose up -d", "docker-compose -f compose.yaml up", "docker compose run --rm a true"]
    {
        finds(
            &[GO_MOD, services, (".gitlab-ci.yml", &format!("x:\n  script: {line}\n"))],
            &["compose.yaml:3 TG001 local high"],
        );
    }
    for line in [
        "docker compose run --rm a go run ./y",
        "docker-compose -f compose.yaml run -e A=b a go run ./y",
        "docker compose --profile x exec a go run ./y",
    ] {
        file("x.sh", line, &["1 TG001 local medium"]);
    }
    file("x.sh", "docker compose build a\ndocker compose logs go run", &[]);
}

#[test]
fn platforms() {
    file("render.yaml", "services:\n- type: web\n  startCommand: go run .\n", &["3 TG001 local high"]);
    file(
        "ecosystem.config.js",
        "module.exports = {apps: [{name: 'x', script: \"go\", args: [\"run\", \"main.go\"]}]}\n",
        &["1 TG001 file high"],
    );
    file(
        "ecosystem.config.js",
        "module.exports = {apps: [{script: 'go', args: 'run .'}]}\n",
        &["1 TG001 local high"],
    );
    file(
        "pm2.json",
        "{\"apps\": [{\"script\": \"go\", \"args\": [\"run\", \".\"]}]}\n",
        &["1 TG001 local high"],
    );
}
