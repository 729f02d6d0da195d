//! Recognises a protocol by its first bytes, and hands the rest to its dissector.

use crate::base::{Dir, Evidence, Facts, Kind, Sides, What, Window, WireStr};
use crate::flow::{Framing, Next, Payload, Stranger};

use super::equipment::Tools;
use super::look::Look;
use super::messengers::ThreemaCsp;
use super::plain::{Channel, Plain};
use super::{Probe, Protocol, stun_signs};

/// How many octets of a direction a probe may ask for before the direction is taken as unknown.
const MOST_PROBED: usize = 4096;
/// How many windows of a direction that began with something unknown are looked at for a TLS hello: proxies and older protocols send a
/// preface of their own before it.
const MOST_PREFACES: u8 = 16;
/// The first octet of a record with a hello (RFC 8446 §5.1).
const HANDSHAKE_RECORD: u8 = 22;
/// How many datagrams of a flow are probed: keys for media are negotiated after connectivity checks, not after an hour.
const MOST_DATAGRAMS: u16 = 512;

/// One of a list of protocols, or none yet. Made by `protocols!`.
pub trait Recognised: Default {
    /// The protocol whose probe says yes, and the role of the sender where the bytes tell it.
    fn recognise(window: &Window<'_>, more: &mut bool) -> Option<(Self, Option<Dir>)>;
    /// The protocol whose handshake begins in these bytes, where anything may have come before.
    fn recognise_hello(window: &Window<'_>) -> Option<(Self, Option<Dir>)>;
    /// Whether nothing was recognised yet.
    fn is_none(&self) -> bool;
    /// [`Protocol::equip`] of the protocol.
    fn equip(&mut self, tools: &Tools);
    /// [`Protocol::OPENS`] of the protocol.
    fn opens(&self) -> bool;
    /// [`Payload::feed`] of the protocol.
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize;
    /// [`Payload::gap`] of the protocol.
    fn gap(&mut self, dir: Dir, missing: u64, facts: &mut Facts);
    /// [`Payload::left`] of the protocol.
    fn left(&mut self, window: &Window<'_>);
    /// [`Payload::close`] of the protocol.
    fn close(&mut self, facts: &mut Facts);
    /// [`Payload::next`] of the protocol.
    fn next(&self) -> Next;
    /// [`Payload::client`] of the protocol.
    fn client(&self) -> Option<Dir>;
    /// [`Payload::stranger`] of the protocol.
    fn stranger(&self, facts: &Facts) -> Option<Stranger>;
    /// [`Payload::framing`] of the protocol.
    fn framing(&self) -> Option<Framing>;
    /// [`Payload::swap_sides`] of the protocol.
    fn swap_sides(&mut self);
}

/// The two byte streams of a TCP connection: recognised at their beginning, and again after an upgrade to TLS.
#[derive(Debug, Default)]
pub struct Stream<R> {
    reading: R,
    roles: Roles,
    /// Directions whose first bytes are of no protocol we know, and how many windows of each were looked at since.
    unknown: Sides<Option<u8>>,
    /// Whether those bytes are Threema's, which are random, but not in their lengths.
    threema: Option<Box<ThreemaCsp>>,
    /// What those bytes look like.
    look: Option<Box<Look>>,
    tools: Option<Box<Tools>>,
    /// Nothing more is to be learnt; somebody still looks at the bytes.
    finished: bool,
}

impl<R: Recognised> Payload for Stream<R> {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        if self.finished {
            self.hand_on(window);
            return window.bytes.len();
        }
        let taken = self.read(window, facts);
        if self.plain().is_some() && self.is_finished() {
            self.finished = true;
            self.reading.close(facts);
            self.hand_on(&window.from(taken));
            return window.bytes.len();
        }
        taken
    }

    fn gap(&mut self, dir: Dir, missing: u64, facts: &mut Facts) {
        if let Some(plain) = self.plain() {
            plain.gap(Channel::Tcp, self.roles.dir(dir), Some(missing));
        }
        if self.reading.is_none() || self.finished {
            return;
        }
        self.reading.gap(self.roles.dir(dir), missing, facts);
    }

    fn left(&mut self, window: &Window<'_>) {
        self.hand_on(window);
        if self.reading.is_none() {
            self.look.get_or_insert_default().add(window);
        }
        self.reading.left(&self.roles.label(window));
    }

    fn close(&mut self, facts: &mut Facts) {
        if !self.finished {
            self.reading.close(facts);
        }
        if let Some(plain) = self.tools.as_ref().and_then(|tools| tools.plain.as_ref()) {
            plain.close();
        }
        if let Some(mut look) = self.look.take()
            && !facts.has(Kind::Protocol)
        {
            look.state(facts);
        }
    }

    fn next(&self) -> Next {
        match self.tools.as_ref().is_some_and(|tools| tools.plain.is_some()) {
            true => Next::Stay,
            false if self.is_finished() => Next::Done,
            false => self.reading.next(),
        }
    }

    fn client(&self) -> Option<Dir> {
        self.roles.client(&self.reading)
    }

    fn framing(&self) -> Option<Framing> {
        let mut framing = self.reading.framing()?;
        if self.roles.dir(Dir::Client) == Dir::Server {
            framing.left.swap();
        }
        Some(framing)
    }

    fn swap_sides(&mut self) {
        self.roles.swapped(&mut self.reading);
        self.unknown.swap();
        if let Some(threema) = &mut self.threema {
            threema.swap_sides();
        }
        if let Some(look) = &mut self.look {
            look.swap_sides();
        }
    }
}

impl<R: Recognised> Stream<R> {
    /// Streams whose dissectors are given tools.
    pub fn equipped(tools: Option<Box<Tools>>) -> Stream<R> {
        Stream { tools, ..Stream::default() }
    }

    /// Somebody who looks at bytes that no protocol hands on by itself.
    fn plain(&self) -> Option<&Plain> {
        self.tools.as_ref().and_then(|tools| tools.plain.as_ref()).filter(|_| !self.reading.opens())
    }

    fn hand_on(&self, window: &Window<'_>) {
        if let Some(plain) = self.plain() {
            plain.bytes(Channel::Tcp, &self.roles.label(window));
        }
    }

    /// Whether nothing more is to be learnt.
    fn is_finished(&self) -> bool {
        if self.reading.is_none() {
            let given_up = |looked: Option<u8>| looked.is_some_and(|n| n >= MOST_PREFACES);
            return given_up(self.unknown.client) && given_up(self.unknown.server);
        }
        self.reading.next() == Next::Done
    }

    fn read(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let mut taken = 0;
        // Ends: each round takes bytes, or recognises something, or stops.
        loop {
            let rest = window.from(taken);
            if self.reading.is_none() && (rest.bytes.is_empty() || !self.recognise(&rest, facts)) {
                if self.unknown.of(window.dir).is_none() {
                    return taken;
                }
                match self.hello_behind(&rest) {
                    Some(at) => {
                        self.hand_on(&rest.slice(0..at).unwrap_or(rest));
                        taken += at;
                    }
                    None => {
                        self.hand_on(&rest);
                        self.perhaps_threema(&rest, facts);
                        self.look.get_or_insert_default().add(&rest);
                        return window.bytes.len();
                    }
                }
                continue;
            }
            let step = self.reading.feed(&self.roles.label(&rest), facts).min(rest.bytes.len());
            self.hand_on(&rest.slice(0..step).unwrap_or(rest));
            taken += step;
            if self.reading.next() != Next::Upgrade {
                return taken;
            }
            self.reading.close(facts);
            self.reading = R::default();
            self.unknown = Sides::default();
        }
    }

    /// Bytes of no known protocol may be Threema's: whether they are is told by both directions together.
    fn perhaps_threema(&mut self, window: &Window<'_>, facts: &mut Facts) {
        let first = self.unknown.client.is_none_or(|looked| looked == 0) && self.unknown.server.is_none_or(|looked| looked == 0);
        let threema = match &mut self.threema {
            Some(threema) => threema,
            None if first => self.threema.get_or_insert_default(),
            None => return,
        };
        if threema.look(window, facts)
            && let Some(client) = threema.client().filter(|_| facts.has(Kind::Protocol))
            && self.roles.learn(client, Some(Dir::Client))
        {
            facts.swap_sides();
        }
    }

    /// Where a hello begins behind a preface that waited with it: a probe had asked for more bytes, and these decided that it is nothing
    /// we know.
    fn hello_behind(&self, window: &Window<'_>) -> Option<usize> {
        if *self.unknown.of(window.dir) != Some(0) {
            return None;
        }
        let bytes = window.bytes.get(1..MOST_PROBED.min(window.bytes.len()))?;
        memchr::memchr_iter(HANDSHAKE_RECORD, bytes).map(|at| at + 1).find(|&at| R::recognise_hello(&window.from(at)).is_some())
    }

    /// Whether something was recognised. If not, and no probe asks for more, the direction is unknown from here on.
    fn recognise(&mut self, window: &Window<'_>, facts: &mut Facts) -> bool {
        let mut more = false;
        let found = match self.unknown.of_mut(window.dir) {
            None => R::recognise(window, &mut more),
            // A preface was not recognised: only a hello, which is long and strictly built, is believed after it.
            Some(looked) if *looked < MOST_PREFACES => {
                *looked += 1;
                R::recognise_hello(window)
            }
            Some(_) => None,
        };
        match found {
            Some((reading, sender)) => {
                self.reading = reading;
                if let Some(tools) = &self.tools {
                    self.reading.equip(tools);
                }
                if self.roles.learn(window.dir, sender) {
                    facts.swap_sides();
                    self.swap_plain();
                }
                true
            }
            None => {
                let unknown = self.unknown.of_mut(window.dir);
                if unknown.is_none() && (!more || window.bytes.len() >= MOST_PROBED) {
                    *unknown = Some(0);
                }
                false
            }
        }
    }
}

impl<R> Stream<R> {
    fn swap_plain(&self) {
        if let Some(plain) = self.tools.as_ref().and_then(|tools| tools.plain.as_ref()) {
            plain.swap_sides();
        }
    }
}

/// The datagrams of a UDP connection: each is probed until one is recognised, and again when its protocol says that others follow.
#[derive(Debug, Default)]
pub struct Datagrams<R> {
    reading: R,
    roles: Roles,
    probed: u16,
    /// The beginning of the first datagram, if it may be of a QUIC connection whose handshake went by another address.
    orphan: Option<(WireStr, Evidence)>,
    /// What datagrams of no known protocol look like.
    look: Option<Box<Look>>,
    tools: Option<Box<Tools>>,
    /// Nothing more is to be learnt; somebody still looks at the bytes.
    finished: bool,
}

impl<R: Recognised> Payload for Datagrams<R> {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        if self.finished {
            self.hand_on(window);
            return window.bytes.len();
        }
        if self.is_posted(window) {
            return window.bytes.len();
        }
        stun_signs::state(window, facts);
        let taken = self.once(window, facts);
        if self.reading.is_none() || self.reading.next() != Next::Upgrade {
            return taken;
        }
        // What follows is something else; so is this datagram, if it was not taken.
        self.forget(facts);
        if taken == 0 {
            self.once(window, facts);
            if !self.reading.is_none() && self.reading.next() == Next::Upgrade {
                self.forget(facts);
            }
        }
        window.bytes.len()
    }

    fn close(&mut self, facts: &mut Facts) {
        self.reading.close(facts);
        if let Some(plain) = self.plain() {
            plain.close();
        }
        if let Some((bytes, evidence)) = self.orphan.take() {
            facts.infer(What::QuicShortHeader(bytes), evidence);
        }
        // Beside connectivity checks it counts what else went by; beside anything else, that says more.
        if let Some(mut look) = self.look.take()
            && facts.get(Kind::Protocol).is_none_or(|fact| fact.what == What::Protocol("stun"))
        {
            look.state(facts);
        }
    }

    fn next(&self) -> Next {
        match self.plain() {
            Some(_) => Next::Stay,
            None if self.is_finished() => Next::Done,
            None => self.reading.next(),
        }
    }

    fn client(&self) -> Option<Dir> {
        self.roles.client(&self.reading)
    }

    fn stranger(&self, facts: &Facts) -> Option<Stranger> {
        self.reading.stranger(facts)
    }

    fn swap_sides(&mut self) {
        self.roles.swapped(&mut self.reading);
        if let Some(look) = &mut self.look {
            look.swap_sides();
        }
    }
}

impl<R: Recognised> Datagrams<R> {
    /// Datagrams whose dissectors are given tools.
    pub fn equipped(tools: Option<Box<Tools>>) -> Datagrams<R> {
        Datagrams { tools, ..Datagrams::default() }
    }

