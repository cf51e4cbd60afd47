//! The origin of executables: TG019 to TG023.

use std::sync::Arc;

use tracego_golang::role::Role;
use tracego_model::{
    finding::Severity::{Critical, High, Low, Medium},
    provenance::{Provenance, ProvenanceSource, ProvenanceVerdict},
    record::{
        go::Go,
        image::{GoBuild, GoVcs},
    },
};

use super::{Example, clean, finds};
use crate::rules::{
    place::Profile,
    test_process::{COMMIT, TestProcess, app, process},
};

const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba98";
const REPOSITORY: &str = "https://github.com/acme/app";

fn judged(verdict: ProvenanceVerdict, change: impl FnOnce(&mut Provenance)) -> TestProcess {
    let mut provenance = Provenance { verdict, required: true, ..Provenance::default() };
    change(&mut provenance);
    process(9, "/srv/app", "app").own(|own| own.provenance = Some(Arc::new(provenance)))
}

fn plain(verdict: ProvenanceVerdict) -> TestProcess {
    judged(verdict, |_| {})
}

/// Creates a program with a proof of a commit, and of the commit in its statement.
fn proven(statement: Option<&str>) -> TestProcess {
    judged(ProvenanceVerdict::Verified, |provenance| {
        provenance.source = Some(ProvenanceSource {
            repository: Some(REPOSITORY.into()),
            revision: Some(COMMIT.into()),
            statement_revision: statement.map(str::to_owned),
            ..ProvenanceSource::default()
        });
    })
}

/// Adds what Go wrote into the file.
fn built(scene: TestProcess, revision: &str, modified: bool) -> TestProcess {
    let vcs = GoVcs { name: None, revision: Some(revision.into()), time: None, modified: Some(modified) };
    let build = GoBuild {
        path: "example.com/app".into(),
        module: None,
        vcs: Some(vcs),
        dependencies: 0,
        replaced: 0,
        trimpath: false,
        cgo: None,
        race: false,
        buildmode: None,
        ldflags: None,
        tags: Vec::new(),
        inconsistent: Vec::new(),
    };
    let go = Go { build: Some(Arc::new(build.into())), ..Go::default() };
    scene.own(|own| own.go = Some(Box::new(go)))
}

fn in_job(scene: TestProcess, repository: &str, commit: &str) -> TestProcess {
    scene
        .job("1")
        .env("GIT_COMMIT", commit)
        .env("GITHUB_SHA", commit)
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_SERVER_URL", "https://github.com")
        .env("GITHUB_REPOSITORY", repository)
}

pub(super) fn examples() -> Vec<Example> {
    [unsigned(), refused(), commits(), stale()].into_iter().flatten().collect()
}

fn unsigned() -> Vec<Example> {
    use ProvenanceVerdict::{Incomplete, Pending, Unchecked, Unsigned, Verified};
    let of_go_run = plain(Unsigned)
        .own(|own| own.go = Some(Box::new(Go { role: Some(Role::GoRunChild), ..Go::default() })));
    vec![
        finds("TG019", "unsigned", Critical, "in production", [plain(Unsigned)]).under(Profile::Production),
        finds("TG019", "unsigned", High, "in a container", [plain(Unsigned).container()]),
        finds("TG019", "unsigned", Low, "at a terminal", [plain(Unsigned).terminal()]),
        finds("TG019", "go-run", Medium, "a program of go run", [of_go_run]),
        finds("TG019", "incomplete", Medium, "a bundle without a log entry", [plain(Incomplete)]),
        finds("TG019", "unchecked", Medium, "a file without a digest", [plain(Unchecked)]),
        clean("TG019", "verified", [plain(Verified)]),
        clean("TG019", "not known yet", [plain(Pending)]),
        clean("TG019", "not demanded", [judged(Unsigned, |provenance| provenance.required = false)]),
        clean("TG019", "without a store", [app(9)]),
    ]
}

fn refused() -> Vec<Example> {
    use ProvenanceVerdict::{BadSignature, Unsigned, UntrustedSigner, Verified};
    let elsewhere = |verdict| judged(verdict, |provenance| provenance.required = false);
    vec![
        finds("TG020", "signature", Critical, "a signature that does not hold", [plain(BadSignature)]),
        finds("TG020", "signature", Critical, "where none is demanded", [elsewhere(BadSignature)]),
        clean("TG020", "verified", [plain(Verified)]),
        clean("TG020", "unsigned", [plain(Unsigned)]),
        finds("TG021", "signer", High, "somebody else", [plain(UntrustedSigner)]),
        finds("TG021", "signer", Critical, "in production", [plain(UntrustedSigner)])
            .under(Profile::Production),
        clean("TG021", "verified", [plain(Verified)]),
        clean("TG021", "where no proof is demanded", [elsewhere(UntrustedSigner)]),
    ]
}

fn commits() -> Vec<Example> {
    vec![
        finds(
            "TG022",
            "build-information",
            High,
            "another commit in the file",
            [built(proven(None), OTHER, false)],
        ),
        finds("TG022", "modified", Medium, "a checkout with changes", [built(proven(None), COMMIT, true)]),
        finds("TG022", "statement", High, "another commit in the statement", [proven(Some(OTHER))]),
        finds("TG022", "job", High, "another commit of the job", [in_job(proven(None), "acme/app", OTHER)])
            .under(Profile::Ci),
        clean("TG022", "the same commit", [built(in_job(proven(None), "acme/app", COMMIT), COMMIT, false)]),
        clean("TG022", "a tool of another repository", [in_job(proven(None), "acme/other", OTHER)]),
        clean("TG022", "no proof", [built(plain(ProvenanceVerdict::Unsigned), OTHER, true)]),
    ]
}

fn stale() -> Vec<Example> {
    let old = |required| {
        judged(ProvenanceVerdict::Verified, |provenance| {
            provenance.required = required;
            provenance.stale_root = Some("the trust root in tracego is 400 days old".into());
        })
    };
    vec![
        finds("TG023", "root", Low, "an old root", [old(true)]),
        finds("TG023", "root", Low, "in production", [old(true)]).under(Profile::Production),
        clean("TG023", "a young root", [plain(ProvenanceVerdict::Verified)]),
        clean("TG023", "no provenance", [app(9)]),
    ]
}
