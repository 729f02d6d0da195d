//! Capture files as a test sees them: where records and blocks end, and the same packets in another container.
//! Written apart from `src/source`, so that the two check each other.

/// A pcap file taken apart (draft-ietf-opsawg-pcap).
pub struct Pcap {
    pub nanos: bool,
    pub link: u32,
    pub snaplen: u32,
    pub records: Vec<Record>,
}

pub struct Record {
    pub secs: u32,
    pub frac: u32,
    pub wire_len: u32,
    pub bytes: Vec<u8>,
}

fn word(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().unwrap();
    Some(if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
}

/// `(big endian, nanoseconds)` of a pcap file; `None` for anything else, the modified formats among it.
fn pcap_magic(bytes: &[u8]) -> Option<(bool, bool)> {
    match bytes.get(..4)? {
        [0xa1, 0xb2, 0xc3, 0xd4] => Some((true, false)),
        [0xd4, 0xc3, 0xb2, 0xa1] => Some((false, false)),
        [0xa1, 0xb2, 0x3c, 0x4d] => Some((true, true)),
        [0x4d, 0x3c, 0xb2, 0xa1] => Some((false, true)),
        _ => None,
    }
}

/// Takes a pcap file apart; `None` when it is none, or does not end with a whole record.
pub fn pcap(bytes: &[u8]) -> Option<Pcap> {
    let (big, nanos) = pcap_magic(bytes)?;
    let mut pcap = Pcap { nanos, link: word(bytes, 20, big)?, snaplen: word(bytes, 16, big)?, records: Vec::new() };
    let mut at = 24;
    while at < bytes.len() {
        let captured = word(bytes, at + 8, big)? as usize;
        let data = bytes.get(at + 16..at + 16 + captured)?.to_vec();
        pcap.records.push(Record {
            secs: word(bytes, at, big)?,
            frac: word(bytes, at + 4, big)?,
            wire_len: word(bytes, at + 12, big)?,
            bytes: data,
        });
        at += 16 + captured;
    }
    Some(pcap)
}

/// The same packets as pcapng (draft-ietf-opsawg-pcapng): one section, one interface, Enhanced Packet Blocks.
pub fn pcapng(pcap: &Pcap) -> Vec<u8> {
    let mut out = Vec::new();
    block(&mut out, 0x0a0d_0d0a, &[&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
    let mut interface = [&(pcap.link as u16).to_le_bytes()[..], &[0, 0], &pcap.snaplen.to_le_bytes()].concat();
    if pcap.nanos {
        // if_tsresol: 10^-9; without it, microseconds.
        interface.extend([9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    }
    block(&mut out, 1, &interface);
    for record in &pcap.records {
        let per_second = if pcap.nanos { 1_000_000_000 } else { 1_000_000 };
        let at = u64::from(record.secs) * per_second + u64::from(record.frac);
        let mut body = vec![0; 4];
        body.extend(((at >> 32) as u32).to_le_bytes());
        body.extend((at as u32).to_le_bytes());
        body.extend((record.bytes.len() as u32).to_le_bytes());
        body.extend(record.wire_len.to_le_bytes());
        body.extend(&record.bytes);
        block(&mut out, 6, &body);
    }
    out
}

fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let padded = body.len().div_ceil(4) * 4;
    let whole = (padded as u32 + 12).to_le_bytes();
    out.extend(kind.to_le_bytes());
    out.extend(whole);
    out.extend(body);
    out.resize(out.len() + padded - body.len(), 0);
    out.extend(whole);
}

/// Packets with Ethernet headers as a pcap file with microseconds; packet `n` at second `n`.
pub fn ethernet_pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 0x40000, 1] {
        out.extend(field.to_le_bytes());
    }
    for (n, frame) in frames.iter().enumerate() {
        for field in [1_700_000_000 + n as u32, 0, frame.len() as u32, frame.len() as u32] {
            out.extend(field.to_le_bytes());
        }
        out.extend(frame);
    }
    out
}

/// The offsets at which a capture can end without harm: behind the file header and behind each record or block, as far as the
/// file is whole. `None` when the format is none that this reads.
pub fn boundaries(bytes: &[u8]) -> Option<Vec<usize>> {
    let mut ends = Vec::new();
    if let Some((big, _)) = pcap_magic(bytes) {
        let mut at = 24;
        while at <= bytes.len() {
            ends.push(at);
            let Some(captured) = word(bytes, at + 8, big) else { break };
            at += 16 + captured as usize;
        }
        return Some(ends);
    }
    if bytes.get(..4)? != [0x0a, 0x0d, 0x0d, 0x0a] {
        return None;
    }
    let (mut at, mut big) = (0, false);
    while at < bytes.len() {
        if bytes.get(at..at + 4) == Some(&[0x0a, 0x0d, 0x0d, 0x0a]) {
            big = bytes.get(at + 8..at + 12) == Some(&[0x1a, 0x2b, 0x3c, 0x4d]);
        }
        let Some(len) = word(bytes, at + 4, big) else { break };
        // The length stands at both ends; what follows a block where it does not is not read on.
        let Some(end) = at.checked_add(len as usize).filter(|_| len >= 12) else { break };
        if end > bytes.len() || word(bytes, end - 4, big) != Some(len) {
            break;
        }
        at = end;
        ends.push(at);
    }
    Some(ends)
}
