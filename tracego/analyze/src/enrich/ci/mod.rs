//! CI systems and the meaning of their variables, in one table. A vendor's marker is checked before generic
//! names, because GitLab and Woodpecker share `CI_COMMIT_SHA`, and GitHub and Gitea share `GITHUB_*`.
//!
//! All values are claims: a job can set its own environment. Names that hold secrets (`CI_JOB_TOKEN`,
//! `CI_REPOSITORY_URL`, …) are not in the table and never leave the process.

mod systems;

use systems::{GENERIC, NOTHING, PARTS, SYSTEMS};
use tracego_model::{
    job_variables::{self, JOB_VARIABLES, Opens},
    record::job::attribute::{REPOSITORY, TASK_RUN},
};

/// A job's claim about one attribute.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claim {
    /// The attribute; see [`tracego_model::record::job::attribute`].
    pub attribute: &'static str,
    /// The variable that the value comes from; the first one for a composed value.
    pub variable: &'static str,
    /// The value.
    pub value: String,
}

/// The identity that an environment claims.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CiIdentity {
    /// `cicd.system.component`: the CI system, if its marker is set.
    pub system: Option<&'static str>,
    /// Claims, at most one for each attribute.
    pub claims: Vec<Claim>,
    /// Whether the environment opens a job; see [`job_variables`].
    pub opens: bool,
}

/// Reads an identity from an environment through `lookup`.
pub fn identify<'a>(lookup: impl Fn(&str) -> Option<&'a str>) -> CiIdentity {
    let get = |name: &str| lookup(name).filter(|value| !value.is_empty());
    let system = SYSTEMS.iter().find(|system| {
        let (name, wanted) = system.marker;
        get(name).is_some_and(|value| wanted.is_none_or(|wanted| value == wanted))
    });
    let mut claims: Vec<Claim> = Vec::new();
    let mut claim = |attribute, variable, value: String| {
        if claims.iter().all(|claim| claim.attribute != attribute) {
            claims.push(Claim { attribute, variable, value });
        }
    };
    if let Some(system) = system {
        for &(attribute, variable) in system.variables {
            if let Some(value) = get(variable).filter(|&value| !NOTHING.contains(&(variable, value))) {
                claim(attribute, variable, value.to_owned());
            }
        }
        if matches!(system.name, "github" | "gitea") {
            if let (Some(server), Some(repository)) = (get("GITHUB_SERVER_URL"), get("GITHUB_REPOSITORY")) {
                claim(REPOSITORY, "GITHUB_REPOSITORY", format!("{server}/{repository}"));
            }
            // GITHUB_JOB is the key of the job in its file. It is unique only together with the run and the
            // attempt.
            if let (Some(run), Some(job)) = (get("GITHUB_RUN_ID"), get("GITHUB_JOB")) {
                let attempt = get("GITHUB_RUN_ATTEMPT").unwrap_or("1");
                claim(TASK_RUN, "GITHUB_JOB", format!("{run}/{attempt}/{job}"));
            }
        }
    }
    for (attribute, variable) in GENERIC {
        if let Some(value) = get(variable) {
            claim(attribute, variable, value.to_owned());
        }
    }
    let opens = |(name, _): &(&str, Opens)| {
        get(name).is_some_and(|value| job_variables::opens(name.as_bytes(), value.as_bytes()))
    };
    CiIdentity { system: system.map(|system| system.name), claims, opens: JOB_VARIABLES.iter().any(opens) }
}

