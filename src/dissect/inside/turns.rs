//! Dialogues in text: SMTP, IMAP, POP3, IRC, XMPP and whatever else talks in turns. What one side says until the other speaks is looked at
//! as a whole; a message of mail is one turn.

use crate::base::{Dir, Sides, Window};

use super::chain::{Chain, Layer};
use super::eye::Eye;
use super::found::Cut;
use super::leaf::Leaf;
use super::unpack::{Format, State, Unpack};

/// How much of a turn is looked at again with the next turn of the same side: a phrase may be typed in pieces.
const KEPT: usize = 1024;

/// Both directions of a dialogue.
#[derive(Debug, Default)]
pub(super) struct Turns {
    sides: Sides<Leaf>,
    last: Option<Dir>,
    name: Option<&'static str>,
    compress: Compress,
    /// The line that each side is in, where that matters.
    lines: Sides<Vec<u8>>,
}

/// IMAP that goes on compressed (RFC 4978).
#[derive(Debug, Default)]
enum Compress {
    /// Nobody asked for it.
    #[default]
    No,
    /// The client asked for it, in a command of this tag.
    Asked(Vec<u8>),
    /// Both directions are raw deflate from here on.
    Deflate(Box<Sides<Unpack>>),
}

/// A line longer than this asks for nothing and agrees to nothing.
const LONGEST_LINE: usize = 256;

impl Turns {
    /// A dialogue of a protocol, where it is known.
    pub(super) fn new(name: Option<&'static str>) -> Turns {
        Turns { name, ..Turns::default() }
    }

    /// The protocol, where it is known.
    pub(super) fn name(&self) -> Option<&'static str> {
        self.name
    }

    /// More of what one side says.
    pub(super) fn push(&mut self, up: &Chain<'_>, window: &Window<'_>, eye: &mut Eye) {
        if self.name == Some("IMAP")
            && let Some(at) = self.compressed_from(window)
        {
            if let Some(plain) = window.slice(0..at) {
                self.text(up, &plain, eye);
            }
            self.close(up, eye);
            let unpack = || Unpack::new(Format::Deflate);
            self.compress = Compress::Deflate(Box::new(Sides { client: unpack(), server: unpack() }));
            let rest = window.from(at);
            if !rest.bytes.is_empty() {
                self.push(up, &rest, eye);
            }
            return;
        }
        let Compress::Deflate(unpack) = &mut self.compress else { return self.text(up, window, eye) };
        let mut unpack = std::mem::replace(unpack.of_mut(window.dir), Unpack::new(Format::Deflate));
        let chain = up.then(Layer::Undone(Format::Deflate.name()));
        self.turn_over(&chain, window.dir, eye);
        let (leaf, name) = (self.sides.of_mut(window.dir), self.name);
        let state = unpack.push(window.bytes, &mut |piece| {
            with_name(&chain, name, |chain| leaf.push_derived(chain, piece, window, eye));
            true
        });
        match state {
            State::Open => {}
            State::Bomb => eye.cut(Cut::Bomb, window),
            State::Damaged | State::Ended(_) => eye.cut(Cut::Compression, window),
        }
        if let Compress::Deflate(all) = &mut self.compress {
            *all.of_mut(window.dir) = unpack;
        }
    }

    /// Where in this the compression begins that both agreed to: behind the line in which the server does.
    fn compressed_from(&mut self, window: &Window<'_>) -> Option<usize> {
        if matches!(self.compress, Compress::Deflate(_)) {
            return None;
        }
        for (at, byte) in window.bytes.iter().enumerate() {
            let line = self.lines.of_mut(window.dir);
            if *byte != b'\n' {
                if line.len() <= LONGEST_LINE {
                    line.push(*byte);
                }
                continue;
            }
            let line = std::mem::take(line);
            let mut words = line.split(|b| b.is_ascii_whitespace()).filter(|word| !word.is_empty());
            let (Some(tag), Some(word), third) = (words.next(), words.next(), words.next()) else { continue };
            let is = |word: &[u8], name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            match (&self.compress, window.dir) {
                (_, Dir::Client) if is(word, "COMPRESS") && third.is_some_and(|third| is(third, "DEFLATE")) => {
                    self.compress = Compress::Asked(tag.to_vec());
                }
                (Compress::Asked(asked), Dir::Server) if asked == tag => match is(word, "OK") {
                    true => return at.checked_add(1),
                    false => self.compress = Compress::No,
                },
                _ => {}
            }
        }
        None
    }

    fn text(&mut self, up: &Chain<'_>, window: &Window<'_>, eye: &mut Eye) {
        self.turn_over(up, window.dir, eye);
        let name = self.name;
        let leaf = self.sides.of_mut(window.dir);
        with_name(up, name, |chain| leaf.push(chain, window, eye));
    }

    /// The other side's turn may be over.
    fn turn_over(&mut self, up: &Chain<'_>, dir: Dir, eye: &mut Eye) {
        if self.last.is_some_and(|last| last != dir) {
            self.turn(up, dir.other(), eye);
        }
        self.last = Some(dir);
    }

    fn turn(&mut self, up: &Chain<'_>, dir: Dir, eye: &mut Eye) {
        let leaf = self.sides.of_mut(dir);
        with_name(up, self.name, |chain| leaf.pause(chain, dir, KEPT, eye));
    }

    /// The connection is over, or something else begins.
    pub(super) fn close(&mut self, up: &Chain<'_>, eye: &mut Eye) {
        let compressed = matches!(self.compress, Compress::Deflate(_)).then(|| up.then(Layer::Undone(Format::Deflate.name())));
        let up = compressed.as_ref().unwrap_or(up);
        for dir in [Dir::Client, Dir::Server] {
            let leaf = self.sides.of_mut(dir);
            with_name(up, self.name, |chain| leaf.end(chain, dir, true, eye));
        }
    }
}

fn with_name(up: &Chain<'_>, name: Option<&'static str>, then: impl FnOnce(&Chain<'_>)) {
    match name {
        Some(name) => then(&up.then(Layer::Text(name))),
        None => then(up),
    }
}
