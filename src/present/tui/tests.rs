//! Screens as text, and every key.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use ratatui::style::Color;

use super::fixture;
use super::keys::{self, Action, BINDINGS};
use super::model::{Effect, Message, Model, Place};
use super::theme::{ColorChoice, Theme};
use crate::assess::{Ledger, State};
use crate::base::WireStr;

struct Screen {
    model: Model,
    ledger: Ledger,
}

impl Screen {
    fn new(ledger: Ledger, width: u16, height: u16) -> Screen {
        Screen::with_theme(ledger, width, height, Theme::new(true))
    }

    fn with_theme(ledger: Ledger, width: u16, height: u16, theme: Theme) -> Screen {
        let mut model = Model::new(WireStr::from("demo.pcapng"), theme, Size { width, height });
        model.update(Message::Ledger, &ledger);
        Screen { model, ledger }
    }

    fn send(&mut self, message: Message) -> Option<Effect> {
        self.model.update(message, &self.ledger)
    }

    fn press(&mut self, code: KeyCode) -> Option<Effect> {
        self.send(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    fn write(&mut self, text: &str) -> Option<Effect> {
        text.chars().fold(None, |_, c| self.press(KeyCode::Char(c)))
    }

    fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) {
        self.send(Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
    }

    fn buffer(&self) -> Buffer {
        let size = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(size.width, size.height)).unwrap();
        terminal.draw(|frame| super::draw(frame, &self.model, &self.ledger)).unwrap();
        terminal.backend().buffer().clone()
    }

    fn text(&self) -> String {
        let buffer = self.buffer();
        let mut out = String::new();
        for y in 0..buffer.area.height {
            let mut line = String::new();
            let mut skip = 0;
            for x in 0..buffer.area.width {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                let symbol = buffer[(x, y)].symbol();
                line.push_str(symbol);
                skip = super::text::width(symbol).saturating_sub(1);
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

const SIZES: [(u16, u16); 3] = [(60, 16), (80, 24), (160, 48)];

macro_rules! snapshot_at_each_size {
    ($name:literal, $ledger:expr, $steps:expr) => {
        for (width, height) in SIZES {
            let mut screen = Screen::new($ledger, width, height);
            let steps: fn(&mut Screen) = $steps;
            steps(&mut screen);
            insta::assert_snapshot!(format!("{}_{width}x{height}", $name), screen.text());
        }
    };
}

#[test]
fn the_table_shows_a_connection_of_each_kind() {
    snapshot_at_each_size!("table", fixture::session(), |_| {});
}

#[test]
fn one_connection_shows_its_ladder_and_its_facts() {
    snapshot_at_each_size!("detail_tls13", fixture::session(), |s| {
        s.press(KeyCode::Enter);
    });
    snapshot_at_each_size!("detail_tls12", fixture::session(), |s| {
        s.press(KeyCode::Down);
        s.press(KeyCode::Down);
        s.press(KeyCode::Enter);
        s.press(KeyCode::Tab);
        s.press(KeyCode::Tab);
        s.press(KeyCode::Down);
    });
}

#[test]
fn a_connection_without_a_version_says_why() {
    snapshot_at_each_size!("detail_missing", fixture::session(), |s| {
        s.write("/993");
        s.press(KeyCode::Enter);
        s.press(KeyCode::Enter);
    });
    snapshot_at_each_size!("detail_failed", fixture::session(), |s| {
        s.write("/failed");
        s.press(KeyCode::Enter);
        s.press(KeyCode::Enter);
    });
    snapshot_at_each_size!("detail_plain", fixture::session(), |s| {
        s.write("/plain");
        s.press(KeyCode::Enter);
        s.press(KeyCode::Enter);
    });
}

#[test]
fn the_help_page_shows_every_key() {
    snapshot_at_each_size!("help", fixture::session(), |s| {
        s.write("?");
    });
}

#[test]
fn filtering_shows_only_rows_with_all_the_words() {
    snapshot_at_each_size!("filtering", fixture::session(), |s| {
        s.write("/EXAMPLE tls 1.2");
    });
    snapshot_at_each_size!("filtered_to_nothing", fixture::session(), |s| {
        s.write("/no such thing");
        s.press(KeyCode::Enter);
    });
}

#[test]
fn hostile_names_neither_steer_nor_shift_the_screen() {
    snapshot_at_each_size!("hostile", fixture::hostile(), |_| {});
    snapshot_at_each_size!("hostile_detail", fixture::hostile(), |s| {
        s.press(KeyCode::End);
        s.press(KeyCode::Enter);
    });
    for (width, height) in SIZES {
        let text = Screen::new(fixture::hostile(), width, height).text();
        assert!(!text.contains('\x1b') && !text.contains('\u{202e}'), "{text}");
    }
}

#[test]
fn an_empty_capture_says_so() {
    let done = |frames, state| {
        let mut ledger = Ledger::default();
        (ledger.frames, ledger.state) = (frames, state);
        ledger
    };
    insta::assert_snapshot!("empty", Screen::new(done(0, State::Done), 80, 24).text());
    insta::assert_snapshot!("no_connections", Screen::new(done(12, State::Done), 80, 24).text());
    let failed = State::Failed("x.txt: not a capture file: expected pcap or pcapng, found text".to_owned());
    insta::assert_snapshot!("not_a_capture", Screen::new(done(0, failed), 80, 24).text());
}

#[test]
fn progress_is_shown_while_reading() {
    let mut ledger = fixture::session();
    (ledger.state, ledger.read, ledger.total) = (State::Reading, 123_000_000, Some(270_000_000));
    insta::assert_snapshot!("reading", Screen::new(ledger, 80, 24).text());
}
