#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use super::*;
use crate::base::Timestamp;

const SEVEN: [&str; 7] = ["signal", "whatsapp", "imessage", "messenger", "tiktok", "instagram", "x"];

fn own() -> Catalogue {
    Catalogue::read(&[include_str!("../platforms.toml")]).unwrap_or_else(|error| panic!("{error}"))
}

fn day(date: &str) -> Timestamp {
    date.parse::<Date>().unwrap().start()
}

#[test]
fn the_catalogue_that_comes_with_the_program_is_sound() {
    let catalogue = own();
    assert_eq!(catalogue.hash().len(), 64);
    assert!(catalogue.platforms().len() >= 24 && catalogue.groups().len() >= 3);
}

#[test]
fn the_seven_of_the_founding_article_come_first_each_with_its_claim_its_source_and_its_date() {
    let catalogue = own();
    let first: Vec<&str> = catalogue.platforms().iter().take(7).map(|platform| &*platform.id).collect();
    assert_eq!(first, SEVEN);
    for platform in catalogue.platforms().iter().take(7) {
        assert!(platform.article.is_some(), "{}", platform.id);
        assert!(!platform.apps.is_empty(), "{}", platform.id);
        let claim = platform.claim_now().unwrap();
        assert_ne!(claim.messages(), Status::Unknown, "{}", platform.id);
        assert_eq!(claim.until, None, "{}", platform.id);
        let source = catalogue.source(&claim.source).unwrap();
        assert!(source.url.is_some(), "{}", platform.id);
        assert!(source.date.is_some() || source.quality == Quality::OfficialCopy || source.quality == Quality::Official, "{}", platform.id);
        assert!(platform.beside.keys.is_some() && platform.beside.access.is_some(), "{}", platform.id);
    }
}

#[test]
fn every_platform_the_issue_names_is_there() {
    let catalogue = own();
    for id in [
        "telegram",
        "threema",
        "viber",
        "wechat",
        "line",
        "kakaotalk",
        "snapchat",
        "discord",
        "slack",
        "teams",
        "google-messages",
        "google-chat",
        "zoom",
        "matrix",
        "wire",
        "session",
        "simplex",
        "delta-chat",
        "xmpp",
        "briar",
    ] {
        assert!(catalogue.platform(id).is_some_and(|platform| !platform.claims.is_empty()), "{id}");
    }
    for id in ["meta-shared", "apple-push", "google-push"] {
        assert!(catalogue.group(id).is_some_and(|group| !group.candidates.is_empty() && !group.others.is_empty()), "{id}");
    }
}

#[test]
fn every_claim_and_every_sign_names_a_source_that_was_read_and_none_is_recalled() {
    let catalogue = own();
    let sources: Vec<(&str, &SourceKey)> = catalogue.citations().collect();
    assert!(sources.len() > 400, "{}", sources.len());
    for (id, key) in sources {
        let source = catalogue.source(key).unwrap();
        assert_ne!(source.quality, Quality::Recalled, "{id}: {}", key.as_str());
        assert!(source.checked >= "2026-11-01".parse().unwrap(), "{id}: {}", key.as_str());
        assert!(!source.title.is_empty());
        assert!(source.quality != Quality::Secondary || source.url.is_some(), "{id}: {}", key.as_str());
    }
}

