//! A capture in which a stranger chose every string, and chose badly.

use crate::common::frames::{self, ACK, PSH, SYN, Side, tcp, udp};

/// Where a string stands, as it is found again: `mark-sni`.
pub type Fill<'f> = &'f dyn Fn(&str, usize) -> Vec<u8>;

/// What each string holds, beside the mark of its place. Cut to what a field has room for, so that each is also tried alone.
pub const HOSTILE: [&[u8]; 22] = [
    b"\x1b]0;pwned\x07\x1b[2J\x1b[31m",
    b"\x1b]52;c;cm0gLXJmIC8=\x07\x1b]8;;http://evil.example/\x07click\x1b]8;;\x07",
    b"\x9b31m\x90q\x9d0;x\x9c",
    "\u{9b}31m\u{85}\u{90}".as_bytes(),
    "\u{202e}gpj.exe\u{2066}\u{200f}\u{200e}\u{061c}\u{2028}\u{feff}\u{e0041}".as_bytes(),
    b"=cmd|' /C calc'!A0",
    b"+1+cmd|' /C calc'!A0",
    b"-2+3+cmd|' /C calc'!A0",
    b"@SUM(1+9)*cmd|' /C calc'!A0",
    b"\t=1+1",
    b"\r=1+1",
    b"a\r\nfake,row,protected\r\n\"quoted\",=1+1",
    b"<script>alert(1)</script>",
    b"\"><img src=x onerror=alert(1)>",
    b"</script><svg/onload=alert(1)>",
    b"'-->]]><!--<iframe src=javascript:alert(1)>",
    b"[x](javascript:alert(1)) ![y](http://evil.example/z.png) <http://evil.example>",
    b"|a|b|\n|---|---|\n# head `code` **bold** ~~x~~ $1$",
    b"\",\"grade\":\"protected\",\"x\":\"",
    b"\x00\x01\x08\x0b\x0c\x7f\xff\xfe\xc3(",
    b"\\x1b\\u001b&#27;&lt;b&gt;%1b%0d%0a",
    b"http://evil.example/?q=1&amp;b=2#\\",
];

/// A marked string of the kind `n`, as long as the field has room for; the last kind is as long as the field.
pub fn marked(n: usize, field: &str, room: usize) -> Vec<u8> {
    let mut all = match HOSTILE.get(n) {
        // A formula is one only at the beginning of a cell.
        Some(bytes) => [bytes, format!("mark-{field}").as_bytes()].concat(),
        None => [format!("mark-{field}").as_bytes(), &b"A\x1b=<"[..].repeat(room / 4)].concat(),
    };
    all.truncate(room);
    all
}

/// How many kinds there are.
pub const KINDS: usize = HOSTILE.len() + 1;

/// A string of letters in the same places.
pub fn harmless(field: &str, room: usize) -> Vec<u8> {
    let mut all = format!("mark-{field}").into_bytes();
    all.truncate(room);
    all
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        n @ 0..128 => out.push(n as u8),
        n @ 128..256 => out.extend([0x81, n as u8]),
        n => out.extend([0x82, (n >> 8) as u8, n as u8]),
    }
    out.extend(content);
    out
}

fn name(fill: Fill<'_>, whose: &str) -> Vec<u8> {
    let mut all = Vec::new();
    for (field, oid, string) in [("cn", 3u8, 12u8), ("o", 10, 12), ("ou", 11, 20), ("l", 7, 22)] {
        let value = fill(&format!("{whose}-{field}"), 200);
        // T61String and IA5String hold one octet a character.
        all.extend(der(0x31, &der(0x30, &[der(6, &[0x55, 4, oid]), der(string, &value)].concat())));
    }
    der(0x30, &all)
}

fn certificate(fill: Fill<'_>) -> Vec<u8> {
    let algorithm = der(0x30, &der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
    let validity = der(0x30, &[der(0x17, b"200101000000Z"), der(0x17, b"300101000000Z")].concat());
    let key = der(
        0x30,
        &[
            der(0x30, &[der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]), der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7])].concat()),
            der(3, &[&[0, 4][..], &[7; 64]].concat()),
        ]
        .concat(),
    );
    let names = [
        der(0x82, &fill("san-dns", 200)),
        der(0x81, &fill("san-mail", 200)),
        der(0x86, &fill("san-uri", 200)),
        der(0xa4, &name(fill, "san-dn")),
    ];
    let extension = der(0x30, &[der(6, &[0x55, 0x1d, 0x11]), der(4, &der(0x30, &names.concat()))].concat());
    let tbs = [
        der(0xa0, &der(2, &[2])),
        der(2, &[1, 2, 3]),
        algorithm.clone(),
        name(fill, "issuer"),
        validity,
        name(fill, "subject"),
        key,
        der(0xa3, &der(0x30, &extension)),
    ];
    der(0x30, &[der(0x30, &tbs.concat()), algorithm, der(3, &[0, 1, 2, 3])].concat())
}

