//! The report: the same bytes each time, frames or a source behind every sentence, nothing from outside, nobody named once redacted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Output, Stdio};

use common::container::ethernet_pcap;
use common::frames::{CLIENT, PSH, SERVER, tcp};
use serde_json::Value;

const FORMATS: [&str; 3] = ["html", "md", "json"];

fn intransit(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_intransit")).args(args).stdin(Stdio::null()).output().unwrap()
}

fn capture(name: &str) -> String {
    common::cabinet().join(name).to_str().unwrap().to_owned()
}

/// What `report` prints in this format.
fn report(format: &str, args: &[&str]) -> String {
    let done = intransit(&[&["report", "-q", "--format", format], args].concat());
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&report("json", args)).unwrap()
}

fn everything() -> Vec<String> {
    common::cabinet_captures().iter().map(|path| path.to_str().unwrap().to_owned()).collect()
}

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
fn the_format_is_guessed_from_the_suffix_and_a_strange_one_is_refused_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    for (name, start) in [("r.html", "<!DOCTYPE html>"), ("r.md", "# "), ("r.json", "{")] {
        let path = folder.path().join(name);
        assert!(intransit(&["report", "-q", &capture("tls13_aes128.pcap"), "-o", path.to_str().unwrap()]).status.success());
        assert!(fs::read_to_string(path).unwrap().starts_with(start), "{name}");
    }
    let refused = intransit(&["report", "nowhere.pcap", "-o", "report.doc"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("html"));
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
fn a_filter_limits_the_report_and_the_report_says_so() {
    let said = json(&[&capture("demo.pcapng"), "--filter", "proto:dns"]);
    let (covers, of) = (said["filter"]["connections"].as_u64().unwrap(), said["filter"]["of"].as_u64().unwrap());
    assert!(covers > 0 && covers < of, "{}", said["filter"]);
    let text = report("md", &[&capture("demo.pcapng"), "--filter", "proto:dns"]);
    assert!(text.contains(&format!("covers {covers} of {of} connections")), "{text}");
    let wrong = intransit(&["report", &capture("demo.pcapng"), "--filter", "colour:red"]);
    assert_eq!(wrong.status.code(), Some(2));
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

/// The text nodes of a page, each with the attributes of all elements around it.
fn text_nodes(html: &str) -> Vec<(Vec<String>, String)> {
    const VOID: [&str; 3] = ["meta", "br", "rect"];
    let (mut open, mut found): (Vec<String>, _) = (Vec::new(), Vec::new());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (text, tail) = rest.split_at(at);
        if !text.trim().is_empty() {
            found.push((open.clone(), text.to_owned()));
        }
        let end = tail.find('>').expect("a tag ends");
        let tag = &tail[1..end];
        rest = &tail[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            let closed = open.pop().expect("something is open");
            assert_eq!(closed.split_whitespace().next(), Some(name), "the page is well formed");
        } else if tag.starts_with("style") {
            rest = &rest[rest.find("</style>").unwrap() + 8..];
        } else if !tag.starts_with('!') && !tag.ends_with('/') && !VOID.contains(&tag.split_whitespace().next().unwrap()) {
            open.push(tag.to_owned());
        }
    }
    assert!(open.is_empty(), "{open:?} is never closed");
    found
}

#[test]
fn every_sentence_with_a_number_or_a_name_has_frames_or_a_source() {
    let all = everything();
    let html = report("html", &all.iter().map(String::as_str).collect::<Vec<_>>());
    let names: BTreeSet<String> = json(&all.iter().map(String::as_str).collect::<Vec<_>>())["exposure"]["names"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(names.len() > 5);
    let mut grounded = 0;
    for (around, text) in text_nodes(&html) {
        let on = |attribute: &str| around.iter().any(|tag| tag.contains(attribute));
        if on("data-frames=\"") || on("data-source=\"") || on("data-rule=\"") || on("data-ground=\"") {
            grounded += 1;
            continue;
        }
        let says = text.chars().any(|c| c.is_ascii_digit()) || names.iter().any(|name| name.len() > 3 && text.contains(name.as_str()));
        // The program's words on how to read the report, headings with names of apps, and the marks themselves.
        let exempt = around.iter().any(|tag| ["title", "h3", "dt", "a class=\"n\""].iter().any(|name| tag.starts_with(name)))
            || around.iter().any(|tag| tag.contains("glossary"));
        assert!(!says || exempt, "nothing stands behind {text:?} in {around:?}");
    }
    assert!(grounded > 200, "only {grounded} pieces of text say what they rest on");
}

#[test]
fn every_frame_that_is_named_is_in_its_capture() {
    let all = everything();
    let said = json(&all.iter().map(String::as_str).collect::<Vec<_>>());
    let packets: Vec<u64> = said["inputs"].as_array().unwrap().iter().map(|input| input["packets"].as_u64().unwrap()).collect();
    fn walk(value: &Value, packets: &[u64], seen: &mut usize) {
        match value {
            Value::Object(map) => {
                if let (Some(input), Some(frames)) = (map.get("input"), map.get("frames")) {
                    let most = packets[usize::try_from(input.as_u64().unwrap()).unwrap()];
                    let frames: Vec<u64> = frames.as_array().unwrap().iter().map(|f| f.as_u64().unwrap()).collect();
                    assert!(!frames.is_empty() && frames.is_sorted() && frames.iter().all(|f| (1..=most).contains(f)), "{value}");
                    *seen += 1;
                }
                map.values().for_each(|v| walk(v, packets, seen));
            }
            Value::Array(list) => list.iter().for_each(|v| walk(v, packets, seen)),
            _ => {}
        }
    }
    let mut seen = 0;
    walk(&said, &packets, &mut seen);
    assert!(seen > 100);
}

#[test]
fn the_page_has_no_script_and_fetches_nothing() {
    let html = report("html", &[&capture("demo.pcapng")]);
    assert!(html.contains("http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-"));
    for never in
        ["<script", "<img", "<link", "<iframe", "<object", "<form", "javascript:", " src=", "@import", "url(http", " onload", " style="]
    {
        assert!(!html.to_lowercase().contains(never), "{never}");
    }
    for href in html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(href.starts_with('#') || href.starts_with("https://") || href.starts_with("http://"), "{href}");
    }
    let marks: BTreeSet<&str> = html.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    for mark in marks {
        assert!(html.contains(&format!("id=\"{mark}\"")), "#{mark} leads nowhere");
    }
}

/// A capture with an HTTP request to this host.
fn asking_for(host: &str) -> Vec<u8> {
    let request = format!("GET /secret HTTP/1.1\r\nHost: {host}\r\n\r\n");
    ethernet_pcap(&[tcp(CLIENT, SERVER, 1, 1, PSH, request.as_bytes())])
}

#[test]
fn hostile_names_are_text_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("<img src=x onerror=alert(1)>.pcap");
    fs::write(&path, asking_for("<script>alert(1)</script>\"'`|[x](javascript:y)\u{202e}gpj")).unwrap();
    let path = path.to_str().unwrap();
    let html = report("html", &[path]);
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "the name is shown");
    assert!(!html.contains("<script") && !html.contains("<img"));
    text_nodes(&html);
    let md = report("md", &[path]);
    assert!(md.contains("`<script>alert(1)</script>\"'\\x60\\|[x](javascript:y)\\u{202e}gpj`"), "{md}");
    for format in FORMATS {
        assert!(!report(format, &[path]).contains('\u{202e}'), "{format} turns the direction of text");
    }
    assert_eq!(json(&[path])["exposure"]["names"][0]["name"], "<script>alert(1)</script>\"'`|[x](javascript:y)\u{202e}gpj");
}

