#![allow(clippy::unwrap_used, clippy::panic)]

use std::net::IpAddr;

use super::super::{FlowTable, Limits, Seen};
use crate::base::{Dir, Facts, Frame, FrameNo, Kind, LinkType, Timestamp, What, Window};
use crate::flow::{Connection, Payload};
use crate::link::{Packet, Transport};

/// Reads until it is told to fail.
#[derive(Default)]
struct Fails {
    at_close: bool,
}

impl Payload for Fails {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        facts.observe(What::Protocol("seen"), window.all());
        assert!(window.bytes != b"fail now", "asked to");
        self.at_close = window.bytes == b"fail later";
        window.bytes.len()
    }

    fn close(&mut self, _: &mut Facts) {
        assert!(!self.at_close, "asked to");
    }
}

fn send(number: u64, port: u16, bytes: &[u8], take: &mut dyn FnMut(&Packet<'_>)) {
    let frame = Frame {
        number: FrameNo::new(number).unwrap(),
        at: Timestamp::from_nanos(i64::try_from(number).unwrap()),
        bytes,
        wire_len: 60,
        link: LinkType(1),
        interface: 0,
    };
    let address = |last| IpAddr::from([192, 0, 2, last]);
    take(&Packet {
        wire_len: 60,
        src: address(1),
        dst: address(2),
        transport: Transport::Udp { src_port: port, dst_port: 9 },
        payload: frame.window(bytes).with_dir(Dir::Client),
        payload_wire_len: u32::try_from(bytes.len()).unwrap(),
        vlan: None,
        process: None,
    });
}

const SAID: [(u16, &[u8]); 5] = [(1, b"well"), (2, b"fail now"), (3, b"fail later"), (2, b"more"), (1, b"well")];

fn failed(connections: &[Connection]) -> Vec<(u16, bool, u64)> {
    connections.iter().map(|c| (c.client.port, c.facts.has(Kind::InternalError), c.sent[0].packets)).collect()
}

#[test]
fn a_fault_in_one_connection_is_told_there_and_costs_no_other() {
    let mut table: FlowTable<Fails, Fails> = FlowTable::new(Limits::default());
    for (n, (port, bytes)) in (1..).zip(SAID) {
        send(n, port, bytes, &mut |packet| table.packet(packet));
    }
    let finished = table.finish();
    assert_eq!(finished.counts().failed, 2);
    let connections: Vec<Connection> = finished.iter().collect();
    assert_eq!(failed(&connections), [(1, false, 2), (2, true, 2), (3, true, 1)]);
    let said = connections.iter().map(|c| c.facts.get(Kind::InternalError).map(|fact| format!("{:?}", fact.evidence)));
    assert_eq!(said.collect::<Vec<_>>(), [None, Some("[#2]".to_owned()), Some("[#3]".to_owned())]);
    assert!(connections.iter().all(|c| c.protocol() == Some("seen")), "what was found before still holds");
}

#[test]
fn a_fault_in_a_capture_that_still_runs_is_told_too() {
    let mut table: FlowTable<Fails, Fails> = FlowTable::running(Limits::default(), super::super::Makers::default());
    for (n, (port, bytes)) in (1..).zip(SAID) {
        send(n, port, bytes, &mut |packet| table.packet(packet));
    }
    let mut over = Vec::new();
    let counts = table.end(&mut |seen| {
        if let Seen::Over(connection) = seen {
            over.push(connection);
        }
    });
    assert_eq!(counts.failed, 2);
    assert_eq!(failed(&over), [(1, false, 2), (2, true, 2), (3, true, 1)]);
}
