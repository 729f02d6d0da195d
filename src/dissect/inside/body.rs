//! The body of an HTTP message: its content codings undone (RFC 9110 §8.4), then by its type.

use crate::base::{Dir, Stitched, Window};

use super::chain::{Chain, Layer};
use super::eye::Eye;
use super::found::Cut;
use super::grpc::Grpc;
use super::leaf::Leaf;
use super::unpack::{Format, State, Unpack};

/// What the header fields of a message say of its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Described {
    /// Content codings in the order in which they were applied.
    pub codings: Vec<Vec<u8>>,
    /// The media type, in small letters, without parameters.
    pub media_type: Vec<u8>,
    /// The compression of gRPC messages.
    pub grpc_encoding: Vec<u8>,
}

/// More codings than this are nobody's.
const MOST_CODINGS: usize = 4;

impl Described {
    /// Takes in a header field.
    pub(super) fn header(&mut self, name: &[u8], value: &[u8]) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("content-encoding") {
            self.codings
                .extend(value.split(|b| *b == b',').map(|one| one.trim_ascii().to_ascii_lowercase()).filter(|one| one != b"identity"));
        } else if is("content-type") {
            self.media_type = value.split(|b| *b == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
        } else if is("grpc-encoding") {
            self.grpc_encoding = value.trim_ascii().to_ascii_lowercase();
        }
    }
}

/// A body that comes in pieces.
#[derive(Debug)]
pub(super) struct Body {
    codings: Vec<Vec<u8>>,
    unpack: Vec<Unpack>,
    content: Content,
    is_damaged: bool,
    /// Octets that came.
    pub(super) taken: u64,
}

#[derive(Debug)]
enum Content {
    Leaf(Leaf),
    Grpc(Box<Grpc>),
}

impl Body {
    /// The beginning of a body.
    pub(super) fn new(described: &Described) -> Body {
        let media = described.media_type.as_slice();
        let content = if media.starts_with(b"application/grpc") && !media.starts_with(b"application/grpc-web-text") {
            Content::Grpc(Box::new(Grpc::new(&described.grpc_encoding)))
        } else {
            let is_protobuf =
                [&b"protobuf"[..], b"x-protobuf", b"x-google-protobuf", b"vnd.google.protobuf"].iter().any(|kind| media.ends_with(kind));
            Content::Leaf(if is_protobuf { Leaf::of_protobuf() } else { Leaf::default() })
        };
        let codings = described.codings.iter().take(MOST_CODINGS).cloned().collect();
        Body { codings, unpack: Vec::new(), content, is_damaged: false, taken: 0 }
    }

    /// More of it.
    pub(super) fn push(&mut self, up: &Chain<'_>, window: &Window<'_>, eye: &mut Eye) {
        if window.bytes.is_empty() {
            return;
        }
        if self.taken == 0 {
            // The last coding applied is the first to undo.
            for coding in self.codings.iter().rev() {
                match Format::of_coding(coding) {
                    Some(format) => self.unpack.push(Unpack::new(format)),
                    None => break,
                }
            }
            if self.unpack.len() < self.codings.len() {
                // A coding that is not known: what it hides is looked at as it is, and will be opaque.
                self.unpack.clear();
            }
        }
        self.taken = self.taken.saturating_add(window.bytes.len() as u64);
        if self.is_damaged {
            return;
        }
        let Body { unpack, content, is_damaged, .. } = self;
        if unpack.is_empty() {
            content.push(up, window, eye);
            return;
        }
        undo(up, unpack, window.bytes, window, content, is_damaged, eye);
    }

    /// It ends, or is cut off.
    pub(super) fn end(&mut self, up: &Chain<'_>, dir: Dir, is_whole: bool, eye: &mut Eye) {
        let formats: Vec<Format> = self.unpack.iter().map(Unpack::format).collect();
        let is_complete = self.unpack.iter().all(|unpack| matches!(unpack.state(), State::Ended(_)));
        within(up, &formats, eye, &mut |chain, eye| self.content.end(chain, dir, is_whole && is_complete, eye));
    }
}

/// Runs `then` with the chain that the codings make.
fn within(up: &Chain<'_>, formats: &[Format], eye: &mut Eye, then: &mut dyn FnMut(&Chain<'_>, &mut Eye)) {
    match formats.split_first() {
        Some((first, rest)) => within(&up.then(Layer::Undone(first.name())), rest, eye, then),
        None => then(up, eye),
    }
}

fn undo(
    up: &Chain<'_>,
    unpack: &mut [Unpack],
    bytes: &[u8],
    origin: &Window<'_>,
    content: &mut Content,
    is_damaged: &mut bool,
    eye: &mut Eye,
) {
    let Some((first, rest)) = unpack.split_first_mut() else {
        content.push_derived(up, bytes, origin, eye);
        return;
    };
    let inside = up.then(Layer::Undone(first.format().name()));
    let state = first.push(bytes, &mut |piece| {
        undo(&inside, rest, piece, origin, content, is_damaged, eye);
        !*is_damaged
    });
    match state {
        State::Damaged => eye.cut(Cut::Compression, origin),
        State::Bomb => eye.cut(Cut::Bomb, origin),
        State::Open | State::Ended(_) => return,
    }
    *is_damaged = true;
}

impl Content {
    fn push(&mut self, up: &Chain<'_>, window: &Window<'_>, eye: &mut Eye) {
        match self {
            Content::Leaf(leaf) => leaf.push(up, window, eye),
            Content::Grpc(grpc) => grpc.push(up, window, eye),
        }
    }

    fn push_derived(&mut self, up: &Chain<'_>, bytes: &[u8], origin: &Window<'_>, eye: &mut Eye) {
        match self {
            Content::Leaf(leaf) => leaf.push_derived(up, bytes, origin, eye),
            Content::Grpc(grpc) => {
                let mut made = Stitched::new();
                made.push_derived(bytes, origin);
                if let Some(window) = made.window(origin.dir) {
                    grpc.push(up, &window, eye);
                }
            }
        }
    }

    fn end(&mut self, up: &Chain<'_>, dir: Dir, is_whole: bool, eye: &mut Eye) {
        match self {
            Content::Leaf(leaf) => leaf.end(up, dir, is_whole, eye),
            Content::Grpc(grpc) => grpc.end(up, dir, is_whole, eye),
        }
    }
}
