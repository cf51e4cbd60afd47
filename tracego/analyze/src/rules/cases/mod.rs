//! Processes with and without a finding, for every case of every rule.

mod commands;
mod commits;
mod go_run;
mod jobs;
mod modules;
mod origins;
mod programs;
mod resources;
mod services;

use tracego_model::finding::{Confidence, Finding, Severity};

use super::{
    Rules,
    place::Profile,
    registry::RULES,
    test_process::{self, TestProcess},
};

type Look = Box<dyn Fn(&mut Rules) -> Vec<Finding>>;

/// A process, or several in a row, and the finding about the last.
struct Example {
    rule: &'static str,
    /// Expected variant and severity; `None` when the rule must not report.
    wanted: Option<(&'static str, Severity)>,
    what: &'static str,
    profile: Profile,
    configuration: &'static str,
    look: Look,
}

impl Example {
    fn new(
        rule: &'static str,
        what: &'static str,
        look: impl Fn(&mut Rules) -> Vec<Finding> + 'static,
    ) -> Self {
        let (profile, configuration) = (Profile::Auto, "");
        Self { rule, wanted: None, what, profile, configuration, look: Box::new(look) }
    }

    fn under(self, profile: Profile) -> Self {
        Self { profile, ..self }
    }

    fn configured(self, configuration: &'static str) -> Self {
        Self { configuration, ..self }
    }

