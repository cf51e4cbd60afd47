//! Records whose texts have a meaning in the languages of reports.

use serde_json::{Value, json};

/// Texts that a process may choose for its arguments.
pub(crate) const TEXTS: [&str; 14] = [
    "</script><img src=x onerror=alert(1)>",
    "</code></details><h1>x</h1>",
    "| a | b |\n|---|---|",
    "`code` ``two`` ```three```",
    "````\n\n# heading",
    "@octocat #1 https://evil.example/ www.evil.example a@b.c",
    "\u{1b}[31m\u{7}\u{9b}2J\0",
    "\u{202e}gnp.exe\u{2066}",
    "click x call alert()",
    "x :done, a, 1, 2; %% y",
    "$x^2$ **b** _i_ [l](http://x) ![i](x) ~s~ \\| \\`",
    "]]> <!-- & &amp; &#60; \" '",
    "\u{fffe}\u{ffff}\u{200b}",
    "<!ENTITY x SYSTEM 'file:///etc/passwd'>",
];

/// Returns records of one process for each text, and of a finding about it; the last process has 2 MB of arguments.
pub(crate) fn records() -> Vec<u8> {
    let mut lines = Vec::new();
    let long = "x".repeat(2 << 20);
    for (n, text) in TEXTS.into_iter().chain([long.as_str()]).enumerate() {
        let pid = 100 + n;
        lines.push(start(pid, &["tool", text], text));
        lines.push(json!({
            "schema": "tracego/2", "event_name": "tracego.process.exit",
            "timestamp": format!("2026-11-25T02:{:02}:00Z", n + 20),
            "process": { "pid": pid, "exit": { "code": n } },
            "tracego": { "exec_id": format!("b-1-{pid}") },
        }));
    }
    let line = |value: &Value| value.to_string() + "\n";
    lines.iter().map(line).collect::<String>().into_bytes()
}

fn start(pid: usize, args: &[&str], text: &str) -> Value {
    let short: String = text.chars().take(200).collect();
    json!({
        "schema": "tracego/2", "event_name": "tracego.process.start",
        "timestamp": format!("2026-11-25T02:{:02}:00Z", pid - 100),
        "body": tracego_model::text::one_line(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>()),
        "process": {
            "pid": pid, "creation": { "time": format!("2026-11-25T02:{:02}:00Z", pid - 100) },
            "command": short, "command_args": args, "executable": { "path": format!("/opt/{short}") },
            "working_directory": short, "user": { "id": 1, "name": short },
        },
        "cicd": { "pipeline": { "name": short, "task": { "name": short, "run": { "id": "1" } } } },
        "vcs": { "ref": { "head": { "revision": short } } },
        "tracego": {
            "exec_id": format!("b-1-{pid}"),
            "findings": [{
                "id": "TG001", "name": "go-run", "severity": "high", "confidence": "high",
                "message": short, "remedy": short, "evidence": { "a": short },
            }],
        },
    })
}