    fn plain(&self) -> Option<&Plain> {
        self.tools.as_ref().and_then(|tools| tools.plain.as_ref())
    }

    /// Whether a datagram is of a connection of QUIC that goes on from here, which looks into it.
    fn is_posted(&mut self, window: &Window<'_>) -> bool {
        let Some(tools) = self.tools.as_ref().filter(|_| self.reading.is_none()) else { return false };
        let Some(plain) = tools.plain.as_ref().filter(|_| tools.moves.post(window)) else { return false };
        plain.moved();
        self.probed = self.probed.saturating_add(1);
        if self.probed == 1 {
            self.orphan = short_header(window);
        }
        true
    }

    /// Hands on a datagram that its protocol does not hand on by itself.
    fn hand_on(&self, window: &Window<'_>) {
        if let Some(plain) = self.plain().filter(|_| !self.reading.opens()) {
            plain.bytes(Channel::Udp, &self.roles.label(window));
        }
    }

    /// Whether nothing more is to be learnt.
    fn is_finished(&self) -> bool {
        if self.reading.is_none() { self.probed >= MOST_DATAGRAMS } else { self.reading.next() == Next::Done }
    }

    /// Hands a datagram to its protocol, which is recognised by it if none was before.
    fn once(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        if self.reading.is_none() {
            self.probed = self.probed.saturating_add(1);
            let Some((reading, sender)) = R::recognise(window, &mut false) else {
                if self.probed == 1 {
                    self.orphan = short_header(window);
                }
                self.hand_on(window);
                self.look.get_or_insert_default().add(window);
                return window.bytes.len();
            };
            self.orphan = None;
            self.reading = reading;
            if let Some(tools) = &self.tools {
                self.reading.equip(tools);
            }
            if self.roles.learn(window.dir, sender) {
                facts.swap_sides();
                if let Some(plain) = self.plain() {
                    plain.swap_sides();
                }
            }
        }
        let taken = self.reading.feed(&self.roles.label(window), facts);
        if taken > 0 {
            self.hand_on(window);
        }
        if self.plain().is_some() && self.is_finished() {
            self.finished = true;
        }
        taken
    }

