//! The watch of pods against a stand-in for the Kubernetes API that fails in the ways in which servers do.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeMap,
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::mpsc};
use tracego_kubernetes::{
    settings::{ApiConnector, ApiStream, PodWatchSettings},
    status::{LeftOut, PodWatchCounts, PodWatchStatus, RequestResult},
    watcher::PodWatcher,
};
use tracego_model::input::{Input, pods::PodFacts};
use tracego_tests::kube_api::{Fault, KubeApi, PodDescription};

const NODE: &str = "node-1";

/// A watch, and the pods as the pipeline knows them.
struct Watch {
    status: Arc<PodWatchStatus>,
    input: mpsc::Receiver<Input>,
    _queue: mpsc::Sender<Input>,
    pods: BTreeMap<String, Arc<PodFacts>>,
    /// Number of pods that came, new or changed.
    came: usize,
}

fn connector(api: &KubeApi) -> ApiConnector {
    let address = api.url().split_once("://").unwrap().1.to_owned();
    Box::new(move || {
        let address = address.clone();
        Box::pin(async move {
            let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
            let stream: Box<dyn ApiStream> = Box::new(TokioIo::new(stream));
            Ok(stream)
        })
    })
}

fn settings(api: &KubeApi) -> PodWatchSettings {
    PodWatchSettings {
        api: api.url().parse().unwrap(),
        node: NODE.to_owned(),
        job_labels: vec!["tekton.dev/taskRun"],
        ..PodWatchSettings::default()
    }
}

impl Watch {
    fn start(api: &KubeApi) -> Self {
        let (queue, input) = mpsc::channel(64);
        let status = PodWatcher::start(settings(api), connector(api), queue.downgrade()).unwrap();
        Self { status, input, _queue: queue, pods: BTreeMap::new(), came: 0 }
    }

