//! Meanings of texts, and their colours.

use ratatui_core::style::{Color, Modifier, Style};
use tracego_model::finding::Severity;
use tracego_report::live::FindingGrade;

/// The meaning of a piece of text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Tone {
    /// Text.
    #[default]
    Plain,
    /// Less important text.
    Dim,
    /// A name of something, or a number that matters.
    Strong,
    /// The title of a table or a column.
    Title,
    /// All is well.
    Good,
    /// Something should be looked at.
    Warning,
    /// Something is wrong.
    Bad,
}

impl Tone {
    /// Returns the tone of a grade.
    #[must_use]
    pub fn of(grade: FindingGrade) -> Self {
        match grade {
            FindingGrade::Found(Severity::Critical | Severity::High) | FindingGrade::Escaped => Self::Bad,
            FindingGrade::Found(Severity::Medium) | FindingGrade::Stopped => Self::Warning,
            FindingGrade::Found(Severity::Low) | FindingGrade::Audited => Self::Plain,
        }
    }
}

/// A text with a meaning.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Piece {
    /// Text.
    pub text: String,
    /// Meaning.
    pub tone: Tone,
}

impl Piece {
    /// Creates a piece.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { text: text.into(), tone }
    }
}

/// The styles of tones: colours, or weight alone where the terminal or the user wants none.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    /// Whether there are colours.
    pub has_colours: bool,
}

impl Palette {
    /// Returns the style of a tone.
    #[must_use]
    pub fn style(self, tone: Tone) -> Style {
        let coloured = |colour: Color| if self.has_colours { Style::new().fg(colour) } else { Style::new() };
        match tone {
            Tone::Plain => Style::new(),
            Tone::Dim if self.has_colours => Style::new().fg(Color::DarkGray),
            Tone::Dim => Style::new(),
            Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
            Tone::Title => coloured(Color::Cyan).add_modifier(Modifier::BOLD),
            Tone::Good => coloured(Color::Green),
            Tone::Warning => coloured(Color::Yellow),
            Tone::Bad => coloured(Color::Red).add_modifier(Modifier::BOLD),
        }
    }

    /// Returns the style of the row that is selected.
    #[must_use]
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}
