//! The JSON: as its schema says, and sums that agree.

use super::*;

#[test]
fn shares_are_rounded_down_and_counts_add_up() {
    let all = everything();
    let said = json(&all.iter().map(String::as_str).collect::<Vec<_>>());
    let sum = |value: &Value| value.as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum(&said["connections"]) + said["by_design"].as_u64().unwrap(), said["coverage"]["connections"].as_u64().unwrap());
    let of_apps: u64 = said["platforms"].as_array().unwrap().iter().map(|p| p["connections"].as_u64().unwrap()).sum();
    assert_eq!(of_apps, said["coverage"]["connections"].as_u64().unwrap());
    let shares: f64 = said["shares"].as_object().unwrap().values().map(|n| n.as_f64().unwrap()).sum();
    assert!(shares <= 1.0, "{shares}");
}

/// Whether a value is what a schema asks for: the parts of JSON Schema (draft 2020-12) that ours use.
pub fn check(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let mut say = |what: String| wrong.push(format!("{at}: {what}"));
    if let Some(name) = schema["$ref"].as_str() {
        let target = root.pointer(name.strip_prefix('#').unwrap()).unwrap_or_else(|| panic!("{name} is defined"));
        return check(root, target, value, at, wrong);
    }
    if schema.get("const").is_some_and(|constant| constant != value) || schema["enum"].as_array().is_some_and(|all| !all.contains(value)) {
        say(format!("{value} is not allowed"));
    }
    let is = |name: &str| match name {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the schema asks for {other}"),
    };
    let right = match &schema["type"] {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().any(|name| is(name.as_str().unwrap())),
        _ => true,
    };
    if !right {
        return say(format!("{value} is not {}", schema["type"]));
    }
    if let Some(n) = value.as_f64()
        && (schema["minimum"].as_f64().is_some_and(|least| n < least) || schema["maximum"].as_f64().is_some_and(|most| n > most))
    {
        say(format!("{n} is out of range"));
    }
    if let Some(list) = value.as_array() {
        if schema["minItems"].as_u64().is_some_and(|least| (list.len() as u64) < least) {
            say("too few entries".to_owned());
        }
        list.iter().for_each(|item| check(root, &schema["items"], item, &format!("{at}[]"), wrong));
    }
    if let Some(map) = value.as_object() {
        let known = schema["properties"].as_object();
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !map.contains_key(name) {
                wrong.push(format!("{at}: {name} is missing"));
            }
        }
        for (name, value) in map {
            match known.and_then(|known| known.get(name)) {
                Some(schema) => check(root, schema, value, &format!("{at}.{name}"), wrong),
                None if schema["additionalProperties"] == false => wrong.push(format!("{at}: {name} is not described")),
                None => check(root, &schema["additionalProperties"], value, &format!("{at}.*"), wrong),
            }
        }
    }
}

pub fn schema(name: &str) -> Value {
    let done = intransit(&["schema", name]);
    serde_json::from_slice(&done.stdout).unwrap()
}

#[test]
fn every_report_is_as_its_schema_says() {
    let schema = schema("report");
    let all = everything();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("case.toml");
    fs::write(&case, "place = \"at home\"\n[[action]]\ntime = \"noon\"\nwhat = \"sent message\"\n").unwrap();
    for extra in [&[][..], &["--redact"], &["--stamp", "--filter", "grade:exposed"], &["--case", case.to_str().unwrap()]] {
        let mut wrong = Vec::new();
        check(&schema, &schema, &json(&[&all[..], extra].concat()), "", &mut wrong);
        assert!(wrong.is_empty(), "{extra:?}: {}", wrong.join("\n"));
    }
    let mut broken = json(&[&capture("demo.pcapng")]);
    broken["coverage"]["judged"] = "many".into();
    broken["surprise"] = 1.into();
    let mut wrong = Vec::new();
    check(&schema, &schema, &broken, "", &mut wrong);
    assert_eq!(wrong.len(), 2, "the check can fail: {wrong:?}");
}

/// The canary test of a capture of the cabinet by its row: with and without its keys.
fn canary_args<'a>(file: &'a str, keys: &'a str, phrase: &'a str) -> Vec<&'a str> {
    vec![file, "--keylog", keys, "--message", phrase, "--control", "chat.example.net"]
}

