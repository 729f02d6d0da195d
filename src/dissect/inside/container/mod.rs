//! Containers of end-to-end encryption, recognised by their label *and* their structure. A sign, never proof: nothing here is opened,
//! and nothing shows who holds the keys.
//!
//! What a container holds is still searched as it is: text labelled as encrypted that is merely base64 is found.

mod matrix;
mod mls;
mod openpgp;
mod signal;

use std::ops::Range;

pub(super) use matrix::{Json, Verdict, is_id as is_matrix_id, is_key_name};

use super::found::Container;
use super::token;

/// A part of a text that is a container, or key material of one.
#[derive(Clone, Debug)]
pub(super) struct Region {
    /// Where it stands.
    pub span: Range<usize>,
    /// Which container; `None` for key material and signatures.
    pub container: Option<Container>,
    /// Octets of it.
    pub octets: u64,
    /// What it holds in clear after all, and how that was undone.
    pub content: Option<(&'static str, Vec<u8>)>,
}

/// Bytes that are a container as a whole.
#[derive(Clone, Debug)]
pub(super) enum Binary {
    /// Sealed.
    Sealed(Container),
    /// Not sealed after all: how it was undone, and the content.
    Open(&'static str, Vec<u8>),
}

/// The container that bytes are.
pub(super) fn binary(bytes: &[u8]) -> Option<Binary> {
    if signal::is_message(bytes) {
        return Some(Binary::Sealed(Container::Signal));
    }
    if mls::is_private(bytes) {
        return Some(Binary::Sealed(Container::Mls));
    }
    if openpgp::is_encrypted(bytes) {
        return Some(Binary::Sealed(Container::OpenPgp));
    }
    match openpgp::read(bytes)? {
        openpgp::Message::Open(name, content) => Some(Binary::Open(name, content)),
        openpgp::Message::Encrypted | openpgp::Message::Other => None,
    }
}

/// How many regions of one text are looked for.
const MOST_REGIONS: usize = 256;

/// The containers and key material in a text.
pub(super) fn regions(text: &[u8]) -> Vec<Region> {
    let mut found = Vec::new();
    if memchr::memchr(b'<', text).is_some() {
        for (namespace, elements) in NAMESPACES {
            elements_of(text, namespace.as_bytes(), elements, &mut found);
        }
    }
    if memchr::memmem::find(text, b"-----BEGIN ").is_some() {
        armour(text, &mut found);
    }
    found
}

/// The local name of an element, and the container that it is.
type Element = (&'static str, Option<Container>);

/// XML namespaces (XEP-0384 in both versions, XEP-0373), and their elements: with the container, or key material.
const NAMESPACES: [(&str, &[Element]); 3] = [
    ("eu.siacs.conversations.axolotl", &[("encrypted", Some(Container::Omemo)), ("bundle", None)]),
    ("urn:xmpp:omemo:2", &[("encrypted", Some(Container::Omemo)), ("bundle", None)]),
    ("urn:xmpp:openpgp:0", &[("openpgp", Some(Container::OpenPgp)), ("pubkey", None)]),
];

/// Elements that declare `namespace` themselves, from tag to tag.
fn elements_of(text: &[u8], namespace: &[u8], elements: &[Element], found: &mut Vec<Region>) {
    for at in memchr::memmem::find_iter(text, namespace).take(MOST_REGIONS) {
        let Some(start) = text.get(..at).and_then(|before| memchr::memrchr(b'<', before)) else { continue };
        let tag = text.get(start + 1..at).unwrap_or_default();
        let name = tag.get(..tag.iter().position(u8::is_ascii_whitespace).unwrap_or(tag.len())).unwrap_or_default();
        let local = name.get(memchr::memchr(b':', name).map_or(0, |i| i + 1)..).unwrap_or_default();
        let Some((_, container)) = elements.iter().find(|(element, _)| element.as_bytes() == local) else { continue };
        let closing = [b"</", name, b">"].concat();
        let Some(end) = text.get(at..).and_then(|rest| memchr::memmem::find(rest, &closing)).map(|i| at + i + closing.len()) else {
            continue;
        };
        let span = start..end;
        let inside = text.get(span.clone()).unwrap_or_default();
        // Label and structure: the payload, or at least keys for the devices.
        let octets: usize =
            inside.split(|b| *b == b'<').filter_map(|part| Some(part.len() - memchr::memchr(b'>', part)? - 1)).sum::<usize>() * 3 / 4;
        match container {
            Some(Container::OpenPgp) => {
                let message = token::tokens(inside, MOST_REGIONS).into_iter().max_by_key(|t| t.chars.len());
                match message.and_then(|t| openpgp::read(&token::base64(&t.chars, 0))) {
                    Some(openpgp::Message::Encrypted) => {
                        found.push(Region { span, container: *container, octets: octets as u64, content: None });
                    }
                    Some(openpgp::Message::Open(name, content)) => {
                        found.push(Region { span, container: None, octets: 0, content: Some((name, content)) });
                    }
                    _ => {}
                }
            }
            Some(_) => {
                if memchr::memmem::find(inside, b"<payload").is_some() || memchr::memmem::find(inside, b"<key").is_some() {
                    found.push(Region { span, container: *container, octets: octets as u64, content: None });
                }
            }
            None => found.push(Region { span, container: None, octets: 0, content: None }),
        }
    }
}

/// ASCII armour (RFC 9580 §6.2, RFC 7468).
fn armour(text: &[u8], found: &mut Vec<Region>) {
    for start in memchr::memmem::find_iter(text, b"-----BEGIN ").take(MOST_REGIONS) {
        let rest = text.get(start..).unwrap_or_default();
        let Some(head) = memchr::memchr(b'\n', rest) else { continue };
        let Some(end) = memchr::memmem::find(rest, b"-----END ") else { continue };
        let line = rest.get(..head).unwrap_or_default();
        let stop = rest.get(end..).and_then(|tail| memchr::memmem::find(tail.get(5..)?, b"-----")).map_or(rest.len(), |i| end + i + 10);
        let span = start..start + stop;
        let is = |name: &[u8]| memchr::memmem::find(line, name).is_some();
        if is(b"PGP MESSAGE") {
            // Armour header lines end with an empty line; the checksum begins with `=`.
            let body: Vec<u8> = rest
                .get(head + 1..end)
                .unwrap_or_default()
                .split(|b| *b == b'\n')
                .map(<[u8]>::trim_ascii)
                .filter(|line| !line.starts_with(b"=") && memchr::memchr(b':', line).is_none())
                .flat_map(|line| line.iter().copied().filter(|b| *b != b'='))
                .collect();
            match openpgp::read(&token::base64(&body, 0)) {
                Some(openpgp::Message::Encrypted) => {
                    found.push(Region { span, container: Some(Container::OpenPgp), octets: (body.len() * 3 / 4) as u64, content: None })
                }
                Some(openpgp::Message::Open(name, content)) => {
                    found.push(Region { span, container: None, octets: 0, content: Some((name, content)) });
                }
                _ => {}
            }
        } else if is(b"PUBLIC KEY") || is(b"PGP SIGNATURE") || is(b"CERTIFICATE") {
            found.push(Region { span, container: None, octets: 0, content: None });
        }
    }
}

/// A message of SCRAM (RFC 5802 §7): its nonces, salts and proofs are random by rule.
pub(super) fn is_scram(text: &[u8]) -> bool {
    let has = |part: &[u8]| memchr::memmem::find(text, part).is_some();
    match text {
        [b'n' | b'y', b',', ..] => has(b"n=") && has(b",r="),
        [b'p', b'=', ..] => has(b",n=") && has(b",r="),
        [b'r', b'=', ..] => has(b",s=") && has(b",i="),
        [b'c', b'=', ..] => has(b",r=") && has(b",p="),
        // A signature: the length of a digest.
        [b'v', b'=', signature @ ..] => {
            let digits = signature.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')).count();
            matches!((digits, signature.get(digits..)), (27 | 43, Some(b"=")) | (86, Some(b"==")))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn omemo_is_an_element_with_its_namespace_and_a_payload() {
        let stanza = b"<message><encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'><key rid='2'>QUJDREVGR0hJSktM</key>\
            </header><payload>QUJDREVGR0hJSktMTU5P</payload></encrypted></message>";
        let found = regions(stanza);
        assert_eq!(found.iter().map(|r| (r.container, r.octets)).collect::<Vec<_>>(), [(Some(Container::Omemo), 27)]);
        assert!(regions(b"<encrypted xmlns='eu.siacs.conversations.axolotl'>text</encrypted>").is_empty());
        assert!(regions(b"<body>eu.siacs.conversations.axolotl</body>").is_empty());
    }

    #[test]
    fn armour_around_text_is_no_container() {
        // A literal data packet: "b", no name, date 0, then the text.
        let armoured = b"-----BEGIN PGP MESSAGE-----\n\nywtiAAAAAABoZWxsbw==\n-----END PGP MESSAGE-----\n";
        let found = regions(armoured);
        assert_eq!(found.len(), 1);
        assert!(found.iter().all(|r| r.container.is_none() && r.content.as_ref().is_some_and(|(_, c)| c.ends_with(b"hello"))), "{found:?}");
        assert!(regions(b"-----BEGIN PGP MESSAGE-----\n\nbm90IHBncCBhdCBhbGw=\n-----END PGP MESSAGE-----\n").is_empty());
    }
}
