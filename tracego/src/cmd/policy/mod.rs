//! The command `tracego policy`, which works with bundles without an agent, and the policy stage of one.

mod bench;
mod check;
mod eval;
mod follower;
mod log;
mod records;
mod sign;
mod stage;
mod test;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use serde::Serialize;
use tracego_policy::bundle::Bundle;

pub(super) use self::{
    follower::PolicyFollower,
    stage::{OpenedPolicies, check_stage, load_engine, open_stage},
};
use super::{code, plain_output::PlainOutput};
use crate::{
    cli::{Bundles, Policy, PolicyAction},
    policy::remote::{BundleServer, PolicyUnavailable},
};

/// The bundles that a reload puts in force.
pub(super) type BundleDraft = crate::policy::remote::ShelfDraft;

/// Runs the command.
///
/// # Errors
/// Fails if a file cannot be read, if a bundle cannot be loaded, or if standard output cannot be written.
pub(super) fn policy(asked: &Policy) -> anyhow::Result<ExitCode> {
    let done = act(asked, &mut PlainOutput::stdout(is_json(&asked.action)));
    match done {
        Ok(good) => Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(code::RUNNING) }),
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
    }
}

/// Returns whether the report of a subcommand is JSON.
fn is_json(action: &PolicyAction) -> bool {
    match action {
        PolicyAction::Check(asked) => asked.report.is_json(),
        PolicyAction::Test(asked) => asked.report.is_json(),
        PolicyAction::Eval(asked) => asked.report.is_json(),
        PolicyAction::Bench(asked) => asked.report.is_json(),
        PolicyAction::Sign(_) => false,
    }
}

/// Runs the subcommand. Returns whether everything is good.
fn act(asked: &Policy, out: &mut impl Write) -> anyhow::Result<bool> {
    match &asked.action {
        PolicyAction::Check(asked) => check::check(asked, out),
        PolicyAction::Test(asked) => test::test(asked, out),
        PolicyAction::Eval(asked) => eval::eval(asked, out),
        PolicyAction::Bench(asked) => bench::bench(asked, out),
        PolicyAction::Sign(asked) => sign::sign(asked, out),
    }
}

/// Whether an error is about a server without a good bundle.
pub(super) fn is_unavailable(error: &anyhow::Error) -> bool {
    error.is::<PolicyUnavailable>()
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn load(bundles: &Bundles) -> anyhow::Result<Vec<Bundle>> {
    let trust = stage::trust(&bundles.key)?;
    let server = BundleServer::new(&bundles.server);
    bundles.bundles.iter().map(|location| stage::load_bundle(location, trust.as_ref(), &server)).collect()
}

fn json<T: Serialize + ?Sized>(out: &mut impl Write, value: &T) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    /// Runs a command on a bundle that hangs. Returns its output, and whether everything is good.
    fn asked(command: &[&str]) -> anyhow::Result<(String, bool)> {
        let folder = tempfile::tempdir().unwrap();
        let (policy, records) = (folder.path().join("endless.rego"), folder.path().join("records"));
        let mut text = "package main\n\ndeny contains \"no\" if {\n  x0 := [1]\n  y0 := [1]\n".to_owned();
        for index in 1..60 {
            let before = index - 1;
            text.push_str(&format!(
                "  x{index} := [x{before}, x{before}]\n  y{index} := [y{before}, y{before}]\n"
            ));
        }
        fs::write(&policy, text + "  x59 == y59\n}\n").unwrap();
        let start = "{\"event_name\": \"tracego.process.start\"}\n";
        fs::write(&records, [start, start, start].concat()).unwrap();
        let args = ["tracego", "policy"].iter().chain(command).map(|arg| match *arg {
            "BUNDLE" => policy.to_str().unwrap(),
            "RECORDS" => records.to_str().unwrap(),
            other => other,
        });
        let Some(Command::Policy(asked)) = Cli::parse_from(args).command else { panic!("{command:?}") };
        let mut out = Vec::new();
        let good = act(&asked, &mut out)?;
        Ok((String::from_utf8(out).unwrap(), good))
    }

    #[test]
    fn a_signed_bundle_is_checked_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let (bundle, key) = (folder.path().join("bundle"), folder.path().join("key"));
        fs::create_dir(&bundle).unwrap();
        fs::write(&key, "secret").unwrap();
        fs::write(bundle.join("p.rego"), "package main\n\ndeny contains \"no\" if false\n").unwrap();
        let (bundle, key) = (bundle.to_str().unwrap(), key.to_str().unwrap());
        let done = |command: &[&str]| {
            let args = ["tracego", "policy"].iter().chain(command);
            let Some(Command::Policy(asked)) = Cli::parse_from(args).command else { panic!("{command:?}") };
            act(&asked, &mut Vec::new())
        };
        assert!(done(&["sign", bundle, "--key", key, "--algorithm", "hs256"]).unwrap());
        assert!(done(&["check", bundle]).is_err());
        for command in ["check", "test"] {
            let options = [command, bundle, "--policy-key", key, "--policy-algorithm", "hs256"];
            assert!(done(&options).is_ok(), "{command}");
        }
    }

    const HANGS: &str = "endless: no result from data.main.deny within 250ms";

    #[test]
    fn a_bundle_that_hangs_is_not_measured() {
        let error = asked(&["bench", "BUNDLE", "--records", "RECORDS"]).expect_err("it hangs");
        assert_eq!(error.to_string(), HANGS);
    }

    #[test]
    fn a_bundle_that_hangs_on_records_is_named() {
        let (said, good) = asked(&["test", "BUNDLE", "--records", "RECORDS", "--first", "1"]).unwrap();
        assert!(!good);
        assert!(said.contains(&format!("error: {HANGS}")), "{said}");
        assert!(said.contains("3  error  hang"), "{said}");
    }

    #[test]
    fn a_bundle_that_hangs_is_explained_as_far_as_it_goes() {
        let record = "{\"event_name\": \"tracego.process.start\"}";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        fs::write(&path, record).unwrap();
        let (said, good) = asked(&["eval", "BUNDLE", "--input", path.to_str().unwrap()]).unwrap();
        assert!(!good && said.contains(&format!("error: {HANGS}")), "{said}");
        let rule = "endless/endless.rego:3: data.main.deny: error: no result within 10s";
        assert!(said.contains(rule), "{said}");
    }
}
