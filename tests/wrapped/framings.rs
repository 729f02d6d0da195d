//! Framings, each with content of any kind in it.

use intransit::base::Dir::{Client as C, Server as S};
use intransit::dissect::inside::Medium;

use super::encodings::{brotli, gzip, protobuf, zlib, zstd};
use super::{Random, Turns};

/// A framing with the content in it: how it is carried, its name, and what each side says.
pub fn frame(content: &[u8], random: &mut Random) -> (Medium, &'static str, Turns) {
    let is_text = std::str::from_utf8(content).is_ok_and(|text| !text.contains(['\n', '\r', '\0']));
    loop {
        return match random.below(22) {
            0 if is_text => (Medium::Stream, "line", vec![(C, [content, b"\n"].concat()), (S, b"ok\n".to_vec())]),
            1 => (Medium::Stream, "HTTP/1", http1(content, random)),
            2 => (Medium::Stream, "HTTP/1 chunked", http1_chunked(content, random)),
            3 => (Medium::Stream, "HTTP/2", http2(content, random)),
            4 => (Medium::Stream, "WebSocket", websocket(content, random, false)),
            5 => (Medium::Stream, "WebSocket deflate", websocket(content, random, true)),
            6 => (Medium::Stream, "WebSocket over HTTP/2", websocket_over_http2(content, random)),
            7 => (Medium::Stream, "gRPC", grpc(content, random)),
            8 => (Medium::Stream, "MQTT", vec![(C, mqtt(content)), (S, b"\x20\x02\x00\x00".to_vec())]),
            9 if is_text && !content.contains(&b'<') && !content.contains(&b'&') => (Medium::Stream, "XMPP", xmpp(content)),
            10 if is_text => (Medium::Stream, "SMTP", smtp(content)),
            11 => (Medium::Records, "data channel", data_channel(content, random)),
            12 => (Medium::QuicStream(4), "HTTP/3", vec![(C, http3(content))]),
            13 => (Medium::Datagrams, "datagram", vec![(C, content.to_vec())]),
            14 if content.len() < 2000 => (Medium::Stream, "header", http2_header(content)),
            15 if is_text && !content.contains(&b'<') && !content.contains(&b'&') => (Medium::Stream, "XMPP zlib", xmpp_zlib(content)),
            16 if content.len() < 2000 => (Medium::Stream, "HTTP/2 HPACK table", http2_table(content, random)),
            17 => (Medium::Stream, "MQTT 5", mqtt5(content, random)),
            18 if is_text => (Medium::Stream, "IMAP", imap(content)),
            19 if is_text && content.len() < 400 => (Medium::Stream, "IRC", irc(content)),
            20 => (Medium::Stream, "HTTP/2 coded by the table", http2_coded_by_the_table(content, random)),
            21 if is_text => (Medium::Stream, "IMAP deflate", imap_deflate(content)),
            _ => continue,
        };
    }
}

pub fn coded(content: &[u8], random: &mut Random) -> (&'static str, Vec<u8>) {
    match random.below(6) {
        0 => ("gzip", gzip(content)),
        1 => ("br", brotli(content)),
        2 => ("zstd", zstd(content)),
        3 => ("deflate", zlib(content)),
        4 => ("gzip, br", brotli(&gzip(content))),
        _ => ("identity", content.to_vec()),
    }
}

fn http1(content: &[u8], random: &mut Random) -> Turns {
    let (coding, body) = coded(content, random);
    let head = format!("POST /send HTTP/1.1\r\nHost: a\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", body.len());
    vec![(C, [head.as_bytes(), &body].concat()), (S, b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())]
}

fn http1_chunked(content: &[u8], random: &mut Random) -> Turns {
    let (coding, body) = coded(content, random);
    let head = "POST /send HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n";
    let mut request = format!("{head}Content-Encoding: {coding}\r\n\r\n").into_bytes();
    let mut rest = body.as_slice();
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at((1 + random.below(60)).min(rest.len()));
        request.extend(format!("{:x}\r\n", chunk.len()).bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
        rest = after;
    }
    request.extend(b"0\r\n\r\n");
    vec![(C, request), (S, b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())]
}

pub fn h2(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u32).to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

pub fn fields(list: &[(&str, &[u8])]) -> Vec<u8> {
    let string = |text: &[u8]| {
        let mut out = Vec::new();
        match text.len() {
            n @ 0..127 => out.push(n as u8),
            n => {
                out.push(127);
                let mut left = n - 127;
                while left >= 128 {
                    out.push(left as u8 & 127 | 128);
                    left >>= 7;
                }
                out.push(left as u8);
            }
        }
        out.extend(text);
        out
    };
    list.iter().flat_map(|(name, value)| [vec![0], string(name.as_bytes()), string(value)].concat()).collect()
}

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn preface() -> Vec<u8> {
    [PREFACE, &h2(4, 0, 0, &[])].concat()
}

