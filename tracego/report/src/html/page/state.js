/* What the person has chosen. Every change goes through `changed`, which calls those who draw. */

const view = { from: 0, to: 1, scroll: 0 };
const state = {
  selected: -1,
  hovered: -1,
  /** Pixel of the lanes below the pointer; −1 for none. */
  cursor: -1,
  critical: true,
  mode: "timeline",
  filter: { finding: "", role: "", user: "", shortest: 0, failed: false, isNew: false },
  query: "",
  matches: [],
};
/** 1 for a process that passes filters, legend and search. */
const shown = new Uint8Array(count).fill(1);
let shownTotal = count;

const listeners = {};

function on(events, listener) {
  for (const event of events.split(" ")) (listeners[event] = listeners[event] || []).push(listener);
}

function changed(event) {
  for (const listener of listeners[event] || []) listener();
}

function element(id) {
  return document.getElementById(id);
}

/** The longest and the shortest stretch of time that the lanes can show, with a little air around the job. */
const wholeFrom = -Math.max(job.length, 1000) * 0.005;
const wholeTo = Math.max(job.length, 1000) * 1.02;
const SHORTEST_VIEW = 1000;

/** Shows a stretch of time, as near to it as there is one. */
function showTime(from, to) {
  const length = Math.min(Math.max(to - from, SHORTEST_VIEW), wholeTo - wholeFrom);
  let begin = (from + to - length) / 2;
  begin = Math.min(Math.max(begin, wholeFrom), wholeTo - length);
  view.from = begin;
  view.to = begin + length;
  changed("view");
}

let movement = 0;

/** Moves to a stretch of time smoothly, or at once for people who want less motion. */
function glide(from, to) {
  cancelAnimationFrame(movement);
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
    showTime(from, to);
    return;
  }
  const source = { from: view.from, to: view.to };
  let step = 0;
  const steps = 10;
  const advance = () => {
    step++;
    const eased = 1 - (1 - step / steps) ** 3;
    showTime(source.from + (from - source.from) * eased, source.to + (to - source.to) * eased);
    if (step < steps) movement = requestAnimationFrame(advance);
  };
  movement = requestAnimationFrame(advance);
}

/** Zooms around a moment. A factor below one shows more detail. */
function zoom(factor, around) {
  cancelAnimationFrame(movement);
  const moment = around === undefined ? (view.from + view.to) / 2 : around;
  showTime(moment - (moment - view.from) * factor, moment + (view.to - moment) * factor);
}

/** Moves by a share of what is visible. */
function pan(share) {
  cancelAnimationFrame(movement);
  const by = (view.to - view.from) * share;
  showTime(view.from + by, view.to + by);
}

function showAll() {
  glide(wholeFrom, wholeTo);
}

/** Shows one process with some of what is around it. */
function zoomTo(index) {
  const air = Math.max(durationOf(index) * 0.15, SHORTEST_VIEW);
  glide(start[index] - air, end[index] + air);
}

/** Selects a process; −1 for none. `reveal` also moves the view so that it can be seen. */
function select(index, reveal) {
  if (index >= 0 && reveal) uncover(index);
  state.selected = index;
  changed("selection");
  if (index >= 0 && reveal) revealTime(index);
}

/** Moves the view to a selected process if it is outside or too small to be seen. */
function revealTime(index) {
  const length = view.to - view.from;
  const isInside = start[index] < view.to - length * 0.02 && end[index] > view.from + length * 0.02;
  if (isInside && durationOf(index) > length / 400) return;
  const wanted = Math.min(Math.max(durationOf(index) * 4, Math.min(length, job.length / 50), SHORTEST_VIEW), wholeTo - wholeFrom);
  const middle = (Math.max(start[index], 0) + end[index]) / 2;
  if (isInside && wanted > length) return;
  glide(middle - wanted / 2, middle + wanted / 2);
}

/** Decides again which processes are shown in full. */
function applyFilters() {
  const { finding, role, user, shortest, failed, isNew } = state.filter;
  const hits = state.query ? hitsOf(state.query) : null;
  shownTotal = 0;
  for (let i = 0; i < count; i++) {
    const passes =
      (!finding || hasFinding(i, finding)) &&
      (!role || strings[processes.role[i]] === role) &&
      (!user || strings[processes.user[i]] === user) &&
      durationOf(i) >= shortest &&
      (!failed || hasFailed(i)) &&
      (!isNew || hasFlag(i, NEW)) &&
      !switchedOff.has(group[i]) &&
      (!hits || hits(i));
    shown[i] = passes ? 1 : 0;
    shownTotal += shown[i];
  }
  state.matches = state.query ? Array.from(byStart.filter((index) => shown[index])) : [];
  changed("filter");
}

function hasFinding(index, wanted) {
  const list = findingsOf.get(index);
  return list !== undefined && (wanted === "*" || list.some((position) => findings[position].id === wanted));
}

/** Returns the test of a query. Each text of the table is searched once, however many processes share it. */
function hitsOf(query) {
  const wanted = query.toLowerCase();
  if (!lowered.length) for (const text of strings) lowered.push(text.toLowerCase());
  const found = Uint8Array.from(lowered, (text) => (text.includes(wanted) ? 1 : 0));
  const named = new Set();
  findings.forEach((finding) => {
    if (`${finding.id} ${finding.name}`.toLowerCase().includes(wanted)) named.add(finding.process);
  });
  const isNumber = /^\d+$/.test(wanted);
  return (i) =>
    found[processes.command[i]] === 1 ||
    found[processes.executable[i]] === 1 ||
    found[processes.directory[i]] === 1 ||
    found[processes.user[i]] === 1 ||
    named.has(i) ||
    (isNumber && String(processes.pid[i]) === wanted);
}

const lowered = [];

/** Selects the next match, or the one before. */
function step(direction) {
  const { matches } = state;
  if (!matches.length) return;
  const at = matches.indexOf(state.selected);
  const position = at < 0 ? (direction > 0 ? 0 : matches.length - 1) : (at + direction + matches.length) % matches.length;
  select(matches[position], true);
}
