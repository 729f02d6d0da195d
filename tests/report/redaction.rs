//! What a redacted report must not tell.

use super::*;

/// Everything in the connections of a capture that says who, where or when.
pub fn originals(path: &str) -> BTreeSet<String> {
    let done = intransit(&["inspect", "-q", "--format", "jsonl", path]);
    let mut all = BTreeSet::new();
    for line in String::from_utf8(done.stdout).unwrap().lines() {
        let flow: Value = serde_json::from_str(line).unwrap();
        let mut add = |value: &Value| {
            let texts: Vec<&str> = value
                .as_array()
                .map_or_else(|| value.as_str().into_iter().collect(), |list| list.iter().filter_map(Value::as_str).collect());
            all.extend(texts.into_iter().filter(|text| text.len() > 3).map(str::to_owned));
        };
        for pointer in [
            "/source/ip",
            "/destination/ip",
            "/destination/domain",
            "/file/name",
            "/network/community_id",
            "/process/name",
            "/tls/client/server_name",
            "/tls/client/ja3",
            "/tls/client/ja4",
            "/tls/client/subject",
            "/tls/server/ja3s",
            "/tls/server/subject",
            "/tls/server/issuer",
            "/tls/server/not_after",
            "/tls/server/hash/sha256",
            "/tls/server/hash/sha1",
            "/tls/server/x509/serial_number",
            "/tls/server/x509/alternative_names",
            "/@timestamp",
        ] {
            flow.pointer(pointer).into_iter().for_each(&mut add);
        }
        for fact in flow["intransit"]["facts"].as_array().unwrap() {
            if ["dns.question.name", "http.host", "http.connect_target", "socks.target", "intransit.resolved_name"]
                .contains(&fact["name"].as_str().unwrap())
            {
                add(&fact["value"]);
            }
        }
        // The time of day, however the day is written.
        all.insert(flow["@timestamp"].as_str().unwrap()[11..19].to_owned());
    }
    all
}

#[test]
fn a_redacted_report_holds_none_of_the_originals() {
    for path in everything() {
        let mut originals = originals(&path);
        // The names of apps stay: they are what the report is about, and the catalogue's words.
        for platform in json(&[&path])["platforms"].as_array().unwrap() {
            originals.remove(platform["name"].as_str().unwrap());
        }
        for format in FORMATS {
            let said = report(format, &[&path, "--redact"]);
            for original in &originals {
                assert!(!said.to_lowercase().contains(&original.to_lowercase()), "{format} of {path} tells {original:?}");
            }
            if format == "html" {
                assert!(said.contains("Redacted: names and addresses are pseudonyms"));
                text_nodes(&said);
            }
        }
    }
    let plain = report("html", &[&capture("demo.pcapng")]);
    assert!(plain.contains("Not redacted: this report contains addresses and names of people and devices"));
}

#[test]
fn pseudonyms_are_the_same_in_every_format() {
    let said = json(&[&capture("demo.pcapng"), "--redact"]);
    let name = said["exposure"]["names"][0]["name"].as_str().unwrap();
    let client = said["exposure"]["pairs"][0]["client"].as_str().unwrap();
    assert_eq!((name, client), ("name-1", "address-1"));
    let md = report("md", &[&capture("demo.pcapng"), "--redact"]);
    let html = report("html", &[&capture("demo.pcapng"), "--redact"]);
    let plain = json(&[&capture("demo.pcapng")]);
    let from = plain["exposure"]["names"][0]["from"].as_str().unwrap();
    assert_eq!(from, said["exposure"]["names"][0]["from"]);
    assert!(md.contains("| `name-1` |") && html.contains(">name-1<"));
}

#[test]
fn a_phones_capture_becomes_a_redacted_answer_on_one_app() {
    let args = [&capture("phone.pcap")[..], "--filter", "app:tiktok", "--redact"];
    let html = report("html", &args);
    for said in [
        "In this capture, 1 of 1 connection that TikTok is reported to use for messages or calls used TLS 1.3",
        "not end-to-end encrypted",
        "This says nothing about what TikTok can read on its servers.",
        "Redacted: names and addresses are pseudonyms",
    ] {
        assert!(html.contains(said), "{said}");
    }
    for hidden in ["im-ws", "tiktokv", "198.51.100.20", "192.0.2.10", "phone.pcap"] {
        assert!(!html.contains(hidden), "{hidden}");
    }
}

#[test]
fn nothing_in_a_redacted_report_can_be_computed_back() {
    for path in [capture("phone_seven.pcap"), capture("tls12_client_cert.pcap"), capture("demo.pcapng")] {
        let plain = json(&[&path]);
        let known = [&plain["inputs"][0]["sha256"], &plain["tool"]["rules"], &plain["tool"]["catalogue"]];
        for format in FORMATS {
            let said = report(format, &[&path, "--redact"]);
            let body = said.split("</style>").last().unwrap();
            let hashes =
                body.split(|c: char| !c.is_ascii_hexdigit()).filter(|run| run.len() >= 16 && run.chars().any(|c| c.is_ascii_digit()));
            for hash in hashes {
                assert!(known.iter().any(|known| known.as_str() == Some(hash)), "{format} of {path} holds {hash}");
            }
            assert!(
                !body.contains("1:") || !body.split("1:").skip(1).any(|rest| rest.get(..28).is_some_and(|id| id.ends_with('='))),
                "a Community ID"
            );
        }
    }
}

/// What somebody tries who has the redacted report, guesses every address of the networks and every name that was used, and computes.
#[test]
fn an_attacker_who_enumerates_addresses_names_and_connections_recovers_none_from_hashes_or_community_ids() {
    use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
    let path = capture("phone_seven.pcap");
    let plain = json(&[&path]);
    let known = [&plain["inputs"][0]["sha256"], &plain["tool"]["rules"], &plain["tool"]["catalogue"]].map(|v| v.as_str().unwrap());
    let mut guesses: BTreeSet<String> = originals(&path);
    let networks: BTreeSet<String> = guesses
        .iter()
        .filter_map(|text| text.parse::<std::net::Ipv4Addr>().ok())
        .map(|ip| format!("{}.{}.{}", ip.octets()[0], ip.octets()[1], ip.octets()[2]))
        .collect();
    assert!(!networks.is_empty());
    guesses.extend(networks.iter().flat_map(|network| (0..=255).map(move |host| format!("{network}.{host}"))));
    let community_ids = guesses.iter().filter(|text| text.starts_with("1:") && text.ends_with('=')).count();
    assert!(community_ids > 5 && guesses.len() > 500, "{community_ids} of {}", guesses.len());
    for format in FORMATS {
        let mut said = report(format, &[&path, "--redact"]);
        said = said.split("</style>").last().unwrap().to_lowercase();
        for public in known {
            said = said.replace(public, "");
        }
        for guess in &guesses {
            let mut tries = Vec::new();
            for text in [guess.clone(), guess.to_lowercase()] {
                for algorithm in [&SHA256, &SHA1_FOR_LEGACY_USE_ONLY] {
                    let hash: String = digest(algorithm, text.as_bytes()).as_ref().iter().map(|b| format!("{b:02x}")).collect();
                    tries.push(hash[..12].to_owned());
                }
            }
            if guess.starts_with("1:") {
                tries.push(guess.to_lowercase());
            }
            for found in tries {
                assert!(!said.contains(&found), "{format}: {guess:?} is recovered by {found}");
            }
        }
    }
}
