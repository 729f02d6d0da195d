//! Packets of a capture as a capture of their own: pcapng with the sections' and interfaces' own words kept, and what is to be said of a
//! packet as its comment. Secrets go along only when asked for; names, statistics and custom blocks do not.

use super::Capture;
use super::blocks::{Block, COMMENT, END, INTERFACE, SECRETS, SECTION_HEADER, option, packet, pad};
use crate::base::Frame;

/// Octets of a comment that are kept: readers need not take more of an option than 65535.
const MOST_COMMENT: usize = 16_000;

/// Writes one section per capture.
#[derive(Clone, Copy, Debug)]
pub struct Excerpt<'a> {
    /// The capture the packets are from, read to its end.
    pub capture: &'a Capture,
    /// Whether its keys go along.
    pub secrets: bool,
}

impl Excerpt<'_> {
    /// Section Header Block (§4.1), Interface Description Blocks (§4.2) and, when asked for, Decryption Secrets Blocks (§4.7). `notes` become
    /// comments of the section, before those that the capture brought along.
    pub fn begin(&self, out: &mut Vec<u8>, notes: &[String]) {
        let block = Block::begin(out, SECTION_HEADER);
        out.extend_from_slice(&0x1a2b_3c4d_u32.to_le_bytes());
        out.extend_from_slice(&[1, 0, 0, 0]);
        // The length of the section is not known.
        out.extend_from_slice(&[0xff; 8]);
        option(out, 4, concat!("intransit ", env!("CARGO_PKG_VERSION")).as_bytes());
        for note in notes {
            option(out, COMMENT, cut(note).as_bytes());
        }
        // Hardware and system may be said once; of several sections, the first one's are the section's own.
        let (mut hardware, mut system) = (false, false);
        for said in &self.capture.comments {
            let said = said.to_string();
            let (code, value) = match said.split_once(": ") {
                Some(("hardware", value)) if !std::mem::replace(&mut hardware, true) => (2, value),
                Some(("os", value)) if !std::mem::replace(&mut system, true) => (3, value),
                _ => (COMMENT, said.as_str()),
            };
            option(out, code, cut(value).as_bytes());
        }
        option(out, END, &[]);
        block.end(out);
        for interface in &self.capture.interfaces {
            let block = Block::begin(out, INTERFACE);
            out.extend_from_slice(&interface.link.0.to_le_bytes());
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&interface.snaplen.to_le_bytes());
            if let Some(name) = &interface.name {
                option(out, 2, cut(&name.to_string()).as_bytes());
            }
            // Nanoseconds.
            option(out, 9, &[9]);
            option(out, END, &[]);
            block.end(out);
        }
        for secrets in self.capture.secrets.iter().filter(|_| self.secrets) {
            let block = Block::begin(out, SECRETS);
            out.extend_from_slice(&secrets.kind.to_le_bytes());
            out.extend_from_slice(&u32::try_from(secrets.content.len()).unwrap_or(u32::MAX).to_le_bytes());
            out.extend_from_slice(&secrets.content);
            pad(out);
            block.end(out);
        }
    }

    /// A packet of the capture with its comment.
    pub fn packet(&self, out: &mut Vec<u8>, frame: &Frame<'_>, comment: &str) {
        packet(out, frame, frame.interface, Some(cut(comment)));
    }
}

/// The beginning of a text, cut between characters.
fn cut(text: &str) -> &str {
    let end = (0..=MOST_COMMENT.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}
