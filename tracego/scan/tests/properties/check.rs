//! Checks that hold for any content of any kind of file. The fuzz target has the same.

use tracego_scan::{
    document::{self, DocumentKind},
    judge::{self, JudgeSettings},
    source::SourceFile,
    suppression::Suppression,
};

/// Reads a file as one kind, and checks that whatever is found is in it.
pub(crate) fn file(kind: usize, bytes: &[u8]) {
    let kind = DocumentKind::ALL[kind % DocumentKind::ALL.len()];
    let file = SourceFile::new("a/file", bytes.to_vec());
    let extract = document::read(kind, &file);
    let settings = JudgeSettings { is_strict: true, ..JudgeSettings::default() };
    let lines = file.line_count();
    for command in &extract.commands {
        for case in judge::command(command, command.context.setting, &settings) {
            assert!(
                case.range.start <= case.range.end && case.range.start <= bytes.len(),
                "{:?}",
                case.range
            );
            let position = file.position(case.range.start);
            assert!(position.line >= 1 && position.line <= lines && position.column >= 1);
        }
    }
    for declared in &extract.declarations {
        assert!(judge::declaration(declared, declared.context.setting, &settings).len() <= 8);
    }
    for image in &extract.images {
        assert!(judge::image(image, image.context.setting, &settings).len() <= 1);
    }
    for suppression in Suppression::all(&file) {
        assert!(suppression.line <= lines && suppression.target <= lines);
    }
}
