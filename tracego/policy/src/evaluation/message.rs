//! Messages between the agent and the process of a policy. Each is a frame: its length, and its bytes.

use std::{
    borrow::Cow,
    io::{self, Read},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tracego_model::{
    finding::Severity,
    record::policy::{Action, ErrorKind, PolicyDecision, Violation},
};

use crate::{
    bundle::{Bundle, RegoModule},
    compiler::{BundleSource, InputUse},
    error::PolicyProblem,
    input::{self, Projection},
    limits::DecisionLimits,
};

/// Size of the length in front of a message.
pub(super) const HEAD: usize = 4;
/// Maximum size of an answer in bytes, which is far more than the limits of a decision let it have.
pub(super) const ANSWER_MAX: usize = 64 << 20;

/// The first message: the bundle, with its data behind it.
#[derive(Deserialize, Serialize)]
pub(super) struct LoadHead<'a> {
    name: Cow<'a, str>,
    modules: Cow<'a, [RegoModule]>,
    pub(super) limits: DecisionLimits,
}

/// The answer to the first message.
pub(super) type LoadAnswer = Result<LoadedBundle, Vec<PolicyProblem>>;

/// The facts about a compiled bundle.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct LoadedBundle {
    /// Paths of the entry points.
    pub(crate) entries: Vec<String>,
    pub(crate) input_use: InputUse,
    /// Findings that do not prevent loading but are probably mistakes.
    pub(crate) warnings: Vec<PolicyProblem>,
}

/// The answer to an input.
pub(super) type DecisionAnswer = Result<BundleDecision, (ErrorKind, String)>;

/// The decision of one bundle.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct BundleDecision {
    allow: bool,
    severity: Option<Severity>,
    action: Action,
    violations: Arc<Vec<Violation>>,
    warnings: Arc<Vec<Violation>>,
    cut: u64,
}

impl From<PolicyDecision> for BundleDecision {
    fn from(decision: PolicyDecision) -> Self {
        let PolicyDecision { allow, severity, action, violations, warnings, cut, .. } = decision;
        Self { allow, severity, action, violations, warnings, cut }
    }
}

impl BundleDecision {
    /// Adds the decision to that of other bundles: the strictest holds. `name` is the name of the bundle, and
    /// `limit` the maximum number of violations, and of warnings.
    pub(super) fn add_to(self, to: &mut PolicyDecision, name: &Arc<str>, limit: usize) {
        to.allow &= self.allow;
        to.severity = to.severity.max(self.severity);
        to.action = to.action.max(self.action);
        to.cut += self.cut;
        for (from, to_list) in [(self.violations, &mut to.violations), (self.warnings, &mut to.warnings)] {
            if from.is_empty() {
                continue;
            }
            let list = Arc::make_mut(to_list);
            for violation in Arc::unwrap_or_clone(from) {
                if list.len() < limit {
                    list.push(Violation { bundle: name.clone(), ..violation });
                } else {
                    to.cut += 1;
                }
            }
        }
    }
}

/// Encodes a bundle.
///
/// # Errors
/// Fails with a description if the bundle has a text of more than 4 GiB.
pub(super) fn encode_load(bundle: &Bundle, limits: &DecisionLimits) -> Result<Vec<u8>, String> {
    let head =
        LoadHead { name: Cow::from(&bundle.name), modules: Cow::from(&bundle.modules), limits: *limits };
    let head = serde_json::to_vec(&head).map_err(|error| error.to_string())?;
    let mut data = Vec::new();
    input::encode_json(&bundle.data, &Projection::All, &mut data).map_err(|error| error.to_string())?;
    let length = u32::try_from(head.len()).map_err(|error| error.to_string())?;
    frame(&[&length.to_ne_bytes(), &head, &data]).ok_or_else(|| "larger than 4 GiB".to_owned())
}

/// Returns the beginning and the data of a bundle. Returns `None` if the bytes are not from [`encode_load`].
pub(super) fn split_load(message: &[u8]) -> Option<(LoadHead<'_>, &[u8])> {
    let (length, rest) = message.split_first_chunk()?;
    let (head, data) = rest.split_at_checked(usize::try_from(u32::from_ne_bytes(*length)).ok()?)?;
    Some((serde_json::from_slice(head).ok()?, data))
}

/// Decodes a bundle. Returns `None` if its data is damaged.
pub(super) fn decode_load(head: LoadHead<'_>, data: &[u8]) -> Option<BundleSource> {
    let data = input::decode_value(data).ok()?;
    Some(BundleSource { name: head.name.into_owned(), modules: head.modules.into_owned(), data })
}

/// Encodes an encoded input and the time that is left for the decision, replacing the content of `into`.
pub(super) fn encode_question(left: Duration, input: &[u8], into: &mut Vec<u8>) {
    let left = u64::try_from(left.as_nanos()).unwrap_or(u64::MAX);
    let length = u32::try_from(input.len() + size_of_val(&left)).unwrap_or(u32::MAX);
    into.clear();
    into.extend_from_slice(&length.to_ne_bytes());
    into.extend_from_slice(&left.to_ne_bytes());
    into.extend_from_slice(input);
}

/// Decodes a question. Returns `None` if the bytes are not from [`encode_question`].
pub(super) fn decode_question(message: &[u8]) -> Option<(Duration, &[u8])> {
    let (left, input) = message.split_first_chunk()?;
    Some((Duration::from_nanos(u64::from_ne_bytes(*left)), input))
}

/// Encodes a message as JSON.
pub(super) fn encode_answer(answer: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; HEAD];
    serde_json::to_writer(&mut bytes, answer)?;
    let length = u32::try_from(bytes.len() - HEAD).map_err(io::Error::other)?;
    bytes[..HEAD].copy_from_slice(&length.to_ne_bytes());
    Ok(bytes)
}

/// Joins parts to a frame. Returns `None` if they are too long.
fn frame(parts: &[&[u8]]) -> Option<Vec<u8>> {
    let length = u32::try_from(parts.iter().map(|part| part.len()).sum::<usize>()).ok()?;
    Some([&[&length.to_ne_bytes()[..]], parts].concat().concat())
}

/// Reads a frame, replacing the content of `into`. Used by the process of a policy, which trusts the agent.
pub(super) fn read(from: &mut impl Read, into: &mut Vec<u8>) -> io::Result<()> {
    let mut head = [0; HEAD];
    from.read_exact(&mut head)?;
    into.clear();
    let length = u64::from(u32::from_ne_bytes(head));
    if from.take(length).read_to_end(into)? as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}
