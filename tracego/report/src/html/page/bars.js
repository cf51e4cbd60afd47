/* Bars: one process each, and runs of bars that are smaller than a pixel. */

/** Draws one row. Bars below a pixel become one run of their colour. */
function drawRow(row) {
  const y = toY(row);
  const last = laneFirst[row + 1];
  const pixel = 1 / stage.scale;
  let runColour = "";
  let runFrom = 0;
  let runTo = -1;
  const pins = [];
  const flush = () => {
    if (runTo <= runFrom) return;
    pen.fillStyle = runColour;
    pen.fillRect(runFrom, y, runTo - runFrom, stage.bar);
    runTo = -1;
  };
  for (let at = firstVisible(row, view.from); at < last; at++) {
    const index = laneItems[at];
    if (start[index] > view.to) break;
    const left = toX(start[index]);
    const right = toX(end[index]);
    if (shown[index] && gravity[index] && right - left < 12) addPin(pins, left, gravity[index]);
    if (right - left >= 1.5) {
      flush();
      drawBar(index, left, right, y);
      continue;
    }
    const colour = shown[index] ? ink[groups[group[index]].hue] : ink.ghost;
    const from = Math.floor(left / pixel) * pixel;
    if (colour === runColour && from <= runTo) {
      runTo = Math.max(runTo, from + Math.max(pixel, right - left));
    } else if (from >= runTo) {
      flush();
      runColour = colour;
      runFrom = from;
      runTo = from + Math.max(1, right - left);
    }
  }
  flush();
  for (const pin of pins) drawPin(pin.x, y, pin.level);
}

/** Adds the sign of a finding. Signs that would cover each other become one, of the highest severity. */
function addPin(pins, x, level) {
  const last = pins[pins.length - 1];
  if (last && x - last.x < 10) last.level = Math.max(last.level, level);
  else pins.push({ x, level });
}

function outline(left, top, width, height, radius) {
  pen.beginPath();
  if (pen.roundRect && width > 2.5) pen.roundRect(left, top, width, height, radius);
  else pen.rect(left, top, width, height);
}

function drawBar(index, left, right, y) {
  const hue = groups[group[index]].hue;
  const isShown = shown[index] === 1;
  const from = Math.max(left, -8);
  const to = Math.min(right, stage.width + 8);
  const width = Math.max(to - from - (right - left > 4 ? 1 : 0), 1);
  pen.fillStyle = isShown ? ink[hue] : ink.ghost;
  if (doubt[index] & END_UNKNOWN && isShown) pen.fillStyle = fading(ink[hue], left, right);
  outline(from, y, width, stage.bar, 3);
  pen.fill();
  if (!isShown) {
    if (width > 60) drawLabel(index, from, width, y, ink.muted);
    return;
  }
  if (width > 14 && left > -3) {
    pen.fillStyle = ink[`${hue}-edge`];
    outline(left, y, 3, stage.bar, [3, 0, 0, 3]);
    pen.fill();
  }
  if (width > 5) {
    if (hasFailed(index) && right < stage.width + 3) drawFailure(right - 1, y);
  }
  if (gravity[index]) {
    pen.strokeStyle = gravityColour(gravity[index]);
    pen.lineWidth = 1.5;
    outline(from + 0.75, y + 0.75, Math.max(width - 1.5, 1), stage.bar - 1.5, 3);
    pen.stroke();
  }
  if (hasFlag(index, STOPPED) && width > 5) drawStopped(index, from, width, y);
  if (width > 24) drawLabel(index, from, width, y, ink["on-bar"]);
}

/** Returns a colour that fades out where nobody knows the end. */
function fading(colour, left, right) {
  const from = Math.max(left, right - 120);
  const gradient = pen.createLinearGradient(from, 0, Math.max(right, from + 1), 0);
  gradient.addColorStop(0, colour);
  gradient.addColorStop(1, ink.ghost);
  return gradient;
}

/** A notch at the end of a process that failed. */
function drawFailure(right, y) {
  pen.fillStyle = ink.high;
  pen.beginPath();
  pen.moveTo(right, y);
  pen.lineTo(right, y + stage.bar);
  pen.lineTo(right - 3, y + stage.bar);
  pen.lineTo(right - 3, y + 3);
  pen.lineTo(right - 6, y);
  pen.fill();
}

