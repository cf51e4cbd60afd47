/* The job: columns of the data as typed arrays, and what follows from them. */

const data = readData();
const processes = data ? data.processes : { parent: [] };
const count = processes.parent.length;
const strings = data ? data.strings : [""];
const findings = data ? data.findings : [];

/** Index of the parent; −1 for a root. */
const parent = new Int32Array(count);
/** Nanoseconds since the first process; of an unknown end: the end of the job. */
const start = new Float64Array(count);
const end = new Float64Array(count);
/** What is doubtful about a time. */
const doubt = new Uint8Array(count);
const END_UNKNOWN = 1;
const CLOCK_STEPPED = 2;
const STOPPED = 1;
const NEW = 2;
const SEVERITIES = ["critical", "high", "medium", "low"];

/** Processes by start; children of all processes, those of one next to each other and by start. */
const byStart = new Uint32Array(count);
const firstChild = new Uint32Array(count + 1);
const childList = new Uint32Array(count);
const roots = [];
/** Processes so that each comes after its parent. */
const topDown = new Uint32Array(count);
const depth = new Uint16Array(count);
/** Number of processes below. */
const below = new Uint32Array(count);
/** Nanoseconds in which no child ran. */
const selfTime = new Float64Array(count);
/** Highest severity of a process' findings: 4 for critical to 1 for low, 0 without a finding. */
const gravity = new Uint8Array(count);
const findingsOf = new Map();
const job = { origin: 0, length: 0 };

function readData() {
  try {
    const parsed = JSON.parse(document.getElementById("data").textContent);
    return Array.isArray(parsed.strings) && Array.isArray(parsed.processes.parent) ? parsed : null;
  } catch {
    return null;
  }
}

function commandOf(index) {
  return strings[processes.command[index]] || strings[processes.executable[index]] || "";
}

function executableOf(index) {
  return strings[processes.executable[index]] || "";
}

/** Returns the name of the program: the last part of its path, or the first word of its command line. */
function programOf(index) {
  const path = executableOf(index);
  return path ? baseName(path) : baseName(commandOf(index).slice(0, 256).split(" ", 1)[0]);
}

/**
 * Returns the command line as somebody would say it: without the folders of the program; compilers with their package,
 * linkers with what they make.
 */
function briefOf(index) {
  const command = commandOf(index).slice(0, 1000);
  const subject = subjectOf(index);
  if (subject) return `${programOf(index)} ${subject}`;
  const space = command.indexOf(" ");
  const word = space < 0 ? command : command.slice(0, space);
  return word.startsWith("/") ? baseName(word) + command.slice(word.length) : command;
}

/** Returns what a tool of Go works on: the package of a compiler, the program of a linker, or nothing. */
function subjectOf(index) {
  if (roleOf(index) !== "compiler-helper") return "";
  const command = commandOf(index).slice(0, 1000);
  const match = / -(?:p|importpath) (\S+)/.exec(command) || / -o (?:\S*\/)?([^\s/]+)/.exec(command);
  return match ? match[1] : "";
}

function titleOf(index) {
  return visible(briefOf(index));
}

function roleOf(index) {
  return strings[processes.role[index]] || "";
}

function durationOf(index) {
  return end[index] - start[index];
}

/** Returns the exit in words. */
function exitOf(index) {
  const code = processes.exit[index];
  if (code < 0) return doubt[index] & END_UNKNOWN ? "still running, or not recorded" : "not recorded";
  if (code < 256) return `exit code ${code}`;
  return `signal ${code - 256}${SIGNALS[code - 256] ? ` (${SIGNALS[code - 256]})` : ""}`;
}

const SIGNALS = {
  1: "hangup", 2: "interrupt", 3: "quit", 4: "illegal instruction", 6: "abort", 7: "bus error", 8: "arithmetic error",
  9: "kill", 11: "segmentation fault", 13: "broken pipe", 14: "alarm", 15: "terminate", 24: "CPU limit", 31: "bad system call",
};

function hasFailed(index) {
  return processes.exit[index] > 0;
}

function hasFlag(index, flag) {
  return (processes.flags[index] & flag) !== 0;
}

