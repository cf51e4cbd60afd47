//! A moment and a screen as cells of a terminal.

use ratatui_core::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use crate::{
    job_page,
    moment::Moment,
    safe_text,
    screen::{Page, Screen},
    summary,
    table::{Row, TableKind, chosen},
    tone::{Palette, Piece, Tone},
};

/// Least height of a table with its title and the names of its columns.
const TABLE_MIN: u16 = 5;
const KEYS: &str = "q quit  ? help  Tab table  ↑↓ select  Enter job  / filter  s sort  Space pause";
const JOB_KEYS: &str = "q quit  ? help  Esc back  ↑↓ scroll  / filter  Space pause";

/// The keys, for people.
const HELP: [(&str, &str); 12] = [
    ("q, Ctrl-C", "quit"),
    ("?", "this help"),
    ("Tab, Shift-Tab", "the next table, the table before"),
    ("↑ ↓, j k", "select a row, or scroll"),
    ("PgUp, PgDn", "ten rows"),
    ("g, G", "the first row, the last row"),
    ("Enter", "the job of the row: its processes and findings"),
    ("Esc", "back; in the tables: no filter"),
    ("/", "filter: rows that have a text; Enter keeps it, Esc removes it"),
    ("s", "sort by the next column"),
    ("Space", "pause: records are still read"),
    ("Ctrl-Z", "suspend"),
];

/// Draws everything.
pub fn draw(moment: &Moment<'_>, screen: &Screen, palette: Palette, buffer: &mut Buffer) {
    let area = buffer.area;
    if area.width == 0 || area.height == 0 {
        return;
    }
    let canvas = &mut Canvas { buffer, palette, area };
    let head = summary::lines(moment);
    // A small terminal has the first lines alone.
    let shown =
        if area.height >= 14 { head.len() as u16 } else { area.height.saturating_sub(TABLE_MIN + 1).min(2) };
    for (y, line) in (0..shown).zip(&head) {
        canvas.line(y, line);
    }
    if screen.is_paused {
        canvas.at_right(0, " PAUSED ");
    }
    let body = Rect { y: shown, height: area.height.saturating_sub(shown + 1), ..area };
    match &screen.page {
        Page::Tables => tables(canvas, moment, screen, body),
        Page::Job { key, line, .. } => job(canvas, moment, screen, key, *line, body),
        Page::Help => help(canvas, body),
    }
    footer(canvas, screen, area.height - 1);
}

fn footer(canvas: &mut Canvas<'_>, screen: &Screen, y: u16) {
    let keys = if matches!(screen.page, Page::Job { .. }) { JOB_KEYS } else { KEYS };
    let filter = safe_text::safe(screen.filter());
    if screen.is_editing {
        let pieces = [
            Piece::new(Tone::Title, "Filter: "),
            Piece::new(Tone::Plain, format!("{filter}▏")),
            Piece::new(Tone::Dim, "  Enter keeps, Esc removes"),
        ];
        canvas.line(y, &pieces);
    } else if filter.is_empty() {
        canvas.line(y, &[Piece::new(Tone::Dim, keys)]);
    } else {
        let pieces = [Piece::new(Tone::Title, format!("Filter: {filter}  ")), Piece::new(Tone::Dim, keys)];
        canvas.line(y, &pieces);
    }
}

fn help(canvas: &mut Canvas<'_>, area: Rect) {
    let lines = HELP.iter().map(|(key, what)| {
        vec![Piece::new(Tone::Strong, format!("{:<16}", *key)), Piece::new(Tone::Plain, *what)]
    });
    let title = vec![Piece::new(Tone::Title, "Keys")];
    for (y, line) in (area.y..area.bottom()).zip(std::iter::once(title).chain(lines)) {
        canvas.line(y, &line);
    }
}

fn job(canvas: &mut Canvas<'_>, moment: &Moment<'_>, screen: &Screen, key: &str, from: usize, area: Rect) {
    let lines = job_page::lines(moment, key, screen.filter(), usize::from(area.width));
    let height = usize::from(area.height);
    let from = from.min(lines.len().saturating_sub(height));
    for (y, line) in (area.y..area.bottom()).zip(lines.iter().skip(from)) {
        canvas.line(y, line);
    }
}

