//! Syslog over UDP (RFC 5424 §6, RFC 3164 §4): recognised by its priority and what must follow it.

use super::telltale::{Named, Reads, Telltale, Unlike, require};
use crate::base::{Dir, Exposed};

/// Syslog.
pub type Syslog = Named<Message>;

/// A message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message;

/// RFC 5424 §6.2.1: 24 facilities of 8 severities.
const MOST_PRIORITY: u16 = 191;
const MONTHS: [&[u8]; 12] = [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

impl Telltale for Message {
    const NAME: &'static str = "syslog";
    const IS_READ: bool = true;

    fn read(bytes: &[u8]) -> Result<usize, Unlike> {
        let inner = bytes.strip_prefix(b"<").ok_or(Unlike::Other)?;
        let digits = inner.iter().take(4).position(|&b| b == b'>').ok_or(Unlike::Other)?;
        let (priority, rest) = inner.split_at_checked(digits).ok_or(Unlike::Other)?;
        let number = std::str::from_utf8(priority).ok().and_then(|text| text.parse::<u16>().ok()).ok_or(Unlike::Other)?;
        require(number <= MOST_PRIORITY && (priority == b"0" || priority.first() != Some(&b'0')))?;
        let rest = rest.get(1..).unwrap_or_default();
        let dated = is_dated(rest) || is_old_style(rest);
        require(dated && rest.iter().take(64).all(|&b| b >= b' ' && b != 0x7f || matches!(b, b'\t' | b'\n' | b'\r')))?;
        Ok(digits.saturating_add(2).saturating_add(4))
    }

    fn readable(bytes: &[u8]) -> Option<Reads<'_>> {
        Message::read(bytes).ok().map(|_| Reads::new(Exposed::Content, "log message", bytes))
    }

    fn sender(_: &[u8]) -> Option<Dir> {
        Some(Dir::Client)
    }
}

/// `1 2024-05-01T…` or `1 - ` (RFC 5424 §6.2).
fn is_dated(rest: &[u8]) -> bool {
    match rest.strip_prefix(b"1 ") {
        Some([b'-', b' ', ..]) => true,
        Some([a, b, c, d, b'-', e, f, b'-', ..]) => [a, b, c, d, e, f].into_iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// `May  1 09:00:00` (RFC 3164 §4.1.2).
fn is_old_style(rest: &[u8]) -> bool {
    let Some((month, time)) = rest.split_at_checked(3) else { return false };
    MONTHS.contains(&month)
        && matches!(time, [b' ', a, b, b' ', c, d, b':', e, f, b':', ..]
            if (*a == b' ' || a.is_ascii_digit()) && [b, c, d, e, f].into_iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::super::Probe;
    use super::super::testing::{C, probe, survives, talk};
    use super::*;

    #[test]
    fn messages_of_both_norms_are_readable() {
        for message in
            [&b"<34>1 2024-05-01T09:00:00Z host app - - - hello"[..], b"<0>1 - - - - - -", b"<13>May  1 09:00:00 host app: hello"]
        {
            let talk = talk::<Syslog>(&[(C, message)], usize::MAX);
            assert!(talk.says(r#"network.protocol Text("syslog") observed [#1]"#));
            assert!(talk.says(r#"[Text("content"), Text("log message"), Number(1), "#), "{:?}", talk.said());
        }
    }

    #[test]
    fn look_alikes_are_refused() {
        for other in
            ["<192>1 - x", "<a>1 - x", "<34>hello", "<034>1 - x", "<34>1 24-05", "<34>Foo  1 09:00:00", "<html><b>1 -", "<34>", "<", ""]
        {
            assert_eq!(probe::<Syslog>(other.as_bytes()), Probe::No, "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, text in "<[0-9]{0,4}>[ -~]{0,40}") {
            survives::<Syslog>(&random, usize::MAX);
            survives::<Syslog>(&[(true, text.into_bytes())], usize::MAX);
        }
    }
}
