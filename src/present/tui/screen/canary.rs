//! The canary test: could a phrase that was sent be read at the server end? The verdict in all and for each connection, with the layers and
//! the frames; what was around the phrase is masked until a key asks for it.
//!
//! ```text
//!  READABLE: the server end of this connection could read the phrase. …
//!  Control 1: found, frame 12
//!
//!  10.0.0.2:51234 > 203.0.113.9:443 (im.example.net): READABLE
//!    sent to the server, frame 19
//! >  TLS 1.3 › HTTP/2 stream 5 › JSON $.text
//!    {"····":"[phrase]"}
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::assess::canary::{Canary, Channel, Verdict};
use crate::assess::{Catalogue, Grade, Ledger};
use crate::base::Evidence;
use crate::dissect::inside::Hit;
use crate::dissect::plain::Identity;
use crate::present::canary::{LIMITS, METHOD, bearing, direction, frames, notices, sealed, summary, title};
use crate::present::tui::draw::{line, put, put_all};
use crate::present::tui::header::safe;
use crate::present::tui::looking::Tested;
use crate::present::tui::model::Model;
use crate::present::tui::text;
use crate::present::tui::theme::Theme;

/// How the test stands.
#[derive(Clone, Debug, Default)]
pub enum State {
    /// Nobody has asked for it.
    #[default]
    Nothing,
    /// The capture is being read for it.
    Looking,
    /// The result.
    Tested(Box<Tested>),
    /// It could not be made: a sentence.
    Failed(String),
}

/// The screen.
#[derive(Debug, Default)]
pub struct Page {
    /// How the test stands.
    pub state: State,
    /// A phrase was asked for here.
    pub asked: bool,
    /// Whether what was around the phrase is shown as it was.
    pub unmasked: bool,
    /// Who is called what; by the program's own catalogue where none is named.
    pub catalogue: Option<&'static Catalogue>,
    lines: Vec<Line>,
}

/// A line, and what it is about.
#[derive(Debug)]
struct Line {
    told: String,
    indent: u16,
    tone: Tone,
    connection: Option<Identity>,
    evidence: Option<Evidence>,
}

#[derive(Clone, Copy, Debug)]
enum Tone {
    Text,
    Heading,
    Quiet,
    Key,
    Warning,
    Verdict(Verdict),
}

impl Tone {
    /// No verdict wears the colour of `protected`: not being seen is no proof.
    fn style(self, theme: &Theme) -> Style {
        match self {
            Tone::Text => theme.text,
            Tone::Heading | Tone::Verdict(Verdict::NotSeen) => theme.heading,
            Tone::Quiet => theme.quiet,
            Tone::Key => theme.key,
            Tone::Warning => theme.warning,
            Tone::Verdict(Verdict::Readable) => theme.grade(Grade::Exposed),
            Tone::Verdict(Verdict::Inconclusive) => theme.grade(Grade::Unknown),
        }
    }
}

impl Page {
    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// The connection that a line is about.
    #[must_use]
    pub fn connection(&self, at: usize) -> Option<Identity> {
        self.lines.get(at)?.connection
    }

    /// The display filter of what a line is about.
    #[must_use]
    pub fn display_filter(&self, at: usize) -> Option<String> {
        Some(self.lines.get(at)?.evidence.as_ref()?.display_filter())
    }

    /// What a line says.
    #[must_use]
    pub fn told(&self, at: usize) -> Option<String> {
        Some(self.lines.get(at)?.told.trim().to_owned())
    }

    /// Puts the lines together anew, for this width.
    pub fn arrange(&mut self, ledger: &Ledger, width: u16) {
        let mut sheet = Sheet { lines: Vec::new(), room: width, connection: None };
        match &self.state {
            State::Nothing => nothing(&mut sheet, ledger),
            State::Looking => sheet.say(0, Tone::Heading, "The capture is being read once more, for the phrase…"),
            State::Failed(why) => {
                sheet.say(0, Tone::Warning, &format!("The test could not be made: {}", safe(why)));
                sheet.say(0, Tone::Text, "c asks for a phrase again.");
            }
            State::Tested(tested) => result(&mut sheet, tested, self.unmasked, self.catalogue.unwrap_or_else(Catalogue::own)),
        }
        self.lines = sheet.lines;
    }
}

/// Where the lines are put together.
struct Sheet {
    lines: Vec<Line>,
    room: u16,
    connection: Option<Identity>,
}

impl Sheet {
    fn blank(&mut self) {
        self.lines.push(Line { told: String::new(), indent: 0, tone: Tone::Text, connection: None, evidence: None });
    }

    fn say(&mut self, indent: u16, tone: Tone, told: &str) {
        self.cite(indent, tone, told, None);
    }

    fn cite(&mut self, indent: u16, tone: Tone, told: &str, evidence: Option<&Evidence>) {
        let room = usize::from(self.room.saturating_sub(indent).saturating_sub(2));
        for told in text::wrap(told, room, 8) {
            self.lines.push(Line { told, indent, tone, connection: self.connection, evidence: evidence.cloned() });
        }
    }
}

