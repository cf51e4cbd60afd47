//! Enforcement of rules. A stopped program must not run an instruction: each program here would leave a file
//! behind.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tracego_tests::{ChildGuard, Session, records, wait_until, with_full_records};

use crate::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("enforcement: what a rule stops runs no instruction", stops),
    ("enforcement: audit stops nothing and tells", audits),
    ("enforcement: an exception is allowed and reported", excepts),
    ("enforcement: an exception by path is the file of the host", excepted_by_path),
    ("enforcement: an exception of jobs needs a job of another", excepted_in_job),
    ("enforcement: however it is started", disguises),
    ("enforcement: no thread can change an argument behind the check", races),
    ("enforcement: ten thousand others are let through", others),
    ("enforcement: a full ring and a stopped agent change nothing", overwhelmed),
    ("enforcement: it ends with tracego and others hold after a reload", ends),
    ("enforcement: a rule that locks people out is refused", lockout),
    ("enforcement: what a policy does not allow is ended and then known", policy),
    ("enforcement: an exception is before a policy", excepted_from_policy),
    ("enforcement: a whole job ends", whole),
    ("enforcement: a job of one process ends with it", whole_alone),
];

/// A folder with a program that creates a file for each of its arguments, and a configuration.
struct RuleFolder {
    folder: TempDir,
    name: String,
}

impl RuleFolder {
    /// Creates the folder. `name` is the name of the program, unique among the tests.
    fn new(name: &str, config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let touch =
            ["/usr/bin/touch", "/bin/touch"].into_iter().find(|path| Path::new(path).exists()).unwrap();
        fs::copy(touch, folder.path().join(name)).unwrap();
        let place = Self { folder, name: name.to_owned() };
        place.configure(config);
        place
    }

    fn configure(&self, config: &str) {
        let text = config.replace("NAME", &self.name).replace("FOLDER", self.path("").to_str().unwrap());
        // Replaced atomically, because it may be read at any time.
        fs::write(self.path("new"), text).unwrap();
        fs::rename(self.path("new"), self.path("tracego.toml")).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, mode: &str, script: &str) -> Session {
        let config = self.path("tracego.toml");
        let options = ["--enforce", mode, "--config", config.to_str().unwrap()];
        Session::run(&options, &["sh", "-c", script], |tracego| {
            tracego.current_dir(self.path(""));
        })
    }

    /// Starts tracego for the whole machine.
    fn watch(&self, mode: &str, options: &[&str]) -> ChildGuard {
        let mut tracego = with_full_records();
        tracego.args(["--enforce", mode, "--heartbeat", "0", "--output", "json", "--config"]);
        tracego.arg(self.path("tracego.toml")).arg("--output-file").arg(self.path("records")).args(options);
        let mut tracego = ChildGuard(tracego.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
        wait_until("rules are in force", || {
            assert!(tracego.0.try_wait().unwrap().is_none(), "it has ended");
            self.is_stopped()
        });
        tracego
    }

    /// Returns whether the program is stopped now.
    fn is_stopped(&self) -> bool {
        let _gone = fs::remove_file(self.path("run"));
        let ended = Command::new(self.path(&self.name)).arg("run").current_dir(self.path("")).status();
        let made = self.path("run").exists();
        let well = ended.is_ok_and(|status| status.success());
        assert_eq!(made, well, "half of it ran");
        !made
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path("records")).unwrap_or_default()
    }
}

const RULE: &str = "[[enforce.rules]]\nname = \"test\"\nexecutables = [\"NAME\"]\nargs = [\"run\"]\n\
    message = \"not here\"\nremediation = \"elsewhere\"\n";

/// Returns a configuration with only these rules. On the whole machine, findings would stop other tests'
/// programs.
fn alone(rules: &str) -> String {
    format!("[enforce]\nfindings = []\n{rules}")
}

/// Returns the records of decisions about starts: those of children that were killed with theirs are left out.
pub(crate) fn decided(records: &[Value]) -> impl Iterator<Item = &Value> {
    let is_child = |record: &Value| {
        let message = record["tracego"]["enforcement"]["message"].as_str();
        message.is_some_and(|message| message.ends_with("(a child that ran the same program)"))
    };
    records.iter().filter(move |record| record["event_name"] == "tracego.enforcement" && !is_child(record))
}

/// Returns the decisions in these records.
pub(crate) fn decisions(records: &[Value]) -> Vec<&Value> {
    decided(records).map(|record| &record["tracego"]["enforcement"]).collect()
}

/// Returns the mode in force on this kernel, from the records.
fn mode(session: &Session) -> String {
    let about = &session.records.last().unwrap()["tracego"]["enforcement"];
    assert_eq!(about["state"], "enforced", "{}", session.stderr());
    about["mode"].as_str().unwrap().to_owned()
}

