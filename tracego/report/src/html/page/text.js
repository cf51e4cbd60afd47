/* Texts: what processes said, made visible, and numbers for people. */

/** Characters that nobody would see, or that change the order of the characters around them. */
const HIDDEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff]|[\u{e0000}-\u{e0fff}]/gu;

const CONTROL_NAMES = { 0: "NUL", 7: "BEL", 8: "BS", 9: "TAB", 10: "LF", 13: "CR", 27: "ESC", 127: "DEL" };

/** Returns the visible form of one hidden character: its name if people know it, or its number. */
function symbol(character) {
  const code = character.codePointAt(0);
  return `\u2039${CONTROL_NAMES[code] || `U+${code.toString(16).toUpperCase().padStart(4, "0")}`}\u203a`;
}

/** Returns a text with all hidden characters made visible. */
function visible(text) {
  return text.replace(HIDDEN, symbol);
}

/** Puts a text into an element as text. Hidden characters are shown and marked. */
function putText(element, text) {
  element.textContent = "";
  let from = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match.index > from) element.append(text.slice(from, match.index));
    const code = match[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    element.append(make("span", { class: "hidden-character", title: `U+${code}` }, symbol(match[0])));
    from = match.index + match[0].length;
  }
  element.append(text.slice(from));
}

/** Makes an element. Attributes are strings; children are elements or texts, which stay texts. */
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Makes a button with its handler. */
function makeButton(attributes, handler, ...children) {
  const button = make("button", { type: "button", ...attributes }, ...children);
  button.addEventListener("click", handler);
  return button;
}

/** Makes an element around a text of a process, whose direction cannot leak into its surroundings. */
function quoted(name, className, text) {
  const element = make(name, { class: className, dir: "ltr" });
  putText(element, text);
  return element;
}

/** Returns the beginning of a text, which ends with an ellipsis if something is left out. */
function shortened(text, length) {
  if (text.length <= length) return text;
  // Half of a surrogate pair would show as a character of its own.
  const end = text.codePointAt(length - 1) > 0xffff ? length - 1 : length;
  return `${text.slice(0, end)}…`;
}

/** Returns the last part of a path. */
function baseName(path) {
  const end = path.endsWith("/") ? path.length - 1 : path.length;
  return path.slice(path.lastIndexOf("/", end - 1) + 1, end) || path;
}

/** Returns three significant digits, without zeros at the end. */
function digits(value) {
  const places = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return String(Number(value.toFixed(places)));
}

/** Returns a duration in nanoseconds for people: `420 µs`, `1.24 s`, `2 min 5 s`. */
function duration(ns) {
  if (ns < 0) return `−${duration(-ns)}`;
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 999.5e3) return `${digits(ns / 1e3)} µs`;
  if (ns < 999.5e6) return `${digits(ns / 1e6)} ms`;
  if (ns < 59.95e9) return `${digits(ns / 1e9)} s`;
  const seconds = Math.round(ns / 1e9);
  if (seconds < 3600) return joined(Math.floor(seconds / 60), "min", seconds % 60, "s");
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return joined(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(minutes / 60);
  return joined(Math.floor(hours / 24), "d", hours % 24, "h");
}

function joined(large, largeUnit, small, smallUnit) {
  return small ? `${large} ${largeUnit} ${small} ${smallUnit}` : `${large} ${largeUnit}`;
}

/** Returns a number of bytes or characters for people. */
function size(count) {
  if (count < 1e3) return String(count);
  if (count < 1e6) return `${digits(count / 1e3)} k`;
  return `${digits(count / 1e6)} M`;
}

/** Returns a number with its noun: `1 process`, `12,040 processes`. */
function counted(number, one, many) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** Returns a share in percent. */
function percent(part, whole) {
  const value = whole > 0 ? (100 * part) / whole : 0;
  if (value > 0 && value < 1) return "< 1 %";
  return `${Math.round(value)} %`;
}
