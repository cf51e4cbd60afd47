//! Everything about one job: its facts, its processes as a tree, and its findings.

use tracego_report::live::FindingGrade;

use crate::{
    figures::{age, count, rate, size, time_of_day},
    moment::Moment,
    safe_text::wrapped,
    table::{MINUTE_S, NOW_S},
    tone::{Piece, Tone},
};

/// Attributes that are shown, with their names for people.
const ATTRIBUTES: [(&str, &str); 7] = [
    ("System", "cicd.system.component"),
    ("Pipeline", "cicd.pipeline.name"),
    ("Task", "cicd.pipeline.task.name"),
    ("Commit", "vcs.ref.head.revision"),
    ("Branch", "vcs.ref.head.name"),
    ("Repository", "vcs.repository.url.full"),
    ("Page", "cicd.pipeline.run.url.full"),
];
/// Maximum number of levels that are indented.
const INDENT_MAX: usize = 20;

/// Space ahead of the text of a finding.
const INDENT: &str = "         ";

/// Returns the lines about a job. `width`: columns that texts of findings may take.
pub(crate) fn lines(moment: &Moment<'_>, key: &str, filter: &str, width: usize) -> Vec<Vec<Piece>> {
    let name = if key.is_empty() { "Programs of no job".to_owned() } else { format!("Job {key}") };
    let mut lines = vec![vec![Piece::new(Tone::Title, name)]];
    match moment.state.jobs.get(key) {
        None => lines.push(vec![Piece::new(Tone::Warning, "The job ended long ago and was forgotten.")]),
        Some(row) => {
            let known = ATTRIBUTES.iter().map(|(name, attribute)| (*name, row.facts.attribute(attribute)));
            for (name, value) in known.filter(|(_, value)| !value.is_empty()) {
                lines.push(fact(name, value));
            }
            let per_second =
                |seconds| rate(row.activity.rate.per_second(moment.time(), seconds, moment.since()));
            let since = row.activity.first.map_or_else(String::new, |first| {
                format!(", since {} ({})", time_of_day(first), age(first, moment.time()))
            });
            let starts = format!(
                "{}, now {}/s, 1 min {}/s{since}",
                count(row.activity.starts),
                per_second(NOW_S),
                per_second(MINUTE_S)
            );
            lines.push(fact("Starts", &starts));
            if moment.state.knows_ends() {
                let failed = count(row.facts.failed);
                let rss = size(row.facts.max_rss_bytes);
                lines.push(fact("Ends", &format!("{failed} failed, largest resident set {rss}")));
            }
            if row.facts.lost > 0 {
                lines.push(fact("Lost", &format!("{} events of this job", count(row.facts.lost))));
            }
        }
    }
    lines.push(Vec::new());
    processes(moment, key, filter, &mut lines);
    lines.push(Vec::new());
    findings(moment, key, filter, width, &mut lines);
    lines
}

fn fact(name: &str, value: &str) -> Vec<Piece> {
    vec![Piece::new(Tone::Dim, format!("{name:<11}")), Piece::new(Tone::Plain, value)]
}

fn has(text: &str, filter: &str) -> bool {
    filter.is_empty() || text.to_lowercase().contains(&filter.to_lowercase())
}

fn processes(moment: &Moment<'_>, key: &str, filter: &str, lines: &mut Vec<Vec<Piece>>) {
    let tree = moment.state.processes.tree(key);
    let title = if moment.state.knows_ends() {
        format!("Processes that run: {}", count(tree.len() as u64))
    } else {
        format!("Processes: {}; no ends are recorded, so they may have ended", count(tree.len() as u64))
    };
    lines.push(vec![Piece::new(Tone::Title, title)]);
    for line in tree.iter().filter(|line| has(&line.process.command, filter)) {
        let process = line.process;
        let age = process.began.map_or_else(|| "-".to_owned(), |began| age(began, moment.time()));
        let indent = match line.depth {
            0 => String::new(),
            depth => format!("{}└ ", "  ".repeat(depth.min(INDENT_MAX) - 1)),
        };
        let mut pieces = vec![
            Piece::new(Tone::Dim, format!("{:>8} {age:>7} ", process.pid)),
            Piece::new(Tone::Plain, format!("{indent}{}", process.command)),
        ];
        if !process.user.is_empty() {
            pieces.push(Piece::new(Tone::Dim, format!("  user={}", process.user)));
        }
        if let Some(worst) = process.worst {
            pieces.push(Piece::new(Tone::of(FindingGrade::Found(worst)), format!("  {worst}")));
        }
        lines.push(pieces);
    }
}

fn findings(moment: &Moment<'_>, key: &str, filter: &str, width: usize, lines: &mut Vec<Vec<Piece>>) {
    let of_job = moment.state.findings.iter().filter(|finding| &*finding.job == key);
    let all: Vec<_> = of_job.collect();
    lines.push(vec![Piece::new(Tone::Title, format!("Latest findings and decisions: {}", all.len()))]);
    for finding in all.into_iter().filter(|found| has(&found.command, filter) || has(&found.title, filter)) {
        let time = time_of_day(finding.time);
        lines.push(vec![
            Piece::new(Tone::Dim, format!("{time} ")),
            Piece::new(Tone::of(finding.grade), format!("{} {}", finding.grade.name(), finding.title)),
            Piece::new(Tone::Plain, format!("  {} ({})", finding.command, finding.pid)),
        ]);
        let more = [("", &finding.message), ("fix: ", &finding.remedy)];
        for (name, text) in more.into_iter().filter(|(_, text)| !text.is_empty()) {
            let wrapped = wrapped(&format!("{name}{text}"), width.saturating_sub(INDENT.len()));
            lines.extend(wrapped.iter().map(|part| vec![Piece::new(Tone::Plain, format!("{INDENT}{part}"))]));
        }
    }
}
