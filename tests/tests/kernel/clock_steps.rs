//! Times of records around steps of the wall clock. They set the clock, so they run in an emulator alone.

use tracego_model::clock::{Reading, Time};
use tracego_tests::Session;

use crate::ConditionalTest;

pub(crate) const CONDITIONAL: &[ConditionalTest] =
    &[("a start before a step of the clock has the time of before", steps, needs)];

fn needs() -> Option<String> {
    let emulated = std::env::var_os("TRACEGO_TEST_EMULATED").is_some();
    (!emulated).then(|| "sets the clock: cargo xtask vm \"step of the clock\"".to_owned())
}

/// Number of steps, which go forth and back.
const STEPS: u8 = 20;

/// Number of runs of which one has to be right. An emulated processor can be held up between a start and the agent's look at
/// the clock, for longer than the start is from the step behind it; a fault of the agent's is there in each run.
const RUNS: u8 = 3;

fn steps() {
    let mistakes: Vec<String> = (0..RUNS).map_while(|_| mistake()).collect();
    assert!(mistakes.len() < usize::from(RUNS), "{mistakes:#?}");
}

/// Runs programs between steps of the clock. Returns the first record with the time of behind its step.
fn mistake() -> Option<String> {
    const MINUTE: i64 = 60_000_000_000;
    let before = Reading::now().unix_ns;
    let seconds = before / 1_000_000_000;
    // Nothing is between a start and the step behind it that would let the agent read it first.
    let script: String = (0..STEPS)
        .map(|step| format!("/bin/true\ndate -s @{} >/dev/null\n", seconds + 3600 * i64::from(step % 2 == 0)))
        .collect();
    let script = format!("set -e\n{script}exit 0");
    let session = Session::run(&["-e", "execve,exit"], &["/bin/sh", "-c", &script], |_| {});
    assert!(session.output.status.success(), "{}", session.stderr());
    for kind in ["start", "exit"] {
        let own = session.of(kind).filter(|record| record["process"]["executable"]["name"] == "true");
        let times: Vec<_> = own.map(|record| record["timestamp"].as_str().unwrap()).collect();
        assert_eq!(times.len(), usize::from(STEPS), "{kind}");
        for (step, time) in (0..STEPS).zip(times) {
            let wanted = before + 60 * MINUTE * i64::from(step % 2 == 1);
            // The whole run takes no half hour.
            let (from, to) = (Time(wanted - 30 * MINUTE).text(), Time(wanted + 30 * MINUTE).text());
            if !(from.as_str()..to.as_str()).contains(&time) {
                return Some(format!("{kind} {step}: {time}"));
            }
        }
    }
    None
}
