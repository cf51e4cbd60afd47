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
                open.browser.prefer(is_dark, true);
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
                    open.browser.until("document.getElementById('matches').textContent !== ''");
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
        open.browser.prefer(is_dark, true);
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

/// Compares the colours of all texts with what is behind them, as WCAG 2 does for level AA.
const CONTRAST: &str = "(() => {
  const style = getComputedStyle(document.documentElement);
  const light = (name) => {
    const [r, g, b] = style.getPropertyValue(`--${name}`).trim().match(/[0-9a-f]{2}/g).map((part) => {
      const value = parseInt(part, 16) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const pairs = [];
  for (const text of ['text', 'muted', 'accent', 'critical', 'high', 'medium', 'low', 'good']) {
    for (const behind of ['bg', 'surface', 'raised']) pairs.push([text, behind]);
  }
  for (const tone of ['critical', 'high', 'medium', 'low', 'good', 'accent']) pairs.push([tone, `${tone}-soft`]);
  for (const hue of ['grey', 'blue', 'cyan', 'teal', 'green', 'lime', 'yellow', 'orange', 'coral', 'rose', 'violet']) pairs.push(['on-bar', `bar-${hue}`]);
  pairs.push(['muted', 'ghost'], ['text', 'medium-soft'], ['text', 'accent-soft']);
  return pairs.map(([text, behind]) => {
    const [low, high] = [light(text), light(behind)].sort((a, b) => a - b);
    return { text, behind, ratio: (high + 0.05) / (low + 0.05) };
  }).filter(({ ratio }) => !(ratio >= 4.5));
})()";

/// Looks at the colours of both themes, and at the button that changes them.
pub(crate) fn themes() {
    let mut open = OpenPage::new(&jobs::go_job(40));
    for theme in ["light", "dark", "light"] {
        assert_eq!(open.browser.text("document.documentElement.dataset.theme"), theme);
        assert_eq!(open.browser.value(CONTRAST), json!([]), "{theme}");
        open.browser.value("document.getElementById('theme').click()");
    }
    open.assert_clean();
    let mut open = OpenPage::new(&jobs::go_job(40));
    open.browser.prefer(true, false);
    open.browser.settle();
    assert_eq!(
        open.browser.text("document.documentElement.dataset.theme"),
        "dark",
        "as the system, when it changes"
    );
}
