//! JA3 and JA3S: the MD5 of a hello's numbers (github.com/salesforce/ja3).

use std::fmt::Write as _;

use md5::{Digest as _, Md5 as Hasher};

use super::hello::{ClientHello, Codes, ServerHello};
use crate::base::{ExtensionType, Md5, Reader};

/// `version,ciphers,extensions,groups,point formats`, GREASE left out.
pub(super) fn client(hello: &ClientHello<'_>) -> Md5 {
    let mut text = String::with_capacity(512);
    number(&mut text, hello.version);
    text.push(',');
    dashed(&mut text, hello.ciphers.plain());
    text.push(',');
    dashed(&mut text, hello.extensions.iter().filter(|(kind, _)| !kind.is_grease()).map(|(kind, _)| kind.0));
    text.push(',');
    dashed(&mut text, hello.groups().unwrap_or(Codes(&[])).plain());
    text.push(',');
    let formats = hello.extensions.get(ExtensionType::EC_POINT_FORMATS).and_then(|data| Reader::new(data).vec8().ok());
    dashed(&mut text, formats.unwrap_or_default().iter().map(|&format| u16::from(format)));
    Hasher::digest(text.as_bytes()).into()
}

/// `version,cipher,extensions`, the version being the one of the old field.
pub(super) fn server(hello: &ServerHello<'_>) -> Md5 {
    let mut text = String::with_capacity(64);
    number(&mut text, hello.legacy_version.0);
    text.push(',');
    number(&mut text, hello.cipher.0);
    text.push(',');
    dashed(&mut text, hello.extensions.iter().map(|(kind, _)| kind.0));
    Hasher::digest(text.as_bytes()).into()
}

fn dashed(text: &mut String, numbers: impl Iterator<Item = u16>) {
    for (i, n) in numbers.enumerate() {
        if i > 0 {
            text.push('-');
        }
        number(text, n);
    }
}

fn number(text: &mut String, n: u16) {
    // Writing to a String cannot fail.
    let _ = text.write_str(itoa::Buffer::new().format(n));
}
