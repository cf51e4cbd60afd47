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
    ] {
        let lines = text.matches('\n').count();
        let line = if text.contains("<<EOF") || text.contains("\n\"$") { 2 } else { 1 };
        assert!(lines <= 2);
        script(text, &[&format!("{line} TG001 local medium")]);
    }
}

#[test]
fn tools_are_less() {
    script("find . -name '*.go' | xargs go run mvdan.cc/gofumpt -w .", &["1 TG001 pinned low"]);
    script("find . -exec go run -mod=vendor github.com/x/y {} \\;", &["1 TG001 pinned low"]);
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
    ] {
        script(text, &[]);
    }
}

#[test]
fn a_script_without_an_ending_is_known_by_its_first_line() {
    finds(&[GO_MOD, ("bin/start", "#!/usr/bin/env bash\ngo run .\n")], &["bin/start:2 TG001 local medium"]);
    finds(&[GO_MOD, ("bin/data", "go run .\n")], &[]);
}
