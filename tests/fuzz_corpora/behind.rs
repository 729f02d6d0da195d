//! First inputs for the target `opened`: what goes by behind encryption, which the target seals.

use intransit::base::Dir::{self, Client as C, Server as S};
use intransit::fuzzing::Turns;

const PHRASE: &[u8] = b"maroon walrus juggles 3407";

/// What protects a turn: see the target.
const DATA: u8 = 0;
const HANDSHAKE: u8 = 1;
const EARLY: u8 = 2;
const CLEAR: u8 = 3;

fn after_updates(n: u8) -> u8 {
    DATA | n << 2
}

fn after_missing(n: u8) -> u8 {
    DATA | n << 5
}

/// Bits of the first octet.
const QUIC_V2: u8 = 1;
const DTLS: u8 = 2;
const TLS: u8 = 3;
const NO_HELLOS: u8 = 4;
const WAITS: u8 = 8;
const KEYS_LATE: u8 = 16;
const NO_KEYS: u8 = 32;
const UNWATCHED: u8 = 64;

type Turn = (Dir, u8, Vec<u8>);

fn crypto(at: u8, message: &[u8]) -> Vec<u8> {
    [&[6, at, 0x40, message.len() as u8][..], message].concat()
}

fn stream(id: u8, at: u8, fin: bool, bytes: &[u8]) -> Vec<u8> {
    [&[0x0e | u8::from(fin), id, at, 0x40, bytes.len() as u8][..], bytes].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0, 0, body.len() as u8][..], body].concat()
}

/// The server's flight without a certificate, and the client's Finished.
fn flight() -> Vec<u8> {
    [message(8, &[0, 9, 0, 16, 0, 5, 0, 3, 2, b'h', b'3']), message(20, &[4; 32])].concat()
}