#[test]
fn every_source_is_used() {
    let catalogue = own();
    let used: BTreeSet<&str> = catalogue.citations().map(|(_, key)| key.as_str()).collect();
    let unused: Vec<&str> = catalogue.source_keys().filter(|key| !used.contains(key)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn a_name_that_several_apps_use_stands_in_a_group_and_nowhere_else() {
    let catalogue = own();
    for name in [
        "edge-mqtt.facebook.com",
        "graph.facebook.com",
        "scontent.fbcdn.net",
        "star.c10r.facebook.com",
        "7-courier.push.apple.com",
        "mtalk.google.com",
        "alt3-mtalk.google.com",
        "www.google.com",
        "query.ess.apple.com",
        "p42-contacts.icloud.com",
        "t.co",
        "analytics.tiktok.com",
        "t1.daumcdn.net",
        "vv.video.qq.com",
        "api.skype.com",
    ] {
        let named = catalogue.index().name(name.as_bytes());
        assert!(named.is_some_and(|named| named.who.candidates.is_some()), "{name}");
    }
    // Each of these would name every customer of a hosting company.
    for name in ["akamaihd.net", "a.akamaized.net", "x.appspot.com", "d1.cloudfront.net", "storage.googleapis.com.evil.example"] {
        assert!(catalogue.index().name(name.as_bytes()).is_none(), "{name}");
    }
}

#[test]
fn suffixes_match_whole_labels_only_and_the_longest_wins() {
    let catalogue = own();
    let id = |name: &str| catalogue.index().name(name.as_bytes()).map(|named| named.who.id.to_string());
    assert_eq!(id("chat-ws.x.com").as_deref(), Some("x"));
    assert_eq!(id("x.com").as_deref(), Some("x"));
    for trap in [
        "dropbox.com",
        "netflix.com",
        "fedex.com",
        "notx.com",
        "online.me",
        "offline.me",
        "reddit.me",
        "com",
        "xx.com",
        "x.com.evil.example",
    ] {
        assert_eq!(id(trap), None, "{trap}");
    }
    assert_eq!(id("LINE.me").as_deref(), Some("line"));
    assert_eq!(id("access.line.me.").as_deref(), Some("line"));
    assert_eq!(id("*.viber.com").as_deref(), Some("viber"));
    assert_eq!(id("hkextshort.weixin.qq.com:80").as_deref(), Some("wechat"));
    assert_eq!(id("weixin.qq.com.").as_deref(), Some("wechat"));
    assert_eq!(id("im.qq.com").as_deref(), Some("tencent-shared"));
    assert_eq!(id("web-chat-e2ee.facebook.com").as_deref(), Some("messenger"));
    assert_eq!(id("z-p42-chat-e2ee-ig.facebook.com").as_deref(), Some("instagram"));
    assert_eq!(id("platform.twitter.com").as_deref(), Some("x-shared"));
    for hostile in ["", ".", "..", "x..com", &"a.".repeat(200), &"ä".repeat(100), "\0x.com\0"] {
        assert_eq!(id(hostile), None, "{hostile:?}");
    }
}

#[test]
fn addresses_go_to_the_narrowest_range() {
    let catalogue = own();
    let of = |ip: &str| catalogue.range_of(ip.parse().unwrap());
    assert_eq!(of("149.154.167.91"), Some(("telegram", Scope::Service)));
    assert_eq!(of("149.154.176.0"), None);
    assert_eq!(of("31.13.86.52"), Some(("meta-shared", Scope::Owner)));
    assert_eq!(of("17.57.144.1"), Some(("apple-shared", Scope::Owner)));
    assert_eq!(of("2a03:2880::1"), Some(("meta-shared", Scope::Owner)));
    assert_eq!(of("192.0.2.1"), None);

    let nested = Catalogue::read(&[r#"
        schema = 1
        date = "2026-01-01"
        [sources.s]
        title = "t"
        quality = "code"
        checked = "2026-01-01"
        [[platform]]
        id = "wide"
        name = "Wide"
        owner = "W"
        ranges = [{ cidr = "10.0.0.0/8", scope = "owner", source = "s" }, { cidr = "10.1.2.0/24", scope = "service", source = "s" }]
        [[platform]]
        id = "narrow"
        name = "Narrow"
        owner = "N"
        ranges = [{ cidr = "10.1.0.0/16", scope = "hosting", source = "s" }, { cidr = "10.1.2.7/32", scope = "hosting", source = "s" }]
    "#])
    .unwrap();
    let of = |ip: &str| nested.range_of(ip.parse().unwrap());
    assert_eq!(of("10.0.255.255"), Some(("wide", Scope::Owner)));
    assert_eq!(of("10.1.0.0"), Some(("narrow", Scope::Hosting)));
    assert_eq!(of("10.1.2.6"), Some(("wide", Scope::Service)));
    assert_eq!(of("10.1.2.7"), Some(("narrow", Scope::Hosting)));
    assert_eq!(of("10.1.2.255"), Some(("wide", Scope::Service)));
    assert_eq!(of("10.1.3.0"), Some(("narrow", Scope::Hosting)));
    assert_eq!(of("10.2.0.0"), Some(("wide", Scope::Owner)));
    assert_eq!(of("11.0.0.0"), None);
    assert_eq!(of("9.255.255.255"), None);
}

#[test]
fn instagrams_claim_is_the_one_of_the_day() {
    let catalogue = own();
    let instagram = catalogue.platform("instagram").unwrap();
    let before = instagram.claim_at(day("2026-05-07"));
    assert_eq!(before.claim.unwrap().status, Status::Optional);
    assert!(before.has_changed_since());
    assert_eq!(before.now().unwrap().status, Status::None);
    let after = instagram.claim_at(day("2026-05-09"));
    assert_eq!((after.claim.unwrap().status, after.has_changed_since()), (Status::None, false));
    assert_eq!(after.earlier.len(), 1);
    let long_ago = instagram.claim_at(day("2014-03-01"));
    assert_eq!((long_ago.claim, long_ago.later.len()), (None, 2));
}

#[test]
fn xs_claim_goes_from_paid_to_free() {
    let catalogue = own();
    let x = catalogue.platform("x").unwrap();
    let scope = |date: &str| x.claim_at(day(date)).claim.map(|claim| claim.scope.as_str());
    assert_eq!(scope("2022-01-01"), None);
    assert!(scope("2024-06-01").unwrap().contains("who pay"));
    assert!(scope("2025-07-01").unwrap().contains("paused"));
    assert!(scope("2025-10-01").unwrap().contains("for everybody, free"));
    assert!(scope("2026-11-25").unwrap().contains("for everybody, free"));
    assert!(x.claim_at(day("2024-06-01")).has_changed_since());
    assert!(!x.claim_at(day("2026-11-25")).has_changed_since());
    assert_eq!(x.claim_at(day("2026-11-25")).earlier.len(), 3);
}

#[test]
fn a_service_that_ended_is_retired_and_has_no_claim_for_the_time_before() {
    let catalogue = own();
    let skype = catalogue.platform("skype").unwrap();
    assert_eq!(skype.claim_at(day("2026-01-01")).claim.unwrap().status, Status::Retired);
    assert!(skype.claim_at(day("2020-01-01")).claim.is_none());
}

#[test]
fn a_claim_is_stale_when_the_capture_ends_more_than_a_year_after_it_was_checked() {
    let catalogue = own();
    let claim = catalogue.platform("signal").unwrap().claim_now().unwrap();
    assert_eq!(claim.checked.to_string(), "2026-11-25");
    assert!(!claim.is_stale(day("2027-11-25")));
    assert!(claim.is_stale(day("2027-11-26")));
    assert!(!claim.is_stale(day("2020-01-01")));
}

/// A second file, as `--catalogue` takes it.
const MORE: &str = r#"
    schema = 1
    date = "2027-01-01"
    [sources.letter]
    title = "A letter"
    quality = "official"
    checked = "2027-01-01"
    [[platform]]
    id = "example"
    name = "Example"
    owner = "Example Ltd"
    domains = [{ suffix = "chat.example", role = "messaging", source = "letter" }]
    [[platform]]
    id = "viber"
    name = "Viber, as we know it"
    owner = "Rakuten"
    [[platform.claim]]
    status = "none"
    scope = "Nothing."
    source = "letter"
    checked = "2027-01-01"
"#;

#[test]
fn another_file_adds_platforms_and_takes_the_place_of_entries_with_the_same_id() {
    let catalogue = Catalogue::with(MORE).unwrap();
    assert_eq!(catalogue.platforms().len(), own().platforms().len() + 1);
    assert_eq!(catalogue.name("example"), "Example");
    assert_eq!(&*catalogue.index().name(b"a.chat.example").unwrap().who.id, "example");
    assert_eq!(catalogue.platform("viber").unwrap().claim_now().unwrap().status, Status::None);
    assert!(catalogue.index().name(b"www.viber.com").is_none(), "the whole entry is replaced");
    assert_eq!(catalogue.date.to_string(), "2027-01-01");
    assert_ne!(catalogue.hash(), own().hash());
    assert_eq!(catalogue.hash(), Catalogue::with(MORE).unwrap().hash());
}

#[test]
fn what_is_wrong_with_a_file_is_said_in_one_line() {
    let wrong = |from: &str, to: &str| {
        assert!(MORE.contains(from));
        let said = Catalogue::with(&MORE.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(!said.contains('\n'), "{said}");
        said
    };
    assert!(wrong("schema = 1", "schema = 2").contains("schema 1"));
    assert!(wrong("role = \"messaging\"", "role = \"chat\"").contains("unknown variant `chat`"));
    assert!(wrong("owner = \"Example Ltd\"", "owner = \"Example Ltd\"\ncolour = 1").contains("unknown field `colour`"));
    assert!(wrong("source = \"letter\" }", "source = \"book\" }").contains("\"book\", which is not in [sources]"));
    assert!(wrong("id = \"viber\"", "id = \"example\"").contains("example stands there twice"));
    assert!(wrong("id = \"viber\"", "id = \"Viber!\"").contains("is no id"));
    assert!(wrong("chat.example", "Chat.Example").contains("no name of at least two labels"));
    assert!(wrong("chat.example", "com").contains("no name of at least two labels"));
    assert!(wrong("chat.example", "signal.org").contains("\"signal.org\" stands in signal and in example"));
    assert!(wrong("checked = \"2027-01-01\"", "checked = \"soon\"").contains("is not a date"));
    assert!(wrong("[[platform.claim]]", "[[platform.claim]]\nuntil = \"2026\"\nstatus = \"none\"\nscope = \"\"\nsource = \"letter\"\nchecked = \"2027\"\n[[platform.claim]]")
        .contains("not in the order of time"));
}
