//! What can be read of HTTP in clear: requests and content, credentials in header fields, queries and forms; and what of it is only
//! service.

use std::collections::VecDeque;

use super::super::authorization;
use super::super::clear::{Held, Passing, secret_field};
use super::super::lines::is_one_of;
use super::service::{Type, is_connectivity_check, is_pki_path};
use crate::base::{Dir, Exposed, Facts, Sides, Stitched, What, Window};

/// Octets of a message's content that are searched for fields with passwords.
pub(super) const SEARCHED: usize = 4096;
/// Requests that may wait for their answers.
const MOST_ASKED: usize = 32;
/// Octets of a target that are remembered.
const LONGEST_TARGET: usize = 512;
/// What a message is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Purpose {
    /// Somebody's content.
    #[default]
    Content,
    /// Not known before the answer: certificates and revocation lists are asked for like anything else.
    Undecided,
    CertificateStatus,
    Certificates,
    Check,
    /// The beginning of something else, which is judged by itself.
    Silent,
}

/// The message that is being read in one direction.
#[derive(Debug, Default)]
struct Message {
    line: Option<Held>,
    target: Vec<u8>,
    host: Vec<u8>,
    kind: Type,
    /// Asks for another protocol on this connection.
    upgrades: bool,
    reads_only: bool,
    is_head: bool,
    purpose: Purpose,
    content: Passing,
    sample: Stitched,
}

/// A request whose answer has not begun.
#[derive(Debug)]
struct Asked {
    /// The request line, unless it was stated already.
    line: Option<Held>,
    purpose: Purpose,
    of_pki: bool,
    is_head: bool,
}

/// Readable things of an HTTP connection.
#[derive(Debug, Default)]
pub(super) struct Readable {
    message: Sides<Message>,
    asked: VecDeque<Asked>,
    status_named: bool,
}

impl Readable {
    /// A message begins with a request line, or a status line (no method, no target).
    pub(super) fn start(&mut self, method: &[u8], target: &[u8], line: &Window<'_>) {
        let message = self.message.of_mut(line.dir);
        *message = Message {
            line: (line.dir == Dir::Client).then(|| Held::new(line)),
            target: target.get(..LONGEST_TARGET).unwrap_or(target).to_vec(),
            reads_only: matches!(method, b"GET" | b"HEAD"),
            is_head: method == b"HEAD",
            ..Message::default()
        };
    }

    /// A header field.
    pub(super) fn header(&mut self, name: &[u8], value: &[u8], line: &Window<'_>, facts: &mut Facts) {
        let message = self.message.of_mut(line.dir);
        let mut credentials = |what| facts.readable(Exposed::Credentials, what, value, line.all());
        match name {
            _ if value.is_empty() => {}
            _ if is_one_of(name, &["COOKIE", "SET-COOKIE"]) => credentials("HTTP cookie"),
            _ if is_one_of(name, &["AUTHORIZATION", "PROXY-AUTHORIZATION"]) => {
                if authorization::hides_the_secret(value) {
                    facts.readable(Exposed::Identifiers, "HTTP login without its password", value, line.all());
                } else {
                    credentials("HTTP password or token");
                }
            }
            _ if is_one_of(name, &["X-API-KEY", "X-AUTH-TOKEN", "X-ACCESS-TOKEN"]) => credentials("HTTP password or token"),
            _ if is_one_of(name, &["CONTENT-TYPE"]) => message.kind = Type::of(value),
            _ if is_one_of(name, &["UPGRADE"]) => message.upgrades = true,
            _ if is_one_of(name, &["HOST"]) => message.host = value.get(..LONGEST_TARGET).unwrap_or(value).to_vec(),
            _ => {}
        }
    }

    /// The headers of a request are over. `silent`: what it begins is judged by itself.
    pub(super) fn request(&mut self, silent: bool, end: &Window<'_>, facts: &mut Facts) {
        let message = &mut self.message.client;
        message.purpose = if silent {
            Purpose::Silent
        } else if message.kind == Type::Ocsp {
            Purpose::CertificateStatus
        } else if is_connectivity_check(&message.host, &message.target) {
            Purpose::Check
        } else if message.reads_only || message.upgrades {
            Purpose::Undecided
        } else {
            Purpose::Content
        };
        if let Some(value) = message.target.get(memchr::memchr(b'?', &message.target).unwrap_or(message.target.len())..)
            && let Some(secret) = secret_field(value).and_then(|span| value.get(span))
        {
            facts.readable(Exposed::Credentials, "HTTP password or token", secret, end.all());
        }
        let mut asked =
            Asked { line: message.line.take(), purpose: message.purpose, of_pki: is_pki_path(&message.target), is_head: message.is_head };
        message.target = Vec::new();
        message.host = Vec::new();
        if asked.purpose != Purpose::Undecided {
            self.status_named |= settle(&mut asked, self.status_named, end, facts);
        }
        if self.asked.len() >= MOST_ASKED
            && let Some(mut oldest) = self.asked.pop_front()
        {
            settle(&mut oldest, true, end, facts);
        }
        self.asked.push_back(asked);
    }

