//! Files with documents, read one document at a time.

use std::{
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
};

use super::{
    MOST_BYTES, StoreSummary,
    tree::{Arrangement, StoreFile},
};
use crate::{
    bundle::{self, BundleForm, Document, LONGEST_DOCUMENT, NoDocument},
    contents,
    statement::StatementDepth,
};

/// Bytes of a signature that are read.
pub(crate) const LONGEST_SIGNATURE: usize = 16 << 10;

/// A document and where it is.
pub(crate) struct FoundDocument<'a> {
    pub(crate) path: &'a Path,
    /// The line, for files with one document a line.
    pub(crate) line: Option<usize>,
    pub(crate) offset: u64,
    pub(crate) bytes: &'a [u8],
    pub(crate) document: Document,
}

/// Reads all documents of a file; those that are none are counted.
pub(crate) fn visit(
    file: &StoreFile,
    depth: StatementDepth,
    summary: &mut StoreSummary,
    visitor: &mut dyn FnMut(FoundDocument<'_>, &mut StoreSummary),
) {
    if summary.bytes > MOST_BYTES {
        return summary.beyond(&file.path, 1, "the store has more than 2 GiB; the other files are left out");
    }
    summary.files += 1;
    let result = match file.arrangement {
        Arrangement::Lines => lines(&file.path, depth, summary, visitor),
        Arrangement::Signature => signature(&file.path, summary, visitor),
        Arrangement::Whole | Arrangement::WholeOrOther => whole(file, depth, summary, visitor),
    };
    if let Err(error) = result {
        summary.problem(&file.path, None, error);
    }
}

type Visitor<'a> = dyn FnMut(FoundDocument<'_>, &mut StoreSummary) + 'a;

fn whole(
    file: &StoreFile,
    depth: StatementDepth,
    summary: &mut StoreSummary,
    visitor: &mut Visitor<'_>,
) -> io::Result<()> {
    let path = &file.path;
    let bytes = contents::read(path, LONGEST_DOCUMENT)?;
    summary.bytes += bytes.len() as u64;
    match bundle::read(&bytes, depth) {
        Ok(document) => {
            visitor(FoundDocument { path, line: None, offset: 0, bytes: &bytes, document }, summary);
        }
        // Some writers put one bundle a line into a file of this name.
        Err(_) if first_line(&bytes).is_some_and(|line| bundle::read(line, depth).is_ok()) => {
            return lines(path, depth, summary, visitor);
        }
        Err(NoDocument::Other) if file.arrangement == Arrangement::WholeOrOther => {
            summary.skipped.other_files += 1;
        }
        Err(NoDocument::Damaged(_))
            if file.arrangement == Arrangement::WholeOrOther && !looks_like_json(&bytes) =>
        {
            summary.skipped.other_files += 1;
        }
        Err(error) => summary.problem(path, None, error),
    }
    Ok(())
}

fn first_line(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    bytes.get(..end)
}

fn looks_like_json(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
}

fn lines(
    path: &Path,
    depth: StatementDepth,
    summary: &mut StoreSummary,
    visitor: &mut Visitor<'_>,
) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(64 << 10, contents::open(path)?);
    let (mut line, mut offset) = (Vec::new(), 0_u64);
    for number in 1.. {
        line.clear();
        let limit = LONGEST_DOCUMENT as u64 + 1;
        let read = reader.by_ref().take(limit).read_until(b'\n', &mut line)? as u64;
        if read == 0 {
            break;
        }
        let start = offset;
        offset += read;
        summary.bytes += read;
        if summary.bytes > MOST_BYTES {
            summary.beyond(path, 1, "the store has more than 2 GiB; the rest is left out");
            break;
        }
        if read == limit && line.last() != Some(&b'\n') {
            // The end of the line may be gigabytes away, or never come.
            let most = contents::size(LONGEST_DOCUMENT);
            let reason = format!("has more than {most}; the rest of the file is left out");
            summary.problem(path, Some(number), reason);
            break;
        }
        let bytes = line.trim_ascii_end();
        if bytes.is_empty() {
            continue;
        }
        match bundle::read(bytes, depth) {
            Ok(document) => {
                visitor(FoundDocument { path, line: Some(number), offset: start, bytes, document }, summary);
            }
            Err(NoDocument::Other) => summary.skipped.other_files += 1,
            Err(error) => summary.problem(path, Some(number), error),
        }
    }
    Ok(())
}

fn signature(path: &Path, summary: &mut StoreSummary, visitor: &mut Visitor<'_>) -> io::Result<()> {
    let bytes = contents::read(path, LONGEST_SIGNATURE)?;
    summary.bytes += bytes.len() as u64;
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let name = name.strip_prefix("sha256-").or_else(|| name.strip_prefix("sha256:")).unwrap_or(name);
    let document = Document {
        form: BundleForm::BareSignature,
        subjects: name.parse().into_iter().collect(),
        statement: None,
    };
    visitor(FoundDocument { path, line: None, offset: 0, bytes: &bytes, document }, summary);
    Ok(())
}
