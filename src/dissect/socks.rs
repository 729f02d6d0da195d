//! SOCKS 5 (RFC 1928, RFC 1929), SOCKS 4 and 4A: proxies that carry another connection.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::starttls::tls_at_front;
use super::{Next, Payload, Probe, Protocol};
use crate::base::{Dir, Evidence, Exposed, Facts, Reader, Short, What, Window, WireStr};

/// The command that opens a stream; 2 is bind, 3 (version 5 only) UDP.
const CONNECT: u8 = 1;
/// A user's name in version 4 is not longer than this.
const LONGEST_USER: usize = 255;

/// What the client said last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    Nothing,
    /// Version 5: methods, and perhaps name and password.
    Methods,
    /// A connection; or with another command something that carries no stream.
    Request { connect: bool },
}

/// What the server is to say next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Answer {
    /// Version 5: the method it chose.
    #[default]
    Method,
    /// Version 5: whether name and password are right.
    Verdict,
    Reply5,
    Reply4,
}

/// A connection to a SOCKS proxy, until what it carries begins.
#[derive(Debug, Default)]
pub struct Socks {
    asked: Asked,
    answer: Answer,
    /// The frames of what was said so far: the first messages are too short to name the protocol by one alone.
    said: Option<Evidence>,
    named: bool,
    /// Where to, and the frames of the request.
    target: Option<(WireStr, Evidence)>,
    over: Option<Next>,
}

/// A request: its octets, command and target.
#[derive(Debug)]
struct Request {
    len: usize,
    command: u8,
    target: Vec<u8>,
}

/// Why a message cannot be read.
#[derive(Debug, PartialEq)]
enum No {
    Short,
    NotSocks,
}

impl From<Short> for No {
    fn from(_: Short) -> No {
        No::Short
    }
}

/// A greeting of version 5 (RFC 1928 §3): how many octets it has.
fn greeting(bytes: &[u8]) -> Result<usize, No> {
    let mut r = Reader::new(bytes);
    require(r.u8()? == 5)?;
    let count = usize::from(r.u8()?);
    require((1..=16).contains(&count))?;
    let seen = r.rest().get(..count).unwrap_or(r.rest());
    // Assigned by IANA, or private; no method is named twice.
    require(seen.iter().all(|m| matches!(m, 0..=3 | 5..=9 | 0x80..=0xfe)))?;
    require(seen.iter().enumerate().all(|(i, m)| !seen.iter().take(i).any(|other| other == m)))?;
    r.skip(count)?;
    Ok(r.position())
}

/// A request (§4) or reply (§6) of version 5.
fn message5(bytes: &[u8]) -> Result<Request, No> {
    let mut r = Reader::new(bytes);
    require(r.u8()? == 5)?;
    let command = r.u8()?;
    require(r.u8()? == 0)?;
    let mut target = match r.u8()? {
        1 => Ipv4Addr::from(r.array::<4>()?).to_string().into_bytes(),
        3 => r.vec8()?.to_vec(),
        4 => format!("[{}]", Ipv6Addr::from(r.array::<16>()?)).into_bytes(),
        _ => return Err(No::NotSocks),
    };
    target.extend_from_slice(format!(":{}", r.u16()?).as_bytes());
    Ok(Request { len: r.position(), command, target })
}

/// A request of version 4 or 4A.
fn request4(bytes: &[u8]) -> Result<Request, No> {
    let mut r = Reader::new(bytes);
    require(r.u8()? == 4)?;
    let command = r.u8()?;
    require(matches!(command, 1 | 2))?;
    let port = r.u16()?;
    require(port != 0)?;
    let ip = r.array::<4>()?;
    text(&mut r)?;
    let mut target = match ip {
        [0, 0, 0, 0] => return Err(No::NotSocks),
        // 4A: an address that cannot be, and a name after it.
        [0, 0, 0, _] => match text(&mut r)? {
            [] => return Err(No::NotSocks),
            name => name.to_vec(),
        },
        [0, ..] => return Err(No::NotSocks),
        ip => Ipv4Addr::from(ip).to_string().into_bytes(),
    };
    target.extend_from_slice(format!(":{port}").as_bytes());
    Ok(Request { len: r.position(), command, target })
}

