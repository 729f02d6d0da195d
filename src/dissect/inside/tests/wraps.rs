//! What content may be wrapped in, one by one and nested.

use super::*;

/// Where the phrase is found in one message.
fn in_message(bytes: &[u8]) -> Vec<String> {
    let found = looked(Medium::Datagrams, &[(C, bytes.to_vec())], usize::MAX);
    found
        .hits
        .into_iter()
        .filter(|hit| hit.sought == Sought::Message)
        .map(|hit| hit.chain.trim_start_matches("TLS 1.3").trim_start_matches(" › ").to_owned())
        .collect()
}

fn message() -> String {
    format!("so, the phrase is {PHRASE}, and now you know")
}

#[test]
fn two_octets_a_character_twice_behind_something_else_are_read() {
    let wide = |text: &[u8]| text.iter().flat_map(|b| [0, *b]).collect::<Vec<u8>>();
    for before in ["", "x", "xy", "xyz", "xyzz"] {
        let twice = [before.as_bytes(), &wide(&wide(PHRASE.as_bytes()))].concat();
        let text = format!("v%3D{}%3B\n", base64(&twice, false)).into_bytes();
        assert!(!chains(&[(C, text)]).is_empty(), "behind {before:?}");
    }
}

#[test]
fn each_wrapping_is_undone_and_named() {
    let text = message();
    let bytes = text.as_bytes();
    assert_eq!(in_message(bytes), [""]);
    assert_eq!(in_message(&gzipped(bytes)), ["gzip"]);
    assert_eq!(in_message(&zlibbed(bytes)), ["zlib"]);
    assert_eq!(in_message(&deflated(bytes)), ["deflate"]);
    assert_eq!(in_message(&brotlied(bytes)), ["br"]);
    assert_eq!(in_message(&zstandarded(bytes)), ["zstd"]);
    assert_eq!(in_message(base64(bytes, false).as_bytes()), ["base64"]);
    assert_eq!(in_message(format!("x={}&y=1", base64(&gzipped(bytes), true)).as_bytes()), ["base64url › gzip"]);
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(in_message(hex.as_bytes()), ["hex"]);
    let percent: String = bytes.iter().map(|b| format!("%{b:02X}")).collect();
    assert_eq!(in_message(percent.as_bytes()), ["percent"]);
    let escaped: String = text.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
    assert_eq!(in_message(format!("{{\"t\":\"{escaped}\"}}").as_bytes()), ["JSON $.t"]);
    assert_eq!(in_message(escaped.as_bytes()), ["escapes"]);
    let entities: String = text.chars().map(|c| format!("&#{};", c as u32)).collect();
    assert_eq!(in_message(entities.as_bytes()), ["HTML entities"]);
    let quoted: String = bytes.iter().map(|b| format!("={b:02X}")).collect();
    assert_eq!(in_message(quoted.as_bytes()), ["quoted-printable"]);
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(in_message(&wide), ["UTF-16BE"]);
    let numbers: Vec<String> = bytes.iter().map(ToString::to_string).collect();
    assert_eq!(in_message(format!("{{\"data\":[{}]}}", numbers.join(",")).as_bytes()), ["JSON $.data › octets"]);
}

#[test]
fn wrappings_in_wrappings() {
    let inner = format!("{{\"t\":\"{}\"}}", base64(&zlibbed(message().as_bytes()), false));
    let outer = format!("42[\"message\",{{\"p\":{:?}}}]", inner);
    assert_eq!(in_message(outer.as_bytes()), ["JSON $[1].p › JSON $.t › base64 › zlib"]);
    let form =
        format!("--X1\r\nContent-Disposition: form-data; name=f\r\n\r\n{}\r\n--X1--\r\n", String::from_utf8_lossy(message().as_bytes()));
    assert_eq!(in_message(form.as_bytes()), ["MIME part 1"]);
    let mut binary = b"--X1\r\nContent-Disposition: form-data; name=f\r\n\r\n".to_vec();
    binary.extend(gzipped(message().as_bytes()));
    binary.extend(b"\r\n--X1--\r\n");
    assert_eq!(in_message(&binary), ["MIME part 1 › gzip"]);
    // Inside bytes of a format nobody knows.
    let mut unknown = vec![0xc3, 0x01, 0x99, 0x80, 0x07];
    unknown.extend(gzipped(message().as_bytes()));
    assert_eq!(in_message(&unknown), ["gzip"]);
}

