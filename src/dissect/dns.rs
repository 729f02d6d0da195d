//! DNS (RFC 1035) over UDP and TCP: names asked for, the addresses they were given, and ECH configurations in HTTPS records (RFC 9460, RFC 9849).

use std::net::IpAddr;

use smallvec::SmallVec;

use super::{Next, Payload, Probe, Protocol};
use crate::base::{Dir, DnsAnswer, Facts, Kind, Reader, Short, Sides, What, Window, WireStr};

/// How many names, and how many ECH configurations, one connection states.
const MOST_FACTS: usize = 8;
/// How many answers one connection states.
const MOST_ANSWERS: u16 = 64;
/// Address and alias records of one answer that are read, and the aliases that are followed.
const MOST_RECORDS: usize = 64;
const MOST_ALIASES: usize = 16;
/// Addresses of one answer that are kept.
const MOST_ADDRESSES: usize = 16;
/// RFC 1035 §3.2.2, RFC 3596 §2.1.
const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
/// RFC 1035 §3.2.4. Multicast DNS uses the upper bit for itself (RFC 6762 §10.2).
const INTERNET: u16 = 1;
/// Octets of the header.
const HEADER: usize = 12;
/// RFC 1035 §2.3.4.
const LONGEST_NAME: usize = 255;
/// RFC 9460 §14.1.
const SVCB: u16 = 64;
const HTTPS: u16 = 65;
/// `SvcParamKey` of an ECH configuration (RFC 9848 §3).
const ECH: u16 = 5;
/// `ECHConfig.version` (RFC 9849 §4).
const ECH_VERSION: u16 = 0xfe0d;
/// Octets of one TCP message that may wait until it is complete; a larger one is passed over.
const LARGEST_READ: usize = 16 * 1024;

/// DNS over UDP (and multicast DNS and LLMNR, which cannot be told apart by their bytes).
#[derive(Debug, Default)]
pub struct Dns {
    reading: Reading,
}

/// DNS over TCP (RFC 7766): each message after its length.
#[derive(Debug, Default)]
pub struct DnsOverTcp {
    reading: Reading,
    skip: Sides<usize>,
    over: bool,
}

impl Protocol for Dns {
    fn probe(window: &Window<'_>) -> Probe {
        if is_message(window.bytes) { Probe::Yes } else { Probe::No }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        sender(window.bytes)
    }
}

impl Payload for Dns {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        self.reading.message(window, facts);
        window.bytes.len()
    }

    fn next(&self) -> Next {
        if self.reading.is_full() { Next::Done } else { Next::Stay }
    }
}

impl Protocol for DnsOverTcp {
    fn probe(window: &Window<'_>) -> Probe {
        let mut r = Reader::new(window.bytes);
        let Ok(len) = r.u16() else { return Probe::More };
        let len = usize::from(len);
        match r.rest().get(..len) {
            Some(message) if is_message(message) => Probe::Yes,
            Some(_) => Probe::No,
            None if len < HEADER + 5 || r.left() >= HEADER && !header_is_plausible(r.rest()) => Probe::No,
            None => Probe::More,
        }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        sender(window.bytes.get(2..)?)
    }
}

impl Payload for DnsOverTcp {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let mut taken = 0;
        while !self.over && taken < window.bytes.len() {
            let rest = window.from(taken);
            let skip = self.skip.of_mut(window.dir);
            if *skip > 0 {
                let n = rest.bytes.len().min(*skip);
                *skip = skip.saturating_sub(n);
                taken = taken.saturating_add(n);
                continue;
            }
            let Ok(len) = Reader::new(rest.bytes).u16() else { break };
            let len = usize::from(len);
            let whole = len.saturating_add(2);
            if len > LARGEST_READ {
                *skip = whole;
                continue;
            }
            let Some(message) = rest.slice(2..whole) else { break };
            self.over = len < HEADER || self.reading.is_full();
            self.reading.message(&message, facts);
            taken = taken.saturating_add(whole);
        }
        taken
    }

    fn gap(&mut self, _dir: Dir, _missing: u64, _facts: &mut Facts) {
        // Where the next message starts cannot be known.
        self.over = true;
    }

    fn next(&self) -> Next {
        if self.over { Next::Done } else { Next::Stay }
    }
}

