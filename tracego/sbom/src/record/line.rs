//! The members of a record that bills are made of. All of it is untrusted.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use tracego_report::wire::NativeRecord;

/// A record.
#[derive(Debug, Deserialize)]
pub(super) struct SbomRecord<'a> {
    #[serde(borrow, default)]
    schema: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) event_name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) timestamp: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) process: Option<SbomProcess<'a>>,
    #[serde(borrow)]
    cicd: Option<SbomCicd<'a>>,
    #[serde(borrow, default)]
    pub(super) host: SbomName<'a>,
    #[serde(borrow)]
    container: Option<SbomRun<'a>>,
    #[serde(borrow)]
    k8s: Option<SbomPod<'a>>,
    #[serde(borrow, default)]
    pub(super) tracego: SbomOwn<'a>,
}

impl<'a> NativeRecord<'a> for SbomRecord<'a> {
    fn schema(&self) -> &str {
        &self.schema
    }

    fn event_name(&self) -> &str {
        &self.event_name
    }
}

impl SbomRecord<'_> {
    /// Returns the id of the job; empty without one.
    pub(super) fn job(&self) -> &str {
        let Some(pipeline) = self.cicd.as_ref().and_then(|cicd| cicd.pipeline.as_ref()) else { return "" };
        let task = pipeline.task.as_ref().and_then(|task| task.run.as_ref());
        task.or(pipeline.run.as_ref()).map_or("", |run| &run.id)
    }

    /// Returns the id of the container, with namespace, pod and container in Kubernetes; empty without one.
    pub(super) fn container(&self) -> String {
        let id = self.container.as_ref().map_or("", |container| &container.id);
        let Some(pod) = self.k8s.as_ref().filter(|pod| !pod.pod.name.is_empty()) else {
            return id.to_owned();
        };
        let names = [&pod.namespace.name, &pod.pod.name, &pod.container.name];
        let names: Vec<&str> =
            names.into_iter().map(|name| &**name).filter(|name| !name.is_empty()).collect();
        format!("{id} {}", names.join("/")).trim_start().to_owned()
    }
}

/// A thing with a name.
#[derive(Debug, Default, Deserialize)]
pub(super) struct SbomName<'a> {
    #[serde(borrow, default)]
    pub(super) name: Cow<'a, str>,
}

/// `k8s.*`, as far as all records have it.
#[derive(Debug, Deserialize)]
struct SbomPod<'a> {
    #[serde(borrow, default)]
    namespace: SbomName<'a>,
    #[serde(borrow, default)]
    pod: SbomName<'a>,
    #[serde(borrow, default)]
    container: SbomName<'a>,
}

/// `cicd.*`.
#[derive(Debug, Deserialize)]
struct SbomCicd<'a> {
    #[serde(borrow)]
    pipeline: Option<SbomPipeline<'a>>,
}

/// `cicd.pipeline.*`.
#[derive(Debug, Deserialize)]
struct SbomPipeline<'a> {
    #[serde(borrow)]
    run: Option<SbomRun<'a>>,
    #[serde(borrow)]
    task: Option<SbomTask<'a>>,
}

/// `cicd.pipeline.task.*`.
#[derive(Debug, Deserialize)]
struct SbomTask<'a> {
    #[serde(borrow)]
    run: Option<SbomRun<'a>>,
}

/// `cicd.pipeline.run.*`, `cicd.pipeline.task.run.*` and `container.*`.
#[derive(Debug, Deserialize)]
struct SbomRun<'a> {
    #[serde(borrow, default)]
    id: Cow<'a, str>,
}

/// `process.*`.
#[derive(Debug, Deserialize)]
pub(super) struct SbomProcess<'a> {
    #[serde(default)]
    pub(super) pid: u32,
    #[serde(borrow, default)]
    pub(super) executable: SbomExecutable<'a>,
    #[serde(borrow)]
    pub(super) runtime: Option<SbomRuntime<'a>>,
}

/// `process.executable.*`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct SbomExecutable<'a> {
    #[serde(borrow, default)]
    pub(super) path: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) build_id: SbomBuildId<'a>,
}

/// `process.executable.build_id.*`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct SbomBuildId<'a> {
    #[serde(borrow, default)]
    pub(super) htlhash: Cow<'a, str>,
}

