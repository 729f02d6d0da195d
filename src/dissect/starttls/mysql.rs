//! The MySQL protocol (documentation: "Connection Phase") and its `SSLRequest` packet.

use super::super::clear::Passing;
use super::super::{Next, Payload, Probe, Protocol};
use super::{Upgrade, tls_at_front};
use crate::base::{Dir, Evidence, Exposed, Facts, Reader, Short, Sides, What, Window};

/// `CLIENT_PROTOCOL_41`.
const PROTOCOL_41: u32 = 1 << 9;
/// `CLIENT_CONNECT_WITH_DB`, `CLIENT_COMPRESS`, `CLIENT_SECURE_CONNECTION`, `CLIENT_PLUGIN_AUTH`,
/// `CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA`, `CLIENT_ZSTD_COMPRESSION_ALGORITHM`.
const WITH_DATABASE: u32 = 1 << 3;
const COMPRESS: u32 = 1 << 5;
const SECURE: u32 = 1 << 15;
const PLUGIN: u32 = 1 << 19;
const LENGTHS: u32 = 1 << 21;
const ZSTD: u32 = 1 << 26;
/// The plugin that sends the password as it is.
const CLEAR_PASSWORD: &[u8] = b"mysql_clear_password";
/// `CLIENT_SSL`.
const SSL: u32 = 1 << 11;
/// Octets of a packet header: 24-bit length, sequence number.
const HEADER: usize = 4;
/// A greeting is not larger than this, or it is something else.
const LARGEST_GREETING: usize = 512;

/// A packet of the connection phase is not larger than this.
const LARGEST_LOGIN: usize = 1 << 14;

const STATEMENT: &str = "SQL statement";
const ANSWER: &str = "SQL answer";
const COMPRESSED: &str = "compressed SQL session";

/// How far a connection is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Greeting, login, and what the server makes of it.
    #[default]
    Connecting,
    Commands,
    /// Packets inside zlib or zstd, which protects nothing.
    Compressed,
}

/// The packet that is being passed over in one direction.
#[derive(Debug, Default)]
struct Passed {
    left: u32,
    /// What it is, if worth stating.
    what: Option<&'static str>,
    passing: Passing,
}

/// A connection to a MySQL or MariaDB server.
#[derive(Debug, Default)]
pub struct Mysql {
    named: bool,
    phase: Phase,
    passed: Sides<Passed>,
    /// Capabilities of the server, and then those of both.
    capabilities: u32,
    /// The client is to answer with its password as it is.
    clear_password: bool,
    heard_server: bool,
    /// The server's offer of TLS: the agreement to what the client may ask for.
    offer: Option<Evidence>,
    upgrade: Upgrade,
}

/// A string that ends with NUL.
fn string<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Short> {
    let n = memchr::memchr(0, r.rest()).unwrap_or(r.left());
    let text = r.take(n)?;
    if !r.is_empty() {
        r.skip(1)?;
    }
    Ok(text)
}

/// A packet at the front: `None` while it is not complete.
fn packet(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut r = Reader::new(bytes);
    let [a, b, c, sequence] = r.array().ok()?;
    let body = r.take(usize::try_from(u32::from_le_bytes([a, b, c, 0])).ok()?).ok()?;
    Some((sequence, body))
}

/// The capabilities in a greeting (`HandshakeV10`).
fn greeting(body: &[u8]) -> Option<u32> {
    let mut r = Reader::new(body);
    (r.u8().ok()? == 10).then_some(())?;
    let version = r.rest().iter().take(64).position(|&b| b == 0)?;
    let version = r.take(version).ok()?;
    let readable = version.first().is_some_and(u8::is_ascii_digit) && version.iter().all(|b| b.is_ascii_graphic() || *b == b' ');
    // NUL, thread id, 8 octets of the scramble, NUL.
    let [.., filler] = r.array::<14>().ok()?;
    let low = r.array::<2>().ok()?;
    let _charset_and_status = r.array::<3>().unwrap_or_default();
    let high = r.array::<2>().unwrap_or_default();
    (readable && filler == 0).then(|| u32::from(u16::from_le_bytes(low)) | u32::from(u16::from_le_bytes(high)) << 16)
}

/// Whether a client's packet is an `SSLRequest`: a handshake response that ends before the user's name.
fn is_ssl_request(body: &[u8]) -> bool {
    let [a, b, rest @ ..] = body else { return false };
    match (body.len(), rest) {
        // Capabilities, largest packet, character set, 23 octets of zeros (MariaDB uses the last four).
        (32, [c, d, _, _, _, _, _, filler @ ..]) => {
            let capabilities = u32::from_le_bytes([*a, *b, *c, *d]);
            capabilities & (SSL | PROTOCOL_41) == SSL | PROTOCOL_41 && filler.iter().take(19).all(|&b| b == 0)
        }
        // Before MySQL 4.1: 16 bits of capabilities, largest packet.
        (5, _) => u32::from(u16::from_le_bytes([*a, *b])) & (SSL | PROTOCOL_41) == SSL,
        _ => false,
    }
}

