//! The settings of the watch.

use std::{future::Future, path::PathBuf, pin::Pin};

use hyper::{Uri, rt};

/// A byte stream to the API server.
pub trait ApiStream: rt::Read + rt::Write + Unpin + Send {}

impl<T: rt::Read + rt::Write + Unpin + Send> ApiStream for T {}

/// The result of connecting: a stream, or the reason why there is none.
pub type Connecting = Pin<Box<dyn Future<Output = Result<Box<dyn ApiStream>, String>> + Send>>;

/// A function that connects to the API server. It is called for each request, so that a new certificate authority
/// counts.
pub type ApiConnector = Box<dyn Fn() -> Connecting + Send>;

/// The settings of the watch.
#[derive(Clone, Debug, Default)]
pub struct PodWatchSettings {
    /// Address of the API server: scheme, host, port, and the path in front of `/api`.
    pub api: Uri,
    /// File with the token; read again for each request, because kubelet exchanges it. `None`: no token is sent.
    pub token: Option<PathBuf>,
    /// Name of the node.
    pub node: String,
    /// Labels that records show.
    pub labels: KeyList,
    /// Annotations that records show.
    pub annotations: KeyList,
    /// Labels that jobs are read from.
    pub job_labels: Vec<&'static str>,
    /// Annotations that jobs are read from.
    pub job_annotations: Vec<&'static str>,
}

/// A list of keys of labels or annotations. A key that ends with `*` stands for all that begin so.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KeyList(pub Vec<String>);

impl KeyList {
    /// Whether a key is in the list.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.0.iter().any(|known| match known.strip_suffix('*') {
            Some(start) => key.starts_with(start),
            None => key == known,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_whole_or_a_beginning() {
        let list = KeyList(vec!["app".to_owned(), "team.example/*".to_owned()]);
        for (key, is) in [("app", true), ("apps", false), ("team.example/a", true), ("team.example", false)] {
            assert_eq!(list.has(key), is, "{key}");
        }
        assert!(!KeyList::default().has("app") && KeyList(vec!["*".to_owned()]).has("app"));
    }
}
