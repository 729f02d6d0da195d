//! WireGuard (its protocol page and paper, §5.4): recognised by messages that belong to each other.

use super::tls::is_random;
use super::{Next, Payload, Probe, Protocol};
use crate::base::{Basis, Dir, Evidence, Fact, Facts, Reader, Sides, What, Window};

/// Messages of one side with the same receiver and rising counters that name it, when the handshake was not seen.
const ENOUGH_DATA: u8 = 4;
/// Messages that fit nothing before them, after which it is taken for something else.
const MOST_ODD: u8 = 8;
/// A counter of data is lower than this: at a million messages a second, 2^48 are nine years, and keys last minutes.
const HIGHEST_COUNTER: u64 = 1 << 48;

/// Messages after which a tunnel that is named, but whose handshake was not seen, is left alone.
const MOST_MESSAGES: u16 = 512;

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    Initiation { sender: u32 },
    Response { sender: u32, receiver: u32 },
    CookieReply { receiver: u32 },
    Data { receiver: u32, counter: u64 },
}

impl Message {
    /// Reads a datagram: its type, three reserved octets of zero, the exact length, and randomness where keys make it.
    fn read(bytes: &[u8]) -> Option<Message> {
        let mut r = Reader::new(bytes);
        let kind = r.array::<4>().ok()?;
        let index = u32::from_le_bytes(r.array().ok()?);
        let (message, random) = match (kind, bytes.len()) {
            // The second MAC is zero unless a cookie was asked for.
            ([1, 0, 0, 0], 148) => (Message::Initiation { sender: index }, 8..132),
            ([2, 0, 0, 0], 92) => (Message::Response { sender: index, receiver: u32::from_le_bytes(r.array().ok()?) }, 12..76),
            ([3, 0, 0, 0], 64) => (Message::CookieReply { receiver: index }, 8..64),
            ([4, 0, 0, 0], 32..) if bytes.len().is_multiple_of(16) => {
                let counter = u64::from_le_bytes(r.array().ok()?);
                (Message::Data { receiver: index, counter }, 16..bytes.len().min(272))
            }
            _ => return None,
        };
        let counts = !matches!(message, Message::Data { counter: HIGHEST_COUNTER.., .. });
        (index != 0 && counts && is_random(bytes.get(random)?)).then_some(message)
    }
}

/// Data of one side, while nothing else names the connection.
#[derive(Debug)]
struct Run {
    receiver: u32,
    counter: u64,
    messages: u8,
    evidence: Evidence,
}

/// A handshake whose two messages belong to each other.
#[derive(Debug)]
struct Handshake {
    initiator: Dir,
    /// The index that each side chose, and the other sends to.
    initiators: u32,
    responders: u32,
    evidence: Evidence,
}

/// A WireGuard tunnel, until its handshake was seen whole: what follows is encrypted.
#[derive(Debug, Default)]
pub struct Wireguard {
    /// The index of the last initiation, who sent it, and its frame.
    initiation: Option<(u32, Dir, Evidence)>,
    handshake: Option<Handshake>,
    data: Sides<Option<Run>>,
    /// The frames that named it, once it is.
    named: Option<Evidence>,
    messages: u16,
    odd: u8,
    over: Option<Next>,
}

impl Protocol for Wireguard {
    fn probe(window: &Window<'_>) -> Probe {
        if Message::read(window.bytes).is_some() { Probe::Yes } else { Probe::No }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        match Message::read(window.bytes)? {
            Message::Initiation { .. } => Some(Dir::Client),
            Message::Response { .. } => Some(Dir::Server),
            Message::CookieReply { .. } | Message::Data { .. } => None,
        }
    }
}

