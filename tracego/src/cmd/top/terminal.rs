//! The terminal, which is restored whatever happens.

use std::{
    io::{self, Stdout},
    panic,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use crossterm::{
    cursor::{Hide, Show},
    event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
    execute,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use ratatui_core::{
    layout::{Position, Rect},
    terminal::Terminal,
};
use ratatui_crossterm::CrosstermBackend;
use tokio::sync::mpsc::{self, Receiver};
use tracego_top::screen::Key;

/// Whether the terminal is ours.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal with the screen on it.
pub(super) struct ScreenTerminal {
    /// The cells of the screen, as they are shown.
    pub(super) cells: Terminal<CrosstermBackend<Stdout>>,
}

/// An input of the user.
#[derive(Clone, Copy, Debug)]
pub(super) enum TerminalInput {
    /// A key.
    Key(Key),
    /// Ctrl-L.
    Redraw,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-Z.
    Suspend,
}

impl ScreenTerminal {
    /// Takes the terminal: other screen, no echo, no cursor. A panic restores it before its message is printed.
    pub(super) fn take() -> io::Result<Self> {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            restore();
            before(info);
        }));
        let cells = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        let terminal = Self { cells };
        enter()?;
        Ok(terminal)
    }

    /// Gives the terminal back, stops this process until it is continued, and takes the terminal again.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        restore();
        // SAFETY: the call takes a plain number; the process stops itself.
        unsafe { libc::raise(libc::SIGSTOP) };
        enter()?;
        self.redraw()
    }

    /// Clears the terminal, so that everything is drawn anew. Does not ask where the cursor is, which not every terminal
    /// answers.
    pub(super) fn redraw(&mut self) -> io::Result<()> {
        let size = self.cells.size()?;
        self.cells.resize(Rect::from((Position::ORIGIN, size)))
    }
}

impl Drop for ScreenTerminal {
    fn drop(&mut self) {
        restore();
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    IS_TAKEN.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, Hide)
}

/// Restores the terminal if it is ours. A terminal that is gone needs nothing.
fn restore() {
    if IS_TAKEN.swap(false, Ordering::SeqCst) {
        let _gone = execute!(io::stdout(), Show, LeaveAlternateScreen);
        let _gone = disable_raw_mode();
    }
}

/// Returns the inputs of the user, read by a thread; they end if the terminal is gone.
pub(super) fn inputs() -> Receiver<TerminalInput> {
    let (to, inputs) = mpsc::channel(64);
    let _detached = thread::spawn(move || {
        while let Ok(event) = event::read() {
            let input = match event {
                Event::Key(key) if key.kind != KeyEventKind::Release => of_key(key),
                // Another size is a signal, which is caught before this thread is there.
                _ => None,
            };
            if input.is_some_and(|input| to.blocking_send(input).is_err()) {
                return;
            }
        }
    });
    inputs
}

fn of_key(event: KeyEvent) -> Option<TerminalInput> {
    if event.modifiers.contains(KeyModifiers::CONTROL) {
        return match event.code {
            KeyCode::Char('c') => Some(TerminalInput::Interrupt),
            KeyCode::Char('z') => Some(TerminalInput::Suspend),
            KeyCode::Char('l') => Some(TerminalInput::Redraw),
            // A line feed, which Enter is as long as the terminal is not ours.
            KeyCode::Char('j') => Some(TerminalInput::Key(Key::Enter)),
            _ => None,
        };
    }
    let key = match event.code {
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Backspace,
        _ => return None,
    };
    Some(TerminalInput::Key(key))
}
