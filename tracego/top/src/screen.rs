//! The choices of the user, changed by keys.

use crate::{
    moment::Moment,
    table::{Row, TableKind},
};

/// A key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Key {
    /// A character.
    Char(char),
    /// An arrow up.
    Up,
    /// An arrow down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// To the next table.
    Tab,
    /// To the table before.
    BackTab,
    /// To the details.
    Enter,
    /// Back.
    Escape,
    /// Removes the last character.
    Backspace,
}

/// The result of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyEffect {
    /// The screen goes on.
    Stay,
    /// The view is frozen, or goes on, as [`Screen::is_paused`] says.
    Pause,
    /// The user wants to leave.
    Quit,
}

/// The page that fills the screen.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Page {
    /// The tables.
    #[default]
    Tables,
    /// A job, from a line on.
    Job {
        /// Key of the job.
        key: String,
        /// First line that is shown.
        line: usize,
        /// Text that its processes and findings must have.
        filter: String,
    },
    /// The keys.
    Help,
}

/// The row that is selected in a table. A row that was chosen stays selected wherever it moves.
#[derive(Clone, Debug, Default)]
struct Selection {
    index: usize,
    key: Option<String>,
    /// Index of the order.
    order: usize,
}

/// Maximum number of characters of a filter.
const FILTER_MAX: usize = 100;
/// Rows of a page, whatever the height of a table.
const PAGE: usize = 10;

/// The choices of the user.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    /// Page that is shown.
    pub page: Page,
    /// Whether the view is frozen.
    pub is_paused: bool,
    /// Text that rows of tables must have.
    filter: String,
    /// Whether the filter is being written.
    pub is_editing: bool,
    focus: usize,
    selections: [Selection; 3],
}

impl Screen {
    /// Returns the table that has the focus.
    #[must_use]
    pub fn focus(&self) -> TableKind {
        TableKind::ALL[self.focus]
    }

    fn selection(&self, table: TableKind) -> &Selection {
        &self.selections[table as usize]
    }

    /// Returns the index of a table's order.
    #[must_use]
    pub fn order(&self, table: TableKind) -> usize {
        self.selection(table).order
    }

    /// Returns the rows of a table as the user wants them.
    #[must_use]
    pub fn rows(&self, table: TableKind, moment: &Moment<'_>) -> Vec<Row> {
        table.rows(moment, self.order(table), &self.filter)
    }

    /// Returns the filter of the page.
    #[must_use]
    pub fn filter(&self) -> &str {
        match &self.page {
            Page::Job { filter, .. } => filter,
            Page::Tables | Page::Help => &self.filter,
        }
    }

    /// Returns the index of the selected row; `None` if there is no row.
    #[must_use]
    pub fn selected(&self, table: TableKind, rows: &[Row]) -> Option<usize> {
        let selection = self.selection(table);
        let of_key = selection.key.as_ref().and_then(|key| rows.iter().position(|row| row.key == *key));
        Some(of_key.unwrap_or(selection.index).min(rows.len().checked_sub(1)?))
    }

    /// Takes a key.
    pub fn press(&mut self, key: Key, moment: &Moment<'_>) -> KeyEffect {
        if self.is_editing {
            self.edit(key);
            return KeyEffect::Stay;
        }
        match key {
            Key::Char('q') => return KeyEffect::Quit,
            Key::Char(' ') => {
                self.is_paused = !self.is_paused;
                return KeyEffect::Pause;
            }
            _ => {}
        }
        match &mut self.page {
            Page::Help => self.page = Page::Tables,
            Page::Job { .. } => self.press_in_job(key),
            Page::Tables => self.press_in_tables(key, moment),
        }
        KeyEffect::Stay
    }

    fn edit(&mut self, key: Key) {
        let filter = match &mut self.page {
            Page::Job { filter, .. } => filter,
            Page::Tables | Page::Help => &mut self.filter,
        };
        match key {
            Key::Char(c) if filter.chars().count() < FILTER_MAX => filter.push(c),
            Key::Backspace => {
                filter.pop();
            }
            Key::Escape => {
                filter.clear();
                self.is_editing = false;
            }
            Key::Enter => self.is_editing = false,
            _ => {}
        }
    }

    fn press_in_job(&mut self, key: Key) {
        let Page::Job { line, .. } = &mut self.page else { return };
        match key {
            Key::Up | Key::Char('k') => *line = line.saturating_sub(1),
            Key::Down | Key::Char('j') => *line += 1,
            Key::PageUp => *line = line.saturating_sub(PAGE),
            Key::PageDown => *line += PAGE,
            Key::Home | Key::Char('g') => *line = 0,
            Key::End | Key::Char('G') => *line = usize::MAX / 2,
            Key::Char('/') => self.is_editing = true,
            Key::Char('?') => self.page = Page::Help,
            Key::Escape | Key::Enter | Key::Backspace => self.page = Page::Tables,
            _ => {}
        }
    }

    fn press_in_tables(&mut self, key: Key, moment: &Moment<'_>) {
        match key {
            Key::Tab => self.focus = (self.focus + 1) % 3,
            Key::BackTab => self.focus = (self.focus + 2) % 3,
            Key::Char('?' | 'h') => self.page = Page::Help,
            Key::Char('/') => self.is_editing = true,
            Key::Escape => self.filter.clear(),
            Key::Char('s') => {
                let orders = self.focus().orders().len();
                let selection = &mut self.selections[self.focus];
                selection.order = (selection.order + 1) % orders;
            }
            Key::Enter => {
                let rows = self.rows(self.focus(), moment);
                let row = self.selected(self.focus(), &rows).and_then(|at| rows.get(at));
                if let Some(job) = row.and_then(|row| row.job.clone()) {
                    self.page = Page::Job { key: job, line: 0, filter: String::new() };
                }
            }
            Key::Up | Key::Char('k') => self.step(moment, |at| at.saturating_sub(1)),
            Key::Down | Key::Char('j') => self.step(moment, |at| at + 1),
            Key::PageUp => self.step(moment, |at| at.saturating_sub(PAGE)),
            Key::PageDown => self.step(moment, |at| at + PAGE),
            Key::Home | Key::Char('g') => {
                // The first row, whichever that is.
                let selection = &mut self.selections[self.focus];
                (selection.index, selection.key) = (0, None);
            }
            Key::End | Key::Char('G') => self.step(moment, |_| usize::MAX),
            Key::Char(_) | Key::Backspace => {}
        }
    }

    fn step(&mut self, moment: &Moment<'_>, to: impl Fn(usize) -> usize) {
        let table = self.focus();
        let rows = self.rows(table, moment);
        let Some(at) = self.selected(table, &rows) else { return };
        let at = to(at).min(rows.len() - 1);
        let selection = &mut self.selections[self.focus];
        (selection.index, selection.key) = (at, rows.get(at).map(|row| row.key.clone()));
    }
}
