//! HTTP/2 in clear (RFC 9113 §3.3): its requests, fields and content are as readable as those of HTTP/1, only packed (RFC 7541).

use super::super::authorization;
use super::super::clear::Passing;
use super::super::h2_frame::{CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, HEADER, HEADERS, PADDED, PUSH_PROMISE};
use super::super::inside::{Field, Hpack};
use super::super::lines::is_one_of;
use super::LONGEST_HOST;
use super::readable::{SEARCHED, search};
use super::service::Type;
use crate::base::{Dir, Exposed, Facts, Kind, Sides, Stitched, What, Window, WireStr};

/// What of the client's preface follows its first line (§3.4).
const PREFACE_LEFT: usize = b"\r\nSM\r\n\r\n".len();
/// A header block, its continuations included, is not longer than this.
const LONGEST_BLOCK: usize = 64 * 1024;

/// Both directions of a connection, after the first line of the client's preface.
#[derive(Debug)]
pub(super) struct Http2 {
    sides: Sides<Side>,
}

#[derive(Debug, Default)]
struct Side {
    /// Octets that are passed over before the next frame header.
    skip: usize,
    /// Content still to come, and octets of padding behind it; and whether it ends its message.
    data: Option<(usize, usize, bool)>,
    hpack: Hpack,
    /// A header block whose continuation is awaited.
    block: Option<Stitched>,
    content: Passing,
    /// Content that may hold fields with passwords, from its beginning.
    fields: Option<Stitched>,
    lost: bool,
}

impl Http2 {
    /// After the line `PRI * HTTP/2.0`.
    pub(super) fn after_preface() -> Http2 {
        let mut sides: Sides<Side> = Sides::default();
        sides.client.skip = PREFACE_LEFT;
        Http2 { sides }
    }

    /// Whether nothing more can be read.
    pub(super) fn is_lost(&self) -> bool {
        self.sides.client.lost && self.sides.server.lost
    }

    /// Reads whole frames, and whatever is there of content. Returns how many octets it took.
    pub(super) fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let side = self.sides.of_mut(window.dir);
        let mut taken = 0;
        while taken < window.bytes.len() && !side.lost {
            match side.step(&window.from(taken), facts) {
                Some(n) => taken = taken.saturating_add(n),
                None => return taken,
            }
        }
        // What cannot be told apart any more is passed over.
        if side.lost { window.bytes.len() } else { taken }
    }

    /// Octets are missing: frames can be told apart only where content was missing.
    pub(super) fn gap(&mut self, dir: Dir, missing: u64) {
        let side = self.sides.of_mut(dir);
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        match &mut side.data {
            Some((left, ..)) if missing <= *left => *left -= missing,
            _ => side.lost = true,
        }
    }

    /// The connection is over.
    pub(super) fn close(&mut self, facts: &mut Facts) {
        for dir in [Dir::Client, Dir::Server] {
            self.sides.of_mut(dir).end(dir, facts);
        }
    }
}

impl Side {
    /// Reads a frame, or part of its content. `None` where more octets are needed.
    fn step(&mut self, rest: &Window<'_>, facts: &mut Facts) -> Option<usize> {
        if self.skip > 0 {
            let n = self.skip.min(rest.bytes.len());
            self.skip -= n;
            return Some(n);
        }
        if self.data.is_some() {
            return Some(self.data(rest, facts));
        }
        let frame = Frame::read(rest.bytes)?;
        let Frame { length, kind, flags, .. } = frame;
        let in_block = self.block.is_some() != (kind == CONTINUATION);
        if !frame.is_sound() || in_block || matches!(kind, HEADERS | CONTINUATION | PUSH_PROMISE) && length > LONGEST_BLOCK {
            self.lost = true;
            return Some(0);
        }
        match kind {
            DATA => {
                let padded = usize::from(flags & PADDED != 0);
                let padding = if padded == 1 { usize::from(*rest.bytes.get(HEADER)?) } else { 0 };
                let content = length.saturating_sub(padded).saturating_sub(padding);
                self.data = Some((content, length.saturating_sub(padded).min(padding), flags & END_STREAM != 0));
                Some(HEADER + padded.min(length))
            }
            HEADERS | PUSH_PROMISE | CONTINUATION => {
                let payload = rest.slice(HEADER..HEADER + length)?;
                self.fragment(frame, &payload, facts);
                Some(HEADER + length)
            }
            _ => {
                self.skip = length;
                Some(HEADER)
            }
        }
    }

