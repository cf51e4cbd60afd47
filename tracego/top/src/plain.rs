//! A moment as text, for scripts.

use std::fmt::Write as _;

use crate::{
    moment::Moment,
    safe_text, summary,
    table::{TableKind, chosen},
    view::pieces,
};

/// Returns everything as lines of at most a width. `rows`: maximum number of rows of each table; what is left out is
/// counted.
#[must_use]
pub fn text(moment: &Moment<'_>, width: usize, rows: usize) -> String {
    let mut out = String::new();
    let mut line = |pieces: &[crate::tone::Piece]| {
        let text: String = pieces.iter().map(|piece| &*piece.text).collect();
        if !text.is_empty() {
            let _written = writeln!(out, "{}", safe_text::cut(&text, width).trim_end());
        }
    };
    summary::lines(moment).iter().for_each(|pieces| line(pieces));
    for kind in TableKind::ALL {
        let all = kind.rows(moment, 0, "");
        let columns = chosen(kind.columns(), width);
        let names = columns.iter().map(|&(at, width)| {
            let column = kind.columns()[at];
            safe_text::fitted(column.title, width, column.is_right)
        });
        let names = names.collect::<Vec<_>>().join(" ");
        let _written = writeln!(out, "\n{}", names.trim_end());
        for row in all.iter().take(rows) {
            let text: String = pieces(row, kind, &columns).into_iter().map(|piece| piece.text).collect();
            let _written = writeln!(out, "{}", text.trim_end());
        }
        if let Some(more) = all.len().checked_sub(rows).filter(|more| *more > 0) {
            let _written = writeln!(out, "and {more} more");
        }
    }
    out
}
