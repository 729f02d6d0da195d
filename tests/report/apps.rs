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
