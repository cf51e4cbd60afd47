/* Search, filters and the choice of the view. */

const searchBox = element("search");
let searchTimer = 0;

/** Searches when the person has stopped typing. */
function searchSoon() {
  clearTimeout(searchTimer);
  searchTimer = setTimeout(searchNow, 120);
}

function searchNow() {
  clearTimeout(searchTimer);
  const query = searchBox.value.trim();
  if (query === state.query) return;
  state.query = query;
  applyFilters();
}

searchBox.addEventListener("input", searchSoon);
searchBox.addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    event.preventDefault();
    searchNow();
    step(event.shiftKey ? -1 : 1);
    if (state.selected >= 0) showPane("process");
  } else if (event.key === "Escape" && searchBox.value) {
    event.preventDefault();
    event.stopPropagation();
    searchBox.value = "";
    searchNow();
  }
});
element("next").addEventListener("click", () => step(1));
element("previous").addEventListener("click", () => step(-1));

function showMatches() {
  const { matches, query } = state;
  const at = matches.indexOf(state.selected);
  const total = matches.length.toLocaleString("en");
  element("matches").textContent = !query ? "" : at >= 0 ? `${(at + 1).toLocaleString("en")} of ${total}` : matches.length ? total : "none";
  element("next").disabled = element("previous").disabled = !matches.length;
  document.querySelector(".search").classList.toggle("active", query !== "");
}

/** Adds the values that a choice has, the most frequent first; without a second value there is nothing to choose. */
function fillChoice(id, values, describe) {
  const select = element(id);
  const sorted = [...values].sort((a, b) => b[1] - a[1]).slice(0, 100);
  for (const [value, total] of sorted) {
    select.append(make("option", { value }, `${describe ? describe(value) : shortened(visible(value), 40)} (${total.toLocaleString("en")})`));
  }
  if (!sorted.length || (sorted.length < 2 && id === "filter-user")) select.parentElement.hidden = true;
}

function tally(values) {
  const totals = new Map();
  for (const value of values) if (value) totals.set(value, (totals.get(value) || 0) + 1);
  return totals;
}

function textTally(column) {
  const totals = new Map();
  for (const [id, total] of tally(column)) totals.set(strings[id], total);
  return totals;
}

function buildFilters() {
  if (findingsOf.size) element("filter-finding").append(make("option", { value: "*" }, `any (${findingsOf.size.toLocaleString("en")})`));
  const names = new Map(findings.map((finding) => [String(finding.id), String(finding.name)]));
  fillChoice("filter-finding", tally(findings.filter(({ process }) => process >= 0).map(({ id }) => String(id))), (id) => visible(`${id} ${names.get(id)}`));
  fillChoice("filter-role", textTally(processes.role || []));
  fillChoice("filter-user", textTally(processes.user || []));
  element("filter-failed").hidden = !byStart.some(hasFailed);
  element("filter-new").hidden = !byStart.some((index) => hasFlag(index, NEW));
  const choices = { finding: String, role: String, user: String, duration: Number };
  for (const [name, convert] of Object.entries(choices)) {
    element(`filter-${name}`).addEventListener("change", (event) => {
      state.filter[name === "duration" ? "shortest" : name] = convert(event.target.value);
      applyFilters();
    });
  }
  for (const [id, key] of [["filter-failed", "failed"], ["filter-new", "isNew"]]) {
    element(id).addEventListener("click", () => {
      state.filter[key] = !state.filter[key];
      applyFilters();
    });
  }
  element("filter-clear").addEventListener("click", clearFilters);
}

function clearFilters() {
  Object.assign(state.filter, { finding: "", role: "", user: "", shortest: 0, failed: false, isNew: false });
  for (const name of ["finding", "role", "user"]) element(`filter-${name}`).value = "";
  element("filter-duration").value = "0";
  switchedOff.clear();
  applyFilters();
}

on("filter", () => {
  const { finding, role, user, shortest, failed, isNew } = state.filter;
  element("filter-failed").setAttribute("aria-pressed", String(failed));
  element("filter-new").setAttribute("aria-pressed", String(isNew));
  for (const [name, isSet] of Object.entries({ finding, role, user, duration: shortest })) {
    element(`filter-${name}`).parentElement.classList.toggle("active", Boolean(isSet));
  }
  const isFiltered = Boolean(finding || role || user || shortest || failed || isNew || switchedOff.size);
  element("filter-clear").hidden = !isFiltered;
  showMatches();
  if (isFiltered || state.query) say(`${counted(shownTotal, "process", "processes")} of ${count.toLocaleString("en")}`);
});
on("selection", showMatches);

/* Timeline or table. */

function setMode(mode) {
  if (state.mode === mode) return;
  state.mode = mode;
  for (const name of ["timeline", "table"]) {
    const button = element(`view-${name}`);
    button.setAttribute("aria-checked", String(name === mode));
    button.tabIndex = name === mode ? 0 : -1;
  }
  element("lanes-box").hidden = mode !== "timeline";
  element("table-box").hidden = mode !== "table";
  element("view-buttons").hidden = mode !== "timeline";
  if (mode === "timeline") fitLanes();
  changed("mode");
  changed("selection");
}

for (const name of ["timeline", "table"]) {
  element(`view-${name}`).addEventListener("click", () => setMode(name));
  element(`view-${name}`).addEventListener("keydown", (event) => {
    if (!event.key.startsWith("Arrow")) return;
    event.preventDefault();
    event.stopPropagation();
    const other = name === "table" ? "timeline" : "table";
    setMode(other);
    element(`view-${other}`).focus();
  });
}