fn stops() {
    for asked in ["kill", "deny"] {
        let place = RuleFolder::new("stops", RULE);
        let session = place.run(asked, "./stops fine; ./stops run; echo $?; ./stops other");
        assert!(place.path("fine").exists() && place.path("other").exists(), "{}", session.stderr());
        assert!(!place.path("run").exists(), "it ran: {}", session.stderr());
        let mode = mode(&session);
        assert!(mode == asked || mode == "kill", "{mode}");
        let out = String::from_utf8_lossy(&session.output.stdout).into_owned();
        // 126: the shell could not start the program; 137: it was killed.
        assert_eq!(out.trim(), if mode == "deny" { "126" } else { "137" });
        assert_eq!(session.output.status.code(), Some(5), "the build is red: {}", session.stderr());
        let all = decisions(&session.records);
        assert_eq!(all.len(), 1, "{all:#?}");
        let about = all[0];
        assert_eq!((&about["action"], &about["when"]), (&mode.into(), &"before-start".into()));
        assert_eq!((&about["rule"], &about["message"]), (&"test".into(), &"not here".into()));
        assert_eq!((&about["args"][0], &about["args"][1]), (&"./stops".into(), &"run".into()));
        let told = session.stderr();
        for what in ["./stops run", "by the rule test", "not here", "elsewhere", "exception"] {
            assert!(told.contains(what), "{what} in {told}");
        }
    }
}

fn audits() {
    let place = RuleFolder::new("audits", RULE);
    let session = place.run("audit", "./audits run");
    assert!(place.path("run").exists(), "{}", session.stderr());
    assert_eq!(session.output.status.code(), Some(0));
    let all = decisions(&session.records);
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!((&all[0]["action"], &all[0]["state"]), (&"audit".into(), &"audit".into()));
}

fn excepts() {
    let exception = "[[enforce.exceptions]]\nname = \"one\"\nowner = \"ops\"\nreason = \"until it moves\"\n\
        expires = \"DAY\"\nexecutables = [\"NAME\"]\nargs = [\"run\", \"this\"]\n";
    let place = RuleFolder::new("excepts", &format!("{}{RULE}", exception.replace("DAY", "2199-01-01")));
    let session = place.run("kill", "./excepts run this; ./excepts run that; true");
    assert!(place.path("this").exists() && !place.path("that").exists(), "{}", session.stderr());
    let all = decisions(&session.records);
    let allowed: Vec<_> = all.iter().filter(|about| about["action"] == "allow").collect();
    assert_eq!((all.len(), allowed.len()), (2, 1), "{all:#?}");
    assert_eq!((&allowed[0]["rule"], &allowed[0]["owner"]), (&"one".into(), &"ops".into()));
    place.configure(&format!("{}{RULE}", exception.replace("DAY", "2026-01-01")));
    fs::remove_file(place.path("this")).unwrap();
    place.run("kill", "./excepts run this; true");
    assert!(!place.path("this").exists(), "an exception that has ended holds");
}

/// Returns an exception with this criterion, and the rule.
fn except(criterion: &str) -> String {
    format!(
        "[[enforce.exceptions]]\nname = \"one\"\nowner = \"ops\"\nreason = \"until it moves\"\n\
         expires = \"2199-01-01\"\n{criterion}\n{RULE}"
    )
}

/// Checks that another file at the same path of another mount namespace is no exception.
fn excepted_by_path() {
    let place = RuleFolder::new("bound", &except("path = \"FOLDER/sub/bound\""));
    fs::create_dir(place.path("sub")).unwrap();
    fs::copy(place.path("bound"), place.path("sub/bound")).unwrap();
    let elsewhere =
        "unshare -m sh -c 'mount --bind ./bound sub/bound && echo mounted; sub/bound run this; true'";
    let session = place.run("kill", &format!("sub/bound run that; {elsewhere}"));
    let out = String::from_utf8_lossy(&session.output.stdout).into_owned();
    assert!(out.contains("mounted"), "{}", session.stderr());
    assert!(place.path("that").exists(), "the exception was stopped: {}", session.stderr());
    assert!(!place.path("this").exists(), "another file was let through: {}", session.stderr());
}

/// Checks that a start is let off by the job that another process opened, and not by its own claim.
fn excepted_in_job() {
    let place = RuleFolder::new("claims", &except("in-job = true"));
    let session = place.run("kill", "CI=true ./claims run own; CI=true sh -c './claims run inherited; true'");
    assert!(place.path("inherited").exists(), "the exception was stopped: {}", session.stderr());
    assert!(!place.path("own").exists(), "a claim let it through: {}", session.stderr());
}

