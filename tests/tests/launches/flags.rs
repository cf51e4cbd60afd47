//! Checks that tracego knows the flags of the go command, and whether each takes a value.

use std::{collections::BTreeSet, fs, path::Path};

use tracego_golang::{
    command::{Invocation, Problem},
    subcommand::Subcommand,
};
use tracego_tests::go;

pub(crate) const NAME: &str = "flags are those of the go command";

/// Subcommands that only reject an unknown flag and do nothing else.
const ASKED: [Subcommand; 13] = [
    Subcommand::Run,
    Subcommand::Test,
    Subcommand::Build,
    Subcommand::Install,
    Subcommand::Generate,
    Subcommand::Tool,
    Subcommand::Get,
    Subcommand::Env,
    Subcommand::Version,
    Subcommand::List,
    Subcommand::Clean,
    Subcommand::Fmt,
    Subcommand::Bug,
];

/// A flag that no go command has.
const NONE: &str = "-no-such-flag";

pub(crate) fn check(version: &str) {
    let root = go::toolchain(version).unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut names = BTreeSet::new();
    harvest(&root.join("src/cmd/go/internal"), &mut names);
    assert!(names.contains("ldflags") && names.contains("exec") && names.contains("n"), "{names:?}");
    let (mut wrong, mut known) = (Vec::new(), 0);
    for subcommand in ASKED {
        for name in &names {
            // A flag that takes a value consumes the unknown flag as that value.
            let (subcommand, flag) = (subcommand.as_str(), format!("-{name}"));
            // go test passes unknown flags to the test binary, except when that is not run.
            let more = if subcommand == "test" { &["-c"][..] } else { &[] };
            let mut go = go::command(&root, home.path());
            let output = go.arg(subcommand).args(more).args([&flag, NONE]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            let refused = |flag: &str| {
                said.contains(&format!("flag provided but not defined: {flag}\n"))
                    || said.contains(&format!("unknown flag {flag} cannot be used with -c"))
            };
            let theirs = match (refused(&flag), refused(NONE)) {
                (true, _) => "none",
                (false, true) => "bool",
                (false, false) => "value",
            };
            known += u32::from(theirs != "none");
            let ours = ours(subcommand, &flag);
            // The tables contain the flags of all versions.
            if theirs != ours && theirs != "none" {
                wrong.push(format!("go {subcommand} {flag}: {theirs} for the go command, {ours} here"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(known > 200, "only {known} flags were compared");
}

/// Returns whether the word after a flag is an argument, the flag's value, or ignored because of the flag.
fn ours(subcommand: &str, flag: &str) -> &'static str {
    let taken = |flag: &str| {
        let invocation = Invocation::parse(&["go", subcommand, flag, "word"], "");
        let known = invocation.problem != Some(Problem::UnknownFlag);
        known && (invocation.target.is_some() || !invocation.operands.is_empty())
    };
    match (taken(&format!("{flag}=1")), taken(flag)) {
        (false, _) => "none",
        (true, true) => "bool",
        (true, false) => "value",
    }
}

/// Collects the names in calls that define a flag, in all sources of the toolchain.
fn harvest(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            harvest(&path, names);
        } else if path.extension().is_some_and(|e| e == "go") {
            for line in fs::read_to_string(&path).unwrap().lines() {
                let Some((call, rest)) = line.split_once('"') else { continue };
                let defines =
                    ["Var(", "Bool(", "String(", "Int(", "Func("].iter().any(|name| call.contains(name));
                if let Some((name, _)) = rest.split_once('"')
                    && (call.contains("Flag") || call.contains("flags.") || call.contains("cf."))
                    && defines
                    && !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                {
                    names.insert(name.to_owned());
                }
            }
        }
    }
}