/// `process.runtime.*`.
#[derive(Debug, Deserialize)]
pub(super) struct SbomRuntime<'a> {
    #[serde(borrow, default)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) version: Cow<'a, str>,
}

/// `tracego.*`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct SbomOwn<'a> {
    #[serde(borrow, default)]
    pub(super) exec_id: Cow<'a, str>,
    #[serde(borrow, default, rename = "ref")]
    pub(super) references: SbomReferences<'a>,
    #[serde(borrow)]
    pub(super) image: Option<SbomImage<'a>>,
    #[serde(borrow)]
    pub(super) executable: Option<SbomFile<'a>>,
    #[serde(borrow)]
    pub(super) elf: Option<SbomElf<'a>>,
    #[serde(borrow)]
    pub(super) go: Option<SbomGo<'a>>,
    #[serde(default)]
    pub(super) lost: BTreeMap<String, u64>,
    pub(super) sink: Option<SbomSink>,
}

/// `tracego.ref.*`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct SbomReferences<'a> {
    #[serde(borrow, default)]
    pub(super) image: Cow<'a, str>,
}

/// `tracego.image.*`.
#[derive(Debug, Deserialize)]
pub(super) struct SbomImage<'a> {
    #[serde(borrow, default)]
    pub(super) build_id: SbomBuildId<'a>,
    #[serde(borrow)]
    pub(super) runtime: Option<SbomRuntime<'a>>,
}

/// `tracego.executable.*`.
#[derive(Debug, Deserialize)]
pub(super) struct SbomFile<'a> {
    #[serde(default)]
    pub(super) inode: u64,
    #[serde(borrow, default)]
    pub(super) ctime: Cow<'a, str>,
    #[serde(borrow)]
    digest: Option<SbomDigest<'a>>,
}

/// `tracego.executable.digest.*`.
#[derive(Debug, Deserialize)]
struct SbomDigest<'a> {
    #[serde(borrow, default)]
    sha256: Cow<'a, str>,
    #[serde(borrow, default)]
    state: Cow<'a, str>,
}

impl SbomFile<'_> {
    /// Returns the SHA-256 of the file, if it is one.
    pub(super) fn sha256(&self) -> Option<&str> {
        let digest = &*self.digest.as_ref()?.sha256;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (digest.len() == 64 && digest.bytes().all(is_hex)).then_some(digest)
    }

    /// Whether the digest may be of other bytes than those that ran.
    pub(super) fn is_unproven(&self) -> bool {
        self.digest.as_ref().is_some_and(|digest| digest.state == "unproven")
    }
}

/// `tracego.elf.*`.
#[derive(Debug, Deserialize)]
pub(super) struct SbomElf<'a> {
    #[serde(borrow, default)]
    pub(super) linkage: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) packer: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) damage: Vec<Cow<'a, str>>,
}

/// `tracego.go.*`.
#[derive(Debug, Deserialize)]
pub(super) struct SbomGo<'a> {
    #[serde(borrow)]
    pub(super) build: Option<SbomBuild<'a>>,
}

/// `tracego.go.build.*`.
#[derive(Debug, Deserialize)]
pub(super) struct SbomBuild<'a> {
    #[serde(borrow, default)]
    pub(super) path: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) module: Option<SbomModule<'a>>,
    #[serde(borrow)]
    pub(super) vcs: Option<SbomVcs<'a>>,
    /// Absent if only some members were written.
    pub(super) dependencies: Option<usize>,
    pub(super) cgo: Option<bool>,
    #[serde(borrow, default)]
    pub(super) inconsistent: Vec<Cow<'a, str>>,
}

/// `tracego.go.build.module.*`.
#[derive(Debug, Deserialize)]
pub(super) struct SbomModule<'a> {
    #[serde(borrow, default)]
    pub(super) path: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) version: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) sum: Cow<'a, str>,
}

/// `tracego.go.build.vcs.*`.
#[derive(Debug, Deserialize)]
pub(super) struct SbomVcs<'a> {
    #[serde(borrow)]
    pub(super) revision: Option<Cow<'a, str>>,
    pub(super) modified: Option<bool>,
}

/// `tracego.sink.*`.
#[derive(Debug, Deserialize)]
pub(super) struct SbomSink {
    #[serde(default)]
    pub(super) name: String,
}
