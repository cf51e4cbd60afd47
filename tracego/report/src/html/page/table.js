/* The table: the same processes as text, for everybody who prefers it, with rows only for what is visible. */

const TABLE_ROW = 28;
const table = element("table");
const tableBody = element("table-body");
/** Columns: key, title, class, and the value that rows are sorted by. The tree has the order of the job. */
const COLUMNS = [
  { key: "tree", title: "Command" },
  { key: "duration", title: "Duration", value: (i) => (doubt[i] ? -1 : durationOf(i)) },
  { key: "self", title: "Self", value: (i) => (doubt[i] ? -1 : selfTime[i]) },
  { key: "start", title: "Start", value: (i) => -start[i] },
  { key: "exit", title: "Exit", value: (i) => processes.exit[i] },
  { key: "user", title: "User" },
  { key: "pid", title: "PID" },
];
/** Rows in their order, and the sorting that they have. */
let tableRows = [];
let sortedBy = "tree";

function buildTableHead() {
  const head = element("table-head");
  COLUMNS.forEach((column, position) => {
    const cell = make("div", { role: "columnheader", class: `cell cell-${column.key}`, "aria-colindex": String(position + 1) });
    cell.dataset.key = column.key;
    if (column.value || column.key === "tree") {
      cell.append(makeButton({ class: "sort" }, () => sortTable(column.key), column.title, make("span", { class: "sort-mark", "aria-hidden": "true" })));
    } else {
      cell.append(column.title);
    }
    head.append(cell);
  });
}

function sortTable(key) {
  sortedBy = key;
  table.scrollTop = 0;
  fillTable();
}

/** Decides which rows there are. In the tree a process keeps its ancestors, so that its place can be seen. */
function fillTable() {
  if (state.mode !== "table") return;
  const isFiltered = shownTotal < count;
  const kept = shown.slice();
  if (sortedBy === "tree") {
    for (let at = count - 1; at >= 0; at--) {
      const index = topDown[at];
      if (kept[index] && parent[index] >= 0) kept[parent[index]] = 1;
    }
    tableRows = [];
    const stack = roots.slice().reverse();
    while (stack.length) {
      const index = stack.pop();
      if (!kept[index]) continue;
      tableRows.push(index);
      if (collapsed.has(index) && !isFiltered) continue;
      const children = childrenOf(index);
      for (let at = children.length - 1; at >= 0; at--) stack.push(children[at]);
    }
  } else {
    const { value } = COLUMNS.find((column) => column.key === sortedBy);
    tableRows = Array.from(byStart.filter((index) => shown[index])).sort((a, b) => value(b) - value(a) || a - b);
  }
  for (const cell of element("table-head").children) {
    const isSorted = cell.dataset.key === sortedBy;
    const direction = sortedBy === "start" ? "ascending" : "descending";
    // The tree is no sorting: it is the order of the job.
    cell.setAttribute("aria-sort", isSorted && sortedBy !== "tree" ? direction : "none");
  }
  table.setAttribute("aria-rowcount", String(tableRows.length + 1));
  table.setAttribute("aria-colcount", String(COLUMNS.length));
  tableBody.style.height = `${tableRows.length * TABLE_ROW}px`;
  element("table-empty").hidden = tableRows.length > 0;
  element("table-empty").textContent = "No process passes the search and the filters.";
  drawTable();
}

/** Makes the visible rows. */
function drawTable() {
  if (state.mode !== "table") return;
  const first = Math.max(0, Math.floor(table.scrollTop / TABLE_ROW) - 6);
  const last = Math.min(tableRows.length, Math.ceil((table.scrollTop + table.clientHeight) / TABLE_ROW) + 6);
  tableBody.textContent = "";
  for (let at = first; at < last; at++) tableBody.append(tableRow(at));
  const hasSelected = state.selected >= 0 && element(`row-${state.selected}`);
  if (hasSelected) table.setAttribute("aria-activedescendant", `row-${state.selected}`);
  else table.removeAttribute("aria-activedescendant");
}

