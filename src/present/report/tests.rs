//! A small report in every format, as people see it.

use super::FORMATS;
use crate::assess::attribution::{Confidence, Role};
use crate::assess::report::testing::{connection, frame, graded, of};
use crate::assess::report::{About, Case, Input, Report, ReportBuilder, rules_hash};
use crate::assess::{Catalogue, Grade};
use crate::base::{Exposed, What};

/// A catalogue of one app, whose claim changed, and of a name it shares.
const CATALOGUE: &str = r#"
schema = 1
date = "2026-11-25"
[sources]
help = { title = "About messages (Chirp Help Center)", url = "https://help.chirp.example/messages", date = "2024-01-10", quality = "official", checked = "2024-02-01" }
news = { title = "Chirp ends encryption (The Paper)", url = "https://paper.example/chirp", date = "2024-09", quality = "secondary", quoting = "Chirp's notice; original not read", checked = "2024-10-01" }
[[platform]]
id = "chirp"
name = "Chirp"
owner = "Chirp Ltd"
article = { said = "Optional", found = "None since September 2024" }
[platform.beside]
keys = { text = "The company.", source = "news" }
[[platform.claim]]
status = "optional"
messages = "optional"
scope = "secret chats between two people"
protocol = "its own"
since = "2020"
until = "2024-09"
source = "help"
checked = "2024-02-01"
[[platform.claim]]
status = "none"
scope = "nothing"
since = "2024-09"
source = "news"
checked = "2024-10-01"
[[group]]
id = "chirp-push"
name = "Chirp's push channel"
owner = "Chirp Ltd"
candidates = ["chirp"]
others = ["every app of theirs"]
"#;

fn report(about: About) -> Report {
    let catalogue = Box::leak(Box::new(Catalogue::read(&[CATALOGUE]).unwrap()));
    let mut builder = ReportBuilder::new();
    builder.begin(Input {
        name: "phone.pcap".into(),
        sha256: [0xab; 32],
        bytes: 123_456,
        packets: 400,
        format: "pcap",
        said: vec!["comment: kitchen table".into()],
        ..Input::default()
    });
    let chirp = |first, grade, role| of(graded(first, grade, "chat.chirp.example"), "chirp", role, Confidence::Likely);
    builder.push(&chirp(1, Grade::Protected, Role::Messaging));
    builder.push(&chirp(21, Grade::Protected, Role::Messaging));
    builder.push(&chirp(41, Grade::Unknown, Role::Messaging));
    builder.push(&chirp(61, Grade::Weak, Role::Media));
    builder.push(&of(graded(81, Grade::Protected, "push.chirp.example"), "chirp-push", Role::Push, Confidence::Shared));
    let mut lookup = connection(101);
    lookup.facts.observe(What::Protocol("dns"), frame(101));
    lookup.facts.observe(What::DnsQuery("chat.chirp.example".into()), frame(101));
    builder.push(&lookup.into());
    let mut irc = connection(121);
    irc.facts.observe(What::Protocol("irc"), frame(122));
    irc.facts.readable(Exposed::Content, "IRC message", b"meet me at seven", frame(124));
    irc.facts.sort();
    builder.push(&irc.into());
    let case = Case::parse("app = \"Chirp\"\nplace = \"at home\"\n[[action]]\ntime = 09:00:05\nwhat = \"sent message\"\n").unwrap();
    Report { summary: builder.finish(), about, case: Some(case), canary: None, catalogue }
}

fn rendered(format: &str, about: About) -> String {
    let report = report(about);
    let text = FORMATS.iter().find(|f| f.name == format).unwrap().render(&report);
    let text = text.replace(&rules_hash(), "RULES").replace(&report.catalogue.hash(), "CATALOGUE");
    match (text.find("<style>"), text.find("</style>")) {
        (Some(from), Some(to)) => format!("{}{}", text.get(..from).unwrap(), text.get(to..).unwrap()),
        _ => text,
    }
}

#[test]
fn a_small_report_as_markdown() {
    insta::assert_snapshot!(rendered("md", About { command: vec!["intransit".into(), "report".into()], ..About::default() }));
}

#[test]
fn a_small_report_as_html() {
    let html = rendered("html", About::default());
    let hash = html.find("'sha256-").unwrap();
    let end = html.get(hash + 8..).unwrap().find('\'').unwrap() + hash + 8;
    insta::assert_snapshot!(format!("{}'sha256-STYLE{}", html.get(..hash).unwrap(), html.get(end..).unwrap()));
}

#[test]
fn a_small_redacted_report_as_json() {
    insta::assert_snapshot!(rendered("json", About { redacted: true, ..About::default() }));
}
