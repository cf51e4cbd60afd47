//! Columns, and which of them have room.

/// A column of a table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Column {
    /// Title.
    pub title: &'static str,
    /// Width; of the column that takes the rest, the least.
    pub width: usize,
    /// Whether the column takes what the others leave.
    pub is_rest: bool,
    /// Whether texts stand at the right.
    pub is_right: bool,
    /// Importance: if there is no room, columns with a small one are left out.
    pub weight: u8,
}

impl Column {
    /// Creates a column of texts.
    pub(super) const fn text(title: &'static str, width: usize, weight: u8) -> Self {
        Self { title, width, is_rest: false, is_right: false, weight }
    }

    /// Creates a column of numbers.
    pub(super) const fn number(title: &'static str, width: usize, weight: u8) -> Self {
        Self { title, width, is_rest: false, is_right: true, weight }
    }

    /// Creates the column that takes the rest.
    pub(super) const fn rest(title: &'static str, width: usize) -> Self {
        Self { title, width, is_rest: true, is_right: false, weight: u8::MAX }
    }
}

/// Returns the columns that have room in a width, by their indices, with their widths.
#[must_use]
pub fn chosen(columns: &[Column], width: usize) -> Vec<(usize, usize)> {
    let mut chosen: Vec<usize> = (0..columns.len()).collect();
    let taken = |chosen: &[usize]| -> usize {
        let widths: usize = chosen.iter().map(|&at| columns[at].width).sum();
        widths + chosen.len().saturating_sub(1)
    };
    while taken(&chosen) > width && chosen.len() > 1 {
        let least = chosen.iter().enumerate().min_by_key(|(_, at)| columns[**at].weight);
        let Some((place, _)) = least else { break };
        chosen.remove(place);
    }
    let left = width.saturating_sub(taken(&chosen));
    let widths = chosen.iter().map(|&at| {
        let column = columns[at];
        let own = if column.is_rest { column.width + left } else { column.width };
        (at, own.min(width))
    });
    widths.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] =
        [Column::rest("JOB", 8), Column::number("STARTS", 6, 2), Column::number("AGE", 5, 1)];

    #[test]
    fn columns_that_matter_stay_and_the_rest_is_used() {
        assert_eq!(chosen(&COLUMNS, 40), [(0, 27), (1, 6), (2, 5)]);
        assert_eq!(chosen(&COLUMNS, 20), [(0, 13), (1, 6)]);
        assert_eq!(chosen(&COLUMNS, 10), [(0, 10)]);
        assert_eq!(chosen(&COLUMNS, 0), [(0, 0)]);
    }

    #[test]
    fn no_width_is_exceeded() {
        for width in 0..100 {
            let widths = chosen(&COLUMNS, width);
            let sum: usize = widths.iter().map(|(_, own)| own).sum::<usize>() + widths.len() - 1;
            assert!(sum <= width, "{width}: {widths:?}");
        }
    }
}
