//! Each framing, with the phrase in it.

use super::*;
use crate::dissect::inside::Cut;

fn json() -> String {
    format!("{{\"room\":7,\"messages\":[{{\"a\":1}},{{\"text\":\"hi {PHRASE} there\"}}]}}")
}

const PATH: &str = "JSON $.messages[1].text";

#[test]
fn http_1_requests_and_chunked_responses() {
    let body = json();
    let request =
        format!("POST /send HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}GET /x?q={PHRASE} HTTP/1.1\r\n\r\n", body.len());
    let zipped = gzipped(body.as_bytes());
    let (one, two) = zipped.split_at(20);
    let mut response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n".to_vec();
    for part in [one, two] {
        response.extend(format!("{:x};ext=1\r\n", part.len()).bytes());
        response.extend(part);
        response.extend(b"\r\n");
    }
    response.extend(b"0\r\nTrailer: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(
        chains(&[(C, request.into_bytes()), (S, response)]),
        [
            format!("< [#2] TLS 1.3 › HTTP/1 response 1 › gzip › {PATH}"),
            "> [#1] TLS 1.3 › HTTP/1 request 2 › start line".to_owned(),
            format!("> [#1] TLS 1.3 › HTTP/1 request 1 › {PATH}"),
        ]
        .into_iter()
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
    );
}

#[test]
fn a_websocket_over_http_1_masked_fragmented_and_deflated_with_context_takeover() {
    let upgrade =
        b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".to_vec();
    let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n".to_vec();
    // Both messages in one context: the second refers to the first.
    let mut compress = flate2::Compress::new(flate2::Compression::best(), false);
    let mut message = |text: &str| {
        let mut out = Vec::with_capacity(4096);
        compress.compress_vec(text.as_bytes(), &mut out, flate2::FlushCompress::Sync).unwrap();
        out.truncate(out.len() - 4);
        out
    };
    let (first, second) = (message(&json()), message(&json()));
    assert!(second.len() < 20);
    let mut frames = ws(1, false, true, Some([1, 2, 3, 4]), &first[..9]);
    frames.extend(ws(9, true, false, Some([9, 9, 9, 9]), b"ping"));
    frames.extend(ws(0, true, false, Some([5, 6, 7, 8]), &first[9..]));
    frames.extend(ws(1, true, true, Some([8, 8, 8, 8]), &second));
    let echo = ws(2, true, false, None, json().as_bytes());
    assert_eq!(
        chains(&[(C, upgrade), (S, answer), (C, frames), (S, echo)]),
        [
            format!("< [#4] TLS 1.3 › WebSocket message 1 › {PATH}"),
            format!("> [#3] TLS 1.3 › WebSocket message 1 › inflate › {PATH}"),
            format!("> [#3] TLS 1.3 › WebSocket message 2 › inflate › {PATH}"),
        ]
    );
}

#[test]
fn http_2_bodies_headers_and_websockets() {
    let mut client = PREFACE.to_vec();
    client.extend(settings());
    client.extend(h2(1, 4, 1, &literal_fields(&[(":method", "POST"), (":path", "/send"), ("content-encoding", "br")])));
    let packed = brotlied(json().as_bytes());
    client.extend(h2(0, 8, 1, &[&[3], &packed[..20], &[0, 0, 0]].concat()));
    client.extend(h2(0, 1, 1, &packed[20..]));
    let block = literal_fields(&[(":method", "GET"), (":path", &format!("/find?q={PHRASE}"))]);
    client.extend(h2(1, 1, 3, &block[..10]));
    client.extend(h2(9, 4, 3, &block[10..]));
    client.extend(h2(1, 4, 5, &literal_fields(&[(":method", "CONNECT"), (":protocol", "websocket"), (":path", "/chat")])));
    let mut server = settings();
    server.extend(h2(
        1,
        4,
        5,
        &literal_fields(&[(":status", "200"), ("sec-websocket-extensions", "permessage-deflate; server_no_context_takeover")]),
    ));
    server.extend(h2(0, 0, 5, &ws(1, true, true, None, &deflated(json().as_bytes()))));
    let frames = h2(0, 0, 5, &ws(1, true, false, Some([4, 3, 2, 1]), json().as_bytes()));
    let found = chains(&[(C, client), (S, server), (C, frames)]);
    assert_eq!(
        found,
        [
            format!("< [#2] TLS 1.3 › HTTP/2 stream 5 › WebSocket message 1 › inflate › {PATH}"),
            format!("> [#1] TLS 1.3 › HTTP/2 stream 1 › br › {PATH}"),
            "> [#1] TLS 1.3 › HTTP/2 stream 3 › header :path".to_owned(),
            format!("> [#3] TLS 1.3 › HTTP/2 stream 5 › WebSocket message 1 › {PATH}"),
        ]
    );
}

