use proptest::{collection::vec, prelude::*, test_runner::Config};
use tracego_model::finding::Severity;

use super::{
    Exit, FindingEntry, ProcessEntry, ProcessFlags, TimelineBuilder, TimelineData,
    embedding::allowance,
    page_source::{SCRIPT, STYLE, policy},
    write,
};

const DATA: &str = "<script type=\"application/json\" id=\"data\">";

fn page(data: &TimelineData) -> String {
    let mut page = Vec::new();
    write(data, &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

/// Returns the data of a page, as an HTML parser delimits it: up to the first end tag.
fn embedded(page: &str) -> &str {
    page.split_once(DATA).unwrap().1.split_once("</script").unwrap().0
}

#[test]
fn the_page_is_its_parts() {
    let page = page(&TimelineData::default());
    assert!(page.contains(&format!("<style>{STYLE}</style>")));
    assert!(page.contains(&format!("<script>{SCRIPT}</script>")));
    assert!(page.contains(&policy()));
    assert!(page.contains("<title>CI job</title>"));
    let markup = page.replace(STYLE, "").replace(SCRIPT, "");
    assert!(!markup.contains("{{"), "a place without its part");
}

/// The hash of a text that others publish.
#[test]
fn hashes_are_those_of_browsers() {
    assert_eq!(allowance("alert('Hello, world.');"), "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='");
}

/// A browser ends the script at the first of these texts, or hashes other line ends.
#[test]
fn the_fixed_parts_can_stand_in_their_elements() {
    for (name, part) in [("script", SCRIPT), ("style", STYLE)] {
        let lower = part.to_lowercase();
        for text in ["</script", "</style", "<!--", "<script", "\r", "http://", "https://"] {
            assert!(!lower.contains(text), "{name} has {text}");
        }
    }
    for text in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "fetch(",
        "XMLHttpRequest",
        "import(",
    ] {
        assert!(!SCRIPT.contains(text), "{text}");
    }
    for text in ["url(", "@import", "expression("] {
        assert!(!STYLE.contains(text), "{text}");
    }
}

#[test]
fn hostile_texts_stay_in_the_data() {
    let mut builder = TimelineBuilder::new();
    let hostile = "</script><!--<script>\u{2028}\u{2029}\0\"\\ </SCRIPT >";
    builder.process(&ProcessEntry { command: hostile, user: hostile, ..ProcessEntry::default() });
    let mut data = builder.finish();
    data.title = format!("a & b {hostile} \u{202e}");
    let page = page(&data);
    let json = embedded(&page);
    assert!(!json.contains(['<', '\u{2028}', '\u{2029}']), "{json}");
    assert!(json.contains("\\u003c/script>\\u003c!--\\u003cscript>\\u2028\\u2029\\u0000"), "{json}");
    assert_eq!(serde_json::from_str::<TimelineData>(json).unwrap(), data);
    assert!(page.contains("<title>a &amp; b &lt;/script&gt;&lt;!--&lt;script&gt;"));
    assert_eq!(page.to_lowercase().matches("</script>").count(), 2);
}

#[test]
fn equal_texts_are_kept_once() {
    let mut builder = TimelineBuilder::default();
    let entry = ProcessEntry {
        command: "go build ./...",
        executable: "go",
        user: "ci",
        end: Some(-1),
        ..ProcessEntry::default()
    };
    let first = builder.process(&entry);
    let flags = ProcessFlags { stopped: true, is_new: true };
    let second = builder.process(&ProcessEntry { parent: Some(first), flags, end: None, ..entry });
    builder.end(second, Some(9), Exit::Signal(9));
    builder.end(77, Some(1), Exit::Code(1));
    builder.parent(77, None);
    let finding = FindingEntry {
        process: Some(second),
        id: "TG001",
        name: "go-run",
        severity: Severity::High,
        message: "m",
        remedy: "r",
        evidence: &[("a", "b")],
        place: None,
    };
    builder.finding(&finding);
    builder.finding(&FindingEntry { process: None, severity: Severity::Low, ..finding });
    let data = builder.finish();
    assert_eq!(data.strings, ["", "go build ./...", "go", "ci"]);
    let columns = &data.processes;
    assert_eq!(
        (columns.parent.as_slice(), columns.command.as_slice()),
        ([-1, 0].as_slice(), [1, 1].as_slice())
    );
    assert_eq!((columns.end.as_slice(), columns.exit.as_slice()), ([-2, 9].as_slice(), [-1, 265].as_slice()));
    assert_eq!((columns.flags.as_slice(), columns.len()), ([0, 3].as_slice(), 2));
    assert_eq!((data.findings[0].process, data.findings[1].process), (1, -1));
    assert_eq!(
        serde_json::to_value(&data.verdict.findings).unwrap(),
        serde_json::json!({ "high": 1, "low": 1 })
    );
}

proptest! {
    #![proptest_config(Config { cases: 64, failure_persistence: None, ..Config::default() })]

    /// Any text comes out of the page as it went in.
    #[test]
    fn data_survives_the_page(texts in vec(any::<String>(), 1..8), times in vec(any::<(i64, Option<i64>)>(), 8)) {
        let mut builder = TimelineBuilder::new();
        for (text, (start, end)) in texts.iter().zip(times) {
            builder.process(&ProcessEntry { command: text, directory: text, start, end, ..ProcessEntry::default() });
        }
        let mut data = builder.finish();
        data.job.name.clone_from(&texts[0]);
        let page = page(&data);
        let json = embedded(&page);
        prop_assert!(!json.contains('<'));
        prop_assert_eq!(serde_json::from_str::<TimelineData>(json).unwrap(), data);
    }
}