/// Draws the tables below each other; the one with the focus alone where there is no room for all.
fn tables(canvas: &mut Canvas<'_>, moment: &Moment<'_>, screen: &Screen, area: Rect) {
    if area.height < 3 * TABLE_MIN {
        return table(canvas, moment, screen, screen.focus(), area);
    }
    let mut y = area.y;
    let half = area.height / 2;
    let quarter = (area.height - half) / 2;
    let small = quarter.max(TABLE_MIN).min((area.height - TABLE_MIN) / 2);
    for kind in TableKind::ALL {
        let height = if kind == screen.focus() { area.height - 2 * small } else { small };
        table(canvas, moment, screen, kind, Rect { y, height, ..area });
        y += height;
    }
}

fn table(canvas: &mut Canvas<'_>, moment: &Moment<'_>, screen: &Screen, kind: TableKind, area: Rect) {
    if area.height == 0 {
        return;
    }
    let rows = screen.rows(kind, moment);
    let selected = screen.selected(kind, &rows);
    let has_focus = kind == screen.focus();
    let place = selected.map_or_else(|| "none".to_owned(), |at| format!("{}/{}", at + 1, rows.len()));
    canvas.title(area.y, &format!(" {} {place} ", kind.title()), has_focus);
    let columns = chosen(kind.columns(), usize::from(area.width));
    let sorted = kind.orders().get(screen.order(kind)).copied();
    if area.height > 1 {
        let names = columns.iter().map(|&(at, width)| {
            let column = kind.columns()[at];
            let mark = if sorted == Some(at) { "▾" } else { "" };
            safe_text::fitted(&format!("{}{mark}", column.title), width, column.is_right)
        });
        let names = names.collect::<Vec<_>>().join(" ");
        canvas.line(area.y + 1, &[Piece::new(Tone::Title, names)]);
    }
    let height = usize::from(area.height.saturating_sub(2));
    let from = selected.unwrap_or(0).saturating_sub(height / 2).min(rows.len().saturating_sub(height));
    for (y, (at, row)) in (area.y + 2..area.bottom()).zip(rows.iter().enumerate().skip(from)) {
        canvas.line(y, &pieces(row, kind, &columns));
        if has_focus && selected == Some(at) {
            canvas.mark(y);
        }
    }
}

/// Returns a row in the widths of its columns.
pub(crate) fn pieces(row: &Row, kind: TableKind, columns: &[(usize, usize)]) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(2 * columns.len());
    for (n, &(at, width)) in columns.iter().enumerate() {
        if n > 0 {
            pieces.push(Piece::new(Tone::Plain, " "));
        }
        let Some(cell) = row.cells.get(at) else { continue };
        let is_right = kind.columns()[at].is_right;
        pieces.push(Piece::new(cell.tone, safe_text::fitted(&cell.text, width, is_right)));
    }
    pieces
}

/// The cells of a screen. Whatever is written to it is made safe.
struct Canvas<'a> {
    buffer: &'a mut Buffer,
    palette: Palette,
    area: Rect,
}

impl Canvas<'_> {
    /// Writes a line; `…` stands for what has no room.
    fn line(&mut self, y: u16, pieces: &[Piece]) {
        let width = usize::from(self.area.width);
        let texts: Vec<_> = pieces.iter().map(|piece| (piece.tone, safe_text::safe(&piece.text))).collect();
        let is_cut = texts.iter().map(|(_, text)| safe_text::width(text)).sum::<usize>() > width;
        let room = self.area.width - u16::from(is_cut);
        let mut x = 0;
        for (tone, text) in texts {
            let left = usize::from(room - x);
            let (end, _) = self.buffer.set_stringn(x, y, &text, left, self.palette.style(tone));
            x = end.min(room);
            // A wide character may leave a column.
            if safe_text::width(&text) > left {
                break;
            }
        }
        if is_cut {
            self.buffer.set_string(x, y, "…", Style::new());
        }
    }

    fn at_right(&mut self, y: u16, text: &str) {
        let width = text.len() as u16;
        if width < self.area.width {
            let style = Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD);
            self.buffer.set_string(self.area.width - width, y, text, style);
        }
    }

    /// Writes the title of a table into a line over the whole width.
    fn title(&mut self, y: u16, text: &str, has_focus: bool) {
        let tone = if has_focus { Tone::Strong } else { Tone::Dim };
        let rule = format!("──{text}{}", "─".repeat(self.area.width.into()));
        let style = self.palette.style(tone);
        self.buffer.set_stringn(0, y, rule, self.area.width.into(), style);
    }

    /// Marks the row that is selected.
    fn mark(&mut self, y: u16) {
        let row = Rect { y, height: 1, ..self.area };
        self.buffer.set_style(row, self.palette.selected());
    }
}