/// Printable text that ends with a zero octet.
fn text<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], No> {
    let rest = r.rest();
    let end = rest.iter().take(LONGEST_USER + 1).position(|&b| b == 0);
    let seen = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    require(seen.len() <= LONGEST_USER && seen.iter().all(u8::is_ascii_graphic))?;
    let text = r.take(end.ok_or(No::Short)?)?;
    r.skip(1)?;
    Ok(text)
}

fn require(sound: bool) -> Result<(), No> {
    if sound { Ok(()) } else { Err(No::NotSocks) }
}

/// Whether a side's first bytes are a client's, alone or with what a hasty one sends after them.
fn opens(bytes: &[u8]) -> Result<(), No> {
    if bytes.first() == Some(&4) {
        let request = request4(bytes)?;
        return require(request.len == bytes.len());
    }
    let after = bytes.get(greeting(bytes)?..).unwrap_or_default();
    match after {
        [] => Ok(()),
        // Name and password (RFC 1929), or the request.
        [1, _, ..] => Ok(()),
        [5, 1..=3] | [5, 1..=3, 0] | [5, 1..=3, 0, 1 | 3 | 4, ..] => Ok(()),
        [_] => Err(No::Short),
        _ => Err(No::NotSocks),
    }
}

/// Whether a side's first bytes are a server's: method 0, then a reply.
fn answers(bytes: &[u8]) -> Result<(), No> {
    let mut r = Reader::new(bytes);
    require(r.array::<2>()? == [5, 0])?;
    let reply = message5(r.rest())?;
    require(reply.command <= 8)
}

impl Protocol for Socks {
    fn probe(window: &Window<'_>) -> Probe {
        match (opens(window.bytes), answers(window.bytes)) {
            (Ok(()), _) | (_, Ok(())) => Probe::Yes,
            (Err(No::NotSocks), Err(No::NotSocks)) => Probe::No,
            _ if window.bytes.len() > 2 * LONGEST_USER + 10 => Probe::No,
            _ => Probe::More,
        }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        Some(if opens(window.bytes).is_ok() { Dir::Client } else { Dir::Server })
    }
}

impl Payload for Socks {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let mut taken = 0;
        while self.over.is_none() && taken < window.bytes.len() {
            let rest = window.from(taken);
            let read = match rest.dir {
                Dir::Client => self.client(&rest, facts),
                Dir::Server => self.server(&rest, facts),
            };
            match read {
                Ok(n) => taken = taken.saturating_add(n),
                Err(No::Short) => break,
                // Something else that began like SOCKS: recognise it anew.
                Err(No::NotSocks) => self.over = Some(if self.named { Next::Done } else { Next::Upgrade }),
            }
        }
        taken
    }

    fn gap(&mut self, _dir: Dir, _missing: u64, _facts: &mut Facts) {
        self.over.get_or_insert(Next::Upgrade);
    }

    fn next(&self) -> Next {
        self.over.unwrap_or(Next::Stay)
    }
}

impl Socks {
    fn client(&mut self, rest: &Window<'_>, facts: &mut Facts) -> Result<usize, No> {
        match (self.asked, rest.bytes) {
            (Asked::Nothing, [4, ..]) => {
                let request = request4(rest.bytes)?;
                self.answer = Answer::Reply4;
                self.request(&request, &rest.evidence(0..request.len));
                Ok(request.len)
            }
            (Asked::Nothing, _) => {
                let len = greeting(rest.bytes)?;
                self.say(&rest.evidence(0..len));
                self.asked = Asked::Methods;
                Ok(len)
            }
            (Asked::Methods, [1, ..]) => {
                // RFC 1929 §2: name and password, in clear.
                let mut r = Reader::new(rest.bytes);
                r.skip(1)?;
                let (name, password) = (r.vec8()?, r.vec8()?);
                if self.named {
                    let evidence = rest.evidence(0..r.position());
                    facts.readable(Exposed::Identifiers, "SOCKS user name", name, evidence.clone());
                    facts.readable(Exposed::Credentials, "SOCKS password", password, evidence);
                }
                Ok(r.position())
            }
            (Asked::Methods, _) => {
                let request = message5(rest.bytes)?;
                require((1..=3).contains(&request.command))?;
                let evidence = rest.evidence(0..request.len);
                self.request(&request, &evidence);
                self.name_it(&evidence, facts);
                Ok(request.len)
            }
            // The client goes on though no reply was seen.
            (Asked::Request { .. }, bytes) => {
                if tls_at_front(bytes).ok_or(No::Short)? {
                    self.tls_without_reply(rest, facts);
                }
                self.over = Some(Next::Upgrade);
                Ok(0)
            }
        }
    }