    fn check(&self) {
        let mut rules = test_process::rules(self.configuration, self.profile);
        let findings = (self.look)(&mut rules);
        let of_rule: Vec<_> = findings
            .iter()
            .filter(|finding| finding.id == self.rule)
            .map(|finding| (finding.variant.unwrap(), finding.severity))
            .collect();
        let wanted: Vec<_> = self.wanted.into_iter().collect();
        assert_eq!(of_rule, wanted, "{} {}: {findings:#?}", self.rule, self.what);
        for finding in &findings {
            assert!(!finding.message.is_empty() && !finding.message.contains('\n'), "{finding:?}");
            assert!(
                finding.message.starts_with(|c: char| !c.is_uppercase()) || finding.message.starts_with("GO")
            );
            assert!(!finding.message.ends_with('.'), "{}", finding.message);
        }
    }
}

/// Creates an example where the last start is a finding.
fn finds(
    rule: &'static str,
    variant: &'static str,
    severity: Severity,
    what: &'static str,
    scenes: impl Into<Vec<TestProcess>>,
) -> Example {
    Example { wanted: Some((variant, severity)), ..clean(rule, what, scenes) }
}

/// Creates an example where the last start is no finding.
fn clean(rule: &'static str, what: &'static str, scenes: impl Into<Vec<TestProcess>>) -> Example {
    let scenes = scenes.into();
    Example::new(rule, what, move |rules| {
        scenes.iter().map(|scene| scene.start(rules)).last().unwrap_or_default()
    })
}

fn all() -> Vec<Example> {
    let families = [
        go_run::examples(),
        commits::examples(),
        modules::examples(),
        commands::examples(),
        resources::examples(),
        programs::examples(),
        jobs::examples(),
        services::examples(),
        origins::examples(),
    ];
    families.into_iter().flatten().collect()
}

#[test]
fn every_example_is_what_it_should_be() {
    for example in all() {
        example.check();
    }
}

#[test]
fn every_rule_has_both_sides_and_every_variant_one() {
    let all = all();
    for rule in &RULES {
        let of = |positive: bool| {
            all.iter()
                .filter(|example| example.rule == rule.id && example.wanted.is_some() == positive)
                .count()
        };
        assert!(of(true) >= 2, "{}: {} positive cases", rule.id, of(true));
        assert!(of(false) >= 2, "{}: {} negative cases", rule.id, of(false));
        for variant in rule.variants {
            let found = |example: &&Example| {
                example.rule == rule.id && example.wanted.is_some_and(|(name, _)| name == variant.name)
            };
            assert!(all.iter().any(|e| found(&e)), "{} {}: no positive case", rule.id, variant.name);
        }
    }
    for example in &all {
        assert!(RULES.iter().any(|rule| rule.id == example.rule), "{} {}", example.rule, example.what);
    }
}

#[test]
fn a_rule_that_is_off_says_nothing() {
    let off: String = RULES.iter().map(|rule| format!("[rules.{}]\nenabled = false\n", rule.id)).collect();
    for example in all() {
        let mut rules = test_process::rules(&off, example.profile);
        assert_eq!((example.look)(&mut rules), [], "{} {}", example.rule, example.what);
    }
}

#[test]
fn a_scope_and_a_grade_hold_for_findings() {
    let start = |configuration: &str| {
        let mut rules = test_process::rules(configuration, Profile::Ci);
        let found = test_process::go(9, "go run ./cmd/server").start(&mut rules);
        found.into_iter().filter(|finding| finding.id == "TG001").map(|finding| finding.severity).next()
    };
    assert_eq!(start(""), Some(Severity::High));
    assert_eq!(start("[rules.TG001]\nseverity = \"medium\""), Some(Severity::Medium));
    assert_eq!(start("[rules.TG001]\nvariants = { local = \"off\" }"), None);
    assert_eq!(start("[rules.TG001]\nexcept = [{ path = \"/usr/local/go/**\" }]"), None);
    assert_eq!(start("[rules.TG001]\nonly = [{ user = \"me\" }]"), Some(Severity::High));
    assert_eq!(start("[rules.TG001]\nonly = [{ user = \"root\" }]"), None);
}

#[test]
fn a_finding_says_what_decided_it() {
    let mut rules = test_process::rules("", Profile::Ci);
    let found = test_process::go(9, "go run ./cmd/server --token=abcdefgh").start(&mut rules);
    let finding = &found[0];
    assert_eq!((finding.id, finding.name, finding.confidence), ("TG001", "go-run", Confidence::High));
    assert_eq!(
        finding.message,
        "go run ./cmd/server was executed in a CI job instead of a program that was built"
    );
    assert_eq!(finding.evidence["package"], "./cmd/server");
    // Rules quote arguments as they are; the stage behind all decisions takes secrets out.
    assert_eq!(finding.evidence["process.command_args"], "go run ./cmd/server --token=abcdefgh");
    let json = serde_json::to_value(finding).unwrap();
    assert_eq!((json["severity"].as_str(), json["variant"].as_str()), (Some("high"), Some("local")));
}

#[test]
fn a_finding_says_that_it_rests_on_what_the_file_claims() {
    for example in all() {
        let Some((variant, _)) = example.wanted else { continue };
        let mut rules = test_process::rules(example.configuration, example.profile);
        let findings = (example.look)(&mut rules);
        let of_case = findings.iter().find(|one| one.id == example.rule && one.variant == Some(variant));
        let wanted = match example.rule {
            // The file itself shows that these contradict, and that there are symbols.
            "TG003" => variant != "inconsistent",
            "TG012" => variant != "symbols",
            // What Go wrote into the file is beside a proof.
            "TG022" => matches!(variant, "build-information" | "modified"),
            _ => false,
        };
        let finding = of_case.unwrap_or_else(|| panic!("{} {}", example.rule, example.what));
        assert_eq!(finding.claimed, wanted, "{} {}", example.rule, example.what);
    }
}

/// Measures the time of the rules for a program start, in nanoseconds: not Go, in a job, Go programs, the go
/// command.
/// `cargo test --release -p tracego --lib rules::cases::speed -- --ignored --nocapture` prints the result.
#[test]
#[ignore = "a measurement, not a test"]
fn speed() {
    let other =
        |pid| test_process::process(pid, "/usr/bin/ls", "ls -l").with_image(tracego_golang::Image::default());
    let job = test_process::process(1, "/bin/sh", "sh").job("1");
    for (what, scene) in [
        ("not Go", other(9)),
        ("not Go, in a job", other(9).in_job_of(&job)),
        ("not Go, in a container", other(9).container()),
        ("go build in a job", test_process::go(9, "go build ./...").in_job_of(&job)),
        ("go run in a job, with its finding", test_process::go(9, "go run .").in_job_of(&job)),
        ("a program in a job", test_process::app(9).in_job_of(&job)),
        (
            "a program in production",
            test_process::app(9).container().env("APP_ENV", "x").env("OTEL_SERVICE_NAME", "x"),
        ),
        ("the same with three findings", test_process::app(9).container().nofile(9, 9)),
    ] {
        let mut rules = test_process::rules("", Profile::Auto);
        job.start(&mut rules);
        const ROUNDS: u32 = 100_000;
        let (took, found) = scene.look(|subject| {
            let start = std::time::Instant::now();
            let mut found = 0;
            for _ in 0..ROUNDS {
                // In the pipeline, too, the place is computed anew for each start.
                subject.place.take();
                found += rules.start(std::hint::black_box(subject)).len();
            }
            (start.elapsed(), found)
        });
        eprintln!(
            "{what}: {} ns, {} findings",
            took.as_nanos() / u128::from(ROUNDS),
            found as f64 / f64::from(ROUNDS)
        );
    }
}