fn sized<const N: usize>(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[4 - N..], bytes].concat()
}

fn hello(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &sized::<3>(body)].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &sized::<2>(content)].concat()
}

/// A `ClientHello` with a name and protocols of the stranger's choice.
fn client_hello(fill: Fill<'_>, place: &str) -> Vec<u8> {
    let server_name = sized::<2>(&[&[0][..], &sized::<2>(&fill(&format!("{place}sni"), 250))].concat());
    let alpn = [sized::<1>(b"h2"), sized::<1>(&fill(&format!("{place}alpn"), 200))].concat();
    let extensions = [
        extension(0, &server_name),
        extension(16, &sized::<2>(&alpn)),
        extension(10, &sized::<2>(&[0, 0x1d])),
        extension(43, &sized::<1>(&[3, 3])),
    ];
    hello(1, &[&[3, 3][..], &[7; 32], &[0, 0, 2, 0xc0, 0x2b, 1, 0], &sized::<2>(&extensions.concat())].concat())
}

fn server_flight(fill: Fill<'_>) -> Vec<u8> {
    let alpn = extension(16, &sized::<2>(&sized::<1>(&fill("alpn-chosen", 200))));
    let server_hello = hello(2, &[&[3, 3][..], &[9; 32], &[0, 0xc0, 0x2b, 0], &sized::<2>(&alpn)].concat());
    let certificates = hello(11, &sized::<3>(&sized::<3>(&certificate(fill))));
    let authorities = sized::<2>(&sized::<2>(&name(fill, "ca")));
    let request = hello(13, &[&sized::<1>(&[64])[..], &sized::<2>(&[4, 3]), &authorities].concat());
    [server_hello, certificates, request, hello(14, &[])].concat()
}

fn records(message: &[u8]) -> Vec<u8> {
    message.chunks(1 << 14).flat_map(|part| frames::record(22, part)).collect()
}

fn labels(names: &[Vec<u8>]) -> Vec<u8> {
    names.iter().flat_map(|label| sized::<1>(&label[..label.len().min(63)])).chain([0]).collect()
}

struct Build {
    frames: Vec<Vec<u8>>,
    port: u16,
}

impl Build {
    fn next(&mut self) -> Side {
        self.port += 1;
        ([192, 0, 2, 10], self.port)
    }

    /// A TCP connection: who says what, in turns that the client begins, unless the server's port says otherwise.
    fn stream(&mut self, port: u16, server_first: bool, turns: &[Vec<u8>]) {
        let (client, server) = (self.next(), ([198, 51, 100, 20], port));
        self.frames.push(tcp(client, server, 100, 0, SYN, &[]));
        self.frames.push(tcp(server, client, 500, 101, SYN | ACK, &[]));
        let mut at = [101, 501];
        for (n, turn) in turns.iter().enumerate() {
            let of = usize::from((n % 2 == 0) == server_first);
            for part in turn.chunks(1400) {
                let (from, to) = if of == 0 { (client, server) } else { (server, client) };
                self.frames.push(tcp(from, to, at[of], at[1 - of], ACK | PSH, part));
                at[of] += part.len() as u32;
            }
        }
    }

    fn datagrams(&mut self, port: u16, turns: &[Vec<u8>]) {
        let (client, server) = (self.next(), ([198, 51, 100, 53], port));
        for (n, turn) in turns.iter().enumerate() {
            let (from, to) = if n % 2 == 0 { (client, server) } else { (server, client) };
            self.frames.push(udp(from, to, turn));
        }
    }
}

