//! Text for scripts.

use std::io::{self, IsTerminal as _, Write as _};

use rustix::termios::tcgetwinsize;
use tokio::time::{MissedTickBehavior, interval};
use tracego_model::clock::{Reading, Time};
use tracego_top::{moment::Moment, plain};

use super::{live_screen::ScreenSignals, source_reader::SourceReader};
use crate::cli::TopOptions;

/// Width where there is no terminal and no COLUMNS.
const WIDTH: usize = 120;

/// Prints everything as often as is asked for, or until the input ends or a signal comes.
///
/// # Errors
/// Fails if standard output cannot be written.
pub(super) async fn print(
    asked: &TopOptions,
    reader: &mut SourceReader,
    mut signals: ScreenSignals,
) -> io::Result<()> {
    let is_piped = asked.files.iter().any(|file| file.as_os_str() == "-");
    let is_file = !asked.files.is_empty() && !is_piped;
    let mut left = asked.iterations.unwrap_or(1);
    let mut ticks = interval(asked.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    loop {
        // Of files, the first time is when all that is there was read.
        let waits = if is_file { !reader.is_caught_up() } else { is_piped && asked.once };
        tokio::select! {
            () = reader.read() => {
                let is_first = is_file && waits && reader.is_caught_up();
                if !is_first && !reader.has_ended() {
                    continue;
                }
            }
            _ = ticks.tick(), if !waits => {}
            () = signals.end() => return Ok(()),
        }
        // A tracego that did not start has nothing to show.
        if reader.has_ended() && reader.is_of_agent() && reader.state.newest.is_none() {
            return Ok(());
        }
        left -= 1;
        if !print_once(asked, reader)? || left == 0 || reader.has_ended() {
            return Ok(());
        }
        ticks.reset();
    }
}

/// Prints everything once. Returns whether somebody reads it.
fn print_once(asked: &TopOptions, reader: &mut SourceReader) -> io::Result<bool> {
    let note = reader.note().filter(|note| note.is_bad);
    let moment = Moment { state: &reader.state, clock: Time(Reading::now().unix_ns), note: note.as_ref() };
    let mut out = io::stdout().lock();
    let text = plain::text(&moment, width(), asked.rows);
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true),
    }
}

/// Returns the width of lines: of the terminal, or what COLUMNS says.
fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let of_terminal = || {
        let size = io::stdout().is_terminal().then(|| tcgetwinsize(io::stdout()).ok()).flatten();
        size.map(|size| usize::from(size.ws_col))
    };
    columns.or_else(of_terminal).filter(|columns| *columns > 0).unwrap_or(WIDTH)
}
