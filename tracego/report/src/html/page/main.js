/* The start: reads the address, builds the parts, and keeps the address up to date. */

let linkTimer = 0;

/** Writes what is selected and visible into the address: `#p=12&t=1.5-3.25`, in seconds. */
function writeLink() {
  const parts = [];
  if (state.selected >= 0) parts.push(`p=${state.selected}`);
  if (view.from > wholeFrom || view.to < wholeTo) parts.push(`t=${seconds(view.from)}-${seconds(view.to)}`);
  try {
    history.replaceState(null, "", parts.length ? `#${parts.join("&")}` : location.pathname + location.search);
  } catch {
    // Some sandboxes have no history.
  }
}

function seconds(time) {
  return Number((Math.max(time, 0) / 1e9).toFixed(9));
}

/** Shows what the address names. Returns whether it names a stretch of time. */
function readLink() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const range = /^(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)$/.exec(parameters.get("t") || "");
  if (range && Number(range[2]) > Number(range[1])) showTime(Number(range[1]) * 1e9, Number(range[2]) * 1e9);
  const index = /^\d+$/.test(parameters.get("p") || "") ? Number(parameters.get("p")) : -1;
  if (index >= 0 && index < count) {
    uncover(index);
    select(index, !range);
    showPane("process");
  }
}

on("view selection", () => {
  clearTimeout(linkTimer);
  linkTimer = setTimeout(writeLink, 250);
});

function fitAll() {
  if (!count) return;
  fitOverview();
  if (state.mode === "timeline") fitLanes();
  else drawTable();
}

/** What stands in place of the lanes if there is nothing to draw. */
function showEmptyJob() {
  for (const id of ["overview-box", "lanes-box", "foot"]) element(id).hidden = true;
  element("stage-empty").hidden = false;
  element("stage-empty").append(
    make("strong", {}, "No process was recorded for this job."),
    make("p", {}, "Either nothing was executed, or the records are of another job. tracego doctor says whether this machine lets tracego record."),
  );
}

function begin() {
  if (!data) {
    element("failure").hidden = false;
    return;
  }
  element("page").hidden = false;
  initTheme();
  buildHead();
  buildFindings();
  buildTimes();
  buildSummary();
  buildHelp();
  buildFilters();
  buildLegend();
  buildTableHead();
  drawDetails();
  element("critical").addEventListener("click", toggleCritical);
  element("zoom-in").addEventListener("click", () => zoom(0.6));
  element("zoom-out").addEventListener("click", () => zoom(1 / 0.6));
  element("zoom-all").addEventListener("click", showAll);
  element("print").addEventListener("click", () => window.print());
  if (!count) {
    showEmptyJob();
    showPane("findings");
    return;
  }
  layOut();
  applyFilters();
  view.from = wholeFrom;
  view.to = wholeTo;
  new ResizeObserver(fitAll).observe(element("main"));
  fitAll();
  if (!findings.length) showPane("time");
  if (matchMedia("(max-width: 980px)").matches) openPanel(false);
  readLink();
  window.addEventListener("hashchange", readLink);
}

begin();