    fn forget(&mut self, facts: &mut Facts) {
        self.reading.close(facts);
        self.reading = R::default();
    }
}

/// Octets 1 to 20 of a datagram that is shaped like a QUIC short header (RFC 9000 §17.3): they begin with a connection id.
fn short_header(window: &Window<'_>) -> Option<(WireStr, Evidence)> {
    let [first, id @ ..] = window.bytes else { return None };
    let shaped = first & 0xc0 == 0x40 && id.len() > 20;
    shaped.then(|| (WireStr::new(id.get(..20).unwrap_or_default()), window.all()))
}

/// What the bytes say of who is who.
#[derive(Clone, Copy, Debug, Default)]
struct Roles {
    /// The window labelled `Dir::Client` in fact comes from the server: swap labels before handing on.
    flipped: bool,
    known: bool,
}

impl Roles {
    fn label<'a>(self, window: &Window<'a>) -> Window<'a> {
        window.with_dir(self.dir(window.dir))
    }

    fn dir(self, dir: Dir) -> Dir {
        if self.flipped { dir.other() } else { dir }
    }

    /// Takes what a recognised window says of its sender. Returns whether the labels were the wrong way round.
    fn learn(&mut self, label: Dir, sender: Option<Dir>) -> bool {
        let Some(sender) = sender else { return false };
        self.known = true;
        let flip = self.dir(label) != sender;
        self.flipped ^= flip;
        flip
    }

    /// Who the client is, in the flow's labels: by the first bytes, else by what the protocol found out since.
    fn client(self, reading: &impl Recognised) -> Option<Dir> {
        match (self.known, self.flipped) {
            (true, true) => Some(Dir::Server),
            (true, false) => reading.client().or(Some(Dir::Client)),
            (false, _) => reading.client(),
        }
    }

    /// The flow swapped its labels: now they are those that the protocol already sees, or the protocol is to swap too.
    fn swapped(&mut self, reading: &mut impl Recognised) {
        if std::mem::take(&mut self.flipped) {
            return;
        }
        reading.swap_sides();
    }
}

