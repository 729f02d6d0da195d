//! The filter language of `inspect --filter`, the report and the terminal UI.
//!
//! `grade:exposed app:tiktok proto:quic tls:<1.2 rule:cert-expired port:443 ip:203.0.113.0/24`, joined by `and` (or nothing), `or`, `not` and
//! parentheses. A word without a colon is looked for in names and addresses. An error points at the character.

use std::fmt;
use std::net::IpAddr;

use super::grade::{Grade, Identity, Severity};
use super::judgement::Judged;
use crate::base::{Exposed, Kind, What};

/// Nested parentheses and negations at most.
const DEEPEST: usize = 64;
/// Characters of a filter at most.
const LONGEST: usize = 4096;

/// The keys, and what each takes: for help pages.
pub const KEYS: &[(&str, &str)] = &[
    ("grade", "exposed, weak, custom, protected, unknown, none"),
    ("exposed", "content, credentials, identifiers, names, service"),
    ("identity", "valid, invalid, private, unverified, none, not-visible"),
    ("app", "a platform's id, or other"),
    ("proto", "a protocol: tls, quic, dns, http …"),
    ("transport", "tcp, udp, sctp"),
    ("tls", "a version: 1.3, <1.2, >=1.2, ssl"),
    ("cipher", "part of a cipher suite's name"),
    ("group", "part of a key exchange group's name"),
    ("name", "part of a server name"),
    ("ip", "an address or a network of either side: 192.0.2.1, 2001:db8::/32"),
    ("port", "a port of either side"),
    ("rule", "a rule that fired"),
    ("severity", "good, info, low, medium, high: at least so grave"),
    ("process", "part of a program's name"),
    ("frame", "a frame number inside the connection"),
    ("handshake", "complete, client-only, server-only, missing, failed"),
];

/// A filter that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Term);

/// What is wrong with a filter, and where: in characters from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The character.
    pub at: usize,
    /// What is wrong.
    pub what: String,
}

/// The filter's text is not at hand here: see [`FilterError::pointing_at`].
impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at character {})", self.what, self.at.saturating_add(1))
    }
}

impl std::error::Error for FilterError {}

