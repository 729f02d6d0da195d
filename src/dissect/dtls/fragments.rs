//! DTLS handshake messages out of their fragments (RFC 6347 §4.2.2, §4.2.4), in any order, sent once or often.

use std::collections::BTreeMap;

use crate::base::{Dir, Facts, Stitched, What, Window};
use crate::dissect::tls::Handshake;
use crate::flow::Assembler;

use super::record::{FRAGMENT_HEADER, Fragment};

/// A longer message is not read. The longest real ones are certificates.
const MOST_LENGTH: usize = 64 * 1024;
/// How far ahead of its turn a message may wait: no flight is longer, and a forged number must not block what follows.
const MOST_AHEAD: u16 = 16;

/// The messages of one side.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    /// The number of the message to read next.
    next: u16,
    /// The first fragment that comes says which number that is.
    joins: bool,
    messages: BTreeMap<u16, Message>,
}

/// A message whose number has not come up yet, or that is not whole.
#[derive(Debug)]
struct Message {
    kind: u8,
    length: usize,
    /// `kind` and `length` as they came.
    header: Stitched,
    body: Assembler,
}

/// `ClientHello`, `ServerHello` and `HelloVerifyRequest` begin a flight: what came before them need not be waited for.
const FLIGHT_BEGINNERS: [u8; 3] = [1, 2, 3];

impl Fragments {
    /// Messages whose predecessors were read elsewhere: the number of the first one is taken as it comes.
    pub fn joining() -> Fragments {
        Fragments { joins: true, ..Fragments::default() }
    }

    /// Reads a record of type handshake that is in clear. Returns whether a message was completed.
    pub fn record(&mut self, body: &Window<'_>, handshake: &mut Handshake, facts: &mut Facts) -> bool {
        let mut any = false;
        let mut rest = *body;
        while let Some(fragment) = Fragment::read(rest.bytes) {
            if let Some(bytes) = rest.slice(0..fragment.end) {
                any |= self.fragment(fragment, &bytes, handshake, facts);
            }
            rest = rest.from(fragment.end);
        }
        any
    }

    fn fragment(&mut self, fragment: Fragment, bytes: &Window<'_>, handshake: &mut Handshake, facts: &mut Facts) -> bool {
        if std::mem::take(&mut self.joins) {
            self.next = fragment.sequence;
        }
        if !(self.next..=self.next.saturating_add(MOST_AHEAD)).contains(&fragment.sequence) {
            return false;
        }
        if fragment.length > MOST_LENGTH {
            facts.observe(What::Overflow("dtls handshake message"), bytes.all());
            handshake.lost(bytes.dir);
            return false;
        }
        let message = self.messages.entry(fragment.sequence).or_insert_with(|| Message::new(fragment, bytes));
        // The first fragment says what the message is; one that says otherwise is left out.
        if (message.kind, message.length) != (fragment.kind, fragment.length) {
            return false;
        }
        message.body.insert(fragment.offset as u64, &bytes.from(FRAGMENT_HEADER), &mut |_| 0);
        if message.is_whole() && FLIGHT_BEGINNERS.contains(&message.kind) {
            self.next = fragment.sequence;
            self.messages = self.messages.split_off(&fragment.sequence);
        }
        self.read(bytes.dir, handshake, facts)
    }

    /// Reads the messages whose turn it is.
    fn read(&mut self, dir: Dir, handshake: &mut Handshake, facts: &mut Facts) -> bool {
        let mut any = false;
        while let Some(message) = self.messages.get(&self.next).filter(|m| m.is_whole()) {
            message.tell(dir, handshake, facts);
            any = true;
            self.messages.remove(&self.next);
            self.next = self.next.saturating_add(1);
        }
        any
    }

    /// The side's messages in clear are over: what is whole is read, in order, though messages before it are missing.
    pub fn flush(&mut self, dir: Dir, handshake: &mut Handshake, facts: &mut Facts) {
        for (sequence, message) in std::mem::take(&mut self.messages) {
            if sequence != self.next || !message.is_whole() {
                handshake.lost(dir);
            }
            if message.is_whole() {
                message.tell(dir, handshake, facts);
                self.next = sequence.saturating_add(1);
            }
        }
    }
}

impl Message {
    fn new(fragment: Fragment, bytes: &Window<'_>) -> Message {
        let mut header = Stitched::new();
        if let Some(first) = bytes.slice(0..4) {
            header.push(&first);
        }
        Message { kind: fragment.kind, length: fragment.length, header, body: Assembler::default() }
    }

    fn is_whole(&self) -> bool {
        self.body.next() >= self.length as u64
    }

    /// Hands the message on in the shape it has in TLS: type, length, body.
    fn tell(&self, dir: Dir, handshake: &mut Handshake, facts: &mut Facts) {
        let mut whole = Stitched::new();
        if let Some(header) = self.header.window(dir) {
            whole.push(&header);
        }
        if let Some(body) = self.body.front(dir) {
            whole.push(&body);
        }
        if let Some(window) = whole.window(dir) {
            handshake.message(&window, facts);
        }
    }
}
