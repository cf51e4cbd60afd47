//! Files that the file of a CI system includes.

use crate::{
    document::{CiFile, DocumentKind, yaml::Node},
    extract::{Extract, Inclusion},
};

/// Reads the inclusions of a mapping.
pub(super) fn read(ci: CiFile, mapping: &Node, extract: &mut Extract) {
    let mut include = |path: &str| {
        // A part of the path may be an expression.
        if !path.contains("://") && !path.contains('$') && !path.is_empty() {
            extract.include(Inclusion { path: path.to_owned(), kind: DocumentKind::Ci(ci) });
        }
    };
    let key_of = |name: &str| mapping.get(name).and_then(|value| value.value());
    match ci {
        // `include` of the file itself, and of `trigger`.
        CiFile::Gitlab => {
            if let Some(included) = mapping.get("include") {
                included.value().into_iter().for_each(|path| include(&path));
                let own = std::iter::once(included.as_ref());
                for entry in included.elements().iter().map(std::rc::Rc::as_ref).chain(own) {
                    entry
                        .value()
                        .filter(|_| !included.elements().is_empty())
                        .into_iter()
                        .for_each(|path| include(&path));
                    let local = entry.get("local");
                    local.and_then(|path| path.value()).into_iter().for_each(|path| include(&path));
                }
            }
        }
        // `template: steps.yml`, also of another repository with `@`.
        CiFile::Azure => {
            key_of("template")
                .filter(|path| !path.contains('@') || path.ends_with("@self"))
                .into_iter()
                .for_each(|path| {
                    include(path.trim_end_matches("@self"));
                });
        }
        CiFile::Drone => key_of("load").into_iter().for_each(|path| include(&path)),
        _ => {}
    }
}