impl FilterError {
    /// Two lines: the filter, and a mark under the character.
    #[must_use]
    pub fn pointing_at(&self, text: &str) -> String {
        let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("{line}\n{}^ {}", " ".repeat(self.at), self.what)
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Term {
    All(Vec<Term>),
    Any(Vec<Term>),
    Not(Box<Term>),
    Is(Test),
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Grade(Grade),
    Exposed(Exposed),
    Identity(Identity),
    App(String),
    Proto(String),
    Transport(String),
    Tls(Ordering, Rank),
    Cipher(String),
    Group(String),
    Name(String),
    Ip(IpAddr, u8),
    Port(u16),
    Rule(String),
    Severity(Severity),
    Process(String),
    Frame(u64),
    Handshake(String),
    Word(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ordering {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

/// Versions in the order in which they appeared: SSL 2, SSL 3, TLS 1.0 … 1.3; DTLS by the TLS it is made after.
type Rank = u8;

impl Filter {
    /// Understands a filter. An empty one matches everything.
    ///
    /// # Errors
    /// What is wrong, and at which character.
    pub fn parse(text: &str) -> Result<Filter, FilterError> {
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: &tokens, at: 0, end: text.chars().count(), depth: 0 };
        if tokens.is_empty() {
            return Ok(Filter(Term::All(Vec::new())));
        }
        let term = parser.any()?;
        match parser.peek() {
            None => Ok(Filter(term)),
            Some(token) => Err(FilterError { at: token.at, what: "nothing was open to be closed here".into() }),
        }
    }

    /// Whether a connection matches.
    #[must_use]
    pub fn matches(&self, judged: &Judged) -> bool {
        self.0.matches(judged)
    }
}

impl Filter {
    /// Whether it says of nobody who they are: it holds no names, addresses, programs or free words.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.0.is_public()
    }
}

impl Term {
    fn is_public(&self) -> bool {
        match self {
            Term::All(terms) | Term::Any(terms) => terms.iter().all(Term::is_public),
            Term::Not(term) => term.is_public(),
            Term::Is(test) => !matches!(test, Test::Name(_) | Test::Ip(..) | Test::Process(_) | Test::Word(_)),
        }
    }

    fn matches(&self, judged: &Judged) -> bool {
        match self {
            Term::All(terms) => terms.iter().all(|term| term.matches(judged)),
            Term::Any(terms) => terms.iter().any(|term| term.matches(judged)),
            Term::Not(term) => !term.matches(judged),
            Term::Is(test) => test.matches(judged),
        }
    }
}

impl Test {
    fn matches(&self, judged: &Judged) -> bool {
        let (c, judgement) = (&judged.connection, &judged.judgement);
        let contains = |kind: Kind, part: &str| {
            c.facts.list().iter().any(|fact| fact.what.kind() == kind && holds(&fact.what.shown().to_string(), part))
        };
        match self {
            Test::Grade(grade) => judgement.grade == *grade,
            Test::Exposed(kind) => judgement.exposed.contains(kind),
            Test::Identity(identity) => judgement.identity == Some(*identity),
            Test::App(id) => judged.attribution.as_ref().map_or(id == "other", |a| a.platform.eq_ignore_ascii_case(id)),
            Test::Proto(name) => c.protocol().is_some_and(|protocol| protocol.eq_ignore_ascii_case(name)),
            Test::Transport(name) => c.transport.name().eq_ignore_ascii_case(name),
            Test::Tls(ordering, wanted) => version(judged).is_some_and(|rank| match ordering {
                Ordering::Less => rank < *wanted,
                Ordering::AtMost => rank <= *wanted,
                Ordering::Equal => rank == *wanted,
                Ordering::AtLeast => rank >= *wanted,
                Ordering::More => rank > *wanted,
            }),
            Test::Cipher(part) => contains(Kind::TlsCipher, part),
            Test::Group(part) => contains(Kind::TlsCurve, part),
            Test::Name(part) => NAMES.iter().any(|kind| contains(*kind, part)),
            Test::Ip(network, bits) => is_within(c.client.ip, *network, *bits) || is_within(c.server.ip, *network, *bits),
            Test::Port(port) => c.client.port == *port || c.server.port == *port,
            Test::Rule(id) => judgement.findings.iter().any(|finding| finding.rule.id == id),
            Test::Severity(least) => judgement.findings.iter().any(|finding| finding.rule.severity >= *least),
            Test::Process(part) => [Kind::ProcessName, Kind::ProcessHolders].iter().any(|kind| contains(*kind, part)),
            Test::Frame(number) => (c.first_frame.get()..=c.last_frame.get()).contains(number),
            Test::Handshake(word) => super::judge::word(&c.facts, Kind::Handshake) == Some(word.as_str()),
            Test::Word(part) => {
                NAMES.iter().chain(&[Kind::ProcessName]).any(|kind| contains(*kind, part))
                    || [c.client, c.server].iter().any(|end| holds(&end.to_string(), part))
                    || c.protocol().is_some_and(|protocol| holds(protocol, part))
                    || judged.attribution.as_ref().is_some_and(|a| holds(&a.platform, part))
            }
        }
    }
}

/// The facts that hold a name of the other side.
const NAMES: [Kind; 5] = [Kind::TlsServerName, Kind::HttpHost, Kind::DnsQuery, Kind::HttpConnectTarget, Kind::ResolvedName];

fn holds(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(part)
}

fn version(judged: &Judged) -> Option<Rank> {
    let What::TlsVersion(version) = &judged.connection.facts.get(Kind::TlsVersion)?.what else { return None };
    rank(version.0.number()?)
}

fn rank(number: &str) -> Option<Rank> {
    ["2.0", "3.0", "1.0", "1.1", "1.2", "1.3"].iter().position(|known| *known == number).and_then(|at| u8::try_from(at).ok())
}

fn is_within(ip: IpAddr, network: IpAddr, bits: u8) -> bool {
    let prefix = |ip: IpAddr, width: u32| match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)).checked_shr(width.saturating_sub(u32::from(bits))).unwrap_or(0),
        IpAddr::V6(ip) => u128::from(ip).checked_shr(width.saturating_sub(u32::from(bits))).unwrap_or(0),
    };
    match (ip, network) {
        (IpAddr::V4(_), IpAddr::V4(_)) => prefix(ip, 32) == prefix(network, 32),
        (IpAddr::V6(_), IpAddr::V6(_)) => prefix(ip, 128) == prefix(network, 128),
        _ => false,
    }
}

