//! Dates as sources give them: a year, a month or a day.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::base::Timestamp;

/// `2025`, `2025-09` or `2025-09-04`. Compared and turned into a moment, it stands for its first day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Date {
    year: u16,
    month: Option<u8>,
    day: Option<u8>,
}

const NANOS_A_DAY: i64 = 86_400_000_000_000;

impl Date {
    /// 1970.
    pub(super) const EPOCH: Date = Date { year: 1970, month: None, day: None };

    /// Its first moment, in UTC.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::from_nanos(self.days().saturating_mul(NANOS_A_DAY))
    }

    /// The same day of the next year.
    #[must_use]
    pub fn a_year_later(self) -> Date {
        Date { year: self.year.saturating_add(1), ..self }
    }

    /// Days since 1970-01-01, in the Gregorian calendar: after Hinnant, "chrono-compatible low-level date algorithms".
    fn days(self) -> i64 {
        let (month, day) = (i64::from(self.month.unwrap_or(1)), i64::from(self.day.unwrap_or(1)));
        // Years begin in March here, so that the leap day is their last.
        let year = i64::from(self.year) - i64::from(month <= 2);
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }
}

impl FromStr for Date {
    type Err = String;

    fn from_str(text: &str) -> Result<Date, String> {
        let wrong = || format!("\"{text}\" is not a date: write 2025, 2025-09 or 2025-09-04");
        let mut parts = text.split('-');
        let mut part = |digits: usize| match parts.next() {
            Some(part) if part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()) => {
                part.parse::<u16>().map(Some).map_err(|_| wrong())
            }
            Some(_) => Err(wrong()),
            None => Ok(None),
        };
        let year = part(4)?.ok_or_else(wrong)?;
        let month = part(2)?.map(u8::try_from).transpose().map_err(|_| wrong())?;
        let day = part(2)?.map(u8::try_from).transpose().map_err(|_| wrong())?;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let longest = match month {
            Some(2) => 28 + u8::from(leap),
            Some(4 | 6 | 9 | 11) => 30,
            Some(1..=12) | None => 31,
            Some(_) => return Err(wrong()),
        };
        match (parts.next(), day) {
            (None, None) => Ok(Date { year, month, day }),
            (None, Some(d)) if (1..=longest).contains(&d) => Ok(Date { year, month, day }),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Date {
    type Error = String;

    fn try_from(text: String) -> Result<Date, String> {
        text.parse()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        if let Some(month) = self.month {
            write!(f, "-{month:02}")?;
        }
        if let Some(day) = self.day {
            write!(f, "-{day:02}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_date_stands_for_its_first_moment_in_utc() {
        for (date, moment) in [
            ("1970", "1970-01-01T00:00:00.000000000Z"),
            ("2024-03", "2024-03-01T00:00:00.000000000Z"),
            ("2026-05-08", "2026-05-08T00:00:00.000000000Z"),
            ("2000-02-29", "2000-02-29T00:00:00.000000000Z"),
        ] {
            let parsed: Date = date.parse().unwrap();
            assert_eq!(String::from_utf8_lossy(&parsed.start().rfc3339()), moment);
            assert_eq!(parsed.to_string(), date);
        }
    }

    #[test]
    fn what_is_no_date_is_refused_with_what_to_write() {
        for wrong in [
            "",
            "26",
            "2026-5",
            "2026-13",
            "2026-00",
            "2026-02-30",
            "2025-02-29",
            "2026-05-08-1",
            "2026-05-08T10:00",
            "May 2026",
            "２０２６",
        ] {
            assert!(wrong.parse::<Date>().is_err(), "{wrong}");
        }
        assert!("2026-5".parse::<Date>().unwrap_err().contains("write 2025, 2025-09 or 2025-09-04"));
    }

    #[test]
    fn dates_are_in_order_of_their_first_day() {
        let mut dates: Vec<Date> = ["2026-05-08", "2025-09", "2026", "2025-11-14"].iter().map(|d| d.parse().unwrap()).collect();
        dates.sort();
        let said: Vec<String> = dates.iter().map(ToString::to_string).collect();
        assert_eq!(said, ["2025-09", "2025-11-14", "2026", "2026-05-08"]);
    }
}
