//! The table of CI systems: how each is recognised, and which variable holds which fact about the job.

mod hosted;
mod own;
mod platform;

use tracego_model::record::job::attribute::{REVISION, TASK_RUN};

/// An attribute, and the variable that holds it. A source with braces is a template: `{NAME}` stands for a
/// variable that must be set, `{NAME|text}` for one with a default.
pub(super) type Source = (&'static str, &'static str);

/// A CI system: its markers, and the meaning of its variables.
pub(super) struct CiSystem {
    pub(super) name: &'static str,
    /// Variables that mark the system. One of them is enough.
    pub(super) markers: &'static [Sign],
    /// Attributes of the job, the best source of an attribute first. [`REVISION`] is the commit that the system
    /// checks out.
    pub(super) attributes: &'static [Source],
    /// Other commits that the checkout may be at: head and merge commit of a pull request, and names that hold
    /// the checked-out commit in another way.
    pub(super) commits: &'static [&'static str],
    /// Signs of a run for a pull or merge request, or for another event whose commit is not the checkout.
    pub(super) change: &'static [Sign],
    /// Sources that tell the legs of a matrix or of parallel instances apart where the job id does not, the
    /// best first.
    pub(super) legs: &'static [Leg],
}

/// A variable and the values that it must have.
pub(super) struct Sign(pub(super) &'static str, pub(super) Wanted);

/// The values of a variable that count.
pub(super) enum Wanted {
    /// Any value but an empty one.
    Any,
    /// One of these values.
    One(&'static [&'static str]),
    /// Any value but an empty one and these.
    Other(&'static [&'static str]),
    /// Values with this prefix.
    Begins(&'static str),
}

impl Wanted {
    /// Whether a value counts.
    pub(super) fn is_met(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::One(values) => values.contains(&value),
            Self::Other(values) => !values.contains(&value),
            Self::Begins(prefix) => value.starts_with(prefix),
        }
    }
}

/// The source of a leg.
pub(super) struct Leg {
    /// A variable or a template.
    pub(super) source: &'static str,
    /// The variable with the number of legs. A job with one leg needs no leg in its id.
    pub(super) total: Option<&'static str>,
}

/// A system without any variable, for the entries of the table to start from.
const BLANK: CiSystem =
    CiSystem { name: "", markers: &[], attributes: &[], commits: &[], change: &[], legs: &[] };

/// Returns the CI systems, in the order in which they are tried. Systems that run inside of others come first.
pub(super) fn systems() -> impl Iterator<Item = &'static CiSystem> {
    hosted::SYSTEMS.iter().chain(&own::SYSTEMS).chain(&platform::SYSTEMS)
}

/// Variables with the value that means that there is none. Only these pairs count: another vendor's job can
/// be called `false`, and any branch `HEAD`. Buildkite sets HEAD where it has not resolved the commit yet,
/// and false without a pull request (<https://buildkite.com/docs/pipelines/configure/environment-variables>).
pub(super) const NOTHING: [(&str, &str); 7] = [
    ("BUILDKITE_COMMIT", "HEAD"),
    ("BUILDKITE_PULL_REQUEST", "false"),
    ("DRONE_PULL_REQUEST", "0"),
    ("SD_PULL_REQUEST", "false"),
    ("TRAVIS_PULL_REQUEST", "false"),
    ("VELA_BUILD_PULL_REQUEST", "0"),
    ("VELA_PULL_REQUEST", "0"),
];

/// Variables of tracego's own contract, independent of vendors; used for attributes that a vendor did not
/// set.
pub(super) const GENERIC: [Source; 3] =
    [(REVISION, "GIT_COMMIT"), (TASK_RUN, "CI_JOB_ID"), (TASK_RUN, "BUILD_ID")];

/// Returns the variables in a source: the source itself, or the names in a template, each with its default.
pub(super) fn parts(source: &'static str) -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    let plain = (!source.contains('{')).then_some((source, None));
    let named =
        source.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(part, _)| {
            part.split_once('|').map_or((part, None), |(name, default)| (name, Some(default)))
        });
    plain.into_iter().chain(named)
}

/// Returns the value of a source, and the variable that stands for it: the last one of a template.
pub(super) fn value<'a>(
    source: &'static str,
    get: &dyn Fn(&'static str) -> Option<&'a str>,
) -> Option<(&'static str, String)> {
    if !source.contains('{') {
        return Some((source, get(source)?.to_owned()));
    }
    let (mut text, mut variable) = (String::new(), "");
    let mut rest = source;
    while let Some((before, part)) = rest.split_once('{') {
        let (part, after) = part.split_once('}')?;
        let (name, default) = part.split_once('|').map_or((part, None), |(name, text)| (name, Some(text)));
        text.push_str(before);
        text.push_str(get(name).or(default)?);
        (variable, rest) = (name, after);
    }
    text.push_str(rest);
    Some((variable, text))
}