/// A word or a parenthesis, and where it begins.
#[derive(Clone, Debug, PartialEq)]
struct Token {
    at: usize,
    text: String,
    quoted: bool,
}

fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    if text.chars().count() > LONGEST {
        return Err(FilterError { at: LONGEST, what: format!("a filter has at most {LONGEST} characters") });
    }
    let mut tokens = Vec::new();
    let mut open: Option<Token> = None;
    let mut quote = None;
    for (at, c) in text.chars().enumerate() {
        match c {
            '"' => {
                quote = if quote.is_some() { None } else { Some(at) };
                open.get_or_insert(Token { at, text: String::new(), quoted: true }).quoted = true;
            }
            _ if quote.is_some() => open.get_or_insert(Token { at, text: String::new(), quoted: true }).text.push(c),
            '(' | ')' => {
                tokens.extend(open.take());
                tokens.push(Token { at, text: c.to_string(), quoted: false });
            }
            c if c.is_whitespace() => tokens.extend(open.take()),
            c => open.get_or_insert(Token { at, text: String::new(), quoted: false }).text.push(c),
        }
    }
    if let Some(at) = quote {
        return Err(FilterError { at, what: "this quotation mark is never closed".into() });
    }
    tokens.extend(open);
    Ok(tokens)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    /// Where an end that comes too early is pointed at.
    end: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    fn is_word(&self, word: &str) -> bool {
        self.peek().is_some_and(|token| !token.quoted && token.text.eq_ignore_ascii_case(word))
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at = self.at.saturating_add(usize::from(found));
        found
    }

    fn any(&mut self) -> Result<Term, FilterError> {
        let mut terms = vec![self.all()?];
        while self.take_word("or") {
            terms.push(self.all()?);
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Term::Any(terms) })
    }

    fn all(&mut self) -> Result<Term, FilterError> {
        let mut terms = vec![self.one()?];
        loop {
            let joined = self.take_word("and");
            if !joined && (self.peek().is_none() || self.is_word("or") || self.is_word(")")) {
                return Ok(if terms.len() == 1 { terms.remove(0) } else { Term::All(terms) });
            }
            terms.push(self.one()?);
        }
    }

    fn one(&mut self) -> Result<Term, FilterError> {
        let Some(token) = self.peek() else {
            return Err(FilterError { at: self.end, what: "something is missing here".into() });
        };
        self.depth = self.depth.saturating_add(1);
        if self.depth > DEEPEST {
            return Err(FilterError { at: token.at, what: format!("nested deeper than {DEEPEST}") });
        }
        self.at = self.at.saturating_add(1);
        let term = match token.text.as_str() {
            "(" if !token.quoted => {
                let inner = self.any()?;
                if !self.take_word(")") {
                    return Err(FilterError { at: token.at, what: "this parenthesis is never closed".into() });
                }
                inner
            }
            ")" if !token.quoted => return Err(FilterError { at: token.at, what: "nothing was open to be closed here".into() }),
            word if !token.quoted && word.eq_ignore_ascii_case("not") => Term::Not(Box::new(self.one()?)),
            word if !token.quoted && (word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or")) => {
                return Err(FilterError { at: token.at, what: format!("“{word}” joins two things, and the first is missing") });
            }
            _ => Term::Is(test(token)?),
        };
        self.depth = self.depth.saturating_sub(1);
        Ok(term)
    }
}

