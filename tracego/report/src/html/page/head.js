/* The head of the page: the verdict, the facts of the job, and the summary for paper. */

function buildHead() {
  const { verdict } = data;
  const totals = SEVERITIES.map((severity) => [severity, (verdict.findings || {})[severity] || 0]).filter(([, total]) => total);
  const sum = totals.reduce((all, [, total]) => all + total, 0);
  const lost = verdict.lost || [];
  const isBroken = verdict.seal === "broken";
  const worst = totals.length ? totals[0][0] : lost.length || isBroken ? "doubtful" : count ? "good" : "quiet";
  const text = sum
    ? totals.length === 1
      ? counted(sum, `${worst} finding`, `${worst} findings`)
      : `${counted(sum, "finding", "findings")}: ${totals.map(([severity, total]) => `${total.toLocaleString("en")} ${severity}`).join(", ")}`
    : !count ? "No processes" : lost.length ? "No findings in what was recorded" : "No findings";
  element("verdict").textContent = text;
  element("verdict-mark").className = `verdict-mark ${worst}`;
  element("verdict-mark").textContent = sum ? "!" : worst === "good" ? "✓" : worst === "quiet" ? "–" : "?";
  buildJob();
  buildFacts(verdict, lost);
  const notices = [...lost];
  if (isBroken) notices.unshift(`The seal is broken${verdict.seal_detail ? `: ${verdict.seal_detail}` : ""}. This page may not show what was recorded.`);
  if (notices.length) {
    const notice = element("notice");
    notice.hidden = false;
    notice.append(make("strong", {}, "Incomplete "), quoted("span", "", notices.slice(0, 6).join(" ")));
    if (notices.length > 6) notice.append(` and ${counted(notices.length - 6, "more loss", "more losses")}`);
  }
}

/** The job in one line; its run is linked if the address is one of the web. */
function buildJob() {
  const line = element("job");
  const { name, id, url, repository, branch, commit, system } = data.job;
  const parts = [];
  const title = data.title || name || id || "CI job";
  const heading = quoted("bdi", "job-name", shortened(title, 120));
  if (/^https?:\/\//i.test(url || "")) {
    const link = make("a", { href: url, rel: "noreferrer noopener", target: "_blank", title: visible(url) });
    link.append(heading);
    parts.push(link);
  } else {
    parts.push(heading);
  }
  if (repository) parts.push(quoted("bdi", "", shortened(repository.replace(/^https?:\/\/(?:[^/@]*@)?/i, "").replace(/\.git$/, ""), 100)));
  if (branch) parts.push(quoted("bdi", "branch", shortened(branch, 80)));
  if (commit) {
    const code = quoted("bdi", "commit", commit.slice(0, 12));
    code.title = visible(commit);
    parts.push(code);
  }
  if (id && id !== title) parts.push(quoted("bdi", "", shortened(`${system ? `${system} ` : ""}${id}`, 60)));
  parts.forEach((part, at) => {
    if (at) line.append(make("span", { class: "separator", "aria-hidden": "true" }, "·"));
    line.append(part);
  });
}

function buildFacts(verdict, lost) {
  const facts = element("facts");
  const add = (name, value, className, hint) => {
    facts.append(make("div", { class: `fact ${className || ""}`, title: hint }, make("dt", {}, name), make("dd", {}, value)));
  };
  const started = new Date(data.start);
  if (!Number.isNaN(started.getTime())) add("Started", `${started.toISOString().slice(0, 16).replace("T", " ")} UTC`, "started", visible(data.start));
  add("Duration", count ? duration(job.length) : "—");
  add("Processes", count.toLocaleString("en"));
  if (verdict.stopped) add("Stopped", verdict.stopped.toLocaleString("en"), "bad");
  add("Record", lost.length ? "incomplete" : "complete", lost.length ? "doubtful" : "", lost.length ? visible(lost.join(" ")) : "Every process start of the job was recorded");
  const seals = { valid: ["valid", "good"], broken: ["broken", "bad"], unchecked: ["not checked", "doubtful"] };
  if (seals[verdict.seal]) add("Seal", ...seals[verdict.seal], verdict.seal_detail ? visible(verdict.seal_detail) : undefined);
}

/** What a print has: the verdict, the findings and the slowest processes. */
function buildSummary() {
  const summary = element("summary");
  const job = element("job").textContent.replaceAll("·", " · ");
  summary.append(
    make("h1", {}, element("verdict").textContent),
    make("p", {}, job),
    make("p", {}, [...element("facts").children].map((fact) => `${fact.firstChild.textContent}: ${fact.lastChild.textContent}`).join("   ")),
  );
  if (!element("notice").hidden) summary.append(make("p", { class: "print-notice" }, element("notice").textContent));
  summary.append(make("h2", {}, "Findings"));
  if (!findings.length) summary.append(make("p", {}, "None."));
  for (const position of findingOrder.slice(0, 200)) {
    const finding = findings[position];
    const card = findingCard(finding);
    if (finding.process >= 0 && finding.process < count) {
      const chain = [...ancestorsOf(finding.process).slice(-5).map(programOf), shortened(commandOf(finding.process), 300)];
      card.append(quoted("p", "print-chain", chain.join(" → ")));
    }
    summary.append(card);
  }
  const slowest = slowestProcesses(50);
  if (!slowest.length) return;
  const body = make("tbody", {});
  for (const index of slowest) {
    body.append(make("tr", {}, quoted("td", "print-command", shortened(commandOf(index), 160)), make("td", {}, duration(durationOf(index))),
      make("td", {}, duration(selfTime[index])), make("td", {}, `+${momentOf(start[index])}`), make("td", {}, exitOf(index))));
  }
  const headings = ["Command", "Duration", "Self", "Start", "End"].map((name) => make("th", { scope: "col" }, name));
  summary.append(make("h2", {}, `Slowest ${slowest.length === 1 ? "process" : `${slowest.length} processes`}`),
    make("table", {}, make("thead", {}, make("tr", {}, ...headings)), body));
}

/* Light and dark. */

const darkness = matchMedia("(prefers-color-scheme: dark)");
let chosenTheme = null;

function applyTheme() {
  document.documentElement.dataset.theme = chosenTheme || (darkness.matches ? "dark" : "light");
  readColours();
  changed("theme");
}

function initTheme() {
  try {
    const stored = localStorage.getItem("tracego-theme");
    if (stored === "dark" || stored === "light") chosenTheme = stored;
  } catch {
    // Pages in files and sandboxes may have no storage; the choice then lasts as long as the page.
  }
  darkness.addEventListener("change", applyTheme);
  element("theme").addEventListener("click", () => {
    chosenTheme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("tracego-theme", chosenTheme);
    } catch {
      // As above.
    }
    applyTheme();
  });
  applyTheme();
}