    fn server(&mut self, rest: &Window<'_>, facts: &mut Facts) -> Result<usize, No> {
        let mut r = Reader::new(rest.bytes);
        match self.answer {
            Answer::Method => {
                let [version, method] = r.array()?;
                require(version == 5 && matches!(method, 0..=3 | 5..=9 | 0x80..))?;
                if self.asked == Asked::Nothing {
                    // Only the server's side was captured: the probe saw the reply after this.
                    self.asked = Asked::Request { connect: true };
                }
                self.name_it(&rest.evidence(0..2), facts);
                match method {
                    0 => self.answer = Answer::Reply5,
                    2 => self.answer = Answer::Verdict,
                    // None acceptable, or one that may encrypt what follows.
                    _ => self.over = Some(Next::Done),
                }
            }
            Answer::Verdict => {
                let [_version, status] = r.array()?;
                self.answer = Answer::Reply5;
                if status != 0 {
                    self.over = Some(Next::Done);
                }
            }
            Answer::Reply5 | Answer::Reply4 if tls_at_front(rest.bytes).ok_or(No::Short)? => {
                self.tls_without_reply(rest, facts);
                self.over = Some(Next::Upgrade);
                return Ok(0);
            }
            Answer::Reply5 => {
                let reply = message5(rest.bytes)?;
                require(reply.command <= 8)?;
                r.skip(reply.len)?;
                self.replied(reply.command == 0, &rest.evidence(0..reply.len), facts);
            }
            Answer::Reply4 => {
                let [zero, status, _port @ .., _, _, _, _] = r.array::<8>()?;
                require(zero == 0 && (90..=93).contains(&status))?;
                self.replied(status == 90, &rest.evidence(0..8), facts);
            }
        }
        Ok(r.position())
    }

    fn request(&mut self, request: &Request, evidence: &Evidence) {
        let connect = request.command == CONNECT;
        self.asked = Asked::Request { connect };
        self.target = connect.then(|| (WireStr::new(&request.target), evidence.clone()));
        self.say(evidence);
    }

    fn replied(&mut self, granted: bool, reply: &Evidence, facts: &mut Facts) {
        self.name_it(reply, facts);
        let request = self.state_target(facts);
        self.over = Some(if granted && self.asked == (Asked::Request { connect: true }) {
            let both = request.map_or(reply.clone(), |request| request.and(reply));
            facts.observe(What::TlsTunnel("socks"), both);
            Next::Upgrade
        } else {
            Next::Done
        });
    }

    fn tls_without_reply(&mut self, rest: &Window<'_>, facts: &mut Facts) {
        let hello = rest.evidence(0..5);
        self.name_it(&hello, facts);
        let both = self.state_target(facts).map_or(hello.clone(), |request| request.and(&hello));
        facts.infer(What::TlsTunnel("socks"), both);
    }

    fn state_target(&mut self, facts: &mut Facts) -> Option<Evidence> {
        let (target, request) = self.target.take()?;
        facts.observe(What::SocksTarget(target), request.clone());
        Some(request)
    }

    fn say(&mut self, evidence: &Evidence) {
        match &mut self.said {
            Some(said) => said.join(evidence),
            None => self.said = Some(evidence.clone()),
        }
    }

