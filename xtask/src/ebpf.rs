//! `cargo xtask ebpf`: builds the BPF objects, the same bytes in any folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use object::build::elf::{Builder, SectionData};
use serde::{Deserialize, Serialize};

use crate::toolchain::{self, TARGET, Toolchain};
use crate::{digest, inventory, shell};

const BUILT: &str = "target/ebpf/bpfel-unknown-none/release/tracego-ebpf";
const FOLDER: &str = "tracego/bpf";
const MANIFEST: &str = "tracego/bpf/manifest.json";
const REMEDY: &str = "run `cargo xtask ebpf` and commit tracego/bpf";

/// An object that is built from the sources.
struct Variant {
    /// Name of the object, which the agent knows it by.
    name: &'static str,
    /// Features of the package.
    features: &'static [&'static str],
}

/// All objects, as `BpfObject::ALL` of tracego-probe. They fit every CPU: what differs between CPUs is in tables that
/// the agent sets.
const VARIANTS: [Variant; 3] = [
    Variant { name: "loop", features: &[] },
    Variant { name: "each", features: &["each"] },
    Variant { name: "bounded", features: &["bounded"] },
];

impl Variant {
    /// Returns the path of the committed object.
    fn path(&self) -> String {
        format!("{FOLDER}/{}.bpf.o", self.name)
    }
}

/// Returns the features of each object, separated by commas.
pub(crate) fn features() -> impl Iterator<Item = String> {
    VARIANTS.iter().map(|variant| variant.features.join(","))
}

/// Options of `cargo xtask ebpf`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Change nothing; fail unless the committed objects are what the sources build
    #[arg(long)]
    check: bool,
}

/// The tools and the sources that the committed objects were built from.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    compiler: String,
    linker: String,
    source_sha256: String,
    /// Digests of the objects, by name.
    objects_sha256: BTreeMap<String, String>,
}

/// Builds the objects, and writes them with their manifest or compares them with the committed ones.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = shell::root()?;
    let source_sha256 = digest::of_sources(&root)?;
    let committed = if args.check { Some(committed(&root, &source_sha256)?) } else { None };
    let toolchain = Toolchain::ready()?;
    let objects =
        VARIANTS.iter().map(|variant| build(&root, toolchain, variant)).collect::<Result<Vec<_>>>()?;
    let built = Manifest {
        compiler: toolchain.compiler()?,
        linker: toolchain::linker()?,
        source_sha256,
        objects_sha256: digests(&objects),
    };
    match committed {
        Some(committed) => compare(&committed, &built)?,
        None => write(&root, &objects, &built)?,
    }
    inventory::run(&root, &VARIANTS.map(|variant| variant.name), args.check)
}

/// Returns a cargo command for the BPF package, with a subcommand and additional compiler flags. The CPU only names a
/// part of aya-ebpf that no program uses.
pub(crate) fn cargo(toolchain: Toolchain, subcommand: &str, more: &[&str]) -> Result<Command> {
    // The sources of all dependencies must be fetched before their folders can be listed.
    shell::run(toolchain.cargo()?.args(["fetch", "--locked"]))?;
    let mut flags = vec![
        "-Clinker=bpf-linker".to_owned(),
        "--cfg=bpf_target_arch=\"x86_64\"".to_owned(),
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
    ];
    flags.extend(remaps(&shell::root()?)?);
    flags.extend(more.iter().map(|&flag| flag.to_owned()));
    let mut command = toolchain.cargo()?;
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f")).arg(subcommand);
    if toolchain == Toolchain::Nightly {
        command.args(["-Z", "build-std=core"]);
    }
    command.args(["--release", "--locked", "--package", "tracego-ebpf", "--target", TARGET]);
    Ok(command)
}

/// Returns flags that remove this machine's folders from the object. If several match, the last one counts.
fn remaps(root: &Path) -> Result<Vec<String>> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => root.join(home),
        None => std::env::home_dir().context("no home folder, and CARGO_HOME is not set")?.join(".cargo"),
    };
    let mut pairs = vec![(root.to_owned(), "/src"), (home.clone(), "/cargo")];
    // Each folder here is named after the registry that its packages came from, which a mirror changes.
    if let Ok(entries) = fs::read_dir(home.join("registry/src")) {
        let mut folders = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
        folders.sort();
        pairs.extend(folders.into_iter().map(|folder| (folder, "/crates")));
    }
    Ok(pairs.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect())
}

/// Returns the digests of the objects by name.
fn digests(objects: &[Vec<u8>]) -> BTreeMap<String, String> {
    let pairs = VARIANTS.iter().zip(objects);
    pairs.map(|(variant, object)| (variant.name.to_owned(), digest::of_bytes(object))).collect()
}

/// Builds an object and returns its bytes.
fn build(root: &Path, toolchain: Toolchain, variant: &Variant) -> Result<Vec<u8>> {
    let features = variant.features.join(",");
    let mut build = cargo(toolchain, "build", &[])?;
    shell::run(build.args(["--target-dir", "target/ebpf", "--features", &features]))?;
    let built = fs::read(root.join(BUILT)).with_context(|| format!("the build left no {BUILT}"))?;
    without_dwarf(&built).with_context(|| format!("{BUILT} cannot be rewritten"))
}

