//! A pseudo-terminal at which a program runs: its screen, and keys to type.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::{LIMIT, Program};

/// The key Ctrl+C.
pub const CTRL_C: &str = "\x03";
/// The key Ctrl+Z.
pub const CTRL_Z: &str = "\x1a";

/// A terminal that controls the session of the program that is started at it.
pub struct Terminal {
    keyboard: File,
    name: PathBuf,
    screen: Arc<Screen>,
}

struct Screen {
    parser: Mutex<(vt100::Parser, bool)>,
    changed: Condvar,
}

impl Screen {
    fn lock(&self) -> MutexGuard<'_, (vt100::Parser, bool)> {
        self.parser.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Terminal {
    /// Opens a terminal of that size.
    ///
    /// # Panics
    ///
    /// If the system has no more of them.
    #[must_use]
    pub fn new(rows: u16, columns: u16) -> Self {
        // Close-on-exec from the beginning: programs that other tests start meanwhile would keep the terminal open.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let keyboard = openpt(flags).expect("a terminal");
        grantpt(&keyboard).expect("its other end is ours");
        unlockpt(&keyboard).expect("its other end can be opened");
        let name = ptsname(&keyboard, Vec::new()).expect("its other end has a name");
        let screen = Arc::new(Screen {
            parser: Mutex::new((vt100::Parser::new(some(rows), some(columns), 0), false)),
            changed: Condvar::new(),
        });
        let terminal = Self {
            keyboard: File::from(keyboard),
            name: name.to_string_lossy().into_owned().into(),
            screen,
        };
        terminal.resize(rows, columns);
        terminal
    }

    /// Prepares the program to run at this terminal, started by a shell with the script `"$@"`. The shell stays until
    /// [`Terminal::last`], because the kernel discards unread output when a session ends.
    #[must_use]
    pub fn with_shell(&self, leader: &str, program: Program, script: &str) -> Program {
        let stays = "code=$?; echo \"[$code]\"; read -r _ </dev/tty; exit $code";
        // Ctrl+C is for the program.
        let script = format!("trap : INT; {script}; {stays}");
        self.alone(leader, program.through(&script))
    }

    /// Prepares the program to run at this terminal, started by the program at the path `leader`, which makes it the
    /// leader of its session. From now on the screen shows what it writes.
    #[must_use]
    pub fn alone(&self, leader: &str, program: Program) -> Program {
        let other = || {
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(&self.name)
                .expect("its other end can be opened")
        };
        let launcher = format!("exec {leader} {} \"$@\"", self.name.display());
        let program = program.stdout(other()).stderr(other());
        let (mut output, screen) = (
            self.keyboard.try_clone().expect("a descriptor"),
            Arc::clone(&self.screen),
        );
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Reading fails once the other end is closed.
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                screen.lock().0.process(&bytes[..read]);
                screen.changed.notify_all();
            }
            screen.lock().1 = true;
            screen.changed.notify_all();
        });
        program.through(&launcher).env("TERM", "xterm-256color")
    }

    /// Types these keys.
    ///
    /// # Panics
    ///
    /// If the other end is closed.
    pub fn types(&mut self, keys: &str) {
        self.keyboard
            .write_all(keys.as_bytes())
            .expect("the other end is open");
    }

    /// Resizes the terminal.
    ///
    /// # Panics
    ///
    /// If the system refuses.
    pub fn resize(&self, rows: u16, columns: u16) {
        let mut screen = self.screen.lock();
        screen.0.screen_mut().set_size(some(rows), some(columns));
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.keyboard, size).expect("it can be resized");
    }

    /// Waits until the screen contains all of these texts, and returns its contents.
    ///
    /// # Panics
    ///
    /// If that does not happen.
    #[must_use]
    pub fn until(&self, texts: &[&str]) -> String {
        let found = |seen: &str| texts.iter().all(|text| seen.contains(text));
        self.wait(&format!("{texts:?} on the screen"), found)
    }

    /// Waits for the end of the program and returns the contents of the screen; then ends the shell.
    ///
    /// # Panics
    ///
    /// If the program does not end.
    #[must_use]
    pub fn last(&mut self) -> String {
        let is_code = |line: &str| {
            let code = line
                .strip_prefix('[')
                .and_then(|code| code.strip_suffix(']'));
            code.is_some_and(|code| code.parse::<u8>().is_ok())
        };
        let ends = |seen: &str| seen.trim_end().lines().next_back().is_some_and(is_code);
        let seen = self.wait("an end", |seen| ends(seen));
        self.types("\n");
        let lines: Vec<&str> = seen.trim_end().lines().collect();
        lines[..lines.len() - 1].join("\n")
    }

    /// Everything written, with its attributes, such as colors.
    #[must_use]
    pub fn formatted(&self) -> String {
        self.screen.lock().0.screen().contents_formatted()
    }

    /// Waits until the contents of the screen satisfy the predicate, and returns them.
    ///
    /// # Panics
    ///
    /// If that does not happen.
    #[must_use]
    pub fn wait(&self, what: &str, found: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + LIMIT;
        let mut screen = self.screen.lock();
        loop {
            let seen = screen.0.screen().contents();
            if found(&seen) {
                return seen;
            }
            let remaining = until.saturating_duration_since(Instant::now());
            assert!(!remaining.is_zero() && !screen.1, "no {what}, but\n{seen}");
            let waited = self.screen.changed.wait_timeout(screen, remaining);
            screen = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn some(size: u16) -> NonZero<u16> {
    NonZero::new(size).expect("a terminal has a size")
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
