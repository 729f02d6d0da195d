//! Moments, as the capture gives them.

use std::fmt;

/// A moment in nanoseconds since 1970-01-01T00:00:00Z, from the capture and never from a clock.
///
/// Covers 1677 to 2262; what a file states beyond that is clamped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const ZERO: Timestamp = Timestamp(0);

    /// A moment from nanoseconds since the epoch.
    #[must_use]
    pub fn from_nanos(nanos: i64) -> Timestamp {
        Timestamp(nanos)
    }

    /// A moment from nanoseconds since the epoch, clamped into range.
    #[must_use]
    pub fn from_nanos_wide(nanos: i128) -> Timestamp {
        Timestamp(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
    }

    /// A moment from whole seconds since the epoch (certificates), clamped into range.
    #[must_use]
    pub fn from_secs(secs: i64) -> Timestamp {
        Timestamp::from_nanos_wide(i128::from(secs) * 1_000_000_000)
    }

    /// Reads RFC 3339 (`2024-05-01T09:00:00Z`, `2024-05-01 11:00:00.5+02:00`), or whole seconds since the epoch.
    #[must_use]
    pub fn parse(text: &str) -> Option<Timestamp> {
        if let Ok(secs) = text.parse() {
            return Some(Timestamp::from_secs(secs));
        }
        let (date, time) = text.split_at_checked(10)?;
        let number = |digits: &str| digits.parse::<i64>().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()));
        let mut parts = date.split('-');
        let (year, month, day) = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
        let time = time.strip_prefix(['T', 't', ' '])?;
        let (clock, zone) = time.split_at_checked(time.find(['Z', 'z', '+', '-'])?)?;
        let offset = match zone.strip_prefix(['+', '-']) {
            None => 0,
            Some(hours) => {
                let (h, m) = hours.split_once(':')?;
                let (h, m) = (number(h).filter(|h| *h < 24)?, number(m).filter(|m| *m < 60)?);
                (h * 60 + m) * if zone.starts_with('-') { -60 } else { 60 }
            }
        };
        let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
        let mut parts = clock.split(':');
        let (h, m, s) = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next().unwrap_or("0"))?);
        let is_sound = parts.next().is_none() && (1..=12).contains(&month) && (1..=31).contains(&day) && h < 24 && m < 60 && s <= 60;
        if !is_sound {
            return None;
        }
        let nanos =
            number(fraction.get(..9).unwrap_or(fraction))? * 10i64.pow(9u32.checked_sub(u32::try_from(fraction.len().min(9)).ok()?)?);
        let secs = days(year, month, day) * 86_400 + h * 3600 + m * 60 + s - offset;
        Some(Timestamp::from_nanos_wide(i128::from(secs) * 1_000_000_000 + i128::from(nanos)))
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub fn nanos(self) -> i64 {
        self.0
    }

    /// The moment so many nanoseconds later.
    #[must_use]
    pub fn after(self, nanos: u64) -> Timestamp {
        Timestamp::from_nanos(self.nanos().saturating_add(i64::try_from(nanos).unwrap_or(i64::MAX)))
    }

    /// Nanoseconds since an earlier moment; 0 when it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// RFC 3339 in UTC with nanoseconds, as ASCII: [`Display`](fmt::Display) without the formatting machinery, for the years 1677 to 2262
    /// that a timestamp covers.
    #[must_use]
    pub fn rfc3339(self) -> [u8; 30] {
        let mut out = *b"0000-00-00T00:00:00.000000000Z";
        let (secs, nanos) = (self.0.div_euclid(1_000_000_000), self.0.rem_euclid(1_000_000_000));
        let (year, month, day) = civil(secs.div_euclid(86_400));
        let second = secs.rem_euclid(86_400);
        let parts = [
            (0, 4, year),
            (5, 2, month),
            (8, 2, day),
            (11, 2, second / 3600),
            (14, 2, second / 60 % 60),
            (17, 2, second % 60),
            (20, 9, nanos),
        ];
        for (at, digits, mut n) in parts {
            for slot in out.iter_mut().skip(at).take(digits).rev() {
                *slot = b'0'.wrapping_add(u8::try_from(n % 10).unwrap_or(0));
                n /= 10;
            }
        }
        out
    }

    /// RFC 3339 in UTC without a fraction: `2024-05-01T09:00:00Z`.
    #[must_use]
    pub fn seconds(self) -> impl fmt::Display {
        Rfc3339 { at: self, fraction: false }
    }
}

/// RFC 3339 in UTC with nanoseconds: `2024-05-01T09:00:00.000000000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Rfc3339 { at: *self, fraction: true }.fmt(f)
    }
}

struct Rfc3339 {
    at: Timestamp,
    fraction: bool,
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secs, nanos) = (self.at.0.div_euclid(1_000_000_000), self.at.0.rem_euclid(1_000_000_000));
        let (days, second) = (secs.div_euclid(86_400), secs.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}")?;
        if self.fraction {
            write!(f, ".{nanos:09}")?;
        }
        f.write_str("Z")
    }
}

/// Days since the epoch to a date of the Gregorian calendar (the 400-year era begins on March 1st, so that
/// the leap day is the last of its year).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// A date of the Gregorian calendar to days since the epoch: [`civil`] the other way round.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_rfc_3339_with_nanoseconds() {
        assert_eq!(Timestamp::from_nanos(1_714_554_000_000_000_001).to_string(), "2024-05-01T09:00:00.000000001Z");
        assert_eq!(Timestamp::from_secs(951_782_400).seconds().to_string(), "2000-02-29T00:00:00Z");
        assert_eq!(Timestamp::from_nanos(-1).to_string(), "1969-12-31T23:59:59.999999999Z");
    }

    #[test]
    fn what_is_printed_can_be_read_back() {
        for nanos in [0, 1_714_554_000_000_000_001, 951_782_400_000_000_000, -86_400_000_000_000] {
            let at = Timestamp::from_nanos(nanos);
            assert_eq!(Timestamp::parse(&at.to_string()), Some(at));
        }
        let noon = Timestamp::from_secs(1_714_564_800);
        for text in ["2024-05-01T12:00:00Z", "2024-05-01 14:00:00+02:00", "2024-05-01T07:30:00.0-04:30", "2024-05-01T12:00Z", "1714564800"]
        {
            assert_eq!(Timestamp::parse(text), Some(noon), "{text}");
        }
        for text in
            ["", "yesterday", "2024-05-01", "2024-05-01T12:00:00", "2024-13-01T12:00:00Z", "2024-05-01T25:00:00Z", "2024-05-01T1é:00:00Z"]
        {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_moment_of_the_range_can_be_printed() {
        for nanos in [i64::MIN, -1, 0, 1, 1_714_554_000_000_000_001, i64::MAX] {
            let at = Timestamp::from_nanos(nanos);
            assert_eq!(at.to_string().as_bytes(), at.rfc3339());
        }
    }

    #[test]
    fn no_number_of_hours_is_too_large_for_a_moment_to_be_refused() {
        for text in ["2026-11-26T10:00:00+9999999999999999:00", "2026-11-26T999999999999999999:00:00Z", "2026-11-26T10:00:00-24:00"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
        assert!(Timestamp::parse("2026-11-26T10:00:00+14:00").is_some());
    }
}
