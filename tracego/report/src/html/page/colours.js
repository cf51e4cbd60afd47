/* Colours: a program keeps one colour in the whole page. Shells and other programs that mostly wait are grey. */

const HUES = ["blue", "green", "orange", "violet", "cyan", "rose", "yellow", "teal", "coral", "lime"];
/** The group of all programs without a colour of their own. */
const OTHER = 0;
const WAITING = new Set(["sh", "bash", "dash", "zsh", "busybox", "make", "gmake", "env", "sudo", "timeout", "xargs", "nice", "time"]);
/** Programs of nearly every Go job, which look the same in all of them. */
const USUAL = { go: "cyan", compile: "blue", link: "violet", asm: "teal", vet: "lime", git: "orange", "test binaries": "green" };

/** Group of a process: an index of `groups`. */
const group = new Uint16Array(count);
/** Name, hue, number of processes and time of their own. */
const groups = [{ name: "other programs", hue: "grey", total: 0, time: 0 }];
const switchedOff = new Set();

function groupNameOf(index) {
  return roleOf(index) === "go-test-binary" ? "test binaries" : programOf(index);
}

/** Gives the programs with the most time of their own a group each. */
function groupPrograms() {
  const known = new Map();
  const nameIds = new Uint32Array(count);
  const cache = new Map();
  for (let i = 0; i < count; i++) {
    const key = `${processes.executable[i]} ${processes.executable[i] ? 0 : processes.command[i]} ${processes.role[i]}`;
    let entry = cache.get(key);
    if (!entry) {
      const name = groupNameOf(i);
      if (!known.has(name)) known.set(name, { id: known.size, name, total: 0, time: 0 });
      entry = known.get(name);
      cache.set(key, entry);
    }
    entry.total++;
    entry.time += selfTime[i];
    nameIds[i] = entry.id;
  }
  const ranked = [...known.values()].sort((a, b) => b.time - a.time || b.total - a.total);
  const groupOfName = new Uint16Array(known.size);
  const taken = new Set(ranked.slice(0, 24).map((entry) => USUAL[entry.name]));
  const unused = HUES.filter((hue) => !taken.has(hue));
  for (const entry of ranked) {
    const hue = WAITING.has(entry.name) ? "grey" : USUAL[entry.name] || (groups.length < 24 && unused.shift());
    if (!hue) {
      groups[OTHER].total += entry.total;
      groups[OTHER].time += entry.time;
      continue;
    }
    groupOfName[entry.id] = groups.length;
    groups.push({ name: entry.name, hue, total: entry.total, time: entry.time });
  }
  for (let i = 0; i < count; i++) group[i] = groupOfName[nameIds[i]];
}

/** The colours of the style sheet that the canvas needs; renewed when the theme changes. */
const ink = {};

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const value = (name) => style.getPropertyValue(`--${name}`).trim();
  for (const name of ["bg", "text", "muted", "line", "faint", "accent", "critical-path", "ghost", "on-bar", "lane", "shade"]) ink[name] = value(name);
  for (const severity of SEVERITIES) ink[severity] = value(severity);
  for (const hue of [...HUES, "grey"]) {
    ink[hue] = value(`bar-${hue}`);
    ink[`${hue}-edge`] = value(`edge-${hue}`);
  }
  ink.mono = value("mono");
  ink.sans = value("sans");
}

function gravityColour(level) {
  return ink[SEVERITIES[4 - level]];
}

/** The row of programs below the lanes; each switches its colour on and off. */
function buildLegend() {
  const legend = element("legend");
  const listed = groups.map((entry, position) => ({ entry, position })).filter(({ entry }) => entry.total);
  listed.sort((a, b) => (a.position === OTHER) - (b.position === OTHER) || b.entry.time - a.entry.time);
  for (const { entry, position } of listed) {
    const about = `${counted(entry.total, "process", "processes")}, ${duration(entry.time)} of their own. Double click: only this program`;
    const button = makeButton(
      { class: "legend-entry", "aria-pressed": "true", title: about, "data-hue": entry.hue },
      () => toggleGroups(position),
      make("span", { class: "swatch", "aria-hidden": "true" }),
      quoted("span", "legend-name", shortened(entry.name, 40)),
      make("span", { class: "legend-count" }, size(entry.total)),
    );
    button.addEventListener("dblclick", () => showOnlyGroup(position));
    button.dataset.group = String(position);
    legend.append(button);
  }
}

function toggleGroups(position) {
  if (!switchedOff.delete(position)) switchedOff.add(position);
  applyFilters();
}

function showOnlyGroup(position) {
  switchedOff.clear();
  groups.forEach((_, other) => other !== position && switchedOff.add(other));
  applyFilters();
}

on("filter", () => {
  for (const button of element("legend").children) {
    button.setAttribute("aria-pressed", String(!switchedOff.has(Number(button.dataset.group))));
  }
});

groupPrograms();
