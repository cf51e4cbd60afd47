/* Mouse, pen and fingers. */

const fingers = new Map();
/** What the pointer is doing: "pan", "range", "window", "from", "to", "pinch" or nothing. */
let gesture = null;

function pointOf(event, target) {
  const box = target.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button > 0) return;
  const point = pointOf(event, canvas);
  fingers.set(event.pointerId, point);
  canvas.setPointerCapture(event.pointerId);
  if (fingers.size === 2) {
    gesture = { kind: "pinch" };
  } else if (event.shiftKey || point.y < RULER) {
    gesture = { kind: "range", from: point.x, to: point.x };
  } else {
    gesture = { kind: "pan", x: point.x, y: point.y, moved: false };
  }
});

canvas.addEventListener("pointermove", (event) => {
  const point = pointOf(event, canvas);
  const before = fingers.get(event.pointerId);
  if (!before) {
    hover(point);
    return;
  }
  if (gesture && gesture.kind === "pinch") pinch(event.pointerId, point);
  fingers.set(event.pointerId, point);
  if (gesture && gesture.kind === "range") {
    gesture.to = point.x;
    showRange();
  } else if (gesture && gesture.kind === "pan") {
    if (Math.hypot(point.x - gesture.x, point.y - gesture.y) > 4) gesture.moved = true;
    if (!gesture.moved) return;
    hideTip();
    cancelAnimationFrame(movement);
    const by = ((before.x - point.x) / stage.width) * (view.to - view.from);
    showTime(view.from + by, view.to + by);
    scrollTo(view.scroll + before.y - point.y);
  }
});

function endPointer(event) {
  const point = pointOf(event, canvas);
  if (!fingers.delete(event.pointerId)) return;
  const done = gesture;
  gesture = null;
  showRange();
  if (event.type === "pointercancel" || !done) return;
  if (done.kind === "range" && Math.abs(done.to - done.from) > 4) {
    glide(toTime(Math.min(done.from, done.to)), toTime(Math.max(done.from, done.to)));
  } else if (done.kind === "pan" && !done.moved) {
    click(point);
  }
}

canvas.addEventListener("pointerup", endPointer);
canvas.addEventListener("pointercancel", endPointer);
canvas.addEventListener("pointerleave", () => hover(null));

canvas.addEventListener("dblclick", (event) => {
  const { x, y } = pointOf(event, canvas);
  const index = processAt(x, y);
  if (index >= 0) zoomTo(index);
  else showAll();
});

/** Selects the process below the pointer. Its arrow collapses or expands it. */
function click(point) {
  const index = processAt(point.x, point.y);
  if (index >= 0 && below[index]) {
    const left = Math.max(toX(start[index]), 0) + 7;
    const width = Math.min(toX(end[index]), stage.width) - left;
    if (point.x < left + 12 && (width > 76 || collapsed.has(index))) toggleCollapsed(index);
  }
  select(index, false);
  if (index >= 0) showPane("process");
}

/** Zooms and moves with two fingers: the moments below them stay there. */
function pinch(id, point) {
  const [other] = [...fingers].filter(([finger]) => finger !== id).map(([, place]) => place);
  const before = fingers.get(id);
  const spread = Math.max(Math.abs(before.x - other.x), 8);
  const wanted = Math.max(Math.abs(point.x - other.x), 8);
  zoom(spread / wanted, toTime((before.x + other.x) / 2));
}

/** Shows the stretch that is being chosen. */
function showRange() {
  draw();
  if (!gesture || gesture.kind !== "range") return;
  requestAnimationFrame(() => {
    if (!gesture || gesture.kind !== "range") return;
    const left = Math.min(gesture.from, gesture.to);
    const width = Math.abs(gesture.to - gesture.from);
    pen.fillStyle = ink.accent;
    pen.globalAlpha = 0.14;
    pen.fillRect(left, 0, width, stage.height);
    pen.globalAlpha = 1;
    pen.fillRect(left, 0, 1, stage.height);
    pen.fillRect(left + width, 0, 1, stage.height);
    pen.font = `600 11px ${ink.sans}`;
    if (width > 70) pen.fillText(duration(toTime(left + width) - toTime(left)), left + 8, RULER + 12);
  });
}

/** Wheel: rows; with Ctrl or on the ruler, or if there is nothing to scroll: zoom; sideways or with Shift: time. */
function turnWheel(event, target, timeOf) {
  event.preventDefault();
  const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 200 : 1;
  const point = pointOf(event, target);
  const sideways = event.deltaX || (event.shiftKey ? event.deltaY : 0);
  const zooms = event.ctrlKey || event.metaKey || target === overview || point.y < RULER || maximumScroll() === 0;
  if (sideways && Math.abs(sideways) >= Math.abs(event.deltaX ? event.deltaY : 0)) {
    pan((sideways * unit) / stage.width);
  } else if (zooms) {
    zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY * unit)) * (event.ctrlKey ? 0.01 : 0.004)), timeOf(point.x));
  } else {
    scrollTo(view.scroll + event.deltaY * unit);
  }
  hideTip();
}

