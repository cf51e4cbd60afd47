/* The lanes: a canvas that draws the visible processes. */

const RULER = 28;
/** Height of rows: as high as fits, within what can be read and what looks calm. */
const LOWEST_ROW = 22;
const HIGHEST_ROW = 28;
const canvas = element("lanes");
const pen = canvas.getContext("2d", { alpha: false });
const stage = { width: 1, height: 1, scale: 1, row: LOWEST_ROW, bar: LOWEST_ROW - 4, font: 11, letter: 6.6 };
const labels = new Map();
let frame = 0;

/** Asks for one drawing in the next frame, however often something changes until then. */
function draw() {
  if (!frame) frame = requestAnimationFrame(drawNow);
}

function toX(time) {
  return ((time - view.from) / (view.to - view.from)) * stage.width;
}

function toTime(x) {
  return view.from + (x / stage.width) * (view.to - view.from);
}

function toY(row) {
  return RULER + 6 + row * stage.row - view.scroll;
}

/** Returns the process below a point of the canvas, or −1. Small bars can be hit from two pixels away. */
function processAt(x, y) {
  if (y < RULER) return -1;
  const row = Math.floor((y - RULER - 6 + view.scroll) / stage.row);
  if (row < 0 || row >= laneCount) return -1;
  let best = -1;
  let bestDistance = 3;
  for (let at = firstVisible(row, toTime(x - 3)); at < laneFirst[row + 1]; at++) {
    const index = laneItems[at];
    if (toX(start[index]) > x + 3) break;
    const left = toX(start[index]);
    const right = Math.max(toX(end[index]), left + 1);
    const distance = x < left ? left - x : x > right ? x - right : 0;
    if (distance < bestDistance) {
      best = index;
      bestDistance = distance;
      if (!distance) break;
    }
  }
  return best;
}

/** Returns the position of the first process of a row that ends at a moment or later. */
function firstVisible(row, time) {
  let low = laneFirst[row];
  let high = laneFirst[row + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (end[laneItems[middle]] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function maximumScroll() {
  return Math.max(0, laneCount * stage.row + 16 - (stage.height - RULER));
}

/** Scrolls rows; `top` is in pixels. */
function scrollTo(top) {
  view.scroll = Math.min(Math.max(top, 0), maximumScroll());
  draw();
}

/** Scrolls so that the row of a process is visible. */
function revealRow(index) {
  const y = toY(lane[index]);
  if (y < RULER + stage.row) scrollTo(view.scroll + y - RULER - stage.row * 2);
  else if (y + stage.row * 2 > stage.height) scrollTo(view.scroll + y + stage.row * 3 - stage.height);
}

function fitCanvas(target, context, box) {
  const scale = Math.min(window.devicePixelRatio || 1, 3);
  // A box that is not shown, as on paper, has no size; a canvas must have one.
  const width = Math.max(box.clientWidth, 1);
  const height = Math.max(box.clientHeight, 1);
  target.width = Math.round(width * scale);
  target.height = Math.round(height * scale);
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return { width, height, scale };
}

function fitLanes() {
  Object.assign(stage, fitCanvas(canvas, pen, element("lanes-box")));
  fitRows();
}

function fitRows() {
  const fitting = Math.floor((stage.height - RULER - 16) / Math.max(laneCount, 1));
  stage.row = Math.min(Math.max(fitting, LOWEST_ROW), HIGHEST_ROW);
  stage.bar = stage.row - 4;
  stage.font = stage.row > 25 ? 12 : 11;
  pen.font = `${stage.font}px ${ink.mono}`;
  // Ligatures would make some commands look like others, and shorter.
  pen.textRendering = "optimizeSpeed";
  stage.letter = pen.measureText("0".repeat(100)).width / 100;
  scrollTo(view.scroll);
}

function drawNow() {
  frame = 0;
  if (!count || state.mode !== "timeline") return;
  pen.fillStyle = ink.bg;
  pen.fillRect(0, 0, stage.width, stage.height);
  const ticks = ticksOf(stage.width);
  pen.fillStyle = ink.faint;
  for (const { x } of ticks) pen.fillRect(Math.round(x), RULER, 1, stage.height);
  pen.font = `${stage.font}px ${ink.mono}`;
  pen.textBaseline = "middle";
  const firstRow = Math.max(0, Math.floor((view.scroll - 6) / stage.row));
  const lastRow = Math.min(laneCount - 1, Math.ceil((view.scroll + stage.height - RULER) / stage.row));
  drawThread();
  for (let row = firstRow; row <= lastRow; row++) drawRow(row);
  if (state.critical) drawCriticalPath(firstRow, lastRow);
  drawFocus(state.hovered, false);
  drawFocus(state.selected, true);
  drawRuler(ticks);
  if (state.cursor >= 0) drawCursor();
  placeScrollbar();
}

function placeScrollbar() {
  const bar = element("scrollbar");
  const room = stage.height - RULER;
  const all = laneCount * stage.row + 16;
  bar.hidden = all <= room;
  if (bar.hidden) return;
  const thumb = element("scroll-thumb");
  thumb.style.height = `${Math.max(24, (room / all) * room)}px`;
  thumb.style.top = `${(view.scroll / Math.max(maximumScroll(), 1)) * (room - Math.max(24, (room / all) * room))}px`;
}

on("view filter critical theme", draw);
on("layout", fitRows);
on("selection", () => {
  if (state.selected >= 0 && lane[state.selected] >= 0) revealRow(state.selected);
  draw();
});
