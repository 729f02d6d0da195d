//! HTTP/1 in clear (RFC 9112): what of it can be read, the tunnels it opens (RFC 9110 §9.3.6), WebSocket (RFC 6455), and HTTP/2
//! (RFC 9113 §3.4).

mod http2;
mod readable;
mod service;
mod websocket;

use self::http2::Http2;
use self::readable::Readable;
use self::websocket::WebSocket;
use super::lines::{Front, Lines, contains_ignoring_case, word};
use super::messengers::short_link;
use super::starttls::tls_at_front;
use super::{Next, Payload, Probe, Protocol};
use crate::base::{Dir, Evidence, Facts, Kind, Sides, What, Window, WireStr};

/// The first line of the client's connection preface of HTTP/2.
const PREFACE_LINE: &[u8] = b"PRI * HTTP/2.0";
/// A longer start line is believed by its method alone.
const LONGEST_START: usize = 2048;
/// Methods of the IANA registry and of WebDAV and UPnP: with one of these a start line too long to see its end is HTTP.
const METHODS: [&[u8]; 17] = [
    b"GET",
    b"PRI",
    b"POST",
    b"HEAD",
    b"PUT",
    b"DELETE",
    b"OPTIONS",
    b"TRACE",
    b"PATCH",
    b"CONNECT",
    b"PROPFIND",
    b"REPORT",
    b"SEARCH",
    b"MKCOL",
    b"SUBSCRIBE",
    b"NOTIFY",
    b"M-SEARCH",
];
/// A host name, port included, is not longer than this.
const LONGEST_HOST: usize = 300;

/// Where a direction stands inside a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    /// Before a start line.
    #[default]
    Start,
    Headers,
    /// So many octets of content are left.
    Content(u64),
    /// Before the line with a chunk's size (RFC 9112 §7.1).
    ChunkSize,
    /// So many octets of a chunk are left.
    Chunk(u64),
    Trailers,
    /// Content up to the end of the connection.
    ToTheEnd,
}

/// What the headers of a message say of its content.
#[derive(Clone, Copy, Debug, Default)]
struct Framing {
    length: Option<u64>,
    chunked: bool,
    /// `Upgrade: websocket`, and what was agreed of it.
    websocket: bool,
    deflate: bool,
}

/// An HTTP connection: every request and answer, and what they lead to.
#[derive(Debug, Default)]
pub struct Http {
    lines: Lines,
    part: Sides<Part>,
    framing: Sides<Framing>,
    named: bool,
    /// Host and frames of a CONNECT that waits for its answer.
    connect: Option<(WireStr, Evidence)>,
    /// Whether the current request is a CONNECT: then nothing of the client follows its headers.
    is_connect: bool,
    /// The status of the response that is being read, and the frames of its status line.
    status: Option<(u16, Evidence)>,
    /// Whether a request's headers were read.
    asked: bool,
    /// The content of the request is to be judged: it may be MMTLS.
    may_be_mmtls: bool,
    readable: Readable,
    websocket: Option<Box<WebSocket>>,
    http2: Option<Box<Http2>>,
    over: Option<Next>,
}

/// A start line.
#[derive(Debug)]
enum StartLine<'a> {
    Request { method: &'a [u8], target: &'a [u8] },
    Response(u16),
}

