//! The board: for each app what was seen in transit and, beside it, what is claimed about end-to-end encryption.

use crate::assess::report::{Board, Citations, Headline, Report, Sentence, Summary, status_words, words};
use crate::assess::{Catalogue, Grade, Judged};
use crate::present::tui::table::{Cell, Column, Key, STRETCH};
use crate::present::tui::text;

/// An app.
#[derive(Clone, Debug)]
pub struct App {
    /// Its place on the board, from 1.
    pub place: u64,
    /// Its id in the catalogue, or `other`.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its grade with the denominator.
    pub headline: Headline,
    /// What is claimed of its end-to-end encryption, in a few words.
    pub claim: String,
    /// What was seen, what follows, what does not; then the claim. Sentences in plain words.
    pub told: Vec<String>,
    /// All its connections.
    pub connections: u64,
    /// Octets of their packets.
    pub bytes: u64,
    /// The first frames.
    pub cited: Citations,
}

/// The apps of connections: apps, names that several apps share, the rest; the busiest first.
#[must_use]
pub fn gather<'a>(connections: impl Iterator<Item = &'a Judged>, catalogue: &'static Catalogue) -> Vec<App> {
    let mut board = Board::default();
    connections.for_each(|judged| board.push(0, judged));
    let report =
        Report { summary: Summary { board, ..Summary::default() }, about: Default::default(), case: None, canary: None, catalogue };
    (1..).zip(report.summary.board.rows()).map(|(place, app)| of(&report, place, app)).collect()
}

fn of(report: &Report, place: u64, app: &crate::assess::report::App) -> App {
    let voice = report.voice();
    let say = |sentence: &Sentence| voice.say(sentence);
    let claims = report.claims_of(app);
    let claim = match claims.as_slice() {
        [] => String::new(),
        [one] => status_words(one.status()).to_owned(),
        several => format!("one of {} apps", several.len()),
    };
    let paragraph = words::paragraph(report, app);
    let mut told: Vec<String> = paragraph.seen.iter().chain(&paragraph.follows).chain(&paragraph.not).map(say).collect();
    if let [one] = claims.as_slice() {
        told.extend(one.sentences().iter().map(say));
    }
    App {
        place,
        id: app.id.clone(),
        name: report.name_of(app),
        headline: app.headline(),
        claim,
        told,
        connections: app.connections.total(),
        bytes: app.bytes,
        cited: app.cited.clone(),
    }
}

/// Every column, from left to right.
pub const COLUMNS: &[Column<App>] = &[
    Column {
        title: "#",
        says: "apps first, then names that several apps share, then the rest; the busiest first",
        width: |_| 3,
        from: 0,
        right: true,
        cell: |a, _| Cell::text(a.place.to_string()),
        key: |a| Key::count(a.place),
    },
    Column {
        title: "app",
        says: "whose connections these are, where that can be said; the rest are other servers",
        width: |_| STRETCH,
        from: 0,
        right: false,
        cell: |a, _| Cell::text(a.name.as_str()),
        key: |a| Key::bytes(a.name.as_bytes()),
    },
    Column {
        title: "in transit",
        says: "the grade of its connections for messages and calls: the worst one that was judged",
        width: |_| 11,
        from: 0,
        right: false,
        cell: |a, _| if a.headline.of() == 0 && a.headline.empty == 0 { Cell::text("") } else { Cell::grade(a.headline.grade) },
        key: |a| Key::grade(a.headline.grade),
    },
    Column {
        title: "in",
        says: "how many of them have that grade; what was not judged counts in",
        width: |_| 10,
        from: 50,
        right: false,
        cell: |a, _| Cell::text(share(&a.headline)),
        key: |a| Key::count(a.headline.with),
    },
    Column {
        title: "end-to-end (claimed)",
        says: "what is claimed of end-to-end encryption when this was captured; packets cannot show it",
        width: |table| if table >= 110 { 50 } else { 26 },
        from: 76,
        right: false,
        cell: |a, _| Cell::text(a.claim.as_str()),
        key: |a| if a.claim.is_empty() { Key::Unknown } else { Key::bytes(a.claim.as_bytes()) },
    },
    Column {
        title: "conn.",
        says: "all its connections",
        width: |_| 6,
        from: 58,
        right: true,
        cell: |a, _| Cell::text(text::grouped(a.connections)),
        key: |a| Key::count(a.connections),
    },
    Column {
        title: "bytes",
        says: "octets of their packets, both ways",
        width: |_| 7,
        from: 66,
        right: true,
        cell: |a, _| Cell::text(text::octets(a.bytes)),
        key: |a| Key::count(a.bytes),
    },
];

/// `32 of 34`; nothing where there was nothing.
fn share(headline: &Headline) -> String {
    match headline.grade {
        Grade::None => String::new(),
        Grade::Unknown => format!("all {}", text::grouped(headline.unjudged)),
        _ => format!("{} of {}", text::grouped(headline.with), text::grouped(headline.of())),
    }
}
