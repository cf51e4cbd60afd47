//! Findings of a run as results for SARIF. A run has no lines of sources, so a result stands at the file of the workspace
//! that comes nearest: the script that started the process, the Makefile, or the module.

use std::collections::BTreeMap;

use crate::{
    baseline::{KeyMaker, ProcessKey},
    history::{ProgramRun, ReportedFinding, ReportedJob, RunHistory, SourcePlace},
    sarif::{SarifPlace, SarifRegion, SarifResult},
};

/// The place of a finding for which no file of the workspace is known.
pub const NO_FILE: &str = "go.mod";
/// Maximum number of programs that are looked at.
const ABOVE_MAX: usize = 24;

/// Returns the results of a history. The first place of a finding in the sources is that of its result, and the others are
/// related to it.
#[must_use]
pub fn results(history: &RunHistory) -> Vec<SarifResult> {
    let mut keys = KeyMaker::new(history);
    let result = |finding: &ReportedFinding| {
        let key = finding.program.and_then(|at| keys.key(at)).unwrap_or_default();
        result(history, finding, fingerprint(finding, &key))
    };
    history.findings.iter().map(result).collect()
}

fn result(history: &RunHistory, finding: &ReportedFinding, fingerprint: String) -> SarifResult {
    let mut places = finding.places.iter().map(sarif_place);
    let place = places.next().unwrap_or_else(|| {
        let path = nearest_file(history, finding).unwrap_or_else(|| NO_FILE.to_owned());
        SarifPlace { path, ..SarifPlace::default() }
    });
    let above = finding.ancestors.iter().map(|above| above.command.as_str());
    let line = above.chain([finding.command.as_str()]).collect::<Vec<_>>().join(" → ");
    let mut message = format!("{}\nby {line}", finding.message);
    if !finding.remedy.is_empty() {
        message.push_str(&format!("\nfix: {}", finding.remedy));
    }
    let job = history.jobs.get(finding.job);
    let mut properties = BTreeMap::from([
        ("pid".to_owned(), finding.pid.to_string()),
        ("time".to_owned(), finding.time.text()),
        ("severity".to_owned(), finding.severity.name().to_owned()),
    ]);
    if !finding.variant.is_empty() {
        properties.insert("variant".to_owned(), finding.variant.clone());
    }
    for (name, attribute) in [("job", "cicd.pipeline.task.run.id"), ("commit", "vcs.ref.head.revision")] {
        let value = job.map_or("", |job| job.attribute(attribute));
        if !value.is_empty() {
            properties.insert(name.to_owned(), tracego_model::text::printable(value));
        }
    }
    SarifResult {
        rule: finding.id.clone(),
        severity: finding.severity,
        message,
        place,
        related: places.collect(),
        logical: vec![tracego_model::text::printable(&line)],
        fingerprint,
        suppressed: None,
        properties,
    }
}

fn sarif_place(place: &SourcePlace) -> SarifPlace {
    let region = SarifRegion {
        line: place.line,
        column: Some(place.column),
        end_line: None,
        end_column: place.end_column,
    };
    SarifPlace {
        path: place.path.clone(),
        region: Some(region),
        message: tracego_model::text::printable(&place.text),
    }
}

/// Returns a number that is the same for the same finding in another run.
fn fingerprint(finding: &ReportedFinding, key: &ProcessKey) -> String {
    let via = key.via.join("\u{1f}");
    let text = [&*finding.id, &*finding.variant, &*key.program, &*key.arguments, &*via].join("\u{1e}");
    // FNV-1a: the number has to differ where texts differ by chance, and no more.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// Returns the file of the workspace that comes nearest to a finding: of the process or of the nearest one above.
#[must_use]
pub fn nearest_file(history: &RunHistory, finding: &ReportedFinding) -> Option<String> {
    let job = history.jobs.get(finding.job)?;
    let root = workspace(job)?;
    let mut at = finding.program;
    for _ in 0..ABOVE_MAX {
        let run = history.programs.get(at?)?;
        if let Some(file) = file_of(run, root) {
            return Some(file);
        }
        at = run.parent;
    }
    None
}

/// Returns the folder of the checkout.
fn workspace(job: &ReportedJob) -> Option<&str> {
    let folder = job.folders.iter().find(|folder| folder.name == "WORKSPACE")?;
    Some(&folder.value)
}

/// Returns the file that a program was started from: a script, or a Makefile.
fn file_of(run: &ProgramRun, root: &str) -> Option<String> {
    let inside = |path: &str| {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", run.directory) };
        let path = path.replace("/./", "/");
        let relative = path.strip_prefix(root)?.strip_prefix('/')?.to_owned();
        (!relative.is_empty() && !relative.split('/').any(|part| part == "..")).then_some(relative)
    };
    match run.name() {
        "make" | "gmake" => {
            let mut words = run.arguments.iter();
            let named = words.find(|word| ***word == *"-f").and_then(|_| words.next());
            inside(named.map_or("Makefile", |file| file))
        }
        "sh" | "bash" | "dash" | "zsh" | "busybox" | "python3" | "perl" | "ruby" | "node" => {
            let script = run.arguments.get(1).filter(|word| !word.starts_with('-'))?;
            inside(script)
        }
        _ => {
            // `go run tool.go` names the file itself.
            let file =
                run.arguments.iter().skip(1).find(|word| word.ends_with(".go") && !word.starts_with('-'))?;
            inside(file)
        }
    }
}
