//! WebSocket (RFC 6455): its messages, unmasked; with `permessage-deflate` (RFC 7692) inflated as far as an excerpt goes.

use super::super::clear::{Passing, mostly_text};
use crate::base::{Dir, Exposed, Facts, Reader, Sides, Stitched, Window};

/// Octets of a message that are looked at before it is called readable.
const LOOKED_AT: usize = 256;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PONG: u8 = 10;

/// What messages of a connection are, one direction.
#[derive(Debug, Default)]
struct Side {
    /// Octets of the current frame's payload that are left.
    left: u64,
    mask: Option<[u8; 4]>,
    /// Where in the mask the next octet is.
    turn: usize,
    /// The frame is of a message, not a control frame; and whether it ends it.
    is_data: bool,
    is_last: bool,
    /// The message is compressed.
    compressed: bool,
    state: State,
    beginning: Stitched,
    content: Passing,
}

/// What is known of the current message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    None,
    /// Its beginning is collected; whether its sender calls it text.
    Looking(bool),
    Readable,
    /// Bytes that may be anything.
    Opaque,
}

/// The frames of a connection.
#[derive(Debug)]
pub(super) struct WebSocket {
    deflate: bool,
    sides: Sides<Side>,
    lost: bool,
}

/// A frame's header (RFC 6455 §5.2).
struct Header {
    octets: usize,
    last: bool,
    compressed: bool,
    opcode: u8,
    mask: Option<[u8; 4]>,
    payload: u64,
}

/// Reads a header: `None` while it is not complete, `Err` when it is none.
fn header(bytes: &[u8], deflate: bool) -> Result<Option<Header>, ()> {
    let mut r = Reader::new(bytes);
    let (Ok(first), Ok(second)) = (r.u8(), r.u8()) else { return Ok(None) };
    let opcode = first & 0x0f;
    let control = opcode >= CLOSE;
    let compressed = first & 0x40 != 0;
    if first & 0x30 != 0
        || compressed && !deflate
        || !matches!(opcode, CONTINUATION..=BINARY | CLOSE..=PONG)
        || control && second & 0x7f > 125
    {
        return Err(());
    }
    let payload = match second & 0x7f {
        126 => r.u16().map(u64::from),
        127 => r.u64(),
        short => Ok(u64::from(short)),
    };
    let mask = if second & 0x80 == 0 { Ok(None) } else { r.array().map(Some) };
    // Fields are in this order: length, mask.
    let (Ok(payload), Ok(mask)) = (payload, mask) else { return Ok(None) };
    Ok(Some(Header { octets: r.position(), last: first & 0x80 != 0, compressed, opcode, mask, payload }))
}

impl WebSocket {
    pub(super) fn new(deflate: bool) -> WebSocket {
        WebSocket { deflate, sides: Sides::default(), lost: false }
    }

    /// Whether frames can no longer be told apart.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    pub(super) fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let mut taken = 0;
        while !self.lost && taken < window.bytes.len() {
            let rest = window.from(taken);
            let side = self.sides.of_mut(window.dir);
            if side.left > 0 {
                taken = taken.saturating_add(side.payload(&rest, facts));
                continue;
            }
            match header(rest.bytes, self.deflate) {
                Ok(Some(header)) => {
                    taken = taken.saturating_add(header.octets);
                    side.begin(&header, facts);
                }
                Ok(None) => break,
                Err(()) => self.lost = true,
            }
        }
        taken
    }

    pub(super) fn gap(&mut self, dir: Dir, missing: u64) {
        let side = self.sides.of_mut(dir);
        // A gap inside a payload loses only its octets.
        match side.left.checked_sub(missing) {
            Some(left) if side.left > 0 => {
                side.turn = side.turn.wrapping_add(usize::try_from(missing % 4).unwrap_or(0));
                side.left = left;
            }
            _ => self.lost = true,
        }
    }

    pub(super) fn close(&mut self, facts: &mut Facts) {
        self.sides.client.end(facts);
        self.sides.server.end(facts);
    }
}

impl Side {
    fn begin(&mut self, header: &Header, facts: &mut Facts) {
        self.left = header.payload;
        self.mask = header.mask;
        self.turn = 0;
        self.is_data = header.opcode < CLOSE;
        self.is_last = header.last;
        if matches!(header.opcode, TEXT | BINARY) {
            self.end(facts);
            self.state = State::Looking(header.opcode == TEXT);
            self.compressed = header.compressed;
        }
        if self.left == 0 {
            self.frame_ends(facts);
        }
    }

    fn payload(&mut self, rest: &Window<'_>, facts: &mut Facts) -> usize {
        let n = rest.bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if let Some(piece) = rest.slice(0..n).filter(|_| self.is_data) {
            self.data(&piece, facts);
        }
        self.turn = self.turn.wrapping_add(n) % 4;
        self.left = self.left.saturating_sub(n as u64);
        if self.left == 0 {
            self.frame_ends(facts);
        }
        n
    }

    fn data(&mut self, piece: &Window<'_>, facts: &mut Facts) {
        match self.state {
            State::None | State::Opaque => {}
            State::Readable => self.content.piece(Exposed::Content, WHAT, piece, facts),
            State::Looking(_) => {
                let room = LOOKED_AT.saturating_sub(self.beginning.len()).min(piece.bytes.len());
                let head = piece.slice(0..room).unwrap_or(*piece);
                match self.mask {
                    Some(mask) => {
                        let key = mask.iter().cycle().skip(self.turn);
                        let plain: Vec<u8> = head.bytes.iter().zip(key).map(|(a, b)| a ^ b).collect();
                        self.beginning.push_derived(&plain, &head);
                    }
                    None => self.beginning.push(&head),
                }
                if self.beginning.len() >= LOOKED_AT {
                    self.look(facts);
                    self.data_after_look(&piece.from(room), facts);
                }
            }
        }
    }

