//! `go run` by real toolchains: every way to start it, under every mode.

mod builds;
mod documents;
mod jobs;
mod ways;
mod workspace;

use std::{fs, path::Path};

use serde_json::Value;
use tracego_tests::{Session, go};
use ways::{CONTROLS, Fate, LINKED, LINKER, WAYS, Way};
use workspace::{ProgramState, WayOutcome, Workspace, has_linked, mark};

use crate::{ConditionalTest, Test, enforcement::decided};

pub(crate) const TESTS: &[(&str, Test)] =
    &[("enforcement: the ways that are documented are those that are tried", documents::ways)];

pub(crate) const CONDITIONAL: &[ConditionalTest] = &[
    ("enforcement of Go 1.21: all ways", every::<0>, needs::<0>),
    ("enforcement of Go 1.22: all ways", every::<1>, needs::<1>),
    ("enforcement of Go 1.23: all ways", every::<2>, needs::<2>),
    ("enforcement of Go 1.24: all ways", every::<3>, needs::<3>),
    ("enforcement of Go 1.25: all ways", every::<4>, needs::<4>),
    ("enforcement of Go 1.26: all ways", every::<5>, needs::<5>),
    ("enforcement of Go 1.27: all ways", every::<6>, needs::<6>),
    ("enforcement: go run is stopped in a job and nowhere else", jobs::jobs, jobs::needs),
    ("enforcement: a go run that is an exception runs to its end", jobs::excepted, jobs::needs),
    ("enforcement: a rule for the dynamic linker stops what it would start", linker, needs_linker),
    ("enforcement: make learns that go run is refused", builds::refused, builds::needs_command),
    ("enforcement: a go run that is hidden in a build turns it red", builds::hidden, builds::needs),
    ("enforcement: a go command by another name is ended and then known", builds::renamed, builds::needs),
    ("enforcement: a start behind thirty large ones is not late", builds::behind_large, builds::needs),
];

/// Tested versions, in the order of the tests.
const VERSIONS: [&str; 7] = [
    go::GO_1_21,
    go::MORE_TOOLCHAINS[0].0,
    go::GO_1_23,
    go::GO_1_24,
    go::MORE_TOOLCHAINS[1].0,
    go::MORE_TOOLCHAINS[2].0,
    go::GO_1_27,
];

fn needs<const N: usize>() -> Option<String> {
    let version = VERSIONS[N];
    if go::MORE_TOOLCHAINS.iter().any(|(more, _)| *more == version) && !go::wants_all() {
        return Some(format!("TRACEGO_TEST_GO=all fetches Go {version}, too"));
    }
    for tool in ["/usr/bin/make", "/usr/bin/env", LINKER] {
        if !Path::new(tool).exists() {
            return Some(format!("needs {tool}"));
        }
    }
    go::toolchain(version).err()
}

fn all() -> impl Iterator<Item = &'static Way> {
    WAYS.iter().chain(CONTROLS)
}

/// The requested mode, and the mode in force on this kernel.
#[derive(Clone, Copy)]
struct Mode {
    asked: &'static str,
    given: &'static str,
}

/// Number of attempts at a way that ends after its start. A kill after the start comes too late on a machine that is busy
/// for as long as the program runs, and its record says so.
const ATTEMPTS: u8 = 3;

