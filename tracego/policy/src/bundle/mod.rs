//! Bundles: the modules, data and manifest of a policy, in OPA's layout.
//!
//! A bundle is a folder, a `.tar.gz` of one, or a single module. It is loaded completely or refused, and it
//! is treated as hostile: its content is limited ([`FILES_MAX`] and its neighbours), names cannot lead out of
//! it, and nothing is unpacked. Hidden files are ignored, except for the manifest and the signatures.
//!
//! Differences from OPA: bundles of only WebAssembly and patches are refused; the manifest counts only at the
//! root; links in archives are refused; in YAML a number with a leading zero is a text.

mod archive;
mod data;
mod digest;
mod error;
mod files;
mod folder;
mod hash;
mod key;
mod manifest;
mod package;
mod signature;
#[cfg(test)]
mod tests;

use std::{
    io::Read,
    path::{Path, PathBuf},
    time::SystemTime,
};

use error::FileProblem;
pub use error::{BundleError, BundleProblem};
use files::{BundleFiles, MANIFEST, is_module};
pub use files::{DEPTH_MAX, FILE_MAX, FILES_MAX, NAME_MAX, SIGNATURES, TOTAL_MAX, VALUES_MAX};
use folder::AllowedWriters;
pub use key::SignatureAlgorithm;
pub use manifest::{Manifest, RegoVersion};
use rustix::fs::FileType;
use serde::{Deserialize, Serialize};
use serde_json::Value;
pub use signature::{Signer, Trust};

/// A loaded bundle.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// Name of the folder or file, without the extension of an archive or module.
    pub name: String,
    /// Modules by path; at least one.
    pub modules: Vec<RegoModule>,
    /// Data, an object.
    pub data: Value,
    /// Manifest.
    pub manifest: Manifest,
    /// `sha256:` and 64 hexadecimal digits: the digest of everything that can change a decision.
    pub digest: String,
    /// Name of the key that signed the bundle; `None` if no signature is required.
    pub signed_by: Option<String>,
}

/// A module, which is a file of rules.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RegoModule {
    /// Path in the bundle.
    pub path: String,
    /// Source text.
    pub text: String,
    /// Version of Rego.
    pub rego: RegoVersion,
    /// Whether the manifest declares the version; otherwise [`RegoModule::rego`] is OPA's default.
    pub rego_declared: bool,
    /// Parts of the package, as checked against the manifest's roots.
    pub package: Vec<String>,
    /// Whether the module holds tests (`*_test.rego`), which do not take part in decisions.
    pub test: bool,
}

/// Options for loading bundles.
#[derive(Clone, Debug, Default)]
pub struct BundleOptions {
    /// Key that a bundle must be signed with. Without one, a signed bundle is refused.
    pub trust: Option<Trust>,
    /// Whether a privileged process may load files that others than their owner can write. For other users this is not
    /// checked.
    pub allow_writable: bool,
}

/// Loads a bundle with default options.
///
/// # Errors
/// Fails if the bundle cannot be read, is malformed, or is not signed as required; the error names the file
/// and the remediation.
pub fn load(path: &Path, trust: Option<&Trust>) -> Result<Bundle, BundleError> {
    load_with(path, &BundleOptions { trust: trust.cloned(), allow_writable: false })
}

/// Loads a bundle.
///
/// # Errors
/// Fails as [`load`] does.
pub fn load_with(path: &Path, options: &BundleOptions) -> Result<Bundle, BundleError> {
    let writers = AllowedWriters::of_process(options.allow_writable);
    let bundle =
        read(path, writers).and_then(|files| bundle(&name(path), &files, options, SystemTime::now()));
    bundle.map_err(|fault| fault.of(path))
}

/// Loads a gzip-compressed archive from memory. Write permissions do not matter, because there is no file.
///
/// # Errors
/// Fails as [`load`] does.
pub fn load_archive(name: &str, bytes: impl Read, options: &BundleOptions) -> Result<Bundle, BundleError> {
    let files = archive::gzip(bytes);
    let bundle = files.and_then(|files| bundle(name, &files, options, SystemTime::now()));
    bundle.map_err(|fault| fault.of(Path::new(name)))
}

