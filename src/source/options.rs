//! What pcapng blocks say beside packets (draft-ietf-opsawg-pcapng §3.5, §4.5, §4.7): options, names, secrets; PCAPdroid's apps.
//!
//! All of it is kept up to a bound, and what is left out is counted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zeroize::Zeroizing;

use super::{Capture, Secrets};
use crate::base::WireStr;

/// Octets of comments kept in all, and of one.
const MOST_COMMENTS: usize = 256 << 10;
const MOST_COMMENT: usize = 4 << 10;
/// Names kept.
const MOST_NAMES: usize = 1 << 16;
/// Octets of secrets kept, and how many pieces of them.
const MOST_SECRETS: usize = 16 << 20;
const MOST_SECRET_BLOCKS: usize = 1 << 16;
/// Apps kept.
const MOST_APPS: usize = 1 << 12;

/// The byte order of a section.
#[derive(Clone, Copy)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    /// By the byte-order magic of a section.
    pub(super) fn of(magic: [u8; 4]) -> Option<Order> {
        match magic {
            [0x4d, 0x3c, 0x2b, 0x1a] => Some(Order::Little),
            [0x1a, 0x2b, 0x3c, 0x4d] => Some(Order::Big),
            _ => None,
        }
    }

    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Order::Little => u16::from_le_bytes(bytes),
            Order::Big => u16::from_be_bytes(bytes),
        }
    }

    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Order::Little => u32::from_le_bytes(bytes),
            Order::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(super) fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Order::Little => u64::from_le_bytes(bytes),
            Order::Big => u64::from_be_bytes(bytes),
        }
    }

    pub(super) fn i64(self, bytes: [u8; 8]) -> i64 {
        match self {
            Order::Little => i64::from_le_bytes(bytes),
            Order::Big => i64::from_be_bytes(bytes),
        }
    }
}

/// Calls `f` with code and value of each option.
pub(super) fn each(order: Order, mut bytes: &[u8], mut f: impl FnMut(u16, &[u8])) -> Result<(), String> {
    while let Some((code, value, rest)) = tlv(order, bytes, "an option")? {
        if code == 0 {
            break;
        }
        f(code, value);
        bytes = rest;
    }
    Ok(())
}

/// Type, value and what follows the padding.
type Tlv<'a> = (u16, &'a [u8], &'a [u8]);

/// The next option or record; `None` at the end.
fn tlv<'a>(order: Order, bytes: &'a [u8], what: &str) -> Result<Option<Tlv<'a>>, String> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let (&[c0, c1, l0, l1], rest) = bytes.split_first_chunk::<4>().ok_or_else(|| format!("{what} ends inside its header"))?;
    let len = usize::from(order.u16([l0, l1]));
    match (rest.get(..len), rest.get((len + 3) & !3..)) {
        (Some(value), Some(after)) => Ok(Some((order.u16([c0, c1]), value, after))),
        _ => Err(format!("{what} of {len} octets does not fit in its block")),
    }
}

/// Keeps what is not a packet, up to bounds.
#[derive(Default)]
pub(super) struct Keeper {
    comments: usize,
    secrets: usize,
    /// The uids of the apps, ascending.
    uids: Vec<u32>,
}

impl Keeper {
    /// Keeps `key: value`.
    pub(super) fn comment(&mut self, key: &str, value: &[u8], capture: &mut Capture) {
        let kept = value.get(..value.len().min(MOST_COMMENT)).unwrap_or_default();
        // The size of an entry counts, too, so that empty comments have a bound.
        let cost = kept.len() + 64;
        if self.comments + cost > MOST_COMMENTS {
            capture.left_out = capture.left_out.saturating_add(1);
            return;
        }
        self.comments += cost;
        capture.comments.push(WireStr::new(&[key.as_bytes(), b": ", kept].concat()));
    }

    /// Name Resolution Block (§4.5).
    pub(super) fn names(&mut self, order: Order, mut body: &[u8], capture: &mut Capture) -> Result<(), String> {
        while let Some((kind, value, rest)) = tlv(order, body, "a name record")? {
            body = rest;
            let (address, names) = match kind {
                0 => break,
                1 => {
                    let (address, names) = value.split_first_chunk::<4>().ok_or("a name record is too short")?;
                    (IpAddr::from(Ipv4Addr::from(*address)), names)
                }
                2 => {
                    let (address, names) = value.split_first_chunk::<16>().ok_or("a name record is too short")?;
                    (IpAddr::from(Ipv6Addr::from(*address)), names)
                }
                _ => continue,
            };
            for name in names.split(|&b| b == 0).filter(|name| !name.is_empty()) {
                if capture.names.len() < MOST_NAMES {
                    capture.names.push((address, WireStr::new(name.get(..name.len().min(255)).unwrap_or_default())));
                } else {
                    capture.left_out = capture.left_out.saturating_add(1);
                }
            }
        }
        Ok(())
    }

    /// Decryption Secrets Block (§4.7).
    pub(super) fn secrets(&mut self, order: Order, body: &[u8], capture: &mut Capture) -> Result<(), String> {
        let Some((&[k0, k1, k2, k3, l0, l1, l2, l3], rest)) = body.split_first_chunk::<8>() else {
            return Err("a secrets block is too short".to_owned());
        };
        let content = rest.get(..order.u32([l0, l1, l2, l3]) as usize).ok_or("the secrets do not fit in their block")?;
        if self.secrets + content.len() > MOST_SECRETS || capture.secrets.len() >= MOST_SECRET_BLOCKS {
            capture.left_out = capture.left_out.saturating_add(1);
            return Ok(());
        }
        self.secrets += content.len();
        capture.secrets.push(Secrets { kind: order.u32([k0, k1, k2, k3]), content: Zeroizing::new(content.to_vec()) });
        Ok(())
    }

    /// PCAPdroid's custom block, version 1, type 1: a uid, and the package and the name of its app. The first one of a uid counts.
    pub(super) fn pcapdroid(&mut self, order: Order, content: &[u8], capture: &mut Capture) {
        let Some((&[v0, v1, kind, _, u0, u1, u2, u3, package_len, app_len], rest)) = content.split_first_chunk::<10>() else { return };
        if order.u16([v0, v1]) != 1 || kind != 1 {
            return;
        }
        let Some((package, rest)) = rest.split_at_checked(usize::from(package_len)) else { return };
        let Some(app) = rest.get(..usize::from(app_len)) else { return };
        let uid = order.u32([u0, u1, u2, u3]);
        let Err(place) = self.uids.binary_search(&uid) else { return };
        if self.uids.len() >= MOST_APPS {
            capture.left_out = capture.left_out.saturating_add(1);
            return;
        }
        self.uids.insert(place, uid);
        capture.apps.push((uid, WireStr::new(if app.is_empty() { package } else { app })));
        capture.packages.push((uid, WireStr::new(package)));
    }

    /// The uid in a packet's comment, `u-10123`, when an app with this uid was named before.
    pub(super) fn uid(&self, comment: &[u8]) -> Option<u32> {
        if self.uids.is_empty() {
            return None;
        }
        let digits = std::str::from_utf8(comment.strip_prefix(b"u-")?).ok()?;
        // Written as a signed number: -1 is "unknown".
        let uid = digits.parse::<u32>().ok().or_else(|| digits.parse::<i32>().ok().map(i32::cast_unsigned))?;
        self.uids.binary_search(&uid).ok().map(|_| uid)
    }
}
