//! All rules, as values. Ids are permanent: the id of a removed rule stays unused, and a new rule goes to the
//! end.

use tracego_model::text::nearest;

use super::{
    build::{artifact, go_run, linking, modules, provenance, toolchain},
    job::{commit, identity, shared_state},
    rule::Rule,
    runtime::{environment, limits, sandbox, scheduler, service},
};

/// All rules, in the order of their ids.
pub static RULES: [Rule; 23] = [
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
    provenance::UNSIGNED,
    provenance::BAD,
    provenance::UNTRUSTED,
    provenance::COMMIT,
    provenance::STALE,
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
            "TG019 unsigned-executable",
            "TG020 bad-provenance",
            "TG021 untrusted-signer",
            "TG022 provenance-commit",
            "TG023 stale-trust",
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
            assert!(sentence(rule.remedy) && rule.remedy.len() > 20, "{id}: how is it fixed?");
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
    fn one_rule_goes_by_file_and_arguments_alone() {
        let alone: Vec<_> = RULES.iter().filter(|rule| rule.by_arguments).map(|rule| rule.id).collect();
        assert_eq!(alone, ["TG001"]);
    }

    #[test]
    fn a_rule_is_found_in_any_case_and_by_what_is_nearly_its_id() {
        assert_eq!(find("tg004").map(|rule| rule.id), Some("TG004"));
        assert_eq!(find("Go-Run").map(|rule| rule.id), Some("TG001"));
        assert!(find("TG099").is_none());
        assert_eq!(nearest_id("TG19"), "did you mean 'TG019'?");
        assert_eq!(nearest_id("Go-Run"), "did you mean 'TG001'?");
        assert!(nearest_id("something else").starts_with("valid: TG001"));
    }
}
