//! The catalogue turned round: from a name, an address, a sign or a program to who uses it.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use super::cidr::number;
use super::{App, CatalogueError, Domain, Group, Platform, Range, Reach, Role, Scope, Sign, Strength, WireSignature};

type Map<V> = HashMap<Box<str>, V, foldhash::fast::RandomState>;

/// Octets of the longest name (RFC 1035 §2.3.4), as text.
const LONGEST_NAME: usize = 253;

/// Who is meant: a platform, or a group of which packets do not tell which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    pub id: Arc<str>,
    /// For a group: the platforms that use it.
    pub candidates: Option<Arc<[Arc<str>]>>,
}

impl Who {
    /// Whether this platform, or one of this group, is the other, or may be.
    pub fn may_be(&self, other: &Who) -> bool {
        match (&self.candidates, &other.candidates) {
            (None, None) => self.id == other.id,
            (Some(ids), None) => ids.contains(&other.id),
            (None, Some(ids)) => ids.contains(&self.id),
            (Some(ids), Some(others)) => self.id == other.id || ids.iter().any(|id| others.contains(id)),
        }
    }
}

/// What a name says.
#[derive(Clone, Debug)]
pub struct Named {
    pub who: Who,
    pub role: Role,
    pub reach: Reach,
}

/// What a sign on the wire says.
#[derive(Clone, Debug)]
pub struct Wired {
    pub who: Who,
    pub role: Role,
    pub strength: Strength,
}

/// What an address says.
#[derive(Clone, Debug)]
pub struct Ranged {
    pub who: Who,
    pub scope: Scope,
}

/// Addresses without a range within.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    first: u128,
    last: u128,
    range: usize,
}

/// Everything by what is looked up.
#[derive(Debug, Default)]
pub struct Index {
    names: Map<Named>,
    /// Labels of the longest suffix: longer names are looked up from there.
    most_labels: usize,
    ranges: Vec<Ranged>,
    stretches: Vec<Stretch>,
    wire: BTreeMap<Sign, Map<Wired>>,
    apps: Map<Who>,
    borrowed: Map<Vec<Arc<str>>>,
}

impl Index {
    /// Of a catalogue's entries.
    pub fn of(platforms: &[Platform], groups: &[Group]) -> Result<Index, CatalogueError> {
        let mut index = Index::default();
        let mut ranges: Vec<(u128, u128, Ranged)> = Vec::new();
        for platform in platforms {
            let who = Who { id: platform.id.clone(), candidates: None };
            index.add(&who, &platform.domains, &platform.ranges, &platform.wire, &mut ranges)?;
            index.programs(&who, &platform.apps)?;
            for name in &platform.borrows {
                index.borrowed.entry(name.host.as_str().into()).or_default().push(platform.id.clone());
            }
        }
        for group in groups {
            let who = Who { id: group.id.clone(), candidates: Some(group.candidates.clone().into()) };
            index.add(&who, &group.domains, &group.ranges, &group.wire, &mut ranges)?;
            index.programs(&who, &group.apps)?;
        }
        index.stretches = stretches(&mut ranges)?;
        index.ranges = ranges.into_iter().map(|(_, _, ranged)| ranged).collect();
        Ok(index)
    }

    fn add(
        &mut self,
        who: &Who,
        domains: &[Domain],
        ranges: &[Range],
        wire: &[WireSignature],
        all: &mut Vec<(u128, u128, Ranged)>,
    ) -> Result<(), CatalogueError> {
        for domain in domains {
            let suffix = domain.suffix.as_str();
            let label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            if suffix.len() > LONGEST_NAME || !suffix.contains('.') || !suffix.split('.').all(label) {
                return Err(CatalogueError::Sense(format!(
                    "{}: \"{}\" is no name of at least two labels in lower case",
                    who.id,
                    suffix.escape_debug()
                )));
            }
            self.most_labels = self.most_labels.max(suffix.split('.').count());
            let named = Named { who: who.clone(), role: domain.role, reach: domain.reach };
            if let Some(old) = self.names.insert(suffix.into(), named) {
                return twice(suffix, &old.who.id, &who.id);
            }
        }
        for range in ranges {
            let (first, last) = range.cidr.bounds();
            all.push((first, last, Ranged { who: who.clone(), scope: range.scope }));
        }
        for sign in wire {
            let wired = Wired { who: who.clone(), role: sign.role, strength: sign.strength };
            if let Some(old) = self.wire.entry(sign.sign).or_default().insert(sign.value.as_str().into(), wired) {
                return twice(&sign.value, &old.who.id, &who.id);
            }
        }
        Ok(())
    }

