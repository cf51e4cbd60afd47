//! The watch of this node's pods: where the API is, and how it is reached.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use hyper::Uri;
use tokio::sync::mpsc::WeakSender;
use tracego_deliver::http::{Connector, HttpVersions, tls::TlsSettings};
use tracego_kubernetes::{
    settings::{ApiConnector, ApiStream, PodWatchSettings},
    status::PodWatchStatus,
    watcher::PodWatcher,
};
use tracego_model::input::Input;

/// Time limit for connecting.
const CONNECT: Duration = Duration::from_secs(10);

/// The settings of the watch, with what TLS needs.
#[derive(Clone, Debug)]
pub struct PodWatchOptions {
    /// Settings of the requests.
    pub settings: PodWatchSettings,
    /// Certificates that the API is trusted by; `None` for those of the system.
    pub ca: Option<PathBuf>,
}

/// Starts the watch. It ends with the pipeline.
///
/// # Errors
/// Fails if there is no thread to be had.
pub(super) fn start(options: PodWatchOptions, queue: WeakSender<Input>) -> io::Result<Arc<PodWatchStatus>> {
    let PodWatchOptions { settings, ca } = options;
    let connect = connector(settings.api.clone(), ca);
    PodWatcher::start(settings, connect, queue)
}

/// Returns a function that connects. Certificates are read each time.
fn connector(api: Uri, ca: Option<PathBuf>) -> ApiConnector {
    Box::new(move || {
        let (api, tls) = (api.clone(), TlsSettings { ca: ca.clone(), ..TlsSettings::default() });
        Box::pin(async move {
            let connector = Connector::new(&api, &tls, HttpVersions::One, CONNECT);
            let connector = connector.map_err(|error| error.to_string())?;
            let late = |_| format!("no connection within {} s", CONNECT.as_secs());
            let (stream, _) = tokio::time::timeout(CONNECT, connector.stream()).await.map_err(late)??;
            let stream: Box<dyn ApiStream> = Box::new(stream);
            Ok(stream)
        })
    })
}
