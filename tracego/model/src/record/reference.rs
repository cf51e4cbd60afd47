//! References of lean records: values that many records share are written once, in a record of their own.

use std::sync::Arc;

use serde::Serialize;
use tracego_golang::Module;

use super::{
    frozen::Frozen,
    image::{BuildId, Language},
    is_zero,
};

/// Maximum number of bytes of the texts of [`ImageContents`]. The 250 modules of Kubernetes take 30 KiB.
const CONTENTS_MAX: usize = 128 << 10;

/// `tracego.ref.*`: ids of the records that hold the rest of a lean record. A record that is referred to has its own
/// id here.
///
/// An id is made from the content: the same content has the same id on all machines.
#[derive(Clone, Debug, Default, Serialize)]
pub struct References {
    /// Record `tracego.stream`: the host, the boot, and the run of the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<Arc<str>>,
    /// Record `tracego.job`: commit and job, with the sources of the values and the variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<Arc<str>>,
    /// Record `tracego.image`: the executable file and the facts that it states about itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Arc<str>>,
    /// Record `tracego.confinement`: limits, capabilities, namespaces and cgroup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confinement: Option<Arc<str>>,
}

/// `tracego.image.*`: members of `process` that belong to the executable, and what it consists of.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ImageFacts {
    /// `process.executable.build_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<Arc<Frozen<BuildId>>>,
    /// `process.runtime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Arc<Frozen<Language>>>,
    /// Modules and libraries of the executable, where the output has them.
    #[serde(flatten)]
    pub contents: Option<ImageContents>,
}

/// `tracego.image.*`: what an executable consists of, by its own word.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ImageContents {
    /// Names of the libraries that the program needs (`DT_NEEDED`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needed: Vec<String>,
    /// Modules of Go in the program, in Go's order; the main module is in `tracego.go.build.module`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<Module>,
    /// Number of libraries and modules that were left out: the texts of all take more than 128 KiB.
    #[serde(skip_serializing_if = "is_zero")]
    pub omitted: usize,
}

impl ImageContents {
    /// Returns the contents of an executable. `None` where it names none.
    #[must_use]
    pub fn of(image: &tracego_golang::Image) -> Option<Self> {
        let needed = image.elf.as_ref().map_or(&[][..], |elf| &elf.needed);
        let modules = image.go.as_ref().map_or(&[][..], |go| &go.dependencies);
        if needed.is_empty() && modules.is_empty() {
            return None;
        }
        let mut left = CONTENTS_MAX;
        let mut fits = |bytes: usize| {
            let rest = left.checked_sub(bytes);
            left = rest.unwrap_or_default();
            rest.is_some()
        };
        let needed: Vec<_> = needed.iter().take_while(|name| fits(name.len())).cloned().collect();
        let modules: Vec<_> = modules.iter().take_while(|module| fits(text_bytes(module))).cloned().collect();
        let all = image.elf.as_ref().map_or(0, |elf| elf.needed.len())
            + image.go.as_ref().map_or(0, |go| go.dependencies.len());
        Some(Self { omitted: all - needed.len() - modules.len(), needed, modules })
    }
}

fn text_bytes(module: &Module) -> usize {
    let own = module.path.len() + module.version.len() + module.sum.len();
    own + module.replacement.as_deref().map_or(0, text_bytes)
}

#[cfg(test)]
mod tests {
    use tracego_golang::{Build, Elf, Image};

    use super::*;

    fn image(needed: &[&str], modules: usize) -> Image {
        let module = |number| Module { path: format!("example.com/{number:04}"), ..Module::default() };
        let elf = Elf { needed: needed.iter().map(|name| (*name).to_owned()).collect(), ..Elf::default() };
        let go = Build { dependencies: (0..modules).map(module).collect(), ..Build::default() };
        Image { elf: Some(elf), go: Some(go), ..Image::default() }
    }

    #[test]
    fn contents_are_bounded_and_what_is_left_out_is_counted() {
        assert_eq!(ImageContents::of(&image(&[], 0)), None);
        let small = ImageContents::of(&image(&["libc.so.6"], 2)).unwrap();
        assert_eq!((small.needed.len(), small.modules.len(), small.omitted), (1, 2, 0));
        let most = CONTENTS_MAX / "example.com/0000".len();
        let exact = ImageContents::of(&image(&[], most)).unwrap();
        assert_eq!((exact.modules.len(), exact.omitted), (most, 0));
        let large = ImageContents::of(&image(&["libc.so.6"], most + 7)).unwrap();
        assert_eq!((large.needed.len(), large.modules.len(), large.omitted), (1, most - 1, 8));
    }
}
