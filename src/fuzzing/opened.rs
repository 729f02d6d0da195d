//! What is behind encryption: the target seals it, and gives the keys. QUIC's packets of every level, records of DTLS 1.3 and TLS 1.3.

use std::fmt::Write as _;
use std::sync::Arc;

use super::seal::{Carrier, Level, Sealer};
use super::talk;
use super::turns::{Turn, Turns};
use super::{seal, sinks};
use crate::base::{Dir, FrameNo};
use crate::dissect::Equipment;
use crate::dissect::inside::{Gathered, Quest, Watched};
use crate::dissect::keys::Keys;
use crate::flow::{Endpoint, FlowKey, Transport};

/// A dialogue. Its first octet says how it is carried (bits 0 and 1), and whether the hellos are missing (2), whether the connection waits for
/// keys (3), whether these come only when half of it was sent (4) or never (5), and whether nobody looks inside (6). The first octet of each
/// turn says what protects it (bits 0 and 1; 3 is nothing: frames of an Initial packet, or a record as it is), how many key updates came before
/// (2 to 4) and how many packets or records are missing before it (5 to 7). The rest are the packet's frames, or a record's type and content.
pub(super) fn opened(bytes: &[u8]) {
    let _ = looked(bytes);
}

/// What was found in what opened.
fn looked(bytes: &[u8]) -> Vec<Watched> {
    let (which, turns) = Turns::read(bytes);
    let carrier = match which & 3 {
        0 => Carrier::QuicV1,
        1 => Carrier::QuicV2,
        2 => Carrier::Dtls13,
        _ => Carrier::Tls13,
    };
    let Some(quest) = super::inside::quest() else { return Vec::new() };
    let mut sealer = Sealer::new(carrier);
    let mut sent: Vec<(Dir, Vec<u8>)> = if which & 4 == 0 { sealer.hellos() } else { Vec::new() };
    sent.extend(turns.filter_map(|turn| match turn {
        Turn::Says(dir, [head, rest @ ..]) => turned(&mut sealer, dir, *head, rest).map(|sealed| (dir, sealed)),
        _ => None,
    }));
    let parts: Vec<(Dir, &[u8])> = sent.iter().map(|(dir, bytes)| (*dir, bytes.as_slice())).collect();
    let dialogue = Turns::write(0, 0, &parts);
    let (_, dialogue) = Turns::read(&dialogue);

    let keys = Arc::new(Keys::default());
    let gathered = Gathered::default();
    let sinks = (which & 64 == 0).then(|| gathered.sinks(Quest::clone(&quest)));
    let waits = which & 8 != 0;
    let equipment = Equipment { sinks, patient: waits, growing: waits, ..Equipment::with_keys(Arc::clone(&keys)) };
    let makers = equipment.makers();
    let end = |port| Endpoint { ip: std::net::Ipv4Addr::LOCALHOST.into(), port };
    let key = |transport| FlowKey::new(transport, end(50_000), end(443)).0;
    let at = if which & 16 == 0 { 0 } else { sent.len() / 2 };
    let logs = |n: usize| {
        if n == at && which & 32 == 0 {
            keys.add_log(key_log().as_bytes());
        }
    };
    if carrier == Carrier::Tls13 {
        let key = key(Transport::Tcp);
        sinks::check(Transport::Tcp, talk::stream_with(&dialogue, &|| (makers.stream)(&key, FrameNo::FIRST), &logs));
    } else {
        let key = key(Transport::Udp);
        sinks::check(Transport::Udp, talk::datagrams_with(&dialogue, &|| (makers.datagrams)(&key, FrameNo::FIRST), &logs));
    }
    let _ = equipment.counts();
    gathered.take()
}

fn turned(sealer: &mut Sealer, dir: Dir, head: u8, rest: &[u8]) -> Option<Vec<u8>> {
    let level = match head & 3 {
        0 => Level::Data,
        1 => Level::Handshake,
        2 => Level::Early,
        _ => return sealer.in_clear(dir, rest),
    };
    sealer.skip(dir, level, u64::from(head >> 5));
    sealer.sealed(dir, level, head >> 2 & 7, rest)
}

/// The key log of what the sealer seals.
fn key_log() -> String {
    let mut log = String::new();
    let random = hexadecimal(&seal::RANDOM);
    for (label, dir, level) in [
        ("CLIENT_EARLY_TRAFFIC_SECRET", Dir::Client, Level::Early),
        ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Dir::Client, Level::Handshake),
        ("SERVER_HANDSHAKE_TRAFFIC_SECRET", Dir::Server, Level::Handshake),
        ("CLIENT_TRAFFIC_SECRET_0", Dir::Client, Level::Data),
        ("SERVER_TRAFFIC_SECRET_0", Dir::Server, Level::Data),
    ] {
        let _ = writeln!(log, "{label} {random} {}", hexadecimal(&seal::secret(dir, level)));
    }
    log
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_target_seals_is_opened_in_every_carrier_and_only_with_keys() {
        const PHRASE: &[u8] = b"maroon walrus juggles 3407";
        let stream = [&[0, 0x0a, 0, 26][..], PHRASE].concat();
        let update = [0, 22, 24, 0, 0, 1, 1];
        let record = [&[0, 23][..], PHRASE].concat();
        let later = [&[1 << 2, 23][..], PHRASE].concat();
        for (carrier, turns) in [
            (0, vec![(Dir::Client, &stream[..])]),
            (1, vec![(Dir::Client, &stream[..])]),
            (2, vec![(Dir::Client, &record[..])]),
            (3, vec![(Dir::Client, &update[..]), (Dir::Client, &later[..])]),
        ] {
            let hits = |how: u8| looked(&Turns::write(carrier | how, 0, &turns)).iter().map(|of| of.found.hits.len()).sum::<usize>();
            assert!(hits(0) > 0, "carrier {carrier}");
            // The keys come late, and the connection waits for them; they never come; or nobody looks.
            assert!(hits(8 | 16) > 0, "carrier {carrier}, late");
            assert_eq!((hits(32), hits(64)), (0, 0), "carrier {carrier}");
        }
    }
}