/** Stripes over a process that enforcement stopped. */
function drawStopped(index, from, width, y) {
  pen.save();
  outline(from, y, width, stage.bar, 3);
  pen.clip();
  pen.strokeStyle = ink.high;
  pen.globalAlpha = 0.5;
  pen.lineWidth = 2;
  pen.beginPath();
  for (let x = from - stage.bar; x < from + width; x += 7) {
    pen.moveTo(x, y + stage.bar);
    pen.lineTo(x + stage.bar, y);
  }
  pen.stroke();
  pen.restore();
}

/** The sign of a finding on a bar that is too small for a text. */
function drawPin(x, y, level) {
  pen.fillStyle = gravityColour(level);
  pen.strokeStyle = ink.bg;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.arc(x + 1, y + stage.bar / 2, 4.5, 0, Math.PI * 2);
  pen.fill();
  pen.stroke();
}

/** Returns the text on a bar and a shorter one, from a cache: texts are cleaned once. */
function labelOf(index) {
  let label = labels.get(index);
  if (label === undefined) {
    if (labels.size > 20000) labels.clear();
    const ids = (findingsOf.get(index) || []).map((position) => findings[position].id);
    const signs = `${hasFlag(index, NEW) ? "● " : ""}${[...new Set(ids)].map((id) => `▲ ${visible(String(id))} `).join("")}`;
    // The colour says that it is a compiler; the end of the package says of what.
    const subject = visible(baseName(subjectOf(index)));
    label = { text: signs + titleOf(index), short: signs + (subject || titleOf(index)) };
    labels.set(index, label);
  }
  return label;
}

function drawLabel(index, from, width, y, colour) {
  const left = Math.max(from, 0) + 7;
  let room = from + width - left - 5;
  const label = labelOf(index);
  const children = below[index];
  if (children && (collapsed.has(index) || width > 90)) {
    pen.fillStyle = colour;
    pen.globalAlpha = 0.55;
    drawChevron(left + 2, y + stage.bar / 2, collapsed.has(index));
    pen.globalAlpha = 1;
    room -= 12;
  }
  const more = collapsed.has(index) ? `  +${children.toLocaleString("en")}` : "";
  const letters = Math.floor(room / stage.letter);
  if (letters < 2) return;
  const x = from + width - 5 - room;
  const text = (label.text.length > letters ? label.short : label.text) + more;
  const taken = Math.min(text.length, letters) * stage.letter;
  const time = duration(durationOf(index));
  pen.fillStyle = colour;
  drawText(text.length > letters ? shortened(text, letters - 1) : text, x, y, room);
  // The duration stands at the end if there is room for both.
  const timeWidth = time.length * stage.letter;
  if (!(doubt[index] & END_UNKNOWN) && room - taken > timeWidth + 16) {
    const right = Math.min(from + width, stage.width) - 6;
    if (right - timeWidth > x + taken + 12) {
      pen.globalAlpha = 0.6;
      pen.fillText(time, right - timeWidth, y + stage.bar / 2 + 0.5);
      pen.globalAlpha = 1;
    }
  }
}

/** Draws a text. Wide or joined characters may be longer than they count, so such texts are clipped. */
function drawText(text, x, y, room) {
  if (/^[\x20-\x7e…●▲]*$/.test(text)) {
    pen.fillText(text, x, y + stage.bar / 2 + 0.5);
    return;
  }
  pen.save();
  pen.beginPath();
  pen.rect(x, y, room, stage.bar);
  pen.clip();
  pen.fillText(text, x, y + stage.bar / 2 + 0.5);
  pen.restore();
}

function drawChevron(x, y, isCollapsed) {
  pen.beginPath();
  if (isCollapsed) {
    pen.moveTo(x - 1, y - 4);
    pen.lineTo(x + 4, y);
    pen.lineTo(x - 1, y + 4);
  } else {
    pen.moveTo(x - 2, y - 2);
    pen.lineTo(x + 6, y - 2);
    pen.lineTo(x + 2, y + 3);
  }
  pen.fill();
}
