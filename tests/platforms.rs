//! Platforms: from a server name on the wire to the field of the output; and over the corpus, where there is one, agreement with the
//! labels of another classifier, each disagreement argued.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;

use common::{container, frames};
use intransit::assess::Judged;
use intransit::assess::attribution::Confidence;
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_intransit");
const SEVEN: [&str; 7] = ["signal", "whatsapp", "imessage", "messenger", "tiktok", "instagram", "x"];

/// The JSON of one connection whose client asks for this name.
fn row_of(server_name: &str) -> Value {
    let mut all = frames::handshake(1000, 5000);
    all.push(frames::tcp(frames::CLIENT, frames::SERVER, 1001, 5001, 0x18, &frames::client_hello(server_name.as_bytes())));
    let analysis = common::analyse(container::ethernet_pcap(&all), 1).unwrap();
    serde_json::from_str(&common::jsonl(&analysis, "x.pcap")).unwrap()
}

#[test]
fn a_server_name_on_the_wire_becomes_a_platform_with_its_frames() {
    for (name, platform, role) in [
        ("chat.signal.org", "signal", "messaging"),
        ("g.whatsapp.net", "whatsapp", "messaging"),
        ("web-chat-e2ee.facebook.com", "messenger", "messaging"),
        ("im-ws.tiktok.com", "tiktok", "messaging"),
        ("gateway.instagram.com", "instagram", "messaging"),
        ("chat-ws.x.com", "x", "messaging"),
    ] {
        let row = row_of(name);
        assert_eq!(row["network"]["application"], platform);
        let field = &row["intransit"]["platform"];
        assert_eq!((&field["id"], &field["role"], &field["confidence"]), (&platform.into(), &role.into(), &"likely".into()), "{name}");
        let signal = serde_json::json!([{ "signal": "sni", "value": name, "frames": [4] }]);
        assert_eq!(field["because"], signal);
        assert_eq!(field.get("candidates"), None);
    }
}

#[test]
fn a_shared_name_becomes_a_group_with_its_candidates() {
    // iMessage has no name of its own: Apple's push channel carries it beside every other app.
    let field = row_of("5-courier.push.apple.com")["intransit"]["platform"].clone();
    assert_eq!((&field["id"], &field["confidence"], &field["role"]), (&"apple-push".into(), &"shared".into(), &"push".into()));
    assert_eq!(field["candidates"], serde_json::json!(["imessage"]));
    let field = row_of("edge-mqtt.facebook.com")["intransit"]["platform"].clone();
    assert_eq!(field["candidates"], serde_json::json!(["messenger", "instagram", "whatsapp"]));
    assert_eq!(row_of("www.dropbox.com")["intransit"].get("platform"), None);
}

#[test]
fn another_catalogue_is_read_and_a_broken_one_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("more.toml");
    let text = "schema = 1\ndate = \"2026-11-25\"\n[[platform]]\nid = \"example\"\nname = \"Example\"\nowner = \"Example Ltd\"\n";
    std::fs::write(&file, text).unwrap();
    let run = |arguments: &[&str]| Command::new(BINARY).args(arguments).arg("--catalogue").arg(&file).output().unwrap();
    let list = run(&["platforms"]);
    assert!(list.status.success() && String::from_utf8_lossy(&list.stdout).contains("\nexample "), "{list:?}");
    assert!(String::from_utf8_lossy(&run(&["platforms", "example"]).stdout).contains("Example (example), run by Example Ltd"));
    assert_eq!(run(&["platforms", "nobody"]).status.code(), Some(2));

    std::fs::write(&file, text.replace("owner", "colour")).unwrap();
    for command in [&["platforms"][..], &["inspect", "captures/demo.pcapng"]] {
        let broken = run(command);
        let said = String::from_utf8_lossy(&broken.stderr).into_owned();
        assert_eq!(broken.status.code(), Some(1), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("more.toml: is no catalogue of platforms: line 6, column 1: unknown field `colour`"), "{said}");
    }
}