/// What was read so far.
#[derive(Debug, Default)]
struct Reading {
    named: bool,
    names: Vec<WireStr>,
    configs: usize,
    answers: u16,
}

/// An address or an alias in an answer: where its owner's name and its data stand.
#[derive(Clone, Copy, Debug)]
struct Record {
    owner: usize,
    kind: u16,
    data: usize,
    end: usize,
}

impl Reading {
    fn is_full(&self) -> bool {
        self.names.len() >= MOST_FACTS && self.configs >= MOST_FACTS && self.answers >= MOST_ANSWERS
    }

    fn message(&mut self, window: &Window<'_>, facts: &mut Facts) {
        if !std::mem::replace(&mut self.named, true) {
            facts.observe(What::Protocol("dns"), window.evidence(0..HEADER));
        }
        // A message that breaks off says what it says up to there.
        let _ = self.sections(window, facts);
    }

    fn sections(&mut self, window: &Window<'_>, facts: &mut Facts) -> Result<(), Short> {
        let mut r = Reader::new(window.bytes);
        let header = Header::read(&mut r)?;
        let (mut asked, mut records) = (None, Vec::new());
        for _ in 0..header.questions {
            let start = r.position();
            skip_name(&mut r)?;
            r.skip(4)?;
            asked = asked.or(Some(start));
            if self.names.len() < MOST_FACTS {
                self.question(start, r.position(), window, facts);
            }
        }
        for at in 0..header.records {
            let start = r.position();
            skip_name(&mut r)?;
            let (kind, class) = (r.u16()?, r.u16()? & 0x7fff);
            r.skip(4)?;
            let data = r.vec16()?;
            let answers = header.is_success() && at < header.answers && class == INTERNET;
            if answers && matches!(kind, A | CNAME | AAAA) && records.len() < MOST_RECORDS {
                records.push(Record { owner: start, kind, data: r.position().saturating_sub(data.len()), end: r.position() });
            }
            // A query announces nothing.
            if header.is_response() && matches!(kind, SVCB | HTTPS) {
                for config in ech_configs(data).unwrap_or_default() {
                    self.config(&config, start, r.position(), window, facts);
                }
            }
        }
        if let Some(first) = records.first() {
            self.answer(asked.unwrap_or(first.owner), &records, window, facts);
        }
        Ok(())
    }

    /// States the addresses that an answer gives for the name asked for, or for its first name where none was asked for (RFC 6762 §6).
    fn answer(&mut self, asked: usize, records: &[Record], window: &Window<'_>, facts: &mut Facts) {
        let Some(name) = name_at(window.bytes, asked) else { return };
        let folded = |at| name_at(window.bytes, at).map(|name| name.as_bytes().to_ascii_lowercase());
        let owners: Vec<Option<Vec<u8>>> = records.iter().map(|record| folded(record.owner)).collect();
        let mut known = vec![name.as_bytes().to_ascii_lowercase()];
        let knows = |known: &[Vec<u8>], owner: &Option<Vec<u8>>| owner.as_ref().is_some_and(|owner| known.contains(owner));
        // Aliases come in any order.
        for _ in 0..MOST_ALIASES {
            let alias = records.iter().zip(&owners).find_map(|(record, owner)| {
                let target = if record.kind == CNAME && knows(&known, owner) { folded(record.data)? } else { return None };
                (!known.contains(&target)).then_some(target)
            });
            let Some(alias) = alias else { break };
            known.push(alias);
        }
        let addresses = records.iter().zip(&owners).filter(|(_, owner)| knows(&known, owner));
        let addresses = addresses.filter_map(|(record, _)| address(record.kind, window.bytes.get(record.data..record.end)?));
        let addresses: Vec<IpAddr> = addresses.take(MOST_ADDRESSES).collect();
        if addresses.is_empty() {
            return;
        }
        if self.answers >= MOST_ANSWERS {
            if !facts.has(Kind::Overflow) {
                facts.observe(What::Overflow("dns answers"), window.all());
            }
            return;
        }
        self.answers = self.answers.saturating_add(1);
        facts.observe(What::DnsAnswer(Box::new(DnsAnswer { name, at: window.at, addresses })), window.all());
    }

