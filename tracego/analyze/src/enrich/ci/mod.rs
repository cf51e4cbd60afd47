//! CI systems and the meaning of their variables, in one table. A vendor's marker is checked before generic
//! names, because GitLab and Woodpecker share `CI_COMMIT_SHA`, and GitHub and Gitea share `GITHUB_*`.
//!
//! All values are claims: a job can set its own environment. Names that hold secrets (`CI_JOB_TOKEN`,
//! `CI_REPOSITORY_URL`, …) are not in the table and never leave the process.

mod systems;

use systems::{CiSystem, GENERIC, NOTHING, Sign};
use tracego_model::{
    job_variables::{self, JOB_VARIABLES, Opens},
    record::job::{
        CommitClaim,
        attribute::{REVISION, TASK_RUN},
    },
};

/// Variables that are read although no system in the table has them.
const PARTS: [&str; 1] = ["TRACEPARENT"];

/// A job's claim about one attribute.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claim {
    /// The attribute; see [`tracego_model::record::job::attribute`].
    pub attribute: &'static str,
    /// The variable that the value comes from; the last one for a composed value.
    pub variable: &'static str,
    /// The value.
    pub value: String,
    /// The leg of a matrix at the end of the value.
    leg: Option<LegPart>,
}

/// The leg of a matrix in the id of a job.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct LegPart {
    /// Length of the id without the leg.
    base: usize,
    /// Position of the leg's source in the table; the first is the best.
    rank: usize,
}

impl Claim {
    /// Returns the value without the leg of a matrix.
    fn base(&self) -> &str {
        self.leg.and_then(|leg| self.value.get(..leg.base)).unwrap_or(&self.value)
    }

    /// Returns the position of the source of the leg in the table.
    fn rank(&self) -> usize {
        self.leg.map_or(usize::MAX, |leg| leg.rank)
    }

    /// Whether two claims about one attribute can both be true: they are equal, or they name one job, and its
    /// leg by different variables.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.value == other.value || (self.base() == other.base() && self.rank() != other.rank())
    }

    /// Whether the claim is this value, with or without the leg of a matrix.
    #[must_use]
    pub fn names(&self, value: &str) -> bool {
        self.value == value || self.base() == value
    }

    /// Whether another claim names the same job, and its leg by a worse variable or not at all.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        self.agrees_with(other) && self.rank() < other.rank()
    }
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
    /// Commits besides the claimed one that the checkout may be at.
    pub commits: Vec<CommitClaim>,
    /// Whether the run is for a pull or merge request, or for another event whose commit is not the checkout.
    pub change: bool,
}

impl CiIdentity {
    /// Returns the claim about an attribute.
    #[must_use]
    pub fn claim(&self, attribute: &str) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.attribute == attribute)
    }
}

/// Reads an identity from an environment through `lookup`.
pub fn identify<'a>(lookup: impl Fn(&str) -> Option<&'a str>) -> CiIdentity {
    let get = |name: &'static str| {
        lookup(name).filter(|&value| !value.is_empty() && !NOTHING.contains(&(name, value)))
    };
    let is_met = |sign: &Sign| get(sign.0).is_some_and(|value| sign.1.is_met(value));
    let system = systems::systems().find(|system| system.markers.iter().any(is_met));
    let opens = |(name, _): &(&'static str, Opens)| {
        get(name).is_some_and(|value| job_variables::opens(name.as_bytes(), value.as_bytes()))
    };
    let mut identity = CiIdentity {
        system: system.map(|system| system.name),
        opens: JOB_VARIABLES.iter().any(opens),
        ..CiIdentity::default()
    };
    let of_system = system.map_or(&[][..], |system| system.attributes);
    for &(attribute, source) in of_system.iter().chain(&GENERIC) {
        if identity.claim(attribute).is_none()
            && let Some((variable, value)) = systems::value(source, &get)
        {
            identity.claims.push(Claim { attribute, variable, value, leg: None });
        }
    }
    let Some(system) = system else { return identity };
    if let Some(claim) = identity.claims.iter_mut().find(|claim| claim.attribute == TASK_RUN) {
        add_leg(claim, system, &get);
    }
    identity.change = system.change.iter().any(is_met);
    let claimed = identity.claim(REVISION).map_or("", |claim| claim.variable);
    for &variable in system.commits.iter().filter(|variable| **variable != claimed) {
        // Some of the variables hold a branch or a pull request where they hold no commit.
        if let Some(value) = get(variable).filter(|value| !value.contains('/')) {
            identity.commits.push(CommitClaim { revision: value.to_owned(), variable });
        }
    }
    identity
}

/// Adds the leg of a matrix to the id of a job.
fn add_leg<'a>(claim: &mut Claim, system: &CiSystem, get: &dyn Fn(&'static str) -> Option<&'a str>) {
    let is_alone = |total: Option<&'static str>| total.and_then(get) == Some("1");
    let legs = system.legs.iter().enumerate().filter(|(_, leg)| !is_alone(leg.total));
    let mut found = legs.filter_map(|(rank, leg)| Some((rank, systems::value(leg.source, get)?.1)));
    if let Some((rank, leg)) = found.next() {
        claim.leg = Some(LegPart { base: claim.value.len(), rank });
        claim.value = format!("{}/{leg}", claim.value);
    }
}

/// Whether a variable describes jobs of a CI system.
#[must_use]
pub fn is_of_system(variable: &str, system: &str) -> bool {
    let sources = systems::systems().filter(|known| known.name == system).flat_map(|known| known.attributes);
    sources.flat_map(|source| systems::parts(source.1)).any(|(name, _)| name == variable)
}

/// Returns the variables of identities, for the allow-list.
#[must_use]
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    let mut add = |name| {
        if !names.contains(&name) {
            names.push(name);
        }
    };
    for source in systems::systems().flat_map(|system| system.attributes).chain(&GENERIC) {
        systems::parts(source.1).for_each(|(name, _)| add(name));
    }
    for system in systems::systems() {
        system.markers.iter().for_each(|sign| add(sign.0));
        system.change.iter().for_each(|sign| add(sign.0));
        system.commits.iter().for_each(|name| add(name));
        for leg in system.legs {
            systems::parts(leg.source).for_each(|(name, _)| add(name));
            leg.total.into_iter().for_each(&mut add);
        }
    }
    PARTS.into_iter().for_each(&mut add);
    names
}

#[cfg(test)]
mod tests;