fn data(stream: u32, body: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let (part, after) = rest.split_at((1 + random.below(200)).min(rest.len()));
        let end = u8::from(after.is_empty());
        if random.chance(3) {
            out.extend(h2(0, end | 8, stream, &[&[4], part, &[0; 4]].concat()));
        } else {
            out.extend(h2(0, end, stream, part));
        }
        rest = after;
    }
    out
}

fn http2(content: &[u8], random: &mut Random) -> Turns {
    let (coding, body) = coded(content, random);
    let block = fields(&[(":method", b"POST"), (":path", b"/send"), ("content-encoding", coding.as_bytes())]);
    let mut client = preface();
    client.extend(h2(1, 4, 1, &block));
    client.extend(data(1, &body, random));
    vec![(C, client), (S, h2(4, 0, 0, &[]))]
}

fn http2_header(content: &[u8]) -> Turns {
    let block = fields(&[(":method", b"GET"), (":path", b"/"), ("x-note", content)]);
    let mut client = preface();
    client.extend(h2(1, 5, 1, &block));
    vec![(C, client)]
}

fn grpc(content: &[u8], random: &mut Random) -> Turns {
    let message = protobuf(content);
    let (flag, body) = if random.chance(2) { (1, gzip(&message)) } else { (0, message) };
    let block = fields(&[(":method", b"POST"), ("content-type", b"application/grpc+proto"), ("grpc-encoding", b"gzip")]);
    let mut client = preface();
    client.extend(h2(1, 4, 1, &block));
    client.extend(data(1, &[&[flag][..], &(body.len() as u32).to_be_bytes(), &body].concat(), random));
    vec![(C, client)]
}

fn ws(opcode: u8, fin: bool, rsv1: bool, payload: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = vec![opcode | u8::from(fin) << 7 | u8::from(rsv1) << 6];
    match payload.len() {
        n @ 0..=125 => out.push(0x80 | n as u8),
        n @ 126..=65535 => out.extend([&[0x80 | 126][..], &(n as u16).to_be_bytes()].concat()),
        n => out.extend([&[0x80 | 127][..], &(n as u64).to_be_bytes()].concat()),
    }
    let mask = (random.draw() as u32).to_be_bytes();
    out.extend(mask);
    out.extend(payload.iter().enumerate().map(|(i, b)| b ^ mask[i % 4]));
    out
}

/// Messages of a WebSocket, the last with the content, in fragments; compressed in one context when asked to.
pub fn messages(content: &[u8], random: &mut Random, deflate: bool) -> Vec<u8> {
    let mut compress = flate2::Compress::new(flate2::Compression::default(), false);
    let mut out = Vec::new();
    for message in [&b"hello, this is the first message"[..], content] {
        let payload = if deflate {
            let mut packed = Vec::with_capacity(message.len() * 2 + 200);
            compress.compress_vec(message, &mut packed, flate2::FlushCompress::Sync).unwrap();
            packed.truncate(packed.len() - 4);
            packed
        } else {
            message.to_vec()
        };
        let opcode = if std::str::from_utf8(message).is_ok() { 1 } else { 2 };
        let (one, two) = payload.split_at(random.below(payload.len() + 1));
        out.extend(ws(opcode, false, deflate, one, random));
        out.extend(ws(9, true, false, b"ping", random));
        out.extend(ws(0, true, false, two, random));
    }
    out
}

