/* What stands on and around the bars: the critical path, the selection and the ruler. */

/** Draws the critical path as a line below its bars, which goes from row to row where there is room. */
function drawCriticalPath(firstRow, lastRow) {
  pen.fillStyle = ink["critical-path"];
  let before = null;
  const drawnTo = new Float64Array(lastRow - firstRow + 1).fill(Infinity);
  for (let at = 0; at < criticalProcess.length; at++) {
    const row = lane[criticalProcess[at]];
    if (row < firstRow || row > lastRow || criticalTo[at] < view.from || criticalFrom[at] > view.to) continue;
    const left = Math.max(toX(criticalFrom[at]), -2);
    const right = Math.min(toX(criticalTo[at]), stage.width + 2);
    // Stretches go back in time: this one is covered if the row has a line up to its pixel.
    if (left > drawnTo[row - firstRow] - 0.5) continue;
    drawnTo[row - firstRow] = left;
    const y = toY(row) + stage.bar;
    pen.fillRect(left, y, Math.max(right - left, 0.5), 2);
    if (before && right - left > 3 && Math.abs(before.x - right) < 1 && before.y !== y) {
      pen.fillRect(right - 0.5, Math.min(y, before.y), 1, Math.abs(y - before.y) + 2);
    }
    before = right - left > 3 ? { x: left, y } : null;
  }
}

/** Draws lines from the selected process up to each of its ancestors. */
function drawThread() {
  const { selected } = state;
  if (selected < 0 || lane[selected] < 0) return;
  pen.fillStyle = ink.accent;
  pen.globalAlpha = 0.55;
  for (let index = selected; parent[index] >= 0; index = parent[index]) {
    const x = Math.round(Math.max(toX(start[index]), 0));
    const top = toY(lane[parent[index]]) + stage.bar;
    if (x <= stage.width) pen.fillRect(x, top, 1, toY(lane[index]) - top);
  }
  pen.globalAlpha = 1;
}

function drawFocus(index, isSelected) {
  if (index < 0 || lane[index] < 0) return;
  const y = toY(lane[index]);
  const left = Math.max(toX(start[index]), -4);
  const right = Math.min(Math.max(toX(end[index]), left + 2), stage.width + 4);
  pen.strokeStyle = isSelected ? ink.accent : ink.text;
  pen.lineWidth = isSelected ? 2 : 1;
  outline(left - 1, y - 1, right - left + 2, stage.bar + 2, 4);
  pen.stroke();
}

/** Returns the moments of the ruler: round numbers at least 110 pixels apart. */
function ticksOf(width) {
  const least = ((view.to - view.from) / width) * 110;
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3];
  let unit = 1;
  for (const next of [1e3, 1e6, 1e9]) if (least > next / 2) unit = next;
  if (unit === 1e9) steps.splice(3, 7, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400);
  const step = (steps.find((candidate) => candidate * unit >= least) || Math.ceil(least / unit / 86400) * 86400) * unit;
  const ticks = [];
  for (let time = Math.ceil(view.from / step) * step; time <= view.to; time += step) ticks.push({ time, x: toX(time) });
  return ticks;
}

function drawRuler(ticks) {
  pen.fillStyle = ink.bg;
  pen.fillRect(0, 0, stage.width, RULER);
  pen.fillStyle = ink.line;
  pen.fillRect(0, RULER - 1, stage.width, 1);
  pen.font = `11px ${ink.sans}`;
  for (const { time, x } of ticks) {
    if (time < 0 || x > stage.width - 40) continue;
    pen.fillStyle = ink.line;
    pen.fillRect(Math.round(x), RULER - 7, 1, 6);
    pen.fillStyle = ink.muted;
    pen.fillText(time === 0 ? "0" : preciseTime(time), Math.round(x) + 5, RULER / 2 + 1);
  }
}

/** Shows the moment below the pointer. */
function drawCursor() {
  const x = Math.round(state.cursor);
  const time = toTime(x);
  if (x < 0 || time < 0 || time > job.length) return;
  const text = preciseTime(time);
  pen.font = `11px ${ink.sans}`;
  const width = pen.measureText(text).width + 12;
  const left = Math.min(Math.max(x - width / 2, 0), stage.width - width);
  pen.fillStyle = ink.muted;
  pen.globalAlpha = 0.3;
  pen.fillRect(x, RULER, 1, stage.height);
  pen.globalAlpha = 1;
  outline(left, 5, width, RULER - 10, 4);
  pen.fillStyle = ink.text;
  pen.fill();
  pen.fillStyle = ink.bg;
  pen.fillText(text, left + 6, RULER / 2 + 0.5);
}

/** Returns a moment with as many digits as the view tells apart. */
function preciseTime(time) {
  const length = view.to - view.from;
  if (time < 60e9) {
    const [unit, name] = time >= 1e9 ? [1e9, "s"] : time >= 1e6 ? [1e6, "ms"] : time >= 1e3 ? [1e3, "µs"] : [1, "ns"];
    const places = Math.max(0, Math.min(9, Math.ceil(Math.log10((unit / length) * 20))));
    return `${Number((time / unit).toFixed(places))} ${name}`;
  }
  const places = length < 20e9 ? Math.max(0, Math.min(6, Math.ceil(Math.log10(20e9 / length)))) : 0;
  const minutes = Math.floor(time / 60e9);
  const seconds = (time / 1e9 - minutes * 60).toFixed(places).padStart(places ? places + 3 : 2, "0");
  return minutes < 60 ? `${minutes}:${seconds}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${seconds}`;
}
