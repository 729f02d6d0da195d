#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::net::IpAddr;

use super::*;
use crate::base::{Evidence, Facts, Frame, FrameNo, LinkType, Timestamp};
use crate::flow::{Endpoint, Transport};

fn evidence(number: u64) -> Evidence {
    Frame { number: FrameNo::new(number).unwrap(), at: Timestamp::ZERO, bytes: &[], wire_len: 0, link: LinkType(1), interface: 0 }
        .evidence()
}

/// A connection to this address with these facts, the first in frame 11, the next in frame 12.
fn connection(server: &str, facts: Vec<What>) -> Connection {
    let end = |ip: IpAddr, port| Endpoint { ip, port };
    let mut stated = Facts::new();
    for (at, what) in facts.into_iter().enumerate() {
        stated.observe(what, evidence(11 + at as u64));
    }
    stated.sort();
    Connection {
        transport: Transport::Tcp,
        client: end("192.0.2.1".parse().unwrap(), 50000),
        server: end(server.parse().unwrap(), 443),
        guessed: false,
        first_frame: FrameNo::new(10).unwrap(),
        last_frame: FrameNo::new(20).unwrap(),
        start: Timestamp::ZERO,
        end: Timestamp::ZERO,
        sent: Default::default(),
        vlan: None,
        truncated: 0,
        facts: stated,
    }
}

const SOMEWHERE: &str = "203.0.113.9";
const TELEGRAM: &str = "149.154.167.91";
const META: &str = "31.13.86.52";

fn sni(name: &str) -> What {
    What::TlsServerName(name.into())
}

fn app(name: &str) -> What {
    What::ProcessName(name.into())
}

fn of(server: &str, facts: Vec<What>) -> Option<Attribution> {
    attribute(&connection(server, facts), Catalogue::own())
}

/// `tiktok likely messaging sni`, and `!telegram ip` for each conflict.
fn told(server: &str, facts: Vec<What>) -> String {
    let Some(a) = of(server, facts) else { return "nobody".into() };
    let because = a.because.iter().map(|s| s.signal.to_owned());
    let conflicts = a.conflicts.iter().map(|c| format!("!{} {}", c.says, c.seen.signal));
    let signals: Vec<String> = because.chain(conflicts).collect();
    format!("{} {} {} {}", a.platform, a.confidence.word(), a.role.word(), signals.join(" "))
}

#[test]
fn a_name_that_only_one_service_uses_is_likely() {
    assert_eq!(told(SOMEWHERE, vec![sni("im-ws.tiktok.com")]), "tiktok likely messaging sni");
    assert_eq!(told(SOMEWHERE, vec![sni("chat.signal.org")]), "signal likely messaging sni");
    assert_eq!(told(META, vec![sni("web.whatsapp.com")]), "whatsapp likely messaging sni ip");
    assert_eq!(told(META, vec![sni("web-chat-e2ee.facebook.com")]), "messenger likely messaging sni ip");
    assert_eq!(told(META, vec![sni("gateway.instagram.com")]), "instagram likely messaging sni ip");
    assert_eq!(told("104.244.42.1", vec![sni("chat-ws.x.com")]), "x likely messaging sni ip");
    assert_eq!(told(SOMEWHERE, vec![What::HttpHost("web.wechat.com".into())]), "wechat likely messaging http-host");
}

#[test]
fn the_signals_name_their_frames() {
    let a = of(META, vec![sni("g.whatsapp.net")]).unwrap();
    assert_eq!(a.because[0].evidence.display_filter(), "frame.number in {11}");
    assert_eq!((a.because[1].signal, a.because[1].value.to_string().as_str()), ("ip", META));
    assert_eq!(a.because[1].evidence.display_filter(), "frame.number in {10}", "the frame that opened the connection");
}

#[test]
fn a_name_of_the_whole_owner_is_only_possible_and_an_embedded_one_is_shared() {
    assert_eq!(told(SOMEWHERE, vec![sni("x.com")]), "x possible web sni");
    assert_eq!(told(SOMEWHERE, vec![sni("pbs.twimg.com")]), "x possible media sni");
    assert_eq!(told(SOMEWHERE, vec![sni("t.co")]), "x-shared shared web sni");
    assert_eq!(told(SOMEWHERE, vec![sni("analytics.tiktok.com")]), "bytedance-shared shared telemetry sni");
}

#[test]
fn a_shared_name_lists_its_candidates_and_names_none() {
    for (name, platform, candidates) in [
        ("edge-mqtt.facebook.com", "meta-shared", vec!["messenger", "instagram", "whatsapp"]),
        ("graph.facebook.com", "meta-shared", vec!["messenger", "instagram", "whatsapp"]),
        ("scontent-mxp1-1.xx.fbcdn.net", "meta-shared", vec!["messenger", "instagram", "whatsapp"]),
        ("query.ess.apple.com", "apple-shared", vec!["imessage"]),
        ("5-courier.push.apple.com", "apple-push", vec!["imessage"]),
        ("mtalk.google.com", "google-push", vec!["google-messages"]),
    ] {
        let a = of(SOMEWHERE, vec![sni(name)]).unwrap();
        assert_eq!((&*a.platform, a.confidence), (platform, Confidence::Shared), "{name}");
        assert_eq!(a.candidates.iter().map(|id| &**id).collect::<Vec<_>>(), candidates, "{name}");
        assert!(!a.confidence.counts());
    }
}