#[test]
fn grpc_messages_compressed_and_not() {
    let field = |number: u8, content: &[u8]| [&[number << 3 | 2, content.len() as u8], content].concat();
    let message = field(1, &[field(2, b"alice"), field(3, PHRASE.as_bytes()), vec![0x20, 7]].concat());
    let packed = gzipped(&message);
    let prefixed = |flag: u8, bytes: &[u8]| [&[flag][..], &(bytes.len() as u32).to_be_bytes(), bytes].concat();
    let mut client = PREFACE.to_vec();
    client.extend(settings());
    let fields = literal_fields(&[
        (":method", "POST"),
        (":path", "/chat.Chat/Send"),
        ("content-type", "application/grpc"),
        ("grpc-encoding", "gzip"),
    ]);
    client.extend(h2(1, 4, 1, &fields));
    client.extend(h2(0, 0, 1, &[prefixed(0, &message), prefixed(1, &packed)].concat()));
    assert_eq!(
        chains(&[(C, client)]),
        [
            "> [#1] TLS 1.3 › HTTP/2 stream 1 › gRPC message 1 › protobuf 1.3",
            "> [#1] TLS 1.3 › HTTP/2 stream 1 › gRPC message 2 › gzip › protobuf 1.3",
        ]
    );
}

fn mqtt_publish(payload: &[u8]) -> Vec<u8> {
    let mut body = vec![0, 6];
    body.extend(b"room/7");
    body.extend(payload);
    let mut out = vec![0x30];
    assert!(body.len() < 16384);
    if body.len() > 127 {
        out.push(body.len() as u8 & 0x7f | 0x80);
        out.push((body.len() >> 7) as u8);
    } else {
        out.push(body.len() as u8);
    }
    out.extend(body);
    out
}

const MQTT_CONNECT: &[u8] = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x3c\x00\x05alice";

#[test]
fn mqtt_alone_and_in_a_websocket() {
    let mut client = MQTT_CONNECT.to_vec();
    client.extend(mqtt_publish(&zlibbed(json().as_bytes())));
    assert_eq!(
        chains(&[(C, client.clone()), (S, b"\x20\x02\x00\x00".to_vec())]),
        [format!("> [#1] TLS 1.3 › MQTT PUBLISH message 2 › zlib › {PATH}")]
    );
    let upgrade = b"GET /mqtt HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n".to_vec();
    let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n".to_vec();
    // A packet over two messages.
    let frames = [ws(2, true, false, Some([1, 1, 2, 3]), &client[..40]), ws(2, true, false, Some([5, 8, 1, 3]), &client[40..])].concat();
    assert_eq!(
        chains(&[(C, upgrade), (S, answer), (C, frames)]),
        [format!("> [#3] TLS 1.3 › WebSocket message 2 › MQTT PUBLISH message 2 › zlib › {PATH}")]
    );
}

#[test]
fn xmpp_stanzas_and_mail() {
    let stream = b"<?xml version='1.0'?><stream:stream to='example.net'>".to_vec();
    let stanza = format!("<message to='b'><body>{}</body></message>", PHRASE.replace('p', "&#112;")).into_bytes();
    assert_eq!(chains(&[(C, stream.clone()), (S, stream), (C, stanza)]), ["> [#3] TLS 1.3 › XMPP message 2 › HTML entities"]);

    let mail = format!(
        "Subject: x\r\nContent-Type: multipart/mixed; boundary=\"b1\"\r\n\r\n--b1\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b1--\r\n.\r\n",
        base64(format!("Dear Bob, the phrase is {PHRASE}, regards, Alice").as_bytes(), false)
    );
    assert_eq!(
        chains(&[
            (S, b"220 mail.example.net ESMTP\r\n".to_vec()),
            (C, b"EHLO a\r\n".to_vec()),
            (S, b"250 ok\r\n".to_vec()),
            (C, mail.into_bytes())
        ]),
        ["> [#4] TLS 1.3 › SMTP › MIME part 1 › base64"]
    );
}

