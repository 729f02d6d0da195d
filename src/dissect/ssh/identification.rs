//! The identification string, which each side sends first (RFC 4253 §4.2).

use crate::dissect::telltale::{Unlike, require, starts};

/// RFC 4253 §4.2: CR and LF included.
const LONGEST: usize = 255;

/// Which protocol versions a side speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    /// Version 1 only.
    One,
    /// Both: `SSH-1.99` (RFC 4253 §5.1).
    Both,
    /// Version 2 only.
    Two,
}

/// `SSH-protoversion-softwareversion SP comments`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identification<'a> {
    pub speaks: Speaks,
    /// All of it, without CR and LF.
    pub text: &'a [u8],
    /// Octets with CR and LF.
    pub taken: usize,
}

/// Reads the identification string at the front of `bytes`.
///
/// # Errors
/// [`Unlike::Short`] when more octets are needed to tell, [`Unlike::Other`] when it is something else.
pub(super) fn read(bytes: &[u8]) -> Result<Identification<'_>, Unlike> {
    starts(bytes, b"SSH-")?;
    let line = bytes.get(..LONGEST.min(bytes.len())).unwrap_or_default();
    let end = memchr::memchr(b'\n', line);
    let text = line.get(..end.unwrap_or(line.len())).unwrap_or_default();
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    require(text.iter().all(|&b| (b' '..=b'~').contains(&b)))?;
    let mut parts = text.get(4..).unwrap_or_default().splitn(2, |&b| b == b'-');
    let (version, software) = (parts.next().unwrap_or_default(), parts.next());
    match (end, software) {
        (Some(end), Some(software)) => {
            require(!software.is_empty())?;
            Ok(Identification { speaks: speaks(version).ok_or(Unlike::Other)?, text, taken: end.saturating_add(1) })
        }
        (None, Some(_)) => require(speaks(version).is_some() && bytes.len() < LONGEST).and(Err(Unlike::Short)),
        (None, None) => require(version.len() <= 4).and(Err(Unlike::Short)),
        (Some(_), None) => Err(Unlike::Other),
    }
}

fn speaks(version: &[u8]) -> Option<Speaks> {
    match version {
        b"2.0" => Some(Speaks::Two),
        b"1.99" => Some(Speaks::Both),
        [b'1', b'.', b'0'..=b'9'] | [b'1', b'.', b'0'..=b'9', b'0'..=b'9'] => Some(Speaks::One),
        _ => None,
    }
}
