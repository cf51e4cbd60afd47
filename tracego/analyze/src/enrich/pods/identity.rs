//! The job that labels and annotations of a pod name.

use tracego_model::{
    input::pods::{PodFacts, PodTexts},
    record::job::{Source, Trust},
};

use super::systems::{PodKey, PodSystem, PodValue, SYSTEMS};

/// A label or annotation, as a record names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::enrich) struct PodOrigin {
    /// Whether it is a label or an annotation.
    pub(in crate::enrich) source: Source,
    /// The key.
    pub(in crate::enrich) key: &'static str,
    /// Whether the author of a job can choose the value.
    pub(in crate::enrich) trust: Trust,
}

/// The statement of a pod about one attribute of its job.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::enrich) struct PodClaim {
    pub(in crate::enrich) attribute: &'static str,
    pub(in crate::enrich) value: String,
    pub(in crate::enrich) origin: PodOrigin,
}

/// The job of a pod.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::enrich) struct PodJob {
    /// The CI system, `cicd.system.component`.
    pub(in crate::enrich) system: &'static str,
    /// Attributes that the environment of the system has in another form.
    pub(in crate::enrich) incomparable: &'static [&'static str],
    /// The label or annotation that marks the pod as one of the system.
    pub(in crate::enrich) mark: PodOrigin,
    /// Claims, at most one for each attribute.
    pub(in crate::enrich) claims: Vec<PodClaim>,
    /// Owner and repository, as far as labels can hold them, with a slash between the two.
    pub(in crate::enrich) repository: Option<(String, PodOrigin)>,
}

impl PodJob {
    /// Reads the job from the labels and annotations of a pod; `None` for a pod of no job.
    pub(in crate::enrich) fn of(pod: &PodFacts) -> Option<Self> {
        let texts = &pod.job;
        let mut marked = SYSTEMS.iter().filter(|system| mark(system, texts).is_some());
        let system = marked.next()?;
        // A pod of two systems has labels that somebody put there: whoever did may have put the others, too.
        let is_sure = marked.next().is_none();
        let origin = |key| origin(system, key, is_sure);
        let mut job = Self {
            system: system.name,
            incomparable: system.incomparable,
            mark: origin(mark(system, texts)?),
            claims: Vec::new(),
            repository: repository(system, texts).map(|(text, key)| (text, origin(key))),
        };
        for &(attribute, source) in system.attributes {
            if job.claim(attribute).is_none()
                && let Some(value) = value(source, texts, &pod.name)
                && let Some(key) = source.keys().last()
            {
                job.claims.push(PodClaim { attribute, value, origin: origin(key) });
            }
        }
        Some(job)
    }

    /// Returns the claim about an attribute.
    pub(in crate::enrich) fn claim(&self, attribute: &str) -> Option<&PodClaim> {
        self.claims.iter().find(|claim| claim.attribute == attribute)
    }

    /// Keeps what was known of the job before: a value that was there once stays, and others are added. A job that
    /// may change its pod cannot become another one.
    pub(in crate::enrich) fn continued(self, before: &Self) -> Self {
        if self.system != before.system {
            return before.clone();
        }
        let mut job = before.clone();
        for claim in self.claims {
            if job.claim(claim.attribute).is_none() {
                job.claims.push(claim);
            }
        }
        job.repository = job.repository.or(self.repository);
        job
    }
}

/// Returns the names of the CI systems, as `cicd.system.component` has them.
pub fn systems() -> impl Iterator<Item = &'static str> {
    SYSTEMS.iter().map(|system| system.name)
}

/// Returns the labels and the annotations that jobs are read from.
#[must_use]
pub fn names() -> (Vec<&'static str>, Vec<&'static str>) {
    let (mut labels, mut annotations) = (Vec::new(), Vec::new());
    for system in &SYSTEMS {
        let marks = system.marks.iter().copied().flatten().map(|(key, _)| *key);
        let values = system.attributes.iter().flat_map(|(_, value)| value.keys());
        for key in marks.chain(values).chain(system.repository.iter().copied()) {
            let (list, name) = match key {
                PodKey::Label(name) => (&mut labels, name),
                PodKey::Annotation(name) => (&mut annotations, name),
            };
            if !list.contains(&name) {
                list.push(name);
            }
        }
    }
    (labels, annotations)
}

pub(super) fn text(key: PodKey, texts: &PodTexts) -> Option<&str> {
    let found = match key {
        PodKey::Label(name) => texts.labels.get(name),
        PodKey::Annotation(name) => texts.annotations.get(name),
    };
    found.map(|value| value.trim()).filter(|value| !value.is_empty())
}

/// Returns the first key of the marks that are there.
fn mark(system: &PodSystem, texts: &PodTexts) -> Option<PodKey> {
    let is_there = |&(key, wanted): &(PodKey, Option<&str>)| {
        text(key, texts).is_some_and(|found| wanted.is_none_or(|wanted| wanted == found))
    };
    let met = system.marks.iter().find(|marks| marks.iter().all(is_there))?;
    met.first().map(|(key, _)| *key)
}

/// Returns the origin of a value. `is_sure`: whether the pod has the marks of one system alone.
fn origin(system: &PodSystem, key: PodKey, is_sure: bool) -> PodOrigin {
    let trust = |is: bool| if is { Trust::Protected } else { Trust::Claimed };
    match key {
        PodKey::Label(key) => {
            PodOrigin { source: Source::PodLabel, key, trust: trust(is_sure && (system.protected)(key)) }
        }
        PodKey::Annotation(key) => PodOrigin { source: Source::PodAnnotation, key, trust: Trust::Claimed },
    }
}

/// Returns owner and repository, and the last of the labels that they are from.
fn repository(system: &PodSystem, texts: &PodTexts) -> Option<(String, PodKey)> {
    let last = system.repository.last()?;
    let parts: Option<Vec<&str>> = system.repository.iter().map(|key| text(*key, texts)).collect();
    Some((parts?.join("/"), *last))
}

fn value(source: PodValue, texts: &PodTexts, pod: &str) -> Option<String> {
    let found = match source {
        PodValue::Text(key) => text(key, texts)?.to_owned(),
        PodValue::Before(key, end) => text(key, texts)?.split_once(end)?.0.to_owned(),
        PodValue::Joined(prefix, first, second) => {
            format!("{prefix}{}/{}", text(first, texts)?, text(second, texts)?)
        }
        PodValue::BuildNumber(key) => build(text(key, texts)?)?.1.to_owned(),
        PodValue::BuildPath(key) => build(text(key, texts)?)?.0,
        PodValue::Name(key) => text(key, texts).map(|_| pod)?.to_owned(),
    };
    Some(found).filter(|found| !found.is_empty())
}

/// Cuts the URL of a build in Jenkins into the path of its job and its number.
fn build(url: &str) -> Option<(String, &str)> {
    let (job, number) = url.trim_end_matches('/').rsplit_once('/')?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let at = job.find("/job/").or_else(|| job.starts_with("job/").then_some(0))?;
    let path = job.get(at..)?.trim_start_matches('/');
    let names: Vec<&str> = path.split('/').skip(1).step_by(2).collect();
    Some((names.join("/"), number))
}
