//! Pictures and a print of the page, for a person to look at.

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::{OpenPage, golden_job::golden_job, jobs, page, shown_folder};

const WIDE: (u32, u32) = (1440, 900);
const SMALL: (u32, u32) = (800, 600);

/// Takes pictures of all views, and leaves the pages beside them. The two pictures for documents have a limit.
pub(crate) fn pictures() {
    let folder = shown_folder();
    let jobs = [("golden", golden_job()), ("job", jobs::go_job(3000)), ("hostile", jobs::hostile_job())];
    for (name, data) in &jobs {
        fs::write(folder.join(format!("{name}.html")), page(data)).unwrap();
        for (theme, is_dark) in [("light", false), ("dark", true)] {
            for (size, dimensions) in [("wide", WIDE), ("small", SMALL)] {
                let mut open = OpenPage::sized(data, dimensions, is_dark);
                let file = |view: &str| folder.join(format!("{name}-{size}-{theme}{view}.png"));
                open.browser.picture(&file(""));
                open.browser.press("n", false);
                open.browser.press("n", false);
                open.browser.picture(&file("-finding"));
                open.browser.value("document.getElementById('tab-time').click()");
                open.browser.picture(&file("-time"));
                open.browser.press("t", false);
                open.browser.picture(&file("-table"));
                if *name == "job" {
                    open.open("#t=14-18.5");
                    open.browser.picture(&file("-zoom"));
                    open.open("");
                    open.browser.press("/", false);
                    open.browser.write("internal/billing");
                    open.browser.pause(400);
                    open.browser.press("Enter", false);
                    open.browser.picture(&file("-search"));
                    open.browser.press("Escape", false);
                    open.browser.press("Escape", false);
                    open.browser.press("?", false);
                    open.browser.picture(&file("-help"));
                }
                open.assert_clean();
            }
        }
    }
    for (theme, is_dark) in [("light", false), ("dark", true)] {
        let mut open = OpenPage::sized(&jobs::go_job(600), (1280, 720), is_dark);
        open.browser.press("n", false);
        let file = folder.join(format!("timeline-{theme}.webp"));
        open.browser.small_picture(&file);
        let size = fs::metadata(&file).unwrap().len();
        assert!(size <= 150 * 1024, "{}: {size} bytes", file.display());
    }
}

/// Prints a job, and looks at what a print shows.
pub(crate) fn print() {
    let mut open = OpenPage::new(&jobs::go_job(3000));
    let features = json!({ "media": "print" });
    open.browser.call("Emulation.setEmulatedMedia", features);
    let shown = open.browser.text("document.body.innerText");
    for part in [
        "3 findings: 2 high, 1 medium",
        "go run ./cmd/migrate",
        "Build once with go build",
        "Slowest 50 processes",
        "make ci",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("Whole job"), "the controls are printed: {shown}");
    assert_eq!(open.browser.value("document.querySelectorAll('#summary tbody tr').length"), 50);
    let print = open.browser.call("Page.printToPDF", json!({ "printBackground": false }));
    let bytes = STANDARD.decode(print["data"].as_str().unwrap()).unwrap();
    assert!(bytes.starts_with(b"%PDF"));
    fs::write(shown_folder().join("job.pdf"), bytes).unwrap();
    open.assert_clean();
}
