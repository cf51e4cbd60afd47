//! The cost of an interaction, as a ratio between a large job and a small one.

use std::fs;

use serde_json::{Value, json};

use tracego_report::html::{ProcessEntry, TimelineBuilder, TimelineData};

use crate::{OpenPage, jobs, page, shown_folder};

/// Counts frames and rectangles. Both are work that no other program on the machine changes.
const COUNTERS: &str = "window.work = { frames: 0, rectangles: 0 };
const { fillRect, fill } = CanvasRenderingContext2D.prototype;
CanvasRenderingContext2D.prototype.fillRect = function (...all) { window.work.rectangles++; fillRect.apply(this, all); };
CanvasRenderingContext2D.prototype.fill = function (...all) { window.work.rectangles++; fill.apply(this, all); };";

/// Turns the wheel, moves and selects; counts the frames until each of these is visible.
const INTERACTIONS: &str = "(async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const lanes = document.getElementById('lanes');
  const box = lanes.getBoundingClientRect();
  const wheel = (deltaX, deltaY) => lanes.dispatchEvent(new WheelEvent('wheel', { deltaX, deltaY, ctrlKey: deltaY !== 0, clientX: box.left + 400, clientY: box.top + 200, bubbles: true, cancelable: true }));
  const key = (key) => lanes.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  const actions = [];
  for (let i = 0; i < 12; i++) actions.push(() => wheel(0, -40));
  for (let i = 0; i < 12; i++) actions.push(() => wheel(60, 0));
  for (let i = 0; i < 12; i++) actions.push(() => wheel(0, 40));
  for (const name of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowRight', 'ArrowUp', 'c', 's', 'w', 'd', 'a']) actions.push(() => key(name));
  let worst = 0;
  await frame();
  window.work.rectangles = 0;
  for (const act of actions) {
    const before = window.work.rectangles;
    act();
    let frames = 0;
    while (window.work.rectangles === before && frames < 100) { await frame(); frames++; }
    worst = Math.max(worst, frames);
  }
  return { worst, rectangles: window.work.rectangles, actions: actions.length };
})()";

/// Compares a job of 100,000 processes with one of 1,000.
pub(crate) fn interactions() {
    let small = measure(1_000);
    let large = measure(100_000);
    for (name, measured) in [("small", &small), ("large", &large)] {
        let worst = measured["worst"].as_u64().unwrap();
        assert!(worst <= 2, "{name}: an interaction was visible after {worst} frames: {measured}");
    }
    let rectangles = |measured: &Value| measured["rectangles"].as_f64().unwrap();
    let ratio = rectangles(&large) / rectangles(&small);
    let measurements = json!({ "small": small, "large": large, "ratio": ratio });
    // What depends on the machine is for a person to read.
    fs::write(
        shown_folder().join("scale.json"),
        format!(
            "{measurements:#}
"
        ),
    )
    .unwrap();
    // The small job does not fill the pixels that it could; the large one cannot have more than there are.
    assert!(ratio < 15.0, "{ratio}: {small} and {large}");
}

/// Returns the seconds in which scripts of the page ran.
fn script_seconds(open: &mut OpenPage) -> f64 {
    let metrics = open.browser.call("Performance.getMetrics", json!({}));
    let metric =
        metrics["metrics"].as_array().unwrap().iter().find(|metric| metric["name"] == "ScriptDuration");
    metric.unwrap()["value"].as_f64().unwrap()
}

fn measure(processes: usize) -> Value {
    let data = jobs::go_job(processes);
    assert!(data.processes.len() > processes * 4 / 5, "{}", data.processes.len());
    let mut open = OpenPage::new(&TimelineData::default());
    open.browser.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": COUNTERS }));
    fs::write(&open.file, page(&data)).unwrap();
    open.open("");
    let times = "performance.getEntriesByType('navigation')[0].loadEventEnd";
    let loaded = open.browser.value(times);
    open.browser.call("Performance.enable", json!({}));
    let before = script_seconds(&mut open);
    let mut measured = open.browser.value(INTERACTIONS);
    measured["script"] = json!(script_seconds(&mut open) - before);
    measured["processes"] = json!(data.processes.len());
    measured["bytes"] = json!(fs::metadata(&open.file).unwrap().len());
    measured["loaded"] = loaded;
    open.assert_clean();
    measured
}

/// The parent, start and end of a process.
type Shape = fn(u32) -> (Option<u32>, i64, Option<i64>);

/// Opens jobs whose processes all run at once, each below the other, or each without an end.
pub(crate) fn extreme_shapes() {
    const PROCESSES: u32 = 20_000;
    let shapes: [Shape; 3] = [
        |index| ((index > 0).then_some(0), index.into(), Some(1_000_000_000)),
        |index| (index.checked_sub(1), index.into(), Some(1_000_000_000 - i64::from(index))),
        |index| (Some((index + 1) % PROCESSES), index.into(), None),
    ];
    for shape in shapes {
        let mut builder = TimelineBuilder::new();
        for index in 0..PROCESSES {
            let (parent, start, end) = shape(index);
            builder.process(&ProcessEntry {
                parent,
                start,
                end,
                command: "sleep 1",
                ..ProcessEntry::default()
            });
        }
        let mut open = OpenPage::new(&builder.finish());
        open.open("#p=19999");
        assert!(open.browser.content("pane-process").contains("sleep 1"));
        for key in ["f", "w", "0", "c", "t"] {
            open.browser.press(key, false);
        }
        let rows = open.browser.text("document.getElementById('table').getAttribute('aria-rowcount')");
        assert_eq!(rows, (PROCESSES + 1).to_string());
        open.assert_clean();
    }
}
