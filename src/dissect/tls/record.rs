//! TLS records over a byte stream (RFC 5246 §6, RFC 8446 §5).

use smallvec::SmallVec;

use super::handshake::{Carrier, Handshake, arrived};
use super::messages::Messages;
use super::opened::Opening;
use super::probe::{self, HEADER, Header, content};
use super::terms::Terms;
use super::{answer, ssl2};
use crate::base::{Basis, Dir, Evidence, Fact, Facts, Message, ProtocolVersion, Sides, Stitched, What, Window, begins_with_text};
use crate::dissect::{Framing, Next, Payload, Probe, Protocol, Tools};

/// No handshake is longer, since no message of it is longer than 16 MiB: what is not known by then will not be, and a side that cannot
/// be read must not cost anything for ever.
const MOST_OCTETS: usize = 1 << 25;
/// How many windows are tried for the beginning of a record after a gap.
const MOST_TRIES: u8 = 64;
/// After how many records a connection whose hellos were not seen has nothing more to tell.
const ENOUGH_WITHOUT_HELLO: u32 = 64;
/// After how many records a handshake that is not complete will not be.
const ENOUGH: u32 = 1024;
/// How many different record versions are told.
const MOST_VERSIONS: usize = 4;

/// TLS or SSL over a byte stream.
#[derive(Debug)]
pub struct Tls {
    handshake: Handshake,
    sides: Sides<Side>,
    records: u32,
    /// Octets taken, both sides together.
    octets: usize,
    /// The versions on records, for want of a hello.
    versions: SmallVec<[(ProtocolVersion, Evidence); 1]>,
    /// Keys, where there are some.
    opening: Option<Box<Opening>>,
    done: bool,
}

/// One direction.
#[derive(Debug, Default)]
struct Side {
    at: At,
    messages: Messages,
    /// Whether messages are in clear: unknown until one was read, or a `ChangeCipherSpec`.
    clear: Option<bool>,
    /// Records follow each other without a gap: where one is expected, anything else is no TLS.
    framed: bool,
    /// What has come of a record that is to be opened, header included.
    sealed: Stitched,
}

/// Where in its records a direction is.
#[derive(Clone, Copy, Debug, Default)]
enum At {
    /// Before a header.
    #[default]
    Header,
    /// In a record that carries messages in clear: octets left.
    Messages(usize),
    /// In a record that is to be opened: octets left.
    Sealed(usize),
    /// In a record that is not looked at: octets left.
    Skipped(usize),
    /// Lost; how many windows did not begin with a record.
    Lost(u8),
}

impl Default for Tls {
    fn default() -> Tls {
        Tls {
            octets: 0,
            handshake: Handshake::new(Carrier::Tls),
            sides: Sides::default(),
            records: 0,
            versions: SmallVec::new(),
            opening: None,
            done: false,
        }
    }
}

impl Protocol for Tls {
    const OPENS: bool = true;

    fn equip(&mut self, tools: &Tools) {
        self.handshake.follow(Terms::new(tools.keys.has_rsa()));
        self.opening = Some(Box::new(Opening::new(tools)));
    }

    fn probe(window: &Window<'_>) -> Probe {
        probe::probe(window)
    }

    fn begins(window: &Window<'_>) -> bool {
        probe::begins(window)
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        probe::sender(window)
    }
}

