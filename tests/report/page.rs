//! The page: grounds behind every sentence, frames that exist, no script, contrast.

use super::*;

/// The text nodes of a page, each with the attributes of all elements around it.
pub fn text_nodes(html: &str) -> Vec<(Vec<String>, String)> {
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
pub fn asking_for(host: &str) -> Vec<u8> {
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

/// The relative luminance of `#rrggbb` (WCAG 2.2).
pub fn luminance(colour: &str) -> f64 {
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
