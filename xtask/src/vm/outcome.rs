//! The outcome of one boot.

use std::time::Duration;

use super::boot_variant::BootVariant;
use super::guest::BootRun;
use super::guest_report::{self, DoctorReport, TestResults};
use super::kernels::Kernel;

/// The results on one kernel, booted in one way.
#[derive(Debug, Default)]
pub(super) struct BootOutcome {
    /// Release and machine.
    pub(super) name: String,
    pub(super) doctor: DoctorReport,
    pub(super) tests: TestResults,
    /// Reasons why the boot counts as failed, apart from failed tests.
    pub(super) errors: Vec<String>,
    pub(super) boot: Duration,
    pub(super) total: Duration,
}

impl BootOutcome {
    /// Reads the guest's report.
    pub(super) fn of(kernel: &Kernel, machine: BootVariant, ran: &BootRun) -> Self {
        let name = match machine {
            BootVariant::Plain => kernel.release.clone(),
            other => format!("{} {}", kernel.release, other.name()),
        };
        let mut outcome = Self { name, boot: ran.boot, total: ran.total, ..Self::default() };
        outcome.errors.extend(ran.timed_out.map(str::to_owned));
        outcome.read(&ran.report);
        outcome
    }

    fn read(&mut self, report: &str) {
        for part in guest_report::parts(report) {
            if part.name == "doctor" {
                match serde_json::from_str(part.output) {
                    Ok(doctor) => self.doctor = doctor,
                    Err(error) => self.errors.push(format!("cannot read doctor's report: {error}")),
                }
            } else {
                let tests = guest_report::tests(part.output);
                // A suite that could not start has no failed test.
                if part.status.is_some_and(|status| (status == 0) != tests.failed.is_empty()) {
                    self.errors.push(format!("{} ended with {:?}: {}", part.name, part.status, part.output));
                }
                // A filter that matches no test would pass on every kernel.
                if part.status == Some(0) && tests == TestResults::default() {
                    self.errors.push(format!("{} ran no test: {}", part.name, part.output));
                }
                self.tests.add(tests);
            }
            if part.status.is_none() {
                self.errors.push(format!("{} did not end", part.name));
            }
        }
        if !report.contains("@@ done") {
            self.errors.push("the guest did not come to its end".to_owned());
        }
    }

    /// Returns whether everything that ran succeeded. Failed checks of doctor are shown, but do not count.
    pub(super) fn succeeded(&self) -> bool {
        self.errors.is_empty() && self.tests.failed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(report: &str) -> BootOutcome {
        let mut outcome = BootOutcome::default();
        outcome.read(report);
        outcome
    }

    const DOCTOR: &str = "@@ begin doctor\n{\"kernel\":\"6\",\"checks\":[],\"programs\":[]}\n@@ end 3\n";

    #[test]
    fn only_a_guest_that_came_to_its_end_with_all_tests_passed_is_well() {
        let good =
            format!("{DOCTOR}@@ begin a\ntest x ... ok\n@@ end 0\n@@ begin b\ntest y ... ok\n@@ end 0\n");
        assert!(read(&format!("{good}@@ done\n")).succeeded());
        assert_eq!(read(&format!("{good}@@ done\n")).tests.passed, ["x", "y"]);
        assert_eq!(read(&good).errors, ["the guest did not come to its end"]);
        for bad in [
            format!("{DOCTOR}@@ begin a\ntest x ... ok\n@@ done\n"),
            format!("{DOCTOR}@@ begin a\ntest x ... FAILED\n@@ end 101\n@@ done\n"),
            format!("{DOCTOR}@@ begin a\nrunning 0 tests\n@@ end 0\n@@ done\n"),
            format!("{DOCTOR}@@ begin a\nsh: no such file\n@@ end 127\n@@ done\n"),
            "@@ begin doctor\n@@ end 139\n@@ done\n".to_owned(),
            String::new(),
        ] {
            assert!(!read(&bad).succeeded(), "{bad}");
        }
    }
}