impl Payload for Wireguard {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        if self.over.is_some() {
            return window.bytes.len();
        }
        self.messages = self.messages.saturating_add(1);
        match Message::read(window.bytes) {
            Some(Message::Initiation { sender }) => self.initiation = Some((sender, window.dir, window.all())),
            Some(Message::Response { sender, receiver }) => self.response(sender, receiver, window, facts),
            Some(Message::CookieReply { receiver }) => {
                self.answer(receiver, window, facts);
            }
            Some(Message::Data { receiver, counter }) => self.data(receiver, counter, window, facts),
            None if self.named.is_none() => {
                self.over = Some(Next::Upgrade);
                return 0;
            }
            None => {}
        }
        if self.odd >= MOST_ODD && self.over.is_none() && self.named.is_none() {
            self.over = Some(Next::Upgrade);
        }
        if self.messages >= MOST_MESSAGES {
            self.close(facts);
        }
        window.bytes.len()
    }

    fn close(&mut self, facts: &mut Facts) {
        if self.over.is_some() {
            return;
        }
        match (&self.named, &self.handshake, self.initiation.take()) {
            (Some(_), Some(_), _) => {}
            (Some(named), None, _) => facts.infer(What::Handshake("missing"), named.clone()),
            (None, _, Some((_, _, evidence))) => {
                facts.infer(What::Protocol("wireguard"), evidence.clone());
                facts.observe(What::Handshake("client-only"), evidence);
            }
            (None, _, None) => return,
        }
        self.over = Some(Next::Done);
    }

    fn next(&self) -> Next {
        self.over.unwrap_or(Next::Stay)
    }

    fn swap_sides(&mut self) {
        self.data.swap();
        if let Some((_, dir, _)) = &mut self.initiation {
            *dir = dir.other();
        }
        if let Some(handshake) = &mut self.handshake {
            handshake.initiator = handshake.initiator.other();
        }
    }
}

impl Wireguard {
    fn name_it(&mut self, observed: bool, evidence: Evidence, facts: &mut Facts) {
        if self.named.is_none() {
            let basis = if observed { Basis::Observed } else { Basis::Inferred };
            facts.add(Fact { what: What::Protocol("wireguard"), basis, evidence: evidence.clone() });
            self.named = Some(evidence);
        }
    }

    /// Names the tunnel when the initiation's index comes back from the other side; returns who initiated, that index, and the frames.
    fn answer(&mut self, receiver: u32, window: &Window<'_>, facts: &mut Facts) -> Option<(Dir, u32, Evidence)> {
        match &self.initiation {
            Some((sender, dir, evidence)) if *sender == receiver && *dir != window.dir => {
                let (initiator, index, evidence) = (*dir, *sender, evidence.clone().and(&window.all()));
                self.name_it(true, evidence.clone(), facts);
                Some((initiator, index, evidence))
            }
            _ => {
                self.odd = self.odd.saturating_add(1);
                None
            }
        }
    }

    fn response(&mut self, sender: u32, receiver: u32, window: &Window<'_>, facts: &mut Facts) {
        if let Some((initiator, initiators, evidence)) = self.answer(receiver, window, facts) {
            self.handshake = Some(Handshake { initiator, initiators, responders: sender, evidence });
        }
    }