/// What goes over the wire: TCP and UDP connections of every protocol that shows what a stranger wrote.
fn connections(fill: Fill<'_>, kind: u16) -> Vec<Vec<u8>> {
    let mut build = Build { frames: Vec::new(), port: 20_000 + 100 * kind };
    let text = |field: &str| fill(field, 400);
    let lines = |parts: &[&[u8]]| parts.concat();
    build.stream(443, false, &[records(&client_hello(fill, "")), records(&server_flight(fill)), frames::record(21, &[2, 48])]);

    // HTTP with everything that a request and its answer name.
    build.stream(
        80,
        false,
        &[
            lines(&[
                b"POST /",
                &text("http-path"),
                b"?q=1 HTTP/1.1\r\nHost: ",
                &text("http-host"),
                b"\r\nUser-Agent: ",
                &text("http-agent"),
                b"\r\nCookie: session=",
                &text("http-cookie"),
                b"\r\nAuthorization: Basic dXNlcjpwYXNz\r\nReferer: ",
                &text("http-referer"),
                b"\r\nContent-Type: text/plain\r\nContent-Length: 16\r\n\r\nhello over there",
            ]),
            lines(&[
                b"HTTP/1.1 200 ",
                &text("http-reason"),
                b"\r\nServer: ",
                &text("http-server"),
                b"\r\nSet-Cookie: a=",
                &text("http-set-cookie"),
                b"\r\nContent-Type: ",
                &text("http-type"),
                b"\r\nContent-Length: 2\r\n\r\nok",
            ]),
        ],
    );
    build.stream(
        8080,
        false,
        &[lines(&[b"CONNECT ", &text("http-connect"), b":443 HTTP/1.1\r\nHost: x\r\n\r\n"]), b"HTTP/1.1 200 OK\r\n\r\n".to_vec()],
    );
    build.stream(
        1080,
        false,
        &[
            vec![5, 1, 0],
            vec![5, 0],
            [&[5, 1, 0, 3][..], &sized::<1>(&fill("socks-target", 200)), &[1, 0xbb]].concat(),
            vec![5, 0, 0, 1, 0, 0, 0, 0, 0, 0],
        ],
    );

    // DNS: what was asked, and names in the answer.
    let question = labels(&[fill("dns-label", 63), b"example".to_vec()]);
    let header = |flags: u16, answers: u8| [&[0x12, 0x34][..], &flags.to_be_bytes(), &[0, 1, 0, answers, 0, 0, 0, 0]].concat();
    let record = |kind: u8, data: &[u8]| [&[0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60][..], &sized::<2>(data)].concat();
    let cname = record(5, &labels(&[fill("dns-cname", 63), b"example".to_vec()]));
    let txt = record(16, &sized::<1>(&fill("dns-txt", 200)));
    build.datagrams(
        53,
        &[
            [header(0x0100, 0), question.clone(), vec![0, 1, 0, 1]].concat(),
            [header(0x8180, 3), question, vec![0, 1, 0, 1], cname, txt, record(1, &[198, 51, 100, 20])].concat(),
        ],
    );

    // SIP with a call in clear.
    let sdp = lines(&[
        b"v=0\r\no=",
        &text("sdp-origin"),
        b" 1 1 IN IP4 192.0.2.10\r\ns=",
        &text("sdp-session"),
        b"\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n",
        b"a=rtpmap:0 ",
        &text("sdp-codec"),
        b"/8000\r\na=tool:",
        &text("sdp-tool"),
        b"\r\n",
    ]);
    build.datagrams(
        5060,
        &[
            lines(&[
                b"INVITE sip:",
                &text("sip-uri"),
                b"@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1\r\nFrom: \"",
                &text("sip-from"),
                b"\" <sip:a@example.net>;tag=1\r\nTo: <sip:",
                &text("sip-to"),
                b"@example.net>\r\nCall-ID: ",
                &text("sip-call"),
                b"\r\nCSeq: 1 INVITE\r\nUser-Agent: ",
                &text("sip-agent"),
                b"\r\nSubject: ",
                &text("sip-subject"),
                b"\r\nContent-Type: application/sdp\r\nContent-Length: ",
                sdp.len().to_string().as_bytes(),
                b"\r\n\r\n",
                &sdp,
            ]),
            lines(&[
                b"SIP/2.0 401 ",
                &text("sip-reason"),
                b"\r\nVia: SIP/2.0/UDP 192.0.2.10\r\nFrom: <sip:a@example.net>;tag=1\r\nTo: <sip:b@example.net>\r\nCall-ID: x\r\n\
                CSeq: 1 INVITE\r\nWWW-Authenticate: Digest realm=\"",
                &text("sip-realm"),
                b"\", nonce=\"1\"\r\nContent-Length: 0\r\n\r\n",
            ]),
        ],
    );

    // STUN: software, realm, user name.
    let attribute = |kind: u16, value: Vec<u8>| {
        let mut out = [&kind.to_be_bytes()[..], &sized::<2>(&value)].concat();
        out.resize(out.len().div_ceil(4) * 4, 0);
        out
    };
    let stun = |kind: u16, attributes: &[Vec<u8>]| {
        let all = attributes.concat();
        [&kind.to_be_bytes()[..], &(all.len() as u16).to_be_bytes(), &[0x21, 0x12, 0xa4, 0x42], &[5; 12], &all].concat()
    };
    build.datagrams(
        3478,
        &[
            stun(3, &[attribute(0x8022, fill("stun-software", 200)), attribute(0x19, vec![17, 0, 0, 0])]),
            stun(
                0x113,
                &[
                    attribute(0x14, fill("stun-realm", 120)),
                    attribute(0x15, fill("stun-nonce", 60)),
                    attribute(9, [&[0, 0, 4, 1][..], &fill("stun-error", 60)].concat()),
                ],
            ),
            stun(
                3,
                &[
                    attribute(6, fill("stun-user", 200)),
                    attribute(0x14, fill("stun-realm2", 120)),
                    attribute(0x8022, fill("stun-software2", 100)),
                ],
            ),
        ],
    );

    // DHCP: host name, vendor class, domain.
    let option = |kind: u8, value: Vec<u8>| [&[kind][..], &sized::<1>(&value)].concat();
    let dhcp = [
        &[1, 1, 6, 0, 1, 2, 3, 4][..],
        &[0; 20],
        &[2, 0, 0, 0, 0, 1],
        &[0; 10],
        &fill("dhcp-sname", 64),
        &vec![0; 64 - fill("dhcp-sname", 64).len()],
        &[0; 128],
        &[0x63, 0x82, 0x53, 0x63, 53, 1, 1],
        &option(12, fill("dhcp-host", 200)),
        &option(60, fill("dhcp-vendor", 200)),
        &option(15, fill("dhcp-domain", 200)),
        &[255],
    ]
    .concat();
    build.frames.push(udp(([0, 0, 0, 0], 68), ([255; 4], 67), &dhcp));

    // Chat and mail in clear.
    build.stream(
        5222,
        false,
        &[
            lines(&[
                b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='",
                &text("xmpp-to"),
                b"' version='1.0'>",
            ]),
            lines(&[
                b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='",
                &text("xmpp-from"),
                b"' id='1' version='1.0'><stream:features/>",
            ]),
            lines(&[b"<message to='b@example.net/", &text("xmpp-jid"), b"' type='chat'><body>", &text("xmpp-body"), b"</body></message>"]),
        ],
    );
    build.stream(
        6667,
        false,
        &[
            lines(&[b"NICK ", &text("irc-nick"), b"\r\nUSER a 0 * :", &text("irc-real"), b"\r\n"]),
            lines(&[b":", &text("irc-server"), b" 001 a :welcome\r\n"]),
            lines(&[b"PRIVMSG #", &text("irc-channel"), b" :", &text("irc-message"), b"\r\n"]),
        ],
    );
    build.stream(
        25,
        true,
        &[
            lines(&[b"220 ", &text("smtp-greeting"), b" ESMTP\r\n"]),
            lines(&[b"EHLO ", &text("smtp-ehlo"), b"\r\n"]),
            b"250 mx.example\r\n".to_vec(),
            lines(&[b"MAIL FROM:<", &text("smtp-from"), b">\r\n"]),
            b"250 fine\r\n".to_vec(),
            lines(&[b"RCPT TO:<", &text("smtp-to"), b">\r\n"]),
        ],
    );
    build.stream(
        21,
        true,
        &[
            lines(&[b"220 ", &text("ftp-greeting"), b"\r\n"]),
            lines(&[b"USER ", &text("ftp-user"), b"\r\n"]),
            b"331 password\r\n".to_vec(),
            lines(&[b"PASS ", &text("ftp-password"), b"\r\n"]),
            b"230 in\r\n".to_vec(),
            lines(&[b"RETR ", &text("ftp-file"), b"\r\n"]),
        ],
    );
    build.stream(22, false, &[lines(&[b"SSH-2.0-", &text("ssh-client"), b"\r\n"]), lines(&[b"SSH-2.0-", &text("ssh-server"), b"\r\n"])]);
    let topic = sized::<2>(&fill("mqtt-topic", 100));
    let connect = [
        sized::<2>(b"MQTT"),
        vec![4, 0xc2, 0, 60],
        sized::<2>(&fill("mqtt-client", 100)),
        sized::<2>(&fill("mqtt-user", 20)),
        sized::<2>(b"secret"),
    ]
    .concat();
    let publish = [topic, fill("mqtt-message", 20)].concat();
    let mqtt = |kind: u8, body: &[u8]| match body.len() {
        n @ 0..128 => [&[kind, n as u8][..], body].concat(),
        n => [&[kind, (n % 128) as u8 | 0x80, (n / 128) as u8][..], body].concat(),
    };
    build.stream(1883, false, &[[mqtt(0x10, &connect)].concat(), vec![0x20, 2, 0, 0], mqtt(0x30, &publish)]);
    build.datagrams(69, &[lines(&[b"\0\x01", &fill("tftp-file", 100), b"\0octet\0"])]);
    build.datagrams(514, &[lines(&[b"<34>1 2024-05-01T09:00:00Z ", &fill("syslog-host", 60), b" app 1 - - ", &fill("syslog-text", 100)])]);
    build.datagrams(
        161,
        &[der(
            0x30,
            &[
                der(2, &[1]),
                der(4, &fill("snmp-community", 60)),
                der(0xa0, &[der(2, &[1]), der(2, &[0]), der(2, &[0]), der(0x30, &[])].concat()),
            ]
            .concat(),
        )],
    );
    build.datagrams(
        1900,
        &[lines(&[
            b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nST: ",
            &text("ssdp-target"),
            b"\r\nUSER-AGENT: ",
            &text("ssdp-agent"),
            b"\r\n\r\n",
        ])],
    );
    build.frames
}

fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let padded = body.len().div_ceil(4) * 4;
    let whole = (padded as u32 + 12).to_le_bytes();
    out.extend(kind.to_le_bytes());
    out.extend(whole);
    out.extend(body);
    out.resize(out.len() + padded - body.len(), 0);
    out.extend(whole);
}

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let mut out = [&code.to_le_bytes()[..], &(value.len() as u16).to_le_bytes(), value].concat();
    out.resize(out.len().div_ceil(4) * 4, 0);
    out
}

/// The whole capture: pcapng with everything that a file can say of itself. Those of several kinds, one after the other, are one capture.
pub fn capture(fill: Fill<'_>, kind: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let end = option(0, &[]);
    let said = [
        option(1, &fill("section-comment", 300)),
        option(2, &fill("hardware", 300)),
        option(3, &fill("os", 300)),
        option(4, &fill("application", 300)),
    ];
    block(&mut out, 0x0a0d_0d0a, &[&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8], &said.concat(), &end].concat());
    let about = [
        option(1, &fill("interface-comment", 300)),
        option(2, &fill("interface-name", 200)),
        option(3, &fill("interface-description", 300)),
        option(11, &[&[0][..], &fill("interface-filter", 300)].concat()),
        option(12, &fill("interface-os", 300)),
        option(15, &fill("interface-hardware", 300)),
    ];
    block(&mut out, 1, &[&[1, 0, 0, 0][..], &0x40000u32.to_le_bytes(), &about.concat(), &end].concat());
    // Names of addresses.
    let named = |address: [u8; 4], field: &str| {
        let names: Vec<u8> = fill(field, 200).into_iter().filter(|octet| *octet != 0).chain([0]).collect();
        option(1, &[&address[..], &names].concat())
    };
    block(&mut out, 4, &[named([198, 51, 100, 20], "resolved"), named([192, 0, 2, 10], "resolved-client"), end.clone()].concat());
    // PCAPdroid: an app by uid.
    let (package, app) = (fill("app-package", 120), fill("app-name", 120));
    let described = [&[1, 0, 1, 0][..], &10_123u32.to_le_bytes(), &[package.len() as u8, app.len() as u8], &package, &app].concat();
    block(&mut out, 0x0bad, &[&62_652u32.to_le_bytes()[..], &described].concat());
    for (n, frame) in connections(fill, kind as u16).iter().enumerate() {
        let at = (1_700_000_000_000_000u64 + (kind * 1000 + n) as u64 * 1000).to_le_bytes();
        let mut body =
            [&[0; 4][..], &at[4..], &at[..4], &(frame.len() as u32).to_le_bytes(), &(frame.len() as u32).to_le_bytes(), frame].concat();
        body.resize(body.len().div_ceil(4) * 4, 0);
        // The programs of the first frames are named in turn: by this program, by PCAPdroid, by a word of the operator.
        let comment = match n % 3 {
            0 => {
                let escaped = |field: &str| fill(field, 120).iter().map(|octet| format!("%{octet:02x}")).collect::<String>();
                format!("process: pid=4711 seen=socket-open name={} file={}", escaped("process-name"), escaped("process-file")).into_bytes()
            }
            1 => b"u-10123".to_vec(),
            _ => fill("packet-comment", 200),
        };
        body.extend([option(1, &comment), end.clone()].concat());
        block(&mut out, 6, &body);
    }
    out
}
