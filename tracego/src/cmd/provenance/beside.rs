//! The surroundings of a file that is not verified: bundles about another content, and names of bundles that are no files.

use std::{fs, os::unix::fs::FileTypeExt as _, path::Path};

use tracego_provenance::{ListedBundle, StoreListing};

use super::{HashedFile, shown, trust};

/// Returns a sentence about each bundle beside a file that is about something else, and about each name of a bundle that
/// is no file.
pub(super) fn remarks(file: &HashedFile, listing: &StoreListing) -> Vec<String> {
    let mut remarks = Vec::new();
    for path in trust::names_beside(file) {
        let name = shown(Path::new(path.file_name().unwrap_or(path.as_os_str())));
        if let Some(kind) = other_kind(&path) {
            remarks.push(format!("{name} is {kind}"));
        }
        for bundle in listing.bundles.iter().filter(|bundle| bundle.path == path) {
            remarks.extend(about_other(bundle, file).map(|text| format!("{name} {text}")));
        }
    }
    remarks
}

/// Returns what a bundle is about, if that is not the file.
fn about_other(bundle: &ListedBundle, file: &HashedFile) -> Option<String> {
    let first = bundle.digests.first()?;
    if bundle.digests.contains(&file.digest) {
        let kind = bundle.predicate_type.as_deref()?;
        return Some(format!("is a statement of kind {kind} about the file"));
    }
    let more = match bundle.digest_count {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    Some(format!("is about sha256:{first}{more}, not about this content"))
}

/// Returns the kind of something that is there and is no file; nothing for a file, and where nothing is.
fn other_kind(path: &Path) -> Option<&'static str> {
    let own = fs::symlink_metadata(path).ok()?.file_type();
    let kind = match fs::metadata(path) {
        Ok(about) => about.file_type(),
        Err(error) if own.is_symlink() => {
            let is_missing = error.kind() == std::io::ErrorKind::NotFound;
            return Some(if is_missing {
                "a symbolic link to nothing"
            } else {
                "a symbolic link that cannot be followed"
            });
        }
        Err(_) => return Some("not accessible"),
    };
    match () {
        () if kind.is_file() => None,
        () if kind.is_dir() => Some("a folder"),
        () if kind.is_fifo() => Some("a FIFO"),
        () if kind.is_socket() => Some("a socket"),
        () => Some("a device"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tracego_provenance::{Provenance, Settings};

    use super::*;

    #[test]
    fn what_is_beside_a_rebuilt_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/sigstore/slsa-go");
        fs::write(at("app"), "built again").unwrap();
        fs::copy(data.join("binary-linux-amd64-push-v14.2.intoto.jsonl"), at("app.sigstore.json")).unwrap();
        symlink("nowhere", at("app.jsonl")).unwrap();
        symlink("app.sig", at("app.sig")).unwrap();
        fs::create_dir(at("app.bundle")).unwrap();
        symlink("/dev/null", at("app.sigstore")).unwrap();
        let file = HashedFile::read(&at("app")).unwrap();
        let store = vec![file.path.with_file_name("app.sigstore.json")];
        let listing = Provenance::open(Settings { store, ..Settings::default() }).unwrap().listing();
        let remarks = remarks(&file, &listing);
        for wanted in [
            "app.sigstore.json is about sha256:f6ab7ad0c7549b5a4942c3b0690519d791c28c4c0f8b286208cb40da3322a066",
            "app.jsonl is a symbolic link to nothing",
            "app.sig is a symbolic link that cannot be followed",
            "app.bundle is a folder",
            "app.sigstore is a device",
        ] {
            assert!(remarks.iter().any(|remark| remark.starts_with(wanted)), "{wanted}: {remarks:#?}");
        }
        assert_eq!(remarks.len(), 5, "{remarks:#?}");
    }
}