impl Payload for Tls {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        if self.done {
            return self.skim(window, facts);
        }
        let mut taken = 0;
        // Ends: each round takes at least an octet.
        while taken < window.bytes.len() && !self.done {
            match self.step(&window.from(taken), facts) {
                0 => break,
                n => taken += n,
            }
        }
        self.octets = self.octets.saturating_add(taken);
        if self.is_enough() && !self.done {
            self.done = true;
            self.close(facts);
        }
        if self.done {
            taken = taken.saturating_add(self.skim(&window.from(taken), facts));
        }
        taken
    }

    fn gap(&mut self, dir: Dir, missing: u64, _facts: &mut Facts) {
        let octets = missing;
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        let side = self.sides.of_mut(dir);
        if matches!(side.at, At::Sealed(_)) {
            side.sealed = Stitched::new();
            self.opening.iter_mut().for_each(|opening| opening.cut(dir, &self.handshake));
        }
        side.at = match side.at {
            At::Sealed(left) if missing <= left => At::Skipped(left - missing),
            At::Skipped(left) if missing <= left => At::Skipped(left - missing),
            At::Messages(left) if missing <= left && side.messages.gap(missing) => At::Messages(left - missing),
            At::Messages(left) if missing <= left => At::Skipped(left - missing),
            _ => At::Lost(0),
        };
        if matches!(side.at, At::Lost(_)) {
            side.messages.clear();
            side.framed = false;
            // A ChangeCipherSpec may have been among the lost.
            side.clear = side.clear.filter(|clear| !clear);
            self.opening.iter_mut().for_each(|opening| opening.lost(dir, octets, &self.handshake));
        }
        if !matches!(side.at, At::Skipped(_)) || side.clear == Some(true) {
            self.handshake.lost(dir);
        }
    }

    fn close(&mut self, facts: &mut Facts) {
        if !self.handshake.has_client_hello() && !self.handshake.has_server_hello() {
            self.state_record_versions(facts);
        }
        if let Some(opening) = &mut self.opening {
            for dir in [Dir::Client, Dir::Server].into_iter().filter(|&dir| matches!(self.sides.of(dir).at, At::Sealed(_))) {
                opening.cut(dir, &self.handshake);
            }
            opening.close(&mut self.handshake, facts);
        }
        self.handshake.close(facts);
    }

    fn framing(&self) -> Option<Framing> {
        // What is not established protects nothing, and is not said to.
        self.handshake.completed()?;
        let left = |side: &Side| match side.at {
            At::Header => Some(0),
            At::Messages(left) | At::Sealed(left) | At::Skipped(left) => u32::try_from(left).ok(),
            At::Lost(_) => None,
        };
        let Sides { client, server } = &self.sides;
        Some(Framing { header: probe::frame_header, left: Sides { client: left(client), server: left(server) } })
    }

    fn next(&self) -> Next {
        if self.done { Next::Done } else { Next::Stay }
    }
}

impl Tls {
    /// Nothing more is to be learnt of records; what is none is still told.
    fn skim(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let mut taken = 0;
        // Ends: each round takes at least an octet.
        loop {
            let rest = window.from(taken);
            let available = rest.bytes.len();
            let side = self.sides.of_mut(rest.dir);
            if available == 0 {
                return taken;
            }
            match side.at {
                At::Lost(_) => return window.bytes.len(),
                At::Messages(left) | At::Sealed(left) | At::Skipped(left) => {
                    let n = left.min(available);
                    side.at = after(At::Skipped(left - n));
                    taken += n.max(usize::from(left == 0));
                }
                At::Header => match Header::read(rest.bytes) {
                    Ok(header) => {
                        side.at = after(At::Skipped(header.length));
                        taken += HEADER;
                    }
                    Err(Probe::More) => return taken,
                    Err(_) => {
                        side.at = At::Lost(MOST_TRIES);
                        self.other(&rest, facts);
                    }
                },
            }
        }
    }

    /// Reads at least an octet, or returns 0 to wait for more.
    fn step(&mut self, rest: &Window<'_>, facts: &mut Facts) -> usize {
        let side = self.sides.of_mut(rest.dir);
        let available = rest.bytes.len();
        match side.at {
            At::Header => self.header(rest, facts),
            At::Skipped(left) => {
                side.at = after(At::Skipped(left.saturating_sub(available)));
                left.min(available)
            }
            At::Messages(left) => {
                let n = left.min(available);
                let Some(fragment) = rest.slice(0..n) else { return 0 };
                let went = side.messages.fragment(&fragment, &mut self.handshake, facts);
                side.at = after(if went { At::Messages(left - n) } else { At::Skipped(left - n) });
                if !went {
                    self.handshake.no_message(&fragment, facts);
                }
                n
            }
            At::Sealed(left) => {
                let n = left.min(available);
                side.sealed.push(&rest.slice(0..n).unwrap_or(*rest));
                side.at = after(At::Sealed(left - n));
                if left == n {
                    self.open(rest.dir, facts);
                }
                n
            }
            At::Lost(tries) if tries < MOST_TRIES && is_record(rest.bytes) => {
                side.at = At::Header;
                self.header(rest, facts)
            }
            At::Lost(tries) => {
                side.at = At::Lost(tries.saturating_add(1));
                if begins_with_text(rest.bytes) {
                    self.other(rest, facts);
                }
                available
            }
        }
    }