#[test]
fn lines_of_irc_and_of_nobody() {
    let turns = [
        (C, b"NICK a\r\nUSER a 0 * :a\r\n".to_vec()),
        (S, b":s 001 a :hi\r\n".to_vec()),
        (C, format!("PRIVMSG #c :{PHRASE}\r\n").into_bytes()),
    ];
    assert_eq!(chains(&turns), ["> [#3] TLS 1.3 › IRC"]);
    assert_eq!(chains(&[(C, format!("{PHRASE}\n").into_bytes())]), ["> [#1] TLS 1.3 › text"]);
    let reversed: Vec<u8> = format!("{PHRASE}\n").bytes().rev().collect();
    assert!(chains(&[(S, reversed)]).is_empty());
}

#[test]
fn a_tunnel_is_followed_into() {
    let connect = b"CONNECT a:80 HTTP/1.1\r\n\r\n".to_vec();
    let ok = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let request = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{}", json().len(), json()).into_bytes();
    assert_eq!(chains(&[(C, connect), (S, ok), (C, request)]), [format!("> [#3] TLS 1.3 › HTTP/1 request 1 › {PATH}")]);
}

#[test]
fn http_3_requests_on_their_streams() {
    let varint = |n: usize| vec![0x40 | (n >> 8) as u8, n as u8];
    let frame = |kind: u8, payload: &[u8]| [vec![kind], varint(payload.len()), payload.to_vec()].concat();
    // Literal fields with literal names, nothing of a table.
    let mut section = vec![0, 0];
    for (name, value) in [(":path", "/a"), ("x-note", PHRASE)] {
        section.extend([0x20 | name.len() as u8]);
        section.extend(name.bytes());
        section.push(value.len() as u8);
        section.extend(value.bytes());
    }
    let stream = [frame(1, &section), frame(0, json().as_bytes())].concat();
    for piece in [1, 9, usize::MAX] {
        let mut chains: Vec<String> = looked(Medium::QuicStream(4), &[(C, stream.clone())], piece)
            .hits
            .into_iter()
            .filter(|hit| hit.sought == Sought::Message)
            .map(|hit| hit.chain)
            .collect();
        chains.sort();
        assert_eq!(chains, [format!("TLS 1.3 › HTTP/3 stream 4 › {PATH}"), "TLS 1.3 › HTTP/3 stream 4 › header x-note".to_owned()]);
    }
}

#[test]
fn data_channels_in_fragments_and_out_of_order() {
    let packet = |flags: u8, number: u32, content: &[u8]| {
        let mut out = vec![0x13, 0x88, 0x13, 0x88, 0, 0, 0, 1, 0, 0, 0, 0, 0, flags];
        out.extend((16 + content.len() as u16).to_be_bytes());
        out.extend(number.to_be_bytes());
        out.extend([0, 3, 0, 0, 0, 0, 0, 51]);
        out.extend(content);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    };
    let text = json();
    let (one, rest) = text.as_bytes().split_at(40);
    let (two, three) = rest.split_at(15);
    let turns = [(C, packet(2, 7, one)), (C, packet(1, 9, three)), (C, packet(0, 8, two)), (C, packet(0, 8, two))];
    let found = looked(Medium::Records, &turns, usize::MAX);
    let said: Vec<String> = found.hits.iter().map(|hit| format!("{:?} {}", hit.evidence, hit.chain)).collect();
    assert_eq!(said, [format!("[#2, #3] TLS 1.3 › SCTP stream 3 › data channel message 1 › {PATH}")]);
}

