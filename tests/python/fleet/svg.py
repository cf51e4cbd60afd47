"""Panels as SVG: tables, time series, bars and numbers, in colours for light and dark."""
import datetime
import math
from html import escape

COLUMN, ROW, GAP, LETTER = 52, 30, 8, 6.7
STYLE = """
svg { --page: #f4f5f5; --panel: #fff; --edge: #d8d9da; --text: #24292e; --dim: #6a6f75; --grid: #e4e5e6;
  --s0: #1f60c4; --s1: #c4162a; --s2: #37872d; --s3: #8f3bb8; --s4: #b36b00; --s5: #00737d; }
@media (prefers-color-scheme: dark) { svg { --page: #111217; --panel: #181b1f; --edge: #2c3035; --text: #d8d9da; --dim: #9fa7b3; --grid: #2a2e33;
  --s0: #6e9fff; --s1: #ff7383; --s2: #73bf69; --s3: #ca95e5; --s4: #ff9830; --s5: #5ad8e6; } }
.page { fill: var(--page) } .panel { fill: var(--panel); stroke: var(--edge) } .grid { stroke: var(--grid) }
text { font: 11px "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: var(--text); white-space: pre }
.title { font: 600 13px system-ui, "DejaVu Sans", sans-serif } .head { fill: var(--dim) } .number { font-size: 36px }
.end { text-anchor: end } .middle { text-anchor: middle } path { fill: none; stroke-width: 1.4 }
"""


def text(x, y, value, kind=""):
    return f'<text x="{x:g}" y="{y:g}"{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}>{escape(str(value))}</text>'


def shown(value, kind):
    """A value as a person reads it."""
    if "DateTime" in kind:
        return str(value)[5:16]
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, list):
        return ", ".join(sorted(str(one) for one in value))
    return str(value)


def cut(value, letters):
    return value if len(value) <= letters else value[: max(letters - 1, 1)] + "…"


