//! Zeek's ASCII format: a header of `#` lines, values separated by tabs.

use super::logs::Log;
use super::{Cell, line, seconds};

/// Writes one log.
#[derive(Debug)]
pub struct Tsv {
    log: &'static Log,
}

impl Tsv {
    /// Begins the log: its header.
    pub fn begin(log: &'static Log, out: &mut Vec<u8>) -> Tsv {
        let join = |part: fn(&(&'static str, &'static str)) -> &'static str| log.fields.iter().map(part).collect::<Vec<_>>().join("\t");
        // No time of opening: the same capture gives the same log.
        line(
            out,
            format_args!(
                "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t{}\n#fields\t{}\n#types\t{}\n",
                log.path,
                join(|(name, _)| name),
                join(|(_, kind)| kind)
            ),
        );
        Tsv { log }
    }

    /// The log this is.
    #[must_use]
    pub fn path(&self) -> &'static str {
        self.log.path
    }

    /// Adds a record.
    pub fn record(&self, out: &mut Vec<u8>, cells: &[Cell]) {
        for (n, cell) in cells.iter().enumerate() {
            if n > 0 {
                out.push(b'\t');
            }
            match cell {
                Cell::Unset => out.push(b'-'),
                Cell::Time(nanos) => line(out, format_args!("{}", seconds(*nanos))),
                Cell::Interval(nanos) => line(out, format_args!("{}", seconds(i64::try_from(*nanos).unwrap_or(i64::MAX)))),
                Cell::Count(n) => line(out, format_args!("{n}")),
                Cell::Bool(is) => out.push(if *is { b'T' } else { b'F' }),
                Cell::Text(text) => escaped(out, text, false),
                Cell::Texts(list) if list.is_empty() => out.extend_from_slice(b"(empty)"),
                Cell::Texts(list) => {
                    for (n, text) in list.iter().enumerate() {
                        if n > 0 {
                            out.push(b',');
                        }
                        escaped(out, text, true);
                    }
                }
            }
        }
        out.push(b'\n');
    }
}

/// Separators, controls and what would be read as unset or empty become `\xNN`.
fn escaped(out: &mut Vec<u8>, text: &str, in_set: bool) {
    if text.is_empty() {
        return out.extend_from_slice(b"(empty)");
    }
    if text == "-" {
        return out.extend_from_slice(b"\\x2d");
    }
    if text == "(empty)" {
        return out.extend_from_slice(b"\\x28empty)");
    }
    for c in text.chars() {
        match c {
            '\t' | '\n' | '\r' => line(out, format_args!("\\x{:02x}", u32::from(c))),
            ',' if in_set => out.extend_from_slice(b"\\x2c"),
            c => line(out, format_args!("{c}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::present::export::zeek::LOGS;

    #[test]
    fn what_would_be_read_as_a_separator_or_as_unset_is_escaped() {
        let mut out = Vec::new();
        let [conn, ..] = &LOGS;
        let tsv = Tsv::begin(conn, &mut out);
        out.clear();
        let list = Cell::Texts(vec!["a,b".into(), "c".into()]);
        tsv.record(
            &mut out,
            &[Cell::Text("a\tb".into()), Cell::Text("-".into()), list, Cell::Texts(Vec::new()), Cell::Unset, Cell::Bool(true)],
        );
        assert_eq!(String::from_utf8_lossy(&out), "a\\x09b\t\\x2d\ta\\x2cb,c\t(empty)\t-\tT\n");
    }
}
