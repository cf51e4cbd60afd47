/* The panel of one process, and the tabs of the panel. */

const PANES = ["findings", "time", "process"];
/** Longer texts are cut until somebody asks for all. */
const LONG_TEXT = 4000;
const LISTED = 50;

function showPane(name, focus) {
  for (const pane of PANES) {
    const isShown = pane === name;
    const tab = element(`tab-${pane}`);
    tab.setAttribute("aria-selected", String(isShown));
    tab.tabIndex = isShown ? 0 : -1;
    element(`pane-${pane}`).hidden = !isShown;
    if (isShown && focus) tab.focus();
  }
  openPanel(true);
}

/** Small windows show the panel only when it is wanted. */
function openPanel(isOpen) {
  const { classList } = element("main");
  if (classList.contains("panel-open") === isOpen) return;
  classList.toggle("panel-open", isOpen);
  fitAll();
}

/** Moves the keyboard to the details of the selected process. */
function focusDetails() {
  showPane("process");
  element("pane-process").focus();
}

for (const pane of PANES) {
  element(`tab-${pane}`).addEventListener("click", () => showPane(pane));
  element(`tab-${pane}`).addEventListener("keydown", (event) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    showPane(PANES[(PANES.indexOf(pane) + by + PANES.length) % PANES.length], true);
  });
}
element("panel-close").addEventListener("click", () => openPanel(false));

/** A button that goes to a process. */
function processLink(index, note) {
  const button = makeButton(
    { class: "process-link", "data-index": String(index) },
    () => select(index, true),
    make("span", { class: "swatch", "data-hue": groups[group[index]].hue, "aria-hidden": "true" }),
    quoted("span", "process-link-command", shortened(briefOf(index), 160)),
  );
  if (gravity[index]) button.append(make("span", { class: `dot ${SEVERITIES[4 - gravity[index]]}`, title: "has a finding" }));
  if (note) button.append(make("span", { class: "process-link-note" }, note));
  return button;
}

function fact(list, name, value, hint) {
  list.append(make("dt", {}, name), value instanceof Node ? make("dd", {}, value) : make("dd", { title: hint }, value));
}

function section(title, ...content) {
  return make("section", { class: "block" }, make("h3", {}, title), ...content);
}

function drawDetails() {
  const pane = element("pane-process");
  pane.textContent = "";
  pane.scrollTop = 0;
  const index = state.selected;
  if (index < 0) {
    pane.append(make("p", { class: "empty" }, count ? "Choose a process to see its command line, its place in the job and how it ended." : "There is no process to show."));
    return;
  }
  const heading = make("h2", { class: "process-name", id: "process-name" }, quoted("bdi", "", shortened(programOf(index), 80)));
  const badges = make("p", { class: "badges" });
  if (roleOf(index)) badges.append(make("span", { class: "badge" }, visible(roleOf(index))));
  if (hasFlag(index, STOPPED)) badges.append(make("span", { class: "badge stopped" }, "stopped by tracego"));
  if (hasFlag(index, NEW)) badges.append(make("span", { class: "badge new" }, "new since the baseline"));
  if (hasFailed(index)) badges.append(make("span", { class: "badge failed" }, exitOf(index)));
  pane.append(heading);
  if (badges.childNodes.length) pane.append(badges);
  pane.append(commandBlock(index));
  for (const position of findingsOf.get(index) || []) pane.append(findingCard(findings[position]));
  pane.append(factsOf(index), actionsOf(index), lineOf(index) || "");
  const children = childrenOf(index);
  if (children.length) pane.append(section(`Children (${children.length.toLocaleString("en")})`, childrenList(children)));
}

function commandBlock(index) {
  const text = commandOf(index);
  const box = make("div", { class: "command-box" });
  const code = quoted("pre", "command", shortened(text, LONG_TEXT));
  code.tabIndex = 0;
  code.setAttribute("aria-label", "Command line");
  const tools = make("div", { class: "command-tools" });
  if (text.length > LONG_TEXT) {
    const all = makeButton({ class: "chip", id: "show-all" }, () => {
      code.textContent = visible(text);
      all.remove();
    }, `Show all ${size(text.length)} characters`);
    tools.append(all);
  }
  const copy = makeButton({ class: "chip", id: "copy" }, () => copyText(text, copy), "Copy");
  tools.append(copy);
  box.append(code, tools);
  return box;
}

