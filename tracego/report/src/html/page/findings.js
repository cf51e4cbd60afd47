/* The findings, and the tab that says where the time went. */

/** Findings from the highest severity down, those of one severity by time. */
const findingOrder = findings
  .map((_, position) => position)
  .sort((a, b) => SEVERITIES.indexOf(findings[a].severity) - SEVERITIES.indexOf(findings[b].severity) || startOf(a) - startOf(b) || a - b);
let findingAt = -1;

function startOf(position) {
  const index = findings[position].process;
  return index >= 0 && index < count ? start[index] : -1;
}

/** Everything about one finding. */
function findingCard(finding, title) {
  const card = make("article", { class: `finding ${finding.severity}` });
  const head = make("div", { class: "finding-head" });
  head.append(
    make("span", { class: `severity ${finding.severity}` }, finding.severity),
    make("span", { class: "finding-id" }, visible(String(finding.id))),
    make("span", { class: "finding-name" }, visible(String(finding.name))),
  );
  card.append(head);
  if (title) card.append(title);
  card.append(quoted("p", "finding-message", String(finding.message)));
  if (finding.place) card.append(make("p", { class: "finding-place" }, "in ", quoted("code", "", String(finding.place))));
  if (finding.remedy) card.append(make("p", { class: "remedy" }, make("strong", {}, "Fix "), quoted("span", "", String(finding.remedy))));
  if (finding.evidence && finding.evidence.length && !title) {
    const list = make("dl", { class: "evidence" });
    for (const [name, value] of finding.evidence) {
      list.append(make("dt", {}, visible(String(name))), quoted("dd", "", shortened(String(value), 500)));
    }
    card.append(list);
  }
  return card;
}

function buildFindings() {
  const pane = element("pane-findings");
  element("findings-count").textContent = findings.length ? String(findings.length) : "";
  if (!findings.length) {
    const isWhole = !(data.verdict.lost || []).length;
    pane.append(
      make("div", { class: "empty good" },
        make("strong", {}, "No findings"),
        make("p", {}, isWhole
          ? "Every program of this job was recorded, and no rule has found anything wrong with one."
          : "No rule has found anything wrong with what was recorded. Something was lost: see above.")),
    );
    return;
  }
  const list = make("ol", { class: "finding-list" });
  const together = groupFindings();
  for (const places of together.slice(0, 300)) list.append(make("li", {}, findingCard(findings[findingOrder[places[0]]], findingTitle(places))));
  pane.append(list);
  if (together.length > 300) pane.append(make("p", { class: "empty" }, `and ${counted(together.length - 300, "more finding", "more findings")}: use the filter and the table`));
}

/** Returns the places in the order of findings, those together that say the same. */
function groupFindings() {
  const known = new Map();
  findingOrder.forEach((position, place) => {
    const { severity, id, message, place: source } = findings[position];
    const key = JSON.stringify([severity, id, message, source]);
    if (!known.has(key)) known.set(key, []);
    known.get(key).push(place);
  });
  return [...known.values()];
}

/** The way to the process of a finding. Of several that say the same, each click goes to the next one. */
function findingTitle(places) {
  const index = findings[findingOrder[places[0]]].process;
  if (!(index >= 0 && index < count)) return make("p", { class: "finding-process" }, "about the job");
  const chain = [...ancestorsOf(index).slice(-4), index];
  const names = make("span", { class: "chain" });
  chain.forEach((step, at) => {
    const isLast = at === chain.length - 1;
    if (at) names.append(make("span", { class: "chain-arrow", role: "img", "aria-label": "started" }, "→"));
    names.append(quoted("bdi", isLast ? "chain-last" : "", shortened(isLast ? briefOf(step) : programOf(step), 90)));
  });
  const times = make("span", { class: "times" }, places.length > 1 ? `${places.length.toLocaleString("en")} times` : "");
  let next = 0;
  const visit = () => {
    goToFinding(places[next]);
    if (places.length > 1) times.textContent = `${(next + 1).toLocaleString("en")} of ${places.length.toLocaleString("en")}`;
    next = (next + 1) % places.length;
  };
  return makeButton({ class: "finding-process", "data-finding": String(places[0]) }, visit, names, times);
}

