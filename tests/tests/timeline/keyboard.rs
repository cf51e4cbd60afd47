//! Every way through the page: keys, the table, filters, addresses and the mouse.

use serde_json::Value;

use crate::{OpenPage, jobs};

/// The command line in the panel.
const COMMAND: &str = "document.querySelector('#pane-process .command')?.textContent ?? ''";
const FOCUSED: &str = "document.activeElement.id";
/// The search has an answer.
const FOUND: &str = "document.getElementById('matches').textContent !== ''";

/// Finds processes and reads their details without a mouse.
pub(crate) fn search() {
    let mut open = OpenPage::new(&jobs::go_job(400));
    open.browser.press("/", false);
    assert_eq!(open.browser.text(FOCUSED), "search");
    open.browser.write("GIT");
    open.browser.until(FOUND);
    let total: usize = open.browser.content("matches").parse().unwrap();
    assert!(total >= 4, "{total}");
    open.browser.press("Enter", false);
    assert_eq!(open.browser.content("matches"), format!("1 of {total}"));
    assert!(open.browser.text(COMMAND).starts_with("git fetch"));
    open.browser.press("Enter", false);
    assert_eq!(open.browser.content("matches"), format!("2 of {total}"));
    assert!(open.browser.text(COMMAND).starts_with("git remote-https"));
    for _ in 0..2 {
        open.browser.press("Enter", true);
    }
    assert_eq!(open.browser.content("matches"), format!("{total} of {total}"), "from the first to the last");
    open.browser.press("Escape", false);
    assert_eq!(open.browser.content("matches"), "");
    open.browser.press("Escape", false);
    assert_ne!(open.browser.text(FOCUSED), "search");
    open.browser.press("/", false);
    open.browser.write("no such program");
    open.browser.until(FOUND);
    assert_eq!(open.browser.content("matches"), "none");
    assert_eq!(open.browser.value("document.getElementById('next').disabled"), true);
    open.assert_clean();
}

/// Walks from the root to a leaf and opens, collapses and explains.
pub(crate) fn tree() {
    let mut open = OpenPage::new(&jobs::go_job(400));
    open.browser.value("document.getElementById('lanes').focus()");
    open.browser.press("ArrowDown", false);
    assert_eq!(open.browser.text(COMMAND), "make ci");
    for expected in ["/bin/bash ./scripts/ci.sh", "git fetch", "git remote-https"] {
        open.browser.press("ArrowDown", false);
        assert!(open.browser.text(COMMAND).starts_with(expected), "{expected}");
    }
    open.browser.press("ArrowRight", false);
    assert!(open.browser.text(COMMAND).starts_with("git index-pack"));
    open.browser.press("ArrowLeft", false);
    open.browser.press("ArrowUp", false);
    assert!(open.browser.text(COMMAND).starts_with("git fetch"));
    assert!(
        open.browser
            .content("live")
            .starts_with("git fetch --depth=1 origin 4be1f0c2a9d7, 790 ms, exit code 0")
    );
    open.browser.press("Enter", false);
    assert_eq!(open.browser.text(FOCUSED), "pane-process");

    open.browser.value("document.getElementById('lanes').focus()");
    open.browser.press("ArrowUp", false);
    assert_eq!(open.browser.content("collapse"), "Collapse");
    open.browser.press(" ", false);
    open.browser.press("t", false);
    assert_eq!(
        open.browser.value("document.getElementById('table').getAttribute('aria-rowcount')"),
        "3",
        "collapsed"
    );
    open.browser.press("t", false);

    open.browser.press("?", false);
    assert_eq!(open.browser.value("document.getElementById('help').open"), true);
    open.browser.press("Escape", false);
    assert_eq!(open.browser.value("document.getElementById('help').open"), false);
    open.browser.press("n", false);
    assert!(open.browser.text(COMMAND).starts_with("go run ./cmd/migrate"));
    open.browser.press("N", true);
    assert!(open.browser.text(COMMAND).starts_with("docker build"));
    // Every control can be reached, and has a name.
    let nameless = "[...document.querySelectorAll('#page button, #page select, #page input, #page [tabindex]')]\
        .filter((control) => !(control.getAttribute('aria-label') || control.getAttribute('aria-labelledby') || control.textContent.trim()))\
        .map((control) => control.outerHTML).join()";
    assert_eq!(open.browser.text(nameless), "");
    open.assert_clean();
}