function childrenOf(index) {
  return childList.subarray(firstChild[index], firstChild[index + 1]);
}

/** Returns a moment of the job: `840 ms`, `12.3 s`, `1:16.334`. */
function momentOf(time) {
  if (time < 60e9) return duration(time);
  const minutes = Math.floor(time / 60e9);
  const rest = (time / 1e9 - minutes * 60).toFixed(3).padStart(6, "0");
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest.slice(0, 2)}`;
}

/** Returns the processes from the root to the parent. */
function ancestorsOf(index) {
  const chain = [];
  for (let above = parent[index]; above >= 0; above = parent[above]) chain.push(above);
  return chain.reverse();
}

/** Makes times relative to the first process. A process never ends before it starts, whatever clocks did. */
function settleTimes() {
  let first = Infinity;
  let last = -Infinity;
  for (let i = 0; i < count; i++) {
    const from = processes.start[i];
    const to = processes.end[i];
    first = Math.min(first, from);
    last = Math.max(last, from, to === -1 ? from : to);
  }
  job.origin = count ? first : 0;
  job.length = count ? last - first : 0;
  for (let i = 0; i < count; i++) {
    start[i] = processes.start[i] - job.origin;
    if (processes.end[i] === -1) {
      end[i] = job.length;
      doubt[i] |= END_UNKNOWN;
    } else if (processes.end[i] < processes.start[i]) {
      end[i] = start[i];
      doubt[i] |= CLOCK_STEPPED;
    } else {
      end[i] = processes.end[i] - job.origin;
    }
  }
}

/** Takes over parents. A parent that does not exist, or a process among its own ancestors, makes a root. */
function settleParents() {
  const state = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const above = processes.parent[i];
    parent[i] = above >= 0 && above < count && above !== i ? above : -1;
  }
  for (let i = 0; i < count; i++) {
    let at = i;
    while (at >= 0 && state[at] === 0) {
      state[at] = 1;
      const above = parent[at];
      if (above >= 0 && state[above] === 1) parent[at] = -1;
      at = parent[at];
    }
    for (at = i; at >= 0 && state[at] === 1; at = parent[at]) state[at] = 2;
  }
}

function settleChildren() {
  for (let i = 0; i < count; i++) byStart[i] = i;
  byStart.sort((a, b) => start[a] - start[b] || a - b);
  for (let i = 0; i < count; i++) if (parent[i] >= 0) firstChild[parent[i] + 1]++;
  for (let i = 0; i < count; i++) firstChild[i + 1] += firstChild[i];
  const next = firstChild.slice();
  for (const index of byStart) {
    if (parent[index] >= 0) childList[next[parent[index]]++] = index;
    else roots.push(index);
  }
  let filled = 0;
  for (const root of roots) topDown[filled++] = root;
  for (let at = 0; at < filled; at++) {
    for (const child of childrenOf(topDown[at])) {
      depth[child] = Math.min(depth[topDown[at]] + 1, 65535);
      topDown[filled++] = child;
    }
  }
  for (let at = count - 1; at >= 0; at--) {
    const index = topDown[at];
    if (parent[index] >= 0) below[parent[index]] += below[index] + 1;
  }
}

/** Calls a function with each stretch of time in which a process ran and none of its children did. */
function eachSelfStretch(index, visit) {
  let at = start[index];
  for (const child of childrenOf(index)) {
    if (start[child] > at) visit(at, Math.min(start[child], end[index]));
    at = Math.max(at, end[child]);
    if (at >= end[index]) return;
  }
  if (end[index] > at) visit(at, end[index]);
}

function settleRest() {
  for (let i = 0; i < count; i++) {
    eachSelfStretch(i, (from, to) => {
      if (to > from) selfTime[i] += to - from;
    });
  }
  findings.forEach((finding, position) => {
    const index = finding.process;
    if (!(index >= 0 && index < count)) return;
    gravity[index] = Math.max(gravity[index], 4 - SEVERITIES.indexOf(finding.severity));
    if (!findingsOf.has(index)) findingsOf.set(index, []);
    findingsOf.get(index).push(position);
  });
}

settleTimes();
settleParents();
settleChildren();
settleRest();
