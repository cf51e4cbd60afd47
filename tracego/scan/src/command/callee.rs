//! Commands that call targets and scripts of the same source tree.

use crate::{extract::Callee, word::Word};

/// Returns what a command calls. `folder` is the folder that it runs in.
pub(super) fn of(words: &[Word], folder: Option<&str>) -> Vec<Callee> {
    let Some((first, rest)) = words.split_first() else { return Vec::new() };
    let name = first.base_name();
    let values: Vec<String> = rest.iter().map(Word::value).collect();
    let operands = || values.iter().filter(|value| !value.starts_with('-') && !value.contains('='));
    match name.as_str() {
        "make" | "gmake" => vec![make(&values)],
        "task" | "go-task" => {
            let mut names: Vec<Callee> = operands().map(|name| Callee::Task(name.clone())).collect();
            if names.is_empty() {
                names.push(Callee::Task("default".into()));
            }
            names
        }
        "just" => operands().take(1).map(|name| Callee::Just(name.clone())).collect(),
        "mage" => operands().map(|name| Callee::Mage(name.clone())).collect(),
        "npm" | "yarn" | "pnpm" | "bun" => npm(&name, &values),
        "npm-run-all" | "run-s" | "run-p" => {
            operands().map(|name| Callee::Npm { folder: None, name: name.clone() }).collect()
        }
        "mise" | "rtx" => {
            let mut operands = operands();
            let runs = operands.next().is_some_and(|verb| matches!(verb.as_str(), "run" | "r"));
            operands.filter(|_| runs).take(1).map(|name| Callee::Mise(name.clone())).collect()
        }
        "sh" | "source" | "." => operands().take(1).map(|path| script(path, folder)).collect(),
        _ => {
            let path = first.value();
            let is_script = path.contains('/') && !path.starts_with('/');
            if is_script { vec![script(&path, folder)] } else { Vec::new() }
        }
    }
}

/// Returns the script that a package manager runs.
fn npm(program: &str, values: &[String]) -> Vec<Callee> {
    const VALUED: [&str; 3] = ["-w", "--workspace", "--filter"];
    let mut operands = Vec::new();
    let mut folder = None;
    let mut values = values.iter();
    while let Some(value) = values.next() {
        match value.as_str() {
            "--" => break,
            "--prefix" | "-C" | "--cwd" | "--dir" => folder = values.next().cloned(),
            option if VALUED.contains(&option) => _ = values.next(),
            _ if value.starts_with("--prefix=") || value.starts_with("--cwd=") => {
                folder = value.split_once('=').map(|(_, folder)| folder.to_owned());
            }
            _ if value.starts_with('-') => {}
            _ => operands.push(value),
        }
    }
    let names: Vec<&str> = operands.iter().map(|name| name.as_str()).collect();
    let name = match names.as_slice() {
        ["run" | "run-script" | "rum" | "workspace", name, ..] => *name,
        // Other words are commands of npm itself.
        [name @ ("start" | "test" | "stop" | "restart"), ..] => *name,
        [name, ..] if program != "npm" => *name,
        _ => return Vec::new(),
    };
    vec![Callee::Npm { folder, name: name.to_owned() }]
}

fn script(path: &str, folder: Option<&str>) -> Callee {
    // `$CI_PROJECT_DIR/scripts/x.sh` and `"$(dirname "$0")"/x.sh`: a folder of the checkout.
    let path = match path.strip_prefix('$') {
        Some(rest) => rest.split_once('/').map_or(rest, |(_, path)| path),
        None => path,
    };
    let path = path.trim_start_matches("./");
    match folder.filter(|folder| !folder.is_empty()) {
        Some(folder) => {
            Callee::Script(format!("{}/{path}", folder.trim_start_matches("./").trim_end_matches('/')))
        }
        None => Callee::Script(path.to_owned()),
    }
}

fn make(values: &[String]) -> Callee {
    let (mut folder, mut file, mut targets) = (None, None, Vec::new());
    let mut values = values.iter();
    while let Some(value) = values.next() {
        match value.as_str() {
            "-C" | "--directory" => folder = values.next().cloned(),
            "-f" | "--file" | "--makefile" => file = values.next().cloned(),
            "-o" | "-W" | "-I" => _ = values.next(),
            "-j" | "-l" => {
                // The number may be left out.
                let mut ahead = values.clone();
                if ahead.next().is_some_and(|next| next.bytes().all(|b| b.is_ascii_digit())) {
                    values = ahead;
                }
            }
            _ if value.starts_with("--file=") || value.starts_with("--makefile=") => {
                file = value.split_once('=').map(|(_, path)| path.to_owned());
            }
            _ if value.starts_with("-f") && !value.starts_with("--") => {
                file = value.get(2..).map(str::to_owned)
            }
            _ if value.starts_with("-C") => folder = value.get(2..).map(str::to_owned),
            _ if value.starts_with("--directory=") => {
                folder = value.split_once('=').map(|(_, v)| v.to_owned())
            }
            _ if value.starts_with('-') || value.contains('=') => {}
            _ => targets.push(value.clone()),
        }
    }
    Callee::Make { folder, file, targets }
}
