//! OpenVPN packets (the comments in the reference implementation's `ssl_pkt.h` and `tls_crypt.h`; draft-openvpn-wire-protocol).

use crate::base::{Dir, Reader, Short};

/// Packet types: the upper five bits of the first octet; the lower three are the key id.
pub(super) mod opcode {
    pub const CONTROL_V1: u8 = 4;
    pub const HARD_RESET_CLIENT_V2: u8 = 7;
    pub const HARD_RESET_SERVER_V2: u8 = 8;
    pub const HARD_RESET_CLIENT_V3: u8 = 10;
    pub const LAST: u8 = 11;
}

/// Octets of the lengths that the digests of `tls-auth` can have: MD5, SHA-1, SHA-224 to SHA-512.
const DIGESTS: [usize; 6] = [16, 20, 28, 32, 48, 64];
/// Octets of opcode and session id.
const HEAD: usize = 9;
/// Octets of the packet id and time that stop replays.
const REPLAY: usize = 8;
/// The tag of `tls-crypt`.
const TAG: usize = 32;
/// How often a first packet may have been repeated.
const MOST_REPEATED: u32 = 64;
/// A list of acknowledgements is not longer (`RELIABLE_ACK_SIZE`).
const MOST_ACKS: u8 = 8;

/// How the control channel is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrapping {
    /// Not at all.
    Plain,
    /// `tls-auth`: a digest of so many octets; readable.
    Authenticated(usize),
    /// `tls-crypt` and `tls-crypt-v2`: encrypted with a key that was shared before.
    Encrypted,
}

/// A session id, chosen by each side at random.
pub(super) type SessionId = [u8; 8];

/// The packet that opens a connection, from either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reset {
    pub from: Dir,
    pub wrapping: Wrapping,
    pub session: SessionId,
    /// The session that it answers, where that is readable.
    pub answers: Option<SessionId>,
}

/// A packet of the control channel, as far as it is in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Control {
    /// The other side's session, when something is acknowledged.
    pub remote: Option<SessionId>,
    pub acks: u8,
    pub id: u32,
    /// Where its payload begins.
    pub payload: usize,
}

impl Reset {
    /// Reads a packet that opens a connection, strictly: every octet that is not random is checked.
    pub fn read(packet: &[u8]) -> Option<Reset> {
        let mut r = Reader::new(packet);
        let first = r.u8().ok()?;
        let session: SessionId = r.array().ok()?;
        if first & 7 != 0 || session == [0; 8] {
            return None;
        }
        let made = |from, wrapping, answers| Some(Reset { from, wrapping, session, answers });
        match first >> 3 {
            opcode::HARD_RESET_CLIENT_V2 => match client(packet) {
                Some(wrapping) => made(Dir::Client, wrapping, None),
                None => made(Dir::Client, encrypted(packet, packet.len() == HEAD + REPLAY + TAG + 5)?, None),
            },
            opcode::HARD_RESET_CLIENT_V3 => {
                // The client's wrapped key ends with its own length.
                let [.., high, low] = *packet else { return None };
                let key = usize::from(u16::from_be_bytes([high, low]));
                let fits = key > TAG && packet.len() == HEAD + REPLAY + TAG + 5 + key;
                made(Dir::Client, encrypted(packet, fits)?, None)
            }
            opcode::HARD_RESET_SERVER_V2 => match server(packet) {
                Some((wrapping, answers)) => made(Dir::Server, wrapping, Some(answers)),
                // One acknowledgement at least is inside, and perhaps a few flags.
                None => made(Dir::Server, encrypted(packet, (66..=160).contains(&packet.len()))?, None),
            },
            _ => None,
        }
    }
}

/// Nothing is acknowledged, and the packet is the first.
fn client(packet: &[u8]) -> Option<Wrapping> {
    let readable =
        |wrapping| matches!(Control::read(packet, wrapping), Ok(Some(Control { acks: 0, id: 0, payload, .. })) if payload == packet.len());
    wrappings(packet).find(|&wrapping| readable(wrapping))
}

/// The client's first packet is acknowledged.
fn server(packet: &[u8]) -> Option<(Wrapping, SessionId)> {
    wrappings(packet).find_map(|wrapping| match Control::read(packet, wrapping) {
        Ok(Some(Control { acks: 1, remote: Some(remote), id: 0, payload })) if payload == packet.len() => Some((wrapping, remote)),
        _ => None,
    })
}

fn wrappings(packet: &[u8]) -> impl Iterator<Item = Wrapping> {
    let authenticated = DIGESTS.into_iter().filter(|digest| replay_is_plausible(packet, HEAD + digest));
    std::iter::once(Wrapping::Plain).chain(authenticated.map(Wrapping::Authenticated))
}

fn encrypted(packet: &[u8], fits: bool) -> Option<Wrapping> {
    (fits && replay_is_plausible(packet, HEAD)).then_some(Wrapping::Encrypted)
}

/// A packet id of a connection that begins (its upper half tells what the client can do), and a time since 2004.
fn replay_is_plausible(packet: &[u8], at: usize) -> bool {
    let mut r = Reader::new(packet.get(at..).unwrap_or_default());
    let (Ok(id), Ok(time)) = (r.u32(), r.u32()) else { return false };
    (1..=MOST_REPEATED).contains(&(id & 0xffff)) && id >> 28 == 0 && (0x4000_0000..0xf000_0000).contains(&time)
}

impl Control {
    /// Reads a packet of the control channel; `None` when it is encrypted or not sound.
    pub fn read(packet: &[u8], wrapping: Wrapping) -> Result<Option<Control>, Short> {
        let mut r = Reader::new(packet);
        r.skip(HEAD)?;
        match wrapping {
            Wrapping::Plain => {}
            Wrapping::Authenticated(digest) => r.skip(digest.saturating_add(REPLAY))?,
            Wrapping::Encrypted => return Ok(None),
        }
        let acks = r.u8()?;
        if acks > MOST_ACKS {
            return Ok(None);
        }
        let first_ack = r.rest().get(..4).is_some_and(|ack| ack == [0; 4]);
        r.skip(usize::from(acks).saturating_mul(4))?;
        let remote = if acks > 0 { Some(r.array()?) } else { None };
        let id = r.u32()?;
        // What opens a connection is the first packet, and so is what it acknowledges.
        let sound = id != 0 || acks == 0 || first_ack;
        Ok(sound.then(|| Control { remote, acks, id, payload: r.position() }))
    }
}