/// What to do, where nothing was done yet.
fn nothing(sheet: &mut Sheet, ledger: &Ledger) {
    sheet.say(0, Tone::Heading, "Could a phrase that you sent be read at the server end?");
    sheet.say(0, Tone::Text, "Packets alone cannot show end-to-end encryption. Keys of your own session can refute it.");
    sheet.blank();
    sheet.say(0, Tone::Text, "1. Make a phrase (intransit canary new), and send it in the app while its traffic is recorded.");
    sheet.say(0, Tone::Text, "2. Open the recording with the keys of that session: intransit FILE --keylog KEYS.");
    sheet.say(0, Tone::Key, "3. Type c, then the phrase, then a control: something of yours that must reach the server in the same app.");
    sheet.blank();
    match &ledger.keys {
        Some(keys) => sheet.say(0, Tone::Text, &format!("Keys: {}.", keys.sentence())),
        None => sheet.say(0, Tone::Warning, "No keys were given, and none are in the capture: only what nothing encrypts can be searched."),
    }
    sheet.say(0, Tone::Quiet, "The guide, step by step, for each kind of device: docs/canary.md");
}

fn result(sheet: &mut Sheet, tested: &Tested, unmasked: bool, catalogue: &Catalogue) {
    let canary = &tested.canary;
    for notice in notices(canary, tested.keys.as_ref(), tested.keys_in_capture) {
        sheet.say(0, Tone::Warning, &safe(&notice));
    }
    let verdict = canary.verdict;
    sheet.say(0, Tone::Verdict(verdict), &summary(canary));
    sheet.say(0, Tone::Text, verdict.meaning());
    if !canary.reasons.is_empty() {
        sheet.say(0, Tone::Heading, "Why the test does not tell:");
        canary.reasons.iter().for_each(|reason| sheet.say(1, Tone::Text, &format!("- {}", safe(reason))));
    }
    for (n, control) in (1..).zip(&canary.controls) {
        let told = match &control.evidence {
            Some(evidence) => format!("Control {n}: found, {}", frames(evidence)),
            None => format!("Control {n}: not found in what went to the server"),
        };
        sheet.cite(0, Tone::Text, &told, control.evidence.as_ref());
    }
    for channel in in_order(canary) {
        of_channel(sheet, channel, unmasked, catalogue);
    }
    sheet.connection = None;
    sheet.blank();
    sheet.say(0, Tone::Heading, "What was done");
    sheet.say(1, Tone::Quiet, METHOD);
    sheet.say(0, Tone::Heading, "What this does not say");
    LIMITS.iter().for_each(|limit| sheet.say(1, Tone::Quiet, &format!("- {limit}")));
}

/// What was readable first, then what leaves the result open, then the rest; each by first frame.
fn in_order(canary: &Canary) -> Vec<&Channel> {
    let mut channels: Vec<&Channel> = canary.channels.iter().collect();
    channels.sort_by_key(|channel| match channel.verdict {
        Verdict::Readable => 0,
        Verdict::Inconclusive if channel.is_blocking() || !channel.hits.is_empty() => 1,
        Verdict::NotSeen => 2,
        Verdict::Inconclusive => 3,
    });
    channels
}

fn of_channel(sheet: &mut Sheet, channel: &Channel, unmasked: bool, catalogue: &Catalogue) {
    sheet.connection = None;
    sheet.blank();
    sheet.connection = Some(Identity::of(&channel.connection));
    let heading = format!("{}: {}", safe(&channel.name()), title(channel.verdict));
    sheet.say(0, Tone::Verdict(channel.verdict), &heading);
    let (opened, of) = channel.records();
    if of > 0 {
        sheet.say(2, Tone::Text, &format!("decrypted: {opened} of {of} records"));
    }
    if let Some(of) = &channel.connection.attribution {
        sheet.say(
            2,
            Tone::Text,
            &format!("platform: {} ({}, {})", safe(catalogue.name(&of.platform)), of.confidence.word(), of.role.word()),
        );
    }
    if let Some(bearing) = bearing(channel, catalogue) {
        sheet.say(2, Tone::Text, &safe(&bearing));
    }
    for hit in &channel.hits {
        let told = format!("{}, {}", direction(channel, hit), frames(&hit.evidence));
        sheet.cite(2, Tone::Text, &told, Some(&hit.evidence));
        sheet.cite(4, Tone::Key, &safe(&hit.chain), Some(&hit.evidence));
        sheet.cite(4, Tone::Text, &excerpt(hit, unmasked), Some(&hit.evidence));
    }
    for one in &channel.sealed {
        sheet.cite(2, Tone::Text, &sealed(channel.verdict, one), Some(&one.evidence));
    }
    if channel.media > 0 {
        sheet.say(2, Tone::Text, &format!("{} of pictures, sound or film were not read", text::counted(channel.media, "octet")));
    }
    channel.own_reasons.iter().for_each(|reason| sheet.say(2, Tone::Text, &format!("- {}", safe(&reason.to_string()))));
}

fn excerpt(hit: &Hit, unmasked: bool) -> String {
    match hit.clear.as_ref().filter(|_| unmasked) {
        Some(clear) => safe(clear.text()),
        None => safe(hit.excerpt.trim()),
    }
}

/// Draws the screen.
pub fn draw(buf: &mut Buffer, area: Rect, model: &Model) {
    let (theme, list) = (&model.theme, model.list());
    for (n, one) in (0..area.height).zip(model.canary.lines.iter().skip(list.top)) {
        let at = line(area, n);
        let inner = Rect { x: at.x.saturating_add(1).saturating_add(one.indent), ..at }.intersection(at);
        put_all(buf, inner, &[(&one.told, one.tone.style(theme))]);
        if list.top.saturating_add(usize::from(n)) == list.cursor && !at.is_empty() {
            put(buf, at.x, at.y, 1, ">", theme.text);
            buf.set_style(at, theme.selected);
        }
    }
}