    fn question(&mut self, start: usize, end: usize, window: &Window<'_>, facts: &mut Facts) {
        let Some(name) = name_at(window.bytes, start) else { return };
        if !self.names.contains(&name) {
            self.names.push(name.clone());
            facts.observe(What::DnsQuery(name), window.evidence(start..end));
        }
    }

    fn config(&mut self, config: &EchConfig, start: usize, end: usize, window: &Window<'_>, facts: &mut Facts) {
        if self.configs >= MOST_FACTS {
            return;
        }
        let Some(owner) = name_at(window.bytes, start) else { return };
        self.configs = self.configs.saturating_add(1);
        let value = vec![owner.to_string(), config.public_name.to_string(), config.id.to_string()];
        facts.observe(What::DnsEchConfig(value), window.evidence(start..end));
    }
}

/// The header (RFC 1035 §4.1.1).
#[derive(Debug)]
struct Header {
    flags: u16,
    questions: u16,
    answers: u32,
    /// All records: answers, authorities and additional ones.
    records: u32,
}

impl Header {
    fn read(r: &mut Reader<'_>) -> Result<Header, Short> {
        r.skip(2)?;
        let flags = r.u16()?;
        let questions = r.u16()?;
        let [answers, authorities, additionals] = [r.u16()?, r.u16()?, r.u16()?].map(u32::from);
        Ok(Header { flags, questions, answers, records: answers.saturating_add(authorities).saturating_add(additionals) })
    }

    fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// A response without an error.
    fn is_success(&self) -> bool {
        self.is_response() && self.flags & 15 == 0
    }

    fn is_plausible(&self) -> bool {
        let opcode = self.flags >> 11 & 15;
        let rcode = self.flags & 15;
        let reserved = self.flags & 0x0040;
        // Query, status, notify, update; RFC 6895 §2.3 ends the response codes of the header at 11.
        let known = matches!(opcode, 0 | 2 | 4 | 5) && rcode <= 11 && reserved == 0;
        let counts = self.questions <= 64 && self.records <= 1024 && u32::from(self.questions).saturating_add(self.records) > 0;
        known && counts && (self.is_response() || rcode == 0)
    }
}

fn header_is_plausible(bytes: &[u8]) -> bool {
    Header::read(&mut Reader::new(bytes)).is_ok_and(|header| header.is_plausible())
}

fn sender(bytes: &[u8]) -> Option<Dir> {
    let header = Header::read(&mut Reader::new(bytes)).ok()?;
    Some(if header.is_response() { Dir::Server } else { Dir::Client })
}

/// Whether `bytes` are exactly one DNS message.
fn is_message(bytes: &[u8]) -> bool {
    parses(bytes).unwrap_or(false)
}

fn parses(bytes: &[u8]) -> Result<bool, Short> {
    let mut r = Reader::new(bytes);
    let header = Header::read(&mut r)?;
    if !header.is_plausible() {
        return Ok(false);
    }
    for _ in 0..header.questions {
        let start = r.position();
        skip_name(&mut r)?;
        let kind = r.u16()?;
        let class = r.u16()?;
        // Multicast DNS sets the upper bit of the class (RFC 6762 §5.4).
        if !matches!(class & 0x7fff, 1..=4 | 254 | 255) || kind == 0 || is_netbios(bytes.get(start..).unwrap_or_default(), kind) {
            return Ok(false);
        }
    }
    for _ in 0..header.records {
        let start = r.position();
        skip_name(&mut r)?;
        let kind = r.u16()?;
        r.skip(6)?;
        r.vec16()?;
        if kind == 0 || is_netbios(bytes.get(start..).unwrap_or_default(), kind) {
            return Ok(false);
        }
    }
    Ok(r.is_empty())
}