    /// Before a record.
    fn header(&mut self, rest: &Window<'_>, facts: &mut Facts) -> usize {
        let header = match Header::read(rest.bytes) {
            Ok(header) => header,
            Err(Probe::More) => return 0,
            Err(_) => return self.ssl2(rest, facts),
        };
        let body = rest.from(HEADER);
        let clear = match (header.kind, self.sides.of(rest.dir).clear) {
            (content::HANDSHAKE, Some(true)) => Some(true),
            (content::HANDSHAKE, Some(false)) => probe::is_hello_record(body.bytes, header.length),
            (content::HANDSHAKE, None) => probe::is_clear(body.bytes, header.length),
            // A record of these lengths is in clear or nonsense, and is looked at whole.
            (content::CHANGE_CIPHER_SPEC, _) if header.length == 1 => (!body.bytes.is_empty()).then_some(true),
            (content::ALERT, _) if header.length == 2 => (body.bytes.len() >= 2).then_some(true),
            _ => Some(false),
        };
        let Some(clear) = clear else { return 0 };
        let Some(head) = rest.slice(0..HEADER) else { return 0 };
        self.begin(header, &head, facts);
        let side = self.sides.of_mut(rest.dir);
        side.framed = true;
        if !clear {
            side.at = after(At::Skipped(header.length));
            self.protected(header, &head, facts);
            self.seal(header, &head, facts);
            return HEADER;
        }
        match header.kind {
            content::CHANGE_CIPHER_SPEC => {
                side.clear = Some(false);
                side.messages.clear();
                self.opening.iter_mut().for_each(|opening| opening.change(rest.dir, &self.handshake));
                self.with_body(rest, header, |handshake, body| handshake.change_cipher_spec(body, facts))
            }
            content::ALERT => self.with_body(rest, header, |handshake, body| handshake.alert(body, facts)),
            _ => {
                side.clear = side.clear.or(Some(true));
                side.at = At::Messages(header.length);
                HEADER
            }
        }
    }

