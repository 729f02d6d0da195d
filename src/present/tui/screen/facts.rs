//! Facts as lines: name, value, how it is known, frames.
//!
//! ```text
//!  tls.version                1.3                           observed 16
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::base::{Basis, Evidence, Fact, Kind};
use crate::present::tui::draw::put_all;
use crate::present::tui::theme::Theme;
use crate::present::tui::{row as cells, text};

/// How wide the parts of the lines of one connection are.
#[derive(Clone, Copy, Debug)]
pub struct Widths {
    name: usize,
    value: usize,
    basis: usize,
    frames: usize,
}

impl Widths {
    /// What names, words and frames need, within bounds; the values take what is left.
    #[must_use]
    pub fn of(facts: &[Fact], width: u16) -> Widths {
        let width = usize::from(width);
        let longest = |of: fn(&Fact) -> usize| facts.iter().map(of).max().unwrap_or(0);
        let name = longest(|f| f.what.kind().name().len()).min(width * 2 / 5);
        let basis = longest(|f| f.basis.word().len()).min(if width < 90 { 9 } else { 18 });
        let frames = longest(|f| frame_list(&f.evidence).len()).min(if width < 90 { 10 } else { 16 });
        let value = width.saturating_sub(name.saturating_add(basis).saturating_add(frames).saturating_add(4));
        Widths { name, value, basis, frames }
    }
}

/// Draws the line of a fact.
pub fn row(buf: &mut Buffer, at: Rect, fact: &Fact, widths: Widths, theme: &Theme) {
    let name = text::left(fact.what.kind().name(), widths.name);
    let value = text::left(&cells::shown(fact), widths.value);
    let basis = text::left(fact.basis.word(), widths.basis);
    let frames = text::fit(&frame_list(&fact.evidence), widths.frames);
    put_all(buf, at, &[(" ", theme.text), (&format!("{name} {value} {basis} {frames}"), theme.text)]);
}

/// `12,14`, with `…` where there are more than are listed.
#[must_use]
pub fn frame_list(evidence: &Evidence) -> String {
    let mut told = evidence.frames().iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    if evidence.truncated() {
        told.push('…');
    }
    told
}

/// `frame 12`, `frames 12,14`.
#[must_use]
pub fn frames(evidence: &Evidence) -> String {
    let noun = if evidence.frames().len() == 1 && !evidence.truncated() { "frame" } else { "frames" };
    format!("{noun} {}", frame_list(evidence))
}

/// How a fact is known, in words.
#[must_use]
pub fn how_known(fact: &Fact) -> &'static str {
    match (fact.basis, fact.what.kind()) {
        (Basis::Observed, Kind::ProcessName) => "observed: the capture file says it",
        (Basis::Observed, _) => "observed: bytes in the frames below say it",
        (Basis::ObservedWithKeys, _) => "observed with keys: decrypted bytes of the frames below say it",
        (Basis::Inferred, _) => "inferred: it follows from what the frames below hold",
        (
            Basis::Claimed,
            Kind::ProcessName
            | Kind::ProcessPid
            | Kind::ProcessExecutable
            | Kind::ProcessSeen
            | Kind::ProcessHolders
            | Kind::ProcessHolderCount,
        ) => "claimed: the capture says it, as it was told by the system",
        (Basis::Claimed, _) => "claimed: somebody says so",
    }
}
