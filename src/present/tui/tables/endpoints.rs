//! Who was talked to: one row for each server, by the name it was called, else by its address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use crate::assess::{Grade, Group, Judged};
use crate::base::WireStr;
use crate::present::tui::table::{Cell, Column, Key, STRETCH};
use crate::present::tui::{row, text};

/// Addresses, protocols and apps of one server that are kept by name; more are counted.
const MOST: usize = 8;

/// A server.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// What it was called.
    pub name: Option<WireStr>,
    /// Its addresses: the first ones.
    pub addresses: Vec<IpAddr>,
    /// What was spoken with it: the first ones.
    pub protocols: Vec<String>,
    /// Whose it is.
    pub apps: Vec<String>,
    /// Its connections by grade.
    pub group: Group,
    /// The number of the first frame.
    pub first_frame: u64,
}

impl Endpoint {
    /// Its name, else its address.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.name {
            Some(name) => name.to_string(),
            None => self.addresses.first().map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// The filter that shows its connections.
    #[must_use]
    pub fn filter(&self) -> String {
        match &self.name {
            Some(name) => format!("name:{}", quoted(&name.to_string())),
            None => self.addresses.first().map(|ip| format!("ip:{ip}")).unwrap_or_default(),
        }
    }
}

/// A value of the filter language: in quotation marks where it needs them.
#[must_use]
pub fn quoted(value: &str) -> String {
    match value.contains(|c: char| c.is_whitespace() || "()".contains(c)) {
        true => format!("\"{}\"", value.replace('"', "")),
        false => value.replace('"', ""),
    }
}

/// The servers of connections, in the order in which they were first seen.
#[must_use]
pub fn gather<'a>(connections: impl Iterator<Item = &'a Judged>) -> Vec<Endpoint> {
    let mut places: HashMap<Result<&'a WireStr, IpAddr>, usize> = HashMap::new();
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for judged in connections {
        let name = row::name(judged).filter(|name| !name.as_bytes().is_empty());
        let place = match places.entry(name.ok_or(judged.server.ip)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                endpoints.push(Endpoint {
                    name: name.cloned(),
                    addresses: Vec::new(),
                    protocols: Vec::new(),
                    apps: Vec::new(),
                    group: Group::default(),
                    first_frame: judged.first_frame.get(),
                });
                *new.insert(endpoints.len().saturating_sub(1))
            }
        };
        let Some(endpoint) = endpoints.get_mut(place) else { continue };
        endpoint.group.add(judged);
        endpoint.first_frame = endpoint.first_frame.min(judged.first_frame.get());
        note(&mut endpoint.addresses, judged.server.ip);
        if endpoint.protocols.len() < MOST {
            note(&mut endpoint.protocols, row::protocol(judged));
        }
        if let Some(of) = &judged.attribution
            && endpoint.apps.len() < MOST
        {
            note(&mut endpoint.apps, of.platform.to_string());
        }
    }
    endpoints
}

fn note<T: PartialEq>(list: &mut Vec<T>, one: T) {
    if list.len() < MOST && !list.contains(&one) {
        list.push(one);
    }
}

/// Every column, from left to right.
pub const COLUMNS: &[Column<Endpoint>] = &[
    Column {
        title: "#",
        says: "number of the first frame, as in Wireshark",
        width: |_| 7,
        from: 110,
        right: true,
        cell: |e, _| Cell::text(e.first_frame.to_string()),
        key: |e| Key::count(e.first_frame),
    },
    Column {
        title: "server",
        says: "the name it was called, else its address",
        width: |_| STRETCH,
        from: 0,
        right: false,
        cell: |e, _| Cell::text(e.title()),
        key: |e| match (&e.name, e.addresses.first()) {
            (Some(name), _) => Key::bytes(name.as_bytes()),
            (None, Some(ip)) => Key::Address(*ip, 0),
            (None, None) => Key::Unknown,
        },
    },
    Column {
        title: "in transit",
        says: "the grade of its connections together: the worst one that was judged",
        width: |_| 11,
        from: 0,
        right: false,
        cell: |e, _| in_transit(&e.group),
        key: |e| Key::grade(e.group.grade()),
    },
    Column {
        title: "in",
        says: "how many of its judged connections have that grade",
        width: |_| 9,
        from: 56,
        right: false,
        cell: |e, _| Cell::text(share(&e.group)),
        key: |e| Key::count(e.group.of(e.group.grade()).connections),
    },
    Column {
        title: "app",
        says: "whose it is, where that can be said",
        width: |_| 13,
        from: 72,
        right: false,
        cell: |e, _| Cell::text(e.apps.join(", ")),
        key: |e| e.apps.first().map_or(Key::Unknown, |app| Key::bytes(app.as_bytes())),
    },
    Column {
        title: "protocols",
        says: "what was recognised, with the versions the server chose",
        width: |table| if table >= 130 { 32 } else { 16 },
        from: 100,
        right: false,
        cell: |e, _| Cell::text(e.protocols.join(", ")),
        key: |e| e.protocols.first().map_or(Key::Unknown, |p| Key::bytes(p.as_bytes())),
    },
    Column {
        title: "address",
        says: "its first address, and how many more there are",
        width: |_| 26,
        from: 130,
        right: false,
        cell: |e, _| Cell::text(addresses(e)),
        key: |e| e.addresses.first().map_or(Key::Unknown, |ip| Key::Address(*ip, 0)),
    },
    Column {
        title: "conn.",
        says: "connections with it",
        width: |_| 6,
        from: 64,
        right: true,
        cell: |e, _| Cell::text(text::grouped(e.group.all().connections)),
        key: |e| Key::count(e.group.all().connections),
    },
    Column {
        title: "bytes",
        says: "octets of their packets, both ways",
        width: |_| 7,
        from: 50,
        right: true,
        cell: |e, _| Cell::text(text::octets(e.group.all().bytes)),
        key: |e| Key::count(e.group.all().bytes),
    },
];

/// The grade; of connections that are readable by design and set none (name lookups, clocks and the like), that.
#[must_use]
pub fn in_transit(group: &Group) -> Cell {
    match group.all().connections > 0 && group.all().connections == group.aside().connections {
        true => Cell::text("by design"),
        false => Cell::grade(group.grade()),
    }
}

/// `7 of 9`: connections of the group's grade among the judged ones; nothing where none was judged.
#[must_use]
pub fn share(group: &Group) -> String {
    match (group.judged(), group.grade()) {
        (0, Grade::Unknown) => format!("all {}", text::grouped(group.of(Grade::Unknown).connections)),
        (0, _) => String::new(),
        (judged, grade) => format!("{} of {}", text::grouped(group.of(grade).connections), text::grouped(judged)),
    }
}

fn addresses(endpoint: &Endpoint) -> String {
    let first = endpoint.addresses.first().map(ToString::to_string).unwrap_or_default();
    match endpoint.addresses.len().saturating_sub(1) {
        0 => first,
        more if endpoint.addresses.len() >= MOST => format!("{first} +{more} or more"),
        more => format!("{first} +{more}"),
    }
}
