//! The program in a pseudo-terminal whose screen is read by a terminal emulator.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pty_process::blocking::{Command, Pty, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{Termios, tcgetattr};

/// How long something may take to appear. Machines that test are busy ones.
const PATIENCE: Duration = Duration::from_secs(30);

/// A terminal with the program in it.
pub struct Terminal {
    pty: Option<Arc<Pty>>,
    child: Child,
    bytes: Receiver<Vec<u8>>,
    emulator: vt100::Parser,
    /// All that was written.
    pub output: Arc<Mutex<Vec<u8>>>,
    before: Termios,
}

impl Terminal {
    /// Starts the program with these arguments on a terminal of this size, 256 colours and a dark background.
    pub fn start(width: u16, height: u16, args: &[&str]) -> Terminal {
        Terminal::start_with(width, height, args, &[("TERM", "xterm-256color"), ("NO_COLOR", "")])
    }

    /// Starts the program with these arguments and variables.
    pub fn start_with(width: u16, height: u16, args: &[&str], env: &[(&str, &str)]) -> Terminal {
        Terminal::start_program(width, height, env!("CARGO_BIN_EXE_intransit"), args, env)
    }

    /// Starts another program, which ends up as ours. The variable `FOLDER` says where.
    pub fn start_program(width: u16, height: u16, program: &str, args: &[&str], env: &[(&str, &str)]) -> Terminal {
        let (pty, pts) = open().unwrap();
        pty.resize(pty_process::Size::new(height, width)).unwrap();
        let before = tcgetattr(&pty).unwrap();
        let folder = env.iter().find(|(name, _)| *name == "FOLDER").map_or(".", |(_, folder)| folder);
        let command = Command::new(program).args(args).envs(env.iter().copied()).current_dir(folder).env_remove("RUST_BACKTRACE");
        let child = command.spawn(pts).unwrap();
        let pty = Arc::new(pty);
        let (sender, bytes) = channel();
        let reader = Arc::clone(&pty);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = (&*reader).read(&mut buffer) {
                // A terminal answers what it is asked: its colours (OSC 10 and 11), and what it is (DA1).
                let asked = |question: &[u8]| buffer[..n].windows(question.len()).any(|part| part == question);
                if asked(b"\x1b]10;?") {
                    let _ = (&*reader).write_all(b"\x1b]10;rgb:d0d0/d0d0/d0d0\x1b\\");
                }
                if asked(b"\x1b]11;?") {
                    let _ = (&*reader).write_all(b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\");
                }
                if asked(b"\x1b[c") {
                    let _ = (&*reader).write_all(b"\x1b[?62;22c");
                }
                if sender.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        let emulator = vt100::Parser::new(height, width, 0);
        Terminal { pty: Some(pty), child, bytes, emulator, output: Arc::default(), before }
    }

    fn read(&mut self, wait: Duration) -> bool {
        match self.bytes.recv_timeout(wait) {
            Ok(bytes) => {
                self.output.lock().unwrap().extend_from_slice(&bytes);
                self.emulator.process(&bytes);
                true
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(wait);
                false
            }
        }
    }

    /// What the screen says now, when nothing comes any more.
    pub fn screen(&mut self) -> String {
        while self.read(Duration::from_millis(150)) {}
        self.emulator.screen().contents()
    }

    /// Waits until the screen holds some words.
    pub fn sees(&mut self, words: &str) {
        self.until(words, |screen| screen.contains(words));
    }

    /// Waits until the screen holds some words no more.
    pub fn no_longer_sees(&mut self, words: &str) {
        self.until(words, |screen| !screen.contains(words));
    }

    fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        let began = Instant::now();
        while !holds(&self.emulator.screen().contents()) {
            assert!(began.elapsed() < PATIENCE, "waited in vain for {what:?}:\n{}", self.emulator.screen().contents());
            self.read(Duration::from_millis(100));
        }
    }

    /// Waits until the screen is so, at most so long. Returns whether it is.
    pub fn waits(&mut self, most: Duration, holds: impl Fn(&vt100::Screen) -> bool) -> bool {
        let began = Instant::now();
        loop {
            if holds(self.emulator.screen()) {
                return true;
            }
            let Some(left) = most.checked_sub(began.elapsed()) else { return false };
            self.read(left);
        }
    }

    /// The screen as it is.
    pub fn emulator(&self) -> &vt100::Screen {
        self.emulator.screen()
    }

    /// The process in the terminal.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Types.
    pub fn types(&mut self, keys: &str) {
        self.pty.as_deref().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.pty.as_deref().unwrap().resize(pty_process::Size::new(height, width)).unwrap();
        self.emulator.screen_mut().set_size(height, width);
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Sends a signal to what the shell in the terminal runs.
    pub fn signal_job(&self, signal: Signal) {
        let shell = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
        let job: i32 = children.split_whitespace().next().unwrap().parse().unwrap();
        kill_process(Pid::from_raw(job).unwrap(), signal).unwrap();
    }

    /// Closes the terminal, as when its window is closed.
    pub fn hang_up(&mut self) {
        // The reading thread holds it too; a hangup is what the program would see.
        self.signal(Signal::HUP);
        self.pty = None;
    }

    /// Waits for the program to end.
    pub fn ends(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                while self.read(Duration::from_millis(150)) {}
                return status;
            }
            if began.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("still running after {PATIENCE:?}:\n{}", self.emulator.screen().contents());
            }
            self.read(Duration::from_millis(50));
        }
    }

    /// That the terminal is as the program found it: its settings, the screen, the cursor, the mouse.
    pub fn is_given_back(&self) {
        let screen = self.emulator.screen();
        assert!(!screen.alternate_screen(), "the alternate screen is left");
        assert!(!screen.hide_cursor(), "the cursor is shown");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "the mouse is free");
        assert!(!screen.bracketed_paste(), "pasting is as it was");
        let now = tcgetattr(self.pty.as_deref().unwrap()).unwrap();
        let modes = |t: &Termios| (t.input_modes, t.output_modes, t.control_modes, t.local_modes);
        assert_eq!(modes(&now), modes(&self.before), "the terminal's settings are as they were");
    }

    /// Where the first occurrence of some words is, as column and row from 0.
    pub fn place_of(&mut self, words: &str) -> (u16, u16) {
        let screen = self.screen();
        let (y, line) = screen.lines().enumerate().find(|(_, line)| line.contains(words)).unwrap();
        let x = line[..line.find(words).unwrap()].chars().count();
        (u16::try_from(x).unwrap(), u16::try_from(y).unwrap())
    }

    /// Clicks (SGR mouse, as terminals tell it).
    pub fn clicks(&mut self, (x, y): (u16, u16)) {
        self.types(&format!("\x1b[<0;{0};{1}M\x1b[<0;{0};{1}m", x + 1, y + 1));
    }

    /// The foreground colour at a place.
    pub fn colour_at(&mut self, (x, y): (u16, u16)) -> vt100::Color {
        self.emulator.screen().cell(y, x).unwrap().fgcolor()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A capture of the cabinet.
pub fn capture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name).to_string_lossy().into_owned()
}