    fn name_it(&mut self, evidence: &Evidence, facts: &mut Facts) {
        if !std::mem::replace(&mut self.named, true) {
            self.say(evidence);
            if let Some(said) = self.said.take() {
                facts.observe(What::Protocol("socks"), said);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::super::testing::{C, HELLO, S, dialogue, probe, survives};
    use super::*;

    const REQUEST: &[u8] = b"\x05\x01\x00\x03\x0bexample.org\x01\xbb";
    const GRANTED: &[u8] = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x10\x00";

    #[test]
    fn a_granted_request_is_a_tunnel_that_names_the_request_and_its_reply() {
        let talk = dialogue::<Socks>(&[(C, b"\x05\x01\x00"), (S, b"\x05\x00"), (C, REQUEST), (S, GRANTED), (C, HELLO)]);
        assert_eq!((talk.next, talk.left), (Next::Upgrade, HELLO.len()));
        let said = [
            r#"network.protocol Text("socks") observed [#1, #2]"#,
            r#"socks.target Wire("example.org:443") observed [#3]"#,
            r#"tls.tunnel Text("socks") observed [#3, #4]"#,
        ];
        assert_eq!(talk.said(), said);
    }

    #[test]
    fn name_and_password_may_come_before_the_request() {
        let talk = dialogue::<Socks>(&[
            (C, b"\x05\x02\x00\x02"),
            (S, b"\x05\x02"),
            (C, b"\x01\x01u\x01p"),
            (S, b"\x01\x00"),
            (C, b"\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x50"),
            (S, GRANTED),
        ]);
        assert_eq!(talk.next, Next::Upgrade);
        assert!(talk.says(r#"socks.target Wire("[2001:db8::1]:80")"#));
        assert!(talk.says(r#"[Text("credentials"), Text("SOCKS password"), Number(1), Number(1), Wire("••••••")]) observed [#3]"#));
    }

    #[test]
    fn a_refused_request_is_no_tunnel() {
        let talk = dialogue::<Socks>(&[(C, b"\x05\x01\x00"), (S, b"\x05\x00"), (C, REQUEST), (S, b"\x05\x05\x00\x01\0\0\0\0\0\0")]);
        assert_eq!(talk.next, Next::Done);
        assert!(!talk.says("tls.tunnel"));
        assert_eq!(dialogue::<Socks>(&[(C, b"\x05\x01\x02"), (S, b"\x05\xff")]).next, Next::Done);
    }

    #[test]
    fn version_4_and_4a_are_named_when_their_reply_came() {
        let four = dialogue::<Socks>(&[(C, b"\x04\x01\x01\xbb\xc0\x00\x02\x01me\0"), (S, b"\0\x5a\0\0\0\0\0\0"), (C, HELLO)]);
        assert!(four.says(r#"socks.target Wire("192.0.2.1:443") observed [#1]"#));
        assert!(four.says(r#"tls.tunnel Text("socks") observed [#1, #2]"#));
        let four_a = dialogue::<Socks>(&[(C, b"\x04\x01\x01\xbb\0\0\0\x01\0a.example\0"), (S, b"\0\x5a\0\0\0\0\0\0")]);
        assert!(four_a.says(r#"socks.target Wire("a.example:443")"#));
    }

    #[test]
    fn one_side_alone_is_enough() {
        let client = dialogue::<Socks>(&[(C, b"\x05\x01\x00"), (C, REQUEST), (C, HELLO)]);
        assert!(client.says(r#"tls.tunnel Text("socks") inferred [#2, #3]"#));
        let server = [b"\x05\x00", GRANTED].concat();
        assert_eq!(probe::<Socks>(&server), Probe::Yes);
        let server = dialogue::<Socks>(&[(S, &server), (S, &[0x16, 3, 3, 0, 80, 2])]);
        assert!(server.says(r#"tls.tunnel Text("socks") observed [#1]"#));
    }

    #[test]
    fn what_only_began_like_socks_is_recognised_anew_and_not_named() {
        let talk = dialogue::<Socks>(&[(C, b"\x05\x01\x00"), (S, b"hello")]);
        assert_eq!((talk.next, talk.left), (Next::Upgrade, 5));
        assert!(talk.said().is_empty());
        for bytes in
            [&b"\x05\x00\x0b\x03\x10\0\0\0"[..], b"\x05\x02\x00\x00", b"\x05\x01\x00\x00\x00", b"\x04\x01\x00\x00aaaa\0", b"\x04\x03"]
        {
            assert_eq!(probe::<Socks>(bytes), Probe::No, "{bytes:x?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(mut random: Vec<(bool, Vec<u8>)>, version in 0u8..7, piece in 1usize..9) {
            survives::<Socks>(&random, piece);
            for (_, bytes) in &mut random {
                bytes.splice(0..0, [version, 1, 0]);
            }
            survives::<Socks>(&random, piece);
        }
    }
}