    /// The headers of a final response are over. Returns whether it has no content because none was asked for.
    pub(super) fn response(&mut self, end: &Window<'_>, facts: &mut Facts) -> bool {
        let asked = self.asked.pop_front();
        let message = &mut self.message.server;
        let of_pki = asked.as_ref().is_some_and(|asked| asked.of_pki);
        message.purpose = match (asked.as_ref().map(|asked| asked.purpose), message.kind) {
            (Some(Purpose::Silent), _) => Purpose::Silent,
            (_, Type::Ocsp) => Purpose::CertificateStatus,
            (_, Type::Pki) => Purpose::Certificates,
            (Some(Purpose::Undecided), Type::Octets | Type::Unstated) if of_pki => Purpose::Certificates,
            (Some(Purpose::Undecided) | None, _) => Purpose::Content,
            (Some(same), _) => same,
        };
        let is_head = asked.as_ref().is_some_and(|asked| asked.is_head);
        let mut asked = asked.unwrap_or(Asked { line: None, purpose: message.purpose, of_pki, is_head });
        if asked.purpose == Purpose::Undecided {
            asked.purpose = message.purpose;
        }
        self.status_named |= settle(&mut asked, self.status_named, end, facts);
        is_head
    }

    /// The server switched to another protocol: the request was its beginning.
    pub(super) fn switched(&mut self) {
        self.asked.pop_front();
    }

    /// Content of a message.
    pub(super) fn content(&mut self, piece: &Window<'_>, facts: &mut Facts) {
        let message = self.message.of_mut(piece.dir);
        let Some((kind, what)) = content_of(message.purpose, piece.dir) else { return };
        message.content.piece(kind, what, piece, facts);
        if kind == Exposed::Content && message.kind == Type::Fields && message.sample.len() < SEARCHED {
            message.sample.push(piece);
            if message.sample.len() >= SEARCHED {
                search_sample(&message.sample, facts);
            }
        }
    }

    /// A message's content is over.
    pub(super) fn end(&mut self, dir: Dir, facts: &mut Facts) {
        let message = self.message.of_mut(dir);
        if let Some((kind, what)) = content_of(message.purpose, dir) {
            message.content.end(kind, what, facts);
        }
        if message.sample.len() < SEARCHED {
            search_sample(&message.sample, facts);
        }
        message.sample = Stitched::new();
    }

    /// The connection is over: requests without an answer are stated for what they are.
    pub(super) fn close(&mut self, facts: &mut Facts) {
        self.end(Dir::Client, facts);
        self.end(Dir::Server, facts);
        for asked in self.asked.drain(..) {
            if let Some(line) = asked.line {
                let purpose = if asked.of_pki { Purpose::Certificates } else { Purpose::Content };
                if let Some((kind, what)) = request_of(purpose) {
                    line.state(kind, what, facts);
                }
            }
        }
    }
}

/// States a request line once its purpose is known. Returns whether the connection was given the name of certificate status.
fn settle(asked: &mut Asked, status_named: bool, end: &Window<'_>, facts: &mut Facts) -> bool {
    let purpose = if asked.purpose == Purpose::Undecided { Purpose::Content } else { asked.purpose };
    let names = purpose == Purpose::CertificateStatus && !status_named;
    if names {
        facts.observe(What::Protocol("ocsp"), end.all());
    }
    if let (Some(line), Some((kind, what))) = (asked.line.take(), request_of(purpose)) {
        line.state(kind, what, facts);
    }
    names
}

fn request_of(purpose: Purpose) -> Option<(Exposed, &'static str)> {
    Some(match purpose {
        Purpose::Content | Purpose::Undecided => (Exposed::Content, "HTTP request"),
        Purpose::CertificateStatus => (Exposed::Service, "certificate status"),
        Purpose::Certificates => (Exposed::Service, "certificate or revocation list"),
        Purpose::Check => (Exposed::Service, "connectivity check"),
        Purpose::Silent => return None,
    })
}

fn content_of(purpose: Purpose, dir: Dir) -> Option<(Exposed, &'static str)> {
    match (purpose, dir) {
        (Purpose::Content | Purpose::Undecided, Dir::Client) => Some((Exposed::Content, "HTTP content sent")),
        (Purpose::Content | Purpose::Undecided, Dir::Server) => Some((Exposed::Content, "HTTP content received")),
        (purpose, _) => request_of(purpose),
    }
}

fn search_sample(sample: &Stitched, facts: &mut Facts) {
    if let Some(sample) = sample.window(Dir::Client) {
        search(sample.bytes, &sample, facts);
    }
}

/// States the first password or token in the fields of a form, a query or a JSON object, which came in this window: all of it, or a part.
pub(super) fn search(text: &[u8], window: &Window<'_>, facts: &mut Facts) {
    let Some(span) = secret_field(text) else { return };
    let evidence = if text.len() == window.bytes.len() { window.evidence(span.clone()) } else { window.all() };
    if let Some(secret) = text.get(span) {
        facts.readable(Exposed::Credentials, "HTTP password or token", secret, evidence);
    }
}
