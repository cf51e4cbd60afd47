//! A terminal with a program in it, as a person has it: a real one of the kernel, read by an emulator.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    num::NonZero,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::process::CommandExt as _,
    },
    process::{Child, Command, ExitStatus, Stdio},
    ptr,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// Time in which a screen has to show something.
const PATIENCE: Duration = Duration::from_secs(60);

/// Flags of a terminal's settings: input, output, control and local modes.
type Modes = (u32, u32, u32, u32);

/// A terminal with a program in it, which is killed when its test ends.
pub struct TestScreen {
    terminal: File,
    /// Keeps the settings of the terminal when the program is gone.
    other_end: OwnedFd,
    /// The program.
    pub child: Child,
    seen: Arc<Mutex<Seen>>,
    before: Modes,
}

/// The bytes that a terminal was given, and its screen.
struct Seen {
    emulator: vt100::Parser,
    bytes: Vec<u8>,
}

impl TestScreen {
    /// Starts a command in a terminal of this size. Standard input that the command already has stays.
    ///
    /// # Panics
    /// Panics if there is no terminal, or the command cannot be started.
    #[must_use]
    pub fn start(mut command: Command, has_input: bool, (columns, rows): (u16, u16)) -> Self {
        let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let (mut terminal, mut other_end) = (-1, -1);
        // SAFETY: both numbers are writable, the size lives as long as the call, and the others may be null.
        let made = unsafe {
            libc::openpty(
                &raw mut terminal,
                &raw mut other_end,
                ptr::null_mut(),
                ptr::null(),
                &raw const size,
            )
        };
        assert_eq!(made, 0, "openpty: {}", std::io::Error::last_os_error());
        // SAFETY: the call gave both descriptors to this process alone.
        let (terminal, other_end) = unsafe { (File::from_raw_fd(terminal), OwnedFd::from_raw_fd(other_end)) };
        let end = || Stdio::from(other_end.try_clone().unwrap());
        if !has_input {
            command.stdin(end());
        }
        command.stdout(end()).stderr(end()).env("TERM", "xterm-256color").env_remove("NO_COLOR");
        // SAFETY: the calls are safe between fork and exec, and take plain numbers.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                libc::ioctl(1, libc::TIOCSCTTY, 0);
                Ok(())
            });
        }
        let before = modes(&other_end);
        let child = command.spawn().unwrap();
        let emulator = vt100::Parser::new(cells(rows), cells(columns), 0);
        let seen = Arc::new(Mutex::new(Seen { emulator, bytes: Vec::new() }));
        let (mut from, to) = (terminal.try_clone().unwrap(), Arc::clone(&seen));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read) = from.read(&mut buffer) {
                let mut seen = to.lock().unwrap();
                seen.emulator.process(&buffer[..read]);
                seen.bytes.extend_from_slice(&buffer[..read]);
            }
        });
        Self { terminal, other_end, child, seen, before }
    }

    /// Returns the text of the screen.
    ///
    /// # Panics
    /// Panics if the thread that reads the terminal did.
    #[must_use]
    pub fn text(&self) -> String {
        self.seen.lock().unwrap().emulator.screen().contents()
    }

    /// Returns all bytes that the terminal was given.
    ///
    /// # Panics
    /// Panics if the thread that reads the terminal did.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.seen.lock().unwrap().bytes.clone()
    }

    /// Waits until the screen has a text.
    ///
    /// # Panics
    /// Panics if it never has.
    pub fn wait_for(&self, text: &str) {
        self.wait_until(&format!("{text:?}"), |shown| shown.contains(text));
    }

    /// Waits until the text of the screen is as wanted.
    ///
    /// # Panics
    /// Panics if it never is.
    pub fn wait_until(&self, name: &str, is_so: impl Fn(&str) -> bool) {
        let begin = Instant::now();
        while !is_so(&self.text()) {
            assert!(begin.elapsed() < PATIENCE, "never: {name}\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Types keys.
    ///
    /// # Panics
    /// Panics if the terminal is gone.
    pub fn press(&mut self, keys: &str) {
        self.terminal.write_all(keys.as_bytes()).unwrap();
    }

    /// Gives the terminal another size.
    ///
    /// # Panics
    /// Panics if it cannot have it.
    pub fn resize(&self, (columns, rows): (u16, u16)) {
        self.seen.lock().unwrap().emulator.screen_mut().set_size(cells(rows), cells(columns));
        let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the size lives as long as the call.
        let done = unsafe { libc::ioctl(self.terminal.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
        assert_eq!(done, 0);
    }

    /// Sends a signal to the program.
    ///
    /// # Panics
    /// Panics if the program is gone.
    pub fn signal(&self, number: i32) {
        let pid = i32::try_from(self.child.id()).unwrap();
        // SAFETY: the child is not reaped yet, so the number is still its own.
        assert_eq!(unsafe { libc::kill(pid, number) }, 0);
    }

    /// Whether the terminal is as it was: its settings, its first screen, and its cursor.
    ///
    /// # Panics
    /// Panics if the thread that reads the terminal did.
    #[must_use]
    pub fn is_restored(&self) -> bool {
        let seen = self.seen.lock().unwrap();
        let screen = seen.emulator.screen();
        !screen.alternate_screen() && !screen.hide_cursor() && modes(&self.other_end) == self.before
    }

    /// Waits for the end of the program, and checks that the terminal is as it was.
    ///
    /// # Panics
    /// Panics if the program does not end, or the terminal is not restored.
    pub fn end(&mut self) -> ExitStatus {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begin.elapsed() < PATIENCE, "the program goes on\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        };
        // The last bytes may still be on their way.
        while !self.is_restored() {
            assert!(begin.elapsed() < PATIENCE, "the terminal is not restored\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        }
        status
    }
}

impl Drop for TestScreen {
    fn drop(&mut self) {
        // A program that ended already needs no kill.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn cells(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

fn modes(terminal: &OwnedFd) -> Modes {
    // SAFETY: the memory of the settings is zeroed, which is valid, and writable.
    let settings = unsafe {
        let mut settings: libc::termios = std::mem::zeroed();
        assert_eq!(libc::tcgetattr(terminal.as_raw_fd(), &raw mut settings), 0);
        settings
    };
    (settings.c_iflag, settings.c_oflag, settings.c_cflag, settings.c_lflag)
}