/// What the other classifier calls a platform of ours.
fn ours(label: &str) -> &[&'static str] {
    match label {
        "WhatsApp" | "WhatsAppCall" | "WhatsAppFiles" => &["whatsapp"],
        "Signal" | "SignalVoip" => &["signal"],
        "Telegram" | "TelegramVoip" => &["telegram"],
        "FacebookMessenger" | "FacebookVoip" => &["messenger"],
        "Skype_Teams" | "Skype_TeamsCall" | "Teams" => &["teams", "skype"],
        "Line" | "LineCall" => &["line"],
        "Viber" | "ViberVoip" => &["viber"],
        "KakaoTalk" | "KakaoTalk_Voice" => &["kakaotalk"],
        "SnapchatCall" | "Snapchat" => &["snapchat"],
        "OICQ" | "QQ" => &["qq"],
        "GoogleMeet" => &["google-meet"],
        "Jabber" => &["xmpp"],
        "Instagram" => &["instagram"],
        "Discord" => &["discord"],
        "Slack" => &["slack"],
        "Threema" => &["threema"],
        "WeChat" => &["wechat"],
        "Webex" => &["webex"],
        "Zoom" => &["zoom"],
        "Mumble" => &["mumble"],
        _ => &[],
    }
}

/// Where we disagree and keep to it: the label, what we say, and why.
const ARGUED: &[(&str, &str, &str)] = &[
    ("QQ", "wechat", "the host is under weixin.qq.com or wx.qq.com, which are WeChat's"),
    ("QQ", "tencent-shared", "qq.com names Tencent: video, statistics and a login for others"),
    ("FacebookMessenger", "meta-shared", "mqtt-mini.facebook.com serves Facebook too"),
    ("FacebookVoip", "meta-shared", "the realm turner.facebook names Meta, not one of its apps"),
    ("KakaoTalk_Voice", "nobody", "RTCP and random octets; only the address is Kakao's, as the label has it"),
    ("IMO", "nobody", "not in the catalogue"),
    ("TeamSpeak", "nobody", "not in the catalogue"),
    ("Jabber", "nobody", "a port and no byte of XMPP"),
    ("Skype_TeamsCall", "nobody", "STUN over TCP, which has no signs looked for"),
    ("Zoom", "nobody", "from the middle of a call, in a tunnel"),
    ("SIP", "nobody", "a fuzzed message that no longer is SIP"),
];

/// Labels for which the protocol is the answer.
const PROTOCOLS: &[(&str, &str)] = &[("SIP", "sip"), ("IRC", "irc"), ("Jabber", "xmpp")];

struct Flow {
    label: String,
    said: String,
    confidence: Option<Confidence>,
    place: String,
}

fn judged(path: &std::path::Path) -> Vec<Judged> {
    common::analyse_file(path, 1).map(|analysis| analysis.judged().collect()).unwrap_or_default()
}

#[test]
fn the_labels_of_another_classifier_are_met_or_argued_with() {
    let Some(root) = common::corpus("agreement on messengers") else { return };
    let flows = Mutex::new(Vec::new());
    common::each(&common::files_under(&root.join("truth")), |truth| {
        let text = std::fs::read_to_string(truth).unwrap();
        let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let labelled: Vec<&Value> =
            rows.iter().filter(|row| row["expect"]["app.messaging"].is_string() && row["confidence"] != "low").collect();
        if labelled.is_empty() {
            return;
        }
        let name = truth.strip_prefix(root.join("truth")).unwrap().with_extension("");
        let connections = judged(&root.join("captures").join(&name));
        for row in labelled {
            let ports = [&row["source"]["port"], &row["destination"]["port"]].map(|port| port.as_u64().unwrap());
            let found = connections.iter().find(|c| {
                let own = [u64::from(c.client.port), u64::from(c.server.port)];
                c.first_frame.get() == row["first_frame"] && (own == ports || own == [ports[1], ports[0]])
            });
            let label = row["expect"]["app.messaging"].as_str().unwrap().to_owned();
            let attribution = found.and_then(|c| c.attribution.as_ref());
            let by_protocol = PROTOCOLS.iter().any(|(l, p)| *l == label && found.and_then(|c| c.protocol()) == Some(p));
            let said = if by_protocol { label.clone() } else { attribution.map_or("nobody".into(), |a| a.platform.to_string()) };
            let place = format!("{} frame {}", name.display(), row["first_frame"]);
            flows.lock().unwrap().push(Flow { label, said, confidence: attribution.map(|a| a.confidence), place });
        }
    });
    let flows = flows.into_inner().unwrap();
    let met = |flow: &Flow| flow.said == flow.label || ours(&flow.label).contains(&flow.said.as_str());
    let argued = |flow: &Flow| ARGUED.iter().any(|(label, said, _)| *label == flow.label && *said == flow.said);
    let (agree, argue) = (flows.iter().filter(|f| met(f)).count(), flows.iter().filter(|f| !met(f) && argued(f)).count());
    let open: Vec<String> =
        flows.iter().filter(|f| !met(f) && !argued(f)).map(|f| format!("{}: {} instead of {}", f.place, f.said, f.label)).collect();
    println!(
        "messengers: {agree} of {} flows agree, {argue} disagree for a reason, {} without one\n{}",
        flows.len(),
        open.len(),
        open.join("\n")
    );
    // Eight media flows between the two ends of WhatsApp calls carry no sign of their own: they would need their sockets tied to those that do.
    assert!(agree * 100 >= (flows.len() - argue) * 98, "{agree} of {} and {argue} argued:\n{}", flows.len(), open.join("\n"));
    assert!(flows.len() > 400 && argue <= 28, "{argue} of {} are argued", flows.len());
    for flow in flows.iter().filter(|flow| SEVEN.contains(&flow.said.as_str()) && flow.confidence != Some(Confidence::Shared)) {
        assert!(met(flow), "{}: named {}, which the other classifier calls {}", flow.place, flow.said, flow.label);
    }
}