/** Copies a text as the process had it. */
async function copyText(text, button) {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    const area = make("textarea", { class: "sr-only" });
    area.value = text;
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    button.focus();
  }
  say(done ? "Copied." : "The browser did not allow copying.");
  const before = button.textContent;
  button.textContent = done ? "Copied" : "Not allowed";
  setTimeout(() => {
    button.textContent = before;
  }, 1200);
}

function factsOf(index) {
  const list = make("dl", { class: "process-facts" });
  const isUnknown = doubt[index] & END_UNKNOWN;
  if (isUnknown) {
    fact(list, "Duration", `at least ${duration(durationOf(index))}; the end was not recorded`);
  } else if (doubt[index] & CLOCK_STEPPED) {
    fact(list, "Duration", "unknown: the clock stepped back while it ran");
  } else {
    fact(list, "Duration", `${duration(durationOf(index))}, ${percent(durationOf(index), job.length)} of the job`);
    if (below[index]) fact(list, "Self", `${duration(selfTime[index])} without a running child`);
  }
  const waited = criticalBelow[index];
  if (waited) fact(list, "Critical", `the end of the job waited ${duration(waited)} for it${below[index] ? " and its children" : ""}`);
  fact(list, "Start", `+${momentOf(start[index])}${clockOf(start[index])}`);
  fact(list, "Exit", exitOf(index));
  if (below[index]) fact(list, "Below", counted(below[index], "process", "processes"));
  for (const [name, text] of [
    ["Program", executableOf(index)],
    ["Folder", strings[processes.directory[index]]],
    ["User", strings[processes.user[index]]],
  ]) if (text) fact(list, name, quoted("span", "path", shortened(text, 1000)));
  fact(list, "PID", String(processes.pid[index]));
  return list;
}

/** Returns the time of day of a moment, with its unit. */
function clockOf(offset) {
  const base = Date.parse(data.start);
  if (Number.isNaN(base)) return "";
  const moment = new Date(base + (offset + job.origin) / 1e6);
  return Number.isNaN(moment.getTime()) ? "" : `, ${moment.toISOString().slice(11, 23)} UTC`;
}

function actionsOf(index) {
  const actions = make("div", { class: "actions" }, makeButton({ class: "chip" }, () => {
    setMode("timeline");
    uncover(index);
    revealRow(index);
    zoomTo(index);
  }, "Zoom to"));
  if (below[index]) {
    const text = () => (collapsed.has(index) ? "Expand" : "Collapse");
    const button = makeButton({ class: "chip", id: "collapse" }, () => {
      toggleCollapsed(index);
      button.textContent = text();
    }, text());
    actions.append(button);
  }
  const link = makeButton({ class: "chip" }, () => copyText(location.href, link), "Copy link");
  actions.append(link);
  return actions;
}

/** The processes from the root to this one. */
function lineOf(index) {
  const chain = ancestorsOf(index);
  if (!chain.length) return null;
  const list = make("ol", { class: "process-list line" });
  // Chains of thousands are cut in the middle: their ends say most.
  const parts = chain.length > 60 ? [...chain.slice(0, 10), -1, ...chain.slice(-40)] : chain;
  for (const above of parts) list.append(make("li", {}, above < 0 ? "…" : processLink(above)));
  return section("Started by", list);
}

function childrenList(children) {
  const list = make("ol", { class: "process-list" });
  let listed = 0;
  const add = () => {
    more.remove();
    for (const child of children.subarray(listed, listed + LISTED)) list.append(make("li", {}, processLink(child, lengthOf(child))));
    listed += LISTED;
    if (listed < children.length) list.after(more);
  };
  const more = makeButton({ class: "chip more" }, add, "Show more");
  const box = make("div", {}, list);
  add();
  return box;
}

/** Tells screen readers. */
function say(text) {
  element("live").textContent = text;
}

on("selection", () => {
  drawDetails();
  const index = state.selected;
  if (index < 0) return;
  const worst = gravity[index] ? `, ${SEVERITIES[4 - gravity[index]]} finding` : "";
  say(`${shortened(titleOf(index), 120)}, ${lengthOf(index)}, ${exitOf(index)}${worst}`);
});