/** Selects the process of a finding. */
function goToFinding(place) {
  findingAt = place;
  const index = findings[findingOrder[place]].process;
  if (index >= 0 && index < count) select(index, true);
}

/** Goes to the next finding of a process, or to the one before. */
function stepFinding(direction) {
  if (!findingOrder.length) {
    say("There are no findings.");
    return;
  }
  const length = findingOrder.length;
  const from = findingAt < 0 && direction < 0 ? 0 : findingAt;
  goToFinding((from + direction + length) % length);
  showPane("process");
}

/** A share of a whole as a bar with its text. */
function shareRow(content, time, whole, hue) {
  const bar = make("span", { class: "share-bar", "data-hue": hue });
  bar.style.width = `${whole > 0 ? Math.max(0.5, (time / whole) * 100) : 0}%`;
  return make("li", { class: "share" }, content, make("span", { class: "share-time" }, duration(time)),
    make("span", { class: "share-part" }, percent(time, whole)), make("span", { class: "share-track", "aria-hidden": "true" }, bar));
}

function buildTimes() {
  const pane = element("pane-time");
  if (!count) {
    pane.append(make("p", { class: "empty" }, "There is no process to show."));
    return;
  }
  const { above, steps } = stepsOfJob();
  const waitedSteps = steps.filter((index) => criticalBelow[index] > 0);
  if (waitedSteps.length > 1) {
    const longest = waitedSteps.sort((a, b) => criticalBelow[b] - criticalBelow[a] || durationOf(b) - durationOf(a)).slice(0, 12);
    const list = make("ol", { class: "shares" });
    for (const index of longest.sort((a, b) => start[a] - start[b])) {
      list.append(shareRow(processLink(index), criticalBelow[index], job.length, groups[group[index]].hue));
    }
    const owner = above < 0 ? "the job" : visible(shortened(briefOf(above), 60));
    pane.append(section("Steps", make("p", { class: "explanation" }, `What ${owner} started, with the time that the end of the job waited for it.`), list));
  }
  const waited = [...criticalTime].sort((a, b) => b[1] - a[1]).slice(0, 12);
  const path = make("ol", { class: "shares" });
  for (const [index, time] of waited) path.append(shareRow(processLink(index), time, job.length, groups[group[index]].hue));
  pane.append(section("Critical path",
    make("p", { class: "explanation" }, "The single processes that the end of the job waited for longest. One that gets faster makes the job faster."),
    waited.length ? path : make("p", { class: "empty" }, "The job took no time that could be measured.")));
  const slowest = make("ol", { class: "process-list" });
  for (const index of slowestProcesses(15)) slowest.append(make("li", {}, processLink(index, duration(durationOf(index)))));
  pane.append(section("Slowest processes", slowest));
  const whole = groups.reduce((sum, entry) => sum + entry.time, 0);
  const programs = make("ol", { class: "shares" });
  for (const entry of groups.filter(({ total }) => total).sort((a, b) => b.time - a.time).slice(0, 15)) {
    const name = make("span", { class: "program" }, make("span", { class: "swatch", "data-hue": entry.hue }), quoted("span", "", shortened(entry.name, 60)), make("span", { class: "quiet-count" }, `× ${entry.total.toLocaleString("en")}`));
    programs.append(shareRow(name, entry.time, whole, entry.hue));
  }
  const average = job.length > 0 ? digits(whole / job.length) : "0";
  pane.append(section("Programs", make("p", { class: "explanation" }, `Time in which no child ran, of all processes together. On average ${average} processes were at work at once.`), programs));
}

/** Returns the processes that took longest. Those that ran only around the others come last among equals. */
function slowestProcesses(limit) {
  const known = Array.from(byStart.filter((index) => doubt[index] === 0));
  return known.sort((a, b) => durationOf(b) - durationOf(a) || depth[b] - depth[a]).slice(0, limit);
}
