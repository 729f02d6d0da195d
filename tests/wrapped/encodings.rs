//! Encodings, nested at random.

use std::io::Write as _;

use super::Random;

/// The phrase in up to four encodings, and their names from the outside in.
pub fn wrap(phrase: &str, random: &mut Random) -> (Vec<u8>, Vec<String>) {
    let mut content = match random.below(4) {
        0 => phrase.as_bytes().to_vec(),
        1 => format!("so, the phrase is {phrase}, and now you know").into_bytes(),
        2 => format!("{{\"room\":7,\"text\":\"{phrase}\"}}").into_bytes(),
        _ => format!("<message to='bob'><body>{phrase}</body></message>").into_bytes(),
    };
    let mut names = Vec::new();
    for _ in 0..random.below(5) {
        let (name, wrapped) = once(&content, random);
        names.insert(0, name.to_owned());
        content = wrapped;
    }
    (content, names)
}

fn once(content: &[u8], random: &mut Random) -> (&'static str, Vec<u8>) {
    let text = std::str::from_utf8(content).ok();
    loop {
        return match (random.below(22), text) {
            (0, _) => ("gzip", gzip(content)),
            (1, _) => ("zlib", zlib(content)),
            (2, _) => ("deflate", deflate(content)),
            (3, _) => ("br", brotli(content)),
            (4, _) => ("zstd", zstd(content)),
            (5, _) => ("base64", base64(content, random.chance(2)).into_bytes()),
            (6, _) => {
                // Something stands before it, so that it begins at any alignment.
                let before = &b"xyz"[..random.below(4)];
                ("base64 of more", format!("v={};", base64(&[before, content].concat(), random.chance(2))).into_bytes())
            }
            (7, _) => ("base64 in lines", base64(content, false).as_bytes().chunks(76).flat_map(|line| [line, b"\r\n"].concat()).collect()),
            (8, _) => {
                let upper = random.chance(2);
                let digits = |b: &u8| if upper { format!("{b:02X}") } else { format!("{b:02x}") };
                ("hex", content.iter().map(digits).collect::<String>().into_bytes())
            }
            (9, _) => {
                let all = random.chance(2);
                let one = |b: &u8| if b.is_ascii_alphanumeric() && !all { (*b as char).to_string() } else { format!("%{b:02X}") };
                ("percent", content.iter().map(one).collect::<String>().into_bytes())
            }
            (10, Some(text)) => ("JSON", format!("{{\"a\":1,\"b\":[true,{}]}}", json(text, random.chance(2))).into_bytes()),
            (11, Some(text)) => {
                let one = |c: char| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("&#{};", c as u32) };
                ("entities", format!("<p>{}</p>", text.chars().map(one).collect::<String>()).into_bytes())
            }
            (12, Some(text)) => ("all entities", text.chars().map(|c| format!("&#x{:x};", c as u32)).collect::<String>().into_bytes()),
            (13, _) => ("quoted-printable", quoted_printable(content)),
            (14, Some(text)) => ("UTF-16LE", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            (15, Some(text)) => ("UTF-16BE", text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            (16, _) => {
                let head = b"--b0undary\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n";
                ("multipart", [&head[..], content, b"\r\n--b0undary--\r\n"].concat())
            }
            (17, _) => ("protobuf", protobuf(content)),
            (18, _) => ("octets", format!("{{\"data\":{content:?}}}").into_bytes()),
            (19, Some(text)) => ("form", format!("a=1&text={}&c=2", form(text)).into_bytes()),
            (20, Some(text)) => ("event", format!("event: message\ndata: {}\n\n", json(text, false)).into_bytes()),
            (21, Some(text)) => ("socket.io", format!("42[\"message\",{}]", json(text, false)).into_bytes()),
            _ => continue,
        };
    }
}

pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub fn zlib(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub fn brotli(content: &[u8]) -> Vec<u8> {
    let params = brotli::enc::BrotliEncoderParams { quality: 5, ..Default::default() };
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut &*content, &mut out, &params).unwrap();
    out
}

pub fn zstd(content: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(content, ruzstd::encoding::CompressionLevel::Fastest)
}

pub fn base64(bytes: &[u8], url: bool) -> String {
    let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(if url { ['-', '_'] } else { ['+', '/'] }).collect();
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let n = group.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        out.extend((0..=group.len()).map(|i| alphabet[(n >> (18 - 6 * i) & 63) as usize]));
        if !url {
            out.extend(std::iter::repeat_n('=', 3 - group.len()));
        }
    }
    out
}

/// A string of JSON; with `\u` for every character when asked to.
fn json(text: &str, all: bool) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if all || c.is_control() => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
            c => out.push(c),
        }
    }
    out + "\""
}

fn form(text: &str) -> String {
    let one = |b: u8| match b {
        b' ' => "+".to_owned(),
        b if b.is_ascii_alphanumeric() => (b as char).to_string(),
        b => format!("%{b:02x}"),
    };
    text.bytes().map(one).collect()
}

fn quoted_printable(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, b) in content.iter().enumerate() {
        if i % 30 == 29 {
            out.extend(b"=\r\n");
        }
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(*b),
            b => out.extend(format!("={b:02X}").bytes()),
        }
    }
    out
}

fn varint(mut n: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
    out
}

/// A message with the content in a message in it.
pub fn protobuf(content: &[u8]) -> Vec<u8> {
    let inner = [&[0x0a][..], b"\x05alice", &[0x10, 7, 0x1a], &varint(content.len()), content].concat();
    [&[0x08, 0x96, 0x01, 0x12][..], &varint(inner.len()), &inner].concat()
}