#[test]
fn a_push_channel_is_known_by_its_application_protocol_and_carries_every_app() {
    let alpn = What::TlsOfferedAlpn(vec!["apns-security-v3".into(), "apns-pack-v1".into()]);
    assert_eq!(told("17.57.146.1", vec![alpn]), "apple-push shared push alpn alpn ip");
}

#[test]
fn names_match_whole_labels() {
    for name in ["www.dropbox.com", "online.me", "signal.org.evil.example", "notsignal.org", "netflix.com", "example.org", "", "."] {
        assert_eq!(told(SOMEWHERE, vec![sni(name)]), "nobody", "{name}");
    }
}

#[test]
fn bytes_alone_are_likely_and_with_a_name_or_a_service_address_confirmed() {
    assert_eq!(told(SOMEWHERE, vec![What::Protocol("mtproto")]), "telegram likely messaging protocol");
    assert_eq!(told(TELEGRAM, vec![What::Protocol("mtproto")]), "telegram confirmed messaging protocol ip");
    assert_eq!(told(META, vec![What::Protocol("whatsapp-noise")]), "whatsapp likely messaging protocol ip");
    let alpn = || What::TlsOfferedAlpn(vec!["smp/1".into()]);
    assert_eq!(told(SOMEWHERE, vec![alpn()]), "simplex likely messaging alpn");
    assert_eq!(told(SOMEWHERE, vec![sni("smp9.simplex.im"), alpn()]), "simplex confirmed messaging alpn sni");
}

#[test]
fn an_address_supports_and_only_a_services_own_says_anything_alone() {
    assert_eq!(told(TELEGRAM, vec![]), "telegram possible shared ip");
    assert_eq!(told(META, vec![]), "nobody");
    assert_eq!(told("17.1.2.3", vec![]), "nobody");
    assert_eq!(told("52.0.252.1", vec![]), "nobody", "customers of a hosting company");
    assert_eq!(told(TELEGRAM, vec![sni("web.telegram.org")]), "telegram confirmed messaging sni ip");
}

#[test]
fn an_address_of_somebody_else_is_a_conflict_and_takes_a_level_away() {
    assert_eq!(told(TELEGRAM, vec![sni("web.whatsapp.com")]), "whatsapp possible messaging sni !telegram ip");
    assert_eq!(told(META, vec![sni("im-ws.tiktok.com")]), "tiktok possible messaging sni !meta-shared ip");
    assert_eq!(told("18.195.4.7", vec![sni("im-ws.tiktok.com")]), "tiktok likely messaging sni", "a hoster's address contradicts nobody");
}

#[test]
fn the_program_outranks_what_is_inferred() {
    assert_eq!(told(SOMEWHERE, vec![app("TikTok")]), "tiktok confirmed shared process");
    assert_eq!(told(META, vec![app("Messenger"), sni("edge-mqtt.facebook.com")]), "messenger confirmed messaging process sni ip");
    assert_eq!(told(META, vec![app("Instagram"), sni("edge-mqtt.facebook.com")]), "instagram confirmed messaging process sni ip");
    assert_eq!(
        told(META, vec![app("TikTok"), sni("graph.facebook.com")]),
        "tiktok confirmed shared process !meta-shared sni !meta-shared ip"
    );
    assert_eq!(told("17.1.2.3", vec![app("imagent"), sni("query.ess.apple.com")]), "imessage confirmed shared process sni ip");
    assert_eq!(told("17.1.2.3", vec![app("apsd")]), "apple-push shared shared process ip");
    assert_eq!(told(SOMEWHERE, vec![app("whatsapp")]), "whatsapp confirmed shared process", "without regard to case");
}

#[test]
fn a_program_that_is_not_in_the_catalogue_confirms_nothing() {
    assert_eq!(told(TELEGRAM, vec![app("firefox"), sni("web.telegram.org")]), "telegram likely messaging sni ip");
    assert_eq!(told(SOMEWHERE, vec![app("firefox")]), "nobody");
}

#[test]
fn a_borrowed_name_is_no_contact_with_its_owner() {
    // Without the program's name nothing tells it from a visit to Google, which is nobody's messenger.
    assert_eq!(told(SOMEWHERE, vec![sni("pinterest.com")]), "nobody");
    assert_eq!(told(SOMEWHERE, vec![sni("www.google.com")]), "google-shared shared shared sni");
    assert_eq!(told(SOMEWHERE, vec![app("Signal"), sni("pinterest.com")]), "signal confirmed shared process borrowed-sni");
    assert_eq!(told(SOMEWHERE, vec![app("Signal"), sni("www.google.com")]), "signal confirmed shared process borrowed-sni");
    // Telegram's fake TLS uses any name.
    assert_eq!(told(TELEGRAM, vec![sni("www.google.com")]), "google-shared shared shared sni !telegram ip");
}