/// Checks disguised starts: by path, by a link, by execveat, without an environment, with a long name, from a
/// script.
fn disguises() {
    let by_path = "[[enforce.rules]]\nname = \"path\"\nexecutables = [\"FOLDER/NAME\"]\nargs = [\"run\"]\n";
    let long = "x".repeat(100_000);
    for config in [RULE, by_path] {
        let place = RuleFolder::new("disguise", config);
        std::os::unix::fs::symlink(place.path("disguise"), place.path("link")).unwrap();
        fs::write(place.path("long"), format!("exec -a {long} ./disguise run")).unwrap();
        fs::write(place.path("script"), "#!./disguise run\n").unwrap();
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(place.path("script"), fs::Permissions::from_mode(0o755)).unwrap();
        for script in [
            "./disguise run",
            "$PWD/disguise run",
            "./link run",
            "env -i ./disguise run",
            "exec ./disguise run",
            "sh ./deeper",
            "./script",
            "! command -v bash || bash ./long",
        ] {
            fs::write(place.path("deeper"), "sh -c './disguise run'").unwrap();
            let session = place.run("deny", script);
            assert!(!place.path("run").exists(), "{script} ran: {}", session.stderr());
            if !script.contains("bash") || Path::new("/bin/bash").exists() {
                let all = decisions(&session.records);
                assert_eq!(all.len(), 1, "{script}: {all:#?} {}", session.stderr());
            }
        }
    }
}

fn racer() -> &'static str {
    env!("CARGO_BIN_EXE_racer")
}

/// Returns the number of tries; fewer in an emulator, where each start takes a hundred times as long.
fn tries() -> u32 {
    if std::env::var_os("TRACEGO_TEST_EMULATED").is_some() { 300 } else { 10_000 }
}

fn races() {
    for mode in ["kill", "deny"] {
        let place = RuleFolder::new("races", RULE);
        let session = place.run(mode, &format!("{} ./races {} race", racer(), tries()));
        assert!(!place.path("run").exists(), "it ran: {}", session.stderr());
        assert!(place.path("rin").exists(), "nothing ran at all: {}", session.stderr());
        let out = String::from_utf8_lossy(&session.output.stdout).into_owned();
        let numbers: Vec<u32> = out.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [refused, killed, well] = numbers[..] else { panic!("{out} {}", session.stderr()) };
        assert_eq!(refused + killed + well, tries(), "{out}");
        assert!(refused + killed > 0 && well > 0, "there was no race: {out}");
    }
}

fn others() {
    let starts = tries();
    let place = RuleFolder::new("others", RULE);
    let session = place.run("deny", &format!("{} ./others {starts}", racer()));
    let out = String::from_utf8_lossy(&session.output.stdout).into_owned();
    assert_eq!(out.trim(), format!("refused 0 killed 0 well {starts}"), "{}", session.stderr());
    assert_eq!(decisions(&session.records).len(), 0);
}

fn overwhelmed() {
    let place = RuleFolder::new("overwhelmed", &alone(RULE));
    let mut tracego = place.watch("deny", &["--ring-size", "4K"]);
    let pid = i32::try_from(tracego.0.id()).unwrap();
    // SAFETY: a running child of this process.
    unsafe { libc::kill(pid, libc::SIGSTOP) };
    for n in 0..200 {
        assert!(place.is_stopped(), "the {n}th ran");
    }
    // SAFETY: as above.
    unsafe { libc::kill(pid, libc::SIGCONT) };
    tracego.terminate();
    tracego.ended();
    let lost = records(&place.text()).into_iter().any(|record| record["event_name"] == "tracego.lost");
    assert!(lost, "a ring of 4 KiB had room for everything");
}

fn ends() {
    let place = RuleFolder::new("reloads", &alone(RULE));
    let tracego = place.watch("kill", &[]);
    let pid = i32::try_from(tracego.0.id()).unwrap();
    for n in 0..10 {
        place.configure(&alone(&format!("{}\n{RULE}", RULE.replace("run", &format!("never-{n}")))));
        // SAFETY: a running child of this process.
        unsafe { libc::kill(pid, libc::SIGHUP) };
        for _ in 0..50 {
            assert!(place.is_stopped(), "it ran during reload {n}");
        }
    }
    place.configure(&alone(&RULE.replace("\"run\"", "\"never\"")));
    // SAFETY: as above.
    unsafe { libc::kill(pid, libc::SIGHUP) };
    wait_until("the other rule is in force", || !place.is_stopped());
    place.configure(&alone(RULE));
    // SAFETY: as above.
    unsafe { libc::kill(pid, libc::SIGHUP) };
    wait_until("the rule is in force again", || place.is_stopped());
    drop(tracego); // Kills the process.
    wait_until("nothing is stopped any more", || {
        sleep(Duration::from_millis(20));
        !place.is_stopped()
    });
}

fn lockout() {
    let place = RuleFolder::new(
        "lockout",
        "[[enforce.rules]]\nname = \"shells\"\nexecutables = [\"bash\", \"sh\", \"dash\"]\n",
    );
    let session = place.run("kill", "true");
    assert!(!session.output.status.success());
    assert!(session.stderr().contains("which a machine needs"), "{}", session.stderr());
}

