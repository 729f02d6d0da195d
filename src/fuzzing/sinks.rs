//! What every output must hold whatever the bytes were.

use super::turns::Frames;
use crate::assess::{Catalogue, Judged};
use crate::base::{Facts, FrameNo, Reader, Timestamp, WireStr};
use crate::flow::{Connection, Endpoint, Tally, Transport};
use crate::present::export::Format;

/// The connection that facts are told of.
fn connection(transport: Transport, facts: Facts) -> Connection {
    let end = |octets: [u8; 4], port| Endpoint { ip: octets.into(), port };
    let frame = Frames::new().frame(&[]);
    Connection {
        transport,
        client: end([192, 0, 2, 1], 50_000),
        server: end([198, 51, 100, 2], 443),
        guessed: false,
        first_frame: FrameNo::FIRST,
        last_frame: FrameNo::FIRST.next(),
        start: frame.at,
        end: Timestamp::from_nanos(frame.at.nanos() + 1),
        sent: [Tally { packets: 2, bytes: 200, payload: 100 }; 2],
        vlan: None,
        truncated: 0,
        facts,
    }
}

/// A judged connection, for filters.
pub(super) fn sample() -> Judged {
    Judged::of(connection(Transport::Tcp, Facts::new()), Catalogue::own())
}

/// Facts survive being put away, and what is told of them holds no control character.
pub(super) fn check(transport: Transport, mut facts: Facts) {
    facts.sort();
    let mut frozen = Vec::new();
    facts.freeze(&mut frozen);
    let thawed = Facts::thaw(&mut Reader::new(&frozen)).unwrap_or_default();
    assert_eq!(format!("{:?}", facts.list()), format!("{:?}", thawed.list()), "facts that were put away come back");
    tell(&Judged::of(connection(transport, facts), Catalogue::own()), &["jsonl"]);
}

fn tell(judged: &Judged, formats: &[&str]) {
    let name = WireStr::new(b"capture.pcap");
    for format in formats {
        let Some(format) = Format::named(format) else { continue };
        let (mut writer, mut out) = (format.writer(), Vec::new());
        let written = writer.begin(&mut out).and_then(|()| writer.connection(&mut out, &name, judged)).and_then(|()| writer.end(&mut out));
        assert!(written.is_ok(), "{}: {written:?}", format.name);
        let text = std::str::from_utf8(&out).unwrap_or("\0");
        assert_clean(text, if format.name == "csv" { "\r\n" } else { "\n" });
    }
}

/// No control character but those of the format, none that turns the direction of text, and no escape of a terminal.
pub(super) fn assert_clean(text: &str, format: &str) {
    let bad = text.chars().find(|&c| {
        !format.contains(c)
            && (c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    });
    assert!(bad.is_none(), "{bad:?} in {text:?}");
}

/// Any capture, in every format and as a report.
pub(super) fn sinks(bytes: &[u8]) {
    let Some(analysis) = super::packets::analyse(bytes) else { return };
    for judged in analysis.judged() {
        tell(&judged, &["jsonl", "json", "csv", "md", "table", "eve", "zeek"]);
    }
    super::packets::report(&analysis);
}
