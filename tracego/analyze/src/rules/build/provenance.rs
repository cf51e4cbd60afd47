//! TG019 to TG023: executables whose origin is not proven, or is another one than it should be.

use tracego_golang::role::Role;
use tracego_model::{
    finding::Severity::{Critical, High, Low, Medium},
    matcher::MatchTarget,
    provenance::{Provenance, ProvenanceVerdict},
};

use crate::rules::{
    collector::{FindingCase, FindingCollector},
    job::repository::Repository,
    rule::{Grades, Rule, Variant},
    subject::Subject,
};

/// Explanation of the rules.
const REFERENCE: &str = "https://slsa.dev/spec/v1.1/verifying-artifacts";

/// The rule TG019.
pub const UNSIGNED: Rule = Rule {
    id: "TG019",
    name: "unsigned-executable",
    title: "an executable without proof of its origin",
    summary: "The configuration demands provenance of this executable, and there is none: nothing proves which commit it \
              was built from, where, and by whom. Whatever `go run` starts is of that kind, because it is built and thrown \
              away on the machine.",
    remedy: "Build it in the release workflow with attestations, and put the bundle into a folder of [provenance] store.",
    reference: REFERENCE,
    variants: &[
        Variant {
            name: "unsigned",
            grades: DEMANDED,
            summary: "No bundle in the store is about it.",
            remedy: "",
        },
        Variant {
            name: "go-run",
            grades: DEMANDED,
            summary: "`go run` built it on this machine, so nothing can be about it.",
            remedy: "Build once in the release workflow, ship the file with its bundle, and start that.",
        },
        Variant {
            name: "incomplete",
            grades: DEMANDED,
            summary: "The bundle lacks a proof that cannot be had without network, such as the entry of the log.",
            remedy: "Fetch the whole bundle, for example with gh attestation download.",
        },
        Variant {
            name: "unchecked",
            grades: Grades { ci: Medium, production: High, guessed: High, terminal: Low, other: Medium },
            summary: "It could not be checked: it has no proven digest, or the check failed.",
            remedy: "See tracego.provenance.error; tracego provenance explain FILE shows each step.",
        },
    ],
    by_arguments: false,
    holds_later: false,
    by_provenance: true,
    start: Some(unsigned),
    service: None,
};

/// The severity of an executable whose provenance is demanded and missing.
const DEMANDED: Grades =
    Grades { ci: Medium, production: Critical, guessed: High, terminal: Low, other: Medium };

/// The rule TG020.
pub const BAD: Rule = Rule {
    id: "TG020",
    name: "bad-provenance",
    title: "an executable whose proof of origin does not hold",
    summary: "A bundle is about this executable, and its signature, its certificate or its entry in the log does not hold: \
              the bundle was damaged or forged.",
    remedy: "Take the executable out of service, and fetch it with its bundle from the release again.",
    reference: REFERENCE,
    variants: &[Variant {
        name: "signature",
        grades: Grades::always(Critical),
        summary: "Signature, certificate or log entry do not hold.",
        remedy: "",
    }],
    by_arguments: false,
    holds_later: false,
    by_provenance: true,
    start: Some(bad),
    service: None,
};

/// The rule TG021.
pub const UNTRUSTED: Rule = Rule {
    id: "TG021",
    name: "untrusted-signer",
    title: "an executable that somebody else signed",
    summary: "The proof of origin holds, but whoever signed is none of the signers and keys that the configuration names.",
    remedy: "Start what the named workflow built, or name the signer under [[provenance.signers]].",
    reference: REFERENCE,
    variants: &[Variant {
        name: "signer",
        grades: Grades { ci: High, production: Critical, guessed: High, terminal: Medium, other: High },
        summary: "The signer is not named.",
        remedy: "",
    }],
    by_arguments: false,
    holds_later: false,
    by_provenance: true,
    start: Some(untrusted),
    service: None,
};

/// The rule TG022.
pub const COMMIT: Rule = Rule {
    id: "TG022",
    name: "provenance-commit",
    title: "an executable whose proofs name different commits",
    summary: "The commit in the certificate, that in the statement, the one that Go wrote into the file, and the job's are \
              not the same: what runs is not what the proof is about, or not what the job is about.",
    remedy: "Build and attest in one workflow run, from a clean checkout of the commit.",
    reference: REFERENCE,
    variants: &[
        Variant {
            name: "build-information",
            grades: Grades { ci: High, production: Critical, guessed: High, terminal: Medium, other: High },
            summary: "The file says that it was built from another commit than its proof (vcs.revision).",
            remedy: "",
        },
        Variant {
            name: "statement",
            grades: Grades::always(High),
            summary: "The certificate of the workflow and the statement that it signed name different commits.",
            remedy: "",
        },
        Variant {
            name: "job",
            grades: Grades { ci: High, production: Medium, guessed: Medium, terminal: Low, other: Medium },
            summary: "The job is about another commit of the same repository.",
            remedy: "Start what the job's own commit was built to, or name the right commit to the job.",
        },
        Variant {
            name: "modified",
            grades: Grades::declared(High, Medium),
            summary: "The file says that its checkout held changes that are in no commit (vcs.modified).",
            remedy: "Build before anything changes or adds files in the checkout.",
        },
    ],
    by_arguments: false,
    holds_later: false,
    by_provenance: true,
    start: Some(commit),
    service: None,
};

