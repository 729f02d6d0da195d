//! The layers that one buffer may be wrapped in, each tried where its mark is seen.

use std::ops::Range;

use super::chain::{Chain, JsonPath, Layer, Step};
use super::container::{self, Region};
use super::eye::{Eye, Nature, Origin};
use super::found::Cut;
use super::json::{self, Token};
use super::unpack::Format;
use super::{kind, mime, text, token};

/// How many tokens of one text are decoded.
const MOST_TOKENS: usize = 4096;
/// How many places of a text that is not JSON are tried as the beginning of JSON.
const MOST_BEGINNINGS: usize = 64;
/// A run of text inside bytes shorter than this is only searched as it is.
pub(super) const SHORTEST_RUN: usize = 12;

/// The signature of a JSON Web Token is not shorter than this: HMAC with SHA-256.
const SHORTEST_SIGNATURE: usize = 43;

pub(super) type Covered = Vec<Range<usize>>;

impl Eye {
    /// Undoes what can be undone of `bytes`, and looks at what comes of it.
    pub(super) fn layers(&mut self, chain: &Chain<'_>, bytes: &[u8], origin: &Origin<'_>, depth: u8, covered: &mut Covered) -> Nature {
        if Format::of_magic(bytes).is_none_or(|format| format == Format::Zlib)
            && let Some((name, utf8)) = text::utf16(bytes)
        {
            return self.below(&chain.then(Layer::Undone(name)), &utf8, &origin.made_of(&(0..bytes.len())), depth, 0..bytes.len(), covered);
        }
        if let Some(nature) = self.multipart(chain, bytes, origin, depth, covered) {
            return nature;
        }
        if kind::is_text(bytes) {
            self.text(chain, bytes, origin, depth, covered)
        } else {
            self.binary(chain, bytes, origin, depth, covered)
        }
    }

    /// A multipart body: each part for itself.
    fn multipart(&mut self, chain: &Chain<'_>, bytes: &[u8], origin: &Origin<'_>, depth: u8, covered: &mut Covered) -> Option<Nature> {
        for mime::Part { number, span } in mime::parts(bytes)? {
            let content = bytes.get(span.clone()).unwrap_or_default();
            let place = origin.part(&span);
            let inside = if number > 0 { chain.then(Layer::Part(number)) } else { *chain };
            if self.below(&inside, content, &place, depth, span, covered) == Nature::Opaque {
                self.body_inside(&inside, content, &place);
            }
        }
        Some(Nature::Read)
    }

    fn text(&mut self, chain: &Chain<'_>, bytes: &[u8], origin: &Origin<'_>, depth: u8, covered: &mut Covered) -> Nature {
        // JSON as a whole, or inside other text; the rest is plain.
        let (mut from, mut plain_from) = (0, 0);
        for _ in 0..MOST_BEGINNINGS {
            let whole = from == 0 && bytes.trim_ascii_start().first().is_some_and(|b| matches!(b, b'{' | b'[' | b'"'));
            let start = if whole { bytes.len() - bytes.trim_ascii_start().len() } else { json::begins(bytes, from).unwrap_or(bytes.len()) };
            if start >= bytes.len() {
                break;
            }
            match self.json(chain, bytes, start, origin, depth, covered) {
                Some(end) => {
                    self.plain(chain, bytes, plain_from..start, origin, depth, covered);
                    (from, plain_from) = (end.max(start + 1), end.max(start + 1));
                }
                None => from = start + 1,
            }
        }
        self.plain(chain, bytes, plain_from..bytes.len(), origin, depth, covered);
        Nature::Read
    }