    fn programs(&mut self, who: &Who, apps: &[App]) -> Result<(), CatalogueError> {
        for app in apps {
            if let Some(old) = self.apps.insert(app.name.to_lowercase().into(), who.clone()) {
                return twice(&app.name, &old.id, &who.id);
            }
        }
        Ok(())
    }

    /// Who uses a name: the longest suffix of whole labels wins.
    pub fn name(&self, host: &[u8]) -> Option<&Named> {
        longest_suffix(&self.names, self.most_labels, host)
    }

    /// Who uses an address.
    pub fn range(&self, ip: IpAddr) -> Option<&Ranged> {
        let number = number(ip);
        let at = self.stretches.partition_point(|stretch| stretch.last < number);
        let stretch = self.stretches.get(at).filter(|stretch| stretch.first <= number)?;
        self.ranges.get(stretch.range)
    }

    /// Who is known by a sign.
    pub fn wire(&self, sign: Sign, value: &str) -> Option<&Wired> {
        self.wire.get(&sign)?.get(value)
    }

    /// Whose program this is.
    pub fn app(&self, name: &[u8]) -> Option<&Who> {
        self.apps.get(std::str::from_utf8(name).ok()?.to_lowercase().as_str())
    }

    /// Whether a platform is known to put a name of others where its own would stand.
    pub fn borrows(&self, platform: &str, host: &[u8]) -> bool {
        let mut room = [0; LONGEST_NAME];
        let ids = lower(host, &mut room).and_then(|host| self.borrowed.get(host));
        ids.is_some_and(|ids| ids.iter().any(|id| &**id == platform))
    }
}

fn twice<T>(what: &str, one: &str, other: &str) -> Result<T, CatalogueError> {
    let what = what.escape_debug();
    Err(CatalogueError::Sense(if one == other {
        format!("\"{what}\" stands twice in {one}")
    } else {
        format!("\"{what}\" stands in {one} and in {other}")
    }))
}

/// A host name in lower case, without port, trailing dot and the wildcard of a certificate (RFC 6125 §6.4.3).
fn lower<'a>(host: &[u8], room: &'a mut [u8; LONGEST_NAME]) -> Option<&'a str> {
    let host = host.strip_prefix(b"*.").unwrap_or(host);
    let host = host.split(|&b| b == b':').next().unwrap_or_default();
    let host = host.strip_suffix(b".").unwrap_or(host);
    let room = room.get_mut(..host.len())?;
    room.copy_from_slice(host);
    room.make_ascii_lowercase();
    std::str::from_utf8(room).ok()
}

fn longest_suffix<'m, V>(map: &'m Map<V>, most_labels: usize, host: &[u8]) -> Option<&'m V> {
    let mut room = [0; LONGEST_NAME];
    let mut rest = lower(host, &mut room)?;
    for _ in most_labels..rest.split('.').count() {
        rest = rest.split_once('.')?.1;
    }
    loop {
        if let Some(found) = map.get(rest) {
            return Some(found);
        }
        rest = rest.split_once('.')?.1;
    }
}

/// Ranges, one within another or apart, as stretches apart: in each the narrowest range counts.
fn stretches(ranges: &mut [(u128, u128, Ranged)]) -> Result<Vec<Stretch>, CatalogueError> {
    // Wide before narrow where both begin together.
    ranges.sort_by_key(|&(first, last, _)| (first, std::cmp::Reverse(last)));
    for ((first, last, one), (next, end, other)) in ranges.iter().zip(ranges.iter().skip(1)) {
        if (first, last) == (next, end) {
            return twice("a range of addresses", &one.who.id, &other.who.id);
        }
    }
    let mut all: Vec<Stretch> = Vec::new();
    let mut open: Vec<(u128, usize)> = Vec::new();
    let mut next = 0;
    let mut put = |first: u128, last: u128, range: usize| {
        if first <= last {
            all.push(Stretch { first, last, range });
        }
    };
    for (range, &(first, last, _)) in ranges.iter().enumerate() {
        while let Some(&(end, outer)) = open.last().filter(|&&(end, _)| end < first) {
            put(next, end, outer);
            next = end.saturating_add(1);
            open.pop();
        }
        if let (Some(&(_, outer)), Some(before)) = (open.last(), first.checked_sub(1)) {
            put(next, before, outer);
        }
        next = first;
        open.push((last, range));
    }
    while let Some((end, outer)) = open.pop() {
        put(next, end, outer);
        next = end.saturating_add(1);
    }
    Ok(all)
}
