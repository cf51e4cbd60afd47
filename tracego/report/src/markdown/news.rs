//! Processes that are new since the baseline.

use super::document::BoundedDocument;
use crate::{
    escape::{markdown_code, shortened},
    history::RunHistory,
    report::{RunReport, shown_time},
};

/// Maximum number of lines of one kind.
const SHOWN_MAX: usize = 50;
/// Maximum size of one kind in bytes.
const SIZE_MAX: usize = 60 << 10;

/// Writes the comparison with the baseline, if there is one.
pub(super) fn write(report: &RunReport, document: &mut BoundedDocument) {
    let Some(comparison) = &report.comparison else { return };
    let history = &report.history;
    let new = comparison.new.iter().map(|new| {
        let times = if new.count > 1 { format!(" ({} times)", new.count) } else { String::new() };
        let via = new.key.via.iter().map(|name| markdown_code(name)).collect::<Vec<_>>().join(" → ");
        let via = if via.is_empty() { via } else { format!(", by {via}") };
        format!("- {}{times}{via}\n", command(history, new.program))
    });
    list("New since the baseline", new, document);
    let users = comparison.other_users.iter().map(|other| {
        let before = other.before.iter().map(|user| markdown_code(user)).collect::<Vec<_>>().join(", ");
        format!(
            "- {} as {}, before as {before}\n",
            command(history, other.program),
            markdown_code(&other.user)
        )
    });
    list("Run by another user", users, document);
    let slower = comparison.slower.iter().map(|slower| {
        let times = (slower.wall_ms, slower.before_ms);
        let [now, before] = [times.0, times.1].map(|ms| shown_time(ms.saturating_mul(1_000_000)));
        format!("- {}: {now}, before at most {before}\n", command(history, slower.program))
    });
    list("Slower", slower, document);
    let gone =
        comparison.gone.iter().map(|key| format!("- {}\n", markdown_code(&shortened(&key.to_string(), 200))));
    list("Gone: every run of the baseline had it", gone, document);
    let changed = comparison.changed.iter().map(|changed| {
        let [now, before] = [&*changed.digest, changed.before.as_str()].map(markdown_code);
        format!("- {}: {now}, before {before}\n", markdown_code(&shortened(&changed.path, 200)))
    });
    list("Other content of an executable", changed, document);
}

fn command(history: &RunHistory, program: usize) -> String {
    let run = history.programs.get(program);
    markdown_code(&run.map(crate::history::ProgramRun::command_line).unwrap_or_default())
}

fn list(title: &str, lines: impl ExactSizeIterator<Item = String>, document: &mut BoundedDocument) {
    let total = lines.len();
    if total == 0 {
        return;
    }
    document.push(&format!("\n### {title}\n\n"));
    let shown: Vec<String> = lines.take(SHOWN_MAX).collect();
    let missing = total - shown.len() + document.push_all(shown.into_iter(), SIZE_MAX);
    if missing > 0 {
        document.force(&format!("\n… and {missing} more\n"));
    }
}