/// NetBIOS names (RFC 1002 §4.2.1) have the format of DNS: half-octets as letters, 32 of them in the first label, type NB or NBSTAT.
/// 0x21 is SRV in DNS, whose names begin with an underscore (RFC 2782).
fn is_netbios(name: &[u8], kind: u16) -> bool {
    matches!((kind, name), (0x20, [32, ..]) | (0x21, [32, b'A'..=b'P', ..]))
}

/// Passes over a name without following its pointer: linear, whatever the pointers say.
fn skip_name(r: &mut Reader<'_>) -> Result<(), Short> {
    let start = r.position();
    loop {
        match r.u8()? {
            0 => return Ok(()),
            len @ 1..=63 => r.skip(usize::from(len))?,
            0xc0.. => return r.skip(1),
            // Reserved label types.
            _ => return Err(Short { missing: 0 }),
        }
        if r.position().saturating_sub(start) > LONGEST_NAME {
            return Err(Short { missing: 0 });
        }
    }
}

/// The name at an offset of a message, in the form of RFC 1035 §5.1 without the last dot; `.` for the root.
fn name_at(message: &[u8], at: usize) -> Option<WireStr> {
    let mut name: SmallVec<[u8; 64]> = SmallVec::new();
    let (mut at, mut pointers) = (at, 0);
    loop {
        let mut r = Reader::new(message.get(at..)?);
        match r.u8().ok()? {
            0 => break,
            len @ 1..=63 => {
                if !name.is_empty() {
                    name.push(b'.');
                }
                let label = r.take(usize::from(len)).ok()?;
                if label.iter().any(|b| matches!(b, b'.' | b'\\')) {
                    for &b in label {
                        if matches!(b, b'.' | b'\\') {
                            name.push(b'\\');
                        }
                        name.push(b);
                    }
                } else {
                    name.extend_from_slice(label);
                }
                at = at.checked_add(r.position())?;
            }
            high @ 0xc0.. => {
                let target = usize::from(u16::from_be_bytes([high & 0x3f, r.u8().ok()?]));
                pointers += 1;
                // RFC 1035 §4.1.4: a pointer points to a prior occurrence.
                if target >= at || pointers > 16 {
                    return None;
                }
                at = target;
            }
            _ => return None,
        }
        if name.len() > 2 * LONGEST_NAME {
            return None;
        }
    }
    Some(if name.is_empty() { WireStr::from(".") } else { WireStr::new(&name) })
}

fn address(kind: u16, data: &[u8]) -> Option<IpAddr> {
    match kind {
        A => <[u8; 4]>::try_from(data).ok().map(IpAddr::from),
        AAAA => <[u8; 16]>::try_from(data).ok().map(IpAddr::from),
        _ => None,
    }
}

/// What an `ECHConfig` says in clear of itself.
#[derive(Debug, PartialEq, Eq)]
struct EchConfig {
    id: u8,
    public_name: WireStr,
}

/// The ECH configurations in the data of an SVCB or HTTPS record (RFC 9460 §2.2, RFC 9849 §4).
fn ech_configs(data: &[u8]) -> Result<Vec<EchConfig>, Short> {
    let mut configs = Vec::new();
    let mut r = Reader::new(data);
    r.skip(2)?;
    skip_name(&mut r)?;
    while !r.is_empty() {
        let key = r.u16()?;
        let value = r.vec16()?;
        if key != ECH {
            continue;
        }
        let mut list = Reader::new(Reader::new(value).vec16()?);
        while !list.is_empty() && configs.len() < MOST_FACTS {
            let version = list.u16()?;
            let contents = list.vec16()?;
            if version == ECH_VERSION {
                configs.push(ech_config(contents)?);
            }
        }
    }
    Ok(configs)
}