#[test]
fn every_canary_test_is_as_its_schema_says() {
    let (of_canary, of_report) = (schema("canary"), schema("report"));
    let mut verdicts = BTreeSet::new();
    for (name, phrase) in [
        ("ws_tls13_pmd", "poppy-molten-79201-barley"),
        ("xmpp_starttls_omemo", "thistle-never-said-55021"),
        ("matrix_e2ee", "thistle-never-said-55021"),
        ("dtls_srtp", "thistle-never-said-55021"),
        ("demo", "thistle-never-said-55021"),
        ("quic_v1_h3", "chat.example.net"),
    ] {
        let file =
            ["pcap", "pcapng"].map(|end| capture(&format!("{name}.{end}"))).into_iter().find(|file| fs::exists(file).unwrap()).unwrap();
        let keys = capture(&format!("{name}.keylog"));
        let args = canary_args(&file, &keys, phrase);
        let done = intransit(&[&["canary", "-q", "--format", "json"], &args[..]].concat());
        let result: Value = serde_json::from_slice(&done.stdout).unwrap();
        let mut wrong = Vec::new();
        check(&of_canary, &of_canary, &result, "", &mut wrong);
        assert!(wrong.is_empty(), "{name}: {}", wrong.join("\n"));
        verdicts.insert(result["verdict"].as_str().unwrap().to_owned());
        for extra in [&[][..], &["--redact"]] {
            let report = json(&[&args[..], extra].concat());
            let mut wrong = Vec::new();
            check(&of_report, &of_report, &report, "", &mut wrong);
            assert!(wrong.is_empty(), "{name}: {}", wrong.join("\n"));
            assert_eq!(report["canary"]["tests"][0]["verdict"], result["verdict"], "{name}");
            assert_eq!(report["canary"]["message_sha256"], result["message_sha256"], "{name}");
        }
    }
    assert_eq!(verdicts.len(), 3, "one of each verdict: {verdicts:?}");
}

#[test]
fn the_canary_test_is_a_section_of_every_format_with_method_limits_and_frames_and_without_the_phrase() {
    let (file, keys) = (capture("ws_tls13_pmd.pcap"), capture("ws_tls13_pmd.keylog"));
    let phrase = "poppy-molten-79201-barley";
    let args = canary_args(&file, &keys, phrase);
    for format in ["html", "md", "json"] {
        for extra in [&[][..], &["--redact"], &["--unmask"]] {
            let text = super::report(format, &[&args[..], extra].concat());
            let plain = text.replace("\\", "").replace("&quot;", "\"");
            assert!(plain.contains("server end of this connection could read the phrase"), "{format}");
            assert!(plain.contains("Every connection of the capture was looked into"), "{format}: the method");
            assert!(plain.contains("not that anyone did") && plain.contains("is no proof of it"), "{format}: the limits");
            assert!(
                plain.contains("No platform's claim is refuted by this") || plain.contains("No platform&#39;s claim is refuted"),
                "{format}"
            );
            assert!(!plain.to_lowercase().contains("poppy"), "{format} {extra:?} holds the phrase");
            assert!(extra.contains(&"--redact") || plain.contains("WebSocket message 3 › inflate › JSON $.text"), "{format}: the layers");
            assert!(!extra.contains(&"--redact") || !plain.contains("chat.example.net"), "{format} names whom it must not");
        }
    }
    let report = json(&args);
    assert_eq!(report["canary"]["tests"][0]["channels"][0]["hits"][0]["basis"], "observed-with-keys");
    assert_eq!(report["grade"], "protected", "what keys open is exposed to nobody else");
}

#[test]
fn a_filter_does_not_narrow_the_canary_test_and_every_format_says_so() {
    let (file, keys) = (capture("ws_tls13_pmd.pcap"), capture("ws_tls13_pmd.keylog"));
    let args = [&canary_args(&file, &keys, "poppy-molten-79201-barley")[..], &["--filter", "port:9"]].concat();
    let report = json(&args);
    assert_eq!(report["coverage"]["connections"], 0, "the filter leaves nothing");
    assert_eq!(report["canary"]["tests"][0]["verdict"], "readable");
    for format in ["html", "md", "json"] {
        let text = super::report(format, &args);
        assert!(text.contains("does not narrow this test"), "{format}");
        assert!(!super::report(format, &canary_args(&file, &keys, "poppy-molten-79201-barley")).contains("does not narrow"), "{format}");
    }
}

#[test]
fn every_connection_is_as_its_schema_says() {
    let schema = schema("flow");
    let mut wrong = BTreeSet::new();
    for path in everything() {
        let done = intransit(&["inspect", "-q", "--format", "jsonl", &path]);
        for line in String::from_utf8(done.stdout).unwrap().lines() {
            let mut found = Vec::new();
            check(&schema, &schema, &serde_json::from_str(line).unwrap(), "", &mut found);
            wrong.extend(found);
        }
    }
    let wrong: Vec<String> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "describe in src/present/schema/flow.json:\n{}", wrong.join("\n"));
}