    fn data_after_look(&mut self, rest: &Window<'_>, facts: &mut Facts) {
        if self.state == State::Readable {
            self.content.piece(Exposed::Content, WHAT, rest, facts);
        }
    }

    /// Judges the beginning of a message.
    fn look(&mut self, facts: &mut Facts) {
        let State::Looking(text) = self.state else { return };
        let Some(beginning) = self.beginning.window(Dir::Client) else { return };
        let mut inflated = Stitched::new();
        if self.compressed {
            inflated.push_derived(&inflate(beginning.bytes), &beginning);
        }
        let shown = if self.compressed { inflated.window(Dir::Client) } else { Some(beginning) };
        let readable = text || shown.is_some_and(|shown| mostly_text(shown.bytes));
        self.state = if readable { State::Readable } else { State::Opaque };
        if let Some(shown) = shown.filter(|_| readable) {
            self.content.piece(Exposed::Content, WHAT, &shown, facts);
        } else if readable {
            // Text whose compression refers to earlier messages: readable to who saw those, but not shown here.
            self.content.piece(Exposed::Content, WHAT, &beginning, facts);
        }
        self.beginning = Stitched::new();
    }

    fn frame_ends(&mut self, facts: &mut Facts) {
        if self.is_data && self.is_last {
            self.end(facts);
        }
    }

    /// The message is over.
    fn end(&mut self, facts: &mut Facts) {
        self.look(facts);
        if self.state == State::Readable {
            self.content.end(Exposed::Content, WHAT, facts);
        }
        self.state = State::None;
    }
}

const WHAT: &str = "WebSocket message";

/// The beginning of a compressed message (RFC 7692 §7.2.2), as far as it can be inflated by itself.
fn inflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0; LOOKED_AT];
    let mut inflater = flate2::Decompress::new(false);
    // What was inflated before an error counts too.
    let _ = inflater.decompress(bytes, &mut out, flate2::FlushDecompress::Sync);
    out.truncate(usize::try_from(inflater.total_out()).unwrap_or(0));
    out
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{C, Outcome, S, dialogue, survives};
    use super::super::super::{Http, Next};
    use crate::base::Dir;

    const ASKS: (Dir, &[u8]) = (C, b"GET /chat HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    const AGREES: (Dir, &[u8]) = (S, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");

    fn chat(turns: &[(Dir, &[u8])]) -> Outcome {
        dialogue::<Http>(&[&[ASKS, AGREES][..], turns].concat())
    }

    fn masked(first: u8, text: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let body = text.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b);
        [first, 0x80 | u8::try_from(text.len()).unwrap_or(0)].into_iter().chain(mask).chain(body).collect()
    }

    #[test]
    fn text_messages_of_both_sides_are_content_and_the_handshake_is_not() {
        let talk = chat(&[(C, &masked(0x81, b"see you at seven")), (S, b"\x81\x02ok"), (C, &masked(0x89, b"")), (S, b"\x8a\0")]);
        let said = talk.said();
        assert!(talk.says(r#"network.protocol Text("websocket") observed [#2]"#));
        let content = r#"[Text("content"), Text("WebSocket message"), Number(2), Number(18), Wire("se• yo• at se•••")]) observed [#3, #4]"#;
        assert!(talk.says(content), "{said:?}");
        assert_eq!(talk.facts.readables().count(), 1, "{said:?}");
        assert_eq!(talk.next, Next::Stay);
    }

    #[test]
    fn a_message_in_fragments_is_one() {
        let talk = chat(&[(S, b"\x01\x05see y\x89\0\x00\x02ou\x80\x07 there!")]);
        assert!(talk.says(r#"Number(1), Number(14), Wire("se• yo• th•••!")"#), "{:?}", talk.said());
    }

    #[test]
    fn a_compressed_message_is_shown_inflated() {
        let agrees = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
        // RFC 7692 §7.2.3.1: "Hello".
        let talk = dialogue::<Http>(&[ASKS, (S, agrees), (S, b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00")]);
        assert!(talk.says(r#"Wire("He•••")"#), "{:?}", talk.said());
        assert_eq!(chat(&[(S, b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00")]).next, Next::Done);
    }

    #[test]
    fn bytes_that_are_not_text_are_not_called_readable() {
        let talk = chat(&[(S, b"\x82\x10\x91\x02\xfe\x80\x13\xc4\xaa\x01\x99\xd0\xe1\x7f\xb3\x06\xcc\x8e")]);
        assert_eq!(talk.facts.readables().count(), 0, "{:?}", talk.said());
        let talk = chat(&[(S, b"\x82\x0ehere it is, ok")]);
        assert_eq!(talk.facts.readables().count(), 1);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_after_the_handshake_never_panic(random: Vec<(bool, Vec<u8>)>, piece in 1usize..9) {
            let mut turns = vec![(true, ASKS.1.to_vec()), (false, AGREES.1.to_vec())];
            turns.extend(random);
            survives::<Http>(&turns, piece);
        }
    }
}
