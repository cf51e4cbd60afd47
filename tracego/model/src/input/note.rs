//! What this stage adds to a program start.

use std::sync::Arc;

use super::{facts::Surroundings, note::Failure};
use tracego_golang::Image;

/// What was found out about one program start of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// Position of its record in the batch, from 0.
    pub record: u32,
    /// What its executable says about itself, or why that could not be read.
    pub image: Result<Arc<Image>, Failure>,
    /// What is around it; only looked at where a rule may need it.
    pub surroundings: Option<Arc<Surroundings>>,
}