/// Every attribution to one of the seven in the corpus, read one by one: captures and signals that are right.
const READ: &[(&str, &str, &[&str])] = &[
    ("ndpi/instagram.pcap", "instagram", &["sni", "http-host", "ip", "dns"]),
    ("ndpi/tls_2_reasms.pcapng", "instagram", &["sni"]),
    ("ndpi/signal.pcap", "signal", &["sni", "certificate", "dns"]),
    ("ndpi/quic_frags_ch_out_of_order_same_packet_craziness.pcapng", "whatsapp", &["sni"]),
    ("ndpi/waze.pcap", "whatsapp", &["protocol"]),
    ("ndpi/whatsapp.pcap", "whatsapp", &["protocol", "ip"]),
    ("ndpi/whatsapp_login_call.pcap", "whatsapp", &["protocol", "stun-sign", "same-socket", "ip", "dns"]),
    ("ndpi/whatsapp_login_chat.pcap", "whatsapp", &["protocol", "dns"]),
    ("ndpi/whatsapp_voice_and_message.pcap", "whatsapp", &["protocol", "stun-sign", "ip"]),
    ("ndpi/wa_video.pcap", "whatsapp", &["stun-sign", "same-socket", "ip"]),
    ("ndpi/wa_voice.pcap", "whatsapp", &["protocol", "stun-sign", "ip"]),
    ("ndpi/stun_wa_call.pcapng", "whatsapp", &["stun-sign", "same-socket", "ip"]),
    ("ndpi/lru_ipv6_caches.pcapng", "whatsapp", &["stun-sign"]),
];

#[test]
fn no_connection_of_another_service_is_named_as_one_of_the_seven() {
    let Some(root) = common::corpus("attributions to the seven") else { return };
    let (wrong, counts) = (Mutex::new(Vec::new()), Mutex::new(BTreeMap::new()));
    common::each(&common::corpus_captures(&root), |path| {
        let name = path.strip_prefix(root.join("captures")).unwrap().to_string_lossy().into_owned();
        for connection in judged(path) {
            let Some(of) = &connection.attribution else { continue };
            if !SEVEN.contains(&&*of.platform) {
                continue;
            }
            *counts.lock().unwrap().entry(of.platform.to_string()).or_insert(0) += 1;
            let read = READ.iter().any(|(capture, platform, signals)| {
                *capture == name && **platform == *of.platform && of.because.iter().all(|s| signals.contains(&s.signal))
            });
            if !read {
                let because: Vec<String> = of.because.iter().map(|s| format!("{}={}", s.signal, s.value)).collect();
                wrong.lock().unwrap().push(format!("{name} frame {}: {} by {}", connection.first_frame, of.platform, because.join(" ")));
            }
        }
    });
    let (wrong, counts) = (wrong.into_inner().unwrap(), counts.into_inner().unwrap());
    println!("attributed to the seven: {counts:?}");
    assert!(wrong.is_empty(), "not read yet:\n{}", wrong.join("\n"));
}
