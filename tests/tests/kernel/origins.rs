//! Where executables come from: a Go program that is built in a checkout, bundles that are made for it, and what records
//! say when it runs.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;
use tracego_tests::{
    ChildGuard, Session, go, python::node_script, records, wait_until, with_full_records, written_records,
};

use crate::ConditionalTest;

pub(crate) const CONDITIONAL: &[ConditionalTest] = &[
    ("a program with a bundle is verified, and what is wrong with it is found", verdicts, missing),
    ("a store that changes is read again, and SIGHUP applies new signers", reload, missing),
    ("an executable without proof is killed on request", killed, missing),
    ("children of an executable without proof are killed, too", children, missing),
    ("a program whose file is removed at once is killed while nothing else happens", removed, missing),
    ("a policy decides again when the verdict is known", decided_again, missing),
    ("the document leads to a node that runs nothing unsigned", walk, missing),
    ("a digest that is known has its verdict on the start itself", at_once, missing),
    ("what is not judged when tracego ends says so, and is not killed", ended, missing),
    ("a replay has the verdicts of its capture", replayed, missing),
    ("a service that was there before is judged by its provenance, and is not killed", before, missing),
];

const SIGNER: &str = "https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main";
const REPOSITORY: &str = "https://github.com/acme/shop";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

fn missing() -> Option<String> {
    let trial = tempfile::tempdir().unwrap();
    let file = trial.path().join("file");
    fs::write(&file, "content").unwrap();
    go::toolchain(go::GO_1_27).err().or_else(|| bundle(&file, trial.path(), "0", SIGNER).err())
}

fn bundle(file: &Path, folder: &Path, commit: &str, signer: &str) -> Result<String, String> {
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    node_script("sigstore", "bundles.js", &[&path(file), &path(folder), commit, signer, REPOSITORY])
}

/// A Go program in a checkout, a store with a bundle for it, and a configuration that demands one.
struct SignedProgram {
    folder: TempDir,
    commit: String,
}

impl SignedProgram {
    fn build() -> Self {
        Self::running_for("300 * time.Millisecond")
    }