#[test]
fn a_certificate_speaks_where_no_name_was_asked_for_and_contradicts_one_that_was() {
    let names = |list: &[&str]| What::TlsAlternativeNames(list.iter().map(|&name| name.into()).collect());
    let subject = || What::TlsSubject("CN=*.discord.gg,O=Example".into());
    assert_eq!(told(SOMEWHERE, vec![subject()]), "discord likely messaging certificate");
    assert_eq!(told(SOMEWHERE, vec![names(&["a.example", "*.viber.com"])]), "viber likely messaging certificate");
    assert_eq!(told(SOMEWHERE, vec![sni("viber.com"), names(&["*.viber.com", "viber.com"])]), "viber likely messaging sni certificate");
    assert_eq!(told(SOMEWHERE, vec![sni("viber.com"), names(&["slack.com"])]), "viber possible messaging sni !slack certificate");
    assert_eq!(told(SOMEWHERE, vec![names(&["slack.com", "viber.com"])]), "nobody", "a hoster's certificate for many");
    assert_eq!(told(SOMEWHERE, vec![What::TlsSubject("CN=slack.com\\, Inc".into())]), "nobody");
}

#[test]
fn a_name_that_was_looked_up_before_is_possible_and_with_an_address_of_theirs_likely() {
    let looked_up = |name: &str| What::ResolvedName(name.into());
    assert_eq!(told(SOMEWHERE, vec![looked_up("im-ws.tiktok.com")]), "tiktok possible messaging dns");
    assert_eq!(told(META, vec![looked_up("mmg.whatsapp.net")]), "whatsapp likely media dns ip");
    assert_eq!(
        told(META, vec![looked_up("g.whatsapp.net"), What::Protocol("whatsapp-noise")]),
        "whatsapp confirmed messaging protocol dns ip"
    );
    assert_eq!(told(META, vec![looked_up("edge-mqtt.facebook.com")]), "meta-shared shared messaging dns ip");
    assert_eq!(told(SOMEWHERE, vec![sni("viber.com"), looked_up("slack.com")]), "viber possible messaging sni !slack dns");
}

#[test]
fn signs_in_stun_need_an_address_of_theirs() {
    let signs = |list: &[&str]| What::StunSigns(list.iter().map(|&sign| sign.to_owned()).collect());
    assert_eq!(told(META, vec![signs(&["attribute 0x5555", "message 0x0801"])]), "whatsapp likely call stun-sign ip");
    assert_eq!(told(SOMEWHERE, vec![signs(&["attribute 0x4003"])]), "whatsapp possible call stun-sign");
    assert_eq!(told("52.114.250.1", vec![signs(&["attribute 0x8070"])]), "teams likely call stun-sign ip");
    assert_eq!(told(SOMEWHERE, vec![signs(&["attribute 0x5555"])]), "nobody");
}

#[test]
fn metas_quic_says_meta_and_a_name_says_more() {
    let quic = || What::QuicVersion(QuicVersion(0xface_b002));
    assert_eq!(told(META, vec![quic()]), "meta-shared shared shared quic-version ip");
    assert_eq!(told(META, vec![quic(), sni("i.instagram.com")]), "instagram likely shared sni quic-version ip");
    assert_eq!(told(SOMEWHERE, vec![What::QuicVersion(QuicVersion(1))]), "nobody");
}

#[test]
fn what_other_names_say_stands_as_a_conflict() {
    let a = told(SOMEWHERE, vec![sni("viber.com"), What::HttpConnectTarget("chat.signal.org:443".into())]);
    assert_eq!(a, "viber possible messaging sni !signal proxy-target");
    assert_eq!(told(SOMEWHERE, vec![What::Protocol("loco"), sni("viber.com")]), "kakaotalk possible messaging protocol !viber sni");
}

#[test]
fn the_other_side_is_asked_where_the_sides_were_guessed() {
    let mut turned = connection("192.0.2.9", vec![]);
    turned.client.ip = TELEGRAM.parse().unwrap();
    assert_eq!(attribute(&turned, Catalogue::own()), None);
    turned.guessed = true;
    assert_eq!(&*attribute(&turned, Catalogue::own()).unwrap().platform, "telegram");
}

#[test]
fn nothing_a_stranger_writes_makes_more_than_the_bound() {
    let names: Vec<WireStr> = (0..5000).map(|n| format!("a{n}.signal.org").into()).collect();
    let facts = (0..100).map(|_| What::TlsOfferedAlpn(vec!["smp/1".into(); 3])).chain([What::TlsAlternativeNames(names)]);
    let a = of(SOMEWHERE, facts.collect()).unwrap();
    assert!(a.because.len() + a.conflicts.len() <= MOST_SIGHTINGS + 2);
}
