//! TCP, UDP and SCTP headers (RFC 9293 §3.1, RFC 768, RFC 9260 §3.1).

use std::net::IpAddr;

use etherparse::{TcpHeaderSlice, UdpHeaderSlice};

use super::layer::{Layer, Walk};
use super::{Packet, TcpFlags, TcpHeader, Transport};

/// The addresses of an IP header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub src: IpAddr,
    pub dst: IpAddr,
}

impl<'a> Walk<'_, 'a> {
    pub fn tcp(&mut self, ends: Ends, segment: Layer<'a>) -> bool {
        if let Ok(header) = TcpHeaderSlice::from_slice(segment.bytes) {
            let transport = Transport::Tcp(TcpHeader {
                src_port: header.source_port(),
                dst_port: header.destination_port(),
                seq: header.sequence_number(),
                ack: header.acknowledgment_number(),
                flags: TcpFlags { fin: header.fin(), syn: header.syn(), rst: header.rst(), ack: header.ack() },
            });
            self.emit(ends, transport, segment.after(header.slice().len()))
        } else {
            self.tcp_cut(ends, segment)
        }
    }

    /// A TCP header of which only a part was captured, or whose length is impossible: its fixed part still says whose it is.
    fn tcp_cut(&mut self, ends: Ends, segment: Layer<'a>) -> bool {
        let fixed = || {
            let [length, bits] = segment.array(12)?;
            let header = TcpHeader {
                src_port: segment.be16(0)?,
                dst_port: segment.be16(2)?,
                seq: segment.be32(4)?,
                ack: segment.be32(8)?,
                flags: TcpFlags { fin: bits & 1 != 0, syn: bits & 2 != 0, rst: bits & 4 != 0, ack: bits & 16 != 0 },
            };
            segment.skip(20)?;
            Some((header, usize::from(length >> 4) * 4))
        };
        match fixed() {
            Some((header, length)) if length >= 20 && length <= segment.wire() => {
                self.emit(ends, Transport::Tcp(header), segment.after(length))
            }
            Some((header, _)) => {
                self.broken();
                self.emit(ends, Transport::Tcp(header), segment.after(usize::MAX))
            }
            None => self.broken(),
        }
    }

    pub fn udp(&mut self, ends: Ends, datagram: Layer<'a>) -> bool {
        let Ok(header) = UdpHeaderSlice::from_slice(datagram.bytes) else { return self.broken() };
        let (src_port, dst_port) = (header.source_port(), header.destination_port());
        let payload = match usize::from(header.length()) {
            // A jumbogram (RFC 2675 §4), or one that a network card was to cut up.
            0 => datagram.after(8),
            length @ 8.. => datagram.limit(length).after(8),
            _ => {
                self.broken();
                datagram.after(usize::MAX)
            }
        };
        self.udp_tunnel(ends, src_port, dst_port, payload) || self.emit(ends, Transport::Udp { src_port, dst_port }, payload)
    }

    pub fn sctp(&mut self, ends: Ends, packet: Layer<'a>) -> bool {
        match (packet.be16(0), packet.be16(2), packet.skip(12)) {
            (Some(src_port), Some(dst_port), Some(chunks)) => self.emit(ends, Transport::Sctp { src_port, dst_port }, chunks),
            _ => self.broken(),
        }
    }

    /// Hands a packet to the caller.
    ///
    /// Inside a UDP tunnel, a packet without ports (ICMP, ESP) is not found: the tunnel's own datagram is told, so that its frames
    /// belong to a connection.
    pub fn emit(&mut self, ends: Ends, transport: Transport, payload: Layer<'a>) -> bool {
        if self.in_udp && matches!(transport, Transport::Other(_)) {
            return false;
        }
        let Ends { src, dst } = ends;
        let Walk { wire_len, vlan, process, .. } = *self;
        let payload_wire_len = u32::try_from(payload.wire()).unwrap_or(u32::MAX);
        let payload = payload.window(&self.root);
        (self.sink)(&Packet { wire_len, src, dst, transport, payload, payload_wire_len, vlan, process });
        true
    }
}
