//! The clock of a replay: the capture's own, at a speed. It is told how much time has passed and knows none itself.

use crate::base::Timestamp;

/// Speeds, each so many times the capture's own; the last one is the end at once, in a few seconds.
const SPEEDS: [u64; 7] = [1, 2, 5, 10, 20, 50, 100];
/// At the greatest speed a whole capture takes this long.
const MAX_TAKES: u64 = 4_000_000_000;

/// A replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The moment that is shown.
    pub at: Timestamp,
    /// The first and the last moment of the capture.
    pub span: (Timestamp, Timestamp),
    /// Whether time passes.
    pub playing: bool,
    /// Place among the speeds; beyond the last is the greatest.
    speed: usize,
}

impl Replay {
    /// From the beginning, at the capture's own pace.
    #[must_use]
    pub fn of(span: (Timestamp, Timestamp)) -> Replay {
        Replay { at: span.0, span, playing: true, speed: 0 }
    }

    /// Lets time pass; at the end it stops.
    pub fn pass(&mut self, nanos: u64) {
        if !self.playing {
            return;
        }
        let whole = self.span.1.since(self.span.0);
        let passed = match SPEEDS.get(self.speed) {
            Some(times) => nanos.saturating_mul(*times),
            None => u64::try_from(u128::from(whole) * u128::from(nanos) / u128::from(MAX_TAKES)).unwrap_or(u64::MAX),
        };
        self.seek(later(self.at, passed));
        self.playing = self.at < self.span.1;
    }

    /// Goes to a moment of the capture.
    pub fn seek(&mut self, at: Timestamp) {
        self.at = at.clamp(self.span.0, self.span.1);
    }

    /// Goes so many twentieths of the capture forward, or back.
    pub fn skip(&mut self, twentieths: i64) {
        let step = self.span.1.since(self.span.0) / 20;
        let by = i64::try_from(step).unwrap_or(i64::MAX).saturating_mul(twentieths);
        self.seek(Timestamp::from_nanos(self.at.nanos().saturating_add(by)));
    }

    /// Goes to a part of the capture, in thousandths.
    pub fn seek_to(&mut self, thousandths: u64) {
        let into = u128::from(self.span.1.since(self.span.0)) * u128::from(thousandths.min(1000)) / 1000;
        self.seek(later(self.span.0, u64::try_from(into).unwrap_or(u64::MAX)));
    }

    /// How far the moment is into the capture, in thousandths.
    #[must_use]
    pub fn thousandths(&self) -> u64 {
        self.thousandths_of(self.at)
    }

    /// How far a moment is into the capture, in thousandths.
    #[must_use]
    pub fn thousandths_of(&self, at: Timestamp) -> u64 {
        let whole = u128::from(self.span.1.since(self.span.0)).max(1);
        u64::try_from(u128::from(at.since(self.span.0)) * 1000 / whole).unwrap_or(1000).min(1000)
    }

    /// Pauses, or goes on; at the end it begins anew.
    pub fn pause(&mut self) {
        self.playing = !self.playing;
        if self.playing && self.at >= self.span.1 {
            self.at = self.span.0;
        }
    }

    /// Faster, or slower.
    pub fn change_speed(&mut self, by: isize) {
        self.speed = self.speed.saturating_add_signed(by).min(SPEEDS.len());
    }

    /// `1×`, `100×`, `max`.
    #[must_use]
    pub fn speed(&self) -> String {
        SPEEDS.get(self.speed).map_or_else(|| "max".to_owned(), |times| format!("{times}×"))
    }
}

fn later(at: Timestamp, nanos: u64) -> Timestamp {
    Timestamp::from_nanos(at.nanos().saturating_add(i64::try_from(nanos).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_714_554_000 + secs)
    }

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn time_passes_at_the_chosen_speed_and_stops_at_the_end() {
        let mut r = Replay::of((at(0), at(1000)));
        r.pass(3 * SECOND);
        assert_eq!((r.at, r.speed()), (at(3), "1×".to_owned()));
        r.change_speed(3);
        r.pass(SECOND);
        assert_eq!((r.at, r.speed()), (at(13), "10×".to_owned()));
        r.change_speed(50);
        assert_eq!(r.speed(), "max");
        r.pass(MAX_TAKES / 2);
        assert_eq!(r.at, at(513));
        r.pass(MAX_TAKES);
        assert_eq!((r.at, r.playing), (at(1000), false));
        r.pause();
        assert_eq!((r.at, r.playing), (at(0), true));
        r.pause();
        r.pass(SECOND);
        assert_eq!(r.at, at(0), "while it is paused no time passes");
    }

    #[test]
    fn seeking_stays_inside_the_capture() {
        let mut r = Replay::of((at(0), at(1000)));
        r.seek_to(500);
        assert_eq!((r.at, r.thousandths()), (at(500), 500));
        r.skip(1);
        assert_eq!(r.at, at(550));
        r.skip(-100);
        assert_eq!(r.at, at(0));
        r.seek_to(5000);
        assert_eq!(r.at, at(1000));
        let mut moment = Replay::of((at(7), at(7)));
        moment.seek_to(500);
        moment.skip(3);
        moment.pass(SECOND);
        assert_eq!((moment.at, moment.thousandths(), moment.playing), (at(7), 0, false));
    }
}
