//! How far long reading has come: one line on a terminal's standard error, gone when it is done.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::source::Capture;

/// Short work needs no bar.
const AFTER: Duration = Duration::from_millis(700);
const EVERY: Duration = Duration::from_millis(150);
const CELLS: usize = 24;

/// A bar for all inputs together, whatever thread reads them.
pub(super) struct Progress {
    shown: bool,
    /// Octets of all inputs, where each one's length is known.
    total: Option<u64>,
    done: AtomicU64,
    /// Of captures that are read by other processes: how many there are, and how many are done.
    captures: Option<(usize, AtomicUsize)>,
    begun: Instant,
    drawn: Mutex<Option<Instant>>,
}

impl Progress {
    pub(super) fn over<'a>(files: impl IntoIterator<Item = &'a Path>, quiet: bool) -> Progress {
        let length = |path: &Path| std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|about| about.len());
        let shown = !quiet && io::stderr().is_terminal();
        Progress {
            shown,
            total: if shown { files.into_iter().map(length).sum() } else { None },
            done: AtomicU64::new(0),
            captures: None,
            begun: Instant::now(),
            drawn: Mutex::new(None),
        }
    }

    /// For captures that other processes read: it is known of each when it is done.
    pub(super) fn over_captures(sizes: impl ExactSizeIterator<Item = u64>, quiet: bool) -> Progress {
        let captures = Some((sizes.len(), AtomicUsize::new(0)));
        let mut progress = Progress::over([], quiet);
        (progress.total, progress.captures) = (Some(sizes.sum()), captures);
        progress
    }

    /// A capture of so many octets is done.
    pub(super) fn capture_done(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
        if let Some((_, done)) = &self.captures {
            done.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Time goes by, with so many captures being read.
    pub(super) fn tick(&self, running: usize) {
        if self.shown {
            self.draw(running);
        }
    }

    /// What one input calls after each chunk. An input that is read again because secrets were found in it counts once.
    pub(super) fn of_one(&self) -> impl FnMut(&Capture) + '_ {
        let mut counted = 0u64;
        move |capture| {
            if !self.shown {
                return;
            }
            let now = if capture.input_len.is_some() { capture.input_read } else { capture.bytes_read };
            self.done.fetch_add(now.saturating_sub(counted), Ordering::Relaxed);
            counted = counted.max(now);
            self.draw(1);
        }
    }

    fn draw(&self, running: usize) {
        let now = Instant::now();
        if now.duration_since(self.begun) < AFTER {
            return;
        }
        // Who does not get the lock need not draw.
        let Ok(mut drawn) = self.drawn.try_lock() else { return };
        if drawn.is_some_and(|last| now.duration_since(last) < EVERY) {
            return;
        }
        *drawn = Some(now);
        let captures = self.captures.as_ref().map(|(of, done)| (done.load(Ordering::Relaxed), *of, running));
        let line = line(self.done.load(Ordering::Relaxed), self.total, captures, now.duration_since(self.begun));
        // A terminal that is gone does not matter to the work.
        let _ = write!(io::stderr(), "\r{line}\x1b[K");
    }

    /// Takes the line away, before anything else is written there.
    pub(super) fn clear(&self) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// `[######------] 50 %, 1.2 GB of 2.4 GB, 9 s left`; `captures` are those that are done, all, and those that are being read.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "of a bar")]
fn line(done: u64, total: Option<u64>, captures: Option<(usize, usize, usize)>, spent: Duration) -> String {
    let size = |n: u64| if n >= 1_000_000_000 { format!("{:.1} GB", n as f64 / 1e9) } else { format!("{} MB", n / 1_000_000) };
    let captures = captures.map_or_else(String::new, |(done, all, running)| format!(", {done} of {all} captures, {running} running"));
    let Some(total) = total.filter(|total| *total > 0) else { return format!("reading: {}{captures}", size(done)) };
    let part = (done.min(total) as f64) / (total as f64);
    let full = (part * CELLS as f64) as usize;
    let left = match (part > 0.0).then(|| (spent.as_secs_f64() * (1.0 - part) / part).ceil() as u64) {
        None => "time left not known".to_owned(),
        Some(left @ 0..120) => format!("{left} s left"),
        Some(left) => format!("{} min left", left.div_ceil(60)),
    };
    format!(
        "reading [{}{}] {} %, {} of {}{captures}, {left}",
        "#".repeat(full),
        "-".repeat(CELLS.saturating_sub(full)),
        (part * 100.0) as u64,
        size(done.min(total)),
        size(total)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_it_is_and_how_long_it_will_take() {
        let line = |done, total| super::line(done, total, None, Duration::from_secs(10));
        assert_eq!(line(500_000_000, Some(2_000_000_000)), "reading [######------------------] 25 %, 500 MB of 2.0 GB, 30 s left");
        assert_eq!(line(3_000_000_000, Some(2_000_000_000)), "reading [########################] 100 %, 2.0 GB of 2.0 GB, 0 s left");
        assert_eq!(line(7_000_000, None), "reading: 7 MB");
        assert_eq!(line(0, Some(2_000_000_000)), "reading [------------------------] 0 %, 0 MB of 2.0 GB, time left not known");
        assert_eq!(
            super::line(100_000_000, Some(2_000_000_000), Some((5, 10, 2)), Duration::from_secs(60)),
            "reading [#-----------------------] 5 %, 100 MB of 2.0 GB, 5 of 10 captures, 2 running, 19 min left"
        );
    }
}
