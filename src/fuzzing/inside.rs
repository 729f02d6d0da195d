//! Looking inside: the framings of applications, and what their content is wrapped in.

use std::sync::{Arc, OnceLock};

use super::turns::{Frames, Turn, Turns};
use crate::base::Dir;
use crate::dissect::inside::{Found, Inside, Keep, Medium, Needles, Quest};

pub(super) fn quest() -> Option<Arc<Quest>> {
    static QUEST: OnceLock<Option<Arc<Quest>>> = OnceLock::new();
    QUEST
        .get_or_init(|| {
            // The second control phrase is the one that the unit tests of looking inside wrap: their inputs are first inputs here.
            let control = ["control one".to_owned(), "purple-otter-47112-clover".to_owned()];
            let needles = Needles::new("maroon walrus juggles 3407", &control).ok()?;
            Some(Arc::new(Quest { needles, since: None, keep: Keep::Layers }))
        })
        .clone()
}

fn look(turns: &Turns<'_>, carrier: &str, medium: impl Fn(u8) -> Medium) {
    let Some(quest) = quest() else { return };
    let (mut inside, mut frames) = (Inside::new(quest), Frames::new());
    for turn in turns.clone() {
        match turn {
            Turn::Says(dir, bytes) => {
                let (medium, bytes) = match (medium(0), bytes) {
                    (Medium::QuicStream(_), [id, bytes @ ..]) => (medium(*id), bytes),
                    (other, bytes) => (other, bytes),
                };
                for piece in turns.pieces(bytes) {
                    inside.bytes(carrier, medium, &frames.window(dir, piece));
                }
            }
            Turn::Missing(dir, octets) => inside.gap(medium(0), dir, Some(octets)),
        }
    }
    check(&inside.close());
}

/// What is told is made of printable characters, and everything that is kept is within its bounds.
fn check(found: &Found) {
    for hit in &found.hits {
        super::sinks::assert_clean(&hit.chain, "");
        super::sinks::assert_clean(&hit.excerpt, "");
    }
    for opaque in &found.opaque {
        super::sinks::assert_clean(&opaque.chain, "");
    }
}

/// Any stream.
pub(super) fn stream(turns: &Turns<'_>) {
    look(turns, "TCP", |_| Medium::Stream);
}

/// HTTP/2 with HPACK, gRPC and what else it carries: the client's preface stands before the first turn of each side.
pub(super) fn http2(bytes: &[u8]) {
    let (which, turns) = Turns::read(bytes);
    let mut all: Vec<(Dir, &[u8])> =
        vec![(Dir::Client, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"), (Dir::Server, b"\0\0\0\x04\0\0\0\0\0")];
    if which & 1 == 1 {
        all.clear();
    }
    let piece = u8::try_from(turns.piece).unwrap_or(0);
    all.extend(turns.filter_map(|turn| if let Turn::Says(dir, bytes) = turn { Some((dir, bytes)) } else { None }));
    let dialogue = Turns::write(0, piece, &all);
    look(&Turns::read(&dialogue).1, "TLS 1.3", |_| Medium::Stream);
}

/// HTTP/3 with QPACK: the first octet of each turn is the number of its stream.
pub(super) fn http3(bytes: &[u8]) {
    look(&Turns::read(bytes).1, "QUIC", |id| Medium::QuicStream(u64::from(id)));
}

/// Messages in whatever they are wrapped in.
pub(super) fn unpack(bytes: &[u8]) {
    let (which, turns) = Turns::read(bytes);
    match which % 3 {
        0 => look(&turns, "UDP", |_| Medium::Datagrams),
        1 => look(&turns, "DTLS 1.2", |_| Medium::Records),
        _ => stream(&turns),
    }
}
