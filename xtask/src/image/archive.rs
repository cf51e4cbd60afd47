//! An archive of images for one or two kinds of CPU, as engines load it: OCI Image Layout 1.0 in a tar archive.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tar::{Builder, EntryType};

use super::{
    ImageSource, USER,
    layer::{self, Layer},
};
use crate::digest;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// The annotation that names an image in an archive.
const NAME: &str = "org.opencontainers.image.ref.name";

/// A kind of CPU.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Platform {
    Amd64,
    Arm64,
}

impl Platform {
    /// Returns the name that images have for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

/// The images of an archive.
#[derive(Default)]
pub(super) struct Archive {
    blobs: BTreeMap<String, Vec<u8>>,
    /// Descriptions of the images.
    manifests: Vec<Value>,
}

impl Archive {
    /// Adds an image with one layer.
    pub(super) fn add(&mut self, platform: Platform, layer: &Layer, source: &ImageSource) -> Result<()> {
        let labels = labels(source)?;
        let config = json!({
            "created": source.created()?,
            "architecture": platform.name(),
            "os": "linux",
            "config": {
                "User": format!("{USER}:{USER}"),
                "Env": ["PATH=/usr/bin"],
                "Entrypoint": ["/usr/bin/tracego"],
                "WorkingDir": "/",
                "Labels": labels,
            },
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", layer.content)] },
            "history": [{ "created": source.created()?, "created_by": "cargo xtask image" }],
        });
        let config = self.blob(CONFIG, serde_json::to_vec(&config)?);
        let layer = self.blob(LAYER, layer.bytes.clone());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer], "annotations": labels,
        });
        let mut manifest = self.blob(MANIFEST, serde_json::to_vec(&manifest)?);
        let about = manifest.as_object_mut().context("a description is an object")?;
        about.insert("platform".to_owned(), json!({ "architecture": platform.name(), "os": "linux" }));
        self.manifests.push(manifest);
        Ok(())
    }

    /// Adds a blob. Returns its description.
    fn blob(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let digest = digest::of_bytes(&bytes);
        let description =
            json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len() });
        self.blobs.insert(digest, bytes);
        description
    }

    /// Returns the archive. Images for several kinds of CPU are one image with an index of its own.
    pub(super) fn bytes(mut self, source: &ImageSource) -> Result<Vec<u8>> {
        let mut image = match &*self.manifests {
            [one] => one.clone(),
            all => {
                let index = json!({
                    "schemaVersion": 2, "mediaType": INDEX, "manifests": all, "annotations": labels(source)?,
                });
                self.blob(INDEX, serde_json::to_vec(&index)?)
            }
        };
        let about = image.as_object_mut().context("a description is an object")?;
        about.insert(
            "annotations".to_owned(),
            json!({ NAME: format!("localhost/tracego:{}", source.version) }),
        );
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [image] });
        let mut tar = Builder::new(Vec::new());
        let mut add = |path: &str, kind: EntryType, mode: u32, content: &[u8]| {
            let mut header = layer::header(kind, mode, source.time, content);
            tar.append_data(&mut header, path, content)
        };
        add("blobs/", EntryType::Directory, 0o755, &[])?;
        add("blobs/sha256/", EntryType::Directory, 0o755, &[])?;
        for (digest, bytes) in &self.blobs {
            add(&format!("blobs/sha256/{digest}"), EntryType::Regular, 0o644, bytes)?;
        }
        add("index.json", EntryType::Regular, 0o644, &serde_json::to_vec(&index)?)?;
        add("oci-layout", EntryType::Regular, 0o644, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(tar.into_inner()?)
    }
}

/// Returns what registries and people read about an image.
fn labels(source: &ImageSource) -> Result<Value> {
    let label = |name: &str| format!("org.opencontainers.image.{name}");
    Ok(json!({
        label("title"): "tracego",
        label("description"): "Records every program execution on a Linux machine, with its commit and CI job",
        label("licenses"): "MIT OR Apache-2.0",
        label("version"): source.version,
        label("revision"): source.revision,
        label("created"): source.created()?,
    }))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn source() -> ImageSource {
        ImageSource { version: "1.2.3".to_owned(), revision: "abc".to_owned(), time: 1_700_000_000 }
    }

    /// Returns the files of an archive.
    fn files(platforms: &[Platform]) -> BTreeMap<String, Vec<u8>> {
        let mut archive = Archive::default();
        for platform in platforms {
            let mut layer = Layer::new(1_700_000_000);
            layer.program("usr/bin/tracego", platform.name().as_bytes()).unwrap();
            archive.add(*platform, &layer.finish().unwrap(), &source()).unwrap();
        }
        let bytes = archive.bytes(&source()).unwrap();
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(&*bytes).entries().unwrap() {
            let mut entry = entry.unwrap();
            let (path, mut content) = (entry.path().unwrap().display().to_string(), Vec::new());
            entry.read_to_end(&mut content).unwrap();
            files.insert(path, content);
        }
        files
    }

    /// Follows a description to its blob, whose size and digest have to be right.
    fn follow(files: &BTreeMap<String, Vec<u8>>, description: &Value) -> Value {
        let digest = description["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        let blob = &files[&format!("blobs/sha256/{digest}")];
        assert_eq!(
            (digest::of_bytes(blob).as_str(), description["size"].as_u64()),
            (digest, Some(blob.len() as u64))
        );
        serde_json::from_slice(blob).unwrap_or(Value::Null)
    }

    #[test]
    fn an_archive_with_one_image_leads_to_its_layer() {
        let files = files(&[Platform::Amd64]);
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        let image = &index["manifests"][0];
        assert_eq!(
            (image["mediaType"].as_str(), image["annotations"][NAME].as_str()),
            (Some(MANIFEST), Some("localhost/tracego:1.2.3"))
        );
        let manifest = follow(&files, image);
        let config = follow(&files, &manifest["config"]);
        follow(&files, &manifest["layers"][0]);
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(config["config"]["Labels"]["org.opencontainers.image.created"], "2023-11-14T22:13:20Z");
        assert_eq!(files.len(), 2 + 3 + 2);
    }

    #[test]
    fn images_for_two_kinds_of_cpu_are_one_image() {
        let files = files(&[Platform::Amd64, Platform::Arm64]);
        let top: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        assert_eq!(top["manifests"].as_array().unwrap().len(), 1);
        let index = follow(&files, &top["manifests"][0]);
        for (at, name) in ["amd64", "arm64"].into_iter().enumerate() {
            let image = &index["manifests"][at];
            assert_eq!(image["platform"]["architecture"], name);
            let manifest = follow(&files, image);
            assert_eq!(follow(&files, &manifest["config"])["architecture"], name);
        }
    }
}