/// Loads an uncompressed archive; for tests that change its bytes.
///
/// # Errors
/// Fails as [`load`] does.
#[doc(hidden)]
pub fn load_tar(name: &str, bytes: impl Read, options: &BundleOptions) -> Result<Bundle, BundleError> {
    let files = archive::plain(bytes);
    let bundle = files.and_then(|files| bundle(name, &files, options, SystemTime::now()));
    bundle.map_err(|fault| fault.of(Path::new(name)))
}

/// Signs the files of a bundle; an existing signature is ignored.
///
/// Returns the content for `.signatures.json`.
///
/// # Errors
/// Fails if the files cannot be read, or the key does not fit the algorithm.
pub fn sign(path: &Path, signer: &Signer) -> Result<String, BundleError> {
    let text = read(path, AllowedWriters::Any).and_then(|files| signature::sign(&files, signer));
    text.map_err(|fault| fault.of(path))
}

/// Reads the files of a folder, an archive or a single module.
fn read(path: &Path, writers: AllowedWriters) -> Result<BundleFiles, FileProblem> {
    let stat = rustix::fs::stat(path).map_err(std::io::Error::from)?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        return folder::read(path, writers);
    }
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let is_archive = ARCHIVES.iter().any(|end| name.ends_with(end));
    if !is_archive && !is_module(&name) {
        return Err(BundleProblem::Kind.into());
    }
    let (file, stat) = folder::open(path, writers)?;
    if is_archive {
        return archive::gzip(file);
    }
    let mut files = BundleFiles::default();
    if let Some(name) = files::name(name.as_bytes())? {
        files.add(name, folder::content(file, &stat)?)?;
    }
    Ok(files)
}

const ARCHIVES: [&str; 2] = [".tar.gz", ".tgz"];

/// Returns the name of a bundle.
fn name(path: &Path) -> String {
    let whole = if path.file_name().is_some() { Ok(PathBuf::from(path)) } else { path.canonicalize() };
    let name = whole.ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let name = name.unwrap_or_else(|| "policy".to_owned());
    let short = ARCHIVES.iter().chain(&[".rego"]).find_map(|end| name.strip_suffix(end));
    short.filter(|short| !short.is_empty()).map_or(name.clone(), str::to_owned)
}

/// Creates a bundle from its files.
fn bundle(
    name: &str,
    files: &BundleFiles,
    options: &BundleOptions,
    now: SystemTime,
) -> Result<Bundle, FileProblem> {
    // The signature comes first, so that unsigned content is read only as far as this check needs.
    let signed_by = signature::verify(files, options.trust.as_ref(), now)?;
    if files.get("patch.json").is_some() {
        return Err(BundleProblem::Delta.of("patch.json"));
    }
    let manifest = files.get(MANIFEST).map(Manifest::parse).transpose();
    let manifest = manifest.map_err(|fault| fault.problem.of(MANIFEST))?.unwrap_or_default();
    let modules = files.iter().filter(|(name, _)| is_module(name));
    let modules = modules.map(|(path, content)| module(path, content, &manifest).map_err(|e| e.of(path)));
    let modules = modules.collect::<Result<Vec<_>, FileProblem>>()?;
    if modules.iter().all(|module| module.test) {
        return Err(BundleProblem::Empty.into());
    }
    let data = data::data(files, &manifest)?;
    Ok(Bundle { name: name.to_owned(), modules, data, manifest, digest: digest::digest(files), signed_by })
}

fn module(path: &str, content: &[u8], manifest: &Manifest) -> Result<RegoModule, BundleProblem> {
    let text = std::str::from_utf8(content).map_err(|error| BundleProblem::Utf8(error.valid_up_to()))?;
    let package = package::package(text)?;
    let at = package.iter().fold(String::new(), |path, part| data::join(&path, part));
    if !manifest.permits(&at) {
        return Err(BundleProblem::PackageOutside(package.join("."), manifest.roots_text()));
    }
    let declared = manifest.rego(path)?;
    Ok(RegoModule {
        path: path.to_owned(),
        text: text.to_owned(),
        rego: declared.unwrap_or_default(),
        rego_declared: declared.is_some(),
        package,
        test: path.ends_with("_test.rego"),
    })
}