fn ech_config(contents: &[u8]) -> Result<EchConfig, Short> {
    let mut r = Reader::new(contents);
    let id = r.u8()?;
    let _kem = r.u16()?;
    let _public_key = r.vec16()?;
    let _cipher_suites = r.vec16()?;
    let _maximum_name_length = r.u8()?;
    Ok(EchConfig { id, public_name: WireStr::new(r.vec8()?) })
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::super::testing::{C, S, dialogue, probe, survives, talk};
    use super::*;

    const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\x01\0\x01";

    /// A response with an HTTPS record whose owner is a pointer to the question.
    fn https_response() -> Vec<u8> {
        let mut config = vec![42, 0, 0x20, 0, 4, 1, 2, 3, 4, 0, 4, 0, 1, 0, 1, 0, 12];
        config.extend_from_slice(b"cover.example\0\0");
        let mut list = vec![0xfe, 0x0d, 0, config.len() as u8];
        list.extend_from_slice(&config);
        // SvcPriority 1, TargetName the root, alpn h2, then the configuration.
        let mut data = b"\0\x01\0\0\x01\0\x03\x02h2\0\x05".to_vec();
        data.extend_from_slice(&[0, list.len() as u8 + 2, 0, list.len() as u8]);
        data.extend_from_slice(&list);
        // The length octet of the public name.
        let at = data.windows(13).position(|w| w == b"cover.example").unwrap_or_default();
        data[at - 1] = 13;
        let mut message = b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x03www\x07example\0\0\x41\0\x01\xc0\x0c\0\x41\0\x01\0\0\0\x3c\0".to_vec();
        message.push(data.len() as u8);
        message.extend_from_slice(&data);
        message
    }

    #[test]
    fn a_query_states_its_name_once() {
        assert_eq!(probe::<Dns>(QUERY), Probe::Yes);
        let talk = talk::<Dns>(&[(C, QUERY), (C, QUERY)], usize::MAX);
        assert_eq!(
            talk.said(),
            [r#"network.protocol Text("dns") observed [#1]"#, r#"dns.question.name Wire("www.example") observed [#1]"#]
        );
    }

    #[test]
    fn an_https_record_states_its_ech_configuration() {
        let response = https_response();
        assert_eq!(probe::<Dns>(&response), Probe::Yes);
        let talk = talk::<Dns>(&[(C, QUERY), (S, &response)], usize::MAX);
        let config = r#"dns.ech_config List([Text("www.example"), Text("cover.example"), Text("42")]) observed [#2]"#;
        assert_eq!(talk.said().last().map(String::as_str), Some(config));
    }

    /// An answer of these records: owner, type, data. Names in data are written out.
    fn response(flags: [u8; 2], records: &[(&[u8], u16, &[u8])]) -> Vec<u8> {
        let mut message = [&[0x12, 0x34], flags.as_slice(), &[0, 1, 0, records.len() as u8, 0, 0, 0, 0]].concat();
        message.extend_from_slice(&QUERY[12..]);
        for (owner, kind, data) in records {
            message.extend_from_slice(owner);
            message.extend_from_slice(&kind.to_be_bytes());
            message.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
            message.extend_from_slice(&(data.len() as u16).to_be_bytes());
            message.extend_from_slice(data);
        }
        message
    }

    #[test]
    fn an_answer_gives_its_addresses_to_the_name_that_was_asked_for_through_aliases_in_any_order() {
        let (own, alias, last): (&[u8], &[u8], &[u8]) = (b"\xc0\x0c", b"\x03CDN\x07example\0", b"\x04edge\x07example\0");
        let records: [(&[u8], u16, &[u8]); 5] = [
            (last, A, &[192, 0, 2, 7]),
            (b"\x03cdn\x07example\0", CNAME, last),
            (own, CNAME, alias),
            (b"\x05other\x07example\0", A, &[192, 0, 2, 66]),
            (last, AAAA, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]),
        ];
        let told = talk::<Dns>(&[(C, QUERY), (S, &response([0x81, 0x80], &records))], usize::MAX);
        let answer = r#"dns.answer List([Wire("www.example"), Text("192.0.2.7"), Text("2001:db8::9")]) observed [#2]"#;
        assert_eq!(told.said().last().map(String::as_str), Some(answer));
        let looped: [(&[u8], u16, &[u8]); 2] = [(own, CNAME, alias), (alias, CNAME, b"\xc0\x0c")];
        assert!(!talk::<Dns>(&[(S, &response([0x81, 0x80], &looped))], usize::MAX).says("dns.answer"));
        for flags in [[0x81, 0x83], [1, 0]] {
            let told = talk::<Dns>(&[(S, &response(flags, &records))], usize::MAX);
            assert!(!told.says("dns.answer"), "neither an error nor a query answers: {:?}", told.said());
        }
    }

    #[test]
    fn a_connection_of_many_answers_is_bounded_and_told() {
        let message = response([0x81, 0x80], &[(b"\xc0\x0c", A, &[192, 0, 2, 7])]);
        let turns: Vec<(Dir, &[u8])> = (0..100).map(|_| (S, message.as_slice())).collect();
        let told = talk::<Dns>(&turns, usize::MAX);
        assert_eq!(told.facts.list().iter().filter(|fact| fact.what.kind() == Kind::DnsAnswer).count(), usize::from(MOST_ANSWERS));
        assert!(told.says(r#"intransit.overflow Text("dns answers")"#));
    }

    #[test]
    fn a_query_with_an_https_record_announces_nothing() {
        let mut query = https_response();
        query[2..4].copy_from_slice(&[1, 0]);
        let talk = talk::<Dns>(&[(C, &query)], usize::MAX);
        assert!(!talk.says("dns.ech_config"), "{:?}", talk.said());
    }

    #[test]
    fn over_tcp_each_message_follows_its_length() {
        let framed = |message: &[u8]| [&(message.len() as u16).to_be_bytes(), message].concat();
        let (query, response) = (framed(QUERY), framed(&https_response()));
        assert_eq!(probe::<DnsOverTcp>(&query), Probe::Yes);
        assert_eq!(probe::<DnsOverTcp>(&query[..20]), Probe::More);
        assert_eq!(probe::<DnsOverTcp>(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03abcde"), Probe::No);
        let talk = dialogue::<DnsOverTcp>(&[(C, &query), (S, &response)]);
        assert_eq!(talk.facts.list().len(), 3);
    }

    #[test]
    fn pointers_that_loop_or_point_ahead_give_no_name() {
        let own = b"\0\0\0\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01";
        assert_eq!(name_at(own, 12), None);
        let mut deep = vec![0];
        for n in 0..40u8 {
            deep.extend_from_slice(&[0xc0, if n == 0 { 0 } else { deep.len() as u8 - 2 }]);
        }
        assert_eq!(name_at(&deep, deep.len() - 2), None);
    }

    #[test]
    fn what_is_not_exactly_one_message_is_not_dns() {
        assert_eq!(probe::<Dns>(&QUERY[..QUERY.len() - 1]), Probe::No);
        assert_eq!(probe::<Dns>(&[QUERY, b"x"].concat()), Probe::No);
        let netbios = b"\x80\x01\x01\x10\0\x01\0\0\0\0\0\0\x20CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0\0\x21\0\x01";
        assert_eq!(probe::<Dns>(netbios), Probe::No);
        assert_eq!(probe::<Dns>(&[0; 17]), Probe::No);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, piece in 1usize..9) {
            survives::<Dns>(&random, usize::MAX);
            survives::<DnsOverTcp>(&random, piece);
        }

        #[test]
        fn changed_octets_never_panic(at in 0usize..120, with: u8, piece in 1usize..9) {
            let mut response = https_response();
            if let Some(b) = response.get_mut(at) {
                *b = with;
            }
            survives::<Dns>(&[(false, response.clone())], usize::MAX);
            let framed = [&(response.len() as u16).to_be_bytes(), response.as_slice()].concat();
            survives::<DnsOverTcp>(&[(false, framed)], piece);
        }
    }
}
