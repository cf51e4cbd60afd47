//! Texts that many program starts share, kept once.

use std::{collections::HashSet, sync::Arc};

/// Texts, each kept once.
#[derive(Debug, Default)]
pub(super) struct SharedTexts {
    texts: HashSet<Arc<str>>,
    bytes: usize,
}

impl SharedTexts {
    /// Returns the shared copy of a text.
    pub(super) fn get(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = text.into();
        self.bytes += text.len();
        self.texts.insert(Arc::clone(&shared));
        shared
    }

    /// Returns the number of bytes of all texts.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
