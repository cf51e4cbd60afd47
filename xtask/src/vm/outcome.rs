//! The outcome of one boot.

use std::time::Duration;

use super::guest::Ran;
use super::kernels::Kernel;
use super::machine::Machine;
use super::said::{self, Doctor, Tests};

/// The results on one kernel, booted in one way.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Release and machine.
    pub(super) name: String,
    pub(super) doctor: Doctor,
    pub(super) tests: Tests,
    /// Reasons why the boot counts as failed, apart from failed tests.
    pub(super) wrong: Vec<String>,
    pub(super) boot: Duration,
    pub(super) whole: Duration,
}

impl Outcome {
    /// Reads the guest's report.
    pub(super) fn of(kernel: &Kernel, machine: Machine, ran: &Ran) -> Self {
        let name = match machine {
            Machine::Plain => kernel.release.clone(),
            other => format!("{} {}", kernel.release, other.name()),
        };
        let mut outcome = Self { name, boot: ran.boot, whole: ran.whole, ..Self::default() };
        outcome.wrong.extend(ran.late.map(str::to_owned));
        outcome.read(&ran.said);
        outcome
    }

    fn read(&mut self, said: &str) {
        for part in said::parts(said) {
            if part.name == "doctor" {
                match serde_json::from_str(part.output) {
                    Ok(doctor) => self.doctor = doctor,
                    Err(error) => self.wrong.push(format!("doctor's report cannot be read: {error}")),
                }
            } else {
                let tests = said::tests(part.output);
                // A suite that could not start has no failed test.
                if part.status.is_some_and(|status| (status == 0) != tests.failed.is_empty()) {
                    self.wrong.push(format!("{} ended with {:?}: {}", part.name, part.status, part.output));
                }
                // A filter that matches no test would pass on every kernel.
                if part.status == Some(0) && tests == Tests::default() {
                    self.wrong.push(format!("{} ran no test: {}", part.name, part.output));
                }
                self.tests.add(tests);
            }
            if part.status.is_none() {
                self.wrong.push(format!("{} did not end", part.name));
            }
        }
        if !said.contains("@@ done") {
            self.wrong.push("the guest did not come to its end".to_owned());
        }
    }

    /// Returns whether everything that ran succeeded. Failed checks of doctor are shown, but do not count.
    pub(super) fn well(&self) -> bool {
        self.wrong.is_empty() && self.tests.failed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(said: &str) -> Outcome {
        let mut outcome = Outcome::default();
        outcome.read(said);
        outcome
    }

    const DOCTOR: &str = "@@ begin doctor\n{\"kernel\":\"6\",\"checks\":[],\"programs\":[]}\n@@ end 3\n";

    #[test]
    fn only_a_guest_that_came_to_its_end_with_all_tests_passed_is_well() {
        let good =
            format!("{DOCTOR}@@ begin a\ntest x ... ok\n@@ end 0\n@@ begin b\ntest y ... ok\n@@ end 0\n");
        assert!(read(&format!("{good}@@ done\n")).well());
        assert_eq!(read(&format!("{good}@@ done\n")).tests.passed, ["x", "y"]);
        assert_eq!(read(&good).wrong, ["the guest did not come to its end"]);
        for bad in [
            format!("{DOCTOR}@@ begin a\ntest x ... ok\n@@ done\n"),
            format!("{DOCTOR}@@ begin a\ntest x ... FAILED\n@@ end 101\n@@ done\n"),
            format!("{DOCTOR}@@ begin a\nrunning 0 tests\n@@ end 0\n@@ done\n"),
            format!("{DOCTOR}@@ begin a\nsh: no such file\n@@ end 127\n@@ done\n"),
            "@@ begin doctor\n@@ end 139\n@@ done\n".to_owned(),
            String::new(),
        ] {
            assert!(!read(&bad).well(), "{bad}");
        }
    }
}