class Panel:
    """A panel's place and its rows."""

    def __init__(self, panel, names, kinds, rows):
        grid = panel["gridPos"]
        self.x, self.y = grid["x"] * COLUMN + GAP, grid["y"] * ROW + 48
        self.width, self.height = grid["w"] * COLUMN - GAP, grid["h"] * ROW - GAP
        self.title, self.type, self.names, self.kinds, self.rows = panel["title"], panel["type"], names, kinds, rows

    def draw(self, begin, end):
        frame = f'<rect class="panel" x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}" rx="3"/>'
        draw = {"timeseries": lambda: self.series(begin, end), "stat": self.number, "barchart": self.bars}.get(self.type, self.table)
        return [f"<g>{frame}", text(self.x + 10, self.y + 20, self.title, "title"), *(draw() if self.rows else [self.empty()]), "</g>"]

    def empty(self):
        return text(self.x + self.width / 2, self.y + self.height / 2, "No data", "head middle")

    def table(self):
        cells = [[shown(value, kind) for value, kind in zip(row, self.kinds)] for row in self.rows]
        fits = (self.height - 52) // 17
        more = len(cells) - fits if len(cells) > fits else 0
        cells = cells[: fits - 1] if more else cells
        widths = [max(len(name), *(len(row[at]) for row in cells)) + 2 for at, name in enumerate(self.names)]
        room = int((self.width - 20) / LETTER)
        while sum(widths) > room:
            widths[widths.index(max(widths))] -= 1
        out, x = [], self.x + 10
        for at, name in enumerate(self.names):
            out.append(text(x, self.y + 40, cut(name, widths[at] - 1), "head"))
            out += [text(round(x, 1), self.y + 57 + 17 * line, cut(row[at], widths[at] - 1)) for line, row in enumerate(cells) if row[at]]
            x += widths[at] * LETTER
        if more:
            out.append(text(self.x + 10, self.y + 57 + 17 * len(cells), f"{more + 1} rows more", "head"))
        return out

    def number(self):
        return [text(self.x + self.width / 2, self.y + self.height / 2 + 18, shown(self.rows[0][-1], self.kinds[-1]), "number middle")]

    def bars(self):
        most = max(float(row[-1]) for row in self.rows) or 1
        out = []
        for line, row in enumerate(self.rows[: (self.height - 40) // 18]):
            y = self.y + 36 + 18 * line
            out.append(f'<rect x="{self.x + 150}" y="{y}" width="{(self.width - 230) * float(row[-1]) / most:.1f}" height="12" style="fill: var(--s0)"/>')
            out += [text(self.x + 10, y + 10, cut(shown(row[0], self.kinds[0]), 22)), text(self.x + self.width - 10, y + 10, shown(row[-1], self.kinds[-1]), "end")]
        return out

    def series(self, begin, end):
        """Lines over the time, one for each value of the columns of text. Of the points at one place, the lowest and the highest are drawn."""
        left, top, right, bottom = self.x + 48, self.y + 34, self.x + self.width - 24, self.y + self.height - 40
        texts = [at for at, kind in enumerate(self.kinds) if "String" in kind]
        values = [at for at, kind in enumerate(self.kinds) if at and at not in texts]
        lines = {}
        for row in self.rows:
            when = datetime.datetime.fromisoformat(row[0][:19]).replace(tzinfo=datetime.timezone.utc).timestamp()
            for at in values:
                name = " ".join([str(row[one]) for one in texts] or [self.names[at]])
                lines.setdefault(name, []).append((left + round((when - begin) / (end - begin) * (right - left)), float(row[at])))
        least, most = axis([value for points in lines.values() for _, value in points])
        out = []
        for step in range(5):
            y = bottom - (bottom - top) * step / 4
            out += [f'<line class="grid" x1="{left}" x2="{right}" y1="{y:g}" y2="{y:g}"/>', text(left - 6, y + 4, shown(least + (most - least) * step / 4, ""), "head end")]
            when = datetime.datetime.fromtimestamp(begin + (end - begin) * step / 4, datetime.timezone.utc)
            out.append(text(left + (right - left) * step / 4, bottom + 15, when.strftime("%H:%M"), "head middle"))
        x = left
        for number, (name, points) in enumerate(sorted(lines.items())):
            colour = f"style=\"stroke: var(--s{number % 6})\""
            places = {}
            for at, value in points:
                places.setdefault(at, []).append(bottom - (value - least) / (most - least) * (bottom - top))
            steps = [f"{at} {y:.1f}" for at, ys in sorted(places.items()) for y in sorted({max(ys), min(ys)}, reverse=True)]
            out.append(f'<path {colour} d="M{"L".join(steps)}"/>')
            if x < right - 60:
                out += [f'<path {colour} d="M{x:g} {bottom + 27}h12"/>', text(x + 16, bottom + 31, name)]
            x = round(x + 30 + len(name) * LETTER, 1)
        return out


def axis(values):
    """The ends of an axis, whose quarters are round numbers. It begins at 0 unless all values are far from that."""
    low, high = min(values), max(values)
    least = math.floor(low) - 1 if low > high / 2 and low > 2 else 0
    step = 0.001
    while least + 4 * step < high:
        step *= 2.5 if f"{step:.0e}"[0] == "2" else 2
    return least, least + 4 * step


def page(title, description, digest, panels, begin, end):
    """A dashboard. `digest` is that of its JSON."""
    width = 24 * COLUMN + GAP
    height = max(panel.y + panel.height for panel in panels) + GAP
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
        f"<title>{escape(title)}</title>", f"<desc>{escape(description)}</desc>", f"<metadata>{digest}</metadata>", f"<style>{STYLE}</style>",
        f'<rect class="page" width="{width}" height="{height}"/>', text(GAP + 4, 30, title, "title"),
    ]
    for panel in panels:
        out += panel.draw(begin, end)
    return "\n".join([*out, "</svg>", ""])
