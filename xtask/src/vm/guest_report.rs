//! Parser of the report that a guest writes.

use serde::Deserialize;

/// The used part of `tracego doctor --json`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct DoctorReport {
    pub(super) kernel: String,
    pub(super) checks: Vec<DoctorCheck>,
    pub(super) programs: Vec<DoctorProgram>,
}

/// One check of doctor.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct DoctorCheck {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) detail: String,
}

/// A program that the verifier accepted.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct DoctorProgram {
    pub(super) name: String,
    pub(super) verified_insns: u32,
}

/// The results of a suite of tests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TestResults {
    pub(super) passed: Vec<String>,
    pub(super) failed: Vec<String>,
    /// Names of ignored tests, which contain the reason.
    pub(super) ignored: Vec<String>,
    /// Output of the failed tests.
    pub(super) failures: String,
}

impl TestResults {
    /// Adds the results of another suite.
    pub(super) fn add(&mut self, other: Self) {
        self.passed.extend(other.passed);
        self.failed.extend(other.failed);
        self.ignored.extend(other.ignored);
        self.failures += &other.failures;
    }
}

/// One suite in a guest's report: its output, and its exit status once it has ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SuiteOutput<'a> {
    pub(super) name: &'a str,
    pub(super) output: &'a str,
    pub(super) status: Option<u8>,
}

const BEGIN: &str = "@@ begin ";
const END: &str = "@@ end ";

/// Returns the suites that were started.
pub(super) fn parts(said: &str) -> Vec<SuiteOutput<'_>> {
    let begun = said.split(BEGIN).skip(1);
    begun
        .map(|text| {
            let (name, rest) = text.split_once('\n').unwrap_or((text, ""));
            let (output, end) =
                rest.split_once(END).map_or((rest, None), |(output, end)| (output, Some(end)));
            let status = end.and_then(|end| end.lines().next()?.trim().parse().ok());
            SuiteOutput { name: name.trim(), output, status }
        })
        .collect()
}

/// Reads the lines of libtest: `test NAME ... ok`.
pub(super) fn tests(output: &str) -> TestResults {
    let mut tests = TestResults::default();
    for line in output.lines() {
        let Some((name, end)) = line.strip_prefix("test ").and_then(|line| line.rsplit_once(" ... ")) else {
            continue;
        };
        let list = match end.trim() {
            "ok" => &mut tests.passed,
            "ignored" => &mut tests.ignored,
            _ => &mut tests.failed,
        };
        list.push(name.trim().to_owned());
    }
    // The output of failed tests follows the heading `failures:`.
    if let Some(failures) = output.split("\nfailures:\n").nth(1) {
        failures.trim().clone_into(&mut tests.failures);
    }
    tests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_told_apart_and_one_that_did_not_end_is_seen() {
        let said = "@@ begin doctor\n{}\n@@ end 0\n@@ begin kernel\ntest a b ... ok\n@@ end 101\n@@ begin more\ntest";
        let wanted =
            [("doctor", "{}\n", Some(0)), ("kernel", "test a b ... ok\n", Some(101)), ("more", "test", None)];
        let wanted = wanted.map(|(name, output, status)| SuiteOutput { name, output, status });
        assert_eq!(parts(said), wanted);
        assert_eq!(parts(""), []);
    }

    #[test]
    fn lines_of_tests_are_read() {
        let output = "running 3 tests\ntest a thing               ... ok\ntest other (needs x) ... ignored\n\
            test third ... FAILED\n\nfailures:\n\n---- third ----\nbad\n";
        let tests = tests(output);
        assert_eq!(
            (&tests.passed[..], &tests.failed[..]),
            (&["a thing".to_owned()][..], &["third".to_owned()][..])
        );
        assert_eq!(tests.ignored, ["other (needs x)"]);
        assert!(tests.failures.contains("bad"));
    }
}