/// Everything in the connections of a capture that says who, where or when.
fn originals(path: &str) -> BTreeSet<String> {
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

/// The relative luminance of `#rrggbb` (WCAG 2.2).
fn luminance(colour: &str) -> f64 {
    let part = |at: usize| {
        let c = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if c <= 0.03928 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

#[test]
fn every_colour_of_text_has_the_contrast_of_wcag_aa_in_the_light_in_the_dark_and_on_paper() {
    let html = report("html", &[&capture("demo.pcapng")]);
    let style = html.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let blocks: Vec<&str> = style.split(":root{").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
    assert_eq!(blocks.len(), 3);
    for block in blocks {
        let colour = |name: &str| {
            let value = block
                .split(&format!("--{name}:"))
                .nth(1)
                .unwrap_or_else(|| panic!("--{name}"))
                .split([';', '\n'])
                .next()
                .unwrap()
                .to_owned();
            if value.len() == 4 { value.chars().flat_map(|c| if c == '#' { vec![c] } else { vec![c, c] }).collect() } else { value }
        };
        let contrast = |a: &str, b: &str| {
            let (a, b) = (luminance(&colour(a)), luminance(&colour(b)));
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        for text in ["ink", "quiet", "link", "exposed", "weak", "custom", "protected", "unknown"] {
            for paper in ["paper", "panel"] {
                assert!(contrast(text, paper) >= 4.5, "{text} on {paper}: {:.2} in {block}", contrast(text, paper));
            }
        }
        assert!(contrast("banner-ink", "banner") >= 4.5);
    }
}

/// Whether a value is what a schema asks for: the parts of JSON Schema (draft 2020-12) that ours use.
fn check(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
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

fn schema(name: &str) -> Value {
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