fn every<const N: usize>() {
    let place = Workspace::new(VERSIONS[N]);
    let mut wrong = Vec::new();
    for asked in ["off", "audit", "kill", "deny"] {
        let ways = all().filter(|way| way.mark != LINKED || has_linked(VERSIONS[N]));
        // Without decisions, one way shows as much as all.
        let ways = ways.filter(|way| asked != "off" || program(asked, way) == ProgramState::Warm);
        let mut ways: Vec<_> = ways.map(|way| (way, program(asked, way))).collect();
        for attempt in 1..=ATTEMPTS {
            let group = format!("{asked}-{attempt}");
            let session = place.run(&group, &["--enforce", asked], &ways);
            let mode = Mode { asked, given: given(asked, &session) };
            ways.retain(|(way, program)| {
                let outcome = place.outcome(&group, way, &session.records);
                let Err(why) = mode.check(way, *program, &outcome) else { return false };
                if way.kill == Fate::Ended && outcome.is_late() && attempt < ATTEMPTS {
                    return true;
                }
                let (name, WayOutcome { decisions, said, .. }) = (way.name, outcome);
                wrong.push(format!("{asked}, {name}: {why}\n{decisions:#?}\n{said}"));
                false
            });
            let others = decided(&session.records).filter(|record| mark(record, &session.records).is_none());
            wrong
                .extend(others.map(|record| format!("{asked}: a decision about something else: {record:#}")));
            if ways.is_empty() {
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "Go {}: {} cells:\n{}", VERSIONS[N], wrong.len(), wrong.join("\n\n"));
}

/// Returns how to prepare a way. A complete program costs a second, so it is used only where it runs or is
/// killed late.
fn program(asked: &str, way: &Way) -> ProgramState {
    let control = CONTROLS.iter().any(|control| control.mark == way.mark);
    match (asked, way.kill) {
        _ if control || way.mark == "direct" && matches!(asked, "off" | "audit") => ProgramState::Warm,
        ("off" | "audit", _) => ProgramState::Broken,
        (_, Fate::Ended | Fate::Runs) => ProgramState::Warm,
        (_, Fate::Denied | Fate::Killed) => ProgramState::Cold,
    }
}

/// Returns the mode in force on this kernel, from the records.
fn given(asked: &'static str, session: &Session) -> &'static str {
    let about = decided(&session.records).last().map(|record| &record["tracego"]["enforcement"]);
    match (asked, about) {
        ("off", None) => "off",
        (_, None) => panic!("no decision at all: {}", session.stderr()),
        (_, Some(about)) => {
            let known = ["audit", "kill", "deny"].into_iter().find(|mode| about["mode"] == *mode);
            known.unwrap_or_else(|| panic!("{about:#}"))
        }
    }
}

impl Mode {
    fn check(self, way: &Way, program: ProgramState, outcome: &WayOutcome) -> Result<(), String> {
        let fate = if self.asked == "deny" { way.deny } else { way.kill };
        let stopped = fate != Fate::Runs && matches!(self.asked, "kill" | "deny");
        let decided = fate != Fate::Runs && self.asked != "off";
        ensure(decided != outcome.decisions.is_empty(), "whether there is a decision")?;
        ensure(outcome.decisions.len() < 2 || way.is_many(), "more than one decision")?;
        for about in &outcome.decisions {
            self.decision(way, fate, about)?;
        }
        let before = stopped && fate != Fate::Ended;
        ensure(!before || !outcome.started, "go ran")?;
        ensure(!stopped || !outcome.ran, "the program ran")?;
        match program {
            ProgramState::Warm if !stopped => {
                ensure(outcome.ran && outcome.status == "0", "it was to do its work")?;
            }
            // Without a stop, the sign that go ran must be there.
            _ if !stopped => ensure(outcome.started, "go left no file, so a run would not be noticed")?,
            _ => {}
        }
        let direct = match self.given {
            _ if !before || way.mark != "direct" => {
                return ensure(!stopped || outcome.status != "0" || way.is_many(), "well");
            }
            "deny" => "126",
            _ => "137",
        };
        ensure(outcome.status == direct, &format!("ended with {}", outcome.status))
    }

    fn decision(self, way: &Way, fate: Fate, about: &Value) -> Result<(), String> {
        let (rule, when) =
            if fate == Fate::Ended { ("TG001", "after-start") } else { ("go-run", "before-start") };
        let action = match (self.given, fate) {
            ("audit", _) => "audit",
            ("deny", Fate::Denied) => "deny",
            _ => "kill",
        };
        // A start that escapes the first decision is killed by the second.
        let fits = about["action"] == action || (way.is_many() && about["action"] == "kill");
        ensure(fits && about["rule"] == rule && about["when"] == when, "the decision")?;
        ensure(about["mode"] == self.given, "its mode")
    }
}

fn ensure(so: bool, what: &str) -> Result<(), String> {
    if so { Ok(()) } else { Err(what.to_owned()) }
}

fn needs_linker() -> Option<String> {
    (!Path::new(LINKER).exists()).then(|| format!("needs {LINKER}"))
}

/// Checks the rule in the documentation.
fn linker() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("tracego.toml");
    let rule = documents::linker();
    for (rules, stopped) in [("[enforce]\nrules = []\n", false), (rule.as_str(), true)] {
        fs::write(&config, rules).unwrap();
        let script = "\"$LINKER\" /usr/bin/touch run; \"$LINKER\" /usr/bin/touch other";
        let options = ["--enforce", "kill", "--config", config.to_str().unwrap()];
        let session = Session::run(&options, &["sh", "-c", script], |tracego| {
            tracego.current_dir(folder.path()).env("LINKER", LINKER);
        });
        let [ran, other] = ["run", "other"].map(|name| fs::remove_file(folder.path().join(name)).is_ok());
        assert!(other && ran != stopped, "{rules}: {}", session.stderr());
    }
}