/// Uses the table as an assistive tool would.
pub(crate) fn table() {
    let data = jobs::go_job(3000);
    let processes = data.processes.len();
    let mut open = OpenPage::new(&data);
    open.browser.press("t", false);
    assert_eq!(open.browser.text(FOCUSED), "table");
    let rows = open.browser.value("document.getElementById('table').getAttribute('aria-rowcount')");
    assert_eq!(rows, (processes + 1).to_string());
    let shown =
        open.browser.value("document.querySelectorAll('#table-body [role=row]').length").as_u64().unwrap();
    assert!((10..100).contains(&shown), "{shown} rows");
    for _ in 0..3 {
        open.browser.press("ArrowDown", false);
    }
    let active =
        "document.getElementById(document.getElementById('table').getAttribute('aria-activedescendant'))";
    let attribute = |name: &str| format!("{active}.getAttribute('{name}')");
    assert!(open.browser.text(&format!("{active}.textContent")).contains("git fetch"));
    assert_eq!(open.browser.text(&attribute("aria-level")), "3");
    assert_eq!(open.browser.text(&attribute("aria-selected")), "true");
    assert_eq!(open.browser.text(&attribute("aria-expanded")), "true");
    open.browser.press("ArrowLeft", false);
    assert_eq!(open.browser.text(&attribute("aria-expanded")), "false");
    let fewer = open.browser.text("document.getElementById('table').getAttribute('aria-rowcount')");
    assert_eq!(fewer, (processes - 1).to_string());
    open.browser.press("ArrowRight", false);
    open.browser.press("End", false);
    assert!(open.browser.text(&format!("{active}.textContent")).contains("ssh-agent"));
    open.browser.press("Enter", false);
    assert_eq!(open.browser.text(FOCUSED), "pane-process");
    // By duration the job comes first, and nothing has a level.
    open.browser.value("document.querySelector('.cell-duration button').click()");
    open.browser.settle();
    let first = "document.querySelector('#table-body [aria-rowindex=\"2\"]')";
    assert!(open.browser.text(&format!("{first}.textContent")).contains("make ci"));
    assert_eq!(open.browser.value(&format!("{first}.getAttribute('aria-level')")), Value::Null);
    assert_eq!(
        open.browser.text("document.querySelector('.cell-duration').getAttribute('aria-sort')"),
        "descending"
    );
    open.assert_clean();
}

/// Chooses processes by what they are.
pub(crate) fn filters() {
    let mut open = OpenPage::new(&jobs::go_job(400));
    open.browser.press("t", false);
    let rows = "Number(document.getElementById('table').getAttribute('aria-rowcount')) - 1";
    let all = open.browser.value(rows).as_u64().unwrap();
    open.browser.value("document.getElementById('filter-failed').click()");
    assert_eq!(open.browser.value(rows), 3, "curl and its ancestors");
    open.browser.value("document.getElementById('filter-failed').click()");
    let choose = |id: &str, value: &str| {
        format!(
            "(() => {{ const choice = document.getElementById('{id}'); choice.value = '{value}'; choice.dispatchEvent(new Event('change')); }})()"
        )
    };
    open.browser.value(&choose("filter-finding", "TG001"));
    assert_eq!(open.browser.value(rows), 3);
    open.browser.value(&choose("filter-finding", "*"));
    assert_eq!(open.browser.value(rows), 5);
    open.browser.value(&choose("filter-role", "go-run"));
    assert_eq!(open.browser.value(rows), 3, "both filters");
    open.browser.value("document.getElementById('filter-clear').click()");
    assert_eq!(open.browser.value(rows), all);
    open.browser.value(&choose("filter-duration", "1e9"));
    let long = open.browser.value(rows).as_u64().unwrap();
    assert!(long < all / 3 && long > 5, "{long} of {all}");
    open.browser.value("document.getElementById('filter-clear').click()");
    let compilers = "[...document.querySelectorAll('.legend-entry')].find((entry) => entry.textContent.startsWith('compile'))";
    open.browser.value(&format!("{compilers}.click()"));
    assert_eq!(open.browser.text(&format!("{compilers}.getAttribute('aria-pressed')")), "false");
    assert!(open.browser.value(rows).as_u64().unwrap() < all / 2);
    open.browser.value(&format!("{compilers}.click()"));
    assert_eq!(open.browser.value(rows), all);
    // A finding leads to its process, with its fix, place and evidence.
    open.browser.value("document.getElementById('tab-findings').click()");
    open.browser.value("document.querySelector('.finding-process').click()");
    open.browser.value("document.getElementById('tab-process').click()");
    let pane = open.browser.content("pane-process");
    for part in
        ["TG001", "Build once with go build", "scripts/ci.sh:31", "./cmd/migrate", "ci.sh", "Children ("]
    {
        assert!(pane.contains(part), "{part}: {pane}");
    }
    assert!(open.browser.content("pane-time").contains("Critical path"));
    open.assert_clean();
    repeated_findings();
}

