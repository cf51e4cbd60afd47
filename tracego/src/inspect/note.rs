//! Facts that this stage adds to a process start.

use std::sync::Arc;

use super::{facts::Surroundings, open::Failure};
use crate::golang::Image;

/// The facts found about one process start of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// Position of the event in the batch, from 0.
    pub record: u32,
    /// Metadata of the executable, or why it could not be read.
    pub image: Result<Arc<Image>, Failure>,
    /// The environment of the process; `None` where no rule needs it.
    pub surroundings: Option<Arc<Surroundings>>,
}