impl Protocol for Mysql {
    fn probe(window: &Window<'_>) -> Probe {
        match (packet(window.bytes), window.bytes) {
            (Some((0, body)), _) if greeting(body).is_some() => Probe::Yes,
            // Only the form that says more than its length.
            (Some((1, body)), _) if body.len() == 32 && is_ssl_request(body) => Probe::Yes,
            (None, [] | [_] | [_, _]) => Probe::More,
            (None, [a, b, 0, rest @ ..]) => {
                let len = usize::from(u16::from_le_bytes([*a, *b]));
                let begins = match rest {
                    [] => true,
                    [0] => len <= LARGEST_GREETING,
                    [0, 10, version @ ..] => len <= LARGEST_GREETING && version.first().is_none_or(u8::is_ascii_digit),
                    [1, ..] => len == 32,
                    _ => false,
                };
                if begins { Probe::More } else { Probe::No }
            }
            _ => Probe::No,
        }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        packet(window.bytes).map(|(sequence, _)| if sequence == 0 { Dir::Server } else { Dir::Client })
    }
}

impl Payload for Mysql {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        match tls_at_front(window.bytes) {
            // 0x16 0x03 0x01 is also a packet of 66,326 octets, which nobody sends while connecting.
            Some(true) => {
                self.upgrade.infer(Some("mysql"), window, facts);
                return 0;
            }
            None if !window.bytes.is_empty() => return 0,
            _ => {}
        }
        let mut taken = 0;
        while !self.upgrade.is_over() && taken < window.bytes.len() {
            let rest = window.from(taken);
            let n = match self.phase {
                Phase::Connecting => self.connecting(&rest, facts),
                Phase::Commands => self.command(&rest, facts),
                Phase::Compressed => {
                    self.passed.of_mut(rest.dir).passing.piece(Exposed::Content, COMPRESSED, &rest, facts);
                    Some(rest.bytes.len())
                }
            };
            let Some(n) = n else { break };
            taken = taken.saturating_add(n);
        }
        taken
    }

    fn gap(&mut self, dir: Dir, missing: u64, _facts: &mut Facts) {
        let passed = self.passed.of_mut(dir);
        match u64::from(passed.left).checked_sub(missing).map(u32::try_from) {
            _ if self.phase == Phase::Compressed => {}
            Some(Ok(left @ 1..)) => passed.left = left,
            // Where the next packet begins cannot be known.
            _ => self.upgrade.give_up(),
        }
    }

    fn close(&mut self, facts: &mut Facts) {
        for passed in [&mut self.passed.client, &mut self.passed.server] {
            let what = if self.phase == Phase::Compressed { Some(COMPRESSED) } else { passed.what };
            if let Some(what) = what {
                passed.passing.end(Exposed::Content, what, facts);
            }
        }
    }

    fn next(&self) -> Next {
        self.upgrade.next()
    }
}

impl Mysql {
    fn connecting(&mut self, window: &Window<'_>, facts: &mut Facts) -> Option<usize> {
        match tls_at_front(window.bytes) {
            Some(true) => {
                self.upgrade.infer(Some("mysql"), window, facts);
                return None;
            }
            None => return None,
            Some(false) => {}
        }
        let Some((sequence, body)) = packet(window.bytes) else {
            // Nothing of the connection phase is that large.
            if window.bytes.len() > LARGEST_LOGIN {
                self.upgrade.give_up();
            }
            return None;
        };
        let len = HEADER.saturating_add(body.len());
        let packet = window.slice(0..len).unwrap_or(*window);
        match (window.dir, greeting(body)) {
            (Dir::Server, Some(capabilities)) => {
                self.name_it(&packet, facts);
                self.capabilities = capabilities;
                self.offer = (capabilities & SSL != 0).then(|| packet.all());
            }
            (Dir::Client, _) if is_ssl_request(body) => {
                self.name_it(&packet, facts);
                self.upgrade.ask(&packet, facts);
                let request = packet.all();
                let evidence = match &self.offer {
                    Some(offer) => request.and(offer),
                    None => request,
                };
                self.upgrade.start("mysql", evidence, facts);
            }
            (Dir::Client, _) => self.client_logs_in(sequence, body, &packet, facts),
            (Dir::Server, _) => self.server_answers(body),
        }
        Some(len)
    }

