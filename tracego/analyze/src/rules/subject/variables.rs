//! Variables that rules look at.

use crate::rules::settings::RuleSettings;

/// Variables that rules, or the stage before them, depend on, each with the first rule that needs it. They go
/// on the allow-list, and into the record only on request. Variables of CI systems are on the list anyway.
pub const VARIABLES: [(&str, &str); 39] = [
    ("GOFILE", "TG001"),
    ("APPVEYOR_BUILD_FOLDER", "TG003"),
    ("BITBUCKET_CLONE_DIR", "TG003"),
    ("BUILDKITE_BUILD_CHECKOUT_PATH", "TG003"),
    ("BUILD_SOURCESDIRECTORY", "TG003"),
    ("CIRCLE_WORKING_DIRECTORY", "TG003"),
    ("CIRRUS_WORKING_DIR", "TG003"),
    ("CI_PROJECT_DIR", "TG003"),
    ("CI_WORKSPACE", "TG003"),
    ("CODEBUILD_SRC_DIR", "TG003"),
    ("DRONE_WORKSPACE", "TG003"),
    ("GITHUB_EVENT_PATH", "TG003"),
    ("GITHUB_WORKSPACE", "TG003"),
    ("TRAVIS_BUILD_DIR", "TG003"),
    ("WORKSPACE", "TG003"),
    ("GO111MODULE", "TG004"),
    ("GOENV", "TG004"),
    ("GOFLAGS", "TG004"),
    ("GOINSECURE", "TG004"),
    ("GONOSUMDB", "TG004"),
    ("GOPRIVATE", "TG004"),
    ("GOPROXY", "TG004"),
    ("GOSUMDB", "TG004"),
    ("GOTOOLCHAIN", "TG004"),
    ("GOWORK", "TG004"),
    ("PWD", "TG004"),
    ("XDG_CONFIG_HOME", "TG004"),
    ("GOCACHE", "TG005"),
    ("GOTMPDIR", "TG005"),
    ("HOME", "TG005"),
    ("TMPDIR", "TG005"),
    ("XDG_CACHE_HOME", "TG005"),
    ("GODEBUG", "TG008"),
    ("GOMAXPROCS", "TG008"),
    ("GOMEMLIMIT", "TG008"),
    ("APP_ENV", "TG009"),
    ("OTEL_RESOURCE_ATTRIBUTES", "TG010"),
    ("OTEL_SERVICE_NAME", "TG010"),
    ("TRACEPARENT", "TG010"),
];

/// Returns the names in [`VARIABLES`] and those that the configuration requires.
#[must_use]
pub fn variables(settings: &RuleSettings) -> Vec<String> {
    let mut names: Vec<String> = VARIABLES.iter().map(|&(name, _)| name.to_owned()).collect();
    names.extend(settings.thresholds.required.iter().cloned());
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inspect::surroundings::provenance::{CHECKOUTS, EVENT},
        rules::registry,
    };

    #[test]
    fn variables_are_told_once_and_can_be_asked_for() {
        for (n, (name, rule)) in VARIABLES.iter().enumerate() {
            assert!(name.len() < tracego_common::limits::ENV_NAME_MAX, "{name}");
            assert!(registry::find(rule).is_some(), "{name}: {rule}");
            assert!(VARIABLES[..n].iter().all(|(other, _)| other != name), "{name} twice");
        }
        for name in CHECKOUTS.into_iter().chain([EVENT]) {
            assert!(VARIABLES.iter().any(|(known, _)| *known == name), "{name} is never collected");
        }
        let mut settings = RuleSettings::default();
        settings.read(&"[rules.TG009]\nrequired = [\"REGION\", \"HOME\"]".parse().unwrap()).unwrap();
        let names = variables(&settings);
        assert!(names.contains(&"REGION".to_owned()) && names.len() == VARIABLES.len() + 1);
    }
}