    /// Takes input until the condition holds.
    fn until(&mut self, what: &str, is: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        loop {
            while let Ok(input) = self.input.try_recv() {
                let Input::Pods(changes, _) = input else { panic!("{input:?}") };
                self.came += changes.present.len();
                for pod in changes.present {
                    self.pods.insert(pod.uid.clone(), pod);
                }
                for uid in changes.gone {
                    assert!(self.pods.remove(&uid).is_some(), "{uid} was not known");
                }
            }
            if is(self) {
                return;
            }
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "{what}: {:?} {:?}",
                self.counts(),
                self.status.report()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn counts(&self) -> PodWatchCounts {
        self.status.counts()
    }

    fn requests(&self, result: RequestResult) -> u64 {
        self.counts().requests[result as usize]
    }

    fn left_out(&self, reason: LeftOut) -> u64 {
        self.counts().left_out[reason as usize]
    }

    fn names(&self) -> Vec<&str> {
        self.pods.values().map(|pod| pod.name.as_str()).collect()
    }
}

fn pod(name: &str) -> PodDescription {
    PodDescription::new(NODE, "ci", name, &format!("uid-{name}"))
}

#[test]
fn pods_of_the_node_come_in_one_list_and_changes_in_one_watch() {
    let api = KubeApi::start();
    api.put(&pod("a").owner("apps/v1", "DaemonSet", "agents"));
    api.put(&PodDescription::new("node-2", "ci", "other", "uid-other"));
    let mut watch = Watch::start(&api);
    watch.until("the list", |watch| watch.names() == ["a"]);
    watch.until("the watch", |watch| watch.requests(RequestResult::Watched) == 1);
    api.put(&pod("b").container("main", None));
    watch.until("a new pod", |watch| watch.names() == ["a", "b"]);
    assert_eq!(watch.pods["uid-b"].containers[0].id, None);
    api.put(&pod("b").container("main", Some("c0ffee")));
    watch.until("the id of a container", |watch| watch.pods["uid-b"].containers[0].id.is_some());
    // A change that records do not show is not handed on.
    let came = watch.came;
    api.put(&PodDescription {
        phase: "Pending",
        ..pod("b").container("main", Some("c0ffee")).labels(&[("x", "y")])
    });
    api.delete("ci", "a");
    watch.until("the end of a pod", |watch| watch.names() == ["b"]);
    assert_eq!((watch.came, watch.counts().events), (came, 4));
    let report = watch.status.report();
    assert_eq!((report.connected, report.pods, report.left_out, report.error), (true, 1, 0, None));
    let requests = api.requests();
    let [list, watched] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!(list, "/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1&resourceVersion=0");
    assert!(
        watched.contains("&watch=1&allowWatchBookmarks=true&resourceVersion=2&timeoutSeconds="),
        "{watched}"
    );
}

#[test]
fn a_watch_goes_on_behind_a_bookmark_and_what_was_forgotten_is_listed_again() {
    let api = KubeApi::start();
    api.put(&pod("a"));
    let mut watch = Watch::start(&api);
    watch.until("the watch", |watch| watch.requests(RequestResult::Watched) == 1);
    api.bookmark();
    std::thread::sleep(Duration::from_millis(300));
    api.end_watches();
    watch.until("the next watch", |watch| watch.requests(RequestResult::Watched) == 2);
    assert!(api.requests()[2].contains("&resourceVersion=2&"), "{:?}", api.requests());
    // Versions are forgotten while nothing is watched for a moment: pods change unseen.
    api.put(&pod("b"));
    watch.until("a pod", |watch| watch.names() == ["a", "b"]);
    api.delete("ci", "a");
    api.forget_versions();
    watch.until("a new list", |watch| watch.requests(RequestResult::Listed) == 2);
    watch.until("the pods of the list", |watch| watch.names() == ["b"]);
    assert_eq!(watch.requests(RequestResult::Expired), 1);
    // An answer with the status 410 is the same.
    api.fail([Fault::Status(410, None)]);
    api.end_watches();
    watch.until("another list", |watch| watch.requests(RequestResult::Listed) == 3);
    assert_eq!(watch.requests(RequestResult::Failed), 0);
}

#[test]
fn a_watch_that_is_cut_in_the_middle_of_a_line_loses_nothing() {
    let api = KubeApi::start();
    api.put(&pod("a"));
    api.fail([Fault::Slow(Duration::ZERO), Fault::Cut(200), Fault::Closed]);
    let mut watch = Watch::start(&api);
    watch.until("the watch", |watch| watch.requests(RequestResult::Watched) == 1);
    api.put(&pod("b"));
    watch.until("the pod whose line was cut", |watch| watch.names() == ["a", "b"]);
    assert!(watch.requests(RequestResult::Failed) >= 2 && watch.requests(RequestResult::Listed) == 1);
    assert_eq!(watch.status.report().error, None);
}

#[test]
fn failures_are_told_and_retried_with_pauses() {
    let api = KubeApi::start();
    api.put(&pod("a"));
    api.fail([
        Fault::Status(500, None),
        Fault::Status(403, None),
        Fault::Status(429, Some(1)),
        Fault::Cut(50),
    ]);
    let mut watch = Watch::start(&api);
    watch.until("a failure", |watch| watch.status.report().error.is_some());
    assert!(!watch.status.report().connected);
    let mut said = Vec::new();
    while watch.names().is_empty() {
        said.extend(watch.status.report().error);
        watch.until("a list", |_| true);
        std::thread::sleep(Duration::from_millis(5));
    }
    said.dedup();
    assert!(said.iter().any(|text| text.contains("get, list and watch of pods")), "{said:?}");
    assert_eq!((watch.requests(RequestResult::Failed), api.faults_left()), (4, 0));
    watch.until("the end of the failure", |watch| watch.status.report().error.is_none());
}

#[test]
fn a_server_that_ends_watches_at_once_is_not_asked_in_a_loop() {
    let api = KubeApi::start();
    let mut watch = Watch::start(&api);
    watch.until("the watch", |watch| watch.requests(RequestResult::Watched) == 1);
    for _ in 0..30 {
        api.end_watches();
        std::thread::sleep(Duration::from_millis(50));
    }
    let (lists, watches) = api.counts();
    assert!(lists == 1 && watches < 20, "{lists} lists, {watches} watches in 1.5 s");
}

#[test]
fn a_thousand_pods_are_known_and_more_are_counted() {
    let api = KubeApi::start();
    for n in 0..1000 {
        api.put(&pod(&format!("p{n}")).labels(&[("tekton.dev/taskRun", "x")]));
    }
    let mut watch = Watch::start(&api);
    watch.until("1000 pods", |watch| watch.pods.len() == 1000);
    assert_eq!(watch.left_out(LeftOut::TooMany), 0);
    for n in 1000..1100 {
        api.put(&pod(&format!("p{n}")));
    }
    watch.until("the bound", |watch| watch.left_out(LeftOut::TooMany) == 76);
    assert_eq!((watch.pods.len(), watch.counts().pods), (1024, 1024));
    api.delete("ci", "p0");
    api.put(&pod("p1099"));
    watch.until("room for another one", |watch| watch.pods.contains_key("uid-p1099"));
}

#[test]
fn what_is_no_pod_costs_no_other() {
    let api = KubeApi::start();
    api.put(&pod("a"));
    api.put_json(serde_json::json!({"metadata": {"name": "b", "namespace": "ci", "labels": 7}, "spec": {"nodeName": NODE}}));
    api.put_json(
        serde_json::json!({"metadata": {"name": "c", "namespace": "ci"}, "spec": {"nodeName": NODE}}),
    );
    api.fail([
        Fault::Slow(Duration::ZERO),
        Fault::Nonsense(b"not JSON\n{\"type\":\"OTHER\",\"object\":{}}\n".to_vec()),
    ]);
    let mut watch = Watch::start(&api);
    watch.until("the pod", |watch| watch.names() == ["a"]);
    watch.until("what cannot be read", |watch| watch.left_out(LeftOut::Invalid) == 4);
    let mut long = pod("d").json();
    long["metadata"]["annotations"]["x"] = "y".repeat(5 << 20).into();
    api.put_json(long);
    api.put(&pod("e"));
    watch.until("the pod behind a long line", |watch| watch.names() == ["a", "e"]);
    assert_eq!(watch.left_out(LeftOut::TooLong), 1);
}

#[test]
fn a_list_that_is_too_long_comes_in_parts() {
    let api = KubeApi::start();
    for n in 0..450 {
        let mut long = pod(&format!("p{n}")).json();
        long["metadata"]["annotations"]["x"] = "y".repeat(90 << 10).into();
        api.put_json(long);
    }
    let mut watch = Watch::start(&api);
    watch.until("450 pods", |watch| watch.pods.len() == 450);
    let requests = api.requests();
    for (request, end) in
        requests.iter().zip(["resourceVersion=0", "limit=200", "limit=50", "limit=50&continue=50"])
    {
        assert!(request.ends_with(end), "{requests:?}");
    }
    let (lists, _) = api.counts();
    assert_eq!(lists, 2 + 9, "{requests:?}");
}

#[test]
fn a_server_that_says_nothing_holds_nothing_up() {
    let api = KubeApi::start();
    api.put(&pod("a"));
    api.fail([Fault::Silent(Duration::from_millis(500))]);
    let mut watch = Watch::start(&api);
    watch.until("the list", |watch| watch.names() == ["a"]);
    assert_eq!(watch.requests(RequestResult::Failed), 1);
}

#[test]
fn the_token_is_read_again_for_each_request() {
    let api = KubeApi::start();
    api.accept_token("first");
    api.put(&pod("a"));
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "first\n").unwrap();
    let (queue, input) = mpsc::channel(64);
    let settings = PodWatchSettings { token: Some(file.path().to_owned()), ..settings(&api) };
    let status = PodWatcher::start(settings, connector(&api), queue.downgrade()).unwrap();
    let mut watch = Watch { status, input, _queue: queue, pods: BTreeMap::new(), came: 0 };
    watch.until("the watch", |watch| watch.requests(RequestResult::Watched) == 1);
    api.accept_token("second");
    fs::write(file.path(), "second").unwrap();
    api.put(&pod("b"));
    watch.until("a pod", |watch| watch.names() == ["a", "b"]);
    api.end_watches();
    watch.until("the next watch", |watch| watch.requests(RequestResult::Watched) == 2);
    assert_eq!(watch.requests(RequestResult::Failed), 0);
    // A token that is not accepted is told without the token.
    api.accept_token("third");
    api.end_watches();
    watch.until("a failure", |watch| watch.status.report().error.is_some());
    let error = watch.status.report().error.unwrap();
    assert!(error.contains("the token is not accepted") && !error.contains("second"), "{error}");
}
