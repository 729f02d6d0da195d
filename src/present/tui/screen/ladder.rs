//! The handshake as a ladder: a rung for each message, from the side that sent it.
//!
//! ```text
//!       after  client                                       server  frames
//!     0.021 s  ├── ClientHello ─────────────────────────────────►│  4,5
//!     0.043 s  │◄───────────────────────────────── ServerHello ──┤  6
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::facts;
use crate::base::{Dir, Step, Timestamp};
use crate::present::tui::draw::{put, put_all};
use crate::present::tui::text;
use crate::present::tui::theme::Theme;

/// Columns of the ladder: time, then the rungs, then the frames.
fn columns(at: Rect) -> (u16, u16, u16) {
    let frames = if at.width >= 64 { 14 } else { 10 };
    let time = 13;
    (time, at.width.saturating_sub(time).saturating_sub(frames).saturating_sub(2), frames)
}

/// Who stands where.
pub fn head(buf: &mut Buffer, at: Rect, theme: &Theme) {
    let (time, rungs, frames) = columns(at);
    let x = at.x.saturating_add(time);
    put(buf, at.x, at.y, time.saturating_sub(2), &text::right("after", usize::from(time.saturating_sub(2))), theme.quiet);
    put(buf, x, at.y, 6, "client", theme.client);
    put(buf, x.saturating_add(rungs).saturating_sub(6), at.y, 6, "server", theme.server);
    put(buf, x.saturating_add(rungs).saturating_add(2), at.y, frames, "frames", theme.quiet);
}

/// One message; times count from the start of the connection.
pub fn rung(buf: &mut Buffer, at: Rect, step: &Step, start: Timestamp, theme: &Theme) {
    let (time, rungs, frames) = columns(at);
    let after = format!("{} s", text::seconds(step.at.since(start)));
    put(buf, at.x.saturating_add(1), at.y, time.saturating_sub(3), &text::right(&after, usize::from(time.saturating_sub(3))), theme.quiet);
    let x = at.x.saturating_add(time);
    let room = usize::from(rungs).saturating_sub(8);
    let name = text::fit(step.message.name(), room);
    let rest = "─".repeat(room.saturating_sub(text::width(&name)));
    let pieces = match step.dir {
        Dir::Client => {
            [("├── ", theme.quiet), (name.as_str(), theme.client), (" ", theme.quiet), (&rest, theme.quiet), ("─►│", theme.quiet)]
        }
        Dir::Server => {
            [("│◄─", theme.quiet), (rest.as_str(), theme.quiet), (" ", theme.quiet), (&name, theme.server), (" ──┤", theme.quiet)]
        }
    };
    put_all(buf, Rect { x, width: rungs, ..at }, &pieces);
    put(buf, x.saturating_add(rungs).saturating_add(2), at.y, frames, &facts::frame_list(&step.evidence), theme.text);
}