/// Findings that say the same are one card, whose button goes from process to process.
fn repeated_findings() {
    let mut data = jobs::go_job(400);
    let mut other = data.findings[0].clone();
    for process in [5, 9] {
        other.process = process;
        data.findings.push(other.clone());
    }
    let mut open = OpenPage::new(&data);
    assert_eq!(open.browser.value("document.querySelectorAll('#pane-findings .finding').length"), 3);
    let (button, times) =
        ("document.querySelector('.finding-process')", "document.querySelector('.times').textContent");
    assert_eq!(open.browser.text(times), "3 times");
    let mut commands = Vec::new();
    for number in 1..=3 {
        open.browser.value(&format!("{button}.click()"));
        assert_eq!(open.browser.text(times), format!("{number} of 3"));
        commands.push(open.browser.text(COMMAND));
    }
    assert!(commands[0] != commands[1] && commands[2].starts_with("go run"), "{commands:?}");
    open.assert_clean();
}

/// Opens an address, and reads the one that the page makes.
pub(crate) fn links() {
    let mut open = OpenPage::new(&jobs::go_job(400));
    open.open("#p=2&t=0.5-1.25");
    assert!(open.browser.text(COMMAND).starts_with("git fetch"));
    // The page writes the address anew, with what it shows.
    open.browser.press("d", false);
    open.browser.until("!location.hash.endsWith('t=0.5-1.25')");
    open.browser.press("a", false);
    open.browser.until("location.hash === '#p=2&t=0.5-1.25'");
    open.browser.press("0", false);
    open.browser.press("Escape", false);
    open.browser.until("location.hash === ''");
    for nonsense in
        ["#p=99999999", "#p=-1", "#p=1e3", "#t=5-1", "#t=0-99999999999999999999", "#p=%00&t=<script>"]
    {
        open.open(nonsense);
        assert_eq!(open.browser.text(COMMAND), "", "{nonsense}");
        open.assert_clean();
    }
}

/// Drags, turns the wheel and clicks.
pub(crate) fn mouse() {
    let mut open = OpenPage::new(&jobs::go_job(400));
    open.browser.prefer(false, true);
    let top =
        open.browser.value("document.getElementById('lanes').getBoundingClientRect().top").as_f64().unwrap();
    let (ruler, first_row, empty) = (top + 12.0, top + 44.0, top + 500.0);
    open.browser.mouse("mouseMoved", (500.0, first_row), false);
    open.browser.settle();
    assert!(open.browser.content("tip").starts_with("make ci"), "{}", open.browser.content("tip"));
    open.browser.click((500.0, first_row));
    assert_eq!(open.browser.text(COMMAND), "make ci");
    open.browser.press("Escape", false);
    let drag = |open: &mut OpenPage, from: f64, to: f64, y: f64| {
        let steps = [
            ("mousePressed", from),
            ("mouseMoved", f64::midpoint(from, to)),
            ("mouseMoved", to),
            ("mouseReleased", to),
        ];
        for (kind, x) in steps {
            open.browser.mouse(kind, (x, y), true);
        }
        new_range(open)
    };
    let (from, to) = drag(&mut open, 300.0, 600.0, ruler);
    let wheel =
        serde_json::json!({ "type": "mouseWheel", "x": 500, "y": ruler, "deltaX": 0, "deltaY": -300 });
    open.browser.call("Input.dispatchMouseEvent", wheel);
    let (near, far) = new_range(&mut open);
    assert!(near > from && far < to, "{from}-{to} became {near}-{far}");
    let (moved, _) = drag(&mut open, 600.0, 400.0, empty);
    assert!(moved > near, "{near} became {moved}");
    open.assert_clean();
}

/// Returns the stretch of time in the address, when there is another one than the last time.
fn new_range(open: &mut OpenPage) -> (f64, f64) {
    open.browser.until("location.hash.includes('t=') && location.hash !== window.before");
    open.browser.value("window.before = location.hash");
    range(&open.browser.text("location.hash"))
}

/// Returns the stretch of time in an address.
fn range(fragment: &str) -> (f64, f64) {
    let (from, to) = fragment.split_once("t=").unwrap().1.split_once('-').unwrap();
    (from.parse().unwrap(), to.parse().unwrap())
}