#[test]
fn xmpp_goes_on_compressed_where_both_sides_agreed() {
    let mut compress = flate2::Compress::new(flate2::Compression::default(), true);
    let mut packed = |text: &str| {
        let mut out = Vec::with_capacity(text.len() * 2 + 200);
        compress.compress_vec(text.as_bytes(), &mut out, flate2::FlushCompress::Sync).unwrap();
        out
    };
    let one = packed("<?xml version='1.0'?><stream:stream to='example.net' xmlns:stream='http://etherx.jabber.org/streams'>");
    let two = packed(&format!("<message to='b'><body>{PHRASE}</body></message>"));
    let turns = [
        (C, b"<?xml version='1.0'?><stream:stream to='example.net'>".to_vec()),
        (S, b"<?xml version='1.0'?><stream:stream from='example.net'><stream:features/>".to_vec()),
        (C, b"<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>".to_vec()),
        (S, b"<compressed xmlns='http://jabber.org/protocol/compress'/>".to_vec()),
        (C, one),
        (C, two),
    ];
    assert_eq!(chains(&turns), ["> [#6] TLS 1.3 › zlib › XMPP message 4"]);
}

#[test]
fn xmpp_compressed_by_another_method_is_told_and_never_passed_over() {
    let open = b"<?xml version='1.0'?><stream:stream to='example.net'>".to_vec();
    // LZW as XEP-0229 has it: what it looks like does not matter, only that nobody reads it.
    let packed = b"<message to='b'><body>".iter().map(|b| b.wrapping_mul(7)).collect::<Vec<u8>>();
    let turns = [
        (C, open.clone()),
        (S, open),
        (C, b"<compress xmlns='http://jabber.org/protocol/compress'><method>lzw</method></compress>".to_vec()),
        (S, b"<compressed xmlns='http://jabber.org/protocol/compress'/>".to_vec()),
        (C, packed),
    ];
    for piece in [1, 7, usize::MAX] {
        let found = looked(Medium::Stream, &turns, piece);
        assert!(found.cuts.iter().any(|cut| cut.cut == Cut::Method && cut.dir == C), "in pieces of {piece}: {:?}", found.cuts);
        assert!(!found.cuts.iter().any(|cut| cut.cut == Cut::Compression), "it is not damaged: {:?}", found.cuts);
    }
}

/// RFC 4978: what follows the server's OK is raw deflate, in one context for each direction.
#[test]
fn imap_goes_on_compressed_where_both_sides_agreed() {
    let mut contexts =
        [flate2::Compress::new(flate2::Compression::default(), false), flate2::Compress::new(flate2::Compression::default(), false)];
    let mut packed = |side: usize, text: &str| {
        let mut out = Vec::with_capacity(text.len() * 2 + 200);
        contexts[side].compress_vec(text.as_bytes(), &mut out, flate2::FlushCompress::Sync).unwrap();
        out
    };
    let append = format!("a3 APPEND Sent {{80}}\r\nFrom: a@example.net\r\nSubject: tonight\r\n\r\nthe phrase is {PHRASE}, so\r\n\r\n");
    let mut turns = vec![
        (S, b"* OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] ready\r\n".to_vec()),
        (C, b"a1 LOGIN alice secret\r\n".to_vec()),
        (S, b"a1 OK done\r\n".to_vec()),
        (C, b"a2 COMPRESS DEFLATE\r\n".to_vec()),
        (S, [&b"a2 OK DEFLATE active\r\n"[..], &packed(1, "* CAPABILITY IMAP4rev1\r\n")].concat()),
        (C, packed(0, &append)),
        (S, packed(1, &format!("* 1 FETCH the phrase was {PHRASE}\r\na3 OK done\r\n"))),
        // The same again is a few octets that mean nothing without what came before.
        (C, packed(0, &append)),
    ];
    assert_eq!(chains(&turns), ["< [#7] TLS 1.3 › deflate › IMAP", "> [#6] TLS 1.3 › deflate › IMAP", "> [#8] TLS 1.3 › deflate › IMAP"]);
    assert!(looked(Medium::Stream, &turns, 5).cuts.is_empty());
    // A server that refuses goes on in clear.
    turns.truncate(4);
    turns.push((S, b"a2 NO not now\r\n".to_vec()));
    turns.push((C, append.clone().into_bytes()));
    assert_eq!(chains(&turns), ["> [#6] TLS 1.3 › IMAP"]);
    // What is called compressed and is not, is told.
    turns[4].1 = b"a2 OK DEFLATE active\r\n".to_vec();
    turns[5].1 = (0..200u8).map(|n| n.wrapping_mul(91) | 6).collect();
    assert!(looked(Medium::Stream, &turns, 9).cuts.iter().any(|cut| cut.cut == Cut::Compression));
}
