//! All rules that findings are of: those about single processes, and those that reports know.

use tracego_analyze::rules::{
    registry::RULES,
    rule::{Grades, Rule, Variant},
};
use tracego_model::text::nearest;
use tracego_report::baseline::NEW_PROCESS;

/// Rules that no single process shows, as values of the same type. They have neither checks nor settings.
static OF_REPORTS: [Rule; 1] = [Rule {
    id: NEW_PROCESS.id,
    name: NEW_PROCESS.name,
    title: NEW_PROCESS.title,
    summary: NEW_PROCESS.summary,
    remedy: NEW_PROCESS.remedy,
    reference: NEW_PROCESS.reference,
    variants: &[Variant {
        name: "new",
        grades: Grades {
            ci: NEW_PROCESS.in_job,
            production: NEW_PROCESS.elsewhere,
            guessed: NEW_PROCESS.elsewhere,
            terminal: NEW_PROCESS.elsewhere,
            other: NEW_PROCESS.elsewhere,
        },
        summary: "The baseline has at least three runs, and none of them had the process.",
        remedy: "",
    }],
    by_arguments: false,
    holds_later: false,
    by_provenance: false,
    start: None,
    service: None,
}];

/// Returns all rules, in the order of their ids.
pub fn all_rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().chain(&OF_REPORTS)
}

/// Whether a rule is of reports, so that the configuration has no settings for it.
#[must_use]
pub fn is_of_reports(rule: &Rule) -> bool {
    OF_REPORTS.iter().any(|known| known.id == rule.id)
}

/// Returns a rule by its id or name, in any case.
///
/// # Errors
/// Returns the nearest id if there is no such rule.
pub(super) fn rule(text: &str) -> Result<&'static Rule, String> {
    let is = |name: &str| name.eq_ignore_ascii_case(text);
    let found = all_rules().find(|rule| is(rule.id) || is(rule.name));
    let ids: Vec<&str> = all_rules().map(|rule| rule.id).collect();
    found.ok_or_else(|| format!("there is no such rule; {}", nearest(&text.to_uppercase(), ids)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_found_and_comes_once_in_the_order_of_ids() {
        let ids: Vec<&str> = all_rules().map(|rule| rule.id).collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        for known in all_rules() {
            assert_eq!(rule(known.id).map(|rule| rule.id), Ok(known.id));
            assert_eq!(rule(&known.name.to_uppercase()).map(|rule| rule.id), Ok(known.id));
        }
        assert_eq!(rule("TG24").unwrap_err(), "there is no such rule; did you mean 'TG024'?");
    }
}