    fn data(&mut self, rest: &Window<'_>, facts: &mut Facts) -> usize {
        let Some((left, padding, ends)) = self.data.take() else { return 0 };
        let n = left.min(rest.bytes.len());
        if let Some(piece) = rest.slice(0..n) {
            self.content.piece(Exposed::Content, content_of(rest.dir), &piece, facts);
            if let Some(fields) = self.fields.as_mut().filter(|fields| fields.len() < SEARCHED) {
                fields.push(&piece);
            }
        }
        let passed = padding.min(rest.bytes.len() - n);
        let (left, padding) = (left - n, padding - passed);
        if left + padding > 0 {
            self.data = Some((left, padding, ends));
        } else if ends {
            self.end(rest.dir, facts);
        }
        n + passed
    }

    /// A header block, or a part of it.
    fn fragment(&mut self, frame: Frame, payload: &Window<'_>, facts: &mut Facts) {
        let Frame { kind, flags, .. } = frame;
        let mut block = self.block.take().unwrap_or_default();
        if let Some(fragment) = payload.slice(frame.block(payload.bytes)) {
            block.push(&fragment);
        }
        if block.len() > LONGEST_BLOCK {
            self.lost = true;
        } else if flags & END_HEADERS == 0 {
            self.block = Some(block);
        } else if let Some(block) = block.window(payload.dir) {
            let fields = self.hpack.decode(block.bytes).fields;
            // What a server promises it was not asked (§8.4).
            self.fields(kind == PUSH_PROMISE, &fields, &block, facts);
            if kind == HEADERS && flags & END_STREAM != 0 {
                self.end(payload.dir, facts);
            }
        }
    }

    /// The fields of a message.
    fn fields(&mut self, promised: bool, fields: &[Field], block: &Window<'_>, facts: &mut Facts) {
        let value_of = |name: &str| fields.iter().find(|field| field.name == name.as_bytes()).map(|field| field.value.as_slice());
        if let (Some(method), Some(path), false) = (value_of(":method"), value_of(":path"), promised) {
            facts.readable(Exposed::Content, "HTTP request", &[method, b" ", path].concat(), block.all());
            if !facts.has(Kind::HttpMethod) {
                facts.observe(What::HttpMethod(WireStr::new(method)), block.all());
            }
            search(path, block, facts);
        }
        if let Some(host) = value_of(":authority").or_else(|| value_of("host")).filter(|_| !promised && !facts.has(Kind::HttpHost)) {
            facts.observe(What::HttpHost(WireStr::new(host.get(..LONGEST_HOST).unwrap_or(host))), block.all());
        }
        for Field { name, value } in fields.iter().filter(|field| !field.value.is_empty()) {
            let mut credentials = |what| facts.readable(Exposed::Credentials, what, value, block.all());
            match name {
                _ if is_one_of(name, &["COOKIE", "SET-COOKIE"]) => credentials("HTTP cookie"),
                _ if is_one_of(name, &["X-API-KEY", "X-AUTH-TOKEN", "X-ACCESS-TOKEN"]) => credentials("HTTP password or token"),
                _ if !is_one_of(name, &["AUTHORIZATION", "PROXY-AUTHORIZATION"]) => {}
                _ if authorization::hides_the_secret(value) => {
                    facts.readable(Exposed::Identifiers, "HTTP login without its password", value, block.all());
                }
                _ => credentials("HTTP password or token"),
            }
        }
        let holds_fields = value_of("content-type").is_some_and(|value| Type::of(value) == Type::Fields);
        self.fields = holds_fields.then(Stitched::new);
    }

    /// A message is over.
    fn end(&mut self, dir: Dir, facts: &mut Facts) {
        self.content.end(Exposed::Content, content_of(dir), facts);
        if let Some(fields) = self.fields.take().as_ref().and_then(|fields| fields.window(dir)) {
            search(fields.bytes, &fields, facts);
        }
    }
}