/// The rule TG023.
pub const STALE: Rule = Rule {
    id: "TG023",
    name: "stale-trust",
    title: "a trust root that is old",
    summary: "A trust root that verdicts rest on is older than the configuration allows: keys that were revoked or replaced \
              since still count, and new ones do not. Told once a day.",
    remedy: "Write a new one, for example with gh attestation trusted-root, and reload.",
    reference: "https://docs.sigstore.dev/about/security/#tuf-root",
    variants: &[Variant {
        name: "root",
        grades: Grades::always(Low),
        summary: "It is older than max-root-age.",
        remedy: "",
    }],
    by_arguments: false,
    holds_later: false,
    by_provenance: true,
    start: Some(stale),
    service: None,
};

/// Returns the verdict about the executable, once it is known.
fn known<'a>(subject: &Subject<'a>) -> Option<&'a Provenance> {
    let provenance = subject.record.tracego.provenance.as_deref()?;
    (provenance.verdict != ProvenanceVerdict::Pending).then_some(provenance)
}

fn report_case(subject: &Subject<'_>, report: &mut FindingCollector<'_>, case: FindingCase) {
    let place = subject.place(report.settings);
    let digest = subject.record.executable_digest().and_then(|digest| digest.sha256);
    let case = case.with_some("tracego.executable.digest.sha256", digest.map(|digest| digest.to_string()));
    report.add(case, place, &MatchTarget::of(subject.record));
}

fn unsigned(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let Some(provenance) = known(subject).filter(|provenance| provenance.required) else { return };
    let role = subject.record.tracego.go.as_ref().and_then(|go| go.role);
    let (variant, what) = match provenance.verdict {
        ProvenanceVerdict::Unsigned if role == Some(Role::GoRunChild) => {
            ("go-run", "go run built it on this machine")
        }
        ProvenanceVerdict::Unsigned => ("unsigned", "nothing in the store is about it"),
        ProvenanceVerdict::Incomplete => ("incomplete", "its bundle lacks a proof"),
        ProvenanceVerdict::Unchecked => ("unchecked", "its provenance could not be checked"),
        _ => return,
    };
    let case = FindingCase::new(variant, format!("{} has no proof of its origin: {what}", subject.path()))
        .with_some("tracego.provenance.error", provenance.error.clone())
        .with_some("tracego.provenance.bundle", provenance.bundle.clone());
    report_case(subject, report, case);
}

fn bad(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let Some(provenance) =
        known(subject).filter(|provenance| provenance.verdict == ProvenanceVerdict::BadSignature)
    else {
        return;
    };
    let why = provenance.error.as_deref().unwrap_or("it does not hold");
    let case = FindingCase::new("signature", format!("the proof of the origin of {}: {why}", subject.path()))
        .with_some("tracego.provenance.bundle", provenance.bundle.clone());
    report_case(subject, report, case);
}

fn untrusted(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let is_untrusted = |provenance: &&Provenance| {
        provenance.required && provenance.verdict == ProvenanceVerdict::UntrustedSigner
    };
    let Some(provenance) = known(subject).filter(is_untrusted) else { return };
    let signer = provenance.signer.as_deref().or(provenance.key.as_deref()).unwrap_or("somebody");
    let case = FindingCase::new("signer", format!("{} was signed by {signer}", subject.path()))
        .with_some("tracego.provenance.signer", provenance.signer.clone())
        .with_some("tracego.provenance.issuer", provenance.issuer.clone())
        .with_some("tracego.provenance.error", provenance.error.clone());
    report_case(subject, report, case);
}

fn commit(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let is_proven = |provenance: &&Provenance| {
        matches!(provenance.verdict, ProvenanceVerdict::Verified | ProvenanceVerdict::UntrustedSigner)
    };
    let Some(provenance) = known(subject).filter(is_proven) else { return };
    let Some(source) = &provenance.source else { return };
    let Some(revision) = source.revision.as_deref() else { return };
    let path = subject.path();
    let case = |variant, text: String| {
        FindingCase::new(variant, text).with("tracego.provenance.source.revision", revision)
    };
    if let Some(other) = source.statement_revision.as_deref() {
        let text = format!("{path}: the certificate names commit {revision}, its statement {other}");
        let case = case("statement", text).with("tracego.provenance.source.statement_revision", other);
        report_case(subject, report, case);
    }
    let vcs = subject.record.tracego.go.as_ref().and_then(|go| go.build.as_ref()?.vcs.as_ref());
    if let Some(built) = vcs.and_then(|vcs| vcs.revision.as_deref()).filter(|built| *built != revision) {
        let text = format!(
            "{path}: its proof is about commit {revision}, and it says that it was built from {built}"
        );
        let case = case("build-information", text).with("tracego.go.build.vcs.revision", built).claimed();
        report_case(subject, report, case);
    }
    if vcs.and_then(|vcs| vcs.modified) == Some(true) {
        let text = format!("{path} says that its checkout held changes that are not in commit {revision}");
        let case = case("modified", text).with("tracego.go.build.vcs.modified", "true").claimed();
        report_case(subject, report, case);
    }
    let of_job = subject.vcs("ref.head.revision").filter(|of_job| *of_job != revision);
    let repositories = subject.vcs("repository.url.full").zip(source.repository.as_deref());
    let is_same =
        repositories.is_some_and(|(of_job, proven)| Repository::of_url(of_job) == Repository::of_url(proven));
    if let Some(of_job) = of_job.filter(|_| is_same) {
        let text = format!("{path} was built from commit {revision}, and the job is about {of_job}");
        report_case(subject, report, case("job", text).with("vcs.ref.head.revision", of_job));
    }
}

fn stale(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let Some(stale) = known(subject).and_then(|provenance| provenance.stale_root.as_deref()) else { return };
    report_case(subject, report, FindingCase::new("root", stale));
}