canvas.addEventListener("wheel", (event) => turnWheel(event, canvas, toTime), { passive: false });
overview.addEventListener("wheel", (event) => turnWheel(event, overview, overviewTime), { passive: false });

overview.addEventListener("pointerdown", (event) => {
  overview.setPointerCapture(event.pointerId);
  const { x } = pointOf(event, overview);
  const left = overviewX(view.from);
  const right = overviewX(view.to);
  const isWhole = left < 1 && right > overviewSize.width - 1;
  cancelAnimationFrame(movement);
  if (!isWhole && Math.abs(x - left) < 6) gesture = { kind: "from" };
  else if (!isWhole && Math.abs(x - right) < 6) gesture = { kind: "to" };
  else if (!isWhole && x > left && x < right) gesture = { kind: "window", x };
  else gesture = { kind: "new", from: x };
});

overview.addEventListener("pointermove", (event) => {
  if (!gesture || !event.buttons) return;
  const { x } = pointOf(event, overview);
  const time = overviewTime(x);
  if (gesture.kind === "from") showTime(Math.min(time, view.to - SHORTEST_VIEW), view.to);
  else if (gesture.kind === "to") showTime(view.from, Math.max(time, view.from + SHORTEST_VIEW));
  else if (gesture.kind === "window") {
    const by = time - overviewTime(gesture.x);
    showTime(view.from + by, view.to + by);
    gesture.x = x;
  } else if (gesture.kind === "new" && Math.abs(x - gesture.from) > 3) {
    showTime(overviewTime(Math.min(x, gesture.from)), overviewTime(Math.max(x, gesture.from)));
  }
});

for (const event of ["pointerup", "pointercancel"]) {
  overview.addEventListener(event, () => {
    gesture = null;
  });
}
overview.addEventListener("dblclick", showAll);

/* Scroll bar of the rows. */
element("scroll-thumb").addEventListener("pointerdown", (event) => {
  const thumb = event.currentTarget;
  thumb.setPointerCapture(event.pointerId);
  let last = event.clientY;
  const room = stage.height - RULER - thumb.offsetHeight;
  const move = (moved) => {
    scrollTo(view.scroll + ((moved.clientY - last) / Math.max(room, 1)) * maximumScroll());
    last = moved.clientY;
  };
  thumb.addEventListener("pointermove", move);
  thumb.addEventListener("pointerup", () => thumb.removeEventListener("pointermove", move), { once: true });
});

/* The small window beside the pointer. */
const tip = element("tip");

function hideTip() {
  tip.hidden = true;
}

function hover(point) {
  const index = point ? processAt(point.x, point.y) : -1;
  state.cursor = point ? point.x : -1;
  if (index !== state.hovered && index >= 0) fillTip(index);
  state.hovered = index;
  draw();
  canvas.classList.toggle("on-bar", index >= 0);
  canvas.classList.toggle("on-ruler", point !== null && point.y < RULER);
  tip.hidden = index < 0;
  if (index < 0) return;
  const left = Math.min(point.x + 14, stage.width - tip.offsetWidth - 8);
  const isLow = point.y + tip.offsetHeight + 24 > stage.height;
  tip.style.left = `${Math.max(left, 4)}px`;
  tip.style.top = `${isLow ? Math.max(point.y - tip.offsetHeight - 10, 4) : point.y + 18}px`;
}

function fillTip(index) {
  tip.textContent = "";
  const list = findingsOf.get(index) || [];
  const facts = [lengthOf(index), `at ${momentOf(start[index])}`];
  if (hasFailed(index)) facts.push(exitOf(index));
  if (below[index]) facts.push(counted(below[index], "process below", "processes below"));
  tip.append(quoted("div", "tip-command", shortened(commandOf(index), 240)), make("div", { class: "tip-facts" }, facts.join(" · ")));
  for (const position of list.slice(0, 3)) {
    const finding = findings[position];
    tip.append(make("div", { class: `tip-finding ${finding.severity}` }, visible(`${finding.severity}: ${finding.id} ${finding.name}`)));
  }
}

/** Returns the duration, or that it is unknown. */
function lengthOf(index) {
  if (doubt[index] & END_UNKNOWN) return "end not recorded";
  if (doubt[index] & CLOCK_STEPPED) return "clock stepped back";
  return duration(durationOf(index));
}
