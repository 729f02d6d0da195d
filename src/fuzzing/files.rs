//! Files that people give: key logs, catalogues, case files, filters, roots, times.

use std::sync::Arc;

use super::sinks;
use super::talk;
use super::turns::Turns;
use crate::assess::report::Case;
use crate::assess::{Catalogue, Filter};
use crate::base::{FrameNo, Timestamp};
use crate::dissect::inside::Quest;
use crate::dissect::keys::Keys;
use crate::dissect::{Equipment, inside, tls};
use crate::flow::{Endpoint, FlowKey, Transport};

/// A key log and a connection that it may open: `length(2) log dialogue`. The first octet of the dialogue chooses TCP or UDP.
pub(super) fn keylog(bytes: &[u8]) {
    let (log, rest) = match bytes.split_first_chunk::<2>() {
        Some((length, rest)) => rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len())),
        None => (bytes, &[][..]),
    };
    let keys = Keys::default();
    keys.add_log(log);
    let (which, turns) = Turns::read(rest);
    let Some(quest) = super::inside::quest() else { return };
    let gathered = inside::Gathered::default();
    let sinks = (which & 2 == 0).then(|| gathered.sinks(Quest::clone(&quest)));
    let equipment = Equipment { sinks, patient: which & 4 != 0, growing: which & 8 != 0, ..Equipment::with_keys(Arc::new(keys)) };
    let end = |port| Endpoint { ip: std::net::Ipv4Addr::LOCALHOST.into(), port };
    let makers = equipment.makers();
    let key = |transport| FlowKey::new(transport, end(50_000), end(443)).0;
    if which & 1 == 0 {
        let key = key(Transport::Tcp);
        sinks::check(Transport::Tcp, talk::stream(&turns, &|| (makers.stream)(&key, FrameNo::FIRST)));
    } else {
        let key = key(Transport::Udp);
        sinks::check(Transport::Udp, talk::datagrams(&turns, &|| (makers.datagrams)(&key, FrameNo::FIRST)));
    }
    let _ = equipment.counts();
    let _ = gathered.take();
}

/// A filter, a case file, a catalogue, a time, a file of roots or a server's key, by the first octet.
pub(super) fn words(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    match which % 6 {
        0 => match Filter::parse(&text) {
            Ok(filter) => {
                let _ = (filter.matches(&sinks::sample()), filter.is_public());
            }
            Err(error) => {
                let _ = (error.pointing_at(&text), error.to_string());
            }
        },
        1 => drop(Case::parse(&text).map_err(|error| error.to_string())),
        2 => drop(Catalogue::with(&text).map_err(|error| error.to_string())),
        3 => drop(Timestamp::parse(&text).map(|at| at.to_string())),
        4 => drop(tls::chain::certificates(bytes)),
        _ => drop(Keys::default().add_server_key(bytes)),
    }
}