/// Returns the variables of identities, for the allow-list.
#[must_use]
pub fn names() -> Vec<&'static str> {
    let tables = SYSTEMS.iter().flat_map(|system| system.variables).chain(&GENERIC);
    let markers = SYSTEMS.iter().map(|system| system.marker.0);
    let mut names: Vec<&'static str> = Vec::new();
    for name in tables.map(|&(_, name)| name).chain(markers).chain(PARTS) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use tracego_model::record::job::attribute::{REF, REVISION, RUN, TASK};

    use super::*;

    fn read(environment: &[(&str, &str)]) -> CiIdentity {
        identify(|name| environment.iter().find(|(known, _)| *known == name).map(|&(_, value)| value))
    }

    fn value<'a>(identity: &'a CiIdentity, attribute: &str) -> Option<&'a str> {
        identity.claims.iter().find(|c| c.attribute == attribute).map(|c| c.value.as_str())
    }

    #[test]
    fn markers_decide_who_owns_a_shared_name() {
        let gitlab =
            read(&[("GITLAB_CI", "true"), ("CI", "true"), ("CI_COMMIT_SHA", "a"), ("CI_JOB_ID", "7")]);
        assert_eq!(
            (gitlab.system, value(&gitlab, REVISION), value(&gitlab, TASK_RUN)),
            (Some("gitlab"), Some("a"), Some("7"))
        );
        let woodpecker = read(&[("CI", "woodpecker"), ("CI_COMMIT_SHA", "b"), ("CI_STEP_NUMBER", "3")]);
        assert_eq!((woodpecker.system, value(&woodpecker, TASK_RUN)), (Some("woodpecker"), Some("3")));
        let gitea = read(&[("GITEA_ACTIONS", "true"), ("GITHUB_ACTIONS", "true"), ("GITHUB_SHA", "c")]);
        assert_eq!((gitea.system, value(&gitea, REVISION)), (Some("gitea"), Some("c")));
    }

    #[test]
    fn a_github_job_is_unique_with_run_and_attempt() {
        let job = read(&[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_RUN_ID", "42"),
            ("GITHUB_RUN_ATTEMPT", "2"),
            ("GITHUB_JOB", "build"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "o/r"),
        ]);
        assert_eq!(value(&job, TASK_RUN), Some("42/2/build"));
        assert_eq!(value(&job, REPOSITORY), Some("https://github.com/o/r"));
    }

    #[test]
    fn the_own_contract_needs_no_vendor() {
        let own = read(&[("GIT_COMMIT", "abc123f"), ("CI_JOB_ID", "456789")]);
        assert_eq!(
            (own.system, value(&own, REVISION), value(&own, TASK_RUN)),
            (None, Some("abc123f"), Some("456789"))
        );
        assert_eq!(read(&[("HOME", "/root"), ("CI_JOB_ID", "")]), CiIdentity::default());
    }

    #[test]
    fn an_unresolved_commit_is_no_commit() {
        let job =
            read(&[("BUILDKITE", "true"), ("BUILDKITE_COMMIT", "HEAD"), ("BUILDKITE_PULL_REQUEST", "false")]);
        assert_eq!(job.claims, []);
    }

    #[test]
    fn what_means_nothing_to_one_vendor_is_a_name_to_others() {
        let buildkite =
            read(&[("BUILDKITE", "true"), ("BUILDKITE_BRANCH", "HEAD"), ("BUILDKITE_LABEL", "false")]);
        assert_eq!((value(&buildkite, REF), value(&buildkite, TASK)), (Some("HEAD"), Some("false")));
        let gitlab = read(&[("GITLAB_CI", "true"), ("CI_COMMIT_REF_NAME", "HEAD"), ("CI_JOB_NAME", "false")]);
        assert_eq!((value(&gitlab, REF), value(&gitlab, TASK)), (Some("HEAD"), Some("false")));
        let github =
            read(&[("GITHUB_ACTIONS", "true"), ("GITHUB_REF_NAME", "HEAD"), ("GITHUB_JOB", "false")]);
        assert_eq!((value(&github, REF), value(&github, TASK)), (Some("HEAD"), Some("false")));
    }

    #[test]
    fn every_system_is_recognised_and_no_secret_is_asked_for() {
        for system in &SYSTEMS {
            let (name, value) = system.marker;
            let value = value.unwrap_or("x");
            assert_eq!(read(&[(name, value)]).system, Some(system.name));
        }
        for name in names() {
            assert!(name.len() < tracego_common::limits::ENV_NAME_MAX);
            assert!(
                !["TOKEN", "SECRET", "PASSW", "CI_REPOSITORY_URL"].iter().any(|bad| name.contains(bad)),
                "{name}"
            );
        }
        assert!(names().contains(&"CI_JOB_ID") && names().contains(&"GIT_COMMIT"));
    }

    #[test]
    fn whatever_identifies_a_job_opens_one() {
        // Images carry these beyond their build, and GITHUB_JOB is never without GITHUB_RUN_ID.
        const ALONE_NO_JOB: [&str; 3] = ["BUILD_ID", "BUILD_TAG", "GITHUB_JOB"];
        for system in &SYSTEMS {
            let (name, value) = system.marker;
            assert!(read(&[(name, value.unwrap_or("x"))]).opens, "{name}");
            let runs = system.variables.iter().filter(|(attribute, _)| [RUN, TASK_RUN].contains(attribute));
            for (_, name) in runs {
                assert_eq!(read(&[(name, "7")]).opens, !ALONE_NO_JOB.contains(name), "{name}");
            }
        }
        assert!(read(&[("CI", "true")]).opens && !read(&[("CI", "false")]).opens);
        assert!(!read(&[("BUILD_ID", "7"), ("GIT_COMMIT", "abc")]).opens);
    }
}
