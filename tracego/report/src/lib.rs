//! Reports about the records of a CI job: Markdown, HTML and formats of other tools.

pub mod html;
