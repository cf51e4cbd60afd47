//! The settings of the watch of pods, from the options and the environment of a pod.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use hyper::Uri;
use tracego_analyze::enrich::pods;
use tracego_kubernetes::settings::{KeyList, PodWatchSettings};

use crate::{
    agent::PodWatchOptions,
    cli::{KubernetesOptions, wrong_usage},
};

/// Folder of the service account of a pod.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Returns the settings of the watch; `None` where none is asked for. `node`: the name of this machine in records.
///
/// # Errors
/// Fails if nothing says where the API is, or if the address is none that can be used.
pub(super) fn options(asked: &KubernetesOptions, node: &str) -> anyhow::Result<Option<PodWatchOptions>> {
    options_in(asked, node, |name| env::var(name).ok().filter(|value| !value.is_empty()))
}

fn options_in(
    asked: &KubernetesOptions,
    node: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Option<PodWatchOptions>> {
    if !asked.kubernetes {
        return Ok(None);
    }
    if node.is_empty() {
        wrong_usage!("--kubernetes: the name of the node is not known; set K8S_NODE_NAME or --host-name");
    }
    let of_account = |file: &str| Some(Path::new(ACCOUNT).join(file));
    let (api, ca, token): (String, Option<PathBuf>, Option<PathBuf>) = match &asked.kubernetes_api {
        Some(api) => (api.clone(), None, None),
        None => (in_cluster(&variable)?, of_account("ca.crt"), of_account("token")),
    };
    // Errors show the address.
    if api
        .split_once("://")
        .is_some_and(|(_, rest)| rest.split('/').next().is_some_and(|host| host.contains('@')))
    {
        wrong_usage!("--kubernetes-api: the address holds a user; give a token with --kubernetes-token");
    }
    let api: Uri = api.parse().with_context(|| format!("--kubernetes-api {api}"))?;
    let is_https = match api.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => wrong_usage!("--kubernetes-api {api}: an address with https:// or http://"),
    };
    if api.host().is_none_or(str::is_empty) || api.query().is_some() {
        wrong_usage!("--kubernetes-api {api}: an address with a host, and without a query");
    }
    let token = asked.kubernetes_token.clone().or(token);
    if token.is_some() && !is_https {
        wrong_usage!("--kubernetes-api {api}: a token is sent over https alone");
    }
    let (job_labels, job_annotations) = pods::names();
    let keys = |keys: &[String]| {
        KeyList(keys.iter().map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()).collect())
    };
    let settings = PodWatchSettings {
        api,
        token,
        node: node.to_owned(),
        labels: keys(&asked.kubernetes_labels),
        annotations: keys(&asked.kubernetes_annotations),
        job_labels,
        job_annotations,
    };
    Ok(Some(PodWatchOptions { settings, ca: asked.kubernetes_ca.clone().or(ca) }))
}

/// Returns the address of the API in a pod.
fn in_cluster(variable: &impl Fn(&str) -> Option<String>) -> anyhow::Result<String> {
    let host = variable("KUBERNETES_SERVICE_HOST");
    let port = variable("KUBERNETES_SERVICE_PORT_HTTPS").or_else(|| variable("KUBERNETES_SERVICE_PORT"));
    let (Some(host), Some(port)) = (host, port) else {
        wrong_usage!(
            "--kubernetes: this is no pod (KUBERNETES_SERVICE_HOST is not set); name the API with --kubernetes-api"
        );
    };
    Ok(if host.contains(':') { format!("https://[{host}]:{port}") } else { format!("https://{host}:{port}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> KubernetesOptions {
        KubernetesOptions {
            kubernetes: true,
            kubernetes_labels: vec!["app".to_owned(), " team/* ".to_owned(), String::new()],
            kubernetes_annotations: Vec::new(),
            kubernetes_api: None,
            kubernetes_ca: None,
            kubernetes_token: None,
        }
    }

    #[test]
    fn in_a_pod_the_service_account_is_used() {
        let variable = |host: &'static str| {
            move |name: &str| match name {
                "KUBERNETES_SERVICE_HOST" => Some(host.to_owned()),
                "KUBERNETES_SERVICE_PORT" => Some("443".to_owned()),
                _ => None,
            }
        };
        let options = options_in(&asked(), "node", variable("10.0.0.1")).unwrap().unwrap();
        assert_eq!(options.settings.api.to_string(), "https://10.0.0.1:443/");
        assert_eq!(options.settings.token, Some(format!("{ACCOUNT}/token").into()));
        assert_eq!(options.ca, Some(format!("{ACCOUNT}/ca.crt").into()));
        assert_eq!(options.settings.labels.0, ["app", "team/*"]);
        assert!(options.settings.job_labels.contains(&"tekton.dev/taskRun"));
        let options = options_in(&asked(), "node", variable("fd00::1")).unwrap().unwrap();
        assert_eq!(options.settings.api.host(), Some("[fd00::1]"));
    }

    #[test]
    fn elsewhere_the_address_is_named_and_a_token_needs_https() {
        let none = |_: &str| None;
        assert!(
            options_in(&KubernetesOptions { kubernetes: false, ..asked() }, "n", none).unwrap().is_none()
        );
        let with = |api: &str, token: Option<&str>| {
            let (kubernetes_api, kubernetes_token) = (Some(api.to_owned()), token.map(Into::into));
            options_in(&KubernetesOptions { kubernetes_api, kubernetes_token, ..asked() }, "n", none)
        };
        let options = with("http://127.0.0.1:8001/proxy", None).unwrap().unwrap();
        assert_eq!((options.settings.token, options.ca), (None, None));
        assert!(with("https://api:6443", Some("/t")).is_ok());
        for (api, token) in
            [("http://api", Some("/t")), ("api:6443", None), ("ftp://api", None), ("https://api/?x=1", None)]
        {
            assert!(with(api, token).is_err(), "{api}");
        }
        assert!(options_in(&asked(), "n", none).unwrap_err().to_string().contains("--kubernetes-api"));
        assert!(options_in(&asked(), "", none).unwrap_err().to_string().contains("K8S_NODE_NAME"));
    }
}