#[test]
fn frames_are_those_of_the_place() {
    let mut inside = Inside::new(quest());
    let (one, two) = ("x".repeat(3000), format!("{{\"a\":\"{PHRASE}\"}}"));
    let mut whole = Stitched::new();
    in_frame(7, C, format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{one}", one.len() + two.len()).as_bytes(), |w| whole.push(w));
    in_frame(9, C, two.as_bytes(), |w| whole.push(w));
    inside.bytes("TLS 1.3", Medium::Stream, &whole.window(C).unwrap());
    let found = inside.close();
    let hits: Vec<String> = found.hits.iter().map(|h| format!("{:?} {}", h.evidence, h.excerpt)).collect();
    assert_eq!(hits, ["[#9] [phrase]".to_owned()]);
}

#[test]
fn what_cannot_be_read_is_told_and_what_is_sealed_is_named() {
    let noise: Vec<u8> = (0..200u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8 ^ (i as u8).wrapping_mul(91)).collect();
    let found = looked(Medium::Datagrams, &[(C, noise.clone())], usize::MAX);
    assert_eq!(found.opaque.iter().map(|o| (o.octets, o.is_token)).collect::<Vec<_>>(), [(200, false)]);
    let token = format!("{{\"blob\":\"{}\",\"id\":\"123e4567-e89b-42d3-a456-426614174000\"}}", base64(&noise[..60], false));
    let found = looked(Medium::Datagrams, &[(C, token.clone().into_bytes())], usize::MAX);
    assert_eq!(found.opaque.iter().map(|o| (o.chain.as_str(), o.octets)).collect::<Vec<_>>(), [("TLS 1.3 › JSON $.blob", 60)]);
    // What the server gave is not told as the client's.
    let found = looked(Medium::Datagrams, &[(S, token.clone().into_bytes()), (C, token.into_bytes())], usize::MAX);
    assert!(found.opaque.iter().all(|o| found.given.contains_key(&o.digest)));

    let mut ciphertext = vec![3, 8, 0, 0x12, 0x20];
    ciphertext.extend(&noise[..150]);
    let event = format!(
        "{{\"content\":{{\"algorithm\":\"m.megolm.v1.aes-sha2\",\"ciphertext\":\"{}\",\"sender_key\":\"{}\"}},\"note\":\"{CONTROL}\"}}",
        base64(&ciphertext, false).trim_end_matches('='),
        base64(&noise[..32], false).trim_end_matches('=')
    );
    let found = looked(Medium::Datagrams, &[(C, event.into_bytes())], usize::MAX);
    assert!(found.opaque.is_empty(), "{:?}", found.opaque);
    assert_eq!(found.sealed.iter().map(|s| s.container.word()).collect::<Vec<_>>(), ["megolm"]);
    assert_eq!(found.hits.iter().map(|h| h.sought).collect::<Vec<_>>(), [Sought::Control(0)]);
}

#[test]
fn a_label_alone_seals_nothing() {
    let event = format!("{{\"algorithm\":\"m.megolm.v1.aes-sha2\",\"ciphertext\":\"{}\"}}", base64(message().as_bytes(), false));
    let found = looked(Medium::Datagrams, &[(C, event.into_bytes())], usize::MAX);
    assert!(found.sealed.is_empty());
    assert_eq!(found.hits.iter().filter(|h| h.sought == Sought::Message).count(), 1);
}

#[test]
fn bombs_are_stopped_and_told() {
    let zeros = vec![0u8; 64 << 20];
    let nested = gzipped(&gzipped(&zeros));
    let mut deep = vec![b'x'];
    for _ in 0..60 {
        deep = [vec![0x0a, 0x80 | deep.len() as u8 & 0x7f, (deep.len() >> 7) as u8], deep].concat();
    }
    let lists = "[".repeat(100_000);
    for (name, bomb) in [
        ("gzip", gzipped(&zeros)),
        ("zlib", zlibbed(&zeros)),
        ("nested", nested),
        ("zstd", zstandarded(&zeros)),
        ("lists", lists.into_bytes()),
    ] {
        let found = looked(Medium::Datagrams, &[(C, bomb)], usize::MAX);
        if name == "lists" {
            assert!(found.hits.is_empty());
        } else {
            assert!(found.cuts.iter().any(|c| c.cut == crate::dissect::inside::Cut::Bomb), "{name}: {:?}", found.cuts);
        }
    }
}

/// Found by the long run of `tests/wrapped`: in one of its four alignments this begins like the mark of UTF-16.
#[test]
fn random_octets_in_base64_that_begin_like_utf_16_are_not_passed_over() {
    let text = br#"{"room":7,"m":"P__68UhickKOGsL68E51fpS6VNfMPoHVN3Z_idZtYcYeFLuQjwQKKR9Fy-PvddqiENm3TaGD-lUTDXfDFBxFmxg--4M"}"#;
    let found = looked(Medium::Datagrams, &[(C, text.to_vec())], usize::MAX);
    assert_eq!(found.opaque.len(), 1, "{found:?}");
}

/// Found by the long run of `tests/wrapped`: between its escapes every piece of the token was too short to be anything.
#[test]
fn base64_in_quoted_printable_is_one_token_although_little_of_it_is_escaped() {
    let text = b"v=3DeHl6AUAAv=2F8bQQAA5G1b1=2BeSMIK=\r\nO=2BYbhCxQxcMiB=2B7djKikHFEzkBIIC=2B=\r\n\
                 67QgI6DFob6=2BvBp=2FsrnFN1etDbzpBt=\r\npta=2BNDBkF=3B";
    let found = looked(Medium::Datagrams, &[(C, text.to_vec())], usize::MAX);
    assert_eq!(found.opaque.len(), 1, "{found:?}");
}
