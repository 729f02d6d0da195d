//! What DNS said of a name.

use std::net::IpAddr;

use super::freeze::Freeze;
use super::render::{List, Render, Shown};
use super::{Reader, Timestamp, WireStr};

/// The addresses that one answer gave for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsAnswer {
    /// The name that was asked for; aliases (CNAME) lie between it and the addresses.
    pub name: WireStr,
    /// When the answer came.
    pub at: Timestamp,
    /// The addresses.
    pub addresses: Vec<IpAddr>,
}

impl Render for DnsAnswer {
    fn shown(&self) -> Shown<'_> {
        let addresses = self.addresses.iter().map(|address| Shown::Text(address.to_string().into()));
        Shown::List(List::Made(std::iter::once(Shown::Wire(&self.name)).chain(addresses).collect()))
    }
}

impl Freeze for DnsAnswer {
    fn put(&self, out: &mut Vec<u8>) {
        self.name.put(out);
        self.at.put(out);
        self.addresses.put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Option<DnsAnswer> {
        Some(DnsAnswer { name: WireStr::take(reader)?, at: Timestamp::take(reader)?, addresses: Vec::take(reader)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_back_as_it_was_frozen() {
        let answer = DnsAnswer {
            name: "chat.example.net".into(),
            at: Timestamp::from_nanos(5),
            addresses: vec![[192, 0, 2, 1].into(), [0u16, 1, 2, 3, 4, 5, 6, 7].into()],
        };
        let mut bytes = Vec::new();
        answer.put(&mut bytes);
        assert_eq!(DnsAnswer::take(&mut Reader::new(&bytes)), Some(answer));
    }
}
