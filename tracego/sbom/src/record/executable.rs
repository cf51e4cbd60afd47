//! The facts about an executable in a record of its start, or in a record that others refer to.

use tracego_golang::Module;
use tracego_model::text::printable;

use super::{cut, line::SbomRecord};
use crate::program::{FileIdentity, GoProgram, ModuleList, ProgramKind};

/// The facts about an executable.
#[derive(Clone, Debug, Default)]
pub(super) struct ExecutableFacts {
    identity: FileIdentity,
    pub(super) sha256: Option<String>,
    pub(super) is_unproven: bool,
    runtime: Option<String>,
    go: Option<GoProgram>,
    /// Whether the build information cannot be read, or may be hidden.
    is_damaged: bool,
}

impl ExecutableFacts {
    /// Returns the facts in a record.
    pub(super) fn of(record: &SbomRecord<'_>) -> Self {
        let own = &record.tracego;
        let process = record.process.as_ref();
        let file = own.executable.as_ref();
        let hash = own.image.as_ref().map_or("", |image| &*image.build_id.htlhash);
        let hash = process.map_or(hash, |process| match &*process.executable.build_id.htlhash {
            "" => hash,
            own => own,
        });
        let runtime = process.and_then(|process| process.runtime.as_ref());
        let runtime = runtime.or_else(|| own.image.as_ref().and_then(|image| image.runtime.as_ref()));
        let elf = own.elf.as_ref();
        let damage = |name: &str| name.starts_with("go-");
        Self {
            identity: FileIdentity {
                inode: file.map_or(0, |file| file.inode),
                ctime: file.map_or_else(String::new, |file| cut(&file.ctime)),
                htlhash: cut(hash),
            },
            sha256: file.and_then(|file| file.sha256()).map(str::to_owned),
            is_unproven: file.is_some_and(|file| file.is_unproven()),
            runtime: runtime.filter(|runtime| runtime.name == "go").map(|runtime| text(&runtime.version)),
            go: own.go.as_ref().and_then(|go| go.build.as_ref()).map(|build| GoProgram {
                version: String::new(),
                package: text(&build.path),
                main: build.module.as_ref().map(|module| Module {
                    path: text(&module.path),
                    version: text(&module.version),
                    sum: text(&module.sum),
                    replacement: None,
                }),
                modules: match build.dependencies {
                    _ if build.path.is_empty() => ModuleList::Unavailable,
                    None => ModuleList::Unavailable,
                    Some(0) => ModuleList::Known(Vec::new()),
                    Some(count) => ModuleList::Counted(count),
                },
                revision: build.vcs.as_ref().and_then(|vcs| vcs.revision.as_deref()).map(text),
                modified: build.vcs.as_ref().and_then(|vcs| vcs.modified),
                is_contradicted: build.inconsistent.iter().any(|part| part != "architecture"),
                may_have_c: build.cgo != Some(false) || elf.is_none_or(|elf| elf.linkage != "static"),
            }),
            is_damaged: elf
                .is_some_and(|elf| !elf.packer.is_empty() || elf.damage.iter().any(|part| damage(part))),
        }
    }

    /// Returns a text that is the same for the same executable. Without a digest, two files with the same short hash are told
    /// apart by inode and change time, so that a later digest is of one file.
    pub(super) fn key(&self) -> String {
        let FileIdentity { inode, ctime, htlhash } = &self.identity;
        match &self.sha256 {
            Some(digest) => format!("{digest} {htlhash}"),
            None => format!(" {htlhash} {inode} {ctime}"),
        }
    }

    /// Adds facts that are not known yet.
    pub(super) fn add(&mut self, other: Self) {
        if self.identity.htlhash.is_empty() {
            self.identity.htlhash = other.identity.htlhash;
        }
        if self.identity.inode == 0 {
            (self.identity.inode, self.identity.ctime) = (other.identity.inode, other.identity.ctime);
        }
        if self.sha256.is_none() {
            (self.sha256, self.is_unproven) = (other.sha256, other.is_unproven);
        }
        self.runtime = self.runtime.take().or(other.runtime);
        self.go = self.go.take().or(other.go);
        self.is_damaged |= other.is_damaged;
    }

    /// Returns the kind of the program, the identity of its file and its digest.
    pub(super) fn finish(self) -> (ProgramKind, Option<FileIdentity>, Option<String>) {
        let unavailable = |version: String| GoProgram {
            version,
            package: String::new(),
            main: None,
            modules: ModuleList::Unavailable,
            revision: None,
            modified: None,
            is_contradicted: false,
            may_have_c: true,
        };
        let kind = match (self.runtime, self.go) {
            (runtime, Some(go)) => {
                let modules = if self.is_damaged { ModuleList::Unavailable } else { go.modules };
                ProgramKind::Go(Box::new(GoProgram { version: runtime.unwrap_or_default(), modules, ..go }))
            }
            (Some(version), None) => ProgramKind::Go(Box::new(unavailable(version))),
            // Without a hash nobody read the file.
            (None, None) if self.identity.htlhash.is_empty() || self.is_damaged => ProgramKind::Unread,
            (None, None) => ProgramKind::Other,
        };
        let identity = Some(self.identity).filter(|identity| !identity.htlhash.is_empty());
        (kind, identity, self.sha256)
    }
}

/// Returns a text of a program, of limited length and without control characters.
fn text(text: &str) -> String {
    printable(&cut(text))
}