    /// Reads JSON that begins at `start`. Returns where it ends; `None` when it is none.
    fn json(
        &mut self,
        chain: &Chain<'_>,
        bytes: &[u8],
        start: usize,
        origin: &Origin<'_>,
        depth: u8,
        covered: &mut Covered,
    ) -> Option<usize> {
        // A text that merely begins like JSON must not be taken apart: first see whether it is whole, or at least long.
        let mut trial = json::Tokens::new(bytes, start);
        let count = trial.by_ref().count();
        if !trial.complete && count < 4 {
            return None;
        }
        let mut tokens = json::Tokens::new(bytes, start);
        let mut steps: Vec<Step<'_>> = Vec::new();
        let mut open: Vec<Object> = Vec::new();
        let mut numbers: Vec<u8> = Vec::new();
        while let Some(token) = tokens.next() {
            match token {
                Token::Open(is_object) => {
                    open.push(Object { is_object, sealed: container::Json::default(), opaque: self.found.opaque.len() });
                    if !is_object {
                        numbers.clear();
                        steps.push(Step::Element(0));
                    }
                }
                Token::Close => {
                    let Some(object) = open.pop() else { break };
                    if !object.is_object {
                        steps.pop();
                        if numbers.len() >= SHORTEST_RUN {
                            let path = JsonPath { steps: &steps, is_name: false };
                            let place = chain.then(Layer::Json(&path));
                            let inside = place.then(Layer::Undone("octets"));
                            let all = start..tokens.position();
                            let octets = std::mem::take(&mut numbers);
                            self.octets(&inside, &octets, &origin.made_of(&all), depth, all, covered);
                        }
                        numbers.clear();
                    }
                    self.close_object(object, origin, open.last_mut());
                    end_of_value(&mut steps, &open);
                }
                Token::Name(span) => {
                    let name = bytes.get(span.clone()).unwrap_or_default();
                    steps.push(Step::Member(name));
                    if name.len() >= SHORTEST_RUN {
                        let path = JsonPath { steps: &steps, is_name: true };
                        self.string(&chain.then(Layer::Json(&path)), bytes, span, origin, depth, covered);
                    }
                }
                Token::Text(span) => {
                    let raw = bytes.get(span.clone()).unwrap_or_default();
                    if let (Some(object), Some(Step::Member(name))) = (open.last_mut(), steps.last()) {
                        object.sealed.member(name, raw);
                    }
                    let is_key = steps.iter().any(|step| matches!(step, Step::Member(name) if container::is_key_name(name)));
                    let path = JsonPath { steps: &steps, is_name: false };
                    let before = self.found.opaque.len();
                    self.string(&chain.then(Layer::Json(&path)), bytes, span, origin, depth, covered);
                    if is_key {
                        self.forget_opaque(before, |octets| matches!(octets, 32 | 64));
                    }
                    end_of_value(&mut steps, &open);
                }
                Token::Other(span) => {
                    // A list of numbers below 256 may be octets.
                    if open.last().is_some_and(|o| !o.is_object)
                        && let Some(octet) = bytes.get(span).and_then(|n| std::str::from_utf8(n).ok()?.parse().ok())
                    {
                        numbers.push(octet);
                    }
                    end_of_value(&mut steps, &open);
                }
            }
        }
        if tokens.too_deep {
            self.found.cut(Cut::Depth, origin.dir(), origin.at(), Some(origin.evidence()));
        }
        Some(tokens.position())
    }

    /// A string of JSON: its escapes undone, where it has any.
    fn string(&mut self, chain: &Chain<'_>, bytes: &[u8], span: Range<usize>, origin: &Origin<'_>, depth: u8, covered: &mut Covered) {
        let raw = bytes.get(span.clone()).unwrap_or_default();
        match text::backslash(raw) {
            Some(plain) => self.below(chain, &plain, &origin.made_of(&span), depth, span, covered),
            None => self.below(chain, raw, &origin.part(&span), depth, span, covered),
        };
    }

    /// An object or a list ends: what it seals, if it is a container.
    fn close_object(&mut self, object: Object, origin: &Origin<'_>, above: Option<&mut Object>) {
        match object.sealed.finish() {
            container::Verdict::Sealed(kind, octets) => {
                self.forget_opaque(object.opaque, |len| octets.contains(&len) || len == 32);
                self.seal(kind, octets.iter().sum(), origin);
            }
            container::Verdict::Bodies(bodies) => {
                if let Some(above) = above {
                    above.sealed.bodies(bodies);
                }
            }
        }
    }

    /// Takes back what was told as opaque since `mark`, where its length is right.
    fn forget_opaque(&mut self, mark: usize, is_right: impl Fn(u64) -> bool) {
        let mut at = 0;
        self.found.opaque.retain(|opaque| {
            at += 1;
            at <= mark || !is_right(opaque.octets)
        });
    }

    pub(super) fn seal(&mut self, container: super::found::Container, octets: u64, origin: &Origin<'_>) {
        let sealed = super::found::Sealed { container, dir: origin.dir(), at: origin.at(), octets, evidence: origin.evidence() };
        self.found.sealed(sealed);
    }

