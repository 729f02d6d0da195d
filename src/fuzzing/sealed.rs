//! QUIC Initial packets, sealed here: bytes that are changed at random never authenticate.

use rustls::Side;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::quic::{DirectionalKeys, Keys, Version};

use super::sinks;
use super::talk;
use super::turns::{Turn, Turns};
use crate::base::Dir;
use crate::dissect::quic::Quic;
use crate::flow::Transport;

/// The destination connection id of the client's first packet, and the server's own.
pub(super) const IDS: [[u8; 8]; 2] = [[0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08], [0xf0, 0x67, 0xa5, 0x50, 0x2a, 0x42, 0x62, 0xb5]];

/// Each turn is the payload of an Initial packet: its frames. The first octet of a turn is the packet number.
pub(super) fn initial(bytes: &[u8]) {
    let (which, turns) = Turns::read(bytes);
    let v2 = which & 1 == 1;
    let mut datagrams: Vec<(Dir, Vec<u8>)> = Vec::new();
    for turn in turns {
        if let Turn::Says(dir, [number, frames @ ..]) = turn
            && let Some(packet) = initial_packet(v2, dir, *number, frames)
        {
            // Two packets may share a datagram.
            match datagrams.last_mut() {
                Some((last, datagram)) if which & 2 != 0 && *last == dir && datagram.len() + packet.len() < 8000 => datagram.extend(packet),
                _ => datagrams.push((dir, packet)),
            }
        }
    }
    let parts: Vec<(Dir, &[u8])> = datagrams.iter().map(|(dir, bytes)| (*dir, bytes.as_slice())).collect();
    let dialogue = Turns::write(0, 0, &parts);
    sinks::check(Transport::Udp, talk::datagrams(&Turns::read(&dialogue).1, &Quic::default));
}

/// An Initial packet (RFC 9000 §17.2.2) with these frames, padded so that a sample can be taken of it.
pub(super) fn initial_packet(v2: bool, dir: Dir, number: u8, frames: &[u8]) -> Option<Vec<u8>> {
    let [client, server] = IDS;
    let keys = directional(v2, dir)?;
    let (to, from): (&[u8], &[u8]) = if dir == Dir::Client { (&client, &[]) } else { (&[], &server) };
    let mut body = frames.to_vec();
    body.resize(body.len().max(20), 0);
    let mut packet = if v2 { vec![0xd0, 0x6b, 0x33, 0x43, 0xcf] } else { vec![0xc0, 0, 0, 0, 1] };
    for id in [to, from] {
        packet.push(u8::try_from(id.len()).ok()?);
        packet.extend_from_slice(id);
    }
    packet.push(0);
    packet.extend((0x8000_0000 | u32::try_from(1 + body.len() + 16).ok()?).to_be_bytes());
    let number_at = packet.len();
    packet.push(number);
    let tag = keys.packet.encrypt_in_place(u64::from(number), &packet, &mut body).ok()?;
    packet.extend_from_slice(&body);
    packet.extend_from_slice(tag.as_ref());
    let sample = packet.get(number_at + 4..number_at + 20)?.to_vec();
    let (first, rest) = packet.split_first_mut()?;
    keys.header.encrypt_in_place(&sample, first, rest.get_mut(number_at - 1..number_at)?).ok()?;
    Some(packet)
}

/// The keys that Initial packets of this side are sealed with.
fn directional(v2: bool, dir: Dir) -> Option<DirectionalKeys> {
    let suite = TLS13_AES_128_GCM_SHA256.tls13()?;
    let [origin, _] = &IDS;
    let keys = Keys::initial(if v2 { Version::V2 } else { Version::V1 }, suite, suite.quic?, origin, Side::Client);
    Some(if dir == Dir::Client { keys.local } else { keys.remote })
}
