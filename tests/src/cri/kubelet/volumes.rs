//! The folders of a pod's volumes, as kubelet makes them.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::name;
use crate::cri::messages::Mount;

/// Place of the token of a service account in containers.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Content of a pod's volumes and variables, which the API would give to kubelet.
#[derive(Clone, Debug, Default)]
pub struct PodVolumes {
    /// Files of ConfigMaps, by the name of the ConfigMap.
    pub config_maps: BTreeMap<String, BTreeMap<String, String>>,
    /// Files of the service account: its token, and the certificate of the API.
    pub account: BTreeMap<String, String>,
    /// Variables that say where the API is.
    pub service: Vec<(String, String)>,
}

impl PodVolumes {
    /// Makes the volumes that a container mounts.
    pub(super) fn mounts(&self, pod: &Value, spec: &Value, folder: &Path) -> Vec<Mount> {
        let folder = self::folder(pod, folder);
        let group = pod["spec"]["securityContext"]["fsGroup"].as_u64().map(|id| u32::try_from(id).unwrap());
        let mut mounts = Vec::new();
        for mount in spec["volumeMounts"].as_array().into_iter().flatten() {
            let volume = mount["name"].as_str().unwrap();
            let volumes = pod["spec"]["volumes"].as_array().unwrap();
            let of_pod = volumes.iter().find(|of_pod| of_pod["name"] == volume).unwrap();
            mounts.push(Mount {
                container_path: mount["mountPath"].as_str().unwrap().to_owned(),
                host_path: self.path(of_pod, &folder.join(volume), group).display().to_string(),
                readonly: mount["readOnly"] == true,
            });
        }
        let asks = pod["spec"]["automountServiceAccountToken"] != false;
        if asks && !self.account.is_empty() {
            let files = folder.join("account");
            write(&files, &self.account, 0o640, group);
            mounts.push(Mount {
                container_path: ACCOUNT.to_owned(),
                host_path: files.display().to_string(),
                readonly: true,
            });
        }
        mounts
    }

    fn path(&self, volume: &Value, folder: &Path, group: Option<u32>) -> PathBuf {
        if let Some(map) = volume["configMap"]["name"].as_str() {
            let mode = u32::try_from(volume["configMap"]["defaultMode"].as_u64().unwrap_or(0o644)).unwrap();
            write(folder, &self.config_maps[map], mode, group);
        } else if let Some(path) = volume["hostPath"]["path"].as_str() {
            return path.into();
        } else {
            assert!(volume["emptyDir"].is_object(), "{volume:#}");
            fs::create_dir_all(folder).unwrap();
            chown(folder, None, group).unwrap();
            fs::set_permissions(folder, fs::Permissions::from_mode(0o777 | set_group(group))).unwrap();
        }
        folder.to_owned()
    }
}

/// Returns the folder of a pod's volumes.
pub(super) fn folder(pod: &Value, all: &Path) -> PathBuf {
    all.join("volumes").join(name(pod, "uid"))
}

/// Returns the mode bit by which files get the group of their folder, where there is one.
fn set_group(group: Option<u32>) -> u32 {
    if group.is_some() { 0o2000 } else { 0 }
}

/// Writes files behind a link that kubelet exchanges when they change.
fn write(folder: &Path, files: &BTreeMap<String, String>, mode: u32, group: Option<u32>) {
    let data = folder.join("..2026_11_30_08_00_00.1");
    fs::create_dir_all(&data).unwrap();
    for (key, text) in files {
        let path = data.join(key);
        fs::write(&path, text).unwrap();
        chown(&path, None, group).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        symlink(Path::new("..data").join(key), folder.join(key)).unwrap();
    }
    // The outer folder is an emptyDir.
    for (path, mode) in [(folder, 0o777), (&*data, 0o755)] {
        chown(path, None, group).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode | set_group(group))).unwrap();
    }
    symlink(data.file_name().unwrap(), folder.join("..data")).unwrap();
}