    /// The client logs in without TLS, or goes on with its login.
    fn client_logs_in(&mut self, sequence: u8, body: &[u8], packet: &Window<'_>, facts: &mut Facts) {
        if sequence == 1 {
            // What breaks off says what it says up to there.
            let _ = self.login(body, packet, facts);
        } else if std::mem::take(&mut self.clear_password) && body.len() > 1 {
            facts.readable(Exposed::Credentials, "SQL password", body.strip_suffix(b"\0").unwrap_or(body), packet.all());
        } else if sequence == 0 && !self.heard_server {
            // A command: the server's direction is missing, so nothing says that the login succeeded.
            self.phase = Phase::Commands;
        }
    }

    /// `HandshakeResponse41`.
    fn login(&mut self, body: &[u8], packet: &Window<'_>, facts: &mut Facts) -> Result<(), Short> {
        let mut r = Reader::new(body);
        let capabilities = u32::from_le_bytes(r.array()?);
        if capabilities & PROTOCOL_41 == 0 {
            return Ok(());
        }
        self.capabilities &= capabilities;
        r.skip(28)?;
        let mut state = |kind, what, text: &[u8]| {
            if !text.is_empty() {
                facts.readable(kind, what, text, packet.all());
            }
        };
        state(Exposed::Identifiers, "SQL user name", string(&mut r)?);
        let secret = if capabilities & (LENGTHS | SECURE) != 0 { r.vec8()? } else { string(&mut r)? };
        if capabilities & WITH_DATABASE != 0 {
            state(Exposed::Identifiers, "SQL database name", string(&mut r)?);
        }
        if capabilities & PLUGIN != 0 && string(&mut r)? == CLEAR_PASSWORD {
            state(Exposed::Credentials, "SQL password", secret.strip_suffix(b"\0").unwrap_or(secret));
        }
        Ok(())
    }

    fn server_answers(&mut self, body: &[u8]) {
        self.heard_server = true;
        match body.split_first() {
            // OK_Packet: the connection phase is over.
            Some((0, _)) if self.capabilities & (COMPRESS | ZSTD) != 0 => self.phase = Phase::Compressed,
            Some((0, _)) => self.phase = Phase::Commands,
            // AuthSwitchRequest.
            Some((0xfe, rest)) => self.clear_password = rest.strip_prefix(CLEAR_PASSWORD).is_some_and(|rest| rest.first() == Some(&0)),
            // AuthMoreData.
            Some((1, _)) => {}
            // ERR_Packet, or nothing we know.
            _ => self.upgrade.give_up(),
        }
    }

    /// A packet of the command phase, or a piece of one.
    fn command(&mut self, rest: &Window<'_>, facts: &mut Facts) -> Option<usize> {
        let passed = self.passed.of_mut(rest.dir);
        if passed.left > 0 {
            let n = rest.bytes.len().min(usize::try_from(passed.left).unwrap_or(usize::MAX));
            passed.left = passed.left.saturating_sub(u32::try_from(n).unwrap_or(u32::MAX));
            if let Some(what) = passed.what {
                passed.passing.piece(Exposed::Content, what, &rest.slice(0..n)?, facts);
                if passed.left == 0 {
                    passed.passing.end(Exposed::Content, what, facts);
                }
            }
            return Some(n);
        }
        let mut r = Reader::new(rest.bytes);
        let [a, b, c, sequence] = r.array().ok()?;
        let len = u32::from_le_bytes([a, b, c, 0]);
        if len == 0 {
            return Some(HEADER);
        }
        // Four octets tell column definitions and short answers from rows.
        let head = r.rest().get(..usize::try_from(len).unwrap_or(usize::MAX).min(4))?;
        let (first, header) = (head.first().copied().unwrap_or(0), if rest.dir == Dir::Client { HEADER + 1 } else { HEADER });
        passed.what = match rest.dir {
            // COM_INIT_DB, COM_QUERY, COM_STMT_PREPARE, COM_STMT_EXECUTE, COM_STMT_SEND_LONG_DATA.
            Dir::Client if sequence == 0 && matches!(first, 0x02 | 0x03 | 0x16..=0x18) => Some(STATEMENT),
            Dir::Client => None,
            // The first packet of an answer is a number, OK or an error; others are column definitions, rows, and an end.
            Dir::Server if sequence <= 1 || head == b"\x03def" || first == 0xff || first == 0xfe && len < 9 => None,
            Dir::Server => Some(ANSWER),
        };
        passed.left = len.saturating_sub(u32::try_from(header - HEADER).unwrap_or(0));
        Some(header)
    }

    fn name_it(&mut self, packet: &Window<'_>, facts: &mut Facts) {
        if !std::mem::replace(&mut self.named, true) {
            facts.observe(What::Protocol("mysql"), packet.all());
        }
    }
}