fn quic() -> Vec<(&'static str, Vec<Turn>)> {
    // HTTP/3: a request with HEADERS and DATA, the control stream, and QPACK's streams.
    let headers: &[u8] = &[1, 0x11, 0, 0, 0xd4, 0xd7, 0x50, 0x0a, b'c', b'h', b'a', b't', b'.', b'l', b'o', b'c', b'a', b'l', 0xc1];
    let said = [headers, &[0, PHRASE.len() as u8], PHRASE].concat();
    let answer = [&[1, 3, 0, 0, 0xd9][..], &[0, PHRASE.len() as u8], PHRASE].concat();
    let begin = || vec![(S, HANDSHAKE, crypto(0, &flight())), (C, HANDSHAKE, crypto(0, &message(20, &[5; 32])))];
    let with = |more: Vec<Turn>| [begin(), more].concat();
    let control = vec![(C, DATA, stream(2, 0, false, &[0, 4, 4, 1, 0x40, 100, 7])), (S, DATA, stream(3, 0, false, &[0, 4, 2, 1, 0]))];
    let talk = with([control, vec![(C, DATA, stream(0, 0, true, &said)), (S, DATA, stream(0, 0, true, &answer))]].concat());
    let (first, rest) = said.split_at(20);
    let at = first.len() as u8;
    let every_frame = [
        &[0x01][..],
        &[2, 5, 0, 1, 1, 0, 1],
        &[3, 6, 0, 0, 2, 1, 2, 3],
        &[4, 0, 1, 10],
        &[5, 0, 1],
        &[7, 3, 1, 2, 3],
        &[0x10, 0x44, 0],
        &[0x11, 0, 0x44, 0],
        &[0x12, 9],
        &[0x13, 9],
        &[0x14, 9],
        &[0x15, 0, 9],
        &[0x16, 9],
        &[0x17, 9],
        &[0x18, 1, 0, 8, 0xd7, 0xd7, 0xd7, 0xd7, 0xd7, 0xd7, 0xd7, 0xd7, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        &[0x19, 0],
        &[0x1a, 1, 2, 3, 4, 5, 6, 7, 8],
        &[0x1b, 1, 2, 3, 4, 5, 6, 7, 8],
        &[0x1e],
        &[0x31, 4, 1, 2, 3, 4],
        &[0x08, 4, b'x'],
    ];
    let ticket = message(4, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 9, 0, 0]);
    vec![
        ("talk", talk.clone()),
        (
            "early",
            vec![
                (C, EARLY, stream(0, 0, true, &said)),
                (S, HANDSHAKE, crypto(0, &flight())),
                (C, EARLY, stream(4, 0, false, first)),
                (C, HANDSHAKE, crypto(0, &message(20, &[5; 32]))),
                (C, DATA, stream(4, at, true, rest)),
            ],
        ),
        (
            "updates",
            with(vec![
                (C, after_updates(0), stream(0, 0, false, first)),
                (C, after_updates(1), stream(0, at, true, rest)),
                (S, after_updates(1), stream(0, 0, true, &answer)),
                (C, after_updates(0), vec![1]),
                (C, after_updates(5), stream(4, 0, true, &said)),
                (S, after_updates(2), stream(4, 0, true, &answer)),
                (S, after_updates(7), vec![1]),
            ]),
        ),
        (
            "holes",
            with(vec![
                (C, after_missing(3), stream(0, at, true, rest)),
                (C, DATA, stream(0, 0, false, first)),
                (C, DATA, stream(4, at, true, rest)),
                (S, after_missing(7), [&[2, 3, 0, 0, 0][..], &stream(0, 0, false, &answer)].concat()),
                (S, DATA, vec![2, 1, 0, 0, 9]),
                (S, DATA, vec![4, 0, 1, 30]),
            ]),
        ),
        ("frames", with(every_frame.iter().flat_map(|frame| [(C, DATA, frame.to_vec()), (S, DATA, frame.to_vec())]).collect())),
        ("datagrams", with(vec![(C, DATA, [&[0x30][..], PHRASE].concat()), (C, DATA, vec![0x40, 0x99, 1, 2])])),
        (
            "late crypto",
            with(vec![(S, DATA, crypto(0, &ticket)), (S, DATA, crypto(40, &ticket)), (C, DATA, crypto(0, &message(13, &[0, 0, 0])))]),
        ),
        ("refused", vec![(S, HANDSHAKE, vec![0x1c, 0x41, 0x28, 0, 2, b'n', b'o']), (C, HANDSHAKE, vec![0x1c, 0x41, 0x30, 0, 0])]),
        ("closed", [talk, vec![(C, DATA, vec![0x1d, 0x41, 0, 0]), (S, DATA, vec![0x1c, 10, 0, 0])]].concat()),
        ("split flight", {
            let flight = flight();
            let (one, two) = flight.split_at(10);
            vec![(S, HANDSHAKE, crypto(10, two)), (S, HANDSHAKE, crypto(0, one)), (C, CLEAR, vec![2, 0, 0, 0, 0])]
        }),
    ]
}

