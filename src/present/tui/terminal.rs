//! The terminal, taken over and given back: on return, on error, on a panic, on a signal.

use std::io::{self, Write as _};
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};

/// Whether the terminal is ours at the moment: giving it back twice would erase what the shell has drawn since.
static TAKEN: AtomicBool = AtomicBool::new(false);

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send + 'static>;

/// The terminal while it is ours. Dropping gives it back.
pub struct Taken {
    before: Arc<Hook>,
    elsewhere: Arc<Mutex<Option<String>>>,
}

impl Taken {
    /// Takes the terminal over: raw, alternate screen, mouse.
    ///
    /// # Errors
    /// When the terminal refuses; it is then as it was.
    pub fn take() -> io::Result<Taken> {
        let before: Arc<Hook> = Arc::new(panic::take_hook());
        let elsewhere = Arc::new(Mutex::new(None));
        let (told, kept, ours) = (Arc::clone(&before), Arc::clone(&elsewhere), thread::current().id());
        panic::set_hook(Box::new(move |what| {
            if thread::current().id() == ours {
                give_back();
                told(what);
            } else {
                // A worker: its message would scribble over the screen, so the first one is printed when the screen is gone.
                kept.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| match what.location() {
                    // Its message may quote bytes of a capture.
                    Some(place) => format!("internal error at {place}; please report it"),
                    None => "internal error; please report it".to_owned(),
                });
            }
        }));
        let taken = Taken { before, elsewhere };
        enter()?;
        Ok(taken)
    }

    /// Gives the terminal back, stops like any program under Ctrl-Z, and takes the terminal again when the shell continues us.
    ///
    /// # Errors
    /// When the terminal refuses.
    pub fn suspend(&self, signals: &Signals) -> io::Result<()> {
        give_back();
        // SIGTSTP is caught. This one stops, too, and as with that one the kernel leaves it where nobody could continue us.
        signal_hook::low_level::raise(signal_hook::consts::SIGTTOU)?;
        signals.continued.store(false, Ordering::SeqCst);
        enter()
    }

    /// Takes the terminal again after somebody stopped and continued us without a word.
    ///
    /// # Errors
    /// When the terminal refuses.
    pub fn again(&self) -> io::Result<()> {
        // Whoever had the terminal meanwhile may have changed its settings.
        disable_raw_mode()?;
        enter()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        give_back();
        if !thread::panicking() {
            let before = Arc::clone(&self.before);
            panic::set_hook(Box::new(move |what| before(what)));
        }
        if let Some(told) = self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = writeln!(io::stderr(), "intransit: {told}");
        }
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste, Hide).inspect_err(|_| give_back())
}

/// Nothing can be done about errors here: the terminal is gone, or will be.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(io::stdout(), DisableBracketedPaste, DisableMouseCapture, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// Signals that ask the program to end; after the first one the loop returns.
#[derive(Clone)]
pub struct Signals {
    came: Arc<AtomicBool>,
    which: Arc<AtomicUsize>,
    /// Asked to stop, by a signal in place of a key.
    stop: Arc<AtomicBool>,
    continued: Arc<AtomicBool>,
}

impl Signals {
    /// From now on these signals set a flag in place of killing the process.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn catch() -> io::Result<Signals> {
        let flag = || Arc::new(AtomicBool::new(false));
        let (came, which, stop, continued) = (flag(), Arc::new(AtomicUsize::new(0)), flag(), flag());
        signal_hook::flag::register(SIGTSTP, Arc::clone(&stop))?;
        signal_hook::flag::register(SIGCONT, Arc::clone(&continued))?;
        for signal in [SIGTERM, SIGHUP, SIGINT, SIGQUIT] {
            // A second signal, should the first one find us stuck, ends the process at once.
            signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&came))?;
            signal_hook::flag::register_usize(signal, Arc::clone(&which), usize::try_from(signal).unwrap_or(0))?;
            signal_hook::flag::register(signal, Arc::clone(&came))?;
        }
        Ok(Signals { came, which, stop, continued })
    }

    /// Whether to give the terminal back and stop.
    #[must_use]
    pub fn stops(&self) -> bool {
        self.stop.swap(false, Ordering::SeqCst)
    }

    /// Whether the process was stopped, by a signal that cannot be caught, and goes on.
    #[must_use]
    pub fn continues(&self) -> bool {
        self.continued.swap(false, Ordering::SeqCst)
    }

    /// Whether one came.
    #[must_use]
    pub fn came(&self) -> bool {
        self.came.load(Ordering::SeqCst)
    }

    /// Gives the terminal back and lets the signal do its work, whatever the loop is doing: where the terminal is gone, reading a key
    /// can last for ever.
    pub fn insist(&self) {
        give_back();
        self.obey();
        // SIGINT counts as leaving.
        std::process::exit(0);
    }

    /// Lets the signal that came do what it does to any program. SIGINT counts as leaving.
    pub fn obey(&self) {
        if let Ok(signal @ (SIGTERM | SIGHUP | SIGQUIT)) = i32::try_from(self.which.load(Ordering::SeqCst)) {
            // Only fails for signals that do not exist.
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    }
}

/// Puts text on the clipboard through the terminal (OSC 52), which also works over ssh.
///
/// # Errors
/// When the terminal refuses the bytes.
pub fn copy(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    write!(out, "\x1b]52;c;{}\x07", base64(text.as_bytes()))?;
    out.flush()
}

/// Base64 (RFC 4648 §4), for OSC 52 only.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for three in bytes.chunks(3) {
        let word = (0..3).fold(0_u32, |word, i| (word << 8) | u32::from(three.get(i).copied().unwrap_or(0)));
        for i in 0..4_usize {
            let six = usize::try_from(word >> (18_usize.saturating_sub(i.saturating_mul(6))) & 63).unwrap_or(0);
            match ALPHABET.get(six) {
                Some(letter) if i <= three.len() => out.push(char::from(*letter)),
                _ => out.push('='),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_that_of_rfc_4648_section_10() {
        let told: Vec<String> = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].iter().map(|t| base64(t.as_bytes())).collect();
        assert_eq!(told, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }
}
