//! The PostgreSQL protocol (documentation: "Message Flow", "SSL Session Encryption") and its `SSLRequest`.

use super::super::{Next, Payload, Probe, Protocol};
use super::{Upgrade, tls_at_front};
use crate::base::{Dir, Evidence, Facts, Reader, What, Window};

const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;
/// Protocol versions 3.x: the major version stands in the upper 16 bits.
const MAJOR: u32 = 3;
/// The server refuses longer ones (`MAX_STARTUP_PACKET_LENGTH`).
const LARGEST_STARTUP: u32 = 10_000;

/// A connection to a PostgreSQL server, until its start-up is over.
#[derive(Debug, Default)]
pub struct Postgres {
    /// The frames of an unanswered `SSLRequest` or `GSSENCRequest`: each is answered by one octet.
    asked: Option<(u32, Evidence)>,
    named: bool,
    upgrade: Upgrade,
}

/// The first message of a client: its length and request code.
#[derive(Debug, PartialEq)]
enum Opening {
    Request(u32, usize),
    Startup,
    Short,
    Other,
}

fn opening(bytes: &[u8]) -> Opening {
    let mut r = Reader::new(bytes);
    let (Ok(len), Ok(code)) = (r.u32(), r.u32()) else {
        // No length above LARGEST_STARTUP starts like this.
        return if bytes.iter().take(2).all(|&b| b == 0) { Opening::Short } else { Opening::Other };
    };
    match (code, len) {
        (SSL_REQUEST | GSSENC_REQUEST, 8) => Opening::Request(code, 8),
        (CANCEL_REQUEST, 16) => Opening::Startup,
        _ if code >> 16 == MAJOR && (9..=LARGEST_STARTUP).contains(&len) => match r.rest() {
            // Names and values, each ended by a zero octet; the user is the one that must be there.
            [] => Opening::Short,
            [first, ..] if first.is_ascii_lowercase() || *first == b'_' => match r.rest().iter().take(64).position(|&b| b == 0) {
                Some(_) => Opening::Startup,
                None if r.left() < 64 => Opening::Short,
                None => Opening::Other,
            },
            _ => Opening::Other,
        },
        _ => Opening::Other,
    }
}

impl Protocol for Postgres {
    fn probe(window: &Window<'_>) -> Probe {
        match opening(window.bytes) {
            Opening::Request(..) | Opening::Startup => Probe::Yes,
            Opening::Short => Probe::More,
            Opening::Other => Probe::No,
        }
    }

    fn sender(_window: &Window<'_>) -> Option<Dir> {
        Some(Dir::Client)
    }
}

impl Payload for Postgres {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let mut taken = 0;
        while !self.upgrade.is_over() && taken < window.bytes.len() {
            let rest = window.from(taken);
            match tls_at_front(rest.bytes) {
                Some(true) => {
                    self.upgrade.infer(Some("postgres"), &rest, facts);
                    break;
                }
                None => break,
                Some(false) => {}
            }
            taken = taken.saturating_add(match window.dir {
                Dir::Client => self.client(&rest, facts),
                Dir::Server => self.server(&rest, facts),
            });
            if window.dir == Dir::Client && !self.upgrade.is_over() && opening(rest.bytes) == Opening::Short {
                break;
            }
        }
        taken
    }

    fn next(&self) -> Next {
        self.upgrade.next()
    }
}

impl Postgres {
    fn client(&mut self, rest: &Window<'_>, facts: &mut Facts) -> usize {
        let opening = opening(rest.bytes);
        if !self.named && matches!(opening, Opening::Request(..) | Opening::Startup) {
            facts.observe(What::Protocol("postgres"), rest.evidence(0..8));
            self.named = true;
        }
        match opening {
            Opening::Request(code, len) => {
                let request = rest.slice(0..len).unwrap_or(*rest);
                self.asked = Some((code, request.all()));
                if code == SSL_REQUEST {
                    self.upgrade.ask(&request, facts);
                }
                len
            }
            Opening::Short => 0,
            Opening::Startup | Opening::Other => {
                self.upgrade.give_up();
                0
            }
        }
    }

    fn server(&mut self, rest: &Window<'_>, facts: &mut Facts) -> usize {
        let answer = rest.slice(0..1).unwrap_or(*rest);
        match (answer.bytes, self.asked.take()) {
            (b"S", Some((SSL_REQUEST, _))) => self.upgrade.agree("postgres", &answer, facts),
            (b"N" | b"E", Some((SSL_REQUEST, _))) => self.upgrade.refuse("postgres", &answer, facts),
            (b"N" | b"E", Some((GSSENC_REQUEST, _))) => {}
            // GSSAPI encryption follows, or the answer to a start-up that was not seen.
            _ => self.upgrade.give_up(),
        }
        1
    }
}
