//! The same input gives the same bytes; what was read, by whom it was said, and whether a report follows from its captures.

use super::*;

#[test]
fn the_same_input_gives_the_same_bytes_with_any_number_of_workers() {
    let all = everything();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    for format in FORMATS {
        let once = report(format, &[&all[..], &["--workers", "1"]].concat());
        let again = report(format, &[&all[..], &["--workers", "3"]].concat());
        assert!(once == again, "{format} differs");
    }
    assert!(json(&[&capture("demo.pcapng")]).get("made").is_none());
    let stamped = json(&[&capture("demo.pcapng"), "--stamp"]);
    assert!(stamped["made"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn what_cannot_be_read_is_told_by_status_and_in_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("letter.txt");
    fs::write(&text, "Dear Sir or Madam").unwrap();
    let text = text.to_str().unwrap();
    assert_eq!(intransit(&["report", text]).status.code(), Some(1));
    let out = folder.path().join("r.json");
    let done = intransit(&["report", text, &capture("tls13_aes128.pcap"), "-o", out.to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(3));
    let said: Value = serde_json::from_str(&fs::read_to_string(out).unwrap()).unwrap();
    assert!(said["warnings"].to_string().contains("letter.txt was given but could not be read"), "{}", said["warnings"]);
    assert_eq!(said["inputs"].as_array().unwrap().len(), 1);
}

#[test]
fn what_the_operator_states_is_claimed_and_blanks_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("case.toml");
    fs::write(&case, "device = \"Pixel 8\"\napp = \"TikTok\"\n[[action]]\ntime = 10:32:05\nwhat = \"sent message\"\n").unwrap();
    let case = case.to_str().unwrap();
    let said = json(&[&capture("demo.pcapng"), "--case", case]);
    assert_eq!(said["case"]["basis"], "claimed");
    assert_eq!(said["case"]["device"], "Pixel 8");
    assert_eq!(said["case"]["actions"][0], serde_json::json!({"time": "10:32:05", "what": "sent message"}));
    assert!(said["case"]["not_stated"].as_array().unwrap().iter().any(|field| field == "place"));
    assert!(report("md", &[&capture("demo.pcapng"), "--case", case]).contains("place: not stated"));
    let hidden = report("html", &[&capture("demo.pcapng"), "--case", case, "--redact"]);
    assert!(!hidden.contains("Pixel 8") && !hidden.contains("10:32:05"));
    let broken = intransit(&["report", &capture("demo.pcapng"), "--case", &capture("demo.pcapng")]);
    assert_eq!(broken.status.code(), Some(1));
}

#[test]
fn a_report_is_verified_from_its_captures_in_any_order_and_by_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let renamed = path("renamed.pcap");
    fs::copy(capture("tls12_gcm.pcap"), &renamed).unwrap();
    let report = path("r.json");
    let verify = |files: &[&str]| {
        let done = intransit(&[&["verify", &report], files].concat());
        (done.status.code().unwrap(), String::from_utf8(done.stdout).unwrap())
    };
    for extra in [&[][..], &["--redact"], &["--stamp", "--filter", "tls:1.3"]] {
        let made = intransit(&[&["report", "-q", &capture("demo.pcapng"), &capture("tls12_gcm.pcap"), "-o", &report], extra].concat());
        assert!(made.status.success());
        let (status, said) = verify(&[&renamed, &capture("demo.pcapng")]);
        assert_eq!(status, 0, "{extra:?}: {said}");
        assert!(said.starts_with("identical: "), "{said}");
    }
    let (status, said) = verify(&[&capture("demo.pcapng"), &capture("tls13_aes128.pcap")]);
    assert_eq!(status, 1);
    assert!(said.contains("no file given has the SHA-256 of the report's input \"tls12_gcm.pcap\""), "{said}");
    let forged = fs::read_to_string(&report).unwrap().replacen("\"grade\": \"", "\"grade\": \"very-", 1);
    fs::write(&report, forged).unwrap();
    let (status, said) = verify(&[&renamed, &capture("demo.pcapng")]);
    assert_eq!(status, 1);
    assert!(said.contains("grade: \"very-"), "{said}");
    fs::write(&report, "{}").unwrap();
    assert_eq!(intransit(&["verify", &report, &renamed]).status.code(), Some(1));
}

#[test]
fn hashes_of_inputs_are_those_of_the_files() {
    for name in ["tls13_aes128.pcap", "form_gz.pcap.gz"] {
        let said = json(&[&capture(name)]);
        let bytes = fs::read(capture(name)).unwrap();
        let hash: String =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes).as_ref().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(said["inputs"][0]["sha256"], hash);
        assert_eq!(said["inputs"][0]["bytes"], bytes.len() as u64);
    }
}

#[test]
fn a_report_whose_sentences_repeat_what_the_operator_stated_is_verified_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (case, made) = (path("case.toml"), path("r.json"));
    fs::write(&case, "app = \"TikTok\"\n[[action]]\ntime = 10:32:05\nwhat = \"sent message\"\n").unwrap();
    let phone = capture("phone.pcap");
    let verify = |extra: &[&str]| {
        let done = intransit(&[&["verify", &made, &phone], extra].concat());
        (done.status.code().unwrap(), String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap())
    };
    assert!(intransit(&["report", "-q", &phone, "--case", &case, "-o", &made]).status.success());
    assert!(fs::read_to_string(&made).unwrap().contains("The operator states, at 10:32:05: sent message."));
    assert_eq!(verify(&[]).0, 0, "{}", verify(&[]).1);
    assert_eq!(verify(&["--case", &case]).0, 0, "{}", verify(&["--case", &case]).1);
    // Another version of the program may say other things.
    fs::write(&made, fs::read_to_string(&made).unwrap().replace("\"version\": \"", "\"version\": \"9.")).unwrap();
    let (status, said) = verify(&[]);
    assert!(status == 1 && said.contains("the version of intransit is another one than when the report was made"), "{said}");
    assert!(intransit(&["report", "-q", &phone, "--case", &case, "--redact", "-o", &made]).status.success());
    let (status, said) = verify(&[]);
    assert!(status == 2 && said.contains("give the file with --case"), "{said}");
    assert_eq!(verify(&["--case", &case]).0, 0, "{}", verify(&["--case", &case]).1);
    // A capture that was changed: its hash is told first, and what follows from that is not listed at length.
    assert!(intransit(&["report", "-q", &phone, "-o", &made]).status.success());
    let changed = path("phone.pcap");
    let mut bytes = fs::read(&phone).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&changed, bytes).unwrap();
    let done = intransit(&["verify", &made, &changed]);
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(said.contains("no file given has the SHA-256 of the report's input \"phone.pcap\"") && said.lines().count() <= 6, "{said}");
    assert_eq!(intransit(&["verify", &made, &path("nowhere.pcap")]).status.code(), Some(1));
}