fn test(token: &Token) -> Result<Test, FilterError> {
    let Some((key, value)) = token.text.split_once(':').filter(|(key, _)| !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase()))
    else {
        return Ok(Test::Word(token.text.to_lowercase()));
    };
    let at = token.at.saturating_add(key.chars().count()).saturating_add(1);
    let wrong = |what: String| FilterError { at, what };
    let takes = || KEYS.iter().find(|(known, _)| *known == key).map_or("", |(_, takes)| takes);
    if value.is_empty() {
        return Err(wrong(format!("“{key}:” takes {}", takes())));
    }
    let lower = value.to_lowercase();
    let refused = || wrong(format!("“{value}” is not one of: {}", takes()));
    Ok(match key {
        "grade" => Test::Grade(Grade::named(&lower).ok_or_else(refused)?),
        "exposed" => Test::Exposed(Exposed::ALL.into_iter().find(|kind| kind.word() == lower).ok_or_else(refused)?),
        "identity" => Test::Identity(Identity::ALL.into_iter().find(|identity| identity.word() == lower).ok_or_else(refused)?),
        "app" => Test::App(lower),
        "proto" | "protocol" => Test::Proto(lower),
        "transport" => Test::Transport(lower),
        "tls" => {
            let (ordering, number) = match lower.as_str() {
                v if v.starts_with("<=") => (Ordering::AtMost, v.get(2..)),
                v if v.starts_with(">=") => (Ordering::AtLeast, v.get(2..)),
                v if v.starts_with('<') => (Ordering::Less, v.get(1..)),
                v if v.starts_with('>') => (Ordering::More, v.get(1..)),
                v if v.starts_with('=') => (Ordering::Equal, v.get(1..)),
                "ssl" => (Ordering::AtMost, Some("3.0")),
                _ => (Ordering::Equal, Some(lower.as_str())),
            };
            Test::Tls(ordering, number.and_then(rank).ok_or_else(|| wrong(format!("“{value}” is not a version: {}", takes())))?)
        }
        "cipher" => Test::Cipher(lower),
        "group" => Test::Group(lower),
        "name" => Test::Name(lower),
        "ip" => {
            let (ip, bits) = lower.split_once('/').map_or((lower.as_str(), None), |(ip, bits)| (ip, Some(bits)));
            let ip: IpAddr = ip.parse().map_err(|_| wrong(format!("“{value}” is not {}", takes())))?;
            let width = if ip.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Ok(width), str::parse).ok().filter(|bits| *bits <= width);
            Test::Ip(ip, bits.ok_or_else(|| wrong(format!("a network of this address has 0 to {width} bits")))?)
        }
        "port" => Test::Port(lower.parse().map_err(|_| wrong(format!("“{value}” is not a port")))?),
        "rule" => {
            super::rules::rule(&lower).ok_or_else(|| wrong(format!("there is no rule “{value}”; `intransit rules` lists them")))?;
            Test::Rule(lower)
        }
        "severity" => Test::Severity(Severity::ALL.into_iter().find(|severity| severity.word() == lower).ok_or_else(refused)?),
        "process" => Test::Process(lower),
        "frame" => Test::Frame(lower.parse().map_err(|_| wrong(format!("“{value}” is not a frame number")))?),
        "handshake" => Test::Handshake(lower),
        _ => {
            let known: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
            return Err(FilterError { at: token.at, what: format!("“{key}” is not a key; known are {}", known.join(", ")) });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> (usize, String) {
        Filter::parse(text).map_or_else(|error| (error.at, error.what), |_| (usize::MAX, String::new()))
    }

    #[test]
    fn an_error_points_at_the_character() {
        for (text, at, part) in [
            ("grade:exposd", 6, "not one of: exposed"),
            ("tls:<1.2 and", 12, "missing"),
            ("(port:443", 0, "never closed"),
            ("port:443)", 8, "closed"),
            ("app:x color:red", 6, "not a key"),
            ("port:99999", 5, "not a port"),
            ("ip:192.0.2.0/33", 3, "0 to 32"),
            ("rule:no-such-rule", 5, "no rule"),
            ("or grade:weak", 0, "first is missing"),
            ("name:\"open", 5, "never closed"),
            ("grade:", 6, "takes exposed"),
        ] {
            let (found, what) = refused(text);
            assert_eq!(found, at, "{text}: {what}");
            assert!(what.contains(part), "{text}: {what}");
        }
        let error = FilterError { at: 6, what: "no".into() };
        assert_eq!(error.pointing_at("grade:exposd"), "grade:exposd\n      ^ no");
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let deep = format!("{}port:1{}", "(".repeat(2000), ")".repeat(2000));
        assert!(refused(&deep).1.contains("nested"));
    }

    #[test]
    fn an_address_is_within_its_networks() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap_or(IpAddr::from([0, 0, 0, 0]));
        assert!(is_within(ip("192.0.2.77"), ip("192.0.2.0"), 24));
        assert!(!is_within(ip("192.0.3.77"), ip("192.0.2.0"), 24));
        assert!(is_within(ip("10.1.2.3"), ip("0.0.0.0"), 0));
        assert!(is_within(ip("2001:db8::1"), ip("2001:db8::"), 32));
        assert!(!is_within(ip("10.1.2.3"), ip("::"), 0));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_understood_or_refused(text in ".{0,80}") {
            if let Err(error) = Filter::parse(&text) {
                assert!(error.at <= text.chars().count());
            }
        }
    }
}
