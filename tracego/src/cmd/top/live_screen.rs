//! The screen, which is drawn at each interval and after each key.

use std::io;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{MissedTickBehavior, interval},
};
use tracego_model::clock::{Reading, Time};
use tracego_report::live::LiveState;
use tracego_top::{
    moment::{Moment, SourceNote},
    screen::{KeyEffect, Screen},
    tone::Palette,
    view,
};

use super::{
    source_reader::SourceReader,
    terminal::{self, ScreenTerminal, TerminalInput},
};
use crate::{cli::TopOptions, cmd::output::has_colours};

/// The meaning of a signal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ScreenSignal {
    /// The screen ends, and the terminal is restored.
    End,
    /// The process is stopped until it is continued.
    Suspend,
    /// The terminal has another size.
    Resize,
}

/// Signals that are caught, from before the terminal is taken.
pub(super) struct ScreenSignals {
    terminate: Signal,
    hangup: Signal,
    interrupt: Signal,
    quit: Signal,
    stop: Signal,
    resize: Signal,
}

impl ScreenSignals {
    /// Catches the signals.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            stop: signal(SignalKind::from_raw(libc::SIGTSTP))?,
            resize: signal(SignalKind::window_change())?,
        })
    }

    /// Waits for a signal.
    pub(super) async fn next(&mut self) -> ScreenSignal {
        tokio::select! {
            _ = self.terminate.recv() => ScreenSignal::End,
            _ = self.hangup.recv() => ScreenSignal::End,
            _ = self.interrupt.recv() => ScreenSignal::End,
            _ = self.quit.recv() => ScreenSignal::End,
            _ = self.stop.recv() => ScreenSignal::Suspend,
            _ = self.resize.recv() => ScreenSignal::Resize,
        }
    }

    /// Waits for a signal that ends the process.
    pub(super) async fn end(&mut self) {
        while self.next().await != ScreenSignal::End {}
    }
}

/// A state that does not change while the user looks at it.
struct FrozenView {
    state: LiveState,
    time: Time,
}

/// Shows the screen until the user or a signal ends it, or the tracego that records did not start.
pub(super) async fn run(
    asked: &TopOptions,
    reader: &mut SourceReader,
    mut signals: ScreenSignals,
) -> io::Result<()> {
    let palette = Palette { has_colours: has_colours(true) };
    let mut terminal = ScreenTerminal::take()?;
    let mut inputs = terminal::inputs();
    let mut screen = Screen::default();
    let mut frozen: Option<Box<FrozenView>> = None;
    let mut ticks = interval(asked.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let was_caught_up = reader.is_caught_up();
        let is_drawn = tokio::select! {
            input = inputs.recv() => {
                match input {
                    None | Some(TerminalInput::Interrupt) => return Ok(()),
                    Some(TerminalInput::Suspend) => terminal.suspend()?,
                    Some(TerminalInput::Redraw) => terminal.redraw()?,
                    Some(TerminalInput::Key(key)) => {
                        let effect = screen.press(key, &moment(reader, frozen.as_deref(), None));
                        match effect {
                            KeyEffect::Quit => return Ok(()),
                            KeyEffect::Pause => {
                                frozen = screen.is_paused.then(|| {
                                    Box::new(FrozenView { state: reader.state.clone(), time: Time(Reading::now().unix_ns) })
                                });
                            }
                            KeyEffect::Stay => {}
                        }
                    }
                }
                true
            }
            signal = signals.next() => {
                match signal {
                    ScreenSignal::End => return Ok(()),
                    ScreenSignal::Suspend => terminal.suspend()?,
                    ScreenSignal::Resize => terminal.redraw()?,
                }
                true
            }
            () = reader.read() => {
                if reader.has_ended() && reader.is_of_agent() && reader.state.newest.is_none() {
                    return Ok(());
                }
                // The first picture does not wait for the next interval.
                reader.is_caught_up() != was_caught_up
            }
            _ = ticks.tick() => true,
        };
        if is_drawn {
            let note = reader.note();
            let moment = moment(reader, frozen.as_deref(), note.as_ref());
            terminal.cells.draw(|frame| view::draw(&moment, &screen, palette, frame.buffer_mut()))?;
        }
    }
}

fn moment<'a>(
    reader: &'a SourceReader,
    frozen: Option<&'a FrozenView>,
    note: Option<&'a SourceNote>,
) -> Moment<'a> {
    match frozen {
        Some(frozen) => Moment { state: &frozen.state, clock: frozen.time, note },
        None => Moment { state: &reader.state, clock: Time(Reading::now().unix_ns), note },
    }
}
