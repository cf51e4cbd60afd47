//! All rules, as values. Ids are permanent: the id of a removed rule stays unused, and a new rule goes to the
//! end.

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use tracego_model::{finding::Severity, input::facts::ServiceState, text::nearest};

use super::{
    build::{artifact, go_run, linking, modules, toolchain},
    collector::Report,
    job::{commit, identity, shared_state},
    place::{Place, Production},
    runtime::{environment, limits, sandbox, scheduler, service},
    subject::{Known, Subject},
};

/// The check of a program start.
pub type OnStart = fn(&Subject<'_>, &mut Report<'_>);
/// The check of a running service.
pub type OnService = fn(&ServiceState, &Known, &mut Report<'_>);

/// A rule.
#[derive(Debug, Serialize)]
pub struct Rule {
    /// Id, such as `TG001`.
    pub id: &'static str,
    /// Name, in kebab case.
    pub name: &'static str,
    /// Title of the finding, in a few words.
    pub title: &'static str,
    /// Meaning of the finding, and why it matters.
    pub summary: &'static str,
    /// Remediation, in one sentence.
    pub remedy: &'static str,
    /// Reference for further reading.
    pub reference: &'static str,
    /// The cases of the rule.
    pub variants: &'static [Variant],
    /// The check of a program start.
    #[serde(skip)]
    pub start: Option<OnStart>,
    /// The check of a running service.
    #[serde(skip)]
    pub service: Option<OnService>,
}

/// One of the cases of a rule.
#[derive(Debug, Serialize)]
pub struct Variant {
    /// Name, in kebab case.
    pub name: &'static str,
    /// Severity in each place.
    #[serde(rename = "severity")]
    pub grades: Grades,
    /// Description of the case.
    pub summary: &'static str,
    /// Remediation of this case; empty where the rule's remediation applies.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub remedy: &'static str,
}

/// The severity of a case in each place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Grades {
    /// Severity in a CI job.
    pub ci: Severity,
    /// Severity in production, as the configuration or the profile declares it.
    pub production: Severity,
    /// Severity in a container or a system service of unknown purpose, and not at a terminal.
    pub guessed: Severity,
    /// Severity at a terminal elsewhere.
    pub terminal: Severity,
    /// Severity elsewhere.
    pub other: Severity,
}

impl Grades {
    /// Creates grades with one severity everywhere.
    #[must_use]
    pub const fn always(severity: Severity) -> Self {
        Self { ci: severity, production: severity, guessed: severity, terminal: severity, other: severity }
    }

    /// Creates grades with one severity in production, guessed or declared, and another elsewhere.
    #[must_use]
    pub const fn production(production: Severity, other: Severity) -> Self {
        Self { ci: other, production, guessed: production, terminal: other, other }
    }

    /// Creates grades with one severity in declared production, and another elsewhere.
    #[must_use]
    pub const fn declared(production: Severity, other: Severity) -> Self {
        Self { ci: other, production, guessed: other, terminal: other, other }
    }

    /// Returns the severity in a place. A terminal in a container of unknown purpose is as often a
    /// developer's as an operator's, so it counts as elsewhere.
    #[must_use]
    pub fn at(&self, place: Place) -> Severity {
        match (place.ci, place.production, place.interactive) {
            (true, _, _) => self.ci,
            (_, Production::Declared, _) => self.production,
            (_, Production::Guessed, false) => self.guessed,
            (_, Production::Guessed, true) => self.other,
            (_, Production::No, true) => self.terminal,
            (_, Production::No, false) => self.other,
        }
    }

    /// Returns each place with its severity.
    #[must_use]
    pub fn each(&self) -> [(&'static str, Severity); 5] {
        [
            ("CI job", self.ci),
            ("production", self.production),
            ("container or service", self.guessed),
            ("terminal", self.terminal),
            ("elsewhere", self.other),
        ]
    }

    /// Returns the worst severity.
    #[must_use]
    pub fn worst(&self) -> Severity {
        self.ci.max(self.production).max(self.guessed).max(self.terminal).max(self.other)
    }
}

impl Serialize for Grades {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(5))?;
        for (name, severity) in [
            ("ci", self.ci),
            ("production", self.production),
            ("guessed", self.guessed),
            ("terminal", self.terminal),
            ("other", self.other),
        ] {
            map.serialize_entry(name, &severity)?;
        }
        map.end()
    }
}

impl Rule {
    /// Returns the worst severity of all variants.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.variants.iter().map(|variant| variant.grades.worst()).max().unwrap_or(Severity::Low)
    }

    /// Returns a variant by its name.
    #[must_use]
    pub fn variant(&self, name: &str) -> Option<&'static Variant> {
        self.variants.iter().find(|variant| variant.name == name)
    }
}

