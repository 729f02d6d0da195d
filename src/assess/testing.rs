//! Judged connections made by hand, for the tests of this floor.

use super::{Grade, Judged, judge};
use crate::base::{Exposed, Facts, FrameNo, Timestamp};
use crate::flow::{Connection, Endpoint, Tally, Transport};

/// A connection of which nothing is known.
pub fn silent(first_frame: u64) -> Connection {
    let end = |port| Endpoint { ip: std::net::Ipv4Addr::new(192, 0, 2, 1).into(), port };
    let first_frame = FrameNo::new(first_frame).unwrap_or(FrameNo::FIRST);
    Connection {
        transport: Transport::Tcp,
        client: end(50_000),
        server: end(443),
        guessed: false,
        first_frame,
        last_frame: first_frame,
        start: Timestamp::ZERO,
        end: Timestamp::ZERO,
        sent: [Tally { packets: 1, bytes: 100, payload: 40 }; 2],
        vlan: None,
        truncated: 0,
        facts: Facts::new(),
    }
}

/// A connection of this grade.
pub fn graded(grade: Grade, exposed: &[Exposed]) -> Judged {
    let connection = silent(1);
    let mut judgement = judge(&connection);
    judgement.grade = grade;
    judgement.exposed = if grade == Grade::Exposed { exposed.to_vec() } else { Vec::new() };
    Judged { connection, judgement, attribution: None }
}
