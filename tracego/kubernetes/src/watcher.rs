//! The thread that lists the pods of this node, and then watches them.

use std::{
    collections::BTreeSet,
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::{
    runtime::Builder,
    sync::mpsc::WeakSender,
    time::{sleep, timeout},
};
use tracego_confine::writing;
use tracego_model::{
    clock::Reading,
    input::{Input, pods::PodChanges},
};

use crate::{
    api::{ApiPod, PodList, watch_event::WatchEvent},
    backoff::{Backoff, random},
    facts::facts,
    known_pods::KnownPods,
    lines::{Line, Lines},
    request::{self, BODY_MAX, RequestError, encoded},
    settings::{ApiConnector, PodWatchSettings},
    status::{LeftOut, PodWatchStatus, RequestResult},
};

/// Shortest and longest time that a watch is asked for. The time is random, so that the nodes of a cluster do not ask
/// again at once.
const WATCH: (Duration, Duration) = (Duration::from_secs(240), Duration::from_secs(480));
/// Time that a server gets to end a watch that is over.
const OVERTIME: Duration = Duration::from_secs(15);
/// A watch that ends sooner than this, without an event, is followed by a pause: its server would be asked in a loop.
const SHORT: Duration = Duration::from_secs(5);
/// Maximum number of pods in one input, so that the pipeline does not wait for a long list.
const PORTION: usize = 128;
/// Number of pods that are asked for at once where the whole list is too long; a quarter of it where that is, too.
const PAGE: u32 = 200;
/// Maximum number of parts of a list: those of a node with as many pods as are kept, if each part has few.
const PAGES_MAX: usize = 256;

/// The thread that watches.
#[derive(Debug)]
pub struct PodWatcher;

impl PodWatcher {
    /// Starts the thread. It ends at its next answer or pause after the pipeline that `queue` leads to; the end of the process does
    /// not wait for it.
    ///
    /// # Errors
    /// Fails if there is no thread to be had.
    pub fn start(
        settings: PodWatchSettings,
        connect: ApiConnector,
        queue: WeakSender<Input>,
    ) -> io::Result<Arc<PodWatchStatus>> {
        let status = Arc::new(PodWatchStatus::default());
        let shared = Arc::clone(&status);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("tracego-pods".to_owned()).spawn(move || {
            writing::forbid();
            let watch = PodWatch {
                settings,
                connect,
                queue,
                status: shared,
                pods: KnownPods::default(),
                version: None,
                page: None,
                backoff: Backoff::default(),
            };
            runtime.block_on(watch.run());
        })?;
        Ok(status)
    }
}

/// The pipeline does not take input any more.
struct PipelineEnded;

/// The state of the watch.
struct PodWatch {
    settings: PodWatchSettings,
    connect: ApiConnector,
    queue: WeakSender<Input>,
    status: Arc<PodWatchStatus>,
    pods: KnownPods,
    /// Version from which a watch can go on; `None` where a list has to be made.
    version: Option<String>,
    /// Number of pods in a part of a list; `None` where lists come as a whole.
    page: Option<u32>,
    backoff: Backoff,
}

impl PodWatch {
    /// Lists and watches until the pipeline ends.
    async fn run(mut self) {
        while self.queue.strong_count() > 0 {
            let done = match self.version.clone() {
                None => self.list().await,
                Some(version) => self.watch(&version).await,
            };
            // What came before a failure counts, too.
            if self.hand_over().await.is_err() {
                return;
            }
            let pause = match done {
                Ok(()) => continue,
                Err(error) => self.failed(error),
            };
            sleep(pause).await;
        }
    }

    /// Notes a failure. Returns the pause behind it.
    fn failed(&mut self, error: RequestError) -> Duration {
        let asked = match &error {
            RequestError::Refused(_, asked) => *asked,
            _ => None,
        };
        match error {
            RequestError::Expired => {
                self.status.count(RequestResult::Expired);
                self.version = None;
            }
            // Nothing is missed: the next watch begins where this one did.
            RequestError::Brief => {}
            RequestError::TooLong if self.page != Some(1) => {
                self.status.count(RequestResult::Failed);
                self.page = Some(self.page.map_or(PAGE, |page| (page / 4).max(1)));
            }
            error => {
                self.status.count(RequestResult::Failed);
                self.status.failed(error.to_string());
            }
        }
        self.backoff.pause(asked)
    }

    /// Lists the pods of the node.
    async fn list(&mut self) -> Result<(), RequestError> {
        let mut there = BTreeSet::new();
        let mut next = String::new();
        let mut pages = 0..PAGES_MAX;
        let version = loop {
            if pages.next().is_none() || self.queue.strong_count() == 0 {
                return Err(RequestError::Failed(format!(
                    "the list of pods has more than {PAGES_MAX} parts"
                )));
            }
            // From the server's memory, which costs it little. A list in parts cannot be had from there.
            let part = self.page.map_or("resourceVersion=0".to_owned(), |page| format!("limit={page}"));
            let query = if next.is_empty() { part } else { format!("{part}&continue={}", encoded(&next)) };
            let answer = request::pods(&self.settings, &self.connect, &query).await?;
            let body = answer.whole(BODY_MAX).await?;
            let list: PodList<'_> = serde_json::from_slice(&body)
                .map_err(|error| RequestError::Failed(format!("the list of pods: {error}")))?;
            for pod in list.items {
                match serde_json::from_str::<ApiPod>(pod.get()) {
                    Ok(pod) => {
                        there.insert(pod.metadata.uid.clone());
                        self.take(pod);
                    }
                    Err(_) => self.status.leave_out(LeftOut::Invalid),
                }
            }
            next = list.metadata.next;
            if next.is_empty() {
                break list.metadata.resource_version;
            }
        };
        self.pods.retain(&there);
        self.status.set_pods(self.pods.len());
        self.status.count(RequestResult::Listed);
        self.status.succeeded();
        self.version = Some(version);
        Ok(())
    }

    /// Watches from a version on, until the server ends the watch.
    async fn watch(&mut self, version: &str) -> Result<(), RequestError> {
        let long = WATCH.0 + random(WATCH.1 - WATCH.0);
        let query = format!(
            "watch=1&allowWatchBookmarks=true&resourceVersion={}&timeoutSeconds={}",
            encoded(version),
            long.as_secs()
        );
        let began = Instant::now();
        let mut answer = request::pods(&self.settings, &self.connect, &query).await?;
        self.status.count(RequestResult::Watched);
        self.status.succeeded();
        let (mut lines, mut events) = (Lines::default(), 0_u64);
        loop {
            let left = (long + OVERTIME).saturating_sub(began.elapsed());
            // A server that does not end its watch is left.
            let Ok(piece) = timeout(left, answer.piece()).await else { break };
            let Some(piece) = piece? else { break };
            for line in lines.take(&piece) {
                events += 1;
                // What ends the watch later is a new failure.
                self.backoff.reset();
                match line {
                    Line::Whole(line) => self.line(&line)?,
                    Line::TooLong => self.status.leave_out(LeftOut::TooLong),
                }
            }
            self.status.set_pods(self.pods.len());
            if self.hand_over().await.is_err() {
                return Ok(());
            }
        }
        if events == 0 && began.elapsed() < SHORT {
            return Err(RequestError::Brief);
        }
        self.backoff.reset();
        Ok(())
    }

    /// Takes a line of a watch.
    fn line(&mut self, line: &[u8]) -> Result<(), RequestError> {
        match WatchEvent::parse(line) {
            Ok(WatchEvent::Present(pod)) => {
                self.status.event();
                self.go_on_from(&pod.metadata.resource_version);
                self.take(*pod);
            }
            Ok(WatchEvent::Gone(pod)) => {
                self.status.event();
                self.go_on_from(&pod.metadata.resource_version);
                self.pods.remove(&pod.metadata.uid);
            }
            Ok(WatchEvent::Bookmark(version)) => self.go_on_from(&version),
            Ok(WatchEvent::Error(status)) if status.code == 410 => return Err(RequestError::Expired),
            Ok(WatchEvent::Error(status)) => {
                let said: String = status.message.chars().filter(|c| !c.is_control()).take(200).collect();
                return Err(RequestError::Refused(format!("{}: {said}", status.code), None));
            }
            Err(error) => {
                self.status.leave_out(LeftOut::Invalid);
                tracing::debug!(error, "an event of the Kubernetes API is not understood");
            }
        }
        Ok(())
    }

    fn go_on_from(&mut self, version: &str) {
        if !version.is_empty() {
            self.version = Some(version.to_owned());
        }
    }

    /// Takes a pod as it is now.
    fn take(&mut self, pod: ApiPod) {
        if !pod.spec.node_name.is_empty() && pod.spec.node_name != self.settings.node {
            self.status.leave_out(LeftOut::OtherNode);
            return;
        }
        match facts(pod, &self.settings) {
            None => self.status.leave_out(LeftOut::Invalid),
            Some(facts) => {
                if !self.pods.put(facts) {
                    self.status.leave_out(LeftOut::TooMany);
                }
            }
        }
    }

    /// Hands changes to the pipeline. Waits while its queue is full.
    async fn hand_over(&mut self) -> Result<(), PipelineEnded> {
        let PodChanges { present, mut gone } = self.pods.changes();
        let mut portions = present.chunks(PORTION);
        while let Some(changes) = next_portion(&mut portions, &mut gone) {
            let queue = self.queue.upgrade().ok_or(PipelineEnded)?;
            queue.send(Input::Pods(changes, Reading::now())).await.map_err(|_| PipelineEnded)?;
        }
        Ok(())
    }
}

/// Returns the next portion of changes; the pods that are gone come with the last one.
fn next_portion<'a>(
    portions: &mut impl ExactSizeIterator<Item = &'a [Arc<tracego_model::input::pods::PodFacts>]>,
    gone: &mut Vec<String>,
) -> Option<PodChanges> {
    let present = portions.next().map(<[_]>::to_vec);
    if present.is_none() && gone.is_empty() {
        return None;
    }
    let gone = if portions.len() == 0 { std::mem::take(gone) } else { Vec::new() };
    Some(PodChanges { present: present.unwrap_or_default(), gone })
}