/// Removes the DWARF sections, which are most of the object. bpf-linker makes BTF from them; afterwards
/// nothing reads them.
fn without_dwarf(object: &[u8]) -> Result<Vec<u8>> {
    let mut builder = Builder::read(object)?;
    for section in &mut builder.sections {
        let name = section.name.as_slice();
        section.delete = [".debug_", ".rel.debug_"].iter().any(|prefix| name.starts_with(prefix.as_bytes()));
    }
    // LLVM puts all names into one table; this writer keeps those of sections apart.
    if !builder.sections.iter().any(|section| matches!(section.data, SectionData::SectionString)) {
        let names = builder.sections.add();
        names.name = ".shstrtab".into();
        names.sh_type = object::elf::SHT_STRTAB;
        names.sh_addralign = 1;
        names.data = SectionData::SectionString;
    }
    let mut stripped = Vec::new();
    builder.write(&mut stripped)?;
    Ok(stripped)
}

/// Writes the objects and their manifest.
fn write(root: &Path, objects: &[Vec<u8>], manifest: &Manifest) -> Result<()> {
    let mut text = serde_json::to_string_pretty(manifest)?;
    text.push('\n');
    let objects = VARIANTS.iter().map(Variant::path).zip(objects.iter().map(Vec::as_slice));
    for (path, bytes) in objects.chain([(MANIFEST.to_owned(), text.as_bytes())]) {
        let full = root.join(&path);
        // An unchanged file keeps its modification time, so that files which embed it are not rebuilt.
        let same = fs::read(&full).is_ok_and(|old| old == bytes);
        if !same {
            fs::write(&full, bytes).with_context(|| format!("cannot write {path}"))?;
        }
        eprintln!("{path}: {}", if same { "unchanged" } else { "written" });
    }
    Ok(())
}

/// Returns the committed manifest. Fails if it differs from the sources or from a committed object.
fn committed(root: &Path, source_sha256: &str) -> Result<Manifest> {
    let read =
        |path: &str| fs::read(root.join(path)).with_context(|| format!("cannot read {path}: {REMEDY}"));
    let manifest: Manifest =
        serde_json::from_slice(&read(MANIFEST)?).with_context(|| format!("{MANIFEST} is not a manifest"))?;
    if manifest.source_sha256 != source_sha256 {
        bail!("the sources differ from {MANIFEST}: {REMEDY}{}", pair(&manifest.source_sha256, source_sha256));
    }
    let objects = VARIANTS.iter().map(|variant| read(&variant.path())).collect::<Result<Vec<_>>>()?;
    let objects = digests(&objects);
    if manifest.objects_sha256 != objects {
        let (committed, here) = (listed(&manifest.objects_sha256), listed(&objects));
        bail!("the objects in {FOLDER} differ from {MANIFEST}: {REMEDY}{}", pair(&committed, &here));
    }
    Ok(manifest)
}

/// Formats digests by name on one line.
fn listed(digests: &BTreeMap<String, String>) -> String {
    digests.iter().map(|(name, digest)| format!("{name} {digest}")).collect::<Vec<_>>().join(", ")
}

/// Fails with a list of all differences unless the built objects equal the committed ones.
fn compare(committed: &Manifest, built: &Manifest) -> Result<()> {
    let (old, new) = (listed(&committed.objects_sha256), listed(&built.objects_sha256));
    if old == new {
        eprintln!("{FOLDER}: the sources build exactly these bytes ({new})");
        return Ok(());
    }
    let mut message = format!("the built objects differ from {FOLDER}: {REMEDY}");
    let parts = [
        ("objects", &old, &new),
        ("compiler", &committed.compiler, &built.compiler),
        ("linker", &committed.linker, &built.linker),
    ];
    for (name, old, new) in parts {
        if old != new {
            message.push_str(&format!("\n{name}:{}", pair(old, new)));
        }
    }
    bail!(message)
}

/// Formats the committed value and this build's as two lines.
fn pair(committed: &str, here: &str) -> String {
    format!("\n  committed: {committed}\n  here:      {here}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(object: &str, compiler: &str) -> Manifest {
        Manifest {
            compiler: compiler.to_owned(),
            linker: "l".to_owned(),
            source_sha256: "s".to_owned(),
            objects_sha256: BTreeMap::from([("loop".to_owned(), object.to_owned())]),
        }
    }

    #[test]
    fn the_objects_keep_their_types_and_lose_their_dwarf() {
        for variant in &VARIANTS {
            let committed = fs::read(shell::root().unwrap().join(variant.path())).unwrap();
            let mut builder = Builder::read(&*committed).unwrap();
            let dwarf = builder.sections.add();
            dwarf.name = ".debug_info".into();
            dwarf.sh_type = object::elf::SHT_PROGBITS;
            dwarf.data = SectionData::Data(b"dwarf"[..].into());
            let mut with_dwarf = Vec::new();
            builder.write(&mut with_dwarf).unwrap();
            let names = |object: &[u8]| -> Vec<String> {
                let sections = Builder::read(object).unwrap().sections;
                sections.iter().map(|section| section.name.to_string()).collect()
            };
            assert!(names(&with_dwarf).contains(&".debug_info".to_owned()));
            let stripped = names(&without_dwarf(&with_dwarf).unwrap());
            for name in [".BTF", ".BTF.ext", "maps", "license", ".rodata", "tp_btf/sched_process_exec"] {
                assert!(stripped.contains(&name.to_owned()), "{name}: {stripped:?}");
            }
            assert!(!stripped.iter().any(|name| name.contains("debug")), "{stripped:?}");
        }
    }

    #[test]
    fn equal_bytes_pass_whatever_built_them() {
        compare(&manifest("o", "old"), &manifest("o", "new")).unwrap();
    }

    #[test]
    fn a_difference_is_named() {
        let text = compare(&manifest("o1", "old"), &manifest("o2", "new")).unwrap_err().to_string();
        assert!(
            text.contains("objects:") && text.contains("compiler:") && !text.contains("linker:"),
            "{text}"
        );
    }
}
