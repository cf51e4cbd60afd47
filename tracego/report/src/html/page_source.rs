//! The fixed parts of the page, and their order.

use std::io::{self, Write};

use super::{
    embedding::{allowance, escaped, write_json},
    timeline_data::TimelineData,
};

/// The markup. `{{name}}` are the places of the other parts.
const MARKUP: &str = include_str!("page/page.html");

/// The style sheet, in the order in which rules override each other.
pub(super) const STYLE: &str = concat!(
    include_str!("page/tokens.css"),
    include_str!("page/base.css"),
    include_str!("page/head.css"),
    include_str!("page/tools.css"),
    include_str!("page/stage.css"),
    include_str!("page/panel.css"),
    include_str!("page/findings.css"),
    include_str!("page/process.css"),
    include_str!("page/table.css"),
    include_str!("page/help.css"),
    include_str!("page/windows.css"),
    include_str!("page/print.css"),
);

/// The script. All files share one function, so that nothing of it is global.
pub(super) const SCRIPT: &str = concat!(
    "\"use strict\";\n(() => {\n",
    include_str!("page/text.js"),
    include_str!("page/model.js"),
    include_str!("page/critical_path.js"),
    include_str!("page/layout.js"),
    include_str!("page/state.js"),
    include_str!("page/colours.js"),
    include_str!("page/lanes.js"),
    include_str!("page/bars.js"),
    include_str!("page/marks.js"),
    include_str!("page/overview.js"),
    include_str!("page/pointer.js"),
    include_str!("page/table.js"),
    include_str!("page/details.js"),
    include_str!("page/findings.js"),
    include_str!("page/filters.js"),
    include_str!("page/head.js"),
    include_str!("page/keys.js"),
    include_str!("page/main.js"),
    "})();\n",
);

/// Writes the page: markup, and the other parts at their places.
pub(super) fn write(data: &TimelineData, out: &mut impl Write) -> io::Result<()> {
    let mut rest = MARKUP;
    while let Some((before, (name, after))) =
        rest.split_once("{{").and_then(|(before, after)| Some((before, after.split_once("}}")?)))
    {
        out.write_all(before.as_bytes())?;
        match name {
            "fallback" => out.write_all(fallback(data).as_bytes())?,
            "title" => out.write_all(escaped(title(data)).as_bytes())?,
            "policy" => out.write_all(policy().as_bytes())?,
            "style" => out.write_all(STYLE.as_bytes())?,
            "script" => out.write_all(SCRIPT.as_bytes())?,
            "data" => write_json(data, out)?,
            _ => {}
        }
        rest = after;
    }
    out.write_all(rest.as_bytes())?;
    out.flush()
}

/// Returns the content security policy: the style sheet and the script of the page, and nothing from anywhere.
pub(super) fn policy() -> String {
    format!(
        "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        allowance(STYLE),
        allowance(SCRIPT)
    )
}

/// Returns the findings without a timeline, for a browser that runs no script.
fn fallback(data: &TimelineData) -> String {
    const LISTED: usize = 100;
    let mut text = format!(
        "<h1>{}</h1><p>Findings: {}. This page draws a timeline of {} processes with JavaScript, which is switched off here. \
         It contains all of its data and needs no network.</p>",
        escaped(title(data)),
        data.findings.len(),
        data.processes.len()
    );
    for loss in data.verdict.lost.iter().take(LISTED) {
        text.push_str(&format!("<p>Incomplete: {}</p>", escaped(loss)));
    }
    for finding in data.findings.iter().take(LISTED) {
        text.push_str(&format!(
            "<h2>{} {} {}</h2><p>{}</p><p>Fix: {}</p>",
            finding.severity,
            escaped(&finding.id),
            escaped(&finding.name),
            escaped(&finding.message),
            escaped(&finding.remedy)
        ));
    }
    text
}

fn title(data: &TimelineData) -> &str {
    let candidates = [data.title.as_str(), data.job.name.as_str()];
    candidates.into_iter().find(|text| !text.is_empty()).unwrap_or("CI job")
}
