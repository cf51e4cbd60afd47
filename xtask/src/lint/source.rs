//! The Rust files of the repository, as tokens.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow};
use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use crate::shell;

/// A Rust file.
pub(super) struct SourceFile {
    /// Path relative to the root of the repository.
    pub(super) path: String,
    /// Tokens; a doc comment is a `#[doc = "…"]` attribute among them.
    pub(super) tokens: TokenStream,
}

impl SourceFile {
    /// Splits a text into tokens.
    pub(super) fn parse(path: &str, text: &str) -> Result<Self> {
        let tokens = text.parse().map_err(|error| anyhow!("{path}: not Rust: {error}"))?;
        Ok(Self { path: path.to_owned(), tokens })
    }
}

/// Reads all Rust files that git knows, except deleted ones.
pub(super) fn files(root: &Path) -> Result<Vec<SourceFile>> {
    let list = shell::output(
        Command::new("git").current_dir(root).args(["ls-files", "--cached", "--others"]).args([
            "--exclude-standard",
            "--",
            "*.rs",
        ]),
    )?;
    let present = list.lines().filter(|path| root.join(path).exists());
    let read = |path: &str| {
        let text = fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))?;
        SourceFile::parse(path, &text)
    };
    present.map(read).collect()
}

/// Returns the tokens of a group in square brackets that follows `#` or `#!` at `at`, and the position after
/// it.
pub(super) fn attribute(tokens: &[TokenTree], at: usize) -> Option<(TokenStream, bool, usize)> {
    if !is_punct(tokens.get(at)?, '#') {
        return None;
    }
    let inner = tokens.get(at + 1).is_some_and(|token| is_punct(token, '!'));
    let at = at + 1 + usize::from(inner);
    match tokens.get(at)? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
            Some((group.stream(), inner, at + 1))
        }
        _ => None,
    }
}

/// Returns whether `::` is at this position.
pub(super) fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    let first = matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':'
        && punct.spacing() == Spacing::Joint);
    first && tokens.get(at + 1).is_some_and(|token| is_punct(token, ':'))
}

/// Returns whether the token is this character of punctuation.
pub(super) fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}
