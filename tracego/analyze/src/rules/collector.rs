//! Conversion of a rule's case into a [`Finding`]: severity and scope. Texts stay as the rule made them; the
//! stage behind all decisions takes secrets out and cuts them.

use std::collections::BTreeMap;

use tracego_model::{
    finding::{Confidence, Finding},
    matcher::MatchTarget,
};

use super::{
    place::Place,
    rule::Rule,
    settings::{RuleSettings, options::RuleOptions},
    state::RuleState,
};

/// One case of a rule, as the rule found it.
#[derive(Debug)]
pub struct FindingCase {
    variant: &'static str,
    confidence: Confidence,
    claimed: bool,
    message: String,
    evidence: BTreeMap<&'static str, String>,
}

impl FindingCase {
    /// Creates a case with high confidence.
    #[must_use]
    pub fn new(variant: &'static str, message: impl Into<String>) -> Self {
        let evidence = BTreeMap::new();
        Self { variant, confidence: Confidence::High, claimed: false, message: message.into(), evidence }
    }

    /// Notes that the case rests on what the executable says about itself.
    #[must_use]
    pub fn claimed(self) -> Self {
        Self { claimed: true, ..self }
    }

    /// Sets the confidence.
    #[must_use]
    pub fn sure(self, confidence: Confidence) -> Self {
        Self { confidence, ..self }
    }

    /// Adds evidence: an attribute or a variable, with its value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.evidence.insert(name, value.into());
        self
    }

    /// Adds evidence, if there is a value.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

/// The collector of the findings about one process.
#[derive(Debug)]
pub struct FindingCollector<'a> {
    /// The settings in force.
    pub settings: &'a RuleSettings,
    /// State about earlier processes.
    pub memory: &'a mut RuleState,
    rule: &'static Rule,
    findings: Vec<Finding>,
}

impl<'a> FindingCollector<'a> {
    /// Creates the report for one process; [`Self::turn`] sets the rule that is evaluated.
    #[must_use]
    pub fn new(settings: &'a RuleSettings, memory: &'a mut RuleState, rule: &'static Rule) -> Self {
        Self { settings, memory, rule, findings: Vec::new() }
    }

    /// Sets the rule that is evaluated next.
    pub fn turn(&mut self, rule: &'static Rule) {
        self.rule = rule;
    }

    /// Returns the values that rules compare with.
    #[must_use]
    pub fn thresholds(&self) -> &'a RuleOptions {
        &self.settings.thresholds
    }

    /// Adds a case as a finding, unless the configuration excludes it for this process.
    pub fn add(&mut self, case: FindingCase, place: Place, scope_target: &MatchTarget<'_>) {
        let Some(variant) = self.rule.variant(case.variant) else {
            debug_assert!(false, "{} has no variant {}", self.rule.id, case.variant);
            return;
        };
        let severity = variant.grades.at(place);
        let Some(severity) = self.settings.grade(self.rule, variant.name, severity, scope_target) else {
            return;
        };
        self.findings.push(Finding {
            id: self.rule.id,
            name: self.rule.name,
            variant: Some(variant.name),
            severity,
            confidence: case.confidence,
            claimed: case.claimed,
            message: case.message,
            remedy: if variant.remedy.is_empty() { self.rule.remedy } else { variant.remedy },
            evidence: case.evidence,
            unenforced: None,
            by_arguments: self.rule.by_arguments && self.settings.is_uniform(self.rule),
        });
    }

    /// Returns the findings.
    #[must_use]
    pub fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}
