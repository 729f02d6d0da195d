//! What one connection carries: a tree of its layers, each with how it begins, masked until a key asks for it.
//!
//! ```text
//!  inside 10.0.0.2:51234 > 203.0.113.9:443
//!  TLS 1.3
//!    HTTP/1 request 1          > 321 octets  12  {"····":"·····"}
//!      header host             > 11 octets   12  ··.·······.···
//!      JSON $.text             > 9 octets    12  ·········
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::facts;
use crate::assess::canary::not_opened;
use crate::base::{Dir, Evidence};
use crate::dissect::inside::{Clear, Found};
use crate::dissect::plain::{Books, Identity};
use crate::present::tui::draw::{line, put, put_all};
use crate::present::tui::header::{PROGRAM, safe};
use crate::present::tui::looking::Seen;
use crate::present::tui::model::Model;
use crate::present::tui::table::List;
use crate::present::tui::text;

/// The page.
#[derive(Debug)]
pub struct Page {
    /// Whose inside it is.
    pub identity: Identity,
    /// What is selected.
    pub list: List,
    /// Whether content is shown as it was.
    pub unmasked: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Looking,
    Failed(String),
    Seen(Vec<Node>),
}

/// A line of the tree.
#[derive(Debug)]
struct Node {
    depth: u16,
    name: String,
    content: Option<Content>,
}

#[derive(Debug)]
struct Content {
    dir: Dir,
    octets: u64,
    evidence: Evidence,
    begins: Clear,
}

impl Page {
    /// A page that waits for its answer.
    #[must_use]
    pub fn of(identity: Identity) -> Page {
        Page { identity, list: List::default(), unmasked: false, state: State::Looking }
    }

    /// Takes in what was found.
    pub fn take(&mut self, seen: Seen) {
        if seen.identity == self.identity {
            let watched = seen.watched.map(|watched| (watched.found, watched.books));
            let (found, books) = watched.unwrap_or_default();
            self.state = State::Seen(nodes(&found, &books));
        }
    }

    /// It could not be read.
    pub fn fail(&mut self, why: String) {
        if matches!(self.state, State::Looking) {
            self.state = State::Failed(why);
        }
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.state {
            State::Seen(nodes) => nodes.len(),
            State::Looking | State::Failed(_) => 0,
        }
    }

    fn selected(&self) -> Option<&Node> {
        match &self.state {
            State::Seen(nodes) => nodes.get(self.list.cursor),
            State::Looking | State::Failed(_) => None,
        }
    }

    /// The display filter of what is selected.
    #[must_use]
    pub fn display_filter(&self) -> Option<String> {
        Some(self.selected()?.content.as_ref()?.evidence.display_filter())
    }

    /// What is selected, as it is shown.
    #[must_use]
    pub fn value(&self) -> Option<String> {
        let node = self.selected()?;
        Some(node.content.as_ref().map_or_else(|| node.name.clone(), |content| shown(&content.begins, self.unmasked)))
    }
}

fn shown(begins: &Clear, unmasked: bool) -> String {
    if unmasked { safe(begins.text()) } else { safe(&begins.masked()) }
}

/// The layers as a tree, what was not looked at after them.
fn nodes(found: &Found, books: &Books) -> Vec<Node> {
    let mut nodes = Vec::new();
    let bare = |depth: usize, name: String| Node { depth: u16::try_from(depth).unwrap_or(u16::MAX), name, content: None };
    let mut path: Vec<String> = Vec::new();
    for seen in found.outline.list() {
        let common = path.iter().zip(&seen.layers).take_while(|(one, other)| one == other).count();
        let Some((last, above)) = seen.layers.split_last() else { continue };
        for (depth, name) in above.iter().enumerate().skip(common) {
            nodes.push(bare(depth, name.clone()));
        }
        let content = Content { dir: seen.dir, octets: seen.octets, evidence: seen.evidence.clone(), begins: seen.begins.clone() };
        nodes.push(Node { content: Some(content), ..bare(above.len(), last.clone()) });
        path.clone_from(&seen.layers);
    }
    if nodes.is_empty() {
        nodes.push(bare(0, "Nothing in this connection is readable, with or without the keys at hand.".to_owned()));
    }
    if found.outline.dropped() > 0 {
        nodes.push(bare(0, format!("{} more layers are not listed", text::grouped(found.outline.dropped()))));
    }
    let mut lacks: Vec<String> = not_opened(books).iter().map(ToString::to_string).collect();
    lacks.extend(found.cuts.iter().map(|cut| format!("{} ({} times)", cut.cut.reason(), text::grouped(cut.times))));
    lacks.extend(found.sealed.iter().map(|sealed| {
        format!(
            "{} octets sit in what is labelled {} and were not opened ({})",
            sealed.octets,
            sealed.container.name(),
            facts::frames(&sealed.evidence)
        )
    }));
    lacks.extend(found.opaque.iter().map(|opaque| format!("{} octets could not be read: {}", opaque.octets, opaque.chain)));
    if !lacks.is_empty() {
        nodes.push(bare(0, "What is not shown".to_owned()));
        nodes.extend(lacks.into_iter().map(|told| bare(1, told)));
    }
    nodes
}

