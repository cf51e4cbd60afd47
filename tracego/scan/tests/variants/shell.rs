//! Shell scripts.

use super::{GO_MOD, finds};

#[track_caller]
fn script(text: &str, wanted: &[&str]) {
    let wanted: Vec<String> = wanted.iter().map(|found| format!("x.sh:{found}")).collect();
    finds(&[GO_MOD, ("x.sh", text)], &wanted.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn the_ways_to_write_it() {
    for text in [
        "${GO:-go} run ./cmd/demo",
        "bash -c \"cd sdk && go run ./e2e\"",
        "eval \"go run ./cmd $a\"",
        "CMD=\"go run ./x\"; $CMD",
        "g=go; $g run .",
        "go -C tools run ./schemadump",
        "/usr/local/go/bin/go run .",
        "$(go env GOROOT)/bin/go run .",
        "$(command -v go) run .",
        "sudo -u app go run .",
        "timeout 5m go run .",
        "timeout --signal=INT -k 5 5m go run .",
        "$SUDO go run .",
        "${DOCKER} run golang go run .",
        "nohup go run . &",
        "time go run .",
        "env -i A=b go run .",
        "env -S 'go run .'",
        "(exec -a x go run .)",
        "xvfb-run -a go run .",
        "docker run -e A=b golang go run .",
        "docker run --entrypoint go golang run .",
        "docker compose run --rm api go run .",
        "kubectl run x --image=golang -- go run .",
        "ssh host 'cd /srv && go run .'",
        "ssh -p 22 host go run .",
        "ssh host <<EOF\ngo run .\nEOF",
        "xargs -n1 go run ./x < list",
        "doppler run -- go run .",
        "nice -n 10 ionice -c 3 go run .",
        "su - app -c 'go run .'",
        "watch -n 5 go run .",
        "flock /tmp/lock go run .",
        "cat <<EOF | sh\ngo run .\nEOF",
        "echo 'go run .' | bash",
        "bash <<< 'go run .'",
        "bash -euo pipefail -c 'go run .'",
        "x=$(go run ./version)",
        "diff <(go run ./a) b",
        "cmd=(go run ./x)\n\"${cmd[@]}\" -v",
        "set -- a; case $1 in a) go run . ;; esac",
        "pm2 start 'go run .'",
        "pm2 start go -- run .",
        "tmux new-session -d 'go run .'",
        "find . -name '*.x' -exec go run ./y {} \\;",
        "some-wrapper --flag -- go run .",
        "function f { go run .; }",
        "trap 'go run ./cleanup' EXIT",
        "GO_RUN=\"go run\"; $GO_RUN ./x",
        "make GO=\"go run ./x\"",
        "RUN='go run ./x' ./start.sh",
        "sh -c '\"$@\"' sh go run .",
        "retry 3 go run .",
        "./ci/with_backoff.sh --max 5 go run ./x",
        "bash ci/retry.sh go run ./x",
        "retry 'go run ./x'",
        "alias gr='go run'; gr ./x",
        "retry() { \"$@\"; }; retry go run .",
        "run() { local c=\"$1\"; shift; $c \"$@\"; }; run 'go run' ./x",
        "function retry { for i in 1 2 3; do \"$@\" && return; done; }; retry go run .",
        "set -- go run . \"$@\"; exec \"$@\"",
        "declare -a cmd=(go run .); \"${cmd[@]}\"",
        "if [ -n \"$DEV\" ]; then RUN='go run'; else RUN=bin/x; fi; $RUN ./x",
        "declare -A c=([a]='go run ./a'); ${c[$1]}",
        "yarn dlx concurrently 'go run .'",
        "npm exec -- go run .",
        "printf 'go run .\\n' | sudo sh",
        "(echo 'cd x'; echo 'go run .') | ssh host",
        "ssh host bash -s <<< 'go run .'",
        "cat > run.sh <<EOF\ngo run .\nEOF",
        "cat <<'EOF' > /usr/local/bin/start\n#!/bin/sh\ngo run .\nEOF",
        "echo 'go run .' > run.sh",
        "echo 'go run .' > run; chmod +x run",
        "cat > /tmp/run <<EOF\ngo run .\nEOF\nsh /tmp/run",
        "cat > run <<EOF\ngo run .\nEOF\n./run",
        "cat > run <<EOF\ngo run .\nEOF\n. ./run",
        "source /dev/stdin <<EOF\ngo run .\nEOF",
        "for c in \"go run ./a\"; do $c; done",
    ] {
        let lines = text.matches('\n').count();
        let line = match text {
            _ if text.contains("#!/bin/sh") => 3,
            _ if text.contains("<<EOF") || text.contains("\n\"$") => 2,
            _ => 1,
        };
        assert!(lines <= 4);
        script(text, &[&format!("{line} TG001 local medium")]);
    }
}

#[test]
fn tools_are_less() {
    script("find . -name '*.go' | xargs go run mvdan.cc/gofumpt -w .", &["1 TG001 pinned low"]);
    script("find . -exec go run -mod=vendor github.com/x/y {} \\;", &["1 TG001 pinned low"]);
}

#[test]
fn calls_are_found_where_they_stand() {
    script(
        "retry() {\n  for i in 1 2; do\n    \"$@\" && return\n  done\n}\nretry go run ./a\nretry \\\n  go run ./b\nretry go vet\n",
        &["6 TG001 local medium", "8 TG001 local medium"],
    );
    script(
        "for c in \"go run ./a\" \\\n  \"go run ./b\"; do\n  $c\ndone\n",
        &["1 TG001 local medium", "2 TG001 local medium"],
    );
    script("tool() {\n  go run \"$1\" -v\n}\ntool ./a\ntool ./b\n", &["2 TG001 local medium"]);
    script(
        "log() { echo \"$@\"; }\nstep() { log \"$1\"; eval \"$2\"; }\nlog go run ./x\nstep 'go run ./x' 'go vet'\nstep a 'go run ./y'\n",
        &["5 TG001 local medium"],
    );
}

#[test]
fn crontabs_that_a_script_writes() {
    for text in [
        "crontab - <<EOF\n0 * * * * cd /srv && go run ./job\nEOF",
        "(crontab -l;\necho '@daily go run ./job') | crontab -",
        "{ crontab -l 2>/dev/null\necho \"*/5 * * * * go run ./job\"; } | crontab",
        "cat > /etc/cron.d/x <<EOF\n0 * * * * root go run ./job\nEOF",
    ] {
        script(text, &["2 TG001 local high"]);
    }
    script("crontab -l | grep 'go run'\necho '0 * * * * /app' | crontab -", &[]);
}

#[test]
fn units_that_a_script_writes() {
    let unit = "[Service]\nExecStart=/usr/local/go/bin/go run main.go\n";
    script(&format!("cat > /etc/systemd/system/x.service <<EOF\n{unit}EOF"), &["3 TG001 file high"]);
    script(
        &format!("sudo tee /etc/systemd/system/x.service <<'EOF' >/dev/null\n{unit}EOF"),
        &["3 TG001 file high"],
    );
    script(&format!("cat > notes.txt <<EOF\n{unit}EOF"), &[]);
}

#[test]
fn what_reading_cannot_know() {
    for text in [
        "$(printf go) run .",
        "echo Z28gcnVuIC4K | base64 -d | sh",
        "echo \"go run is forbidden\"",
        "grep -q \"go run\" Makefile",
        "git grep -- go run",
        "cargo run && mango run && go-run x",
        "go build -o x && ./x",
        "go tool stringer",
        "go run -h",
        "go help run",
        "printf 'go run .\\n'",
        "# go run .",
        "nodemon --exec go run main.go",
        "reflex -r '\\.go$' -- go run .",
        "log_info go run ./x",
        "die go run failed",
        "for word in go run test; do echo $word; done",
        "case $1 in go) run ;; esac",
        "retry() { \"$@\"; }; retry go vet",
        "alias gr='go run ./x'",
        "log() { printf '%s' \"$*\"; }; log go run ./x",
        "make GO=go run",
        "git commit -m 'go run ./x' && retry 'go run is slow'",
        "cat > notes.txt <<EOF\ngo run ./x\nEOF",
        "echo 'go run ./x' | tee notes.txt",
        "echo 'go run ./x' > notes; chmod 644 notes; cat notes",
        "echo 'go run ./x' > notes\nsh other",
        "python3 - <<EOF\ngo run .\nEOF",
        "gow run . && wgo run .",
    ] {
        script(text, &[]);
    }
}

#[test]
fn a_script_without_an_ending_is_known_by_its_first_line() {
    finds(&[GO_MOD, ("bin/start", "#!/usr/bin/env bash\ngo run .\n")], &["bin/start:2 TG001 local medium"]);
    finds(&[GO_MOD, ("bin/data", "go run .\n")], &[]);
}