/// What the bytes say of a handshake of one protocol that begins in them.
pub(super) fn probe_hello<P: Protocol>(window: &Window<'_>) -> Option<Option<Dir>> {
    P::begins(window).then(|| P::sender(window))
}

/// What the probe of one protocol says, with the role of the sender when it is yes.
pub(super) fn probe<P: Protocol>(window: &Window<'_>, more: &mut bool) -> Option<Option<Dir>> {
    match P::probe(window) {
        Probe::Yes => Some(P::sender(window)),
        Probe::More => {
            *more = true;
            None
        }
        Probe::No => None,
    }
}

/// Makes a list of protocols: an enum with static dispatch. The order of the rows is the order of the probes.
macro_rules! protocols {
    ($(#[$doc:meta])* $name:ident { $($variant:ident($type:ty),)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        #[allow(missing_docs)]
        pub enum $name {
            #[default]
            None,
            $($variant(Box<$type>),)*
        }

        impl $crate::dissect::recognise::Recognised for $name {
            fn recognise(window: &$crate::base::Window<'_>, more: &mut bool) -> Option<($name, Option<$crate::base::Dir>)> {
                $(if let Some(sender) = $crate::dissect::recognise::probe::<$type>(window, more) {
                    return Some(($name::$variant(Box::default()), sender));
                })*
                None
            }

            fn recognise_hello(window: &$crate::base::Window<'_>) -> Option<($name, Option<$crate::base::Dir>)> {
                $(if let Some(sender) = $crate::dissect::recognise::probe_hello::<$type>(window) {
                    return Some(($name::$variant(Box::default()), sender));
                })*
                None
            }

            fn is_none(&self) -> bool {
                matches!(self, $name::None)
            }

            fn equip(&mut self, tools: &$crate::dissect::Tools) {
                match self { $name::None => {} $($name::$variant(p) => $crate::dissect::Protocol::equip(p.as_mut(), tools),)* }
            }

            fn opens(&self) -> bool {
                match self { $name::None => false, $($name::$variant(_) => <$type as $crate::dissect::Protocol>::OPENS,)* }
            }

            fn left(&mut self, window: &$crate::base::Window<'_>) {
                match self { $name::None => {} $($name::$variant(p) => p.left(window),)* }
            }

            fn feed(&mut self, window: &$crate::base::Window<'_>, facts: &mut $crate::base::Facts) -> usize {
                match self { $name::None => 0, $($name::$variant(p) => p.feed(window, facts),)* }
            }

            fn gap(&mut self, dir: $crate::base::Dir, missing: u64, facts: &mut $crate::base::Facts) {
                match self { $name::None => {} $($name::$variant(p) => p.gap(dir, missing, facts),)* }
            }

            fn close(&mut self, facts: &mut $crate::base::Facts) {
                match self { $name::None => {} $($name::$variant(p) => p.close(facts),)* }
            }

            fn next(&self) -> $crate::flow::Next {
                match self { $name::None => $crate::flow::Next::Stay, $($name::$variant(p) => p.next(),)* }
            }

            fn client(&self) -> Option<$crate::base::Dir> {
                match self { $name::None => None, $($name::$variant(p) => p.client(),)* }
            }

            fn stranger(&self, facts: &$crate::base::Facts) -> Option<$crate::flow::Stranger> {
                match self { $name::None => None, $($name::$variant(p) => p.stranger(facts),)* }
            }

            fn framing(&self) -> Option<$crate::flow::Framing> {
                match self { $name::None => None, $($name::$variant(p) => p.framing(),)* }
            }

            fn swap_sides(&mut self) {
                match self { $name::None => {} $($name::$variant(p) => p.swap_sides(),)* }
            }
        }
    };
}
pub(super) use protocols;
