//! A rule as a value: its texts, its cases with their severities, and its checks.

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use tracego_model::{finding::Severity, input::facts::ServiceState};

use super::{
    collector::FindingCollector,
    place::{Place, Production},
    subject::{KeptProcess, Subject},
};

/// The check of a program start.
pub type StartCheck = fn(&Subject<'_>, &mut FindingCollector<'_>);
/// The check of a running service.
pub type ServiceCheck = fn(&ServiceState, &KeptProcess, &mut FindingCollector<'_>);

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
    /// Whether the file and its arguments alone lead to a finding, so that enforcement may remember it.
    #[serde(skip)]
    pub by_arguments: bool,
    /// Whether the check of a program start is about the program and its surroundings alone, so that it holds for one
    /// that has been running, too.
    #[serde(skip)]
    pub holds_later: bool,
    /// Whether the check of a program start is about the provenance of its executable, so that it is made when that is
    /// known.
    #[serde(skip)]
    pub by_provenance: bool,
    /// The check of a program start.
    #[serde(skip)]
    pub start: Option<StartCheck>,
    /// The check of a running service.
    #[serde(skip)]
    pub service: Option<ServiceCheck>,
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
        let elsewhere = match (place.production, place.interactive) {
            (Production::Declared, _) => self.production,
            (Production::Guessed, false) => self.guessed,
            (Production::Guessed, true) => self.other,
            (Production::No, true) => self.terminal,
            (Production::No, false) => self.other,
        };
        match (place.ci, place.production) {
            (true, Production::No) => self.ci,
            // The process alone claims the job, so the claim must not make a finding less.
            (true, _) => self.ci.max(elsewhere),
            (false, _) => elsewhere,
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

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(grades.at(place(true, Production::Declared, false)), Severity::Critical);
        assert_eq!(grades.at(place(true, Production::Guessed, false)), Severity::High);
    }
}
