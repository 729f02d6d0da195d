//! From recognised traffic to the row of the report.

use super::*;

/// From recognised traffic to the row of the report, for the platforms of the founding article. The stand-ins of `captures/` have the real
/// names and not the real servers.
#[test]
fn each_of_the_seven_has_its_row_with_grade_claim_source_and_date() {
    let said = json(&[&capture("phone_seven.pcap")]);
    let row =
        |id: &str| said["platforms"].as_array().unwrap().iter().find(|p| p["id"] == id).unwrap_or_else(|| panic!("no row of {id}")).clone();
    for (id, status) in [
        ("signal", "default"),
        ("whatsapp", "default"),
        ("messenger", "default"),
        ("tiktok", "none"),
        ("instagram", "none"),
        ("x", "optional"),
    ] {
        let row = row(id);
        assert_eq!(row["headline"]["text"], "protected in 1 of 1", "{id}");
        assert_eq!(row["claim"]["status"], status, "{id}");
        assert!(row["claim"]["source"]["title"].is_string() && row["claim"]["source"]["checked"].is_string(), "{id}");
        assert!(row["because"][0]["evidence"][0]["frames"][0].is_u64(), "{id}");
        let summary = row["summary"].as_str().unwrap();
        let name = row["name"].as_str().unwrap();
        assert!(
            summary.starts_with(&format!(
                "In this capture, 1 of 1 connection that {name} is reported to use for messages or calls used TLS 1.3"
            )),
            "{summary}"
        );
        assert!(summary.contains(&format!("This says nothing about what {name} can read on its servers.")), "{summary}");
    }
    // iMessage has no name of its own: its push channel is that of every app.
    let push = row("apple-push");
    assert_eq!(
        (push["kind"].as_str(), &push["candidates"][0]["id"], &push["candidates"][0]["claim"]["status"]),
        (Some("shared"), &"imessage".into(), &"default".into())
    );
    assert!(push["summary"].as_str().unwrap().contains("Packets do not tell which app it was."));
    assert!(said["platforms"].as_array().unwrap().iter().all(|p| p["id"] != "imessage"), "nothing is forced");
    assert!(said["not_seen"]["text"].as_str().unwrap().contains("No traffic recognisable as iMessage"));
}

/// The claim is that of the day the packets were captured, and what changed since stands beside it.
#[test]
fn a_capture_from_before_a_claim_changed_shows_the_claim_of_its_day_and_what_it_is_now() {
    let original = common::container::pcap(&fs::read(capture("phone_seven.pcap")).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let on = |day: &str, seconds: u32| {
        let mut moved = common::container::pcap(&fs::read(capture("phone_seven.pcap")).unwrap()).unwrap();
        let first = original.records[0].secs;
        moved.records.iter_mut().for_each(|record| record.secs = record.secs - first + seconds);
        let path = folder.path().join(format!("{day}.pcap"));
        fs::write(&path, excerpt::written(&moved, &moved.records.iter().collect::<Vec<_>>())).unwrap();
        json(&[path.to_str().unwrap()])
    };
    let row = |said: &Value, id: &str| said["platforms"].as_array().unwrap().iter().find(|p| p["id"] == id).unwrap().clone();
    let before = on("2026-05-07", 1_778_112_000);
    let after = on("2026-05-09", 1_778_284_800);
    let (was, is) = (row(&before, "instagram"), row(&after, "instagram"));
    assert_eq!((&was["claim"]["status"], &is["claim"]["status"]), (&"optional".into(), &"none".into()));
    assert_eq!(was["claim"]["history"][0]["status"], "none", "what came later is told: {}", was["claim"]["history"]);
    assert_eq!(is["claim"]["history"][0]["status"], "optional", "{}", is["claim"]["history"]);
    let scope = |said: &Value| row(said, "x")["claim"]["source"]["date"].as_str().unwrap_or_default().to_owned();
    let (paid, free) = (on("2024-06-01", 1_717_200_000), after);
    assert_ne!(scope(&paid), scope(&free), "X's claim went from paid accounts to everybody");
}
