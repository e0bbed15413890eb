//! A terminal at which a program runs: what is on its screen, and what somebody types.

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

/// What Ctrl+C sends.
pub const CTRL_C: &str = "\x03";
/// What Ctrl+Z sends.
pub const CTRL_Z: &str = "\x1a";

/// A terminal of its own, which controls the session of the program that is started at it.
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
    /// One of that size.
    ///
    /// # Panics
    ///
    /// Where the system has none left.
    #[must_use]
    pub fn new(rows: u16, columns: u16) -> Self {
        // Close-on-exec from the beginning: a program that another test starts meanwhile would keep the terminal open.
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

    /// The program, to be started at this terminal by a shell that does so: `"$@"`. The shell stays until it is let go by
    /// [`Terminal::last`]: when a session ends the kernel throws away what has not been read.
    #[must_use]
    pub fn with_shell(&self, leader: &str, program: Program, script: &str) -> Program {
        let stays = "code=$?; echo \"[$code]\"; read -r _ </dev/tty; exit $code";
        // Ctrl+C is for the program.
        let script = format!("trap : INT; {script}; {stays}");
        self.alone(leader, program.through(&script))
    }

    /// The program, to be started at this terminal by the one at the path `leader`, which makes it the leader of its
    /// session; what it writes is shown from then on.
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
            // It ends with an error once nobody has the other end any more.
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                screen.lock().0.process(&bytes[..read]);
                screen.changed.notify_all();
            }
            screen.lock().1 = true;
            screen.changed.notify_all();
        });
        program.through(&launcher).env("TERM", "xterm-256color")
    }

    /// Types it.
    ///
    /// # Panics
    ///
    /// Where nobody has the other end any more.
    pub fn types(&mut self, keys: &str) {
        self.keyboard
            .write_all(keys.as_bytes())
            .expect("somebody has the other end");
    }

    /// Makes it another size, as who drags its window does.
    ///
    /// # Panics
    ///
    /// Where the system refuses.
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

    /// What is on the screen, as soon as all of these are.
    ///
    /// # Panics
    ///
    /// Where that does not come to be.
    #[must_use]
    pub fn until(&self, texts: &[&str]) -> String {
        let found = |seen: &str| texts.iter().all(|text| seen.contains(text));
        self.wait(&format!("{texts:?} on the screen"), found)
    }

    /// What is on the screen when the program has ended; then lets the shell go.
    ///
    /// # Panics
    ///
    /// Where it goes on.
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

    /// All that was written with attributes: colours among them.
    #[must_use]
    pub fn formatted(&self) -> String {
        self.screen.lock().0.screen().contents_formatted()
    }

    /// What is on the screen, as soon as it is so.
    ///
    /// # Panics
    ///
    /// Where that does not come to be.
    #[must_use]
    pub fn wait(&self, what: &str, found: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + LIMIT;
        let mut screen = self.screen.lock();
        loop {
            let seen = screen.0.screen().contents();
            if found(&seen) {
                return seen;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !screen.1, "no {what}, but\n{seen}");
            let waited = self.screen.changed.wait_timeout(screen, left);
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