    /// Builds a program that runs for a time, in Go's words.
    fn running_for(time: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (source, root) = (at("source"), go::toolchain(go::GO_1_27).unwrap());
        for name in ["source", "store", "made", "bin"] {
            fs::create_dir(at(name)).unwrap();
        }
        fs::write(source.join("go.mod"), "module github.com/acme/shop\n\ngo 1.21\n").unwrap();
        let main = format!("package main\n\nimport \"time\"\n\nfunc main() {{ time.Sleep({time}) }}\n");
        fs::write(source.join("main.go"), main).unwrap();
        let git = |args: &[&str]| {
            let mut git = Command::new("git");
            git.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(args).current_dir(&source);
            let output = git.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        git(&["init", "-q"]);
        git(&["add", "."]);
        git(&["commit", "-q", "-m", "first"]);
        let commit = git(&["rev-parse", "HEAD"]);
        let mut build = go::command(&root, folder.path());
        build.args(["build", "-buildvcs=true", "-o"]).arg(at("bin/shop")).arg(".").current_dir(&source);
        let output = build.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let program = Self { folder, commit };
        program.sign(&program.commit, SIGNER);
        program
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn program(&self) -> PathBuf {
        self.at("bin/shop")
    }

    /// Makes a bundle and the root that it is checked with, and puts both in place.
    fn sign(&self, commit: &str, signer: &str) {
        bundle(&self.program(), &self.at("made"), commit, signer).unwrap();
        fs::copy(self.at("made/provenance.sigstore.json"), self.at("store/shop.sigstore.json")).unwrap();
        fs::copy(self.at("made/trusted_root.json"), self.at("trusted_root.json")).unwrap();
        self.configure(REPOSITORY, "");
    }

    fn configure(&self, repository: &str, more: &str) {
        let text = format!(
            "[provenance]\nstore = [{:?}]\ntrusted-root = [{:?}]\nscope = {{ paths = [{:?}] }}\n\n\
             [[provenance.signers]]\nissuer = {ISSUER:?}\nrepository = {repository:?}\n{more}",
            self.at("store"),
            self.at("trusted_root.json"),
            format!("{}/*", self.at("bin").display()),
        );
        fs::write(self.configuration(), text).unwrap();
    }

    fn configuration(&self) -> PathBuf {
        self.at("tracego.toml")
    }

    /// Runs the program, and returns the verdict and the findings about its provenance.
    fn run(&self, options: &[&str]) -> (String, Vec<String>) {
        let (record, session) = self.record(options);
        assert!(session.output.status.success(), "{}", session.stderr());
        (verdict(&record), findings(&record))
    }

    /// Runs the program, and returns the record with the verdict.
    fn record(&self, options: &[&str]) -> (Value, Session) {
        let configuration = self.configuration();
        let options: Vec<&str> =
            ["--config", configuration.to_str().unwrap()].iter().chain(options).copied().collect();
        let session = Session::run(&options, &[self.program()], |_| {});
        let of = |record: &&Value| {
            record["process"]["executable"]["name"] == "shop"
                && record["tracego"]["provenance"]["verdict"].as_str().is_some_and(|it| it != "pending")
        };
        let found: Vec<_> = session.records.iter().filter(of).cloned().collect();
        assert_eq!(found.len(), 1, "{:#?}\n{}", session.records, session.stderr());
        (found[0].clone(), session)
    }
}

fn verdict(record: &Value) -> String {
    record["tracego"]["provenance"]["verdict"].as_str().unwrap_or_default().to_owned()
}

/// Returns the findings of a record that are about provenance, as rule and variant.
fn findings(record: &Value) -> Vec<String> {
    let all = record["tracego"]["findings"].as_array().cloned().unwrap_or_default();
    let of = |finding: &Value| {
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        format!("{} {}", text("id"), text("variant"))
    };
    let about = ["TG019", "TG020", "TG021", "TG022", "TG023"];
    all.iter().map(of).filter(|found| about.iter().any(|id| found.starts_with(id))).collect()
}

fn verdicts() {
    let signed = SignedProgram::build();
    let (record, session) = signed.record(&["--env", &format!("GIT_COMMIT={}", signed.commit)]);
    let proven = &record["tracego"]["provenance"];
    for (name, wanted) in [
        ("verdict", "verified"),
        ("signer", SIGNER),
        ("issuer", ISSUER),
        ("log", "rekor"),
        ("runner_environment", "github-hosted"),
    ] {
        assert_eq!(proven[name], wanted, "{proven:#}");
    }
    assert_eq!(proven["source"]["repository"], REPOSITORY);
    assert_eq!(proven["source"]["revision"], signed.commit, "{}", session.stderr());
    assert_eq!(findings(&record), [""; 0]);
    // Without a route to anywhere.
    let alone = Command::new("unshare").args(["--net", "true"]).status().unwrap();
    if alone.success() {
        let configuration = signed.configuration();
        let options = ["--config", configuration.to_str().unwrap()];
        let script = format!("unshare --net {}", signed.program().display());
        let session = Session::run(&options, &["sh", "-c", &script], |_| {});
        let found = session.records.iter().find(|record| verdict(record) == "verified");
        assert!(found.is_some(), "{:#?}", session.records);
    }
    let wanted = |verdict: &str, finding: &str| (verdict.to_owned(), vec![finding.to_owned()]);
    // The commit of the proof is another than that of the file.
    signed.sign("0123456789abcdef0123456789abcdef01234567", SIGNER);
    assert_eq!(signed.run(&[]), wanted("verified", "TG022 build-information"));
    // Another signer.
    signed.sign(&signed.commit, SIGNER);
    signed.configure("https://github.com/acme/other", "");
    assert_eq!(signed.run(&[]), wanted("untrusted-signer", "TG021 signer"));
    // One bit of the signature.
    signed.configure(REPOSITORY, "");
    let file = signed.at("store/shop.sigstore.json");
    let mut bundle: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let signature = bundle["dsseEnvelope"]["signatures"][0]["sig"].as_str().unwrap();
    let other = if &signature[20..21] == "A" { "B" } else { "A" };
    bundle["dsseEnvelope"]["signatures"][0]["sig"] =
        format!("{}{other}{}", &signature[..20], &signature[21..]).into();
    fs::write(&file, bundle.to_string()).unwrap();
    assert_eq!(signed.run(&[]), wanted("bad-signature", "TG020 signature"));
    // One byte of the program, which the loader does not look at.
    signed.sign(&signed.commit, SIGNER);
    let mut program = fs::OpenOptions::new().append(true).open(signed.program()).unwrap();
    program.write_all(b"!").unwrap();
    drop(program);
    assert_eq!(signed.run(&[]), wanted("unsigned", "TG019 unsigned"));
}

/// Starts tracego for the whole machine.
fn agent(signed: &SignedProgram, records: &Path, options: &[&str]) -> ChildGuard {
    let errors = signed.at("errors");
    let mut tracego = with_full_records();
    tracego.args(["--comm", "shop", "--config-watch=false", "--heartbeat=0", "--output=json", "--config"]);
    tracego.arg(signed.configuration()).arg("--output-file").arg(records).args(options);
    let running = ChildGuard(tracego.stderr(fs::File::create(&errors).unwrap()).spawn().unwrap());
    let told = || fs::read_to_string(&errors).unwrap();
    wait_until("tracego watches", || told().contains("ready") || told().contains("error"));
    assert!(told().contains("ready"), "{}", told());
    running
}

/// Starts the program until a record about it has a verdict.
fn until(signed: &SignedProgram, records: &Path, wanted: &str) {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let before = written_records(records).len();
        assert!(Command::new(signed.program()).status().unwrap().success());
        let found = || {
            let all = written_records(records);
            all.iter().skip(before).map(verdict).find(|it| !it.is_empty() && it != "pending")
        };
        wait_until("a verdict", || found().is_some());
        if found().as_deref() == Some(wanted) {
            return;
        }
        assert!(Instant::now() < end, "{wanted}: {:#?}", written_records(records));
    }
}

fn reload() {
    let signed = SignedProgram::build();
    let records = signed.at("records");
    let running = agent(&signed, &records, &[]);
    until(&signed, &records, "verified");
    // The store is looked at every few seconds.
    fs::remove_file(signed.at("store/shop.sigstore.json")).unwrap();
    until(&signed, &records, "unsigned");
    fs::copy(signed.at("made/provenance.sigstore.json"), signed.at("store/shop.sigstore.json")).unwrap();
    until(&signed, &records, "verified");
    signed.configure("https://github.com/acme/other", "");
    assert!(Command::new("kill").args(["-HUP", &running.0.id().to_string()]).status().unwrap().success());
    until(&signed, &records, "untrusted-signer");
    running.terminate();
}

fn killed() {
    let signed = SignedProgram::build();
    fs::remove_file(signed.at("store/shop.sigstore.json")).unwrap();
    let enforce = "\n[enforce]\nfindings = [\"TG019\"]\n";
    signed.configure(REPOSITORY, enforce);
    let (record, session) = signed.record(&["--enforce", "kill"]);
    assert_eq!(findings(&record), ["TG019 unsigned"], "{}", session.stderr());
    let decided = session.records.iter().find(|record| record["event_name"] == "tracego.enforcement");
    let decision = &decided.unwrap_or_else(|| panic!("{:#?}", session.records))["tracego"]["enforcement"];
    assert_eq!(decision["action"], "kill", "{decision:#}");
    assert_eq!(decision["rule"], "TG019", "{decision:#}");
    assert!(!session.output.status.success(), "{}", session.stderr());
}

/// Runs a script with an agent that kills what has no proof. Returns the decisions.
fn decisions(signed: &SignedProgram, script: &str) -> Vec<Value> {
    signed.configure(REPOSITORY, "\n[enforce]\nfindings = [\"TG019\"]\n");
    let configuration = signed.configuration();
    let options = ["--config", configuration.to_str().unwrap(), "--enforce", "kill"];
    let session = Session::run(&options, &["sh", "-c", script], |tracego| {
        tracego.current_dir(signed.folder.path());
    });
    let records = session.records.iter().filter(|record| record["event_name"] == "tracego.enforcement");
    records.map(|record| record["tracego"]["enforcement"].clone()).collect()
}

fn children() {
    let signed = SignedProgram::build();
    fs::copy("/bin/sh", signed.at("bin/forker")).unwrap();
    // A file of this size takes longer to hash than the program takes to fork.
    fs::OpenOptions::new().write(true).open(signed.at("bin/forker")).unwrap().set_len(64 << 20).unwrap();
    // The child waits for the other end of the pipe. Without it, nobody reads what is written.
    let script = "mkfifo pipe; bin/forker -c '(read x <pipe; : >escaped) & exec sleep 1'; \
                  sleep 1; timeout 2 sh -c 'echo >pipe'; sleep 1";
    let decisions = decisions(&signed, script);
    let killed = decisions.iter().filter(|about| about["action"] == "kill" && about["error"].is_null());
    assert!(killed.count() > 0 && decisions.len() == 2, "{decisions:#?}");
    assert!(!signed.at("escaped").exists(), "the child ran on: {decisions:#?}");
}

fn removed() {
    let signed = SignedProgram::build();
    let script = "cp /bin/sleep bin/gone; sleep 1; bin/gone 8 & rm bin/gone; wait";
    let decisions = decisions(&signed, script);
    assert_eq!(decisions.len(), 1, "{decisions:#?}");
    assert!(decisions[0]["error"].is_null(), "{decisions:#?}");
}

fn decided_again() {
    let signed = SignedProgram::build();
    signed.configure(REPOSITORY, "");
    // The arguments are on the record of the start alone.
    let rule = "deny contains \"nothing proves it\" if {\n\tcount(input.process.command_args) == 1\n\tinput.provenance.verdict == \"unsigned\"\n}\n";
    let policy = signed.at("origin.rego");
    fs::write(&policy, format!("package tracego.process\n\n{rule}")).unwrap();
    let options = ["--policy", policy.to_str().unwrap(), "--enforce", "kill"];
    let (record, session) = signed.record(&options);
    assert_eq!(
        (verdict(&record), &record["tracego"]["policy"]["allow"]),
        ("verified".into(), &Value::Bool(true))
    );
    assert!(session.output.status.success(), "{}", session.stderr());

    fs::remove_file(signed.at("store/shop.sigstore.json")).unwrap();
    let (record, session) = signed.record(&options);
    let decision = &record["tracego"]["policy"];
    assert_eq!(decision["violations"][0]["msg"], "nothing proves it", "{record:#}");
    let starts: Vec<_> = session.of("start").map(|start| &start["tracego"]["policy"]["allow"]).collect();
    assert!(starts.contains(&&Value::Bool(true)), "the start itself: {starts:?}");
    let ended = session.records.iter().find(|record| record["event_name"] == "tracego.enforcement");
    let ended = &ended.unwrap_or_else(|| panic!("{:#?}", session.records))["tracego"]["enforcement"];
    assert_eq!((ended["action"].as_str(), ended["rule"].as_str()), (Some("kill"), Some("deny")));
    assert!(!session.output.status.success(), "{}", session.stderr());
}

/// Takes the configuration and the commands out of the document.
fn walk() {
    let document = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/provenance.md")).unwrap();
    let section = document.split("## On a production node").nth(1).unwrap().split("\n## ").next().unwrap();
    let toml = section.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let signed = SignedProgram::build();
    let (etc, bin) = (signed.at("etc"), signed.at("bin"));
    let here = |text: &str| {
        let text = text.replace("/etc/tracego", etc.to_str().unwrap());
        text.replace("/srv/shop", bin.to_str().unwrap())
    };
    fs::create_dir_all(etc.join("attestations")).unwrap();
    fs::write(etc.join("tracego.toml"), here(toml)).unwrap();
    fs::copy(signed.at("made/provenance.sigstore.json"), etc.join("attestations/shop.sigstore.json"))
        .unwrap();
    fs::copy(signed.at("made/trusted_root.json"), etc.join("trusted_root.jsonl")).unwrap();
    fs::copy(signed.program(), bin.join("unsigned")).unwrap();
    fs::OpenOptions::new().append(true).open(bin.join("unsigned")).unwrap().write_all(b"!").unwrap();
    let commands: Vec<String> =
        section.lines().filter_map(|line| line.strip_prefix("$ sudo tracego run ")).map(here).collect();
    assert_eq!(commands.len(), 2, "{section}");
    let run = |line: &str| {
        let (options, command) = line.split_once(" -- ").unwrap();
        Session::run(&options.split(' ').collect::<Vec<_>>(), &[command], |_| {})
    };
    let judged = |session: &Session| {
        let is_judged = |record: &&Value| !matches!(&*verdict(record), "" | "pending");
        let last = session.records.iter().rfind(is_judged).cloned();
        last.unwrap_or_else(|| panic!("{:#?}\n{}", session.records, session.stderr()))
    };
    let session = run(&commands[0]);
    assert!(session.output.status.success(), "{}", session.stderr());
    assert_eq!((verdict(&judged(&session)), findings(&judged(&session))), ("verified".into(), vec![]));
    let session = run(&commands[1]);
    assert!(!session.output.status.success(), "{}", session.stderr());
    let record = judged(&session);
    assert_eq!((verdict(&record), findings(&record)), ("unsigned".into(), vec!["TG019 unsigned".into()]));
    assert_eq!(record["tracego"]["findings"][0]["severity"], "critical", "{record:#}");
    assert!(session.stderr().contains("was killed by the rule TG019"), "{}", session.stderr());
}

fn at_once() {
    let signed = SignedProgram::build();
    let configuration = signed.configuration();
    let options = ["--config", configuration.to_str().unwrap()];
    let script = format!("{0}; sleep 1; {0}", signed.program().display());
    let session = Session::run(&options, &["sh", "-c", &script], |_| {});
    let starts: Vec<_> = session
        .of("start")
        .filter(|start| start["process"]["executable"]["name"] == "shop")
        .map(verdict)
        .collect();
    assert_eq!(starts, ["pending", "verified"], "{}", session.stderr());
    // Nobody demanded a proof of the shell, and no bundle is about it.
    let of_others =
        |record: &&Value| record["process"]["executable"]["name"] != "shop" && !verdict(record).is_empty();
    let others: Vec<_> = session.records.iter().filter(of_others).collect();
    assert!(others.is_empty(), "{others:#?}");
}

fn ended() {
    let signed = SignedProgram::build();
    signed.configure(REPOSITORY, "\n[enforce]\nfindings = [\"TG019\"]\n");
    // At this rate, the file takes a minute: longer than tracego waits at its end.
    fs::OpenOptions::new().write(true).open(signed.program()).unwrap().set_len(64 << 20).unwrap();
    let (record, session) = signed.record(&["--digest-rate", "1M", "--enforce", "kill"]);
    assert!(session.output.status.success(), "{}", session.stderr());
    assert_eq!((verdict(&record), findings(&record)), ("unchecked".into(), vec!["TG019 unchecked".into()]));
    let error = &record["tracego"]["provenance"]["error"];
    assert_eq!(error, "the file has no proven digest: tracego-ended", "{record:#}");
    assert_eq!(record["tracego"]["findings"][0]["unenforced"], "tracego-ended", "{record:#}");
}

fn before() {
    let signed = SignedProgram::running_for("time.Hour");
    let start = || ChildGuard(Command::new(signed.program()).spawn().unwrap());
    let mut running = [start(), start()];
    // Returns the records about the executables of both, which share a file that is hashed once.
    let judged = |name: &str, options: &[&str]| {
        let records = signed.at(name);
        let tracego = agent(&signed, &records, options);
        let of = |pid: u32| {
            let all = written_records(&records);
            let is_of = |record: &&Value| {
                record["event_name"] == "tracego.executable" && record["process"]["pid"] == pid
            };
            all.iter().find(is_of).cloned()
        };
        wait_until("both verdicts", || running.iter().all(|one| of(one.0.id()).is_some()));
        let found = running.each_ref().map(|one| of(one.0.id()).unwrap());
        tracego.terminate();
        let all = written_records(&records);
        assert!(all.iter().all(|record| record["event_name"] != "tracego.enforcement"), "{all:#?}");
        found
    };
    let sha256 = crate::digests::sha256(&signed.program());
    for record in judged("verified", &[]) {
        let own = &record["tracego"];
        assert_eq!(
            (verdict(&record).as_str(), &own["inventory"]),
            ("verified", &Value::from(true)),
            "{record:#}"
        );
        assert_eq!(own["provenance"]["source"]["revision"], signed.commit, "{record:#}");
        assert_eq!(own["executable"]["digest"]["sha256"], sha256, "{record:#}");
        assert!(own["executable"]["digest"]["state"].is_null() && own["findings"].is_null(), "{record:#}");
    }
    fs::remove_file(signed.at("store/shop.sigstore.json")).unwrap();
    signed.configure(REPOSITORY, "\n[enforce]\nfindings = [\"TG019\"]\n");
    for record in judged("unsigned", &["--enforce", "kill"]) {
        assert_eq!((verdict(&record), findings(&record)), ("unsigned".into(), vec!["TG019 unsigned".into()]));
        assert_eq!(record["tracego"]["inventory"], true, "{record:#}");
    }
    // What was removed while it runs is judged as it runs.
    fs::remove_file(signed.program()).unwrap();
    for record in judged("removed", &["-e", "exit"]) {
        assert_eq!(findings(&record), ["TG019 unsigned"], "{record:#}");
        assert_eq!(record["tracego"]["executable"]["digest"]["sha256"], sha256, "{record:#}");
    }
    for one in &mut running {
        assert!(one.0.try_wait().unwrap().is_none(), "enforcement is about starts");
    }
}

fn replayed() {
    let signed = SignedProgram::build();
    let configuration = signed.configuration();
    let options = ["--config", configuration.to_str().unwrap()];
    let script = format!("{0}; sleep 1; {0}", signed.program().display());
    let capture = |name: &str, options: &[&str]| {
        let file = signed.at(name);
        let mut command = with_full_records();
        command
            .args(["capture", "--heartbeat", "0"])
            .args(options)
            .arg(&file)
            .args(["--", "sh", "-c", &script]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        file
    };
    // Returns the kind, the verdict and the findings of each record about the program.
    let replay = |file: &Path, options: &[&str]| {
        let mut command = with_full_records();
        let output = command.args(["replay", "--output", "json"]).args(options).arg(file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let all = records(std::str::from_utf8(&output.stdout).unwrap());
        let of = all.iter().filter(|record| record["process"]["executable"]["name"] == "shop");
        of.map(|record| {
            let kind = record["event_name"].as_str().unwrap().trim_start_matches("tracego.").to_owned();
            (kind, verdict(record), findings(record))
        })
        .collect::<Vec<_>>()
    };
    let row = |kind: &str, verdict: &str, findings: &[&str]| {
        (kind.to_owned(), verdict.to_owned(), findings.iter().map(|&id| id.to_owned()).collect::<Vec<_>>())
    };
    let wanted = |verdict, findings: &[&str]| {
        [
            row("process.start", "pending", &[]),
            row("executable", verdict, findings),
            row("process.start", verdict, findings),
        ]
    };
    let (with_bundle, without_verdicts) = (capture("verified", &options), capture("unjudged", &[]));
    fs::rename(signed.at("store/shop.sigstore.json"), signed.at("aside")).unwrap();
    let unsigned = capture("unsigned", &options);
    // The verdict is the one of then, whatever the store has by now.
    assert_eq!(replay(&with_bundle, &options), wanted("verified", &[]));
    fs::rename(signed.at("aside"), signed.at("store/shop.sigstore.json")).unwrap();
    assert_eq!(replay(&unsigned, &options), wanted("unsigned", &["TG019 unsigned"]));
    // Neither without a scope nor without verdicts is there anything to say.
    let silent = wanted("", &[]).map(|(kind, _, findings)| (kind, String::new(), findings));
    assert_eq!(replay(&with_bundle, &[]), silent);
    assert_eq!(replay(&without_verdicts, &options), silent);
}