    fn data(&mut self, receiver: u32, counter: u64, window: &Window<'_>, facts: &mut Facts) {
        // The first data of the initiator confirms the keys, and the responder sends none before (§5.4.6 of the paper).
        if let Some(handshake) = &self.handshake {
            let index = if window.dir == handshake.initiator { handshake.responders } else { handshake.initiators };
            if receiver == index {
                facts.observe(What::Handshake("complete"), handshake.evidence.clone().and(&window.all()));
                self.over = Some(Next::Done);
            }
            return;
        }
        let run = self.data.of_mut(window.dir);
        match run {
            Some(run) if run.receiver == receiver => {
                if counter > run.counter {
                    run.counter = counter;
                    run.messages = run.messages.saturating_add(1);
                    run.evidence.join(&window.all());
                }
                if run.messages >= ENOUGH_DATA {
                    let evidence = run.evidence.clone();
                    self.name_it(false, evidence, facts);
                }
            }
            _ => {
                self.odd = self.odd.saturating_add(u8::from(run.is_some()));
                *run = Some(Run { receiver, counter, messages: 1, evidence: window.all() });
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::super::testing::{C, S, probe, survives, talk};
    use super::*;

    /// A message of this type and length: indices as given, and what looks encrypted.
    fn message(kind: u8, indices: &[u32], length: usize) -> Vec<u8> {
        let mut bytes = vec![kind, 0, 0, 0];
        indices.iter().for_each(|index| bytes.extend_from_slice(&index.to_le_bytes()));
        let mut state = 7u32;
        bytes.resize_with(length, || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        });
        bytes
    }

    #[test]
    fn a_handshake_is_whole_when_data_goes_to_an_index_it_agreed_on() {
        let (initiation, response) = (message(1, &[77], 148), message(2, &[88, 77], 92));
        let two = talk::<Wireguard>(&[(C, &initiation), (S, &response)], usize::MAX);
        assert_eq!(two.said(), [r#"network.protocol Text("wireguard") observed [#1, #2]"#]);
        for (dir, index) in [(C, 88), (S, 77)] {
            let data = message(4, &[index, 0, 0], 32);
            let told = talk::<Wireguard>(&[(C, &initiation), (S, &response), (dir, &data)], usize::MAX);
            assert!(told.says(r#"intransit.handshake Text("complete") observed [#1, #2, #3]"#), "{:?}", told.said());
            assert_eq!(told.next, Next::Done);
        }
        let stray = message(4, &[99, 0, 0], 32);
        assert!(!talk::<Wireguard>(&[(C, &initiation), (S, &response), (C, &stray)], usize::MAX).says("complete"));
    }

    #[test]
    fn an_answer_with_the_initiations_index_names_wireguard() {
        let (initiation, response) = (message(1, &[77], 148), message(2, &[88, 77], 92));
        let cookie = message(3, &[77], 64);
        let asked_back = talk::<Wireguard>(&[(C, &initiation), (S, &cookie)], usize::MAX);
        assert_eq!(asked_back.said().first().map(String::as_str), Some(r#"network.protocol Text("wireguard") observed [#1, #2]"#));
        assert!(!asked_back.says("complete"));
        let other = message(2, &[88, 78], 92);
        let unanswered = talk::<Wireguard>(&[(C, &initiation), (S, &other)], usize::MAX);
        assert!(unanswered.says(r#"Text("wireguard") inferred [#1]"#) && unanswered.says(r#"Text("client-only") observed [#1]"#));
        assert_eq!(talk::<Wireguard>(&[(S, &response)], usize::MAX).said().len(), 0);
    }

    #[test]
    fn in_the_middle_rising_counters_to_one_receiver_suggest_it() {
        let data: Vec<Vec<u8>> = (1..=5).map(|counter| message(4, &[88, counter, 0], 96)).collect();
        let turns: Vec<(Dir, &[u8])> = data.iter().map(|bytes| (C, bytes.as_slice())).collect();
        assert_eq!(talk::<Wireguard>(&turns[..3], usize::MAX).said().len(), 0);
        let told = talk::<Wireguard>(&turns, usize::MAX);
        assert_eq!(
            told.said(),
            [
                r#"network.protocol Text("wireguard") inferred [#1, #2, #3, #4]"#,
                r#"intransit.handshake Text("missing") inferred [#1, #2, #3, #4]"#
            ]
        );
        let repeated = [turns[0]; 9];
        assert_eq!(talk::<Wireguard>(&repeated, usize::MAX).said().len(), 0);
    }

    #[test]
    fn look_alikes_are_refused() {
        for other in [message(1, &[77], 147), message(1, &[0], 148), message(5, &[77], 148), message(4, &[77, 1, 0], 97), vec![0; 148]] {
            assert_eq!(probe::<Wireguard>(&other), Probe::No);
        }
        let mut reserved = message(1, &[77], 148);
        reserved[2] = 1;
        assert_eq!(probe::<Wireguard>(&reserved), Probe::No);
        let mut plain = message(4, &[77, 1, 0], 96);
        plain[16..].fill(b'a');
        assert_eq!(probe::<Wireguard>(&plain), Probe::No);
        let then = talk::<Wireguard>(&[(C, &message(4, &[7, 1, 0], 96)), (C, b"else")], usize::MAX);
        assert_eq!((then.said().len(), then.next), (0, Next::Upgrade));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, kind in 0u8..6, indices: Vec<u32>, length in 0usize..200) {
            survives::<Wireguard>(&random, usize::MAX);
            let bytes = message(kind, &indices, length);
            survives::<Wireguard>(&[(true, bytes.clone()), (false, bytes)], usize::MAX);
        }
    }
}
