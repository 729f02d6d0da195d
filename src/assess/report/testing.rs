//! Connections for the tests of reports; every piece of evidence is minted by a frame.

use std::borrow::Cow;

use crate::assess::attribution::{Confidence, Role, Signal};
use crate::assess::{Attribution, Grade, Judged, Judgement};
use crate::base::{Evidence, Exposed, Facts, Frame, FrameNo, LinkType, ProtocolVersion, Timestamp, VersionName, What, WireStr};
use crate::flow::{Connection, Endpoint, Tally, Transport};

pub fn frame(number: u64) -> Evidence {
    let number = FrameNo::new(number).unwrap();
    Frame { number, at: Timestamp::ZERO, bytes: &[0], wire_len: 1, link: LinkType(1), interface: 0 }.evidence()
}

/// A connection that begins in this frame and this second, with 100 octets of payload each way.
pub fn connection(first: u64) -> Connection {
    let end = |ip: [u8; 4], port| Endpoint { ip: ip.into(), port };
    let start = Timestamp::from_secs(1_714_554_000 + i64::try_from(first).unwrap());
    Connection {
        transport: Transport::Tcp,
        client: end([10, 0, 0, 2], 50_000),
        server: end([203, 0, 113, 9], 443),
        guessed: false,
        first_frame: FrameNo::new(first).unwrap(),
        last_frame: FrameNo::new(first + 9).unwrap(),
        start,
        end: Timestamp::from_nanos(start.nanos() + 500_000_000),
        sent: [Tally { packets: 5, bytes: 400, payload: 100 }; 2],
        vlan: None,
        truncated: 0,
        facts: Facts::new(),
    }
}

/// A connection with this grade, of TLS 1.3 to this server where it was judged.
pub fn graded(first: u64, grade: Grade, name: &str) -> Judged {
    let mut connection = connection(first);
    if grade.is_judged() {
        let f = &mut connection.facts;
        f.observe(What::TlsVersion(VersionName(ProtocolVersion::TLS1_3)), frame(first + 2));
        f.observe(What::TlsVersionProtocol("tls"), frame(first + 2));
        f.observe(What::TlsServerName(WireStr::from(name)), frame(first + 1));
        f.observe(What::Protocol("tls"), frame(first + 1));
        f.observe(What::Handshake("complete"), frame(first + 3));
        f.sort();
    }
    let why: Cow<'static, str> = match grade {
        Grade::Unknown => "joined in the middle".into(),
        Grade::None => "nothing went by".into(),
        judged => format!("because it is {}", judged.word()).into(),
    };
    let exposed = if grade == Grade::Exposed { vec![Exposed::Content] } else { Vec::new() };
    let evidence = grade.is_judged().then(|| frame(first + 2));
    let judgement = Judgement { grade, exposed, construction: None, identity: None, why, evidence, findings: Vec::new() };
    Judged { connection, judgement, attribution: None }
}

/// The same connection, as this app's.
pub fn of(mut judged: Judged, platform: &str, role: Role, confidence: Confidence) -> Judged {
    let because =
        vec![Signal { signal: "sni", value: WireStr::from("chat.example"), evidence: frame(judged.connection.first_frame.get() + 1) }];
    let candidates = std::sync::Arc::from([]);
    judged.attribution = Some(Attribution { platform: platform.into(), candidates, role, confidence, because, conflicts: Vec::new() });
    judged
}
