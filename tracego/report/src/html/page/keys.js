/* The keyboard, and the window that explains it. */

const HELP = [
  ["Find", [
    ["/", "search"],
    ["Enter · Shift Enter", "next match, previous match"],
    ["N · Shift N", "next finding, previous finding"],
    ["Esc", "end the search, unselect"],
  ]],
  ["Look", [
    ["+ · −", "zoom in, zoom out"],
    ["A · D", "earlier, later"],
    ["W · S", "rows up, rows down"],
    ["F · 0", "the selected process, the whole job"],
    ["C", "critical path"],
    ["T", "timeline or table"],
  ]],
  ["Selected process", [
    ["↑ · ↓", "parent, first child"],
    ["← · →", "process before, process after, of the same parent"],
    ["Space", "collapse or expand"],
    ["Enter", "details"],
  ]],
  ["Pointer", [
    ["Drag", "move"],
    ["Shift drag, drag on the ruler", "zoom to a stretch of time"],
    ["Wheel", "rows; zoom if all rows are visible"],
    ["Ctrl wheel, wheel on the ruler, pinch", "zoom"],
    ["Double click", "zoom to a process, or to the whole job"],
  ]],
];

function buildHelp() {
  const columns = element("help-columns");
  for (const [title, keys] of HELP) {
    const list = make("dl", {});
    for (const [key, meaning] of keys) {
      const term = make("dt", {});
      key.split(" · ").forEach((part) => term.append(make("kbd", {}, part)));
      list.append(make("div", {}, term, make("dd", {}, meaning)));
    }
    columns.append(make("section", {}, make("h3", {}, title), list));
  }
  const address = "Its address names the selected process and the visible time: copy it to share what you see.";
  element("recorder").textContent = `${data.recorder ? `Recorded by ${visible(data.recorder)}. ` : ""}This page is one file and asks no server for anything. ${address}`;
  element("help-open").addEventListener("click", () => element("help").showModal());
  element("help-close").addEventListener("click", () => element("help").close());
  element("help").addEventListener("click", (event) => event.target === element("help") && element("help").close());
}

/** Moves the selection to a relative. Without a selection, to the first process. */
function moveSelection(key) {
  const index = state.selected;
  if (index < 0) {
    if (count) select(roots[0], true);
    return;
  }
  let to = -1;
  if (key === "ArrowUp") to = parent[index];
  else if (key === "ArrowDown") to = childrenOf(index).length ? childrenOf(index)[0] : -1;
  else {
    const siblings = parent[index] < 0 ? roots : childrenOf(parent[index]);
    const at = siblings.indexOf(index) + (key === "ArrowRight" ? 1 : -1);
    if (at >= 0 && at < siblings.length) to = siblings[at];
  }
  if (to >= 0) select(to, true);
}

/** Keys that mean the same wherever the focus is, except in fields. */
const COMMANDS = {
  "/": () => searchBox.select(),
  "?": () => element("help").showModal(),
  "+": () => zoom(0.7),
  "=": () => zoom(0.7),
  "-": () => zoom(1 / 0.7),
  "−": () => zoom(1 / 0.7),
  0: showAll,
  a: () => pan(-0.15),
  d: () => pan(0.15),
  w: () => scrollTo(view.scroll - stage.row * 3),
  s: () => scrollTo(view.scroll + stage.row * 3),
  f: () => state.selected >= 0 && zoomTo(state.selected),
  c: () => toggleCritical(),
  t: () => {
    setMode(state.mode === "table" ? "timeline" : "table");
    element(state.mode === "table" ? "table" : "lanes").focus();
  },
  n: () => stepFinding(1),
  N: () => stepFinding(-1),
  Escape: () => select(-1, false),
};

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || element("help").open) return;
  const { target } = event;
  if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement) {
    if (event.key === "Escape") target.blur();
    return;
  }
  if (target === canvas && event.key.startsWith("Arrow")) moveSelection(event.key);
  else if (target === canvas && event.key === "Enter" && state.selected >= 0) focusDetails();
  else if (target === canvas && event.key === " " && state.selected >= 0) toggleCollapsed(state.selected);
  else if (COMMANDS[event.key]) COMMANDS[event.key]();
  else if (COMMANDS[event.key.toLowerCase()] && !event.shiftKey) COMMANDS[event.key.toLowerCase()]();
  else return;
  event.preventDefault();
});

function toggleCritical() {
  state.critical = !state.critical;
  element("critical").setAttribute("aria-pressed", String(state.critical));
  changed("critical");
}