fn start_line(line: &[u8]) -> Option<StartLine<'_>> {
    if let Some(rest) = line.strip_prefix(b"HTTP/1.") {
        return match rest {
            [minor, b' ', a, b, c, more @ ..]
                if [minor, a, b, c].into_iter().all(u8::is_ascii_digit) && matches!(more, [] | [b' ', ..]) =>
            {
                Some(StartLine::Response([a, b, c].into_iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'))))
            }
            _ => None,
        };
    }
    let (method, rest) = word(line);
    let space = memchr::memrchr(b' ', rest)?;
    let (target, version) = rest.split_at_checked(space)?;
    let sound = is_method(method)
        && !target.is_empty()
        && matches!(version, [b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', d] if d.is_ascii_digit());
    sound.then_some(StartLine::Request { method, target })
}

/// RFC 9110 §9.1: a method is a token; all registered ones are capitals, hyphens and underscores.
fn is_method(word: &[u8]) -> bool {
    (1..=24).contains(&word.len()) && word.iter().all(|b| b.is_ascii_uppercase() || b"-_".contains(b))
}

impl Protocol for Http {
    fn probe(window: &Window<'_>) -> Probe {
        match Lines::default().front(window) {
            Front::Line(line, _) if start_line(line.bytes).is_some() || line.bytes == PREFACE_LINE => Probe::Yes,
            Front::Partial | Front::Skip(_) => {
                let (method, target) = word(window.bytes);
                let complete = method.len() < window.bytes.len();
                let response = window.bytes.starts_with(b"HTTP/1.") || b"HTTP/1.".starts_with(window.bytes);
                let request = if complete { METHODS.contains(&method) } else { METHODS.iter().any(|known| known.starts_with(method)) };
                match window.bytes.len() {
                    0..=LONGEST_START if response || request => Probe::More,
                    _ if request && target.len() > LONGEST_START / 2 => Probe::Yes,
                    _ => Probe::No,
                }
            }
            Front::Line(..) => Probe::No,
        }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        Some(if window.bytes.starts_with(b"HTTP/1.") { Dir::Server } else { Dir::Client })
    }
}

impl Payload for Http {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let mut taken = 0;
        while self.over.is_none() && taken < window.bytes.len() {
            let rest = window.from(taken);
            if let Some(http2) = &mut self.http2 {
                taken = taken.saturating_add(http2.feed(&rest, facts));
                self.over = http2.is_lost().then_some(Next::Done);
                break;
            }
            if self.websocket.is_some() && *self.part.of(window.dir) == Part::Start {
                break;
            }
            let Some(n) = self.part(&rest, facts) else { break };
            taken = taken.saturating_add(n);
        }
        if let Some(websocket) = &mut self.websocket
            && self.over.is_none()
        {
            taken = taken.saturating_add(websocket.feed(&window.from(taken), facts));
            self.over = websocket.is_lost().then_some(Next::Done);
        }
        taken
    }

    fn gap(&mut self, dir: Dir, missing: u64, facts: &mut Facts) {
        if let Some(websocket) = &mut self.websocket {
            websocket.gap(dir, missing);
            self.over = websocket.is_lost().then_some(Next::Done);
            return;
        }
        if let Some(http2) = &mut self.http2 {
            http2.gap(dir, missing);
            self.over = http2.is_lost().then_some(Next::Done);
            return;
        }
        self.lines.gap(dir);
        match self.part.of_mut(dir) {
            Part::Content(left) | Part::Chunk(left) => *left = left.saturating_sub(missing),
            _ => {}
        }
        if *self.part.of(dir) == Part::Content(0) {
            *self.part.of_mut(dir) = Part::Start;
            self.readable.end(dir, facts);
        }
    }

    fn close(&mut self, facts: &mut Facts) {
        self.readable.close(facts);
        if let Some(websocket) = &mut self.websocket {
            websocket.close(facts);
        }
        if let Some(http2) = &mut self.http2 {
            http2.close(facts);
        }
    }

    fn next(&self) -> Next {
        self.over.unwrap_or(Next::Stay)
    }
}

impl Http {
    /// Reads one line, or content. Returns how many octets it took; `None` when the line is not complete.
    fn part(&mut self, rest: &Window<'_>, facts: &mut Facts) -> Option<usize> {
        let part = *self.part.of(rest.dir);
        match part {
            Part::Content(left) if self.may_be_mmtls && rest.dir == Dir::Client => {
                self.may_be_mmtls = short_link::content(rest, left, facts)?;
                return Some(self.content(rest, part, left, facts));
            }
            Part::Content(left) | Part::Chunk(left) => return Some(self.content(rest, part, left, facts)),
            Part::ToTheEnd => {
                self.readable.content(rest, facts);
                return Some(rest.bytes.len());
            }
            // TLS before the answer to CONNECT: the answer is missing from the capture.
            Part::Start if tls_at_front(rest.bytes)? => {
                self.tunnel(rest, facts);
                return None;
            }
            _ => {}
        }
        match self.lines.front(rest) {
            Front::Partial => None,
            Front::Skip(n) => {
                if part == Part::Start {
                    // A start line too long to read: the headers after it still can be.
                    self.name_it(rest, facts);
                    *self.part.of_mut(rest.dir) = Part::Headers;
                }
                Some(n)
            }
            Front::Line(line, n) => {
                match part {
                    // RFC 9112 §2.2: an empty line before a request is ignored.
                    Part::Start if line.bytes.is_empty() => {}
                    Part::Start => self.start(&line, facts),
                    Part::Headers if line.bytes.is_empty() => self.headers_end(&line, facts),
                    Part::Headers => self.header(&line, facts),
                    Part::ChunkSize => *self.part.of_mut(rest.dir) = chunk(line.bytes),
                    Part::Trailers if line.bytes.is_empty() => {
                        *self.part.of_mut(rest.dir) = Part::Start;
                        self.readable.end(rest.dir, facts);
                    }
                    _ => {}
                }
                Some(n)
            }
        }
    }

    fn content(&mut self, rest: &Window<'_>, part: Part, left: u64, facts: &mut Facts) -> usize {
        let size = |octets: u64| rest.bytes.len().min(usize::try_from(octets).unwrap_or(usize::MAX));
        let n = size(left);
        // A chunk ends with a CR LF that is not content.
        let content = if matches!(part, Part::Chunk(_)) { size(left.saturating_sub(2)) } else { n };
        if let Some(content) = rest.slice(0..content) {
            self.readable.content(&content, facts);
        }
        let left = left.saturating_sub(n as u64);
        *self.part.of_mut(rest.dir) = match part {
            Part::Chunk(_) if left == 0 => Part::ChunkSize,
            Part::Chunk(_) => Part::Chunk(left),
            _ if left == 0 => Part::Start,
            _ => Part::Content(left),
        };
        if *self.part.of(rest.dir) == Part::Start {
            self.readable.end(rest.dir, facts);
        }
        n
    }

    fn start(&mut self, line: &Window<'_>, facts: &mut Facts) {
        *self.framing.of_mut(line.dir) = Framing::default();
        if line.bytes == PREFACE_LINE {
            facts.observe(What::Protocol("http2"), line.all());
            self.http2 = Some(Box::new(Http2::after_preface()));
            return;
        }
        let Some(start) = start_line(line.bytes) else {
            // Not HTTP any more, or never: nothing further can be read.
            self.over = Some(Next::Done);
            return;
        };
        self.name_it(line, facts);
        *self.part.of_mut(line.dir) = Part::Headers;
        match start {
            StartLine::Request { method, target } => {
                if !facts.has(Kind::HttpMethod) {
                    facts.observe(What::HttpMethod(WireStr::new(method)), line.evidence(0..method.len()));
                }
                self.readable.start(method, target, line);
                self.is_connect = method == b"CONNECT";
                self.may_be_mmtls = short_link::is_asked(method, target);
                if self.is_connect {
                    let target = target.get(..LONGEST_HOST).unwrap_or(target);
                    self.connect = Some((WireStr::new(target), line.all()));
                }
            }
            StartLine::Response(code) => {
                self.readable.start(b"", b"", line);
                self.status = Some((code, line.all()));
            }
        }
    }

    fn name_it(&mut self, line: &Window<'_>, facts: &mut Facts) {
        if !std::mem::replace(&mut self.named, true) {
            facts.observe(What::Protocol("http"), line.all());
        }
    }

    fn header(&mut self, line: &Window<'_>, facts: &mut Facts) {
        let Some(colon) = memchr::memchr(b':', line.bytes) else { return };
        let (name, value) = line.bytes.split_at_checked(colon).unwrap_or_default();
        let value = value.strip_prefix(b":").unwrap_or_default().trim_ascii();
        self.readable.header(name, value, line, facts);
        let framing = self.framing.of_mut(line.dir);
        if name.eq_ignore_ascii_case(b"Content-Length") {
            framing.length = std::str::from_utf8(value).ok().and_then(|n| n.parse().ok());
        } else if name.eq_ignore_ascii_case(b"Transfer-Encoding") {
            framing.chunked = value.to_ascii_lowercase().ends_with(b"chunked");
        } else if name.eq_ignore_ascii_case(b"Upgrade") {
            framing.websocket = value.eq_ignore_ascii_case(b"websocket");
        } else if name.eq_ignore_ascii_case(b"Sec-WebSocket-Extensions") {
            framing.deflate = contains_ignoring_case(value, b"permessage-deflate");
        } else if name.eq_ignore_ascii_case(b"Host") && line.dir == Dir::Client && !self.asked && !facts.has(Kind::HttpHost) {
            let host = value.get(..LONGEST_HOST).unwrap_or(value);
            facts.observe(What::HttpHost(WireStr::new(host)), line.all());
        }
    }

    fn headers_end(&mut self, line: &Window<'_>, facts: &mut Facts) {
        let framing = *self.framing.of(line.dir);
        let framed = match framing {
            Framing { chunked: true, .. } => Part::ChunkSize,
            Framing { length: Some(0), .. } => Part::Start,
            Framing { length: Some(n), .. } => Part::Content(n),
            Framing { length: None, .. } if line.dir == Dir::Client => Part::Start,
            Framing { length: None, .. } => Part::ToTheEnd,
        };
        let part = match (line.dir, self.status.take()) {
            (Dir::Client, status) => {
                self.status = status;
                self.asked = true;
                self.readable.request(self.is_connect || self.may_be_mmtls, line, facts);
                if self.is_connect { Part::Start } else { framed }
            }
            (Dir::Server, Some((200..300, answer))) if self.connect.is_some() => {
                self.connected(&answer, facts);
                Part::Start
            }
            (Dir::Server, Some((101, answer))) => {
                self.switched(&answer, framing, facts);
                Part::Start
            }
            // Interim responses.
            (Dir::Server, Some((100..200, _))) => Part::Start,
            (Dir::Server, status) => {
                let bodiless = self.readable.response(line, facts);
                // A refused CONNECT is often repeated with credentials on the same connection; another request is no tunnel.
                self.connect = None;
                // RFC 9110 §6.4.1.
                if bodiless || matches!(status, Some((204 | 304, _))) { Part::Start } else { framed }
            }
        };
        *self.part.of_mut(line.dir) = part;
        if part == Part::Start {
            self.readable.end(line.dir, facts);
        }
    }

    /// The server agreed to another protocol (RFC 9110 §15.2.2).
    fn switched(&mut self, answer: &Evidence, framing: Framing, facts: &mut Facts) {
        self.readable.switched();
        if framing.websocket {
            facts.observe(What::Protocol("websocket"), answer.clone());
            self.websocket = Some(Box::new(WebSocket::new(framing.deflate)));
        } else {
            self.over = Some(Next::Upgrade);
        }
    }

    /// The proxy agreed: what follows is the client's and the target's own.
    fn connected(&mut self, answer: &Evidence, facts: &mut Facts) {
        if let Some((target, request)) = self.connect.take() {
            let both = request.clone().and(answer);
            facts.observe(What::HttpConnectTarget(target), request);
            facts.observe(What::TlsTunnel("http_connect"), both);
        }
        self.over = Some(Next::Upgrade);
    }

    /// TLS is there though nothing agreed to it.
    fn tunnel(&mut self, rest: &Window<'_>, facts: &mut Facts) {
        if let Some((target, request)) = self.connect.take() {
            let both = request.clone().and(&rest.evidence(0..5));
            facts.observe(What::HttpConnectTarget(target), request);
            facts.infer(What::TlsTunnel("http_connect"), both);
        }
        self.over = Some(Next::Upgrade);
    }
}

/// What follows the line with a chunk's size: the chunk and its CR LF, or trailers after the last.
fn chunk(line: &[u8]) -> Part {
    let digits = line.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
    let size = std::str::from_utf8(digits).ok().and_then(|n| u64::from_str_radix(n, 16).ok());
    match size {
        Some(0) => Part::Trailers,
        Some(n) => Part::Chunk(n.saturating_add(2)),
        None => Part::ToTheEnd,
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::super::testing::{C, HELLO, Outcome, S, dialogue, in_frame, probe, survives};
    use super::*;
    use crate::base::Exposed;

    /// What could be read: kind, name, count, octets, excerpt.
    fn read(talk: &Outcome) -> Vec<String> {
        talk.facts.readables().map(|(r, e)| format!("{} {} {} {} {} {e:?}", r.kind.word(), r.what, r.count, r.bytes, r.excerpt)).collect()
    }

    #[test]
    fn every_request_and_its_content_are_readable() {
        let turns: [(Dir, &[u8]); 4] = [
            (C, b"GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n"),
            (S, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
            (C, b"POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nsee\r\n4\r\n you\r\n0\r\n\r\n"),
            (S, b"HTTP/1.1 204 No Content\r\n\r\n"),
        ];
        let talk = dialogue::<Http>(&turns);
        assert_eq!((talk.next, talk.left), (Next::Stay, 0));
        let said = [
            r#"network.protocol Text("http") observed [#1]"#,
            r#"http.method Wire("GET") observed [#1]"#,
            r#"http.host Wire("example.org") observed [#1]"#,
        ];
        assert_eq!(talk.said()[..3], said);
        let expected = [
            "content HTTP request 2 31 GE• /a HT••/1.1 [#1, #3]",
            "content HTTP content received 1 5 he••• [#2]",
            "content HTTP content sent 1 7 se• yo• [#3]",
        ];
        assert_eq!(read(&talk), expected);
    }

    #[test]
    fn passwords_cookies_and_tokens_are_credentials_and_never_shown() {
        let turns: [(Dir, &[u8]); 4] = [
            (C, b"POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 21\r\n\r\nuser=al&password=open"),
            (S, b"HTTP/1.1 200 OK\r\nSet-Cookie: id=secret\r\nContent-Length: 0\r\n\r\n"),
            (C, b"GET /?api_key=open HTTP/1.1\r\nCookie: id=secret\r\nAuthorization: Basic b3Blbg==\r\n\r\n"),
            (C, b"GET / HTTP/1.1\r\nAuthorization: Digest username=\"al\"\r\n\r\n"),
        ];
        let talk = dialogue::<Http>(&turns);
        let found = read(&talk);
        assert!(found.contains(&"credentials HTTP password or token 3 22 •••••• [#1, #3]".into()), "{found:?}");
        assert!(found.contains(&"credentials HTTP cookie 2 18 •••••• [#2, #3]".into()), "{found:?}");
        assert!(found.iter().any(|line| line.starts_with("identifiers HTTP login without its password 1")), "{found:?}");
        assert!(found.iter().all(|line| !line.contains("open") && !line.contains("secret")), "{found:?}");
    }

    #[test]
    fn certificate_status_revocation_lists_and_connectivity_checks_are_service() {
        let service = |turns: &[(Dir, &[u8])], what: &str| {
            let talk = dialogue::<Http>(turns);
            assert!(talk.facts.readables().all(|(r, _)| r.kind == Exposed::Service && r.what == what), "{:?}", read(&talk));
            assert!(talk.facts.readables().count() == 1);
            talk
        };
        let asks = b"POST / HTTP/1.1\r\nContent-Type: application/ocsp-request\r\nContent-Length: 3\r\n\r\nabc";
        let answers: (Dir, &[u8]) = (S, b"HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\nContent-Length: 2\r\n\r\nok");
        let talk = service(&[(C, asks), answers], "certificate status");
        assert!(talk.says(r#"network.protocol Text("ocsp") observed [#1]"#));
        let talk = service(&[(C, b"GET /MFEwTz HTTP/1.1\r\n\r\n"), answers], "certificate status");
        assert!(talk.says(r#"network.protocol Text("ocsp") observed [#2]"#));
        let list: (Dir, &[u8]) = (S, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n0\x82");
        service(&[(C, b"GET /x/root.crl HTTP/1.1\r\n\r\n"), list], "certificate or revocation list");
        service(&[(C, b"GET /x/root.crl HTTP/1.1\r\n\r\n")], "certificate or revocation list");
        let check = b"GET /hotspot-detect.html HTTP/1.0\r\nHost: captive.apple.com\r\n\r\n";
        service(&[(C, check), (S, b"HTTP/1.1 200 OK\r\n\r\n<HTML>Success</HTML>")], "connectivity check");
        let page: (Dir, &[u8]) = (S, b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n<p");
        let talk = dialogue::<Http>(&[(C, b"GET /x/root.crl HTTP/1.1\r\n\r\n"), page]);
        assert!(talk.facts.readables().all(|(r, _)| r.kind == Exposed::Content));
    }

    #[test]
    fn a_head_request_has_an_answer_without_content() {
        let turns: [(Dir, &[u8]); 4] = [
            (C, b"HEAD /a HTTP/1.1\r\n\r\n"),
            (S, b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
            (C, b"GET /b HTTP/1.1\r\n\r\n"),
            (S, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ];
        assert!(read(&dialogue::<Http>(&turns)).contains(&"content HTTP content received 1 2 ok [#4]".into()));
    }

    #[test]
    fn octets_missing_from_content_do_not_hide_what_follows_it() {
        let (mut http, mut facts) = (Http::default(), crate::base::Facts::new());
        let say = |n, bytes: &[u8], http: &mut Http, facts: &mut crate::base::Facts| in_frame(n, S, bytes, |w| http.feed(w, facts));
        say(1, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", &mut http, &mut facts);
        http.gap(S, 6, &mut facts);
        say(2, b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\n\r\n", &mut http, &mut facts);
        assert!(facts.readables().any(|(r, _)| r.what == "HTTP cookie"));
    }

    #[test]
    fn a_connect_that_is_granted_is_a_tunnel() {
        let talk = dialogue::<Http>(&[
            (C, b"CONNECT mail.example:993 HTTP/1.1\r\nHost: mail.example:993\r\n\r\n"),
            (S, b"HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\n"),
            (C, HELLO),
        ]);
        assert_eq!((talk.next, talk.left), (Next::Upgrade, HELLO.len()));
        assert!(talk.says(r#"http.connect_target Wire("mail.example:993") observed [#1]"#));
        assert!(talk.says(r#"tls.tunnel Text("http_connect") observed [#1, #2]"#));
    }

    #[test]
    fn a_connect_repeated_with_credentials_is_a_tunnel_after_the_second_answer() {
        for body in [&b"Content-Length: 4\r\n\r\nnope"[..], b"Transfer-Encoding: chunked\r\n\r\n4;x=y\r\nnope\r\n0\r\nT: x\r\n\r\n"] {
            let refused = [&b"HTTP/1.1 407 Proxy Authentication Required\r\n"[..], body].concat();
            let talk = dialogue::<Http>(&[
                (C, b"CONNECT a.example:443 HTTP/1.1\r\n\r\n"),
                (S, &refused),
                (C, b"CONNECT a.example:443 HTTP/1.1\r\nProxy-Authorization: Basic eA==\r\n\r\n"),
                (S, b"HTTP/1.1 200 OK\r\n\r\n"),
            ]);
            assert_eq!(talk.next, Next::Upgrade);
            assert!(talk.says("tls.tunnel Text(\"http_connect\") observed [#3, #4]"));
        }
    }

    #[test]
    fn a_hello_after_connect_is_a_tunnel_by_inference_when_the_answer_is_missing() {
        let talk = dialogue::<Http>(&[(C, b"CONNECT a.example:443 HTTP/1.1\r\n\r\n"), (C, HELLO)]);
        assert_eq!((talk.next, talk.left), (Next::Upgrade, HELLO.len()));
        assert!(talk.says(r#"tls.tunnel Text("http_connect") inferred [#1, #2]"#));
    }

    #[test]
    fn the_preface_of_http_2_is_recognised() {
        assert_eq!(probe::<Http>(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Probe::Yes);
        let talk = dialogue::<Http>(&[(C, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]);
        assert_eq!(talk.next, Next::Stay);
        assert!(talk.says(r#"network.protocol Text("http2")"#));
    }

    #[test]
    fn a_hello_of_mmtls_in_a_request_is_stated_besides_http() {
        let post = |target: &str, content: &[u8]| {
            let head = format!("POST {target} HTTP/1.1\r\nHost: a.example\r\nContent-Length: {}\r\n\r\n", content.len());
            dialogue::<Http>(&[(C, head.as_bytes()), (C, content), (S, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")])
        };
        let hello = [&b"\x19\xf1\x04\0\xa1\0\0\0\x9d\x01\x04\xf1"[..], &[7; 154]].concat();
        let talk = post("/mmtls/00a1b2c3", &hello);
        assert!(talk.says(r#"network.protocol Text("http") observed [#1]"#));
        assert!(talk.says(r#"network.protocol Text("mmtls") observed [#2]"#));
        assert_eq!(talk.facts.readables().count(), 0);
        for (target, content) in
            [("/mmtls/00a1b2c3", &b"a=b"[..]), ("/mmtls/00a1b2c3", b"\x19\xf1\x04"), ("/mmtls/x", &hello), ("/", &hello)]
        {
            assert!(!post(target, content).says("mmtls"), "{target}");
        }
    }

    #[test]
    fn other_protocols_with_lines_are_not_http() {
        for line in [
            "INVITE sip:a@b SIP/2.0\r\n",
            "SSH-2.0-x\r\n",
            "DESCRIBE rtsp://x RTSP/1.0\r\n",
            "GET /\r\n",
            "HTTP/1.1 20x\r\n",
            "get / HTTP/1.1\r\n",
        ] {
            assert_eq!(probe::<Http>(line.as_bytes()), Probe::No, "{line}");
        }
        assert_eq!(probe::<Http>(b"GE"), Probe::More);
        assert_eq!(probe::<Http>(b"\x16\x03\x01"), Probe::No);
        let long = [&b"GET /"[..], &[b'a'; 3000]].concat();
        assert_eq!(probe::<Http>(&long), Probe::Yes);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, piece in 1usize..9) {
            survives::<Http>(&random, piece);
        }

        #[test]
        fn any_text_never_panics(lines in proptest::collection::vec((proptest::bool::ANY, "(CONNECT|GET|HTTP/1.1 200|Content-Length: 9|[ -~]{0,9}|\r\n)( [ -~]{0,9})?( HTTP/1.1)?\r\n"), 0..9), piece in 1usize..9) {
            let random: Vec<_> = lines.into_iter().map(|(c, line)| (c, line.into_bytes())).collect();
            survives::<Http>(&random, piece);
        }
    }
}