/// All rules, in the order of their ids.
pub static RULES: [Rule; 18] = [
    go_run::RULE,
    artifact::RULE,
    commit::RULE,
    modules::RULE,
    shared_state::RULE,
    service::PIDFILE,
    limits::RULE,
    scheduler::RULE,
    environment::REQUIRED,
    environment::TELEMETRY,
    linking::DYNAMIC,
    linking::DEBUG,
    linking::PACKED,
    toolchain::RULE,
    sandbox::RULE,
    identity::RULE,
    service::INSTANCES,
    service::HEALTH,
];

/// Returns a rule by its id or name, in any case.
#[must_use]
pub fn find(text: &str) -> Option<&'static Rule> {
    let is = |name: &str| name.eq_ignore_ascii_case(text);
    RULES.iter().find(|rule| is(rule.id) || is(rule.name))
}

/// Returns `did you mean 'TG001'?` for an id or a name that is nearly right, and all ids otherwise.
#[must_use]
pub fn nearest_id(text: &str) -> String {
    let lower = text.to_lowercase();
    match RULES.iter().find(|rule| rule.name == lower) {
        Some(rule) => format!("did you mean '{}'?", rule.id),
        None => nearest(&text.to_uppercase(), RULES.iter().map(|rule| rule.id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names_are_for_ever() {
        let have: Vec<String> = RULES.iter().map(|rule| format!("{} {}", rule.id, rule.name)).collect();
        // Written by hand: a change of this list breaks what users have configured.
        let wanted = [
            "TG001 go-run",
            "TG002 run-artifact",
            "TG003 commit-mismatch",
            "TG004 unverified-modules",
            "TG005 shared-build-state",
            "TG006 pidfile",
            "TG007 resource-limits",
            "TG008 scheduler-limits",
            "TG009 required-environment",
            "TG010 telemetry-identity",
            "TG011 dynamic-linking",
            "TG012 debug-build",
            "TG013 packed-binary",
            "TG014 toolchain-in-production",
            "TG015 container-sandbox",
            "TG016 job-identity",
            "TG017 duplicate-instance",
            "TG018 no-health",
        ];
        assert_eq!(have, wanted);
    }

    #[test]
    fn every_rule_explains_itself() {
        let begins =
            |text: &str| text.starts_with("go run ") || text.starts_with(|c: char| !c.is_lowercase());
        let sentence = |text: &str| text.ends_with('.') && begins(text);
        for rule in &RULES {
            let id = rule.id;
            assert!(sentence(rule.summary) && rule.summary.len() > 60, "{id}: what does it mean?");
            assert!(rule.title.len() > 20 && !rule.title.ends_with('.'), "{id}: what is found?");
            assert!(sentence(rule.remedy) && rule.remedy.len() > 20, "{id}: how is it mended?");
            assert!(rule.reference.starts_with("https://") || rule.reference.contains("(7)"), "{id}");
            assert!(!rule.variants.is_empty(), "{id}: at least one variant");
            assert!(rule.start.is_some() || rule.service.is_some(), "{id}: nobody decides it");
            for (n, variant) in rule.variants.iter().enumerate() {
                let name = variant.name;
                assert!(sentence(variant.summary), "{id} {name}: what is the case?");
                assert!(variant.remedy.is_empty() || sentence(variant.remedy), "{id} {name}");
                assert!(name.bytes().all(|b| b == b'-' || b.is_ascii_lowercase()), "{id} {name}");
                assert!(rule.variants[..n].iter().all(|other| other.name != name), "{id} {name}: twice");
                let grades = variant.grades;
                assert!(grades.terminal <= grades.ci.max(grades.production), "{id} {name}");
            }
        }
    }

    #[test]
    fn a_rule_is_found_in_any_case_and_by_what_is_nearly_its_id() {
        assert_eq!(find("tg004").map(|rule| rule.id), Some("TG004"));
        assert_eq!(find("Go-Run").map(|rule| rule.id), Some("TG001"));
        assert!(find("TG019").is_none());
        assert_eq!(nearest_id("TG19"), "did you mean 'TG009'?");
        assert_eq!(nearest_id("Go-Run"), "did you mean 'TG001'?");
        assert!(nearest_id("something else").starts_with("there are: TG001"));
    }

    #[test]
    fn the_place_decides_the_grade() {
        let grades = Grades {
            ci: Severity::High,
            production: Severity::Critical,
            guessed: Severity::Medium,
            terminal: Severity::Low,
            other: Severity::Low,
        };
        let place = |ci, production, interactive| Place { ci, production, interactive, container: true };
        assert_eq!(grades.at(place(true, Production::No, true)), Severity::High);
        assert_eq!(grades.at(place(false, Production::Declared, true)), Severity::Critical);
        assert_eq!(grades.at(place(false, Production::Guessed, false)), Severity::Medium);
        assert_eq!(grades.at(place(false, Production::Guessed, true)), Severity::Low);
        assert_eq!(grades.at(place(false, Production::No, true)), Severity::Low);
        assert_eq!(grades.at(place(false, Production::No, false)), Severity::Low);
    }
}