    /// Text that has no structure of its own: escapes, then tokens.
    fn plain(&mut self, chain: &Chain<'_>, all: &[u8], span: Range<usize>, origin: &Origin<'_>, depth: u8, covered: &mut Covered) {
        let Some(bytes) = all.get(span.clone()).filter(|bytes| bytes.len() >= 4) else { return };
        let origin = origin.part(&span);
        let mut own = Vec::new();
        let mut is_undone = false;
        if let Some((name, plain)) = text::undo(bytes) {
            let inside = chain.then(Layer::Undone(name));
            let (before, outline) = (self.found.opaque.len(), self.found.outline.mark());
            let nature = self.again(&inside, bytes, &plain, &origin, depth, &mut own);
            // What looks like quoted-printable is often something else: then it is read both ways, and judged as it is.
            is_undone = name != "quoted-printable" || text::is_quoted_printable(bytes);
            if !is_undone {
                self.found.outline.back_to(outline);
                self.found.opaque.truncate(before);
                self.seen.clear();
            } else if nature == Nature::Opaque {
                self.body_inside(&inside, &plain, &origin.made_of(&(0..bytes.len())));
            }
            for (span, octets) in if name == "percent" { text::escaped_octets(bytes) } else { Vec::new() } {
                self.attempt(|eye| eye.below(&inside, &octets, &origin.made_of(&span), depth, span, &mut own));
            }
            if name == "percent"
                && let Some(plain) = text::form(bytes)
            {
                let before = self.found.opaque.len();
                self.again(&inside, bytes, &plain, &origin, depth, &mut own);
                self.found.opaque.truncate(before);
                self.seen.clear();
            }
        }
        if !is_undone {
            self.tokens(chain, bytes, &origin, depth, &mut own);
        }
        covered.extend(own.into_iter().map(|part| part.start + span.start..part.end + span.start));
    }

    fn tokens(&mut self, chain: &Chain<'_>, bytes: &[u8], origin: &Origin<'_>, depth: u8, covered: &mut Covered) {
        let regions = container::regions(bytes);
        for Region { span, container, octets, content } in &regions {
            if let Some(container) = container {
                self.seal(*container, *octets, &origin.part(span));
            }
            if let Some((name, content)) = content {
                self.below(&chain.then(Layer::Undone(name)), content, &origin.made_of(span), depth, span.clone(), covered);
            }
        }
        for (span, octets) in token::octets(bytes) {
            let inside = chain.then(Layer::Undone("octets"));
            self.octets(&inside, &octets, &origin.made_of(&span), depth, span, covered);
        }
        let found = token::tokens(bytes, MOST_TOKENS);
        if found.len() == MOST_TOKENS {
            self.found.cut(Cut::Memory, origin.dir(), origin.at(), Some(origin.evidence()));
        }
        let is_scram = container::is_scram(bytes);
        let is_path = chain.has(is_path);
        let mut signed_until = None;
        for whole in &found {
            let in_region = regions.iter().any(|region| region.span.start <= whole.span.start && whole.span.end <= region.span.end);
            let sealed = self.found.sealed.clone();
            // A slash is a digit of base64, and stands between the segments of a path.
            let parts = whole.parts();
            let mut unread = Vec::new();
            if parts.is_empty() || !is_path {
                let nature = self.token(chain, whole, origin, depth, covered);
                // The signature of a JSON Web Token (RFC 7519) follows its header and its claims.
                if nature != Nature::Opaque && whole.chars.starts_with(b"eyJ") && bytes.get(whole.span.end) == Some(&b'.') {
                    signed_until = Some(whole.span.end + 1);
                }
                if nature == Nature::Opaque {
                    unread.push(whole);
                }
            }
            if is_path || !unread.is_empty() {
                let left: Vec<&token::Token> =
                    parts.iter().filter(|part| self.token(chain, part, origin, depth, covered) == Nature::Opaque).collect();
                // In a path each segment is for itself; elsewhere the rest is still one token, if there is enough of it.
                let rest: usize = left.iter().map(|part| part.octets()).sum();
                if is_path && !parts.is_empty() || left.len() < parts.len() && rest < self.quest.needles.room() {
                    unread = left;
                }
            }
            if in_region {
                // The parts of a container are not containers of their own.
                self.found.sealed = sealed;
            }
            let is_signature = signed_until == Some(whole.span.start) && whole.chars.len() >= SHORTEST_SIGNATURE;
            if in_region || is_scram || is_signature {
                continue;
            }
            for token in unread {
                let is_known = token::is_uuid(&token.chars) || is_path && container::is_matrix_id(bytes, &token.span);
                let octets = token::base64(&token.chars, 0);
                let is_encoded = token::is_random(&token.chars) || token.is_hexadecimal() || has_zeros(&octets);
                if is_encoded && token.octets() >= self.quest.needles.room() && !is_known {
                    self.opaque(chain, &octets, token.octets(), &origin.made_of(&token.span), true);
                }
            }
        }
    }

