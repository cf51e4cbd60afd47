//! Jobs that would break a page, and pages that are broken.

use std::fs;

use tracego_report::html::{Exit, ProcessEntry, TimelineBuilder, TimelineData};

use crate::{
    OpenPage, browser,
    jobs::{self, BIDI, COMMENT, CONTROL, MARKUP},
    page,
};

/// Opens every view of a job that wants to break out of its page.
pub(crate) fn hostile_job() {
    let mut open = OpenPage::new(&jobs::hostile_job());
    assert_eq!(open.browser.text("document.title"), MARKUP);
    assert!(open.browser.content("verdict").contains("4 critical findings"));
    for fragment in ["#p=0", "#p=1", "#p=2", "#p=3", "#p=4", "#p=6", "#p=7"] {
        open.open(fragment);
        open.browser.press("t", false);
        open.assert_clean();
    }
    for (index, text) in [MARKUP, COMMENT, BIDI, CONTROL].into_iter().enumerate() {
        open.open(&format!("#p={index}"));
        let shown = open.browser.text("document.querySelector('.command').textContent");
        let harmless: String = shown.chars().filter(|character| !"‹›".contains(*character)).collect();
        for word in text.split(|character: char| {
            character.is_control()
                || "\u{202e}\u{202c}\u{2066}\u{2069}\u{200b}\u{feff}\u{2028}\u{2029}".contains(character)
        }) {
            assert!(harmless.contains(word), "{word}: {shown}");
        }
        let hidden = "/[\\u0000-\\u0009\\u000b-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff]/.test(document.getElementById('page').textContent)";
        assert_eq!(open.browser.value(hidden), false, "{text}");
    }
    let pane = open.browser.content("pane-process");
    assert!(pane.contains("the clock stepped back") && pane.contains("‹ESC›[31mred"), "{pane}");
    // Nothing that a process said became an element, a link or a handler.
    let foreign = "document.querySelectorAll('img, iframe, object, embed, link, base, form, b, i, [onerror], [href^=javascript]').length";
    assert_eq!(open.browser.value(foreign), 0);
    assert_eq!(open.browser.value("document.scripts.length"), 2);
    assert_eq!(open.browser.value("typeof window.broken"), "undefined");
    open.assert_clean();
}

/// Puts what a page must not do into a page: the test above would see it.
pub(crate) fn control() {
    let folder = tempfile::tempdir().unwrap();
    let clean = String::from_utf8(page(&jobs::go_job(40))).unwrap();
    let mut browser = browser((800, 600), false);
    let additions = [
        ("<script>window.broken=1</script>", "script-src"),
        ("<img src=\"http://127.0.0.1:9/x.png\">", "img-src"),
        ("<p style=\"color:red\">", "style-src"),
        ("<a onclick=\"window.broken=1\" id=handler>x</a>", "script-src"),
    ];
    for (number, (addition, directive)) in additions.into_iter().enumerate() {
        let file = folder.path().join(format!("{number}.html"));
        fs::write(&file, clean.replace("<noscript>", &format!("{addition}<noscript>"))).unwrap();
        browser.open(&file, "");
        let problems = browser.problems(&file);
        assert!(problems.iter().any(|problem| problem.contains(directive)), "{addition}: {problems:?}");
        assert_eq!(browser.value("typeof window.broken"), "undefined", "{addition}");
    }
}

/// Looks at two megabytes of arguments.
pub(crate) fn long_arguments() {
    let mut open = OpenPage::new(&jobs::hostile_job());
    open.open("#p=5");
    let length = "document.querySelector('.command').textContent.length";
    assert!(open.browser.value(length).as_u64().unwrap() < 5_000);
    assert!(open.browser.content("show-all").contains("2 M characters"));
    open.browser.value("document.getElementById('show-all').click()");
    open.browser.settle();
    assert!(open.browser.value(length).as_u64().unwrap() > 2_000_000);
    assert_eq!(open.browser.value("document.getElementById('show-all')"), serde_json::Value::Null);
    open.assert_clean();
}

/// Opens pages of jobs that lack nearly everything.
pub(crate) fn small_jobs() {
    let mut open = OpenPage::new(&TimelineData::default());
    assert_eq!(open.browser.content("verdict"), "No processes");
    assert!(open.browser.content("stage-empty").contains("No process was recorded"));
    for key in ["n", "+", "t", "t", "0", "c"] {
        open.browser.press(key, false);
    }
    open.assert_clean();

    let mut builder = TimelineBuilder::new();
    builder.process(&ProcessEntry {
        command: "true",
        exit: Exit::Code(0),
        end: Some(0),
        ..ProcessEntry::default()
    });
    let mut open = OpenPage::new(&builder.finish());
    assert_eq!(open.browser.content("verdict"), "No findings");
    assert!(open.browser.content("pane-findings").contains("no rule has found anything wrong"));
    open.open("#p=0");
    assert!(open.browser.content("pane-process").contains("exit code 0"));
    open.assert_clean();

    let mut builder = TimelineBuilder::new();
    builder.process(&ProcessEntry { command: "sleep 60", ..ProcessEntry::default() });
    builder.process(&ProcessEntry {
        parent: Some(0),
        start: 1_000_000,
        command: "sleep 50",
        ..ProcessEntry::default()
    });
    let mut data = builder.finish();
    data.verdict.lost = vec!["12 process starts were lost.".to_owned()];
    let mut open = OpenPage::new(&data);
    assert_eq!(open.browser.content("verdict"), "No findings in what was recorded");
    assert!(open.browser.content("notice").contains("12 process starts were lost."));
    open.open("#p=1");
    assert!(open.browser.content("pane-process").contains("the end was not recorded"));
    open.assert_clean();
}

/// Opens a page whose data was cut in transit.
pub(crate) fn damaged_data() {
    let mut open = OpenPage::new(&jobs::go_job(40));
    let whole = fs::read_to_string(&open.file).unwrap();
    fs::write(&open.file, whole.replacen("\"strings\":[", "\"strings\":", 1)).unwrap();
    open.open("");
    assert_eq!(open.browser.value("document.getElementById('failure').hidden"), false);
    assert_eq!(open.browser.value("document.getElementById('page').hidden"), true);
    open.assert_clean();
}

/// Opens a page in a browser that runs no scripts.
pub(crate) fn without_scripts() {
    let mut open = OpenPage::new(&jobs::hostile_job());
    open.browser.call("Emulation.setScriptExecutionDisabled", serde_json::json!({ "value": true }));
    let file = open.file.clone();
    open.browser.show(&file);
    let shown = open.browser.text("document.body.innerText");
    for part in ["which is switched off here", "Findings: 4", "<img src=x onerror=", "Incomplete: "] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains('\u{202e}'), "{shown}");
    assert_eq!(open.browser.value("document.querySelectorAll('img').length"), 0);
}
