//! The stages of a Dockerfile, and what the last one inherits.

use super::instruction::Instruction;
use crate::{shell::words_of, text::Text, word::Word};

/// A build stage.
#[derive(Default)]
pub(super) struct Stage {
    pub(super) name: Option<String>,
    pub(super) image: Text,
    pub(super) instructions: Vec<Instruction>,
}

/// Returns the stage that an instruction FROM begins.
pub(super) fn stage_of(from: &Instruction) -> Stage {
    let words = words_of(&from.arguments);
    let mut operands = words.iter().filter(|word| !word.value().starts_with("--"));
    let image = operands.next().map(|word| word.text.clone()).unwrap_or_default();
    let is_named = operands.next().is_some_and(|word| word.value().eq_ignore_ascii_case("as"));
    let name = operands.next().filter(|_| is_named).map(Word::value);
    Stage { name, image, instructions: Vec::new() }
}

/// The last stage, and those that it is based on.
pub(super) struct LastStage {
    /// The stage whose CMD and ENTRYPOINT are in force.
    pub(super) command: Option<usize>,
    /// The stage that is based on an image.
    pub(super) base: Option<usize>,
}

impl LastStage {
    pub(super) fn of(stages: &[Stage]) -> Self {
        let mut found = Self { command: None, base: None };
        let mut current = stages.len().checked_sub(1).filter(|index| *index > 0);
        while let Some((index, stage)) = current.and_then(|index| Some((index, stages.get(index)?))) {
            if found.command.is_none() && stage.has_command() {
                found.command = Some(index);
            }
            found.base = Some(index);
            // A stage can only be based on one that stands in front of it.
            let image = stage.image.to_str();
            current = stages.iter().take(index).position(|earlier| earlier.name.as_deref() == Some(&*image));
        }
        found
    }
}

impl Stage {
    fn has_command(&self) -> bool {
        self.instructions.iter().any(|instruction| matches!(instruction.name.as_str(), "CMD" | "ENTRYPOINT"))
    }
}
