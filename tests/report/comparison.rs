//! Two captures side by side.

use super::*;

#[test]
fn a_comparison_tells_what_is_new_and_what_is_gone_in_every_format() {
    let (before, after) = (capture("tls12_gcm.pcap"), capture("tls13_aes128.pcap"));
    let compare = |format: &str| {
        let done = intransit(&["compare", "-q", "--format", format, &before, &after]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    let said: Value = serde_json::from_str(&compare("json")).unwrap();
    let of = |subject: &str, value: &str| {
        let rows = said["subjects"][subject].as_array().unwrap();
        rows.iter().find(|row| row["value"] == value).unwrap_or_else(|| panic!("{subject}: {value}")).clone()
    };
    assert_eq!(of("versions", "TLS 1.3")["change"], "new");
    assert_eq!(of("versions", "TLS 1.2")["change"], "gone");
    assert_eq!(of("grades", "protected")["change"], "same");
    assert_eq!(of("versions", "TLS 1.3")["second"]["evidence"][0]["input"], 1);
    assert!(compare("md").contains("| TLS 1.2 | 1: `frame.number in {"));
    let html = compare("html");
    text_nodes(&html);
    assert!(html.contains("default-src 'none'") && html.contains("<td>TLS 1.3</td>"));
    assert_eq!(intransit(&["compare", &before, "nowhere.pcap"]).status.code(), Some(1));
}

#[test]
fn a_redacted_comparison_holds_none_of_the_originals_and_keys_are_told_first() {
    let paths = [capture("phone_seven.pcap"), capture("demo.pcapng")];
    let mut hidden = BTreeSet::new();
    for path in &paths {
        let mut of_one = redaction::originals(path);
        for platform in json(&[path])["platforms"].as_array().unwrap() {
            of_one.remove(platform["name"].as_str().unwrap());
        }
        hidden.extend(of_one);
    }
    assert!(hidden.len() > 30);
    for format in FORMATS {
        let compare = |args: &[&str]| {
            let done = intransit(&[&["compare", "-q", "--format", format], args].concat());
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            String::from_utf8(done.stdout).unwrap()
        };
        let said = compare(&[&paths[0], &paths[1], "--redact"]);
        for original in &hidden {
            assert!(!said.to_lowercase().contains(&original.to_lowercase()), "{format} tells {original:?}");
        }
        assert!(said.contains("name-1") && said.contains("address-1") && said.contains(":443 tcp"), "{format}");
        let plain = compare(&[&paths[0], &paths[1]]);
        assert!(hidden.iter().any(|original| plain.contains(original.as_str())), "the check can fail");
        let keys = compare(&[&capture("form_dsb.pcapng"), &paths[1]]);
        let body = keys.split("<body>").last().unwrap();
        let (told, heading) = (body.find("Keys were used"), body.find("What changed between"));
        assert!(told.is_some() && (told < heading || heading.is_none()), "{format}: {body:.300}");
    }
}