fn content_of(dir: Dir) -> &'static str {
    match dir {
        Dir::Client => "HTTP content sent",
        Dir::Server => "HTTP content received",
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::cast_possible_truncation)]
mod tests {
    use super::super::super::h2_frame::SETTINGS;
    use super::super::super::testing::{C, Outcome, S, dialogue, survives};
    use super::super::Http;
    use super::*;
    use crate::dissect::Next;
    use proptest::prelude::any;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        [&(payload.len() as u32).to_be_bytes()[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
    }

    /// A field that is neither packed nor remembered (RFC 7541 §6.2.2).
    fn field(name: &str, value: &str) -> Vec<u8> {
        [&[0, name.len() as u8], name.as_bytes(), &[value.len() as u8], value.as_bytes()].concat()
    }

    fn fields(list: &[(&str, &str)]) -> Vec<u8> {
        list.iter().flat_map(|(name, value)| field(name, value)).collect()
    }

    fn read(talk: &Outcome) -> Vec<String> {
        talk.facts.readables().map(|(r, e)| format!("{} {} {} {} {e:?}", r.kind.word(), r.what, r.count, r.bytes)).collect()
    }

    #[test]
    fn requests_and_content_of_http_2_in_clear_are_readable() {
        let request = fields(&[(":method", "POST"), (":path", "/send"), (":authority", "chat.example"), ("content-type", "text/plain")]);
        let client = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &frame(HEADERS, END_HEADERS, 1, &request)].concat();
        let content = frame(DATA, END_STREAM | PADDED, 1, b"\x03see you\0\0\0");
        let answer = [frame(HEADERS, END_HEADERS, 1, &fields(&[(":status", "200")])), frame(DATA, END_STREAM, 1, b"sent")].concat();
        let talk = dialogue::<Http>(&[(C, &client), (C, &content), (S, &answer)]);
        assert_eq!((talk.next, talk.left), (Next::Stay, 0));
        assert!(talk.says(r#"network.protocol Text("http2")"#) && talk.says(r#"http.host Wire("chat.example")"#));
        let expected = ["content HTTP request 1 10 [#1]", "content HTTP content sent 1 7 [#2]", "content HTTP content received 1 4 [#3]"];
        assert_eq!(read(&talk), expected);
    }

    #[test]
    fn credentials_in_packed_fields_and_forms_are_told_and_never_shown() {
        let list = [
            (":method", "POST"),
            (":path", "/login"),
            ("cookie", "sid=hidden"),
            ("authorization", "Bearer hidden"),
            ("content-type", "application/json"),
        ];
        let block = fields(&list);
        let (first, second) = block.split_at(40);
        let client = [
            PREFACE,
            &frame(HEADERS, 0, 1, first),
            &frame(CONTINUATION, END_HEADERS, 1, second),
            &frame(DATA, 0, 1, b"{\"user\":\"al\",\"pass"),
            &frame(DATA, END_STREAM, 1, b"word\":\"hidden\"}"),
        ]
        .concat();
        let talk = dialogue::<Http>(&[(C, &client)]);
        let found = read(&talk);
        assert!(found.contains(&"credentials HTTP cookie 1 10 [#1]".into()), "{found:?}");
        assert!(found.contains(&"credentials HTTP password or token 2 19 [#1]".into()), "{found:?}");
        assert!(!format!("{:?}", talk.facts).contains("sid=hidden"));
    }

    #[test]
    fn what_is_no_frame_ends_the_reading_and_a_gap_in_content_does_not() {
        let talk = dialogue::<Http>(&[(C, PREFACE), (C, &frame(SETTINGS, 0, 7, &[])), (S, &frame(DATA, 0, 0, b""))]);
        assert_eq!((talk.next, talk.left), (Next::Done, 0));
        let mut http2 = Http2::after_preface();
        http2.sides.server.data = Some((100, 0, true));
        http2.gap(Dir::Server, 40);
        assert!(!http2.sides.server.lost);
        http2.gap(Dir::Server, 61);
        assert!(http2.sides.server.lost);
    }

    proptest::proptest! {
        #[test]
        fn no_frames_make_it_fail(
            frames in proptest::collection::vec((any::<bool>(), 0u8..11, any::<u8>(), 0u8..3, proptest::collection::vec(any::<u8>(), 0..40)), 0..12),
            piece in 1usize..60,
        ) {
            let mut talk = vec![(true, PREFACE.to_vec())];
            talk.extend(frames.iter().map(|(client, kind, flags, stream, payload)| (*client, frame(*kind, *flags, *stream, payload))));
            survives::<Http>(&talk, piece);
        }
    }
}