/// Lines of the pane below the tree.
fn pane_height(area: Rect) -> u16 {
    match area.height {
        0..14 => 0,
        14..30 => 4,
        _ => 7,
    }
}

/// Where the tree is.
#[must_use]
pub fn body(area: Rect) -> Rect {
    let top = 2_u16.min(area.height);
    let below = pane_height(area).saturating_add(2);
    Rect { y: area.y.saturating_add(top), height: area.height.saturating_sub(top).saturating_sub(below), ..area }
}

/// Draws the page.
pub fn draw(buf: &mut Buffer, area: Rect, model: &Model, page: &Page) {
    let theme = &model.theme;
    let ends = format!("inside {} and {}", page.identity.key.low(), page.identity.key.high());
    put_all(buf, line(area, 0), &[(PROGRAM, theme.heading), (&ends, theme.heading)]);
    let told = match page.unmasked {
        true => "Content is shown as it was read; u masks it again.",
        false => "Letters and digits are masked; u shows them.",
    };
    put_all(buf, line(area, 1), &[(" ", theme.text), (told, if page.unmasked { theme.warning } else { theme.quiet })]);
    let body = body(area);
    let nodes = match &page.state {
        State::Looking => {
            put_all(buf, line(body, 0), &[("  ", theme.text), ("The capture is being read once more, for this connection…", theme.text)]);
            return;
        }
        State::Failed(why) => {
            for (n, told) in (0_u16..).zip(text::wrap(&safe(why), usize::from(body.width.saturating_sub(4)), 4)) {
                put_all(buf, line(body, n), &[("  ", theme.text), (&told, theme.warning)]);
            }
            return;
        }
        State::Seen(nodes) => nodes,
    };
    for (n, node) in (0..body.height).zip(nodes.iter().skip(page.list.top)) {
        let at = line(body, n);
        let indent = " ".repeat(usize::from(node.depth.min(20)).saturating_mul(2).saturating_add(1));
        match &node.content {
            None => drop(put_all(buf, at, &[(&indent, theme.text), (&node.name, theme.heading)])),
            Some(content) => {
                let (mark, style) = if content.dir == Dir::Client { (" → ", theme.client) } else { (" ← ", theme.server) };
                let frames = facts::frame_list(&content.evidence);
                let told = format!("{}, {} ", text::octets(content.octets), text::fit(&frames, 12));
                let text = shown(&content.begins, page.unmasked);
                let pieces = [
                    (indent.as_str(), theme.text),
                    (node.name.as_str(), theme.heading),
                    (mark, style),
                    (&told, theme.quiet),
                    (&text, theme.text),
                ];
                put_all(buf, at, &pieces);
            }
        }
        if page.list.top.saturating_add(usize::from(n)) == page.list.cursor && !at.is_empty() {
            put(buf, at.x, at.y, 1, ">", theme.text);
            buf.set_style(at, theme.selected);
        }
    }
    pane(buf, area, model, page);
}

/// What is selected, in full.
fn pane(buf: &mut Buffer, area: Rect, model: &Model, page: &Page) {
    let (theme, height) = (&model.theme, pane_height(area));
    let Some(node) = page.selected().filter(|_| height > 0) else { return };
    let pane = Rect { y: area.bottom().saturating_sub(2).saturating_sub(height), height, ..area };
    put(buf, pane.x, pane.y, pane.width, &"─".repeat(usize::from(pane.width)), theme.quiet);
    let room = usize::from(pane.width.saturating_sub(2));
    let (told, filter) = match &node.content {
        None => (node.name.clone(), String::new()),
        Some(content) => {
            let from = if content.dir == Dir::Client { "to the server" } else { "from the server" };
            let text = shown(&content.begins, page.unmasked);
            (format!("{}, {from}, {}: {text}", node.name, text::octets(content.octets)), content.evidence.display_filter())
        }
    };
    let most = usize::from(height).saturating_sub(if filter.is_empty() { 1 } else { 2 });
    let mut n = 1_u16;
    for told in text::wrap(&told, room, most) {
        put_all(buf, line(pane, n), &[(" ", theme.text), (&told, theme.text)]);
        n = n.saturating_add(1);
    }
    put_all(buf, line(pane, n), &[(" ", theme.text), (&filter, theme.key)]);
}