    /// Octets that a list of numbers gives.
    fn octets(&mut self, chain: &Chain<'_>, octets: &[u8], origin: &Origin<'_>, depth: u8, span: Range<usize>, covered: &mut Covered) {
        if self.attempt(|eye| eye.below(chain, octets, origin, depth, span, covered)) == Nature::Opaque {
            self.body_inside(chain, octets, origin);
        }
    }

    /// Decodes one token, and looks at what comes of it. A few octets that could be anything are nothing that was read.
    fn token(&mut self, chain: &Chain<'_>, token: &token::Token, origin: &Origin<'_>, depth: u8, covered: &mut Covered) -> Nature {
        let token::Token { span, chars } = token;
        let (is_random, place, room) = (token::is_random(chars), origin.made_of(span), self.quest.needles.room());
        let is_read = |nature: Nature, octets: &[u8]| nature != Nature::Opaque && (octets.len() >= room || is_promising(octets));
        if let Some(octets) = token::hexadecimal(chars) {
            let inside = chain.then(Layer::Undone("hex"));
            let nature = self.attempt(|eye| eye.below(&inside, &octets, &place, depth, span.clone(), covered));
            if is_read(nature, &octets) {
                return nature;
            }
        }
        for octets in token::hexadecimal_inside(chars).iter().filter(|octets| is_promising(octets)) {
            let inside = chain.then(Layer::Undone("hex"));
            if self.attempt(|eye| eye.below(&inside, octets, &place, depth, span.clone(), covered)) != Nature::Opaque {
                return Nature::Read;
            }
        }
        let inside = chain.then(Layer::Undone(token::name(chars)));
        let mut found = Nature::Opaque;
        for skip in 0..4 {
            let octets = token::base64(chars, skip);
            if skip == 0 && is_random || is_promising(&octets) {
                let nature = self.attempt(|eye| eye.below(&inside, &octets, &place, depth, span.clone(), covered));
                if is_read(nature, &octets) {
                    // The wrong alignment may look like something, too: all are tried.
                    found = nature;
                }
            }
        }
        found
    }

    /// Bytes inside something that was read, and that nothing here can read.
    pub(super) fn body_inside(&mut self, chain: &Chain<'_>, bytes: &[u8], origin: &Origin<'_>) {
        if bytes.len() >= self.quest.needles.room() {
            self.opaque(chain, bytes, bytes.len(), origin, false);
        }
    }
}

/// Layers whose text is a path: slashes stand between its segments.
fn is_path(layer: &Layer<'_>) -> bool {
    matches!(layer, Layer::Text("start line") | Layer::Header(b":path"))
}

/// An object or a list of JSON that is open.
struct Object {
    is_object: bool,
    sealed: container::Json,
    /// How much had been told as opaque when it began.
    opaque: usize,
}

/// A value ended: the name of its member is no longer the place, or the next element is.
fn end_of_value(steps: &mut Vec<Step<'_>>, open: &[Object]) {
    match (open.last().map(|o| o.is_object), steps.last_mut()) {
        (Some(true), Some(Step::Member(_))) => {
            steps.pop();
        }
        (Some(false), Some(Step::Element(n))) => *n += 1,
        _ => {}
    }
}

/// Whether decoded bytes have more zeros than words that merely look like base64 give.
fn has_zeros(bytes: &[u8]) -> bool {
    bytes.iter().filter(|b| **b == 0).count() * 4 >= bytes.len()
}

/// Whether decoded bytes look like something: worth a look although the token does not look encoded. A dozen random octets may be text in
/// some script; they are not believed.
fn is_promising(bytes: &[u8]) -> bool {
    let is_latin = || bytes.iter().filter(|b| b.is_ascii_graphic() || **b == b' ').count() * 4 >= bytes.len() * 3;
    bytes.len() >= 12
        && (has_zeros(bytes)
            || kind::is_text(bytes) && (bytes.len() >= 24 || is_latin())
            || Format::of_magic(bytes).is_some_and(|format| format != Format::Zlib)
            || text::utf16(bytes).is_some())
}