/// Records: of DTLS where `dtls`, whose messages have a number and a place, else of TLS.
fn records(dtls: bool) -> Vec<(&'static str, Vec<Turn>)> {
    let message = |kind: u8, number: u8, body: &[u8]| {
        let whole = message(kind, body);
        if !dtls {
            return [&[22][..], &whole].concat();
        }
        let (head, body) = whole.split_at(4);
        [&[22][..], head, &[0, number, 0, 0, 0, 0, 0, body.len() as u8], body].concat()
    };
    let data = |bytes: &[u8]| [&[23][..], bytes].concat();
    let extensions: &[u8] = &[0, 9, 0, 16, 0, 5, 0, 3, 2, b'h', b'2'];
    let ready = || {
        vec![
            (S, HANDSHAKE, message(8, 1, extensions)),
            (S, HANDSHAKE, message(13, 2, &[0, 0, 0])),
            (S, HANDSHAKE, message(20, 3, &[4; 32])),
            (C, HANDSHAKE, message(11, 1, &[0, 0, 0, 0])),
            (C, HANDSHAKE, message(20, 2, &[5; 32])),
        ]
    };
    let with = |more: Vec<Turn>| [ready(), more].concat();
    let update = |number| message(24, number, &[1]);
    let talk = vec![(C, DATA, data(PHRASE)), (S, DATA, data(b"heard")), (S, DATA, vec![26, 1, 2, 3]), (C, DATA, vec![21, 1, 0])];
    vec![
        ("talk", with(talk)),
        ("early", vec![(C, EARLY, data(PHRASE)), (S, HANDSHAKE, message(8, 1, &[0, 4, 0, 42, 0, 0])), (C, EARLY, message(5, 1, &[]))]),
        (
            "updates",
            with(vec![
                (C, DATA, update(3)),
                (C, after_updates(1), data(PHRASE)),
                (S, DATA, update(4)),
                (S, after_updates(1), data(PHRASE)),
                (S, after_updates(1), update(5)),
                (S, after_updates(2), data(PHRASE)),
                (S, after_updates(3), data(PHRASE)),
                (S, after_updates(4), data(PHRASE)),
                (S, after_updates(5), data(PHRASE)),
                (C, DATA, data(b"late")),
            ]),
        ),
        ("holes", with(vec![(C, after_missing(4), data(PHRASE)), (S, after_missing(7), data(b"x")), (S, DATA, data(b"y"))])),
        (
            "ticket",
            with(vec![(S, DATA, message(4, 4, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 9, 0, 0])), (S, DATA, message(13, 5, &[0, 0, 0]))]),
        ),
        ("refused", vec![(S, HANDSHAKE, vec![21, 2, 40]), (C, HANDSHAKE, vec![21, 2, 48])]),
        ("foreign", with(vec![(C, CLEAR, data(PHRASE)), (S, CLEAR, vec![20, 1]), (S, CLEAR, vec![21, 2, 80]), (C, CLEAR, vec![99, 1])])),
    ]
}

/// By name.
pub fn all() -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    for (carrier, which, talks) in
        [("quic", 0, quic()), ("quic 2", QUIC_V2, quic()), ("dtls", DTLS, records(true)), ("tls", TLS, records(false))]
    {
        for (name, turns) in talks {
            let turns: Vec<(Dir, Vec<u8>)> = turns.into_iter().map(|(dir, head, rest)| (dir, [&[head][..], &rest].concat())).collect();
            let turns: Vec<(Dir, &[u8])> = turns.iter().map(|(dir, bytes)| (*dir, bytes.as_slice())).collect();
            for how in [0, NO_HELLOS, WAITS, WAITS | KEYS_LATE, WAITS | NO_KEYS, NO_KEYS, UNWATCHED] {
                out.push((format!("{carrier}-{name}-{how}").replace(' ', "-"), Turns::write(which | how, 0, &turns)));
            }
        }
    }
    out
}

/// A key log with every kind of line, and a connection of none of them: for the target `keylog`.
pub fn every_line() -> Vec<u8> {
    let (random, secret) = ("07".repeat(32), "ab".repeat(32));
    let mut log = b"\xef\xbb\xbf# a comment\r\n\n".to_vec();
    for label in [
        "CLIENT_RANDOM",
        "PMS_CLIENT_RANDOM",
        "CLIENT_EARLY_TRAFFIC_SECRET",
        "QUIC_CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_7",
        "SERVER_TRAFFIC_SECRET_99999999",
        "CLIENT_TRAFFIC_SECRET_N",
        "EXPORTER_SECRET",
        "ECH_CONFIG",
        "NOTHING_KNOWN",
    ] {
        log.extend(format!("{label} {random} {secret}\n").bytes());
    }
    log.extend(b"RSA 0102030405060708 abcd\nRSA 01 ab\nCLIENT_RANDOM xyz 00\nCLIENT_RANDOM 07 00 00\n");
    [&(log.len() as u16).to_be_bytes()[..], &log, &Turns::write(0, 0, &[(C, &[22, 3, 1, 0, 4, 1, 0, 0, 0])])].concat()
}
