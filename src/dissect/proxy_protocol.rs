//! The PROXY protocol, versions 1 and 2 (HAProxy's published specification): what a load balancer sends before the client's own bytes.

use crate::base::{Dir, Facts, What, Window};

use super::{Next, Payload, Probe, Protocol};

/// The longest line of version 1, its CRLF included.
const LONGEST_LINE: usize = 107;
/// How version 2 begins.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The header, and then whatever the client says.
#[derive(Debug, Default)]
pub struct ProxyProtocol {
    read: bool,
}

impl Protocol for ProxyProtocol {
    fn probe(window: &Window<'_>) -> Probe {
        match header(window.bytes) {
            Header::Whole(_) => Probe::Yes,
            Header::Cut => Probe::More,
            Header::None => Probe::No,
        }
    }

    fn sender(_: &Window<'_>) -> Option<Dir> {
        Some(Dir::Client)
    }
}

impl Payload for ProxyProtocol {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        match header(window.bytes) {
            Header::Whole(length) => {
                self.read = true;
                facts.observe(What::Protocol("proxy-protocol"), window.evidence(0..length));
                length
            }
            Header::Cut | Header::None => 0,
        }
    }

    fn next(&self) -> Next {
        if self.read { Next::Upgrade } else { Next::Stay }
    }
}

enum Header {
    Whole(usize),
    Cut,
    None,
}

fn header(bytes: &[u8]) -> Header {
    let starts = |with: &[u8]| bytes.iter().zip(with).all(|(a, b)| a == b);
    if bytes.is_empty() {
        Header::Cut
    } else if starts(b"PROXY ") {
        match bytes.iter().take(LONGEST_LINE).position(|&b| b == b'\n') {
            Some(at) => Header::Whole(at + 1),
            None if bytes.len() < LONGEST_LINE => Header::Cut,
            None => Header::None,
        }
    } else if starts(SIGNATURE) {
        match bytes.get(12..16) {
            Some(&[version, _, high, low]) if version >> 4 == 2 => {
                let length = 16 + usize::from(u16::from_be_bytes([high, low]));
                if bytes.len() >= length { Header::Whole(length) } else { Header::Cut }
            }
            Some(_) => Header::None,
            None => Header::Cut,
        }
    } else {
        Header::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(bytes: &[u8]) -> Option<usize> {
        match header(bytes) {
            Header::Whole(length) => Some(length),
            Header::Cut | Header::None => None,
        }
    }

    #[test]
    fn the_header_ends_where_the_clients_own_bytes_begin() {
        assert_eq!(length(b"PROXY TCP4 192.0.2.1 192.0.2.2 5 443\r\n\x16\x03\x01"), Some(38));
        assert_eq!(length(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x02ab\x16"), Some(18));
        assert_eq!(length(b"PROXY TCP4 192.0.2.1"), None);
        assert!(matches!(header(b"PROX"), Header::Cut));
        assert!(matches!(header(b"\x16\x03\x01"), Header::None));
    }
}