fn websocket(content: &[u8], random: &mut Random, deflate: bool) -> Turns {
    let extensions = if deflate { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
    vec![
        (C, b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".to_vec()),
        (S, format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n{extensions}\r\n").into_bytes()),
        (C, messages(content, random, deflate)),
    ]
}

fn websocket_over_http2(content: &[u8], random: &mut Random) -> Turns {
    let mut client = preface();
    client.extend(h2(1, 4, 5, &fields(&[(":method", b"CONNECT"), (":protocol", b"websocket"), (":path", b"/chat")])));
    let mut server = h2(4, 0, 0, &[]);
    server.extend(h2(1, 4, 5, &fields(&[(":status", b"200"), ("sec-websocket-extensions", b"permessage-deflate")])));
    let messages = messages(content, random, true);
    vec![(C, client), (S, server), (C, data(5, &messages, random))]
}

fn mqtt(content: &[u8]) -> Vec<u8> {
    let body = [&b"\x00\x06room/7"[..], content].concat();
    let mut out = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x3c\x00\x05alice\x30".to_vec();
    let mut left = body.len();
    while left >= 128 {
        out.push(left as u8 & 127 | 128);
        left >>= 7;
    }
    out.push(left as u8);
    out.extend(body);
    out
}

fn xmpp(content: &[u8]) -> Turns {
    let open = b"<?xml version='1.0'?><stream:stream to='example.net'>".to_vec();
    vec![(C, open.clone()), (S, open), (C, [b"<message to='b'><body>", content, b"</body></message>"].concat())]
}

/// The same compressed as XEP-0138 has it.
fn xmpp_zlib(content: &[u8]) -> Turns {
    let mut compress = flate2::Compress::new(flate2::Compression::default(), true);
    let mut turns = xmpp(content);
    let says = |text: &[u8]| text.to_vec();
    turns.insert(2, (C, says(b"<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>")));
    turns.insert(3, (S, says(b"<compressed xmlns='http://jabber.org/protocol/compress'/>")));
    for (_, text) in turns.iter_mut().skip(4) {
        let mut packed = Vec::with_capacity(text.len() * 2 + 200);
        compress.compress_vec(text, &mut packed, flate2::FlushCompress::Sync).unwrap();
        *text = packed;
    }
    turns
}

fn smtp(content: &[u8]) -> Turns {
    let mail = [b"From: a@example.net\r\nSubject: tonight\r\n\r\n", content, b"\r\n.\r\n"].concat();
    vec![
        (S, b"220 mail.example.net ESMTP\r\n".to_vec()),
        (C, b"EHLO a\r\n".to_vec()),
        (S, b"250 ok\r\n".to_vec()),
        (C, b"DATA\r\n".to_vec()),
        (S, b"354 go ahead\r\n".to_vec()),
        (C, mail),
        (S, b"250 ok\r\n".to_vec()),
    ]
}

fn data_channel(content: &[u8], random: &mut Random) -> Turns {
    let parts: Vec<&[u8]> = content.chunks(1 + random.below(400)).collect();
    let last = parts.len() - 1;
    let mut turns: Turns = parts
        .iter()
        .enumerate()
        .map(|(i, part)| {
            let flags = u8::from(i == 0) << 1 | u8::from(i == last);
            let mut out = vec![0x13, 0x88, 0x13, 0x88, 0, 0, 0, 1, 0, 0, 0, 0, 0, flags];
            out.extend((16 + part.len() as u16).to_be_bytes());
            out.extend((1000 + i as u32).to_be_bytes());
            out.extend([0, 3, 0, 0, 0, 0, 0, 53]);
            out.extend(*part);
            out.resize(out.len().next_multiple_of(4), 0);
            (C, out)
        })
        .collect();
    // Packets may come in another order.
    for i in (1..turns.len()).rev() {
        turns.swap(i, random.below(i + 1));
    }
    turns
}

fn http3(content: &[u8]) -> Vec<u8> {
    let varint = |n: usize| ((n as u32) | 0x8000_0000).to_be_bytes().to_vec();
    let section = b"\x00\x00\x25:path\x02/a";
    [vec![1], varint(section.len()), section.to_vec(), vec![0], varint(content.len()), content.to_vec()].concat()
}

/// A number of QUIC (RFC 9000 §16).
pub fn varint(n: usize) -> Vec<u8> {
    match n {
        0..64 => vec![n as u8],
        64..16384 => (n as u16 | 0x4000).to_be_bytes().to_vec(),
        _ => (n as u32 | 0x8000_0000).to_be_bytes().to_vec(),
    }
}

/// The lengths of the Huffman codes (RFC 7541 Appendix B), from which the codes follow: the table that the decoder is made of, which has
/// tests of its own by the examples of Appendix C.
#[allow(dead_code, unreachable_pub, clippy::all)]
#[path = "../../src/dissect/inside/huffman.rs"]
mod huffman;

/// Strings are coded with it.
#[derive(Clone, Copy, Debug)]
pub struct Huffman;

/// A string with a prefix of so many bits for its length (RFC 7541 §5.2, RFC 9204 §4.1.2): the bit above them says whether it is coded.
pub fn string(text: &[u8], prefix: u8, first: u8, coded: Option<Huffman>) -> Vec<u8> {
    let coded = coded.map(|Huffman| huffman::encode(text));
    let flag = if coded.is_some() { 1 << prefix } else { 0 };
    let text = coded.as_deref().unwrap_or(text);
    let most = (1usize << prefix) - 1;
    let mut out = Vec::new();
    if text.len() < most {
        out.push(first | flag | text.len() as u8);
    } else {
        out.push(first | flag | most as u8);
        let mut left = text.len() - most;
        while left >= 128 {
            out.push(left as u8 & 127 | 128);
            left >>= 7;
        }
        out.push(left as u8);
    }
    out.extend(text);
    out
}

/// A literal field that goes into the table, or does not (RFC 7541 §6.2).
fn literal(name: &[u8], value: &[u8], kept: bool, random: &mut Random) -> Vec<u8> {
    let huffman = random.chance(2).then_some(Huffman);
    [vec![if kept { 0x40 } else { 0 }], string(name, 7, 0, huffman), string(value, 7, 0, huffman)].concat()
}

/// The content in a field that goes into the table with one request and is named from there in the next; other entries push it back.
fn http2_table(content: &[u8], random: &mut Random) -> Turns {
    // The table may be made smaller and larger again at the beginning of a block (§6.3).
    let mut first = vec![0x20, 0x3f, 0xe1, 0x1f];
    first.extend([0x82, 0x84]);
    first.extend(literal(b"x-note", content, true, random));
    let behind = random.below(3);
    for n in 0..behind {
        first.extend(literal(b"x-other", format!("number {n}").as_bytes(), true, random));
    }
    let second = [0x82, 0x84, 0x80 | (62 + behind as u8)];
    let mut client = preface();
    let (one, two) = first.split_at(random.below(first.len()));
    client.extend(h2(1, 1, 1, one));
    client.extend(h2(9, 4, 1, two));
    client.extend(h2(1, 5, 3, &second));
    vec![(C, client), (S, h2(4, 0, 0, &[]))]
}

/// How the body is coded is said by an entry of the table alone: who loses the table cannot read the body.
fn http2_coded_by_the_table(content: &[u8], random: &mut Random) -> Turns {
    let (coding, body) = coded(content, random);
    let mut first = vec![0x83, 0x84];
    first.extend(literal(b"content-encoding", coding.as_bytes(), true, random));
    let mut client = preface();
    client.extend(h2(1, 5, 1, &first));
    client.extend(h2(1, 4, 3, &[0x83, 0x84, 0xbe]));
    client.extend(data(3, &body, random));
    vec![(C, client), (S, h2(4, 0, 0, &[]))]
}

/// MQTT 5 with properties, one of them a random-looking one, and a topic alias instead of a topic.
fn mqtt5(content: &[u8], random: &mut Random) -> Turns {
    let packet = |first: u8, body: &[u8]| {
        let mut out = vec![first];
        let mut left = body.len();
        while left >= 128 {
            out.push(left as u8 & 127 | 128);
            left >>= 7;
        }
        out.push(left as u8);
        [&out[..], body].concat()
    };
    // Session expiry; then the client's name.
    let connect = packet(0x10, b"\x00\x04MQTT\x05\x02\x00\x3c\x05\x11\x00\x00\x0e\x10\x00\x05alice");
    let acknowledged = random.chance(2);
    let properties = [&b"\x23\x00\x07\x26\x00\x04kind\x00\x04text"[..], &[1, 1]].concat();
    let number: &[u8] = if acknowledged { &[0, 9] } else { &[] };
    let body = [&b"\x00\x06room/7"[..], number, &[properties.len() as u8], &properties, content].concat();
    let publish = packet(if acknowledged { 0x32 } else { 0x30 }, &body);
    vec![(C, connect), (S, b"\x20\x03\x00\x00\x00".to_vec()), (C, publish)]
}

fn imap(content: &[u8]) -> Turns {
    let mail = [b"From: a@example.net\r\nSubject: tonight\r\n\r\n", content, b"\r\n"].concat();
    vec![
        (S, b"* OK [CAPABILITY IMAP4rev1] ready\r\n".to_vec()),
        (C, b"a1 LOGIN alice secret\r\n".to_vec()),
        (S, b"a1 OK done\r\n".to_vec()),
        (C, format!("a2 APPEND Sent {{{}}}\r\n", mail.len()).into_bytes()),
        (S, b"+ go on\r\n".to_vec()),
        (C, [&mail[..], b"\r\n"].concat()),
        (S, b"a2 OK done\r\n".to_vec()),
    ]
}

fn irc(content: &[u8]) -> Turns {
    vec![
        (C, b"NICK alice\r\nUSER alice 0 * :Alice\r\n".to_vec()),
        (S, b":irc.example.net 001 alice :Welcome\r\n".to_vec()),
        (C, [b"JOIN #room\r\nPRIVMSG #room :", content, b"\r\n"].concat()),
        (S, b":irc.example.net PONG x\r\n".to_vec()),
    ]
}

/// The same compressed as RFC 4978 has it.
fn imap_deflate(content: &[u8]) -> Turns {
    let mut contexts = [(); 2].map(|()| flate2::Compress::new(flate2::Compression::default(), false));
    let mut turns = imap(content);
    turns.insert(3, (C, b"c1 COMPRESS DEFLATE\r\n".to_vec()));
    turns.insert(4, (S, b"c1 OK DEFLATE active\r\n".to_vec()));
    for (dir, text) in turns.iter_mut().skip(5) {
        let mut packed = Vec::with_capacity(text.len() * 2 + 200);
        contexts[dir.index()].compress_vec(text, &mut packed, flate2::FlushCompress::Sync).unwrap();
        *text = packed;
    }
    turns
}
