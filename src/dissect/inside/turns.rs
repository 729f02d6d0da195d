//! Dialogues in text: SMTP, IMAP, POP3, IRC, XMPP and whatever else talks in turns. What one side says until the other speaks is looked at
//! as a whole; a message of mail is one turn.

use crate::base::{Dir, Sides, Window};

use super::chain::{Chain, Layer};
use super::eye::Eye;
use super::leaf::Leaf;

/// How much of a turn is looked at again with the next turn of the same side: a phrase may be typed in pieces.
const KEPT: usize = 1024;

/// Both directions of a dialogue.
#[derive(Debug, Default)]
pub(super) struct Turns {
    sides: Sides<Leaf>,
    last: Option<Dir>,
    name: Option<&'static str>,
}

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
        if self.last.is_some_and(|last| last != window.dir) {
            self.turn(up, window.dir.other(), eye);
        }
        self.last = Some(window.dir);
        let name = self.name;
        let leaf = self.sides.of_mut(window.dir);
        with_name(up, name, |chain| leaf.push(chain, window, eye));
    }

    fn turn(&mut self, up: &Chain<'_>, dir: Dir, eye: &mut Eye) {
        let leaf = self.sides.of_mut(dir);
        with_name(up, self.name, |chain| leaf.pause(chain, dir, KEPT, eye));
    }

    /// The connection is over, or something else begins.
    pub(super) fn close(&mut self, up: &Chain<'_>, eye: &mut Eye) {
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
