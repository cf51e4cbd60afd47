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
    file("compose.yaml", "services:\n  a:\n    healthcheck: {test: [CMD-SHELL, go run ./h]}\n", &[]);
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