fn policy() {
    let config = "policy = [\"FOLDER/p.rego\"]\npolicy-time-limit = 10000\n\
        [enforce]\nrules = []\nfindings = []\n";
    let place = RuleFolder::new("unused", config);
    let sleep = ["/usr/bin/sleep", "/bin/sleep"].into_iter().find(|path| Path::new(path).exists()).unwrap();
    fs::copy(sleep, place.path("dozes")).unwrap();
    let text = "package tracego.process\n\ndeny contains {\"id\": \"doze\", \"msg\": \"no dozing\"} if {\n\
        \tendswith(input.process.argv[0], \"dozes\")\n\tinput.process.argv[1] == \"60\"\n}\n";
    fs::write(place.path("p.rego"), text).unwrap();
    let session = place.run("kill", "./dozes 60; ./dozes 60; ./dozes 0");
    assert_eq!(session.output.status.code(), Some(5), "{}", session.stderr());
    let all = decisions(&session.records);
    let told: Vec<_> = all.iter().map(|about| (about["rule"].as_str(), about["when"].as_str())).collect();
    assert_eq!(told, [(Some("doze"), Some("after-start")), (Some("doze"), Some("before-start"))]);
    assert!(all[0]["delay"].as_u64().is_some_and(|delay| delay > 0), "{:#?}", all[0]);
    let decided = |args: &str| {
        let mut starts = session.of("start").filter(|start| start["body"].as_str().unwrap().ends_with(args));
        starts.next().map(|start| start["tracego"]["policy"]["allow"].clone())
    };
    assert_eq!((decided("dozes 60"), decided("dozes 0")), (Some(false.into()), Some(true.into())));
}

/// Checks that a start which an exception lets through is not killed because of a policy, and that its record says so.
fn excepted_from_policy() {
    let config = "policy = [\"FOLDER/p.rego\"]\npolicy-time-limit = 10000\n\
        [enforce]\nrules = []\nfindings = []\n\
        [[enforce.exceptions]]\nname = \"nap\"\nowner = \"ops\"\nreason = \"until it moves\"\n\
        expires = \"2199-01-01\"\nexecutables = [\"NAME\"]\nargs = [\"1\"]\n";
    let place = RuleFolder::new("naps", config);
    let sleep = ["/usr/bin/sleep", "/bin/sleep"].into_iter().find(|path| Path::new(path).exists()).unwrap();
    fs::copy(sleep, place.path("naps")).unwrap();
    let text = "package tracego.process\n\ndeny contains {\"id\": \"nap\", \"msg\": \"no naps\"} if \
        input.process.name == \"naps\"\n";
    fs::write(place.path("p.rego"), text).unwrap();
    let session = place.run("kill", "./naps 1 && echo well; ./naps 60; ./naps 1 && echo well");
    assert_eq!(String::from_utf8_lossy(&session.output.stdout), "well\nwell\n", "{}", session.stderr());
    let starts = session.of("start").filter(|start| start["process"]["command"] == "naps");
    let policies: Vec<_> = starts
        .map(|start| {
            (start["tracego"]["policy"]["allow"].clone(), start["tracego"]["policy"]["unenforced"].clone())
        })
        .collect();
    let let_through = (Value::from(false), Value::from("let-through"));
    assert_eq!(policies, [let_through.clone(), (false.into(), Value::Null), let_through]);
    let all = decisions(&session.records);
    assert!(all.iter().all(|about| about["action"] == "kill" && about["error"].is_null()), "{all:#?}");
    assert_eq!(all.len(), 1, "{all:#?}");
}

/// Checks that a job whose only process the kernel side killed is not reported as one that ran on.
fn whole_alone() {
    let place = RuleFolder::new("whole", &format!("{RULE}action = \"kill-job\"\n"));
    let session = place.run("kill", "exec ./whole run");
    assert_eq!(session.output.status.code(), Some(137), "{}", session.stderr());
    let all = decisions(&session.records);
    let told: Vec<_> = all.iter().map(|about| (about["when"].as_str(), about["error"].as_str())).collect();
    assert_eq!(told, [(Some("before-start"), None), (Some("after-start"), None)]);
    assert!(!session.stderr().contains("should have been"), "{}", session.stderr());
}

fn whole() {
    let rule = format!("{RULE}action = \"kill-job\"\n");
    let place = RuleFolder::new("whole", &rule);
    let session = place.run("kill", "sleep 60 & ./whole run; sleep 5; ./whole other");
    assert!(!place.path("run").exists(), "{}", session.stderr());
    assert!(!place.path("other").exists(), "the shell went on: {}", session.stderr());
    assert_eq!(session.output.status.code(), Some(137), "{}", session.stderr());
}
