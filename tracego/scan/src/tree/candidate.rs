//! Whether a file can hold anything that matters, decided before it is parsed.

use memchr::memmem;

use crate::document::DocumentKind;

/// Whether a file of a kind is worth parsing.
pub(super) fn is_candidate(kind: DocumentKind, bytes: &[u8]) -> bool {
    let has = |text: &str| memmem::find(bytes, text.as_bytes()).is_some();
    match kind {
        DocumentKind::GoSource => {
            has("\"go\"") || has("`go`") || has("go run") || has("go.exe") || has("tracego:allow")
        }
        DocumentKind::Markdown => has("go run"),
        kind if kind.may_call() => true,
        _ => has("go") && (has("run") || has("install")) || has("GO") || has("upx"),
    }
}
