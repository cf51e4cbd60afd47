//! A source tree: its files, who calls whom, and what is found.

mod calls;
mod candidate;
mod encoding;
mod included_file;
mod inclusion;
mod stages;
mod walk;

use std::{
    collections::HashSet,
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use calls::{CallGraph, DecidedPlace};
use stages::BuiltStages;
use walk::Walker;

use crate::{
    document::DocumentKind,
    extract::Extract,
    finding::{CallerStep, ScanFinding},
    judge::{self, JudgeSettings},
    setting::Setting,
    source::SourceFile,
    suppression::{Suppression, SuppressionProblem},
    tree_modules::TreeModules,
};

/// Maximum number of findings of one file.
const MAX_FINDINGS: usize = 1000;

/// The paths of a scan, and how they are read.
#[derive(Clone, Debug, Default)]
pub struct ScanOptions {
    /// Folders and files.
    pub paths: Vec<PathBuf>,
    /// Whether lines of `go generate`, and of what only developers' machines run, are findings, too.
    pub is_strict: bool,
    /// Whether code blocks of documents are read.
    pub reads_documents: bool,
    /// Patterns of paths that are left out, in the syntax of .gitignore.
    pub excluded: Vec<String>,
    /// Contents that are read instead of those of files, by path.
    pub staged: Option<Vec<(String, Vec<u8>)>>,
    /// The day that suppressions are held against, as in `2027-01-31`.
    pub today: String,
}

/// A file that was read.
#[derive(Debug)]
pub struct ScannedFile {
    /// Content.
    pub source: SourceFile,
    /// Kind.
    pub kind: DocumentKind,
    /// Everything that matters in it.
    pub extract: Extract,
    /// Comments that allow findings.
    pub suppressions: Vec<Suppression>,
    /// Numbers of the files that it includes, also through others.
    pub included: Vec<usize>,
}

/// A file, or a part of one, that could not be read.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Serialize)]
pub struct UnreadFile {
    /// Path.
    pub path: String,
    /// Reason.
    pub reason: String,
}

/// The result of a scan.
#[derive(Debug, Default)]
pub struct ScanReport {
    /// Findings, by path and position.
    pub findings: Vec<ScanFinding>,
    /// Comments that suppress nothing, or that cannot be understood.
    pub suppression_problems: Vec<SuppressionProblem>,
    /// Files that could not be read.
    pub unread: Vec<UnreadFile>,
    /// Number of files that were read.
    pub files: usize,
    /// Number of files that are too large to be read.
    pub large: usize,
}

/// Scans folders and files.
///
/// # Errors
/// Fails if a path does not exist, or a pattern of `excluded` is not valid.
pub fn scan(options: &ScanOptions) -> io::Result<ScanReport> {
    let mut report = ScanReport::default();
    let roots = walk::roots(&options.paths)?;
    let seen = Mutex::new(HashSet::new());
    for root in &roots {
        let walker =
            Walker::new(root, options, Some(&seen).filter(|_| roots.len() > 1 || options.paths.len() > 1))?;
        let mut walked = walker.walk();
        inclusion::read_included(&walker, &mut walked);
        walked.files.sort_by(|a, b| a.source.path.cmp(&b.source.path));
        inclusion::share_variables(&mut walked.files);
        report.files += walked.read;
        report.large += walked.large.len();
        report.unread.append(&mut walked.unread);
        find(&walked.files, walked.modules, &root.prefix, options, &mut report);
    }
    report
        .findings
        .sort_by(|a, b| (&a.path, a.start, a.case.rule.id).cmp(&(&b.path, b.start, b.case.rule.id)));
    report.unread.sort();
    ScanFinding::number(&mut report.findings);
    Ok(report)
}

/// Adds the findings of the files of one root.
fn find(
    files: &[ScannedFile],
    modules: TreeModules,
    prefix: &str,
    options: &ScanOptions,
    report: &mut ScanReport,
) {
    let settings = JudgeSettings { modules, is_strict: options.is_strict };
    let graph = CallGraph::of(files);
    let stages = BuiltStages::of(files);
    for (index, file) in files.iter().enumerate() {
        let mut used = vec![false; file.suppressions.len()];
        let mut seen = HashSet::new();
        let before = report.findings.len();
        let mut left_out = 0_usize;
        let mut add = |case: judge::ScanCase, callers: Vec<CallerStep>| {
            if report.findings.len() - before >= MAX_FINDINGS {
                left_out += 1;
                return;
            }
            // A part that several others refer to is one finding.
            if seen.insert((case.range.clone(), case.rule.id, case.variant)) {
                let mut found = ScanFinding::of(case, &file.source, prefix, callers);
                found.suppress(&file.suppressions, &options.today, &mut used);
                report.findings.push(found);
            }
        };
        for command in &file.extract.commands {
            let decided = graph.decide(index, file, &command.context, &stages);
            for case in judge::command(command, cap(&decided, file), &settings) {
                add(case, decided.callers.clone());
            }
        }
        for declared in &file.extract.declarations {
            let decided = graph.decide(index, file, &declared.context, &stages);
            for case in judge::declaration(declared, cap(&decided, file), &settings) {
                add(case, decided.callers.clone());
            }
        }
        for image in &file.extract.images {
            let decided = graph.decide(index, file, &image.context, &stages);
            for case in judge::image(image, cap(&decided, file), &settings) {
                add(case, Vec::new());
            }
        }
        if left_out > 0 {
            let reason =
                format!("{left_out} more findings than the {MAX_FINDINGS} that are reported of one file");
            report.unread.push(UnreadFile { path: format!("{prefix}{}", file.source.path), reason });
        }
        let path: Arc<str> = format!("{prefix}{}", file.source.path).into();
        report.suppression_problems.extend(SuppressionProblem::of(
            &file.suppressions,
            &used,
            &path,
            &options.today,
        ));
        for problem in &file.extract.problems {
            report.unread.push(UnreadFile { path: path.to_string(), reason: problem.clone() });
        }
    }
}

/// Folders whose files are no part of what is shipped, unless something outside of them calls them.
const ASIDE: [&str; 7] = ["tests", "test", "testdata", "examples", "example", "_examples", "fixtures"];

/// Returns the place of what stands in a file, with tests, their data and examples taken for helpers. A caller elsewhere
/// decides, but not about data.
fn cap(decided: &DecidedPlace, file: &ScannedFile) -> Setting {
    let is_in = |folders: &[&str]| file.source.folder().split('/').any(|part| folders.contains(&part));
    let is_aside = is_in(&["testdata"]) || decided.callers.is_empty() && is_in(&ASIDE);
    let keeps = matches!(decided.setting, Setting::Developer | Setting::Generate | Setting::Document);
    if is_aside && !keeps { Setting::Helper } else { decided.setting }
}
