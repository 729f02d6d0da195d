//! The CRYPTO stream of one side (RFC 9000 §7.5, §19.6): bytes by offset in, whole handshake messages out.

use crate::base::{Evidence, Facts, What, Window};
use crate::flow::Assembler;

/// The most octets of handshake that one side may have in Initial packets: a hello is far smaller.
const MOST: u64 = 64 * 1024;
/// The type and length before each handshake message (RFC 8446 §4).
const MESSAGE_HEADER: usize = 4;

/// What one side said in CRYPTO frames.
#[derive(Debug, Default)]
pub(super) struct CryptoStream {
    bytes: Assembler,
    /// Bytes were dropped, or were no handshake: nothing more is read.
    broken: bool,
}

impl CryptoStream {
    /// Puts the bytes of a CRYPTO frame in their place: what came first stays. Whole messages are handed to `take`.
    pub fn insert(&mut self, offset: u64, window: &Window<'_>, facts: &mut Facts, take: &mut dyn FnMut(&Window<'_>, &mut Facts)) {
        if self.broken {
            return;
        }
        if offset.saturating_add(window.bytes.len() as u64) > MOST {
            return self.overflow(window, facts);
        }
        let mut endless = None;
        let inserted = self.bytes.insert(offset, window, &mut |front| {
            let mut taken = 0;
            while let Some(message) = whole_message(&front.from(taken), &mut endless) {
                take(&message, facts);
                taken += message.bytes.len();
            }
            taken
        });
        if let Some(header) = endless {
            facts.observe(What::Malformed("a QUIC handshake message claims to be longer than any hello".into()), header);
            self.broken = true;
        }
        if let Some(conflict) = inserted.conflict {
            facts.observe(What::Malformed("QUIC CRYPTO frames differ where they overlap; the first was read".into()), conflict.evidence);
        }
        if inserted.overflow {
            self.overflow(window, facts);
        }
    }

    fn overflow(&mut self, window: &Window<'_>, facts: &mut Facts) {
        facts.observe(What::Overflow("quic.crypto"), window.all());
        self.broken = true;
    }
}

/// The first message of a window when all of it is there. One that claims more than any stream may hold is `endless`.
fn whole_message<'a>(front: &Window<'a>, endless: &mut Option<Evidence>) -> Option<Window<'a>> {
    let &[_, high, middle, low] = front.bytes.first_chunk::<MESSAGE_HEADER>()?;
    let len = u32::from_be_bytes([0, high, middle, low]);
    if u64::from(len) > MOST {
        *endless = Some(front.evidence(0..MESSAGE_HEADER));
    }
    front.slice(0..MESSAGE_HEADER.saturating_add(usize::try_from(len).ok()?))
}
