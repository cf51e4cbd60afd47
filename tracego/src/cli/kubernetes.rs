//! The options about pods of Kubernetes.

use std::path::PathBuf;

use clap::{
    ArgAction, Args,
    builder::{BoolishValueParser, NonEmptyStringValueParser},
};

use super::heading;

/// The options about pods of Kubernetes.
#[derive(Args, Clone, Debug)]
pub struct KubernetesOptions {
    /// Ask the Kubernetes API which pods run on this node: records get their names and workloads, and the CI jobs that
    /// their labels and annotations name.
    ///
    /// In a pod, with the service account, which needs get, list and watch of pods; elsewhere with --kubernetes-api. The
    /// node is the one in --host-name, K8S_NODE_NAME or NODE_NAME. docs/kubernetes.md describes the records.
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub kubernetes: bool,
    /// Labels of pods that records show, separated by commas; `*` at the end of one stands for any more.
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub kubernetes_labels: Vec<String>,
    /// Annotations of pods that records show, like --kubernetes-labels. Annotations may hold secrets.
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub kubernetes_annotations: Vec<String>,
    /// Address of the Kubernetes API, such as <https://10.0.0.1:6443>. Default: that of the cluster that tracego runs in.
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub kubernetes_api: Option<String>,
    /// Certificates in PEM that the Kubernetes API is trusted by. Default: those of the service account.
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long, value_name = "FILE")]
    pub kubernetes_ca: Option<PathBuf>,
    /// File with the token for the Kubernetes API, read for each request. Default: that of the service account.
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long, value_name = "FILE")]
    pub kubernetes_token: Option<PathBuf>,
}
