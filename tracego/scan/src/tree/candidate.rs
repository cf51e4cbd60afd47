//! Whether a file can hold anything that matters, decided before it is parsed.

use std::sync::LazyLock;

use memchr::memmem::{self, Finder};

use crate::document::DocumentKind;

/// Texts of which Go source that matters has one. Most files of most trees are Go source; a pass for each text is faster
/// than one pass for all.
static GO_SOURCE: LazyLock<[Finder<'static>; 5]> =
    LazyLock::new(|| ["\"go\"", "`go`", "go run", "/go\"", "tracego:allow"].map(Finder::new));

/// Whether a file of a kind is worth parsing.
pub(super) fn is_candidate(kind: DocumentKind, bytes: &[u8]) -> bool {
    let has = |text: &str| memmem::find(bytes, text.as_bytes()).is_some();
    match kind {
        DocumentKind::GoSource => GO_SOURCE.iter().any(|text| text.find(bytes).is_some()),
        DocumentKind::Markdown => has("go run"),
        kind if kind.may_call() => true,
        _ => has("go") && (has("run") || has("install")) || has("GO") || has("upx"),
    }
}