    /// A record that is looked at whole.
    fn with_body(&mut self, rest: &Window<'_>, header: Header, read: impl FnOnce(&mut Handshake, &Window<'_>)) -> usize {
        let end = HEADER + header.length;
        if let Some(body) = rest.slice(HEADER..end) {
            read(&mut self.handshake, &body);
        }
        end.min(rest.bytes.len())
    }

    /// A record that is, or may be, protected.
    fn protected(&mut self, header: Header, head: &Window<'_>, facts: &mut Facts) {
        match header.kind {
            content::ALERT => self.handshake.alert(head, facts),
            content::HEARTBEAT => {
                if !facts.steps().iter().any(|step| step.dir == head.dir && step.message == Message::Heartbeat) {
                    facts.step(head.dir, Message::Heartbeat, arrived(head), head.all());
                }
            }
            // An odd ChangeCipherSpec says nothing.
            content::CHANGE_CIPHER_SPEC => {}
            kind => self.handshake.protected(head, kind == content::APPLICATION_DATA, header.length, facts),
        }
    }

    /// Notes that a record was seen.
    fn begin(&mut self, header: Header, head: &Window<'_>, facts: &mut Facts) {
        if self.records == 0 {
            let evidence = head.all();
            facts.replace(Fact { what: What::Protocol("tls"), basis: Basis::Observed, evidence: evidence.clone() });
            answer::protocol("tls", &evidence, facts);
            self.handshake.progress.begin(&evidence);
        }
        self.records = self.records.saturating_add(1);
        if self.handshake.has_client_hello() || self.handshake.has_server_hello() {
            return;
        }
        match self.versions.iter().any(|(v, _)| *v == header.version) {
            false if self.versions.len() < MOST_VERSIONS => self.versions.push((header.version, head.all())),
            _ => {}
        }
    }

    /// Not a record of TLS: perhaps a hello of SSL 2.
    fn ssl2(&mut self, rest: &Window<'_>, facts: &mut Facts) -> usize {
        match ssl2::read(rest.bytes) {
            Ok((hello, length)) => {
                let Some(window) = rest.slice(0..length) else { return 0 };
                let evidence = window.all();
                facts.replace(Fact { what: What::Protocol("tls"), basis: Basis::Observed, evidence: evidence.clone() });
                self.handshake.progress.begin(&evidence);
                self.records = self.records.saturating_add(1);
                self.handshake.ssl2_hello(hello, &window, facts);
                // Nothing that follows a ServerHello of SSL 2 has this form.
                self.done |= matches!(hello, ssl2::Hello::Server { .. });
                if self.done {
                    self.sides.client.at = At::Lost(MOST_TRIES);
                    self.sides.server.at = At::Lost(MOST_TRIES);
                    self.close(facts);
                }
                length
            }
            Err(Probe::More) => 0,
            Err(_) => {
                let side = self.sides.of_mut(rest.dir);
                side.at = At::Lost(1);
                side.messages.clear();
                if std::mem::take(&mut side.framed) || begins_with_text(rest.bytes) {
                    self.other(rest, facts);
                }
                self.handshake.lost(rest.dir);
                rest.bytes.len()
            }
        }
    }

    /// Octets that are in no record. What a server answers to a hello in clear is an error message; text after a handshake is somebody's.
    fn other(&self, rest: &Window<'_>, facts: &mut Facts) {
        match self.handshake.completed() {
            Some(_) => facts.other_octets(rest),
            None => facts.count_other(What::TlsOtherOctets(rest.bytes.len() as u64), &rest.all()),
        }
    }

    /// A protected record begins: it is collected where keys may open it.
    fn seal(&mut self, header: Header, head: &Window<'_>, facts: &mut Facts) {
        let Some(opening) = &mut self.opening else { return };
        opening.begins(head);
        if !opening.wants(head.dir, &self.handshake) {
            return opening.passes(head.dir, self.handshake.version(), header.length);
        }
        let side = self.sides.of_mut(head.dir);
        side.sealed.clear();
        side.sealed.push(head);
        side.at = after(At::Sealed(header.length));
        if header.length == 0 {
            self.open(head.dir, facts);
        }
    }

    /// A record to be opened is whole.
    fn open(&mut self, dir: Dir, facts: &mut Facts) {
        let sealed = std::mem::take(&mut self.sides.of_mut(dir).sealed);
        if let (Some(opening), Some(record)) = (&mut self.opening, sealed.window(dir)) {
            opening.record(&record, &mut self.handshake, facts);
        }
        // The memory is used again.
        self.sides.of_mut(dir).sealed = sealed;
    }

    fn is_enough(&self) -> bool {
        if self.opening.as_ref().is_some_and(|opening| opening.is_watched()) {
            return false;
        }
        if self.octets >= MOST_OCTETS {
            return true;
        }
        let hello = self.handshake.has_client_hello() || self.handshake.has_server_hello();
        let lost = |side: &Side| matches!(side.at, At::Lost(tries) if tries >= MOST_TRIES);
        let unfinished = self.opening.as_ref().is_some_and(|opening| opening.is_unfinished(&self.handshake));
        self.handshake.is_settled() && !unfinished
            || self.records >= if hello { ENOUGH } else { ENOUGH_WITHOUT_HELLO }
            || lost(&self.sides.client) && lost(&self.sides.server)
    }

    fn state_record_versions(&mut self, facts: &mut Facts) {
        let mut versions = std::mem::take(&mut self.versions).into_iter();
        let Some((first, mut evidence)) = versions.next() else { return };
        let mut list = vec![first];
        for (version, frames) in versions {
            list.push(version);
            evidence.join(&frames);
        }
        facts.observe(What::TlsRecordVersions(list), evidence);
    }
}

/// The state after a record, when nothing of it is left.
fn after(at: At) -> At {
    match at {
        At::Messages(0) | At::Sealed(0) | At::Skipped(0) => At::Header,
        at => at,
    }
}

/// Whether bytes after a gap begin with a record: they must end with it, go on with another, or look encrypted.
fn is_record(bytes: &[u8]) -> bool {
    let Ok(header) = Header::read(bytes) else { return false };
    match probe::followed(bytes, header) {
        Some(follows) => follows,
        None => probe::is_random(bytes.get(HEADER..).unwrap_or_default()),
    }
}