function tableRow(at) {
  const index = tableRows[at];
  const isTree = sortedBy === "tree";
  const row = make("div", {
    role: "row",
    id: `row-${index}`,
    class: `row${shown[index] ? "" : " ghost"}`,
    "aria-rowindex": String(at + 2),
    "aria-level": isTree ? String(depth[index] + 1) : null,
    "aria-expanded": isTree && below[index] ? String(!collapsed.has(index)) : null,
    "aria-selected": String(index === state.selected),
    "data-index": String(index),
  });
  row.style.top = `${at * TABLE_ROW}px`;
  const command = make("div", { role: "gridcell", class: "cell cell-tree" });
  command.style.paddingInlineStart = `${isTree ? 8 + Math.min(depth[index], 24) * 16 : 8}px`;
  const arrow = make("span", { class: "row-arrow", "aria-hidden": "true" });
  if (isTree && below[index]) arrow.textContent = collapsed.has(index) ? "▸" : "▾";
  command.append(arrow, make("span", { class: "swatch", "data-hue": groups[group[index]].hue, "aria-hidden": "true" }));
  for (const position of (findingsOf.get(index) || []).slice(0, 3)) command.append(pillOf(findings[position]));
  command.append(quoted("span", "row-command", shortened(briefOf(index), 300)));
  const cell = (key, text, extra) => make("div", { role: "gridcell", class: `cell cell-${key} ${extra || ""}` }, text);
  const known = doubt[index] === 0;
  const time = cell("duration", known ? duration(durationOf(index)) : "—");
  if (known && durationOf(index) > job.length * 0.03) {
    const bar = make("span", { class: "row-bar", "data-hue": groups[group[index]].hue });
    bar.style.width = `${(durationOf(index) / job.length) * 100}%`;
    time.append(bar);
  }
  const code = processes.exit[index];
  const exit = code < 0 ? "—" : code < 256 ? String(code) : `signal ${code - 256}`;
  row.append(
    command,
    time,
    cell("self", known ? duration(selfTime[index]) : "—"),
    cell("start", `+${momentOf(start[index])}`),
    cell("exit", exit, hasFailed(index) ? "failed" : ""),
    cell("user", visible(shortened(strings[processes.user[index]] || "", 40))),
    cell("pid", String(processes.pid[index])),
  );
  return row;
}

/** A finding in a few letters. */
function pillOf(finding) {
  return make("span", { class: `pill ${finding.severity}`, title: visible(finding.message) }, visible(String(finding.id)));
}

function scrollTableTo(at) {
  const top = at * TABLE_ROW;
  const room = table.clientHeight - TABLE_ROW * 2;
  if (top < table.scrollTop) table.scrollTop = top;
  else if (top > table.scrollTop + room) table.scrollTop = top - room;
  drawTable();
}

table.addEventListener("scroll", () => requestAnimationFrame(drawTable));
tableBody.addEventListener("click", (event) => {
  const row = event.target.closest("[data-index]");
  if (!row) return;
  const index = Number(row.dataset.index);
  if (event.target.closest(".row-arrow") && below[index]) toggleCollapsed(index);
  select(index, false);
  showPane("process");
  table.focus();
});

/** Keys of a tree grid. */
table.addEventListener("keydown", (event) => {
  if (event.target !== table || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = tableRows.indexOf(state.selected);
  const page = Math.max(1, Math.floor(table.clientHeight / TABLE_ROW) - 2);
  const index = state.selected;
  let to = at;
  if (event.key === "ArrowDown") to = at + 1;
  else if (event.key === "ArrowUp") to = at < 0 ? 0 : at - 1;
  else if (event.key === "PageDown") to = at + page;
  else if (event.key === "PageUp") to = at - page;
  else if (event.key === "Home") to = 0;
  else if (event.key === "End") to = tableRows.length - 1;
  else if (event.key === "Enter" && index >= 0) focusDetails();
  else if (event.key === "ArrowRight" && index >= 0) {
    if (collapsed.has(index)) toggleCollapsed(index);
    else if (below[index]) to = at + 1;
  } else if (event.key === "ArrowLeft" && index >= 0) {
    if (below[index] && !collapsed.has(index)) toggleCollapsed(index);
    else if (parent[index] >= 0) to = tableRows.indexOf(parent[index]);
  } else return;
  event.preventDefault();
  event.stopPropagation();
  to = Math.min(Math.max(to, 0), tableRows.length - 1);
  if (to >= 0 && tableRows[to] !== state.selected) select(tableRows[to], false);
});

on("filter layout mode", fillTable);
on("selection", () => {
  if (state.mode !== "table") return;
  const at = tableRows.indexOf(state.selected);
  if (at >= 0) scrollTableTo(at);
  else drawTable();
});
